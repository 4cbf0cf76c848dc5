"""Values at the boundary: what Python passes in and gets out.

What belongs here: conversions between Python values and raw runtime values.
An i32 or i64 is a signed ``int``, f32 and f64 are ``float``, a v128 is
``bytes`` of 16, lane 0 first and each lane little-endian; null is None, a
funcref a :class:`~wasmpy.api.instance.Func`, an externref any object, an
exnref a :class:`~wasmpy.errors.WasmException`.
An i31ref is a signed ``int``, a structure or array a view with fields
(:mod:`wasmpy.api.heap`), a host's object that became an anyref itself, or a
``HostRef`` of it if it is an int.  Arguments may also be given unsigned.  What
does not fit is an error.

Spec: ``appendix/embedding.html#values``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Sequence

from wasmpy.api.heap import any_from_raw, any_to_raw, extern_from_raw, extern_to_raw
from wasmpy.errors import WasmException
from wasmpy.exec.aggregate import test_of
from wasmpy.exec.exceptions import ExnInst, exception_of, thrown
from wasmpy.numerics.bits import NAN, f32_bits, f32_from_bits, float_bits, float_from_bits, fround
from wasmpy.syntax.types import F32, F64, I32, I64, RefType, ResultType, ValType, VecType
from wasmpy.valid.match import top_of

if TYPE_CHECKING:
    from wasmpy.api.store import Store

_WIDTH: Dict[ValType, int] = {I32: 32, I64: 64, F32: 32, F64: 64}
_BITS: Dict[ValType, ValType] = {F32: I32, F64: I64}


def to_raw(store: Store, valtype: ValType, value: Any) -> Any:
    """``value`` as a raw value of ``valtype``.

    Raises: TypeError for a value of another kind, ValueError for an integer
    out of range or a reference into another store.
    """
    if isinstance(valtype, RefType):
        return _to_ref(store, valtype, value)
    if isinstance(valtype, VecType):
        return _to_vector(value)
    if valtype in (I32, I64):
        return _to_int(_WIDTH[valtype], valtype, value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{valtype} takes a number, not {type(value).__name__}")
    z = float(value)
    if valtype is F64 or valtype == F64:
        return z
    if z == z:
        return fround(32, z)
    # A NaN keeps the part of its payload that an f32 has room for.
    bits = f32_bits(z)
    return f32_from_bits(bits) if bits & 0x7F_FFFF else NAN


def _to_vector(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"v128 takes bytes, not {type(value).__name__}")
    vector = bytes(value)
    if len(vector) != 16:
        raise ValueError(f"v128 takes 16 bytes, not {len(vector)}")
    return vector


def _to_int(width: int, valtype: ValType, value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{valtype} takes an int, not {type(value).__name__}")
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise ValueError(f"{value} does not fit {valtype}")
    return int(value) & ((1 << width) - 1)


def _to_ref(store: Store, valtype: RefType, value: Any) -> Any:
    """A reference; what its hierarchy does not have, or its type does not, is an error."""
    if value is None:
        if not valtype.null:
            raise TypeError(f"{valtype} takes no None")
        return None
    raw = _TO_REF[top_of(valtype.heaptype)](store, valtype, value)
    if not test_of(valtype)(raw):
        raise TypeError(f"{valtype} does not take this {type(value).__name__}")
    return raw


def _to_func(store: Store, valtype: RefType, value: Any) -> Any:
    from wasmpy.api.instance import Func

    if not isinstance(value, Func):
        raise TypeError(f"{valtype} takes a Func or None, not {type(value).__name__}")
    if value.store is not store:
        raise ValueError("the function belongs to another store")
    return value.inst


def _to_exn(store: Store, valtype: RefType, value: Any) -> Any:
    if not isinstance(value, WasmException):
        raise TypeError(f"{valtype} takes a WasmException or None, not {type(value).__name__}")
    exception_to_raw(store, value)
    exn = exception_of(value)
    if exn is None:
        raise TypeError(f"{valtype} takes an exception with a Tag, not {value.tag!r}")
    return exn


def from_raw(store: Store, valtype: ValType, raw: Any) -> Any:
    """The Python value of a raw value: integers signed."""
    if valtype == I32:
        return raw - (1 << 32) if raw >> 31 else raw
    if valtype == I64:
        return raw - (1 << 64) if raw >> 63 else raw
    if isinstance(valtype, RefType) and raw is not None:
        return _FROM_REF[top_of(valtype.heaptype)](store, raw)
    return raw


def _from_func(store: Store, raw: Any) -> Any:
    from wasmpy.api.instance import Func

    return Func.of(store, raw)


def _from_exn(store: Store, raw: Any) -> Any:
    exception = thrown(raw)
    exception_from_raw(store, exception)
    return exception


_TO_REF: Dict[str, Callable[[Store, RefType, Any], Any]] = {
    "func": _to_func,
    "exn": _to_exn,
    "extern": lambda store, valtype, value: extern_to_raw(store, value),
    "any": lambda store, valtype, value: any_to_raw(store, value),
}
_FROM_REF: Dict[str, Callable[[Store, Any], Any]] = {
    "func": _from_func,
    "exn": _from_exn,
    "extern": extern_from_raw,
    "any": any_from_raw,
}


def arguments(store: Store, types: ResultType, values: Sequence[Any]) -> List[Any]:
    """Python arguments as raw values.  Raises: TypeError, ValueError."""
    if len(values) != len(types):
        raise TypeError(f"takes {len(types)} arguments, got {len(values)}")
    raw = []
    for i, (valtype, value) in enumerate(zip(types, values)):
        try:
            raw.append(to_raw(store, valtype, value))
        except (TypeError, ValueError) as error:  # noqa: PERF203 - says which argument
            raise type(error)(f"argument {i + 1}: {error}") from None
    return raw


def results(store: Store, types: ResultType, raw: Sequence[Any]) -> Any:
    """Raw results as Python sees them: None, one value, or a tuple."""
    return _shaped([from_raw(store, valtype, value) for valtype, value in zip(types, raw)])


def _shaped(values: List[Any]) -> Any:
    if not values:
        return None
    return values[0] if len(values) == 1 else tuple(values)


def from_bits(store: Store, types: ResultType, values: Sequence[Any]) -> List[Any]:
    """Arguments given as unsigned bits (references as in ``arguments``) as raw values."""
    raw = arguments(store, tuple(_bits_type(t) for t in types), values)
    return [
        float_from_bits(_WIDTH[t], v) if t in (F32, F64) else v for t, v in zip(types, raw)
    ]


def to_bits(store: Store, types: ResultType, raw: Sequence[Any]) -> Any:
    """Raw results as unsigned bits: None, one value, or a tuple."""
    values = []
    for valtype, value in zip(types, raw):
        if valtype in (F32, F64):
            values.append(float_bits(_WIDTH[valtype], value))
        elif isinstance(valtype, RefType):
            values.append(from_raw(store, valtype, value))
        else:
            values.append(value)
    return _shaped(values)


def _bits_type(valtype: ValType) -> ValType:
    return _BITS.get(valtype, valtype)


def exception_from_raw(store: Store, error: WasmException) -> None:
    """Give an exception that leaves the guest its tag and values as Python sees them.

    Exceptions among its values get theirs too, each once, however deep they lie.
    """
    from wasmpy.api.instance import Tag

    seen: Dict[int, WasmException] = {}
    waiting = [error]
    while waiting:
        current = waiting.pop()
        exn = exception_of(current)
        if exn is None:
            continue
        current.tag = Tag.of(store, exn.tag)
        values: List[Any] = []
        for valtype, value in zip(exn.tag.type.params, exn.fields):
            if not isinstance(value, ExnInst):
                values.append(from_raw(store, valtype, value))
                continue
            if id(value) not in seen:
                seen[id(value)] = thrown(value)
                waiting.append(seen[id(value)])
            values.append(seen[id(value)])
        current.values = tuple(values)


def exception_to_raw(store: Store, error: WasmException) -> None:
    """Make an exception that a host function raises one that the guest can catch.

    Raises: TypeError and ValueError for values that do not fit its tag.
    """
    from wasmpy.api.instance import Tag

    if error.exn is None and isinstance(error.tag, Tag):
        if error.tag.store is not store:
            raise ValueError("the exception's tag belongs to another store")
        raw = arguments(store, error.tag.type.params, error.values)
        error.exn = ExnInst(error.tag.inst, tuple(raw))
