"""The guard host's binary interface in one table: exports, imports, constants.

What belongs here: every name, signature and number that host and guest must
agree on.  What does not: any behaviour; ``buffers`` moves the bytes,
``backend`` answers the imports, ``guard`` makes the calls.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

from wasmpy.syntax.types import I32, PAGE_SIZE, FuncType

MAX_INPUT = 8 * 1024 * 1024
"""Bytes of JSON a label function may be given; one more is refused."""
FIRST_OUTPUT = 4 * 1024 * 1024
"""Bytes of the output buffer at the first attempt."""
MAX_OUTPUT = 16 * 1024 * 1024
"""Bytes of the largest output buffer, inclusive."""
MAX_ATTEMPTS = 3
"""Calls of the guest function in one label invocation, the first included."""
MAX_BACKEND_CALLS = 50
"""``call_backend`` per label invocation, all attempts together, failed ones included."""
MAX_MEMORY_PAGES = 512
"""Pages of linear memory a guard may have, unless its host says otherwise: 32 MiB."""
LEGACY_MARGIN = 65_536
"""Bytes the gateway adds to input and output before it grows a guard without allocator."""

ERROR = -1
"""What ``call_backend`` answers when there is no result."""
TOO_SMALL = -2
"""A buffer was too small; the size needed stands at its start, if it has four bytes."""
SIZE_BYTES = 4
"""Bytes of that size: u32, little-endian."""

PAGE = PAGE_SIZE
U32 = 0xFFFF_FFFF

MAX_BACKEND_ARGS = MAX_INPUT
"""Bytes of JSON a guest may hand to ``call_backend`` (ours: bounds what the host builds)."""
MAX_LOG_BYTES = 1024 * 1024
"""Bytes of log kept in the report of one invocation (ours); what is cut off is counted."""
MAX_LOG_LINES = 20_000
"""Lines of log kept in the report of one invocation (ours); the rest is counted."""
MAX_BACKEND_BYTES = 16 * 1024 * 1024
"""Bytes of names, arguments and answers kept in the report of one invocation (ours)."""

LABEL_AGENT = "label_agent"
LABEL_RESOURCE = "label_resource"
LABEL_RESPONSE = "label_response"
ALLOC = "alloc"
DEALLOC = "dealloc"
INITIALIZE = "_initialize"
START = "_start"

LABEL_TYPE = FuncType((I32, I32, I32, I32), (I32,))
"""``(in_ptr, in_len, out_ptr, out_size) -> written``."""
ALLOC_TYPE = FuncType((I32,), (I32,))
"""``(size) -> ptr``."""
DEALLOC_TYPE = FuncType((I32, I32), ())
"""``(ptr, size)``."""
INITIALIZE_TYPE = FuncType((), ())


class Export(NamedTuple):
    """A function a guard exports.

    ``signature`` is the type as the gateway's messages write it.
    """

    name: str
    type: FuncType
    required: bool
    signature: str


EXPORTS: Tuple[Export, ...] = (
    # In the order in which the signatures are checked.
    Export(LABEL_RESOURCE, LABEL_TYPE, True, "(i32,i32,i32,i32)->i32"),
    Export(LABEL_RESPONSE, LABEL_TYPE, True, "(i32,i32,i32,i32)->i32"),
    Export(LABEL_AGENT, LABEL_TYPE, True, "(i32,i32,i32,i32)->i32"),
    Export(ALLOC, ALLOC_TYPE, False, "(i32)->i32"),
    Export(DEALLOC, DEALLOC_TYPE, False, "(i32,i32)->()"),
    Export(INITIALIZE, INITIALIZE_TYPE, False, "()->()"),
)

ENV = "env"
WASI = "wasi_snapshot_preview1"
CALL_BACKEND = "call_backend"
HOST_LOG = "host_log"

IMPORTS: Dict[str, FuncType] = {
    # name_ptr, name_len, args_ptr, args_len, res_ptr, res_size -> written
    CALL_BACKEND: FuncType((I32,) * 6, (I32,)),
    # level, ptr, len
    HOST_LOG: FuncType((I32,) * 3, ()),
}
"""The functions of module ``env``; besides them a guard gets WASI preview 1 and nothing else."""

LOG_LEVELS: Tuple[str, ...] = ("debug", "info", "warn", "error")
"""The words of the levels of ``host_log``, by number; any other number has none."""

DEFAULT_MODULE_NAME = "guard"
RESERVED_MODULE_NAMES = (ENV, WASI)
"""Names a guard cannot have in the gateway, where names are unique in a runtime."""


def signed(value: int) -> int:
    """A raw i32 as the guest means it.

    >>> signed(0xFFFF_FFFE), signed(7)
    (-2, 7)
    """
    return value - 0x1_0000_0000 if value & 0x8000_0000 else value
