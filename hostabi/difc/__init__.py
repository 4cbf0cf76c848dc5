"""Decentralised information flow control: what labels allow.

What belongs here: the algebra of labels, their comparison, the modes, and the
agents' labels, all without any guard.  What does not: reading labels out of a
guard's output (``hostabi.responses``), and the phases of a call
(``hostabi.pipeline``).
"""

from __future__ import annotations

from hostabi.difc.agents import MAX_AGENTS, AgentRegistry, Grant
from hostabi.difc.algebra import (
    WILDCARD,
    integrity_flows,
    intersection,
    secrecy_flows,
    union,
)
from hostabi.difc.check import Evaluator, Reason, Rule, Side, Verdict, check_read
from hostabi.difc.modes import Judged, Taint, denying, judge, labels_response, proceeds, taint_of
from hostabi.difc.notice import in_words, notice

__all__ = [
    "MAX_AGENTS",
    "WILDCARD",
    "AgentRegistry",
    "Evaluator",
    "Grant",
    "Judged",
    "Reason",
    "Rule",
    "Side",
    "Taint",
    "Verdict",
    "check_read",
    "denying",
    "in_words",
    "integrity_flows",
    "intersection",
    "judge",
    "labels_response",
    "notice",
    "proceeds",
    "secrecy_flows",
    "taint_of",
    "union",
]
