"""One guest's WASI state, and the host functions over it.

What belongs here: what is made from a configuration for one guest, going back
to the beginning, and the step from a guest's call to a function of
``wasi.preview1`` and back to an error code.  What does not: opening what the
configuration names (``wasi.world``).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from wasi import abi
from wasi.clocks import Clock, FakeClock
from wasi.config import WasiConfig
from wasi.errno import Errno, ErrnoError
from wasi.fdtable import FdTable
from wasi.fs.held import descriptors_to_spare
from wasi.preview1 import HANDLERS, UNSTABLE, Handler
from wasi.random import RandomSource, SeededRandom
from wasi.transcript import Event, Transcript, decode_args, decode_results
from wasi.world import World
from wasmpy.errors import ConcurrencyError, WasiExit
from wasmpy.syntax.types import Limits, MemType

if TYPE_CHECKING:
    from wasmpy.exec.host import Caller, HostFunc
    from wasmpy.exec.memory import MemInst


class Wasi:
    """What one guest can see and do; give ``imports()`` to its instantiation.

    ``argv`` and ``env`` are as the guest gets them, ``clock`` and ``random``
    where its time and randomness come from, ``fds`` its open descriptors,
    ``transcript`` the events (always empty unless the configuration asks).
    ``close`` it (or use ``with``) when the guest is not needed any more.

    One thread at a time: a call while another thread is in one raises
    ConcurrencyError; ``reset`` and ``close`` wait for the call under way.

    Raises: ValueError, TypeError for a configuration that cannot be; OSError
    for a directory or an address that the host does not give.
    """

    def __init__(self, config: Optional[WasiConfig] = None) -> None:
        config = WasiConfig() if config is None else config
        self.argv: List[bytes] = config.encoded_argv()
        self.env: List[bytes] = config.encoded_env()
        self.clock: Clock = FakeClock() if config.clock is None else config.clock
        self.random: RandomSource = (
            SeededRandom(config.seed) if config.random is None else config.random
        )
        scopes = config.transcript_scopes
        self.transcript = Transcript(
            config.transcript_limit,
            None if scopes is None else list(scopes),
            config.transcript if callable(config.transcript) else None,
        )
        # Reentrant: what a call of a guest calls of the host's may use the state.
        self._entered = threading.RLock()
        self._recording = bool(config.transcript)
        self._overrides = {
            name: _overriding(fn) for name, fn in config.checked_overrides().items()
        }
        self._world = World(config, self.clock)
        limit = config.max_open
        if self._world.uses_descriptors:
            limit = min(limit, descriptors_to_spare())
        self.fds = FdTable(self._world.descriptors, limit)

    def imports(self, module: str = abi.MODULE) -> Dict[str, HostFunc]:
        """All functions of ``module`` by name, over this state.

        ``wasi_snapshot_preview1`` has 46, the older ``wasi_unstable`` 45.
        Raises: ValueError for another module.
        """
        from wasmpy.exec.host import HostFunc

        if module not in _INTERFACES:
            raise ValueError(f"a WASI interface is one of {', '.join(_INTERFACES)}, not {module!r}")
        functions, handlers = _INTERFACES[module]
        return {
            name: HostFunc(
                function.functype,
                self._bind(function, self._overrides.get(name, handlers[name])),
                name,
                module,
            )
            for name, function in functions.items()
        }

    @property
    def addresses(self) -> List[Tuple[Any, ...]]:
        """Where the listeners listen, in their order: what was port 0 is the port that it got."""
        return self._world.addresses

    def reset(self) -> None:
        """Back to the initial state: clocks, randomness, descriptors, an empty transcript.

        A clock or a source of randomness that was given is reset if it has a
        ``reset``.  Streams are not rewound; bytes given for stdin are.  What the
        guest opened is closed; a file system of its own has its first content
        again, and the host's directories stay as they are.
        """
        with self._entered:
            for part in (self.clock, self.random):
                reset = getattr(part, "reset", None)
                if reset is not None:
                    reset()
            self.fds.close_all()
            self._world.reset()
            self.fds.reset()
            self.transcript.clear()

    def close(self) -> None:
        """Close what the guest has open, and what was opened for it; twice is harmless.

        Waits for a call that another thread is in.  To end one that waits itself,
        interrupt the guest first.
        """
        with self._entered:
            try:
                self.fds.close_all()
            finally:
                self._world.close()

    def _enter(self) -> None:
        """No other thread in here, until ``_entered`` is released.  Raises: ConcurrencyError."""
        if not self._entered.acquire(blocking=False):
            raise ConcurrencyError("another thread is using this guest's WASI state")

    def __enter__(self) -> Wasi:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _bind(self, function: abi.Function, handler: Handler) -> Callable[..., Optional[int]]:
        """The host function for ``function``."""
        memory_of = _memory_finder()
        if self._recording and self.transcript.wants(function):
            recorded = self._recorded(function, handler)

            def alone(caller: Caller, *args: int) -> Optional[int]:
                self._enter()
                try:
                    return recorded(caller, *args)
                finally:
                    self._entered.release()

            return alone

        def call(caller: Caller, *args: int) -> Optional[int]:
            self._enter()
            try:
                handler(self, caller, memory_of(caller), *args)
            except ErrnoError as error:
                return int(error.errno)
            finally:
                self._entered.release()
            return 0

        return call

    def _recorded(self, function: abi.Function, handler: Handler) -> Callable[..., Optional[int]]:
        """The host function for ``function``, with an event for each call."""
        memory_of = _memory_finder()

        def call(caller: Caller, *args: int) -> Optional[int]:
            memory = memory_of(caller)
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
                        raised,
                    )
                )
            return int(errno)

        return call


_INTERFACES: Dict[str, Tuple[Dict[str, abi.Function], Dict[str, Handler]]] = {
    abi.MODULE: (abi.FUNCTIONS, HANDLERS),
    abi.MODULE_0: (abi.FUNCTIONS_0, UNSTABLE),
}
"""The functions and what they do, by the name of the module."""


def _overriding(fn: Callable[..., Any]) -> Handler:
    """A user's function as one of ours: it is given the caller and the arguments alone."""

    def handler(wasi: Wasi, caller: Caller, memory: MemInst, *args: int) -> None:
        answer = fn(caller, *args)
        if answer:
            raise ErrnoError(Errno(answer))

    return handler


def _memory_finder() -> Callable[[Caller], MemInst]:
    """Finds the memory that a guest's pointers are into: its export ``memory``, else memory 0.

    A guest without a memory has one of no bytes, in which no pointer is good.
    """
    from wasmpy.exec.memory import MemInst

    def find(caller: Caller) -> MemInst:
        memory = caller.export("memory")
        if isinstance(memory, MemInst):
            return memory
        first = caller.memory()
        return MemInst(MemType(Limits(0, 0)), 0) if first is None else first

    return find
