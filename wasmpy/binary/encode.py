"""A module to bytes.

What belongs here: the inverse of ``decode``, ``types`` and ``instr``; one
rule per kind of immediate.  Integers are written in their shortest form.

``decode_module(encode_module(m)) == m`` for every module that decoding can
give.

Spec: ``binary/index.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from wasmpy.binary.custom import (
    BRANCH_HINT_SECTION,
    NAME_SECTION,
    Hints,
    decode_names,
    encode_hints,
    encode_names,
)
from wasmpy.binary.decode import EXPORT_KINDS, MAGIC, SECTIONS, VERSION
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.syntax.module import (
    Active,
    Catch,
    Custom,
    Data,
    Elem,
    Expr,
    Func,
    ImportDesc,
    Module,
    Names,
    Table,
    TagUse,
    TypeUse,
)
from wasmpy.syntax.producers import unsigned
from wasmpy.syntax.types import (
    FUNC_REF,
    FUNCREF,
    HEAPTYPE_CODES,
    I64,
    PAGE_SIZE,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    PackedType,
    RefType,
    StructType,
    TableType,
    ValType,
)

_CODE = 10
_REF_FUNC, _END = op_of("ref.func"), op_of("end")


def encode_module(module: Module) -> bytes:
    """The binary form of ``module``.

    Custom sections stand where they stood.  Names become a name section and
    branch hints a section of theirs, unless one of the custom sections says
    the same already.

    >>> encode_module(Module()).hex(" ")
    '00 61 73 6d 01 00 00 00'

    Spec: ``binary/modules.html#binary-module``.
    """
    customs = module.customs
    said = [decode_names(c.data) for c in customs if c.name == NAME_SECTION]
    unsaid = module.names != Names() and module.names not in said
    if unsaid:
        customs = [c for c in customs if c.name != NAME_SECTION]
    hints = encode_hints(_hints_by_offset(module)) if module.branch_hints else b""
    if any(c.name == BRANCH_HINT_SECTION and c.data == hints for c in customs):
        hints = b""
    elif hints:
        customs = [c for c in customs if c.name != BRANCH_HINT_SECTION]
    marks = {custom.after for custom in customs} & _VECTORS
    out = bytearray(MAGIC + VERSION)
    _write_customs(out, customs, 0)
    for sid, _ in SECTIONS:
        if hints and sid == _CODE:
            _section(out, 0, name(BRANCH_HINT_SECTION) + hints)
        body = _SECTION_BODY[sid](module)
        if body is None and sid in marks:
            body = vector([])  # an empty section, so that the custom one keeps its place
        if body is not None:
            _section(out, sid, body)
        _write_customs(out, customs, sid)
    if unsaid:
        _section(out, 0, name(NAME_SECTION) + encode_names(module.names))
    return bytes(out)


def _hints_by_offset(module: Module) -> Hints:
    """Branch hints by the offset in the body instead of the pc."""
    imported = len(module.imported(TypeUse))
    found: Hints = {}
    for funcidx, own in module.branch_hints.items():
        func = module.funcs[funcidx - imported]
        at = len(_locals(func))
        ops, imms = func.body.ops, func.body.imms
        for pc, op in enumerate(ops):
            if pc in own:
                found.setdefault(funcidx, {})[at] = own[pc]
            at += len(expression(Expr([op], [imms[pc]])))
    return found


def _write_customs(out: bytearray, customs: Sequence[Custom], after: int) -> None:
    for custom in customs:
        if custom.after == after:
            _section(out, 0, name(custom.name) + custom.data)


def _section(out: bytearray, sid: int, body: bytes) -> None:
    out.append(sid)
    out += unsigned(len(body))
    out += body


def signed(value: int) -> bytes:
    """A signed LEB128 integer in its shortest form.

    >>> signed(-65).hex()
    'bf7f'

    Spec: ``binary/values.html#binary-sint``.
    """
    out: List[int] = []
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name(text: str) -> bytes:
    """A name.  Spec: ``binary/values.html#binary-name``."""
    raw = text.encode("utf-8")
    return unsigned(len(raw)) + raw


def vector(items: Sequence[bytes]) -> bytes:
    """A vector of what is encoded already.  Spec: ``binary/conventions.html#binary-vec``."""
    return unsigned(len(items)) + b"".join(items)


def _valtype(t: ValType) -> bytes:
    if t.code:
        return bytes([t.code])
    assert isinstance(t, RefType)
    return (b"\x63" if t.null else b"\x64") + _heaptype(t.heaptype)


def _valtypes(types: Iterable[ValType]) -> bytes:
    return vector([_valtype(t) for t in types])


def _comptype(t: CompType) -> bytes:
    if isinstance(t, FuncType):
        return b"\x60" + _valtypes(t.params) + _valtypes(t.results)
    if isinstance(t, StructType):
        return b"\x5f" + vector([_fieldtype(field) for field in t.fields])
    return b"\x5e" + _fieldtype(t.field)


