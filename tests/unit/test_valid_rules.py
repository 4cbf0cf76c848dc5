"""The rules in words: one for each name that an InvalidError can have."""

from __future__ import annotations

import ast
from typing import Iterator, Set

import pytest

from tests.arch.tree import python_files, relative, tree_of
from wasmpy.config import Features
from wasmpy.errors import InvalidError
from wasmpy.isa.table import INSTRS
from wasmpy.text import parse_module
from wasmpy.valid import rules
from wasmpy.valid.module import validate_module
from wasmpy.valid.rules import rule_names, rule_text
from wasmpy.valid.trace import trace_function


def _strings(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def _used() -> Set[str]:
    """The second argument, or ``rule``, of every InvalidError in the validator."""
    found: Set[str] = set()
    for path in python_files("wasmpy"):
        if not relative(path).startswith("wasmpy/valid/"):
            continue
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "InvalidError":
                given = node.args[1:2] + [k.value for k in node.keywords if k.arg == "rule"]
                for argument in given:
                    found.update(_strings(argument))
            elif name == "_limits":
                found.update(_strings(node.args[-1]))
    return found


def test_every_rule_that_is_used_has_words() -> None:
    used = _used()
    assert {"elem", "memtype", "export"} <= used
    assert used <= set(rule_names())


def test_every_instruction_has_words_of_its_own() -> None:
    for row in INSTRS:
        told = rule_text(row.mnemonic)
        assert told.text.endswith(".")
        assert "#" in told.anchor
        if row.params is None:
            assert row.mnemonic in rules._WORDS, row.mnemonic


def test_no_words_stand_for_what_is_not_there() -> None:
    assert set(rules._WORDS) <= {row.mnemonic for row in INSTRS}
    assert set(rules._OTHERS) - _used() <= {"", "import", "func", "branch_hint"}


def test_a_name_that_is_none() -> None:
    with pytest.raises(KeyError):
        rule_text("no.such")


@pytest.mark.parametrize(
    "source",
    [
        "(func (result i32) i64.const 1)", "(func (param i32) local.get 1)", "(func br 3)",
        "(func (drop))", "(func (result i32) block end)", "(func call 9)",
        "(func (result i32) (i32.add (i32.const 1)))", "(memory 1) (func (i32.load align=8 (i32.const 0)) drop)",
    ],
)  # fmt: skip
def test_the_trace_stops_where_validation_does(source: str) -> None:
    module = parse_module(f"(module {source})")
    with pytest.raises(InvalidError) as decided:
        validate_module(module, Features.WASM3)
    pcs = []
    with pytest.raises(InvalidError) as traced:
        for step in trace_function(module, 0, Features.WASM3):
            pcs.append(step.pc)
    assert (traced.value.pc, traced.value.message) == (decided.value.pc, decided.value.message)
    assert pcs == list(range(-1, decided.value.pc or 0))
    assert rule_text(decided.value.rule)


def test_the_trace_shows_blocks_and_what_is_not_reached() -> None:
    module = parse_module("(module (func i32.const 1 block i64.const 2 br 0 end drop))")
    steps = list(trace_function(module, 0, Features.WASM3))
    assert [(s.pc, s.stack, s.depth, s.reached) for s in steps] == [
        (-1, "[]", 1, True), (0, "[i32]", 1, True), (1, "[]", 2, True), (2, "[i64]", 2, True),
        (3, "[]", 2, False), (4, "[i32]", 1, True), (5, "[]", 1, True), (6, "[]", 0, True),
    ]  # fmt: skip


def test_the_trace_of_a_body_that_names_more_types_than_a_byte_does() -> None:
    structs = "".join(f"(type (struct{' (field i8)' * i}))" for i in range(300))
    body = "".join(f"(drop (ref.null {i}))" for i in range(300))
    module = parse_module(f"(module {structs} (func {body}))", Features.WASM3)
    steps = list(trace_function(module, 0, Features.WASM3))
    assert [s.stack for s in steps[1:-1:2]] == [f"[(ref null {i})]" for i in range(300)]
