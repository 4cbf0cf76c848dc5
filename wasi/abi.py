"""The interface of WASI preview 1 as one table, and the layouts of its structures.

What belongs here: every function with its parameters, the kinds of those
parameters, the byte layouts and flags of the structures.  What does not: what
a function does (``wasi.preview1``).  Function types, argument decoding and
the transcript's scopes all derive from this table.

Spec: ``wasi_snapshot_preview1`` (the witx files of the WASI repository).
"""

from __future__ import annotations

import struct
from typing import Dict, List, NamedTuple, Tuple

from wasmpy.syntax.types import I32, I64, FuncType, NumType

MODULE = "wasi_snapshot_preview1"
"""The module name that guests import from."""

MODULE_0 = "wasi_unstable"
"""The module name of the older interface, snapshot 0: nearly the same."""

SCOPES: Tuple[str, ...] = ("clock", "filesystem", "memory", "poll", "proc", "random", "sock")
"""The scopes by which the transcript can be filtered; preview 1 has no memory function."""


class Param(NamedTuple):
    """A parameter of a function: its name in the specification and its kind.

    A ``kind`` that begins with ``*`` is a pointer to where a result of the
    kind after it goes.
    """

    name: str
    kind: str

    @property
    def out(self) -> bool:
        """Whether this is where a result goes."""
        return self.kind.startswith("*")

    @property
    def valtype(self) -> NumType:
        """The value type that it has in a function type."""
        return I64 if self.kind in _WIDE else I32


class Function(NamedTuple):
    """A function of the interface; ``noreturn`` ones give no errno back."""

    name: str
    scope: str
    params: Tuple[Param, ...]
    noreturn: bool

    @property
    def functype(self) -> FuncType:
        """The type with which guests import it."""
        results = () if self.noreturn else (I32,)
        return FuncType(tuple(p.valtype for p in self.params), results)


_WIDE = frozenset(("timestamp", "filesize", "filedelta", "rights", "dircookie"))
"""The kinds that are 64 bits wide; all others are 32."""

RESULT_SIZE: Dict[str, int] = {
    "size": 4, "fd": 4, "roflags": 2, "timestamp": 8, "filesize": 8,
    "fdstat": 24, "filestat": 64, "filestat0": 56, "prestat": 8,
}  # fmt: skip
"""Bytes that a result takes in the guest's memory."""

