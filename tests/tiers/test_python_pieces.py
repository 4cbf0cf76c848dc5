"""The pieces of the python tier: templates, graphs, both forms of control flow, traps, the text.

What belongs here: what each piece promises by itself, and programs at Python's
limits.  What does not: generated programs (``test_python_agrees``).
"""

from __future__ import annotations

import ast
import itertools
import random
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import pytest

import wasmpy
from tests.tiers.observed import program_of
from wasmpy.exec import generated
from wasmpy.exec.layout import Layout
from wasmpy.isa.derived import BY_OP
from wasmpy.syntax.types import I32, I64
from wasmpy.tiers.pysource import templates
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.graph import Graph
from wasmpy.tiers.pysource.link import GLOBALS
from wasmpy.tiers.pysource.templates import template
from wasmpy.tiers.pysource.values import FLOAT, Piece, Value, number

# Templates --------------------------------------------------------------------------

EDGES = {
    I32: [0, 1, 31, 128, 255, 2**31 - 1, 2**31, 2**32 - 1],
    I64: [0, 1, 63, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1],
}
OPERATORS = [
    row for row in BY_OP
    if row is not None and row.op in generated.EXPRESSIONS and not row.immediates and not row.traps
    and row.params and row.results and {*row.params, *row.results} <= {I32, I64}
]  # fmt: skip


