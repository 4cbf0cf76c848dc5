"""Control instructions: what is valid, and the side table.

The expected tables are written by hand from the spec: the pc a branch goes
to, the values it carries, the values below them that it removes.
"""

from __future__ import annotations

import pytest

from tests.unit import wasm_bytes as wb
from tests.unit.timing import least_seconds
from wasmpy.binary.decode import decode_module
from wasmpy.config import Features
from wasmpy.errors import InvalidError
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Expr, Func, Module
from wasmpy.syntax.types import FuncType
from wasmpy.text.parser import parse_module
from wasmpy.valid.module import validate_module


def side_table(body: str, head: str = "(func", more: str = ""):
    module = parse_module(f"(module {head} {body}) {more})")
    return validate_module(module)[0]


def triples(body: str, head: str = "(func", more: str = ""):
    branches = side_table(body, head, more).branches
    return [tuple(branches[i : i + 3]) for i in range(0, len(branches), 3)]


def refusal(body: str, head: str = "(func", more: str = "") -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        side_table(body, head, more)
    return caught.value


TABLES = {
    "a body without branches": ("nop", []),
    "out of a block": ("block nop br 0 end nop", [(4, 0, 0)]),
    "to the head of a loop": ("loop nop br 0 end", [(1, 0, 0)]),
    "to a loop from a block in it": ("nop loop block br 1 end end", [(2, 0, 0)]),
    "to the body itself": ("block br 1 end nop", [(4, 0, 0)]),
    "if with else": ("i32.const 0 if nop else nop end nop", [(4, 0, 0), (6, 0, 0)]),
    "if without else": ("i32.const 0 if nop end nop", [(4, 0, 0)]),
    "if with nothing in it": ("i32.const 0 if end", [(3, 0, 0)]),
    "if with an empty else": ("i32.const 0 if else end", [(3, 0, 0), (4, 0, 0)]),
    "out of both arms": (
        "i32.const 0 if br 0 else br 0 end",
        [(4, 0, 0), (6, 0, 0), (6, 0, 0), (6, 0, 0)],
    ),
    "with a value": ("block (result i32) i32.const 7 br 0 end drop", [(4, 1, 0)]),
    "with a value above others": (
        "block (result i32) i32.const 1 i64.const 2 i32.const 7 br 0 end drop",
        [(6, 1, 2)],
    ),
    "through blocks that hold values": (
        "block (result i32) i64.const 1 block i64.const 2 i32.const 7 br 1 end drop i32.const 0 end drop",
        [(10, 1, 2)],
    ),
    "br_if keeps what is below": (
        "block (result i32) i64.const 1 i32.const 7 i32.const 0 br_if 0 drop drop i32.const 9 end drop",
        [(9, 1, 1)],
    ),
    "a table of labels": (
        "block block i32.const 0 br_table 0 1 2 1 end end",
        [(5, 0, 0), (6, 0, 0), (6, 0, 0), (6, 0, 0)],
    ),
    "a table with a loop": (
        "loop block i32.const 0 br_table 0 1 end end",
        [(5, 0, 0), (1, 0, 0)],
    ),
    "a table with values": (
        "block (result i32) f32.const 0 i32.const 5 i32.const 0 br_table 0 0 end drop",
        [(6, 1, 1), (6, 1, 1)],
    ),
    "dead code has entries too": ("block br 0 i32.const 1 br 0 br_if 0 end", [(6, 0, 0)] * 3),
    "nothing is known to be removed in dead code": (
        "block (result i32) unreachable i64.const 0 i32.const 1 br 0 end drop",
        [(6, 1, 0)],
    ),
    "loop with parameters": (
        "i32.const 1 loop (param i32) i64.const 2 drop br 0 end",
        [(2, 1, 0)],
    ),
    "loop with parameters and more": (
        "i32.const 1 loop (param i32) i64.const 2 i32.const 3 br 0 end",
        [(2, 1, 2)],
    ),
    "if with parameters and results": (
        "i32.const 1 i32.const 0 if (param i32) (result i64) drop i64.const 1 "
        "else drop i64.const 2 end drop",
        [(6, 1, 0), (9, 1, 0)],
    ),
}


