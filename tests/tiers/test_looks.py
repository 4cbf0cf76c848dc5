"""How much is done between two looks at the interruption flag, counted and not timed.

What belongs here: that loops, calls, bulk operations, searches that run ahead, the
writing of text and the fusing of runs look at the flag after a bounded amount of work, in every tier.  It is this
that bounds how late a deadline or a cancellation comes; in milliseconds it is in
``benchmarks/RESULTS.md``.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

import pytest

import wasmpy
from wasmpy.errors import Resource
from wasmpy.exec import fuse, heap, layout, memory, table
from wasmpy.exec.interp import code_of
from wasmpy.exec.store import SLICE
from wasmpy.tiers.pysource import idioms
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.warm import functions_of

FORMS = ("reference", "direct", "metered")
"""The interpreter, and both forms of the python tier."""

MIB = 1 << 20

WAT = """(module
  (import "env" "tick" (func $tick))
  (type $array (array (mut i32)))
  (memory (export "m") 320)
  (table (export "t") 1000000 funcref)
  (func $turn (export "turn") (loop (call $tick) (br 0)))
  (func $down (export "down") (param i32) (call $tick)
    (if (local.get 0) (then
      (call $down (i32.sub (local.get 0) (i32.const 1)))
      (call $down (i32.sub (local.get 0) (i32.const 1))))))
  (func $tail (export "tail") (call $tick) (return_call $tail))
  (func (export "spin") (loop (br 0)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "count") (param i32)
    (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "scan") (local $i i32)
    (loop $bytes
      (i32.store8 (local.get $i) (i32.const 7))
      (br_if $bytes (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 19000000)))))
  (func (export "memory.fill") (memory.fill (i32.const 0) (i32.const 7) (i32.const 10485760)))
  (func (export "memory.copy")
    (memory.copy (i32.const 10485760) (i32.const 0) (i32.const 10485760)))
  (func (export "memory.copy back")
    (memory.copy (i32.const 1) (i32.const 0) (i32.const 10485760)))
  (func $none) (elem declare func $none)
  (func (export "table.fill") (table.fill (i32.const 0) (ref.func $none) (i32.const 1000000)))
  (func (export "table.copy") (table.copy (i32.const 1) (i32.const 0) (i32.const 999999)))
  (func (export "table.grow") (drop (table.grow (ref.func $none) (i32.const 1000000))))
  (func (export "array.new") (drop (array.new $array (i32.const 1) (i32.const 1000000))))
  (func (export "array.fill") (local (ref null $array))
    (local.set 0 (array.new_default $array (i32.const 1000000)))
    (array.fill $array (local.get 0) (i32.const 0) (i32.const 7) (i32.const 1000000)))
  (func (export "array.copy") (local (ref null $array))
    (local.set 0 (array.new_default $array (i32.const 1000000)))
    (array.copy $array $array
      (local.get 0) (i32.const 1) (local.get 0) (i32.const 0) (i32.const 999999))))"""

MODULE = wasmpy.Module(WAT)


class Watched:
    """An instance of which every look at the flag calls ``looked``.

    In the form that reads a flag that is always set, so that each reading of it looks.
    """

    def __init__(
        self, form: str, looked: Callable[[], None], tick: Callable[[], None] = lambda: None
    ) -> None:
        tier = "reference" if form == "reference" else "python"
        self.store = wasmpy.Store(tier=tier, fuel=None if form == "direct" else 10**12)
        self.meter = self.store.inst.meter
        self.meter.watched = form == "direct"
        instance = MODULE.instantiate({"env": {"tick": tick}}, store=self.store)
        self.memory, self.exports = instance.exports["m"], instance.exports

        def look() -> None:
            looked()
            if form == "direct":
                assert self.meter.alarm is not None
                self.meter.alarm()

        self.meter.poll = look
        if form == "direct":
            assert self.meter.alarm is not None
            self.meter.alarm()

    def stop(self) -> None:
        """Ask it to end, at the next look."""
        self.meter.request(Resource.CANCELLED)


# Loops and calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["reference", "metered"])
@pytest.mark.parametrize("name", ["spin", "fib", "scan"])
def test_no_more_than_a_slice_of_fuel_is_spent_between_two_looks(name: str, form: str) -> None:
    """What is counted is a loop's turn, or what stands between two calls, beyond the slice."""
    spent: List[int] = []

    def looked() -> None:
        spent.append(guest.store.fuel_consumed)
        if len(spent) == 100:
            guest.stop()

    guest = Watched(form, looked)
    with pytest.raises(wasmpy.Interrupted):
        guest.exports[name](*[40] * (name == "fib"))
    assert len(spent) >= 100
    assert max(b - a for a, b in zip([0, *spent], spent)) <= SLICE + 20


