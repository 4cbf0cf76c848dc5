"""The older interface, ``wasi_unstable``: where it differs, and a whole program."""

from __future__ import annotations

import io
import struct

import pytest

import wasmpy
from tests.wasi.guest import Guest
from wasi import Errno, WasiConfig, abi
from wasi.fs import MemoryFileSystem

OK = Errno.ESUCCESS


@pytest.fixture
def guest() -> Guest:
    return Guest(
        module=abi.MODULE_0, preopens={"/": MemoryFileSystem({"f": b"0123456789"})},
        stdin=b"abc", transcript=True,
    )  # fmt: skip


def test_whence_has_another_order(guest: Guest) -> None:
    fd = guest.opened("f")
    assert guest.seek(fd, 4, 2) == (OK, 4)
    assert guest.seek(fd, 1, 0) == (OK, 5)
    assert guest.seek(fd, -1, 1) == (OK, 9)
    assert guest.seek(fd, 0, 3)[0] == Errno.EINVAL
    assert [e.args["whence"] for e in guest.wasi.transcript if e.function == "fd_seek"] == [
        "set", "cur", "end", 3,
    ]  # fmt: skip


def test_filestat_has_56_bytes(guest: Guest) -> None:
    fd = guest.opened("f")
    for errno in (
        guest.call("fd_filestat_get", fd, 0x200),
        guest.call("path_filestat_get", 3, 0, *guest.name("f"), 0x300),
    ):
        assert errno == OK
    assert guest.get(0x200, 56) == guest.get(0x300, 56)
    dev, ino, filetype, nlink, size = struct.unpack_from("<QQB3xIQ", guest.get(0x200, 56))
    assert (filetype, nlink, size) == (4, 1, 10)
    assert guest.get(0x238, 8) == bytes(8)
    assert guest.wasi.transcript[-1].results["buf"]["size"] == 10
    assert guest.call("fd_filestat_get", fd, 65_536 - 56) == OK
    assert guest.call("fd_filestat_get", fd, 65_536 - 55) == Errno.EFAULT


def test_subscriptions_have_56_bytes(guest: Guest) -> None:
    clock = struct.pack("<QB7xQI4xQQH6x", 1, 0, 99, 1, 5_000, 0, 0)
    stdin = struct.pack("<QB7xI36x", 2, 1, 0)
    assert len(clock) == len(stdin) == 56
    guest.put(0x1000, clock + stdin)
    assert guest.call("poll_oneoff", 0x1000, 0x2000, 2, 0x100) == OK
    events = list(abi.EVENT.iter_unpack(guest.get(0x2000, 32 * guest.u32(0x100))))
    assert events == [(2, 0, 1, 3, 0)]
    assert guest.call("poll_oneoff", 0x1000, 0x2000, 1, 0x100) == OK
    assert guest.clock(1) == 5_000
    guest.put(0x1008, b"\x09")
    assert guest.call("poll_oneoff", 0x1000, 0x2000, 1, 0x100) == Errno.EINVAL


def test_what_is_not_there_yet_does_not_link() -> None:
    text = '(module (import "wasi_unstable" "sock_accept" (func (param i32 i32 i32) (result i32))))'
    linker = wasmpy.Linker()
    linker.define_wasi()
    with pytest.raises(wasmpy.LinkError):
        linker.instantiate(wasmpy.Module(text))


def test_a_program_of_the_older_interface_runs() -> None:
    text = """(module
      (import "wasi_unstable" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_unstable" "proc_exit" (func $proc_exit (param i32)))
      (memory 1)
      (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00old")
      (func (export "_start")
        (call $proc_exit
          (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"""
    out = io.BytesIO()
    linker = wasmpy.Linker()
    linker.define_wasi(WasiConfig(stdout=out))
    with pytest.raises(wasmpy.WasiExit) as caught:
        linker.instantiate(wasmpy.Module(text)).exports["_start"]()
    assert (caught.value.code, out.getvalue()) == (0, b"old")
