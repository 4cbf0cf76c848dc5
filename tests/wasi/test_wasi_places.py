"""WASI programs under pytest's captures, in a notebook, and in Pyodide.

What belongs here: that nothing needs a real file descriptor, a terminal, a
signal or a thread.  What is not installed here is skipped, and says what it is:
``nbclient`` and ``ipykernel`` for the notebook, npm's ``pyodide`` in the
directory that ``WASMPY_PYODIDE`` names (or in ``node_modules``) for Pyodide.
With ``WASMPY_PLACES=all`` it is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

import wasmpy
from tests.wasi import running
from wasi import WasiConfig

STREAMS = running.PROGRAMS / "libc" / "stdio_files.wasm"
PLACES = Path(__file__).resolve().parent / "places"


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: this is not about tiers."""


def missing(what: str) -> NoReturn:
    if os.environ.get("WASMPY_PLACES") == "all":
        pytest.fail(what)
    pytest.skip(what)


def inherited(binary: Path) -> int:
    """Run a program on the process's own streams, its files in memory; the exit code."""
    config = WasiConfig(argv=[binary.stem])
    config.inherit_stdin()
    config.inherit_stdout()
    config.inherit_stderr()
    from wasi.fs import MemoryFileSystem

    config.preopens = {"/": MemoryFileSystem(dict(running.FILES))}
    linker = wasmpy.Linker()
    with linker.define_wasi(config):
        try:
            linker.instantiate(wasmpy.Module(binary.read_bytes())).exports["_start"]()
        except wasmpy.WasiExit as ended:
            return ended.code
    return 0


def test_under_capsys(capsys: Any) -> None:
    assert inherited(STREAMS) == 0
    assert capsys.readouterr() == ("standard output\n", "standard error\n")


def test_under_capsysbinary(capsysbinary: Any) -> None:
    assert inherited(STREAMS) == 0
    assert capsysbinary.readouterr() == (b"standard output\n", b"standard error\n")


@pytest.mark.parametrize("capture", ["fd", "sys", "tee-sys", "no"])
def test_under_every_way_to_capture(capture: str, tmp_path: Path) -> None:
    """In a pytest of its own; no descriptor is closed that is not the guest's."""
    (tmp_path / "test_inside.py").write_text(
        "import sys\n"
        "from tests.wasi.test_wasi_places import STREAMS, inherited\n"
        "def test_it():\n"
        "    for _ in range(3):\n"
        "        assert inherited(STREAMS) == 0\n"
        "    print('after', file=sys.stdout)\n"
        "    print('after', file=sys.stderr)\n",
        "utf-8",
    )
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:wasmpy", "-rP",
        f"--capture={capture}", "--rootdir", str(tmp_path), "--import-mode=importlib",
        str(tmp_path / "test_inside.py"),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(running.ROOT)}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        command, cwd=str(tmp_path), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout + (done.stderr if capture == "no" else "")
    for line in ("standard output", "standard error"):
        assert shown.count(line + "\n") >= 3
    assert shown.count("after\n") >= 2


NOTEBOOK = """
import pathlib, sys
from tests.wasi.test_wasi_places import STREAMS, inherited
try:
    sys.stdout.fileno()
except Exception:
    print("no descriptor")
print("exit code", inherited(STREAMS))
"""


@pytest.mark.slow
def test_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        import ipykernel  # noqa: F401
        import nbclient
        import nbformat
    except ImportError:
        missing("no notebook here: pip install nbclient ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(running.ROOT))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = {"stdout": "", "stderr": ""}
    for output in book.cells[0].outputs:
        shown[output.name] += output.text
    assert shown["stdout"].endswith("standard output\nexit code 0\n")
    assert shown["stderr"] == "standard error\n"


@pytest.mark.slow
def test_in_pyodide() -> None:
    node = running.node()
    places = [running.ROOT / "node_modules" / "pyodide"]
    if os.environ.get("WASMPY_PYODIDE"):
        places.insert(0, Path(os.environ["WASMPY_PYODIDE"]))
    pyodide = next((p for p in places if (p / "pyodide.mjs").exists()), None)
    if node is None or pyodide is None:
        missing("no Pyodide here: npm install pyodide, and WASMPY_PYODIDE=…/node_modules/pyodide")
    done = subprocess.run(
        [node, str(PLACES / "in_pyodide.mjs"), str(pyodide), str(running.ROOT)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout.strip().split("\n")[-1])
    assert document["platform"] == "emscripten"
    assert all(document["programs"].values()), document
    assert len(document["programs"]) >= 9
    refusal = document["refusal"]
    assert "\n" not in refusal
    assert "emscripten" in refusal
