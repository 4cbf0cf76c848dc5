"""``run``: programs and single functions, and every way in which they end."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Tuple

import pytest

from wasmpy import cli
from wasmpy.cli.run import process_code

ROOT = Path(cli.__file__).resolve().parents[2]

Capture = pytest.CaptureFixture[str]

WASI = """
(import "wasi_snapshot_preview1" "fd_write"
  (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_read"
  (func $fd_read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "args_sizes_get"
  (func $args_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_sizes_get"
  (func $environ_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get"
  (func $environ_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
(memory (export "memory") 1)
(func $print (param $fd i32) (param $at i32) (param $n i32)
  (i32.store (i32.const 0) (local.get $at))
  (i32.store (i32.const 4) (local.get $n))
  (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
"""

FUNCTIONS = """(module $funcs
  (func $add (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "swap") (param i64 f32) (result f32 i64) (local.get 1) (local.get 0))
  (func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "none"))
  (func (export "spin") (loop (br 0)))
  (func $deep (export "deep") (call $deep))
  (func $inner unreachable)
  (func $boom (export "boom") (call $inner))
  (global (export "counter") i32 (i32.const 0)))
"""


@pytest.fixture
def wat(tmp_path: Path) -> Any:
    """Write a module's text to a file; its path."""

    def write(text: str, name: str = "prog.wat") -> str:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return str(path)

    return write


def program(body: str) -> str:
    return f'(module {WASI} (func (export "_start") {body}))'


def run(capsys: Capture, *argv: str) -> Tuple[int, str, str]:
    code = cli.main(["run", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def run_json(capsys: Capture, *argv: str) -> Any:
    code, out, err = run(capsys, *argv, "--json")
    doc = json.loads(out)
    assert doc["exit_code"] == code
    assert doc["command"] == "run"
    return doc, err


# Programs ----------------------------------------------------------------------


ECHO = program(
    """
    (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
    (drop (call $args_get (i32.const 32) (i32.const 1024)))
    (call $print (i32.const 1) (i32.const 1024) (i32.load (i32.const 20)))
    (drop (call $environ_sizes_get (i32.const 16) (i32.const 20)))
    (drop (call $environ_get (i32.const 32) (i32.const 1024)))
    (call $print (i32.const 2) (i32.const 1024) (i32.load (i32.const 20)))
    """
)


def test_a_program_gets_its_arguments_and_no_environment(
    capsys: Capture, wat: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s")
    path = wat(ECHO)
    assert run(capsys, path, "a", "--", "-b", "--json", "--") == (
        0, "prog.wat\0a\0-b\0--json\0--\0", "",
    )  # fmt: skip
    assert run(capsys, path, "--env", "A=1", "--env", "SECRET") == (
        0, "prog.wat\0", "A=1\0SECRET=s\0",
    )  # fmt: skip


def test_negative_numbers_and_options_in_any_order(capsys: Capture, wat: Any) -> None:
    path = wat(ECHO)
    assert run(capsys, "--fuel", "10000", path, "-5", "x", "--timeout", "50", "-inf")[:2] == (
        0, "prog.wat\0-5\0x\0-inf\0",
    )  # fmt: skip


@pytest.mark.parametrize("item", ["=x", "NO_SUCH_VARIABLE_HERE"])
def test_environment_variables_that_are_none(capsys: Capture, wat: Any, item: str) -> None:
    assert run(capsys, wat(ECHO), "--env", item)[0] == 2


def test_a_program_reads_stdin(capsys: Capture, wat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from stdin")))
    body = """
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 100))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $print (i32.const 1) (i32.const 64) (i32.load (i32.const 8)))
    """
    assert run(capsys, wat(program(body))) == (0, "from stdin", "")


@pytest.mark.parametrize("code", [0, 1, 42, 126, 134, 255])
def test_the_guests_exit_code_is_passed_through(capsys: Capture, wat: Any, code: int) -> None:
    path = wat(program(f"(call $proc_exit (i32.const {code}))"))
    assert run(capsys, path) == (code, "", "")
    doc, _ = run_json(capsys, path)
    assert (doc["status"], doc["guest_exit_code"]) == ("exit", code)


@pytest.mark.parametrize(("code", "passed"), [(256, 1), (257, 1), (2**32 - 1, 255), (512, 1)])
def test_an_exit_code_that_the_system_cannot_pass_stays_a_failure(code: int, passed: int) -> None:
    assert process_code(code) == passed


def test_a_reactor_is_initialized(capsys: Capture, wat: Any) -> None:
    text = f"""(module {WASI} (global $n (mut i32) (i32.const 1))
      (func (export "_initialize") (global.set $n (i32.const 7))
        (call $print (i32.const 1) (i32.const 64) (i32.const 1)))
      (data (i32.const 64) "i")
      (func (export "n") (result i32) (global.get $n)))"""
    path = wat(text)
    assert run(capsys, path) == (0, "i", "")
    assert run(capsys, path, "--invoke", "n") == (0, "i7\n", "")


def test_a_module_with_a_start_function_alone_runs(capsys: Capture, wat: Any) -> None:
    text = f"""(module {WASI} (data (i32.const 64) "s") (start $s)
      (func $s (call $print (i32.const 1) (i32.const 64) (i32.const 1))))"""
    assert run(capsys, wat(text)) == (0, "s", "")


def test_a_module_with_nothing_to_run_lists_what_there_is(capsys: Capture, wat: Any) -> None:
    code, out, err = run(capsys, wat(FUNCTIONS))
    assert (code, out) == (2, "")
    assert "add(i32, i32) -> i32" in err
    assert err.count("\n") == 1


def test_missing_imports_are_named_together(capsys: Capture, wat: Any) -> None:
    path = wat('(module (import "env" "a" (func)) (import "env" "b" (memory 1)))')
    code, out, err = run(capsys, path)
    assert (code, out) == (2, "")  # nothing to run is found out first
    path = wat(
        '(module (import "env" "a" (func)) (import "env" "b" (memory 1)) (func (export "_start")))'
    )
    code, out, err = run(capsys, path)
    assert (code, out) == (1, "")
    assert '"env" "a"' in err
    assert '"env" "b"' in err


# Functions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (["add", "1", "2"], ["3"]),
        (["add", "1", "-2"], ["-1"]),
        (["add", "0xffffffff", "-0x1"], ["-2"]),
        (["swap", "-9223372036854775808", "0.1"], ["0.1", "-9223372036854775808"]),
        (["swap", "0", "nan:0x200001"], ["nan:0x200001", "0"]),
        (["half", "-inf"], ["-inf"]),
        (["half", "-1e-3"], ["-0.0005"]),
        (["half", "nan"], ["nan"]),
        (["none"], []),
    ],
)
def test_results_one_per_line(capsys: Capture, wat: Any, argv: Any, lines: Any) -> None:
    code, out, err = run(capsys, wat(FUNCTIONS), "--invoke", *argv)
    assert (code, out.splitlines(), err) == (0, lines, "")


def test_results_in_json(capsys: Capture, wat: Any) -> None:
    doc, err = run_json(capsys, wat(FUNCTIONS), "--invoke", "swap", "5", "1.5")
    assert err == ""
    assert doc["results"] == [{"type": "f32", "value": 1.5}, {"type": "i64", "value": "5"}]
    assert (doc["status"], doc["invoke"], doc["error"]) == ("ok", "swap", None)
    assert doc["instructions"] is None
    assert list(doc) == [
        "command", "status", "exit_code", "module", "invoke", "results", "guest_exit_code",
        "error", "instructions",
    ]  # fmt: skip


def test_a_wrong_name_lists_the_functions_with_their_signatures(capsys: Capture, wat: Any) -> None:
    path = wat(FUNCTIONS)
    for name in ("ad", "counter"):
        code, out, err = run(capsys, path, "--invoke", name)
        assert (code, out) == (2, "")
        assert "add(i32, i32) -> i32" in err
        assert "swap(i64, f32) -> (f32, i64)" in err


@pytest.mark.parametrize("args", [[], ["1"], ["1", "2", "3"], ["1", "x"], ["1", "1.5"]])
def test_arguments_that_do_not_fit(capsys: Capture, wat: Any, args: Any) -> None:
    code, out, err = run(capsys, wat(FUNCTIONS), "--invoke", "add", *args)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


# Ends ------------------------------------------------------------------------------


def test_a_trap_is_134_with_a_backtrace(capsys: Capture, wat: Any) -> None:
    path = wat(FUNCTIONS)
    code, out, err = run(capsys, path, "--invoke", "boom")
    assert (code, out) == (134, "")
    first, *frames = err.splitlines()
    assert first.startswith("wasmpy: error: wasm trap: unreachable")
    assert [line.rpartition("!")[2] for line in frames] == ["inner", "boom"]
    doc, err = run_json(capsys, path, "--invoke", "boom")
    assert err == ""
    assert (doc["status"], doc["error"]["kind"]) == ("trap", "UNREACHABLE")
    assert [f["name"] for f in doc["error"]["frames"]] == ["inner", "boom"]


@pytest.mark.parametrize("text", ["nan", "-inf"])
def test_operands_that_json_cannot_have_are_text(capsys: Capture, wat: Any, text: str) -> None:
    path = wat(
        '(module (func (export "f") (param f64) (result i32) (i32.trunc_f64_s (local.get 0))))'
    )
    doc, _ = run_json(capsys, path, "--invoke", "f", text)
    assert doc["status"] == "trap"
    assert doc["error"]["operands"] == [text]


def test_runaway_recursion_is_a_trap_with_a_short_backtrace(capsys: Capture, wat: Any) -> None:
    code, _, err = run(capsys, wat(FUNCTIONS), "--invoke", "deep")
    assert code == 134
    assert len(err.splitlines()) < 40


@pytest.mark.parametrize(
    ("bound", "resource"), [(["--fuel", "1000"], "fuel"), (["--timeout", "0.05"], "deadline")]
)
def test_an_interruption_is_124(capsys: Capture, wat: Any, bound: Any, resource: str) -> None:
    path = wat(FUNCTIONS)
    code, out, err = run(capsys, path, "--invoke", "spin", *bound)
    assert (code, out) == (124, "")
    assert err.startswith("wasmpy: error: interrupted")
    doc, _ = run_json(capsys, path, "--invoke", "spin", *bound)
    assert (doc["status"], doc["error"]["resource"]) == ("interrupted", resource)
    assert (doc["instructions"] is not None) == (resource == "fuel")


def test_the_timeout_bounds_the_whole_run(capsys: Capture, wat: Any) -> None:
    path = wat('(module (start $s) (func $s (loop (br 0))) (func (export "_start")))')
    began = time.monotonic()
    assert run(capsys, path, "--timeout", "0.1")[0] == 124
    assert time.monotonic() - began < 10


def test_with_json_the_guests_stdout_goes_to_stderr(capsys: Capture, wat: Any) -> None:
    path = wat(program('(call $print (i32.const 1) (i32.const 64) (i32.const 2))').replace(
        "(memory", '(data (i32.const 64) "hi") (memory'))  # fmt: skip
    doc, err = run_json(capsys, path)
    assert (doc["status"], err) == ("ok", "hi")


def test_the_wasi_transcript_is_on_stderr(capsys: Capture, wat: Any) -> None:
    code, out, err = run(capsys, wat(ECHO), "--wasi-transcript")
    assert (code, out) == (0, "prog.wat\0")
    assert err.splitlines()[0] == "wasi: args_sizes_get() = ESUCCESS argc=1 argv_buf_size=9"


def test_the_world_is_deterministic_unless_opened(capsys: Capture, wat: Any) -> None:
    text = """(module
      (import "wasi_snapshot_preview1" "clock_time_get"
        (func $time (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (memory 1)
      (func (export "f") (result i64 i64)
        (drop (call $time (i32.const 0) (i64.const 0) (i32.const 0)))
        (drop (call $random (i32.const 8) (i32.const 8)))
        (i64.load (i32.const 0)) (i64.load (i32.const 8))))"""
    path = wat(text)
    first = run(capsys, path, "--invoke", "f")
    assert first == run(capsys, path, "--invoke", "f")
    assert first[1].startswith("1640995200000000000\n")
    opened = run(capsys, path, "--invoke", "f", "--system-clock", "--system-random")[1].split()
    assert int(opened[0]) > 1_700_000_000 * 10**9
    assert opened[1] != first[1].split()[1]


def test_the_module_can_come_from_stdin(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FUNCTIONS.encode())))
    assert run(capsys, "-", "--invoke", "add", "1", "2") == (0, "3\n", "")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.wasm", b""),
        ("m.wasm", b"\0asm"),
        ("m.wasm", b"text"),
        ("m.wat", b"(module (func"),
        ("m.wat", b"\xff\xfe"),
        ("m", b"\0asm\x0d\0\1\0"),
        ("m.wat", b'(module (func (export "f") i32.add))'),
    ],
)
def test_what_is_no_module_is_one_line(
    capsys: Capture, tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    code, out, err = run(capsys, str(path))
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    doc, err = run_json(capsys, str(path))
    assert err == ""
    assert doc["error"]["error"] in ("MalformedError", "InvalidError")


def heard() -> None:
    """Whoever runs the tests in the background of a shell has the keyboard ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_keyboard_stops_it(wat: Any) -> None:
    body = """(call $print (i32.const 1) (i32.const 64) (i32.const 1)) (loop (br 0))"""
    with subprocess.Popen(
        [sys.executable, "-m", "wasmpy", "run", wat(program(body)), "--timeout", "60"],
        cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=heard,  # noqa: PLW1509 - there is one thread
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.read(1) == b"\0"  # the guest runs now
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"wasmpy: error: stopped from the keyboard\n"


def test_a_reader_that_leaves_is_epipe_for_the_guest(wat: Any) -> None:
    text = f"""(module {WASI} (data (i32.const 64) "x")
      (func (export "_start") (local $errno i32)
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 1))
        (loop $again
          (local.set $errno
            (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br_if $again (i32.eqz (local.get $errno))))
        (call $proc_exit (local.get $errno))))"""
    with subprocess.Popen(
        [sys.executable, "-m", "wasmpy", "run", wat(text), "--timeout", "60"],
        cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.read(1) == b"x"
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        code = process.wait(timeout=30)
    assert (code, err) == (64, b"")
