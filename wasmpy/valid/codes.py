"""Value types as small numbers, for the type stack.

What belongs here: which code a type has, and matching between codes.  What
does not: the rules of matching (``match``), the stack (``stack``).

A value type is one byte, so that a result type is a ``bytes``, the type stack
a ``bytearray``, and a whole signature is compared in one step.  Number types
and abstract references have fixed codes; the references to defined types that
a module uses get the bytes that are left.  A module with more of them is
validated with ``wide`` codes: tuples in place of ``bytes``, and a list.

Equivalent types have the same code, so codes that differ are compared by the
rules of subtyping, and each pair of them once.
"""

from __future__ import annotations

import itertools
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Sequence, Set, Tuple

from wasmpy.errors import InvalidError
from wasmpy.syntax.types import (
    F32,
    F64,
    HEAPTYPE_CODES,
    I32,
    I64,
    V128,
    DefType,
    HeapType,
    RefType,
    ValType,
)
from wasmpy.valid.match import reftype_match

BOTTOM = 0xFF
"""The type of an operand that unreachable code takes from nowhere; matches every type."""

REF_BOTTOM = 0xFE
"""The type of such an operand once it is known to be a reference; matches every reference."""

SENTINEL = 0
"""Stands in the type stack under the operands of each control frame; matches no type."""

_NOT_NULL = 0x40
"""What the code of an abstract reference loses when it cannot be null."""

TYPE_OF: Dict[int, ValType] = {t.code: t for t in (I32, I64, F32, F64, V128)}
"""The types that have a fixed code, by it."""
_ABSTRACT: Dict[Tuple[bool, HeapType], int] = {}
for _name, _code in HEAPTYPE_CODES.items():
    TYPE_OF[_code] = RefType.of(_name, null=True)
    TYPE_OF[_code - _NOT_NULL] = RefType.of(_name, null=False)
    _ABSTRACT[True, _name] = _code
    _ABSTRACT[False, _name] = _code - _NOT_NULL

REF_CODES: FrozenSet[int] = frozenset({*_ABSTRACT.values(), REF_BOTTOM})
"""The codes of the abstract reference types."""

_FREE = tuple(sorted(set(range(1, 0xFE)) - set(TYPE_OF)))
_WIDE = 0x100


def code_of(valtype: ValType) -> int:
    """The fixed code of a value type.  Raises: KeyError for a reference to a defined type."""
    return valtype.code or _ABSTRACT[valtype.null, valtype.heaptype]  # type: ignore[union-attr]


def codes_of(types: Iterable[ValType]) -> bytes:
    """The codes of a result type whose types all have fixed ones."""
    return bytes([code_of(t) for t in types])


def type_text(codes: Iterable[int]) -> str:
    r"""Codes as the spec writes a result type; what is unknown is ``_``.

    >>> type_text(b"\x7f\xff")
    '[i32 _]'
    """
    return "[" + " ".join([str(TYPE_OF.get(c, "_")) for c in codes]) + "]"


class TooManyTypes(Exception):  # noqa: N818 - a turn, no fault
    """A module uses more reference types than there are bytes for."""


class WideStack(List[int]):
    """A type stack for codes beyond a byte; the methods of ``bytearray`` that rules use."""

    def endswith(self, codes: Sequence[int]) -> bool:
        """Whether the codes on top are ``codes``."""
        count = len(codes)
        return count == 0 or self[-count:] == codes

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return tuple(found) if isinstance(key, slice) else found


