"""Instructions to statements: the symbolic stack of one straight line.

What belongs here: what each instruction does to the symbolic stack, and
which statements it leaves behind.  What does not: control flow
(``structure``), the expressions of numeric instructions (``templates``).

A value stays on the symbolic stack as text until something needs it, so one
instruction's result is written into the expression of the next.  It is
computed earlier, into a variable of its own, where computing it later would
show: before a store or a call if it reads memory or a global, before
anything else that may trap if it may trap, before an assignment to a local
that it reads.  A line has at most one place that may trap.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

from wasmpy.exec import generated
from wasmpy.exec.handlers import BYTES_PER_FUEL
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.isa.table import Instr
from wasmpy.numerics.bits import f32_from_bits, f64_from_bits
from wasmpy.syntax.types import I32, I64, ValType
from wasmpy.tiers.pysource.shape import Shape
from wasmpy.tiers.pysource.templates import Template, template
from wasmpy.tiers.pysource.values import (
    ATOM,
    CONDITIONAL,
    EITHER,
    NO_NAMES,
    UNARY,
    Piece,
    Site,
    Value,
    at,
    number,
)

M32 = (1 << 32) - 1
M64 = (1 << 64) - 1
_RANGES: Dict[ValType, Tuple[Optional[int], Optional[int]]] = {I32: (0, M32), I64: (0, M64)}
UNKNOWN: Tuple[Optional[int], Optional[int]] = (None, None)

SHORT = 1 << 16
"""Bytes that a bulk operation moves at once: nobody looks at the flag in between."""

LONGEST = 160
"""Characters of an expression beyond which it gets a name of its own."""

Line = Tuple[Any, ...]
"""A statement and its site; and the block inside of it, if there is one."""
Ranges = Dict[str, Tuple[Optional[int], Optional[int]]]


def range_of(valtype: ValType) -> Tuple[Optional[int], Optional[int]]:
    """Where the values of a type lie, as they are held."""
    return _RANGES.get(valtype, UNKNOWN)


class Lowering:
    """One function on its way to text: the state at the place that is being lowered."""

    def __init__(
        self, shape: Shape, ops: List[int], imms: List[Any], valtypes: Sequence[ValType],
        *, metered: bool,
    ) -> None:  # fmt: skip
        self.shape = shape
        self.ops = ops
        self.imms = imms
        self.metered = metered
        self.valtypes = valtypes
        self.types = [range_of(t) for t in valtypes]
        self.stack: List[Value] = []
        self.ranges: Ranges = {}
        self.lines: List[Line] = []
        self.pc = 0
        self.temporaries = 0
        self.links: Dict[str, None] = {}
        self.counter = "fuel"
        self.look: Optional[Callable[[], None]] = None
        self.owed = 0

    # Building blocks ------------------------------------------------------------

    def link(self, name: str) -> str:
        """A name that is bound when the function is linked to an instance."""
        self.links[name] = None
        return name

    def emit(self, text: str, site: Optional[Site] = None) -> None:
        """A statement."""
        self.lines.append((text, site))

    def fresh(self) -> str:
        """A new variable."""
        self.temporaries += 1
        return f"t{self.temporaries}"

    def name(self, value: Value) -> Value:
        """Compute a value now, into a variable."""
        variable = self.fresh()
        self.emit(f"{variable} = {value.text}", value.site)
        piece = value.piece
        return Value(Piece(variable, ATOM, piece.lo, piece.hi))

    def push(self, piece: Piece, names: FrozenSet[str] = NO_NAMES) -> None:
        """Push a value that depends on nothing but ``names``."""
        self.stack.append(Value(piece, names))

    def pop(self) -> Value:
        """The top of the stack."""
        return self.stack.pop()

    def settle(self, *, state: bool) -> None:
        """Compute pending values that may fail, and those that read state, if asked."""
        for i, value in enumerate(self.stack):
            if value.site is not None or (state and value.state):
                self.stack[i] = self.name(value)

    def settle_name(self, name: str) -> None:
        """Compute pending values that read a variable which is about to change."""
        for i, value in enumerate(self.stack):
            if name in value.names:
                if value.site is not None or value.state:
                    self.settle(state=True)
                if name in self.stack[i].names:
                    self.stack[i] = self.name(self.stack[i])

    def spill(self) -> None:
        """Put the stack into the variables by position."""
        moves = [(f"s{i}", v) for i, v in enumerate(self.stack) if v.text != f"s{i}"]
        written: Set[str] = set()
        together = False
        for name, value in moves:
            together = together or bool(written & value.names)
            written.add(name)
        if together:
            self.emit(f"{', '.join(n for n, _ in moves)} = {', '.join(v.text for _, v in moves)}")
        else:
            for name, value in moves:
                self.emit(f"{name} = {value.text}")
        for i, value in enumerate(self.stack):
            piece, name = value.piece, f"s{i}"
            self.stack[i] = Value(Piece(name, ATOM, piece.lo, piece.hi), frozenset((name,)))

    def plain(self, operands: List[Value], *, keep: int = 0) -> None:
        """Make sure that at most ``keep`` of the operands may fail: the last ones."""
        sites = [i for i, value in enumerate(operands) if value.site is not None]
        if len(sites) <= keep:
            return
        self.settle(state=False)
        for i in sites[: len(sites) - keep]:
            operands[i] = self.name(operands[i])

    def site(self, operands: Sequence[Value]) -> Site:
        """This instruction with its operands, for a line that may fail at it."""
        return Site(self.pc, tuple([value.text for value in operands]), self.owed)

    def operands(self, count: int) -> List[Value]:
        """Take operands from the stack, first one first."""
        if not count:
            return []
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    # One instruction ------------------------------------------------------------

    def lower(self, pc: int) -> None:
        """An instruction that does not end its region."""
        self.pc = pc
        _RULES[self.ops[pc]](self, self.imms[pc])

    def numeric(self, row: Instr, text: str, count: int, bounds: Any) -> None:
        """A numeric instruction."""
        operands = self.operands(count)
        made = template(text)
        traps = bool(row.traps)
        self.plain(operands, keep=0 if traps or not made.straight else 1)
        for i, uses in enumerate(made.uses[:count]):
            if uses > 1 and not operands[i].atom:
                self.plain(operands)
                operands[i] = self.named(operands[i])
        self._computed(made, operands, bounds, self.site(operands) if traps else None)

    def named(self, value: Value) -> Value:
        """A value that can be written several times."""
        return value if value.atom else self.name(value)

    def _computed(
        self, made: Template, operands: List[Value], bounds: Any, site: Optional[Site],
        *, state: bool = False,
    ) -> None:  # fmt: skip
        piece = made.build(operands, 0)
        if piece.lo is None or piece.hi is None:
            piece = piece._replace(lo=bounds[0], hi=bounds[1])
        elif bounds[0] is not None and (piece.lo < bounds[0] or piece.hi > bounds[1]):
            piece = piece._replace(lo=max(piece.lo, bounds[0]), hi=min(piece.hi, bounds[1]))
        if piece.constant is not None and (site is not None or any(v.site for v in operands)):
            self._fail_for(piece, operands, site)
            return
        names = operands[0].names
        for value in operands:
            if value.names is not names:
                names = names | value.names
            state = state or value.state
            site = site or value.site
        value = Value(piece, names, site, state=state)
        if len(piece.text) > LONGEST:
            self.settle(state=False)
            value = self.name(value)
        self.stack.append(value)

    def _fail_for(self, piece: Piece, operands: List[Value], site: Optional[Site]) -> None:
        """A value that is known, unless computing it fails: compute it, and push what is known."""
        self.settle(state=False)
        for value in operands:
            if value.site is not None:
                self.emit(value.text, value.site)
        if site is not None:
            self.emit(piece.text, site)
        assert piece.constant is not None
        self.push(number(piece.constant))

    def load(self, text: str, imm: Any, bounds: Any) -> None:
        """A load whose template is known."""
        _, offset, memidx = imm
        operands = self.operands(1)
        self.plain(operands)
        made = template(text)
        if made.uses[0] > 1:
            operands[0] = self.named(operands[0])
        site = self.site(operands)
        place = [_displaced(operands[0], offset)]
        self._computed(self._on_memory(text, memidx), place, bounds, site, state=True)

    def _on_memory(self, text: str, memidx: int) -> Template:
        name = self.link(f"m{memidx}")
        return template(_BUFFER.sub(name, text))

    def store(self, text: str, imm: Any) -> None:
        """A store whose template is known."""
        _, offset, memidx = imm
        operands = self.operands(2)
        self.plain(operands)
        self.settle(state=True)
        uses = template(text.partition(" = ")[2] or text).uses
        if uses[1] > 1:
            operands[1] = self.named(operands[1])
        site = self.site(operands)
        address, value = _displaced(operands[0], offset), operands[1]
        name = self.link(f"m{memidx}")
        if text.startswith("buf["):
            stored = template(text.partition(" = ")[2]).build([address, value], 0).text
            self.emit(f"{name}[{address.text}] = {stored}", site)
            return
        self.emit(template(_BUFFER.sub(name, text)).build([address, value], 0).text, site)

    def by_handler(self, pops: int, pushes: int) -> None:
        """An instruction that the reference tier's own handler carries out on a small stack."""
        operands = self.operands(pops)
        self.plain(operands)
        self.settle(state=True)
        slot = self.link(f"k{self.pc}")
        call = f"handle({slot}, [{', '.join(value.text for value in operands)}])"
        self.give(call, pushes, self.site(operands), "handle")

    def bulk(self, pops: int, pushes: int) -> None:
        """A bulk operation: metered by its length, carried out by the reference tier's."""
        operands = self.operands(pops)
        self.plain(operands)
        self.settle(state=True)
        self.link("bulk")
        call = f"bulk({self.link(f'k{self.pc}')}, [{', '.join(v.text for v in operands)}])"
        self.give(call, pushes, self.site(operands), "bulk")

    def short_bulk(self, memidx: int, copied: Callable[[List[str]], str], ends: str) -> None:
        """A bulk operation on memories: short ones at once, by a slice, if they fit.

        The last operand is how many bytes go to the first.  ``copied`` writes the bytes, of the
        operands' texts; ``ends`` is what else must hold, with those in place of their numbers.
        """
        operands = self.operands(3)
        self.plain(operands)
        self.settle(state=True)
        operands = [self.named(operand) for operand in operands]
        to, _, count = texts = [operand.text for operand in operands]
        memory = self.link(f"m{memidx}")
        fits = f"0 < {count} <= {SHORT} and {to} + {count} <= len({memory}){ends.format(*texts)}"
        paid = ""
        if self.metered:
            fits += f" and fuel >= {count} >> {BYTES_PER_FUEL}"
            paid = f"fuel -= {count} >> {BYTES_PER_FUEL}; "
        self.link("bulk")
        slot = self.link(f"k{self.pc}")
        self.emit(f"if {fits}: {paid}{memory}[{to}:{to} + {count}] = {copied(texts)}", None)
        self.emit(f"else: bulk({slot}, [{', '.join(texts)}])", self.site(operands))

    def give(self, call: str, pushes: int, site: Site, kind: str) -> None:
        """A call whose result is a list of values."""
        if pushes == 0:
            self.emit(call, site)
            return
        names = [self.fresh() for _ in range(pushes)]
        self.emit(f"{', '.join(names)}{',' if pushes == 1 else ''} = {call}", site)
        row = BY_OP[self.ops[self.pc]]
        assert row is not None
        results = row.results if row.results is not None and len(row.results) == pushes else None
        for i, name in enumerate(names):
            bounds = UNKNOWN if results is None else range_of(results[i])
            if self.ops[self.pc] == _MEMORY_GROW:  # -1 of 64 bits where the memory's addresses are
                bounds = (0, M64)
            self.push(Piece(name, ATOM, *bounds))

    def call(
        self, callee: str, operands: List[Value], results: Sequence[ValType], site: Site
    ) -> None:
        """A call of a wasm function; ``callee`` is text without side effects."""
        arguments = "".join(f", {value.text}" for value in operands)
        text = f"{callee}(d - 1{arguments})"
        if not results:
            self.emit(text, site)
            return
        names = [self.fresh() for _ in results]
        self.emit(f"{', '.join(names)} = {text}", site)
        for name, valtype in zip(names, results):
            self.push(Piece(name, ATOM, *range_of(valtype)))

    def callee(self, imm: Tuple[int, int], index: Value) -> Tuple[str, Site]:
        """The function that an indirect call finds: a variable for it."""
        typeidx, tableidx = imm
        index = self.named(index)
        site = self.site([index])
        elems, deftype = self.link(f"e{tableidx}"), self.link(f"y{typeidx}")
        found = self.fresh()
        self.emit(f"{found} = {elems}[{index.text}]", site)
        self.link("callee")
        helper = self.link("callee")
        self.emit(
            f"if {found} is None or {found}.key is not {deftype}: "
            f"{found} = {helper}({elems}, {deftype}, {index.text})", site
        )  # fmt: skip
        return found, site

    def referred(self, reference: Value) -> Tuple[str, Site]:
        """The function that a reference refers to: a variable for it."""
        reference = self.named(reference)
        site = self.site([reference])
        found, helper = self.fresh(), self.link("referred")
        self.emit(
            f"{found} = {reference.text} if {reference.text} is not None and "
            f"{reference.text}.host is None else {helper}({reference.text})", site
        )  # fmt: skip
        return found, site


