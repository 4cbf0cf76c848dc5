"""A tree of inodes in memory, and the handles through which it is seen.

What belongs here: what each operation on a directory and a file does and in
which order it looks for what is wrong, once for every file system that keeps
its tree in memory.  What does not: where a tree comes from (``memory``,
``archive``), and what lies below it (``overlay``).

A name counts one against the quota, and a file's content and a link's target
count their bytes; a file that lost its last name counts until it is closed.
"""

from __future__ import annotations

import threading
from typing import Dict, List, Optional, Tuple

from wasi.clocks import Clock
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import (
    Directory,
    Entry,
    File,
    Filetype,
    Node,
    Stat,
    Symlink,
    checked_name,
    checked_range,
    told_time,
)
from wasi.fs.quota import Quota

MAX_NLINK = 65_000
"""How many names a file can have; one more is EMLINK."""

Identity = Tuple[int, int]
"""A device and the number of an inode on it."""


class Inode:
    """What names stand for.  Only a tree's handles touch it."""

    filetype = Filetype.UNKNOWN

    def __init__(self, identity: Identity, now: int) -> None:
        self.identity = identity
        self.nlink = 0
        # Where it lies below an overlay: the names from the top.  None if it is new.
        self.below: Optional[Tuple[bytes, ...]] = None
        self.atim = self.mtim = self.ctim = now

    def size(self) -> int:
        """Its size in bytes, as ``Stat`` says it."""
        return 0


class LinkInode(Inode):
    """A symbolic link."""

    filetype = Filetype.SYMBOLIC_LINK

    def __init__(self, identity: Identity, now: int, target: bytes) -> None:
        super().__init__(identity, now)
        self.target = target

    def size(self) -> int:
        """As everywhere, the length of the target."""
        return len(self.target)


class FileInode(Inode):
    """A file; ``data`` is None while the content lies elsewhere still."""

    filetype = Filetype.REGULAR_FILE

    def __init__(self, identity: Identity, now: int) -> None:
        super().__init__(identity, now)
        self.data: Optional[bytearray] = bytearray()
        self.opens = 0
        self.size_elsewhere = 0

    def size(self) -> int:
        """The length of the content."""
        return self.size_elsewhere if self.data is None else len(self.data)


class DirectoryInode(Inode):
    """A directory; a name that stands for None hides one that lies below."""

    filetype = Filetype.DIRECTORY

    def __init__(self, identity: Identity, now: int, parent: Optional[DirectoryInode]) -> None:
        super().__init__(identity, now)
        self.entries: Dict[bytes, Optional[Inode]] = {}
        self.parent = parent
        self.nlink = 2
        self.removed = False

    def is_in(self, other: Inode) -> bool:
        """Whether it is ``other``, or somewhere inside it."""
        here: Optional[DirectoryInode] = self
        while here is not None:
            if here is other:
                return True
            here = here.parent
        return False


class Tree:
    """What all inodes of one tree have in common: quota, clock, numbers, a lock."""

    def __init__(self, quota: Quota, clock: Clock, dev: int) -> None:
        self.quota = quota
        self.clock = clock
        self.dev = dev
        self.lock = threading.RLock()
        self._next = 1

    def identity(self) -> Identity:
        """A number that no inode had before."""
        number, self._next = self._next, self._next + 1
        return self.dev, number

    def changed(self, inode: Inode) -> None:
        """Hear that ``inode`` is not any more what it was at first."""

    def release(self, inode: Inode) -> None:
        """Give back what ``inode`` takes, if it has no name and nobody has it open."""
        if inode.nlink > 0:
            return
        if isinstance(inode, FileInode):
            if inode.opens == 0 and inode.data is not None:
                self.quota.add_bytes(-len(inode.data))
                inode.data = bytearray()
        elif isinstance(inode, LinkInode):
            self.quota.add_bytes(-len(inode.target))


def stat_of(inode: Inode) -> Stat:
    """The attributes of ``inode``."""
    dev, ino = inode.identity
    return Stat(
        dev, ino, inode.filetype, inode.nlink, inode.size(),
        # A clock that was given may say anything.
        told_time(inode.atim), told_time(inode.mtim), told_time(inode.ctim),
    )  # fmt: skip


def set_times_of(tree: Tree, inode: Inode, atim: Optional[int], mtim: Optional[int]) -> None:
    """Set the times that are not None."""
    with tree.lock:
        if atim is not None:
            inode.atim = atim
        if mtim is not None:
            inode.mtim = mtim
        inode.ctim = tree.clock.now()
        tree.changed(inode)


