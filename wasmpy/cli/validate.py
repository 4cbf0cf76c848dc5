"""``wasmpy validate``: are these files valid modules?

What belongs here: reading each file and saying what is wrong with it.  What
does not: any rule of validation (``wasmpy.valid``).

As of most such tools: silence and exit code 0 mean yes; ``--verbose`` names
what was valid.  A malformed or invalid module is one line on stderr with its
place, function and rule; below it, indented, stand the instructions around
the one that is wrong and the stack of types before it.  The exit code is 1; a
file that cannot be read is one line and exit code 2.  Every file is looked
at, whatever came before, and the exit code is the highest of all.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Optional

from wasmpy.cli import output
from wasmpy.cli.errors import (
    CommandError,
    ExitCode,
    UsageError,
    error_json,
    error_line,
    print_json,
    print_line,
)
from wasmpy.cli.inspection import Line, context_lines, trace_lines
from wasmpy.cli.source import called, default_features, named, parse_features, read_source
from wasmpy.config import Features
from wasmpy.errors import MALFORMED_RULES, InvalidError, MalformedError, WasmError
from wasmpy.syntax.module import Module
from wasmpy.valid.rules import RuleText, rule_names, rule_text

NAME = "validate"
HELP = "check that modules (.wasm or .wat) are well-formed and valid"
EXAMPLE = """\
wasmpy validate examples/guards/minimal-wat/guard.wasm examples/hello.wat
  wasmpy validate --features=wasm2,-simd --explain examples/math.wat
  wasmpy validate --rule br_if"""

SPEC = "https://webassembly.github.io/spec/core/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``validate``."""
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE",
        help="a file, or - for stdin (the default unless that is a terminal)",
    )  # fmt: skip
    parser.add_argument(
        "--features", metavar="LIST",
        help="such as wasm2, wasm3,-gc or +threads: a preset (wasm1, wasm2, wasm3, all) first, "
        "then names to add or, with a minus, to take away",
    )  # fmt: skip
    parser.add_argument(
        "--explain", action="store_true", help="say the rule that is broken in words"
    )
    parser.add_argument(
        "--rule", metavar="NAME", help="say this rule in words, and end; list names them all"
    )
    parser.add_argument(
        "--trace", action="store_true", help="show the stack of types after each instruction"
    )
    parser.add_argument(
        "--func", type=int, metavar="INDEX", help="with --trace: this function alone"
    )
    parser.add_argument(
        "--customs", action="store_true", help="also check what branch hints are attached to"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="one line per module that is wrong, no context"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also say which modules are valid"
    )


