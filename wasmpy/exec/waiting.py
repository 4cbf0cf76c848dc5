"""Who waits at which address of a shared memory.

What belongs here: what a shared memory needs of the world outside, and the
form it has where there are no threads.  What does not: threads; the store's
owner injects a list that knows them (``Store.waiting``).

Spec: ``exec/instructions.html`` of the threads proposal.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, ContextManager, Optional

from wasmpy.errors import Interrupted, Resource

WOKEN, NOT_EQUAL, TIMED_OUT = range(3)
"""What a wait answers."""


class WaitList:
    """The waiters of one shared memory, where nobody else is there to wake one.

    ``lock`` is held during each atomic access.
    """

    lock: ContextManager[Any]

    def __init__(self) -> None:
        self.lock = contextlib.nullcontext()

    def wait(
        self,
        address: int,
        same: Callable[[], bool],
        timeout: Optional[int],
        look: Callable[[], None],
    ) -> int:
        """Wait at ``address`` if ``same`` holds; ``timeout`` in nanoseconds, None for ever.

        ``look`` is called now and then, and raises to stop the wait.
        Raises: Interrupted.
        """
        if not same():
            return NOT_EQUAL
        if timeout is None:
            raise Interrupted(Resource.DEADLINE)
        return TIMED_OUT

    def notify(self, address: int, count: int) -> int:
        """Wake up to ``count`` waiters at ``address``, the first to come first; how many."""
        return 0
