"""Modules written byte by byte, for what no assembler would write.

What belongs here: sections, LEB128 with padding, and the smallest modules
around them.  What does not: anything the decoder is tested for.
"""

from __future__ import annotations

from typing import Tuple

PREAMBLE = b"\0asm\1\0\0\0"


def leb(value: int, width: int = 1) -> bytes:
    """An unsigned LEB128 integer, padded to ``width`` bytes at least."""
    out = bytearray()
    while value >= 0x80 or len(out) + 1 < width:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def vec(*items: bytes) -> bytes:
    return leb(len(items)) + b"".join(items)


def section(sid: int, body: bytes) -> bytes:
    return bytes([sid]) + leb(len(body)) + body


def custom(name: str, body: bytes = b"") -> bytes:
    raw = name.encode()
    return section(0, leb(len(raw)) + raw + body)


def module(*sections: bytes) -> bytes:
    return PREAMBLE + b"".join(sections)


def types(*functypes: bytes) -> bytes:
    return section(1, vec(*functypes))


VOID = b"\x60\0\0"
ONE_VOID_FUNC = types(VOID) + section(3, vec(b"\0"))
ONE_PAGE = section(5, vec(b"\0\1"))


def code(*bodies: bytes, runs: bytes = b"\0") -> bytes:
    """A code section; a body is its instructions with the last ``end``."""
    return section(10, vec(*[leb(len(runs + b)) + runs + b for b in bodies]))


def one_func(body: bytes, *before_code: bytes, runs: bytes = b"\0") -> bytes:
    """A module with one function of type [] -> []; ``body`` without its last ``end``."""
    return module(ONE_VOID_FUNC, *before_code, code(body + b"\x0b", runs=runs))


def body_span(binary: bytes, body: bytes, runs: bytes = b"\0") -> Tuple[int, int]:
    """Where ``body`` stands in ``binary``."""
    head = leb(len(runs + body)) + runs
    start = binary.index(head + body) + len(head)
    return start, start + len(body)
