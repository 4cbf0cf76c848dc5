"""Atomic instructions: their traps, and waiting and waking between Python threads."""

from __future__ import annotations

import threading
import time
from typing import Any, List

import pytest

import wasmpy
from tests.unit.ways import WAYS
from wasmpy.api.threads import SLICE
from wasmpy.config import Features

FUSING = tuple(WAYS)
WAT = """(module
  (memory (export "m") {memory})
  (func (export "load") (param i32) (result i32) (i32.atomic.load offset=4 (local.get 0)))
  (func (export "store") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
  (func (export "add16") (param i32 i64) (result i64)
    (i64.atomic.rmw16.add_u (local.get 0) (local.get 1)))
  (func (export "cas") (param i32 i32 i32) (result i32)
    (i32.atomic.rmw.cmpxchg (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32)
    (memory.atomic.notify (local.get 0) (local.get 1)))
  (func (export "count") (param i32)
    (loop (atomic.fence)
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"""
SHARED = WAT.format(memory="1 2 shared")
OWN = WAT.format(memory="1")
IMPORTING = SHARED.replace('(memory (export "m") 1', '(memory (import "env" "m") 1')


def module_of(wat: str) -> wasmpy.Module:
    return wasmpy.Module(wat, features=Features.ALL)


def instance_of(wat: str, **store: Any) -> wasmpy.Instance:
    return module_of(wat).instantiate(store=wasmpy.Store(**store))


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize("wat", [SHARED, OWN], ids=["shared", "own"])
def test_what_the_operations_do(wat: str, fusing: str) -> None:
    e = instance_of(wat, **WAYS[fusing]).exports
    e.store(8, -2)
    assert e.load(4) == -2
    assert e.add16(8, 3) == 0xFFFE
    assert e.load(4) == -65535
    assert (e.cas(8, 0, 5), e.load(4)) == (-65535, -65535)
    assert (e.cas(8, -65535, 5), e.load(4)) == (-65535, 5)
    assert e.notify(0, 1) == 0


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize(
    ("name", "args", "kind", "address", "width"),
    [
        ("load", (1,), "HEAP_MISALIGNED", 5, 4),
        ("load", (65532,), "MEMORY_OUT_OF_BOUNDS", 65536, 4),
        ("add16", (7, 1), "HEAP_MISALIGNED", 7, 2),
        ("cas", (2, 0, 0), "HEAP_MISALIGNED", 2, 4),
        ("notify", (3, 0), "HEAP_MISALIGNED", 3, 4),
        ("notify", (65536, 0), "MEMORY_OUT_OF_BOUNDS", 65536, 4),
        ("wait", (0, 0, 0), "ATOMIC_WAIT_NON_SHARED_MEMORY", 0, 4),
    ],
)
def test_traps(name: str, args: Any, kind: str, address: int, width: int, fusing: str) -> None:
    instance = instance_of(OWN, **WAYS[fusing])
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports[name](*args)
    trap = caught.value
    assert trap.kind is wasmpy.TrapKind[kind]
    assert (trap.address, trap.width, trap.size) == (address, width, 65536)
    assert trap.operands == args


def test_a_wait_for_another_value_does_not_wait() -> None:
    assert instance_of(SHARED).exports.wait(0, 1, -1) == 1


def test_a_wait_ends_when_its_time_is_over() -> None:
    instance = instance_of(SHARED)
    assert instance.exports.wait(0, 0, 1_000_000) == 2
    assert instance.exports.notify(0, 1) == 0


def test_a_wait_can_be_interrupted() -> None:
    instance = instance_of(SHARED)
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.wait(0, 0, -1, deadline=0.05)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert instance.exports.notify(0, 1) == 0


def cancelled_after(seconds: float) -> float:
    """How long a wait for ever goes on after another thread cancels it."""
    instance = instance_of(SHARED)
    ended: List[float] = []

    def wait() -> None:
        with pytest.raises(wasmpy.Interrupted) as caught:
            instance.exports.wait(0, 0, -1)
        ended.append(time.monotonic())
        assert caught.value.resource is wasmpy.Resource.CANCELLED

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(seconds)
    start = time.monotonic()
    instance.store.interrupt()
    thread.join(20)
    assert not thread.is_alive()
    assert instance.exports.notify(0, 1) == 0
    return ended[0] - start


def test_a_wait_without_a_time_is_cancelled_from_another_thread_at_once() -> None:
    # A machine that does other things may hold a thread up: once in a few tries is enough.
    assert min(cancelled_after(0.01 + 0.003 * i) for i in range(7)) < 0.05
    assert 2 * SLICE <= 0.05


def test_a_wait_without_a_time_is_not_ended_by_fuel() -> None:
    instance = instance_of(SHARED, fuel=1_000)
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.wait(0, 0, -1, deadline=0.1)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert instance.store.fuel_consumed < 10


class Threads:
    """Instances of one module in several threads, each with a store, around one memory."""

    def __init__(self, count: int) -> None:
        self.main = instance_of(SHARED)
        shared = {"env": {"m": self.main.exports.m}}
        module = module_of(IMPORTING)
        self.others = [module.instantiate(shared, store=wasmpy.Store()) for _ in range(count)]
        self.answers: List[Any] = []

    def run(self, name: str, *args: int) -> List[threading.Thread]:
        """Call an export of every other instance, each in a thread."""

        def call(instance: wasmpy.Instance) -> None:
            self.answers.append(instance.exports[name](*args))

        threads = [threading.Thread(target=call, args=(i,)) for i in self.others]
        for thread in threads:
            thread.start()
        return threads


def test_threads_wait_and_are_woken() -> None:
    threads = Threads(3)
    running = threads.run("wait", 16, 0, -1)
    notify = threads.main.exports.notify
    woken = 0
    end = time.monotonic() + 20
    while woken < 3 and time.monotonic() < end:
        woken += notify(16, 2)
    for thread in running:
        thread.join(20)
    assert threads.answers == [0, 0, 0]
    assert woken == 3
    assert notify(16, 9) == 0


def test_an_atomic_addition_loses_nothing() -> None:
    threads = Threads(3)
    for thread in threads.run("count", 2_000):
        thread.join(60)
    assert threads.main.exports.m.read_u32_le(0) == 6_000


def test_only_a_shared_memory_may_be_in_two_stores() -> None:
    own = instance_of(OWN)
    module = module_of(OWN.replace('(memory (export "m") 1', '(memory (import "env" "m") 1'))
    with pytest.raises(ValueError, match="another store"):
        module.instantiate({"env": {"m": own.exports.m}}, store=wasmpy.Store())


@pytest.mark.parametrize("align", [1, 2, 8])
def test_the_alignment_must_be_the_natural_one(align: int) -> None:
    wat = f"(module (memory 1) (func (drop (i32.atomic.load align={align} (i32.const 0)))))"
    with pytest.raises(wasmpy.InvalidError) as caught:
        module_of(wat)
    assert caught.value.rule == "i32.atomic.load"


def test_without_the_feature_the_opcode_is_refused_by_name() -> None:
    with pytest.raises(wasmpy.MalformedError, match="threads"):
        wasmpy.Module("(module (func (atomic.fence)))")
