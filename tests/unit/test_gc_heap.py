"""Structures, arrays, references: execution, traps, fuel, limits, and the boundary."""

from __future__ import annotations

import dataclasses
import enum
import gc
from typing import Any, Tuple

import pytest

import wasmpy
from tests.unit.ways import WAYS
from wasmpy.api.heap import Array, Struct
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.errors import Interrupted, InvalidError, LinkError, TrapKind, WasmTrap
from wasmpy.exec.heap import I31, Heap, HostRef, externalized, internalized
from wasmpy.syntax.types import I8, ArrayType, FieldType, StructType

FUSING = tuple(WAYS)


def instance(source: str, store: Any = None, imports: Any = None) -> Any:
    module = wasmpy.Module(f"(module {source})", features=Features.WASM3)
    return module.instantiate(imports, store=store or wasmpy.Store())


def trap(function: Any, *args: Any) -> WasmTrap:
    with pytest.raises(WasmTrap) as caught:
        function(*args)
    return caught.value


ARRAYS = """
(type $bytes (array (mut i8)))
(type $longs (array (mut i64)))
(type $refs (array (mut anyref)))
(type $floats (array (mut f32)))
(data $d "\\01\\80\\ff\\7f\\05\\06\\07\\08")
(elem $e anyref (ref.i31 (i32.const 1)) (ref.i31 (i32.const 2)) (ref.null any))
(func (export "bytes") (param i32 i32) (result (ref $bytes))
  (array.new $bytes (local.get 0) (local.get 1)))
(func (export "longs") (param i32) (result (ref $longs)) (array.new_default $longs (local.get 0)))
(func (export "fixed") (result (ref $bytes))
  (array.new_fixed $bytes 3 (i32.const 255) (i32.const 256) (i32.const -1)))
(func (export "data") (param i32 i32) (result (ref $longs))
  (array.new_data $longs $d (local.get 0) (local.get 1)))
(func (export "floats") (result (ref $floats))
  (array.new_data $floats $d (i32.const 0) (i32.const 2)))
(func (export "elem") (param i32 i32) (result (ref $refs))
  (array.new_elem $refs $e (local.get 0) (local.get 1)))
(func (export "get_s") (param (ref null $bytes) i32) (result i32)
  (array.get_s $bytes (local.get 0) (local.get 1)))
(func (export "get_u") (param (ref null $bytes) i32) (result i32)
  (array.get_u $bytes (local.get 0) (local.get 1)))
(func (export "set") (param (ref null $bytes) i32 i32)
  (array.set $bytes (local.get 0) (local.get 1) (local.get 2)))
(func (export "len") (param arrayref) (result i32) (array.len (local.get 0)))
(func (export "fill") (param (ref null $bytes) i32 i32 i32)
  (array.fill $bytes (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
(func (export "copy") (param (ref null $bytes) i32 (ref null $bytes) i32 i32)
  (array.copy $bytes $bytes
    (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
(func (export "init") (param (ref null $bytes) i32 i32 i32)
  (array.init_data $bytes $d (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
(func (export "init_elem") (param (ref null $refs) i32 i32 i32)
  (array.init_elem $refs $e (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
"""


@pytest.fixture(params=FUSING)
def arrays(request: pytest.FixtureRequest) -> Any:
    return instance(ARRAYS, wasmpy.Store(**WAYS[request.param])).exports


def test_arrays_are_made_and_read(arrays: Any) -> None:
    assert arrays.bytes(0x1FE, 3).fields == (254, 254, 254)
    assert arrays.longs(2).fields == (0, 0)
    assert arrays.fixed().fields == (255, 0, 255)
    assert arrays.data(0, 1).fields == (0x08070605_7FFF8001,)
    assert arrays.elem(0, 3).fields == (1, 2, None)
    assert [arrays.get_s(arrays.fixed(), i) for i in range(3)] == [-1, 0, -1]
    assert [arrays.get_u(arrays.fixed(), i) for i in range(3)] == [255, 0, 255]
    assert arrays.len(arrays.longs(7)) == 7


