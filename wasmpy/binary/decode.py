"""Bytes to a module.

What belongs here: the modules chapter of the binary format: preamble,
sections, and what must agree between them.  What does not: types and
instructions (``types``, ``instr``), validity (``wasmpy.valid``).

Time and memory are linear in the input.  A length or count in the file
allocates nothing: bytes are held against what is left, elements are read one
by one.

Spec: ``binary/modules.html``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple, Union

from wasmpy.binary.custom import (
    BRANCH_HINT_SECTION,
    NAME_SECTION,
    Hints,
    decode_hints,
    decode_names,
)
from wasmpy.binary.instr import InstrReader, read_body, read_expr, read_offsets
from wasmpy.binary.reader import Reader
from wasmpy.binary.types import TypeReader
from wasmpy.config import DEFAULT_LIMITS, Features, Limits
from wasmpy.errors import MalformedError
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import (
    Active,
    Custom,
    Data,
    Elem,
    Export,
    Expr,
    Func,
    Global,
    Import,
    ImportDesc,
    Mem,
    Module,
    SegmentMode,
    Table,
    TagUse,
    TypeUse,
)
from wasmpy.syntax.types import FUNC_REF, FUNCREF

MAGIC = b"\0asm"
VERSION = b"\1\0\0\0"
_COMPONENT = b"\x0d\0\1\0"

SECTIONS: Tuple[Tuple[int, str], ...] = (
    (1, "type"), (2, "import"), (3, "function"), (4, "table"), (5, "memory"), (13, "tag"),
    (6, "global"), (7, "export"), (8, "start"), (9, "element"), (12, "data count"),
    (10, "code"), (11, "data"),
)  # fmt: skip
"""The sections in the order in which they must stand: id and name."""

_PLACE: Dict[int, int] = {sid: place for place, (sid, _) in enumerate(SECTIONS, 1)}
_SECTION_NAME: Dict[int, str] = dict(SECTIONS)
_SECTION_FEATURE: Dict[int, str] = {12: "bulk_memory", 13: "exceptions"}

EXPORT_KINDS: Tuple[str, ...] = ("func", "table", "memory", "global", "tag")
"""The kinds of export and import, by their byte."""
_TAG = EXPORT_KINDS.index("tag")

_REF_FUNC = op_of("ref.func")


def decode_module(
    data: bytes, features: Features = Features.WASM3, limits: Limits = DEFAULT_LIMITS
) -> Module:
    r"""The module that ``data`` is the binary form of.

    Expressions know their place in the file; names come from the name
    section where it is well-formed.  ``limits`` bounds what is accepted.

    >>> decode_module(b"\0asm\1\0\0\0").funcs
    []

    Spec: ``binary/modules.html#binary-module``.
    Raises: MalformedError.
    """
    data = bytes(data)
    if len(data) > limits.module_bytes:
        raise MalformedError(f"too many bytes: the limit is {limits.module_bytes}", 0, rule="limit")
    _check_preamble(data)
    return _Decoder(data, features, limits).module()


def instr_offsets(binary: bytes, expr: Expr) -> List[int]:
    """The offset in ``binary`` of each instruction of ``expr``, by pc.

    ``expr`` was decoded from ``binary``.
    """
    assert expr.offset is not None
    features = Features.ALL
    x = InstrReader(TypeReader(features, DEFAULT_LIMITS), features, DEFAULT_LIMITS, 0)
    return read_offsets(x, Reader(binary, expr.offset, len(binary)))


def _check_preamble(data: bytes) -> None:
    """Magic and version.  Raises: MalformedError."""
    if data[:4] != MAGIC:
        if len(data) < len(MAGIC):
            what = "the magic header is cut off" if data else "the file is empty"
            raise MalformedError(f"unexpected end: {what}", len(data), rule="end")
        text = data[:64].lstrip().startswith((b"(", b";;"))
        hint = " (this looks like the text format)" if text else ""
        raise MalformedError(f"magic header not detected{hint}", 0, rule="magic")
    version = data[4:8]
    if version == VERSION:
        return
    if len(version) < 4:
        raise MalformedError("unexpected end: the version is cut off", len(data), rule="end")
    if version == _COMPONENT:
        raise MalformedError(
            "unknown binary version: a component, not a core module", 4, rule="version"
        )
    raise MalformedError(f"unknown binary version {version.hex(' ')}", 4, rule="version")


class _Decoder:
    """A module being read: one method per section."""

    def __init__(self, data: bytes, features: Features, limits: Limits) -> None:
        self.data = data
        self.features = features
        self.limits = limits
        self.types = TypeReader(features, limits)
        self.instrs = InstrReader(self.types, features, limits, None)
        self.typeidxs: List[int] = []
        self.hints: Hints = {}
        self.out = Module(binary=data)

    def module(self) -> Module:
        """All sections, and what must agree between them.  Raises: MalformedError."""
        out = self.out
        r = Reader(self.data, 8, len(self.data))
        place = last = 0
        while r.pos < r.end:
            start = r.pos
            sid = r.byte()
            self._check_id(r, sid, start)
            name = _SECTION_NAME.get(sid, "custom")
            size = r.u32()
            if size > r.end - r.pos:
                raise MalformedError("length out of bounds", start + 1, name, rule="length")
            part = Reader(self.data, r.pos, r.pos + size, name)
            r.pos += size
            if sid == 0:
                self._custom(part, last)
                continue
            if _PLACE[sid] <= place:
                raise MalformedError(
                    "unexpected content after last section: "
                    f"{name} section repeated or out of order", start, name, rule="section-order",
                )  # fmt: skip
            place, last = _PLACE[sid], sid
            _READ_SECTION[sid](self, part)
            if part.pos != part.end:
                raise part.malformed("section size mismatch", rule="section-size")
        if len(out.funcs) != len(self.typeidxs):
            raise MalformedError(
                "function and code section have inconsistent lengths", r.end, "code", rule="count"
            )
        if out.datacount not in (None, len(out.datas)):
            raise MalformedError(
                "data count and data section have inconsistent lengths", r.end, "data", rule="count"
            )
        return out

    def _check_id(self, r: Reader, sid: int, start: int) -> None:
        """Refuse an id that no section has here.  Raises: MalformedError."""
        if sid == 0:
            return
        feature = _SECTION_FEATURE.get(sid)
        if sid in _PLACE and (feature is None or feature in self.features):
            return
        text = f"malformed section id {sid}"
        if feature is not None:
            text += f" (needs the feature {feature})"
        raise r.malformed(text, start, rule="section-id", feature=feature)

    def _custom(self, r: Reader, last: int) -> None:
        name = r.name(self.limits.name_bytes)
        content = r.take(r.end - r.pos)
        if name == NAME_SECTION:
            names = decode_names(content)
            if names is not None:
                self.out.names = names
        elif name == BRANCH_HINT_SECTION and "branch_hinting" in self.features:
            self.hints = decode_hints(content) or {}
        self.out.customs.append(Custom(name, content, last))

    def _type_section(self, r: Reader) -> None:
        self.types.definitions(r, self.out)

    def _import_section(self, r: Reader) -> None:
        limit = self.limits.name_bytes
        for _ in range(r.count(self.limits.imports, "imports")):
            module = r.name(limit)
            name = r.name(limit)
            self.out.imports.append(Import(module, name, self._importdesc(r)))

    def _importdesc(self, r: Reader) -> ImportDesc:
        offset = r.pos
        kind = r.byte()
        if kind == 0:
            return TypeUse(r.u32())
        if kind == 1:
            return self.types.tabletype(r)
        if kind == 2:
            return self.types.memtype(r)
        if kind == 3:
            return self.types.globaltype(r)
        if kind == _TAG and self._has_tags():
            return self._tag(r)
        raise self._no_kind(r, "import", kind, offset)

    def _has_tags(self) -> bool:
        return "exceptions" in self.features

    def _no_kind(self, r: Reader, what: str, kind: int, offset: int) -> MalformedError:
        """The error for a byte that is no kind of import or export here."""
        text, feature = f"malformed {what} kind {kind:#04x}", None
        if kind == _TAG:
            text, feature = f"{text} (needs the feature exceptions)", "exceptions"
        return r.malformed(text, offset, rule="flags", feature=feature)

    def _tag(self, r: Reader) -> TagUse:
        """A tag: a zero attribute, and its type.  Spec: ``binary/modules.html#binary-tag``."""
        offset = r.pos
        attribute = r.byte()
        if attribute != 0:
            raise r.malformed(f"malformed tag attribute {attribute:#04x}", offset, rule="flags")
        return TagUse(r.u32())

    def _tag_section(self, r: Reader) -> None:
        count = r.count(self.limits.tags, "tags")
        self.out.tags = [self._tag(r) for _ in range(count)]

    def _function_section(self, r: Reader) -> None:
        self.typeidxs = r.indices(r.count(self.limits.functions, "functions"))

    def _table_section(self, r: Reader) -> None:
        for _ in range(r.count(self.limits.tables, "tables")):
            initialized = self.types.takes_init(r)
            tabletype = self.types.tabletype(r)
            init = read_expr(self.instrs, r) if initialized else None
            self.out.tables.append(Table(tabletype, init))

    def _memory_section(self, r: Reader) -> None:
        memtype = self.types.memtype
        count = r.count(self.limits.memories, "memories")
        self.out.mems = [Mem(memtype(r)) for _ in range(count)]

    def _global_section(self, r: Reader) -> None:
        for _ in range(r.count(self.limits.globals, "globals")):
            globaltype = self.types.globaltype(r)
            self.out.globals.append(Global(globaltype, read_expr(self.instrs, r)))

    def _export_section(self, r: Reader) -> None:
        limit = self.limits.name_bytes
        for _ in range(r.count(self.limits.exports, "exports")):
            name = r.name(limit)
            offset = r.pos
            kind = r.byte()
            if kind >= len(EXPORT_KINDS) or (kind == _TAG and not self._has_tags()):
                raise self._no_kind(r, "export", kind, offset)
            self.out.exports.append(Export(name, EXPORT_KINDS[kind], r.u32()))

    def _start_section(self, r: Reader) -> None:
        self.out.start = r.u32()

    def _element_section(self, r: Reader) -> None:
        count = r.count(self.limits.elem_segments, "element segments")
        self.out.elems = [self._elem(r) for _ in range(count)]

    def _elem(self, r: Reader) -> Elem:
        """An element segment.

        Bit 0 of the flags: not active.  Bit 1: declarative when not active,
        else with a table index.  Bit 2: items are expressions.

        Spec: ``binary/modules.html#binary-elem``.
        """
        offset = r.pos
        flags = r.u32()
        if flags > 7:
            raise r.malformed(f"malformed elements segment kind {flags}", offset, rule="flags")
        if flags and "bulk_memory" not in self.features:
            raise r.malformed(
                f"malformed elements segment kind {flags} (needs the feature bulk_memory)",
                offset,
                rule="flags",
                feature="bulk_memory",
            )
        mode: SegmentMode
        if flags & 1:
            mode = "declare" if flags & 2 else None
        else:
            index = r.u32() if flags & 2 else 0
            mode = Active(index, read_expr(self.instrs, r))
        reftype = FUNCREF if flags & 4 else FUNC_REF
        if flags & 3 and flags & 4:
            reftype = self.types.reftype(r)
        elif flags & 3:
            offset = r.pos
            kind = r.byte()
            if kind != 0:
                raise r.malformed(f"malformed element kind {kind:#04x}", offset, rule="flags")
        count = r.u32()
        init: List[Union[int, Expr]]
        if flags & 4:
            init = [_elem_item(read_expr(self.instrs, r)) for _ in range(count)]
        else:
            init = [*r.indices(count)]
        return Elem(reftype, init, mode)

    def _data_count_section(self, r: Reader) -> None:
        count = r.u32()
        self.out.datacount = count
        self.instrs = self.instrs._replace(datacount=count)

    def _code_section(self, r: Reader) -> None:
        offset = r.pos
        count = r.u32()
        if count != len(self.typeidxs):
            raise r.malformed(
                "function and code section have inconsistent lengths", offset, rule="count"
            )
        add = self.out.funcs.append
        try:
            for typeidx in self.typeidxs:
                add(self._func(r, typeidx))
        except MalformedError as error:
            error.func = len(self.out.imported(TypeUse)) + len(self.out.funcs)
            raise

    def _func(self, r: Reader, typeidx: int) -> Func:
        """A function's locals and body.  Spec: ``binary/modules.html#binary-code``."""
        offset = r.pos
        size = r.u32()
        if size > r.end - r.pos:
            raise r.short(r.end)
        limit = self.limits.function_bytes
        if size > limit:
            raise r.malformed(
                f"function body too large: {size} bytes, the limit is {limit}", offset, rule="limit"
            )
        body = Reader(self.data, r.pos, r.pos + size, r.section)
        start = body.pos
        locals_ = self.types.locals(body)
        expr = read_body(self.instrs, body)
        r.pos = body.end
        if self.hints:
            self._place_hints(expr, start)
        return Func(typeidx, locals_, expr)

    def _place_hints(self, expr: Expr, start: int) -> None:
        """Find the instructions that hints of the function whose body begins at ``start`` mean.

        Where one of them means none, no hint is believed.
        """
        out = self.out
        func = len(out.imported(TypeUse)) + len(out.funcs)
        own = self.hints.get(func)
        if not own:
            return
        assert expr.offset is not None
        assert expr.end is not None
        offsets = read_offsets(self.instrs, Reader(self.data, expr.offset, expr.end, "code"))
        pcs = {offset - start: pc for pc, offset in enumerate(offsets)}
        if all(offset in pcs for offset in own):
            out.branch_hints[func] = {pcs[offset]: value for offset, value in own.items()}
        else:
            self.hints = {}
            out.branch_hints = {}

    def _data_section(self, r: Reader) -> None:
        count = r.count(self.limits.data_segments, "data segments")
        self.out.datas = [self._data(r) for _ in range(count)]

    def _data(self, r: Reader) -> Data:
        """A data segment.  Spec: ``binary/modules.html#binary-data``."""
        offset = r.pos
        flags = r.u32()
        if flags > 2:
            raise r.malformed(f"malformed data segment kind {flags}", offset, rule="flags")
        if flags and "bulk_memory" not in self.features:
            raise r.malformed(
                f"malformed data segment kind {flags} (needs the feature bulk_memory)",
                offset,
                rule="flags",
                feature="bulk_memory",
            )
        mode: Optional[Active] = None
        if flags != 1:
            index = r.u32() if flags == 2 else 0
            mode = Active(index, read_expr(self.instrs, r))
        return Data(r.take(r.u32()), mode)


def _elem_item(expr: Expr) -> Union[int, Expr]:
    """An element expression; ``ref.func x`` alone is x."""
    if len(expr.ops) == 2 and expr.ops[0] == _REF_FUNC:
        index = expr.imms[0]
        assert isinstance(index, int)
        return index
    return expr


_READ_SECTION: Dict[int, Callable[[_Decoder, Reader], None]] = {
    1: _Decoder._type_section,
    2: _Decoder._import_section,
    3: _Decoder._function_section,
    4: _Decoder._table_section,
    5: _Decoder._memory_section,
    6: _Decoder._global_section,
    7: _Decoder._export_section,
    8: _Decoder._start_section,
    9: _Decoder._element_section,
    10: _Decoder._code_section,
    11: _Decoder._data_section,
    12: _Decoder._data_count_section,
    13: _Decoder._tag_section,
}
