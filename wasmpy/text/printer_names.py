"""Identifiers for a module being printed.

What belongs here: which identifier each thing gets, so that all in a space
are told apart, and how an index is written.  What does not: where it stands.

Names need not be unique and may be empty; identifiers must be, and may not.
What cannot be said by the identifier is said by ``(@name "...")``.

Spec: ``appendix/custom.html#name-section``.
"""

from __future__ import annotations

from typing import Container, Dict, Mapping, Tuple

from wasmpy.syntax.module import Module, Names
from wasmpy.text.literals import identifier, name_literal

SPACES: Dict[str, str] = {
    "type": "types", "func": "funcs", "table": "tables", "memory": "memories", "global": "globals",
    "elem": "elems", "data": "datas", "tag": "tags",
}  # fmt: skip
"""Of each index space the field of ``Names``."""

SECTION, NONE, ALL = "section", "none", "all"
"""Where identifiers come from: the name section, nowhere, or made where there is no name."""


class Space:
    """The identifiers of one index space; a definition may also need an annotation."""

    __slots__ = ("ids", "notes")

    def __init__(self, names: Mapping[int, str], taken: Container[str] = ()) -> None:
        self.ids: Dict[int, str] = {}
        self.notes: Dict[int, str] = {}
        used: Dict[str, int] = {}
        for index in sorted(names):
            name = names[index]
            unique = name
            while unique in used or unique in taken:
                unique = f"{unique}#{index}"
            if name:
                used[unique] = index
                self.ids[index] = identifier(unique)
            if unique != name or not name:
                self.notes[index] = f"(@name {name_literal(name)})"

    def ref(self, index: int) -> str:
        """A use of an index."""
        return self.ids.get(index) or str(index)

    def definition(self, index: int) -> str:
        """What stands behind the keyword of a definition, with a space before it."""
        parts = [""]
        if index in self.ids:
            parts.append(self.ids[index])
        if index in self.notes:
            parts.append(self.notes[index])
        return " ".join([*parts, f"(;{index};)"])

    def local(self, index: int) -> str:
        """As ``definition``, without the index; empty where there is nothing to say."""
        parts = [self.ids.get(index, ""), self.notes.get(index, "")]
        return " ".join([part for part in parts if part])


class Identifiers:
    """The identifiers of all index spaces of a module."""

    def __init__(self, module: Module, mode: str = SECTION) -> None:
        self.names = Names() if mode == NONE else module.names
        self.mode = mode
        counts = _counts(module)
        self.spaces: Dict[str, Space] = {}
        for kind, field in SPACES.items():
            names = getattr(self.names, field)
            if mode == ALL:
                names = {**{i: f"{kind}{i}" for i in range(counts[kind])}, **names}
            self.spaces[kind] = Space({i: n for i, n in names.items() if i < counts[kind]})
        self._fields: Dict[int, Space] = {}

    def ref(self, kind: str, index: int) -> str:
        """A use of an index in the space ``kind``."""
        return self.spaces[kind].ref(index)

    def definition(self, kind: str, index: int) -> str:
        """What stands behind the keyword of a definition in the space ``kind``."""
        return self.spaces[kind].definition(index)

    def locals(self, funcidx: int, count: int) -> Space:
        """The parameters and locals of a function."""
        names = self.names.locals.get(funcidx, {})
        if self.mode == ALL:
            names = {**{i: f"local{i}" for i in range(count)}, **names}
        return Space({i: n for i, n in names.items() if i < count})

    def fields(self, typeidx: int) -> Space:
        """The fields of a structure type."""
        space = self._fields.get(typeidx)
        if space is None:
            space = self._fields[typeidx] = Space(self.names.fields.get(typeidx, {}))
        return space

    def labels(self, funcidx: int) -> Dict[int, str]:
        """The names of a function's labels, by the order of its blocks."""
        names: Dict[int, str] = self.names.labels.get(funcidx, {})
        return names


def _counts(module: Module) -> Dict[str, int]:
    """How many there are in each space."""
    imported = imported_kinds(module)
    own = {
        "func": len(module.funcs), "table": len(module.tables), "memory": len(module.mems),
        "global": len(module.globals), "tag": len(module.tags),
    }  # fmt: skip
    counts = {kind: count + imported.count(kind) for kind, count in own.items()}
    counts.update(type=len(module.types), elem=len(module.elems), data=len(module.datas))
    return counts


IMPORT_KINDS: Dict[str, str] = {
    "TypeUse": "func", "TableType": "table", "MemType": "memory", "GlobalType": "global",
    "TagUse": "tag",
}  # fmt: skip
"""The kind of an import, by the class of its description."""


def imported_kinds(module: Module) -> Tuple[str, ...]:
    """The kind of each import."""
    return tuple([IMPORT_KINDS[type(item.desc).__name__] for item in module.imports])
