"""Errors as data: fields, JSON, and pickling of every class there is."""

from __future__ import annotations

import ast
import inspect
import json
import pickle
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Type

import pytest

import hostabi.errors
import wasmpy
import wasmpy.errors
from tests.unit import wasm_bytes as wb
from wasmpy.binary.encode import encode_module
from wasmpy.config import Features
from wasmpy.errors import (
    MALFORMED_RULES,
    Frame,
    InvalidError,
    MalformedError,
    MissingImport,
    Resource,
    TrapKind,
    WasmError,
    WasmTrap,
)
from wasmpy.text import Unsupported, parse_module


def classes() -> List[Type[WasmError]]:
    found = set()
    for module in (wasmpy.errors, hostabi.errors):
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, WasmError):
                found.add(cls)
    return sorted(found, key=lambda cls: cls.__name__)


TRAP = WasmTrap(TrapKind.UNREACHABLE)
SAMPLES: Dict[str, Any] = {
    "kind": TrapKind.UNREACHABLE, "resource": Resource.FUEL, "trap": TRAP, "cause": KeyError("why"),
    "missing": [MissingImport("env", "f", "func", None)], "tag": "tag", "values": (1, 2.5),
    "exited": True, "seconds": 1.5, "detail": None, "failures": [("a server", KeyError("why"))],
    "guards": ["a guard"],
}  # fmt: skip
NUMBERS = ("code", "size", "maximum", "needed", "attempts", "pages", "fuel", "offset", "pc", "func",
           "status", "waiting")


def made(cls: Type[WasmError]) -> WasmError:
    """One of each class; its parameters tell what it wants."""
    arguments: Dict[str, Any] = {}
    for parameter in inspect.signature(cls).parameters.values():
        name = parameter.name
        number = name in NUMBERS
        arguments[name] = SAMPLES.get(name, 7 if number else f"a {name}")
    return cls(**arguments)


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_every_error_is_pickled_with_its_fields_and_its_cause(cls: Type[WasmError]) -> None:
    error = made(cls)
    if error.__cause__ is None:
        error.__cause__ = KeyError("why")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert again.to_json() == error.to_json()
    assert str(again) == str(error)
    assert repr(again.__cause__) == repr(KeyError("why"))
    json.dumps(again.to_json())


def test_the_classes_were_found() -> None:
    names = {cls.__name__ for cls in classes()}
    assert {"WasmTrap", "Interrupted", "GuardPoisoned", "HostFunctionError"} <= names


