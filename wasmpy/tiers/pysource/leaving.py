"""What a loop's ways out ask: comparisons, and sets of bytes.

What belongs here: reading the condition of a way out (a term of ``turns``)
as a comparison of two terms, or as the bytes for which the loop goes on.
What does not: what follows for how many turns it makes (``idioms``).
"""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple, Optional, Set, Tuple

from wasmpy.exec import generated
from wasmpy.isa.derived import BY_OP
from wasmpy.tiers.pysource.turns import Load, Made, Opaque, Sum, Test

_NOT = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}
_BYTE = Opaque(-1)
"""In place of what a load has found."""


class Relation(NamedTuple):
    """The loop goes on if ``left op right``, as signed numbers if ``signed``."""

    op: str
    signed: bool
    left: Any
    right: Any


def _name(op: int) -> Tuple[str, str]:
    """What an instruction on integers compares, and as what; two empty words if it does not."""
    row = BY_OP[op]
    if row is None or row.numeric is None or row.lanes or row.numeric[0][0] != "i":
        return "", ""
    name, _, sign = row.numeric[0][1:].partition("_")
    return name, sign


def relation_of(condition: Any, *, nonzero: bool) -> Optional[Relation]:
    """A condition as a comparison; ``nonzero`` as in ``Test``."""
    if isinstance(condition, Made):
        name, sign = _name(condition.op)
        if name == "eqz" and len(condition.operands) == 1:
            inner = condition.operands[0]
            found = relation_of(inner, nonzero=not nonzero)
            if found is not None or not isinstance(inner, Load):
                return found
            return Relation("eq" if nonzero else "ne", False, inner, Sum(64, 0))
        if name in _NOT and len(condition.operands) == 2:
            op = name if nonzero else _NOT[name]
            return Relation(op, sign == "s", *condition.operands)
    if isinstance(condition, Sum):
        return Relation("ne" if nonzero else "eq", False, condition, Sum(condition.bits, 0))
    return None


@functools.lru_cache(maxsize=None)
def _numeric(op: int) -> Callable[..., int]:
    """A numeric instruction as a function."""
    row = BY_OP[op]
    assert row is not None
    assert row.params is not None
    names = ", ".join(f"_{i}" for i in range(len(row.params)))
    text = f"lambda {names}: {generated.EXPRESSIONS[op]}"
    made: Callable[..., int] = eval(text, dict(vars(generated)))  # noqa: S307 - our own text
    return made


def _with(term: Any, leaf: Load) -> Any:
    """A term with ``_BYTE`` in place of a load."""
    if term == leaf:
        return _BYTE
    if isinstance(term, Made):
        return Made(term.op, tuple([_with(operand, leaf) for operand in term.operands]))
    return term


def _evaluated(term: Any, value: int) -> int:
    """A term in which nothing but the byte is unknown."""
    if term is _BYTE:
        return value
    if isinstance(term, Sum):
        return term.constant
    return _numeric(term.op)(*[_evaluated(t, value) for t in term.operands])


@functools.lru_cache(maxsize=256)
def _going(condition: Any, op: int, nonzero: bool) -> int:  # noqa: FBT001 - of a cached function
    """As ``bytes_going``."""
    loaded: Any = _loaded(op)
    going = 0
    for byte in range(256):
        if bool(_evaluated(condition, loaded(bytes((byte,)), 0))) == nonzero:
            going |= 1 << byte
    return going


def leaves_of(term: Any) -> Set[Load]:
    """The loads of a term, but not those in the addresses of others."""
    if isinstance(term, Load):
        return {term}
    if isinstance(term, Made):
        return {leaf for operand in term.operands for leaf in leaves_of(operand)}
    return set()


def is_byte(load: Load) -> bool:
    """Whether a load is of a byte, as a number from 0 to 255."""
    row = BY_OP[load.op]
    assert row is not None
    access = row.access
    return access is not None and access.width == 1 and access.kind == "u" and not access.lanes


@functools.lru_cache(maxsize=None)
def _loaded(op: int) -> Callable[..., int]:
    """A load as a function of a buffer and an address."""
    text = f"lambda buf, _0: {generated.LOADS[op]}"
    made: Callable[..., int] = eval(text, dict(vars(generated)))  # noqa: S307 - our own text
    return made


def bytes_going(test: Test, leaf: Load) -> int:
    """For which bytes that are loaded the loop goes on by a test, as a set of bits."""
    return _going(_with(test.condition, leaf), leaf.op, test.nonzero)
