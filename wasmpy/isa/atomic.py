"""Atomic instructions on linear memory.

What belongs here: the rows of the threads proposal.  What does not: how
threads wait for each other (``wasmpy.exec.waiting``).

Spec: ``exec/instructions.html`` of the threads proposal.
"""

from __future__ import annotations

from typing import Iterator, Tuple

from wasmpy.errors import TrapKind
from wasmpy.isa.row import Atomic, Instr, make_row
from wasmpy.syntax.types import I32, I64, ResultType, ValType

_TRAPS = (TrapKind.HEAP_MISALIGNED, TrapKind.MEMORY_OUT_OF_BOUNDS)
_WAIT_TRAPS = (*_TRAPS, TrapKind.ATOMIC_WAIT_NON_SHARED_MEMORY)
_SIZES: Tuple[Tuple[ValType, int], ...] = (
    (I32, 4), (I64, 8), (I32, 1), (I32, 2), (I64, 1), (I64, 2), (I64, 4)
)  # fmt: skip
"""The operand types and widths, in the order of the opcodes."""
_RMW = ("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")


def _row(
    code: int, mnemonic: str, operation: str, width: int, params: ResultType,
    results: ResultType, traps: Tuple[TrapKind, ...] = _TRAPS,
) -> Instr:  # fmt: skip
    return make_row(
        code, mnemonic, "memarg", ((I32, *params), results), prefix=0xFE, traps=traps,
        feature="threads", atomic=Atomic(operation, width),
        anchor=f"exec/instructions.html#exec-atomic-{operation}",
    )  # fmt: skip


def rows() -> Iterator[Instr]:
    """The rows of the family."""
    yield _row(0x00, "memory.atomic.notify", "notify", 4, (I32,), (I32,))
    for code, expected, width in ((0x01, I32, 4), (0x02, I64, 8)):
        name = f"memory.atomic.wait{width * 8}"
        yield _row(code, name, "wait", width, (expected, I64), (I32,), _WAIT_TRAPS)
    yield make_row(
        0x03, "atomic.fence", "reserved", ((), ()), prefix=0xFE, feature="threads"
    )
    for i, (t, width) in enumerate(_SIZES):
        whole = width * 8 == (32 if t is I32 else 64)
        size, sign = ("", "") if whole else (str(width * 8), "_u")
        yield _row(0x10 + i, f"{t}.atomic.load{size}{sign}", "load", width, (), (t,))
        yield _row(0x17 + i, f"{t}.atomic.store{size}", "store", width, (t,), ())
        for k, operation in enumerate(_RMW):
            params = (t, t) if operation == "cmpxchg" else (t,)
            name = f"{t}.atomic.rmw{size}.{operation}{sign}"
            yield _row(0x1E + 7 * k + i, name, operation, width, params, (t,))
