"""``wasmpy compile``: what the python tier makes of a module's functions.

What belongs here: compiling every function and telling what came of it, and
showing generated text with the instructions beside it.  What does not:
writing the text (``wasmpy.tiers.pysource``), keeping it (``wasmpy cache warm``).

Names of the module stand in comments alone, with everything escaped that
could end a line: what is shown may be run, too.
"""

from __future__ import annotations

import argparse
import bisect
import dataclasses
import time
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Set, Tuple

from wasmpy.cli import output
from wasmpy.cli.errors import CommandError, ExitCode, UsageError, print_json
from wasmpy.cli.inspection import instrs_of
from wasmpy.cli.present import shown
from wasmpy.cli.source import named, read_module
from wasmpy.cli.tiers import add_fallback
from wasmpy.errors import printable
from wasmpy.exec.store import FuncInst
from wasmpy.syntax.module import Module
from wasmpy.text.printer_names import Identifiers
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.listing import Listing, listing
from wasmpy.tiers.pysource.marks import Untaken
from wasmpy.tiers.pysource.source import compiled
from wasmpy.tiers.warm import functions_of

NAME = "compile"
HELP = "compile a module's functions to Python and say what came of it, or show the text"
EXAMPLE = """\
wasmpy compile examples/guards/minimal-wat/guard.wat
  wasmpy compile examples/math.wat --show add"""

ALL = ""
"""``--show`` without a function."""

_ROWS = 40
_COLUMN = 48
_BESIDE = 12


@dataclasses.dataclass
class Made:
    """What came of one function; ``reason`` says why it is not taken."""

    index: int
    name: Optional[str]
    instructions: int
    lines: int = 0
    form: Optional[str] = None
    seconds: float = 0.0
    reason: Optional[str] = None
    text: Optional[str] = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``compile``."""
    parser.add_argument("module", nargs="?", metavar="MODULE", help="a file, or - for stdin")
    parser.add_argument(
        "--show", nargs="?", const=ALL, metavar="FUNC",
        help="show the text of a function, by its index or name, or of all",
    )  # fmt: skip
    parser.add_argument(
        "--metered", action="store_true", help="as functions are where fuel is counted"
    )
    parser.add_argument(
        "--features", metavar="LIST", help="what the module may use, such as wasm2 or +threads,-gc"
    )
    add_fallback(parser)


def run(args: argparse.Namespace) -> int:
    """Compile, and tell or show."""
    if args.module is None and args.show and Path(args.show).is_file():
        raise UsageError(
            f"--show takes {args.show!r} for a function, and no MODULE is named; "
            "the file stands before it: compile MODULE --show"
        )
    path = named(args.module)
    module = read_module(path, args.features)
    functions = list(functions_of(module.syntax, module.sidetables))
    if args.show:
        functions = [_named(module.syntax, functions, args.show)]
    made = [_made(module.syntax, function, args) for function in functions]
    refused = [one for one in made if one.reason is not None]
    code = ExitCode.NEGATIVE if refused and args.fallback == "fail" else ExitCode.OK
    if args.json:
        print_json({
            "command": NAME, "status": "ok" if code is ExitCode.OK else "fallback",
            "exit_code": int(code), "module": path, "metered": args.metered,
            "functions": [dataclasses.asdict(one) for one in made],
            "fallbacks": [[one.index, one.name, one.reason] for one in refused],
        })  # fmt: skip
    elif args.show is not None:
        output.write("\n".join(one.text or "" for one in made))
    else:
        for line in _table(made):
            output.say(line)
    return code


def _named(module: Module, functions: Sequence[FuncInst], wanted: str) -> FuncInst:
    """The function with an index, a name or an export's name.  Raises: CommandError."""
    by_index = {function.index: function for function in functions}
    indices = [int(wanted)] if wanted.isdecimal() and len(wanted) < 10 else []
    indices += [i for i, name in module.names.funcs.items() if wanted in (name, f"${name}")]
    indices += [e.index for e in module.exports if e.kind == "func" and e.name == wanted]
    for index in indices:
        if index in by_index:
            return by_index[index]
    if indices:
        raise UsageError(f"function {indices[0]} is imported, or not there")
    raise CommandError(f"no function is called {shown(wanted)!r}")