def operands(valtype: Any, name: str, full: bool) -> Iterator[Tuple[Value, List[int]]]:
    """A variable in every interval, and every constant; with values that it may have."""
    edges = EDGES[valtype]
    for i, lo in enumerate(edges):
        yield Value(number(lo)), [lo]
        for hi in edges[i + 1 :: 1 if full else 3]:
            inside = sorted({lo, lo + 1, *[e for e in edges if lo <= e <= hi], (lo + hi) // 2, hi - 1, hi})
            yield Value(Piece(name, 0, lo, hi), frozenset((name,))), inside


def python(text: str) -> Any:
    return compile(text, text, "eval")


def agrees(piece: Piece, bits: int, cases: List[Tuple[Dict[str, int], int]]) -> None:
    """A piece has the values that it should, modulo 2^bits, where it says, and in its raw form."""
    code, raw = python(piece.text), None if piece.raw is None else python(piece.raw.text)
    truth = None if piece.truth is None else piece.truth
    condition = None if truth is None else python(truth.text)
    for variables, expected in cases:
        value = eval(code, GLOBALS, dict(variables))
        if bits:
            assert (value - expected) % (1 << bits) == 0, (piece.text, variables)
        else:
            assert value == expected, (piece.text, variables)
        if piece.lo is not None:
            assert piece.lo <= value <= piece.hi, (piece, variables)
        if raw is not None and piece.bits != FLOAT:
            simpler = eval(raw, GLOBALS, dict(variables))
            assert (simpler - value) % (1 << piece.bits) == 0, (piece.raw.text, variables)
            if piece.raw.lo is not None:
                assert piece.raw.lo <= simpler <= piece.raw.hi
        if condition is not None:
            holds = bool(eval(condition, GLOBALS, dict(variables)))
            assert holds == bool(expected)
            if truth.name:
                lo, hi = truth.when if holds else truth.unless
                assert lo <= variables[truth.name] <= hi, (truth, variables)


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row.mnemonic)
def test_every_simplification_is_an_identity(row: Any) -> None:
    text = generated.EXPRESSIONS[row.op]
    made, plain = template(text), python(text)
    names = ["l0", "l1"][: len(row.params)]
    choices = [list(operands(t, name, len(row.params) == 1)) for t, name in zip(row.params, names)]
    for chosen in itertools.product(*choices):
        ops = [value for value, _ in chosen]
        cases = []
        for values in itertools.product(*(inside for _, inside in chosen)):
            meant = {f"_{i}": v for i, v in enumerate(values)}
            cases.append((dict(zip(names, values)), eval(plain, GLOBALS, meant)))
        for bits in (0, 8, 32) if len(row.params) == 1 else (0, 32):
            agrees(made.build(ops, bits), bits, cases)


def test_simplifications_of_simplifications_are_identities() -> None:
    """Three operators on two variables, each told where the one below lies."""
    numbers = random.Random(1)
    by_type = {t: [row for row in OPERATORS if row.results == (t,)] for t in (I32, I64)}

    def grown(t: Any, depth: int) -> Tuple[Value, Any]:
        """A value, and a function of the variables that says what it should be."""
        edges = EDGES[t]
        if depth == 0:
            if numbers.randrange(2):
                constant = numbers.choice(edges)
                return Value(number(constant)), lambda env: constant
            name = "l" + str(numbers.randrange(2)) + ("" if t == I32 else "0")
            return Value(Piece(name, 0, *bounds[name]), frozenset((name,))), lambda env: env[name]
        row = numbers.choice(by_type[t])
        below = [grown(p, numbers.randrange(depth)) for p in row.params]
        text = generated.EXPRESSIONS[row.op]
        plain = python(text)
        made = template(text)
        values = [value for value, _ in below]
        for i, uses in enumerate(made.uses[: len(values)]):
            if uses > 1 and not values[i].atom:  # it would be named
                return below[i] if row.params[i] == t else grown(t, 0)

        def meant(env: Dict[str, int]) -> int:
            given = {f"_{i}": f(env) for i, (_, f) in enumerate(below)}
            result: int = eval(plain, GLOBALS, given)
            return result

        names = frozenset().union(*(v.names for v in values))
        return Value(made.build(values, 0), names), meant

    for _ in range(6_000):
        bounds: Dict[str, Tuple[int, int]] = {}
        for name, t in (("l0", I32), ("l1", I32), ("l00", I64), ("l10", I64)):
            ends = sorted(numbers.choices(EDGES[t], k=2))
            bounds[name] = (ends[0], ends[1])
        t = numbers.choice([I32, I64])
        value, meant = grown(t, 3)
        cases = []
        for _ in range(6):
            env = {}
            for name, (lo, hi) in bounds.items():
                some = [lo, hi, *[e for e in EDGES[I64] if lo <= e <= hi], numbers.randint(lo, hi)]
                env[name] = numbers.choice(some)
            cases.append((env, meant(env)))
        agrees(value.piece, 0, cases)


# Graphs -----------------------------------------------------------------------------


def reached(graph: Graph, without: Optional[int] = None) -> Set[int]:
    """The nodes that can be reached from the entry, one left out."""
    seen: Set[int] = set()
    work = [graph.entry]
    while work:
        at = work.pop()
        if at not in seen and at != without:
            seen.add(at)
            work += [edge.target for edge in graph.nodes[at].ways]
    return seen


@pytest.mark.parametrize("seed", range(25))
def test_dominators_and_loops_are_what_their_definitions_say(seed: int) -> None:
    _, module = program_of(seed)
    for func, sidetable in zip(module.syntax.funcs, module.sidetables):
        graph = Graph(Layout(func.body, sidetable))
        nodes = graph.nodes
        everything = reached(graph)
        assert everything == set(nodes) == set(graph.order)
        dominated = {one: everything - reached(graph, without=one) for one in nodes}
        for one, other in itertools.product(nodes, nodes):
            assert graph.dominates(one, other) == (other in dominated[one])
        loops: Dict[int, Set[int]] = {}
        for start, node in nodes.items():
            for edge in node.ways:
                backwards = nodes[edge.target].number <= node.number
                assert backwards == (start in dominated[edge.target])  # reducible
                if backwards:
                    body = loops.setdefault(edge.target, {edge.target})
                    work = [start]
                    while work:
                        at = work.pop()
                        if at not in body:
                            body.add(at)
                            work += nodes[at].preds
        assert graph.loops == loops
        for start, node in nodes.items():
            around = [header for header, body in loops.items() if start in body]
            innermost = min(around, key=lambda h: len(loops[h])) if around else None
            assert node.header == innermost


# Python's limits ----------------------------------------------------------------------


def nested(count: int, opening: str, closing: str, inner: str) -> str:
    return f"{opening} " * count + inner + f" {closing}" * count


COUNT = "(local.set 1 (i32.add (local.get 1) (i32.const 1)))"
LOOP = "(local.set {i} (i32.const 0)) (loop"
LIMITS = {
    "500 blocks": nested(500, "(block", COUNT + ")", "(br_if 499 (local.get 0))"),
    "150 ifs": nested(150, "(if (local.get 0) (then", COUNT + "))", COUNT),
    "98 ifs with else": nested(98, "(if (local.get 0) (then", COUNT + f") (else {COUNT}))", COUNT),
    "25 loops": nested(25, "(loop", f"{COUNT} (br_if 0 (i32.lt_u (local.get 1) (i32.const 40))))", COUNT),
    "60 loops": nested(60, "(loop", f"{COUNT} (br_if 0 (i32.lt_u (local.get 1) (i32.const 90))))", COUNT),
    "1,000 labels": nested(
        1000, "(block", COUNT + ")", "(br_table " + " ".join(map(str, range(1000))) + " (local.get 0))"
    ),
    "20,000 instructions": "(local.set 1 (i32.mul (i32.add (local.get 1) (local.get 0)) (i32.const 3)))" * 3_400,
    "3,000 ifs": f"(if (i32.and (local.get 0) (i32.const 1)) (then {COUNT}))" * 3_000,
    "300 operands": "(local.set 1 " + nested(300, "(i32.add (local.get 0)", ")", "(i32.const 1)") + ")",
    "400 pending": "(local.get 0)" * 400 + "(i32.add)" * 399 + "(local.set 1)",
}


@pytest.mark.parametrize("fuel", [None, 1_000_000])
@pytest.mark.parametrize("name", LIMITS)
def test_what_is_beyond_pythons_limits_runs_as_well(name: str, fuel: Optional[int]) -> None:
    wat = f'(module (func (export "f") (param i32) (result i32) (local i32) {LIMITS[name]} (local.get 1)))'
    module = wasmpy.Module(wat)
    seen = []
    for tier in ("reference", "python"):
        store = wasmpy.Store(tier=tier)
        f = module.instantiate(store=store).exports.f
        store.fuel = fuel
        seen.append([(f(x), store.fuel) for x in (0, 1, 7, 998, 5_000)])
        assert store.fallbacks == []
    assert seen[0] == seen[1]


# Faults and traps -----------------------------------------------------------------------


def test_a_mask_that_is_missing_is_an_internal_error_and_no_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    wat = """(module {name} (memory 1)
        (func (export "store") (param i32) (i32.store (i32.const 8) (i32.add (local.get 0) (i32.const 9))))
        (func (export "load") (param i32) (result i32) (i32.load (i32.add (local.get 0) (i32.const 9))))
        (func (export "word") (param i32) (i32.store (i32.const 8) (i32.sub (local.get 0) (i32.const 9)))))"""

    def unmasked(inner: Piece, bits: int) -> Piece:
        return inner._replace(lo=0, hi=(1 << bits) - 1)

    templates.template.cache_clear()
    with monkeypatch.context() as changed:
        changed.setattr(templates, "_masked", unmasked)
        instance = wasmpy.Module(wat.format(name="$without")).instantiate(store=wasmpy.Store(tier="python"))
        for name, argument in (("store", -1), ("load", -1), ("word", 3)):
            with pytest.raises(wasmpy.InternalError):
                instance.exports[name](argument)
    templates.template.cache_clear()
    instance = wasmpy.Module(wat.format(name="$with")).instantiate(store=wasmpy.Store(tier="python"))
    assert (instance.exports.store(-1), instance.exports.load(-1)) == (None, 8)
    assert instance.exports.word(3) is None


# The text -------------------------------------------------------------------------------

NAMES = """(module {module} (import {a} {b} (func {f} (param i32))) (memory {m} 1) (global {g} (mut f32) (f32.const nan))
    (func {h} (export {a}) (param {p} i32) (result i64) (local {l} i64)
      (call {f} (i32.load {m} (local.get {p}))) (global.set {g} (f32.const -inf))
      (block {b_} (br_if {b_} (local.get {p})) (local.set {l} (i64.const -1))) (local.get {l})))"""
PLAIN = {"module": "$m", "a": '"a"', "b": '"b"', "f": "$f", "m": "$mem", "g": "$g", "h": "$h", "p": "$p", "l": "$l", "b_": "$b"}
ODD = {
    "module": "$\"m'\\n\\\"\"", "a": '"\\"\\n import os #"', "b": "\"'''\\\\\"", "f": '$"x\\"\\n"', "m": '$"\\n\\u{2028}"',
    "g": '$"g);\\n"', "h": "$\"h'''\"", "p": '$"l1 = 2"', "l": '$"\\u{202e}"', "b_": '$"while True:"',
}  # fmt: skip


def texts_of(wat: str) -> List[str]:
    module = wasmpy.Module(wat)
    imported = {(i.module, i.name) for i in module.imports}
    imports: Dict[str, Any] = {m: {n: lambda x: None} for m, n in imported}
    instance = module.instantiate(imports, store=wasmpy.Store(tier="python"))
    function = next(f for f in instance.inst.funcs if f.host is None)
    functions = Functions.of(function.instance.module)
    instance.exports[next(n for n in instance.exports)](5)
    return [functions.source(function, metered=metered).text for metered in (False, True)]


def test_nothing_of_a_module_is_in_the_text_but_numbers() -> None:
    odd = texts_of(NAMES.format(**ODD))
    assert odd == texts_of(NAMES.format(**PLAIN))
    for text in odd:
        assert text.isascii()
        constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        assert not any(isinstance(value, str) for value in constants)
