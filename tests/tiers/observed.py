"""Everything that can be seen of a few calls, in a form that two stores can be compared by.

What belongs here: running a generated program (``programs``) in one way, its
host functions, and what is written down.  What does not: which ways there are.
"""

from __future__ import annotations

import functools
import hashlib
import random
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import wasmpy
from tests.tiers.programs import BESIDE, FEATURES, NUMBERS, Program
from wasmpy import Caller
from wasmpy.exec.exceptions import ExnInst, TagInst
from wasmpy.exec.heap import I31, ArrayInst, HostRef, StructInst
from wasmpy.exec.store import FuncInst
from wasmpy.numerics.bits import f64_bits

TRAP = (
    "kind", "func", "offset", "instr", "operands", "address", "width", "size", "expected", "actual",
    "note", "frames",
)  # fmt: skip
DEEPEST = 4
"""How far values in values are looked at."""
BUDGET = 12
"""How many functions a call may run."""


class Rigid(Exception):
    """What a host function may raise that takes no frames."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "wasm_frames":
            raise AttributeError(name)
        super().__setattr__(name, value)


class Way(NamedTuple):
    """How a program is run."""

    fuel: Optional[int] = None
    limits: wasmpy.Limits = wasmpy.Limits()


class Calls(NamedTuple):
    """What is called: exports with the bits of their arguments."""

    calls: Sequence[Tuple[str, Tuple[Any, ...]]]


def shown(value: Any, depth: int = 0) -> Any:
    """A raw value in a form in which equal ones of two stores are equal."""
    if isinstance(value, float):
        return ("f", f64_bits(value))
    if value is None or isinstance(value, (int, bytes, str)):
        return value
    if isinstance(value, FuncInst):
        name = "host" if value.instance is None else value.instance.name
        return ("func", name, value.index, value.name)
    if isinstance(value, (wasmpy.Func, wasmpy.Tag)):
        return shown(value.inst, depth)
    if isinstance(value, I31):
        return ("i31", value.value)
    if depth > DEEPEST:
        return type(value).__name__
    if isinstance(value, (StructInst, ArrayInst)):
        return (type(value).__name__, str(value.deftype), [shown(v, depth + 1) for v in value.fields])
    if isinstance(value, ExnInst):
        return ("exn", shown(value.tag), [shown(v, depth + 1) for v in value.fields])
    if isinstance(value, HostRef):
        return ("host", shown(value.value, depth + 1))
    if isinstance(value, TagInst):
        return ("tag", str(value.type))
    if isinstance(value, (tuple, list)):
        return [shown(v, depth + 1) for v in value]
    return type(value).__name__


def failure(error: BaseException) -> Any:
    """All that an error says."""
    said: List[Any] = [type(error).__name__]
    if isinstance(error, wasmpy.WasmTrap):
        said += [(name, shown(getattr(error, name))) for name in TRAP if name != "frames"]
        said.append(error.frames)
    elif isinstance(error, wasmpy.Interrupted):
        said += [error.resource, error.frames]
    elif isinstance(error, wasmpy.WasmException):
        said += [shown(error.tag), shown(error.values), error.frames]
    else:
        said += [error.args, getattr(error, "wasm_frames", None)]
    return said


class Running:
    """A program with its instances and host functions."""

    def __init__(self, module: wasmpy.Module, store: wasmpy.Store) -> None:
        self.store = store
        self.log: List[Any] = []
        self.beside = beside_module().instantiate(store=store)
        host = {
            "log": self.note, "mix": self.mix, "again": self.again, "boom": self.boom,
            "touch": self.touch, "throw": self.throw, "fuel": self.fuel,
        }  # fmt: skip
        imports = {"h": host, "b": {name: self.beside.exports[name] for name in self.beside.exports}}
        self.main = module.instantiate(imports, store=store)

    # Host functions -------------------------------------------------------------------

    def note(self, *args: Any) -> None:
        self.log.append(shown(args))

    def mix(self, x: int) -> Tuple[int, int]:
        self.log.append(("mix", x))
        return x ^ 5, x * 7 - 1

    def again(self, x: int) -> int:
        self.log.append(("again", x, self.store.inst.depth))
        result: int = self.main.exports.r(x)
        self.log.append(("back", result))
        return result

    def boom(self, x: int) -> int:
        self.log.append(("boom", x))
        errors = [IndexError(x), struct.error("s", x), Rigid(), KeyboardInterrupt(x), OverflowError(x), RecursionError(x)]
        if x % 16 < len(errors):
            raise errors[x % 16]
        return x

    def touch(self, caller: Caller, address: int, value: int) -> int:
        memory = caller.memory()
        assert memory is not None
        self.log.append(("touch", caller.name, address, value))
        address &= 0xFFF8
        memory.write(address, struct.pack("<I", value & 0xFFFFFFFF))
        return int.from_bytes(memory.read(address ^ 8, 4), "little")

    def throw(self, x: int) -> int:
        self.log.append(("throw", x))
        if x % 2:
            raise wasmpy.WasmException(self.main.exports.e0, (x & 0xFF,))
        return x

    def fuel(self, caller: Caller) -> int:
        self.log.append(("fuel", caller.fuel))
        return 0 if caller.fuel is None else caller.fuel

    # What is seen ---------------------------------------------------------------------

    def call(self, name: str, args: Tuple[Any, ...]) -> Any:
        """A call: its result or failure, and the state that it leaves."""
        for instance in (self.main, self.beside):
            instance.exports.budget.value = BUDGET
        try:
            result = shown(self.main.exports[name].call_raw(*args))
        except BaseException as error:
            if isinstance(error, (wasmpy.InternalError, AssertionError)):
                raise
            result = failure(error)
        return [result, self.state()]

    def state(self) -> Any:
        seen: List[Any] = [self.store.fuel_consumed, self.store.fuel, self.store.inst.depth, len(self.log)]
        for instance in (self.main, self.beside):
            for name in instance.exports:
                item = instance.exports[name]
                if isinstance(item, wasmpy.Global):
                    seen.append((name, shown(item.inst.value)))
                elif isinstance(item, wasmpy.Memory):
                    data = item[:]
                    seen.append((name, len(data), hashlib.sha256(data).hexdigest()))
                elif isinstance(item, wasmpy.Table):
                    seen.append((name, [shown(v) for v in item.inst.elems]))
        return seen


@functools.lru_cache(maxsize=None)
def beside_module() -> wasmpy.Module:
    return wasmpy.Module(BESIDE, features=FEATURES)


def outcome(module: wasmpy.Module, calls: Sequence[Tuple[str, Tuple[Any, ...]]], way: Way, **options: Any) -> List[Any]:
    """What each call does, and the host's log."""
    store = wasmpy.Store(fuel=None, limits=way.limits, **options)
    running = Running(module, store)
    store.fuel = way.fuel
    seen = [running.call(name, args) for name, args in calls]
    return [*seen, running.log]


