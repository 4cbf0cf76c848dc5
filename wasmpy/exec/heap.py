"""The heap of structures, arrays and unboxed scalars.

What belongs here: the objects that references of the ``any`` hierarchy refer
to, the account that bounds them, and how elements are made from bytes.  What
does not: the instructions (``aggregate``).

An object that nothing refers to is freed by Python, and leaves the account
then: its share of the account is an object of its own, which nothing else
refers to and which refers to no other, so that it can be finalized whatever
the order.  (PyPy finalizes what refers to one another one by one, a
collection for each.)  Where Python finds garbage late, a full account is
looked at again after a collection.

Spec: ``exec/runtime.html#aggregate-instances``.
"""

from __future__ import annotations

import gc
import struct
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple, Union

from wasmpy.chains import Link
from wasmpy.config import Limits
from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.numerics.bits import f32_from_bits
from wasmpy.syntax.types import (
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    V128,
    ArrayType,
    DefType,
    FieldType,
    RefType,
    StorageType,
    default_value,
)

OBJECT_BYTES = 64
"""What an object takes in the account besides its elements."""
_REF_BYTES, _NUMBER_BYTES = 8, 40
"""What an element takes: a reference, or one to a number of its own."""


class Share:
    """What an object takes of the account, for as long as it lives."""

    __slots__ = ("heap", "size")

    def __init__(self, heap: Heap, size: int) -> None:
        self.heap = heap
        self.size = size

    def __del__(self) -> None:
        self.heap.objects -= 1
        self.heap.bytes -= self.size


class Heap:
    """The account of a store: how many objects are alive, and about how many bytes they take."""

    __slots__ = ("bytes", "limits", "objects")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.objects = 0
        self.bytes = 0

    def claim(self, size: int) -> Share:
        """Count an object before it is made.  Traps: ALLOCATION_TOO_LARGE."""
        limits = self.limits
        if self.objects >= limits.gc_objects or self.bytes + size > limits.gc_bytes:
            self._make_room(size)
        self.objects += 1
        self.bytes += size
        return Share(self, size)

    def _make_room(self, size: int) -> None:
        """Collect garbage; a heap that is nearly full after that is full.

        So a guest cannot have every allocation collect.
        """
        limits = self.limits
        if size <= limits.gc_bytes:
            gc.collect()
        spare = limits.gc_objects // 16, limits.gc_bytes // 16
        if (
            self.objects + spare[0] >= limits.gc_objects
            or self.bytes + max(size, spare[1]) > limits.gc_bytes
        ):
            raise WasmTrap(TrapKind.ALLOCATION_TOO_LARGE)

    def struct(self, deftype: DefType, fields: List[Any]) -> StructInst:
        """A new structure.  Traps: ALLOCATION_TOO_LARGE."""
        share = self.claim(OBJECT_BYTES + _NUMBER_BYTES * len(fields))
        return StructInst(share, deftype, fields)

    def array(self, deftype: DefType, n: int, make: Callable[[], Sequence[Any]]) -> ArrayInst:
        """A new array of ``n`` elements, which are made only if there is room.

        Traps: ALLOCATION_TOO_LARGE.
        """
        share = self.claim(OBJECT_BYTES + element_bytes(deftype) * n)
        try:
            return ArrayInst(share, deftype, make())
        except MemoryError:
            raise WasmTrap(TrapKind.ALLOCATION_TOO_LARGE) from None


class StructInst(Link):
    """A structure: its type and the raw values of its fields.  Equal by identity."""

    __slots__ = ("__weakref__", "deftype", "fields", "share")
    links = ("fields",)

    def __init__(self, share: Share, deftype: DefType, fields: List[Any]) -> None:
        self.share = share
        self.deftype = deftype
        self.fields = fields

    def __repr__(self) -> str:
        return f"<struct {self.deftype} of {len(self.fields)} fields>"


class ArrayInst(Link):
    """An array: its type and the raw values of its elements.  Equal by identity.

    Elements of one byte are a ``bytearray``, others a list.
    """

    __slots__ = ("__weakref__", "deftype", "fields", "share")
    links = ("fields",)

    def __init__(self, share: Share, deftype: DefType, fields: Any) -> None:
        self.share = share
        self.deftype = deftype
        self.fields = fields

    def __repr__(self) -> str:
        return f"<array {self.deftype} of {len(self.fields)} elements>"


class I31:
    """An unboxed scalar: ``value`` is unsigned, of 31 bits.  Equal by value."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value & 0x7FFF_FFFF

    @property
    def signed(self) -> int:
        """The value with its sign."""
        return self.value - (self.value >> 30 << 31)

    def __eq__(self, other: object) -> bool:
        return type(other) is I31 and other.value == self.value

    def __hash__(self) -> int:
        return hash((I31, self.value))

    def __repr__(self) -> str:
        return f"I31({self.value})"


class HostRef:
    """A host's object inside of the ``any`` hierarchy; equal if the objects are identical.

    Spec: ``exec/runtime.html#syntax-ref``, ``ref.host``.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is HostRef and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"HostRef({self.value!r})"


