"""Limits hold at execution, and say so when they are no limits at all."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest

import wasmpy
from wasmpy import Limits, LinkError, Store, TrapKind, WasmTrap

FIELDS = [field.name for field in dataclasses.fields(Limits)]

TURNS = """(module
  (import "m" "down" (func $down (param i32)))
  (func (export "run") (param i32)
    (if (local.get 0) (then (call $down (local.get 0))))))"""


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (1.5, TypeError), (None, TypeError), ("9", TypeError), (True, TypeError)]
)
def test_what_is_no_limit_is_refused_by_name(name: str, value: Any, error: Any) -> None:
    with pytest.raises(error, match=f"limit {name} is"):
        Limits(**{name: value})


def test_zero_is_a_limit() -> None:
    assert dataclasses.asdict(Limits(**dict.fromkeys(FIELDS, 0))) == dict.fromkeys(FIELDS, 0)
    assert dataclasses.replace(Limits(), memory_pages=0).memory_pages == 0


@pytest.mark.parametrize("limit", [1, 5])
def test_host_depth_bounds_re_entries(limit: int) -> None:
    entered: List[int] = []

    def down(n: int) -> None:
        entered.append(n)
        instance.exports.run(n - 1)

    module = wasmpy.Module(TURNS)
    instance = module.instantiate({"m": {"down": down}}, limits=Limits(host_depth=limit))
    instance.exports.run(limit)
    assert len(entered) == limit
    with pytest.raises(WasmTrap) as caught:
        instance.exports.run(limit + 1)
    assert caught.value.kind is TrapKind.STACK_OVERFLOW
    # It was the depth at that time: afterwards there is room again.
    instance.exports.run(limit)


def test_table_elements_bound_what_is_declared_and_what_is_grown() -> None:
    wat = """(module (table (export "t") {} externref)
      (func (export "grow") (param i32) (result i32)
        (table.grow (ref.null extern) (local.get 0))))"""
    limits = Limits(table_elements=10)
    exports = wasmpy.Module(wat.format(8)).instantiate(limits=limits).exports
    assert [exports.grow(3), exports.grow(2), exports.grow(1), len(exports.t)] == [-1, 8, -1, 10]
    with pytest.raises(LinkError):
        wasmpy.Module(wat.format(11)).instantiate(limits=limits)


@pytest.mark.parametrize(
    ("limits", "wat"),
    [
        (Limits(instances=2), "(module)"),
        (Limits(memories=2), "(module (memory 0))"),
        (Limits(tables=2), "(module (table 0 funcref))"),
    ],
    ids=["instances", "memories", "tables"],
)
def test_a_store_holds_so_many_and_no_more(limits: Limits, wat: str) -> None:
    module, store = wasmpy.Module(wat), Store(limits)
    for _ in range(2):
        module.instantiate(store=store)
    with pytest.raises(LinkError, match="limit of 2"):
        module.instantiate(store=store)
    module.instantiate(limits=limits)  # another store has room


@pytest.mark.parametrize("bad", ["x", True, -1, float("nan"), float("inf"), 1e300])
def test_a_bound_that_is_none_is_refused_and_changes_nothing(bad: Any) -> None:
    with pytest.raises(ValueError, match="deadline"):
        wasmpy.Store(deadline=bad)
    store = wasmpy.Store(fuel=1_000, deadline=60)
    with pytest.raises(ValueError, match="deadline"):
        store.deadline = bad
    f = wasmpy.Module('(module (func (export "f") (result i32) (i32.const 7)))').instantiate(
        store=store
    ).exports.f
    with pytest.raises(ValueError, match="deadline"):
        f(fuel=10, deadline=bad)
    if bad != 1e300 and bad != float("inf"):
        with pytest.raises(ValueError, match="fuel"):
            f(fuel=bad)
    assert (store.deadline, store.fuel) == (60, 1_000)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(f).result() == 7


def test_a_clock_that_fails_leaves_the_store_usable() -> None:
    broken = [True]

    def clock() -> float:
        if broken[0]:
            raise OSError("no clock")
        return 1.0

    store = wasmpy.Store(fuel=1_000, clock=clock)
    f = wasmpy.Module('(module (func (export "f") (result i32) (i32.const 7)))').instantiate(
        store=store
    ).exports.f
    with pytest.raises(OSError, match="no clock"):
        f(fuel=10, deadline=1)
    broken[0] = False
    assert store.fuel == 1_000
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(f, deadline=5).result() == 7
