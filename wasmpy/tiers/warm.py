"""Compiling all of a module at once, before anything calls it.

What belongs here: going through a module's functions without an instance of
it.  What does not: compiling (``pysource``), keeping (``cache``).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from wasmpy.exec.store import FuncInst, ModuleInst, Store

VARIANTS = (False, True)
"""Whether fuel is counted: each function has both forms."""


class Warmed(NamedTuple):
    """What became of a module's functions.

    ``compiled`` counts forms that were compiled now, ``had`` those that were
    there; ``untaken`` says of functions that the tier does not take, or did not now, why.
    """

    functions: int
    compiled: int
    had: int
    untaken: Dict[int, str]


def compile_all(syntax: Any, sidetables: Sequence[Any], step: Callable[[int, int], None]) -> Warmed:
    """Compile every function in every form; ``step`` is told how many of how many are done."""
    from wasmpy.tiers.pysource.functions import Functions
    from wasmpy.tiers.pysource.marks import NotNow, Untaken

    functions = Functions.of(syntax)
    todo = functions_of(syntax, sidetables)
    compiled = had = done = 0
    later: Dict[int, str] = {}
    for function in todo:
        for metered in VARIANTS:
            if functions.at_hand(function.index, metered=metered):
                had += 1
            else:
                compiled += 1
                try:
                    functions.compiled(function, metered=metered)
                except NotNow as error:
                    compiled -= 1
                    later[function.index] = error.message
                except Untaken:
                    compiled -= 1
            done += 1
            step(done, len(todo) * len(VARIANTS))
    return Warmed(len(todo), compiled, had, {**later, **functions.untaken})


def functions_of(syntax: Any, sidetables: Sequence[Any]) -> List[FuncInst]:
    """The module's own functions, of an instance that nobody can call."""
    instance = ModuleInst(Store(), syntax)
    first = len(syntax.functypes()) - len(syntax.funcs)
    return [
        FuncInst(instance.types[func.typeidx], instance, index, func, table)
        for index, (func, table) in enumerate(zip(syntax.funcs, sidetables), first)
    ]
