"""What stands outside of bodies: indices, limits, constant expressions, exports.

Spec: ``valid/modules.html``, ``valid/types.html``.
"""

from __future__ import annotations

import time

import pytest

from tests.unit import wasm_bytes as wb
from wasmpy.binary.decode import decode_module
from wasmpy.config import Features
from wasmpy.errors import InvalidError
from wasmpy.syntax.types import FUNCREF as FUNC
from wasmpy.syntax.types import I32, Limits, MemType, TableType
from wasmpy.text.parser import parse_module
from wasmpy.valid.module import validate_module

WASM2 = Features.WASM2


def validate(wat: str, features: Features = WASM2):
    return validate_module(parse_module(f"(module {wat})"), features)


def refusal(wat: str, features: Features = WASM2) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        validate(wat, features)
    return caught.value


VALID = [
    "",
    "(memory 0 65536)",
    "(memory 65536 65536)",
    "(table 0 0xffffffff funcref)",
    "(table 1 funcref) (table 1 externref)",
    "(import \"a\" \"g\" (global i32)) (global i32 (global.get 0))",
    "(import \"a\" \"g\" (global i32)) (memory 1) (data (global.get 0) \"x\")",
    "(import \"a\" \"g\" (global funcref)) (table 1 funcref) (elem (i32.const 0) funcref (global.get 0))",
    "(func $f) (global funcref (ref.func $f)) (global externref (ref.null extern))",
    "(func) (export \"a\" (func 0)) (export \"b\" (func 0))",
    "(func) (start 0)",
    "(table 1 externref) (elem (i32.const 0) externref (ref.null extern))",
    "(func) (table 1 funcref) (elem (i32.const 0) func 0) (elem func 0) (elem declare func 0)",
    "(type (func (result i32 i64)))",
    "(data \"passive\")",
    "(global i64 (i64.const 1)) (global f32 (f32.const 1)) (global f64 (f64.const 1))",
]  # fmt: skip


@pytest.mark.parametrize("wat", VALID)
def test_valid_modules(wat):
    assert isinstance(validate(wat), list)


INVALID = {
    "(memory 2 1)": ("size minimum must not be greater than maximum", "memtype"),
    "(memory 65537)": ("memory size must be at most 65536 pages (4GiB)", "memtype"),
    "(memory 0 65537)": ("memory size must be at most 65536 pages (4GiB)", "memtype"),
    "(import \"a\" \"m\" (memory 2 1))": ("size minimum must not be greater than maximum", "memtype"),
    "(table 2 1 funcref)": ("size minimum must not be greater than maximum", "tabletype"),
    "(memory 1) (memory 1)": ("multiple memories", "module"),
    "(import \"a\" \"m\" (memory 1)) (memory 1)": ("multiple memories", "module"),
    "(global i32 (i64.const 0))": ("type mismatch", "end"),
    "(global i32 (i32.const 0) (i32.const 0))": ("type mismatch", "end"),
    "(global i32)": ("type mismatch", "end"),
    "(global i32 (nop) (i32.const 0))": ("constant expression required", "nop"),
    "(global i32 (i32.add (i32.const 0) (i32.const 0)))": ("constant expression required", "i32.add"),
    "(global i32 (block (result i32) (i32.const 0)))": ("constant expression required", "block"),
    "(global i32 (global.get 0))": ("unknown global 0", "global.get"),
    "(global i32 (i32.const 0)) (global i32 (global.get 0))": ("unknown global 0", "global.get"),
    "(import \"a\" \"g\" (global (mut i32))) (global i32 (global.get 0))": ("constant expression required", "global.get"),
    "(global funcref (ref.func 7))": ("unknown function 7", "ref.func"),
    "(global externref (ref.null func))": ("type mismatch", "end"),
    "(elem (i32.const 0) func)": ("unknown table 0", "elem"),
    "(table 1 funcref) (elem (i64.const 0) func)": ("type mismatch", "end"),
    "(table 1 externref) (func) (elem (i32.const 0) func 0)": ("type mismatch", "elem"),
    "(elem func 3)": ("unknown function 3", "elem"),
    "(elem externref (ref.null func))": ("type mismatch", "end"),
    "(func) (elem externref (ref.func 0))": ("type mismatch", "elem"),
    "(elem funcref (i32.const 0))": ("type mismatch", "end"),
    "(data (i32.const 0) \"x\")": ("unknown memory 0", "data"),
    "(memory 1) (data (f32.const 0) \"x\")": ("type mismatch", "end"),
    "(memory 1) (data (nop) \"x\")": ("constant expression required", "nop"),
    "(start 0)": ("unknown function 0", "start"),
    "(func (param i32)) (start 0)": ("start function", "start"),
    "(func (result i32) (i32.const 0)) (start 0)": ("start function", "start"),
    "(export \"a\" (func 0))": ("unknown function 0", "export"),
    "(export \"a\" (table 0))": ("unknown table 0", "export"),
    "(export \"a\" (memory 0))": ("unknown memory 0", "export"),
    "(export \"a\" (global 0))": ("unknown global 0", "export"),
    "(func) (export \"a\" (func 0)) (export \"a\" (func 0))": ("duplicate export name", "export"),
    "(func) (memory 1) (export \"a\" (func 0)) (export \"a\" (memory 0))": ("duplicate export name", "export"),
    "(func (type 4))": ("unknown type 4", "functype"),
    "(import \"a\" \"f\" (func (type 4)))": ("unknown type 4", "functype"),
}  # fmt: skip


