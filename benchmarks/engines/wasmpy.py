"""Adapter for wasmpy, through its public interface."""

from __future__ import annotations

from typing import Any

import wasmpy  # the package, not this module: imports are absolute

from .base import HostFunc, Imports

#: More fuel than anything here uses.
FUEL = 10**15


def version() -> str:
    """The version, as the package says."""
    return str(getattr(wasmpy, "__version__", "of this tree"))


def prepare(wasm: bytes) -> Any:
    """Decodes and validates the binary."""
    return wasmpy.Module(wasm)


class WasmpyInstance:
    """A module instance."""

    def __init__(self, module: Any, imports: Imports, fuel: bool, fusing: str = "hot") -> None:
        offered: Any = {}
        for (namespace, name), func in imports.items():
            offered.setdefault(namespace, {})[name] = self._hosted(func)
        options: Any = {"store": wasmpy.Store(fuel=FUEL if fuel else None, fusing=fusing)}
        if offered:
            options["imports"] = offered
        self._instance: Any = module.instantiate(**options)

    def _hosted(self, func: HostFunc) -> Any:
        """A host function that gets this instance as its guest."""

        def hosted(*args: int) -> Any:
            return func(self, *args)

        return hosted

    def call(self, name: str, *args: int) -> int:
        """Calls an export; 0 if it has no result."""
        result = getattr(self._instance.exports, name)(*args)
        return 0 if result is None else int(result)

    def has(self, name: str) -> bool:
        """Whether there is such an export."""
        return hasattr(self._instance.exports, name)

    def read(self, ptr: int, length: int) -> bytes:
        """The bytes at ``ptr``."""
        return bytes(self._instance.memory[ptr : ptr + length])

    def write(self, ptr: int, data: bytes) -> None:
        """Stores bytes at ``ptr``."""
        self._instance.memory[ptr : ptr + len(data)] = data


def instantiate(module: Any, imports: Imports, fuel: bool) -> WasmpyInstance:
    """A fresh instance, metered if ``fuel``."""
    return WasmpyInstance(module, imports, fuel)
