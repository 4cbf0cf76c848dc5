"""The reference tier: a stack machine whose whole state is plain data.

What belongs here: the loop, calls and returns, and how a fault becomes a
typed trap with its frames.  One computation has one value stack, the locals
of the running frame and a list of suspended frames; a wasm call never
recurses in Python.  A host function that calls back into the guest begins a
computation of its own.

Spec: ``exec/instructions.html``.
"""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from wasmpy.errors import Frame, InternalError, Interrupted, TrapKind, WasmException, WasmTrap
from wasmpy.exec.exceptions import exception_of, landing
from wasmpy.exec.faults import (
    ACCESS_FAULTS,
    complete,
    confirmed,
    extend,
    frame_of,
    offsets_of,
    row_at,
)
from wasmpy.exec.handlers import BULK, BULK_WIDE, CALL, CALL_TOP, TAIL_CALL, WIDEST
from wasmpy.exec.host import Caller
from wasmpy.exec.layout import TAIL_CALLS
from wasmpy.exec.prepare import Code, Slot, prepare
from wasmpy.exec.store import SLICE, Depth, FuncInst, ModuleInst, Store

Suspended = Tuple[Code, int, List[Any], int]
"""A frame that waits for a call: its code, the call's position, locals, stack base."""


def invoke(store: Store, function: FuncInst, args: List[Any]) -> List[Any]:
    """Call a function instance with raw values.

    Spec: ``exec/modules.html#exec-invocation``.
    Raises: WasmTrap, Interrupted, and whatever a host function raises.
    """
    results: List[Any]
    if function.host is not None:
        results = function.host.call(Caller(store, None), args)
        return results
    if store.tier is not function.declined_by:
        results = store.tier.invoke(function, args)
        return results
    return Computation(store, function, args).run()


