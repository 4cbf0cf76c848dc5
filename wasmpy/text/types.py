"""Types in the text format, and the uses of types by index or in place.

What belongs here: value, reference, function, limits, memory, table and
global types, type uses, and indices of every space.  What does not:
instructions and module fields.

Spec: ``text/types.html``, ``text/modules.html#type-uses``.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from wasmpy.syntax.types import (
    EXTERNREF,
    FUNCREF,
    I32,
    I64,
    VALTYPES,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    NumType,
    RefType,
    ResultType,
    TableType,
    ValType,
)
from wasmpy.text.context import ModuleContext
from wasmpy.text.cursor import Cursor
from wasmpy.text.lexer import Tokens
from wasmpy.text.unsupported import field_feature, heaptype_feature

_VALTYPES: Dict[str, ValType] = {str(t): t for t in VALTYPES}
_SHORT_REFS = {"func": FUNCREF, "extern": EXTERNREF}
_ADDRTYPES: Dict[str, NumType] = {"i32": I32, "i64": I64}

ParamNames = List[Tuple[Optional[str], ValType]]


class TypeParser(Cursor):
    """Reads types, against the identifiers of one module."""

    def __init__(self, tokens: Tokens, context: ModuleContext, pos: int = 0) -> None:
        super().__init__(tokens, pos)
        self.context = context
        self.spaces = context.spaces

    def need(self, feature: str, what: str, at: Optional[int] = None) -> None:
        """Refuse ``what`` unless the features at hand have it."""
        if feature not in self.context.features:
            raise self.unsupported(what, feature, at)

    def at_index(self) -> bool:
        """Whether an index comes next, by number or identifier."""
        return self.texts[self.pos][:1] == "$" or self.at_number()

    def take_index(self, kind: str) -> int:
        """Take an index into the space ``kind``.  A number may be out of range."""
        text = self.texts[self.pos]
        if text[:1] != "$":
            return self.take_nat(32)
        index = self.spaces[kind].ids.get(text)
        if index is None:
            raise self.error(f"unknown {kind} {text}")
        self.pos += 1
        return index

    def take_heaptype(self) -> HeapType:
        """Take a heap type."""
        text = self.texts[self.pos]
        if text in _SHORT_REFS:
            self.pos += 1
            return text
        if self.at_index():
            self.need("function_references", f"a reference to type {text}")
            return self.take_index("type")
        feature = heaptype_feature(text)
        if feature is None:
            self.unexpected("a heap type")
        raise self.unsupported(f"the heap type {text}", feature)

    def take_reftype(self) -> RefType:
        """Take a reference type, short or long."""
        text = self.texts[self.pos]
        if text in ("funcref", "externref"):
            self.pos += 1
            return FUNCREF if text == "funcref" else EXTERNREF
        if text == "(" and self.take_list("ref"):
            null = self.texts[self.pos] == "null"
            if null:
                self.pos += 1
            at = self.pos
            heaptype = self.take_heaptype()
            self.expect(")")
            if null and isinstance(heaptype, str):
                return _SHORT_REFS[heaptype]
            self.need("function_references", f"(ref {heaptype})", at)
            return RefType(0, null, heaptype)
        if text.endswith("ref"):
            short = {"null": "none", "nullfunc": "nofunc", "nullextern": "noextern"}
            feature = heaptype_feature(short.get(text[:-3], text[:-3]))
            if feature is not None:
                raise self.unsupported(f"the type {text}", feature)
        return self.unexpected("a reference type")

    def take_valtype(self) -> ValType:
        """Take a value type."""
        found = _VALTYPES.get(self.texts[self.pos])
        if found is None:
            return self.take_reftype()
        self.pos += 1
        return found

    def take_valtypes(self) -> List[ValType]:
        """Take value types up to the end of the list."""
        types: List[ValType] = []
        while self.texts[self.pos] != ")":
            types.append(self.take_valtype())
        return types

    def take_signature(self, *, named: bool) -> Tuple[ParamNames, ResultType]:
        """Take ``(param ...)*`` and ``(result ...)*``; identifiers only where ``named``."""
        params: ParamNames = []
        results: List[ValType] = []
        while self.take_list("param"):
            identifier = self.take_id() if named else None
            if identifier is not None:
                params.append((identifier, self.take_valtype()))
            else:
                params.extend((None, t) for t in self.take_valtypes())
            self.expect(")")
        while self.take_list("result"):
            results.extend(self.take_valtypes())
            self.expect(")")
        return params, tuple(results)

    def take_functype(self) -> FuncType:
        """Take a type definition's body: ``(func ...)``."""
        if self.texts[self.pos] == "(":
            feature = field_feature(self.texts[self.pos + 1])
            if feature is not None:
                raise self.unsupported(f"({self.texts[self.pos + 1]} ...)", feature)
        self.expect("(")
        self.expect("func")
        params, results = self.take_signature(named=True)
        self.expect(")")
        return FuncType(tuple(t for _, t in params), results)

    def take_typeuse(self, *, named: bool) -> Tuple[int, ParamNames]:
        """Take a type use: the index, and the parameters with their identifiers.

        Spec: ``text/modules.html#text-typeuse``.
        """
        start = self.pos
        typeidx: Optional[int] = None
        if self.take_list("type"):
            typeidx = self.take_index("type")
            self.expect(")")
        inline = self.pos
        params, results = self.take_signature(named=named)
        written = FuncType(tuple(t for _, t in params), results)
        if typeidx is None:
            return self.context.index_of_type(written), params
        declared = self.context.functype(typeidx)
        if self.pos == inline:
            types = () if declared is None else declared.params
            return typeidx, [(None, t) for t in types]
        if declared is None:
            raise self.error(f"unknown type {typeidx}", start)
        if declared != written:
            raise self.error("inline function type does not match its type use", start)
        return typeidx, params

    def take_blocktype(self) -> object:
        """Take a block type: None, a value type, or a type index."""
        if self.texts[self.pos] != "(":
            return None
        if self.texts[self.pos + 1] in ("type", "param"):
            return self.take_typeuse(named=False)[0]
        _, results = self.take_signature(named=False)
        if not results:
            return None
        if len(results) == 1:
            return results[0]
        return self.context.index_of_type(FuncType((), results))

    def take_addrtype(self) -> NumType:
        """Take the address type of a memory or table, i32 unless written."""
        text = self.texts[self.pos]
        if text not in _ADDRTYPES:
            return I32
        if text == "i64":
            self.need("memory64", "an i64 address")
        self.pos += 1
        return _ADDRTYPES[text]

    def take_limits(self) -> Limits:
        """Take a minimum and, if there is one, a maximum."""
        minimum = self.take_nat(64)
        return Limits(minimum, self.take_nat(64) if self.at_number() else None)

    def take_memtype(self) -> MemType:
        """Take a memory type."""
        return self.take_memtype_rest(self.take_addrtype())

    def take_memtype_rest(self, addrtype: NumType) -> MemType:
        """Take what follows the address type of a memory type."""
        limits = self.take_limits()
        shared = self.texts[self.pos] == "shared"
        if shared:
            self.need("threads", "a shared memory")
            self.pos += 1
        if self.at_list("pagesize"):
            raise self.unsupported("a page size", "custom_page_sizes")
        return MemType(limits, addrtype, shared)

    def take_tabletype(self) -> TableType:
        """Take a table type."""
        addrtype = self.take_addrtype()
        limits = self.take_limits()
        return TableType(self.take_reftype(), limits, addrtype)

    def take_globaltype(self) -> GlobalType:
        """Take a global type."""
        if self.take_list("mut"):
            valtype = self.take_valtype()
            self.expect(")")
            return GlobalType(valtype, True)
        return GlobalType(self.take_valtype(), False)


__all__ = ["ParamNames", "TypeParser"]
