"""What came of a tool call: the agent's result or the denial, with the reasons.

What belongs here: the values that a pipeline hands back, and their JSON.
What does not: how they come about (``pipeline``).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional, Tuple

from hostabi.difc.check import Reason, Side, Verdict
from hostabi.difc.modes import UNTAINTED, Judged, Taint
from hostabi.difc.notice import in_words
from hostabi.labels import Labels, Mode, ResourceLabels, ResponseLabels


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a resource or an item was denied, tag by tag.

    ``index`` is the item's, None for the resource; ``enforced`` is False where
    the comparison denies and the mode, or an item's own labels, let it
    through all the same.
    """

    side: Side
    index: Optional[int]
    description: str
    reasons: Tuple[Reason, ...]
    enforced: bool

    @property
    def text(self) -> str:
        """The reasons for a person."""
        return in_words(self.reasons)

    def to_json(self) -> Dict[str, Any]:
        """The explanation as a JSON object."""
        return {
            "side": self.side.value, "index": self.index, "description": self.description,
            "enforced": self.enforced, "reasons": [reason.to_json() for reason in self.reasons],
            "text": self.text,
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Denial:
    """Why the agent gets no result.

    ``side`` says whether it is the resource or an item that it may not have;
    ``reasons`` come in the order in which they are looked at; ``resource`` is
    what the guard calls the resource, ``agent`` has the agent's labels.
    ``message`` can be given to the agent: it says nothing of an item that the
    agent may not know of.
    """

    side: Side
    reasons: Tuple[Reason, ...]
    resource: str
    agent: Labels
    message: str

    @property
    def reason(self) -> str:
        """The rule that denies: ``integrity``, ``secrecy`` or ``unlabelled``."""
        return self.reasons[0].rule.value

    def to_json(self) -> Dict[str, Any]:
        """The denial as a JSON object."""
        return {
            "reason": self.reason,
            "message": self.message,
            "side": self.side.value,
            "resource": self.resource,
            "reasons": [reason.to_json() for reason in self.reasons],
            "agent": {
                "secrecy": sorted(self.agent.secrecy), "integrity": sorted(self.agent.integrity)
            },
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one tool call.

    ``allowed``: the agent gets ``result``, in the envelope of the tool's own;
    otherwise ``denial`` says why not.  ``called`` says whether the backend was
    asked.  ``kept`` and ``dropped`` count the response's items, 0 where the
    guard did not label it.  ``notice`` is what the agent is told of dropped
    items; an MCP result has it as its last element.  ``removed`` are
    pointers of what is missing in the result beside the items.  ``taint`` is
    what reading changed in the agent's labels: secrecy gained, integrity lost.

    ``response`` still has the data of the dropped items: it is not for the agent.
    """

    agent_id: str
    tool_name: str
    agent: Labels
    mode: Mode
    resource: ResourceLabels
    coarse: Verdict
    allowed: bool = False
    called: bool = False
    result: Any = dataclasses.field(default=None, repr=False)
    denial: Optional[Denial] = None
    response: Optional[ResponseLabels] = dataclasses.field(default=None, repr=False)
    items: Tuple[Judged, ...] = dataclasses.field(default=(), repr=False)
    notice: Optional[str] = None
    removed: Tuple[str, ...] = ()
    taint: Taint = UNTAINTED

    @property
    def total(self) -> int:
        """How many items the response has."""
        return len(self.items)

    @property
    def kept(self) -> int:
        """How many items may go to the agent."""
        return sum(judged.kept for judged in self.items)

    @property
    def dropped(self) -> int:
        """How many items may not."""
        return self.total - self.kept

    @property
    def explanations(self) -> Tuple[Explanation, ...]:
        """Why the resource and each item were denied, in this order; empty if none was."""
        found = []
        if self.coarse.reasons:
            enforced = self.denial is not None and self.denial.side is Side.RESOURCE
            found.append(
                Explanation(
                    Side.RESOURCE, None, self.resource.description, self.coarse.reasons, enforced
                )
            )
        for judged in self.items:
            if judged.verdict.reasons:
                reasons = judged.reasons or judged.verdict.reasons
                found.append(
                    Explanation(
                        Side.ITEM, judged.index, judged.description, reasons, not judged.kept
                    )
                )
        return tuple(found)

    def to_json(self) -> Dict[str, Any]:
        """The outcome as a JSON object, without the data of tool and result."""
        return {
            "agent_id": self.agent_id,
            "tool_name": self.tool_name,
            "mode": self.mode.value,
            "agent": {"secrecy": list(self.agent.secrecy), "integrity": list(self.agent.integrity)},
            "resource": {**self.resource.to_json(), **self.coarse.to_json()},
            "allowed": self.allowed,
            "called": self.called,
            "denial": None if self.denial is None else self.denial.to_json(),
            "kept": self.kept,
            "dropped": self.dropped,
            "items": [judged.to_json() for judged in self.items],
            "explanations": [explanation.to_json() for explanation in self.explanations],
            "notice": self.notice,
            "removed": list(self.removed),
            "taint": {
                "secrecy_gained": sorted(self.taint.secrecy),
                "integrity_lost": sorted(self.taint.integrity or ()),
            },
        }