class Checked:
    """What came of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.module: Optional[Module] = None
        self.parsed: Optional[Module] = None
        self.error: Optional[Exception] = None

    @property
    def code(self) -> int:
        """The exit code that it earns."""
        if self.error is None:
            return ExitCode.OK
        return ExitCode.NEGATIVE if isinstance(self.error, WasmError) else ExitCode.USAGE

    @property
    def rule(self) -> Optional[RuleText]:
        """The rule that is broken, where the module is invalid."""
        return rule_text(self.error.rule) if isinstance(self.error, InvalidError) else None


def run(args: argparse.Namespace) -> int:
    """Validate every module named; the exit code is the worst of them."""
    if args.rule is not None:
        return _tell_rule(args)
    if args.func is not None and not args.trace:
        raise UsageError("--func says what --trace shows: give --trace too")
    features = parse_features(args.features, default_features())
    worst = int(ExitCode.OK)
    documents: List[Dict[str, Any]] = []
    for path in args.modules or [named(None)]:
        checked = _check(path, features, customs=args.customs)
        if args.func is not None and checked.error is None:
            checked.error = _untraced(checked, args.func)
        worst = max(worst, checked.code)
        trace: List[Line] = []
        if args.trace and checked.module is not None:
            trace = trace_lines(checked.module, features, args.func, checked.parsed)
        context = context_lines(checked.module, features, checked.error, checked.parsed)
        if args.json:
            documents.append(_document(checked, context, trace, explain=args.explain))
            continue
        for line in trace:
            output.say(line.text)
        if checked.error is not None:
            output.flush()
            _tell_error(checked, [] if args.quiet else context, explain=args.explain)
        elif args.verbose:
            output.say(f"{path}: valid")
    if args.json:
        status = {ExitCode.OK: "ok", ExitCode.NEGATIVE: "invalid"}.get(ExitCode(worst), "error")
        print_json({"command": NAME, "status": status, "exit_code": worst, "modules": documents})
    return worst


def _untraced(checked: Checked, func: int) -> Optional[CommandError]:
    """The error that there is no such function to trace, or None."""
    module = checked.module
    assert module is not None
    end = len(module.functypes())
    first = end - len(module.funcs)
    if first <= func < end:
        return None
    there = f"those with a body are {first} to {end - 1}" if first < end else "none has a body"
    return CommandError(
        f"{checked.path}: there is no function {func} to trace: {there}", path=checked.path
    )


def _tell_rule(args: argparse.Namespace) -> int:
    """A rule of validation, of the formats, or (``end``) of both; or the names of all."""
    known = sorted({*MALFORMED_RULES, *filter(None, rule_names())})
    document: Dict[str, Any] = {"command": NAME, "status": "ok", "exit_code": 0}
    name, lines = args.rule, known
    if name == "list":
        document["rules"] = known
    elif name not in known:
        import difflib

        close = difflib.get_close_matches(name, known, 5)
        hint = f"close: {', '.join(close)}; " if close else ""
        raise UsageError(f"no rule is called {name!r} ({hint}--rule list names them all)")
    else:
        rule = rule_text(name) if name in rule_names() else None
        malformed = MALFORMED_RULES.get(name)
        document["rule"] = None if rule is None else _rule_json(rule)
        document["malformed"] = malformed
        lines = [] if rule is None else [f"{name}: {rule.text}", f"  {SPEC}{rule.anchor}"]
        if malformed is not None:
            lines.append(f"{name}: {malformed} (of a module that is malformed)")
    if args.json:
        print_json(document)
    else:
        for line in lines:
            output.say(line)
    return ExitCode.OK


def _check(path: str, features: Features, *, customs: bool) -> Checked:
    """Read and validate the module at ``path``."""
    from wasmpy.api.module import assemble, locate
    from wasmpy.binary.decode import decode_module
    from wasmpy.valid.custom import validate_customs
    from wasmpy.valid.module import validate_module

    checked = Checked(path)
    try:
        source = read_source(path)
        if isinstance(source, bytes):
            data = source
        else:
            data, checked.parsed = assemble(source, features)
        module = checked.module = decode_module(data, features)
        validate_module(module, features)
        if customs:
            validate_customs(module)
    except InvalidError as error:
        checked.error = error
        if checked.module is not None:
            locate(error, checked.module, checked.parsed)
    except (CommandError, MalformedError) as error:
        checked.error = error
    return checked


def _tell_error(checked: Checked, context: List[Line], *, explain: bool) -> None:
    """The one line about a module that is wrong, the rule at its end; its context below."""
    error = checked.error
    assert error is not None
    text = error_line(error)
    if isinstance(error, CommandError):
        print_line(f"wasmpy: error: {text}")
        return
    rule = getattr(error, "rule", "")
    print_line(f"wasmpy: error: {called(checked.path)}: {text}" + (f" [{rule}]" if rule else ""))
    for line in context:
        print_line(f"  {line.text}")
    told = checked.rule
    if explain and told is not None:
        print_line(f"  rule: {told.name}: {told.text}")
        print_line(f"        {SPEC}{told.anchor}")


def _rule_json(rule: RuleText) -> Dict[str, str]:
    return {"name": rule.name, "text": rule.text, "anchor": rule.anchor, "url": SPEC + rule.anchor}


def _document(
    checked: Checked, context: List[Line], trace: List[Line], *, explain: bool
) -> Dict[str, Any]:
    """One entry of ``modules`` in the JSON document."""
    status = {ExitCode.OK: "valid", ExitCode.NEGATIVE: "invalid"}.get(
        ExitCode(checked.code), "error"
    )
    if isinstance(checked.error, MalformedError):
        status = "malformed"
    document: Dict[str, Any] = {
        "path": checked.path,
        "status": status,
        "error": None if checked.error is None else error_json(checked.error),
    }
    if context:
        document["context"] = [line.to_json() for line in context if line.offset is not None]
    if trace:
        document["trace"] = [line.to_json() for line in trace]
    if explain and checked.rule is not None:
        document["rule"] = _rule_json(checked.rule)
    return document
