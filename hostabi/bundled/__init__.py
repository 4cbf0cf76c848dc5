"""A guard and a session that come with the package, so that an installed wasmpy has them.

What belongs here: reading package data.  What does not: the guard's source,
which stands in ``examples/guards/github-rust``.
"""

from __future__ import annotations

import pkgutil
from typing import Any, Dict

from hostabi.payload import decode_object

GUARD = "github.wasm"
SESSION = "session.json"


def guard_bytes() -> bytes:
    """The guard for GitHub's tools, written in Rust, as a binary module."""
    return read(GUARD)


def session(name: str = SESSION) -> Dict[str, Any]:
    """A session for it, under the keys ``description``, ``policy``, ``tool_name``, ``tool_args``,
    ``tool_result``, and ``backend`` with rules for ``hostabi.RulesBackend``.
    """
    return decode_object(read(name))


def read(name: str) -> bytes:
    """A file of this package's data, also from within a zip archive.  Raises: FileNotFoundError."""
    data = pkgutil.get_data(__name__, name)
    if data is None:
        raise FileNotFoundError(name)
    return data
