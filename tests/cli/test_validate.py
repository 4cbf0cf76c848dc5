"""``validate``: silence for what is valid, one line for what is not."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Tuple

import pytest

from wasmpy import cli
from wasmpy.binary.encode import encode_module
from wasmpy.errors import MALFORMED_RULES
from wasmpy.text import parse_module

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


def test_an_invalid_module_is_one_line_with_function_place_and_rule(
    capsys: Capture, files: Path
) -> None:
    code, out, err = validate(capsys, "--quiet", files / "bad.wat")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"wasmpy: error: {files / 'bad.wat'}: invalid module")
    assert "function 1" in err
    assert "at 1:66" in err
    doc = json.loads(validate(capsys, files / "bad.wat", "--json")[1])
    (entry,) = doc["modules"]
    assert (doc["status"], entry["status"]) == ("invalid", "invalid")
    error = entry["error"]
    assert (error["error"], error["func"]) == ("InvalidError", 1)
    assert isinstance(error["offset"], int)
    assert (error["line"], error["column"]) == (1, INVALID.rindex(")))") + 2)
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
    lines = [line for line in err.splitlines() if not line.startswith("  ")]
    assert (code, out, len(lines)) == (2, "", 3)
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


def test_the_context_has_the_instruction_its_neighbours_and_the_stack(
    capsys: Capture, files: Path
) -> None:
    (files / "deep.wat").write_text(
        "(module (func (import \"a\" \"b\")) (func $deep (param $x i32) (result i32)"
        " block (result i32) local.get $x i64.const 2 i32.add end))", "utf-8"
    )
    doc = json.loads(validate(capsys, files / "deep.wat", "--json")[1])
    (entry,) = doc["modules"]
    assert (entry["error"]["expected"], entry["error"]["actual"]) == ("[i32 i32]", "[i32 i64]")
    context = entry["context"]
    assert [(item["pc"], item["instr"]) for item in context] == [
        (0, "block (;@1;) (result i32)"), (1, "local.get $x"), (2, "i64.const 2"), (3, "i32.add"),
        (4, "end"), (5, "end"),
    ]  # fmt: skip
    (wrong,) = [item for item in context if item["wrong"]]
    assert (wrong["pc"], wrong["offset"]) == (3, entry["error"]["offset"])
    err = validate(capsys, files / "deep.wat")[2]
    assert "stack before it: [i32 i64]" in err
    assert "  > " in err


def test_places_in_a_text_are_lines_and_columns_and_in_a_binary_offsets(
    capsys: Capture, files: Path
) -> None:
    text = "(module (func (result i32)\n (i32.add\n  (i64.const 1)\n  (i32.const 1))))"
    (files / "lines.wat").write_text(text, "utf-8")
    (files / "lines.wasm").write_bytes(encode_module(parse_module(text)))
    for name, places in (("lines.wat", [(3, 4), (4, 4), (2, 3)]), ("lines.wasm", [(None, None)] * 3)):
        doc = json.loads(validate(capsys, "--trace", "--json", files / name)[1])
        (entry,) = doc["modules"]
        assert [(s["line"], s["column"]) for s in entry["trace"][1:]] == places
        assert [(s["line"], s["column"]) for s in entry["context"][:3]] == places
        assert (entry["error"]["line"], entry["error"]["column"]) == places[-1]
    code, out, err = validate(capsys, "--trace", files / "lines.wat")
    assert (code, "2:3  i32.add" in out, "2:3  i32.add" in err, "0x" in out + err) == (1, True, True, False)
    code, out, err = validate(capsys, "--trace", files / "lines.wasm")
    at = f"{entry['error']['offset']:#08x}  i32.add"
    assert (code, at in out, at in err) == (1, True, True)


def test_the_rule_is_explained_with_its_anchor(capsys: Capture, files: Path) -> None:
    err = validate(capsys, "--explain", files / "bad.wat")[2]
    assert "valid/instructions.html#" in err
    doc = json.loads(validate(capsys, "--explain", "--json", files / "bad.wat")[1])
    rule = doc["modules"][0]["rule"]
    assert rule["name"] == doc["modules"][0]["error"]["rule"]
    code, out, _ = validate(capsys, "--rule", "local.get")
    assert (code, out.startswith("local.get: ")) == (0, True)


def test_a_rule_that_is_none_is_one_short_line_and_list_names_them_all(capsys: Capture) -> None:
    code, out, err = validate(capsys, "--rule", "i32.ad")
    assert (code, out, err.count("\n"), len(err) < 200) == (2, "", 1, True)
    assert "i32.add" in err
    code, out, err = validate(capsys, "--rule", "nope")
    assert (code, len(err) < 200) == (2, True)
    code, out, err = validate(capsys, "--rule", "list")
    assert (code, err) == (0, "")
    assert {"i32.add", "memtype", "length"} <= set(out.splitlines())
    assert json.loads(validate(capsys, "--rule", "list", "--json")[1])["rules"] == out.splitlines()


def test_a_rule_of_the_formats_is_said_too(capsys: Capture) -> None:
    code, out, _ = validate(capsys, "--rule", "length")
    assert (code, MALFORMED_RULES["length"] in out) == (0, True)
    for name, valid, malformed in (("length", False, True), ("end", True, True), ("memtype", True, False)):
        doc = json.loads(validate(capsys, "--rule", name, "--json")[1])
        assert (doc["rule"] is not None, doc["malformed"] is not None) == (valid, malformed)


def test_a_function_that_cannot_be_traced_is_an_error(capsys: Capture, files: Path) -> None:
    (files / "import.wat").write_text('(module (import "" "" (func)) (func))', "utf-8")
    for name, func in (("good.wat", 9), ("good.wat", -1), ("import.wat", 0), ("small.wasm", 0)):
        code, out, err = validate(capsys, "--trace", "--func", func, files / name)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert str(files / name) in err
        doc = json.loads(validate(capsys, "--trace", "--func", func, "--json", files / name)[1])
        assert (doc["status"], doc["modules"][0]["status"]) == ("error", "error")
    assert validate(capsys, "--trace", "--func", 1, files / "import.wat")[0] == 0
    code, out, err = validate(capsys, "--func", 0, files / "good.wat")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_type_of_another_kind_is_named_in_the_words_of_the_specification(
    capsys: Capture, files: Path
) -> None:
    for instr, expected in (("struct.get 0 0", "a structure type"), ("array.get 0", "an array type")):
        text = f"(module (type (func)) (func unreachable {instr} drop))"
        (files / "kind.wat").write_text(text, "utf-8")
        doc = json.loads(validate(capsys, "--json", files / "kind.wat")[1])
        assert doc["modules"][0]["error"]["expected"] == expected


def test_the_trace_shows_the_stack_after_each_instruction(capsys: Capture, files: Path) -> None:
    (files / "add.wat").write_text(
        "(module (func (param i32) (result i32) local.get 0 i32.const 1 i32.add)"
        " (func (result i32) unreachable))", "utf-8"
    )
    doc = json.loads(validate(capsys, "--trace", "--json", files / "add.wat")[1])
    steps = [(s["func"], s["pc"], s["stack"]) for s in doc["modules"][0]["trace"] if s["pc"] is not None]
    assert steps == [
        (0, 0, "[i32]"), (0, 1, "[i32 i32]"), (0, 2, "[i32]"), (0, 3, "[i32]"),
        (1, 0, "[]"), (1, 1, "[i32]"),
    ]  # fmt: skip
    out = validate(capsys, "--trace", "--func", 1, files / "add.wat")[1]
    assert out.count("function ") == 1
    assert "(not reached)" in out


def test_the_trace_of_an_invalid_function_ends_at_what_is_wrong(capsys: Capture, files: Path) -> None:
    code, out, err = validate(capsys, "--trace", files / "bad.wat")
    assert code == 1
    assert out.rstrip().endswith("! invalid")
    assert err


@pytest.mark.parametrize(
    ("features", "code"),
    [("wasm1", 1), ("wasm2", 0), ("wasm3,-multi_value", 1), ("wasm1,+multi_value", 0),
     ("all,-multi-value", 1), ("+threads", 0)],
)  # fmt: skip
def test_features_decide(capsys: Capture, files: Path, features: str, code: int) -> None:
    (files / "two.wat").write_text("(module (func (result i32 i32) i32.const 1 i32.const 2))", "utf-8")
    assert validate(capsys, f"--features={features}", files / "two.wat")[0] == code


def test_an_unknown_feature_is_wrong_usage(capsys: Capture, files: Path) -> None:
    code, out, err = validate(capsys, "--features=warp", files / "good.wat")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_custom_sections_are_checked_when_asked_for(capsys: Capture, files: Path) -> None:
    (files / "hint.wat").write_text(
        '(module (func (@metadata.code.branch_hint "\\00") nop))', "utf-8"
    )
    assert validate(capsys, "--features=wasm3", files / "hint.wat")[0] == 0
    doc = json.loads(validate(capsys, "--features=wasm3", "--customs", "--json", files / "hint.wat")[1])
    error = doc["modules"][0]["error"]
    assert (error["rule"], error["instr"]) == ("branch_hint", "nop")
    assert isinstance(error["offset"], int)