def _fieldtype(t: FieldType) -> bytes:
    storage = t.storage
    code = bytes([storage.code]) if isinstance(storage, PackedType) else _valtype(storage)
    return code + bytes([t.mut])


def _types(m: Module) -> Optional[bytes]:
    """The type section: recursion groups of sub types, in their shortest forms.

    Spec: ``binary/types.html#binary-rectype``.
    """
    groups = []
    for start, count in m.groups():
        members = [_subtype(m, x) for x in range(start, start + count)]
        groups.append(members[0] if count == 1 else b"\x4e" + vector(members))
    return _listed(groups)


def _subtype(m: Module, typeidx: int) -> bytes:
    comp = _comptype(m.types[typeidx])
    sub = m.subs.get(typeidx)
    if sub is None:
        return comp
    return (b"\x4f" if sub.final else b"\x50") + vector([unsigned(x) for x in sub.supers]) + comp


def _table(table: Table) -> bytes:
    if table.init is None:
        return _tabletype(table.type)
    return b"\x40\0" + _tabletype(table.type) + expression(table.init)


def _limits(limits: Limits, flags: int) -> bytes:
    """Limits; ``flags`` are the bits that tell more of the memory or table."""
    if limits.max is None:
        return bytes([flags]) + unsigned(limits.min)
    return bytes([flags | 1]) + unsigned(limits.min) + unsigned(limits.max)


def _tabletype(t: TableType) -> bytes:
    return _valtype(t.reftype) + _limits(t.limits, 4 if t.addrtype == I64 else 0)


def _memtype(t: MemType) -> bytes:
    flags = (2 if t.shared else 0) | (4 if t.addrtype == I64 else 0)
    if 1 << t.page == PAGE_SIZE:
        return _limits(t.limits, flags)
    return _limits(t.limits, flags | 8) + unsigned(t.page)


def _globaltype(t: GlobalType) -> bytes:
    return _valtype(t.valtype) + bytes([t.mut])


def _blocktype(blocktype: Any) -> bytes:
    if blocktype is None:
        return b"\x40"
    return signed(blocktype) if isinstance(blocktype, int) else _valtype(blocktype)


def _memarg(memarg: Tuple[int, int, int]) -> bytes:
    align, offset, memidx = memarg
    if memidx:
        return unsigned(align | 0x40) + unsigned(memidx) + unsigned(offset)
    return unsigned(align) + unsigned(offset)


def _catches(catches: Tuple[Catch, ...]) -> bytes:
    """Bit 0 of a clause's kind: with the exception itself.  Bit 1: without a tag."""
    out = []
    for tag, ref, label in catches:
        kind = (1 if ref else 0) | (2 if tag is None else 0)
        out.append(bytes([kind]) + (b"" if tag is None else unsigned(tag)) + unsigned(label))
    return vector(out)


def _labels(labels: Tuple[int, ...]) -> bytes:
    return unsigned(len(labels) - 1) + b"".join([unsigned(x) for x in labels])


def _heaptype(heaptype: HeapType) -> bytes:
    if isinstance(heaptype, int):
        return signed(heaptype)
    assert isinstance(heaptype, str)
    return bytes([HEAPTYPE_CODES[heaptype]])


def _cast(imm: Tuple[int, RefType, RefType]) -> bytes:
    label, source, target = imm
    flags = bytes([source.null | target.null << 1])
    return flags + unsigned(label) + _heaptype(source.heaptype) + _heaptype(target.heaptype)


def _signed_of(bits: int) -> Callable[[int], bytes]:
    half, whole = 1 << bits - 1, 1 << bits
    return lambda value: signed(value - whole if value >= half else value)


def _bits_of(size: int) -> Callable[[int], bytes]:
    return lambda value: value.to_bytes(size, "little")


WRITERS: Dict[str, Callable[[Any], bytes]] = {
    "blocktype": _blocktype,
    "labelidx": unsigned,
    "labels": _labels,
    "typeidx": unsigned,
    "funcidx": unsigned,
    "tableidx": unsigned,
    "memidx": unsigned,
    "globalidx": unsigned,
    "localidx": unsigned,
    "elemidx": unsigned,
    "dataidx": unsigned,
    "tagidx": unsigned,
    "catches": _catches,
    "heaptype": _heaptype,
    "fieldidx": unsigned,
    "count": unsigned,
    "ref": lambda reftype: _heaptype(reftype.heaptype),
    "refnull": lambda reftype: _heaptype(reftype.heaptype),
    "cast": _cast,
    "valtypes": _valtypes,
    "memarg": _memarg,
    "reserved": unsigned,
    "i32": _signed_of(32),
    "i64": _signed_of(64),
    "f32": _bits_of(4),
    "f64": _bits_of(8),
    "v128": bytes,
    "laneidx": _bits_of(1),
    "lanes": bytes,
}
"""The rule of each kind of immediate."""


