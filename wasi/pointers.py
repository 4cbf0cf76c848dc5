"""Guest pointers: every access to a guest's memory is checked first.

What belongs here: reading and writing what a guest points to, and arrays of
iovecs.  What does not: what the bytes mean.

A function checks all its pointers before it does anything; so a bad one is
EFAULT and nothing has happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Tuple

from wasi import abi
from wasi.errno import Errno, ErrnoError

if TYPE_CHECKING:
    from wasmpy.exec.memory import MemInst

ENTRIES_MAX = 65_536
"""Most iovecs or subscriptions in one call; more is EINVAL, as in POSIX (there it is 1,024)."""

_TRANSFER_MIN = 1 << 20


def check(memory: MemInst, address: int, size: int) -> None:
    """``size`` bytes at ``address`` lie in the memory.  Raises: ErrnoError(EFAULT)."""
    if address + size > len(memory):
        raise ErrnoError(Errno.EFAULT)


def load(memory: MemInst, address: int, size: int) -> bytes:
    """The ``size`` bytes at ``address``.  Raises: ErrnoError(EFAULT)."""
    data = memory.read(address, size)
    if data is None:
        raise ErrnoError(Errno.EFAULT)
    return data


def store(memory: MemInst, address: int, data: bytes) -> None:
    """Write ``data`` at ``address``.  Raises: ErrnoError(EFAULT)."""
    if not memory.write(address, data):
        raise ErrnoError(Errno.EFAULT)


def store_u32(memory: MemInst, address: int, value: int) -> None:
    """Write a 32-bit number.  Raises: ErrnoError(EFAULT)."""
    store(memory, address, value.to_bytes(4, "little"))


def store_u64(memory: MemInst, address: int, value: int) -> None:
    """Write a 64-bit number.  Raises: ErrnoError(EFAULT)."""
    store(memory, address, value.to_bytes(8, "little"))


def load_iovecs(memory: MemInst, address: int, count: int) -> List[Tuple[int, int]]:
    """The (address, size) of ``count`` iovecs, empty ones left out.

    Buffers that do not overlap hold no more than the memory does; only so
    much is moved in one call (or 1 MiB in a smaller memory), and what goes
    beyond is left to the next one: a short read or write.  So the work of a
    call is bounded by the memory that the guest was given.

    Raises: ErrnoError(EFAULT) for an array or a buffer out of bounds;
    ErrnoError(EINVAL) for more than ``ENTRIES_MAX``.
    """
    size = len(memory)
    check(memory, address, count * abi.IOVEC.size)
    if count > ENTRIES_MAX:
        raise ErrnoError(Errno.EINVAL)
    room = max(size, _TRANSFER_MIN)
    iovecs = []
    for buf, buf_len in abi.IOVEC.iter_unpack(load(memory, address, count * abi.IOVEC.size)):
        if buf + buf_len > size:
            raise ErrnoError(Errno.EFAULT)
        taken = min(buf_len, room)
        if taken:
            iovecs.append((buf, taken))
            room -= taken
    return iovecs
