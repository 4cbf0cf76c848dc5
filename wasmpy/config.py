"""Features and limits: what a module may use, and how much of it.

Both are frozen: a configuration can be shared and hashed.  Nothing here acts;
the decoder, the validator and execution read these fields.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, FrozenSet, Tuple


@dataclasses.dataclass(frozen=True)
class Features:
    """Which parts of WebAssembly a module may use, as a set of names.

    The names are those of the proposals, as wasm-tools spells them with
    underscores.  The presets ``WASM1``, ``WASM2`` and ``WASM3`` are the
    releases of the specification.

    >>> "simd" in Features.WASM2, "gc" in Features.WASM2
    (True, False)
    >>> Features.WASM1.having("bulk_memory") == Features.WASM1
    False
    """

    names: FrozenSet[str]

    WASM1: ClassVar[Features]
    WASM2: ClassVar[Features]
    WASM3: ClassVar[Features]
    ALL: ClassVar[Features]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def having(self, *names: str) -> Features:
        """These features and ``names``.  Raises: ValueError for an unknown name."""
        return Features(self.names | _known(names))

    def without(self, *names: str) -> Features:
        """These features less ``names``.  Raises: ValueError for an unknown name."""
        return Features(self.names - _known(names))


_RELEASE_1: Tuple[str, ...] = ("mvp",)
_RELEASE_2: Tuple[str, ...] = (
    "mutable_global", "sign_extension", "saturating_float_to_int", "multi_value",
    "bulk_memory", "reference_types", "simd",
)  # fmt: skip
_RELEASE_3: Tuple[str, ...] = (
    "relaxed_simd", "gc", "function_references", "exceptions", "tail_call", "memory64",
    "multi_memory", "extended_const", "branch_hinting",
)  # fmt: skip
_PROPOSALS: Tuple[str, ...] = ("threads", "custom_page_sizes", "wide_arithmetic")

FEATURE_NAMES: Tuple[str, ...] = _RELEASE_1 + _RELEASE_2 + _RELEASE_3 + _PROPOSALS


def _known(names: Tuple[str, ...]) -> FrozenSet[str]:
    for name in names:
        if name not in FEATURE_NAMES:
            raise ValueError(f"unknown feature {name!r}; known: {', '.join(FEATURE_NAMES)}")
    return frozenset(names)


Features.WASM1 = Features(frozenset(_RELEASE_1))
Features.WASM2 = Features(frozenset(_RELEASE_1 + _RELEASE_2))
Features.WASM3 = Features(frozenset(_RELEASE_1 + _RELEASE_2 + _RELEASE_3))
Features.ALL = Features(frozenset(FEATURE_NAMES))


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on what a module may be and what an instance may use.

    The first group bounds execution, per store; the second bounds the module
    itself (the values are those of the JavaScript embedding unless said
    otherwise) and is looked at before anything is allocated.
    """

    call_depth: int = 10_000
    """wasm frames, counted over all re-entries."""
    host_depth: int = 50
    """re-entries of the guest from host functions."""
    memory_pages: int = 65_536
    """pages of 64 KiB, per memory; growing past it answers -1."""
    table_elements: int = 10_000_000
    """elements, per table."""
    instances: int = 10_000
    memories: int = 10_000
    tables: int = 10_000

    module_bytes: int = 1 << 30
    types: int = 1_000_000
    functions: int = 1_000_000
    imports: int = 1_000_000
    exports: int = 1_000_000
    globals: int = 1_000_000
    data_segments: int = 100_000
    elem_segments: int = 10_000_000
    function_bytes: int = 7_654_321
    function_locals: int = 50_000
    params: int = 1_000
    results: int = 1_000
    br_table_labels: int = 65_520
    name_bytes: int = 100_000
    nesting: int = 100_000
    """blocks within blocks in one body (ours: a bound on memory, not on style)."""


DEFAULT_LIMITS = Limits()
