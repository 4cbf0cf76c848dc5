"""Sockets: accepting connections, and talking over them.

What belongs here: the four functions.  What does not: the sockets
(``wasi.sockets``).  ``fd_read``, ``fd_write`` and ``poll_oneoff`` know
connections too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasi import abi
from wasi.errno import Errno, ErrnoError
from wasi.pointers import check, store, store_u32
from wasi.preview1.files import read_into, write_from
from wasi.preview1.handlers import handler
from wasi.sockets import Connection, Listener

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


def _connection(wasi: Wasi, fd: int, operation: str) -> Connection:
    """The connection ``fd``, if it has the right.  Raises: ErrnoError; ENOTSOCK, ENOTCONN."""
    descriptor = wasi.fds.get(fd)
    if isinstance(descriptor, Listener):
        raise ErrnoError(Errno.ENOTCONN)
    if not isinstance(descriptor, Connection):
        raise ErrnoError(Errno.ENOTSOCK)
    descriptor.check(operation)
    return descriptor


@handler
def sock_accept(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, flags: int, opened_fd: int
) -> None:
    """Take the next connection of a listener."""
    listener = wasi.fds.of(Listener, fd, "sock_accept")
    if flags & ~abi.FDFLAGS_NONBLOCK:
        raise ErrnoError(Errno.EINVAL)
    check(memory, opened_fd, 4)
    wasi.fds.check_room()
    store_u32(memory, opened_fd, wasi.fds.add(listener.accept(flags, caller.store.meter.look)))


@handler
def sock_recv(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, ri_data: int, ri_data_len: int,
    ri_flags: int, ro_datalen: int, ro_flags: int,
) -> None:  # fmt: skip
    """Receive what has come, or wait for all; 0 bytes is the end."""
    connection = _connection(wasi, fd, "fd_read")
    if ri_flags & ~abi.RIFLAGS_ALL:
        raise ErrnoError(Errno.EINVAL)
    look = caller.store.meter.look
    n = read_into(
        memory, ri_data, ri_data_len, [(ro_datalen, 4), (ro_flags, 2)],
        lambda size: connection.receive(size, ri_flags, look),
    )  # fmt: skip
    store_u32(memory, ro_datalen, n)
    store(memory, ro_flags, b"\0\0")  # nothing is ever cut off a stream


@handler
def sock_send(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, si_data: int, si_data_len: int,
    si_flags: int, so_datalen: int,
) -> None:  # fmt: skip
    """Send all buffers, joined; it may take fewer bytes.  There are no flags."""
    connection = _connection(wasi, fd, "fd_write")
    if si_flags:
        raise ErrnoError(Errno.EINVAL)
    look = caller.store.meter.look
    write_from(memory, si_data, si_data_len, so_datalen, lambda data: connection.write(data, look))


@handler
def sock_shutdown(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, how: int) -> None:
    """Close one way of a connection, or both."""
    wasi.fds.of(Connection, fd, "sock_shutdown").shut_down(how)
