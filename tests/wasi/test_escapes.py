"""Ways out of a directory of the host, one by one: none of them leads out.

Each test runs with secrets outside, and ends with a look at everything outside:
nothing was read, changed, made or removed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from tests.wasi.fs_kinds import needs_host, on_disk
from wasi import paths
from wasi.errno import Errno, ErrnoError
from wasi.fs import (
    FileSystem,
    HostFileSystem,
    MemoryFileSystem,
    OverlayFileSystem,
    ReadOnlyFileSystem,
)
from wasi.fs import host as host_module
from wasi.fs.base import Directory, Entry, File, Node

pytestmark = needs_host

SECRET = b"the secret that nobody inside may read"
OUTSIDE = ["outside", "root-sibling/secret", "root2/secret", "roo/secret", "up/secret"]
KINDS: Dict[str, Callable[[Path], FileSystem]] = {
    "host": HostFileSystem,
    "read-only": lambda path: ReadOnlyFileSystem(HostFileSystem(path)),
    "overlay": lambda path: OverlayFileSystem(HostFileSystem(path)),
}


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


def everything(base: Path) -> List[Any]:
    """All that is outside: names, content, links, times."""
    found: List[Any] = []
    for place, directories, files in os.walk(base):
        directories[:] = sorted(name for name in directories if (place, name) != (str(base), "root"))
        found.append((place, sorted(directories + files)))
        for name in directories + files:
            status = os.lstat(os.path.join(place, name))
            found.append((name, status.st_mode, status.st_nlink, status.st_size, status.st_mtime_ns, status.st_ino))
        found += [Path(place, name).read_bytes() for name in sorted(files)]
    return found


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """A directory ``root`` with the usual content, and secrets around it."""
    on_disk(tmp_path / "root")
    for path in OUTSIDE:
        place = tmp_path / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(SECRET)
    before = everything(tmp_path)
    for path in OUTSIDE:
        # Older than its content: the next reading is seen, where the host keeps that time at all.
        os.utime(tmp_path / path, ns=(1, os.stat(tmp_path / path).st_mtime_ns))
    yield tmp_path
    assert {os.stat(tmp_path / path).st_atime_ns for path in OUTSIDE} == {1}, "something outside was read"
    assert everything(tmp_path) == before, "something outside was changed"


@pytest.fixture(params=KINDS)
def root(request: pytest.FixtureRequest, base: Path) -> Iterator[Directory]:
    with KINDS[request.param](base / "root").root() as directory:
        assert isinstance(directory, Directory)
        yield directory


def attempts(root: Directory, path: bytes) -> List[Any]:
    """What comes of every operation there is, on ``path``: an error's code, or a result."""
    calls: List[Callable[[], Any]] = [
        lambda: paths.resolve(root, path, follow=False).directory.close(),
        lambda: paths.resolve(root, path, follow=True).directory.close(),
        lambda: looked(root, path),
        lambda: opened(root, path, read=True),
        lambda: opened(root, path, read=True, write=True),
        lambda: opened(root, path, write=True, create=True, truncate=True),
        lambda: opened(root, path, write=True, create=True, exclusive=True),
        lambda: opened(root, path, directory=True),
        lambda: paths.make_directory(root, path),
        lambda: paths.make_symlink(root, path, b"x"),
        lambda: paths.read_link(root, path),
        lambda: paths.make_link(root, path, root, b"stolen"),
        lambda: paths.make_link(root, path, root, b"stolen2", follow=True),
        lambda: paths.make_link(root, b"hello", root, path),
        lambda: paths.rename(root, path, root, b"taken"),
        lambda: paths.rename(root, b"hello", root, path),
        lambda: paths.rename(root, b"dir", root, path),
        lambda: paths.remove_file(root, path),
        lambda: paths.remove_directory(root, path),
    ]
    return [outcome(call) for call in calls]


def outcome(call: Callable[..., Any], *args: Any, **more: Any) -> Any:
    try:
        return call(*args, **more)
    except ErrnoError as error:
        return error.errno


def looked(root: Directory, path: bytes) -> Any:
    with paths.look_up(root, path, follow=True) as node:
        node.stat()
        with contextlib.suppress(ErrnoError):
            node.set_times(5, 5)
        if isinstance(node, Directory):
            return [entry.name for entry in node.entries()]


