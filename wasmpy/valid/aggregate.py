"""Rules for references, structures and arrays.

What belongs here: the instructions of ``isa.aggregate`` whose type depends on
their immediates or their context.  What does not: the rules of subtyping
(``match``).

Spec: ``valid/instructions.html#reference-instructions``.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from wasmpy.syntax.types import (
    I32,
    ArrayType,
    FieldType,
    PackedType,
    RefType,
    StructType,
)
from wasmpy.valid.codes import REF_BOTTOM
from wasmpy.valid.control import branch, check_results
from wasmpy.valid.match import top_of, valtype_match
from wasmpy.valid.stack import Body, rule

_I32 = I32.code


def _comp(v: Body, typeidx: int, kind: type) -> Any:
    """The structure or array type at an index.  Raises: InvalidError."""
    comp = v.C.comp(typeidx)
    if comp is None:
        v.unknown("type", typeidx)
    if not isinstance(comp, kind):
        raise v.invalid("type mismatch", _WORDS[kind], str(comp))
    return comp


_WORDS: Dict[type, str] = {StructType: "a structure type", ArrayType: "an array type"}
"""What the specification calls each kind of type."""


def _field(v: Body, imm: Tuple[int, int]) -> FieldType:
    """The field of a structure."""
    fields = _comp(v, imm[0], StructType).fields
    if imm[1] >= len(fields):
        v.unknown("field", imm[1])
    found: FieldType = fields[imm[1]]
    return found


def _element(v: Body, typeidx: int) -> FieldType:
    found: FieldType = _comp(v, typeidx, ArrayType).field
    return found


def _mutable(v: Body, field: FieldType, what: str) -> FieldType:
    if not field.mut:
        raise v.invalid(f"immutable {what}")
    return field


def _ref(v: Body, typeidx: int, *, null: bool) -> int:
    return v.C.codes.ref(typeidx, null=null)


def _value(v: Body, field: FieldType) -> int:
    """The code of the value that a field is read or written as."""
    return v.C.codes.of(field.unpacked)


def _has_default(v: Body, field: FieldType) -> None:
    if _value(v, field) in v.C.codes.unset:
        raise v.invalid("type mismatch: a field has no default value", actual=str(field))


def _packing(v: Body, field: FieldType, *, packed: bool) -> None:
    """``get`` reads what is not packed, ``get_s`` and ``get_u`` what is."""
    if isinstance(field.storage, PackedType) != packed:
        expected = "a packed field" if packed else "an unpacked field"
        raise v.invalid("type mismatch", expected, str(field))


# References ------------------------------------------------------------------


@rule("call_ref")
def _call_ref(v: Body, typeidx: int) -> None:
    params, results = called(v, typeidx)
    v.pop_types(params)
    v.vals += results


@rule("return_call_ref")
def _return_call_ref(v: Body, typeidx: int) -> None:
    params, results = called(v, typeidx)
    check_results(v, results)
    v.pop_types(params)
    v.set_unreachable()


def called(v: Body, typeidx: int) -> Tuple[bytes, bytes]:
    """The type of a call by reference, whose reference is taken."""
    found = v.signature(typeidx)
    v.pop(_ref(v, typeidx, null=True))
    return found


@rule("ref.as_non_null")
def _as_non_null(v: Body, _: Any) -> None:
    v.vals.append(v.C.codes.not_null(v.pop_ref()))


@rule("br_on_null")
def _br_on_null(v: Body, depth: int) -> None:
    found = v.pop_ref()
    types = branch(v, depth)
    v.pop_types(types)
    v.vals += types
    v.vals.append(v.C.codes.not_null(found))


@rule("br_on_non_null")
def _br_on_non_null(v: Body, depth: int) -> None:
    v.vals.append(v.C.codes.not_null(v.pop_ref()))
    _carry(v, depth)


def _carry(v: Body, depth: int) -> None:
    """A branch that carries the reference on top; without it when not taken."""
    types = branch(v, depth)
    if not types:
        raise v.mismatched(types, v.C.codes.frozen(v.vals[-1:]))
    v.pop_types(types)
    v.vals += types[:-1]


def _tested(v: Body, reftype: RefType) -> int:
    """The code of the greatest type that can be tested for ``reftype``."""
    code = v.code(reftype)
    return v.C.codes.ref(top_of(v.C.codes.heaptype(code)), null=True)


@rule("ref.test", "ref")
@rule("ref.test", "refnull")
def _test(v: Body, reftype: RefType) -> None:
    v.pop(_tested(v, reftype))
    v.vals.append(_I32)


@rule("ref.cast", "ref")
@rule("ref.cast", "refnull")
def _cast(v: Body, reftype: RefType) -> None:
    v.pop(_tested(v, reftype))
    v.vals.append(v.code(reftype))


def _cast_types(v: Body, imm: Tuple[int, RefType, RefType]) -> Tuple[int, int, int]:
    """The types a cast branch starts from, looks for, and is left with when that is not it."""
    _, source, target = imm
    codes = v.C.codes
    one, other = v.code(source), v.code(target)
    if not codes.match(other, one):
        raise v.invalid("type mismatch", str(source), str(target))
    return one, other, codes.not_null(one) if target.null else one


@rule("br_on_cast")
def _br_on_cast(v: Body, imm: Tuple[int, RefType, RefType]) -> None:
    source, target, rest = _cast_types(v, imm)
    v.pop(source)
    v.vals.append(target)
    _carry(v, imm[0])
    v.vals.append(rest)


@rule("br_on_cast_fail")
def _br_on_cast_fail(v: Body, imm: Tuple[int, RefType, RefType]) -> None:
    source, target, rest = _cast_types(v, imm)
    v.pop(source)
    v.vals.append(rest)
    _carry(v, imm[0])
    v.vals.append(target)


def _convert(v: Body, source: str, target: str) -> None:
    """From one hierarchy to the other, with null if there may be one."""
    found = v.pop_ref()
    codes = v.C.codes
    expected = codes.ref(source, null=True)
    if not codes.match(found, expected):
        raise v.mismatched(codes.frozen([expected]), codes.frozen([found]))
    null = found != REF_BOTTOM and found not in codes.unset
    v.vals.append(codes.ref(target, null=null))


@rule("any.convert_extern")
def _any_convert_extern(v: Body, _: Any) -> None:
    _convert(v, "extern", "any")


@rule("extern.convert_any")
def _extern_convert_any(v: Body, _: Any) -> None:
    _convert(v, "any", "extern")


# Structures --------------------------------------------------------------------


@rule("struct.new")
def _struct_new(v: Body, typeidx: int) -> None:
    v.pop_types(_values(v, typeidx))
    v.vals.append(_ref(v, typeidx, null=False))


def _values(v: Body, typeidx: int) -> bytes:
    """The codes of the values of a structure's fields, which are found once for each type."""
    found = v.C.field_codes.get(typeidx)
    if found is None:
        fields = _comp(v, typeidx, StructType).fields
        found = v.C.codes.frozen([_value(v, field) for field in fields])
        v.C.field_codes[typeidx] = found
    return found


