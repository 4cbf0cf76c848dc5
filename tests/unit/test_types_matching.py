"""Defined types: canonical equivalence, subtyping, and what bad modules cost."""

from __future__ import annotations

import dataclasses
from typing import List, Optional

import pytest

from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.syntax.module import Module
from wasmpy.syntax.types import (
    HEAPTYPE_CODES,
    I32,
    DefType,
    FuncType,
    RefType,
    StructType,
    SubType,
)
from wasmpy.text import parse_module
from wasmpy.valid import codes, match
from wasmpy.valid.canonical import TypeSpace
from wasmpy.valid.codes import REF_BOTTOM, TooManyTypes, TypeCodes
from wasmpy.valid.match import comptype_match, heaptype_match, reftype_match, top_of
from wasmpy.valid.module import validate_module


def module(source: str) -> Module:
    """The module, through text and binary."""
    parsed = parse_module(f"(module {source})", Features.WASM3)
    decoded = decode_module(encode_module(parsed), Features.WASM3)
    for field in ("types", "subs", "recs", "funcs", "tables", "globals", "elems"):
        assert getattr(decoded, field) == getattr(parsed, field)
    return decoded


def types(source: str, space: Optional[TypeSpace] = None) -> List[DefType]:
    return (space or TypeSpace()).close(module(source))


def refused(source: str, **limits: int) -> InvalidError:
    bounds = dataclasses.replace(DEFAULT_LIMITS, **limits)
    with pytest.raises(InvalidError) as caught:
        validate_module(module(source), Features.WASM3, bounds)
    return caught.value


# Canonical types


def test_equivalent_groups_are_one_object() -> None:
    one, two, other, last = types(
        "(rec (type (func (param (ref 1)))) (type (struct)))"
        "(rec (type (func (param (ref 3)))) (type (struct)))"
    )
    assert (one, two) == (other, last)
    assert one is other
    assert two.comp == StructType(())
    assert one.comp == FuncType((RefType(0, False, two),), ())


@pytest.mark.parametrize(
    "source",
    [
        "(rec (type (func)) (type (struct))) (rec (type (struct)) (type (func)))",
        "(rec (type (func)) (type (struct))) (type (func)) (type (struct))",
        "(type (sub (func))) (type (func))",
        "(type (sub (func))) (type (sub 0 (func))) (type (sub final 0 (func)))",
        "(type (struct)) (type (struct (field i8))) (type (struct (field (mut i8))))",
        "(type (array i8)) (type (struct (field i8)))",
        "(type (func (param (ref 0)))) (type (func (param (ref 0))))",
    ],
)
def test_types_that_differ_are_different_objects(source: str) -> None:
    found = types(source)
    assert len(set(found)) == len(found)


def test_a_recursive_type_is_not_one_that_refers_to_its_equal() -> None:
    own, copy, outside = types(
        "(type (struct (field (ref null 0)))) (type (struct (field (ref null 1))))"
        "(type (struct (field (ref null 0))))"
    )
    assert own is copy
    assert outside is not own


def test_modules_of_one_space_share_types_and_those_of_two_do_not() -> None:
    source = "(rec (type $f (func (result (ref $a)))) (type $a (array (ref $f))))"
    space = TypeSpace()
    assert types(source, space) == types("(type (func))" + source, space)[1:]
    assert not set(types(source)) & set(types(source))
    assert space.count == 3


def test_a_function_type_of_the_host_is_the_plain_one_of_a_module() -> None:
    space = TypeSpace()
    plain, open_ = types("(type (func (param i32))) (type (sub (func (param i32))))", space)
    assert space.intern(FuncType((I32,), ())) is plain
    assert plain is not open_


# Subtyping


CHAIN = (
    "(type $a (sub (struct (field (ref null any)))))"
    "(type $b (sub $a (struct (field (ref null $a)) (field (mut i8)))))"
    "(type $c (sub final $b (struct (field (ref $b)) (field (mut i8)) (field i64))))"
    "(type $x (sub (struct (field (ref null any)))))"
    "(type $f (func)) (type $v (array i8))"
)


def test_a_type_matches_what_it_is_declared_below() -> None:
    a, b, c, x, f, v = types(CHAIN)
    assert (a.depth, b.depth, c.depth) == (0, 1, 2)
    assert (c.super, b.super, a.super) == (b, a, None)
    assert x is a
    table = [[one.matches(other) for other in (a, b, c)] for one in (a, b, c)]
    assert table == [[True, False, False], [True, True, False], [True, True, True]]
    assert [top_of(t) for t in (a, f, v)] == ["any", "func", "any"]


def test_abstract_types_are_around_the_defined_ones() -> None:
    a, _, c, _, f, v = types(CHAIN)
    above = {t: {h for h in HEAPTYPE_CODES if heaptype_match(t, h)} for t in (c, f, v)}
    assert above == {c: {"struct", "eq", "any"}, f: {"func"}, v: {"array", "eq", "any"}}
    below = {t: {h for h in HEAPTYPE_CODES if heaptype_match(h, t)} for t in (a, f)}
    assert below == {a: {"none"}, f: {"nofunc"}}


