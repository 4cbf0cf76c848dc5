"""The context C of the validation rules, with types as codes.

What belongs here: what a rule can look up.  What does not: which code a type
has (``codes``), the state of one body (``stack``).

Spec: ``valid/conventions.html#contexts``.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, List, NamedTuple, Optional, Set

from wasmpy.config import Features, Limits
from wasmpy.errors import InvalidError
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Active, Expr, Module
from wasmpy.syntax.types import (
    CompType,
    DefType,
    FuncType,
    GlobalType,
    MemType,
    RefType,
    TableType,
)
from wasmpy.valid.canonical import TypeSpace
from wasmpy.valid.codes import (
    BOTTOM,
    REF_CODES,
    SENTINEL,
    TYPE_OF,
    TooManyTypes,
    TypeCodes,
    code_of,
    codes_of,
    type_text,
)

_REF_FUNC = op_of("ref.func")


class Signature(NamedTuple):
    """A function type in codes."""

    params: bytes
    results: bytes


EMPTY = Signature(b"", b"")
VALUE_SIGNATURE: Dict[int, Signature] = {c: Signature(b"", bytes([c])) for c in TYPE_OF}
"""The block type that is one value type, by its code."""


@dataclasses.dataclass
class Context:
    """What the rules look up; the index spaces have the imports first.

    ``types`` has the signature of each function type, and None for other
    types, of which ``deftypes`` tells; ``funcidxs`` is the type index of each
    function.  ``refs`` are the functions that occur outside of bodies, which
    ``ref.func`` in a body may name.
    """

    features: Features
    limits: Limits
    types: List[Optional[Signature]]
    funcs: List[Signature]
    tables: List[TableType]
    mems: List[MemType]
    globals: List[GlobalType]
    elems: List[RefType]
    datas: int
    refs: Set[int]
    imported_globals: int
    deftypes: List[DefType]
    funcidxs: List[int]
    codes: TypeCodes
    table_codes: List[int]
    global_codes: List[int]
    elem_codes: List[int]
    tags: List[Signature]

    field_codes: Dict[int, bytes] = dataclasses.field(default_factory=dict)
    """The codes of the values of a structure's fields, once they were asked for."""

    def comp(self, typeidx: int) -> Optional[CompType]:
        """The composite type at a type index, closed, or None if there is no such index."""
        return self.deftypes[typeidx].comp if typeidx < len(self.deftypes) else None


def module_context(
    module: Module, features: Features, limits: Limits, *, wide: bool = False
) -> Context:
    """The context of ``module``, with ``wide`` codes if a byte is not enough for its types.

    Spec: ``valid/modules.html#valid-module``.
    Raises: InvalidError for a type index that is none.
    """
    deftypes = TypeSpace().close(module)
    try:
        return _context(module, features, limits, TypeCodes(deftypes, wide=wide), deftypes)
    except TooManyTypes:
        return _context(module, features, limits, TypeCodes(deftypes, wide=True), deftypes)


def _context(
    module: Module, features: Features, limits: Limits, codes: TypeCodes, deftypes: List[DefType]
) -> Context:
    """The context of ``module``, whose types are closed.  Raises: InvalidError; TooManyTypes."""
    types = [_signature(codes, t) for t in module.types]
    funcidxs = module.functypes()
    descs = [i.desc for i in module.imports]
    globals_ = [d for d in descs if isinstance(d, GlobalType)]
    imported = len(globals_)
    globals_ += [g.type for g in module.globals]
    tables = [d for d in descs if isinstance(d, TableType)] + [t.type for t in module.tables]
    elems = [e.type for e in module.elems]
    return Context(
        features,
        limits,
        types,
        [_functype(types, x, i) for i, x in enumerate(funcidxs)],
        tables,
        [d for d in descs if isinstance(d, MemType)] + [m.type for m in module.mems],
        globals_,
        elems,
        len(module.datas),
        _refs(module),
        imported,
        deftypes,
        funcidxs,
        codes,
        [codes.of(t.reftype) for t in tables],
        [codes.of(t.valtype) for t in globals_],
        [codes.of(t) for t in elems],
        [_tagtype(types, tag.typeidx) for tag in module.all_tags()],
    )


def _signature(codes: TypeCodes, comp: CompType) -> Optional[Signature]:
    if not isinstance(comp, FuncType):
        return None
    return Signature(codes.all_of(comp.params), codes.all_of(comp.results))


def _functype(types: List[Optional[Signature]], typeidx: int, func: int) -> Signature:
    """The signature of a function.  Raises: InvalidError."""
    if not 0 <= typeidx < len(types):
        raise InvalidError(f"unknown type {typeidx}", "functype", func=func)
    found = types[typeidx]
    if found is None:
        raise InvalidError(f"type {typeidx} is not a function type", "functype", func=func)
    return found


def _tagtype(types: List[Optional[Signature]], typeidx: int) -> Signature:
    """The signature of a tag.  Spec: ``valid/types.html#valid-tagtype``.  Raises: InvalidError."""
    found = types[typeidx] if 0 <= typeidx < len(types) else None
    if found is None:
        raise InvalidError(f"unknown type {typeidx}: a tag has a function type", "tagtype")
    if found.results:
        raise InvalidError("non-empty tag result type", "tagtype")
    return found


def _refs(module: Module) -> Set[int]:
    """The functions that occur in the module outside of bodies and of the start function."""
    refs = {e.index for e in module.exports if e.kind == "func"}
    exprs: List[Expr] = [g.init for g in module.globals]
    exprs += [t.init for t in module.tables if t.init is not None]
    modes = [e.mode for e in module.elems] + [d.mode for d in module.datas]
    exprs += [mode.offset for mode in modes if isinstance(mode, Active)]
    for elem in module.elems:
        for item in elem.init:
            if isinstance(item, int):
                refs.add(item)
            else:
                exprs.append(item)
    for expr in exprs:
        refs.update(x for op, x in zip(expr.ops, expr.imms) if op == _REF_FUNC)
    return refs


__all__ = [
    "BOTTOM", "EMPTY", "REF_CODES", "SENTINEL", "VALUE_SIGNATURE", "Context", "Signature",
    "TypeCodes", "code_of", "codes_of", "module_context", "type_text",
]  # fmt: skip
