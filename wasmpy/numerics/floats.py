"""Floating-point operators, generic in the width ``N``.

What belongs here: the spec's ``f...`` operators.  An operator that makes a
NaN makes the canonical one (the spec's deterministic profile); ``fabs``,
``fneg`` and ``fcopysign`` keep every bit.  ``z1`` and ``z2`` are the spec's
names.  How an f32 lives in a Python float: ``wasmpy.numerics.bits``.

Spec: ``exec/numerics.html#floating-point-operations``.
"""

from __future__ import annotations

import math

from wasmpy.numerics.bits import NAN, fround


def fadd(N: int, z1: float, z2: float) -> float:
    """The sum."""
    return fround(N, z1 + z2)


def fsub(N: int, z1: float, z2: float) -> float:
    """The difference."""
    return fround(N, z1 - z2)


def fmul(N: int, z1: float, z2: float) -> float:
    """The product."""
    return fround(N, z1 * z2)


def fdiv(N: int, z1: float, z2: float) -> float:
    """The quotient; Python raises where IEEE 754 has infinities and NaNs."""
    if z2:
        return fround(N, z1 / z2)
    if z1 != z1 or z1 == 0:
        return NAN
    return math.copysign(math.inf, math.copysign(1.0, z1) * math.copysign(1.0, z2))


def fsqrt(N: int, z: float) -> float:
    """The square root."""
    return fround(N, math.sqrt(z)) if z >= 0 else NAN


def fmin(N: int, z1: float, z2: float) -> float:
    """The lesser; -0 is less than +0; a NaN operand makes a NaN."""
    if z1 != z1 or z2 != z2:
        return NAN
    if z1 == z2:
        return z1 if math.copysign(1.0, z1) < 0 else z2
    return z1 if z1 < z2 else z2


def fmax(N: int, z1: float, z2: float) -> float:
    """The greater; -0 is less than +0; a NaN operand makes a NaN."""
    if z1 != z1 or z2 != z2:
        return NAN
    if z1 == z2:
        return z2 if math.copysign(1.0, z1) < 0 else z1
    return z1 if z1 > z2 else z2


def fabs(N: int, z: float) -> float:
    """The magnitude; every bit but the sign is kept."""
    return math.fabs(z)


def fneg(N: int, z: float) -> float:
    """The negation; every bit but the sign is kept."""
    return -z


def fcopysign(N: int, z1: float, z2: float) -> float:
    """``z1`` with the sign of ``z2``."""
    return math.copysign(z1, z2)


def fpmin(N: int, z1: float, z2: float) -> float:
    """``z2`` if it is less, else ``z1``; one of the operands, bit for bit."""
    return z2 if z2 < z1 else z1


def fpmax(N: int, z1: float, z2: float) -> float:
    """``z2`` if it is greater, else ``z1``; one of the operands, bit for bit."""
    return z2 if z1 < z2 else z1


def frelaxed_madd(N: int, z1: float, z2: float, z3: float) -> float:
    """The product plus ``z3``: rounded twice, as in the deterministic profile."""
    return fadd(N, fmul(N, z1, z2), z3)


def frelaxed_nmadd(N: int, z1: float, z2: float, z3: float) -> float:
    """The negated product plus ``z3``: rounded twice, as in the deterministic profile."""
    return frelaxed_madd(N, fneg(N, z1), z2, z3)


def _integral(z: float, rounded: int) -> float:
    """The float of an integer that ``z`` was rounded to, with the sign of ``z``."""
    return math.copysign(float(rounded), z)


def fceil(N: int, z: float) -> float:
    """The least integral value not below ``z``."""
    if z != z:
        return NAN
    return _integral(z, math.ceil(z)) if math.fabs(z) < 2.0**53 else z


def ffloor(N: int, z: float) -> float:
    """The greatest integral value not above ``z``."""
    if z != z:
        return NAN
    return _integral(z, math.floor(z)) if math.fabs(z) < 2.0**53 else z


def ftrunc(N: int, z: float) -> float:
    """``z`` without its fraction."""
    if z != z:
        return NAN
    return _integral(z, int(z)) if math.fabs(z) < 2.0**53 else z


def fnearest(N: int, z: float) -> float:
    """The nearest integral value, ties to even."""
    if z != z:
        return NAN
    return _integral(z, round(z)) if math.fabs(z) < 2.0**53 else z


def feq(N: int, z1: float, z2: float) -> int:
    """1 if equal, else 0."""
    return 1 if z1 == z2 else 0


def fne(N: int, z1: float, z2: float) -> int:
    """1 if not equal, else 0."""
    return 1 if z1 != z2 else 0


def flt(N: int, z1: float, z2: float) -> int:
    """1 if less, else 0."""
    return 1 if z1 < z2 else 0


def fgt(N: int, z1: float, z2: float) -> int:
    """1 if greater, else 0."""
    return 1 if z1 > z2 else 0


def fle(N: int, z1: float, z2: float) -> int:
    """1 if less or equal, else 0."""
    return 1 if z1 <= z2 else 0


def fge(N: int, z1: float, z2: float) -> int:
    """1 if greater or equal, else 0."""
    return 1 if z1 >= z2 else 0
