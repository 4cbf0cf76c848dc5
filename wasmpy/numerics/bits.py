"""Representations: signed and unsigned integers, floats and their bits.

What belongs here: the spec's auxiliary operations (``signed``, ``bits``) and
the one place that knows how an f32 lives in a Python float.

Runtime values: integers are unsigned; f32 and f64 are Python floats.  An f32
NaN is held as the f64 NaN whose payload is the f32's shifted left by 29, so
that every f32 bit pattern, signalling NaNs included, has exactly one float.
The hardware's own conversion would quieten a signalling NaN; hence NaNs go
through integers.

Spec: ``exec/numerics.html#representations``.
"""

from __future__ import annotations

import struct
from typing import NoReturn

from wasmpy.errors import TrapKind, WasmTrap

_F32 = struct.Struct("<f")
_F64 = struct.Struct("<d")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")

NAN: float = _F64.unpack(_U64.pack(0x7FF8_0000_0000_0000))[0]
"""The canonical NaN, of f64 and (by the shift above) of f32."""

F32_MAX_ROUNDS = 2.0**128 - 2.0**103
"""The least magnitude that rounds to infinity in f32 (half an ulp above the largest)."""


def trap(kind: TrapKind) -> NoReturn:
    """Trap.  Raises: WasmTrap; execution adds where it happened."""
    raise WasmTrap(kind)


def signed(N: int, i: int) -> int:
    """The signed interpretation of ``i``.  Spec: ``exec/numerics.html#aux-signed``."""
    return (i ^ (1 << N - 1)) - (1 << N - 1)


def inv_signed(N: int, i: int) -> int:
    """The unsigned form of signed ``i``.  Spec: ``exec/numerics.html#aux-signed``."""
    return i % (1 << N)


def f64_bits(z: float) -> int:
    """The 64 bits of an f64."""
    bits: int = _U64.unpack(_F64.pack(z))[0]
    return bits


def f64_from_bits(i: int) -> float:
    """The f64 with bits ``i``."""
    z: float = _F64.unpack(_U64.pack(i))[0]
    return z


def f32_bits(z: float) -> int:
    """The 32 bits of an f32."""
    bits: int
    if z != z:
        bits = f64_bits(z)
        return bits >> 32 & 0x8000_0000 | 0x7F80_0000 | bits >> 29 & 0x7F_FFFF
    bits = _U32.unpack(_F32.pack(z))[0]
    return bits


def f32_from_bits(i: int) -> float:
    """The f32 with bits ``i``."""
    if i & 0x7FFF_FFFF > 0x7F80_0000:
        return f64_from_bits((i & 0x8000_0000) << 32 | 0x7FF << 52 | (i & 0x7F_FFFF) << 29)
    z: float = _F32.unpack(_U32.pack(i))[0]
    return z


def float_from_bits(N: int, i: int) -> float:
    """The fN with bits ``i``."""
    return f32_from_bits(i) if N == 32 else f64_from_bits(i)


def float_bits(N: int, z: float) -> int:
    """The bits of an fN."""
    return f32_bits(z) if N == 32 else f64_bits(z)


def fround(N: int, z: float) -> float:
    """``z`` rounded to the nearest fN, ties to even; a NaN becomes the canonical one.

    Rounding the f64 result of + - * / sqrt to f32 is exact, since 53 bits are
    more than twice 24 and two.  Veltkamp's splitting rounds to 24 bits without
    leaving floats; magnitudes where it would be subnormal or overflow go
    through ``struct``.

    Spec: ``exec/numerics.html#aux-ieee``.
    """
    if N == 64:
        return z if z == z else NAN
    if 1.2e-38 < z < 1e38 or -1e38 < z < -1.2e-38:
        t = z * 536870913.0
        return t - (t - z)
    if z != z:
        return NAN
    if z >= F32_MAX_ROUNDS:
        return float("inf")
    if z <= -F32_MAX_ROUNDS:
        return float("-inf")
    rounded: float = _F32.unpack(_F32.pack(z))[0]
    return rounded
