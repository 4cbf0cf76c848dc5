"""Numbers that pages repeat are those in the code; what scripts write is what stands there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests.arch.tree import ROOT
from wasmpy.errors import JSON_FRAMES
from wasmpy.exec.store import SLICE

PAYLOADS = ROOT / "examples/payloads"


@pytest.mark.parametrize(
    "page",
    ["RATIONALE.md", "docs/explanation/fuel-and-interruption.md", "docs/reference/conformance.md"],
)
def test_the_length_of_a_slice_is_the_one_in_the_code(page: str) -> None:
    found = re.findall(r"([\d,]+)\s+units\b", (ROOT / page).read_text("utf-8"))
    assert found
    assert set(found) == {f"{SLICE:,}"}


def test_the_number_of_frames_in_json_is_the_one_in_the_code() -> None:
    page = (ROOT / "docs/reference/json.md").read_text("utf-8")
    found = re.findall(r"more than (\d+) `frames` the first and the last (\d+)", page)
    assert found == [(str(JSON_FRAMES), str(JSON_FRAMES // 2))]


def test_the_payloads_are_what_their_script_writes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("payloads", str(PAYLOADS / "generate.py"))
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write(str(tmp_path))
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in PAYLOADS.glob("*.json")}
    assert 150 <= len(written["000-tiny.json"]) <= 250
