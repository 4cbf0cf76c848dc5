"""What is said about decisions: to the agent in a notice, to people in words.

What belongs here: texts.  What does not: the decisions.

The agent is told how many items it did not get and by which rule.  Of at most
five it is told what they are: an item that it may not *know* of is never
described, and of one that it may not *trust* only a name of a fixed shape, not
a sentence; for both are what the item's author may have written.

ABI: section 6, Phases.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Sequence, Tuple

from hostabi.difc.check import Reason, Rule
from hostabi.difc.modes import Judged
from hostabi.errors import one_line
from hostabi.labels import Operation

MAX_DESCRIBED = 5
"""Dropped items that a notice describes."""
MAX_LINE = 500
"""Characters of what is said of one item; there may be many tags, and long ones."""
_NAME = re.compile(
    r"[a-z][a-z-]{0,19}:"  # what kind of thing it is
    r"(?:[0-9]{1,15}|(?:\*|unknown|[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,60})"
    r"(?:#[0-9]{1,15}|@[0-9a-f]{1,40}|\[[0-9]{1,9}\])?)\Z"
)
"""A kind and a number, or a repository and which of its things: ``issue:acme/web#12``.

Whatever is not of this shape may be a sentence, with or without spaces.
"""

_WORDS = {
    Rule.INTEGRITY.value: "for their integrity",
    Rule.SECRECY.value: "for their secrecy",
    Rule.UNLABELLED.value: "without labels",
}


def shown(judged: Judged) -> str:
    """What the agent may be told an item is; empty for nothing."""
    rules = {reason.rule for reason in judged.reasons}
    text = judged.description
    return text if rules == {Rule.INTEGRITY} and _NAME.match(text) else ""


def notice(tool_name: str, judged: Sequence[Judged]) -> Optional[str]:
    """What the agent is told of the items it does not get; None if it gets all.

    One line, and one more for each item that is described.
    """
    dropped = [one for one in judged if not one.kept]
    if not dropped:
        return None
    counts: Dict[str, int] = {}
    for one in dropped:
        counts[one.kind or ""] = counts.get(one.kind or "", 0) + 1
    why = ", ".join(f"{counts[kind]} {words}" for kind, words in _WORDS.items() if kind in counts)
    lines = [
        f"[filtered] {len(dropped)} of {len(judged)} items of {one_line(tool_name)} "
        f"were withheld: {why}"
    ]
    described = [one for one in dropped if shown(one)][:MAX_DESCRIBED]
    lines += [_cut(f"- {shown(one)}: {in_words(one.reasons)}") for one in described]
    if described and len(described) < len(dropped):
        lines.append(f"- and {len(dropped) - len(described)} more")
    return "\n".join(lines)


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 3] + "..."


def in_words(reasons: Sequence[Reason]) -> str:
    """Reasons for a person: the tags, the side, and where in the guard's output each stands.

    >>> from hostabi.difc.check import check_read
    >>> from hostabi.labels import Labels, Place
    >>> thing = Labels(("private:b",), (), "", Place("/items/0/labels/secrecy"))
    >>> in_words(check_read(Labels(), thing).reasons)
    'secrecy: the item has private:b (/items/0/labels/secrecy/0), the agent does not'
    """
    alike: Dict[Tuple[Rule, Operation], List[Reason]] = {}
    for reason in reasons:
        alike.setdefault((reason.rule, reason.access), []).append(reason)
    return "; ".join(_in_words(group) for group in alike.values())


def _in_words(reasons: Sequence[Reason]) -> str:
    """Reasons of one rule, which have one side."""
    first = reasons[0]
    side, rule = f"the {first.side.value}", first.rule.value
    if first.rule is Rule.UNLABELLED:
        return f"{rule}: the guard gave {side} no labels"
    tags = ", ".join(map(_tag_in_words, reasons))
    if first.fault == "missing":
        return f"{rule}: {side} lacks {tags}"
    other = "the agent" if first.access is Operation.READ else "what it writes to"
    return f"{rule}: {side} has {tags}, {other} does not"


def _tag_in_words(reason: Reason) -> str:
    """The tag, and where it stands."""
    place = f" ({one_line(reason.path)})" if reason.path else ""
    return (one_line(reason.tag) or "what is no tag") + place
