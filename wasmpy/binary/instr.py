"""Reading instructions and expressions.

What belongs here: one rule per kind of immediate, the loop that reads an
expression into its flat form, and its slow twin that tells offsets.  What
does not: any single instruction; the table names its immediates and they say
how it is read.

Spec: ``binary/instructions.html``.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from wasmpy.binary.reader import Reader
from wasmpy.binary.types import TypeReader
from wasmpy.config import Features, Limits
from wasmpy.errors import MalformedError
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.isa.table import INSTRS, OP_COUNT, PREFIX_BASE, Instr
from wasmpy.syntax.module import Catch, Expr
from wasmpy.syntax.types import RefType

_IF, _ELSE, _END = op_of("if"), op_of("else"), op_of("end")
_M32 = 0xFFFF_FFFF
_M64 = 0xFFFF_FFFF_FFFF_FFFF

# How the loop below reads an instruction; derived from its immediates.
(
    _ILLEGAL, _NONE, _INDEX, _MEMARG, _S32, _BLOCKTYPE, _GENERAL, _CLOSE, _OTHERWISE, _PREFIX,
    _BLOCK_AND_MORE, _BYTE, _SIXTEEN,
) = range(13)  # fmt: skip

_NESTING = frozenset((_BLOCKTYPE, _CLOSE, _OTHERWISE, _BLOCK_AND_MORE))

_ONE_INDEX = frozenset(
    ("labelidx", "typeidx", "funcidx", "tableidx", "globalidx", "localidx", "elemidx")
)

_ONE_IMMEDIATE: Dict[str, int] = {
    "memarg": _MEMARG, "i32": _S32, "blocktype": _BLOCKTYPE, "laneidx": _BYTE, "v128": _SIXTEEN,
    "lanes": _SIXTEEN,
}  # fmt: skip

_SMALL_MEMARGS: List[List[Tuple[int, int, int]]] = [
    [(align, offset, 0) for offset in range(0x80)] for align in range(5)
]
"""The common memory arguments, one object each: half of a body's memory without them."""


class InstrReader(NamedTuple):
    """What reading an instruction depends on, besides the bytes.

    ``datacount`` is the data count section's number, or None without one.
    """

    types: TypeReader
    features: Features
    limits: Limits
    datacount: Optional[int]


ImmediateReader = Callable[[InstrReader, Reader], Any]


def _u32(_: InstrReader, r: Reader) -> int:
    return r.u32()


def _read_labels(x: InstrReader, r: Reader) -> Tuple[int, ...]:
    return tuple(r.indices(r.count(x.limits.br_table_labels, "br_table labels") + 1))


def _read_tableidx(x: InstrReader, r: Reader) -> int:
    if "reference_types" in x.features:
        return r.u32()
    return _zero_byte(r, "reference_types")


def _read_memidx(x: InstrReader, r: Reader) -> int:
    if "multi_memory" in x.features:
        return r.u32()
    return _zero_byte(r, "multi_memory")


def _zero_byte(r: Reader, feature: str) -> int:
    """The byte that stands where ``feature`` has an index."""
    offset = r.pos
    if r.byte() != 0:
        raise r.malformed(
            f"zero byte expected (an index needs the feature {feature})", offset, rule="flags",
            feature=feature,
        )  # fmt: skip
    return 0


def _read_catches(x: InstrReader, r: Reader) -> Tuple[Catch, ...]:
    """The clauses of a ``try_table``.  Spec: ``binary/instructions.html#binary-catch``."""
    catches = []
    for _ in range(r.count(x.limits.br_table_labels, "catch clauses")):
        offset = r.pos
        kind = r.byte()
        if kind > 3:
            raise r.malformed(f"malformed catch clause {kind:#04x}", offset, rule="flags")
        tag = None if kind & 2 else r.u32()
        catches.append(Catch(tag, kind & 1 == 1, r.u32()))
    return tuple(catches)


def _read_reserved(_: InstrReader, r: Reader) -> int:
    offset = r.pos
    if r.byte() != 0:
        raise r.malformed("zero byte expected", offset, rule="flags")
    return 0


def _read_dataidx(x: InstrReader, r: Reader) -> int:
    # A body may name a segment only once it is known how many there are.
    if x.datacount is None and r.section == "code":
        raise r.malformed("data count section required", rule="data-count")
    return r.u32()


