"""The shape of files: sizes, first lines, names, and paths that must not be in them."""

from __future__ import annotations

import ast
import re
from typing import Dict, Iterator, List, Tuple

from tests.arch.tree import all_files, merge, python_files, relative, report, tree_of

MAX_FILE = 700
MAX_FUNCTION = 80

LONG_FILES: Dict[str, str] = {}
"""File -> why it is longer than 700 lines."""

LONG_FUNCTIONS: Dict[str, str] = {
    "wasmpy/exec/interp.py:_loop": "the hot loop of the reference tier: what each handler may answer, in line",
    "wasmpy/valid/body.py:_run": "the hot loop of validation: a branch per shape of instruction, in line",
}
"""``file:function`` -> why it is longer than 80 lines."""

VAGUE = {"util", "utils", "helper", "helpers", "manager", "process"}
VAGUE_NAMES: Dict[str, str] = {
    "wasmpy/cli/run.py:process_code": "the exit code of an operating system's process",
    "hostabi/processes.py:ProcessPool": "a pool of an operating system's processes",
}
"""``file:name`` -> why a vague word stands in it."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _is_generated(text: str) -> bool:
    return "generated" in text[:300].lower() and "do not edit" in text[:600].lower()


def test_files_are_short_enough_to_read() -> None:
    found = {}
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        if lines > MAX_FILE and not _is_generated(text):
            found[relative(path)] = f"{lines} lines"
    broken = report(found, LONG_FILES)
    assert broken == [], "\n".join(broken)


def test_functions_are_short_enough_to_read() -> None:
    found = {}
    for path in python_files():
        if _is_generated(path.read_text(encoding="utf-8")):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, _FUNCTIONS):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION:
                    found[f"{relative(path)}:{node.name}"] = f"{lines} lines"
    broken = report(found, LONG_FUNCTIONS)
    assert broken == [], "\n".join(broken)


def test_every_file_begins_with_a_docstring() -> None:
    files = python_files("wasmpy", "wasi", "hostabi", "tests", "benchmarks", "docs")
    bare = [relative(p) for p in files if p.stat().st_size and not ast.get_docstring(tree_of(p))]
    assert bare == [], "\n".join(bare)


def _words(name: str) -> List[str]:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_")


def _vague(path: object, tree: ast.AST) -> Iterator[Tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and VAGUE & set(_words(node.name)):
            yield f"{path}:{node.name}", "says nothing about what it does"


def test_names_say_what_a_thing_is() -> None:
    found = merge(pair for p in python_files() for pair in _vague(relative(p), tree_of(p)))
    for path in python_files():
        if VAGUE & set(_words(path.stem)):
            found[relative(path)] = "file name"
    broken = report(found, VAGUE_NAMES)
    assert broken == [], "\n".join(broken)


# Written in pieces, so that this file does not contain what it looks for.
_ROOTS = "|".join(["ho" + "me", "ro" + "ot", "wo" + "rk", "tm" + "p", "Us" + "ers"])
_MACHINE_PATH = re.compile(rb"(?<![\w.\-/:*)}\]])/(?:" + _ROOTS.encode() + rb")/(?!runner/)[\w.]+")

MACHINE_PATHS: Dict[str, str] = {}
"""File -> why something that looks like a path of a machine stands in it."""


def test_no_path_of_a_machine_stands_in_any_file() -> None:
    found = {}
    for path in all_files():
        hit = _MACHINE_PATH.search(path.read_bytes())
        if hit:
            found[relative(path)] = hit.group().decode()
    broken = report(found, MACHINE_PATHS)
    assert broken == [], "\n".join(broken)


def test_machine_paths_would_be_found() -> None:
    for root in _ROOTS.split("|"):
        assert _MACHINE_PATH.search(f'open("/{root}/someone/x.wasm")'.encode())
    assert not _MACHINE_PATH.search(b"https://example.org/wo" + b"rk/x, a/tm" + b"p/b, ./ro" + b"ot/x")


_FOREIGN_NAME = re.compile(r"pip3?\s+install\s+(?:-\S+\s+)*['\"]?wasm" + r"py(?!-runtime)\b")


def test_nothing_tells_anybody_to_install_the_other_distribution() -> None:
    found = []
    for path in all_files():
        if path.suffix in (".wasm", ".gz", ".png"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{relative(path)}: {m.group()}" for m in _FOREIGN_NAME.finditer(text)]
    assert found == [], "\n".join(found)
    assert _FOREIGN_NAME.search("pip install -U 'wasm" + "py[native]'")
    assert not _FOREIGN_NAME.search("pip install wasm" + "py-runtime")
