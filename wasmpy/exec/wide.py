"""Handlers of wide arithmetic.

What belongs here: how a pair of results comes onto the stack.  What does
not: what is computed (``wasmpy.numerics.wide``).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from wasmpy.exec.handlers import BUILD, Handler, Rule
from wasmpy.numerics.wide import Wide, add128, mul_wide_s, mul_wide_u, sub128

_OPERATORS: Dict[str, Callable[..., Wide]] = {
    "i64.add128": add128,
    "i64.sub128": sub128,
    "i64.mul_wide_s": mul_wide_s,
    "i64.mul_wide_u": mul_wide_u,
}


def _rule(operator: Callable[..., Wide]) -> Rule:
    operands = operator.__code__.co_argcount

    def handler(S: List[Any], L: List[Any], a: Any) -> None:
        S[-operands:] = operator(*S[-operands:])

    built: Handler = handler
    return lambda p, pc, imm: (built, None)


BUILD.update({mnemonic: _rule(operator) for mnemonic, operator in _OPERATORS.items()})
