"""Validation of a module.

What belongs here: the rules for what stands outside of bodies.  What does
not: bodies (``body``).

Spec: ``valid/modules.html``, ``valid/types.html``.
"""

from __future__ import annotations

from typing import Callable, List, Tuple

from wasmpy.config import DEFAULT_LIMITS, Features, Limits
from wasmpy.errors import InvalidError
from wasmpy.syntax.module import Active, Elem, Func, Module, TypeUse
from wasmpy.syntax.types import FUNC_REF, FUNCREF, I32, I64, GlobalType, MemType, TableType
from wasmpy.syntax.types import Limits as SizeRange
from wasmpy.valid.body import validate_body, validate_constant
from wasmpy.valid.codes import TooManyTypes, code_of
from wasmpy.valid.context import Context, module_context
from wasmpy.valid.control import SideTable
from wasmpy.valid.match import comptype_match

_ANY_FUNC = (code_of(FUNCREF), code_of(FUNC_REF))
_MAX_ELEMENTS = {I32: (0xFFFF_FFFF, "2^32-1"), I64: (0xFFFF_FFFF_FFFF_FFFF, "2^64-1")}
_MAX_BYTES = {I32: 1 << 32, I64: 1 << 64}
_PAGES = (0, 16)
"""The log2 of the page sizes that a memory may have: one byte, and 64 KiB."""


def validate_module(
    module: Module, features: Features = Features.WASM3, limits: Limits = DEFAULT_LIMITS
) -> List[SideTable]:
    """Validate ``module``; the side table of each of its own functions.

    Spec: ``valid/modules.html#valid-module``.
    Raises: InvalidError.
    """
    try:
        return _validate(_context(module, features, limits), module)
    except TooManyTypes:
        return _validate(_context(module, features, limits, wide=True), module)


def _context(module: Module, features: Features, limits: Limits, *, wide: bool = False) -> Context:
    """The context, with the section in its errors where their rule tells.  Raises: InvalidError."""
    try:
        return module_context(module, features, limits, wide=wide)
    except InvalidError as error:
        error.section = _RULE_SECTION.get(error.rule)
        if error.func is not None and error.func < len(module.imported(TypeUse)):
            error.section = "import"
        raise


_RULE_SECTION = {"functype": "function", "tagtype": "tag", "subtype": "type"}


def _validate(C: Context, module: Module) -> List[SideTable]:
    section = ""
    try:
        for section, part in _PARTS:  # noqa: B007 - an error names it
            part(C, module)
        section = "code"
        imported = len(C.funcs) - len(module.funcs)
        return [_func(C, imported + i, func) for i, func in enumerate(module.funcs)]
    except InvalidError as error:
        error.section = section
        raise


def _types(C: Context, module: Module) -> None:
    """Spec: ``valid/types.html#valid-functype``, ``valid/types.html#valid-subtype``."""
    for i, sig in enumerate(C.types):
        if sig is not None and len(sig.results) > 1 and "multi_value" not in C.features:
            raise InvalidError(
                f"invalid result arity: type {i} needs the feature multi_value", "functype",
                feature="multi_value",
            )  # fmt: skip
    for i, sub in module.subs.items():
        if len(sub.supers) > 1:
            raise InvalidError(f"sub type {i} has several supertypes", "subtype")
        _subtype(C, i)


def _subtype(C: Context, typeidx: int) -> None:
    """What is declared to be below a type is below it by its shape.

    Spec: ``valid/types.html#valid-subtype``.
    """
    own = C.deftypes[typeidx]
    above = own.super
    if above is None:
        return
    if above.final or not comptype_match(own.comp, above.comp):
        why = "is final" if above.final else "does not match its supertype"
        raise InvalidError(
            f"sub type {typeidx} {why}", "subtype",
            expected=str(above.comp), actual=str(own.comp),
        )  # fmt: skip
    if own.depth > C.limits.subtype_depth:
        raise InvalidError(
            f"sub type {typeidx} is too deep: the limit is {C.limits.subtype_depth}", "subtype"
        )


