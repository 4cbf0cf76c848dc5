"""What each function of WASI preview 1 does.

What belongs here: the functions, in files by meaning, and the table of them.
What does not: signatures (``wasi.abi``), and calling these with a guest's
arguments and answering error codes (``wasi.state``).

Spec: ``wasi_snapshot_preview1`` (the witx files of the WASI repository).
"""

from __future__ import annotations

from wasi.preview1 import (  # noqa: F401 - each enters its functions into the table
    args,
    clocks,
    descriptors,
    directories,
    files,
    paths,
    poll,
    proc,
    random,
    sockets,
)
from wasi.preview1.handlers import HANDLERS, Handler
from wasi.preview1.unstable import UNSTABLE

__all__ = ["HANDLERS", "UNSTABLE", "Handler"]
