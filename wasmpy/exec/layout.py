"""How a body lies: where control goes, where regions begin, what they cost.

What belongs here: what the side table says of a body, in the form in which
every tier reads it.  What does not: anything of an instance.

Regions (see ``docs/reference/fuel.md``): a region is a straight-line run of
instructions that is charged whole when it is entered.  Every region is
entered by an explicit position, never by falling through.
"""

from __future__ import annotations

from itertools import islice
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
)

from wasmpy.errors import InternalError
from wasmpy.isa.derived import COST, op_of
from wasmpy.syntax.module import Expr

if TYPE_CHECKING:
    from wasmpy.valid.control import SideTable

_BLOCK, _LOOP, _IF, _ELSE, _END = map(op_of, ("block", "loop", "if", "else", "end"))
_NOP, _BR, _BR_IF, _BR_TABLE = map(op_of, ("nop", "br", "br_if", "br_table"))
_RETURN, _UNREACHABLE = map(op_of, ("return", "unreachable"))

TAIL_CALLS = frozenset(map(op_of, ("return_call", "return_call_indirect", "return_call_ref")))
GOES_ON = frozenset((_LOOP, *TAIL_CALLS, *map(op_of, ("call", "call_indirect", "call_ref"))))
"""What makes a body take more than one instruction for each that it has."""
_TRY_TABLE, _THROW, _THROW_REF = map(op_of, ("try_table", "throw", "throw_ref"))

_PASSED_OVER = frozenset((_BLOCK, _TRY_TABLE, _NOP, _END))
_OPENS = frozenset((_BLOCK, _TRY_TABLE, _LOOP, _IF))
ON_REFERENCE = frozenset(
    map(op_of, ("br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail"))
)
_ENDS_REGION = frozenset(
    (
        _BR, _BR_IF, _BR_TABLE, _RETURN, _UNREACHABLE, _IF, _ELSE, _LOOP, _THROW, _THROW_REF,
        *TAIL_CALLS, *ON_REFERENCE,
    )
)  # fmt: skip
_BEGINS_REGION = frozenset((_LOOP, _IF, _ELSE, _BR_IF, *ON_REFERENCE))
"""What a region begins behind that is entered from nowhere else."""
_BRANCHES = frozenset((_BR, _BR_IF, _BR_TABLE, _IF, _ELSE, _TRY_TABLE, *ON_REFERENCE))

PIECE = 65_536
"""Positions that are looked at in one step."""


