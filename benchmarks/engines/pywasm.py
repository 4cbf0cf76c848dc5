"""Adapter for pywasm, an interpreter in Python. It neither validates nor meters."""

from __future__ import annotations

import io
import sys
from importlib import metadata
from typing import Any

import pywasm  # type: ignore[import-untyped]  # the package, not this module

from .base import HostFunc, Imports

#: Python frames that deep recursion of a guest may take: pywasm recurses with it.
RECURSION = 100_000


class Decoded:
    """A decoded module. Instantiation uses it up, so each instance takes another."""

    def __init__(self, wasm: bytes) -> None:
        self._wasm = wasm
        self._module: Any = self._decoded()

    def _decoded(self) -> Any:
        return pywasm.core.ModuleDesc.from_reader(io.BytesIO(self._wasm))

    def take(self) -> Any:
        """A module that no instance has used."""
        module, self._module = self._module or self._decoded(), None
        return module


class Instance:
    """A module instance and the runtime that owns it."""

    def __init__(self, module: Any, imports: Imports) -> None:
        self._runtime = pywasm.core.Runtime()
        for item in module.imps:
            functype = module.type[item.desc] if isinstance(item.desc, int) else item.desc
            func = self._hosted(imports[(item.module, item.name)], bool(functype.rets))
            extern = self._runtime.allocate_func_host(functype, func)
            self._runtime.imports.setdefault(item.module, {})[item.name] = extern
        self._instance = self._runtime.instance(module)

    def _hosted(self, func: HostFunc, has_result: bool) -> Any:
        """A host function in pywasm's convention: a list in, a list out."""

        def hosted(_machine: Any, args: Any) -> Any:
            result = func(self, *args)
            return [result] if has_result else []

        return hosted

    def call(self, name: str, *args: int) -> int:
        """Calls an export; 0 if it has no result."""
        results = self._runtime.invocate(self._instance, name, list(args))
        return results[0] if results else 0

    def has(self, name: str) -> bool:
        """Whether there is such an export."""
        return any(export.name == name for export in self._instance.exps)

    def _memory(self) -> Any:
        return self._runtime.machine.store.mems[self._instance.mems[0]]

    def read(self, ptr: int, length: int) -> bytes:
        """The bytes at ``ptr``."""
        return bytes(self._memory().data[ptr : ptr + length])

    def write(self, ptr: int, data: bytes) -> None:
        """Stores bytes at ``ptr``."""
        self._memory().data[ptr : ptr + len(data)] = data


class Engine:
    """The interpreter; it has no settings."""

    def version(self) -> str:
        """The version of the installed distribution."""
        return metadata.version("pywasm")

    def prepare(self, wasm: bytes) -> Decoded:
        """Decodes the binary."""
        return Decoded(wasm)

    def instantiate(self, module: Decoded, imports: Imports) -> Instance:
        """A fresh instance."""
        sys.setrecursionlimit(RECURSION)
        return Instance(module.take(), imports)


engine = Engine
