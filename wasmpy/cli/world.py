"""What a program is given on the command line: files, sockets, environment, time, randomness.

What belongs here: the options of ``run`` that open something to a guest, and
the WASI state that they make.  What does not: running the guest
(``wasmpy.cli.run``).

A directory is named as ``HOST::GUEST``; without ``::GUEST`` the guest's name
for it is the host's.
"""

from __future__ import annotations

import argparse
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Dict, Tuple

from wasmpy.cli.bounds import byte_count, name_count
from wasmpy.cli.errors import CommandError, UsageError, print_line
from wasmpy.cli.source import STDIN

if TYPE_CHECKING:
    from wasi import Wasi, WasiConfig
    from wasi.config import Preopen
    from wasi.fs.base import FileSystem

_REPEATED = (
    ("--dir", "HOST[::GUEST][:ro|:rw]", "a directory of this machine, with :ro only to be read"),
    ("--tmp", "GUEST", "an empty directory in memory"),
    ("--zip", "FILE::GUEST", "the files of a zip or tar archive, to be read"),
    ("--overlay", "HOST[::GUEST]", "a directory of this machine whose changes stay in memory"),
    ("--env", "NAME[=VALUE]", "an environment variable; without =VALUE its own value here"),
    ("--listen", "HOST:PORT", "a TCP listener; port 0 is a free one"),
)
"""Options that can be given several times: the option, what follows it, and its help."""

_ALL = "all"
_SEED_MAX = (1 << 64) - 1


def add_world_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that open something to a program."""
    world = parser.add_argument_group("what the program is given")
    for option, metavar, text in _REPEATED:
        world.add_argument(option, action="append", default=[], metavar=metavar, help=text)
    world.add_argument(
        "--quota", type=byte_count, metavar="BYTES",
        help="what it may add to each directory of --dir, --tmp and --overlay, such as 64M",
    )  # fmt: skip
    world.add_argument(
        "--quota-names", type=name_count, metavar="N",
        help="how many files, directories and links it may add to each",
    )  # fmt: skip
    world.add_argument("--env-inherit", action="store_true", help="the whole environment")
    world.add_argument("--stdin", metavar="FILE", help="read standard input from a file")
    world.add_argument(
        "--real-clock", "--system-clock", action="store_true", help="real time, real sleeping"
    )
    world.add_argument(
        "--real-random", "--system-random", action="store_true", help="real randomness"
    )
    world.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="what the randomness is made from"
    )
    world.add_argument(
        "--log",
        metavar="SCOPES",
        help="print WASI calls on stderr: all, or some of clock,filesystem,poll,proc,random,sock",
    )
    world.add_argument(
        "--wasi-transcript", action="store_const", dest="log", const=_ALL, help="as --log all"
    )


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _SEED_MAX):
        raise argparse.ArgumentTypeError(f"a seed is a number of 64 bits, not {text!r}")
    return int(text)


def make_wasi(args: argparse.Namespace) -> Wasi:
    """The WASI state with the world that the options open; close it.

    Raises: UsageError; CommandError for what this machine does not give.
    """
    from wasi import Wasi
    from wasi.fs import ContainmentError

    config = _config(args)
    try:
        wasi = Wasi(config)
    except ContainmentError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        where = error.filename or ", ".join(args.listen)
        raise CommandError(
            f"cannot give {where}: {error.strerror or error}{_one_colon(args, where)}"
        ) from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    for host, port, *_ in wasi.addresses:
        print_line(f"wasmpy: listening on {f'[{host}]' if ':' in host else host}:{port}")
    return wasi


def _one_colon(args: argparse.Namespace, where: str) -> str:
    """What to say of a directory that was named with a single colon, as other runtimes do."""
    meant = any(item.startswith(where) for item in args.dir) and ":" in where.lstrip(":")
    return " (the guest's name for it stands after two colons, HOST::GUEST)" if meant else ""


def _config(args: argparse.Namespace) -> WasiConfig:
    """The world that the options open, before anything of it is opened.  Raises: UsageError."""
    from wasi import WasiConfig

    config = WasiConfig()
    config.inherit_stdin()
    config.inherit_stdout()
    config.inherit_stderr()
    if args.json:
        config.stdout = config.stderr
    program_args = args.args if args.invoke is None else []
    config.argv = [STDIN if args.module == STDIN else PurePath(args.module).name, *program_args]
    config.env = _environment(args)
    _give_directories(config, args)
    config.listeners = args.listen
    config.seed = args.seed
    if args.stdin is not None:
        try:
            config.stdin_file = args.stdin
        except OSError as error:
            raise CommandError(f"cannot read {args.stdin}: {error.strerror}") from error
    if args.real_clock:
        config.use_system_clock()
    if args.real_random:
        config.use_system_random()
    if args.log is not None:
        config.transcript = lambda event: print_line(f"wasi: {event}")
        config.transcript_scopes = None if args.log == _ALL else args.log.split(",")
    return config


def _environment(args: argparse.Namespace) -> Dict[str, str]:
    """The environment that the options name.  Raises: UsageError."""
    env = dict(os.environ) if args.env_inherit else {}
    for item in args.env:
        name, given, value = item.partition("=")
        if not name or not (given or name in os.environ):
            raise UsageError(f"--env {item}: no such variable here, and no value given")
        env[name] = value if given else os.environ[name]
    return env


def _give_directories(config: WasiConfig, args: argparse.Namespace) -> None:
    """Give what the options for directories name.  Raises: UsageError, CommandError."""
    from wasi.config import HostDirectory
    from wasi.fs import ArchiveError, ContainmentError, MemoryFileSystem, OverlayFileSystem
    from wasi.fs.host import HostFileSystem

    preopens: Dict[str, Preopen] = {}
    # What is not given is what each kind has by itself.
    limits = {"max_bytes": args.quota, "max_nodes": args.quota_names}
    quota: Dict[str, int] = {name: limit for name, limit in limits.items() if limit is not None}

    def give(option: str, guest: str, preopen: Preopen) -> None:
        if not guest:
            raise UsageError(f"{option}: the guest's name is empty")
        if guest in preopens:
            raise UsageError(f"{option}: the guest has a directory {guest!r} already")
        preopens[guest] = preopen

    for item in args.dir:
        read_only = item.endswith(":ro")
        host, guest = _pair(item[: -len(":ro")] if item.endswith((":ro", ":rw")) else item)
        if not host:
            raise UsageError(f"--dir {item}: the directory of this machine is not named")
        give(f"--dir {item}", guest, HostDirectory(host, read_only, **quota))
    for item in args.tmp:
        give(f"--tmp {item}", item, MemoryFileSystem(**quota))
    try:
        for item in args.zip:
            host, guest = _pair(item)
            give(f"--zip {item}", guest, _archive(host))
        for item in args.overlay:
            host, guest = _pair(item)
            give(f"--overlay {item}", guest, OverlayFileSystem(HostFileSystem(host), **quota))
    except OSError as error:
        raise CommandError(f"cannot give {host}: {error.strerror or error}") from error
    except (ArchiveError, ContainmentError) as error:
        raise CommandError(f"cannot give {host}: {error}") from error
    config.preopens = preopens


def _pair(item: str) -> Tuple[str, str]:
    """The host's name and the guest's in ``HOST::GUEST``."""
    host, colons, guest = item.partition("::")
    return host, guest if colons else host


def _archive(path: str) -> FileSystem:
    """The files of a zip or tar archive."""
    import zipfile

    from wasi.fs.archive import ArchiveFileSystem

    if zipfile.is_zipfile(path):
        return ArchiveFileSystem.from_zip(path)
    return ArchiveFileSystem.from_tar(path)