def _made(module: Module, function: FuncInst, args: argparse.Namespace) -> Made:
    """Compile one function."""
    assert function.func is not None
    made = Made(function.index, _name(module, function.index), len(function.func.body))
    functions = Functions.of(module)
    began = time.perf_counter()
    try:
        source = functions.source(function, metered=args.metered)
        compiled(source)
        made.seconds = round(time.perf_counter() - began, 6)
        made.form, made.lines = source.form, source.text.count("\n")
        if args.show is not None:
            found = listing(functions, function, metered=args.metered)
            made.text = "".join(f"{line}\n" for line in annotated(module, function, found))
    except Untaken as error:
        made.reason = error.message
        if args.show is not None:
            made.text = f"# function {made.index} runs in the reference tier: {made.reason}\n"
    return made


def _name(module: Module, funcidx: int) -> Optional[str]:
    """The name by the name section, or one it is exported by."""
    exported = [e.name for e in module.exports if e.kind == "func" and e.index == funcidx]
    name: Optional[str] = module.names.funcs.get(funcidx)
    return exported[0] if name is None and exported else name


# -- the table ------------------------------------------------------------------


def _table(made: Sequence[Made]) -> Iterator[str]:
    """What came of each function, the costly ones first where there are many, and of all."""
    rows = list(made)
    if len(rows) > _ROWS:
        rows = sorted(rows, key=lambda one: one.seconds, reverse=True)[:_ROWS]
    cells: List[Tuple[str, ...]] = [
        ("function", "instructions", "lines", "form", "seconds", "name")
    ]
    cells += [
        (
            str(one.index), f"{one.instructions:,}", f"{one.lines:,}", str(one.form),
            f"{one.seconds:.4f}", shown(one.name or "", 60),
        )
        for one in rows if one.reason is None
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        form = row[3].ljust(widths[3])
        columns = [c.rjust(w) if i != 3 else form for i, (c, w) in enumerate(zip(row, widths))]
        yield "  ".join([*columns[:5], row[5]]).rstrip()
    if len(made) > len(rows):
        yield f"and {len(made) - len(rows)} that took less time (--json has all)"
    for one in made:
        if one.reason is not None:
            name = f" ({shown(one.name, 60)})" if one.name else ""
            yield f"function {one.index}{name} runs in the reference tier: {one.reason}"
    forms = [one.form for one in made if one.form is not None]
    yield (
        f"{len(made)} functions, {sum(one.instructions for one in made):,} instructions: "
        f"{sum(one.lines for one in made):,} lines in {sum(one.seconds for one in made):.2f} s; "
        f"{forms.count('structured')} structured, {forms.count('flat')} flat, "
        f"{len(made) - len(forms)} in the reference tier"
    )


# -- the text -------------------------------------------------------------------


def annotated(module: Module, function: FuncInst, found: Listing) -> Iterator[str]:
    """The lines of a function, with its names, and the instructions each line carries out."""
    assert function.func is not None
    index, texts = function.index, [text.strip() for text in instrs_of(module, function.index)]
    names = Identifiers(module)
    yield printable(f"# function {index} {names.ref('func', index)}: {function.type}")
    yield f"# {len(function.func.body)} instructions, {found.form}"
    locals_ = names.locals(index, 1 << 32)
    for i, name in locals_.ids.items():
        yield f"#   l{i}: {printable(name)}"
    marked = sorted({line.pc for line in found.lines if line.pc is not None})
    told: Set[int] = set()
    for line in found.lines:
        if line.pc is None:
            yield line.text
            continue
        before = bisect.bisect_left(marked, line.pc)
        begins = max(line.begins, marked[before - 1] + 1 if before else 0)
        pcs = [line.pc] if line.pc in told else range(begins, line.pc + 1)
        told.add(line.pc)
        words = [texts[pc] for pc in pcs[-_BESIDE:]]
        if len(pcs) > _BESIDE:
            words.insert(0, "...")
        yield f"{line.text:<{_COLUMN}}  # {printable('; '.join(words))}"
