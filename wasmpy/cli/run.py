"""``wasmpy run``: run a module, as a program or by calling one of its functions.

What belongs here: choosing what to call, giving it a world, and saying how it
ended.  What does not: values as text (``wasmpy.cli.values``).

Without ``--invoke`` the module is a program: its ``_start`` is called, or the
``_initialize`` of a reactor.  It gets the three standard streams, ARGS as
arguments after its file name, and nothing else: no environment, no files,
clocks that only move when they are read, randomness from a fixed seed; options
open more (``wasmpy.cli.world``).  With ``--invoke`` an exported function is
called with ARGS as values, after ``_initialize`` where there is one, and its
results are printed, a line each.

The guest's own exit code is passed through: what the system cannot pass (it
has 8 bits) keeps its low 8 bits, or 1 where those are 0, so that a failure
never looks like a success.  With ``--json`` the guest's standard output goes
to standard error, so that standard output has the document alone.
"""

from __future__ import annotations

import argparse
import re
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from wasmpy.cli import output
from wasmpy.cli.bounds import bound_of, fuel_amount, seconds
from wasmpy.cli.caching import add_cache_arguments
from wasmpy.cli.errors import (
    CommandError,
    ExitCode,
    UsageError,
    error_line,
    print_json,
    print_line,
)
from wasmpy.cli.source import read_module
from wasmpy.cli.tiers import add_fallback, add_tier
from wasmpy.cli.values import parse_values, signature, value_json, value_text
from wasmpy.cli.world import add_world_arguments, make_wasi
from wasmpy.config import ENDLESS_FUEL
from wasmpy.errors import Interrupted, WasiExit, WasmError, WasmTrap, format_frames
from wasmpy.syntax.types import FuncType

if TYPE_CHECKING:
    from wasmpy import Module

NAME = "run"
HELP = "run a module (.wasm or .wat): a WASI program, or one exported function"
EXAMPLE = """\
wasmpy run examples/hello.wat --timeout 5
  wasmpy run examples/greet.wat -- you
  wasmpy run examples/math.wat --invoke add 1 -2 --fuel 1000"""

_LISTED = 40
_NEGATIVE = re.compile(r"-(\d|\.\d|inf|nan)", re.IGNORECASE)
_PLAIN = "\0"
"""Stands before an argument that begins with ``-`` and yet is no option.

No argument of a process can have it; argparse cannot be told in any other way.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``run``."""
    parser.add_argument("module", metavar="MODULE", help="a file, or - for stdin")
    parser.add_argument(
        "args",
        nargs="*",
        default=[],
        metavar="ARGS",
        help="the program's arguments, or the function's; after -- anything may follow",
    )
    parser.add_argument("--invoke", metavar="NAME", help="call this exported function")
    parser.add_argument(
        "--features", metavar="LIST", help="what the module may use, such as wasm2 or +threads,-gc"
    )
    parser.add_argument(
        "--fuel", type=fuel_amount, metavar="N", help="execute at most N instructions"
    )
    parser.add_argument(
        "--timeout", type=seconds, metavar="S", help="run at most S seconds (default: no bound)"
    )
    add_cache_arguments(parser)
    parser.add_argument(
        "--count", action="store_true", help="count instructions without bounding them"
    )
    add_tier(parser)
    add_fallback(parser)
    add_world_arguments(parser)


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse with options and ARGS in any order, negative numbers, and anything after ``--``."""
    own = list(argv)
    rest: List[str] = []
    if "--" in own:
        cut = own.index("--")
        own, rest = own[:cut], own[cut + 1 :]
    marked = [_PLAIN + a if _NEGATIVE.match(a) else a for a in own]
    try:
        args, strange = parser.parse_known_intermixed_args(marked + [_PLAIN + a for a in rest])
    except UsageError as error:
        # argparse shows what it was given, as it is or by its repr.
        shown = error.text.replace(repr(_PLAIN)[1:-1], "").replace(_PLAIN, "")
        raise UsageError(shown) from None
    if strange:
        parser.error(
            f"unrecognized arguments: {' '.join(strange)}; what is for the program stands after --"
        )
    for name, value in vars(args).items():
        setattr(args, name, _unmarked(value))
    return args


def _unmarked(value: Any) -> Any:
    """What was parsed, without the mark of what is no option."""
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    return value[len(_PLAIN) :] if isinstance(value, str) and value.startswith(_PLAIN) else value


def run(args: argparse.Namespace) -> int:
    """Run the module; the guest's exit code, or what became of it."""
    from wasmpy import Linker, Store

    module = read_module(args.module, args.features)
    names, functype, values = _choose(module, args)
    linker = Linker()
    fuel = ENDLESS_FUEL if args.fuel is None and args.count else args.fuel
    store = Store(fuel=fuel, tier=args.tier, fallback=args.fallback)
    left = _countdown(bound_of(args.timeout))
    end = _Ending(args)
    wasi = linker.define_wasi(make_wasi(args))
    try:
        store.deadline = left()
        instance = linker.instantiate(module, store=store)
        for name in names[:-1]:
            instance.exports[name](deadline=left())
        if names:
            end.returned(instance.exports[names[-1]](*values, deadline=left()), functype)
    except WasiExit as stop:
        end.exited(stop.code)
    except WasmTrap as trap:
        end.stopped("trap", ExitCode.TRAP, trap, trap.backtrace())
    except Interrupted as interruption:
        trace = format_frames(interruption.frames)
        end.stopped("interrupted", ExitCode.INTERRUPTED, interruption, trace)
    finally:
        wasi.close()
    return end.tell(None if fuel is None else store.fuel_consumed)


