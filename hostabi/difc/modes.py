"""What a mode makes of a verdict: which calls stop, which items go through.

What belongs here: the three modes as rules over verdicts, and the filtering of
a response's items.  What does not: the comparison itself (``check``) and what
the agent is told (``notice``).

| mode | a read that is denied | a write that is denied |
|---|---|---|
| strict | one item blocks the whole response | stops |
| filter | the item is dropped | stops |
| propagate | goes through, and taints the agent | stops |

In every mode a pure read of a denied resource proceeds to the backend, as
labels of the response may allow what those of the resource do not.

ABI: section 6.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional, Sequence, Tuple

from hostabi.difc.algebra import TagSet, intersection, union
from hostabi.difc.check import Evaluator, Reason, Rule, Side, Verdict
from hostabi.labels import Item, Labels, Mode, Operation


def denying(mode: Mode, verdict: Verdict) -> Tuple[Reason, ...]:
    """The reasons that count in ``mode``: propagate lets reads through.

    What has no labels is denied in every mode: there is nothing that it could
    taint the agent with.
    """
    if mode is not Mode.PROPAGATE:
        return verdict.reasons
    return tuple(
        reason for reason in verdict.reasons
        if reason.access is not Operation.READ or reason.rule is Rule.UNLABELLED
    )  # fmt: skip


def proceeds(mode: Mode, operation: Operation, verdict: Verdict) -> bool:
    """Whether the call goes to the backend, by the verdict on its resource."""
    return operation is Operation.READ or not denying(mode, verdict)


def labels_response(mode: Mode, operation: Operation) -> bool:
    """Whether the guard is asked for the response's labels."""
    if operation is Operation.READ_WRITE:
        return mode is not Mode.STRICT
    return operation is Operation.READ


@dataclasses.dataclass(frozen=True)
class Judged:
    """One item of a response and what became of it.

    ``reasons`` are those of its verdict that count in the mode; it was kept
    if there are none.
    """

    index: int
    item: Item
    verdict: Verdict
    reasons: Tuple[Reason, ...]

    @property
    def kept(self) -> bool:
        """Whether the agent gets it."""
        return not self.reasons

    @property
    def kind(self) -> Optional[str]:
        """The rule that dropped it: ``integrity``, ``secrecy``, ``unlabelled``; or None."""
        return self.reasons[0].rule.value if self.reasons else None

    @property
    def description(self) -> str:
        """What the guard calls it."""
        return "" if self.item.labels is None else self.item.labels.description

    def to_json(self) -> Dict[str, Any]:
        """The item's labels and verdict as a JSON object, without its data."""
        return {
            "index": self.index, **self.item.to_json(), "kept": self.kept, "kind": self.kind,
            "reasons": [reason.to_json() for reason in self.reasons],
        }  # fmt: skip


def judge(
    mode: Mode, operation: Operation, evaluator: Evaluator, items: Sequence[Item]
) -> Tuple[Judged, ...]:
    """Each item with its verdict, in order."""
    # Items with default labels share them, and those may be many.
    known: Dict[int, Tuple[Verdict, Tuple[Reason, ...]]] = {}
    judged: List[Judged] = []
    for index, item in enumerate(items):
        found = known.get(id(item.labels))
        if found is None:
            verdict = evaluator.check(operation, item.labels, Side.ITEM)
            found = known[id(item.labels)] = (verdict, denying(mode, verdict))
        judged.append(Judged(index, item, *found))
    return tuple(judged)


@dataclasses.dataclass(frozen=True)
class Taint:
    """What reading does to an agent that propagates: secrecy it gains, all integrity it may keep.

    ``integrity`` is None where nothing was read that limits it.
    """

    secrecy: TagSet = frozenset()
    integrity: Optional[TagSet] = None

    def joined(self, other: Taint) -> Taint:
        """The taint of having read both."""
        limits = [t.integrity for t in (self, other) if t.integrity is not None]
        return Taint(
            union(self.secrecy, other.secrecy), intersection(*limits) if limits else None
        )


UNTAINTED = Taint()
"""Nothing was read."""


def taint_of(read: Sequence[Labels], *, gateway: bool = False) -> Taint:
    """The taint of having read things with these labels.

    Secrecy is united and integrity intersected, thing by thing.  The gateway
    unites integrity too, and so trusts a mixture as if it were its best part.

    >>> taint = taint_of([Labels(("a",), ("x", "y")), Labels(("b",), ("y",))])
    >>> sorted(taint.secrecy), sorted(taint.integrity)
    (['a', 'b'], ['y'])
    """
    if not read:
        return UNTAINTED
    join = union if gateway else intersection
    return Taint(union(*(t.secrecy for t in read)), join(*(t.integrity for t in read)))
