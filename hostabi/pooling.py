"""What every pool of guards does: whose turn it is, under which policy, until it is closed.

What belongs here: admission, the queue with its time limit, the policy that
each call is answered under, one flight for equal policies, replacing what has
failed, health, cancellation and closing, for threads and for tasks.  What does
not: what an instance is (``pool``, ``processes``).

Every call is answered under a policy that is fixed when its turn comes: that of
the view it goes through (``under``), or the last one that ``label_agent`` of
the pool was successful with.  The instance compares it with the one it was
given (``Given``) and is reset and given the policy where they differ, so no
label comes from another one.
"""

from __future__ import annotations

import abc
import contextlib
import contextvars
import dataclasses
import itertools
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Dict, Iterator, List, Optional, Protocol, Set, Tuple

from hostabi import asynchronous
from hostabi.asynchronous import AsyncLabelCalls, PinnedAsync
from hostabi.backend import Backend
from hostabi.errors import (
    GuardCancelled,
    GuardClosed,
    GuardError,
    GuardPoolTimeout,
    GuardReentered,
)
from hostabi.guard import Health
from hostabi.labels import AgentLabels
from hostabi.places import Places
from hostabi.questions import Given, Manner, Question


class Instance(Protocol):
    """One of a pool: a guard, here or in a process of its own."""

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""

    @property
    def gateway(self) -> bool:
        """Whether it does as the gateway does."""

    @property
    def manner(self) -> Manner:
        """How it is asked."""

    @property
    def given(self) -> Optional[Given]:
        """The policy it has, None where that is not certain."""

    def health(self) -> Health:
        """How it is."""

    def answer(
        self, question: Question, *, backend: Optional[Backend] = None,
        under: Optional[Given] = None, cancelled: Any = None,
    ) -> Any:  # fmt: skip
        """The answer; as ``Guard.answer``."""

    def cancel(self) -> None:
        """Stop the call under way; waits for nothing."""

    def close(self) -> None:
        """Let go of everything."""


class Slot:
    """A place in a pool, and the instance in it once there is one."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.instance: Optional[Instance] = None


class Call:
    """A call of a pool, from when it is admitted until it ends."""

    def __init__(self, pool: Pool, function: str) -> None:
        self.pool = pool
        self.function = function
        self.thread = threading.get_ident()
        self.until: Optional[float] = None
        self.ahead = 0
        self.cancelled = False
        self.ticket: Optional[Future[Slot]] = None
        self.instance: Optional[Instance] = None


class Flight:
    """A policy that is being given, for all who ask for the same at the same time."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.outcome: Future[AgentLabels] = Future()
        self.outcome.set_running_or_notify_cancel()  # so nobody can cancel it


@dataclasses.dataclass(frozen=True)
class PoolHealth:
    """How a pool is, and each of its instances (None for one that was not needed yet).

    ``busy`` are the calls that have an instance, ``waiting`` those that have
    not; ``replaced`` is how many instances were thrown away, and
    ``last_failure`` what the last of them failed with; ``generation`` is how
    often the pool's policy was given.
    """

    healthy: bool
    closed: bool
    size: int
    made: int
    busy: int
    waiting: int
    calls: int
    replaced: int
    generation: int
    last_failure: Optional[BaseException]
    instances: Tuple[Optional[Health], ...]

    def to_json(self) -> Dict[str, Any]:
        """The health as a JSON object."""
        doc = dataclasses.asdict(dataclasses.replace(self, instances=(), last_failure=None))
        doc["last_failure"] = None if self.last_failure is None else str(self.last_failure)
        doc["instances"] = [None if one is None else one.to_json() for one in self.instances]
        return doc


_inside: contextvars.ContextVar[Tuple[Call, ...]] = contextvars.ContextVar("inside", default=())
"""The calls that the code running here answers questions of, as a backend does."""


MAX_INSTANCES = 1_000
"""Instances of a pool: each has a memory of its own, and each turn looks at the free ones."""