def opened(root: Directory, path: bytes, **flags: bool) -> Any:
    with paths.open_at(root, path, follow=True, **flags) as node:
        if isinstance(node, Directory):
            return [entry.name for entry in node.entries()]
        assert isinstance(node, File)
        data = node.pread(1000, 0) if flags.get("read") else b""
        assert SECRET not in data
        if flags.get("write"):
            node.pwrite(b"overwritten", 0)
        return data


def never(*allowed: Errno) -> Callable[[List[Any]], None]:
    def look(found: List[Any]) -> None:
        assert set(found) <= set(allowed), found

    return look


OUT = never(Errno.ENOTCAPABLE)


@pytest.mark.parametrize("path", [
    b"..", b"../", b"../.", b"./..", b"../outside", b"../root", b"../root/hello", b"dir/../..", b"dir/../../outside",
    b"dir/sub/../../../outside", b"dir/sub/../../..", b"./dir/./../.././outside", b"dir//..//..//outside", b"empty/../../root/hello",
    b"../" * 50 + b"etc/passwd", b"dir/../" * 3 + b"../outside", b"../../../../../../../../etc/passwd", b"..//outside", b"../.."
])  # fmt: skip
def test_dot_dot_in_every_position(root: Directory, path: bytes) -> None:
    OUT(attempts(root, path))


def test_dot_dot_above_a_directory_that_is_not_the_root(root: Directory) -> None:
    with paths.look_up(root, b"dir/sub", follow=True) as sub:
        assert isinstance(sub, Directory)
        for path in (b"..", b"../inner", b"../sub/deep", b"../../hello"):
            OUT(attempts(sub, path))


@pytest.mark.parametrize("path", [b"/", b"//", b"/.", b"/..", b"/hello", b"/etc/passwd", b"//etc/passwd", b"/dir/../hello"])
def test_absolute_paths(root: Directory, path: bytes) -> None:
    OUT(attempts(root, path))


def test_the_absolute_path_of_the_directory_itself(root: Directory, base: Path) -> None:
    OUT(attempts(root, os.fsencode(base / "root" / "hello")))


@pytest.mark.parametrize("target", [
    "../outside", "..", "../", "../root-sibling", "/", "/etc/passwd", "dir/../../outside", "./../outside", "{base}/outside",
    "{base}/root/hello", "//etc/passwd", "/proc/self/root", "/dev/stdin",
])  # fmt: skip
def test_a_link_that_leads_out(base: Path, target: str) -> None:
    (base / "root" / "link").symlink_to(target.format(base=base))
    (base / "root" / "dir" / "chain").symlink_to("../link")
    (base / "root" / "chained").symlink_to("dir/chain")
    for kind in KINDS.values():
        with kind(base / "root").root() as root:
            assert isinstance(root, Directory)
            for path in (b"link", b"link/", b"chained", b"chained/", b"dir/chain/", b"link/secret", b"chained/x/y"):
                for call in [
                    lambda path=path: looked(root, path),
                    lambda path=path: opened(root, path, read=True),
                    lambda path=path: opened(root, path, write=True),
                    lambda path=path: opened(root, path, write=True, create=True, truncate=True),
                    lambda path=path: paths.make_link(root, path, root, b"stolen", follow=True),
                ]:
                    assert outcome(call) == Errno.ENOTCAPABLE, path
            for path in (b"link/new", b"chained/new"):
                never(Errno.ENOTCAPABLE)(attempts(root, path))


@pytest.mark.parametrize("target", [b"../made-outside", b"dir/../../made-outside", b"../root-sibling/made"])
def test_a_dangling_link_that_leads_out_makes_nothing(base: Path, target: bytes) -> None:
    (base / "root" / "link").symlink_to(os.fsdecode(target))
    for kind in KINDS.values():
        with kind(base / "root").root() as root:
            assert isinstance(root, Directory)
            assert outcome(opened, root, b"link", write=True, create=True) == Errno.ENOTCAPABLE
            assert outcome(opened, root, b"link", write=True, create=True, exclusive=True) in (Errno.EEXIST, Errno.EROFS)
            assert outcome(paths.make_directory, root, b"link") == Errno.EEXIST


