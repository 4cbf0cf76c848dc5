"""What lowering asks of a module: types, and nothing of an instance.

What belongs here: the signatures behind the indices that instructions name.
"""

from __future__ import annotations

from typing import Any, List

from wasmpy.syntax.module import Module, TypeUse
from wasmpy.syntax.types import FuncType, MemType, StructType


class Shape:
    """The types of a module's index spaces, imports first."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.functypes = module.functypes()
        self.imported = len(module.imported(TypeUse))
        imported = [i.desc for i in module.imports if isinstance(i.desc, MemType)]
        self.mems: List[MemType] = [*imported, *(mem.type for mem in module.mems)]
        self.tags = [tag.typeidx for tag in module.all_tags()]

    def function(self, funcidx: int) -> FuncType:
        """The type of a function."""
        return self.module.functype(self.functypes[funcidx])

    def type(self, typeidx: int) -> FuncType:
        """The function type at an index."""
        return self.module.functype(typeidx)

    def fields(self, typeidx: int) -> int:
        """How many fields a structure type has."""
        found: Any = self.module.types[typeidx]
        assert isinstance(found, StructType)
        return len(found.fields)

    def tag(self, tagidx: int) -> FuncType:
        """The type of a tag."""
        return self.module.functype(self.tags[tagidx])
