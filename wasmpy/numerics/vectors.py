"""Vectors: how 128 bits are seen as lanes, and how operators are lifted to them.

What belongs here: shapes, the combinators that apply a scalar operator to
every lane, and what only vectors have (splat, shuffle, bitmask, ...).  What
does not: any scalar operator; they stand in ``integers``, ``floats`` and
``conversions`` and are given to a combinator by name.

A v128 is ``bytes`` of 16, lane 0 first, each lane little-endian.  Lanes are
raw runtime values: unsigned integers, and floats with every bit of a NaN.
The specialiser puts the shapes and the operator in, so that a lane costs no
call.

Spec: ``exec/numerics.html#aux-lanes``, ``exec/instructions.html#vector-instructions``.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from wasmpy.numerics.bits import f32_bits, f32_from_bits
from wasmpy.numerics.integers import iadd, imul

Lanes = Sequence[Any]


class Shape(NamedTuple):
    """How a vector is seen: ``dim`` lanes of ``width`` bits, ``size`` bytes.

    ``lanes`` and ``vector`` are the bijection between a vector and its lanes;
    ``lane`` gives the bytes of one.
    """

    name: str
    width: int
    size: int
    dim: int
    lanes: Callable[[bytes], Lanes]
    vector: Callable[[List[Any]], bytes]
    lane: Callable[[Any], bytes]


def _shape(name: str, code: str) -> Shape:
    """A shape whose lanes ``struct`` converts exactly."""
    size = struct.calcsize("<" + code)
    whole, one = struct.Struct(f"<{16 // size}{code}"), struct.Struct("<" + code)
    pack = whole.pack
    return Shape(
        name, 8 * size, size, 16 // size, whole.unpack, lambda lanes: pack(*lanes), one.pack
    )


_F32X4 = struct.Struct("<4f")
_U32X4 = struct.Struct("<4I")
_F32 = struct.Struct("<f")
_U32 = struct.Struct("<I")


def _f32_lanes(v: bytes) -> Lanes:
    """The lanes of an f32x4; where there is a NaN through integers, which keep its bits."""
    lanes = _F32X4.unpack(v)
    a, b, c, d = lanes
    if a == a and b == b and c == c and d == d:
        return lanes
    return [f32_from_bits(i) for i in _U32X4.unpack(v)]


def _f32_vector(lanes: List[Any]) -> bytes:
    """The f32x4 of ``lanes``; as ``_f32_lanes``."""
    a, b, c, d = lanes
    if a == a and b == b and c == c and d == d:
        return _F32X4.pack(a, b, c, d)
    return _U32X4.pack(f32_bits(a), f32_bits(b), f32_bits(c), f32_bits(d))


def _f32_lane(z: float) -> bytes:
    return _F32.pack(z) if z == z else _U32.pack(f32_bits(z))


I8X16 = Shape("i8x16", 8, 1, 16, bytes, bytes, struct.Struct("<B").pack)
I16X8 = _shape("i16x8", "H")
I32X4 = _shape("i32x4", "I")
I64X2 = _shape("i64x2", "Q")
F32X4 = Shape("f32x4", 32, 4, 4, _f32_lanes, _f32_vector, _f32_lane)
F64X2 = _shape("f64x2", "d")

SHAPES: Dict[str, Shape] = {s.name: s for s in (I8X16, I16X8, I32X4, I64X2, F32X4, F64X2)}
"""The shapes by their names in mnemonics; each is also a constant of this module."""

ZERO = bytes(16)
"""The vector of zeros, the default value of v128."""

BEYOND_16, BEYOND_32 = bytes(240), bytes(224)
"""What an index beyond the lanes of one or two vectors picks."""

Op = Callable[..., Any]


# Whole vectors


def vvunop(op: Op, v: bytes) -> bytes:
    """``op`` on all bits.  Spec: ``exec/instructions.html#exec-vvunop``."""
    return op(  # type: ignore[no-any-return]
        128, int.from_bytes(v, "little")
    ).to_bytes(16, "little")


def vvbinop(op: Op, v1: bytes, v2: bytes) -> bytes:
    """``op`` on all bits.  Spec: ``exec/instructions.html#exec-vvbinop``."""
    return op(  # type: ignore[no-any-return]
        128, int.from_bytes(v1, "little"), int.from_bytes(v2, "little")
    ).to_bytes(16, "little")


def vvternop(op: Op, v1: bytes, v2: bytes, v3: bytes) -> bytes:
    """``op`` on all bits.  Spec: ``exec/instructions.html#exec-vvternop``."""
    return op(  # type: ignore[no-any-return]
        128,
        int.from_bytes(v1, "little"),
        int.from_bytes(v2, "little"),
        int.from_bytes(v3, "little"),
    ).to_bytes(16, "little")


