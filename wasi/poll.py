"""Waiting for the first of several things: what stands behind ``poll_oneoff``.

What belongs here: decoding subscriptions, deciding which are due, waiting,
encoding events.  What does not: the clocks themselves (``wasi.clocks``), and
how the host's system is asked (``wasi.readiness``).

A subscription that is wrong in itself (a clock or descriptor that does not
exist) is an event with an error, as the specification's ``event.error`` says.
What is due at once is answered without waiting.  Otherwise the guest waits for
what comes first: the shortest time asked for, or a stream or socket of the
host's that becomes ready.

A clock that takes no real time cannot be waited for together with something
real: then what is not ready now is not ready before the time is over.

Spec: ``wasi_snapshot_preview1``, ``poll_oneoff``, ``subscription``, ``event``.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from wasi import abi
from wasi.clocks import Clock
from wasi.descriptors import Descriptor
from wasi.errno import Errno, ErrnoError
from wasi.fdtable import FdTable
from wasi.readiness import SLICE, Interest, Look, states


class Subscription(NamedTuple):
    """What a guest waits for.  ``target`` is a clock id, or a descriptor."""

    userdata: int
    type: int
    target: int
    timeout: int
    precision: int
    flags: int


class Due(NamedTuple):
    """When a subscription is due, and how its event is made then.

    ``delay`` in ns counts where it waits for a clock; ``interest`` is what of
    the host's it waits for, where it waits for that.
    """

    subscription: Subscription
    delay: Optional[int] = None
    interest: Optional[Interest] = None
    descriptor: Optional[Descriptor] = None
    errno: Errno = Errno.ESUCCESS
    hangup: bool = False

    def event(self, *, hangup: bool = False) -> bytes:
        """The event, as it is when this is due."""
        s = self.subscription
        hangup = hangup or self.hangup
        nbytes, flags = 0, abi.EVENTRWFLAGS_HANGUP if hangup else 0
        if self.descriptor is not None and s.type == abi.EVENTTYPE_FD_READ and not hangup:
            available = self.descriptor.available()
            nbytes = available or 0
            flags = abi.EVENTRWFLAGS_HANGUP if available == 0 else 0
        return abi.EVENT.pack(s.userdata, self.errno, s.type, nbytes, flags)


def checked(subscriptions: List[Subscription]) -> List[Subscription]:
    """``subscriptions``.  Raises: ErrnoError(EINVAL) for an unknown type."""
    if any(s.type > abi.EVENTTYPE_FD_WRITE for s in subscriptions):
        raise ErrnoError(Errno.EINVAL)
    return subscriptions


def decode_subscriptions(data: bytes) -> List[Subscription]:
    """The subscriptions in ``data``.  Raises: ErrnoError(EINVAL) for an unknown type."""
    return checked([Subscription(*fields) for fields in abi.SUBSCRIPTION.iter_unpack(data)])


def poll(subscriptions: List[Subscription], clock: Clock, fds: FdTable, look: Look) -> bytes:
    """Wait until at least one of ``subscriptions`` is due; the encoded events, in their order.

    A clock is read only for absolute times, and once, and where a real one is
    waited for.  ``look`` is called between the pieces of a real wait.
    """
    readings: Dict[int, int] = {}
    dues = [
        _clock_due(s, clock, readings) if s.type == abi.EVENTTYPE_CLOCK else _fd_due(s, fds)
        for s in subscriptions
    ]
    found = _events(dues, 0, 0.0)
    if found:
        return found
    delays = [d.delay for d in dues if d.delay is not None]
    if any(d.interest is not None for d in dues):
        return _wait_for_both(dues, min(delays, default=None), clock, look)
    first = min(delays)
    wait(clock, first, look)
    return _events(dues, first, 0.0)


def _events(dues: List[Due], passed: int, seconds: float) -> bytes:
    """What is due after ``passed`` ns, or becomes ready within ``seconds``."""
    waiting = [d.interest for d in dues if d.interest is not None]
    found = iter(states(waiting, seconds))
    events = []
    for due in dues:
        if due.interest is not None:
            state = next(found)
            if state.ready:
                events.append(due.event(hangup=state.hangup))
        elif due.delay is None or due.delay <= passed:
            events.append(due.event())
    return b"".join(events)


def _wait_for_both(dues: List[Due], first: Optional[int], clock: Clock, look: Look) -> bytes:
    """Wait for something of the host's, for ``first`` ns of a clock at most."""
    if first is not None and getattr(clock, "longest_sleep", None) is None:
        clock.sleep(first)
        return _events(dues, first, 0.0)
    end = None if first is None else clock.monotonic() + first
    while True:
        look()
        left = None if end is None else end - clock.monotonic()
        if left is not None and left <= 0:
            assert first is not None
            return _events(dues, first, 0.0)
        found = _events(dues, 0, SLICE if left is None else left / 1e9)
        if found:
            return found


def wait(clock: Clock, duration: int, look: Look) -> None:
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
        return Due(s, errno=Errno.EINVAL)
    if s.flags & ~abi.SUBCLOCKFLAGS_ABSTIME:
        return Due(s, errno=Errno.EINVAL)
    delay = s.timeout
    if s.flags:
        if s.target not in readings:
            is_wall = s.target == abi.CLOCK_REALTIME
            readings[s.target] = clock.now() if is_wall else clock.monotonic()
        delay = max(0, s.timeout - readings[s.target])
    return Due(s, delay)


def _fd_due(s: Subscription, fds: FdTable) -> Due:
    """When a descriptor is ready: at once, unless the host's system has to be asked."""
    write = s.type == abi.EVENTTYPE_FD_WRITE
    try:
        descriptor = fds.get(s.target, "fd_write" if write else "fd_read", "poll_fd_readwrite")
    except ErrnoError as error:
        return Due(s, errno=error.errno)
    interest = descriptor.interest(write=write)
    if not descriptor.ready(write=write):
        return Due(s, interest=interest, descriptor=descriptor)
    hangup = interest is not None and states([interest], 0)[0].hangup
    # What is held for the guest already comes before the end.
    return Due(s, descriptor=descriptor, hangup=hangup and (write or not descriptor.available()))
