"""The instruction table is total: every code once, every row known to every consumer."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import Any, Dict, Iterator, Tuple

import pytest

from tests.arch.tree import ROOT, merge, python_files, relative, report, tree_of
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.config import FEATURE_NAMES, Features
from wasmpy.errors import TrapKind
from wasmpy.exec import handlergen
from wasmpy.isa.derived import BY_MNEMONIC, BY_OP, COST, op_of
from wasmpy.isa.immediates import IMMEDIATES
from wasmpy.isa.table import INSTRS, OP_COUNT, PREFIX_BASE, Instr
from wasmpy.numerics.specialize import specialize
from wasmpy.syntax.module import Catch, Data, Elem, Expr, Func, Mem, Module, Table
from wasmpy.syntax.types import (
    FUNC_REF,
    FUNCREF,
    I32,
    FuncType,
    Limits,
    MemType,
    RefType,
    TableType,
)

ONE_BYTE = {
    *range(0x06), 0x0B, *range(0x0C, 0x12), *range(0x1A, 0x1D), *range(0x20, 0x27),
    *range(0x28, 0xC5), *range(0xD0, 0xD3),
}  # fmt: skip
"""The one-byte opcodes of WebAssembly 2.0, written down apart from the table."""

BEHIND_FC = set(range(18))


def _ids(row: Instr) -> str:
    return f"{row.mnemonic}-{row.op:#x}"


def test_every_code_of_2_0_without_simd_has_a_row() -> None:
    have = {row.encoding for row in INSTRS if row.feature in Features.WASM2}
    want = {(None, code) for code in ONE_BYTE} | {(0xFC, code) for code in BEHIND_FC}
    assert want - have == set()
    assert {e for e in have if e[0] in (None, 0xFC)} - want == set()


def test_every_code_of_simd_has_a_row() -> None:
    have = {code for prefix, code in (row.encoding for row in INSTRS) if prefix == 0xFD}
    gaps = {
        0x9A, 0xA2, 0xA5, 0xA6, 0xAF, 0xB0, 0xB2, 0xB3, 0xB4, 0xBB, 0xC2, 0xC5, 0xC6, 0xCF, 0xD0,
        0xD2, 0xD3, 0xD4, 0xE2, 0xEE,
    }  # fmt: skip
    assert have == set(range(0x114)) - gaps
    features = Counter(row.feature for row in INSTRS if row.prefix == 0xFD)
    assert features == {"simd": 236, "relaxed_simd": 20}


def test_codes_and_mnemonics_are_unique() -> None:
    assert [op for op, n in Counter(row.op for row in INSTRS).items() if n > 1] == []
    assert [e for e, n in Counter(row.encoding for row in INSTRS).items() if n > 1] == []
    spelled = Counter((row.mnemonic, row.immediates) for row in INSTRS)
    assert [s for s, n in spelled.items() if n > 1] == []


def test_the_numbering_follows_the_encoding() -> None:
    for row in INSTRS:
        prefix, sub = row.encoding
        assert row.op == (sub if prefix is None else PREFIX_BASE[prefix] + sub)
        assert 0 <= row.op < OP_COUNT


def test_the_derived_views_agree_with_the_table() -> None:
    assert [row for row in BY_OP if row is not None] == list(INSTRS)
    assert sum(len(rows) for rows in BY_MNEMONIC.values()) == len(INSTRS)
    assert [COST[row.op] for row in INSTRS] == [row.cost for row in INSTRS]


def test_every_immediate_kind_is_declared_and_used() -> None:
    assert {kind for row in INSTRS for kind in row.immediates} == set(IMMEDIATES)


@pytest.mark.parametrize("row", INSTRS, ids=_ids)
def test_row_is_consistent(row: Instr) -> None:
    assert row.feature in FEATURE_NAMES
    assert row.const in ("", "mvp", *FEATURE_NAMES)
    assert (row.params is None) == (row.results is None)
    assert all(isinstance(kind, TrapKind) for kind in row.traps)
    assert re.fullmatch(r"(exec|valid)/[a-z]+\.html#[a-z0-9-]+", row.anchor)
    assert not (row.numeric and row.access)
    if not row.structural:
        assert row.params is not None
    if row.access is not None:
        assert row.traps == (TrapKind.MEMORY_OUT_OF_BOUNDS,)
        of_a_lane = row.access.lanes == "lane"
        assert row.immediates == (("memarg", "laneidx") if of_a_lane else ("memarg",))


def test_only_what_leaves_no_trace_is_free_of_fuel() -> None:
    free = {row.mnemonic for row in INSTRS if row.cost == 0}
    assert free == {"block", "loop", "try_table", "else", "end", "nop", "drop"}
    assert {row.cost for row in INSTRS} == {0, 1}


def test_few_instructions_need_a_handler_by_hand() -> None:
    """The aim of the table: what is not structural needs no line in any consumer."""
    rows = [row for row in INSTRS if row.feature in Features.WASM2 and row.prefix in (None, 0xFC)]
    structural = [row for row in rows if row.structural]
    assert len(structural) < 50
    assert len(rows) - len(structural) > 150


def test_every_numeric_operator_exists_once() -> None:
    for row in INSTRS:
        if row.numeric is not None:
            operator = specialize(*row.numeric)
            assert row.params is not None
            places = len(row.immediates) + len(row.params)
            assert len(operator.params) == places, row.mnemonic


def _sample(row: Instr) -> Any:
    """An immediate of each kind that a decoder takes, as ``Expr.imms`` holds it."""
    samples: Dict[str, Any] = {
        "blocktype": I32, "labelidx": 0, "labels": (0, 0, 0), "typeidx": 0, "funcidx": 0,
        "tableidx": 0, "memidx": 0, "globalidx": 3, "localidx": 300, "elemidx": 0, "dataidx": 0,
        "heaptype": "extern", "valtypes": (I32,), "memarg": (0, 70_000, 0), "i32": 0xFFFF_FFFE,
        "i64": 0x8000_0000_0000_0000, "f32": 0x7FA0_0001, "f64": 0x7FF4_0000_0000_0001,
        "v128": bytes(range(16)), "laneidx": 1, "lanes": bytes(range(16, 32)),
        "tagidx": 0, "reserved": 0, "fieldidx": 0, "count": 200,
        "ref": RefType.of("i31", null=False), "refnull": RefType.of(70, null=True),
        "cast": (1, RefType.of("any", null=True), RefType.of(300, null=False)),
        "catches": (Catch(0, False, 0), Catch(5, True, 1), Catch(None, False, 0), Catch(None, True, 2)),
    }  # fmt: skip
    values = tuple(samples[kind] for kind in row.immediates)
    return None if not values else values[0] if len(values) == 1 else values


def _body(row: Instr) -> Expr:
    end = op_of("end")
    value = _sample(row)
    if row.mnemonic in ("block", "loop", "if", "try_table"):
        return Expr([row.op, end, end], [value, None, None])
    if row.mnemonic == "else":
        return Expr([op_of("if"), row.op, end, end], [None, None, None, None])
    if row.mnemonic == "end":
        return Expr([end], [None])
    return Expr([row.op, end], [value, None])


def _module(row: Instr) -> Module:
    return Module(
        types=[FuncType((), ())],
        funcs=[Func(0, [], _body(row))],
        tables=[Table(TableType(FUNCREF, Limits(1, None)))],
        mems=[Mem(MemType(Limits(1, None)))],
        elems=[Elem(FUNC_REF, [0], None)],
        datas=[Data(b"x", None)],
        datacount=1,
    )


@pytest.mark.parametrize("row", INSTRS, ids=_ids)
def test_decoding_is_the_inverse_of_encoding(row: Instr) -> None:
    module = _module(row)
    data = encode_module(module)
    again = decode_module(data, Features.ALL)
    assert again.funcs[0].body == module.funcs[0].body
    assert encode_module(again) == data


# Words that are mnemonics and words of other things too are not looked for.
_TELLING = {row.mnemonic for row in INSTRS if "." in row.mnemonic or "_" in row.mnemonic}

_STRUCTURAL = {row.mnemonic for row in INSTRS if row.structural}

MNEMONIC_FILES: Dict[str, str] = {
    "wasmpy/binary/decode.py": "an element segment's function index stands for ref.func",
    "wasmpy/binary/encode.py": "the same, written",
    "wasmpy/exec/handlers.py": "registers the handlers of structural instructions",
    "wasmpy/exec/aggregate.py": "registers the handlers of references and aggregates",
    "wasmpy/valid/aggregate.py": "registers the rules of references and aggregates",
    "wasmpy/exec/instantiate.py": "evaluates constant expressions",
    "wasmpy/exec/layout.py": "where control can go, and the regions between: branches and calls",
    "wasmpy/exec/prepare.py": "a call's slot keeps its own position",
    "wasmpy/exec/atomics.py": "registers the handler of the fence",
    "wasmpy/exec/exceptions.py": "registers the handlers of exceptions",
    "wasmpy/valid/exceptions.py": "registers the rules of exceptions",
    "wasmpy/exec/wide.py": "registers the handlers of wide arithmetic",
    "wasmpy/tiers/pysource/ends.py": "registers how branches are written",
    "wasmpy/tiers/pysource/graph.py": "which instructions end a node, and write locals",
    "wasmpy/tiers/pysource/link.py": "the constants that are bound, not written",
    "wasmpy/tiers/pysource/lower.py": "registers how structural instructions are written",
    "wasmpy/tiers/pysource/turns.py": "what a turn of a loop does to locals and the stack",
    "wasmpy/text/script.py": "constants are the arguments and results of scripts",
    "wasmpy/text/segments.py": "the offset of an inline segment",
    "wasmpy/text/printer_instrs.py": "instructions that leave nothing, for folding",
    "wasmpy/valid/rules.py": "says the rules in words",
    "wasmpy/valid/custom.py": "what a branch hint may be attached to",
    "wasmpy/valid/body.py": "local and global access, the most frequent rules, in line",
    "wasmpy/valid/context.py": "references declared by ref.func",
    "wasmpy/valid/control.py": "registers the rules of branches and calls",
    "wasmpy/valid/instr.py": "registers the rules of structural instructions",
    "wasmpy/wast/patterns.py": "results of scripts are written as constants",
}
"""File outside isa -> why it names structural instructions."""

_OPCODE_NAMES = {"op", "opcode", "ops"}


def _mnemonics(path: str, tree: ast.AST) -> Iterator[Tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _TELLING:
            yield path, f"line {node.lineno}: {node.value!r}"


def _is_opcode(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        node = node.value
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in _OPCODE_NAMES


def _is_number(node: ast.AST) -> bool:
    if isinstance(node, (ast.Tuple, ast.Set, ast.List)):
        return any(map(_is_number, node.elts))
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value != 0


def _opcode_literals(path: str, tree: ast.AST) -> Iterator[Tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(_is_opcode, sides)) and any(map(_is_number, sides)):
                yield path, f"line {node.lineno}: {ast.unparse(node)}"


def _consumers() -> Iterator[Tuple[str, ast.Module]]:
    for path in python_files():
        name = relative(path)
        if not name.startswith("wasmpy/isa/") and name != "wasmpy/exec/generated.py":
            yield name, tree_of(path)


def test_no_mnemonic_stands_outside_the_table_and_the_listed_files() -> None:
    found = merge(pair for name, tree in _consumers() for pair in _mnemonics(name, tree))
    broken = report(found, MNEMONIC_FILES)
    assert broken == [], "\n".join(broken)


def test_instructions_that_are_not_structural_are_named_nowhere() -> None:
    broken = [
        f"{path}:{node.lineno}: {node.value}"
        for path, tree in _consumers()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in _TELLING - _STRUCTURAL
    ]
    assert broken == [], "\n".join(broken)


def test_no_opcode_is_compared_with_a_number() -> None:
    found = [f"{w}: {how}" for name, tree in _consumers() for w, how in _opcode_literals(name, tree)]
    assert found == [], "\n".join(found)


def test_an_opcode_literal_would_be_found() -> None:
    assert list(_opcode_literals("x", ast.parse("if ops[pc] == 0x0B: pass")))
    assert list(_opcode_literals("x", ast.parse("if row.op in (2, 3): pass")))
    assert list(_opcode_literals("x", ast.parse("if 0x28 <= op < 0x3f: pass")))
    assert not list(_opcode_literals("x", ast.parse("if op == END: pass")))


def test_generated_handlers_are_fresh() -> None:
    committed = (ROOT / "wasmpy/exec/generated.py").read_text(encoding="utf-8")
    fresh = handlergen.source()
    # ast.unparse sets its parentheses differently in other versions: compare trees.
    assert ast.dump(ast.parse(committed)) == ast.dump(ast.parse(fresh))


def test_every_row_has_a_handler() -> None:
    from wasmpy.exec.generated import NUMERIC, memory_handlers
    from wasmpy.exec.handlers import BUILD
    from wasmpy.exec.prepare import prepare  # with it, whatever registers handlers

    assert callable(prepare)
    plain = {row.op for row in INSTRS if not row.structural}
    assert set(NUMERIC) | set(memory_handlers(bytearray(8))) == plain
    assert set(BUILD) == {row.mnemonic for row in INSTRS if row.structural}


def test_every_immediate_has_a_rule_in_the_decoder() -> None:
    from wasmpy.binary.instr import READERS

    assert set(READERS) == set(IMMEDIATES)


def test_every_row_has_a_rule_in_the_text_parser() -> None:
    from wasmpy.text.instrs import RULES, STRUCTURED

    lacking = [r.mnemonic for r in INSTRS if r.immediates not in RULES and r.immediates not in STRUCTURED]
    assert lacking == []


def test_every_row_has_a_rule_in_the_validator() -> None:
    from wasmpy.valid.body import RULES
    from wasmpy.valid.instr import CHECKS

    for row in INSTRS:
        if row.params is None:
            assert row.op in RULES, row.mnemonic
        elif row.op not in RULES:
            assert set(row.immediates) <= set(CHECKS), row.mnemonic
    assert set(RULES) <= {row.op for row in INSTRS}


def test_every_immediate_has_a_rule_in_the_printer() -> None:
    from wasmpy.text.printer_instrs import COMBINED, PRINTERS

    assert set(PRINTERS) == set(IMMEDIATES)
    assert set(COMBINED) <= {row.immediates for row in INSTRS}


def test_every_immediate_has_a_rule_in_the_encoder() -> None:
    from wasmpy.binary.encode import WRITERS

    assert set(WRITERS) == set(IMMEDIATES)


@pytest.mark.parametrize("row", INSTRS, ids=_ids)
def test_parsing_is_the_inverse_of_printing(row: Instr) -> None:
    from wasmpy.text.parser import parse_module
    from wasmpy.text.printer import Style, print_module

    module = _module(row)
    for fold in (False, True):
        assert parse_module(print_module(module, Style(fold=fold))).funcs == module.funcs
