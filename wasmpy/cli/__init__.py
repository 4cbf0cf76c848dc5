"""The command line: finding the subcommand, and what all subcommands share.

What belongs here: the list of subcommands, the parser's common parts, and
the handling of everything that can go wrong.  What does not: what a
subcommand does; each has a file of its own in this package, which gives

- ``NAME``, ``HELP`` (one line) and ``EXAMPLE`` (shown below its ``--help``);
- ``add_arguments(parser)``: its arguments, besides the common ``--json`` and
  ``--traceback``;
- ``run(args) -> int``: do it, return the exit code.  It may raise any error
  of wasmpy, ``CommandError`` or ``OSError``: the frame says it in one line;
- optionally ``parse(parser, argv)``, where argparse's own ways do not do, and
  ``JSON = False``, where standard output is somebody else's.

A subcommand is loaded when it is called for, and by the overview; one that
cannot be loaded does not stand in the others' way.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import os
import sys
from types import ModuleType
from typing import List, NoReturn, Optional, Sequence, Tuple

from wasmpy.cli import output
from wasmpy.cli.caching import in_use
from wasmpy.cli.errors import (
    ExitCode,
    UsageError,
    print_line,
    report_error,
    wants_traceback,
)

COMMANDS = (
    "cache", "compile", "demo", "dump", "guard", "parse", "print", "run", "validate", "wast",
)  # fmt: skip
"""The subcommands, in the order of the overview; each names its file."""

ABOUT = "wasmpy: a WebAssembly runtime in pure Python, and a host for guards."


class Parser(argparse.ArgumentParser):
    """argparse with our one-line errors instead of its own.

    Raises: UsageError, where argparse would print and exit.
    """

    def error(self, message: str) -> NoReturn:
        """The command line is wrong.  Raises: UsageError."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def load_command(name: str) -> ModuleType:
    """The module of the subcommand ``name``, one of ``COMMANDS``."""
    return importlib.import_module(f"wasmpy.cli.{name}")


def command_parser(module: ModuleType, name: str = "") -> Parser:
    """The argument parser of one subcommand, with the common arguments.

    ``name`` is what it is called by, where that is not ``NAME``.
    """
    parser = Parser(
        prog=f"wasmpy {name or module.NAME}",
        description=module.HELP,
        epilog=f"example:\n  {module.EXAMPLE.strip()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    common = parser.add_argument_group("common options")
    if getattr(module, "JSON", True):
        common.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    else:
        parser.set_defaults(json=False)
    common.add_argument(
        "--traceback", action="store_true", help="show Python's traceback of an error"
    )
    return parser


def overview() -> str:
    """What ``--help`` without a subcommand prints."""
    lines = [ABOUT, "", "usage: wasmpy COMMAND [ARGUMENT...]", "", "commands:"]
    for name in COMMANDS:
        try:
            text = load_command(name).HELP
        except Exception as error:  # noqa: BLE001 - one command's defect is not the others'
            text = f"(cannot be loaded: {type(error).__name__}: {error})"
        lines.append(f"  {name:<10} {text}")
    lines += [
        "",
        "options:",
        "  --help     this text; `wasmpy COMMAND --help` explains one command",
        "  --version  the version",
        "",
        "example:",
        "  wasmpy run examples/hello.wat",
    ]
    return "\n".join(lines)


def version() -> str:
    """The version, also of a checkout that is not installed."""
    import wasmpy

    own = getattr(wasmpy, "__version__", None)
    if own is not None:
        return str(own)
    from importlib import metadata

    try:
        return metadata.version("wasmpy-runtime")
    except metadata.PackageNotFoundError:
        return "unknown"


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line ``argv`` (by default the process's own) and return the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A name in a module can have any character; a terminal may know ASCII alone.
            reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(args)
        # There is no stdout at all when it was closed before we began.
        if sys.stdout is not None:
            output.flush()
    except BrokenPipeError:
        _give_up_stdout()
        return ExitCode.PIPE
    except output.OutputError as error:
        _give_up_stdout()
        print_line(f"wasmpy: error: cannot write to standard output: {error.reason}")
        return ExitCode.USAGE
    return code


def _dispatch(argv: List[str]) -> int:
    """Find the subcommand, run it, and turn what it raises into an exit code."""
    as_json, trace = _common_flags(argv)
    name = argv[0] if argv else ""
    try:
        if name in ("", "-h", "--help", "help"):
            _say(overview())
            return ExitCode.OK if name else ExitCode.USAGE
        if name in ("-V", "--version"):
            _say(f"wasmpy {version()}")
            return ExitCode.OK
        if name not in COMMANDS:
            raise UsageError(_unknown(name))
        module = load_command(name)
        parser = command_parser(module)
        parse = getattr(module, "parse", None)
        args = parser.parse_args(argv[1:]) if parse is None else parse(parser, argv[1:])
        with in_use(args):
            return int(module.run(args))
    except (BrokenPipeError, output.OutputError):
        raise
    except SystemExit as stop:
        # argparse leaves by it after --help.
        return stop.code if isinstance(stop.code, int) else ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the outermost frame
        command = name if name in COMMANDS else ""
        return report_error(error, as_json=as_json, trace=trace, command=command)


def _common_flags(argv: List[str]) -> Tuple[bool, bool]:
    """Whether ``--json`` and ``--traceback`` are given; asked before argparse can fail."""
    own = argv[: argv.index("--")] if "--" in argv else argv
    return "--json" in own, wants_traceback(flag="--traceback" in own)


def _say(text: str) -> None:
    """Text that is no answer: where there is no standard output, nobody misses it."""
    if sys.stdout is not None:
        output.write(f"{text}\n")


def _unknown(name: str) -> str:
    """The line for a subcommand that does not exist."""
    kind = "option" if name.startswith("-") else "command"
    near = difflib.get_close_matches(name, COMMANDS, 1)
    meant = f"; did you mean `{near[0]}`?" if near else ""
    return f"unknown {kind} {name!r}{meant} (commands: {', '.join(COMMANDS)})"


def _give_up_stdout() -> None:
    """Nothing can be written any more: leave quietly, also at the interpreter's last flush."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
