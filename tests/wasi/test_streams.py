"""Descriptors: reading, writing, their failures, and hostile iovecs."""

from __future__ import annotations

import errno
import io
import struct
import time
from typing import Any, List

import pytest

from tests.wasi.guest import Guest
from wasi import Errno, WasiConfig, abi

END = 65_536


def test_write_joins_all_iovecs_into_one_write() -> None:
    sink = io.BytesIO()
    pieces: List[bytes] = []
    guest = Guest(stdout=sink, stderr=pieces.append)
    assert guest.write(1, b"one ", b"", b"two ", b"three") == (Errno.ESUCCESS, 13)
    assert guest.write(2, b"a", b"b") == (Errno.ESUCCESS, 2)
    assert sink.getvalue() == b"one two three"
    assert pieces == [b"ab"]


def test_write_vanishes_by_default() -> None:
    guest = Guest()
    assert guest.write(1, b"gone") == (Errno.ESUCCESS, 4)
    assert guest.write(2, b"gone too") == (Errno.ESUCCESS, 8)


def test_empty_write_does_not_reach_the_stream() -> None:
    pieces: List[bytes] = []
    guest = Guest(stdout=pieces.append)
    assert guest.write(1, b"", b"") == (Errno.ESUCCESS, 0)
    assert guest.write(1) == (Errno.ESUCCESS, 0)
    assert pieces == []


def test_read_fills_all_iovecs_in_order() -> None:
    guest = Guest(stdin=b"abcdefghij")
    assert guest.read(0, 3, 0, 4) == (Errno.ESUCCESS, [b"abc", b"", b"defg"])
    assert guest.read(0, 2, 5) == (Errno.ESUCCESS, [b"hi", b"j"])
    assert guest.read(0, 4) == (Errno.ESUCCESS, [b""])


def test_read_leaves_the_rest_of_the_buffers_alone() -> None:
    guest = Guest(stdin=b"ab")
    guest.put(0x4000, b"........")
    assert guest.read(0, 4, 4)[0] == Errno.ESUCCESS
    assert guest.get(0x4000, 8) == b"ab......"


def test_stdin_is_at_its_end_by_default() -> None:
    assert Guest().read(0, 10) == (Errno.ESUCCESS, [b""])


@pytest.mark.parametrize(
    "source",
    [
        b"line\nrest",
        bytearray(b"line\nrest"),
        io.BytesIO(b"line\nrest"),
        io.BufferedReader(io.BytesIO(b"line\nrest")),
        io.TextIOWrapper(io.BytesIO(b"line\nrest")),
        io.StringIO("line\nrest"),
    ],
    ids=lambda s: type(s).__name__,
)
def test_sources(source: Any) -> None:
    if hasattr(source, "seek"):
        source.seek(0)
    guest = Guest(stdin=source)
    found = b""
    while True:
        errno, (chunk,) = guest.read(0, 3)
        assert errno == Errno.ESUCCESS
        assert len(chunk) <= 3
        if not chunk:
            break
        found += chunk
    assert found == b"line\nrest"


def test_a_callback_that_gives_more_than_asked_loses_nothing() -> None:
    chunks = [b"", b"abcdef"]
    guest = Guest(stdin=lambda n: chunks.pop())
    assert guest.read(0, 4)[1] == [b"abcd"]
    assert guest.read(0, 4)[1] == [b"ef"]
    assert guest.read(0, 4)[1] == [b""]


def test_reading_nothing_does_not_ask_the_source() -> None:
    asked: List[int] = []
    guest = Guest(stdin=lambda n: asked.append(n) or b"")
    assert guest.read(0, 0, 0) == (Errno.ESUCCESS, [b"", b""])
    assert asked == []


def test_text_streams_take_what_is_written() -> None:
    text = io.StringIO()
    guest = Guest(stdout=text)
    data = "grüße".encode()
    assert guest.write(1, data[:3]) == (Errno.ESUCCESS, 3)
    assert guest.write(1, data[3:]) == (Errno.ESUCCESS, len(data) - 3)
    assert text.getvalue() == "grüße"
    raw = io.BytesIO()
    wrapper = io.TextIOWrapper(raw, encoding="ascii")
    wrapper.write("before ")
    assert Guest(stdout=wrapper).write(1, data)[0] == Errno.ESUCCESS
    assert raw.getvalue() == b"before " + data


def test_inherited_streams_work_under_capture(capsys: pytest.CaptureFixture[str]) -> None:
    config = WasiConfig()
    config.inherit_stdout()
    config.inherit_stderr()
    guest = Guest(config)
    guest.write(1, b"to stdout")
    guest.write(2, b"to stderr")
    assert capsys.readouterr() == ("to stdout", "to stderr")


class Failing:
    """A sink that fails as it is told."""

    def __init__(self, error: BaseException, on_flush: bool = False) -> None:
        self.error, self.on_flush = error, on_flush

    def write(self, data: bytes) -> int:
        if self.on_flush:
            return len(data)
        raise self.error

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize("on_flush", [False, True])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BrokenPipeError(errno.EPIPE, "gone"), Errno.EPIPE),
        (OSError(errno.EIO, "bad disk"), Errno.EIO),
        (OSError(errno.ENOSPC, "full"), Errno.ENOSPC),
    ],
)
def test_failing_writes(error: OSError, code: Errno, on_flush: bool) -> None:
    guest = Guest(stdout=Failing(error, on_flush))
    assert guest.write(1, b"x") == (code, 0xFFFF_FFFF)


