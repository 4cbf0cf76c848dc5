"""A file system that begins as another, and keeps in memory what a guest changes.

What belongs here: what of a tree lies below still, and what becomes of it when
it is changed.  What does not: what operations do (``tree``).

The one below is only read.  Each of its nodes is known by its device and
number, and stands here for one inode, whatever names lead to it; an inode that
was changed is kept, others are made again when they are needed.  So a directory
is renamed by moving one name, with all that is below it still below, and a
change under one hard link is seen under the others.  A file's content is copied
when it is changed for the first time; a name that was taken away, but is there
below, is kept as hidden.
"""

from __future__ import annotations

import weakref
from typing import Dict, List, Optional, Tuple

from wasi.clocks import Clock
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory, Entry, File, FileSystem, Filetype, Node, Symlink
from wasi.fs.clocked import Clocked
from wasi.fs.memory import MAX_BYTES, MAX_NODES
from wasi.fs.quota import Quota
from wasi.fs.tree import (
    DirectoryInode,
    FileInode,
    Identity,
    Inode,
    LinkInode,
    Tree,
    TreeDirectory,
    TreeFile,
)

CHUNK = 1024 * 1024
"""How much is copied at once, in bytes."""

FIRST_NUMBER = 1 << 48
"""Inodes that have nothing below are numbered from here; those that have keep their numbers."""


class OverlayFileSystem(Clocked):
    """What ``lower`` has, to be changed without changing it; ``reset`` forgets the changes.

    What is new or copied counts against ``max_bytes`` and ``max_nodes``: EDQUOT.
    ``lower`` must not be changed by others meanwhile; if it is, a guest sees one or
    the other, or ESTALE, but never more than is in it.  It stays the caller's:
    neither reset nor closed from here.
    """

    def __init__(
        self, lower: FileSystem, *, max_bytes: Optional[int] = MAX_BYTES,
        max_nodes: Optional[int] = MAX_NODES, clock: Optional[Clock] = None, dev: int = 2,
    ) -> None:  # fmt: skip
        self.dev = dev
        self._lower = lower
        self.uses_descriptors = lower.uses_descriptors
        self._limits = (max_bytes, max_nodes)
        super().__init__(clock)
        self._tree: Optional[_Tree] = None

    def _took(self, clock: Clock) -> None:
        if self._tree is not None:
            self._tree.clock = clock

    @property
    def quota(self) -> Quota:
        """What is used, and what there is."""
        return self._planted().quota

    def root(self) -> Directory:
        """A handle for the top directory."""
        tree = self._planted()
        return _Directory(tree, tree.top, self._lower.root())

    def reset(self) -> None:
        """Back to what lies below; a clock of its own too."""
        super().reset()
        self._tree = None

    def _planted(self) -> _Tree:
        if self._tree is None:
            quota = Quota(*self._limits, Errno.EDQUOT)
            self._tree = _Tree(quota, self._clock, self.dev, self._lower)
        return self._tree


class _Tree(Tree):
    """The inodes of an overlay."""

    def __init__(self, quota: Quota, clock: Clock, dev: int, lower: FileSystem) -> None:
        super().__init__(quota, clock, dev)
        self._next = FIRST_NUMBER
        self.lower = lower
        self._known: weakref.WeakValueDictionary[Identity, Inode] = weakref.WeakValueDictionary()
        self._kept: Dict[Identity, Inode] = {}
        with lower.root() as root:
            top = self.adopt(root, None, ())
        assert isinstance(top, DirectoryInode)
        self.top = top

    def changed(self, inode: Inode) -> None:
        """Keep an inode that is not any more what lies below."""
        if inode.below is not None:
            self._kept[inode.identity] = inode

    def release(self, inode: Inode) -> None:
        """Give back what a link that was made here takes, not what lies below."""
        if not (isinstance(inode, LinkInode) and inode.below is not None):
            super().release(inode)

    def is_gone(self, inode: Inode) -> bool:
        """Whether the guest took the last name from what is below still."""
        return inode.nlink <= 0 and inode.identity in self._kept

    def adopt(
        self, node: Node, parent: Optional[DirectoryInode], names: Tuple[bytes, ...]
    ) -> Inode:
        """The inode for what was found below, at the end of ``names``, and in ``parent``."""
        stat = node.stat()
        identity = (stat.dev, stat.ino)
        inode = self._known.get(identity)
        if inode is not None and inode.filetype == stat.filetype:
            return inode
        if isinstance(node, Directory):
            inode = DirectoryInode(identity, 0, parent)
        elif isinstance(node, Symlink):
            inode = LinkInode(identity, 0, node.target())
        elif stat.filetype == Filetype.REGULAR_FILE:
            inode = FileInode(identity, 0)
            inode.data = None
            inode.size_elsewhere = stat.size
        else:
            inode = Inode(identity, 0)
            inode.filetype = stat.filetype
        inode.nlink = stat.nlink
        inode.atim, inode.mtim, inode.ctim = stat.atim, stat.mtim, stat.ctim
        self._known[identity] = inode
        inode.below = names
        return inode

    def below(
        self, inode: DirectoryInode, within: Optional[Directory], name: bytes
    ) -> Optional[Directory]:
        """A handle for what lies below a directory; None for a new one.

        ``within``, if it is known, has it as ``name``; else it is looked for from the top.
        """
        if inode.below is None:
            return None
        if within is None:
            directory: Node = self._walk(inode.below)
        else:
            directory = within.lookup(name)
        self._must_be(directory, inode)
        assert isinstance(directory, Directory)
        return directory

    def open_below(self, inode: FileInode, within: Optional[Directory], name: bytes) -> File:
        """The content below of a file that was not changed yet; ``within`` as for ``below``."""
        assert inode.below is not None
        if within is None:
            with self._walk(inode.below[:-1]) as directory:
                assert isinstance(directory, Directory)
                file = directory.open(inode.below[-1], read=True, write=False)
        else:
            file = within.open(name, read=True, write=False)
        self._must_be(file, inode)
        return file

    def _walk(self, names: Tuple[bytes, ...]) -> Directory:
        """A directory below.  ESTALE where there is another thing now."""
        directory = self.lower.root()
        for name in names:
            with directory:
                node = directory.lookup(name)
            if not isinstance(node, Directory):
                node.close()
                raise ErrnoError(Errno.ESTALE)
            directory = node
        return directory

    def _must_be(self, node: Node, inode: Inode) -> None:
        stat = node.stat()
        if (stat.dev, stat.ino) != inode.identity:
            node.close()
            raise ErrnoError(Errno.ESTALE)


