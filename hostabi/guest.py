"""The running instance of a guard: calling it within its bounds, and making it anew.

What belongs here: instantiation with the imports a guard gets, one bounded
call of an export with every way it can end made one of our errors, and
reset.  What does not: the order of calls that makes an invocation
(``invocation``), and what an error does to the guard (``guard``).
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Optional

from hostabi import abi
from hostabi.backend import STDERR, STDOUT, HostSide, guarded
from hostabi.errors import (
    GuardCallError,
    GuardCancelled,
    GuardExit,
    GuardExitZero,
    GuardFuelExhausted,
    GuardLoadError,
    GuardMemoryExhausted,
    GuardProtocolError,
    GuardTimeout,
    GuardTrap,
)
from wasi import Wasi, WasiConfig
from wasmpy.api.instance import Func, Instance
from wasmpy.api.module import Module
from wasmpy.api.store import Store
from wasmpy.config import ENDLESS_FUEL, Limits
from wasmpy.errors import (
    InternalError,
    Interrupted,
    LinkError,
    ResetError,
    Resource,
    WasiExit,
    WasmError,
    WasmTrap,
)
from wasmpy.exec.memory import MemInst
from wasmpy.syntax.types import I32


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What a guard may use: limits of its store, and of each invocation.

    ``fuel`` in executed instructions is for one invocation with all its
    attempts, ``timeout`` in seconds for one call of the guard with all it
    takes, a reset and the policy's replay included; None for any amount.
    ``count`` has instructions counted without a bound too.
    """

    limits: Limits
    fuel: Optional[int] = None
    timeout: Optional[float] = None
    count: bool = False

    @property
    def given(self) -> Optional[int]:
        """The fuel that an invocation is given; None where nothing is counted."""
        return ENDLESS_FUEL if self.fuel is None and self.count else self.fuel


