"""What an embedder gives is looked at where it is given, not where it is first used.

What belongs here: the kinds of arguments, and sizes.  What does not: values of
the guest (``values``), bounds of a call (``store``).
"""

from __future__ import annotations

from typing import Any, Tuple, Type, Union

from wasmpy.syntax.types import (
    FuncType,
    GlobalType,
    Limits,
    MemType,
    NumType,
    RefType,
    TableType,
    VecType,
)

_VALTYPES = (NumType, RefType, VecType)


def check_kind(name: str, value: Any, kind: Union[Type[Any], Tuple[Type[Any], ...]]) -> None:
    """Raises: TypeError, which names the argument, for what is not of a kind.

    >>> check_kind("store", 5, str)
    Traceback (most recent call last):
    TypeError: store is a str, not int
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or a ".join(one.__name__ for one in kinds)
        raise TypeError(f"{name} is a {wanted}, not {type(value).__name__}")


def check_callable(name: str, value: Any) -> None:
    """Raises: TypeError for what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} is a callable, not {type(value).__name__}")


def check_growth(n: Any) -> None:
    """Raises: TypeError and ValueError for what is no number of pages or elements to grow by."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"it grows by an int, not {type(n).__name__}")
    if n < 0:
        raise ValueError(f"it cannot shrink: {n}")


def check_functype(value: Any) -> None:
    """Raises: TypeError for what is no function type."""
    check_kind("functype", value, FuncType)
    check_valtypes("functype.params", value.params)
    check_valtypes("functype.results", value.results)


def check_valtypes(name: str, values: Any) -> None:
    """Raises: TypeError for what is no tuple of value types."""
    check_kind(name, values, tuple)
    for value in values:
        _check_valtype(name, value)


def check_globaltype(value: Any) -> None:
    """Raises: TypeError for what is no type of a global: its value's, and whether it is mutable."""
    check_kind("globaltype", value, GlobalType)
    _check_valtype("globaltype.valtype", value.valtype)
    check_kind("globaltype.mut", value.mut, bool)


def check_memtype(value: Any) -> None:
    """Raises: TypeError for what is no type of a memory, ValueError for a range that is none."""
    check_kind("memtype", value, MemType)
    _check_range("memtype.limits", value.limits)


def check_tabletype(value: Any) -> None:
    """Raises: TypeError for what is no type of a table, ValueError for a range that is none."""
    check_kind("tabletype", value, TableType)
    check_kind("tabletype.reftype", value.reftype, RefType)
    _check_range("tabletype.limits", value.limits)


def _check_valtype(name: str, value: Any) -> None:
    if not isinstance(value, _VALTYPES):
        raise TypeError(f"{name} has value types such as I32, not {value!r}")


def _check_range(name: str, value: Any) -> None:
    if not isinstance(value, Limits):
        raise TypeError(f"{name} is a SizeRange, not {type(value).__name__}")
    for size in value if value.max is not None else value[:1]:
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"{name} has ints, not {type(size).__name__}")
        if size < 0:
            raise ValueError(f"{name} has a negative size: {size}")
    if value.max is not None and value.min > value.max:
        raise ValueError(f"{name} has a minimum of {value.min} beyond its maximum of {value.max}")
