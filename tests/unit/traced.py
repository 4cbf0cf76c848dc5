"""``tracemalloc``, or what stands for it on PyPy, which has none.

What is asserted about memory is asserted on CPython; on PyPy the same tests
run and their peak counts as nothing.
"""

from __future__ import annotations

from typing import Tuple

try:
    from tracemalloc import get_traced_memory, start, stop
except ImportError:

    def start() -> None:
        """Nothing to start."""

    def stop() -> None:
        """Nothing to stop."""

    def get_traced_memory() -> Tuple[int, int]:
        """Nothing was traced."""
        return 0, 0


__all__ = ["get_traced_memory", "start", "stop"]
