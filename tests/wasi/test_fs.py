"""What every kind of file system does: one set of tests, run against each."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from typing import Callable, List, Optional, Type

import pytest

from tests.wasi.fs_kinds import CONTENT, READ_ONLY, WRITABLE, make
from wasi import paths
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory, File, FileSystem, Filetype, Symlink
from wasi.fs.tree import TreeDirectory


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


@pytest.fixture(params=WRITABLE)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def root(kind: str, tmp_path: Path) -> Directory:
    return make(kind, tmp_path).root()


@pytest.fixture(params=READ_ONLY)
def fixed(request: pytest.FixtureRequest, tmp_path: Path) -> Directory:
    return make(request.param, tmp_path).root()


@pytest.fixture(params=WRITABLE + READ_ONLY)
def any_root(request: pytest.FixtureRequest, tmp_path: Path) -> Directory:
    return make(request.param, tmp_path).root()


class raises:
    """An error with this code, and no other exception."""

    def __init__(self, *codes: Errno) -> None:
        self.codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: object) -> bool:
        assert isinstance(error, ErrnoError), f"no error, or another: {error!r}"
        assert error.errno in self.codes, f"{error.errno.name}, not {[code.name for code in self.codes]}"
        return True


def opened(root: Directory, path: bytes, **flags: bool) -> File:
    flags.setdefault("follow", True)
    file = paths.open_at(root, path, **flags)
    assert isinstance(file, File)
    return file


def read(root: Directory, path: bytes) -> bytes:
    with opened(root, path, read=True) as file:
        assert isinstance(file, File)
        return file.pread(10**6, 0)


def write(root: Directory, path: bytes, data: bytes) -> None:
    with opened(root, path, write=True, create=True, truncate=True) as file:
        assert isinstance(file, File)
        assert file.pwrite(data, 0) == len(data)


def names(root: Directory, path: bytes = b".") -> List[bytes]:
    with paths.look_up(root, path, follow=True) as node:
        assert isinstance(node, Directory)
        return [entry.name for entry in node.entries()]


# Reading, everywhere.


def test_content_is_there(any_root: Directory) -> None:
    for path, content in CONTENT.items():
        with paths.look_up(any_root, path.encode(), follow=True) as node:
            assert node.filetype == (Filetype.DIRECTORY if content is None else Filetype.REGULAR_FILE)
            assert node.stat().filetype == node.filetype
        if content is not None:
            assert read(any_root, path.encode()) == content


def test_names_are_sorted_and_say_what_lookup_says(any_root: Directory) -> None:
    found = any_root.entries()
    assert [entry.name for entry in found] == [b"dir", b"empty", b"hello"]
    for entry in found:
        with any_root.lookup(entry.name) as node:
            assert (node.stat().ino, node.filetype) == (entry.ino, entry.filetype)


def test_reading_at_the_end_and_beyond(any_root: Directory) -> None:
    with opened(any_root, b"hello", read=True) as file:
        assert isinstance(file, File)
        assert [file.pread(n, at) for n, at in [(5, 0), (0, 0), (5, 10), (5, 12), (5, 2**40)]] == [
            b"hello", b"", b"ld", b"", b""]  # fmt: skip
        with raises(Errno.EINVAL):
            file.pread(1, -1)
        with raises(Errno.EINVAL):
            file.pread(1, 2**63)
        with raises(Errno.EBADF):
            file.pwrite(b"x", 0)
        with raises(Errno.EBADF):
            file.append(b"x")
        with raises(Errno.EBADF):
            file.truncate(0)
        with raises(Errno.EBADF):
            file.allocate(0, 100)
        file.sync(data_only=False)
        file.sync(data_only=True)
        assert file.stat().size == 12
    assert read(any_root, b"hello") == CONTENT["hello"]


def test_a_huge_read_reserves_nothing(any_root: Directory) -> None:
    with opened(any_root, b"hello", read=True) as file:
        assert isinstance(file, File)
        assert file.pread(2**45, 0) == CONTENT["hello"]


def test_a_closed_file_is_closed(any_root: Directory) -> None:
    file = opened(any_root, b"hello", read=True)
    file.close()
    file.close()
    with raises(Errno.EBADF):
        file.pread(1, 0)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"/etc", b"../x", b"a\0b", b"x/"])
def test_what_is_no_name_is_refused_by_every_operation(root: Directory, name: bytes) -> None:
    calls: List[Callable[[], object]] = [
        lambda: root.lookup(name),
        lambda: root.open(name, read=True, write=False),
        lambda: root.open(name, read=True, write=True, create=True),
        lambda: root.make_directory(name),
        lambda: root.make_symlink(name, b"t"),
        lambda: root.make_link(name, root, b"hello"),
        lambda: root.make_link(b"new", root, name),
        lambda: root.remove_file(name),
        lambda: root.remove_directory(name),
        lambda: root.rename(name, root, b"new"),
        lambda: root.rename(b"hello", root, name),
    ]
    for call in calls:
        with raises(Errno.EINVAL):
            call()
    assert names(root) == [b"dir", b"empty", b"hello"]


def test_names_have_at_most_255_bytes(root: Directory) -> None:
    write(root, b"n" * 255, b"x")
    with raises(Errno.ENAMETOOLONG):
        write(root, b"n" * 256, b"x")
    with raises(Errno.ENAMETOOLONG):
        root.make_directory(b"n" * 256)


# Writing.


def test_a_gap_reads_as_zeros(root: Directory) -> None:
    with opened(root, b"new", read=True, write=True, create=True) as file:
        assert isinstance(file, File)
        assert file.pwrite(b"end", 5) == 3
        assert file.pread(100, 0) == b"\0\0\0\0\0end"
        assert file.pwrite(b"", 100) == 0
        assert file.stat().size == 8


def test_pwrite_after_append_writes_where_it_is_told(root: Directory) -> None:
    with opened(root, b"hello", read=True, write=True) as file:
        assert isinstance(file, File)
        assert file.append(b"!!") == (2, 14)
        assert file.pwrite(b"J", 0) == 1
        assert file.append(b"") == (0, 14)
        assert file.pread(100, 0) == b"Jello, world!!"


def test_append_is_at_the_end_that_others_made(root: Directory) -> None:
    with opened(root, b"hello", write=True) as one, opened(root, b"hello", write=True) as other:
        assert isinstance(one, File)
        assert isinstance(other, File)
        one.append(b"1")
        other.append(b"2")
        assert one.append(b"3") == (1, 15)
    assert read(root, b"hello") == b"hello, world123"


def test_truncate_and_allocate(root: Directory) -> None:
    with opened(root, b"hello", read=True, write=True) as file:
        assert isinstance(file, File)
        file.truncate(4)
        file.truncate(6)
        assert file.pread(100, 0) == b"hell\0\0"
        file.allocate(0, 3)
        assert file.stat().size == 6
        file.allocate(4, 4)
        assert file.pread(100, 0) == b"hell\0\0\0\0"
        with raises(Errno.EINVAL):
            file.allocate(0, 0)
        with raises(Errno.EINVAL):
            file.truncate(-1)
        with raises(Errno.EFBIG):
            file.allocate(2**62, 2**62)


def test_what_was_not_opened_for_writing_is_not_written(root: Directory) -> None:
    with opened(root, b"hello", write=True) as file:
        assert isinstance(file, File)
        with raises(Errno.EBADF):
            file.pread(1, 0)
    with opened(root, b"hello") as file:
        assert isinstance(file, File)
        with raises(Errno.EBADF):
            file.pread(1, 0)
        with raises(Errno.EBADF):
            file.pwrite(b"x", 0)
    # Emptied without being written.
    with opened(root, b"hello", read=True, truncate=True) as file:
        assert isinstance(file, File)
        assert file.pread(9, 0) == b""
        with raises(Errno.EBADF):
            file.pwrite(b"x", 0)


def test_a_file_without_a_name_stays_until_it_is_closed(root: Directory) -> None:
    with opened(root, b"hello", read=True, write=True) as file:
        assert isinstance(file, File)
        root.remove_file(b"hello")
        assert names(root) == [b"dir", b"empty"]
        assert file.pread(5, 0) == b"hello"
        assert file.append(b"?") == (1, 13)
        assert file.stat().nlink == 0
        write(root, b"hello", b"another")
        assert file.pread(100, 0) == b"hello, world?"
    assert read(root, b"hello") == b"another"


def test_hard_links_are_one_file(root: Directory) -> None:
    paths.make_link(root, b"hello", root, b"dir/again")
    with root.lookup(b"hello") as one, paths.look_up(root, b"dir/again", follow=False) as other:
        assert one.stat() == other.stat()
        assert one.stat().nlink == 2
    write(root, b"dir/again", b"changed")
    assert read(root, b"hello") == b"changed"
    root.remove_file(b"hello")
    assert read(root, b"dir/again") == b"changed"
    with paths.look_up(root, b"dir/again", follow=False) as node:
        assert node.stat().nlink == 1


def test_a_link_is_linked_itself(root: Directory) -> None:
    root.make_symlink(b"l", b"nowhere")
    root.make_link(b"m", root, b"l")
    with root.lookup(b"m") as node:
        assert isinstance(node, Symlink)
        assert node.target() == b"nowhere"
        assert node.stat().nlink == 2


def test_times_are_set_and_kept(root: Directory) -> None:
    root.make_symlink(b"l", b"hello")
    for path in (b"hello", b"dir", b"l"):
        with paths.look_up(root, path, follow=False) as node:
            node.set_times(1_000_000_001, None)
            node.set_times(None, 2_000_000_002)
            assert node.stat()[5:7] == (1_000_000_001, 2_000_000_002)
        with paths.look_up(root, path, follow=False) as node:
            assert node.stat()[5:7] == (1_000_000_001, 2_000_000_002)
    with opened(root, b"hello", read=True) as file:
        file.set_times(7, 8)
        assert file.stat()[5:7] == (7, 8)
    with root.lookup(b"l") as link:
        assert link.stat().mtim == 2_000_000_002


def test_writing_and_new_names_move_times_forward(root: Directory) -> None:
    with opened(root, b"hello", write=True) as file, root.lookup(b"dir") as directory:
        assert isinstance(file, File)
        assert isinstance(directory, Directory)
        for node in (file, directory):
            node.set_times(1, 1)
        file.pwrite(b"x", 0)
        directory.make_directory(b"more")
        assert file.stat().mtim > 1
        assert file.stat().atim == 1
        assert directory.stat().mtim > 1


# What a slash, a dot and a link mean: official suite, and Linux.

TABLE = [
    # open
    ("open", b"hello/", Errno.ENOTDIR),
    ("open", b"hello///", Errno.ENOTDIR),
    ("open", b"hello/.", Errno.ENOTDIR),
    ("open", b"hello/..", Errno.ENOTDIR),
    ("open", b"none", Errno.ENOENT),
    ("open", b"none/", Errno.ENOENT),
    ("open", b"none/x", Errno.ENOENT),
    ("open", b"none/..", Errno.ENOENT),
    ("open", b"hello/x", Errno.ENOTDIR),
    ("open", b"dir/", None),
    ("open", b"dir/sub///", None),
    ("open", b"dir/.//sub/../../dir/sub/../sub///./deep", None),
    ("open", b".", None),
    ("open", b"./", None),
    ("open", b"dir/..", None),
    ("open", b"", Errno.ENOENT),
    ("open", b"link/", Errno.ENOTDIR),
    ("open", b"dlink/", None),
    ("open", b"dlink/sub/deep", None),
    ("open", b"dlink/../hello", None),
    ("open", b"slashed", Errno.ENOTDIR),
    ("open", b"loop", Errno.ELOOP),
    ("open", b"loop/x", Errno.ELOOP),
    ("open", b"dangling", Errno.ENOENT),
    ("open", b"dangling/x", Errno.ENOENT),
    ("write", b"dir", Errno.EISDIR),
    ("write", b".", Errno.EISDIR),
    ("write", b"new/", Errno.EISDIR),
    ("write", b"dir/sub/", Errno.EISDIR),
    ("write", b"dangling", None),
    ("nofollow", b"link", Errno.ELOOP),
    ("nofollow", b"dangling", Errno.ELOOP),
    ("nofollow", b"loop", Errno.ELOOP),
    ("nofollow directory", b"dlink", Errno.ENOTDIR),
    ("nofollow directory", b"dlink/", None),
    ("directory", b"dlink", None),
    ("directory", b"link", Errno.ENOTDIR),
    ("directory", b"hello", Errno.ENOTDIR),
    ("exclusive", b"hello", Errno.EEXIST),
    ("exclusive", b"link", Errno.EEXIST),
    ("exclusive", b"dangling", Errno.EEXIST),
    ("exclusive", b"dir", Errno.EEXIST),
    ("exclusive", b"new", None),
    ("create directory", b"new", Errno.EINVAL),
    # make
    ("mkdir", b"new", None),
    ("mkdir", b"new/", None),
    ("mkdir", b"new/.", Errno.ENOENT),
    ("mkdir", b"dir", Errno.EEXIST),
    ("mkdir", b"dir/", Errno.EEXIST),
    ("mkdir", b".", Errno.EEXIST),
    ("mkdir", b"dangling", Errno.EEXIST),
    ("mkdir", b"a/b", Errno.ENOENT),
    ("symlink", b"new", None),
    ("symlink", b"new/", Errno.ENOENT),
    ("symlink", b"empty/", Errno.EEXIST),
    ("symlink", b"hello", Errno.EEXIST),
    ("symlink", b"hello/", Errno.EEXIST),
    ("symlink", b"dangling", Errno.EEXIST),
    ("link", b"new", None),
    ("link", b"new/", Errno.ENOENT),
    ("link", b"hello", Errno.EEXIST),
    ("link", b"empty", Errno.EEXIST),
    ("link", b"dangling", Errno.EEXIST),
    ("link of", b"dir", Errno.EPERM),
    ("link of", b"dir/", Errno.EPERM),
    ("link of", b".", Errno.EPERM),
    ("link of", b"hello/", Errno.ENOTDIR),
    ("link of", b"none/", Errno.ENOENT),
    ("link of", b"dangling", None),
    ("link of", b"loop", None),
    # remove
    ("unlink", b"dir", Errno.EISDIR),
    ("unlink", b"dir/", Errno.EISDIR),
    ("unlink", b".", Errno.EISDIR),
    ("unlink", b"hello/", Errno.ENOTDIR),
    ("unlink", b"none/", Errno.ENOENT),
    ("unlink", b"none", Errno.ENOENT),
    ("unlink", b"dangling", None),
    ("unlink", b"dlink", None),
    ("unlink", b"dlink/", Errno.EISDIR, Errno.ENOTDIR),
    ("unlink", b"hello", None),
    ("rmdir", b"hello", Errno.ENOTDIR),
    ("rmdir", b"hello/", Errno.ENOTDIR),
    ("rmdir", b"dir", Errno.ENOTEMPTY),
    ("rmdir", b"empty/", None),
    ("rmdir", b"empty", None),
    ("rmdir", b".", Errno.EINVAL),
    ("rmdir", b"dir/..", Errno.EINVAL, Errno.ENOTEMPTY),
    ("rmdir", b"dlink", Errno.ENOTDIR),
    ("rmdir", b"dlink/", Errno.ENOTDIR),
    ("readlink", b"hello", Errno.EINVAL),
    ("readlink", b"dir/", Errno.EINVAL),
    ("readlink", b"link/", Errno.ENOTDIR),
    ("readlink", b"link", None),
    ("readlink", b"loop", None),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1].decode()!r}")
def test_a_path_means_what_it_says(root: Directory, row: tuple) -> None:
    what, path, *wanted = row
    for name, target in [(b"link", b"hello"), (b"dlink", b"dir"), (b"dangling", b"nothing"), (b"loop", b"loop"), (b"slashed", b"hello/")]:
        root.make_symlink(name, target)
    call = {
        "open": lambda: paths.open_at(root, path, follow=True, read=True).close(),
        "write": lambda: paths.open_at(root, path, follow=True, write=True, create=True).close(),
        "nofollow": lambda: paths.open_at(root, path, follow=False, read=True).close(),
        "nofollow directory": lambda: paths.open_at(root, path, follow=False, directory=True).close(),
        "directory": lambda: paths.open_at(root, path, follow=True, directory=True).close(),
        "exclusive": lambda: paths.open_at(root, path, follow=True, write=True, create=True, exclusive=True).close(),
        "create directory": lambda: paths.open_at(root, path, follow=True, create=True, directory=True).close(),
        "mkdir": lambda: paths.make_directory(root, path),
        "symlink": lambda: paths.make_symlink(root, path, b"hello"),
        "link": lambda: paths.make_link(root, b"hello", root, path),
        "link of": lambda: paths.make_link(root, path, root, b"brand-new"),
        "unlink": lambda: paths.remove_file(root, path),
        "rmdir": lambda: paths.remove_directory(root, path),
        "readlink": lambda: paths.read_link(root, path),
    }[what]
    if wanted == [None]:
        call()
    else:
        with raises(*wanted):
            call()


RENAMES = [
    (b"hello", b"new", None),
    (b"hello", b"dir/inner", None),
    (b"hello", b"hello", None),
    (b"hello", b"empty", Errno.EISDIR),
    (b"hello", b"new/", Errno.ENOTDIR),
    (b"hello/", b"new", Errno.ENOTDIR),
    (b"none", b"new", Errno.ENOENT),
    (b"none/", b"new", Errno.ENOENT),
    (b"dir", b"new", None),
    (b"dir/", b"new", None),
    (b"dir", b"new/", None),
    (b"dir/", b"new/", None),
    (b"dir", b"empty", None),
    (b"empty", b"dir", Errno.ENOTEMPTY),
    (b"dir", b"hello", Errno.ENOTDIR),
    (b"dir", b"hello/", Errno.ENOTDIR),
    (b"dir", b"dir", None),
    (b"dir", b"dir/sub", Errno.EINVAL),
    (b"dir", b"dir/sub/new", Errno.EINVAL),
    (b"dir", b"dir/new", Errno.EINVAL),
    (b"dir/sub", b"dir", Errno.ENOTEMPTY),
    (b"dir/inner", b"dir", Errno.ENOTEMPTY),
    (b"dir/sub", b"sub", None),
    (b".", b"new", Errno.EBUSY),
    (b"hello", b".", Errno.EBUSY),
    (b"dir/..", b"new", Errno.EBUSY),
    (b"hello", b"none/new", Errno.ENOENT),
    (b"hello", b"dir/inner/new", Errno.ENOTDIR),
]  # fmt: skip


@pytest.mark.parametrize(("path", "new", "wanted"), RENAMES)
def test_renaming(root: Directory, path: bytes, new: bytes, wanted: Optional[Errno]) -> None:
    if wanted is not None:
        with raises(wanted):
            paths.rename(root, path, root, new)
        assert names(root) == [b"dir", b"empty", b"hello"]
        return
    before = names(root, path) if path.startswith(b"dir") else read(root, path)
    paths.rename(root, path, root, new)
    assert (names(root, new) if path.startswith(b"dir") else read(root, new)) == before
    if path.strip(b"/") != new.strip(b"/"):
        with raises(Errno.ENOENT):
            paths.look_up(root, path, follow=False)


def test_renaming_onto_another_name_of_the_same_file_is_nothing(root: Directory) -> None:
    root.make_link(b"more", root, b"hello")
    root.rename(b"hello", root, b"more")
    assert names(root) == [b"dir", b"empty", b"hello", b"more"]


def test_a_replaced_file_stays_open(root: Directory) -> None:
    with opened(root, b"hello", read=True) as file:
        assert isinstance(file, File)
        paths.rename(root, b"dir/inner", root, b"hello")
        assert file.pread(100, 0) == b"hello, world"
        assert file.stat().nlink == 0
    assert read(root, b"hello") == b"inside"


def test_a_directory_that_was_removed_is_empty_and_takes_nothing(root: Directory) -> None:
    with root.lookup(b"empty") as gone:
        assert isinstance(gone, Directory)
        root.remove_directory(b"empty")
        assert gone.entries() == []
        with raises(Errno.ENOENT):
            gone.make_directory(b"x")
        with raises(Errno.ENOENT):
            gone.open(b"x", read=True, write=True, create=True)
        with raises(Errno.ENOENT):
            root.rename(b"hello", gone, b"x")
        with raises(Errno.ENOENT):
            gone.make_link(b"x", root, b"hello")
        with raises(Errno.ENOENT):
            gone.lookup(b"x")
    assert read(root, b"hello") == CONTENT["hello"]


def test_a_directory_that_was_removed_keeps_none_that_it_was_in(kind: str, tmp_path: Path) -> None:
    """Or a guest that has one open could keep any number of them, which no quota counts."""
    fs = make(kind, tmp_path)
    with fs.root() as root:
        for name in (b"inside", b"outside"):
            root.make_directory(name)
        inside, outside = root.lookup(b"inside"), root.lookup(b"outside")
        assert isinstance(inside, Directory)
        assert isinstance(outside, Directory)
        root.rename(b"inside", outside, b"inside")
        outside.remove_directory(b"inside")
        with raises(Errno.ENOENT):
            root.rename(b"outside", inside, b"x")
        if isinstance(outside, TreeDirectory):
            gone = weakref.ref(outside._inode)
            root.remove_directory(b"outside")
            outside.close()
            del outside
            gc.collect()
            assert gone() is None
        inside.close()


def test_a_handle_stays_with_its_directory_when_that_moves(root: Directory) -> None:
    with paths.look_up(root, b"dir/sub", follow=True) as sub:
        assert isinstance(sub, Directory)
        paths.rename(root, b"dir", root, b"empty/moved")
        assert read(sub, b"deep") == b"deep"
        write(sub, b"more", b"more")
        with raises(Errno.ENOTCAPABLE):
            paths.look_up(sub, b"../inner", follow=True)
        with sub.again() as again:
            assert isinstance(again, Directory)
            assert again.stat() == sub.stat()
    assert read(root, b"empty/moved/sub/more") == b"more"


def test_forty_links_are_followed_and_no_more(root: Directory) -> None:
    root.make_symlink(b"l0", b"hello")
    for number in range(1, 41):
        root.make_symlink(b"l%d" % number, b"l%d" % (number - 1))
    assert read(root, b"l39") == CONTENT["hello"]
    with raises(Errno.ELOOP):
        read(root, b"l40")


def test_paths_and_depth_are_bounded(root: Directory) -> None:
    with raises(Errno.ENAMETOOLONG):
        paths.look_up(root, b"./" * 2048, follow=True)
    assert read(root, b"./" * 2000 + b"hello") == CONTENT["hello"]
    assert read(root, b"dir/../" * 500 + b"hello") == CONTENT["hello"]
    here = root.again()
    for _ in range(300):
        here.make_directory(b"d")
        with here:
            found = here.lookup(b"d")
        assert isinstance(found, Directory)
        here = found
    here.close()
    paths.look_up(root, b"d/" * paths.MAX_DEPTH + b"d", follow=True).close()
    with raises(Errno.ENAMETOOLONG):
        paths.look_up(root, b"d/" * (paths.MAX_DEPTH + 1) + b"d", follow=True)
    # Links that make a way long are walked within the same bounds.
    root.make_symlink(b"long", b"d/../" * 800 + b"hello")
    assert read(root, b"long") == CONTENT["hello"]


@pytest.mark.parametrize(("path", "wanted"), [
    (b"a\0b", Errno.EINVAL), (b"hello\0", Errno.EINVAL), (b"\xff", Errno.EILSEQ), (b"\xed\xa0\x80", Errno.EILSEQ),
    (b"\xc0\xaf", Errno.EILSEQ), (b"hello/\xff/..", Errno.EILSEQ), (b"n" * 10_000, Errno.ENAMETOOLONG), (b"n" * 300, Errno.ENAMETOOLONG),
])  # fmt: skip
def test_what_is_no_path(root: Directory, path: bytes, wanted: Errno) -> None:
    for call in [
        lambda: paths.look_up(root, path, follow=True),
        lambda: paths.open_at(root, path, follow=True, read=True),
        lambda: paths.open_at(root, path, follow=True, write=True, create=True),
        lambda: paths.make_directory(root, path),
        lambda: paths.make_link(root, b"hello", root, path),
        lambda: paths.rename(root, b"hello", root, path),
    ]:
        with raises(wanted):
            call()
    if wanted != Errno.ENAMETOOLONG:
        with raises(wanted):
            paths.make_symlink(root, b"l", path)
    assert names(root) == [b"dir", b"empty", b"hello"]


def test_names_of_other_alphabets(root: Directory) -> None:
    for name in ["été".encode(), "日本".encode(), "🙂".encode(), b"a b\n\t", b"a\\b", b"-rf", b"...", b"~", b"CON", b"x:y"]:
        write(root, name, name)
        assert read(root, name) == name
        assert name in names(root)


# Read-only.


def test_nothing_read_only_changes(fixed: Directory) -> None:
    with fixed.lookup(b"dir") as directory, fixed.lookup(b"hello") as hello:
        assert isinstance(directory, Directory)
        for call in [
            lambda: fixed.make_directory(b"new"),
            lambda: fixed.make_symlink(b"new", b"t"),
            lambda: fixed.make_link(b"new", fixed, b"hello"),
            lambda: fixed.remove_file(b"hello"),
            lambda: fixed.remove_directory(b"empty"),
            lambda: fixed.rename(b"hello", fixed, b"new"),
            lambda: fixed.rename(b"hello", directory, b"new"),
            lambda: fixed.open(b"hello", read=True, write=True),
            lambda: fixed.open(b"hello", read=True, write=False, truncate=True),
            lambda: fixed.open(b"new", read=True, write=True, create=True),
            lambda: hello.set_times(1, 1),
            lambda: directory.set_times(1, 1),
            lambda: fixed.set_times(1, 1),
            lambda: directory.make_directory(b"new"),
        ]:
            with raises(Errno.EROFS):
                call()
    for call in [
        lambda: fixed.make_directory(b"dir"),
        lambda: fixed.make_symlink(b"hello", b"t"),
        lambda: fixed.make_link(b"dir", fixed, b"hello"),
        lambda: fixed.open(b"hello", read=True, write=True, create=True, exclusive=True),
    ]:
        with raises(Errno.EEXIST):
            call()
    with raises(Errno.EISDIR):
        fixed.open(b"dir", read=True, write=True)
    with raises(Errno.ENOENT):
        fixed.open(b"none", read=True, write=True)
    with fixed.open(b"hello", read=True, write=False, create=True) as file:
        assert isinstance(file, File)
        assert file.pread(5, 0) == b"hello"
        with raises(Errno.EROFS):
            file.set_times(1, 1)
    assert names(fixed) == [b"dir", b"empty", b"hello"]


# Quotas.


def full(kind: str) -> Errno:
    return Errno.ENOSPC if kind == "memory" else Errno.EDQUOT


def test_what_is_said_to_be_taken_is_there_when_the_disk_is_full(kind: str, tmp_path: Path) -> None:
    root = make(kind, tmp_path, max_bytes=10).root()
    with opened(root, b"new", read=True, write=True, create=True) as file:
        assert isinstance(file, File)
        assert file.pwrite(b"12345678", 0) == 8
        assert file.pwrite(b"abcdef", 6) == 4
        assert file.pread(100, 0) == b"123456abcd"
        with raises(full(kind)):
            file.pwrite(b"x", 10)
        with raises(full(kind)):
            file.append(b"x")
        with raises(full(kind)):
            file.pwrite(b"x", 100)
        with raises(full(kind)):
            file.truncate(11)
        with raises(full(kind)):
            file.allocate(0, 11)
        # What is there already can be written still.
        assert file.pwrite(b"XYZ", 7) == 3
        assert file.pread(100, 0) == b"123456aXYZ"
        file.truncate(5)
        assert file.append(b"123456789") == (5, 10)
        assert file.pread(100, 0) == b"1234512345"
    assert read(root, b"new") == b"1234512345"


def test_room_comes_back_with_the_last_name_and_the_last_handle(kind: str, tmp_path: Path) -> None:
    root = make(kind, tmp_path, max_bytes=10).root()
    write(root, b"one", b"1234567890")
    root.make_link(b"two", root, b"one")
    root.remove_file(b"one")
    with opened(root, b"new", write=True, create=True) as new:
        assert isinstance(new, File)
        with raises(full(kind)):
            new.pwrite(b"x", 0)
        with opened(root, b"two", read=True) as file:
            assert isinstance(file, File)
            root.remove_file(b"two")
            with raises(full(kind)):
                new.pwrite(b"x", 0)
            assert file.pread(100, 0) == b"1234567890"
        assert new.pwrite(b"0123456789", 0) == 10
    # One that is replaced is as good as one that is removed.
    write(root, b"none", b"")
    root.rename(b"none", root, b"new")
    write(root, b"last", b"9876543210")


def test_a_removed_file_of_which_nothing_is_open_gives_back_at_once(kind: str, tmp_path: Path) -> None:
    root = make(kind, tmp_path, max_bytes=10).root()
    for _ in range(5):
        write(root, b"one", b"1234567890")
        root.remove_file(b"one")
    for _ in range(5):
        write(root, b"one", b"1234567890")


def test_names_are_counted(kind: str, tmp_path: Path) -> None:
    root = make(kind, tmp_path, max_nodes=3).root()
    root.make_directory(b"d")
    root.make_symlink(b"l", b"t")
    root.make_link(b"h", root, b"l")
    for call in [
        lambda: root.make_directory(b"x"),
        lambda: root.make_symlink(b"x", b"t"),
        lambda: root.make_link(b"x", root, b"l"),
        lambda: root.open(b"x", read=True, write=True, create=True),
    ]:
        with raises(full(kind)):
            call()
    root.open(b"hello", read=True, write=False, create=True).close()
    root.rename(b"h", root, b"x")
    with raises(Errno.EEXIST):
        root.make_directory(b"d")
    root.remove_file(b"x")
    root.remove_directory(b"d")
    root.make_directory(b"e")
    root.make_directory(b"f")
    root.rename(b"e", root, b"f")
    root.make_directory(b"g")
    with raises(full(kind)):
        root.make_directory(b"more")
    assert names(root) == [b"dir", b"empty", b"f", b"g", b"hello", b"l"]


def test_a_read_only_opening_changes_no_quota(kind: str, tmp_path: Path) -> None:
    fs = make(kind, tmp_path, max_bytes=0, max_nodes=0)
    root = fs.root()
    assert read(root, b"dir/sub/deep") == b"deep"
    with raises(full(kind)):
        root.make_directory(b"x")
    root.remove_file(b"hello")
    if kind != "memory":
        assert fs.quota.used_nodes == 0


def test_numbers_tell_nodes_apart(root: Directory) -> None:
    write(root, b"new", b"")
    root.make_directory(b"newer")
    root.make_symlink(b"link", b"x")
    seen = set()
    for path in [b".", b"hello", b"dir", b"dir/inner", b"dir/sub", b"dir/sub/deep", b"empty", b"new", b"newer", b"link"]:
        with paths.look_up(root, path, follow=False) as node:
            seen.add(node.stat()[:2])
    assert len(seen) == 10


def test_nothing_stays_open(kind: str, tmp_path: Path) -> None:
    listing = "/proc/self/fd"
    if not os.path.isdir(listing):
        pytest.skip("no list of descriptors here")
    fs: FileSystem = make(kind, tmp_path)
    gc.collect()
    before = len(os.listdir(listing))
    with fs.root() as root:
        assert isinstance(root, Directory)
        root.make_symlink(b"l", b"dir/sub")
        write(root, b"dir/new", b"x")
        read(root, b"l/deep")
        names(root, b"l")
        paths.rename(root, b"dir", root, b"moved")
        for path in (b"moved/../hello/x", b"l/x/y", b"moved/sub/../../../x", b"\xff", b"hello/", b"l"):
            for follow in (False, True):
                with raises(Errno.ENOTDIR, Errno.ENOENT, Errno.ENOTCAPABLE, Errno.EILSEQ, Errno.ELOOP):
                    paths.open_at(root, path, follow=follow, write=True)
        with root.lookup(b"moved") as moved:
            with raises(Errno.ENOTCAPABLE):
                paths.rename(root, b"hello", moved, b"../x")
            with raises(Errno.EPERM):
                paths.make_link(root, b"moved", moved, b"x")
        paths.remove_file(root, b"l")
    assert len(os.listdir(listing)) <= before
