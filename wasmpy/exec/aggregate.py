"""Handlers of references, structures and arrays.

What belongs here: the instructions of ``isa.aggregate``.  What does not: the
objects (``heap``), the loop.

Spec: ``exec/instructions.html#reference-instructions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List, Tuple

from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.exec.handlers import (
    BUILD,
    CALL_TOP,
    ELEMS_PER_FUEL,
    TAIL_CALL_TOP,
    Built,
    BulkOp,
    Rule,
    bulk,
)
from wasmpy.exec.heap import (
    I31,
    ArrayInst,
    Part,
    StructInst,
    default_of,
    externalized,
    field_of,
    from_bytes,
    internalized,
    made,
    repeated,
    storage_width,
    write,
)
from wasmpy.syntax.types import (
    I8,
    I16,
    DefType,
    PackedType,
    RefType,
    StorageType,
    StructType,
)
from wasmpy.valid.canonical import closed

if TYPE_CHECKING:
    from wasmpy.exec.prepare import Preparer

_M32 = 0xFFFF_FFFF


def _rule(*mnemonics: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for mnemonic in mnemonics:
            BUILD[mnemonic] = rule
        return rule

    return register


def null_reference() -> WasmTrap:
    """The trap of an access through null."""
    return WasmTrap(TrapKind.NULL_REFERENCE)


def _outside(kind: TrapKind, i: int, n: int, size: int) -> WasmTrap:
    trap = WasmTrap(kind)
    trap.address, trap.width, trap.size = i, n, size
    return trap


# References ------------------------------------------------------------------


def call_ref(S: List[Any], L: List[Any], a: Any) -> int:
    """``call_ref``: the function is on top of the stack already."""
    if S[-1] is None:
        raise null_reference()
    return CALL_TOP


def return_call_ref(S: List[Any], L: List[Any], a: Any) -> int:
    """``return_call_ref``: as ``call_ref``, in place of the running frame."""
    if S[-1] is None:
        raise null_reference()
    return TAIL_CALL_TOP


def as_non_null(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-ref-as-non-null``."""
    if S[-1] is None:
        raise null_reference()