def test_arrays_are_written(arrays: Any) -> None:
    array = arrays.bytes(0, 6)
    arrays.set(array, 1, 0x1FF)
    arrays.fill(array, 2, 7, 2)
    assert array.fields == (0, 255, 7, 7, 0, 0)
    arrays.copy(array, 1, array, 0, 4)
    assert array.fields == (0, 0, 255, 7, 7, 0)
    arrays.init(array, 4, 1, 2)
    assert array.fields == (0, 0, 255, 7, 0x80, 0xFF)
    refs = arrays.elem(2, 1)
    arrays.init_elem(refs, 0, 1, 1)
    assert refs.fields == (2,)


def test_a_float_made_from_bytes_keeps_the_bits_of_a_nan(arrays: Any) -> None:
    source = ARRAYS.replace(
        '(func (export "floats")',
        '(func (export "bits") (result i32) (i32.reinterpret_f32'
        " (array.get $floats (array.new_data $floats $nan (i32.const 0) (i32.const 1))"
        ' (i32.const 0)))) (data $nan "\\01\\00\\a0\\7f") (func (export "floats")',
    )
    assert instance(source).exports.bits() == 0x7FA00001
    assert len(arrays.floats()) == 2


@pytest.mark.parametrize(
    ("name", "args", "kind", "where"),
    [
        ("get_s", (None, 0), TrapKind.NULL_REFERENCE, None),
        ("set", (None, 0, 0), TrapKind.NULL_REFERENCE, None),
        ("len", (None,), TrapKind.NULL_REFERENCE, None),
        ("fill", (None, 0, 0, 0), TrapKind.NULL_REFERENCE, None),
        ("copy", (None, 0, None, 0, 0), TrapKind.NULL_REFERENCE, None),
        ("init", (None, 0, 0, 0), TrapKind.NULL_REFERENCE, None),
        ("data", (0, 2), TrapKind.MEMORY_OUT_OF_BOUNDS, (0, 16, 8)),
        ("data", (-1, 0), TrapKind.MEMORY_OUT_OF_BOUNDS, (0xFFFFFFFF, 0, 8)),
        ("elem", (2, 2), TrapKind.TABLE_OUT_OF_BOUNDS, (2, 2, 3)),
    ],
)
def test_traps(
    arrays: Any, name: str, args: Tuple[Any, ...], kind: TrapKind, where: Any
) -> None:
    error = trap(arrays[name], *args)
    assert error.kind is kind
    assert len(error.operands) == len(args)
    assert error.instr is not None
    assert error.frames[0].name is None
    if where is not None:
        assert (error.address, error.width, error.size) == where


@pytest.mark.parametrize(
    ("name", "args", "where"),
    [
        ("get_s", (4,), (4, 1, 4)), ("set", (-1, 0), (0xFFFFFFFF, 1, 4)),
        ("fill", (3, 0, 2), (3, 2, 4)), ("fill", (5, 0, 0), (5, 0, 4)),
        ("init", (1, 0, 4), (1, 4, 4)),
    ],
)  # fmt: skip
def test_an_access_outside_of_an_array(arrays: Any, name: str, args: Any, where: Any) -> None:
    array = arrays.bytes(9, 4)
    error = trap(arrays[name], array, *args)
    assert error.kind is TrapKind.ARRAY_OUT_OF_BOUNDS
    assert (error.address, error.width, error.size) == where
    assert array.fields == (9, 9, 9, 9)


