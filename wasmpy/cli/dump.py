"""``wasmpy dump``: every byte of a module, with its meaning.

What belongs here: laying out what ``wasmpy.binary.explain`` says.  What does
not: the walk through the file.

Each line has an offset, bytes, and what they mean; together they have every
byte once, in order.  A malformed file is explained up to the error, which
comes last, on standard error.
"""

from __future__ import annotations

import argparse
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from wasmpy.binary.decode import decode_module
from wasmpy.binary.explain import Entry, explain
from wasmpy.cli import output
from wasmpy.cli.errors import (
    ExitCode,
    UsageError,
    error_json,
    error_line,
    print_json,
    print_line,
)
from wasmpy.cli.source import (
    STDIN,
    called,
    named,
    naming,
    parse_features,
    read_source,
    write_output,
)
from wasmpy.config import Features
from wasmpy.errors import MalformedError
from wasmpy.syntax.module import Expr, Module
from wasmpy.text.printer import ModulePrinter, Style
from wasmpy.text.printer_names import Space

NAME = "dump"
HELP = "explain every byte of a module (.wasm or .wat)"
EXAMPLE = """\
wasmpy dump examples/guards/minimal-wat/guard.wasm
  wasmpy dump --section code examples/hello.wat"""

_PER_ROW = 8
_SHOWN_ROWS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dump``."""
    parser.add_argument(
        "module", nargs="?", metavar="MODULE",
        help="a file, or - for stdin (the default unless that is a terminal)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write, by default stdout")
    parser.add_argument(
        "--section", metavar="NAME", help="only this section, such as code or custom"
    )
    parser.add_argument(
        "--all", action="store_true", help="show all bytes of long names and data"
    )
    parser.add_argument(
        "--features", metavar="LIST", help="refuse what needs others; by default all are read"
    )


def run(args: argparse.Namespace) -> int:
    """Explain the module."""
    from wasmpy.api.module import assemble

    if args.json and args.output == STDIN:
        raise UsageError("--json and -o - would both write to standard output")
    features = parse_features(args.features, Features.ALL)
    path = named(args.module)
    with naming(path):
        source = read_source(path)
        data = source if isinstance(source, bytes) else assemble(source)[0]
    entries: List[Dict[str, Any]] = []
    rows: List[str] = []
    end = 0
    shown = args.section is None
    sections: List[str] = []
    walk = Walk(data, features)
    for entry in walk.entries():
        end = entry.end
        if entry.depth == 0 and args.section is not None:
            sections.append(entry.meaning)
            shown = entry.meaning == f"{args.section} section"
        if not shown:
            continue
        if args.json:
            entries.append(_json(data, entry))
        if args.output is not None:
            rows.append(row(data, entry, whole=args.all))
        elif not args.json:
            output.write(row(data, entry, whole=args.all))
    error = walk.error
    _check_section(args.section, sections, error)
    if args.output is not None:
        write_output(args.output, "".join(rows))
    if args.json:
        code = ExitCode.OK if error is None else ExitCode.NEGATIVE
        print_json({
            "command": NAME, "status": "ok" if error is None else "malformed",
            "exit_code": int(code), "module": path, "bytes": len(data), "explained": end,
            "entries": entries, "error": None if error is None else error_json(error),
        })  # fmt: skip
        return code
    if error is not None:
        output.flush()
        left = f"({len(data) - end} bytes are not explained)"
        print_line(f"wasmpy: error: {called(path)}: {error_line(error)} {left}")
        return ExitCode.NEGATIVE
    return ExitCode.OK


def _check_section(
    name: Optional[str], headings: List[str], error: Optional[MalformedError]
) -> None:
    """Refuse a section that a whole module does not have.  Raises: UsageError."""
    if name is None or error is not None or f"{name} section" in headings:
        return
    there = {h[: -len(" section")]: None for h in headings if h.endswith(" section")}
    raise UsageError(f"no section {name!r} (the module has {', '.join(there) or 'none'})")


class Walk:
    """The entries of a file, and afterwards what ended them."""

    def __init__(self, data: bytes, features: Features) -> None:
        self.data = data
        self.features = features
        self.error: Optional[MalformedError] = None
        module = Module()
        try:
            module = decode_module(data, features)
        except MalformedError as error:
            self.error = error
        self.show = instr_texts(module)

    def entries(self) -> Iterator[Entry]:
        """The entries up to the first error."""
        stop = self.error.offset if self.error is not None else None
        try:
            for entry in explain(self.data, self.features, self.show):
                if stop is not None and entry.end > stop and entry.end > entry.offset:
                    break
                yield entry
        except MalformedError as error:
            # The decoder knows better, unless it never came that far.
            if self.error is None:
                self.error = error


def instr_texts(module: Module) -> Callable[[Expr, Optional[int]], List[str]]:
    """What gives the text of each instruction of an expression in ``module``."""
    printer = ModulePrinter(module, Style())

    def texts(expr: Expr, funcidx: Optional[int]) -> List[str]:
        labels: Dict[int, str] = {}
        locals_ = Space({})
        if funcidx is not None:
            labels = printer.ids.labels(funcidx)
            locals_ = printer.ids.locals(funcidx, 1 << 32)
        printer.begin(locals_, labels, 0)
        return [*printer.flat(expr, 0, {}, None), "end"]

    return texts


def row(data: bytes, entry: Entry, *, whole: bool) -> str:
    """The lines of one entry: offset, bytes, meaning."""
    indent = "  " * entry.depth
    if entry.offset == entry.end:
        return f"{'':8}  {'':{3 * _PER_ROW}} {indent}{entry.meaning}\n"
    rows = list(_rows(data, entry))
    cut = len(rows) if whole else _SHOWN_ROWS
    lines = []
    for i, (offset, text) in enumerate(rows[:cut]):
        meaning = f"{indent}{entry.meaning}" if i == 0 else f"{indent}"
        lines.append(f"{offset:08x}  {text:{3 * _PER_ROW}} {meaning}".rstrip())
    if len(rows) > cut:
        left = entry.end - rows[cut][0]
        lines.append(f"{rows[cut][0]:08x}  {'...':{3 * _PER_ROW}} {indent}{left} bytes more")
    return "\n".join(lines) + "\n"


def _rows(data: bytes, entry: Entry) -> Iterator[Tuple[int, str]]:
    for at in range(entry.offset, entry.end, _PER_ROW):
        yield at, data[at : min(at + _PER_ROW, entry.end)].hex(" ")


def _json(data: bytes, entry: Entry) -> Dict[str, Any]:
    return {
        "offset": entry.offset,
        "bytes": data[entry.offset : entry.end].hex(),
        "depth": entry.depth,
        "meaning": entry.meaning,
    }
