"""Every example in the documentation runs and prints what the page says."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.arch.tree import ROOT, relative
from tests.docs.markdown import Block, blocks, commands, matches, pages

PAGES = [p for p in pages() if any(b.kind in ("python", "console") for b in blocks(p.read_text("utf-8")))]


def run_python(page: str, block: Block, space: Dict[str, Any]) -> str:
    """Run a python block in the page's namespace; what it printed."""
    out = io.StringIO()
    # Line numbers in a traceback are those of the page.
    code = compile("\n" * (block.line - 1) + block.text, page, "exec", dont_inherit=True)
    with contextlib.redirect_stdout(out):
        exec(code, space)
    return out.getvalue()


def run_command(command: str, cwd: Path) -> str:
    """Run one command of a console block; its stdout and stderr."""
    words = shlex.split(command)
    if words[0] == "wasmpy":
        words = ["python3", "-m", "wasmpy", *words[1:]]
    assert words[0] == "python3", f"only wasmpy and python3 run: {command}"
    env = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONIOENCODING="utf-8")
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=str(cwd), env=env, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.decode("utf-8")


def run_page(name: str, text: str, cwd: Path) -> int:
    """Run a page's blocks in order; how many ran.  Fails where output differs."""
    space: Dict[str, Any] = {"__name__": "__page__"}
    found: List[Block] = blocks(text)
    ran = 0
    for i, block in enumerate(found):
        where = f"{name}:{block.line}"
        if block.file is not None:
            (cwd / block.file).write_text(block.text, encoding="utf-8")
        if block.kind == "python":
            printed = run_python(name, block, space)
            ran += 1
            if i + 1 < len(found) and found[i + 1].kind == "output":
                assert matches(found[i + 1].text, printed), f"{where} printed:\n{printed}"
        elif block.kind == "console":
            for command, expected in commands(block.text):
                printed = run_command(command, cwd)
                ran += 1
                if expected.strip():
                    assert matches(expected, printed), f"{where}: {command} printed:\n{printed}"
    return ran


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    assert run_page(relative(page), page.read_text("utf-8"), tmp_path) > 0


def test_a_wrong_example_would_be_found(tmp_path: Path) -> None:
    right = '```python\nx = 1\n```\n\n```python\nprint(x + 1)\n```\n```output\n2\n```\n'
    assert run_page("right", right, tmp_path) == 2
    with pytest.raises(AssertionError, match="printed"):
        run_page("wrong", right.replace("\n2\n", "\n3\n"), tmp_path)
    with pytest.raises(ZeroDivisionError):
        run_page("wrong", "```python\n1 / 0\n```\n", tmp_path)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("cost … steps", "cost 12 steps\n", True),
        ("a\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_anything(expected: str, actual: str, same: bool) -> None:
    assert matches(expected, actual) is same
