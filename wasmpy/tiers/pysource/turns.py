"""What one turn of a loop does, as expressions of what its locals hold when the turn begins.

What belongs here: reading the instructions of a loop that has one way round,
from its header back to it, with all other ways leaving the loop.  What does
not: which turns can be carried out together (``idioms``), and any text.

Sums of locals and constants are kept as such (``Sum``), because of them it is
known how they change from turn to turn; everything else is the instruction
with its operands (``Made``).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from wasmpy.exec import generated
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.syntax.types import I32, I64, ValType
from wasmpy.tiers.pysource.graph import Graph, Node

_BITS: Mapping[ValType, int] = {I32: 32, I64: 64}
_NOTHING = frozenset(map(op_of, ("nop", "block", "end", "loop", "br")))
_GET, _SET, _TEE = map(op_of, ("local.get", "local.set", "local.tee"))
_CONST = {op_of("i32.const"): 32, op_of("i64.const"): 64}
_DROP, _IF, _BR_IF = map(op_of, ("drop", "if", "br_if"))
_SUMS = frozenset(("iadd", "isub", "imul", "ishl", "wrap"))
"""Operators of the numerics that may make a sum of sums."""

MOST = 120
"""Instructions of a turn beyond which it is not read, and of one term of it.

A term has an instruction as often as it is used, so it can be longer than the turn by far.
"""


@dataclasses.dataclass(frozen=True)
class Sum:
    """``constant`` and multiples of locals, modulo 2^``bits``."""

    bits: int
    constant: int
    terms: Tuple[Tuple[int, int], ...] = ()

    def plus(self, other: Sum, times: int = 1) -> Sum:
        """``self + times * other``."""
        modulus = 1 << self.bits
        terms = dict(self.terms)
        for local, factor in other.terms:
            terms[local] = (terms.get(local, 0) + times * factor) % modulus
        kept = tuple(sorted((local, factor) for local, factor in terms.items() if factor))
        return Sum(self.bits, (self.constant + times * other.constant) % modulus, kept)

    @property
    def known(self) -> bool:
        """Whether it is a constant."""
        return not self.terms

    @property
    def signed(self) -> int:
        """The constant, as a signed number."""
        half = 1 << self.bits - 1
        return (self.constant ^ half) - half


@dataclasses.dataclass(frozen=True)
class Opaque:
    """A local of which nothing is known but its number."""

    local: int


@dataclasses.dataclass(frozen=True)
class Made:
    """An instruction with its operands."""

    op: int
    operands: Tuple[Any, ...]

    @property
    def length(self) -> int:
        """How many instructions it is made of."""
        return 1 + sum(o.length for o in self.operands if isinstance(o, Made))


@dataclasses.dataclass(frozen=True)
class Load:
    """A load: ``number`` of the access, which tells it from others of the same turn."""

    number: int
    op: int
    width: int
    address: Any
    offset: int


Term = Union[Sum, Opaque, Made, Load]


@dataclasses.dataclass(frozen=True)
class Store:
    """A store."""

    number: int
    op: int
    width: int
    address: Any
    offset: int
    value: Any


@dataclasses.dataclass(frozen=True)
class Test:
    """A way out: the loop goes on if ``condition`` is not zero (``nonzero``), or if it is zero."""

    condition: Any
    nonzero: bool


class NoTurn(Exception):  # noqa: N818 - an answer, no fault
    """The loop is none of those that are read."""


@dataclasses.dataclass
class Turn:
    """One turn of a loop.

    ``ends`` has what the locals that it assigns to hold at its end, ``late``
    those of them that are assigned when a way out has been passed already.
    ``passing`` has what they held in between, which a way out may leave with.
    ``nodes`` are its regions in order, ``length`` is how many instructions
    it has.
    """

    nodes: List[Node] = dataclasses.field(default_factory=list)
    loads: List[Load] = dataclasses.field(default_factory=list)
    stores: List[Store] = dataclasses.field(default_factory=list)
    tests: List[Test] = dataclasses.field(default_factory=list)
    ends: Dict[int, Term] = dataclasses.field(default_factory=dict)
    late: Set[int] = dataclasses.field(default_factory=set)
    passing: List[Term] = dataclasses.field(default_factory=list)
    memidx: int = -1
    length: int = 0


def locals_of(term: Any) -> Iterator[int]:
    """The locals that a term reads, but for those that a load's address does."""
    if isinstance(term, Sum):
        for local, _ in term.terms:
            yield local
    elif isinstance(term, Opaque):
        yield term.local
    elif isinstance(term, Made):
        for operand in term.operands:
            yield from locals_of(operand)


def loads_of(term: Any) -> Iterator[Load]:
    """The loads in a term."""
    if isinstance(term, Load):
        yield term
        yield from loads_of(term.address)
    elif isinstance(term, Made):
        for operand in term.operands:
            yield from loads_of(operand)


