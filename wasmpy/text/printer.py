"""A module in the text format.

What belongs here: the fields of a module and the options of printing.  What
does not: types (``printer_types``), instructions (``printer_instrs``),
identifiers (``printer_names``).

``parse_module(print_module(m))`` gives ``m`` again, but for what text cannot
say: names of what is not there, and a name section as a custom section.

Spec: ``text/modules.html``.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from wasmpy.syntax.module import (
    Active,
    Custom,
    Data,
    Elem,
    Expr,
    Func,
    Import,
    Module,
    Names,
    SegmentMode,
    TypeUse,
)
from wasmpy.syntax.types import (
    FUNC_REF,
    GlobalType,
    MemType,
    TableType,
)
from wasmpy.text.annotations import SECTIONS, present
from wasmpy.text.literals import bytes_literal, name_literal
from wasmpy.text.printer_instrs import InstrPrinter
from wasmpy.text.printer_names import IMPORT_KINDS, SECTION, Identifiers, Space
from wasmpy.text.producers import SECTION as PRODUCERS
from wasmpy.text.producers import producers_of

_NAME_SECTION, _HINT_SECTION = "name", "metadata.code.branch_hint"
_SECTION_WORD: Dict[int, str] = {sid: word for word, sid, _ in SECTIONS}
_DATA_LINE = 64

Offsets = Callable[[Expr], Sequence[int]]
"""Gives the offset in the file of each instruction of an expression."""


@dataclasses.dataclass(frozen=True)
class Style:
    """How a module is printed.

    ``fold`` nests operands in what takes them; ``skeleton`` leaves out bodies
    and data; ``names`` is ``section`` (identifiers from the name section),
    ``none`` or ``all`` (made where there is no name); ``offsets`` puts the
    offset of each instruction before it, as a comment.
    """

    fold: bool = False
    skeleton: bool = False
    names: str = SECTION
    offsets: Optional[Offsets] = None


def print_module(module: Module, style: Style = Style()) -> str:
    """The text of ``module``, with a line end at its end.

    >>> print(print_module(Module()), end="")
    (module)
    """
    return ModulePrinter(module, style).text()


class ModulePrinter(InstrPrinter):
    """Writes the fields of one module."""

    def __init__(self, module: Module, style: Style) -> None:
        super().__init__(module, Identifiers(module, style.names))
        self.style = style
        self._next: Dict[str, int] = {}

    def text(self) -> str:
        """The module."""
        lines = list(self._fields())
        name = self.ids.names.module
        head = "(module"
        if name is not None:
            head += " " + Space({0: name}).local(0)
        if not lines:
            return head + ")\n"
        return "\n".join([head, *lines]) + "\n)\n"

    def _fields(self) -> Iterator[str]:
        module = self.module
        yield from self._types_by_group()
        for item in module.imports:
            yield "  " + self._import(item)
        yield from self._definitions()
        for export in module.exports:
            index = self.ids.ref(export.kind, export.index)
            yield f"  (export {name_literal(export.name)} ({export.kind} {index}))"
        if module.start is not None:
            yield f"  (start {self.ids.ref('func', module.start)})"
        for i, elem in enumerate(module.elems):
            yield f"  (elem{self.ids.definition('elem', i)}{self._elem(elem)})"
        for func in module.funcs:
            yield from self._func(func)
        for i, data in enumerate(module.datas):
            yield from self._data(i, data)
        yield from self._customs([c for c in module.customs if not self._said(c)])

    def _definitions(self) -> Iterator[str]:
        """Tables, memories, tags and globals."""
        module = self.module
        for table in module.tables:
            init = "" if table.init is None else " " + self.constant(table.init)
            yield f"  (table{self._define('table')} {self.tabletype(table.type)}{init})"
        for mem in module.mems:
            yield f"  (memory{self._define('memory')} {self.memtype(mem.type)})"
        for tag in module.tags:
            yield f"  (tag{self._define('tag')}{self.typeuse(tag.typeidx)})"
        for item in module.globals:
            shown = f"{self.globaltype(item.type)} {self.constant(item.init)}"
            yield f"  (global{self._define('global')} {shown})"

    def _define(self, kind: str) -> str:
        """What stands behind the keyword of the next definition in a space."""
        index = self._next.get(kind, 0)
        self._next[kind] = index + 1
        return self.ids.definition(kind, index)

    def _types_by_group(self) -> Iterator[str]:
        grouped = {start for start, _ in self.module.recs}
        for start, count in self.module.groups():
            if start not in grouped:
                yield "  " + self.typedef(start)
                continue
            yield "  (rec"
            for typeidx in range(start, start + count):
                yield "    " + self.typedef(typeidx)
            yield "  )"

    def _import(self, item: Import) -> str:
        desc = item.desc
        kind = IMPORT_KINDS[type(desc).__name__]
        head = kind + self._define(kind)
        if isinstance(desc, TypeUse):
            index = self._next["func"] - 1
            names = self._variables(index, len(self.functype(desc.typeidx).params))
            shown = self.typeuse(desc.typeidx, names)
        elif isinstance(desc, TableType):
            shown = " " + self.tabletype(desc)
        elif isinstance(desc, MemType):
            shown = " " + self.memtype(desc)
        elif isinstance(desc, GlobalType):
            shown = " " + self.globaltype(desc)
        else:
            shown = self.typeuse(desc.typeidx)
        return f"(import {name_literal(item.module)} {name_literal(item.name)} ({head}{shown}))"

    def _variables(self, funcidx: int, count: int) -> List[str]:
        """For each parameter and local its identifier and annotation, or nothing."""
        self.locals = self.ids.locals(funcidx, count)
        if not self.locals.ids and not self.locals.notes:
            return [""] * count
        return [self.locals.local(i) for i in range(count)]

    def constant(self, expr: Expr) -> str:
        """A constant expression on one line."""
        self.begin(Space({}), {}, 1)
        parts = self.flat(expr, 0, {}, None)
        if self.style.fold:
            self.begin(Space({}), {}, 1)
            return " ".join(line.strip() for line in self.folded(expr, 0, {}, None))
        if len(parts) == 1:
            return f"({parts[0]})"
        return " ".join(part.strip() for part in parts)

    def _func(self, func: Func) -> Iterator[str]:
        head = "  (func" + self._define("func")
        funcidx = self._next["func"] - 1
        functype = self.functype(func.typeidx)
        params = len(functype.params)
        count = params + sum(n for n, _ in func.locals)
        names = self._variables(funcidx, min(count, _MANY) if not self._named(funcidx) else count)
        yield head + self.typeuse(func.typeidx, names[:params])
        if self.style.skeleton:
            yield f"    (; {len(func.body)} instructions ;)"
            yield "  )"
            return
        at = params
        for n, valtype in func.locals:
            if any(names[at : at + n]):
                shown = self.variables("local", [valtype] * n, names[at : at + n])
                yield "   " + shown
            elif n:
                yield "    (local" + f" {self.valtype(valtype)}" * n + ")"
            at += n
        self.begin(self.locals, self.ids.labels(funcidx), len(functype.results))
        lay_out = self.folded if self.style.fold else self.flat
        yield from lay_out(func.body, 2, self._hints(funcidx), self._marks(func.body))
        yield "  )"

    def _named(self, funcidx: int) -> bool:
        return funcidx in self.ids.names.locals or self.ids.mode == "all"

    def _hints(self, funcidx: int) -> Mapping[int, str]:
        hints = self.module.branch_hints.get(funcidx, {})
        return {pc: f'(@{_HINT_SECTION} "\\{value:02x}")' for pc, value in hints.items()}

    def _marks(self, expr: Expr) -> Optional[List[str]]:
        """The comments with the offsets, one for each pc."""
        if self.style.offsets is None or expr.offset is None:
            return None
        return [f"(;{offset:#x};)" for offset in self.style.offsets(expr)]

    def _mode(self, mode: SegmentMode, kind: str) -> str:
        if mode is None:
            return ""
        if not isinstance(mode, Active):
            return f" {mode}"
        target = f" ({kind} {self.ids.ref(kind, mode.index)})" if mode.index else ""
        return f"{target} (offset {self.constant(mode.offset)})"

    def _elem(self, elem: Elem) -> str:
        mode = self._mode(elem.mode, "table")
        if isinstance(elem.mode, Active) and not elem.mode.index:
            # Without a table the text has a type of its own for a list of indices.
            mode = f" (table {self.ids.ref('table', 0)})" + mode
        if elem.type == FUNC_REF and all(isinstance(item, int) for item in elem.init):
            items = "".join([f" {self.ids.ref('func', x)}" for x in elem.init])  # type: ignore[arg-type]
            return f"{mode} func{items}"
        items = "".join([f" (item {self._item(item)})" for item in elem.init])
        return f"{mode} {self.valtype(elem.type)}{items}"

    def _item(self, item: object) -> str:
        if isinstance(item, Expr):
            return self.constant(item)
        assert isinstance(item, int)
        return f"(ref.func {self.ids.ref('func', item)})"

    def _data(self, index: int, data: Data) -> Iterator[str]:
        head = f"  (data{self.ids.definition('data', index)}{self._mode(data.mode, 'memory')}"
        if self.style.skeleton:
            yield f"{head} (; {len(data.init)} bytes ;))"
        elif len(data.init) <= _DATA_LINE:
            yield f"{head} {bytes_literal(data.init)})"
        else:
            yield head
            for at in range(0, len(data.init), _DATA_LINE):
                yield "    " + bytes_literal(data.init[at : at + _DATA_LINE])
            yield "  )"

    def _customs(self, customs: Sequence[Custom]) -> Iterator[str]:
        """Custom sections as annotations.

        ``@producers`` has no placement: it says a section that is among the
        last ones, and others behind it come after it as the last ones do.
        """
        last = ([0] + [sid for _, sid in present(self.module)])[-1]
        tail = len(customs)
        while tail and customs[tail - 1].after == last:
            tail -= 1
        behind = False
        for i, custom in enumerate(customs):
            said = producers_of(custom.data) if custom.name == PRODUCERS and i >= tail else None
            if said is None:
                yield "  " + _custom(custom, last=behind)
                continue
            behind = True
            yield "  (@producers"
            for field, name, version in said:
                yield f"    ({field} {name_literal(name)} {name_literal(version)})"
            yield "  )"

    def _said(self, custom: Custom) -> bool:
        """Whether a custom section is said by identifiers and annotations already."""
        if custom.name == _NAME_SECTION:
            return self.module.names != Names()
        return custom.name == _HINT_SECTION and bool(self.module.branch_hints)


_MANY = 1000
"""So many locals without a name are looked at one by one."""


def _custom(custom: Custom, *, last: bool = False) -> str:
    """A custom section as an annotation; ``last`` where it follows those without a placement."""
    word = "last" if last else _SECTION_WORD.get(custom.after)
    place = f"after {word}" if word else "before first"
    return f"(@custom {name_literal(custom.name)} ({place}) {bytes_literal(custom.data)})"


__all__ = ["Style", "print_module"]
