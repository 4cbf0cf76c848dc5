"""A directory of the host, one name at a time from the directory before it.

What belongs here: the system calls, and what keeps them inside.  What does
not: paths (``wasi.paths``).

How it stays inside: every directory on the way is held by a descriptor
(``O_PATH``); every call gets such a descriptor and one name that is neither
``..`` nor has a slash, with ``O_NOFOLLOW`` or its like; no path is joined and no
link is ever followed by the kernel, not even those of ``/proc``.  What
cannot do that is refused (``ContainmentError``).

Only regular files can be opened.  To open a FIFO can wait for ever, and to open
a device can do anything: EACCES; so can what only looks like a file, in ``/proc``
and its like.  Names that are not UTF-8 cannot be said by
a guest, and are not listed.
"""

from __future__ import annotations

import contextlib
import os
import platform
import stat as modes
import sys
import threading
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from wasi.errno import Errno, ErrnoError, errno_of
from wasi.fs.base import (
    MAX_OFFSET,
    Directory,
    Entry,
    File,
    FileSystem,
    Filetype,
    Node,
    Stat,
    Symlink,
    checked_name,
    checked_range,
    told_time,
)
from wasi.fs.held import Handle, Held
from wasi.fs.kernel import is_made_up
from wasi.fs.quota import Quota

try:
    import fcntl
except ImportError:  # pragma: no cover - not on every system
    fcntl = None  # type: ignore[assignment]

CHUNK = 1024 * 1024
"""How much is asked of the host at once, in bytes: it reserves what it is asked for."""

_NEEDED = ("open", "stat", "mkdir", "rmdir", "unlink", "link", "symlink", "readlink", "rename")

_GENERIC = ("x86_64", "i386", "i686", "aarch64", "arm", "riscv", "s390x", "ppc64", "loongarch")

# PyPy has the flag and no name for it.
_O_PATH: int = getattr(os, "O_PATH", 0o10000000 if platform.machine().startswith(_GENERIC) else 0)
_O_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
_O_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_O_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
# Whatever it is that gets opened between a look and the opening: it neither waits nor takes over.
_O_HARMLESS: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

_FILETYPES = {
    modes.S_IFDIR: Filetype.DIRECTORY,
    modes.S_IFREG: Filetype.REGULAR_FILE,
    modes.S_IFLNK: Filetype.SYMBOLIC_LINK,
    modes.S_IFCHR: Filetype.CHARACTER_DEVICE,
    modes.S_IFBLK: Filetype.BLOCK_DEVICE,
    modes.S_IFSOCK: Filetype.SOCKET_STREAM,
}


class ContainmentError(RuntimeError):
    """This system cannot keep a guest inside a directory of the host; ``missing`` says why."""

    def __init__(self, missing: str) -> None:
        super().__init__(missing)
        self.missing = missing

    def __str__(self) -> str:
        return f"no directory of the host can be given here: {self.missing}"


def containment_lacks() -> Optional[str]:
    """What this system lacks to keep a guest inside a directory; None if nothing."""
    if not sys.platform.startswith(("linux", "android")):
        return f"containment is not proven on {sys.platform}"
    if not (_O_PATH and _O_NOFOLLOW and _O_DIRECTORY and _O_CLOEXEC) or fcntl is None:
        return "a flag of open or fcntl is missing"
    for name in _NEEDED:
        if getattr(os, name) not in os.supports_dir_fd:
            return f"os.{name} takes no directory's descriptor"
    if os.utime not in os.supports_fd or os.scandir not in os.supports_fd:
        return "os.utime and os.scandir take no descriptor"
    return None


