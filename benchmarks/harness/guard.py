"""Measures a guard by payload: its first calls, and the calls of an instance that has worked.

*First*: a process of its own for each engine and payload, one instance, its first three
calls. *Sustained*: one instance per engine is asked about all payloads in a row, round by
round, engines taking turns. Instructions are counted in the same sequence of calls.

What does not belong here: kernels; what a guard answers (it is only compared).
"""

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

from benchmarks.guard_driver import FUNCTIONS
from benchmarks.harness.figures import Row, rated
from benchmarks.harness.kernels import settling
from benchmarks.harness.workers import Subject, Worker, alternate, interpreter, say

ROOT = Path(__file__).resolve().parents[2]
PAYLOADS = ROOT / "examples" / "payloads"

#: From 200 bytes to 1 MB.
USUAL = ("000-tiny", "001-small-issue-list", "061-medium-issues", "063-large-issues",
         "066-huge-issues")  # fmt: skip

Rows = Dict[str, Dict[str, Row]]


def payloads(given: str) -> List[Path]:
    """The payload cases given, by name or file; all for ``all``, the usual ones for nothing."""
    if given == "all":
        return sorted(PAYLOADS.glob("*.json"))
    names = given.split(",") if given else list(USUAL)
    paths = [Path(n) if Path(n).is_file() else PAYLOADS / (n + ".json") for n in names]
    missing = [path.stem for path in paths if not path.is_file()]
    if missing:
        raise SystemExit("no payload case %s" % ", ".join(missing))
    return sorted(paths, key=lambda path: path.stat().st_size)


class Counter:
    """Counts what every call executes, in the order in which the engines make them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._subject = Subject("count", "wasmtime", interpreter())
        self._options = options

    def rounds(self, paths: List[Path], count: int) -> List[Row]:
        """Instructions and digests of so many rounds."""
        with Worker(self._subject, self._options.timeout) as worker:
            row = worker.ask(_job(self._options, paths, counting=True))
            if row.get("error"):
                raise SystemExit("instructions cannot be counted: %s" % row["error"])
            return [worker.ask({"do": "measure"}) for _ in range(count)]


def _job(options: argparse.Namespace, paths: List[Path], **more: Any) -> Row:
    return dict(more, do="guard", guard=str(options.guard_wasm), payloads=[str(p) for p in paths])


def _figures(answers: List[Row], counted: List[Row], number: int) -> Dict[str, Row]:
    """The rows of one payload: one per function, and one for all three."""
    found: Dict[str, Row] = {}
    for index, function in enumerate(FUNCTIONS):
        seconds = [a["figures"][number][index] for a in answers]
        counts = [c["figures"][number][index] for c in counted]
        found[function] = rated({"seconds": seconds, "instructions": counts})
    sums = [sum(a["figures"][number]) for a in answers]
    counts = [sum(c["figures"][number]) for c in counted]
    found["all"] = rated({"seconds": sums, "instructions": counts})
    return found


def _judged(row: Row, answers: List[Row], counted: List[Row]) -> Row:
    """The row, with an error if an answer of the guard differs from the counting run's."""
    if any(a["digests"] != c["digests"] for a, c in zip(answers, counted)):
        return dict(row, error="the guard's answers differ from those under the counting engine")
    return row


class Pace:
    """What an engine's first calls have taken, and so what more of them may take.

    Beyond what has been run it goes by the last difference: much of a first call is
    compiling, which does not grow with the payload.
    """

    def __init__(self) -> None:
        self._known: List[Tuple[int, float]] = []

    def note(self, instructions: int, seconds: float) -> None:
        """So many instructions took so long."""
        self._known.append((instructions, seconds))

    def expected(self, instructions: int) -> float:
        """Seconds that so many instructions may take; 0 if nothing is known."""
        if not self._known:
            return 0.0
        most, seconds = self._known[-1]
        rate = most / seconds
        if len(self._known) > 1:
            fewer, before = self._known[-2]
            if most > fewer and seconds > before:
                rate = max(rate, (most - fewer) / (seconds - before))
        return seconds + (instructions - most) / rate


