"""Clocks, and waiting for them."""

from __future__ import annotations

import datetime
import time
from typing import List

import pytest

from tests.wasi.guest import Guest, clock_subscription, fd_subscription
from wasi import Errno, FakeClock, WasiConfig
from wasi.fs import MemoryFileSystem
from wasmpy.errors import Interrupted, Resource

REALTIME, MONOTONIC = 0, 1
ABSTIME = 1
MS = 1_000_000
START = int(datetime.datetime(2022, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) * 10**9
END = 65_536


def test_each_clock_starts_exactly_and_advances_a_millisecond_per_reading() -> None:
    guest = Guest()
    assert [guest.clock(REALTIME) for _ in range(3)] == [START, START + MS, START + 2 * MS]
    assert [guest.clock(MONOTONIC) for _ in range(3)] == [0, MS, 2 * MS]


def test_a_relative_sleep_advances_both_clocks_by_its_length() -> None:
    guest = Guest()
    errno, events = guest.poll(clock_subscription(7, MONOTONIC, 12_345))
    assert errno == Errno.ESUCCESS
    assert events == [(7, 0, 0, 0, 0)]
    assert guest.clock(MONOTONIC) == 12_345
    assert guest.clock(REALTIME) == START + 12_345


@pytest.mark.parametrize(("clock", "start"), [(REALTIME, START), (MONOTONIC, 0)])
def test_a_guest_that_waits_for_a_time_gets_there(clock: int, start: int) -> None:
    guest = Guest()
    until = start + 10**15
    assert guest.poll(clock_subscription(1, clock, until, ABSTIME))[1] == [(1, 0, 0, 0, 0)]
    assert guest.clock(clock) == until + MS


def test_an_absolute_time_that_has_passed_is_due_at_once() -> None:
    guest = Guest()
    assert guest.poll(clock_subscription(1, REALTIME, 5, ABSTIME))[1] == [(1, 0, 0, 0, 0)]
    assert guest.clock(MONOTONIC) == 0


def test_the_shortest_of_several_wakes_the_guest() -> None:
    guest = Guest()
    errno, events = guest.poll(
        clock_subscription(1, MONOTONIC, 500),
        clock_subscription(2, REALTIME, 200),
        clock_subscription(3, MONOTONIC, 200),
    )
    assert errno == Errno.ESUCCESS
    assert events == [(2, 0, 0, 0, 0), (3, 0, 0, 0, 0)]
    assert guest.clock(MONOTONIC) == 200


def test_streams_are_ready_at_once_and_nobody_sleeps() -> None:
    guest = Guest(stdin=b"abc")
    errno, events = guest.poll(
        clock_subscription(1, MONOTONIC, 500),
        fd_subscription(2, 1, 0),
        fd_subscription(3, 2, 1),
        fd_subscription(4, 2, 2),
    )
    assert errno == Errno.ESUCCESS
    assert events == [(2, 0, 1, 3, 0), (3, 0, 2, 0, 0), (4, 0, 2, 0, 0)]
    assert guest.clock(MONOTONIC) == 0


def test_stdin_at_its_end_says_so() -> None:
    assert Guest().poll(fd_subscription(1, 1, 0))[1] == [(1, 0, 1, 0, 1)]


def test_a_wrong_subscription_is_an_event_with_an_error() -> None:
    guest = Guest()
    errno, events = guest.poll(
        clock_subscription(1, 9, 500),
        clock_subscription(2, MONOTONIC, 500, flags=2),
        fd_subscription(3, 1, 77),
        fd_subscription(4, 1, 1),
        clock_subscription(5, MONOTONIC, 500),
    )
    assert errno == Errno.ESUCCESS
    assert events == [
        (1, Errno.EINVAL, 0, 0, 0),
        (2, Errno.EINVAL, 0, 0, 0),
        (3, Errno.EBADF, 1, 0, 0),
        (4, Errno.ENOTCAPABLE, 1, 0, 0),
    ]


def test_poll_without_a_subscription_or_of_unknown_type() -> None:
    guest = Guest()
    assert guest.call("poll_oneoff", 0, 0, 0, 0) == Errno.EINVAL
    assert guest.poll(fd_subscription(1, 3, 0))[0] == Errno.EINVAL


@pytest.mark.parametrize(
    ("in_", "out", "n", "nevents"),
    [
        (END - 47, 0, 1, 0),
        (0, END - 31, 1, 0),
        (0, 100, 1, END - 3),
        (0, 0, 2**32 - 1, 0),
        (2**32 - 1, 2**32 - 1, 2**32 - 1, 2**32 - 1),
    ],
)
def test_poll_with_bad_pointers_waits_for_nothing(in_: int, out: int, n: int, nevents: int) -> None:
    guest = Guest()
    before = guest.snapshot()
    assert guest.call("poll_oneoff", in_, out, n, nevents) == Errno.EFAULT
    assert guest.snapshot() == before
    assert guest.clock(MONOTONIC) == 0


def test_poll_with_more_subscriptions_than_anybody_has() -> None:
    guest = Guest(pages=128)
    assert guest.call("poll_oneoff", 0, 0, 65_537, 0) == Errno.EINVAL


def test_resolution_is_never_zero() -> None:
    guest = Guest()
    assert guest.call("clock_res_get", REALTIME, 8) == Errno.ESUCCESS
    assert guest.u64(8) == MS
    guest = Guest(clock=FakeClock(step=0))
    assert guest.call("clock_res_get", MONOTONIC, 8) == Errno.ESUCCESS
    assert guest.u64(8) == 1


@pytest.mark.parametrize("clock", [2, 3, 4, 2**32 - 1])
def test_clocks_that_do_not_exist(clock: int) -> None:
    guest = Guest()
    assert guest.call("clock_time_get", clock, 0, 0) == Errno.EINVAL
    assert guest.call("clock_res_get", clock, 0) == Errno.EINVAL


def test_a_bad_pointer_does_not_read_the_clock() -> None:
    guest = Guest()
    assert guest.call("clock_time_get", MONOTONIC, 0, END - 7) == Errno.EFAULT
    assert guest.call("clock_res_get", MONOTONIC, END - 7) == Errno.EFAULT
    assert guest.clock(MONOTONIC) == 0


def test_a_time_beyond_64_bits_is_eoverflow() -> None:
    guest = Guest(clock=FakeClock(monotonic=2**64))
    assert guest.call("clock_time_get", MONOTONIC, 0, 0) == Errno.EOVERFLOW


class Given:
    """A clock of a user's own, with the three methods and nothing else."""

    def __init__(self) -> None:
        self.slept: List[int] = []

    def now(self) -> int:
        return 42

    def monotonic(self) -> int:
        return 43

    def sleep(self, duration: int) -> None:
        self.slept.append(duration)


def test_a_clock_can_be_given() -> None:
    clock = Given()
    guest = Guest(clock=clock)
    assert (guest.clock(REALTIME), guest.clock(MONOTONIC)) == (42, 43)
    guest.poll(clock_subscription(1, REALTIME, 50, ABSTIME))
    guest.poll(clock_subscription(1, REALTIME, 50))
    assert clock.slept == [8, 50]
    guest.wasi.reset()
    assert guest.clock(REALTIME) == 42


def test_the_system_clock_really_waits() -> None:
    config = WasiConfig()
    config.use_system_clock()
    guest = Guest(config)
    assert abs(guest.clock(REALTIME) - time.time_ns()) < 60 * 10**9
    began = guest.clock(MONOTONIC)
    assert began < 60 * 10**9
    guest.poll(clock_subscription(1, MONOTONIC, 50 * MS))
    assert guest.clock(MONOTONIC) - began >= 50 * MS
    assert guest.looks >= 2


def test_a_real_wait_can_be_interrupted() -> None:
    config = WasiConfig()
    config.use_system_clock()
    guest = Guest(config)

    def stop() -> None:
        raise Interrupted(Resource.CANCELLED)

    guest.on_look = stop
    began = time.monotonic()
    with pytest.raises(Interrupted):
        guest.poll(clock_subscription(1, MONOTONIC, 3600 * 10**9))
    assert time.monotonic() - began < 10


LATEST = 2**64 - 1


def test_a_fake_clock_stops_at_the_latest_time_that_can_be_told() -> None:
    guest = Guest(preopens={"/": MemoryFileSystem()})
    assert guest.poll(clock_subscription(1, MONOTONIC, LATEST))[0] == Errno.ESUCCESS
    assert guest.poll(clock_subscription(1, MONOTONIC, LATEST))[0] == Errno.ESUCCESS
    assert [guest.clock(0), guest.clock(1), guest.clock(1)] == [LATEST] * 3
    guest.opened("f", 1)
    assert guest.stat("f")[1].mtim == LATEST


@pytest.mark.parametrize(("time", "told"), [(1 << 70, LATEST), (-5, 0)])
def test_times_of_a_clock_that_says_anything_are_told_as_far_as_can_be(time: int, told: int) -> None:
    fs = MemoryFileSystem(clock=FakeClock())
    fs.clock.now = lambda: time  # type: ignore[method-assign]
    guest = Guest(preopens={"/": fs})
    guest.opened("f", 1)
    assert guest.stat("f")[1].mtim == told