def _read_memarg(x: InstrReader, r: Reader) -> Tuple[int, int, int]:
    start = r.pos
    flags = r.u32()
    memidx = 0
    if flags >= 0x40:
        if flags >= 0x80:
            raise r.malformed(f"malformed memop flags {flags:#x}", start, rule="flags")
        if "multi_memory" not in x.features:
            raise r.malformed(
                f"malformed memop flags {flags:#x} (needs the feature multi_memory)",
                start,
                rule="flags",
                feature="multi_memory",
            )
        flags -= 0x40
        memidx = r.u32()
    return flags, r.unsigned(64 if "memory64" in x.features else 32), memidx


def _read_cast(x: InstrReader, r: Reader) -> Tuple[int, RefType, RefType]:
    """The immediates of a branch on a cast: which types have null, label, heap types."""
    offset = r.pos
    flags = r.byte()
    if flags > 3:
        raise r.malformed(f"malformed cast flags {flags:#04x}", offset, rule="flags")
    label = r.u32()
    source = RefType.of(x.types.heaptype(r), null=flags & 1 == 1)
    return label, source, RefType.of(x.types.heaptype(r), null=flags & 2 == 2)


READERS: Dict[str, ImmediateReader] = {
    "blocktype": lambda x, r: x.types.blocktype(r),
    "labelidx": _u32,
    "labels": _read_labels,
    "typeidx": _u32,
    "funcidx": _u32,
    "tableidx": _read_tableidx,
    "memidx": _read_memidx,
    "globalidx": _u32,
    "localidx": _u32,
    "elemidx": _u32,
    "dataidx": _read_dataidx,
    "tagidx": _u32,
    "catches": _read_catches,
    "heaptype": lambda x, r: x.types.heaptype(r),
    "fieldidx": _u32,
    "count": _u32,
    "ref": lambda x, r: RefType.of(x.types.heaptype(r), null=False),
    "refnull": lambda x, r: RefType.of(x.types.heaptype(r), null=True),
    "cast": _read_cast,
    "valtypes": lambda x, r: x.types.valtypes(r, x.limits.results, "types"),
    "memarg": _read_memarg,
    "reserved": _read_reserved,
    "i32": lambda x, r: r.signed(32) & _M32,
    "i64": lambda x, r: r.signed(64) & _M64,
    "f32": lambda x, r: int.from_bytes(r.take(4), "little"),
    "f64": lambda x, r: int.from_bytes(r.take(8), "little"),
    "v128": lambda x, r: bytes(r.take(16)),
    "laneidx": lambda x, r: r.byte(),
    "lanes": lambda x, r: bytes(r.take(16)),
}
"""The rule of each kind of immediate."""


def _way(row: Instr) -> int:
    """How the loop reads ``row``."""
    if row.op == _END:
        return _CLOSE
    if row.op == _ELSE:
        return _OTHERWISE
    if not row.immediates:
        return _NONE
    if len(row.immediates) == 1:
        kind = row.immediates[0]
        if kind in _ONE_INDEX and row.feature != "reference_types":
            return _INDEX
        return _ONE_IMMEDIATE.get(kind, _GENERAL)
    return _BLOCK_AND_MORE if "blocktype" in row.immediates else _GENERAL


@functools.lru_cache(maxsize=16)
def _ways(features: Features) -> Tuple[int, ...]:
    """For each opcode number how it is read under ``features``."""
    ways = [_ILLEGAL] * OP_COUNT
    for row in INSTRS:
        if row.feature in features:
            ways[row.op] = _way(row)
    for prefix in PREFIX_BASE:
        ways[prefix] = _PREFIX
    return tuple(ways)


@functools.lru_cache(maxsize=16)
def _prefixed(features: Features) -> Dict[int, Dict[int, int]]:
    """For each prefix the opcode numbers behind it under ``features``."""
    return {
        prefix: {
            row.sub: row.op for row in INSTRS if row.prefix == prefix and row.feature in features
        }
        for prefix in PREFIX_BASE
    }


def _read_general(x: InstrReader, r: Reader, op: int) -> Any:
    """The immediates of ``op``: one as it is, several as a tuple."""
    row = BY_OP[op]
    assert row is not None
    if len(row.immediates) == 1:
        return READERS[row.immediates[0]](x, r)
    if not row.immediates:
        return None
    return tuple([READERS[kind](x, r) for kind in row.immediates])


