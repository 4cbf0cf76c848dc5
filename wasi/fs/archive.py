"""Files out of a zip or tar archive, or given by name, to be read.

What belongs here: reading an archive that may be hostile, whole and within
limits, before a guest sees any of it.  What does not: how its files are kept
(``memory``) and that they cannot be changed (``readonly``).

An archive is refused as a whole when one entry is not plain: an absolute name,
``..``, a name twice, a way through a link or a file, a hard link to what is not
there before it, a device, a name that is no UTF-8, or too much of anything.
Sizes that an archive states are not believed: bytes are counted as they come.
Symbolic links are kept whatever they say; who walks (``wasi.paths``) stays inside.
"""

from __future__ import annotations

import bz2
import calendar
import enum
import gzip
import io
import lzma
import os
import stat as modes
import struct
import tarfile
import zipfile
import zlib
from functools import partial
from typing import (
    IO,
    Any,
    Callable,
    Iterator,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Tuple,
    Union,
)

from wasi import paths
from wasi.clocks import MAX_TIME
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory, File
from wasi.fs.memory import (
    MAX_BYTES,
    MAX_NODES,
    Content,
    MemoryFileSystem,
    StoppedClock,
    make_directories,
)
from wasi.fs.quota import Quota
from wasi.fs.readonly import ReadOnlyFileSystem

Source = Union[str, bytes, bytearray, "os.PathLike[str]", IO[bytes]]
"""A path (``str`` or path-like), an archive's bytes, or a file object to read and seek."""

CHUNK = 65_536

_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError,
    OSError, ValueError, OverflowError, NotImplementedError, RuntimeError, IndexError, KeyError,
    MemoryError, TypeError, AttributeError,
)  # fmt: skip
"""What the standard library says of an archive that is not right."""


class ArchiveFault(enum.Enum):
    """What is wrong with an archive."""

    MALFORMED = "malformed"
    NAME = "name"
    DUPLICATE = "duplicate"
    LINK = "link"
    KIND = "kind"
    TOO_BIG = "too big"
    TOO_MANY = "too many"


class ArchiveError(ValueError):
    """An archive that is not given to a guest: ``fault`` is why, ``entry`` where."""

    def __init__(self, fault: ArchiveFault, entry: str = "") -> None:
        super().__init__(fault, entry)
        self.fault = fault
        self.entry = entry

    def __str__(self) -> str:
        where = f" at {self.entry[:200]!r}" if self.entry else ""
        return f"the archive is refused ({self.fault.value}){where}"


class ArchiveFileSystem(ReadOnlyFileSystem):
    """Files that are given, by name or in an archive, to be read.

    ``files`` goes from path to content, None for a directory.

    Raises: ArchiveError, ValueError for ``files`` that cannot be.
    """

    def __init__(
        self, files: Optional[Mapping[Union[str, bytes], Content]] = None, *, dev: int = 3
    ) -> None:
        super().__init__(
            MemoryFileSystem(files, max_bytes=None, max_nodes=None, clock=StoppedClock(), dev=dev)
        )

    @classmethod
    def from_zip(
        cls, source: Source, *, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES
    ) -> ArchiveFileSystem:
        """The files of a zip archive."""
        return cls._made(source, _zip_entries, max_bytes, max_nodes)

    @classmethod
    def from_tar(
        cls, source: Source, *, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES
    ) -> ArchiveFileSystem:
        """The files of a tar archive, plain or compressed with gzip, bzip2 or xz."""
        # Beside the contents there are headers and padding.
        limit = max_bytes + 2048 * max_nodes + CHUNK
        return cls._made(source, partial(_tar_entries, limit=limit), max_bytes, max_nodes)

    @classmethod
    def _made(
        cls,
        source: Source,
        entries: Callable[[IO[bytes]], Iterator[_Entry]],
        max_bytes: int,
        max_nodes: int,
    ) -> ArchiveFileSystem:
        memory = MemoryFileSystem(
            max_bytes=max_bytes, max_nodes=max_nodes, clock=StoppedClock(), dev=3
        )
        opened, ours = _opened(source)
        try:
            _fill(memory, entries(opened))
        finally:
            if ours:
                opened.close()
        archive = cls.__new__(cls)
        ReadOnlyFileSystem.__init__(archive, memory)
        return archive


class _Entry(NamedTuple):
    """What an archive has under a name."""

    name: bytes
    kind: int  # S_IFREG, S_IFDIR, S_IFLNK, or 0 for a hard link
    mtim: int
    content: Optional[Callable[[], IO[bytes]]] = None
    target: bytes = b""


def _fill(memory: MemoryFileSystem, entries: Iterator[_Entry]) -> None:
    """Make the files of an archive.

    Raises: ArchiveError, and nothing else.
    """
    name = ""
    try:
        with memory.root() as root:
            assert isinstance(root, Directory)
            for entry in entries:
                name = entry.name.decode("utf-8", "replace")
                _make(root, entry)
    except ArchiveError:
        raise
    except ErrnoError as error:
        raise ArchiveError(_fault_of(error.errno, memory.quota), name) from None
    except _BROKEN:
        raise ArchiveError(ArchiveFault.MALFORMED, name) from None


def _fault_of(errno: Errno, quota: Quota) -> ArchiveFault:
    """What is wrong with an archive when a file cannot be made."""
    if errno == Errno.ENOSPC:
        full = quota.max_nodes is not None and quota.used_nodes >= quota.max_nodes
        return ArchiveFault.TOO_MANY if full else ArchiveFault.TOO_BIG
    if errno == Errno.EEXIST:
        return ArchiveFault.DUPLICATE
    through = (Errno.ENOTDIR, Errno.ELOOP, Errno.ENOENT, Errno.EPERM, Errno.ENOTCAPABLE)
    return ArchiveFault.LINK if errno in through else ArchiveFault.NAME


