"""Numerics against the identities that define them.

What belongs here: every operator at its widths against an independent
statement of what it means, on big integers, fractions or ``struct``.

Spec: ``exec/numerics.html``.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmpy.errors import WasmTrap
from wasmpy.exec.generated import NUMERIC
from wasmpy.isa.derived import op_of
from wasmpy.numerics import bits, conversions, floats, integers

WIDTHS = st.sampled_from([8, 16, 32, 64])


def edge(N: int) -> Any:
    """Integers of width N, the edges often."""
    corners = [0, 1, 2, 2**N - 1, 2 ** (N - 1), 2 ** (N - 1) - 1, 2 ** (N - 1) + 1, N, N - 1]
    return st.one_of(st.sampled_from(corners), st.integers(0, 2**N - 1))


PAIR = WIDTHS.flatmap(lambda N: st.tuples(st.just(N), edge(N), edge(N)))
F64S = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.5, 2.5, -0.5, 2.0**52 + 0.5]))
F32S = st.integers(0, 2**32 - 1).map(bits.f32_from_bits)


def sign(N: int, i: int) -> int:
    return i - 2**N if i >> (N - 1) else i


@given(PAIR)
def test_ring_operations_are_those_of_integers_modulo_2_to_the_n(case: Any) -> None:
    N, a, b = case
    assert integers.iadd(N, a, b) == (a + b) % 2**N
    assert integers.iadd(N, integers.isub(N, a, b), b) == a
    assert integers.imul(N, a, b) == a * b - (a * b // 2**N) * 2**N


@given(PAIR)
def test_division_satisfies_its_identity(case: Any) -> None:
    N, a, b = case
    if b == 0:
        for operator in (
            integers.idiv_u, integers.idiv_s, integers.irem_u, integers.irem_s
        ):  # fmt: skip
            with pytest.raises(WasmTrap):
                operator(N, a, b)
        return
    assert integers.idiv_u(N, a, b) * b + integers.irem_u(N, a, b) == a
    remainder = sign(N, integers.irem_s(N, a, b))
    assert abs(remainder) < abs(sign(N, b))
    assert remainder == 0 or (remainder < 0) == (sign(N, a) < 0)
    if a == 2 ** (N - 1) and b == 2**N - 1:
        with pytest.raises(WasmTrap):
            integers.idiv_s(N, a, b)
    else:
        quotient = sign(N, integers.idiv_s(N, a, b))
        assert quotient == int(Fraction(sign(N, a), sign(N, b)))
        assert quotient * sign(N, b) + remainder == sign(N, a)


@given(PAIR)
def test_shifts_and_rotations(case: Any) -> None:
    N, a, b = case
    k = b % N
    assert integers.ishl(N, a, b) == a * 2**k % 2**N
    assert integers.ishr_u(N, a, b) == a // 2**k
    assert sign(N, integers.ishr_s(N, a, b)) == math.floor(Fraction(sign(N, a), 2**k))
    digits = format(a, f"0{N}b")
    assert integers.irotl(N, a, b) == int(digits[k:] + digits[:k], 2)
    assert integers.irotr(N, integers.irotl(N, a, b), b) == a


@given(PAIR)
def test_comparisons(case: Any) -> None:
    N, a, b = case
    s, t = sign(N, a), sign(N, b)
    for name, unsigned, signed in (
        ("lt", a < b, s < t), ("gt", a > b, s > t), ("le", a <= b, s <= t), ("ge", a >= b, s >= t)
    ):  # fmt: skip
        assert getattr(integers, f"i{name}_u")(N, a, b) == int(unsigned)
        assert getattr(integers, f"i{name}_s")(N, a, b) == int(signed)
    assert integers.ieq(N, a, b) == 1 - integers.ine(N, a, b) == int(a == b)


@given(PAIR)
def test_counting(case: Any) -> None:
    N, a, _ = case
    digits = format(a, f"0{N}b")
    assert integers.iclz(N, a) == len(digits) - len(digits.lstrip("0"))
    assert integers.ictz(N, a) == len(digits) - len(digits.rstrip("0"))
    assert integers.ipopcnt(N, a) == digits.count("1")


@given(PAIR, st.sampled_from([8, 16, 32]))
def test_sign_extension(case: Any, M: int) -> None:
    N, a, _ = case
    if M <= N:
        assert sign(N, integers.iextend_s(N, M, a)) == sign(M, a % 2**M)


def as_f32(z: float) -> float:
    """The nearest f32 by ``struct``, which raises where the spec says infinity."""
    if z != z or math.isinf(z):
        return z
    try:
        rounded: float = struct.unpack("<f", struct.pack("<f", z))[0]
    except OverflowError:
        return math.copysign(math.inf, z)
    return rounded


def same(a: float, b: float) -> bool:
    return struct.pack("<d", a) == struct.pack("<d", b)


@given(F64S)
def test_rounding_to_f32_is_that_of_the_machine(z: float) -> None:
    rounded = bits.fround(32, z)
    assert same(rounded, bits.NAN if z != z else as_f32(z))


@given(st.integers(2**23, 2**24 - 1), st.integers(-160, 120), st.sampled_from([-1, 0, 1]))
def test_ties_round_to_even(mantissa: int, exponent: int, nudge: int) -> None:
    z = math.ldexp(2 * mantissa + 1, exponent)
    z = z if nudge == 0 else math.ldexp((2 * mantissa + 1) * 2**26 + nudge, exponent - 26)
    assert same(bits.fround(32, z), as_f32(z))


@given(st.integers(0, 2**32 - 1))
def test_f32_bits_are_an_identity(i: int) -> None:
    assert bits.f32_bits(bits.f32_from_bits(i)) == i


@given(st.integers(0, 2**64 - 1))
def test_f64_bits_are_an_identity(i: int) -> None:
    assert bits.f64_bits(bits.f64_from_bits(i)) == i


def exactly(N: int, exact: Fraction) -> float:
    """The fN nearest to a fraction, ties to even, by integer division."""
    precision, low = (24, -149) if N == 32 else (53, -1074)
    if exact == 0:
        return 0.0
    magnitude = abs(exact)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    scale = max(exponent - precision + 1, low)
    units = round(magnitude / Fraction(2) ** scale)  # Fraction rounds ties to even
    largest = 128 if N == 32 else 1024
    side = 1.0 if exact > 0 else -1.0
    if units * Fraction(2) ** scale >= Fraction(2) ** largest:
        return side * math.inf
    return side * math.ldexp(units, scale)


@pytest.mark.parametrize("N", [32, 64])
@given(data=st.data())
def test_arithmetic_is_correctly_rounded(N: int, data: Any) -> None:
    source = F32S if N == 32 else F64S
    a, b = data.draw(source), data.draw(source)
    if not (math.isfinite(a) and math.isfinite(b)):
        return
    x, y = Fraction(a), Fraction(b)
    for operator, exact in (
        (floats.fadd, x + y), (floats.fsub, x - y), (floats.fmul, x * y),
        (floats.fdiv, x / y if y else None),
    ):  # fmt: skip
        if exact is None or exact == 0:
            continue  # the signs of zeros: the official scripts have them
        assert operator(N, a, b) == exactly(N, exact)


@pytest.mark.parametrize("N", [32, 64])
@given(data=st.data())
def test_square_roots_are_correctly_rounded(N: int, data: Any) -> None:
    z = data.draw(F32S if N == 32 else F64S)
    root = floats.fsqrt(N, z)
    if z != z or z < 0:
        assert same(root, bits.NAN)
    elif z == 0 or math.isinf(z):
        assert same(root, z)
    else:
        step = bits.float_bits(N, root)
        below = bits.float_from_bits(N, step - 1)
        above = bits.float_from_bits(N, step + 1)
        exact = Fraction(z)
        assert ((Fraction(below) + Fraction(root)) / 2) ** 2 <= exact
        assert exact <= ((Fraction(above) + Fraction(root)) / 2) ** 2


@given(F64S)
def test_integral_roundings(z: float) -> None:
    if not math.isfinite(z):
        return
    for operator, exact in (
        (floats.fceil, math.ceil(z)), (floats.ffloor, math.floor(z)),
        (floats.ftrunc, math.trunc(z)), (floats.fnearest, round(z)),
    ):  # fmt: skip
        result = operator(64, z)
        assert result == exact
        assert math.copysign(1, result) == math.copysign(1, z)


@given(F64S, F64S)
def test_minimum_and_maximum(a: float, b: float) -> None:
    low, high = floats.fmin(64, a, b), floats.fmax(64, a, b)
    if a != a or b != b:
        assert same(low, bits.NAN)
        assert same(high, bits.NAN)
        return
    key = lambda z: (z, math.copysign(1, z))  # noqa: E731
    assert key(low) == min(key(a), key(b))
    assert key(high) == max(key(a), key(b))


@given(F64S, F64S)
def test_signs_move_alone(a: float, b: float) -> None:
    i = bits.f64_bits(a)
    assert bits.f64_bits(floats.fneg(64, a)) == i ^ 2**63
    assert bits.f64_bits(floats.fabs(64, a)) == i & ~(2**63)
    got = bits.f64_bits(floats.fcopysign(64, a, b))
    assert got == i & ~(2**63) | bits.f64_bits(b) & 2**63


@pytest.mark.parametrize("N", [32, 64])
@given(z=F64S)
def test_truncations(N: int, z: float) -> None:
    for name, low, high in (("u", 0, 2**N - 1), ("s", -(2 ** (N - 1)), 2 ** (N - 1) - 1)):
        trunc = getattr(conversions, f"trunc_{name}")
        saturating = getattr(conversions, f"trunc_sat_{name}")(64, N, z)
        if z != z:
            assert saturating == 0
        elif math.isinf(z) or not low <= int(z) <= high:
            assert saturating == (low if z < 0 else high) % 2**N
        else:
            assert trunc(64, N, z) == saturating == int(z) % 2**N
            continue
        with pytest.raises(WasmTrap):
            trunc(64, N, z)


@given(st.sampled_from([32, 64]).flatmap(lambda M: st.tuples(st.just(M), edge(M))))
def test_conversions_round_once(case: Any) -> None:
    M, i = case
    for N in (32, 64):
        assert conversions.convert_u(M, N, i) == exactly(N, Fraction(i))
        assert conversions.convert_s(M, N, i) == exactly(N, Fraction(sign(M, i)))


NANS = [0x7FF0000000000001, 0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF, 0xFFF4000000000000]


@pytest.mark.parametrize("payload", NANS)
@pytest.mark.parametrize(
    "mnemonic",
    [
        "f64.add", "f64.sub", "f64.mul", "f64.div", "f64.min", "f64.max", "f64.sqrt", "f64.ceil",
        "f64.floor", "f64.trunc", "f64.nearest", "f32.demote_f64", "f64.promote_f32",
        "f32.add", "f32.sub", "f32.mul", "f32.div", "f32.min", "f32.max", "f32.sqrt",
    ],
)  # fmt: skip
def test_an_operator_that_makes_a_nan_makes_the_canonical_one(mnemonic: str, payload: int) -> None:
    handler = NUMERIC[op_of(mnemonic)]
    nan = bits.f64_from_bits(payload)
    binary = mnemonic.split(".")[1] in ("add", "sub", "mul", "div", "min", "max")
    stacks = [[nan, 1.0], [1.0, nan]] if binary else [[nan]]
    for stack in stacks:
        handler(stack, [], None)
        assert bits.f64_bits(stack[0]) == 0x7FF8000000000000
