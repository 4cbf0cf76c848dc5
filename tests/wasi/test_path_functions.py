"""Functions that take a path: flags, rights, links, slashes; in memory and on the host's disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import pytest

from tests.wasi.guest import ALL, Guest
from wasi import Errno, abi
from wasi.fs import MemoryFileSystem
from wasi.fs.base import Filetype

CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
END = 65_536
READ = abi.rights("fd_read", "fd_seek", "fd_readdir", "fd_filestat_get")
OK = Errno.ESUCCESS


@pytest.fixture(params=["memory", "host"])
def guest(request: Any, tmp_path: Path) -> Any:
    """A guest with ``f``, ``d/g`` and ``e`` (empty), ``l`` to ``f``, ``ld`` to ``d``, ``x`` to nothing."""
    if request.param == "memory":
        made = Guest(preopens={"/": MemoryFileSystem({"f": b"file", "d/g": b"inner", "e": None})})
    else:
        (tmp_path / "f").write_bytes(b"file")
        (tmp_path / "d").mkdir()
        (tmp_path / "e").mkdir()
        (tmp_path / "d" / "g").write_bytes(b"inner")
        made = Guest(preopens={"/": tmp_path})
    for target, path in (("f", "l"), ("d", "ld"), ("nowhere", "x")):
        assert made.symlink(target, path) == OK
    yield made
    made.wasi.close()


# path_open ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "oflags", "follow", "errno"),
    [
        ("f", 0, False, OK), ("f", CREAT, False, OK), ("f", CREAT | EXCL, False, Errno.EEXIST),
        ("f", EXCL, False, OK), ("f", DIRECTORY, False, Errno.ENOTDIR), ("f/", 0, False, Errno.ENOTDIR),
        ("f//", 0, False, Errno.ENOTDIR), ("f/.", 0, False, Errno.ENOTDIR),
        ("f/x", 0, False, Errno.ENOTDIR), ("new", 0, False, Errno.ENOENT), ("new", CREAT, False, OK),
        ("new", CREAT | EXCL, False, OK), ("new/", CREAT, False, Errno.EISDIR),
        ("no/new", CREAT, False, Errno.ENOENT), ("", 0, False, Errno.ENOENT),
        ("d", 0, False, OK), ("d/", 0, False, OK), ("d///", DIRECTORY, False, OK), (".", 0, False, OK),
        ("d/..", 0, False, OK), ("d/../d/g", 0, False, OK), (".//d/./g", 0, False, OK),
        ("d", CREAT, False, Errno.EISDIR), ("d", CREAT | EXCL, False, Errno.EEXIST),
        ("d", TRUNC, False, Errno.EISDIR), ("e", CREAT | DIRECTORY, False, Errno.EINVAL),
        ("e", TRUNC | DIRECTORY, False, Errno.EINVAL), ("f", 16, False, Errno.EINVAL),
        ("f", 0x1_0000, False, Errno.EINVAL),
        ("l", 0, False, Errno.ELOOP), ("l", 0, True, OK), ("l", DIRECTORY, True, Errno.ENOTDIR),
        ("l", CREAT | EXCL, True, Errno.EEXIST), ("l", CREAT, True, OK),
        ("ld", 0, False, Errno.ELOOP), ("ld", DIRECTORY, True, OK), ("ld/", 0, False, OK),
        ("ld/g", 0, False, OK), ("x", 0, False, Errno.ELOOP), ("x", 0, True, Errno.ENOENT),
        ("..", 0, False, Errno.ENOTCAPABLE), ("d/../..", 0, False, Errno.ENOTCAPABLE),
        ("/f", 0, False, Errno.ENOTCAPABLE), ("/", 0, False, Errno.ENOTCAPABLE),
        (b"f\0", 0, False, Errno.EINVAL), (b"\xff", 0, False, Errno.EILSEQ),
        ("n" * 256, 0, False, Errno.ENAMETOOLONG), ("d/" * 2_500, 0, False, Errno.ENAMETOOLONG),
    ],
)  # fmt: skip
def test_opening(guest: Guest, path: Any, oflags: int, follow: bool, errno: Errno) -> None:
    assert guest.open(path, oflags, rights=READ, follow=follow)[0] == errno


def test_a_link_as_a_directory_that_is_not_followed(guest: Guest) -> None:
    for path in ("ld", "l", "x"):
        errno, _ = guest.open(path, DIRECTORY, rights=READ)
        assert errno in (Errno.ENOTDIR, Errno.ELOOP)


def test_a_dangling_link_is_filled_where_it_leads(guest: Guest) -> None:
    fd = guest.opened("x", CREAT, follow=True)
    guest.write(fd, b"made")
    assert guest.content("nowhere") == b"made"


def test_truncation_empties(guest: Guest) -> None:
    guest.opened("f", TRUNC, rights=0)
    assert guest.content("f") == b""


def test_a_directory_cannot_be_written(guest: Guest) -> None:
    for oflags in (0, DIRECTORY):
        rights = abi.rights("fd_read", "fd_write")
        assert guest.open("d", oflags, rights=rights)[0] == Errno.EISDIR
        assert guest.open("d", oflags, rights=READ)[0] == OK


def test_flags_that_do_not_exist(guest: Guest) -> None:
    name = guest.name("f")
    assert guest.call("path_open", 3, 2, *name, 0, READ, 0, 0, 0x100) == Errno.EINVAL
    assert guest.call("path_open", 3, 0, *name, 0, READ, 0, 32, 0x100) == Errno.EINVAL
    assert guest.call("path_filestat_get", 3, 2, *name, 0x100) == Errno.EINVAL
    assert guest.link("f", "new", 2) == Errno.EINVAL


def test_rights_are_those_asked_for_less_what_makes_no_sense(guest: Guest) -> None:
    fd = guest.opened("f", rights=READ | abi.rights("path_open"), inheriting=ALL)
    assert guest.fdstat(fd)[2:] == (READ & ~abi.rights("fd_readdir"), 0)
    fd = guest.opened("d", DIRECTORY, rights=abi.rights("fd_seek", "fd_readdir"), inheriting=READ)
    assert guest.fdstat(fd)[2:] == (abi.rights("fd_readdir"), READ)


def test_a_directory_hands_on_no_more_than_it_has(guest: Guest) -> None:
    opens = abi.rights("path_open", "path_create_file", "path_filestat_set_size")
    d = guest.opened("d", rights=opens, inheriting=abi.rights("fd_read"))
    assert guest.open("g", dirfd=d, rights=abi.rights("fd_read"))[0] == OK
    for rights, oflags in (("fd_write", 0), ("fd_write", TRUNC), ("fd_seek", CREAT)):
        assert guest.open("g", oflags, dirfd=d, rights=abi.rights(rights))[0] == Errno.ENOTCAPABLE
    assert guest.open("new", CREAT, dirfd=d, rights=abi.rights("fd_write"))[0] == Errno.ENOTCAPABLE
    assert guest.open("g", dirfd=d, rights=0, fdflags=2)[0] == Errno.ENOTCAPABLE
    assert guest.open("g", dirfd=d, rights=0, fdflags=16)[0] == Errno.ENOTCAPABLE
    assert guest.open(".", dirfd=d, rights=0, inheriting=abi.rights("fd_write"))[0] == (
        Errno.ENOTCAPABLE
    )
    assert guest.content("d/g") == b"inner"
    assert guest.stat("d/new")[0] == Errno.ENOENT


NEEDED = {
    "path_open": "path_open", "path_create_directory": "path_create_directory",
    "path_filestat_get": "path_filestat_get", "path_filestat_set_times": "path_filestat_set_times",
    "path_readlink": "path_readlink", "path_remove_directory": "path_remove_directory",
    "path_unlink_file": "path_unlink_file", "path_rename": "path_rename_source",
    "path_link": "path_link_source", "path_symlink": "path_symlink", "fd_readdir": "fd_readdir",
}  # fmt: skip


def arguments(guest: Guest, function: str, fd: int) -> Tuple[int, ...]:
    """Arguments with which ``function`` succeeds on the directory ``fd``, if that is ``d``."""
    g, new = guest.name("g"), guest.name("new", 0x3000)
    return {
        "path_open": (fd, 0, *g, 0, 0, 0, 0, 0x100),
        "path_create_directory": (fd, *new),
        "path_filestat_get": (fd, 0, *g, 0x100),
        "path_filestat_set_times": (fd, 0, *g, 0, 0, 0),
        "path_readlink": (fd, *guest.name("lg", 0x2100), 0x4000, 10, 0x100),
        "path_remove_directory": (fd, *guest.name("sub", 0x2200)),
        "path_unlink_file": (fd, *g),
        "path_rename": (fd, *g, fd, *new),
        "path_link": (fd, 0, *g, fd, *new),
        "path_symlink": (*g, fd, *new),
        "fd_readdir": (fd, 0x4000, 100, 0, 0x100),
    }[function]


def prepared(guest: Guest) -> None:
    assert guest.symlink("g", "d/lg") == OK
    assert guest.on("path_create_directory", "d/sub") == OK


@pytest.mark.parametrize("function", sorted(NEEDED))
def test_a_function_without_its_right_is_enotcapable(guest: Guest, function: str) -> None:
    prepared(guest)
    all_but = guest.opened("d", rights=ALL & ~abi.rights(NEEDED[function], "fd_write"))
    assert guest.call(function, *arguments(guest, function, all_but)) == Errno.ENOTCAPABLE
    whole = guest.opened("d", rights=ALL & ~abi.rights("fd_write"))
    args = arguments(guest, function, whole)
    assert guest.call(function, *args) == OK


@pytest.mark.parametrize("function", sorted(NEEDED))
def test_a_function_of_directories_on_something_else(guest: Guest, function: str) -> None:
    file = guest.opened("f")
    for fd, errno in ((file, Errno.ENOTDIR), (1, Errno.ENOTDIR), (99, Errno.EBADF)):
        assert guest.call(function, *arguments(guest, function, fd)) == errno


@pytest.mark.parametrize("function", sorted(NEEDED))
def test_a_bad_pointer_changes_nothing(guest: Guest, function: str) -> None:
    prepared(guest)
    fd = guest.opened("d", rights=ALL & ~abi.rights("fd_write"))
    args = list(arguments(guest, function, fd))
    kinds = [p.kind for p in abi.FUNCTIONS[function].params]
    before = guest.readdir(fd, 8_000)
    for i, kind in enumerate(kinds):
        if kind.startswith("*") or kind in ("path", "ptr"):
            for bad in (END - 1 if kind != "path" else END, 2**32 - 1):
                wrong = [*args[:i], bad, *args[i + 1 :]]
                assert guest.call(function, *wrong) == Errno.EFAULT, (kind, bad)
    assert guest.readdir(fd, 8_000) == before
    assert len(guest.wasi.fds) == 5


# The others ----------------------------------------------------------------------


def test_attributes(guest: Guest) -> None:
    errno, stat = guest.stat("f")
    assert (errno, stat.filetype, stat.size, stat.nlink) == (OK, Filetype.REGULAR_FILE, 4, 1)
    assert guest.stat("d")[1].filetype == Filetype.DIRECTORY
    assert guest.stat("l")[1].filetype == Filetype.SYMBOLIC_LINK
    assert guest.stat("l")[1].size == 1
    assert guest.stat("l", follow=True)[1] == stat
    assert guest.stat("ld/")[1].filetype == Filetype.DIRECTORY
    assert guest.stat("x", follow=True)[0] == Errno.ENOENT
    assert guest.stat("f/")[0] == Errno.ENOTDIR
    fd = guest.opened("f")
    assert guest.fstat(fd) == stat
    root, dot = guest.fstat(3), guest.stat(".")[1]
    assert (root.ino, root.dev) == (dot.ino, dot.dev)


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("new", OK), ("new/", OK), ("new//", OK), ("d/new", OK), ("d", Errno.EEXIST), ("f", Errno.EEXIST),
        ("l", Errno.EEXIST), ("x", Errno.EEXIST), (".", Errno.EEXIST), ("no/new", Errno.ENOENT),
        ("f/new", Errno.ENOTDIR), ("../new", Errno.ENOTCAPABLE), ("", Errno.ENOENT),
    ],
)  # fmt: skip
def test_making_directories(guest: Guest, path: str, errno: Errno) -> None:
    assert guest.on("path_create_directory", path) == errno


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("e", OK), ("e/", OK), ("d", Errno.ENOTEMPTY), ("f", Errno.ENOTDIR), ("f/", Errno.ENOTDIR),
        ("ld", Errno.ENOTDIR), ("no", Errno.ENOENT), (".", Errno.EINVAL), ("..", Errno.ENOTCAPABLE),
    ],
)  # fmt: skip
def test_removing_directories(guest: Guest, path: str, errno: Errno) -> None:
    assert guest.on("path_remove_directory", path) == errno


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        ("f", OK), ("l", OK), ("x", OK), ("d/g", OK), ("ld/g", OK), ("d", Errno.EISDIR),
        ("d/", Errno.EISDIR), ("f/", Errno.ENOTDIR), ("no", Errno.ENOENT), (".", Errno.EISDIR),
    ],
)  # fmt: skip
def test_removing_files(guest: Guest, path: str, errno: Errno) -> None:
    assert guest.on("path_unlink_file", path) == errno
    assert guest.stat("f")[0] == (Errno.ENOENT if (path, errno) == ("f", OK) else OK)


@pytest.mark.parametrize(
    ("old", "new", "errno"),
    [
        ("f", "new", OK), ("f", "d/g", OK), ("f", "f", OK), ("f", "d", Errno.EISDIR),
        ("f", "new/", Errno.ENOTDIR), ("f/", "new", Errno.ENOTDIR), ("d", "new", OK),
        ("d/", "new/", OK), ("d", "e", OK), ("e", "d", Errno.ENOTEMPTY), ("d", "f", Errno.ENOTDIR),
        ("d", "d/inside", Errno.EINVAL), ("l", "new", OK), ("no", "new", Errno.ENOENT),
        ("f", "no/new", Errno.ENOENT), (".", "new", Errno.EBUSY), ("f", "../new", Errno.ENOTCAPABLE),
    ],
)  # fmt: skip
def test_renaming(guest: Guest, old: str, new: str, errno: Errno) -> None:
    assert guest.two("path_rename", old, new) == errno


@pytest.mark.parametrize(
    ("old", "new", "flags", "errno"),
    [
        ("f", "new", 0, OK), ("f", "d/new", 0, OK), ("f", "f", 0, Errno.EEXIST),
        ("f", "d", 0, Errno.EEXIST), ("f", "x", 0, Errno.EEXIST), ("d", "new", 0, Errno.EPERM),
        ("f", "new/", 0, Errno.ENOENT), ("f/", "new", 0, Errno.ENOTDIR), ("no", "new", 0, Errno.ENOENT),
        ("x", "new", 0, OK), ("x", "new", 1, Errno.ENOENT), ("l", "new", 1, OK),
        ("ld/", "new", 0, Errno.EPERM), ("ld/", "new", 1, Errno.EPERM), ("d/", "new", 0, Errno.EPERM),
        ("l/", "new", 0, Errno.ENOTDIR), ("x/", "new", 0, Errno.ENOENT), ("ld", "new", 0, OK),
    ],
)  # fmt: skip
def test_linking(guest: Guest, old: str, new: str, flags: int, errno: Errno) -> None:
    assert guest.link(old, new, flags) == errno


def test_a_linked_file_is_one_file(guest: Guest) -> None:
    assert guest.link("f", "second") == OK
    assert guest.stat("f")[1] == guest.stat("second")[1]
    assert guest.stat("f")[1].nlink == 2
    assert guest.link("l", "kept") == OK
    assert guest.stat("kept")[1].filetype == Filetype.SYMBOLIC_LINK
    assert guest.link("l", "followed", 1) == OK
    assert guest.stat("followed")[1].ino == guest.stat("f")[1].ino


@pytest.mark.parametrize(
    ("target", "path", "errno"),
    [
        ("f", "new", OK), ("anything/at/all", "new", OK), ("../../etc", "new", OK),
        ("/etc", "new", Errno.ENOTCAPABLE), ("f", "new/", Errno.ENOENT), ("f", "d", Errno.EEXIST),
        ("f", "d/", Errno.EEXIST), ("f", "f", Errno.EEXIST), ("f", "x", Errno.EEXIST),
        ("", "new", Errno.ENOENT), (b"\xff", "new", Errno.EILSEQ),
    ],
)  # fmt: skip
def test_making_links(guest: Guest, target: Any, path: str, errno: Errno) -> None:
    assert guest.symlink(target, path) == errno


def test_reading_links(guest: Guest) -> None:
    guest.symlink("a/long/target", "m")
    guest.put(0x4000, b"." * 20)
    assert guest.on("path_readlink", "m", 0x4000, 20, 0x100) == OK
    assert (guest.u32(0x100), guest.get(0x4000, 20)) == (13, b"a/long/target.......")
    assert guest.on("path_readlink", "m", 0x4000, 4, 0x100) == OK
    assert (guest.u32(0x100), guest.get(0x4000, 4)) == (4, b"a/lo")
    assert guest.on("path_readlink", "m", 0x4000, 0, 0x100) == OK
    assert guest.u32(0x100) == 0
    for path, errno in (("f", Errno.EINVAL), ("d", Errno.EINVAL), ("no", Errno.ENOENT)):
        assert guest.on("path_readlink", path, 0x4000, 20, 0x100) == errno


def test_rename_and_link_across_directories_that_do_not_know_each_other(tmp_path: Path) -> None:
    guest = Guest(preopens={"/a": MemoryFileSystem({"f": b"x"}), "/b": MemoryFileSystem(),
                            "/c": tmp_path})  # fmt: skip
    for other in (4, 5):
        assert guest.two("path_rename", "f", "g", 3, other) == Errno.EXDEV
        name, new = guest.name("f"), guest.name("g", 0x3000)
        assert guest.call("path_link", 3, 0, *name, other, *new) == Errno.EXDEV
    assert guest.content("f") == b"x"
    assert len({guest.fstat(fd).dev for fd in (3, 4, 5)}) == 3
    guest.wasi.close()
