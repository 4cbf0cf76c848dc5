"""Mutated modules are rejected or run; nothing but our own errors comes out.

What belongs here: modules with every part of 3.0 in them, their bytes changed, decoded,
validated, instantiated and called within bounds.
"""

from __future__ import annotations

from typing import Any, List

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wasmpy
from wasmpy.errors import InternalError

LIMITS = wasmpy.Limits(
    call_depth=200, memory_pages=64, table_elements=10_000, gc_objects=10_000, gc_bytes=1 << 20
)
SEEDS = [
    """(module (memory 1) (data (i32.const 8) "abcdef") (table 4 funcref) (elem (i32.const 0) $f $g)
        (global $n (mut i32) (i32.const 3)) (type $t (func (param i32) (result i32)))
        (func $f (export "f") (param i32) (result i32) (local i64)
            (loop (local.set 1 (i64.load (local.get 0)))
                (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
                    (i32.const 9))))
            (call_indirect (type $t) (local.get 0) (i32.and (local.get 0) (i32.const 1))))
        (func $g (export "g") (param i32) (result i32)
            (if (result i32) (global.get $n) (then (i32.div_u (i32.const 9) (local.get 0)))
                (else (memory.grow (local.get 0))))))""",
    """(module (type $p (sub (struct (field i8) (field (mut i64)))))
        (type $q (sub $p (struct (field i8) (field (mut i64)) (field (ref null $p)))))
        (type $a (array (mut i16))) (data $d "0123456789")
        (func (export "f") (param i32) (result i32) (local $r (ref null $p))
            (local.set $r (struct.new $q (local.get 0) (i64.const 7) (ref.null $p)))
            (drop (array.new_data $a $d (i32.const 1) (i32.const 3)))
            (struct.set $p 1 (local.get $r) (i64.const 5))
            (block (result (ref $q)) (br_on_cast 0 (ref null $p) (ref $q) (local.get $r))
                (unreachable)) (struct.get_s $q 0)
            (i31.get_u (ref.i31 (local.get 0))) (i32.add)
            (array.len (array.new $a (i32.const 1) (local.get 0))) (i32.add)))""",
    """(module (tag $e (param i32)) (memory i64 1)
        (func $t (param i32) (throw $e (local.get 0)))
        (func (export "f") (param i32) (result i32)
            (block $h (result i32) (try_table (catch $e $h) (call $t (local.get 0))) (i32.const 2)))
        (func $loop (export "g") (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
            (return_call $loop (i32.sub (local.get 0) (i32.const 1))))
        (func (export "v") (param v128) (result v128)
            (v128.store (i64.const 16) (i8x16.add (local.get 0) (v128.const i32x4 1 2 3 4)))
            (i8x16.shuffle 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31
                (v128.load (i64.const 16)) (f32x4.mul (local.get 0) (local.get 0)))))""",
]
BINARIES = [wasmpy.Module(seed).binary for seed in SEEDS]
ZERO = {"i32": 1, "i64": 1, "f32": 1.0, "f64": 1.0, "v128": bytes(range(16))}


def run(binary: bytes) -> str:
    """How far a module comes: ``rejected``, ``unlinked`` or ``run``."""
    try:
        module = wasmpy.Module(binary, limits=LIMITS)
    except (wasmpy.MalformedError, wasmpy.InvalidError):
        return "rejected"
    store = wasmpy.Store(LIMITS, fuel=20_000, deadline=20)
    try:
        instance = module.instantiate(store=store)
    except InternalError:
        raise
    except wasmpy.WasmError:
        return "unlinked"
    for name in instance.exports:
        item: Any = instance.exports[name]
        if isinstance(item, wasmpy.Func):
            try:
                item(*[ZERO.get(str(t)) for t in item.type.params])
            except InternalError:
                raise
            except wasmpy.WasmError:
                continue
            except TypeError:  # null where a reference must not be
                continue
    return "run"


@pytest.mark.parametrize("binary", BINARIES, ids=["2.0", "gc", "exceptions-tail-simd"])
def test_the_seeds_run(binary: bytes) -> None:
    assert run(binary) == "run"


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_bytes_are_rejected_or_run(data: st.DataObject) -> None:
    binary = bytearray(data.draw(st.sampled_from(BINARIES)))
    for _ in range(data.draw(st.integers(1, 3))):
        binary[data.draw(st.integers(8, len(binary) - 1))] = data.draw(st.integers(0, 255))
    assert run(bytes(binary)) in ("rejected", "unlinked", "run")


def test_every_byte_changed_alone() -> None:
    outcomes: List[str] = []
    for binary in BINARIES:
        for at in range(8, len(binary)):
            for change in (1, 0x40, 0x80):
                changed = bytearray(binary)
                changed[at] ^= change
                outcomes.append(run(bytes(changed)))
    assert set(outcomes) >= {"rejected", "run"}
