"""Every byte of a module explained, in order.

What belongs here: a walk through the sections that says of each run of bytes
what it is, and a reader that notes what it reads.  What does not: deciding
what is malformed (``decode`` does; here it only ends the walk), and how
instructions look in text: the caller gives that.

Spec: ``binary/modules.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from wasmpy.binary.custom import (
    BRANCH_HINT_SECTION,
    INDIRECT,
    NAME_SECTION,
    NAME_SUBSECTIONS,
)
from wasmpy.binary.decode import EXPORT_KINDS, MAGIC, SECTIONS, VERSION
from wasmpy.binary.instr import InstrReader, read_expr, read_offsets
from wasmpy.binary.reader import Reader
from wasmpy.binary.types import TypeReader
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.errors import MalformedError
from wasmpy.syntax.module import Expr, Module
from wasmpy.syntax.producers import SECTION as PRODUCERS_SECTION
from wasmpy.syntax.types import HEAPTYPE_CODES, VALTYPES, CompType

_NO_LIMIT = 1 << 32

_SECTION_NAMES: Dict[int, str] = {0: "custom", **dict(SECTIONS)}

_TYPE_BYTES: Dict[int, str] = {
    **{code: f"{name} (a heap type, or the nullable reference to it)"
       for name, code in HEAPTYPE_CODES.items()},
    **{t.code: str(t) for t in VALTYPES},
    0x78: "i8", 0x77: "i16", 0x63: "ref null", 0x64: "ref", 0x60: "func", 0x5F: "struct",
    0x5E: "array", 0x50: "sub", 0x4F: "sub final", 0x4E: "rec",
    0x40: "with an initial value", 0x00: "0: no flag set", 0x01: "1: the lowest flag set",
}  # fmt: skip
"""What a byte in a type means."""


class Entry(NamedTuple):
    """A run of bytes and its meaning; one without bytes is a heading for what follows."""

    offset: int
    end: int
    depth: int
    meaning: str


class _Read(NamedTuple):
    start: int
    end: int
    kind: str
    value: Any


class NotingReader(Reader):
    """A reader that notes each value it reads, with its place."""

    __slots__ = ("_inside", "noted")

    def __init__(self, data: bytes, pos: int, end: int, section: Optional[str] = None) -> None:
        super().__init__(data, pos, end, section)
        self.noted: List[_Read] = []
        self._inside = 0

    def _note(self, kind: str, read: Callable[..., Any], *arguments: Any) -> Any:
        """Read, and note it unless it is part of something larger."""
        if self._inside:
            return read(*arguments)
        self._inside += 1
        start = self.pos
        try:
            value = read(*arguments)
        finally:
            self._inside -= 1
        # What was read again from an earlier place was only looked at before.
        while self.noted and self.noted[-1].end > start:
            self.noted.pop()
        self.noted.append(_Read(start, self.pos, kind, value))
        return value

    def byte(self) -> int:
        """One byte."""
        value: int = self._note("byte", super().byte)
        return value

    def take(self, size: int) -> bytes:
        """``size`` bytes."""
        value: bytes = self._note("bytes", super().take, size)
        return value

    def u32(self) -> int:
        """An unsigned integer."""
        value: int = self._note("number", super().u32)
        return value

    def unsigned(self, bits: int) -> int:
        """An unsigned integer."""
        value: int = self._note("number", super().unsigned, bits)
        return value

    def signed(self, bits: int) -> int:
        """A signed integer."""
        value: int = self._note("number", super().signed, bits)
        return value

    def name(self, limit: int) -> str:
        """A name."""
        value: str = self._note("name", super().name, limit)
        return value

    def count(self, limit: int, what: str) -> int:
        """The length of a vector of ``what``."""
        value: int = self._note(f"count: {{}} {what}", super().count, limit, what)
        return value

    def indices(self, count: int) -> List[int]:
        """Integers, each by itself."""
        return [self.u32() for _ in range(min(count, self.end - self.pos + 1))]


class _NotingTypes(TypeReader):
    """A reader of types that notes where each composite type begins."""

    def __init__(self, features: Features) -> None:
        super().__init__(features, DEFAULT_LIMITS)
        self.starts: List[int] = []

    def comptype(self, r: Reader) -> CompType:
        """A composite type."""
        self.starts.append(r.pos)
        return super().comptype(r)


ShowInstrs = Callable[[Expr, Optional[int]], List[str]]
"""Gives the text of each instruction of an expression; of a body with its function's index."""


