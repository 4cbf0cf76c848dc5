"""Tail calls: constant space, hosts as callees, traces, fuel, and fused runs that end in them."""

from __future__ import annotations

from typing import Any, List

import pytest

import wasmpy
from tests.unit.ways import WAYS
from wasmpy.config import Features

FUSING = tuple(WAYS)
COUNT = """(module
  (table funcref (elem $count $count_by_table))
  (type $t (func (param i64 i64) (result i64)))
  (elem declare func $count_by_ref)
  (func $count (export "count") (type $t)
    (if (result i64) (i64.eqz (local.get 0))
      (then (local.get 1))
      (else (return_call $count (i64.sub (local.get 0) (i64.const 1))
                                (i64.add (local.get 1) (i64.const 2))))))
  (func $count_by_table (export "by_table") (type $t)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $t) (i64.sub (local.get 0) (i64.const 1))
                          (i64.add (local.get 1) (i64.const 2)) (i32.const 1)))
  (func $count_by_ref (export "by_ref") (type $t)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $t (i64.sub (local.get 0) (i64.const 1))
                        (i64.add (local.get 1) (i64.const 2)) (ref.func $count_by_ref))))"""
NAMES = ("count", "by_table", "by_ref")
MILLION = 1_000_000


def instance_of(wat: str, imports: Any = None, **store: Any) -> wasmpy.Instance:
    module = wasmpy.Module(wat, features=Features.WASM3)
    return module.instantiate(imports, store=wasmpy.Store(**store))


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize("name", NAMES)
def test_a_million_deep_in_one_frame(name: str, fusing: str) -> None:
    limits = wasmpy.Limits(call_depth=1)
    instance = instance_of(COUNT, limits=limits, **WAYS[fusing])
    assert instance.exports[name](MILLION, 5) == 2 * MILLION + 5
    assert instance.store.inst.depth == (0, 0)


