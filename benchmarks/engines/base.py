"""What the benchmarks ask of an engine; the adapters are written against it."""

from typing import Any, Callable, Dict, Optional, Protocol, Tuple

#: A host function: the guest that calls and its arguments in, the result out.
HostFunc = Callable[..., Optional[int]]

#: Host functions by module and field name.
Imports = Dict[Tuple[str, str], HostFunc]

#: More fuel than anything here uses.
FUEL = 10**15


class Missing(Exception):
    """The engine, or the part of it that was asked for, is not there; says so in one line."""


class Instance(Protocol):
    """A running module with its memory 0."""

    def call(self, name: str, *args: int) -> int:
        """Calls an export; 0 if it has no result."""

    def has(self, name: str) -> bool:
        """Whether there is such an export."""

    def read(self, ptr: int, length: int) -> bytes:
        """The bytes at ``ptr``."""

    def write(self, ptr: int, data: bytes) -> None:
        """Stores bytes at ``ptr``."""


class Engine(Protocol):
    """An engine, set up."""

    def version(self) -> str:
        """The engine's version."""

    def prepare(self, wasm: bytes) -> Any:
        """Makes a binary ready for ``instantiate``: decoding, validation, code."""

    def instantiate(self, module: Any, imports: Imports) -> Instance:
        """A fresh instance."""
