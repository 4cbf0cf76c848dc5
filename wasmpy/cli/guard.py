"""``wasmpy guard``: what is done with a guard; the first word says which.

What belongs here: choosing the action and its overview.  What does not: the
actions; each has a file in ``wasmpy.cli.guards``.
"""

from __future__ import annotations

import argparse
import difflib
from typing import List, Sequence

from wasmpy.cli import command_parser
from wasmpy.cli.errors import ExitCode, UsageError
from wasmpy.cli.guards import ACTIONS, help_of, load_action

NAME = "guard"
HELP = "ask a guard for labels, test it, begin a new one"
EXAMPLE = """\
wasmpy guard label-agent examples/guards/minimal-wat/guard.wat --policy examples/policy.json
  wasmpy guard label-agent --help"""

_ANYWHERE = ("--json", "--traceback")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action and what follows it."""
    parser.add_argument("action", choices=tuple(ACTIONS), metavar="ACTION",
                        help="one of " + ", ".join(ACTIONS))  # fmt: skip
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT",
                        help="the action's own: see `wasmpy guard ACTION --help`")  # fmt: skip


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse what follows ``guard`` by the action's own arguments.

    Raises: UsageError.
    """
    before: List[str] = []
    rest = list(argv)
    while rest and rest[0] in _ANYWHERE:
        before.append(rest.pop(0))
    if rest and rest[0] in ("-h", "--help", "help"):
        parser.description = overview()
        parser.print_help()
        raise SystemExit(int(ExitCode.OK))
    if not rest or rest[0] not in ACTIONS:
        raise UsageError(_unknown(rest[0] if rest else ""))
    action = rest.pop(0)
    module = load_action(action)
    own = command_parser(module, f"{NAME} {action}")
    own.description = help_of(action)
    own_parse = getattr(module, "parse", None)
    args = own.parse_args(before + rest) if own_parse is None else own_parse(own, before + rest)
    assert isinstance(args, argparse.Namespace)
    args.action = action
    return args


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    return int(load_action(args.action).run(args))


def overview() -> str:
    """The actions, a line each."""
    lines = [HELP, "", "actions:"]
    for name in ACTIONS:
        try:
            text = help_of(name)
        except Exception as error:  # noqa: BLE001 - one action's defect is not the others'
            text = f"(cannot be loaded: {type(error).__name__}: {error})"
        lines.append(f"  {name:<15} {text}")
    return "\n".join(lines)


def _unknown(word: str) -> str:
    """The line for an action that does not exist."""
    known = f"(actions: {', '.join(ACTIONS)})"
    if not word or word.startswith("-"):
        return f"guard needs an action first {known}"
    near = difflib.get_close_matches(word, ACTIONS, 1)
    meant = f"; did you mean `{near[0]}`?" if near else ""
    return f"unknown action {word!r}{meant} {known}"
