"""Every acceptance scenario of the guard ABI in range has a test that bears its number."""

from __future__ import annotations

import ast
import pathlib
import re

LAST = 115

NOT_YET = {12: "loading with an injected cache needs the decoded-module cache of a later issue"}
"""Scenario -> why there is no test for it yet."""

DEFECTS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 17, 18, 19, 24, 25}
"""The defects in range, each with a test ``test_dNN_...``."""


def names():
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.name


def numbers(letter):
    found = set()
    for name in names():
        head = re.match(rf"test((?:_{letter}\d+)+)_", name)
        if head:
            found |= {int(n) for n in re.findall(r"\d+", head.group(1))}
    return found


def test_every_scenario_has_a_test_or_a_reason():
    found = numbers("s")
    assert found | set(NOT_YET) == set(range(1, LAST + 1))
    assert not found & set(NOT_YET), "a scenario that is tested needs no excuse"


def test_every_defect_in_range_has_a_test():
    assert numbers("d") == DEFECTS