_FLOATS = {
    "f32": [0x3FC00000, 0x7F800001, 0xFFC00000, 0x80000000, 0x7F800000, 0x4F000000],
    "f64": [0x3FF8000000000000, 0x7FF0000000000001, 0xFFF8000000000000, 1 << 63, 0x41E0000000000000],
}  # fmt: skip
_INTEGERS = (0, 1, 2, 31, 127, 128, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)


def argument(source: random.Random, t: str) -> Any:
    """The bits of an argument."""
    if t == "v128":
        return source.getrandbits(128).to_bytes(16, "little")
    width = 32 if t.endswith("32") else 64
    choices = _FLOATS.get(t, _INTEGERS)
    chosen = choices[source.randrange(len(choices))] if source.randrange(4) else source.getrandbits(width)
    return chosen & (1 << width) - 1


def calls_of(source: random.Random, count: int = 2) -> List[Tuple[str, Tuple[Any, ...]]]:
    """Calls of a program."""
    calls: List[Tuple[str, Tuple[Any, ...]]] = [
        ("main", tuple(argument(source, t) for t in (*NUMBERS, "v128"))) for _ in range(count)
    ]
    return [*calls, ("r", (argument(source, "i32"),))]


_LIMITS: List[Dict[str, int]] = [
    {}, {}, {}, {}, {"call_depth": 1}, {"call_depth": 2}, {"call_depth": 3}, {"call_depth": 5},
    {"host_depth": 0}, {"host_depth": 1}, {"stack_slots": 60}, {"stack_slots": 150}, {"stack_slots": 300},
]  # fmt: skip


def way_of(source: random.Random) -> Way:
    """A way to run a program."""
    fuel = [None, source.randrange(300), source.randrange(3000), 100_000][source.randrange(4)]
    return Way(fuel, wasmpy.Limits(**_LIMITS[source.randrange(len(_LIMITS))]))


def difference(one: Sequence[Any], other: Sequence[Any]) -> str:
    """Where two outcomes differ first."""
    for i, (a, b) in enumerate(zip(one, other)):
        if a != b:
            if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
                return f"{i}.{difference(a, b)}"
            return f"{i}: {a!r}\n  and: {b!r}"
    return "" if len(one) == len(other) else f"lengths: {list(one)[-2:]!r}\n and: {list(other)[-2:]!r}"


def program_of(seed: int, size: int = 60) -> Tuple[str, wasmpy.Module]:
    """The text and the module of a seed."""
    text = Program(random.Random(seed), size).text
    return text, wasmpy.Module(text, features=FEATURES)
