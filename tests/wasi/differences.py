"""The one table of what other engines answer otherwise than the programs ask for, with the reason.

What belongs here: every check that fails there, by engine, program and label.  A
check that is not listed and fails, or is listed and does not fail, fails the test
(``tests/diff/test_wasi_engines.py``); with another version of the engine than the
table is of, only this runtime is tested.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

VERSIONS: Dict[str, str] = {"wasmtime": "50", "node": "20"}
"""The major versions that the table is of."""

TRAPS = "traps"
CRASHES = "crashes the process"
NEVER_ENDS = "never ends"
ESCAPES = "changes what lies outside"
OUTPUT = "writes something else"
EVERYTHING = "every check"


class Row(NamedTuple):
    """Why some checks of some programs fail in an engine.

    ``checks`` are labels, or what the program as a whole does; they fail, each of
    them.  ``sometimes`` are checks that fail or not as the host's own order or the
    dates of its files go.
    """

    engine: str
    program: str
    checks: Tuple[str, ...]
    sometimes: Tuple[str, ...]
    reason: str


_NO_RIGHTS = "rights do not exist: what a descriptor may do is how it was opened"
_FIRST_PIECE = "only the first piece that is not empty is read or written, which is allowed"
_NO_ALLOCATE = "fd_allocate is ENOTSUP"
_INVALID = "a value that its enumeration or flags do not have is a trap, no EINVAL"
_NO_SUCH_CLOCK = "a clock that is not there is EBADF"
_NO_RAISE = "proc_raise is ENOTSUP or ENOSYS"
_LINUX_APPEND = "pwrite appends where the file is open to append, as on Linux; the offset is not used"
_READDIR = "cookies are positions in a list that is read anew: under change, names are left out"
_EMPTY = "no arguments or variables and still a buffer is EINVAL"
_OVERFLOW = "an address out of memory is EOVERFLOW"
_MICROSECONDS = "times have microseconds, or whole seconds"
_HOST_FLAGS = "flags and their refusal are the host's: more are set than were asked for, unknown ones pass"
_LEXICAL = (
    "paths are walked by their text: `..` takes away the name before it, a directory that is no"
    " preopen bounds nothing, links lead out or are looked for inside"
)
_NO_DOTS = "fd_readdir lists neither . nor .., and some inodes are 0"
_RENAMED = "a directory's handle is its path: renamed or removed, it is lost, or another"
_MOVED = "renumbered, the old number of a directory is not EBADF"
_NO_CUT = "a buffer that is too small is an error where the rest is to be cut"
_WAIT = "an absolute time is waited for as if it were relative"
_LOCKED = "when path_filestat_set_times has refused its flags, the next call of that file does not come back"
_SOCKETS = "sock_shutdown is ENOTSUP whatever the descriptor is"
_PRESTAT = "other codes: EINVAL for EBADF, ENOBUFS for ENAMETOOLONG"

_ROWS: List[Tuple[str, str, str, str]] = [
    # engine, program, checks by |, reason
    ("wasmtime", "c/bad_pointers", TRAPS, "a pointer out of memory is a trap, no EFAULT"),
    ("wasmtime", "c/invalid_values", TRAPS, _INVALID),
    ("wasmtime", "c/clocks",
     "process_cputime|thread_cputime|process_cputime res|thread_cputime res", _NO_SUCH_CLOCK),
    ("wasmtime", "c/escape_by_number",
     "give rights up|it has its own rights|it makes no directory|it opens nothing to be written|"
     "it makes nothing to be written|it takes none back", _NO_RIGHTS),
    ("wasmtime", "c/fd_advise", "without the right", _NO_RIGHTS),
    ("wasmtime", "c/fd_allocate",
     "100 bytes|size|inside|size as it was|across the end|size grown|zeros|no bytes|size unchanged|"
     "overflow|far too much|size still|without the right", _NO_ALLOCATE),
    ("wasmtime", "c/fd_fdstat_get", "its rights are those asked for", _NO_RIGHTS),
    ("wasmtime", "c/fd_fdstat_set_flags", "without the right", _NO_RIGHTS),
    ("wasmtime", "c/fd_fdstat_set_rights", EVERYTHING, _NO_RIGHTS),
    ("wasmtime", "c/fd_filestat", "get without the right|times without the right", _NO_RIGHTS),
    ("wasmtime", "c/fd_pread_pwrite", "all written|what there is|in order|aXYd", _FIRST_PIECE),
    ("wasmtime", "c/fd_pread_pwrite", "at the offset that was given|no longer", _LINUX_APPEND),
    ("wasmtime", "c/fd_read_write", "all of them|the offset moves|what there is|in order|size", _FIRST_PIECE),
    ("wasmtime", "c/fd_read_write", "read a directory|write a directory", "reading or writing a directory is EBADF"),
    ("wasmtime", "c/fd_readdir", "?those that stayed, once", _READDIR),
    ("wasmtime", "c/fd_seek_tell", "overflow", "an offset beyond 2^63 is what the host makes of it"),
    ("wasmtime", "c/fd_seek_tell", "seek without the right|moving needs more", _NO_RIGHTS),
    ("wasmtime", "c/fd_sync", "fd_sync without the right|fd_datasync without the right", _NO_RIGHTS),
    ("wasmtime", "c/path_link",
     "following a link|it is the file|following a dangling link|out: following a link",
     "path_link with symlink_follow is EINVAL"),
    ("wasmtime", "c/path_open_reads_writes", "read without", _NO_RIGHTS),
    ("wasmtime", "c/path_remove", "with a slash", "a slash after a directory to remove is EINVAL"),
    ("wasmtime", "c/poll_streams", "is always ready|to be read", "files are one after the other"),
    ("wasmtime", "c/proc_exit_large", TRAPS, "an exit code of 126 or more is an error"),
    ("wasmtime", "c/proc_raise", "signal 0 is none", _NO_RAISE),
    ("wasmtime", "c/stdio", "all of the pieces|" + OUTPUT, _FIRST_PIECE),
    ("wasmtime", "c/truncation_rights",
     "but files in it|give up set_size for files|give up truncating|truncate no more|it is as it was",
     _NO_RIGHTS),
    ("wasmtime", "libc/directories", "?removed while listed|?rmdir", _READDIR),
    ("wasmtime", "libc/offsets", "where it was told|XYZd", _LINUX_APPEND),
    ("wasmtime", "libc/offsets", "writev|readv|in order", _FIRST_PIECE),
    ("wasmtime", "libc/offsets", "posix_fallocate|100", _NO_ALLOCATE),
    *(("wasmtime", f"{language}/every_function", checks, reason)
      for language in ("rust", "assemblyscript") for checks, reason in (
          ("fd_allocate|100 bytes", _NO_ALLOCATE), ("fd_fdstat_set_rights", _NO_RIGHTS),
          ("proc_raise", _NO_RAISE))),
    ("node", "c/args_none", "args_get", _EMPTY),
    ("node", "c/environ_none", "environ_get", _EMPTY),
    ("node", "c/bad_pointers", EVERYTHING, _OVERFLOW),
    ("node", "c/clocks",
     "process_cputime|thread_cputime|process_cputime res|thread_cputime res",
     "the clocks of processor time are there"),
    ("node", "c/fd_allocate", "overflow", "offset and length that overflow are what the host makes of them"),
    ("node", "c/fd_fdstat_get", "its flags", _HOST_FLAGS),
    ("node", "c/fd_fdstat_set_flags", "flags", _HOST_FLAGS),
    ("node", "c/fd_filestat",
     "mtim|atim|mtim unchanged|both set|the other set|none set|nothing set by a refusal|a directory's mtim|"
     "?atim unchanged", _MICROSECONDS),
    ("node", "c/fd_pread_pwrite", "at the offset that was given|no longer", _LINUX_APPEND),
    ("node", "c/fd_prestat", "too little room|no room|a stream|a directory opened by the guest", _PRESTAT),
    ("node", "c/fd_read_write", "read a directory|write a directory",
     "reading or writing a directory is ENOTCAPABLE, whatever its rights"),
    ("node", "c/fd_readdir",
     "has . and ..|first .|type of .|inode of .|then ..|type of ..|only ..|inode of a file|"
     "all names and . and ..|?those that stayed, once", _NO_DOTS),
    ("node", "c/fd_renumber", "it is not listed", _PRESTAT),
    ("node", "c/fd_renumber", "and no further than before", _LEXICAL),
    ("node", "c/fd_seek_tell", "staying needs the right to tell alone", "fd_seek always needs its own right"),
    ("node", "c/interesting_paths",
     "a NUL at the end|a dot after a file|two dots after a file|above and back|above in the middle|"
     "above what is not there|an overlong slash|a surrogate|cut UTF-8|a sibling with the same beginning|"
     "a link to outside|an absolute link|a link to a directory outside|through it|through it and back|"
     "creating through it|creating through a dangling link|a link to a link to outside|" + ESCAPES, _LEXICAL),
    ("node", "c/escape", "followed: escape/dots|leads out there|the other by path", _LEXICAL),
    ("node", "c/escape", "down in it|and back to it|away", _RENAMED),
    ("node", "c/escape_by_number",
     "out of a directory over a preopen|out of a preopen over a preopen|out of what is opened next|"
     "out of what is opened after that|out of what was moved down|out of what was moved up|"
     "out of standard input|out of the root|a link out of the root", _LEXICAL),
    ("node", "c/escape_by_number", "it is no preopen", _PRESTAT),
    ("node", "c/escape_by_number", "the number that it had is closed", _MOVED),
    ("node", "c/invalid_values", NEVER_ENDS, _LOCKED),
    ("node", "c/path_create_directory", "..|above|out by a link|not UTF-8|" + ESCAPES, _LEXICAL),
    ("node", "c/path_filestat", NEVER_ENDS, _LOCKED),
    ("node", "c/path_link",
     "out: of what is above|out: to above|out: by a directory link|out: into a directory link|"
     "out: following a link|nothing new|" + ESCAPES, _LEXICAL),
    ("node", "c/path_open",
     "a link, not followed|a link as a directory, not followed|a directory's link, not followed|"
     "a dangling link, not followed|a dangling link as a directory|exclusively where a link is|"
     "nothing was made", "links are followed whether it is asked for or not"),
    ("node", "c/path_open", "append is kept", _HOST_FLAGS),
    ("node", "c/path_open_reads_writes", "still the old one", _RENAMED),
    ("node", "c/path_readlink", "too little room|cut|the beginning|just enough|no room", _NO_CUT),
    ("node", "c/path_readlink", "above|out by a link", _LEXICAL),
    ("node", "c/path_remove",
     "above|unlink above|remove above|out by a link|out by a link, a directory|" + ESCAPES, _LEXICAL),
    ("node", "c/path_rename",
     "out: to above|out: from above|out: into a directory link|out: from a directory link|"
     "nothing came of it|between directories of their own|it is in one of them|" + ESCAPES, _LEXICAL),
    ("node", "c/path_rename", "a file in it|is where it is now", _RENAMED),
    ("node", "c/path_symlink",
     "up and down|relative to where it is|through it|out: above|out: by a link|" + ESCAPES, _LEXICAL),
    ("node", "c/poll_clock", NEVER_ENDS, _WAIT),
    ("node", "c/poll_streams", CRASHES, "files are EPERM, and what is no descriptor ends the process"),
    ("node", "c/proc_raise", "signal 0 is none", _NO_RAISE),
    ("node", "c/sockets_none", CRASHES, _SOCKETS),
    ("node", "c/symlink_loops", "that gets longer", _LEXICAL),
    ("node", "libc/directories", "inode|scandir|?removed while listed|?rmdir", _NO_DOTS),
    ("node", "libc/links", "nanoseconds", _MICROSECONDS),
    ("node", "libc/links", "out, relative|out, absolute|out, through|out, new|above|" + "?" + ESCAPES, _LEXICAL),
    ("node", "libc/offsets", "where it was told|XYZd|readv", _LINUX_APPEND),
    ("node", "rust/files", "out by a link|out by a directory link|out by creating|above", _LEXICAL),
    *(("node", f"{language}/every_function", checks, reason)
      for language in ("rust", "assemblyscript") for checks, reason in (
          ("environ_get", _EMPTY), ("sock_shutdown|sock_shutdown none", _SOCKETS),
          ("proc_raise", _NO_RAISE))),
]  # fmt: skip


def _row(engine: str, program: str, checks: str, reason: str) -> Row:
    names = checks.split("|")
    return Row(
        engine, program, tuple(n for n in names if not n.startswith("?")),
        tuple(n[1:] for n in names if n.startswith("?")), reason,
    )  # fmt: skip


DIFFERENCES: List[Row] = [_row(*row) for row in _ROWS]
