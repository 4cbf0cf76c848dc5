"""The python tier against the reference tier: everything that can be seen is the same.

What belongs here: generated modules (``programs``) in both tiers, and programs
of a kind each of their own: fuel that ends anywhere, deep recursion, exceptions
of hosts.  What does not: the pieces of the tier (``test_python_pieces``).

``WASMPY_SEEDS=20000 WASMPY_FIRST_SEED=5000`` makes it a long run.
"""

from __future__ import annotations

import os
import random
import struct
import sys
from typing import Any, Dict, List, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wasmpy
from tests.tiers import programs
from tests.tiers.observed import (
    Rigid,
    Way,
    calls_of,
    difference,
    outcome,
    program_of,
    shown,
    way_of,
)
from tests.tiers.programs import FEATURES, Body, Program
from wasmpy.errors import TrapKind
from wasmpy.exec import store as exec_store
from wasmpy.tiers.pysource import source, tier
from wasmpy.tiers.pysource.structure import Structure, TooDeep

SEEDS = int(os.environ.get("WASMPY_SEEDS", "2000"))
FIRST = int(os.environ.get("WASMPY_FIRST_SEED", "0"))
BLOCKS = 24


class Never(Structure):
    """A form that takes nothing, so that functions are written flat."""

    def write(self, stacked: int = 0) -> Any:
        raise TooDeep


def flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "Structure", Never)


def sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices that end everywhere."""
    monkeypatch.setattr(exec_store, "SLICE", 13)
    monkeypatch.setattr(tier, "SLICE", 13)


def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is compiled soon, in the middle of what runs."""
    monkeypatch.setattr(exec_store, "SLICE", 37)
    monkeypatch.setattr(tier, "SLICE", 37)
    monkeypatch.setattr(tier, "WORTH", 0)
    monkeypatch.setattr(tier, "OFTEN", 1)


