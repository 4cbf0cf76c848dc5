"""Random modules, rich in control flow: what every tier must run alike.

What belongs here: the generator.  What does not: running what it makes
(``observed``).

A body is generated as a stack machine runs it: an expression leaves one value
on whatever is pending, a statement leaves nothing, and every rule may put any
other inside.  So locals, globals and memory change while values are pending,
branches keep some and drop others, and code stands behind what never returns.
Every loop looks at a counter, and every function at a budget that the host
sets: a program ends without fuel too.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

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
_EDGES = {
    "i32": [0, 1, 7, 8, 15, 16, 24, 31, 32, 127, 128, 255, 256, 32767, 32768, 65535, 65536,
            2**31 - 2, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1],
    "i64": [0, 1, 8, 16, 32, 63, 64, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1,
            2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2, 2**64 - 1],
}  # fmt: skip
_MORE = {
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
_COMMON = ("i32", "i32", "i32", "i64", "i64", "f32", "f64", "v128", "any", "base", "fn", "sig", "ext")

SIGNATURES: Dict[str, Tuple[Tuple[str, ...], Tuple[str, ...]]] = {
    "$s0": (("i32",), ("i32",)), "$s1": (("i64", "f64"), ("f64",)),
    "$s2": (("i32", "i64"), ("i64", "i32")), "$s3": ((), ()),
    "$s4": (("f32", "v128", "base"), ("any",)), "$s5": (("fn", "i32", "ext"), ("v128", "f32")),
}  # fmt: skip
TAGS: Dict[str, Tuple[str, ...]] = {"$e0": ("i32",), "$e1": ("i64", "f64"), "$e2": (), "$eb": ("i32",)}
_GLOBALS = {
    "$gi": "i32", "$gl": "i64", "$gf": "f32", "$gd": "f64", "$gv": "v128", "$gb": "base",
    "$ga": "any", "$gn": "fn", "$imported": "i64",
}  # fmt: skip
_MEMORIES = (("$m", "i32"), ("$m", "i32"), ("$m", "i32"), ("$w", "i64"), ("$mb", "i32"))


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


def _signature(params: Sequence[str], results: Sequence[str]) -> str:
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
    (global.get $g) (return_call_swap (local.get 0))))""".replace(
    "(global.get $g) (return_call_swap (local.get 0))",
    "(i64.div_u (local.get 1) (i64.extend_i32_u (local.get 0))) (memory.size)",
)
"""The instance beside: its functions, memory, table, global and tag are imported."""

