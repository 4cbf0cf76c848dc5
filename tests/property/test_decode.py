"""Decoding and validation of bytes that nobody wrote: typed errors and nothing else.

What belongs here: truncation, flipped bits, random bytes, random bodies, and
two ways of reading one body that must agree.

Spec: ``binary/index.html``.
"""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit import wasm_bytes as wb
from wasmpy.binary.decode import decode_module, instr_offsets
from wasmpy.binary.encode import encode_module
from wasmpy.binary.instr import InstrReader, read_body, read_expr
from wasmpy.binary.reader import Reader
from wasmpy.binary.types import TypeReader
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.isa.table import INSTRS
from wasmpy.syntax.module import Catch, Expr, Func, Module
from wasmpy.syntax.types import F32, F64, I32, I64, FuncType, RefType, ValType
from wasmpy.text.parser import parse_module
from wasmpy.valid.module import validate_module

WAT = """(module $m
  (type $t (func (param i32) (result i32)))
  (import "env" "f" (func $f (type $t))) (import "env" "g" (global $g i32))
  (memory 1 2) (table 2 10 funcref) (table $e 0 externref)
  (global $h (mut i64) (i64.const -1)) (global funcref (ref.func $f))
  (export "run" (func $run)) (export "mem" (memory 0))
  (start $init)
  (elem (i32.const 0) func $f $run) (elem externref (ref.null extern)) (elem declare func $init)
  (data (global.get $g) "hello") (data "world")
  (func $init (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 5)) (data.drop 1))
  (func $run (type $t) (local f32 f64 i64)
    (if (result i32) (local.get 0)
      (then (i32.load offset=4 (local.get 0)))
      (else (block (result i32) (br_table 0 1 (i32.const 300) (i32.const 1)))))
    (loop $l (br_if $l (i32.eqz (call $f (i32.const -70000)))))
    (local.set 1 (f32.const nan:0x200000))
    (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 0)))
    (i64.store8 (local.get 0) (i64.trunc_sat_f64_u (f64.const 1.5)))
    (call_indirect (type $t) (local.get 0))
    (return (i32.eqz))))"""
SMALL = encode_module(parse_module(WAT))
FEATURES = Features.WASM2


def within(error: MalformedError, data: bytes) -> bool:
    """Whether the error stands somewhere in ``data``."""
    return error.offset is not None and 0 <= error.offset <= len(data)


def verdict(data: bytes) -> str:
    """What the decoder and the validator say; anything but their errors goes through."""
    try:
        module = decode_module(data)
    except MalformedError as error:
        return "malformed" if within(error, data) else "misplaced"
    assert decode_module(encode_module(module)) == module
    try:
        tables = validate_module(module)
    except InvalidError:
        return "invalid"
    assert len(tables) == len(module.funcs)
    return "valid"


def test_the_module_itself_is_valid() -> None:
    assert verdict(SMALL) == "valid"


def section_ends(data: bytes) -> List[Tuple[int, int]]:
    """Where each section ends, and its id."""
    ends, pos = [], 8
    while pos < len(data):
        r = Reader(data, pos + 1, len(data))
        size = r.u32()
        ends.append((r.pos + size, data[pos]))
        pos = r.pos + size
    return ends


# What is whole without the rest: nothing, types, imports, and all but the names.
WHOLE = {8} | {end for end, sid in section_ends(SMALL) if sid in (1, 2, 11)}


@pytest.mark.parametrize("size", sorted(set(range(len(SMALL))) - WHOLE))
def test_a_module_cut_off_at_any_byte_is_malformed(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_module(SMALL[:size])
    assert caught.value.offset is not None
    assert caught.value.offset <= size


def test_a_module_cut_off_between_sections_can_be_whole() -> None:
    assert len(WHOLE) == 4
    for size in WHOLE:
        assert SMALL.startswith(encode_module(decode_module(SMALL[:size])))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_flipped_bits(data: Any) -> None:
    changed = bytearray(SMALL)
    for place, bit in data.draw(
        st.lists(
            st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 7)), min_size=1, max_size=4
        )
    ):
        changed[place] ^= 1 << bit
    assert verdict(bytes(changed)) in ("malformed", "invalid", "valid")


