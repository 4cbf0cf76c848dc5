"""``wasmpy parse``: the text format to the binary format.

What belongs here: reading a module and writing its bytes.  What does not: the
grammar (``wasmpy.text``) and the encoding (``wasmpy.binary``).

The module is not validated.  A binary is read too, and written again in its
canonical form.
"""

from __future__ import annotations

import argparse

from wasmpy.cli.errors import ExitCode, UsageError, print_json
from wasmpy.cli.source import STDIN, named, parse_features, read_syntax, write_output
from wasmpy.config import Features

NAME = "parse"
HELP = "translate the text format (.wat) to the binary format (.wasm)"
EXAMPLE = """\
wasmpy parse examples/hello.wat -o hello.wasm
  wasmpy parse -t examples/hello.wat"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``parse``."""
    parser.add_argument(
        "module", nargs="?", metavar="MODULE",
        help="a file, or - for stdin (the default unless that is a terminal)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write, by default stdout")
    parser.add_argument("-t", "--wat", action="store_true", help="write the text format instead")
    parser.add_argument(
        "--features", metavar="LIST", help="refuse the syntax of others; by default all are read"
    )


def run(args: argparse.Namespace) -> int:
    """Read the module and write it."""
    from wasmpy.binary.encode import encode_module
    from wasmpy.text.printer import print_module

    if args.json and args.output in (None, STDIN):
        raise UsageError("--json needs -o FILE: standard output has the document")
    path = named(args.module)
    module = read_syntax(path, parse_features(args.features, Features.ALL))
    data = print_module(module) if args.wat else encode_module(module)
    write_output(args.output, data)
    if args.json:
        size = len(data.encode("utf-8")) if isinstance(data, str) else len(data)
        print_json({
            "command": NAME, "status": "ok", "exit_code": int(ExitCode.OK), "module": path,
            "output": args.output, "format": "text" if args.wat else "binary", "bytes": size,
        })  # fmt: skip
    return ExitCode.OK
