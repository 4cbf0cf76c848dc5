"""Modules to bytes and back.

Spec: ``binary/index.html``.
"""

from __future__ import annotations

import pytest

from tests.unit import wasm_bytes as wb
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import WRITERS, encode_module
from wasmpy.config import Features
from wasmpy.isa.derived import op_of
from wasmpy.isa.immediates import IMMEDIATES
from wasmpy.isa.table import INSTRS, Instr
from wasmpy.syntax.module import (
    Active,
    Catch,
    Custom,
    Data,
    Elem,
    Export,
    Expr,
    Func,
    Global,
    Import,
    Mem,
    Module,
    Names,
    Table,
    TypeUse,
)  # fmt: skip
from wasmpy.syntax.types import (
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RefType,
    TableType,
)  # fmt: skip
from wasmpy.text.parser import parse_module

END = op_of("end")
FEATURES = Features.ALL

SAMPLES = {
    "blocktype": [None, I32, EXTERNREF, 0, 63, 64, 2**31],
    "labels": [(0,), (1, 2, 3), tuple(range(300))],
    "heaptype": ["func", "extern", "any", "noexn", 0, 63, 64, 2**31],
    "ref": [RefType.of("i31", null=False), RefType.of(64, null=False)],
    "refnull": [RefType.of("none", null=True), RefType.of(0, null=True)],
    "cast": [
        (0, RefType.of("any", null=True), RefType.of("eq", null=False)),
        (128, RefType.of(2**31, null=False), RefType.of("struct", null=True)),
    ],
    "catches": [(), (Catch(0, False, 0), Catch(200, True, 1), Catch(None, True, 300))],
    "reserved": [0],
    "valtypes": [(), (I32,), (F64, V128, FUNCREF)],
    "memarg": [
        (0, 0, 0),
        (3, 127, 0),
        (2, 128, 0),
        (4, 2**32 - 1, 0),
        (1, 5, 1),
        (2, 0, 300),
        (6, 1, 0),
    ],
    "i32": [0, 63, 64, 2**31 - 1, 2**31, 2**32 - 64, 2**32 - 65, 2**32 - 1],
    "i64": [0, 63, 64, 2**63 - 1, 2**63, 2**64 - 64, 2**64 - 65, 2**64 - 1],
    "f32": [0, 0x7F80_0001, 2**32 - 1],
    "f64": [0, 0x7FF0_0000_0000_0001, 2**64 - 1],
    "v128": [bytes(16), bytes(range(240, 256))],
    "laneidx": [0, 15, 255],
    "lanes": [bytes(16), bytes(range(16, 32))],
}
INDEX_SAMPLES = [0, 1, 127, 128, 16_384, 2**32 - 1]


def test_every_kind_of_immediate_has_a_writer():
    assert WRITERS.keys() == IMMEDIATES.keys()


def in_a_module(instrs) -> Module:
    """A module whose one body is ``instrs`` and the ends they need."""
    opened = sum("blocktype" in row.immediates for row, _ in instrs)
    ops = [row.op for row, _ in instrs] + [END] * (opened + 1)
    imms = [imm for _, imm in instrs] + [None] * (opened + 1)
    return Module([FuncType((), ())], funcs=[Func(0, [], Expr(ops, imms))], datacount=0)


@pytest.mark.parametrize(
    "row",
    [r for r in INSTRS if r.mnemonic not in ("else", "end")],
    ids=lambda r: f"{r.mnemonic}-{r.op:x}",
)
def test_encoding_and_decoding_an_instruction_is_the_identity(row: Instr):
    samples = [SAMPLES.get(kind, INDEX_SAMPLES) for kind in row.immediates]
    for place in range(max([len(s) for s in samples], default=1)):
        several = tuple(s[place % len(s)] for s in samples)
        imm = None if not several else several[0] if len(several) == 1 else several
        module = in_a_module([(row, imm)])
        assert decode_module(encode_module(module), FEATURES) == module


def test_all_instructions_of_one_length_in_one_body():
    plain = [(r, None) for r in INSTRS if not r.immediates and r.mnemonic not in ("else", "end")]
    module = in_a_module(plain)
    assert decode_module(encode_module(module), FEATURES).funcs[0].body.ops == module.funcs[0].body.ops


