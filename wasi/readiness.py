"""Waiting for what the host's system can tell to be ready, in short pieces.

What belongs here: asking the system about file descriptors of its own.  What
does not: the guest's descriptors (``wasi.descriptors``) and clocks.

Nothing here blocks for longer than ``SLICE``, so that a deadline or a
cancellation is seen soon.  Where the system cannot tell (a browser, a pipe on
Windows), everything counts as ready.
"""

from __future__ import annotations

import io
import os
import stat
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from wasi.errno import Errno, ErrnoError, errno_of

SLICE = 0.02
"""Seconds of one wait; between two there is a look at the interruption flag."""

_PAUSE = 0.001

Look = Callable[[], None]
"""Looks at the interruption flag, and raises where it is set."""


class Interest(NamedTuple):
    """A host's file descriptor, and whether it shall be written instead of read."""

    fileno: int
    write: bool


class State(NamedTuple):
    """What became of an interest."""

    ready: bool
    hangup: bool
    """The other side has gone, and there is nothing more to read."""
    room: Optional[int] = None
    """What a pipe that can be written takes at least without waiting, in bytes; None where the
    system cannot tell anything."""


_READY = State(ready=True, hangup=False)
_NOT_YET = State(ready=False, hangup=False)


def states(interests: Sequence[Interest], seconds: float) -> List[State]:
    """The state of each, after at most ``seconds`` (no more than ``SLICE``) of waiting for one."""
    if not interests:
        return []
    seconds = min(seconds, SLICE)
    try:
        import select

        if hasattr(select, "poll"):
            return _polled(select, interests, seconds)
        return _selected(select, interests, seconds)
    except (ImportError, OSError, ValueError):
        return [_READY] * len(interests)


def _polled(select: Any, interests: Sequence[Interest], seconds: float) -> List[State]:
    masks: Dict[int, int] = {}
    for interest in interests:
        bit = select.POLLOUT if interest.write else select.POLLIN
        masks[interest.fileno] = masks.get(interest.fileno, 0) | bit
    room = _room(select)
    poller = select.poll()
    for fileno, mask in masks.items():
        poller.register(fileno, mask)
    found = dict(poller.poll(seconds * 1_000))
    answers = []
    for interest in interests:
        bits = found.get(interest.fileno, 0)
        wanted = select.POLLOUT if interest.write else select.POLLIN
        gone = bits & (select.POLLHUP | select.POLLERR | select.POLLNVAL)
        answers.append(State(bool(bits & wanted or gone), bool(gone and not bits & wanted), room))
    return answers


def _selected(select: Any, interests: Sequence[Interest], seconds: float) -> List[State]:
    reads = [i.fileno for i in interests if not i.write]
    writes = [i.fileno for i in interests if i.write]
    readable, writable, _ = select.select(reads, writes, [], seconds)
    ready = _READY._replace(room=_room(select))
    return [
        ready if i.fileno in (writable if i.write else readable) else _NOT_YET for i in interests
    ]


def _room(select: Any) -> int:
    """``PIPE_BUF``, or what POSIX has it be at least."""
    room: int = getattr(select, "PIPE_BUF", 512)
    return room


def until_ready(interest: Interest, look: Look) -> None:
    """Wait for one of the host's descriptors, looking at the interruption flag all the while."""
    while not states([interest], SLICE)[0].ready:
        look()


def attempt(act: Callable[[], Any], interest: Interest, look: Look, *, wait: bool) -> Any:
    """Do what may have to wait: again whenever the system says that it is ready.

    Raises: ErrnoError; EAGAIN where it would have to wait and must not.
    """
    while True:
        try:
            return act()
        except (BlockingIOError, InterruptedError) as error:
            if not wait:
                raise ErrnoError(Errno.EAGAIN) from error
        except OSError as error:
            raise ErrnoError(errno_of(error)) from error
        if states([interest], 0)[0].ready:
            # As a terminal with room for less than one character: it is ready, and takes nothing.
            time.sleep(_PAUSE)
            look()
        else:
            until_ready(interest, look)


def interest_in(file: Any, raw: Any, *, write: bool) -> Optional[Interest]:
    """What of the host's is behind ``file``, if reading or writing it may have to wait.

    None for a regular file, for what has no descriptor (bytes in memory, captured output), and
    for one whose ``raw`` file is not open that way: it would never be ready.
    """
    try:
        fileno = file.fileno()
        if not isinstance(fileno, int) or stat.S_ISREG(os.fstat(fileno).st_mode):
            return None
        if isinstance(raw, io.FileIO) and not (raw.writable() if write else raw.readable()):
            return None
    except (AttributeError, OSError, ValueError):
        return None
    return Interest(fileno, write)