def _make(root: Directory, entry: _Entry) -> None:
    """Make one entry and the directories on the way to it."""
    path = _plain(entry.name)
    if entry.kind == modes.S_IFDIR:
        make_directories(root, path)
        return
    if not path or entry.name.endswith(b"/"):
        raise ArchiveError(ArchiveFault.NAME, entry.name.decode("utf-8", "replace"))
    if b"/" in path:
        make_directories(root, path.rpartition(b"/")[0])
    if entry.kind == modes.S_IFLNK:
        place = paths.resolve(root, path, follow=False)
        with place.directory:
            place.directory.make_symlink(place.name, entry.target[: paths.MAX_PATH])
    elif not entry.kind:
        paths.make_link(root, _plain(entry.target), root, path)
        return
    else:
        file = paths.open_at(root, path, follow=False, write=True, create=True, exclusive=True)
        with file:
            assert isinstance(file, File)
            assert entry.content is not None
            with entry.content() as content:
                _copy(content, file)
    with paths.look_up(root, path, follow=False) as node:
        node.set_times(entry.mtim, entry.mtim)


def _copy(content: IO[bytes], file: File) -> None:
    while True:
        chunk = content.read(CHUNK)
        if not chunk:
            return
        taken, _ = file.append(chunk)
        if taken < len(chunk):
            raise ErrnoError(Errno.ENOSPC)


def _plain(name: bytes) -> bytes:
    """``name`` without ``.`` and double slashes, if it is a way down and no other."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if name.startswith(b"/") or b".." in parts or b"\0" in name:
        raise ArchiveError(ArchiveFault.NAME, name.decode("utf-8", "replace"))
    return b"/".join(parts)


def _opened(source: Source) -> Tuple[IO[bytes], bool]:
    """A file object for ``source``, and whether it is to be closed."""
    if isinstance(source, (bytes, bytearray)):
        return io.BytesIO(source), True
    if isinstance(source, (str, os.PathLike)):
        return open(source, "rb"), True  # noqa: PTH123 - the caller closes it
    return source, False


def _encoded(name: str) -> bytes:
    try:
        return name.encode("utf-8")
    except UnicodeEncodeError:
        raise ArchiveError(ArchiveFault.NAME, name.encode("utf-8", "replace").decode()) from None


def _zip_entries(opened: IO[bytes]) -> Iterator[_Entry]:
    with zipfile.ZipFile(opened) as archive:
        for info in archive.infolist():
            name = _encoded(info.filename)
            # The library cuts a name at a NUL.
            if "\0" in info.orig_filename:
                raise ArchiveError(ArchiveFault.NAME, info.orig_filename)
            mtim = _zip_time(info.date_time)
            kind = modes.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                yield _Entry(name, modes.S_IFDIR, mtim)
            elif kind == modes.S_IFLNK:
                with archive.open(info) as content:
                    yield _Entry(name, kind, mtim, target=content.read(paths.MAX_PATH))
            elif kind in (0, modes.S_IFREG):
                yield _Entry(name, modes.S_IFREG, mtim, _opener(archive, info))
            else:
                raise ArchiveError(ArchiveFault.KIND, info.filename)


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _zip_time(date_time: Tuple[int, ...]) -> int:
    """The time of an entry, which has no zone, as UTC; what is no time is the first one."""
    try:
        return max(0, calendar.timegm((*date_time, 0, 0, 0))) * 1_000_000_000
    except (ValueError, OverflowError):
        return 0


def _tar_entries(opened: IO[bytes], limit: int) -> Iterator[_Entry]:
    plain: Any = _Bounded(_decompressed(opened), limit)
    with tarfile.open(fileobj=plain, mode="r|", encoding="utf-8", errors="strict") as archive:
        for info in archive:
            name = _encoded(info.name)
            mtim = _tar_time(info)
            if info.isdir():
                yield _Entry(name, modes.S_IFDIR, mtim)
            elif info.issym():
                yield _Entry(name, modes.S_IFLNK, mtim, target=_encoded(info.linkname))
            elif info.islnk():
                yield _Entry(name, 0, mtim, target=_encoded(info.linkname))
            elif info.isreg():
                yield _Entry(name, modes.S_IFREG, mtim, _extractor(archive, info))
            else:
                raise ArchiveError(ArchiveFault.KIND, info.name)


def _tar_time(info: tarfile.TarInfo) -> int:
    """The time of an entry; before 1970 it is the first one."""
    try:
        time = max(0, int(info.mtime * 1_000_000_000))
    except (ValueError, OverflowError):
        # A header may say that it is infinite, or no number.
        raise ArchiveError(ArchiveFault.MALFORMED, info.name) from None
    if time > MAX_TIME:
        raise ArchiveError(ArchiveFault.MALFORMED, info.name)
    return time


def _extractor(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def extract() -> IO[bytes]:
        content = archive.extractfile(info)
        assert content is not None
        return content

    return extract


def _decompressed(opened: IO[bytes]) -> Any:
    """The plain bytes of a tar archive."""
    start = opened.tell()
    magic = opened.read(6)
    opened.seek(start)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=opened)
    if magic[:3] == b"BZh":
        return bz2.BZ2File(opened)
    if magic == b"\xfd7zXZ\0":
        return lzma.LZMAFile(opened)
    return opened


class _Bounded:
    """A file object that does not give more than ``limit`` bytes, nor reserves them."""

    def __init__(self, inner: Any, limit: int) -> None:
        self._inner = inner
        self._left = limit

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self._left:
            self._refuse()
        data: bytes = self._inner.read(size)
        self._left -= len(data)
        return data

    def _refuse(self) -> NoReturn:
        raise ArchiveError(ArchiveFault.TOO_BIG)
