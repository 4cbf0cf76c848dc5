"""The call that a backend works for: how much time it has, and whether it is still wanted.

What belongs here: what a backend can ask about the guard's call, and how it
finds that.  What does not: bounding the guard (``guest``).

A backend is any callable, so the call's context is not one of its arguments:
``current_call()`` has it while the backend runs, in the same thread or context.
"""

from __future__ import annotations

import contextvars
import dataclasses
import inspect
from typing import Callable, Optional, Protocol, TypeVar

T = TypeVar("T")


class Running(Protocol):
    """What knows the bounds of a call under way."""

    @property
    def time_left(self) -> Optional[float]:
        """Seconds left, None for any number."""

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it."""


@dataclasses.dataclass(frozen=True)
class CallContext:
    """A label call that is waiting for its backend.

    ``guard`` is the guard's name, ``function`` the label function.
    """

    guard: str
    function: str
    running: Optional[Running] = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def time_left(self) -> Optional[float]:
        """Seconds left of the call, now; negative when it is late, None for any number."""
        return None if self.running is None else self.running.time_left

    @property
    def cancelled(self) -> bool:
        """Whether the call was cancelled; whatever the backend answers is then thrown away."""
        return self.running is not None and self.running.cancelled

    @property
    def wanted(self) -> bool:
        """Whether an answer is of any use: not cancelled, and not too late."""
        left = self.time_left
        return not self.cancelled and (left is None or left > 0)


_CURRENT: contextvars.ContextVar[Optional[CallContext]] = contextvars.ContextVar(
    "hostabi_call", default=None
)


def current_call() -> Optional[CallContext]:
    """The call that the running backend works for; None outside of a backend."""
    return _CURRENT.get()


def called_for(context: CallContext, ask: Callable[[], T]) -> T:
    """What ``ask`` returns, with ``context`` as the current call.

    Raises: TypeError where that is a coroutine, which nobody here can await.
    """
    token = _CURRENT.set(context)
    try:
        found = ask()
    finally:
        _CURRENT.reset(token)
    if inspect.iscoroutine(found):
        found.close()
        raise TypeError("the backend is a coroutine function, and the guard's call is not awaited")
    return found
