"""Exceptions: tags at the boundary, catching, unwinding, hosts in between, fuel where one lands."""

from __future__ import annotations

import pickle
from typing import Any, List

import pytest

import wasmpy
from tests.unit.ways import WAYS
from wasmpy.config import Features

FUSING = tuple(WAYS)


def instance_of(wat: str, imports: Any = None, **store: Any) -> wasmpy.Instance:
    module = wasmpy.Module(wat, features=Features.WASM3)
    return module.instantiate(imports, store=store.pop("store", None) or wasmpy.Store(**store))


THROW = """(module
  (tag $e (export "e") (param i32 f32 i64))
  (func $deep (param i32)
    (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))) (return)))
    (i32.const 99)
    (throw $e (i32.const -1) (f32.const 1.5) (i64.const 7)))
  (func (export "throw") (param i32) (call $deep (local.get 0))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_what_nothing_catches_leaves_with_tag_and_values(fusing: str) -> None:
    instance = instance_of(THROW, **WAYS[fusing])
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.throw(3)
    assert caught.value.tag == instance.exports.e
    assert caught.value.values == (-1, 1.5, 7)
    assert [f.func for f in caught.value.frames] == [0, 0, 0, 0, 1]
    assert instance.store.inst.depth == (0, 0)


def test_a_tag_says_what_it_carries() -> None:
    instance = instance_of(THROW)
    assert [str(t) for t in instance.exports.e.type.params] == ["i32", "f32", "i64"]
    assert {e.name: str(e.type) for e in instance.module.exports}["e"] == "tag [i32 f32 i64]"


def test_an_exception_pickles_without_its_store() -> None:
    instance = instance_of(THROW)
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.throw(0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.values == (-1, 1.5, 7)
    assert again.tag == "<wasmpy.Tag tag [i32 f32 i64]>"
    assert again.frames == caught.value.frames
    assert caught.value.to_json()["values"] == [-1, 1.5, 7]


CATCH = """(module
  (tag $a (export "a") (param i32)) (tag $b (export "b")) (tag $c (export "c") (param i64))
  (global $log (export "log") (mut i32) (i32.const 0))
  (func $raise (param i32)
    (block $none (block $c (block $b (block $a (br_table $a $b $c $none (local.get 0)))
      (throw $a (i32.const 41))) (throw $b)) (throw $c (i64.const 5))))
  (func (export "f") (param i32) (result i32)
    (local $kept i32)
    (local.set $kept (i32.const 1000))
    (i32.const 7)
    (block $on_a (result i32)
      (block $on_b
        (i32.const 8)
        (try_table (param i32) (result i32) (catch $a $on_a) (catch $b $on_b)
          (local.set $kept (i32.const 2000))
          (call $raise (local.get 0))
          (i32.add (i32.const 1)))
        (return))
      (i32.const 77))
    (i32.add)
    (i32.add (local.get $kept))))"""


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize(("which", "result"), [(0, 2048), (1, 2084), (3, 9)])
def test_the_clause_for_the_tag_gets_the_values(which: int, result: int, fusing: str) -> None:
    assert instance_of(CATCH, **WAYS[fusing]).exports.f(which) == result


def test_an_exception_of_another_tag_passes() -> None:
    instance = instance_of(CATCH)
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.f(2)
    assert caught.value.tag == instance.exports.c
    assert caught.value.tag != instance.exports.a


NESTED = """(module
  (tag $e (param i32))
  (func $inner (param i32) (throw $e (local.get 0)))
  (func (export "f") (result i32)
    (local $n i32)
    (block $outer (result i32 exnref)
      (try_table (catch_ref $e $outer)
        (block $all (result exnref)
          (try_table (catch_all_ref $all) (call $inner (i32.const 5)))
          (unreachable))
        (local.set $n (i32.const 100))
        (throw_ref))
      (unreachable))
    (drop)
    (i32.add (local.get $n)))
  (func (export "loops") (param i32) (result i32)
    (local $turns i32)
    (loop $again
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (if (i32.lt_u (local.get $turns) (local.get 0))
        (then (try_table (catch_all $again) (call $inner (i32.const 1))))))
    (local.get $turns))
  (func (export "function_label") (result i32)
    (try_table (result i32) (catch $e 0) (call $inner (i32.const 61)) (i32.const 1)))
  (func (export "null") (throw_ref (ref.null exn))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_inner_blocks_catch_first_and_may_throw_again(fusing: str) -> None:
    assert instance_of(NESTED, **WAYS[fusing]).exports.f() == 105


@pytest.mark.parametrize("fusing", FUSING)
def test_a_clause_may_go_to_a_loop_and_to_the_function(fusing: str) -> None:
    instance = instance_of(NESTED, **WAYS[fusing])
    assert instance.exports.loops(500) == 500
    assert instance.exports.function_label() == 61


def test_throwing_null_traps() -> None:
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance_of(NESTED).exports.null()
    assert caught.value.kind is wasmpy.TrapKind.NULL_REFERENCE
    assert caught.value.instr == "throw_ref"
    assert caught.value.operands == (None,)


def test_a_loop_that_only_throws_can_be_interrupted() -> None:
    instance = instance_of(NESTED)
    store = instance.store
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.loops(1 << 31, fuel=100_000)
    assert caught.value.resource is wasmpy.Resource.FUEL
    assert 100_000 < store.fuel_consumed < 100_050
    store.inst.meter.poll = store.interrupt
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.loops(1 << 31)
    assert caught.value.resource is wasmpy.Resource.CANCELLED


TRAPS = """(module (memory 1)
  (func (export "f") (param i32) (result i32)
    (block $h
      (try_table (catch_all $h) (return (i32.load (local.get 0)))))
    (i32.const -1)))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_a_trap_is_not_caught(fusing: str) -> None:
    instance = instance_of(TRAPS, **WAYS[fusing])
    assert instance.exports.f(0) == 0
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports.f(65533)
    assert caught.value.kind is wasmpy.TrapKind.MEMORY_OUT_OF_BOUNDS


HOST = """(module
  (tag $e (import "env" "e") (param i32))
  (import "env" "host" (func $host (param i32) (result i32)))
  (func (export "f") (param i32) (result i32)
    (block $h (result i32)
      (try_table (result i32) (catch $e $h) (call $host (local.get 0)))
      (i32.add (i32.const 1000))))
  (func (export "tail") (param i32) (result i32)
    (block $h (result i32)
      (try_table (result i32) (catch $e $h) (return_call $host (local.get 0)))))
  (func (export "throw") (param i32) (result i32) (throw $e (local.get 0))))"""


class Host:
    """A host function that raises into the guest, or calls it again."""

    def __init__(self, **options: Any) -> None:
        self.store = wasmpy.Store(**options)
        self.tag = wasmpy.Tag(self.store, (wasmpy.I32,))
        self.seen: List[Any] = []
        imports = {"env": {"e": self.tag, "host": self.host}}
        self.instance = instance_of(HOST, imports, store=self.store)

    def host(self, n: int) -> int:
        if n < 0:
            raise wasmpy.WasmException(self.tag, (n,))
        if n == 1:
            try:
                self.instance.exports.throw(55)
            except wasmpy.WasmException as error:
                self.seen.append((error.tag, error.values))
                raise
        if n == 2:
            raise wasmpy.WasmException(self.tag, ("two",))
        return n


@pytest.mark.parametrize("fusing", FUSING)
def test_a_host_function_may_raise_into_the_guest(fusing: str) -> None:
    host = Host(**WAYS[fusing])
    assert host.instance.exports.f(-5) == -5
    assert host.instance.exports.f(10) == 1010


def test_an_exception_crosses_a_host_function() -> None:
    host = Host()
    assert host.instance.exports.f(1) == 55
    assert host.seen == [(host.tag, (55,))]
    assert host.store.inst.depth == (0, 0)


def test_a_frame_that_a_tail_call_replaced_catches_nothing() -> None:
    host = Host()
    with pytest.raises(wasmpy.WasmException) as caught:
        host.instance.exports.tail(-5)
    assert (caught.value.tag, caught.value.values) == (host.tag, (-5,))


def test_values_that_do_not_fit_the_tag_are_the_hosts_error() -> None:
    with pytest.raises(TypeError, match="i32 takes an int"):
        Host().instance.exports.f(2)


def test_a_tag_of_another_store_cannot_be_thrown() -> None:
    host = Host()
    host.tag = wasmpy.Tag(wasmpy.Store(), (wasmpy.I32,))
    with pytest.raises(ValueError, match="another store"):
        host.instance.exports.f(-1)


REF = """(module
  (tag $e (export "e") (param i32))
  (func (export "make") (param i32) (result exnref)
    (block $h (result exnref)
      (try_table (catch_all_ref $h) (throw $e (local.get 0)))
      (unreachable)))
  (func (export "again") (param exnref) (throw_ref (local.get 0))))"""


def test_an_exnref_is_an_exception_in_python_and_goes_back() -> None:
    instance = instance_of(REF)
    made = instance.exports.make(12)
    assert (made.tag, made.values) == (instance.exports.e, (12,))
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.again(made)
    assert caught.value.exn is made.exn
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.again(wasmpy.WasmException(instance.exports.e, [3]))
    assert caught.value.values == (3,)
    with pytest.raises(TypeError):
        instance.exports.again(3)


FUEL = """(module
  (tag $e)
  (func $throws (i32.const 1) (drop) (throw $e) (nop) (i32.const 2) (drop))
  (func (export "f") (result i32)
    (block $h
      (try_table (catch $e $h) (i32.const 1) (drop) (call $throws) (i32.const 2) (drop)))
    (i32.const 3) (i32.const 4) (i32.add)))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_a_region_begins_where_an_exception_lands(fusing: str) -> None:
    # f: const, call, const = 3, charged whole; throws: const, throw = 2, what follows is none of
    # it; behind the end of $h: const, const, add = 3.  try_table is free, as block is.
    instance = instance_of(FUEL, fuel=100, **WAYS[fusing])
    assert instance.exports.f() == 7
    assert instance.store.fuel_consumed == 3 + 2 + 3


@pytest.mark.parametrize("fuel", [5, 7, 8])
def test_exhaustion_is_looked_for_where_an_exception_lands(fuel: int) -> None:
    instance = instance_of(FUEL, fuel=fuel)
    if fuel == 8:
        assert instance.exports.f() == 7
        return
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.f()
    assert caught.value.resource is wasmpy.Resource.FUEL
    assert [(f.func, f.pc) for f in caught.value.frames] == [(1, 9)]


INVALID = [
    ("(module (tag (result i32)))", "tagtype"),
    ("(module (func (throw 0)))", "throw"),
    ("(module (tag (param i32)) (func (throw 0)))", "throw"),
    ("(module (func (throw_ref)))", "throw_ref"),
    ("(module (tag (param i32)) (func (try_table (catch 0 0))))", "try_table"),
    ("(module (func (try_table (catch_all_ref 0))))", "try_table"),
    ("(module (tag) (func (try_table (catch 0 1))))", "try_table"),
    ("(module (func (try_table (catch_all 1))))", "try_table"),
]


@pytest.mark.parametrize(("wat", "rule"), INVALID)
def test_what_does_not_validate_is_refused_by_its_rule(wat: str, rule: str) -> None:
    with pytest.raises(wasmpy.InvalidError) as caught:
        wasmpy.Module(wat, features=Features.WASM3)
    assert caught.value.rule == rule


def test_without_the_feature_tags_are_refused_by_name() -> None:
    binary = wasmpy.Module("(module (tag))", features=Features.WASM3).binary
    with pytest.raises(wasmpy.MalformedError, match="exceptions"):
        wasmpy.Module(binary, features=Features.WASM2)


def test_exceptions_may_nest_as_deep_as_the_guest_likes() -> None:
    """Each holds the one before twice: neither recursion nor doubling may follow."""
    wat = """(module (tag $e (export "e") (param exnref exnref))
        (func (export "f") (param i32) (local $last exnref)
            (loop $again
                (block $h (result exnref exnref exnref)
                    (try_table (catch_ref $e $h)
                        (throw $e (local.get $last) (local.get $last)))
                    (unreachable))
                (local.set $last) (drop) (drop)
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                (br_if $again (local.get 0)))
            (throw_ref (local.get $last))))"""
    instance = wasmpy.Module(wat, features=Features.WASM3).instantiate()
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.f(5_000)
    error, depth = caught.value, 0
    while isinstance(error, wasmpy.WasmException):
        assert error.tag == instance.exports.e
        assert error.values[0] is error.values[1]
        error, depth = error.values[0], depth + 1
    assert depth == 5_000
    assert caught.value.to_json()["error"] == "WasmException"


def test_an_exception_says_its_tag_and_its_values() -> None:
    instance = instance_of(THROW)
    with pytest.raises(wasmpy.WasmException) as caught:
        instance.exports.throw(0)
    tag = instance.exports.e
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert str(tag.type) in str(error)
        assert "(-1, 1.5, 7)" in str(error)
    nested = wasmpy.WasmException(tag, [caught.value])
    assert "7" not in str(nested)
    assert len(str(wasmpy.WasmException(tag, [0] * 100_000))) < 200
