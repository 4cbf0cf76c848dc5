"""Defined types made canonical: equivalent ones become one object.

What belongs here: rolling and unrolling of recursion groups, and the table
of those that a type space knows.  A module has a space of its own while it
is validated; a store has one for all its instances.  What does not: subtyping
between types (``match``).

Two types are equivalent when their groups are, member by member, with what
refers into the group told by its place in it.  A group becomes a key of that
form, in which types outside of it stand as the objects that they are already,
so that a module takes time linear in the length of its types.

Spec: ``valid/conventions.html#aux-roll-rectype``, ``valid/matching.html#match-deftype``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from wasmpy.errors import InvalidError
from wasmpy.syntax.module import Module
from wasmpy.syntax.types import (
    PLAIN,
    ArrayType,
    CompType,
    DefType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    RefType,
    ResultType,
    StructType,
    SubType,
    TableType,
    ValType,
)

Rename = Callable[[int], HeapType]
"""What stands for a type index."""


class TypeSpace:
    """The defined types of a store, or of a module being validated."""

    __slots__ = ("_groups", "_plain", "count")

    def __init__(self) -> None:
        self._groups: Dict[Any, Tuple[DefType, ...]] = {}
        self._plain: Dict[Any, DefType] = {}
        self.count = 0

    def intern(self, comp: CompType) -> DefType:
        """The defined type of a composite type that is closed and not declared below another."""
        return self._alone(comp, [])

    def close(self, module: Module) -> List[DefType]:
        """The defined types of ``module`` by their indices.

        Raises: InvalidError for a type index that is not defined there.
        """
        types, subs, plain = module.types, module.subs, self._plain
        deftypes: List[DefType] = []
        for start, count in module.groups():
            if count == 1 and start not in subs:
                deftypes.append(plain.get(types[start]) or self._alone(types[start], deftypes))
                continue
            end = start + count
            declared = [subs.get(x, PLAIN) for x in range(start, end)]
            deftypes += self._defined(types[start:end], declared, start, deftypes)
        return deftypes

    def _alone(self, comp: CompType, known: List[DefType]) -> DefType:
        """The defined type of a type that is a group of its own and not declared below another."""
        try:
            done = renamed(comp, known.__getitem__)
        except IndexError:
            # It refers to itself, or to what is not there.
            return self._defined([comp], [PLAIN], len(known), known)[0]
        key = done if isinstance(done, FuncType) else (type(done), done)
        found = self._plain.get(key)
        if found is None:
            found = self._plain[key] = DefType(self, self.count, final=True)
            found.comp = done
            self.count += 1
        return found

    def _defined(
        self, comps: List[CompType], subs: List[SubType], start: int, known: List[DefType]
    ) -> Tuple[DefType, ...]:
        """The members of one group, whose indices begin at ``start``, behind ``known``."""
        own = range(start, start + len(comps))
        recursive = False

        def place(x: int) -> HeapType:
            nonlocal recursive
            # A place in the group is told from an index by its sign.
            if x in own:
                recursive = True
                return start - x - 1
            return _outside(known, x)

        key = tuple(
            (sub.final, tuple(map(place, sub.supers)), type(comp), renamed(comp, place))
            for sub, comp in zip(subs, comps)
        )
        group = self._groups.get(key)
        if group is None:
            # Without a reference into the group, the key has the closed types already.
            done = None if recursive else [comp for _, _, _, comp in key]
            group = self._groups[key] = self._made(comps, subs, start, known, done)
        return group

    def _made(
        self,
        comps: List[CompType],
        subs: List[SubType],
        start: int,
        known: List[DefType],
        done: Optional[List[CompType]],
    ) -> Tuple[DefType, ...]:
        """New defined types for a group; ``done`` are the closed types if they are there."""
        group = tuple(
            DefType(self, self.count + i, final=sub.final) for i, sub in enumerate(subs)
        )
        self.count += len(group)

        def member(x: int) -> DefType:
            return group[x - start] if start <= x < start + len(group) else _outside(known, x)

        for i, (deftype, sub) in enumerate(zip(group, subs)):
            deftype.comp = renamed(comps[i], member) if done is None else done[i]
            for x in sub.supers:
                if x >= start + i:
                    raise InvalidError(f"unknown type {x}: a supertype stands before", "subtype")
                deftype.super = member(x)
                deftype.depth = deftype.super.depth + 1
        return group


def _outside(known: Sequence[DefType], x: int) -> DefType:
    if x >= len(known):
        raise InvalidError(f"unknown type {x}", "heaptype")
    return known[x]


def renamed(comp: CompType, name: Rename) -> Any:
    """A composite type with type indices replaced by what ``name`` says."""
    if isinstance(comp, FuncType):
        params, results = _valtypes(comp.params, name), _valtypes(comp.results, name)
        if params is comp.params and results is comp.results:
            return comp
        return FuncType(params, results)
    if isinstance(comp, StructType):
        return StructType(tuple([_field(t, name) for t in comp.fields]))
    return ArrayType(_field(comp.field, name))


def _valtypes(types: ResultType, name: Rename) -> ResultType:
    """The same object if it has no index in it."""
    for t in types:
        if not t.code:
            return tuple([_valtype(t, name) for t in types])
    return types


def _field(field: FieldType, name: Rename) -> FieldType:
    storage = _valtype(field.storage, name)
    return field if storage is field.storage else FieldType(storage, field.mut)


def _valtype(t: Any, name: Rename) -> Any:
    if t.code or not isinstance(t.heaptype, int):
        return t
    return RefType(0, t.null, name(t.heaptype))


def closed(t: ValType, deftypes: Sequence[DefType]) -> Any:
    """A value type with its type index, if it has one, replaced by the defined type."""
    return _valtype(t, deftypes.__getitem__)


def closed_table(t: TableType, deftypes: Sequence[DefType]) -> TableType:
    """A table type, closed."""
    reftype = closed(t.reftype, deftypes)
    return t if reftype is t.reftype else TableType(reftype, t.limits, t.addrtype)


def closed_global(t: GlobalType, deftypes: Sequence[DefType]) -> GlobalType:
    """A global type, closed."""
    valtype = closed(t.valtype, deftypes)
    return t if valtype is t.valtype else GlobalType(valtype, t.mut)
