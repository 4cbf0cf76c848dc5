"""Draws the rates of a kernel report: one line per kernel, one dot per engine, as SVG.

Written by hand, so that it needs no package and gives the same bytes for the same figures.
What does not belong here: tables.
"""

import math
from typing import List, Tuple
from xml.sax.saxutils import escape

from benchmarks.harness.figures import Row

_COLOURS = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#1f78b4", "#666666",
            "#e6ab02")  # fmt: skip
_LEFT, _TOP, _STEP, _WIDTH, _RIGHT = 110, 64, 22, 620, 44


def _decades(values: List[float]) -> Tuple[int, int]:
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def plot(report: Row) -> str:
    """The drawing. Raises: ValueError if the report has no rates."""
    labels: List[str] = report["engines"]
    rates = {
        name: {e: row["rate"] / 1e6 for e, row in mine.items() if row.get("rate")}
        for name, mine in report["rows"].items()
    }
    values = [v for mine in rates.values() for v in mine.values()]
    if not values:
        raise ValueError("no rates to draw")
    low, high = _decades(values)
    high = max(high, low + 1)
    height = _TOP + _STEP * len(rates)

    def across(value: float) -> float:
        return _LEFT + _WIDTH * (math.log10(value) - low) / (high - low)

    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" '
        'font-size="12">' % (_LEFT + _WIDTH + _RIGHT, height + 40),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for power in range(low, high + 1):
        x = across(10.0**power)
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>' % (x, _TOP - 8, x, height))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            x, height + 16, format(10**power, ",") if power >= 0 else "%g" % 10.0**power))
    out.append('<text x="%d" y="%d" text-anchor="middle">million instructions per second</text>' % (
        _LEFT + _WIDTH // 2, height + 34))
    for row, (name, mine) in enumerate(rates.items()):
        y = _TOP + _STEP * row + _STEP // 2
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (_LEFT - 12, y + 4, escape(name)))
        out.append('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#eee"/>' % (
            _LEFT, y, _LEFT + _WIDTH, y))
        for index, label in enumerate(labels):
            if label in mine:
                out.append('<circle cx="%.1f" cy="%d" r="4.5" fill="%s"><title>%s</title></circle>' % (
                    across(mine[label]), y, _COLOURS[index % len(_COLOURS)],
                    escape("%s, %s: %.3g" % (label, name, mine[label]))))
    for index, label in enumerate(labels):
        x, y = _LEFT + 210 * (index % 3), 18 + 17 * (index // 3)
        out.append('<circle cx="%d" cy="%d" r="4.5" fill="%s"/>' % (x, y - 4, _COLOURS[index % len(_COLOURS)]))
        out.append('<text x="%d" y="%d">%s</text>' % (x + 10, y, escape(label)))
    return "\n".join([*out, "</svg>"]) + "\n"
