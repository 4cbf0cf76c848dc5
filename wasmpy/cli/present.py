"""How labels and reports look on a terminal: columns, colour, and nothing a guest can forge.

What belongs here: laying out what ``hostabi`` answers.  What does not: asking
it (``wasmpy.cli.guards``, ``wasmpy.cli.demo``).

Colour is for terminals alone, and not where ``NO_COLOR`` is set.  Texts that
come from a guest or a payload are shown with their control characters
escaped: a log line cannot move the cursor.
"""

from __future__ import annotations

import os
import sys
import textwrap
from typing import Any, Iterable, List, Optional, Sequence

from hostabi.labels import Labels
from hostabi.trace import CallReport
from wasmpy.cli import output
from wasmpy.errors import printable

WIDTH = 100
"""Columns that lines are wrapped at."""
LABEL = 12
"""Columns of the left-hand column of a list of fields."""
INDENT = "   "

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LEVEL_STYLES = ("dim", "cyan", "yellow", "red")


class Paper:
    """Collects the lines of an answer, coloured or not."""

    def __init__(self, *, colour: Optional[bool] = None) -> None:
        self.lines: List[str] = []
        self._colour = wants_colour() if colour is None else colour

    def paint(self, text: str, style: str) -> str:
        """``text`` in a style of ``_CODES``, where there is colour."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self._colour and text else text

    def line(self, text: str = "") -> None:
        """A line as it is."""
        self.lines.append(text)

    def heading(self, text: str, right: str = "") -> None:
        """A heading, after an empty line, with something at the right-hand end."""
        gap = " " * max(2, WIDTH - 8 - len(text) - len(right)) if right else ""
        self.lines += ["", self.paint(text, "bold") + gap + self.paint(right, "dim")]

    def field(self, name: str, text: str, style: str = "") -> None:
        """A name and a text, wrapped in its own column."""
        room = WIDTH - len(INDENT) - LABEL
        rows = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
        for i, row in enumerate(rows):
            left = self.paint(f"{name if i == 0 else '':<{LABEL}}", "dim")
            self.lines.append(INDENT + left + (self.paint(row, style) if style else row))

    def labels(self, labels: Labels) -> None:
        """The two fields of a label."""
        self.field("secrecy", tags_text(labels.secrecy))
        self.field("integrity", tags_text(labels.integrity))

    def columns(self, rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> None:
        """Rows in aligned columns; those numbered in ``right`` are aligned at the right."""
        ends = set(right)
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            cells = [
                cell.rjust(width) if i in ends else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths))
            ]
            self.lines.append((INDENT + "  ".join(cells)).rstrip())

    def backend(self, reports: Iterable[CallReport]) -> None:
        """What the guard asked its backend."""
        calls = [call for report in reports for call in report.backend]
        refused = sum(report.backend_refused for report in reports)
        if not calls and not refused:
            self.line(INDENT + "nothing")
        for call in calls:
            if call.answer is None:
                told = f"no answer: {shown(call.error or '')}"
            elif call.returned < 0:
                told = f"{len(call.answer)} bytes, too many for its buffer"
            else:
                told = shown(call.answer.decode("utf-8", "replace"), WIDTH - 19)
            asked = call.args.decode("utf-8", "replace")
            self.line(f"{INDENT}{shown(call.name, 40)} {shown(asked, WIDTH - 44)}")
            self.line(f"{INDENT}  {self.paint('->', 'dim')} {told}")
        if refused:
            self.line(f"{INDENT}and {refused} times more than it may")

    def log(self, reports: Iterable[CallReport]) -> None:
        """What the guard logged and printed."""
        lines = [line for report in reports for line in report.log]
        lost = sum(report.log_lost_lines for report in reports)
        size = sum(report.log_lost_bytes for report in reports)
        if not lines:
            self.line(INDENT + "nothing")
        for line in lines:
            word = line.word if line.source == "host_log" else line.source
            style = _LEVEL_STYLES[line.level] if line.word else "dim"
            text = shown(line.text.decode("utf-8", "replace"), WIDTH - 10)
            self.line(INDENT + self.paint(f"{word:<7}", style) + text)
        if lost or size:
            self.line(f"{INDENT}and {lost} lines more ({size} bytes were not kept)")

    def notices(self, reports: Iterable[CallReport]) -> None:
        """What the host has to say about the calls."""
        for report in reports:
            for notice in report.notices:
                self.field("notice", shown(notice, 1000), "yellow")

    def cost(self, reports: Iterable[CallReport], seconds: Sequence[float] = ()) -> None:
        """What the calls cost."""
        rows = []
        for i, report in enumerate(reports):
            row = [report.function]
            if report.fuel is not None:
                row += [f"{report.fuel:,}", "instructions"]
            row += [f"{report.pages_after}", "pages"]
            if i < len(seconds):
                row += [f"{seconds[i]:.2f}", "s"]
            rows.append(row)
        self.columns(rows, right=(1, 3, 5))

    def print(self) -> None:
        """Write it all to stdout."""
        output.write("\n".join(self.lines) + "\n")


def wants_colour(stream: Any = None) -> bool:
    """Whether ``stream`` (stdout) is a terminal that takes colours, and they are wanted."""
    stream = sys.stdout if stream is None else stream
    isatty = getattr(stream, "isatty", None)
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or isatty is None:
        return False
    return bool(isatty())


def tags_text(tags: Iterable[str]) -> str:
    """Tags in a row, or a word for none."""
    return "  ".join(shown(tag, 200) for tag in tags) or "(none)"


def shown(text: str, width: int = WIDTH) -> str:
    r"""``text`` on one line, its control characters escaped, cut to ``width``.

    >>> shown("a\x1b[31m\nb", 40)
    'a\\x1b[31m\\nb'
    """
    if len(text) > width:
        # What is cut off anyway need not be looked at.
        text = text[:width] + "..."
    safe = printable(text)
    return safe if len(safe) <= width else safe[: width - 3] + "..."
