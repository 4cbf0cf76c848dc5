"""Standard input and ``-o``: every command that reads a file reads ``-`` alike."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Tuple

import pytest

from wasmpy import cli
from wasmpy.binary.encode import encode_module
from wasmpy.text import parse_module
from wasmpy.tiers import folder

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

needs_folder = pytest.mark.skipif(not folder._supported(), reason="the cache on disk needs POSIX")

TEXT = b'(module (func (export "f")))'
BINARY = encode_module(parse_module(TEXT.decode()))
INVALID = b"(module (func i32.add))"
SCRIPT = TEXT + b' (assert_return (invoke "f"))'
READERS = ("validate", "print", "dump", "parse")
"""The commands that take one file, or standard input where none is named."""


class Stream(io.TextIOWrapper):
    """A standard input that may be a terminal."""

    def __init__(self, data: bytes, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data))
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def run(capsys: Capture, *argv: object) -> Tuple[int, str, str]:
    code = cli.main(list(map(str, argv)))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("data", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("command", READERS)
def test_standard_input_is_read_where_no_file_is_named(
    capsys: Capture, monkeypatch: Patch, tmp_path: Path, command: str, data: bytes
) -> None:
    (tmp_path / "m").write_bytes(data)
    options = ["-t"] if command == "parse" else []
    expected = run(capsys, command, *options, tmp_path / "m")
    assert expected[0] == 0
    for file in ([], ["-"]):
        monkeypatch.setattr(sys, "stdin", Stream(data))
        assert run(capsys, command, *options, *file) == expected


@pytest.mark.parametrize("command", READERS)
def test_a_terminal_is_read_only_when_it_is_named(
    capsys: Capture, monkeypatch: Patch, command: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(BINARY, terminal=True))
    code, out, err = run(capsys, command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    options = ["-t"] if command == "parse" else []
    assert run(capsys, command, *options, "-")[0] == 0


@pytest.mark.parametrize("command", READERS)
def test_a_closed_standard_input_is_one_line(capsys: Capture, monkeypatch: Patch, command: str) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    code, out, err = run(capsys, command)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_module_on_standard_input_may_be_wrong(capsys: Capture, monkeypatch: Patch) -> None:
    for command, data in (("validate", INVALID), ("dump", BINARY[:-1]), ("print", b"\xff"), ("parse", b"(")):
        monkeypatch.setattr(sys, "stdin", Stream(data))
        assert run(capsys, command)[0] == 1


def test_a_script_on_standard_input(capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(SCRIPT))
    assert run(capsys, "wast", "-") == (0, "-: 2 passed\n", "")
    monkeypatch.setattr(sys, "stdin", Stream(SCRIPT + b"(assert_trap (invoke \"f\") \"unreachable\")"))
    code, out, err = run(capsys, "wast", "-")
    assert (code, err, out.splitlines()[0]) == (1, "", "-: 2 passed, 1 failed")
    monkeypatch.setattr(sys, "stdin", Stream(SCRIPT))
    document = json.loads(run(capsys, "wast", "--json", "-")[1])
    assert [(script["script"], script["pass"]) for script in document["scripts"]] == [("-", 2)]


def test_a_script_has_to_be_named(capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(SCRIPT))
    assert run(capsys, "wast")[0] == 2


@pytest.mark.parametrize("script", [b"(assert_return", b"(module) (nonsense)", b";; \xff"])
def test_a_malformed_script_is_a_negative_answer(
    capsys: Capture, monkeypatch: Patch, tmp_path: Path, script: bytes
) -> None:
    (tmp_path / "s.wast").write_bytes(script)
    code, out, err = run(capsys, "wast", tmp_path / "s.wast")
    assert (code, out, err.count("\n")) == (1, "", 1)
    monkeypatch.setattr(sys, "stdin", Stream(script))
    assert run(capsys, "wast", "-")[0] == 1
    document = json.loads(run(capsys, "wast", "--json", tmp_path / "s.wast")[1])
    assert (document["status"], document["exit_code"]) == ("failed", 1)
    assert document["scripts"][0]["error"]["error"] == "MalformedError"


def test_a_script_that_cannot_be_read_is_2(capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    code, out, err = run(capsys, "wast", "-")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "standard input" in err


def test_dump_writes_to_a_file(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "m.wasm").write_bytes(BINARY)
    shown = run(capsys, "dump", tmp_path / "m.wasm")[1]
    assert run(capsys, "dump", tmp_path / "m.wasm", "-o", tmp_path / "d.txt") == (0, "", "")
    assert (tmp_path / "d.txt").read_text("utf-8") == shown
    assert run(capsys, "dump", tmp_path / "m.wasm", "-o", "-")[1] == shown
    document = json.loads(run(capsys, "dump", "--json", tmp_path / "m.wasm", "-o", tmp_path / "e.txt")[1])
    assert document["explained"] == len(BINARY)
    assert (tmp_path / "e.txt").read_text("utf-8") == shown
    assert run(capsys, "dump", "--json", tmp_path / "m.wasm", "-o", "-")[0] == 2
    assert run(capsys, "dump", tmp_path / "m.wasm", "-o", tmp_path / "no/where")[0] == 2


def test_dump_writes_what_it_could_explain(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "m.wasm").write_bytes(BINARY[:-1])
    code, out, err = run(capsys, "dump", tmp_path / "m.wasm", "-o", tmp_path / "d.txt")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "type section" in (tmp_path / "d.txt").read_text("utf-8")


NAMERS = (
    ["validate"], ["print"], ["print", "--offsets"], ["dump"], ["parse"], ["parse", "-t"], ["compile"], ["run"],
    ["run", "--invoke", "f"], pytest.param(["cache", "warm"], marks=needs_folder),
)  # fmt: skip


@pytest.mark.parametrize("command", NAMERS, ids=" ".join)
def test_every_command_names_the_file_that_is_wrong(
    capsys: Capture, monkeypatch: Patch, tmp_path: Path, command: Tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(tmp_path / "cache"))
    wrong = {"text.wat": b"(module (func $x", "binary.wasm": BINARY[:-1], "neither.bin": b"\xff", "invalid.wat": INVALID}
    for name, data in wrong.items():
        if name == "invalid.wat" and command[0] in ("print", "dump", "parse"):
            continue  # they do not validate
        Path(name).write_bytes(data)
        code, out, err = run(capsys, *command, name)
        kind = "invalid" if name == "invalid.wat" else "malformed"
        assert (code, err.splitlines()[0].startswith(f"wasmpy: error: {name}: {kind} module: ")) == (1, True)
        assert command[0] in ("dump", "validate") or (out, err.count("\n")) == ("", 1)
        monkeypatch.setattr(sys, "stdin", Stream(data))
        assert run(capsys, *command, "-")[2].startswith(f"wasmpy: error: standard input: {kind} module: ")