def test_a_link_that_the_guest_makes(base: Path) -> None:
    for kind in ("overlay", "host"):
        with KINDS[kind](base / "root").root() as root:
            assert isinstance(root, Directory)
            # An absolute one is not even made; another can be, but not followed.
            assert outcome(paths.make_symlink, root, b"abs", b"/etc/passwd") == Errno.ENOTCAPABLE
            paths.make_symlink(root, b"rel", b"../outside")
            paths.make_symlink(root, b"dir/rel", b"../../root-sibling")
            paths.make_symlink(root, b"up", b"..")
            for path in (b"rel", b"dir/rel/secret", b"up/outside", b"up/root/hello", b"dir/../up/outside"):
                for found in (outcome(opened, root, path, read=True), outcome(opened, root, path, write=True, create=True)):
                    assert found == Errno.ENOTCAPABLE
            assert paths.read_link(root, b"rel") == b"../outside"
            # Moved up or down, it leads no further.
            paths.rename(root, b"rel", root, b"dir/sub/rel")
            assert outcome(opened, root, b"dir/sub/rel", read=True) in (Errno.ENOENT, Errno.ENOTCAPABLE)
            paths.rename(root, b"dir/rel", root, b"rel")
            assert outcome(opened, root, b"rel/outside", read=True) == Errno.ENOTCAPABLE


def test_a_link_within_leads_up_as_far_as_the_root_and_no_further(base: Path) -> None:
    (base / "root" / "dir" / "sub" / "top").symlink_to("../../hello")
    with HostFileSystem(base / "root").root() as root:
        assert isinstance(root, Directory)
        assert opened(root, b"dir/sub/top", read=True) == b"hello, world"
        with paths.look_up(root, b"dir", follow=True) as directory:
            assert isinstance(directory, Directory)
            # The same link, from a descriptor that is deeper: above that it does not lead.
            assert outcome(opened, directory, b"sub/top", read=True) == Errno.ENOTCAPABLE


def test_a_hard_link_is_made_of_nothing_outside(root: Directory, base: Path) -> None:
    for path in (b"../outside", b"dir/../../outside", os.fsencode(base / "outside")):
        assert outcome(paths.make_link, root, path, root, b"stolen") == Errno.ENOTCAPABLE
        assert outcome(paths.make_link, root, b"hello", root, path) == Errno.ENOTCAPABLE
    (base / "root" / "link").symlink_to("../outside")
    # The link itself gets one more name; what it leads to does not (its nlink is looked at in the end).
    assert outcome(paths.make_link, root, b"link", root, b"again") in (None, Errno.EROFS)
    assert outcome(opened, root, b"again", read=True) in (Errno.ENOTCAPABLE, Errno.ENOENT)
    assert outcome(paths.make_link, root, b"link", root, b"followed", follow=True) == Errno.ENOTCAPABLE


def test_a_sibling_whose_name_begins_the_same(root: Directory) -> None:
    for path in (b"../root-sibling/secret", b"../root2/secret", b"../roo/secret", b"dir/../../root2/secret"):
        OUT(attempts(root, path))
    for path in (b"-sibling/secret", b"2/secret", b"hello2", b"dir2/inner", b"di/inner"):
        assert outcome(opened, root, path, read=True) == Errno.ENOENT


@pytest.mark.parametrize("path", [b"hello/..", b"hello/../outside", b"hello/../../outside", b"none/../../outside", b"hello/."])
def test_no_way_leads_through_what_is_no_directory(root: Directory, path: bytes) -> None:
    found = attempts(root, path)
    assert set(found) <= {Errno.ENOTDIR, Errno.ENOENT}, found


def test_slashes_and_dots_at_the_end(root: Directory) -> None:
    for path in (b"dir/../..", b"dir/../../", b"dir/../../.", b".././", b"./../.", b"../..//"):
        OUT(attempts(root, path))
    for path in (b"...", b"....", b".. ", b" ..", b"..\t", b"..a", b".../outside"):
        assert outcome(opened, root, path, read=True) == Errno.ENOENT
    for path in (b"dir/", b"dir/.", b"dir/./", b"dir//", b"./dir/."):
        assert opened(root, path) == [b"inner", b"sub"]


@pytest.mark.parametrize("path", [b"..\\outside", b"dir\\..\\..\\outside", b"C:\\", b"\\\\host\\share", b"%2e%2e/outside", b"..%2foutside"])
def test_other_spellings_are_names(root: Directory, path: bytes) -> None:
    assert outcome(opened, root, path, read=True) == Errno.ENOENT