def test_the_lattice_of_abstract_types() -> None:
    pairs = {
        (one, other)
        for one in HEAPTYPE_CODES
        for other in HEAPTYPE_CODES
        if one != other and heaptype_match(one, other)
    }
    assert pairs == {
        ("eq", "any"), ("i31", "eq"), ("i31", "any"), ("struct", "eq"), ("struct", "any"),
        ("array", "eq"), ("array", "any"), ("nofunc", "func"), ("noextern", "extern"),
        ("noexn", "exn"), *(("none", t) for t in ("any", "eq", "i31", "struct", "array")),
    }  # fmt: skip


def test_null_goes_one_way() -> None:
    some, maybe = RefType.of("i31", null=False), RefType.of("eq", null=True)
    assert reftype_match(some, maybe)
    assert not reftype_match(RefType.of("i31", null=True), RefType.of("eq", null=False))
    assert not reftype_match(maybe, some)


@pytest.mark.parametrize(
    ("above", "below", "fits"),
    [
        ("(func (param (ref $s)))", "(func (param anyref))", True),
        ("(func (param anyref))", "(func (param (ref $s)))", False),
        ("(func (result anyref))", "(func (result (ref $s)))", True),
        ("(func)", "(func (param i32))", False),
        ("(struct)", "(struct (field i32))", True),
        ("(struct (field i32))", "(struct)", False),
        ("(struct (field anyref))", "(struct (field (ref $s)))", True),
        ("(struct (field (mut anyref)))", "(struct (field (mut (ref $s))))", False),
        ("(struct (field (mut anyref)))", "(struct (field anyref))", False),
        ("(struct (field i8))", "(struct (field i16))", False),
        ("(array anyref)", "(array (ref $s))", True),
        ("(array (mut i8))", "(array i8)", False),
        ("(array i32)", "(struct (field i32))", False),
    ],
)
def test_what_is_declared_below_must_match_by_its_shape(above: str, below: str, fits: bool) -> None:
    source = f"(type $s (struct)) (type $a (sub {above})) (type $b (sub $a {below}))"
    _, one, other = types(source)
    assert comptype_match(other.comp, one.comp) is fits
    if fits:
        assert validate_module(module(source), Features.WASM3) == []
    else:
        assert refused(source).rule == "subtype"


def test_a_final_type_has_none_below_it() -> None:
    error = refused("(type (func)) (type (sub 0 (func)))")
    assert (error.rule, error.expected) == ("subtype", "[] -> []")


def test_a_type_index_must_be_known_by_then() -> None:
    for source in (
        "(type (func (param (ref 1)))) (type (func))",
        "(rec (type (sub 1 (func))) (type (sub (func))))",
        "(type (sub 0 (func)))",
        "(func (local (ref null 7)))",
        "(table 1 (ref null 9))",
        "(global (ref null 4) (ref.null 4))",
        "(func (drop (ref.null 3)))",
    ):
        assert refused(source).message.startswith("unknown type")


def test_several_supertypes_are_refused() -> None:
    two = module("(type (sub (func))) (type (sub (func)))")
    two.types.append(FuncType((), ()))
    two.subs[2] = SubType(False, (0, 1))
    with pytest.raises(InvalidError) as caught:
        validate_module(two, Features.WASM3)
    assert caught.value.rule == "subtype"


# Codes


def test_equivalent_types_have_one_code() -> None:
    found = types("(type (func)) (type (func)) (type (struct))")
    table = TypeCodes(found)
    one, other, last = (table.ref(i, null=True) for i in range(3))
    assert one == other != last
    assert table.match(one, table.ref("func", null=True))
    assert not table.match(last, one)
    assert table.match(REF_BOTTOM, last)
    assert not table.match(REF_BOTTOM, I32.code)
    assert table.not_null(last) in table.unset


def test_a_type_alone_is_known_again_by_what_it_refers_to() -> None:
    found = types(
        "(type (func (param i32))) (type (func (param (ref 0)))) (type (array i8)) (type (struct (field i8)))"
        "(type (func (param i32))) (type (func (param (ref 4)))) (type (array i8)) (type (struct (field i8)))"
        "(type (struct (field (ref null 8)))) (type (struct (field (ref null 9))))"
    )
    assert found[:4] == found[4:8]
    assert len(set(found[:4])) == 4
    assert found[8] is found[9]
    assert len({deftype.number for deftype in found}) == 5


def test_a_byte_is_enough_for_some_two_hundred_types_and_a_wide_code_for_all() -> None:
    found = types("".join(f"(type (struct{' (field i32)' * i}))" for i in range(300)))
    narrow, wide = TypeCodes(found), TypeCodes(found, wide=True)
    with pytest.raises(TooManyTypes):
        for i in range(300):
            assert 0 < narrow.ref(i, null=True) < REF_BOTTOM
    assert i > 200
    assert len({wide.ref(i, null=null) for i in range(300) for null in (True, False)}) == 600


def many_types(count: int, body: str) -> str:
    structs = "".join(f"(type (struct{' (field i8)' * i}))" for i in range(count))
    takes = "".join(f"(func (param (ref {i})) (param (ref null {i})))" for i in range(count))
    return f"{structs} {takes} {body}"


