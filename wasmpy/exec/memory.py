"""Memory instances: linear memory, its growth, bulk operations and host access.

What belongs here: everything that touches a memory's bytes other than the
loads and stores in line (``generated.memory_handlers``).  The buffer is
hidden: an anonymous private ``mmap`` on CPython for Linux, which is made and
grown without touching a page, a ``bytearray`` elsewhere.  It stays the same
object for the life of the memory, so handlers may bind it, but for a memory
that begins empty: there is no empty mapping, so its first growth tells what
has bound the buffer (``bind``).  The buffer's length is always exactly the
memory's size, so the access itself checks the bounds.

Spec: ``exec/runtime.html#memory-instances``.
"""

from __future__ import annotations

import dataclasses
import mmap
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.exec.generated import Handler, memory_handlers
from wasmpy.exec.waiting import WaitList
from wasmpy.syntax.types import I64, PAGE_SIZE, Limits, MemType

CHUNK = 1 << 20
"""Bytes that a bulk operation moves between two looks at the interruption flag."""

_USE_MMAP = sys.implementation.name == "cpython" and sys.platform == "linux"

Look = Callable[[], None]
"""Called between chunks of a bulk operation; raises ``Interrupted`` to stop it."""


class _Pristine(NamedTuple):
    """What a memory looked like right after instantiation: size and what is not zero."""

    size: int
    runs: List[Tuple[int, bytes]]


def _make_buffer(size: int) -> Any:
    """A zeroed buffer of ``size`` bytes.  Raises: MemoryError."""
    if not _USE_MMAP or size == 0:
        return bytearray(size)
    try:
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, ValueError, OverflowError) as error:
        raise MemoryError(str(error)) from error