class Computation:
    """A running call: all of its state is in these fields whenever it is not running."""

    __slots__ = ("base", "code", "frames", "left", "locals", "pc", "stack", "store")

    def __init__(self, store: Store, function: FuncInst, args: List[Any]) -> None:
        self.store = store
        self.frames: List[Suspended] = []
        self.stack: List[Any] = []
        self.code = code_of(function)
        self.pc = self.code.entry
        self.locals = list(args) + self.code.locals
        self.base = 0
        self.left = False  # whether another tier runs the innermost frame now

    def run(self) -> List[Any]:
        """Run to the end; the results.  Raises: as ``invoke``."""
        store, outer = self.store, self.store.depth
        if outer.hosts > store.limits.host_depth or outer.frames >= store.deepest():
            raise WasmTrap(TrapKind.STACK_OVERFLOW)
        try:
            left = store.meter.take()
            while not self._ran(left):
                left = store.meter.back(store.meter.left())
        except BaseException as error:
            self._explain(error)
            raise
        finally:
            store.depth = outer
        return self.stack

    def _ran(self, fuel: int) -> bool:
        """Run until the end, or until an exception is caught; whether it was the end.

        ``fuel`` is what is left of the slice, before the region at ``pc`` is charged.
        """
        try:
            self._loop(fuel - self.code.cost[self.pc])
        except WasmException as error:
            if not self._catch(error):
                raise
            return False
        return True

    def _catch(self, error: WasmException) -> bool:
        """Unwind to the frame that catches an exception, if one does.

        Spec: ``exec/instructions.html#exec-throw-ref``.
        """
        exn = exception_of(error)
        if exn is None:
            return False
        code, L, base, at = self.code, self.locals, self.base, len(self.frames)
        # A frame that a tail call replaces catches nothing more, nor one that another tier runs:
        # that has looked where the exception came from, which is not where the frame was left.
        function = code.function.func
        assert function is not None
        replaced = self.left or function.body.ops[self.pc] in TAIL_CALLS
        found = None if replaced else landing(code.guarded, self.pc, exn.tag)
        while found is None and at:
            at -= 1
            code, pc, L, base = self.frames[at]
            found = landing(code.guarded, pc, exn.tag)
        if found is None:
            return False
        self.left = False
        height, clause = found
        del self.frames[at:]
        del self.stack[base + height :]
        if clause.tag is not None:
            self.stack += exn.fields
        if clause.ref:
            self.stack.append(exn)
        self.code, self.pc, self.locals, self.base = code, clause.target, L, base
        return True

    def _loop(self, fuel: int) -> None:  # noqa: C901, PLR0912, PLR0915 - the one hot loop
        store, S, frames, meter = self.store, self.stack, self.frames, self.store.meter
        code, pc, L, base = self.code, self.pc, self.locals, self.base
        slots, cost = code.run, code.cost
        deepest = store.deepest() - store.depth.frames - 1
        try:
            if fuel < 0:
                fuel = meter.renew(fuel)
                slots = self._hot(code)
            while True:
                handler, a, following = slots[pc]
                t = handler(S, L, a)
                if t is None:
                    pc = following
                elif t >= 0:  # a new region begins at t
                    pc = t
                    fuel -= cost[t]
                    if fuel < 0 and t in code.headers:
                        fuel = meter.renew(fuel)
                        slots = self._hot(code)
                        if code.function.apart is not None and self._leaves(code, pc, L, base):
                            self.code, self.pc, self.locals, self.base = code, pc, L, base
                            fuel += cost[t]  # the other tier charges it
                            fuel = self._leave_loop(fuel)
                            if not frames:
                                return
                            code, pc, L, base = frames.pop()
                            slots, cost = code.run, code.cost
                            pc = code.after[pc]
                elif t == CALL or t == CALL_TOP:  # noqa: SIM109 - faster than a tuple
                    pc = following
                    function = a if t == CALL else S[-1]
                    if function.apart is None or (store.deep and function.host is None):
                        if len(frames) >= deepest:
                            raise WasmTrap(TrapKind.STACK_OVERFLOW)
                        callee = function.code
                        if callee is None:  # while the caller runs still: it may be interrupted
                            callee = code_of(function)
                            deepest = store.deepest() - store.depth.frames - 1
                        if t == CALL_TOP:
                            S.pop()
                        frames.append((code, pc, L, base))
                        code = callee
                        slots, cost = code.run, code.cost
                        n = code.params
                        if n:
                            L = S[-n:]
                            del S[-n:]
                            L += code.locals
                        else:
                            L = code.locals[:]
                        base = len(S)
                        pc = code.entry
                        fuel -= cost[pc]
                        if fuel < 0:
                            fuel = meter.renew(fuel)
                            slots = self._hot(code)
                    else:
                        if function.host is None and len(frames) >= deepest:
                            raise WasmTrap(TrapKind.STACK_OVERFLOW)
                        fuel = self._call_apart(
                            function, code.function.instance, fuel, int(t == CALL_TOP)
                        )
                        pc = code.after[pc]
                elif t <= BULK:
                    if t == BULK or t == BULK_WIDE:  # noqa: SIM109 - as above
                        fuel -= (S[a.length] if t == BULK else WIDEST) >> a.shift
                        if fuel < 0:
                            fuel = meter.renew(fuel)
                        a.run(S, meter.look)
                        del S[len(S) - a.operands :]
                        pc = following
                        continue
                    pc = following  # the call itself: what it raises is no fault of this run
                    self.code, self.pc, self.locals, self.base = code, pc, L, base
                    above = int(t != TAIL_CALL)
                    function = S.pop() if above else a
                    fuel, deepest = self._tail_call(function, fuel, deepest, above)
                    if self.pc < 0:
                        return
                    code, pc, L, base = self.code, self.pc, self.locals, self.base
                    if fuel < 0 and pc == code.entry:
                        fuel = meter.renew(fuel)
                        self._hot(code)
                    slots, cost = code.run, code.cost
                else:  # RETURN; a is the arity
                    if len(S) != base + a:
                        del S[base : len(S) - a]
                    if not frames:
                        return
                    code, pc, L, base = frames.pop()
                    slots, cost = code.run, code.cost
                    pc = code.after[pc]
        finally:
            self.code, self.pc, self.locals, self.base = code, pc, L, base
            meter.put(fuel)

    def _tail_call(
        self, function: FuncInst, fuel: int, deepest: int, above: int
    ) -> Tuple[int, int]:
        """Let ``function`` take the place of the running frame.

        The fuel left, and how many frames may wait (less for a larger function).

        A host function returns at once, and so does the frame: ``pc`` is
        negative then if it was the last one.  While it runs, the frame that
        called it stands in traces, since a host function has none.

        Spec: ``exec/instructions.html#exec-return-call``.
        """
        S = self.stack
        del S[self.base : len(S) - len(function.type.params)]
        if function.host is None:
            if function.code is None:
                code_of(function)
                deepest = self.store.deepest() - self.store.depth.frames - 1
            self.code = code = function.code
            self.locals = S[self.base :] + code.locals
            del S[self.base :]
            self.pc = code.entry
            return fuel - code.cost[code.entry], deepest
        S += [function] * above
        fuel = self._call_apart(function, self.code.function.instance, fuel, above)
        if self.frames:
            self.code, at, self.locals, self.base = self.frames.pop()
            self.pc = self.code.after[at]
        else:
            self.pc = -1
        return fuel, deepest

    def _call_apart(
        self, function: FuncInst, instance: Optional[ModuleInst], fuel: int, above: int
    ) -> int:
        """Call a function that this loop does not run, with the arguments on the stack.

        ``above`` them is the function itself where an index or a reference led
        to it: the operand of its call.  Pushes its results.  The fuel left
        afterwards: a host function sees, and may change, the meter.
        """
        S, store, meter = self.stack, self.store, self.store.meter
        n = len(function.type.params)
        at = len(S) - n - above
        args = S[at : at + n]
        outer = store.depth
        of_host = function.host is not None
        store.depth = Depth(outer.frames + len(self.frames) + 1, outer.hosts + of_host)
        meter.put(fuel)
        try:
            if of_host:
                results = function.host.call(Caller(store, instance), args)
            else:
                results = store.tier.call(function, args)
        finally:
            store.depth = outer
            meter.hold(fuel)
        del S[at:]
        S += results
        return meter.back(fuel)

    def _leaves(self, code: Code, pc: int, L: List[Any], base: int) -> bool:
        """Whether another tier takes the rest of the running function from a loop header."""
        store, count = self.store, len(L) + len(self.stack) - base
        return not store.deep and bool(store.tier.takes_rest(code.function, pc, count))

    def _leave_loop(self, fuel: int) -> int:
        """Let another tier run the frame to its end, from the loop header it is at.

        Pushes its results.  The fuel left afterwards.
        """
        S, store, meter = self.stack, self.store, self.store.meter
        values = [*self.locals, *S[self.base :]]
        outer = store.depth
        store.depth = Depth(outer.frames + len(self.frames), outer.hosts)
        self.left = True
        meter.put(fuel)
        try:
            results = store.tier.go_on(self.code.function, self.pc, values)
        finally:
            store.depth = outer
            meter.hold(fuel)
        self.left = False
        del S[self.base :]
        S += results
        return meter.back(fuel)

    def _hot(self, code: Code) -> List[Slot]:
        """The slots to go on with in a function that was running when a slice ended."""
        tier = self.store.tier
        if tier is not None and tier.warmed(code.function):
            return code.run  # it goes on there, or will be compiled when it ran for longer
        if code.run is code.slots and self.store.fusing == "hot":
            from wasmpy.exec.fuse import fuse

            fuse(code)
        return code.run

    # Faults ------------------------------------------------------------------

    def _explain(self, error: BaseException) -> None:
        """Turn a fault of an access into its trap; add frames and operands.

        An exception that came through a host function is left as it is, but
        for the frames it is given.
        """
        if self.left:
            extend(error, trace(self, at_once=isinstance(error, Interrupted)))
            return
        if isinstance(error, (WasmTrap, *ACCESS_FAULTS)):
            error = self._replay(error)
        function = self.code.function
        row = row_at(function, self.pc)
        frames = trace(self, at_once=isinstance(error, Interrupted))
        cause: Optional[BaseException] = error
        if row.access is not None and isinstance(error, ACCESS_FAULTS):
            error, cause = confirmed(function, self.pc, self.stack[-row.operands]), None
        if isinstance(error, WasmTrap) and not error.frames:
            operands = self.stack[len(self.stack) - row.operands :]
            complete(error, function, row, operands, frames)
            if cause is None:
                raise error from None
            raise error
        extend(error, frames)

    def _replay(self, error: BaseException) -> BaseException:
        """If a fused run failed, run its instructions one by one until the fault recurs.

        ``pc`` then is that of the instruction; the fault as it occurred there.
        """
        plain, fused = self.code.slots, self.code.run[self.pc]
        if fused is plain[self.pc]:
            return error
        while True:
            handler, a, following = plain[self.pc]
            try:
                t = handler(self.stack, self.locals, a)
            except (WasmTrap, *ACCESS_FAULTS) as again:
                return again
            # The next of a call is the call itself: where a run ends in one, it is still to come.
            if t is not None or (following == fused[2] and plain[following][2] != following):
                raise InternalError("a fused run failed where its instructions do not")
            self.pc = following


def trace(computation: Computation, *, at_once: bool = False) -> List[Frame]:
    """The frames of a computation, innermost first.

    ``at_once``, those of long functions have no offsets, which take a while to find.
    """
    frames = []
    if not computation.left:
        frames = [_frame(computation.code, computation.pc, at_once=at_once)]
    frames += [
        _frame(code, pc, at_once=at_once) for code, pc, _, _ in reversed(computation.frames)
    ]
    return frames


def _frame(code: Code, pc: int, *, at_once: bool) -> Frame:
    if code.offsets is None and not (at_once and len(code.slots) > SLICE):
        code.offsets = offsets_of(code.function)
    return frame_of(code.function, pc, code.offsets)


def code_of(function: FuncInst) -> Code:
    """The prepared code of a wasm function, made once."""
    code: Optional[Code] = function.code
    if code is None:
        assert function.instance is not None
        store = function.instance.store
        code = prepare(function)
        store.largest = max(store.largest, code.size)
        if store.fusing == "always":
            from wasmpy.exec.fuse import fuse

            fuse(code)
        function.code = code
    return code
