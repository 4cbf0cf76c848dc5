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
from wasmpy.syntax.types import FUNCREF, I32, I64, HeapType, NumType, RefType, TableType, ValType
from wasmpy.valid.codes import BOTTOM, SENTINEL
from wasmpy.valid.stack import CTRL_OP, Body, Ctrl, rule

_I32 = I32.code
_OFFSET_LIMIT = 1 << 32

_NEVER: Tuple[Ctrl, int, int] = ([], SENTINEL, SENTINEL)

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
    if 1 << min(align, 64) > row.width:
        raise v.invalid("alignment must not be larger than natural")
    if row.atomic is not None and 1 << align != row.width:
        raise v.invalid("atomic alignment must be natural")
    if offset >= _OFFSET_LIMIT and v.C.mems[memidx].addrtype == I32:
        raise v.invalid("offset out of range")


def _check_laneidx(v: Body, row: Instr, laneidx: int) -> None:
    if laneidx >= row.lanes:
        raise v.invalid(f"invalid lane index {laneidx}, there are {row.lanes} lanes")


def _check_lanes(v: Body, row: Instr, lanes: bytes) -> None:
    for laneidx in lanes:
        _check_laneidx(v, row, laneidx)


def no_check(v: Body, row: Instr, imm: Any) -> None:
    """An immediate that says what it is and refers to nothing."""


