"""The guard host: runs guards, and reads what they decide.

What belongs here: the public names.  ``Guard`` is the way in; ``labels`` what
it answers; ``Pipeline`` enforces that; ``errors`` has every error they raise;
``abi`` the interface to the byte; ``bundled`` a guard and a session to try it
with.

A *guard* is a sandboxed wasm module that labels an MCP tool call and its
response with secrecy and integrity tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from hostabi.capabilities import Capabilities
from hostabi.context import CallContext, current_call
from hostabi.errors import BackendError, GuardError
from hostabi.guard import GATEWAY, Guard, Health, State
from hostabi.labels import (
    AgentLabels,
    Item,
    Labels,
    LabelSource,
    Mode,
    Operation,
    ResourceLabels,
    ResponseLabels,
)
from hostabi.policy import AllowOnly, WriteSink, parse_policy
from hostabi.recovery import Recovery
from hostabi.rules import RulesBackend
from hostabi.trace import BackendCall, CallReport, LogLine, Redaction

if TYPE_CHECKING:
    from hostabi.difc.agents import AgentRegistry
    from hostabi.outcome import Denial, Outcome
    from hostabi.pipeline import Pipeline
    from hostabi.pool import GuardPool
    from hostabi.processes import ProcessPool

__all__ = [
    "GATEWAY",
    "AgentLabels",
    "AgentRegistry",
    "AllowOnly",
    "BackendCall",
    "BackendError",
    "CallContext",
    "CallReport",
    "Capabilities",
    "Denial",
    "Guard",
    "GuardError",
    "GuardPool",
    "Health",
    "Item",
    "LabelSource",
    "Labels",
    "LogLine",
    "Mode",
    "Operation",
    "Outcome",
    "Pipeline",
    "ProcessPool",
    "Recovery",
    "Redaction",
    "ResourceLabels",
    "ResponseLabels",
    "RulesBackend",
    "State",
    "WriteSink",
    "current_call",
    "parse_policy",
]

_LATER = {
    "AgentRegistry": "hostabi.difc.agents",
    "Denial": "hostabi.outcome",
    "GuardPool": "hostabi.pool",
    "Outcome": "hostabi.outcome",
    "Pipeline": "hostabi.pipeline",
    "ProcessPool": "hostabi.processes",
}
"""What needs asyncio, threads or subprocess, which take longer to import than the above."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        import importlib

        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'hostabi' has no attribute {name!r}")


def __dir__() -> List[str]:
    return __all__