@pytest.mark.parametrize("path", [b"\0", b"..\0/outside", b"../outside\0", b"hello\0/../../outside", b"dir/\0../../outside"])
def test_a_nul(root: Directory, path: bytes) -> None:
    never(Errno.EINVAL)(attempts(root, path))


@pytest.mark.parametrize("path", [b"\xff", b"\xc0\xae\xc0\xae/outside", b"\xc0\xaf", b"..\xc0\xafoutside", b"\xed\xa0\x80", b"dir/\xfe/../..", b"\xf8\x88\x80\x80\x80"])
def test_what_is_no_utf8(root: Directory, path: bytes) -> None:
    never(Errno.EILSEQ)(attempts(root, path))


@pytest.mark.parametrize("path", [b"n" * 10_000, b"dir/" + b"n" * 10_000, b"../" + b"n" * 10_000, b"a/" * 5_000, b"../" * 5_000, b"n" * 4_096])
def test_names_of_ten_thousand_bytes(root: Directory, path: bytes) -> None:
    never(Errno.ENAMETOOLONG)(attempts(root, path))


def test_a_link_whose_target_is_no_path(base: Path) -> None:
    os.symlink(b"\xff/../../outside", os.fsencode(base / "root" / "bytes"))
    os.symlink(b"n" * 4_000 + b"/../../outside", os.fsencode(base / "root" / "long"))
    for kind in KINDS.values():
        with kind(base / "root").root() as root:
            assert isinstance(root, Directory)
            assert outcome(opened, root, b"bytes", read=True) == Errno.EILSEQ
            assert outcome(opened, root, b"long", read=True) == Errno.ENAMETOOLONG


def test_renaming_does_not_lead_out(root: Directory) -> None:
    for path in (b"../taken", b"../root-sibling/taken", b"/etc/taken", b"dir/../../taken", b"../outside"):
        for call in [
            partial(paths.rename, root, b"hello", root, path), partial(paths.rename, root, path, root, b"taken"),
            partial(paths.rename, root, b"dir", root, path),
        ]:  # fmt: skip
            assert outcome(call) == Errno.ENOTCAPABLE


@pytest.mark.parametrize("kinds", [("host", "host"), ("host", "overlay"), ("overlay", "host"), ("overlay", "overlay"), ("host", "read-only")])
def test_nothing_is_moved_from_one_preopen_to_another(base: Path, kinds: Any) -> None:
    on_disk(base / "root" / "second")
    first = KINDS[kinds[0]](base / "root" / "dir").root()
    second = KINDS[kinds[1]](base / "root" / "second").root()
    memory = MemoryFileSystem({"hello": b"hello"}).root()
    for one, other in [(first, second), (first, memory), (memory, first)]:
        for call in [
            partial(paths.rename, one, b"sub" if one is first else b"hello", other, b"moved"),
            partial(paths.make_link, one, b"inner" if one is first else b"hello", other, b"linked"),
        ]:
            assert outcome(call) in (Errno.EXDEV, Errno.EROFS)
    for call in [
        partial(paths.rename, first, b"inner", second, b"../moved"),
        partial(paths.rename, first, b"../second/hello", first, b"moved"),
    ]:
        assert outcome(call) == Errno.ENOTCAPABLE
    # A directory that another moved from below one preopen to below the other is no way up.
    with paths.look_up(first, b"sub", follow=True) as sub:
        os.rename(base / "root" / "dir" / "sub", base / "root" / "second" / "sub")
        assert isinstance(sub, Directory)
        OUT(attempts(sub, b"../hello"))
    assert (base / "root" / "second" / "hello").read_bytes() == b"hello, world"


def test_a_directory_that_is_moved_out_while_it_is_held(base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # The handle keeps what it was given for, but nothing above it.
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "inner").write_bytes(SECRET)
    with HostFileSystem(base / "root").root() as root, paths.look_up(root, b"dir/sub", follow=True) as sub:
        assert isinstance(root, Directory)
        assert isinstance(sub, Directory)
        os.rename(base / "root" / "dir" / "sub", elsewhere / "sub")
        for path in (b"..", b"../inner", b"../../outside"):
            OUT(attempts(sub, path))
        assert outcome(opened, root, b"dir/sub/deep", read=True) == Errno.ENOENT
        assert opened(sub, b"deep", read=True) == b"deep"
    assert (elsewhere / "inner").read_bytes() == SECRET