INTERNAL = (StructInst, ArrayInst, I31)
"""What stays itself on the way between the hierarchies."""


Contents = List[Tuple[Union[StructInst, ArrayInst], Any]]
"""Objects, each with a copy of its fields."""


def contents(roots: Iterable[Any]) -> Contents:
    """The fields of every structure and array that can be reached from ``roots``."""
    found: Contents = []
    seen = set()
    todo = list(roots)
    while todo:
        at = todo.pop()
        if isinstance(at, (StructInst, ArrayInst)) and id(at) not in seen:
            seen.add(id(at))
            found.append((at, at.fields[:]))
            if not isinstance(at.fields, bytearray):
                todo += at.fields
    return found


def restore(saved: Contents) -> None:
    """Make the fields of objects what they were when ``contents`` was called."""
    for inst, fields in saved:
        inst.fields[:] = fields


def internalized(value: Any) -> Any:
    """An external reference as an internal one.  Spec: ``exec-any-convert-extern``."""
    return value if value is None or isinstance(value, INTERNAL) else HostRef(value)


def externalized(value: Any) -> Any:
    """An internal reference as an external one: the inverse of :func:`internalized`."""
    return value.value if isinstance(value, HostRef) else value


def field_of(deftype: DefType) -> FieldType:
    """The field type of an array type."""
    assert isinstance(deftype.comp, ArrayType)
    return deftype.comp.field


def element_bytes(deftype: DefType) -> int:
    """What an element of an array takes in the account."""
    storage = field_of(deftype).storage
    if storage == I8:
        return 1
    return _REF_BYTES if isinstance(storage, RefType) else _NUMBER_BYTES


def default_of(storage: StorageType) -> Any:
    """The value of a field that is not given.  Spec: ``exec/runtime.html#default-val``."""
    return 0 if storage in (I8, I16) else default_value(storage)  # type: ignore[arg-type]


CHUNK = 1 << 16
"""Elements that a bulk operation makes or moves between two looks at the interruption flag."""

Elements = Union[List[Any], bytearray]
Part = Callable[[int, int], Sequence[Any]]
"""What a bulk operation moves: from a position on, so many elements."""
Look = Callable[[], None]


def repeated(storage: StorageType, value: Any, n: int) -> Part:
    """``n`` elements of one value, which is packed already."""
    size = min(n, CHUNK)
    run: Elements = bytearray([value]) * size if storage == I8 else [value] * size
    return lambda at, size: run if size == len(run) else run[:size]


def made(storage: StorageType, n: int, part: Part, look: Look) -> Sequence[Any]:
    """The elements of a new array.  ``look`` may raise between chunks."""
    if n <= CHUNK:
        return part(0, n)
    fields: Elements = bytearray() if storage == I8 else []
    for at in range(0, n, CHUNK):
        fields.extend(part(at, min(CHUNK, n - at)))
        look()
    return fields


def write(
    fields: Elements, d: int, n: int, part: Part, look: Look, *, backwards: bool = False
) -> None:
    """Write ``n`` elements from ``d`` on, which there are.  ``look`` may raise between chunks.

    With ``backwards`` the last chunk comes first, so that a part may overlap
    with what is written before it.
    """
    starts = range(0, n, CHUNK)
    for at in reversed(starts) if backwards else starts:
        size = min(CHUNK, n - at)
        fields[d + at : d + at + size] = part(at, size)
        if n > CHUNK:
            look()


_WIDTHS: Dict[StorageType, int] = {I8: 1, I16: 2, I32: 4, I64: 8, F32: 4, F64: 8, V128: 16}
_CODES: Dict[StorageType, str] = {I16: "H", I32: "I", I64: "Q", F32: "I", F64: "d"}


def storage_width(storage: StorageType) -> int:
    """How many bytes of a data segment an element is made from."""
    return _WIDTHS[storage]


def from_bytes(storage: StorageType, data: bytes) -> Sequence[Any]:
    """Elements from the bytes of a data segment, least significant first."""
    if storage == I8:
        return bytearray(data)
    if storage == V128:
        return [data[i : i + 16] for i in range(0, len(data), 16)]
    found = list(struct.unpack(f"<{len(data) // _WIDTHS[storage]}{_CODES[storage]}", data))
    # A signalling NaN of 32 bits does not survive a conversion by hardware.
    return [f32_from_bits(bits) for bits in found] if storage == F32 else found
