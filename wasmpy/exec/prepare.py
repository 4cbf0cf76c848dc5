"""Prepared code: a function body as flat slots for the reference tier.

What belongs here: how a body and its side table become ``Code``.  The slots
have the index space of the body (``pc``): ``slots[pc]`` is ``(handler,
immediate, next)``; the next of a call is the call itself, so that a frame
that waits knows for what.  ``block``, ``nop`` and most ``end``s are passed over by
the ``next`` of what stands before them.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    FrozenSet,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from wasmpy.errors import InternalError
from wasmpy.exec import aggregate, atomics, wide  # noqa: F401 - they register their handlers
from wasmpy.exec.exceptions import Clause, Guarded
from wasmpy.exec.generated import NUMERIC
from wasmpy.exec.handlers import BUILD, Handler
from wasmpy.exec.layout import PIECE, TAIL_CALLS, Layout
from wasmpy.exec.store import SLICE, FuncInst, ModuleInst
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.syntax.types import default_value

Slot = Tuple[Handler, Any, int]

_BR_TABLE = op_of("br_table")
_CALLS = frozenset((*map(op_of, ("call", "call_indirect", "call_ref")), *TAIL_CALLS))


class Code:
    """A function prepared for one instance.

    ``cost[pc]`` is what entering the region that begins at ``pc`` costs;
    ``headers`` are the positions of loop headers, where exhaustion and
    interruption are looked for.  ``after[pc]`` is where a frame goes on that
    waits for the call at ``pc``.  ``entry`` is where a call begins, ``starts``
    where regions do.  ``guarded`` are the blocks that catch exceptions, inner ones
    before those around them.  ``size`` is how many values a frame holds at most.
    ``run`` is what is executed: ``slots``, or the overlay
    of fused runs once the function is hot; ``fusing`` is that while it is made.
    ``offsets`` are the bytes' places in the file, found when a trace first asks.
    """

    __slots__ = (
        "after", "arity", "cost", "entry", "function", "fusing", "guarded", "headers", "locals",
        "offsets", "params", "run", "size", "slots", "starts",
    )  # fmt: skip

    def __init__(self, function: FuncInst) -> None:
        self.function = function
        self.params = len(function.type.params)
        self.arity = len(function.type.results)
        self.locals: List[Any] = []
        self.slots: List[Slot] = []
        self.run = self.slots
        self.fusing: Any = None
        self.after: List[int] = []
        self.offsets: Optional[List[int]] = None
        self.starts: Set[int] = set()
        self.cost: List[int] = []
        self.headers: FrozenSet[int] = frozenset()
        self.entry = 0
        self.size = 1
        self.guarded: Sequence[Guarded] = ()


def prepare(function: FuncInst) -> Code:
    """The code of a wasm function, made in time linear in its body.

    Goes on where it was interrupted the last time; of a long one, by one step at least.
    Raises: Interrupted.
    """
    preparer = function.preparing
    if preparer is None:
        preparer = function.preparing = Preparer(function)
    preparer.carry_out(preparer.steps, preparer.instance.store.meter.look)
    function.preparing = None
    code: Code = preparer.code
    return code


class Preparer(Layout):
    """One function being prepared; what the rules of ``handlers.BUILD`` ask."""

    def __init__(self, function: FuncInst) -> None:
        assert function.func is not None
        assert function.instance is not None
        assert function.sidetable is not None
        super().__init__(function.func.body, function.sidetable, later=True)
        self.function = function
        self.instance: ModuleInst = function.instance
        self.arity = len(function.type.results)
        self.code = Code(function)
        self.steps = self._prepared()

    def _guarded(self) -> List[Guarded]:
        """The blocks that catch exceptions; those inside another come before it."""
        guarded = []
        for start, end in self.tries:
            clauses = [
                Clause(
                    None if catch.tag is None else self.instance.tags[catch.tag],
                    catch.ref, target, drop,
                )
                for catch, (target, _, drop) in zip(self.body.imms[start][1], self.branches(start))
            ]  # fmt: skip
            guarded.append(Guarded(start, end, self.heights[start], clauses))
        return guarded

    # ------------------------------------------------------------------------

    def _prepared(self) -> Iterator[None]:
        """Make the code, in steps that are bounded."""
        yield from self.laid_out()
        code, function = self.code, self.function
        assert function.func is not None
        assert function.sidetable is not None
        for count, valtype in function.func.locals:
            code.locals += [default_value(valtype)] * count
        ops, imms, following = self.body.ops, self.body.imms, self.following
        slots = code.slots
        labels = 0
        for begin in range(0, len(ops), PIECE):
            for pc, op in enumerate(ops[begin : begin + PIECE], begin):
                handler = NUMERIC.get(op)
                if handler is not None:
                    slots.append((handler, imms[pc], following[pc + 1]))
                    continue
                built, imm = structural(self, pc, op, imms[pc])
                slots.append((built, imm, pc if op in _CALLS else following[pc + 1]))
                if op == _BR_TABLE:
                    labels += len(imms[pc])
                    if labels >= PIECE:
                        labels = 0
                        yield
            yield
        yield from self._looks()
        yield from self.charged()
        code.after = following[1:]
        code.cost = self.costs()
        code.entry = self.target(0)
        code.headers = self.headers
        code.starts = self.starts
        code.guarded = self._guarded()
        code.size = code.params + len(code.locals) + function.sidetable.max_height + 1

    def _looks(self) -> Iterator[None]:
        """Have long ways without a loop and without a call look at the interruption flag.

        It costs no fuel, and none is asked for there.  No function that is as
        long is fused, so that what looks stays.
        """
        slots = self.code.slots
        if len(slots) <= SLICE:
            return
        look = self.instance.store.meter.look
        places: Set[int] = set()
        yield from self.crossed(SLICE, places)
        for pc in places:
            if pc < len(slots):
                handler, a, following = slots[pc]
                slots[pc] = (_looking(handler, look), a, following)


def _looking(handler: Handler, look: Callable[[], None]) -> Handler:
    """A handler that looks at the interruption flag before it does anything."""

    def looking(S: List[Any], L: List[Any], a: Any) -> Any:
        look()
        return handler(S, L, a)

    return looking


class _Place(NamedTuple):
    """What the rules of handlers ask of an instruction that is no branch."""

    instance: ModuleInst


def single(function: FuncInst, pc: int) -> Slot:
    """The slot of one instruction, which is no branch and no call, without those around it."""
    assert function.func is not None
    assert function.instance is not None
    body = function.func.body
    op, imm = body.ops[pc], body.imms[pc]
    handler = NUMERIC.get(op)
    if handler is None:
        place: Any = _Place(function.instance)
        handler, imm = structural(place, pc, op, imm)
    return handler, imm, pc + 1


def structural(p: Preparer, pc: int, op: int, imm: Any) -> Tuple[Handler, Any]:
    """The handler of an instruction that is not numeric, and its immediate."""
    row = BY_OP[op]
    if row is None:
        raise InternalError(f"no instruction has opcode number {op:#x}")
    if row.access is not None:
        if row.access.lanes == "lane":
            (_, offset, memidx), laneidx = imm
            return p.instance.mems[memidx].handlers[op], (offset, laneidx * row.access.width)
        _, offset, memidx = imm
        return p.instance.mems[memidx].handlers[op], offset
    return BUILD[row.mnemonic](p, pc, imm)