def _illegal(r: Reader, op: int, sub: Optional[int], offset: int) -> MalformedError:
    """The error for an opcode that is not in the table, or not under these features."""
    text = f"illegal opcode {op:02x}" if sub is None else f"illegal opcode {op:02x} {sub:02x}"
    number = op if sub is None else PREFIX_BASE[op] + sub
    row = BY_OP[number] if number < OP_COUNT else None
    feature = None
    if row is not None and (sub is None or row.sub == sub):
        feature = row.feature
        text += f": {row.mnemonic} needs the feature {feature}"
    return r.malformed(text, offset, rule="opcode", feature=feature)


def _read_prefixed(r: Reader, prefix: int, ways: Tuple[int, ...]) -> int:
    """The opcode number behind ``prefix``.  Raises: MalformedError."""
    offset = r.pos - 1
    sub = r.u32()
    base = PREFIX_BASE[prefix]
    row = BY_OP[base + sub] if base + sub < OP_COUNT else None
    if row is None or row.prefix != prefix or ways[row.op] == _ILLEGAL:
        raise _illegal(r, prefix, sub, offset)
    return row.op


def read_expr(x: InstrReader, r: Reader) -> Expr:
    """An expression, up to the ``end`` that closes it: the plain way, by the table.

    Spec: ``binary/instructions.html#binary-expr``.  Raises: MalformedError.
    """
    return _read_expr(x, r)[0]


def read_offsets(x: InstrReader, r: Reader) -> List[int]:
    """The offset of each instruction of the expression that begins here.

    Raises: MalformedError.
    """
    return _read_expr(x, r)[1]


def _read_expr(x: InstrReader, r: Reader) -> Tuple[Expr, List[int]]:
    ways = _ways(x.features)
    expr = Expr([], [], r.pos)
    offsets: List[int] = []
    nest: List[int] = []
    closed = False
    while not closed:
        offsets.append(r.pos)
        op = r.byte()
        if op in PREFIX_BASE:
            op = _read_prefixed(r, op, ways)
        elif ways[op] == _ILLEGAL:
            raise _illegal(r, op, None, r.pos - 1)
        expr.ops.append(op)
        expr.imms.append(_read_general(x, r, op))
        if ways[op] in _NESTING:
            closed = _nest(x, r, nest, op, offsets[-1])
    expr.end = r.pos
    return expr, offsets


def _nest(x: InstrReader, r: Reader, nest: List[int], op: int, offset: int) -> bool:
    """Open or close a block; whether ``op`` closed the expression itself."""
    if op == _END:
        if not nest:
            return True
        nest.pop()
    elif op == _ELSE:
        if not nest or nest[-1] != _IF:
            raise r.malformed(
                "END opcode expected, not an else without if", offset, rule="body-end"
            )
        nest[-1] = op
    else:
        if len(nest) >= x.limits.nesting:
            raise r.malformed(
                f"too many nested blocks, the limit is {len(nest)}", offset, rule="limit"
            )
        nest.append(op)
    return False


def read_body(x: InstrReader, r: Reader) -> Expr:
    """The expression that fills the rest of ``r``: the same as ``read_expr``, fast.

    Spec: ``binary/instructions.html#binary-expr``.  Raises: MalformedError.
    """
    start = r.pos
    ops: List[int] = []
    imms: List[Any] = []
    try:
        _read_instrs(x, r, ops, imms)
    except IndexError:
        # The loop below looks at no bounds: its list of bytes has them.
        raise r.short(r.end) from None
    if r.pos != r.end:
        raise r.malformed("END opcode expected: bytes after the end of the body", rule="body-end")
    return Expr(ops, imms, start, r.pos)


def _wide_u32(r: Reader, code: List[int], base: int, pos: int) -> Tuple[int, int]:
    """An unsigned integer of several bytes at ``code[pos]``, and what follows it."""
    start = pos
    value = code[pos] - 0x80
    for shift in (7, 14, 21, 28):
        pos += 1
        byte = code[pos]
        if byte < 0x80:
            value += byte << shift
            if value > _M32:
                break
            return value, pos + 1
        value += byte - 0x80 << shift
    r.pos = base + start
    return r.unsigned(32), pos  # it raises: it knows why


