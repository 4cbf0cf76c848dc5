"""A guest's file descriptors.

What belongs here: which numbers are open, what stands behind each, and its
rights.  What does not: reading and writing guest memory.  There are the three
standard streams; nothing else can be opened yet.

Spec: ``wasi_snapshot_preview1``, ``fdstat`` and ``rights``.
"""

from __future__ import annotations

from typing import Dict, Optional

from wasi import abi
from wasi.errno import Errno, ErrnoError
from wasi.streams import InputStream, OutputStream

_STREAM_RIGHTS = abi.rights("fd_fdstat_set_flags", "fd_filestat_get", "poll_fd_readwrite")
FD_READ = abi.rights("fd_read")
FD_WRITE = abi.rights("fd_write")


class Descriptor:
    """An open stream: exactly one of ``input`` and ``output`` is set."""

    __slots__ = ("flags", "input", "output", "rights")

    def __init__(
        self, input: Optional[InputStream] = None, output: Optional[OutputStream] = None
    ) -> None:
        self.input = input
        self.output = output
        self.rights = _STREAM_RIGHTS | (FD_WRITE if input is None else FD_READ)
        self.flags = 0

    @property
    def filetype(self) -> int:
        """A terminal is a character device; any other stream is of unknown type."""
        stream = self.output if self.input is None else self.input
        assert stream is not None
        return abi.FILETYPE_CHARACTER_DEVICE if stream.isatty else abi.FILETYPE_UNKNOWN


class FdTable:
    """The descriptors that are open, by number."""

    def __init__(self, stdin: InputStream, stdout: OutputStream, stderr: OutputStream) -> None:
        self._streams = (stdin, stdout, stderr)
        self._open: Dict[int, Descriptor] = {}
        self.reset()

    def reset(self) -> None:
        """Open again what was open at the start, and nothing else."""
        stdin, stdout, stderr = self._streams
        stdin.reset()
        self._open = {
            0: Descriptor(input=stdin),
            1: Descriptor(output=stdout),
            2: Descriptor(output=stderr),
        }

    def get(self, fd: int) -> Descriptor:
        """The open descriptor ``fd``.  Raises: ErrnoError(EBADF)."""
        descriptor = self._open.get(fd)
        if descriptor is None:
            raise ErrnoError(Errno.EBADF)
        return descriptor

    def readable(self, fd: int) -> InputStream:
        """What reads of ``fd`` come from.  Raises: ErrnoError(EBADF, ENOTCAPABLE)."""
        stream = self.get(fd).input
        if stream is None:
            raise ErrnoError(Errno.ENOTCAPABLE)
        return stream

    def writable(self, fd: int) -> OutputStream:
        """Where writes to ``fd`` go.  Raises: ErrnoError(EBADF, ENOTCAPABLE)."""
        stream = self.get(fd).output
        if stream is None:
            raise ErrnoError(Errno.ENOTCAPABLE)
        return stream

    def close(self, fd: int) -> None:
        """Close ``fd``; the host's own stream behind it stays open.  Raises: ErrnoError(EBADF)."""
        self.get(fd)
        del self._open[fd]
