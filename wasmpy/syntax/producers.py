"""The contents of the producers section.

What belongs here: what the section says, and its bytes, which both formats need: the
binary one has the section as it is, the text one has it as an annotation, and neither
knows the other.

Spec: the tool conventions' ``ProducersSection.md``.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

SECTION = "producers"

Producers = Dict[str, List[Tuple[str, str]]]
"""Of each field the names and versions of what produced the module."""


def encode_producers(producers: Producers) -> bytes:
    """The contents of a section that says ``producers``.

    >>> encode_producers({"sdk": [("a", "1")]}).hex()
    '010373646b0101610131'
    """
    out = bytearray(unsigned(len(producers)))
    for field, items in producers.items():
        out += name_bytes(field) + unsigned(len(items))
        for name, version in items:
            out += name_bytes(name) + name_bytes(version)
    return bytes(out)


def decode_producers(data: bytes) -> Optional[Producers]:
    """What a section says, or None if it is not well-formed.

    >>> decode_producers(encode_producers({"language": [("Rust", "2021")]}))
    {'language': [('Rust', '2021')]}
    """
    r = _Contents(data)
    producers: Producers = {}
    try:
        for _ in range(r.unsigned()):
            field = r.name()
            producers[field] = [(r.name(), r.name()) for _ in range(r.unsigned())]
    except (IndexError, UnicodeDecodeError):
        return None
    return producers if r.pos == len(data) else None


def unsigned(value: int) -> bytes:
    """An unsigned LEB128 integer in its shortest form.

    Spec: ``binary/values.html#binary-uint``.
    """
    out: List[int] = []
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def name_bytes(text: str) -> bytes:
    """A name: its length, and its bytes.  Spec: ``binary/values.html#binary-name``."""
    raw = text.encode("utf-8")
    return unsigned(len(raw)) + raw


class _Contents:
    """A position in the contents of a section.  What is not there raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0

    def unsigned(self) -> int:
        """An unsigned 32-bit integer, in any of its forms."""
        value = shift = 0
        while True:
            byte = self.data[self.pos]
            self.pos += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> 32 or (byte >= 0x80 and shift >= 35):
                raise IndexError(self.pos)
            if byte < 0x80:
                return value

    def name(self) -> str:
        size = self.unsigned()
        self.pos += size
        if self.pos > len(self.data):
            raise IndexError(self.pos)
        return self.data[self.pos - size : self.pos].decode("utf-8")
