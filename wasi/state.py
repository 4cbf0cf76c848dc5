"""One guest's WASI state, and the host functions over it.

What belongs here: what is made from a configuration for one guest, going back
to the beginning, and the step from a guest's call to a function of
``wasi.preview1`` and back to an error code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from wasi import abi
from wasi.clocks import Clock, FakeClock
from wasi.config import WasiConfig
from wasi.errno import Errno, ErrnoError
from wasi.fdtable import FdTable
from wasi.preview1 import HANDLERS, Handler, unimplemented
from wasi.random import RandomSource, SeededRandom
from wasi.streams import InputStream, OutputStream
from wasi.transcript import Event, Transcript, decode_args, decode_results
from wasmpy.errors import WasiExit
from wasmpy.syntax.types import Limits, MemType

if TYPE_CHECKING:
    from wasmpy.exec.host import Caller, HostFunc
    from wasmpy.exec.memory import MemInst


class Wasi:
    """What one guest can see and do; give ``imports()`` to its instantiation.

    ``argv`` and ``env`` are as the guest gets them, ``clock`` and ``random``
    where its time and randomness come from, ``fds`` its open descriptors,
    ``transcript`` the events (always empty unless the configuration asks).

    Raises: ValueError, TypeError for a configuration that cannot be.
    """

    def __init__(self, config: Optional[WasiConfig] = None) -> None:
        config = WasiConfig() if config is None else config
        self.argv: List[bytes] = config.encoded_argv()
        self.env: List[bytes] = config.encoded_env()
        self.clock: Clock = FakeClock() if config.clock is None else config.clock
        self.random: RandomSource = (
            SeededRandom(config.seed) if config.random is None else config.random
        )
        self.fds = FdTable(
            InputStream(config.stdin), OutputStream(config.stdout), OutputStream(config.stderr)
        )
        scopes = config.transcript_scopes
        self.transcript = Transcript(
            config.transcript_limit,
            None if scopes is None else list(scopes),
            config.transcript if callable(config.transcript) else None,
        )
        self._recording = bool(config.transcript)

    def imports(self) -> Dict[str, HostFunc]:
        """All 46 functions by name, over this state."""
        from wasmpy.exec.host import HostFunc

        return {
            name: HostFunc(function.functype, self._bind(function), name, abi.MODULE)
            for name, function in abi.FUNCTIONS.items()
        }

    def reset(self) -> None:
        """Back to the initial state: clocks, randomness, descriptors, an empty transcript.

        A clock or a source of randomness that was given is reset if it has a
        ``reset``.  Streams are not rewound; bytes given for stdin are.
        """
        for part in (self.clock, self.random):
            reset = getattr(part, "reset", None)
            if reset is not None:
                reset()
        self.fds.reset()
        self.transcript.clear()

    def _bind(self, function: abi.Function) -> Callable[..., Optional[int]]:
        """The host function for ``function``."""
        handler: Handler = HANDLERS.get(function.name, unimplemented)
        if self._recording and self.transcript.wants(function):
            return self._recorded(function, handler)

        def call(caller: Caller, *args: int) -> Optional[int]:
            memory = caller.memory()
            try:
                handler(self, caller, _no_memory() if memory is None else memory, *args)
            except ErrnoError as error:
                return int(error.errno)
            return 0

        return call

    def _recorded(self, function: abi.Function, handler: Handler) -> Callable[..., Optional[int]]:
        """The host function for ``function``, with an event for each call."""

        def call(caller: Caller, *args: int) -> Optional[int]:
            given = caller.memory()
            memory = _no_memory() if given is None else given
            decoded = decode_args(function, memory, args)
            errno: Optional[Errno] = None
            results: Dict[str, Any] = {}
            raised: Optional[str] = None
            try:
                handler(self, caller, memory, *args)
                errno = Errno.ESUCCESS
                results = decode_results(function, memory, args, decoded)
            except ErrnoError as error:
                errno = error.errno
            except WasiExit:
                raise
            except BaseException as error:
                raised = type(error).__name__
                raise
            finally:
                self.transcript.add(
                    Event(
                        self.transcript.calls,
                        function.name,
                        function.scope,
                        decoded,
                        None if errno is None else errno.name,
                        results,
                        handler is not unimplemented,
                        raised,
                    )
                )
            return int(errno)

        return call


def _no_memory() -> MemInst:
    """What a guest without a memory has: one of no bytes, in which no pointer is good."""
    from wasmpy.exec.memory import MemInst

    return MemInst(MemType(Limits(0, 0)), 0)