CHECKS: Dict[str, Check] = {
    "tableidx": _check_tableidx,
    "memidx": _check_memidx,
    "elemidx": _check_elemidx,
    "dataidx": _check_dataidx,
    "memarg": _check_memarg,
    "reserved": no_check,
    "i32": no_check,
    "i64": no_check,
    "f32": no_check,
    "f64": no_check,
    "v128": no_check,
    "laneidx": _check_laneidx,
    "lanes": _check_lanes,
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
    codes = v.C.codes
    if first in codes.refs or second in codes.refs:
        raise v.mismatched(b"", codes.frozen([first, second]))
    if first != second and BOTTOM not in (first, second):
        raise v.mismatched(codes.frozen([first]), codes.frozen([second]))
    v.vals.append(second if first == BOTTOM else first)


@rule("select", "valtypes")
def _select_typed(v: Body, types: Tuple[ValType, ...]) -> None:
    if len(types) != 1:
        raise v.invalid("invalid result arity")
    code = v.code(types[0])
    v.pop(_I32)
    v.pop(code)
    v.pop(code)
    v.vals.append(code)


@rule("local.get")
def _local_get(v: Body, localidx: int) -> None:
    code = _local(v, localidx)
    if code in v.C.codes.unset and localidx >= v.params and not _initialized(v, localidx):
        raise v.invalid(f"uninitialized local {localidx}")
    v.vals.append(code)


@rule("local.set")
def _local_set(v: Body, localidx: int) -> None:
    v.pop(_local(v, localidx))
    _initialize(v, localidx)


@rule("local.tee")
def _local_tee(v: Body, localidx: int) -> None:
    code = _local(v, localidx)
    v.pop(code)
    _initialize(v, localidx)
    v.vals.append(code)


def _initialized(v: Body, localidx: int) -> bool:
    """Whether a local was set in this frame or one around it, in the same arm of an ``if``."""
    frame, depth, op = v.inits.get(localidx, _NEVER)
    return depth < len(v.ctrls) and v.ctrls[depth] is frame and frame[CTRL_OP] == op


def _initialize(v: Body, localidx: int) -> None:
    """From here to the end of the frame the local is set.  Spec: ``#valid-local-set``."""
    if v.locals[localidx] in v.C.codes.unset and not _initialized(v, localidx):
        top = v.ctrls[-1]
        v.inits[localidx] = top, len(v.ctrls) - 1, top[CTRL_OP]


def _local(v: Body, localidx: int) -> int:
    if localidx >= len(v.locals):
        v.unknown("local", localidx)
    return v.locals[localidx]


@rule("global.get")
def _global_get(v: Body, globalidx: int) -> None:
    if globalidx >= len(v.C.globals):
        v.unknown("global", globalidx)
    v.vals.append(v.C.global_codes[globalidx])


@rule("global.set")
def _global_set(v: Body, globalidx: int) -> None:
    if globalidx >= len(v.C.globals):
        v.unknown("global", globalidx)
    globaltype = v.C.globals[globalidx]
    if not globaltype.mut:
        raise v.invalid("immutable global")
    v.pop(v.C.global_codes[globalidx])


@rule("table.get")
def _table_get(v: Body, tableidx: int) -> None:
    table = _table(v, tableidx)
    v.pop(table.addrtype.code)
    v.vals.append(v.C.table_codes[tableidx])


@rule("table.set")
def _table_set(v: Body, tableidx: int) -> None:
    table = _table(v, tableidx)
    v.pop(v.C.table_codes[tableidx])
    v.pop(table.addrtype.code)


@rule("table.size")
def _table_size(v: Body, tableidx: int) -> None:
    v.vals.append(_table(v, tableidx).addrtype.code)


@rule("table.grow")
def _table_grow(v: Body, tableidx: int) -> None:
    table = _table(v, tableidx)
    v.pop(table.addrtype.code)
    v.pop(v.C.table_codes[tableidx])
    v.vals.append(table.addrtype.code)


@rule("table.fill")
def _table_fill(v: Body, tableidx: int) -> None:
    table = _table(v, tableidx)
    v.pop(table.addrtype.code)
    v.pop(v.C.table_codes[tableidx])
    v.pop(table.addrtype.code)


def _lesser(one: NumType, other: NumType) -> int:
    """The address type of a length that must fit both.  Spec: ``#aux-addrtype-min``."""
    return _I32 if I32 in (one, other) else I64.code


@rule("table.copy")
def _table_copy(v: Body, imm: Tuple[int, int]) -> None:
    to, source = _table(v, imm[0]), _table(v, imm[1])
    if not v.C.codes.match(v.C.table_codes[imm[1]], v.C.table_codes[imm[0]]):
        raise v.invalid("type mismatch", str(to.reftype), str(source.reftype))
    v.pop(_lesser(to.addrtype, source.addrtype))
    v.pop(source.addrtype.code)
    v.pop(to.addrtype.code)


@rule("table.init")
def _table_init(v: Body, imm: Tuple[int, int]) -> None:
    elemidx, tableidx = imm
    to = _table(v, tableidx)
    if elemidx >= len(v.C.elems):
        v.unknown("elem segment", elemidx)
    if not v.C.codes.match(v.C.elem_codes[elemidx], v.C.table_codes[tableidx]):
        raise v.invalid("type mismatch", str(to.reftype), str(v.C.elems[elemidx]))
    v.pop(_I32)
    v.pop(_I32)
    v.pop(to.addrtype.code)


def _address(v: Body, memidx: int) -> int:
    """The code of the address type of a memory."""
    if memidx >= len(v.C.mems):
        v.unknown("memory", memidx)
    return v.C.mems[memidx].addrtype.code


@rule("memory.size")
def _memory_size(v: Body, memidx: int) -> None:
    v.vals.append(_address(v, memidx))


@rule("memory.grow")
def _memory_grow(v: Body, memidx: int) -> None:
    address = _address(v, memidx)
    v.pop(address)
    v.vals.append(address)


@rule("memory.fill")
def _memory_fill(v: Body, memidx: int) -> None:
    address = _address(v, memidx)
    v.pop(address)
    v.pop(_I32)
    v.pop(address)


@rule("memory.copy")
def _memory_copy(v: Body, imm: Tuple[int, int]) -> None:
    to, source = _address(v, imm[0]), _address(v, imm[1])
    v.pop(_I32 if _I32 in (to, source) else to)
    v.pop(source)
    v.pop(to)


@rule("memory.init")
def _memory_init(v: Body, imm: Tuple[int, int]) -> None:
    dataidx, memidx = imm
    address = _address(v, memidx)
    if dataidx >= v.C.datas:
        v.unknown("data segment", dataidx)
    v.pop(_I32)
    v.pop(_I32)
    v.pop(address)


@rule("ref.null")
def _ref_null(v: Body, heaptype: HeapType) -> None:
    v.vals.append(v.code(RefType(0, True, heaptype)))


@rule("ref.is_null")
def _ref_is_null(v: Body, _: Any) -> None:
    v.pop_ref()
    v.vals.append(_I32)


@rule("ref.func")
def _ref_func(v: Body, funcidx: int) -> None:
    """A body may name only functions that occur outside of bodies."""
    if funcidx >= len(v.C.funcs):
        v.unknown("function", funcidx)
    if funcidx not in v.C.refs:
        raise v.invalid("undeclared function reference")
    if "function_references" in v.C.features:
        v.vals.append(v.code(RefType(0, False, v.C.funcidxs[funcidx])))
    else:
        v.vals.append(FUNCREF.code)
