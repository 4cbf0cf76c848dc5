"""Counts instructions and calls per function, exactly, on any engine.

A module is rewritten so that it counts for itself: every function gets two globals, one
for the instructions it has executed and one for its calls, and adds to them before each
branch; or all functions share one for the instructions. What an instruction counts is what
it costs in fuel (``wasmpy.isa``), without what bulk operations cost for their length; a
run of instructions that traps or throws counts whole. Entering a function counts nothing,
unlike in wasmtime's fuel.

What does not belong here: time. See ``profile.py``.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.isa.derived import COST, op_of, row
from wasmpy.syntax.module import Export, Expr, Global, Module
from wasmpy.syntax.types import I64, GlobalType

_CONST, _ADD = op_of("i64.const"), op_of("i64.add")
_GET, _SET = op_of("global.get"), op_of("global.set")
_END = op_of("end")

#: Instructions before which a count must be written down, by how their names begin.
_BRANCHES = ("loop", "if", "else", "end", "br", "return", "unreachable", "throw", "try_table",
             "delegate", "catch")  # fmt: skip


class Count(NamedTuple):
    """What one function did."""

    index: int
    name: str
    calls: int
    instructions: int


def _is_branch(op: int) -> bool:
    return row(op).mnemonic.startswith(_BRANCHES)


def _counted(body: Expr, counter: int, calls: Optional[int], branches: Dict[int, bool]) -> Expr:
    """The body with a count before each branch, in the globals given."""
    ops: List[int] = []
    imms: List[Any] = []

    def add(index: int, amount: int) -> None:
        if amount:
            ops.extend((_GET, _CONST, _ADD, _SET))
            imms.extend((index, amount, None, index))

    if calls is not None:
        add(calls, 1)
    pending = 0
    for op, imm in zip(body.ops, body.imms):
        if op not in branches:
            branches[op] = _is_branch(op)
        pending += COST[op]
        if branches[op]:
            add(counter, pending)
            pending = 0
        ops.append(op)
        imms.append(imm)
    return Expr(ops, imms)


def counting_module(wasm: bytes, *, shared: bool = False) -> bytes:
    """The module that counts.

    It exports globals ``count:INDEX`` and ``calls:INDEX`` for each function, or one for all,
    ``count``, if ``shared``.
    """
    module = decode_module(wasm)
    imported = len(module.functypes()) - len(module.funcs)
    first = len(module.imported(GlobalType)) + len(module.globals)
    branches: Dict[int, bool] = {}

    def add_global(name: str) -> int:
        zero = Expr([_CONST, _END], [0, None])
        module.globals.append(Global(GlobalType(I64, True), zero))  # noqa: FBT003
        index = first + len(module.exports) - exports
        module.exports.append(Export(name, "global", index))
        return index

    exports = len(module.exports)
    counter, calls = add_global("count") if shared else -1, None
    for index, func in enumerate(module.funcs, imported):
        if not shared:
            counter, calls = add_global("count:%d" % index), add_global("calls:%d" % index)
        func.body = _counted(func.body, counter, calls, branches)
    module.branch_hints = {}
    module.customs = []
    return encode_module(module)


def counts(module: Module, value: Any) -> List[Count]:
    """What each function of ``module`` did; ``value`` reads an exported global of a run."""
    imported = len(module.functypes()) - len(module.funcs)
    found = []
    for index in range(imported, imported + len(module.funcs)):
        calls, instructions = value("calls:%d" % index), value("count:%d" % index)
        if calls:
            name = module.names.funcs.get(index, "")
            found.append(Count(index, name, calls, instructions))
    return found