ZERO = Expr([op_of("i32.const"), END], [0, None])
NULL = Expr([op_of("ref.null"), END], ["extern", None])
FULL = Module(
    types=[FuncType((I32, I64), (F32, F64)), FuncType((), ())],
    imports=[
        Import("é", "", TypeUse(1)),
        Import("a", "t", TableType(EXTERNREF, Limits(0, None))),
        Import("a", "m", MemType(Limits(1, 65_536))),
        Import("a", "g", GlobalType(V128, False)),
    ],
    funcs=[Func(1, [(3, I32), (0, F32), (300, FUNCREF)], Expr([END], [None]))],
    tables=[Table(TableType(FUNCREF, Limits(2, 2**32 - 1)))],
    mems=[Mem(MemType(Limits(0, None)))],
    globals=[Global(GlobalType(I32, True), ZERO)],
    exports=[Export("f", "func", 1), Export("g", "global", 0), Export("t", "table", 1), Export("m", "memory", 0)],
    start=1,
    elems=[
        Elem(FUNCREF, [0, 1], Active(0, ZERO)), Elem(FUNCREF, [0], Active(1, ZERO)),
        Elem(FUNCREF, [], None), Elem(FUNCREF, [1], "declare"), Elem(EXTERNREF, [NULL], Active(1, ZERO)),
        Elem(EXTERNREF, [NULL, 1], None), Elem(EXTERNREF, [], "declare"), Elem(EXTERNREF, [], Active(0, ZERO)),
        Elem(FUNCREF, [Expr([op_of("ref.null"), END], ["func", None]), 1], Active(0, ZERO)),
    ],
    datas=[Data(b"\0" * 200, Active(0, ZERO)), Data(b"", None), Data(b"x", Active(1, ZERO))],
    datacount=3,
    customs=[Custom("first", b"1", 0), Custom("b", b"", 1), Custom("last", b"\xff", 11)],
)  # fmt: skip


def test_a_module_with_one_of_everything():
    data = encode_module(FULL)
    assert decode_module(data) == FULL
    assert encode_module(decode_module(data)) == data


def test_a_custom_section_keeps_its_place_behind_an_empty_section():
    data = wb.module(wb.section(4, b"\0"), wb.custom("x"), wb.ONE_PAGE)
    assert encode_module(decode_module(data)) == data


def test_padding_is_not_kept():
    padded = wb.module(wb.section(5, wb.leb(1, 3) + b"\0" + wb.leb(1, 5)))
    module = decode_module(padded)
    assert decode_module(encode_module(module)) == module
    assert len(encode_module(module)) < len(padded)


NAMES = Names("m", {1: "g", 0: "f"}, {0: {1: "y", 0: "x"}, 3: {0: "z"}})


def test_names_become_a_section_at_the_end():
    module = decode_module(encode_module(Module(types=[FuncType((), ())], names=NAMES)))
    assert module.names == NAMES
    assert [(c.name, c.after) for c in module.customs] == [("name", 1)]
    assert encode_module(module) == encode_module(Module(types=[FuncType((), ())], names=NAMES))


def test_a_name_section_that_says_the_same_is_kept_as_it_is():
    # With a subsection that Names has no room for.
    data = wb.module(wb.custom("name", b"\0\2\1m" + b"\x09\1\0"), wb.ONE_PAGE)
    assert encode_module(decode_module(data)) == data


def test_a_name_section_that_says_otherwise_is_replaced():
    module = decode_module(wb.module(wb.custom("name", b"\0\2\1m"), wb.custom("other")))
    module.names = Names("n")
    again = decode_module(encode_module(module))
    assert again.names == Names("n")
    assert sorted(c.name for c in again.customs) == ["name", "other"]


def test_a_body_that_needs_the_data_count_brings_it():
    module = parse_module('(module (memory 1) (data "x") (func (data.drop 0)))')
    module.datacount = None
    assert decode_module(encode_module(module)).datacount == 1
    without = Module(mems=[Mem(MemType(Limits(1, None)))], datas=[Data(b"x", None)])
    assert decode_module(encode_module(without)).datacount is None
