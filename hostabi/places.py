"""Places that one at a time may have, and the line before them: first come, first served.

What belongs here: the queue.  What does not: what the things are, how long
anybody waits, and threads or tasks, which both wait for a ticket.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Callable, Deque, Generic, List, Optional, Sequence, TypeVar

T = TypeVar("T")


class Places(Generic[T]):
    """Hands out things that one at a time may have.

    A thing that is given back goes to who has waited longest, so nothing is
    free while anybody waits.
    """

    def __init__(self, things: Sequence[T]) -> None:
        self._lock = threading.Lock()
        self._free: List[T] = list(things)
        self._waiting: Deque[Future[T]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def ask(self, prefer: Callable[[T], int]) -> Future[T]:
        """A ticket that is exchanged for a thing; of those that are free, the most preferred."""
        ticket: Future[T] = Future()
        with self._lock:
            if not self._free:
                self._waiting.append(ticket)
                return ticket
            # Of equal ones that which was used last: the others may never be needed.
            best = max(range(len(self._free)), key=lambda i: (prefer(self._free[i]), i))
            thing = self._free.pop(best)
        ticket.set_result(thing)
        return ticket

    def give_back(self, thing: T) -> None:
        """Let the next one have it."""
        with self._lock:
            if not self._waiting:
                self._free.append(thing)
                return
            ticket = self._waiting.popleft()
        ticket.set_result(thing)

    def withdraw(self, ticket: Future[T]) -> Optional[T]:
        """Wait no more; what the ticket was exchanged for at the last moment, if anything."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return None
        # Somebody took it out of the queue and is about to say what became of it.
        return None if ticket.exception() is not None else ticket.result()

    def refuse(self, ticket: Future[T], error: BaseException) -> None:
        """Have ``error`` raised where the ticket is waited for, if it still is."""
        with self._lock:
            if ticket not in self._waiting:
                return
            self._waiting.remove(ticket)
        ticket.set_exception(error)
