"""The official scripts: every command passes, or is listed with the feature it waits for."""

from __future__ import annotations

import functools
import pathlib

import pytest

from wasmpy.config import FEATURE_NAMES
from wasmpy.text import parse_script
from wasmpy.wast.expectations import Group, differences, load_expectations
from wasmpy.wast.report import PASS, ScriptReport
from wasmpy.wast.runner import run_script

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPECTED = load_expectations(ROOT / "spec-tests")


@functools.lru_cache(maxsize=None)
def report_of(path: pathlib.Path) -> ScriptReport:
    return run_script(path)


@pytest.mark.parametrize("group", EXPECTED.groups, ids=lambda group: group.name)
def test_the_group_has_its_counts(suite: pathlib.Path, group: Group) -> None:
    reports = [report_of(suite / script) for script in group.scripts]
    assert sum(len(report.results) for report in reports) == group.commands
    assert sum(report.count(PASS) for report in reports) == group.passes


@pytest.mark.parametrize("script", EXPECTED.scripts())
def test_script(suite: pathlib.Path, script: str) -> None:
    report = report_of(suite / script)
    assert len(report.results) == EXPECTED.commands()[script]
    found = differences(report, EXPECTED.failures.get(script, []))
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("script", EXPECTED.not_run)
def test_scripts_that_are_not_run_are_read_whole(suite: pathlib.Path, script: str) -> None:
    source = (suite / script).read_bytes().decode("utf-8")
    assert len(parse_script(source)) == EXPECTED.commands()[script]


def test_every_reason_is_a_feature() -> None:
    reasons = {item.missing for items in EXPECTED.failures.values() for item in items}
    reasons |= set(EXPECTED.not_run.values())
    assert reasons <= {*FEATURE_NAMES, "custom_annotations"}


def test_every_script_with_misses_is_run() -> None:
    assert set(EXPECTED.failures) <= set(EXPECTED.scripts())


def test_the_aims_are_met() -> None:
    passes = {group.name: group.passes for group in EXPECTED.groups}
    assert passes["1.0 base files (as of 3.0)"] >= 15_000
    assert passes["2.0 bulk+reference types"] >= 2_200
