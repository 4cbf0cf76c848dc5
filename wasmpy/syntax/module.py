"""A module and its parts, as plain data.

What belongs here: the fields of the structure chapter.  A function's body is
an :class:`Expr` in a flat form: two parallel lists, opcode and immediate,
with ``block``, ``loop``, ``if``, ``else`` and ``end`` standing in line.  The
position in these lists is the ``pc`` that the validator's side table, every
tier, the debugger and coverage speak of; the byte in the file is its
``offset``.

Spec: ``syntax/modules.html``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from wasmpy.syntax.types import (
    CompType,
    ExternType,
    FuncType,
    GlobalType,
    MemType,
    RefType,
    SubType,
    TableType,
    TagType,
    ValType,
)


class Expr:
    """An expression: instructions in line, the last of them ``end``.

    ``ops[pc]`` is an opcode number of ``wasmpy.isa``; ``imms[pc]`` its
    immediate: None where it has none, the value where it has one, a tuple
    where it has several, each in the form that ``wasmpy.isa.immediates``
    gives for its kind.  ``offset`` and ``end`` bound the bytes in the file
    (None for a module made from text); ``positions`` has (line, column) per
    instruction for a module made from text, else None.
    """

    __slots__ = ("end", "imms", "offset", "ops", "positions")

    def __init__(
        self,
        ops: List[int],
        imms: List[Any],
        offset: Optional[int] = None,
        end: Optional[int] = None,
        positions: Optional[List[Tuple[int, int]]] = None,
    ) -> None:
        self.ops = ops
        self.imms = imms
        self.offset = offset
        self.end = end
        self.positions = positions

    def __len__(self) -> int:
        return len(self.ops)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Expr) and self.ops == other.ops and self.imms == other.imms
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Expr({self.ops!r}, {self.imms!r})"


@dataclasses.dataclass
class Func:
    """A function of the module: its type, its locals in runs, its body."""

    typeidx: int
    locals: List[Tuple[int, ValType]]
    body: Expr


@dataclasses.dataclass
class Table:
    """A table; ``init`` is None for the null default."""

    type: TableType
    init: Optional[Expr] = None


@dataclasses.dataclass
class Mem:
    """A memory."""

    type: MemType


@dataclasses.dataclass
class Global:
    """A global and its initial value."""

    type: GlobalType
    init: Expr


@dataclasses.dataclass
class Active:
    """Mode of a segment that is copied at instantiation."""

    index: int
    offset: Expr


SegmentMode = Union[Active, None, str]
"""``Active``, None for passive, or the string ``"declare"`` (elements only)."""


@dataclasses.dataclass
class Elem:
    """An element segment; an item that is a plain int x stands for ``ref.func x``."""

    type: RefType
    init: List[Union[int, Expr]]
    mode: SegmentMode


@dataclasses.dataclass
class Data:
    """A data segment."""

    init: bytes
    mode: SegmentMode


class TypeUse(NamedTuple):
    """An imported function: the index of its type."""

    typeidx: int


class TagUse(NamedTuple):
    """A tag, imported or not: the index of its type."""

    typeidx: int


class Catch(NamedTuple):
    """A clause of ``try_table``: the tag it is for, or None for all.

    With ``ref`` the exception itself is carried to the label behind its
    values.
    """

    tag: Optional[int]
    ref: bool
    label: int


ImportDesc = Union[TypeUse, TableType, MemType, GlobalType, TagUse]


class Import(NamedTuple):
    """An import."""

    module: str
    name: str
    desc: ImportDesc


@dataclasses.dataclass(frozen=True)
class Export:
    """An export; ``kind`` is ``func``, ``table``, ``memory``, ``global`` or ``tag``."""

    name: str
    kind: str
    index: int


class Custom(NamedTuple):
    """A custom section: name, bytes, and after which section id it stood (0 at the start)."""

    name: str
    data: bytes
    after: int


@dataclasses.dataclass
class Names:
    """What the name section says; each map may be empty.

    Most map an index to a name; ``locals``, ``labels`` and ``fields`` map the
    index of a function or type to such a map.  Labels are counted in the
    order in which their blocks begin.
    """

    module: Optional[str] = None
    funcs: Any = dataclasses.field(default_factory=dict)
    locals: Any = dataclasses.field(default_factory=dict)
    labels: Any = dataclasses.field(default_factory=dict)
    types: Any = dataclasses.field(default_factory=dict)
    tables: Any = dataclasses.field(default_factory=dict)
    memories: Any = dataclasses.field(default_factory=dict)
    globals: Any = dataclasses.field(default_factory=dict)
    elems: Any = dataclasses.field(default_factory=dict)
    datas: Any = dataclasses.field(default_factory=dict)
    fields: Any = dataclasses.field(default_factory=dict)
    tags: Any = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Module:
    """A module.

    The index spaces have the imports first.  ``binary`` is the file it was
    decoded from, or None.  ``datacount`` is the number in the data count
    section, or None without one.  ``branch_hints`` has, for the index of a
    function and the pc of an ``if`` or ``br_if`` in it, whether the branch is
    likely (1) or not (0).

    ``types`` are in the order of their indices.  ``subs`` has what is
    declared of those that are not :data:`~wasmpy.syntax.types.PLAIN`, and
    ``recs`` the recursion groups of several types, each as its first index
    and its length; every other type is a group of its own.
    """

    types: List[CompType] = dataclasses.field(default_factory=list)
    imports: List[Import] = dataclasses.field(default_factory=list)
    funcs: List[Func] = dataclasses.field(default_factory=list)
    tables: List[Table] = dataclasses.field(default_factory=list)
    mems: List[Mem] = dataclasses.field(default_factory=list)
    tags: List[TagUse] = dataclasses.field(default_factory=list)
    globals: List[Global] = dataclasses.field(default_factory=list)
    exports: List[Export] = dataclasses.field(default_factory=list)
    start: Optional[int] = None
    elems: List[Elem] = dataclasses.field(default_factory=list)
    datas: List[Data] = dataclasses.field(default_factory=list)
    datacount: Optional[int] = None
    subs: Dict[int, SubType] = dataclasses.field(default_factory=dict)
    recs: List[Tuple[int, int]] = dataclasses.field(default_factory=list)
    customs: List[Custom] = dataclasses.field(default_factory=list)
    names: Names = dataclasses.field(default_factory=Names)
    branch_hints: Dict[int, Dict[int, int]] = dataclasses.field(default_factory=dict)
    binary: Optional[bytes] = dataclasses.field(default=None, repr=False, compare=False)

    def imported(self, kind: type) -> List[Import]:
        """The imports whose description is a ``kind``."""
        return [i for i in self.imports if isinstance(i.desc, kind)]

    def functypes(self) -> List[int]:
        """The type index of every function, imports first."""
        imported = [i.desc.typeidx for i in self.imports if isinstance(i.desc, TypeUse)]
        return imported + [f.typeidx for f in self.funcs]

    def all_tags(self) -> List[TagUse]:
        """The type of every tag, imports first."""
        return [i.desc for i in self.imports if isinstance(i.desc, TagUse)] + self.tags

    def import_type(self, item: Import) -> ExternType:
        """The external type of an import."""
        if isinstance(item.desc, TypeUse):
            return self.functype(item.desc.typeidx)
        if isinstance(item.desc, TagUse):
            return TagType(self.functype(item.desc.typeidx))
        return item.desc

    def functype(self, typeidx: int) -> FuncType:
        """The function type at an index; validation makes sure that it is one."""
        found = self.types[typeidx]
        assert isinstance(found, FuncType)
        return found

    def groups(self) -> Iterator[Tuple[int, int]]:
        """The recursion groups in order: of each the first index and the length."""
        at = 0
        for start, count in self.recs:
            yield from ((x, 1) for x in range(at, start))
            yield start, count
            at = start + count
        yield from ((x, 1) for x in range(at, len(self.types)))
