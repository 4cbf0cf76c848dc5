"""Traps: kind, place, operands and frames; and what is no trap.

Spec: ``exec/index.html``.
"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import wasmpy
from wasmpy import TrapKind

WAT = """(module $m
  (memory 1 2)
  (table $t 3 funcref) (elem (i32.const 0) $nothing $load)
  (type $void (func))
  (func $nothing)
  (func $load (export "load") (param i32) (result i32) (i32.load offset=4 (local.get 0)))
  (func (export "store") (param i32) (i64.store (local.get 0) (i64.const -2)))
  (func (export "load8") (param i32) (result i32) (i32.load8_s (local.get 0)))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "trunc") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "indirect") (param i32) (call_indirect (type $void) (local.get 0)))
  (func $deep (param i32) (call $deeper (local.get 0)))
  (func $deeper (param i32) (drop (call $load (local.get 0))))
  (func (export "deep") (param i32) (call $deep (local.get 0)))
  (func (export "unreachable") (drop (i32.const 1)) unreachable)
  (func $forever (export "forever") (call $forever))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "fill") (param i32 i32)
    (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
  (func (export "get") (param i32) (result funcref) (table.get $t (local.get 0)))
)"""


@pytest.fixture
def exports() -> Any:
    return wasmpy.Module(WAT).instantiate().exports


def trap_of(call: Any, *args: Any) -> wasmpy.WasmTrap:
    with pytest.raises(wasmpy.WasmTrap) as caught:
        call(*args)
    return caught.value


def test_a_load_out_of_bounds_says_where_and_how_far(exports: Any) -> None:
    trap = trap_of(exports.load, 65_529)
    assert trap.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    assert (trap.address, trap.width, trap.size) == (65_533, 4, 65_536)
    assert trap.operands == (65_529,)
    assert trap.instr == "i32.load"
    assert [f.name for f in trap.frames] == ["load"]


@pytest.mark.parametrize("address", [65_528, 0])
def test_the_last_word_can_be_read(exports: Any, address: int) -> None:
    assert exports.load(address) == 0


@pytest.mark.parametrize("address", [65_529, -1, -8, 2**31 - 1])
def test_a_store_out_of_bounds_traps_and_writes_nothing(exports: Any, address: int) -> None:
    trap = trap_of(exports.store, address)
    assert trap.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    assert trap.address == address % 2**32
    assert trap.operands == (address % 2**32, 2**64 - 2)


def test_a_byte_access_out_of_bounds_traps(exports: Any) -> None:
    assert trap_of(exports.load8, 65_536).address == 65_536
    assert trap_of(exports.load8, -1).address == 2**32 - 1


def test_the_offset_is_that_of_the_instruction_in_the_file() -> None:
    module = wasmpy.Module('(module (func (export "f") (unreachable)))')
    trap = trap_of(module.instantiate().exports.f)
    assert trap.offset is not None
    assert module.binary[trap.offset] == 0x00
    assert module.binary[trap.offset + 1] == 0x0B


def test_division(exports: Any) -> None:
    assert trap_of(exports.div, 7, 0).kind is TrapKind.INTEGER_DIVISION_BY_ZERO
    overflow = trap_of(exports.div, -(2**31), -1)
    assert overflow.kind is TrapKind.INTEGER_OVERFLOW
    assert overflow.operands == (2**31, 2**32 - 1)


def test_truncation(exports: Any) -> None:
    assert trap_of(exports.trunc, float("nan")).kind is TrapKind.BAD_CONVERSION_TO_INTEGER
    assert trap_of(exports.trunc, 2.0**31).kind is TrapKind.INTEGER_OVERFLOW
    assert trap_of(exports.trunc, float("-inf")).kind is TrapKind.INTEGER_OVERFLOW


def test_indirect_calls(exports: Any) -> None:
    assert exports.indirect(0) is None
    wrong = trap_of(exports.indirect, 1)
    assert wrong.kind is TrapKind.BAD_SIGNATURE
    assert (wrong.expected, wrong.actual) == ("[] -> []", "[i32] -> [i32]")
    assert trap_of(exports.indirect, 2).kind is TrapKind.INDIRECT_CALL_TO_NULL
    outside = trap_of(exports.indirect, 3)
    assert outside.kind is TrapKind.TABLE_OUT_OF_BOUNDS
    assert (outside.address, outside.size, outside.operands) == (3, 3, (3,))


def test_frames_run_from_the_innermost_out(exports: Any) -> None:
    trap = trap_of(exports.deep, -1)
    assert [f.name for f in trap.frames] == ["load", "deeper", "deep", "deep"][:3] + [None]
    assert trap.func == trap.frames[0].func
    assert all(f.module == "m" for f in trap.frames)


def test_unreachable_has_no_operands(exports: Any) -> None:
    trap = trap_of(exports.unreachable)
    assert (trap.kind, trap.operands) == (TrapKind.UNREACHABLE, ())


def test_runaway_recursion_is_a_trap_with_all_its_frames(exports: Any) -> None:
    trap = trap_of(exports.forever)
    assert trap.kind is TrapKind.STACK_OVERFLOW
    assert len(trap.frames) == wasmpy.Limits().call_depth
    text = trap.backtrace()
    assert text.count("\n") < 40
    assert "forever" in text.splitlines()[0]
    assert "forever" in text.splitlines()[-1]


def test_a_refused_growth_is_mentioned_by_a_later_trap(exports: Any) -> None:
    assert exports.grow(1) == 1
    assert exports.grow(1) == -1
    assert trap_of(exports.load, -1).note is not None


def test_bulk_and_table_accesses(exports: Any) -> None:
    trap = trap_of(exports.fill, 65_000, 1_000)
    assert trap.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    assert trap.operands == (65_000, 1, 1_000)
    assert trap_of(exports.get, 3).kind is TrapKind.TABLE_OUT_OF_BOUNDS


def test_a_trap_is_pickled_and_becomes_json(exports: Any) -> None:
    trap = trap_of(exports.load, -1)
    again = pickle.loads(pickle.dumps(trap))
    assert (again.kind, again.frames, again.address) == (trap.kind, trap.frames, trap.address)
    doc = trap.to_json()
    assert doc["error"] == "WasmTrap"
    assert doc["kind"] == "MEMORY_OUT_OF_BOUNDS"
    assert doc["frames"][0]["name"] == "load"


def test_an_instance_can_be_used_after_a_trap(exports: Any) -> None:
    trap_of(exports.unreachable)
    assert exports.load(0) == 0


def test_a_host_exception_passes_unchanged_with_the_frames_it_passed() -> None:
    class Odd(Exception):
        pass

    error = Odd("mine")

    def fail() -> None:
        raise error

    wat = '(module (import "h" "f" (func $h)) (func $g (export "g") (call $h)))'
    instance = wasmpy.Module(wat).instantiate({"h": {"f": fail}})
    with pytest.raises(Odd) as caught:
        instance.exports.g()
    assert caught.value is error
    assert [f.name for f in error.wasm_frames] == ["g"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [IndexError, OverflowError, KeyboardInterrupt, SystemExit])
def test_a_host_exception_is_never_taken_for_a_trap(error: Any) -> None:
    def fail() -> None:
        raise error

    wat = '(module (import "h" "f" (func $h)) (func (export "g") (call $h)))'
    instance = wasmpy.Module(wat).instantiate({"h": {"f": fail}})
    with pytest.raises(error):
        instance.exports.g()


def test_an_access_that_fails_inside_its_memory_is_an_internal_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fault is confirmed from the operands before it is called a trap."""
    instance = wasmpy.Module(WAT).instantiate()
    memory = instance.memory
    assert memory is not None

    def broken(S: Any, L: Any, a: Any) -> None:
        raise IndexError

    monkeypatch.setitem(memory.inst.handlers, 0x28, broken)
    with pytest.raises(wasmpy.InternalError):
        instance.exports.load(0)


def test_large_frames_are_fewer() -> None:
    """The bound on slots, not that on calls, stops a function with many locals."""
    wat = f"""(module (func $f (export "f") (param i32) (result i32)
        (local {' '.join(['i64'] * 990)})
        (if (result i32) (local.get 0)
            (then (call $f (i32.sub (local.get 0) (i32.const 1))))
            (else (i32.const 5)))))"""
    f = wasmpy.Module(wat).instantiate(limits=wasmpy.Limits(stack_slots=100_000)).exports.f
    assert f(98) == 5
    assert trap_of(f, 200).kind is TrapKind.STACK_OVERFLOW
    assert len(trap_of(f, 200).frames) == 100
