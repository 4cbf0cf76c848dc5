"""Loops over memory at random, run with and without running ahead of them.

What belongs here: making the loops, of statements that are drawn and of
mutations of ``loops``; running one in every way and telling where the ways
differ.  What does not: how many are run in a test (``test_loop_fuzz``).

As many as one likes: ``python -m tests.tiers.loop_fuzz --minutes 5``.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import wasmpy
from tests.tiers.loops import INDEX, LOOPS, PAGE, TABLE
from tests.tiers.observed import failure
from wasmpy.exec import store as exec_store
from wasmpy.exec.layout import Layout
from wasmpy.tiers.pysource import tier
from wasmpy.tiers.pysource.shape import Shape
from wasmpy.tiers.pysource.source import write

NARROW, WIDE = "pqncixyz", "wv"
"""The locals, of 32 and of 64 bits."""
MOST = 12_000
"""Fuel of a run: what takes more is run with fuel alone."""
SIZES = {"i32": {"8": 1, "16": 2, "": 4}, "i64": {"8": 1, "16": 2, "32": 4, "": 8}}
COMPARED = ("eq", "ne", "lt_u", "lt_s", "gt_u", "gt_s", "le_u", "le_s", "ge_u", "ge_s")
ALPHABETS = (b" ", b"ab", b"0123456789", b" \t\n", bytes(range(1, 256)), bytes(1), b"\x7f\x80\xff\0", b'xy"\\')

Tree = Any
"""A word, or a list of trees."""


class Made(NamedTuple):
    """A loop: the locals in order, and the body as text."""

    order: str
    body: str

    @property
    def wat(self) -> str:
        """It as a module whose function returns all of its locals."""
        types = ["i64" if name in WIDE else "i32" for name in self.order]
        params = " ".join(f"(param ${n} {t})" for n, t in zip(self.order, types))
        gets = " ".join(f"(local.get ${n})" for n in self.order)
        return (
            f'(module (memory (export "m") 1) (func (export "f") {params}'
            f" (result {' '.join(types)})\n{self.body}\n{gets}))"
        )


class Given(NamedTuple):
    """What a loop is run with."""

    args: Dict[str, int]
    pieces: Sequence[Tuple[int, bytes]]


# Statements that are drawn ------------------------------------------------------------


def get(name: str) -> str:
    """A local's value."""
    return f"(local.get ${name})"


def const(value: int, of: str = "i32") -> str:
    """A constant."""
    return f"({of}.const {value})"


