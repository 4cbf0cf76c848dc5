"""Writing to a pipe or a terminal of the host's as much as there is room for.

What belongs here: how a system is asked for that.  What does not: waiting for
room (``wasi.readiness``), and what can be a stream at all (``wasi.streams``).

What is ready has room for something, and a longer write waits for the rest,
however long that takes; a terminal says not even how much it has room for.
Whether writing waits is a flag of what was opened, and others have opened the
same, as a shell and all that it started: the flag of the host's is left alone.
So it is asked for one write (Linux 6.4, pipes), or what is written to is opened
once more for that write, with a flag of its own.  It is not kept open: who reads
a pipe would not see its end.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any, Callable, Optional

CHUNK = 65_536
"""How much is offered at once, in bytes: no pipe has more room unless it was asked to."""

CAN_ASK = hasattr(os, "pwritev") and hasattr(os, "RWF_NOWAIT")
"""Whether Python can ask for a write that does not wait; the system may not know it yet."""


class Outlet:
    """A pipe or terminal that the host opened as ``raw`` to be written."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self._asks = CAN_ASK

    def put(self, data: bytes) -> Optional[int]:
        """How many bytes of ``data`` there was room for; None where that cannot be had here.

        A failure is not told here: it comes again when the file itself is written.
        Raises: BlockingIOError where there is no room; ValueError for a file that is closed.
        """
        fileno = self._raw.fileno()
        if self._asks:
            taken = _unless_it_fails(_asked_not_to_wait, fileno, data)
            if taken is not None:
                return taken
            self._asks = False
        return _unless_it_fails(_opened_again, fileno, data)


def _unless_it_fails(way: Callable[[int, bytes], int], fileno: int, data: bytes) -> Optional[int]:
    try:
        return way(fileno, data)
    except BlockingIOError:
        raise
    except OSError:
        return None


def _asked_not_to_wait(fileno: int, data: bytes) -> int:
    return os.pwritev(fileno, [data], -1, os.RWF_NOWAIT)  # -1: wherever it is, as ``write`` does


def _opened_again(fileno: int, data: bytes) -> int:
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    again = os.open(f"/proc/self/fd/{fileno}", flags)
    try:
        return os.write(again, data)
    finally:
        os.close(again)


def outlet_of(raw: Any) -> Optional[Outlet]:
    """The outlet that ``raw`` is; None for what is none, and where the system knows no way.

    A class derived from ``FileIO`` is none: it may have its own idea of writing.
    """
    if type(raw) is not io.FileIO or not sys.platform.startswith(("linux", "android")):
        return None
    try:
        if raw.writable() and _is_the_same_again(os.fstat(raw.fileno()), raw):
            return Outlet(raw)
    except (OSError, ValueError):
        pass
    return None


def _is_the_same_again(status: os.stat_result, raw: io.FileIO) -> bool:
    """Whether it is a pipe, or a terminal that is no other when it is opened again."""
    if stat.S_ISFIFO(status.st_mode):
        return True
    return raw.isatty() and os.major(status.st_rdev) != _WHICHEVER


_WHICHEVER = 5
"""The major number of ``/dev/tty``, ``/dev/console`` and ``/dev/ptmx``: each opening of the last
is another terminal."""
