"""How long something takes, for tests that its time grows with the input and no faster."""

from __future__ import annotations

import gc
import time
from typing import Any, Callable


def least_seconds(action: Callable[[], Any], runs: int = 3) -> float:
    """The least processor time of some runs; no collection of what other tests left counts."""
    times = []
    enabled = gc.isenabled()
    for _ in range(runs):
        gc.disable()
        try:
            start = time.process_time()
            action()
            times.append(time.process_time() - start)
        finally:
            if enabled:
                gc.enable()
    return min(times)
