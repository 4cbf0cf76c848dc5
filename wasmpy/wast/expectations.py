"""What a run of the suite is expected to give: counts, and what does not pass yet.

What belongs here: reading ``spec-tests/manifest.json`` and
``spec-tests/expected-failures.json`` and holding a report against them.  A
miss that is not listed is a difference, and so is a pass that is.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any, Dict, List, NamedTuple

from wasmpy.wast.report import FAIL, PASS, ScriptReport


@dataclasses.dataclass(frozen=True)
class Expected:
    """A command that is expected not to pass, and the feature it waits for."""

    index: int
    line: int
    command: str
    missing: str


class Group(NamedTuple):
    """A group of scripts: how many commands each has.

    ``passes`` is how many pass in all; ``missing`` is the feature that a
    group which is not run waits for.
    """

    name: str
    scripts: Dict[str, int]
    commands: int
    passes: int
    missing: str


@dataclasses.dataclass
class Expectations:
    """The suite's revision, its groups, and the misses of each script that is run."""

    repository: str
    revision: str
    all_groups: List[Group]
    failures: Dict[str, List[Expected]]

    @property
    def groups(self) -> List[Group]:
        """The groups that are run."""
        return [group for group in self.all_groups if not group.missing]

    @property
    def not_run(self) -> Dict[str, str]:
        """The scripts that are not run, each with the feature it waits for."""
        return {
            script: group.missing
            for group in self.all_groups
            if group.missing
            for script in group.scripts
        }

    def scripts(self) -> List[str]:
        """The scripts that are run."""
        return [script for group in self.groups for script in group.scripts]

    def commands(self) -> Dict[str, int]:
        """The number of commands of every script."""
        return {
            script: count for group in self.all_groups for script, count in group.scripts.items()
        }


def load_expectations(folder: pathlib.Path) -> Expectations:
    """Read the two files in ``folder``.  Raises: OSError, ValueError, KeyError."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    listed = json.loads((folder / "expected-failures.json").read_text(encoding="utf-8"))
    groups = [
        Group(
            name, entry["scripts"], entry["commands"], entry.get("passes", 0),
            entry.get("missing", ""),
        )
        for name, entry in manifest["groups"].items()
    ]  # fmt: skip
    failures = {
        script: [Expected(**entry) for entry in entries]
        for script, entries in listed["scripts"].items()
    }
    return Expectations(manifest["repository"], manifest["revision"], groups, failures)


def differences(report: ScriptReport, expected: List[Expected]) -> List[str]:
    """How a report differs from what is expected, a line each; empty when it does not."""
    found: List[str] = []
    by_index: Dict[int, Expected] = {item.index: item for item in expected}
    for result in report.results:
        item = by_index.pop(result.index, None)
        place = f"{report.script}:{result.line}: command {result.index}, {result.kind}"
        if item is None:
            if result.status != PASS:
                found.append(f"{place}: {result.status}: {result.reason}")
        elif result.status == PASS:
            found.append(f"{place}: passes, but is listed as waiting for {item.missing}")
        elif (item.line, item.command) != (result.line, result.kind):
            found.append(f"{place}: is listed as {item.command} in line {item.line}")
        elif result.status != FAIL and result.feature != item.missing:
            found.append(f"{place}: waits for {result.feature}, not {item.missing}")
    found.extend(f"{report.script}: there is no command {index}" for index in by_index)
    return found


def record_failures(
    reports: Dict[str, ScriptReport], before: Dict[str, List[Expected]]
) -> Dict[str, List[Dict[str, Any]]]:
    """The misses of ``reports`` as they stand in the file of expected failures.

    A miss whose feature is unknown keeps what was written for it before; a
    new one gets ``?``, which a person has to replace.
    """
    recorded: Dict[str, List[Dict[str, Any]]] = {}
    for script, report in reports.items():
        known = {item.index: item.missing for item in before.get(script, [])}
        for miss in report.misses():
            missing = miss.feature or known.get(miss.index, "?")
            entry = Expected(miss.index, miss.line, miss.kind, missing)
            recorded.setdefault(script, []).append(dataclasses.asdict(entry))
    return recorded
