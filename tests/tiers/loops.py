"""Loops as compilers emit them, in WAT: what the python tier may run ahead of.

What belongs here: the loops, each a function of two addresses, a count and a
value that returns all of its locals; and running one.  What does not: what is
to be shown of them.
"""

from __future__ import annotations

import functools
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import wasmpy
from tests.tiers.observed import failure

PAGE = 65536
TABLE = 1024
INDEX = 1296
"""Where the table of a search is, and the index that it stores."""


class Loop(NamedTuple):
    """A loop, and what its run ahead calls or stores: a text in the generated function."""

    body: str
    text: str


def _unrolled(width: str, count: int, at: str, size: int, value: str, start: int = 0) -> str:
    order = [0, *range(count - 1, 0, -1)]
    return "\n".join(f"({width}.store offset={start + size * i} {at} {value})" for i in order)


def _pieces(width: str, load: str, store: str, size: int, count: int) -> str:
    return "\n".join(
        f"(i32.store{store} offset={size * i} (local.get $q) (i32.load{load} offset={size * i} (local.get $p)))"
        if width == "i32" else
        f"({width}.store offset={size * i} (local.get $q) ({width}.load offset={size * i} (local.get $p)))"
        for i in range(count)
    )  # fmt: skip


def _step(name: str, by: int) -> str:
    return f"(local.set ${name} (i32.add (local.get ${name}) (i32.const {by})))"


def _until_none(body: str) -> str:
    """``if (n) do { body } while (--n)``."""
    return f"""(if (local.get $n) (then (loop $l {body}
        (br_if $l (local.tee $n (i32.add (local.get $n) (i32.const -1)))))))"""


def _counted(body: str, test: str) -> str:
    """``do { body } while (test)``, of which the count is ``i``."""
    return f"(loop $l {body} {_step('i', 1)} (br_if $l ({test} (local.get $i) (local.get $n))))"


def _scan(leave: str, more: str = "", load: str = "i32.load8_u") -> str:
    """``while (i < n) { x = p[i]; if (leave) break; more; i++ }``, tested at the end."""
    return f"""(block $out (loop $l
        (local.set $x ({load} (i32.add (local.get $p) (local.get $i))))
        (br_if $out {leave})
        {more} {_step('i', 1)}
        (br_if $l (i32.ne (local.get $i) (local.get $n)))))"""


def _keeping(after: str, before: str = "") -> str:
    """``do { before; x = p[i]; after; if (!x) break; i++ } while (i != n)``."""
    return f"""(block $out (loop $l {before}
        (local.set $x (i32.load8_u (i32.add (local.get $p) (local.get $i)))) {after}
        (br_if $out (i32.eqz (local.get $x)))
        {_step('i', 1)}
        (br_if $l (i32.ne (local.get $i) (local.get $n)))))"""


_VALUE = "(local.get $c)"
_AT_P, _AT_Q = "(local.get $p)", "(local.get $q)"
_LONG = "(local.get $w)"
_STORED = f"(i32.store (i32.const {INDEX}) (local.get $i))"
_BLANK = """(i32.eqz (i32.or (i32.eq (local.get $x) (i32.const 32)) (i32.or
    (i32.eq (local.get $x) (i32.const 10)) (i32.eq (local.get $x) (i32.const 9)))))"""
_NO_DIGIT = "(i32.gt_u (i32.and (i32.sub (local.get $x) (i32.const 48)) (i32.const 255)) (i32.const 9))"

