"""Measures pools of guards: calls per second by size, in threads and in processes.

One process per interpreter holds all its pools and drives them in turn (``pool_work``), so
ratios come from the same rounds.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Dict, List

import wasmpy
from benchmarks.harness.figures import Row, median
from benchmarks.harness.workers import Subject, say

ROOT = Path(__file__).resolve().parents[2]
ASKING = ROOT / "examples" / "guards" / "minimal-wat" / "guard.wat"
SECONDS = 0.5


def measure_pool(subjects: List[Subject], options: argparse.Namespace) -> Row:
    """Both loads on every interpreter.

    ``rows`` has by load, then by pool, a row; ``base`` names the one it is compared with.
    """
    rows: Dict[str, Dict[str, Row]] = {"computing": {}, "waiting": {}}
    interpreters = list(dict.fromkeys(s.python for s in subjects if s.python is not None))
    for python in interpreters:
        say("pool: %s" % python.version)
        mark = ", %s" % python.version if len(interpreters) > 1 else ""
        command = [python.program, "-m", "benchmarks.harness.pool_work", str(options.guard_wasm.resolve()),
                   str(options.start_payload.resolve()), str(ASKING), str(options.rounds), str(SECONDS)]
        done = subprocess.run(command, env=python.environment(packages=False), cwd=str(ROOT),
                              capture_output=True, text=True, check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["exit code %d" % done.returncode]
            for row in rows.values():
                row["pools" + mark] = {"error": lines[-1]}
            continue
        for load, pools in json.loads(done.stdout).items():
            for name, rates in pools.items():
                base = next(iter(pools)) + mark
                rows[load][name + mark] = {"rates": rates, "rate": median(rates), "base": base}
    say("")
    return {"rows": rows, "facts": {"wasmpy": {"version": wasmpy.__version__}}}
