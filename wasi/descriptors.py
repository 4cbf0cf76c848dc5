"""What can be open in a guest: streams, files, directories, sockets.

What belongs here: one class for each kind, with its rights, its flags and what
it can do.  What does not: numbers (``wasi.fdtable``), paths (``wasi.paths``),
and the guest's memory (``wasi.preview1``).

A descriptor is asked for an operation only after ``check``, which knows the
rights; every failure is an ``ErrnoError``.

Spec: ``wasi_snapshot_preview1``, ``fdstat`` and ``rights``.
"""

from __future__ import annotations

from typing import Callable, ClassVar, Dict, List, NamedTuple, Optional, Union

from wasi import abi, rights
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory, Entry, File, Filetype, Node, Stat
from wasi.readiness import Interest, Look
from wasi.streams import InputStream, OutputStream

_NO_STAT = Stat(0, 0, Filetype.UNKNOWN, 0, 0, 0, 0, 0)

OFFSET_MAX = (1 << 63) - 1
"""The highest offset in a file."""

MAX_LISTED = 262_144
"""How many entries of directories a guest can have listed and not closed, all together."""


class Descriptor:
    """Something open: its rights, its flags, and what it is."""

    never: ClassVar[Dict[str, Errno]] = {}
    """What this kind can never do (by the name of the right), and the code that says so."""

    filetype: int = Filetype.UNKNOWN

    def __init__(self, base: int, inheriting: int = 0, flags: int = 0) -> None:
        self.base = base
        self.inheriting = inheriting
        self.flags = flags

    def check(self, *operations: str) -> None:
        """Refuse what this kind never does, or what this one has no right to.

        Raises: ErrnoError: ENOTCAPABLE without the right.
        """
        for operation in operations:
            errno = self.never.get(operation)
            if errno is not None:
                raise ErrnoError(errno)
        for operation in operations:
            if not self.base & _BITS[operation]:
                raise ErrnoError(Errno.ENOTCAPABLE)

    def shrink(self, base: int, inheriting: int) -> None:
        """Give up all rights but these.  Raises: ErrnoError(ENOTCAPABLE) for one more."""
        if base & ~self.base or inheriting & ~self.inheriting:
            raise ErrnoError(Errno.ENOTCAPABLE)
        self.base, self.inheriting = base, inheriting

    def set_flags(self, flags: int) -> None:
        """Set the flags that are kept; ENOTSUP for another."""
        self.flags = flags

    @property
    def waits(self) -> bool:
        """Whether an operation waits for what is not there yet."""
        return not self.flags & abi.FDFLAGS_NONBLOCK

    def stat(self) -> Stat:
        """The attributes; of what is no file, the type alone."""
        return _NO_STAT._replace(filetype=Filetype(self.filetype))

    def read(self, size: int, look: Look) -> bytes:
        """Read on from where it is."""
        raise ErrnoError(Errno.EBADF)

    def write(self, data: bytes, look: Look) -> int:
        """Write on from where it is; how many bytes were taken."""
        raise ErrnoError(Errno.EBADF)

    def sync(self, *, data_only: bool) -> None:
        """Have it on the disk."""

    def ready(self, *, write: bool) -> bool:
        """Whether reading (or writing) would come back at once."""
        return True

    def interest(self, *, write: bool) -> Optional[Interest]:
        """What of the host's has to be waited for until it is ready; None if there is nothing."""
        return None

    def available(self) -> Optional[int]:
        """How many bytes can be read at once: 0 at the end, None where that is unknown."""
        return None

    def close(self) -> None:
        """Let go of what stands behind it."""


_BITS: Dict[str, int] = {name: abi.rights(name) for name in abi.RIGHTS}
# ``fd_seek`` implies ``fd_tell``.
_BITS["fd_tell"] |= _BITS["fd_seek"]


class Input(Descriptor):
    """A stream that is read."""

    never = rights.NEVER_STREAM

    def __init__(self, stream: InputStream) -> None:
        super().__init__(rights.STREAM | abi.rights("fd_read"))
        self.stream = stream
        self.filetype = _type_of_stream(stream)

    def set_flags(self, flags: int) -> None:
        """Set the flags that this kind keeps; ENOTSUP for another."""
        self.flags = _stream_flags(flags)

    def read(self, size: int, look: Look) -> bytes:
        """What is there now; ``b""`` at the end."""
        return self.stream.read(size, look, wait=self.waits)

    def ready(self, *, write: bool) -> bool:
        """Whether it need not be waited for."""
        return self.stream.ready()

    def interest(self, *, write: bool) -> Optional[Interest]:
        """What has to be waited for."""
        return self.stream.interest

    def available(self) -> Optional[int]:
        """What is known to be there."""
        return self.stream.available


class Output(Descriptor):
    """A stream that is written."""

    never = rights.NEVER_STREAM

    def __init__(self, stream: OutputStream) -> None:
        super().__init__(rights.STREAM | abi.rights("fd_write"))
        self.stream = stream
        self.filetype = _type_of_stream(stream)

    def set_flags(self, flags: int) -> None:
        """Set the flags that this kind keeps; ENOTSUP for another."""
        self.flags = _stream_flags(flags)

    def write(self, data: bytes, look: Look) -> int:
        """One write of the stream."""
        return self.stream.write(data, look, wait=self.waits)

    def ready(self, *, write: bool) -> bool:
        """Whether it need not be waited for."""
        return self.stream.ready()

    def interest(self, *, write: bool) -> Optional[Interest]:
        """What has to be waited for."""
        return self.stream.interest


def _type_of_stream(stream: Union[InputStream, OutputStream]) -> int:
    """A terminal is a character device; any other stream is of unknown type."""
    return Filetype.CHARACTER_DEVICE if stream.isatty else Filetype.UNKNOWN


