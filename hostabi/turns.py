"""Whose policy a guard has: calls under one policy at a time.

What belongs here: letting label calls in, side by side as long as they are
under the same policy, and giving the guard another policy when nobody is in.
What does not: the calls.

A guard keeps the last policy that it was given in its own memory.  Two agents
with different policies at one guard would otherwise be labelled by whichever
came last.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import weakref
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, Optional, Tuple

from hostabi.errors import GuardCancelled, GuardReentered
from hostabi.labeller import Labeller

_WITHIN: contextvars.ContextVar[FrozenSet[int]] = contextvars.ContextVar(
    "hostabi_within", default=frozenset()
)
"""The turns that the running code is within a call of; a coroutine of its backend too."""


def never() -> bool:
    """For a call that nobody can cancel."""
    return False


class PolicyTurns:
    """Lets label calls of one guard in, each under its policy.

    A policy is the bytes that the guard is given.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._policy: Optional[bytes] = None
        """What the guard has; None when nobody knows."""
        self._inside = 0
        self._changing = False
        self._queue: List[object] = []

    @contextlib.contextmanager
    def under(
        self, policy: bytes, give: Callable[[], Any], function: str,
        stopped: Callable[[], bool] = never,
    ) -> Iterator[None]:  # fmt: skip
        """Be in a call of ``function`` under ``policy``; ``give`` gives it to the guard.

        Raises: GuardReentered within another call; GuardCancelled when
        ``stopped`` says so while waiting (see ``wake``); what ``give`` raises.
        """
        with self._marked(function):
            if self._enter(policy, function, stopped):
                self._give(policy, give)
            try:
                yield
            finally:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

    @contextlib.contextmanager
    def alone(
        self, policy: bytes, function: str, stopped: Callable[[], bool] = never
    ) -> Iterator[None]:
        """Give the guard ``policy`` while nobody else is in a call.

        Raises: as ``under``.
        """
        with self._marked(function):
            self._enter(None, function, stopped)
            try:
                yield
            except BaseException:
                self._changed_to(None)
                raise
            self._changed_to(policy)

    def refuse_within(self, function: str) -> None:
        """Raises: GuardReentered within a call of the guard, as its backend is."""
        if id(self) in _WITHIN.get():
            raise GuardReentered(self._name, function)

    def wake(self) -> None:
        """Have those who wait look whether they were stopped."""
        with self._changed:
            self._changed.notify_all()

    # ------------------------------------------------------------------------

    @contextlib.contextmanager
    def _marked(self, function: str) -> Iterator[None]:
        """Within a call, so that a backend that calls again is refused and does not wait."""
        self.refuse_within(function)
        token = _WITHIN.set(_WITHIN.get() | {id(self)})
        try:
            yield
        finally:
            _WITHIN.reset(token)

    def _enter(
        self, policy: Optional[bytes], function: str, stopped: Callable[[], bool]
    ) -> bool:
        """Wait for a turn; True if the caller is alone and has to give the policy.

        None is no guard's policy: it wants to be alone.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while True:
                    if stopped():
                        raise GuardCancelled(function)
                    # In the order of coming, or a stream of calls under one policy would
                    # keep out the other for ever.
                    if self._queue[0] is ticket and not self._changing:
                        if policy is not None and policy == self._policy:
                            self._inside += 1
                            return False
                        if not self._inside:
                            self._changing = True
                            return True
                    self._changed.wait()
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _give(self, policy: bytes, give: Callable[[], Any]) -> None:
        """Give the guard the policy, alone, and be in a call under it."""
        try:
            give()
        except BaseException:
            self._changed_to(None)
            raise
        with self._changed:
            self._inside += 1
        self._changed_to(policy)

    def _changed_to(self, policy: Optional[bytes]) -> None:
        """Nobody is alone any more, and the guard has ``policy``."""
        with self._changed:
            self._policy = policy
            self._changing = False
            self._changed.notify_all()


_TURNS: Dict[int, Tuple[Any, PolicyTurns]] = {}
"""By the guard's ``id``: a weak reference to it, and its turns."""
_TURNS_LOCK = threading.RLock()


def turns_of(guard: Labeller) -> PolicyTurns:
    """The turns of a guard: the same for all who have it."""
    key = id(guard)

    def gone(ref: Any) -> None:
        with _TURNS_LOCK:
            if key in _TURNS and _TURNS[key][0] is ref:
                del _TURNS[key]

    with _TURNS_LOCK:
        found = _TURNS.get(key)
        if found is None or found[0]() is not guard:
            found = _TURNS[key] = (weakref.ref(guard, gone), PolicyTurns(guard.name))
        return found[1]
