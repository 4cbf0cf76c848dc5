"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.arch.tree import ROOT
from tests.docs.markdown import blocks
from wasmpy.testing.scaffold import TEMPLATES

POLICY = '{"allow-only": {"repos": ["acme/web"], "min-integrity": "none"}}'


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """pytest with the plugin, in a folder; not with the plugins that are here otherwise."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "wasmpy.testing.plugin", "-p", "no:cacheprovider", "-v", *options],
        cwd=str(folder), env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a guard, its cases, and tests in Python."""
    (tmp_path / "guard.wat").write_bytes((TEMPLATES / "wat" / "guard.wat").read_bytes())
    (tmp_path / "web.guard.json").write_bytes((TEMPLATES / "cases.json").read_bytes())
    (tmp_path / "test_guard.py").write_text(
        f"""
import pytest
from wasmpy.testing import assert_labels

def test_plain(guard):
    assert_labels(guard.label_resource("list_x", {{}}), secrecy=["private:unknown"])

@pytest.mark.guard(policy={POLICY}, fuel=10**7, name="mine")
def test_marked(guard):
    assert guard.name == "mine"
    assert guard.health().calls == 1
    assert_labels(guard.label_resource("get_file_contents", {{"owner": "a", "repo": "b"}}), secrecy=["private:c"])

@pytest.mark.guard("guard.wat", backend=[{{"tool_name": "t", "result": 1}}])
def test_named(guard):
    assert guard.healthy
""",
        encoding="utf-8",
    )
    return tmp_path


def test_the_fixture_the_marker_and_case_files(folder: Path) -> None:
    done = run(folder, "--guard", "guard.wat", "--strict-markers")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_guard.py::test_plain PASSED" in done.stdout
    assert "test_guard.py::test_named PASSED" in done.stdout
    assert "- private:c  expected, not there" in done.stdout
    assert "+ private:a/b  not expected, at /resource/secrecy/0" in done.stdout
    count = len(json.loads((folder / "web.guard.json").read_text("utf-8"))["cases"])
    assert done.stdout.count("web.guard.json::") == count
    assert f"1 failed, {count + 2} passed" in done.stdout


def test_a_case_that_fails_is_shown_without_a_traceback(folder: Path) -> None:
    doc = json.loads((folder / "web.guard.json").read_text("utf-8"))
    doc["cases"][0]["agent"]["secrecy"] = ["private:other"]
    (folder / "web.guard.json").write_text(json.dumps(doc), encoding="utf-8")
    done = run(folder, "--guard", "guard.wat", "web.guard.json")
    assert done.returncode == 1
    assert "cases[0].agent.secrecy" in done.stdout
    assert "- private:other  expected, not there" in done.stdout
    assert "Traceback" not in done.stdout
    assert "engine.py" not in done.stdout


@pytest.mark.parametrize("table", ["pytest.ini", "pyproject.toml"])
def test_the_guard_is_named_in_the_configuration(table: str, folder: Path) -> None:
    text = "[pytest]\nwasmpy_guard = guard.wat\n"
    if table == "pyproject.toml":
        text = '[tool.pytest.ini_options]\nwasmpy_guard = "guard.wat"\n'
    (folder / table).write_text(text, encoding="utf-8")
    (folder / "below").mkdir()
    done = run(folder / "below", "..", "-k", "test_plain or policy")
    assert done.returncode == 0, done.stdout
    assert "test_plain PASSED" in done.stdout
    assert "web.guard.json::" in done.stdout


def test_without_a_guard_nothing_is_collected_and_the_fixture_says_so(folder: Path) -> None:
    done = run(folder, "-k", "test_plain or policy")
    assert "web.guard.json" not in done.stdout
    assert "no guard is named: --guard FILE" in done.stdout
    assert done.returncode == 1
    assert "test_named PASSED" in run(folder, "-k", "test_named").stdout


@pytest.mark.parametrize("text", ["{", '{"cases": [{"name": "n", "polciy": {}}]}'])
def test_a_wrong_case_file_is_one_line(text: str, folder: Path) -> None:
    (folder / "web.guard.json").write_text(text, encoding="utf-8")
    done = run(folder, "--guard", "guard.wat", "web.guard.json")
    assert done.returncode == 2
    assert "web.guard.json: " in done.stdout
    assert "Traceback" not in done.stdout


def test_a_guard_that_does_not_load_is_one_line(folder: Path) -> None:
    (folder / "guard.wat").write_text("(module)", encoding="utf-8")
    done = run(folder, "--guard", "guard.wat", "web.guard.json")
    assert done.returncode == 1
    assert "must export label_resource and label_response" in done.stdout
    assert "engine.py" not in done.stdout


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/test-a-guard.md").read_text("utf-8")
    (example,) = [block for block in blocks(page) if block.kind == "py"]
    (tmp_path / "test_page.py").write_text(example.text, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    assert "1 passed" in run(tmp_path, "test_page.py").stdout


def test_the_plugin_is_declared_and_does_not_disturb_our_own_tests(pytestconfig: Any) -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '[project.entry-points.pytest11]\nwasmpy = "wasmpy.testing.plugin"\n' in text
    assert not pytestconfig.pluginmanager.hasplugin("wasmpy")
