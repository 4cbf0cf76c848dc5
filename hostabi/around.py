"""A labeller that stands around another.

What belongs here: handing every call on.  What does not: what somebody adds to
one of them, which is for who derives from it.
"""

from __future__ import annotations

from typing import Any, Optional, Union

from hostabi.backend import Backend
from hostabi.inputs import OMITTED
from hostabi.labeller import Labeller
from hostabi.labels import AgentLabels, Labels, ResourceLabels, ResponseLabels


class Around:
    """``guard``, call by call; it has no ``under`` of its own."""

    def __init__(self, guard: Labeller) -> None:
        self._guard = guard

    @property
    def name(self) -> str:
        """The guard's own name."""
        return self._guard.name

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""
        return self._guard.healthy

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The guard's labels of the agent."""
        return self._guard.label_agent(policy, backend=backend)

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
