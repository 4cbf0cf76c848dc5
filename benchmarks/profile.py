"""Where the time goes, by wasm function.

    python3 benchmarks/profile.py json
    python3 benchmarks/profile.py guard --payload 063-large-issues --lines 3
    python3 benchmarks/profile.py guard --function label_response --engine wasmpy_reference

A timer that counts processor time interrupts the run every few milliseconds and notes which
function is on top: the run is not slowed by being watched, and seconds are real ones. What
helper functions of the runtime take is counted for the wasm function that calls them and
shown beside it. Python looks at such a timer where a function begins, where a loop goes
round and after a call: so lines are those places, and a function that has neither loop nor
call is partly counted for its caller. Instructions are counted exactly, in a run of their own, by a module
rewritten to count for itself (``counting.py``). ``--calls`` uses cProfile instead, which
shows each helper by name and makes short functions look dearer than they are.

It relies on the python tier's code objects being named ``f`` and the function's index.
What does not belong here: comparing engines; see ``run.py``.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import json
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any, Callable, Counter, Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not this folder: the name of this file is that of a standard module

import cProfile  # noqa: E402
import pstats  # noqa: E402

from benchmarks import counting, engines, guard_driver, wasmfile  # noqa: E402
from benchmarks.engines.base import Missing  # noqa: E402
from wasmpy.binary.decode import decode_module  # noqa: E402

_GENERATED = re.compile(r"f(\d+)(?:\D.*)?$")
_HERE = str(Path(__file__).resolve().parent)
_OTHER = {"tiers": "(compiling)", "binary": "(decoding)", "valid": "(validating)"}

#: Seconds between two looks.
INTERVAL = 0.001

Place = Any  # the index of a function, or what else was running


class Workload:
    """What is run again and again: a kernel, or the guard over a payload case."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.wasm: bytes
        self._case: Optional[Dict[str, Any]] = None
        self._n = 0
        self._functions = options.function.split(",") if options.function else None
        if options.what == "guard":
            self.wasm = options.guard_wasm.read_bytes()
            path = Path(options.payload)
            if not path.is_file():
                path = ROOT / "examples" / "payloads" / (options.payload + ".json")
            self._case = json.loads(path.read_text(encoding="utf-8"))
        else:
            folder = ROOT / "benchmarks" / "kernels"
            listed = json.loads((folder / "kernels.json").read_text(encoding="utf-8"))["kernels"]
            found = [k for k in listed if k["name"] == options.what]
            if not found:
                names = ", ".join(k["name"] for k in listed)
                raise SystemExit("no kernel %s; there are guard, %s" % (options.what, names))
            self.wasm = (folder / found[0]["file"]).read_bytes()
            self._n = found[0]["sizes"][options.size]["n"]

    def instance(self, engine: Any, wasm: bytes) -> Any:
        """A fresh instance."""
        imports: Any = {}
        if self._case is not None:
            imports = guard_driver.GuardHost(self._case).imports(wasmfile.imports(wasm))
        instance = engine.instantiate(engine.prepare(wasm), imports)
        if self._case is not None and instance.has("_initialize"):
            instance.call("_initialize")
        return instance

    def run(self, instance: Any) -> Any:
        """Once."""
        if self._case is None:
            return instance.call("run", self._n)
        questions = guard_driver.inputs(self._case)
        return guard_driver.drive(instance, questions, only=self._functions)


