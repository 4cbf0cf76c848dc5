"""A module to bytes.

What belongs here: the inverse of ``decode``, ``types`` and ``instr``; one
rule per kind of immediate.  Integers are written in their shortest form.

``decode_module(encode_module(m)) == m`` for every module that decoding can
give.

Spec: ``binary/index.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from wasmpy.binary.custom import NAME_SECTION, decode_names, encode_names, unsigned
from wasmpy.binary.decode import EXPORT_KINDS, MAGIC, SECTIONS, VERSION
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.syntax.module import (
    Active,
    Custom,
    Data,
    Elem,
    Expr,
    Func,
    ImportDesc,
    Module,
    Names,
    TypeUse,
)
from wasmpy.syntax.types import (
    EXTERNREF,
    FUNCREF,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    TableType,
    ValType,
)

_REF_FUNC, _END = op_of("ref.func"), op_of("end")
_HEAPTYPE: Dict[HeapType, int] = {t.heaptype: t.code for t in (FUNCREF, EXTERNREF)}


def encode_module(module: Module) -> bytes:
    """The binary form of ``module``.

    Custom sections stand where they stood.  Names become a name section,
    unless one of the custom sections says the same already.

    >>> encode_module(Module()).hex(" ")
    '00 61 73 6d 01 00 00 00'

    Spec: ``binary/modules.html#binary-module``.
    """
    customs = module.customs
    said = [decode_names(c.data) for c in customs if c.name == NAME_SECTION]
    unsaid = module.names != Names() and module.names not in said
    if unsaid:
        customs = [c for c in customs if c.name != NAME_SECTION]
    marks = {custom.after for custom in customs} & _VECTORS
    out = bytearray(MAGIC + VERSION)
    _write_customs(out, customs, 0)
    for sid, _ in SECTIONS:
        body = _SECTION_BODY[sid](module)
        if body is None and sid in marks:
            body = vector([])  # an empty section, so that the custom one keeps its place
        if body is not None:
            _section(out, sid, body)
        _write_customs(out, customs, sid)
    if unsaid:
        _section(out, 0, name(NAME_SECTION) + encode_names(module.names))
    return bytes(out)


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
    return bytes([t.code])


def _valtypes(types: Iterable[ValType]) -> bytes:
    return vector([_valtype(t) for t in types])


def _functype(t: FuncType) -> bytes:
    return b"\x60" + _valtypes(t.params) + _valtypes(t.results)


def _limits(limits: Limits) -> bytes:
    if limits.max is None:
        return b"\0" + unsigned(limits.min)
    return b"\1" + unsigned(limits.min) + unsigned(limits.max)


def _tabletype(t: TableType) -> bytes:
    return _valtype(t.reftype) + _limits(t.limits)


def _memtype(t: MemType) -> bytes:
    return _limits(t.limits)


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


def _labels(labels: Tuple[int, ...]) -> bytes:
    return unsigned(len(labels) - 1) + b"".join([unsigned(x) for x in labels])


def _heaptype(heaptype: HeapType) -> bytes:
    return signed(heaptype) if isinstance(heaptype, int) else bytes([_HEAPTYPE[heaptype]])


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
    "heaptype": _heaptype,
    "valtypes": _valtypes,
    "memarg": _memarg,
    "i32": _signed_of(32),
    "i64": _signed_of(64),
    "f32": _bits_of(4),
    "f64": _bits_of(8),
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


def _importdesc(desc: ImportDesc) -> bytes:
    if isinstance(desc, TypeUse):
        return b"\0" + unsigned(desc.typeidx)
    if isinstance(desc, TableType):
        return b"\1" + _tabletype(desc)
    if isinstance(desc, MemType):
        return b"\2" + _memtype(desc)
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
    plain = len(indices) == len(elem.init) and elem.type == FUNCREF
    flags = 0 if plain else 4
    out = bytearray()
    if isinstance(elem.mode, Active):
        if elem.mode.index or elem.type != FUNCREF:
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


def _code(func: Func) -> bytes:
    runs = vector([unsigned(count) + _valtype(t) for count, t in func.locals])
    body = runs + expression(func.body)
    return unsigned(len(body)) + body


def _data(data: Data) -> bytes:
    content = unsigned(len(data.init)) + data.init
    if not isinstance(data.mode, Active):
        return b"\1" + content
    if data.mode.index:
        return b"\2" + unsigned(data.mode.index) + expression(data.mode.offset) + content
    return b"\0" + expression(data.mode.offset) + content


_SECTION_BODY: Dict[int, Callable[[Module], Optional[bytes]]] = {
    1: lambda m: _listed([_functype(t) for t in m.types]),
    2: _imports,
    3: lambda m: _listed([unsigned(f.typeidx) for f in m.funcs]),
    4: lambda m: _listed([_tabletype(t.type) for t in m.tables]),
    5: lambda m: _listed([_memtype(t.type) for t in m.mems]),
    6: lambda m: _listed([_globaltype(g.type) + expression(g.init) for g in m.globals]),
    7: _exports,
    8: lambda m: None if m.start is None else unsigned(m.start),
    9: lambda m: _listed([_elem(e) for e in m.elems]),
    10: lambda m: _listed([_code(f) for f in m.funcs]),
    11: lambda m: _listed([_data(d) for d in m.datas]),
    12: _data_count,
}
_VECTORS = frozenset(_SECTION_BODY) - {8, 12}
"""The sections that can be present and empty: all but start and data count."""