_BUFFER = re.compile(r"\bbuf\b")
_MEMORY_GROW = op_of("memory.grow")


def _displaced(address: Value, offset: int) -> Value:
    """The effective address: the sum, which does not wrap."""
    if not offset:
        return address
    piece = address.piece
    constant = piece.constant
    if constant is not None:
        return Value(number(constant + offset))
    made = template(f"_0 + {offset}").build([address], 0)
    return Value(made, address.names, address.site, state=address.state)


# What each instruction does ----------------------------------------------------------

Rule = Callable[[Lowering, Any], None]
_RULES: List[Rule] = []
_OWN: Dict[str, Rule] = {}


def _rule(*mnemonics: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for mnemonic in mnemonics:
            _OWN[mnemonic] = rule
        return rule

    return register


@_rule("block", "nop", "end")
def _nothing(x: Lowering, imm: Any) -> None:
    pass


@_rule("try_table")
def _try_table(x: Lowering, imm: Any) -> None:
    x.settle(state=True)
    x.spill()


@_rule("drop")
def _drop(x: Lowering, imm: Any) -> None:
    value = x.pop()
    if value.site is not None:
        x.settle(state=False)
        x.emit(value.text, value.site)


@_rule("select")
def _select(x: Lowering, imm: Any) -> None:
    one, other, condition = operands = x.operands(3)
    x.plain(operands)
    one, other, condition = operands
    test = condition.condition
    a, b = one.piece, other.piece
    text = f"{at(a, EITHER)} if {at(test, EITHER)} else {at(b, CONDITIONAL)}"
    bounds = UNKNOWN
    if a.lo is not None and b.lo is not None and a.hi is not None and b.hi is not None:
        bounds = (min(a.lo, b.lo), max(a.hi, b.hi))
    state = one.state or other.state or condition.state
    names = one.names | other.names | condition.names
    value = Value(Piece(text, CONDITIONAL, *bounds), names, state=state)
    x.stack.append(x.name(value) if len(text) > LONGEST else value)


@_rule("local.get")
def _local_get(x: Lowering, i: int) -> None:
    name = f"l{i}"
    bounds = x.ranges.get(name) or x.types[i]
    x.push(Piece(name, ATOM, *bounds), frozenset((name,)))


def _assign(x: Lowering, name: str, value: Value) -> None:
    """``local.set``: into the statement that made the value, if that is the last one."""
    if value.text == name:
        return
    if value.site is not None:
        x.settle(state=False)
    x.settle_name(name)
    bounds = (value.piece.lo, value.piece.hi)
    if bounds[0] is None or bounds == x.types[int(name[1:])]:
        x.ranges.pop(name, None)
    else:
        x.ranges[name] = bounds
    if x.lines and value.text[0] == "t" and x.lines[-1][0].startswith(f"{value.text} = "):
        text, site = x.lines[-1]
        x.lines[-1] = (name + text[len(value.text) :], site)
        return
    x.emit(f"{name} = {value.text}", value.site)


@_rule("local.set")
def _local_set(x: Lowering, i: int) -> None:
    _assign(x, f"l{i}", x.pop())


@_rule("local.tee")
def _local_tee(x: Lowering, i: int) -> None:
    value = x.pop()
    if value.piece.constant is not None and value.site is None:
        _assign(x, f"l{i}", value)
        x.stack.append(value)
        return
    _assign(x, f"l{i}", value)
    _local_get(x, i)


@_rule("global.get")
def _global_get(x: Lowering, i: int) -> None:
    x.stack.append(Value(Piece(f"{x.link(f'g{i}')}.value", ATOM), state=True))


@_rule("global.set")
def _global_set(x: Lowering, i: int) -> None:
    value = x.pop()
    x.settle(state=True)
    x.emit(f"{x.link(f'g{i}')}.value = {value.text}", value.site)


@_rule("i32.const", "i64.const")
def _const(x: Lowering, imm: int) -> None:
    x.push(number(imm))


def _float(x: Lowering, value: float) -> None:
    text = repr(value)
    if value != value or text in ("inf", "-inf"):
        x.push(Piece(x.link(f"c{x.pc}"), ATOM))
    else:
        x.push(Piece(text, UNARY if text[0] == "-" else ATOM))


@_rule("f32.const")
def _const_f32(x: Lowering, imm: int) -> None:
    _float(x, f32_from_bits(imm))


@_rule("f64.const")
def _const_f64(x: Lowering, imm: int) -> None:
    _float(x, f64_from_bits(imm))


@_rule("v128.const")
def _const_v128(x: Lowering, imm: bytes) -> None:
    x.push(Piece(x.link(f"c{x.pc}"), ATOM))


@_rule("ref.null")
def _ref_null(x: Lowering, imm: Any) -> None:
    x.push(Piece("None", ATOM))


@_rule("ref.func")
def _ref_func(x: Lowering, i: int) -> None:
    x.push(Piece(x.link(f"r{i}"), ATOM))


@_rule("ref.is_null")
def _ref_is_null(x: Lowering, imm: Any) -> None:
    operands = x.operands(1)
    x._computed(template("1 if _0 is None else 0"), operands, (0, 1), None)


@_rule("memory.size")
def _memory_size(x: Lowering, i: int) -> None:
    page = x.shape.mems[i].page
    x.stack.append(Value(Piece(f"(len({x.link(f'm{i}')}) >> {page})", ATOM, 0, M32), state=True))


@_rule("memory.fill")
def _memory_fill(x: Lowering, memidx: int) -> None:
    def filled(texts: List[str]) -> str:
        return f"bytes(({texts[1]} & 255,)) * {texts[2]}"

    x.short_bulk(memidx, filled, "")


@_rule("memory.copy")
def _memory_copy(x: Lowering, imm: Tuple[int, int]) -> None:
    source = x.link(f"m{imm[1]}")

    def copied(texts: List[str]) -> str:
        return f"{source}[{texts[1]}:{texts[1]} + {texts[2]}]"

    x.short_bulk(imm[0], copied, f" and {{1}} + {{2}} <= len({source})")


@_rule("table.size")
def _table_size(x: Lowering, i: int) -> None:
    x.stack.append(Value(Piece(f"len({x.link(f'e{i}')})", ATOM, 0, M32), state=True))


@_rule("call")
def _call(x: Lowering, i: int) -> None:
    functype = x.shape.function(i)
    operands = x.operands(len(functype.params))
    x.plain(operands)
    x.settle(state=True)
    x.call(x.link(f"f{i}"), operands, functype.results, Site(x.pc, ()))


@_rule("call_indirect")
def _call_indirect(x: Lowering, imm: Tuple[int, int]) -> None:
    functype = x.shape.type(imm[0])
    *operands, index = x.operands(len(functype.params) + 1)
    x.settle(state=True)
    together = [*operands, index]
    x.plain(together)
    found, _ = x.callee(imm, together.pop())
    x.call(f"{found}.{entry(x)}", together, functype.results, Site(x.pc, (found,)))


def entry(x: Lowering) -> str:
    """The attribute of a function instance that enters it in this tier."""
    return "metered" if x.metered else "direct"


@_rule("call_ref")
def _call_ref(x: Lowering, typeidx: int) -> None:
    functype = x.shape.type(typeidx)
    together = x.operands(len(functype.params) + 1)
    x.plain(together)
    x.settle(state=True)
    found, _ = x.referred(together.pop())
    x.call(f"{found}.{entry(x)}", together, functype.results, Site(x.pc, (found,)))


# Those that the reference tier's handlers carry out: how many values they push --------

_PUSHES = {
    "ref.as_non_null": 1, "struct.get": 1, "struct.get_s": 1, "struct.get_u": 1, "struct.set": 0,
    "array.new": 1, "array.new_default": 1, "array.new_data": 1, "array.new_elem": 1,
    "array.get": 1, "array.get_s": 1, "array.get_u": 1, "array.set": 0, "array.fill": 0,
    "array.copy": 0, "array.init_data": 0, "array.init_elem": 0, "ref.test": 1, "ref.cast": 1,
    "any.convert_extern": 1, "extern.convert_any": 1, "table.get": 1, "table.set": 0,
    "table.grow": 1, "table.fill": 0, "struct.new_default": 1,
}  # fmt: skip
_BULK = frozenset((
    "memory.init", "memory.copy", "memory.fill", "table.init", "table.copy", "table.grow",
    "table.fill", "array.new", "array.new_default", "array.new_data", "array.new_elem",
    "array.fill", "array.copy", "array.init_data", "array.init_elem",
))  # fmt: skip


@_rule("struct.new")
def _struct_new(x: Lowering, typeidx: int) -> None:
    x.by_handler(x.shape.fields(typeidx), 1)


@_rule("array.new_fixed")
def _array_new_fixed(x: Lowering, imm: Tuple[int, int]) -> None:
    x.by_handler(imm[1], 1)


@_rule("throw")
def _throw(x: Lowering, tagidx: int) -> None:
    x.by_handler(len(x.shape.tag(tagidx).params), 0)


@_rule("throw_ref")
def _throw_ref(x: Lowering, imm: Any) -> None:
    x.by_handler(1, 0)


LOOKING = frozenset(
    row.op for row in BY_OP
    if row is not None and (
        row.mnemonic in _BULK or "call" in row.mnemonic or row.mnemonic.startswith("throw")
    )
)  # fmt: skip
"""The instructions that look at the fuel, or let somebody look, or that are caught."""


def _handled(row: Instr) -> Rule:
    pushes = len(row.results) if row.results is not None else _PUSHES[row.mnemonic]
    pops = row.operands
    if row.mnemonic in _BULK:
        return lambda x, imm: x.bulk(pops, pushes)
    return lambda x, imm: x.by_handler(pops, pushes)


_IMMEDIATE = re.compile(r"\b_a\b")


def _numeric(row: Instr) -> Rule:
    text = generated.EXPRESSIONS[row.op]
    assert row.params is not None
    assert row.results is not None
    count, bounds = len(row.params), range_of(row.results[0])
    if not row.immediates:
        return lambda x, imm: x.numeric(row, text, count, bounds)

    def with_immediate(x: Lowering, imm: Any) -> None:
        constant = str(imm) if isinstance(imm, int) else x.link(f"c{x.pc}")
        x.numeric(row, _IMMEDIATE.sub(constant, text), count, bounds)

    return with_immediate


def _access(row: Instr) -> Rule:
    assert row.access is not None
    if row.op in generated.LOADS:
        assert row.results is not None
        loaded, bounds = generated.LOADS[row.op], range_of(row.results[0])
        return lambda x, imm: x.load(loaded, imm, bounds)
    if row.op in generated.STORES:
        stored = generated.STORES[row.op]
        return lambda x, imm: x.store(stored, imm)
    return _handled(row)


def _not_here(x: Lowering, imm: Any) -> None:
    raise AssertionError("control flow is not lowered here")


_CONTROL = frozenset((
    "unreachable", "loop", "if", "else", "br", "br_if", "br_table", "return", "return_call",
    "return_call_indirect", "return_call_ref", "br_on_null", "br_on_non_null", "br_on_cast",
    "br_on_cast_fail",
))  # fmt: skip


def _rule_of(row: Optional[Instr]) -> Rule:
    if row is None or row.mnemonic in _CONTROL:
        return _not_here
    if row.mnemonic in _OWN:
        return _OWN[row.mnemonic]
    if row.op in generated.EXPRESSIONS:
        return _numeric(row)
    return _access(row) if row.access is not None else _handled(row)


_RULES += [_rule_of(row) for row in BY_OP]
