"""Files: reading, writing, offsets, sizes, times, flags; in memory and on the host's disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from tests.wasi.fs_kinds import needs_host
from tests.wasi.guest import Guest
from wasi import Errno, Wasi, WasiConfig, abi
from wasi.fs import (
    FileSystem,
    HostFileSystem,
    MemoryFileSystem,
    OverlayFileSystem,
    ReadOnlyFileSystem,
)

CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
APPEND, DSYNC, NONBLOCK, RSYNC, SYNC = 1, 2, 4, 8, 16
SET, CUR, END = 0, 1, 2
MEMORY_END = 65_536
READ = abi.rights("fd_read", "fd_seek", "fd_readdir", "fd_filestat_get")
WRITE = abi.rights("fd_write", "fd_seek")


@pytest.fixture(params=["memory", "host"])
def guest(request: Any, tmp_path: Path) -> Any:
    """A guest whose descriptor 3 is a directory with ``f`` in it."""
    if request.param == "memory":
        made = Guest(preopens={"/": MemoryFileSystem({"f": b"0123456789"})})
    else:
        (tmp_path / "f").write_bytes(b"0123456789")
        made = Guest(preopens={"/": tmp_path})
    yield made
    made.wasi.close()


def test_reads_and_writes_share_a_position(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.read(fd, 2, 3) == (Errno.ESUCCESS, [b"01", b"234"])
    assert guest.write(fd, b"AB", b"", b"C") == (Errno.ESUCCESS, 3)
    assert guest.read(fd, 100) == (Errno.ESUCCESS, [b"89"])
    assert guest.read(fd, 100) == (Errno.ESUCCESS, [b""])
    assert guest.call("fd_tell", fd, 0x100) == Errno.ESUCCESS
    assert guest.u64(0x100) == 10
    assert guest.content("f") == b"01234ABC89"


def test_a_second_descriptor_has_a_position_of_its_own(guest: Guest) -> None:
    first, second = guest.opened("f"), guest.opened("f")
    guest.write(first, b"xy")
    assert guest.read(second, 4) == (Errno.ESUCCESS, [b"xy23"])


def test_pread_and_pwrite_leave_the_position(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.pread(fd, 3, 4) == (Errno.ESUCCESS, b"456")
    assert guest.pread(fd, 3, 9) == (Errno.ESUCCESS, b"9")
    assert guest.pread(fd, 3, 10) == (Errno.ESUCCESS, b"")
    assert guest.pwrite(fd, b"ZZ", 12) == Errno.ESUCCESS
    assert guest.seek(fd, 0, CUR) == (Errno.ESUCCESS, 0)
    assert guest.content("f") == b"0123456789\0\0ZZ"


def test_append_writes_at_the_end_and_pwrite_all_the_same_where_it_says(guest: Guest) -> None:
    fd = guest.opened("f", fdflags=APPEND)
    assert guest.seek(fd, 0) == (Errno.ESUCCESS, 0)
    assert guest.write(fd, b"ab") == (Errno.ESUCCESS, 2)
    assert guest.seek(fd, 0, CUR) == (Errno.ESUCCESS, 12)
    assert guest.pwrite(fd, b"X", 0) == Errno.ESUCCESS
    assert guest.content("f") == b"X123456789ab"
    assert guest.call("fd_fdstat_set_flags", fd, 0) == Errno.ESUCCESS
    guest.seek(fd, 1)
    guest.write(fd, b"Y")
    assert guest.content("f") == b"XY23456789ab"


@pytest.mark.parametrize(
    ("offset", "whence", "answer"),
    [
        (4, SET, (Errno.ESUCCESS, 4)), (0, END, (Errno.ESUCCESS, 10)), (-3, END, (Errno.ESUCCESS, 7)),
        (1_000, END, (Errno.ESUCCESS, 1_010)), (2, CUR, (Errno.ESUCCESS, 2)),
    ],
)  # fmt: skip
def test_seeks(guest: Guest, offset: int, whence: int, answer: Any) -> None:
    fd = guest.opened("f")
    assert guest.seek(fd, offset, whence) == answer
    assert guest.seek(fd, 0, CUR) == answer


@pytest.mark.parametrize(
    ("offset", "whence", "errno"),
    [
        (-1, SET, Errno.EINVAL), (-1, CUR, Errno.EINVAL), (-11, END, Errno.EINVAL),
        (0, 3, Errno.EINVAL), (0, 255, Errno.EINVAL), (2**63 - 1, END, Errno.EOVERFLOW),
    ],
)  # fmt: skip
def test_seeks_that_lead_nowhere_move_nothing(
    guest: Guest, offset: int, whence: int, errno: Errno
) -> None:
    fd = guest.opened("f")
    assert guest.seek(fd, offset, whence)[0] == errno
    assert guest.seek(fd, 0, CUR) == (Errno.ESUCCESS, 0)


def test_a_seek_with_a_bad_pointer_moves_nothing(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.call("fd_seek", fd, 5, SET, MEMORY_END - 7) == Errno.EFAULT
    assert guest.call("fd_tell", fd, MEMORY_END - 7) == Errno.EFAULT
    assert guest.seek(fd, 0, CUR) == (Errno.ESUCCESS, 0)


def test_a_gap_reads_as_zeros(guest: Guest) -> None:
    fd = guest.opened("g", CREAT)
    guest.seek(fd, 5)
    guest.write(fd, b"x")
    assert guest.content("g") == bytes(5) + b"x"


@pytest.mark.parametrize("offset", [2**63, 2**64 - 1])
def test_offsets_that_are_negative_in_c(guest: Guest, offset: int) -> None:
    fd = guest.opened("f")
    assert guest.pread(fd, 1, offset)[0] == Errno.EINVAL
    assert guest.pwrite(fd, b"x", offset) == Errno.EINVAL
    assert guest.call("fd_filestat_set_size", fd, offset) == Errno.EINVAL
    assert guest.call("fd_allocate", fd, offset, 1) == Errno.EINVAL
    assert guest.call("fd_advise", fd, offset, 1, 0) == Errno.EINVAL


def test_a_write_beyond_the_last_offset_is_efbig(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.pwrite(fd, b"xy", 2**63 - 2) == Errno.EFBIG
    assert guest.call("fd_allocate", fd, 2**63 - 1, 1) == Errno.EFBIG
    assert guest.fstat(fd).size == 10


def test_sizes(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.call("fd_filestat_set_size", fd, 3) == Errno.ESUCCESS
    assert guest.content("f") == b"012"
    assert guest.call("fd_filestat_set_size", fd, 5) == Errno.ESUCCESS
    assert guest.content("f") == b"012\0\0"
    assert guest.fstat(fd).size == 5


def test_allocate_makes_longer_and_never_shorter(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.call("fd_allocate", fd, 2, 3) == Errno.ESUCCESS
    assert guest.fstat(fd).size == 10
    assert guest.call("fd_allocate", fd, 8, 10) == Errno.ESUCCESS
    assert guest.fstat(fd).size == 18
    assert guest.call("fd_allocate", fd, 0, 0) == Errno.EINVAL


def test_advice_and_sync(guest: Guest) -> None:
    fd = guest.opened("f")
    for advice in range(6):
        assert guest.call("fd_advise", fd, 0, 0, advice) == Errno.ESUCCESS
    assert guest.call("fd_advise", fd, 0, 0, 6) == Errno.EINVAL
    assert guest.call("fd_sync", fd) == Errno.ESUCCESS
    assert guest.call("fd_datasync", fd) == Errno.ESUCCESS
    assert guest.call("fd_sync", 3) == Errno.ESUCCESS
    assert guest.call("fd_datasync", 3) == Errno.ESUCCESS
    assert guest.fstat(fd).size == 10


def test_synchronous_flags_are_kept_and_writing_works(guest: Guest) -> None:
    for flags in (DSYNC, SYNC, RSYNC | SYNC, APPEND | NONBLOCK):
        fd = guest.opened("f", TRUNC, fdflags=flags)
        assert guest.fdstat(fd)[1] == flags
        assert guest.write(fd, b"abc") == (Errno.ESUCCESS, 3)
        assert guest.content("f") == b"abc"
    assert guest.open("f", fdflags=32)[0] == Errno.EINVAL
    assert guest.call("fd_fdstat_set_flags", fd, 32) == Errno.EINVAL


class Disk:
    """What the host's system is asked to have on the disk, by inode, and whether the data alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: List[Tuple[int, bool]] = []
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._recorder(getattr(os, name), data_only=name == "fdatasync"))

    def _recorder(self, real: Any, *, data_only: bool) -> Any:
        def record(fd: int) -> None:
            self.asked.append((os.fstat(fd).st_ino, data_only))
            real(fd)

        return record

    def take(self) -> List[Tuple[int, bool]]:
        taken, self.asked = self.asked, []
        return taken