class _File(TreeFile):
    """A file; what lies below is read there until it is changed."""

    _tree: _Tree

    def __init__(
        self, tree: _Tree, inode: FileInode, below: Optional[File], *, read: bool, write: bool
    ) -> None:
        self._below = below
        super().__init__(tree, inode, read=read, write=write)

    def close(self) -> None:
        """Let go of it, and of what lies below."""
        super().close()
        if self._below is not None:
            self._below.close()

    def _read_elsewhere(self, size: int, offset: int) -> bytes:
        assert self._below is not None
        return self._below.pread(size, offset)

    def _own(self, size: Optional[int] = None) -> bytearray:
        """The content, copied if it lies below still, as much of it as is needed."""
        inode = self._inode
        if inode.data is None:
            assert self._below is not None
            copy = bytearray()
            wanted = inode.size_elsewhere if size is None else min(size, inode.size_elsewhere)
            self._tree.quota.need_bytes(wanted)
            while len(copy) < wanted:
                part = self._below.pread(min(CHUNK, wanted - len(copy)), len(copy))
                if not part:
                    break
                copy += part
            inode.data = copy
            self._tree.quota.add_bytes(len(copy))
            self._tree.changed(inode)
        return inode.data


class _Directory(TreeDirectory):
    """A directory: its own names, and those of what lies below that are not hidden."""

    _tree: _Tree

    def __init__(self, tree: _Tree, inode: DirectoryInode, below: Optional[Directory]) -> None:
        super().__init__(tree, inode)
        self._below = below

    def entries(self) -> List[Entry]:
        """All names, sorted."""
        with self._tree.lock:
            found = super().entries()
            if self._below is not None and not self._inode.removed:
                own = self._inode.entries
                found += [entry for entry in self._below.entries() if entry.name not in own]
                found.sort()
            return found

    def again(self) -> Directory:
        """Another handle for the same directory."""
        below = None if self._below is None else self._below.again()
        return _Directory(self._tree, self._inode, below)

    def close(self) -> None:
        """Let go of what lies below."""
        if self._below is not None:
            self._below.close()

    def _find(self, name: bytes) -> Optional[Inode]:
        if name in self._inode.entries:
            return self._inode.entries[name]
        node = self._find_below(name)
        if node is None:
            return None
        with node:
            assert self._inode.below is not None
            inode = self._tree.adopt(node, self._inode, (*self._inode.below, name))
        # What was removed can still be there under another spelling, where case does not count.
        return None if self._tree.is_gone(inode) else inode

    def _find_below(self, name: bytes) -> Optional[Node]:
        if self._below is None or self._inode.removed:
            return None
        try:
            return self._below.lookup(name)
        except ErrnoError as error:
            if error.errno == Errno.ENOENT:
                return None
            raise

    def _forget(self, name: bytes) -> None:
        node = self._find_below(name)
        if node is None:
            del self._inode.entries[name]
        else:
            node.close()
            self._inode.entries[name] = None

    def _directory(self, name: bytes, inode: DirectoryInode) -> TreeDirectory:
        below = self._tree.below(inode, self._within(name), name)
        return _Directory(self._tree, inode, below)

    def _file(self, name: bytes, inode: FileInode, *, read: bool, write: bool) -> TreeFile:
        below = None
        if inode.data is None:
            below = self._tree.open_below(inode, self._within(name), name)
        return _File(self._tree, inode, below, read=read, write=write)

    def _within(self, name: bytes) -> Optional[Directory]:
        """What lies below, if it has this name still."""
        return None if name in self._inode.entries else self._below