@given(st.integers(0, len(SMALL)), st.integers(0, 8), st.binary(max_size=8))
@settings(max_examples=300, deadline=None)
def test_spliced_bytes(place: int, removed: int, added: bytes) -> None:
    changed = SMALL[:place] + added + SMALL[place + removed :]
    assert verdict(changed) in ("malformed", "invalid", "valid")


@given(st.binary(max_size=200))
@example(b"\x02\x40\x0b")
@settings(max_examples=300, deadline=None)
def test_random_bodies(body: bytes) -> None:
    assert verdict(wb.one_func(body)) in ("malformed", "invalid", "valid")


def both_ways(data: bytes) -> Tuple[Any, Any]:
    """A body read by the loop and by the table: the expression, or the error's message."""
    x = InstrReader(TypeReader(FEATURES, DEFAULT_LIMITS), FEATURES, DEFAULT_LIMITS, 0)
    results: List[Any] = []
    for read in (read_body, read_expr):
        r = Reader(data, 0, len(data), "code")
        try:
            expr = read(x, r)
            results.append((expr, expr.offset, expr.end) if r.pos == r.end else "bytes left")
        except MalformedError as error:
            results.append("bytes left" if "bytes after" in error.message else error.message)
    return results[0], results[1]


LEBS = st.one_of(
    st.integers(0, 2**32 - 1).map(wb.leb),
    st.tuples(st.integers(0, 2**35), st.integers(1, 6)).map(lambda p: wb.leb(*p)),
    st.binary(max_size=3),
)
OPCODES = st.sampled_from([bytes([r.op]) for r in INSTRS if r.prefix is None])
PREFIXED = st.tuples(
    st.sampled_from([(r.prefix, r.sub) for r in INSTRS if r.prefix is not None]), st.integers(1, 6)
).map(lambda p: bytes([p[0][0]]) + wb.leb(p[0][1], p[1]))
PIECES = st.one_of(OPCODES, PREFIXED, LEBS, st.binary(min_size=16, max_size=16))


@given(st.lists(PIECES, max_size=30).map(b"".join))
@example(b"\xfd\x80\x00" + bytes(3))
@example(b"\xfd\xff\x7f")
@example(b"\xfd\x80")
@example(b"\x28\x02\xff\xff\xff\xff\x1f")
@settings(max_examples=800, deadline=None)
def test_the_loop_and_the_table_read_alike(body: bytes) -> None:
    fast, plain = both_ways(body + b"\x0b")
    assert fast == plain


def immediate(draw: Any, kind: str) -> Any:
    """An immediate of a kind that does not depend on others."""
    if kind == "blocktype":
        return draw(st.sampled_from([None, I32, F64]))
    if kind == "labels":
        return tuple(draw(st.lists(st.integers(0, 300), min_size=1, max_size=4)))
    if kind == "heaptype":
        return draw(st.sampled_from(["func", "extern"]))
    if kind in ("ref", "refnull"):
        heaptype = draw(st.sampled_from(["eq", "exn", "noexn", 0, 70]))
        return RefType.of(heaptype, null=kind == "refnull")
    if kind == "cast":
        one, other = (RefType.of(draw(st.sampled_from(["any", 3])), null=draw(st.booleans())) for _ in "ab")
        return (draw(st.integers(0, 300)), one, other)
    if kind == "reserved":
        return 0
    if kind == "catches":
        tags = st.one_of(st.none(), st.integers(0, 300))
        clauses = st.builds(Catch, tags, st.booleans(), st.integers(0, 300))
        return tuple(draw(st.lists(clauses, max_size=3)))
    if kind == "valtypes":
        return (draw(st.sampled_from([I32, I64, F32, F64])),)
    if kind == "memarg":
        return (draw(st.integers(0, 5)), draw(st.integers(0, 2**32 - 1)), 0)
    if kind == "memidx":
        return 0
    if kind in ("v128", "lanes"):
        return draw(st.binary(min_size=16, max_size=16))
    if kind == "laneidx":
        return draw(st.integers(0, 255))
    width = {"i32": 32, "f32": 32, "i64": 64, "f64": 64}.get(kind, 9)
    return draw(st.integers(0, 2**width - 1))


@st.composite
def bodies(draw: Any) -> Expr:
    """A body that is well-formed, valid or not."""
    ops: List[int] = []
    imms: List[Any] = []
    opened = 0
    for row in draw(st.lists(st.sampled_from(INSTRS), max_size=25)):
        if row.mnemonic in ("else", "end"):
            continue
        parts = tuple(immediate(draw, kind) for kind in row.immediates)
        ops.append(row.op)
        imms.append(None if not parts else parts[0] if len(parts) == 1 else parts)
        opened += "blocktype" in row.immediates
    ends = opened + 1
    return Expr(ops + [op_of("end")] * ends, imms + [None] * ends)


