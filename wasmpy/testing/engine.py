"""Running cases: a fresh guard for each, its calls in order, and what differs.

What belongs here: making the guard, the calls, and the results.  What does
not: reading cases (``cases``), comparing (``compare``), and any decision
about labels, which is ``hostabi``'s: a call ``pipeline`` goes through
``hostabi.Pipeline``.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, TypeVar

from hostabi import abi
from hostabi.around import Around
from hostabi.backend import Backend
from hostabi.errors import BackendError, GuardCallError, GuardError
from hostabi.guard import Guard
from hostabi.labels import AgentLabels, Labels, ResourceLabels
from hostabi.load import Source, load_module
from hostabi.pipeline import Pipeline
from hostabi.rules import RulesBackend
from hostabi.trace import CallReport
from wasmpy.api.module import Module
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.testing import observed
from wasmpy.testing.casefile import CaseFile
from wasmpy.testing.cases import UNSET, Case, Step
from wasmpy.testing.compare import Difference, difference, differences, shown
from wasmpy.testing.vocabulary import COMMON, EXPECT, MAX_PAGES, PIPELINE, Field, Kind

AGENT = "agent"
"""Who makes the calls of a case."""

TIMEOUT = 60.0
"""Seconds that a call may take unless something else is said."""

FEATURES = Features.WASM2


class Bounds(NamedTuple):
    """What bounds the calls of cases that say nothing about it; ``tier`` is what runs the guard.

    None for ``fuel`` and ``timeout`` is no bound.
    """

    fuel: Optional[int] = None
    timeout: Optional[float] = TIMEOUT
    max_memory_pages: int = abi.MAX_MEMORY_PAGES
    tier: Optional[str] = None
    name: str = ""
    compat: Optional[str] = None


DEFAULT_BOUNDS = Bounds()

T = TypeVar("T")


class StepResult(NamedTuple):
    """What came of a call: the values by their keys, and what differs."""

    step: Step
    actual: Dict[str, Any]
    differences: Tuple[Difference, ...]


@dataclasses.dataclass(frozen=True)
class CaseResult:
    """What came of a case.

    ``error`` is what ended it before its calls; ``seconds`` is how long it took.
    """

    case: Case
    steps: Tuple[StepResult, ...] = ()
    differences: Tuple[Difference, ...] = ()
    error: Optional[BaseException] = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.differences

    @property
    def text(self) -> str:
        """What differs, in lines."""
        return "\n".join(one.text for one in self.differences)

    def to_json(self) -> Dict[str, Any]:
        """The result as a JSON object."""
        return {
            "name": self.case.name,
            "status": "passed" if self.passed else "failed",
            "seconds": round(self.seconds, 6),
            "differences": [one.to_json() for one in self.differences],
        }


def run_files(
    guard: Source, files: Iterable[CaseFile], bounds: Bounds = DEFAULT_BOUNDS, *,
    clock: Callable[[], float] = time.perf_counter,
) -> List[CaseResult]:  # fmt: skip
    """The results of all cases of some files, in order.  Raises: GuardLoadError."""
    module = module_of(guard)
    return [
        run_case(module, case, bounds, clock=clock) for file in files for case in file.cases
    ]


def run_cases(
    guard: Source, cases: Iterable[Case], bounds: Bounds = DEFAULT_BOUNDS, *,
    clock: Callable[[], float] = time.perf_counter,
) -> List[CaseResult]:  # fmt: skip
    """The results of some cases, in order.  Raises: GuardLoadError."""
    module = module_of(guard)
    return [run_case(module, case, bounds, clock=clock) for case in cases]


def module_of(guard: Source) -> Module:
    """The guard's module, decoded once for all cases.  Raises: GuardLoadError."""
    # How much memory it may have is a matter of each case.
    return load_module(guard, dataclasses.replace(DEFAULT_LIMITS, memory_pages=MAX_PAGES), FEATURES)


def run_case(
    module: Module, case: Case, bounds: Bounds = DEFAULT_BOUNDS, *,
    clock: Callable[[], float] = time.perf_counter,
) -> CaseResult:  # fmt: skip
    """The result of one case, with a guard of its own."""
    began = clock()
    error: Optional[BaseException] = None
    steps: Tuple[StepResult, ...] = ()
    path = f"{case.path}.load_error"
    try:
        guard = _guard(module, case, bounds)
    except GuardError as failed:
        error = failed
        found = _unexpected(failed, case.path) if case.load_error is UNSET else difference(
            Field(Kind.ERROR), case.load_error, observed.of_error(failed), path
        )  # fmt: skip
        return CaseResult(case, (), tuple(found), error, clock() - began)
    with guard:
        if case.load_error is not UNSET:
            found = difference(Field(Kind.ERROR), case.load_error, None, path)
        else:
            steps = tuple(_Session(guard, case).run())
            found = [one for step in steps for one in step.differences]
    return CaseResult(case, steps, tuple(found), None, clock() - began)


