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
    F32,
    F64,
    HEAPTYPE_CODES,
    I8,
    I16,
    I32,
    I64,
    PLAIN,
    SHORT_REFTYPES,
    V128,
    VALTYPES,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    NumType,
    PackedType,
    RefType,
    ResultType,
    StorageType,
    StructType,
    SubType,
    TableType,
    ValType,
)
from wasmpy.text.context import ModuleContext
from wasmpy.text.cursor import Cursor
from wasmpy.text.lexer import Tokens

_VALTYPES: Dict[str, ValType] = {str(t): t for t in VALTYPES}
_SHORT_REFS: Dict[str, RefType] = {str(t): t for t in SHORT_REFTYPES}
_PACKED: Dict[str, PackedType] = {str(t): t for t in (I8, I16)}
_LATER: Dict[HeapType, str] = {
    name: "exceptions" if name in ("exn", "noexn") else "gc"
    for name in HEAPTYPE_CODES
    if name not in ("func", "extern")
}
"""The feature of each abstract heap type that is younger than references."""
_FIRST = frozenset(t.code for t in (I32, I64, F32, F64))
"""The value types of 1.0."""
_ADDRTYPES: Dict[str, NumType] = {"i32": I32, "i64": I64}

ParamNames = List[Tuple[Optional[str], ValType]]


