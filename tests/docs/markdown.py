"""Reading the documentation: fenced blocks and links of a Markdown page.

What belongs here: finding what a page says can be run.  What does not:
running it.

A fence's first word says what it is.  ``python`` runs in the page's own
namespace; an ``output`` fence right after it is what it prints.  ``console``
holds lines that begin with ``$ ``: those that call wasmpy or Python run, and
the lines below are what they print.  A comment ``<!-- file: NAME -->`` above
a fence saves it under that name first.  In expected output a line ``...``
stands for any number of lines, and ``…`` within a line for anything.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

from tests.arch.tree import ROOT, all_files


class Block(NamedTuple):
    """A fenced block: its kind, text, first line, and the file it is to be saved as."""

    kind: str
    text: str
    line: int
    file: Optional[str]


def pages() -> List[Path]:
    """Every Markdown page of the project's own documentation."""
    return [p for p in all_files() if p.suffix == ".md" and (p.parent == ROOT or p.is_relative_to(ROOT / "docs"))]


def blocks(text: str) -> List[Block]:
    """The fenced blocks of a page, in order."""
    found: List[Block] = []
    file: Optional[str] = None
    kind, start, lines = "", 0, []  # type: Tuple[str, int, List[str]]
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"^ {0,3}```(\w*)", line)
        if fence and not inside:
            inside, kind, start, lines = True, fence.group(1), number + 1, []
        elif fence:
            inside = False
            found.append(Block(kind, "\n".join(lines) + "\n", start, file))
            file = None
        elif inside:
            lines.append(line)
        else:
            named = re.match(r"^<!-- file: (\S+) -->", line)
            if named or line.strip():
                file = named.group(1) if named else None
    return found


def prose(text: str) -> str:
    """A page without its fenced blocks and code spans."""
    text = re.sub(r"^ {0,3}```.*?^ {0,3}```", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def links(text: str) -> List[str]:
    """The targets of a page's links."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def anchors(text: str) -> List[str]:
    """The anchors that a page's headings make."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"^ {0,3}```.*?^ {0,3}```", "", text, flags=re.M | re.S), flags=re.M)
    return [re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in heads]


def commands(text: str) -> List[Tuple[str, str]]:
    """The commands of a console block, each with what it prints."""
    found: List[Tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


def matches(expected: str, actual: str) -> bool:
    """Whether ``actual`` is what a page says, whose dots stand for anything."""
    parts = []
    for line in expected.rstrip().splitlines():
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ \t]*\n")
    return re.fullmatch("".join(parts), actual.rstrip() + "\n") is not None
