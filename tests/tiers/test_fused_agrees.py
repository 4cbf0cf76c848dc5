"""Fused runs against plain slots: the same results, traps, fuel and memory.

What belongs here: generated functions run both ways, and the kernels of the
benchmarks.  The official scripts are run both ways by ``tests/spec``.
"""

from __future__ import annotations

import json
import pathlib
import random
from typing import Any, Dict, List, Tuple

import pytest

import wasmpy
from tests.tiers.vocabulary import INTERESTING
from wasmpy.isa.table import INSTRS
from wasmpy.numerics.bits import f64_bits
from wasmpy.syntax.types import F32, F64, I32, I64, V128, ValType

KERNELS = pathlib.Path(__file__).parents[2] / "benchmarks" / "kernels"
FEATURES = wasmpy.Features.WASM2.having("relaxed_simd")
TYPES = (I32, I64, F32, F64, V128)


class Generator:
    """Random functions: type-directed expressions, statements, bounded loops."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.by_result: Dict[str, List[Any]] = {}
        known = [row for row in INSTRS if row.feature in FEATURES]
        for row in known:
            if (row.numeric or (row.access and not row.access.store)) and row.results:
                self.by_result.setdefault(str(row.results[0]), []).append(row)
        self.stores = [row for row in known if row.access and row.access.store]
        self.locals = [self.random.choice(TYPES) for _ in range(6)]

    def local(self, valtype: ValType) -> int:
        """A local of a type; the first five have one of each."""
        same = [i for i, t in enumerate([*TYPES, *self.locals]) if t == valtype]
        return self.random.choice(same)

    def expr(self, valtype: ValType, depth: int) -> str:
        choice = self.random.random()
        if depth <= 0 or choice < 0.15:
            if choice < 0.07:
                return f"({valtype}.const {self.random.choice(INTERESTING[str(valtype)])})"
            return f"(local.get {self.local(valtype)})"
        if choice < 0.22:
            return f"(local.tee {self.local(valtype)} {self.expr(valtype, depth - 1)})"
        if choice < 0.28:
            return f"(global.get ${valtype})"
        if choice < 0.35:
            arms = f"{self.expr(valtype, depth - 1)} {self.expr(valtype, depth - 1)}"
            return f"(select {arms} {self.expr(I32, depth - 1)})"
        if choice < 0.42:
            return (
                f"(if (result {valtype}) {self.expr(I32, depth - 1)}"
                f" (then {self.statement(depth - 1)} {self.expr(valtype, depth - 1)})"
                f" (else {self.expr(valtype, depth - 1)}))"
            )
        if choice < 0.46 and valtype == I32:
            return f"(call $leaf {self.expr(I32, depth - 1)} {self.expr(F64, depth - 1)})"
        row = self.random.choice(self.by_result[str(valtype)])
        if row.access:
            address = f"(i32.and {self.expr(I32, depth - 1)} (i32.const 0x1ffff))"
            text = f"{row.mnemonic} offset={self.random.choice([0, 1, 60000])}"
            if row.access.lanes != "lane":
                return f"({text} {address})"
            lane, vector = self.random.randrange(row.lanes), self.expr(V128, depth - 1)
            return f"({text} {lane} {address} {vector})"
        operands = " ".join(self.expr(t, depth - 1) for t in row.params)
        count = {(): 0, ("laneidx",): 1, ("lanes",): 16}[row.immediates]
        lanes = " ".join(str(self.random.randrange(row.lanes)) for _ in range(count))
        return f"({row.mnemonic} {lanes} {operands})"

    def statement(self, depth: int) -> str:
        valtype = self.random.choice(TYPES)
        kind = self.random.randrange(7)
        if kind == 0:
            return f"(local.set {self.local(valtype)} {self.expr(valtype, depth)})"
        if kind == 1:
            return f"(global.set ${valtype} {self.expr(valtype, depth)})"
        if kind == 2:
            row = self.random.choice(self.stores)
            address = f"(i32.and {self.expr(I32, depth - 1)} (i32.const 0x7fff))"
            lane = self.random.randrange(row.lanes) if row.lanes else ""
            return f"({row.mnemonic} {lane} {address} {self.expr(row.params[1], depth - 1)})"
        if kind == 3:
            return f"(drop {self.expr(valtype, depth)})"
        if kind == 4 and depth > 1:
            return f"(block (br_if 0 {self.expr(I32, depth - 1)}) {self.statement(depth - 1)})"
        if kind == 5 and depth > 1:
            inner = self.statement(depth - 1)
            index = self.expr(I32, depth - 1)
            return f"(block (block (block (br_table 0 1 2 {index})) {inner}) {inner})"
        body = " ".join(self.statement(depth - 1) for _ in range(2)) if depth > 1 else ""
        return (
            f"(loop {body} (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n)"
            " (i32.const 1))) (i32.const 50))))"
        )

    def module(self) -> str:
        locals_ = " ".join(f"(local {t})" for t in self.locals)
        body = "\n".join(self.statement(4) for _ in range(self.random.randrange(1, 7)))
        result = self.random.choice(TYPES)
        globals_ = " ".join(
            f'(global ${t} (export "{t}") (mut {t}) ({t}.const {INTERESTING[str(t)][1]}))'
            for t in TYPES
        )
        return f"""(module (memory (export "m") 1) {globals_}
            (func $leaf (param i32 f64) (result i32)
                (i32.add (local.get 0) (i32.trunc_sat_f64_s (local.get 1))))
            (func (export "f") (param i32 i64 f32 f64 v128) (result {result}) {locals_}
                (local $n i32)
                {body} {self.expr(result, 4)}))"""


def bits_of(operands: Tuple[Any, ...]) -> List[Any]:
    """Operands in a form in which equal NaNs are equal."""
    return [f64_bits(v) if isinstance(v, float) else v for v in operands]


def outcome(module: wasmpy.Module, fusing: str, args: Tuple[Any, ...], fuel: int) -> Any:
    """Everything that can be seen of two calls."""
    store = wasmpy.Store(fuel=fuel, fusing=fusing, tier="reference")
    instance = module.instantiate(store=store)
    seen: List[Any] = []
    for _ in range(2):
        try:
            seen.append(instance.exports.f.call_raw(*args))
        except wasmpy.WasmTrap as trap:
            seen.append((trap.kind, trap.func, trap.offset, bits_of(trap.operands)))
        except wasmpy.Interrupted as error:
            seen.append((error.resource, error.frames))
        seen.append(store.fuel_consumed)
    seen += [instance.exports[str(t)].raw for t in TYPES]
    seen.append(instance.exports.m[:])
    return seen


@pytest.mark.parametrize("block", range(20))
def test_generated_functions_agree(block: int) -> None:
    kinds = set()
    for seed in range(block * 15, block * 15 + 15):
        generator = Generator(seed)
        module = wasmpy.Module(generator.module(), features=FEATURES)
        values = random.Random(seed)
        for _ in range(2):
            args = (
                values.getrandbits(32), values.getrandbits(64),
                values.choice([0x3FC00000, 0x7F800001, 0xBF800000, values.getrandbits(32)]),
                values.choice([0x3FF8000000000000, 0xC1E0000000000000, values.getrandbits(64)]),
                values.getrandbits(128).to_bytes(16, "little"),
            )  # fmt: skip
            fuel = values.choice([50, 300, 20_000])
            plain = outcome(module, "never", args, fuel)
            assert outcome(module, "always", args, fuel) == plain, f"seed {seed}"
            kinds.add(type(plain[0]))
    assert len(kinds) > 1, "the generator made nothing but one kind of outcome"


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*.wasm")), ids=lambda p: str(p.stem))
def test_kernels_agree(path: pathlib.Path) -> None:
    kernels = {k["file"]: k for k in json.loads((KERNELS / "kernels.json").read_text())["kernels"]}
    size = kernels[path.name]["sizes"]["small"]
    module = wasmpy.Module.from_file(path)
    consumed = set()
    for fusing in ("never", "hot", "always"):
        instance = module.instantiate(store=wasmpy.Store(fuel=1 << 40, fusing=fusing, tier="reference"))
        assert instance.exports.run(size["n"]) == size["result"]
        consumed.add(instance.store.fuel_consumed)
    assert len(consumed) == 1


def test_nothing_is_compiled_where_fusing_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError("compiled")

    monkeypatch.setattr("wasmpy.exec.fuse.fuse", refuse)
    module = wasmpy.Module.from_file(KERNELS / "sieve.wasm")
    module.instantiate(store=wasmpy.Store(fusing="never", tier="reference")).exports.run(3)
    with pytest.raises(AssertionError):
        module.instantiate(store=wasmpy.Store(fusing="always", tier="reference")).exports.run(3)


def test_the_text_of_a_run_has_nothing_of_the_module_but_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts: List[str] = []

    def keep(text: str, *args: Any) -> Any:
        texts.append(text)
        return compile(text, *args)

    monkeypatch.setattr("wasmpy.exec.fuse.compile", keep, raising=False)
    wat = """(module $evil (func $__import__ (export "exec('x')") (param $os i32) (result i32)
        (i32.add (local.get $os) (i32.const 41))))"""
    instance = wasmpy.Module(wat).instantiate(store=wasmpy.Store(fusing="always", tier="reference"))
    assert instance.exports["exec('x')"](1) == 42
    assert texts
    assert not any(word in text for text in texts for word in ("evil", "exec", "os", "import"))
