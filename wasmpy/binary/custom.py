"""Custom sections: the name section.

What belongs here: reading and writing the custom sections the runtime
itself understands.  What does not: the bytes around them (``decode``).  A
custom section can never make a module malformed: what cannot be read is as
if it were not there.

Spec: ``appendix/custom.html``.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from wasmpy.binary.reader import Reader
from wasmpy.errors import MalformedError
from wasmpy.syntax.module import Names

NAME_SECTION = "name"
_NO_LIMIT = 1 << 32
_MODULE, _FUNCS, _LOCALS = 0, 1, 2


def decode_names(data: bytes) -> Optional[Names]:
    """What a name section says, or None if it is not well-formed.

    Subsections other than those for the module, functions and locals are
    passed over.

    Spec: ``appendix/custom.html#name-section``.
    """
    r = Reader(data, 0, len(data), NAME_SECTION)
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
            elif kind == _FUNCS:
                names.funcs = _namemap(part)
            elif kind == _LOCALS:
                names.locals = {part.u32(): _namemap(part) for _ in range(part.u32())}
            else:
                continue
            if part.pos != part.end:
                return None
    except MalformedError:
        return None
    return names


def _namemap(r: Reader) -> Dict[int, str]:
    """A name map: indices to names."""
    return {r.u32(): r.name(_NO_LIMIT) for _ in range(r.u32())}


def encode_names(names: Names) -> bytes:
    """The contents of a name section that says ``names``."""
    out = bytearray()
    if names.module is not None:
        _subsection(out, _MODULE, _name(names.module))
    if names.funcs:
        _subsection(out, _FUNCS, _map(names.funcs))
    if names.locals:
        body = bytearray(unsigned(len(names.locals)))
        for func, namemap in sorted(names.locals.items()):
            body += unsigned(func) + _map(namemap)
        _subsection(out, _LOCALS, bytes(body))
    return bytes(out)


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


def _name(text: str) -> bytes:
    raw = text.encode("utf-8")
    return unsigned(len(raw)) + raw


def _map(namemap: Dict[int, str]) -> bytes:
    items: List[Tuple[int, str]] = sorted(namemap.items())
    return unsigned(len(items)) + b"".join([unsigned(i) + _name(n) for i, n in items])


def _subsection(out: bytearray, kind: int, body: bytes) -> None:
    out.append(kind)
    out += unsigned(len(body))
    out += body
