"""Structures and arrays at the boundary.

What belongs here: views of objects of the heap with readable fields, equal by
the identity of the object, and how a host makes one.  What does not: other
references (``values``).

Spec: ``appendix/embedding.html#references``.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Tuple, Union

from wasmpy.exec.heap import (
    I31,
    ArrayInst,
    HostRef,
    StructInst,
    default_of,
    externalized,
    internalized,
)
from wasmpy.syntax.types import I8, ArrayType, DefType, FieldType, PackedType, StructType

if TYPE_CHECKING:
    from wasmpy.api.store import Store

TypeDef = Union[DefType, StructType, ArrayType]
"""A defined type of the store, or the shape of one that is not declared below another."""


def _defined(store: Store, typedef: TypeDef) -> DefType:
    if not isinstance(typedef, DefType):
        return store.inst.types.intern(typedef)
    if typedef.space is not store.inst.types:
        raise ValueError("the type belongs to another store")
    return typedef


def field_to_raw(store: Store, field: FieldType, value: Any) -> Any:
    """A Python value as the raw value of a field.  Raises: TypeError, ValueError."""
    from wasmpy.api.values import to_raw

    storage = field.storage
    if not isinstance(storage, PackedType):
        return to_raw(store, storage, value)
    width = 8 if storage == I8 else 16
    if not isinstance(value, int):
        raise TypeError(f"{storage} takes an int, not {type(value).__name__}")
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise ValueError(f"{value} does not fit {storage}")
    return value & ((1 << width) - 1)


def field_from_raw(store: Store, field: FieldType, raw: Any) -> Any:
    """The Python value of a field; a packed one is unsigned."""
    from wasmpy.api.values import from_raw

    return raw if isinstance(field.storage, PackedType) else from_raw(store, field.storage, raw)


class Aggregate(abc.ABC):
    """What structures and arrays share: indexing, length, iteration, equality by identity."""

    inst: Any
    store: Store

    @property
    def deftype(self) -> DefType:
        """The defined type: with it, more of the same can be made."""
        found: DefType = self.inst.deftype
        return found

    @property
    def fields(self) -> Tuple[Any, ...]:
        """The values, as Python sees them."""
        return tuple(self)

    @abc.abstractmethod
    def _field(self, i: int) -> FieldType:
        """The type of the field at ``i``."""

    def __len__(self) -> int:
        return len(self.inst.fields)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def _index(self, i: int) -> int:
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no field {i} of {len(self)}")
        return i % len(self)

    def __getitem__(self, i: int) -> Any:
        i = self._index(i)
        return field_from_raw(self.store, self._field(i), self.inst.fields[i])

    def __setitem__(self, i: int, value: Any) -> None:
        i = self._index(i)
        field = self._field(i)
        if not field.mut:
            raise TypeError(f"field {i} is immutable")
        self.inst.fields[i] = field_to_raw(self.store, field, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aggregate) and other.inst is self.inst

    def __hash__(self) -> int:
        return id(self.inst)


class Struct(Aggregate):
    """A structure.  Fields that are not given have their default value.

    >>> import wasmpy
    >>> store = wasmpy.Store()
    >>> shape = StructType((FieldType(wasmpy.I32, True), FieldType(I8, False)))
    >>> pair = Struct(store, shape, [-1])
    >>> pair[0] += 3
    >>> pair.fields, len(pair), pair == Struct(store, shape)
    ((2, 0), 2, False)
    """

    inst: StructInst

    def __init__(self, store: Store, typedef: TypeDef, values: Iterable[Any] = ()) -> None:
        deftype = _defined(store, typedef)
        types = _fields_of(deftype)
        given = list(values)
        if len(given) > len(types):
            raise TypeError(f"{deftype.comp} has {len(types)} fields, got {len(given)}")
        raw: List[Any] = [field_to_raw(store, t, v) for t, v in zip(types, given)]
        raw += [_default(t) for t in types[len(raw) :]]
        self.store = store
        self.inst = store.inst.heap.struct(deftype, raw)

    @classmethod
    def of(cls, store: Store, inst: StructInst) -> Struct:
        """The view of a structure."""
        view = cls.__new__(cls)
        view.store, view.inst = store, inst
        return view

    def _field(self, i: int) -> FieldType:
        return _fields_of(self.inst.deftype)[i]

    def __repr__(self) -> str:
        return f"<wasmpy.Struct {self.inst.deftype} of {len(self)} fields>"


class Array(Aggregate):
    """An array of ``values``.

    >>> import wasmpy
    >>> array = Array(wasmpy.Store(), ArrayType(FieldType(I8, True)), b"abc")
    >>> array[-1], len(array), bytes(array)
    (99, 3, b'abc')
    """

    inst: ArrayInst

    def __init__(self, store: Store, typedef: TypeDef, values: Iterable[Any] = ()) -> None:
        deftype = _defined(store, typedef)
        field = _element_of(deftype)
        raw: Any = [field_to_raw(store, field, value) for value in values]
        if field.storage == I8:
            raw = bytearray(raw)
        self.store = store
        self.inst = store.inst.heap.array(deftype, len(raw), lambda: raw)

    @classmethod
    def of(cls, store: Store, inst: ArrayInst) -> Array:
        """The view of an array."""
        view = cls.__new__(cls)
        view.store, view.inst = store, inst
        return view

    def _field(self, i: int) -> FieldType:
        return _element_of(self.inst.deftype)

    def __repr__(self) -> str:
        return f"<wasmpy.Array {self.inst.deftype} of {len(self)} elements>"


def _fields_of(deftype: DefType) -> Tuple[FieldType, ...]:
    if not isinstance(deftype.comp, StructType):
        raise TypeError(f"{deftype.comp} is no structure type")
    return deftype.comp.fields


def _element_of(deftype: DefType) -> FieldType:
    if not isinstance(deftype.comp, ArrayType):
        raise TypeError(f"{deftype.comp} is no array type")
    return deftype.comp.field


def _default(field: FieldType) -> Any:
    storage = field.storage
    if not isinstance(storage, PackedType) and not getattr(storage, "null", True):
        raise TypeError(f"a field of type {storage} has no default value")
    return default_of(storage)


def any_to_raw(store: Store, value: Any) -> Any:
    """A Python value as a raw one of the ``any`` hierarchy.

    An int is an unboxed scalar, and a ``HostRef`` the object it holds, an int
    too; another object that is none of the heap is held as it is.

    Raises: ValueError for what does not fit or is another store's.
    """
    if _is_int(value):
        if not -(1 << 30) <= value < 1 << 31:
            raise ValueError(f"{value} does not fit i31")
        return I31(value)
    return internalized(extern_to_raw(store, value))


def any_from_raw(store: Store, raw: Any) -> Any:
    """The Python value of a raw one of the ``any`` hierarchy."""
    if isinstance(raw, I31):
        return raw.signed
    if isinstance(raw, HostRef):
        # Without its wrapper an int would be an unboxed scalar.
        return raw if _is_int(raw.value) else raw.value
    return extern_from_raw(store, raw)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def extern_to_raw(store: Store, value: Any) -> Any:
    """A Python value as a raw external reference: what is held by a ``HostRef``, itself.

    Raises: ValueError for an object of another store.
    """
    while isinstance(value, HostRef):
        value = externalized(value)
    if isinstance(value, Aggregate):
        if value.store is not store:
            raise ValueError("the object belongs to another store")
        return value.inst
    return value


def extern_from_raw(store: Store, raw: Any) -> Any:
    """The Python value of a raw external reference; an unboxed scalar stays an ``I31``."""
    if isinstance(raw, StructInst):
        return Struct.of(store, raw)
    return Array.of(store, raw) if isinstance(raw, ArrayInst) else raw
