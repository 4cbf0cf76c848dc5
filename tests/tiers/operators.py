"""The straight part of generated bodies: constants, operators, memory, tables, references.

What belongs here: rules that leave a value of some type, or take one.  What does
not: control flow (``programs``).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence, Tuple

from tests.tiers.vocabulary import (
    BY_RESULT,
    COMMON,
    COMPARE,
    CORE,
    EDGES,
    GLOBALS,
    INTERESTING,
    LOADS,
    MEMORIES,
    MORE,
    SCALAR,
    STORES,
    Callee,
)

Label = Tuple[Tuple[str, ...], bool]


class Operators:
    """The body of one function, without its control flow.  ``labels`` are the types of each label, and whether it is a loop's."""

    rules: List[Any] = []

    def __init__(self, program: Any, callee: Callee, size: int) -> None:
        self.program = program
        self.random = program.random
        self.pick = program.pick
        self.callee = callee
        self.results = callee.results
        self.locals = [*callee.params, "i32", "i64", "f32", "f64", "v128", "any", "base", "fn", "sig", "ext"]
        self.locals += [self.pick(COMMON) for _ in range(3)]
        self.size = size
        self.out: List[str] = []
        self.labels: List[Label] = [(callee.results, False)]

    def statement(self, depth: int) -> None:
        """Leave what is pending as it is."""
        raise NotImplementedError

    def op(self, text: str) -> None:
        self.out.append(text)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def local(self, t: str) -> int:
        return self.pick([i for i, other in enumerate(self.locals) if other == t])

    def integer(self, t: str) -> str:
        if self.chance(60):
            return str(self.pick(EDGES[t]))
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
            self.op(f"{t}.const {self.pick(INTERESTING[t] + MORE.get(t, []))}")
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
        self.pick(self.rules)(self, t, depth - 1)

    def computed(self, t: str, depth: int) -> None:
        """A number or a vector: an operator, a load, or something of a reference."""
        depth -= 1
        roll = self.random.randrange(100)
        if t in ("i32", "i64") and roll < 45:
            self.operator(t, depth)
        elif roll < 75 and t != "v128":
            row = self.pick(SCALAR[t])
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
            row = self.pick(BY_RESULT[t])
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
            self.op(f"{other}.{self.pick(COMPARE)}")
            return
        if self.chance(12):
            other = "i64" if t == "i32" else "i32"
            self.expr(other, depth)
            self.op("i32.wrap_i64" if t == "i32" else self.pick(["i64.extend_i32_s", "i64.extend_i32_u"]))
            return
        name = self.pick(CORE)
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
        memory, t = self.pick(MEMORIES)
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
        row = self.pick(LOADS[t])
        memory, offset = self.address(depth)
        if row.access.lanes == "lane":
            self.expr("v128", depth)
        self.op(f"{row.mnemonic} {memory} {offset} {self.lane(row)}")

    def store(self, depth: int) -> None:
        row = self.pick(STORES)
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
            memory, t = self.pick(MEMORIES)
            self.short(depth, t)
            self.expr("i32", depth)
            self.short(depth, t)
            self.op(f"memory.fill {memory}")
        elif which == 1:
            (one, t), (two, u) = self.pick(MEMORIES), self.pick(MEMORIES)
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
            memory, t = self.pick(MEMORIES)
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
            memory, t = self.pick(MEMORIES)
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
        same = [name for name, other in GLOBALS.items() if other == t]
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
        types = [self.pick(COMMON) for _ in range(self.random.randrange(1, 3))]
        self.values(types, depth)
        return types
