"""A bar on a terminal while something goes on.

What belongs here: the bar.  What does not: what goes on.
"""

from __future__ import annotations

import sys
import time
from typing import Callable, Optional

from wasmpy.cli.present import shown

WIDTH = 30
"""Columns of the bar itself."""
_APART = 0.1
"""Seconds between two of its pictures."""

Step = Callable[[int, int], None]
"""Shows how much is done, and of how much; a negative number takes the bar away."""


def bar(label: str) -> Optional[Step]:
    """A bar on standard error; None where that is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    last = [0.0]

    def show(done: int, total: int) -> None:
        now = time.monotonic()
        if done >= 0 and now - last[0] < _APART:
            return
        last[0] = now
        text = ""
        if done >= 0:
            filled = WIDTH * done // max(total, 1)
            text = f"{'#' * filled}{'.' * (WIDTH - filled)} {done}/{total} {shown(label, 60)}"
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    return show
