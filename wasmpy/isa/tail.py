"""Calls in tail position.

What belongs here: the rows of ``return_call`` and its relatives.  What does
not: how a frame is replaced (``wasmpy.exec.interp``).

Spec: ``exec/instructions.html#exec-return-call``.
"""

from __future__ import annotations

from typing import Iterator

from wasmpy.errors import TrapKind
from wasmpy.isa.row import Instr, make_row


def rows() -> Iterator[Instr]:
    """The rows of the family."""
    yield make_row(0x12, "return_call", "funcidx", feature="tail_call")
    yield make_row(
        0x13, "return_call_indirect", "typeidx tableidx", operands=1, feature="tail_call",
        traps=(
            TrapKind.TABLE_OUT_OF_BOUNDS, TrapKind.INDIRECT_CALL_TO_NULL, TrapKind.BAD_SIGNATURE,
        ),
    )  # fmt: skip
    yield make_row(
        0x15, "return_call_ref", "typeidx", operands=1, feature="function_references",
        traps=(TrapKind.NULL_REFERENCE,),
    )  # fmt: skip
