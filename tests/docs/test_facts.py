"""Numbers that pages repeat are those in the code; what scripts write is what stands there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from hostabi import abi
from hostabi.capabilities import REFUSALS
from hostabi.errors import POLICY_REASONS
from hostabi.payload import MAX_DEPTH, MAX_DIGITS
from hostabi.policy_fields import ALLOW_ONLY_FIELDS, MAX_NAME, MAX_OWNER, WRITE_SINK_FIELDS
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


def test_the_page_on_policies_has_every_field_and_every_reason() -> None:
    page = (ROOT / "docs/reference/policies.md").read_text("utf-8")
    for field in (*ALLOW_ONLY_FIELDS, *WRITE_SINK_FIELDS):
        rows = [line for line in page.splitlines() if line.startswith("| `") and f"`{field.key}`" in line.split(" | ")[0]]
        assert len(rows) == 1, field.key
        assert field.required == ("| required |" in rows[0]), field.key
        assert field.gateway_only == ("gateway only" in rows[0]), field.key
        assert all(f"`{alias}`" in rows[0] for alias in field.aliases)
    reasons = dict(re.findall(r"^\| `([a-z]+)` \| (.*) \|$", page.split("## What can be wrong")[1], re.MULTILINE))
    assert reasons == POLICY_REASONS
    assert f"owner at most {MAX_OWNER} characters" in page
    assert f"name or prefix at most {MAX_NAME}" in page


def test_the_page_on_the_abi_has_its_numbers_and_all_defects() -> None:
    page = (ROOT / "docs/reference/guard-abi.md").read_text("utf-8")
    for number in (abi.MAX_INPUT, abi.FIRST_OUTPUT, abi.MAX_OUTPUT):
        assert f"{number:,}" in page
    assert f"Beyond {abi.MAX_BACKEND_CALLS} in one label call" in page
    assert f"capped at {abi.MAX_MEMORY_PAGES} pages" in page
    assert f"{MAX_DEPTH} levels of nesting, {MAX_DIGITS:,} digits" in page
    assert re.findall(r"^\| (D\d+) \|", page, re.MULTILINE) == [f"D{n}" for n in range(1, 27)]
    assert all(f"`{export.name}`" in page for export in abi.EXPORTS)


def test_the_page_on_guards_has_every_reason_of_a_refusal() -> None:
    page = (ROOT / "docs/reference/guards.md").read_text("utf-8").split("## Capabilities")[1]
    assert all(f"`{reason}`" in page for reason in REFUSALS)