STRUCTS = """
(type $p (sub (struct (field $x (mut i32)) (field $y (mut i8)) (field $r (mut anyref)))))
(type $q (sub $p (struct (field (mut i32)) (field (mut i8)) (field (mut anyref)) (field i64))))
(type $other (sub (struct (field (mut i32)))))
(global $g (ref $p) (struct.new $p (i32.const 1) (i32.const 0x1ff) (ref.i31 (i32.const -1))))
(export "g" (global $g))
(func (export "new") (param i32 i32) (result (ref $p))
  (struct.new $p (local.get 0) (local.get 1) (ref.null none)))
(func (export "q") (result (ref $p)) (struct.new_default $q))
(func (export "other") (result structref) (struct.new_default $other))
(func (export "y_s") (param (ref null $p)) (result i32) (struct.get_s $p $y (local.get 0)))
(func (export "y_u") (param (ref null $p)) (result i32) (struct.get_u $p $y (local.get 0)))
(func (export "set_y") (param (ref null $p) i32) (struct.set $p $y (local.get 0) (local.get 1)))
(func (export "set_r") (param (ref null $p) anyref) (struct.set $p $r (local.get 0) (local.get 1)))
(func (export "is_q") (param anyref) (result i32) (ref.test (ref $q) (local.get 0)))
(func (export "as_q") (param anyref) (result (ref null $q)) (ref.cast (ref null $q) (local.get 0)))
(func (export "is_i31") (param anyref) (result i32) (ref.test i31ref (local.get 0)))
(func (export "same") (param eqref eqref) (result i32) (ref.eq (local.get 0) (local.get 1)))
(func (export "branch") (param anyref) (result i32)
  (block $no (result anyref)
    (block $yes (result (ref $q))
      (br $no (br_on_cast $yes anyref (ref $q) (local.get 0))))
    (return (i32.wrap_i64 (i64.add (struct.get $q 3) (i64.const 10)))))
  (return (ref.is_null)))
(func (export "any") (param anyref) (result anyref) (local.get 0))
(func (export "extern") (param externref) (result externref)
  (extern.convert_any (any.convert_extern (local.get 0))))
(func (export "out") (param anyref) (result externref) (extern.convert_any (local.get 0)))
(func (export "in") (param externref) (result anyref) (any.convert_extern (local.get 0)))
"""


@pytest.fixture(params=FUSING)
def structs(request: pytest.FixtureRequest) -> Any:
    return instance(STRUCTS, wasmpy.Store(**WAYS[request.param])).exports


def test_structures_have_fields(structs: Any) -> None:
    made = structs.new(-5, 0x1FE)
    assert isinstance(made, Struct)
    assert (made.fields, len(made), made[0], list(made)) == ((-5, 254, None), 3, -5, [-5, 254, None])
    assert (structs.y_s(made), structs.y_u(made)) == (-2, 254)
    structs.set_y(made, 0x301)
    structs.set_r(made, made)
    assert made[1] == 1
    assert made[2] == made
    made[0] = 7
    assert made.fields[0] == 7
    assert structs.g.value.fields == (1, 255, -1)


def test_structures_are_equal_by_identity(structs: Any) -> None:
    one, other = structs.new(1, 1), structs.new(1, 1)
    assert one != other
    assert one == structs.any(one)
    assert hash(one) == hash(structs.any(one))
    assert structs.g.value == structs.g.value
    assert (structs.same(one, one), structs.same(one, other)) == (1, 0)
    assert (structs.same(5, 5), structs.same(5, 6), structs.same(None, None)) == (1, 0, 1)


def test_casts_look_at_the_declared_type(structs: Any) -> None:
    p, q, other = structs.new(0, 0), structs.q(), structs.other()
    assert [structs.is_q(value) for value in (p, q, other, 5, None)] == [0, 1, 0, 0, 0]
    assert structs.as_q(q) == q
    assert structs.as_q(None) is None
    assert [structs.branch(value) for value in (q, p, None)] == [10, 0, 1]
    error = trap(structs.as_q, p)
    assert (error.kind, error.instr) == (TrapKind.CAST_FAILURE, "ref.cast")
    assert error.operands == (p.inst,)


def test_a_field_of_null(structs: Any) -> None:
    assert trap(structs.y_u, None).kind is TrapKind.NULL_REFERENCE
    assert trap(structs.set_y, None, 1).operands == (None, 1)


def test_values_come_back_as_they_went(structs: Any) -> None:
    thing = object()
    struct = structs.q()
    for value in (thing, struct, None, 0, -1, -(1 << 30), (1 << 30) - 1, "text"):
        assert structs.any(value) is value or structs.any(value) == value
    for value in (thing, struct, None, "text", 2**80, I31(3)):
        assert structs.extern(value) is value or structs.extern(value) == value
    assert structs.out(5) == I31(5)
    assert getattr(structs, "in")(I31(5)) == 5
    assert structs.out(thing) is thing


def test_an_int_of_the_host_is_no_unboxed_scalar() -> None:
    assert internalized(5) == HostRef(5)
    assert externalized(HostRef(5)) == 5
    assert internalized(I31(5)) == I31(5) != I31(6)
    assert (I31(-1).value, I31(-1).signed) == (0x7FFFFFFF, -1)


class Number(enum.IntEnum):
    SEVEN = 7


