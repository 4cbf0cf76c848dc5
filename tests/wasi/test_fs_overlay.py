"""File systems in memory and overlays: determinism, going back, and what lies below."""

from __future__ import annotations

from typing import List

import pytest

from tests.wasi.fs_kinds import CONTENT
from tests.wasi.test_fs import names, opened, raises, read, write
from wasi import fs as kinds
from wasi import paths
from wasi.clocks import START_REALTIME, FakeClock
from wasi.errno import Errno
from wasi.fs import ArchiveFileSystem, MemoryFileSystem, OverlayFileSystem, ReadOnlyFileSystem
from wasi.fs.base import Directory, File, FileSystem, Stat


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


def busy(fs: FileSystem) -> List[Stat]:
    """A day in the life of a file system, and what can be seen of it then."""
    with fs.root() as root:
        assert isinstance(root, Directory)
        write(root, b"new", b"x" * 100)
        root.make_directory(b"d")
        paths.rename(root, b"dir/inner", root, b"d/inner")
        paths.make_symlink(root, b"l", b"d")
        paths.remove_file(root, b"hello")
        write(root, b"d/inner", b"changed")
        seen = [root.stat()]
        for path in (b"new", b"d", b"d/inner", b"l", b"dir", b"dir/sub/deep"):
            with paths.look_up(root, path, follow=False) as node:
                seen.append(node.stat())
        return seen


@pytest.mark.parametrize("make", [
    lambda: MemoryFileSystem(CONTENT),
    lambda: OverlayFileSystem(ArchiveFileSystem(CONTENT)),
    lambda: OverlayFileSystem(MemoryFileSystem(CONTENT)),
])  # fmt: skip
def test_the_same_operations_give_the_same_tree(make: object) -> None:
    one, other = make(), make()  # type: ignore[operator]
    first = busy(one)
    assert first == busy(other)
    one.reset()
    with one.root() as root:
        assert isinstance(root, Directory)
        assert names(root) == [b"dir", b"empty", b"hello"]
        assert read(root, b"hello") == CONTENT["hello"]
    assert busy(one) == first
    assert all(START_REALTIME <= stat.mtim < START_REALTIME + 10**11 for stat in first)


def test_times_come_from_the_clock_that_is_given() -> None:
    clock = FakeClock(realtime=10**18, step=5)
    fs = MemoryFileSystem(CONTENT, clock=clock)
    assert not fs.has_own_clock
    with fs.root() as root:
        assert isinstance(root, Directory)
        with root.lookup(b"hello") as node:
            # What is there at first does not move a clock that a guest reads.
            assert node.stat().mtim == START_REALTIME
        write(root, b"new", b"x")
        with root.lookup(b"new") as node:
            assert node.stat()[5:] == (10**18, 10**18 + 5, 10**18 + 5)
        read(root, b"new")
    assert clock.now() == 10**18 + 10
    fs.reset()
    assert clock.now() == 10**18 + 15


@pytest.mark.parametrize("fs", [MemoryFileSystem(CONTENT), OverlayFileSystem(MemoryFileSystem(CONTENT))])
def test_a_clock_can_be_set_later(fs: MemoryFileSystem) -> None:
    assert fs.has_own_clock
    fs.root().close()
    fs.clock = FakeClock(realtime=7, step=0)
    assert not fs.has_own_clock
    with fs.root() as root:
        assert isinstance(root, Directory)
        write(root, b"new", b"x")
        with root.lookup(b"new") as node:
            assert node.stat().mtim == 7


def test_numbers_of_devices_can_be_given() -> None:
    fs = MemoryFileSystem(CONTENT, dev=9)
    wrapped = ReadOnlyFileSystem(fs)
    assert wrapped.dev == 9
    with wrapped.root() as root:
        assert root.stat().dev == 9


def test_handles_from_before_going_back_do_not_reach_what_is_new() -> None:
    fs = MemoryFileSystem(CONTENT, max_bytes=1000)
    old = fs.root()
    file = opened(old, b"hello", write=True)
    used = fs.quota.used_bytes
    fs.reset()
    new = fs.root()
    file.append(b"!")
    file.close()
    old.remove_file(b"hello")
    old.make_directory(b"x")
    assert (names(new), read(new, b"hello")) == ([b"dir", b"empty", b"hello"], CONTENT["hello"])
    assert fs.quota.used_bytes == used
    with raises(Errno.EXDEV):
        old.rename(b"dir", new, b"y")


