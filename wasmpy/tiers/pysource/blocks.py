"""Blocks: statements that stand inside one another, before they are lines.

What belongs here: their form, and their indentation.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from wasmpy.tiers.pysource.values import Site

INDENTED = 92
"""Levels of indentation that are not passed; Python has 100."""

Sites = Dict[int, Tuple[int, Tuple[str, ...], int]]
"""By line: what a ``Site`` is."""

Block = List[Any]
"""Items: (text, site), or (text, site, block)."""

Step = Tuple[bool, Optional[int]]
"""Whether control falls off the end, and the node to go on with in the same block."""


class TooDeep(Exception):  # noqa: N818 - not an error: another form is taken
    """It nests deeper than Python takes, or sends too many branches on and on."""


def flatten(block: Block, level: int, lines: List[str], sites: Sites) -> None:
    """Indent, and note which line is which site.  Raises: TooDeep."""
    if level > INDENTED:
        raise TooDeep
    indent = " " * level
    for item in block:
        lines.append(indent + item[0])
        site: Optional[Site] = item[1]
        if site is not None:
            sites[len(lines)] = (site.pc, site.operands, site.owed)
        if len(item) > 2:
            inner = item[2]
            if not inner:
                lines.append(indent + " pass")
            flatten(inner, level + 1, lines, sites)