_HEAD = """(module $main
  {types}
  (type $base (sub (struct (field (mut i32)) (field (mut i8)))))
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

_CORE = [
    "add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr", "div_s", "div_u",
    "rem_s", "rem_u", "clz", "ctz", "popcnt", "extend8_s", "extend16_s",
]  # fmt: skip
_COMPARE = ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]
_BY_RESULT: Dict[str, List[Any]] = {}
_LOADS: Dict[str, List[Any]] = {}
_STORES: List[Any] = []
for _row in INSTRS:
    if _row.feature is not None and _row.feature not in FEATURES:
        continue
    if _row.access is not None and _row.results is not None:
        if _row.access.store:
            _STORES.append(_row)
        elif len(_row.results) == 1:
            _LOADS.setdefault(str(_row.results[0]), []).append(_row)
    elif _row.numeric and _row.results is not None and len(_row.results) == 1:
        _BY_RESULT.setdefault(str(_row.results[0]), []).append(_row)
_SCALAR = {
    t: [r for r in _BY_RESULT[t] if r.params and all(str(p) in NUMBERS for p in r.params)] for t in NUMBERS
}


class Program:
    """A module: the functions ``main`` and ``r``, and some more."""

    def __init__(self, source: random.Random, size: int = 60) -> None:
        self.random = source
        main = (NUMBERS + ("v128",), tuple(self.pick(_COMMON) for _ in range(source.randrange(4))))
        self.own = [Callee("$main", *main), Callee("$r", *SIGNATURES["$s0"])]
        for i in range(source.randrange(3)):
            self.own.append(Callee(f"$f{i}", *SIGNATURES[self.pick(list(SIGNATURES))]))
        self.callees = IMPORTED + self.own[1:]
        bodies = [Body(self, f, size if i == 0 else size // 3).text() for i, f in enumerate(self.own)]
        types = " ".join(f"(type {n} (func {_signature(*s)}))" for n, s in SIGNATURES.items())
        first = "(type $base (sub (struct (field (mut i32)) (field (mut i8)))))"
        elems = " ".join(self.pick(self.callees).name for _ in range(5)) + " $r"
        head = _HEAD.replace(first, "").format(types=first + types, elems=elems)
        declared = " ".join(f.name for f in self.callees)
        self.text = f"{head}\n(elem declare func {declared})\n" + "\n".join(bodies) + ")"
        self.results = main[1]

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.random.randrange(len(items))]


Label = Tuple[Tuple[str, ...], bool]


class Body:
    """The body of one function.  ``labels`` are the types of each label, and whether it is a loop's."""

    def __init__(self, program: Program, callee: Callee, size: int) -> None:
        self.program = program
        self.random = program.random
        self.pick = program.pick
        self.callee = callee
        self.results = callee.results
        self.locals = [*callee.params, "i32", "i64", "f32", "f64", "v128", "any", "base", "fn", "sig", "ext"]
        self.locals += [self.pick(_COMMON) for _ in range(3)]
        self.size = size
        self.out: List[str] = []
        self.labels: List[Label] = [(callee.results, False)]

    def text(self) -> str:
        guard = "(i32.gt_u" if self.random.randrange(2) else "(i32.ge_s"
        self.op("global.get $budget i32.eqz if")
        self.leaves(self.results)
        self.op("return end global.get $budget i32.const 1 i32.sub global.set $budget")
        self.guard = guard[1:]
        if self.chance(70):
            self.op(f"i32.const {self.integer('i32')} ref.i31 local.set {self.local('any')}")
            self.op(f"struct.new_default $derived local.set {self.local('base')}")
            self.op(f"ref.func $r local.set {self.local('sig')}")
        for _ in range(self.random.randrange(1, 4)):
            self.statement(4)
        self.values(self.results, 3)
        declared = " ".join(f"(local {WRITTEN[t]})" for t in self.locals[len(self.callee.params) :])
        head = f"(func {self.callee.name} {_signature(self.callee.params, self.results)}"
        return f"{head} {declared} (local $n i32)\n {' '.join(self.out)})"

    def op(self, text: str) -> None:
        self.out.append(text)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def local(self, t: str) -> int:
        return self.pick([i for i, other in enumerate(self.locals) if other == t])

    def integer(self, t: str) -> str:
        if self.chance(60):
            return str(self.pick(_EDGES[t]))
        width = 32 if t == "i32" else 64
        return str(self.random.getrandbits(self.random.randrange(1, width + 1)))

    # Values -------------------------------------------------------------------------

    def leaves(self, types: Sequence[str]) -> None:
        for t in types:
            self.leaf(t)

    def values(self, types: Sequence[str], depth: int) -> None:
        for t in types:
            self.expr(t, depth)

    def leaf(self, t: str) -> None:
        if t != "exn" and self.chance(55):
            self.op(f"local.get {self.local(t)}")
        elif t in ("i32", "i64"):
            self.op(f"{t}.const {self.integer(t)}")
        elif t in INTERESTING:
            self.op(f"{t}.const {self.pick(INTERESTING[t] + _MORE.get(t, []))}")
        elif t in ("fn", "sig") and self.chance(60):
            self.op(f"ref.func {'$r' if t == 'sig' else self.pick(self.program.callees).name}")
        else:
            heap = {"any": "any", "base": "$base", "fn": "func", "sig": "$s0", "ext": "extern", "exn": "exn"}
            self.op(f"ref.null {heap[t]}")

    def expr(self, t: str, depth: int) -> None:
        """Leave one value of type ``t`` on what is pending."""
        self.size -= 1
        if depth <= 0 or self.size <= 0 or t == "exn" or self.chance(12):
            self.leaf(t)
            return
        if self.chance(55):
            own: Dict[str, Callable[[str, int], None]] = {
                "any": self.any, "base": self.base, "fn": self.function, "sig": self.sig, "ext": self.ext,
            }  # fmt: skip
            own.get(t, self.computed)(t, depth)
            return
        self.pick(_EXPRESSIONS)(self, t, depth - 1)

    def computed(self, t: str, depth: int) -> None:
        """A number or a vector: an operator, a load, or something of a reference."""
        depth -= 1
        roll = self.random.randrange(100)
        if t in ("i32", "i64") and roll < 45:
            self.operator(t, depth)
        elif roll < 75 and t != "v128":
            row = self.pick(_SCALAR[t])
            self.values([str(p) for p in row.params], depth)
            self.op(row.mnemonic)
        elif roll < 88:
            self.load(t, depth)
        elif t == "i32" and roll < 96:
            self.of_reference(depth)
        elif t == "i64" and roll < 92:
            self.values(["i64"] * 4, depth - 1)
            self.op(self.pick(["i64.add128", "i64.sub128"]))
            self.sink("i64")
        else:
            row = self.pick(_BY_RESULT[t])
            self.values([str(p) for p in row.params], depth)
            count = {(): 0, ("laneidx",): 1, ("lanes",): 16}[row.immediates]
            lanes = " ".join(str(self.random.randrange(row.lanes)) for _ in range(count))
            self.op(f"{row.mnemonic} {lanes}")

    def operator(self, t: str, depth: int) -> None:
        """An operator on integers, often with a constant or two of the same local."""
        if t == "i32" and self.chance(35):
            other = self.pick(["i32", "i64"])
            if self.chance(20):
                self.expr(other, depth)
                self.op(f"{other}.eqz")
                return
            self.pair(other, depth)
            self.op(f"{other}.{self.pick(_COMPARE)}")
            return
        if self.chance(12):
            other = "i64" if t == "i32" else "i32"
            self.expr(other, depth)
            self.op("i32.wrap_i64" if t == "i32" else self.pick(["i64.extend_i32_s", "i64.extend_i32_u"]))
            return
        name = self.pick(_CORE)
        if name in ("clz", "ctz", "popcnt", "extend8_s", "extend16_s"):
            self.expr(t, depth)
        elif name[:3] in ("div", "rem") and self.chance(70):
            self.expr(t, depth)
            self.expr(t, depth - 1)
            self.op(f"{t}.const 1 {t}.or")
        else:
            self.pair(t, depth)
        self.op(f"{t}.{name}")

    def pair(self, t: str, depth: int) -> None:
        roll = self.random.randrange(10)
        if roll < 3:
            self.expr(t, depth)
            self.op(f"{t}.const {self.integer(t)}")
        elif roll < 4:
            self.op(f"{t}.const {self.integer(t)}")
            self.expr(t, depth)
        elif roll < 6:
            i = self.local(t)
            self.op(f"local.get {i}")
            if self.chance(60):
                self.statement(depth)
            self.expr(t, depth)
            if self.chance(40):
                self.op(f"local.tee {i}")
        else:
            self.values([t, t], depth)

    def of_reference(self, depth: int) -> None:
        """An i32 that is asked of a reference."""
        which = self.random.randrange(8)
        if which < 2:
            self.solid(depth)
            self.op(self.pick(["struct.get $base 0", "struct.get_s $base 1", "struct.get_u $base 1"]))
        elif which == 2:
            self.expr(self.pick(["any", "base", "fn", "sig", "ext"]), depth)
            self.op("ref.is_null")
        elif which == 3:
            self.expr("any", depth)
            target = self.pick(["$base", "null $derived", "i31", "null $ar", "struct", "none"])
            self.op(f"ref.test (ref {target})")
        elif which == 4:
            if self.chance(25):
                self.expr("any", depth)
                self.op("ref.cast (ref i31)")
            else:
                self.expr("i32", depth)
                self.op("ref.i31")
            self.op(f"i31.get_{self.pick('su')}")
        elif which == 5:
            self.values(["base", "base"], depth)
            self.op("ref.eq")
        elif which == 6:
            self.array(depth)
            self.op("array.len")
        else:
            self.array(depth)
            self.expr("i32", depth)
            self.op("i32.const 7 i32.and array.get $ar")

    def solid(self, depth: int) -> None:
        """A structure that is mostly there."""
        if self.chance(20):
            self.expr("base", depth)
        else:
            self.base("base", depth)

    def array(self, depth: int) -> None:
        if self.chance(8):
            self.expr("any", depth)
            self.op("ref.cast (ref null $ar)")
        elif self.chance(50):
            self.values(["i32", "i32", "i32"], depth - 1)
            self.op("array.new_fixed $ar 3")
        else:
            self.values(["i32", "i32"], depth - 1)
            self.op("i32.const 31 i32.and array.new $ar")

    def any(self, t: str, depth: int) -> None:
        depth -= 1
        which = self.random.randrange(5)
        if which == 0:
            self.expr("i32", depth)
            self.op("ref.i31")
        elif which == 1:
            self.expr("base", depth)
        elif which == 2:
            self.array(depth)
        elif which == 3:
            self.expr("ext", depth)
            self.op("any.convert_extern")
        else:
            self.expr("i32", depth)
            self.op("ref.i31")

    def base(self, t: str, depth: int) -> None:
        depth -= 1
        which = self.random.randrange(5)
        if which == 0:
            self.values(["i32", "i32"], depth)
            self.op("struct.new $base")
        elif which == 1:
            self.values(["i32", "i32", "i64"], depth)
            self.op("struct.new $derived")
        elif which == 2 and self.chance(35):
            self.expr("any", depth)
            self.op(f"ref.cast (ref null {self.pick(['$base', '$derived'])})")
        elif which == 3 and self.chance(50):
            self.expr("base", depth)
            self.op("ref.as_non_null")
        else:
            self.op(f"struct.new_default {self.pick(['$base', '$derived'])}")

    def function(self, t: str, depth: int) -> None:
        if self.chance(50):
            table = self.index(depth - 1)
            self.op(f"table.get {table}")
        else:
            self.expr("sig", depth - 1)

    def sig(self, t: str, depth: int) -> None:
        if self.chance(12):
            self.expr("fn", depth - 1)
            self.op("ref.cast (ref null $s0)")
        else:
            self.op(f"ref.func {self.pick(['$r', '$b0', '$boom', '$again'])}")

    def ext(self, t: str, depth: int) -> None:
        self.expr("any", depth - 1)
        self.op("extern.convert_any")

    def index(self, depth: int) -> str:
        """An index into a table; the table."""
        self.expr("i32", depth)
        table = self.pick(["$t", "$t", "$tb"])
        if self.chance(92):
            self.op(f"i32.const {self.pick([3, 7, 7, 15] if table == '$t' else [3, 3, 3, 7])} i32.and")
        return table

    # Memory -------------------------------------------------------------------------

    def address(self, depth: int) -> Tuple[str, str]:
        """An address; the memory, and an offset."""
        memory, t = self.pick(_MEMORIES)
        self.expr(t, depth)
        roll = self.random.randrange(100)
        if roll < 90:
            self.op(f"{t}.const {self.pick([0xFF, 0xFF, 0x7FFF, 0xFFF])} {t}.and")
        elif roll < 96:
            self.op(f"{t}.const 15 {t}.and {t}.const 65525 {t}.add")
        large = [0x7FFFFFFF, 0xFFFFFFFF] if t == "i32" else [0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF]
        offset = self.pick([0, 0, 0, 1, 8, 30000, 60000, *([65535, *large] if self.chance(10) else [])])
        return memory, f"offset={offset}" if offset else ""

    def lane(self, row: Any) -> str:
        return str(self.random.randrange(row.lanes)) if row.access.lanes == "lane" else ""

    def load(self, t: str, depth: int) -> None:
        row = self.pick(_LOADS[t])
        memory, offset = self.address(depth)
        if row.access.lanes == "lane":
            self.expr("v128", depth)
        self.op(f"{row.mnemonic} {memory} {offset} {self.lane(row)}")

    def store(self, depth: int) -> None:
        row = self.pick(_STORES)
        memory, offset = self.address(depth)
        self.expr(str(row.params[1]), depth)
        self.op(f"{row.mnemonic} {memory} {offset} {self.lane(row)}")

    def short(self, depth: int, t: str = "i32") -> None:
        """A length that is mostly small."""
        self.expr(t, depth)
        if self.chance(97):
            self.op(f"{t}.const {self.pick([1, 3, 3, 15])} {t}.and")

    def bulk(self, depth: int) -> None:
        which = self.random.randrange(14)
        if which == 0:
            memory, t = self.pick(_MEMORIES)
            self.short(depth, t)
            self.expr("i32", depth)
            self.short(depth, t)
            self.op(f"memory.fill {memory}")
        elif which == 1:
            (one, t), (two, u) = self.pick(_MEMORIES), self.pick(_MEMORIES)
            self.short(depth, t)
            self.short(depth, u)
            self.short(depth, t if t == u else "i32")
            self.op(f"memory.copy {one} {two}")
        elif which == 2:
            for _ in range(3):
                self.short(depth)
            self.op("memory.init $m $d")
        elif which == 3:
            self.op(self.pick(["data.drop $d", "elem.drop $el"]))
        elif which == 4:
            for _ in range(3):
                self.short(depth)
            self.op("table.init $t $el")
        elif which == 5:
            for _ in range(3):
                self.short(depth)
            self.op(f"table.copy {self.pick(['$t $t', '$t $tb', '$tb $t'])}")
        elif which == 6:
            self.short(depth)
            self.expr("fn", depth)
            self.short(depth)
            self.op("table.fill $t")
        elif which == 7:
            self.expr("fn", depth)
            self.short(depth)
            self.op(f"table.grow {self.pick(['$t', '$tb'])}")
            self.sink("i32")
        elif which == 8:
            memory, t = self.pick(_MEMORIES)
            self.expr(t, depth)
            self.op(f"{t}.const 1 {t}.and memory.grow {memory}")
            self.sink(t)
        elif which == 9:
            self.array(depth)
            self.short(depth)
            self.expr("i32", depth)
            self.short(depth)
            self.op("array.fill $ar")
        elif which == 10:
            for _ in range(2):
                self.array(depth)
                self.short(depth)
            self.short(depth)
            self.op("array.copy $ar $ar")
        elif which == 11:
            memory, t = self.pick(_MEMORIES)
            self.op(f"memory.size {memory}")
            self.sink(t)
        elif which == 12:
            self.op(f"table.size {self.pick(['$t', '$tb'])}")
            self.sink("i32")
        else:
            self.short(depth)
            self.short(depth)
            self.op("array.new_data $by $d")
            self.sink("any")

    # What takes values ----------------------------------------------------------------

    def sink(self, t: str) -> None:
        """Take a value from the stack."""
        roll = self.random.randrange(10)
        if t == "exn":
            self.op("throw_ref" if roll < 3 else "drop")
            return
        same = [name for name, other in _GLOBALS.items() if other == t]
        if roll < 5:
            self.op(f"local.set {self.local(t)}")
        elif roll < 7 and same:
            self.op(f"global.set {self.pick(same)}")
        elif roll < 8:
            self.op(f"local.tee {self.local(t)} drop")
        else:
            self.op("drop")

    def sinks(self, types: Sequence[str], depth: int) -> None:
        for t in reversed(types):
            if self.chance(25):
                self.statement(depth)
            self.sink(t)

    def keep(self, types: Sequence[str], t: str) -> None:
        """Of the values on the stack keep one of type ``t``."""
        at = self.pick([i for i, other in enumerate(types) if other == t])
        for other in reversed(types[at + 1 :]):
            self.sink(other)
        if at:
            i = self.local(t)
            self.op(f"local.set {i}")
            for other in reversed(types[:at]):
                self.sink(other)
            self.op(f"local.get {i}")

    def extras(self, depth: int) -> List[str]:
        """Values below, which a branch may drop."""
        if not self.chance(35):
            return []
        types = [self.pick(_COMMON) for _ in range(self.random.randrange(1, 3))]
        self.values(types, depth)
        return types

    # Expressions of any type ----------------------------------------------------------

    def tee(self, t: str, depth: int) -> None:
        self.expr(t, depth)
        self.op(f"local.tee {self.local(t)}")

    def global_get(self, t: str, depth: int) -> None:
        same = [name for name, other in _GLOBALS.items() if other == t]
        if same:
            self.op(f"global.get {self.pick(same)}")
        else:
            self.leaf(t)

    def select(self, t: str, depth: int) -> None:
        self.values([t, t, "i32"], depth)
        self.op("select" if t in INTERESTING and self.chance(60) else f"select (result {WRITTEN[t]})")

    def block(self, t: str, depth: int) -> None:
        params = [self.pick(_COMMON) for _ in range(self.random.randrange(3))] if self.chance(35) else []
        self.values(params, depth)
        self.op(f"block {_signature(params, [t])}")
        self.labels.append(((t,), False))
        self.inside(params, depth)
        self.expr(t, depth)
        self.labels.pop()
        self.op("end")

    def inside(self, params: Sequence[str], depth: int) -> None:
        """The begin of a block: statements over its parameters, which are taken in the end."""
        for _ in range(self.random.randrange(3)):
            self.statement(depth)
        self.sinks(params, depth - 1)

    def if_(self, t: str, depth: int) -> None:
        params = [self.pick(_COMMON)] if self.chance(20) else []
        self.values(params, depth)
        self.expr("i32", depth)
        self.op(f"if {_signature(params, [t])}")
        self.labels.append(((t,), False))
        self.inside(params, depth)
        self.expr(t, depth)
        self.op("else")
        self.sinks(params, depth - 1)
        self.expr(t, depth)
        self.labels.pop()
        self.op("end")

    def loop(self, t: str, depth: int) -> None:
        params = tuple(self.pick(_COMMON) for _ in range(self.random.randrange(3)))
        self.values(params, depth)
        self.header(params, [t])
        self.inside(params, depth)
        if self.chance(70):
            self.values(params, depth - 1)
            self.expr("i32", depth)
            self.op("br_if 0")
            self.sinks(params, depth - 1)
        self.expr(t, depth)
        self.labels.pop()
        self.op("end")

    def header(self, params: Tuple[str, ...], results: Sequence[str]) -> None:
        """Begin a loop, which ends the function when it was begun too often."""
        self.op(f"loop {_signature(params, results)}")
        self.labels.append((params, True))
        limit = self.random.randrange(1, 12)
        self.op(f"local.get $n i32.const 1 i32.add local.tee $n i32.const {limit} {self.guard} if")
        self.leaves(self.results)
        self.op("return end")

    def call(self, t: str, depth: int) -> None:
        choices = [f for f in self.program.callees if t in f.results]
        indirect = [n for n, (_, results) in SIGNATURES.items() if t in results]
        if indirect and (not choices or self.chance(35)):
            name = self.pick(indirect)
            params, results = SIGNATURES[name]
            self.values(params, depth - 1)
            if name == "$s0" and self.chance(50):
                self.expr("sig", depth)
                self.op("call_ref $s0")
            else:
                table = self.index(depth)
                self.op(f"call_indirect {table} (type {name})")
            self.keep(results, t)
        elif choices:
            found = self.pick(choices)
            self.values(found.params, depth - 1)
            self.op(f"call {found.name}")
            self.keep(found.results, t)
        else:
            self.expr(t, depth)

    def passing(self, t: str, depth: int) -> None:
        """A value that a conditional branch may take along."""
        fitting = [k for k, (types, _) in enumerate(reversed(self.labels)) if types and types[-1] == t]
        if not fitting:
            self.block(t, depth)
            return
        k = self.pick(fitting)
        types = self.labels[-1 - k][0]
        below = self.extras(depth - 1)
        self.values(types, depth)
        self.condition(depth)
        self.op(f"br_if {k}")
        self.keep([*below, *types], t)

    def condition(self, depth: int) -> None:
        """An i32 that is likely to tell something of a local."""
        if self.chance(50):
            t = self.pick(["i32", "i32", "i64"])
            self.op(f"local.get {self.local(t)} {t}.const {self.integer(t)} {t}.{self.pick(_COMPARE)}")
        else:
            self.expr("i32", depth)
        if self.chance(15):
            self.op("i32.eqz")

    def on_reference(self, t: str, depth: int) -> None:
        """A branch on a reference, to a label that takes it."""
        fitting = [k for k, (types, _) in enumerate(reversed(self.labels)) if types and types[-1] in ("any", "base")]
        if not fitting:
            self.expr(t, depth)
            return
        k = self.pick(fitting)
        *rest, last = types = self.labels[-1 - k][0]
        below = self.extras(depth - 1)
        if last == "base":
            self.values([*rest, "base"], depth)
            self.op(f"br_on_non_null {k}")
            self.sinks([*below, *rest], depth - 1)
        elif self.chance(50):
            self.values(types, depth)
            target = self.pick(["(ref $base)", "(ref null $derived)", "(ref i31)", "(ref null $ar)"])
            self.op(f"br_on_cast{self.pick(['', '_fail'])} {k} anyref {target}")
            self.sinks([*below, *types], depth - 1)
        else:
            self.values([*rest, "any"], depth)
            self.op(f"br_on_non_null {k}")
            self.sinks([*below, *rest], depth - 1)
        self.expr(t, depth)

    def on_null(self, t: str, depth: int) -> None:
        k = self.random.randrange(len(self.labels))
        below = self.extras(depth - 1)
        types = self.labels[-1 - k][0]
        reference = self.pick(["base", "any", "fn", "sig", "ext"])
        self.values([*types, reference], depth)
        self.op(f"br_on_null {k}")
        self.sinks([*below, *types, reference], depth - 1)
        self.expr(t, depth)

    def try_(self, t: str, depth: int) -> None:
        """``try_table`` with handlers of its own, and some that are further out."""
        own = [self.pick(_CLAUSES) for _ in range(self.random.randrange(1, 4))]
        self.op(f"block {typed('result', [t])}")
        self.labels.append(((t,), False))
        carried = []
        for kind, tag in reversed(own):
            types = [*(TAGS[tag] if tag else ()), *(["exn"] if kind.endswith("ref") else [])]
            carried.append(types)
            self.op(f"block {typed('result', types)}")
            self.labels.append((tuple(types), False))
        clauses = [f"({kind} {tag} {i})" for i, (kind, tag) in enumerate(own)]
        for k, (types, _) in enumerate(reversed(self.labels)):
            for tag, params in TAGS.items():
                if types == params and k >= len(own) and self.chance(20):
                    clauses.insert(self.random.randrange(len(clauses) + 1), f"(catch {tag} {k})")
        self.op(f"try_table {typed('result', [t])} {' '.join(clauses)}")
        self.labels.append(((t,), False))
        self.inside((), depth)
        if self.chance(50):
            self.raising(depth)
        self.expr(t, depth)
        self.labels.pop()
        self.op(f"end br {len(own)}")
        for i in range(len(own)):
            self.labels.pop()
            self.op("end")
            self.sinks(carried[-1 - i], depth - 1)
            self.expr(t, depth)
            if i < len(own) - 1:
                self.op(f"br {len(own) - 1 - i}")
        self.labels.pop()
        self.op("end")

    def raising(self, depth: int) -> None:
        """Throw, if a condition holds."""
        self.condition(depth)
        self.op("if")
        self.labels.append(((), False))
        tag = self.pick(list(TAGS))
        self.values(TAGS[tag], depth)
        self.op(f"throw {tag}")
        self.labels.pop()
        self.op("end")

    def never(self, t: str, depth: int) -> None:
        """What never gets to leave a value, so it is of any type."""
        if self.chance(70):
            self.condition(depth)
            self.op("if")
            self.labels.append(((), False))
            self.leave(depth)
            self.labels.pop()
            self.op("end")
            self.expr(t, depth)
        else:
            self.leave(depth)
            if self.chance(50):
                self.statement(depth - 1)

    def leave(self, depth: int) -> None:
        """Something behind which nothing is executed."""
        self.extras(depth - 1)
        which = self.random.randrange(8)
        if which < 3:
            k = self.random.randrange(len(self.labels))
            self.values(self.labels[-1 - k][0], depth)
            self.op(f"br {k}")
        elif which == 3:
            self.values(self.results, depth)
            self.op("return")
        elif which == 4:
            self.op("unreachable")
        elif which == 5:
            tag = self.pick(list(TAGS))
            self.values(TAGS[tag], depth)
            self.op(f"throw {tag}")
        elif which == 6:
            self.table(depth)
        else:
            self.tail(depth)

    def table(self, depth: int) -> None:
        """``br_table`` to labels of the same types."""
        types = self.pick(self.labels)[0]
        same = [k for k, (other, _) in enumerate(reversed(self.labels)) if other == types]
        count = self.pick([1, 2, 3, 5, 12])
        self.values(types, depth)
        self.expr("i32", depth)
        if self.chance(60):
            self.op("i32.const 15 i32.and")
        self.op(f"br_table {' '.join(str(self.pick(same)) for _ in range(count))}")

    def tail(self, depth: int) -> None:
        """A call in tail position."""
        found = [f for f in self.program.callees if f.results == self.results]
        indirect = [n for n, (_, results) in SIGNATURES.items() if results == self.results]
        if indirect and (not found or self.chance(50)):
            name = self.pick(indirect)
            self.values(SIGNATURES[name][0], depth - 1)
            if name == "$s0" and self.chance(50):
                self.expr("sig", depth)
                self.op("return_call_ref $s0")
            else:
                table = self.index(depth)
                self.op(f"return_call_indirect {table} (type {name})")
        elif found:
            callee = self.pick(found)
            self.values(callee.params, depth - 1)
            self.op(f"return_call {callee.name}")
        else:
            self.op("unreachable")

    # Statements -----------------------------------------------------------------------

    def statement(self, depth: int) -> None:
        """Leave what is pending as it is."""
        self.size -= 1
        if depth <= 0 or self.size <= 0:
            t = self.pick(_COMMON)
            self.leaf(t)
            self.sink(t)
            return
        self.pick(_STATEMENTS)(self, depth - 1)

    def assign(self, depth: int) -> None:
        t = self.pick(_COMMON)
        self.expr(t, depth)
        self.sink(t)

    def several(self, depth: int) -> None:
        types = [self.pick(_COMMON) for _ in range(self.random.randrange(2, 4))]
        self.values(types, depth)
        self.sinks(types, depth - 1)

    def when(self, depth: int) -> None:
        self.condition(depth)
        self.op("if")
        self.labels.append(((), False))
        self.statement(depth)
        if self.chance(40):
            self.op("else")
            self.statement(depth)
        self.labels.pop()
        self.op("end")

    def repeat(self, depth: int) -> None:
        params = tuple(self.pick(_COMMON) for _ in range(self.random.randrange(3))) if self.chance(30) else ()
        self.values(params, depth - 1)
        self.header(params, params)
        self.statement(depth)
        self.statement(depth)
        if self.chance(80):
            self.condition(depth)
            self.op("br_if 0")
        self.labels.pop()
        self.op("end")
        self.sinks(params, 0)

    def branch(self, depth: int) -> None:
        k = self.random.randrange(len(self.labels))
        below = self.extras(depth - 1)
        types = self.labels[-1 - k][0]
        self.values(types, depth)
        self.condition(depth)
        self.op(f"br_if {k}")
        self.sinks([*below, *types], depth - 1)

    def switch(self, depth: int) -> None:
        count = self.random.randrange(1, 5)
        for _ in range(count):
            self.op("block")
            self.labels.append(((), False))
        self.table(depth)
        for _ in range(count):
            self.labels.pop()
            self.op("end")
            self.statement(depth - 1)

    def leaving(self, depth: int) -> None:
        self.condition(depth)
        self.op("if")
        self.labels.append(((), False))
        self.leave(depth)
        self.labels.pop()
        self.op("end")

    def calling(self, depth: int) -> None:
        found = self.pick(self.program.callees)
        self.values(found.params, depth)
        self.op(f"call {found.name}")
        self.sinks(found.results, depth - 1)

    def logging(self, depth: int) -> None:
        self.values(["i32", "i64", "f32", "f64"], depth)
        self.op("call $log")

    def put(self, depth: int) -> None:
        """Write into a table, a structure or an array."""
        which = self.random.randrange(3)
        if which == 0:
            table = self.index(depth)
            self.expr("fn", depth)
            self.op(f"table.set {table}")
        elif which == 1:
            self.solid(depth)
            self.expr("i32", depth)
            self.op(f"struct.set $base {self.random.randrange(2)}")
        else:
            self.array(depth)
            self.short(depth)
            self.expr("i32", depth)
            self.op("array.set $ar")

    def sequence(self, depth: int) -> None:
        self.statement(depth)
        self.statement(depth)

    def trying(self, depth: int) -> None:
        t = self.pick(_COMMON)
        self.try_(t, depth)
        self.sink(t)


_CLAUSES = [
    ("catch", "$e0"), ("catch", "$e1"), ("catch", "$e2"), ("catch", "$eb"), ("catch_ref", "$e0"),
    ("catch_ref", "$e1"), ("catch_all", ""), ("catch_all_ref", ""),
]  # fmt: skip
_EXPRESSIONS = [
    Body.tee, Body.tee, Body.global_get, Body.select, Body.select, Body.block, Body.block, Body.if_,
    Body.if_, Body.if_, Body.loop, Body.call, Body.call, Body.passing, Body.passing, Body.on_reference,
    Body.on_null, Body.try_, Body.never,
]  # fmt: skip
_STATEMENTS = [
    Body.assign, Body.assign, Body.assign, Body.several, Body.when, Body.when, Body.when, Body.repeat,
    Body.repeat, Body.branch, Body.branch, Body.switch, Body.leaving, Body.leaving, Body.calling,
    Body.logging, Body.put, Body.sequence, Body.sequence, Body.trying, Body.bulk, Body.bulk, Body.store,
    Body.store, Body.store,
]  # fmt: skip
