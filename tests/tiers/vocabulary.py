"""What generated modules are made of: types, signatures, instructions, and the text around.

What belongs here: tables.  What does not: the generator (``programs``).
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import wasmpy
from wasmpy.isa.table import INSTRS

FEATURES = wasmpy.Features.WASM3.having("relaxed_simd", "wide_arithmetic")
INTERESTING = {
    "i32": ["0", "1", "-1", "0x80000000", "0x7fffffff", "31", "255", "65530", "65536"],
    "i64": ["0", "1", "-1", "0x8000000000000000", "63", "0xffffffff", "4294967296"],
    "f32": ["0", "-0", "1.5", "nan", "inf", "-inf", "3e38", "1e-45", "2147483648"],
    "f64": ["0", "-0", "0.5", "nan:0x4", "inf", "1e308", "-1e-320", "9223372036854775808"],
    "v128": [
        "i32x4 0 0 0 0", "i16x8 1 -1 0x8000 0x7fff 2 -2 3 -3", "i64x2 -1 0x7ff0000000000001",
        "f32x4 nan:0x1 -0 inf 1.5", "f64x2 -nan 3e300", "i32x4 0 1 2 3",
    ],
}  # fmt: skip
"""Constants at the edges of each type."""
EDGES = {
    "i32": [0, 1, 7, 8, 15, 16, 24, 31, 32, 127, 128, 255, 256, 32767, 32768, 65535, 65536,
            2**31 - 2, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1],
    "i64": [0, 1, 8, 16, 32, 63, 64, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1,
            2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2, 2**64 - 1],
}  # fmt: skip
MORE = {
    "f32": ["nan:0x1", "-nan:0x200000", "-nan", "16777217", "-2147483649", "4294967296"],
    "f64": ["nan:0x1", "-nan", "-nan:0x8000000000001", "-0.9", "4294967295.5", "2147483647.9",
            "18446744073709551616"],
}  # fmt: skip

NUMBERS = ("i32", "i64", "f32", "f64")
WRITTEN = {
    **{t: t for t in (*NUMBERS, "v128")},
    "any": "anyref", "base": "(ref null $base)", "fn": "funcref", "sig": "(ref null $s0)",
    "ext": "externref", "exn": "exnref",
}  # fmt: skip
"""The types of values, by the generator's names for them."""
COMMON = ("i32", "i32", "i32", "i64", "i64", "f32", "f64", "v128", "any", "base", "fn", "sig", "ext")

SIGNATURES: Dict[str, Tuple[Tuple[str, ...], Tuple[str, ...]]] = {
    "$s0": (("i32",), ("i32",)), "$s1": (("i64", "f64"), ("f64",)),
    "$s2": (("i32", "i64"), ("i64", "i32")), "$s3": ((), ()),
    "$s4": (("f32", "v128", "base"), ("any",)), "$s5": (("fn", "i32", "ext"), ("v128", "f32")),
}  # fmt: skip
TAGS: Dict[str, Tuple[str, ...]] = {"$e0": ("i32",), "$e1": ("i64", "f64"), "$e2": (), "$eb": ("i32",)}
GLOBALS = {
    "$gi": "i32", "$gl": "i64", "$gf": "f32", "$gd": "f64", "$gv": "v128", "$gb": "base",
    "$ga": "any", "$gn": "fn", "$imported": "i64",
}  # fmt: skip
MEMORIES = (("$m", "i32"), ("$m", "i32"), ("$m", "i32"), ("$w", "i64"), ("$mb", "i32"))


class Callee(NamedTuple):
    """A function that generated code may call."""

    name: str
    params: Tuple[str, ...]
    results: Tuple[str, ...]


IMPORTED = [
    Callee("$b0", *SIGNATURES["$s0"]), Callee("$b2", *SIGNATURES["$s2"]),
    Callee("$log", ("i32", "i64", "f32", "f64"), ()), Callee("$mix", ("i32",), ("i32", "i64")),
    Callee("$again", ("i32",), ("i32",)), Callee("$boom", ("i32",), ("i32",)),
    Callee("$touch", ("i32", "i32"), ("i32",)), Callee("$throw", ("i32",), ("i32",)),
    Callee("$fuel", (), ("i64",)),
]  # fmt: skip


def typed(word: str, types: Sequence[str]) -> str:
    """``(result i32 i64)``, or nothing."""
    return f"({word} {' '.join(WRITTEN[t] for t in types)})" if types else ""


def signature(params: Sequence[str], results: Sequence[str]) -> str:
    return f"{typed('param', params)} {typed('result', results)}"


