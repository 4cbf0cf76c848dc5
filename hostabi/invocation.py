"""One invocation of a label function: the attempts, their buffers, their result.

What belongs here: the call protocol of the ABI from the size check to the
bytes the guest wrote.  What does not: what the bytes mean (``responses``), who
may call when and what an error does to the guard (``guard``).
"""

from __future__ import annotations

from typing import Optional, Tuple

from hostabi import abi
from hostabi.backend import HostSide
from hostabi.buffers import Allocator, Buffers, FreshPages, LegacyPlacement, Placement
from hostabi.errors import (
    GuardCallError,
    GuardCancelled,
    GuardError,
    GuardExit,
    GuardFuelExhausted,
    GuardProtocolError,
    GuardReturnedError,
    GuardTimeout,
    GuardTrap,
    InputTooLarge,
    OutputTooLarge,
)
from hostabi.guest import Guest
from hostabi.trace import Attempt, CallReport
from wasmpy.exec.memory import MemInst


class Invoker:
    """Calls the label functions of one guest.

    It lives as long as the instance's memory does: it knows which pages the
    host has grown for itself, and whether the guest's missing allocator was
    warned about.
    """

    def __init__(self, guest: Guest, host: HostSide, *, gateway: bool = False) -> None:
        self._guest = guest
        self._host = host
        self._gateway = gateway
        self._pages: Optional[FreshPages] = None
        self.warned = False
        self.unclean: Optional[BaseException] = None
        """What ``dealloc`` did in the last invocation that is more than its own failure."""

    def forget_memory(self) -> None:
        """The instance was reset: the host's own pages are gone."""
        self._pages = None
        self.unclean = None

    def invoke(self, function: str, payload: bytes, report: CallReport) -> bytes:
        """Call ``function`` with ``payload``; what it wrote.

        Raises: GuardCallError.
        """
        self.unclean = None
        mem = self._check(function, payload)
        out_size = abi.FIRST_OUTPUT
        for _ in range(abi.MAX_ATTEMPTS):
            written, output, hint = self._attempt(function, payload, out_size, mem, report)
            if written != abi.TOO_SMALL:
                return output
            needed = self._next_size(hint, out_size)
            if needed > abi.MAX_OUTPUT:
                break
            out_size = needed
        raise OutputTooLarge(function, needed, abi.MAX_OUTPUT, len(report.attempts))

    def _check(self, function: str, payload: bytes) -> MemInst:
        """What is looked at before any guest code runs, in this order."""
        if not self._guest.exports_function(function):
            raise GuardProtocolError(
                f"function {function} is not exported from WASM module", function, "export"
            )
        mem = self._guest.memory
        if mem is None:
            raise GuardProtocolError("WASM module has no memory", function, "memory")
        if len(payload) > abi.MAX_INPUT:
            raise InputTooLarge(function, len(payload), abi.MAX_INPUT)
        return mem

    def _next_size(self, hint: int, out_size: int) -> int:
        """The output buffer's next size, after the guest found ``out_size`` too small.

        The guest's hint, or twice the size where it gave none, or one that
        cannot be meant (the gateway obeys those).
        """
        if hint == 0 or (hint <= out_size and not self._gateway):
            return 2 * out_size
        return hint

    # -- one attempt ----------------------------------------------------------

    def _attempt(
        self, function: str, payload: bytes, out_size: int, mem: MemInst, report: CallReport
    ) -> Tuple[int, bytes, int]:
        """Buffers, call, cleanup: what was returned, the output, and the hint after -2."""
        buffers = self._buffers(function, mem)
        failure: Optional[BaseException] = None
        try:
            place = buffers.open(payload, out_size, report)
            if not self._gateway:
                # Or what an earlier use has left here would be taken for a hint.
                mem.write(place.out_ptr, bytes(abi.SIZE_BYTES))
            written = self._call(function, place, report)
            if written == abi.TOO_SMALL:
                return written, b"", mem.read_u32_le(place.out_ptr) or 0
            return written, self._output(function, written, place, mem), 0
        except BaseException as error:
            failure = error
            raise
        finally:
            if _may_run_on(failure):
                buffers.close()

    def _call(self, function: str, place: Placement, report: CallReport) -> int:
        """Call the guest function; its signed result.  Raises: GuardCallError."""
        report.attempts.append(Attempt(place.in_ptr, place.out_ptr, place.out_size, None))
        raw = self._guest.call(
            function, function, place.in_ptr, place.in_len, place.out_ptr, place.out_size
        )
        if raw is None:
            raise GuardProtocolError(
                f"WASM function call failed: {function} returned no result", function, "result"
            )
        written = abi.signed(raw)
        report.attempts[-1] = report.attempts[-1]._replace(returned=written)
        if written < 0 and written != abi.TOO_SMALL:
            raise GuardReturnedError(function, written)
        return written

    def _output(self, function: str, written: int, place: Placement, mem: MemInst) -> bytes:
        """The bytes the guest says it wrote.  Raises: GuardProtocolError."""
        if written > place.out_size and not self._gateway:
            raise GuardProtocolError(
                f"failed to read output: {function} returned a length of {written} for a buffer "
                f"of {place.out_size} bytes",
                function, "length",
            )  # fmt: skip
        if not written:
            return b""
        output = mem.read(place.out_ptr, written)
        if output is None:
            raise GuardProtocolError(
                f"failed to read output: {written} bytes at {place.out_ptr} lie outside memory",
                function, "read",
            )  # fmt: skip
        return output

    # -- buffers --------------------------------------------------------------

    def _buffers(self, function: str, mem: MemInst) -> Buffers:
        """The way to buffers that this guest allows."""
        missing = [
            name
            for name in (abi.ALLOC, abi.DEALLOC) if not self._guest.exports_function(name)
        ]
        if not missing:
            return Allocator(
                mem, lambda size: self._guest.call(function, abi.ALLOC, size),
                lambda ptr, size: self._dealloc(function, ptr, size), gateway=self._gateway,
            )  # fmt: skip
        if not self.warned:
            self.warned = True
            where = "over its own data" if self._gateway else "in pages of the host's"
            self._host.notice(
                "the guard does not export both alloc and dealloc "
                f"({' and '.join(missing)} missing): its buffers are placed {where}"
            )
        if self._gateway:
            return LegacyPlacement(mem)
        if self._pages is None:
            self._pages = FreshPages(mem)
        return self._pages

    def _dealloc(self, function: str, ptr: int, size: int) -> None:
        """The guest's ``dealloc``: its failure is noted, and is not the invocation's."""
        try:
            self._guest.call(function, abi.DEALLOC, ptr, size)
        except GuardCallError as error:
            self._host.report.notices.append(f"dealloc({ptr}, {size}) failed: {error}")
            # A trap in there harms nobody. What stopped or ended the guest, or came from the
            # host, is not over with this invocation.
            if not isinstance(error, GuardTrap):
                self.unclean = error


def _may_run_on(failure: Optional[BaseException]) -> bool:
    """Whether the guest may run on, to take its buffers back, after an attempt ended so.

    Not when it was stopped, or has ended itself.
    """
    if failure is None:
        return True
    stopped = (GuardExit, GuardTimeout, GuardFuelExhausted, GuardCancelled)
    return isinstance(failure, GuardError) and not isinstance(failure, stopped)
