"""``wasmpy wast``: run test scripts, the official ones and your own.

What belongs here: finding the scripts, showing progress and results, JUnit.
What does not: running a script (``wasmpy.wast``).

Every command of a script passes, fails, or is skipped because it needs a
feature that is not there or not enabled.  What fails is listed on standard
output, a line each.  The exit code is 1 if anything fails or a script is
malformed, as for a module that is, and 2 if a script cannot be read.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from wasmpy.cli import output
from wasmpy.cli.errors import CommandError, ExitCode, error_json, error_line, print_json, print_line
from wasmpy.cli.junit import ERROR, FAILURE, SKIPPED, JunitCase, JunitSuite, write_junit
from wasmpy.cli.progress import Step, bar
from wasmpy.cli.source import STDIN, called, parse_features, read_bytes
from wasmpy.cli.tiers import add_fallback, add_tier
from wasmpy.config import FEATURE_NAMES
from wasmpy.errors import MalformedError
from wasmpy.wast.report import FAIL, PASS, SKIP, CommandResult, ScriptReport
from wasmpy.wast.runner import PATHS, decoded, run_script, suite_features

NAME = "wast"
HELP = "run test scripts (.wast)"
EXAMPLE = """\
wasmpy wast examples/math.wast
  wasmpy wast examples --features wasm3 --junit report.xml"""

_LISTED = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``wast``."""
    parser.add_argument(
        "scripts", nargs="+", metavar="FILE",
        help="a script, - for stdin, or a folder: every .wast below it",
    )  # fmt: skip
    parser.add_argument(
        "--features", metavar="LIST",
        help="such as wasm2 or +simd,-gc; by default what the official scripts need",
    )  # fmt: skip
    parser.add_argument(
        "--fusing", choices=("never", "hot", "always"), default="hot",
        help="which functions run with fused instructions (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--path", choices=PATHS, default="binary",
        help="whether modules in text are encoded and decoded before they run, or run as they "
        "were parsed (default: %(default)s)",
    )  # fmt: skip
    add_tier(parser, "reference")
    add_fallback(parser)
    parser.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
    parser.add_argument("--all", action="store_true", help="list every failing command")


class Outcome:
    """What came of one script: a report, or why there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report = ScriptReport(str(path))
        self.error: Optional[Exception] = None
        self.seconds = 0.0

    @property
    def code(self) -> int:
        """The exit code that it earns."""
        if self.error is not None:
            return ExitCode.NEGATIVE if isinstance(self.error, MalformedError) else ExitCode.USAGE
        return ExitCode.NEGATIVE if self.report.count(FAIL) else ExitCode.OK

    def failures(self) -> List[CommandResult]:
        """The commands that failed."""
        return [result for result in self.report.results if result.status == FAIL]


def run(args: argparse.Namespace) -> int:
    """Run every script named; the exit code is the worst of them."""
    outcomes = []
    for path in _scripts(args.scripts):
        outcome = _run_one(path, args, bar(path.name))
        outcomes.append(outcome)
        if not args.json:
            _tell(outcome, list_all=args.all)
    code = max([int(outcome.code) for outcome in outcomes], default=int(ExitCode.OK))
    if args.junit:
        _write_junit(args.junit, outcomes)
    if args.json:
        print_json(_document(outcomes, code))
    elif len(outcomes) > 1:
        output.say(f"{len(outcomes)} scripts: {_counts(outcomes)}")
    return code


def _scripts(names: List[str]) -> List[Path]:
    """The scripts named, those of a folder in order.  Raises: CommandError."""
    found: List[Path] = []
    for name in names:
        path = Path(name)
        if name != STDIN and path.is_dir():
            below = sorted(path.rglob("*.wast"))
            if not below:
                raise CommandError(f"no .wast file below {name}", path=name)
            found += below
        else:
            found.append(path)
    return found


def _run_one(
    path: Path, args: argparse.Namespace, progress: Optional[Step]
) -> Outcome:
    outcome = Outcome(path)
    start = time.monotonic()
    features = None
    if args.features is not None:
        features = parse_features(args.features, suite_features(path))
    try:
        script = decoded(read_bytes(STDIN)) if str(path) == STDIN else path
        outcome.report = run_script(
            script, features, fusing=args.fusing, path=args.path, tier=args.tier,
            fallback=args.fallback, progress=progress,
        )  # fmt: skip
        outcome.report.script = str(path)
    except (MalformedError, CommandError, OSError) as error:
        outcome.error = error
    outcome.seconds = time.monotonic() - start
    if progress is not None:
        progress(-1, 0)
    return outcome


def _tell(outcome: Outcome, *, list_all: bool) -> None:
    """The summary of one script, and its failing commands."""
    if isinstance(outcome.error, CommandError):
        print_line(f"wasmpy: error: {error_line(outcome.error)}")
        return
    if outcome.error is not None:
        strerror = getattr(outcome.error, "strerror", None)
        name = called(str(outcome.path))
        print_line(f"wasmpy: error: {name}: {strerror or error_line(outcome.error)}")
        return
    output.say(f"{outcome.path}: {_counts([outcome])}")
    failures = outcome.failures()
    for result in failures if list_all else failures[:_LISTED]:
        reason = " ".join(result.reason.split())
        output.say(f"  {outcome.path}:{result.line}: {result.kind}: {reason}")
    if len(failures) > _LISTED and not list_all:
        output.say(f"  and {len(failures) - _LISTED} more (--all lists them)")


def _counts(outcomes: List[Outcome]) -> str:
    """``3 passed, 1 failed``; what is none is left out, but not the passes.

    Skips name the features that are off.
    """
    parts = []
    for status, word in ((PASS, "passed"), (FAIL, "failed"), (SKIP, "skipped")):
        count = sum(outcome.report.count(status) for outcome in outcomes)
        if count or status == PASS:
            parts.append(f"{count} {word}")
    needed = {
        result.feature
        for outcome in outcomes
        for result in outcome.report.results
        if result.status == SKIP and result.feature in FEATURE_NAMES
    }
    if needed:
        parts[-1] += f" (for want of {', '.join(sorted(needed))})"
    return ", ".join(parts)


def _document(outcomes: List[Outcome], code: int) -> Dict[str, Any]:
    scripts = []
    for outcome in outcomes:
        entry = outcome.report.to_json()
        entry["error"] = None if outcome.error is None else error_json(outcome.error)
        scripts.append(entry)
    status = {ExitCode.OK: "ok", ExitCode.NEGATIVE: "failed"}.get(ExitCode(code), "error")
    return {"command": NAME, "status": status, "exit_code": code, "scripts": scripts}


def _write_junit(path: str, outcomes: List[Outcome]) -> None:
    """The results as JUnit XML: a suite per script, a case per command.  Raises: CommandError."""
    suites = []
    for outcome in outcomes:
        cases = [
            JunitCase(
                outcome.path.stem, f"{result.index}: {result.kind} in line {result.line}",
                {PASS: None, FAIL: FAILURE}.get(result.status, SKIPPED),
                "" if result.status == PASS else result.reason,
            )
            for result in outcome.report.results
        ]  # fmt: skip
        if outcome.error is not None:
            text = error_line(outcome.error)
            cases.append(JunitCase(outcome.path.stem, "the script", ERROR, text))
        suites.append(JunitSuite(str(outcome.path), outcome.seconds, cases))
    write_junit(path, "wasmpy wast", suites)
