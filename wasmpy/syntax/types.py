"""The types of the specification's structure chapter, as plain data.

What belongs here: value, heap, composite, defined, limits, table, memory,
global and external types and how they are written.  What does not: matching and
validity (``wasmpy.valid``), encodings (``wasmpy.isa`` and
``wasmpy.binary``).

Spec: ``syntax/types.html``.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, NamedTuple, NewType, Optional, Tuple, Union

from wasmpy.chains import Link

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


class DefType(Link):
    """A defined type, closed: what it refers to are defined types, not indices.

    ``comp`` is its composite type, ``super`` the type it is declared a
    subtype of, ``depth`` how many there are above it.  In one type space
    (``wasmpy.valid.canonical``), equivalent types are one object, so identity
    is equivalence; ``number`` counts them there.

    Spec: ``valid/conventions.html#syntax-deftype``.
    """

    __slots__ = ("comp", "depth", "final", "number", "space", "super")
    links = ("comp", "super")

    def __init__(self, space: object, number: int, *, final: bool) -> None:
        self.space = space
        self.number = number
        self.final = final
        self.super: Optional[DefType] = None
        self.depth = 0
        self.comp: CompType = FuncType((), ())

    def matches(self, other: DefType) -> bool:
        """Whether it is ``other`` or declared below it.

        Spec: ``valid/matching.html#match-deftype``.
        """
        at: Optional[DefType] = self
        for _ in range(self.depth - other.depth):
            assert at is not None
            at = at.super
        return at is other

    def __repr__(self) -> str:
        return f"$t{self.number}"


HeapType = Union[str, int, DefType]
"""An abstract heap type by its name (``func``, ``any``, ...), a type index, or a closed type."""

HEAPTYPE_CODES: Dict[str, int] = {
    "noexn": 0x74, "nofunc": 0x73, "noextern": 0x72, "none": 0x71, "func": 0x70, "extern": 0x6F,
    "any": 0x6E, "eq": 0x6D, "i31": 0x6C, "struct": 0x6B, "array": 0x6A, "exn": 0x69,
}  # fmt: skip
"""The abstract heap types, with the byte of each in the binary format."""

_SHORT_NAMES = {
    "none": "nullref", "nofunc": "nullfuncref", "noextern": "nullexternref", "noexn": "nullexnref",
}  # fmt: skip


class RefType(NamedTuple):
    """A reference type.

    ``code`` is the byte of its short form, or 0 where it has none.
    """

    code: int
    null: bool
    heaptype: HeapType

    @staticmethod
    def of(heaptype: HeapType, *, null: bool) -> RefType:
        """The reference type to ``heaptype``, with its short form where it has one."""
        found = _ABSTRACT.get((null, heaptype)) if isinstance(heaptype, str) else None
        return RefType(0, null, heaptype) if found is None else found

    def __str__(self) -> str:
        if self.code:
            return _SHORT_NAMES.get(str(self.heaptype)) or f"{self.heaptype}ref"
        return f"(ref {'null ' if self.null else ''}{self.heaptype})"


_ABSTRACT: Dict[Tuple[bool, str], RefType] = {
    (null, name): RefType(code if null else 0, null, name)
    for name, code in HEAPTYPE_CODES.items()
    for null in (True, False)
}


ValType = Union[NumType, VecType, RefType]
ResultType = Tuple[ValType, ...]

I32 = NumType(0x7F, "i32")
I64 = NumType(0x7E, "i64")
F32 = NumType(0x7D, "f32")
F64 = NumType(0x7C, "f64")
V128 = VecType(0x7B, "v128")
FUNCREF = RefType.of("func", null=True)
EXTERNREF = RefType.of("extern", null=True)
ANYREF = RefType.of("any", null=True)
EQREF = RefType.of("eq", null=True)
I31REF = RefType.of("i31", null=True)
STRUCTREF = RefType.of("struct", null=True)
ARRAYREF = RefType.of("array", null=True)
EXNREF = RefType.of("exn", null=True)
FUNC_REF = RefType.of("func", null=False)
"""What an element segment that lists function indices has: no null is in it."""

SHORT_REFTYPES: Tuple[RefType, ...] = tuple(t for t in _ABSTRACT.values() if t.null)
"""The reference types that have a one-byte form."""

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


class PackedType(NamedTuple):
    """A packed type: how a field is stored, not a type of values."""

    code: int
    name: str

    def __str__(self) -> str:
        return self.name


I8 = PackedType(0x78, "i8")
I16 = PackedType(0x77, "i16")

StorageType = Union[ValType, PackedType]


class FieldType(NamedTuple):
    """The type of a field of a structure or array; ``mut`` says whether it can be written."""

    storage: StorageType
    mut: bool

    @property
    def unpacked(self) -> ValType:
        """The type of the value that the field is read as.  Spec: ``#aux-unpack``."""
        return I32 if isinstance(self.storage, PackedType) else self.storage

    def __str__(self) -> str:
        return f"(mut {self.storage})" if self.mut else str(self.storage)