def ref_eq(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-ref-eq``."""
    other = S.pop()
    one = S[-1]
    S[-1] = 1 if one is other or (type(one) is I31 and one == other) else 0


Branch = Tuple[int, int, int, int]
"""Where a branch goes, how many values it keeps and drops, and where it goes on if not taken."""


def _go(S: List[Any], a: Branch) -> int:
    target, arity, drop, _ = a
    if drop:
        del S[len(S) - arity - drop : len(S) - arity]
    return target


def br_on_null(S: List[Any], L: List[Any], a: Branch) -> int:
    """Spec: ``exec-br-on-null``."""
    if S[-1] is not None:
        return a[3]
    S.pop()
    return _go(S, a)


def br_on_non_null(S: List[Any], L: List[Any], a: Branch) -> int:
    """Spec: ``exec-br-on-non-null``."""
    if S[-1] is None:
        S.pop()
        return a[3]
    return _go(S, a)


Test = Callable[[Any], bool]


def br_on_cast(S: List[Any], L: List[Any], a: Tuple[Test, Branch]) -> int:
    """Spec: ``exec-br-on-cast``."""
    return _go(S, a[1]) if a[0](S[-1]) else a[1][3]


def br_on_cast_fail(S: List[Any], L: List[Any], a: Tuple[Test, Branch]) -> int:
    """Spec: ``exec-br-on-cast-fail``."""
    return a[1][3] if a[0](S[-1]) else _go(S, a[1])


def ref_test(S: List[Any], L: List[Any], a: Test) -> None:
    """Spec: ``exec-ref-test``."""
    S[-1] = 1 if a(S[-1]) else 0


def ref_cast(S: List[Any], L: List[Any], a: Test) -> None:
    """Spec: ``exec-ref-cast``."""
    if not a(S[-1]):
        raise WasmTrap(TrapKind.CAST_FAILURE)


_CLASSES = {
    "i31": (I31,), "struct": (StructInst,), "array": (ArrayInst,),
    "eq": (I31, StructInst, ArrayInst),
}  # fmt: skip
_BOTTOMS = frozenset(("none", "nofunc", "noextern", "noexn"))


def test_of(reftype: RefType) -> Test:
    """Whether a value of the same hierarchy has a closed reference type.

    Spec: ``valid/values.html#valid-ref``.
    """
    null, heaptype = reftype.null, reftype.heaptype
    if isinstance(heaptype, DefType):
        return _test_of_defined(heaptype, null=null)
    if heaptype in _BOTTOMS:
        return lambda value: value is None and null
    classes = _CLASSES.get(str(heaptype))
    if classes is None:  # the top of its hierarchy
        return lambda value: value is not None or null
    return lambda value: null if value is None else isinstance(value, classes)


def _test_of_defined(deftype: DefType, *, null: bool) -> Test:
    def test(value: Any) -> bool:
        if value is None:
            return null
        found = getattr(value, "deftype", None)
        return found is deftype or (found is not None and found.matches(deftype))

    return test


def _closed_test(p: Preparer, reftype: RefType) -> Test:
    return test_of(closed(reftype, p.instance.types))


@_rule("br_on_null")
def _br_on_null(p: Preparer, pc: int, imm: Any) -> Built:
    return br_on_null, (*p.branch(pc), p.target(pc + 1))


@_rule("br_on_non_null")
def _br_on_non_null(p: Preparer, pc: int, imm: Any) -> Built:
    return br_on_non_null, (*p.branch(pc), p.target(pc + 1))


def _cast_branch(p: Preparer, pc: int, imm: Tuple[int, RefType, RefType]) -> Tuple[Test, Branch]:
    return _closed_test(p, imm[2]), (*p.branch(pc), p.target(pc + 1))


BUILD["call_ref"] = lambda p, pc, imm: (call_ref, None)
BUILD["return_call_ref"] = lambda p, pc, imm: (return_call_ref, None)
BUILD["ref.eq"] = lambda p, pc, imm: (ref_eq, None)
BUILD["ref.as_non_null"] = lambda p, pc, imm: (as_non_null, None)
BUILD["ref.test"] = lambda p, pc, imm: (ref_test, _closed_test(p, imm))
BUILD["ref.cast"] = lambda p, pc, imm: (ref_cast, _closed_test(p, imm))
BUILD["br_on_cast"] = lambda p, pc, imm: (br_on_cast, _cast_branch(p, pc, imm))
BUILD["br_on_cast_fail"] = lambda p, pc, imm: (br_on_cast_fail, _cast_branch(p, pc, imm))


# Unboxed scalars, and the two hierarchies ------------------------------------------


def ref_i31(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-ref-i31``."""
    S[-1] = I31(S[-1])


def i31_get_u(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-i31-get``."""
    if S[-1] is None:
        raise null_reference()
    S[-1] = S[-1].value


def i31_get_s(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-i31-get``."""
    if S[-1] is None:
        raise null_reference()
    S[-1] = S[-1].signed & _M32


def any_convert_extern(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-any-convert-extern``."""
    S[-1] = internalized(S[-1])


def extern_convert_any(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-extern-convert-any``."""
    S[-1] = externalized(S[-1])


BUILD["ref.i31"] = lambda p, pc, imm: (ref_i31, None)
BUILD["i31.get_u"] = lambda p, pc, imm: (i31_get_u, None)
BUILD["i31.get_s"] = lambda p, pc, imm: (i31_get_s, None)
BUILD["any.convert_extern"] = lambda p, pc, imm: (any_convert_extern, None)
BUILD["extern.convert_any"] = lambda p, pc, imm: (extern_convert_any, None)


# Structures --------------------------------------------------------------------


_MASKS = {I8: 0xFF, I16: 0xFFFF}


def _mask(storage: Any) -> int:
    """What is kept of a value that is stored packed; 0 if it is kept as it is."""
    return _MASKS.get(storage, 0) if isinstance(storage, PackedType) else 0


def struct_new(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-struct-new``."""
    heap, deftype, n, packed = a
    at = len(S) - n
    fields = S[at:]
    for i, mask in packed:
        fields[i] &= mask
    made = heap.struct(deftype, fields)
    del S[at:]
    S.append(made)


def struct_new_default(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-struct-new-default``."""
    heap, deftype, values = a
    S.append(heap.struct(deftype, list(values)))


def struct_get(S: List[Any], L: List[Any], a: int) -> None:
    """Spec: ``exec-struct-get``."""
    if S[-1] is None:
        raise null_reference()
    S[-1] = S[-1].fields[a]


def struct_get_s(S: List[Any], L: List[Any], a: Tuple[int, int]) -> None:
    """``struct.get_s`` of a packed field whose sign is the bit ``a[1]``."""
    if S[-1] is None:
        raise null_reference()
    i, sign = a
    S[-1] = ((S[-1].fields[i] ^ sign) - sign) & _M32


def struct_set(S: List[Any], L: List[Any], a: int) -> None:
    """Spec: ``exec-struct-set``."""
    if S[-2] is None:
        raise null_reference()
    S[-2].fields[a] = S[-1]
    del S[-2:]


def struct_set_packed(S: List[Any], L: List[Any], a: Tuple[int, int]) -> None:
    """``struct.set`` of a packed field."""
    if S[-2] is None:
        raise null_reference()
    i, mask = a
    S[-2].fields[i] = S[-1] & mask
    del S[-2:]


def _fields(p: Preparer, typeidx: int) -> Any:
    comp = p.instance.types[typeidx].comp
    assert isinstance(comp, StructType)
    return comp.fields


@_rule("struct.new")
def _struct_new(p: Preparer, pc: int, imm: int) -> Built:
    fields = _fields(p, imm)
    masks = [(i, _mask(field.storage)) for i, field in enumerate(fields)]
    packed = [(i, mask) for i, mask in masks if mask]
    return struct_new, (p.instance.store.heap, p.instance.types[imm], len(fields), packed)


@_rule("struct.new_default")
def _struct_new_default(p: Preparer, pc: int, imm: int) -> Built:
    values = tuple([default_of(field.storage) for field in _fields(p, imm)])
    return struct_new_default, (p.instance.store.heap, p.instance.types[imm], values)


@_rule("struct.get", "struct.get_u")
def _struct_get(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    return struct_get, imm[1]


@_rule("struct.get_s")
def _struct_get_s(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    mask = _mask(_fields(p, imm[0])[imm[1]].storage)
    return struct_get_s, (imm[1], mask + 1 >> 1)


@_rule("struct.set")
def _struct_set(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    mask = _mask(_fields(p, imm[0])[imm[1]].storage)
    return (struct_set_packed, (imm[1], mask)) if mask else (struct_set, imm[1])


# Arrays --------------------------------------------------------------------------


def element(ref: Any, i: int) -> Any:
    """The elements of an array that has one at ``i``.

    Traps: NULL_REFERENCE, ARRAY_OUT_OF_BOUNDS.
    """
    if ref is None:
        raise null_reference()
    fields = ref.fields
    if i >= len(fields):
        raise _outside(TrapKind.ARRAY_OUT_OF_BOUNDS, i, 1, len(fields))
    return fields


def elements(ref: Any, i: int, n: int) -> Any:
    """The elements of an array that has ``n`` from ``i`` on.

    Traps: NULL_REFERENCE, ARRAY_OUT_OF_BOUNDS.
    """
    if ref is None:
        raise null_reference()
    fields = ref.fields
    if i + n > len(fields):
        raise _outside(TrapKind.ARRAY_OUT_OF_BOUNDS, i, n, len(fields))
    return fields


def array_get(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-array-get``."""
    value = element(S[-2], S[-1])[S[-1]]
    S.pop()
    S[-1] = value


def array_get_s(S: List[Any], L: List[Any], a: int) -> None:
    """``array.get_s`` of packed elements whose sign is the bit ``a``."""
    value = element(S[-2], S[-1])[S[-1]]
    S.pop()
    S[-1] = ((value ^ a) - a) & _M32


def array_set(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-array-set``."""
    element(S[-3], S[-2])[S[-2]] = S[-1]
    del S[-3:]


def array_set_packed(S: List[Any], L: List[Any], a: int) -> None:
    """``array.set`` of packed elements, of which ``a`` is kept."""
    element(S[-3], S[-2])[S[-2]] = S[-1] & a
    del S[-3:]


def array_len(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-array-len``."""
    if S[-1] is None:
        raise null_reference()
    S[-1] = len(S[-1].fields)


def array_new_fixed(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-array-new-fixed``."""
    heap, deftype, n, mask = a
    at = len(S) - n
    values = [value & mask for value in S[at:]] if mask else S[at:]
    made = heap.array(deftype, n, lambda: bytearray(values) if mask == _MASKS[I8] else values)
    del S[at:]
    S.append(made)


def _storage(p: Preparer, typeidx: int) -> Any:
    return field_of(p.instance.types[typeidx]).storage


def _bulk(run: Callable[[List[Any], Any], None], operands: int) -> Built:
    """A bulk operation whose length is on top of the stack."""
    return bulk, BulkOp(run, operands, -1, ELEMS_PER_FUEL)


BUILD["array.get"] = BUILD["array.get_u"] = lambda p, pc, imm: (array_get, None)
BUILD["array.len"] = lambda p, pc, imm: (array_len, None)


@_rule("array.get_s")
def _array_get_s(p: Preparer, pc: int, imm: int) -> Built:
    return array_get_s, _mask(_storage(p, imm)) + 1 >> 1


@_rule("array.set")
def _array_set(p: Preparer, pc: int, imm: int) -> Built:
    mask = _mask(_storage(p, imm))
    return (array_set_packed, mask) if mask else (array_set, None)


@_rule("array.new_fixed")
def _array_new_fixed(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    typeidx, n = imm
    deftype = p.instance.types[typeidx]
    return array_new_fixed, (p.instance.store.heap, deftype, n, _mask(_storage(p, typeidx)))


@_rule("array.new")
def _array_new(p: Preparer, pc: int, imm: int) -> Built:
    heap, deftype, storage = p.instance.store.heap, p.instance.types[imm], _storage(p, imm)
    mask = _mask(storage)

    def run(S: List[Any], look: Any) -> None:
        value, n = S[-2] & mask if mask else S[-2], S[-1]
        make = lambda: made(storage, n, repeated(storage, value, n), look)  # noqa: E731
        S.insert(-2, heap.array(deftype, n, make))

    return _bulk(run, 2)


@_rule("array.new_default")
def _array_new_default(p: Preparer, pc: int, imm: int) -> Built:
    heap, deftype, storage = p.instance.store.heap, p.instance.types[imm], _storage(p, imm)
    value = default_of(storage)

    def run(S: List[Any], look: Any) -> None:
        n = S[-1]
        make = lambda: made(storage, n, repeated(storage, value, n), look)  # noqa: E731
        S.insert(-1, heap.array(deftype, n, make))

    return _bulk(run, 1)


def _data_at(data: bytes, s: int, n: int, storage: StorageType) -> Part:
    """``n`` elements from the bytes of a data segment.  Traps: MEMORY_OUT_OF_BOUNDS."""
    width = storage_width(storage)
    if s + n * width > len(data):
        raise _outside(TrapKind.MEMORY_OUT_OF_BOUNDS, s, n * width, len(data))
    return lambda at, size: from_bytes(storage, data[s + at * width : s + (at + size) * width])


def _elems_at(items: List[Any], s: int, n: int) -> Part:
    """References of an element segment.  Traps: TABLE_OUT_OF_BOUNDS."""
    if s + n > len(items):
        raise _outside(TrapKind.TABLE_OUT_OF_BOUNDS, s, n, len(items))
    return lambda at, size: items[s + at : s + at + size]


@_rule("array.new_data")
def _array_new_data(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    instance, (typeidx, dataidx) = p.instance, imm
    heap, deftype, storage = instance.store.heap, instance.types[typeidx], _storage(p, typeidx)

    def run(S: List[Any], look: Any) -> None:
        n = S[-1]
        part = _data_at(instance.datas[dataidx], S[-2], n, storage)
        S.insert(-2, heap.array(deftype, n, lambda: made(storage, n, part, look)))

    return _bulk(run, 2)


@_rule("array.new_elem")
def _array_new_elem(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    instance, (typeidx, elemidx) = p.instance, imm
    heap, deftype, storage = instance.store.heap, instance.types[typeidx], _storage(p, typeidx)

    def run(S: List[Any], look: Any) -> None:
        n = S[-1]
        part = _elems_at(instance.elems[elemidx], S[-2], n)
        S.insert(-2, heap.array(deftype, n, lambda: made(storage, n, part, look)))

    return _bulk(run, 2)


@_rule("array.fill")
def _array_fill(p: Preparer, pc: int, imm: int) -> Built:
    storage = _storage(p, imm)
    mask = _mask(storage)

    def run(S: List[Any], look: Any) -> None:
        i, value, n = S[-3], S[-2] & mask if mask else S[-2], S[-1]
        write(elements(S[-4], i, n), i, n, repeated(storage, value, n), look)

    return _bulk(run, 4)


@_rule("array.copy")
def _array_copy(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    def run(S: List[Any], look: Any) -> None:
        d, s, n = S[-4], S[-2], S[-1]
        if S[-5] is None:
            raise null_reference()
        source = elements(S[-3], s, n)
        target = elements(S[-5], d, n)
        part: Part = lambda at, size: source[s + at : s + at + size]  # noqa: E731
        write(target, d, n, part, look, backwards=target is source and d > s)

    return _bulk(run, 5)


@_rule("array.init_data")
def _array_init_data(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    instance, (typeidx, dataidx) = p.instance, imm
    storage = _storage(p, typeidx)

    def run(S: List[Any], look: Any) -> None:
        d, s, n = S[-3], S[-2], S[-1]
        fields = elements(S[-4], d, n)
        write(fields, d, n, _data_at(instance.datas[dataidx], s, n, storage), look)

    return _bulk(run, 4)


@_rule("array.init_elem")
def _array_init_elem(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    instance, (_, elemidx) = p.instance, imm

    def run(S: List[Any], look: Any) -> None:
        d, s, n = S[-3], S[-2], S[-1]
        fields = elements(S[-4], d, n)
        write(fields, d, n, _elems_at(instance.elems[elemidx], s, n), look)

    return _bulk(run, 4)
