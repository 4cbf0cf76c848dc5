"""Functions that are given a path.

What belongs here: checking descriptors, rights, flags and pointers, and asking
for what the path leads to.  What does not: how a path is walked
(``wasi.paths``), and what is found there (``wasi.fs``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from wasi import abi, rights
from wasi import paths as walk
from wasi.descriptors import Descriptor, OpenDirectory, OpenFile
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Directory, File, Node
from wasi.pointers import check, load, store, store_u32
from wasi.preview1.descriptors import check_fdflags, times
from wasi.preview1.handlers import handler

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst

_NEEDS_WRITING = abi.rights("fd_allocate", "fd_filestat_set_size")


def _directory(wasi: Wasi, fd: int, *operations: str) -> Directory:
    """The directory ``fd``, if it has the rights."""
    return wasi.fds.of(OpenDirectory, fd, *operations).directory


def load_path(memory: MemInst, address: int, size: int) -> bytes:
    """The path at ``address``; one that is longer than any can be is not even read.

    Raises: ErrnoError(EFAULT, ENAMETOOLONG).
    """
    check(memory, address, size)
    if size >= walk.MAX_PATH:
        raise ErrnoError(Errno.ENAMETOOLONG)
    return load(memory, address, size)


def follows(flags: int) -> bool:
    """Whether a link in the last place is followed.  Raises: ErrnoError(EINVAL)."""
    if flags & ~abi.LOOKUPFLAGS_SYMLINK_FOLLOW:
        raise ErrnoError(Errno.EINVAL)
    return bool(flags)


@handler
def path_create_directory(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, path: int, path_len: int
) -> None:
    """Make a directory."""
    directory = _directory(wasi, fd, "path_create_directory")
    walk.make_directory(directory, load_path(memory, path, path_len))


@handler
def path_filestat_get(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, flags: int, path: int, path_len: int,
    buf: int,
) -> None:  # fmt: skip
    """The attributes of what is at a path."""
    opened = wasi.fds.of(OpenDirectory, fd, "path_filestat_get")
    name, follow = load_path(memory, path, path_len), follows(flags)
    check(memory, buf, abi.FILESTAT.size)
    with walk.look_up(opened.directory, name, follow=follow) as node:
        store(memory, buf, abi.FILESTAT.pack(*opened.sight.of(node.stat())))


@handler
def path_filestat_set_times(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, flags: int, path: int, path_len: int,
    atim: int, mtim: int, fst_flags: int,
) -> None:  # fmt: skip
    """Set the times of what is at a path."""
    directory = _directory(wasi, fd, "path_filestat_set_times")
    name, follow = load_path(memory, path, path_len), follows(flags)
    wanted = times(wasi, atim, mtim, fst_flags)
    with walk.look_up(directory, name, follow=follow) as node:
        node.set_times(*wanted)


@handler
def path_link(
    wasi: Wasi, caller: Caller, memory: MemInst, old_fd: int, old_flags: int, old_path: int,
    old_path_len: int, new_fd: int, new_path: int, new_path_len: int,
) -> None:  # fmt: skip
    """Give a file one more name."""
    old = _directory(wasi, old_fd, "path_link_source")
    new = _directory(wasi, new_fd, "path_link_target")
    old_name = load_path(memory, old_path, old_path_len)
    new_name = load_path(memory, new_path, new_path_len)
    walk.make_link(old, old_name, new, new_name, follow=follows(old_flags))


@handler
def path_open(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, dirflags: int, path: int, path_len: int,
    oflags: int, fs_rights_base: int, fs_rights_inheriting: int, fdflags: int, opened_fd: int,
) -> None:  # fmt: skip
    """Open a file or a directory, with no more rights than the directory hands on."""
    wasi.fds.get(fd, "path_open")
    parent = wasi.fds.of(OpenDirectory, fd, *_rights_of_oflags(oflags))
    name, follow = load_path(memory, path, path_len), follows(dirflags)
    check_fdflags(fdflags)
    check(memory, opened_fd, 4)
    wasi.fds.check_room()
    _check_hands_on(parent, _rights_of_fdflags(fdflags))
    if oflags & (abi.OFLAGS_CREAT | abi.OFLAGS_TRUNC):
        # What is refused must not have made or emptied a file before.
        _check_hands_on(parent, fs_rights_base & rights.FILE)
    node = _open_node(parent.directory, name, oflags, fs_rights_base, follow=follow)
    try:
        opened = _descriptor(parent, node, fs_rights_base, fs_rights_inheriting, fdflags)
    except ErrnoError:
        node.close()
        raise
    store_u32(memory, opened_fd, wasi.fds.add(opened))


def _rights_of_oflags(oflags: int) -> List[str]:
    """What a directory needs besides to open with ``oflags``.  Raises: ErrnoError(EINVAL)."""
    if oflags & ~abi.OFLAGS_ALL:
        raise ErrnoError(Errno.EINVAL)
    needed = []
    if oflags & abi.OFLAGS_CREAT:
        needed.append("path_create_file")
    if oflags & abi.OFLAGS_TRUNC:
        needed.append("path_filestat_set_size")
    return needed


def _rights_of_fdflags(fdflags: int) -> int:
    """What a directory has to hand on for a file that is always synchronous."""
    if fdflags & (abi.FDFLAGS_SYNC | abi.FDFLAGS_RSYNC):
        return abi.rights("fd_sync")
    return abi.rights("fd_datasync") if fdflags & abi.FDFLAGS_DSYNC else 0


def _check_hands_on(parent: Descriptor, wanted: int) -> None:
    """Refuse rights that ``parent`` does not hand on.  Raises: ErrnoError(ENOTCAPABLE)."""
    if wanted & ~parent.inheriting:
        raise ErrnoError(Errno.ENOTCAPABLE)


_NOT_WRITABLE = (Errno.EACCES, Errno.EISDIR, Errno.EPERM, Errno.EROFS, Errno.ETXTBSY)
"""What a system says of that which can be read, but not be opened for writing."""


def _open_node(
    directory: Directory, path: bytes, oflags: int, base: int, *, follow: bool
) -> Node:
    """Open what is at ``path`` for what the rights ``base`` need."""
    read = bool(base & abi.rights("fd_read"))
    write = bool(base & abi.rights("fd_write"))
    wants = write or bool(base & _NEEDS_WRITING)

    def attempt(*, write: bool) -> Node:
        return walk.open_at(
            directory, path, follow=follow, read=read, write=write,
            create=bool(oflags & abi.OFLAGS_CREAT), exclusive=bool(oflags & abi.OFLAGS_EXCL),
            truncate=bool(oflags & abi.OFLAGS_TRUNC),
            directory=bool(oflags & abi.OFLAGS_DIRECTORY),
        )  # fmt: skip

    if wants and not write:
        # Some guests ask for the right to resize whatever they open: what is read-only, or a
        # directory, can be opened all the same.
        try:
            return attempt(write=True)
        except ErrnoError as error:
            if error.errno not in _NOT_WRITABLE:
                raise
    return attempt(write=write)


def _descriptor(
    parent: OpenDirectory, node: Node, base: int, inheriting: int, fdflags: int
) -> Descriptor:
    """What is open now; rights that make no sense for its kind are left out."""
    if isinstance(node, Directory):
        base, inheriting = base & rights.DIRECTORY, inheriting & rights.INHERITING
        _check_hands_on(parent, base | inheriting)
        return OpenDirectory(node, base, inheriting, fdflags, sight=parent.sight)
    assert isinstance(node, File)
    base &= rights.FILE
    _check_hands_on(parent, base)
    return OpenFile(node, base, fdflags, parent.sight)


@handler
def path_readlink(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, path: int, path_len: int, buf: int,
    buf_len: int, bufused: int,
) -> None:  # fmt: skip
    """Where a link leads, cut where the buffer ends."""
    directory = _directory(wasi, fd, "path_readlink")
    name = load_path(memory, path, path_len)
    check(memory, buf, buf_len)
    check(memory, bufused, 4)
    target = walk.read_link(directory, name)[:buf_len]
    store(memory, buf, target)
    store_u32(memory, bufused, len(target))


@handler
def path_remove_directory(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, path: int, path_len: int
) -> None:
    """Remove an empty directory."""
    directory = _directory(wasi, fd, "path_remove_directory")
    walk.remove_directory(directory, load_path(memory, path, path_len))


@handler
def path_rename(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, old_path: int, old_path_len: int,
    new_fd: int, new_path: int, new_path_len: int,
) -> None:  # fmt: skip
    """Give a file or directory another name, in the place of what has it."""
    old = _directory(wasi, fd, "path_rename_source")
    new = _directory(wasi, new_fd, "path_rename_target")
    old_name = load_path(memory, old_path, old_path_len)
    walk.rename(old, old_name, new, load_path(memory, new_path, new_path_len))


@handler
def path_symlink(
    wasi: Wasi, caller: Caller, memory: MemInst, old_path: int, old_path_len: int, fd: int,
    new_path: int, new_path_len: int,
) -> None:  # fmt: skip
    """Make a link; where it leads need not exist."""
    directory = _directory(wasi, fd, "path_symlink")
    target = load_path(memory, old_path, old_path_len)
    walk.make_symlink(directory, load_path(memory, new_path, new_path_len), target)


@handler
def path_unlink_file(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, path: int, path_len: int
) -> None:
    """Take away the name of a file."""
    directory = _directory(wasi, fd, "path_unlink_file")
    walk.remove_file(directory, load_path(memory, path, path_len))
