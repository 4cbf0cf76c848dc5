"""The watch over deadlines: it forgets what is finished, in whatever order that comes.

Nothing here waits: deadlines are a day off, but for one that is over when it begins.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import List

from tests.lacking import needs_threads
from wasmpy.api.threads import Watch

pytestmark = needs_threads

DAY = 86_400.0


class Alarmed:
    """What an alarm belongs to."""

    def __init__(self) -> None:
        self.told = threading.Event()

    def alarm(self) -> None:
        self.told.set()


def begun(watch: Watch, end: float) -> int:
    number = watch.begin(time.monotonic() + end, lambda: None)
    assert number is not None
    return number


def test_finished_deadlines_are_forgotten_after_an_overlap() -> None:
    watch = Watch()
    long = begun(watch, DAY)
    watch.finish(begun(watch, 2 * DAY))
    watch.finish(long)
    for _ in range(50):
        watch.finish(begun(watch, 3 * DAY))
    assert (watch._due, watch._live) == ([], set())


def test_finished_deadlines_do_not_pile_up_behind_one_that_goes_on() -> None:
    watch = Watch()
    first = begun(watch, DAY)
    for turn in range(200):
        watch.finish(begun(watch, 2 * DAY))
        assert len(watch._due) <= 12, turn
    assert watch._live == {first}


def test_a_finished_deadline_lets_go_of_its_store() -> None:
    watch = Watch()
    item = Alarmed()
    number = watch.begin(time.monotonic() + DAY, item.alarm)
    assert number is not None
    watch.finish(number)
    gone = weakref.ref(item)
    del item
    gc.collect()
    assert gone() is None


def test_expired_deadlines_leave_nothing() -> None:
    watch = Watch()
    items: List[Alarmed] = [Alarmed() for _ in range(20)]
    numbers = [watch.begin(time.monotonic() - 1, item.alarm) for item in items]
    for item, number in zip(items, numbers):
        assert item.told.wait(60)
        assert number is not None
        watch.finish(number)
    assert (watch._due, watch._live) == ([], set())


def test_a_finished_deadline_gives_no_alarm() -> None:
    watch = Watch()
    item, later = Alarmed(), Alarmed()
    with watch._changed:  # its thread cannot look in between
        number = watch.begin(time.monotonic() - 1, item.alarm)
        assert number is not None
        watch.finish(number)
        watch.begin(time.monotonic() - 1, later.alarm)
    assert later.told.wait(60)
    assert not item.told.is_set()