def _guard(module: Module, case: Case, bounds: Bounds) -> Guard:
    """The case's guard.  Raises: GuardLoadError."""
    limits = case.limits
    fuel = bounds.fuel if limits.fuel is None else limits.fuel
    every = case.steps if case.agent is None else (case.agent, *case.steps)
    pages = limits.max_memory_pages
    return Guard(
        module, name=bounds.name, backend=RulesBackend(list(case.rules)), fuel=fuel,
        timeout=bounds.timeout if limits.timeout is None else limits.timeout,
        max_memory_pages=bounds.max_memory_pages if pages is None else pages,
        compat=case.compat or bounds.compat, outputs=case.outputs, tier=bounds.tier,
        count=any("fuel_at_most" in step.expect for step in every),
    )  # fmt: skip


class _Watched(Around):
    """A guard whose reports are kept until they are taken."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(guard)
        self._noting = guard
        self.reports: List[CallReport] = []

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """As the guard's."""
        return self._noted(lambda: self._noting.label_agent(policy, backend=backend))

    def label_resource(self, tool_name: str, tool_args: Any, **more: Any) -> ResourceLabels:
        """As the guard's."""
        return self._noted(lambda: self._noting.label_resource(tool_name, tool_args, **more))

    def label_response(self, *given: Any, **more: Any) -> Any:
        """As the guard's."""
        return self._noted(lambda: self._noting.label_response(*given, **more))

    def take(self) -> List[CallReport]:
        """The reports since the last time."""
        taken, self.reports = self.reports, []
        return taken

    def _noted(self, ask: Callable[[], T]) -> T:
        before = self._noting.last_report
        try:
            return ask()
        finally:
            if self._noting.last_report is not before:
                self.reports.append(self._noting.last_report)


class _Session:
    """One case: its guard, and what has been given to it."""

    def __init__(self, guard: Guard, case: Case) -> None:
        self._case = case
        self._guard = guard
        self._watched = _Watched(guard)
        self._policy: Any = None
        self._resource: Optional[ResourceLabels] = None
        self._pipeline = Pipeline(
            self._watched, mode=case.mode, compat=case.compat,
        )  # fmt: skip

    def run(self) -> Iterable[StepResult]:
        """The calls, in order."""
        if self._case.agent is not None:
            yield self._step(self._case.agent)
        for step in self._case.steps:
            yield self._step(step)

    def _step(self, step: Step) -> StepResult:
        error: Optional[BaseException] = None
        actual: Dict[str, Any] = {}
        self._watched.take()
        try:
            actual = _CALLS[step.call](self, step)
        except (GuardError, RecursionError) as failed:
            error = failed
        reports = self._watched.take()
        if isinstance(error, GuardCallError) and error.report is not None and not reports:
            reports = [error.report]
        actual.update(observed.of_reports(reports, healthy=self._guard.healthy))
        actual["error"] = None if error is None else observed.of_error(error)
        return StepResult(step, actual, tuple(_differ(step, actual, error)))

    # -- the calls ---------------------------------------------------------------

    def label_agent(self, step: Step) -> Dict[str, Any]:
        """The agent's labels under a policy, which holds from now on."""
        answer = self._watched.label_agent(step.policy)
        self._policy = step.policy
        return observed.of_agent(answer)

    def label_resource(self, step: Step) -> Dict[str, Any]:
        """The labels of what a tool call touches."""
        self._resource = None
        self._resource = self._watched.label_resource(step.tool_name, step.tool_args)
        return observed.of_resource(self._resource)

    def label_response(self, step: Step) -> Dict[str, Any]:
        """The labels of a tool's result; items without any have those of the last resource."""
        return observed.of_response(
            self._watched.label_response(
                step.tool_name, step.tool_result, step.tool_args, resource=self._resource
            )
        )

    def pipeline(self, step: Step) -> Dict[str, Any]:
        """A tool call from the agent to the backend and back."""
        self._pipeline.label_agent(AGENT, self._policy)
        self._watched.take()

        def backend(tool_name: str, tool_args: Any) -> Any:
            if step.tool_error is not None:
                raise BackendError(step.tool_error)
            return step.tool_result

        outcome = self._pipeline.call(AGENT, step.tool_name, step.tool_args, backend)
        return observed.of_outcome(outcome, self._agent())

    def _agent(self) -> Labels:
        return self._pipeline.agents.labels(AGENT, self._guard.name)


_CALLS: Dict[str, Callable[[_Session, Step], Dict[str, Any]]] = {
    abi.LABEL_AGENT: _Session.label_agent,
    abi.LABEL_RESOURCE: _Session.label_resource,
    abi.LABEL_RESPONSE: _Session.label_response,
    PIPELINE: _Session.pipeline,
}


def _differ(
    step: Step, actual: Dict[str, Any], error: Optional[BaseException]
) -> List[Difference]:
    """What is not as expected; a failure that nobody expects is one difference."""
    table = EXPECT[step.call]
    if "error" in step.expect or error is None:
        return differences(table, step.expect, actual, step.path)
    common = {key: value for key, value in step.expect.items() if key in COMMON}
    return [*_unexpected(error, step.path), *differences(table, common, actual, step.path)]


def _unexpected(error: BaseException, path: str) -> List[Difference]:
    """A failure that nobody expects."""
    line = f"failed with {type(error).__name__}: {shown(str(error))}"
    doc = observed.of_error(error)
    doc.pop("classes")
    return [Difference(path, (line,), None, {"error": doc["error"], "text": doc["text"]})]


