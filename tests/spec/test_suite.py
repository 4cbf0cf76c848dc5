"""The official scripts, in each tier: every command passes, or is listed with the feature it waits for."""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any, List, Optional, Tuple

import pytest

from wasmpy.config import FEATURE_NAMES
from wasmpy.wast.expectations import Group, differences, load_expectations
from wasmpy.wast.report import PASS, ScriptReport
from wasmpy.wast.runner import FUEL, run_script

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPECTED = load_expectations(ROOT / "spec-tests")


RUNS = (
    ("reference", "never", "binary", FUEL),
    ("reference", "always", "binary", FUEL),
    ("python", "never", "binary", FUEL),
    ("reference", "hot", "text", FUEL),
    ("python", "hot", "text", None),
)
"""The tier, which functions it fuses in the reference tier, whether text is encoded and decoded
before it runs, and with which fuel: a compiling tier has a form of each function without."""

LONG = frozenset(["return_call.wast", "return_call_ref.wast"])
"""Scripts that make a million calls: more than half of what a run by the reference tier takes.
How text is read is seen in the python tier's run of them."""


def runs() -> List[Any]:
    """Each run with each script, but for the long ones by the reference tier's text path."""
    return [
        pytest.param(script, run, id="-".join(map(str, (script, *run))))
        for run in RUNS
        for script in EXPECTED.scripts()
        if run[:3] != ("reference", "hot", "text") or script not in LONG
    ]


@functools.lru_cache(maxsize=None)
def report_of(
    script: pathlib.Path, tier: str, fusing: str, path: str, fuel: Optional[int]
) -> ScriptReport:
    return run_script(script, tier=tier, fusing=fusing, path=path, fuel=fuel)


@pytest.mark.parametrize("group", EXPECTED.groups, ids=lambda group: group.name)
def test_the_group_has_its_counts(suite: pathlib.Path, group: Group) -> None:
    reports = [report_of(suite / script, *RUNS[0]) for script in group.scripts]
    assert sum(len(report.results) for report in reports) == group.commands
    assert sum(report.count(PASS) for report in reports) == group.passes


@pytest.mark.parametrize(("script", "run"), runs())
def test_script(suite: pathlib.Path, script: str, run: Tuple[Any, ...]) -> None:
    report = report_of(suite / script, *run)
    assert len(report.results) == EXPECTED.commands()[script]
    found = differences(report, EXPECTED.failures.get(script, []))
    assert not found, "\n".join(found[:20])


def test_every_reason_is_a_feature() -> None:
    reasons = {item.missing for items in EXPECTED.failures.values() for item in items}
    reasons |= set(EXPECTED.not_run.values())
    assert reasons <= {*FEATURE_NAMES, "custom_annotations"}


def test_every_script_with_misses_is_run() -> None:
    assert set(EXPECTED.failures) <= set(EXPECTED.scripts())


def test_every_group_is_run_and_passes_whole() -> None:
    assert not EXPECTED.not_run
    assert all(group.passes == group.commands for group in EXPECTED.groups)
    assert sum(group.commands for group in EXPECTED.groups) == 54_115


def test_the_manifest_lists_what_the_suite_holds(suite: pathlib.Path) -> None:
    """``groups.json`` stands beside the scripts that CI reads; a clone of the suite has none."""
    if not (suite / "groups.json").exists():
        pytest.skip(f"there is no groups.json in {suite}")
    listed = json.loads((suite / "groups.json").read_text(encoding="utf-8"))["groups"]
    assert {group.name: group.scripts for group in EXPECTED.all_groups} == {
        name: entry["scripts"] for name, entry in listed.items()
    }
    assert {group.name: group.commands for group in EXPECTED.all_groups} == {
        name: entry["commands"] for name, entry in listed.items()
    }
    found = {path.relative_to(suite).as_posix() for path in suite.rglob("*.wast")}
    assert found == set(EXPECTED.commands())
