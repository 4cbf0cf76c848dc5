"""The guard host: runs guards, and reads what they decide.

What belongs here: the public names.  ``Guard`` is the way in; ``errors`` has
every error it raises; ``labels`` what it answers; ``abi`` the interface to the
byte; ``bundled`` a guard and a session to try it with.

A *guard* is a sandboxed wasm module that labels an MCP tool call and its
response with secrecy and integrity tags.
"""

from __future__ import annotations

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
from hostabi.rules import RulesBackend
from hostabi.trace import BackendCall, CallReport, LogLine, Redaction

__all__ = [
    "GATEWAY",
    "AgentLabels",
    "AllowOnly",
    "BackendCall",
    "BackendError",
    "CallContext",
    "CallReport",
    "Capabilities",
    "Guard",
    "GuardError",
    "Health",
    "Item",
    "LabelSource",
    "Labels",
    "LogLine",
    "Mode",
    "Operation",
    "Redaction",
    "ResourceLabels",
    "ResponseLabels",
    "RulesBackend",
    "State",
    "WriteSink",
    "current_call",
    "parse_policy",
]
