"""Where the official scripts are, and what happens when they are not there."""

from __future__ import annotations

import os
import pathlib

import pytest

from wasmpy.wast.expectations import load_expectations

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITE = pathlib.Path(
    os.environ.get("WASMPY_SPEC_TESTS") or ROOT.parent / "shared" / "spec-testsuite"
)


@pytest.fixture(scope="session")
def suite() -> pathlib.Path:
    """The folder of the official scripts; without it CI fails, and others are told what is left out."""
    if (SUITE / "i32.wast").exists():
        return SUITE
    expected = load_expectations(ROOT / "spec-tests")
    message = (
        f"{len(expected.scripts())} official scripts are left out: there are none in {SUITE}. "
        f"Clone {expected.repository}, check out {expected.revision}, and set "
        "WASMPY_SPEC_TESTS to that folder"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
