"""What needs threads: the wait lists of shared memories, and the watch over deadlines.

What belongs here: the locks, the events, the thread and the clock that
execution itself never looks at.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import Callable, Deque, Dict, List, Optional, Set, Tuple

from wasmpy.exec.waiting import NOT_EQUAL, TIMED_OUT, WOKEN, WaitList

SLICE = 0.02
"""Seconds between two looks at the interruption flag."""

_FINISHED = 8
"""Deadlines that are over and may stand in the heap besides as many as there are live ones."""


class ThreadWaitList(WaitList):
    """The waiters of one shared memory, in any thread of any store."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._waiters: Dict[int, Deque[threading.Event]] = {}

    def wait(
        self,
        address: int,
        same: Callable[[], bool],
        timeout: Optional[int],
        look: Callable[[], None],
    ) -> int:
        """As ``WaitList.wait``.  Raises: Interrupted."""
        end = None if timeout is None else self._clock() + timeout / 1e9
        woken = threading.Event()
        with self.lock:
            if not same():
                return NOT_EQUAL
            self._waiters.setdefault(address, Deque()).append(woken)
        try:
            while True:
                left = SLICE if end is None else min(SLICE, end - self._clock())
                if woken.wait(max(left, 0)):
                    return WOKEN
                if left <= 0:
                    return self._withdraw(address, woken)
                look()
        except BaseException:
            self._withdraw(address, woken)
            raise

    def _withdraw(self, address: int, woken: threading.Event) -> int:
        """Wait no more; whether somebody woke this waiter at the last moment."""
        with self.lock:
            if woken.is_set():
                return WOKEN
            waiters = self._waiters[address]
            waiters.remove(woken)
            if not waiters:
                del self._waiters[address]
        return TIMED_OUT

    def notify(self, address: int, count: int) -> int:
        """As ``WaitList.notify``."""
        woken = 0
        with self.lock:
            waiters = self._waiters.get(address)
            while waiters and woken < count:
                waiters.popleft().set()
                woken += 1
            if waiters is not None and not waiters:
                del self._waiters[address]
        return woken


class Watch:
    """Gives the alarm when a deadline passes, so that what runs need not look at the clock.

    One thread for the process; it is there from the first deadline on.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: List[Tuple[float, int, Callable[[], None]]] = []
        self._live: Set[int] = set()
        self._numbers = itertools.count()
        self._thread: Optional[threading.Thread] = None

    def begin(self, end: float, alarm: Callable[[], None]) -> Optional[int]:
        """Call ``alarm`` at ``end`` of the monotonic clock, unless ``finish`` comes first.

        The number to finish with, or None where there are no threads.
        """
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="wasmpy deadlines", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return None
                self._thread = thread
            number = next(self._numbers)
            self._live.add(number)
            heapq.heappush(self._due, (end, number, alarm))
            if self._due[0][1] == number:
                self._changed.notify()
        return number

    def finish(self, number: int) -> None:
        """Forget a deadline, and the alarm with all it holds."""
        with self._changed:
            self._live.discard(number)
            self._prune()

    def _prune(self) -> None:
        """Drop what is finished where it stands first, and all of it where it is the most.

        So there are never more than a few finished ones, whatever stands before them.
        """
        due, live = self._due, self._live
        while due and due[0][1] not in live:
            heapq.heappop(due)
        if len(due) > 2 * len(live) + _FINISHED:
            due[:] = [item for item in due if item[1] in live]
            heapq.heapify(due)

    def _run(self) -> None:
        with self._changed:
            while True:
                left = self._due[0][0] - time.monotonic() if self._due else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                _, number, alarm = heapq.heappop(self._due)
                if number in self._live:
                    self._live.discard(number)
                    alarm()
                del alarm  # a store, which nothing else may need any more
                self._prune()


WATCH = Watch()
