"""The embedding: modules, stores, linking, host functions, reset, interruption.

What belongs here: what ``docs/how-to/embed.md`` promises, as fields.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import threading
import time
from typing import Any, List

import pytest

import wasmpy
from wasmpy import F32, I32, I64, FuncType, SizeRange, TrapKind
from wasmpy.text import parse_module

ADD = """(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))"""

FOREVER = """(module (memory (export "memory") 1)
    (global $n (export "n") (mut i32) (i32.const 0))
    (func (export "spin") (loop (global.set $n (i32.const 1)) (br 0)))
    (func (export "tree") (call $t (i32.const 64)))
    (func $t (param i32) (if (local.get 0) (then
        (call $t (i32.sub (local.get 0) (i32.const 1)))
        (call $t (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "id") (param i32) (result i32) (local.get 0)))"""


def instance_of(wat: str, imports: Any = None, **keys: Any) -> wasmpy.Instance:
    return wasmpy.Module(wat).instantiate(imports, **keys)


# Values ------------------------------------------------------------------------


def test_integers_come_out_signed_and_go_in_either_way() -> None:
    add = instance_of(ADD).exports.add
    assert add(-1, 0) == -1
    assert add(0xFFFFFFFF, 0) == -1
    assert add.call_raw(0xFFFFFFFF, 0) == 0xFFFFFFFF


@pytest.mark.parametrize("args", [(1,), (1, 2, 3), (1.0, 2), ("1", 2), (None, 2)])
def test_arguments_of_the_wrong_kind_are_a_type_error(args: Any) -> None:
    with pytest.raises(TypeError):
        instance_of(ADD).exports.add(*args)


@pytest.mark.parametrize("value", [2**32, -(2**31) - 1, 10**30])
def test_an_argument_out_of_range_is_never_truncated(value: int) -> None:
    with pytest.raises(ValueError, match="argument 2"):
        instance_of(ADD).exports.add(1, value)


def test_no_result_one_result_and_several() -> None:
    wat = """(module (func (export "a")) (func (export "b") (result i64) (i64.const -5))
        (func (export "c") (result i32 f64) (i32.const 1) (f64.const 2.5)))"""
    exports = instance_of(wat).exports
    assert (exports.a(), exports.b(), exports.c()) == (None, -5, (1, 2.5))


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FA00001, 0xFFC12345, 0x7FC00000, 0xFF800000])
def test_f32_bits_survive_calls_memory_and_globals(bits: int) -> None:
    wat = """(module (memory 1) (global $g (mut f32) (f32.const 0))
        (func (export "f") (param f32) (result f32)
            (global.set $g (local.get 0))
            (f32.store (i32.const 8) (global.get $g))
            (f32.load (i32.const 8))))"""
    instance = instance_of(wat)
    assert instance.exports.f.call_raw(bits) == bits
    memory = instance.memory
    assert memory is not None
    assert memory.read_u32_le(8) == bits


def test_an_f32_argument_is_rounded() -> None:
    wat = '(module (func (export "f") (param f32) (result f32) (local.get 0)))'
    f = instance_of(wat).exports.f
    assert f(0.1) == struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert f.call_raw(0x3DCCCCCD) == 0x3DCCCCCD


def test_references() -> None:
    wat = """(module (table (export "t") 2 externref)
        (func $f (export "f") (result i32) (i32.const 7))
        (func (export "ref") (result funcref) (ref.func $f))
        (func (export "id") (param externref) (result externref) (local.get 0)))"""
    exports = instance_of(wat).exports
    ref = exports.ref()
    assert ref == exports.f
    assert ref() == 7
    anything = object()
    assert exports.id(anything) is anything
    assert exports.id(None) is None
    exports.t[1] = anything
    assert exports.t[1] is anything
    assert exports.t[0] is None
    with pytest.raises(IndexError):
        exports.t[2]


# Modules ---------------------------------------------------------------------------


def test_a_module_lists_its_imports_and_exports_with_types() -> None:
    wat = """(module $named (import "env" "f" (func (param i64))) (import "env" "m" (memory 1))
        (func (export "g") (result i32) (i32.const 1)) (export "mem" (memory 0))
        (global (export "x") i32 (i32.const 1)))"""
    module = wasmpy.Module(wat)
    assert module.name == "named"
    assert [(i.module, i.name) for i in module.imports] == [("env", "f"), ("env", "m")]
    assert module.imports[0].type == FuncType((I64,), ())
    assert [e.name for e in module.exports] == ["g", "mem", "x"]
    assert module.exports[0].type == FuncType((), (I32,))
    assert isinstance(module.exports[1].type, wasmpy.MemType)


def test_a_module_from_a_file_is_binary_or_text(tmp_path: Any) -> None:
    text, binary = tmp_path / "add.wat", tmp_path / "add.wasm"
    text.write_text(ADD)
    module = wasmpy.Module.from_file(text)
    binary.write_bytes(module.binary)
    assert wasmpy.Module.from_file(binary).instantiate().exports.add(2, 3) == 5


def test_one_module_has_many_instances_that_share_nothing() -> None:
    module = wasmpy.Module(FOREVER)
    a, b = module.instantiate(), module.instantiate()
    a.exports.n.value = 5
    a.exports.memory[0] = 9
    assert b.exports.n.value == 0
    assert b.exports.memory[0] == 0


# Linking --------------------------------------------------------------------------


def test_every_missing_import_is_named_in_one_error() -> None:
    wat = """(module (import "a" "x" (func)) (import "a" "y" (global i32))
        (import "b" "z" (memory 1)) (import "ok" "f" (func)))"""
    with pytest.raises(wasmpy.LinkError) as caught:
        instance_of(wat, {"ok": {"f": lambda: None}, "a": {"y": lambda: None}})
    missing = caught.value.missing
    assert [(m.module, m.name) for m in missing] == [("a", "x"), ("a", "y"), ("b", "z")]
    assert [m.got is None for m in missing] == [True, False, True]


def test_what_is_missing_and_what_does_not_match_are_named_together() -> None:
    memory = wasmpy.Memory(wasmpy.Store(), wasmpy.MemType(SizeRange(1, None)))
    wat = '(module (import "a" "m" (memory 2)) (import "a" "x" (func)))'
    with pytest.raises(wasmpy.LinkError) as caught:
        instance_of(wat, {"a": {"m": memory}})
    assert {(m.name, m.got) for m in caught.value.missing} == {("x", None), ("m", "memory 1")}


def test_an_import_of_another_type_is_a_link_error() -> None:
    store = wasmpy.Store()
    f = wasmpy.Func(store, FuncType((I32,), ()), lambda x: None)
    with pytest.raises(wasmpy.LinkError) as caught:
        instance_of('(module (import "a" "x" (func)))', {"a": {"x": f}})
    assert caught.value.missing[0].got == "func [i32] -> []"


def test_what_belongs_to_one_store_is_refused_in_another() -> None:
    memory = wasmpy.Memory(wasmpy.Store(), wasmpy.MemType(SizeRange(1, None)))
    with pytest.raises(ValueError, match="another store"):
        instance_of(
            '(module (import "a" "m" (memory 1)))', {"a": {"m": memory}}, store=wasmpy.Store()
        )


def test_instances_are_linked_and_share_what_they_import() -> None:
    store = wasmpy.Store()
    one = instance_of(
        '(module (memory (export "m") 1) (func (export "peek") (result i32)'
        " (i32.load (i32.const 0))))",
        store=store,
    )
    two = instance_of(
        '(module (import "one" "m" (memory 1)) (import "one" "peek" (func $p (result i32)))'
        ' (func (export "poke") (param i32) (result i32)'
        " (i32.store (i32.const 0) (local.get 0)) (call $p)))",
        {"one": one},
    )
    assert two.store is store
    assert two.exports.poke(77) == 77


def test_a_name_is_defined_once_unless_shadowing_is_allowed() -> None:
    linker = wasmpy.Linker()
    linker.define("a", "b", lambda: None)
    with pytest.raises(ValueError, match="already"):
        linker.define("a", "b", lambda: None)
    shadowing = wasmpy.Linker(allow_shadowing=True)
    shadowing.define("a", "b", lambda: 1)
    shadowing.define("a", "b", lambda: 2)
    wat = '(module (import "a" "b" (func $b (result i32))) (func (export "f") (result i32) (call $b)))'
    assert shadowing.instantiate(wasmpy.Module(wat)).exports.f() == 2


def test_a_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(wasmpy.LinkError):
        instance_of("(module (memory 600))", limits=wasmpy.Limits(memory_pages=512))


def test_growth_stops_at_the_limit() -> None:
    wat = '(module (memory 1) (func (export "g") (param i32) (result i32) (memory.grow (local.get 0))))'
    grow = instance_of(wat, limits=wasmpy.Limits(memory_pages=3)).exports.g
    assert [grow(1), grow(2), grow(1), grow(1), grow(-1)] == [1, -1, 2, -1, -1]


# Host functions --------------------------------------------------------------------------


def test_a_host_function_sees_its_callers_memory_even_when_not_exported() -> None:
    seen: List[Any] = []

    def log(caller: wasmpy.Caller, address: int, size: int) -> None:
        memory = caller.memory()
        assert memory is not None
        seen.append((caller.name, memory.read(address, size)))

    wat = """(module $guest (import "env" "log" (func $log (param i32 i32)))
        (memory 1) (data (i32.const 16) "hello")
        (func (export "f") (call $log (i32.const 16) (i32.const 5))))"""
    instance_of(wat, {"env": {"log": log}}).exports.f()
    assert seen == [("guest", b"hello")]


def test_pointers_are_unsigned_for_a_function_with_a_caller() -> None:
    seen: List[int] = []

    def with_caller(caller: wasmpy.Caller, address: int) -> None:
        seen.append(address)

    wat = """(module (import "e" "c" (func $c (param i32))) (import "e" "p" (func $p (param i32)))
        (func (export "f") (call $c (i32.const -1)) (call $p (i32.const -1))))"""
    instance_of(wat, {"e": {"c": with_caller, "p": seen.append}}).exports.f()
    assert seen == [0xFFFFFFFF, -1]


def test_a_host_function_may_call_back_into_the_guest() -> None:
    def twice(caller: wasmpy.Caller, n: int) -> int:
        if n == 0:
            return 0
        result: int = caller["f"](n - 1)  # type: ignore[operator]
        return result + 2

    wat = """(module (import "h" "twice" (func $twice (param i32) (result i32)))
        (func (export "f") (param i32) (result i32) (call $twice (local.get 0))))"""
    assert instance_of(wat, {"h": {"twice": twice}}).exports.f(20) == 40


def test_re_entries_are_bounded() -> None:
    def again(caller: wasmpy.Caller) -> None:
        caller["f"]()  # type: ignore[operator]

    wat = '(module (import "h" "again" (func $a)) (func (export "f") (call $a)))'
    instance = instance_of(wat, {"h": {"again": again}})
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports.f()
    assert caught.value.kind is TrapKind.STACK_OVERFLOW
    assert instance.store.inst.depth.hosts == 0


def test_fuel_spent_in_a_re_entry_counts_once() -> None:
    wat = """(module (import "h" "g" (func $g)) (func (export "f") (call $g) (call $g))
        (func (export "work") (i32.const 1) (drop)))"""

    def g(caller: wasmpy.Caller) -> None:
        caller["work"]()  # type: ignore[operator]

    instance = instance_of(wat, {"h": {"g": g}}, fuel=1_000)
    instance.exports.f()
    assert instance.store.fuel_consumed == 2 + 2
    assert instance.store.fuel == 1_000 - 4


def test_a_failing_host_function_keeps_the_count_right() -> None:
    def fail(caller: wasmpy.Caller) -> None:
        caller["work"]()  # type: ignore[operator]
        raise KeyError

    wat = """(module (import "h" "fail" (func $g)) (func (export "f") (call $g))
        (func (export "work") (i32.const 1) (drop)))"""
    instance = instance_of(wat, {"h": {"fail": fail}}, fuel=1_000)
    for _ in range(3):
        with pytest.raises(KeyError):
            instance.exports.f()
    assert instance.store.fuel_consumed == 3 * 2


def test_a_wrong_result_of_a_host_function_is_a_type_error() -> None:
    wat = '(module (import "h" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))'
    with pytest.raises(TypeError):
        instance_of(wat, {"h": {"f": lambda: "no"}}).exports.g()
    with pytest.raises(ValueError, match="does not fit"):
        instance_of(wat, {"h": {"f": lambda: 2**40}}).exports.g()


# Bounds -------------------------------------------------------------------------------


@pytest.mark.parametrize("export", ["spin", "tree"])
def test_a_deadline_stops_loops_and_call_trees(export: str) -> None:
    instance = instance_of(FOREVER, deadline=0.1)
    began = time.monotonic()
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports[export]()
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert time.monotonic() - began < 5
    assert caught.value.frames
    assert instance.exports.id(5) == 5


def test_another_thread_cancels() -> None:
    instance = instance_of(FOREVER)
    timer = threading.Timer(0.1, instance.store.interrupt)
    timer.start()
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.spin()
    assert caught.value.resource is wasmpy.Resource.CANCELLED
    assert instance.exports.id(5) == 5


def test_a_cancellation_while_nothing_runs_stops_the_next_call_and_no_other() -> None:
    instance = instance_of(FOREVER)
    instance.store.interrupt()
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.spin(fuel=200_000)
    assert caught.value.resource is wasmpy.Resource.CANCELLED
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.spin(fuel=200_000)
    assert caught.value.resource is wasmpy.Resource.FUEL


def test_bounds_are_refused_where_the_store_has_its_own() -> None:
    with pytest.raises(ValueError, match="the store's"):
        instance_of(ADD, store=wasmpy.Store(), fuel=10)
    memory = wasmpy.Memory(wasmpy.Store(), wasmpy.MemType(SizeRange(1, None)))
    wat = '(module (import "a" "m" (memory 1)))'
    with pytest.raises(ValueError, match="the store's"):
        instance_of(wat, {"a": {"m": memory}}, limits=wasmpy.Limits(call_depth=3))
    with pytest.raises(ValueError, match="fuel"):
        wasmpy.Store(fuel=-1)


def test_a_second_thread_is_told_that_the_store_is_in_use() -> None:
    instance = instance_of(FOREVER)
    worker = threading.Thread(
        target=lambda: pytest.raises(wasmpy.Interrupted, instance.exports.spin)
    )
    worker.start()
    while not instance.exports.n.value:
        time.sleep(0.001)
    with pytest.raises(wasmpy.ConcurrencyError):
        instance.exports.id(1)
    instance.store.interrupt()
    worker.join(10)
    assert not worker.is_alive()
    assert instance.exports.id(1) == 1


def test_a_long_copy_is_interrupted_between_chunks() -> None:
    wat = """(module (memory (export "m") 512)
        (func (export "f") (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x2000000))))"""
    ticks = iter(range(100))
    store = wasmpy.Store(deadline=3, clock=lambda: next(ticks))
    instance = instance_of(wat, store=store)
    with pytest.raises(wasmpy.Interrupted):
        instance.exports.f()
    assert instance.exports.m[0] == 1
    assert instance.exports.m[-1] == 0


def test_the_recursion_limit_of_the_process_is_left_alone() -> None:
    wat = """(module (func $f (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0)))))"""
    before = sys.getrecursionlimit()
    f = instance_of(wat).exports.f
    assert f(9_999) == 9_999
    with pytest.raises(wasmpy.WasmTrap):
        f(10_000)
    assert sys.getrecursionlimit() == before


# Reset ----------------------------------------------------------------------------------

STATEFUL = """(module (memory (export "m") 1) (data (i32.const 100) "abc") (data $p "xyz")
    (global $g (export "g") (mut i64) (i64.const 4))
    (table (export "t") 2 funcref) (elem (i32.const 0) $f)
    (func $f (export "mess")
        (i32.store (i32.const 100) (i32.const -1))
        (i32.store (i32.const 60000) (i32.const -1))
        (global.set $g (i64.const 9))
        (drop (memory.grow (i32.const 3)))
        (i32.store (i32.const 200000) (i32.const -1))
        (drop (table.grow (ref.null func) (i32.const 2)))
        (table.set (i32.const 0) (ref.null func))
        (memory.init $p (i32.const 0) (i32.const 0) (i32.const 3))
        (data.drop $p)))"""


def test_reset_makes_an_instance_pristine() -> None:
    instance = instance_of(STATEFUL)
    exports = instance.exports
    for _ in range(3):
        assert exports.m[100:103] == b"abc"
        exports.mess()
        assert (len(exports.t), exports.g.value, exports.m.pages) == (4, 9, 4)
        instance.reset()
        assert len(exports.m) == 65_536
        assert exports.m[0:65_536] == bytes(100) + b"abc" + bytes(65_536 - 103)
        assert (exports.g.value, len(exports.t), exports.t[0]) == (4, 2, exports.mess)


def test_reset_after_a_start_function_restores_what_it_wrote() -> None:
    wat = """(module (memory (export "m") 2) (start $s)
        (func $s (i32.store (i32.const 70000) (i32.const 5)))
        (func (export "f") (i32.store (i32.const 70000) (i32.const 6))))"""
    instance = instance_of(wat)
    instance.exports.f()
    instance.reset()
    assert instance.exports.m.read_u32_le(70_000) == 5


def test_an_interrupted_instance_can_be_reset_and_used_again() -> None:
    instance = instance_of(FOREVER, fuel=1_000)
    with pytest.raises(wasmpy.Interrupted):
        instance.exports.spin()
    instance.store.fuel = 1_000
    instance.reset()
    assert instance.exports.n.value == 0
    assert instance.exports.id(3) == 3


def test_reset_is_refused_where_a_mutable_import_is_shared() -> None:
    store = wasmpy.Store()
    memory = wasmpy.Memory(store, wasmpy.MemType(SizeRange(1, None)))
    instance = instance_of('(module (import "a" "m" (memory 1)))', {"a": {"m": memory}})
    with pytest.raises(wasmpy.ResetError):
        instance.reset()


def test_reset_is_refused_while_the_instance_runs() -> None:
    def again() -> None:
        instance.reset()

    instance = instance_of(
        '(module (import "h" "f" (func $f)) (func (export "g") (call $f)))', {"h": {"f": again}}
    )
    with pytest.raises(wasmpy.ResetError):
        instance.exports.g()


def test_reset_tells_the_participants() -> None:
    told: List[int] = []
    instance = instance_of(ADD)
    instance.on_reset(lambda: told.append(1))
    instance.reset()
    assert told == [1]


# asyncio ------------------------------------------------------------------------------------


def test_a_coroutine_runs_on_the_callers_loop_while_the_guest_waits() -> None:
    async def main() -> Any:
        loop_thread = threading.get_ident()

        async def ask(n: int) -> int:
            await asyncio.sleep(0.01)
            assert threading.get_ident() == loop_thread
            return n * 2

        wat = """(module (import "h" "ask" (func $ask (param i32) (result i32)))
            (func (export "f") (param i32) (result i32) (call $ask (local.get 0))))"""
        instance = instance_of(wat, {"h": {"ask": ask}})
        return await instance.exports.f.call_async(21)

    assert asyncio.run(main()) == 42


def test_cancelling_the_task_interrupts_the_guest() -> None:
    async def main() -> Any:
        instance = instance_of(FOREVER)
        task = asyncio.ensure_future(instance.exports.spin.call_async())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return instance.exports.id(4)

    assert asyncio.run(main()) == 4


def test_cancelling_the_task_cancels_the_coroutine_that_the_guest_waits_for() -> None:
    async def main() -> Any:
        ended: List[str] = []

        async def ask() -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append("asked")

        wat = '(module (import "h" "ask" (func $a)) (func (export "f") (call $a)))'
        task = asyncio.ensure_future(instance_of(wat, {"h": {"ask": ask}}).exports.f.call_async())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(task), 20)
        return ended

    assert asyncio.run(main()) == ["asked"]


def test_a_second_task_is_told_that_the_store_is_in_use() -> None:
    async def main() -> Any:
        release = asyncio.Event()

        async def ask() -> int:
            await release.wait()
            return 7

        wat = """(module (import "h" "ask" (func $a (result i32)))
            (func (export "f") (result i32) (call $a)))"""
        f = instance_of(wat, {"h": {"ask": ask}}).exports.f
        first = asyncio.ensure_future(f.call_async())
        await asyncio.sleep(0.1)
        with pytest.raises(wasmpy.ConcurrencyError):
            await f.call_async()
        release.set()
        return await first

    assert asyncio.run(main()) == 7


def test_a_coroutine_in_a_synchronous_call_is_a_clear_error() -> None:
    async def ask() -> None: ...

    wat = '(module (import "h" "ask" (func $a)) (func (export "f") (call $a)))'
    with pytest.raises(TypeError, match="call_async"):
        instance_of(wat, {"h": {"ask": ask}}).exports.f()


# Memory ----------------------------------------------------------------------------------


def test_a_slice_is_a_copy_and_never_resizes() -> None:
    memory = wasmpy.Memory(wasmpy.Store(), wasmpy.MemType(SizeRange(1, 2)))
    before = memory[0:4]
    memory[0:4] = b"abcd"
    assert (before, memory[0:4]) == (bytes(4), b"abcd")
    with pytest.raises(ValueError, match="as many bytes"):
        memory[0:4] = b"abcde"
    with pytest.raises(IndexError):
        memory.write(65_535, b"ab")
    with pytest.raises(IndexError):
        memory.read_u32_le(65_533)
    with pytest.raises(IndexError):
        memory[65_536]
    assert len(memory) == 65_536


def test_a_host_global_is_shared_with_the_guest() -> None:
    store = wasmpy.Store()
    shared = wasmpy.Global(store, wasmpy.GlobalType(F32, True), 1.5)
    wat = """(module (import "h" "g" (global $g (mut f32)))
        (func (export "f") (global.set $g (f32.mul (global.get $g) (f32.const 2)))))"""
    instance_of(wat, {"h": {"g": shared}}).exports.f()
    assert shared.value == 3.0
    constant = wasmpy.Global(store, wasmpy.GlobalType(F32, False), 1.5)
    with pytest.raises(TypeError):
        constant.value = 2.0


def test_a_memory_that_begins_empty_grows_like_any_other() -> None:
    wat = """(module (memory (export "m") 0)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "f") (param i32) (result i32)
            (i32.store (local.get 0) (i32.const 7)) (i32.load (local.get 0))))"""
    for fusing in ("never", "always"):
        instance = instance_of(wat, store=wasmpy.Store(fusing=fusing))
        exports = instance.exports
        for _ in range(2):
            with pytest.raises(wasmpy.WasmTrap):
                exports.f(0)
            assert exports.grow(1) == 0
            assert exports.f(65_532) == 7
            assert exports.m.read_u32_le(65_532) == 7
            with pytest.raises(wasmpy.WasmTrap):
                exports.f(65_533)
            assert exports.grow(3_000) == 1
            assert exports.f(3_001 * 65_536 - 4) == 7
            instance.reset()
            assert len(exports.m) == 0


def test_the_tables_of_a_store_share_a_bound() -> None:
    limits = wasmpy.Limits(table_elements=100)
    wat = """(module (table (export "t") 60 funcref)
        (func (export "g") (param i32) (result i32)
            (table.grow (ref.null func) (local.get 0))))"""
    store = wasmpy.Store(limits)
    instance = instance_of(wat, store=store)
    assert [instance.exports.g(n) for n in (41, 40, 1)] == [-1, 60, -1]
    with pytest.raises(wasmpy.LinkError):
        instance_of(wat, store=store)
    instance.reset()
    assert len(instance.exports.t) == 60
    assert instance.exports.g(40) == 60


def test_long_table_operations_are_interrupted_between_chunks() -> None:
    wat = """(module (table $a 1000000 funcref) (table $b 1000000 funcref) (func $f)
        (elem declare func $f)
        (func (export "fill")
            (table.fill $a (i32.const 0) (ref.func $f) (i32.const 1000000)))
        (func (export "copy")
            (table.copy $a $b (i32.const 0) (i32.const 0) (i32.const 1000000)))
        (func (export "grow")
            (drop (table.grow $a (ref.null func) (i32.const 1000000)))))"""
    for name in ("fill", "copy", "grow"):
        ticks = iter(range(100))
        store = wasmpy.Store(deadline=6, clock=lambda ticks=ticks: next(ticks))
        instance = instance_of(wat, store=store)
        with pytest.raises(wasmpy.Interrupted):
            instance.exports[name]()


def test_a_module_of_syntax_runs_as_it_is() -> None:
    source = '(module $m (func (export "f") (param i32) (result i32) (i32.div_u (i32.const 6) (local.get 0))))'
    parsed = parse_module(source)
    module = wasmpy.Module.of_syntax(parsed)
    assert module.syntax is parsed
    assert (module.name, module.binary) == ("m", wasmpy.Module(source).binary)
    exports = module.instantiate().exports
    assert exports.f(2) == 3
    with pytest.raises(wasmpy.WasmTrap) as caught:
        exports.f(0)
    assert (caught.value.offset, caught.value.instr, caught.value.func) == (None, "i32.div_u", 0)
    with pytest.raises(wasmpy.InvalidError) as invalid:
        wasmpy.Module.of_syntax(parse_module("(module (func i32.add))"))
    assert (invalid.value.offset, invalid.value.pc) == (None, 0)
