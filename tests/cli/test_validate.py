"""``validate``: silence for what is valid, one line for what is not."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Tuple

import pytest

from wasmpy import cli

Capture = pytest.CaptureFixture[str]

VALID = '(module (func (export "f") (result i32) (i32.const 1)))'
INVALID = '(module (func) (func $bad (export "f") (result i32) (i64.const 1)))'
MALFORMED = "(module (func"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in {"good": VALID, "bad": INVALID, "broken": MALFORMED}.items():
        (tmp_path / f"{name}.wat").write_text(text, "utf-8")
    (tmp_path / "empty.wasm").write_bytes(b"")
    (tmp_path / "small.wasm").write_bytes(b"\0asm\1\0\0\0")
    return tmp_path


def validate(capsys: Capture, *argv: object) -> Tuple[int, str, str]:
    code = cli.main(["validate", *map(str, argv)])
    out, err = capsys.readouterr()
    return code, out, err


def test_valid_modules_are_silent(capsys: Capture, files: Path) -> None:
    assert validate(capsys, files / "good.wat", files / "small.wasm") == (0, "", "")
    assert validate(capsys, "-v", files / "good.wat") == (0, f"{files / 'good.wat'}: valid\n", "")


def test_an_invalid_module_is_one_line_with_function_offset_and_rule(
    capsys: Capture, files: Path
) -> None:
    code, out, err = validate(capsys, files / "bad.wat")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"wasmpy: error: {files / 'bad.wat'}: invalid module")
    assert "function 1" in err
    assert "offset 0x" in err
    doc = json.loads(validate(capsys, files / "bad.wat", "--json")[1])
    (entry,) = doc["modules"]
    assert (doc["status"], entry["status"]) == ("invalid", "invalid")
    error = entry["error"]
    assert (error["error"], error["func"]) == ("InvalidError", 1)
    assert isinstance(error["offset"], int)
    assert error["rule"]
    assert err.rstrip().endswith(f"[{error['rule']}]")


def test_a_malformed_module_says_where(capsys: Capture, files: Path) -> None:
    code, out, err = validate(capsys, files / "broken.wat")
    assert (code, out, err.count("\n")) == (1, "", 1)
    doc = json.loads(validate(capsys, files / "broken.wat", "--json")[1])
    (entry,) = doc["modules"]
    assert entry["status"] == "malformed"
    assert (entry["error"]["error"], entry["error"]["line"]) == ("MalformedError", 1)
    assert validate(capsys, files / "empty.wasm")[0] == 1


def test_a_file_that_cannot_be_read_is_2(capsys: Capture, files: Path) -> None:
    for path in (files / "absent", files):
        code, out, err = validate(capsys, path)
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_every_file_is_looked_at_and_the_worst_counts(capsys: Capture, files: Path) -> None:
    names = ["absent", "bad.wat", "good.wat", "broken.wat"]
    code, out, err = validate(capsys, *[files / name for name in names])
    assert (code, out, err.count("\n")) == (2, "", 3)
    code, out, err = validate(capsys, "--json", *[files / name for name in names])
    doc = json.loads(out)
    assert (code, err) == (2, "")
    assert list(doc) == ["command", "status", "exit_code", "modules"]
    assert (doc["command"], doc["status"], doc["exit_code"]) == ("validate", "error", 2)
    assert [m["status"] for m in doc["modules"]] == ["error", "invalid", "valid", "malformed"]
    assert [m["error"] is None for m in doc["modules"]] == [False, False, True, False]


def test_a_module_from_stdin(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, code in ((VALID.encode(), 0), (b"\0asm\1\0\0\0", 0), (b"", 1), (b"\xff", 1)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert validate(capsys, "-")[0] == code
