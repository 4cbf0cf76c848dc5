"""What the choices of the python tier are worth: each is changed, and the same work is timed.

    python3 benchmarks/forms.py
    python3 benchmarks/forms.py --rounds 9 --kernels json,switchvm

Prints the table that ``docs/adr/0008-python-tier.md`` has: the processor time with a choice
changed, as a ratio to the time without the change; the least of the rounds of each, which
take turns in one process. Above 1 the change costs time. ``guard`` is the Rust guard's answer
to a list of issues when all is compiled, ``first`` the same in tier ``auto`` with a fresh
module, decoding and compiling included.

What does not belong here: engines against each other. See ``run.py``.
"""

import argparse
import contextlib
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import wasmpy  # noqa: E402
from benchmarks.harness.kernels import chosen  # noqa: E402
from hostabi import Guard, bundled  # noqa: E402
from hostabi.rules import RulesBackend  # noqa: E402
from wasmpy.tiers.pysource import flat, graph, structure, tier  # noqa: E402

PAYLOAD = ROOT / "examples/payloads/001-small-issue-list.json"
NEVER = 10**9

#: Sets of changes; a change is a module, the name of a number in it, and the other number.
CHANGES: Dict[str, List[Tuple[Any, str, Any]]] = {
    "all flat: a number for each place, and a search by halves (`DEEPEST` 0)": [(structure, "DEEPEST", 0)],
    "no loop that runs once: a branch leaves a number, which is looked at (`MANY` never)": [(structure, "MANY", NEVER)],
    "a loop that runs once from the second branch on (`MANY` 2)": [(structure, "MANY", 2)],
    "flat, each place with its number (`DEEPEST` 0, `NESTED` 1)": [(structure, "DEEPEST", 0), (flat, "NESTED", 1)],
    "flat, more within each other (`DEEPEST` 0, `NESTED` 40)": [(structure, "DEEPEST", 0), (flat, "NESTED", 40)],
    "nesting as deep as half of it (`DEEPEST` 25)": [(structure, "DEEPEST", 25)],
    "ends of functions are not written twice (`SMALL` 0)": [(graph, "SMALL", 0)],
}
WHEN: Dict[str, List[Tuple[Any, str, Any]]] = {
    "compile what runs when a slice ends (`WORTH` 0)": [(tier, "WORTH", 0)],
    "`WORTH` 15": [(tier, "WORTH", 15)],
    "`WORTH` 240": [(tier, "WORTH", 240)],
    "never compile what runs (`WORTH` never)": [(tier, "WORTH", NEVER)],
    "compile what compiled code calls at once (`OFTEN` 0)": [(tier, "OFTEN", 0)],
    "`OFTEN` 8": [(tier, "OFTEN", 8)],
    "`OFTEN` 120": [(tier, "OFTEN", 120)],
}


@contextlib.contextmanager
def changed(change: List[Tuple[Any, str, Any]]) -> Iterator[None]:
    """With other numbers."""
    kept = [(module, name, getattr(module, name)) for module, name, _ in change]
    try:
        for module, name, value in change:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)


def kernel_run(kernel: Dict[str, Any]) -> Callable[[], Any]:
    """A kernel, compiled under the numbers of now; a run of it gives its result."""
    module = wasmpy.Module((ROOT / "benchmarks/kernels" / kernel["file"]).read_bytes())
    instance = module.instantiate(store=wasmpy.Store(tier="python"))
    run, size = instance.exports.run, kernel["sizes"]["small"]["n"]
    run(size)
    return lambda: run(size)


_numbers = itertools.count(1)


def another_guard() -> bytes:
    """The guard with a custom section of its own: what was compiled of another is not shared."""
    number = b"%06d" % next(_numbers)
    return bundled.guard_bytes() + b"\x00\x0b\x04form" + number