@rule("struct.new_default")
def _struct_new_default(v: Body, typeidx: int) -> None:
    if not v.C.codes.unset.isdisjoint(_values(v, typeidx)):
        comp = str(v.C.comp(typeidx))
        raise v.invalid("type mismatch: a field has no default value", actual=comp)
    v.vals.append(_ref(v, typeidx, null=False))


def _struct_read(v: Body, imm: Tuple[int, int], *, packed: bool) -> None:
    field = _field(v, imm)
    _packing(v, field, packed=packed)
    v.pop(_ref(v, imm[0], null=True))
    v.vals.append(_value(v, field))


@rule("struct.get")
def _struct_get(v: Body, imm: Tuple[int, int]) -> None:
    _struct_read(v, imm, packed=False)


@rule("struct.get_s")
@rule("struct.get_u")
def _struct_get_packed(v: Body, imm: Tuple[int, int]) -> None:
    _struct_read(v, imm, packed=True)


@rule("struct.set")
def _struct_set(v: Body, imm: Tuple[int, int]) -> None:
    field = _mutable(v, _field(v, imm), "field")
    v.pop(_value(v, field))
    v.pop(_ref(v, imm[0], null=True))


# Arrays --------------------------------------------------------------------------


@rule("array.new")
def _array_new(v: Body, typeidx: int) -> None:
    field = _element(v, typeidx)
    v.pop(_I32)
    v.pop(_value(v, field))
    v.vals.append(_ref(v, typeidx, null=False))


