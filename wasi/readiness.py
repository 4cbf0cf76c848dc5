"""Waiting for what the host's system can tell to be ready, in short pieces.

What belongs here: asking the system about file descriptors of its own.  What
does not: the guest's descriptors (``wasi.descriptors``) and clocks.

Nothing here blocks for longer than ``SLICE``, so that a deadline or a
cancellation is seen soon.  Where the system cannot tell (a browser, a pipe on
Windows), everything counts as ready.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from wasi.errno import Errno, ErrnoError, errno_of

SLICE = 0.02
"""Seconds of one wait; between two there is a look at the interruption flag."""

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
    poller = select.poll()
    for fileno, mask in masks.items():
        poller.register(fileno, mask)
    found = dict(poller.poll(seconds * 1_000))
    answers = []
    for interest in interests:
        bits = found.get(interest.fileno, 0)
        wanted = select.POLLOUT if interest.write else select.POLLIN
        gone = bits & (select.POLLHUP | select.POLLERR | select.POLLNVAL)
        answers.append(State(bool(bits & wanted or gone), bool(gone and not bits & wanted)))
    return answers


def _selected(select: Any, interests: Sequence[Interest], seconds: float) -> List[State]:
    reads = [i.fileno for i in interests if not i.write]
    writes = [i.fileno for i in interests if i.write]
    readable, writable, _ = select.select(reads, writes, [], seconds)
    return [
        _READY if i.fileno in (writable if i.write else readable) else _NOT_YET for i in interests
    ]


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
        until_ready(interest, look)


def fileno_that_waits(file: Any) -> Optional[int]:
    """The number of the host's descriptor behind ``file``, if reading it may have to wait.

    None for a regular file, and for what has none: bytes in memory, captured output.
    """
    try:
        fileno = file.fileno()
        if not isinstance(fileno, int) or stat.S_ISREG(os.fstat(fileno).st_mode):
            return None
    except (AttributeError, OSError, ValueError):
        return None
    return fileno
