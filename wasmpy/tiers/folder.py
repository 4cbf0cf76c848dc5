"""The directory of the cache: whom it belongs to, and what is in it.

What belongs here: opening the directory only where nobody else can write to
it, opening and listing its entries, removing the oldest.  What does not: what
an entry contains.

Whoever can write an entry decides what this process executes.  So the
directory must be a real one (no symbolic link in its place), belong to the
user and be writable by nobody else; so must each entry, which must be a
regular file.  All is done relative to the open directory, so that another
one put in its place after the check changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

from wasmpy.errors import WasmError

SUFFIX = ".wasmpy"
"""How the name of an entry ends, behind its key."""

TEMPORARY = ".new"
"""How the name of a file ends that is being written."""

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ABANDONED = 3600.0
"""Seconds after which nobody writes a file any more that was not put in its place."""


class CacheError(WasmError):
    """The directory cannot be the cache: ``path`` is it, ``reason`` why in a word.

    ``reason`` is ``link``, ``kind``, ``owner``, ``mode``, ``system`` or ``unusable``.
    """

    fields = ("message", "path", "reason")

    def __init__(self, message: str, path: str, reason: str) -> None:
        super().__init__(message)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Stored(NamedTuple):
    """A file of the cache."""

    name: str
    size: int
    used: float


def _supported() -> bool:
    """Whether this system can say who may write where."""
    needed = {os.open, os.mkdir, os.unlink, os.stat}
    return hasattr(os, "geteuid") and hasattr(os, "pread") and needed <= os.supports_dir_fd


def open_folder(path: str, *, create: bool) -> int:
    """Open the directory, or make it.

    Raises: CacheError if it is not the user's alone; FileNotFoundError; OSError.
    """
    if not _supported():
        raise CacheError("this system does not tell who can write there", path, "system")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    if create:
        _make(Path(path))
    try:
        fd = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        if Path(path).is_symlink():
            raise CacheError("a symbolic link is not taken", path, "link") from error
        if not Path(path).is_dir():
            raise CacheError("it is no directory", path, "kind") from error
        raise
    try:
        _check(os.fstat(fd), path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _make(path: Path) -> None:
    """Make a directory, and those above it that are missing, for the user alone."""
    if os.path.lexists(path):
        return
    _make(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(0o700)


def _check(status: os.stat_result, path: str) -> None:
    """Raises: CacheError, if somebody else could have written here."""
    if status.st_uid != os.geteuid():
        raise CacheError("it belongs to another user", path, "owner")
    if status.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        raise CacheError(
            f"others can write there (mode {mode:o}), and what stands there is executed; "
            "take their right away (chmod go-w), or name another directory",
            path, "mode",
        )  # fmt: skip


@contextlib.contextmanager
def folder(path: str, *, create: bool = False) -> Iterator[int]:
    """The directory, open.  Raises: as ``open_folder``."""
    fd = open_folder(path, create=create)
    try:
        yield fd
    finally:
        os.close(fd)


def open_entry(fd: int, name: str) -> int:
    """Open an entry of an open directory for reading.

    Raises: CacheError if it is no file of the user's alone; FileNotFoundError; OSError.
    """
    # A named pipe in its place must not be waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    found = os.open(name, flags, dir_fd=fd)
    try:
        status = os.fstat(found)
        if not stat.S_ISREG(status.st_mode):
            raise CacheError("it is no regular file", name, "kind")
        _check(status, name)
    except BaseException:
        os.close(found)
        raise
    return found


def entries(fd: int) -> List[Stored]:
    """The entries, the one that was used last at the end."""
    return sorted(_files(fd, SUFFIX), key=lambda stored: (stored.used, stored.name))


def _files(fd: int, suffix: str) -> Iterator[Stored]:
    for name in os.listdir(fd):
        if name.endswith(suffix):
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                yield Stored(name, status.st_size, status.st_mtime)


def remove(fd: int, files: List[Stored]) -> Tuple[int, int]:
    """Remove files; how many there were, and their bytes."""
    count = size = 0
    for stored in files:
        with contextlib.suppress(OSError):
            os.unlink(stored.name, dir_fd=fd)
            count, size = count + 1, size + stored.size
    return count, size


def evict(fd: int, max_bytes: int) -> None:
    """Remove those that were not used for the longest time, until the rest is no more than that.

    So are files that somebody began to write long ago and gave up.
    """
    there = entries(fd)
    total = sum(stored.size for stored in there)
    out = []
    for stored in there:
        if total <= max_bytes:
            break
        total -= stored.size
        out.append(stored)
    now = time.time()
    out += [stored for stored in _files(fd, TEMPORARY) if now - stored.used > _ABANDONED]
    remove(fd, out)


def abandoned(fd: int) -> List[Stored]:
    """Files that are being written, or were."""
    return list(_files(fd, TEMPORARY))
