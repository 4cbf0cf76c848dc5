"""Every wait of a guest ends when a deadline passes and when another thread cancels.

What belongs here: that it ends at all, and that no wait is longer than the piece that is
promised.  What does not: how late it is by the clock, which a busy machine decides
(``benchmarks/run.py limits``).
"""

from __future__ import annotations

import os
import select
import threading
import time
from typing import Any, Callable, Iterator, List

import pytest

import wasmpy
from benchmarks.harness.waits import WAITING, WAT, Outside
from wasi import SystemClock
from wasi.readiness import SLICE
from wasmpy import Resource

PROMISED = 0.05
"""Seconds within which an interruption is seen, by ``docs/reference/wasi.md``."""

GENEROUS = 2.0
"""Seconds within which it comes on any machine."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes can be waited for on POSIX alone")

@pytest.fixture(params=WAITING)
def waiting(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The store of a guest, and a function of it that waits."""
    outside = Outside(request.param)
    relief = threading.Timer(30, outside.leave)
    relief.start()
    linker = wasmpy.Linker()
    try:
        with linker.define_wasi(outside.config):
            instance = linker.instantiate(wasmpy.Module(WAT))
            outside.connect(instance.exports.accept)
            yield instance.store, instance.exports[outside.function]
    finally:
        relief.cancel()
        outside.close()


def interrupted(call: Callable[[], Any]) -> Resource:
    """What a call that waits for ever is ended by."""
    with pytest.raises(wasmpy.Interrupted) as caught:
        call()
    return caught.value.resource


def test_no_wait_is_longer_than_what_is_promised() -> None:
    assert SLICE <= PROMISED / 2
    assert SystemClock.longest_sleep <= PROMISED / 2 * 1e9


def test_a_deadline_ends_every_wait(waiting: Any) -> None:
    _, call = waiting
    began = time.monotonic()
    assert interrupted(lambda: call(deadline=0.05)) is Resource.DEADLINE
    assert time.monotonic() - began < GENEROUS


def test_another_thread_ends_every_wait(waiting: Any) -> None:
    store, call = waiting
    told: List[float] = []

    def tell() -> None:
        told.append(time.monotonic())
        store.interrupt()

    timer = threading.Timer(0.05, tell)
    timer.start()
    assert interrupted(call) is Resource.CANCELLED
    assert time.monotonic() - told[0] < GENEROUS
    timer.join()


def test_between_two_looks_the_system_is_asked_to_wait_no_longer(
    waiting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a guest waits in: each of the waits that it is made of is short."""
    _, call = waiting
    waits: List[float] = []
    sleep, poll = time.sleep, select.poll

    class Noting:
        def __init__(self) -> None:
            self.poller = poll()
            self.register = self.poller.register

        def poll(self, milliseconds: float) -> Any:
            waits.append(milliseconds / 1_000)
            return self.poller.poll(milliseconds)

    def noting_sleep(seconds: float) -> None:
        waits.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(select, "poll", Noting)
    monkeypatch.setattr(time, "sleep", noting_sleep)
    interrupted(lambda: call(deadline=0.15))
    assert 0 < max(waits) <= PROMISED / 2
