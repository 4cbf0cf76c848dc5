"""``dump``: every byte once, in order, with a meaning; malformed files up to the error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import List, Tuple

import pytest

from wasmpy import cli
from wasmpy.binary.encode import encode_module
from wasmpy.binary.explain import Entry
from wasmpy.cli.dump import Walk, row
from wasmpy.config import Features
from wasmpy.text import parse_module

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[2]
BINARIES = sorted([*ROOT.glob("hostabi/bundled/*.wasm"), *ROOT.glob("examples/guards/*/*.wasm"),
                   *ROOT.glob("benchmarks/kernels/*.wasm")])  # fmt: skip

SOURCE = """(module $m
  (type $t (func (param i32) (result i32)))
  (import "env" "f" (func $f (type $t))) (import "env" "m" (memory 1)) (import "env" "g" (global i32))
  (import "env" "t" (table 1 funcref)) (import "env" "e" (tag))
  (rec (type $s (sub (struct (field (mut i8)) (field (ref null $s)))))) (type (array i64))
  (tag (param i32)) (table $t 2 4 funcref) (table 1 (ref func) (ref.func $g)) (memory i64 1 2)
  (global (mut f64) (f64.const 1.5)) (export "g" (func $g)) (start $s)
  (elem (i32.const 0) $f) (elem (table 1) (offset (i32.const 0)) func $g) (elem declare func $f)
  (elem externref (ref.null extern)) (elem (table 0) (offset (i32.const 0)) funcref (ref.func $f))
  (func $g (param $x i32) (local i32 i32 i64) (@metadata.code.branch_hint "\\01") (if (local.get $x)
    (then (drop (call $f (i32.const -1))) (block $b (br_table 0 1 0 (local.get 0))))
    (else (drop (v128.const i64x2 1 2)) (try_table (catch_all 0)))))
  (func $s (memory.init $d (i64.const 0) (i32.const 0) (i32.const 1)))
  (data $d "passive") (data (i32.const 0) "active") (data (memory 1) (offset (i64.const 0)) "")
  (@custom "mine" "\\00\\01") (@custom "producers" "\\01\\08language\\01\\04Rust\\00"))"""


def entries(data: bytes) -> Tuple[List[Entry], Walk]:
    walk = Walk(data, Features.ALL)
    return list(walk.entries()), walk


def check_cover(data: bytes, found: List[Entry], end: int) -> None:
    """The entries have the bytes from 0 to ``end``, each once, in order."""
    at = 0
    for entry in found:
        assert entry.offset == at, entry
        assert entry.meaning.strip()
        at = entry.end
    assert at == end


@pytest.mark.parametrize("path", BINARIES, ids=lambda p: p.stem)
def test_every_byte_of_every_guard_and_kernel_once(path: Path) -> None:
    data = path.read_bytes()
    found, walk = entries(data)
    assert walk.error is None
    check_cover(data, found, len(data))


def test_every_byte_of_a_module_with_everything() -> None:
    data = encode_module(parse_module(SOURCE))
    found, walk = entries(data)
    assert walk.error is None
    check_cover(data, found, len(data))
    said = {entry.meaning.strip() for entry in found}
    assert {"call $f", "local.get $x", "i32.const -1", 'module: "env" (its length, and UTF-8)'} <= said
    assert {f"{name} section" for name in ("type", "import", "code", "data", "element", "tag", "custom")} <= said
    assert "field: \"language\" (its length, and UTF-8)" in said


@pytest.mark.parametrize("step", [7])
def test_a_file_cut_anywhere_is_explained_up_to_the_error(step: int) -> None:
    data = encode_module(parse_module(SOURCE))
    for cut in range(0, len(data), step):
        part = data[:cut]
        found, walk = entries(part)
        end = found[-1].end if found else 0
        check_cover(part, found, end)
        if walk.error is None:
            assert end == len(part)


def test_a_file_changed_anywhere_is_explained_up_to_the_error() -> None:
    data = encode_module(parse_module(SOURCE))
    for at in range(0, len(data), 3):
        changed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        found, walk = entries(changed)
        end = found[-1].end if found else 0
        check_cover(changed, found, end)
        assert walk.error is not None or end == len(changed)


def dump(capsys: Capture, *argv: object) -> Tuple[int, str, str]:
    code = cli.main(["dump", *map(str, argv)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_lines_have_every_byte(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "m.wat").write_text(SOURCE, "utf-8")
    data = encode_module(parse_module(SOURCE))
    code, out, err = dump(capsys, "--all", tmp_path / "m.wat")
    assert (code, err) == (0, "")
    shown = bytearray()
    for line in out.splitlines():
        matched = re.match(r"([0-9a-f]{8})  ((?:[0-9a-f]{2} ?)+)", line)
        if matched:
            assert int(matched.group(1), 16) == len(shown)
            shown += bytes.fromhex(matched.group(2))
    assert bytes(shown) == data


def test_json_and_one_section(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "m.wasm").write_bytes(encode_module(parse_module(SOURCE)))
    doc = json.loads(dump(capsys, "--json", tmp_path / "m.wasm")[1])
    assert "".join(entry["bytes"] for entry in doc["entries"]) == (tmp_path / "m.wasm").read_bytes().hex()
    assert (doc["status"], doc["explained"]) == ("ok", doc["bytes"])
    out = dump(capsys, "--section", "start", tmp_path / "m.wasm")[1]
    assert "the start function is function" in out
    assert "magic" not in out


def test_the_error_comes_last(capsys: Capture, tmp_path: Path) -> None:
    data = encode_module(parse_module("(module (func nop))"))
    (tmp_path / "m.wasm").write_bytes(data[:-1])
    code, out, err = dump(capsys, tmp_path / "m.wasm")
    assert (code, err.count("\n")) == (1, 1)
    assert "type section" in out
    doc = json.loads(dump(capsys, "--json", tmp_path / "m.wasm")[1])
    assert (doc["status"], doc["error"]["error"]) == ("malformed", "MalformedError")
    assert doc["explained"] < doc["bytes"]


def test_long_runs_are_cut_unless_all_is_asked_for() -> None:
    data = bytes(100)
    entry = Entry(0, 100, 0, "data")
    assert row(data, entry, whole=False).count("\n") == 5
    assert row(data, entry, whole=True).count("\n") == 13


def test_a_section_that_the_module_lacks_is_wrong_usage(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "m.wat").write_text("(module (func))", "utf-8")
    for more in ([], ["--json"], ["-o", str(tmp_path / "out.txt")]):
        code = cli.main(["dump", "--section", "nope", str(tmp_path / "m.wat"), *more])
        out, err = capsys.readouterr()
        assert code == 2
        assert "type, function, code" in (json.loads(out)["error"]["text"] if more == ["--json"] else err)
    assert not (tmp_path / "out.txt").exists()
    assert cli.main(["dump", "--section", "code", str(tmp_path / "m.wat")]) == 0
