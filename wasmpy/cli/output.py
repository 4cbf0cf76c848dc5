"""Standard output: all of it is written, or the command fails.

What belongs here: writing text and bytes to standard output, and the error
that this cannot be done.  What does not: what is written, and files
(``wasmpy.cli.source``).

Python's own standard output is unbuffered where ``PYTHONUNBUFFERED`` is set,
as in most containers.  What it stands on then takes a part of what it is
given, says how much, and ``print`` does not listen: a full disk, or a reader
that has left, would look like success.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, Union

from wasmpy.errors import printable


class OutputError(Exception):
    """Standard output takes nothing more; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def write(data: Union[bytes, str]) -> None:
    """Write all of ``data`` to standard output.

    Raises: OutputError; BrokenPipeError when nobody reads it any more.
    """
    stream = sys.stdout
    if stream is None:
        raise OutputError("it is closed")
    try:
        raw = isinstance(getattr(stream, "buffer", None), io.RawIOBase)
        if isinstance(data, str):
            if not raw:
                stream.write(data)
                return
            data = data.replace("\n", os.linesep).encode(stream.encoding, stream.errors or "strict")
        stream.flush()
        _write_all(stream.buffer, data)
        stream.buffer.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        # ValueError: it was closed after we began.
        raise OutputError(getattr(error, "strerror", None) or str(error)) from error


def flush() -> None:
    """Have what was written on its way.  Raises: OutputError, BrokenPipeError."""
    write("")
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(getattr(error, "strerror", None) or str(error)) from error


def say(line: str) -> None:
    """A line, its control characters escaped: a guest's name forges no other line.

    Raises: OutputError, BrokenPipeError.
    """
    write(f"{printable(line)}\n")


def _write_all(stream: Any, data: bytes) -> None:
    """Write all of ``data``, a part at a time where the stream takes no more."""
    left = memoryview(data)
    while left:
        taken = stream.write(left)
        if taken is None:  # it does not wait, and is full
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[taken:]
