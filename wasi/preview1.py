"""What each function of WASI preview 1 does.

What belongs here: one Python function for each that is implemented, in the
order of the specification, with its checks.  What does not: signatures
(``wasi.abi``), and calling these with a guest's arguments and answering error
codes (``wasi.state``).

Each takes the guest's state, the caller, its memory and the raw arguments,
and returns on success.  The rule for all: first descriptors and pointers are
checked, then something happens.

Spec: ``wasi_snapshot_preview1`` (the witx files of the WASI repository).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, NoReturn, Sequence, TypeVar

from wasi import abi
from wasi.errno import Errno, ErrnoError
from wasi.pointers import (
    ENTRIES_MAX,
    check,
    load,
    load_iovecs,
    store,
    store_u32,
    store_u64,
)
from wasi.poll import decode_subscriptions, poll
from wasmpy.errors import WasiExit

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst

Handler = Callable[..., None]
_H = TypeVar("_H", bound=Handler)

HANDLERS: Dict[str, Handler] = {}
"""The functions that are implemented, by name; every other one answers ENOSYS."""

_CHUNK = 1 << 16


def _handler(fn: _H) -> _H:
    """Enter ``fn`` under its own name."""
    assert fn.__name__ in abi.FUNCTIONS
    HANDLERS[fn.__name__] = fn
    return fn


# Arguments and environment ---------------------------------------------------


def _store_strings(memory: MemInst, strings: Sequence[bytes], pointers: int, buffer: int) -> None:
    """Write ``strings``, each with a NUL, at ``buffer``, and where each is at ``pointers``."""
    data = b"".join(s + b"\0" for s in strings)
    check(memory, pointers, 4 * len(strings))
    check(memory, buffer, len(data))
    addresses = []
    at = buffer
    for s in strings:
        addresses.append(at.to_bytes(4, "little"))
        at += len(s) + 1
    store(memory, pointers, b"".join(addresses))
    store(memory, buffer, data)


def _store_sizes(memory: MemInst, strings: Sequence[bytes], count: int, size: int) -> None:
    """Write how many ``strings`` there are, and the bytes they take with their NULs."""
    check(memory, count, 4)
    check(memory, size, 4)
    store_u32(memory, count, len(strings))
    store_u32(memory, size, sum(len(s) + 1 for s in strings))


@_handler
def args_get(wasi: Wasi, caller: Caller, memory: MemInst, argv: int, argv_buf: int) -> None:
    """Read the arguments."""
    _store_strings(memory, wasi.argv, argv, argv_buf)


@_handler
def args_sizes_get(
    wasi: Wasi, caller: Caller, memory: MemInst, argc: int, argv_buf_size: int
) -> None:
    """How many arguments there are, and their size."""
    _store_sizes(memory, wasi.argv, argc, argv_buf_size)


@_handler
def environ_get(
    wasi: Wasi, caller: Caller, memory: MemInst, environ: int, environ_buf: int
) -> None:
    """Read the environment."""
    _store_strings(memory, wasi.env, environ, environ_buf)


@_handler
def environ_sizes_get(
    wasi: Wasi, caller: Caller, memory: MemInst, environc: int, environ_buf_size: int
) -> None:
    """How many variables the environment has, and their size."""
    _store_sizes(memory, wasi.env, environc, environ_buf_size)


# Clocks ------------------------------------------------------------------------


def _check_clock(id: int) -> None:
    """There is a clock ``id``; those of processor time do not exist here (EINVAL)."""
    if id not in (abi.CLOCK_REALTIME, abi.CLOCK_MONOTONIC):
        raise ErrnoError(Errno.EINVAL)


@_handler
def clock_res_get(wasi: Wasi, caller: Caller, memory: MemInst, id: int, resolution: int) -> None:
    """The resolution of a clock, never zero."""
    _check_clock(id)
    store_u64(memory, resolution, max(1, int(getattr(wasi.clock, "resolution", 1))))


@_handler
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


# Descriptors ---------------------------------------------------------------------


@_handler
def fd_close(wasi: Wasi, caller: Caller, memory: MemInst, fd: int) -> None:
    """Close a descriptor; the host's own stream stays open."""
    wasi.fds.close(fd)


@_handler
def fd_fdstat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, stat: int) -> None:
    """The type, flags and rights of a descriptor."""
    descriptor = wasi.fds.get(fd)
    store(
        memory,
        stat,
        abi.FDSTAT.pack(descriptor.filetype, descriptor.flags, descriptor.rights, 0),
    )


