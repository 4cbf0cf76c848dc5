"""Who may import whom: downwards only, and the standard library alone.

The layers are those of docs/adr/0001-layers.md.  Every import counts, also
one inside a function, under TYPE_CHECKING or through ``import_module``.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple

import pytest

from tests.arch.tree import (
    PACKAGES,
    ROOT,
    merge,
    module_name,
    python_files,
    relative,
    report,
    tree_of,
)

LAYERS: Tuple[Tuple[str, ...], ...] = (
    ("wasmpy.chains", "wasmpy.errors", "wasmpy.config", "wasmpy.syntax"),
    ("wasmpy.isa", "wasmpy.numerics"),
    ("wasmpy.binary", "wasmpy.text", "wasmpy.valid"),
    ("wasmpy.exec",),
    ("wasmpy.tiers", "wasmpy.observe", "wasi"),
    ("wasmpy.api",),
    ("hostabi", "wasmpy.wast", "wasmpy.debug", "wasmpy.audit", "wasmpy.diff", "wasmpy.report", "wasmpy.testing"),
    ("wasmpy.cli",),
    ("wasmpy.__main__",),
)  # fmt: skip
LAYER_OF: Dict[str, int] = {part: i for i, layer in enumerate(LAYERS) for part in layer}

PUBLIC_FACE = "wasmpy"
"""``wasmpy/__init__.py``: re-exports lazily; L6 and above may import it as the API."""

ACROSS = {
    ("wasmpy.errors", "wasmpy.chains"),
    ("wasmpy.syntax", "wasmpy.chains"),
    ("wasmpy.testing", "hostabi"),
    ("wasmpy.audit", "hostabi"),
    ("wasmpy.diff", "hostabi"),
}
"""Imports within a layer that are allowed all the same."""

NEVER = {("wasmpy.exec", "wasmpy.text")}
"""Imports downwards that are forbidden all the same."""

PURE = (
    "wasmpy.errors", "wasmpy.config", "wasmpy.syntax", "wasmpy.isa", "wasmpy.numerics",
    "wasmpy.binary", "wasmpy.text", "wasmpy.valid", "wasmpy.exec",
)  # fmt: skip
"""Parts that touch no clock, file, randomness, thread or terminal."""

EFFECTS = {
    "asyncio", "concurrent", "ctypes", "datetime", "fcntl", "glob", "io", "logging",
    "multiprocessing", "os", "pathlib", "queue", "random", "secrets", "select", "selectors",
    "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "_thread", "time",
    "urllib", "uuid",
}  # fmt: skip
EFFECT_CALLS = {"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"}

PURE_EXCEPTIONS: Dict[str, str] = {
    "wasmpy/exec/fuse.py": "compiles the runs of hot functions; nothing of a module but numbers is in the text",
    "wasmpy/exec/handlergen.py": "a generator: runs when the project is built, writes generated.py",
    "wasmpy/numerics/specialize.py": "used by the generator alone: evaluates constant expressions",
}
"""File in a pure part -> why it may have an effect."""

BUILD_TIME = ("wasmpy.exec.handlergen", "wasmpy.numerics.specialize")
"""Modules that nothing may import at run time."""


def part_of(name: str) -> Optional[str]:
    """The part of the layers that a module belongs to; None outside them."""
    best = None
    for part in LAYER_OF:
        if (name == part or name.startswith(part + ".")) and (best is None or len(part) > len(best)):
            best = part
    return best


def imports(path: Path) -> Iterator[Tuple[str, int]]:
    """Every module that a file imports, with the line."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join(above + ([node.module] if node.module else []))
            for alias in node.names:
                # ``from wasmpy import errors`` imports wasmpy.errors.
                inner = f"{base}.{alias.name}"
                yield (inner if part_of(inner) not in (None, part_of(base)) else base), node.lineno
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "import_module" and isinstance(node.args[0].value, str):
                yield node.args[0].value, node.lineno


def breach(importer: str, imported: str) -> Optional[str]:
    """Why ``importer`` may not import ``imported``; None if it may."""
    here, there = part_of(importer), part_of(imported)
    if imported == PUBLIC_FACE:
        there = "wasmpy.api"
    if here is None or there is None or here == there:
        return None
    if (here, there) in NEVER:
        return f"{here} never imports {there}"
    if (here, there) in ACROSS or LAYER_OF[there] < LAYER_OF[here]:
        return None
    return f"{here} (L{LAYER_OF[here]}) imports {there} (L{LAYER_OF[there]})"


def test_imports_go_downwards_only() -> None:
    found = []
    for path in python_files():
        importer = module_name(path)
        if importer == PUBLIC_FACE:
            continue
        for imported, line in imports(path):
            why = breach(importer, imported)
            if why:
                found.append(f"{relative(path)}:{line}: {why}")
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("wasmpy.exec.interp", "wasmpy.binary.decode", True),
        ("wasmpy.exec.interp", "wasmpy.text.parser", False),
        ("wasmpy.text.parser", "wasmpy.binary.decode", False),
        ("wasmpy.valid.module", "wasmpy.exec.store", False),
        ("wasi.preview1", "wasmpy.tiers.policy", False),
        ("wasi.preview1", "wasmpy", False),
        ("hostabi.guard", "wasmpy", True),
        ("hostabi.guard", "wasmpy.wast.runner", False),
        ("wasmpy.audit.rules", "hostabi.guard", True),
        ("wasmpy.testing.engine", "hostabi.guard", True),
        ("hostabi.guard", "wasmpy.audit.rules", False),
        ("wasmpy.cli.run", "hostabi", True),
        ("wasmpy.api.module", "wasmpy.cli", False),
    ],
)
def test_the_rule_itself(importer: str, imported: str, allowed: bool) -> None:
    assert (breach(importer, imported) is None) is allowed


