"""Number literals: their grammar, their range, and their exact value in bits.

What belongs here: integers with sign, base and underscores; floats, decimal
and hexadecimal, rounded once, correctly, for the width asked for; infinities
and NaNs with payload.  Every function takes the text of one token and raises
:class:`ValueError` with the spec's message when it is not such a literal.

Spec: ``text/values.html``.
"""

from __future__ import annotations

import re
import struct
from typing import Dict, NamedTuple, Sequence, Tuple

_DEC = r"[0-9](?:_?[0-9])*"
_HEX = r"[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_INT = re.compile(rf"([+-]?)(?:0x({_HEX})|({_DEC}))")
_FLOAT = re.compile(
    rf"([+-]?)(?:0x({_HEX})(?:\.({_HEX})?)?(?:[pP]([+-]?{_DEC}))?"
    rf"|({_DEC})(?:\.({_DEC})?)?(?:[eE]([+-]?{_DEC}))?"
    rf"|(inf)|(nan)|nan:0x({_HEX}))"
)

_LONGEST = 400
"""More significant digits than any integer in range has."""


def _magnitude(hexadecimal: str, decimal: str) -> int:
    """The value of the digits; a number too long to matter is cut short, and stays too large."""
    if hexadecimal:
        return int(hexadecimal.replace("_", "").lstrip("0")[:_LONGEST] or "0", 16)
    return int(decimal.replace("_", "").lstrip("0")[:_LONGEST] or "0")


def parse_nat(text: str, bits: int) -> int:
    """An unsigned integer below 2**bits without a sign: an index, a size, an offset.

    >>> parse_nat("0x1_0", 32)
    16
    """
    m = _INT.fullmatch(text)
    if m is None or m.group(1):
        raise ValueError(f"unexpected token {text[:40] or 'end'}, expected a number")
    value = _magnitude(m.group(2), m.group(3))
    if value >> bits:
        raise ValueError(f"i{bits} constant out of range")
    return value


def parse_int(text: str, bits: int) -> int:
    """The literal of an ``iN.const`` as an unsigned integer of that width.

    >>> hex(parse_int("-1", 32)), parse_int("+4294967295", 32)
    ('0xffffffff', 4294967295)
    """
    m = _INT.fullmatch(text)
    if m is None:
        raise ValueError(f"unknown operator {text[:40]}, expected an integer")
    value = _magnitude(m.group(2), m.group(3))
    if m.group(1) == "-":
        value = -value
    if not -(1 << bits >> 1) <= value < 1 << bits:
        raise ValueError(f"i{bits} constant out of range")
    return value & ((1 << bits) - 1)


class FloatFormat(NamedTuple):
    """An IEEE 754 binary format: total width, fraction bits, exponent bias."""

    bits: int
    fraction: int
    bias: int

    @property
    def infinity(self) -> int:
        """The bits of positive infinity."""
        return (2 * self.bias + 1) << self.fraction


FORMATS: Dict[int, FloatFormat] = {
    32: FloatFormat(32, 23, 127),
    64: FloatFormat(64, 52, 1023),
}


def parse_float(text: str, bits: int) -> int:
    """The literal of an ``fN.const`` as the bits of that format.

    The value is rounded to nearest, ties to even, once, from its exact value.

    >>> hex(parse_float("1", 32)), hex(parse_float("-nan:0x1", 32))
    ('0x3f800000', '0xff800001')
    """
    form = FORMATS[bits]
    m = _FLOAT.fullmatch(text)
    if m is None:
        raise ValueError(f"unknown operator {text[:40]}, expected a float")
    sign = 1 << (bits - 1) if m.group(1) == "-" else 0
    if m.group(2):
        magnitude = _hex_bits(m.group(2), m.group(3) or "", m.group(4) or "0", form)
    elif m.group(5):
        magnitude = _decimal_bits(m.group(5), m.group(6) or "", m.group(7) or "0", form)
    elif m.group(8):
        return sign | form.infinity
    elif m.group(9):
        return sign | form.infinity | 1 << (form.fraction - 1)
    else:
        payload = _magnitude(m.group(10), "")
        if not 0 < payload < 1 << form.fraction:
            raise ValueError(f"f{bits} constant out of range")
        return sign | form.infinity | payload
    if magnitude >= form.infinity:
        raise ValueError(f"f{bits} constant out of range")
    return sign | magnitude


