"""Matching: may a value of this type stand where that one is asked for?

What belongs here: the rules of subtyping, between value types and between
the types of imports and exports.  Types are closed (``canonical``): what
they refer to are defined types, of which equivalent ones are identical.
What does not: how an import is found (``wasmpy.exec``).

Spec: ``valid/matching.html``.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Union

from wasmpy.syntax.types import (
    HEAPTYPE_CODES,
    ArrayType,
    CompType,
    DefType,
    ExternType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    RefType,
    ResultType,
    StorageType,
    StructType,
    TableType,
    TagType,
)

_ABOVE: Dict[str, str] = {"i31": "eq", "struct": "eq", "array": "eq", "eq": "any"}
_BOTTOMS: Dict[str, str] = {"none": "any", "nofunc": "func", "noextern": "extern", "noexn": "exn"}


def _all_above(name: str) -> FrozenSet[str]:
    found = {name}
    while name in _ABOVE:
        name = _ABOVE[name]
        found.add(name)
    return frozenset(found)


SUPERTYPES: Dict[str, FrozenSet[str]] = {name: _all_above(name) for name in HEAPTYPE_CODES}
"""The abstract heap types that each matches, itself among them."""
for _bottom, _top in _BOTTOMS.items():
    SUPERTYPES[_bottom] = frozenset(
        {_bottom, *(name for name, above in SUPERTYPES.items() if _top in above)}
    )


def kind_of(comp: CompType) -> str:
    """The abstract heap type right above a composite type."""
    if isinstance(comp, FuncType):
        return "func"
    return "struct" if isinstance(comp, StructType) else "array"


def top_of(heaptype: HeapType) -> str:
    """The greatest heap type above a closed one: ``any``, ``func``, ``extern`` or ``exn``."""
    name = kind_of(heaptype.comp) if isinstance(heaptype, DefType) else str(heaptype)
    return next(top for top in _BOTTOMS.values() if top in SUPERTYPES[name])


def heaptype_match(actual: HeapType, expected: HeapType) -> bool:
    """Whether heap type ``actual`` matches ``expected``.

    >>> heaptype_match("i31", "any"), heaptype_match("none", "struct"), heaptype_match("eq", "i31")
    (True, True, False)

    Spec: ``#match-heaptype``.
    """
    if actual is expected:
        return True
    if isinstance(actual, str):
        if isinstance(expected, str):
            return expected in SUPERTYPES[actual]
        # Below a defined type there is, but for declared ones, only the bottom.
        return isinstance(expected, DefType) and _BOTTOMS.get(actual) == top_of(expected)
    if isinstance(actual, DefType):
        if isinstance(expected, DefType):
            return actual.matches(expected)
        return expected in SUPERTYPES[kind_of(actual.comp)]
    return actual == expected


def reftype_match(actual: RefType, expected: RefType) -> bool:
    """Null only where null may be, and matching heap types.  Spec: ``#match-reftype``."""
    if actual.null and not expected.null:
        return False
    return heaptype_match(actual.heaptype, expected.heaptype)


def valtype_match(actual: StorageType, expected: StorageType) -> bool:
    """Equal, or reference types that match; packed types too.  Spec: ``#match-valtype``."""
    if isinstance(actual, RefType) and isinstance(expected, RefType):
        return reftype_match(actual, expected)
    return actual == expected


def resulttype_match(actual: ResultType, expected: ResultType) -> bool:
    """Pointwise.  Spec: ``#match-resulttype``."""
    return len(actual) == len(expected) and all(map(valtype_match, actual, expected))


def fieldtype_match(actual: FieldType, expected: FieldType) -> bool:
    """One that can be written matches in both directions.  Spec: ``#match-fieldtype``."""
    if actual.mut != expected.mut or not valtype_match(actual.storage, expected.storage):
        return False
    return not actual.mut or valtype_match(expected.storage, actual.storage)


def comptype_match(actual: CompType, expected: CompType) -> bool:
    """Whether a type may be declared below another by its shape.  Spec: ``#match-comptype``."""
    if isinstance(actual, FuncType) and isinstance(expected, FuncType):
        return resulttype_match(expected.params, actual.params) and resulttype_match(
            actual.results, expected.results
        )
    if isinstance(actual, StructType) and isinstance(expected, StructType):
        return len(actual.fields) >= len(expected.fields) and all(
            map(fieldtype_match, actual.fields, expected.fields)
        )
    if isinstance(actual, ArrayType) and isinstance(expected, ArrayType):
        return fieldtype_match(actual.field, expected.field)
    return False


def externtype_match(
    actual: Union[ExternType, DefType], expected: Union[ExternType, DefType]
) -> bool:
    """Whether ``actual`` may stand where ``expected`` is asked for.

    A function comes with its defined type (or, between themselves, two
    function types): to be of that shape is not enough.  A memory or table is
    offered with its present size as minimum.

    Spec: ``valid/matching.html#match-externtype``.
    """
    if isinstance(expected, DefType):
        return isinstance(actual, DefType) and actual.matches(expected)
    if isinstance(expected, FuncType):
        return isinstance(actual, FuncType) and functype_match(actual, expected)
    if isinstance(expected, TableType):
        return (
            isinstance(actual, TableType)
            and actual.addrtype == expected.addrtype
            and reftypes_agree(actual.reftype, expected.reftype)
            and limits_match(actual.limits, expected.limits)
        )
    if isinstance(expected, MemType):
        return (
            isinstance(actual, MemType)
            and actual.addrtype == expected.addrtype
            and actual.shared == expected.shared
            and actual.page == expected.page
            and limits_match(actual.limits, expected.limits)
        )
    if isinstance(expected, TagType):
        return isinstance(actual, TagType) and tagtype_match(actual, expected)
    return isinstance(actual, GlobalType) and globaltype_match(actual, expected)


def tagtype_match(actual: TagType, expected: TagType) -> bool:
    """Tag types match when they are equivalent.  Spec: ``#match-tagtype``."""
    if isinstance(actual.type, DefType) or isinstance(expected.type, DefType):
        return actual.type is expected.type
    return actual.type == expected.type


def functype_match(actual: FuncType, expected: FuncType) -> bool:
    """Function types match when they are equal.  Spec: ``#match-functype``."""
    return actual == expected


def globaltype_match(actual: GlobalType, expected: GlobalType) -> bool:
    """Equal mutability; equal types for a mutable global, matching ones else.

    Spec: ``#match-globaltype``.
    """
    if actual.mut != expected.mut:
        return False
    if actual.mut and not valtype_match(expected.valtype, actual.valtype):
        return False
    return valtype_match(actual.valtype, expected.valtype)


def reftypes_agree(actual: RefType, expected: RefType) -> bool:
    """Whether each matches the other, as the elements of a table must."""
    return reftype_match(actual, expected) and reftype_match(expected, actual)


def limits_match(actual: Limits, expected: Limits) -> bool:
    """Whether every size that ``actual`` allows is one that ``expected`` allows.

    >>> limits_match(Limits(2, 5), Limits(1, None)), limits_match(Limits(2, None), Limits(1, 9))
    (True, False)

    Spec: ``#match-limits``.
    """
    if actual.min < expected.min:
        return False
    if expected.max is None:
        return True
    return actual.max is not None and actual.max <= expected.max