def guard_run() -> Callable[[], Any]:
    """The answer of a guard in which all is compiled."""
    case = json.loads(PAYLOAD.read_text(encoding="utf-8"))
    guard = Guard(another_guard(), tier="python", backend=RulesBackend(case["backend"]))
    guard.label_agent(case["policy"])

    def run() -> Any:
        response = guard.label_response(case["tool_name"], case["tool_result"], case["tool_args"])
        return None if response is None else response.to_json()

    run()
    return run


def first_run() -> Any:
    """The first answer of a guard that nobody has loaded before."""
    case = json.loads(PAYLOAD.read_text(encoding="utf-8"))
    with Guard(another_guard(), tier="auto", backend=RulesBackend(case["backend"])) as guard:
        guard.label_agent(case["policy"])
        response = guard.label_response(case["tool_name"], case["tool_result"], case["tool_args"])
    return None if response is None else response.to_json()


def best_of(runs: Dict[str, Callable[[], Any]], rounds: int, shortest: float) -> Dict[str, float]:
    """The least processor time of each; they take turns and must agree."""
    least = dict.fromkeys(runs, float("inf"))
    expected = None
    for _ in range(rounds):
        for name, run in runs.items():
            begin, times = time.process_time(), 0
            while True:
                answer, times = run(), times + 1
                spent = time.process_time() - begin
                if spent >= shortest:
                    break
            expected = answer if expected is None else expected
            if answer != expected:
                raise SystemExit("%s gives another answer" % name)
            least[name] = min(least[name], spent / times)
    return least


def of_forms(names: str, rounds: int) -> None:
    """The table of the forms of control flow."""
    kernels = chosen(names)
    columns: List[Tuple[str, Callable[[], Callable[[], Any]]]] = [
        (kernel["name"], lambda kernel=kernel: kernel_run(kernel)) for kernel in kernels
    ]
    columns.append(("guard", guard_run))
    ratios: Dict[str, List[float]] = {name: [] for name in CHANGES}
    for _, make in columns:
        runs = {"": make()}
        for name, change in CHANGES.items():
            with changed(change):
                runs[name] = make()
        least = best_of(runs, rounds, 0.1)
        for name in CHANGES:
            ratios[name].append(least[name] / least[""])
    table([name for name, _ in columns], ratios)


def of_times(rounds: int) -> None:
    """The table of when a function is compiled."""

    def under(change: List[Tuple[Any, str, Any]]) -> Callable[[], Any]:
        def run() -> Any:
            with changed(change):
                return first_run()

        return run

    runs = {"": under([]), **{name: under(change) for name, change in WHEN.items()}}
    least = best_of(runs, rounds, 0)
    table(["first"], {name: [least[name] / least[""]] for name in WHEN})


def of_tiny_calls(rounds: int) -> None:
    """The table of a call that is too short to be compiled: ``auto`` against ``reference``."""
    module = wasmpy.Module("""(module (func (export "f") (param i32) (result i32)
        (i32.add (local.get 0) (i32.const 1))))""")

    def begun(name: str) -> Callable[[], Any]:
        return lambda: module.instantiate(store=wasmpy.Store(tier=name)).exports.f(1)

    def called(name: str) -> Callable[[], Any]:
        call = module.instantiate(store=wasmpy.Store(tier=name)).exports.f
        return lambda: call(1)

    ratios = []
    for make in (begun, called):
        least = best_of({name: make(name) for name in ("reference", "auto")}, 8 * rounds, 0.05)
        ratios.append(least["auto"] / least["reference"])
    table(["instantiation and first call", "call"], {"`auto` / `reference`": ratios})


def table(columns: List[str], ratios: Dict[str, List[float]]) -> None:
    """A table in Markdown."""
    print("| change | " + " | ".join(columns) + " |")
    print("| --- |" + " ---: |" * len(columns))
    for name, row in ratios.items():
        print("| %s | %s |" % (name, " | ".join("%.2f" % ratio for ratio in row)))
    print(flush=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kernels", default="json,switchvm,quicksort,hashmap,sha256")
    options = parser.parse_args()
    of_forms(options.kernels, options.rounds)
    of_times(options.rounds)
    of_tiny_calls(options.rounds)


if __name__ == "__main__":
    main()
