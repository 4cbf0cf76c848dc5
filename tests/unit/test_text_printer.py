"""The printer: what it writes parses to the same module, in every style."""

from __future__ import annotations

import dataclasses
import itertools
import random
import struct
from typing import List

import pytest

from tests.unit.timing import least_seconds
from wasmpy.binary.decode import decode_module, instr_offsets
from wasmpy.binary.encode import encode_module
from wasmpy.config import Features
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Custom, Expr, Func, Module
from wasmpy.syntax.types import I32, FuncType
from wasmpy.text import parse_module
from wasmpy.text.lexer import string_bytes, tokenize
from wasmpy.text.literals import (
    bytes_literal,
    float_literal,
    identifier,
    integer_literal,
    name_literal,
)
from wasmpy.text.numbers import parse_float, parse_int
from wasmpy.text.printer import Style, print_module

STYLES = [Style(), Style(fold=True)]

SOURCES = [
    "(module)",
    '(module $m (func $f (export "a\\"\\00é") (param $x i32) (param i64) (local $y f32) (local i32 i32)))',
    "(module (type $t (func (param i32) (result i32 i32))) (func (type $t) local.get 0 local.get 0))",
    "(module (memory 1 2) (data (i32.const 1) \"a\\00\\ff\\\"\") (data \"x\") (func (memory.init 1 (i32.const 0)"
    " (i32.const 0) (i32.const 0)) (i32.store8 offset=3 (i32.const 0) (i32.load16_u align=1 (i32.const 0)))))",
    "(module (table $t 1 2 funcref) (table 1 externref) (elem (i32.const 0) $f) (elem declare func $f)"
    " (elem externref (ref.null extern)) (func $f (table.copy 0 0 (i32.const 0) (i32.const 0) (i32.const 0))"
    " (drop (table.get 1 (i32.const 0))) (table.init 1 (i32.const 0) (i32.const 0) (i32.const 0))))",
    "(module (global $g (mut f64) (f64.const -nan:0x123)) (global i64 (i64.const -1)) (start $s) (func $s))",
    "(module (func (block $l (block $l (br $l) (br 1))) (loop $l (br $l)) (block (br 0))))",
    "(module (func (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 1))"
    " (else (i32.const 2)))) (func (if (i32.const 1) (then)) (if (i32.const 1) (then) (else nop))))",
    "(module (table 1 funcref) (type $t (func (param i32) (result i32))) (func (param i32) (result i32)"
    " (call_indirect (type $t) (local.get 0) (i32.const 0))) (func (br_table 0 0 0 (i32.const 1))))",
    "(module (func (drop (select (i32.const 1) (i32.const 2) (i32.const 3)))"
    " (drop (select (result i64) (i64.const 1) (i64.const 2) (i32.const 3)))))",
    '(module (@custom "a" (before first) "1") (@custom "b" (after type) "2") (type (func))'
    ' (@custom "c" "\\00") (func (type 0)))',
    '(module (func (param i32) (@metadata.code.branch_hint "\\01") (if (local.get 0) (then))'
    ' block local.get 0 (@metadata.code.branch_hint "\\00") br_if 0 end))',
    '(module (func (@name "") (param (@name "") i32) (local $a (@name "b") i32)) (func $x (@name "x y")))',
    "(module (rec (type $a (sub (struct (field $f (mut i32)) (field i8 (ref null $b)))))"
    " (type $b (sub $a (struct (field $f (mut i32)) (field i8 (ref null $b)) (field i16)))))"
    " (type $c (array (mut i64))) (func (param (ref $a) (ref null $c)) (result i32)"
    " (struct.get $a $f (local.get 0))))",
    "(module (tag $e (param i32)) (func (block $h (result i32) (try_table (catch $e $h) (throw $e (i32.const 1)))"
    " (i32.const 0)) drop))",
    "(module (func (result v128) (v128.const i32x4 1 2 3 4) (i8x16.extract_lane_u 3) (i8x16.splat)))",
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES, ids=["flat", "folded"])
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_printed_parses_to_the_same_module(source: str, style: Style) -> None:
    module = parse_module(source)
    text = print_module(module, style)
    assert parse_module(text) == module
    assert print_module(parse_module(text), style) == text


@pytest.mark.parametrize("style", STYLES, ids=["flat", "folded"])
@pytest.mark.parametrize("source", SOURCES)
def test_the_encoding_of_what_is_printed_is_the_same(source: str, style: Style) -> None:
    data = encode_module(parse_module(source))
    again = print_module(decode_module(data, Features.ALL), style)
    assert encode_module(parse_module(again)) == data


def test_operands_are_folded_into_what_takes_them() -> None:
    module = parse_module(
        "(module (func $f (param i32 i32) (result i32) local.get 0 local.get 1 i32.add i32.const 2 call $f))"
    )
    text = print_module(module, Style(fold=True))
    assert "(call $f (i32.add (local.get 0) (local.get 1)) (i32.const 2))" in text


def test_a_statement_between_operands_is_not_lost() -> None:
    module = parse_module("(module (func (result i32) i32.const 1 nop i32.const 2 i32.add))")
    text = print_module(module, Style(fold=True))
    assert parse_module(text) == module
    assert text.index("i32.const 1") < text.index("nop") < text.index("i32.add")