class StructType(NamedTuple):
    """A structure type."""

    fields: Tuple[FieldType, ...]

    def __str__(self) -> str:
        return "(struct" + "".join(f" (field {t})" for t in self.fields) + ")"


class ArrayType(NamedTuple):
    """An array type."""

    field: FieldType

    def __str__(self) -> str:
        return f"(array {self.field})"


CompType = Union[FuncType, StructType, ArrayType]
"""A composite type."""


class SubType(NamedTuple):
    """What is declared of a type besides its composite type.

    ``supers`` are the indices of the types it is declared to be below (a
    valid module has one at most); a ``final`` type has none below it.
    """

    final: bool
    supers: Tuple[int, ...]


PLAIN = SubType(True, ())
"""What holds of a type that is written without ``sub``."""


class Limits(NamedTuple):
    """The size range of a memory (in pages) or table (in elements)."""

    min: int
    max: Optional[int] = None

    def __str__(self) -> str:
        return f"{self.min}" if self.max is None else f"{self.min} {self.max}"


@dataclasses.dataclass(frozen=True)
class MemType:
    """A memory type; ``addrtype`` is ``i32`` or ``i64``, ``page`` the log2 of its page size."""

    limits: Limits
    addrtype: NumType = I32
    shared: bool = False
    page: int = 16

    def __str__(self) -> str:
        address = "" if self.addrtype is I32 else f"{self.addrtype} "
        page = "" if 1 << self.page == PAGE_SIZE else f" (pagesize {1 << self.page})"
        return f"memory {address}{self.limits}{' shared' if self.shared else ''}{page}"


@dataclasses.dataclass(frozen=True)
class TableType:
    """A table type."""

    reftype: RefType
    limits: Limits
    addrtype: NumType = I32

    def __str__(self) -> str:
        address = "" if self.addrtype is I32 else f"{self.addrtype} "
        return f"table {address}{self.limits} {self.reftype}"


@dataclasses.dataclass(frozen=True)
class GlobalType:
    """A global type; ``mut`` says whether it can be written."""

    valtype: ValType
    mut: bool

    def __str__(self) -> str:
        return f"global (mut {self.valtype})" if self.mut else f"global {self.valtype}"


class TagType(NamedTuple):
    """The type of a tag: what an exception with it carries are its parameters.

    ``type`` is a defined type where types are closed, for matching.
    """

    type: Union[FuncType, DefType]

    @property
    def params(self) -> ResultType:
        """The types of the values that an exception carries."""
        comp = self.type.comp if isinstance(self.type, DefType) else self.type
        assert isinstance(comp, FuncType)
        return comp.params

    def __str__(self) -> str:
        return f"tag {result_text(self.params)}"


ExternType = Union[FuncType, TableType, MemType, GlobalType, TagType]


def externtype_text(t: ExternType) -> str:
    """An external type in words, for errors: ``func [i32] -> []``."""
    return f"func {t}" if isinstance(t, FuncType) else str(t)


def default_value(t: ValType) -> Union[int, float, bytes, None]:
    """The default value of ``t``: zero or null.

    Spec: ``exec/runtime.html#default-val``.
    """
    if isinstance(t, RefType):
        return None
    if isinstance(t, VecType):
        return bytes(16)
    return 0.0 if t in (F32, F64) else 0
