"""Reading what a person names on the command line.

What belongs here: files and ``-`` for standard input, and modules from
either.  What does not: what is done with them.
"""

from __future__ import annotations

import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from wasmpy.cli.errors import CommandError

if TYPE_CHECKING:
    from wasmpy import Module

STDIN = "-"


def read_bytes(path: str) -> bytes:
    """The bytes of the file ``path``, or of standard input for ``-``.

    Raises: CommandError when it cannot be read.
    """
    try:
        if path == STDIN:
            return sys.stdin.buffer.read()
        return Path(path).read_bytes()
    except (OSError, ValueError, AttributeError) as error:
        # ValueError: a NUL in the name, or a standard input that is closed;
        # AttributeError: there is no standard input at all.
        reason = getattr(error, "strerror", None) or str(error)
        name = "standard input" if path == STDIN else path
        raise CommandError(f"cannot read {name}: {reason}", path=path) from error


def read_module(path: str) -> Module:
    """The module in the file ``path`` or on standard input, binary or text, validated.

    Raises: CommandError when it cannot be read; MalformedError, InvalidError.
    """
    from wasmpy.api.module import Module, source_of

    return Module(source_of(read_bytes(path), PurePath(path).suffix.lower()))
