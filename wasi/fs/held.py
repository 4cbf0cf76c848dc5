"""Descriptors of the host that several may use, and none after it was closed.

What belongs here: who holds a descriptor, closing it after the last use, and how
many a guest may have.  What does not: the system calls made with one (``wasi.fs.host``).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from wasi.errno import Errno, ErrnoError

# Reentrant: a collection can close another one right here.
_HOLDING = threading.RLock()


_RESERVE = 64


def descriptors_to_spare() -> int:
    """How many of the process's descriptors one guest may have.

    What the system allows this process, less some for the process itself: so a
    guest comes to its own limit first, and its host can go on.
    """
    try:
        import resource
    except ImportError:
        return sys.maxsize
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(soft - _RESERVE, soft // 2)


class Held:
    """A descriptor, held by several and closed by the last.

    Its number is only to be had with ``with``, which is one more that holds it:
    another thread that closes it meanwhile does not, and so the number cannot
    become that of another file of the host's before the system call is over.

    >>> held = Held(os.open(".", os.O_RDONLY))
    >>> with held as fd: held.release(); os.fstat(fd).st_nlink > 0
    True
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._holders = 1

    @property
    def is_open(self) -> bool:
        """Whether anybody holds it."""
        return self._holders > 0

    def again(self) -> Held:
        """One more holder.  Raises: ErrnoError(EBADF) where there is none any more."""
        with _HOLDING:
            if not self._holders:
                raise ErrnoError(Errno.EBADF)
            self._holders += 1
            return self

    def release(self) -> None:
        """Hold it no more.  Raises: OSError from the closing, if this was the last."""
        with _HOLDING:
            if self._holders:
                self._holders -= 1
                if not self._holders:
                    self._close()

    def __enter__(self) -> int:
        return self.again()._fd

    def __exit__(self, *exc: object) -> None:
        self.release()

    def __del__(self) -> None:
        if getattr(self, "_holders", 0):
            self._holders = 0
            with contextlib.suppress(OSError):  # there is nobody left to tell
                self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        os.close(fd)


class Handle:
    """What a guest has of a descriptor; closed once, whoever closes it at the same time."""

    _held: Held

    def _let_go(self) -> Held:
        """What it held, from now on to be released by the caller: nobody gets at it here again."""
        with _HOLDING:
            held, self._held = self._held, _NOTHING
            return held


_NOTHING = Held(-1)
_NOTHING._holders = 0
