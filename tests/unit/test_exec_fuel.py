"""Fuel: the worked examples of docs/reference/fuel.md, and exhaustion.

What belongs here: exact counts.  What each example costs is worked out by
hand in its comment, from the region rule and the cost column of the table.
"""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest

import wasmpy
from wasmpy.config import ENDLESS_FUEL, Features
from wasmpy.exec.store import SLICE

LOG = '(import "env" "log" (func $log (param i64)))'


def run(wat: str, *args: Any, fuel: Any = ENDLESS_FUEL) -> Tuple[Any, int]:
    """The outcome of the export ``f`` and the fuel it consumed."""
    seen: List[int] = []
    store = wasmpy.Store(fuel=fuel)

    def log(value: int) -> None:
        seen.append(store.fuel_consumed)

    imports = {"env": {"log": log}} if "$log" in wat else None
    module = wasmpy.Module(wat, features=Features.WASM3)
    instance = module.instantiate(imports, store=store)
    before = store.fuel_consumed
    try:
        outcome = instance.exports.f(*args)
    except (wasmpy.WasmTrap, wasmpy.Interrupted) as error:
        outcome = error
    run.seen = [s - before for s in seen]  # type: ignore[attr-defined]
    return outcome, store.fuel_consumed - before


def test_example_1_an_empty_function_costs_nothing() -> None:
    # end is free.
    assert run('(module (func (export "f")))') == (None, 0)


def test_example_2_straight_line_code_costs_one_per_instruction() -> None:
    # local.get, local.get, i32.add = 3; block, end, nop, drop are free; const = 1.
    wat = """(module (func (export "f") (param i32 i32) (result i32)
        block nop i32.const 1 drop end
        local.get 0 local.get 1 i32.add))"""
    assert run(wat, 1, 2) == (3, 4)


def test_example_3_an_if_is_charged_with_the_region_that_tests_it() -> None:
    # local.get, if = 2; then-arm: const = 1; else-arm: const, const, i32.add = 3.
    wat = """(module (func (export "f") (param i32) (result i32)
        local.get 0
        if (result i32) i32.const 1 else i32.const 1 i32.const 1 i32.add end))"""
    assert run(wat, 1) == (1, 3)
    assert run(wat, 0) == (2, 5)


def test_example_4_a_loop_is_charged_at_its_header_every_time() -> None:
    # entry: nothing; each turn: get, const, sub, tee, br_if = 5; three turns.
    wat = """(module (func (export "f") (param i32)
        loop local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end))"""
    assert run(wat, 3) == (None, 15)


def test_example_5_a_conditional_branch_ends_its_region() -> None:
    # get, br_if = 2; not taken: get, br_if again = 2 more, then const, drop = 1; the rest free.
    wat = """(module (func (export "f") (param i32)
        block local.get 0 br_if 0 local.get 0 br_if 0 i32.const 1 drop end))"""
    assert run(wat, 1) == (None, 2)
    assert run(wat, 0) == (None, 5)


def test_example_6_code_behind_a_branched_to_end_is_a_region_of_its_own() -> None:
    # get, br_if = 2; skipped const; after the end: const = 1.
    wat = """(module (func (export "f") (param i32) (result i32)
        block local.get 0 br_if 0 i32.const 9 drop end i32.const 7))"""
    assert run(wat, 1) == (7, 3)
    assert run(wat, 0) == (7, 4)


def test_example_7_a_trap_is_charged_its_whole_region() -> None:
    # const, const, div, then three that never run: all six are charged.
    wat = """(module (func (export "f")
        i32.const 1 i32.const 0 i32.div_u drop
        i32.const 5 i32.const 6 i32.add drop))"""
    outcome, cost = run(wat)
    assert isinstance(outcome, wasmpy.WasmTrap)
    assert outcome.kind is wasmpy.TrapKind.INTEGER_DIVISION_BY_ZERO
    assert cost == 6


def test_example_8_a_host_function_sees_the_charge_of_the_whole_region() -> None:
    # const, call, const, call, const = 5, charged at the entry; both calls see 5.
    wat = f"""(module {LOG} (func (export "f") (result i32)
        i64.const 1 call $log i64.const 2 call $log i32.const 3))"""
    assert run(wat) == (3, 5)
    assert run.seen == [5, 5]  # type: ignore[attr-defined]


def test_example_9_a_call_is_charged_to_caller_and_callee() -> None:
    # f: const, call, const, i32.add = 4; g: get, const, i32.mul = 3.
    wat = """(module
        (func $g (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
        (func (export "f") (result i32) i32.const 5 call $g i32.const 1 i32.add))"""
    assert run(wat) == (11, 7)


