"""Measures whole processes: an empty interpreter, an import, a cold and a warm first label.

The time is that of the clock, from before a process is started to its end, with the
interpreter's own program: no shim, no virtual environment's link. All are started in turn,
so the difference to an empty interpreter comes from the same rounds.

What does not belong here: what is inside the processes (``first_label``).
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from benchmarks import engines, guard_driver
from benchmarks.harness.figures import Row, median, order
from benchmarks.harness.workers import Interpreter, Subject, say

ROOT = Path(__file__).resolve().parents[2]
_FIRST = ROOT / "benchmarks" / "harness" / "first_label.py"


class Start(NamedTuple):
    """A process that is started: what it is called, how, and what it is compared with."""

    label: str
    command: List[str]
    environment: Dict[str, str]
    empty: Optional[str]


def _named(text: str, python: Interpreter) -> str:
    return "%s, %s" % (text, python.version)


def _of_python(subject: Subject, guard: str, question: str) -> List[Start]:
    """Empty, import and first label of an engine in Python."""
    python = subject.python
    assert python is not None
    environment = python.environment(packages=not subject.engine.startswith("wasmpy"))
    empty = _named("empty interpreter", python)
    starts = [Start(empty, [python.program, "-c", "pass"], python.environment(packages=False), None)]
    if subject.engine.startswith("wasmpy"):
        command = [python.program, "-c", "import wasmpy"]
        starts.append(Start(_named("import wasmpy", python), command, environment, empty))
    command = [python.program, str(_FIRST), subject.engine, guard, question]
    starts.append(Start(_named("first label, " + subject.label, python), command, environment, empty))
    return starts


def _of_program(subject: Subject, guard: str, question: str) -> List[Start]:
    """Empty and first label of an engine with a program of its own."""
    program, script = engines.PROGRAMS[subject.engine]
    found = str(Path(shutil.which(program) or program).resolve())
    path = str(ROOT / "benchmarks" / "engines" / script)
    empty = "empty %s" % program
    environment = dict(os.environ)
    return [
        Start(empty, [found, "-e", "0"], environment, None),
        Start("first label, " + subject.label, [found, path, "--first", guard, question], environment, empty),
    ]


def _warm(subject: Subject, guard: str, question: str, cache: str) -> Start:
    """First label of wasmpy with a filled cache."""
    cold = _of_python(subject, guard, question)[-1]
    label = cold.label.replace("first label", "first label from the cache")
    return cold._replace(label=label, environment=dict(cold.environment, WASMPY_CACHE_DIR=cache))


def _fill_cache(start: Start, guard: str) -> Optional[str]:
    """Has the cache filled; why it could not be, in one line, or None."""
    command = [start.command[0], "-m", "wasmpy", "cache", "warm", guard]
    done = subprocess.run(command, env=start.environment, capture_output=True, text=True,
                          cwd=str(ROOT), check=False)
    filled = any(p.is_file() for p in Path(start.environment["WASMPY_CACHE_DIR"]).rglob("*"))
    if done.returncode == 0 and filled:
        return None
    return "not available: there is no 'wasmpy cache warm' that fills a cache"


def _once(start: Start) -> Row:
    """Seconds of one process, and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run(start.command, env=start.environment, capture_output=True, text=True,
                          cwd=str(ROOT), check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["exit code %d" % done.returncode]
        missing = "Missing" in lines[-1] or "ModuleNotFoundError" in lines[-1]
        return {"error": lines[-1], "missing": missing}
    return dict(json.loads(done.stdout) if done.stdout else {}, seconds=seconds)


def _all_starts(subjects: List[Subject], guard: str, question: str,
                caches: str) -> "tuple[Dict[str, Start], Dict[str, Row]]":
    starts: Dict[str, Start] = {}
    rows: Dict[str, Row] = {}
    for number, subject in enumerate(subjects):
        of = _of_program if subject.python is None else _of_python
        mine = of(subject, guard, question)
        if subject.engine in ("wasmpy_python", "wasmpy_auto"):
            folder = Path(caches) / str(number)
            folder.mkdir(mode=0o700)
            warm = _warm(subject, guard, question, str(folder))
            failed = _fill_cache(warm, guard)
            mine.append(warm)
            if failed:
                rows[warm.label] = {"error": failed, "missing": True}
        for start in mine:
            starts.setdefault(start.label, start)
    return starts, rows


def measure_start(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """All starts, in turn."""
    case = json.loads(options.start_payload.read_text(encoding="utf-8"))
    guard = str(options.guard_wasm.resolve())
    with tempfile.TemporaryDirectory() as folder:
        question = Path(folder) / "question.json"
        question.write_bytes(guard_driver.encode(case["policy"]))
        starts, rows = _all_starts(subjects, guard, str(question), folder)
        listed = list(starts.values())
        for start in listed:  # the first of each fills the caches of the system
            if start.label not in rows:
                rows[start.label] = dict(_once(start), rounds=[])
                rows[start.label].pop("seconds", None)
        for turn in range(options.rounds):
            for index in order(len(listed), turn):
                start = listed[index]
                row = rows[start.label]
                if row.get("error"):
                    continue
                say("start: %s, round %d of %d" % (start.label, turn + 1, options.rounds))
                once = _once(start)
                if once.get("error"):
                    row.update(once)
                else:
                    row["rounds"].append(once.pop("seconds"))
                    row.update(once)
        say("")
    return {"rows": {s.label: _summed(s, rows) for s in listed}}


def _summed(start: Start, rows: Dict[str, Row]) -> Row:
    """The median and the least time, and the median difference to the empty interpreter."""
    row = rows[start.label]
    if row.get("error"):
        return row
    rounds = row["rounds"]
    more: Row = {"median": median(rounds), "least": min(rounds)}
    empty = rows.get(start.empty or "", {}).get("rounds")
    if empty:
        more["above_empty"] = median([a - b for a, b in zip(rounds, empty)])
    return dict(row, **more)
