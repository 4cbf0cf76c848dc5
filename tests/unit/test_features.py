"""What each feature refuses alone when it is off, and what features have together.

docs/reference/limits.md says in words what stands here as modules.
"""

from __future__ import annotations

from typing import Dict, Set, Tuple, Union

import pytest

from wasmpy import Features, InvalidError, MalformedError, Module
from wasmpy.api.module import assemble
from wasmpy.config import FEATURE_NAMES

NEEDS: Dict[str, Tuple[str, str]] = {
    "body": ("mvp", "(func)"),
    "exported variable": ("mutable_global", '(global (export "g") (mut i32) (i32.const 0))'),
    "extension": ("sign_extension", "(func (param i32) (drop (i32.extend8_s (local.get 0))))"),
    "truncation": ("saturating_float_to_int", "(func (param f32) (drop (i32.trunc_sat_f32_s (local.get 0))))"),
    "two results": ("multi_value", "(func (result i32 i32) (i32.const 0) (i32.const 0))"),
    "block with parameters": ("multi_value", "(func (i32.const 0) (block (param i32) (drop)))"),
    "copy": ("bulk_memory", "(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))"),
    "passive data": ("bulk_memory", '(memory 1) (data "a")'),
    "externref": ("reference_types", "(func (param externref))"),
    "two tables": ("reference_types", "(table 1 funcref) (table 1 funcref)"),
    "table.get": ("reference_types", "(table 1 funcref) (func (drop (table.get 0 (i32.const 0))))"),
    "v128": ("simd", "(func (param v128))"),
    "relaxed": ("simd relaxed_simd", "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"),
    "structure type": ("gc", "(type (struct))"),
    "recursive group": ("gc", "(rec (type (func)) (type (func)))"),
    "anyref": ("gc", "(func (param anyref))"),
    "own global": ("gc", "(global i32 (i32.const 1)) (global i32 (global.get 0))"),
    "bytes of an array": (
        "gc bulk_memory",
        '(type $a (array i8)) (data "a") (func (drop (array.new_data $a 0 (i32.const 0) (i32.const 0))))',
    ),
    "null structure": ("gc reference_types", "(func (drop (ref.null struct)))"),
    "call_ref": ("function_references", "(type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0)))"),
    "return_call_ref": (
        "function_references",
        "(type $t (func)) (func (param (ref $t)) (return_call_ref $t (local.get 0)))",
    ),
    "as_non_null": ("function_references", "(func (param (ref null 0)) (drop (ref.as_non_null (local.get 0))))"),
    "own type of a function": (
        "function_references reference_types",
        "(type $t (func)) (func $f (type $t)) (global (ref $t) (ref.func $f))",
    ),
    "typed reference": ("", "(type $t (func)) (func (param (ref null $t)))"),
    "reference that is not null": ("", "(func (param (ref func)))"),
    "table with an initial value": ("reference_types", "(table 1 funcref (ref.null func))"),
    "unset local": ("", "(func (local (ref extern)))"),
    "tag": ("exceptions", "(tag)"),
    "exnref": ("exceptions", "(func (param exnref))"),
    "null exception": ("exceptions reference_types", "(func (throw_ref (ref.null exn)))"),
    "tail call": ("tail_call", "(func (return_call 0))"),
    "indirect tail call": ("tail_call", "(table 1 funcref) (func (return_call_indirect (i32.const 0)))"),
    "long memory": ("memory64", "(memory i64 1)"),
    "long table": ("memory64", "(table i64 1 funcref)"),
    "two memories": ("multi_memory", "(memory 1) (memory 1)"),
    "sum": ("extended_const", "(global i32 (i32.add (i32.const 1) (i32.const 1)))"),
    "hint": ("", '(func (param i32) (@metadata.code.branch_hint "\\01") (if (local.get 0) (then)))'),
    "shared memory": ("threads", "(memory 1 1 shared)"),
    "atomic": ("threads", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
    "small pages": ("custom_page_sizes", "(memory 1 (pagesize 1))"),
    "long product": ("wide_arithmetic", "(func (i64.mul_wide_s (i64.const 1) (i64.const 1)) (drop) (drop))"),
}
"""For each module the features without any one of which all the others are not enough."""

TYPED = ("typed reference", "reference that is not null", "table with an initial value", "unset local")
"""What needs one of the two features that have typed references."""


def accepted(source: Union[bytes, str], features: Features) -> bool:
    try:
        Module(source, features=features)
    except (MalformedError, InvalidError):
        return False
    return True


def refusing(source: Union[bytes, str]) -> Set[str]:
    """The features that refuse a module when they alone are off."""
    assert accepted(source, Features.ALL)
    return {name for name in FEATURE_NAMES if not accepted(source, Features.ALL.without(name))}


@pytest.mark.parametrize("name", NEEDS)
def test_a_feature_that_is_off_refuses_what_is_its_own(name: str) -> None:
    needed, fields = NEEDS[name]
    text = f"(module {fields})"
    for source in (text, assemble(text)[0]):
        assert refusing(source) - {"mvp"} == set(needed.split()) - {"mvp"}


def test_without_the_first_release_there_is_no_body() -> None:
    assert refusing(assemble("(module (func))")[0]) == {"mvp"}


def test_every_feature_refuses_something_but_branch_hinting() -> None:
    needed = {feature for names, _ in NEEDS.values() for feature in names.split()}
    assert needed == {*FEATURE_NAMES} - {"branch_hinting"}


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize("one", ["gc", "function_references"])
def test_typed_references_are_of_either_feature(name: str, one: str) -> None:
    text = f"(module {NEEDS[name][1]})"
    neither = Features.ALL.without("gc", "function_references")
    for source in (text, assemble(text)[0]):
        assert accepted(source, neither.having(one))
        assert not accepted(source, neither)
