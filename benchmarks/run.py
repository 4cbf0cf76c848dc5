"""The benchmark harness: several engines, the same kernels, one table.

    python3 benchmarks/run.py [--engines wasmpy,pywasm,wasmtime] [--kernels fib,json]
                              [--repeat N] [--json FILE] [--guard] [--load] [--no-fuel]

Each engine runs each kernel in a process of its own, at a size that takes it a
reasonable time: it starts with the small size of ``kernels.json`` and goes on to larger
ones while they are expected to take at most ``--budget`` seconds. All runs but the last
size's serve as warm-up. The time is the processor time of the process, the best of
several runs; every result is compared with the recorded one.

``--guard`` drives a real guard over a payload case instead, ``--load`` measures decoding
and validation of that guard. Their instructions are counted here, with the fuel of
wasmtime and with ``wasmfile.py``.

What does not belong here: how an engine is driven (``engines/``), sizes and expected
results (``calibrate.py``).
"""

import argparse
import importlib
import json
import math
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ENGINES = ("pywasm", "wasmpy_plain", "wasmpy", "wasmtime")
BASELINE = "pywasm"
GUARD = ROOT / "hostabi" / "bundled" / "github.wasm"
PAYLOADS = ROOT / "examples" / "payloads"

#: Payload cases of some 2 and 8 million instructions: small enough for slow engines.
USUAL_PAYLOADS = ("001-small-issue-list", "061-medium-issues")

Row = Dict[str, Any]


# -- in the process of one engine and one kernel -----------------------------------


def _adapter(name: str) -> Any:
    """The adapter module of an engine; ``ImportError`` if it is not installed."""
    for path in (str(ROOT), str(HERE)):
        if path not in sys.path:
            sys.path.append(path)
    return importlib.import_module("engines." + name)


def _timed(action: Callable[..., Any], *arguments: Any) -> Tuple[float, Any]:
    """Processor time of an action, in seconds, and its result."""
    begin = time.process_time()
    result = action(*arguments)
    return time.process_time() - begin, result


def _repeated(action: Callable[[], Any], repeat: int, budget: float) -> Tuple[List[float], Any]:
    """The times of several runs, at least two and within five budgets, if more than one
    is wanted; and the last result.
    """
    times: List[float] = []
    result: Any = None
    while len(times) < repeat and (len(times) < 2 or sum(times) < 5 * budget):
        seconds, result = _timed(action)
        times.append(seconds)
    return times, result


