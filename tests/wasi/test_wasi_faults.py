"""Faults under real programs: a full disk, a broken pipe, closed and failing streams, no numbers left.

What belongs here: that a program gets the right errno, ends by itself, and that
what it was told is written is there.  What does not: the single functions.
"""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

import wasmpy
from tests.wasi import running
from tests.wasi.fs_kinds import needs_host, no_superuser
from tests.wasi.running import World
from wasi import Errno, WasiConfig
from wasi.fs import HostFileSystem, MemoryFileSystem, OverlayFileSystem

PROGRAM = running.PROGRAMS / "c" / "write_until.wasm"
BINARY = PROGRAM.read_bytes()
WHOLE = 1_052_000
"""What the program writes to its file where nothing fails: pieces of 4,000 bytes, a megabyte and more."""


def run(root: Any, stdout: Any = None) -> Tuple[int, Dict[str, Tuple[int, Errno]]]:
    """The exit code, and of the file and of stdout the bytes that were taken and the error."""
    err = bytearray()
    config = WasiConfig(stdout=stdout, stderr=err.extend, preopens={"/": root})
    linker = wasmpy.Linker()
    code = -1
    with linker.define_wasi(config):
        try:
            linker.instantiate(wasmpy.Module(BINARY)).exports["_start"]()
        except wasmpy.WasiExit as ended:
            code = ended.code
    lines = [line.split() for line in err.decode().splitlines()]
    return code, {name: (int(n), Errno(int(e))) for name, n, e in lines}


def size(fs: Any, name: bytes = b"full") -> int:
    with fs.root() as root, root.lookup(name) as node:
        return int(node.stat().size)


@pytest.mark.parametrize("room", [0, 1, 4_000, 99_999, 500_000])
@pytest.mark.parametrize("kind", ["memory", "host", "overlay"])
def test_a_full_disk(kind: str, room: int, tmp_path: Path) -> None:
    fs: Any
    if kind == "memory":
        fs, full = MemoryFileSystem(max_bytes=room), Errno.ENOSPC
    elif kind == "host":
        fs, full = HostFileSystem(str(tmp_path), max_bytes=room), Errno.EDQUOT
    else:
        fs, full = OverlayFileSystem(HostFileSystem(str(tmp_path)), max_bytes=room), Errno.EDQUOT
    code, told = run(fs)
    taken, error = told["file"]
    assert error in (full, Errno.ENOSPC)
    assert told["stdout"][1] == Errno.ESUCCESS
    assert code == error
    assert taken <= room
    assert size(fs) == taken  # no byte that was told is lost, and no other is there
    if kind == "overlay":
        assert list(tmp_path.iterdir()) == []


def test_all_names_are_taken() -> None:
    code, told = run(MemoryFileSystem({"one": b"", "two": b""}, max_nodes=2))
    assert told["file"] == (0, Errno.ENOSPC)  # it could not be made
    assert code == Errno.ENOSPC


class Failing:
    """A stream that takes some bytes, and then fails."""

    def __init__(self, takes: int, error: BaseException) -> None:
        self.data = bytearray()
        self.takes = takes
        self.error = error

    def write(self, data: bytes) -> int:
        if len(self.data) + len(data) > self.takes:
            raise self.error
        self.data += data
        return len(data)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (BrokenPipeError(errno.EPIPE, "gone"), Errno.EPIPE),
        (OSError(errno.ENOSPC, "full"), Errno.ENOSPC),
        (OSError(errno.EIO, "broken"), Errno.EIO),
        (PermissionError(errno.EACCES, "no"), Errno.EACCES),
    ],
)
@pytest.mark.parametrize("takes", [0, 12_000])
def test_a_stream_that_fails(takes: int, error: BaseException, wanted: Errno) -> None:
    stream = Failing(takes, error)
    code, told = run(MemoryFileSystem(), stream)
    assert told == {"file": (WHOLE, Errno.ESUCCESS), "stdout": (takes, wanted)}
    assert code == wanted
    assert len(stream.data) == takes


def test_a_closed_stream() -> None:
    closed = io.BytesIO()
    closed.close()
    code, told = run(MemoryFileSystem(), closed)
    assert told["stdout"] == (0, Errno.EBADF)
    assert code == Errno.EBADF


def test_a_stream_that_takes_a_part_at_a_time() -> None:
    class Slow(io.RawIOBase):
        taken = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            Slow.taken += bytes(data[:7])
            return min(7, len(data))

    code, told = run(MemoryFileSystem(), Slow())
    assert code == 0
    assert told["stdout"][0] == len(Slow.taken)
    assert len(Slow.taken) >= 40_000
    assert Slow.taken[:26] == b"abcdefghijklmnopqrstuvwxyz"


def command(tmp_path: Path) -> List[str]:
    return [
        sys.executable, "-m", "wasmpy", "run", "--dir", f"{tmp_path}::/", str(PROGRAM)
    ]  # fmt: skip


def ended(tmp_path: Path, stdout: Optional[int]) -> Tuple[int, bytes]:
    process = subprocess.Popen(
        command(tmp_path), cwd=str(running.ROOT), stdout=stdout, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def test_a_broken_pipe_on_the_command_line(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        code, err = ended(tmp_path, writer)
    finally:
        os.close(writer)
    assert b"Traceback" not in err
    assert code in (Errno.EPIPE, 141)
    assert (tmp_path / "full").stat().st_size == WHOLE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_device_on_the_command_line(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        code, err = ended(tmp_path, full.fileno())
    assert b"Traceback" not in err
    assert code == Errno.ENOSPC
    assert b"stdout 0 51" in err


@needs_host
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"as it was")
    (tmp_path / "full").chmod(0o444)
    tmp_path.chmod(0o755)
    run(MemoryFileSystem())  # what is imported late is imported
    fs = HostFileSystem(str(tmp_path))
    with no_superuser():
        code, told = run(fs)
    assert told["file"] == (0, Errno.EACCES)  # it could not be opened
    assert code == Errno.EACCES
    assert (tmp_path / "full").read_bytes() == b"as it was"


@pytest.mark.parametrize("kind", ["memory", "host", "overlay"])
def test_no_numbers_left(kind: str, tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    program = running.PROGRAMS / "c" / "every_number.wasm"
    outcome = running.under_wasmpy(program, world, kind, max_open=50)
    assert outcome.code == 1
    assert ("after the streams", 0) in outcome.failures
    assert world.is_untouched()


def test_what_a_guest_makes_on_the_host_is_inside(tmp_path: Path) -> None:
    """After all the programs that try, every name on the host is inside of the two directories."""
    world = World(tmp_path / "world")
    for name in ("escape", "interesting_paths", "path_link", "path_rename", "path_symlink"):
        outcome = running.under_wasmpy(running.PROGRAMS / "c" / f"{name}.wasm", world, "host")
        assert outcome.failures == [], name
    assert world.is_untouched()
    assert {p.name for p in world.base.iterdir()} == {"root", "other", "outside", "root-sibling"}
