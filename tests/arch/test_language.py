"""The language level: Python 3.9, on every interpreter that has it."""

from __future__ import annotations

import ast
from typing import Iterator, Tuple

import pytest

from tests.arch.tree import python_files, relative, tree_of


def newer(tree: ast.AST) -> Iterator[Tuple[int, str]]:
    """What a tree uses that Python 3.9 lacks although it parses."""
    for node in ast.walk(tree):
        if type(node).__name__ in ("Match", "TryStar", "TypeAlias"):
            yield node.lineno, f"{type(node).__name__} statement"
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {k.arg for k in node.keywords}
        if name == "zip" and "strict" in keywords:
            yield node.lineno, "zip(strict=)"
        if name == "dataclass" and keywords & {"slots", "kw_only", "match_args"}:
            yield node.lineno, "dataclass(slots=, kw_only=)"
        if name in ("bit_count", "pairwise", "aiter", "anext"):
            yield node.lineno, f"{name}()"


def test_every_file_parses_as_python_3_9_and_uses_nothing_newer() -> None:
    found = []
    for path in python_files("wasmpy", "wasi", "hostabi", "tests"):
        found += [f"{relative(path)}:{line}: {what}" for line, what in newer(tree_of(path))]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    "source",
    ["zip(a, b, strict=True)", "@dataclass(slots=True)\nclass A: pass", "(5).bit_count()", "match x:\n case 1: pass"],
)
def test_the_rule_itself(source: str) -> None:
    try:
        tree = ast.parse(source, feature_version=(3, 9))
    except SyntaxError:
        return
    assert list(newer(tree))


def test_annotations_are_never_evaluated() -> None:
    found = []
    for path in python_files():
        body = tree_of(path).body
        if not any(isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign)) for n in body):
            continue
        future = [n for n in body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
        if not any(a.name == "annotations" for n in future for a in n.names):
            found.append(relative(path))
    assert found == [], "\n".join(found)
