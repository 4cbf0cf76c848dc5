"""Decoding and validating modules of growing size: the bundled guard's bodies, repeated.

    python3 benchmarks/load_scaling.py

What it shows: instructions per second, which must not fall as modules grow.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from wasmpy.binary.decode import decode_module  # noqa: E402
from wasmpy.binary.encode import encode_module  # noqa: E402
from wasmpy.valid.module import validate_module  # noqa: E402


def main() -> int:
    """Print a row per size."""
    guard = decode_module((ROOT / "hostabi" / "bundled" / "github.wasm").read_bytes())
    print(f"{'bytes':>10} {'instructions':>13} {'decode':>8} {'validate':>8} {'both, M/s':>9}")
    for copies in (1, 2, 4, 8, 18):
        module = dataclasses.replace(guard, funcs=guard.funcs * copies, customs=[])
        data = encode_module(module)
        count = sum(len(func.body) for func in guard.funcs) * copies
        times = []
        for _ in range(3):
            began = time.process_time()
            decoded = decode_module(data)
            middle = time.process_time()
            validate_module(decoded)
            times.append((middle - began, time.process_time() - middle))
        decode, validate = min(times, key=sum)
        rate = count / (decode + validate) / 1e6
        print(f"{len(data):10} {count:13} {decode:7.3f}s {validate:7.3f}s {rate:9.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
