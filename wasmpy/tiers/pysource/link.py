"""Linking: a code object and an instance make a function.

What belongs here: what each name in the text is bound to, and the helpers
that the text calls.  The names are variables of closures, one cell each for
all functions of an instance (and those of a store's counters for all of the
store), so a function that is compiled later, or a memory that begins empty,
is put into its cell.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set, Tuple

from wasmpy.errors import TrapKind, WasmException, WasmTrap
from wasmpy.exec import generated, handlers
from wasmpy.exec.exceptions import exception_of, landing
from wasmpy.exec.interp import code_of
from wasmpy.exec.layout import ON_REFERENCE, TAIL_CALLS
from wasmpy.exec.prepare import single
from wasmpy.exec.store import FuncInst, ModuleInst
from wasmpy.isa.derived import op_of
from wasmpy.numerics.bits import f32_from_bits, f64_from_bits
from wasmpy.tiers.pysource.ahead import HELPERS

if TYPE_CHECKING:
    from wasmpy.tiers.pysource.functions import Compiled
    from wasmpy.tiers.pysource.tier import PySource

_F32_CONST, _F64_CONST = op_of("f32.const"), op_of("f64.const")


class Tail(Tuple[Any, ...]):
    """A call in tail position: the function instance and its arguments."""

    __slots__ = ()


def handle(slot: Any, S: List[Any]) -> List[Any]:
    """Let a handler of the reference tier carry out its instruction."""
    slot[0](S, None, slot[1])
    return S


GLOBALS: Dict[str, Any] = types.ModuleType("wasm").__dict__
"""The globals of generated functions: nothing of a module.

