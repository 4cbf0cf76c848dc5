"""May an agent read or write a thing?  The comparisons, with their reasons.

What belongs here: the check of one thing's labels against the agent's.  What
does not: modes, phases and what is done about a denial (``modes``).

| check | read | write |
|---|---|---|
| integrity | the thing's tags include the agent's | the agent's include the thing's |
| secrecy | the agent's tags include the thing's | the thing's include the agent's |

The tag ``*`` on the including side includes everything.  Integrity is looked
at before secrecy, and reading before writing; a verdict has all reasons in
this order, and the first of them is its rule.

ABI: section 6.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from hostabi.difc.algebra import absent
from hostabi.labels import Labels, Operation, Place, Tags

MAX_REASONS = 50
"""Reasons of one rule in one verdict; a guard can hand out a million tags."""


class Rule(enum.Enum):
    """Which comparison denies."""

    INTEGRITY = "integrity"
    SECRECY = "secrecy"
    UNLABELLED = "unlabelled"
    """There is nothing to compare with: the guard gave no labels."""


class Side(enum.Enum):
    """Whose tags are too few or too many."""

    AGENT = "agent"
    RESOURCE = "resource"
    ITEM = "item"


@dataclasses.dataclass(frozen=True)
class Reason:
    """One tag that stands in the way of an access.

    ``side`` lacks it (``fault`` is ``missing``) or has it though the other
    side does not (``extra``).  ``path`` is where the tag stands in the
    guard's output, ``against`` the array in which it was looked for; both
    empty where no guard's output has it.  Of what has no labels there is one
    reason, without a tag; so there is for tags that were no strings.
    """

    rule: Rule
    access: Operation
    fault: str
    side: Side
    tag: str
    path: str
    against: str

    def to_json(self) -> Dict[str, Any]:
        """The reason as a JSON object."""
        return {
            "rule": self.rule.value, "access": self.access.value, "fault": self.fault,
            "side": self.side.value, "tag": self.tag, "path": self.path, "against": self.against,
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the comparison says: allowed, or the reasons why not.

    ``cut`` says that there are more reasons than are listed.
    """

    reasons: Tuple[Reason, ...] = ()
    cut: bool = False

    @property
    def allowed(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.reasons

    @property
    def rule(self) -> Optional[str]:
        """The first rule that denies it; integrity is looked at before secrecy."""
        return self.reasons[0].rule.value if self.reasons else None

    @property
    def unlabelled(self) -> bool:
        """Whether it is denied because it has no labels at all."""
        return any(reason.rule is Rule.UNLABELLED for reason in self.reasons)

    @property
    def missing_integrity(self) -> Tags:
        """The integrity tags that a side lacks, in the order of the other side."""
        return self._tags(Rule.INTEGRITY)

    @property
    def extra_secrecy(self) -> Tags:
        """The secrecy tags that a side has too many, in its order."""
        return self._tags(Rule.SECRECY)

    def _tags(self, rule: Rule) -> Tags:
        tags = (reason.tag for reason in self.reasons if reason.rule is rule)
        return tuple(dict.fromkeys(tags))

    def to_json(self) -> Dict[str, Any]:
        """The verdict as a JSON object."""
        return {
            "allowed": self.allowed,
            "rule": self.rule,
            "missing_integrity": list(self.missing_integrity),
            "extra_secrecy": list(self.extra_secrecy),
            "reasons": [reason.to_json() for reason in self.reasons],
        }


class Evaluator:
    """Compares things with one agent's labels.

    The time of a check depends on the thing's tags, not on the agent's, so
    that neither side can make many checks slow.

    >>> agent = Labels(secrecy=("private:a",), integrity=("none:a",))
    >>> verdict = Evaluator(agent).check(Operation.WRITE, Labels(("private:b",), ()))
    >>> [(reason.side.value, reason.fault, reason.tag) for reason in verdict.reasons]
    [('agent', 'extra', 'private:a')]
    """

    def __init__(self, agent: Labels) -> None:
        self.agent = agent
        self._secrecy = frozenset(agent.secrecy)
        self._integrity = frozenset(agent.integrity)

    def check(
        self, operation: Operation, thing: Optional[Labels], side: Side = Side.ITEM
    ) -> Verdict:
        """Whether the agent may do ``operation`` to what is labelled ``thing``.

        None, for an item its guard left without labels, is denied.
        """
        if thing is None:
            access = Operation.WRITE if operation is Operation.WRITE else Operation.READ
            return Verdict((Reason(Rule.UNLABELLED, access, "missing", side, "", "", ""),))
        own = _Tags(self._integrity, self.agent.integrity, self.agent.integrity_at)
        knows = _Tags(self._secrecy, self.agent.secrecy, self.agent.secrecy_at)
        trust = _Tags(frozenset(thing.integrity), thing.integrity, thing.integrity_at)
        secret = _Tags(frozenset(thing.secrecy), thing.secrecy, thing.secrecy_at)
        comparisons: List[Tuple[Rule, Operation, _Tags, _Tags, Side]] = []
        if operation is not Operation.WRITE:
            comparisons += [
                (Rule.INTEGRITY, Operation.READ, trust, own, side),
                (Rule.SECRECY, Operation.READ, knows, secret, side),
            ]
        if operation is not Operation.READ:
            comparisons += [
                (Rule.INTEGRITY, Operation.WRITE, own, trust, Side.AGENT),
                (Rule.SECRECY, Operation.WRITE, secret, knows, Side.AGENT),
            ]
        found = [_reasons(*comparison) for comparison in comparisons]
        if thing.incomplete and operation is not Operation.READ:
            base = thing.integrity_at.base
            found.append([Reason(
                Rule.INTEGRITY, Operation.WRITE, "missing", Side.AGENT, "", base,
                self.agent.integrity_at.base,
            )])  # fmt: skip
        return Verdict(
            tuple(reason for reasons in found for reason in reasons[:MAX_REASONS]),
            any(len(reasons) > MAX_REASONS for reasons in found),
        )


class _Tags(NamedTuple):
    """One list of tags, as a set too, and where it stands."""

    have: FrozenSet[str]
    tags: Tags
    place: Place


def _reasons(
    rule: Rule, access: Operation, including: _Tags, included: _Tags, side: Side
) -> List[Reason]:
    """A reason for each tag of ``included`` that ``including`` lacks, one too many if cut."""
    fault = "missing" if rule is Rule.INTEGRITY else "extra"
    return [
        Reason(
            rule, access, fault, side, included.tags[i], included.place.path(i),
            including.place.base,
        )
        for i in absent(including.have, included.tags, MAX_REASONS + 1)
    ]  # fmt: skip


def check_read(agent: Labels, thing: Optional[Labels], side: Side = Side.ITEM) -> Verdict:
    """Whether an agent with labels ``agent`` may read what is labelled ``thing``.

    >>> agent = Labels(secrecy=("private:a",), integrity=("none:a",))
    >>> check_read(agent, Labels(("private:a",), ("none:a", "approved:a"))).allowed
    True
    >>> verdict = check_read(agent, Labels(("private:b",), ()))
    >>> verdict.rule, verdict.missing_integrity, verdict.extra_secrecy
    ('integrity', ('none:a',), ('private:b',))
    """
    return Evaluator(agent).check(Operation.READ, thing, side)
