"""``wasmpy guard test``: a guard on the cases of case files.

What belongs here: finding the files, showing progress and results, JUnit.
What does not: reading and running cases (``wasmpy.testing``).

A case passes or fails; one that failed and whose expectations ``--update`` has
written is updated instead.  The exit code is 1 if any fails, and 2 if a case
file cannot be read or says what means nothing; the cases of the others are run
all the same.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Optional

from wasmpy.cli.caching import add_cache_arguments
from wasmpy.cli.errors import ExitCode, UsageError, error_json, error_line, print_json, print_line
from wasmpy.cli.guards.label import add_bounds, guard_source
from wasmpy.cli.junit import ERROR, FAILURE, SKIPPED, JunitCase, JunitSuite, write_junit
from wasmpy.cli.present import Paper, shown
from wasmpy.cli.progress import bar
from wasmpy.cli.source import naming
from wasmpy.testing.casefile import CaseFile, find_files, read_file
from wasmpy.testing.cases import Case
from wasmpy.testing.engine import Bounds, CaseResult, module_of, run_case
from wasmpy.testing.errors import CaseError
from wasmpy.testing.update import update_file

HELP = "test a guard on the cases of case files"
EXAMPLE = """\
wasmpy guard test examples/guards/minimal-wat/guard.wat examples/guards/minimal-wat/cases.json
  wasmpy guard test examples/guards/minimal-wat/guard.wat examples -k note --junit report.xml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``guard test``."""
    parser.add_argument("guard", metavar="GUARD", help="the guard (.wasm or .wat), or -")
    parser.add_argument(
        "cases", nargs="+", metavar="CASES",
        help="a case file (.json, .yaml), or a folder: every cases.json, NAME.cases.json and "
        "NAME.guard.json below it",
    )  # fmt: skip
    parser.add_argument("-k", dest="filter", metavar="TEXT", default="",
                        help="only cases with this in their name or their file's")  # fmt: skip
    parser.add_argument("--update", action="store_true",
                        help="write what the guard says now into the files as what is expected; "
                        "not into YAML")  # fmt: skip
    parser.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
    parser.add_argument("-v", "--verbose", action="store_true", help="also list what passes")
    parser.add_argument("--name", default="", help="the guard's name (default: guard)")
    add_bounds(parser)
    add_cache_arguments(parser)


PASSED, UPDATED, FAILED = "passed", "updated", "failed"
STYLES = {PASSED: "green", UPDATED: "yellow", FAILED: "red"}


class Outcome:
    """What came of one file: results, or why there are none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.file: Optional[CaseFile] = None
        self.results: List[CaseResult] = []
        self.updated = 0
        self.error: Optional[CaseError] = None

    def status(self, result: CaseResult) -> str:
        """What came of a case in a word: ``passed``, ``failed`` or ``updated``."""
        if result.passed:
            return PASSED
        written = self.updated and self.file is not None and not self.file.is_yaml
        # A guard that could not be loaded gave no answer that could be written.
        return UPDATED if written and result.steps else FAILED

    def count(self, status: str) -> int:
        """How many cases this came of."""
        return sum(self.status(result) == status for result in self.results)

    @property
    def code(self) -> int:
        """The exit code that it earns."""
        if self.error is not None:
            return ExitCode.USAGE
        return ExitCode.NEGATIVE if self.count(FAILED) else ExitCode.OK


def run(args: argparse.Namespace) -> int:
    """Run every case; the exit code is the worst of the files."""
    with naming(args.guard):
        module = module_of(guard_source(args.guard))
    bounds = Bounds(
        args.fuel, args.timeout or None, args.max_memory_pages, args.tier, args.name
    )
    outcomes = _read(args)
    chosen = {id(outcome): _chosen(outcome, args.filter) for outcome in outcomes}
    total = sum(map(len, chosen.values()))
    if not total and all(outcome.error is None for outcome in outcomes):
        raise UsageError(f"no case has {args.filter!r} in its name")
    done, progress = 0, None if args.json else bar(args.guard)
    for outcome in outcomes:
        for case in chosen[id(outcome)]:
            if progress is not None:
                progress(done, total)
            outcome.results.append(run_case(module, case, bounds))
            done += 1
        if args.update and outcome.file is not None:
            _update(outcome)
    if progress is not None:
        progress(-1, 0)
    code = max(int(outcome.code) for outcome in outcomes)
    if args.junit:
        write_junit(args.junit, "wasmpy guard test", [_suite(outcome) for outcome in outcomes])
    if args.json:
        print_json(_document(args, outcomes, code))
    else:
        _print(args, outcomes)
    return code


