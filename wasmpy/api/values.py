"""Values at the boundary: what Python passes in and gets out.

What belongs here: conversions between Python values and raw runtime values.
An i32 or i64 is a signed ``int``, f32 and f64 are ``float``; null is None, a
funcref a :class:`~wasmpy.api.instance.Func`, an externref any object.
Arguments may also be given unsigned.  What does not fit is an error.

Spec: ``appendix/embedding.html#values``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from wasmpy.numerics.bits import NAN, f32_bits, f32_from_bits, float_bits, float_from_bits, fround
from wasmpy.syntax.types import F32, F64, I32, I64, NumType, RefType, ResultType, ValType

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
    if not isinstance(valtype, NumType):
        raise TypeError(f"{valtype} values are not supported at the boundary yet")
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


def _to_int(width: int, valtype: ValType, value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{valtype} takes an int, not {type(value).__name__}")
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise ValueError(f"{value} does not fit {valtype}")
    return int(value) & ((1 << width) - 1)


def _to_ref(store: Store, valtype: RefType, value: Any) -> Any:
    from wasmpy.api.instance import Func

    if value is None or valtype.heaptype != "func":
        return value
    if not isinstance(value, Func):
        raise TypeError(f"{valtype} takes a Func or None, not {type(value).__name__}")
    if value.store is not store:
        raise ValueError("the function belongs to another store")
    return value.inst


def from_raw(store: Store, valtype: ValType, raw: Any) -> Any:
    """The Python value of a raw value: integers signed."""
    if valtype == I32:
        return raw - (1 << 32) if raw >> 31 else raw
    if valtype == I64:
        return raw - (1 << 64) if raw >> 63 else raw
    if isinstance(valtype, RefType) and valtype.heaptype == "func" and raw is not None:
        from wasmpy.api.instance import Func

        return Func.of(store, raw)
    return raw


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