@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
@pytest.mark.parametrize("fuel", [None, 10**12])
@pytest.mark.parametrize("name", ["turn", "down", "tail"])
def test_a_cancellation_is_noticed_within_a_slice(
    name: str, fuel: Optional[int], tier: str
) -> None:
    """Turns of a loop, and calls, that begin after it: at least three instructions each."""
    ticks = [0]

    def tick() -> None:
        ticks[0] += 1
        if ticks[0] == 50:
            store.interrupt()

    store = wasmpy.Store(tier=tier, fuel=fuel)
    exports = MODULE.instantiate({"env": {"tick": tick}}, store=store).exports
    with pytest.raises(wasmpy.Interrupted) as caught:
        exports[name](*[40] * (name == "down"))
    assert caught.value.resource is Resource.CANCELLED
    assert ticks[0] <= 50 + SLICE // 2 + 1
    if tier == "python" and fuel is None and not wasmpy.api.store._POLLS:
        assert ticks[0] == 50, "a flag that is read each time is noticed at once"


def test_the_form_that_reads_a_flag_reads_it_in_each_turn_and_each_call() -> None:
    looks = [0]

    def looked() -> None:
        looks[0] += 1

    guest = Watched("direct", looked)
    guest.exports["count"](5_000)
    assert looks[0] >= 5_000
    looks[0] = 0
    assert guest.exports.fib(14) == 377
    assert looks[0] >= 1_219, "the calls of fib(14)"


# Bulk operations ----------------------------------------------------------------------------------