def explain(data: bytes, features: Features, show: ShowInstrs) -> Iterator[Entry]:
    """The entries of ``data``, each byte in exactly one that has bytes.

    Raises: MalformedError where it cannot go on; what came before stands.
    """
    yield from _Explainer(data, features, show).module()


class _Explainer:
    """A walk through one module."""

    def __init__(self, data: bytes, features: Features, show: ShowInstrs) -> None:
        self.data = data
        self.show = show
        self.types = TypeReader(features, DEFAULT_LIMITS)
        self.instrs = InstrReader(self.types, features, DEFAULT_LIMITS, 0)
        self.counts: Dict[str, int] = dict.fromkeys(("type", *EXPORT_KINDS), 0)
        self.bodies = 0

    def module(self) -> Iterator[Entry]:
        data = self.data
        if data[:4] != MAGIC:
            raise MalformedError("magic header not detected", 0, rule="magic")
        yield Entry(0, 4, 0, 'magic: "\\0asm", a WebAssembly file')
        if data[4:8] != VERSION:
            raise MalformedError("unknown binary version", 4, rule="version")
        yield Entry(4, 8, 0, "version 1")
        r = NotingReader(data, 8, len(data))
        while r.pos < r.end:
            start = r.pos
            sid = r.byte()
            name = _SECTION_NAMES.get(sid)
            if name is None:
                raise r.malformed(f"malformed section id {sid}", start, rule="section-id")
            yield Entry(start, start, 0, f"{name} section")
            yield Entry(start, r.pos, 1, f"section id {sid}: {name}")
            at = r.pos
            size = r.u32()
            yield Entry(at, r.pos, 1, f"size: {size} bytes")
            if size > r.end - r.pos:
                raise MalformedError("length out of bounds", start + 1, name, rule="length")
            part = NotingReader(data, r.pos, r.pos + size, name)
            yield from _WALKS[sid](self, part)
            if part.pos != part.end:
                raise part.malformed("section size mismatch", rule="section-size")
            r.pos = part.end

    # Values

    def _value(self, r: NotingReader, depth: int, meaning: str) -> Iterator[Entry]:
        """An unsigned integer; ``{}`` in the meaning stands for it."""
        start = r.pos
        value = r.u32()
        yield Entry(start, r.pos, depth, meaning.format(value))

    def _count(self, r: NotingReader, what: str, depth: int = 1) -> Tuple[Entry, int]:
        start = r.pos
        count = r.u32()
        return Entry(start, r.pos, depth, f"count: {count} {what}"), count

    def _name(self, r: NotingReader, depth: int, what: str) -> Entry:
        start = r.pos
        name = r.name(_NO_LIMIT)
        return Entry(start, r.pos, depth, f"{what}: {_quoted(name)} (its length, and UTF-8)")

    def _noted(self, r: NotingReader, depth: int, read: Callable[[Reader], Any]) -> Iterator[Entry]:
        """What ``read`` reads, value by value, by the bytes of types."""
        before = len(r.noted)
        read(r)
        for item in r.noted[before:]:
            meaning = item.kind.format(item.value) if item.kind.startswith("count") else ""
            if item.kind == "byte" or (item.kind == "number" and item.value < 0):
                meaning = _TYPE_BYTES.get(item.value & 0x7F if item.value < 0 else item.value, "")
            yield Entry(item.start, item.end, depth, meaning or str(item.value))

    def _expr(self, r: NotingReader, depth: int, funcidx: Optional[int] = None) -> Iterator[Entry]:
        """An expression, an entry for each instruction."""
        start = r.pos
        expr = read_expr(self.instrs, r)
        offsets = read_offsets(self.instrs, Reader(self.data, start, r.end, r.section))
        ends = [*offsets[1:], r.pos]
        texts = self.show(expr, funcidx)
        for at, end, text in zip(offsets, ends, texts):
            yield Entry(at, end, depth, text)

    def _next(self, kind: str) -> int:
        index = self.counts[kind]
        self.counts[kind] += 1
        return index

    # Sections

    def _custom(self, r: NotingReader) -> Iterator[Entry]:
        start = r.pos
        name = r.name(_NO_LIMIT)
        yield Entry(start, r.pos, 1, f"name: {_quoted(name)} (its length, and UTF-8)")
        walk = {
            NAME_SECTION: self._names,
            PRODUCERS_SECTION: self._producers,
            BRANCH_HINT_SECTION: self._hints,
        }.get(name)
        content = r.pos
        found: List[Entry] = []
        try:
            if walk is not None:
                found = list(walk(NotingReader(self.data, r.pos, r.end, r.section)))
        except MalformedError:
            found = []
        at = found[-1].end if found else content
        yield from found
        if at < r.end:
            yield Entry(at, r.end, 1, f"contents: {r.end - at} bytes that only their reader knows")
        r.pos = r.end

    def _names(self, r: NotingReader) -> Iterator[Entry]:
        while r.pos < r.end:
            start = r.pos
            kind = r.byte()
            field = "module" if kind == 0 else NAME_SUBSECTIONS.get(kind, "unknown")
            yield Entry(start, r.pos, 1, f"subsection {kind}: {field} names")
            at = r.pos
            size = r.u32()
            yield Entry(at, r.pos, 2, f"size: {size} bytes")
            end = r.pos + size
            if kind == 0:
                yield self._name(r, 2, "name")
            elif field in INDIRECT:
                entry, count = self._count(r, "maps", 2)
                yield entry
                for _ in range(count):
                    yield from self._value(r, 2, "of index {}")
                    yield from self._namemap(r, 3)
            elif field != "unknown":
                yield from self._namemap(r, 2)
            if r.pos < end:
                at = r.pos
                r.take(end - r.pos)
                yield Entry(at, r.pos, 2, "contents")

    def _namemap(self, r: NotingReader, depth: int) -> Iterator[Entry]:
        entry, count = self._count(r, "names", depth)
        yield entry
        for _ in range(count):
            start = r.pos
            index = r.u32()
            name = r.name(_NO_LIMIT)
            yield Entry(start, r.pos, depth, f"{index} is {_quoted(name)}")

    def _producers(self, r: NotingReader) -> Iterator[Entry]:
        entry, fields = self._count(r, "fields")
        yield entry
        for _ in range(fields):
            yield self._name(r, 1, "field")
            entry, count = self._count(r, "values", 2)
            yield entry
            for _ in range(count):
                yield self._name(r, 2, "name")
                yield self._name(r, 2, "version")

    def _hints(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "functions")
        yield entry
        for _ in range(count):
            yield from self._value(r, 1, "of function {}")
            entry, hints = self._count(r, "hints", 2)
            yield entry
            for _ in range(hints):
                yield from self._value(r, 2, "at offset {} of its body")
                yield from self._value(r, 2, "size: {}")
                yield from self._value(r, 2, "{}: 0 is unlikely, 1 is likely")

    def _types(self, r: NotingReader) -> Iterator[Entry]:
        module = Module()
        types = _NotingTypes(self.types.features)
        entries = list(self._noted(r, 2, lambda reader: types.definitions(reader, module)))
        starts = {start: i for i, start in enumerate(types.starts)}
        for i, entry in enumerate(entries):
            if entry.offset in starts:
                index = starts[entry.offset]
                heading = f"type {index}: {module.types[index]}"
                yield Entry(entry.offset, entry.offset, 1, heading)
            yield entry._replace(depth=1) if i == 0 else entry

    def _imports(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "imports")
        yield entry
        for i in range(count):
            yield Entry(r.pos, r.pos, 1, f"import {i}")
            yield self._name(r, 2, "module")
            yield self._name(r, 2, "name")
            start = r.pos
            kind = r.byte()
            word = EXPORT_KINDS[kind] if kind < len(EXPORT_KINDS) else None
            if word is None:
                raise r.malformed(f"malformed import kind {kind:#04x}", start, rule="flags")
            yield Entry(start, r.pos, 2, f"kind {kind}: {word} {self._next(word)}")
            if word == "func":
                yield from self._value(r, 2, "of type {}")
            elif word == "tag":
                yield from self._tag(r, 2)
            else:
                yield from self._noted(r, 2, _TYPE_READS[word](self.types))

    def _funcs(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "functions")
        yield entry
        self.bodies = self.counts["func"]
        for _ in range(count):
            yield from self._value(r, 2, f"function {self._next('func')} has type {{}}")

    def _tables(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "tables")
        yield entry
        for _ in range(count):
            yield Entry(r.pos, r.pos, 1, f"table {self._next('table')}")
            initialized = [False]

            def take(reader: Reader, there: List[bool] = initialized) -> None:
                there[0] = self.types.takes_init(reader)

            start = r.pos
            before = len(r.noted)
            take(r)
            if r.pos > start:
                del r.noted[before:]
                yield Entry(start, r.pos, 2, "a table with an initial value follows")
            yield from self._noted(r, 2, self.types.tabletype)
            if initialized[0]:
                yield from self._expr(r, 3)

    def _mems(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "memories")
        yield entry
        for _ in range(count):
            yield Entry(r.pos, r.pos, 1, f"memory {self._next('memory')}: flags, minimum, maximum")
            yield from self._noted(r, 2, self.types.memtype)

    def _tag(self, r: NotingReader, depth: int) -> Iterator[Entry]:
        start = r.pos
        r.byte()
        yield Entry(start, r.pos, depth, "attribute: an exception")
        yield from self._value(r, depth, "of type {}")

    def _tags(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "tags")
        yield entry
        for _ in range(count):
            yield Entry(r.pos, r.pos, 1, f"tag {self._next('tag')}")
            yield from self._tag(r, 2)

    def _globals(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "globals")
        yield entry
        for _ in range(count):
            yield Entry(r.pos, r.pos, 1, f"global {self._next('global')}: type, mutability, value")
            yield from self._noted(r, 2, self.types.globaltype)
            yield from self._expr(r, 3)

    def _exports(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "exports")
        yield entry
        for _ in range(count):
            yield self._name(r, 1, "export")
            start = r.pos
            kind = r.byte()
            if kind >= len(EXPORT_KINDS):
                raise r.malformed(f"malformed export kind {kind:#04x}", start, rule="flags")
            yield Entry(start, r.pos, 2, f"kind {kind}: {EXPORT_KINDS[kind]}")
            yield from self._value(r, 2, f"{EXPORT_KINDS[kind]} {{}}")

    def _start(self, r: NotingReader) -> Iterator[Entry]:
        yield from self._value(r, 1, "the start function is function {}")

    def _elems(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "element segments")
        yield entry
        for i in range(count):
            yield Entry(r.pos, r.pos, 1, f"element segment {i}")
            start = r.pos
            flags = r.u32()
            if flags > 7:
                raise r.malformed(f"malformed elements segment kind {flags}", start, rule="flags")
            yield Entry(start, r.pos, 2, f"flags {flags}: {_elem_flags(flags)}")
            if not flags & 1:
                if flags & 2:
                    yield from self._value(r, 2, "into table {}")
                yield from self._expr(r, 3)
            if flags & 3 and flags & 4:
                yield from self._noted(r, 2, self.types.reftype)
            elif flags & 3:
                start = r.pos
                r.byte()
                yield Entry(start, r.pos, 2, "element kind 0: functions")
            entry, items = self._count(r, "elements", 2)
            yield entry
            for _ in range(items):
                if flags & 4:
                    yield from self._expr(r, 3)
                else:
                    yield from self._value(r, 3, "function {}")

    def _datacount(self, r: NotingReader) -> Iterator[Entry]:
        yield from self._value(r, 1, "{} data segments in the data section")

    def _code(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "bodies")
        yield entry
        for _ in range(count):
            funcidx = self.bodies
            self.bodies += 1
            yield Entry(r.pos, r.pos, 1, f"body of function {funcidx}")
            start = r.pos
            size = r.u32()
            yield Entry(start, r.pos, 2, f"size: {size} bytes")
            if size > r.end - r.pos:
                raise r.short(r.end)
            body = NotingReader(self.data, r.pos, r.pos + size, r.section)
            for i, item in enumerate(self._noted(body, 2, self.types.locals)):
                if i == 0:
                    what = f"{item.meaning} groups of locals: how many, and their type"
                    yield item._replace(meaning=what)
                else:
                    yield item
            yield from self._expr(body, 3, funcidx)
            if body.pos != body.end:
                raise body.malformed(
                    "END opcode expected: bytes after the end of the body", rule="body-end"
                )
            r.pos = body.end

    def _datas(self, r: NotingReader) -> Iterator[Entry]:
        entry, count = self._count(r, "data segments")
        yield entry
        for i in range(count):
            yield Entry(r.pos, r.pos, 1, f"data segment {i}")
            start = r.pos
            flags = r.u32()
            if flags > 2:
                raise r.malformed(f"malformed data segment kind {flags}", start, rule="flags")
            words = ("active, into memory 0", "passive", "active, with a memory index")
            yield Entry(start, r.pos, 2, f"flags {flags}: {words[flags]}")
            if flags == 2:
                yield from self._value(r, 2, "into memory {}")
            if flags != 1:
                yield from self._expr(r, 3)
            start = r.pos
            size = r.u32()
            yield Entry(start, r.pos, 2, f"size: {size} bytes")
            start = r.pos
            data = r.take(size)
            if data:
                yield Entry(start, r.pos, 2, "data: " + _ascii(data))


