"""What the benchmarks ask of an engine; the adapters are written against it."""

from typing import Any, Callable, Dict, Optional, Protocol, Tuple

#: A host function: the guest that calls and its arguments in, the result out.
HostFunc = Callable[..., Optional[int]]

#: Host functions by module and field name.
Imports = Dict[Tuple[str, str], HostFunc]


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


class Adapter(Protocol):
    """The functions of an adapter module."""

    def version(self) -> str:
        """The engine's version."""

    def prepare(self, wasm: bytes) -> Any:
        """Makes a binary ready for ``instantiate``: decoding, validation, code."""

    def instantiate(self, module: Any, imports: Imports, fuel: bool) -> Instance:
        """A fresh instance, metered if ``fuel`` and the engine can."""
