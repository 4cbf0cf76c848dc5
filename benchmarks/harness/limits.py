"""Measures how late what runs or waits is stopped, and what a guard's memory costs: wasmpy alone.

A call is told to end at a moment, by its deadline or by another thread; how late it is is
the time from that moment to its end, and nothing if it has ended before. It is the time of
the clock: a machine that is busy with other things adds to it, so the worst says more of the
machine than the median does.

What does not belong here: what happens in an engine's process (``work``).
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import wasmpy
from benchmarks.harness import waits
from benchmarks.harness.figures import Row, median
from benchmarks.harness.workers import Subject, Worker, alternate

HOWS = ("deadline", "cancellation")

#: When what runs is told to end, in seconds from its beginning.
MOMENTS = [0.05, 0.08, 0.11]

#: When what waits is: all over one of the pieces of 20 ms in which it does.
PHASES = [0.042, 0.046, 0.05, 0.054, 0.058]

#: What runs for ever, by what it does; each is a function of the module below.
RUNNING = {
    "a loop": "loop",
    "recursion": "recursion",
    "memory.fill of 256 MiB": "fill",
    "memory.copy of 128 MiB": "copy",
    "table.fill of 1,000,000": "table",
    "array.fill of 4,000,000": "array",
}

#: Functions that are compiled while it happens: their instructions, and when they are told to
#: end at the latest, in seconds; five moments before that are tried.
COMPILING = {5_000: 0.3, 20_000: 1.0}

#: Instructions of a function without a loop, which is laid out when it is called.
STRAIGHT = 2_000_000

_WAT = """(module
  (type $array (array (mut i32)))
  (memory 4096) (table $t 1000000 funcref)
  (func (export "loop") (local i32)
    (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0)))
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "recursion") (drop (call $fib (i32.const 60))))
  (func (export "fill")
    (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x10000000)) (br 0)))
  (func (export "copy")
    (loop (memory.copy (i32.const 0x8000000) (i32.const 0) (i32.const 0x8000000)) (br 0)))
  (func $none)
  (elem declare func $none)
  (func (export "table")
    (loop (table.fill $t (i32.const 0) (ref.func $none) (i32.const 1000000)) (br 0)))
  (func (export "array") (local (ref null $array))
    (local.set 0 (array.new_default $array (i32.const 4000000)))
    (loop (array.fill $array (local.get 0) (i32.const 0) (i32.const 7) (i32.const 4000000))
      (br 0))))"""


def long_wat(instructions: int) -> str:
    """A function of so many instructions that runs for ever: arithmetic, memory, conditions."""
    parts = []
    for k in range(instructions // 28):
        parts.append(
            "(if (i32.eq (local.get 0) (i32.const %d))"
            " (then (local.set 1 (i32.add (local.get 1) (i32.const 1)))))"
            "(local.set 0 (i32.rotl (i32.add (i32.xor (local.get 0) (i32.const %d))"
            " (local.get 1)) (i32.const 13)))"
            "(i32.store offset=%d (i32.and (local.get 0) (i32.const 1023))"
            " (i32.add (local.get 1) (i32.const %d)))"
            "(local.set 1 (i32.add (local.get 1) (i32.const 3)))" % (k, 7 * k + 1, k % 1000, k)
        )
    return '(module (memory 1) (func (export "run") (local i32 i32) (loop %s (br 0))))' % "".join(parts)


def straight_binary(instructions: int) -> bytes:
    """A module whose function, ``run``, is constants that are dropped, one after the other."""
    def sized(content: bytes) -> bytes:
        size = b""
        n = len(content)
        while n > 127:
            size, n = size + bytes([n & 127 | 128]), n >> 7
        return size + bytes([n]) + content

    body = sized(b"\x00" + b"\x41\x01\x1a" * (instructions // 2) + b"\x0b")
    return (
        b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0" + b"\3\2\1\0"
        + b"\7\7\1\3run\0\0" + b"\x0a" + sized(b"\1" + body)
    )


def _gathered(workers: List[Worker], rounds: int, job: Row, what: str,
              take: Callable[[Row], Any]) -> Dict[str, Row]:
    """One job in every engine, in turn; of each row all that ``take`` finds in its answers."""
    rows = [worker.ask(job) for worker in workers]
    measured = alternate(workers, rows, rounds, what)
    return {
        worker.subject.label: row if row.get("error") else dict(row, found=[take(a) for a in answers])
        for worker, row, answers in zip(workers, rows, measured)
    }


def _summed(row: Row, values: List[float]) -> Row:
    return dict(row, seconds=values, median=median(values), worst=max(values))


def _late(workers: List[Worker], rounds: int, job: Row, name: str) -> Dict[str, Row]:
    found = _gathered(workers, rounds, job, name, lambda answer: answer["late"])
    return {
        label: row if row.get("error") else _summed(row, sum(row.pop("found"), []))
        for label, row in found.items()
    }


def _memory(workers: List[Worker], options: argparse.Namespace) -> Dict[str, Dict[str, Row]]:
    job = {"do": "memory", "guard": str(options.guard_wasm), "payload": str(options.start_payload)}
    found = _gathered(workers, options.rounds, job, "memory", lambda answer: answer["times"])
    rows: Dict[str, Dict[str, Row]] = {}
    for label, row in found.items():
        rounds = row.pop("found", [{"all of it": []}])
        for name in rounds[0]:
            mine = row if row.get("error") else _summed(row, sum((r[name] for r in rounds), []))
            rows.setdefault(name, {})[label] = mine
    return rows


def measure_limits(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """How late calls are stopped, and the memory of the guard.  Raises: SystemExit."""
    if not all(subject.engine.startswith("wasmpy") for subject in subjects):
        raise SystemExit("limits is of wasmpy's engines alone")
    workers = [Worker(subject, options.timeout) for subject in subjects]
    try:
        with tempfile.TemporaryDirectory() as folder:
            late = {
                "%s, %s" % (name, how): _late(
                    workers, options.rounds, dict(job, how=how), "%s, %s" % (name, how))
                for name, job in _jobs(Path(folder)) for how in HOWS
            }
        return {"rows": {**late, **_memory(workers, options)}, "late": list(late)}
    finally:
        for worker in workers:
            worker.close()


def _jobs(folder: Path) -> List[Tuple[str, Row]]:
    """What is told to end, with its modules in a folder."""
    path = folder / "running.wasm"
    path.write_bytes(wasmpy.Module(_WAT).binary)
    jobs: List[Tuple[str, Row]] = [
        (name, {"do": "stop", "wasm": str(path), "function": function, "compiles": False,
                "moments": MOMENTS})
        for name, function in RUNNING.items()
    ]
    for length, last in COMPILING.items():
        path = folder / ("%d.wasm" % length)
        path.write_bytes(wasmpy.Module(long_wat(length)).binary)
        jobs.append(("compiling %s instructions" % format(length, ","),
                     {"do": "stop", "wasm": str(path), "function": "run", "compiles": True,
                      "moments": [last * part / 5 for part in range(1, 6)]}))
    path = folder / "straight.wasm"
    path.write_bytes(straight_binary(STRAIGHT))
    jobs.append(("a function of %s instructions without a loop" % format(STRAIGHT, ","),
                 {"do": "stop", "wasm": str(path), "function": "run", "compiles": True,
                  "moments": [0.02, 0.05, 0.1, 0.2]}))
    path = folder / "waits.wasm"
    path.write_bytes(wasmpy.Module(waits.WAT).binary)
    return jobs + [
        (name, {"do": "wait", "wasm": str(path), "what": name, "moments": PHASES})
        for name in waits.WAITING
    ]