def vany_true(v: bytes) -> int:
    """1 if any bit is one, else 0.  Spec: ``exec/instructions.html#exec-vvtestop``."""
    return 1 if any(v) else 0


# Lane by lane


def vunop(shape: Shape, op: Op, v: bytes) -> bytes:
    """``op`` on each lane.  Spec: ``exec/instructions.html#exec-vunop``."""
    return shape.vector([op(shape.width, c) for c in shape.lanes(v)])


def vbinop(shape: Shape, op: Op, v1: bytes, v2: bytes) -> bytes:
    """``op`` on the lanes in pairs.  Spec: ``exec/instructions.html#exec-vbinop``."""
    return shape.vector(
        [op(shape.width, c1, c2) for c1, c2 in zip(shape.lanes(v1), shape.lanes(v2))]
    )


def vternop(shape: Shape, op: Op, v1: bytes, v2: bytes, v3: bytes) -> bytes:
    """``op`` on the lanes in threes.  Spec: ``exec/instructions.html#exec-vternop``."""
    return shape.vector(
        [
            op(shape.width, c1, c2, c3)
            for c1, c2, c3 in zip(shape.lanes(v1), shape.lanes(v2), shape.lanes(v3))
        ]
    )


def vrelop(shape: Shape, mask: Shape, op: Op, v1: bytes, v2: bytes) -> bytes:
    """All ones in the lanes where ``op`` holds; ``mask`` is the shape of integers as wide.

    Spec: ``exec/instructions.html#exec-vrelop``.
    """
    return mask.vector(
        [
            (1 << shape.width) - 1 if op(shape.width, c1, c2) else 0
            for c1, c2 in zip(shape.lanes(v1), shape.lanes(v2))
        ]
    )


def vshiftop(shape: Shape, op: Op, v: bytes, i: int) -> bytes:
    """``op`` on each lane by the same count.  Spec: ``exec/instructions.html#exec-vshiftop``."""
    return shape.vector([op(shape.width, c, i) for c in shape.lanes(v)])


def vall_true(shape: Shape, v: bytes) -> int:
    """1 if no lane is zero, else 0.  Spec: ``exec/instructions.html#exec-vtestop``."""
    return 0 if 0 in shape.lanes(v) else 1


def vbitmask(shape: Shape, v: bytes) -> int:
    """The lanes' sign bits, the first lane's lowest.

    Spec: ``exec/instructions.html#exec-vbitmask``.
    """
    return sum([(c >> shape.width - 1) << i for i, c in enumerate(shape.lanes(v))])


# Lanes one by one


def vsplat(shape: Shape, c: Any) -> bytes:
    """``c`` in every lane.  Spec: ``exec/instructions.html#exec-vsplat``."""
    return shape.lane(c) * shape.dim


def vsplat_packed(shape: Shape, c: int) -> bytes:
    """The low bits of an i32 in every lane.  Spec: ``exec/instructions.html#exec-vsplat``."""
    return shape.lane(c % (1 << shape.width)) * shape.dim


def vextract_lane(shape: Shape, laneidx: int, v: bytes) -> Any:
    """The lane at ``laneidx``.  Spec: ``exec/instructions.html#exec-vextract-lane``."""
    return shape.lanes(v)[laneidx]


def vextract_lane_packed(shape: Shape, op: Op, laneidx: int, v: bytes) -> int:
    """The lane at ``laneidx``, extended by ``op`` to an i32.

    Spec: ``exec/instructions.html#exec-vextract-lane``.
    """
    return op(shape.width, 32, shape.lanes(v)[laneidx])  # type: ignore[no-any-return]


def vreplace_lane(shape: Shape, laneidx: int, v: bytes, c: Any) -> bytes:
    """``v`` with ``c`` at ``laneidx``.  Spec: ``exec/instructions.html#exec-vreplace-lane``."""
    return replaced(laneidx * shape.size, v, shape.lane(c))


def vreplace_lane_packed(shape: Shape, laneidx: int, v: bytes, c: int) -> bytes:
    """``v`` with the low bits of an i32 at ``laneidx``.

    Spec: ``exec/instructions.html#exec-vreplace-lane``.
    """
    return replaced(laneidx * shape.size, v, shape.lane(c % (1 << shape.width)))


def replaced(start: int, v: bytes, part: bytes) -> bytes:
    """``v`` with ``part`` in place of what begins at byte ``start``."""
    end = start + len(part)
    return v[:start] + part + v[end:]