def _elem_flags(flags: int) -> str:
    mode = ("active, into table 0", "passive", "active, with a table index", "declarative")
    return mode[flags & 3] + (", items are expressions" if flags & 4 else ", items are functions")


def _quoted(name: str) -> str:
    return '"' + "".join([c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in name]) + '"'


def _ascii(data: bytes) -> str:
    shown = "".join([chr(b) if 0x20 <= b < 0x7F else "." for b in data[:48]])
    return shown + ("..." if len(data) > 48 else "")


_TYPE_READS: Dict[str, Callable[[TypeReader], Callable[[Reader], Any]]] = {
    "table": lambda types: types.tabletype,
    "memory": lambda types: types.memtype,
    "global": lambda types: types.globaltype,
}

_WALKS: Dict[int, Callable[[_Explainer, NotingReader], Iterator[Entry]]] = {
    0: _Explainer._custom,
    1: _Explainer._types,
    2: _Explainer._imports,
    3: _Explainer._funcs,
    4: _Explainer._tables,
    5: _Explainer._mems,
    6: _Explainer._globals,
    7: _Explainer._exports,
    8: _Explainer._start,
    9: _Explainer._elems,
    10: _Explainer._code,
    11: _Explainer._datas,
    12: _Explainer._datacount,
    13: _Explainer._tags,
}
"""The walk of each section."""
