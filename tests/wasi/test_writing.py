"""Writing to pipes, terminals and sockets of the host's: as much as there is room for, and no more."""

from __future__ import annotations

import io
import os
import select
import socket
import sys
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from tests.wasi.guest import Guest
from wasi import Errno, outlet, readiness, streams
from wasmpy.errors import Interrupted, Resource

OK = Errno.ESUCCESS
NONBLOCK = 4
LONG = bytes(range(256)) * 2_048
"""More than any pipe here has room for: 512 KiB."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes can be waited for on POSIX alone")
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux knows these ways")


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


def _asked(patch: pytest.MonkeyPatch) -> None:
    if not outlet.CAN_ASK:
        pytest.skip("this Python cannot ask for that")


def _opened_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outlet, "CAN_ASK", False)


def _in_pieces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(streams, "outlet_of", lambda raw: None)


WAYS: Dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "asked not to wait": _asked, "opened again": _opened_again, "in pieces": _in_pieces,
}  # fmt: skip


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the system is asked to take as much as there is room for."""
    WAYS[request.param](monkeypatch)
    return str(request.param)


class Pipe:
    """A pipe: what a guest writes to, and what came of it."""

    def __init__(self) -> None:
        self.read_fd, write_fd = os.pipe()
        self.writer = os.fdopen(write_fd, "wb", buffering=0)
        os.set_blocking(self.read_fd, False)
        self.came = b""

    def drain(self, most: int = 1 << 20) -> bytes:
        """What is in it now; at most so much."""
        try:
            part = os.read(self.read_fd, most)
        except BlockingIOError:
            part = b""
        self.came += part
        return part

    def drain_all(self) -> bytes:
        """All that came, from the beginning on."""
        while self.drain():
            pass
        return self.came

    def close(self) -> None:
        self.writer.close()
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def guest_for(sink: Any) -> Guest:
    return Guest(pages=10, stdout=sink)


def stop() -> None:
    raise Interrupted(Resource.CANCELLED)