def test_example_10_a_bulk_operation_costs_one_more_per_64_bytes() -> None:
    # const, const, get, memory.fill = 4; 1000 >> 6 = 15.
    wat = """(module (memory 1) (func (export "f") (param i32)
        i32.const 0 i32.const 0 local.get 0 memory.fill))"""
    assert run(wat, 0) == (None, 4)
    assert run(wat, 63) == (None, 4)
    assert run(wat, 1000) == (None, 4 + 15)


LOOP = """(module (memory 1) (global $n (export "n") (mut i32) (i32.const 0))
    (func (export "f") (result i32)
        (loop (global.set $n (i32.add (global.get $n) (i32.const 1)))
              (br_if 0 (i32.lt_u (global.get $n) (i32.const 100))))
        (global.get $n)))"""


@pytest.mark.parametrize("fuel", [*range(40), 799, 800, 801, 802])
def test_exhaustion_is_raised_at_the_header_that_overdraws(fuel: int) -> None:
    # A turn costs get, const, add, set, get, const, lt, br_if = 8.
    store = wasmpy.Store(fuel=fuel)
    instance = wasmpy.Module(LOOP).instantiate(store=store)
    if fuel >= 801:
        assert instance.exports.f() == 100
        assert store.fuel == fuel - 801
        return
    if fuel == 800:  # the last region is overdrawn, but nothing looks there
        assert instance.exports.f() == 100
        assert store.fuel == 0
        return
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.f()
    assert caught.value.resource is wasmpy.Resource.FUEL
    assert instance.exports.n.value == fuel // 8
    assert store.fuel == 0


def test_fuel_counts_the_same_whatever_there_is_of_it() -> None:
    assert run(LOOP)[1] == run(LOOP, fuel=10**9)[1] == 801


def test_without_fuel_nothing_is_counted() -> None:
    assert run(LOOP, fuel=None) == (run(LOOP)[0], 0)


def test_a_bulk_operation_is_refused_before_it_begins() -> None:
    wat = """(module (memory (export "m") 1) (func (export "f")
        i32.const 0 i32.const 7 i32.const 65536 memory.fill))"""
    store = wasmpy.Store(fuel=100)
    instance = wasmpy.Module(wat).instantiate(store=store)
    with pytest.raises(wasmpy.Interrupted):
        instance.exports.f()
    assert instance.exports.m[0:8] == bytes(8)


def test_fuel_of_one_call_is_taken_from_the_store() -> None:
    store = wasmpy.Store(fuel=10_000)
    instance = wasmpy.Module(LOOP).instantiate(store=store)
    with pytest.raises(wasmpy.Interrupted):
        instance.exports.f(fuel=20)
    assert store.fuel == 10_000 - 24
    assert instance.exports.f(fuel=5_000) == 100


def test_a_loop_that_calls_a_host_function_is_looked_at() -> None:
    wat = f"""(module {LOG} (func (export "f") (loop (call $log (i64.const 0)) (br 0))))"""
    store = wasmpy.Store()
    calls: List[int] = []

    def log(value: int) -> None:
        calls.append(value)
        if len(calls) == 5:
            store.interrupt()

    instance = wasmpy.Module(wat).instantiate({"env": {"log": log}}, store=store)
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.f()
    assert caught.value.resource is wasmpy.Resource.CANCELLED
    # A turn costs const, call, br = 3; it is seen when the slice that was running is spent.
    assert len(calls) == SLICE // 3


def test_example_11_a_catch_begins_a_region_where_it_lands() -> None:
    # f: const, call, const = 3, charged whole; throws: const, throw = 2; where the exception
    # lands: const, const, i32.add = 3.  try_table is free.
    wat = """(module (tag $e)
        (func $throws i32.const 1 drop throw $e)
        (func (export "f") (result i32)
            block $h
                try_table (catch $e $h) i32.const 1 drop call $throws i32.const 2 drop end
            end
            i32.const 3 i32.const 4 i32.add))"""
    assert run(wat) == (7, 3 + 2 + 3)


def test_example_12_a_tail_call_ends_its_region() -> None:
    # f: get, return_call = 2, and nothing of what cannot be reached; g: get, const, i32.mul = 3.
    wat = """(module
        (func $g (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
        (func (export "f") (param i32) (result i32)
            local.get 0 return_call $g i32.const 1 i32.add))"""
    assert run(wat, 4) == (8, 2 + 3)
