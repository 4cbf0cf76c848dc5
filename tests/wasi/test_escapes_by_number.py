"""Directories under the numbers of others: what was given to be read stays so, and nothing leads out.

What belongs here: what takes directories of different kinds.  What does not: paths through numbers of
one kind, which a program tries (``programs/c/escape_by_number.c``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import pytest

from tests.wasi.fs_kinds import needs_host
from tests.wasi.guest import ALL, Guest
from wasi import Errno, WasiConfig, abi
from wasi.config import HostDirectory
from wasi.fs import MemoryFileSystem

pytestmark = needs_host

OK = Errno.ESUCCESS
CREAT, DIRECTORY, TRUNC = 1, 2, 8
OPEN, LOCKED, MEMORY = 3, 4, 5
OUTWARD = ["..", "../outside", "../locked/f", "../open/f", "/", "/etc/passwd", "/open", "sub/../..", "sub/../../outside", "out", "out/x", "up/outside"]


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


class Place(NamedTuple):
    """The guest, and what it may and may not change."""

    guest: Guest
    base: Path

    def seen(self, name: str) -> Dict[str, Any]:
        """What is below a directory of the host's: names, times, content."""
        found = {}
        for path in sorted((self.base / name).rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
            found[str(path)] = (status.st_mode, status.st_nlink, status.st_mtime_ns, content)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """``/`` to be changed, ``/locked`` to be read, ``/memory``; and a file outside."""
    for name in ("open", "locked"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "f").write_bytes(name.encode())
        (tmp_path / name / "sub" / "deep").write_bytes(name.encode())
        (tmp_path / name / "out").symlink_to("../outside")
        (tmp_path / name / "up").symlink_to("..")
    (tmp_path / "outside").write_bytes(b"secret")
    preopens = {
        "/": str(tmp_path / "open"), "/locked": HostDirectory(str(tmp_path / "locked"), read_only=True),
        "/memory": MemoryFileSystem({"f": b"memory", "sub/deep": b"memory"}),
    }  # fmt: skip
    made = Place(Guest(WasiConfig(preopens=preopens)), tmp_path)
    before = made.seen("locked")
    yield made
    made.guest.wasi.close()
    assert made.seen("locked") == before
    assert (tmp_path / "outside").read_bytes() == b"secret"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["locked", "open", "outside"]


def directory(guest: Guest, path: str, dirfd: int = OPEN) -> int:
    """A directory, opened with all rights that there are for one."""
    return guest.opened(path, DIRECTORY, dirfd=dirfd, rights=ALL & ~abi.rights("fd_write"))


def changes(guest: Guest, fd: int) -> Dict[str, Errno]:
    """What comes of each way to change something in the directory ``fd``."""
    found = {
        "open to write": guest.open("f", dirfd=fd, rights=abi.rights("fd_write"), inheriting=0)[0],
        "truncate": guest.open("f", TRUNC, dirfd=fd, rights=0, inheriting=0)[0],
        "create": guest.open("new", CREAT, dirfd=fd, rights=0, inheriting=0)[0],
        "set times": guest.call("path_filestat_set_times", fd, 0, *guest.name("f"), 1, 1, 4),
        "make a directory": guest.on("path_create_directory", "made", dirfd=fd),
        "make a link": guest.call("path_symlink", *guest.name("x"), fd, *guest.name("link", 0x3000)),
        "link": guest.call("path_link", fd, 0, *guest.name("f"), fd, *guest.name("hard", 0x3000)),
        "rename": guest.two("path_rename", "f", "moved", fd, fd),
    }
    name = "f" if found["rename"] != OK else "moved"
    found["remove"] = guest.on("path_unlink_file", name, dirfd=fd)
    deep = directory(guest, "sub", fd)
    found["create below"] = guest.open("new", CREAT, dirfd=deep, rights=0, inheriting=0)[0]
    found["remove below"] = guest.on("path_unlink_file", "deep", dirfd=deep)
    assert guest.call("fd_close", deep) == OK
    return found


def contained(guest: Guest, fd: int) -> None:
    """Nothing leads out of the directory ``fd``; in memory there are no links that would."""
    links = guest.stat("out", dirfd=fd)[0] == OK
    for path in OUTWARD:
        found = {
            guest.open(path, dirfd=fd, rights=abi.rights("fd_read"), inheriting=0, follow=True)[0],
            guest.open(path, DIRECTORY, dirfd=fd, rights=0, inheriting=0, follow=True)[0],
            guest.stat(path, follow=True, dirfd=fd)[0],
        }
        absent = not links and path in ("out", "out/x", "up/outside")
        assert found == {Errno.ENOENT if absent else Errno.ENOTCAPABLE}, path


def content(guest: Guest, fd: int, path: str = "f") -> bytes:
    file = guest.opened(path, dirfd=fd, rights=abi.rights("fd_read"), inheriting=0)
    errno, (data,) = guest.read(file, 100)
    assert (errno, guest.call("fd_close", file)) == (OK, OK)
    return data


# What a guest does to have the directory that it was given to be read under another number; the number.


def over_a_preopen(guest: Guest) -> int:
    assert guest.call("fd_renumber", LOCKED, OPEN) == OK
    return OPEN


def over_what_it_opened(guest: Guest) -> int:
    number = directory(guest, "sub")
    assert guest.call("fd_renumber", LOCKED, number) == OK
    return number


def over_a_stream(guest: Guest) -> int:
    assert guest.call("fd_renumber", LOCKED, 1) == OK
    return 1


def opened_and_over_a_preopen(guest: Guest) -> int:
    number = directory(guest, ".", LOCKED)
    assert guest.call("fd_renumber", number, OPEN) == OK
    return OPEN


def closed_and_opened_again(guest: Guest) -> int:
    assert guest.call("fd_close", OPEN) == OK
    # The lowest number that is free is that of the preopen.
    assert directory(guest, ".", LOCKED) == OPEN
    return OPEN


def there_and_back(guest: Guest) -> int:
    spare = directory(guest, "sub")
    for fd, to in ((LOCKED, spare), (OPEN, MEMORY), (spare, MEMORY)):
        assert guest.call("fd_renumber", fd, to) == OK
    return MEMORY


WAYS: List[Callable[[Guest], int]] = [
    over_a_preopen, over_what_it_opened, over_a_stream, opened_and_over_a_preopen,
    closed_and_opened_again, there_and_back,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_was_given_to_be_read_is_only_read_under_any_number(place: Place, way: Callable[[Guest], int]) -> None:
    guest = place.guest
    fd = way(guest)
    before = place.seen("open")
    assert set(changes(guest, fd).values()) == {Errno.EROFS}
    contained(guest, fd)
    assert (content(guest, fd), content(guest, fd, "sub/deep")) == (b"locked", b"locked")
    assert place.seen("open") == before
    # And is a preopen still where it was one.
    listed = guest.call("fd_prestat_get", fd, 0x100) == OK
    assert listed == (way not in (opened_and_over_a_preopen, closed_and_opened_again))


@pytest.mark.parametrize("source", [OPEN, MEMORY])
def test_what_takes_the_number_of_what_is_only_read_is_changed_itself(place: Place, source: int) -> None:
    guest = place.guest
    assert guest.call("fd_renumber", source, LOCKED) == OK
    contained(guest, LOCKED)
    assert content(guest, LOCKED) == (b"open" if source == OPEN else b"memory")
    assert set(changes(guest, LOCKED).values()) == {OK}
    # That ``locked`` on the disk has not changed is looked at in the end.
    assert guest.stat("made", dirfd=LOCKED)[0] == OK


def test_rights_that_were_given_up_do_not_come_with_the_number(place: Place) -> None:
    guest = place.guest
    strong = directory(guest, "sub")
    base, inheriting = abi.rights("path_open", "fd_readdir"), abi.rights("fd_read")
    assert guest.call("fd_fdstat_set_rights", OPEN, base, inheriting) == OK
    assert guest.call("fd_renumber", OPEN, strong) == OK
    assert guest.fdstat(strong)[2:] == (base, inheriting)
    assert guest.on("path_create_directory", "made", dirfd=strong) == Errno.ENOTCAPABLE
    assert guest.open("f", dirfd=strong, rights=abi.rights("fd_write"), inheriting=0)[0] == Errno.ENOTCAPABLE
    assert content(guest, strong) == b"open"
    # Nor are they taken from what had the number.
    other = directory(guest, "sub", MEMORY)
    assert guest.call("fd_renumber", other, strong) == OK
    assert guest.on("path_create_directory", "made", dirfd=strong) == OK


def test_a_file_in_the_place_of_a_preopen_is_a_file(place: Place) -> None:
    guest = place.guest
    file = guest.opened("f", dirfd=LOCKED, rights=abi.rights("fd_read"))
    assert guest.call("fd_renumber", file, OPEN) == OK
    for path in ("f", "..", "../outside", "out", "."):
        assert guest.open(path)[0] == Errno.ENOTDIR
        assert guest.on("path_create_directory", path) == Errno.ENOTDIR
    assert guest.read(OPEN, 9) == (OK, [b"locked"])
    assert guest.write(OPEN, b"x")[0] in (Errno.EBADF, Errno.ENOTCAPABLE)


def test_nothing_is_moved_between_two_whatever_their_numbers(place: Place) -> None:
    guest = place.guest
    spare = directory(guest, "sub", MEMORY)
    for fd, to in ((OPEN, spare), (LOCKED, MEMORY)):
        assert guest.call("fd_renumber", fd, to) == OK
    assert guest.two("path_rename", "f", "taken", MEMORY, spare) in (Errno.EXDEV, Errno.EROFS)
    assert guest.two("path_rename", "f", "sub/f", spare, MEMORY) in (Errno.EXDEV, Errno.EROFS)
    for one, other in ((MEMORY, spare), (spare, MEMORY)):
        found = guest.call("path_link", one, 0, *guest.name("f"), other, *guest.name("taken", 0x3000))
        assert found in (Errno.EXDEV, Errno.EROFS)
    assert content(guest, spare) == b"open"


def test_a_reset_gives_every_number_back(place: Place) -> None:
    guest = place.guest
    over_a_preopen(guest)
    guest.wasi.reset()
    assert [content(guest, fd) for fd in (OPEN, LOCKED, MEMORY)] == [b"open", b"locked", b"memory"]
    for fd in (OPEN, LOCKED, MEMORY):
        contained(guest, fd)