class TreeNode(Node):
    """A handle to look at anything."""

    def __init__(self, tree: Tree, inode: Inode) -> None:
        self._tree = tree
        self._inode = inode
        self.filetype = inode.filetype

    def stat(self) -> Stat:
        """Its attributes."""
        return stat_of(self._inode)

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        """Set the times that are not None."""
        set_times_of(self._tree, self._inode, atim, mtim)


class TreeSymlink(TreeNode, Symlink):
    """A handle for a link."""

    def __init__(self, tree: Tree, inode: LinkInode) -> None:
        super().__init__(tree, inode)
        self._target = inode.target

    def target(self) -> bytes:
        """Where it says that it leads."""
        return self._target


class TreeFile(File):
    """A file that was opened."""

    filetype = Filetype.REGULAR_FILE

    def __init__(self, tree: Tree, inode: FileInode, *, read: bool, write: bool) -> None:
        self._tree = tree
        self._inode = inode
        self._read = read
        self._write = write
        self._open = True
        inode.opens += 1

    def stat(self) -> Stat:
        """Its attributes."""
        return stat_of(self._inode)

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        """Set the times that are not None."""
        set_times_of(self._tree, self._inode, atim, mtim)

    def pread(self, size: int, offset: int) -> bytes:
        """At most ``size`` bytes at ``offset``."""
        self._may(self._read)
        checked_range(offset)
        with self._tree.lock:
            data = self._inode.data
            if data is None:
                return self._read_elsewhere(size, offset)
            with memoryview(data) as view:
                return bytes(view[offset : offset + max(0, size)])

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write at ``offset``; how many bytes were taken."""
        self._may(self._write)
        checked_range(offset, len(data))
        if not data:
            return 0
        with self._tree.lock:
            content = self._own()
            old = len(content)
            room = self._tree.quota.grant(max(0, offset + len(data) - old))
            end = min(offset + len(data), old + room)
            if end <= offset:
                raise ErrnoError(self._tree.quota.errno)
            self._grow(content, end)
            content[offset:end] = data[: end - offset]
            self._written()
            return end - offset

    def append(self, data: bytes) -> Tuple[int, int]:
        """Write at the end; how many bytes were taken, and the offset after them."""
        with self._tree.lock:
            end = self._inode.size()
            taken = self.pwrite(data, end)
            return taken, end + taken

    def truncate(self, size: int) -> None:
        """Make it ``size`` bytes long."""
        self._may(self._write)
        self.resize(size)

    def resize(self, size: int) -> None:
        """Make it ``size`` bytes long, whatever it was opened for."""
        checked_range(size)
        with self._tree.lock:
            content = self._own(size)
            if size >= len(content):
                self._tree.quota.need_bytes(size - len(content))
                self._grow(content, size)
            else:
                self._tree.quota.add_bytes(size - len(content))
                del content[size:]
            self._written()

    def allocate(self, offset: int, length: int) -> None:
        """Make it at least ``offset + length`` bytes long."""
        self._may(self._write)
        checked_range(offset, length)
        if not length:
            raise ErrnoError(Errno.EINVAL)
        with self._tree.lock:
            if offset + length > self._inode.size():
                self.resize(offset + length)

    def sync(self, *, data_only: bool) -> None:
        """Do nothing: there is no disk."""

    def close(self) -> None:
        """Let go of it; what has no name any more is gone then."""
        with self._tree.lock:
            if self._open:
                self._open = self._read = self._write = False
                self._inode.opens -= 1
                self._tree.release(self._inode)

    def _may(self, what: bool) -> None:  # noqa: FBT001 - one of its own two
        if not what:
            raise ErrnoError(Errno.EBADF)

    def _own(self, size: Optional[int] = None) -> bytearray:
        """The content, to be changed; of the old one ``size`` bytes are enough."""
        assert self._inode.data is not None
        return self._inode.data

    def _read_elsewhere(self, size: int, offset: int) -> bytes:
        """As ``pread``, while the content lies elsewhere."""
        raise AssertionError("content lies elsewhere only where this is known")

    def _grow(self, content: bytearray, size: int) -> None:
        """Fill up with zeros, and count them."""
        gap = size - len(content)
        if gap <= 0:
            return
        try:
            content.extend(bytes(gap))
        except (MemoryError, OverflowError):
            raise ErrnoError(self._tree.quota.errno) from None
        self._tree.quota.add_bytes(gap)

    def _written(self) -> None:
        self._inode.mtim = self._inode.ctim = self._tree.clock.now()
        self._tree.changed(self._inode)


class TreeDirectory(Directory):
    """A handle for a directory."""

    def __init__(self, tree: Tree, inode: DirectoryInode) -> None:
        self._tree = tree
        self._inode = inode

    # What an overlay does differently.

    def _find(self, name: bytes) -> Optional[Inode]:
        """What has this name."""
        return self._inode.entries.get(name)

    def _owns(self, name: bytes) -> bool:
        """Whether the name is kept, and counted, in this tree itself."""
        return self._inode.entries.get(name) is not None

    def _forget(self, name: bytes) -> None:
        """Let nothing have this name."""
        del self._inode.entries[name]

    def _directory(self, name: bytes, inode: DirectoryInode) -> TreeDirectory:
        """A handle for a directory in this one."""
        return TreeDirectory(self._tree, inode)

    def _file(self, name: bytes, inode: FileInode, *, read: bool, write: bool) -> TreeFile:
        """A handle for a file in this directory."""
        return TreeFile(self._tree, inode, read=read, write=write)

    def entries(self) -> List[Entry]:
        """All names, sorted."""
        with self._tree.lock:
            return [
                Entry(name, inode.identity[1], inode.filetype)
                for name, inode in sorted(self._inode.entries.items(), key=lambda item: item[0])
                if inode is not None
            ]

    def sync(self, *, data_only: bool) -> None:
        """Do nothing: there is no disk."""

    def again(self) -> Directory:
        """Another handle for the same directory."""
        return TreeDirectory(self._tree, self._inode)

    # What is the same for all.

    def stat(self) -> Stat:
        """Its attributes."""
        return stat_of(self._inode)

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        """Set the times that are not None."""
        set_times_of(self._tree, self._inode, atim, mtim)

    def lookup(self, name: bytes) -> Node:
        """What has this name."""
        with self._tree.lock:
            inode = self._get(name)
            if isinstance(inode, DirectoryInode):
                return self._directory(name, inode)
            if isinstance(inode, LinkInode):
                return TreeSymlink(self._tree, inode)
            return TreeNode(self._tree, inode)

    def open(
        self, name: bytes, *, read: bool, write: bool, create: bool = False,
        exclusive: bool = False, truncate: bool = False,
    ) -> File:  # fmt: skip
        """Open a file."""
        with self._tree.lock:
            inode = self._find(checked_name(name))
            if inode is None:
                if not create:
                    raise ErrnoError(Errno.ENOENT)
                now = self._may_add()
                made = FileInode(self._tree.identity(), now)
                self._add(name, made, now)
                return self._file(name, made, read=read, write=write)
            if create and exclusive:
                raise ErrnoError(Errno.EEXIST)
            if isinstance(inode, DirectoryInode):
                raise ErrnoError(Errno.EISDIR)
            if isinstance(inode, LinkInode):
                raise ErrnoError(Errno.ELOOP)
            if not isinstance(inode, FileInode):
                raise ErrnoError(Errno.EACCES)
            file = self._file(name, inode, read=read, write=write)
            if truncate:
                try:
                    file.resize(0)
                except BaseException:
                    file.close()
                    raise
            return file

    def make_directory(self, name: bytes) -> None:
        """Make an empty directory."""
        with self._tree.lock:
            self._must_be_free(name)
            now = self._may_add()
            self._add(name, DirectoryInode(self._tree.identity(), now, self._inode), now)

    def make_symlink(self, name: bytes, target: bytes) -> None:
        """Make a link that leads to ``target``."""
        with self._tree.lock:
            self._must_be_free(name)
            self._tree.quota.need_bytes(len(target))
            now = self._may_add()
            self._add(name, LinkInode(self._tree.identity(), now, target), now)
            self._tree.quota.add_bytes(len(target))

    def make_link(self, name: bytes, of: Directory, of_name: bytes) -> None:
        """Give what ``of`` has as ``of_name`` one more name."""
        with self._tree.lock:
            inode = self._same_tree(of)._get(of_name)
            self._must_be_free(name)
            if isinstance(inode, DirectoryInode):
                raise ErrnoError(Errno.EPERM)
            if inode.nlink >= MAX_NLINK:
                raise ErrnoError(Errno.EMLINK)
            now = self._may_add()
            self._add(name, inode, now)

    def remove_file(self, name: bytes) -> None:
        """Take a name away from what is no directory."""
        with self._tree.lock:
            inode = self._get(name)
            if isinstance(inode, DirectoryInode):
                raise ErrnoError(Errno.EISDIR)
            self._remove(name, inode, self._tree.clock.now())

    def remove_directory(self, name: bytes) -> None:
        """Remove an empty directory."""
        with self._tree.lock:
            inode = self._get(name)
            if not isinstance(inode, DirectoryInode):
                raise ErrnoError(Errno.ENOTDIR)
            self._must_be_empty(name, inode)
            self._remove(name, inode, self._tree.clock.now())

    def rename(self, name: bytes, to: Directory, to_name: bytes) -> None:
        """Move a node."""
        with self._tree.lock:
            there = self._same_tree(to)
            inode = self._get(name)
            old = there._find(checked_name(to_name))
            self._may_move(inode, there, to_name, old)
            if old is inode:
                return
            if not (self._owns(name) or there._owns(to_name)):
                self._tree.quota.need_node()
            now = self._tree.clock.now()
            if old is not None:
                there._remove(to_name, old, now)
            self._take(name, inode, now)
            there._add(to_name, inode, now)

    def _may_move(
        self, inode: Inode, there: TreeDirectory, to_name: bytes, old: Optional[Inode]
    ) -> None:
        """Refuse what cannot be moved, in the order in which Linux does."""
        if isinstance(inode, DirectoryInode) and there._inode.is_in(inode):
            raise ErrnoError(Errno.EINVAL)
        if old is None:
            if there._inode.removed:
                raise ErrnoError(Errno.ENOENT)
        elif old is not inode:
            if isinstance(old, DirectoryInode):
                if self._inode.is_in(old):
                    raise ErrnoError(Errno.ENOTEMPTY)
                if not isinstance(inode, DirectoryInode):
                    raise ErrnoError(Errno.EISDIR)
                there._must_be_empty(to_name, old)
            elif isinstance(inode, DirectoryInode):
                raise ErrnoError(Errno.ENOTDIR)

    def _get(self, name: bytes) -> Inode:
        inode = self._find(checked_name(name))
        if inode is None:
            raise ErrnoError(Errno.ENOENT)
        return inode

    def _same_tree(self, other: Directory) -> TreeDirectory:
        if not isinstance(other, TreeDirectory) or other._tree is not self._tree:
            raise ErrnoError(Errno.EXDEV)
        return other

    def _must_be_free(self, name: bytes) -> None:
        if self._find(checked_name(name)) is not None:
            raise ErrnoError(Errno.EEXIST)

    def _must_be_empty(self, name: bytes, inode: DirectoryInode) -> None:
        with self._directory(name, inode) as directory:
            if isinstance(directory, Directory) and directory.entries():
                raise ErrnoError(Errno.ENOTEMPTY)

    def _may_add(self) -> int:
        """Refuse to add a name where there can be none; the time it is, if there can."""
        if self._inode.removed:
            raise ErrnoError(Errno.ENOENT)
        self._tree.quota.need_node()
        return self._tree.clock.now()

    def _add(self, name: bytes, inode: Inode, now: int) -> None:
        """Let ``inode`` have this name, which is free."""
        self._inode.entries[name] = inode
        self._tree.quota.add_nodes(1)
        if isinstance(inode, DirectoryInode):
            inode.parent = self._inode
            self._inode.nlink += 1
        else:
            inode.nlink += 1
        self._changed(inode, now)

    def _take(self, name: bytes, inode: Inode, now: int) -> None:
        """Let ``inode`` not have this name."""
        if self._owns(name):
            self._tree.quota.add_nodes(-1)
        self._forget(name)
        if isinstance(inode, DirectoryInode):
            self._inode.nlink -= 1
        else:
            inode.nlink -= 1
        self._changed(inode, now)

    def _changed(self, inode: Inode, now: int) -> None:
        inode.ctim = self._inode.mtim = self._inode.ctim = now
        self._tree.changed(inode)
        self._tree.changed(self._inode)

    def _remove(self, name: bytes, inode: Inode, now: int) -> None:
        """Let ``inode`` not have this name, nor any other if it is a directory."""
        self._take(name, inode, now)
        if isinstance(inode, DirectoryInode):
            inode.removed = True
            inode.parent = None
            inode.nlink = 0
        self._tree.release(inode)
