"""The python tier of one store: which functions are compiled, and how they are entered.

What belongs here: entering, the room on Python's stack, what a function
calls that is not of this tier, and the counters that the text reads.

Two forms of each function can be made: ``direct``, which reads a flag, and
``metered``, which counts fuel.  Which one runs is settled when the store is
entered.
"""

from __future__ import annotations

import sys
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

from wasmpy.chains import UNBOUNDED
from wasmpy.errors import FallbackError, Interrupted, Resource, TrapKind, WasmTrap
from wasmpy.exec import handlers
from wasmpy.exec.host import Caller
from wasmpy.exec.interp import Computation
from wasmpy.exec.layout import GOES_ON
from wasmpy.exec.store import SLICE, Depth, FuncInst, ModuleInst, Store
from wasmpy.tiers.fallback import Fallbacks
from wasmpy.tiers.pysource.functions import Compiled, Functions
from wasmpy.tiers.pysource.link import BETWEEN, Linkage, inner
from wasmpy.tiers.pysource.marks import NotNow, Untaken

FAR = 1 << 62
"""A depth that every frame is below."""

KEPT = 150
"""Frames of Python's stack that are left to host functions."""

_AROUND = 250
"""Frames that may be on Python's stack already, with the usual room left."""

_BETWEEN = 12
"""Frames of Python's stack between a compiled function and one that the reference tier calls."""

WORTH = 60
"""Instructions run in the reference tier that are worth compiling one of a function's."""

TRIES = 2
"""Deadlines that may pass in compiling a function before the reference tier runs it."""

TINY = 60
"""Instructions of a function without loops and calls that the reference tier, which fuses them,
runs as fast when it is called from outside."""

OFTEN = 30
"""Calls from compiled functions after which a function is compiled."""

_MOST = 1_500 if UNBOUNDED else 5_000 if sys.version_info >= (3, 11) else 2_500
"""Frames that are used at most: before 3.11 each takes of the C stack as well, and in
Pyodide the traceback of a trap does when it is freed."""


