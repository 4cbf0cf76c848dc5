"""A guard: load it, ask it for labels, know its health, close it.

What belongs here: the public class, its lock, its states, and the three label
calls.  What does not: the steps of a call (``invocation``), the instance
(``guest``), what goes in and out (``inputs``, ``responses``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import threading
from typing import Any, Callable, Dict, Iterator, Optional, TypeVar, Union

from hostabi import abi, responses
from hostabi.backend import Backend, HostSide, LogCallback
from hostabi.errors import (
    After,
    GuardCallError,
    GuardClosed,
    GuardError,
    GuardPoisoned,
    GuardReentered,
    PayloadError,
    after,
)
from hostabi.guest import Bounds, Guest
from hostabi.inputs import OMITTED, args_from_state, policy_object, resource_input, response_input
from hostabi.invocation import Invoker
from hostabi.labels import AgentLabels, Labels, ResourceLabels, ResponseLabels
from hostabi.load import Source, check_exports, check_name, load_module
from hostabi.payload import encode
from hostabi.trace import CallReport
from wasmpy.config import DEFAULT_LIMITS, Features, Limits

T = TypeVar("T")

GATEWAY = "gateway"
"""The value of ``compat`` that reproduces the gateway's defects."""


class State(enum.Enum):
    """What a guard can do."""

    READY = "ready"
    STALE = "stale"
    """It was stopped in a call; it is reset, and given its policy again, before the next."""
    POISONED = "poisoned"
    """It trapped, or a host function failed: it answers nothing any more."""
    ENDED = "ended"
    """The guest ended itself with exit code 0."""
    CLOSED = "closed"


@dataclasses.dataclass(frozen=True)
class Health:
    """How a guard is.

    ``cause`` is what made it unhealthy; ``resets`` is how often it was made
    anew; ``pages`` what memory it has.
    """

    healthy: bool
    state: State
    calls: int
    resets: int
    pages: int
    cause: Optional[BaseException]

    def to_json(self) -> Dict[str, Any]:
        """The health as a JSON object."""
        return {
            "healthy": self.healthy, "state": self.state.value, "calls": self.calls,
            "resets": self.resets, "pages": self.pages,
            "cause": None if self.cause is None else str(self.cause),
        }  # fmt: skip