class TypeCodes:
    """The codes of one module's types.

    ``refs`` are the codes that stand for references, ``unset`` those of types
    without a default value.
    """

    def __init__(self, deftypes: Sequence[DefType], *, wide: bool = False) -> None:
        self.wide = wide
        self.refs: Set[int] = set(REF_CODES)
        self.unset: Set[int] = {code for (null, _), code in _ABSTRACT.items() if not null}
        self._deftypes = deftypes
        self._types: Dict[int, ValType] = dict(TYPE_OF)
        self._codes: Dict[Tuple[bool, HeapType], int] = dict(_ABSTRACT)
        self._free: Iterator[int] = iter(_FREE)
        if wide:
            self._free = itertools.chain(_FREE, itertools.count(_WIDE))
        self._matched: Set[Tuple[int, int]] = set()
        self._differ: Set[Tuple[int, int]] = set()

    def of(self, valtype: ValType) -> int:
        """The code of a type.  Raises: InvalidError for an unknown type index; TooManyTypes."""
        return valtype.code or self.ref(valtype.heaptype, null=valtype.null)  # type: ignore[union-attr]

    def ref(self, heaptype: HeapType, *, null: bool) -> int:
        """The code of the reference to a heap type.  Raises: as ``of``."""
        if isinstance(heaptype, int):
            if not 0 <= heaptype < len(self._deftypes):
                raise InvalidError(f"unknown type {heaptype}", "heaptype")
            heaptype = self._deftypes[heaptype]
        code = self._codes.get((null, heaptype))
        if code is None:
            code = next(self._free, 0)
            if not code:
                raise TooManyTypes
            self._codes[null, heaptype] = code
            self._types[code] = RefType(0, null, heaptype)
            self.refs.add(code)
            if not null:
                self.unset.add(code)
        return code

    def all_of(self, types: Iterable[ValType]) -> bytes:
        """The codes of a result type, in the form that the stack compares with."""
        return self.frozen([t.code or self.of(t) for t in types])

    def frozen(self, codes: Iterable[int]) -> bytes:
        """Codes in the form that the stack compares with."""
        if self.wide:
            return tuple(codes)  # type: ignore[return-value]
        return bytes(codes)

    def runs(self, params: bytes, runs: Iterable[Tuple[int, ValType]]) -> bytes:
        """``params`` and locals behind them, given in runs."""
        parts = [self.frozen([self.of(t)]) * n for n, t in runs]
        if self.wide:
            return self.frozen(itertools.chain(params, *parts))
        return params + b"".join(parts)

    def stack(self) -> bytearray:
        """A type stack with a sentinel in it."""
        if self.wide:
            return WideStack([SENTINEL])  # type: ignore[return-value]
        return bytearray([SENTINEL])

    def type_of(self, code: int) -> ValType:
        """The closed type that a code stands for."""
        return self._types[code]

    def heaptype(self, code: int) -> HeapType:
        """What a reference refers to, by its code; an abstract type's name or a defined type."""
        found = self._types[code]
        assert isinstance(found, RefType)
        return found.heaptype

    def not_null(self, code: int) -> int:
        """The code of the same reference without null."""
        return code if code == REF_BOTTOM else self.ref(self.heaptype(code), null=False)

    def text(self, codes: Iterable[int]) -> str:
        """Codes as the spec writes a result type; references by the module's indices."""
        names = []
        indices: Dict[HeapType, int] = {}
        for i, deftype in enumerate(self._deftypes):
            indices.setdefault(deftype, i)
        for code in codes:
            found = self._types.get(code)
            if isinstance(found, RefType) and isinstance(found.heaptype, DefType):
                found = RefType(0, found.null, indices[found.heaptype])
            names.append("_" if found is None else str(found))
        return "[" + " ".join(names) + "]"

    def match(self, actual: int, expected: int) -> bool:
        """Whether the type of code ``actual`` matches that of ``expected``."""
        if actual in (expected, BOTTOM):
            return True
        pair = actual, expected
        if pair in self._matched:
            return True
        if pair in self._differ or actual not in self.refs or expected not in self.refs:
            return False
        right = actual == REF_BOTTOM
        if not right and expected != REF_BOTTOM:
            one, other = self._types[actual], self._types[expected]
            assert isinstance(one, RefType)
            assert isinstance(other, RefType)
            right = reftype_match(one, other)
        (self._matched if right else self._differ).add(pair)
        return right

    def all_match(self, actual: Sequence[int], expected: Sequence[int]) -> bool:
        """Whether result types match: pointwise, each pair of types looked at once."""
        if len(actual) != len(expected):
            return False
        pairs = set(zip(actual, expected)) - self._matched
        return all(self.match(one, other) for one, other in pairs)
