"""Views of the table that its consumers index by opcode number.

What belongs here: look-ups computed from ``INSTRS`` once, at import.  What
does not: anything written by hand about a single instruction.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from wasmpy.isa.table import INSTRS, OP_COUNT, Instr

BY_OP: List[Optional[Instr]] = [None] * OP_COUNT
"""The row of each opcode number, or None."""

BY_MNEMONIC: Dict[str, Tuple[Instr, ...]] = {}
"""The rows of each mnemonic: one, or several that differ in their immediates."""

for _instr in INSTRS:
    BY_OP[_instr.op] = _instr
    BY_MNEMONIC[_instr.mnemonic] = (*BY_MNEMONIC.get(_instr.mnemonic, ()), _instr)

COST: List[int] = [row.cost if row is not None else 0 for row in BY_OP]
"""Fuel that each instruction costs, without what a bulk operation adds per length."""


def row(op: int) -> Instr:
    """The row of opcode number ``op``.  Raises: KeyError if there is none."""
    found = BY_OP[op] if 0 <= op < OP_COUNT else None
    if found is None:
        raise KeyError(op)
    return found


def op_of(mnemonic: str) -> int:
    """The opcode number of a mnemonic; the first of its rows.

    >>> hex(op_of("i32.add"))
    '0x6a'
    """
    return BY_MNEMONIC[mnemonic][0].op
