"""What a guest is given: arguments, environment, streams, files, sockets, time, randomness.

What belongs here: the configuration and its defaults.  What does not: a
guest's state (``wasi.state``).

Closed and deterministic unless opened, field by field: no arguments, no
environment; stdin at end of file; stdout and stderr vanish; no directories and
no listeners; clocks that move when they are read; randomness from a seed.
"""

from __future__ import annotations

import dataclasses
import difflib
import io
import os
import sys
from pathlib import Path
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from wasi import abi
from wasi.clocks import Clock, SystemClock
from wasi.fs.base import FileSystem
from wasi.random import RandomSource, system_random
from wasi.sockets import ListenerSource
from wasi.transcript import Event

Text = Union[str, bytes]


class HostDirectory(NamedTuple):
    """A directory of the host's that a guest is given, and how much it may add there."""

    path: str
    read_only: bool = False
    max_bytes: Optional[int] = None
    """Bytes that files may grow by, less what the guest takes away; None is no limit."""
    max_nodes: Optional[int] = None
    """Names that may come, less those that the guest takes away; None is no limit."""


Preopen = Union[FileSystem, HostDirectory, str, "os.PathLike[str]"]
"""What can be behind a directory that is open from the start: a path is the host's directory."""


@dataclasses.dataclass
class WasiConfig:
    """The world that a guest sees; field names follow wasmtime-py.

    A ``Wasi`` is made from it and takes its own copy of ``argv`` and ``env``;
    the streams, a clock and a source of randomness that are given are shared
    by all made from it.

    >>> WasiConfig(argv=["prog", "-v"], env={"LANG": "C"}).stdin is None
    True
    """

    argv: Sequence[Text] = ()
    """The arguments, the program's name first."""
    env: Union[Mapping[str, str], Iterable[Tuple[Text, Text]]] = ()
    """The environment, in the order in which the guest will see it."""
    stdin: Any = None
    """None for end of file, or bytes, a readable file object, or a callback ``(n) -> bytes``."""
    stdout: Any = None
    """None to discard, or a writable file object, or a callback ``(data) -> count | None``."""
    stderr: Any = None
    """As ``stdout``."""
    clock: Optional[Clock] = None
    """None for a ``FakeClock`` of the guest's own."""
    random: Optional[RandomSource] = None
    """None for a ``SeededRandom`` of the guest's own, from ``seed``."""
    seed: int = 0
    """What the randomness is made from, unless ``random`` is given."""
    tty: Optional[Collection[int]] = None
    """Which of the streams 0, 1 and 2 are terminals; None for those that say so."""
    preopens: Mapping[str, Preopen] = dataclasses.field(default_factory=dict)
    """The directories that are open from the start, by the guest's name for each."""
    listeners: Sequence[ListenerSource] = ()
    """Where a guest may accept connections: listening sockets, or ``"host:port"``."""
    max_open: int = 1_024
    """How many descriptors can be open at once; one more is EMFILE."""
    overrides: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    """Functions in the place of ours, by name: ``fn(caller, *args)`` answers an errno."""
    transcript: Union[bool, Callable[[Event], None]] = False
    """True to keep an event for each call, or a callback that gets them instead."""
    transcript_limit: int = 10_000
    """How many events are kept; the oldest give way."""
    transcript_scopes: Optional[Collection[str]] = None
    """Only these scopes (of ``wasi.abi.SCOPES``); None for all."""

    def inherit_argv(self) -> None:
        """Give the process's own arguments."""
        self.argv = list(sys.argv)

    def inherit_env(self) -> None:
        """Give the process's own environment."""
        self.env = dict(os.environ)

    def inherit_stdin(self) -> None:
        """Let the guest read the process's standard input."""
        self.stdin = _inherited(sys.stdin)

    def inherit_stdout(self) -> None:
        """Let the guest write to the process's standard output."""
        self.stdout = _inherited(sys.stdout)

    def inherit_stderr(self) -> None:
        """Let the guest write to the process's standard error."""
        self.stderr = _inherited(sys.stderr)

    def preopen_dir(
        self, host_path: Union[str, os.PathLike[str]], guest_path: str,
        fs_mutable: bool = True,  # noqa: FBT001, FBT002 - wasmtime-py's third parameter
        *, read_only: bool = False,
        max_bytes: Optional[int] = None, max_nodes: Optional[int] = None,
    ) -> None:  # fmt: skip
        """Give the host's directory ``host_path``, which the guest knows as ``guest_path``.

        It can only be read if it is ``read_only`` or not ``fs_mutable``.
        Of what it adds there, no more than ``max_bytes`` and ``max_nodes``: EDQUOT.

        Raises: OSError if it is none.
        """
        path = os.fspath(host_path)
        with os.scandir(path):
            pass  # it is there, a directory, and may be read
        given = HostDirectory(path, read_only or not fs_mutable, max_bytes, max_nodes)
        self.preopens = {**self.preopens, guest_path: given}

    def _open_stdin(self, path: Union[str, bytes, os.PathLike[Any]]) -> None:
        self.stdin = Path(os.fsdecode(path)).open("rb")  # noqa: SIM115 - the guest's from now on

    def _open_stdout(self, path: Union[str, bytes, os.PathLike[Any]]) -> None:
        self.stdout = Path(os.fsdecode(path)).open("wb", buffering=0)  # noqa: SIM115

    def _open_stderr(self, path: Union[str, bytes, os.PathLike[Any]]) -> None:
        self.stderr = Path(os.fsdecode(path)).open("wb", buffering=0)  # noqa: SIM115

    stdin_file = property(None, _open_stdin, doc="Set it to read stdin from a file.")
    stdout_file = property(None, _open_stdout, doc="Set it to write stdout to a file, made empty.")
    stderr_file = property(None, _open_stderr, doc="Set it to write stderr to a file, made empty.")

    def _call_stdout(self, callback: Callable[[bytes], Optional[int]]) -> None:
        self.stdout = callback

    def _call_stderr(self, callback: Callable[[bytes], Optional[int]]) -> None:
        self.stderr = callback

    stdout_custom = property(None, _call_stdout, doc="As ``stdout`` with a callback.")
    stderr_custom = property(None, _call_stderr, doc="As ``stderr`` with a callback.")

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field.  Raises: AttributeError for a name that means nothing."""
        if not hasattr(type(self), name) and name not in self.__dataclass_fields__:
            near = difflib.get_close_matches(name, dir(type(self)), 1)
            raise AttributeError(
                f"WasiConfig has no {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        super().__setattr__(name, value)

    def use_system_clock(self) -> None:
        """Give the real time; a sleep then really waits."""
        self.clock = SystemClock()

    def use_system_random(self) -> None:
        """Give real, secure randomness."""
        self.random = system_random

    def encoded_argv(self) -> List[bytes]:
        """The arguments as the guest gets them, less the NUL at the end of each.

        Raises: ValueError for an argument with a NUL inside, TypeError for one text in place of
        a sequence of them.
        """
        if isinstance(self.argv, (str, bytes)):
            raise TypeError(f"argv is a sequence of arguments, not {type(self.argv).__name__}")
        return [_c_string(arg, "argument") for arg in self.argv]

    def encoded_env(self) -> List[bytes]:
        """The environment as ``NAME=VALUE``, less the NUL at the end of each.

        Raises: ValueError for a name that is empty or has ``=``, and for a NUL.
        """
        pairs = self.env.items() if isinstance(self.env, Mapping) else self.env
        encoded = []
        for name, value in pairs:
            key = _c_string(name, "environment variable's name")
            if not key or b"=" in key:
                raise ValueError(f"an environment variable's name is not {name!r}")
            encoded.append(key + b"=" + _c_string(value, "environment variable"))
        return encoded

    def named_preopens(self) -> Dict[bytes, Preopen]:
        """The directories that are open from the start, by their names as the guest gets them.

        Raises: ValueError for a name that is empty or has a NUL inside.
        """
        named = {}
        for name, preopen in self.preopens.items():
            encoded = _c_string(name, "open directory's name")
            if not encoded:
                raise ValueError("a directory's name for the guest is not empty")
            named[encoded] = preopen
        return named

    def checked_overrides(self) -> Mapping[str, Callable[..., Any]]:
        """The functions in the place of ours.  Raises: ValueError for a name that is none."""
        unknown = set(self.overrides) - set(abi.FUNCTIONS)
        if unknown:
            raise ValueError(f"WASI has no function {', '.join(sorted(unknown))}")
        return self.overrides


def _inherited(stream: Any) -> Any:
    """A standard stream of the process, or a closed one if the process was started without."""
    if stream is not None:
        return stream
    closed = io.BytesIO()
    closed.close()
    return closed


def _c_string(text: Text, what: str) -> bytes:
    """``text`` as bytes that can end with a NUL."""
    # surrogateescape: bytes of the process's own arguments that are no UTF-8 stay what they are.
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    if b"\0" in data:
        raise ValueError(f"no NUL can be inside an {what}: {text!r}")
    return data