def _stream_flags(flags: int) -> int:
    """The flags of a stream, which always appends; one that wants a disk is ENOTSUP."""
    if flags & ~(abi.FDFLAGS_APPEND | abi.FDFLAGS_NONBLOCK):
        raise ErrnoError(Errno.ENOTSUP)
    return flags


class Listings:
    """How many entries of directories a guest has kept: each open directory keeps its listing.

    One alone may be of any length; several are at most ``MAX_LISTED`` together.
    """

    def __init__(self) -> None:
        self._kept = 0

    def keep(self, more: int, instead_of: int) -> None:
        """Count ``more`` entries.  Raises: ErrnoError(ENOMEM) where there are too many others."""
        others = self._kept - instead_of
        if others and others + more > MAX_LISTED:
            raise ErrnoError(Errno.ENOMEM)
        self._kept = others + more

    def forget(self, number: int) -> None:
        """Count so many less."""
        self._kept -= number


class Sight(NamedTuple):
    """How a guest sees one of its file systems, from whatever directory it looks."""

    dev: int
    """What the file system calls its device."""
    number: int
    """What the guest is told instead, so that its devices differ."""
    listings: Listings

    def of(self, stat: Stat) -> Stat:
        """``stat`` as the guest is told."""
        return stat._replace(dev=self.number) if stat.dev == self.dev else stat


class OpenNode(Descriptor):
    """A node of a file system."""

    def __init__(self, node: Node, base: int, inheriting: int, flags: int, sight: Sight) -> None:
        super().__init__(base, inheriting, flags)
        self.node = node
        self.sight = sight
        self.filetype = node.filetype

    def stat(self) -> Stat:
        """The attributes of the node."""
        return self.sight.of(self.node.stat())

    def close(self) -> None:
        """Close what is behind it."""
        self.node.close()


class OpenFile(OpenNode):
    """A file, and where in it the next read or write is."""

    never = rights.NEVER_FILE

    def __init__(self, file: File, base: int, flags: int, sight: Sight) -> None:
        super().__init__(file, base, 0, flags, sight)
        self.file = file
        self.position = 0

    def read(self, size: int, look: Look) -> bytes:
        """From the position on, which moves with it."""
        data = self.file.pread(size, self.position)
        self.position += len(data)
        return data

    def write(self, data: bytes, look: Look) -> int:
        """At the position, or at the end where the flags say append."""
        if self.flags & abi.FDFLAGS_APPEND:
            taken, self.position = self.file.append(data)
        else:
            taken = self.file.pwrite(data, _fitting(data, self.position))
            self.position += taken
        self._flush()
        return taken

    def write_at(self, data: bytes, offset: int) -> int:
        """Write at ``offset``, whatever the flags; how many bytes were taken."""
        taken = self.file.pwrite(data, _fitting(data, offset))
        self._flush()
        return taken

    def _flush(self) -> None:
        """Have on the disk what was written, if the flags want that of every write."""
        if self.flags & (abi.FDFLAGS_DSYNC | abi.FDFLAGS_SYNC):
            self.file.sync(data_only=not self.flags & abi.FDFLAGS_SYNC)

    def seek(self, offset: int, origin: Callable[[OpenFile], int]) -> int:
        """Go to ``offset`` from ``origin``; EINVAL before the beginning."""
        position = origin(self) + offset
        if position < 0:
            raise ErrnoError(Errno.EINVAL)
        if position > OFFSET_MAX:
            raise ErrnoError(Errno.EOVERFLOW)
        self.position = position
        return position

    def sync(self, *, data_only: bool) -> None:
        """Have the file on the disk."""
        self.file.sync(data_only=data_only)

    def available(self) -> Optional[int]:
        """What is between the position and the end."""
        # More than nothing at the end too: a read there comes back at once, and a file may grow.
        return max(0, self.file.stat().size - self.position) or None


def _fitting(data: bytes, offset: int) -> int:
    """``offset``, if what is written there ends where a file can.  Raises: ErrnoError(EFBIG)."""
    if offset + len(data) > OFFSET_MAX:
        raise ErrnoError(Errno.EFBIG)
    return offset


class OpenDirectory(OpenNode):
    """A directory; one that was open from the start has the guest's ``name`` for it."""

    never = rights.NEVER_DIRECTORY

    def __init__(
        self,
        directory: Directory,
        base: int = rights.DIRECTORY,
        inheriting: int = rights.INHERITING,
        flags: int = 0,
        *,
        sight: Sight,
        name: Optional[bytes] = None,
    ) -> None:
        super().__init__(directory, base, inheriting, flags, sight)
        self.directory = directory
        self.name = name
        self._listing: Optional[List[Entry]] = None

    def listing(self, cookie: int) -> List[Entry]:
        """The entries as they were when they were last read from the beginning.

        Cookies count these, so whatever is made or removed meanwhile, none is
        seen twice and none that stays is left out.

        Raises: ErrnoError(ENOMEM) where the guest keeps too many others.
        """
        if self._listing is None or cookie == 0:
            here = Entry(b".", self.directory.stat().ino, Filetype.DIRECTORY)
            # The directory above may be out of the guest's sight: its number is not told.
            above = Entry(b"..", 0, Filetype.DIRECTORY)
            listing = [here, above, *self.directory.entries()]
            self.sight.listings.keep(len(listing), len(self._listing or ()))
            self._listing = listing
        return self._listing

    def sync(self, *, data_only: bool) -> None:
        """Have its names on the disk."""
        self.directory.sync(data_only=data_only)

    def close(self) -> None:
        """Close what is behind it."""
        self.sight.listings.forget(len(self._listing or ()))
        self._listing = None
        super().close()