def test_a_skeleton_has_no_bodies_and_no_data() -> None:
    module = parse_module('(module (memory 1) (data (i32.const 0) "secret") (func (drop (i32.const 77))))')
    text = print_module(module, Style(skeleton=True))
    assert "77" not in text
    assert "secret" not in text
    parsed = parse_module(text)
    assert (len(parsed.funcs), len(parsed.datas)) == (1, 1)


def test_offsets_are_those_of_the_file() -> None:
    data = encode_module(parse_module("(module (func i32.const 300 drop nop))"))
    module = decode_module(data)

    def offsets(expr: Expr) -> List[int]:
        return instr_offsets(data, expr)

    for fold in (False, True):
        text = print_module(module, Style(fold=fold, offsets=offsets))
        for offset in offsets(module.funcs[0].body)[:-1]:
            assert f"(;{offset:#x};)" in text
        assert parse_module(text) == module


def test_names_can_be_left_out_or_made() -> None:
    module = parse_module("(module $m (func $f (param $x i32) local.get $x drop) (func call $f))")
    bare = print_module(module, Style(names="none"))
    assert "$" not in bare
    assert parse_module(bare).funcs == module.funcs
    made = print_module(module, Style(names="all"))
    assert "(func $func1" in made
    assert parse_module(made).funcs == module.funcs


def test_names_that_are_not_unique_stay_apart_and_are_kept() -> None:
    module = parse_module("(module (func) (func) (func call 0 call 1))")
    module.names.funcs = {0: "same", 1: "same", 2: ""}
    text = print_module(module)
    assert parse_module(text) == module
    assert 'call $same\n' in text


def test_a_name_of_what_is_not_there_is_left_out() -> None:
    module = parse_module("(module (func))")
    module.names.funcs = {0: "f", 7: "ghost"}
    module.names.locals = {0: {3: "ghost"}}
    assert "ghost" not in print_module(module)


def test_custom_sections_keep_their_places() -> None:
    module = parse_module("(module (type (func)) (func) (memory 1))")
    module.customs = [Custom("a", b"\0\xff", 0), Custom("b", b"", 1), Custom("c", b"x", 10)]
    assert parse_module(print_module(module)).customs == module.customs
    assert decode_module(encode_module(module)).customs == module.customs


def _nested(depth: int) -> Module:
    ops = [op_of("block")] * depth + [op_of("end")] * (depth + 1)
    body = Expr(ops, [None] * len(ops))
    return Module(types=[FuncType((), ())], funcs=[Func(0, [], body)])


@pytest.mark.parametrize("style", STYLES, ids=["flat", "folded"])
def test_depth_costs_no_python_frames_and_linear_output(style: Style) -> None:
    module = _nested(20_000)
    text = print_module(module, style)
    assert len(text) < 20_000 * 250
    assert parse_module(text) == module


@pytest.mark.parametrize("style", STYLES, ids=["flat", "folded"])
def test_deep_operands_cost_no_python_frames(style: Style) -> None:
    count = 20_000
    ops = [op_of("i32.const")] + [op_of("i32.eqz")] * count + [op_of("end")]
    body = Expr(ops, [1] + [None] * (count + 1))
    module = Module(types=[FuncType((), (I32,))], funcs=[Func(0, [], body)])
    assert parse_module(print_module(module, style)) == module


@pytest.mark.parametrize("style", STYLES, ids=["flat", "folded"])
def test_printing_takes_linear_time(style: Style) -> None:
    def seconds(count: int) -> float:
        ops = [op_of("local.get"), op_of("i32.eqz"), op_of("drop")] * count + [op_of("end")]
        body = Expr(ops, [0, None, None] * count + [None])
        module = Module(types=[FuncType((I32,), ())], funcs=[Func(0, [], body)])
        return least_seconds(lambda: print_module(module, style))

    assert seconds(16_000) < 10 * seconds(4_000) + 0.05


@pytest.mark.parametrize("bits", [32, 64])
def test_float_literals_are_exact(bits: int) -> None:
    source = random.Random(bits)
    half = 1 << (bits - 1)
    fraction = 23 if bits == 32 else 52
    infinity = ((1 << (bits - 1 - fraction)) - 1) << fraction
    special = [0, 1, half, half | 1, infinity, half | infinity, infinity | 1, infinity - 1,
               infinity | 1 << (fraction - 1), half | infinity | 5]  # fmt: skip
    for value in itertools.chain(special, (source.getrandbits(bits) for _ in range(2000))):
        assert parse_float(float_literal(value, bits), bits) == value


def test_float_literals_are_short() -> None:
    assert [float_literal(int(struct.unpack("<I", struct.pack("<f", x))[0]), 32) for x in (0.1, 1.0, -2.5)] == [
        "0.1", "1", "-2.5"
    ]  # fmt: skip
    assert float_literal(0x7FF8_0000_0000_0000, 64) == "nan"


def test_integer_literals_are_exact() -> None:
    for value in (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF):
        assert parse_int(integer_literal(value, 32), 32) == value


def test_strings_are_exact() -> None:
    every = bytes(range(256))
    assert string_bytes(bytes_literal(every)) == every
    name = "".join(map(chr, [*range(1, 300), 0x202E, 0x1F600, 0x10FFFF]))
    assert string_bytes(name_literal(name)).decode("utf-8") == name
    assert tokenize(identifier(name)).texts[0] == "$" + name
    assert "\u202e" not in name_literal(name)


def test_a_style_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Style().fold = True  # type: ignore[misc]
