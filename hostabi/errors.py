"""The guard host's errors: what went wrong, as data, and what it does to the guard.

What belongs here: the subtree of :class:`wasmpy.errors.GuardError`, and the
one table that says which error leaves the guard in which state.  What does
not: raising them.

Each text holds the phrase by which the gateway's own error is known, so that
who reads logs of both finds the same words; no code looks at the texts.  A
text is one line that can be printed anywhere, whatever the guest put into it;
fields have the guest's own words.  ``report`` is the trace of the invocation
that failed, where there is one.
"""

from __future__ import annotations

import enum
from typing import Any, Dict, Optional, Tuple, Type

from wasmpy.errors import GuardError, WasmTrap

__all__ = [
    "BackendError", "GuardAllocError", "GuardCallError", "GuardCancelled", "GuardClosed",
    "GuardError", "GuardExit", "GuardExitZero", "GuardFuelExhausted", "GuardLoadError",
    "GuardMemoryExhausted", "GuardPoisoned", "GuardProtocolError", "GuardReentered",
    "GuardReturnedError", "GuardTimeout", "GuardTrap", "HostFunctionError", "InputTooLarge",
    "OutputTooLarge", "PayloadError", "PolicyError", "PolicyRejected", "ProxyError", "ResponseError",
    "After", "after",
]  # fmt: skip


MAX_TEXT = 2_000
"""Characters of an error's text; a guest can put a megabyte into a name."""


def one_line(text: str) -> str:
    r"""``text`` with what is not printable escaped, cut to ``MAX_TEXT``.

    >>> one_line("a\x1b[2J\nb")
    'a\\x1b[2J\\nb'
    """
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "..."
    return text if text.isprintable() else "".join(
        c if c.isprintable() else repr(c)[1:-1] for c in text
    )


class GuardLoadError(GuardError):
    """The guard could not be loaded.

    ``stage`` says where it failed: ``read``, ``component``, ``name``,
    ``module`` (not well-formed, not valid, too much memory), ``link``,
    ``instantiate``, ``exports``, ``signature`` or ``initialize``; ``export``
    names the export that is missing or wrong.  ``__cause__`` has the error
    below it.
    """

    fields = ("message", "stage", "export")

    def __init__(self, message: str, stage: str, export: Optional[str] = None) -> None:
        super().__init__(one_line(message))
        self.stage = stage
        self.export = export


class PayloadError(GuardError):
    """A value is not JSON, a text is not, or it is beyond a limit.

    ``reason`` is one of ``type``, ``number``, ``depth``, ``key``, ``syntax``,
    ``size``, ``trailing``; ``function`` the label function whose input it was
    to be, if any; ``offset`` the character where reading stopped.
    """

    fields = ("message", "reason", "function", "offset")

    def __init__(
        self, message: str, reason: str, function: str = "", offset: Optional[int] = None
    ) -> None:
        super().__init__(one_line(message))
        self.reason = reason
        self.function = function
        self.offset = offset

    def __str__(self) -> str:
        if self.function:
            return f"failed to marshal {self.function} input: {self.message}"
        return self.message


class PolicyError(GuardError):
    """The policy cannot be given to any guard; ``reason`` is ``missing`` or ``type``."""

    fields = ("message", "reason")

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class ProxyError(GuardError):
    """A session between an MCP client and a server cannot go on, or a message of one cannot.

    ``reason``: ``extra`` (the package it needs is not there), ``start`` (the
    server's command cannot be run), ``ended`` (the server is gone),
    ``message`` (something that is no message), ``input`` (the server wants to
    ask the client before it answers) or ``transcript`` (it cannot be written).
    """

    fields = ("message", "reason")

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(one_line(message))
        self.reason = reason


class BackendError(GuardError):
    """What a backend raises to say that it has no answer; the guest is told -1."""


class GuardCallError(GuardError):
    """A label invocation failed; ``function`` is the label function."""

    fields: Tuple[str, ...] = ("message", "function")

    def __init__(self, message: str, function: str = "") -> None:
        super().__init__(one_line(message))
        self.function = function
        self.report: Any = None

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> Dict[str, Any]:
        """The error as a JSON object, with the trace of the invocation."""
        doc = super().to_json()
        if self.report is not None:
            doc["report"] = self.report.to_json()
        return doc


class GuardPoisoned(GuardCallError):  # noqa: N818 - a state
    """An earlier trap or exit made the guard unusable; ``__cause__`` is that error."""

    fields = ("message", "function", "guard")

    def __init__(self, guard: str, function: str, cause: BaseException) -> None:
        super().__init__(
            f"guard {guard!r} is unavailable after a previous trap: {cause}", function
        )
        self.guard = guard
        self.__cause__ = cause


