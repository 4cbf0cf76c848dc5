"""The clocks that a guest can read, and waiting.

What belongs here: what a clock is, the deterministic one and the system's.
What does not: the functions that guests call (``wasi.preview1``,
``wasi.poll``).  All times are nanoseconds.
"""

from __future__ import annotations

import time
from typing import Protocol

START_REALTIME = 1_640_995_200_000_000_000
"""2022-01-01T00:00:00Z, in nanoseconds since the epoch."""

MAX_TIME = 2**64 - 1
"""The latest time that a guest can be told."""

STEP = 1_000_000
"""What a deterministic clock advances by at each reading: 1 ms."""


class Clock(Protocol):
    """What a guest's time comes from; anything with these three methods will do.

    Optional besides: ``resolution`` (ns, else 1); ``longest_sleep`` (ns) of a
    clock that really waits: longer waits are then split into pieces of at
    most this length, with a look at the interruption flag in between; and
    ``reset()``, called by ``Wasi.reset``.
    """

    def now(self) -> int:
        """Read the wall clock: nanoseconds since 1970-01-01T00:00:00Z."""

    def monotonic(self) -> int:
        """Read the clock that never goes back; its zero means nothing."""

    def sleep(self, duration: int) -> None:
        """Let ``duration`` nanoseconds pass."""


class FakeClock:
    """Deterministic clocks: they move when they are read, and by sleeping.

    The first reading is exactly the start; each reading of a clock then
    advances that clock by ``step``; a sleep advances both by its length and
    takes no real time.  Neither goes beyond ``MAX_TIME``: there it stays.

    >>> clock = FakeClock(realtime=0)
    >>> clock.now(), clock.now(), clock.monotonic()
    (0, 1000000, 0)
    >>> clock.sleep(500); clock.monotonic()
    1000500
    """

    def __init__(
        self, realtime: int = START_REALTIME, monotonic: int = 0, step: int = STEP
    ) -> None:
        self._start = (realtime, monotonic)
        self._realtime, self._monotonic = self._start
        self.step = step
        self.resolution = max(1, step)

    def now(self) -> int:
        """Read the wall clock, then advance it."""
        reading = self._realtime
        self._realtime = min(reading + self.step, MAX_TIME)
        return reading

    def monotonic(self) -> int:
        """Read the monotonic clock, then advance it."""
        reading = self._monotonic
        self._monotonic = min(reading + self.step, MAX_TIME)
        return reading

    def sleep(self, duration: int) -> None:
        """Advance both clocks by ``duration``."""
        self._realtime = min(self._realtime + duration, MAX_TIME)
        self._monotonic = min(self._monotonic + duration, MAX_TIME)

    def reset(self) -> None:
        """Back to the start."""
        self._realtime, self._monotonic = self._start


class SystemClock:
    """The system's clocks; a sleep really waits.

    The monotonic clock counts from when this object was made, so that a
    guest does not learn how long the machine has been up.
    """

    resolution = 1_000
    longest_sleep = 20_000_000

    def __init__(self) -> None:
        self._origin = time.monotonic_ns()

    def now(self) -> int:
        """Read the system's wall clock."""
        return time.time_ns()

    def monotonic(self) -> int:
        """Read the system's monotonic clock."""
        return time.monotonic_ns() - self._origin

    def sleep(self, duration: int) -> None:
        """Wait for ``duration`` nanoseconds."""
        time.sleep(duration / 1e9)
