"""Every vector instruction does here what it does on wasmtime, on random and on extreme lanes.

Both engines make the canonical NaN where an operator makes one.  Relaxed
instructions are left out: there the engines may differ.
"""

from __future__ import annotations

import random
from typing import Any, List

import pytest

import wasmpy
from wasmpy.isa.table import INSTRS, Instr
from wasmpy.syntax.types import V128

try:
    import wasmtime

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

pytestmark = [pytest.mark.diff, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

ROWS = [row for row in INSTRS if row.feature == "simd" and row.params and not row.access]
TIMES = 60
EDGES = {
    8: [0, 1, 0x7F, 0x80, 0xFF],
    16: [0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x8001],
    32: [
        0, 0x80000000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFA00000, 0x7F800000, 0xFF800000, 1, 0x7F7FFFFF,
        0x3F800000, 0x4F000000, 0xCF000001, 0x4F800000, 0x3F000000, 0x40200000, 0xFFFFFFFF, 0x7FFFFFFF,
    ],
    64: [
        0, 1 << 63, 0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0x7FF0000000000000, 1,
        0xFFF0000000000000, 0x7FEFFFFFFFFFFFFF, 0x41E0000000000000, 0xC1E0000000200000, 0x47EFFFFFF0000000,
        0x3FE0000000000000, 0x4004000000000000, 0x36A0000000000000, 2**64 - 1, 2**63 - 1,
    ],
}  # fmt: skip


def number(source: random.Random, width: int) -> int:
    return source.choice(EDGES[width]) if source.random() < 0.6 else source.getrandbits(width)


def vector(source: random.Random) -> bytes:
    width = source.choice([8, 16, 32, 64])
    lanes = [number(source, width) for _ in range(128 // width)]
    return b"".join(lane.to_bytes(width // 8, "little") for lane in lanes)


def module(row: Instr, source: random.Random) -> str:
    """A function that has its vectors in memory, where both hosts can reach them."""
    count = {(): 0, ("laneidx",): 1, ("lanes",): 16}[row.immediates]
    lanes = " ".join(str(source.randrange(row.lanes)) for _ in range(count))
    loads = " ".join(f"({t}.load offset={16 * i} (i32.const 0))" for i, t in enumerate(row.params or ()))
    assert row.results
    return f"""(module (memory (export "m") 1)
        (func (export "f") ({row.results[0]}.store offset=256 (i32.const 0) ({row.mnemonic} {lanes} {loads}))))"""


@pytest.fixture(scope="module")
def engine() -> Any:
    config = wasmtime.Config()
    config.cranelift_nan_canonicalization = True
    return wasmtime.Engine(config)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_wasmtime_agrees(engine: Any, row: Instr) -> None:
    source = random.Random(row.op)
    wat = module(row, source)
    store = wasmtime.Store(engine)
    other = wasmtime.Instance(store, wasmtime.Module(engine, wat), []).exports(store)
    ours = wasmpy.Module(wat).instantiate().exports
    assert row.params
    assert row.results
    size = 16 if row.results[0] == V128 else 8
    for _ in range(TIMES):
        operands: List[bytes] = [vector(source) for _ in row.params]
        state = b"".join(operands)
        other["m"].write(store, state, 0)
        ours.m[: len(state)] = state
        other["f"](store)
        ours.f()
        want = bytes(other["m"].read(store, 256, 256 + size))
        assert ours.m[256 : 256 + size].hex() == want.hex(), [v.hex() for v in operands]