class GuardClosed(GuardCallError):  # noqa: N818 - a state
    """The guard was closed, or the guest had ended with code 0."""

    def __init__(self, guard: str, function: str, *, exited: bool) -> None:
        how = "the guest ended with exit code 0" if exited else "it was closed"
        super().__init__(f"WASM function call failed: guard {guard!r} is closed: {how}", function)
        self.exited = exited


class GuardReentered(GuardCallError):  # noqa: N818 - a state
    """A guard was called from within its own call, as by its own backend."""

    def __init__(self, guard: str, function: str) -> None:
        super().__init__(
            f"guard {guard!r} is in the midst of a call on this thread: a backend cannot call "
            "the guard that asked it",
            function,
        )


class InputTooLarge(GuardCallError):  # noqa: N818 - as the scenarios call it
    """The encoded input is larger than a guard may be given."""

    fields = ("message", "function", "size", "maximum")

    def __init__(self, function: str, size: int, maximum: int) -> None:
        super().__init__(f"input too large: {size} bytes, maximum {maximum}", function)
        self.size = size
        self.maximum = maximum


class OutputTooLarge(GuardCallError):  # noqa: N818 - as the scenarios call it
    """The guest wants a larger buffer than there is, or wanted larger ones too often."""

    fields = ("message", "function", "needed", "maximum", "attempts")

    def __init__(self, function: str, needed: int, maximum: int, attempts: int) -> None:
        if needed > maximum:
            text = f"output buffer of {needed} bytes exceeds maximum of {maximum}"
        else:
            text = f"output buffer too small: failed after {attempts} attempts, needs {needed}"
        super().__init__(f"{function} {text}", function)
        self.needed = needed
        self.maximum = maximum
        self.attempts = attempts


class GuardProtocolError(GuardCallError):
    """The guest does not keep to the protocol.

    ``reason``: ``export`` (not exported), ``memory`` (has none), ``result``
    (returns nothing), ``length`` (more than the buffer holds) or ``read`` (the
    output lies outside memory).
    """

    fields = ("message", "function", "reason")

    def __init__(self, message: str, function: str, reason: str) -> None:
        super().__init__(message, function)
        self.reason = reason


class GuardAllocError(GuardCallError):
    """A buffer could not be had, or what the guest's ``alloc`` returned cannot be one.

    ``buffer`` is ``input`` or ``output``; ``reason`` is ``null``, ``result``
    (no result, or ``alloc`` has another type), ``outside`` (of memory),
    ``overlap`` (of the two buffers) or ``grow`` (no more pages); ``size`` is
    what was asked for and ``pointer`` what came back.
    """

    fields = ("message", "function", "buffer", "reason", "size", "pointer")

    def __init__(
        self, message: str, buffer: str, reason: str, size: int, pointer: Optional[int] = None
    ) -> None:
        super().__init__(message)
        self.buffer = buffer
        self.reason = reason
        self.size = size
        self.pointer = pointer


class GuardReturnedError(GuardCallError):
    """The guest returned a negative number that is not -2: its own error, not retried."""

    fields = ("message", "function", "code")

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function} returned error code: {code}", function)
        self.code = code


class GuardTrap(GuardCallError):  # noqa: N818 - the spec's word
    """The guest trapped; ``trap`` says how and where, ``during`` which call it was in.

    ``during`` is an export's name: the label function, ``alloc`` or ``dealloc``.
    """

    fields: Tuple[str, ...] = ("message", "function", "during", "trap")

    def __init__(self, function: str, during: str, trap: WasmTrap) -> None:
        super().__init__(f"{_failed(function, during)}: {trap}", function)
        self.during = during
        self.trap = trap


class GuardMemoryExhausted(GuardTrap):
    """The guest trapped after ``memory.grow`` had been refused it in the same invocation.

    ``pages`` is what it had, ``maximum`` what it may have.
    """

    fields = ("message", "function", "during", "trap", "pages", "maximum")

    def __init__(
        self, function: str, during: str, trap: WasmTrap, pages: int, maximum: int
    ) -> None:
        super().__init__(function, during, trap)
        self.message += f" (out of memory: {pages} of {maximum} pages)"
        self.pages = pages
        self.maximum = maximum


class GuardExit(GuardCallError):  # noqa: N818 - an exit is no fault
    """The guest called ``proc_exit``; ``code`` is what with."""

    fields = ("message", "function", "during", "code")

    def __init__(self, function: str, during: str, code: int) -> None:
        how = f"the guest exited with code {code}"
        super().__init__(f"{_failed(function, during)}: {how}", function)
        self.during = during
        self.code = code


