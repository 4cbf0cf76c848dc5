"""Tool calls in a session: the guard decides, the client gets what is left.

What belongs here: one call from its request to its response, through the
pipeline, and its entry in the transcript.  What does not: deciding
(``hostabi.pipeline``), carrying messages (``relay``).

Whatever goes wrong on the way is a denial: a result with ``isError`` that says
why.  The session goes on.
"""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, Optional

from hostabi.errors import (
    GuardCallError,
    GuardError,
    PayloadError,
    PipelineError,
    ProxyError,
    one_line,
)
from hostabi.outcome import Outcome
from hostabi.pipeline import Pipeline
from hostabi.proxy import messages
from hostabi.proxy.messages import Object, Request, Response, failure
from hostabi.proxy.methods import COMPLETE, NOTHING, RESULT_TYPE, TOOLS_CALL, Passes, denial
from hostabi.proxy.transcript import Transcript

Forward = Callable[[Request], Awaitable[Response]]


class _Unlabelled(Exception):  # noqa: N818 - a way out
    """The server's answer is no result yet, and passes as it is."""

    def __init__(self, result: Object) -> None:
        super().__init__()
        self.result = result


class _ServerSide:
    """The server as the pipeline's backend, for one call.

    An error that the server answers with is put before the guard as a result
    that says the same: its words are data like any other.
    """

    def __init__(self, request: Request, forward: Forward, passes: Passes) -> None:
        self._request = request
        self._forward = forward
        self._passes = passes
        self.reached = False
        self.answer: Optional[Object] = None
        """What the server answered, as the guard saw it."""
        self.error: Optional[Object] = None
        self.stand_in: Optional[Object] = None
        """What stood for ``error``."""

    async def fetch(self, tool_name: str, tool_args: Any) -> Object:
        """The server's result.  Raises: PayloadError, ProxyError, _Unlabelled."""
        self.reached = True
        params = self._passes.call_params(self._request, tool_name, tool_args)
        response = await self._forward(Request(self._request.id, TOOLS_CALL, params))
        if response.result is None:
            self.error = response.error or {}
            text = str(self.error.get("message", ""))
            if "data" in self.error:
                text += f"\n{self.error['data']}"
            self.stand_in = {"content": [{"type": "text", "text": text}], "isError": True}
            self.answer = self.stand_in
            return self.stand_in
        messages.json_size(response.result)
        self.answer = response.result
        asked = self._passes.asks_for_input(response.result)
        if asked is None:
            return response.result
        switches = {"sampling/createMessage": "sampling", "elicitation/create": "elicitation"}
        if asked and all(self._passes.on(switches.get(method, "roots")) for method in asked):
            raise _Unlabelled(response.result)
        raise ProxyError(
            f"the server asks the client for input before it answers ({', '.join(asked)}); "
            "that is not labelled and does not pass",
            "input",
        )


class Calls:
    """The tool calls of one agent, labelled by a pipeline.

    ``say`` gets a line for a person for each call of which not everything
    passes.
    """

    def __init__(
        self, pipeline: Pipeline, agent: str, *, passes: Passes = NOTHING,
        transcript: Optional[Transcript] = None, say: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._pipeline = pipeline
        self._agent = agent
        self._passes = passes
        self._transcript = transcript or Transcript()
        self._say = say
        self._count = 0

    async def answer(self, request: Request, forward: Forward) -> Response:
        """The response to a tool call; ``forward`` takes a request to the server.

        Raises: CancelledError, and what the transcript raises.
        """
        params = request.params or {}
        name, args = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or not isinstance(args, (dict, type(None))):
            return failure(
                request.id, messages.INVALID_PARAMS,
                "a tool call has a name, a string, and arguments, an object",
            )  # fmt: skip
        args = {} if args is None else args
        try:
            messages.json_size(args)
        except PayloadError as error:
            return failure(request.id, messages.INVALID_PARAMS, str(error))
        self._count += 1
        entry: Dict[str, Any] = {
            "n": self._count, "id": request.id, "agent_id": self._agent, "tool": one_line(name),
            "args": self._transcript.payload(args),
        }  # fmt: skip
        server = _ServerSide(request, forward, self._passes)
        try:
            outcome = await self._pipeline.call_async(self._agent, name, args, server.fetch)
        except asyncio.CancelledError:
            self._note(entry, server, "cancelled")
            raise
        except _Unlabelled as passed:
            self._note(entry, server, "unlabelled")
            return Response(request.id, passed.result)
        except GuardError as error:
            return self._failed(request, entry, server, error)
        return self._decided(request, entry, server, outcome)

    def _decided(
        self, request: Request, entry: Dict[str, Any], server: _ServerSide, outcome: Outcome
    ) -> Response:
        """What comes of a decision."""
        decision = self._decision(outcome)
        answers = (outcome.resource, outcome.response)
        result = self._transcript.payload(outcome.result) if outcome.allowed else None
        self._note(
            entry, server, decision, result=result, outcome=outcome.to_json(),
            reports=[self._transcript.report(one.report) for one in answers if one is not None],
        )  # fmt: skip
        if outcome.denial is not None:
            self._say(f"denied: {entry['tool']}: {outcome.denial.message}")
            return Response(request.id, denial(f"Denied: {outcome.denial.message}", request))
        if outcome.notice is not None:
            first = outcome.notice.split("\n", 1)[0]
            self._say(f"filtered: {entry['tool']}: {first}")
        if server.error is not None and outcome.result is server.stand_in:
            return Response(request.id, error=server.error)
        return Response(request.id, _as_result(outcome.result, server.answer or {}))

    def _decision(self, outcome: Outcome) -> str:
        """The decision in a word: ``denied``, ``filtered`` or ``allowed``."""
        if not outcome.allowed:
            return "denied"
        return "filtered" if outcome.dropped or outcome.removed else "allowed"

    def _failed(
        self, request: Request, entry: Dict[str, Any], server: _ServerSide, error: GuardError
    ) -> Response:
        """What comes of a failure: nothing passes."""
        cause = error.__cause__ if isinstance(error, PipelineError) else error
        failed: Dict[str, Any] = {
            "error": type(cause).__name__, "text": one_line(str(error)),
        }  # fmt: skip
        if isinstance(cause, GuardCallError):
            failed["function"] = cause.function
            failed["report"] = self._transcript.report(cause.report)
        self._note(entry, server, "failed", error=failed)
        self._say(f"failed: {entry['tool']}: {failed['text']}")
        if isinstance(error, ProxyError) and error.reason == "ended":
            return failure(request.id, messages.CONNECTION_CLOSED, str(error))
        text = f"Denied: the call could not be labelled: {failed['text']}"
        return Response(request.id, denial(text, request))

    def _note(
        self, entry: Dict[str, Any], server: _ServerSide, decision: str, **fields: Any
    ) -> None:
        """The call's entry in the transcript."""
        answer = None if server.answer is None else self._transcript.payload(server.answer)
        self._transcript.add(
            "call", **entry, decision=decision, reached_server=server.reached, answer=answer,
            **fields,
        )  # fmt: skip


def _as_result(result: Any, answer: Object) -> Object:
    """What a client gets as the result of a tool call: an object, complete if ``answer`` was."""
    if not isinstance(result, dict):
        return {"content": [], "isError": True}
    if RESULT_TYPE in answer and RESULT_TYPE not in result:
        return {**result, RESULT_TYPE: COMPLETE}
    return result