def test_closed_files() -> None:
    sink, source = io.BytesIO(), io.BytesIO()
    sink.close()
    source.close()
    guest = Guest(stdin=source, stdout=sink)
    assert guest.write(1, b"x")[0] == Errno.EBADF
    assert guest.read(0, 1)[0] == Errno.EBADF


def test_files_open_for_the_other_direction(tmp_path: Any) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    with path.open("rb") as readable, path.open("ab") as writable:
        guest = Guest(stdin=writable, stdout=readable)
        assert guest.write(1, b"x")[0] == Errno.EBADF
        assert guest.read(0, 1)[0] == Errno.EBADF


def test_a_source_that_fails() -> None:
    def ask(n: int) -> bytes:
        raise OSError(errno.EIO, "bad disk")

    assert Guest(stdin=ask).read(0, 1)[0] == Errno.EIO


class Raw(io.RawIOBase):
    """A raw file that takes and gives ``size`` bytes at a time; None when it would block."""

    def __init__(self, size: Any) -> None:
        self.size = size
        self.taken = b""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> Any:
        if self.size is None:
            return None
        self.taken += bytes(data[: self.size])
        return min(self.size, len(data))

    def readinto(self, buffer: Any) -> Any:
        return None


def test_short_writes_are_reported_as_they_are() -> None:
    raw = Raw(3)
    guest = Guest(stdout=raw)
    assert guest.write(1, b"ab", b"cdef") == (Errno.ESUCCESS, 3)
    assert raw.taken == b"abc"
    guest = Guest(stdout=lambda data: 2)
    assert guest.write(1, b"abcd") == (Errno.ESUCCESS, 2)


def test_streams_that_would_block() -> None:
    guest = Guest(stdin=Raw(None), stdout=Raw(None))
    assert guest.write(1, b"x")[0] == Errno.EAGAIN
    assert guest.read(0, 1)[0] == Errno.EAGAIN
    partly = BlockingIOError(11, "later", 2)
    assert Guest(stdout=Failing(partly)).write(1, b"abc") == (Errno.ESUCCESS, 2)


def test_an_error_of_the_hosts_own_goes_through_unchanged() -> None:
    def fail(data: bytes) -> int:
        raise KeyError("mine")

    guest = Guest(stdout=fail, transcript=True)
    with pytest.raises(KeyError):
        guest.write(1, b"x")
    assert [(e.errno, e.raised) for e in guest.wasi.transcript] == [(None, "KeyError")]


@pytest.mark.parametrize("field", ["stdin", "stdout", "stderr"])
def test_what_cannot_be_a_stream(field: str) -> None:
    with pytest.raises(TypeError):
        Guest(**{field: 7})
    with pytest.raises(TypeError):
        Guest(stdin="text")


def test_the_wrong_direction_is_enotcapable_and_no_descriptor_ebadf() -> None:
    guest = Guest()
    assert guest.write(0, b"x")[0] == Errno.ENOTCAPABLE
    assert guest.read(1, 1)[0] == Errno.ENOTCAPABLE
    for fd in (3, 2**31, 2**32 - 1):
        assert guest.write(fd, b"x")[0] == Errno.EBADF
        assert guest.read(fd, 1)[0] == Errno.EBADF


@pytest.mark.parametrize("name", ["fd_write", "fd_read"])
@pytest.mark.parametrize(
    ("iovs", "count", "result"),
    [
        (END - 7, 1, 0),
        (0, 2**32 - 1, 0),
        (2**32 - 8, 1, 0),
        (0x1000, 1, END - 3),
        (0x1000, 1, 2**32 - 1),
    ],
)
def test_bad_pointers_move_nothing(name: str, iovs: int, count: int, result: int) -> None:
    asked: List[Any] = []
    guest = Guest(stdin=lambda n: asked.append(n) or b"", stdout=asked.append)
    guest.iovecs(0x1000, [(0x4000, 4)])
    before = guest.snapshot()
    assert guest.call(name, 1 if name == "fd_write" else 0, iovs, count, result) == Errno.EFAULT
    assert (asked, guest.snapshot()) == ([], before)


@pytest.mark.parametrize("name", ["fd_write", "fd_read"])
@pytest.mark.parametrize("bad", [(END - 3, 4), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1)])
def test_one_bad_buffer_among_good_ones_moves_nothing(name: str, bad: Any) -> None:
    asked: List[Any] = []
    guest = Guest(stdin=lambda n: asked.append(n) or b"", stdout=asked.append)
    guest.iovecs(0x1000, [(0x4000, 4), bad, (0x4000, 4)])
    before = guest.snapshot()
    assert guest.call(name, 1 if name == "fd_write" else 0, 0x1000, 3, 0) == Errno.EFAULT
    assert (asked, guest.snapshot()) == ([], before)


