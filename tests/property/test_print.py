"""Modules that nobody wrote: decode∘encode and parse∘print are identities on them.

What belongs here: modules made from the instruction table, with names of any
characters, any floats and any bytes; they need not be valid.  And the programs
that tiers are compared on: several functions with long and nested bodies.
"""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiers.observed import program_of
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
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
    TagUse,
    TypeUse,
)
from wasmpy.syntax.types import (
    EXTERNREF,
    F32,
    F64,
    FUNC_REF,
    FUNCREF,
    HEAPTYPE_CODES,
    I8,
    I32,
    I64,
    V128,
    ArrayType,
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    RefType,
    StructType,
    SubType,
    TableType,
)
from wasmpy.text.parser import parse_module
from wasmpy.text.printer import Style, print_module

END = op_of("end")
ELSE = op_of("else")
small = st.integers(0, 3)
u32 = st.one_of(small, st.integers(0, 2**32 - 1))
heaptypes = st.one_of(st.sampled_from(sorted(HEAPTYPE_CODES)), small)
reftypes = st.builds(lambda h, n: RefType.of(h, null=n), heaptypes, st.booleans())
valtypes = st.one_of(st.sampled_from([I32, I64, F32, F64, V128, FUNCREF, EXTERNREF]), reftypes)
functypes = st.builds(
    lambda p, r: FuncType(tuple(p), tuple(r)), st.lists(valtypes, max_size=3), st.lists(valtypes, max_size=3)
)
fieldtypes = st.builds(FieldType, st.one_of(valtypes, st.just(I8)), st.booleans())
structtypes = st.builds(lambda f: StructType(tuple(f)), st.lists(fieldtypes, max_size=3))
limits = st.builds(Limits, u32, st.one_of(st.none(), u32))
names = st.text(max_size=6)
BLOCKS = [row for row in INSTRS if row.immediates[:1] == ("blocktype",)]
PLAIN = [row for row in INSTRS if row not in BLOCKS and row.op not in (END, ELSE)]

# A block type that is a type index is one of a function type: text says its signature too.
KINDS: Dict[str, Any] = {
    "blocktype": st.one_of(st.none(), valtypes, st.integers(0, 1)),
    "labels": st.lists(u32, min_size=1, max_size=4).map(tuple),
    "heaptype": heaptypes,
    "valtypes": st.lists(valtypes, min_size=1, max_size=2).map(tuple),
    "catches": st.lists(
        st.builds(Catch, st.one_of(st.none(), small), st.booleans(), small), max_size=3
    ).map(tuple),
    "memarg": st.tuples(st.integers(0, 4), st.integers(0, 2**64 - 1), small),
    "ref": heaptypes.map(lambda h: RefType.of(h, null=False)),
    "refnull": heaptypes.map(lambda h: RefType.of(h, null=True)),
    "cast": st.tuples(small, reftypes, reftypes),
    "reserved": st.just(0),
    "i32": u32,
    "i64": st.integers(0, 2**64 - 1),
    "f32": st.integers(0, 2**32 - 1),
    "f64": st.integers(0, 2**64 - 1),
    "v128": st.binary(min_size=16, max_size=16),
    "laneidx": st.integers(0, 255),
    "lanes": st.binary(min_size=16, max_size=16),
}
for _kind in IMMEDIATES:
    KINDS.setdefault(_kind, small)


@st.composite
def immediate(draw: Any, row: Instr) -> Any:
    values = tuple(draw(KINDS[kind]) for kind in row.immediates)
    if row.immediates == ("typeidx", "tableidx"):
        values = (draw(st.integers(0, 1)), values[1])  # with its signature, as a block type
    return None if not values else values[0] if len(values) == 1 else values


@st.composite
def bodies(draw: Any) -> Expr:
    ops: List[int] = []
    imms: List[Any] = []
    nest: List[str] = []
    for _ in range(draw(st.integers(0, 12))):
        choice = draw(st.integers(0, 9))
        if choice == 0 and nest:
            nest.pop()
            ops.append(END)
            imms.append(None)
        elif choice == 1 and nest and nest[-1] == "if":
            nest[-1] = "else"
            ops.append(ELSE)
            imms.append(None)
        else:
            row = draw(st.sampled_from(BLOCKS if choice == 2 else PLAIN))
            if row in BLOCKS:
                nest.append(row.mnemonic)
            ops.append(row.op)
            imms.append(draw(immediate(row)))
    return Expr(ops + [END] * (len(nest) + 1), imms + [None] * (len(nest) + 1))


