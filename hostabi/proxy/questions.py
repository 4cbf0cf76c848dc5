"""The guard's own questions: which are let through, and who answers them.

What belongs here: the backend that a guard in the proxy has.  What does not:
carrying the question to the server (``relay``).

A question goes to the guarded server as a tool call that nothing labels, so
only tools that somebody named are called: a guard that may call any could
write, or carry what it reads from one place to another.  (What the guard may
ask at all, and how often, are its capabilities: ``hostabi.capabilities``.)  Rules given
beforehand answer first; what they answer the server is not asked.
``get_collaborator_permission`` is a tool of no server: it is answered by the
rules or not at all.

ABI: section 4, server mode.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Awaitable, Callable, Dict, FrozenSet, Optional

from hostabi.context import current_call
from hostabi.errors import BackendError, ProxyError
from hostabi.proxy.messages import Object, Response
from hostabi.rules import RulesBackend

SYNTHETIC = "get_collaborator_permission"
"""Answered by rules alone."""

ASKED = frozenset({"search_repositories", "issue_read", "pull_request_read"})
"""What a guard may ask the server unless something else is said: reads of a GitHub server's."""

EVERYTHING = "*"
"""Among the names of tools: all of them."""

PATIENCE = 30.0
"""Seconds that an answer may take where the guard's call has no bound of its own."""

Ask = Callable[[str, Any], Awaitable[Response]]


class Questions:
    """The backend of a guard whose server is behind a proxy: ``answer``.

    ``connect`` says who carries a question to the server.  Before that, and
    after ``disconnect``, rules alone answer.
    """

    def __init__(
        self, asked: FrozenSet[str] = ASKED, rules: Optional[RulesBackend] = None
    ) -> None:
        self._asked = asked
        self._rules = rules
        self._ask: Optional[Ask] = None

    def connect(self, ask: Ask) -> None:
        """From now on ``ask`` carries questions to the server."""
        self._ask = ask

    def disconnect(self) -> None:
        """There is no server any more."""
        self._ask = None

    async def answer(self, tool_name: str, tool_args: Any) -> Any:
        """The answer: the server's result as it is.  Raises: BackendError."""
        if self._rules is not None:
            with contextlib.suppress(BackendError):
                return self._rules(tool_name, tool_args)
        if tool_name == SYNTHETIC:
            raise BackendError(f"{SYNTHETIC} is answered by rules alone, and no rule fits")
        if tool_name not in self._asked and EVERYTHING not in self._asked:
            raise BackendError(f"the guard may not ask for {tool_name}")
        if not isinstance(tool_args, (dict, type(None))):
            raise BackendError("the arguments of a tool are an object")
        if self._ask is None:
            raise BackendError("the server is not there")
        call = current_call()
        left = None if call is None else call.time_left
        bound = PATIENCE if left is None else max(left, 0.0)
        try:
            response = await asyncio.wait_for(self._ask(tool_name, tool_args), bound)
        except asyncio.TimeoutError as error:
            raise BackendError("the server did not answer in time") from error
        except ProxyError as error:
            raise BackendError(str(error)) from error
        if response.result is None:
            code = (response.error or {}).get("code")
            raise BackendError(f"the server answered with error {code}")
        return response.result


def call_params(tool_name: str, tool_args: Any, era: Optional[Object]) -> Dict[str, Any]:
    """The parameters of a question as a tool call."""
    args = {} if tool_args is None else tool_args
    params: Dict[str, Any] = {"name": tool_name, "arguments": args}
    if era is not None:
        params["_meta"] = era
    return params
