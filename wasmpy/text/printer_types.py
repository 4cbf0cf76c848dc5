"""Types as the printer writes them.

What belongs here: value, reference, composite and external types, type
definitions and uses.  What does not: instructions and fields of the module.

Spec: ``text/types.html``.
"""

from __future__ import annotations

from typing import Iterable, List, Sequence

from wasmpy.syntax.module import Module
from wasmpy.syntax.types import (
    I32,
    PLAIN,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    NumType,
    RefType,
    StorageType,
    StructType,
    TableType,
)
from wasmpy.text.printer_names import Identifiers, Space

_DEFAULT_PAGE = 16


class TypePrinter:
    """Writes the types of one module."""

    def __init__(self, module: Module, ids: Identifiers) -> None:
        self.module = module
        self.ids = ids

    def heaptype(self, heaptype: HeapType) -> str:
        """A heap type."""
        if isinstance(heaptype, int):
            return self.ids.ref("type", heaptype)
        return str(heaptype)

    def valtype(self, valtype: StorageType) -> str:
        """A value type or a packed type."""
        if isinstance(valtype, RefType) and not valtype.code:
            null = "null " if valtype.null else ""
            return f"(ref {null}{self.heaptype(valtype.heaptype)})"
        return str(valtype)

    def valtypes(self, keyword: str, types: Iterable[StorageType]) -> str:
        """`` (keyword types)``, or nothing for none."""
        shown = " ".join([self.valtype(t) for t in types])
        return f" ({keyword} {shown})" if shown else ""

    def signature(self, functype: FuncType, names: Sequence[str] = ()) -> str:
        """Parameters, those that have a name by themselves, and results."""
        return self.variables("param", functype.params, names) + self.valtypes(
            "result", functype.results
        )

    def variables(self, keyword: str, types: Sequence[StorageType], names: Sequence[str]) -> str:
        """Parameters or locals; ``names`` has an identifier or nothing for each."""
        if not any(names):
            return self.valtypes(keyword, types)
        parts: List[str] = []
        run: List[StorageType] = []
        for name, valtype in zip(names, types):
            if name:
                parts.append(self.valtypes(keyword, run))
                run = []
                parts.append(f" ({keyword} {name} {self.valtype(valtype)})")
            else:
                run.append(valtype)
        return "".join(parts) + self.valtypes(keyword, run)

    def functype(self, typeidx: int) -> FuncType:
        """The function type at an index; an empty one where there is none."""
        types = self.module.types
        found = types[typeidx] if typeidx < len(types) else None
        return found if isinstance(found, FuncType) else FuncType((), ())

    def typeuse(self, typeidx: int, names: Sequence[str] = ()) -> str:
        """`` (type x)`` with the parameters and results it stands for."""
        return f" (type {self.ids.ref('type', typeidx)})" + self.signature(
            self.functype(typeidx), names
        )

    def fieldtype(self, field: FieldType) -> str:
        """The type of a field."""
        shown = self.valtype(field.storage)
        return f"(mut {shown})" if field.mut else shown

    def comptype(self, comptype: CompType, fields: Space) -> str:
        """A composite type; ``fields`` names the fields of a structure."""
        if isinstance(comptype, FuncType):
            return f"(func{self.signature(comptype)})"
        if isinstance(comptype, ArrayType):
            return f"(array {self.fieldtype(comptype.field)})"
        assert isinstance(comptype, StructType)
        shown = []
        for i, field in enumerate(comptype.fields):
            name = fields.local(i)
            shown.append(f" (field {name + ' ' if name else ''}{self.fieldtype(field)})")
        return "(struct" + "".join(shown) + ")"

    def typedef(self, typeidx: int) -> str:
        """A type definition."""
        module = self.module
        shown = self.comptype(module.types[typeidx], self.ids.fields(typeidx))
        sub = module.subs.get(typeidx, PLAIN)
        if sub != PLAIN:
            words = ["sub", "final"] if sub.final else ["sub"]
            words += [self.ids.ref("type", x) for x in sub.supers]
            shown = f"({' '.join(words)} {shown})"
        return f"(type{self.ids.definition('type', typeidx)} {shown})"

    def limits(self, limits: Limits, addrtype: NumType) -> str:
        """Address type, minimum and maximum."""
        parts = [] if addrtype is I32 or addrtype == I32 else [str(addrtype)]
        parts.append(str(limits))
        return " ".join(parts)

    def memtype(self, memtype: MemType) -> str:
        """A memory type."""
        text = self.limits(memtype.limits, memtype.addrtype)
        if memtype.shared:
            text += " shared"
        bits = memtype.page
        return text if bits == _DEFAULT_PAGE else f"{text} (pagesize {1 << bits})"

    def tabletype(self, tabletype: TableType) -> str:
        """A table type."""
        limits = self.limits(tabletype.limits, tabletype.addrtype)
        return f"{limits} {self.valtype(tabletype.reftype)}"

    def globaltype(self, globaltype: GlobalType) -> str:
        """A global type."""
        shown = self.valtype(globaltype.valtype)
        return f"(mut {shown})" if globaltype.mut else shown
