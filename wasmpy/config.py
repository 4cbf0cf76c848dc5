"""Features and limits: what a module may use, and how much of it.

Both are frozen: a configuration can be shared and hashed.  Nothing here acts;
the decoder, the validator and execution read these fields.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, FrozenSet, Tuple

ENDLESS_FUEL = 1 << 62
"""Fuel that is never used up: it has instructions counted without bounding them."""


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

    def __post_init__(self) -> None:
        names: Any = self.names
        if not isinstance(names, frozenset):
            kind = type(names).__name__
            raise TypeError(
                f"Features has a frozenset of names, not {kind}: "
                "Features.WASM3.having(name) adds one"
            )
        _known(tuple(self.names))

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
    otherwise) and is looked at before anything is allocated.  A limit that is
    no integer is a TypeError, a negative one a ValueError.
    """

    call_depth: int = 10_000
    """wasm frames, counted over all re-entries; one more traps."""
    stack_slots: int = 10_000_000
    """parameters, locals and operands in all frames; frames of large functions are fewer."""
    host_depth: int = 50
    """re-entries of the guest from host functions; one more traps."""
    memory_pages: int = 65_536
    """pages of 64 KiB, per memory; growing past it answers -1."""
    table_elements: int = 10_000_000
    """elements, over all tables of the store; growing past it answers -1."""
    gc_objects: int = 10_000_000
    """structures and arrays that are alive, per store."""
    gc_bytes: int = 1 << 30
    """what these take by a rough account (`wasmpy.exec.heap`), per store."""
    instances: int = 10_000
    """instances, per store; one more is a link error."""
    memories: int = 10_000
    """memories, per store (one more is a link error) and per module."""
    tables: int = 10_000
    """tables, per store (one more is a link error) and per module."""

    module_bytes: int = 1 << 30
    """size of a module in the binary format."""
    types: int = 1_000_000
    """types, each member of a recursive group counted."""
    subtype_depth: int = 63
    """supertypes above a type."""
    struct_fields: int = 10_000
    """fields of a structure type."""
    array_new_fixed: int = 10_000
    """operands of one `array.new_fixed`."""
    functions: int = 1_000_000
    """functions of the module's own."""
    imports: int = 1_000_000
    """imports of all kinds together."""
    exports: int = 1_000_000
    """exports of all kinds together."""
    globals: int = 1_000_000
    """globals of the module's own."""
    tags: int = 1_000_000
    """tags of the module's own."""
    data_segments: int = 100_000
    """data segments."""
    elem_segments: int = 10_000_000
    """element segments."""
    function_bytes: int = 7_654_321
    """size of one function's code: its locals and body."""
    function_locals: int = 50_000
    """locals of one function, parameters not counted."""
    params: int = 1_000
    """parameters of a function type."""
    results: int = 1_000
    """results of a function type."""
    br_table_labels: int = 65_520
    """labels of one `br_table`, the default not counted."""
    name_bytes: int = 100_000
    """size of one name of an import, an export or a custom section."""
    nesting: int = 100_000
    """blocks within blocks in one body (ours: a bound on memory, not on style)."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"the limit {field.name} is not an integer: {value!r}")
            if value < 0:
                raise ValueError(f"the limit {field.name} is negative: {value}")


DEFAULT_LIMITS = Limits()
