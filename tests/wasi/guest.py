"""A guest that is only a memory: WASI functions called as instantiated code would call them."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from wasi import Errno, Wasi, WasiConfig, abi
from wasmpy.exec.memory import MemInst
from wasmpy.syntax.types import Limits, MemType

ALL = (1 << 30) - 1
"""Every right that there is."""


class Filestat(NamedTuple):
    """The fields of ``filestat``."""

    dev: int
    ino: int
    filetype: int
    nlink: int
    size: int
    atim: int
    mtim: int
    ctim: int


class Guest:
    """A memory of ``pages`` and a WASI state; ``call`` is one call of a guest."""

    def __init__(
        self, config: Optional[WasiConfig] = None, pages: int = 1, *, wasi: Optional[Wasi] = None,
        module: str = abi.MODULE, **fields: Any,
    ) -> None:  # fmt: skip
        self.memory: Optional[MemInst] = MemInst(MemType(Limits(pages, None)), 65_536)
        self.wasi = wasi or Wasi(config or WasiConfig(**fields))
        self.functions = self.wasi.imports(module)
        self.looks = 0
        self.on_look: Any = None
        self.caller = SimpleNamespace(
            memory=lambda index=0: self.memory,
            export=lambda name: None,
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

    def name(self, text: Any, address: int = 0x2000) -> Tuple[int, int]:
        """A path in memory: where, and how long."""
        data = text.encode() if isinstance(text, str) else text
        return self.put(address, data), len(data)

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

    # Files -------------------------------------------------------------------

    def open(
        self, path: Any, oflags: int = 0, *, dirfd: int = 3, rights: int = ALL, inheriting: int = ALL,
        fdflags: int = 0, follow: bool = False,
    ) -> Tuple[Errno, int]:  # fmt: skip
        """``path_open``; the errno and the descriptor."""
        self.put(0x100, b"\xff" * 4)
        errno = self.call(
            "path_open", dirfd, int(follow), *self.name(path), oflags, rights, inheriting, fdflags,
            0x100,
        )  # fmt: skip
        return errno, self.u32(0x100)

    def opened(self, path: Any, oflags: int = 0, **more: Any) -> int:
        """``path_open`` that has to succeed; the descriptor."""
        errno, fd = self.open(path, oflags, **more)
        assert errno == Errno.ESUCCESS, errno
        return fd

    def on(self, function: str, path: Any, *more: int, dirfd: int = 3) -> Errno:
        """A function of one descriptor and one path."""
        return self.call(function, dirfd, *self.name(path), *more)

    def two(self, function: str, path: Any, new: Any, dirfd: int = 3, new_dirfd: int = 3) -> Errno:
        """``path_rename``."""
        return self.call(function, dirfd, *self.name(path), new_dirfd, *self.name(new, 0x3000))

    def link(self, path: Any, new: Any, flags: int = 0) -> Errno:
        return self.call("path_link", 3, flags, *self.name(path), 3, *self.name(new, 0x3000))

    def symlink(self, target: Any, path: Any) -> Errno:
        return self.call("path_symlink", *self.name(target), 3, *self.name(path, 0x3000))

    def stat(self, path: Any, *, follow: bool = False, dirfd: int = 3) -> Tuple[Errno, Any]:
        """``path_filestat_get``; the errno and the fields."""
        errno = self.call("path_filestat_get", dirfd, int(follow), *self.name(path), 0x200)
        return errno, Filestat(*abi.FILESTAT.unpack(self.get(0x200, 64)))

    def fstat(self, fd: int) -> Any:
        assert self.call("fd_filestat_get", fd, 0x200) == Errno.ESUCCESS
        return Filestat(*abi.FILESTAT.unpack(self.get(0x200, 64)))

    def fdstat(self, fd: int) -> Tuple[int, ...]:
        """(type, flags, rights, inheriting)."""
        assert self.call("fd_fdstat_get", fd, 0x200) == Errno.ESUCCESS
        return abi.FDSTAT.unpack(self.get(0x200, 24))

    def content(self, path: Any) -> bytes:
        """What is in a file."""
        fd = self.opened(path)
        data = b""
        while True:
            errno, (chunk,) = self.read(fd, 4_096)
            assert errno == Errno.ESUCCESS
            if not chunk:
                break
            data += chunk
        assert self.call("fd_close", fd) == Errno.ESUCCESS
        return data

    def pread(self, fd: int, size: int, offset: int) -> Tuple[Errno, bytes]:
        errno = self.call("fd_pread", fd, self.iovecs(0x1000, [(0x4000, size)]), 1, offset, 0x100)
        return errno, self.get(0x4000, self.u32(0x100)) if errno == Errno.ESUCCESS else b""

    def pwrite(self, fd: int, data: bytes, offset: int) -> Errno:
        iovs = self.iovecs(0x1000, [(self.put(0x4000, data), len(data))])
        return self.call("fd_pwrite", fd, iovs, 1, offset, 0x100)

    def seek(self, fd: int, offset: int, whence: int = 0) -> Tuple[Errno, int]:
        errno = self.call("fd_seek", fd, offset, whence, 0x100)
        return errno, self.u64(0x100)

    def readdir(self, fd: int, size: int = 4_096, cookie: int = 0) -> Tuple[List[Any], bool]:
        """``fd_readdir``: whole entries as (next, ino, type, name), and whether that is the end."""
        assert self.call("fd_readdir", fd, 0x8000, size, cookie, 0x100) == Errno.ESUCCESS
        used = self.u32(0x100)
        data, found = self.get(0x8000, used), []
        while len(data) >= 24:
            following, ino, length, filetype = abi.DIRENT.unpack(data[:24])
            if len(data) < 24 + length:
                break
            found.append((following, ino, filetype, data[24 : 24 + length]))
            data = data[24 + length :]
        return found, used < size

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
