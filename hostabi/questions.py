"""The three label calls, from their arguments to a question, and from its answer to labels.

What belongs here: what everything that stands before a guest has in common (a
guard, a pool, one of them under a fixed policy): the public calls, in terms of
one that answers a question.  What does not: who answers it, and when.

A question is encoded before anybody waits for anything, and can be sent to
another interpreter.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, Callable, Optional, Union, cast

from hostabi import abi, responses
from hostabi.backend import Backend
from hostabi.errors import PayloadError
from hostabi.inputs import OMITTED, args_from_state, granted, resource_input, response_input
from hostabi.labels import AgentLabels, Labels, ResourceLabels, ResponseLabels
from hostabi.paths import unnoticed
from hostabi.payload import encode
from hostabi.policy import AUTO, agent_policy


@dataclasses.dataclass(frozen=True)
class Manner:
    """How questions are put and answers taken.

    ``policy_check`` says which policies are checked (``policy``).  ``lenient``
    reads answers as the gateway does; None where the host does as the gateway
    altogether.  ``send_capabilities`` sends what a caller grants, and not
    only that it grants something.
    """

    policy_check: str = AUTO
    lenient: Optional[bool] = None
    send_capabilities: bool = False


@dataclasses.dataclass(frozen=True)
class Question:
    """What a guest is asked, and how its answer is read.

    ``function`` is the export, ``payload`` its input.  With ``plain`` the
    answer is the bytes that the guest wrote.  ``result`` is the tool's result
    and ``resource`` the labels of its resource, for ``label_response``.
    """

    function: str
    payload: bytes
    gateway: bool = False
    plain: bool = False
    result: Any = None
    resource: Optional[Labels] = None
    manner: Manner = Manner()

    @property
    def gives_policy(self) -> bool:
        """Whether an answer that can be read means that the guest has taken a policy."""
        return self.function == abi.LABEL_AGENT and not self.plain

    def read(self, raw: bytes, notice: Callable[[str], None] = unnoticed) -> Any:
        """What the guest's output means; ``notice`` is told what looks wrong and is no error.

        Raises: ResponseError.
        """
        if self.plain:
            return raw
        lenient = self.manner.lenient
        if self.function == abi.LABEL_AGENT:
            return responses.parse_agent(raw, gateway=self.gateway, lenient=lenient)
        if self.function == abi.LABEL_RESOURCE:
            return responses.parse_resource(raw, gateway=self.gateway, lenient=lenient)
        return responses.parse_response(
            raw, self.result, self.resource, gateway=self.gateway, lenient=lenient, notice=notice
        )

    def as_sent(self) -> Question:
        """The question for who only has the bytes of the answer to bring.

        Who gives a policy must know whether it was accepted.
        """
        return dataclasses.replace(self, plain=not self.gives_policy, result=None, resource=None)


@dataclasses.dataclass(frozen=True)
class Given:
    """A policy as a guest was given it: the bytes, and when.

    A later giving has a greater ``number``.
    """

    payload: bytes
    number: int = 0

    def serves(self, wanted: Given) -> bool:
        """Whether a guest that was given this needs nothing to answer under ``wanted``."""
        return self.payload == wanted.payload and self.number >= wanted.number


class LabelCalls(abc.ABC):
    """The label calls of whatever can answer a question."""

    _gateway: bool = False
    _manner: Manner = Manner()

    @abc.abstractmethod
    def _answer(self, question: Question, backend: Optional[Backend]) -> Any:
        """The answer, read.  Raises: GuardCallError."""

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The labels of an agent under ``policy``: an object, its JSON text, or an ``AllowOnly``.

        A policy the guard accepts is given to it again when it is reset.

        Raises: PolicyError, PayloadError, GuardCallError; PolicyRejected where
        the guard says no.
        """
        return cast("AgentLabels", self._answer(self._agent_question(policy), backend))

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """The labels of what a tool call would touch, and whether it reads or writes.

        Raises: PayloadError, GuardCallError.
        """
        question = self._resource_question(tool_name, tool_args, capabilities)
        return cast("ResourceLabels", self._answer(question, backend))

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
        question = self._response_question(tool_name, tool_result, args, capabilities, resource)
        return cast("Optional[ResponseLabels]", self._answer(question, backend))

    def call(
        self, function: str, payload: bytes, *, backend: Optional[Backend] = None
    ) -> bytes:
        """The call protocol alone: any export with bytes in, and the bytes it wrote.

        Raises: GuardCallError.
        """
        return cast("bytes", self._answer(Question(function, payload, plain=True), backend))

    # -- from arguments to questions --------------------------------------------

    def _agent_question(self, policy: Any) -> Question:
        """Raises: PolicyError, PayloadError."""
        doc = agent_policy(policy, check=self._manner.policy_check, gateway=self._gateway)
        return self._question(abi.LABEL_AGENT, doc)

    def _resource_question(self, tool_name: str, tool_args: Any, capabilities: Any) -> Question:
        """Raises: PayloadError."""
        granted = self._granted(capabilities)
        return self._question(abi.LABEL_RESOURCE, resource_input(tool_name, tool_args, granted))

    def _response_question(
        self, tool_name: str, tool_result: Any, tool_args: Any, capabilities: Any,
        resource: Union[ResourceLabels, Labels, None],
    ) -> Question:  # fmt: skip
        """Raises: PayloadError."""
        granted = self._granted(capabilities)
        made = self._question(
            abi.LABEL_RESPONSE, response_input(tool_name, tool_result, tool_args, granted)
        )
        own = resource.labels if isinstance(resource, ResourceLabels) else resource
        return dataclasses.replace(made, result=tool_result, resource=own)

    def _granted(self, capabilities: Any) -> Optional[Any]:
        """What is sent of what a caller grants; None for nothing.  Raises: PayloadError."""
        return granted(capabilities, whole=self._manner.send_capabilities)

    def _question(self, function: str, doc: Any) -> Question:
        """A label function's input.  Raises: PayloadError that names the function."""
        try:
            payload = encode(doc, float64=self._gateway)
        except PayloadError as error:
            error.function = function
            raise
        return Question(function, payload, gateway=self._gateway, manner=self._manner)
