"""``wasmpy guard test`` and ``wasmpy guard new``: files, exit codes, JSON, JUnit, updates."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Dict, List
from xml.etree import ElementTree as ET

import pytest

from tests.hostabi.wat import LOOP, guard_wat
from wasmpy import cli
from wasmpy.testing import LANGUAGES

GOOD = {"name": "good", "policy": {}, "agent": {"secrecy": ["s"]}}
BAD = {"name": "bad & <worse>", "policy": {}, "agent": {"secrecy": ["\x1b[2J"], "difc_mode": "strict"}}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with a guard and case files; the test works in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guard.wat").write_text(guard_wat(), encoding="utf-8")
    (tmp_path / "loop.wat").write_text(guard_wat(agent=LOOP), encoding="utf-8")
    (tmp_path / "folder").mkdir()
    contents: Dict[str, Any] = {
        "good.json": {"cases": [GOOD]}, "bad.json": {"cases": [GOOD, BAD]},
        "folder/cases.json": {"cases": [GOOD]}, "folder/more.cases.json": {"cases": [GOOD]},
        "wrong.json": {"cases": [{**GOOD, "polciy": 1}]}, "fresh.json": {"cases": [{"name": "n", "policy": {}, "calls": [{"call": "label_resource", "tool_name": "t"}]}]},
        "list.json": [],
    }  # fmt: skip
    for name, doc in contents.items():
        (tmp_path / name).write_text(json.dumps(doc, indent=1), encoding="utf-8")
    return tmp_path


def run(capsys, *argv):
    code = cli.main(["guard", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def test(capsys, *argv):
    return run(capsys, "test", "guard.wat", *argv)


def as_json(capsys, *argv):
    code, out, err = run(capsys, *argv, "--json")
    assert err == ""
    document = json.loads(out)
    assert document["exit_code"] == code
    assert document["command"] == "guard"
    return document


test.__test__ = False  # type: ignore[attr-defined]


def test_all_pass(capsys, files):
    assert test(capsys, "good.json") == (0, "good.json: 1 passed\n", "")
    code, out, err = test(capsys, "folder", "good.json", "-v")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "3 files: 3 passed"
    assert out.count("passed good") == 3


def test_what_fails_is_shown_with_what_differs(capsys, files):
    code, out, err = test(capsys, "bad.json")
    assert (code, err) == (1, "")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "bad.json: 1 passed, 1 failed"
    assert "cases[1].agent.secrecy" in lines
    assert "+ s  not expected, at /agent/secrecy/0" in lines
    assert "cases[1].agent.difc_mode: expected strict, got filter" in lines
    assert "\x1b" not in out
    assert "\\x1b[2J" in out


def test_a_file_that_means_nothing_is_exit_code_2_and_the_others_are_run(capsys, files):
    code, out, err = test(capsys, "wrong.json", "bad.json", "none.json")
    assert code == 2
    assert "bad.json: 1 passed, 1 failed" in out
    first, second = err.splitlines()
    assert first.startswith("wasmpy: error: wrong.json: cases[0]: unknown key 'polciy'; did you mean policy?")
    assert second.startswith("wasmpy: error: none.json: ")
    assert test(capsys, "list.json")[0] == 2
    assert test(capsys, "fresh.json")[0] == 2
    (files / "empty").mkdir()
    assert test(capsys, "empty")[0] == 2


def test_the_same_as_json(capsys, files):
    document = as_json(capsys, "test", "guard.wat", "bad.json", "wrong.json")
    assert list(document) == ["command", "status", "exit_code", "action", "guard", "files"]
    assert (document["status"], document["action"]) == ("error", "test")
    bad, wrong = document["files"]
    assert list(bad) == ["file", "passed", "failed", "updated", "updated_cases", "cases", "error"]
    assert (bad["passed"], bad["failed"], bad["error"]) == (1, 1, None)
    assert [case["status"] for case in bad["cases"]] == ["passed", "failed"]
    assert bad["cases"][1]["differences"][1] == {
        "path": "cases[1].agent.difc_mode", "expected": "strict", "actual": "filter",
        "lines": ["expected strict, got filter"],
    }  # fmt: skip
    assert (wrong["error"]["error"], wrong["error"]["path"]) == ("CaseError", "cases[0]")
    assert as_json(capsys, "test", "guard.wat", "good.json")["status"] == "ok"
    assert as_json(capsys, "test", "guard.wat", "bad.json")["status"] == "failed"


def test_a_part_of_the_cases(capsys, files):
    assert test(capsys, "bad.json", "-k", "GOOD")[0] == 0
    assert test(capsys, "bad.json", "-k", "worse")[1].startswith("bad.json: 0 passed, 1 failed")
    assert test(capsys, "bad.json", "good.json", "-k", "bad.json")[1].splitlines()[0] == "bad.json: 1 passed, 1 failed"
    code, out, err = test(capsys, "bad.json", "-k", "no such case")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_junit(capsys, files):
    assert test(capsys, "bad.json", "wrong.json", "--junit", "out.xml")[0] == 2
    root = ET.parse("out.xml").getroot()
    bad, wrong = root.findall("testsuite")
    assert (bad.get("tests"), bad.get("failures"), bad.get("errors")) == ("2", "1", "0")
    good, failed = bad.findall("testcase")
    assert (good.get("name"), len(good)) == ("good", 0)
    assert failed.get("name") == "bad & <worse>"
    assert "cases[1].agent.difc_mode" in failed[0].text
    assert (wrong.get("errors"), wrong[0][0].tag) == ("1", "error")
    assert test(capsys, "good.json", "--junit", "no/such/folder.xml")[0] == 2


def test_update(capsys, files):
    code, out, err = test(capsys, "bad.json", "fresh.json", "--update")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "bad.json: 1 passed, 1 updated", "fresh.json: 1 passed", "2 files: 2 passed, 1 updated",
    ]  # fmt: skip
    assert "  updated bad & <worse>" in out.splitlines()
    assert "failed" not in out.lower()
    assert "2 expectations written" not in out
    assert out.count("1 expectations written") == 2
    assert test(capsys, "bad.json", "fresh.json")[0] == 0
    doc = json.loads((files / "bad.json").read_text("utf-8"))
    assert doc == {"cases": [GOOD, {**BAD, "agent": {"secrecy": ["s"], "difc_mode": "filter"}}]}
    assert as_json(capsys, "test", "guard.wat", "bad.json", "--update")["files"][0]["updated"] == 0


def test_updated_cases_are_counted_by_themselves(capsys, files):
    for name in ("bad.json", "again.json"):
        (files / name).write_text(json.dumps({"cases": [GOOD, BAD]}), encoding="utf-8")
    document = as_json(capsys, "test", "guard.wat", "bad.json", "--update")
    assert document["status"] == "ok"
    (bad,) = document["files"]
    assert (bad["passed"], bad["failed"], bad["updated"], bad["updated_cases"]) == (1, 0, 1, 1)
    assert [case["status"] for case in bad["cases"]] == ["passed", "updated"]
    assert test(capsys, "again.json", "--update", "--junit", "out.xml")[0] == 0
    (suite,) = ET.parse("out.xml").getroot().findall("testsuite")
    assert [suite.get(key) for key in ("tests", "failures", "skipped")] == ["2", "0", "1"]
    (why,) = suite.findall("testcase/skipped")
    assert why.get("message").startswith("updated: ")


def test_what_cannot_be_written_is_a_failure_still(capsys, files):
    # Nobody answered: there is nothing to expect instead.
    (files / "none.wat").write_text("(module)", encoding="utf-8")
    code, out, _ = run(capsys, "test", "none.wat", "bad.json", "--update")
    assert code == 1
    assert out.startswith("bad.json: 0 passed, 2 failed\n")


def test_update_says_that_yaml_is_not_written(capsys, files):
    pytest.importorskip("yaml", reason="needs the extra yaml")
    text = (files / "bad.json").read_text("utf-8")
    (files / "bad.yaml").write_text(text, encoding="utf-8")
    code, out, _ = test(capsys, "bad.yaml", "--update")
    assert code == 1
    assert "YAML is not written: 1 expectations would change" in out
    assert (files / "bad.yaml").read_text("utf-8") == text


def test_bounds_and_names_reach_the_guard(capsys, files):
    case = {"name": "n", "policy": {}, "agent": {"error": {"error": "GuardFuelExhausted", "fuel": 9000}}}
    (files / "loop.json").write_text(json.dumps({"cases": [case]}), encoding="utf-8")
    assert run(capsys, "test", "loop.wat", "loop.json", "--fuel", "9000")[0] == 0
    assert run(capsys, "test", "loop.wat", "loop.json", "--fuel", "9000", "--tier", "reference")[0] == 0
    assert run(capsys, "test", "loop.wat", "loop.json", "--timeout", "0.05")[0] == 1


def test_a_guard_from_standard_input(capsys, files, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((files / "guard.wat").read_bytes())))
    assert run(capsys, "test", "-", "good.json")[0] == 0


USAGE: List[List[str]] = [
    ["test"], ["test", "guard.wat"], ["test", "none.wat", "good.json"], ["test", ".", "good.json"],
    ["test", "guard.wat", "good.json", "--fuel", "x"], ["new"], ["new", "wat"], ["new", "cobol", "d"],
    ["new", "wat", "folder"], ["new", "c", "good.json"], ["new", "c", "good.json/x"], ["new", "c", "a\0b"],
]  # fmt: skip


@pytest.mark.parametrize("argv", USAGE, ids=lambda argv: " ".join(argv).replace("\0", "0"))
def test_wrong_usage_is_one_line_and_exit_code_2(argv, capsys, files):
    before = sorted(files.rglob("*"))
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("wasmpy: error: ")
    assert err.count("\n") == 1
    assert sorted(files.rglob("*")) == before


def test_a_guard_that_cannot_be_loaded_is_exit_code_1(capsys, files):
    (files / "guard.wat").write_text("(module", encoding="utf-8")
    code, out, err = test(capsys, "good.json")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("wasmpy: error: guard.wat: malformed module: ")
    (files / "guard.wat").write_bytes(b"\xff\xfe no guard")
    code, out, err = test(capsys, "good.json")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("wasmpy: error: guard.wat: ")
    (files / "guard.wat").write_text("(module)", encoding="utf-8")
    code, out, _ = test(capsys, "good.json")
    assert code == 1
    assert "GuardLoadError" in out


def test_progress_on_a_terminal_alone(capsys, files, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli.main(["guard", "test", "guard.wat", "good.json"]) == 0
    assert "0/1 guard.wat" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


# new -------------------------------------------------------------------------------------


def test_a_new_guard_works_with_nothing_installed(capsys, files):
    code, out, err = run(capsys, "new", "wat", "d")
    assert (code, err) == (0, "")
    *_, last = out.splitlines()
    words = last.split()
    assert words[:3] == ["wasmpy", "guard", "test"]
    code, out, err = run(capsys, *words[2:])
    assert (code, err) == (0, "")
    assert "failed" not in out


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_project_in_each_language(language, capsys, files):
    document = as_json(capsys, "new", language, "x/y")
    assert list(document) == [
        "command", "status", "exit_code", "action", "language", "folder", "files", "build", "test",
    ]  # fmt: skip
    assert all((files / "x/y" / name).is_file() for name in document["files"])
    assert (document["build"] is None) == (language == "wat")
    assert run(capsys, "test", "guard.wat", "x/y")[0] == 1  # another guard, but the cases are read


def test_templates_are_package_data():
    text = (Path(cli.__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    assert '"testing/templates/**/*"' in text