@pytest.mark.parametrize("number", [5, -1, 0, 2**31, 2**80, Number.SEVEN])
def test_an_int_of_the_host_stays_one_in_the_any_hierarchy(structs: Any, number: int) -> None:
    inside = getattr(structs, "in")(number)
    assert isinstance(inside, HostRef)
    assert inside.value is number
    assert structs.any(inside) == inside
    assert structs.out(inside) is number
    assert structs.extern(inside) is number
    assert getattr(structs, "in")(inside) == inside
    assert structs.is_i31(inside) == 0
    assert structs.is_i31(5) == 1


def test_an_int_of_the_host_lies_in_fields_globals_and_host_functions() -> None:
    seen = []

    def see(value: Any) -> Any:
        seen.append(value)
        return value

    exports = instance(
        """(import "h" "f" (func $f (param anyref) (result anyref)))
        (type $s (struct (field (mut anyref))))
        (global $g (export "g") (mut anyref) (ref.null any))
        (func (export "s") (param anyref) (result (ref $s)) (struct.new $s (local.get 0)))
        (func (export "call") (param externref) (result externref)
          (extern.convert_any (call $f (any.convert_extern (local.get 0)))))""",
        imports={"h": {"f": see}},
    ).exports
    assert exports.call(7) == 7
    assert seen == [HostRef(7)]
    made = exports.s(seen[0])
    assert made[0] == HostRef(7)
    made[0] = 7
    assert made[0] == 7
    exports.g.value = seen[0]
    assert exports.g.value == HostRef(7)


def test_a_held_object_is_the_object(structs: Any) -> None:
    thing = object()
    struct = structs.q()
    for value in (thing, True, struct, I31(3)):
        assert structs.out(HostRef(value)) == structs.out(value)
        assert structs.any(HostRef(HostRef(value))) == structs.any(value)
    assert structs.any(HostRef(None)) is None
    assert structs.as_q(HostRef(struct)) == struct
    with pytest.raises(TypeError):
        structs.same(HostRef(5), None)
    with pytest.raises(ValueError, match="another store"):
        structs.any(HostRef(instance(STRUCTS).exports.q()))
    assert repr(HostRef(5)) == "HostRef(5)"


def test_what_does_not_fit_is_refused(structs: Any) -> None:
    elsewhere = instance(STRUCTS).exports.q()
    for function, value, error in (
        (structs.y_s, structs.other(), TypeError),
        (structs.y_s, 5, TypeError),
        (structs.same, object(), TypeError),
        (structs.any, 1 << 31, ValueError),
        (structs.any, elsewhere, ValueError),
        (structs.extern, elsewhere, ValueError),
    ):
        with pytest.raises(error):
            function(*([value] * (2 if function is structs.same else 1)))
    made = structs.new(0, 0)
    for index, value, wrong in ((1, 256, ValueError), (1, "x", TypeError), (5, 0, IndexError)):
        with pytest.raises(wrong):
            made[index] = value
    with pytest.raises(TypeError):
        structs.q()[3] = 1


def test_null_is_refused_where_it_may_not_be() -> None:
    exports = instance('(func (export "f") (param (ref i31)))').exports
    exports.f(3)
    with pytest.raises(TypeError):
        exports.f(None)


def test_a_host_makes_objects() -> None:
    store = wasmpy.Store()
    exports = instance(STRUCTS, store).exports
    more = Struct(store, exports.q().deftype, [1, -1])
    assert more.fields == (1, 255, None, 0)
    assert exports.is_q(more) == 1
    array = Array(store, ArrayType(FieldType(I8, True)), b"abc")
    assert (bytes(array), array[-1], len(array)) == (b"abc", 99, 3)
    with pytest.raises(TypeError):
        Struct(store, array.deftype)
    with pytest.raises(TypeError):
        Struct(store, exports.q().deftype, range(5))
    with pytest.raises(ValueError, match="store"):
        Struct(wasmpy.Store(), exports.q().deftype)


def test_a_host_function_takes_and_gives_objects() -> None:
    seen = []

    def swap(pair: Any) -> Any:
        seen.append(pair.fields)
        pair[0] = 9
        return pair

    source = """(type $s (struct (field (mut i32))))
    (import "" "swap" (func $swap (param (ref null struct)) (result (ref null struct))))
    (func (export "f") (result i32)
      (struct.get $s 0 (ref.cast (ref $s) (call $swap (struct.new $s (i32.const 4))))))"""
    store = wasmpy.Store()
    module = wasmpy.Module(f"(module {source})", features=Features.WASM3)
    swapped = wasmpy.Func(store, module.imports[0].type, swap)
    assert instance(source, store, {"": {"swap": swapped}}).exports.f() == 9
    assert seen == [(4,)]


