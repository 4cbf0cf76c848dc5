"""From a file to a module that can be a guard.

What belongs here: reading, decoding and validating a guard, and the checks of
what it exports, in the gateway's order.  What does not: instantiating it
(``guest``) or calling it (``guard``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Optional, Union

from hostabi import abi
from hostabi.caches import ModuleCache
from hostabi.errors import GuardLoadError
from wasmpy.api.module import Module
from wasmpy.config import Features, Limits
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.syntax.types import ExternType, FuncType

Source = Union[bytes, str, "os.PathLike[str]", Module]
"""A guard: its bytes, the path of its file (binary, or text in ``.wat``), or a module."""

_MAGIC = b"\0asm"
_COMPONENT = b"\0asm\x0d\x00\x01\x00"


def load_module(
    source: Source, limits: Limits, features: Features = Features.WASM2,
    cache: Optional[ModuleCache] = None,
) -> Module:  # fmt: skip
    """The guard's module, decoded and valid, with no more memory than it may have.

    With ``cache`` it comes out of that, if it is not a module already.

    Raises: GuardLoadError.
    """
    module = source if isinstance(source, Module) else _decode(source, limits, features, cache)
    for i, mem in enumerate(module.syntax.mems):
        if mem.type.limits.min > limits.memory_pages:
            raise GuardLoadError(
                f"failed to instantiate WASM module: memory {i} wants "
                f"{mem.type.limits.min} pages, {limits.memory_pages} are allowed",
                "module",
            )
    return module


def _decode(
    source: Union[bytes, str, os.PathLike[str]], limits: Limits, features: Features,
    cache: Optional[ModuleCache],
) -> Module:  # fmt: skip
    """The module in bytes or in a file."""
    return decode_code(code_of(source), limits, features, cache)


def decode_code(
    code: Union[bytes, str], limits: Limits, features: Features, cache: Optional[ModuleCache]
) -> Module:
    """The module that a binary or a text is.  Raises: GuardLoadError."""
    try:
        if cache is not None:
            return cache.module(code, features, limits)
        return Module(code, features=features, limits=limits)
    except (MalformedError, InvalidError) as error:
        raise GuardLoadError(f"failed to instantiate WASM module: {error}", "module") from error


def code_of(source: Union[bytes, str, os.PathLike[str]]) -> Union[bytes, str]:
    """The code of a guard: the binary, or the text of a file in ``.wat``.

    Raises: GuardLoadError.
    """
    data = source if isinstance(source, (bytes, bytearray)) else _read(source)
    if data.startswith(_COMPONENT):
        raise GuardLoadError(
            "failed to instantiate WASM module: this is a component; a guard is a core module "
            "(build it for wasm32-wasip1, not wasip2)",
            "component",
        )
    if isinstance(source, (bytes, bytearray)) or data.startswith(_MAGIC):
        return bytes(data)
    if not str(source).lower().endswith(".wat"):
        return bytes(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GuardLoadError(f"failed to instantiate WASM module: {error}", "module") from error


def _read(path: Union[str, os.PathLike[str]]) -> bytes:
    """The bytes of a guard's file."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        reason = getattr(error, "strerror", None) or str(error)
        raise GuardLoadError(f"failed to read WASM file {path}: {reason}", "read") from error


def check_name(name: str, *, gateway: bool = False) -> None:
    """Refuse the names that clash with a host module, where names share one space.

    Raises: GuardLoadError, for the gateway only.
    """
    if gateway and name in abi.RESERVED_MODULE_NAMES:
        raise GuardLoadError(
            f"failed to instantiate WASM module: module[{name}] has already been instantiated",
            "name",
        )


def check_exports(module: Module, *, gateway: bool = False) -> None:
    """Check that the guard exports what it must, with the types it must.

    Presence first, of the resource and response functions together, then of
    the agent's; then the types.  Those of ``alloc`` and ``dealloc`` are
    looked at here too, while the gateway finds out when it calls them.

    Raises: GuardLoadError.
    """
    exports: Dict[str, ExternType] = {export.name: export.type for export in module.exports}
    funcs = {name: type_ for name, type_ in exports.items() if isinstance(type_, FuncType)}
    _check_presence(funcs)
    for export in abi.EXPORTS:
        if export.name not in exports or (gateway and not export.required):
            continue
        if funcs.get(export.name) != export.type:
            raise GuardLoadError(
                f"{export.name} must have signature {export.signature}", "signature", export.name
            )


def _check_presence(funcs: Dict[str, FuncType]) -> None:
    """The three label functions are there."""
    if abi.LABEL_RESOURCE not in funcs and abi.START in funcs:
        raise GuardLoadError(
            "the guard exports _start but not label_resource: the standard Go compiler exports "
            "no functions; build it with TinyGo (-target=wasi)",
            "exports", abi.LABEL_RESOURCE,
        )  # fmt: skip
    for name in (abi.LABEL_RESOURCE, abi.LABEL_RESPONSE):
        if name not in funcs:
            raise GuardLoadError(
                f"guard must export label_resource and label_response; {name} is missing",
                "exports", name,
            )  # fmt: skip
    if abi.LABEL_AGENT not in funcs:
        raise GuardLoadError("guard must export label_agent", "exports", abi.LABEL_AGENT)
