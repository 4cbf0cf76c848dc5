"""Case files: finding and reading them, in JSON and YAML.

What belongs here: the way from a path to plain values, within limits, and the
files that a case file refers to.  What does not: what the values mean
(``cases``), and writing them back (``update``).

A case file may come from anybody: it is read with the strictness and the
limits of the guards' own JSON, and what it refers to lies beside or below it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Iterable, List, NamedTuple, Tuple, Union

from hostabi.errors import PayloadError
from hostabi.payload import decode, kind
from wasmpy.testing import yamlfile
from wasmpy.testing.cases import Case, read_cases
from wasmpy.testing.errors import CaseError

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of a case file, or of a file that it refers to."""

NAMES = ("cases", "*.cases", "*.guard")
"""What case files in a folder are called, before ``.json``, ``.yaml`` or ``.yml``."""

PathLike = Union[str, "os.PathLike[str]"]


class CaseFile(NamedTuple):
    """A case file: where it is, its text, and its cases."""

    path: str
    text: str
    cases: Tuple[Case, ...]

    @property
    def is_yaml(self) -> bool:
        """Whether it is YAML."""
        return is_yaml(self.path)


def is_yaml(path: PathLike) -> bool:
    """Whether a file is read as YAML, by its name."""
    return str(path).lower().endswith(yamlfile.SUFFIXES)


def find_files(paths: Iterable[PathLike]) -> List[str]:
    """The case files that are named; of a folder all below it, in order of their names.

    Raises: CaseError for a folder without any.
    """
    found: List[str] = []
    for name in paths:
        path = Path(name)
        try:
            folder = path.is_dir()
        except (OSError, ValueError):
            folder = False  # reading it will say why
        if not folder:
            found.append(str(name))
            continue
        suffixes = (".json", *yamlfile.SUFFIXES)
        below = {
            str(file)
            for pattern in NAMES
            for suffix in suffixes
            for file in path.rglob(pattern + suffix)
            if file.is_file()
        }
        if not below:
            raise CaseError(
                "no case file is in this folder (cases.json, NAME.cases.json, NAME.guard.json; "
                "or .yaml)",
                str(name),
            )
        found += sorted(below)
    return found


def read_file(path: PathLike, *, fresh: bool = False) -> CaseFile:
    """The case file at ``path``.

    ``fresh`` allows cases that expect nothing yet.

    Raises: CaseError.
    """
    name = str(path)
    data = _bytes(name, Path(path), yamlfile.MAX_BYTES if is_yaml(path) else MAX_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaseError(f"byte {error.start} is not UTF-8", name) from None
    doc = yamlfile.read_yaml(name, text) if is_yaml(path) else _json(name, text)
    folder = Path(path).parent
    cases = read_cases(
        doc, name, lambda reference, where: _referred(folder, reference, name, where), fresh=fresh
    )
    return CaseFile(name, text, cases)


def _bytes(name: str, path: Path, maximum: int) -> bytes:
    """The bytes of an ordinary file that is not too large.  Raises: CaseError."""
    try:
        # A pipe would keep us waiting for somebody to write.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise CaseError("it is no ordinary file", name)
            data = file.read(maximum + 1)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        reason = getattr(error, "strerror", None) or str(error)
        raise CaseError(f"cannot be read: {reason}", name) from error
    if len(data) > maximum:
        raise CaseError(f"it is larger than {maximum} bytes", name)
    return data


def _json(name: str, text: str) -> Any:
    """Strict JSON.  Raises: CaseError."""
    try:
        return decode(text, strict=True)
    except PayloadError as error:
        raise CaseError(_placed(error, text), name) from error


def _placed(error: PayloadError, text: str) -> str:
    """What is wrong with the JSON, with the line."""
    if error.offset is None:
        return error.message
    return f"{error.message} (line {text.count(chr(10), 0, error.offset) + 1})"


def _referred(folder: Path, reference: Any, name: str, where: str) -> Any:
    """The JSON in a file that the case file refers to.

    Raises: CaseError, also for one that is not below the case file's folder.
    """
    if not isinstance(reference, str) or not reference:
        raise CaseError(f"$file is the name of a file, not {kind(reference)}", name, where)
    try:
        home = folder.resolve()
        target = (home / reference).resolve()
        outside = Path(reference).is_absolute() or home not in target.parents
    except (OSError, ValueError, RuntimeError) as error:
        # RuntimeError: symbolic links that lead in a circle, before Python 3.13.
        raise CaseError(f"$file {reference!r} cannot be resolved: {error}", name, where) from None
    if outside:
        raise CaseError(f"$file {reference!r} leads out of the case file's folder", name, where)
    try:
        text = _bytes(reference, target, MAX_BYTES).decode("utf-8-sig")
        return _json(reference, text)
    except UnicodeDecodeError as error:
        raise CaseError(
            f"$file {reference}: byte {error.start} is not UTF-8", name, where
        ) from None
    except CaseError as error:
        raise CaseError(f"$file {reference}: {error.message}", name, where) from error