LOOPS: Dict[str, Loop] = {
    # Filling
    "fill": Loop(_until_none(f"(i32.store8 {_AT_P} {_VALUE}) {_step('p', 1)}"), "] = bytes(("),
    "fill_indexed": Loop(
        _counted(f"(i32.store8 (i32.add {_AT_P} (local.get $i)) {_VALUE})", "i32.lt_u"), "] = bytes(("
    ),
    "fill_signed": Loop(
        _counted(f"(i32.store8 (i32.add {_AT_P} (local.get $i)) {_VALUE})", "i32.lt_s"), "] = bytes(("
    ),
    "fill_at_most": Loop(
        _counted(f"(i32.store8 (i32.add {_AT_P} (local.get $i)) {_VALUE})", "i32.le_u"), "] = bytes(("
    ),
    "fill_zero": Loop(
        _counted(f"(i64.store (i32.add {_AT_P} (i32.shl (local.get $i) (i32.const 3))) (i64.const 0))", "i32.ne"),
        "to_bytes(8",
    ),
    "fill_halves": Loop(
        _until_none(f"(i32.store16 offset=6 {_AT_P} {_VALUE}) {_step('p', 2)}"), "to_bytes(2"
    ),
    "fill_words": Loop(_until_none(f"(i32.store {_AT_P} {_VALUE}) {_step('p', 4)}"), "to_bytes(4"),
    "fill_unrolled": Loop(
        f"""(if (i32.gt_u (local.get $n) (i32.const 31)) (then (loop $l
        {_unrolled("i64", 4, _AT_P, 8, _LONG)} {_step("p", 32)}
        (br_if $l (i32.gt_u (local.tee $n (i32.sub (local.get $n) (i32.const 32))) (i32.const 31))))))""",
        "to_bytes(32",
    ),
    "fill_mixed": Loop(
        _until_none(f"""(i32.store8 {_AT_P} {_VALUE}) (i32.store8 offset=1 {_AT_P} (i32.const 7))
        (i32.store16 offset=2 {_AT_P} (i32.const -2)) {_step("p", 4)}"""), "to_bytes(4"
    ),
    "fill_down": Loop(_until_none(f"{_step('p', -1)} (i32.store8 {_AT_P} {_VALUE})"), "] = bytes(("),
    "fill_down_words": Loop(
        _until_none(f"(i64.store32 offset=3 {_AT_P} {_LONG}) {_step('p', -4)}"), "to_bytes(4"
    ),
    "stride": Loop(
        f"""(loop $l (i32.store8 (i32.add {_AT_P} (local.get $i)) {_VALUE})
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (local.get $q))) (local.get $n))))""",
        ":s] = ",
    ),
    "stride_constant": Loop(
        _until_none(f"(i32.store8 offset=1 {_AT_P} {_VALUE}) {_step('p', 3)}"), ":3] = "
    ),
    "fill_long_count": Loop(
        f"""(loop $l (i32.store8 (i32.add {_AT_P} (i32.wrap_i64 (local.get $w))) {_VALUE})
        (br_if $l (i64.ne (local.tee $w (i64.add (local.get $w) (i64.const 1)))
        (i64.extend_i32_u (local.get $n)))))""",
        "",
    ),
    # Copying
    "copy": Loop(_until_none(f"{_pieces('i32', '8_u', '8', 1, 1)} {_step('p', 1)} {_step('q', 1)}"), "] = m0["),
    "copy_words": Loop(
        _until_none(f"{_pieces('i32', '', '', 4, 4)} {_step('p', 16)} {_step('q', 16)}"), "] = m0["
    ),
    "copy_floats": Loop(
        _until_none(f"{_pieces('f64', '', '', 8, 2)} {_step('p', 16)} {_step('q', 16)}"), "] = m0["
    ),
    "copy_vectors": Loop(
        _until_none(f"{_pieces('v128', '', '', 16, 1)} {_step('p', 16)} {_step('q', 16)}"), "] = m0["
    ),
    "copy_loaded_first": Loop(
        _until_none(f"""(local.set $x (i32.load offset=4 {_AT_P})) (local.set $y (i32.load {_AT_P}))
        (i32.store {_AT_Q} (local.get $y)) (i32.store offset=4 {_AT_Q} (local.get $x))
        {_step("p", 8)} {_step("q", 8)}"""), "] = m0["
    ),
    "copy_indexed": Loop(
        _counted(f"""(i32.store8 (i32.add {_AT_Q} (local.get $i))
        (i32.load8_u (i32.add {_AT_P} (local.get $i))))""", "i32.ne"), "] = m0["
    ),
    "copy_down": Loop(
        _until_none(f"""(i32.store8 (i32.add (i32.add {_AT_Q} (local.get $n)) (i32.const -1))
        (i32.load8_u (i32.add (i32.add {_AT_P} (local.get $n)) (i32.const -1))))"""), "] = m0["
    ),
    "copy_down_words": Loop(
        _until_none(f"{_step('p', -8)} {_step('q', -8)} (i64.store offset=2 {_AT_Q} (i64.load offset=2 {_AT_P}))"),
        "] = m0[",
    ),
    "copy_within": Loop(
        _until_none(f"(i32.store8 offset=9 {_AT_P} (i32.load8_u offset=1 {_AT_P})) {_step('p', 1)}"), "] = m0["
    ),
    "copy_descending": Loop(
        _until_none("".join(
            f"(i32.store offset={at} {_AT_Q} (i32.load offset={at} {_AT_P}))" for at in (12, 8, 4, 0)
        ) + _step("p", 16) + _step("q", 16)), "] = m0["
    ),
    "copy_chosen": Loop(
        _scan(f"(i32.load8_u offset={TABLE} (local.get $x))",
              "(i32.store8 (i32.add (local.get $q) (local.get $i)) (local.get $x))"), "ahead_table"
    ),
    "given_byte": Loop(_scan("(i32.eq (local.get $x) (local.get $c))"), "ahead_until"),
    "copy_string": Loop(
        f"""(loop $l (i32.store8 {_AT_Q} (local.tee $x (i32.load8_u {_AT_P})))
        {_step("p", 1)} {_step("q", 1)} (br_if $l (local.get $x)))""",
        "ahead_until",
    ),
    # Comparing
    "compare": Loop(
        f"""(block $out (br_if $out (i32.eqz (local.get $n))) (loop $l
        (br_if $out (i32.ne (local.tee $x (i32.load8_u {_AT_P})) (local.tee $y (i32.load8_u {_AT_Q}))))
        {_step("q", 1)} {_step("p", 1)}
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))""",
        "ahead_same",
    ),
    "compare_words": Loop(
        f"""(block $out (loop $l
        (br_if $out (i64.ne (i64.load offset=8 {_AT_P}) (i64.load {_AT_Q})))
        {_step("q", 8)} {_step("p", 8)}
        (br_if $l (i32.gt_u (local.tee $n (i32.sub (local.get $n) (i32.const 8))) (i32.const 7)))))""",
        "ahead_same",
    ),
    "compare_strings": Loop(
        f"""(block $out (loop $l
        (br_if $out (i32.eqz (local.tee $x (i32.load8_u {_AT_P}))))
        (br_if $out (i32.ne (local.get $x) (i32.load8_u {_AT_Q})))
        {_step("p", 1)} {_step("q", 1)} (br $l)))""",
        "ahead_same",
    ),
    # Searching
    "length": Loop(
        f"""(loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.load8_u offset=7 (i32.add {_AT_P} (local.get $i)))))""", "ahead_until"
    ),
    "find": Loop(_scan("(i32.eq (local.get $x) (local.get $c))"), "ahead_until"),
    "find_signed": Loop(_scan("(i32.lt_s (local.get $x) (i32.const 0))", load="i32.load8_s"), "ahead_among"),
    "skip": Loop(_scan("(i32.ne (local.get $x) (local.get $c))"), "ahead_while"),
    "blanks": Loop(_scan(_BLANK, _STORED), "ahead_among"),
    "digits": Loop(_scan(_NO_DIGIT), "ahead_among"),
    "unrolled_length": Loop(
        f"""(block $out (loop $l
        (br_if $out (i32.eqz (i32.load8_u {_AT_P}))) (br_if $out (i32.eqz (i32.load8_u offset=1 {_AT_P})))
        {_step("p", 2)} (br $l)))""", "ahead_until"
    ),
    "quotes": Loop(
        _scan(f"(i32.load8_u offset={TABLE} (local.get $x))",
              "(i32.store (local.get $q) (local.tee $y (i32.add (local.get $i) (i32.const 1))))"),
        "ahead_table",
    ),
    "quotes_anywhere": Loop(
        _scan("(i32.load8_u (i32.add (local.get $x) (local.get $c)))", "(i64.store16 offset=2 (local.get $q) (local.get $w))"),
        "ahead_table",
    ),
    "quotes_spread": Loop(
        _scan(f"(i32.load8_u offset={TABLE} (local.get $x))",
              "(i32.store (local.get $q) (i32.mul (local.get $i) (i32.const 0x01010101)))"),
        "ahead_table",
    ),
    "late": Loop(
        _scan("(i32.eqz (local.get $x))", "(local.set $y (i32.mul (local.get $i) (i32.const -3))) (local.set $z (i32.const 5))"),
        "ahead_until",
    ),
    # A local of 64 bits is more than the 32 of it that count here.
    "find_low": Loop(
        f"""(local.set $w (i64.add (local.get $w) (i64.sub (i64.extend_i32_u (local.get $c)) (i64.and (local.get $w) (i64.const 0xffffffff)))))
        {_scan("(i32.eq (local.get $x) (i32.wrap_i64 (local.get $w)))")}""", "ahead_until"
    ),
    "fill_low": Loop(
        f"""(local.set $w (i64.or (i64.const 0x500000000) (i64.extend_i32_u (local.get $n))))
        {_until_none(f"(i32.store {_AT_P} (i32.wrap_i64 (local.get $w))) {_step('p', 4)}")}""", "to_bytes(4"
    ),
    "limit_low": Loop(
        f"""(local.set $w (i64.or (i64.const 0x500000000) (i64.extend_i32_u (local.get $n))))
        (loop $l (i32.store8 (i32.add {_AT_P} (local.get $i)) {_VALUE}) {_step("i", 1)}
        (br_if $l (i32.lt_u (local.get $i) (i32.wrap_i64 (local.get $w)))))""", "] = bytes(("
    ),
    # Nothing depends on what is found in the table, but bytes from 136 on find the end of memory.
    "table_end": Loop(
        _scan("(i32.eqz (local.get $x))", f"(drop (i32.load8_u offset={PAGE - 136} (local.get $x)))"),
        "ahead_until",
    ),
    # None of them: run ahead of, they would go wrong.
    "carried": Loop(_scan("(i32.eqz (local.get $x))", "(local.set $y (i32.add (local.get $y) (local.get $x)))"), ""),
    "late_byte": Loop(_scan("(i32.eqz (local.get $x))", "(local.set $y (local.get $x))"), ""),
    # What is passed over is kept: the loops below have a value that every turn gives to the next.
    "summed": Loop(_keeping("(local.set $y (i32.add (local.get $y) (local.get $x)))"), ""),
    "hashed": Loop(_keeping("(local.set $y (i32.mul (i32.add (local.get $y) (local.get $x)) (i32.const 31)))"), ""),
    "previous": Loop(_keeping("", "(local.set $y (local.get $x))"), ""),
    "previous_passing": Loop(
        _keeping("(br_if $out (i32.eq (local.get $x) (local.get $c))) (local.set $y (i32.const 9))", "(local.set $y (local.get $x))"),
        "",
    ),
    "copy_summed": Loop(_until_none(f"""(i32.store8 {_AT_Q} (local.tee $x (i32.load8_u {_AT_P})))
        (local.set $y (i32.add (local.get $y) (local.get $x))) {_step('p', 1)} {_step('q', 1)}"""), ""),
    "other_way": Loop(
        _until_none(f"{_pieces('i32', '8_u', '8', 1, 1)} {_step('p', 1)} {_step('q', -1)}"), ""
    ),
    "changing": Loop(_until_none(f"(i32.store8 {_AT_P} (local.get $n)) {_step('p', 1)}"), ""),
    "growing": Loop(
        _until_none(f"""(i32.store {_AT_P} (local.tee $c (i32.mul (local.get $c) (i32.const 3)))) {_step("p", 4)}"""),
        "",
    ),
    "chain": Loop(_until_none(f"(local.set $p (i32.load8_u {_AT_P}))"), ""),
    "spread": Loop(
        _until_none(f"(i32.store8 {_AT_P} (i32.load8_u {_AT_Q})) {_step('p', 1)}"), ""
    ),
    "gap": Loop(_until_none(f"(i32.store16 {_AT_P} {_VALUE}) {_step('p', 3)}"), ""),
    "overlapping": Loop(_until_none(f"(i32.store {_AT_P} {_VALUE}) {_step('p', 2)}"), ""),
    "swapped": Loop(
        _until_none(f"""(i32.store {_AT_Q} (i32.load offset=4 {_AT_P})) (i32.store offset=4 {_AT_Q} (i32.load {_AT_P}))
        {_step("p", 8)} {_step("q", 8)}"""), ""
    ),
}