@pytest.mark.parametrize("files", [
    {"/etc/passwd": b""}, {"../x": b""}, {"a/../../x": b""}, {"a": b"", "a/b": b""}, {"": b""}, {"a/": b"x"}, {"n" * 300: b""},
    {"a": b"", "./a": b""}, {b"\xff": b""}, {"a\0": b""}, {"big": b"x" * 2000}, {f"f{n}": b"" for n in range(30)},
])  # fmt: skip
def test_first_content_that_cannot_be(files: object) -> None:
    with pytest.raises(ValueError):
        MemoryFileSystem(files, max_bytes=1000, max_nodes=20)  # type: ignore[arg-type]


def test_a_quota_is_not_negative() -> None:
    with pytest.raises(ValueError):
        MemoryFileSystem(max_bytes=-1)


def test_an_offset_in_the_far_distance_reserves_nothing() -> None:
    with MemoryFileSystem().root() as root:
        assert isinstance(root, Directory)
        with opened(root, b"x", read=True, write=True, create=True) as file:
            assert isinstance(file, File)
            for call in (lambda: file.pwrite(b"x", 2**60), lambda: file.truncate(2**60), lambda: file.allocate(2**60, 1)):
                with raises(Errno.ENOSPC):
                    call()
            with raises(Errno.EFBIG):
                file.pwrite(b"x", 2**63 - 1)
            with raises(Errno.EINVAL):
                file.pwrite(b"x", 2**63)
            assert file.stat().size == 0


def test_a_file_has_so_many_names_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasi.fs import tree

    monkeypatch.setattr(tree, "MAX_NLINK", 3)
    with MemoryFileSystem(CONTENT).root() as root:
        assert isinstance(root, Directory)
        root.make_link(b"2", root, b"hello")
        root.make_link(b"3", root, b"hello")
        with raises(Errno.EMLINK):
            root.make_link(b"4", root, b"hello")


# Overlays.


def lower_and_upper() -> tuple:
    lower = MemoryFileSystem(CONTENT)
    return lower.root(), OverlayFileSystem(ReadOnlyFileSystem(lower))


def same_as_first(root: Directory) -> bool:
    return names(root) == [b"dir", b"empty", b"hello"] and all(
        read(root, path.encode()) == content for path, content in CONTENT.items() if content is not None
    )


def test_what_lies_below_is_not_changed() -> None:
    below, fs = lower_and_upper()
    busy(fs)
    with fs.root() as root:
        for path in (b"dir/sub/deep", b"dir"):
            with paths.look_up(root, path, follow=True) as node:
                node.set_times(1, 1)
        paths.rename(root, b"dir", root, b"elsewhere")
        write(root, b"elsewhere/sub/deep", b"other")
        paths.remove_directory(root, b"empty")
        assert names(root) == [b"d", b"elsewhere", b"l", b"new"]
    assert same_as_first(below)


def test_a_renamed_directory_has_what_is_below_it() -> None:
    _, fs = lower_and_upper()
    root = fs.root()
    paths.rename(root, b"dir", root, b"one")
    paths.rename(root, b"one/sub", root, b"empty/two")
    paths.rename(root, b"one", root, b"empty/three")
    assert names(root) == [b"empty", b"hello"]
    assert read(root, b"empty/two/deep") == b"deep"
    assert read(root, b"empty/three/inner") == b"inside"
    assert names(root, b"empty/three") == [b"inner"]
    # Where it was, there can be another, and nothing of the old one shows through.
    paths.make_directory(root, b"dir")
    assert names(root, b"dir") == []
    write(root, b"dir/inner", b"new")
    paths.rename(root, b"empty/three/inner", root, b"dir/inner")
    assert read(root, b"dir/inner") == b"inside"
    assert fs.quota.used_bytes == 0


