"""Reading types.

What belongs here: the types chapter of the binary format.  What does not:
whether a type may stand where it stands (``wasmpy.valid``).

A byte that stands for a type of a feature that is off, or that this release
does not read yet, is malformed and the error names the feature.

Spec: ``binary/types.html``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Union

from wasmpy.binary.reader import Reader
from wasmpy.config import Features
from wasmpy.config import Limits as Bounds
from wasmpy.errors import MalformedError
from wasmpy.syntax.module import Module
from wasmpy.syntax.types import (
    EXTERNREF,
    FUNCREF,
    HEAPTYPE_CODES,
    I8,
    I16,
    I32,
    I64,
    PLAIN,
    SHORT_REFTYPES,
    VALTYPES,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    PackedType,
    RefType,
    StorageType,
    StructType,
    SubType,
    TableType,
    ValType,
    VecType,
)

BlockType = Union[None, ValType, int]


def _feature_of(valtype: ValType) -> str:
    if isinstance(valtype, VecType):
        return "simd"
    return "reference_types" if isinstance(valtype, RefType) else "mvp"


_VALTYPE: Dict[int, Tuple[ValType, str]] = {t.code: (t, _feature_of(t)) for t in VALTYPES}
_REFTYPE: Dict[int, Tuple[RefType, str]] = {
    # A table of functions is as old as the format; other references are not.
    FUNCREF.code: (FUNCREF, "mvp"),
    EXTERNREF.code: (EXTERNREF, "reference_types"),
}
_REF_NULL, _REF = 0x63, 0x64
_LATER_TYPES: Dict[int, str] = {_REF_NULL: "function_references", _REF: "function_references"}
for _type in SHORT_REFTYPES:
    if _type not in (FUNCREF, EXTERNREF):
        _later = "exceptions" if _type.heaptype in ("exn", "noexn") else "gc"
        _LATER_TYPES[_type.code] = _later
        _VALTYPE[_type.code] = _REFTYPE[_type.code] = (_type, _later)
_HEAPTYPE: Dict[int, Tuple[str, str]] = {
    code: (name, _LATER_TYPES.get(code, "mvp")) for name, code in HEAPTYPE_CODES.items()
}
_PACKED: Dict[int, PackedType] = {t.code: t for t in (I8, I16)}
_REC, _SUB, _SUB_FINAL, _FUNC, _STRUCT, _ARRAY = 0x4E, 0x50, 0x4F, 0x60, 0x5F, 0x5E
_LATER_DEFINITIONS: Dict[int, str] = dict.fromkeys((0x4E, 0x4F, 0x50, 0x5E, 0x5F), "gc")
_HAS_MAX, _SHARED, _ADDRESS_64, _PAGE_SIZE_GIVEN = 1, 2, 4, 8
_LIMITS_BITS: Tuple[Tuple[int, str], ...] = (
    (_PAGE_SIZE_GIVEN, "custom_page_sizes"), (_ADDRESS_64, "memory64"), (_SHARED, "threads"),
)  # fmt: skip
_LARGEST_PAGE = 63
"""The log2 of the largest page size that can be written down."""
_TABLE_WITH_INIT = 0x40


class TypeReader:
    """Reads types under ``features``."""

    def __init__(self, features: Features, bounds: Bounds) -> None:
        self.features = features
        self.bounds = bounds
        self._valtype = {c: t for c, (t, f) in _VALTYPE.items() if f in features}
        # What a block type's first byte says alone: the type, or NotImplemented if it does not.
        self.short_blocktypes: List[Any] = [NotImplemented] * 0x100
        for code, valtype in self._valtype.items():
            self.short_blocktypes[code] = valtype
        self.short_blocktypes[0x40] = None
        self._gc = "gc" in features
        self._long = self._gc or "function_references" in features
        self._reftype = {c: t for c, (t, f) in _REFTYPE.items() if f in features}

    def refused(
        self, r: Reader, message: str, code: int, later: Dict[int, str], offset: int
    ) -> MalformedError:
        """The error for a byte that stands for no type here."""
        feature = _VALTYPE[code][1] if code in _VALTYPE else later.get(code)
        if feature is None or feature == "mvp":
            return r.malformed(f"{message} {code:#04x}", offset, rule="type")
        if feature in self.features:
            return r.malformed(
                f"{message} {code:#04x} ({feature} is not supported)", offset, rule="type"
            )
        return r.malformed(
            f"{message} {code:#04x} (needs the feature {feature})", offset, rule="type",
            feature=feature,
        )  # fmt: skip

    def valtype(self, r: Reader) -> ValType:
        """A value type.  Spec: ``#binary-valtype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        found = self._valtype.get(code)
        if found is not None:
            return found
        if code in (_REF_NULL, _REF) and self._long:
            return RefType.of(self.heaptype(r), null=code == _REF_NULL)
        raise self.refused(r, "malformed value type", code, _LATER_TYPES, offset)

    def valtypes(self, r: Reader, limit: int, what: str) -> Tuple[ValType, ...]:
        """A vector of value types.  Raises: MalformedError."""
        return tuple([self.valtype(r) for _ in range(r.count(limit, what))])

    def reftype(self, r: Reader) -> RefType:
        """A reference type.  Spec: ``#binary-reftype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        found = self._reftype.get(code)
        if found is not None:
            return found
        if code in (_REF_NULL, _REF) and self._long:
            return RefType.of(self.heaptype(r), null=code == _REF_NULL)
        raise self.refused(r, "malformed reference type", code, _LATER_TYPES, offset)

    def heaptype(self, r: Reader) -> HeapType:
        """A heap type.  Spec: ``#binary-heaptype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        found, feature = _HEAPTYPE.get(code, (None, ""))
        if found is not None and (feature == "mvp" or feature in self.features):
            return found
        if 0x40 <= code < 0x80 or not self._long:
            raise self.refused(r, "malformed heap type", code, _LATER_TYPES, offset)
        r.pos = offset
        index = r.signed(33)
        if index < 0:
            raise r.malformed("malformed heap type", offset, rule="type")
        return index

    def definitions(self, r: Reader, module: Module) -> None:
        """The types of a module, group by group.

        Spec: ``#binary-rectype``.  Raises: MalformedError.
        """
        limit = self.bounds.types
        for _ in range(r.count(limit, "types")):
            if self._gc and r.pos < r.end and r.data[r.pos] == _REC:
                r.byte()
                start = len(module.types)
                count = r.count(limit - start, "types")
                for _ in range(count):
                    self._subtype(r, module)
                if count > 1:
                    module.recs.append((start, count))
            else:
                self._subtype(r, module)

    def _subtype(self, r: Reader, module: Module) -> None:
        """Append a sub type.  Spec: ``#binary-subtype``.  Raises: MalformedError."""
        if len(module.types) >= self.bounds.types:
            raise r.malformed(f"too many types: the limit is {self.bounds.types}", rule="limit")
        if self._gc and r.pos < r.end and r.data[r.pos] in (_SUB, _SUB_FINAL):
            final = r.byte() == _SUB_FINAL
            sub = SubType(final, tuple(r.indices(r.u32())))
            if sub != PLAIN:
                module.subs[len(module.types)] = sub
        module.types.append(self.comptype(r))

    def comptype(self, r: Reader) -> CompType:
        """A composite type.  Spec: ``#binary-comptype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        if code == _FUNC:
            params = self.valtypes(r, self.bounds.params, "parameters")
            return FuncType(params, self.valtypes(r, self.bounds.results, "results"))
        if code == _STRUCT and self._gc:
            count = r.count(self.bounds.struct_fields, "fields")
            return StructType(tuple([self._fieldtype(r) for _ in range(count)]))
        if code == _ARRAY and self._gc:
            return ArrayType(self._fieldtype(r))
        raise self.refused(r, "malformed definition type", code, _LATER_DEFINITIONS, offset)

    def _fieldtype(self, r: Reader) -> FieldType:
        """A field type.  Spec: ``#binary-fieldtype``.  Raises: MalformedError."""
        storage: Optional[StorageType] = None
        if r.pos < r.end:
            storage = _PACKED.get(r.data[r.pos])
        if storage is None:
            storage = self.valtype(r)
        else:
            r.byte()
        return FieldType(storage, self._mut(r))

    def blocktype(self, r: Reader) -> BlockType:
        """A block type: none, a value type or a type index.

        Spec: ``binary/instructions.html#binary-blocktype``.  Raises: MalformedError.
        """
        offset = r.pos
        code = r.byte()
        if code == 0x40:
            return None
        found = self._valtype.get(code)
        if found is not None:
            return found
        if code in (_REF_NULL, _REF) and self._long:
            return RefType.of(self.heaptype(r), null=code == _REF_NULL)
        if 0x40 <= code < 0x80:
            raise self.refused(r, "malformed block type", code, _LATER_TYPES, offset)
        r.pos = offset
        index = r.signed(33)
        if index < 0:
            raise r.malformed("malformed block type", offset, rule="type")
        if "multi_value" not in self.features:
            raise r.malformed(
                f"malformed block type {index} (needs the feature multi_value)", offset,
                rule="type", feature="multi_value",
            )  # fmt: skip
        return index

    def _limits_flags(self, r: Reader, known: int) -> int:
        """What the limits of a memory or table begin with; ``known`` are the bits it may have.

        Spec: ``#binary-limits``.  Raises: MalformedError.
        """
        offset = r.pos
        flags = r.byte()
        for bit, feature in _LIMITS_BITS:
            if flags & bit and not (bit & known and feature in self.features):
                why = {} if flags >= 0x10 or not bit & known else {flags: feature}
                raise self.refused(r, "malformed limits flags", flags, why, offset)
        if flags >= 0x10:
            raise self.refused(r, "malformed limits flags", flags, {}, offset)
        return flags

    def _limits(self, r: Reader, flags: int) -> Limits:
        """The range behind the flags.  Raises: MalformedError."""
        bits = 64 if "memory64" in self.features else 32
        least = r.unsigned(bits)
        most: Optional[int] = r.unsigned(bits) if flags & _HAS_MAX else None
        return Limits(least, most)

    def tabletype(self, r: Reader) -> TableType:
        """A table type.  Spec: ``#binary-tabletype``.  Raises: MalformedError."""
        offset = r.pos
        if r.pos < r.end and r.data[r.pos] == _TABLE_WITH_INIT and not self._long:
            message, code = "malformed table", _TABLE_WITH_INIT
            raise self.refused(r, message, code, {code: "function_references"}, offset)
        reftype = self.reftype(r)
        flags = self._limits_flags(r, _HAS_MAX | _ADDRESS_64)
        return TableType(reftype, self._limits(r, flags), I64 if flags & _ADDRESS_64 else I32)

    def takes_init(self, r: Reader) -> bool:
        """Take the two bytes by which a table says that it has an initial value, if they are there.

        Spec: ``binary/modules.html#binary-table``.  Raises: MalformedError.
        """
        if not self._long or r.pos >= r.end or r.data[r.pos] != _TABLE_WITH_INIT:
            return False
        r.byte()
        offset = r.pos
        if r.byte() != 0:
            raise r.malformed("malformed table: zero byte expected", offset, rule="flags")
        return True

    def memtype(self, r: Reader) -> MemType:
        """A memory type.  Spec: ``#binary-memtype``.  Raises: MalformedError."""
        flags = self._limits_flags(r, 0x0F)
        limits = self._limits(r, flags)
        addrtype = I64 if flags & _ADDRESS_64 else I32
        offset = r.pos
        page = r.u32() if flags & _PAGE_SIZE_GIVEN else MemType(limits).page
        if page > _LARGEST_PAGE:
            raise r.malformed(f"malformed page size 2^{page}", offset, rule="type")
        return MemType(limits, addrtype, bool(flags & _SHARED), page)

    def globaltype(self, r: Reader) -> GlobalType:
        """A global type.  Spec: ``#binary-globaltype``.  Raises: MalformedError."""
        valtype = self.valtype(r)
        return GlobalType(valtype, self._mut(r))

    def _mut(self, r: Reader) -> bool:
        """Whether something can be written.  Spec: ``#binary-mut``.  Raises: MalformedError."""
        offset = r.pos
        mut = r.byte()
        if mut > 1:
            raise r.malformed(f"malformed mutability {mut:#04x}", offset, rule="flags")
        return mut == 1

    def locals(self, r: Reader) -> List[Tuple[int, ValType]]:
        """The locals of a function in runs, together not beyond the limit.

        Spec: ``binary/modules.html#binary-local``.  Raises: MalformedError.
        """
        runs = []
        total = 0
        limit = self.bounds.function_locals
        for _ in range(r.u32()):
            offset = r.pos
            count = r.u32()
            total += count
            if total > limit:
                raise r.malformed(
                    f"too many locals: {total}, the limit is {limit}", offset, rule="limit"
                )
            runs.append((count, self.valtype(r)))
        return runs