class HostFileSystem(Handle, FileSystem):
    """The directory ``path`` of the host; it is held open, whatever becomes of its name.

    With ``max_bytes`` or ``max_nodes`` the guest gets EDQUOT when it has added more
    than that, less what it took away.  ``Stat.dev`` and ``ino`` are the host's.

    Raises: ContainmentError; OSError where there is no such directory.
    """

    uses_descriptors = True

    def __init__(
        self, path: Union[str, bytes, os.PathLike[str]], *,
        max_bytes: Optional[int] = None, max_nodes: Optional[int] = None,
    ) -> None:  # fmt: skip
        lacks = containment_lacks()
        if lacks is not None:
            raise ContainmentError(lacks)
        self._account = _Account(Quota(max_bytes, max_nodes))
        self._held = Held(os.open(path, _O_PATH | _O_DIRECTORY | _O_CLOEXEC))
        with self._held as fd:
            known = fcntl.fcntl(fd, fcntl.F_GETFL) & _O_PATH
        if not known:
            self.close()
            raise ContainmentError("the flag O_PATH is not known to the kernel")

    @property
    def quota(self) -> Quota:
        """What was added, and what may be."""
        return self._account.quota

    def root(self) -> Directory:
        """A handle for the directory.  EBADF after ``close``."""
        return _Directory(self._account, self._held.again())

    def close(self) -> None:
        """Let go of the directory; handles that are open stay so."""
        with _errors():
            self._let_go().release()


class _Account:
    """What a guest added to a directory of the host."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.lock = threading.RLock()
        self._opens: Dict[Tuple[int, int], int] = {}

    def opened(self, key: Tuple[int, int]) -> None:
        """Hear that one more has this file open."""
        with self.lock:
            self._opens[key] = self._opens.get(key, 0) + 1

    def closing(self, fd: int, key: Tuple[int, int]) -> None:
        """Hear that ``fd`` is about to be closed; what has no name goes with it."""
        with self.lock:
            self._opens[key] -= 1
            if not self._opens[key]:
                del self._opens[key]
                self._settle(os.fstat(fd))

    @contextlib.contextmanager
    def removing(self, directory: int, name: bytes) -> Iterator[None]:
        """Count what takes away a name, if there is one."""
        if not self.quota.limited:
            yield
            return
        with self.lock:
            try:
                fd = _open(name, _O_PATH | _O_NOFOLLOW, directory)
            except ErrnoError:
                yield
                return
            try:
                before = os.fstat(fd)
                yield
                after = os.fstat(fd)
                if after.st_nlink < before.st_nlink:
                    self.quota.add_nodes(-1)
                    self._settle(after)
            finally:
                os.close(fd)

    def _settle(self, status: os.stat_result) -> None:
        counted = modes.S_ISREG(status.st_mode) or modes.S_ISLNK(status.st_mode)
        if counted and not status.st_nlink and (status.st_dev, status.st_ino) not in self._opens:
            self.quota.add_bytes(-status.st_size)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Let a guest hear what the host says."""
    try:
        yield
    except OSError as error:
        raise ErrnoError(errno_of(error)) from None


def _open(name: bytes, flags: int, directory: int) -> int:
    """A descriptor for what has this name; never what a link leads to."""
    with _errors():
        return os.open(name, flags | _O_NOFOLLOW | _O_CLOEXEC, 0o666, dir_fd=directory)


def _stat_of(status: os.stat_result) -> Stat:
    return Stat(
        status.st_dev, status.st_ino,
        _FILETYPES.get(modes.S_IFMT(status.st_mode), Filetype.UNKNOWN),
        status.st_nlink, status.st_size,
        *map(told_time, (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)),
    )  # fmt: skip


def _times(status: os.stat_result, atim: Optional[int], mtim: Optional[int]) -> Tuple[int, int]:
    """What to set; what is to stay is set to what it is."""
    return (
        status.st_atime_ns if atim is None else atim,
        status.st_mtime_ns if mtim is None else mtim,
    )


class _Looked(Handle, Node):
    """A node that was looked up, to be looked at."""

    def __init__(self, held: Held, status: os.stat_result, within: Held, name: bytes) -> None:
        self._held = held
        self._within = within.again()
        self._name = name
        self.filetype = _FILETYPES.get(modes.S_IFMT(status.st_mode), Filetype.UNKNOWN)

    def stat(self) -> Stat:
        with _errors(), self._held as fd:
            return _stat_of(os.fstat(fd))

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        # Python has no call for a descriptor like ours: by name then, if that is still it.  Should
        # the name be another's in the same instant, then that is one in the same directory.
        with _errors(), self._held as fd, self._within as within:
            status = os.fstat(fd)
            named = os.stat(self._name, dir_fd=within, follow_symlinks=False)
            if not os.path.samestat(status, named):
                raise ErrnoError(Errno.ENOENT)
            os.utime(
                self._name, ns=_times(status, atim, mtim), dir_fd=within, follow_symlinks=False
            )

    def close(self) -> None:
        held = self._let_go()
        if held.is_open:
            with _errors():
                held.release()
                self._within.release()


