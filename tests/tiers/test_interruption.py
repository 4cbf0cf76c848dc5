"""Interruption in every tier: a deadline and a cancellation end whatever runs, and soon.

What belongs here: what ends, and that the instance can be reset and used
again.  How soon is measured in ``benchmarks/RESULTS.md``; the bound here is
wide, for the machine may be busy.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Tuple

import pytest

import wasmpy

SOON = 15.0

WAT = """(module
  (import "env" "nothing" (func $nothing))
  (memory (export "m") 300)
  (table $t 10 1000000 funcref)
  (global $n (mut i32) (i32.const 0))
  (func (export "loop") (global.set $n (i32.const 1)) (loop (br 0)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "fill")
    (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 19000000)) (br 0)))
  (func (export "copy")
    (loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 19000000)) (br 0)))
  (func (export "scan") (local $i i32)
    (loop $again
      (local.set $i (i32.const 0))
      (loop $bytes
        (i32.store8 (local.get $i) (i32.const 7))
        (br_if $bytes (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 19000000))))
      (br $again)))
  (func $one (result i32) (return_call $other))
  (func $other (export "tail") (result i32) (return_call $one))
  (func (export "host") (loop (call $nothing) (br 0)))
  (func (export "global") (result i32) (global.get $n)))"""

CALLS: Tuple[Tuple[str, Tuple[int, ...]], ...] = (
    ("loop", ()), ("fib", (60,)), ("fill", ()), ("copy", ()), ("scan", ()), ("tail", ()),
    ("host", ()),
)  # fmt: skip


def instance(tier: str) -> wasmpy.Instance:
    module = wasmpy.Module(WAT)
    imports = {"env": {"nothing": lambda: None}}
    guest = module.instantiate(imports, store=wasmpy.Store(tier=tier))
    assert guest.exports["global"]() == 0  # loads the compiler, which may take as long as a deadline here
    return guest


def check_usable(guest: wasmpy.Instance) -> None:
    """Reset, the instance is what it was, and runs."""
    guest.reset()
    assert guest.exports["global"]() == 0
    assert guest.exports.fib(10) == 55
    assert guest.exports.m[:4] == bytes(4)


@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
@pytest.mark.parametrize(("name", "args"), CALLS)
def test_a_deadline_ends_it(name: str, args: Any, tier: str) -> None:
    guest = instance(tier)
    begin = time.monotonic()
    with pytest.raises(wasmpy.Interrupted) as caught:
        guest.exports[name](*args, deadline=0.1)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert 0.1 <= time.monotonic() - begin < SOON
    assert caught.value.frames[-1].name in (None, "fib", "other", "one")
    check_usable(guest)


@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
@pytest.mark.parametrize(("name", "args"), CALLS)
def test_a_cancellation_from_another_thread_ends_it(name: str, args: Any, tier: str) -> None:
    guest = instance(tier)
    timer = threading.Timer(0.1, guest.store.interrupt)
    timer.start()
    begin = time.monotonic()
    with pytest.raises(wasmpy.Interrupted) as caught:
        guest.exports[name](*args)
    assert caught.value.resource is wasmpy.Resource.CANCELLED
    assert time.monotonic() - begin < SOON
    timer.join()
    check_usable(guest)


@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
def test_a_clock_of_the_embedders_is_polled(tier: str) -> None:
    now = iter(range(1_000_000))
    guest = wasmpy.Module(WAT).instantiate(
        {"env": {"nothing": lambda: None}},
        store=wasmpy.Store(tier=tier, clock=lambda: float(next(now))),
    )
    with pytest.raises(wasmpy.Interrupted) as caught:
        guest.exports.loop(deadline=100.0)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert next(now) >= 100


@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
def test_an_inner_call_with_a_deadline_of_its_own_does_not_end_the_outer_one(tier: str) -> None:
    ended = []

    def again() -> None:
        if not ended:
            with pytest.raises(wasmpy.Interrupted):
                guest.exports.loop(deadline=0.05)
            ended.append(True)

    module = wasmpy.Module(
        """(module (import "env" "again" (func $again))
          (func (export "loop") (loop (br 0)))
          (func (export "f") (result i32) (call $again) (call $again) (i32.const 7)))"""
    )
    guest = module.instantiate({"env": {"again": again}}, store=wasmpy.Store(tier=tier))
    assert guest.exports.f(deadline=30.0) == 7
    assert ended == [True]
