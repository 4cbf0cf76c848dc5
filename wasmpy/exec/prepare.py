"""Prepared code: a function body as flat slots for the reference tier.

What belongs here: how a body and its side table become ``Code``.  The slots
have the index space of the body (``pc``): ``slots[pc]`` is ``(handler,
immediate, next)``; the next of a call is the call itself, so that a frame
that waits knows for what.  ``block``, ``nop`` and most ``end``s are passed over by
the ``next`` of what stands before them.

Regions (see ``docs/reference/fuel.md``): a region is a straight-line run of
instructions that is charged whole when it is entered.  Every region is
entered by an explicit position (a handler's answer), never by falling
through: where control would fall into a region, at the ``end`` of something
branched to, a slot jumps there.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

from wasmpy.errors import InternalError
from wasmpy.exec import aggregate, atomics, wide  # noqa: F401 - they register their handlers
from wasmpy.exec.exceptions import Clause, Guarded
from wasmpy.exec.generated import NUMERIC
from wasmpy.exec.handlers import BUILD, Handler
from wasmpy.exec.store import FuncInst, ModuleInst
from wasmpy.isa.derived import BY_OP, COST, op_of
from wasmpy.syntax.types import default_value

Slot = Tuple[Handler, Any, int]

_BLOCK, _LOOP, _IF, _ELSE, _END = map(op_of, ("block", "loop", "if", "else", "end"))
_NOP, _BR, _BR_IF, _BR_TABLE = map(op_of, ("nop", "br", "br_if", "br_table"))
_RETURN, _UNREACHABLE = map(op_of, ("return", "unreachable"))

TAIL_CALLS = frozenset(map(op_of, ("return_call", "return_call_indirect", "return_call_ref")))
_TRY_TABLE, _THROW, _THROW_REF = map(op_of, ("try_table", "throw", "throw_ref"))

_PASSED_OVER = frozenset((_BLOCK, _TRY_TABLE, _NOP, _END))
_OPENS = frozenset((_BLOCK, _TRY_TABLE, _LOOP, _IF))
_ON_REFERENCE = frozenset(
    map(op_of, ("br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail"))
)
_ENDS_REGION = frozenset(
    (
        _BR, _BR_IF, _BR_TABLE, _RETURN, _UNREACHABLE, _IF, _ELSE, _LOOP, _THROW, _THROW_REF,
        *TAIL_CALLS, *_ON_REFERENCE,
    )
)  # fmt: skip
_CALLS = frozenset((*map(op_of, ("call", "call_indirect", "call_ref")), *TAIL_CALLS))
_BRANCHES = frozenset((_BR, _BR_IF, _BR_TABLE, _IF, _ELSE, _TRY_TABLE, *_ON_REFERENCE))


class Code:
    """A function prepared for one instance.

    ``cost[pc]`` is what entering the region that begins at ``pc`` costs;
    ``headers`` are the positions of loop headers, where exhaustion and
    interruption are looked for.  ``after[pc]`` is where a frame goes on that
    waits for the call at ``pc``.  ``entry`` is where a call begins, ``starts``
    where regions do.  ``guarded`` are the blocks that catch exceptions, inner ones
    before those around them.  ``size`` is how many values a frame holds at most.
    ``run`` is what is executed: ``slots``, or the overlay
    of fused runs once the function is hot.  ``offsets`` are the bytes' places
    in the file, found when a trace first asks.
    """

    __slots__ = (
        "after", "arity", "cost", "entry", "function", "guarded", "headers", "locals", "offsets",
        "params", "run", "size", "slots", "starts",
    )  # fmt: skip

    def __init__(self, function: FuncInst) -> None:
        self.function = function
        self.params = len(function.type.params)
        self.arity = len(function.type.results)
        self.locals: List[Any] = []
        self.slots: List[Slot] = []
        self.run = self.slots
        self.after: List[int] = []
        self.offsets: Optional[List[int]] = None
        self.starts: Set[int] = set()
        self.cost: List[int] = []
        self.headers: FrozenSet[int] = frozenset()
        self.entry = 0
        self.size = 1
        self.guarded: Sequence[Guarded] = ()


def prepare(function: FuncInst) -> Code:
    """The code of a wasm function, made in time linear in its body."""
    return Preparer(function).code()


class Preparer:
    """One function being prepared; what the rules of ``handlers.BUILD`` ask."""

    def __init__(self, function: FuncInst) -> None:
        assert function.func is not None
        assert function.instance is not None
        assert function.sidetable is not None
        self.function = function
        self.instance: ModuleInst = function.instance
        self.body = function.func.body
        self.arity = len(function.type.results)
        self.last = len(self.body.ops) - 1
        self._branches = function.sidetable.branches
        self._heights = function.sidetable.heights
        self._tries: List[Tuple[int, int]] = []
        self._at: Dict[int, Tuple[int, int]] = {}
        self._headers = {self.last + 1}
        self._starts = {0}
        self._real_ends = {self.last}
        self._scan()
        self._next = self._chain(self._real_ends)
        self._target = self._chain({self.last})
        self._starts = {self._target[pc] for pc in self._starts}

    def _scan(self) -> None:
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
                    self._tries.append((at_pc, pc))
                if opened == _IF or (opened != _LOOP and pc + 1 in branched):
                    self._real_ends.add(pc)
                    self._starts.add(pc + 1)
            elif op in (_LOOP, _IF, _ELSE, _BR_IF) or op in _ON_REFERENCE:
                self._starts.add(pc + 1)
        if at != len(self._branches):
            raise InternalError("the side table does not fit its function")

    def _count(self, op: int, pc: int) -> int:
        """How many entries of the side table the instruction at ``pc`` has."""
        if op == _BR_TABLE:
            return len(self.body.imms[pc])
        return len(self.body.imms[pc][1]) if op == _TRY_TABLE else 1

    def _guarded(self) -> List[Guarded]:
        """The blocks that catch exceptions; those inside another come before it."""
        heights = dict(zip(sorted(start for start, _ in self._tries), self._heights))
        guarded = []
        for start, end in self._tries:
            clauses = [
                Clause(
                    None if catch.tag is None else self.instance.tags[catch.tag],
                    catch.ref, target, drop,
                )
                for catch, (target, _, drop) in zip(self.body.imms[start][1], self.branches(start))
            ]  # fmt: skip
            guarded.append(Guarded(start, end, heights[start], clauses))
        return guarded

    def _chain(self, stops: Any) -> List[int]:
        """For each position, the first at or after it that is not passed over."""
        ops = self.body.ops
        chain = list(range(len(ops) + 1))
        for pc in range(len(ops) - 1, -1, -1):
            if ops[pc] in _PASSED_OVER and pc not in stops:
                chain[pc] = chain[pc + 1]
        return chain

    # What the rules ask ----------------------------------------------------

    def target(self, pc: int) -> int:
        """Where control goes on that is sent to ``pc``."""
        return self._target[pc]

    def header(self, pc: int) -> int:
        """As ``target``, for the position behind a ``loop``."""
        self._headers.add(self._target[pc])
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

    # ------------------------------------------------------------------------

    def code(self) -> Code:
        """The prepared code."""
        code = Code(self.function)
        assert self.function.func is not None
        for count, valtype in self.function.func.locals:
            code.locals += [default_value(valtype)] * count
        imms, following = self.body.imms, self._next
        slots = code.slots
        look = self.instance.store.meter.look
        for pc, op in enumerate(self.body.ops):
            if not pc & 0xFFFF:
                look()
            handler = NUMERIC.get(op)
            if handler is not None:
                slots.append((handler, imms[pc], following[pc + 1]))
                continue
            built, imm = self._structural(pc, op, imms[pc])
            slots.append((built, imm, pc if op in _CALLS else following[pc + 1]))
        code.after = following[1:]
        code.cost = self._costs()
        code.entry = self._target[0]
        code.headers = frozenset(self._headers)
        code.starts = self._starts
        code.guarded = self._guarded()
        assert self.function.sidetable is not None
        code.size = code.params + len(code.locals) + self.function.sidetable.max_height + 1
        return code

    def _structural(self, pc: int, op: int, imm: Any) -> Tuple[Handler, Any]:
        row = BY_OP[op]
        if row is None:
            raise InternalError(f"no instruction has opcode number {op:#x}")
        if row.access is not None:
            if row.access.lanes == "lane":
                (_, offset, memidx), laneidx = imm
                place = (offset, laneidx * row.access.width)
                return self.instance.mems[memidx].handlers[op], place
            _, offset, memidx = imm
            return self.instance.mems[memidx].handlers[op], offset
        return BUILD[row.mnemonic](self, pc, imm)

    def _costs(self) -> List[int]:
        """What each region costs, at the position where it is entered."""
        ops = self.body.ops
        cost = [0] * (len(ops) + 1)
        so_far = 0
        for pc in range(len(ops) - 1, -1, -1):
            op = ops[pc]
            if op in _ENDS_REGION:
                so_far = 0
            so_far += COST[op]
            if pc in self._starts:
                cost[pc] = so_far
                so_far = 0
        return cost