# Limits


def limited(**bounds: int) -> wasmpy.Store:
    return wasmpy.Store(limits=dataclasses.replace(DEFAULT_LIMITS, **bounds))


def test_an_array_is_refused_before_it_is_made() -> None:
    for store in (limited(gc_bytes=1 << 16), wasmpy.Store()):
        exports = instance(ARRAYS, store).exports
        error = trap(exports.longs, -1)
        assert (error.kind, error.instr) == (TrapKind.ALLOCATION_TOO_LARGE, "array.new_default")
        assert error.operands == (0xFFFFFFFF,)
        assert store.inst.heap.objects == 0
        assert exports.longs(3).fields == (0, 0, 0)


def test_objects_are_counted_while_they_live() -> None:
    store = limited(gc_objects=64)
    exports = instance(STRUCTS, store).exports
    heap = store.inst.heap
    base = heap.objects
    kept = [exports.new(0, 0) for _ in range(10)]
    gc.collect()
    assert heap.objects == base + 10
    assert heap.bytes > 640
    del kept[:]
    for _ in range(500):
        one, other = exports.new(0, 0), exports.new(0, 0)
        one[2], other[2] = other, one
    one = other = None
    gc.collect()
    assert heap.objects == base
    with pytest.raises(WasmTrap) as caught:
        kept += [exports.new(0, 0) for _ in range(100)]
    assert caught.value.kind is TrapKind.ALLOCATION_TOO_LARGE


def test_a_full_heap_is_not_collected_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    collections = []
    monkeypatch.setattr(gc, "collect", lambda: collections.append(1))
    heap = Heap(dataclasses.replace(DEFAULT_LIMITS, gc_objects=100))
    shares = [heap.claim(1) for _ in range(100)]
    assert (heap.objects, heap.bytes, collections) == (100, 100, [])
    with pytest.raises(WasmTrap):
        heap.claim(1)
    assert len(collections) == 1
    assert len(shares) == 100
    with pytest.raises(WasmTrap):
        heap.claim(1 << 40)
    assert len(collections) == 1


LIST = """(type $n (struct (field (ref null $n)) (field (mut i64))))
(func (export "list") (param $k i32) (local $l (ref null $n))
  (loop $again
    (local.set $l (struct.new $n (local.get $l) (i64.const 0)))
    (br_if $again (local.tee $k (i32.sub (local.get $k) (i32.const 1))))))"""


def test_a_long_list_is_freed() -> None:
    store = wasmpy.Store()
    instance(LIST, store).exports.list(200_000)
    gc.collect()
    assert store.inst.heap.objects == 0


@pytest.mark.parametrize("fusing", FUSING)
def test_bulk_operations_cost_by_their_length(fusing: str) -> None:
    store = wasmpy.Store(fuel=100_000, **WAYS[fusing])
    exports = instance(ARRAYS, store).exports
    spent = []
    for n in (0, 7, 8, 8000):
        before = store.fuel_consumed
        exports.longs(n)
        spent.append(store.fuel_consumed - before)
    assert [s - spent[0] for s in spent] == [0, 0, 1, 1000]
    store.fuel = 100
    with pytest.raises(Interrupted):
        exports.longs(8000)


# Function references