def as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changed."""


WAYS = {"structured": as_it_is, "flat": flat, "sliced": sliced, "auto": eager}


def disagreement(module: wasmpy.Module, calls: Any, way: Way, name: str = "python") -> str:
    """Where the tiers differ; nothing if they agree."""
    expected = outcome(module, calls, way, tier="reference", fusing="never")
    return difference(expected, outcome(module, calls, way, tier=name))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_generated_modules_agree(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(WAYS)
    for seed in range(FIRST + block, FIRST + SEEDS, BLOCKS):
        name = names[0] if seed % 2 else names[seed // 2 % len(names)]
        _, module = program_of(seed)
        numbers = random.Random(seed)
        calls, way = calls_of(numbers), way_of(numbers)
        expected = outcome(module, calls, way, tier="reference", fusing="never")
        with monkeypatch.context() as changed:
            WAYS[name](changed)
            found = outcome(module, calls, way, tier="auto" if name == "auto" else "python")
        assert difference(expected, found) == "", f"seed {seed}, {name}"


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_what_hypothesis_makes_agrees(numbers: random.Random) -> None:
    module = wasmpy.Module(Program(numbers, size=30).text, features=FEATURES)
    assert disagreement(module, calls_of(numbers), way_of(numbers)) == ""


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 12))
def test_fuel_that_ends_anywhere(seed: int) -> None:
    _, module = program_of(seed, size=25)
    calls = calls_of(random.Random(seed), count=1)
    ends = set()
    for fuel in range(0, 200, 1 if SEEDS > 2_000 or seed < FIRST + 3 else 7):
        expected = outcome(module, calls, Way(fuel), tier="reference", fusing="never")
        assert difference(expected, outcome(module, calls, Way(fuel), tier="python")) == "", fuel
        ends.add(str(expected[0][0]))
    assert ends


@pytest.mark.parametrize("block", range(6))
def test_loops_over_memory_agree_wherever_fuel_ends(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "STATEMENTS", [Body.idiom] * 4 + [Body.assign])
    for seed in range(FIRST + block, FIRST + max(60, SEEDS // 10), 6):
        numbers = random.Random(seed)
        module = wasmpy.Module(Program(numbers, size=8).text, features=FEATURES)
        calls = calls_of(numbers, count=1)
        for fuel in (None, 100_000, *[numbers.randrange(900) for _ in range(8)]):
            assert disagreement(module, calls, Way(fuel)) == "", f"seed {seed}, fuel {fuel}"


# Depth ------------------------------------------------------------------------------

DEEP = """(module $deep (type $t (func (param i32) (result i32)))
  (import "h" "note" (func $note (param i32)))
  (table $t funcref (elem $direct $indirect $reference $wide))
  (func $direct (export "direct") (type $t)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $direct (i32.sub (local.get 0) (i32.const 1)))))
      (else (call $note (i32.const 7)) (i32.const 0))))
  (func $indirect (export "indirect") (type $t)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1)
        (call_indirect $t (type $t) (i32.sub (local.get 0) (i32.const 1))
          (i32.rem_u (local.get 0) (i32.const 4)))))
      (else (i32.const 0))))
  (func $reference (export "reference") (type $t)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1)
        (call_ref $t (i32.sub (local.get 0) (i32.const 1)) (ref.func $wide))))
      (else (unreachable))))
  (func $wide (export "wide") (type $t) (local i64 i64 i64 i64 f64 f64 f64 f64 externref)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $reference (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func $hop (export "hop") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (return_call $hop (i32.sub (local.get 0) (i32.const 1))))
      (else (call $direct (i32.const 500))))))"""


def call_deep(name: str, n: int, limits: wasmpy.Limits, tier_name: str, fuel: Any = None) -> List[Any]:
    store = wasmpy.Store(limits=limits, tier=tier_name)
    notes: List[int] = []
    instance = wasmpy.Module(DEEP).instantiate({"h": {"note": notes.append}}, store=store)
    store.fuel = fuel
    seen: List[Any] = []
    for _ in range(2):
        try:
            seen.append(instance.exports[name](n))
        except wasmpy.WasmTrap as trap:
            seen += [trap.kind, trap.func, trap.offset, shown(trap.operands), trap.frames]
        except wasmpy.Interrupted as error:
            seen += [error.resource, error.frames]
        seen += [store.fuel_consumed, store.inst.depth]
    return [*seen, notes]


LIMITS: List[Tuple[Dict[str, int], int]] = [
    ({}, 900), ({}, 9_999), ({}, 10_000), ({}, 12_000), ({"call_depth": 40}, 39), ({"call_depth": 40}, 40),
    ({"call_depth": 30_000}, 25_000), ({"stack_slots": 4_000}, 300), ({"stack_slots": 4_000}, 900),
]  # fmt: skip


@pytest.mark.parametrize("name", ["direct", "indirect", "reference", "wide", "hop"])
@pytest.mark.parametrize(("limits", "n"), LIMITS, ids=str)
def test_recursion_to_any_depth(name: str, limits: Dict[str, int], n: int) -> None:
    before = sys.getrecursionlimit()
    for fuel in (None, 1_000_000, 20 * n):
        args = (name, n, wasmpy.Limits(**limits))
        assert call_deep(*args, "python", fuel) == call_deep(*args, "reference", fuel)
    assert sys.getrecursionlimit() == before


def test_recursion_where_the_host_is_deep_already() -> None:
    def below(n: int) -> Any:
        return below(n - 1) if n else call_deep("direct", 2_000, wasmpy.Limits(), "python")

    assert below(sys.getrecursionlimit() - 400) == call_deep("direct", 2_000, wasmpy.Limits(), "reference")


def test_recursion_under_a_high_limit_leaves_room_to_free_what_a_trap_passed() -> None:
    """Where the host has taken half of the C stack: a traceback is freed in one descent."""
    seen: List[Any] = []

    def below(n: int) -> int:
        if n:
            return max([n - 1], key=below)
        seen.append(call_deep("direct", 12_000, wasmpy.Limits(), "python"))
        return 0

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        below(100)
    finally:
        sys.setrecursionlimit(before)
    assert seen == [call_deep("direct", 12_000, wasmpy.Limits(), "reference")]


# Exceptions of hosts ------------------------------------------------------------------

HOST = """(module $m (import "h" "f" (func $f (param i32) (result i32)))
  (tag $e) (memory 1)
  (func $load (export "load") (param i32) (result i32) (i32.load (call $f (local.get 0))))
  (func $caught (export "caught") (param i32) (result i32)
    (block (try_table (catch_all 0) (return (call $load (local.get 0))))) (i32.const -1))
  (func (export "tail") (param i32) (result i32) (return_call $f (local.get 0)))
  (func (export "outer") (param i32) (result i32)
    (i32.store8 (i32.const 5) (call $caught (local.get 0))) (i32.load8_u (i32.const 5))))"""
ERRORS: List[BaseException] = [
    IndexError("mine"), struct.error("mine"), OverflowError("mine"), KeyboardInterrupt(), RecursionError(),
    SystemExit(3), Rigid(), ZeroDivisionError(), MemoryError(), StopIteration(), GeneratorExit(),
    wasmpy.WasmTrap(TrapKind.UNREACHABLE), TypeError("mine"),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("name", ["load", "caught", "tail", "outer"])
@pytest.mark.parametrize("fuel", [None, 1_000])
def test_what_a_host_raises_comes_out_untouched(error: BaseException, name: str, fuel: Any) -> None:
    frames = []
    for tier_name in ("reference", "python"):
        def fail(x: int) -> int:
            if isinstance(error, wasmpy.WasmTrap):
                raise wasmpy.WasmTrap(error.kind)
            if not isinstance(error, Rigid):
                vars(error).pop("wasm_frames", None)
            raise error

        module = wasmpy.Module(HOST)
        store = wasmpy.Store(tier=tier_name)
        instance = module.instantiate({"h": {"f": fail}}, store=store)
        store.fuel = fuel
        with pytest.raises(type(error)) as caught:
            instance.exports[name](4)
        if not isinstance(error, wasmpy.WasmTrap):
            assert caught.value is error
        assert caught.value.__cause__ is None
        frames.append(getattr(caught.value, "wasm_frames", getattr(caught.value, "frames", None)))
        assert store.inst.depth == (0, 0)
    assert frames[0] == frames[1]
    assert isinstance(error, Rigid) or frames[0]
