"""What the rules read: the files of the checkout and their syntax trees.

What belongs here: finding and parsing files, once for all rules, and the
exception list that fails both ways.  What does not: any rule.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wasmpy", "wasi", "hostabi")

_SKIPPED_DIRS = {
    ".git", ".venv", "__pycache__", "build", "dist", "target", "htmlcov", ".ruff_cache",
    ".mypy_cache", ".pytest_cache", ".hypothesis", "node_modules",
}  # fmt: skip


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            name = path.name
            if name in _SKIPPED_DIRS or name.startswith(".venv") or name.endswith(".egg-info"):
                continue
            yield from _walk(path)
        elif path.name == ".git" or path.suffix in (".pyc", ".pyo"):
            continue  # a checkout beside another has a file of that name
        elif not path.name.startswith((".coverage", "junit-")):
            yield path


@functools.lru_cache(maxsize=None)
def all_files() -> List[Path]:
    """Every file of the checkout that is or could be tracked."""
    return list(_walk(ROOT))


def relative(path: Path) -> str:
    """The path as the rules write it: from the root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def python_files(*folders: str) -> List[Path]:
    """The Python files below ``folders`` (the three packages when none is given)."""
    below = tuple(f"{folder}/" for folder in (folders or PACKAGES))
    return [p for p in all_files() if p.suffix == ".py" and relative(p).startswith(below)]


@functools.lru_cache(maxsize=None)
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file, read as Python 3.9."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))


def module_name(path: Path) -> str:
    """The dotted name of a file: ``wasmpy.exec.interp``."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def report(found: Mapping[str, object], allowed: Mapping[str, str]) -> List[str]:
    """Lines for what breaks a rule, and for exceptions that nothing needs any more.

    ``found`` maps where a rule is broken to how; ``allowed`` maps where it may
    be to the reason.
    """
    lines = [f"{where}: {how}" for where, how in found.items() if where not in allowed]
    lines += [f"{where}: listed as an exception, not needed" for where in allowed if where not in found]
    return lines


def merge(pairs: Iterable[tuple]) -> Dict[str, str]:
    """Findings by place; several at one place are joined."""
    found: Dict[str, str] = {}
    for where, how in pairs:
        found[where] = f"{found[where]}; {how}" if where in found else str(how)
    return found
