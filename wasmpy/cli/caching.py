"""The cache that a command uses: which directory, how large, and for how long.

What belongs here: ``--cache``, ``--cache-size`` and ``--no-cache``, the environment's
variables, the platform's directory for caches.  What does not: the cache itself
(``wasmpy.tiers.cache``), the command about it (``wasmpy.cli.cache``).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Optional

from wasmpy.cli.bounds import byte_count
from wasmpy.cli.errors import CommandError, print_line

if TYPE_CHECKING:
    from wasmpy.tiers.cache import Cache

VARIABLE = "WASMPY_CACHE_DIR"
"""Names the directory; set but empty, there is no cache."""

SIZE_VARIABLE = "WASMPY_CACHE_SIZE"
"""What the files may take; set but empty, it is as if it were not set."""


def add_cache_arguments(parser: argparse.ArgumentParser, *, off: bool = True) -> None:
    """Declare ``--cache``, ``--cache-size`` and, where it can be ``off``, ``--no-cache``."""
    group = parser.add_argument_group("the compilation cache")
    both = group.add_mutually_exclusive_group()
    both.add_argument(
        "--cache", metavar="DIR", dest="cache_dir", type=_directory,
        help=f"keep compiled modules here (default: {VARIABLE}, or the platform's cache directory)",
    )  # fmt: skip
    if off:
        both.add_argument(
            "--no-cache", action="store_true", help="keep nothing, and use nothing that was kept"
        )
    group.add_argument(
        "--cache-size", metavar="BYTES", type=byte_count,
        help="what the files may take, such as 64M or 2G; those not used for longest go first "
        f"(default: {SIZE_VARIABLE}, or 512M)",
    )  # fmt: skip


def _directory(text: str) -> str:
    """A directory.  Raises: argparse.ArgumentTypeError for an empty name.

    As a path that would be the current directory, where nobody means to keep a cache, and
    none is off for the variable.
    """
    if not text:
        raise argparse.ArgumentTypeError("it names no directory")
    return text


def size_of(given: Optional[int]) -> int:
    """What the files may take: as is given, by the environment, or by default.

    Raises: CommandError.
    """
    from wasmpy.tiers.cache import MAX_BYTES

    text = os.environ.get(SIZE_VARIABLE)
    if given is not None or not text:
        return MAX_BYTES if given is None else given
    try:
        return byte_count(text)
    except argparse.ArgumentTypeError as error:
        raise CommandError(f"{SIZE_VARIABLE}: {error}") from error


def directory_of(named: Optional[str]) -> Optional[str]:
    """The directory: the one that is named, the environment's, the platform's; or None."""
    if named is not None:
        return named
    own = os.environ.get(VARIABLE)
    if own is not None:
        return own or None
    with contextlib.suppress(RuntimeError):  # there is no home
        return str(_platform_directory() / "wasmpy")
    return None


def _platform_directory() -> Path:
    """Where programs of the user keep what can be made again.  Raises: RuntimeError."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    given = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is invalid by the XDG specification, and ignored.
    return Path(given) if given.startswith("/") else Path.home() / ".cache"


def cache_of(named: Optional[str], size: Optional[int] = None) -> Optional[Cache]:
    """The cache a command uses, or None.

    Raises: CommandError, where the directory that was named on the command
    line is refused; of another one a line on stderr says so.
    """
    directory = directory_of(named)
    if directory is None:
        return None
    max_bytes = size_of(size)
    from wasmpy.tiers.cache import Cache
    from wasmpy.tiers.folder import CacheError

    try:
        return Cache(
            directory, max_bytes=max_bytes,
            warn=lambda text: print_line(f"wasmpy: warning: cache: {text}"),
        )  # fmt: skip
    except CacheError as error:
        if named is not None:
            raise CommandError(f"cannot use the cache {error}", path=directory) from error
        if error.reason != "system":
            print_line(f"wasmpy: warning: no cache is used: {error}")
        return None


@contextlib.contextmanager
def in_use(args: argparse.Namespace) -> Iterator[None]:
    """While a command runs that declared the arguments, its modules go through the cache.

    Raises: CommandError.
    """
    if getattr(args, "no_cache", None) is None:
        yield
        return
    cache = None if args.no_cache else cache_of(args.cache_dir, args.cache_size)
    if cache is None:
        yield
        return
    from wasmpy.tiers.shared import use_by_default

    before = use_by_default(cache)
    try:
        yield
    finally:
        use_by_default(before)
        cache.save()
