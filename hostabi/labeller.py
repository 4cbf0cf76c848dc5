"""Whoever answers the three label calls: what a pipeline needs of a guard.

What belongs here: the one interface that a guard, a pool of guards and the
guards without a module share.  What does not: any of them.
"""

from __future__ import annotations

from typing import Any, Optional, Protocol, Union

from hostabi.backend import Backend
from hostabi.inputs import OMITTED
from hostabi.labels import AgentLabels, Labels, ResourceLabels, ResponseLabels


class Labeller(Protocol):
    """Labels agents, tool calls and their results.

    ``Guard`` says what the calls mean and raise.  A labeller can be called
    from many threads; calls may wait for each other.

    One that has a method ``under(policy)`` as well can be shared by agents with
    different policies: it gives the labeller of the calls under one.  Without
    it, all who share it have one policy; a pipeline refuses another.

    ABI: section 2.
    """

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The labels of an agent under ``policy``."""

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """The labels of what a tool call would touch, and whether it reads or writes."""

    def label_response(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None,
        backend: Optional[Backend] = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """The labels of a tool's result; None if it has none of its own."""

    def cancel(self, thread: Optional[int] = None) -> None:
        """Stop the calls under way, from any thread; only what ``thread`` called, if given."""

    def close(self) -> None:
        """Wait for the calls under way, and close; twice is harmless."""