@_handler
def fd_fdstat_set_flags(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, flags: int) -> None:
    """Set the flags: a stream always appends, so ``append`` is kept; the others are ENOTSUP."""
    descriptor = wasi.fds.get(fd)
    if flags & ~abi.FDFLAGS_ALL:
        raise ErrnoError(Errno.EINVAL)
    if flags & ~abi.FDFLAGS_APPEND:
        raise ErrnoError(Errno.ENOTSUP)
    descriptor.flags = flags


@_handler
def fd_filestat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, buf: int) -> None:
    """The attributes of a stream: its type; everything else is zero."""
    descriptor = wasi.fds.get(fd)
    store(memory, buf, abi.FILESTAT.pack(0, 0, descriptor.filetype, 0, 0, 0, 0, 0))


@_handler
def fd_prestat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, buf: int) -> None:
    """No directory is opened beforehand: EBADF, which ends a guest's search for them."""
    raise ErrnoError(Errno.EBADF)


@_handler
def fd_prestat_dir_name(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, path: int, path_len: int
) -> None:
    """No directory is opened beforehand: EBADF."""
    raise ErrnoError(Errno.EBADF)


@_handler
def fd_read(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, iovs: int, iovs_len: int, nread: int
) -> None:
    """Read what is there now into the buffers, one after the other; 0 bytes is the end."""
    stream = wasi.fds.readable(fd)
    iovecs = load_iovecs(memory, iovs, iovs_len)
    check(memory, nread, 4)
    wanted = sum(size for _, size in iovecs)
    data = stream.read(wanted) if wanted else b""
    at = 0
    for address, size in iovecs:
        if at >= len(data):
            break
        store(memory, address, data[at : at + size])
        at += size
    store_u32(memory, nread, len(data))


def _seek_nowhere(wasi: Wasi, fd: int) -> NoReturn:
    wasi.fds.get(fd)
    raise ErrnoError(Errno.ESPIPE)


@_handler
def fd_seek(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int, whence: int, newoffset: int
) -> None:
    """A stream has no position: ESPIPE."""
    wasi.fds.get(fd)
    if whence >= len(abi.ENUMS["whence"]):
        raise ErrnoError(Errno.EINVAL)
    _seek_nowhere(wasi, fd)


@_handler
def fd_tell(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int) -> None:
    """A stream has no position: ESPIPE."""
    _seek_nowhere(wasi, fd)


@_handler
def fd_write(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, iovs: int, iovs_len: int, nwritten: int
) -> None:
    """Write all buffers, joined, in one write of the stream; it may take fewer bytes."""
    stream = wasi.fds.writable(fd)
    iovecs = load_iovecs(memory, iovs, iovs_len)
    check(memory, nwritten, 4)
    data = b"".join([load(memory, address, size) for address, size in iovecs])
    store_u32(memory, nwritten, stream.write(data) if data else 0)


# Everything else ---------------------------------------------------------------------


@_handler
def poll_oneoff(
    wasi: Wasi, caller: Caller, memory: MemInst, in_: int, out: int, nsubscriptions: int,
    nevents: int,
) -> None:  # fmt: skip
    """Wait for the first of several events.  EINVAL without a subscription."""
    if nsubscriptions == 0:
        raise ErrnoError(Errno.EINVAL)
    check(memory, in_, nsubscriptions * abi.SUBSCRIPTION.size)
    check(memory, out, nsubscriptions * abi.EVENT.size)
    check(memory, nevents, 4)
    if nsubscriptions > ENTRIES_MAX:
        raise ErrnoError(Errno.EINVAL)
    data = load(memory, in_, nsubscriptions * abi.SUBSCRIPTION.size)
    events = poll(decode_subscriptions(data), wasi.clock, wasi.fds, caller.store.meter.look)
    store(memory, out, events)
    store_u32(memory, nevents, len(events) // abi.EVENT.size)


@_handler
def proc_exit(wasi: Wasi, caller: Caller, memory: MemInst, rval: int) -> None:
    """End the program.  Raises: WasiExit, for 0 too."""
    raise WasiExit(rval)


@_handler
def sched_yield(wasi: Wasi, caller: Caller, memory: MemInst) -> None:
    """Let others run: there are none."""


@_handler
def random_get(wasi: Wasi, caller: Caller, memory: MemInst, buf: int, buf_len: int) -> None:
    """Fill a buffer with random bytes, looking for an interruption now and then."""
    check(memory, buf, buf_len)
    for at in range(0, buf_len, _CHUNK):
        if at:
            caller.store.meter.look()
        store(memory, buf + at, wasi.random(min(_CHUNK, buf_len - at)))


def unimplemented(*args: Any) -> None:
    """Stands for every function that has no handler.  Raises: ErrnoError(ENOSYS)."""
    raise ErrnoError(Errno.ENOSYS)
