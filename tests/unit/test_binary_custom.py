"""Custom sections that are understood: names, producers, branch hints."""

from __future__ import annotations

import dataclasses

import pytest

from wasmpy.binary.custom import (
    INDIRECT,
    NAME_SUBSECTIONS,
    decode_hints,
    decode_names,
    encode_hints,
    encode_names,
)
from wasmpy.syntax.module import Names
from wasmpy.syntax.producers import decode_producers, encode_producers


def _names() -> Names:
    names = Names(module="m")
    for field in NAME_SUBSECTIONS.values():
        flat = {0: f"{field}0", 300: "é"}
        setattr(names, field, {2: flat, 5: {1: ""}} if field in INDIRECT else flat)
    return names


def test_every_field_of_names_has_a_subsection() -> None:
    fields = {f.name for f in dataclasses.fields(Names)} - {"module"}
    assert set(NAME_SUBSECTIONS.values()) == fields
    assert list(NAME_SUBSECTIONS) == sorted(NAME_SUBSECTIONS)


def test_names_come_back() -> None:
    assert decode_names(encode_names(_names())) == _names()
    assert encode_names(Names()) == b""


def test_a_subsection_that_is_not_known_is_passed_over() -> None:
    assert decode_names(b"\x63\x02ab" + encode_names(Names(module="m"))) == Names(module="m")


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_name_section_cut_short_says_nothing_or_less(cut: int) -> None:
    data = encode_names(_names())
    found = decode_names(data[:-cut])
    assert found is None or found != _names()


def test_a_count_that_is_too_large_ends_early() -> None:
    assert decode_names(bytes([1, 6, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0])) is None
    assert decode_producers(bytes([0xFF, 0xFF, 0xFF, 0xFF, 0x0F])) is None


def test_producers_come_back() -> None:
    producers = {"language": [("Rust", "")], "processed-by": [("rustc", "1.80"), ("clang", "18")]}
    assert decode_producers(encode_producers(producers)) == producers
    assert decode_producers(encode_producers(producers) + b"\0") is None
    assert decode_producers(encode_producers(producers)[:-1]) is None


def test_hints_come_back() -> None:
    hints = {1: {3: 0, 200: 1}, 7: {1: 1}}
    assert decode_hints(encode_hints(hints)) == hints
    assert decode_hints(encode_hints({1: {3: 2}})) is None
    assert decode_hints(encode_hints(hints)[:-1]) is None