def test_a_guest_without_memory() -> None:
    guest = Guest()
    guest.memory = None
    assert guest.call("fd_write", 1, 0, 1, 0) == Errno.EFAULT
    assert guest.call("fd_write", 1, 0, 0, 0) == Errno.EFAULT
    assert guest.call("random_get", 0, 1) == Errno.EFAULT
    assert guest.call("sched_yield") == Errno.ESUCCESS


def test_overlapping_iovecs_move_no_more_than_a_memory_holds() -> None:
    sizes: List[int] = []
    guest = Guest(pages=32, stdout=lambda data: sizes.append(len(data)))
    size = 32 * END
    count = 60_000
    guest.put(0, struct.pack("<II", 0, size) * count)
    began = time.monotonic()
    assert guest.call("fd_write", 1, 0, count, 0) == Errno.ESUCCESS
    assert (sizes, guest.u32(0)) == ([size], size)
    assert time.monotonic() - began < 5


def test_more_iovecs_than_anybody_has() -> None:
    guest = Guest(pages=9)
    assert guest.call("fd_write", 1, 0, 65_537, 0) == Errno.EINVAL


def test_every_iovec_of_a_long_array_counts() -> None:
    pieces: List[bytes] = []
    guest = Guest(stdout=pieces.append)
    for i in range(2_000):
        guest.put(0x8000 + i, bytes([i & 0xFF]))
    guest.iovecs(0x1000, [(0x8000 + i, 1) for i in range(2_000)])
    assert guest.call("fd_write", 1, 0x1000, 2_000, 0) == Errno.ESUCCESS
    assert guest.u32(0) == 2_000
    assert b"".join(pieces) == bytes(i & 0xFF for i in range(2_000))


def test_close_keeps_the_hosts_file_open() -> None:
    sink = io.BytesIO()
    guest = Guest(stdout=sink)
    assert guest.call("fd_close", 1) == Errno.ESUCCESS
    assert guest.call("fd_close", 1) == Errno.EBADF
    assert guest.write(1, b"x")[0] == Errno.EBADF
    assert guest.write(2, b"x")[0] == Errno.ESUCCESS
    assert not sink.closed


def test_fdstat_tells_type_and_rights() -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    guest = Guest(stdout=Terminal())
    found = []
    for fd in (0, 1, 2):
        assert guest.call("fd_fdstat_get", fd, 0) == Errno.ESUCCESS
        found.append(abi.FDSTAT.unpack(guest.get(0, 24)))
    assert [f[0] for f in found] == [0, 2, 0]
    for fd, (_, flags, base, inheriting) in enumerate(found):
        assert (flags, inheriting) == (0, 0)
        assert bool(base & abi.rights("fd_read")) == (fd == 0)
        assert bool(base & abi.rights("fd_write")) == (fd > 0)
        assert not base & abi.rights("fd_seek", "fd_tell", "path_open")
    assert guest.call("fd_fdstat_get", 3, 0) == Errno.EBADF
    assert guest.call("fd_fdstat_get", 1, END - 23) == Errno.EFAULT


def test_flags_of_a_stream() -> None:
    guest = Guest()
    assert guest.call("fd_fdstat_set_flags", 1, 1) == Errno.ESUCCESS
    assert guest.call("fd_fdstat_get", 1, 0) == Errno.ESUCCESS
    assert abi.FDSTAT.unpack(guest.get(0, 24))[1] == 1
    assert guest.call("fd_fdstat_set_flags", 1, 4) == Errno.ESUCCESS
    assert guest.call("fd_fdstat_set_flags", 1, 2) == Errno.ENOTSUP
    assert guest.call("fd_fdstat_set_flags", 1, 32) == Errno.EINVAL
    assert guest.call("fd_fdstat_set_flags", 9, 0) == Errno.EBADF


def test_filestat_of_a_stream() -> None:
    guest = Guest()
    guest.put(0, b"\xff" * 64)
    assert guest.call("fd_filestat_get", 0, 0) == Errno.ESUCCESS
    assert abi.FILESTAT.unpack(guest.get(0, 64)) == (0,) * 8
    assert guest.call("fd_filestat_get", 5, 0) == Errno.EBADF
    assert guest.call("fd_filestat_get", 0, END - 63) == Errno.EFAULT


def test_streams_have_no_position() -> None:
    guest = Guest()
    for fd in (0, 1, 2):
        assert guest.call("fd_seek", fd, -1, 1, 0) == Errno.ESPIPE
        assert guest.call("fd_tell", fd, 0) == Errno.ESPIPE
    assert guest.call("fd_seek", 1, 0, 3, 0) == Errno.EINVAL
    assert guest.call("fd_seek", 3, 0, 0, 0) == Errno.EBADF
    assert guest.call("fd_tell", 3, 0) == Errno.EBADF


def test_there_are_no_preopened_directories() -> None:
    guest = Guest()
    for fd in (0, 3, 4):
        assert guest.call("fd_prestat_get", fd, 0) == Errno.EBADF
        assert guest.call("fd_prestat_dir_name", fd, 0, 10) == Errno.EBADF
