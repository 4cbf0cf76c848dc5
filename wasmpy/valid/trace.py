"""Validation of one function step by step, to be looked at.

What belongs here: the same rules, applied one at a time, with the stack of
types after each.  What does not: the fast loop (``body``), which decides.

Spec: ``appendix/algorithm.html``.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple

from wasmpy.config import DEFAULT_LIMITS, Features, Limits
from wasmpy.syntax.module import Module
from wasmpy.valid import body
from wasmpy.valid.context import Context, module_context
from wasmpy.valid.stack import CTRL_BASE, CTRL_UNREACHABLE, RULES, Body

SHOWN = 24
"""So many types from the top of the stack are shown."""


class Step(NamedTuple):
    """What stands after an instruction: the operands of the innermost block, and how deep it is.

    ``pc`` is -1 before the first.  ``reached`` says whether what follows can be.
    """

    pc: int
    stack: str
    depth: int
    reached: bool


def trace_function(
    module: Module, funcidx: int, features: Features, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Step]:
    """The steps of validating one of the module's own functions.

    Raises: InvalidError at the instruction that is wrong.
    """
    # Of types that only the body names there may be more than a byte has room for.
    C = module_context(module, features, limits, wide=True)
    yield from _steps(C, module, funcidx)


def _steps(C: Context, module: Module, funcidx: int) -> Iterator[Step]:
    func = module.funcs[funcidx - (len(C.funcs) - len(module.funcs))]
    params, results = C.funcs[funcidx]
    locals_ = C.codes.runs(params, func.locals) if func.locals else params
    v = Body(C, func.body.ops, func.body.imms, locals_, results, funcidx)
    yield _step(v, -1)
    for pc, op in enumerate(v.ops):
        v.pc = pc
        rule = RULES.get(op)
        if rule is None:
            body.by_table(v, op)
        else:
            rule(v, v.imms[pc])
        yield _step(v, pc)
        if not v.ctrls:
            return


def _step(v: Body, pc: int) -> Step:
    if not v.ctrls:
        return Step(pc, v.C.codes.text(v.results), 0, True)
    top = v.ctrls[-1]
    there: List[int] = list(v.vals[top[CTRL_BASE] + 1 :][-SHOWN:])
    text = v.C.codes.text(there)
    if len(v.vals) - top[CTRL_BASE] - 1 > SHOWN:
        text = "[... " + text[1:]
    return Step(pc, text, len(v.ctrls), not top[CTRL_UNREACHABLE])
