"""Table instances.

What belongs here: elements, growth and bulk operations of tables.  The list
of elements stays the same object for the life of the table, so prepared code
may bind it.

Spec: ``exec/runtime.html#table-instances``.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.syntax.types import Limits, TableType


class TableInst:
    """A table instance; ``limit`` is the most elements it may grow to."""

    __slots__ = ("_pristine", "elems", "limit", "type")

    def __init__(self, tabletype: TableType, limit: int, init: Any = None) -> None:
        self.type = tabletype
        maximum = tabletype.limits.max
        self.limit = min(limit, 0xFFFF_FFFF if maximum is None else maximum)
        self.elems: List[Any] = [init] * tabletype.limits.min
        self._pristine: Optional[List[Any]] = None

    def __len__(self) -> int:
        return len(self.elems)

    @property
    def current_type(self) -> TableType:
        """The type with the current size as minimum, as import matching wants it."""
        limits = Limits(len(self.elems), self.type.limits.max)
        return TableType(self.type.reftype, limits, self.type.addrtype)

    def get(self, i: int) -> Any:
        """The element at ``i``.  Traps: TABLE_OUT_OF_BOUNDS."""
        self._check(i, 1)
        return self.elems[i]

    def set(self, i: int, value: Any) -> None:
        """Set the element at ``i``.  Traps: TABLE_OUT_OF_BOUNDS."""
        self._check(i, 1)
        self.elems[i] = value

    def grow(self, n: int, value: Any) -> int:
        """Grow by ``n`` elements; the old size, or -1 if refused.

        Spec: ``exec/modules.html#growing-tables``.
        """
        old = len(self.elems)
        if old + n > self.limit:
            return -1
        try:
            self.elems.extend([value] * n)
        except MemoryError:
            return -1
        return old

    def fill(self, i: int, value: Any, n: int) -> None:
        """``table.fill``.  Traps: TABLE_OUT_OF_BOUNDS, before any write."""
        self._check(i, n)
        self.elems[i : i + n] = [value] * n

    def copy_from(self, source: TableInst, d: int, s: int, n: int) -> None:
        """``table.copy`` into this table.  Traps: TABLE_OUT_OF_BOUNDS, before any write."""
        source._check(s, n)
        self._check(d, n)
        self.elems[d : d + n] = source.elems[s : s + n]

    def init(self, items: Sequence[Any], d: int, s: int, n: int) -> None:
        """``table.init`` from a segment.  Traps: TABLE_OUT_OF_BOUNDS, before any write."""
        if s + n > len(items):
            raise _out_of_bounds(s, n, len(items))
        self._check(d, n)
        self.elems[d : d + n] = items[s : s + n]

    def _check(self, i: int, n: int) -> None:
        if i + n > len(self.elems):
            raise _out_of_bounds(i, n, len(self.elems))

    def keep_pristine(self) -> None:
        """Remember the present elements for ``reset``."""
        self._pristine = self.elems[:]

    def reset(self) -> None:
        """Make the elements what they were when ``keep_pristine`` was called."""
        assert self._pristine is not None
        self.elems[:] = self._pristine


def _out_of_bounds(i: int, n: int, size: int) -> WasmTrap:
    trap = WasmTrap(TrapKind.TABLE_OUT_OF_BOUNDS)
    trap.address, trap.width, trap.size = i, n, size
    return trap
