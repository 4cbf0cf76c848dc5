"""The kinds of file systems, each with the same content: what the tests are run against."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Dict, Iterator, Optional

import pytest

from wasi.fs import (
    ArchiveFileSystem,
    FileSystem,
    HostFileSystem,
    MemoryFileSystem,
    OverlayFileSystem,
    ReadOnlyFileSystem,
)
from wasi.fs.host import containment_lacks

CONTENT: Dict[str, Optional[bytes]] = {
    "hello": b"hello, world", "dir/inner": b"inside", "dir/sub/deep": b"deep", "empty": None,
}  # fmt: skip

WRITABLE = ["memory", "host", "overlay of archive", "overlay of memory", "overlay of host"]
READ_ONLY = ["archive", "read-only memory", "read-only host"]

needs_host = pytest.mark.skipif(containment_lacks() is not None, reason="no directories of the host here")


@contextlib.contextmanager
def no_superuser() -> Iterator[None]:
    """Nobody's permissions for a while, where this process has the superuser's.

    What is opened before stays open: directories that nobody may come through need no way.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def on_disk(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for path, content in CONTENT.items():
        place = directory / path
        if content is None:
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return directory


def make(
    kind: str, base: Path, *, max_bytes: Optional[int] = None, max_nodes: Optional[int] = None
) -> FileSystem:
    """A file system of this kind, with room for so much more than the content."""
    used = sum(len(content or b"") for content in CONTENT.values())
    limits = {"max_bytes": max_bytes, "max_nodes": max_nodes}
    inner = "memory"
    if "host" in kind:
        if containment_lacks() is not None:
            pytest.skip("no directories of the host here")
        inner = "host"
    if kind == "memory":
        return MemoryFileSystem(
            CONTENT,
            max_bytes=None if max_bytes is None else used + max_bytes,
            max_nodes=None if max_nodes is None else 6 + max_nodes,
        )
    if kind == "host":
        return HostFileSystem(on_disk(base / "root"), **limits)
    if kind == "archive":
        return ArchiveFileSystem(CONTENT)
    if kind.startswith("overlay"):
        lower = make("archive" if "archive" in kind else inner, base)
        return OverlayFileSystem(lower, **limits)
    return ReadOnlyFileSystem(make(inner, base))
