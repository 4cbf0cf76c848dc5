"""Our own scripts: every command passes."""

from __future__ import annotations

import pathlib

import pytest

from wasmpy.config import Features
from wasmpy.wast import run_script
from wasmpy.wast.runner import PATHS

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "spec-tests" / "scripts"
SCRIPTS = sorted(FOLDER.glob("*.wast"))


def test_there_are_scripts() -> None:
    assert SCRIPTS


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script(script: pathlib.Path, path: str) -> None:
    report = run_script(script, features=Features.WASM2, path=path)
    assert report.results
    assert report.misses() == []
