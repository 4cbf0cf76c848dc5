"""Instructions other than control: what they take and give, what they name.

Spec: ``valid/instructions.html``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, List, Tuple

import pytest

from wasmpy.config import Features
from wasmpy.errors import InvalidError
from wasmpy.isa.derived import op_of
from wasmpy.isa.immediates import IMMEDIATES
from wasmpy.isa.table import INSTRS, Instr
from wasmpy.syntax.module import Data, Elem, Expr, Func, Global, Mem, Module, Table
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
    TableType,
)  # fmt: skip
from wasmpy.valid.instr import CHECKS
from wasmpy.valid.module import validate_module
from wasmpy.valid.stack import RULES

NULL = {I32: "i32.const", I64: "i64.const", F32: "f32.const", F64: "f64.const", V128: "v128.const"}


def around(instrs: List[Tuple[str, Any]], locals_=(), **parts: Any) -> Module:
    """A module with ``instrs`` as a body of type [] -> []."""
    ops = [op_of(name) if isinstance(name, str) else name for name, _ in instrs]
    imms = [imm for _, imm in instrs]
    body = Expr([*ops, op_of("end")], [*imms, None])
    runs = [(1, t) for t in locals_]
    return Module([FuncType((), ())], funcs=[Func(0, runs, body)], **parts)


def refusal(module: Module, features: Features = Features.WASM2) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        validate_module(module, features)
    return caught.value


def push(t: Any) -> Tuple[str, Any]:
    if t in NULL:
        return NULL[t], bytes(16) if t == V128 else 0
    return "ref.null", t.heaptype


PARTS = {
    "mems": [Mem(MemType(Limits(1, None)))],
    "datas": [Data(b"x", None)],
    "tables": [Table(TableType(FUNCREF, Limits(1, None))), Table(TableType(EXTERNREF, Limits(1, None)))],
    "elems": [Elem(FUNCREF, [0], None), Elem(EXTERNREF, [], None)],
    "globals": [
        Global(GlobalType(t, mut), Expr([op_of(push(t)[0]), op_of("end")], [push(t)[1], None]))
        for t, mut in ((I32, True), (I64, False), (FUNCREF, True), (EXTERNREF, False))
    ],
}  # fmt: skip
OTHER = {I32: I64, I64: F32, F32: F64, F64: V128, V128: I32}


def plain_imm(row: Instr) -> Any:
    # The natural alignment, which atomic accesses must have.
    touched = row.access or row.atomic
    natural = touched.width.bit_length() - 1 if touched else 0
    plain = {"memarg": (natural, 0, 0), "v128": bytes(16), "lanes": bytes(16)}
    imm = tuple(plain.get(kind, 0) for kind in row.immediates)
    return None if not imm else imm[0] if len(imm) == 1 else imm


TABLED = [row for row in INSTRS if row.params is not None]


@pytest.mark.parametrize("row", TABLED, ids=lambda row: row.mnemonic)
def test_a_row_of_the_table_takes_and_gives_what_it_says(row: Instr):
    instr = (row.op, plain_imm(row))
    locals_ = row.results
    taken = [push(t) for t in row.params]
    given = [("local.set", i) for i in reversed(range(len(locals_)))]
    assert len(validate_module(around([*taken, instr, *given], locals_, **PARTS), Features.ALL)) == 1
    dead = [("unreachable", None), instr, *given]
    assert len(validate_module(around(dead, locals_, **PARTS), Features.ALL)) == 1
    for place, t in enumerate(row.params):
        wrong = [*taken]
        wrong[place] = push(OTHER.get(t, I32))
        error = refusal(around([*wrong, instr, *given], locals_, **PARTS), Features.ALL)
        assert error.message.startswith("type mismatch")
        assert (error.instr, error.pc) == (row.mnemonic, len(taken))
    if row.params:
        assert refusal(around([*taken[1:], instr, *given], locals_, **PARTS), Features.ALL).instr == row.mnemonic
    for place, t in enumerate(row.results):
        types = list(locals_)
        types[place] = OTHER.get(t, I32)
        assert refusal(around([*taken, instr, *given], types, **PARTS), Features.ALL).instr == "local.set"


def test_every_row_has_a_type_or_a_rule():
    assert [row.mnemonic for row in INSTRS if row.params is None and row.op not in RULES] == []


def test_every_kind_of_immediate_of_typed_rows_is_checked_or_needs_no_check():
    kinds = {kind for row in TABLED if row.op not in RULES for kind in row.immediates}
    assert kinds <= CHECKS.keys()
    assert kinds & IMMEDIATES.keys() == kinds


# Memory

ACCESSES = [row for row in INSTRS if row.access is not None]


@pytest.mark.parametrize("row", ACCESSES, ids=lambda row: row.mnemonic)
def test_memory_accesses(row: Instr):
    taken = [push(t) for t in row.params]
    after = [("drop", None)] * len(row.results)
    natural = row.access.width.bit_length() - 1

    def immediate(memarg):
        return memarg if len(row.immediates) == 1 else (memarg, 0)

    def access(memarg):
        return around([*taken, (row.op, immediate(memarg)), *after], **PARTS)

    assert len(validate_module(access((natural, 2**32 - 1, 0)))) == 1
    error = refusal(access((natural + 1, 0, 0)))
    assert error.message.startswith("alignment must not be larger than natural")
    assert (error.instr, error.pc) == (row.mnemonic, len(taken))
    assert refusal(access((2**32 - 1, 0, 0))).message.startswith("alignment must not be larger")
    assert refusal(access((0, 2**32, 0))).message.startswith("offset out of range")
    assert refusal(access((0, 0, 1))).message.startswith("unknown memory 1")
    bare = around([*taken, (row.op, immediate((0, 0, 0))), *after])
    assert refusal(bare).message.startswith("unknown memory 0")


def test_an_access_to_another_memory():
    many = Features.WASM2.having("multi_memory")
    module = around([push(I32), ("i32.load", (2, 0, 1)), ("drop", None)], mems=PARTS["mems"] * 2)
    assert len(validate_module(module, many)) == 1
    assert refusal(module).message.startswith("multiple memories")


UNKNOWN = {
    "memory.size": (0, "memory"), "memory.grow": (0, "memory"), "memory.fill": (0, "memory"),
    "memory.copy": ((0, 0), "memory"), "memory.init": ((0, 0), "memory"), "data.drop": (0, "data segment"),
    "elem.drop": (0, "elem segment"), "table.get": (0, "table"), "table.set": (0, "table"),
    "table.size": (0, "table"), "table.grow": (0, "table"), "table.fill": (0, "table"),
    "table.copy": ((0, 0), "table"), "table.init": ((0, 0), "table"), "global.get": (0, "global"),
    "global.set": (0, "global"), "local.get": (0, "local"), "local.set": (0, "local"),
    "local.tee": (0, "local"), "ref.func": (7, "function"), "call": (7, "function"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("dead", [False, True])
def test_an_index_that_names_nothing(name, dead):
    imm, what = UNKNOWN[name]
    before = [("unreachable", None)] if dead else [push(I32)] * 3
    datas = PARTS["datas"] if name == "memory.init" else []
    error = refusal(around([*before, (name, imm)], datas=datas))
    assert error.message.startswith(f"unknown {what} {imm if isinstance(imm, int) else imm[0]}")
    assert (error.instr, error.pc) == (name, len(before))


def test_unknown_segments():
    three = [push(I32)] * 3
    error = refusal(around([*three, ("memory.init", (1, 0))], **PARTS))
    assert error.message.startswith("unknown data segment 1")
    error = refusal(around([*three, ("table.init", (2, 0))], **PARTS))
    assert error.message.startswith("unknown elem segment 2")


# Variables


def test_variables():
    good = [
        ("local.get", 0),
        ("local.tee", 0),
        ("local.set", 0),
        ("global.get", 0),
        ("global.set", 0),
    ]
    assert len(validate_module(around(good, [I32], **PARTS))) == 1
    for instrs in (
        [push(I64), ("local.set", 0)], [push(I64), ("local.tee", 0)], [("local.set", 0)],
        [push(I64), ("global.set", 0)], [("global.get", 1), ("local.set", 0)],
    ):  # fmt: skip
        error = refusal(around(instrs, [I32], **PARTS))
        assert error.message.startswith("type mismatch")
        assert error.pc == len(instrs) - 1


def test_an_immutable_global_is_not_set():
    assert refusal(around([push(I64), ("global.set", 1)], **PARTS)).message.startswith(
        "immutable global"
    )


# Parametric instructions


@pytest.mark.parametrize("t", [I32, I64, F32, F64])
def test_select(t):
    typed = INSTR_TYPED_SELECT
    for select in (("select", None), (typed, (t,))):
        module = around([push(t), push(t), push(I32), select, ("local.set", 0)], [t])
        assert len(validate_module(module)) == 1
        for wrong in (
            (push(OTHER[t]), push(t), push(I32)),
            (push(t), push(t), push(F64)),
            (push(t), push(I32)),
        ):
            assert refusal(around([*wrong, select, ("drop", None)])).instr == "select"


INSTR_TYPED_SELECT = next(r.op for r in INSTRS if r.mnemonic == "select" and r.immediates)


@pytest.mark.parametrize("t", [FUNCREF, EXTERNREF])
def test_select_of_references_needs_the_type(t):
    operands = [push(t), push(t), push(I32)]
    assert (
        len(validate_module(around([*operands, (INSTR_TYPED_SELECT, (t,)), ("drop", None)]))) == 1
    )
    assert refusal(around([*operands, ("select", None), ("drop", None)])).message.startswith(
        "type mismatch"
    )
    dead = [("unreachable", None), push(t), push(I32), ("select", None), ("drop", None)]
    assert refusal(around(dead)).instr == "select"


def test_select_of_vectors():
    module = around(
        [("local.get", 0), ("local.get", 0), push(I32), ("select", None), ("drop", None)], [V128]
    )
    assert len(validate_module(module)) == 1


@pytest.mark.parametrize("types", [(), (I32, I32)])
def test_select_names_one_type(types):
    error = refusal(around([push(I32)] * 3 + [(INSTR_TYPED_SELECT, types), ("drop", None)]))
    assert error.message.startswith("invalid result arity")


def test_select_in_dead_code_gives_what_it_knows():
    dead = [("unreachable", None), push(F32), push(I32), ("select", None)]
    assert len(validate_module(around([*dead, ("local.set", 0)], [F32]))) == 1
    assert refusal(around([*dead, ("local.set", 0)], [I32])).instr == "local.set"
    unknown = [("unreachable", None), ("select", None), ("ref.is_null", None), ("drop", None)]
    assert len(validate_module(around(unknown))) == 1


# References and tables


def test_references():
    for t in (FUNCREF, EXTERNREF):
        good = [push(t), ("local.tee", 0), ("ref.is_null", None), ("local.set", 1)]
        assert len(validate_module(around(good, [t, I32]))) == 1
    assert (
        refusal(around([push(I32), ("ref.is_null", None), ("drop", None)])).instr == "ref.is_null"
    )
    assert refusal(around([push(FUNCREF), ("local.set", 0)], [EXTERNREF])).expected == "[externref]"
    assert refusal(around([("ref.null", 5), ("drop", None)])).message.startswith("unknown type 5")


def test_a_function_reference_in_a_body_is_declared_outside_of_bodies():
    instrs = [("ref.func", 0), ("drop", None)]
    assert refusal(around(instrs)).message.startswith("undeclared function reference")
    declared = [Elem(FUNCREF, [0], "declare")]
    assert len(validate_module(around(instrs, elems=declared))) == 1
    start = around(instrs)
    start.start = 0
    assert refusal(start).message.startswith("undeclared function reference")


def test_tables():
    i, f, e = push(I32), push(FUNCREF), push(EXTERNREF)
    good = [
        [i, ("table.get", 0), ("local.set", 0)], [i, ("table.get", 1), ("local.set", 1)],
        [i, f, ("table.set", 0)], [i, e, ("table.set", 1)],
        [f, i, ("table.grow", 0), ("drop", None)], [e, i, ("table.grow", 1), ("drop", None)],
        [i, f, i, ("table.fill", 0)], [i, e, i, ("table.fill", 1)],
        [i, i, i, ("table.copy", (0, 0))], [i, i, i, ("table.copy", (1, 1))],
        [i, i, i, ("table.init", (0, 0))], [i, i, i, ("table.init", (1, 1))],
    ]  # fmt: skip
    for instrs in good:
        assert len(validate_module(around(instrs, [FUNCREF, EXTERNREF], **PARTS))) == 1
    bad = [
        [i, e, ("table.set", 0)], [push(I64), f, ("table.set", 0)], [e, i, ("table.grow", 0), ("drop", None)],
        [i, e, i, ("table.fill", 0)], [i, i, i, ("table.copy", (0, 1))], [i, i, i, ("table.init", (1, 0))],
        [i, i, i, ("table.init", (0, 1))], [i, i, f, ("table.copy", (0, 0))], [i, f, i, ("table.init", (0, 0))],
        [push(I64), ("table.get", 0), ("drop", None)],
    ]  # fmt: skip
    for instrs in bad:
        error = refusal(around(instrs, **PARTS))
        assert error.message.startswith("type mismatch")
        assert error.instr is not None
        assert error.instr.startswith("table.")


# Errors


def test_an_error_tells_the_rule_and_becomes_json():
    error = refusal(around([push(I32), push(I64), ("i32.add", None)]))
    doc = error.to_json()
    assert (doc["rule"], doc["func"], doc["pc"], doc["instr"]) == ("i32.add", 0, 2, "i32.add")
    assert (doc["expected"], doc["actual"]) == ("[i32 i32]", "[i32 i64]")


def test_the_rules_of_variables_hold_without_their_fast_path():
    # The loop inlines these; their rules stand in for it on an error.
    module = around([("local.get", 0), ("local.tee", 0), ("local.set", 0)], [I32])
    body = module.funcs[0].body
    for pc in range(3):
        imms = [*body.imms]
        imms[pc] = 1
        changed = dataclasses.replace(module, funcs=[Func(0, [(1, I32)], Expr(body.ops, imms))])
        error = refusal(changed)
        assert error.message.startswith("unknown local 1")
        assert error.pc == pc