CONSTANTS = st.sampled_from(
    [Expr([op_of("i32.const"), END], [5, None]), Expr([op_of("global.get"), END], [0, None]),
     Expr([op_of("i32.const"), op_of("i32.const"), op_of("i32.add"), END], [1, 2, None, None])]
)  # fmt: skip


@st.composite
def modules(draw: Any) -> Module:
    # Types 0 and 1 are functions, so that a type use can say its signature; 2 and 3 anything.
    types = [draw(functypes), draw(functypes), draw(structtypes), ArrayType(draw(fieldtypes))]
    module = Module(types=list(types))
    if draw(st.booleans()):
        module.subs = {2: SubType(final=draw(st.booleans()), supers=(draw(small),))}
        module.recs = [(1, 3)]
    kinds = st.sampled_from([TypeUse(0), TagUse(1), TableType(FUNCREF, Limits(1, None)), MemType(Limits(1, 2)),
                             GlobalType(I32, False)])  # fmt: skip
    module.imports = [Import(draw(names), draw(names), desc) for desc in draw(st.lists(kinds, max_size=3))]
    module.tables = [Table(TableType(draw(reftypes), draw(limits), draw(st.sampled_from([I32, I64]))))]
    module.mems = [Mem(MemType(draw(limits), draw(st.sampled_from([I32, I64]))))]
    module.tags = [TagUse(draw(st.integers(0, 1)))]
    module.globals = [Global(GlobalType(draw(valtypes), draw(st.booleans())), draw(CONSTANTS))]
    kinds_of_export = st.sampled_from(["func", "table", "memory", "global", "tag"])
    module.exports = [Export(draw(names), draw(kinds_of_export), draw(small)) for _ in range(draw(small))]
    module.start = draw(st.one_of(st.none(), small))
    mode = st.one_of(st.none(), st.builds(Active, small, CONSTANTS))
    module.elems = [
        Elem(FUNC_REF, draw(st.lists(small, max_size=3)), draw(st.one_of(mode, st.just("declare")))),
        Elem(draw(reftypes), [draw(CONSTANTS)], draw(mode)),
    ]
    module.datas = [Data(draw(st.binary(max_size=70)), draw(mode))]
    module.datacount = 1
    module.funcs = [Func(draw(st.integers(0, 1)), [(2, I32), (1, F64)], draw(bodies()))]
    module.customs = [Custom("c", draw(st.binary(max_size=5)), draw(st.sampled_from([0, 1, 10, 11])))]
    module.customs = module.customs[: draw(st.integers(0, 1))]
    module.names = draw(
        st.builds(Names, module=st.one_of(st.none(), names), funcs=st.dictionaries(st.just(0), names),
                  types=st.dictionaries(small, names), elems=st.dictionaries(st.integers(0, 1), names))
    )  # fmt: skip
    return module


def check_encoded(module: Module) -> None:
    data = encode_module(module)
    again = decode_module(data, Features.ALL)
    again.customs = module.customs  # the names have become one
    assert again == module
    assert encode_module(decode_module(data, Features.ALL)) == data


def check_printed(module: Module, *, fold: bool) -> None:
    again = parse_module(print_module(module, Style(fold=fold)))
    again.datacount = module.datacount  # a module without instructions on data needs none
    assert again == module


@settings(max_examples=150, deadline=None)
@given(modules())
def test_what_is_encoded_decodes_to_the_same_module(module: Module) -> None:
    check_encoded(module)


@settings(max_examples=150, deadline=None)
@given(modules(), st.booleans())
def test_what_is_printed_parses_to_the_same_module(module: Module, fold: bool) -> None:
    check_printed(module, fold=fold)


@pytest.mark.parametrize("seed", range(40))
def test_a_generated_program_is_the_same_encoded_and_printed(seed: int) -> None:
    text, decoded = program_of(seed)
    module = parse_module(text)
    assert len(module.funcs) > 1
    assert decoded.binary == encode_module(module)
    check_encoded(module)
    for fold in (False, True):
        check_printed(module, fold=fold)