class Unwilling(Exception):
    """Can be pickled, but not made again."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} {second}")


@pytest.mark.parametrize("cause", [Unwilling(1, 2), ValueError(lambda: 0)])
def test_a_cause_that_cannot_be_pickled_is_told(cause: Exception) -> None:
    error = hostabi.errors.HostFunctionError("label_agent", "call_backend", cause)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again.__cause__, RuntimeError)
    assert type(cause).__name__ in str(again.__cause__)
    assert again.import_name == "call_backend"


def test_references_among_a_trap_s_operands_are_pickled_as_their_repr() -> None:
    instance = wasmpy.Module("""(module
      (table 1 externref) (table $f 1 funcref)
      (func (export "host") (param externref)
        (table.set (i32.const 9) (local.get 0)))
      (func $g) (elem declare func $g)
      (func (export "func") (table.set $f (i32.const 9) (ref.func $g))))""").instantiate()
    for name, arguments in (("host", (lambda: 0,)), ("func", ())):
        with pytest.raises(WasmTrap) as caught:
            instance.exports[name](*arguments)
        operands = caught.value.operands
        assert len(operands) == 2
        again = pickle.loads(pickle.dumps(caught.value))
        assert again.operands == (9, repr(operands[1]))
        assert again.to_json() == caught.value.to_json()


def test_attributes_that_others_set_do_not_keep_an_error_from_being_pickled() -> None:
    error = wasmpy.errors.WasmException("tag", [object()])
    assert pickle.loads(pickle.dumps(error)).values[0].startswith("<object")
    trap = WasmTrap(TrapKind.UNREACHABLE)
    trap.by = lambda: 0  # type: ignore[attr-defined]
    assert "lambda" in pickle.loads(pickle.dumps(trap)).by


# -- JSON ---------------------------------------------------------------------


@pytest.mark.parametrize(("count", "omitted"), [(0, 0), (100, 0), (101, 1), (10_000, 9_900)])
def test_json_has_at_most_a_hundred_frames_from_both_ends(count: int, omitted: int) -> None:
    trap = WasmTrap(TrapKind.STACK_OVERFLOW)
    trap.frames = [Frame("m", i, None, None, 0) for i in range(count)]
    doc = trap.to_json()
    assert doc["frames_omitted"] == omitted
    funcs = [frame["func"] for frame in doc["frames"]]
    if omitted:
        assert funcs == [*range(50), *range(count - 50, count)]
    else:
        assert funcs == list(range(count))


@pytest.mark.parametrize("resource", Resource)
def test_a_resource_is_its_lower_case_word_in_json(resource: Resource) -> None:
    assert wasmpy.Interrupted(resource).to_json()["resource"] == resource.name.lower()


# -- where a module is wrong --------------------------------------------------


def malformed(data: bytes, features: Optional[wasmpy.Features] = None) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        wasmpy.Module(data, features=features or wasmpy.Features.WASM2)
    return caught.value


def test_a_malformed_body_names_its_function() -> None:
    good = wasmpy.Module("""(module (import "m" "f" (func)) (func) (func (i32.const 5) drop))""").binary
    at = good.index(b"\x41\x05")
    error = malformed(good[:at] + b"\xff" + good[at + 1 :])
    assert (error.func, error.section, error.rule, error.offset) == (2, "code", "opcode", at)
    assert error.to_json()["func"] == 2
    assert error.to_json()["rule"] == "opcode"


@pytest.mark.parametrize(
    ("data", "rule", "section", "offset"),
    [
        (b"", "end", None, 0),
        (b"\0as", "end", None, 3),
        (b"\0asn\1\0\0\0", "magic", None, 0),
        (b"\0asm\2\0\0\0", "version", None, 4),
        (b"\0asm\1\0\0\0\x0e\0", "section-id", None, 8),
        (b"\0asm\1\0\0\0\1\1\0\1\1\0", "section-order", "type", 11),
        (b"\0asm\1\0\0\0\1\2\0\0", "section-size", "type", 11),
        (b"\0asm\1\0\0\0\1\5\0", "length", "type", 9),
        (b"\0asm\1\0\0\0\1\6\x80\x80\x80\x80\x80\0", "leb128", "type", 10),
        (b"\0asm\1\0\0\0\1\3\1\x5f\0", "type", "type", 11),
        (b"\0asm\1\0\0\0\2\4\1\1\xff\0", "utf8", "import", 12),
        (b"\0asm\1\0\0\0\2\4\1\0\0\7", "flags", "import", 13),
        (b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0", "count", "code", 18),
    ],
)
def test_a_malformed_module_says_what_and_where(
    data: bytes, rule: str, section: Optional[str], offset: int
) -> None:
    error = malformed(data)
    assert (error.rule, error.section, error.offset, error.func) == (rule, section, offset, None)


def test_the_rules_of_malformed_errors_are_all_documented() -> None:
    base = wasmpy.Module("""(module (memory 1) (table 1 funcref) (global i32 (i32.const 1)) (elem func 0)
      (func (export "f") (param i32) (result i32) (local i64)
        (block (result i32) (i32.load (local.get 0)) (br_if 0 (local.get 0)) (memory.fill (i32.const 1)
          (i32.const 1) (i32.const 1)))) (data "abc"))""").binary
    seen = set()
    for at in range(len(base)):
        for value in (0, 1, 0x0B, 0x40, 0x7F, 0xFC, 0xFF):
            try:
                wasmpy.Module(base[:at] + bytes([value]) + base[at + 1 :])
            except MalformedError as error:
                seen.add(error.rule)
            except InvalidError as error:
                assert error.section is not None
    assert seen <= set(MALFORMED_RULES)
    assert len(seen) > 8


def test_every_place_that_finds_a_module_malformed_names_a_documented_rule() -> None:
    named = set()
    for path in Path(wasmpy.errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name not in ("malformed", "MalformedError"):
                continue
            rules = [k.value for k in node.keywords if k.arg == "rule"]
            assert rules, f"{path.name}:{node.lineno} names no rule"
            if isinstance(rules[0], ast.Constant):
                named.add(rules[0].value)
    assert named == set(MALFORMED_RULES)


def test_text_is_malformed_by_line_and_column() -> None:
    with pytest.raises(MalformedError) as caught:
        wasmpy.Module("(module\n  (fnc))")
    error = caught.value
    assert (error.rule, error.line, error.offset, error.func) == ("text", 2, None, None)


@pytest.mark.parametrize(
    ("wat", "section"),
    [
        ('(module (import "m" "t" (table 2 1 funcref)))', "import"),
        ('(module (import "m" "m" (memory 2 1)))', "import"),
        ('(module (import "m" "f" (func (type 3))))', "import"),
        ("(module (func (type 3)))", "function"),
        ("(module (table 2 1 funcref))", "table"),
        ("(module (memory 2 1))", "memory"),
        ("(module (global i32 (i64.const 0)))", "global"),
        ('(module (func) (export "a" (func 0)) (export "a" (func 0)))', "export"),
        ("(module (func (param i32)) (start 0))", "start"),
        ("(module (elem (i32.const 0) func))", "element"),
        ("(module (data (i32.const 0)))", "data"),
        ("(module (func (result i32)))", "code"),
    ],
)
def test_an_invalid_module_says_in_which_section(wat: str, section: str) -> None:
    with pytest.raises(InvalidError) as caught:
        wasmpy.Module(wat)
    assert caught.value.section == section
    assert caught.value.to_json()["section"] == section


def test_the_offset_of_an_error_in_a_constant_is_where_the_expression_begins() -> None:
    with pytest.raises(InvalidError) as caught:
        wasmpy.Module("(module (global i32 (i64.const 0x1234)))")
    # The section's id and size, the count, the type and the mutability stand before it.
    assert caught.value.offset == len(wb.PREAMBLE) + 5


@pytest.mark.parametrize(
    ("wat", "func", "place"),
    [
        ("(module (func (result i32)\n  (i32.add\n    (i64.const 1)\n    (i32.const 1))))", 0, (2, 4)),
        ('(module (import "" "" (func))\n (func)\n (func (result i32)\n ))', 2, (4, 2)),
        ("(module\n (global i32 (i64.const 1)))", None, (2, 27)),
        ("(module (table 1 funcref\n (ref.null extern)))", None, (2, 19)),
        ("(module (memory 1)\n (data (i64.const 1)))", None, (2, 21)),
        ("(module (func) (table 1 funcref) (elem func 0)\n (elem (i64.const 0) func))", None, (2, 22)),
        ("(module (elem funcref (item ref.func 0)\n  (item i32.const 0))(func))", None, (2, 20)),
        ('(module (func) (export "a" (func 0)) (export "a" (func 0)))', None, (None, None)),
    ],
)  # fmt: skip
def test_an_invalid_module_made_from_text_says_line_and_column(
    wat: str, func: Optional[int], place: Tuple[Optional[int], Optional[int]]
) -> None:
    syntax = parse_module(wat)
    for make in (lambda: wasmpy.Module(wat), lambda: wasmpy.Module.of_syntax(syntax)):
        with pytest.raises(InvalidError) as caught:
            make()
        error = caught.value
        assert (error.func, error.line, error.column) == (func, *place)
        assert ("at {}:{}".format(*place) in str(error)) == (place[0] is not None)
    with pytest.raises(InvalidError) as caught:
        wasmpy.Module(encode_module(syntax))
    assert (caught.value.line, caught.value.column) == (None, None)


@pytest.mark.parametrize(
    ("wat", "feature", "column"),
    [
        ("(module (memory 1 2 shared))", "threads", 21),
        ("(module (memory 1 (pagesize 1)))", "custom_page_sizes", 19),
        ("(module (func (i64.add128)))", "wide_arithmetic", 16),
    ],
)
def test_text_that_needs_a_feature_that_is_off_is_refused_as_text(
    wat: str, feature: str, column: int
) -> None:
    with pytest.raises(Unsupported) as caught:
        wasmpy.Module(wat)
    error = caught.value
    assert (error.feature, error.line, error.column, error.offset) == (feature, 1, column, None)


NEEDING = [
    ("(module (func (drop (i32.extend8_s (i32.const 1)))))", "sign_extension"),
    ("(module (func (param v128)))", "simd"),
    ("(module (table 1 externref))", "reference_types"),
    ("(module (table 1 funcref) (table 1 funcref))", "reference_types"),
    ("(module (memory 1) (memory 1))", "multi_memory"),
    ("(module (memory 1) (memory 1) (func (drop (i32.load 1 (i32.const 0)))))", "multi_memory"),
    ("(module (memory 1) (func (drop (memory.size 1))))", "multi_memory"),
    ("(module (memory i64 1))", "memory64"),
    ("(module (memory 1 2 shared))", "threads"),
    ("(module (tag))", "exceptions"),
    ('(module (import "" "" (tag)))', "exceptions"),
    ('(module (export "" (tag 0)))', "exceptions"),
    ("(module (func try_table end))", "exceptions"),
    ("(module (func return_call 0))", "tail_call"),
    ("(module (type (struct)))", "gc"),
    ("(module (global i32 (i32.const 1)) (global i32 (global.get 0)))", "gc"),
    ("(module (func (param (ref null 0))))", "function_references"),
    ("(module (func block (type 0) end) (type (func (param i32))))", "multi_value"),
    ("(module (func (result i32 i32) unreachable))", "multi_value"),
    ('(module (data "a"))', "bulk_memory"),
    ("(module (elem func))", "bulk_memory"),
    ("(module (global i32 (i32.add (i32.const 1) (i32.const 1))))", "extended_const"),
    ('(module (import "" "" (global (mut i32))))', "mutable_global"),
    ('(module (global (mut i32) (i32.const 0)) (export "" (global 0)))', "mutable_global"),
]


@pytest.mark.parametrize("form", ["text", "binary"])
@pytest.mark.parametrize(("wat", "feature"), NEEDING)
def test_a_feature_that_is_off_is_named_where_that_is_the_reason(
    wat: str, feature: str, form: str
) -> None:
    parsed = parse_module(wat)
    features = Features.WASM1 if feature != "gc" else Features.WASM2
    features = features.without(feature)
    with pytest.raises((MalformedError, InvalidError)) as caught:
        wasmpy.Module(wat if form == "text" else encode_module(parsed), features=features)
    assert caught.value.feature == feature
    assert caught.value.to_json()["feature"] == feature
    assert pickle.loads(pickle.dumps(caught.value)).feature == feature


def test_validation_by_itself_names_the_feature_of_an_instruction() -> None:
    syntax = parse_module("(module (func return_call 0))")
    with pytest.raises(InvalidError) as caught:
        wasmpy.Module.of_syntax(syntax, features=Features.WASM3.without("tail_call"))
    assert caught.value.feature == "tail_call"


def test_no_feature_is_named_where_none_is_the_reason() -> None:
    for source in ("(module", "(module (func (result i32)))", b"\0asm\1\0\0\0\x0e\0", "(module (func nope))"):
        with pytest.raises((MalformedError, InvalidError)) as caught:
            wasmpy.Module(source)
        assert caught.value.feature is None
