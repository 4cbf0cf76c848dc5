"""Calls, exceptions and fuel that cross from one tier to the other, in both directions.

What belongs here: programs of which some functions are compiled and some are
not, because they are cold, too long, or called for the first time; and what a
compiled function assumes of locals that only an exception carries out of a
``try_table``.  What does not: functions that a tier does not take (``test_fallback``).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest

import wasmpy
from wasmpy.errors import Resource

TIERS = ("python", "auto")
LONG = "nop " * 50_001
"""More than the tier takes in one function."""

RETRY = """(module (tag $e)
  (func (export "f") (param $go i32) (result i32) (local $x i32)
    (local.set $x (i32.const 5))
    (loop $l
      (if (i32.eqz (local.get $go)) (then (return (i32.add (local.get $x) (i32.const 1)))))
      (try_table (catch $e $l)
        (if (i32.eqz (local.get $go)) (then (return (i32.const 7))))
        (local.set $go (i32.const 0)) (local.set $x (i32.const 300)) (throw $e)))
    (unreachable)))"""

RETRY_OUTSIDE = """(module (tag $e)
  (func (export "f") (param $go i32) (result i32) (local $x i32)
    (local.set $x (i32.const 5))
    (loop $l
      (if (i32.eqz (local.get $go)) (then (return (i32.add (local.get $x) (i32.const 1)))))
      (block $h
        (try_table (catch $e $h)
          (if (i32.eqz (local.get $go)) (then (return (i32.const 7))))
          (local.set $go (i32.const 0)) (local.set $x (i32.const 300)) (throw $e)))
      (br $l))
    (unreachable)))"""

ENDLESS_INSIDE = """(module (tag $e)
  (func (export "f") (param $go i32) (result i32) (local $x i32) (local $n i32)
    (loop $l
      (if (i32.eqz (local.get $go)) (then (return (local.get $x))))
      (local.set $go (i32.sub (local.get $go) (i32.const 1)))
      (local.set $n (i32.const 0))
      (block $h
        (try_table (catch $e $h)
          (loop $inner
            (local.set $x (i32.add (local.get $x) (i32.const 10)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (if (i32.eq (local.get $n) (i32.const 3)) (then (throw $e)))
            (br $inner))))
      (br $l))
    (unreachable)))"""


def instance(text: str, tier: str, fuel: Any = None) -> Any:
    # A module of its own for each, so that nothing is compiled yet.
    store = wasmpy.Store(tier=tier, fuel=fuel)
    return wasmpy.Module(text).instantiate(store=store)


def told(call: Any, *args: Any, **bounds: Any) -> Tuple[Any, ...]:
    """What a call came to."""
    try:
        return ("returned", call(*args, **bounds))
    except wasmpy.WasmTrap as trap:
        return ("trapped", trap.kind)
    except wasmpy.Interrupted as stopped:
        return ("stopped", stopped.resource)


@pytest.mark.parametrize(
    ("text", "go", "expected"), [(RETRY, 1, 301), (RETRY_OUTSIDE, 1, 301), (ENDLESS_INSIDE, 2, 60)]
)
@pytest.mark.parametrize("tier", ["reference", *TIERS])
def test_what_is_written_in_a_try_that_only_an_exception_leaves(
    text: str, go: int, expected: int, tier: str
) -> None:
    exports = instance(text, tier).exports
    for _ in range(300):
        assert exports.f(go) == expected


TAILS = """(module (func $f (export "f") (param i32) (result i32)
  (if (i32.eq (local.get 0) (i32.const -1)) (then (return_call $f (i32.const 0))))
  (if (result i32) (local.get 0)
    (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
    (else (i32.const 0)))))"""

UNTAKEN = f"""(module
  (func $a (export "a") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    (return (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1))))) {LONG})
  (func $f (export "f") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    (i32.add (i32.const 1) (call $a (i32.sub (local.get 0) (i32.const 1))))))"""


@pytest.mark.fallbacks
@pytest.mark.parametrize("text", [TAILS, UNTAKEN], ids=["tail calls", "a function that is not taken"])
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("n", [150, 600, 2_000, 12_000])
def test_deep_recursion_goes_on_whatever_is_between(text: str, tier: str, n: int) -> None:
    expected, same = instance(text, "reference", 10**8), instance(text, tier, 10**8)
    for _ in range(2):
        assert told(same.exports.f, n) == told(expected.exports.f, n)
        assert same.store.fuel_consumed == expected.store.fuel_consumed


def cold(count: int) -> str:
    """A hot function that calls ``count`` cold ones through a table, which call it back."""
    names = " ".join(f"$a{i}" for i in range(count))
    callees = "".join(
        f"(func $a{i} (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))"
        " (i32.add (i32.const 1) (call $b (i32.sub (local.get 0) (i32.const 1)))))"
        for i in range(count)
    )
    return f"""(module (type $t (func (param i32) (result i32))) (table funcref (elem {names})) {callees}
      (func $b (export "f") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (i32.add (i32.const 1) (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1))
          (i32.rem_u (local.get 0) (i32.const {count})))))
      (func (export "warm") (local i32)
        (loop (drop (call $b (i32.const 0)))
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 30000))))))"""


def test_recursion_from_hot_to_cold_functions_and_back() -> None:
    exports = instance(cold(12), "auto").exports
    exports.warm()
    assert [exports.f(600), exports.f(600)] == [600, 600]


@pytest.mark.parametrize("count", [450, 700, 1_200])
@pytest.mark.parametrize("tier", TIERS)
def test_a_long_chain_of_functions_each_called_for_the_first_time(count: int, tier: str) -> None:
    chain = "".join(
        f'(func $f{i} (export "e{i}") (param i32) (result i32) (i32.add (i32.const 1) (call $f{i + 1} (local.get 0))))'
        for i in range(count)
    )
    module = wasmpy.Module(f"(module {chain} (func $f{count} (param i32) (result i32) (local.get 0)))")
    before = module.instantiate(store=wasmpy.Store(tier=tier)).exports
    for i in reversed(range(count)):
        before[f"e{i}"](0)
    fresh = module.instantiate(store=wasmpy.Store(tier=tier)).exports
    assert [fresh.e0(0), fresh.e0(0)] == [count, count]


def catching(throwing: str) -> str:
    """``b`` catches what ``t`` throws after 100 units of fuel, and goes on for 350 more."""
    return f"""(module (tag $e) (global $n (export "n") (mut i32) (i32.const 0))
      (func $t (export "t") (local i32)
        (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 20))))
        (throw $e) {throwing})
      (func $b (export "b") (local i32)
        (block $h (try_table (catch $e $h) (call $t)))
        (loop (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 50))))))"""


@pytest.mark.fallbacks
@pytest.mark.parametrize("fuel", [50, 104, 150, 200, 300, 400, 500])
@pytest.mark.parametrize("tier", TIERS)
def test_an_exception_from_a_function_that_is_not_taken_brings_no_fuel_along(fuel: int, tier: str) -> None:
    found: Dict[str, List[Any]] = {}
    for each in ("reference", tier):
        guest = instance(catching(LONG), each, fuel)
        found[each] = [told(guest.exports.b), guest.store.fuel_consumed, guest.exports.n.value]
    assert found[tier] == found["reference"]
    if fuel <= 400:
        assert found[tier][0] == ("stopped", Resource.FUEL)


@pytest.mark.parametrize("fuel", [50, 150, 200, 300])
@pytest.mark.parametrize("tier", ["reference", *TIERS])
def test_an_exception_through_a_host_function_brings_no_fuel_along(fuel: int, tier: str) -> None:
    text = catching("").replace('(tag $e)', '(import "h" "f" (func $host)) (tag $e)').replace("(call $t)", "(call $host)")
    store = wasmpy.Store(tier=tier, fuel=fuel)
    box: Dict[str, Any] = {}
    module = wasmpy.Module(text)
    box["guest"] = guest = module.instantiate({"h": {"f": lambda: box["guest"].exports.t()}}, store=store)
    assert told(guest.exports.b) == ("stopped", Resource.FUEL)
    assert fuel <= store.fuel_consumed <= fuel + 20


@pytest.mark.parametrize("tier", ["reference", *TIERS])
def test_a_cancellation_between_two_calls_stops_the_next_one(tier: str) -> None:
    guest = instance('(module (func (export "f") (result i32) (i32.const 7)))', tier)
    assert guest.exports.f() == 7
    guest.store.interrupt()
    assert told(guest.exports.f) == ("stopped", Resource.CANCELLED)
    assert told(guest.exports.f) == ("returned", 7)
    guest.store.interrupt()
    guest.store.clear_interrupt()
    assert told(guest.exports.f) == ("returned", 7)
