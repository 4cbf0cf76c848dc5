"""Annotations: what they say, and where they may stand."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.timing import least_seconds
from wasmpy.binary.custom import decode_hints
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.binary.reader import Reader
from wasmpy.config import Features
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.syntax.module import Custom
from wasmpy.syntax.producers import decode_producers, encode_producers
from wasmpy.text import parse_module
from wasmpy.text.printer import print_module
from wasmpy.text.producers import producers_data, producers_of
from wasmpy.valid.custom import validate_customs

HINT = "metadata.code.branch_hint"


@pytest.mark.parametrize(
    ("source", "field", "names"),
    [
        ('(module (@name "Modül"))', "module", "Modül"),
        ('(module $m (@name "Modül"))', "module", "Modül"),
        ('(module (func $f (@name "g")))', "funcs", {0: "g"}),
        ('(module (func (@name "g") (export "x")))', "funcs", {0: "g"}),
        ('(module (import "a" "b" (func $f (@name "g"))))', "funcs", {0: "g"}),
        ('(module (func (param $x (@name "y") i32) (local (@name "z") i32)))', "locals", {0: {0: "y", 1: "z"}}),
        ("(module (type $t (func)) (table $a 1 funcref))", "types", {0: "t"}),
        ("(module (table $a 1 funcref))", "tables", {0: "a"}),
        ("(module (memory $a 1))", "memories", {0: "a"}),
        ("(module (global $a i32 (i32.const 0)))", "globals", {0: "a"}),
        ("(module (table 1 funcref) (elem $a func))", "elems", {0: "a"}),
        ('(module (memory 1) (data $a "x"))', "datas", {0: "a"}),
        ("(module (tag $a))", "tags", {0: "a"}),
        ("(module (type (struct (field i32) (field $a i32))))", "fields", {0: {1: "a"}}),
        ("(module (func block $a end loop (block $b) end))", "labels", {0: {0: "a", 2: "b"}}),
        ('(module (func (block $a (@name "c"))))', "labels", {0: {0: "c"}}),
        ('(module (func (if $a (i32.const 0) (then (block $b)))))', "labels", {0: {0: "a", 1: "b"}}),
    ],
)
def test_names_come_from_identifiers_and_annotations(source: str, field: str, names: object) -> None:
    module = parse_module(source)
    assert getattr(module.names, field) == names
    decoded = decode_module(encode_module(module), Features.ALL)
    assert decoded.names == module.names


@pytest.mark.parametrize(
    ("placement", "after"),
    [("", 10), ("(before first)", 0), ("(after last)", 10), ("(before type)", 0), ("(after type)", 1),
     ("(before func)", 1), ("(before global)", 5), ("(after start)", 5), ("(before code)", 5),
     ("(after memory)", 5), ("(after data)", 10)],
)  # fmt: skip
def test_custom_sections_stand_where_they_are_put(placement: str, after: int) -> None:
    module = parse_module(f'(module (type (func)) (func) (memory 1) (@custom "c" {placement} "a" "\\00"))')
    assert module.customs == [Custom("c", b"a\0", after)]
    assert decode_module(encode_module(module)).customs == module.customs


def test_custom_sections_at_one_place_keep_their_order() -> None:
    module = parse_module(
        '(module (@custom "1" (before func) "") (@custom "2" (after type) "") (@custom "3" (before func) "")'
        " (type (func)) (func))"
    )
    assert [c.name for c in module.customs] == ["2", "1", "3"]


@pytest.mark.parametrize(
    "source",
    [
        '(module (@name "a") (@name "b"))', '(module (func) (@name "a"))', "(module (@name))",
        "(module (@name 1))", '(module (@name "a" "b"))', '(module (@name "\\ff"))',
        "(@custom)", "(@custom 4)", '(@custom "\\df")', '(@custom "a" here)', '(@custom "a" (after))',
        '(@custom "a" (aft type))', '(@custom "a" (before types))', '(@custom "a" (after type func))',
        '(func (@custom "a"))', '(type (@custom "a") $t (func))',
        f'(func (i32.const 0) (@{HINT} "\\02") (if (then)))', f'(func (i32.const 0) (@{HINT}) (if (then)))',
        "(@producers (foo))", '(@producers (sdk "a"))', '(@producers (sdk "a" "b" "c"))', "(@producers sdk)",
        '(@producers (sdk "a" 1))', "(@producers (sdk))", '(@producers (sdk "\\ff" ""))', '(@producers "a")',
        '(func (@producers (sdk "a" "b")))', '(@producers (other "a" "b"))',
        f'(module (@{HINT} "\\00"))', f'(func (i32.const 0) (@{HINT} "\\00") (@{HINT} "\\00") (if (then)))',
        f'(global i32 (@{HINT} "\\00") (i32.const 0))',
    ],
)  # fmt: skip
def test_malformed_and_misplaced_annotations_are_refused(source: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_module(source)
    assert caught.value.line == 1
    assert caught.value.column is not None


PRODUCERS = """(module
  (@producers (processed-by "x" "1") (language "Rust" "") (processed-by "é\\0a" "2"))
  (@custom "c" "a") (@custom "d" (after type) "b") (@producers) (type (func)))"""


def test_producers_become_a_section_at_the_end() -> None:
    module = parse_module(PRODUCERS)
    said = {"processed-by": [("x", "1"), ("é\n", "2")], "language": [("Rust", "")]}
    assert module.customs == [
        Custom("d", b"b", 1),
        Custom("producers", encode_producers(said), 1),
        Custom("c", b"a", 1),
        Custom("producers", encode_producers({}), 1),
    ]
    assert decode_module(encode_module(module)).customs == module.customs


def test_producers_are_printed_and_parse_again() -> None:
    module = parse_module(PRODUCERS)
    printed = print_module(module)
    assert printed.count("(@producers") == 2
    assert '    (processed-by "é\\u{a}" "2")\n' in printed
    assert parse_module(printed) == module


LANGUAGE = {"language": [("C", "11")]}


@pytest.mark.parametrize(
    ("data", "after"),
    [
        (encode_producers(LANGUAGE), 0),
        (encode_producers({"sdk": []}), 1),
        (encode_producers({"other": [("a", "b")]}), 1),
        (encode_producers(LANGUAGE) + b"\0", 1),
        (encode_producers(LANGUAGE)[:-1], 1),
        (b"\x81\0" + encode_producers(LANGUAGE)[1:], 1),
        (b"\2" + encode_producers(LANGUAGE)[1:] * 2, 1),
        (b"\xff" * 40, 1),
        (b"", 1),
    ],
)
def test_producers_that_the_annotation_cannot_say_are_printed_as_bytes(data: bytes, after: int) -> None:
    module = parse_module("(module (type (func)))")
    module.customs = [Custom("producers", data, after), Custom("z", b"", 1)]
    printed = print_module(module)
    assert "(@producers" not in printed
    assert parse_module(printed) == module


def test_producers_before_a_section_are_printed_as_bytes() -> None:
    module = parse_module('(module (@producers (sdk "a" "b")) (type (func)))')
    module.customs.append(Custom("e", b"", 0))
    assert "(@producers" not in print_module(module)


fields = st.sampled_from(["language", "sdk", "processed-by"])
pairs = st.tuples(st.text(max_size=4), st.text(max_size=4))


@settings(max_examples=50)
@example({"language": [("a" * 200, "b")] * 130})
@given(st.dictionaries(fields, st.lists(pairs, min_size=1, max_size=3)))
def test_text_and_binary_agree_on_producers(producers: Dict[str, List[Tuple[str, str]]]) -> None:
    data = encode_producers(producers)
    said = producers_of(data)
    assert said is not None
    assert [(p.field, p.name, p.version) for p in said] == [
        (field, *pair) for field, items in producers.items() for pair in items
    ]
    assert producers_data(said) == data


def read_as_binary(data: bytes) -> Optional[Dict[str, List[Tuple[str, str]]]]:
    """A producers section by the values chapter of the binary format."""
    r = Reader(data, 0, len(data))
    found: Dict[str, List[Tuple[str, str]]] = {}
    try:
        for _ in range(r.count(1 << 32, "fields")):
            field = r.name(1 << 32)
            count = r.count(1 << 32, "producers")
            found[field] = [(r.name(1 << 32), r.name(1 << 32)) for _ in range(count)]
    except MalformedError:
        return None
    return found if r.pos == r.end else None


@settings(max_examples=300)
@example(b"\x80\x80\x80\x80\x00")
@example(b"\x81\x80\x80\x80\x00\x01a\x00")
@example(b"\x80\x80\x80\x80\x80\x00")
@example(b"\xff\xff\xff\xff\x1f")
@given(st.one_of(st.binary(max_size=12), st.lists(st.sampled_from([0, 1, 2, 97, 0x80, 0xFF])).map(bytes)))
def test_arbitrary_producers_are_read_as_the_binary_format_reads_them(data: bytes) -> None:
    assert decode_producers(data) == read_as_binary(data)


def test_long_numbers_of_producers_take_no_time() -> None:
    assert producers_of(b"\xff" * 1_000_000) is None
    assert least_seconds(lambda: producers_of(b"\xff" * 1_000_000)) < 0.1


def test_branch_hints_survive_the_binary_format() -> None:
    module = parse_module(
        f'(module (import "a" "b" (func)) (func (param i32) (local i64 i32) (@{HINT} "\\01") (if (local.get 0)'
        f' (then (br_if 0 (i32.const 1)))) block local.get 0 (@{HINT} "\\00") br_if 0 end))'
    )
    pcs = module.branch_hints[1]
    assert sorted(pcs.values()) == [0, 1]
    data = encode_module(module)
    decoded = decode_module(data, Features.ALL)
    assert decoded.branch_hints == module.branch_hints
    assert encode_module(decoded) == data
    (section,) = [c for c in decoded.customs if c.name == HINT]
    assert decode_hints(section.data) is not None
    assert decode_module(data, Features.WASM2).branch_hints == {}
    validate_customs(decoded)


def test_a_hint_belongs_on_a_branch() -> None:
    module = parse_module(f'(module (func (@{HINT} "\\00") nop))')
    with pytest.raises(InvalidError) as caught:
        validate_customs(module)
    assert (caught.value.rule, caught.value.instr, caught.value.pc) == ("branch_hint", "nop", 0)


def test_hints_that_mean_no_instruction_are_not_believed() -> None:
    module = parse_module(f'(module (func (i32.const 300) (@{HINT} "\\00") (if (then))))')
    data = bytearray(encode_module(module))
    at = bytes(data).index(HINT.encode()) + len(HINT)
    assert data[at : at + 6] == bytes([1, 0, 1, 4, 1, 0])
    data[at + 3] = 2
    assert decode_module(bytes(data), Features.ALL).branch_hints == {}


def test_many_annotations_take_linear_time() -> None:
    def seconds(count: int) -> float:
        func = f'(func (i32.const 0) (@{HINT} "\\00") (if (then)))'
        source = f"(module {func * count})"
        assert len(parse_module(source).branch_hints) == count
        return least_seconds(lambda: parse_module(source))

    assert seconds(8000) < 10 * seconds(2000) + 0.3
