"""Files that are no files: what the kernel makes up when it is read and written.

What belongs here: telling these from files that lie somewhere.  What does not:
what a guest is told (``wasi.fs.host``).

``/proc/self/mem`` is a regular file to everybody who asks; it is the memory of
the process that keeps the guest in.
"""

from __future__ import annotations

import os

_MOUNTS = "/proc/self/mountinfo"

_HARMLESS = frozenset(
    ("tmpfs", "ramfs", "devtmpfs", "hugetlbfs", "overlay", "9p", "virtiofs", "squashfs", "nfs")
)
"""Kinds of file systems that may say that they have no blocks, and yet keep files."""


def is_made_up(fd: int) -> bool:
    """Whether what ``fd`` stands for is in a file system of the kernel's own, as ``/proc``.

    Whatever has blocks on a disk (or of memory) is none; of the rest, only what
    is known to keep files.  Raises: OSError.
    """
    return os.fstatvfs(fd).f_blocks == 0 and not _keeps_files(os.fstat(fd).st_dev)


def _keeps_files(device: int) -> bool:
    """Whether a device is that of a mount whose kind keeps files; False where nobody knows."""
    wanted = b"%d:%d" % (os.major(device), os.minor(device))
    try:
        # Read each time: numbers of devices without a disk are used again.
        with open(_MOUNTS, "rb") as mounts:  # noqa: PTH123 - no path is made of it
            for line in mounts:
                before, _, after = line.partition(b" - ")
                if before.split(b" ", 3)[2:3] == [wanted]:
                    kind = after.split(b" ", 1)[0].decode("ascii", "replace")
                    return kind in _HARMLESS or kind.startswith("fuse")
    except OSError:
        pass
    return False
