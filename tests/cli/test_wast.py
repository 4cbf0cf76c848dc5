"""``wast``: summaries, failures, JUnit, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Tuple
from xml.etree import ElementTree as ET

import pytest

import wasmpy
from wasmpy import cli

Capture = pytest.CaptureFixture[str]

GOOD = '(module (func (export "f") (result i32) (i32.const 1)))\n(assert_return (invoke "f") (i32.const 1))\n'
BAD = GOOD + '(assert_return (invoke "f") (i32.const 2))\n'


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.wast").write_text(GOOD, "utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/bad.wast").write_text(BAD, "utf-8")
    (tmp_path / "broken.txt").write_text("(assert_return", "utf-8")
    (tmp_path / "gc.wast").write_text("(module (type (struct)))", "utf-8")
    return tmp_path


def wast(capsys: Capture, *argv: object) -> Tuple[int, str, str]:
    code = cli.main(["wast", *map(str, argv)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_script_that_passes(capsys: Capture, files: Path) -> None:
    path = files / "good.wast"
    assert wast(capsys, path) == (0, f"{path}: 2 passed\n", "")


def test_what_fails_is_listed_with_its_line(capsys: Capture, files: Path) -> None:
    path = files / "sub/bad.wast"
    code, out, err = wast(capsys, path)
    assert (code, err) == (1, "")
    first, second = out.splitlines()
    assert first == f"{path}: 2 passed, 1 failed"
    assert second.startswith(f"  {path}:3: assert_return: ")


def test_a_folder_means_every_script_below_it(capsys: Capture, files: Path) -> None:
    (files / "gc.wast").unlink()
    code, out, _ = wast(capsys, files)
    assert code == 1
    assert out.splitlines()[-1] == "2 scripts: 4 passed, 1 failed"


def test_json_and_junit(capsys: Capture, files: Path) -> None:
    code, out, _ = wast(
        capsys, "--json", "--junit", files / "j.xml", files / "good.wast", files / "sub/bad.wast", files / "broken.txt"
    )
    doc = json.loads(out)
    assert (code, doc["status"], doc["exit_code"]) == (1, "failed", 1)
    assert [(s["pass"], s["fail"]) for s in doc["scripts"]] == [(2, 0), (2, 1), (0, 0)]
    assert doc["scripts"][2]["error"]["error"] == "MalformedError"
    root = ET.parse(files / "j.xml").getroot()
    suites = root.findall("testsuite")
    assert [(s.get("tests"), s.get("failures"), s.get("errors")) for s in suites] == [
        ("2", "0", "0"), ("3", "1", "0"), ("1", "0", "1")
    ]  # fmt: skip
    (failure,) = root.iter("failure")
    assert failure.get("message")


def test_features_and_fusing(capsys: Capture, files: Path) -> None:
    code, out, _ = wast(capsys, "--features", "wasm2", files / "gc.wast")
    assert "skipped" in out or code == 1
    assert wast(capsys, "--features", "wasm3", files / "gc.wast")[0] == 0
    for fusing in ("never", "hot", "always"):
        assert wast(capsys, "--fusing", fusing, files / "good.wast")[0] == 0
    assert wast(capsys, "--fusing", "sometimes", files / "good.wast")[0] == 2
    for path in ("text", "binary"):
        assert wast(capsys, "--path", path, files / "good.wast")[0] == 0
        assert wast(capsys, "--path", path, files / "sub/bad.wast")[0] == 1
    assert wast(capsys, "--path", "other", files / "good.wast")[0] == 2


def test_scripts_that_cannot_be_read(capsys: Capture, files: Path) -> None:
    code, out, err = wast(capsys, files / "absent.wast")
    assert (code, out, err.count("\n")) == (2, "", 1)
    (files / "empty").mkdir()
    assert wast(capsys, files / "empty")[0] == 2
    assert wast(capsys, files / "broken.txt")[0] == 1


def test_progress_is_for_terminals_alone(
    capsys: Capture, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    assert wast(capsys, files / "good.wast")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "good.wast" in wast(capsys, files / "good.wast")[2]


def test_run_takes_the_features_of_proposals(tmp_path, capsys):
    from wasmpy.cli import main

    path = tmp_path / "shared.wat"
    path.write_text(
        '(module (memory 1 1 shared)'
        ' (func (export "f") (result i32) (i32.atomic.load (i32.const 0))))'
    )
    assert main(["run", str(path), "--features=+threads", "--invoke", "f"]) == 0
    assert capsys.readouterr().out == "0\n"
    assert main(["run", str(path), "--invoke", "f"]) == 1
    assert "threads" in capsys.readouterr().err


def test_skips_name_the_features_that_are_off(capsys: Capture, files: Path) -> None:
    path = files / "gc.wast"
    assert wast(capsys, "--features", "wasm2", path) == (0, f"{path}: 0 passed, 1 skipped (for want of gc)\n", "")
    out = wast(capsys, "--features", "wasm2", path, files / "good.wast")[1]
    assert out.splitlines()[-1] == "2 scripts: 2 passed, 1 skipped (for want of gc)"


@pytest.mark.parametrize("tier", ["reference", "python", "auto"])
def test_the_tier_that_is_asked_for_runs_the_script(
    capsys: Capture, files: Path, monkeypatch: pytest.MonkeyPatch, tier: str
) -> None:
    made = []
    init = wasmpy.Store.__init__

    def noting(self: wasmpy.Store, *args: Any, **options: Any) -> None:
        made.append(options.get("tier"))
        init(self, *args, **options)

    monkeypatch.setattr(wasmpy.Store, "__init__", noting)
    path = files / "good.wast"
    assert wast(capsys, "--tier", tier, path) == (0, f"{path}: 2 passed\n", "")
    assert set(made) == {tier}


def test_a_tier_that_is_not_there_is_wrong_usage(capsys: Capture, files: Path) -> None:
    code, out, err = wast(capsys, "--tier", "native", files / "good.wast")
    assert (code, out) == (2, "")
    assert "native" in err
