"""64-bit addresses of memories and tables, custom page sizes, and wide arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

import wasmpy
from tests.unit.ways import WAYS
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.config import Features
from wasmpy.syntax.types import I64
from wasmpy.text.parser import parse_module

FUSING = tuple(WAYS)
TOP = (1 << 64) - 1


def instance_of(wat: str, **store: Any) -> wasmpy.Instance:
    return wasmpy.Module(wat, features=Features.ALL).instantiate(store=wasmpy.Store(**store))


MEMORY = """(module
  (memory $m (export "m") i64 1 3)
  (memory $n 1)
  (data (memory $m) (i64.const 65530) "abcdef")
  (func (export "load") (param i64) (result i32) (i32.load $m (local.get 0)))
  (func (export "far") (param i64) (result i32)
    (i32.load8_u $m offset=0xffff_ffff_ffff_ffff (local.get 0)))
  (func (export "store") (param i64 i32) (i32.store offset=4 (local.get 0) (local.get 1)))
  (func (export "size") (result i64) (memory.size $m))
  (func (export "grow") (param i64) (result i64) (memory.grow $m (local.get 0)))
  (func (export "fill") (param i64 i32 i64)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "to_narrow") (param i32 i64 i32)
    (memory.copy $n $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "narrow") (param i32) (result i32) (i32.load8_u $n (local.get 0))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_a_memory_with_64_bit_addresses(fusing: str) -> None:
    e = instance_of(MEMORY, **WAYS[fusing]).exports
    assert e.size() == 1
    assert e.load(65532) == int.from_bytes(b"cdef", "little")
    e.store(0, 77)
    assert e.load(4) == 77
    assert e.grow(2) == 1
    assert e.size() == 3
    assert e.grow(1) == -1
    assert e.grow(TOP) == -1
    e.to_narrow(9, 65530, 3)
    assert [e.narrow(i) for i in (9, 11, 12)] == [ord("a"), ord("c"), 0]


@pytest.mark.parametrize("fusing", FUSING)
@pytest.mark.parametrize(
    ("name", "base", "address", "width"),
    [
        ("load", 65533, 65533, 4), ("load", TOP, TOP, 4), ("far", 0, TOP, 1),
        ("far", TOP, 2 * TOP, 1), ("load", 1 << 63, 1 << 63, 4),
    ],
)  # fmt: skip
def test_an_address_beyond_it_traps_and_says_which(
    name: str, base: int, address: int, width: int, fusing: str
) -> None:
    instance = instance_of(MEMORY, **WAYS[fusing])
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports[name](base)
    trap = caught.value
    assert trap.kind is wasmpy.TrapKind.MEMORY_OUT_OF_BOUNDS
    assert (trap.address, trap.width, trap.size) == (address, width, 65536)
    assert trap.operands == (base,)


def test_a_bulk_length_beyond_32_bits_is_charged_as_the_widest_one() -> None:
    instance = instance_of(MEMORY, fuel=1 << 40)
    with pytest.raises(wasmpy.WasmTrap) as caught:
        instance.exports.fill(0, 1, TOP)
    assert caught.value.kind is wasmpy.TrapKind.MEMORY_OUT_OF_BOUNDS
    assert caught.value.operands == (0, 1, TOP)
    # get, get, get, memory.fill = 4.
    assert instance.store.fuel_consumed == 4 + (0xFFFF_FFFF >> 6)


TABLE = """(module
  (type $t (func (result i32)))
  (table $t (export "t") i64 3 5 funcref)
  (elem (table $t) (i64.const 1) func $one)
  (func $one (type $t) (i32.const 1))
  (func (export "call") (param i64) (result i32) (call_indirect $t (type $t) (local.get 0)))
  (func (export "grow") (param i64) (result i64) (table.grow (ref.null func) (local.get 0)))
  (func (export "size") (result i64) (table.size $t)))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_a_table_with_64_bit_indices(fusing: str) -> None:
    instance = instance_of(TABLE, **WAYS[fusing])
    e = instance.exports
    assert (e.call(1), e.size(), e.grow(2), e.grow(1), e.grow(TOP)) == (1, 3, 3, -1, -1)
    with pytest.raises(wasmpy.WasmTrap) as caught:
        e.call(1 << 40)
    assert caught.value.kind is wasmpy.TrapKind.TABLE_OUT_OF_BOUNDS
    assert caught.value.address == 1 << 40
    assert e.t.type.addrtype == I64


INVALID = [
    "(module (memory i64 1) (func (drop (i32.load (i32.const 0)))))",
    "(module (memory 1) (func (drop (i32.load (i64.const 0)))))",
    "(module (memory 1) (memory i64 1) (func (drop (i32.load 1 (i32.const 0)))))",
    "(module (memory i64 1) (memory 1) (func (drop (i32.load 1 (i64.const 0)))))",
    "(module (memory 1) (func (drop (i32.load offset=0x1_0000_0000 (i32.const 0)))))",
    "(module (memory i64 1) (func (memory.fill (i64.const 0) (i32.const 0) (i32.const 0))))",
    "(module (memory i64 1) (data (i32.const 0) \"\"))",
    "(module (table i64 1 funcref) (elem (i32.const 0)))",
    "(module (table i64 1 funcref) (func (call_indirect (i32.const 0))))",
    "(module (memory i64 0x1_0000_0000_0001))",
    "(module (memory 65537))",
    "(module (memory 1 (pagesize 4)))",
    "(module (memory 0x1_0000_0000 (pagesize 1)))",
    "(module (memory 1 shared))",
]


@pytest.mark.parametrize("wat", INVALID)
def test_the_address_type_decides_what_is_valid(wat: str) -> None:
    with pytest.raises(wasmpy.InvalidError):
        wasmpy.Module(wat, features=Features.ALL)


def test_a_size_beyond_the_limits_is_refused_cleanly() -> None:
    module = wasmpy.Module("(module (memory i64 0x1_0000_0000_0000))", features=Features.ALL)
    with pytest.raises(wasmpy.LinkError, match="needs 281474976710656 pages"):
        module.instantiate()
    module = wasmpy.Module("(module (table i64 0xffff_ffff_ffff_ffff funcref))", features=Features.ALL)
    with pytest.raises(wasmpy.LinkError, match="needs 18446744073709551615 elements"):
        module.instantiate()


TYPES = """(module
  (memory i64 1 2) (memory 1 1 shared) (memory i64 7 (pagesize 1)) (memory 0 9 shared (pagesize 1))
  (table i64 0 1 funcref) (table 0 externref))"""


def test_the_flags_of_limits_are_written_and_read() -> None:
    module = parse_module(TYPES)
    decoded = decode_module(encode_module(module), Features.ALL)
    assert decoded.mems == module.mems
    assert decoded.tables == module.tables
    assert [str(m.type) for m in decoded.mems] == [
        "memory i64 1 2", "memory 1 1 shared", "memory i64 7 (pagesize 1)",
        "memory 0 9 shared (pagesize 1)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wat", "feature"),
    [
        ("(module (memory i64 1))", "memory64"),
        ("(module (table i64 1 funcref))", "memory64"),
        ("(module (memory 1 1 shared))", "threads"),
        ("(module (memory 1 (pagesize 1)))", "custom_page_sizes"),
    ],
)
def test_without_its_feature_a_flag_is_refused_by_name(wat: str, feature: str) -> None:
    binary = wasmpy.Module(wat, features=Features.ALL).binary
    with pytest.raises(wasmpy.MalformedError, match=feature):
        wasmpy.Module(binary, features=Features.ALL.without(feature))


PAGES = """(module (memory (export "m") 3 100000 (pagesize 1))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_pages_of_one_byte(fusing: str) -> None:
    instance = instance_of(PAGES, **WAYS[fusing])
    e = instance.exports
    assert (e.size(), e.load(2), len(e.m), e.m.pages) == (3, 0, 3, 3)
    with pytest.raises(wasmpy.WasmTrap):
        e.load(3)
    assert (e.grow(70_000), e.size(), e.load(70_002), e.grow(30_000)) == (3, 70_003, 0, -1)
    instance.reset()
    assert (e.size(), len(e.m)) == (3, 3)


WIDE = """(module
  (func (export "add") (param i64 i64 i64 i64) (result i64 i64)
    (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "sub") (param i64 i64 i64 i64) (result i64 i64)
    (i64.sub128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "mul_s") (param i64 i64) (result i64 i64)
    (i64.mul_wide_s (local.get 0) (local.get 1)))
  (func (export "mul_u") (param i64 i64) (result i64 i64)
    (i64.mul_wide_u (local.get 0) (local.get 1))))"""


@pytest.mark.parametrize("fusing", FUSING)
def test_wide_arithmetic(fusing: str) -> None:
    e = instance_of(WIDE, **WAYS[fusing]).exports
    assert e.add(TOP, 0, 1, 5) == (0, 6)
    assert e.sub(0, 0, 1, 0) == (-1, -1)
    assert e.mul_s(-1, -1) == (1, 0)
    assert e.mul_u(-1, -1) == (1, -2)
