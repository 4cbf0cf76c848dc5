"""Where the times of a file system come from that has none from a disk.

What belongs here: a clock of its own until one is given.  What does not: what
the times are of (``tree``).
"""

from __future__ import annotations

from typing import Optional

from wasi.clocks import Clock, FakeClock
from wasi.fs.base import FileSystem


class Clocked(FileSystem):
    """A file system whose times come from a clock."""

    def __init__(self, clock: Optional[Clock]) -> None:
        self._own_clock: Optional[FakeClock] = FakeClock() if clock is None else None
        self._clock: Clock = self._own_clock if clock is None else clock  # type: ignore[assignment]

    @property
    def has_own_clock(self) -> bool:
        """Whether it was given no clock: a guest's own can take the place then."""
        return self._own_clock is not None

    @property
    def clock(self) -> Clock:
        """Where times of what is new or changed come from."""
        return self._clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._own_clock = None
        self._clock = clock
        self._took(clock)

    def _took(self, clock: Clock) -> None:
        """Another clock was given."""
        raise AssertionError("every kind has a tree that takes it")

    def reset(self) -> None:
        """Back to how it was at first; a clock of its own too."""
        if self._own_clock is not None:
            self._own_clock.reset()
