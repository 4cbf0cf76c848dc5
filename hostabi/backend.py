"""The host's side of a guard's imports: ``call_backend``, ``host_log``, and its streams.

What belongs here: answering the guest, and noting in the report what it asked
and said.  What does not: the label functions (``guard``), the records
themselves (``trace``).

A backend is any callable ``backend(tool_name, tool_args)`` that returns a JSON
value.  It raises :class:`BackendError` to say that there is no answer; anything
else it raises is a failure of the host, ends the call and poisons the guard.
``context.current_call()`` tells it how much time the call has left.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from hostabi import abi
from hostabi.capabilities import REFUSALS, UNLIMITED, Capabilities, Meter
from hostabi.context import CallContext, Running, called_for
from hostabi.errors import BackendError, HostFunctionError, PayloadError
from hostabi.payload import decode, encode, text_of
from hostabi.trace import HOST_LOG, STDERR, STDOUT, BackendCall, CallReport, LogLine
from wasi.errno import ErrnoError
from wasi.streams import OutputStream
from wasmpy.exec.host import Caller, HostFunc

Backend = Callable[[str, Any], Any]
LogCallback = Callable[[LogLine], None]

HOST = "host"
"""The source of a line that the guard host itself adds to the log."""
MAX_PARTIAL_LINE = 64 * 1024
"""Bytes of an unfinished line of a stream that are held back; longer lines are cut in pieces."""


class HostSide:
    """What stands behind one guard's imports.

    ``begin`` says for which invocation the guest is running, and who answers
    its questions.  The calls come from the guest, so nothing here trusts a
    pointer, a length or a number.
    """

    def __init__(
        self, log: Optional[LogCallback] = None, *, gateway: bool = False,
        capabilities: Capabilities = UNLIMITED, name: str = "",
    ) -> None:  # fmt: skip
        self.report = CallReport()
        self.running: Optional[Running] = None
        """What bounds the calls; a backend is told."""
        self._name = name
        self._capabilities = capabilities
        self._meter = Meter(capabilities)
        self._backend: Optional[Backend] = None
        self._log = log
        self._gateway = gateway
        self._calls = 0
        self._streams: List[_Lines] = []

    def begin(self, report: CallReport, backend: Optional[Backend]) -> None:
        """A new invocation: its report, its backend, a fresh budget."""
        self.report = report
        self._backend = backend
        self._calls = 0
        self._meter = Meter(self._capabilities)

    def end(self) -> None:
        """The invocation is over: what a stream holds of an unfinished line is a line now."""
        for stream in self._streams:
            stream.flush()

    def imports(self) -> Dict[str, HostFunc]:
        """The functions of module ``env``."""
        functions: Dict[str, Callable[..., Any]] = {
            abi.CALL_BACKEND: self.call_backend,
            abi.HOST_LOG: self.host_log,
        }
        return {
            name: HostFunc(type_, functions[name], name, abi.ENV)
            for name, type_ in abi.IMPORTS.items()
        }

    def stream(self, name: str) -> Callable[[bytes], int]:
        """Where the guest's standard output or error goes: line by line into the log."""
        lines = _Lines(lambda text: self._add(LogLine(0, text, name), name))
        self._streams.append(lines)
        return lines.write

    def notice(self, text: str) -> None:
        """Something the host has to say about this guard: a warning, not from the guest."""
        self.report.notices.append(text)
        if self._log is not None:
            self._log(LogLine(2, text.encode("utf-8"), HOST))

    # -- the imports ----------------------------------------------------------

    def host_log(self, caller: Caller, level: int, ptr: int, length: int) -> None:
        """``env.host_log``: never fails the guest; what cannot be read is ignored."""
        mem = caller.memory(0)
        text = None if mem is None else mem.read(ptr, length)
        if text is not None:
            self._add(LogLine(abi.signed(level), text, HOST_LOG), abi.HOST_LOG)

    def call_backend(
        self, caller: Caller, name_ptr: int, name_len: int, args_ptr: int, args_len: int,
        res_ptr: int, res_size: int,
    ) -> int:  # fmt: skip
        """``env.call_backend``: the length of the answer, -1, or -2 (does not fit)."""
        # Counted first: a call that fails for any reason spends the budget too.
        self._calls += 1
        if self._calls > abi.MAX_BACKEND_CALLS:
            self.report.backend_refused += 1
            return abi.ERROR & abi.U32
        mem = caller.memory(0)
        raw_name = None if mem is None else mem.read(name_ptr, name_len)
        if mem is None or raw_name is None:
            return self._failed("", b"", res_size, "the tool name lies outside memory")
        name = text_of(raw_name)
        if args_len > abi.MAX_BACKEND_ARGS:
            return self._failed(name, b"", res_size, f"arguments of {args_len} bytes")
        args = mem.read(args_ptr, args_len)
        if args is None:
            return self._failed(name, b"", res_size, "the arguments lie outside memory")
        try:
            value = decode(args) if args else None
        except PayloadError as error:
            return self._failed(name, args, res_size, f"the arguments are no JSON: {error}")
        refusal = self._meter.ask(name, value, len(args))
        if refusal is not None:
            return self._refused(name, args, res_size, refusal)
        try:
            answer = encode(self._ask(name, value, args, res_size), float64=self._gateway)
        except BackendError as error:
            return self._failed(name, args, res_size, str(error) or "backend error")
        except PayloadError as error:
            return self._failed(name, args, res_size, f"the answer is no JSON: {error}")
        refusal = self._meter.spend(name, len(answer))
        if refusal is not None:
            return self._refused(name, args, res_size, refusal)
        return self._hand_over(mem, name, args, answer, res_ptr, res_size)

    # ------------------------------------------------------------------------

    def _ask(self, name: str, value: Any, args: bytes, size: int) -> Any:
        """The backend's answer.  Raises: BackendError, HostFunctionError."""
        if self._backend is None and not self._gateway:
            raise BackendError("there is no backend")
        context = CallContext(self._name, self.report.function, self.running)
        try:
            # Without a backend the gateway fails as a backend does that crashes.
            return called_for(context, lambda: self._backend(name, value))  # type: ignore[misc]
        except BackendError:
            raise
        except Exception as error:
            self._failed(name, args, size, f"raised {type(error).__name__}")
            raise HostFunctionError(self.report.function, abi.CALL_BACKEND, error) from error

    def _hand_over(
        self, mem: Any, name: str, args: bytes, answer: bytes, res_ptr: int, res_size: int
    ) -> int:
        """Write the answer where the guest wants it, whole or not at all."""
        error = None
        if len(answer) > res_size:
            returned = abi.TOO_SMALL
            if res_size >= abi.SIZE_BYTES:
                mem.write_u32_le(res_ptr, len(answer))
        elif mem.write(res_ptr, answer):
            returned = len(answer)
        else:
            returned, error = abi.ERROR, "the buffer for the answer lies outside memory"
        self.report.add_backend(BackendCall(name, args, res_size, answer, returned, error))
        return returned & abi.U32

    def _failed(self, name: str, args: bytes, size: int, why: str) -> int:
        """Note why there is no answer, and tell the guest -1."""
        self.report.add_backend(BackendCall(name, args, size, None, abi.ERROR, why))
        return abi.ERROR & abi.U32

    def _refused(self, name: str, args: bytes, size: int, reason: str) -> int:
        """Note and log that a question is beyond the guard's capabilities, and tell it -1."""
        self.report.add_backend(
            BackendCall(name, args, size, None, abi.ERROR, REFUSALS[reason], refusal=reason)
        )
        self.notice(f"a question for {name[:100]!r} was refused: {REFUSALS[reason]}")
        return abi.ERROR & abi.U32

    def _add(self, line: LogLine, import_name: str) -> None:
        """A line of the guest's: into the report, and to who listens."""
        self.report.add_log(line)
        if self._log is None:
            return
        try:
            self._log(line)
        except Exception as error:
            raise HostFunctionError(self.report.function, import_name, error) from error


class _Lines:
    """Cuts what is written to a stream into lines; holds at most one unfinished one."""

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        self._rest = b""

    def write(self, data: bytes) -> int:
        """Take ``data``; all of it is always taken."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit(line)
        while len(self._rest) > MAX_PARTIAL_LINE:
            piece, self._rest = self._rest[:MAX_PARTIAL_LINE], self._rest[MAX_PARTIAL_LINE:]
            self._emit(piece)
        return len(data)

    def flush(self) -> None:
        """The unfinished line, if there is one, is a line."""
        rest, self._rest = self._rest, b""
        if rest:
            self._emit(rest)


def guarded(sink: Any, name: str) -> Any:
    """A stream of the host's own for the guest.

    What an operating system says of a failed write (``OSError``) is told to
    the guest; anything else that is raised is the host's failure.
    """
    stream = OutputStream(sink)

    def write(data: bytes) -> int:
        try:
            return stream.write(data)
        except ErrnoError:
            raise
        except Exception as error:
            raise HostFunctionError("", name, error) from error

    return write


__all__ = [
    "Backend", "BackendError", "HOST", "HOST_LOG", "HostSide", "LogCallback", "STDERR", "STDOUT",
    "guarded",
]  # fmt: skip