def is_sum(made: Made) -> bool:
    """Whether an instruction adds two numbers of 32 bits."""
    row = BY_OP[made.op]
    return row is not None and row.numeric == ("iadd", (32,)) and not row.lanes


def entry(local: int, valtypes: Sequence[ValType]) -> Term:
    """A local as the turn finds it."""
    bits = _BITS.get(valtypes[local])
    return Opaque(local) if bits is None else Sum(bits, 0, ((local, 1),))


class _Reader:
    """Reads one turn."""

    def __init__(self, graph: Graph, valtypes: Sequence[ValType]) -> None:
        self.graph = graph
        self.valtypes = valtypes
        self.turn = Turn()
        self.stack: List[Term] = []

    def pop(self) -> Term:
        if not self.stack:
            raise NoTurn
        return self.stack.pop()

    def node(self, node: Node, inside: Set[int]) -> int:
        """A region; where the loop goes on."""
        turn, ops = self.turn, self.graph.body.ops
        turn.nodes.append(node)
        turn.length += len(node.steps)
        if node.catches or turn.length > MOST:
            raise NoTurn
        for pc in node.steps[:-1]:
            self.step(pc)
        last = ops[node.steps[-1]]
        on = [edge.target for edge in node.edges if edge.target in inside]
        if len(on) != 1:
            raise NoTurn
        if last in (_IF, _BR_IF):
            turn.tests.append(Test(self.pop(), node.edges[0].target == on[0]))
        elif last not in _NOTHING or len(node.edges) != 1:
            raise NoTurn
        return on[0]

    def step(self, pc: int) -> None:
        """An instruction that ends no region."""
        op, imm = self.graph.body.ops[pc], self.graph.body.imms[pc]
        turn = self.turn
        if op == _GET:
            self.stack.append(turn.ends.get(imm) or entry(imm, self.valtypes))
        elif op in (_SET, _TEE):
            if turn.tests and imm not in turn.ends:
                turn.late.add(imm)
            if imm in turn.ends:
                turn.passing.append(turn.ends[imm])
            turn.ends[imm] = self.pop()
            if op == _TEE:
                self.stack.append(turn.ends[imm])
        elif op in _CONST:
            self.stack.append(Sum(_CONST[op], imm % (1 << _CONST[op])))
        elif op == _DROP:
            self.pop()
        elif op not in _NOTHING:
            self.other(op, imm)

    def other(self, op: int, imm: Any) -> None:
        """An access, or a numeric instruction that cannot trap."""
        row = BY_OP[op]
        if row is not None and row.access is not None:
            self.access(op, imm, row.access.width)
            return
        if row is None or op not in generated.EXPRESSIONS or row.traps or row.immediates:
            raise NoTurn
        assert row.params is not None
        operands = [self.pop() for _ in row.params][::-1]
        made = None
        if row.numeric is not None and row.numeric[0] in _SUMS and not row.lanes:
            made = _sum(row.numeric[0], operands)
        term = made or Made(op, tuple(operands))
        if isinstance(term, Made) and term.length > MOST:
            raise NoTurn
        self.stack.append(term)

    def access(self, op: int, imm: Any, width: int) -> None:
        """A load or a store."""
        turn = self.turn
        if op not in generated.LOADS and op not in generated.STORES:
            raise NoTurn
        _, offset, memidx = imm
        if turn.memidx not in (-1, memidx):
            raise NoTurn
        turn.memidx = memidx
        number = len(turn.loads) + len(turn.stores)
        if op in generated.LOADS:
            load = Load(number, op, width, self.pop(), offset)
            turn.loads.append(load)
            self.stack.append(load)
        elif op in generated.STORES:
            value = self.pop()
            turn.stores.append(Store(number, op, width, self.pop(), offset, value))
        else:
            raise NoTurn


def _sum(name: str, operands: List[Term]) -> Optional[Sum]:
    """An operator on sums that makes a sum."""
    first, second = operands[0], operands[-1]
    if not isinstance(first, Sum) or not isinstance(second, Sum):
        return None
    if name == "wrap":
        return Sum(32, 0).plus(first)
    if name in ("iadd", "isub"):
        return first.plus(second, 1 if name == "iadd" else -1)
    if name == "imul" and first.known:
        first, second = second, first
    if not second.known:
        return None
    times = second.constant if name == "imul" else 1 << second.constant % first.bits
    return Sum(first.bits, 0).plus(first, times)


def read(graph: Graph, header: int, valtypes: Sequence[ValType]) -> Turn:
    """One turn of the loop of ``header``.  Raises: NoTurn."""
    inside = graph.loops[header]
    reader = _Reader(graph, valtypes)
    at, seen = header, 0
    while seen == 0 or at != header:
        seen += 1
        if seen > len(inside):
            raise NoTurn
        at = reader.node(graph.nodes[at], inside)
    if seen != len(inside) or reader.stack:
        raise NoTurn
    return reader.turn
