"""Rows of typed function references and of garbage-collected structures and arrays.

What belongs here: calls and branches on references, tests and casts,
structures, arrays, unboxed scalars, and conversions between hierarchies.

Spec: ``appendix/index-instructions.html``.
"""

from __future__ import annotations

from typing import Iterator

from wasmpy.errors import TrapKind
from wasmpy.isa.row import Instr
from wasmpy.isa.row import make_row as _row
from wasmpy.syntax.types import ARRAYREF, EQREF, I31REF, I32, RefType

_GC = 0xFB
_NULL = (TrapKind.NULL_REFERENCE,)
_TOO_LARGE = (TrapKind.ALLOCATION_TOO_LARGE,)
_ACCESS = (TrapKind.NULL_REFERENCE, TrapKind.ARRAY_OUT_OF_BOUNDS)
_I31 = RefType.of("i31", null=False)


def _references() -> Iterator[Instr]:
    typed = "function_references"
    yield _row(
        0x14, "call_ref", "typeidx", feature=typed, operands=1,
        traps=(TrapKind.NULL_REFERENCE, TrapKind.STACK_OVERFLOW),
    )  # fmt: skip
    yield _row(0xD3, "ref.eq", stack=((EQREF, EQREF), (I32,)), feature="gc")
    yield _row(0xD4, "ref.as_non_null", traps=_NULL, feature=typed, operands=1)
    yield _row(0xD5, "br_on_null", "labelidx", feature=typed, operands=1)
    yield _row(0xD6, "br_on_non_null", "labelidx", feature=typed, operands=1)


def _gc(code: int, mnemonic: str, immediates: str = "", **columns: object) -> Instr:
    return _row(code, mnemonic, immediates, prefix=_GC, feature="gc", **columns)  # type: ignore[arg-type]


def _structures() -> Iterator[Instr]:
    yield _gc(0, "struct.new", "typeidx", traps=_TOO_LARGE, const="gc")
    yield _gc(1, "struct.new_default", "typeidx", traps=_TOO_LARGE, const="gc")
    get = "exec/instructions.html#exec-struct-get"
    for code, name in enumerate(("struct.get", "struct.get_s", "struct.get_u"), 2):
        yield _gc(code, name, "typeidx fieldidx", traps=_NULL, operands=1, anchor=get)
    yield _gc(5, "struct.set", "typeidx fieldidx", traps=_NULL, operands=2)


def _arrays() -> Iterator[Instr]:
    memory = (TrapKind.MEMORY_OUT_OF_BOUNDS, *_TOO_LARGE)
    table = (TrapKind.TABLE_OUT_OF_BOUNDS, *_TOO_LARGE)
    yield _gc(6, "array.new", "typeidx", traps=_TOO_LARGE, const="gc", operands=2)
    yield _gc(7, "array.new_default", "typeidx", traps=_TOO_LARGE, const="gc", operands=1)
    yield _gc(8, "array.new_fixed", "typeidx count", traps=_TOO_LARGE, const="gc")
    yield _gc(9, "array.new_data", "typeidx dataidx", traps=memory, operands=2)
    yield _gc(10, "array.new_elem", "typeidx elemidx", traps=table, operands=2)
    get = "exec/instructions.html#exec-array-get"
    for code, name in enumerate(("array.get", "array.get_s", "array.get_u"), 11):
        yield _gc(code, name, "typeidx", traps=_ACCESS, operands=2, anchor=get)
    yield _gc(14, "array.set", "typeidx", traps=_ACCESS, operands=3)
    yield _gc(15, "array.len", stack=((ARRAYREF,), (I32,)), traps=_NULL)
    yield _gc(16, "array.fill", "typeidx", traps=_ACCESS, operands=4)
    yield _gc(17, "array.copy", "typeidx typeidx", traps=_ACCESS, operands=5)
    yield _gc(
        18, "array.init_data", "typeidx dataidx", operands=4,
        traps=(*_ACCESS, TrapKind.MEMORY_OUT_OF_BOUNDS),
    )  # fmt: skip
    yield _gc(
        19, "array.init_elem", "typeidx elemidx", operands=4,
        traps=(*_ACCESS, TrapKind.TABLE_OUT_OF_BOUNDS),
    )  # fmt: skip


def _casts() -> Iterator[Instr]:
    # The two rows of a mnemonic differ in whether the type has null.
    for code, kind in ((20, "ref"), (21, "refnull")):
        yield _gc(code, "ref.test", kind, operands=1)
    for code, kind in ((22, "ref"), (23, "refnull")):
        yield _gc(code, "ref.cast", kind, operands=1, traps=(TrapKind.CAST_FAILURE,))
    yield _gc(24, "br_on_cast", "cast", operands=1)
    yield _gc(25, "br_on_cast_fail", "cast", operands=1)
    yield _gc(26, "any.convert_extern", operands=1, const="gc")
    yield _gc(27, "extern.convert_any", operands=1, const="gc")
    yield _gc(28, "ref.i31", stack=((I32,), (_I31,)), const="gc")
    get = "exec/instructions.html#exec-i31-get"
    for code, name in ((29, "i31.get_s"), (30, "i31.get_u")):
        yield _gc(code, name, stack=((I31REF,), (I32,)), traps=_NULL, anchor=get)


def rows() -> Iterator[Instr]:
    """The rows of this family."""
    yield from _references()
    yield from _structures()
    yield from _arrays()
    yield from _casts()
