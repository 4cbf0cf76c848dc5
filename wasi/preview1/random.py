"""Randomness.

What belongs here: the function.  What does not: where the bytes come from
(``wasi.random``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasi.pointers import check, store
from wasi.preview1.handlers import handler
from wasi.random import drawn

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst

_CHUNK = 1 << 16


@handler
def random_get(wasi: Wasi, caller: Caller, memory: MemInst, buf: int, buf_len: int) -> None:
    """Fill a buffer with random bytes, looking for an interruption now and then."""
    check(memory, buf, buf_len)
    for at in range(0, buf_len, _CHUNK):
        if at:
            caller.store.meter.look()
        store(memory, buf + at, drawn(wasi.random, min(_CHUNK, buf_len - at)))
