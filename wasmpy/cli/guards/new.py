"""``wasmpy guard new``: a new guard project, in one of some languages.

What belongs here: the arguments, and what to do next.  What does not: the
templates (``wasmpy.testing.scaffold``).
"""

from __future__ import annotations

import argparse
from pathlib import PurePath
from shlex import quote

from wasmpy.cli import output
from wasmpy.cli.errors import CommandError, ExitCode, print_json
from wasmpy.cli.present import shown
from wasmpy.testing.scaffold import CASES, LANGUAGES, write_project

HELP = "write a small working guard, with cases and how to build it, into a new folder"
EXAMPLE = "wasmpy guard new wat my-guard"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``guard new``."""
    parser.add_argument("language", choices=tuple(LANGUAGES), metavar="LANG",
                        help="one of " + ", ".join(LANGUAGES))  # fmt: skip
    parser.add_argument("folder", metavar="DIR", help="a folder that is new or empty")


def run(args: argparse.Namespace) -> int:
    """Write the project, and say what to do next."""
    language = LANGUAGES[args.language]
    try:
        files = write_project(args.language, args.folder)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"cannot write {args.folder}: {reason}", path=args.folder) from error
    folder = PurePath(args.folder)
    build = f"sh {quote(str(folder / 'build.sh'))}" if language.builds else None
    guard, cases = (quote(str(folder / name)) for name in (language.guard, CASES))
    test = f"wasmpy guard test {guard} {cases}"
    if args.json:
        print_json({
            "command": "guard", "status": "ok", "exit_code": int(ExitCode.OK),
            "action": args.action, "language": args.language, "folder": args.folder,
            "files": files, "build": build, "test": test,
        })  # fmt: skip
        return ExitCode.OK
    output.say(f"A guard in {language.title} is in {shown(args.folder)}: {', '.join(files)}")
    output.say("Next:")
    if build is not None:
        output.say(f"  {build}   (README.md says what it needs)")
    output.say(f"  {test}")
    return ExitCode.OK