Those of a module object, for PyPy looks names up in another dictionary each time.
"""

GLOBALS.update({
    **vars(generated),
    **{f"load_{code}": packer.unpack_from for code, packer in generated.PACKERS.items()},
    **{f"store_{code}": packer.pack_into for code, packer in generated.PACKERS.items()},
    "handle": handle, "tail": Tail, "WasmException": WasmException, "TrapKind": TrapKind, **HELPERS,
})  # fmt: skip


class Bridge:
    """A host function as one instance sees it through a table or a reference."""

    __slots__ = ("direct", "function", "host", "metered")

    def __init__(self, function: FuncInst, call: Callable[..., Any]) -> None:
        self.function = function
        self.host = function.host
        self.direct = self.metered = call


class Deep:
    """What a function does that finds no room, or is to be interrupted, when it begins.

    Its text calls it: ``deep(d, args)`` answers None to go on, or the result
    in a tuple.  It also tells a trace whose frame it is.
    """

    __slots__ = ("compiled", "function", "tier")

    def __init__(self, tier: PySource, function: FuncInst, compiled: Compiled) -> None:
        self.tier = tier
        self.function = function
        self.compiled = compiled

    def __call__(self, d: int, args: Tuple[Any, ...]) -> Optional[Tuple[Any]]:
        """As ``PySource.deeper``."""
        return self.tier.deeper(self.function, d, args)


class Linkage:
    """The cells of one instance, for one of the two ways to count."""

    def __init__(self, tier: PySource, instance: ModuleInst, entry: str) -> None:
        self.tier = tier
        self.instance = instance
        self.entry = entry
        self._cells: Dict[str, Any] = {}
        self._bridges: Dict[FuncInst, Bridge] = {}
        self.rests: Dict[Tuple[int, int], Optional[Callable[..., Any]]] = {}

    def link(self, function: FuncInst, compiled: Compiled) -> Callable[..., Any]:
        """The function that a code object is in this instance."""
        code = compiled.code
        closure = tuple(
            [self._own(name, function, compiled) or self._cell(name) for name in code.co_freevars]
        )
        made = types.FunctionType(code, GLOBALS, code.co_name, None, closure)
        if not compiled.tails:
            return made
        return _bouncing(made, self.entry)

    def _own(self, name: str, function: FuncInst, compiled: Compiled) -> Any:
        """The cell of a name that means something else in each function."""
        if name == "deep":
            return types.CellType(Deep(self.tier, function, compiled))
        if name == "land":
            return types.CellType(_landing(function, compiled))
        if name[0] == "k":
            return types.CellType(_slot(function, int(name[1:])))
        if name[0] == "c" and name[1:].isdigit():
            return types.CellType(_constant(function, int(name[1:])))
        return None

    def _cell(self, name: str) -> Any:
        """The cell of a name that all functions of the instance share."""
        cell = self._cells.get(name)
        if cell is None:
            cell = self.tier.cells.get(name)
            if cell is None:
                cell = types.CellType()
                self._cells[name] = cell
                cell.cell_contents = self._meaning(name, cell)
        return cell

    def _meaning(self, name: str, cell: Any) -> Any:
        """What a name stands for in the instance."""
        instance = self.instance
        if name == "callee":
            return self._callee
        if name == "referred":
            return self._referred
        kind, index = name[0], int(name[1:])
        if kind == "m":
            mem = instance.mems[index]
            mem.bind_cell(cell)
            return mem.buffer
        if kind == "f":
            return self._function(index, cell)
        spaces: Dict[str, Any] = {"g": instance.globals, "r": instance.funcs, "y": instance.types}
        if kind == "e":
            return instance.tables[index].elems
        return spaces[kind][index]

    def _function(self, index: int, cell: Any) -> Callable[..., Any]:
        """What a direct call enters: at its first time it puts the compiled function there."""
        function = self.instance.funcs[index]
        if function.host is not None:
            return self._bridge(function).direct
        entry, tier = self.entry, self.tier

        def first(d: int, *args: Any) -> Any:
            made = tier.enter(function, entry)
            if made is None:
                return getattr(function, entry)(d, *args)
            cell.cell_contents = made
            tier.measured(d)
            return made(d, *args)

        return first

    # What the text calls ----------------------------------------------------------

    def _bridge(self, function: FuncInst) -> Bridge:
        found = self._bridges.get(function)
        if found is None:
            call = self.tier.host_call(function, self.instance, self.entry)
            found = self._bridges[function] = Bridge(function, call)
        return found

    def _callee(self, elems: List[Any], deftype: Any, i: int) -> Any:
        """As ``handlers.callee``; a host function as this instance sees it."""
        function = handlers.callee((elems, deftype), i)
        return function if function.host is None else self._bridge(function)

    def _referred(self, function: Optional[FuncInst]) -> Any:
        """What a reference refers to.  Traps: NULL_REFERENCE."""
        if function is None:
            raise WasmTrap(TrapKind.NULL_REFERENCE)
        return function if function.host is None else self._bridge(function)


def _landing(function: FuncInst, compiled: Optional[Compiled]) -> Callable[[WasmException], Any]:
    """What finds where an exception is caught in a function, or raises it again."""

    def land(error: WasmException) -> Tuple[int, Tuple[Any, ...]]:
        exn = exception_of(error)
        assert error.__traceback__ is not None
        assert compiled is not None
        pc = compiled.sites[error.__traceback__.tb_lineno][0]
        assert function.func is not None
        if exn is None or function.func.body.ops[pc] in TAIL_CALLS:
            raise error
        found = landing(code_of(function).guarded, pc, exn.tag)
        if found is None:
            raise error
        values = exn.fields if found.clause.tag is not None else ()
        if found.clause.ref:
            values = (*values, exn)
        return compiled.numbers[found.clause.target], values

    return land


def _slot(function: FuncInst, pc: int) -> Any:
    """The slot of an instruction: that of its whole function's code if it is a branch."""
    assert function.func is not None
    if function.func.body.ops[pc] in ON_REFERENCE:
        return code_of(function).slots[pc]
    return single(function, pc)


def _constant(function: FuncInst, pc: int) -> Any:
    """The immediate that a constant instruction, or one on lanes, names."""
    assert function.func is not None
    op, imm = function.func.body.ops[pc], function.func.body.imms[pc]
    if op == _F32_CONST:
        return f32_from_bits(imm)
    return f64_from_bits(imm) if op == _F64_CONST else imm


def _bouncing(function: Callable[..., Any], entry: str) -> Callable[..., Any]:
    """A function that answers tail calls, with those carried out."""

    def bounce(d: int, *args: Any) -> Any:
        answer = function(d, *args)
        while answer.__class__ is Tail:
            target = answer[0]
            answer = target.instance.store.tier.step(target, entry)(d, *answer[1:])
        return answer

    bounce.step = function  # type: ignore[attr-defined]
    return bounce


def inner(*makers: Callable[..., Any]) -> List[types.CodeType]:
    """The code of the functions that others make."""
    found = [const for maker in makers for const in maker.__code__.co_consts]
    return [const for const in found if isinstance(const, types.CodeType)]


BETWEEN: Set[types.CodeType] = {*inner(_bouncing, _landing, Linkage._function)}
"""The code of the frames in between, which traces pass over."""
