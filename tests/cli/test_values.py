"""Values on the command line, to and from text."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest

from wasmpy.cli.errors import UsageError
from wasmpy.cli.values import parse_values, signature, value_json, value_text
from wasmpy.syntax.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    FuncType,
    ValType,
)


def parse(text: str, valtype: ValType) -> Any:
    return parse_values([text], FuncType((valtype,), ()), "f")[0]


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


@pytest.mark.parametrize(
    ("text", "valtype", "value"),
    [
        ("0", I32, 0),
        ("-1", I32, -1),
        ("+7", I32, 7),
        ("010", I32, 10),
        ("2147483647", I32, 2**31 - 1),
        ("2147483648", I32, -(2**31)),
        ("4294967295", I32, -1),
        ("0xffffffff", I32, -1),
        ("-0x80000000", I32, -(2**31)),
        ("18446744073709551615", I64, -1),
        ("-9223372036854775808", I64, -(2**63)),
        ("0X10", I64, 16),
        ("1.5", F64, 1.5),
        ("-.5", F64, -0.5),
        ("1e3", F32, 1000.0),
        ("0x1.8p1", F64, 3.0),
        ("inf", F64, math.inf),
        ("-inf", F32, -math.inf),
        ("0.1", F32, struct.unpack("<f", struct.pack("<f", 0.1))[0]),
        ("7", F64, 7.0),
        ("null", FUNCREF, None),
        ("null", EXTERNREF, None),
        ("0x0100", V128, bytes([0, 1, *[0] * 14])),
    ],
)
def test_values_are_read(text: str, valtype: ValType, value: Any) -> None:
    assert parse(text, valtype) == value


@pytest.mark.parametrize(
    ("text", "valtype", "expected"),
    [
        ("nan", F64, 0x7FF8000000000000),
        ("-nan", F64, 0xFFF8000000000000),
        ("nan:canonical", F32, 0x7FF8000000000000),
        ("nan:0x200000", F32, 0x7FF0000000000000 | 0x200000 << 29),
        ("nan:0x1", F64, 0x7FF0000000000001),
    ],
)
def test_nans_keep_their_bits(text: str, valtype: ValType, expected: int) -> None:
    assert bits(parse(text, valtype)) == expected


@pytest.mark.parametrize(
    ("text", "valtype"),
    [
        ("", I32), ("x", I32), ("1.0", I32), ("1_0", I32), ("4294967296", I32),
        ("-2147483649", I32), ("18446744073709551616", I64), ("0x", I64), ("9" * 5000, I64),
        ("1,5", F64), ("", F64), ("1_0", F64), (" 1", F64), ("1e39", F32), ("1e400", F64),
        ("nan:0x0", F64), ("nan:0x800000", F32), ("0x", F64), ("infinite", F64),
        ("x", FUNCREF), ("x", V128), ("null", V128),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(text: str, valtype: ValType) -> None:
    with pytest.raises(UsageError):
        parse(text, valtype)


def test_the_wrong_number_of_arguments_shows_the_signature() -> None:
    functype = FuncType((I32, F64), (I64,))
    with pytest.raises(UsageError) as caught:
        parse_values(["1"], functype, "f")
    assert "f(i32, f64) -> i64" in caught.value.text


def test_signatures() -> None:
    assert signature("f", FuncType((), ())) == "f()"
    assert signature("g", FuncType((I32,), (I64, FUNCREF))) == "g(i32) -> (i64, funcref)"


@pytest.mark.parametrize(
    ("value", "valtype", "text", "json"),
    [
        (-1, I32, "-1", -1),
        (2**60, I64, str(2**60), str(2**60)),
        (0.1, F64, "0.1", 0.1),
        (struct.unpack("<f", struct.pack("<f", 0.1))[0], F32, "0.1", None),
        (16777216.0, F32, "16777216.0", 16777216.0),
        (-0.0, F64, "-0.0", -0.0),
        (math.inf, F64, "inf", "inf"),
        (-math.inf, F32, "-inf", "-inf"),
        (math.nan, F64, "nan", "nan"),
        (None, FUNCREF, "null", "null"),
        (bytes(range(16)), V128, "0x0f0e0d0c0b0a09080706050403020100", None),
    ],
)
def test_results_are_written(value: Any, valtype: ValType, text: str, json: Any) -> None:
    assert value_text(value, valtype) == text
    if json is not None:
        assert value_json(value, valtype) == json


@pytest.mark.parametrize("valtype", [F32, F64])
@pytest.mark.parametrize(
    "text", ["nan", "-nan", "nan:0x1", "-nan:0x2aaaaa", "inf", "1.5", "1e-30", "3.4028235e+38"]
)
def test_what_is_written_reads_back(text: str, valtype: ValType) -> None:
    value = parse(text, valtype)
    again = parse(value_text(value, valtype), valtype)
    assert bits(again) == bits(value)
