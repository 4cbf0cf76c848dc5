"""The file of a cache entry: a table of sections, each with its own hash.

What belongs here: the format, reading a section and checking it, writing a
file in one step.  What does not: what the sections mean (``stored``,
``cache``), and which directory is trusted (``folder``).

A file is a header (magic, key, hash, count), an index of ``count`` sections
(kind, number, place, length, hash), and the sections.  The header's hash
covers key, count and index; each section's its bytes.  So nothing is handed
out before its hash was compared, and a start reads no more of the file than
it needs.  The hashes tell damage; that nobody else writes here is a matter of
the directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from typing import Dict, Iterator, Mapping, Optional, Tuple

MAGIC = b"\x89wasmpy-cache\r\n\x1a"
"""The first bytes: no text, and broken by whatever changes ends of lines."""

_HEAD = struct.Struct("<16s32s32sQ")
_ITEM = struct.Struct("<IIQQ32s")

DESCRIPTION, MODULE, BINARY, BODY, DIRECT, METERED = range(6)
"""The kinds of sections; of the last three there is one for each function."""

Place = Tuple[int, int]
"""Which section: its kind, and its number among those of the kind."""


class Damaged(Exception):  # noqa: N818 - never leaves the cache
    """The file, or the section asked for, is not what was once written."""


class Sections:
    """The sections of an open file, read when they are asked for.

    Closes the file when it is let go.  Raises: Damaged, OSError.
    """

    __slots__ = ("_fd", "_index", "key", "size")

    def __init__(self, fd: int, key: Optional[bytes] = None) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        head = os.pread(fd, _HEAD.size, 0)
        if len(head) < _HEAD.size or head[:16] != MAGIC:
            raise Damaged("it is no entry of this format")
        _, self.key, digest, count = _HEAD.unpack(head)
        if key is not None and key != self.key:
            raise Damaged("it was written for something else")
        length = count * _ITEM.size
        if length > self.size:
            raise Damaged("it is cut off")
        index = os.pread(fd, length, _HEAD.size)
        if _index_hash(self.key, count, index) != digest:
            raise Damaged("its index does not have its hash")
        self._index: Dict[Place, Tuple[int, int, bytes]] = {
            (kind, number): (at, size, expected)
            for kind, number, at, size, expected in _ITEM.iter_unpack(index)
        }

    def __iter__(self) -> Iterator[Place]:
        return iter(self._index)

    def __contains__(self, place: Place) -> bool:
        return place in self._index

    def read(self, kind: int, number: int = 0) -> Optional[bytes]:
        """A section, or None where there is none.  Raises: Damaged, OSError."""
        found = self._index.get((kind, number))
        if found is None:
            return None
        at, size, digest = found
        if at + size > self.size:
            raise Damaged("it is cut off")
        data = os.pread(self._fd, size, at)
        if hashlib.sha256(data).digest() != digest:
            raise Damaged("a section does not have its hash")
        return data

    def check(self) -> None:
        """Compare every hash.  Raises: Damaged, OSError."""
        for place in self._index:
            self.read(*place)

    def close(self) -> None:
        """Close the file; twice is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self.close()


def _index_hash(key: bytes, count: int, index: bytes) -> bytes:
    return hashlib.sha256(key + count.to_bytes(8, "little") + index).digest()


def pack(key: bytes, sections: Mapping[Place, bytes]) -> bytes:
    """The file with these sections."""
    at = _HEAD.size + len(sections) * _ITEM.size
    items = []
    for (kind, number), data in sections.items():
        items.append(_ITEM.pack(kind, number, at, len(data), hashlib.sha256(data).digest()))
        at += len(data)
    index = b"".join(items)
    head = _HEAD.pack(MAGIC, key, _index_hash(key, len(items), index), len(items))
    return b"".join([head, index, *sections.values()])


def write(folder: int, name: str, temporary: str, data: bytes) -> None:
    """Put a file into an open directory, whole or not at all.  Raises: OSError.

    Nothing is waited for until it is on the disk: a file that a crash leaves
    torn does not have its hash.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
