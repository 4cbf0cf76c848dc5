"""Instructions in the text format, flat and folded, driven by the instruction table.

What belongs here: one rule per kind of immediate (or per combination, where
the text orders or abbreviates several), and the nesting of blocks and folded
expressions, held in a list so that depth costs no Python frame.  What does
not: any list of instructions; those come from ``wasmpy.isa``.

Spec: ``text/instructions.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from wasmpy.isa.derived import BY_MNEMONIC, op_of
from wasmpy.isa.derived import row as row_of
from wasmpy.isa.table import INSTRS, Instr
from wasmpy.syntax.module import Catch, Expr
from wasmpy.syntax.types import RefType
from wasmpy.text.context import Labels, ModuleContext
from wasmpy.text.lexer import Tokens
from wasmpy.text.numbers import SHAPES, parse_float, parse_int, parse_lanes, parse_nat
from wasmpy.text.types import TypeParser

_ELSE = op_of("else")
_END = op_of("end")
_IF = op_of("if")
_DATA_INSTRS = frozenset(row.op for row in INSTRS if "dataidx" in row.immediates)
_REF = ("ref",)

# What an open construct waits for.  The flat ones end with a keyword, the
# folded ones with a parenthesis.
_FLAT, _FLAT_IF, _FLAT_ELSE, _PLAIN, _BLOCK, _COND, _THEN, _AFTER_THEN, _ELSE_ARM, _AFTER_ELSE = (
    range(10)
)
_SEQUENCES = frozenset({_FLAT, _FLAT_IF, _FLAT_ELSE, _BLOCK, _THEN, _ELSE_ARM})
"""The states in which an instruction may stand by itself."""
_ARMS = frozenset({_COND, _AFTER_THEN, _AFTER_ELSE})
"""The states of a folded ``if`` between its arms."""


class _Open:
    """A construct that is not closed yet, and the instruction it still owes."""

    __slots__ = ("at", "identifier", "imm", "op", "state")

    def __init__(
        self, state: int, op: int, imm: Any, at: int, identifier: Optional[str] = None
    ) -> None:
        self.state = state
        self.op = op
        self.imm = imm
        self.at = at
        self.identifier = identifier


class _Body:
    """An expression while it is read."""

    __slots__ = ("at", "imms", "labels", "opened", "ops")

    def __init__(self) -> None:
        self.ops: List[int] = []
        self.imms: List[Any] = []
        self.at: List[int] = []
        self.opened: List[_Open] = []
        self.labels = Labels()
        self.labels.push(None)


class InstrParser(TypeParser):
    """Reads expressions."""

    def __init__(self, tokens: Tokens, context: ModuleContext, pos: int = 0) -> None:
        super().__init__(tokens, context, pos)
        self.locals: Dict[str, int] = {}
        self.body = _Body()

    def take_expr(self, end: int, local_ids: Optional[Dict[str, int]] = None) -> Expr:
        """Take instructions up to token ``end`` as an expression.

        ``local_ids`` are the identifiers of the locals in scope.
        """
        self.locals = local_ids or {}
        self.body = body = _Body()
        texts = self.texts
        while self.pos < end:
            text = texts[self.pos]
            if text == "(":
                self._open_folded()
            elif text == ")":
                self._close_folded()
            else:
                self._take_flat(text)
        if body.opened:
            raise self.error("unexpected token, expected end")
        self._emit(_END, None, end)
        place, starts = self.tokens.place, self.tokens.starts
        return Expr(body.ops, body.imms, positions=[place(starts[at]) for at in body.at])

    def _emit(self, op: int, imm: Any, at: int) -> None:
        body = self.body
        body.ops.append(op)
        body.imms.append(imm)
        body.at.append(at)

    def _take_instr(self, at: int) -> Tuple[Instr, Any]:
        """Take a plain instruction: mnemonic and immediates."""
        text = self.texts[at]
        rule = _PLAIN_RULES.get(text)
        if rule is None:
            raise self._unknown(text, at)
        self.pos = at + 1
        row, read = rule
        if row.feature not in self.context.features:
            raise self.unsupported(f"the instruction {text}", row.feature, at)
        if read is None:
            if len(BY_MNEMONIC[text]) > 1:
                return self._take_select(row)
            return row, None
        imm = read(self, row)
        if row.immediates == _REF and imm.null:
            row = next(r for r in BY_MNEMONIC[text] if r.immediates != _REF)
        return row, imm

    def _unknown(self, text: str, at: int) -> Exception:
        """The error for a word that is no instruction here."""
        if text in BY_MNEMONIC:
            return self.error(f"unexpected token {text}", at)
        return self.error(f"unknown operator {text[:40]}", at)

    # Flat form

    def _take_flat(self, text: str) -> None:
        """Take one instruction that is not in parentheses."""
        body, at = self.body, self.pos
        if body.opened and body.opened[-1].state not in _SEQUENCES:
            raise self.error(f"unexpected token {text[:40]} in a folded instruction")
        if text in _BLOCKS:
            op = _BLOCKS[text]
            self.pos += 1
            identifier = self.take_id()
            self._emit(op, self._block_imm(op), at)
            body.labels.push(identifier)
            body.opened.append(_Open(_FLAT_IF if op == _IF else _FLAT, op, None, at))
        elif text == "end":
            top = body.opened[-1] if body.opened else None
            if top is None or top.state not in (_FLAT, _FLAT_IF, _FLAT_ELSE):
                raise self.error("unexpected token end")
            self.pos += 1
            self._repeat_label()
            body.opened.pop()
            body.labels.pop()
            self._emit(_END, None, at)
        elif text == "else":
            if not body.opened or body.opened[-1].state != _FLAT_IF:
                raise self.error("unexpected token else")
            self.pos += 1
            self._repeat_label()
            body.opened[-1].state = _FLAT_ELSE
            self._emit(_ELSE, None, at)
        else:
            row, imm = self._take_instr(at)
            self._emit(row.op, imm, at)

    def _repeat_label(self) -> None:
        """Take the identifier behind ``else`` or ``end``, which must be the block's own."""
        at = self.pos
        identifier = self.take_id()
        if identifier is not None and identifier != self.body.labels.top():
            raise self.error(f"mismatching label {identifier}", at)

    # Folded form

    def _open_folded(self) -> None:
        """Take an opening parenthesis, the keyword behind it, and its immediates."""
        body, at = self.body, self.pos + 1
        text = self.texts[at]
        top = body.opened[-1] if body.opened else None
        if top is not None and top.state in _ARMS and self._open_arm(top, text):
            return
        if text in _BLOCKS:
            op = _BLOCKS[text]
            self.pos = at + 1
            identifier = self.take_id()
            blocktype = self._block_imm(op)
            if op == _IF:
                # The condition comes first and is outside the label.
                body.opened.append(_Open(_COND, op, blocktype, at, identifier))
            else:
                self._emit(op, blocktype, at)
                body.labels.push(identifier)
                body.opened.append(_Open(_BLOCK, op, None, at))
        else:
            row, imm = self._take_instr(at)
            body.opened.append(_Open(_PLAIN, row.op, imm, at))

    def _open_arm(self, top: _Open, text: str) -> bool:
        """Enter an arm of the folded ``if`` on top; False if its condition goes on instead."""
        body, at = self.body, self.pos + 1
        if text == "then" and top.state == _COND:
            self._emit(_IF, top.imm, top.at)
            body.labels.push(top.identifier)
            top.state = _AFTER_THEN
            body.opened.append(_Open(_THEN, _IF, None, at))
        elif text == "else" and top.state == _AFTER_THEN:
            self._emit(_ELSE, None, at)
            top.state = _AFTER_ELSE
            body.opened.append(_Open(_ELSE_ARM, _IF, None, at))
        elif top.state == _COND:
            return False
        else:
            raise self.error(f"unexpected token {text[:40]} behind an arm of if", at)
        self.pos = at + 1
        return True

    def _close_folded(self) -> None:
        """Take a closing parenthesis."""
        body = self.body
        top = body.opened.pop() if body.opened else None
        if top is None or top.state in (_FLAT, _FLAT_IF, _FLAT_ELSE):
            raise self.error("unexpected token ), expected end")
        if top.state == _PLAIN:
            self._emit(top.op, top.imm, top.at)
        elif top.state == _COND:
            raise self.error("unexpected token ), expected (then")
        elif top.state in (_BLOCK, _AFTER_THEN, _AFTER_ELSE):
            self._emit(_END, None, self.pos)
            body.labels.pop()
        self.pos += 1

    # Immediates

    def _take_select(self, row: Instr) -> Tuple[Instr, Any]:
        """Tell the rows of one mnemonic apart: with result types or without."""
        if not self.at_list("result"):
            return row, None
        _, results = self.take_signature(named=False)
        for other in BY_MNEMONIC[row.mnemonic]:
            if other.immediates:
                return other, results
        return row, None

    def _block_imm(self, op: int) -> Any:
        """The immediates of a block: its type, and clauses, which are outside of its label."""
        row = row_of(op)
        self.need(row.feature, f"the instruction {row.mnemonic}", self.pos - 1)
        blocktype = self.take_blocktype()
        return (blocktype, self._catches()) if op in _WITHCATCHES else blocktype

    def _catches(self) -> Tuple[Catch, ...]:
        """Take the clauses of a ``try_table``.  Spec: ``text/instructions.html#text-catch``."""
        catches = []
        while self.texts[self.pos] == "(" and self.texts[self.pos + 1] in CATCHES:
            ref, every = CATCHES[self.texts[self.pos + 1]]
            self.pos += 2
            tag = None if every else self.take_index("tag")
            catches.append(Catch(tag, ref, self._take_label()))
            self.expect(")")
        return tuple(catches)

    def _tag(self, row: Instr) -> int:
        return self.take_index("tag")

    def _label(self, row: Instr) -> int:
        return self._take_label()

    def _take_label(self) -> int:
        text = self.texts[self.pos]
        if text[:1] != "$":
            return self.take_nat(32)
        index = self.body.labels.index(text)
        if index is None:
            raise self.error(f"unknown label {text}")
        self.pos += 1
        return index

    def _labels(self, row: Instr) -> Tuple[int, ...]:
        labels = [self._label(row)]
        while self.at_index():
            labels.append(self._label(row))
        return tuple(labels)

    def _local(self, row: Instr) -> int:
        text = self.texts[self.pos]
        if text[:1] != "$":
            return self.take_nat(32)
        index = self.locals.get(text)
        if index is None:
            raise self.error(f"unknown local {text}")
        self.pos += 1
        return index

    def _func(self, row: Instr) -> int:
        return self.take_index("func")

    def _global(self, row: Instr) -> int:
        return self.take_index("global")

    def _elem(self, row: Instr) -> int:
        return self.take_index("elem")

    def _data(self, row: Instr) -> int:
        if row.op in _DATA_INSTRS:
            self.context.needs_datacount = True
        return self.take_index("data")

    def _table(self, row: Instr) -> int:
        return self.take_index("table") if self.at_index() else 0

    def _memory(self, row: Instr) -> int:
        if not self.at_index():
            return 0
        at = self.pos
        index = self.take_index("memory")
        if index:
            self.need("multi_memory", f"memory {index}", at)
        return index

    def _heaptype(self, row: Instr) -> object:
        return self.take_heaptype()

    def _typeidx(self, row: Instr) -> int:
        return self.take_index("type")

    def _reftype(self, row: Instr) -> RefType:
        return self.take_reftype()

    def _cast(self, row: Instr) -> Tuple[int, RefType, RefType]:
        return self._take_label(), self.take_reftype(), self.take_reftype()

    def _type_field(self, row: Instr) -> Tuple[int, int]:
        typeidx = self._typeidx(row)
        return typeidx, self.take_fieldidx(typeidx)

    def _type_count(self, row: Instr) -> Tuple[int, int]:
        return self._typeidx(row), self.take_nat(32)

    def _two_types(self, row: Instr) -> Tuple[int, int]:
        return self._typeidx(row), self._typeidx(row)

    def _type_data(self, row: Instr) -> Tuple[int, int]:
        return self._typeidx(row), self._data(row)

    def _type_elem(self, row: Instr) -> Tuple[int, int]:
        return self._typeidx(row), self._elem(row)

    def _call_indirect(self, row: Instr) -> Tuple[int, int]:
        tableidx = self._table(row)
        typeidx, _ = self.take_typeuse(named=False)
        return typeidx, tableidx

    def _table_init(self, row: Instr) -> Tuple[int, int]:
        return self._segment_and(row, self._table, self._elem)

    def _memory_init(self, row: Instr) -> Tuple[int, int]:
        return self._segment_and(row, self._memory, self._data)

    def _segment_and(
        self, row: Instr, target: Callable[[Instr], int], segment: Callable[[Instr], int]
    ) -> Tuple[int, int]:
        """A table or memory, which may be left out, and a segment, which may not."""
        ahead = self.texts[self.pos + 1][:1]
        two = ahead == "$" or ahead.isdigit()
        index = target(row) if two else 0
        return segment(row), index

    def _two_tables(self, row: Instr) -> Tuple[int, int]:
        if not self.at_index():
            return 0, 0
        return self.take_index("table"), self.take_index("table")

    def _reserved(self, row: Instr) -> int:
        """Nothing: the text has no sign for it."""
        return 0

    def _two_memories(self, row: Instr) -> Tuple[int, int]:
        if not self.at_index():
            return 0, 0
        return self._memory(row), self._memory(row)

    def _memarg(self, row: Instr) -> Tuple[int, int, int]:
        """Alignment (its logarithm), offset and memory.

        Spec: ``text/instructions.html#text-memarg``.
        """
        memidx = self._memory(row)
        offset = 0
        align = row.width
        try:
            if self.texts[self.pos].startswith("offset="):
                offset = parse_nat(self.texts[self.pos][7:], self.context.address_bits)
                self.pos += 1
            if self.texts[self.pos].startswith("align="):
                align = parse_nat(self.texts[self.pos][6:], 64)
                if align == 0 or align & (align - 1):
                    raise ValueError("alignment must be a power of two")
                self.pos += 1
        except ValueError as error:
            raise self.error(str(error)) from None
        return align.bit_length() - 1, offset, memidx

    def _number(self, parse: Callable[[str, int], int], bits: int) -> int:
        try:
            value = parse(self.texts[self.pos], bits)
        except ValueError as error:
            raise self.error(str(error)) from None
        self.pos += 1
        return value

    def _i32(self, row: Instr) -> int:
        return self._number(parse_int, 32)

    def _i64(self, row: Instr) -> int:
        return self._number(parse_int, 64)

    def _f32(self, row: Instr) -> int:
        return self._number(parse_float, 32)

    def _f64(self, row: Instr) -> int:
        return self._number(parse_float, 64)

    # Vectors

    def _v128(self, row: Instr) -> bytes:
        """A shape and as many literals as it has lanes."""
        shape = self.texts[self.pos]
        if shape not in SHAPES:
            self.unexpected("a vector shape")
        count, _ = SHAPES[shape]
        at = self.pos + 1
        for i in range(at, at + count):
            if self.texts[i] in ("", "(", ")"):
                raise self.error(f"wrong number of lane literals, {shape} has {count}", i)
        try:
            value = parse_lanes(shape, self.texts[at : at + count])
        except ValueError as error:
            raise self.error(str(error), at) from None
        self.pos = at + count
        return value

    def _laneidx(self, row: Instr) -> int:
        return self.take_nat(8)

    def _lanes(self, row: Instr) -> bytes:
        lanes: List[int] = []
        while len(lanes) < 16:
            if not self.at_number():
                raise self.error(f"invalid lane length: {len(lanes)} lane indices, expected 16")
            lanes.append(self._laneidx(row))
        return bytes(lanes)

    def _memarg_laneidx(self, row: Instr) -> Tuple[Tuple[int, int, int], int]:
        """A number that nothing else follows is the lane; before more, it is the memory."""
        ahead = self.texts[self.pos + 1]
        alone = self.at_number() and not (ahead[:1].isdigit() or ahead.startswith(_MEMARG_KEYS))
        memarg = (row.access.width.bit_length() - 1, 0, 0) if alone and row.access else None
        return memarg or self._memarg(row), self._laneidx(row)


