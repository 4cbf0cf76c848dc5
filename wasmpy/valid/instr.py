"""Rules for instructions other than control, and for immediates.

What belongs here: one small function per instruction whose type depends on
its immediates or its context, and one per kind of immediate that must name
something.  What does not: instructions whose type the table tells; they have
no code anywhere.

Spec: ``valid/instructions.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from wasmpy.isa.table import Instr
from wasmpy.syntax.types import FUNCREF, I32, HeapType, TableType, ValType
from wasmpy.valid.context import BOTTOM, REF_CODES, codes_of, null_code
from wasmpy.valid.stack import Body, rule

_I32 = I32.code
_OFFSET_LIMIT = 1 << 32

Check = Callable[[Body, Instr, Any], None]


def _table(v: Body, tableidx: int) -> TableType:
    if tableidx >= len(v.C.tables):
        v.unknown("table", tableidx)
    return v.C.tables[tableidx]


def _check_tableidx(v: Body, _: Instr, tableidx: int) -> None:
    _table(v, tableidx)


def _check_memidx(v: Body, _: Instr, memidx: int) -> None:
    if memidx >= len(v.C.mems):
        v.unknown("memory", memidx)


def _check_elemidx(v: Body, _: Instr, elemidx: int) -> None:
    if elemidx >= len(v.C.elems):
        v.unknown("elem segment", elemidx)


def _check_dataidx(v: Body, _: Instr, dataidx: int) -> None:
    if dataidx >= v.C.datas:
        v.unknown("data segment", dataidx)


def _check_memarg(v: Body, row: Instr, memarg: Tuple[int, int, int]) -> None:
    """Spec: ``valid/instructions.html#valid-memarg``."""
    align, offset, memidx = memarg
    _check_memidx(v, row, memidx)
    assert row.access is not None
    if 1 << min(align, 64) > row.access.width:
        raise v.invalid("alignment must not be larger than natural")
    if offset >= _OFFSET_LIMIT:
        raise v.invalid("offset out of range")


def no_check(v: Body, row: Instr, imm: Any) -> None:
    """An immediate that says what it is and refers to nothing."""


CHECKS: Dict[str, Check] = {
    "tableidx": _check_tableidx,
    "memidx": _check_memidx,
    "elemidx": _check_elemidx,
    "dataidx": _check_dataidx,
    "memarg": _check_memarg,
    "i32": no_check,
    "i64": no_check,
    "f32": no_check,
    "f64": no_check,
}
"""The rule of each kind of immediate of the instructions that the table types."""


def no_rule(v: Body, _: Any) -> None:
    """Stands for the rule of what is no instruction.  Raises: InvalidError."""
    raise v.invalid("illegal opcode")


@rule("drop")
def _drop(v: Body, _: Any) -> None:
    v.pop_any()


@rule("select")
def _select(v: Body, _: Any) -> None:
    """Without an annotation the operands must be numbers or vectors."""
    v.pop(_I32)
    second = v.pop_any()
    first = v.pop_any()
    if first in REF_CODES or second in REF_CODES:
        raise v.mismatched(b"", bytes([first, second]))
    if first != second and BOTTOM not in (first, second):
        raise v.mismatched(bytes([first]), bytes([second]))
    v.vals.append(second if first == BOTTOM else first)


@rule("select", "valtypes")
def _select_typed(v: Body, types: Tuple[ValType, ...]) -> None:
    if len(types) != 1:
        raise v.invalid("invalid result arity")
    code = codes_of(types)
    v.pop(_I32)
    v.pop_types(code + code)
    v.vals += code


@rule("local.get")
def _local_get(v: Body, localidx: int) -> None:
    v.vals.append(_local(v, localidx))


@rule("local.set")
def _local_set(v: Body, localidx: int) -> None:
    v.pop(_local(v, localidx))


@rule("local.tee")
def _local_tee(v: Body, localidx: int) -> None:
    code = _local(v, localidx)
    v.pop(code)
    v.vals.append(code)


def _local(v: Body, localidx: int) -> int:
    if localidx >= len(v.locals):
        v.unknown("local", localidx)
    return v.locals[localidx]


@rule("global.get")
def _global_get(v: Body, globalidx: int) -> None:
    if globalidx >= len(v.C.globals):
        v.unknown("global", globalidx)
    v.vals.append(v.C.globals[globalidx].valtype.code)


@rule("global.set")
def _global_set(v: Body, globalidx: int) -> None:
    if globalidx >= len(v.C.globals):
        v.unknown("global", globalidx)
    globaltype = v.C.globals[globalidx]
    if not globaltype.mut:
        raise v.invalid("immutable global")
    v.pop(globaltype.valtype.code)


@rule("table.get")
def _table_get(v: Body, tableidx: int) -> None:
    code = _table(v, tableidx).reftype.code
    v.pop(_I32)
    v.vals.append(code)


@rule("table.set")
def _table_set(v: Body, tableidx: int) -> None:
    v.pop(_table(v, tableidx).reftype.code)
    v.pop(_I32)


@rule("table.grow")
def _table_grow(v: Body, tableidx: int) -> None:
    code = _table(v, tableidx).reftype.code
    v.pop(_I32)
    v.pop(code)
    v.vals.append(_I32)


@rule("table.fill")
def _table_fill(v: Body, tableidx: int) -> None:
    code = _table(v, tableidx).reftype.code
    v.pop(_I32)
    v.pop(code)
    v.pop(_I32)


@rule("table.copy")
def _table_copy(v: Body, imm: Tuple[int, int]) -> None:
    to, source = _table(v, imm[0]).reftype, _table(v, imm[1]).reftype
    if to != source:
        raise v.invalid("type mismatch", str(to), str(source))
    v.pop_types(bytes([_I32, _I32, _I32]))


@rule("table.init")
def _table_init(v: Body, imm: Tuple[int, int]) -> None:
    elemidx, tableidx = imm
    to = _table(v, tableidx).reftype
    if elemidx >= len(v.C.elems):
        v.unknown("elem segment", elemidx)
    if to != v.C.elems[elemidx]:
        raise v.invalid("type mismatch", str(to), str(v.C.elems[elemidx]))
    v.pop_types(bytes([_I32, _I32, _I32]))


@rule("ref.null")
def _ref_null(v: Body, heaptype: HeapType) -> None:
    try:
        v.vals.append(null_code(heaptype))
    except KeyError:
        raise v.invalid(f"unknown type {heaptype}") from None


@rule("ref.is_null")
def _ref_is_null(v: Body, _: Any) -> None:
    found = v.pop_any()
    if found != BOTTOM and found not in REF_CODES:
        raise v.mismatched(b"\xff", bytes([found]))
    v.vals.append(_I32)


@rule("ref.func")
def _ref_func(v: Body, funcidx: int) -> None:
    """A body may name only functions that occur outside of bodies."""
    if funcidx >= len(v.C.funcs):
        v.unknown("function", funcidx)
    if funcidx not in v.C.refs:
        raise v.invalid("undeclared function reference")
    v.vals.append(FUNCREF.code)