def test_a_long_write_goes_on_until_all_is_written(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    guest.on_look = pipe.drain
    assert guest.write(1, LONG) == (OK, len(LONG))
    assert guest.looks > 2
    assert pipe.drain_all() == LONG
    assert os.get_blocking(pipe.writer.fileno())


def test_a_long_write_that_is_interrupted_loses_nothing(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    drained: List[int] = []

    def read_some_and_stop() -> None:
        drained.append(len(pipe.drain(10_000)))
        if len(drained) == 3:
            stop()

    guest.on_look = read_some_and_stop
    with pytest.raises(Interrupted):
        guest.write(1, LONG)
    # What was written by then is there, and nothing comes afterwards.
    found = pipe.drain_all()
    assert 0 < len(found) < len(LONG)
    assert LONG.startswith(found)
    guest.on_look = None
    assert guest.write(1, b"more") == (OK, 4)
    assert pipe.drain_all() == found + b"more"


def fill(guest: Guest) -> int:
    """Leave no room in what the guest's standard output is; how much it took."""
    guest.on_look = None
    assert guest.call("fd_fdstat_set_flags", 1, NONBLOCK) == OK
    filled = 0
    while True:
        errno, count = guest.write(1, LONG)
        if errno != OK:
            break
        filled += count
    assert errno == Errno.EAGAIN
    assert guest.call("fd_fdstat_set_flags", 1, 0) == OK
    return filled


def test_a_short_write_to_a_full_pipe_is_interrupted_before_anything_is_written(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    filled = fill(guest)
    guest.on_look = stop
    with pytest.raises(Interrupted):
        guest.write(1, b"x")
    assert pipe.drain_all() == LONG[:filled]


def test_without_blocking_as_much_is_written_as_there_is_room_for(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    assert guest.call("fd_fdstat_set_flags", 1, NONBLOCK) == OK
    errno, count = guest.write(1, LONG)
    assert errno == OK
    assert 4_096 <= count < len(LONG)
    assert guest.write(1, LONG)[0] == Errno.EAGAIN
    assert pipe.drain_all() == LONG[:count]
    assert guest.write(1, b"more") == (OK, 4)


def test_a_reader_that_goes_midway_is_told_by_the_next_write(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    taken: List[int] = []

    def leave() -> None:
        if pipe.read_fd >= 0:
            taken.append(len(pipe.drain_all()))
            os.close(pipe.read_fd)
            pipe.read_fd = -1

    guest.on_look = leave
    assert guest.write(1, LONG) == (OK, taken[0])
    assert 0 < taken[0] < len(LONG)
    assert guest.write(1, b"x")[0] == Errno.EPIPE


def test_nobody_reads_at_all(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    os.close(pipe.read_fd)
    pipe.read_fd = -1
    assert guest.write(1, LONG)[0] == Errno.EPIPE


def test_the_reader_sees_the_end_when_the_host_closes_its_file(pipe: Pipe, way: str) -> None:
    guest = guest_for(pipe.writer)
    assert guest.write(1, b"all") == (OK, 3)
    pipe.writer.close()
    assert os.read(pipe.read_fd, 9) == b"all"
    assert os.read(pipe.read_fd, 9) == b""
    assert guest.write(1, b"x")[0] == Errno.EBADF


def test_what_the_host_wrote_before_comes_first(pipe: Pipe, way: str) -> None:
    text = open(os.dup(pipe.writer.fileno()), "w", encoding="ascii")
    guest = guest_for(text)
    guest.on_look = pipe.drain
    text.write("the host's; ")
    assert guest.write(1, LONG) == (OK, len(LONG))
    text.write(" and the host's")
    assert guest.write(1, b"!") == (OK, 1)
    assert pipe.drain_all() == b"the host's; " + LONG + b" and the host's!"
    text.close()


def test_another_that_takes_the_room_in_between_makes_nobody_wait(
    pipe: Pipe, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "in pieces":
        pytest.skip("there it does")
    guest = guest_for(pipe.writer)
    fill(guest)
    # The system says that there is room, and then there is none any more.
    always = readiness.State(ready=True, hangup=False, room=4_096)
    for module in (readiness, streams):
        monkeypatch.setattr(module, "states", lambda interests, seconds: [always] * len(interests))
    guest.on_look = stop
    with pytest.raises(Interrupted):
        guest.write(1, b"x")
    guest.on_look = pipe.drain
    assert guest.write(1, b"x") == (OK, 1)
    assert pipe.drain_all().endswith(b"x")


def test_where_the_system_cannot_tell_all_is_one_write(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> Any:
        raise OSError("no such thing here")

    monkeypatch.setattr(select, "poll", fail, raising=False)
    monkeypatch.setattr(select, "select", fail)

    class Counting(io.FileIO):
        writes: List[int] = []

        def write(self, data: Any) -> int:
            self.writes.append(len(data))
            return super().write(data)

    with Counting(os.dup(pipe.writer.fileno()), "wb") as sink:
        guest = guest_for(sink)
        guest.on_look = stop
        assert guest.write(1, LONG[:40_000]) == (OK, 40_000)
    assert Counting.writes == [40_000]
    assert pipe.drain_all() == LONG[:40_000]


def test_a_file_with_its_own_idea_of_writing_is_asked_itself(pipe: Pipe) -> None:
    class Upper(io.FileIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data).upper())

    with Upper(os.dup(pipe.writer.fileno()), "wb") as sink:
        guest = guest_for(sink)
        guest.on_look = pipe.drain
        data = b"a" * 200_000
        assert guest.write(1, data) == (OK, len(data))
    assert pipe.drain_all() == data.upper()


def test_a_socket_as_a_file() -> None:
    ours, theirs = socket.socketpair()
    came = bytearray()
    with ours, theirs, ours.makefile("wb", buffering=0) as sink:
        theirs.setblocking(False)
        guest = guest_for(sink)

        def read() -> None:
            came.extend(theirs.recv(1 << 20))

        guest.on_look = read
        assert guest.write(1, LONG) == (OK, len(LONG))
        while len(came) < len(LONG):
            read()
        assert bytes(came) == LONG
        fill(guest)
        guest.on_look = stop
        with pytest.raises(Interrupted):
            guest.write(1, LONG)


@pytest.mark.parametrize("buffering", [0, -1])
def test_what_is_open_the_other_way_is_neither_waited_for_nor_opened_that_way(pipe: Pipe, buffering: int) -> None:
    with open(os.dup(pipe.read_fd), "rb", buffering=buffering) as wrong:
        assert guest_for(wrong).write(1, b"x")[0] == Errno.EBADF
    with open(os.dup(pipe.writer.fileno()), "wb", buffering=buffering) as wrong:
        assert Guest(stdin=wrong).read(0, 1)[0] == Errno.EBADF
    assert pipe.drain_all() == b""


def test_a_stream_that_says_nothing_of_itself_is_waited_for_all_the_same(pipe: Pipe) -> None:
    class Plain(io.TextIOBase):
        """As its base has it, it is neither readable nor writable."""

        def fileno(self) -> int:
            return pipe.writer.fileno()

        def write(self, text: str) -> int:
            return pipe.writer.write(text.encode()) or 0

    guest = guest_for(Plain())
    fill(guest)
    guest.on_look = stop
    with pytest.raises(Interrupted):
        guest.write(1, b"x")


def test_what_a_flush_says_of_the_hosts_bytes_is_not_said_of_the_guests(pipe: Pipe) -> None:
    class Full(io.FileIO):
        def write(self, data: Any) -> Any:
            return None

    raw = Full(os.dup(pipe.writer.fileno()), "wb")
    text = io.TextIOWrapper(io.BufferedWriter(raw, 16), "ascii")
    guest = guest_for(text)
    assert guest.call("fd_fdstat_set_flags", 1, NONBLOCK) == OK
    text.write("the host's, more than its buffer takes")
    assert guest.write(1, b"guest's")[0] == Errno.EAGAIN
    raw.write = lambda data: len(data)  # type: ignore[method-assign]
    text.close()


# Terminals.


@pytest.fixture
def terminal() -> Iterator[Tuple[int, int]]:
    """The two sides of a pseudo-terminal: whoever shows it, and what is written to."""
    pty = pytest.importorskip("pty")
    tty = pytest.importorskip("tty")
    shown, written = pty.openpty()
    tty.setraw(written)
    os.set_blocking(shown, False)
    yield shown, written
    for fd in (shown, written):
        os.close(fd)


@on_linux
def test_a_terminal_that_shows_nothing_any_more(terminal: Tuple[int, int]) -> None:
    shown, written = terminal
    came = bytearray()
    with open(os.dup(written), "w", encoding="ascii") as sink:
        guest = guest_for(sink)
        filled = fill(guest)
        guest.on_look = stop
        with pytest.raises(Interrupted):
            guest.write(1, LONG)
        guest.on_look = lambda: came.extend(os.read(shown, 1 << 20))
        assert guest.write(1, b"seen") == (OK, 4)
        while not came.endswith(b"seen"):
            came.extend(os.read(shown, 1 << 20))
    assert len(came) >= filled + 4
    assert os.get_blocking(written)


@on_linux
def test_the_other_side_of_a_terminal_is_written_to_and_no_new_one(terminal: Tuple[int, int]) -> None:
    shown, written = terminal
    with open(os.dup(shown), "wb", buffering=0) as sink:
        assert guest_for(sink).write(1, b"typed") == (OK, 5)
        assert select.select([written], [], [], 5)[0]
        assert os.read(written, 9) == b"typed"