class Drawn:
    """Draws a loop of the kind that is run ahead of, and departs from it now and then."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.stride = rng.choice((1, 1, 1, 1, 2, 4, 8, 8, 16, 3, -1, -1, -2, -4, -8, 7))
        self.moving = rng.sample("pqi", rng.choice((1, 1, 2, 2, 3)))
        self.odd = rng.choice((0.0, 0.03, 0.1, 0.3))
        self.found: List[str] = []

    def rarely(self) -> bool:
        """Whether to depart from what is usual."""
        return self.rng.random() < self.odd

    def one(self, *of: Any) -> Any:
        """One of several."""
        return self.rng.choice(of)

    def any_local(self) -> str:
        return str(self.rng.choice(NARROW))

    def still(self) -> str:
        """A local that does not change, most often."""
        if self.rarely():
            return self.any_local()
        return str(self.rng.choice([n for n in "pqnc" if n not in self.moving]))

    def value(self) -> str:
        """A number that does not change, most often."""
        return str(self.one(
            lambda: get(self.still()), lambda: get("c"), lambda: const(self.number()),
            lambda: "(i32.wrap_i64 (local.get $w))",
            lambda: f"(i32.{self.one('add', 'sub', 'mul', 'shl', 'xor')} {get(self.still())} {const(self.number())})",
        )())  # fmt: skip

    def number(self) -> int:
        return int(self.one(0, 1, 2, 3, 7, 10, 32, 34, 48, 65, 97, 127, 128, 200, 255, 256, -1, -2, 1000, TABLE))

    def address(self) -> str:
        """An address that moves by the stride."""
        rng = self.rng
        if self.rarely():
            return str(self.one(
                lambda: get(self.any_local()), lambda: const(self.one(0, TABLE, INDEX, 4096, PAGE - 4)),
                lambda: f"(i32.add {get(self.any_local())} {get(self.any_local())})",
                lambda: f"(i32.shl {get('i')} {const(self.one(1, 2, 3))})",
                lambda: "(i32.wrap_i64 (local.get $w))",
            )())  # fmt: skip
        at = get(rng.choice(self.moving))
        if rng.random() < 0.3:
            at = f"(i32.add {at} {get(self.still())})"
        if rng.random() < 0.15:
            at = f"(i32.{self.one('add', 'sub')} {at} {const(self.one(1, 4, 8, 20))})"
        return at

    def offset(self) -> str:
        near = self.one("", "", "", " offset=1", " offset=2", " offset=4", " offset=8")
        return f" offset={self.one(TABLE, INDEX, PAGE - 8, PAGE)}" if self.rarely() else str(near)

    def width(self, of: str) -> str:
        """How wide an access is, as in its name: as wide as the stride, most often."""
        fitting = [w for w, size in SIZES[of].items() if size == abs(self.stride)]
        return str(self.rng.choice(fitting if fitting and not self.rarely() else [*SIZES[of]]))

    def load(self, width: Optional[str] = None, of: str = "i32") -> str:
        width = self.width(of) if width is None else width
        sign = self.one("_u", "_u", "_u", "_s") if width else ""
        return f"({of}.load{width}{sign}{self.offset()} {self.address()})"

    def byte(self) -> str:
        """A byte that was loaded, or is loaded now."""
        if self.found and self.rng.random() < 0.7:
            return get(self.rng.choice(self.found))
        return self.load("8")

    def table(self) -> str:
        """A byte of a table."""
        if self.rng.random() < 0.7:
            far = self.one(TABLE, TABLE, TABLE, PAGE - 256, PAGE - 200)
            return f"(i32.load8_u offset={far} {self.byte()})"
        return f"(i32.load8_u (i32.add {self.byte()} {get('c')}))"

    # Statements

    def loading(self) -> str:
        name = self.rng.choice("xyz")
        loaded = self.table() if self.rng.random() < 0.1 else self.load("8")
        self.found.append(name)
        return f"(local.set ${name} {loaded})"

    def storing(self) -> str:
        of = self.one("i32", "i32", "i64")
        width = self.width(of)
        value = self.one(
            lambda: self.load(width, of), lambda: self.load(width, of),
            lambda: self.value() if of == "i32" else self.one(get("w"), get("v"), const(self.number(), "i64")),
        )()  # fmt: skip
        if self.rarely():
            value = get(self.any_local()) if of == "i32" else "(i64.extend_i32_u (local.get $i))"
        address = self.address()
        if self.rng.random() < 0.2:  # where it stays
            address, of = self.one(get(self.still()), const(INDEX)), "i32"
            value = self.one(get(self.rng.choice(self.moving)), self.value(), get("n"))
            width = self.one("", "", "8", "16")
        return f"({of}.store{width}{self.offset()} {address} {value})"

    def carrying(self) -> str:
        """What is handed on, or kept, or left to the next turn to be written over."""
        y, byte = self.rng.choice("yzxv"), self.byte()
        if y == "v":
            return f"(local.set $v (i64.{self.one('add', 'xor')} {get('v')} (i64.extend_i32_u {byte})))"
        return str(self.one(
            lambda: f"(local.set ${y} (i32.add {get(y)} {byte}))",
            lambda: f"(local.set ${y} (i32.mul (i32.xor {get(y)} {byte}) {const(16777619)}))",
            lambda: f"(local.set ${y} {byte})",
            lambda: f"(local.set ${y} (i32.add {get(y)} (i32.eq {byte} {self.value()})))",
            lambda: f"(local.set ${y} (select {byte} {get(y)} (i32.gt_u {byte} {get(y)})))",
            lambda: f"(local.set ${y} {get(self.any_local())})",
            lambda: f"(local.set ${y} (i32.add {get(self.any_local())} {self.value()}))",
            lambda: f"(drop {self.table()})",
            lambda: f"(drop (i32.load8_u offset={self.one(PAGE - 136, PAGE - 50)} {byte}))",
        )())  # fmt: skip

    def leaving(self) -> str:
        """A condition of a loaded value: more often than not one that is rarely met."""
        byte = self.byte()
        return str(self.one(
            lambda: f"(i32.eq {byte} {self.value()})", lambda: f"(i32.eqz {byte})",
            lambda: f"(i32.eqz {byte})", lambda: f"(i32.eq {byte} {get('c')})",
            lambda: f"(i32.ne {byte} {self.value()})",
            lambda: f"(i32.{self.one(*COMPARED)} {byte} {const(self.number())})",
            lambda: f"(i32.gt_u (i32.sub {byte} {const(48)}) {const(self.one(9, 77))})",
            lambda: self.table(), lambda: f"(i32.eqz {self.table()})",
            lambda: f"(i32.ne {self.load()} {self.load()})",
            lambda: f"(i32.or (i32.eq {byte} {const(34)}) (i32.eq {byte} {self.value()}))",
            lambda: f"(i64.ne {self.load(None, 'i64')} {self.load(None, 'i64')})",
            lambda: f"(i64.eq {self.load('8', 'i64')} {self.one(get('w'), const(0, 'i64'))})",
            lambda: f"(i32.{self.one(*COMPARED)} {byte} {get(self.any_local())})",
            lambda: f"(i32.{self.one(*COMPARED)} {get(self.any_local())} {get(self.any_local())})",
        )())  # fmt: skip

    def going(self) -> str:
        """A condition of a counter, to go on."""
        one, up = self.rng.choice(self.moving), self.stride > 0
        end, start = get("n"), get(one)
        if one in "pq" and self.rng.random() < 0.7:
            end = const(self.one(4400, 20300, PAGE, PAGE - 3) if up else self.one(3900, 100, 0))
        if self.rng.random() < 0.5:
            by = self.one(-1, -1, -1, -1, -2, -abs(self.stride))
            left = f"(local.tee $n (i32.add {get('n')} {const(by)}))"
            return str(self.one(left, left, f"(i32.{self.one('gt_u', 'gt_s', 'ne', 'ge_s')} {left} {const(self.one(0, 7))})"))
        if self.rng.random() < 0.15:
            return f"(i64.{self.one('ne', 'lt_u', 'lt_s', 'le_u')} (local.tee $w (i64.add {get('w')} {const(1, 'i64')})) {self.one(get('v'), const(200, 'i64'))})"
        if self.rng.random() < 0.2:
            return f"(i32.{self.one('ne', 'lt_u')} {start} (i32.wrap_i64 (local.get $v)))"
        if self.rarely():
            return f"(i32.{self.one(*COMPARED)} {start} {self.value()})"
        compared = ("ne", "lt_u", "lt_s", "le_u", "le_s") if up else ("ne", "gt_u", "gt_s", "ge_u", "ge_s")
        return f"(i32.{self.one(*compared)} {start} {end})"

    def stepping(self) -> List[str]:
        steps = []
        for name in self.moving:
            by = self.one(1, 2, -self.stride, 0) if self.rarely() else self.stride
            if self.odd and self.rng.random() < 0.06:
                steps.append(f"(local.set ${name} (i32.{self.one('add', 'sub')} {get(name)} {get(self.still())}))")
                continue
            steps.append(f"(local.set ${name} (i32.add {get(name)} {const(by)}))")
        if self.rng.random() < 0.1:
            steps.append(f"(local.set $w (i64.add {get('w')} {const(self.one(1, 8, -1), 'i64')}))")
        return steps

    def body(self) -> str:
        """All of it."""
        rng = self.rng
        kind = rng.choice(("search", "search", "move", "move", "both", "any"))
        statements: List[str] = []
        plan: List[Callable[[], str]] = []
        if kind in ("search", "both", "any"):
            plan += [self.loading] * rng.choice((0, 1, 1, 2))
            plan += [lambda: self.way_out(self.leaving())] * rng.choice((1, 1, 2))
        if kind in ("move", "both", "any"):
            plan += [self.storing] * rng.choice((1, 1, 1, 2))
        if rng.random() < 0.3 or kind == "any":
            plan += [self.carrying] * rng.choice((1, 1, 2))
        if kind != "search" or rng.random() < 0.3:
            rng.shuffle(plan)
        statements = [make() for make in plan]
        for step in self.stepping():
            low = 0 if rng.random() < 0.3 else len(statements)
            statements.insert(rng.randint(low, len(statements)), step)
        if rng.random() < 0.15:
            statements.insert(0, self.way_out(f"(i32.eqz {self.going()})"))
        again = "(br $l)" if kind == "search" and rng.random() < 0.3 else f"(br_if $l {self.going()})"
        text = "\n".join([*statements, again])
        return self.around(f"(block $out (loop $l\n{text}))")

    def way_out(self, condition: str) -> str:
        return str(self.one(
            f"(br_if $out {condition})", f"(if {condition} (then (br $out)))",
            f"(if {condition} (then (local.set $z (i32.const 77)) (br $out)))",
        ))  # fmt: skip

    def around(self, loop: str) -> str:
        """The loop, or the loop in another one."""
        if self.rng.random() > 0.15:
            return loop
        again = self.one("(local.set $i (i32.const 0))", "(local.set $p (i32.const 4096))", "(local.set $n (i32.const 40))")
        return f"(loop $o {loop} {again} (br_if $o (i32.lt_u (local.tee $y (i32.add {get('y')} {const(90)})) {const(250)})))"


# Mutations of the loops that are known ------------------------------------------------


def trees(text: str) -> List[Tree]:
    """Text as trees."""
    stack: List[List[Tree]] = [[]]
    for word in re.findall(r"[()]|[^\s()]+", text):
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    return stack[0]


def shown(tree: Tree) -> str:
    """A tree as text."""
    return tree if isinstance(tree, str) else f"({' '.join(map(shown, tree))})"


def _lists(tree: Tree) -> Iterator[List[Tree]]:
    if isinstance(tree, list):
        yield tree
        for part in tree:
            yield from _lists(part)


def _sibling(rng: random.Random, word: str) -> str:
    """An instruction or name of the same type, or a number nearby."""
    if word[0] == "$" and word[1:] in NARROW:
        return "$" + rng.choice(NARROW)
    if word[0] == "$" and word[1:] in WIDE:
        return "$" + rng.choice(WIDE)
    if re.fullmatch(r"-?\d+", word):
        return str(int(word) + rng.choice((1, -1, 4, -8, 255)) if rng.random() < 0.7 else -int(word))
    of, _, name = word.partition(".")
    if of in SIZES and name.startswith("load"):
        return rng.choice([f"{of}.load{w}{s}" for w in SIZES[of] for s in (("_u", "_s") if w else ("",))])
    if of in SIZES and name.startswith("store"):
        return rng.choice([f"{of}.store{w}" for w in SIZES[of]])
    if of in SIZES and name in COMPARED:
        return f"{of}.{rng.choice(COMPARED)}"
    if name in ("add", "sub", "mul", "xor", "and", "or", "shl"):
        return f"{of}.{rng.choice(('add', 'sub', 'mul', 'xor', 'and'))}"
    if word.startswith("offset="):
        return f"offset={rng.choice((0, 1, 2, 4, 8, 9, 40, PAGE - 9))}"
    return "local.tee" if word == "local.tee" else word


def mutated(rng: random.Random, text: str, count: int) -> str:
    """A loop with a few things changed: valid or not."""
    top: List[Tree] = trees(text)
    drawn = Drawn(rng)
    for _ in range(count):
        lists = [part for part in _lists(top) if part]
        loops = [part for part in lists if part[0] == "loop"]
        if rng.random() < 0.45 and loops:
            loop = rng.choice(loops)
            at = rng.randint(2, len(loop))
            choice = rng.random()
            if choice < 0.5:
                make = rng.choice((drawn.loading, drawn.carrying, drawn.carrying, drawn.storing))
                loop[at:at] = trees(make())
            elif choice < 0.6:
                loop[at:at] = trees(f"(br_if 1 {drawn.leaving()})")
            elif choice < 0.8 and at < len(loop):
                loop.append(loop.pop(2) if rng.random() < 0.3 else loop[at])
            elif at < len(loop):
                del loop[at]
            continue
        part = rng.choice(lists)
        at = rng.randrange(len(part))
        if isinstance(part[at], str):
            part[at] = _sibling(rng, part[at])
    return "\n".join(map(shown, top))


# Running -------------------------------------------------------------------------------


def loop_of(rng: random.Random) -> Tuple[Made, wasmpy.Module]:
    """A loop that is valid."""
    while True:
        if rng.random() < 0.5:
            body = Drawn(rng).body()
            if rng.random() < 0.2:
                body = mutated(rng, body, 1)
        else:
            body = mutated(rng, LOOPS[rng.choice([*LOOPS])].body, rng.choice((0, 1, 1, 1, 2, 2, 3)))
        names = [*NARROW, *WIDE]
        rng.shuffle(names)
        if rng.random() < 0.3:  # what is compared with, as number 0
            names.sort(key=rng.choice("cnw").__ne__)
        made = Made("".join(names), body)
        try:
            return made, wasmpy.Module(made.wat)
        except wasmpy.WasmError:
            continue


def given_of(rng: random.Random) -> Given:
    """Locals and memory: most often such that the loop goes round for a while."""
    p, q = 4096, 20000
    choice = rng.random()
    if choice < 0.12:
        q = p + rng.choice((-1, 1)) * rng.choice((0, 1, 2, 4, 8, 12, 16))
    elif choice < 0.2:
        q = p + rng.randint(-70, 250)
    elif choice < 0.28:
        p = PAGE - rng.randint(0, 300)
    elif choice < 0.35:
        q = PAGE - rng.randint(0, 300)
    elif choice < 0.42:
        p, q = rng.choice(((p, TABLE - rng.randint(0, 80)), (INDEX - rng.randint(0, 200), q)))
    elif choice < 0.5:
        p, q = rng.choice((0, 5, 400, 2**32 - rng.randint(1, 60))), rng.choice((q, TABLE - 50, INDEX - 40))
    n = rng.choice((rng.randint(0, 300), rng.randint(20, 200), 200, p + rng.randint(0, 300), p - 50))
    byte = rng.choice((rng.randint(0, 255), 0, 32, 34, 97, 200, 255))
    c = rng.choice((byte, byte, byte, rng.randint(0, 9), TABLE, 256 + byte, 2**32 - 1, PAGE - 256, p - 1))
    args = {"p": p, "q": q, "n": n % 2**32, "c": c % 2**32}
    args["i"] = rng.choice((0, 0, 0, 0, 1, 7, 2**32 - 1, 2**32 - 20, 2**31 - 9, n % 2**32))
    for name in "xyz":
        args[name] = rng.choice((0, 0, 1, 65, 2**32 - 1))
    for name in WIDE:
        args[name] = rng.choice((0, byte, n, p, 2**32 + byte, (1 << 32) + n, (7 << 40) + p, rng.getrandbits(64))) % 2**64
    few = rng.choice(ALPHABETS)
    pieces: List[Tuple[int, bytes]] = []
    data = bytes(rng.choices(few, k=420))
    if rng.random() < 0.5:
        some = rng.randint(0, 200)
        data = data[:some] + bytes((rng.choice((0, byte, byte, c & 255, 255)),)) + data[some:]
    for at in (0, 4096, 20000, p, q, p - 100, q - 100, PAGE - 300):
        if 0 <= at < PAGE and rng.random() < 0.9:
            pieces.append((at, data[: PAGE - at]))
    if rng.random() < 0.7:
        table = bytearray(256)
        for _ in range(rng.choice((0, 1, 3, 200))):
            table[rng.randrange(256)] = rng.choice((1, 1, 255))
        pieces += [(TABLE, bytes(table)), (PAGE - 256, bytes(table))]
    if q != 20000 and 0 <= q < PAGE and rng.random() < 0.5:
        pieces.append((q, data[: PAGE - q]))
    return Given(args, pieces)


def ran(made: Made, module: wasmpy.Module, given: Given, fuel: Optional[int], of: str) -> List[Any]:
    """What a run does: results or failure, what it consumed, and the memory."""
    store = wasmpy.Store(tier=of, fusing="never" if of == "reference" else "hot")
    instance = module.instantiate(store=store)
    memory: Any = instance.exports.m
    for at, data in given.pieces:
        memory[at : at + len(data)] = data
    store.fuel = fuel
    try:
        result: Any = instance.exports.f.call_raw(*[given.args[name] for name in made.order])
    except (wasmpy.WasmTrap, wasmpy.Interrupted) as error:
        result = failure(error)
    except wasmpy.InternalError as error:
        result = str(error)
    return [result, store.fuel_consumed, store.fuel, memory[:]]


def _differ(expected: List[Any], found: List[Any]) -> str:
    for what, one, other in zip(("result", "consumed", "fuel"), expected, found):
        if one != other:
            return f"{what}: {one!r}\n and {other!r}"
    if expected[3] != found[3]:
        at = next(i for i, (a, b) in enumerate(zip(expected[3], found[3])) if a != b)
        return f"memory at {at}"
    return ""


class Slices:
    """Slices as short as they are drawn, so that tier auto goes on in mid-loop."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self) -> None:
        self.had = exec_store.SLICE, tier.SLICE, tier.WORTH
        exec_store.SLICE = tier.SLICE = self.size
        tier.WORTH = 0

    def __exit__(self, *_: Any) -> None:
        exec_store.SLICE, tier.SLICE, tier.WORTH = self.had


