"""Stand-ins for tests of what hosts guards: a labeller with scripted answers, a backend that notes.

What belongs here: objects that answer as a test says.  What does not: any
guard.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

from hostabi import abi
from hostabi.backend import Backend
from hostabi.errors import BackendError
from hostabi.inputs import OMITTED
from hostabi.labels import (
    AgentLabels,
    Labels,
    Mode,
    Operation,
    ResourceLabels,
    ResponseLabels,
)
from hostabi.payload import encode
from hostabi.responses import parse_agent, parse_resource, parse_response
from hostabi.rules import RulesBackend

Answer = Any
"""A scripted answer: what the labeller answers with, JSON as a guard would write it, or an error
to raise."""


class LabelCall(NamedTuple):
    """A call that a fake labeller was given."""

    function: str
    tool_name: str
    tool_args: Any
    tool_result: Any = None
    policy: Any = None


class FakeLabeller:
    """Answers label calls as scripted, and notes them in ``calls``.

    ``agent``, ``resource`` and ``response`` are each one answer for every call,
    or a list of answers, one after the other, the last one from then on.  An
    answer is a value of ``hostabi.labels``, a JSON object as a guard writes it
    (read with the same strictness), or an exception to raise.  ``questions``
    are asked of the backend in each ``label_resource``: pairs of name and
    arguments; their answers are noted in ``answers``.

    >>> fake = FakeLabeller(resource={"resource": {"secrecy": ["s"]}, "operation": "read"})
    >>> fake.label_resource("get", {}).secrecy
    ('s',)
    >>> fake.calls[0].tool_name
    'get'
    """

    def __init__(
        self, agent: Answer = None, resource: Answer = None, response: Answer = None, *,
        name: str = "fake", healthy: bool = True, questions: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        self.name = name
        self.healthy = healthy
        self.calls: List[LabelCall] = []
        self.answers: List[Any] = []
        self.cancelled = 0
        self.closed = False
        self._questions = tuple(questions)
        self._lock = threading.Lock()
        self._scripts: Dict[str, List[Answer]] = {
            abi.LABEL_AGENT: _script(agent, AgentLabels(Labels(), Mode.FILTER, None, b"")),
            abi.LABEL_RESOURCE: _script(resource, ResourceLabels(Labels(), Operation.READ, b"")),
            abi.LABEL_RESPONSE: _script(response, None),
        }

    def under(self, policy: Any) -> FakeLabeller:
        """Itself: what it answers is a script, whatever the policy."""
        return self

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The next answer for an agent."""
        answer = self._next(LabelCall(abi.LABEL_AGENT, "", None, None, policy))
        if isinstance(answer, dict):
            return parse_agent(encode(answer))
        assert isinstance(answer, AgentLabels)
        return answer

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """The next answer for a resource."""
        answer = self._next(LabelCall(abi.LABEL_RESOURCE, tool_name, tool_args))
        for question, args in self._questions:
            self.answers.append(None if backend is None else backend(question, args))
        if isinstance(answer, dict):
            return parse_resource(encode(answer))
        assert isinstance(answer, ResourceLabels)
        return answer

    def label_response(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None,
        backend: Optional[Backend] = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """The next answer for a response."""
        answer = self._next(LabelCall(abi.LABEL_RESPONSE, tool_name, tool_args, tool_result))
        if isinstance(answer, dict):
            own = resource.labels if isinstance(resource, ResourceLabels) else resource
            return parse_response(encode(answer), tool_result, own)
        assert answer is None or isinstance(answer, ResponseLabels)
        return answer

    def cancel(self, thread: Optional[int] = None) -> None:
        """Noted in ``cancelled``."""
        self.cancelled += 1

    def close(self) -> None:
        """Noted in ``closed``."""
        self.closed = True

    def _next(self, call: LabelCall) -> Answer:
        with self._lock:
            self.calls.append(call)
            script = self._scripts[call.function]
            answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _script(answer: Answer, otherwise: Answer) -> List[Answer]:
    """The answers in order."""
    if isinstance(answer, list):
        return list(answer) or [otherwise]
    return [otherwise if answer is None else answer]


class Asked(NamedTuple):
    """A question that a backend was asked; one of ``answer`` and ``error`` counts."""

    tool_name: str
    tool_args: Any
    answer: Any = None
    error: Optional[BaseException] = None


class RecordingBackend:
    """A backend that notes what it is asked in ``asked``.

    ``answers`` is a backend to ask, or rules for one (``hostabi.RulesBackend``);
    without any it has no answers.

    >>> backend = RecordingBackend([{"tool_name": "get", "result": 1}])
    >>> backend("get", {"id": 7}), backend.asked[0].tool_args
    (1, {'id': 7})
    """

    def __init__(self, answers: Union[Backend, List[Any], None] = None) -> None:
        self.asked: List[Asked] = []
        self._answers: Backend
        if answers is None or isinstance(answers, list):
            self._answers = RulesBackend(answers or [])
        else:
            self._answers = answers

    def __call__(self, tool_name: str, tool_args: Any) -> Any:
        """The answer, noted.  Raises: what the backend behind it raises."""
        try:
            answer = self._answers(tool_name, tool_args)
        except BaseException as error:
            self.asked.append(Asked(tool_name, tool_args, None, error))
            raise
        self.asked.append(Asked(tool_name, tool_args, answer))
        return answer

    @property
    def refused(self) -> List[Asked]:
        """The questions that had no answer."""
        return [one for one in self.asked if isinstance(one.error, BackendError)]