# /proc.


def test_the_magic_links_of_proc_are_only_read() -> None:
    proc = "/proc/self"
    if not os.path.islink(proc + "/cwd"):
        pytest.skip("no /proc here")
    with HostFileSystem(proc).root() as root:
        assert isinstance(root, Directory)
        for path in (b"cwd", b"root", b"exe", b"cwd/", b"root/etc/passwd", b"cwd/pyproject.toml", b"task/../root/etc/passwd"):
            for call in [
                partial(looked, root, path), partial(opened, root, path, read=True),
                partial(opened, root, path, write=True, create=True), partial(opened, root, path, directory=True),
            ]:  # fmt: skip
                assert outcome(call) == Errno.ENOTCAPABLE, path
        assert outcome(root.open, b"exe", read=True, write=False) == Errno.ELOOP
        assert paths.read_link(root, b"root") == b"/"
        # Those of descriptors say where they lead, or a name that there is not.
        with open(__file__, "rb") as secret, socket.socket() as sock:
            for number in (secret.fileno(), sock.fileno()):
                found = outcome(opened, root, b"fd/%d" % number, read=True)
                assert found in (Errno.ENOTCAPABLE, Errno.ENOENT)
        assert outcome(opened, root, b"comm", read=True) == Errno.EACCES


# Between check and use.


