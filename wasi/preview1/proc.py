"""The program itself: its end, its signals, and giving way.

What belongs here: those three functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasi import abi
from wasi.errno import Errno, ErrnoError
from wasi.preview1.handlers import handler
from wasmpy.errors import WasiExit

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


@handler
def proc_exit(wasi: Wasi, caller: Caller, memory: MemInst, rval: int) -> None:
    """End the program.  Raises: WasiExit, for 0 too."""
    raise WasiExit(rval)


@handler
def proc_raise(wasi: Wasi, caller: Caller, memory: MemInst, sig: int) -> None:
    """Send the program a signal: as it has no handlers, what a signal does by itself.

    That is nothing for ``none`` and those that are ignored, and the end of the
    program for those that end one, with the exit code that a shell gives to it.
    Stopping is ENOTSUP: nobody could make it go on.  Raises: WasiExit.
    """
    names = abi.ENUMS["signal"]
    if sig >= len(names):
        raise ErrnoError(Errno.EINVAL)
    if names[sig] in abi.SIGNALS_STOPPING:
        raise ErrnoError(Errno.ENOTSUP)
    if sig and names[sig] not in abi.SIGNALS_IGNORED:
        raise WasiExit(128 + sig)


@handler
def sched_yield(wasi: Wasi, caller: Caller, memory: MemInst) -> None:
    """Let others run: there are none, but an interruption is seen."""
    caller.store.meter.look()
