"""Custom sections: names, producers, branch hints.

What belongs here: reading and writing the contents of the custom sections
the runtime itself understands.  What does not: the bytes around them
(``decode``, ``encode``).  A custom section can never make a module malformed:
what cannot be read is as if it were not there.

Spec: ``appendix/custom.html``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

from wasmpy.binary.reader import Reader
from wasmpy.errors import MalformedError
from wasmpy.syntax.module import Names
from wasmpy.syntax.producers import SECTION as PRODUCERS_SECTION
from wasmpy.syntax.producers import decode_producers, name_bytes, unsigned

NAME_SECTION = "name"
BRANCH_HINT_SECTION = "metadata.code.branch_hint"

_NO_LIMIT = 1 << 32
_MODULE = 0

NAME_SUBSECTIONS: Dict[int, str] = {
    1: "funcs", 2: "locals", 3: "labels", 4: "types", 5: "tables", 6: "memories", 7: "globals",
    8: "elems", 9: "datas", 10: "fields", 11: "tags",
}  # fmt: skip
"""The subsections of the name section besides the module's name, by the fields of ``Names``."""

INDIRECT = frozenset(("locals", "labels", "fields"))
"""Those that group names by a first index."""

NameMap = Dict[int, str]
Hints = Dict[int, Dict[int, int]]
"""Of each function, the hint at each offset in its body."""


def _reader(data: bytes, name: str) -> Reader:
    return Reader(data, 0, len(data), name)


def decode_names(data: bytes) -> Optional[Names]:
    """What a name section says, or None if it is not well-formed.

    Subsections that are not known are passed over.

    Spec: ``appendix/custom.html#name-section``.
    """
    r = _reader(data, NAME_SECTION)
    names = Names()
    try:
        while r.pos < r.end:
            kind = r.byte()
            size = r.u32()
            start = r.pos
            r.take(size)
            part = Reader(data, start, start + size, NAME_SECTION)
            if kind == _MODULE:
                names.module = part.name(_NO_LIMIT)
            elif kind in NAME_SUBSECTIONS:
                field = NAME_SUBSECTIONS[kind]
                read = _indirect_namemap if field in INDIRECT else _namemap
                setattr(names, field, read(part))
            else:
                continue
            if part.pos != part.end:
                return None
    except MalformedError:
        return None
    return names


def _namemap(r: Reader) -> NameMap:
    """A name map: indices to names."""
    return {r.u32(): r.name(_NO_LIMIT) for _ in range(r.count(_NO_LIMIT, "names"))}


def _indirect_namemap(r: Reader) -> Dict[int, NameMap]:
    """A name map for each of several indices."""
    return {r.u32(): _namemap(r) for _ in range(r.count(_NO_LIMIT, "name maps"))}


def encode_names(names: Names) -> bytes:
    """The contents of a name section that says ``names``."""
    out = bytearray()
    if names.module is not None:
        _subsection(out, _MODULE, name_bytes(names.module))
    for kind, field in NAME_SUBSECTIONS.items():
        there = getattr(names, field)
        if there:
            _subsection(out, kind, _indirect_map(there) if field in INDIRECT else _map(there))
    return bytes(out)


def _map(namemap: NameMap) -> bytes:
    items: List[Tuple[int, str]] = sorted(namemap.items())
    return unsigned(len(items)) + b"".join([unsigned(i) + name_bytes(n) for i, n in items])


def _indirect_map(maps: Dict[int, NameMap]) -> bytes:
    items = sorted(maps.items())
    return unsigned(len(items)) + b"".join([unsigned(i) + _map(m) for i, m in items])


def _subsection(out: bytearray, kind: int, body: bytes) -> None:
    out.append(kind)
    out += unsigned(len(body))
    out += body


def decode_hints(data: bytes) -> Optional[Hints]:
    """What a branch hint section says, by offset in the body, or None if it is not well-formed.

    An offset counts from the first byte of the function's locals.

    Spec: ``metadata/code/binary.html#branch-hints`` of the branch hinting proposal.
    """
    r = _reader(data, BRANCH_HINT_SECTION)
    hints: Hints = {}
    try:
        for _ in range(r.count(_NO_LIMIT, "functions")):
            own = hints.setdefault(r.u32(), {})
            for _ in range(r.count(_NO_LIMIT, "hints")):
                offset = r.u32()
                if r.u32() != 1:
                    return None
                own[offset] = r.byte()
    except MalformedError:
        return None
    right = all(value in (0, 1) for own in hints.values() for value in own.values())
    return hints if right and r.pos == r.end else None


def encode_hints(hints: Hints) -> bytes:
    """The contents of a branch hint section that says ``hints``, by offset."""
    out = bytearray(unsigned(len(hints)))
    for func, own in sorted(hints.items()):
        out += unsigned(func) + unsigned(len(own))
        for offset, value in sorted(own.items()):
            out += unsigned(offset) + b"\1" + bytes([value])
    return bytes(out)


DECODERS: Dict[str, Callable[[bytes], object]] = {
    NAME_SECTION: decode_names,
    PRODUCERS_SECTION: decode_producers,
    BRANCH_HINT_SECTION: decode_hints,
}
"""What reads each custom section that is understood; None where it is not well-formed."""
