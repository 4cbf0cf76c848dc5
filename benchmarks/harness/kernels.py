"""Measures kernels, and loading: all engines in turn on the same work.

What does not belong here: the guard (``guard``), whole processes (``start``).
"""

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List

from benchmarks import wasmfile
from benchmarks.harness.figures import Row, median, rated
from benchmarks.harness.workers import Subject, Worker, alternate, say

KERNELS = Path(__file__).resolve().parents[1] / "kernels"

Rows = Dict[str, Dict[str, Row]]


def listed() -> List[Row]:
    """The kernels, as ``kernels.json`` has them."""
    kernels: List[Row] = json.loads((KERNELS / "kernels.json").read_text("utf-8"))["kernels"]
    return kernels


def chosen(names: str) -> List[Row]:
    """The kernels named, separated by commas; all if none is."""
    found = listed()
    wanted = names.split(",") if names else [k["name"] for k in found]
    unknown = set(wanted) - {k["name"] for k in found}
    if unknown:
        raise SystemExit("no kernel %s; there are %s" % (
            ", ".join(sorted(unknown)), ", ".join(k["name"] for k in found)))
    return [k for k in found if k["name"] in wanted]


def settling(subject: Subject, options: argparse.Namespace) -> float:
    """For how long its times may take to settle: what has no JIT is warm after a run."""
    return float(options.settle) if subject.compiles else 0.0


def together(subjects: List[Subject], options: argparse.Namespace, job: Row,
             what: str) -> Dict[str, Row]:
    """Sets up one job in every engine, then measures all in turn."""
    workers = [Worker(subject, options.timeout) for subject in subjects]
    try:
        rows: List[Row] = []
        for worker in workers:
            say("%s: %s, warming up" % (what, worker.subject.label))
            rows.append(worker.ask(dict(job, settle=settling(worker.subject, options))))
        measured = alternate(workers, rows, options.rounds, what)
    finally:
        for worker in workers:
            worker.close()
    found = {}
    for subject, row, answers in zip(subjects, rows, measured):
        seconds = [a["seconds"] for a in answers]
        if not row.get("error"):
            row = rated(dict(row, seconds=seconds, median=median(seconds)))
        found[subject.label] = row
    return found


def measure_kernels(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """Every kernel chosen, on every engine."""
    rows: Rows = {}
    about: Dict[str, Any] = {}
    for kernel in chosen(options.kernels):
        job = {"do": "kernel", "kernel": kernel, "budget": options.budget, "size": options.size}
        rows[kernel["name"]] = together(subjects, options, job, kernel["name"])
        about[kernel["name"]] = kernel["about"]
    apart = [k["name"] for k in listed() if k.get("bytes") and k["name"] in rows]
    return {"rows": rows, "about": about, "apart": apart}


def measure_load(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """Decoding and validating the guard, on every engine."""
    count = wasmfile.instructions(options.guard_wasm.read_bytes())
    job = {"do": "load", "guard": str(options.guard_wasm), "instructions": count}
    return {"rows": {"load": together(subjects, options, job, "load")}}