@rule("array.new_default")
def _array_new_default(v: Body, typeidx: int) -> None:
    _has_default(v, _element(v, typeidx))
    v.pop(_I32)
    v.vals.append(_ref(v, typeidx, null=False))


@rule("array.new_fixed")
def _array_new_fixed(v: Body, imm: Tuple[int, int]) -> None:
    typeidx, count = imm
    code = _value(v, _element(v, typeidx))
    limit = v.C.limits.array_new_fixed
    if count > limit:
        raise v.invalid(f"too many elements: {count}, the limit is {limit}")
    v.pop_types(v.C.codes.frozen([code]) * count)
    v.vals.append(_ref(v, typeidx, null=False))


def _of_bytes(v: Body, typeidx: int, dataidx: int) -> FieldType:
    """An array type whose elements are made from a data segment: no references."""
    field = _element(v, typeidx)
    if isinstance(field.storage, RefType):
        raise v.invalid("array type is not numeric or vector", "a number or vector", str(field))
    if dataidx >= v.C.datas:
        v.unknown("data segment", dataidx)
    return field


def _of_elems(v: Body, typeidx: int, elemidx: int) -> FieldType:
    """An array type whose elements come from an element segment."""
    field = _element(v, typeidx)
    if elemidx >= len(v.C.elems):
        v.unknown("elem segment", elemidx)
    if not v.C.codes.match(v.C.elem_codes[elemidx], _value(v, field)):
        raise v.invalid("type mismatch", str(field), str(v.C.elems[elemidx]))
    return field


def _array_from_segment(v: Body, typeidx: int) -> None:
    v.pop(_I32)
    v.pop(_I32)
    v.vals.append(_ref(v, typeidx, null=False))


@rule("array.new_data")
def _array_new_data(v: Body, imm: Tuple[int, int]) -> None:
    _of_bytes(v, *imm)
    _array_from_segment(v, imm[0])


@rule("array.new_elem")
def _array_new_elem(v: Body, imm: Tuple[int, int]) -> None:
    _of_elems(v, *imm)
    _array_from_segment(v, imm[0])


def _array_read(v: Body, typeidx: int, *, packed: bool) -> None:
    field = _element(v, typeidx)
    _packing(v, field, packed=packed)
    v.pop(_I32)
    v.pop(_ref(v, typeidx, null=True))
    v.vals.append(_value(v, field))


@rule("array.get")
def _array_get(v: Body, typeidx: int) -> None:
    _array_read(v, typeidx, packed=False)


@rule("array.get_s")
@rule("array.get_u")
def _array_get_packed(v: Body, typeidx: int) -> None:
    _array_read(v, typeidx, packed=True)


@rule("array.set")
def _array_set(v: Body, typeidx: int) -> None:
    field = _mutable(v, _element(v, typeidx), "array")
    v.pop(_value(v, field))
    v.pop(_I32)
    v.pop(_ref(v, typeidx, null=True))


@rule("array.fill")
def _array_fill(v: Body, typeidx: int) -> None:
    field = _mutable(v, _element(v, typeidx), "array")
    v.pop(_I32)
    v.pop(_value(v, field))
    v.pop(_I32)
    v.pop(_ref(v, typeidx, null=True))


@rule("array.copy")
def _array_copy(v: Body, imm: Tuple[int, int]) -> None:
    to, source = _mutable(v, _element(v, imm[0]), "array"), _element(v, imm[1])
    if not valtype_match(source.storage, to.storage):
        raise v.invalid("array types do not match", str(to), str(source))
    v.pop(_I32)
    v.pop(_I32)
    v.pop(_ref(v, imm[1], null=True))
    v.pop(_I32)
    v.pop(_ref(v, imm[0], null=True))


def _array_init(v: Body, typeidx: int) -> None:
    v.pop(_I32)
    v.pop(_I32)
    v.pop(_I32)
    v.pop(_ref(v, typeidx, null=True))


@rule("array.init_data")
def _array_init_data(v: Body, imm: Tuple[int, int]) -> None:
    _mutable(v, _element(v, imm[0]), "array")
    _of_bytes(v, *imm)
    _array_init(v, imm[0])


@rule("array.init_elem")
def _array_init_elem(v: Body, imm: Tuple[int, int]) -> None:
    _mutable(v, _element(v, imm[0]), "array")
    _of_elems(v, *imm)
    _array_init(v, imm[0])
