"""Every wait of a guest ends when a deadline passes and when another thread cancels.

What belongs here: that it ends at all, and that no wait is longer than the piece that is
promised.  What does not: how late it is by the clock, which a busy machine decides
(``benchmarks/run.py limits``).
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import pytest

import wasmpy
from wasi import SystemClock, WasiConfig
from wasi.readiness import SLICE
from wasmpy import Resource

PROMISED = 0.05
"""Seconds within which an interruption is seen, by ``docs/reference/wasi.md``."""

GENEROUS = 2.0
"""Seconds within which it comes on any machine."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes can be waited for on POSIX alone")

WAITS = r"""(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (memory 32)
  (data (i32.const 16) "\00\00\01\00\00\00\10\00")  ;; an iovec: 1 MiB at 64 KiB
  (data (i32.const 72) "\01")  ;; a clock: monotonic, twenty seconds
  (data (i32.const 80) "\00\c8\17\a8\04\00\00\00")
  (data (i32.const 112) "\01")  ;; to read descriptor 0
  (data (i32.const 160) "\02\00\00\00\00\00\00\00\01")  ;; to write 1
  (func (export "accept") (result i32)
    (call $accept (i32.const 3) (i32.const 0) (i32.const 4)))
  (func (export "read") (result i32)
    (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0)))
  (func (export "write") (result i32)
    (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0)))
  (func (export "poll_clock") (result i32)
    (call $poll (i32.const 56) (i32.const 256) (i32.const 1) (i32.const 0)))
  (func (export "poll_read") (result i32)
    (call $poll (i32.const 104) (i32.const 256) (i32.const 1) (i32.const 0)))
  (func (export "poll_write") (result i32)
    (call $poll (i32.const 152) (i32.const 256) (i32.const 1) (i32.const 0)))
  (func (export "poll_both") (result i32)
    (call $poll (i32.const 56) (i32.const 256) (i32.const 2) (i32.const 0)))
  (func (export "recv") (result i32)
    (call $recv (i32.const 4) (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0)
      (i32.const 8)))
  (func (export "recv_all") (result i32)
    (call $recv (i32.const 4) (i32.const 16) (i32.const 1) (i32.const 2) (i32.const 0)
      (i32.const 8)))
  (func (export "send") (local i32)
    (loop
      (br_if 0 (i32.eqz (call $send (i32.const 4) (i32.const 16) (i32.const 1) (i32.const 0)
        (i32.const 0)))))))"""


class Wait(NamedTuple):
    """What a guest waits in, and on what."""

    function: str
    stdout: str = "pipe"


WAITING: Dict[str, Wait] = {
    "reading an empty pipe": Wait("read"),
    "writing to a full pipe": Wait("write"),
    "writing to a terminal that shows nothing": Wait("write", "terminal"),
    "writing to a socket's file": Wait("write", "socket"),
    "polling a clock": Wait("poll_clock"),
    "polling an empty pipe": Wait("poll_read"),
    "polling a full pipe": Wait("poll_write", "full pipe"),
    "polling a clock and a pipe": Wait("poll_both"),
    "accepting": Wait("accept"),
    "receiving": Wait("recv"),
    "receiving all": Wait("recv_all"),
    "sending": Wait("send"),
}


class Outside:
    """What is outside of the guest: nobody writes, reads, connects or talks there."""

    def __init__(self, kind: str) -> None:
        self._closing: List[Callable[[], None]] = []
        self._others: List[Any] = []
        stdin, stdout = self._pipe("rb"), self._sink(kind)
        config = WasiConfig(stdin=stdin, stdout=stdout, clock=SystemClock(), listeners=["127.0.0.1:0"])
        linker = wasmpy.Linker()
        self.wasi = linker.define_wasi(config)
        self._closing.append(self.wasi.close)
        self.instance = linker.instantiate(wasmpy.Module(WAITS))

    def _sink(self, kind: str) -> Any:
        if kind == "socket":
            ours, theirs = socket.socketpair()
            self._closing.append(ours.close)
            self._others.append(theirs)
            return ours.makefile("wb", buffering=0)
        if kind == "terminal":
            import pty
            import tty

            shown, written = pty.openpty()
            tty.setraw(written)
            file = os.fdopen(written, "wb", buffering=0)
            self._closing.append(file.close)
            self._others.append(os.fdopen(shown, "rb", buffering=0))
            return file
        file = self._pipe("wb")
        if kind == "full pipe":
            os.set_blocking(file.fileno(), False)
            while file.write(bytes(65_536)):
                pass
            os.set_blocking(file.fileno(), True)
        return file

    def _pipe(self, mode: str) -> Any:
        reader, writer = os.pipe()
        ours, other = (reader, writer) if mode == "rb" else (writer, reader)
        file = os.fdopen(ours, mode, buffering=0)
        self._closing.append(file.close)
        self._others.append(os.fdopen(other, "wb" if mode == "rb" else "rb", buffering=0))
        return file

    def connect(self) -> None:
        """Have a connection accepted, on which nothing is said and nothing heard."""
        peer = socket.create_connection(self.wasi.addresses[0][:2], timeout=10)
        self._others.append(peer)
        assert self.instance.exports.accept() == 0

    def leave(self) -> None:
        """Have nobody on the other side any more: a wait that nothing interrupts ends all the same."""
        with contextlib.suppress(OSError), socket.create_connection(self.wasi.addresses[0][:2], timeout=1):
            pass  # for one that waits for a connection
        for other in self._others:
            other.close()

    def close(self) -> None:
        for other in self._others:
            other.close()
        for close in reversed(self._closing):
            close()


@pytest.fixture(params=WAITING)
def waiting(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The guest's instance, and its function that waits."""
    wait = WAITING[request.param]
    outside = Outside(wait.stdout)
    relief = threading.Timer(30, outside.leave)
    relief.start()
    try:
        if wait.function.startswith(("recv", "send")):
            outside.connect()
        yield outside.instance, outside.instance.exports[wait.function]
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
    instance, call = waiting
    told: List[float] = []

    def tell() -> None:
        told.append(time.monotonic())
        instance.store.interrupt()

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
