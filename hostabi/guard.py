"""A guard: load it, ask it for labels, know its health, close it.

What belongs here: the public class, its lock, its states, and which policy its
guest has.  What does not: the label calls' arguments and answers
(``questions``), the steps of a call (``invocation``), the instance (``guest``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import threading
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from hostabi import abi, responses
from hostabi.backend import Backend, HostSide, LogCallback
from hostabi.caches import GLOBAL, Choice, held
from hostabi.capabilities import UNLIMITED, Capabilities
from hostabi.errors import (
    After,
    GuardCallError,
    GuardCancelled,
    GuardClosed,
    GuardError,
    GuardPoisoned,
    GuardReentered,
)
from hostabi.guest import Bounds, Guest
from hostabi.invocation import Invoker
from hostabi.labels import AgentLabels, ResourceLabels, ResponseLabels
from hostabi.load import Source, check_exports, check_name, load_module
from hostabi.pinned import Pinned
from hostabi.policy import AUTO, POLICY_CHECKS
from hostabi.questions import Given, LabelCalls, Manner, Question
from hostabi.recovery import DEFAULT_RECOVERY, Recovery
from hostabi.trace import CallReport
from wasmpy.api.checks import check_callable
from wasmpy.api.module import Module
from wasmpy.config import DEFAULT_LIMITS, Features, Limits

GATEWAY = "gateway"
"""The value of ``compat`` that reproduces the gateway's defects."""
STRICT = "strict"
LENIENT = "lenient"
OUTPUTS = (STRICT, LENIENT)
"""The values of ``outputs``."""


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

    ``cause`` is what made it unhealthy or stale; ``resets`` is how often it was
    made anew, and ``recovered`` what it recovered from the last time (None for
    a mere change of policy); ``pages`` what memory it has.  ``recovery`` has
    for each kind of failure what it makes of the guard.
    """

    healthy: bool
    state: State
    calls: int
    resets: int
    pages: int
    cause: Optional[BaseException]
    recovered: Optional[BaseException] = None
    recovery: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """The health as a JSON object."""
        return {
            "healthy": self.healthy, "state": self.state.value, "calls": self.calls,
            "resets": self.resets, "pages": self.pages,
            "cause": None if self.cause is None else str(self.cause),
            "recovered": None if self.recovered is None else str(self.recovered),
            "recovery": dict(self.recovery),
        }  # fmt: skip


class Guard(LabelCalls):
    """A guard, loaded from bytes, a file or a module.

    ``backend`` answers the guard's questions; a label call can bring its own.
    ``log`` gets every line the guard logs or prints.  ``fuel`` (executed
    instructions) and ``timeout`` (seconds) bound each call with all it needs.
    ``count`` has reports say how many instructions a call took, as they do
    with ``fuel``; counting takes time.  ``tier`` is what runs the guard, and ``fallback``
    what becomes of functions it does not take, as for ``wasmpy.Store``.
    ``max_memory_pages`` caps linear memory.  ``stdout`` and ``stderr`` are file
    objects for what the guard prints, instead of the log.  ``recovery`` says
    which failures it recovers from, and which poison it.  ``cache`` is what its
    module comes out of: that of the process, another, or None for none.  ``compat="gateway"``
    does as the gateway does where that is a defect (see
    ``docs/reference/guards.md``).  ``policy_check`` says which policies are
    checked before the guard sees them: ``auto`` those that say they are
    allow-only, ``strict`` all, ``off`` none.  ``outputs`` is ``strict`` or
    ``lenient``: whether answers are read as the gateway reads them, that is
    without errors for what is malformed; None is strict unless ``compat`` says
    otherwise.  ``send_capabilities`` sends the ``capabilities`` that a call
    grants, which the gateway sends as ``{}``.  ``capabilities`` is what the
    guard itself may import and ask.

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
        recovery: Recovery = DEFAULT_RECOVERY,
        cache: Choice = GLOBAL,
        policy_check: str = AUTO, outputs: Optional[str] = None, send_capabilities: bool = False,
        capabilities: Capabilities = UNLIMITED,
    ) -> None:  # fmt: skip
        if compat not in (None, GATEWAY):
            raise ValueError(f'compat is None or "{GATEWAY}", not {compat!r}')
        if policy_check not in POLICY_CHECKS:
            raise ValueError(f"policy_check is one of {POLICY_CHECKS}, not {policy_check!r}")
        if outputs not in (None, *OUTPUTS):
            raise ValueError(f"outputs is one of {OUTPUTS}, not {outputs!r}")
        for given, value in (("backend", backend), ("log", log)):
            if value is not None:
                check_callable(given, value)
        lenient = None if outputs is None else outputs == LENIENT
        self._manner = Manner(policy_check, lenient, send_capabilities)
        self.name = name
        self._gateway = compat == GATEWAY
        self._backend = backend
        self._lock = threading.Lock()
        # Held for a moment, so that what is cancelled is the call that was meant.
        self._ending = threading.Lock()
        self._owner: Optional[int] = None
        self._state = State.READY
        self._cause: Optional[BaseException] = None
        self._calls = 0
        self._resets = 0
        self._policy: Optional[Given] = None
        self._given: Optional[Given] = None
        self._asked = False
        self._disturbed = False
        self._recovered: Optional[BaseException] = None
        self.recovery = recovery
        self.last_report = CallReport(function="load")
        """The report of the last call that ended, whatever its end; at first that of loading."""
        allowed = dataclasses.replace(limits or DEFAULT_LIMITS, memory_pages=max_memory_pages)
        check_name(name, gateway=self._gateway)
        self._host = HostSide(
            log, gateway=self._gateway, capabilities=capabilities, name=self.module_name
        )
        # A module that is one already came from elsewhere.
        with held(None if isinstance(source, Module) else cache, self) as self._cache:
            self.module = load_module(source, allowed, features, self._cache)
            capabilities.check_imports(self.module)
            self._host.begin(self.last_report, backend)
            self._guest = Guest(
                self.module, self.module_name, self._host, Bounds(allowed, fuel, timeout, count),
                initialize=not self._gateway, stdout=stdout, stderr=stderr, tier=tier,
                fallback=fallback,
            )  # fmt: skip
            self._host.running = self._guest
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
    def gateway(self) -> bool:
        """Whether it reproduces the gateway's defects."""
        return self._gateway

    @property
    def manner(self) -> Manner:
        """How questions are put to it and its answers taken."""
        return self._manner

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
            self.healthy, self._state, self._calls, self._resets, self._guest.pages, self._cause,
            self._recovered, self.recovery.to_json(gateway=self._gateway),
        )  # fmt: skip

    @property
    def time_left(self) -> Optional[float]:
        """Seconds left of the call under way, for a backend to bound its own work; or None."""
        return self._guest.time_left

    def __repr__(self) -> str:
        return f"<hostabi.Guard {self.name!r} {self._state.value}>"

    # -- questions ------------------------------------------------------------

    def under(self, policy: Any) -> Pinned:
        """This guard under ``policy``: every call through it finds the guest under that policy.

        An instance that was given another one is reset and given this first.

        Raises: PolicyError, PayloadError.
        """
        return Pinned(self, self._agent_question(policy))

    def give(
        self, question: Question, *, backend: Optional[Backend] = None
    ) -> Tuple[AgentLabels, Given]:
        """Give a policy, for calls under it; the agent's labels.  Raises: GuardCallError."""
        given = Given(question.payload)
        return self.answer(question, backend=backend, under=given), given

    def answer(
        self, question: Question, *, backend: Optional[Backend] = None,
        under: Optional[Given] = None, cancelled: Optional[Callable[[], bool]] = None,
    ) -> Any:  # fmt: skip
        """The answer to a question, read; what pools and views ask by.

        ``under`` is the policy that the guest must have; None for the last
        that ``label_agent`` gave it.  ``cancelled`` is asked, once it is this
        call's turn, whether it is still wanted.

        Raises: GuardCallError; TypeError for a backend that cannot be called.
        """
        if backend is not None:
            check_callable("backend", backend)
        report = CallReport(function=question.function)
        with self._entered(question.function):
            if cancelled is not None and cancelled():
                raise GuardCancelled(question.function)
            self._refuse(question.function)
            own_backend = self._backend if backend is None else backend
            self._guest.start_clock()
            try:
                self._place_under(under, question, report, own_backend)
                raw = self._run(question.function, question.payload, report, own_backend)
                result = question.read(raw, self._host.notice)
                if question.gives_policy:
                    self._accept(under, question.payload)
            except BaseException as error:
                self._settle(error)
                if isinstance(error, GuardCallError):
                    error.function = error.function or question.function
                    error.report = report
                raise
            finally:
                self.last_report = report
        if isinstance(result, (AgentLabels, ResourceLabels, ResponseLabels)):
            result = dataclasses.replace(result, report=report)
        return result

    def _answer(self, question: Question, backend: Optional[Backend]) -> Any:
        return self.answer(question, backend=backend)

    # -- life -----------------------------------------------------------------

    def cancel(self, thread: Optional[int] = None) -> None:
        """Stop the call under way, from any thread: it raises ``GuardCancelled``.

        ``thread`` (an identifier of ``threading``) stops it only if that
        thread made it.
        """
        with self._ending:
            if self._owner is not None and thread in (None, self._owner):
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
                if self._cache is not None:
                    self._cache.released(self)

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- the policy it has ------------------------------------------------------

    @property
    def given(self) -> Optional[Given]:
        """The policy that the guest has, None if it has none, or it is not known which."""
        return self._given

    def _place_under(
        self, under: Optional[Given], question: Question, report: CallReport,
        backend: Optional[Backend],
    ) -> None:  # fmt: skip
        """Have the guest ready for a call under a policy: reset, and given it, where need be."""
        policy = self._policy if under is None else under
        if self._state is State.STALE:
            fits = False
        elif under is None:
            # What a policy has left behind that was not accepted must label nothing.
            fits = not self._disturbed
        elif question.gives_policy:
            # So that what it answers depends on nothing that came before.
            fits = not self._asked
        else:
            fits = self._given is not None and self._given.serves(under)
        if not fits:
            giving = question.gives_policy and under is not None
            self._restore(None if giving else policy, report, backend)
        if question.function == abi.LABEL_AGENT:
            # Until the guest has accepted it.
            self._given = None
            self._disturbed |= question.gives_policy and not self._gateway
        self._asked = True

    def _accept(self, under: Optional[Given], payload: bytes) -> None:
        """The guest has accepted a policy."""
        self._given = Given(payload) if under is None else under
        if under is None:
            self._policy = self._given
        self._disturbed = self._policy is None or self._policy.payload != payload

    # -- the call -------------------------------------------------------------

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

    def _restore(
        self, policy: Optional[Given], report: CallReport, backend: Optional[Backend]
    ) -> None:
        """Make the guest anew, and give it a policy."""
        self._host.begin(report, backend)
        self._given, self._asked = None, False
        self._state = State.STALE  # until it is done
        self._guest.restore()
        self._invoker.forget_memory()
        self._resets += 1
        self._recovered, self._cause = self._cause, None
        self._state, self._disturbed = State.READY, self._policy is not None
        if policy is None:
            return
        report.replay = CallReport(function=abi.LABEL_AGENT)
        try:
            responses.parse_agent(
                self._run(abi.LABEL_AGENT, policy.payload, report.replay, backend),
                gateway=self._gateway, lenient=self._manner.lenient,
            )  # fmt: skip
        except GuardError as error:
            # Without its policy it must not label anything.
            self._state, self._cause = State.STALE, error
            raise
        if self._cause is not None:
            # The policy was given, but giving the buffers back did not end well.
            raise self._cause
        self._given = policy
        self._disturbed = self._policy is None or self._policy.payload != policy.payload

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
        state = states.get(self.recovery.after(error, gateway=self._gateway))
        if state is not None:
            self._state, self._cause = state, error

    @contextlib.contextmanager
    def _entered(self, function: str) -> Iterator[None]:
        """Hold the lock; who holds it already gets an error, not a deadlock."""
        me = threading.get_ident()
        if self._owner == me:
            raise GuardReentered(self.name, function)
        with self._lock:
            self._guest.forget_cancellation()
            self._owner = me
            try:
                yield
            finally:
                with self._ending:
                    self._owner = None