PARAMS = "pqnc"


@functools.lru_cache(maxsize=None)
def module_of(name: str, first: int = 0) -> wasmpy.Module:
    """The loop as a module: locals are what comes out; the parameters begin with another."""
    params = " ".join(f"(param ${p} i32)" for p in PARAMS[first:] + PARAMS[:first])
    return wasmpy.Module(f"""(module (memory (export "m") 1)
        (func (export "f") {params}
        (result i32 i32 i32 i32 i32 i32 i32 i32 i64)
        (local $i i32) (local $x i32) (local $y i32) (local $z i32) (local $w i64)
        (local.set $w (i64.mul (i64.extend_i32_u (local.get $c)) (i64.const 0x0123456789abcdef)))
        {LOOPS[name].body}
        (local.get $p) (local.get $q) (local.get $n) (local.get $c)
        (local.get $i) (local.get $x) (local.get $y) (local.get $z) (local.get $w)))""")


class Case(NamedTuple):
    """A call: its arguments, pieces of memory by address, and the fuel."""

    args: Tuple[int, int, int, int]
    pieces: Sequence[Tuple[int, bytes]] = ()
    fuel: Optional[int] = None


def ran(name: str, case: Case, tier: str) -> List[Any]:
    """What a call does: its results or failure, what it consumed, and the memory.

    Which of the locals is the first differs from call to call: it must not matter.
    """
    first = sum((*case.args, *(at for at, _ in case.pieces))) % len(PARAMS)
    store = wasmpy.Store(tier=tier, fusing="never" if tier == "reference" else "hot")
    instance = module_of(name, first).instantiate(store=store)
    memory: Any = instance.exports.m
    for at, data in case.pieces:
        memory[at : at + len(data)] = data
    store.fuel = case.fuel
    try:
        result: Any = instance.exports.f.call_raw(*case.args[first:], *case.args[:first])
    except (wasmpy.WasmTrap, wasmpy.Interrupted) as error:
        result = failure(error)
    return [result, store.fuel_consumed, store.fuel, memory[:]]


def differs(name: str, case: Case) -> str:
    """Where the tiers differ; nothing if they agree."""
    expected, found = ran(name, case, "reference"), ran(name, case, "python")
    for what, one, other in zip(("result", "consumed", "fuel"), expected, found):
        if one != other:
            return f"{name} {case.args} {case.fuel}: {what} {one!r}\n and {other!r}"
    if expected[3] != found[3]:
        at = next(i for i, (a, b) in enumerate(zip(expected[3], found[3])) if a != b)
        return f"{name} {case.args} {case.fuel}: memory at {at}"
    return ""
