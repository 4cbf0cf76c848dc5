"""``parse`` and ``print``: text to binary and back, through files and standard streams."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Tuple

import pytest

from wasmpy import cli
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.text import parse_module

Capture = pytest.CaptureFixture[str]

SOURCE = '(module $m (func $f (export "f") (param $x i32) (result i32) local.get $x i32.const 1 i32.add))'


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "m.wat").write_text(SOURCE, "utf-8")
    (tmp_path / "m.wasm").write_bytes(encode_module(parse_module(SOURCE)))
    (tmp_path / "broken.wat").write_text("(module", "utf-8")
    return tmp_path


def run(capsys: Capture, *argv: object) -> Tuple[int, str, str]:
    code = cli.main(list(map(str, argv)))
    out, err = capsys.readouterr()
    return code, out, err


def test_text_to_binary_to_text(capsys: Capture, files: Path) -> None:
    assert run(capsys, "parse", files / "m.wat", "-o", files / "out.wasm") == (0, "", "")
    data = (files / "out.wasm").read_bytes()
    assert data == (files / "m.wasm").read_bytes()
    code, out, err = run(capsys, "print", files / "out.wasm")
    assert (code, err) == (0, "")
    assert parse_module(out) == parse_module(SOURCE)
    assert run(capsys, "print", files / "out.wasm", "-o", files / "out.wat") == (0, "", "")
    assert (files / "out.wat").read_text("utf-8") == out
    assert run(capsys, "parse", "-t", files / "m.wat") == (0, out, "")


def test_standard_input_is_the_default(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    for argv in (["print"], ["print", "-"], ["parse", "-t"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((files / "m.wasm").read_bytes())))
        code, out, err = run(capsys, *argv)
        assert (code, err, out.startswith("(module $m")) == (0, "", True)


def test_a_binary_goes_to_standard_output_that_is_no_terminal(
    capfdbinary: pytest.CaptureFixture[bytes], files: Path
) -> None:
    assert cli.main(["parse", str(files / "m.wat"), "-o", "-"]) == 0
    assert capfdbinary.readouterr().out == (files / "m.wasm").read_bytes()


def test_a_binary_does_not_go_to_a_terminal(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, err = run(capsys, "parse", files / "m.wat")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_options_of_print(capsys: Capture, files: Path) -> None:
    folded = run(capsys, "print", "--fold", files / "m.wasm")[1]
    assert "(i32.add (local.get $x) (i32.const 1))" in folded
    for suffix in ("wasm", "wat"):
        offsets = run(capsys, "print", "--offsets", files / f"m.{suffix}")[1]
        assert "(;0x" in offsets
        assert decode_module(encode_module(parse_module(offsets))).funcs == parse_module(SOURCE).funcs
    assert "i32.add" not in run(capsys, "print", "--skeleton", files / "m.wasm")[1]
    assert "$" not in run(capsys, "print", "--names", "none", files / "m.wasm")[1]


def test_what_is_malformed_is_one_line(capsys: Capture, files: Path) -> None:
    for command in ("parse", "print"):
        code, out, err = run(capsys, command, files / "broken.wat")
        assert (code, out, err.count("\n")) == (1, "", 1)
        doc = json.loads(run(capsys, command, "--json", "-o", files / "x", files / "broken.wat")[1])
        assert (doc["command"], doc["status"], doc["error"]["error"]) == (command, "error", "MalformedError")


def test_files_that_cannot_be_read_or_written(capsys: Capture, files: Path) -> None:
    for command in ("parse", "print"):
        for argv in ([files / "absent"], [files / "m.wat", "-o", files / "no/where"], [files / "m.wat", "--json"]):
            code, out, err = run(capsys, command, *argv)
            assert (code, (out + err).count("error") >= 1) == (2, True)


def test_json_says_what_was_written(capsys: Capture, files: Path) -> None:
    code, out, _ = run(capsys, "parse", "--json", files / "m.wat", "-o", files / "j.wasm")
    doc = json.loads(out)
    assert (code, doc["status"], doc["format"]) == (0, "ok", "binary")
    assert doc["bytes"] == len((files / "j.wasm").read_bytes())
    assert json.loads(run(capsys, "print", "--json", files / "m.wat", "-o", files / "j.wat")[1])["lines"] > 3


def test_features_refuse_syntax(capsys: Capture, files: Path) -> None:
    (files / "gc.wat").write_text("(module (type (struct)))", "utf-8")
    assert run(capsys, "parse", "--features=wasm2", files / "gc.wat", "-o", files / "gc.wasm")[0] == 1
    assert run(capsys, "parse", files / "gc.wat", "-o", files / "gc.wasm")[0] == 0
    assert run(capsys, "print", "--features=wasm2", files / "gc.wasm")[0] == 1