def _imports(C: Context, module: Module) -> None:
    _tabletypes(C.tables[: len(C.tables) - len(module.tables)])
    _memtypes(C.mems[: len(C.mems) - len(module.mems)])
    if "mutable_global" in C.features:
        return
    for item in module.imports:
        if isinstance(item.desc, GlobalType) and item.desc.mut:
            raise InvalidError(
                "mutable globals cannot be imported (needs the feature mutable_global)", "import",
                feature="mutable_global",
            )  # fmt: skip


def _limits(limits: SizeRange, bound: int, message: str, rule: str) -> None:
    """Spec: ``valid/types.html#valid-limits``."""
    if limits.min > bound or (limits.max is not None and limits.max > bound):
        raise InvalidError(message, rule, expected=f"at most {bound}", actual=str(limits))
    if limits.max is not None and limits.min > limits.max:
        raise InvalidError(
            "size minimum must not be greater than maximum", rule,
            expected=f"at most {limits.max}", actual=str(limits.min),
        )  # fmt: skip


def _tables(C: Context, module: Module) -> None:
    """The elements have a value from the beginning: null, or what is given.

    Spec: ``valid/modules.html#valid-table``.
    """
    if len(C.tables) > 1 and "reference_types" not in C.features:
        raise InvalidError(
            "multiple tables (needs the feature reference_types)", "module",
            feature="reference_types",
        )  # fmt: skip
    imported = len(C.tables) - len(module.tables)
    _tabletypes(C.tables[imported:])
    for i, item in enumerate(module.tables, imported):
        if item.init is not None:
            code = C.table_codes[i]
            validate_constant(C, item.init, code, f"table {i}", C.imported_globals)
        elif not item.type.reftype.null:
            raise InvalidError(
                f"type mismatch: table {i} has no initial value", "table",
                expected="a type with null", actual=str(item.type.reftype),
            )  # fmt: skip


def _tabletypes(tables: List[TableType]) -> None:
    """Spec: ``valid/types.html#valid-tabletype``."""
    for table in tables:
        bound, text = _MAX_ELEMENTS[table.addrtype]
        _limits(table.limits, bound, f"table size must be at most {text}", "tabletype")


def _mems(C: Context, module: Module) -> None:
    if len(C.mems) > 1 and "multi_memory" not in C.features:
        raise InvalidError(
            "multiple memories (needs the feature multi_memory)", "module", feature="multi_memory"
        )
    _memtypes(C.mems[len(C.mems) - len(module.mems) :])


def _memtypes(mems: List[MemType]) -> None:
    """Spec: ``valid/types.html#valid-memtype``."""
    for mem in mems:
        if mem.page not in _PAGES:
            raise InvalidError(f"invalid custom page size {1 << mem.page}", "memtype")
        bound = min(_MAX_BYTES[mem.addrtype] >> mem.page, _MAX_BYTES[mem.addrtype] - 1)
        size = "4GiB" if mem.addrtype == I32 else "16EiB"
        message = f"memory size must be at most {bound} pages ({size})"
        _limits(mem.limits, bound, message, "memtype")
        if mem.shared and mem.limits.max is None:
            raise InvalidError("shared memory must have maximum", "memtype")


def _globals(C: Context, module: Module) -> None:
    """A global's initial value sees no global but those before it.

    Spec: ``valid/modules.html#valid-global``.
    """
    for i, item in enumerate(module.globals, C.imported_globals):
        validate_constant(C, item.init, C.global_codes[i], f"global {i}", i)


