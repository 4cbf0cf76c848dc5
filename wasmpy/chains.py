"""Chains that a guest makes as long as it likes are freed link by link.

What belongs here: what the classes have in common whose objects may hold one
another in a row.  What does not: those classes.

Python frees what only a freed object held while it frees that object, and so
on down a chain; how deep it goes into the C stack with that is its own to bound.
CPython built for a browser (Pyodide) bounds it by a stack of its own and not by
the one that ends first: there a chain of some thousand links ends the process,
so there each link is taken off before the next one is freed.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, List, Tuple

UNBOUNDED = sys.platform == "emscripten"
"""Whether the interpreter frees a chain of any length in one descent."""


class Link:
    """What may hold others of its kind, in the attributes that ``links`` names."""

    __slots__ = ()
    links: ClassVar[Tuple[str, ...]] = ()


class _Freeing:
    """What freed links held, and whether something further up is freeing it."""

    def __init__(self) -> None:
        self.held: List[Any] = []
        self.begun = False


_FREEING = _Freeing()


def let_go(link: Link) -> None:
    """Free what ``link`` held, which nobody has any more, and then what that held.

    >>> class Pair(Link):
    ...     links = ("rest",)
    ...     __del__ = let_go
    """
    freeing = _FREEING
    for name in link.links:
        freeing.held.append(getattr(link, name, None))
        setattr(link, name, None)
    if freeing.begun:
        return
    freeing.begun = True
    try:
        while freeing.held:
            freeing.held.pop()
    finally:
        freeing.begun = False


if UNBOUNDED:
    Link.__del__ = let_go  # type: ignore[attr-defined]