class Pool(AsyncLabelCalls):
    """N instances of one guard behind one queue.

    ``size`` is how many there can be, at most ``MAX_INSTANCES``; one is made
    at once, the others when calls overlap.  ``wait`` is how many seconds a
    call may wait for its turn.
    """

    def __init__(
        self, name: str, size: int, wait: Optional[float], backend: Optional[Backend]
    ) -> None:
        if not 1 <= size <= MAX_INSTANCES:
            raise ValueError(f"a pool has from 1 to {MAX_INSTANCES:,} instances, not {size}")
        self.name = name
        self._wait = wait
        self.backend = backend
        self._changed = threading.Condition()
        self._slots = [Slot(i) for i in range(size)]
        self._places: Places[Slot] = Places(self._slots)
        self._calls: Set[Call] = set()
        self._flights: Dict[Tuple[bytes, int], Flight] = {}
        self._numbers = itertools.count(1)
        self._current: Optional[Given] = None
        self._warming = threading.Lock()
        self._closed = False
        self._count = 0
        self._replaced = 0
        self._last_failure: Optional[BaseException] = None
        self._unmade: Optional[BaseException] = None
        self.threads = asynchronous.Threads(size)

    @abc.abstractmethod
    def _make(self) -> Instance:
        """A new instance.  Raises: GuardError."""

    def _begin(self) -> None:
        """Make the first instance.  Raises: GuardError."""
        self._slots[0].instance = first = self._make()
        self._gateway, self._manner = first.gateway, first.manner

    # -- what it is -----------------------------------------------------------

    @property
    def size(self) -> int:
        """How many calls can be answered at the same time."""
        return len(self._slots)

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance: an instance that has failed is replaced for it."""
        return not self._closed and self._unmade is None

    @property
    def generation(self) -> int:
        """The number of the pool's policy; 0 before it has one."""
        return 0 if self._current is None else self._current.number

    def health(self) -> PoolHealth:
        """How the pool is; waits for nothing."""
        with self._changed:
            instances = [slot.instance for slot in self._slots]
            busy = sum(call.instance is not None for call in self._calls)
            return PoolHealth(
                self.healthy, self._closed, self.size, sum(i is not None for i in instances),
                busy, self._places.waiting, self._count, self._replaced, self.generation,
                self._last_failure, tuple(None if i is None else i.health() for i in instances),
            )  # fmt: skip

    def __repr__(self) -> str:
        return f"<hostabi.{type(self).__name__} {self.name!r} of {self.size}>"

    # -- questions ------------------------------------------------------------

    def under(self, policy: Any) -> PinnedAsync:
        """This pool under ``policy``, whatever else it is asked in the meantime.

        Raises: PolicyError, PayloadError.
        """
        return PinnedAsync(self, self._agent_question(policy))

    def answer(
        self, question: Question, *, backend: Optional[Backend] = None,
        under: Optional[Given] = None,
    ) -> Any:  # fmt: skip
        """The answer of an instance, when it is this call's turn.

        Raises: GuardCallError; GuardPoolTimeout where it was not answered at all.
        """
        with self.admitted(question.function) as call:
            slot = self._turn(call, under)
            return self.serve(call, slot, question, backend, under)

    def give(
        self, question: Question, *, backend: Optional[Backend] = None
    ) -> Tuple[AgentLabels, Given]:
        """Give a policy for calls under it; who asks for the same meanwhile shares the answer.

        Raises: GuardCallError.
        """
        with self.admitted(question.function) as call:
            while True:
                flight, leads = self.flight(question, backend)
                if leads:
                    with self.flying(question, backend, flight):
                        slot = self._turn(call, flight.given)
                        labels = self.serve(call, slot, question, backend, flight.given)
                        flight.outcome.set_result(labels)
                    return labels, flight.given
                error = flight.outcome.exception()
                if error is None:
                    return flight.outcome.result(), flight.given
                self.share(call, error)

    def _answer(self, question: Question, backend: Optional[Backend]) -> Any:
        if not question.gives_policy:
            return self.answer(question, backend=backend)
        labels, given = self.give(question, backend=backend)
        self.adopt(given)
        return labels

    async def _answer_async(self, question: Question, backend: Any) -> Any:
        if not question.gives_policy:
            return await self.answer_async(question, backend=backend)
        labels, given = await self.give_async(question, backend=backend)
        self.adopt(given)
        return labels

    async def answer_async(
        self, question: Question, *, backend: Any = None, under: Optional[Given] = None
    ) -> Any:
        """As ``answer``; waiting for the turn takes no thread."""
        return await asynchronous.answer(self, question, backend, under)

    async def give_async(
        self, question: Question, *, backend: Any = None
    ) -> Tuple[AgentLabels, Given]:
        """As ``give``."""
        return await asynchronous.give(self, question, backend)

    def adopt(self, given: Given) -> None:
        """Calls that name no policy are answered under this one from now on."""
        with self._changed:
            if given.number > self.generation:
                self._current = given

    # -- the steps of a call: for threads here, for tasks in ``asynchronous`` -----

    @contextlib.contextmanager
    def admitted(self, function: str) -> Iterator[Call]:
        """Let a call in; ``close`` waits for it.

        Raises: GuardClosed; GuardReentered for a backend that calls the pool that asked it.
        """
        if any(call.pool is self and call in self._calls for call in _inside.get()):
            # With all instances waiting for such a backend nothing would ever go on.
            raise GuardReentered(self.name, function)
        call = Call(self, function)
        with self._changed:
            if self._closed:
                raise GuardClosed(self.name, function, exited=False)
            self._calls.add(call)
            self._count += 1
        try:
            yield call
        finally:
            with self._changed:
                self._calls.discard(call)
                self._changed.notify_all()

    def queue(self, call: Call, under: Optional[Given]) -> Future[Slot]:
        """Begin to wait for a turn: the ticket."""
        wanted = under or self._current

        def prefer(slot: Slot) -> int:
            instance = slot.instance
            if instance is None:
                return 0
            given = instance.given
            return 2 if wanted is not None and given is not None and given.serves(wanted) else 1

        call.ahead = self._places.waiting
        call.until = None if self._wait is None else time.monotonic() + self._wait
        ticket = self._places.ask(prefer)
        with self._changed:
            call.ticket = ticket
            stopped = call.cancelled
        if stopped:
            self._places.refuse(ticket, GuardCancelled(call.function))
        return ticket

    def _turn(self, call: Call, under: Optional[Given]) -> Slot:
        """Wait for a turn.  Raises: GuardPoolTimeout, GuardCancelled."""
        ticket = self.queue(call, under)
        try:
            return ticket.result(self.patience(call))
        except FutureTimeout:
            return self.too_late(call, ticket)
        except GuardCancelled:
            raise
        except BaseException:
            self.leave(ticket)
            raise

    def patience(self, call: Call) -> Optional[float]:
        """Seconds that the call may still wait."""
        return None if call.until is None else max(0.0, call.until - time.monotonic())

    def too_late(self, call: Call, ticket: Future[Slot]) -> Slot:
        """The time is over: the place, if it came at the last moment.

        Raises: GuardPoolTimeout.
        """
        slot = self._places.withdraw(ticket)
        if slot is None:
            if call.cancelled:
                raise GuardCancelled(call.function)
            raise GuardPoolTimeout(self.name, call.function, self._wait or 0.0, call.ahead)
        return slot

    def leave(self, ticket: Future[Slot]) -> None:
        """Wait no more, and let go of what came at the last moment."""
        slot = self._places.withdraw(ticket)
        if slot is not None:
            self._places.give_back(slot)

    def serve(
        self, call: Call, slot: Slot, question: Question, backend: Optional[Backend],
        under: Optional[Given],
    ) -> Any:  # fmt: skip
        """Have the place's instance answer, and hand the place on.  Raises: GuardError."""
        try:
            instance = self._instance(slot)
            with self._changed:
                call.instance = instance
            inside = _inside.set((*_inside.get(), call))
            try:
                return instance.answer(
                    question, backend=self.backend if backend is None else backend,
                    under=under or self._current, cancelled=lambda: call.cancelled,
                )  # fmt: skip
            finally:
                _inside.reset(inside)
                with self._changed:
                    call.instance = None
        finally:
            self.hand_on(slot)

    def _instance(self, slot: Slot) -> Instance:
        """The instance of a place, made if there is none.  Raises: GuardError."""
        if slot.instance is not None and not slot.instance.healthy:
            self._replace(slot, slot.instance)  # it has ended while nobody used it
        if slot.instance is None:
            try:
                slot.instance = self._make()
            except BaseException as error:
                self._unmade = error
                raise
            self._unmade = None
        return slot.instance

    def hand_on(self, slot: Slot) -> None:
        """Give a place back, without an instance that answers nothing any more."""
        instance = slot.instance
        try:
            if instance is not None and not instance.healthy:
                self._replace(slot, instance)
        finally:
            self._places.give_back(slot)

    def _replace(self, slot: Slot, instance: Instance) -> None:
        """Throw an instance away."""
        with self._changed:
            slot.instance = None
            self._replaced += 1
            self._last_failure = instance.health().cause
        slot.instance = self._successor(instance)

    def _successor(self, instance: Instance) -> Optional[Instance]:
        """Let go of an instance; what takes its place, None to make one when it is needed."""
        instance.close()
        return None

    # -- one flight for equal policies -------------------------------------------

    def flight(self, question: Question, backend: Any) -> Tuple[Flight, bool]:
        """The flight for a policy, and whether the caller is the one who flies it."""
        key = question.payload, id(backend)
        with self._changed:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = Flight(Given(question.payload, next(self._numbers)))
            return flight, True

    @contextlib.contextmanager
    def flying(self, question: Question, backend: Any, flight: Flight) -> Iterator[None]:
        """Whatever happens in here, those who wait for the flight hear of it."""
        try:
            yield
        except BaseException as error:
            self._land(question, backend)
            own = error if isinstance(error, GuardError) else GuardCancelled(question.function)
            flight.outcome.set_exception(own)
            raise
        self._land(question, backend)

    def _land(self, question: Question, backend: Any) -> None:
        """Who asks from now on begins a flight of its own."""
        with self._changed:
            del self._flights[question.payload, id(backend)]

    def share(self, call: Call, error: BaseException) -> None:
        """Raise the error of a flight in those who waited for it.

        Not that somebody else's call was stopped: then one of them flies it.
        """
        if call.cancelled:
            raise GuardCancelled(call.function)
        if isinstance(error, GuardError) and not isinstance(error, GuardCancelled):
            raise error

    # -- life -----------------------------------------------------------------

    def warm(self) -> None:
        """Make all instances that there can be, where they are not there yet.

        Raises: GuardError.
        """
        # One at a time: two that each had half of the places would wait for each other.
        with self.admitted("warm") as call, self._warming:
            taken: List[Slot] = []
            try:
                for _ in self._slots:
                    taken.append(self._turn(call, None))
                    self._instance(taken[-1])
            finally:
                for slot in taken:
                    self._places.give_back(slot)

    def cancel(self, thread: Optional[int] = None) -> None:
        """Stop the calls under way and those that wait, from any thread: ``GuardCancelled``.

        ``thread`` (an identifier of ``threading``) stops only what that thread called.
        """
        with self._changed:
            calls = [call for call in self._calls if thread in (None, call.thread)]
        for call in calls:
            self.stop(call)

    def stop(self, call: Call) -> None:
        """Stop one call, wherever it is."""
        with self._changed:
            call.cancelled = True
            ticket = call.ticket
            if call.instance is not None:
                # Held: or the instance could be in another call already. It waits for nothing.
                call.instance.cancel()
        if ticket is not None:
            self._places.refuse(ticket, GuardCancelled(call.function))

    def close(self) -> None:
        """Wait for the calls under way and those that wait, and close; twice is harmless.

        Calls that come later are refused.  Raises: GuardReentered from within
        a call of the pool.
        """
        if any(call.pool is self and call in self._calls for call in _inside.get()):
            raise GuardReentered(self.name, "close")
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._calls)
        self.threads.close()
        for slot in self._slots:
            if slot.instance is not None:
                slot.instance.close()

    async def close_async(self) -> None:
        """As ``close``, for a loop whose tasks may be in calls of the pool."""
        await asynchronous.in_thread(self.close)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Pool:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close_async()