BULK: Tuple[Tuple[str, int, int], ...] = (
    ("memory.fill", 10 * MIB, memory.CHUNK), ("memory.copy", 10 * MIB, memory.CHUNK),
    ("memory.copy back", 10 * MIB, memory.CHUNK), ("table.fill", 1_000_000, table.CHUNK),
    ("table.copy", 999_999, table.CHUNK), ("table.grow", 1_000_000, table.CHUNK),
    ("array.new", 1_000_000, heap.CHUNK), ("array.fill", 1_000_000, heap.CHUNK),
    ("array.copy", 999_999, heap.CHUNK),
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "length", "chunk"), BULK)
def test_a_bulk_operation_looks_after_each_chunk(
    name: str, length: int, chunk: int, form: str
) -> None:
    looks = [0]

    def looked() -> None:
        looks[0] += 1

    guest = Watched(form, looked)
    guest.exports[name]()
    assert looks[0] >= length // chunk


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "most"),
    [("memory.fill", memory.CHUNK), ("scan", idioms.CHUNK + 1)],
)
def test_bytes_written_between_two_looks(name: str, most: int, form: str) -> None:
    """By what is in memory; the scan is a loop that runs ahead where it can."""
    done: List[int] = [0]
    far = name == "memory.fill" or (form == "direct" and idioms.ENABLED)
    if not far:  # fuel bounds it by a slice, of which a turn takes ten; or each turn looks
        most = SLICE // 10 + 1
    enough = 3 * MIB if far else 3 * (SLICE // 10) if form != "direct" else 1_000

    def looked() -> None:
        content = guest.memory[done[-1] : done[-1] + 2 * most]
        done.append(done[-1] + len(content) - len(content.lstrip(b"\7")))
        if done[-1] >= enough:
            guest.stop()

    guest = Watched(form, looked)
    with pytest.raises(wasmpy.Interrupted):
        guest.exports[name]()
    assert done[-1] >= enough
    assert max(b - a for a, b in zip(done, done[1:])) <= most


@pytest.mark.parametrize(
    "chunk", [memory.CHUNK >> 20, table.CHUNK >> 16, heap.CHUNK >> 16, idioms.CHUNK >> 20]
)
def test_chunks_take_a_few_milliseconds_on_any_machine(chunk: int) -> None:
    """A mebibyte moved, or 65,536 references; whoever makes them larger must measure."""
    assert chunk <= 1


# Text ---------------------------------------------------------------------------------------------


def looks_while_written(body: str) -> Tuple[int, int]:
    """How often the writing of a function looks, and how many instructions it has."""
    module = wasmpy.Module(f"(module (memory 1) (func (param i32 i32) {body}))")
    (function,) = functions_of(module.syntax, module.sidetables)
    looks = [0]

    def look() -> None:
        looks[0] += 1

    Functions.of(module.syntax).source(function, metered=False, look=look)
    assert function.func is not None
    return looks[0], len(function.func.body)


def test_the_writing_of_text_looks_at_every_branch() -> None:
    one = "(if (i32.eq (local.get 0) (i32.const {})) (then (local.set 1 (local.get 0))))"
    looks, length = looks_while_written("".join(one.format(k) for k in range(500)))
    assert looks >= 1_000
    assert length // looks <= 8


def test_the_writing_of_text_can_be_stopped_and_goes_on_later() -> None:
    module = wasmpy.Module(
        "(module (func (export \"f\") (param i32) (result i32) (local i32)"
        + "(if (local.get 0) (then (local.set 1 (i32.add (local.get 1) (i32.const 1)))))" * 200
        + "(local.get 1)))"
    )
    store = wasmpy.Store(tier="python")
    exports = module.instantiate(store=store).exports
    looks = [0]

    def poll() -> Any:
        looks[0] += 1
        if looks[0] == 150:
            store.inst.meter.request(Resource.CANCELLED)

    store.inst.meter.poll = poll
    with pytest.raises(wasmpy.Interrupted):
        exports.f(1)
    assert (looks[0], Functions.of(module.syntax).made) == (150, {})
    assert exports.f(1) == 200


# Fused runs ---------------------------------------------------------------------------------------

STEP = "(local.set 1 (i32.add (i32.rotl (local.get 1) (local.get 0)) (i32.const {})))"
BODIES = {
    "straight": "".join(STEP.format(k) for k in range(1_000)),
    "branches": "".join(f"(if (local.get 0) (then {STEP.format(k)}))" for k in range(700)),
}


@pytest.mark.parametrize("body", BODIES)
def test_fusing_looks_after_each_batch_and_goes_on_where_it_was_stopped(body: str) -> None:
    module = wasmpy.Module(
        "(module (func (export \"f\") (param i32) (result i32) (local i32 i32)"
        f"(loop {BODIES[body]} (br_if 0 (i32.lt_u"
        "  (local.tee 2 (i32.add (local.get 2) (i32.const 1))) (i32.const 20))))"
        "(local.get 1)))"
    )
    store = wasmpy.Store(tier="reference", fusing="hot")
    instance = module.instantiate(store=store)
    looks = [0]

    def looked() -> None:
        looks[0] += 1
        if looks[0] in (3, 5):
            store.inst.meter.request(Resource.CANCELLED)

    code = code_of(instance.exports.f.inst)
    store.inst.meter.poll = looked
    for stopped in (3, 5):
        with pytest.raises(wasmpy.Interrupted):
            fuse.fuse(code)
        assert (looks[0], code.run is code.slots) == (stopped, True)
    fuse.fuse(code)
    assert looks[0] == (len(code.slots) - 1) // fuse.BATCH
    assert (code.run is code.slots, code.fusing) == (False, None)
    plain = module.instantiate(store=wasmpy.Store(tier="reference", fusing="never"))
    assert instance.exports.f(5) == plain.exports.f(5)


# Long functions -----------------------------------------------------------------------------------

LONG = 140_000


def long_function(tier: str, body: str) -> Tuple[wasmpy.Store, wasmpy.Instance]:
    store = wasmpy.Store(tier=tier)
    module = wasmpy.Module(f'(module (func $g (export "g") {body}) (func (export "f") (call $g)))')
    return store, module.instantiate(store=store)


STRAIGHT = "(drop (i32.const 1))" * (LONG // 2)
SKIPPING = f"(if (i32.const 0) (then {'(drop (i32.const 1))' * (SLICE // 2)}))" * (LONG // SLICE)


@pytest.mark.fallbacks
@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
def test_a_long_function_is_laid_out_in_pieces_that_are_kept(tier: str) -> None:
    """Each call is stopped at its second look, and yet one comes to the end of it."""
    store, instance = long_function(tier, STRAIGHT)
    code = instance.inst.funcs[0]
    looks: List[int] = []

    def poll() -> None:
        looks.append(1)
        if code.code is None and len(looks) == before + 2:
            store.inst.meter.request(Resource.CANCELLED)

    store.inst.meter.poll = poll
    stopped = before = 0
    while code.code is None:
        before = len(looks)
        try:
            instance.exports.g()
        except wasmpy.Interrupted as error:
            stopped += 1
            assert error.frames == [], "it has not begun"
            assert len(looks) - before <= 2
        assert stopped < 100
    assert stopped >= 3 * (LONG // layout.PIECE), "scanned, chained, made"
    assert instance.exports.g() is None


@pytest.mark.fallbacks
@pytest.mark.parametrize("fuel", [None, 10**9])
def test_what_is_stopped_before_it_begins_leaves_its_caller_in_the_trace(
    fuel: Optional[int],
) -> None:
    store, instance = long_function("reference", STRAIGHT)
    store.fuel = fuel
    looks = [0]

    def poll() -> None:
        looks[0] += 1
        if looks[0] == 4:
            store.inst.meter.request(Resource.CANCELLED)

    store.inst.meter.poll = poll
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.f()
    assert [frame.func for frame in caught.value.frames] == [1]
    assert instance.exports.f() is None


@pytest.mark.fallbacks
@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
@pytest.mark.parametrize("way", ["straight", "skipping"])
def test_a_way_without_loops_is_looked_at_once_a_slice(way: str, tier: str) -> None:
    """Straight on, or past what is not taken; fuel is what it was."""
    store, instance = long_function(tier, {"straight": STRAIGHT, "skipping": SKIPPING}[way])
    instance.exports.f()
    store.fuel = 10**9
    looks = [0]

    def poll() -> None:
        looks[0] += 1

    store.inst.meter.poll = poll
    instance.exports.f()
    assert looks[0] >= LONG // SLICE
    spent = store.fuel_consumed
    looks[0] = -3

    def stop() -> None:
        looks[0] += 1
        if looks[0] == 0:
            store.inst.meter.request(Resource.CANCELLED)

    store.inst.meter.poll = stop
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.f()
    assert [frame.func for frame in caught.value.frames] == [0, 1]
    store.inst.meter.poll = None
    before = store.fuel_consumed
    instance.exports.f()
    assert store.fuel_consumed - before == spent
