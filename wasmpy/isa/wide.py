"""Wide arithmetic: 128-bit integers as pairs of i64, the low half first.

What belongs here: the rows of the proposal.  What does not: what they
compute (``wasmpy.numerics.wide``).

Spec: ``exec/numerics.html`` of the wide-arithmetic proposal.
"""

from __future__ import annotations

from typing import Iterator

from wasmpy.isa.row import Instr, make_row
from wasmpy.syntax.types import I64


def rows() -> Iterator[Instr]:
    """The rows of the family."""
    wide = "wide_arithmetic"
    pair = (I64, I64)
    for code, name in ((0x13, "add128"), (0x14, "sub128")):
        yield make_row(
            code, f"i64.{name}", prefix=0xFC, stack=(pair + pair, pair), feature=wide
        )
    for code, name in ((0x15, "mul_wide_s"), (0x16, "mul_wide_u")):
        yield make_row(code, f"i64.{name}", prefix=0xFC, stack=(pair, pair), feature=wide)