def _countdown(bound: Optional[float]) -> Callable[[], Optional[float]]:
    """What is left of ``bound`` seconds from now on, whenever it is asked; None without a bound."""
    if bound is None:
        return lambda: None
    end = time.monotonic() + bound
    return lambda: max(0.0, end - time.monotonic())


class _Ending:
    """How the guest ended, and how that is told."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._json: bool = args.json
        self._count: bool = args.count
        self._lines: List[str] = []
        self.document: Dict[str, Any] = {
            "command": NAME,
            "status": "ok",
            "exit_code": int(ExitCode.OK),
            "module": args.module,
            "invoke": args.invoke,
            "results": [],
            "guest_exit_code": None,
            "error": None,
        }

    def returned(self, value: Any, functype: FuncType) -> None:
        """The function came back with ``value``."""
        types = functype.results
        found = () if not types else (value,) if len(types) == 1 else value
        self._lines = [value_text(v, t) for v, t in zip(found, types)]
        self.document["results"] = [
            {"type": str(t), "value": value_json(v, t)} for v, t in zip(found, types)
        ]

    def exited(self, code: int) -> None:
        """The guest called ``proc_exit``."""
        self.document.update(status="exit", exit_code=process_code(code), guest_exit_code=code)

    def stopped(self, status: str, code: ExitCode, error: WasmError, trace: str) -> None:
        """The guest did not come to its end."""
        self.document.update(status=status, exit_code=int(code), error=error.to_json())
        if not self._json:
            print_line(f"wasmpy: error: {error_line(error)}")
            for line in trace.splitlines():
                print_line(line)

    def tell(self, instructions: Optional[int]) -> int:
        """Print the results or the document; the exit code."""
        self.document["instructions"] = instructions
        if self._json:
            print_json(self.document)
        else:
            for line in self._lines:
                output.say(line)
            if self._count:
                print_line(f"{instructions:,} instructions")
        return int(self.document["exit_code"])


def process_code(code: int) -> int:
    """The guest's exit code (32 bits) as one of a process (8 bits); what is not 0 stays so."""
    return code if code < 256 else code & 0xFF or 1


def _choose(module: Module, args: argparse.Namespace) -> Tuple[List[str], FuncType, List[Any]]:
    """The exports to call one after the other, the type of the last, and its arguments.

    Raises: CommandError when there is nothing to call, UsageError for
    arguments that do not fit.
    """
    functions = {e.name: e.type for e in module.exports if isinstance(e.type, FuncType)}
    nothing = FuncType((), ())
    startup = [n for n in ("_initialize",) if functions.get(n) == nothing]
    if args.invoke is None:
        if functions.get("_start") == nothing:
            return ["_start"], nothing, []
        if not startup and module.syntax.start is None:
            raise CommandError(
                f"{args.module} has no _start, so --invoke must name one; {_listing(functions)}"
            )
        return startup, nothing, []
    functype = functions.get(args.invoke)
    if functype is None:
        raise CommandError(f"no function {args.invoke!r} is exported; {_listing(functions)}")
    values = parse_values(args.args, functype, args.invoke)
    before = [n for n in startup if n != args.invoke]
    return [*before, args.invoke], functype, values


def _listing(functions: Dict[str, FuncType]) -> str:
    """What ``--invoke`` can call, with signatures, in one line."""
    names = [signature(name, functype) for name, functype in functions.items()]
    shown = names[:_LISTED]
    if len(names) > _LISTED:
        shown.append(f"and {len(names) - _LISTED} more")
    return "there are: " + ("; ".join(shown) if shown else "no functions at all")
