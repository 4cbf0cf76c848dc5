"""The guard host: runs guards, and reads what they decide.

What belongs here: the public names.  ``Guard`` is the way in; ``labels`` what
it answers; ``Pipeline`` enforces that; ``errors`` has every error they raise;
``abi`` the interface to the byte; ``bundled`` a guard and a session to try it
with.

A *guard* is a sandboxed wasm module that labels an MCP tool call and its
response with secrecy and integrity tags.
"""

from __future__ import annotations

from hostabi.difc.agents import AgentRegistry
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
from hostabi.outcome import Denial, Outcome
from hostabi.pipeline import Pipeline
from hostabi.rules import RulesBackend
from hostabi.trace import BackendCall, CallReport, LogLine

__all__ = [
    "GATEWAY",
    "AgentLabels",
    "AgentRegistry",
    "BackendCall",
    "BackendError",
    "CallReport",
    "Denial",
    "Guard",
    "GuardError",
    "Health",
    "Item",
    "LabelSource",
    "Labels",
    "LogLine",
    "Mode",
    "Operation",
    "Outcome",
    "Pipeline",
    "ResourceLabels",
    "ResponseLabels",
    "RulesBackend",
    "State",
]
