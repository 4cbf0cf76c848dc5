"""Long bulk operations on arrays and tables: chunk by chunk, with a look at the interruption flag after each."""

from __future__ import annotations

import gc
from typing import Any, List

import pytest

import wasmpy
from wasmpy.config import Features
from wasmpy.errors import Interrupted, Resource
from wasmpy.exec import heap, table
from wasmpy.exec.heap import I31

CHUNK = 256
SIZE = 3 * CHUNK + 5
CHUNKS = 4
SOURCE = """(module
(type $bytes (array (mut i8))) (type $refs (array (mut anyref)))
(data $d "{data}") (elem $e anyref {items})
(global $b (export "b") (ref $bytes) (array.new_default $bytes (i32.const {n})))
(global $r (export "r") (ref $refs) (array.new_default $refs (i32.const {n})))
(table $t (export "t") {n} anyref)
(func (export "new") (drop (array.new $bytes (i32.const 7) (i32.const {n}))))
(func (export "new_default") (drop (array.new_default $refs (i32.const {n}))))
(func (export "new_data") (drop (array.new_data $bytes $d (i32.const 0) (i32.const {n}))))
(func (export "new_elem") (drop (array.new_elem $refs $e (i32.const 0) (i32.const {n}))))
(func (export "fill_bytes")
  (array.fill $bytes (global.get $b) (i32.const 0) (i32.const 7) (i32.const {n})))
(func (export "fill_refs")
  (array.fill $refs (global.get $r) (i32.const 0) (ref.i31 (i32.const 7)) (i32.const {n})))
(func (export "copy") (array.copy $refs $refs (global.get $r) (i32.const 0)
  (array.new_elem $refs $e (i32.const 0) (i32.const {n})) (i32.const 0) (i32.const {n})))
(func (export "init_data")
  (array.init_data $bytes $d (global.get $b) (i32.const 0) (i32.const 0) (i32.const {n})))
(func (export "init_elem")
  (array.init_elem $refs $e (global.get $r) (i32.const 0) (i32.const 0) (i32.const {n})))
(func (export "table_init") (table.init $t $e (i32.const 0) (i32.const 0) (i32.const {n})))
(func (export "move") (param i32 i32 i32)
  (array.copy $bytes $bytes
    (global.get $b) (local.get 0) (global.get $b) (local.get 1) (local.get 2))))"""

NEW = ("new", "new_default", "new_data", "new_elem")
WRITE = {"fill_bytes": "b", "init_data": "b", "fill_refs": "r", "copy": "r", "init_elem": "r", "table_init": "t"}
"""What each operation writes to."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in (heap, table):
        assert part.CHUNK == 1 << 16
        monkeypatch.setattr(part, "CHUNK", CHUNK)


@pytest.fixture(scope="module")
def module() -> wasmpy.Module:
    source = SOURCE.format(n=SIZE, data="\\07" * SIZE, items="(item (ref.i31 (i32.const 7)))" * SIZE)
    return wasmpy.Module(source, features=Features.WASM3)


class Clock:
    """A clock that goes on by one with each look at it."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def looks(self, function: Any, *args: int) -> int:
        """How often a call looks at the clock."""
        before = self.now
        function(*args, deadline=10**9)
        return self.now - before


def elements(exports: Any, name: str) -> List[Any]:
    """The raw elements of an exported array or table."""
    item = exports[name]
    found = item.inst.elems if name == "t" else item.value.inst.fields
    return list(found)


@pytest.mark.parametrize("name", [*NEW, *WRITE])
def test_a_long_operation_is_interrupted_between_chunks(module: wasmpy.Module, name: str) -> None:
    clock = Clock()
    store = wasmpy.Store(clock=clock)
    exports = module.instantiate(store=store).exports
    whole = clock.looks(exports[name])
    assert whole > CHUNKS
    gc.collect()
    objects, size = store.inst.heap.objects, store.inst.heap.bytes
    fresh = module.instantiate(store=store).exports
    with pytest.raises(Interrupted) as caught:
        # The last look is the one after the last chunk: this ends at the one after the second.
        fresh[name](deadline=whole - CHUNKS + 1)
    assert caught.value.resource is Resource.DEADLINE
    if name in WRITE:
        found = elements(fresh, WRITE[name])
        seven, nothing = (7, 0) if WRITE[name] == "b" else (I31(7), None)
        assert found == [seven] * (2 * CHUNK) + [nothing] * (SIZE - 2 * CHUNK)
        assert elements(exports, WRITE[name]) == [seven] * SIZE
    del caught, fresh
    gc.collect()
    gc.collect()
    assert store.inst.heap.objects <= objects + 2
    assert store.inst.heap.bytes <= 2 * size


@pytest.mark.parametrize(("to", "source"), [(0, 1), (1, 0), (0, CHUNK + 3), (CHUNK + 3, 0), (5, 5), (2, CHUNK - 1)])
def test_a_long_copy_within_an_array_may_overlap(module: wasmpy.Module, to: int, source: int) -> None:
    exports = module.instantiate().exports
    array = exports.b.value.inst.fields
    array[:] = bytes(i * 7 % 251 for i in range(SIZE))
    count = SIZE - max(to, source)
    expected = array[:]
    expected[to : to + count] = expected[source : source + count]
    exports.move(to, source, count)
    assert array == expected


def test_a_short_operation_looks_at_nothing(module: wasmpy.Module) -> None:
    clock = Clock()
    exports = module.instantiate(store=wasmpy.Store(clock=clock)).exports
    exports.move(0, 0, 0)
    least = clock.looks(exports.move, 0, 1, 0)
    assert [clock.looks(exports.move, 0, 1, n) - least for n in (CHUNK, CHUNK + 1, SIZE - 1)] == [0, 2, CHUNKS]
