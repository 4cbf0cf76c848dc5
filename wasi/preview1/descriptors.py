"""Descriptors of every kind: what they are, their flags and rights, closing, renumbering.

What belongs here: functions that do not care what is behind a descriptor.
What does not: reading and writing (``wasi.preview1.files``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

from wasi import abi
from wasi.descriptors import OpenNode
from wasi.errno import Errno, ErrnoError
from wasi.pointers import check, store
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


@handler
def fd_close(wasi: Wasi, caller: Caller, memory: MemInst, fd: int) -> None:
    """Close a descriptor; the host's own stream or listener stays open."""
    wasi.fds.close(fd)


@handler
def fd_fdstat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, stat: int) -> None:
    """The type, flags and rights of a descriptor."""
    found = wasi.fds.get(fd)
    store(memory, stat, abi.FDSTAT.pack(found.filetype, found.flags, found.base, found.inheriting))


@handler
def fd_fdstat_set_flags(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, flags: int) -> None:
    """Set the flags: any of a file, ``nonblock`` of what can wait; else ENOTSUP."""
    descriptor = wasi.fds.get(fd, "fd_fdstat_set_flags")
    check_fdflags(flags)
    descriptor.set_flags(flags)


def check_fdflags(flags: int) -> None:
    """Refuse flags that do not exist.  Raises: ErrnoError(EINVAL)."""
    if flags & ~abi.FDFLAGS_ALL:
        raise ErrnoError(Errno.EINVAL)


@handler
def fd_fdstat_set_rights(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, fs_rights_base: int,
    fs_rights_inheriting: int,
) -> None:  # fmt: skip
    """Give up rights; to ask for one more is ENOTCAPABLE."""
    wasi.fds.get(fd).shrink(fs_rights_base, fs_rights_inheriting)


@handler
def fd_filestat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, buf: int) -> None:
    """The attributes; those of a stream or socket are its type, and zeros."""
    descriptor = wasi.fds.get(fd, "fd_filestat_get")
    check(memory, buf, abi.FILESTAT.size)
    store(memory, buf, abi.FILESTAT.pack(*descriptor.stat()))


@handler
def fd_filestat_set_times(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, atim: int, mtim: int, fst_flags: int
) -> None:
    """Set the times of last access and modification."""
    opened = wasi.fds.of(OpenNode, fd, "fd_filestat_set_times")
    opened.node.set_times(*times(wasi, atim, mtim, fst_flags))


def times(wasi: Wasi, atim: int, mtim: int, flags: int) -> Tuple[Optional[int], Optional[int]]:
    """The two times to set, None for one that stays; now is what the guest's clock says.

    Raises: ErrnoError(EINVAL) for flags that contradict each other.
    """
    if flags & ~abi.FSTFLAGS_ALL:
        raise ErrnoError(Errno.EINVAL)
    found = []
    now: Optional[int] = None
    # The flags for mtim are those for atim, two bits further up.
    for given, mine in ((atim, flags & 3), (mtim, flags >> 2)):
        if mine == abi.FSTFLAGS_ATIM | abi.FSTFLAGS_ATIM_NOW:
            raise ErrnoError(Errno.EINVAL)
        found.append(given if mine == abi.FSTFLAGS_ATIM else None)
    if flags & (abi.FSTFLAGS_ATIM_NOW | abi.FSTFLAGS_ATIM_NOW << 2):
        now = wasi.clock.now()
    return (
        now if flags & abi.FSTFLAGS_ATIM_NOW else found[0],
        now if flags & abi.FSTFLAGS_ATIM_NOW << 2 else found[1],
    )


@handler
def fd_renumber(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, to: int) -> None:
    """Give a descriptor another's number, and close that one; both have to be open."""
    wasi.fds.renumber(fd, to)