@needs_host
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_synced_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    (tmp_path / "d").mkdir()
    fs: FileSystem = HostFileSystem(tmp_path)
    guest = Guest(preopens={"/": ReadOnlyFileSystem(fs) if read_only else fs})
    disk = Disk(monkeypatch)
    may = abi.rights("fd_read", "fd_sync", "fd_datasync")
    file, directory = guest.opened("f", rights=may), guest.opened("d", DIRECTORY, rights=may)
    for path, fd in (("f", file), ("d", directory), (".", 3)):
        inode = (tmp_path / path).stat().st_ino
        assert guest.call("fd_sync", fd) == Errno.ESUCCESS
        assert disk.take() == [(inode, False)]
        assert guest.call("fd_datasync", fd) == Errno.ESUCCESS
        assert disk.take() == [(inode, True)]
    guest.wasi.close()


@needs_host
def test_a_directory_that_cannot_be_synced_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int) -> None:
        raise OSError(errno.EIO, "broken")

    guest = Guest(preopens={"/": tmp_path})
    monkeypatch.setattr(os, "fsync", refuse)
    before = len(os.listdir("/proc/self/fd"))
    assert guest.call("fd_sync", 3) == Errno.EIO
    assert len(os.listdir("/proc/self/fd")) == before
    guest.wasi.close()