def compared(rng: random.Random, made: Made, module: wasmpy.Module, given: Given) -> str:
    """Where the ways to run a loop differ; nothing if they agree."""
    expected = ran(made, module, given, MOST, "reference")
    consumed = expected[1]
    cases: List[Tuple[str, Optional[int]]] = [("python", MOST)]
    if consumed < MOST - 200:
        cases += [("python", None)]
    cases += [("python", rng.randint(0, consumed + 1)) for _ in range(2)]
    sliced = rng.random() < 0.35
    if sliced:
        cases += [("auto", MOST), ("python", rng.randint(0, consumed + 1))]
        cases += [("auto", None)] if consumed < MOST - 200 else []
    for i, (of, fuel) in enumerate(cases):
        should = expected if fuel == MOST else ran(made, module, given, fuel, "reference")
        with Slices(rng.randint(1, 400) if sliced and i > 2 else 20_000):
            found = ran(made, module, given, fuel, of)
        different = _differ(should, found)
        if different:
            return f"{made.wat}\n{given.args}\n{of}, fuel {fuel}: {different}"
    return ""


def is_ahead(module: wasmpy.Module) -> bool:
    """Whether its loop is run ahead of."""
    shape, func = Shape(module.syntax), module.syntax.funcs[0]
    functype = shape.function(0)
    valtypes = [*functype.params, *(t for count, t in func.locals for _ in range(count))]
    layout = Layout(func.body, module.sidetables[0])
    return " k = " in write(shape, 0, layout, functype, valtypes, metered=False).text