class TypeParser(Cursor):
    """Reads types, against the identifiers of one module."""

    def __init__(self, tokens: Tokens, context: ModuleContext, pos: int = 0) -> None:
        super().__init__(tokens, pos)
        self.context = context
        self.spaces = context.spaces

    def need(self, feature: Optional[str], what: str, at: Optional[int] = None) -> None:
        """Refuse ``what`` unless the features at hand have it."""
        if feature is not None and feature not in self.context.features:
            raise self.unsupported(what, feature, at)

    def need_typed_references(self, what: str, at: Optional[int] = None) -> None:
        """Refuse ``what`` without ``function_references``, whose types ``gc`` includes."""
        if "gc" not in self.context.features:
            self.need("function_references", what, at)

    def note_local_name(self, localidx: int) -> None:
        """Keep the name that an annotation gives a parameter."""
        name = self.take_name_annotation("local")
        if name is not None:
            self.context.local_names[localidx] = name

    def take_name_annotation(self, what: str) -> Optional[str]:
        """Take an annotation that names ``what``: there is none; ``annotations`` has the rule."""
        return None

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
        if text in HEAPTYPE_CODES:
            self.need(_LATER.get(text), f"the heap type {text}")
            self.pos += 1
            return text
        if self.at_index():
            self.need_typed_references(f"a reference to type {text}")
            return self.take_index("type")
        return self.unexpected("a heap type")

    def take_reftype(self) -> RefType:
        """Take a reference type, short or long."""
        text = self.texts[self.pos]
        found = _SHORT_REFS.get(text)
        if found is not None:
            later = "reference_types" if found == EXTERNREF else _LATER.get(found.heaptype)
            self.need(later, f"the type {text}")
            self.pos += 1
            return found
        if text == "(" and self.take_list("ref"):
            null = self.texts[self.pos] == "null"
            if null:
                self.pos += 1
            at = self.pos
            heaptype = self.take_heaptype()
            self.expect(")")
            reftype = RefType.of(heaptype, null=null)
            if not reftype.code:
                self.need_typed_references(f"(ref {heaptype})", at)
            return reftype
        return self.unexpected("a reference type")

    def take_valtype(self) -> ValType:
        """Take a value type."""
        found = _VALTYPES.get(self.texts[self.pos])
        if found is None:
            return self.take_reftype()
        if found.code not in _FIRST:
            feature = "simd" if found == V128 else "reference_types"
            self.need(feature, f"the value type {found}")
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
            if named:
                self.note_local_name(len(params))
            if identifier is not None:
                params.append((identifier, self.take_valtype()))
            else:
                params.extend((None, t) for t in self.take_valtypes())
            self.expect(")")
        while self.take_list("result"):
            results.extend(self.take_valtypes())
            self.expect(")")
        return params, tuple(results)

    def take_subtype(self, typeidx: int) -> Tuple[SubType, CompType]:
        """Take a type definition's body: ``(sub ...)`` or a composite type.

        Spec: ``text/types.html#text-subtype``.
        """
        at = self.pos
        if not self.take_list("sub"):
            return PLAIN, self._take_comptype(typeidx)
        self.need("gc", "(sub ...)", at + 1)
        final = self.texts[self.pos] == "final"
        if final:
            self.pos += 1
        supers = []
        while self.at_index():
            supers.append(self.take_index("type"))
        comp = self._take_comptype(typeidx)
        self.expect(")")
        return SubType(final, tuple(supers)), comp

    def _take_comptype(self, typeidx: int) -> CompType:
        """Take ``(func ...)``, ``(struct ...)`` or ``(array ...)``.  Spec: ``#text-comptype``."""
        self.expect("(")
        keyword = self.texts[self.pos]
        comp: CompType
        if keyword in ("struct", "array"):
            self.need("gc", f"({keyword} ...)")
            self.pos += 1
            if keyword == "struct":
                comp = StructType(self._take_fields(typeidx))
            else:
                comp = ArrayType(self._take_field())
        else:
            self.expect("func")
            params, results = self.take_signature(named=True)
            comp = FuncType(tuple(t for _, t in params), results)
        self.expect(")")
        return comp

    def _take_fields(self, typeidx: int) -> Tuple[FieldType, ...]:
        """Take the fields of a structure; their identifiers are kept by its type's index."""
        fields: List[FieldType] = []
        ids: Dict[str, int] = {}
        while self.take_list("field"):
            at = self.pos
            identifier = self.take_id()
            name = self.take_name_annotation("field")
            if identifier in ids:
                raise self.error(f"duplicate field {identifier}", at)
            if identifier is not None:
                ids[identifier] = len(fields)
            if name is not None or identifier is not None:
                names = self.context.module.names.fields.setdefault(typeidx, {})
                names[len(fields)] = name or str(identifier)[1:]
                fields.append(self._take_field())
            while self.texts[self.pos] != ")":
                if identifier is not None:
                    self.unexpected(")")
                fields.append(self._take_field())
            self.expect(")")
        if ids:
            self.context.field_ids[typeidx] = ids
        return tuple(fields)

    def _take_field(self) -> FieldType:
        """Take a field type.  Spec: ``text/types.html#text-fieldtype``."""
        mut = self.take_list("mut")
        storage: StorageType
        if self.texts[self.pos] in _PACKED:
            storage = _PACKED[self.texts[self.pos]]
            self.pos += 1
        else:
            storage = self.take_valtype()
        if mut:
            self.expect(")")
        return FieldType(storage, mut)

    def take_fieldidx(self, typeidx: int) -> int:
        """Take the index of a field of a structure type."""
        text = self.texts[self.pos]
        if text[:1] != "$":
            return self.take_nat(32)
        index = self.context.field_ids.get(typeidx, {}).get(text)
        if index is None:
            raise self.error(f"unknown field {text}")
        self.pos += 1
        return index

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
        at = self.pos
        found = self._take_blocktype()
        if isinstance(found, int):
            self.need("multi_value", "a block type by index", at)
        return found

    def _take_blocktype(self) -> object:
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
        bits = self.context.address_bits
        minimum = self.take_nat(bits)
        return Limits(minimum, self.take_nat(bits) if self.at_number() else None)

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
        return MemType(limits, addrtype, shared, self.take_page(MemType(limits).page))

    def take_page(self, default: int) -> int:
        """Take ``(pagesize n)`` if it comes next; the log2 of the page size."""
        at = self.pos
        if not self.take_list("pagesize"):
            return default
        self.need("custom_page_sizes", "a page size", at)
        size = self.take_nat(64)
        if size == 0 or size & (size - 1):
            raise self.error(f"invalid custom page size {size}", at)
        self.expect(")")
        return size.bit_length() - 1

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
