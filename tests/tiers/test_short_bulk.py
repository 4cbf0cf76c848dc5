"""Bulk operations on memories: at once where they are short and fit, and the same as in the reference tier."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import pytest

import wasmpy
from tests.tiers.observed import failure
from wasmpy.exec.memory import PAGE_SIZE
from wasmpy.tiers.pysource.lower import SHORT

ENDS = (0, 1, 5, 63, 64, 65, 4_096, SHORT - 1, SHORT, SHORT + 1, 2 * PAGE_SIZE - 1, 2 * PAGE_SIZE, 2 * PAGE_SIZE + 1)
BIG = (1 << 31, (1 << 32) - 1)
FUEL: Tuple[Optional[int], ...] = (None, 1_000_000, 1_100, 1_030, 70, 10, 9, 8, 3)


def module_of(address: str) -> wasmpy.Module:
    kind = "" if address == "i32" else "i64 "
    return wasmpy.Module(f"""(module
      (memory $a (export "a") {kind}2) (memory $b (export "b") {kind}2)
      (data (memory $a) ({address}.const 0) "abcdefgh") (data (memory $b) ({address}.const 3) "stuvwxyz")
      (func (export "fill") (param {address} i32 {address})
        (memory.fill $a (local.get 0) (local.get 1) (local.get 2)))
      (func (export "copy") (param {address} {address} {address})
        (memory.copy $a $a (local.get 0) (local.get 1) (local.get 2)))
      (func (export "across") (param {address} {address} {address})
        (memory.copy $b $a (local.get 0) (local.get 1) (local.get 2))))""")


def done(module: wasmpy.Module, tier: str, name: str, args: Tuple[int, ...], fuel: Optional[int]) -> List[Any]:
    store = wasmpy.Store(tier=tier, fusing="never")
    exports = module.instantiate(store=store).exports
    store.fuel = fuel
    try:
        result: Any = exports[name].call_raw(*args)
    except (wasmpy.WasmTrap, wasmpy.Interrupted) as error:
        result = failure(error)
    return [result, store.fuel_consumed, store.fuel, bytes(exports.a[:]), bytes(exports.b[:])]


def agree(module: wasmpy.Module, name: str, *args: int) -> None:
    for fuel in FUEL:
        expected = done(module, "reference", name, args, fuel)
        assert done(module, "python", name, args, fuel) == expected, (name, args, fuel)


@pytest.mark.parametrize("address", ["i32", "i64"])
@pytest.mark.parametrize("name", ["fill", "copy", "across"])
def test_any_length_and_place(address: str, name: str) -> None:
    module = module_of(address)
    for n in (*ENDS, *BIG):
        for to in (0, 4, 2 * PAGE_SIZE - n if n < 2 * PAGE_SIZE else 1, 2 * PAGE_SIZE, *BIG[:1]):
            agree(module, name, to, 0x1_41 if name == "fill" else 3, n)


def test_copies_that_overlap_either_way() -> None:
    module = module_of("i32")
    for to in range(12):
        for start in range(12):
            agree(module, "copy", to, start, 9)


@pytest.mark.parametrize("name", ["fill", "copy", "across"])
def test_an_empty_memory(name: str) -> None:
    module = wasmpy.Module(module_text(name))
    for args in ((0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0)):
        agree(module, name, *args)


def module_text(name: str) -> str:
    body = "memory.fill $a" if name == "fill" else "memory.copy $a $a" if name == "copy" else "memory.copy $b $a"
    return f"""(module (memory $a (export "a") 0) (memory $b (export "b") 0)
      (func (export "{name}") (param i32 i32 i32) ({body} (local.get 0) (local.get 1) (local.get 2))))"""


@pytest.mark.parametrize("metered", [False, True])
def test_short_ones_call_nothing(metered: bool) -> None:
    store = wasmpy.Store(tier="python", fuel=10**9 if metered else None)
    exports = module_of("i32").instantiate(store=store).exports
    exports.fill(0, 65, 10)
    looked = []
    tier: Any = store.inst.tier
    tier.cells["bulk"].cell_contents = lambda slot, operands: looked.append(operands)
    exports.fill(0, 66, SHORT)
    exports.copy(5, 0, 100)
    assert looked == []
    exports.fill(0, 67, SHORT + 1)
    assert looked == [[0, 67, SHORT + 1]]
