"""Writes ``kernels/kernels.json``: sizes, results and instruction counts.

For every kernel it finds three sizes ``n``: *small* for slow interpreters, *medium*
for fast ones and *large* for compilers, each the size at which the kernel executes
about a fixed number of instructions. Result and count at each size are those of
wasmtime, the count being its fuel: one per instruction, nothing for ``block``,
``loop``, ``end``, ``else``, ``nop`` and ``drop``, and one for entering a function.

What does not belong here: timing; see ``run.py``. Needs the package ``wasmtime``.

    python3 benchmarks/calibrate.py                  # all kernels
    python3 benchmarks/calibrate.py globals words    # these; the others stay as they are
"""

import json
import math
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import wasmtime

KERNELS = Path(__file__).resolve().parent / "kernels"

#: Instructions aimed at, per size.
TARGETS = {"small": 300_000, "medium": 10_000_000, "large": 3_000_000_000}

#: More fuel than any kernel uses.
FUEL = 10**15

#: Kernels whose work grows with a power of ``n``; the others grow in proportion.
EXPONENTIAL = {"fib"}

#: Kernels whose count is of bytes, as fuel is spent for each byte filled or copied.
BYTES = {"bulk"}

#: What each kernel is about, in the order of the report.
ABOUT = {
    "fib": "calls",
    "bytehash": "byte loads, 32-bit multiplication",
    "sieve": "byte stores with a stride",
    "words": "word loads and stores",
    "sha256": "32-bit rotations",
    "quicksort": "compare and branch on memory",
    "json": "a JSON reader",
    "switchvm": "br_table",
    "matmul": "f64 multiply and add",
    "bulk": "memory.fill, memory.copy",
    "i64mix": "64-bit shifts and rotations",
    "callindirect": "call_indirect",
    "globals": "globals of three types",
    "mandelbrot": "f64 with early exit",
    "f32dot": "f32",
    "hashmap": "open addressing",
    "crc32": "table lookups",
    "strings": "compare and search",
}


class Kernel:
    """One kernel, compiled once and instantiated anew for each measurement."""

    def __init__(self, path: Path) -> None:
        config = wasmtime.Config()
        config.consume_fuel = True
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module.from_file(self._engine, str(path))

    def measure(self, n: int) -> Tuple[int, int]:
        """Result of ``run(n)`` and the instructions executed."""
        store = wasmtime.Store(self._engine)
        store.set_fuel(FUEL)
        run = wasmtime.Instance(store, self._module, []).exports(store)["run"]
        assert isinstance(run, wasmtime.Func)
        result: Any = run(store, n)
        assert isinstance(result, int)
        return result, FUEL - store.get_fuel()


def _rounded(n: float) -> int:
    """``n`` to two significant digits, at least 1."""
    if n < 10:
        return max(1, round(n))
    unit: int = 10 ** (math.floor(math.log10(n)) - 1)
    return round(n / unit) * unit


def find_size(name: str, kernel: Kernel, target: int) -> int:
    """The size at which the kernel executes about ``target`` instructions."""
    if name in EXPONENTIAL:
        n = 1
        while kernel.measure(n + 1)[1] <= target * 1.3:
            n += 1
        return n
    low, high = 10, 60
    fixed = kernel.measure(low)[1]
    slope = (kernel.measure(high)[1] - fixed) / (high - low)
    n = _rounded((target - fixed) / slope + low)
    return _rounded(n * target / kernel.measure(n)[1])


def calibrate(name: str) -> Dict[str, Any]:
    """The entry of one kernel in ``kernels.json``."""
    path = KERNELS / (name + ".wasm")
    kernel = Kernel(path)
    sizes: Dict[str, Any] = {}
    for size, target in TARGETS.items():
        n = find_size(name, kernel, target)
        result, instructions = kernel.measure(n)
        sizes[size] = {"n": n, "result": result, "instructions": instructions}
    entry = {"name": name, "file": path.name, "about": ABOUT[name], "sizes": sizes}
    return dict(entry, bytes=True) if name in BYTES else entry


def main() -> None:
    """Calibrates the kernels named, or all, and writes the file."""
    path = KERNELS / "kernels.json"
    known = {k["name"]: k for k in json.loads(path.read_text(encoding="utf-8"))["kernels"]}
    entries: List[Dict[str, Any]] = []
    for name in ABOUT:
        if sys.argv[1:] and name not in sys.argv[1:] and name in known:
            entries.append(known[name])
            continue
        entry = calibrate(name)
        entries.append(entry)
        print(name, {k: (v["n"], v["instructions"]) for k, v in entry["sizes"].items()}, flush=True)
    text = json.dumps({"kernels": entries}, indent=1, ensure_ascii=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