@pytest.mark.parametrize("wat", INVALID)
def test_invalid_modules(wat):
    text, rule = INVALID[wat]
    error = refusal(wat)
    assert error.message.startswith(text)
    assert error.rule == rule


def test_an_error_in_a_constant_expression_says_in_which():
    error = refusal("(global i32 (i32.const 0)) (global i64 (i32.const 1))")
    assert error.func is None
    assert "global 1" in error.message
    assert (error.pc, error.expected, error.actual) == (1, "[i64]", "[i32]")
    assert "elem segment 1" in refusal("(elem func) (elem funcref (nop))").message


def test_an_error_in_a_constant_expression_says_where():
    data = wb.module(wb.section(6, b"\1\x7f\0\x42\0\x0b"))
    with pytest.raises(InvalidError) as caught:
        validate_module(decode_module(data))
    assert caught.value.offset == data.index(b"\x42\0\x0b")


def test_a_function_with_imports_before_it_is_counted_behind_them():
    error = refusal('(import "a" "f" (func)) (func (drop))')
    assert (error.func, error.instr, error.pc) == (1, "drop", 0)


FEATURES = {
    "extended_const": "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
    "multi_memory": "(memory 1) (memory 1) (data (memory 1) (i32.const 0) \"\")",
    "gc": "(global i32 (i32.const 0)) (global i32 (global.get 0)) (memory 1) (data (global.get 1) \"\")",
}  # fmt: skip


@pytest.mark.parametrize("feature", FEATURES)
def test_features_that_allow_more(feature):
    wat = FEATURES[feature]
    assert validate(wat, WASM2.having(feature)) == []
    assert refusal(wat) is not None


def test_a_later_global_is_unknown_whatever_the_features():
    features = WASM2.having("gc")
    wat = "(global i32 (global.get 1)) (global i32 (i32.const 0))"
    assert refusal(wat, features).message.startswith("unknown global 1")
    mutable = "(global (mut i32) (i32.const 0)) (global i32 (global.get 0))"
    assert refusal(mutable, features).message.startswith("constant expression required")


REFUSED = {
    "multi_value": "(type (func (result i32 i32)))",
    "mutable_global": "(global (mut i32) (i32.const 0)) (export \"g\" (global 0))",
    "reference_types": "(table 1 funcref) (table 1 funcref)",
}  # fmt: skip


def test_a_feature_that_a_constant_expression_needs_is_named():
    extended = "(global i32 (i32.add (i32.const 1) (i32.const 2)))"
    assert "extended_const" in refusal(extended, WASM2).message
    own = "(global $a i32 (i32.const 1)) (global i32 (global.get $a))"
    assert "gc" in refusal(own, WASM2).message


@pytest.mark.parametrize("feature", REFUSED)
def test_a_feature_that_is_off_is_named(feature):
    assert validate(REFUSED[feature]) == []
    assert feature in refusal(REFUSED[feature], WASM2.without(feature)).message


def test_importing_a_mutable_global_needs_its_feature():
    wat = '(import "a" "g" (global (mut i32)))'
    assert validate(wat) == []
    assert "mutable_global" in refusal(wat, Features.WASM1).message


def test_sizes_beyond_32_bits_that_only_text_can_say():
    module = parse_module("(module (memory 1) (table 1 funcref))")
    module.mems[0].type = MemType(Limits(0, 1 << 40))
    with pytest.raises(InvalidError) as caught:
        validate_module(module)
    assert caught.value.rule == "memtype"
    module.mems[0].type = MemType(Limits(0, 1))
    module.tables[0].type = TableType(FUNC, Limits(1 << 32, None))
    with pytest.raises(InvalidError) as caught:
        validate_module(module)
    assert caught.value.rule == "tabletype"


def test_too_many_locals_of_a_module_that_was_not_decoded():
    module = parse_module("(module (func))")
    module.funcs[0].locals = [(2**31, I32)]
    with pytest.raises(InvalidError) as caught:
        validate_module(module)
    assert caught.value.message.startswith("too many locals")
    assert caught.value.func == 0


def test_many_globals_and_segments_take_linear_time():
    count = 40_000
    globals_ = wb.section(6, wb.leb(count) + b"\x7f\0\x41\0\x0b" * count)
    datas = wb.section(11, wb.leb(count) + b"\0\x41\0\x0b\0" * count)
    module = decode_module(wb.module(wb.ONE_PAGE, globals_, datas))
    start = time.process_time()
    assert validate_module(module, WASM2.having("gc")) == []
    assert time.process_time() - start < 10