SHAPES: Dict[str, Tuple[int, int]] = {
    "i8x16": (16, 8), "i16x8": (8, 16), "i32x4": (4, 32), "i64x2": (2, 64),
    "f32x4": (4, 32), "f64x2": (2, 64),
}  # fmt: skip
"""The shapes of a vector literal: the number of its lanes and their width."""


def parse_lanes(shape: str, texts: Sequence[str]) -> bytes:
    """The literals of a ``v128.const`` as its 16 bytes; there are as many as lanes.

    >>> parse_lanes("f64x2", ["1", "-0x0p0"]).hex()
    '000000000000f03f0000000000000080'
    """
    width = SHAPES[shape][1]
    parse = parse_float if shape[0] == "f" else parse_int
    return b"".join([parse(text, width).to_bytes(width // 8, "little") for text in texts])


def _split(whole: str, fraction: str, exponent: str) -> Tuple[str, int, int]:
    """Significant digits without leading zeros, digits behind the point, exponent (clamped)."""
    fraction = fraction.replace("_", "")
    digits = (whole.replace("_", "") + fraction).lstrip("0")
    power = exponent.replace("_", "")
    magnitude = power.lstrip("+-").lstrip("0")
    # Twelve digits of exponent outweigh any number of digits that fits in memory.
    value = int(magnitude[:12] or "0") if len(magnitude) <= 12 else 10**12
    return digits, len(fraction), -value if power[0] == "-" else value


def _hex_bits(whole: str, fraction: str, exponent: str, form: FloatFormat) -> int:
    digits, behind, power = _split(whole, fraction, exponent)
    if not digits:
        return 0
    power -= 4 * behind
    # What lies beyond the precision only matters as "more than nothing".
    kept = digits[:_LONGEST]
    rest = digits[_LONGEST:]
    power += 4 * len(rest)
    mantissa = int(kept, 16)
    if rest.strip("0"):
        mantissa = mantissa << 1 | 1
        power -= 1
    if power > 2 * form.bias:
        return form.infinity
    if power + mantissa.bit_length() < -2 * form.bias:
        return 0
    if power >= 0:
        return round_ratio(mantissa << power, 1, form)
    return round_ratio(mantissa, 1 << -power, form)


_DECIMAL_DIGITS = 800
"""More significant digits than the exact middle between two neighbouring f64 has (767)."""


def _decimal_bits(whole: str, fraction: str, exponent: str, form: FloatFormat) -> int:
    digits, behind, power = _split(whole, fraction, exponent)
    if not digits:
        return 0
    if form.bits == 64:
        # Python's own conversion is correctly rounded for this format.
        number = float(f"{digits}e{power - behind}")
        return int(struct.unpack("<Q", struct.pack("<d", number))[0])
    power -= behind
    kept, rest = digits[:_DECIMAL_DIGITS], digits[_DECIMAL_DIGITS:]
    power += len(rest)
    if rest.strip("0"):
        kept += "1"
        power -= 1
    if power + len(kept) > form.bias:
        return form.infinity
    if power + len(kept) < -form.bias:
        return 0
    mantissa = int(kept)
    if power >= 0:
        return round_ratio(mantissa * 10**power, 1, form)
    return round_ratio(mantissa, 10**-power, form)


def round_ratio(numerator: int, denominator: int, form: FloatFormat) -> int:
    """The bits of the float nearest to a positive ratio, ties to even.

    Too large a value gives the bits of infinity.

    >>> hex(round_ratio(1, 3, FORMATS[32]))
    '0x3eaaaaab'
    """
    lowest = 1 - form.bias - form.fraction
    magnitude = numerator.bit_length() - denominator.bit_length()
    if magnitude >= 0:
        below = numerator < denominator << magnitude
    else:
        below = numerator << -magnitude < denominator
    # 2**(magnitude - below) <= ratio < twice that; subnormals have the lowest exponent.
    exponent = max(magnitude - below - form.fraction, lowest)
    if exponent >= 0:
        denominator <<= exponent
    else:
        numerator <<= -exponent
    quotient, remainder = divmod(numerator, denominator)
    if 2 * remainder > denominator or (2 * remainder == denominator and quotient & 1):
        quotient += 1
    # The leading one of a normal number adds itself to the biased exponent.
    bits = ((exponent - lowest) << form.fraction) + quotient
    return min(bits, form.infinity)
