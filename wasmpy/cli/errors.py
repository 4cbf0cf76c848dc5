"""Exit codes, and how a command says that something went wrong.

What belongs here: the table of exit codes, the error a command raises for a
person's mistake, and the one place that turns any exception into one line on
stderr or one JSON document on stdout.  What does not: any command's own
output.

The rule for every command: what goes wrong is one line, ``wasmpy: error:
...``, on stderr; with ``--json`` it is the document on stdout instead, and
stderr stays empty.
"""

from __future__ import annotations

import contextlib
import enum
import json
import math
import os
import sys
import traceback
from typing import Any, Dict

from wasmpy import errors
from wasmpy.cli import output


class ExitCode(enum.IntEnum):
    """What every command's exit code means; ``run`` passes the guest's own through besides."""

    OK = 0
    """Fine."""
    NEGATIVE = 1
    """A negative answer: a malformed or invalid module or script, imports that do not fit, a
    failing case, a denial; for ``guard`` also a trap, and that a call's time or fuel ran out."""
    USAGE = 2
    """Wrong usage, input that cannot be read, or output that cannot be written."""
    INTERNAL = 70
    """An internal error: a defect of wasmpy."""
    INTERRUPTED = 124
    """``run``: the guest was interrupted: fuel or time ran out."""
    KEYBOARD = 130
    """Stopped from the keyboard."""
    TRAP = 134
    """``run``: the guest trapped."""
    PIPE = 141
    """Nobody reads our output any more."""


class CommandError(Exception):
    """A command cannot go on, and it is not wasmpy's fault.

    ``text`` is one line; ``code`` the exit code; ``fields`` go into the JSON
    form of the error besides.
    """

    def __init__(self, text: str, code: int = ExitCode.USAGE, **fields: Any) -> None:
        super().__init__(text)
        self.text = text
        self.code = int(code)
        self.fields = fields

    def to_json(self) -> Dict[str, Any]:
        """The error as a JSON object, in the shape of ``WasmError.to_json``."""
        doc: Dict[str, Any] = {"error": type(self).__name__, "text": self.text}
        doc.update(self.fields)
        return doc


class UsageError(CommandError):
    """The command line itself is wrong."""


class FileError(CommandError):
    """What is wrong with a file's content: wasmpy's own error, and which file it is."""

    def __init__(self, path: str, error: errors.WasmError) -> None:
        super().__init__(f"{path}: {error}", exit_code_of(error))
        self.path = path
        self.error = error

    def to_json(self) -> Dict[str, Any]:
        """The error of wasmpy as a JSON object, with the file in its text and as ``path``."""
        return {**self.error.to_json(), "text": self.text, "path": self.path}


def exit_code_of(error: BaseException) -> int:
    """The exit code that ``error`` ends a command with, unless the command decides itself."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.KEYBOARD
    if isinstance(error, errors.InternalError):
        return ExitCode.INTERNAL
    if isinstance(error, errors.Interrupted):
        return ExitCode.INTERRUPTED
    if isinstance(error, errors.WasmTrap):
        return ExitCode.TRAP
    if isinstance(error, errors.WasmError):
        return ExitCode.NEGATIVE
    if isinstance(error, OSError):
        return ExitCode.USAGE
    return ExitCode.INTERNAL


def error_json(error: BaseException) -> Dict[str, Any]:
    """``error`` as a JSON object: ``error`` is its class, ``text`` its line, then its fields."""
    if isinstance(error, (errors.WasmError, CommandError)):
        return error.to_json()
    return {"error": type(error).__name__, "text": error_line(error)}


def error_line(error: BaseException) -> str:
    """``error`` in one line, without the prefix."""
    if isinstance(error, CommandError):
        text = error.text
    elif isinstance(error, errors.WasmError):
        text = str(error)
    elif isinstance(error, OSError):
        what = error.strerror or str(error)
        text = what if error.filename is None else f"{error.filename}: {what}"
    elif isinstance(error, KeyboardInterrupt):
        text = "stopped from the keyboard"
    elif isinstance(error, MemoryError):
        text = "internal: out of memory"
    else:
        text = f"internal: {type(error).__name__}: {error}"
    return errors.printable(" ".join(text.split("\n")).strip())


def report_error(error: BaseException, *, as_json: bool, trace: bool, command: str = "") -> int:
    """Say on the right stream what went wrong, and return the exit code.

    ``trace`` prints Python's own traceback on stderr first; for an internal
    error without it a hint says how to get it.
    """
    code = exit_code_of(error)
    if trace and sys.stderr is not None:
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    if as_json:
        print_json(
            {"command": command, "status": "error", "exit_code": code, "error": error_json(error)}
        )
    else:
        hint = ""
        if code == ExitCode.INTERNAL and not trace:
            hint = " (again with --traceback, or with WASMPY_TRACEBACK=1, shows the whole trace)"
        print_line(f"wasmpy: error: {error_line(error)}{hint}")
    return code


def wants_traceback(*, flag: bool) -> bool:
    """Whether Python's traceback was asked for, by flag or environment."""
    return flag or os.environ.get("WASMPY_TRACEBACK", "") not in ("", "0")


def print_line(text: str) -> None:
    """One line on stderr, its control characters escaped; a closed stderr is nobody's fault."""
    if sys.stderr is None:  # print() would take it for stdout
        return
    with contextlib.suppress(OSError, ValueError):
        print(errors.printable(text), file=sys.stderr, flush=True)


def print_json(document: Dict[str, Any]) -> None:
    """One document on stdout: ASCII, keys in the order given, a newline at the end.

    A float that JSON cannot have is text: ``nan``, ``inf``, ``-inf``.

    Raises: OutputError, BrokenPipeError.
    """
    output.write(json.dumps(_with_finite(document), indent=2, allow_nan=False) + "\n")
    output.flush()


def _with_finite(value: Any) -> Any:
    """``value`` with text for every float that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _with_finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_finite(item) for item in value]
    return value
