"""What a guest is given: arguments, environment, streams, time, randomness.

What belongs here: the configuration and its defaults.  What does not: a
guest's state (``wasi.state``).

Closed and deterministic unless opened, field by field: no arguments, no
environment; stdin at end of file; stdout and stderr vanish; clocks that move
when they are read; randomness from a seed.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import (
    Any,
    Callable,
    Collection,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from wasi.clocks import Clock, SystemClock
from wasi.random import RandomSource, system_random
from wasi.transcript import Event

Text = Union[str, bytes]


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
        self.stdin = sys.stdin

    def inherit_stdout(self) -> None:
        """Let the guest write to the process's standard output."""
        self.stdout = sys.stdout

    def inherit_stderr(self) -> None:
        """Let the guest write to the process's standard error."""
        self.stderr = sys.stderr

    def use_system_clock(self) -> None:
        """Give the real time; a sleep then really waits."""
        self.clock = SystemClock()

    def use_system_random(self) -> None:
        """Give real, secure randomness."""
        self.random = system_random

    def encoded_argv(self) -> List[bytes]:
        """The arguments as the guest gets them, less the NUL at the end of each.

        Raises: ValueError for an argument with a NUL inside.
        """
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


def _c_string(text: Text, what: str) -> bytes:
    """``text`` as bytes that can end with a NUL."""
    # surrogateescape: bytes of the process's own arguments that are no UTF-8 stay what they are.
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    if b"\0" in data:
        raise ValueError(f"an {what} cannot have a NUL inside: {text!r}")
    return data