@pytest.mark.parametrize(("flags", "wanted"), [(DSYNC, [True]), (SYNC, [False]), (DSYNC | SYNC, [False]), (0, [])])
@needs_host
def test_a_synchronous_file_is_on_the_disk_after_every_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int, wanted: List[bool]
) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    guest = Guest(preopens={"/": tmp_path})
    disk = Disk(monkeypatch)
    fd = guest.opened("f", fdflags=flags)
    assert guest.write(fd, b"abc") == (Errno.ESUCCESS, 3)
    assert [data_only for _, data_only in disk.take()] == wanted
    assert guest.pwrite(fd, b"abc", 1) == Errno.ESUCCESS
    assert [data_only for _, data_only in disk.take()] == wanted
    assert guest.call("fd_fdstat_set_flags", fd, flags | APPEND) == Errno.ESUCCESS
    assert guest.write(fd, b"abc") == (Errno.ESUCCESS, 3)
    assert [data_only for _, data_only in disk.take()] == wanted
    guest.wasi.close()


@pytest.mark.parametrize("overlaid", [False, True])
def test_at_the_last_offset_there_is_the_end(guest: Guest, tmp_path: Path, overlaid: bool) -> None:
    if overlaid:
        guest = Guest(preopens={"/": OverlayFileSystem(MemoryFileSystem({"f": b"0123456789"}))})
    fd = guest.opened("f")
    for offset in (2**63 - 1, 2**63 - 2, 2**63 - 101):
        assert guest.pread(fd, 100, offset) == (Errno.ESUCCESS, b"")
        assert guest.seek(fd, offset)[0] == Errno.ESUCCESS
        assert guest.read(fd, 100) == (Errno.ESUCCESS, [b""])


@pytest.mark.parametrize("overlaid", [False, True])
def test_a_size_that_no_memory_has_is_an_error_of_the_guest(overlaid: bool) -> None:
    lower = MemoryFileSystem({"f": b"0123456789"}, max_bytes=None)
    full = Errno.EDQUOT if overlaid else Errno.ENOSPC
    guest = Guest(preopens={"/": OverlayFileSystem(lower, max_bytes=None) if overlaid else lower})
    fd = guest.opened("f")
    assert guest.call("fd_filestat_set_size", fd, 2**63 - 1) == full
    assert guest.call("fd_allocate", fd, 2**63 - 11, 10) == full
    assert guest.pwrite(fd, b"abc", 2**63 - 4) == full
    assert guest.seek(fd, 2**63 - 4)[0] == Errno.ESUCCESS
    assert guest.write(fd, b"abc")[0] == full
    assert guest.content("f") == b"0123456789"


ATIM, ATIM_NOW, MTIM, MTIM_NOW = 1, 2, 4, 8


