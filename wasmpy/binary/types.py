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
from wasmpy.syntax.types import (
    EXTERNREF,
    FUNCREF,
    VALTYPES,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    RefType,
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
_HEAPTYPE: Dict[int, HeapType] = {t.code: t.heaptype for t in (FUNCREF, EXTERNREF)}
_LATER_TYPES: Dict[int, str] = {
    **dict.fromkeys((0x63, 0x64), "function_references"),
    **dict.fromkeys((0x69, 0x74), "exceptions"),
    **dict.fromkeys((0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x71, 0x72, 0x73, 0x77, 0x78), "gc"),
}
_LATER_DEFINITIONS: Dict[int, str] = dict.fromkeys((0x4E, 0x4F, 0x50, 0x5E, 0x5F), "gc")
_LATER_LIMITS: Dict[int, str] = {
    **dict.fromkeys((0x02, 0x03), "threads"),
    **dict.fromkeys((0x04, 0x05, 0x06, 0x07), "memory64"),
    **dict.fromkeys(range(0x08, 0x10), "custom_page_sizes"),
}
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
        self._reftype = {c: t for c, (t, f) in _REFTYPE.items() if f in features}

    def refused(
        self, r: Reader, message: str, code: int, later: Dict[int, str], offset: int
    ) -> MalformedError:
        """The error for a byte that stands for no type here."""
        feature = _VALTYPE[code][1] if code in _VALTYPE else later.get(code)
        if feature is None or feature == "mvp":
            return r.malformed(f"{message} {code:#04x}", offset)
        if feature in self.features:
            return r.malformed(f"{message} {code:#04x} ({feature} is not supported)", offset)
        return r.malformed(f"{message} {code:#04x} (needs the feature {feature})", offset)

    def valtype(self, r: Reader) -> ValType:
        """A value type.  Spec: ``#binary-valtype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        found = self._valtype.get(code)
        if found is None:
            raise self.refused(r, "malformed value type", code, _LATER_TYPES, offset)
        return found

    def valtypes(self, r: Reader, limit: int, what: str) -> Tuple[ValType, ...]:
        """A vector of value types.  Raises: MalformedError."""
        return tuple([self.valtype(r) for _ in range(r.count(limit, what))])

    def reftype(self, r: Reader) -> RefType:
        """A reference type.  Spec: ``#binary-reftype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        found = self._reftype.get(code)
        if found is None:
            raise self.refused(r, "malformed reference type", code, _LATER_TYPES, offset)
        return found

    def heaptype(self, r: Reader) -> HeapType:
        """A heap type.  Spec: ``#binary-heaptype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        found = _HEAPTYPE.get(code)
        if found is None:
            raise self.refused(r, "malformed heap type", code, _LATER_TYPES, offset)
        return found

    def functype(self, r: Reader) -> FuncType:
        """A function type.  Spec: ``#binary-functype``.  Raises: MalformedError."""
        offset = r.pos
        code = r.byte()
        if code != 0x60:
            raise self.refused(r, "malformed definition type", code, _LATER_DEFINITIONS, offset)
        params = self.valtypes(r, self.bounds.params, "parameters")
        return FuncType(params, self.valtypes(r, self.bounds.results, "results"))

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
        if 0x40 <= code < 0x80:
            raise self.refused(r, "malformed block type", code, _LATER_TYPES, offset)
        r.pos = offset
        index = r.signed(33)
        if index < 0:
            raise r.malformed("malformed block type", offset)
        if "multi_value" not in self.features:
            raise r.malformed(
                f"malformed block type {index} (needs the feature multi_value)", offset
            )
        return index

    def limits(self, r: Reader) -> Limits:
        """Limits.  Spec: ``#binary-limits``.  Raises: MalformedError."""
        offset = r.pos
        flags = r.byte()
        if flags > 1:
            raise self.refused(r, "malformed limits flags", flags, _LATER_LIMITS, offset)
        least = r.u32()
        most: Optional[int] = r.u32() if flags else None
        return Limits(least, most)

    def tabletype(self, r: Reader) -> TableType:
        """A table type.  Spec: ``#binary-tabletype``.  Raises: MalformedError."""
        offset = r.pos
        if r.pos < r.end and r.data[r.pos] == _TABLE_WITH_INIT:
            message, code = "malformed table", _TABLE_WITH_INIT
            raise self.refused(r, message, code, {code: "function_references"}, offset)
        reftype = self.reftype(r)
        return TableType(reftype, self.limits(r))

    def memtype(self, r: Reader) -> MemType:
        """A memory type.  Spec: ``#binary-memtype``.  Raises: MalformedError."""
        return MemType(self.limits(r))

    def globaltype(self, r: Reader) -> GlobalType:
        """A global type.  Spec: ``#binary-globaltype``.  Raises: MalformedError."""
        valtype = self.valtype(r)
        offset = r.pos
        mut = r.byte()
        if mut > 1:
            raise r.malformed(f"malformed mutability {mut:#04x}", offset)
        return GlobalType(valtype, mut == 1)

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
                raise r.malformed(f"too many locals: {total}, the limit is {limit}", offset)
            runs.append((count, self.valtype(r)))
        return runs
