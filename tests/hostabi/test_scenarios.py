"""Every acceptance scenario of the guard ABI has a test that bears its number."""

from __future__ import annotations

import ast
import pathlib
import re

SCENARIOS = set(range(1, 145))

DEFECTS = set(range(1, 27))
"""The defects, each with a test ``test_dNN_...``."""


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


def test_every_scenario_has_a_test():
    assert numbers("s") == SCENARIOS


def test_every_defect_has_a_test():
    assert numbers("d") == DEFECTS
