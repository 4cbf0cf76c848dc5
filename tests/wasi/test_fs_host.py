"""Directories of the host: odd nodes, faults of the host, and where they are refused."""

from __future__ import annotations

import errno
import gc
import os
import socket
import stat as modes
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator, List

import pytest

from tests.wasi.fs_kinds import needs_host, no_superuser, on_disk
from tests.wasi.guest import Guest
from tests.wasi.test_fs import names, opened, raises, read, write
from wasi import Wasi, WasiConfig, abi, paths
from wasi.config import HostDirectory
from wasi.errno import Errno, errno_of
from wasi.fs import (
    ContainmentError,
    HostFileSystem,
    MemoryFileSystem,
    OverlayFileSystem,
    held,
    host,
    kernel,
)
from wasi.fs.base import Directory, File, FileSystem, Filetype


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    return on_disk(tmp_path / "root")


@pytest.fixture
def root(inside: Path) -> Iterator[Directory]:
    with HostFileSystem(inside).root() as directory:
        assert isinstance(directory, Directory)
        yield directory


# Where they are refused.


@pytest.mark.parametrize("platform", ["darwin", "win32", "emscripten", "wasi", "freebsd14"])
def test_a_system_that_cannot_prove_containment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ContainmentError) as caught:
        HostFileSystem(tmp_path)
    assert platform in caught.value.missing
    assert "\n" not in str(caught.value)


@needs_host
def test_a_missing_call_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd - {os.unlink})
    with pytest.raises(ContainmentError, match=r"os\.unlink"):
        HostFileSystem(tmp_path)


@needs_host
@pytest.mark.parametrize("flag", ["_O_NOFOLLOW", "_O_PATH", "_O_DIRECTORY"])
def test_a_missing_flag_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.setattr(host, flag, 0)
    with pytest.raises(ContainmentError):
        HostFileSystem(tmp_path)


@needs_host
def test_a_flag_that_the_kernel_does_not_know_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_O_PATH", 1 << 29)
    with pytest.raises((ContainmentError, OSError)):
        HostFileSystem(tmp_path)


@needs_host
def test_what_is_no_directory_is_refused(inside: Path) -> None:
    with pytest.raises(NotADirectoryError):
        HostFileSystem(inside / "hello")
    with pytest.raises(FileNotFoundError):
        HostFileSystem(inside / "none")


# Odd nodes.


@needs_host
def test_a_fifo_is_seen_but_not_opened(inside: Path, root: Directory) -> None:
    os.mkfifo(inside / "pipe")
    for flags in ({"read": True}, {"write": True}, {"read": True, "write": True}, {"write": True, "create": True, "truncate": True}):
        with raises(Errno.EACCES):
            paths.open_at(root, b"pipe", follow=True, **flags)
    with raises(Errno.EEXIST):
        paths.open_at(root, b"pipe", follow=True, write=True, create=True, exclusive=True)
    with root.lookup(b"pipe") as node:
        assert node.filetype == Filetype.UNKNOWN
        assert node.stat().filetype == Filetype.UNKNOWN
        node.set_times(5, 6)
        assert node.stat().mtim == 6
    assert (b"pipe", Filetype.UNKNOWN) in [(entry.name, entry.filetype) for entry in root.entries()]
    with raises(Errno.ENOTDIR):
        paths.look_up(root, b"pipe/x", follow=True)
    paths.rename(root, b"pipe", root, b"moved")
    paths.remove_file(root, b"moved")


