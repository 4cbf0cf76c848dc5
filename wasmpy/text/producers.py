"""The producers section as ``@producers`` says it.

What belongs here: the contents of the section from what an annotation says,
and what an annotation has to say for the contents of a section.  What does
not: the annotation's place and tokens, and the bytes (``wasmpy.syntax.producers``).

Spec: the tool conventions' ``ProducersSection.md``.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence

from wasmpy.syntax.producers import SECTION, Producers, decode_producers, encode_producers

__all__ = ["FIELDS", "SECTION", "Producer", "producers_data", "producers_of"]

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
    fields: Producers = {}
    for field, name, version in producers:
        fields.setdefault(field, []).append((name, version))
    return encode_producers(fields)


def producers_of(data: bytes) -> Optional[List[Producer]]:
    """What a section says, if :func:`producers_data` makes these same bytes of it, else None.

    >>> producers_of(producers_data([Producer("sdk", "a", "1")]))
    [Producer(field='sdk', name='a', version='1')]
    """
    fields = decode_producers(data)
    if fields is None or not set(fields) <= set(FIELDS):
        return None
    found = [Producer(field, *item) for field, items in fields.items() for item in items]
    # A count in a longer form, a field without producers or one that comes twice is lost in text.
    return found if producers_data(found) == data else None