def vshuffle(lanes: bytes, v1: bytes, v2: bytes) -> bytes:
    """The lanes of both vectors that ``lanes`` picks.

    Spec: ``exec/instructions.html#exec-vshuffle``.
    """
    return lanes.translate(v1 + v2 + BEYOND_32)


def vswizzle(v1: bytes, v2: bytes) -> bytes:
    """The lanes of ``v1`` that ``v2`` picks; 0 where it picks none.

    Spec: ``exec/instructions.html#exec-vswizzlop``.
    """
    return v2.translate(v1 + BEYOND_16)


# Conversions: the first shape is the operand's, the second the result's


def vnarrow(src: Shape, dst: Shape, op: Op, v1: bytes, v2: bytes) -> bytes:
    """The lanes of both vectors, narrowed.  Spec: ``exec/instructions.html#exec-vnarrow``."""
    return dst.vector([op(src.width, dst.width, c) for c in (*src.lanes(v1), *src.lanes(v2))])


def vcvtop(src: Shape, dst: Shape, op: Op, v: bytes) -> bytes:
    """The lanes, or the low half of them if the result has fewer, converted.

    Spec: ``exec/instructions.html#exec-vcvtop``.
    """
    return dst.vector([op(src.width, dst.width, c) for c in src.lanes(v)[: dst.dim]])


def vcvtop_high(src: Shape, dst: Shape, op: Op, v: bytes) -> bytes:
    """The high half of the lanes, converted.  Spec: ``exec/instructions.html#exec-vcvtop``."""
    return dst.vector([op(src.width, dst.width, c) for c in src.lanes(v)[dst.dim :]])


def vcvtop_zero(src: Shape, dst: Shape, op: Op, v: bytes) -> bytes:
    """The lanes converted, then zeros.  Spec: ``exec/instructions.html#exec-vcvtop``."""
    return dst.vector(
        [op(src.width, dst.width, c) for c in src.lanes(v)] + [0] * (dst.dim - src.dim)
    )


def vextmul(src: Shape, dst: Shape, op: Op, v1: bytes, v2: bytes) -> bytes:
    """The products of the low halves, extended by ``op`` before.

    Spec: ``exec/instructions.html#exec-vextbinop``.
    """
    return dst.vector(
        [
            imul(dst.width, op(src.width, dst.width, c1), op(src.width, dst.width, c2))
            for c1, c2 in zip(src.lanes(v1)[: dst.dim], src.lanes(v2))
        ]
    )


def vextmul_high(src: Shape, dst: Shape, op: Op, v1: bytes, v2: bytes) -> bytes:
    """As ``vextmul``, of the high halves.  Spec: ``exec/instructions.html#exec-vextbinop``."""
    return dst.vector(
        [
            imul(dst.width, op(src.width, dst.width, c1), op(src.width, dst.width, c2))
            for c1, c2 in zip(src.lanes(v1)[dst.dim :], src.lanes(v2)[dst.dim :])
        ]
    )


def vextadd_pairwise(src: Shape, dst: Shape, op: Op, v: bytes) -> bytes:
    """The sums of neighbours, extended by ``op`` before.

    Spec: ``exec/instructions.html#exec-vextunop``.
    """
    return dst.vector(
        [
            iadd(dst.width, op(src.width, dst.width, c1), op(src.width, dst.width, c2))
            for c1, c2 in zip(src.lanes(v)[::2], src.lanes(v)[1::2])
        ]
    )


def vdot(src: Shape, dst: Shape, ext: Op, add: Op, v1: bytes, v2: bytes) -> bytes:
    """The sums by ``add`` of neighbouring products, extended by ``ext`` before.

    Spec: ``exec/instructions.html#exec-vextbinop``.
    """
    return dst.vector(
        [
            add(
                dst.width,
                imul(dst.width, ext(src.width, dst.width, c1), ext(src.width, dst.width, c2)),
                imul(dst.width, ext(src.width, dst.width, c3), ext(src.width, dst.width, c4)),
            )
            for c1, c2, c3, c4 in zip(
                src.lanes(v1)[::2], src.lanes(v2)[::2], src.lanes(v1)[1::2], src.lanes(v2)[1::2]
            )
        ]
    )


def vdot_add(
    src: Shape, mid: Shape, dst: Shape, ext: Op, add: Op, v1: bytes, v2: bytes, v3: bytes
) -> bytes:
    """``vdot`` into ``mid``, added pairwise into ``dst``, and ``v3`` added to that.

    Spec: ``exec/instructions.html#exec-vextternop``.
    """
    dot = vdot(src, mid, ext, add, v1, v2)
    return vbinop(dst, iadd, vextadd_pairwise(mid, dst, ext, dot), v3)
