"""Matching of external types: may this be imported there?

What belongs here: the rules of subtyping between the types of imports and
exports.  What does not: how an import is found (``wasmpy.exec``).

Spec: ``valid/matching.html``.
"""

from __future__ import annotations

from wasmpy.syntax.types import (
    ExternType,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    TableType,
    ValType,
)


def externtype_match(actual: ExternType, expected: ExternType) -> bool:
    """Whether ``actual`` may stand where ``expected`` is asked for.

    A memory or table is offered with its present size as minimum.

    Spec: ``valid/matching.html#match-externtype``.
    """
    if isinstance(expected, FuncType):
        return isinstance(actual, FuncType) and functype_match(actual, expected)
    if isinstance(expected, TableType):
        return (
            isinstance(actual, TableType)
            and actual.addrtype == expected.addrtype
            and actual.reftype == expected.reftype
            and limits_match(actual.limits, expected.limits)
        )
    if isinstance(expected, MemType):
        return (
            isinstance(actual, MemType)
            and actual.addrtype == expected.addrtype
            and actual.shared == expected.shared
            and limits_match(actual.limits, expected.limits)
        )
    return isinstance(actual, GlobalType) and globaltype_match(actual, expected)


def functype_match(actual: FuncType, expected: FuncType) -> bool:
    """Function types match when they are equal.  Spec: ``#match-functype``."""
    return actual == expected


def globaltype_match(actual: GlobalType, expected: GlobalType) -> bool:
    """Equal mutability; equal types for a mutable global, matching ones else.

    Spec: ``#match-globaltype``.
    """
    if actual.mut != expected.mut:
        return False
    return valtype_match(actual.valtype, expected.valtype)


def valtype_match(actual: ValType, expected: ValType) -> bool:
    """Value types match when they are equal: 2.0 has no subtypes.  Spec: ``#match-valtype``."""
    return actual == expected


def limits_match(actual: Limits, expected: Limits) -> bool:
    """Whether every size that ``actual`` allows is one that ``expected`` allows.

    >>> limits_match(Limits(2, 5), Limits(1, None)), limits_match(Limits(2, None), Limits(1, 9))
    (True, False)

    Spec: ``#match-limits``.
    """
    if actual.min < expected.min:
        return False
    if expected.max is None:
        return True
    return actual.max is not None and actual.max <= expected.max
