"""A new guard project: a small guard in some language, with cases and how to build it.

What belongs here: which languages there are, and copying a template into a
folder.  What does not: building it; each project says how in its README.

Templates are package data in ``templates``: a folder per language, and what
all have in common beside them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple, Union

TEMPLATES = Path(__file__).parent / "templates"
CASES = "cases.json"
"""The case file that all projects share, since all their guards decide alike."""


class Language(NamedTuple):
    """A language that there is a template in.

    ``guard`` is the file that a host loads, in the project or once it is
    built; ``source`` is what to change; ``builds`` says whether anything is
    to be built.
    """

    title: str
    source: str
    guard: str = "guard.wasm"

    @property
    def builds(self) -> bool:
        """Whether the guard is to be built first."""
        return self.source != self.guard


LANGUAGES: Dict[str, Language] = {
    "wat": Language("WebAssembly text", "guard.wat", "guard.wat"),
    "c": Language("C", "guard.c"),
    "rust": Language("Rust", "src/lib.rs"),
    "zig": Language("Zig", "guard.zig"),
    "assemblyscript": Language("AssemblyScript", "guard.ts"),
    "go": Language("Go", "guard.go"),
}
"""The languages, by their names on the command line."""


class NotEmptyError(OSError):
    """The folder of a new project has something in it, or is no folder."""


def write_project(language: str, folder: Union[str, os.PathLike[str]]) -> List[str]:
    """Write a new project, and return the names of its files, in order.

    The folder is made if need be; one that has anything in it is left alone.

    Raises: NotEmptyError, OSError; KeyError for a language that there is no
    template in.
    """
    home = TEMPLATES / _known(language)
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise NotEmptyError(f"{target} is no folder")
    if target.is_dir() and any(target.iterdir()):
        raise NotEmptyError(f"{target} is not empty: a new guard needs a folder of its own")
    written = []
    for name, source in sorted(_files(home)):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        # "x": whatever has come into the folder meanwhile is not written over.
        with place.open("xb") as file:
            file.write(source.read_bytes())
        if name.endswith(".sh"):
            place.chmod(0o755)
        written.append(name)
    return written


def _known(language: str) -> str:
    """The name of a language that there is.  Raises: KeyError."""
    LANGUAGES[language]
    return language


def _files(home: Path) -> List[Tuple[str, Path]]:
    """The files of a project: its name there, and what to copy."""
    own = [path for path in home.rglob("*") if path.is_file()]
    named = [(path.relative_to(home).as_posix(), path) for path in own]
    return [(CASES, TEMPLATES / CASES), *named]