@pytest.mark.parametrize("what", TABLES)
def test_where_branches_go(what):
    body, expected = TABLES[what]
    assert triples(body) == expected


def test_a_branch_to_the_body_carries_its_results():
    head = "(func (result i32 i64)"
    assert triples("f32.const 0 i32.const 1 i64.const 2 br 0", head) == [(4, 2, 1)]


HEIGHTS = {
    "": 0,
    "nop": 0,
    "i32.const 0 drop": 1,
    "i32.const 0 i32.const 0 i32.const 0 drop drop drop": 3,
    "i32.const 0 i32.const 0 i32.add i32.const 0 i32.add drop": 2,
    "i32.const 0 block i32.const 0 block i32.const 0 drop end drop end drop": 3,
    "block block block i32.const 0 drop end end end": 1,
    "i32.const 0 i32.const 0 if nop else i32.const 1 i32.const 1 i32.store end drop": 3,
    "i32.const 0 i64.const 0 i64.store": 2,
    "i32.const 1 i32.const 2 br 0": 2,
    "i32.const 1 i32.const 2 unreachable": 2,
    "call 1 drop drop drop": 3,
    "i32.const 0 local.tee 0 i32.load i32.eqz local.set 0": 1,
}


@pytest.mark.parametrize("body", HEIGHTS)
def test_the_greatest_height(body):
    more = "(memory 1) (func (result i32 i32 i32) i32.const 1 i32.const 2 i32.const 3)"
    assert side_table(body, "(func (local i32)", more).max_height == HEIGHTS[body]


VALID = [
    "unreachable i32.add drop",
    "unreachable select drop",
    "unreachable i32.const 1 select drop",
    "unreachable f32.const 1 i32.const 1 select drop",
    "unreachable i64.eqz i32.add drop",
    "block (result i32) unreachable end drop",
    "block (result i32 i64) unreachable i64.const 1 end drop drop",
    "br 0 i32.add drop",
    "return i32.add drop",
    "block unreachable block end br_if 0 end",
    "i32.const 0 br_table 0 i32.add drop",
    "unreachable drop drop drop",
    "unreachable ref.is_null drop",
    "loop (result i32) br 0 end drop",
    "i32.const 0 if unreachable else end",
    "block (result i32) block (result i64) unreachable i32.const 0 br_table 0 1 end drop i32.const 0 end drop",
    "block (result f32) unreachable i32.const 0 br_table 0 0 end drop",
    "block (result i32) block (result i64) unreachable select i32.const 0 br_table 0 1 end drop i32.const 0 end drop",
]


@pytest.mark.parametrize("body", VALID)
def test_code_that_cannot_be_reached_takes_what_it_needs(body):
    assert side_table(body).branches is not None


INVALID = {
    "i32.add drop": ("i32.add", 0, "[i32 i32]", "[]"),
    "i32.const 1 i64.const 1 i32.add drop": ("i32.add", 2, "[i32 i32]", "[i32 i64]"),
    "i32.const 1": ("end", 1, "[]", "[i32]"),
    "i32.const 0 block drop end": ("drop", 2, "[_]", "[]"),
    "i32.const 0 block i32.eqz drop end drop": ("i32.eqz", 2, "[i32]", "[]"),
    "block (result i32) end drop": ("end", 1, "[i32]", "[]"),
    "block (result i32) i64.const 0 end drop": ("end", 2, "[i32]", "[i64]"),
    "block (result i32) br 0 end drop": ("br", 1, "[i32]", "[]"),
    "block (result i32) i64.const 1 br 0 end drop": ("br", 2, "[i32]", "[i64]"),
    "block i32.const 1 end": ("end", 2, "[]", "[i32]"),
    "if end": ("if", 0, "[i32]", "[]"),
    "i32.const 0 if (result i32) i32.const 1 end drop": ("end", 3, "[i32]", "[]"),
    "i32.const 0 if (result i32) else i32.const 1 end drop": ("else", 2, "[i32]", "[]"),
    "i32.const 0 if i32.const 0 else end": ("else", 3, "[]", "[i32]"),
    "i64.const 0 br_if 0": ("br_if", 1, "[i32]", "[i64]"),
    "i32.const 0 br_table 0 0 i32.const 0 br_if 0 i32.const 1": ("end", 5, "[]", "[i32]"),
    "unreachable i64.const 1 i32.eqz drop": ("i32.eqz", 2, "[i32]", "[i64]"),
    "unreachable i32.const 1": ("end", 2, "[]", "[i32]"),
    "return i32.const 1": ("end", 2, "[]", "[i32]"),
    "block (result i32 i64) unreachable i32.const 1 end drop drop": (
        "end",
        3,
        "[i32 i64]",
        "[i32]",
    ),
}


