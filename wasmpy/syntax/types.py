"""The types of the specification's structure chapter, as plain data.

What belongs here: value, heap, function, limits, table, memory, global and
external types and how they are written.  What does not: matching and
validity (``wasmpy.valid``), encodings (``wasmpy.isa`` and
``wasmpy.binary``).

Spec: ``syntax/types.html``.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, NewType, Optional, Tuple, Union

TypeIdx = NewType("TypeIdx", int)
FuncIdx = NewType("FuncIdx", int)
TableIdx = NewType("TableIdx", int)
MemIdx = NewType("MemIdx", int)
GlobalIdx = NewType("GlobalIdx", int)
ElemIdx = NewType("ElemIdx", int)
DataIdx = NewType("DataIdx", int)
LocalIdx = NewType("LocalIdx", int)
LabelIdx = NewType("LabelIdx", int)

PAGE_SIZE = 65_536
"""Bytes in a page of linear memory."""


class NumType(NamedTuple):
    """A number type.  ``code`` is its byte in the binary format."""

    code: int
    name: str

    def __str__(self) -> str:
        return self.name


class VecType(NamedTuple):
    """A vector type."""

    code: int
    name: str

    def __str__(self) -> str:
        return self.name


HeapType = Union[str, int]
"""An abstract heap type by its name (``func``, ``extern``, ...) or a type index."""


class RefType(NamedTuple):
    """A reference type.

    ``code`` is the byte of its short form, or 0 where it has none.
    """

    code: int
    null: bool
    heaptype: HeapType

    def __str__(self) -> str:
        if self.code:
            return f"{self.heaptype}ref"
        return f"(ref {'null ' if self.null else ''}{self.heaptype})"


ValType = Union[NumType, VecType, RefType]
ResultType = Tuple[ValType, ...]

I32 = NumType(0x7F, "i32")
I64 = NumType(0x7E, "i64")
F32 = NumType(0x7D, "f32")
F64 = NumType(0x7C, "f64")
V128 = VecType(0x7B, "v128")
FUNCREF = RefType(0x70, True, "func")
EXTERNREF = RefType(0x6F, True, "extern")

VALTYPES: Tuple[ValType, ...] = (I32, I64, F32, F64, V128, FUNCREF, EXTERNREF)
"""The value types that have a one-byte form, of 2.0."""


def result_text(types: ResultType) -> str:
    """A result type as the spec writes it: ``[i32 i64]``."""
    return "[" + " ".join(str(t) for t in types) + "]"


class FuncType(NamedTuple):
    """A function type: parameters to results."""

    params: ResultType
    results: ResultType

    def __str__(self) -> str:
        return f"{result_text(self.params)} -> {result_text(self.results)}"


class Limits(NamedTuple):
    """The size range of a memory (in pages) or table (in elements)."""

    min: int
    max: Optional[int]

    def __str__(self) -> str:
        return f"{self.min}" if self.max is None else f"{self.min} {self.max}"


@dataclasses.dataclass(frozen=True)
class MemType:
    """A memory type; ``addrtype`` is ``i32`` or ``i64``."""

    limits: Limits
    addrtype: NumType = I32
    shared: bool = False

    def __str__(self) -> str:
        return f"memory {self.limits}{' shared' if self.shared else ''}"


@dataclasses.dataclass(frozen=True)
class TableType:
    """A table type."""

    reftype: RefType
    limits: Limits
    addrtype: NumType = I32

    def __str__(self) -> str:
        return f"table {self.limits} {self.reftype}"


@dataclasses.dataclass(frozen=True)
class GlobalType:
    """A global type; ``mut`` says whether it can be written."""

    valtype: ValType
    mut: bool

    def __str__(self) -> str:
        return f"global (mut {self.valtype})" if self.mut else f"global {self.valtype}"


ExternType = Union[FuncType, TableType, MemType, GlobalType]


def externtype_text(t: ExternType) -> str:
    """An external type in words, for errors: ``func [i32] -> []``."""
    return f"func {t}" if isinstance(t, FuncType) else str(t)


def default_value(t: ValType) -> Union[int, float, None]:
    """The default value of ``t``: zero or null.

    Spec: ``exec/runtime.html#default-val``.
    """
    if isinstance(t, RefType):
        return None
    return 0.0 if t in (F32, F64) else 0
