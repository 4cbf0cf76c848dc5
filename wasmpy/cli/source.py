"""Reading and writing what a person names on the command line.

What belongs here: files and ``-`` for standard input and output, modules from
them, and the names of features.  What does not: what is done with them.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Iterator, Optional, Union

from wasmpy.cli import output
from wasmpy.cli.errors import CommandError, FileError, UsageError
from wasmpy.config import FEATURE_NAMES, Features
from wasmpy.errors import WasmError

if TYPE_CHECKING:
    from wasmpy import Module
    from wasmpy.syntax.module import Module as SyntaxModule

STDIN = "-"


def read_bytes(path: str) -> bytes:
    """The bytes of the file ``path``, or of standard input for ``-``.

    Raises: CommandError when it cannot be read.
    """
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise CommandError("cannot read standard input: it is closed", path=path)
            return sys.stdin.buffer.read()
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name, or a standard input that was closed since.
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"cannot read {called(path)}: {reason}", path=path) from error


def named(path: Optional[str]) -> str:
    """The file that is named, or standard input where none is.

    Raises: UsageError when that is a terminal: somebody forgot to name a file.
    """
    if path is not None:
        return path
    if sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("no file is named, and standard input is a terminal (- reads it)")
    return STDIN


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """In here an error of wasmpy is one of the file ``path``, or of standard input for ``-``.

    Raises: FileError.
    """
    try:
        yield
    except WasmError as error:
        raise FileError(called(path), error) from error


def called(path: str) -> str:
    """What an error calls the file ``path``: standard input for ``-``."""
    return "standard input" if path == STDIN else path


def read_module(path: str, features: Optional[str] = None) -> Module:
    """The module in the file ``path`` or on standard input, binary or text, validated.

    ``features`` is a list as ``parse_features`` takes it, from the usual set on.

    Raises: CommandError when it cannot be read; FileError when it is malformed or invalid.
    """
    from wasmpy.api.module import Module, source_of

    allowed = parse_features(features, default_features())
    data = read_bytes(path)
    with naming(path):
        return Module(source_of(data, PurePath(path).suffix.lower()), features=allowed)


def read_source(path: str) -> Union[bytes, str]:
    """The binary or the text in the file ``path`` or on standard input.

    Raises: CommandError when it cannot be read; MalformedError when it is neither.
    """
    from wasmpy.api.module import source_of

    return source_of(read_bytes(path), PurePath(path).suffix.lower())


def read_syntax(path: str, features: Features = Features.ALL) -> SyntaxModule:
    """The module in the file ``path`` or on standard input, parsed or decoded, not validated.

    Raises: CommandError when it cannot be read; FileError when it is malformed.
    """
    from wasmpy.binary.decode import decode_module
    from wasmpy.text.parser import parse_module

    with naming(path):
        source = read_source(path)
        if isinstance(source, str):
            return parse_module(source, features)
        return decode_module(source, features)


def write_output(path: Optional[str], data: Union[bytes, str]) -> None:
    """Write a result to the file ``path``, or to standard output for None and ``-``.

    Raises: CommandError when the file cannot be written, or when bytes would
    go to a terminal; as ``output.write``.
    """
    if path is None or path == STDIN:
        terminal = sys.stdout is not None and sys.stdout.isatty()
        if isinstance(data, bytes) and path is None and terminal:
            raise UsageError("not writing a binary to a terminal: give -o FILE, or -o -")
        output.write(data)
        return
    try:
        Path(path).write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"cannot write {path}: {reason}", path=path) from error


def default_features() -> Features:
    """The features that a module may use unless something else is said."""
    from wasmpy.api.module import Module

    found = inspect.signature(Module).parameters["features"].default
    assert isinstance(found, Features)
    return found


PRESETS = {"wasm1": Features.WASM1, "wasm2": Features.WASM2, "wasm3": Features.WASM3,
           "all": Features.ALL}  # fmt: skip
"""The sets of features that have a name."""


def parse_features(text: Optional[str], default: Features) -> Features:
    """Features as on the command line: ``wasm3``, ``+simd,-gc``, ``wasm2,threads``.

    What is named is added, with a minus it is taken away; a preset that comes
    first is begun with instead of ``default``, and ``-all`` begins with none.

    Raises: UsageError for a name that is none.
    """
    features = default
    for i, item in enumerate(text.split(",") if text else ()):
        sign, name = (item[0], item[1:]) if item[:1] in ("+", "-") else ("", item)
        name = name.strip().replace("-", "_")
        if name in PRESETS:
            preset = PRESETS[name]
            if sign == "-":
                features = Features(features.names - preset.names | Features.WASM1.names)
            else:
                features = preset if i == 0 else Features(features.names | preset.names)
        elif name in FEATURE_NAMES:
            features = features.without(name) if sign == "-" else features.having(name)
        else:
            known = ", ".join([*PRESETS, *FEATURE_NAMES])
            raise UsageError(f"unknown feature {name!r} (known: {known})")
    return features
