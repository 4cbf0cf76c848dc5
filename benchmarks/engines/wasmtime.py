"""Adapter for wasmtime, a compiler to machine code."""

from __future__ import annotations

import ctypes
from importlib import metadata
from typing import Any

import wasmtime  # the package, not this module: imports are absolute

from .base import HostFunc, Imports

#: More fuel than anything here uses.
FUEL = 10**15

_PLAIN = wasmtime.Engine()
_CONFIG = wasmtime.Config()
_CONFIG.consume_fuel = True
_METERED = wasmtime.Engine(_CONFIG)


def version() -> str:
    """The version of the installed distribution."""
    return metadata.version("wasmtime")


class Compiled:
    """A module for both engines, each compiled when first used."""

    def __init__(self, wasm: bytes) -> None:
        self._wasm = wasm
        self._modules = {False: wasmtime.Module(_PLAIN, wasm)}

    def module(self, fuel: bool) -> wasmtime.Module:
        """The module, for the metered or the plain engine."""
        if fuel not in self._modules:
            self._modules[fuel] = wasmtime.Module(_METERED, self._wasm)
        return self._modules[fuel]


def prepare(wasm: bytes) -> Compiled:
    """Compiles the binary, without fuel."""
    return Compiled(wasm)


class WasmtimeInstance:
    """A module instance and its store."""

    def __init__(self, module: wasmtime.Module, imports: Imports, fuel: bool) -> None:
        self._store = wasmtime.Store(_METERED if fuel else _PLAIN)
        self._fuel = fuel
        if fuel:
            self._store.set_fuel(FUEL)
        externs = []
        for item in module.imports:
            functype = item.type
            assert isinstance(functype, wasmtime.FuncType)
            assert item.name is not None
            func = self._hosted(imports[(item.module, item.name)])
            externs.append(wasmtime.Func(self._store, functype, func))
        self._exports = wasmtime.Instance(self._store, module, externs).exports(self._store)
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
        return FUEL - self._store.get_fuel() if self._fuel else 0

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


def instantiate(module: Compiled, imports: Imports, fuel: bool) -> WasmtimeInstance:
    """A fresh instance, metered if ``fuel``."""
    return WasmtimeInstance(module.module(fuel), imports, fuel)
