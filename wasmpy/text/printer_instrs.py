"""Instructions as the printer writes them, flat or folded.

What belongs here: one rule per kind of immediate, the order and the
abbreviations of the text format where it has its own, and the two layouts.
What does not: any list of instructions; those come from ``wasmpy.isa``.

Nothing here recurses on nesting, and indentation stops growing at a depth, so
time and output are linear in the expression.

Spec: ``text/instructions.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.isa.table import Instr
from wasmpy.syntax.module import Catch, Expr, Module
from wasmpy.syntax.types import FuncType, HeapType, RefType, StructType
from wasmpy.text.instrs import CATCHES
from wasmpy.text.literals import float_literal, identifier, integer_literal, name_literal
from wasmpy.text.printer_names import Identifiers, Space
from wasmpy.text.printer_types import TypePrinter

_IF, _ELSE, _END = op_of("if"), op_of("else"), op_of("end")
_LOOP = op_of("loop")
_CALL, _RETURN = op_of("call"), op_of("return")
_CLAUSES: Dict[Tuple[bool, bool], str] = {key: word for word, key in CATCHES.items()}
DEEPEST = 40
"""How many levels are shown by indentation."""
_LINE = 72
"""A folded expression that is no longer stands on one line."""

_RESULTLESS = frozenset(
    op_of(mnemonic)
    for mnemonic in (
        "drop", "local.set", "global.set", "table.set", "table.fill", "br", "br_if", "br_table",
        "return", "unreachable",
    )
)  # fmt: skip
"""Structural instructions that leave nothing; which operands are folded depends on no more."""


class Label(NamedTuple):
    """A label in scope: its identifier or "", and how many values a branch to it carries."""

    identifier: str
    name: str
    arity: int


class Item:
    """A folded expression of several lines: its head, what is folded into it, its arms."""

    __slots__ = ("arms", "children", "head", "results")

    def __init__(self, head: str, children: List[Any], results: int) -> None:
        self.head = head
        self.children = children
        self.results = results
        self.arms: List[Tuple[str, List[Any]]] = []


_Piece = Tuple[Union[str, Item], int]
"""A folded expression, on one line or on several, and how many values it leaves."""


class InstrPrinter(TypePrinter):
    """Writes expressions of one module."""

    def __init__(self, module: Module, ids: Identifiers) -> None:
        super().__init__(module, ids)
        self.functypes = module.functypes()
        self.locals = Space({})
        self.labels: List[Label] = []
        self.open: Dict[str, int] = {}
        self.blocks = 0
        self.names: Mapping[int, str] = {}
        self.results = 0
        self._types: Sequence[int] = ()

    def begin(self, locals_: Space, labels: Mapping[int, str], results: int) -> None:
        """Begin a body: its locals, the names of its labels, how many results it has."""
        self.locals = locals_
        self.names = labels
        self.results = results
        self.labels = [Label("", "", results)]
        self.open = {}
        self.blocks = 0

    # Labels

    def _enter(self, blocktype: Any, *, loop: bool) -> str:
        """Enter a block: what stands behind its keyword."""
        params, results = self._block_arity(blocktype)
        name = self.names.get(self.blocks, "")
        unique, note = name, ""
        while unique in self.open:
            unique = f"{unique}#{self.blocks}"
        shown = identifier(unique) if unique else ""
        if unique != name or (not name and self.blocks in self.names):
            note = f"(@name {name_literal(name)})"
        if unique:
            self.open[unique] = len(self.labels)
        comment = "" if shown else f"(;@{len(self.labels)};)"
        self.labels.append(Label(shown, unique, params if loop else results))
        self.blocks += 1
        words = [w for w in (shown, note, comment) if w]
        return " " + " ".join(words) + self._blocktype(blocktype)

    def _leave(self) -> None:
        label = self.labels.pop()
        if label.name:
            self.open.pop(label.name, None)

    def _block_arity(self, blocktype: Any) -> Tuple[int, int]:
        if blocktype is None:
            return 0, 0
        if isinstance(blocktype, int):
            functype = self.functype(blocktype)
            return len(functype.params), len(functype.results)
        return 0, 1

    def _blocktype(self, blocktype: Any) -> str:
        if blocktype is None:
            return ""
        if isinstance(blocktype, int):
            return self.typeuse(blocktype)
        return self.valtypes("result", [blocktype])

    # Immediates

    def label(self, _: Instr, depth: int) -> str:
        """A label, by its identifier where it has one."""
        if depth >= len(self.labels):
            return str(depth)
        at = len(self.labels) - 1 - depth
        label = self.labels[at]
        return label.identifier or (f"{depth} (;@{at};)" if at else str(depth))

    def _labels(self, row: Instr, labels: Tuple[int, ...]) -> str:
        return " ".join([self.label(row, x) for x in labels])

    def _memarg(self, row: Instr, memarg: Tuple[int, int, int]) -> str:
        align, offset, memidx = memarg
        parts = [self.ids.ref("memory", memidx)] if memidx else []
        if offset:
            parts.append(f"offset={offset}")
        if 1 << align != row.width:
            parts.append(f"align={1 << align}")
        return " ".join(parts)

    def _catches(self, _: Instr, catches: Tuple[Catch, ...]) -> str:
        """The clauses of a ``try_table``."""
        parts = []
        for clause in catches:
            words = [_CLAUSES[clause.ref, clause.tag is None]]
            if clause.tag is not None:
                words.append(self.ids.ref("tag", clause.tag))
            parts.append(f"({' '.join(words)} {self.label(_, clause.label)})")
        return " ".join(parts)

    def _cast(self, row: Instr, imm: Tuple[int, RefType, RefType]) -> str:
        label, source, target = imm
        return f"{self.label(row, label)} {self.valtype(source)} {self.valtype(target)}"

    def _v128(self, _: Instr, value: bytes) -> str:
        lanes = [int.from_bytes(value[i : i + 4], "little") for i in range(0, 16, 4)]
        return "i32x4 " + " ".join([f"{lane:#010x}" for lane in lanes])

    def immediates(self, row: Instr, imm: Any) -> str:
        """The immediates of an instruction as they stand behind its mnemonic."""
        kinds = row.immediates
        if not kinds:
            return ""
        whole = COMBINED.get(kinds)
        if whole is not None:
            return whole(self, row, imm)
        if len(kinds) == 1:
            return PRINTERS[kinds[0]](self, row, imm)
        shown = [PRINTERS[kind](self, row, value) for kind, value in zip(kinds, imm)]
        return " ".join([text for text in shown if text])

    def instr(self, op: int, imm: Any) -> str:
        """One plain instruction."""
        row = BY_OP[op]
        assert row is not None
        shown = self.immediates(row, imm)
        return f"{row.mnemonic} {shown}" if shown else row.mnemonic

    # The flat layout

    def flat(
        self, expr: Expr, depth: int, notes: Mapping[int, str], marks: Optional[Sequence[str]]
    ) -> List[str]:
        """A line for each instruction but the last ``end``.

        ``notes`` are annotations by pc, ``marks`` comments for each pc.
        """
        lines: List[str] = []
        base = depth
        for pc, (op, imm) in enumerate(zip(expr.ops, expr.imms)):
            mark = marks[pc] + " " if marks is not None else ""
            if op == _END:
                if len(self.labels) == 1:
                    break
                depth -= 1
                self._leave()
                text = "end"
            elif op == _ELSE:
                depth -= 1
                text = "else"
            elif is_block(op):
                text = self._block_head(op, imm)
            else:
                text = self.instr(op, imm)
            note = notes.get(pc)
            indent = "  " * min(depth, DEEPEST)
            if note is not None:
                lines.append(f"{indent}{note}")
            lines.append(f"{indent}{mark}{text}")
            if op == _ELSE or is_block(op):
                depth += 1
        assert depth >= base
        return lines

    def _block_head(self, op: int, imm: Any) -> str:
        """Keyword, label and immediates of a block; enters it.

        A block has its block type first among its immediates; what else it
        has refers to labels outside of it.
        """
        row = BY_OP[op]
        assert row is not None
        rest = ""
        blocktype = imm
        if len(row.immediates) > 1:
            blocktype = imm[0]
            for kind, value in zip(row.immediates[1:], imm[1:]):
                rest += " " + PRINTERS[kind](self, row, value)
        return row.mnemonic + self._enter(blocktype, loop=op == _LOOP) + rest.rstrip()

    # The folded layout

    def arity(self, row: Instr, imm: Any) -> Tuple[int, int]:
        """How many values an instruction takes and leaves, as far as folding asks."""
        if row.params is not None and row.results is not None:
            return len(row.params), len(row.results)
        rule = ARITIES.get(row.immediates)
        if rule is not None:
            return rule(self, row, imm)
        if row.op == _RETURN:
            return self.results, 0
        return row.operands, 0 if row.op in _RESULTLESS else 1

    def _label_arity(self, depth: int) -> int:
        return self.labels[-1 - depth].arity if depth < len(self.labels) else 0

    def folded(
        self, expr: Expr, depth: int, notes: Mapping[int, str], marks: Optional[Sequence[str]]
    ) -> List[str]:
        """The expression with operands folded into the instructions that take them."""
        pieces: List[_Piece] = []
        outer: List[Tuple[Item, List[_Piece]]] = []
        for pc, (op, imm) in enumerate(zip(expr.ops, expr.imms)):
            lead = notes[pc] + " " if pc in notes else ""
            if marks is not None:
                lead += marks[pc] + " "
            if op == _END:
                if not outer:
                    break
                self._leave()
                item, before = outer.pop()
                item.arms.append((item.arms.pop()[0], [piece for piece, _ in pieces]))
                pieces = before
                pieces.append((item, item.results))
            elif op == _ELSE:
                item = outer[-1][0]
                item.arms[-1] = (item.arms[-1][0], [piece for piece, _ in pieces])
                item.arms.append(("else", []))
                pieces = []
            elif is_block(op):
                block = imm[0] if isinstance(imm, tuple) else imm
                params, results = self._block_arity(block)
                taken: List[Any] = []
                if op == _IF:
                    taken = _take(pieces, params + 1)
                item = Item(lead + "(" + self._block_head(op, imm), taken, results)
                item.arms.append(("then" if op == _IF else "", []))
                outer.append((item, pieces))
                pieces = []
            else:
                pieces.append(self._fold(op, imm, lead, pieces, marks is None))
        return _lay_out([piece for piece, _ in pieces], depth)

    def _fold(
        self, op: int, imm: Any, lead: str, pieces: List[_Piece], one_line: bool  # noqa: FBT001
    ) -> _Piece:
        """A plain instruction with its operands taken from ``pieces``."""
        row = BY_OP[op]
        assert row is not None
        params, results = self.arity(row, imm)
        taken = _take(pieces, params)
        head = f"{lead}({self.instr(op, imm)}"
        if one_line and all(isinstance(piece, str) for piece in taken):
            length = len(head) + sum(map(len, taken)) + len(taken)
            if length < _LINE:
                return " ".join([head, *taken]) + ")", results
        return Item(head, taken, results), results


def is_block(op: int) -> bool:
    """Whether an opcode opens a block."""
    return op in _BLOCKS


_BLOCKS = frozenset(
    row.op for row in BY_OP if row is not None and row.immediates[:1] == ("blocktype",)
)


def _take(pieces: List[_Piece], count: int) -> List[Any]:
    """Take the pieces at the end that leave ``count`` values together, or as many as do."""
    at = len(pieces)
    while count > 0 and at > 0 and 0 < pieces[at - 1][1] <= count:
        at -= 1
        count -= pieces[at][1]
    taken = [piece for piece, _ in pieces[at:]]
    del pieces[at:]
    return taken


def _lay_out(pieces: List[Any], depth: int) -> List[str]:
    """Lines for folded expressions."""
    lines: List[str] = []
    # What is still to be written: a piece or a string, and its depth.  A
    # string that is only parentheses closes what stands on the line before.
    todo: List[Tuple[Any, int]] = [(piece, depth) for piece in reversed(pieces)]
    while todo:
        piece, depth = todo.pop()
        if isinstance(piece, str):
            if piece == ")":
                lines[-1] += ")"
            else:
                lines.append("  " * min(depth, DEEPEST) + piece)
            continue
        lines.append("  " * min(depth, DEEPEST) + piece.head)
        rest: List[Tuple[Any, int]] = [(child, depth + 1) for child in piece.children]
        arms = piece.arms
        piece.children, piece.arms = [], []  # freed one by one, however deep they are
        for keyword, children in arms:
            if keyword:
                rest.append((f"({keyword}", depth + 1))
            rest += [(child, depth + 1 + bool(keyword)) for child in children]
            if keyword:
                rest.append((")", depth))
        rest.append((")", depth))
        todo += reversed(rest)
    return lines


_Print = Callable[[InstrPrinter, Instr, Any], str]


def _index(kind: str) -> _Print:
    return lambda p, row, index: p.ids.ref(kind, index)


def _index_or_nothing(kind: str) -> _Print:
    return lambda p, row, index: p.ids.ref(kind, index) if index else ""


def _heaptype(p: InstrPrinter, row: Instr, heaptype: HeapType) -> str:
    return p.heaptype(heaptype)


PRINTERS: Dict[str, _Print] = {
    "blocktype": lambda p, row, blocktype: p._blocktype(blocktype).strip(),
    "labelidx": InstrPrinter.label,
    "labels": InstrPrinter._labels,
    "typeidx": _index("type"),
    "funcidx": _index("func"),
    "tableidx": _index_or_nothing("table"),
    "memidx": _index_or_nothing("memory"),
    "globalidx": _index("global"),
    "localidx": lambda p, row, index: p.locals.ref(index),
    "elemidx": _index("elem"),
    "dataidx": _index("data"),
    "tagidx": _index("tag"),
    "fieldidx": lambda p, row, index: str(index),
    "count": lambda p, row, count: str(count),
    "catches": InstrPrinter._catches,
    "ref": lambda p, row, reftype: p.valtype(reftype),
    "refnull": lambda p, row, reftype: p.valtype(reftype),
    "cast": InstrPrinter._cast,
    "reserved": lambda p, row, _: "",
    "heaptype": _heaptype,
    "valtypes": lambda p, row, types: p.valtypes("result", types).strip() or "(result)",
    "memarg": InstrPrinter._memarg,
    "i32": lambda p, row, value: integer_literal(value, 32),
    "i64": lambda p, row, value: integer_literal(value, 64),
    "f32": lambda p, row, value: float_literal(value, 32),
    "f64": lambda p, row, value: float_literal(value, 64),
    "v128": InstrPrinter._v128,
    "laneidx": lambda p, row, lane: str(lane),
    "lanes": lambda p, row, lanes: " ".join(map(str, lanes)),
}
"""How each kind of immediate is written, where it stands alone or in binary order."""


def _call_indirect(p: InstrPrinter, row: Instr, imm: Tuple[int, int]) -> str:
    table = p.ids.ref("table", imm[1]) if imm[1] else ""
    return (table + p.typeuse(imm[0])).strip()


def _segment(space: str, segment: str) -> _Print:
    def write(p: InstrPrinter, row: Instr, imm: Tuple[int, int]) -> str:
        target = p.ids.ref(space, imm[1]) + " " if imm[1] else ""
        return target + p.ids.ref(segment, imm[0])

    return write


def _two(space: str) -> _Print:
    def write(p: InstrPrinter, row: Instr, imm: Tuple[int, int]) -> str:
        return " ".join([p.ids.ref(space, x) for x in imm]) if any(imm) else ""

    return write


def _field(p: InstrPrinter, row: Instr, imm: Tuple[int, int]) -> str:
    return f"{p.ids.ref('type', imm[0])} {p.ids.fields(imm[0]).ref(imm[1])}"


COMBINED: Dict[Tuple[str, ...], _Print] = {
    ("typeidx", "tableidx"): _call_indirect,
    ("elemidx", "tableidx"): _segment("table", "elem"),
    ("dataidx", "memidx"): _segment("memory", "data"),
    ("tableidx", "tableidx"): _two("table"),
    ("memidx", "memidx"): _two("memory"),
    ("typeidx", "fieldidx"): _field,
}
"""Immediates that the text orders, abbreviates or resolves together."""


def _call_arity(p: InstrPrinter, row: Instr, imm: Any) -> Tuple[int, int]:
    known = p.functypes[imm] if imm < len(p.functypes) else None
    functype = p.functype(known) if known is not None else FuncType((), ())
    # A tail call leaves nothing; a reference to a function is one value.
    if row.params is None and row.op != _CALL:
        return len(functype.params), 0
    return len(functype.params), len(functype.results)


def _indirect_arity(p: InstrPrinter, row: Instr, imm: Any) -> Tuple[int, int]:
    functype = p.functype(imm[0])
    return len(functype.params) + 1, len(functype.results)


def _type_arity(p: InstrPrinter, row: Instr, typeidx: int) -> Tuple[int, int]:
    """An instruction on one type: a call through a reference, or a structure being made."""
    types = p.module.types
    found = types[typeidx] if typeidx < len(types) else None
    if isinstance(found, FuncType):
        return len(found.params) + 1, len(found.results)
    if isinstance(found, StructType) and not row.operands and row.feature == "gc":
        return 0 if "default" in row.mnemonic else len(found.fields), 1
    return row.operands, 1


def _branch_arity(p: InstrPrinter, row: Instr, depth: int) -> Tuple[int, int]:
    carried = p._label_arity(depth)
    return carried + row.operands, carried if row.operands else 0


def _table_branch_arity(p: InstrPrinter, row: Instr, labels: Tuple[int, ...]) -> Tuple[int, int]:
    return p._label_arity(labels[-1]) + row.operands, 0


ARITIES: Dict[Tuple[str, ...], Callable[[InstrPrinter, Instr, Any], Tuple[int, int]]] = {
    ("funcidx",): _call_arity,
    ("typeidx", "tableidx"): _indirect_arity,
    ("typeidx",): _type_arity,
    ("labelidx",): _branch_arity,
    ("labels",): _table_branch_arity,
}
"""How many values are taken and left, where the immediates tell."""
