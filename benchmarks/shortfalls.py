"""Where the python tier falls short of what was asked of it, taken apart.

    python3 benchmarks/shortfalls.py

``bulk``: how much of the kernel's time the same slices take when plain Python makes them, and
nothing else. ``fib`` and ``sieve``: how many bytecodes run with and without fuel, by opcode.

What does not belong here: rates and engines. See ``run.py``.
"""

import collections
import sys
import time
from pathlib import Path
from typing import Any, Callable, Counter, Dict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import dis  # noqa: E402

import wasmpy  # noqa: E402
from benchmarks.harness.kernels import chosen  # noqa: E402
from wasmpy.config import ENDLESS_FUEL  # noqa: E402


def kernel(name: str, fuel: Any) -> Callable[[int], Any]:
    """The kernel, compiled."""
    (row,) = chosen(name)
    module = wasmpy.Module((ROOT / "benchmarks/kernels" / row["file"]).read_bytes())
    run = module.instantiate(store=wasmpy.Store(tier="python", fuel=fuel)).exports.run
    run(1)
    return run


def size_of(name: str) -> int:
    """How large the small work is."""
    (row,) = chosen(name)
    return int(row["sizes"]["small"]["n"])


def least(action: Callable[[], Any], rounds: int = 7) -> float:
    """The least processor time of some rounds."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return min(times)


def slices(n: int, seed: int = 5) -> None:
    """The slices of ``bulk.c``, with its random numbers."""
    memory, state = bytearray(1 << 20), seed
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        r = state >> 33
        length, to, start = (r & 4095) + 64, r >> 12 & 4095, (r >> 20) & 2047
        memory[start : start + length] = bytes((r >> 3 & 255,)) * length
        memory[to : to + length] = memory[start + 16 : start + 16 + length]
        memory[8192 : 8192 + length] = memory[to : to + length]


def bytecodes(run: Callable[[int], Any], n: int) -> Counter[str]:
    """Which bytecodes of generated functions run, and how often."""
    found: Counter[str] = collections.Counter()
    names: Dict[Any, Dict[int, str]] = {}

    def opcode(frame: Any, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != "<wasm>":
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            code = frame.f_code
            if code not in names:
                names[code] = {i.offset: i.opname for i in dis.get_instructions(code)}
            found[names[code][frame.f_lasti]] += 1
        return opcode

    sys.settrace(opcode)
    try:
        run(n)
    finally:
        sys.settrace(None)
    return found


def main() -> None:
    """Prints both."""
    n = size_of("bulk")
    run = kernel("bulk", None)
    whole, bare = least(lambda: run(n)), least(lambda: slices(n))
    print("bulk: the slices alone take %.0f %% of the kernel's time" % (100 * bare / whole))
    for name, n in (("fib", 12), ("sieve", 1)):
        plain, fuelled = bytecodes(kernel(name, None), n), bytecodes(kernel(name, ENDLESS_FUEL), n)
        more = fuelled - plain
        print("%s: %.2f times the bytecodes with fuel; those more: %s" % (
            name, fuelled.total() / plain.total(),
            ", ".join("%s %.0f %%" % (op, 100 * count / plain.total()) for op, count in more.most_common(6))))


if __name__ == "__main__":
    main()
