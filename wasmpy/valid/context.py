"""The context C of the validation rules, with types as bytes.

What belongs here: what a rule can look up, and how types are written while a
body is validated.  What does not: the state of one body (``stack``).

A value type is one byte, so that a result type is a ``bytes`` and a whole
signature is compared in one step.

Spec: ``valid/conventions.html#contexts``.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Set

from wasmpy.config import Features, Limits
from wasmpy.errors import InvalidError
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Active, Expr, Module
from wasmpy.syntax.types import (
    VALTYPES,
    FuncType,
    GlobalType,
    HeapType,
    MemType,
    RefType,
    TableType,
    ValType,
)

BOTTOM = 0xFF
"""The type of an operand that unreachable code takes from nowhere; matches every type."""

SENTINEL = 0
"""Stands in the type stack under the operands of each control frame; matches no type."""

_REF_FUNC = op_of("ref.func")
_VALTYPE_OF: Dict[int, ValType] = {t.code: t for t in VALTYPES}
REF_CODES: FrozenSet[int] = frozenset(t.code for t in VALTYPES if isinstance(t, RefType))
"""The codes of the reference types."""

_REF_OF_HEAP: Dict[HeapType, int] = {
    t.heaptype: t.code for t in VALTYPES if isinstance(t, RefType) and t.null
}


def code_of(valtype: ValType) -> int:
    """The code of a value type: its byte in the binary format."""
    return valtype.code


def codes_of(types: Iterable[ValType]) -> bytes:
    """The codes of a result type."""
    return bytes([t.code for t in types])


def null_code(heaptype: HeapType) -> int:
    """The code of the nullable reference to ``heaptype``.  Raises: KeyError for an unknown one."""
    return _REF_OF_HEAP[heaptype]


def type_text(codes: Iterable[int]) -> str:
    r"""Codes as the spec writes a result type; what is unknown is ``_``.

    >>> type_text(b"\x7f\xff")
    '[i32 _]'
    """
    names = [str(_VALTYPE_OF[c]) if c in _VALTYPE_OF else "_" for c in codes]
    return "[" + " ".join(names) + "]"


class Signature(NamedTuple):
    """A function type in codes."""

    params: bytes
    results: bytes


EMPTY = Signature(b"", b"")
VALUE_SIGNATURE: Dict[int, Signature] = {c: Signature(b"", bytes([c])) for c in _VALTYPE_OF}
"""The block type that is one value type, by its code."""


@dataclasses.dataclass
class Context:
    """What the rules look up; the index spaces have the imports first.

    ``refs`` are the functions that occur outside of bodies, which
    ``ref.func`` in a body may name.
    """

    features: Features
    limits: Limits
    types: List[Signature]
    funcs: List[Signature]
    tables: List[TableType]
    mems: List[MemType]
    globals: List[GlobalType]
    elems: List[RefType]
    datas: int
    refs: Set[int]
    imported_globals: int


def signature(functype: FuncType) -> Signature:
    """A function type in codes."""
    return Signature(codes_of(functype.params), codes_of(functype.results))


def module_context(module: Module, features: Features, limits: Limits) -> Context:
    """The context of ``module``.

    Spec: ``valid/modules.html#valid-module``.
    Raises: InvalidError for a type index that is none.
    """
    types = [signature(t) for t in module.types]
    funcs: List[Signature] = []
    for x in module.functypes():
        if not 0 <= x < len(types):
            raise InvalidError(f"unknown type {x}", "functype", func=len(funcs))
        funcs.append(types[x])
    descs = [i.desc for i in module.imports]
    globals_ = [d for d in descs if isinstance(d, GlobalType)]
    return Context(
        features,
        limits,
        types,
        funcs,
        [d for d in descs if isinstance(d, TableType)] + [t.type for t in module.tables],
        [d for d in descs if isinstance(d, MemType)] + [m.type for m in module.mems],
        globals_ + [g.type for g in module.globals],
        [e.type for e in module.elems],
        len(module.datas),
        _refs(module),
        len(globals_),
    )


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
