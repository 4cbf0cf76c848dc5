"""How much a guest may keep in a file system.

What belongs here: counting bytes and names against two limits.  What does not:
who counts what (each file system says that itself).
"""

from __future__ import annotations

from typing import Optional

from wasi.errno import Errno, ErrnoError


class Quota:
    """Two counters with limits; None is no limit.

    ``errno`` is what a guest gets when it is at an end: ENOSPC where the file
    system itself is full, EDQUOT where only the guest's part of it is.

    >>> quota = Quota(10, 2, Errno.ENOSPC)
    >>> quota.add_bytes(8); quota.grant(5)
    2
    """

    def __init__(
        self, max_bytes: Optional[int], max_nodes: Optional[int], errno: Errno = Errno.EDQUOT
    ) -> None:
        for limit in (max_bytes, max_nodes):
            if limit is not None and limit < 0:
                raise ValueError(f"a quota is not negative: {limit}")
        self.max_bytes = max_bytes
        self.max_nodes = max_nodes
        self.errno = errno
        self.used_bytes = 0
        self.used_nodes = 0

    @property
    def limited(self) -> bool:
        """Whether there is anything to count."""
        return self.max_bytes is not None or self.max_nodes is not None

    def grant(self, size: int) -> int:
        """How many of ``size`` more bytes there is room for."""
        if self.max_bytes is None:
            return size
        return max(0, min(size, self.max_bytes - self.used_bytes))

    def need_bytes(self, size: int) -> None:
        """Refuse, unless there is room for ``size`` more bytes."""
        if self.grant(size) < size:
            raise ErrnoError(self.errno)

    def need_node(self) -> None:
        """Refuse, unless there is room for one more name."""
        if self.max_nodes is not None and self.used_nodes >= self.max_nodes:
            raise ErrnoError(self.errno)

    def add_bytes(self, size: int) -> None:
        """Count ``size`` more bytes, or fewer; never below zero."""
        self.used_bytes = max(0, self.used_bytes + size)

    def add_nodes(self, number: int) -> None:
        """Count ``number`` more names, or fewer; never below zero."""
        self.used_nodes = max(0, self.used_nodes + number)
