"""The table of the interface, against numbers and types written down by hand."""

from __future__ import annotations

import dataclasses
import errno
import io
from pathlib import Path

import pytest

from wasi import Errno, Wasi, WasiConfig, abi
from wasi.errno import errno_of
from wasi.preview1 import HANDLERS, UNSTABLE


def test_all_46_functions_are_there() -> None:
    assert len(abi.FUNCTIONS) == 46
    assert list(Wasi().imports()) == list(abi.FUNCTIONS)
    assert set(HANDLERS) == set(abi.FUNCTIONS)
    assert {f.scope for f in abi.FUNCTIONS.values()} == set(abi.SCOPES) - {"memory"}


@pytest.mark.parametrize(
    ("name", "functype"),
    [
        ("args_get", "[i32 i32] -> [i32]"),
        ("clock_time_get", "[i32 i64 i32] -> [i32]"),
        ("fd_allocate", "[i32 i64 i64] -> [i32]"),
        ("fd_fdstat_set_rights", "[i32 i64 i64] -> [i32]"),
        ("fd_filestat_set_times", "[i32 i64 i64 i32] -> [i32]"),
        ("fd_pread", "[i32 i32 i32 i64 i32] -> [i32]"),
        ("fd_readdir", "[i32 i32 i32 i64 i32] -> [i32]"),
        ("fd_seek", "[i32 i64 i32 i32] -> [i32]"),
        ("fd_write", "[i32 i32 i32 i32] -> [i32]"),
        ("path_filestat_set_times", "[i32 i32 i32 i32 i64 i64 i32] -> [i32]"),
        ("path_link", "[i32 i32 i32 i32 i32 i32 i32] -> [i32]"),
        ("path_open", "[i32 i32 i32 i32 i32 i64 i64 i32 i32] -> [i32]"),
        ("path_symlink", "[i32 i32 i32 i32 i32] -> [i32]"),
        ("poll_oneoff", "[i32 i32 i32 i32] -> [i32]"),
        ("proc_exit", "[i32] -> []"),
        ("sched_yield", "[] -> [i32]"),
        ("sock_accept", "[i32 i32 i32] -> [i32]"),
        ("sock_recv", "[i32 i32 i32 i32 i32 i32] -> [i32]"),
        ("sock_send", "[i32 i32 i32 i32 i32] -> [i32]"),
    ],
)
def test_function_types(name: str, functype: str) -> None:
    assert str(abi.FUNCTIONS[name].functype) == functype
    host = Wasi().imports()[name]
    assert (host.name, host.module) == (name, "wasi_snapshot_preview1")
    assert host.type == abi.FUNCTIONS[name].functype


def test_structures_have_the_sizes_of_the_specification() -> None:
    sizes = [s.size for s in (abi.IOVEC, abi.FDSTAT, abi.FILESTAT, abi.SUBSCRIPTION, abi.EVENT)]
    assert sizes == [8, 24, 64, 48, 32]
    assert [s.size for s in (abi.DIRENT, abi.PRESTAT)] == [24, 8]
    assert [s.size for s in (abi.FILESTAT_0, abi.SUBSCRIPTION_0)] == [56, 56]


def test_the_older_interface_lacks_one_function() -> None:
    assert set(abi.FUNCTIONS) - set(abi.FUNCTIONS_0) == {"sock_accept"}
    assert list(Wasi().imports("wasi_unstable")) == list(abi.FUNCTIONS_0)
    assert set(UNSTABLE) == set(abi.FUNCTIONS_0)
    for name, function in abi.FUNCTIONS_0.items():
        assert function.functype == abi.FUNCTIONS[name].functype
    with pytest.raises(ValueError, match="wasi_snapshot_preview2"):
        Wasi().imports("wasi_snapshot_preview2")


def test_rights_stand_at_their_bits() -> None:
    assert abi.rights("fd_read", "fd_write") == 1 << 1 | 1 << 6
    assert abi.rights("poll_fd_readwrite") == 1 << 27
    assert abi.rights("sock_accept") == 1 << 29


def test_errno_numbers() -> None:
    assert [e.value for e in Errno] == list(range(77))
    assert {e.name: e.value for e in Errno if e in (2, 8, 21, 28, 29, 52, 64, 70, 76)} == {
        "EACCES": 2, "EBADF": 8, "EFAULT": 21, "EINVAL": 28, "EIO": 29, "ENOSYS": 52,
        "EPIPE": 64, "ESPIPE": 70, "ENOTCAPABLE": 76,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BrokenPipeError(), Errno.EPIPE),
        (OSError(errno.ENOSPC, "no space"), Errno.ENOSPC),
        (OSError("nothing known"), Errno.EIO),
        (OSError(99_999, "unheard of"), Errno.EIO),
        (BlockingIOError(), Errno.EAGAIN),
        (PermissionError(errno.EPERM, "no"), Errno.EPERM),
        (io.UnsupportedOperation("not readable"), Errno.EBADF),
    ],
)
def test_host_errors_become_codes(error: OSError, code: Errno) -> None:
    assert errno_of(error) == code


def test_the_reference_has_every_function_and_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/wasi.md").read_text("utf-8")
    fields = [field.name for field in dataclasses.fields(WasiConfig)]
    assert [name for name in [*abi.FUNCTIONS, *fields] if f"`{name}`" not in page] == []
