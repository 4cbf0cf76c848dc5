"""A tool call from the agent to the backend and back: the phases around it.

What belongs here: the order of the phases, once, and the synchronous form.
What does not: what labels allow (``difc``), building the filtered result
(``rewrap``), and running the phases for ``asyncio`` (``pipeline_async``).

| phase | |
|---|---|
| session | the guard labels the agent, once per policy |
| 0 | the agent's labels |
| 1 | the guard labels the resource |
| 2 | the coarse verdict: all but pure reads stop here when it denies |
| 3 | the caller's backend |
| 4 | the guard labels the response, as it is presented |
| 5 | the verdict on each item; without labels the coarse one is enforced |
| 6 | an agent that propagates is tainted by what it gets |

Whatever fails, the agent gets nothing.

ABI: section 6.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import dataclasses
import inspect
import threading
from typing import (
    Any,
    Awaitable,
    Callable,
    FrozenSet,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from hostabi import abi
from hostabi.backend import Backend
from hostabi.builtin import NoopGuard
from hostabi.difc.agents import AgentRegistry, Grant
from hostabi.difc.check import Evaluator, Reason, Rule, Side, Verdict
from hostabi.difc.modes import (
    UNTAINTED,
    Judged,
    Taint,
    denying,
    judge,
    labels_response,
    proceeds,
    taint_of,
)
from hostabi.difc.notice import in_words, notice, shown
from hostabi.errors import (
    AgentLabellingError,
    AgentLabelsInvalid,
    GuardError,
    GuardReentered,
    PayloadError,
    PolicyError,
    ResourceLabellingError,
    ResponseError,
    ResponseLabellingError,
    one_line,
)
from hostabi.guard import GATEWAY
from hostabi.labeller import Labeller
from hostabi.labels import (
    Labels,
    Mode,
    Operation,
    ResourceLabels,
    ResponseLabels,
)
from hostabi.outcome import Denial, Outcome
from hostabi.payload import encode, text_of
from hostabi.pinned import keeps_apart, policy_of, under
from hostabi.policy import AllowOnly, WriteSink
from hostabi.presented import Presented, present
from hostabi.rewrap import rewrap, with_notice
from hostabi.unavailable import UnavailableGuard

LISTING = ("list_", "search_")
"""How the names of tools begin whose empty list is an answer."""

MAX_WORKERS = 32
"""Threads of one pipeline for calls from coroutines; more calls wait."""

Stopped = Callable[[], bool]

_WITHIN: contextvars.ContextVar[FrozenSet[int]] = contextvars.ContextVar(
    "hostabi_within", default=frozenset()
)
"""The guards (by ``id``) whose questions the running code answers, coroutines included."""


def never() -> bool:
    """For a call that nobody stops."""
    return False


class Call(NamedTuple):
    """A tool call after phase 2: what it is judged by, to its end.

    ``coarse`` is the verdict on what the call does to its resource,
    ``reading`` that on reading it.
    """

    agent_id: str
    tool_name: str
    tool_args: Any
    grant: Grant
    agent: Labels
    resource: ResourceLabels
    coarse: Verdict
    reading: Verdict


class Pipeline:
    """Stands between agents and a backend, and decides by a guard's labels.

    ``guard`` may be any labeller; None refuses every call, for nobody is there
    to ask (the gateway lets agents without labels through).  ``mode`` is the
    operator's, strict unless given; a guard's own mode overrides it.
    ``policy`` is for agents that ``label_agent`` was not called for.
    ``agents`` can be shared with pipelines of other guards: their labels are
    united for each agent, by the guards' names, so two guards of one name
    replace each other's; ``name`` is what the pipeline goes by there.
    ``guard_backend`` answers the guard's own questions.  ``notices=False``
    leaves the notice of dropped items out of results.

    Each agent is labelled under its own policy, however many share the guard;
    a labeller that cannot keep policies apart (``Labeller``) is not put under a
    second one while another agent has labels under the first.
    A pipeline can be called from many threads.

    >>> from hostabi.builtin import WriteSinkGuard
    >>> sink = Pipeline(WriteSinkGuard(("private:acme",)))
    >>> sink.call("agent", "post", {"text": "hello"}, lambda name, args: "posted").result
    'posted'
    """

    def __init__(
        self, guard: Optional[Labeller], *, mode: Union[Mode, str, None] = None,
        policy: Any = None, agents: Optional[AgentRegistry] = None,
        guard_backend: Optional[Backend] = None, notices: bool = True,
        compat: Optional[str] = None,
    ) -> None:  # fmt: skip
        if compat not in (None, GATEWAY):
            raise ValueError(f'compat is None or "{GATEWAY}", not {compat!r}')
        self._gateway = compat == GATEWAY
        self.mode = Mode(mode) if mode else Mode.STRICT
        self.agents = AgentRegistry() if agents is None else agents
        self.guard: Labeller
        if guard is None:
            self.guard = NoopGuard() if self._gateway else UnavailableGuard()
        else:
            self.guard = guard
        self.name = self.guard.name or self.agents.new_name()
        self.policy = policy
        self.guard_backend = guard_backend
        self._notices = notices
        self._workers: Optional[concurrent.futures.Executor] = None
        self._workers_lock = threading.Lock()

    # -- the session ----------------------------------------------------------

    def label_agent(self, agent_id: str, policy: Any = None) -> Labels:
        """Have the guard label the agent under ``policy``; the agent's labels, of all its guards.

        The guard is asked once per policy: one call asks, others at the same
        time wait, and the same policy again asks nothing.  Another policy
        replaces what this guard gave before.

        Raises: AgentLabellingError, AgentLabelsInvalid; the labels that were
        there stay.
        """
        self.session(agent_id, policy)
        return self.agents.labels(agent_id, self.name)

    def session(
        self, agent_id: str, policy: Any = None, *, backend: Optional[Backend] = None,
        stopped: Stopped = never,
    ) -> Grant:  # fmt: skip
        """What the guard gives the agent under ``policy``, or the pipeline's own."""
        name, policy = self.name, self.policy if policy is None else policy
        backend = backend or self.guard_backend
        try:
            labeller, alone = under(self.guard, policy), not keeps_apart(self.guard)
            own = None if alone else policy_of(labeller)
            payload = _key(policy) if own is None else own
            turn = self.agents.turn(agent_id, name, stopped, alone=alone)
            with self._asking(abi.LABEL_AGENT), turn:
                found = self._granted(agent_id)
                if found is not None and found.policy == payload:
                    return found
                if alone and self.agents.elsewhere(agent_id, self.guard, payload):
                    # It has one policy at a time, and this would put the other agent under it.
                    raise _shared(self.guard)
                answer = labeller.label_agent(policy, backend=backend)
                mode = self._mode_of(agent_id, answer)
                grant = Grant(payload, answer.labels, mode, labeller, self.guard)
                self.agents.grant(agent_id, name, grant, add=self._gateway)
                return grant
        except AgentLabelsInvalid:
            raise
        except GuardError as error:
            raise AgentLabellingError(agent_id, "", error) from error

    def _granted(self, agent_id: str) -> Optional[Grant]:
        """What this guard gave the agent, not one that had its name before."""
        grant = self.agents.granted(agent_id, self.name)
        return grant if grant is not None and grant.guard is self.guard else None

    @contextlib.contextmanager
    def _asking(self, function: str) -> Iterator[None]:
        """In a call of the guard: a backend of its own that calls again is refused, or both wait.

        Raises: GuardReentered.
        """
        within = _WITHIN.get()
        if id(self.guard) in within:
            raise GuardReentered(self.guard.name, function)
        token = _WITHIN.set(within | {id(self.guard)})
        try:
            yield
        finally:
            _WITHIN.reset(token)

    def _mode_of(self, agent_id: str, answer: Any) -> Mode:
        """The mode of a labeller's answer, the operator's if it has none.

        Raises: AgentLabelsInvalid for what is no answer.
        """
        labels, mode = getattr(answer, "labels", None), getattr(answer, "mode", None)
        if not isinstance(labels, Labels):
            error = ResponseError("there are no labels", abi.LABEL_AGENT, "type")
            raise AgentLabelsInvalid(agent_id, "", error)
        if mode is None or mode == "":
            return self.mode
        for known in Mode:
            if mode is known or mode == known.value:
                return known
        error = ResponseError(f"{mode!r} is no mode", abi.LABEL_AGENT, "mode-invalid")
        raise AgentLabelsInvalid(agent_id, "", error)

    # -- the call -------------------------------------------------------------

    def call(
        self, agent_id: str, tool_name: str, tool_args: Any, backend: Callable[[str, Any], Any]
    ) -> Outcome:
        """Have the backend called for the agent, as far as labels allow.

        Raises: AgentLabellingError, AgentLabelsInvalid, ResourceLabellingError,
        ResponseLabellingError; what the backend raises.
        """
        call, outcome = self.begin(agent_id, tool_name, tool_args)
        if outcome is not None:
            return outcome
        result = backend(tool_name, tool_args)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("the backend is a coroutine function: use call_async")
        return self.finish(call, result)

    async def call_async(
        self, agent_id: str, tool_name: str, tool_args: Any,
        backend: Callable[[str, Any], Union[Any, Awaitable[Any]]],
    ) -> Outcome:  # fmt: skip
        """As ``call``, from a coroutine: the guest runs in a worker thread.

        A backend that is a coroutine function runs on the caller's loop, and so
        does ``guard_backend``; any other runs in a worker thread.  Cancelling
        the task interrupts the guest.
        """
        from hostabi.pipeline_async import call

        return await call(self, agent_id, tool_name, tool_args, backend)

    async def label_agent_async(self, agent_id: str, policy: Any = None) -> Labels:
        """As ``label_agent``, from a coroutine."""
        from hostabi.pipeline_async import label_agent

        return await label_agent(self, agent_id, policy)

    # -- the phases -----------------------------------------------------------

    def begin(
        self, agent_id: str, tool_name: str, tool_args: Any, *,
        guard_backend: Optional[Backend] = None, stopped: Stopped = never,
    ) -> Tuple[Call, Optional[Outcome]]:  # fmt: skip
        """Phases 0 to 2: the call, and its outcome if it ends here."""
        backend = guard_backend or self.guard_backend
        grant = self._granted(agent_id)
        if grant is None:
            grant = self.session(agent_id, backend=backend, stopped=stopped)
        agent = self.agents.labels(agent_id, self.name)
        try:
            with self._asking(abi.LABEL_RESOURCE):
                resource = grant.labeller.label_resource(tool_name, tool_args, backend=backend)
            if not resource.stated:
                # Nobody knows what the call does, so both must be allowed, and the response is
                # looked at like a read's in any mode.
                resource = dataclasses.replace(resource, operation=Operation.READ_WRITE)
        except GuardError as error:
            raise ResourceLabellingError(agent_id, tool_name, error) from error
        check = Evaluator(agent).check
        coarse = check(resource.operation, resource.labels, Side.RESOURCE)
        reading = check(Operation.READ, resource.labels, Side.RESOURCE)
        call = Call(agent_id, tool_name, tool_args, grant, agent, resource, coarse, reading)
        if proceeds(grant.mode, resource.operation, coarse):
            return call, None
        return call, self._denied(call, Side.RESOURCE, denying(grant.mode, coarse))

    def finish(
        self, call: Call, result: Any, *, guard_backend: Optional[Backend] = None
    ) -> Outcome:
        """Phases 4 to 6: what the agent gets of the backend's ``result``."""
        mode, operation = call.grant.mode, call.resource.operation
        if call.resource.stated and not labels_response(mode, operation):
            return self._allowed(call, result)
        presented = self._presented(call, result)
        response = self._response(call, presented.shown, guard_backend or self.guard_backend)
        if response is None:
            reasons = denying(mode, call.reading)
            if reasons and not self._gateway:
                return self._denied(call, Side.RESOURCE, reasons, called=True)
            taint = self._tainted(call, [call.resource.labels])
            return self._allowed(
                call, presented.whole, removed=presented.removed, taint=taint
            )
        judged = judge(mode, operation, Evaluator(call.agent), response.items)
        return self._filtered(call, presented, response, judged)

    def _presented(self, call: Call, result: Any) -> Presented:
        """The result as the guard is shown it, the gateway's as it is.

        Raises: ResponseLabellingError.
        """
        if self._gateway:
            return Presented(result, result, result)
        try:
            return present(result)
        except PayloadError as error:
            raise ResponseLabellingError(call.agent_id, call.tool_name, error) from error

    def _response(
        self, call: Call, result: Any, backend: Optional[Backend]
    ) -> Optional[ResponseLabels]:
        """Phase 4.  Raises: ResponseLabellingError."""
        try:
            with self._asking(abi.LABEL_RESPONSE):
                labels: Optional[ResponseLabels] = call.grant.labeller.label_response(
                    call.tool_name, result, call.tool_args, resource=call.resource,
                    backend=backend,
                )  # fmt: skip
                return labels
        except GuardError as error:
            raise ResponseLabellingError(call.agent_id, call.tool_name, error) from error

    def _filtered(
        self, call: Call, result: Presented, response: ResponseLabels,
        judged: Tuple[Judged, ...],
    ) -> Outcome:  # fmt: skip
        """Phases 5 and 6, with labels of the response."""
        dropped = [one for one in judged if not one.kept]
        alone = len(judged) == 1 and not call.tool_name.startswith(LISTING)
        if dropped and (call.grant.mode is Mode.STRICT or alone):
            return self._denied(
                call, Side.ITEM, dropped[0].reasons, called=True, response=response, items=judged
            )
        text = notice(call.tool_name, judged)
        built: Any
        removed: Tuple[str, ...] = ()
        if self._gateway:
            built = [one.item.data for one in judged if one.kept]
        else:
            try:
                built, removed = rewrap(
                    result, response, [one.kept for one in judged], whole=call.reading.allowed
                )
            except PayloadError as error:
                raise ResponseLabellingError(call.agent_id, call.tool_name, error) from error
        if text is not None and self._notices:
            built = with_notice(built, text)
        read = [one.item.labels for one in judged if one.kept and one.item.labels is not None]
        return self._allowed(
            call, built, response=response, items=judged, notice=text, removed=removed,
            taint=self._tainted(call, read),
        )  # fmt: skip

    def _tainted(self, call: Call, read: Sequence[Labels]) -> Taint:
        """Phase 6: what having read this changes in the agent's labels."""
        if call.grant.mode is not Mode.PROPAGATE or call.resource.operation is Operation.WRITE:
            return UNTAINTED
        taint = taint_of(read, gateway=self._gateway)
        return self.agents.accumulate(call.agent_id, taint, read, call.tool_name)

    # -- life -----------------------------------------------------------------

    def workers(self) -> concurrent.futures.Executor:
        """The threads that the guest runs in when it is called from coroutines.

        They are the pipeline's own: a backend that needs a thread to answer
        does not wait for one that waits for the guard.
        """
        with self._workers_lock:
            if self._workers is None:
                self._workers = concurrent.futures.ThreadPoolExecutor(
                    MAX_WORKERS, thread_name_prefix="wasmpy-guard"
                )
            return self._workers

    def close(self) -> None:
        """Wait for the worker threads, and end them; the guard stays as it is."""
        with self._workers_lock:
            workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- what comes of it -----------------------------------------------------

    def _allowed(self, call: Call, result: Any, **more: Any) -> Outcome:
        return Outcome(
            call.agent_id, call.tool_name, call.agent, call.grant.mode, call.resource, call.coarse,
            allowed=True, called=True, result=result, **more,
        )  # fmt: skip

    def _denied(
        self, call: Call, side: Side, reasons: Tuple[Reason, ...], *,
        called: bool = False, response: Optional[ResponseLabels] = None,
        items: Tuple[Judged, ...] = (),
    ) -> Outcome:  # fmt: skip
        description = call.resource.description
        if side is Side.RESOURCE:
            message = f"access denied to {description or call.tool_name}: {in_words(reasons)}"
        else:
            message = _item_message(call.tool_name, [one for one in items if not one.kept])
        denial = Denial(side, reasons, description, call.agent, one_line(message))
        return Outcome(
            call.agent_id, call.tool_name, call.agent, call.grant.mode, call.resource, call.coarse,
            called=called, denial=denial, response=response, items=items,
        )  # fmt: skip


def _key(policy: Any) -> bytes:
    """A policy as bytes, to tell it from others, for a labeller that has no form for it itself.

    Raises: PayloadError.
    """
    if isinstance(policy, (AllowOnly, WriteSink)):
        policy = policy.to_json()
    return encode(text_of(policy) if isinstance(policy, bytes) else policy)


def _shared(guard: Labeller) -> PolicyError:
    """What is said of a second policy to a labeller that has one at a time."""
    return PolicyError(
        f"guard {guard.name!r} is under another agent's policy and cannot be under two at a time",
        "shared", "", "the policy of the agents that share the guard",
    )  # fmt: skip


def _item_message(tool_name: str, dropped: List[Judged]) -> str:
    """What the agent is told when an item keeps a whole response from it."""
    first = dropped[0]
    what = shown(first)
    why = in_words(first.reasons) if what else f"by its {first.kind}"
    if first.kind == Rule.UNLABELLED.value:
        why = "it has no labels"
    return (
        f"access denied to the result of {tool_name}: {what or 'an item'} is withheld, {why}"
        + (f", and {len(dropped) - 1} more" if len(dropped) > 1 else "")
    )