class _Symlink(_Looked, Symlink):
    """A link."""

    filetype = Filetype.SYMBOLIC_LINK

    def target(self) -> bytes:
        # The empty name is the link that the descriptor stands for.
        with _errors(), self._held as fd:
            return os.readlink(b"", dir_fd=fd)


class _File(Handle, File):
    """A regular file that was opened."""

    filetype = Filetype.REGULAR_FILE

    def __init__(
        self, account: _Account, fd: int, status: os.stat_result, *, read: bool, write: bool
    ) -> None:
        self._account = account
        self._held = Held(fd)
        self._key = (status.st_dev, status.st_ino)
        self._read = read
        self._write = write
        account.opened(self._key)

    def stat(self) -> Stat:
        with _errors(), self._held as fd:
            return _stat_of(os.fstat(fd))

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        with _errors(), self._held as fd:
            os.utime(fd, ns=_times(os.fstat(fd), atim, mtim))

    def pread(self, size: int, offset: int) -> bytes:
        self._may(self._read)
        checked_range(offset)
        size = min(size, MAX_OFFSET - offset)
        parts: List[bytes] = []
        with _errors(), self._held as fd:
            while size > 0:
                part = os.pread(fd, min(size, CHUNK), offset)
                if not part:
                    break
                parts.append(part)
                size -= len(part)
                offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def pwrite(self, data: bytes, offset: int) -> int:
        self._may(self._write)
        checked_range(offset, len(data))
        if not self._account.quota.limited:
            with _errors(), self._held as fd:
                return os.pwrite(fd, data, offset)
        with self._account.lock, _errors(), self._held as fd:
            old = os.fstat(fd).st_size
            taken = os.pwrite(fd, self._granted(data, offset, old), offset)
            if taken:
                self._account.quota.add_bytes(max(0, offset + taken - old))
            return taken

    def append(self, data: bytes) -> Tuple[int, int]:
        # Others may write to the file too, so the kernel is to say where the end is; but the
        # descriptor must not stay that way: Linux's pwrite would append then, too.
        self._may(self._write)
        with self._account.lock, _errors(), self._held as fd:
            old = os.fstat(fd).st_size
            data = self._granted(data, old, old)
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_APPEND)
            try:
                taken = os.write(fd, data) if data else 0
                end = os.lseek(fd, 0, os.SEEK_CUR) if data else old
            finally:
                fcntl.fcntl(fd, fcntl.F_SETFL, flags)
            self._account.quota.add_bytes(taken)
            return taken, end

    def truncate(self, size: int) -> None:
        self._may(self._write)
        self.resize(size)

    def resize(self, size: int) -> None:
        """As ``truncate``, whatever the guest opened it for."""
        checked_range(size)
        with self._account.lock, _errors(), self._held as fd:
            growth = size - os.fstat(fd).st_size
            self._account.quota.need_bytes(max(0, growth))
            os.ftruncate(fd, size)
            self._account.quota.add_bytes(growth)

    def allocate(self, offset: int, length: int) -> None:
        self._may(self._write)
        checked_range(offset, length)
        if not length:
            raise ErrnoError(Errno.EINVAL)
        with self._account.lock, _errors(), self._held as fd:
            growth = max(0, offset + length - os.fstat(fd).st_size)
            self._account.quota.need_bytes(growth)
            os.posix_fallocate(fd, offset, length)
            # PyPy does not look at what the call says.
            if os.fstat(fd).st_size < offset + length:
                raise ErrnoError(Errno.ENOSPC)
            self._account.quota.add_bytes(growth)

    def sync(self, *, data_only: bool) -> None:
        with _errors(), self._held as fd:
            (os.fdatasync if data_only else os.fsync)(fd)

    def close(self) -> None:
        held = self._let_go()
        if held.is_open:
            self._read = self._write = False
            with _errors():
                try:
                    with held as fd:
                        self._account.closing(fd, self._key)
                finally:
                    held.release()

    def _may(self, what: bool) -> None:  # noqa: FBT001 - one of its own two
        if not what:
            raise ErrnoError(Errno.EBADF)

    def _granted(self, data: bytes, offset: int, old: int) -> bytes:
        """The part of ``data`` that there is room for at ``offset``."""
        growth = max(0, offset + len(data) - old)
        lacking = growth - self._account.quota.grant(growth)
        if lacking and lacking >= len(data):
            raise ErrnoError(self._account.quota.errno)
        return data[: len(data) - lacking]


