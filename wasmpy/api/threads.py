"""Waiting and waking between Python threads, for shared memories.

What belongs here: the wait list that execution is given, with the lock, the
events and the clock that execution itself never looks at.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Deque, Dict, Optional

from wasmpy.exec.waiting import NOT_EQUAL, TIMED_OUT, WOKEN, WaitList

SLICE = 0.02
"""Seconds between two looks at the interruption flag."""


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