def _elems(C: Context, module: Module) -> None:
    for i, elem in enumerate(module.elems):
        where = f"elem segment {i}"
        _elem_items(C, elem, C.elem_codes[i], where)
        if isinstance(elem.mode, Active):
            if elem.mode.index >= len(C.tables):
                raise InvalidError(f"unknown table {elem.mode.index} in {where}", "elem")
            table = C.tables[elem.mode.index]
            if not C.codes.match(C.elem_codes[i], C.table_codes[elem.mode.index]):
                raise InvalidError(
                    f"type mismatch in {where}", "elem",
                    expected=str(table.reftype), actual=str(elem.type),
                )  # fmt: skip
            address = code_of(table.addrtype)
            validate_constant(C, elem.mode.offset, address, where, len(C.globals))


def _elem_items(C: Context, elem: Elem, code: int, where: str) -> None:
    """Spec: ``valid/modules.html#valid-elem``."""
    for item in elem.init:
        if not isinstance(item, int):
            validate_constant(C, item, code, where, len(C.globals))
        elif item >= len(C.funcs):
            raise InvalidError(f"unknown function {item} in {where}", "elem")
        elif code not in _ANY_FUNC and not _is_func(C, item, code):
            raise InvalidError(
                f"type mismatch in {where}", "elem",
                expected=str(elem.type), actual=f"(ref {C.funcidxs[item]})",
            )  # fmt: skip


def _is_func(C: Context, funcidx: int, code: int) -> bool:
    """Whether a reference to a function matches the type of code ``code``."""
    return C.codes.match(C.codes.ref(C.funcidxs[funcidx], null=False), code)


def _datas(C: Context, module: Module) -> None:
    """Spec: ``valid/modules.html#valid-data``."""
    for i, data in enumerate(module.datas):
        if isinstance(data.mode, Active):
            if data.mode.index >= len(C.mems):
                raise InvalidError(f"unknown memory {data.mode.index} in data segment {i}", "data")
            where = f"data segment {i}"
            address = code_of(C.mems[data.mode.index].addrtype)
            validate_constant(C, data.mode.offset, address, where, len(C.globals))


def _start(C: Context, module: Module) -> None:
    """Spec: ``valid/modules.html#valid-start``."""
    x = module.start
    if x is None:
        return
    if x >= len(C.funcs):
        raise InvalidError(f"unknown function {x}", "start")
    if any(C.funcs[x]):
        raise InvalidError("start function must have type [] -> []", "start", func=x)


def _exports(C: Context, module: Module) -> None:
    """Spec: ``valid/modules.html#valid-export``."""
    spaces = {
        "func": ("function", len(C.funcs)),
        "table": ("table", len(C.tables)),
        "memory": ("memory", len(C.mems)),
        "global": ("global", len(C.globals)),
        "tag": ("tag", len(C.tags)),
    }
    seen = set()
    for item in module.exports:
        what, count = spaces[item.kind]
        if item.index >= count:
            raise InvalidError(f"unknown {what} {item.index} in export {item.name!r}", "export")
        if item.name in seen:
            raise InvalidError(f"duplicate export name {item.name!r}", "export")
        seen.add(item.name)
        if (
            item.kind == "global"
            and C.globals[item.index].mut
            and "mutable_global" not in C.features
        ):
            raise InvalidError(
                "mutable globals cannot be exported (needs the feature mutable_global)", "export",
                feature="mutable_global",
            )  # fmt: skip


_PARTS: Tuple[Tuple[str, Callable[[Context, Module], None]], ...] = (
    ("type", _types), ("import", _imports), ("table", _tables), ("memory", _mems),
    ("global", _globals), ("element", _elems), ("data", _datas), ("start", _start),
    ("export", _exports),
)  # fmt: skip
"""What is validated besides bodies, by the section it stands in."""


def _func(C: Context, funcidx: int, func: Func) -> SideTable:
    """Spec: ``valid/modules.html#valid-func``."""
    params, results = C.funcs[funcidx]
    locals_ = params
    if func.locals:
        count = sum(n for n, _ in func.locals)
        if count > C.limits.function_locals:
            raise InvalidError(f"too many locals: {count}", "func", func=funcidx)
        locals_ = C.codes.runs(params, func.locals)
    return validate_body(C, funcidx, func.body, locals_, results)
