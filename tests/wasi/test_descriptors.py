"""Descriptors by number: preopens, closing, renumbering, rights, limits, listings, reset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List

import pytest

from tests.wasi.guest import ALL, Guest
from wasi import Errno, Wasi, WasiConfig, abi, descriptors
from wasi.fs import MemoryFileSystem
from wasi.fs.base import Filetype

CREAT = 1
END = 65_536
OK = Errno.ESUCCESS


def guest_with(files: Any, **fields: Any) -> Guest:
    return Guest(preopens={"/": MemoryFileSystem(files)}, **fields)


# Preopens ------------------------------------------------------------------------


def prestat(guest: Guest, fd: int) -> Any:
    errno = guest.call("fd_prestat_get", fd, 0x200)
    if errno != OK:
        return errno
    tag, size = abi.PRESTAT.unpack(guest.get(0x200, 8))
    assert tag == 0
    assert guest.call("fd_prestat_dir_name", fd, 0x300, size) == OK
    return guest.get(0x300, size)


def test_preopens_come_after_the_streams_in_their_order(tmp_path: Path) -> None:
    guest = Guest(preopens={"/data": MemoryFileSystem(), ".": tmp_path, "ünï": MemoryFileSystem()})
    found = [prestat(guest, fd) for fd in range(3, 7)]
    assert found == [b"/data", b".", "ünï".encode(), Errno.EBADF]
    assert [prestat(guest, fd) for fd in range(3)] == [Errno.EBADF] * 3
    guest.wasi.close()


def test_the_buffer_for_a_name_may_be_larger_and_not_smaller() -> None:
    guest = guest_with({})
    guest.put(0x300, b"....")
    assert guest.call("fd_prestat_dir_name", 3, 0x300, 4) == OK
    assert guest.get(0x300, 4) == b"/..."
    assert guest.call("fd_prestat_dir_name", 3, 0x300, 0) == Errno.ENAMETOOLONG
    assert guest.call("fd_prestat_dir_name", 3, END - 1, 2) == Errno.EFAULT
    assert guest.call("fd_prestat_get", 3, END - 7) == Errno.EFAULT


def test_a_preopen_has_the_rights_of_a_directory_and_hands_on_all() -> None:
    guest = guest_with({})
    filetype, flags, base, inheriting = guest.fdstat(3)
    assert (filetype, flags) == (Filetype.DIRECTORY, 0)
    assert not base & abi.rights("fd_read", "fd_write", "fd_seek", "fd_filestat_set_size")
    assert base & abi.rights("path_open", "fd_readdir") == abi.rights("path_open", "fd_readdir")
    assert inheriting & base == base
    assert inheriting & abi.rights("fd_read", "fd_write") == abi.rights("fd_read", "fd_write")
    again = guest.opened(".", 2, rights=base, inheriting=inheriting)
    assert guest.fdstat(again)[2:] == (base, inheriting)
    assert prestat(guest, again) == Errno.EBADF


def test_a_directory_that_is_not_there_is_an_error_of_the_hosts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        WasiConfig().preopen_dir(tmp_path / "none", "/")
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        WasiConfig().preopen_dir(tmp_path / "f", "/")
    with pytest.raises(FileNotFoundError):
        Wasi(WasiConfig(preopens={"/": tmp_path / "none"}))


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_names_that_no_directory_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="NUL|empty"):
        Guest(preopens={name: MemoryFileSystem()})


# Numbers --------------------------------------------------------------------------


def test_the_lowest_free_number_is_next() -> None:
    guest = guest_with({"f": b""})
    assert [guest.opened("f") for _ in range(4)] == [4, 5, 6, 7]
    for fd in (6, 4):
        assert guest.call("fd_close", fd) == OK
    assert [guest.opened("f") for _ in range(3)] == [4, 6, 8]
    assert guest.call("fd_close", 3) == OK
    assert guest.open("f")[0] == Errno.EBADF


def test_closing_twice_is_ebadf() -> None:
    guest = guest_with({"f": b""})
    fd = guest.opened("f")
    assert guest.call("fd_close", fd) == OK
    assert guest.call("fd_close", fd) == Errno.EBADF
    assert guest.read(fd, 1)[0] == Errno.EBADF


def test_no_more_than_the_limit_can_be_open() -> None:
    guest = guest_with({"f": b""}, max_open=6)
    fds = [guest.opened("f"), guest.opened("f")]
    assert guest.open("new", CREAT)[0] == Errno.EMFILE
    assert guest.stat("new")[0] == Errno.ENOENT
    assert guest.call("fd_close", fds[0]) == OK
    assert guest.opened("f") == fds[0]


def test_renumbering_moves_and_closes() -> None:
    guest = guest_with({"a": b"aaa", "b": b"bbb"})
    a, b = guest.opened("a"), guest.opened("b")
    guest.read(a, 1)
    assert guest.call("fd_renumber", a, b) == OK
    assert guest.read(b, 9) == (OK, [b"aa"])
    assert guest.call("fd_fdstat_get", a, 0x200) == Errno.EBADF
    assert guest.call("fd_renumber", b, b) == OK
    assert guest.read(b, 9) == (OK, [b""])
    assert guest.call("fd_renumber", b, a) == Errno.EBADF
    assert guest.call("fd_renumber", a, b) == Errno.EBADF
    assert guest.call("fd_renumber", 77, b) == Errno.EBADF
    assert guest.opened("b") == a


def test_renumbering_over_a_preopen_and_a_stream() -> None:
    out: List[bytes] = []
    guest = guest_with({"d/f": b"deep"}, stdout=out.append)
    d = guest.opened("d", rights=ALL & ~abi.rights("fd_write"))
    assert guest.call("fd_renumber", d, 3) == OK
    assert prestat(guest, 3) == Errno.EBADF
    assert guest.content("f") == b"deep"
    assert guest.open("..", rights=0)[0] == Errno.ENOTCAPABLE
    f = guest.opened("log", CREAT)
    assert guest.call("fd_renumber", f, 1) == OK
    assert guest.write(1, b"kept") == (OK, 4)
    assert guest.content("log") == b"kept"
    assert out == []


def test_rights_only_shrink() -> None:
    guest = guest_with({"f": b"abc"})
    fd = guest.opened("f", rights=abi.rights("fd_read", "fd_write", "fd_seek"))
    base = abi.rights("fd_read", "fd_seek")
    assert guest.call("fd_fdstat_set_rights", fd, base, 0) == OK
    assert guest.fdstat(fd)[2:] == (base, 0)
    assert guest.write(fd, b"x")[0] == Errno.ENOTCAPABLE
    for more in ((base | abi.rights("fd_write"), 0), (base, 1)):
        assert guest.call("fd_fdstat_set_rights", fd, *more) == Errno.ENOTCAPABLE
    assert guest.fdstat(fd)[2:] == (base, 0)
    assert guest.call("fd_fdstat_set_rights", 3, 0, 0) == OK
    assert guest.open("f")[0] == Errno.ENOTCAPABLE
    assert guest.call("fd_fdstat_set_rights", 99, 0, 0) == Errno.EBADF


NO_DIRECTORY = {
    "fd_read": (0x1000, 0, 0x100), "fd_write": (0x1000, 0, 0x100), "fd_pread": (0x1000, 0, 0, 0x100),
    "fd_pwrite": (0x1000, 0, 0, 0x100), "fd_seek": (0, 1, 0x100), "fd_tell": (0x100,),
    "fd_allocate": (0, 1), "fd_advise": (0, 0, 0), "fd_filestat_set_size": (0,),
}  # fmt: skip
NO_STREAM = {
    "fd_pread": (Errno.ESPIPE, (0x1000, 0, 0, 0x100)), "fd_pwrite": (Errno.ESPIPE, (0x1000, 0, 0, 0x100)),
    "fd_seek": (Errno.ESPIPE, (0, 1, 0x100)), "fd_tell": (Errno.ESPIPE, (0x100,)),
    "fd_allocate": (Errno.ESPIPE, (0, 1)), "fd_advise": (Errno.ESPIPE, (0, 0, 0)),
    "fd_filestat_set_size": (Errno.EINVAL, (0,)), "fd_filestat_set_times": (Errno.EINVAL, (0, 0, 0)),
    "fd_sync": (Errno.EINVAL, ()), "fd_datasync": (Errno.EINVAL, ()),
    "fd_readdir": (Errno.ENOTDIR, (0x4000, 10, 0, 0x100)), "sock_accept": (Errno.ENOTSOCK, (0, 0x100)),
    "sock_recv": (Errno.ENOTSOCK, (0x1000, 0, 0, 0x100, 0x104)),
    "sock_send": (Errno.ENOTSOCK, (0x1000, 0, 0, 0x100)), "sock_shutdown": (Errno.ENOTSOCK, (1,)),
}  # fmt: skip


@pytest.mark.parametrize("function", sorted(NO_DIRECTORY))
def test_what_a_directory_cannot_do_is_eisdir(function: str) -> None:
    guest = guest_with({})
    assert guest.call(function, 3, *NO_DIRECTORY[function]) == Errno.EISDIR
    assert guest.call(function, 9, *NO_DIRECTORY[function]) == Errno.EBADF


@pytest.mark.parametrize("function", sorted(NO_STREAM))
def test_what_a_stream_cannot_do(function: str) -> None:
    errno, args = NO_STREAM[function]
    guest = guest_with({"f": b""})
    for fd in (0, 1, 2):
        assert guest.call(function, fd, *args) in (errno, Errno.ENOTCAPABLE)
    wanted = 1 if function == "fd_pwrite" else 0
    assert guest.call(function, wanted, *args) == errno
    if errno == Errno.ENOTSOCK:
        assert guest.call(function, 3, *args) == errno
        assert guest.call(function, guest.opened("f"), *args) == errno
    assert guest.call(function, 9, *args) == Errno.EBADF


# fd_readdir ------------------------------------------------------------------------


@pytest.fixture(params=["memory", "host"])
def listed(request: Any, tmp_path: Path) -> Any:
    if request.param == "memory":
        guest = guest_with({"b": b"", "a": b"", "c/d": b""})
    else:
        for name in "ba":
            (tmp_path / name).write_bytes(b"")
        (tmp_path / "c").mkdir()
        guest = Guest(preopens={"/": tmp_path})
    yield guest
    guest.wasi.close()


def test_a_listing_is_sorted_and_has_dot_and_dot_dot(listed: Guest) -> None:
    found, end = listed.readdir(3)
    assert end
    assert [name for *_, name in found] == [b".", b"..", b"a", b"b", b"c"]
    assert [entry[0] for entry in found] == [1, 2, 3, 4, 5]
    assert [entry[2] for entry in found] == [3, 3, 4, 4, 3]
    assert found[0][1] == listed.fstat(3).ino
    assert found[1][1] == 0
    assert found[2][1] == listed.stat("a")[1].ino


def test_every_cookie_goes_on_where_its_entry_ended(listed: Guest) -> None:
    whole, _ = listed.readdir(3)
    for i, entry in enumerate(whole):
        assert listed.readdir(3, cookie=entry[0])[0] == whole[i + 1 :]
    assert listed.readdir(3, cookie=99) == ([], True)
    assert listed.readdir(3, cookie=2**64 - 1) == ([], True)


@pytest.mark.parametrize("size", range(25, 80))
def test_a_buffer_is_filled_to_its_end(listed: Guest, size: int) -> None:
    names: List[bytes] = []
    cookie = 0
    while True:
        found, end = listed.readdir(3, size, cookie)
        names += [name for *_, name in found]
        if end:
            break
        assert listed.u32(0x100) == size
        if not found:
            assert size < 26
            return
        cookie = found[-1][0]
    assert names == [b".", b"..", b"a", b"b", b"c"]


def test_a_listing_does_not_change_while_it_is_read(listed: Guest) -> None:
    found, _ = listed.readdir(3, 26 * 3)
    first = found[-1]
    assert listed.on("path_unlink_file", "a") == OK
    listed.opened("aa", CREAT)
    rest, _ = listed.readdir(3, cookie=first[0])
    assert [name for *_, name in found + rest] == [b".", b"..", b"a", b"b", b"c"]
    assert [name for *_, name in listed.readdir(3)[0]] == [b".", b"..", b"aa", b"b", b"c"]


def test_removing_all_while_listing_leaves_nothing() -> None:
    guest = guest_with({f"file.{i}": b"" for i in range(100)})
    cookie, removed = 0, 0
    while True:
        found, end = guest.readdir(3, 200, cookie)
        for *_, name in found:
            if name not in (b".", b".."):
                assert guest.on("path_unlink_file", name) == OK
                removed += 1
        if end:
            break
        cookie = found[-1][0]
    assert removed == 100
    assert len(guest.readdir(3)[0]) == 2


def test_listing_with_bad_pointers_and_no_room(listed: Guest) -> None:
    assert listed.call("fd_readdir", 3, END - 10, 11, 0, 0x100) == Errno.EFAULT
    assert listed.call("fd_readdir", 3, 0x4000, 100, 0, END - 3) == Errno.EFAULT
    assert listed.readdir(3, 0) == ([], False)
    assert listed.u32(0x100) == 0


# Reset and close -------------------------------------------------------------------


def test_reset_closes_files_and_opens_the_preopens_again(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"host")
    guest = Guest(preopens={"/m": MemoryFileSystem({"f": b"first"}), "/h": tmp_path})
    fd = guest.opened("f")
    guest.write(fd, b"OTHER")
    guest.opened("new", CREAT)
    host = guest.opened("made", CREAT, dirfd=4)
    guest.write(host, b"stays")
    guest.call("fd_close", 4)
    guest.wasi.reset()
    assert len(guest.wasi.fds) == 5
    assert prestat(guest, 4) == b"/h"
    assert guest.content("f") == b"first"
    assert guest.stat("new")[0] == Errno.ENOENT
    assert guest.opened("made", dirfd=4) == 5
    guest.wasi.close()
    assert (tmp_path / "made").read_bytes() == b"stays"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the host's descriptors are counted")
def test_nothing_of_the_hosts_stays_open(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Wasi(WasiConfig(preopens={"/": tmp_path}, listeners=["127.0.0.1:0"])) as wasi:
            guest = Guest(wasi=wasi)
            for i in range(20):
                guest.opened(f"d/f{i}", CREAT)
            guest.open("d/e/../../none")
            guest.open("d/e/x/y")
            wasi.reset()
            guest.opened("d/f1")
    assert len(os.listdir("/proc/self/fd")) == before


# Configuration ----------------------------------------------------------------------


def test_streams_from_and_to_files(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"given")
    config = WasiConfig()
    config.stdin_file = tmp_path / "in"
    config.stdout_file = tmp_path / "out"
    config.stderr_file = str(tmp_path / "err")
    guest = Guest(config)
    assert guest.read(0, 10) == (OK, [b"given"])
    guest.write(1, b"one")
    guest.write(2, b"two")
    assert ((tmp_path / "out").read_bytes(), (tmp_path / "err").read_bytes()) == (b"one", b"two")
    for stream in (config.stdin, config.stdout, config.stderr):
        stream.close()
    with pytest.raises(FileNotFoundError):
        config.stdin_file = tmp_path / "none"


def test_streams_are_terminals_if_that_is_said() -> None:
    guest = Guest(stdin=b"", tty=[0, 1])
    assert [guest.fdstat(fd)[0] for fd in range(3)] == [2, 2, 0]


def test_a_single_function_can_be_overridden() -> None:
    calls: List[Any] = []

    def fd_write(caller: Any, fd: int, iovs: int, count: int, nwritten: int) -> Errno:
        calls.append((fd, count))
        return Errno.ENOSPC

    guest = Guest(overrides={"fd_write": fd_write, "sched_yield": lambda caller: None}, transcript=True)
    assert guest.write(1, b"x")[0] == Errno.ENOSPC
    assert guest.call("sched_yield") == OK
    assert calls == [(1, 1)]
    assert [(e.function, e.errno) for e in guest.wasi.transcript] == [
        ("fd_write", "ENOSPC"), ("sched_yield", "ESUCCESS"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="fd_wirte"):
        Guest(overrides={"fd_wirte": fd_write})


def test_listings_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "MAX_LISTED", 12)
    guest = Guest(preopens={"/": MemoryFileSystem({f"f{i}": b"" for i in range(5)})})
    fds = [guest.opened(".", 2, rights=abi.rights("fd_readdir")) for _ in range(2)]
    assert guest.call("fd_readdir", fds[0], 0x4000, 400, 0, 0x100) == Errno.ESUCCESS
    assert guest.call("fd_readdir", fds[1], 0x4000, 400, 0, 0x100) == Errno.ENOMEM
    # Again is instead of the old one; a closed one is given back.
    assert guest.call("fd_readdir", fds[0], 0x4000, 400, 0, 0x100) == Errno.ESUCCESS
    assert guest.call("fd_close", fds[0]) == Errno.ESUCCESS
    assert guest.call("fd_readdir", fds[1], 0x4000, 400, 0, 0x100) == Errno.ESUCCESS
    guest.wasi.reset()
    # One alone may be longer.
    monkeypatch.setattr(descriptors, "MAX_LISTED", 1)
    assert guest.call("fd_readdir", 3, 0x4000, 400, 0, 0x100) == Errno.ESUCCESS