def test_what_was_removed_stays_so() -> None:
    _, fs = lower_and_upper()
    root = fs.root()
    for _ in range(3):
        paths.remove_file(root, b"hello")
        with raises(Errno.ENOENT):
            read(root, b"hello")
        write(root, b"hello", b"again")
        paths.remove_file(root, b"hello")
        paths.make_directory(root, b"hello")
        paths.remove_directory(root, b"hello")
        paths.make_symlink(root, b"hello", b"dir/inner")
        assert read(root, b"hello") == b"inside"
    # Names that were never below leave nothing behind.
    kept = len(fs._tree.top.entries)
    for number in range(50):
        write(root, b"tmp%d" % number, b"")
        paths.remove_file(root, b"tmp%d" % number)
    assert len(fs._tree.top.entries) == kept


def test_a_directory_is_empty_when_all_below_is_hidden() -> None:
    _, fs = lower_and_upper()
    root = fs.root()
    with raises(Errno.ENOTEMPTY):
        paths.remove_directory(root, b"dir/sub")
    paths.remove_file(root, b"dir/sub/deep")
    paths.remove_directory(root, b"dir/sub")
    paths.make_directory(root, b"dir/sub")
    assert names(root, b"dir/sub") == []


def test_hard_links_below_are_one_file() -> None:
    lower = MemoryFileSystem(CONTENT)
    with lower.root() as below:
        assert isinstance(below, Directory)
        paths.make_link(below, b"hello", below, b"dir/twin")
    root = OverlayFileSystem(lower).root()
    write(root, b"dir/twin", b"changed")
    assert read(root, b"hello") == b"changed"
    paths.remove_file(root, b"hello")
    with paths.look_up(root, b"dir/twin", follow=True) as node:
        assert node.stat().nlink == 1
    assert read(root, b"dir/twin") == b"changed"


def test_a_copy_that_does_not_fit_changes_nothing() -> None:
    fs = OverlayFileSystem(MemoryFileSystem({"big": b"x" * 1000}), max_bytes=100)
    root = fs.root()
    with opened(root, b"big", read=True, write=True) as file:
        assert isinstance(file, File)
        for call in (lambda: file.pwrite(b"y", 0), lambda: file.append(b"y"), lambda: file.truncate(500)):
            with raises(Errno.EDQUOT):
                call()
        assert file.pread(5, 0) == b"xxxxx"
        # Of what is cut off nothing is copied.
        file.truncate(50)
        assert file.pwrite(b"y" * 100, 0) == 100
    assert read(root, b"big") == b"y" * 100
    write(root, b"big", b"")
    assert fs.quota.used_bytes == 0


def test_a_change_is_seen_through_a_handle_that_was_open_before() -> None:
    _, fs = lower_and_upper()
    root = fs.root()
    with opened(root, b"hello", read=True) as reader, opened(root, b"hello", write=True) as writer:
        assert isinstance(reader, File)
        assert isinstance(writer, File)
        assert reader.pread(5, 0) == b"hello"
        writer.pwrite(b"HELLO", 0)
        assert reader.pread(100, 0) == b"HELLO, world"
        assert reader.stat().size == 12


def test_numbers_stay_when_a_file_is_copied() -> None:
    _, fs = lower_and_upper()
    root = fs.root()
    with root.lookup(b"hello") as node:
        before = node.stat()[:2]
    write(root, b"hello", b"x")
    with root.lookup(b"hello") as node:
        assert node.stat()[:2] == before
    assert [entry.ino for entry in root.entries() if entry.name == b"hello"] == [before[1]]


def test_overlays_of_overlays_and_two_of_one() -> None:
    lower = ArchiveFileSystem(CONTENT)
    one, other = OverlayFileSystem(lower), OverlayFileSystem(lower)
    second = OverlayFileSystem(one, dev=5)
    busy(second)
    with one.root() as root, other.root() as twin:
        assert isinstance(root, Directory)
        assert isinstance(twin, Directory)
        assert same_as_first(root)
        write(root, b"hello", b"mine")
        assert same_as_first(twin)


def test_public_names() -> None:
    for name in kinds.__all__:
        assert getattr(kinds, name).__name__ == name
    with pytest.raises(AttributeError):
        kinds.Nothing  # noqa: B018