_MEMARG_KEYS = ("offset=", "align=")

_Read = Callable[[InstrParser, Instr], Any]

RULES: Dict[Tuple[str, ...], Optional[_Read]] = {
    (): None,
    ("labelidx",): InstrParser._label,
    ("labels",): InstrParser._labels,
    ("funcidx",): InstrParser._func,
    ("tableidx",): InstrParser._table,
    ("memidx",): InstrParser._memory,
    ("globalidx",): InstrParser._global,
    ("localidx",): InstrParser._local,
    ("elemidx",): InstrParser._elem,
    ("dataidx",): InstrParser._data,
    ("tagidx",): InstrParser._tag,
    ("heaptype",): InstrParser._heaptype,
    ("typeidx",): InstrParser._typeidx,
    ("ref",): InstrParser._reftype,
    ("refnull",): InstrParser._reftype,
    ("cast",): InstrParser._cast,
    ("typeidx", "fieldidx"): InstrParser._type_field,
    ("typeidx", "count"): InstrParser._type_count,
    ("typeidx", "typeidx"): InstrParser._two_types,
    ("typeidx", "dataidx"): InstrParser._type_data,
    ("typeidx", "elemidx"): InstrParser._type_elem,
    ("memarg",): InstrParser._memarg,
    ("reserved",): InstrParser._reserved,
    ("i32",): InstrParser._i32,
    ("i64",): InstrParser._i64,
    ("f32",): InstrParser._f32,
    ("f64",): InstrParser._f64,
    ("v128",): InstrParser._v128,
    ("laneidx",): InstrParser._laneidx,
    ("lanes",): InstrParser._lanes,
    ("memarg", "laneidx"): InstrParser._memarg_laneidx,
    ("typeidx", "tableidx"): InstrParser._call_indirect,
    ("elemidx", "tableidx"): InstrParser._table_init,
    ("dataidx", "memidx"): InstrParser._memory_init,
    ("tableidx", "tableidx"): InstrParser._two_tables,
    ("memidx", "memidx"): InstrParser._two_memories,
}
"""How the immediates of an instruction are read, by their kinds."""

STRUCTURED = frozenset({("blocktype",), ("blocktype", "catches"), ("valtypes",)})
"""Immediates that the block structure or the choice of a row reads."""


class _Rule(NamedTuple):
    row: Instr
    read: Optional[_Read]


_BLOCKS: Dict[str, int] = {
    rows[0].mnemonic: rows[0].op
    for rows in BY_MNEMONIC.values()
    if "blocktype" in rows[0].immediates
}
_WITHCATCHES = frozenset(op for op in _BLOCKS.values() if "catches" in row_of(op).immediates)
CATCHES: Dict[str, Tuple[bool, bool]] = {
    "catch": (False, False), "catch_ref": (True, False),
    "catch_all": (False, True), "catch_all_ref": (True, True),
}  # fmt: skip
"""The keywords of clauses: whether they carry the exception itself, whether they are for all."""
_PLAIN_RULES: Dict[str, _Rule] = {
    mnemonic: _Rule(rows[0], RULES[rows[0].immediates])
    for mnemonic, rows in BY_MNEMONIC.items()
    if rows[0].immediates not in STRUCTURED and rows[0].op not in (_ELSE, _END)
}

__all__ = ["RULES", "STRUCTURED", "InstrParser"]