class Sampler:
    """Notes what is on top of the stack, by a timer of processor time."""

    def __init__(self) -> None:
        self.places: Counter[Place] = collections.Counter()
        self.helped: Counter[Place] = collections.Counter()
        self.lines: Counter[Tuple[Place, Any, int]] = collections.Counter()

    def _look(self, _signal: int, frame: Any) -> None:
        top = True
        while frame is not None:
            place, line = _place(frame)
            if place is not None:
                self.places[place] += 1
                if not top:
                    self.helped[place] += 1
                self.lines[(place, frame.f_code, line)] += 1
                return
            top = False
            frame = frame.f_back
        self.places["(elsewhere)"] += 1

    def watch(self, action: Callable[[], None]) -> None:
        """Runs the action and looks."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        try:
            action()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _place(frame: Any) -> Tuple[Optional[Place], int]:
    """The wasm function that a Python frame runs, or None if that is for its callers to say."""
    code = frame.f_code
    made = _GENERATED.match(code.co_name)
    if made and not code.co_filename.endswith(".py"):
        return int(made.group(1)), frame.f_lineno
    if code.co_name == "_loop" and code.co_filename.endswith("interp.py"):
        return frame.f_locals["code"].function.index, 0
    path = code.co_filename
    if path.startswith(_HERE):
        return ("(host functions and driver)", 0)
    for folder, name in _OTHER.items():
        if ("/wasmpy/%s/" % folder) in path and code.co_name not in ("call", "invoke", "enter"):
            return (name, 0) if "compile" in code.co_name or folder != "tiers" else (None, 0)
    return None, 0


def _repeated(workload: Workload, instance: Any, seconds: float) -> Tuple[int, float]:
    """Runs for so many seconds; how often and how long."""
    runs, begin = 0, time.process_time()
    while True:
        workload.run(instance)
        runs += 1
        spent = time.process_time() - begin
        if spent >= seconds:
            return runs, spent


def _counted(workload: Workload, warm_up: int) -> List[counting.Count]:
    """Instructions of one run, after ``warm_up`` runs, by wasmtime or by the reference tier."""
    try:
        engine = engines.engine("wasmtime")
    except (ImportError, Missing):
        engine = engines.engine("wasmpy_reference")
    module = decode_module(workload.wasm)
    instance = workload.instance(engine, counting.counting_module(workload.wasm))
    for _ in range(warm_up):
        workload.run(instance)
    before = {c.index: c for c in counting.counts(module, instance.global_value)}
    workload.run(instance)
    after = counting.counts(module, instance.global_value)
    zero = counting.Count(0, "", 0, 0)
    return [
        c._replace(calls=c.calls - before.get(c.index, zero).calls,
                   instructions=c.instructions - before.get(c.index, zero).instructions)
        for c in after
    ]


def _readable(name: str) -> str:
    """A Rust symbol without its mangling."""
    if not name.startswith("_ZN"):
        return name
    parts, rest = [], name[3:]
    while rest[:1].isdigit():
        digits = re.match(r"\d+", rest)
        assert digits
        size = int(digits.group())
        rest = rest[digits.end() :]
        parts.append(rest[:size])
        rest = rest[size:]
    if parts and re.fullmatch(r"h[0-9a-f]{16}", parts[-1]):
        parts.pop()
    text = "::".join(parts)
    for mark, sign in (("$LT$", "<"), ("$GT$", ">"), ("$u20$", " "), ("$RF$", "&"), ("..", "::"),
                       ("$C$", ","), ("$BP$", "*"), ("$LP$", "("), ("$RP$", ")"),
                       ("$u7b$", "{"), ("$u7d$", "}")):
        text = text.replace(mark, sign)
    return text


def _report(sampler: Sampler, counted: List[counting.Count], runs: int, seconds: float,
            top: int) -> None:
    """The table: per function and run."""
    looks = sum(sampler.places.values()) or 1
    each = seconds / runs / looks
    by_index = {c.index: c for c in counted}
    total = sum(c.instructions for c in counted)
    print("%d runs of %.4f s and %s instructions: %.2f M instr/s; %d looks" % (
        runs, seconds / runs, format(total, ","), total / (seconds / runs) / 1e6, looks))
    head = "%6s %9s %9s %12s %9s %9s %8s  %s"
    print(head % ("share", "seconds", "helpers", "instructions", "share", "calls", "M/s", "function"))
    shown = [place for place, _ in sampler.places.most_common(top)]
    for place in shown:
        count = by_index.get(place)
        own = sampler.places[place] * each
        instructions = count.instructions if count else 0
        rate = "%.1f" % (instructions / own / 1e6) if count and own else "-"
        name = "f%s %s" % (place, _readable(count.name)) if count else str(place)
        print(head % (
            "%.1f %%" % (100 * sampler.places[place] / looks), "%.5f" % own,
            "%.5f" % (sampler.helped[place] * each), format(instructions, ","),
            "%.1f %%" % (100 * instructions / total if total else 0),
            format(count.calls, ",") if count else "-", rate, name[:90]))


def _kept_texts() -> Dict[Any, List[str]]:
    """Has the python tier keep the text of what it compiles; lines by code object."""
    texts: Dict[Any, List[str]] = {}
    try:
        tier = importlib.import_module("wasmpy.tiers.pysource.source")
        compiled = tier.compiled
    except (ImportError, AttributeError):
        return texts

    def kept(source: Any) -> Any:
        code = compiled(source)
        texts[code] = source.text.splitlines()
        return code

    tier.__dict__["compiled"] = kept
    return texts


def _report_lines(sampler: Sampler, functions: int, texts: Dict[Any, List[str]]) -> None:
    """The hottest lines of the generated code of the hottest functions, and what is around."""
    looks = sum(sampler.places.values()) or 1
    hot = [p for p, _ in sampler.places.most_common() if isinstance(p, int)][:functions]
    for place in hot:
        mine = [(n, k) for k, n in sampler.lines.items() if k[0] == place and k[2]]
        print("\nf%d: hottest lines" % place)
        for n, (_, code, line) in sorted(mine, key=lambda item: -item[0])[:15]:
            lines = texts.get(code, [])
            text = lines[line - 1].strip() if line <= len(lines) else ""
            print("%6.2f %% %5d  %s" % (100 * n / looks, line, text[:140]))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", help="a kernel, or guard")
    parser.add_argument("--payload", default="061-medium-issues", help="payload case, by name or file")
    parser.add_argument("--function", help="only these label functions of the guard, comma-separated")
    parser.add_argument("--engine", default="wasmpy_python", help="an engine of wasmpy (wasmpy_python)")
    parser.add_argument("--size", default="medium", choices=("small", "medium", "large"))
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to watch (3)")
    parser.add_argument("--warm-up", type=int, default=1, help="runs before (1); 0 shows the first run")
    parser.add_argument("--top", type=int, default=25, help="functions shown (25)")
    parser.add_argument("--lines", type=int, default=0, metavar="N",
                        help="also the hottest lines of generated code of the N hottest functions")
    parser.add_argument("--calls", action="store_true", help="cProfile instead of looks")
    parser.add_argument("--guard-wasm", type=Path, default=ROOT / "hostabi" / "bundled" / "github.wasm")
    return parser.parse_args()


def main() -> int:
    """Profiles what the options say."""
    options = _parsed()
    workload = Workload(options)
    try:
        engine = engines.engine(options.engine)
    except (ImportError, Missing) as error:
        print("missing: %s" % error, file=sys.stderr)
        return 2
    texts = _kept_texts() if options.lines else {}
    instance = workload.instance(engine, workload.wasm)
    for _ in range(options.warm_up):
        workload.run(instance)
    seconds = options.seconds if options.warm_up else 0.0
    if options.calls:
        profiler = cProfile.Profile()
        profiler.runcall(_repeated, workload, instance, seconds)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(options.top)
        return 0
    sampler = Sampler()
    measured: List[Tuple[int, float]] = []
    sampler.watch(lambda: measured.append(_repeated(workload, instance, seconds)))
    runs, spent = measured[0]
    _report(sampler, _counted(workload, options.warm_up), runs, spent, options.top)
    if options.lines:
        _report_lines(sampler, options.lines, texts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
