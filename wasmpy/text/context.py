"""What the text of a module may refer to: index spaces, labels and types.

What belongs here: identifiers and the indices they stand for.  What does
not: reading tokens.

Spec: ``text/modules.html#text-identifiers``.
"""

from __future__ import annotations

from typing import Dict, List, Optional

from wasmpy.config import Features
from wasmpy.syntax.module import Module
from wasmpy.syntax.types import PLAIN, CompType, FuncType, SubType


class IndexSpace:
    """One index space: how many there are, and which have an identifier."""

    __slots__ = ("count", "ids", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.count = 0
        self.ids: Dict[str, int] = {}

    def define(self, identifier: Optional[str]) -> int:
        """Give the next index, to ``identifier`` if there is one.  Raises: ValueError."""
        index = self.count
        self.count += 1
        if identifier is not None:
            if identifier in self.ids:
                raise ValueError(f"duplicate {self.kind} {identifier}")
            self.ids[identifier] = index
        return index


KINDS = ("type", "func", "table", "memory", "tag", "global", "elem", "data")


class ModuleContext:
    """The identifiers and types of one module, and the module as far as it is built."""

    def __init__(self, features: Features) -> None:
        self.features = features
        # Without 64-bit addresses the grammar of limits and offsets knows no larger number.
        self.address_bits = 64 if "memory64" in features else 32
        self.module = Module()
        self.spaces: Dict[str, IndexSpace] = {kind: IndexSpace(kind) for kind in KINDS}
        self.first_index: Dict[FuncType, int] = {}
        self.field_ids: Dict[int, Dict[str, int]] = {}
        self.needs_datacount = False
        self.local_names: Dict[int, str] = {}
        self._next: Dict[str, int] = dict.fromkeys(KINDS, 0)

    def next_index(self, kind: str) -> int:
        """The index of the definition being read, in a second walk in the same order."""
        index = self._next[kind]
        self._next[kind] = index + 1
        return index

    def append_type(self, comp: CompType, sub: SubType = PLAIN, *, alone: bool = True) -> int:
        """Add a type at the end and give its index; ``alone`` if it is a group of its own."""
        index = len(self.module.types)
        self.module.types.append(comp)
        if sub != PLAIN:
            self.module.subs[index] = sub
        elif alone and isinstance(comp, FuncType):
            self.first_index.setdefault(comp, index)
        return index

    def index_of_type(self, functype: FuncType) -> int:
        """The smallest index of an equal type; a new one at the end if there is none.

        Spec: ``text/modules.html#text-typeuse`` (abbreviations).
        """
        index = self.first_index.get(functype)
        return self.append_type(functype) if index is None else index

    def functype(self, typeidx: int) -> Optional[FuncType]:
        """The function type at an index, or None if there is none."""
        types = self.module.types
        found = types[typeidx] if typeidx < len(types) else None
        return found if isinstance(found, FuncType) else None


class Labels:
    """The labels in scope, looked up in constant time at any nesting.

    ``seen`` are the identifiers of all blocks so far, by the order in which
    the blocks begin; the outermost label, which has none, is not counted.
    """

    __slots__ = ("count", "depths", "names", "seen")

    def __init__(self) -> None:
        self.names: List[Optional[str]] = []
        self.depths: Dict[str, List[int]] = {}
        self.count = 0
        self.seen: Dict[int, str] = {}

    def push(self, identifier: Optional[str]) -> None:
        """Enter a block."""
        if identifier is not None:
            self.depths.setdefault(identifier, []).append(len(self.names))
            self.seen[self.count - 1] = identifier
        self.names.append(identifier)
        self.count += 1

    def pop(self) -> None:
        """Leave the innermost block."""
        identifier = self.names.pop()
        if identifier is not None:
            self.depths[identifier].pop()

    def top(self) -> Optional[str]:
        """The identifier of the innermost block."""
        return self.names[-1]

    def index(self, identifier: str) -> Optional[int]:
        """The label index that an identifier stands for, or None."""
        depths = self.depths.get(identifier)
        return len(self.names) - 1 - depths[-1] if depths else None
