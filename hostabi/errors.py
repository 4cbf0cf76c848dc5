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
from typing import Any, Dict, Optional, Sequence, Tuple, Type

from wasmpy.errors import GuardError, WasmTrap, printable

__all__ = [
    "AgentLabellingError", "AgentLabelsInvalid", "BackendError", "CacheInUse", "CapabilityError",
    "GuardAllocError", "GuardCacheError", "GuardCallError", "GuardCancelled", "GuardCloseError",
    "GuardClosed", "GuardDiscoveryError", "GuardError", "GuardExit", "GuardExitZero",
    "GuardFuelExhausted", "GuardLoadError", "GuardMemoryExhausted", "GuardPoisoned",
    "GuardPoolTimeout", "GuardProtocolError", "GuardReentered", "GuardReturnedError",
    "GuardTimeout", "GuardTrap", "GuardUnavailable", "GuardWorkerLost", "HostFunctionError",
    "InputTooLarge", "OutputTooLarge", "PayloadError", "PipelineError", "PolicyError",
    "PolicyRejected", "ProxyError", "ResourceLabellingError", "ResponseError",
    "ResponseLabellingError", "SettingError", "TooManyAgents", "WorkersUnavailable",
    "After", "after", "after_kind",
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
    return printable(text)


class GuardLoadError(GuardError):
    """The guard could not be loaded.

    ``stage`` says where it failed: ``read``, ``component``, ``name``,
    ``module`` (not well-formed, not valid, too much memory), ``capability``,
    ``link``, ``instantiate``, ``exports``, ``signature`` or ``initialize``;
    ``export`` names the export that is missing or wrong, ``import_name`` the
    import that the guard may not have.  ``__cause__`` has the error below it.
    """

    fields = ("message", "stage", "export", "import_name")

    def __init__(
        self, message: str, stage: str, export: Optional[str] = None,
        import_name: Optional[str] = None,
    ) -> None:  # fmt: skip
        super().__init__(one_line(message))
        self.stage = stage
        self.export = export
        self.import_name = None if import_name is None else one_line(import_name)


class PayloadError(GuardError):
    """A value is not JSON, a text is not, or it is beyond a limit.

    ``reason`` is one of ``type``, ``number``, ``depth``, ``key``, ``syntax``,
    ``size``, ``trailing``, ``duplicate`` (a key stands twice) and ``unicode``
    (not UTF-8, or half a surrogate pair); ``function`` the label function whose input it was
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


POLICY_REASONS: Dict[str, str] = {
    "missing": "there is no policy, or a required field is not in it",
    "json": "the text of the policy is not JSON, or ambiguous",
    "type": "a value has another JSON type",
    "unexpected": "nobody knows this key",
    "envelope": "the policy stands in the legacy envelope `policy`",
    "both": "allow-only and write-sink exclude each other",
    "kind": "a policy of this kind is not for a guard's module",
    "blank": "a text has nothing in it",
    "empty": "a list has no elements",
    "duplicate": "the same thing is said twice",
    "value": "a word is none of those there are",
    "scope": "a text does not name an owner or repositories",
    "length": "a name is too long",
    "range": "a number is below zero",
    "wildcard": "`*` stands beside other entries",
    "pinned": "this view of a guard is under another policy",
    "shared": "the guard is under another agent's policy and cannot be under two",
}
"""What can be wrong with a policy: each ``reason`` of a :class:`PolicyError`, and what it says."""


class PolicyError(GuardError):
    """The policy cannot be given to any guard.

    ``reason`` is a key of ``POLICY_REASONS``; ``field`` where in the policy,
    as ``allow-only.repos[1]``, empty for the policy itself; ``expected`` what
    should stand there, in words.
    """

    fields = ("message", "reason", "field", "expected")

    def __init__(self, message: str, reason: str, field: str = "", expected: str = "") -> None:
        super().__init__(one_line(message))
        self.reason = reason
        self.field = one_line(field)
        self.expected = expected


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

class CapabilityError(GuardError):
    """A description of capabilities is none.

    ``reason`` is ``type``, ``unexpected`` (a key), ``missing``, ``value``,
    ``duplicate`` or ``range``; ``field`` where, as ``tools[0].args.query``;
    ``expected`` what should stand there, in words.
    """

    fields = ("message", "reason", "field", "expected")

    def __init__(self, message: str, reason: str, field: str = "", expected: str = "") -> None:
        super().__init__(one_line(message))
        self.reason = reason
        self.field = one_line(field)
        self.expected = expected


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


# -- many guards: pools, the registry, settings, the cache ---------------------


class GuardPoolTimeout(GuardCallError):  # noqa: N818 - what happened
    """No instance of a pool became free in time; ``waiting`` is how many stood in front.

    The guest was not asked, so nothing happened to any instance.
    """

    fields = ("message", "function", "guard", "seconds", "waiting")

    def __init__(self, guard: str, function: str, seconds: float, waiting: int) -> None:
        super().__init__(
            f"no instance of guard {guard!r} was free within {seconds:g} s "
            f"({waiting} calls were waiting before this one)",
            function,
        )
        self.guard = guard
        self.seconds = seconds
        self.waiting = waiting


class GuardWorkerLost(GuardCallError):  # noqa: N818 - what happened
    """A worker ended in the midst of a call; ``status`` is its exit code, negative for a signal.

    It is replaced by the next call that needs it.
    """

    fields = ("message", "function", "guard", "status")

    def __init__(self, guard: str, function: str, status: Optional[int]) -> None:
        how = "" if status is None else f" with exit code {status}"
        super().__init__(f"a worker of guard {guard!r} ended{how} before it answered", function)
        self.guard = guard
        self.status = status


class WorkersUnavailable(GuardError):  # noqa: N818 - a state
    """No worker can be started here; ``reason`` is ``platform``, ``interpreter`` or ``start``."""

    fields = ("message", "reason")

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(one_line(message))
        self.reason = reason


class GuardCloseError(GuardError):
    """Some guards did not close; all others did.  ``failures`` has (server, error) pairs."""

    fields = ("message", "failures")

    def __init__(self, failures: Sequence[Tuple[str, BaseException]]) -> None:
        listed = "; ".join(f"{server}: {error}" for server, error in failures)
        super().__init__(one_line(f"{len(failures)} guards did not close: {listed}"))
        self.failures = list(failures)

    def to_json(self) -> Dict[str, Any]:
        """The error as a JSON object."""
        doc = super().to_json()
        doc["failures"] = [{"server": name, "text": str(error)} for name, error in self.failures]
        return doc


class GuardDiscoveryError(GuardError):
    """The guards' directory cannot be searched; ``path`` is what, ``reason`` why in a word.

    ``reason`` is ``kind`` (no directory), ``read`` or ``name`` (of the server).
    """

    fields = ("message", "path", "reason")

    def __init__(self, message: str, path: str, reason: str) -> None:
        super().__init__(one_line(f"{path}: {message}"))
        self.path = path
        self.reason = reason


class SettingError(GuardError):
    """A setting has a value that it cannot have; ``source`` is the flag or variable it is from."""

    fields = ("message", "source", "value", "expected")

    def __init__(self, source: str, value: str, expected: str) -> None:
        super().__init__(one_line(f"{source} is {expected}, not {value!r}"))
        self.source = source
        self.value = value
        self.expected = expected


class GuardCacheError(GuardError):
    """The cache of guards could not be exchanged or closed; ``__cause__`` says why."""


class CacheInUse(GuardCacheError):  # noqa: N818 - a state
    """A cache is closed after the guards that came out of it; ``guards`` are those still open."""

    fields = ("message", "guards")

    def __init__(self, guards: Sequence[str]) -> None:
        super().__init__(
            one_line(f"{len(guards)} guards are still open, close them first: {', '.join(guards)}")
        )
        self.guards = list(guards)


# -- answers -------------------------------------------------------------------


class ResponseError(GuardCallError):
    """The guest's output cannot be used.

    ``reason``: ``empty``, ``json`` (it is none, is beyond a limit, or says a
    thing twice; ``__cause__`` says which), ``type`` (a field has another type),
    ``failure`` (non-success), ``error`` (an ``error`` text), ``mode-missing``,
    ``mode-invalid``, ``resource``, ``labels``, ``paths-parse`` or
    ``paths-apply``.  ``excerpt`` is the start of an output that is no JSON; it
    is in no text and no JSON of the error.
    """

    fields: Tuple[str, ...] = ("message", "function", "reason")

    def __init__(self, message: str, function: str, reason: str) -> None:
        super().__init__(message, function)
        self.reason = reason
        self.excerpt = ""


class PolicyRejected(ResponseError):  # noqa: N818 - an answer
    """The guest does not accept the policy; ``detail`` is its text, None without one."""

    fields = ("message", "function", "reason", "detail")

    def __init__(self, message: str, reason: str, detail: Optional[str]) -> None:
        super().__init__(message, "label_agent", reason)
        self.detail = detail


class GuardUnavailable(GuardCallError):  # noqa: N818 - a state
    """There is no guard to ask: none is registered, or it would not load (``__cause__``)."""

    fields = ("message", "function", "guard")

    def __init__(
        self, guard: str, function: str = "", cause: Optional[BaseException] = None
    ) -> None:
        why = "there is none" if cause is None else str(cause)
        super().__init__(f"guard {guard!r} is unavailable: {why}", function)
        self.guard = guard
        self.__cause__ = cause


class TooManyAgents(GuardError):  # noqa: N818 - a state
    """There is no room for another agent; ``limit`` is how many there can be.

    No agent makes room for it: what it has read would be forgotten.
    """

    fields = ("message", "limit")

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit} agents, and no more can be labelled")
        self.limit = limit


class PipelineError(GuardError):
    """A tool call could not be decided on; the agent gets nothing.  ``__cause__`` says why.

    ``agent`` is whose call it was, ``tool`` the tool's name, empty where only
    labels were wanted.
    """

    fields = ("message", "agent", "tool")
    phrase = "the pipeline failed"

    def __init__(self, agent: str, tool: str, cause: BaseException) -> None:
        super().__init__(one_line(f"{self.phrase}: {cause}"))
        self.agent = agent
        self.tool = tool
        self.__cause__ = cause


class AgentLabellingError(PipelineError):
    """The guard has no labels for the agent."""

    phrase = "LabelAgent failed"


class AgentLabelsInvalid(PipelineError):  # noqa: N818 - as the gateway calls it
    """What came for the agent's labels is none, or has a mode that is none."""

    phrase = "LabelAgent result invalid"


class ResourceLabellingError(PipelineError):
    """The guard has no labels for the resource; the backend was not called."""

    phrase = "resource labeling failed"


class ResponseLabellingError(PipelineError):
    """The guard has no labels for the response, which is withheld; the backend was called."""

    phrase = "response labeling failed"


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
    return after_kind(type(error), gateway=gateway)


def after_kind(kind: Type[BaseException], *, gateway: bool = False) -> After:
    """What an error of ours of this class leaves behind."""
    for cls in kind.__mro__:
        if gateway and cls in AFTER_GATEWAY:
            return AFTER_GATEWAY[cls]
        if cls in AFTER:
            return AFTER[cls]
    return After.USABLE