class Count:
    """What was run."""

    def __init__(self) -> None:
        self.loops = self.ahead = self.runs = 0
        self.found: List[str] = []


def fuzz(seed: int, seconds: float = 0.0, loops: int = 0, stop: int = 1) -> Count:
    """Loops by seeds that follow each other, until there are so many or time is up."""
    count, end = Count(), time.monotonic() + seconds
    while len(count.found) < stop and (count.loops < loops or time.monotonic() < end):
        rng = random.Random(seed + count.loops)
        made, module = loop_of(rng)
        ahead = is_ahead(module)
        count.loops += 1
        count.ahead += ahead
        for _ in range(4 if ahead else 1):
            count.runs += 1
            different = compared(rng, made, module, given_of(rng))
            if different:
                count.found.append(f"seed {seed + count.loops - 1}\n{different}")
                break
    return count


def main() -> int:
    """Run for some minutes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--stop", type=int, default=5, help="how many that differ are enough")
    given = parser.parse_args()
    count = fuzz(given.seed, 60 * given.minutes, stop=given.stop)
    print(*count.found, sep="\n\n")
    print(f"seed {given.seed}: {count.loops} loops, {count.ahead} run ahead of, {count.runs} runs")
    return bool(count.found)


if __name__ == "__main__":
    sys.exit(main())
