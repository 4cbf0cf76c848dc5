"""File systems for guests: one interface, and what stands behind it.

What belongs here: the public names.  ``base`` is the interface; each other
file is one kind.  What does not: paths (``wasi.paths``), descriptors and
rights (``wasi.fdtable``), and the functions that guests call
(``wasi.preview1``).
"""

from __future__ import annotations

from typing import Any

_HOME = {
    "ArchiveError": "archive",
    "ArchiveFault": "archive",
    "ArchiveFileSystem": "archive",
    "ContainmentError": "host",
    "FileSystem": "base",
    "HostFileSystem": "host",
    "MemoryFileSystem": "memory",
    "OverlayFileSystem": "overlay",
    "Quota": "quota",
    "ReadOnlyFileSystem": "readonly",
}


def __getattr__(name: str) -> Any:
    # Only what is used is imported: archives alone bring seven modules with them.
    if name in _HOME:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = sorted(_HOME)
