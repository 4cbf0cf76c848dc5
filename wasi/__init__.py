"""WASI preview 1 for guests of wasmpy: sandboxed, closed and deterministic by default.

What belongs here: the names that users need.  Each module of the package says
what it is for; ``abi`` has the interface as a table, ``preview1`` what the
functions do, ``config`` and ``state`` what users hold in their hands.
"""

from __future__ import annotations

from wasi.clocks import Clock, FakeClock, SystemClock
from wasi.config import WasiConfig
from wasi.errno import Errno
from wasi.random import RandomSourceError, SeededRandom, system_random
from wasi.state import Wasi
from wasi.transcript import Event, Transcript

__all__ = [
    "Clock",
    "Errno",
    "Event",
    "FakeClock",
    "RandomSourceError",
    "SeededRandom",
    "SystemClock",
    "Transcript",
    "Wasi",
    "WasiConfig",
    "system_random",
]