CALLS = """(type $f (func (param i32) (result i32)))
(type $g (sub (func (param i32) (result anyref))))
(type $h (sub $g (func (param i32) (result i31ref))))
(func $twice (type $f) (i32.mul (local.get 0) (i32.const 2)))
(func $box (type $h) (ref.i31 (local.get 0)))
(elem declare func $twice $box)
(table $t 2 (ref null $g) (ref.func $box))
(func (export "twice") (result (ref $f)) (ref.func $twice))
(func (export "call") (param (ref null $f) i32) (result i32)
  (call_ref $f (local.get 1) (local.get 0)))
(func (export "tail") (param (ref null $f) i32) (result i32)
  (return_call_ref $f (local.get 1) (local.get 0)))
(func (export "above") (param i32) (result anyref)
  (call_indirect $t (type $g) (local.get 0) (i32.const 0)))
(func (export "below") (param i32) (result anyref)
  (call_indirect $t (type $h) (local.get 0) (i32.const 1)))
(func (export "plain") (param i32) (result i32)
  (call_indirect $t (type $f) (local.get 0) (i32.const 1)))
(func (export "on_null") (param (ref null $f)) (result i32)
  (block $l (return (call_ref $f (i32.const 4) (br_on_null $l (local.get 0))))) (i32.const -1))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_functions_are_called_by_reference(fusing: str) -> None:
    exports = instance(CALLS, wasmpy.Store(**WAYS[fusing])).exports
    twice = exports.twice()
    assert (twice(4), exports.call(twice, 5), exports.tail(twice, 6)) == (8, 10, 12)
    assert (exports.on_null(twice), exports.on_null(None)) == (8, -1)
    assert trap(exports.call, None, 5).kind is TrapKind.NULL_REFERENCE
    assert trap(exports.tail, None, 5).kind is TrapKind.NULL_REFERENCE


@pytest.mark.parametrize("fusing", FUSING)
def test_an_indirect_call_takes_a_function_of_a_declared_subtype(fusing: str) -> None:
    exports = instance(CALLS, wasmpy.Store(**WAYS[fusing])).exports
    assert (exports.above(3), exports.below(4)) == (3, 4)
    error = trap(exports.plain, 4)
    assert error.kind is TrapKind.BAD_SIGNATURE
    assert (error.expected, error.actual) == ("[i32] -> [i32]", "[i32] -> [i31ref]")


def test_a_function_of_another_type_is_no_argument() -> None:
    exports = instance(CALLS).exports
    with pytest.raises(TypeError):
        exports.call(exports.above, 5)


def test_imports_match_by_subtyping() -> None:
    types = "(type $g (sub (func (result anyref)))) (type $h (sub $g (func (result i31ref))))"
    store = wasmpy.Store()
    offered = instance(
        types + '(func (export "f") (type $h) (ref.null i31))'
        '(global (export "k") i31ref (ref.null i31)) (global (export "m") (mut i31ref) (ref.null i31))'
        '(table (export "t") 1 i31ref)',
        store,
    ).exports
    given = {"": {name: offered[name] for name in offered}}
    for wanted in ("func (type $g)", "func (type $h)", "global anyref", "global (mut i31ref)",
                   "table 1 i31ref"):  # fmt: skip
        name = {"f": "f", "t": "t"}.get(wanted[0], "m" if "mut" in wanted else "k")
        instance(f'{types} (import "" "{name}" ({wanted}))', store, given)
    for wanted in ("func (result i31ref)", "global (ref null struct)", "global (mut anyref)",
                   "table 1 anyref"):  # fmt: skip
        name = {"f": "f", "t": "t"}.get(wanted[0], "m" if "mut" in wanted else "k")
        with pytest.raises(LinkError) as caught:
            instance(f'{types} (import "" "{name}" ({wanted}))', store, given)
        assert [missing.name for missing in caught.value.missing] == [name]


@pytest.mark.parametrize(
    ("source", "instr"),
    [
        ("(func (local $x (ref func)) (drop (local.get $x)))", "local.get"),
        (
            "(func (param (ref func)) (local $x (ref func))"
            " (block (local.set $x (local.get 0))) (drop (local.get $x)))",
            "local.get",
        ),
        ("(type $s (struct (field i8))) (func (param (ref $s)) (drop (struct.get $s 0 (local.get 0))))",
         "struct.get"),
        ("(type $s (struct (field i32))) (func (param (ref $s))"
         " (struct.set $s 0 (local.get 0) (i32.const 0)))", "struct.set"),
        ("(type $s (struct (field (ref any)))) (func (drop (struct.new_default $s)))",
         "struct.new_default"),
        ("(type $a (array anyref)) (data \"\") (func (drop"
         " (array.new_data $a 0 (i32.const 0) (i32.const 0))))", "array.new_data"),
        ("(func (param funcref) (drop (ref.test (ref any) (local.get 0))))", "ref.test"),
        ("(func (unreachable) (ref.as_non_null) (i32.eqz) (drop))", "i32.eqz"),
        ("(type $f (func)) (func (param (ref $f)) (call_ref $f))", "call_ref"),
        ("(func (param anyref) (result (ref any)) (local.get 0))", "end"),
    ],
)  # fmt: skip
def test_what_is_invalid_names_its_instruction(source: str, instr: str) -> None:
    with pytest.raises(InvalidError) as caught:
        wasmpy.Module(f"(module {source})", features=Features.WASM3)
    assert caught.value.instr == instr
    assert caught.value.offset is not None


def test_a_set_local_is_set_in_the_blocks_within() -> None:
    source = """(func (export "f") (param (ref extern)) (result (ref extern))
      (local $x (ref extern)) (local.set $x (local.get 0))
      (block (loop (if (i32.const 1) (then (drop (local.get $x))) (else (drop (local.get $x))))))
      (local.get $x))"""
    assert instance(source).exports.f("thing") == "thing"


def test_a_structure_type_of_the_host_is_that_of_a_module() -> None:
    store = wasmpy.Store()
    exports = instance(
        '(type $s (struct (field i8))) (func (export "is") (param anyref) (result i32)'
        " (ref.test (ref $s) (local.get 0)))",
        store,
    ).exports
    assert getattr(exports, "is")(Struct(store, StructType((FieldType(I8, False),)))) == 1
    assert getattr(exports, "is")(Struct(store, StructType((FieldType(I8, True),)))) == 0


RESET = """(type $s (struct (field $n (mut i32)) (field $next (mut (ref null $s)))))
(type $a (array (mut i8)))
(global $g (ref $s) (struct.new $s (i32.const 1) (struct.new $s (i32.const 2) (ref.null $s))))
(table $t 1 (ref null $a) (array.new_fixed $a 2 (i32.const 3) (i32.const 4)))
(func (export "spoil")
  (struct.set $s $n (struct.get $s $next (global.get $g)) (i32.const 9))
  (struct.set $s $next (global.get $g) (global.get $g))
  (array.set $a (table.get $t (i32.const 0)) (i32.const 1) (i32.const 9))
  (table.set $t (i32.const 0) (ref.null $a)))
