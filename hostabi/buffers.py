"""Input and output buffers in a guard's memory.

What belongs here: where the buffers of one attempt are, and giving them back.
What does not: what is written into them, and how often (``invocation``).

Three ways to a pair of buffers:

- the guest's own ``alloc`` and ``dealloc``, where it has both;
- otherwise pages that the host grows for itself, past all that the guest has.
  They are used again for later calls, and never overlap what the guest owns,
  also if it has grown its memory since;
- the gateway's own placement for a guest without allocator: at the end of
  memory, over whatever stands there.  Only for comparison with it.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Protocol, Tuple

from hostabi import abi
from hostabi.errors import GuardAllocError, GuardCallError, GuardProtocolError
from hostabi.trace import AllocCall, CallReport
from wasmpy.exec.memory import MemInst


class Placement(NamedTuple):
    """Where one attempt's buffers are; the input is written already."""

    in_ptr: int
    in_len: int
    out_ptr: int
    out_size: int


class Buffers(Protocol):
    """A way to buffers.  ``close`` is called once after each ``open``, whether it raised or not."""

    def open(self, payload: bytes, out_size: int, report: CallReport) -> Placement:
        """Get both buffers and write the input.  Raises: GuardCallError."""

    def close(self) -> None:
        """Give back what is held, the last one first."""


class Allocator:
    """Buffers from the guest's ``alloc``, given back to its ``dealloc``.

    ``alloc(size)`` returns a raw pointer, None where the guest's function
    returns nothing; ``dealloc`` swallows the guest's failures itself.
    ``gateway`` takes what the gateway takes: an output buffer that is not in
    memory or overlaps the input.
    """

    def __init__(
        self, mem: MemInst, alloc: Callable[[int], Optional[int]],
        dealloc: Callable[[int, int], None], *, gateway: bool = False,
    ) -> None:  # fmt: skip
        self._mem = mem
        self._alloc = alloc
        self._dealloc = dealloc
        self._gateway = gateway
        self._held: List[Tuple[int, int]] = []

    def open(self, payload: bytes, out_size: int, report: CallReport) -> Placement:
        """Both blocks, the input's first.  Raises: GuardAllocError, and what ``alloc`` raises."""
        in_ptr = self._block("input", len(payload), report)
        out_ptr = self._block("output", out_size, report)
        if not self._gateway:
            self._check(in_ptr, len(payload), out_ptr, out_size)
        if not self._mem.write(in_ptr, payload):
            raise _input_outside(in_ptr, len(payload))
        return Placement(in_ptr, len(payload), out_ptr, out_size)

    def close(self) -> None:
        """Give the blocks back, the last one first; neither pointer 0 nor size 0."""
        while self._held:
            ptr, size = self._held.pop()
            if ptr and size:
                self._dealloc(ptr, size)

    def _block(self, buffer: str, size: int, report: CallReport) -> int:
        """A block of the guest's.  Raises: GuardAllocError."""
        failed = f"failed to allocate WASM {buffer} buffer of {size} bytes"
        refused = self._mem.refused
        try:
            ptr = self._alloc(size)
        except GuardProtocolError as error:
            # It has another type, which only shows here where loading does not look.
            raise GuardAllocError(f"{failed}: {error}", buffer, "result", size) from error
        except GuardCallError as error:
            error.message = f"{failed}: {error.message}"
            raise
        if ptr is None:
            raise GuardAllocError(f"{failed}: alloc returned no result", buffer, "result", size)
        report.allocs.append(AllocCall(size, ptr))
        if ptr == 0:
            why = ""
            if self._mem.refused > refused:
                why = f" (out of memory: {self._mem.pages} of {self._mem.limit} pages)"
            raise GuardAllocError(
                f"{failed}: alloc returned a null pointer{why}", buffer, "null", size, 0
            )
        self._held.append((ptr, size))
        return ptr

    def _check(self, in_ptr: int, in_len: int, out_ptr: int, out_size: int) -> None:
        """Refuse blocks that cannot be what they are said to be."""
        if in_ptr + in_len > len(self._mem):
            raise _input_outside(in_ptr, in_len)
        if out_ptr + out_size > len(self._mem):
            raise GuardAllocError(
                f"failed to allocate WASM output buffer: alloc({out_size}) returned {out_ptr}, "
                f"beyond the memory of {len(self._mem)} bytes",
                "output", "outside", out_size, out_ptr,
            )  # fmt: skip
        if in_ptr < out_ptr + out_size and out_ptr < in_ptr + in_len:
            raise GuardAllocError(
                f"failed to allocate WASM output buffer: alloc({out_size}) returned {out_ptr}, "
                f"which overlaps the input at {in_ptr}",
                "output", "overlap", out_size, out_ptr,
            )  # fmt: skip


class FreshPages:
    """Buffers in pages that the host has grown for itself."""

    def __init__(self, mem: MemInst) -> None:
        self._mem = mem
        self._start = 0
        self._end = 0

    def open(self, payload: bytes, out_size: int, report: CallReport) -> Placement:
        """The output at the start of the host's pages, the input behind it."""
        needed = out_size + len(payload)
        if self._end - self._start < needed:
            self._grow(needed)
        # The output is at a page's start, so it is aligned for any guest.
        out_ptr = self._start
        in_ptr = out_ptr + out_size
        self._mem.write(in_ptr, payload)
        return Placement(in_ptr, len(payload), out_ptr, out_size)

    def close(self) -> None:
        """The pages stay the host's; memory cannot shrink."""

    def _grow(self, needed: int) -> None:
        """Have ``needed`` bytes: add to the host's own pages if they are still the last."""
        end = len(self._mem)
        start = self._start if self._end == end and self._start else end
        pages = _pages(needed - (end - start))
        if self._mem.grow(pages) < 0:
            raise _no_growth(self._mem, pages)
        self._start, self._end = start, len(self._mem)


class LegacyPlacement:
    """Buffers where the gateway puts them: at the end of memory, over what the guest has there."""

    def __init__(self, mem: MemInst) -> None:
        self._mem = mem

    def open(self, payload: bytes, out_size: int, report: CallReport) -> Placement:
        """Grow until the buffers and a margin fit into *all* of memory; then use its end."""
        needed = len(payload) + out_size + abi.LEGACY_MARGIN
        pages = _pages(needed - len(self._mem))
        if pages > 0 and self._mem.grow(pages) < 0:
            raise _no_growth(self._mem, pages)
        out_ptr = len(self._mem) - out_size
        in_ptr = out_ptr - len(payload)
        self._mem.write(in_ptr, payload)
        return Placement(in_ptr, len(payload), out_ptr, out_size)

    def close(self) -> None:
        """Nothing is held."""


def _pages(size: int) -> int:
    """Whole pages for ``size`` bytes."""
    return -(-size // abi.PAGE)


def _input_outside(ptr: int, size: int) -> GuardAllocError:
    return GuardAllocError(
        f"failed to write input to WASM memory: {size} bytes at {ptr}",
        "input", "outside", size, ptr,
    )  # fmt: skip


def _no_growth(mem: MemInst, pages: int) -> GuardAllocError:
    return GuardAllocError(
        f"failed to grow WASM memory by {pages} pages: it has {mem.pages} of {mem.limit}",
        "output", "grow", pages * abi.PAGE,
    )  # fmt: skip
