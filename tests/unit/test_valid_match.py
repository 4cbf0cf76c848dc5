"""Matching of external types.

Spec: ``valid/matching.html``.
"""

from __future__ import annotations

import pytest

from wasmpy.syntax.types import (
    EXTERNREF,
    FUNCREF,
    I32,
    I64,
    FuncType,
    GlobalType,
    Limits,
    MemType,
    TableType,
)  # fmt: skip
from wasmpy.valid.match import externtype_match, limits_match

FUNCTION = FuncType((I32,), (I64,))
TABLE = TableType(FUNCREF, Limits(1, 5))
MEMORY = MemType(Limits(1, 5))
GLOBAL = GlobalType(I32, False)
ALL = [FUNCTION, TABLE, MEMORY, GLOBAL]


@pytest.mark.parametrize("expected", ALL)
@pytest.mark.parametrize("actual", ALL)
def test_kinds_do_not_mix(actual, expected):
    assert externtype_match(actual, expected) == (actual is expected)


@pytest.mark.parametrize(
    ("actual", "expected", "fits"),
    [
        ((1, None), (1, None), True), ((2, None), (1, None), True), ((0, None), (1, None), False),
        ((1, 5), (1, None), True), ((1, None), (1, 5), False), ((1, 5), (1, 5), True),
        ((1, 4), (1, 5), True), ((1, 6), (1, 5), False), ((3, 4), (1, 5), True), ((0, 5), (1, 5), False),
    ],
)  # fmt: skip
def test_limits(actual, expected, fits):
    have, want = Limits(*actual), Limits(*expected)
    assert limits_match(have, want) is fits
    assert externtype_match(MemType(have), MemType(want)) is fits
    assert externtype_match(TableType(FUNCREF, have), TableType(FUNCREF, want)) is fits


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (FuncType((I32,), ()), FUNCTION), (FuncType((I32, I32), (I64,)), FUNCTION),
        (TableType(EXTERNREF, Limits(1, 5)), TABLE), (TableType(FUNCREF, Limits(1, 5), I64), TABLE),
        (MemType(Limits(1, 5), I64), MEMORY), (MemType(Limits(1, 5), shared=True), MEMORY),
        (GlobalType(I32, True), GLOBAL), (GLOBAL, GlobalType(I32, True)), (GlobalType(I64, False), GLOBAL),
    ],
)  # fmt: skip
def test_types_that_differ(actual, expected):
    assert externtype_match(actual, expected) is False
    assert externtype_match(expected, expected) is True
