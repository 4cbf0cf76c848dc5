"""The guard that is not there: what is asked where none is registered or none would load.

What belongs here: refusing every call with the reason, and loading a guard so
that a failure becomes such a refusal.  What does not: the guard that allows
what needs no labels (``builtin.NoopGuard``), which only those get who ask
for it.

The gateway puts its noop guard in the place of one that does not load, so that
agents without labels may then do anything.  Here nobody may do anything.
"""

from __future__ import annotations

from typing import Any, Callable, NoReturn, Optional, Union

from hostabi import abi
from hostabi.backend import Backend
from hostabi.builtin import NoopGuard
from hostabi.errors import GuardError, GuardUnavailable
from hostabi.guard import GATEWAY
from hostabi.inputs import OMITTED
from hostabi.labeller import Labeller
from hostabi.labels import AgentLabels, Labels, ResourceLabels, ResponseLabels


class UnavailableGuard:
    """Refuses every label call; ``cause`` says why it is there.

    Raises: GuardUnavailable, on every call.
    """

    healthy = False

    def __init__(self, name: str = "", cause: Optional[BaseException] = None) -> None:
        self.name = name
        self.cause = cause

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """Refused."""
        self._refuse(abi.LABEL_AGENT)

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """Refused."""
        self._refuse(abi.LABEL_RESOURCE)

    def label_response(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None,
        backend: Optional[Backend] = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """Refused."""
        self._refuse(abi.LABEL_RESPONSE)

    def cancel(self, thread: Optional[int] = None) -> None:
        """Nothing: no call takes time."""

    def close(self) -> None:
        """Nothing: there is nothing to let go of."""

    def _refuse(self, function: str) -> NoReturn:
        raise GuardUnavailable(self.name, function, self.cause)


def loaded(
    load: Callable[[], Labeller], name: str = "", *, compat: Optional[str] = None
) -> Labeller:
    """The guard that ``load`` makes, or what stands in its place if it fails.

    That is a guard that refuses everything; with ``compat="gateway"`` the
    noop guard.

    >>> from hostabi import Guard
    >>> loaded(lambda: Guard(b"no wasm", name="github"), "github").healthy
    False
    """
    try:
        return load()
    except GuardError as error:
        return NoopGuard(name) if compat == GATEWAY else UnavailableGuard(name, error)