class _Directory(Handle, Directory):
    """A directory of the host."""

    def __init__(self, account: _Account, held: Held) -> None:
        self._account = account
        self._held = held

    def stat(self) -> Stat:
        with _errors(), self._held as fd:
            return _stat_of(os.fstat(fd))

    def set_times(self, atim: Optional[int], mtim: Optional[int]) -> None:
        with _errors(), self._held as fd:
            times = _times(os.fstat(fd), atim, mtim)
            os.utime(b".", ns=times, dir_fd=fd, follow_symlinks=False)

    def lookup(self, name: bytes) -> Node:
        within = self._held
        with _errors(), within as directory:
            held = Held(_open(checked_name(name), _O_PATH, directory))
            with held as fd:
                status = os.fstat(fd)
            return self._found(held, status, within, name)

    def _found(self, held: Held, status: os.stat_result, within: Held, name: bytes) -> Node:
        if modes.S_ISDIR(status.st_mode):
            return _Directory(self._account, held)
        if modes.S_ISLNK(status.st_mode):
            return _Symlink(held, status, within, name)
        return _Looked(held, status, within, name)

    def entries(self) -> List[Entry]:
        fd = self._readable()
        found = []
        with _errors():
            try:
                with os.scandir(fd) as listing:
                    for item in listing:
                        name = os.fsencode(item.name)
                        if _can_be_said(name):
                            found.append(Entry(name, item.inode(), _filetype_of(item)))
            finally:
                os.close(fd)
        return sorted(found)

    def open(
        self, name: bytes, *, read: bool, write: bool, create: bool = False,
        exclusive: bool = False, truncate: bool = False,
    ) -> File:  # fmt: skip
        exclusive = exclusive and create
        with self._account.lock, _errors(), self._held as directory:
            is_new = _look(directory, checked_name(name), create=create, exclusive=exclusive)
            _must_keep_files(directory)
            if is_new:
                self._account.quota.need_node()
            flags = _O_HARMLESS | (os.O_CREAT if create else 0) | (os.O_EXCL if exclusive else 0)
            if write or truncate:
                flags |= os.O_RDWR if read else os.O_WRONLY
            fd = _open(name, flags | os.O_RDONLY, directory)
            try:
                with _errors():
                    status = os.fstat(fd)
                # It can have become another since the look.
                _must_be_file(status)
                _must_keep_files(fd)
                if is_new:
                    self._account.quota.add_nodes(1)
                file = _File(self._account, fd, status, read=read, write=write)
            except BaseException:
                os.close(fd)
                raise
            if truncate:
                try:
                    file.resize(0)
                except BaseException:
                    file.close()
                    raise
            return file

    def make_directory(self, name: bytes) -> None:
        with self._adding(name) as directory:
            os.mkdir(name, 0o777, dir_fd=directory)

    def make_symlink(self, name: bytes, target: bytes) -> None:
        with self._adding(name, len(target)) as directory:
            os.symlink(target, name, dir_fd=directory)

    def make_link(self, name: bytes, of: Directory, of_name: bytes) -> None:
        checked_name(name)
        with self._same_account(of)._held as source, self._held as directory:
            _must_not_be_directory(source, checked_name(of_name), directory, name)
            with self._adding(name):
                _link(source, of_name, directory, name)

    def remove_file(self, name: bytes) -> None:
        with _errors(), self._held as fd, self._account.removing(fd, checked_name(name)):
            os.unlink(name, dir_fd=fd)

    def remove_directory(self, name: bytes) -> None:
        with _errors(), self._held as fd, self._account.removing(fd, checked_name(name)):
            os.rmdir(name, dir_fd=fd)

    def rename(self, name: bytes, to: Directory, to_name: bytes) -> None:
        other = self._same_account(to)
        checked_name(name)
        with _errors(), self._held as here, other._held as there, \
                self._account.removing(there, checked_name(to_name)):  # fmt: skip
            os.rename(name, to_name, src_dir_fd=here, dst_dir_fd=there)

    def sync(self, *, data_only: bool) -> None:
        fd = self._readable()
        with _errors():
            try:
                (os.fdatasync if data_only else os.fsync)(fd)
            finally:
                os.close(fd)

    def again(self) -> Directory:
        return _Directory(self._account, self._held.again())

    def close(self) -> None:
        with _errors():
            self._let_go().release()

    def _readable(self) -> int:
        """A descriptor that can do what one with ``O_PATH`` cannot; to be closed."""
        with _errors(), self._held as directory:
            return _open(b".", os.O_RDONLY | _O_DIRECTORY, directory)

    @contextlib.contextmanager
    def _adding(self, name: bytes, size: int = 0) -> Iterator[int]:
        """Around what makes a new name, or a link of ``size`` bytes; the directory's descriptor."""
        checked_name(name)
        with _errors(), self._account.lock, self._held as fd:
            try:
                self._account.quota.need_node()
                self._account.quota.need_bytes(size)
            except ErrnoError:
                # As everywhere, what there is already comes first.
                with contextlib.suppress(FileNotFoundError):
                    os.stat(name, dir_fd=fd, follow_symlinks=False)
                    raise ErrnoError(Errno.EEXIST) from None
                raise
            yield fd
            self._account.quota.add_nodes(1)
            self._account.quota.add_bytes(size)

    def _same_account(self, other: Directory) -> _Directory:
        if not isinstance(other, _Directory) or other._account is not self._account:
            raise ErrnoError(Errno.EXDEV)
        return other