class MemInst:
    """A memory instance.

    ``limit`` is the most pages it may grow to, by the type's maximum and the
    store's limit (``limit_pages`` of 64 KiB, whatever its own page size),
    whichever is less.  ``refused`` counts growths refused; a later trap
    mentions it.  ``waits`` are the waiters of a shared memory, None for
    another; its lock makes growth one step.

    Raises: MemoryError if the initial size cannot be had.
    """

    __slots__ = (
        "_bound", "_cells", "_handlers", "_pristine", "buffer", "limit", "refused", "type", "waits",
    )  # fmt: skip

    def __init__(
        self, memtype: MemType, limit_pages: int, waits: Optional[WaitList] = None
    ) -> None:
        self.type = memtype
        self.waits = (waits or WaitList()) if memtype.shared else None
        maximum = memtype.limits.max
        bound = limit_pages * PAGE_SIZE
        if memtype.addrtype != I64:
            bound = min(bound, 1 << 32)
        if memtype.limits.min << memtype.page > bound:
            raise MemoryError("more than its limit")
        self.limit = bound >> memtype.page
        if maximum is not None:
            self.limit = min(self.limit, maximum)
        self.buffer: Any = _make_buffer(memtype.limits.min << memtype.page)
        self.refused = 0
        self._handlers: Optional[Dict[int, Handler]] = None
        self._pristine: Optional[_Pristine] = None
        self._bound: List[Any] = []
        self._cells: List[Any] = []

    def __len__(self) -> int:
        return len(self.buffer)

    @property
    def pages(self) -> int:
        """The size in pages of its type: 64 KiB each, unless that says otherwise."""
        return len(self.buffer) >> self.type.page

    @property
    def current_type(self) -> MemType:
        """The type with the current size as minimum, as import matching wants it."""
        return dataclasses.replace(self.type, limits=Limits(self.pages, self.type.limits.max))

    @property
    def handlers(self) -> Dict[int, Handler]:
        """The loads and stores of this memory, by opcode number."""
        if self._handlers is None:
            self._handlers = memory_handlers(self.buffer)
            self.bind(next(iter(self._handlers.values())))
        return self._handlers

    def bind(self, function: Any) -> None:
        """Remember a function whose variable ``buf``, outside of it, is this buffer."""
        if self.type.limits.min == 0:
            self._bound.append(function)

    def bind_cell(self, cell: Any) -> None:
        """As ``bind``, for a variable by itself."""
        if self.type.limits.min == 0:
            self._cells.append(cell)

    def _rebind(self) -> None:
        """The buffer is another object now: tell the functions that know it."""
        for function in self._bound:
            place = function.__code__.co_freevars.index("buf")
            function.__closure__[place].cell_contents = self.buffer
        for cell in self._cells:
            cell.cell_contents = self.buffer

    def grow(self, n: int) -> int:
        """Grow by ``n`` pages; the old size in pages, or -1 if refused.

        Spec: ``exec/modules.html#growing-memories``.
        """
        if self.waits is None:
            return self._grow(n)
        with self.waits.lock:
            return self._grow(n)

    def _grow(self, n: int) -> int:
        old = self.pages
        if n == 0:
            return old
        if old + n > self.limit:
            self.refused += 1
            return -1
        try:
            if not self.buffer and _USE_MMAP:
                self.buffer = _make_buffer(n << self.type.page)
                self._rebind()
            elif isinstance(self.buffer, bytearray):
                self.buffer.extend(bytes(n << self.type.page))
            else:
                self.buffer.resize(old + n << self.type.page)
        except (MemoryError, OSError, ValueError, OverflowError, SystemError):
            self.refused += 1
            return -1
        return old

    # Bulk operations -------------------------------------------------------

    def fill(self, d: int, value: int, n: int, look: Look) -> None:
        """``memory.fill``.  Traps: MEMORY_OUT_OF_BOUNDS, before any write."""
        self._check(d, n)
        byte = bytes((value & 0xFF,))
        for at in range(d, d + n, CHUNK):
            size = min(CHUNK, d + n - at)
            self.buffer[at : at + size] = byte * size
            if n > CHUNK:
                look()

    def copy_from(self, source: MemInst, d: int, s: int, n: int, look: Look) -> None:
        """``memory.copy`` into this memory, from ``source``; overlap is allowed.

        Traps: MEMORY_OUT_OF_BOUNDS, before any write.
        """
        source._check(s, n)
        self._check(d, n)
        starts = range(0, n, CHUNK)
        for at in starts if d <= s or source is not self else reversed(starts):
            size = min(CHUNK, n - at)
            self.buffer[d + at : d + at + size] = source.buffer[s + at : s + at + size]
            if n > CHUNK:
                look()

    def init(self, data: bytes, d: int, s: int, n: int, look: Look) -> None:
        """``memory.init`` from a segment.  Traps: MEMORY_OUT_OF_BOUNDS, before any write."""
        if s + n > len(data):
            raise _out_of_bounds(s, n, len(data))
        self._check(d, n)
        for at in range(0, n, CHUNK):
            size = min(CHUNK, n - at)
            self.buffer[d + at : d + at + size] = data[s + at : s + at + size]
            if n > CHUNK:
                look()

    def _check(self, address: int, n: int) -> None:
        if address + n > len(self.buffer):
            raise _out_of_bounds(address, n, len(self.buffer))

    # Host access -----------------------------------------------------------

    def read(self, address: int, n: int) -> Optional[bytes]:
        """A copy of ``n`` bytes at ``address``, or None out of bounds."""
        if address < 0 or n < 0 or address + n > len(self.buffer):
            return None
        return bytes(self.buffer[address : address + n])

    def write(self, address: int, data: bytes) -> bool:
        """Write ``data`` at ``address``; False, and nothing written, out of bounds."""
        if address < 0 or address + len(data) > len(self.buffer):
            return False
        self.buffer[address : address + len(data)] = data
        return True

    def read_uint(self, address: int, width: int) -> Optional[int]:
        """An unsigned little-endian integer of ``width`` bytes, or None out of bounds."""
        data = self.read(address, width)
        return None if data is None else int.from_bytes(data, "little")

    def write_uint(self, address: int, width: int, value: int) -> bool:
        """Write the low ``width`` bytes of ``value``; False out of bounds."""
        low = value & ((1 << 8 * width) - 1)
        return self.write(address, low.to_bytes(width, "little"))

    def read_u8(self, address: int) -> Optional[int]:
        """A byte, or None out of bounds."""
        return self.read_uint(address, 1)

    def read_u16_le(self, address: int) -> Optional[int]:
        """Two bytes as an unsigned integer, or None out of bounds."""
        return self.read_uint(address, 2)

    def read_u32_le(self, address: int) -> Optional[int]:
        """Four bytes as an unsigned integer, or None out of bounds."""
        return self.read_uint(address, 4)

    def read_u64_le(self, address: int) -> Optional[int]:
        """Eight bytes as an unsigned integer, or None out of bounds."""
        return self.read_uint(address, 8)

    def write_u8(self, address: int, value: int) -> bool:
        """Write the low byte of ``value``; False out of bounds."""
        return self.write_uint(address, 1, value)

    def write_u16_le(self, address: int, value: int) -> bool:
        """Write the low two bytes of ``value``; False out of bounds."""
        return self.write_uint(address, 2, value)

    def write_u32_le(self, address: int, value: int) -> bool:
        """Write the low four bytes of ``value``; False out of bounds."""
        return self.write_uint(address, 4, value)

    def write_u64_le(self, address: int, value: int) -> bool:
        """Write the low eight bytes of ``value``; False out of bounds."""
        return self.write_uint(address, 8, value)

    # Reset -----------------------------------------------------------------

    def keep_pristine(self, written: Optional[List[Tuple[int, int]]], look: Look) -> None:
        """Remember the present content for ``reset``.

        ``written`` lists the (address, size) ranges that are not zero, or is
        None when only looking can tell (a start function ran).
        """
        size = len(self.buffer)
        if written is None:
            written = self._not_zero(look)
        runs = [(a, bytes(self.buffer[a : a + n])) for a, n in written]
        self._pristine = _Pristine(size, runs)

    def _not_zero(self, look: Look) -> List[Tuple[int, int]]:
        """The pages that have anything in them."""
        zero, found = bytes(PAGE_SIZE), []
        for page in range(0, len(self.buffer), PAGE_SIZE):
            content = self.buffer[page : page + PAGE_SIZE]
            if content != zero[: len(content)]:
                found.append((page, len(content)))
            if not page % CHUNK:
                look()
        return found

    def reset(self) -> None:
        """Make size and content what they were when ``keep_pristine`` was called."""
        assert self._pristine is not None
        size, runs = self._pristine
        if size == 0 and not isinstance(self.buffer, bytearray):
            self.buffer = bytearray()
            self._rebind()
        buffer = self.buffer
        if isinstance(buffer, bytearray):
            del buffer[size:]
            buffer[:] = bytes(len(buffer))
            buffer.extend(bytes(size - len(buffer)))
        else:
            buffer.madvise(mmap.MADV_DONTNEED)
            buffer.resize(size)
        for address, data in runs:
            buffer[address : address + len(data)] = data
        self.refused = 0


def _out_of_bounds(address: int, n: int, size: int) -> WasmTrap:
    trap = WasmTrap(TrapKind.MEMORY_OUT_OF_BOUNDS)
    trap.address, trap.width, trap.size = address, n, size
    return trap