class Guard:
    """A guard, loaded from bytes, a file or a module.

    ``backend`` answers the guard's questions; a label call can bring its own.
    ``log`` gets every line the guard logs or prints.  ``fuel`` (executed
    instructions) and ``timeout`` (seconds) bound each call with all it needs.
    ``count`` has reports say how many instructions a call took, as they do
    with ``fuel``; counting takes time.  ``tier`` is what runs the guard, and ``fallback``
    what becomes of functions it does not take, as for ``wasmpy.Store``.
    ``max_memory_pages`` caps linear memory.  ``stdout`` and ``stderr`` are file
    objects for what the guard prints, instead of the log.  ``compat="gateway"``
    does as the gateway does where that is a defect (see
    ``docs/reference/guards.md``).

    One call at a time; others wait.  A guard is a context manager.

    >>> from hostabi import bundled
    >>> with Guard(bundled.guard_bytes(), name="github") as guard:
    ...     agent = guard.label_agent({"allow-only": {"repos": "all", "min-integrity": "none"}})
    >>> agent.mode.value
    'filter'

    Raises: GuardLoadError.
    """

    def __init__(
        self, source: Source, *, name: str = "", backend: Optional[Backend] = None,
        limits: Optional[Limits] = None, max_memory_pages: int = abi.MAX_MEMORY_PAGES,
        fuel: Optional[int] = None, timeout: Optional[float] = None,
        compat: Optional[str] = None, log: Optional[LogCallback] = None,
        stdout: Any = None, stderr: Any = None, features: Features = Features.WASM2,
        count: bool = False, tier: Optional[str] = None, fallback: str = "silent",
    ) -> None:  # fmt: skip
        if compat not in (None, GATEWAY):
            raise ValueError(f'compat is None or "{GATEWAY}", not {compat!r}')
        self.name = name
        self._gateway = compat == GATEWAY
        self._backend = backend
        self._lock = threading.Lock()
        self._owner: Optional[int] = None
        self._state = State.READY
        self._cause: Optional[BaseException] = None
        self._calls = 0
        self._resets = 0
        self._policy: Optional[bytes] = None
        self.last_report = CallReport(function="load")
        """The report of the last call that ended, whatever its end; at first that of loading."""
        allowed = dataclasses.replace(limits or DEFAULT_LIMITS, memory_pages=max_memory_pages)
        check_name(name, gateway=self._gateway)
        self.module = load_module(source, allowed, features)
        self._host = HostSide(log, gateway=self._gateway)
        self._host.begin(self.last_report, backend)
        self._guest = Guest(
            self.module, self.module_name, self._host, Bounds(allowed, fuel, timeout, count),
            initialize=not self._gateway, stdout=stdout, stderr=stderr, tier=tier,
            fallback=fallback,
        )  # fmt: skip
        check_exports(self.module, gateway=self._gateway)
        self._guest.start_clock()
        self._guest.begin()
        self._guest.initialize()
        self._host.end()
        self._invoker = Invoker(self._guest, self._host, gateway=self._gateway)

    # -- what it is -----------------------------------------------------------

    @property
    def module_name(self) -> str:
        """The name of its instance: its own, or ``guard``."""
        return self.name or abi.DEFAULT_MODULE_NAME

    @property
    def warned(self) -> bool:
        """Whether the host has warned that the guard exports no allocator."""
        return self._invoker.warned

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance.

        A guest that has ended with code 0 is healthy to the gateway, though
        every call of it fails.
        """
        healthy = (State.READY, State.STALE) + ((State.ENDED,) if self._gateway else ())
        return self._state in healthy

    def health(self) -> Health:
        """How the guard is; does not wait for a call that is under way."""
        return Health(
            self.healthy, self._state, self._calls, self._resets, self._guest.pages, self._cause
        )

    @property
    def time_left(self) -> Optional[float]:
        """Seconds left of the call under way, for a backend to bound its own work; or None."""
        return self._guest.time_left

    def __repr__(self) -> str:
        return f"<hostabi.Guard {self.name!r} {self._state.value}>"

    # -- label calls ----------------------------------------------------------

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The labels of an agent under ``policy``: an object, or its JSON text.

        A policy the guard accepts is given to it again when it is reset.

        Raises: PolicyError, PayloadError, GuardCallError; PolicyRejected where
        the guard says no.
        """
        payload = self._encode(abi.LABEL_AGENT, policy_object(policy))

        def parse(raw: bytes) -> AgentLabels:
            labels = responses.parse_agent(raw)
            self._policy = payload
            return labels

        return self._label(abi.LABEL_AGENT, payload, backend, parse)

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """The labels of what a tool call would touch, and whether it reads or writes.

        Raises: PayloadError, GuardCallError.
        """
        doc = resource_input(tool_name, tool_args, capabilities)
        return self._label(
            abi.LABEL_RESOURCE, self._encode(abi.LABEL_RESOURCE, doc), backend,
            lambda raw: responses.parse_resource(raw, gateway=self._gateway),
        )  # fmt: skip

    def label_response(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None,
        backend: Optional[Backend] = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """The labels of a tool's result, item by item; None if the guard has none of its own.

        ``tool_args`` are those of the call, or else those in ``request_state``
        if that is a mapping with ``tool_args``; otherwise none are sent.
        ``resource`` labels the items that the guard leaves without any.

        Raises: PayloadError, GuardCallError.
        """
        args = args_from_state(request_state) if tool_args is OMITTED else tool_args
        doc = response_input(tool_name, tool_result, args, capabilities)
        own = resource.labels if isinstance(resource, ResourceLabels) else resource
        return self._label(
            abi.LABEL_RESPONSE, self._encode(abi.LABEL_RESPONSE, doc), backend,
            lambda raw: responses.parse_response(raw, tool_result, own, gateway=self._gateway),
        )  # fmt: skip

    def call(
        self, function: str, payload: bytes, *, backend: Optional[Backend] = None
    ) -> bytes:
        """The call protocol alone: any export with bytes in, and the bytes it wrote.

        Raises: GuardCallError.
        """
        return self._label(function, payload, backend, lambda raw: raw)

    # -- life -----------------------------------------------------------------

    def cancel(self) -> None:
        """Stop the call under way, from any thread: it raises ``GuardCancelled``."""
        if self._owner is not None:
            self._guest.cancel()

    def close(self) -> None:
        """Wait for the call under way, and close; twice is harmless.

        Raises: GuardReentered from within its own call.
        """
        if self._owner == threading.get_ident():
            raise GuardReentered(self.name, "close")
        with self._lock:
            if self._state is not State.CLOSED:
                self._state = State.CLOSED
                self._guest.close()

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- the call -------------------------------------------------------------

    def _encode(self, function: str, doc: Any) -> bytes:
        """A label function's input.  Raises: PayloadError that names the function."""
        try:
            return encode(doc, float64=self._gateway)
        except PayloadError as error:
            error.function = function
            raise

    def _label(
        self, function: str, payload: bytes, backend: Optional[Backend],
        parse: Callable[[bytes], T],
    ) -> T:  # fmt: skip
        """One call from the lock to the result, and what its failure does to the guard."""
        report = CallReport(function=function)
        with self._entered(function):
            self._refuse(function)
            own_backend = self._backend if backend is None else backend
            self._guest.start_clock()
            try:
                if self._state is State.STALE:
                    self._restore(report, own_backend)
                raw = self._run(function, payload, report, own_backend)
                result = parse(raw)
            except BaseException as error:
                self._settle(error)
                if isinstance(error, GuardCallError):
                    error.function = error.function or function
                    error.report = report
                raise
            finally:
                self.last_report = report
        if isinstance(result, (AgentLabels, ResourceLabels, ResponseLabels)):
            result = dataclasses.replace(result, report=report)
        return result

    def _run(
        self, function: str, payload: bytes, report: CallReport, backend: Optional[Backend]
    ) -> bytes:
        """One invocation of the guest, with its report."""
        self._calls += 1
        self._host.begin(report, backend)
        self._guest.begin()
        report.pages_before = self._guest.pages
        try:
            return self._invoker.invoke(function, payload, report)
        finally:
            report.fuel = self._guest.fuel_used
            report.pages_after = self._guest.pages
            self._host.end()
            if self._invoker.unclean is not None:
                self._settle(self._invoker.unclean)

    def _restore(self, report: CallReport, backend: Optional[Backend]) -> None:
        """Make a stopped guest anew, and give it the policy it had."""
        self._host.begin(report, backend)
        self._guest.restore()
        self._invoker.forget_memory()
        self._resets += 1
        self._state, self._cause = State.READY, None
        if self._policy is None:
            return
        report.replay = CallReport(function=abi.LABEL_AGENT)
        try:
            responses.parse_agent(
                self._run(abi.LABEL_AGENT, self._policy, report.replay, backend)
            )
        except GuardError as error:
            # Without its policy it must not label anything.
            self._state, self._cause = State.STALE, error
            raise
        if self._cause is not None:
            # The policy was given, but giving the buffers back did not end well.
            raise self._cause

    def _refuse(self, function: str) -> None:
        """Refuse a guard that cannot be called."""
        if self._state is State.POISONED:
            assert self._cause is not None
            raise GuardPoisoned(self.name, function, self._cause)
        if self._state in (State.CLOSED, State.ENDED):
            raise GuardClosed(self.name, function, exited=self._state is State.ENDED)

    def _settle(self, error: BaseException) -> None:
        """What ``error`` makes of the guard."""
        states = {
            After.RESET: State.STALE, After.POISONED: State.POISONED, After.ENDED: State.ENDED,
        }  # fmt: skip
        state = states.get(after(error, gateway=self._gateway))
        if state is not None:
            self._state, self._cause = state, error

    @contextlib.contextmanager
    def _entered(self, function: str) -> Iterator[None]:
        """Hold the lock; who holds it already gets an error, not a deadlock."""
        me = threading.get_ident()
        if self._owner == me:
            raise GuardReentered(self.name, function)
        with self._lock:
            self._owner = me
            try:
                yield
            finally:
                self._owner = None