class Layout:
    """One body with its side table.

    ``starts`` are the positions where regions begin, ``headers`` those of
    loop headers (and the one behind the body), ``following[pc]`` the first
    position at or after ``pc`` at which something is executed, ``last`` the
    position of the closing ``end``, ``tries`` the begin and end of each
    ``try_table``, inner ones first, ``heights`` how many values lie below it.
    """

    def __init__(
        self, body: Expr, sidetable: SideTable, look: Optional[Callable[[], None]] = None,
        *, later: bool = False,
    ) -> None:  # fmt: skip
        """``look`` is called now and then, and may raise; ``later``, who makes it carries out
        the steps of ``laid_out`` before anything else.
        """
        self.body = body
        self.last = len(body.ops) - 1
        self.tries: List[Tuple[int, int]] = []
        self.heights: Dict[int, int] = {}
        self.following: List[int] = []
        self.starts: Set[int] = set()
        self.headers: FrozenSet[int] = frozenset()
        self._heights = sidetable.heights
        self._branches = sidetable.branches
        self._at: Dict[int, Tuple[int, int]] = {}
        self._target: List[int] = []
        self._cost: List[int] = []
        if not later:
            self.carry_out(self.laid_out(), look)

    def carry_out(self, steps: Iterator[None], look: Optional[Callable[[], None]]) -> None:
        """Do what is left of ``steps``, with a look after each; what is short has one before all.

        When ``look`` raises, the steps that are left can be carried out later.
        """
        seldom = len(self.body.ops) <= PIECE and len(self._branches) <= 3 * PIECE
        if look is not None and seldom:
            look()
        for _ in steps:
            if look is not None and not seldom:
                look()

    def laid_out(self) -> Iterator[None]:
        """Lay it out, in steps that are bounded: whoever wants them stopped does so in between."""
        starts: Set[int] = {0}
        real_ends = {self.last}
        loops: List[int] = []
        yield from self._scan(starts, real_ends, loops)
        self.heights = dict(zip(sorted(begin for begin, _ in self.tries), self._heights))
        yield from self._chain(real_ends)
        for some in _pieces(starts):
            self.starts.update([self._target[pc] for pc in some])
            yield
        self.headers = frozenset((self.last + 1, *[self._target[pc + 1] for pc in loops]))

    def _scan(self, starts: Set[int], real_ends: Set[int], loops: List[int]) -> Iterator[None]:
        """Find where branches' entries and loops stand, which ends are real, what regions begin."""
        at = 0
        open_blocks: List[Tuple[int, int]] = []
        branched: Set[int] = set()
        for begin in range(0, len(self._branches), 3 * PIECE):
            branched.update(self._branches[begin : begin + 3 * PIECE : 3])
            yield
        ops = self.body.ops
        for begin in range(0, len(ops), PIECE):
            for pc, op in enumerate(ops[begin : begin + PIECE], begin):
                if op in _OPENS:
                    open_blocks.append((op, pc))
                if op in _BRANCHES:
                    count = self._count(op, pc)
                    self._at[pc] = (at, count)
                    at += 3 * count
                if op == _END and open_blocks:
                    opened, at_pc = open_blocks.pop()
                    if opened == _TRY_TABLE:
                        self.tries.append((at_pc, pc))
                    if opened == _IF or (opened != _LOOP and pc + 1 in branched):
                        real_ends.add(pc)
                        starts.add(pc + 1)
                elif op in _BEGINS_REGION:
                    starts.add(pc + 1)
                    if op == _LOOP:
                        loops.append(pc)
            yield
        if at != len(self._branches):
            raise InternalError("the side table does not fit its function")

    def _count(self, op: int, pc: int) -> int:
        """How many entries of the side table the instruction at ``pc`` has."""
        imm: Any = self.body.imms[pc]
        if op == _BR_TABLE:
            return len(imm)
        return len(imm[1]) if op == _TRY_TABLE else 1

    def _chain(self, real_ends: Set[int]) -> Iterator[None]:
        """For each position, the first at or after it that is not passed over.

        ``_target`` passes over real ends too: who branches to one has no use for it.
        """
        ops, last = self.body.ops, self.last
        following, target = self.following, self._target
        for begin in range(0, last + 2, PIECE):
            following += range(begin, min(begin + PIECE, last + 2))
            target += following[begin:]
            yield
        for begin in _backwards(last):
            for pc in range(min(begin + PIECE, last) - 1, begin - 1, -1):
                if ops[pc] in _PASSED_OVER:
                    target[pc] = target[pc + 1]
                    if pc not in real_ends:
                        following[pc] = following[pc + 1]
            yield

    def target(self, pc: int) -> int:
        """Where control goes on that is sent to ``pc``."""
        return self._target[pc]

    def branches(self, pc: int) -> Tuple[Tuple[int, int, int], ...]:
        """The side table's entries of the instruction at ``pc``: (target, arity, drop)."""
        at, count = self._at[pc]
        b, target = self._branches, self._target
        return tuple(
            (target[b[i]], b[i + 1], b[i + 2]) for i in range(at, at + 3 * count, 3)
        )

    def branch(self, pc: int) -> Tuple[int, int, int]:
        """The side table's only entry of the instruction at ``pc``."""
        return self.branches(pc)[0]

    def costs(self) -> List[int]:
        """What each region costs, at the position where it is entered."""
        if not self._cost:
            for _ in self.charged():
                pass
        return self._cost

    def charged(self) -> Iterator[None]:
        """Find what ``costs`` answers, in steps as ``laid_out`` has them."""
        ops, starts = self.body.ops, self.starts
        cost: List[int] = []
        for some in _pieces(range(len(ops) + 1)):
            cost += [0] * len(some)
            yield
        so_far = 0
        for begin in _backwards(len(ops)):
            for pc in range(min(begin + PIECE, len(ops)) - 1, begin - 1, -1):
                op = ops[pc]
                if op in _ENDS_REGION:
                    so_far = 0
                so_far += COST[op]
                if pc in starts:
                    cost[pc] = so_far
                    so_far = 0
            yield
        self._cost = cost

    def crossed(self, apart: int, found: Set[int]) -> Iterator[None]:
        """Find positions of which control meets one whenever it goes past a multiple of ``apart``.

        Straight on, it meets what follows that; a branch past it leads to another.
        """
        for at in range(apart, self.last + 1, apart):
            found.update((self.following[at], self._target[at]))
        done = 0
        for pc, (at, count) in self._at.items():
            here = pc // apart
            for i in range(at, at + 3 * count, 3):
                target = self._target[self._branches[i]]
                if here < target // apart:
                    found.add(target)
            done += count
            if done >= PIECE:
                done = 0
                yield


def _pieces(things: Iterable[int]) -> Iterator[List[int]]:
    """Some of them at a time."""
    left = iter(things)
    some = list(islice(left, PIECE))
    while some:
        yield some
        some = list(islice(left, PIECE))


def _backwards(n: int) -> Iterator[int]:
    """Where the pieces of ``n`` positions begin, the last one first."""
    return reversed(range(0, n, PIECE))
