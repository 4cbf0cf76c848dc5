"""Reading clocks.

What belongs here: the functions.  What does not: the clocks (``wasi.clocks``),
and waiting for them (``wasi.preview1.poll``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasi import abi
from wasi.errno import Errno, ErrnoError
from wasi.pointers import check, store_u64
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


def _check_clock(id: int) -> None:
    """There is a clock ``id``; those of processor time do not exist here (EINVAL)."""
    if id not in (abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC):
        raise ErrnoError(Errno.EINVAL)


@handler
def clock_res_get(wasi: Wasi, caller: Caller, memory: MemInst, id: int, resolution: int) -> None:
    """The resolution of a clock, never zero."""
    _check_clock(id)
    store_u64(memory, resolution, max(1, int(getattr(wasi.clock, "resolution", 1))))


@handler
def clock_time_get(
    wasi: Wasi, caller: Caller, memory: MemInst, id: int, precision: int, time: int
) -> None:
    """The time of a clock.  A time that 64 bits cannot hold is EOVERFLOW."""
    _check_clock(id)
    check(memory, time, 8)
    reading = wasi.clock.now() if id == abi.CLOCK_REALTIME else wasi.clock.monotonic()
    if not 0 <= reading < 1 << 64:
        raise ErrnoError(Errno.EOVERFLOW)
    store_u64(memory, time, reading)
