"""A file system that can be read only, around any other.

What belongs here: refusing changes, in the order in which Linux looks for what
is wrong.  What does not: how the other one reads.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory, Entry, File, FileSystem, Filetype, Node, Stat, Symlink


class ReadOnlyFileSystem(FileSystem):
    """What ``fs`` has, to be read.  It stays the caller's: neither reset nor closed from here."""

    read_only = True

    def __init__(self, fs: FileSystem) -> None:
        self._fs = fs
        self.dev = fs.dev
        self.uses_descriptors = fs.uses_descriptors

    def root(self) -> Directory:
        """A handle for the top directory."""
        return _Directory(self._fs.root())


class _Node(Node):
    """Any node, to be looked at."""

    def __init__(self, inner: Node) -> None:
        self._inner = inner
        self.filetype: Filetype = inner.filetype

    def stat(self) -> Stat:
        return self._inner.stat()

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        raise ErrnoError(Errno.EROFS)

    def close(self) -> None:
        self._inner.close()


class _Symlink(_Node, Symlink):
    """A link."""

    def __init__(self, inner: Symlink) -> None:
        super().__init__(inner)
        self._link = inner

    def target(self) -> bytes:
        return self._link.target()


class _File(_Node, File):
    """A file that was opened to be read, at most; it says EBADF to writing itself."""

    def __init__(self, inner: File) -> None:
        super().__init__(inner)
        self._file = inner

    def pread(self, size: int, offset: int) -> bytes:
        return self._file.pread(size, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        raise ErrnoError(Errno.EBADF)

    def append(self, data: bytes) -> Tuple[int, int]:
        raise ErrnoError(Errno.EBADF)

    def truncate(self, size: int) -> None:
        raise ErrnoError(Errno.EBADF)

    def allocate(self, offset: int, length: int) -> None:
        raise ErrnoError(Errno.EBADF)

    def sync(self, *, data_only: bool) -> None:
        self._file.sync(data_only=data_only)


class _Directory(_Node, Directory):
    """A directory."""

    filetype = Filetype.DIRECTORY

    def __init__(self, inner: Directory) -> None:
        super().__init__(inner)
        self._directory = inner

    def lookup(self, name: bytes) -> Node:
        node = self._directory.lookup(name)
        if isinstance(node, Directory):
            return _Directory(node)
        if isinstance(node, Symlink):
            return _Symlink(node)
        return _Node(node)

    def entries(self) -> List[Entry]:
        return self._directory.entries()

    def open(
        self, name: bytes, *, read: bool, write: bool, create: bool = False,
        exclusive: bool = False, truncate: bool = False,
    ) -> File:  # fmt: skip
        if not (write or create or truncate):
            return _File(self._directory.open(name, read=read, write=False))
        try:
            node = self._directory.lookup(name)
        except ErrnoError as error:
            if create and error.errno == Errno.ENOENT:
                raise ErrnoError(Errno.EROFS) from None
            raise
        node.close()
        if create and exclusive:
            raise ErrnoError(Errno.EEXIST)
        if isinstance(node, Directory):
            raise ErrnoError(Errno.EISDIR)
        if isinstance(node, Symlink):
            raise ErrnoError(Errno.ELOOP)
        if write or truncate:
            raise ErrnoError(Errno.EROFS)
        return _File(self._directory.open(name, read=read, write=False))

    def make_directory(self, name: bytes) -> None:
        self._refuse_new(name)

    def make_symlink(self, name: bytes, target: bytes) -> None:
        self._refuse_new(name)

    def make_link(self, name: bytes, of: Directory, of_name: bytes) -> None:
        of.lookup(of_name).close()
        self._refuse_new(name)

    def remove_file(self, name: bytes) -> None:
        raise ErrnoError(Errno.EROFS)

    def remove_directory(self, name: bytes) -> None:
        raise ErrnoError(Errno.EROFS)

    def rename(self, name: bytes, to: Directory, to_name: bytes) -> None:
        raise ErrnoError(Errno.EROFS)

    def sync(self, *, data_only: bool) -> None:
        self._directory.sync(data_only=data_only)

    def again(self) -> Directory:
        return _Directory(self._directory.again())

    def _refuse_new(self, name: bytes) -> None:
        """EEXIST for what there is, EROFS for what there is not."""
        try:
            self._directory.lookup(name).close()
        except ErrnoError as error:
            if error.errno == Errno.ENOENT:
                raise ErrnoError(Errno.EROFS) from None
            raise
        raise ErrnoError(Errno.EEXIST)