@pytest.mark.parametrize("call", ["stat", "open"])
def test_a_name_that_becomes_a_link_between_a_look_and_the_use(base: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Each system call in turn is the one before which another puts a link where a file was."""
    done = []

    def swapping(real: Callable[..., Any]) -> Callable[..., Any]:
        def instead(name: Any, *args: Any, **more: Any) -> Any:
            found = real(name, *args, **more)
            if name == b"hello" and not done:
                done.append(name)
                os.unlink(base / "root" / "hello")
                os.symlink("../outside", base / "root" / "hello")
            return found

        return instead

    fs = HostFileSystem(base / "root")
    for flags in ({"read": True}, {"read": True, "write": True, "create": True, "truncate": True}):
        done.clear()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(base / "root" / "hello")
        (base / "root" / "hello").write_bytes(b"inside")
        with fs.root() as root:
            assert isinstance(root, Directory)
            with monkeypatch.context() as patch:
                real = getattr(os, call)
                patch.setattr(host_module.os, call, swapping(real))
                found = outcome(opened, root, b"hello", **flags)
            assert done
            assert found in (Errno.ELOOP, Errno.ENOENT, Errno.ENOTCAPABLE, b"inside", b"")


def test_a_directory_that_becomes_a_link_during_the_walk(base: Path) -> None:
    class Swapping:
        """The root; when a name in it was looked up, its place is taken by a link."""

        def __init__(self, inner: Directory) -> None:
            self.inner = inner

        def lookup(self, name: bytes) -> Node:
            node = self.inner.lookup(name)
            if name == b"dir":
                os.rename(base / "root" / "dir", base / "root" / "was-dir")
                os.symlink("../root-sibling", base / "root" / "dir")
            return node

        def again(self) -> Directory:
            return self.inner.again()

    with HostFileSystem(base / "root").root() as root:
        swapping: Any = Swapping(root)  # type: ignore[arg-type]
        assert outcome(opened, swapping, b"dir/secret", read=True) == Errno.ENOENT
        assert outcome(opened, root, b"dir/secret", read=True) == Errno.ENOTCAPABLE  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["host", "overlay", "read-only"])
def test_another_thread_that_swaps_names_all_the_time(base: Path, kind: str) -> None:
    """A directory and a link out change places, as fast as can be, while a guest tries both."""
    inside, swap = base / "root", base / "root" / "swap"
    (inside / "real").mkdir()
    (inside / "real" / "secret").write_bytes(b"harmless")
    (inside / "evil").symlink_to("../root-sibling")
    stop = threading.Event()
    failures: List[BaseException] = []

    def swapper() -> None:
        try:
            while not stop.is_set():
                for name in ("real", "evil"):
                    os.rename(inside / name, swap)
                    os.rename(swap, inside / name)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=swapper)
    thread.start()
    seen = set()
    try:
        with KINDS[kind](inside).root() as root:
            assert isinstance(root, Directory)
            for _ in range(400):
                seen.add(outcome(opened, root, b"swap/secret", read=True))
                found = outcome(opened, root, b"swap/new", write=True, create=True)
                assert isinstance(found, Errno) or found == b""
                outcome(looked, root, b"swap")
                outcome(paths.make_link, root, b"swap/secret", root, b"stolen")
                outcome(paths.rename, root, b"hello", root, b"swap/taken")
                outcome(paths.rename, root, b"swap/taken", root, b"hello")
                outcome(paths.remove_file, root, b"swap/new")
                outcome(paths.make_directory, root, b"swap/d")
                outcome(paths.remove_directory, root, b"swap/d")
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert seen <= {b"harmless", Errno.ENOENT, Errno.ENOTCAPABLE, Errno.ESTALE, Errno.ELOOP, Errno.ENOTDIR}


# Case-insensitive hosts.


class Folding(Directory):
    """A directory in which case does not count, as on some hosts."""

    def __init__(self, inner: Directory) -> None:
        self.inner = inner

    def _name(self, name: bytes) -> bytes:
        return next((entry.name for entry in self.inner.entries() if entry.name.lower() == name.lower()), name)

    def lookup(self, name: bytes) -> Node:
        node = self.inner.lookup(self._name(name))
        return Folding(node) if isinstance(node, Directory) else node

    def entries(self) -> List[Entry]:
        return self.inner.entries()

    def open(self, name: bytes, **flags: Any) -> File:
        return self.inner.open(self._name(name), **flags)

    def make_directory(self, name: bytes) -> None:
        self.inner.make_directory(self._name(name))

    def make_symlink(self, name: bytes, target: bytes) -> None:
        self.inner.make_symlink(self._name(name), target)

    def make_link(self, name: bytes, of: Directory, of_name: bytes) -> None:
        assert isinstance(of, Folding)
        self.inner.make_link(self._name(name), of.inner, of._name(of_name))

    def remove_file(self, name: bytes) -> None:
        self.inner.remove_file(self._name(name))

    def remove_directory(self, name: bytes) -> None:
        self.inner.remove_directory(self._name(name))

    def rename(self, name: bytes, to: Directory, to_name: bytes) -> None:
        assert isinstance(to, Folding)
        self.inner.rename(self._name(name), to.inner, to._name(to_name))

    def sync(self, *, data_only: bool) -> None:
        self.inner.sync(data_only=data_only)

    def again(self) -> Directory:
        return Folding(self.inner.again())

    def stat(self) -> Any:
        return self.inner.stat()

    def set_times(self, atim: Any, mtim: Any) -> None:
        self.inner.set_times(atim, mtim)

    def close(self) -> None:
        self.inner.close()


class FoldingFileSystem(FileSystem):
    def __init__(self, inner: FileSystem) -> None:
        self.inner = inner

    def root(self) -> Directory:
        return Folding(self.inner.root())


@pytest.mark.parametrize("over", [False, True])
def test_a_host_on_which_case_does_not_count(base: Path, over: bool) -> None:
    (base / "root" / "Link").symlink_to("../OUTSIDE")
    fs: FileSystem = FoldingFileSystem(HostFileSystem(base / "root"))
    if over:
        fs = OverlayFileSystem(fs)
    with fs.root() as root:
        assert isinstance(root, Directory)
        assert opened(root, b"HELLO", read=True) == b"hello, world"
        assert opened(root, b"DIR/../Dir/INNER", read=True) == b"inside"
        for path in (b"DIR/../../outside", b"LINK", b"link", b"../ROOT/hello", b"../Root-Sibling/secret", b"Dir/../../OUTSIDE"):
            assert outcome(opened, root, path, read=True) == Errno.ENOTCAPABLE
            assert outcome(opened, root, path, write=True, create=True) == Errno.ENOTCAPABLE
        # What is removed under one spelling is removed under all; moved into itself it cannot be.
        paths.remove_file(root, b"hello")
        assert outcome(opened, root, b"HELLO", read=True) == Errno.ENOENT
        assert outcome(paths.rename, root, b"dir", root, b"DIR/Sub/x") == Errno.EINVAL
    assert (base / "root" / "hello").exists() == over
