"""``wasmpy validate``: are these files valid modules?

What belongs here: reading each file and saying what is wrong with it.  What
does not: any rule of validation (``wasmpy.valid``).

As of most such tools: silence and exit code 0 mean yes; ``--verbose`` names
what was valid.  A malformed or invalid module is one line on stderr with its
offset, function and rule, and exit code 1; a file that cannot be read is one
line and exit code 2.  Every file is looked at, whatever came before, and the
exit code is the highest of all.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Optional

from wasmpy.cli.errors import (
    CommandError,
    ExitCode,
    error_json,
    error_line,
    print_json,
    print_line,
)
from wasmpy.cli.source import read_module
from wasmpy.errors import InvalidError, MalformedError, WasmError

NAME = "validate"
HELP = "check that modules (.wasm or .wat) are well-formed and valid"
EXAMPLE = "wasmpy validate guard.wasm hello.wat"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``validate``."""
    parser.add_argument("modules", nargs="+", metavar="MODULE", help="a file, or - for stdin")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also say which modules are valid"
    )


def run(args: argparse.Namespace) -> int:
    """Validate every module named; the exit code is the worst of them."""
    worst = int(ExitCode.OK)
    documents: List[Dict[str, Any]] = []
    for path in args.modules:
        error = _check(path)
        code = _code(error)
        worst = max(worst, code)
        if args.json:
            documents.append(_document(path, error))
        elif error is not None:
            print_line(_line(path, error))
        elif args.verbose:
            print(f"{path}: valid")
    if args.json:
        status = {ExitCode.OK: "ok", ExitCode.NEGATIVE: "invalid"}.get(ExitCode(worst), "error")
        print_json({"command": NAME, "status": status, "exit_code": worst, "modules": documents})
    return worst


def _check(path: str) -> Optional[Exception]:
    """What is wrong with the module at ``path``, or None."""
    try:
        read_module(path)
    except (CommandError, MalformedError, InvalidError) as error:
        return error
    return None


def _code(error: Optional[Exception]) -> int:
    """The exit code that one module earns."""
    if error is None:
        return ExitCode.OK
    return ExitCode.NEGATIVE if isinstance(error, WasmError) else ExitCode.USAGE


def _line(path: str, error: Exception) -> str:
    """The one line about a module that is not valid; the rule stands at its end."""
    text = error_line(error)
    if isinstance(error, CommandError):
        return f"wasmpy: error: {text}"
    rule = getattr(error, "rule", "")
    return f"wasmpy: error: {path}: {text}" + (f" [{rule}]" if rule else "")


def _document(path: str, error: Optional[Exception]) -> Dict[str, Any]:
    """One entry of ``modules`` in the JSON document."""
    status = {ExitCode.OK: "valid", ExitCode.NEGATIVE: "invalid"}.get(
        ExitCode(_code(error)), "error"
    )
    if isinstance(error, MalformedError):
        status = "malformed"
    return {
        "path": path,
        "status": status,
        "error": None if error is None else error_json(error),
    }