BESIDE = """(module $beside
  (type $s0 (func (param i32) (result i32)))
  (memory (export "mem") 1 3) (table $t (export "tab") 4 10 funcref)
  (global $g (export "g") (mut i64) (i64.const 5)) (tag $e (export "tag") (param i32))
  (global $budget (export "budget") (mut i32) (i32.const 20))
  (elem (table $t) (i32.const 0) func $f0 $load $raise)
  (func $f0 (export "f0") (type $s0)
    (if (i32.eqz (global.get $budget)) (then (return (i32.const 3))))
    (global.set $budget (i32.sub (global.get $budget) (i32.const 1)))
    (i32.add (i32.const 1)
      (call_indirect $t (type $s0) (local.get 0) (i32.and (local.get 0) (i32.const 7)))))
  (func $load (type $s0) (i32.load offset=3 (local.get 0)))
  (func $raise (type $s0) (throw $e (local.get 0)))
  (func (export "f2") (param i32 i64) (result i64 i32)
    (global.set $g (i64.add (global.get $g) (local.get 1)))
    (i64.store32 (i32.and (local.get 0) (i32.const 0xffff)) (local.get 1))
    (i64.div_u (local.get 1) (i64.extend_i32_u (local.get 0))) (memory.size)))"""
"""The instance beside: its functions, memory, table, global and tag are imported."""

HEAD = """(module $main
  (type $base (sub (struct (field (mut i32)) (field (mut i8))))) {types}
  (type $derived (sub $base (struct (field (mut i32)) (field (mut i8)) (field (mut i64)))))
  (type $ar (array (mut i32))) (type $by (array (mut i8)))
  (import "b" "f0" (func $b0 (type $s0))) (import "b" "f2" (func $b2 (type $s2)))
  (import "h" "log" (func $log (param i32 i64 f32 f64)))
  (import "h" "mix" (func $mix (param i32) (result i32 i64)))
  (import "h" "again" (func $again (type $s0))) (import "h" "boom" (func $boom (type $s0)))
  (import "h" "touch" (func $touch (param i32 i32) (result i32)))
  (import "h" "throw" (func $throw (type $s0))) (import "h" "fuel" (func $fuel (result i64)))
  (import "b" "mem" (memory $mb 1 3)) (import "b" "tab" (table $tb 4 10 funcref))
  (import "b" "g" (global $imported (mut i64))) (import "b" "tag" (tag $eb (param i32)))
  (memory $m (export "m") 1 3) (memory $w (export "w") i64 1 2)
  (data $d "0123456789abcdef\\ff\\80\\7f\\00") (data (memory $m) (i32.const 65520) "\\ff\\fe\\fd\\80\\7f")
  (table $t (export "t") 8 20 funcref)
  (elem (table $t) (i32.const 1) func {elems}) (elem $el func {elems})
  (tag $e0 (export "e0") (param i32)) (tag $e1 (param i64 f64)) (tag $e2)
  (global $budget (export "budget") (mut i32) (i32.const 0))
  (global $gi (export "gi") (mut i32) (i32.const -1)) (global $gl (export "gl") (mut i64) (i64.const -1))
  (global $gf (export "gf") (mut f32) (f32.const nan:0x1)) (global $gd (export "gd") (mut f64) (f64.const -0))
  (global $gv (export "gv") (mut v128) (v128.const i32x4 1 2 3 4))
  (global $gb (export "gb") (mut (ref null $base)) (ref.null $base))
  (global $ga (export "ga") (mut anyref) (ref.null any)) (global $gn (export "gn") (mut funcref) (ref.null func))
  (export "r" (func $r)) (export "main" (func $main))
"""

CORE = [
    "add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr", "div_s", "div_u",
    "rem_s", "rem_u", "clz", "ctz", "popcnt", "extend8_s", "extend16_s",
]  # fmt: skip
COMPARE = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]
BY_RESULT: Dict[str, List[Any]] = {}
LOADS: Dict[str, List[Any]] = {}
STORES: List[Any] = []
for _row in INSTRS:
    if _row.feature is not None and _row.feature not in FEATURES:
        continue
    if _row.access is not None and _row.results is not None:
        if _row.access.store:
            STORES.append(_row)
        elif len(_row.results) == 1:
            LOADS.setdefault(str(_row.results[0]), []).append(_row)
    elif _row.numeric and _row.results is not None and len(_row.results) == 1:
        BY_RESULT.setdefault(str(_row.results[0]), []).append(_row)
SCALAR = {
    t: [r for r in BY_RESULT[t] if r.params and all(str(p) in NUMBERS for p in r.params)] for t in NUMBERS
}
