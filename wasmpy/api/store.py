"""The store of the embedding: limits, fuel, deadline, cancellation.

What belongs here: the clock and the thread identity that execution itself
never looks at, and the rule that one thread at a time is in a store.

Spec: ``appendix/embedding.html#store``.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import Any, Callable, Iterator, List, Optional

from wasmpy.api.checks import check_callable, check_kind
from wasmpy.api.threads import WATCH, ThreadWaitList
from wasmpy.api.values import exception_from_raw
from wasmpy.config import DEFAULT_LIMITS, Limits
from wasmpy.errors import ConcurrencyError, Resource, WasmException
from wasmpy.exec.store import Store as ExecStore
from wasmpy.tiers.fallback import Fallback, Fallbacks
from wasmpy.tiers.policy import Cold

TIERS = ("reference", "python", "auto")
"""What may run functions; they agree in all that can be seen of them."""

DEFAULT_TIER = "auto"
"""That of a store that is asked for none."""


_POLLS = sys.implementation.name == "pypy"
"""Whether what is compiled asks now and then, rather than read a flag that is set for it."""


def _let_others_run() -> None:
    """Give other threads their turn."""
    time.sleep(0)


def check_fuel(fuel: Any) -> None:
    """Raises: ValueError for what is no number of instructions, nor None."""
    if fuel is not None and (type(fuel) is not int or fuel < 0):
        raise ValueError(f"fuel is None or a number of instructions, not {fuel!r}")


def check_deadline(deadline: Any) -> None:
    """Raises: ValueError for what is no number of seconds that can be waited for, nor None."""
    if deadline is None:
        return
    number = isinstance(deadline, (int, float)) and not isinstance(deadline, bool)
    if not number or not 0 <= deadline <= threading.TIMEOUT_MAX:
        raise ValueError(f"deadline is None or a number of seconds, not {deadline!r}")


class _Due:
    """A deadline of a call under way: when, and its number with who watches the clock."""

    __slots__ = ("end", "number")

    def __init__(self, end: float) -> None:
        self.end = end
        self.number: Optional[int] = None

    def forget(self) -> None:
        """The call is over."""
        if self.number is not None:
            WATCH.finish(self.number)


class Store:
    """Where instances live; what belongs to one store may not be given to another.

    ``fuel`` bounds the instructions executed in all; ``deadline`` is the
    seconds that each outermost call may take; both None for no bound.
    ``clock`` is the monotonic clock that deadlines are measured by.
    ``tier`` is what runs functions: ``reference`` (the interpreter),
    ``python`` (each becomes one Python function when it is first called) or
    ``auto`` (when it has run for long enough).  ``fusing`` is for those that
    the interpreter runs: ``hot`` (ones that run long get their straight-line
    runs compiled), ``never`` or ``always``.  With ``reference`` and ``never``
    no text is ever compiled.
    ``fallback`` says what becomes of a function that the tier does not take:
    ``silent`` (the reference tier runs it), ``warn`` (so it does, with a
    ``FallbackWarning``) or ``fail`` (``FallbackError`` where it is entered).
    """

    TIERS = TIERS

    def __init__(
        self,
        limits: Optional[Limits] = None,
        fuel: Optional[int] = None,
        deadline: Optional[float] = None,
        clock: Callable[[], float] = time.monotonic,
        fusing: str = "hot",
        tier: Optional[str] = None,
        fallback: str = "silent",
    ) -> None:
        tier = DEFAULT_TIER if tier is None else tier
        if tier not in TIERS:
            raise ValueError(f"tier is one of {', '.join(TIERS)}, not {tier!r}")
        self._tier = tier
        self._fallbacks = Fallbacks(fallback)
        check_fuel(fuel)
        check_deadline(deadline)
        check_callable("clock", clock)
        if limits is not None:
            check_kind("limits", limits, Limits)
        self.limits = DEFAULT_LIMITS if limits is None else limits
        self.inst = ExecStore(self.limits, fuel, fusing)
        self.inst.waiting = ThreadWaitList
        if _POLLS:
            # Compiled recursion lets no other thread run there: none could set a flag.
            self.inst.meter.poll = _let_others_run
        self.deadline = deadline
        self.loop: Any = None
        self._clock = clock
        self._owner: Optional[int] = None
        self._lock = threading.Lock()
        self._closing: List[Callable[[], None]] = []
        self._due: List[_Due] = []
        if tier == "auto":
            self.inst.tier = Cold(self.inst, self._compiler)
        elif tier == "python":
            self._compiler(eager=True)

    def _compiler(self, *, eager: bool = False) -> Any:
        """Make the tier that compiles; calls under way may go on in it."""
        from wasmpy.tiers.pysource.tier import PySource

        made = PySource(self.inst, eager=eager, fallbacks=self._fallbacks)
        self.inst.tier = made
        self._watch()
        made.begun()
        return made

    @property
    def deadline(self) -> Optional[float]:
        """The seconds that each outermost call may take, or None without a bound."""
        return self._deadline

    @deadline.setter
    def deadline(self, value: Optional[float]) -> None:
        """Raises: ValueError for what is no number of seconds, nor None."""
        check_deadline(value)
        self._deadline = value

    @property
    def fuel(self) -> Optional[int]:
        """What remains of the fuel (never below 0), or None without a bound."""
        fuel = self.inst.meter.fuel
        return None if fuel is None else max(0, fuel)

    @fuel.setter
    def fuel(self, value: Optional[int]) -> None:
        """Raises: ValueError to begin with fuel in the middle of a call that has none."""
        check_fuel(value)
        meter = self.inst.meter
        if value is not None and meter.fuel is None and self._owner is not None:
            raise ValueError("what runs was entered without fuel: it cannot begin now")
        meter.fuel = value

    @property
    def fuel_consumed(self) -> int:
        """Instructions executed so far while there was fuel, by the published table.

        Without fuel nothing is counted; ``config.ENDLESS_FUEL`` counts and bounds nothing.
        """
        return self.inst.meter.consumed

    @property
    def fallbacks(self) -> List[Fallback]:
        """The functions met so far that the tier does not take, each with its reason."""
        return self._fallbacks.list()

    def interrupt(self) -> None:
        """Cancel what runs in the store, from any thread: it raises ``Interrupted``.

        While nothing runs, the next call is stopped: no cancellation is lost
        between two calls of one task.  ``clear_interrupt`` takes it back.
        """
        self.inst.meter.request(Resource.CANCELLED)

    def clear_interrupt(self) -> None:
        """Forget a cancellation that nothing has noticed yet."""
        self.inst.meter.requested = None

    @contextlib.contextmanager
    def entered(
        self, fuel: Optional[int] = None, deadline: Optional[float] = None
    ) -> Iterator[None]:
        """Enter the store for one call, with bounds of its own.

        Raises: ConcurrencyError if another thread is in it; ValueError for bounds that are none;
        Interrupted if it was cancelled while nothing ran.
        """
        if fuel is not None:
            check_fuel(fuel)
        if deadline is not None:
            check_deadline(deadline)
        me = threading.get_ident()
        with self._lock:
            outermost = self._owner is None
            if not outermost and self._owner != me:
                raise ConcurrencyError("another thread is using this store")
            self._owner = me
        meter = self.inst.meter
        had, poll, began, due = meter.fuel, meter.poll, meter.consumed, len(self._due)
        try:
            if fuel is not None:
                meter.fuel = fuel if had is None else min(fuel, had)
            if deadline is None and outermost:
                deadline = self.deadline
            if deadline is not None:
                self._expect(self._clock() + deadline)
            if outermost and meter.requested is Resource.CANCELLED:
                meter.look()
            yield
        except WasmException as error:
            exception_from_raw(self, error)
            raise
        finally:
            while len(self._due) > due:
                self._due.pop().forget()
            meter.poll = poll
            if fuel is not None:
                meter.fuel = None if had is None else had - (meter.consumed - began)
            if outermost:
                with self._lock:
                    self._owner = None

    def _expect(self, end: float) -> None:
        """Have what runs stopped at ``end`` of the clock."""
        meter = self.inst.meter
        self._due.append(_Due(end))
        meter.poll = self._poll(end, meter.poll)
        self._watch()

    def _watch(self) -> None:
        """Have somebody watch the clock, if code may run that only reads a flag."""
        meter = self.inst.meter
        if meter.alarm is None or not self._due or self._clock is not time.monotonic:
            return
        for due in self._due:
            if due.number is None:
                due.number = WATCH.begin(due.end, meter.alarm)
        meter.watched = not _POLLS and all(due.number is not None for due in self._due)

    def _poll(self, end: float, outer: Optional[Callable[[], None]]) -> Callable[[], None]:
        clock, meter = self._clock, self.inst.meter

        def poll() -> None:
            if clock() >= end:
                meter.requested = Resource.DEADLINE
            elif outer is not None:
                outer()

        return poll

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the store is closed."""
        self._closing.append(callback)

    def close(self) -> None:
        """Release what was registered with the store; twice is harmless."""
        while self._closing:
            self._closing.pop()()

    def __repr__(self) -> str:
        bounds = "" if self.fuel is None else f", {self.fuel} fuel left"
        if self.deadline is not None:
            bounds += f", {self.deadline} s a call"
        return f"<wasmpy.Store of the tier {self._tier}{bounds}>"

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def check_store(store: Any) -> None:
    """Raises: TypeError for what is no store."""
    check_kind("store", store, Store)
