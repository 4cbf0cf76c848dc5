"""Element and data segments in the text format, and those inside tables and memories.

What belongs here: every form of ``elem`` and ``data``, those of 1.0 included.
What does not: the fields they stand in.

Spec: ``text/modules.html#text-elem``, ``text/modules.html#text-data``.
"""

from __future__ import annotations

from typing import List, Union

from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Active, Data, Elem, Expr, SegmentMode
from wasmpy.syntax.types import (
    FUNC_REF,
    FUNCREF,
    I64,
    Limits,
    NumType,
    RefType,
)
from wasmpy.text.instrs import InstrParser

_REF_FUNC = [op_of("ref.func"), op_of("end")]


class SegmentParser(InstrParser):
    """Reads segments."""

    def take_elem(self, end: int) -> None:
        """Take an ``elem`` field from behind its keyword."""
        self.take_id()
        mode: SegmentMode = None
        bare = False
        if self.texts[self.pos] == "declare":
            self.pos += 1
            mode = "declare"
        elif self.take_list("table"):
            tableidx = self.take_index("table")
            self.expect(")")
            mode = Active(tableidx, self._take_offset())
        elif self.texts[self.pos] == "(" and self.texts[self.pos + 1] != "ref":
            mode = Active(0, self._take_offset())
            bare = True
        elif self.at_number():
            # The form of 1.0: the table as a bare index.
            mode = Active(self.take_index("table"), self._take_offset())
            bare = True
        # Without a table and a kind, function indices may follow at once.
        if bare and (self.at_end() or self.at_index()):
            reftype, items = FUNC_REF, self._take_funcs()
        elif self.texts[self.pos] == "func":
            self.pos += 1
            reftype, items = FUNC_REF, self._take_funcs()
        else:
            reftype = self.take_reftype()
            items = self._take_exprs(end)
        self.context.module.elems.append(Elem(reftype, items, mode))

    def _take_offset(self) -> Expr:
        """Take ``(offset instr*)`` or its abbreviation, one folded instruction."""
        if self.texts[self.pos] != "(":
            self.unexpected("an offset")
        closer = self.closers[self.pos]
        if self.take_list("offset"):
            offset = self.take_expr(closer)
            self.expect(")")
            return offset
        return self.take_expr(closer + 1)

    def _take_funcs(self) -> List[Union[int, Expr]]:
        """Take function indices."""
        items: List[Union[int, Expr]] = []
        while not self.at_end():
            items.append(self.take_index("func"))
        return items

    def _take_exprs(self, end: int) -> List[Union[int, Expr]]:
        """Take element expressions: ``(item instr*)`` or one folded instruction.

        One that is ``ref.func x`` alone is given as x.
        """
        items: List[Union[int, Expr]] = []
        while self.pos < end:
            if self.texts[self.pos] != "(":
                self.unexpected("an element expression")
            closer = self.closers[self.pos]
            if self.take_list("item"):
                item = self.take_expr(closer)
                self.expect(")")
            else:
                item = self.take_expr(closer + 1)
            items.append(item.imms[0] if item.ops == _REF_FUNC else item)
        return items

    def take_table_elems(self, tableidx: int, reftype: RefType, addrtype: NumType) -> Limits:
        """Take the ``(elem ...)`` inside a table; the limits it gives the table."""
        closer = self.closers[self.pos]
        if not self.take_list("elem"):
            self.unexpected("limits or (elem ...)")
        items: List[Union[int, Expr]]
        if self.texts[self.pos] == "(":
            items = self._take_exprs(closer)
        else:
            items = self._take_funcs()
            reftype = FUNC_REF if reftype == FUNCREF else reftype
        self.expect(")")
        mode = Active(tableidx, self._zero(addrtype))
        self.context.module.elems.append(Elem(reftype, items, mode))
        return Limits(len(items), len(items))

    def _zero(self, addrtype: NumType) -> Expr:
        """The offset of a segment that stands inside its table or memory."""
        place = self.tokens.place(self.tokens.starts[self.pos])
        ops = [op_of("i64.const" if addrtype is I64 else "i32.const"), op_of("end")]
        return Expr(ops, [0, None], positions=[place, place])

    def take_data(self, end: int) -> None:
        """Take a ``data`` field from behind its keyword."""
        self.take_id()
        mode: SegmentMode = None
        if self.take_list("memory"):
            at = self.pos
            memidx = self.take_index("memory")
            if memidx:
                self.need("multi_memory", f"memory {memidx}", at)
            self.expect(")")
            mode = Active(memidx, self._take_offset())
        elif self.texts[self.pos] == "(":
            mode = Active(0, self._take_offset())
        elif self.at_number():
            # The form of 1.0: the memory as a bare index.
            mode = Active(self.take_index("memory"), self._take_offset())
        self.context.module.datas.append(Data(self.take_strings(), mode))

    def take_memory_data(self, memidx: int, addrtype: NumType, page: int) -> Limits:
        """Take the ``(data ...)`` inside a memory; the limits it gives the memory."""
        self.expect("(")
        self.expect("data")
        init = self.take_strings()
        self.expect(")")
        self.context.module.datas.append(Data(init, Active(memidx, self._zero(addrtype))))
        pages = -(-len(init) >> page)
        return Limits(pages, pages)