MUTUAL = """(module
  (type $t (func (param i64) (result i64)))
  (import "env" "look" (func $look))
  (table funcref (elem $even $odd))
  (global $odd (ref $t) (ref.func $odd))
  (elem declare func $odd)
  (func $even (export "even") (type $t) (local i64 i64 i64)
    (if (i64.eqz (local.get 0)) (then (call $look) (return (i64.const 1))))
    (return_call_ref $t (i64.sub (local.get 0) (i64.const 1)) (global.get $odd)))
  (func $odd (type $t) (local f64)
    (if (i64.eqz (local.get 0)) (then (call $look) (return (i64.const 0))))
    (return_call_indirect (type $t) (i64.sub (local.get 0) (i64.const 1)) (i32.const 0))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_a_million_calls_of_one_another_leave_one_frame(fusing: str) -> None:
    depths: List[int] = []

    def look() -> None:
        depths.append(instance.store.inst.depth[0])

    instance = instance_of(MUTUAL, {"env": {"look": look}}, **WAYS[fusing])
    assert [instance.exports.even(deep) for deep in (0, 1, MILLION)] == [1, 0, 1]
    assert depths == [1, 1, 1]


def peak(instance: wasmpy.Instance, name: str, deep: int) -> int:
    """The most memory that a call takes besides what was there."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="this interpreter counts no memory")
    tracemalloc.start()
    try:
        assert instance.exports[name](deep, 0) == 2 * deep
        return int(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize("name", NAMES)
def test_the_memory_of_a_tail_call_does_not_grow_with_its_depth(name: str, fusing: str) -> None:
    instance = instance_of(COUNT, **WAYS[fusing])
    instance.exports[name](50_000, 0)  # what is made once, when a function runs long
    shallow = peak(instance, name, 1_000)
    # The least of three: other threads allocate now and then.
    assert min(peak(instance, name, 50_000) for _ in range(3)) < shallow + 4_096


@pytest.mark.parametrize("fusing", FUSING)
def test_a_turn_costs_its_instructions(fusing: str) -> None:
    # get, eqz, if = 3; a turn more: get, const, sub, get, const, add, return_call = 7; last get.
    instance = instance_of(COUNT, fuel=1_000, **WAYS[fusing])
    instance.exports.count(10, 0)
    assert instance.store.fuel_consumed == 11 * 3 + 10 * 7 + 1


@pytest.mark.parametrize("fuel", [0, 2, 3, 10, 50, 102])
def test_exhaustion_is_looked_for_where_the_callee_begins(fuel: int) -> None:
    # Every turn is charged 3 where it begins, and 7 in the arm, where nothing looks.
    instance = instance_of(COUNT, fuel=fuel)
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.count(10, 0)
    assert caught.value.resource is wasmpy.Resource.FUEL
    assert len(caught.value.frames) == 1
    turns = next(n for n in range(12) if 3 * (n + 1) + 7 * n > fuel)
    assert instance.store.fuel_consumed == 3 * (turns + 1) + 7 * turns


HOST = """(module
  (import "env" "two" (func $two (param i32) (result i32 i32)))
  (func $middle (param i32 i64) (result i32 i32)
    (i32.const 11) (i64.const 12)
    (return_call $two (local.get 0)))
  (func (export "outer") (param i32) (result i32 i32 i32)
    (i32.const 7) (call $middle (local.get 0) (i64.const 9)))
  (func (export "outermost") (param i32) (result i32 i32)
    (i32.const 1) (return_call $two (local.get 0))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_the_callee_may_be_a_host_function(fusing: str) -> None:
    instance = instance_of(HOST, {"env": {"two": lambda n: (n, n + 1)}}, **WAYS[fusing])
    assert instance.exports.outer(40) == (7, 40, 41)
    assert instance.exports.outermost(3) == (3, 4)


def test_a_host_function_that_raises_shows_the_frame_that_called_it() -> None:
    class Stop(Exception):
        pass

    def two(n: int) -> None:
        raise Stop

    instance = instance_of(HOST, {"env": {"two": two}})
    with pytest.raises(Stop) as caught:
        instance.exports.outer(1)
    frames: List[Any] = caught.value.wasm_frames  # type: ignore[attr-defined]
    assert [(f.func, f.pc) for f in frames] == [(1, 3), (2, 3)]
    assert instance.store.inst.depth == (0, 0)


TRACE = """(module
  (func $trap (param i32) (result i32) (unreachable))
  (func $b (param i32) (result i32) (i32.const 5) (return_call $trap (local.get 0)))
  (func $a (export "a") (param i32) (result i32) (i32.add (call $b (local.get 0)) (i32.const 1))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_a_replaced_frame_is_not_in_the_trace(fusing: str) -> None:
    instance = instance_of(TRACE, **WAYS[fusing])
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports.a(1)
    assert [(f.func, f.name, f.pc) for f in caught.value.frames] == [(0, "trap", 0), (2, "a", 1)]


INDIRECT = """(module
  (type $t (func (result i32)))
  (table 3 funcref) (elem (i32.const 0) $right $wrong)
  (func $right (result i32) (i32.const 4))
  (func $wrong (result i64) (i64.const 4))
  (func (export "f") (param i32) (result i32)
    (return_call_indirect (type $t) (local.get 0))))"""


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize(
    ("index", "kind"),
    [(1, "BAD_SIGNATURE"), (2, "INDIRECT_CALL_TO_NULL"), (3, "TABLE_OUT_OF_BOUNDS")],
)
def test_an_indirect_tail_call_traps_in_its_own_frame(
    index: int, kind: str, fusing: str
) -> None:
    instance = instance_of(INDIRECT, **WAYS[fusing])
    assert instance.exports.f(0) == 4
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports.f(index)
    assert caught.value.kind is wasmpy.TrapKind[kind]
    assert caught.value.instr == "return_call_indirect"
    assert caught.value.operands == (index,)
    assert [f.func for f in caught.value.frames] == [2]


@pytest.mark.parametrize("fusing", FUSING)
def test_a_fused_run_that_ends_in_an_indirect_call_traps_at_it(fusing: str) -> None:
    instance = instance_of(INDIRECT.replace("return_call_indirect", "call_indirect"), **WAYS[fusing])
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports.f(2)
    assert caught.value.kind is wasmpy.TrapKind.INDIRECT_CALL_TO_NULL
    assert (caught.value.instr, caught.value.operands) == ("call_indirect", (2,))


def test_the_results_must_be_those_of_the_function() -> None:
    wat = "(module (func $g (result i64) (i64.const 1)) (func (result i32) (return_call $g)))"
    with pytest.raises(wasmpy.InvalidError) as caught:
        wasmpy.Module(wat, features=Features.WASM3)
    assert (caught.value.func, caught.value.rule) == (1, "return_call")
    assert (caught.value.expected, caught.value.actual) == ("[i32]", "[i64]")


def test_without_the_feature_the_opcode_is_refused_by_name() -> None:
    with pytest.raises(wasmpy.MalformedError, match="tail_call"):
        wasmpy.Module("(module (func return_call 0))", features=wasmpy.Features.WASM2)
