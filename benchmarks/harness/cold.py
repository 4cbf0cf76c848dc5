"""Measures first calls of modules that nobody has seen: tiny ones, and one that is all length.

What a tier spends on a function before it runs it shows here and nowhere else. A module is
made new for each measurement by a custom section of its own, so that no cache knows it,
but where it says *known*.

What does not belong here: the guard's label functions (``guard``), processes (``start``).
"""

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from benchmarks.harness.figures import Row
from benchmarks.harness.kernels import together
from benchmarks.harness.workers import Subject
from wasmpy.binary.encode import encode_module
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Export, Expr, Func, Mem, Module
from wasmpy.syntax.types import I32, FuncType, Limits, MemType

KERNELS = Path(__file__).resolve().parents[1] / "kernels"

#: Instructions of a function of the long module, and how many functions make some 4 MB.
LENGTH, FUNCTIONS = 20_000, 110

_TWO = ("i32.add", "i32.sub", "i32.mul", "i32.xor", "i32.and", "i32.or", "i32.rotl", "i32.shr_u")


class _Body:
    """A body that grows: local 0 is the argument, locals 1 to 7 are its own."""

    def __init__(self) -> None:
        self.ops: List[int] = []
        self.imms: List[Any] = []

    def add(self, mnemonic: str, imm: Any = None) -> None:
        """One more instruction."""
        self.ops.append(op_of(mnemonic))
        self.imms.append(imm)


def _long_function(chance: random.Random) -> Expr:
    """Sums, loads and stores, conditions and forward branches, nested now and then."""
    body, depth = _Body(), 0
    while len(body.ops) < LENGTH - 3 * depth:
        target = chance.randrange(1, 8)
        body.add("local.get", chance.randrange(8))
        body.add("local.get", chance.randrange(8))
        body.add(chance.choice(_TWO))
        body.add("i32.const", chance.randrange(1, 1 << 16))
        body.add("i32.add")
        body.add("local.set", target)
        kind = chance.randrange(6)
        if kind == 0 and depth < 20:
            body.add("block", None)
            depth += 1
        elif kind == 1 and depth:
            body.add("local.get", target)
            body.add("br_if", chance.randrange(depth))
        elif kind == 2 and depth:
            body.add("end")
            depth -= 1
        elif kind == 3:
            body.add("i32.const", 4 * chance.randrange(1 << 13))
            body.add("local.get", target)
            body.add("i32.store", (2, 0, 0))
    for _ in range(depth):
        body.add("end")
    body.add("local.get", 1)
    body.add("end")
    return Expr(body.ops, body.imms)


def long_module(functions: int = FUNCTIONS, seed: int = 1) -> bytes:
    """A module of long functions; ``run(n)`` calls each of them with ``n``, adding up."""
    chance = random.Random(seed)
    module = Module(types=[FuncType((I32,), (I32,))], mems=[Mem(MemType(Limits(1, 1)))])
    run = _Body()
    run.add("i32.const", 0)
    for index in range(functions):
        module.funcs.append(Func(0, [(7, I32)], _long_function(chance)))
        run.add("local.get", 0)
        run.add("call", index)
        run.add("i32.add")
    run.add("end")
    module.funcs.append(Func(0, [], Expr(run.ops, run.imms)))
    module.exports.append(Export("run", "func", functions))
    return encode_module(module)


def measure_cold(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """Tiny and long modules, on every engine. A result that differs is an error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wasm"
        path.write_bytes(long_module())
        tiny: Row = {"wasm": str(KERNELS / "fib.wasm"), "n": 5, "times": 20}
        long: Row = {"wasm": str(path), "n": 7}
        jobs: Dict[str, Row] = {
            "tiny: all up to the first result": tiny,
            "tiny, module known: instance and first result": dict(tiny, known=True),
            "4 MB: all up to the first result": long,
            "4 MB: a later call": dict(long, again=True),
        }
        rows = {name: together(subjects, options, dict(job, do="cold"), name)
                for name, job in jobs.items()}
    for mine in rows.values():
        results = {row["result"] for row in mine.values() if "result" in row}
        for row in mine.values():
            if len(results) > 1 and "result" in row:
                row["error"] = "results differ: %s" % sorted(results)
    return {"rows": rows}
