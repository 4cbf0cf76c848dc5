"""Every test here runs twice: in the tier that is usual, and with everything compiled at once.

None runs for ever: what a guest cannot be stopped in fails its test instead.
"""

from __future__ import annotations

import signal
import threading
from typing import Any, Iterator

import pytest

LIMIT = 120
"""Seconds for one test that is not marked as slow."""


@pytest.fixture(autouse=True, params=["auto", "python"])
def tier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tier of every store that is not given one."""
    monkeypatch.setattr("wasmpy.api.store.DEFAULT_TIER", request.param)


@pytest.fixture(autouse=True)
def limit(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where the system can do that, an end to what neither looks at deadlines nor comes back."""
    is_main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "alarm") or not is_main or request.node.get_closest_marker("slow"):
        yield
        return

    def late(*_: Any) -> None:
        pytest.fail(f"not done after {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
