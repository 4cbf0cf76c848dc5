"""Exceptions.

What belongs here: the rows of ``throw``, ``throw_ref`` and ``try_table``.
What does not: how frames are unwound (``wasmpy.exec.interp``).

Spec: ``exec/instructions.html#exec-throw``.
"""

from __future__ import annotations

from typing import Iterator

from wasmpy.errors import TrapKind
from wasmpy.isa.row import Instr, make_row


def rows() -> Iterator[Instr]:
    """The rows of the family."""
    feature = "exceptions"
    yield make_row(0x08, "throw", "tagidx", feature=feature)
    yield make_row(
        0x0A, "throw_ref", feature=feature, operands=1, traps=(TrapKind.NULL_REFERENCE,)
    )
    yield make_row(0x1F, "try_table", "blocktype catches", feature=feature, cost=0)
