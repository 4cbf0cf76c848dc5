"""Our own scripts: every command passes."""

from __future__ import annotations

import pathlib

import pytest

from wasmpy.config import Features
from wasmpy.wast import run_script

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "spec-tests" / "scripts"
SCRIPTS = sorted(FOLDER.glob("*.wast"))


def test_there_are_scripts() -> None:
    assert SCRIPTS


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: pathlib.Path) -> None:
    report = run_script(path, features=Features.WASM2)
    assert report.results
    assert report.misses() == []
