"""Vector loads and stores at the bounds of a memory: what they move, and where they trap.

Spec: ``exec/instructions.html#vector-instructions``.
"""

from __future__ import annotations

from typing import Any

import pytest

import wasmpy
from tests.unit.ways import WAYS
from wasmpy import TrapKind
from wasmpy.isa.table import INSTRS, Instr

SIZE = 65_536
OLD = bytes(range(0xA0, 0xB0))
PATTERN = bytes([0x81, 0x72, 0x93, 0x04, 0xF5, 0x06, 0xC7, 0x08, 9, 10, 11, 12, 13, 14, 15, 16])
ACCESSES = [row for row in INSTRS if row.access is not None and row.access.lanes]
FUSING = tuple(WAYS)


def instance(row: Instr, fusing: str, lane: int = 0, offset: int = 0) -> Any:
    """An instance whose function ``f`` is the access, to memory 1 of two."""
    assert row.access is not None
    at = f"offset={offset} {lane}" if row.lanes else f"offset={offset}"
    vector = "(local.get 1)" if len(row.params or ()) > 1 else ""
    result = "" if row.access.store else "(result v128)"
    wat = f"""(module (memory 1) (memory $m (export "m") 1)
        (func (export "f") (param i32 v128) {result}
            ({row.mnemonic} $m {at} (i32.add (local.get 0) (i32.const 0)) {vector})))"""
    features = wasmpy.Features.WASM2.having("multi_memory")
    return wasmpy.Module(wat, features=features).instantiate(store=wasmpy.Store(**WAYS[fusing]))


def expected(row: Instr, part: bytes, lane: int) -> bytes:
    """What a load makes of the bytes it reads."""
    access = row.access
    assert access is not None
    if access.lanes == "splat":
        return part * (16 // len(part))
    if access.lanes == "lane":
        return OLD[: lane * len(part)] + part + OLD[(lane + 1) * len(part) :]
    if access.lanes == "extend":
        lanes = [part[i : i + access.part] for i in range(0, 8, access.part)]
        signed = access.kind == "s"
        numbers = [int.from_bytes(b, "little", signed=signed) for b in lanes]
        wide = 2 * access.part
        return b"".join(n.to_bytes(wide, "little", signed=signed) for n in numbers)
    return part + bytes(16 - len(part))


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize("row", ACCESSES, ids=lambda row: row.mnemonic)
def test_an_access_at_the_end_of_the_memory(row: Instr, fusing: str) -> None:
    access = row.access
    assert access is not None
    width = access.width
    for lane in {0, max(row.lanes - 1, 0)}:
        guest = instance(row, fusing, lane, offset=2)
        guest.exports.m[SIZE - width :] = PATTERN[:width]
        result = guest.exports.f(SIZE - width - 2, OLD)
        if access.store:
            part = OLD[lane * width : (lane + 1) * width]
            assert guest.exports.m[:] == bytes(SIZE - width) + part
        else:
            assert result == expected(row, PATTERN[:width], lane)


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize("row", ACCESSES, ids=lambda row: row.mnemonic)
@pytest.mark.parametrize("beyond", [1, 2**32 - SIZE])
def test_an_access_beyond_the_memory_traps(row: Instr, fusing: str, beyond: int) -> None:
    access = row.access
    assert access is not None
    guest = instance(row, fusing, offset=2)
    address = SIZE - access.width - 2 + beyond
    with pytest.raises(wasmpy.WasmTrap) as caught:
        guest.exports.f.call_raw(address, OLD)
    trap = caught.value
    assert trap.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    assert (trap.address, trap.width, trap.size) == (address + 2, access.width, SIZE)
    assert trap.operands == (address, OLD)[: row.operands]
    assert trap.instr == row.mnemonic
    assert guest.exports.m[:] == bytes(SIZE)


@pytest.mark.parametrize("fusing", FUSING)
def test_nothing_of_a_run_is_done_when_a_vector_access_traps(fusing: str) -> None:
    wat = """(module (memory (export "m") 1) (global (export "g") (mut v128) (v128.const i64x2 0 0))
        (func (export "f") (param i32 v128) (result v128)
            (v128.store (i32.const 0) (local.get 1))
            (global.set 0 (i8x16.add (local.get 1) (v128.load (local.get 0))))
            (i32x4.mul (global.get 0) (local.get 1))))"""
    exports = wasmpy.Module(wat).instantiate(store=wasmpy.Store(**WAYS[fusing])).exports
    with pytest.raises(wasmpy.WasmTrap) as caught:
        exports.f(SIZE - 15, OLD)
    assert caught.value.operands == (SIZE - 15,)
    assert exports.m[:16] == OLD
    assert exports.g.value == bytes(16)
    one = (1).to_bytes(4, "little") * 4
    assert exports.f(SIZE - 16, one) == one
    assert exports.g.value == one
