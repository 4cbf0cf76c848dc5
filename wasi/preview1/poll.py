"""Waiting for the first of several events.

What belongs here: the function.  What does not: how waiting is done
(``wasi.poll``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Callable, List

from wasi import abi
from wasi.errno import Errno, ErrnoError
from wasi.pointers import ENTRIES_MAX, check, load, store, store_u32
from wasi.poll import Subscription, decode_subscriptions, poll
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


@handler
def poll_oneoff(
    wasi: Wasi, caller: Caller, memory: MemInst, in_: int, out: int, nsubscriptions: int,
    nevents: int,
) -> None:  # fmt: skip
    """Wait for the first of several events.  EINVAL without a subscription."""
    poll_with(
        abi.SUBSCRIPTION, decode_subscriptions, wasi, caller, memory, in_, out, nsubscriptions,
        nevents,
    )  # fmt: skip


def poll_with(
    layout: struct.Struct, decode: Callable[[bytes], List[Subscription]],
    wasi: Wasi, caller: Caller, memory: MemInst, in_: int, out: int, nsubscriptions: int,
    nevents: int,
) -> None:  # fmt: skip
    """``poll_oneoff`` for subscriptions of ``layout``."""
    if nsubscriptions == 0:
        raise ErrnoError(Errno.EINVAL)
    check(memory, in_, nsubscriptions * layout.size)
    check(memory, out, nsubscriptions * abi.EVENT.size)
    check(memory, nevents, 4)
    if nsubscriptions > ENTRIES_MAX:
        raise ErrnoError(Errno.EINVAL)
    subscriptions = decode(load(memory, in_, nsubscriptions * layout.size))
    events = poll(subscriptions, wasi.clock, wasi.fds, caller.store.meter.look)
    store(memory, out, events)
    store_u32(memory, nevents, len(events) // abi.EVENT.size)
