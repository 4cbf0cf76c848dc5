"""Directories: what is in them, and which were open from the start.

What belongs here: functions of one open directory.  What does not: paths
(``wasi.preview1.paths``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasi import abi
from wasi.descriptors import OpenDirectory
from wasi.errno import Errno, ErrnoError
from wasi.pointers import check, store, store_u32
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


def _preopened(wasi: Wasi, fd: int) -> bytes:
    """The guest's name for a directory that was open from the start; EBADF for all else.

    EBADF is what ends a guest's search for them.
    """
    descriptor = wasi.fds.get(fd)
    if not isinstance(descriptor, OpenDirectory) or descriptor.name is None:
        raise ErrnoError(Errno.EBADF)
    return descriptor.name


@handler
def fd_prestat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, buf: int) -> None:
    """How long the name of a directory is that was open from the start."""
    name = _preopened(wasi, fd)
    store(memory, buf, abi.PRESTAT.pack(abi.PREOPENTYPE_DIR, len(name)))


@handler
def fd_prestat_dir_name(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, path: int, path_len: int
) -> None:
    """The name of a directory that was open from the start; ENAMETOOLONG for too small a buffer."""
    name = _preopened(wasi, fd)
    check(memory, path, path_len)
    if path_len < len(name):
        raise ErrnoError(Errno.ENAMETOOLONG)
    store(memory, path, name)


@handler
def fd_readdir(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, buf: int, buf_len: int, cookie: int,
    bufused: int,
) -> None:  # fmt: skip
    """As many entries as fit, the last one cut where the buffer ends; less than full is the end."""
    directory = wasi.fds.of(OpenDirectory, fd, "fd_readdir")
    check(memory, buf, buf_len)
    check(memory, bufused, 4)
    pieces = []
    used = 0
    listing = directory.listing(cookie)
    for i in range(min(cookie, len(listing)), len(listing)):
        if used >= buf_len:
            break
        entry = listing[i]
        head = abi.DIRENT.pack(i + 1, entry.ino, len(entry.name), entry.filetype)
        pieces.append(head + entry.name)
        used += len(pieces[-1])
    data = b"".join(pieces)[:buf_len]
    store(memory, buf, data)
    store_u32(memory, bufused, len(data))