@pytest.mark.parametrize("body", INVALID)
def test_a_mismatch_says_what_and_where(body):
    instr, pc, expected, actual = INVALID[body]
    error = refusal(body)
    assert error.message.startswith("type mismatch")
    assert (error.func, error.instr, error.rule, error.pc) == (0, instr, instr, pc)
    assert (error.expected, error.actual) == (expected, actual)


@pytest.mark.parametrize("instr", ["br 1", "br_if 1", "br_table 0 1 0", "br_table 0 0 1"])
def test_an_unknown_label(instr):
    error = refusal("i32.const 0 " + instr)
    assert error.message.startswith("unknown label 1")
    assert error.instr == instr.split()[0]


@pytest.mark.parametrize("typed", ["", "unreachable"])
def test_labels_of_one_table_have_one_arity(typed):
    body = (
        f"block block (result i32) {typed or 'i32.const 0'} i32.const 0 br_table 0 1 end drop end"
    )
    error = refusal(body)
    assert error.message.startswith("type mismatch")
    assert error.instr == "br_table"


def test_labels_of_one_table_may_differ_in_type_only_where_nothing_is():
    body = "block (result i64) block (result i32) {} i32.const 0 br_table 0 1 end drop i64.const 0 end drop"
    assert side_table(body.format("unreachable")).max_height >= 1
    assert refusal(body.format("i32.const 0")).instr == "br_table"
    assert refusal(body.format("unreachable i32.const 0")).instr == "br_table"


def test_calls():
    more = "(func (param i32 i64) (result f32) f32.const 0)"
    assert triples("i32.const 1 i64.const 2 call 1 drop", more=more) == []
    error = refusal("i64.const 1 i32.const 2 call 1 drop", more=more)
    assert (error.expected, error.actual) == ("[i32 i64]", "[i64 i32]")
    with pytest.raises(InvalidError) as caught:
        validate_module(decode_module(wb.one_func(b"\x10\1")))
    assert caught.value.message.startswith("unknown function 1")


INDIRECT = "(type $t (func (param i64) (result f32))) (table $f 1 funcref) (table $e 1 externref)"


def test_indirect_calls():
    assert triples("i64.const 1 i32.const 0 call_indirect $f (type $t) drop", more=INDIRECT) == []
    assert (
        refusal("i32.const 0 i64.const 1 call_indirect $f (type $t) drop", more=INDIRECT).actual
        == "[i64]"
    )
    assert (
        refusal("i64.const 1 i32.const 0 call_indirect $e (type $t) drop", more=INDIRECT).actual
        == "externref"
    )
    bare = decode_module(wb.one_func(b"\x41\0\x11\0\0"))
    with pytest.raises(InvalidError) as caught:
        validate_module(bare)
    assert caught.value.message.startswith("unknown table 0")
    table = decode_module(wb.one_func(b"\x41\0\x11\5\0", wb.section(4, b"\1\x70\0\0")))
    with pytest.raises(InvalidError) as caught:
        validate_module(table)
    assert caught.value.message.startswith("unknown type 5")


def test_a_block_type_that_is_unknown():
    with pytest.raises(InvalidError) as caught:
        validate_module(decode_module(wb.one_func(b"\2\7\x0b")))
    assert caught.value.message.startswith("unknown type 7")


