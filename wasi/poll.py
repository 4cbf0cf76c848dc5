"""Waiting for the first of several things: what stands behind ``poll_oneoff``.

What belongs here: decoding subscriptions, deciding which are due, sleeping,
encoding events.  What does not: the clocks themselves (``wasi.clocks``).

A subscription that is wrong in itself (a clock or descriptor that does not
exist) is an event with an error, as the specification's ``event.error`` says.
What is due at once is answered without sleeping.  Otherwise the guest sleeps
for the shortest time asked for.

Spec: ``wasi_snapshot_preview1``, ``poll_oneoff``, ``subscription``, ``event``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional

from wasi import abi
from wasi.clocks import Clock
from wasi.errno import Errno, ErrnoError
from wasi.fdtable import FdTable


class Subscription(NamedTuple):
    """What a guest waits for.  ``target`` is a clock id, or a descriptor."""

    userdata: int
    type: int
    target: int
    timeout: int
    precision: int
    flags: int


class Due(NamedTuple):
    """When a subscription is due: in ``delay`` ns, and what its event then says."""

    delay: int
    event: bytes


def decode_subscriptions(data: bytes) -> List[Subscription]:
    """The subscriptions in ``data``.  Raises: ErrnoError(EINVAL) for an unknown type."""
    found = [Subscription(*fields) for fields in abi.SUBSCRIPTION.iter_unpack(data)]
    if any(s.type > abi.EVENTTYPE_FD_WRITE for s in found):
        raise ErrnoError(Errno.EINVAL)
    return found


def poll(
    subscriptions: List[Subscription], clock: Clock, fds: FdTable, look: Callable[[], None]
) -> bytes:
    """Wait until at least one of ``subscriptions`` is due; the encoded events, in their order.

    A clock is read only for absolute times, and once.  ``look`` is called
    between the pieces of a real wait.
    """
    readings: Dict[int, int] = {}
    due = []
    for s in subscriptions:
        if s.type == abi.EVENTTYPE_CLOCK:
            due.append(_clock_due(s, clock, readings))
        else:
            due.append(_fd_due(s, fds))
    first = min(d.delay for d in due)
    if first:
        wait(clock, first, look)
    return b"".join(d.event for d in due if d.delay <= first)


def wait(clock: Clock, duration: int, look: Callable[[], None]) -> None:
    """Sleep for ``duration`` ns, in pieces if the clock asks for that."""
    longest: Optional[int] = getattr(clock, "longest_sleep", None)
    if longest is None:
        clock.sleep(duration)
        return
    end = clock.monotonic() + duration
    left = duration
    while left > 0:
        clock.sleep(min(left, longest))
        look()
        left = end - clock.monotonic()


def _clock_due(s: Subscription, clock: Clock, readings: Dict[int, int]) -> Due:
    """When a clock subscription is due; ``readings`` has each clock read so far."""
    if s.target not in (abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC):
        return _error(s, Errno.EINVAL)
    if s.flags & ~abi.SUBCLOCKFLAGS_ABSTIME:
        return _error(s, Errno.EINVAL)
    delay = s.timeout
    if s.flags:
        if s.target not in readings:
            is_wall = s.target == abi.CLOCK_REALTIME
            readings[s.target] = clock.now() if is_wall else clock.monotonic()
        delay = max(0, s.timeout - readings[s.target])
    return Due(delay, abi.EVENT.pack(s.userdata, Errno.ESUCCESS, s.type, 0, 0))


def _fd_due(s: Subscription, fds: FdTable) -> Due:
    """A stream is always ready; at its known end it says so."""
    try:
        if s.type == abi.EVENTTYPE_FD_WRITE:
            fds.writable(s.target)
            return Due(0, abi.EVENT.pack(s.userdata, Errno.ESUCCESS, s.type, 0, 0))
        available = fds.readable(s.target).available
    except ErrnoError as error:
        return _error(s, error.errno)
    hangup = abi.EVENTRWFLAGS_HANGUP if available == 0 else 0
    return Due(0, abi.EVENT.pack(s.userdata, Errno.ESUCCESS, s.type, available or 0, hangup))


def _error(s: Subscription, errno: Errno) -> Due:
    return Due(0, abi.EVENT.pack(s.userdata, errno, s.type, 0, 0))
