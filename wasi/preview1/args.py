"""Arguments and environment.

What belongs here: giving a guest the strings that it was given.  What does not:
where they come from (``wasi.config``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from wasi.pointers import check, store, store_u32
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst


def _store_strings(memory: MemInst, strings: Sequence[bytes], pointers: int, buffer: int) -> None:
    """Write ``strings``, each with a NUL, at ``buffer``, and where each is at ``pointers``."""
    data = b"".join(s + b"\0" for s in strings)
    check(memory, pointers, 4 * len(strings))
    check(memory, buffer, len(data))
    addresses = []
    at = buffer
    for s in strings:
        addresses.append(at.to_bytes(4, "little"))
        at += len(s) + 1
    store(memory, pointers, b"".join(addresses))
    store(memory, buffer, data)


def _store_sizes(memory: MemInst, strings: Sequence[bytes], count: int, size: int) -> None:
    """Write how many ``strings`` there are, and the bytes they take with their NULs."""
    check(memory, count, 4)
    check(memory, size, 4)
    store_u32(memory, count, len(strings))
    store_u32(memory, size, sum(len(s) + 1 for s in strings))


@handler
def args_get(wasi: Wasi, caller: Caller, memory: MemInst, argv: int, argv_buf: int) -> None:
    """Read the arguments."""
    _store_strings(memory, wasi.argv, argv, argv_buf)


@handler
def args_sizes_get(
    wasi: Wasi, caller: Caller, memory: MemInst, argc: int, argv_buf_size: int
) -> None:
    """How many arguments there are, and their size."""
    _store_sizes(memory, wasi.argv, argc, argv_buf_size)


@handler
def environ_get(
    wasi: Wasi, caller: Caller, memory: MemInst, environ: int, environ_buf: int
) -> None:
    """Read the environment."""
    _store_strings(memory, wasi.env, environ, environ_buf)


@handler
def environ_sizes_get(
    wasi: Wasi, caller: Caller, memory: MemInst, environc: int, environ_buf_size: int
) -> None:
    """How many variables the environment has, and their size."""
    _store_sizes(memory, wasi.env, environc, environ_buf_size)