def _wide_s32(r: Reader, code: List[int], base: int, pos: int) -> Tuple[int, int]:
    """As ``_wide_u32`` for a signed integer, which is given unsigned."""
    start = pos
    value = code[pos] - 0x80
    for shift in (7, 14, 21, 28):
        pos += 1
        byte = code[pos]
        if byte < 0x80:
            # Its topmost bit is the sign.
            value += byte - (byte << 1 & 0x80) << shift
            if not -0x8000_0000 <= value <= 0x7FFF_FFFF:
                break
            return value & _M32, pos + 1
        value += byte - 0x80 << shift
    r.pos = base + start
    return r.signed(32), pos  # it raises: it knows why


def _place_number(
    x: InstrReader, r: Reader, code: List[int], base: int, pos: int,
    numbers: Dict[int, Dict[int, int]],
) -> int:  # fmt: skip
    """Put the number of the opcode behind a prefix in the place of its last byte, which is given.

    Raises: MalformedError.
    """
    start = pos
    prefix = code[pos - 1]
    sub = code[pos]
    if sub >= 0x80:
        pos += 1
        sub += code[pos] - 1 << 7
    number = numbers[prefix].get(sub)
    if number is None:
        r.pos = base + start
        number = _read_prefixed(r, prefix, _ways(x.features))
        pos = r.pos - base - 1
    code[pos] = number
    return pos


def _read_rare(x: InstrReader, r: Reader, nest: List[int], op: int, way: int) -> Any:
    """The immediates of what the loop below does not read itself.  Raises: MalformedError."""
    if way == _ILLEGAL:
        raise _illegal(r, op, None, r.pos - 1)
    if way in (_OTHERWISE, _BLOCK_AND_MORE):
        _nest(x, r, nest, op, r.pos - 1)
    return _read_general(x, r, op)


def _read_instrs(  # noqa: C901, PLR0912, PLR0915 - the hot loop of decoding; calls cost here
    x: InstrReader, r: Reader, ops: List[int], imms: List[Any]
) -> None:
    """Append instructions to ``ops`` and ``imms`` up to the closing ``end``.

    Lists are indexed faster than bytes.  ``pos`` counts from ``base``.
    """
    ways = _ways(x.features)
    numbers = _prefixed(x.features)
    blocktypes = x.types.short_blocktypes
    memargs = _SMALL_MEMARGS
    base = r.pos
    code = list(r.data[base : r.end])
    pos = 0
    nest: List[int] = []
    while True:
        op = code[pos]
        pos += 1
        way = ways[op]
        imm: Any = None
        if way == _INDEX:
            imm = code[pos]
            pos += 1
            if imm >= 0x80:
                imm, pos = _wide_u32(r, code, base, pos - 1)
        elif way == _NONE:
            pass
        elif way == _S32:
            imm = code[pos]
            pos += 1
            if imm >= 0x80:
                imm, pos = _wide_s32(r, code, base, pos - 1)
            elif imm >= 0x40:
                imm += 0xFFFF_FF80
        elif way == _MEMARG:
            align = code[pos]
            value = code[pos + 1]
            if align < 5 and value < 0x80:
                pos += 2
                imm = memargs[align][value]
            elif align < 5 and code[pos + 2] < 0x80:
                imm = align, value + (code[pos + 2] - 1 << 7), 0
                pos += 3
            else:
                r.pos = base + pos
                imm = _read_memarg(x, r)
                pos = r.pos - base
        elif way == _CLOSE:
            if not nest:
                break
            nest.pop()
        elif way == _BLOCKTYPE:
            imm = blocktypes[code[pos]]
            pos += 1
            if imm is NotImplemented or len(nest) >= x.limits.nesting:
                r.pos = base + pos - 1
                _nest(x, r, nest, op, r.pos - 1)
                imm = x.types.blocktype(r)
                pos = r.pos - base
            else:
                nest.append(op)
        elif way == _PREFIX:
            pos = _place_number(x, r, code, base, pos, numbers)
            continue
        elif way == _BYTE:
            imm = code[pos]
            pos += 1
        elif way == _SIXTEEN:
            imm = r.data[base + pos : base + pos + 16]
            pos += 16
        else:
            r.pos = base + pos
            imm = _read_rare(x, r, nest, op, way)
            pos = r.pos - base
        ops.append(op)
        imms.append(imm)
    ops.append(op)
    imms.append(None)
    r.pos = base + pos
