"""A file system in memory.

What belongs here: its limits, its first content, and going back to that.  What
does not: what operations do (``tree``).

No real clock and nothing of the host: the same operations give the same tree,
with the same numbers and times.  Reading sets no time.
"""

from __future__ import annotations

from typing import Mapping, Optional, Union

from wasi import paths
from wasi.clocks import START_REALTIME, Clock
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory
from wasi.fs.clocked import Clocked
from wasi.fs.quota import Quota
from wasi.fs.tree import DirectoryInode, Tree, TreeDirectory

MAX_BYTES = 256 * 1024 * 1024
"""How much the files of a file system in memory may hold together, unless said otherwise."""

MAX_NODES = 65_536
"""How many names there may be in a file system in memory, unless said otherwise."""

Content = Union[bytes, bytearray, memoryview, None]
"""What a file begins with; None for a directory."""


class StoppedClock:
    """Always the same moment."""

    def now(self) -> int:
        """2022-01-01T00:00:00Z."""
        return START_REALTIME

    def monotonic(self) -> int:
        """Nothing ever passed."""
        return 0

    def sleep(self, duration: int) -> None:
        """Nothing passes."""


class MemoryFileSystem(Clocked):
    """Files in memory, with ``files`` (path to content) at first; ``reset`` goes back to them.

    A file system that is full, in bytes or in names, is ENOSPC to the guest; what
    is there at first counts too, and is from 2022-01-01T00:00:00Z.  ``clock`` can
    be set to the guest's own, so that the times of what comes later are the guest's.

    Raises: ValueError for ``files`` that cannot be, or do not fit.

    >>> fs = MemoryFileSystem({"etc/motd": b"hello"})
    >>> with fs.root() as root: [entry.name for entry in root.entries()]
    [b'etc']
    """

    def __init__(
        self, files: Optional[Mapping[Union[str, bytes], Content]] = None, *,
        max_bytes: Optional[int] = MAX_BYTES, max_nodes: Optional[int] = MAX_NODES,
        clock: Optional[Clock] = None, dev: int = 1,
    ) -> None:  # fmt: skip
        self.dev = dev
        self._limits = (max_bytes, max_nodes)
        super().__init__(clock)
        self._files = {
            path.encode() if isinstance(path, str) else path:
            None if content is None else bytes(content)
            for path, content in (files or {}).items()
        }  # fmt: skip
        self._top: Optional[DirectoryInode] = None
        self._tree = self._plant()

    def _took(self, clock: Clock) -> None:
        self._tree.clock = clock

    @property
    def quota(self) -> Quota:
        """What is used, and what there is."""
        return self._tree.quota

    def root(self) -> Directory:
        """A handle for the top directory."""
        assert self._top is not None
        return TreeDirectory(self._tree, self._top)

    def reset(self) -> None:
        """Back to the first content; a clock of its own too."""
        super().reset()
        self._tree = self._plant()

    def _plant(self) -> Tree:
        """A tree with the first content."""
        # Not to be seen in what the guest's clock says: going back is to be like beginning.
        tree = Tree(Quota(*self._limits, Errno.ENOSPC), StoppedClock(), self.dev)
        self._top = DirectoryInode(tree.identity(), tree.clock.now(), None)
        root = TreeDirectory(tree, self._top)
        path = b""
        try:
            for path, content in self._files.items():
                if content is None:
                    make_directories(root, path)
                else:
                    add_file(root, path, content)
        except ErrnoError as error:
            raise ValueError(f"no file can be at {path!r}: {error.errno.name}") from None
        tree.clock = self._clock
        return tree


def make_directories(root: Directory, path: bytes) -> None:
    """Make the directories of ``path`` that there are not yet; never through a link.

    Raises: ErrnoError: what ``paths.make_directory`` says; ENOTDIR where
    something else has the name.
    """
    made = b""
    for part in path.split(b"/"):
        made += part
        if part not in (b"", b"."):
            try:
                paths.make_directory(root, made)
            except ErrnoError as error:
                if error.errno != Errno.EEXIST:
                    raise
                with paths.look_up(root, made, follow=False) as node:
                    if not isinstance(node, Directory):
                        raise ErrnoError(Errno.ENOTDIR) from None
        made += b"/"


def add_file(root: Directory, path: bytes, content: bytes) -> None:
    """Make a file, and the directories on the way to it.

    Raises: ErrnoError: as ``make_directories``; EEXIST; ENOSPC where not all fits.
    """
    if b"/" in path:
        make_directories(root, path.rpartition(b"/")[0])
    with paths.open_at(root, path, follow=False, write=True, create=True, exclusive=True) as file:
        if content and file.pwrite(content, 0) < len(content):  # type: ignore[attr-defined]
            raise ErrnoError(Errno.ENOSPC)
