"""A guest that is only a memory: WASI functions called as instantiated code would call them."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, List, Optional, Sequence, Tuple

from wasi import Errno, Wasi, WasiConfig, abi
from wasmpy.exec.memory import MemInst
from wasmpy.syntax.types import Limits, MemType


class Guest:
    """A memory of ``pages`` and a WASI state; ``call`` is one call of a guest."""

    def __init__(self, config: Optional[WasiConfig] = None, pages: int = 1, **fields: Any) -> None:
        self.memory: Optional[MemInst] = MemInst(MemType(Limits(pages, None)), 65_536)
        self.wasi = Wasi(config or WasiConfig(**fields))
        self.functions = self.wasi.imports()
        self.looks = 0
        self.on_look: Any = None
        self.caller = SimpleNamespace(
            memory=lambda index=0: self.memory,
            store=SimpleNamespace(meter=SimpleNamespace(look=self._look)),
        )

    def _look(self) -> None:
        self.looks += 1
        if self.on_look is not None:
            self.on_look()

    def call(self, name: str, *args: int) -> Errno:
        host = self.functions[name]
        assert len(args) == len(host.type.params)
        return Errno(host.call(self.caller, [a & (1 << 64) - 1 for a in args])[0])

    # Memory ------------------------------------------------------------------

    @property
    def mem(self) -> MemInst:
        assert self.memory is not None
        return self.memory

    def put(self, address: int, data: bytes) -> int:
        assert self.mem.write(address, data)
        return address

    def get(self, address: int, n: int) -> bytes:
        data = self.mem.read(address, n)
        assert data is not None
        return data

    def u32(self, address: int) -> int:
        return int(struct.unpack("<I", self.get(address, 4))[0])

    def u64(self, address: int) -> int:
        return int(struct.unpack("<Q", self.get(address, 8))[0])

    def snapshot(self) -> bytes:
        return self.get(0, len(self.mem))

    # Shapes ------------------------------------------------------------------

    def iovecs(self, address: int, items: Sequence[Tuple[int, int]]) -> int:
        return self.put(address, b"".join(struct.pack("<II", *item) for item in items))

    def write(self, fd: int, *pieces: bytes) -> Tuple[Errno, int]:
        """``fd_write`` of ``pieces``, an iovec each; the errno and the count."""
        at = 0x4000
        items = []
        for piece in pieces:
            items.append((self.put(at, piece), len(piece)))
            at += len(piece)
        self.put(0x100, b"\xff" * 4)
        errno = self.call("fd_write", fd, self.iovecs(0x1000, items), len(items), 0x100)
        return errno, self.u32(0x100)

    def read(self, fd: int, *sizes: int) -> Tuple[Errno, List[bytes]]:
        """``fd_read`` into buffers of ``sizes``; the errno and what is in each, cut to nread."""
        at = 0x4000
        items = []
        for size in sizes:
            items.append((at, size))
            at += size
        errno = self.call("fd_read", fd, self.iovecs(0x1000, items), len(items), 0x100)
        left = self.u32(0x100) if errno == Errno.ESUCCESS else 0
        found = []
        for address, size in items:
            found.append(self.get(address, min(size, left)))
            left -= len(found[-1])
        return errno, found

    def clock(self, id: int) -> int:
        assert self.call("clock_time_get", id, 0, 0x100) == Errno.ESUCCESS
        return self.u64(0x100)

    def poll(self, *subscriptions: bytes) -> Tuple[Errno, List[Tuple[int, ...]]]:
        """``poll_oneoff``; events as (userdata, errno, type, nbytes, flags)."""
        self.put(0x1000, b"".join(subscriptions))
        errno = self.call("poll_oneoff", 0x1000, 0x8000, len(subscriptions), 0x100)
        n = self.u32(0x100) if errno == Errno.ESUCCESS else 0
        return errno, list(abi.EVENT.iter_unpack(self.get(0x8000, n * abi.EVENT.size)))


def clock_subscription(userdata: int, clock: int, timeout: int, flags: int = 0) -> bytes:
    data = struct.pack("<QB7xI4xQQH6x", userdata, 0, clock, timeout, 0, flags)
    assert len(data) == 48
    return data


def fd_subscription(userdata: int, type: int, fd: int) -> bytes:
    return struct.pack("<QB7xI28x", userdata, type, fd)
