"""``run``: what its options give to a program."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from tests.lacking import needs_threads
from tests.wasi.fs_kinds import needs_host
from wasmpy import cli
from wasmpy.cli.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
Capture = pytest.CaptureFixture[str]

CAT = r"""(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory 1)
  (data (i32.const 0) "f")
  (data (i32.const 16) "\40\00\00\00\10\00\00\00")
  (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
  ;; Copies the file f of the first directory to standard output.
  (func (export "_start")
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
    (call $check (call $read (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 12)))
    (i32.store (i32.const 20) (i32.load (i32.const 12)))
    (call $check (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 12))))
  ;; Makes the file f of the first directory.
  (func (export "make") (result i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8))))"""

ECHO_SERVER = r"""(module
  (import "wasi_snapshot_preview1" "sock_accept"
    (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (memory 1)
  (data (i32.const 16) "\40\00\00\00\10\00\00\00")
  (func (export "_start")
    (drop (call $accept (i32.const 3) (i32.const 0) (i32.const 8)))
    (drop (call $recv (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 0)
      (i32.const 12) (i32.const 0)))
    (i32.store (i32.const 20) (i32.load (i32.const 12)))
    (drop (call $send (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 0)
      (i32.const 12)))))"""

EBADF, ENOENT, EROFS, EXIST = 8, 44, 69, 20
GROWING = r"""(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory 1)
  (data (i32.const 0) "new1")
  (data (i32.const 16) "\40\00\00\00\64\00\00\00")
  (global $error (mut i32) (i32.const 0))
  ;; Writes 100 bytes at a time to a new file in the first directory; how many before the first error.
  (func (export "bytes") (result i32) (local i32)
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
    (loop $more
      (global.set $error
        (call $write (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 12)))
      (if (i32.eqz (global.get $error))
        (then (local.set 0 (i32.add (local.get 0) (i32.load (i32.const 12))))
          (br_if $more (i32.lt_u (local.get 0) (i32.const 10000))))))
    (i32.add (i32.mul (global.get $error) (i32.const 100000)) (local.get 0)))
  ;; Makes files until one cannot be made; how many.
  (func (export "names") (result i32) (local i32)
    (loop $more
      (i32.store8 (i32.const 3) (i32.add (i32.const 49) (local.get 0)))
      (global.set $error
        (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1)
          (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
      (if (i32.eqz (global.get $error))
        (then (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get 0) (i32.const 8))))))
    (i32.add (i32.mul (global.get $error) (i32.const 100000)) (local.get 0))))"""



@pytest.fixture
def cat(tmp_path: Path) -> str:
    path = tmp_path / "cat.wat"
    path.write_text(CAT, "utf-8")
    return str(path)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    path = tmp_path / "host"
    path.mkdir()
    (path / "f").write_bytes(b"from the host")
    return path


def run(capsys: Capture, *argv: str) -> Tuple[int, str, str]:
    code = cli.main(["run", *argv])
    out, err = capsys.readouterr()
    return code, out, err


@needs_host
@pytest.mark.parametrize("form", ["{}::/data", "{}", "{}::/data:ro", "{}:ro"])
def test_a_directory(capsys: Capture, cat: str, host: Path, form: str) -> None:
    assert run(capsys, cat, "--dir", form.format(host)) == (0, "from the host", "")


def test_without_a_directory_there_is_none(capsys: Capture, cat: str) -> None:
    assert run(capsys, cat) == (8, "", "")


@needs_host
def test_the_guests_name(capsys: Capture, cat: str, host: Path) -> None:
    names = []
    for form in (f"{host}::/data", str(host)):
        lines = run(capsys, cat, "--dir", form, "--log", "filesystem")[2].splitlines()
        assert lines[0].startswith("wasi: path_open(fd=3, dirflags=0, path='f', ")
        names.append(lines)
    assert names[0] == names[1]


@needs_host
def test_read_only_and_written(capsys: Capture, cat: str, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert run(capsys, cat, "--invoke", "make", "--dir", f"{tmp_path}/d:ro")[1] == f"{EROFS}\n"
    assert run(capsys, cat, "--invoke", "make", "--overlay", f"{tmp_path}/d")[1] == "0\n"
    assert list((tmp_path / "d").iterdir()) == []
    assert run(capsys, cat, "--invoke", "make", "--dir", f"{tmp_path}/d")[1] == "0\n"
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["f"]


def test_a_directory_in_memory(capsys: Capture, cat: str) -> None:
    assert run(capsys, cat, "--tmp", "/tmp")[0] == ENOENT
    assert run(capsys, cat, "--invoke", "make", "--tmp", "/tmp")[1] == "0\n"


@pytest.mark.parametrize(("option", "full"), [
    pytest.param("--dir={}::/", 19, marks=needs_host), ("--tmp=/", 51),
    pytest.param("--overlay={}::/", 19, marks=needs_host),
])  # fmt: skip
def test_a_quota_for_each_directory(
    capsys: Capture, tmp_path: Path, host: Path, option: str, full: int
) -> None:
    path = tmp_path / "growing.wat"
    path.write_text(GROWING, "utf-8")

    def found(invoked: str, *options: str) -> int:
        for name in host.glob("new*"):
            name.unlink()
        code, out, err = run(capsys, str(path), "--invoke", invoked, option.format(host), *options)
        assert (code, err) == (0, "")
        return int(out)

    assert found("bytes", "--quota", "1K") == full * 100_000 + 1_024
    assert found("bytes") == found("bytes", "--quota-names", "1") == 10_000
    assert found("names", "--quota-names", "3") == full * 100_000 + 3
    assert found("names", "--quota-names", "0") == full * 100_000
    assert found("names") == found("names", "--quota", "1") == 8
    # What is there already counts nothing.
    assert (host / "f").read_bytes() == b"from the host"


@pytest.mark.parametrize("options", [["--quota", "0"], ["--quota", "much"], ["--quota-names", "-1"], ["--quota-names", "2K"]])
def test_a_quota_that_is_none(capsys: Capture, cat: str, host: Path, options: List[str]) -> None:
    code, out, err = run(capsys, cat, "--dir", f"{host}::/", *options)
    assert (code, out) == (2, "")
    assert options[0] in err


def test_archives(capsys: Capture, cat: str, host: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(host / "f", "f")
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        tar.add(host / "f", "f")
    for name in ("a.zip", "a.tgz"):
        assert run(capsys, cat, "--zip", f"{tmp_path / name}::/") == (0, "from the host", "")
    assert run(capsys, cat, "--zip", f"{tmp_path}/a.zip::/", "--invoke", "make")[1] != "0\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--dir", "{}/none"], "none", marks=needs_host),
        pytest.param(["--dir", "{}/host/f"], "host/f", marks=needs_host),
        (["--dir", "{}::"], "empty"),
        (["--dir", "::/x"], "--dir ::/x: "),
        pytest.param(["--dir", "{}/host:/x"], "HOST::GUEST", marks=needs_host),
        (["--no-such-option"], "after --"),
        (["--invoke", "-1"], "'-1'"),
        pytest.param(["--dir", "-1::/x"], "-1:", marks=needs_host),
        (["--tmp", "-1", "--tmp", "-1"], "'-1'"),
        (["--stdin", "-1"], "-1:"),
        (["--zip", "-1.zip::/x"], "-1.zip:"),
        (["--env", "-1"], "-1:"),
        (["--tmp", "/a", "--tmp", "/a"], "already"),
        (["--zip", "{}/none::/"], "none"),
        (["--zip", "{}/host/f::/"], "host/f"),
        (["--overlay", "{}/none::/"], "none"),
        (["--stdin", "{}/none"], "none"),
        (["--listen", "nowhere"], "address"),
        (["--log", "files"], "files"),
        (["--seed", "-1"], "seed"),
        (["--env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
    ],
)
def test_what_cannot_be_given_is_one_line(
    capsys: Capture, cat: str, host: Path, tmp_path: Path, options: List[str], says: str
) -> None:
    code, out, err = run(capsys, cat, *[o.format(tmp_path) for o in options])
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert "\\x00" not in err and "\0" not in err


WRITES = r"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\n")
  (func (export "write") (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
  (func (export "read") (result i32) (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 64)))
  (func (export "_start") (call $exit (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"""
"""Ends with the errno of what it writes."""


@pytest.mark.parametrize(("closed", "code"), [(">&-", EBADF), ("2>&-", 0), ("<&-", 0)])
def test_a_stream_that_was_closed_before_is_one_of_the_guests(tmp_path: Path, closed: str, code: int) -> None:
    (tmp_path / "w.wat").write_text(WRITES)
    command = f'"$1" -m wasmpy run "$2" --log all {closed}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, str(tmp_path / "w.wat")], cwd=str(ROOT),
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code
    # No line of the log is taken for output of the guest's.
    assert done.stdout == ("" if code else "hi\n")
    assert ("fd_write" in done.stderr) is (closed != "2>&-")


def test_a_closed_standard_input_is_no_end_of_file(capsys: Capture, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "w.wat").write_text(WRITES)
    monkeypatch.setattr(sys, "stdin", None)
    assert run(capsys, str(tmp_path / "w.wat"), "--invoke", "read") == (0, f"{EBADF}\n", "")


def test_errors_never_go_to_standard_output(tmp_path: Path) -> None:
    for arguments in ("run /nowhere.wasm", "run /nowhere.wasm --traceback", "validate /nowhere.wasm", "no-command"):
        done = subprocess.run(
            ["sh", "-c", f'"$1" -m wasmpy {arguments} 2>&-', "sh", sys.executable], cwd=str(ROOT),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, "")


def test_standard_input_from_a_file(capsys: Capture, tmp_path: Path) -> None:
    text = CAT.replace("(call $check (call $open (i32.const 3)", "(drop (call $open (i32.const 3)", 1)
    text = text.replace("(call $read (i32.load (i32.const 8))", "(call $read (i32.const 0)")
    (tmp_path / "p.wat").write_text(text, "utf-8")
    (tmp_path / "in").write_bytes(b"given")
    assert run(capsys, str(tmp_path / "p.wat"), "--stdin", f"{tmp_path}/in") == (0, "given", "")


def test_seed_and_log(capsys: Capture, tmp_path: Path) -> None:
    text = """(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory 1)
      (func (export "f") (result i64)
        (drop (call $yield)) (drop (call $random (i32.const 0) (i32.const 8)))
        (i64.load (i32.const 0))))"""
    path = tmp_path / "r.wat"
    path.write_text(text, "utf-8")
    found = [run(capsys, str(path), "--invoke", "f", "--seed", seed)[1] for seed in "0170"]
    assert found[0] == found[3] == run(capsys, str(path), "--invoke", "f")[1]
    assert len(set(found)) == 3
    err = run(capsys, str(path), "--invoke", "f", "--log", "random,clock")[2]
    assert err == "wasi: random_get(buf=0x0, buf_len=8) = ESUCCESS\n"
    assert len(run(capsys, str(path), "--invoke", "f", "--log", "all")[2].splitlines()) == 2


def test_the_whole_environment(capsys: Capture, tmp_path: Path, monkeypatch: Any) -> None:
    text = """(module
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $f (param i32 i32) (result i32)))
      (memory 1)
      (func (export "f") (result i32)
        (drop (call $f (i32.const 0) (i32.const 4))) (i32.load (i32.const 0))))"""
    path = tmp_path / "e.wat"
    path.write_text(text, "utf-8")
    monkeypatch.setattr("os.environ", {"A": "1", "B": "2"})
    counts = [
        run(capsys, str(path), "--invoke", "f", *options)[1]
        for options in ([], ["--env", "A"], ["--env-inherit"], ["--env-inherit", "--env", "C=3"])
    ]
    assert counts == ["0\n", "1\n", "2\n", "3\n"]


@needs_threads
def test_a_server(tmp_path: Path, monkeypatch: Any, capsys: Capture) -> None:
    path = tmp_path / "s.wat"
    path.write_text(ECHO_SERVER, "utf-8")
    heard: List[bytes] = []
    talkers: List[threading.Thread] = []

    def talk(line: str) -> None:
        host, _, port = line.rpartition(" ")[2].rpartition(":")

        def connect() -> None:
            with socket.create_connection((host, int(port)), timeout=30) as peer:
                peer.sendall(b"hello")
                heard.append(peer.recv(16))

        talkers.append(threading.Thread(target=connect))
        talkers[-1].start()

    monkeypatch.setattr("wasmpy.cli.world.print_line", talk)
    assert cli.main(["run", str(path), "--listen", "127.0.0.1:0", "--timeout", "60"]) == 0
    for talker in talkers:
        talker.join()
    assert heard == [b"hello"]


@pytest.mark.skipif(os.name != "posix", reason="pipes can be waited for on POSIX alone")
def test_a_reader_that_stops_does_not_hold_up_the_time_limit(tmp_path: Path) -> None:
    path = tmp_path / "w.wat"
    path.write_text(
        """(module
          (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
          (memory 32)
          (data (i32.const 16) "\\00\\00\\01\\00\\00\\00\\10\\00")
          (func (export "_start")
            (drop (call $w (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0)))))""",
        "utf-8",
    )
    command = [sys.executable, "-m", "wasmpy", "run", "--timeout", "3", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=str(ROOT)) as process:
        try:
            assert process.wait(60) == ExitCode.INTERRUPTED
        finally:
            process.kill()
        assert process.stdout is not None
        assert process.stderr is not None
        written, said = process.stdout.read(), process.stderr.read()
    assert 0 < len(written) < 1 << 20
    assert b"Traceback" not in said


def test_preview_2_is_refused_in_one_line(capsys: Capture, tmp_path: Path) -> None:
    component = tmp_path / "c.wasm"
    component.write_bytes(b"\0asm\x0d\0\1\0")
    code, out, err = run(capsys, str(component))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "component" in err
    module = tmp_path / "m.wat"
    module.write_text(
        '(module (import "wasi:cli/exit@0.2.0" "exit" (func (param i32))) (func (export "_start")))'
    )
    code, out, err = run(capsys, str(module))
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "preview 2" in err