def test_every_file_belongs_to_a_layer() -> None:
    outside = [relative(p) for p in python_files() if part_of(module_name(p)) is None]
    assert [p for p in outside if p != "wasmpy/__init__.py"] == []


def test_the_public_face_imports_nothing_when_it_is_imported() -> None:
    body = tree_of(ROOT / "wasmpy/__init__.py").body
    eager = [
        name.split(".")[0]
        for node in body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    ]
    assert [name for name in eager if name in PACKAGES] == []


def _in_stdlib(name: str) -> bool:
    known = getattr(sys, "stdlib_module_names", None)
    if known is not None:
        return name in known
    if name in sys.builtin_module_names:
        return True  # PyPy's builtins has no spec to look at
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:
        return True  # frozen into PyPy: it is there, with a spec of None
    if spec is None:
        return False
    if spec.origin in ("built-in", "frozen", None):
        return True
    stdlib = [str(Path(sysconfig.get_path(k)).resolve()) for k in ("stdlib", "platstdlib")]
    origin = str(Path(spec.origin or "").resolve())
    return "site-packages" not in origin and any(origin.startswith(s) for s in stdlib) or "lib_pypy" in origin


EXTRAS: Dict[str, Tuple[str, ...]] = {
    "hostabi/proxy/stdio.py": ("anyio", "mcp"),
    "wasmpy/testing/plugin.py": ("pytest",),
    "wasmpy/testing/yamlfile.py": ("yaml",),
}
"""File -> the packages of an extra that it loads when it is used, and does without until then."""

PLUGIN = "wasmpy/testing/plugin.py"
"""What pytest itself imports; nothing else does."""


def test_the_packages_import_the_standard_library_alone() -> None:
    found = []
    used: Dict[str, Set[str]] = {}
    for path in python_files():
        for name, line in imports(path):
            top = name.split(".")[0]
            if top in PACKAGES or top == "__future__" or _in_stdlib(top):
                continue
            if top in EXTRAS.get(relative(path), ()):
                used.setdefault(relative(path), set()).add(top)
            else:
                found.append(f"{relative(path)}:{line}: {top}")
    assert found == [], "\n".join(found)
    assert {file: tuple(sorted(tops)) for file, tops in used.items()} == EXTRAS


@pytest.mark.parametrize("file", [file for file in EXTRAS if file != PLUGIN])
def test_packages_of_extras_are_loaded_by_functions_alone(file: str) -> None:
    tree = tree_of(ROOT / file)
    functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    within = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in within:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not {name.split(".")[0] for name in names} & set(EXTRAS[file])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr != "import_module" or id(node) in within


def _effects(path: Path) -> Iterator[Tuple[str, str]]:
    for name, line in imports(path):
        if name.split(".")[0] in EFFECTS:
            yield relative(path), f"line {line} imports {name}"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EFFECT_CALLS:
            yield relative(path), f"line {node.lineno} calls {node.func.id}"


def test_effects_only_at_the_edge() -> None:
    pure = [p for p in python_files() if part_of(module_name(p)) in PURE]
    found = merge(pair for path in pure for pair in _effects(path))
    broken = report(found, PURE_EXCEPTIONS)
    assert broken == [], "\n".join(broken)


DYNAMIC: Dict[str, str] = {
    "wasmpy/exec/fuse.py": "the runs of hot functions",
    "wasmpy/numerics/specialize.py": "when the project is built",
    "wasmpy/tiers/pysource/source.py": "the functions of the python tier",
    "wasmpy/tiers/pysource/faults.py": "the operands of a site, by the texts that the tier wrote of them",
    "wasmpy/tiers/pysource/leaving.py": "for which bytes a loop goes on, by the numerics' expressions",
}
"""File that compiles or evaluates text -> which."""


def test_text_is_compiled_in_the_listed_files_alone() -> None:
    found = merge(
        (relative(path), f"line {node.lineno} calls {node.func.id}")
        for path in python_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        and node.func.id in ("compile", "eval", "exec")
    )
    broken = report(found, DYNAMIC)
    assert broken == [], "\n".join(broken)


def test_nothing_imports_the_generators_at_run_time() -> None:
    found = []
    for path in python_files():
        if module_name(path) not in BUILD_TIME:
            found += [f"{relative(path)}:{line}: {name}" for name, line in imports(path) if name in BUILD_TIME]
    assert found == [], "\n".join(found)


def _loaded_by(statement: str) -> List[str]:
    code = f"import sys; {statement}; print(' '.join(sorted(m for m in sys.modules if m.split('.')[0] in {PACKAGES!r})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=str(ROOT), capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import wasmpy", ("wasmpy.api", "wasmpy.exec", "wasi", "hostabi")),
        ("import wasmpy.binary.decode", ("wasmpy.text", "wasmpy.exec", "wasmpy.api", "wasi", "hostabi")),
        ("import wasmpy.valid.module", ("wasmpy.text", "wasmpy.binary", "wasmpy.exec", "wasmpy.api")),
        ("import wasi", ("wasmpy.text", "wasmpy.api", "hostabi")),
        ("import wasmpy.api", ("hostabi", "wasmpy.cli", "wasmpy.wast")),
        ("import wasmpy.testing", ("hostabi", "wasmpy.api", "wasmpy.exec", "wasi")),
    ],
)
def test_importing_a_part_imports_no_more_than_it_needs(statement: str, absent: Tuple[str, ...]) -> None:
    loaded = _loaded_by(statement)
    assert [m for m in loaded if part_of(m) in absent] == []
