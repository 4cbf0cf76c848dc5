"""Guards without a module: the one that knows nothing, and the one for public sinks.

What belongs here: the noop guard and the write-sink guard.  What does not:
the parsing of a write-sink policy (``policy``), and who gets which guard
(``registry``).

Both answer at once, keep no state and cannot fail.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple, TypeVar, Union

from hostabi.backend import Backend
from hostabi.inputs import OMITTED
from hostabi.labels import (
    AgentLabels,
    Labels,
    Mode,
    Operation,
    ResourceLabels,
    ResponseLabels,
    Tags,
)

T = TypeVar("T")

PUBLIC = "public"
"""The visibility of a sink that everybody reads."""


class _Builtin:
    """What both have in common: a name, health, no policy, and no labels of a response."""

    def __init__(self, name: str) -> None:
        self.name = name

    healthy = True

    def under(self: T, policy: Any) -> T:
        """Itself: its labels are the same under any policy."""
        return self

    def label_response(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None,
        backend: Optional[Backend] = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """None: a result has the labels of its resource."""
        return None

    def cancel(self, thread: Optional[int] = None) -> None:
        """Nothing: no call takes time."""

    def close(self) -> None:
        """Nothing: there is nothing to let go of."""


class NoopGuard(_Builtin):
    """What stands where no guard is known: no labels, and every call reads and writes.

    An agent without labels may do anything; one that has any may do nothing.

    ABI: section 6, Noop.
    """

    def __init__(self, name: str = "noop") -> None:
        super().__init__(name)

    def label_agent(self, policy: Any = None, *, backend: Optional[Backend] = None) -> AgentLabels:
        """No labels, in strict mode, whatever the policy."""
        return AgentLabels(Labels(), Mode.STRICT, None, b"")

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """No labels, read and written."""
        return ResourceLabels(Labels(description=tool_name), Operation.READ_WRITE, b"")


class WriteSinkGuard(_Builtin):
    """A server that is only written to: ``accept`` are the secrecy tags it may be told.

    A sink of visibility ``public`` may be told nothing secret, whatever it
    accepts.

    ABI: section 6, Write-sink.
    """

    def __init__(
        self, accept: Tuple[str, ...], visibility: Optional[str] = None, name: str = "write-sink"
    ) -> None:
        super().__init__(name)
        self.accept: Tags = tuple(accept)
        self.visibility = None if visibility is None else visibility.lower()

    def label_agent(self, policy: Any = None, *, backend: Optional[Backend] = None) -> AgentLabels:
        """No labels of its own, in filter mode: those of the other guards count."""
        return AgentLabels(Labels(), Mode.FILTER, None, b"")

    def label_resource(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
        backend: Optional[Backend] = None,
    ) -> ResourceLabels:  # fmt: skip
        """Written to, with the accepted tags as its secrecy."""
        secrecy = () if self.visibility == PUBLIC else self.accept
        return ResourceLabels(Labels(secrecy, (), tool_name), Operation.WRITE, b"")
