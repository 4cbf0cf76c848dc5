"""``wasmpy print``: a module in the text format.

What belongs here: the options of printing as arguments.  What does not: the
printing (``wasmpy.text.printer``).

The module is not validated.  What is printed parses to the same module;
``--skeleton`` alone leaves something out.
"""

from __future__ import annotations

import argparse
from typing import List, Sequence

from wasmpy.cli.errors import ExitCode, UsageError, print_json
from wasmpy.cli.source import STDIN, named, parse_features, read_syntax, write_output
from wasmpy.config import Features
from wasmpy.syntax.module import Expr

NAME = "print"
HELP = "print a module (.wasm or .wat) in the text format"
EXAMPLE = """\
wasmpy print examples/hello.wat
  wasmpy print --fold --offsets examples/guards/minimal-wat/guard.wasm -o guard.wat"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``print``."""
    parser.add_argument(
        "module", nargs="?", metavar="MODULE",
        help="a file, or - for stdin (the default unless that is a terminal)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write, by default stdout")
    parser.add_argument("--fold", action="store_true", help="nest operands in what takes them")
    parser.add_argument(
        "--offsets", action="store_true",
        help="the offset of each instruction in the file, as a comment",
    )  # fmt: skip
    parser.add_argument("--skeleton", action="store_true", help="leave out bodies and data")
    parser.add_argument(
        "--names", choices=("section", "none", "all"), default="section",
        help="identifiers: from the name section (the default), none, or made for all",
    )  # fmt: skip
    parser.add_argument(
        "--features", metavar="LIST", help="refuse what needs others; by default all are read"
    )


def run(args: argparse.Namespace) -> int:
    """Read the module and print it."""
    from wasmpy.binary.decode import decode_module, instr_offsets
    from wasmpy.binary.encode import encode_module
    from wasmpy.text.printer import Style, print_module

    if args.json and args.output in (None, STDIN):
        raise UsageError("--json needs -o FILE: standard output has the document")
    features = parse_features(args.features, Features.ALL)
    path = named(args.module)
    module = read_syntax(path, features)
    if args.offsets and module.binary is None:
        module = decode_module(encode_module(module), features)

    def offsets(expr: Expr) -> Sequence[int]:
        found: List[int] = instr_offsets(module.binary or b"", expr)
        return found

    style = Style(args.fold, args.skeleton, args.names, offsets if args.offsets else None)
    text = print_module(module, style)
    write_output(args.output, text)
    if args.json:
        print_json({
            "command": NAME, "status": "ok", "exit_code": int(ExitCode.OK), "module": path,
            "output": args.output, "lines": text.count("\n"),
        })  # fmt: skip
    return ExitCode.OK