# Name, scope, parameters as name:kind.  A path is its pointer (kind `path`)
# followed by its length; `iovs` and `ciovs` are followed by their count.
_TABLE = """
args_get                proc        argv:ptr argv_buf:ptr
args_sizes_get          proc        argc:*size argv_buf_size:*size
environ_get             proc        environ:ptr environ_buf:ptr
environ_sizes_get       proc        environc:*size environ_buf_size:*size
clock_res_get           clock       id:clockid resolution:*timestamp
clock_time_get          clock       id:clockid precision:timestamp time:*timestamp
fd_advise               filesystem  fd:fd offset:filesize len:filesize advice:advice
fd_allocate             filesystem  fd:fd offset:filesize len:filesize
fd_close                filesystem  fd:fd
fd_datasync             filesystem  fd:fd
fd_fdstat_get           filesystem  fd:fd stat:*fdstat
fd_fdstat_set_flags     filesystem  fd:fd flags:fdflags
fd_fdstat_set_rights    filesystem  fd:fd fs_rights_base:rights fs_rights_inheriting:rights
fd_filestat_get         filesystem  fd:fd buf:*filestat
fd_filestat_set_size    filesystem  fd:fd size:filesize
fd_filestat_set_times   filesystem  fd:fd atim:timestamp mtim:timestamp fst_flags:fstflags
fd_pread                filesystem  fd:fd iovs:iovs iovs_len:size offset:filesize nread:*size
fd_prestat_get          filesystem  fd:fd buf:*prestat
fd_prestat_dir_name     filesystem  fd:fd path:ptr path_len:size
fd_pwrite               filesystem  fd:fd iovs:ciovs iovs_len:size offset:filesize nwritten:*size
fd_read                 filesystem  fd:fd iovs:iovs iovs_len:size nread:*size
fd_readdir              filesystem  fd:fd buf:ptr buf_len:size cookie:dircookie bufused:*size
fd_renumber             filesystem  fd:fd to:fd
fd_seek                 filesystem  fd:fd offset:filedelta whence:whence newoffset:*filesize
fd_sync                 filesystem  fd:fd
fd_tell                 filesystem  fd:fd offset:*filesize
fd_write                filesystem  fd:fd iovs:ciovs iovs_len:size nwritten:*size
path_create_directory   filesystem  fd:fd path:path path_len:size
path_filestat_get       filesystem  fd:fd flags:lookupflags path:path path_len:size buf:*filestat
path_filestat_set_times filesystem  fd:fd flags:lookupflags path:path path_len:size \
    atim:timestamp mtim:timestamp fst_flags:fstflags
path_link               filesystem  old_fd:fd old_flags:lookupflags old_path:path \
    old_path_len:size new_fd:fd new_path:path new_path_len:size
path_open               filesystem  fd:fd dirflags:lookupflags path:path path_len:size \
    oflags:oflags fs_rights_base:rights fs_rights_inheriting:rights fdflags:fdflags opened_fd:*fd
path_readlink           filesystem  fd:fd path:path path_len:size buf:ptr buf_len:size bufused:*size
path_remove_directory   filesystem  fd:fd path:path path_len:size
path_rename             filesystem  fd:fd old_path:path old_path_len:size new_fd:fd \
    new_path:path new_path_len:size
path_symlink            filesystem  old_path:path old_path_len:size fd:fd new_path:path \
    new_path_len:size
path_unlink_file        filesystem  fd:fd path:path path_len:size
poll_oneoff             poll        in:ptr out:ptr nsubscriptions:size nevents:*size
proc_exit               proc        rval:exitcode
proc_raise              proc        sig:signal
sched_yield             proc
random_get              random      buf:ptr buf_len:size
sock_accept             sock        fd:fd flags:fdflags opened_fd:*fd
sock_recv               sock        fd:fd ri_data:iovs ri_data_len:size ri_flags:riflags \
    ro_datalen:*size ro_flags:*roflags
sock_send               sock        fd:fd si_data:ciovs si_data_len:size si_flags:siflags \
    so_datalen:*size
sock_shutdown           sock        fd:fd how:sdflags
"""


def _rows(table: str) -> Dict[str, Function]:
    """The functions of ``table`` by name, in its order."""
    functions: Dict[str, Function] = {}
    for line in table.strip().splitlines():
        name, scope, *rest = line.split()
        params = tuple(Param(*item.split(":")) for item in rest)
        functions[name] = Function(name, scope, params, name == "proc_exit")
    return functions


FUNCTIONS: Dict[str, Function] = _rows(_TABLE)
"""All 46 functions by name, in the order of the specification."""

FUNCTIONS_0: Dict[str, Function] = _rows(
    "\n".join(line for line in _TABLE.strip().splitlines() if not line.startswith("sock_accept"))
    .replace(":whence", ":whence0")
    .replace(":*filestat", ":*filestat0")
)
"""The 45 functions of the older interface, by name."""


ENUMS: Dict[str, Tuple[str, ...]] = {
    "clockid": ("realtime", "monotonic", "process_cputime_id", "thread_cputime_id"),
    "whence": ("set", "cur", "end"),
    "whence0": ("cur", "end", "set"),
    "filetype": (
        "unknown", "block_device", "character_device", "directory", "regular_file",
        "socket_dgram", "socket_stream", "symbolic_link",
    ),
    "advice": ("normal", "sequential", "random", "willneed", "dontneed", "noreuse"),
    "signal": (
        "none", "hup", "int", "quit", "ill", "trap", "abrt", "bus", "fpe", "kill", "usr1", "segv",
        "usr2", "pipe", "alrm", "term", "chld", "cont", "stop", "tstp", "ttin", "ttou", "urg",
        "xcpu", "xfsz", "vtalrm", "prof", "winch", "poll", "pwr", "sys",
    ),
}  # fmt: skip
"""Names of the enumerations among the parameters and results, by value."""

SIGNALS_IGNORED = frozenset(("chld", "cont", "urg", "winch"))
SIGNALS_STOPPING = frozenset(("stop", "tstp", "ttin", "ttou"))
"""What signals do that do not end a program; all others do, as POSIX says."""

