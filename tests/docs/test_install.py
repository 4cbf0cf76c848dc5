"""A wheel, installed into an empty environment, works from another directory."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Dict, List

import pytest

from tests.arch.tree import PACKAGES, ROOT, python_files, relative

pytestmark = pytest.mark.slow

ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'


def _clean_env() -> Dict[str, str]:
    """The environment without what points back to the checkout or to a coverage run."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV_"))}


def _run(command: List[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=str(cwd), env=_clean_env(), capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("absent: pip and setuptools (extra: dev)")
    tree = tmp_path_factory.mktemp("tree")
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), "."]
    done = _run(command, tree)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_packages_and_their_data(wheel: Path) -> None:
    assert wheel.name.startswith("wasmpy_runtime-")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {relative(p) for p in python_files()} <= names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    data = {relative(p) for p in (ROOT / "hostabi/bundled").rglob("*") if p.suffix in (".wasm", ".json")}
    assert data
    assert data <= names
    assert not [n for n in names if n.split("/")[0] in ("tests", "docs", "benchmarks", "examples")]


def test_the_installed_command_works_from_another_directory(wheel: Path, tmp_path: Path) -> None:
    env = tmp_path / "env"
    venv.EnvBuilder(with_pip=True).create(env)
    python, script = env / "bin" / "python", env / "bin" / "wasmpy"
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    done = _run([*install, str(wheel)], tmp_path)
    assert done.returncode == 0, done.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "add.wat").write_text(ADD, encoding="utf-8")

    def wasmpy(*words: str) -> "subprocess.CompletedProcess[str]":
        by_script = _run([str(script), *words], elsewhere)
        by_module = _run([str(python), "-m", "wasmpy", *words], elsewhere)
        assert (by_script.returncode, by_script.stdout) == (by_module.returncode, by_module.stdout)
        return by_script

    demo = wasmpy("demo", "--json")
    assert demo.returncode == 0, demo.stderr
    assert json.loads(demo.stdout)
    for name in ("guards/minimal-wat/guard.wat", "policy.json", "result.json"):
        shutil.copy(ROOT / "examples" / name, elsewhere)
    asked = ("label-response", "guard.wat", "--policy", "policy.json", "--tool", "read_note", "--result", "result.json")
    guard = wasmpy("guard", *asked, "--json")
    assert guard.returncode == 0, guard.stderr
    (item,) = json.loads(guard.stdout)["response"]["items"]
    assert item["labels"]["secrecy"] == ["private:notebook"]
    added = wasmpy("run", "add.wat", "--invoke", "add", "2", "3")
    assert (added.returncode, added.stdout.strip()) == (0, "5"), added.stderr
    assert wasmpy("validate", "add.wat").returncode == 0
    (elsewhere / "bad.wat").write_text(ADD.replace("i32.add", "f32.add"), encoding="utf-8")
    assert wasmpy("validate", "bad.wat").returncode == 1