(func (export "sum") (result i32)
  (i32.add (struct.get $s $n (struct.get $s $next (global.get $g)))
           (array.get_u $a (table.get $t (i32.const 0)) (i32.const 1))))
(export "g" (global $g))"""


def test_a_reset_brings_the_contents_of_objects_back() -> None:
    made = instance(RESET)
    assert made.exports.sum() == 6
    made.exports.spoil()
    assert trap(made.exports.sum).kind is TrapKind.NULL_REFERENCE
    made.reset()
    assert made.exports.sum() == 6


def test_an_instance_that_was_given_an_object_cannot_be_reset() -> None:
    store = wasmpy.Store()
    made = instance(RESET, store)
    given = {"": {"g": made.exports.g}}
    source = '(import "" "g" (global structref))'
    with pytest.raises(wasmpy.ResetError):
        instance(source, store, given).reset()


MIXED = """(type $p (struct (field (mut i32))))
(func (export "run") (param $k i32) (param $at i32) (result i32) (local $p (ref null $p)) (local $s i32)
  (loop $again
    (local.set $p (struct.new $p (local.get $k)))
    (if (i32.eq (local.get $k) (local.get $at)) (then (local.set $p (ref.null $p))))
    (local.set $s (i32.add (local.get $s) (i32.mul (i32.const 3) (struct.get $p 0 (local.get $p)))))
    (block $skip
      (drop (br_on_null $skip (ref.cast (ref null $p) (local.get $p))))
      (local.set $s (i32.sub (local.get $s) (i32.const 1))))
    (br_if $again (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
  (local.get $s))"""


@pytest.mark.parametrize("at", [-1, 7])
def test_fused_runs_agree_with_plain_slots(at: int) -> None:
    seen = []
    for fusing in FUSING:
        store = wasmpy.Store(**WAYS[fusing])
        run = instance(MIXED, store).exports.run
        error = trap(run, 20, at) if at > 0 else None
        result = None if error else run(20, at)
        where = error and (error.kind, error.offset, error.operands, error.instr)
        seen.append((result, where, store.fuel_consumed))
    assert seen[0] == seen[1]
    assert seen[0][0] == (None if at > 0 else 610)
