"""Number literals: exact values, ranges, grammar."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmpy.text.numbers import FORMATS, parse_float, parse_int, parse_nat, round_ratio


def f32(bits: int) -> float:
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def f64(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


finite32 = st.integers(0, 2**32 - 1).filter(lambda b: b & 0x7F800000 != 0x7F800000)
finite64 = st.integers(0, 2**64 - 1).filter(lambda b: b >> 52 & 0x7FF != 0x7FF)


@given(finite64)
def test_f64_written_in_decimal_or_hexadecimal_is_the_same_bits(bits: int) -> None:
    assert parse_float(repr(f64(bits)), 64) == bits
    assert parse_float(f64(bits).hex(), 64) == bits


@given(finite32)
def test_f32_written_in_decimal_or_hexadecimal_is_the_same_bits(bits: int) -> None:
    assert parse_float(repr(f32(bits)), 32) == bits
    assert parse_float(f32(bits).hex(), 32) == bits


@given(st.integers(1, 2**80), st.integers(-60, 40), st.sampled_from([32, 64]))
def test_a_rounded_value_is_nearest_to_the_exact_one(digits: int, power: int, bits: int) -> None:
    exact = Fraction(digits) * Fraction(10) ** power
    try:
        found = parse_float(f"{digits}e{power}", bits)
    except ValueError:
        assert bits == 32
        assert exact >= Fraction(2) ** 128 - Fraction(2) ** 103
        return
    unpack = f32 if bits == 32 else f64
    distance = abs(Fraction(unpack(found)) - exact)
    for neighbour in (found - 1, found + 1):
        value = unpack(neighbour) if neighbour >= 0 else -unpack(1)
        if math.isfinite(value):
            other = abs(Fraction(value) - exact)
            assert distance < other or (distance == other and found % 2 == 0)


@given(st.integers(1, 2**200), st.integers(1, 2**200))
def test_round_ratio_agrees_with_python_division(numerator: int, denominator: int) -> None:
    expected = struct.unpack("<Q", struct.pack("<d", numerator / denominator))[0]
    assert round_ratio(numerator, denominator, FORMATS[64]) == expected


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        # Halfway between two f32 after rounding to f64, but not before.
        ("16777217.0000000001", 0x4B800001),
        ("16777216.9999999999", 0x4B800000),
        ("16777217", 0x4B800000),
        ("16777219", 0x4B800002),
        ("0x1.00000100000000001p0", 0x3F800001),
        ("0x1.000001p0", 0x3F800000),
        ("0x1.fffffep127", 0x7F7FFFFF),
        ("0x1.fffffefp127", 0x7F7FFFFF),
        ("1e-45", 1),
        ("0x1p-149", 1),
        ("0x1p-150", 0),
        ("0x1.0000001p-150", 1),
        ("-0", 0x80000000),
        ("0e999999999999999999999", 0),
        ("1e-999999999999999999999", 0),
        ("0x0p99999999999999999999", 0),
        ("0x1p-99999999999999999999", 0),
        ("1_0.2_5e0_1", 0x42CD0000),
        ("0x_".replace("_", "1_0.8p1"), 0x42040000),
        ("inf", 0x7F800000),
        ("-inf", 0xFF800000),
        ("nan", 0x7FC00000),
        ("-nan:0x7f_ffff", 0xFFFFFFFF),
        ("nan:0x1", 0x7F800001),
        ("1.", 0x3F800000),
        ("1.e1", 0x41200000),
        ("0x1.p1", 0x40000000),
    ],
)
def test_f32_literals(text: str, bits: int) -> None:
    assert parse_float(text, 32) == bits


def test_digits_beyond_any_precision_still_count() -> None:
    tie = "0." + "0" * 10 + "1"  # far from a tie, only long
    assert parse_float(tie + "0" * 5000, 64) == parse_float(tie, 64)
    assert parse_float("16777217." + "0" * 5000 + "1", 32) == 0x4B800001
    assert parse_float("9007199254740993." + "0" * 5000 + "1", 64) == 0x4340000000000001
    assert parse_float("0x1.000001" + "0" * 5000 + "1p0", 32) == 0x3F800001
    assert parse_float("0x1" + "0" * 5000 + "p-20000", 64) == 0x3FF0000000000000


@pytest.mark.parametrize(
    "text",
    [
        "0x1.ffffffp127", "340282356779733661637539395458142568448", "1e39", "nan:0x0",
        "nan:0x80_0000", "nan:0x", "nan:1", "1__0", "_1", "1_", "0x", "0x_1", "1e", "1e+", ".1",
        "+", "", "1._0", "0x1p", "0x1p0x1", "infinity", "NaN", "1.0f", "0b1", "\u0661",
        "1e999999999999999999999", "0x1p999999999999999999999", "nan:canonical",
    ],
)  # fmt: skip
def test_what_is_no_f32(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_float(text, 32)


@given(st.integers(-(2**31), 2**32 - 1))
def test_i32_literals(value: int) -> None:
    sign = "-" if value < 0 else ""
    assert parse_int(str(value), 32) == value % 2**32
    assert parse_int(f"{sign}{abs(value):#x}", 32) == value % 2**32
    assert parse_int(f"{sign}{abs(value):_}", 32) == value % 2**32


@pytest.mark.parametrize("text", ["4294967296", "-2147483649", "0x1_0000_0000", "9" * 10_000])
def test_i32_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_int(text, 32)


@pytest.mark.parametrize("text", ["", "-", "0x", "1__0", "1_", "_1", "0X1", "1.0", "1e3", "--1"])
def test_what_is_no_integer(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_int(text, 64)


def test_naturals_have_no_sign() -> None:
    assert parse_nat("0x10", 32) == 16
    for text in ("+1", "-1", "4294967296"):
        with pytest.raises(ValueError, match="."):
            parse_nat(text, 32)