class Guest:
    """One instance of a guard's module, with its store and its WASI state.

    ``start_clock`` and ``begin`` start the count of what may be used.

    Raises: GuardLoadError.
    """

    def __init__(
        self, module: Module, name: str, host: HostSide, bounds: Bounds, *,
        initialize: bool = True, stdout: Any = None, stderr: Any = None,
        tier: Optional[str] = None,
    ) -> None:  # fmt: skip
        self._module = module
        self._name = name
        self._host = host
        self._bounds = bounds
        self._initialize = initialize
        self._until: Optional[float] = None
        self._refused_before = 0
        self._fuel_before = 0
        self._cancelled = False
        self._wasi = Wasi(
            WasiConfig(
                stdout=host.stream(STDOUT) if stdout is None else guarded(stdout, STDOUT),
                stderr=host.stream(STDERR) if stderr is None else guarded(stderr, STDERR),
            )
        )
        self._tier = tier
        self._store = Store(bounds.limits, tier=tier)
        self._instance = self._instantiate()

    # -- bounds ---------------------------------------------------------------

    def forget_cancellation(self) -> None:
        """A call of the guard is about to begin: what was to stop an earlier one is over."""
        self._cancelled = False
        self._store.clear_interrupt()

    def start_clock(self) -> None:
        """A call of the guard begins: the deadline is set."""
        timeout = self._bounds.timeout
        self._until = None if timeout is None else time.monotonic() + timeout

    def begin(self) -> None:
        """Begin an invocation, with full fuel."""
        self._store.fuel = self._bounds.given
        self._refused_before = self.refused_growths
        self._fuel_before = self._store.fuel_consumed

    @property
    def time_left(self) -> Optional[float]:
        """Seconds left of the invocation, None for any number."""
        return None if self._until is None else self._until - time.monotonic()

    @property
    def cancelled(self) -> bool:
        """Whether the call under way was cancelled."""
        return self._cancelled

    @property
    def fuel_used(self) -> Optional[int]:
        """Instructions executed in the invocation so far; None where they are not counted."""
        if self._bounds.given is None:
            return None
        return self._store.fuel_consumed - self._fuel_before

    def cancel(self) -> None:
        """Stop what is running, and what the same call would run next; from any thread."""
        self._cancelled = True
        self._store.interrupt()

    # -- what there is --------------------------------------------------------

    @property
    def memory(self) -> Optional[MemInst]:
        """Memory 0, whatever it is exported as, or None."""
        mem = self._instance.memory
        return None if mem is None else mem.inst

    @property
    def pages(self) -> int:
        """Pages of memory 0; 0 without one."""
        mem = self.memory
        return 0 if mem is None else mem.pages

    @property
    def refused_growths(self) -> int:
        """How often memory 0 was not allowed to grow."""
        mem = self.memory
        return 0 if mem is None else mem.refused

    def exports_function(self, name: str) -> bool:
        """Whether ``name`` is an exported function."""
        return isinstance(self._instance.get(name), Func)

    # -- calls ----------------------------------------------------------------

    def call(self, function: str, during: str, *args: int) -> Optional[int]:
        """Call the export ``during`` for the label function ``function``; its raw result, or None.

        Raises: GuardCallError of the kind that says how the call ended.
        """
        func = self._instance.get(during)
        if not isinstance(func, Func):
            raise GuardProtocolError(
                f"{during} is not exported from WASM module", function, "export"
            )
        if func.type.params != (I32,) * len(args):
            raise GuardProtocolError(
                f"{during} has type {func.type} and cannot be called with {len(args)} i32",
                function, "export",
            )  # fmt: skip
        if self._cancelled:
            # The store may be another one than the one that was interrupted.
            raise GuardCancelled(function)
        left = self.time_left
        if left is not None and left <= 0:
            raise GuardTimeout(function, self._bounds.timeout or 0)
        self._store.deadline = left
        try:
            returned = func.call_raw(*args)
        except (WasmTrap, WasiExit, Interrupted) as error:
            raise self._ended(function, during, error) from error
        except GuardCallError as error:
            # From a stream of the host's, which does not know the function.
            error.function = error.function or function
            raise
        return returned & abi.U32 if isinstance(returned, int) else None

    def _ended(self, function: str, during: str, error: WasmError) -> GuardCallError:
        """The guest did not return: how it ended, as one of our errors."""
        if isinstance(error, WasmTrap):
            mem = self.memory
            if mem is not None and mem.refused > self._refused_before:
                return GuardMemoryExhausted(function, during, error, mem.pages, mem.limit)
            return GuardTrap(function, during, error)
        if isinstance(error, WasiExit):
            kind = GuardExit if error.code else GuardExitZero
            return kind(function, during, error.code)
        assert isinstance(error, Interrupted)
        if error.resource is Resource.FUEL:
            return GuardFuelExhausted(function, self._bounds.fuel or 0)
        if error.resource is Resource.DEADLINE:
            return GuardTimeout(function, self._bounds.timeout or 0)
        return GuardCancelled(function)

    # -- life -----------------------------------------------------------------

    def initialize(self) -> None:
        """Call ``_initialize`` if the guest has it: what a reactor's libc wants before any call.

        Raises: GuardLoadError.
        """
        if not self._initialize or not self.exports_function(abi.INITIALIZE):
            return
        try:
            self.call(abi.INITIALIZE, abi.INITIALIZE)
        except GuardCallError as error:
            raise GuardLoadError(
                f"failed to instantiate WASM module: {error}", "initialize", abi.INITIALIZE
            ) from error

    def restore(self) -> None:
        """Make the guest what it was right after it was loaded, also if it stands in a call.

        Raises: GuardLoadError, if it does not get there this time.
        """
        self._wasi.reset()
        try:
            self._instance.reset()
        except ResetError:
            self._store.close()
            self._store = Store(self._bounds.limits, tier=self._tier)
            self._instance = self._instantiate()
        self.begin()
        self.initialize()

    def _instantiate(self) -> Instance:
        """A new instance; the start section runs within the bounds of an invocation."""
        self._store.fuel = self._bounds.given
        self._store.deadline = self._bounds.timeout
        imports = {abi.ENV: self._host.imports(), abi.WASI: self._wasi.imports()}
        try:
            return self._module.instantiate(imports, store=self._store, name=self._name)
        except InternalError:
            raise
        except (WasmError, MemoryError) as error:
            stage = "link" if isinstance(error, LinkError) else "instantiate"
            raise GuardLoadError(f"failed to instantiate WASM module: {error}", stage) from error

    def close(self) -> None:
        """Let go of what the store holds."""
        self._store.close()
