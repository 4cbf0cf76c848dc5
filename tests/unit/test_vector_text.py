"""Vector instructions in the text and in the binary format, and what is no such instruction.

Spec: ``text/instructions.html#vector-instructions``, ``binary/instructions.html``.
"""

from __future__ import annotations

from typing import Any, List

import pytest

import wasmpy
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.config import Features
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.isa.derived import op_of
from wasmpy.text.parser import parse_module

FEATURES = Features.WASM2.having("relaxed_simd", "multi_memory")


def immediates(body: str) -> List[Any]:
    """The immediates of a body, parsed, encoded and decoded again."""
    module = parse_module(f"(module (func {body}))")
    found = module.funcs[0].body
    again = decode_module(encode_module(module), FEATURES).funcs[0].body
    assert (again.ops, again.imms) == (found.ops, found.imms)
    return found.imms[:-1]


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 -1 255", bytes(range(14)) + b"\xff\xff"),
        ("i16x8 0x7fff -0x8000 65535 1_0 0 0 0 -1", bytes.fromhex("ff7f 0080 ffff 0a00 0000 0000 0000 ffff")),
        ("i32x4 0x1234_5678 -1 0 4294967295", bytes.fromhex("78563412 ffffffff 00000000 ffffffff")),
        ("i64x2 -9223372036854775808 1", bytes.fromhex("0000000000000080 0100000000000000")),
        ("f32x4 nan:0x1 -inf 0x1p-149 1.5", bytes.fromhex("0100807f 000080ff 01000000 0000c03f")),
        ("f64x2 -nan 1e1", bytes.fromhex("000000000000f8ff 0000000000002440")),
    ],
)
def test_constants_of_every_shape(literal: str, value: bytes) -> None:
    assert immediates(f"(drop (v128.const {literal}))")[0] == value


@pytest.mark.parametrize(
    "literal",
    [
        "", "i8x16", "i31x4 0 0 0 0", "1 2 3 4", "i32x4 1 2 3", "i32x4 1 2 3 4 5", "i64x2 1.0 2",
        "i8x16 256 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", "i16x8 -32769 0 0 0 0 0 0 0", "f32x4 1e39 0 0 0",
        "f64x2 nan:0x0 0", "i64x2 (1) 2", "f32x4 nan:canonical 0 0 0",
    ],
)  # fmt: skip
def test_constants_that_are_malformed(literal: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_module(f"(module (func (drop (v128.const {literal}))))")
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("text", "imm"),
    [
        ("v128.load8_lane 3", ((0, 0, 0), 3)),
        ("v128.load8_lane offset=5 3", ((0, 5, 0), 3)),
        ("v128.load16_lane align=1 3", ((0, 0, 0), 3)),
        ("v128.load32_lane offset=1 align=2 3", ((1, 1, 0), 3)),
        ("v128.load64_lane 1 0", ((3, 0, 1), 0)),
        ("v128.store64_lane 1 offset=9 0", ((3, 9, 1), 0)),
        ("v128.store8_lane $m 15", ((0, 0, 1), 15)),
        ("v128.load 1 offset=2", (4, 2, 1)),
        ("v128.load8x8_s", (3, 0, 0)),
        ("v128.load32_splat align=1", (0, 0, 0)),
        ("v128.load64_zero", (3, 0, 0)),
        ("i8x16.extract_lane_s 0x0f", 15),
        ("f64x2.replace_lane 1", 1),
        ("i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31", bytes(range(15)) + b"\x1f"),
    ],
)
def test_memory_and_lane_immediates(text: str, imm: Any) -> None:
    module = parse_module(f"(module (memory 1) (memory $m 1) (func {text}))")
    body = module.funcs[0].body
    assert (body.ops[0], body.imms[0]) == (op_of(text.split()[0]), imm)
    assert decode_module(encode_module(module), FEATURES).funcs[0].body.imms == body.imms


@pytest.mark.parametrize(
    "text",
    [
        "i8x16.extract_lane_s", "i8x16.extract_lane_s 256", "i8x16.extract_lane_s -1",
        "i8x16.extract_lane_s 1.0", "i8x16.extract_lane 0", "i32x4.extract_lane_u 0",
        "i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14", "v128.load8_lane",
        "i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 256", "v128.load8_lane offset=0",
        "i8x16.mul", "f32x4.lt_s", "i64x2.min_s", "v128.load_lane 0", "i8x16.relaxed_add",
    ],
)  # fmt: skip
def test_instructions_that_are_malformed(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_module(f"(module (memory 1) (func {text}))")
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("text", "lanes"),
    [
        ("(i8x16.extract_lane_u {} (v128.const i64x2 0 0))", 16),
        ("(i16x8.extract_lane_s {} (v128.const i64x2 0 0))", 8),
        ("(i32x4.replace_lane {} (v128.const i64x2 0 0) (i32.const 0))", 4),
        ("(f64x2.extract_lane {} (v128.const i64x2 0 0))", 2),
        ("(v128.load8_lane {} (i32.const 0) (v128.const i64x2 0 0))", 16),
        ("(v128.load64_lane {} (i32.const 0) (v128.const i64x2 0 0))", 2),
        (
            "(i8x16.shuffle 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 {}"
            " (v128.const i64x2 0 0) (v128.const i64x2 0 0))",
            32,
        ),
    ],
)
def test_a_lane_index_must_be_one_of_the_lanes(text: str, lanes: int) -> None:
    def module(lane: int) -> wasmpy.Module:
        return wasmpy.Module(f"(module (memory 1) (func (drop {text.format(lane)})))")

    assert module(lanes - 1).syntax.funcs
    with pytest.raises(InvalidError) as caught:
        module(lanes)
    assert "invalid lane index" in caught.value.message
    assert caught.value.instr == text[1:].split()[0]


def test_alignment_is_that_of_what_is_accessed() -> None:
    for name, natural in (("load32_lane", 4), ("load64_zero", 8), ("load8x8_u", 8), ("load16_splat", 2)):
        lane, vector = ("0", "(v128.const i64x2 0 0)") if "lane" in name else ("", "")
        text = f"(drop (v128.{name} align={{}} {lane} (i32.const 0) {vector}))"
        wasmpy.Module(f"(module (memory 1) (func {text.format(natural)}))")
        with pytest.raises(InvalidError, match="alignment"):
            wasmpy.Module(f"(module (memory 1) (func {text.format(2 * natural)}))")


@pytest.mark.parametrize(
    ("wat", "features", "feature"),
    [
        ("(func (drop (v128.const i64x2 0 0)))", Features.WASM1, "simd"),
        ("(func (param v128))", Features.WASM1, "simd"),
        (
            "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
            Features.WASM2,
            "relaxed_simd",
        ),
    ],
)
def test_a_feature_that_is_off_is_named(wat: str, features: Features, feature: str) -> None:
    with pytest.raises(MalformedError, match=feature):
        wasmpy.Module(f"(module {wat})", features=features)
    assert wasmpy.Module(f"(module {wat})", features=features.having("simd", feature)).syntax.funcs


def test_a_constant_expression_may_be_a_vector() -> None:
    wat = '(module (global (export "g") v128 (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)))'
    assert wasmpy.Module(wat).instantiate().exports.g.value == bytes(range(1, 17))


def test_a_vector_constant_that_is_cut_off() -> None:
    binary = encode_module(parse_module("(module (func (drop (v128.const i64x2 0 0))))"))
    with pytest.raises(MalformedError):
        decode_module(binary[:-8])
