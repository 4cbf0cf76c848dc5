"""Literals as the printer writes them: strings, identifiers, numbers.

What belongs here: the inverse of ``lexer`` and ``numbers`` for one token.
Every number is exact: it parses to the same bits.

Spec: ``text/values.html``.
"""

from __future__ import annotations

import re
import struct
from typing import Dict, List

from wasmpy.text.numbers import FORMATS, parse_float

_PLAIN_ID = re.compile(r"[0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]+")

_BYTE_TEXT: List[str] = [
    chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\{b:02x}" for b in range(256)
]


def bytes_literal(data: bytes) -> str:
    r"""Bytes as a string.

    >>> bytes_literal(b'a"\0')
    '"a\\22\\00"'
    """
    return '"' + "".join([_BYTE_TEXT[b] for b in data]) + '"'


def name_literal(name: str) -> str:
    r"""A name as a string; what does not show is escaped.

    >>> name_literal("é\n")
    '"é\\u{a}"'
    """
    return '"' + "".join([c if _shows(c) else f"\\u{{{ord(c):x}}}" for c in name]) + '"'


def _shows(char: str) -> bool:
    return char.isprintable() and char not in '"\\'


def identifier(name: str) -> str:
    """A name that is not empty as an identifier, in the plain form where that can be.

    >>> identifier("f"), identifier("a b")
    ('$f', '$"a b"')
    """
    return "$" + (name if _PLAIN_ID.fullmatch(name) else name_literal(name))


def integer_literal(value: int, bits: int) -> str:
    """An integer, signed.

    >>> integer_literal(0xFFFFFFFF, 32)
    '-1'
    """
    return str(value - (1 << bits) if value >> (bits - 1) else value)


_PACKING: Dict[int, str] = {32: "<If", 64: "<Qd"}


def float_literal(value: int, bits: int) -> str:
    """The float with the bits ``value``: the shortest decimal that parses to it, NaNs in full.

    >>> float_literal(0x3DCCCCCD, 32), float_literal(0xFFC00001, 32)
    ('0.1', '-nan:0x400001')
    """
    form = FORMATS[bits]
    sign = "-" if value >> (bits - 1) else ""
    magnitude = value & ((1 << (bits - 1)) - 1)
    if magnitude == form.infinity:
        return sign + "inf"
    if magnitude > form.infinity:
        payload = magnitude - form.infinity
        quiet = payload == 1 << (form.fraction - 1)
        return sign + ("nan" if quiet else f"nan:{payload:#x}")
    code = _PACKING[bits]
    number = struct.unpack(code[0] + code[2], struct.pack(code[:2], magnitude))[0]
    return sign + (repr(number) if bits == 64 else _shortest(number, magnitude))


def _shortest(number: float, magnitude: int) -> str:
    """The shortest decimal for an f32; nine digits always tell it."""
    for digits in range(1, 9):
        text = f"{number:.{digits}g}"
        try:
            if parse_float(text, 32) == magnitude:
                return text
        except ValueError:
            continue  # rounded up out of range
    return f"{number:.9g}"