def test_a_module_with_more_reference_types_than_bytes_is_validated() -> None:
    use = (
        "(func (param $p i32) (result (ref struct)) (local $r (ref 7))"
        " (block $l (result (ref null 290))"
        "  (call 290 (struct.new_default 290) (br_on_null 0 (ref.null 290) (ref.null 290)))"
        "  (br_if $l (struct.new_default 290) (local.get $p)))"
        " drop (local.set $r (struct.new_default 7))"
        " (if (result (ref eq)) (local.get $p) (then (local.get $r)) (else (struct.new_default 3)))"
        " (loop (br_table 0 0 (local.get $p))) unreachable)"
    )
    source = many_types(300, use.replace("(br_on_null 0 (ref.null 290) (ref.null 290))", "(ref.null 290)"))
    tables = validate_module(module(source), Features.WASM3)
    assert len(tables) == 301
    wrong = "(func (call 290 (struct.new_default 289) (ref.null 290)))"
    error = refused(many_types(300, wrong))
    assert (error.instr, error.func) == ("call", 300)
    assert error.expected is not None
    assert "(ref 290)" in error.expected


# Hostile modules: work is counted, not time


class Counted:
    """Counts the calls of a function that is replaced by it."""

    def __init__(self, function: object) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *args: object) -> object:
        self.calls += 1
        return self.function(*args)  # type: ignore[operator]


def test_the_work_for_types_grows_with_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmpy.valid import canonical

    counts = []
    for n in (500, 1000):
        counted = Counted(canonical._valtype)
        monkeypatch.setattr(canonical, "_valtype", counted)
        one = " ".join(f"(type (struct (field (ref null {(i * 7) % n}))))" for i in range(n))
        group = f"(rec {one})"
        again = f"(rec {one.replace('(ref null ', '(ref null $x')})"
        for i in reversed(range(n)):
            again = again.replace(f"$x{i})", f"{i + n})")
        monkeypatch.undo()
        parsed = module(group + again)
        monkeypatch.setattr(canonical, "_valtype", counted)
        found = TypeSpace().close(parsed)
        assert found[:n] == found[n:]
        monkeypatch.undo()
        counts.append(counted.calls)
    assert counts[1] == 2 * counts[0]


def chain(depth: int) -> str:
    below = "".join(f"(type (sub {i} (struct)))" for i in range(depth))
    return f"(type (sub (struct))) {below}"


def test_a_subtype_chain_is_limited() -> None:
    assert validate_module(module(chain(63)), Features.WASM3) == []
    assert refused(chain(64)).rule == "subtype"
    assert refused(chain(5), subtype_depth=4).rule == "subtype"
    assert validate_module(module(chain(4)), Features.WASM3) == []


def test_a_pair_of_types_is_matched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(codes.reftype_match)
    monkeypatch.setattr(codes, "reftype_match", counted)
    params = "(param (ref null any))" * 100
    pushes = "(ref.null none)" * 100
    body = f"(call $f {pushes})" * 50
    validate_module(module(f"(func $f {params}) (func {body})"), Features.WASM3)
    assert counted.calls <= 2


def test_matching_walks_no_further_than_the_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    found = types(chain(63))
    counted = Counted(match.heaptype_match)
    monkeypatch.setattr(match, "heaptype_match", counted)
    assert reftype_match(RefType(0, False, found[-1]), RefType(0, False, found[0]))
    assert counted.calls == 1


def test_the_number_of_fields_is_limited() -> None:
    data = encode_module(parse_module(f"(type (struct {'(field i8)' * 20}))", Features.WASM3))
    assert len(decode_module(data, Features.WASM3).types) == 1
    with pytest.raises(MalformedError) as caught:
        decode_module(data, Features.WASM3, dataclasses.replace(DEFAULT_LIMITS, struct_fields=19))
    assert caught.value.section == "type"


def test_the_number_of_types_counts_the_members_of_groups() -> None:
    data = encode_module(parse_module("(rec (type (func)) (type (func))) (type (func))"))
    bounds = dataclasses.replace(DEFAULT_LIMITS, types=2)
    with pytest.raises(MalformedError) as caught:
        decode_module(data, Features.WASM3, bounds)
    assert caught.value.section == "type"


@pytest.mark.parametrize("feature", ["gc", "function_references"])
@pytest.mark.parametrize(
    ("needs", "hexes"),
    [
        ("gc", "0001 5f00"), ("gc", "0001 4e0160 0000"), ("gc", "0001 6001 6e00"),
        ("function_references", "0001 6001 6470 00"),
    ],
)
def test_a_type_of_a_feature_that_is_off_is_malformed(feature: str, needs: str, hexes: str) -> None:
    body = bytes.fromhex(hexes)[1:]
    data = b"\0asm\1\0\0\0\1" + bytes([len(body)]) + body
    off = Features.WASM2
    with pytest.raises(MalformedError) as caught:
        decode_module(data, off)
    assert needs in caught.value.message
    if feature == needs:
        assert len(decode_module(data, off.having(feature)).types) == 1
