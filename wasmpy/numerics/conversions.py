"""Conversions between number types, generic in both widths.

What belongs here: the spec's conversion operators; ``M`` is the width of the
operand, ``N`` that of the result.

Spec: ``exec/numerics.html#conversions``.
"""

from __future__ import annotations

import math

from wasmpy.errors import TrapKind
from wasmpy.numerics.bits import NAN, float_bits, float_from_bits, fround, signed, trap
from wasmpy.numerics.integers import sat_s, sat_u


def wrap(M: int, N: int, i: int) -> int:
    """``i`` modulo 2^N."""
    return i % (1 << N)


def extend_u(M: int, N: int, i: int) -> int:
    """``i``, extended with zeros."""
    return i


def extend_s(M: int, N: int, i: int) -> int:
    """``i``, extended with its sign."""
    return signed(M, i) % (1 << N)


def narrow_u(M: int, N: int, i: int) -> int:
    """Signed ``i`` clamped to the unsigned integers of the narrower width."""
    return sat_u(N, signed(M, i))


def narrow_s(M: int, N: int, i: int) -> int:
    """Signed ``i`` clamped to the signed integers of the narrower width."""
    return sat_s(N, signed(M, i))


def trunc_u(M: int, N: int, z: float) -> int:
    """``z`` truncated to an unsigned integer.

    Traps: BAD_CONVERSION_TO_INTEGER for a NaN, INTEGER_OVERFLOW out of range.
    """
    if z != z:
        trap(TrapKind.BAD_CONVERSION_TO_INTEGER)
    if not -1.0 < z < 2.0**N:
        trap(TrapKind.INTEGER_OVERFLOW)
    return int(z)


def trunc_s(M: int, N: int, z: float) -> int:
    """``z`` truncated to a signed integer.

    Traps: BAD_CONVERSION_TO_INTEGER for a NaN, INTEGER_OVERFLOW out of range.
    """
    if z != z:
        trap(TrapKind.BAD_CONVERSION_TO_INTEGER)
    if math.isinf(z) or not -(1 << N - 1) <= int(z) < (1 << N - 1):
        trap(TrapKind.INTEGER_OVERFLOW)
    return int(z) % (1 << N)


def trunc_sat_u(M: int, N: int, z: float) -> int:
    """``z`` truncated to an unsigned integer, saturating; a NaN is 0."""
    if not z > -1.0:
        return 0
    return int(z) if z < 2.0**N else (1 << N) - 1


def trunc_sat_s(M: int, N: int, z: float) -> int:
    """``z`` truncated to a signed integer, saturating; a NaN is 0."""
    if z != z:
        return 0
    if z < -(2.0 ** (N - 1)):
        return (1 << N - 1)
    return int(z) % (1 << N) if z < 2.0 ** (N - 1) else (1 << N - 1) - 1


def to_float(N: int, i: int) -> float:
    """The fN nearest to ``i``, ties to even, rounded once.

    ``float`` rounds to 53 bits; for f32 the bits beyond 53 are folded into
    the lowest kept one first, so that the second rounding cannot differ.
    """
    if N == 64:
        return float(i)
    if -(2**53) <= i <= 2**53:
        return fround(N, float(i))
    sticky = 1 if i & 0x7FF else 0
    return fround(N, float((i >> 11 | sticky) << 11))


def convert_u(M: int, N: int, i: int) -> float:
    """The float nearest to unsigned ``i``."""
    return to_float(N, i)


def convert_s(M: int, N: int, i: int) -> float:
    """The float nearest to signed ``i``."""
    return to_float(N, signed(M, i))


def demote(M: int, N: int, z: float) -> float:
    """``z`` rounded to the narrower width."""
    return fround(N, z)


def promote(M: int, N: int, z: float) -> float:
    """``z`` at the wider width; a NaN becomes the canonical one."""
    return z if z == z else NAN


def reinterpret_f(N: int, z: float) -> int:
    """The bits of ``z``."""
    return float_bits(N, z)


def reinterpret_i(N: int, i: int) -> float:
    """The float with bits ``i``."""
    return float_from_bits(N, i)
