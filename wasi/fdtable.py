"""A guest's file descriptors by number.

What belongs here: which numbers are open, how many there may be, and going
back to those of the start.  What does not: what stands behind one
(``wasi.descriptors``, ``wasi.sockets``).

The numbers 0 to 2 are the standard streams; the directories that are open from
the start come next, in their order, then the listeners.  A new descriptor gets
the lowest number that is free.
"""

from __future__ import annotations

import contextlib
import heapq
from typing import Any, Callable, Dict, Iterable, List, Sequence, Type, TypeVar

from wasi.descriptors import Descriptor
from wasi.errno import Errno, ErrnoError

D = TypeVar("D", bound=Descriptor)


class FdTable:
    """The descriptors that are open, by number; at most ``limit`` of them."""

    def __init__(self, initial: Callable[[], Sequence[Descriptor]], limit: int) -> None:
        self._initial = initial
        self._limit = limit
        self._open: Dict[int, Descriptor] = {}
        self._free: List[int] = []
        self._next = 0
        self.reset()

    def reset(self) -> None:
        """Close everything, and open again what was open at the start."""
        self.close_all()
        for descriptor in self._initial():
            self._open[self._next] = descriptor
            self._next += 1

    def close_all(self) -> None:
        """Close everything.  Raises: what one that failed raised, after all are closed."""
        closing = list(self._open.values())
        self._open = {}
        self._free = []
        self._next = 0
        close_each(closing)

    def __len__(self) -> int:
        return len(self._open)

    def get(self, fd: int, *operations: str) -> Descriptor:
        """The open descriptor ``fd``, if it has the right to ``operations``.

        Raises: ErrnoError: EBADF where none is open, else as ``Descriptor.check``.
        """
        descriptor = self._open.get(fd)
        if descriptor is None:
            raise ErrnoError(Errno.EBADF)
        if operations:
            descriptor.check(*operations)
        return descriptor

    def of(self, kind: Type[D], fd: int, *operations: str) -> D:
        """As ``get``, where only ``kind`` has the right to ``operations``."""
        descriptor = self.get(fd, *operations)
        # The tables of ``wasi.rights`` refuse every other kind.
        assert isinstance(descriptor, kind), f"{operations} of a {type(descriptor).__name__}"
        return descriptor

    def check_room(self) -> None:
        """Refuse one more where there are too many already.  Raises: ErrnoError(EMFILE)."""
        if len(self._open) >= self._limit:
            raise ErrnoError(Errno.EMFILE)

    def add(self, descriptor: Descriptor) -> int:
        """The number under which ``descriptor`` is open from now on."""
        if self._free:
            fd = heapq.heappop(self._free)
        else:
            fd = self._next
            self._next += 1
        self._open[fd] = descriptor
        return fd

    def close(self, fd: int) -> None:
        """Close ``fd``; a stream of the host's behind it stays open.  Raises: ErrnoError."""
        descriptor = self.get(fd)
        del self._open[fd]
        heapq.heappush(self._free, fd)
        descriptor.close()

    def renumber(self, fd: int, to: int) -> None:
        """Give ``fd`` the number ``to``, in the place of what is open there; ``fd`` is free then.

        Raises: ErrnoError(EBADF) unless both are open.
        """
        moved, replaced = self.get(fd), self.get(to)
        if fd == to:
            return
        self._open[to] = moved
        del self._open[fd]
        heapq.heappush(self._free, fd)
        replaced.close()


def close_each(things: Iterable[Any]) -> None:
    """Close all of ``things``.  Raises: what one that failed raised, after all are closed."""
    with contextlib.ExitStack() as closing:
        for thing in things:
            closing.callback(thing.close)
