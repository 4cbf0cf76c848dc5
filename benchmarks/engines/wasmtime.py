"""Adapter for wasmtime, a compiler to machine code."""

from __future__ import annotations

import ctypes
from importlib import metadata
from typing import Any

import wasmtime  # the package, not this module: imports are absolute

from .base import FUEL, HostFunc, Imports


class Instance:
    """A module instance and its store."""

    def __init__(self, module: wasmtime.Module, imports: Imports, store: wasmtime.Store, *,
                 metered: bool) -> None:
        self._store = store
        self._metered = metered
        if metered:
            store.set_fuel(FUEL)
        externs = []
        for item in module.imports:
            functype = item.type
            assert isinstance(functype, wasmtime.FuncType)
            assert item.name is not None
            func = self._hosted(imports[(item.module, item.name)])
            externs.append(wasmtime.Func(store, functype, func))
        self._exports = wasmtime.Instance(store, module, externs).exports(store)
        self._memory = next(
            (e for e in self._exports.values() if isinstance(e, wasmtime.Memory)), None
        )

    def _hosted(self, func: HostFunc) -> Any:
        """A host function that gets this instance as its guest."""

        def hosted(*args: int) -> Any:
            return func(self, *args)

        return hosted

    def spent(self) -> int:
        """Instructions executed since instantiation, if metered."""
        return FUEL - self._store.get_fuel() if self._metered else 0

    def call(self, name: str, *args: int) -> int:
        """Calls an export; 0 if it has no result."""
        func: Any = self._exports[name]
        result = func(self._store, *args)
        return 0 if result is None else result

    def has(self, name: str) -> bool:
        """Whether there is such an export."""
        return name in self._exports

    def read(self, ptr: int, length: int) -> bytes:
        """The bytes at ``ptr``."""
        assert self._memory is not None
        return bytes(self._memory.read(self._store, ptr, ptr + length))

    def write(self, ptr: int, data: bytes) -> None:
        """Stores bytes at ``ptr``."""
        assert self._memory is not None
        if ptr + len(data) > self._memory.data_len(self._store):
            raise IndexError("out of bounds")
        base = ctypes.addressof(self._memory.data_ptr(self._store).contents)
        ctypes.memmove(base + ptr, data, len(data))

    def global_value(self, name: str) -> Any:
        """The value of an exported global."""
        found: Any = self._exports[name]
        return found.value(self._store)


class Engine:
    """The compiler, with fuel if ``metered``."""

    def __init__(self, *, metered: bool = False) -> None:
        config = wasmtime.Config()
        config.consume_fuel = metered
        self._metered = metered
        self._engine = wasmtime.Engine(config)

    def version(self) -> str:
        """The version of the installed distribution."""
        return metadata.version("wasmtime")

    def prepare(self, wasm: bytes) -> wasmtime.Module:
        """Compiles the binary."""
        return wasmtime.Module(self._engine, wasm)

    def instantiate(self, module: wasmtime.Module, imports: Imports) -> Instance:
        """A fresh instance in a store of its own."""
        return Instance(module, imports, wasmtime.Store(self._engine), metered=self._metered)


engine = Engine
