"""Arguments of a script as values, and results against patterns.

What belongs here: the two directions of conversion and the comparison.
Values are those of ``Func.call_raw``: numbers as unsigned bits, vectors as
bytes, references as objects.

Spec: ``exec/numerics.html#aux-nans`` for the two NaN patterns.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Sequence, Tuple

from wasmpy.api.heap import Array, Struct
from wasmpy.syntax.types import RefType, ValType, VecType
from wasmpy.text.script import Pattern, Value
from wasmpy.valid.match import top_of

_NUMBERS = frozenset({"i32", "i64", "f32", "f64"})
_WIDTH_AND_FRACTION = {"f32": (32, 23), "f64": (64, 52)}


class HostRef(NamedTuple):
    """The host's object that ``(ref.extern n)`` stands for."""

    number: int


_CLASSES: Dict[str, Tuple[type, ...]] = {
    "i31": (int,), "struct": (Struct,), "array": (Array,), "eq": (int, Struct, Array),
    "host": (HostRef,),
}  # fmt: skip


class NoSuchValue(Exception):  # noqa: N818 - a statement about the script
    """A kind of value that execution does not have yet; the argument is the feature."""


def raw_value(value: Value) -> Any:
    """What to pass for an argument.  Raises: NoSuchValue."""
    if value.type == "ref.null" or value.bits is None:
        return None
    if value.type in _NUMBERS:
        return value.bits
    if value.type == "v128":
        return value.bits.to_bytes(16, "little")
    if value.type in ("ref.extern", "ref.host"):
        return HostRef(value.bits)
    raise NoSuchValue(value.type)


def matches(pattern: Pattern, valtype: ValType, raw: Any) -> bool:
    """Whether a result of type ``valtype`` is what ``pattern`` asks for.  Raises: NoSuchValue."""
    kind = pattern.kind
    if kind == "value":
        return pattern.type == str(valtype) and bool(raw == pattern.bits)
    if kind in ("nan:canonical", "nan:arithmetic"):
        return pattern.type == str(valtype) and _is_nan(pattern, raw)
    if kind == "null":
        return isinstance(valtype, RefType) and raw is None
    if kind == "lanes":
        return isinstance(valtype, VecType) and _has_lanes(pattern, raw)
    if kind == "either":
        return any(matches(part, valtype, raw) for part in pattern.parts)
    if kind == "ref":
        return _is_reference(pattern, valtype, raw)
    raise NoSuchValue(kind)


def _has_lanes(pattern: Pattern, raw: bytes) -> bool:
    """Whether each lane of a vector is what its pattern asks for."""
    size = 16 // len(pattern.parts)
    for i, part in enumerate(pattern.parts):
        bits = int.from_bytes(raw[i * size : (i + 1) * size], "little")
        if not (bits == part.bits if part.kind == "value" else _is_nan(part, bits)):
            return False
    return True


def _is_nan(pattern: Pattern, bits: int) -> bool:
    """Whether the payload is the canonical one, or at least has its leading bit."""
    width, fraction = _WIDTH_AND_FRACTION[pattern.type]
    exponent = (1 << (width - 1 - fraction)) - 1
    quiet = (exponent << 1 | 1) << (fraction - 1)
    magnitude = bits & ((1 << (width - 1)) - 1)
    if pattern.kind == "nan:canonical":
        return magnitude == quiet
    return magnitude & quiet == quiet


def _is_reference(pattern: Pattern, valtype: ValType, raw: Any) -> bool:
    """Whether a result is a reference of the kind that the pattern names."""
    if not isinstance(valtype, RefType) or raw is None:
        return False
    top = top_of(valtype.heaptype)
    if pattern.type in ("func", "extern", "exn"):
        right = top == pattern.type
    else:
        right = top == "any" and isinstance(raw, _CLASSES.get(pattern.type, object))
    return right and (pattern.bits is None or bool(raw == HostRef(pattern.bits)))


def mismatch(expected: Sequence[Pattern], types: Sequence[ValType], raw: Sequence[Any]) -> str:
    """Why results are not what was expected, or the empty string.  Raises: NoSuchValue."""
    if len(expected) != len(raw):
        return f"{len(raw)} results, expected {len(expected)}"
    for position, (pattern, valtype, value) in enumerate(zip(expected, types, raw)):
        if not matches(pattern, valtype, value):
            shown = hex(value) if isinstance(value, int) else repr(value)
            shown = value.hex() if isinstance(value, bytes) else shown
            return f"result {position} is {valtype} {shown}, expected {_wanted(pattern)}"
    return ""


def _wanted(pattern: Pattern) -> str:
    if pattern.kind == "either":
        return " or ".join(_wanted(part) for part in pattern.parts)
    bits = "" if pattern.bits is None else f" {pattern.bits:#x}"
    return f"{pattern.kind} {pattern.type}{bits}"