class PySource:
    """The python tier of a store."""

    def __init__(
        self, store: Store, *, eager: bool = True, fallbacks: Optional[Fallbacks] = None
    ) -> None:
        self.store = store
        self.fallbacks = Fallbacks("silent") if fallbacks is None else fallbacks
        self._deepest = store.deepest()
        self._low = 0
        self._space = FAR
        self._top = 0  # the depth at which the innermost run of compiled functions began
        self._entry = "direct"
        self._halved = False
        self._eager = eager
        self._overdue: Dict[FuncInst, int] = {}
        meter = store.meter
        self.low: Any = types.CellType(0)
        self.stop: Any = types.CellType(False)
        self.fuel: Any = types.CellType(0)
        self.cells: Dict[str, Any] = {
            "low": self.low, "stop": self.stop, "fuel": self.fuel,
            "renew": types.CellType(meter.renew), "look": types.CellType(meter.look),
            "bulk": types.CellType(self._bulk),
        }  # fmt: skip
        meter.alarm, meter.calm = self._alarm, self._calm

    # Interruption -------------------------------------------------------------------

    def _alarm(self) -> None:
        self.stop.cell_contents = True
        self.low.cell_contents = FAR

    def _calm(self) -> None:
        self.stop.cell_contents = False
        self._set_low(self._low)

    # Entering -------------------------------------------------------------------------

    def invoke(self, function: FuncInst, args: List[Any]) -> List[Any]:
        """Call a wasm function from outside.  Raises: as ``exec.interp.invoke``."""
        store = self.store
        outer, deep = store.depth, store.deep
        had = self._deepest, self._low, self._space, self._entry
        self._deepest = deepest = store.deepest()
        self._entry = self._way()
        self._space, store.deep = FAR, False
        halved = self._halved
        try:
            if outer.hosts > store.limits.host_depth or outer.frames >= deepest:
                raise WasmTrap(TrapKind.STACK_OVERFLOW)
            if not self.takes(function):
                return Computation(store, function, args).run()
            return self.call(function, args)
        finally:
            store.depth, store.deep = outer, deep
            self._deepest, low, self._space, self._entry = had
            if self._halved and not halved and self._space != FAR:
                self._space //= 2
                low = max(low, self._lowest())
            self._set_low(low)

    def begun(self) -> None:
        """The tier was made in the midst of a call: settle which form runs in it."""
        self._entry = self._way()

    def _way(self) -> str:
        """Which form runs: that which counts, or that which reads a flag somebody sets."""
        meter = self.store.meter
        counted = meter.fuel is not None or (meter.poll is not None and not meter.watched)
        return "metered" if counted else "direct"

    def call(self, function: FuncInst, args: List[Any]) -> List[Any]:
        """Call a compiled function from the reference tier's loop, or first of all."""
        if self._cramped():
            return Computation(self.store, function, args).run()
        return self._run(function, self.ready(function, self._entry), args)

    def _cramped(self) -> bool:
        """Whether there is no room on Python's stack; found when it is first asked for."""
        if self._space == FAR:
            self._space = self._room()
            self.store.deep = self._space <= 0
        return self.store.deep

    def go_on(self, function: FuncInst, pc: int, values: List[Any]) -> List[Any]:
        """Run a function to its end from a loop header, with its locals and its stack."""
        assert function.instance is not None
        rest = self._linkage(function.instance, self._entry).rests[function.index, pc]
        assert rest is not None
        return self._run(function, rest, values)

    def _run(self, function: FuncInst, enter: Callable[..., Any], args: List[Any]) -> List[Any]:
        store, meter, low = self.store, self.store.meter, self._low
        d = self._deepest - store.depth.frames - 1
        top, self._top = self._top, d
        self._set_low(max(self._deepest - store.deepest(), d - self._space))
        self.fuel.cell_contents = meter.take()
        try:
            if meter.requested is not None:
                self._alarm()
            results = enter(d, *args)
        except BaseException as error:
            from wasmpy.tiers.pysource import faults

            faults.explain(error, error.__traceback__, self.fuel)
            raise
        finally:
            meter.put(self.fuel.cell_contents)
            self._top = top
            self._set_low(max(low, self._lowest()))
        count = len(function.type.results)
        return [results] if count == 1 else list(results or ())

    def measured(self, d: int) -> None:
        """A function is entered for the first time, by way of a frame of its own: less room."""
        space = self._top - d + self._room()
        if space < self._space:
            self._space = space
            self._set_low(max(self._low, self._lowest()))

    def _lowest(self) -> int:
        """The lowest depth at which there is room for a frame of Python's stack."""
        return self._top - self._space

    def _set_low(self, low: int) -> None:
        self._low = self.low.cell_contents = low
        if self.stop.cell_contents:  # the alarm may come at any time, and sets this one first
            self.low.cell_contents = FAR

    def _room(self) -> int:
        """How many frames there may be on Python's stack, on top of those there are."""
        limit = sys.getrecursionlimit()
        most = min(_MOST, limit - _AROUND - KEPT)
        try:
            sys._getframe(_AROUND)
        except ValueError:
            room = most
        else:
            frame, depth = sys._getframe(_AROUND), _AROUND
            while frame.f_back is not None:
                frame, depth = frame.f_back, depth + 1
            room = min(most, limit - depth - KEPT)
        return room // 2 if self._halved else room

    # Functions ------------------------------------------------------------------------

    def takes(self, function: FuncInst) -> bool:
        """Whether a function is run by this tier now."""
        if self._eager or function.apart is not None:
            return True
        if function.heat:
            return False  # it was asked for when it was first called
        function.heat = 1
        return self._at_hand(function)

    def _at_hand(self, function: FuncInst) -> bool:
        """Whether a function was compiled already, for another instance or in another process."""
        assert function.instance is not None
        functions = Functions.of(function.instance.module)
        return functions.at_hand(function.index, metered=self._entry == "metered")

    def warmed(self, function: FuncInst) -> bool:
        """A function was running when a slice ended; whether this tier takes care of it.

        It is compiled when what it took so far in the reference tier has cost
        about as much as compiling it.
        """
        if self._cramped():
            return False
        if function.apart is not None:
            return True
        if self._eager:
            return False
        function.heat += 1
        assert function.func is not None
        body = function.func.body
        if len(body) < TINY and GOES_ON.isdisjoint(body.ops):
            function.declined_by = self  # it enters nothing that would ask this tier
            return False
        if function.heat * SLICE < len(body) * WORTH:
            return True
        self.ready(function, self._entry)
        return function.apart is not None

    def first(self, function: FuncInst, entry: str) -> Callable[..., Any]:
        """What enters a function that is not compiled: now, or when it was called often."""
        if self.takes(function):
            return self._compiling(function, entry)
        return self._waiting(function, entry)

    def _compiling(self, function: FuncInst, entry: str) -> Callable[..., Any]:
        def first(d: int, *args: Any) -> Any:
            made = self.ready(function, entry)
            self.measured(d)
            return made(d, *args)

        return first

    def _waiting(self, function: FuncInst, entry: str) -> Callable[..., Any]:
        """What calls the reference tier until a function was called ``OFTEN``."""
        calls = 0
        apart = self._in_reference(function, entry)

        def first(d: int, *args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > OFTEN or function.apart is not None:
                made = self.ready(function, entry)
                self.measured(d)
                return made(d, *args)
            return apart(d, *args)

        return first

    def ready(self, function: FuncInst, entry: str) -> Callable[..., Any]:
        """The compiled function, or what enters the reference tier in its place."""
        if function.made is None:
            function.made = {}
        made: Optional[Callable[..., Any]] = function.made.get(entry)
        if made is not None:
            return made
        assert function.instance is not None
        self._count_frame(function)
        try:
            unit = self._compiled(function, entry)
        except NotNow:
            return self._in_reference(function, entry)
        except Untaken as error:
            made = self._instead(function, entry, error.message)
        else:
            if unit.tails and not self._halved:
                self._halved = True
                if self._space != FAR:
                    self._space //= 2
                    self._set_low(max(self._low, self._lowest()))
            made = self._linkage(function.instance, entry).link(function, unit)
            function.apart = self
        function.made[entry] = made
        setattr(function, entry, made)
        return made

    def _compiled(self, function: FuncInst, entry: str) -> Compiled:
        """A function, compiled, of no instance yet.  Raises: Untaken, Interrupted."""
        assert function.instance is not None
        if self._overdue.get(function, 0) >= TRIES:
            raise Untaken("compiling it takes longer than a call may")
        functions = Functions.of(function.instance.module)
        try:
            return functions.compiled(
                function, metered=entry == "metered", look=self.store.meter.look
            )
        except Interrupted as error:
            if error.resource is Resource.DEADLINE:
                self._overdue[function] = self._overdue.get(function, 0) + 1
            raise

    def enter(self, function: FuncInst, entry: str) -> Optional[Callable[..., Any]]:
        """What a call enters from now on; None while that may change."""
        if self.takes(function):
            return self.ready(function, entry)
        return None

    def takes_rest(self, function: FuncInst, pc: int, count: int) -> bool:
        """Whether the rest of a function from a loop header is one function of this tier.

        It has ``count`` arguments: the locals, and what is on the stack.
        """
        assert function.instance is not None
        linkage = self._linkage(function.instance, self._entry)
        key = function.index, pc
        if key not in linkage.rests:
            functions = Functions.of(function.instance.module)
            try:
                unit = functions.rest(
                    function, pc, count, metered=self._entry == "metered",
                    look=self.store.meter.look,
                )  # fmt: skip
            except NotNow:
                return False
            except Untaken:
                linkage.rests[key] = None
            else:
                linkage.rests[key] = linkage.link(function, unit)
        return linkage.rests[key] is not None

    def step(self, function: FuncInst, entry: str) -> Callable[..., Any]:
        """As ``ready``; tail calls are answered, not carried out."""
        made = self.ready(function, entry)
        found: Callable[..., Any] = getattr(made, "step", made)
        return found

    def _linkage(self, instance: ModuleInst, entry: str) -> Linkage:
        found: Optional[Linkage] = instance.linkages.get(entry)
        if found is None:
            found = instance.linkages[entry] = Linkage(self, instance, entry)
        return found

    def _count_frame(self, function: FuncInst) -> None:
        """A larger frame than any before: fewer of them may be there."""
        assert function.func is not None
        assert function.sidetable is not None
        store = self.store
        size = len(function.type.params) + sum(count for count, _ in function.func.locals)
        size += function.sidetable.max_height + 1
        if size > store.largest:
            store.largest = size
            self._set_low(max(self._low, self._deepest - store.deepest()))

    # What generated text calls ----------------------------------------------------------

    def deeper(self, function: FuncInst, d: int, args: Tuple[Any, ...]) -> Optional[Tuple[Any]]:
        """A function begins below the lowest depth: None to go on, or its result.

        Traps: STACK_OVERFLOW.
        """
        store = self.store
        missing = self._deepest - store.deepest()
        if d >= self._low:
            return None
        if self.stop.cell_contents:
            store.meter.look()
        if d < missing:
            raise WasmTrap(TrapKind.STACK_OVERFLOW)
        results = self._reference(function, d, args, deep=True)
        return (results,)

    def _reference(self, function: FuncInst, d: int, args: Tuple[Any, ...], *, deep: bool) -> Any:
        """Run a function in the reference tier; its results as the text has them."""
        store, meter = self.store, self.store.meter
        outer, was_deep, left = store.depth, store.deep, self.fuel.cell_contents
        store.depth = Depth(self._deepest - 1 - d, outer.hosts)
        space, halved = self._space, self._halved
        self._space = space - (self._top - d) - _BETWEEN
        store.deep = deep or was_deep or self._space <= 0
        meter.put(left)
        try:
            results = Computation(store, function, list(args)).run()
        finally:
            store.depth, store.deep = outer, was_deep
            self._space = space // 2 if self._halved and not halved else space
            meter.hold(left)
            self.fuel.cell_contents = meter.back(left)
        return _together(results)

    def _instead(self, function: FuncInst, entry: str, reason: str) -> Callable[..., Any]:
        """What stands for a function that this tier does not take."""
        refused = self.fallbacks.add(function, reason)
        if refused is None:
            return self._in_reference(function, entry)

        def refuse(d: int, *args: Any) -> Any:
            raise FallbackError(*refused)

        return refuse

    def _in_reference(self, function: FuncInst, entry: str) -> Callable[..., Any]:
        """What runs a function in the reference tier."""

        def apart(d: int, *args: Any) -> Any:
            if d < self.low.cell_contents:
                result = self.deeper(function, d, args)
                if result is not None:
                    return result[0]
                self.store.meter.look()
            return self._reference(function, d, args, deep=False)

        return apart

    def host_call(self, function: FuncInst, instance: ModuleInst, entry: str) -> Callable[..., Any]:
        """What calls a host function from an instance."""
        store, meter, fuel = self.store, self.store.meter, self.fuel
        call = function.host.call

        def host(d: int, *args: Any) -> Any:
            outer, left = store.depth, fuel.cell_contents
            store.depth = Depth(self._deepest - 1 - d, outer.hosts + 1)
            meter.put(left)
            try:
                results = call(Caller(store, instance), list(args))
            finally:
                store.depth = outer
                meter.hold(left)
                fuel.cell_contents = meter.back(left)
            return _together(results)

        return host

    def _bulk(self, slot: Any, S: List[Any]) -> List[Any]:
        """A bulk operation: charged by its length, then carried out."""
        handler, a, _ = slot
        meter = self.store.meter
        length = S[a.length] if handler(S, None, a) == handlers.BULK else handlers.WIDEST
        left = self.fuel.cell_contents - (length >> a.shift)
        self.fuel.cell_contents = left
        if left < 0:
            self.fuel.cell_contents = meter.renew(left)
        a.run(S, meter.look)
        del S[len(S) - a.operands :]
        return S


def _together(results: List[Any]) -> Any:
    """Results as the text has them: None, a value, or a tuple."""
    if len(results) == 1:
        return results[0]
    return tuple(results) if results else None


BETWEEN.update(inner(PySource._compiling, PySource._waiting))
