"""What each kind of descriptor may do, and what it answers where it never could.

What belongs here: the sets of rights by kind, and the code for an operation
that makes no sense on a kind whatever its rights (a seek in a stream).  What
does not: keeping the rights of one descriptor (``wasi.descriptors``).

A right bears the name of the function that it allows, nearly always; that name
stands for the operation here too.

Spec: ``wasi_snapshot_preview1``, ``rights``.
"""

from __future__ import annotations

from typing import Dict

from wasi.abi import RIGHTS, rights
from wasi.errno import Errno

STREAM = rights("fd_fdstat_set_flags", "fd_filestat_get", "poll_fd_readwrite")
"""A stream's, besides the one to read or to write it."""

FILE = rights(
    "fd_datasync", "fd_read", "fd_seek", "fd_fdstat_set_flags", "fd_sync", "fd_tell", "fd_write",
    "fd_advise", "fd_allocate", "fd_filestat_get", "fd_filestat_set_size",
    "fd_filestat_set_times", "poll_fd_readwrite",
)  # fmt: skip
"""A regular file's."""

DIRECTORY = rights(
    "fd_datasync", "fd_fdstat_set_flags", "fd_sync", "path_create_directory", "path_create_file",
    "path_link_source", "path_link_target", "path_open", "fd_readdir", "path_readlink",
    "path_rename_source", "path_rename_target", "path_filestat_get", "path_filestat_set_size",
    "path_filestat_set_times", "fd_filestat_get", "fd_filestat_set_times", "path_symlink",
    "path_remove_directory", "path_unlink_file",
)  # fmt: skip
"""A directory's own."""

INHERITING = FILE | DIRECTORY
"""The most that what is opened from a directory can have."""

LISTENER = rights(
    "fd_fdstat_set_flags", "fd_filestat_get", "poll_fd_readwrite", "sock_accept", "fd_read"
)
"""A listening socket's; ``fd_read`` so that it can be waited for."""

CONNECTION = rights(
    "fd_read", "fd_write", "fd_fdstat_set_flags", "fd_filestat_get", "poll_fd_readwrite",
    "sock_shutdown",
)  # fmt: skip
"""A connection's."""

_NO_DIRECTORY = dict.fromkeys(
    [name for name in RIGHTS if name.startswith("path_")] + ["fd_readdir"], Errno.ENOTDIR
)
_NO_SOCKET = {"sock_accept": Errno.ENOTSOCK, "sock_shutdown": Errno.ENOTSOCK}
_NO_PLACE = dict.fromkeys(["fd_seek", "fd_tell", "fd_advise", "fd_allocate"], Errno.ESPIPE)
_NO_DISK = dict.fromkeys(
    ["fd_datasync", "fd_sync", "fd_filestat_set_size", "fd_filestat_set_times"], Errno.EINVAL
)

NEVER_STREAM: Dict[str, Errno] = {**_NO_DIRECTORY, **_NO_SOCKET, **_NO_PLACE, **_NO_DISK}
NEVER_FILE: Dict[str, Errno] = {**_NO_DIRECTORY, **_NO_SOCKET}
NEVER_DIRECTORY: Dict[str, Errno] = {
    **_NO_SOCKET,
    **dict.fromkeys(
        ["fd_read", "fd_write", "fd_seek", "fd_tell", "fd_advise", "fd_allocate",
         "fd_filestat_set_size"],
        Errno.EISDIR,
    ),
}  # fmt: skip
NEVER_LISTENER: Dict[str, Errno] = {
    **_NO_DIRECTORY, **_NO_PLACE, **_NO_DISK,
    "fd_write": Errno.ENOTCONN, "sock_shutdown": Errno.ENOTCONN,
}  # fmt: skip
NEVER_CONNECTION: Dict[str, Errno] = {
    **_NO_DIRECTORY, **_NO_PLACE, **_NO_DISK, "sock_accept": Errno.EINVAL,
}  # fmt: skip
"""Operations that a kind never has, by the name of the right, and the code for each."""