class GuardExitZero(GuardExit):
    """The guest ended with code 0: no trap, and yet nothing is left to call."""


class GuardTimeout(GuardCallError):  # noqa: N818 - what happened
    """The invocation took longer than it may; ``seconds`` is what it had."""

    fields = ("message", "function", "seconds")

    def __init__(self, function: str, seconds: float) -> None:
        super().__init__(
            f"WASM function call failed: {function} took longer than {seconds:g} s", function
        )
        self.seconds = seconds


class GuardFuelExhausted(GuardCallError):  # noqa: N818 - what happened
    """The invocation executed more instructions than it may; ``fuel`` is what it had."""

    fields = ("message", "function", "fuel")

    def __init__(self, function: str, fuel: int) -> None:
        super().__init__(
            f"WASM function call failed: {function} needs more than {fuel} units of fuel", function
        )
        self.fuel = fuel


class GuardCancelled(GuardCallError):  # noqa: N818 - what happened
    """The invocation was cancelled from another thread."""

    def __init__(self, function: str) -> None:
        super().__init__(f"WASM function call failed: {function} was cancelled", function)


class HostFunctionError(GuardCallError):
    """What the guest called in the host raised; ``__cause__`` is what.

    ``import_name`` is the import: ``call_backend``, ``host_log``, or
    ``stdout`` and ``stderr`` for a stream of the host's.
    """

    fields = ("message", "function", "import_name")

    def __init__(self, function: str, import_name: str, cause: BaseException) -> None:
        super().__init__(
            f"WASM function call failed: host function {import_name} raised "
            f"{type(cause).__name__}: {cause}",
            function,
        )
        self.import_name = import_name
        self.__cause__ = cause


class ResponseError(GuardCallError):
    """The guest's output cannot be used.

    ``reason``: ``empty``, ``json``, ``type`` (a field has another type),
    ``failure`` (non-success), ``error`` (an ``error`` text), ``mode-missing``,
    ``mode-invalid``, ``resource``, ``labels``, ``paths-parse`` or
    ``paths-apply``.
    """

    fields: Tuple[str, ...] = ("message", "function", "reason")

    def __init__(self, message: str, function: str, reason: str) -> None:
        super().__init__(message, function)
        self.reason = reason


class PolicyRejected(ResponseError):  # noqa: N818 - an answer
    """The guest does not accept the policy; ``detail`` is its text, None without one."""

    fields = ("message", "function", "reason", "detail")

    def __init__(self, message: str, reason: str, detail: Optional[str]) -> None:
        super().__init__(message, "label_agent", reason)
        self.detail = detail


def _failed(function: str, during: str) -> str:
    """How the text of a failed call begins."""
    if during in ("", function):
        return "WASM function call failed"
    return f"WASM function call failed in {during}, called for {function}"


class After(enum.Enum):
    """What an error leaves behind."""

    USABLE = "usable"
    """Nothing happened to the guard; the next call is like any other."""
    RESET = "reset"
    """The instance is made anew, and the last policy given again, before the next call."""
    POISONED = "poisoned"
    """Every later call is refused with this error as the cause."""
    ENDED = "ended"
    """The guest has ended; every later call fails."""


AFTER: Dict[Type[GuardError], After] = {
    GuardTrap: After.POISONED,
    GuardMemoryExhausted: After.RESET,
    GuardExit: After.POISONED,
    GuardExitZero: After.ENDED,
    GuardTimeout: After.RESET,
    GuardFuelExhausted: After.RESET,
    GuardCancelled: After.RESET,
    HostFunctionError: After.POISONED,
}
"""What each error leaves behind; what is not listed leaves the guard usable."""

AFTER_GATEWAY: Dict[Type[GuardError], After] = {
    GuardMemoryExhausted: After.POISONED,
    GuardTimeout: After.POISONED,
    GuardFuelExhausted: After.POISONED,
    GuardCancelled: After.POISONED,
    HostFunctionError: After.USABLE,
}
"""Where the gateway differs."""


def after(error: BaseException, *, gateway: bool = False) -> After:
    """What ``error`` leaves behind.

    What is no error of ours (a ``KeyboardInterrupt`` in a backend, a defect)
    stopped the guest somewhere, so the instance is made anew.
    """
    if not isinstance(error, GuardError):
        return After.RESET
    for kind in type(error).__mro__:
        if gateway and kind in AFTER_GATEWAY:
            return AFTER_GATEWAY[kind]
        if kind in AFTER:
            return AFTER[kind]
    return After.USABLE