@needs_host
def test_a_file_that_becomes_a_fifo_while_it_is_opened(inside: Path, root: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    real, done = os.stat, []

    def stat(name: Any, *args: Any, **more: Any) -> Any:
        found = real(name, *args, **more)
        if name == b"hello" and not done:
            done.append(name)
            os.unlink(inside / "hello")
            os.mkfifo(inside / "hello")
        return found

    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(host.os, "stat", stat)
    with raises(Errno.EACCES):
        # It would wait for ever for somebody to write.
        root.open(b"hello", read=True, write=False)
    assert done
    assert len(os.listdir("/proc/self/fd")) <= before


@needs_host
def test_a_socket_is_seen_but_not_opened(inside: Path, root: Directory) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        before = Path.cwd()
        os.chdir(inside)
        try:
            sock.bind("sock")
        finally:
            os.chdir(before)
        with raises(Errno.EACCES):
            root.open(b"sock", read=True, write=False)
        with root.lookup(b"sock") as node:
            assert node.filetype == Filetype.SOCKET_STREAM


@needs_host
def test_a_device_is_seen_but_not_opened() -> None:
    with HostFileSystem("/dev").root() as root:
        assert isinstance(root, Directory)
        with root.lookup(b"null") as node:
            assert node.filetype == Filetype.CHARACTER_DEVICE
        for write in (False, True):
            with raises(Errno.EACCES):
                root.open(b"null", read=True, write=write)
        assert (b"null", Filetype.CHARACTER_DEVICE) in [(entry.name, entry.filetype) for entry in root.entries()]


@needs_host
def test_a_name_that_is_no_utf8_is_not_listed(inside: Path, root: Directory) -> None:
    Path(os.fsdecode(os.fsencode(inside) + b"/\xff")).write_bytes(b"x")
    assert names(root) == [b"dir", b"empty", b"hello"]


@needs_host
def test_times_after_what_64_bits_hold_are_the_last(inside: Path) -> None:
    try:
        os.utime(inside / "hello", (253_402_300_799, 253_402_300_799))
    except (OSError, OverflowError):
        pytest.skip("no such times here")
    if os.stat(inside / "hello").st_mtime_ns < 1 << 64:
        pytest.skip("no such times on this disk")
    guest = Guest(preopens={"/": inside})
    errno, stat = guest.stat("hello")
    assert (errno, stat.mtim) == (Errno.ESUCCESS, 2**64 - 1)
    guest.wasi.close()


@needs_host
def test_times_before_1970_are_its_beginning(inside: Path, root: Directory) -> None:
    os.utime(inside / "hello", ns=(-5, -5))
    with root.lookup(b"hello") as node:
        assert node.stat()[5:7] == (0, 0)
        node.set_times(None, 7)
    assert (os.stat(inside / "hello").st_atime_ns, os.stat(inside / "hello").st_mtime_ns) == (-5, 7)


@needs_host
def test_times_are_not_set_on_another_that_took_the_name(inside: Path, root: Directory) -> None:
    os.utime(inside / "dir" / "inner", ns=(1, 1))
    with root.lookup(b"hello") as node:
        os.replace(inside / "dir" / "inner", inside / "hello")
        with raises(Errno.ENOENT):
            node.set_times(5, 5)
    assert os.stat(inside / "hello").st_mtime_ns == 1


# Faults.


@needs_host
def test_permission_denied(inside: Path, root: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(code: int) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            raise OSError(code, os.strerror(code))

        return call

    for name, call in [
        ("open", lambda: root.lookup(b"hello")),
        ("open", lambda: root.open(b"hello", read=True, write=False)),
        ("open", root.entries),
        ("mkdir", lambda: root.make_directory(b"x")),
        ("symlink", lambda: root.make_symlink(b"x", b"y")),
        ("link", lambda: root.make_link(b"x", root, b"hello")),
        ("unlink", lambda: root.remove_file(b"hello")),
        ("rmdir", lambda: root.remove_directory(b"empty")),
        ("rename", lambda: root.rename(b"hello", root, b"x")),
        ("utime", lambda: root.set_times(1, 1)),
        ("fstat", root.stat),
        ("scandir", root.entries),
    ]:
        for code, wanted in [(errno.EACCES, Errno.EACCES), (errno.EPERM, Errno.EPERM), (errno.EROFS, Errno.EROFS), (errno.EMFILE, Errno.EMFILE), (errno.EIO, Errno.EIO)]:
            with monkeypatch.context() as patch:
                patch.setattr(host.os, name, refuse(code))
                with raises(wanted):
                    call()
    assert names(root) == [b"dir", b"empty", b"hello"]


@needs_host
@pytest.mark.parametrize("code", ["EACCES", "EPERM", "EROFS", "ETXTBSY"])
def test_the_right_to_resize_alone_keeps_nothing_from_being_read(
    inside: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    real = os.open

    def refuse(name: Any, flags: int, *more: Any, **where: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(getattr(errno, code), "not for writing")
        return real(name, flags, *more, **where)

    guest = Guest(preopens={"/": inside})
    monkeypatch.setattr(host.os, "open", refuse)
    resize = abi.rights("fd_read", "fd_filestat_set_size")
    fd = guest.opened("hello", rights=resize)
    assert guest.read(fd, 5) == (Errno.ESUCCESS, [b"hello"])
    assert guest.call("fd_filestat_set_size", fd, 0) == Errno.EBADF
    assert guest.open("hello", rights=resize | abi.rights("fd_write"))[0] == Errno[code]
    guest.wasi.close()


@needs_host
def test_a_file_without_permission(inside: Path, root: Directory) -> None:
    inside.chmod(0o755)
    (inside / "hello").chmod(0)
    (inside / "empty").chmod(0o555)
    with no_superuser():
        with raises(Errno.EACCES):
            root.open(b"hello", read=True, write=False)
        with raises(Errno.EACCES):
            paths.make_directory(root, b"empty/x")


@needs_host
@pytest.mark.parametrize("flags", [{"read": True, "write": False}, {"read": True, "write": True, "truncate": True}])
def test_a_name_that_becomes_a_file_of_the_kernels_own_while_it_is_opened(
    inside: Path, root: Directory, monkeypatch: pytest.MonkeyPatch, flags: Any
) -> None:
    """As where a file of ``/proc`` is mounted over a name: the directory keeps files, and it is none."""
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(host, "is_made_up", lambda fd: modes.S_ISREG(os.fstat(fd).st_mode))
    with raises(Errno.EACCES):
        root.open(b"hello", **flags)
    assert len(os.listdir("/proc/self/fd")) <= before
    assert (inside / "hello").read_bytes() == b"hello, world"


@needs_host
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
@pytest.mark.parametrize("limited", [False, True])
def test_a_write_that_fails_or_is_short_says_so(inside: Path, monkeypatch: pytest.MonkeyPatch, code: int, limited: bool) -> None:
    real = os.pwrite
    fs = HostFileSystem(inside, max_bytes=1000 if limited else None)
    with fs.root() as root:
        assert isinstance(root, Directory)
        with opened(root, b"hello", read=True, write=True) as file:
            assert isinstance(file, File)
            monkeypatch.setattr(host.os, "pwrite", lambda fd, data, offset: real(fd, data[:3], offset))
            assert file.pwrite(b"abcdefgh", 12) == 3

            def fails(*args: Any) -> int:
                raise OSError(code, os.strerror(code))

            monkeypatch.setattr(host.os, "pwrite", fails)
            with raises(errno_of(OSError(code, ""))):
                file.pwrite(b"abcdefgh", 15)
            monkeypatch.setattr(host.os, "write", fails)
            with raises(errno_of(OSError(code, ""))):
                file.append(b"abcdefgh")
            assert file.pread(100, 0) == b"hello, worldabc"
            monkeypatch.undo()
            # And the descriptor is as it was.
            assert file.pwrite(b"J", 0) == 1
            assert file.pread(100, 0) == b"Jello, worldabc"
    assert fs.quota.used_bytes == (3 if limited else 0)


@needs_host
def test_a_real_disk_that_is_full(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    import signal

    inside = on_disk(tmp_path / "root")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with HostFileSystem(inside).root() as root:
        assert isinstance(root, Directory)
        with opened(root, b"hello", read=True, write=True) as file:
            assert isinstance(file, File)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
            try:
                taken = file.pwrite(b"x" * 10_000, 0)
                with raises(Errno.EFBIG):
                    file.pwrite(b"y", 4096)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
                signal.signal(signal.SIGXFSZ, before)
            assert taken == 4096
            assert file.pread(10_000, 0) == b"x" * 4096


@needs_host
def test_two_that_append_lose_nothing(inside: Path, root: Directory) -> None:
    with opened(root, b"hello", write=True) as file, open(inside / "hello", "ab", buffering=0) as other:
        assert isinstance(file, File)
        for number in range(20):
            file.append(b"<%d>" % number)
            other.write(b"[%d]" % number)
    text = (inside / "hello").read_bytes()
    assert all(b"<%d>" % n in text and b"[%d]" % n in text for n in range(20))


@needs_host
def test_it_is_held_open_whatever_becomes_of_its_name(inside: Path, tmp_path: Path) -> None:
    fs = HostFileSystem(inside)
    inside.rename(tmp_path / "elsewhere")
    inside.mkdir()
    with fs.root() as root:
        assert isinstance(root, Directory)
        assert names(root) == [b"dir", b"empty", b"hello"]
    again = fs.root()
    fs.close()
    fs.close()
    with raises(Errno.EBADF):
        fs.root()
    # What is open stays open.
    assert read(again, b"hello") == b"hello, world"
    again.close()


@needs_host
def test_files_of_before_are_not_counted(inside: Path) -> None:
    fs = HostFileSystem(inside, max_bytes=4, max_nodes=1)
    with fs.root() as root:
        assert isinstance(root, Directory)
        paths.remove_file(root, b"dir/sub/deep")
        assert (fs.quota.used_bytes, fs.quota.used_nodes) == (0, 0)
        write(root, b"new", b"1234")
        with raises(Errno.EDQUOT):
            root.make_directory(b"x")
        # Onto itself is nothing, and counts nothing.
        root.rename(b"dir", root, b"dir")
        root.rename(b"new", root, b"new")
        assert (fs.quota.used_bytes, fs.quota.used_nodes) == (4, 1)
        fs.reset()
        assert (fs.quota.used_bytes, fs.quota.used_nodes) == (4, 1)


@needs_host
def test_an_overlay_of_a_directory_that_another_changes(inside: Path) -> None:
    fs: FileSystem = OverlayFileSystem(HostFileSystem(inside))
    with fs.root() as root:
        assert isinstance(root, Directory)
        paths.rename(root, b"dir", root, b"moved")
        paths.rename(root, b"hello", root, b"greeting")
        (inside / "dir").rename(inside / "gone")
        (inside / "another").write_bytes(b"another")
        (inside / "another").rename(inside / "hello")
        # Renamed here, gone below: not there, or stale.
        for path in (b"moved/inner", b"greeting"):
            with raises(Errno.ENOENT, Errno.ESTALE):
                read(root, path)


@pytest.mark.parametrize(("code", "wanted"), [
    ("EACCES", "EACCES"), ("ENOSPC", "ENOSPC"), ("EDQUOT", "EDQUOT"), ("EWOULDBLOCK", "EAGAIN"), ("EOPNOTSUPP", "ENOTSUP"),
    ("ENOTEMPTY", "ENOTEMPTY"), ("ELOOP", "ELOOP"), ("EXDEV", "EXDEV"), ("ESTALE", "ESTALE"), ("EDEADLK", "EDEADLK"), ("EPIPE", "EPIPE"),
    ("EINTR", "EINTR"), ("ENODATA", "EIO"), ("ENOTBLK", "EIO"),
])  # fmt: skip
def test_errors_of_the_host_have_names(code: str, wanted: str) -> None:
    if hasattr(errno, code):
        assert errno_of(OSError(getattr(errno, code), "")).name == wanted


def test_an_error_without_a_number_is_one_of_the_machine() -> None:
    assert errno_of(OSError("no number")) == Errno.EIO
    assert errno_of(OSError(99_999, "")) == Errno.EIO


# What only looks like a file.

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no /proc here")


@needs_host
@needs_proc
@pytest.mark.parametrize("path", [b"self/mem", b"self/environ", b"self/maps", b"sys/kernel/hostname", b"version"])
@pytest.mark.parametrize("write", [False, True])
def test_files_of_proc_are_not_opened(path: bytes, write: bool) -> None:
    fs = HostFileSystem("/proc")
    with fs.root() as root, raises(Errno.EACCES, Errno.ENOENT):
        assert isinstance(root, Directory)
        # "self" is a link: to the number, which is a plain name.
        plain = path.replace(b"self", str(os.getpid()).encode())
        paths.open_at(root, plain, follow=True, read=True, write=write)
    fs.close()


@needs_host
@needs_proc
def test_a_file_of_proc_below_another_directory_is_not_opened() -> None:
    fs = HostFileSystem("/")
    with fs.root() as root:
        assert isinstance(root, Directory)
        with raises(Errno.EACCES):
            paths.open_at(root, b"proc/self/mem", follow=True, read=True, write=True)
        with raises(Errno.EACCES):
            paths.open_at(root, b"proc/self/new", follow=True, write=True, create=True)
    fs.close()


@needs_host
@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no files in memory here")
def test_files_in_memory_are_files() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        with HostFileSystem(directory).root() as root:
            assert isinstance(root, Directory)
            write(root, b"f", b"x")
            assert read(root, b"f") == b"x"


@needs_host
def test_a_file_system_without_blocks_that_nobody_knows_is_refused(
    inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (inside / "hello").open("rb") as file:
        assert not kernel.is_made_up(file.fileno())
        monkeypatch.setattr(os, "fstatvfs", lambda fd: SimpleNamespace(f_blocks=0))
        monkeypatch.setattr(kernel, "_MOUNTS", str(inside / "none"))
        assert kernel.is_made_up(file.fileno())
        device = os.fstat(file.fileno()).st_dev
        line = f"1 2 {os.major(device)}:{os.minor(device)} / /x rw opt - "
        for kind, made_up in (("tmpfs", False), ("proc", True), ("fuse.sshfs", False), ("cgroup2", True)):
            (inside / "none").write_text(line + kind + " a b\n")
            assert kernel.is_made_up(file.fileno()) is made_up


@needs_host
def test_a_link_counts_its_bytes(inside: Path) -> None:
    fs = HostFileSystem(inside, max_bytes=10)
    with fs.root() as root:
        assert isinstance(root, Directory)
        root.make_symlink(b"l", b"12345678")
        assert fs.quota.used_bytes == 8
        with raises(Errno.EDQUOT):
            root.make_symlink(b"m", b"123")
        with raises(Errno.EEXIST):
            root.make_symlink(b"l", b"123")
        root.remove_file(b"l")
        assert fs.quota.used_bytes == 0
        root.make_symlink(b"m", b"1234567890")
    fs.close()


@needs_host
def test_a_failing_close_is_told_and_all_others_are_closed(
    inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Guest(preopens={"/": inside})
    fds = [guest.opened("hello") for _ in range(4)]
    closed: List[int] = []
    real = os.close

    def close(fd: int) -> None:
        real(fd)
        closed.append(fd)
        raise OSError(errno.EIO, "told late")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        assert guest.call("fd_close", fds[0]) == Errno.EIO
        assert guest.call("fd_close", fds[0]) == Errno.EBADF
        with raises(Errno.EIO):
            guest.wasi.close()
    # Three files, and the directory that the guest's and the file system's descriptor share.
    assert len(closed) == 1 + 3 + 1
    guest.wasi.close()


@needs_host
def test_a_guest_leaves_descriptors_to_its_host(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    for soft, most in ((256, 192), (40, 20)):
        monkeypatch.setattr(resource, "getrlimit", lambda which, soft=soft: (soft, soft))
        for preopen in (inside, OverlayFileSystem(HostFileSystem(inside))):
            guest = Guest(preopens={"/": preopen})
            while guest.open("hello", rights=2)[0] == Errno.ESUCCESS:
                assert len(guest.wasi.fds) <= most
            assert guest.open("hello", rights=2)[0] == Errno.EMFILE
            assert len(guest.wasi.fds) == most
            guest.wasi.close()
    guest = Guest(preopens={"/": MemoryFileSystem({"hello": b""})})
    while guest.open("hello", rights=2)[0] == Errno.ESUCCESS:
        pass
    assert len(guest.wasi.fds) == 1024
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    assert held.descriptors_to_spare() > 1 << 30


# What a configuration gives.


def growing(guest: Guest, path: str, data: bytes) -> List[Any]:
    """``data`` written to the end of a file again and again: what came of each until the first error."""
    fd = guest.opened(path, 1, fdflags=1)
    found = []
    while not found or found[-1][0] == Errno.ESUCCESS:
        found.append(guest.write(fd, data))
    assert guest.call("fd_close", fd) == Errno.ESUCCESS
    return [count if errno == Errno.ESUCCESS else errno for errno, count in found]


@needs_host
@pytest.mark.parametrize("by_method", [False, True])
def test_a_directory_that_is_given_with_a_quota(inside: Path, by_method: bool) -> None:
    config = WasiConfig(preopens={"/": HostDirectory(str(inside), max_bytes=100, max_nodes=2)})
    if by_method:
        config = WasiConfig()
        config.preopen_dir(inside, "/", max_bytes=100, max_nodes=2)
    guest = Guest(config)
    # What is there already counts nothing; what fits in part is written in part.
    assert growing(guest, "hello", b"x" * 40) == [40, 40, 20, Errno.EDQUOT]
    assert (inside / "hello").read_bytes() == b"hello, world" + b"x" * 100
    # Written over is not added.
    fd = guest.opened("hello")
    assert guest.write(fd, b"HELLO") == (Errno.ESUCCESS, 5)
    # What it cuts off comes back, and no more of it than it had used.
    assert guest.call("fd_filestat_set_size", fd, 92) == Errno.ESUCCESS
    assert growing(guest, "new", b"y" * 15) == [15, 5, Errno.EDQUOT]
    assert guest.call("fd_filestat_set_size", fd, 0) == Errno.ESUCCESS
    assert guest.on("path_unlink_file", "new") == Errno.ESUCCESS
    assert guest.on("path_unlink_file", "dir/inner") == Errno.ESUCCESS
    assert growing(guest, "hello", b"z" * 60) == [60, 40, Errno.EDQUOT]
    # Names: one is gone again, two may come.
    assert guest.on("path_create_directory", "d") == Errno.ESUCCESS
    assert guest.symlink("", "l") == Errno.ENOENT
    assert guest.link("hello", "linked") == Errno.ESUCCESS
    assert guest.on("path_create_directory", "e") == Errno.EDQUOT
    assert guest.open("more", 1)[0] == Errno.EDQUOT
    assert guest.open("hello", 1)[0] == Errno.ESUCCESS
    assert guest.on("path_remove_directory", "d") == Errno.ESUCCESS
    assert guest.on("path_create_directory", "e") == Errno.ESUCCESS
    # The directory stays as it is, and so does what was added to it.
    guest.wasi.reset()
    assert guest.on("path_create_directory", "f") == Errno.EDQUOT
    assert growing(guest, "hello", b"x") == [Errno.EDQUOT]
    guest.wasi.close()


@needs_host
def test_each_directory_has_a_quota_of_its_own_under_any_number(inside: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    preopens = {"/": HostDirectory(str(inside), max_bytes=10), "/other": HostDirectory(str(other), max_bytes=20)}
    guest = Guest(WasiConfig(preopens=preopens))
    assert growing(guest, "new", b"123456789") == [9, 1, Errno.EDQUOT]
    assert guest.call("fd_renumber", 4, 3) == Errno.ESUCCESS
    assert growing(guest, "new", b"123456789") == [9, 9, 2, Errno.EDQUOT]
    assert len((inside / "new").read_bytes()) == 10
    guest.wasi.close()


@needs_host
def test_a_quota_that_cannot_be(inside: Path) -> None:
    with pytest.raises(ValueError):
        Wasi(WasiConfig(preopens={"/": HostDirectory(str(inside), max_bytes=-1)}))
    assert HostDirectory("d") == HostDirectory("d", False, None, None)