FLAGS: Dict[str, Tuple[str, ...]] = {
    "fdflags": ("append", "dsync", "nonblock", "rsync", "sync"),
    "fstflags": ("atim", "atim_now", "mtim", "mtim_now"),
    "lookupflags": ("symlink_follow",),
    "oflags": ("creat", "directory", "excl", "trunc"),
    "riflags": ("recv_peek", "recv_waitall"),
    "roflags": ("recv_data_truncated",),
    "sdflags": ("rd", "wr"),
}
"""Names of the flags among the parameters, from the lowest bit."""

CLOCK_REALTIME = 0
CLOCK_MONOTONIC = 1

WHENCE_CUR = 1
ADVICES = len(ENUMS["advice"])

FDFLAGS_APPEND = 1
FDFLAGS_DSYNC = 2
FDFLAGS_NONBLOCK = 4
FDFLAGS_RSYNC = 8
FDFLAGS_SYNC = 16
FDFLAGS_ALL = (1 << len(FLAGS["fdflags"])) - 1
FSTFLAGS_ATIM = 1
FSTFLAGS_ATIM_NOW = 2
FSTFLAGS_ALL = (1 << len(FLAGS["fstflags"])) - 1
LOOKUPFLAGS_SYMLINK_FOLLOW = 1
OFLAGS_CREAT = 1
OFLAGS_DIRECTORY = 2
OFLAGS_EXCL = 4
OFLAGS_TRUNC = 8
OFLAGS_ALL = (1 << len(FLAGS["oflags"])) - 1
RIFLAGS_RECV_PEEK = 1
RIFLAGS_RECV_WAITALL = 2
RIFLAGS_ALL = (1 << len(FLAGS["riflags"])) - 1

_RIGHTS = """
    fd_datasync fd_read fd_seek fd_fdstat_set_flags fd_sync fd_tell fd_write fd_advise
    fd_allocate path_create_directory path_create_file path_link_source path_link_target
    path_open fd_readdir path_readlink path_rename_source path_rename_target
    path_filestat_get path_filestat_set_size path_filestat_set_times fd_filestat_get
    fd_filestat_set_size fd_filestat_set_times path_symlink path_remove_directory
    path_unlink_file poll_fd_readwrite sock_shutdown sock_accept
"""
RIGHTS: List[str] = _RIGHTS.split()
"""Names of the rights, from the lowest bit."""


def rights(*names: str) -> int:
    """The bits of the rights ``names``."""
    return sum(1 << RIGHTS.index(name) for name in names)


PREOPENTYPE_DIR = 0

EVENTTYPE_CLOCK = 0
EVENTTYPE_FD_READ = 1
EVENTTYPE_FD_WRITE = 2
EVENTRWFLAGS_HANGUP = 1
SUBCLOCKFLAGS_ABSTIME = 1

IOVEC = struct.Struct("<II")
"""buf, buf_len."""
FDSTAT = struct.Struct("<BxHxxxxQQ")
"""filetype, flags, rights base, rights inheriting."""
FILESTAT = struct.Struct("<QQBxxxxxxxQQQQQ")
"""dev, ino, filetype, nlink, size, atim, mtim, ctim."""
FILESTAT_0 = struct.Struct("<QQBxxxIQQQQ")
"""The same in the older interface, whose nlink has 32 bits."""
PRESTAT = struct.Struct("<BxxxI")
"""tag, length of the name."""
DIRENT = struct.Struct("<QQIBxxx")
"""next cookie, ino, length of the name, filetype; the name follows."""
SUBSCRIPTION = struct.Struct("<QBxxxxxxxIxxxxQQHxxxxxx")
"""userdata, type, clock id or fd, timeout, precision, flags."""
EVENT = struct.Struct("<QHBxxxxxQHxxxxxx")
"""userdata, error, type, nbytes, flags."""

U32 = struct.Struct("<I")
SUBSCRIPTION_0_HEAD = struct.Struct("<QB")
"""userdata, type; what follows stands at 16."""
CLOCK_0 = struct.Struct("<QIxxxxQQH")
"""identifier, clock id, timeout, precision, flags: a clock in the older interface."""
SUBSCRIPTION_0 = struct.Struct("<QB47x")
"""The older interface's subscription as a whole: 56 bytes."""


def pack_filestat_0(stat: Tuple[int, ...]) -> bytes:
    """A ``filestat`` of the older interface; more links than fit are as many as fit."""
    dev, ino, filetype, nlink, size, atim, mtim, ctim = stat
    return FILESTAT_0.pack(dev, ino, filetype, min(nlink, 0xFFFF_FFFF), size, atim, mtim, ctim)