@given(bodies())
@settings(max_examples=300, deadline=None)
def test_decoding_inverts_encoding(body: Expr) -> None:
    module = Module([FuncType((), ())], funcs=[Func(0, [], body)], datacount=0)
    data = encode_module(module)
    again = decode_module(data, Features.ALL)
    assert again == module
    offsets = instr_offsets(data, again.funcs[0].body)
    for op, offset in zip(body.ops, offsets):
        row = BY_OP[op]
        assert row is not None
        assert data[offset] == (op if row.prefix is None else row.prefix)


# The side table against a reading of the structure that does not look at types

OPENS = {op_of(m) for m in ("block", "loop", "if")}
ELSE, END, LOOP, IF = (op_of(m) for m in ("else", "end", "loop", "if"))
BR, BR_IF, BR_TABLE = (op_of(m) for m in ("br", "br_if", "br_table"))


def targets(body: Expr) -> List[int]:
    """The pc of every branch of ``body``, found by matching blocks."""
    match: dict = {}
    stack: List[int] = []
    for pc, op in enumerate(body.ops):
        if op in OPENS:
            stack.append(pc)
        elif op == ELSE:
            match[stack[-1], "else"] = pc
        elif op == END and stack:
            match[stack.pop()] = pc
    out: List[int] = []
    labels: List[int] = [-1]

    def label(depth: int) -> int:
        opened = labels[-1 - depth]
        if opened < 0:
            return len(body) - 1
        return opened + 1 if body.ops[opened] == LOOP else match[opened] + 1

    for pc, op in enumerate(body.ops):
        if op == IF:
            out.append(match.get((pc, "else"), match[pc]) + 1)
        if op in OPENS:
            labels.append(pc)
        elif op == ELSE:
            out.append(match[labels[-1]] + 1)
        elif op == END:
            labels.pop()
        elif op in (BR, BR_IF):
            out.append(label(body.imms[pc]))
        elif op == BR_TABLE:
            out.extend(label(depth) for depth in body.imms[pc])
    return out


@st.composite
def structured(draw: Any, depth: int = 1) -> str:
    """Valid code of type [] -> [] in the text format, full of branches."""
    out = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(
            st.sampled_from(
                ["nop", "br", "br_if", "br_table", "block", "loop", "if", "else", "value"]
            )
        )
        label = draw(st.integers(0, depth - 1))
        if kind in ("br_if", "br_table", "if", "else"):
            out.append("i32.const 1")
        if kind in ("block", "loop", "if", "else") and depth < 5:
            inside = draw(structured(depth + 1))
            other = f" else {draw(structured(depth + 1))}" if kind == "else" else ""
            out.append(f"{'if' if kind == 'else' else kind} {inside}{other} end")
        elif kind in ("br", "br_if"):
            out.append(f"{kind} {label}")
        elif kind == "br_table":
            out.append(f"br_table {label} {draw(st.integers(0, depth - 1))}")
        elif kind == "value":
            out.append("i32.const 7 drop")
        else:
            out.append("drop" if kind in ("if", "else") else "nop")
    return " ".join(out)


@given(structured())
@settings(max_examples=200, deadline=None)
def test_the_side_table_follows_the_structure(code: str) -> None:
    module = parse_module(f"(module (func {code}))")
    branches = validate_module(module)[0].branches
    assert branches[0::3] == targets(module.funcs[0].body)
    assert set(branches[1::3]) | set(branches[2::3]) <= {0}


@given(st.lists(st.sampled_from([I32, I64, F32, F64]), max_size=4), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_a_branch_removes_what_is_below_its_values(results: List[ValType], below: int) -> None:
    const = " ".join(f"{t}.const 0" for t in results)
    ignored = "f32.const 1 " * below
    types = " ".join(str(t) for t in results)
    body = f"f64.const 2 block (result {types}) {ignored} {const} br 0 end {'drop ' * (len(results) + 1)}"
    table = validate_module(parse_module(f"(module (func {body}))"))[0]
    assert table.branches[1:] == [len(results), below]
    assert table.max_height == 1 + below + len(results)