def _too_slow(subject: Subject, options: argparse.Namespace, paces: Dict[str, Pace],
              instructions: int) -> bool:
    """Whether to leave it out; what compiles as it runs cannot be foretold and is not."""
    return not subject.compiles and paces[subject.label].expected(instructions) > options.guard_budget


def measure_guard(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """First and sustained calls on every engine.

    ``rows`` has for ``first`` and ``sustained``, payload, function and engine a row.
    """
    paths = payloads(options.payload)
    counter = Counter(options)
    first: Dict[str, Any] = {}
    paces = {s.label: Pace() for s in subjects}
    facts: Dict[str, Row] = {s.label: {} for s in subjects}
    for path in paths:
        counted = counter.rounds([path], 1)
        total = sum(counted[0]["figures"][0])
        first[path.stem] = {name: {} for name in (*FUNCTIONS, "all")}
        for subject in subjects:
            if facts[subject.label].get("error"):
                continue
            if _too_slow(subject, options, paces, total):
                continue
            row, found = _first(subject, options, path, counted)
            facts[subject.label].update(row)
            for function, figures in found.items():
                first[path.stem][function][subject.label] = figures
            if "all" in found:
                paces[subject.label].note(total, found["all"]["median"])
    sustained = _sustained(subjects, options, paths, counter, facts, paces)
    sizes = {path.stem: _size(path) for path in paths}
    return {"rows": {"first": first, "sustained": sustained}, "facts": facts, "payloads": sizes}


def _size(path: Path) -> int:
    """The bytes of the response that the guard labels, as JSON."""
    result = json.loads(path.read_text(encoding="utf-8")).get("tool_result")
    return len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode("utf-8"))


def _first(subject: Subject, options: argparse.Namespace, path: Path,
           counted: List[Row]) -> Any:
    """What is known of the engine, and the rows of its first calls on one payload.

    ``--first`` processes, of which each row has the times.
    """
    answers: List[Row] = []
    row: Row = {}
    for _ in range(options.first):
        say("first: %s, %s" % (path.stem, subject.label))
        with Worker(subject, options.timeout) as worker:
            row = worker.ask(_job(options, [path]))
            answer = row if row.get("error") else worker.ask({"do": "measure"})
        say("")
        if answer.get("error"):
            return answer, {}
        answers.append(answer)
    counts = counted * len(answers)
    row = _judged(row, answers, counts)
    row["memory"] = max(a["memory"] for a in answers)  # of the last, and largest, payload
    return row, {} if row.get("error") else _figures(answers, counts, 0)


def _sustained(subjects: List[Subject], options: argparse.Namespace, paths: List[Path],
               counter: Counter, facts: Dict[str, Row], paces: Dict[str, Pace]) -> Any:
    """The rows of the calls after warm-up: one instance, all payloads in a row."""
    found: Dict[str, Any] = {p.stem: {n: {} for n in (*FUNCTIONS, "all")} for p in paths}
    total = sum(map(sum, counter.rounds(paths, 1)[0]["figures"]))
    able = [s for s in subjects if not facts[s.label].get("error")
            and not _too_slow(s, options, paces, total)]  # fmt: skip
    workers = [Worker(subject, options.timeout) for subject in able]
    try:
        rows: List[Row] = []
        for worker in workers:
            say("sustained: %s, warming up" % worker.subject.label)
            settle = settling(worker.subject, options)
            rows.append(worker.ask(_job(options, paths, rounds=1, settle=settle)))
        measured = alternate(workers, rows, options.rounds, "sustained")
    finally:
        for worker in workers:
            worker.close()
    longest = max((r.get("warm_up", 0) for r in rows), default=0) + options.rounds
    counted = counter.rounds(paths, longest)
    for subject, row, answers in zip(able, rows, measured):
        mine = counted[row.get("warm_up", 0) :][: len(answers)]
        row = _judged(row, answers, mine)
        facts[subject.label].update({k: row[k] for k in ("error", "warm_up") if k in row})
        if row.get("error"):
            continue
        for number, path in enumerate(paths):
            for function, figures in _figures(answers, mine, number).items():
                found[path.stem][function][subject.label] = figures
    return found