# Structure, for modules that were not decoded


def of_names(*names: str) -> Module:
    ops = [op_of(n) for n in names]
    return Module([FuncType((), ())], funcs=[Func(0, [], Expr(ops, [None] * len(ops)))])


@pytest.mark.parametrize(
    "names", [(), ("nop",), ("block", "end"), ("end", "end"), ("end", "nop"), ("else", "end")]
)
def test_a_body_that_is_not_well_nested(names):
    with pytest.raises(InvalidError) as caught:
        validate_module(of_names(*names))
    assert caught.value.func == 0


def test_an_opcode_that_is_none():
    module = of_names("nop", "end")
    module.funcs[0].body.ops[0] = 0x06
    with pytest.raises(InvalidError) as caught:
        validate_module(module)
    assert caught.value.message.startswith("illegal opcode")


def test_an_instruction_of_a_feature_that_is_off_is_named():
    module = parse_module("(module (func (drop (i32.extend8_s (i32.const 0)))))")
    assert len(validate_module(module)) == 1
    with pytest.raises(InvalidError) as caught:
        validate_module(module, Features.WASM2.without("sign_extension"))
    assert "sign_extension" in caught.value.message
    assert (caught.value.instr, caught.value.pc) == ("i32.extend8_s", 1)


# Time is linear


def seconds(data: bytes) -> float:
    module = decode_module(data)
    return least_seconds(lambda: validate_module(module))


def nested(depth: int) -> bytes:
    """Blocks with one table of all labels in the innermost, each block branched out of."""
    labels = wb.leb(min(depth, 60_000)) + b"".join(wb.leb(i) for i in range(min(depth, 60_000) + 1))
    return wb.one_func(b"\2\x40" * depth + b"\x41\0\x0e" + labels + b"\x0b" * depth)


def test_deep_nesting_with_branches_to_every_level():
    assert seconds(nested(50_000)) < 40 * max(seconds(nested(5_000)), 0.02)


def with_long_types(kinds: int, tables: int) -> bytes:
    """Dead code whose tables take a thousand values in ``kinds`` ways each, one value there."""
    functypes = [
        b"\x60\0" + wb.leb(1000) + b"\x7f" * i + b"\x7e" + b"\x7f" * (999 - i) for i in range(kinds)
    ]
    parts = [wb.types(wb.VOID, *functypes), wb.section(3, b"\1\0")]
    labels = b"\x0e" + wb.leb(kinds - 1) + b"".join(wb.leb(i) for i in range(kinds))
    blocks = b"".join(b"\2" + wb.leb(i + 1, 2) for i in range(kinds))
    # A select of nothing leaves one value of unknown type, and an index for the table.
    inside = b"\0" + (b"\x1b\x41\0" + labels) * tables + b"\0"
    return wb.module(*parts, wb.code(blocks + inside + b"\x0b\0" * kinds + b"\x0b"))


def test_long_label_types_in_dead_code():
    assert seconds(with_long_types(60, 200)) < 5


def test_many_functions_with_many_locals():
    count = 2_000
    runs = b"\1" + wb.leb(50_000) + b"\x7f"
    bodies = [b"\x20" + wb.leb(49_999) + b"\x1a\x0b"] * count
    parts = [
        wb.types(wb.VOID),
        wb.section(3, wb.vec(*[b"\0"] * count)),
        wb.code(*bodies, runs=runs),
    ]
    assert seconds(wb.module(*parts)) < 5


def test_many_results_are_moved_at_once():
    functype = b"\x60\0" + wb.leb(1000) + b"\x7f" * 1000
    parts = [wb.types(wb.VOID, functype), wb.section(3, b"\2\0\1")]
    bodies = [b"\x10\1\x00" * 2_000 + b"\x0b", b"\0\x0b"]
    assert seconds(wb.module(*parts, wb.code(*bodies))) < 5


def test_one_side_table_for_each_function_of_the_module_itself():
    module = parse_module('(module (import "a" "b" (func)) (func) (func (block (br 0))))')
    assert [t.branches for t in validate_module(module)] == [[], [3, 0, 0]]
