"""Waiting for streams of the host's: ready, not ready, ended, interrupted."""

from __future__ import annotations

import io
import os
import time
from typing import Any, Iterator

import pytest

import wasmpy
from tests.wasi.guest import Guest, clock_subscription, fd_subscription
from wasi import Errno, SystemClock, WasiConfig
from wasmpy.errors import Interrupted, Resource

OK = Errno.ESUCCESS
NONBLOCK = 4

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes can be waited for on POSIX alone")


class Pipe:
    """A pipe of the host's, as a file to read and a descriptor to write; or the other way round."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        self.reader = os.fdopen(self.read_fd, "rb")
        self.writer = os.fdopen(self.write_fd, "wb", buffering=0)

    def close(self) -> None:
        for file in (self.reader, self.writer):
            file.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def stop() -> None:
    raise Interrupted(Resource.CANCELLED)


def test_a_pipe_is_ready_when_something_is_in_it(pipe: Pipe) -> None:
    guest = Guest(stdin=pipe.reader)
    short = clock_subscription(1, 1, 1_000)
    assert guest.poll(short, fd_subscription(2, 1, 0))[1] == [(1, 0, 0, 0, 0)]
    pipe.writer.write(b"abc")
    assert [e[:3] for e in guest.poll(short, fd_subscription(2, 1, 0))[1]] == [(2, 0, 1)]
    assert guest.read(0, 10) == (OK, [b"abc"])
    pipe.writer.write(b"the end")
    pipe.writer.close()
    assert guest.poll(fd_subscription(2, 1, 0))[1] == [(2, 0, 1, 0, 0)]
    assert guest.read(0, 10) == (OK, [b"the end"])
    assert guest.poll(fd_subscription(2, 1, 0))[1] == [(2, 0, 1, 0, 1)]
    assert guest.read(0, 10) == (OK, [b""])


def test_a_pipe_that_ends_while_it_is_waited_for_hangs_up(pipe: Pipe) -> None:
    guest = Guest(stdin=pipe.reader)
    guest.on_look = pipe.writer.close
    assert guest.poll(fd_subscription(2, 1, 0))[1] == [(2, 0, 1, 0, 1)]


def test_what_is_held_already_comes_before_the_end(pipe: Pipe) -> None:
    pipe.writer.write(b"line\nmore")
    pipe.writer.close()
    assert pipe.reader.readline() == b"line\n"
    guest = Guest(stdin=pipe.reader)
    # Asked, the system only says that the other side has gone.
    assert guest.poll(fd_subscription(2, 1, 0))[1] == [(2, 0, 1, 4, 0)]
    assert guest.read(0, 9) == (OK, [b"more"])
    assert guest.poll(fd_subscription(2, 1, 0))[1] == [(2, 0, 1, 0, 1)]


@pytest.mark.parametrize("while_waiting", [False, True])
def test_a_pipe_that_nobody_reads_any_more_hangs_up(pipe: Pipe, while_waiting: bool) -> None:
    guest = Guest(stdout=pipe.writer)
    os.set_blocking(pipe.write_fd, False)
    assert pipe.writer.write(b"x" * (1 << 22))
    if while_waiting:
        guest.on_look = pipe.reader.close
    else:
        pipe.reader.close()
    assert guest.poll(fd_subscription(2, 2, 1))[1] == [(2, 0, 2, 0, 1)]


def test_what_the_host_has_read_ahead_is_there_first(pipe: Pipe) -> None:
    pipe.writer.write(b"line\nand more")
    assert pipe.reader.readline() == b"line\n"
    guest = Guest(stdin=pipe.reader)
    assert guest.poll(clock_subscription(1, 1, 0), fd_subscription(2, 1, 0))[1][-1][:3] == (2, 0, 1)
    assert guest.read(0, 4) == (OK, [b"and "])
    assert guest.read(0, 9) == (OK, [b"more"])
    pipe.writer.write(b"!")
    assert guest.read(0, 9) == (OK, [b"!"])


def test_without_blocking_nothing_is_eagain(pipe: Pipe) -> None:
    guest = Guest(stdin=pipe.reader)
    assert guest.call("fd_fdstat_set_flags", 0, NONBLOCK) == OK
    assert guest.read(0, 1)[0] == Errno.EAGAIN
    pipe.writer.write(b"x")
    assert guest.read(0, 1) == (OK, [b"x"])


def test_a_read_that_waits_can_be_interrupted_and_loses_nothing(pipe: Pipe) -> None:
    guest = Guest(stdin=pipe.reader)
    guest.on_look = stop
    with pytest.raises(Interrupted):
        guest.read(0, 4)
    with pytest.raises(Interrupted):
        guest.poll(fd_subscription(1, 1, 0))
    guest.on_look = None
    pipe.writer.write(b"kept")
    assert guest.read(0, 4) == (OK, [b"kept"])


def test_a_full_pipe_is_not_ready(pipe: Pipe) -> None:
    os.set_blocking(pipe.write_fd, False)
    with pytest.raises(BlockingIOError):
        while True:
            if pipe.writer.write(bytes(65_536)) is None:
                raise BlockingIOError
    guest = Guest(stdout=pipe.writer)
    short = clock_subscription(1, 1, 1_000)
    assert guest.poll(short, fd_subscription(2, 2, 1))[1] == [(1, 0, 0, 0, 0)]
    guest.on_look = stop
    with pytest.raises(Interrupted):
        guest.write(1, b"x")
    assert guest.call("fd_fdstat_set_flags", 1, NONBLOCK) == OK
    assert guest.write(1, b"x")[0] == Errno.EAGAIN
    pipe.reader.read1(65_536)
    assert guest.poll(fd_subscription(2, 2, 1))[1] == [(2, 0, 2, 0, 0)]
    assert guest.write(1, b"x") == (OK, 1)


def test_nobody_reads_any_more(pipe: Pipe) -> None:
    guest = Guest(stdout=pipe.writer)
    pipe.reader.close()
    assert guest.write(1, b"x")[0] == Errno.EPIPE


READS = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\10\\00\\00\\00")
  (func (export "read") (result i32)
    (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"""


def test_a_deadline_ends_a_read_that_waits(pipe: Pipe) -> None:
    linker = wasmpy.Linker()
    linker.define_wasi(WasiConfig(stdin=pipe.reader))
    instance = linker.instantiate(wasmpy.Module(READS))
    began = time.monotonic()
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.read(deadline=0.05)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert time.monotonic() - began < 10
    pipe.writer.write(b"x")
    assert instance.exports.read() == 0


def test_a_real_clock_and_a_stream_are_waited_for_together(pipe: Pipe) -> None:
    guest = Guest(stdin=pipe.reader, clock=SystemClock())
    both = (clock_subscription(1, 1, 40_000_000), fd_subscription(2, 1, 0))
    assert guest.poll(*both)[1] == [(1, 0, 0, 0, 0)]
    guest.on_look = lambda: pipe.writer.write(b"x")
    far = (clock_subscription(1, 1, 3600 * 10**9), fd_subscription(2, 1, 0))
    assert [e[0] for e in guest.poll(*far)[1]] == [2]


def test_files_and_bytes_never_wait(tmp_path: Any) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with (tmp_path / "f").open("rb") as file:
        for source in (file, io.BytesIO(b"abc"), b"abc", lambda n: b""):
            guest = Guest(stdin=source)
            guest.on_look = stop
            assert guest.poll(fd_subscription(2, 1, 0))[1][0][:3] == (2, 0, 1)
            assert guest.read(0, 1)[0] == OK
