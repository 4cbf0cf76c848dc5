"""Validation of a module.

What belongs here: the rules for what stands outside of bodies.  What does
not: bodies (``body``).

Spec: ``valid/modules.html``, ``valid/types.html``.
"""

from __future__ import annotations

from typing import List

from wasmpy.config import DEFAULT_LIMITS, Features, Limits
from wasmpy.errors import InvalidError
from wasmpy.syntax.module import Active, Elem, Func, Module
from wasmpy.syntax.types import FUNCREF, I32, GlobalType
from wasmpy.syntax.types import Limits as SizeRange
from wasmpy.valid.body import validate_body, validate_constant
from wasmpy.valid.context import Context, code_of, module_context
from wasmpy.valid.control import SideTable

_MAX_PAGES = 65_536
_MAX_ELEMENTS = 0xFFFF_FFFF


def validate_module(
    module: Module, features: Features = Features.WASM2, limits: Limits = DEFAULT_LIMITS
) -> List[SideTable]:
    """Validate ``module``; the side table of each of its own functions.

    Spec: ``valid/modules.html#valid-module``.
    Raises: InvalidError.
    """
    C = module_context(module, features, limits)
    _types(C)
    _imports(C, module)
    _tables(C)
    _mems(C)
    _globals(C, module)
    _elems(C, module)
    _datas(C, module)
    _start(C, module)
    _exports(C, module)
    imported = len(C.funcs) - len(module.funcs)
    return [_func(C, imported + i, func) for i, func in enumerate(module.funcs)]


def _types(C: Context) -> None:
    """Spec: ``valid/types.html#valid-functype``."""
    for i, sig in enumerate(C.types):
        if len(sig.results) > 1 and "multi_value" not in C.features:
            raise InvalidError(
                f"invalid result arity: type {i} needs the feature multi_value", "functype"
            )


def _imports(C: Context, module: Module) -> None:
    if "mutable_global" in C.features:
        return
    for item in module.imports:
        if isinstance(item.desc, GlobalType) and item.desc.mut:
            raise InvalidError(
                "mutable globals cannot be imported (needs the feature mutable_global)", "import"
            )


def _limits(limits: SizeRange, bound: int, message: str, rule: str) -> None:
    """Spec: ``valid/types.html#valid-limits``."""
    if limits.min > bound or (limits.max is not None and limits.max > bound):
        raise InvalidError(message, rule, expected=f"at most {bound}", actual=str(limits))
    if limits.max is not None and limits.min > limits.max:
        raise InvalidError(
            "size minimum must not be greater than maximum", rule,
            expected=f"at most {limits.max}", actual=str(limits.min),
        )  # fmt: skip


def _tables(C: Context) -> None:
    if len(C.tables) > 1 and "reference_types" not in C.features:
        raise InvalidError("multiple tables (needs the feature reference_types)", "module")
    for table in C.tables:
        _limits(table.limits, _MAX_ELEMENTS, "table size must be at most 2^32-1", "tabletype")


def _mems(C: Context) -> None:
    if len(C.mems) > 1 and "multi_memory" not in C.features:
        raise InvalidError("multiple memories (needs the feature multi_memory)", "module")
    for mem in C.mems:
        _limits(mem.limits, _MAX_PAGES, "memory size must be at most 65536 pages (4GiB)", "memtype")


def _globals(C: Context, module: Module) -> None:
    """A global's initial value sees no global but those before it.

    Spec: ``valid/modules.html#valid-global``.
    """
    for i, item in enumerate(module.globals, C.imported_globals):
        validate_constant(C, item.init, code_of(item.type.valtype), f"global {i}", i)


def _elems(C: Context, module: Module) -> None:
    for i, elem in enumerate(module.elems):
        where = f"elem segment {i}"
        _elem_items(C, elem, where)
        if isinstance(elem.mode, Active):
            if elem.mode.index >= len(C.tables):
                raise InvalidError(f"unknown table {elem.mode.index} in {where}", "elem")
            table = C.tables[elem.mode.index]
            if table.reftype != elem.type:
                raise InvalidError(
                    f"type mismatch in {where}", "elem",
                    expected=str(table.reftype), actual=str(elem.type),
                )  # fmt: skip
            validate_constant(C, elem.mode.offset, code_of(I32), where, len(C.globals))


def _elem_items(C: Context, elem: Elem, where: str) -> None:
    """Spec: ``valid/modules.html#valid-elem``."""
    for item in elem.init:
        if not isinstance(item, int):
            validate_constant(C, item, code_of(elem.type), where, len(C.globals))
        elif item >= len(C.funcs):
            raise InvalidError(f"unknown function {item} in {where}", "elem")
        elif elem.type != FUNCREF:
            raise InvalidError(
                f"type mismatch in {where}", "elem", expected=str(elem.type), actual="funcref"
            )


def _datas(C: Context, module: Module) -> None:
    """Spec: ``valid/modules.html#valid-data``."""
    for i, data in enumerate(module.datas):
        if isinstance(data.mode, Active):
            if data.mode.index >= len(C.mems):
                raise InvalidError(f"unknown memory {data.mode.index} in data segment {i}", "data")
            where = f"data segment {i}"
            validate_constant(C, data.mode.offset, code_of(I32), where, len(C.globals))


def _start(C: Context, module: Module) -> None:
    """Spec: ``valid/modules.html#valid-start``."""
    x = module.start
    if x is None:
        return
    if x >= len(C.funcs):
        raise InvalidError(f"unknown function {x}", "start")
    if C.funcs[x] != (b"", b""):
        raise InvalidError("start function must have type [] -> []", "start", func=x)


def _exports(C: Context, module: Module) -> None:
    """Spec: ``valid/modules.html#valid-export``."""
    spaces = {
        "func": ("function", len(C.funcs)),
        "table": ("table", len(C.tables)),
        "memory": ("memory", len(C.mems)),
        "global": ("global", len(C.globals)),
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
                "mutable globals cannot be exported (needs the feature mutable_global)", "export"
            )


def _func(C: Context, funcidx: int, func: Func) -> SideTable:
    """Spec: ``valid/modules.html#valid-func``."""
    params, results = C.funcs[funcidx]
    locals_ = params
    if func.locals:
        count = sum(n for n, _ in func.locals)
        if count > C.limits.function_locals:
            raise InvalidError(f"too many locals: {count}", "func", func=funcidx)
        locals_ += b"".join([bytes([t.code]) * n for n, t in func.locals])
    return validate_body(C, funcidx, func.body, locals_, results)
