"""Table instances.

What belongs here: elements, growth and bulk operations of tables.  The list
of elements stays the same object for the life of the table, so prepared code
may bind it.

Spec: ``exec/runtime.html#table-instances``.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.syntax.types import Limits, TableType

CHUNK = 1 << 16
"""Elements that a bulk operation moves between two looks at the interruption flag."""

Look = Callable[[], None]


def _no_look() -> None:
    """For the host, which nobody interrupts."""


def _chunks(n: int) -> Iterator[Tuple[int, int]]:
    """Where each chunk of ``n`` elements begins, and its size."""
    return ((at, min(CHUNK, n - at)) for at in range(0, n, CHUNK))


class Quota:
    """What all tables of a store may have together: ``left`` elements more."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, n: int) -> bool:
        """Take ``n`` elements, if there are so many."""
        if n > self.left:
            return False
        self.left -= n
        return True

    def give(self, n: int) -> None:
        """Give ``n`` elements back."""
        self.left += n


class TableInst:
    """A table instance; its elements count against ``quota``.

    Raises: MemoryError if the quota has not enough for the initial size.
    """

    __slots__ = ("_init", "_pristine", "elems", "quota", "type")

    def __init__(self, tabletype: TableType, quota: Quota, init: Any = None) -> None:
        self.type = tabletype
        self.quota = quota
        if not quota.take(tabletype.limits.min):
            raise MemoryError("more elements than the store may have")
        self._init = init
        self.elems: List[Any] = [init] * tabletype.limits.min
        self._pristine: Optional[Tuple[int, List[Tuple[int, List[Any]]]]] = None

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

    def grow(self, n: int, value: Any, look: Look = _no_look) -> int:
        """Grow by ``n`` elements; the old size, or -1 if refused.

        Spec: ``exec/modules.html#growing-tables``.
        """
        old = len(self.elems)
        maximum = self.type.limits.max
        if (maximum is not None and old + n > maximum) or not self.quota.take(n):
            return -1
        for _, size in _chunks(n):
            self.elems.extend([value] * size)
            if n > CHUNK:
                look()
        return old

    def fill(self, i: int, value: Any, n: int, look: Look = _no_look) -> None:
        """``table.fill``.  Traps: TABLE_OUT_OF_BOUNDS, before any write."""
        self._check(i, n)
        for at, size in _chunks(n):
            self.elems[i + at : i + at + size] = [value] * size
            if n > CHUNK:
                look()

    def copy_from(
        self, source: TableInst, d: int, s: int, n: int, look: Look = _no_look
    ) -> None:
        """``table.copy`` into this table; overlap is allowed.

        Traps: TABLE_OUT_OF_BOUNDS, before any write.
        """
        source._check(s, n)
        self._check(d, n)
        chunks = list(_chunks(n))
        for at, size in chunks if d <= s or source is not self else reversed(chunks):
            self.elems[d + at : d + at + size] = source.elems[s + at : s + at + size]
            if n > CHUNK:
                look()

    def init(
        self, items: Sequence[Any], d: int, s: int, n: int, look: Look = _no_look
    ) -> None:
        """``table.init`` from a segment.  Traps: TABLE_OUT_OF_BOUNDS, before any write."""
        if s + n > len(items):
            raise _out_of_bounds(s, n, len(items))
        self._check(d, n)
        for at, size in _chunks(n):
            self.elems[d + at : d + at + size] = items[s + at : s + at + size]
            if n > CHUNK:
                look()

    def _check(self, i: int, n: int) -> None:
        if i + n > len(self.elems):
            raise _out_of_bounds(i, n, len(self.elems))

    def keep_pristine(self, written: Optional[List[Tuple[int, int]]]) -> None:
        """Remember the present elements for ``reset``.

        ``written`` lists the (index, size) ranges that differ from the initial
        element, or is None when that is not known (a start function ran).
        """
        size = len(self.elems)
        ranges = [(0, size)] if written is None else written
        self._pristine = size, [(i, self.elems[i : i + n]) for i, n in ranges]

    def reset(self) -> None:
        """Make the elements what they were when ``keep_pristine`` was called."""
        assert self._pristine is not None
        size, runs = self._pristine
        self.quota.give(len(self.elems) - size)
        self.elems[:] = [self._init] * size
        for i, items in runs:
            self.elems[i : i + len(items)] = items


def _out_of_bounds(i: int, n: int, size: int) -> WasmTrap:
    trap = WasmTrap(TrapKind.TABLE_OUT_OF_BOUNDS)
    trap.address, trap.width, trap.size = i, n, size
    return trap
