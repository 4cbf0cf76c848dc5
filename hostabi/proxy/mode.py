"""A guard whose labels are enforced in a mode that somebody else chose.

What belongs here: that one change.  What does not: what a mode means
(``hostabi.difc``).

A guard says itself in which mode its labels are to be enforced, and a pipeline
does so, whatever the operator's mode.  Who tries a guard wants to see what
another mode makes of the same labels.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Optional, Union

from hostabi.backend import Backend
from hostabi.inputs import OMITTED
from hostabi.labeller import Labeller
from hostabi.labels import AgentLabels, Labels, Mode, ResourceLabels, ResponseLabels
from hostabi.pinned import keeps_apart, policy_of, under


class InMode:
    """``guard``, with its labels enforced in ``mode``; it has ``under`` if the guard has."""

    under: Callable[[Any], InMode]
    """The guard under a policy, whatever else it is asked, in the same mode."""

    def __init__(self, guard: Labeller, mode: Mode) -> None:
        self._guard = guard
        self._mode = mode
        if keeps_apart(guard):
            self.under = self._under

    @property
    def name(self) -> str:
        """The guard's own name."""
        return self._guard.name

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""
        return self._guard.healthy

    def _under(self, policy: Any) -> InMode:
        """Raises: PolicyError, PayloadError."""
        return InMode(under(self._guard, policy), self._mode)

    @property
    def policy(self) -> Optional[bytes]:
        """The policy it is under, as the guest is given it; None of what is no view."""
        return policy_of(self._guard)

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The guard's labels of the agent, and the mode that was chosen."""
        answer = self._guard.label_agent(policy, backend=backend)
        return dataclasses.replace(answer, mode=self._mode)

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """The guard's labels of the resource."""
        return self._guard.label_resource(
            tool_name, tool_args, capabilities=capabilities, backend=backend
        )

    def label_response(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None,
        backend: Optional[Backend] = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """The guard's labels of the result."""
        return self._guard.label_response(
            tool_name, tool_result, tool_args, capabilities=capabilities,
            request_state=request_state, resource=resource, backend=backend,
        )  # fmt: skip

    def cancel(self, thread: Optional[int] = None) -> None:
        """Stop the guard's calls."""
        self._guard.cancel(thread)

    def close(self) -> None:
        """Close the guard."""
        self._guard.close()
