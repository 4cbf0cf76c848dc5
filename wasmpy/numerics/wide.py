"""Integers of 128 bits as pairs of 64, the low half first.

What belongs here: the operators of the wide-arithmetic proposal.  Halves are
unsigned.

Spec: ``exec/numerics.html`` of the wide-arithmetic proposal.
"""

from __future__ import annotations

from typing import Tuple

from wasmpy.numerics.bits import signed

Wide = Tuple[int, int]

_M64 = 0xFFFF_FFFF_FFFF_FFFF


def _halves(value: int) -> Wide:
    return value & _M64, value >> 64 & _M64


def add128(low: int, high: int, other_low: int, other_high: int) -> Wide:
    """The sum of two pairs, modulo 2**128.

    >>> add128(2**64 - 1, 0, 1, 5)
    (0, 6)
    """
    return _halves((low | high << 64) + (other_low | other_high << 64))


def sub128(low: int, high: int, other_low: int, other_high: int) -> Wide:
    """The difference of two pairs, modulo 2**128.

    >>> sub128(0, 6, 1, 5) == (2**64 - 1, 0)
    True
    """
    return _halves((low | high << 64) - (other_low | other_high << 64))


def mul_wide_u(x: int, y: int) -> Wide:
    """The whole product of two unsigned integers.

    >>> mul_wide_u(2**63, 6)
    (0, 3)
    """
    return _halves(x * y)


def mul_wide_s(x: int, y: int) -> Wide:
    """The whole product of two signed integers.

    >>> mul_wide_s(2**64 - 1, 2) == (2**64 - 2, 2**64 - 1)
    True
    """
    return _halves(signed(64, x) * signed(64, y))
