"""The benchmark harness: several engines, the same work, results checked, ratios paired.

    python3 benchmarks/run.py kernels                       all kernels, all engines there are
    python3 benchmarks/run.py kernels --kernels fib,json --engines wasmpy_python,pywasm
    python3 benchmarks/run.py kernels --interpreter pypy3   wasmpy under PyPy, the rest as ever
    python3 benchmarks/run.py kernels --engines wasmpy_python,wasmpy_python@pypy3,wasmtime
    python3 benchmarks/run.py guard --payload 061-medium-issues,066-huge-issues
    python3 benchmarks/run.py load                          decoding and validating the guard
    python3 benchmarks/run.py cold                          first calls of tiny and of long modules
    python3 benchmarks/run.py start --rounds 11             whole processes, cold and cached
    python3 benchmarks/run.py pool                          pools of guards by size, threads and processes
    python3 benchmarks/run.py kernels --json kernels.json && python3 benchmarks/render.py kernels.json

Every engine works in a process of its own; all stand ready and are measured in turn, so
ratios come from the same rounds. README.md says what is measured and how.
"""

import argparse
import datetime
import json
import platform
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not this folder, whose profile.py has the name of a standard module

from benchmarks import engines  # noqa: E402
from benchmarks.harness.cold import measure_cold  # noqa: E402
from benchmarks.harness.figures import Row  # noqa: E402
from benchmarks.harness.guard import measure_guard  # noqa: E402
from benchmarks.harness.kernels import measure_kernels, measure_load  # noqa: E402
from benchmarks.harness.pool import measure_pool  # noqa: E402
from benchmarks.harness.start import measure_start  # noqa: E402
from benchmarks.harness.tables import as_markdown, as_text, conditions, tables  # noqa: E402
from benchmarks.harness.workers import Subject, subjects  # noqa: E402

GUARD = ROOT / "hostabi" / "bundled" / "github.wasm"
PAYLOAD = ROOT / "examples" / "payloads" / "001-small-issue-list.json"

#: What is measured, by whom, on which engines if none are named.
WHAT: Dict[str, Tuple[Callable[[List[Subject], argparse.Namespace], Row], str]] = {
    "kernels": (
        measure_kernels,
        "pywasm,wasmpy_reference_plain,wasmpy_reference,wasmpy_python,wasmpy_python_fuel,"
        "wasmpy_auto,wasmtime,v8,wasm3,wazero,wazero_interpreter",
    ),
    "guard": (
        measure_guard,
        "pywasm,wasmpy_reference,wasmpy_python,wasmpy_python_fuel,wasmpy_auto,wasmtime,v8",
    ),
    "load": (measure_load, "pywasm,wasmpy_reference,wasmtime,v8"),
    "cold": (measure_cold, "pywasm,wasmpy_reference,wasmpy_python,wasmpy_auto,wasmtime,v8"),
    "start": (measure_start, "pywasm,wasmpy_reference,wasmpy_python,wasmpy_auto,wasmtime,v8"),
    "pool": (measure_pool, "wasmpy_auto"),
}


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="kernels", choices=WHAT)
    parser.add_argument("--engines", help="comma-separated names, each also as name@interpreter; "
                        "there are " + ", ".join(engines.NAMES))
    parser.add_argument("--interpreter", "--python", metavar="PYTHON",
                        help="the interpreter of wasmpy's engines (the others stay with this one)")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (5)")
    parser.add_argument("--settle", type=float, default=20.0, metavar="SECONDS",
                        help="how long the warm-up of an engine that compiles as it runs may take (20)")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds per answer (600)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to this file")
    parser.add_argument("--name", help="what render.py calls the tables; kernels, kernels-pypy, ...")
    only = parser.add_argument_group("kernels")
    only.add_argument("--kernels", default="", help="comma-separated names; all if left out")
    only.add_argument("--budget", type=float, default=1.5, help="longest call, in seconds (1.5)")
    only.add_argument("--size", choices=("small", "medium", "large"), help="one size for all")
    only = parser.add_argument_group("guard, load, start, pool")
    only.add_argument("--guard-wasm", type=Path, default=GUARD, help="the guard")
    only.add_argument("--payload", default="", help="payload cases, by name or file, or all")
    only.add_argument("--guard-budget", type=float, default=60.0, metavar="SECONDS",
                      help="leave out what is expected to take an engine longer (60)")
    only.add_argument("--first", type=int, default=1, metavar="N",
                      help="processes for first calls, per payload and engine (1)")
    only.add_argument("--start-payload", type=Path, default=PAYLOAD, help="case whose policy is labelled; pool: whose response")
    return parser.parse_args()


def _rows(tree: Row, path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Row]]:
    """Every row with the names that lead to it, the engine's last."""
    for name, item in tree.items():
        if not isinstance(item, dict):
            continue
        if any(isinstance(inner, dict) for inner in item.values()):
            yield from _rows(item, (*path, name))
        else:
            yield (*path, name), item


def _complain(report: Row) -> int:
    """Says what is missing, once, and what has failed; how many of these."""
    missing, failed = set(), []
    for path, row in _rows({**report["rows"], **report.get("facts", {})}):
        if row.get("missing"):
            missing.add("%s: %s" % (path[-1], row["error"]))
        elif row.get("error"):
            failed.append("%s: FAILED: %s" % (", ".join(path), row["error"]))
    for line in sorted(missing) + failed:
        print(line)
    return len(failed)


def _versions(report: Row) -> Dict[str, str]:
    rows = _rows({**report["rows"], **report.get("facts", {})})
    found = {path[-1]: row["version"] for path, row in rows if row.get("version")}
    return {name.partition("@")[0].partition("_")[0]: version for name, version in found.items()}


def main() -> int:
    """Measures what the options ask for; 1 if anything has failed or is wrong."""
    options = _parsed()
    measure, usual = WHAT[options.what]
    chosen = subjects((options.engines or usual).split(","), options.interpreter)
    report = measure(chosen, options)
    pythons = {s.python.version for s in chosen if s.python}
    report.update(
        what=options.what,
        name=options.name or options.what + ("-pypy" if "PyPy" in str(pythons) else ""),
        engines=[s.label for s in chosen],
        interpreters=sorted(pythons),
        under={s.label: s.python.version if s.python else "" for s in chosen},
        machine="%s %s" % (platform.system(), platform.machine()),
        rounds=options.rounds,
        date=datetime.date.today().isoformat(),
        versions=_versions(report),
    )
    found = tables(report)
    print("\n\n".join(map(as_text, found)))
    print("\n" + conditions(report))
    failed = _complain(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        text = "\n\n".join([*map(as_markdown, found), conditions(report)])
        options.markdown.write_text(text + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
