"""How a body lies: where control goes, where regions begin, what they cost.

What belongs here: what the side table says of a body, in the form in which
every tier reads it.  What does not: anything of an instance.

Regions (see ``docs/reference/fuel.md``): a region is a straight-line run of
instructions that is charged whole when it is entered.  Every region is
entered by an explicit position, never by falling through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List, Set, Tuple

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
_BRANCHES = frozenset((_BR, _BR_IF, _BR_TABLE, _IF, _ELSE, _TRY_TABLE, *ON_REFERENCE))


class Layout:
    """One body with its side table.

    ``starts`` are the positions where regions begin, ``headers`` those of
    loop headers (and the one behind the body), ``following[pc]`` the first
    position at or after ``pc`` at which something is executed, ``last`` the
    position of the closing ``end``, ``tries`` the begin and end of each
    ``try_table``, inner ones first, ``heights`` how many values lie below it.
    """

    def __init__(self, body: Expr, sidetable: SideTable) -> None:
        self.body = body
        self.last = len(body.ops) - 1
        self.tries: List[Tuple[int, int]] = []
        self._branches = sidetable.branches
        self._at: Dict[int, Tuple[int, int]] = {}
        starts: Set[int] = {0}
        real_ends = {self.last}
        self._scan(starts, real_ends)
        self.heights = dict(zip(sorted(begin for begin, _ in self.tries), sidetable.heights))
        self.following = self._chain(real_ends)
        self._target = self._chain({self.last})
        self.starts = {self._target[pc] for pc in starts}
        loops = [self._target[pc + 1] for pc, op in enumerate(body.ops) if op == _LOOP]
        self.headers: FrozenSet[int] = frozenset((self.last + 1, *loops))

    def _scan(self, starts: Set[int], real_ends: Set[int]) -> None:
        """Find where each branch's entries stand, which ends are real, where regions begin."""
        at = 0
        open_blocks: List[Tuple[int, int]] = []
        branched = {self._branches[i] for i in range(0, len(self._branches), 3)}
        for pc, op in enumerate(self.body.ops):
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
            elif op in (_LOOP, _IF, _ELSE, _BR_IF) or op in ON_REFERENCE:
                starts.add(pc + 1)
        if at != len(self._branches):
            raise InternalError("the side table does not fit its function")

    def _count(self, op: int, pc: int) -> int:
        """How many entries of the side table the instruction at ``pc`` has."""
        imm: Any = self.body.imms[pc]
        if op == _BR_TABLE:
            return len(imm)
        return len(imm[1]) if op == _TRY_TABLE else 1

    def _chain(self, stops: Set[int]) -> List[int]:
        """For each position, the first at or after it that is not passed over."""
        ops = self.body.ops
        chain = list(range(len(ops) + 1))
        for pc in range(len(ops) - 1, -1, -1):
            if ops[pc] in _PASSED_OVER and pc not in stops:
                chain[pc] = chain[pc + 1]
        return chain

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
        ops = self.body.ops
        cost = [0] * (len(ops) + 1)
        so_far = 0
        for pc in range(len(ops) - 1, -1, -1):
            op = ops[pc]
            if op in _ENDS_REGION:
                so_far = 0
            so_far += COST[op]
            if pc in self.starts:
                cost[pc] = so_far
                so_far = 0
        return cost
