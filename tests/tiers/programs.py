"""Random modules, rich in control flow: what every tier must run alike.

What belongs here: control flow, calls, and the module around.  What does not:
operators (``operators``), running what is made (``observed``).

A body is generated as a stack machine runs it: an expression leaves one value
on whatever is pending, a statement leaves nothing, and every rule may put any
other inside.  So locals, globals and memory change while values are pending,
branches keep some and drop others, and code stands behind what never returns.
Every loop looks at a counter, and every function at a budget that the host
sets: a program ends without fuel too.
"""

from __future__ import annotations

import random
from typing import Any, Sequence, Tuple

from tests.tiers.operators import Operators
from tests.tiers.vocabulary import (
    BESIDE,
    COMMON,
    COMPARE,
    FEATURES,
    GLOBALS,
    HEAD,
    IMPORTED,
    INTERESTING,
    NUMBERS,
    SIGNATURES,
    TAGS,
    WRITTEN,
    Callee,
    signature,
    typed,
)

__all__ = ["BESIDE", "FEATURES", "NUMBERS", "STATEMENTS", "Body", "Program"]


class Program:
    """A module: the functions ``main`` and ``r``, and some more."""

    def __init__(self, source: random.Random, size: int = 60) -> None:
        self.random = source
        main = (NUMBERS + ("v128",), tuple(self.pick(COMMON) for _ in range(source.randrange(4))))
        self.own = [Callee("$main", *main), Callee("$r", *SIGNATURES["$s0"])]
        for i in range(source.randrange(3)):
            self.own.append(Callee(f"$f{i}", *SIGNATURES[self.pick(list(SIGNATURES))]))
        self.callees = IMPORTED + self.own[1:]
        bodies = [Body(self, f, size if i == 0 else size // 3).text() for i, f in enumerate(self.own)]
        types = " ".join(f"(type {n} (func {signature(*s)}))" for n, s in SIGNATURES.items())
        elems = " ".join(self.pick(self.callees).name for _ in range(5)) + " $r"
        head = HEAD.format(types=types, elems=elems)
        declared = " ".join(f.name for f in self.callees)
        self.text = f"{head}\n(elem declare func {declared})\n" + "\n".join(bodies) + ")"
        self.results = main[1]

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.random.randrange(len(items))]


class Body(Operators):
    """The body of one function."""

    pointers = False

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
        head = f"(func {self.callee.name} {signature(self.callee.params, self.results)}"
        pointers = "(local $p i32) (local $q i32) (local $c i32) (local $e i32)" if self.pointers else ""
        return f"{head} {declared} (local $n i32) {pointers}\n {' '.join(self.out)})"

    # Expressions of any type ----------------------------------------------------------

    def tee(self, t: str, depth: int) -> None:
        self.expr(t, depth)
        self.op(f"local.tee {self.local(t)}")

    def global_get(self, t: str, depth: int) -> None:
        same = [name for name, other in GLOBALS.items() if other == t]
        if same:
            self.op(f"global.get {self.pick(same)}")
        else:
            self.leaf(t)

    def select(self, t: str, depth: int) -> None:
        self.values([t, t, "i32"], depth)
        self.op("select" if t in INTERESTING and self.chance(60) else f"select (result {WRITTEN[t]})")

    def block(self, t: str, depth: int) -> None:
        params = [self.pick(COMMON) for _ in range(self.random.randrange(3))] if self.chance(35) else []
        self.values(params, depth)
        self.op(f"block {signature(params, [t])}")
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
        params = [self.pick(COMMON)] if self.chance(20) else []
        self.values(params, depth)
        self.expr("i32", depth)
        self.op(f"if {signature(params, [t])}")
        self.labels.append(((t,), False))
        self.inside(params, depth)
        self.expr(t, depth)
        self.op("else")
        self.sinks(params, depth - 1)
        self.expr(t, depth)
        self.labels.pop()
        self.op("end")

    def loop(self, t: str, depth: int) -> None:
        params = tuple(self.pick(COMMON) for _ in range(self.random.randrange(3)))
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
        self.op(f"loop {signature(params, results)}")
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
            self.op(f"local.get {self.local(t)} {t}.const {self.integer(t)} {t}.{self.pick(COMPARE)}")
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
            t = self.pick(COMMON)
            self.leaf(t)
            self.sink(t)
            return
        self.pick(STATEMENTS)(self, depth - 1)

    def assign(self, depth: int) -> None:
        t = self.pick(COMMON)
        self.expr(t, depth)
        self.sink(t)

    def several(self, depth: int) -> None:
        types = [self.pick(COMMON) for _ in range(self.random.randrange(2, 4))]
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
        params = tuple(self.pick(COMMON) for _ in range(self.random.randrange(3))) if self.chance(30) else ()
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

    def idiom(self, depth: int) -> None:
        """A loop as compilers write them to fill, copy, compare or scan memory."""
        self.pointers = True
        for name in "pq":
            self.expr("i32", depth)
            edge = f"i32.const {self.pick([0, 65400, 65500])} i32.add" if self.chance(25) else ""
            self.op(f"i32.const {self.pick([0xFF, 0xFFF])} i32.and {edge} local.set ${name}")
        step = self.pick([1, 1, 1, 2, 4, 8, -1])
        width = self.pick([1, 1, abs(step)])
        ending = self.pick(_ENDINGS)
        self.op(f"i32.const {self.random.randrange(1, 70)} local.set $c")
        if ending == "end":
            self.op(f"local.get $p local.get $c i32.const {step} i32.mul i32.add local.set $e")
        elif ending == "up":
            self.op("local.get $c local.set $e i32.const 0 local.set $c")
        load = {1: "i32.load8_u", 2: "i32.load16_u", 4: "i32.load", 8: "i64.load"}[width]
        store = {1: "i32.store8", 2: "i32.store16", 4: "i32.store", 8: "i64.store"}[width]
        t = "i64" if width == 8 else "i32"
        memory, other = self.pick(["$m", "$m", "$mb"]), self.pick(["$m", "$m", "$m", "$mb"])
        offset = f"offset={self.pick([0, 0, 1, 3, 60000])}"
        kind = self.random.randrange(4)
        if kind >= 2:
            self.op("block")
            self.labels.append(((), False))
        self.op("loop")
        self.labels.append(((), True))
        move = [f"local.get ${n} i32.const {step} i32.add local.set ${n}" for n in "pq"]
        if self.chance(30):
            move = [f"local.get ${n} i32.const {-step} i32.sub local.set ${n}" for n in "pq"]
        if kind == 0:
            value = self.pick([f"{t}.const {self.integer(t)}", f"local.get {self.local(t)}"])
            parts = [f"local.get $p {value} {store} {memory} {offset}", move[0]]
        elif kind == 1:
            parts = [f"local.get $p local.get $q {load} {other} {store} {memory} {offset}", *move]
        elif kind == 2:
            both = f"local.get $p {load} {memory} local.get $q {load} {other} {offset}"
            parts = [f"{both} {t}.ne br_if 1", *move]
        else:
            test = self.pick([f"{t}.const 0 {t}.ne", f"{t}.eqz", f"{t}.const 48 {t}.eq"])
            parts = [f"local.get $p {load} {memory} {offset} {test} br_if 1", move[0]]
        if self.chance(30):
            self.random.shuffle(parts)
        if self.chance(15):
            parts.insert(0, f"local.get $c local.set {self.local('i32')}")
        self.op(" ".join([*parts, _ENDING[ending]]))
        for _ in range(2 if kind >= 2 else 1):
            self.labels.pop()
            self.op("end")
        i = self.local("i32")
        self.op(f"local.get $p local.get $q i32.xor local.get $c i32.add local.set {i}")

    def trying(self, depth: int) -> None:
        t = self.pick(COMMON)
        self.try_(t, depth)
        self.sink(t)


_ENDING = {
    "down": "local.get $c i32.const -1 i32.add local.tee $c br_if 0",
    "sub": "local.get $c i32.const 1 i32.sub local.tee $c i32.const 0 i32.ne br_if 0",
    "up": "local.get $c i32.const 1 i32.add local.tee $c local.get $e i32.lt_u br_if 0",
    "signed": "local.get $c i32.const 2 i32.sub local.tee $c i32.const 0 i32.gt_s br_if 0",
    "end": "local.get $p local.get $e i32.ne br_if 0",
}
"""How a loop over memory is counted."""
_ENDINGS = list(_ENDING)
_CLAUSES = [
    ("catch", "$e0"), ("catch", "$e1"), ("catch", "$e2"), ("catch", "$eb"), ("catch_ref", "$e0"),
    ("catch_ref", "$e1"), ("catch_all", ""), ("catch_all_ref", ""),
]  # fmt: skip
Body.rules = [
    Body.tee, Body.tee, Body.global_get, Body.select, Body.select, Body.block, Body.block, Body.if_,
    Body.if_, Body.if_, Body.loop, Body.call, Body.call, Body.passing, Body.passing, Body.on_reference,
    Body.on_null, Body.try_, Body.never,
]  # fmt: skip
STATEMENTS = [
    Body.assign, Body.assign, Body.assign, Body.several, Body.when, Body.when, Body.when, Body.repeat,
    Body.repeat, Body.branch, Body.branch, Body.switch, Body.leaving, Body.leaving, Body.calling,
    Body.logging, Body.put, Body.sequence, Body.sequence, Body.trying, Body.bulk, Body.bulk, Body.store,
    Body.store, Body.store, Body.idiom, Body.idiom,
]  # fmt: skip
