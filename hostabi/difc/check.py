"""May an agent read a thing?  The two set comparisons, with their reasons.

What belongs here: the check of one thing's labels against the agent's.  What
does not: modes, phases and what is done about a denial.

| check on a read | allowed when |
|---|---|
| integrity | the thing's tags include all of the agent's |
| secrecy | the agent's tags include all of the thing's |

The tag ``*`` on the including side includes everything.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

from hostabi.labels import Labels

WILDCARD = "*"


class Verdict(NamedTuple):
    """Whether a read is allowed, and what stands in its way.

    ``missing_integrity`` are the tags the agent asks for and the thing lacks;
    ``extra_secrecy`` those the thing has and the agent is not cleared for;
    both in the order in which that side has them.  ``unlabelled``: the thing has no labels at all,
    and is denied for that.
    """

    missing_integrity: Tuple[str, ...]
    extra_secrecy: Tuple[str, ...]
    unlabelled: bool = False

    @property
    def allowed(self) -> bool:
        """Whether the agent may read it."""
        return not (self.missing_integrity or self.extra_secrecy or self.unlabelled)

    @property
    def rule(self) -> Optional[str]:
        """The first rule that denies it; integrity is looked at before secrecy."""
        if self.unlabelled:
            return "unlabelled"
        if self.missing_integrity:
            return "integrity"
        return "secrecy" if self.extra_secrecy else None

    def to_json(self) -> Dict[str, Any]:
        """The verdict as a JSON object."""
        return {
            "allowed": self.allowed,
            "rule": self.rule,
            "missing_integrity": list(self.missing_integrity),
            "extra_secrecy": list(self.extra_secrecy),
        }


def check_read(agent: Labels, thing: Optional[Labels]) -> Verdict:
    """Whether an agent with labels ``agent`` may read what is labelled ``thing``.

    None, for an item its guard left without labels, is denied.

    >>> agent = Labels(secrecy=("private:a",), integrity=("none:a",))
    >>> check_read(agent, Labels(("private:a",), ("none:a", "approved:a"))).allowed
    True
    >>> check_read(agent, Labels(("private:b",), ()))
    Verdict(missing_integrity=('none:a',), extra_secrecy=('private:b',), unlabelled=False)
    """
    if thing is None:
        return Verdict((), (), unlabelled=True)
    return Verdict(
        _lacking(thing.integrity, agent.integrity), _lacking(agent.secrecy, thing.secrecy)
    )


def _lacking(including: Iterable[str], included: Iterable[str]) -> Tuple[str, ...]:
    """The tags of ``included`` that ``including`` lacks."""
    have = set(including)
    if WILDCARD in have:
        return ()
    return tuple(dict.fromkeys(tag for tag in included if tag not in have))
