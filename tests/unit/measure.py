"""What a call allocates at its peak, where Python can tell."""

from __future__ import annotations

from typing import Any, Callable, Tuple

try:
    import tracemalloc
except ImportError:  # PyPy has none; the tests' other assertions hold there
    tracemalloc = None  # type: ignore[assignment]


def peak(call: Callable[..., Any], *args: Any) -> Tuple[Any, int]:
    """The result of ``call(*args)`` and the bytes it had allocated at its peak, 0 if unknown."""
    if tracemalloc is None:
        return call(*args), 0
    tracemalloc.start()
    try:
        result = call(*args)
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
