"""Adapter for the tiers of wasmpy, through its public interface."""

from __future__ import annotations

import threading
import time
from typing import Any, Dict

import wasmpy  # the package, not this module: imports are absolute

from .base import FUEL, HostFunc, Imports, Missing


class Instance:
    """A module instance."""

    def __init__(self, module: Any, imports: Imports, store: Any, offered: Any = None) -> None:
        offered = dict(offered or {})
        for (namespace, name), func in imports.items():
            offered.setdefault(namespace, {})[name] = self._hosted(func)
        self.store = store
        self._instance: Any = module.instantiate(offered, store=store)
        self._exports = self._instance.exports

    def _hosted(self, func: HostFunc) -> Any:
        """A host function that gets this instance as its guest."""

        def hosted(*args: int) -> Any:
            return func(self, *args)

        return hosted

    def call(self, name: str, *args: int) -> int:
        """Calls an export; 0 if it has no result."""
        result = getattr(self._exports, name)(*args)
        return 0 if result is None else int(result)

    def has(self, name: str) -> bool:
        """Whether there is such an export."""
        return hasattr(self._exports, name)

    def read(self, ptr: int, length: int) -> bytes:
        """The bytes at ``ptr``."""
        return bytes(self._instance.memory[ptr : ptr + length])

    def write(self, ptr: int, data: bytes) -> None:
        """Stores bytes at ``ptr``."""
        self._instance.memory[ptr : ptr + len(data)] = data

    def global_value(self, name: str) -> Any:
        """The value of an exported global."""
        return self._exports[name].value

    def spent(self) -> int:
        """Instructions executed since instantiation."""
        return int(self.store.fuel_consumed)

    def late(self, name: str, moment: float, how: str) -> float:
        """Seconds from ``moment`` to the end of a call that is told to end then; 0 if it has before.

        ``how`` is ``deadline``, or ``cancellation`` from another thread.
        Raises: RuntimeError if nothing ended the call.
        """
        told = [time.monotonic() + moment]

        def tell() -> None:
            told[0] = time.monotonic()
            self.store.interrupt()

        timer = threading.Timer(moment, tell)
        try:
            if how == "deadline":
                self._exports[name](deadline=moment)
            else:
                timer.start()
                self._exports[name]()
        except wasmpy.Interrupted:
            pass
        else:
            raise RuntimeError("%s came back by itself" % name)
        end = time.monotonic()
        if how != "deadline":
            timer.join()
            self.store.clear_interrupt()
        return max(0.0, end - told[0])

    def reset(self) -> None:
        """Makes it what it was when it was made."""
        self._instance.reset()

    def pages(self) -> int:
        """Pages of the memory."""
        return int(self._instance.memory.pages)

    def grow(self, pages: int) -> None:
        """Grows the memory.  Raises: Missing if it is refused."""
        if self._instance.memory.grow(pages) < 0:
            raise Missing("the memory does not grow")


class Engine:
    """One tier; the reference tier fuses unless ``fusing`` says otherwise."""

    def __init__(self, tier: str, fusing: str = "hot", *, metered: bool = False) -> None:
        self._options: Dict[str, Any] = {"fusing": fusing, "fuel": FUEL if metered else None}
        try:
            wasmpy.Store(tier=tier, **self._options)  # type: ignore[call-arg, unused-ignore]
            self._options["tier"] = tier
        except TypeError:
            if tier != "reference":
                raise Missing("this wasmpy has no tiers: Store takes no argument 'tier'") from None
        except (ValueError, NotImplementedError) as error:
            raise Missing("this wasmpy has no tier %r: %s" % (tier, error)) from error

    def version(self) -> str:
        """The version, as the package says."""
        return str(getattr(wasmpy, "__version__", "of this tree"))

    def prepare(self, wasm: bytes) -> Any:
        """Decodes and validates the binary."""
        return wasmpy.Module(wasm)

    def instantiate(self, module: Any, imports: Imports) -> Instance:
        """A fresh instance in a store of its own."""
        return Instance(module, imports, wasmpy.Store(**self._options))

    def over_wasi(self, module: Any, config: Any) -> Instance:
        """A fresh instance with the functions of WASI over that configuration."""
        import wasi

        offered = {"wasi_snapshot_preview1": wasi.Wasi(config).imports()}
        return Instance(module, {}, wasmpy.Store(**self._options), offered)


engine = Engine