def _read(args: argparse.Namespace) -> List[Outcome]:
    """The files that are named, read as far as they can be."""
    outcomes: List[Outcome] = []
    for name in args.cases:
        try:
            paths = find_files([name])
        except CaseError as error:
            outcomes.append(Outcome(name))
            outcomes[-1].error = error
            continue
        for path in paths:
            outcome = Outcome(path)
            outcomes.append(outcome)
            try:
                outcome.file = read_file(path, fresh=args.update)
            except CaseError as error:
                outcome.error = error
    return outcomes


def _chosen(outcome: Outcome, text: str) -> List[Case]:
    """The cases to run."""
    cases = () if outcome.file is None else outcome.file.cases
    return [case for case in cases if text.lower() in case.id.lower()]


def _update(outcome: Outcome) -> None:
    """Write a file's new expectations."""
    assert outcome.file is not None
    try:
        outcome.updated = update_file(outcome.file, outcome.results)
    except CaseError as error:
        outcome.error = error


def _print(args: argparse.Namespace, outcomes: List[Outcome]) -> None:
    """The results for a person; what cannot be read goes to stderr."""
    paper = Paper()
    for outcome in outcomes:
        if outcome.error is not None:
            print_line(f"wasmpy: error: {error_line(outcome.error)}")
        if outcome.file is None:
            continue
        counts, style = _counts([outcome]), _style(outcome)
        paper.line(f"{shown(outcome.path)}: {paper.paint(counts, style)}")
        for result in outcome.results:
            status = outcome.status(result)
            word = status.upper() if status == FAILED else status
            if status != PASSED or args.verbose:
                paper.line(f"  {paper.paint(word, STYLES[status])} {shown(result.case.name)}")
            if status != PASSED:
                for line in result.text.split("\n"):
                    paper.line(f"    {line}")
        if outcome.updated:
            paper.line(f"  {_told(outcome)}")
    if len(outcomes) > 1:
        paper.line(f"{len(outcomes)} files: {_counts(outcomes)}")
    paper.print()


def _told(outcome: Outcome) -> str:
    """What came of an update."""
    assert outcome.file is not None
    if outcome.file.is_yaml:
        return f"YAML is not written: {outcome.updated} expectations would change"
    return f"{outcome.updated} expectations written"


def _style(outcome: Outcome) -> str:
    """The style of a file's counts: that of the worst case."""
    return STYLES[next((one for one in (FAILED, UPDATED) if outcome.count(one)), PASSED)]


def _counts(outcomes: List[Outcome]) -> str:
    """``3 passed, 1 failed``; what is updated or fails only where there is some."""
    counts = {one: sum(outcome.count(one) for outcome in outcomes) for one in STYLES}
    return ", ".join(f"{n} {one}" for one, n in counts.items() if n or one == PASSED)


def _document(args: argparse.Namespace, outcomes: List[Outcome], code: int) -> Dict[str, Any]:
    """The JSON document."""
    status = {ExitCode.OK: "ok", ExitCode.NEGATIVE: "failed"}.get(ExitCode(code), "error")
    return {
        "command": "guard",
        "status": status,
        "exit_code": code,
        "action": args.action,
        "guard": args.guard,
        "files": [
            {
                "file": outcome.path,
                "passed": outcome.count(PASSED),
                "failed": outcome.count(FAILED),
                "updated": outcome.updated,
                "updated_cases": outcome.count(UPDATED),
                "cases": [
                    {**result.to_json(), "status": outcome.status(result)}
                    for result in outcome.results
                ],
                "error": None if outcome.error is None else error_json(outcome.error),
            }
            for outcome in outcomes
        ],
    }


def _suite(outcome: Outcome) -> JunitSuite:
    """A file's results for JUnit, which has no word for updated: the case has yet to pass."""
    kinds = {PASSED: None, UPDATED: SKIPPED, FAILED: FAILURE}
    cases = []
    for result in outcome.results:
        status, first = outcome.status(result), result.text.split("\n")[0]
        message = f"updated: {first}" if status == UPDATED else first
        cases.append(JunitCase(
            outcome.path, result.case.name, kinds[status], message, result.text, result.seconds
        ))  # fmt: skip
    if outcome.error is not None:
        cases.append(JunitCase(outcome.path, "the file", ERROR, error_line(outcome.error)))
    return JunitSuite(outcome.path, sum(one.seconds for one in outcome.results), cases)