def _row(times: List[float], instructions: Optional[int], **more: Any) -> Row:
    ordered = sorted(times)
    best, median = ordered[0], ordered[len(ordered) // 2]
    row: Row = dict(more, best=best, median=median, runs=len(times), instructions=instructions)
    row["rate"] = instructions / best if instructions and best else None
    return row


def work_kernel(engine: str, job: Row) -> Row:
    """Runs one kernel: warm-up through the sizes, then the measured runs."""
    adapter = _adapter(engine)
    kernel = job["kernel"]
    module = adapter.prepare((HERE / "kernels" / kernel["file"]).read_bytes())
    instance = adapter.instantiate(module, {}, job["fuel"])
    sizes = sorted(kernel["sizes"].items(), key=lambda item: item[1]["n"])
    if job["size"]:
        sizes = [(name, size) for name, size in sizes if name == job["size"]]
    chosen, previous = sizes[0], 0.0
    for name, size in sizes:
        expected = previous * size["instructions"] / chosen[1]["instructions"]
        if expected > job["budget"]:
            break
        chosen = (name, size)
        previous, result = _timed(instance.call, "run", size["n"])
        if result != size["result"]:
            return {"error": "run(%d) is %r, not %r" % (size["n"], result, size["result"])}
    name, size = chosen
    times, result = _repeated(lambda: instance.call("run", size["n"]), job["repeat"], job["budget"])
    if result != size["result"]:
        return {"error": "a later run(%d) is %r, not %r" % (size["n"], result, size["result"])}
    return _row(times, size["instructions"], size=name, n=size["n"], version=adapter.version())


def work_guard(engine: str, job: Row) -> Row:
    """Drives the guard over the payload, each time in a fresh instance."""
    adapter = _adapter(engine)
    driver = importlib.import_module("guard_driver")
    wasm = Path(job["guard"]).read_bytes()
    case = json.loads(Path(job["payload"]).read_text(encoding="utf-8"))
    questions = driver.inputs(case)
    names = importlib.import_module("wasmfile").imports(wasm)
    module = adapter.prepare(wasm)
    times: List[float] = []
    spent: Optional[int] = None
    while len(times) < job["repeat"] + 1 and sum(times) < 5 * job["budget"]:
        imports = driver.GuardHost(case).imports(names)
        instance = adapter.instantiate(module, imports, job["fuel"])
        if instance.has("_initialize"):
            instance.call("_initialize")
        seconds, digest = _timed(driver.drive, instance, questions)
        times.append(seconds)
        if job["fuel"] and hasattr(instance, "spent"):
            spent = instance.spent()
        if job["repeat"] == 1:
            break
    warm = times[1:] or times
    return _row(warm, job.get("instructions") or spent, first=times[0], digest=digest,
                version=adapter.version())


def work_load(engine: str, job: Row) -> Row:
    """Decodes and validates, and whatever else the engine does before it can run."""
    adapter = _adapter(engine)
    wasm = Path(job["guard"]).read_bytes()
    count = importlib.import_module("wasmfile").instructions(wasm)
    times, _ = _repeated(lambda: adapter.prepare(wasm), job["repeat"], job["budget"])
    return _row(times, count, version=adapter.version())


WORK: Dict[str, Callable[[str, Row], Row]] = {
    "kernel": work_kernel,
    "guard": work_guard,
    "load": work_load,
}


def worker() -> None:
    """The other side of ``ask``: a job on standard input, a row on standard output."""
    job = json.load(sys.stdin)
    try:
        row = WORK[job["work"]](job["engine"], job)
    except ImportError as error:
        row = {"error": "not available: %s" % error, "missing": True}
    json.dump(row, sys.stdout)


# -- in the process of the harness -------------------------------------------------


def ask(python: str, timeout: float, job: Row) -> Row:
    """Has a job done in a process of its own."""
    command = [python, str(Path(__file__).resolve()), "--worker"]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return {"error": "no result within %d s" % timeout}
    if done.returncode or not done.stdout:
        lines = done.stderr.strip().splitlines() or ["no output"]
        return {"error": "exit code %d: %s" % (done.returncode, lines[-1])}
    row: Row = json.loads(done.stdout)
    return row


def _shown(row: Optional[Row]) -> str:
    if row is None:
        return "-"
    if row.get("error"):
        return "missing" if row.get("missing") else "FAILED"
    if row.get("rate"):
        rate = float(row["rate"]) / 1e6
        return ("%.2f" if rate < 100 else "%.0f") % rate
    return "%.3f s" % row["best"]


def _ratio(row: Optional[Row], base: Optional[Row]) -> Optional[float]:
    """How many times as fast as the baseline."""
    if not row or not base or not row.get("rate") or not base.get("rate"):
        return None
    return float(row["rate"] / base["rate"])


def geometric_mean(values: List[float]) -> Optional[float]:
    """The geometric mean, or None of nothing."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def print_table(names: List[str], engines: List[str], rows: Dict[str, Dict[str, Row]],
                apart: Tuple[str, ...] = ()) -> Row:
    """Prints the table; geometric mean and minimum of each column as a value.

    ``apart`` are names that are shown but enter neither mean nor minimum.
    """
    others = [e for e in engines if e != BASELINE and BASELINE in engines]
    heads = ["M instr/s"] + engines + ["%s/%s" % (e, BASELINE) for e in others]
    lines = [heads]
    columns: Dict[str, List[float]] = {}
    for name in names:
        mine = rows[name]
        line = [name + ("*" if name in apart else "")] + [_shown(mine.get(e)) for e in engines]
        for engine in engines:
            rate = mine.get(engine, {}).get("rate")
            if rate and name not in apart:
                columns.setdefault(engine, []).append(rate / 1e6)
        for engine in others:
            ratio = _ratio(mine.get(engine), mine.get(BASELINE))
            line.append("-" if ratio is None else "%.1f" % ratio)
            if ratio is not None and name not in apart:
                columns.setdefault("%s/%s" % (engine, BASELINE), []).append(ratio)
        lines.append(line)
    summary: Row = {}
    for label, fold in (("geometric mean", geometric_mean), ("minimum", min)):
        line = [label]
        for head in heads[1:]:
            values = columns.get(head, [])
            folded = fold(values) if values else None
            summary.setdefault(label, {})[head] = folded
            line.append("-" if folded is None else "%.2f" % folded)
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print(line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:])))
    if apart:
        print("* counts bytes moved as instructions; in neither mean nor minimum")
    return summary


def print_errors(rows: Dict[str, Dict[str, Row]]) -> int:
    """Prints what has failed; how many."""
    failed = 0
    missing = set()
    for name, mine in rows.items():
        for engine, row in mine.items():
            if row.get("missing"):
                missing.add("%s: %s" % (engine, row["error"]))
            elif row.get("error"):
                failed += 1
                print("%s, %s: %s" % (engine, name, row["error"]))
    for line in sorted(missing):
        print(line)
    return failed


def run_kernels(options: argparse.Namespace, engines: List[str]) -> Tuple[Dict[str, Any], Row]:
    """The kernels on each engine."""
    text = (HERE / "kernels" / "kernels.json").read_text(encoding="utf-8")
    kernels = json.loads(text)["kernels"]
    wanted = options.kernels.split(",") if options.kernels else [k["name"] for k in kernels]
    unknown = set(wanted) - {k["name"] for k in kernels}
    if unknown:
        raise SystemExit("no such kernel: %s" % ", ".join(sorted(unknown)))
    rows: Dict[str, Dict[str, Row]] = {}
    for kernel in (k for k in kernels if k["name"] in wanted):
        rows[kernel["name"]] = mine = {}
        for engine in engines:
            mine[engine] = _asked(options, engine, {"work": "kernel", "kernel": kernel})
    apart = tuple(k["name"] for k in kernels if k.get("bytes") and k["name"] in wanted)
    return rows, print_table(list(rows), engines, rows, apart)


def _asked(options: argparse.Namespace, engine: str, job: Row) -> Row:
    """One job with what the options say of all jobs; says on the terminal what is on."""
    more = {
        "engine": engine,
        "fuel": not options.no_fuel and engine != "wasmtime",
        "repeat": options.repeat,
        "budget": options.budget,
        "size": options.size,
    }
    what = job["kernel"]["name"] if "kernel" in job else job["work"]
    if sys.stderr.isatty():
        print("\r\033[K%s: %s" % (engine, what), end="", file=sys.stderr, flush=True)
    row = ask(options.python, options.timeout, dict(more, **job))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return row


def run_guard(options: argparse.Namespace, engines: List[str]) -> Tuple[Dict[str, Any], Row]:
    """The guard over payload cases, on each engine."""
    payloads = _payloads(options)
    rows: Dict[str, Dict[str, Row]] = {}
    for payload in payloads:
        job = {"work": "guard", "guard": str(options.guard_wasm), "payload": str(payload)}
        counted = _asked(options, "wasmtime", dict(job, fuel=True, repeat=1))
        rows[payload.stem] = mine = {}
        for engine in engines:
            more = {"instructions": counted.get("instructions")}
            row = mine[engine] = _asked(options, engine, dict(job, **more))
            if "digest" in row and counted.get("digest", row["digest"]) != row["digest"]:
                row["error"] = "the answers differ from those under wasmtime"
                row["rate"] = None
    return rows, print_table(list(rows), engines, rows)


def _payloads(options: argparse.Namespace) -> List[Path]:
    """The payload cases asked for: those given, or the usual two."""
    given = options.payload.split(",") if options.payload else []
    paths = [Path(p) for p in given] or [PAYLOADS / (name + ".json") for name in USUAL_PAYLOADS]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise SystemExit("no such payload case: %s" % ", ".join(missing))
    return paths


def run_load(options: argparse.Namespace, engines: List[str]) -> Tuple[Dict[str, Any], Row]:
    """Decoding and validation, on each engine."""
    job = {"work": "load", "guard": str(options.guard_wasm)}
    rows = {"load": {engine: _asked(options, engine, dict(job)) for engine in engines}}
    return rows, print_table(["load"], engines, rows)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmarks of WebAssembly engines.")
    parser.add_argument("--engines", default=",".join(ENGINES), help="comma-separated names")
    parser.add_argument("--kernels", help="comma-separated names; all if left out")
    parser.add_argument("--repeat", type=int, default=5, help="measured runs (5)")
    parser.add_argument("--budget", type=float, default=3.0, help="longest run, in seconds (3)")
    parser.add_argument("--size", choices=("small", "medium", "large"), help="one size for all")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds per process (300)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the engines")
    parser.add_argument("--no-fuel", action="store_true", help="run without metering")
    parser.add_argument("--guard", action="store_true", help="drive a guard over a payload")
    parser.add_argument("--load", action="store_true", help="decode and validate a guard")
    parser.add_argument("--guard-wasm", type=Path, default=GUARD, help="the guard")
    parser.add_argument("--payload", help="payload case files; two if left out")
    parser.add_argument("--json", type=Path, help="writes all figures to this file")
    return parser.parse_args()


def _versions(rows: Dict[str, Dict[str, Row]]) -> Dict[str, str]:
    found = (item for mine in rows.values() for item in mine.items())
    return {engine: row["version"] for engine, row in found if "version" in row}


def _interpreter(python: str) -> str:
    """Name and version of the interpreter that runs the engines."""
    code = "import platform as p; print(p.python_implementation(), p.python_version())"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return str(done.stdout).strip()


def main() -> int:
    """Runs what the options ask for; 1 if anything has failed or is wrong."""
    options = _parsed()
    engines = [e for e in options.engines.split(",") if e]
    unknown = [e for e in engines if e not in ENGINES]
    if unknown:
        raise SystemExit("no such engine: %s" % ", ".join(unknown))
    run = run_guard if options.guard else run_load if options.load else run_kernels
    rows, summary = run(options, engines)
    interpreter = _interpreter(options.python)
    versions = _versions(rows)
    machine = "%s %s" % (platform.system(), platform.machine())
    listed = ", ".join("%s %s" % item for item in sorted(versions.items()))
    metering = "without fuel" if options.no_fuel else "with fuel where the engine meters (wasmpy)"
    print("%s on %s; %s; %s" % (interpreter, machine, listed or "no engine ran", metering))
    failed = print_errors(rows)
    if options.json:
        figures = {
            "interpreter": interpreter, "machine": machine, "versions": versions,
            "fuel": not options.no_fuel, "rows": rows, "summary": summary,
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        worker()
    else:
        sys.exit(main())