def test_times_by_descriptor(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.call("fd_filestat_set_times", fd, 1_000, 2_000, ATIM | MTIM) == Errno.ESUCCESS
    assert (guest.fstat(fd).atim, guest.fstat(fd).mtim) == (1_000, 2_000)
    assert guest.call("fd_filestat_set_times", fd, 5_000, 6_000, MTIM) == Errno.ESUCCESS
    assert (guest.fstat(fd).atim, guest.fstat(fd).mtim) == (1_000, 6_000)
    assert guest.call("fd_filestat_set_times", fd, 5_000, 6_000, 0) == Errno.ESUCCESS
    assert (guest.fstat(fd).atim, guest.fstat(fd).mtim) == (1_000, 6_000)


def test_now_is_what_the_guests_clock_says(guest: Guest) -> None:
    fd = guest.opened("f")
    before = guest.clock(0)
    assert guest.call("fd_filestat_set_times", fd, 0, 0, ATIM_NOW | MTIM_NOW) == Errno.ESUCCESS
    now = guest.fstat(fd).mtim
    assert before < now < guest.clock(0)
    assert guest.fstat(fd).atim == now


def test_now_for_one_of_the_times_leaves_the_other(guest: Guest) -> None:
    fd = guest.opened("f")
    for flags in (ATIM_NOW, MTIM_NOW):
        assert guest.call("fd_filestat_set_times", fd, 1_000, 2_000, ATIM | MTIM) == Errno.ESUCCESS
        before = guest.clock(0)
        assert guest.call("fd_filestat_set_times", fd, 3_000, 4_000, flags) == Errno.ESUCCESS
        found, after = guest.fstat(fd), guest.clock(0)
        now, other = (found.atim, found.mtim) if flags == ATIM_NOW else (found.mtim, found.atim)
        assert before < now < after
        assert other == (2_000 if flags == ATIM_NOW else 1_000)


@pytest.mark.parametrize("flags", [ATIM | ATIM_NOW, MTIM | MTIM_NOW, 15, 16])
def test_times_that_contradict_each_other_change_nothing(guest: Guest, flags: int) -> None:
    fd = guest.opened("f")
    before, reading = guest.fstat(fd), guest.clock(0)
    assert guest.call("fd_filestat_set_times", fd, 1, 2, flags) == Errno.EINVAL
    name = guest.name("f")
    assert guest.call("path_filestat_set_times", 3, 0, *name, 1, 2, flags) == Errno.EINVAL
    assert guest.fstat(fd) == before
    assert guest.clock(0) == reading + 1_000_000


def test_times_by_path(guest: Guest) -> None:
    guest.symlink("f", "l")
    name = guest.name("l")
    assert guest.call("path_filestat_set_times", 3, 1, *name, 7_000, 8_000, 5) == Errno.ESUCCESS
    assert guest.stat("f")[1].mtim == 8_000
    name = guest.name("l")
    assert guest.call("path_filestat_set_times", 3, 0, *name, 7_000, 9_000, 4) == Errno.ESUCCESS
    assert guest.stat("l")[1].mtim == 9_000
    assert guest.stat("f")[1].mtim == 8_000


def test_what_is_opened_for_one_way_is_enotcapable_the_other(guest: Guest) -> None:
    readable, writable = guest.opened("f", rights=READ), guest.opened("f", rights=WRITE)
    assert guest.write(readable, b"x")[0] == Errno.ENOTCAPABLE
    assert guest.pwrite(readable, b"x", 0) == Errno.ENOTCAPABLE
    assert guest.read(writable, 1)[0] == Errno.ENOTCAPABLE
    assert guest.pread(writable, 1, 0)[0] == Errno.ENOTCAPABLE
    for function, args in (
        ("fd_filestat_set_size", (0,)), ("fd_allocate", (0, 1)), ("fd_sync", ()),
        ("fd_datasync", ()), ("fd_advise", (0, 0, 0)), ("fd_filestat_set_times", (0, 0, 0)),
        ("fd_fdstat_set_flags", (0,)),
    ):  # fmt: skip
        assert guest.call(function, readable, *args) == Errno.ENOTCAPABLE
    assert guest.call("fd_filestat_get", writable, 0x200) == Errno.ENOTCAPABLE
    assert guest.content("f") == b"0123456789"


def test_fd_seek_implies_fd_tell_and_not_the_other_way_round(guest: Guest) -> None:
    seeks = guest.opened("f", rights=abi.rights("fd_read", "fd_seek"))
    assert guest.call("fd_tell", seeks, 0x100) == Errno.ESUCCESS
    assert guest.seek(seeks, 0, CUR)[0] == Errno.ESUCCESS
    tells = guest.opened("f", rights=abi.rights("fd_read", "fd_tell"))
    assert guest.call("fd_tell", tells, 0x100) == Errno.ESUCCESS
    assert guest.seek(tells, 0, CUR)[0] == Errno.ESUCCESS
    assert guest.seek(tells, 1, CUR)[0] == Errno.ENOTCAPABLE
    assert guest.pread(tells, 1, 0)[0] == Errno.ENOTCAPABLE


def test_an_open_file_outlives_its_name(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.on("path_unlink_file", "f") == Errno.ESUCCESS
    assert guest.read(fd, 3) == (Errno.ESUCCESS, [b"012"])
    assert guest.write(fd, b"x") == (Errno.ESUCCESS, 1)
    assert guest.open("f")[0] == Errno.ENOENT


def test_a_full_disk_takes_what_fits_and_then_says_so() -> None:
    guest = Guest(preopens={"/": MemoryFileSystem(max_bytes=6)})
    fd = guest.opened("f", CREAT)
    errno, n = guest.write(fd, b"abcd")
    assert (errno, n) == (Errno.ESUCCESS, 4)
    errno, n = guest.write(fd, b"efgh")
    assert errno == Errno.ENOSPC or n == 2
    assert guest.write(fd, b"xyz")[0] == Errno.ENOSPC
    assert guest.content("f") == b"abcdef"[: guest.fstat(fd).size]


def test_a_read_only_directory_is_erofs_to_every_change(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    (tmp_path / "d").mkdir()
    config = WasiConfig()
    config.preopen_dir(tmp_path, "/", read_only=True)
    with Wasi(config) as wasi:
        guest = Guest(wasi=wasi)
        assert guest.open("f", rights=READ | WRITE)[0] == Errno.EROFS
        assert guest.open("new", CREAT, rights=READ)[0] == Errno.EROFS
        assert guest.open("f", TRUNC, rights=READ)[0] == Errno.EROFS
        assert guest.on("path_create_directory", "x") == Errno.EROFS
        assert guest.on("path_remove_directory", "d") == Errno.EROFS
        assert guest.on("path_unlink_file", "f") == Errno.EROFS
        assert guest.two("path_rename", "f", "g") == Errno.EROFS
        assert guest.link("f", "g") == Errno.EROFS
        assert guest.symlink("f", "g") == Errno.EROFS
        fd = guest.opened("f", CREAT, rights=READ)
        assert guest.read(fd, 9) == (Errno.ESUCCESS, [b"abc"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "f"]


def test_a_right_to_resize_does_not_make_reading_impossible(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    config = WasiConfig()
    config.preopen_dir(tmp_path, "/", read_only=True)
    guest = Guest(config)
    rights = READ | abi.rights("fd_filestat_set_size", "fd_allocate")
    fd = guest.opened("f", rights=rights)
    assert guest.read(fd, 9) == (Errno.ESUCCESS, [b"abc"])
    assert guest.call("fd_filestat_set_size", fd, 0) in (Errno.EBADF, Errno.EROFS)
    assert guest.opened(".", rights=rights)
    guest.wasi.close()
    assert (tmp_path / "f").read_bytes() == b"abc"


@pytest.mark.parametrize("name", ["fd_read", "fd_write", "fd_pread", "fd_pwrite"])
def test_bad_pointers_touch_neither_file_nor_position(guest: Guest, name: str) -> None:
    fd = guest.opened("f")
    offset = (0,) if name.startswith("fd_p") else ()
    for iovs, count, result in (
        (MEMORY_END - 7, 1, 0), (0x1000, 1, MEMORY_END - 3), (0x1000, 2, 0x100),
    ):  # fmt: skip
        guest.iovecs(0x1000, [(0x4000, 4), (MEMORY_END - 1, 2)])
        assert guest.call(name, fd, iovs, count, *offset, result) == Errno.EFAULT
    assert guest.seek(fd, 0, CUR) == (Errno.ESUCCESS, 0)
    assert guest.content("f") == b"0123456789"
