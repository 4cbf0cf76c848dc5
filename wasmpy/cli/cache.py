"""``wasmpy cache``: what is kept of compiled modules, and filling and emptying it.

What belongs here: saying what is there, compiling ahead, removing.  What does
not: the cache itself (``wasmpy.tiers.cache``), its use by other commands
(``wasmpy.cli.caching``).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import inspect
import json
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from wasmpy.cli import output
from wasmpy.cli.caching import VARIABLE, add_cache_arguments, directory_of, size_of
from wasmpy.cli.errors import CommandError, ExitCode, UsageError, print_json
from wasmpy.cli.progress import Step, bar
from wasmpy.cli.source import STDIN, default_features, naming, parse_features, read_bytes
from wasmpy.config import Features
from wasmpy.tiers.folder import CacheError

if TYPE_CHECKING:
    from wasmpy.tiers.cache import Cache
    from wasmpy.tiers.entry import Sections
    from wasmpy.tiers.folder import Stored

NAME = "cache"
HELP = "show, empty or fill the compilation cache"
EXAMPLE = """\
wasmpy cache info
  wasmpy cache warm examples/math.wat
  wasmpy cache warm --guard examples/guards/minimal-wat/guard.wasm
  wasmpy cache clear"""

ACTIONS = ("info", "clear", "warm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``cache``."""
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION",
                        help="info: what is there; clear: remove all; "
                        "warm: compile all functions of modules now")  # fmt: skip
    parser.add_argument("modules", nargs="*", default=[], metavar="MODULE",
                        help="for warm: files, or -")  # fmt: skip
    parser.add_argument("--features", metavar="LIST",
                        help="for warm: what the modules may use when they are run")  # fmt: skip
    parser.add_argument("--guard", action="store_true",
                        help="for warm: as the guard host loads them")  # fmt: skip
    add_cache_arguments(parser, off=False)


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse with options and modules in any order."""
    return parser.parse_intermixed_args(argv)


def run(args: argparse.Namespace) -> int:
    """Do what is asked of the cache."""
    if bool(args.modules) != (args.action == "warm"):
        raise UsageError("warm needs at least one MODULE" if args.action == "warm"
                         else f"{args.action} takes no MODULE")  # fmt: skip
    if args.action != "warm" and (args.features or args.guard):
        raise UsageError(f"--features and --guard are not for {args.action}")
    if args.features and args.guard:
        raise UsageError("--guard says what the features are")
    cache = _open(args.cache_dir, args.cache_size)
    fields: Dict[str, Any] = {"directory": cache.directory}
    try:
        fields.update(_ACTIONS[args.action](cache, args))
    except CacheError as error:
        raise CommandError(f"cannot use the cache {error}", path=cache.directory) from error
    if args.json:
        common = {"command": NAME, "status": "ok", "exit_code": 0, "action": args.action}
        print_json({**common, **fields})
    return ExitCode.OK


def _open(named: Optional[str], size: Optional[int]) -> Cache:
    """The cache.  Raises: CommandError if there is none, or it is refused or cannot be used."""
    from wasmpy.tiers.cache import Cache

    directory = directory_of(named)
    if directory is None:
        raise CommandError(f"there is no cache: {VARIABLE} is empty, or there is no home directory")

    max_bytes = size_of(size)

    def unusable(text: str) -> None:
        raise CommandError(f"cannot use the cache: {text}", path=directory)

    try:
        return Cache(directory, max_bytes=max_bytes, warn=unusable)
    except CacheError as error:
        raise CommandError(f"cannot use the cache {error}", path=directory) from error


# info ------------------------------------------------------------------------------------


def _info(cache: Cache, args: argparse.Namespace) -> Dict[str, Any]:
    """What is in the cache, the last used at the end."""
    found = [_entry(stored, sections) for stored, sections in cache.entries()]
    total = sum(entry["bytes"] for entry in found)
    if not args.json:
        from wasmpy.cli.present import shown

        room = _size(cache.max_bytes)
        output.say(f"{cache.directory}: {len(found)} entries, {_size(total)} of {room}")
        for entry in found:
            name = shown(entry["name"] or f"module {str(entry['sha256'])[:12]}", 30)
            what = (
                f"{entry['functions']} functions, {entry['direct']} compiled, "
                f"{entry['metered']} with fuel; {entry['python']}, wasmpy {entry['wasmpy']}"
                if entry["sound"]
                else "damaged, or of another format"
            )
            stale = "" if entry["current"] or not entry["sound"] else "; of no use to this wasmpy"
            output.say(f"  {entry['key'][:12]}  {_size(entry['bytes']):>9}  {name}: {what}{stale}")
    return {"max_bytes": cache.max_bytes, "bytes": total, "entries": found}


def _entry(stored: Stored, sections: Optional[Sections]) -> Dict[str, Any]:
    """What ``info`` says of an entry; what a damaged one cannot tell is null."""
    from wasmpy.tiers.cache import environment
    from wasmpy.tiers.entry import DESCRIPTION, DIRECT, METERED, Damaged

    told: Dict[str, Any] = {}
    if sections is not None:
        with contextlib.suppress(Damaged, OSError, ValueError):
            told = json.loads(sections.read(DESCRIPTION) or b"{}")
    kinds = [] if sections is None else [kind for kind, _ in sections]
    used = datetime.datetime.fromtimestamp(stored.used, datetime.timezone.utc)
    entry = {
        "key": stored.name.partition(".")[0],
        "bytes": stored.size,
        "used": used.isoformat(timespec="seconds"),
        "sound": bool(told),
        "current": bool(told) and all(told.get(k) == v for k, v in environment().items()),
        "direct": kinds.count(DIRECT),
        "metered": kinds.count(METERED),
    }
    for name in ("name", "functions", "sha256", "features", "python", "wasmpy"):
        entry[name] = told.get(name)
    return entry


def _size(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{count / 1024:.1f} KiB"


# clear -----------------------------------------------------------------------------------


def _clear(cache: Cache, args: argparse.Namespace) -> Dict[str, Any]:
    """Remove every entry."""
    count, size = cache.clear()
    if not args.json:
        output.say(f"{count} entries removed, {_size(size)}")
    return {"removed": count, "bytes": size}


# warm ------------------------------------------------------------------------------------


def _warm(cache: Cache, args: argparse.Namespace) -> Dict[str, Any]:
    """Compile every function of the modules, in both forms."""
    if args.modules.count(STDIN) > 1:
        raise UsageError("only one module can be - (standard input)")
    features = (
        _guard_features() if args.guard else parse_features(args.features, default_features())
    )
    done = []
    for path in args.modules:
        found = _warm_one(cache, path, features, None if args.json else bar(path))
        done.append(found)
        if not args.json:
            output.say(
                f"{path}: {found['functions']} functions, {found['compiled']} forms compiled in "
                f"{found['seconds']:.1f} s, {found['had']} were there"
            )
            for item in found["untaken"]:
                func, reason = item["func"], item["reason"]
                output.say(f"  function {func} runs in the reference tier: {reason}")
    return {"modules": done}


def _warm_one(
    cache: Cache, path: str, features: Features, step: Optional[Step]
) -> Dict[str, Any]:
    from pathlib import PurePath

    from wasmpy.api.module import Module, source_of
    from wasmpy.tiers.warm import compile_all

    began = time.monotonic()
    data = read_bytes(path)
    with naming(path):
        source = source_of(data, PurePath(path).suffix.lower())
        module = Module(source, features=features, cache=cache)
    step = step or (lambda done, total: None)
    try:
        warmed = compile_all(module.syntax, module.sidetables, step)
    finally:
        step(-1, 0)
        # What is done is done, also when somebody gets tired of it.
        cache.save()
    untaken: List[Dict[str, Any]] = [
        {"func": func, "reason": reason} for func, reason in sorted(warmed.untaken.items())
    ]
    return {
        "module": path, "functions": warmed.functions, "compiled": warmed.compiled,
        "had": warmed.had, "untaken": untaken, "seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _guard_features() -> Features:
    """What a guard may use unless its host says otherwise."""
    from hostabi import Guard

    found = inspect.signature(Guard).parameters["features"].default
    assert isinstance(found, Features)
    return found


_ACTIONS: Dict[str, Callable[[Any, argparse.Namespace], Dict[str, Any]]] = {
    "info": _info, "clear": _clear, "warm": _warm,
}  # fmt: skip
