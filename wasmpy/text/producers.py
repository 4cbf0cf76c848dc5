"""The producers section as ``@producers`` says it.

What belongs here: the contents of the section from what an annotation says,
and what an annotation has to say for the contents of a section.  What does
not: the annotation's place and tokens.  The binary format reads and writes
the section by itself (``wasmpy.binary.custom``), as text and binary never
import each other; a test holds that they agree.

Spec: the tool conventions' ``ProducersSection.md``.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence

SECTION = "producers"
FIELDS = ("language", "sdk", "processed-by")
"""The fields there are; a section with another has no form as an annotation."""


class Producer(NamedTuple):
    """One thing that took part in making a module."""

    field: str
    name: str
    version: str


def producers_data(producers: Sequence[Producer]) -> bytes:
    """The contents of a section: the fields in the order in which they come up.

    >>> producers_data([Producer("sdk", "a", "1")]).hex()
    '010373646b0101610131'
    """
    fields: Dict[str, List[Producer]] = {}
    for producer in producers:
        fields.setdefault(producer.field, []).append(producer)
    out = bytearray(_unsigned(len(fields)))
    for field, items in fields.items():
        out += _name(field) + _unsigned(len(items))
        for item in items:
            out += _name(item.name) + _name(item.version)
    return bytes(out)


def producers_of(data: bytes) -> Optional[List[Producer]]:
    """What a section says, if :func:`producers_data` makes these same bytes of it, else None.

    >>> producers_of(producers_data([Producer("sdk", "a", "1")]))
    [Producer(field='sdk', name='a', version='1')]
    """
    found: List[Producer] = []
    r = _Contents(data)
    try:
        for _ in range(r.unsigned()):
            field = r.name()
            if field not in FIELDS:
                return None
            found += [Producer(field, r.name(), r.name()) for _ in range(r.unsigned())]
    except (IndexError, UnicodeDecodeError):
        return None
    # A count in a longer form, a field without producers or one that comes twice is lost in text.
    return found if producers_data(found) == data else None


_LONGEST = 35
"""The bits of the longest form of a number."""


class _Contents:
    """A position in the contents of a section.  What is not there raises IndexError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.pos]
            self.pos += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > _LONGEST:
                raise IndexError(self.pos)

    def name(self) -> str:
        size = self.unsigned()
        self.pos += size
        if self.pos > len(self.data):
            raise IndexError(self.pos)
        return self.data[self.pos - size : self.pos].decode("utf-8")


def _unsigned(value: int) -> bytes:
    out: List[int] = []
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _name(text: str) -> bytes:
    raw = text.encode("utf-8")
    return _unsigned(len(raw)) + raw
