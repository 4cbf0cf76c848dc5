"""Labels as an algebra: sets of tags, their union and intersection, and where they may flow.

What belongs here: the set operations and the two flow orders.  What does not:
reading, writing and the reasons for a denial (``check``).

| | may flow when |
|---|---|
| secrecy | the target has all tags of the source: it may only grow |
| integrity | the source has all tags of the target: it may only shrink |

The tag ``*`` on the side that has to include the other includes everything.
On the included side, and in unions and intersections, it is a tag like any
other.  So both orders are preorders, with all sets that have a ``*`` at one
end; a union is a least upper bound, but an intersection is the greatest lower
bound only of sets without ``*``.

ABI: section 6.
"""

from __future__ import annotations

from typing import AbstractSet, FrozenSet, Iterable, List, Sequence

WILDCARD = "*"
TagSet = FrozenSet[str]


def union(*sets: Iterable[str]) -> TagSet:
    """The tags that any of ``sets`` has.

    >>> sorted(union({"a"}, {"b", "*"}))
    ['*', 'a', 'b']
    """
    return frozenset().union(*sets)


def intersection(first: Iterable[str], *others: Iterable[str]) -> TagSet:
    """The tags that all of the sets have; a ``*`` stands for itself alone.

    >>> sorted(intersection({"a", "b"}, {"b", "c"})), sorted(intersection({"a"}, {"*"}))
    (['b'], [])
    """
    return frozenset(first).intersection(*others)


def includes(having: AbstractSet[str], tags: Iterable[str]) -> bool:
    """Whether ``having`` has all of ``tags``; with a ``*`` it has.

    >>> includes({"*"}, {"a"}), includes({"a"}, {"*"})
    (True, False)
    """
    return WILDCARD in having or having >= frozenset(tags)


def secrecy_flows(source: Iterable[str], target: AbstractSet[str]) -> bool:
    """Whether what is as secret as ``source`` may get to where ``target`` is the secrecy."""
    return includes(target, source)


def integrity_flows(source: AbstractSet[str], target: Iterable[str]) -> bool:
    """Whether what is as trusted as ``source`` may get to where ``target`` is asked for."""
    return includes(source, target)


def absent(having: AbstractSet[str], tags: Sequence[str], most: int) -> List[int]:
    """The positions of the first ``most`` different tags in ``tags`` that ``having`` lacks.

    >>> absent({"a"}, ["b", "a", "b", "c", "d"], 2)
    [0, 3]
    """
    found: List[int] = []
    if WILDCARD in having:
        return found
    seen = set()
    for i, tag in enumerate(tags):
        if tag not in having and tag not in seen:
            if len(found) == most:
                break
            seen.add(tag)
            found.append(i)
    return found
