"""Reading, writing and what else is done with the bytes of a file or stream.

What belongs here: functions of one open file.  What does not: attributes
(``wasi.preview1.descriptors``), paths (``wasi.preview1.paths``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Sequence, Tuple

from wasi import abi
from wasi.descriptors import OFFSET_MAX, OpenFile
from wasi.errno import Errno, ErrnoError
from wasi.pointers import check, load, load_iovecs, store, store_u32, store_u64
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


def _from_start(file: OpenFile) -> int:
    return 0


def _from_here(file: OpenFile) -> int:
    return file.position


def _from_end(file: OpenFile) -> int:
    return file.file.stat().size


_ORIGINS: Tuple[Callable[[OpenFile], int], ...] = (_from_start, _from_here, _from_end)
"""Where a seek begins, by ``whence``."""


def _offset(value: int) -> int:
    """An offset as the guest gave it.  Raises: ErrnoError(EINVAL) for what is negative in C."""
    if value > OFFSET_MAX:
        raise ErrnoError(Errno.EINVAL)
    return value


def scatter(memory: MemInst, iovecs: Sequence[Tuple[int, int]], data: bytes) -> None:
    """Put ``data`` into the buffers, one after the other; the rest of them stays as it is."""
    at = 0
    for address, size in iovecs:
        if at >= len(data):
            break
        store(memory, address, data[at : at + size])
        at += size


def gather(memory: MemInst, iovecs: Sequence[Tuple[int, int]]) -> bytes:
    """The bytes of all buffers, joined."""
    return b"".join([load(memory, address, size) for address, size in iovecs])


def read_into(
    memory: MemInst, iovs: int, iovs_len: int, results: Sequence[Tuple[int, int]],
    ask: Callable[[int], bytes],
) -> int:  # fmt: skip
    """Fill the buffers with what ``ask`` gives for their size together; how many bytes came.

    ``results`` are the (address, size) of where the answer goes, checked before.
    """
    iovecs: List[Tuple[int, int]] = load_iovecs(memory, iovs, iovs_len)
    for address, size in results:
        check(memory, address, size)
    wanted = sum(size for _, size in iovecs)
    data = ask(wanted) if wanted else b""
    scatter(memory, iovecs, data)
    return len(data)


def write_from(
    memory: MemInst, iovs: int, iovs_len: int, result: int, put: Callable[[bytes], int]
) -> None:
    """Give ``put`` the bytes of all buffers, and store at ``result`` how many it took."""
    iovecs = load_iovecs(memory, iovs, iovs_len)
    check(memory, result, 4)
    data = gather(memory, iovecs)
    store_u32(memory, result, put(data) if data else 0)


@handler
def fd_read(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, iovs: int, iovs_len: int, nread: int
) -> None:
    """Read what is there now into the buffers, one after the other; 0 bytes is the end."""
    source = wasi.fds.get(fd, "fd_read")
    look = caller.store.meter.look
    n = read_into(memory, iovs, iovs_len, [(nread, 4)], lambda size: source.read(size, look))
    store_u32(memory, nread, n)


@handler
def fd_write(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, iovs: int, iovs_len: int, nwritten: int
) -> None:
    """Write all buffers, joined, in one write; it may take fewer bytes."""
    sink = wasi.fds.get(fd, "fd_write")
    look = caller.store.meter.look
    write_from(memory, iovs, iovs_len, nwritten, lambda data: sink.write(data, look))


@handler
def fd_pread(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, iovs: int, iovs_len: int, offset: int,
    nread: int,
) -> None:  # fmt: skip
    """Read at an offset; where the next read is does not change."""
    opened = wasi.fds.of(OpenFile, fd, "fd_read", "fd_seek")
    file, at = opened.file, _offset(offset)
    n = read_into(memory, iovs, iovs_len, [(nread, 4)], lambda size: file.pread(size, at))
    store_u32(memory, nread, n)


@handler
def fd_pwrite(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, iovs: int, iovs_len: int, offset: int,
    nwritten: int,
) -> None:  # fmt: skip
    """Write at an offset, also where the file is open to append."""
    opened = wasi.fds.of(OpenFile, fd, "fd_write", "fd_seek")
    at = _offset(offset)
    write_from(memory, iovs, iovs_len, nwritten, lambda data: opened.write_at(data, at))


@handler
def fd_seek(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int, whence: int, newoffset: int
) -> None:
    """Move where the next read or write is; only to ask where that is needs ``fd_tell`` alone."""
    stays = whence == abi.WHENCE_CUR and offset == 0
    descriptor = wasi.fds.get(fd)
    if whence >= len(_ORIGINS):
        raise ErrnoError(Errno.EINVAL)
    descriptor.check("fd_tell" if stays else "fd_seek")
    opened = wasi.fds.of(OpenFile, fd)
    check(memory, newoffset, 8)
    delta = offset - (1 << 64) if offset > OFFSET_MAX else offset
    store_u64(memory, newoffset, opened.seek(delta, _ORIGINS[whence]))


@handler
def fd_tell(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int) -> None:
    """Where the next read or write is."""
    store_u64(memory, offset, wasi.fds.of(OpenFile, fd, "fd_tell").position)


@handler
def fd_advise(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int, len: int, advice: int
) -> None:
    """Hear how a file will be used, and do nothing about it."""
    wasi.fds.get(fd, "fd_advise")
    if advice >= abi.ADVICES or offset > OFFSET_MAX or len > OFFSET_MAX:
        raise ErrnoError(Errno.EINVAL)


@handler
def fd_allocate(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int, len: int
) -> None:
    """Make room in a file: afterwards it is at least so long."""
    opened = wasi.fds.of(OpenFile, fd, "fd_allocate")
    if len == 0 or offset > OFFSET_MAX or len > OFFSET_MAX:
        raise ErrnoError(Errno.EINVAL)
    if offset + len > OFFSET_MAX:
        raise ErrnoError(Errno.EFBIG)
    opened.file.allocate(offset, len)


@handler
def fd_datasync(wasi: Wasi, caller: Caller, memory: MemInst, fd: int) -> None:
    """Have the data of a file on the disk."""
    wasi.fds.get(fd, "fd_datasync").sync(data_only=True)


@handler
def fd_sync(wasi: Wasi, caller: Caller, memory: MemInst, fd: int) -> None:
    """Have a file on the disk, with its attributes."""
    wasi.fds.get(fd, "fd_sync").sync(data_only=False)


@handler
def fd_filestat_set_size(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, size: int) -> None:
    """Make a file shorter, or longer with zeros."""
    opened = wasi.fds.of(OpenFile, fd, "fd_filestat_set_size")
    opened.file.truncate(_offset(size))
