"""Every test can fail: it asserts something, itself or through what it calls."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple

from tests.arch.tree import python_files, relative, tree_of

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ASSERTING_CALLS = {"raises", "fail", "warns", "assert_never"}


def _called(node: ast.AST) -> Set[str]:
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            func = inner.func
            names.add(func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", ""))
    return names


def _asserts(node: ast.AST) -> bool:
    if any(isinstance(inner, (ast.Assert, ast.Raise)) for inner in ast.walk(node)):
        return True
    return bool(_called(node) & _ASSERTING_CALLS)


def _functions(files: "list[Path]") -> Iterator[Tuple[Path, ast.AST]]:
    for path in files:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, _FUNCTIONS):
                yield path, node


def _asserting_names(functions: "list[Tuple[Path, ast.AST]]") -> Set[str]:
    """Names of functions that assert, directly or by calling one that does."""
    calls: Dict[str, Set[str]] = {}
    names = set()
    for _, node in functions:
        name = node.name  # type: ignore[attr-defined]
        calls.setdefault(name, set()).update(_called(node))
        if _asserts(node):
            names.add(name)
    grown = True
    while grown:
        more = {n for n, called in calls.items() if n not in names and called & names}
        grown = bool(more)
        names |= more
    return names


def test_every_test_asserts_something() -> None:
    functions = list(_functions(python_files("tests")))
    asserting = _asserting_names(functions)
    idle = [
        f"{relative(path)}:{node.name}"  # type: ignore[attr-defined]
        for path, node in functions
        if node.name.startswith("test_") and not (_asserts(node) or _called(node) & asserting)  # type: ignore[attr-defined]
    ]
    assert idle == [], "\n".join(idle)


def test_the_rule_itself() -> None:
    tree = ast.parse("def test_a():\n    f()\n\ndef f():\n    g()\n\ndef g():\n    assert 1 + 1 == 2\n\ndef test_b():\n    h()\n")
    functions = [(Path(), n) for n in tree.body]
    asserting = _asserting_names(functions)
    assert "test_a" in asserting
    assert "test_b" not in asserting