def _must_not_be_directory(source: int, of_name: bytes, directory: int, name: bytes) -> None:
    """EPERM for a directory, but EEXIST first, as everywhere."""
    with _errors():
        status = os.stat(of_name, dir_fd=source, follow_symlinks=False)
        if modes.S_ISDIR(status.st_mode):
            with contextlib.suppress(FileNotFoundError):
                os.stat(name, dir_fd=directory, follow_symlinks=False)
                raise ErrnoError(Errno.EEXIST)
            raise ErrnoError(Errno.EPERM)


def _link(source: int, of_name: bytes, directory: int, name: bytes) -> None:
    """Make a hard link; of a link itself, never of what it leads to."""
    places: Dict[str, Any] = {"src_dir_fd": source, "dst_dir_fd": directory}
    if sys.implementation.name != "pypy":
        os.link(of_name, name, follow_symlinks=False, **places)
        return
    try:
        os.link(of_name, name, follow_symlinks=False, **places)
    except OSError as error:
        if errno_of(error) != Errno.EINVAL:
            raise
        # PyPy gives linkat the flag for not following that only other calls know; without any, as
        # it is without this argument, linkat does not follow either.
        os.link(of_name, name, **places)


def _look(directory: int, name: bytes, *, create: bool, exclusive: bool) -> bool:
    """Refuse what is no file; whether there is nothing yet."""
    with _errors():
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            if create:
                return True
            raise
    if exclusive:
        raise ErrnoError(Errno.EEXIST)
    _must_be_file(status)
    return False


def _must_keep_files(fd: int) -> None:
    """Refuse what the kernel makes up, such as the memory of this process."""
    if is_made_up(fd):
        raise ErrnoError(Errno.EACCES)


def _must_be_file(status: os.stat_result) -> None:
    """Refuse to open what is no regular file."""
    if modes.S_ISREG(status.st_mode):
        return
    if modes.S_ISDIR(status.st_mode):
        raise ErrnoError(Errno.EISDIR)
    raise ErrnoError(Errno.ELOOP if modes.S_ISLNK(status.st_mode) else Errno.EACCES)


def _can_be_said(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _filetype_of(item: os.DirEntry[str]) -> Filetype:
    """The type of an entry, from the directory where that says it."""
    if item.is_symlink():
        return Filetype.SYMBOLIC_LINK
    if item.is_dir(follow_symlinks=False):
        return Filetype.DIRECTORY
    if item.is_file(follow_symlinks=False):
        return Filetype.REGULAR_FILE
    try:
        mode = item.stat(follow_symlinks=False).st_mode
    except OSError:
        # Gone meanwhile.
        return Filetype.UNKNOWN
    return _FILETYPES.get(modes.S_IFMT(mode), Filetype.UNKNOWN)
