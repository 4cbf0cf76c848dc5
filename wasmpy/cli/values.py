"""Values on the command line: from text by their types, and back.

What belongs here: numbers and null references as a person writes and reads
them, and how signatures are shown.  What does not: any other use of values.
"""

from __future__ import annotations

import contextlib
import math
import re
import struct
from typing import Any, List, Sequence

from wasmpy.cli.errors import UsageError
from wasmpy.errors import printable
from wasmpy.syntax.types import F32, F64, I32, I64, FuncType, RefType, ValType, VecType

_INT = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)\Z")
_NAN = re.compile(r"([+-]?)nan(?::(?:canonical|0[xX]([0-9a-fA-F]+)))?\Z")
_MANTISSA = {F32: 23, F64: 52}
_F32_NAN_SHIFT = 29  # how much lower an f32's payload stands in the f64 that holds it


def parse_values(texts: Sequence[str], functype: FuncType, name: str) -> List[Any]:
    """``texts`` as arguments for ``functype``; integers signed.

    Raises: UsageError for the wrong number of them, or one that does not fit.
    """
    params = functype.params
    if len(texts) != len(params):
        were = "was" if len(texts) == 1 else "were"
        raise UsageError(
            f"{name} takes {_count(len(params))}, {len(texts)} {were} given: "
            f"{signature(name, functype)}"
        )
    return [_parse(text, params[i], i + 1) for i, text in enumerate(texts)]


def signature(name: str, functype: FuncType) -> str:
    """A function's name and type on one line: ``add(i32, i32) -> i32``; the name is printable."""
    params = ", ".join(str(t) for t in functype.params)
    results = ", ".join(str(t) for t in functype.results)
    if len(functype.results) > 1:
        results = f"({results})"
    return f"{printable(name)}({params})" + (f" -> {results}" if results else "")


def value_text(value: Any, valtype: ValType) -> str:
    """A result as text: integers signed, floats so that they can be read back exactly.

    A vector is one hexadecimal number, lane 0 in its lowest digits.
    """
    if valtype in (F32, F64):
        return _float_text(value, valtype)
    if isinstance(valtype, RefType):
        return "null" if value is None else str(value)
    return "0x" + value[::-1].hex() if isinstance(value, bytes) else str(value)


def value_json(value: Any, valtype: ValType) -> Any:
    """A result in JSON: i32 and finite floats as numbers, everything else as its text.

    An i64 is text, because many readers of JSON keep numbers as doubles.
    """
    if valtype == I32 or (valtype in (F32, F64) and math.isfinite(value)):
        return value
    return value_text(value, valtype)


def _count(n: int) -> str:
    return "no arguments" if n == 0 else "1 argument" if n == 1 else f"{n} arguments"


def _parse(text: str, valtype: ValType, position: int) -> Any:
    """One argument.  Raises: UsageError."""
    try:
        if valtype in (I32, I64):
            return _parse_int(text, 32 if valtype == I32 else 64)
        if valtype in (F32, F64):
            return _parse_float(text, valtype)
        if isinstance(valtype, VecType):
            return (_parse_int(text, 128) % (1 << 128)).to_bytes(16, "little")
    except (ValueError, OverflowError):
        raise UsageError(f"argument {position} is no {valtype}: {text!r}") from None
    if isinstance(valtype, RefType) and text == "null":
        return None
    hint = " (only null can)" if isinstance(valtype, RefType) else ""
    raise UsageError(
        f"argument {position} is a {valtype}, which cannot be given on the command line{hint}"
    )


def _parse_int(text: str, bits: int) -> int:
    """A decimal or hexadecimal integer, signed or not, as a signed one.  Raises: ValueError."""
    if not _INT.match(text) or len(text) > 40:
        raise ValueError(text)
    value = int(text, 0) if "x" in text.lower() else int(text, 10)
    if not -(1 << bits - 1) <= value < 1 << bits:
        raise ValueError(text)
    return value - (1 << bits) if value >> bits - 1 > 0 else value


def _parse_float(text: str, valtype: ValType) -> float:
    """A decimal or hexadecimal float, ``inf`` or a NaN.  Raises: ValueError, OverflowError."""
    nan = _NAN.match(text)
    if nan:
        return _parse_nan(nan.group(1), nan.group(2), valtype)
    if "_" in text or text.strip() != text:
        raise ValueError(text)
    value = float.fromhex(text) if "0x" in text.lower() else float(text)
    if valtype == F32:
        # The text's own infinity stays; a finite number beyond f32 does not fit.
        value = float(struct.unpack("<f", struct.pack("<f", value))[0])
    elif math.isinf(value) and "inf" not in text.lower():
        raise OverflowError(text)
    return value


def _parse_nan(sign: str, payload_text: str, valtype: ValType) -> float:
    """A NaN with its sign and payload.  Raises: ValueError for a payload that does not fit."""
    mantissa = _MANTISSA[valtype]  # type: ignore[index]
    payload = int(payload_text, 16) if payload_text else 1 << mantissa - 1
    if not 0 < payload < 1 << mantissa:
        raise ValueError(payload_text)
    if valtype == F32:
        payload <<= _F32_NAN_SHIFT
    bits = (sign == "-") << 63 | 0x7FF << 52 | payload
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def _float_text(value: float, valtype: ValType) -> str:
    """A float so that it reads back exactly: the shortest decimal, ``inf``, or a NaN's bits."""
    if math.isnan(value):
        (bits,) = struct.unpack("<Q", struct.pack("<d", value))
        mantissa = _MANTISSA[valtype]  # type: ignore[index]
        payload = (bits & (1 << 52) - 1) >> (_F32_NAN_SHIFT if valtype == F32 else 0)
        name = "nan" if payload == 1 << mantissa - 1 else f"nan:{payload:#x}"
        return ("-" if bits >> 63 else "") + name
    if valtype == F32 and math.isfinite(value):
        for digits in range(1, 10):
            decimal = float(f"{value:.{digits}g}")
            with contextlib.suppress(OverflowError):  # rounded up, beyond the greatest f32
                if struct.pack("<f", decimal) == struct.pack("<f", value):
                    return repr(decimal)
    return repr(value)
