"""The text of a function with the place in the module that each line stems from.

What belongs here: writing a function as the tier does, with a mark on each
line.  What does not: showing it (``wasmpy.cli.compile``).

The marks are comments at the ends of lines.  What is run has none.
"""

from __future__ import annotations

import re
from typing import Any, List, NamedTuple, Optional

from wasmpy.exec.store import FuncInst
from wasmpy.tiers.pysource.flat import Flat
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.lower import Lowering
from wasmpy.tiers.pysource.source import Parts
from wasmpy.tiers.pysource.structure import Structure
from wasmpy.tiers.pysource.values import Site

_MARK = "  #@"
_MARKED = re.compile(r"(.*)  #@(\d+),(\d+)", re.DOTALL)


_BEGINS = re.compile(r"if (stop|left|fuel)\b|.*  #@", re.DOTALL)
"""What a node begins with, and what is marked already."""


class Line(NamedTuple):
    """A line, the position of the instruction it ends with, if any, and of its node's first."""

    text: str
    pc: Optional[int] = None
    begins: int = 0


class Listing(NamedTuple):
    """A function as the tier writes it: ``form`` is ``structured`` or ``flat``."""

    form: str
    lines: List[Line]


class _Marking(Lowering):
    """Marks statements with the instruction they are for."""

    begins = ends = 0

    def emit(self, text: str, site: Optional[Site] = None) -> None:
        # What a node begins with stems from no instruction: the last one was another node's.
        own = self.begins <= self.pc <= self.ends
        mark = f"{_MARK}{self.pc},{self.begins}" if own else ""
        super().emit(text + mark, site)


class _Branches(Structure):
    """Marks what a node ends with."""

    def _body(self, node: Any, out: List[Any]) -> Any:
        first = len(out)
        marking: Any = self.x
        marking.begins, marking.ends = node.start, node.steps[-1]
        step = super()._body(node, out)
        for i in range(first, len(out)):
            text, *rest = out[i]
            if text.startswith(("if ", "return", "raise")) and not _BEGINS.match(text):
                out[i] = (f"{text}{_MARK}{node.steps[-1]},{node.start}", *rest)
        return step


class _FlatBranches(_Branches, Flat):
    """The same, of the other form."""


_PARTS = Parts(_Marking, _Branches, _FlatBranches)


def listing(functions: Functions, function: FuncInst, *, metered: bool) -> Listing:
    """A function as the tier writes it.  Raises: Untaken."""
    source = functions.source(function, metered=metered, parts=_PARTS)
    found = []
    for text in source.text.splitlines():
        marked = _MARKED.fullmatch(text)
        if marked is None:
            found.append(Line(text))
        else:
            found.append(Line(marked.group(1), int(marked.group(2)), int(marked.group(3))))
    return Listing(source.form, found)
