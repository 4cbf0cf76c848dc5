"""Walking along a guest's path, from one directory to the next, and never above the first.

What belongs here: how a path becomes a directory in hand and a last name in
it, and what a trailing slash, ``.``, ``..`` and a link mean to each operation.
What does not: how a file system keeps its nodes (``wasi.fs``), descriptors and
rights (``wasi.fdtable``).

No path is ever joined or compared.  Each component is looked up in the
directory before it, which is held open; a link is read and its own components
take its place; ``..`` goes back to the directory that was walked through, which
is still held.  So whatever becomes of the names meanwhile, the way stays below
the directory where it began.

Every failure is an ``ErrnoError``.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from wasi.errno import Errno, ErrnoError
from wasi.fs.base import MAX_NAME, Directory, Node, Symlink

MAX_PATH = 4096
"""A path has fewer bytes than this (with its NUL: Linux's PATH_MAX)."""

MAX_LINKS = 40
"""How many links are followed in one path; one more is ELOOP."""

MAX_DEPTH = 256
"""How many directories are held at once; a path that goes deeper is ENAMETOOLONG."""


class Place(NamedTuple):
    """Where a path leads: a directory in hand, and a last name in it.

    The directory is a handle of its own: close it (or use ``with place.directory``).
    """

    directory: Directory
    name: bytes
    """``b""`` where the path leads to the directory itself: ``.``, ``a/.``, ``a/..``."""
    must_be_directory: bool
    """A slash followed the name, or there is no name."""


def resolve(root: Directory, path: bytes, *, follow: bool) -> Place:
    """Where ``path``, as the guest gave it, leads from ``root``.

    Links on the way are followed, one in the last place only if ``follow``.
    The last name need not exist.

    Raises: ErrnoError: ENOENT for an empty path and for what is missing on the
    way; EINVAL for a NUL; EILSEQ for what is not UTF-8; ENAMETOOLONG; ENOTDIR
    for a way through a file; ELOOP for more than ``MAX_LINKS`` links;
    ENOTCAPABLE for an absolute path or link, and for ``..`` above ``root``.
    """
    return _Walk(root).along(path, follow=follow)


def look_up(root: Directory, path: bytes, *, follow: bool) -> Node:
    """The node at ``path``; close it.  A link with a slash behind it is followed.

    Raises: ErrnoError as ``resolve``, and ENOENT, ENOTDIR for the last name.
    """
    place = resolve(root, path, follow=follow or path.endswith(b"/"))
    with place.directory:
        return _node(place)


def open_at(
    root: Directory, path: bytes, *, follow: bool, read: bool = False, write: bool = False,
    create: bool = False, exclusive: bool = False, truncate: bool = False, directory: bool = False,
) -> Node:  # fmt: skip
    """Open what is at ``path``: a ``File``, or a ``Directory``; close it.

    ``directory`` refuses what is none (ENOTDIR).  With ``create`` and
    ``exclusive`` a link in the last place is never followed.

    Raises: ErrnoError as ``look_up``, and what ``Directory.open`` says; EISDIR
    for a directory that shall be written, truncated or created; ELOOP for a
    link that shall not be followed; EINVAL for ``directory`` with ``create``
    or ``truncate``.
    """
    exclusive = exclusive and create
    if directory and (create or truncate):
        raise ErrnoError(Errno.EINVAL)
    place = resolve(root, path, follow=(follow or path.endswith(b"/")) and not exclusive)
    with place.directory:
        if not (place.must_be_directory or directory):
            try:
                return place.directory.open(
                    place.name, read=read, write=write,
                    create=create, exclusive=exclusive, truncate=truncate,
                )  # fmt: skip
            except ErrnoError as error:
                if error.errno != Errno.EISDIR or write or create or truncate:
                    raise
        try:
            node = _node(place)
        except ErrnoError as error:
            if error.errno == Errno.ENOENT and create:
                raise ErrnoError(Errno.EISDIR) from None
            raise
        if isinstance(node, Directory) and not (write or create or truncate):
            return node
        node.close()
        if not isinstance(node, Directory):
            raise ErrnoError(Errno.ENOTDIR)
        raise ErrnoError(Errno.EEXIST if exclusive else Errno.EISDIR)


def make_directory(root: Directory, path: bytes) -> None:
    """Make an empty directory at ``path``; a slash behind it is welcome."""
    place = resolve(root, path, follow=False)
    with place.directory:
        if not place.name:
            raise ErrnoError(Errno.EEXIST)
        place.directory.make_directory(place.name)


def make_symlink(root: Directory, path: bytes, target: bytes) -> None:
    """Make a link at ``path`` that leads to ``target``.

    Raises: ErrnoError: ENOTCAPABLE for an absolute target, which could never
    be followed; ENOENT for an empty one.
    """
    _check(target)
    place = resolve(root, path, follow=False)
    with place.directory:
        _must_be_free(place)
        place.directory.make_symlink(place.name, target)


def read_link(root: Directory, path: bytes) -> bytes:
    """Where the link at ``path`` says that it leads.  EINVAL for what is no link."""
    with look_up(root, path, follow=False) as node:
        if not isinstance(node, Symlink):
            raise ErrnoError(Errno.EINVAL)
        return node.target()


def make_link(
    root: Directory, path: bytes, new_root: Directory, new_path: bytes, *, follow: bool = False
) -> None:
    """Give what is at ``path`` the name ``new_path`` besides.

    With ``follow`` not a link itself; one with a slash behind it is followed anyway.
    """
    old = resolve(root, path, follow=follow or path.endswith(b"/"))
    with old.directory:
        if old.must_be_directory:
            # Either it is none, or it cannot have a second name.
            _kind_of(old)
            raise ErrnoError(Errno.EPERM)
        new = resolve(new_root, new_path, follow=False)
        with new.directory:
            _must_be_free(new)
            new.directory.make_link(new.name, old.directory, old.name)


def remove_file(root: Directory, path: bytes) -> None:
    """Take the name at ``path`` away from what is no directory."""
    place = resolve(root, path, follow=False)
    with place.directory:
        if place.must_be_directory:
            _kind_of(place)
            raise ErrnoError(Errno.EISDIR)
        place.directory.remove_file(place.name)


def remove_directory(root: Directory, path: bytes) -> None:
    """Remove the empty directory at ``path``.  EINVAL for ``.`` and ``..`` in the last place."""
    place = resolve(root, path, follow=False)
    with place.directory:
        if not place.name:
            raise ErrnoError(Errno.EINVAL)
        place.directory.remove_directory(place.name)


def rename(root: Directory, path: bytes, new_root: Directory, new_path: bytes) -> None:
    """Move what is at ``path`` to ``new_path``.  EBUSY for ``.`` and ``..`` in the last place."""
    old = resolve(root, path, follow=False)
    with old.directory:
        new = resolve(new_root, new_path, follow=False)
        with new.directory:
            if not (old.name and new.name):
                raise ErrnoError(Errno.EBUSY)
            if old.must_be_directory or new.must_be_directory:
                _kind_of(old._replace(must_be_directory=True))
            old.directory.rename(old.name, new.directory, new.name)


def _must_be_free(place: Place) -> None:
    """Refuse what is no name for something new that is no directory."""
    if not place.name:
        raise ErrnoError(Errno.EEXIST)
    if place.must_be_directory:
        place.directory.lookup(place.name).close()
        raise ErrnoError(Errno.EEXIST)


def _kind_of(place: Place) -> None:
    """Refuse what is missing, or is no directory where it has to be one."""
    _node(place).close()


def _node(place: Place) -> Node:
    """What is at ``place``; a directory, if it has to be."""
    if not place.name:
        return place.directory.again()
    node = place.directory.lookup(place.name)
    if place.must_be_directory and not isinstance(node, Directory):
        node.close()
        raise ErrnoError(Errno.ENOTDIR)
    return node


def _check(path: bytes) -> None:
    """Refuse what is no relative path."""
    if not path:
        raise ErrnoError(Errno.ENOENT)
    if len(path) >= MAX_PATH:
        raise ErrnoError(Errno.ENAMETOOLONG)
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        raise ErrnoError(Errno.EILSEQ) from None
    if b"\0" in path:
        raise ErrnoError(Errno.EINVAL)
    if path.startswith(b"/"):
        raise ErrnoError(Errno.ENOTCAPABLE)


class _Walk:
    """A walk under way: the directories that lead to where it is, and what is still to go."""

    def __init__(self, root: Directory) -> None:
        self._root = root
        self._way: List[Directory] = []  # held; without the root, which is the caller's
        self._ahead: List[bytes] = []  # components, the next one last
        self._links = 0

    def along(self, path: bytes, *, follow: bool) -> Place:
        try:
            self._add(path)
            while True:
                place = self._step(follow=follow)
                if place is not None:
                    return place
        finally:
            for directory in self._way:
                directory.close()

    def _add(self, path: bytes) -> None:
        """Put the components of ``path`` before what is ahead; ``b""`` at the end for a slash."""
        _check(path)
        parts = [part for part in path.split(b"/") if part]
        if path.endswith(b"/") and not self._ahead:
            parts.append(b"")
        self._ahead.extend(reversed(parts))

    def _step(self, *, follow: bool) -> Optional[Place]:
        """Take the next component; the place, where it was the last one."""
        name = self._ahead.pop()
        slash = self._ahead == [b""]
        last = slash or not self._ahead
        here = self._way[-1] if self._way else self._root
        if name in (b".", b".."):
            if name == b"..":
                if not self._way:
                    raise ErrnoError(Errno.ENOTCAPABLE)
                self._way.pop().close()
            return self._arrived(b"", slash=True) if last else None
        if len(name) > MAX_NAME:
            raise ErrnoError(Errno.ENAMETOOLONG)
        if last and not follow:
            return self._arrived(name, slash=slash)
        try:
            node = here.lookup(name)
        except ErrnoError as error:
            if last and error.errno == Errno.ENOENT:
                return self._arrived(name, slash=slash)
            raise
        if isinstance(node, Symlink):
            self._follow(node)
            return None
        if last:
            node.close()
            return self._arrived(name, slash=slash)
        if not isinstance(node, Directory):
            node.close()
            raise ErrnoError(Errno.ENOTDIR)
        self._way.append(node)
        if len(self._way) > MAX_DEPTH:
            raise ErrnoError(Errno.ENAMETOOLONG)
        return None

    def _follow(self, link: Symlink) -> None:
        """Let what the link leads to be what is ahead next."""
        with link:
            self._links += 1
            if self._links > MAX_LINKS:
                raise ErrnoError(Errno.ELOOP)
            self._add(link.target())

    def _arrived(self, name: bytes, *, slash: bool) -> Place:
        directory = self._way.pop() if self._way else self._root.again()
        return Place(directory, name, slash)


__all__ = [
    "MAX_DEPTH", "MAX_LINKS", "MAX_NAME", "MAX_PATH", "Place", "look_up", "make_directory",
    "make_link", "make_symlink", "open_at", "read_link", "remove_directory", "remove_file",
    "rename", "resolve",
]  # fmt: skip
