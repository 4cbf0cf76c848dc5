"""What a file system is: nodes, reached from a directory one name at a time.

What belongs here: the interface that every kind of file system has.  What does
not: paths.  A name is one component, bytes without ``/`` and NUL, never empty,
``.`` or ``..``; who walks along a path (``wasi.paths``) does that with the nodes
on the way in hand, so that no file system ever sees more than one name, and
none can be left through ``..``, a link or a change between check and use.

Every failure is an ``ErrnoError``.
"""

from __future__ import annotations

import abc
import enum
from typing import List, NamedTuple, Optional, Tuple

from wasi.clocks import MAX_TIME
from wasi.errno import Errno, ErrnoError

MAX_NAME = 255
"""The longest name, in bytes."""

MAX_OFFSET = 2**63 - 1
"""The largest offset and size of a file."""


def checked_name(name: bytes) -> bytes:
    """``name``, if it can be a name.

    Whoever walks has seen to it; a file system looks again, because it is the
    last that can.

    Raises: ErrnoError: EINVAL for what is no single component, ENAMETOOLONG.
    """
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        raise ErrnoError(Errno.EINVAL)
    if len(name) > MAX_NAME:
        raise ErrnoError(Errno.ENAMETOOLONG)
    return name


def checked_range(offset: int, length: int = 0) -> None:
    """Refuse what can be no offset in a file (EINVAL), or ends beyond the last one (EFBIG)."""
    if not 0 <= offset <= MAX_OFFSET or length < 0:
        raise ErrnoError(Errno.EINVAL)
    if offset + length > MAX_OFFSET:
        raise ErrnoError(Errno.EFBIG)


def told_time(time: int) -> int:
    """``time``, or what is nearest to it of what a guest can be told: 64 bits from 1970 on."""
    return max(0, min(time, MAX_TIME))


class Filetype(enum.IntEnum):
    """Spec: ``wasi_snapshot_preview1``, ``filetype``."""

    UNKNOWN = 0
    BLOCK_DEVICE = 1
    CHARACTER_DEVICE = 2
    DIRECTORY = 3
    REGULAR_FILE = 4
    SOCKET_DGRAM = 5
    SOCKET_STREAM = 6
    SYMBOLIC_LINK = 7


class Stat(NamedTuple):
    """The attributes of a node; times are nanoseconds since the epoch."""

    dev: int
    ino: int
    filetype: Filetype
    nlink: int
    size: int
    atim: int
    mtim: int
    ctim: int


class Entry(NamedTuple):
    """A name in a directory, and what has it."""

    name: bytes
    ino: int
    filetype: Filetype


class Node(abc.ABC):
    """Something that has, or had, a name: it stays what it is whatever becomes of the name.

    Close it when it is not needed any more; twice is harmless.
    """

    filetype: Filetype

    @abc.abstractmethod
    def stat(self) -> Stat:
        """Its attributes."""

    @abc.abstractmethod
    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        """Set the times that are not None, in nanoseconds; those of a link itself."""

    def close(self) -> None:  # noqa: B027 - many have nothing to do
        """Let go of what the host holds for it."""

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Symlink(Node):
    """A symbolic link."""

    filetype = Filetype.SYMBOLIC_LINK

    @abc.abstractmethod
    def target(self) -> bytes:
        """Where it says that it leads."""


class File(Node):
    """A file that was opened: it can do what it was opened for, and else answers EBADF."""

    @abc.abstractmethod
    def pread(self, size: int, offset: int) -> bytes:
        """At most ``size`` bytes at ``offset``; fewer at the end, ``b""`` beyond it."""

    @abc.abstractmethod
    def pwrite(self, data: bytes, offset: int) -> int:
        """Write at ``offset``, whatever flags there are; how many bytes were taken.

        A gap before ``offset`` reads as zeros.  ENOSPC or EDQUOT where nothing more
        fits; what is said to be taken is there.
        """

    @abc.abstractmethod
    def append(self, data: bytes) -> Tuple[int, int]:
        """Write at the end; how many bytes were taken, and the offset after them."""

    @abc.abstractmethod
    def truncate(self, size: int) -> None:
        """Make it ``size`` bytes long; what is added reads as zeros."""

    @abc.abstractmethod
    def allocate(self, offset: int, length: int) -> None:
        """Make room for so many bytes at ``offset``: it is at least so long then."""

    @abc.abstractmethod
    def sync(self, *, data_only: bool) -> None:
        """Have it on the disk, if there is one."""


class Directory(Node):
    """A directory.  Nothing in it is followed: a link is a node like any other."""

    filetype = Filetype.DIRECTORY

    @abc.abstractmethod
    def lookup(self, name: bytes) -> Node:
        """What has this name: a directory, a link, or any other node to look at.  ENOENT."""

    @abc.abstractmethod
    def entries(self) -> List[Entry]:
        """All names, sorted, without ``.`` and ``..``."""

    @abc.abstractmethod
    def open(
        self, name: bytes, *, read: bool, write: bool, create: bool = False,
        exclusive: bool = False, truncate: bool = False,
    ) -> File:  # fmt: skip
        """Open a file.

        ENOENT without ``create``; EEXIST for any node with ``exclusive``; ELOOP
        for a link; EISDIR for a directory; EROFS to change what is read-only.
        """

    @abc.abstractmethod
    def make_directory(self, name: bytes) -> None:
        """Make an empty directory.  EEXIST."""

    @abc.abstractmethod
    def make_symlink(self, name: bytes, target: bytes) -> None:
        """Make a link that leads to ``target``, which need not exist.  EEXIST."""

    @abc.abstractmethod
    def make_link(self, name: bytes, of: Directory, of_name: bytes) -> None:
        """Give what ``of`` has as ``of_name`` one more name.

        A link is linked itself, not what it leads to.  EEXIST; EPERM for a
        directory; EXDEV from another file system.
        """

    @abc.abstractmethod
    def remove_file(self, name: bytes) -> None:
        """Take a name away from what is no directory.  EISDIR (EPERM) for a directory."""

    @abc.abstractmethod
    def remove_directory(self, name: bytes) -> None:
        """Remove an empty directory.  ENOTDIR, ENOTEMPTY."""

    @abc.abstractmethod
    def rename(self, name: bytes, to: Directory, to_name: bytes) -> None:
        """Move a node, in the place of what has the new name if that can be.

        As POSIX: a file replaces a file, a directory an empty directory; onto
        itself is nothing.  EXDEV; EINVAL into itself; EISDIR, ENOTDIR, ENOTEMPTY.
        """

    @abc.abstractmethod
    def sync(self, *, data_only: bool) -> None:
        """Have its names on the disk, if there is one."""

    @abc.abstractmethod
    def again(self) -> Directory:
        """Another handle for the same directory."""


class FileSystem(abc.ABC):
    """A tree of nodes."""

    read_only: bool = False
    uses_descriptors: bool = False
    """Whether what is open in it takes a descriptor of the host's."""
    dev: int = 1
    """What its nodes say in ``Stat.dev``, unless they are a host's.  A guest that is
    given several with the same number is told others."""

    @abc.abstractmethod
    def root(self) -> Directory:
        """A handle for the top directory."""

    def reset(self) -> None:  # noqa: B027 - as close
        """Back to how it was at first, where it is the guest's own; a host's directory stays.

        Handles from before are of no use any more: ask for ``root`` again.
        """

    def close(self) -> None:  # noqa: B027 - many have nothing to do
        """Let go of what the host holds; twice is harmless."""
