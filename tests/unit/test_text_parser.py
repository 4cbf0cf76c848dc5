"""Modules in the text format."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmpy.config import Features
from wasmpy.errors import MalformedError
from wasmpy.isa.derived import BY_MNEMONIC, op_of
from wasmpy.isa.table import INSTRS
from wasmpy.syntax.module import Active, Elem, Export, Expr, Import, TypeUse
from wasmpy.syntax.types import (
    EXTERNREF,
    F32,
    F64,
    FUNC_REF,
    FUNCREF,
    I32,
    I64,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RefType,
    TableType,
)
from wasmpy.text import Unsupported, parse_module
from wasmpy.text.instrs import RULES, STRUCTURED


def expr(*instrs: object) -> Expr:
    """An expression from mnemonics, each alone or with its immediate in a tuple; ``end`` is added."""
    pairs = [(i, None) if isinstance(i, str) else i for i in (*instrs, "end")]
    return Expr([op_of(name) for name, _ in pairs], [imm for _, imm in pairs])


def body(source: str, prelude: str = "") -> Expr:
    return parse_module(f"(module {prelude} (func {source}))").funcs[0].body


def i32(value: int) -> tuple:
    return ("i32.const", value)


# Instructions


def test_every_row_of_the_table_has_a_rule() -> None:
    for row in INSTRS:
        assert row.immediates in RULES or row.immediates in STRUCTURED, row.mnemonic


def test_every_mnemonic_parses() -> None:
    prelude = "(type (func)) (func) (table 1 funcref) (memory 1) (tag) (global i32 (i32.const 0))"
    prelude += " (elem func) (data)"
    operands = {
        "labels": "0 0", "heaptype": "func", "i32": "1", "i64": "1", "f32": "1", "f64": "1",
        "memarg": "offset=8 align=1", "blocktype": "", "typeidx": "0", "valtypes": "",
        "v128": "i64x2 0 1", "lanes": " ".join(map(str, range(16))),
        "catches": "(catch 0 0) (catch_all_ref 1)", "reserved": "",
        "ref": "(ref func)", "refnull": "(ref null func)", "cast": "0 anyref (ref i31)",
    }  # fmt: skip
    for row in INSTRS:
        if row.mnemonic in ("else", "end"):
            continue
        text = " ".join(operands.get(kind, "0") for kind in row.immediates)
        if row.immediates == ("typeidx", "tableidx"):
            text = "0 (type 0)"
        elif row.immediates == ("valtypes",):
            text = "(result i32)"
        close = "end" if "blocktype" in row.immediates else ""
        module = parse_module(f"{prelude} (func {row.mnemonic} {text} {close})")
        assert module.funcs[1].body.ops[0] == row.op


SAME = [
    ("i32.const 1 i32.const 2 i32.add drop", "(drop (i32.add (i32.const 1) (i32.const 2)))"),
    ("i32.const 1 (drop)", "(i32.const 1) drop"),
    ("block $l br $l end $l", "(block $l (br $l))"),
    ("block (result i32) i32.const 1 end drop", "(drop (block (result i32) (i32.const 1)))"),
    ("i32.const 1 if nop else unreachable end", "(if (i32.const 1) (then (nop)) (else unreachable))"),
    ("i32.const 1 if $a br $a end", "(if $a (i32.const 1) (then br $a))"),
    ("i32.const 1 if else end", "i32.const 1 if $x else $x end $x"),
    ("loop $a block $b br 1 br 0 end end", "(loop $a (block $b (br $a) (br $b)))"),
    (
        "i32.const 0 i32.const 1 if (result i32) i32.const 2 else i32.const 3 end i32.add drop",
        "(drop (i32.add (i32.const 0) (if (result i32) (i32.const 1)"
        " (then (i32.const 2)) (else (i32.const 3)))))",
    ),
    ("i32.const 0 br_table 0 0 0", "(br_table 0 0 0 (i32.const 0))"),
    (
        "i32.const 0 i32.const 1 i32.const 2 select (result i32) drop",
        "(drop (select (result i32) (i32.const 0) (i32.const 1) (i32.const 2)))",
    ),
    ("if if nop end else nop end", "if (if (then nop)) else nop end"),
]  # fmt: skip


@pytest.mark.parametrize(("flat", "folded"), SAME)
def test_folded_is_the_same_as_flat(flat: str, folded: str) -> None:
    assert body(flat) == body(folded)


leaves = st.sampled_from(["nop", "(nop)", "i32.const 7 drop", "(drop (i32.const -1))"])


def nest(inner: st.SearchStrategy) -> st.SearchStrategy:
    sequence = st.lists(inner, max_size=3)
    flat = st.tuples(st.sampled_from(["block", "loop"]), sequence)
    return st.one_of(
        st.tuples(st.just("flat"), flat), st.tuples(st.just("if"), st.tuples(sequence, sequence))
    )


def write(tree: object, folded: bool) -> str:
    if isinstance(tree, str):
        return tree
    form, content = tree
    if form == "flat":
        inside = " ".join(write(t, folded) for t in content[1])
        return f"({content[0]} {inside})" if folded else f"{content[0]} {inside} end"
    then, other = (" ".join(write(t, folded) for t in arm) for arm in content)
    if folded:
        return f"(if (i32.const 1) (then {then}) (else {other}))"
    return f"i32.const 1 if {then} else {other} end"


@given(st.recursive(leaves, nest, max_leaves=20))
def test_any_nesting_is_the_same_folded_and_flat(tree: object) -> None:
    assert body(write(tree, folded=True)) == body(write(tree, folded=False))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(i32.eqz ", ")"),
        ("(block ", ")"),
        ("block ", " end"),
        ("(if (i32.const 1) (then ", "))"),
        ("(if (i32.const 1) (then) (else ", "))"),
        ("(if ", "(then))"),
        ("loop (block ", ") end"),
        ("i32.const 1 if ", " else end"),
        ("block $a ", " (br $a) end $a"),
    ],
)
def test_nesting_costs_no_recursion(before: str, after: str) -> None:
    depth = 10_000
    found = body(before * depth + "(i32.const 0)" + after * depth)
    assert len(found) > depth


def test_immediates() -> None:
    prelude = """
      (type $t (func (param i32))) (type $u (func (param i32 i32) (result i32 i32)))
      (import "m" "f" (func $f)) (table $t0 1 funcref) (table $t1 1 externref)
      (memory $m 1) (global $g (mut i32) (i32.const 0)) (elem $e func) (data $d "")
    """
    found = body(
        """(local $x i64)
        local.get $x  global.get $g  call $f  ref.func $f  ref.null extern  ref.null func
        call_indirect $t1 (type $t)  call_indirect (param i32)  call_indirect 1 (type 1)
        table.init $t1 $e  table.init $e  table.copy $t1 $t0  table.copy  table.get  table.set $t1
        memory.init $d  memory.init 0 $d  memory.copy  memory.fill  memory.size $m  data.drop $d
        i32.load  i64.load offset=1  i32.load8_u offset=0x10 align=1  f64.store $m offset=2 align=4
        f32.const -0  f64.const inf  i64.const -1  select (result funcref)  select (result)
        block (type $t) end  loop (param i32) end  block (result i32 i32) end  block (result f32) end
        """,
        prelude,
    )
    assert [imm for imm in found.imms if imm is not None] == [
        0, 0, 0, 0, "extern", "func",
        (0, 1), (0, 0), (1, 1),
        (0, 1), (0, 0), (1, 0), (0, 0), 0, 1,
        (0, 0), (0, 0), (0, 0), 0, 0, 0,
        (2, 0, 0), (3, 1, 0), (0, 16, 0), (2, 2, 0),
        0x80000000, 0x7FF0000000000000, 2**64 - 1, (FUNCREF,), (),
        0, 0, 3, F32,
    ]  # fmt: skip


def test_data_instructions_ask_for_a_data_count() -> None:
    assert parse_module('(memory 1) (data "") (func data.drop 0)').datacount == 1
    assert parse_module('(memory 1) (data "") (data "a") (func)').datacount is None


def test_instructions_have_positions() -> None:
    found = body("nop\n  (drop\n   (i32.const 1))")
    base = len("(module  (func ") + 1
    assert found.positions == [(1, base), (3, 5), (2, 4), (3, 18)]


# Types and identifiers


def test_implicit_types_come_behind_the_explicit_ones_in_the_order_of_the_text() -> None:
    module = parse_module(
        """
        (import "" "" (func (param f64)))
        (func (param i32) (call_indirect (param i64) (i64.const 0) (i32.const 0)))
        (func (result i32) (block (param i32) (result i32)))
        (func (type 1)) (func (param i32))
        (type (func (param i32))) (type (func)) (type (func (param i32)))
        (table 0 funcref)
        """
    )
    assert module.types == [
        FuncType((I32,), ()),
        FuncType((), ()),
        FuncType((I32,), ()),
        FuncType((F64,), ()),
        FuncType((I64,), ()),
        FuncType((), (I32,)),
        FuncType((I32,), (I32,)),
    ]
    assert [f.typeidx for f in module.funcs] == [0, 5, 1, 0]


def test_locals_are_numbered_behind_parameters_and_kept_in_runs() -> None:
    module = parse_module(
        """(type $t (func (param i32 f32)))
        (func (type $t) (local i32 i32) (local $a i32) (local f64) (local) (local $b i64)
          local.get $a local.get $b drop drop)
        (func (type $t) (param $x i32) (param $y f32) (local $z i32) local.get $z drop)"""
    )
    assert module.funcs[0].locals == [(3, I32), (1, F64), (1, I64)]
    assert module.funcs[0].body.imms[:2] == [4, 6]
    assert module.names.locals == {0: {4: "a", 6: "b"}, 1: {0: "x", 1: "y", 2: "z"}}


def test_names_are_the_identifiers() -> None:
    module = parse_module('(module $m (import "" "" (func $i)) (func $"a b") (func) (func $c))')
    assert module.names.module == "m"
    assert module.names.funcs == {0: "i", 1: "a b", 3: "c"}


def test_identifiers_may_be_used_before_they_are_defined() -> None:
    module = parse_module(
        """(export "f" (func $f)) (start $f) (elem (table $t) (i32.const 0) func $f)
        (func $f (call $g) (global.set $x (i32.const 1))) (func $g (type $v))
        (table $t 1 funcref) (global $x (mut i32) (i32.const 0)) (type $v (func))"""
    )
    assert module.start == 0
    assert module.exports == [Export("f", "func", 0)]


# Fields


def test_inline_imports_and_exports() -> None:
    module = parse_module(
        """(module
        (func $f (export "a") (export "b") (import "m" "f") (param $p i32))
        (table (import "m" "t") 1 2 funcref)
        (memory (export "m") (import "m" "m") 1)
        (global $g (import "m" "g") (mut i64))
        (func $h (export "c") nop))"""
    )
    assert module.imports == [
        Import("m", "f", TypeUse(0)),
        Import("m", "t", TableType(FUNCREF, Limits(1, 2))),
        Import("m", "m", MemType(Limits(1, None))),
        Import("m", "g", GlobalType(I64, True)),
    ]
    assert module.exports == [
        Export("a", "func", 0),
        Export("b", "func", 0),
        Export("m", "memory", 0),
        Export("c", "func", 1),
    ]


def test_inline_segments() -> None:
    module = parse_module(
        """(elem $a func $f) (table $t funcref (elem $f $f)) (table externref (elem (ref.null extern)))
        (elem $z declare func $f) (memory (export "m") (data "abc" "\\00")) (data $d "z") (func $f)
        (func elem.drop $z data.drop $d)"""
    )
    assert module.elems[1] == Elem(FUNC_REF, [0, 0], Active(0, expr(i32(0))))
    assert module.elems[2] == Elem(
        EXTERNREF, [expr(("ref.null", "extern"))], Active(1, expr(i32(0)))
    )
    assert [t.type.limits for t in module.tables] == [Limits(2, 2), Limits(1, 1)]
    assert module.mems[0].type.limits == Limits(1, 1)
    assert module.datas[0].init == b"abc\0"
    assert module.funcs[1].body.imms[:2] == [3, 1]


ZERO = Active(0, expr(i32(0)))
ONE = Active(1, expr(i32(0)))


@pytest.mark.parametrize(
    ("text", "elem"),
    [
        ("(elem funcref)", Elem(FUNCREF, [], None)),
        ("(elem func)", Elem(FUNC_REF, [], None)),
        ("(elem $x func $f 0)", Elem(FUNC_REF, [0, 0], None)),
        ("(elem declare func $f)", Elem(FUNC_REF, [0], "declare")),
        (
            "(elem declare externref (ref.null extern))",
            Elem(EXTERNREF, [expr(("ref.null", "extern"))], "declare"),
        ),
        (
            "(elem funcref (item ref.func $f) (item (ref.null func)))",
            Elem(FUNCREF, [0, expr(("ref.null", "func"))], None),
        ),
        ("(elem (ref null func) (ref.func 0))", Elem(FUNCREF, [0], None)),
        ("(elem (i32.const 0))", Elem(FUNC_REF, [], ZERO)),
        ("(elem (i32.const 0) $f)", Elem(FUNC_REF, [0], ZERO)),
        ("(elem (offset i32.const 0) func $f)", Elem(FUNC_REF, [0], ZERO)),
        ("(elem $x (offset (i32.const 0)) $f)", Elem(FUNC_REF, [0], ZERO)),
        ("(elem (table $u) (i32.const 0) func $f)", Elem(FUNC_REF, [0], ONE)),
        ("(elem (table 1) (offset (i32.const 0)) funcref)", Elem(FUNCREF, [], ONE)),
        ("(elem 1 (i32.const 0) $f)", Elem(FUNC_REF, [0], ONE)),
    ],
)
def test_element_segments(text: str, elem: Elem) -> None:
    module = parse_module(f"(table 1 funcref) (table $u 1 funcref) (func $f) {text}")
    assert module.elems == [elem]


def test_data_segments() -> None:
    module = parse_module(
        r"""(memory $m 1) (data) (data $a "a" "\62") (data (i32.const 0) "c")
        (data (offset (i32.const 0)) "d") (data (memory $m) (offset i32.const 0) "e")
        (data 0 (i32.const 0) "f")"""
    )
    assert [d.init for d in module.datas] == [b"", b"ab", b"c", b"d", b"e", b"f"]
    assert [d.mode for d in module.datas] == [None, None, ZERO, ZERO, ZERO, ZERO]


# Errors

MALFORMED = [
    ("(func (i32.const))", 17),
    ("(func nope)", 7),
    ("(func $f) (func $f)", 17),
    ("(func (local $x i32) (local $x i32))", 7),
    ("(func (local i32) (param i32))", 20),
    ("(func (result i32) (param i32))", 21),
    ("(func (call $g))", 13),
    ("(func (local.get $x))", 18),
    ("(func (br $l))", 11),
    ("(func (block $a) (br $a))", 22),
    ("(func block $a end $b)", 20),
    ("(func if $a else $b end)", 18),
    ("(func block)", 12),
    ("(func end)", 7),
    ("(func else)", 7),
    ("(func block else end)", 13),
    ("(func if else else end)", 15),
    ("(func (block end))", 14),
    ("(func (block block))", 19),
    ("(func (if (i32.const 0)))", 24),
    ("(func (if (then) (then)))", 19),
    ("(func (if (then) (else) (else)))", 26),
    ("(func (if (else)))", 12),
    ("(func (if (then) nop))", 18),
    ("(func (then))", 8),
    ("(func (i32.add nop))", 16),
    ("(func (block (param $x i32)))", 21),
    ("(func (call_indirect (param $x i32)))", 29),
    ("(func (i32.load align=0))", 17),
    ("(func (i32.load align=3))", 17),
    ("(func (i32.load align=-1))", 17),
    ("(func (i32.load align=1 offset=1))", 25),
    ("(func (i32.load offset=18446744073709551616))", 17),
    ("(func (i32.const 4294967296))", 18),
    ("(func (ref.null nothing))", 17),
    ("(func (memory.init))", 19),
    ("(func (type 0) (param i32))", 7),
    ("(func (type $t))", 13),
    ("(type (func (param i64))) (func (type 0) (param i32))", 33),
    ('(func) (import "" "" (func))', 8),
    ('(func) (memory (import "" "") 1)', 8),
    ("(func) (start 0) (start 0)", 18),
    ("(nope)", 2),
    ("func", 1),
    ('(export "a" (type 0))', 14),
    ('(export "\\ff" (func 0))', 9),
    ("(memory 4294967296000000000000)", 9),
    ("(memory)", 8),
    ("(global i33 (i32.const 0))", 9),
    ('(import "a" (func))', 13),
    ("(table 1)", 9),
    ("(module) (module)", 10),
    ('(import "" "" (nope))', 16),
    ('(export "a" (func $f))', 19),
    ("(table funcref)", 15),
    ("(table 1 funcref) (elem (table 0) 0 func)", 35),
    ("(elem funcref 0)", 15),
    ("(memory 1 2 3)", 13),
    ("(start $f)", 8),
    ("(func (global.set $g))", 19),
    ("(func (br_table $l))", 17),
    ("(func (f32.const 1e39))", 18),
    ("(func (type $t (param i32)))", 13),
    ("(global (mut i32 i32) (i32.const 0))", 18),
    ("(func) 1", 8),
    ("(data (i32.const 0) a)", 21),
    ('(elem (i32.const 0) func "a")', 26),
]


@pytest.mark.parametrize(("source", "column"), MALFORMED)
def test_an_error_says_where(source: str, column: int) -> None:
    for lines in (0, 3):
        with pytest.raises(MalformedError) as caught:
            parse_module("\n" * lines + source)
        assert not isinstance(caught.value, Unsupported)
        assert (caught.value.line, caught.value.column) == (lines + 1, column)


@pytest.mark.parametrize(
    ("source", "feature"),
    [
        ("(func (param v128) (v128.not))", "simd"),
        ("(func (f32x4.relaxed_madd))", "relaxed_simd"),
        ("(func (call_ref 0))", "function_references"),
        ("(func (return_call 0))", "tail_call"),
        ("(tag)", "exceptions"),
        ("(func (throw 0))", "exceptions"),
        ("(rec (type (func)))", "gc"),
        ("(type (struct))", "gc"),
        ("(type (sub (func)))", "gc"),
        ("(func (param anyref))", "gc"),
        ("(func (param nullfuncref))", "gc"),
        ("(func (param (ref null i31)))", "gc"),
        ("(func (param exnref))", "exceptions"),
        ("(func (i32.atomic.load))", "threads"),
        ("(func (i64.add128))", "wide_arithmetic"),
        ("(memory 1 (pagesize 1))", "custom_page_sizes"),
        ('(memory (pagesize 1) (data "a"))', "custom_page_sizes"),
        ('(import "" "" (tag))', "exceptions"),
        ('(export "" (tag 0))', "exceptions"),
        ("(func (param v128))", "simd"),
        ("(global v128 (unreachable))", "simd"),
        ("(func (param funcref))", "reference_types"),
        ("(func (local externref))", "reference_types"),
        ("(table 1 externref)", "reference_types"),
        ("(func block (type 0) end) (type (func))", "multi_value"),
        ("(func (block (param i32)))", "multi_value"),
        ("(func (loop (result i32 i32)))", "multi_value"),
    ],
)
def test_what_is_not_enabled_is_told_apart(source: str, feature: str) -> None:
    with pytest.raises(Unsupported) as caught:
        parse_module(source, Features.ALL.without(feature))
    assert caught.value.feature == feature
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("source", "feature"),
    [
        ("(func (param (ref func)))", "function_references"),
        ("(type $t (func)) (func (param (ref null $t)))", "function_references"),
        ("(memory i64 1)", "memory64"),
        ("(memory 1 1 shared)", "threads"),
        ("(func (memory.size 1))", "multi_memory"),
        ("(table 1 funcref (ref.null func))", "function_references"),
        ("(func try_table end)", "exceptions"),
        ("(func (try_table $l))", "exceptions"),
    ],
)
def test_what_the_features_lack_is_told_apart(source: str, feature: str) -> None:
    parse_module(source)
    with pytest.raises(Unsupported) as caught:
        parse_module(source, Features.WASM2)
    assert caught.value.feature == feature


@pytest.mark.parametrize(
    "source",
    [
        "(memory 0x1_0000_0000)",
        "(memory 0 0x1_0000_0000)",
        "(table 0 0x1_0000_0000 funcref)",
        "(func (i32.load offset=0x1_0000_0000))",
    ],
)
def test_numbers_of_64_bits_need_addresses_of_64_bits(source: str) -> None:
    parse_module(source)
    parse_module(source.replace("0x1_0000_0000", "0xFFFF_FFFF"), Features.WASM2)
    with pytest.raises(MalformedError) as caught:
        parse_module(source, Features.WASM2)
    assert not isinstance(caught.value, Unsupported)
    assert caught.value.line == 1


def test_long_reference_types() -> None:
    module = parse_module(
        "(type $t (func)) (func (param (ref null func) (ref extern) (ref null $t) (ref 0)))"
    )
    assert module.types[1].params == (
        FUNCREF,
        RefType(0, False, "extern"),
        RefType(0, True, 0),
        RefType(0, False, 0),
    )


# Arbitrary text

SEED = """(module $m (type $t (func (param $x i32) (result i32)))
  (import "a" "b" (func $i (type $t))) (table $tab 2 3 funcref) (memory (data "a\\00"))
  (global $g (mut f64) (f64.const 0x1.8p3)) (elem (i32.const 0) $i) (elem $e funcref (ref.null func))
  (data (i32.const 4) "xyz") (export "e" (func $f)) (start $f)
  (func $f (local $l i64) (block $b (br_if $b (i32.eqz (local.get 0)))
    (if (result i32) (i32.const 1) (then (i32.load offset=4 align=2 (i32.const 0))) (else (i32.const 2)))
    drop (call_indirect $tab (type $t) (i32.const 1) (i32.const 2)) br_table 0 $b 0)))"""


def malformed(source: str) -> object:
    """The line of the error, None without one; any other exception fails the test."""
    try:
        parse_module(source)
    except MalformedError as error:
        return error.line
    return None


PIECES = sorted({*SEED.split(), *BY_MNEMONIC, "(", ")", '"', "(;", ";)", ";;", "\n", "$", "-1"})


@settings(max_examples=300)
@given(st.data())
def test_a_changed_module_parses_or_is_malformed(data: st.DataObject) -> None:
    words = SEED.split(" ")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(words)))
        count = data.draw(st.integers(0, 3))
        words[at : at + count] = data.draw(st.lists(st.sampled_from(PIECES), max_size=2))
    source = " ".join(words)
    assert malformed(source) in (None, *range(1, source.count("\n") + 2))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_words_parse_or_are_malformed(words: list) -> None:
    source = "(module (func " + " ".join(words) + "))"
    assert malformed(source) in (None, *range(1, source.count("\n") + 2))


def test_truncated_everywhere() -> None:
    for end in range(1, len(SEED)):
        with pytest.raises(MalformedError):
            parse_module(SEED[:end])