def expression(expr: Expr) -> bytes:
    """An expression.  Spec: ``binary/instructions.html#binary-expr``."""
    out = bytearray()
    for op, imm in zip(expr.ops, expr.imms):
        row = BY_OP[op]
        assert row is not None
        if row.prefix is None:
            out.append(op)
        else:
            out.append(row.prefix)
            out += unsigned(row.sub)
        kinds = row.immediates
        if len(kinds) == 1:
            out += WRITERS[kinds[0]](imm)
        else:
            for i, kind in enumerate(kinds):
                out += WRITERS[kind](imm[i])
    return bytes(out)


def _listed(items: Sequence[bytes]) -> Optional[bytes]:
    """The body of a section that is a vector; None, no section, when it is empty."""
    return vector(items) if items else None


def _tag(tag: TagUse) -> bytes:
    return b"\0" + unsigned(tag.typeidx)


def _importdesc(desc: ImportDesc) -> bytes:
    if isinstance(desc, TypeUse):
        return b"\0" + unsigned(desc.typeidx)
    if isinstance(desc, TableType):
        return b"\1" + _tabletype(desc)
    if isinstance(desc, MemType):
        return b"\2" + _memtype(desc)
    if isinstance(desc, TagUse):
        return b"\4" + _tag(desc)
    return b"\3" + _globaltype(desc)


def _imports(m: Module) -> Optional[bytes]:
    return _listed([name(i.module) + name(i.name) + _importdesc(i.desc) for i in m.imports])


def _exports(m: Module) -> Optional[bytes]:
    kinds = {kind: bytes([code]) for code, kind in enumerate(EXPORT_KINDS)}
    return _listed([name(e.name) + kinds[e.kind] + unsigned(e.index) for e in m.exports])


def _elem(elem: Elem) -> bytes:
    """An element segment, in the shortest of the forms that can say it.

    Spec: ``binary/modules.html#binary-elem``.
    """
    indices = [x for x in elem.init if isinstance(x, int)]
    plain = len(indices) == len(elem.init) and elem.type == FUNC_REF
    flags = 0 if plain else 4
    out = bytearray()
    if isinstance(elem.mode, Active):
        if elem.mode.index or not (plain or elem.type == FUNCREF):
            flags |= 2
            out += unsigned(elem.mode.index)
        out += expression(elem.mode.offset)
    else:
        flags |= 3 if elem.mode == "declare" else 1
    if flags & 3:
        out += b"\0" if plain else _valtype(elem.type)
    if plain:
        out += vector([unsigned(x) for x in indices])
    else:
        out += vector([_elem_item(item) for item in elem.init])
    return bytes([flags]) + bytes(out)


def _elem_item(item: Any) -> bytes:
    if isinstance(item, int):
        return expression(Expr([_REF_FUNC, _END], [item, None]))
    assert isinstance(item, Expr)
    return expression(item)


def _data_count(m: Module) -> Optional[bytes]:
    """Written when the module has one, and when a body cannot do without."""
    if m.datacount is not None:
        return unsigned(m.datacount)
    kinds = [row.op for row in BY_OP if row is not None and "dataidx" in row.immediates]
    if any(op in f.body.ops for f in m.funcs for op in kinds):
        return unsigned(len(m.datas))
    return None


def _locals(func: Func) -> bytes:
    return vector([unsigned(count) + _valtype(t) for count, t in func.locals])


def _code(func: Func) -> bytes:
    body = _locals(func) + expression(func.body)
    return unsigned(len(body)) + body


def _data(data: Data) -> bytes:
    content = unsigned(len(data.init)) + data.init
    if not isinstance(data.mode, Active):
        return b"\1" + content
    if data.mode.index:
        return b"\2" + unsigned(data.mode.index) + expression(data.mode.offset) + content
    return b"\0" + expression(data.mode.offset) + content


_SECTION_BODY: Dict[int, Callable[[Module], Optional[bytes]]] = {
    1: _types,
    2: _imports,
    3: lambda m: _listed([unsigned(f.typeidx) for f in m.funcs]),
    4: lambda m: _listed([_table(t) for t in m.tables]),
    5: lambda m: _listed([_memtype(t.type) for t in m.mems]),
    6: lambda m: _listed([_globaltype(g.type) + expression(g.init) for g in m.globals]),
    7: _exports,
    8: lambda m: None if m.start is None else unsigned(m.start),
    9: lambda m: _listed([_elem(e) for e in m.elems]),
    10: lambda m: _listed([_code(f) for f in m.funcs]),
    11: lambda m: _listed([_data(d) for d in m.datas]),
    12: _data_count,
    13: lambda m: _listed([_tag(t) for t in m.tags]),
}
_VECTORS = frozenset(_SECTION_BODY) - {8, 12}
"""The sections that can be present and empty: all but start and data count."""
