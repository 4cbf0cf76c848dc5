"""Modules in the text format.

What belongs here: the module and its fields, in two passes: the first gives
every definition its index and reads the types, the second reads the rest in
the order of the text, so that implicit types are added in that order.  What
does not: segments (``segments``), instructions and types.

Spec: ``text/modules.html``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

from wasmpy.config import Features
from wasmpy.syntax.module import (
    Export,
    Expr,
    Func,
    Global,
    Import,
    ImportDesc,
    Mem,
    Module,
    Table,
    TagUse,
    TypeUse,
)
from wasmpy.syntax.types import Limits, MemType, TableType, ValType
from wasmpy.text.annotations import AnnotationParser
from wasmpy.text.context import ModuleContext
from wasmpy.text.lexer import EOF, Tokens, tokenize
from wasmpy.text.types import ParamNames

_EXTERNS = frozenset({"func", "table", "memory", "global", "tag"})


def parse_module(source: str, features: Features = Features.ALL) -> Module:
    """The module that ``source`` denotes: ``(module ...)``, or its fields alone.

    Identifiers go to ``Module.names``.

    Raises: MalformedError with line and column; Unsupported, a subclass, for
    syntax that uses a feature outside ``features``.
    """
    tokens = tokenize(source)
    texts = tokens.texts
    if texts[0] == "(" and texts[1] == "module":
        end = tokens.closers[0]
        pos = 2
        if texts[end + 1] != EOF:
            raise tokens.error(end + 1, "unexpected token behind the module")
    else:
        pos, end = 0, len(texts) - 1
    return parse_fields(tokens, pos, end, features)


def parse_fields(tokens: Tokens, pos: int, end: int, features: Features) -> Module:
    """The module whose identifier (if it has one) and fields are the tokens from pos to end."""
    parser = ModuleParser(tokens, ModuleContext(features), pos)
    return parser.take_module(end)


class ModuleParser(AnnotationParser):
    """Reads the fields of one module."""

    def take_module(self, end: int) -> Module:
        """Take the identifier and the fields up to token ``end``."""
        module = self.context.module
        self.begin_annotations(self.pos, end)
        identifier = self.take_id()
        name = self.take_name_annotation("module")
        fields = self._list_fields(end)
        self._number_fields(fields)
        for start in fields:
            if self.texts[start + 1] == "type":
                self._take_type(start, alone=True)
            elif self.texts[start + 1] == "rec":
                self._take_group(start)
        for start in fields:
            self.take_customs(start)
            self.pos = start + 2
            take = _FIELDS[self.texts[start + 1]]
            if take is not None:
                take(self, self.closers[start])
                self.expect(")")
        if self.context.needs_datacount:
            module.datacount = len(module.datas)
        self.take_customs(end)
        self.end_annotations()
        if name is not None or identifier is not None:
            module.names.module = name if identifier is None or name is not None else identifier[1:]
        for kind, space in self.spaces.items():
            names = {index: ident[1:] for ident, index in space.ids.items()}
            names.update(self.given_names.get(kind, {}))
            setattr(module.names, NAMED[kind], names)
        return module

    # First pass

    def _list_fields(self, end: int) -> List[int]:
        """The positions of the fields up to token ``end``."""
        fields = []
        while self.pos < end:
            if self.texts[self.pos] != "(":
                self.unexpected("a module field")
            keyword = self.texts[self.pos + 1]
            if keyword not in _FIELDS:
                self.pos += 1
                self.unexpected("a module field")
            fields.append(self.pos)
            self.pos = self.closers[self.pos] + 1
        return fields

    def _number_fields(self, fields: List[int]) -> None:
        """Give each definition its index; check that imports come first."""
        defined = ""
        for start in fields:
            keyword = self.texts[start + 1]
            self.pos = start + 2
            kind = keyword
            if keyword == "rec":
                for member in self._members(start):
                    self.pos = member + 2
                    self._define("type")
                continue
            imported = False
            if keyword == "import":
                imported = True
                kind = self._imported_kind()
            if kind in _EXTERNS or kind in ("type", "elem", "data"):
                self._define(kind)
            if keyword in _EXTERNS:
                imported = self._skip_exports()
                if not imported:
                    defined = keyword
                    self._number_inline_segment(keyword, self.closers[start])
            if imported and defined:
                word = {"func": "function"}.get(defined, defined)
                raise self.error(f"import after {word}", start)

    def _define(self, kind: str) -> None:
        """Define the identifier that comes next, if there is one, in a space."""
        at = self.pos
        try:
            index = self.spaces[kind].define(self.take_id())
        except ValueError as error:
            raise self.error(str(error), at) from None
        name = self.take_name_annotation(kind)
        if name is not None:
            self.given_names.setdefault(kind, {})[index] = name

    def _imported_kind(self) -> str:
        """Go to the identifier within an import field and give the kind of what is imported."""
        self.take_name()
        self.take_name()
        self.expect("(")
        kind = self.texts[self.pos]
        if kind not in _EXTERNS:
            self.unexpected("a kind of import")
        self.pos += 1
        return kind

    def _skip_exports(self) -> bool:
        """Pass over inline exports; whether an inline import follows."""
        while self.at_list("export"):
            self.pos = self.closers[self.pos] + 1
        return self.at_list("import")

    def _number_inline_segment(self, keyword: str, end: int) -> None:
        """Count the segment inside a table or memory."""
        kind = {"table": "elem", "memory": "data"}.get(keyword)
        pos = self.pos
        while kind is not None and pos < end:
            if self.texts[pos] == "(":
                if self.texts[pos + 1] == kind:
                    self.spaces[kind].define(None)
                pos = self.closers[pos]
            pos += 1

    def _members(self, start: int) -> List[int]:
        """The positions of the types in a recursion group."""
        self.need("gc", "(rec ...)", start + 1)
        members = []
        pos = start + 2
        while pos < self.closers[start]:
            self.pos = pos
            if not self.take_list("type"):
                self.unexpected("(type ...)")
            members.append(pos)
            pos = self.closers[pos] + 1
        return members

    def _take_group(self, start: int) -> None:
        """Take a recursion group.  Spec: ``text/types.html#text-rectype``."""
        members = self._members(start)
        module = self.context.module
        if len(members) > 1:
            module.recs.append((len(module.types), len(members)))
        for member in members:
            self._take_type(member, alone=len(members) == 1)

    def _take_type(self, start: int, *, alone: bool) -> None:
        self.pos = start + 2
        self.take_id()
        sub, comp = self.take_subtype(len(self.context.module.types))
        self.context.append_type(comp, sub, alone=alone)
        self.expect(")")

    # Second pass

    def _take_exports(self, kind: str, index: int) -> None:
        """Take inline exports."""
        while self.take_list("export"):
            self.context.module.exports.append(Export(self.take_name(), kind, index))
            self.expect(")")

    def _take_inline_import(self) -> Optional[Tuple[str, str]]:
        """Take an inline import: the two names, or None."""
        if not self.take_list("import"):
            return None
        names = self.take_name(), self.take_name()
        self.expect(")")
        return names

    def _begin(self, kind: str) -> int:
        """Take identifier and inline exports; give the index."""
        self.take_id()
        index = self.context.next_index(kind)
        self._take_exports(kind, index)
        return index

    def _import_as(self, names: Tuple[str, str], desc: ImportDesc) -> None:
        self.context.module.imports.append(Import(names[0], names[1], desc))

    def _take_import(self, end: int) -> None:
        names = self.take_name(), self.take_name()
        self.expect("(")
        kind = self.texts[self.pos]
        self.pos += 1
        self.take_id()
        index = self.context.next_index(kind)
        if kind == "func":
            self._import_func(names, index)
        else:
            take: Dict[str, Callable[[], ImportDesc]] = {
                "table": self.take_tabletype,
                "memory": self.take_memtype,
                "global": self.take_globaltype,
                "tag": self._take_tagtype,
            }
            self._import_as(names, take[kind]())
        self.expect(")")

    def _import_func(self, names: Tuple[str, str], funcidx: int) -> None:
        at = self.pos
        self.context.local_names = {}
        typeidx, params = self.take_typeuse(named=True)
        self._local_ids(funcidx, params, at)
        self._import_as(names, TypeUse(typeidx))

    def _local_ids(self, funcidx: int, variables: ParamNames, at: int) -> Dict[str, int]:
        """The identifiers of parameters and locals; kept as names of the function."""
        ids: Dict[str, int] = {}
        for index, (identifier, _) in enumerate(variables):
            if identifier is not None:
                if identifier in ids:
                    raise self.error(f"duplicate local {identifier}", at)
                ids[identifier] = index
        names = {index: name[1:] for name, index in ids.items()}
        names.update(self.context.local_names)
        if names:
            self.context.module.names.locals[funcidx] = names
        return ids

    def _take_func(self, end: int) -> None:
        index = self._begin("func")
        names = self._take_inline_import()
        if names is not None:
            self._import_func(names, index)
            return
        at = self.pos
        self.context.local_names = {}
        typeidx, variables = self.take_typeuse(named=True)
        runs: List[Tuple[int, ValType]] = []
        while self.take_list("local"):
            identifier = self.take_id()
            name = self.take_name_annotation("local")
            if name is not None:
                self.context.local_names[len(variables)] = name
            types = [self.take_valtype()] if identifier else self.take_valtypes()
            self.expect(")")
            for valtype in types:
                variables.append((identifier, valtype))
                if runs and runs[-1][1] == valtype:
                    runs[-1] = (runs[-1][0] + 1, valtype)
                else:
                    runs.append((1, valtype))
        ids = self._local_ids(index, variables, at)
        start = self.pos
        body = self.take_expr(end, ids)
        labels = self.body.labels.seen
        if labels:
            module = self.context.module
            module.names.labels[index] = {i: label[1:] for i, label in labels.items()}
        self.take_body_annotations(index, body, self.body.at, start)
        self.context.module.funcs.append(Func(typeidx, runs, body))

    def _take_table(self, end: int) -> None:
        index = self._begin("table")
        names = self._take_inline_import()
        if names is not None:
            self._import_as(names, self.take_tabletype())
            return
        addrtype = self.take_addrtype()
        if self.at_number():
            limits = self.take_limits()
            tabletype = TableType(self.take_reftype(), limits, addrtype)
            init: Optional[Expr] = None
            if self.pos < end:
                self.need_typed_references("a table with an initial value")
                init = self.take_expr(end)
        else:
            reftype = self.take_reftype()
            limits = self.take_table_elems(index, reftype, addrtype)
            tabletype, init = TableType(reftype, limits, addrtype), None
        self.context.module.tables.append(Table(tabletype, init))

    def _take_memory(self, end: int) -> None:
        index = self._begin("memory")
        names = self._take_inline_import()
        if names is not None:
            self._import_as(names, self.take_memtype())
            return
        addrtype = self.take_addrtype()
        if self.at_list("data") or self.at_list("pagesize"):
            page = self.take_page(MemType(Limits(0, None)).page)
            memtype = MemType(self.take_memory_data(index, addrtype, page), addrtype, page=page)
        else:
            memtype = self.take_memtype_rest(addrtype)
        self.context.module.mems.append(Mem(memtype))

    def _take_tag(self, end: int) -> None:
        self._begin("tag")
        names = self._take_inline_import()
        tag = self._take_tagtype()
        if names is not None:
            self._import_as(names, tag)
            return
        self.context.module.tags.append(tag)

    def _take_tagtype(self) -> TagUse:
        self.need("exceptions", "a tag")
        return TagUse(self.take_typeuse(named=False)[0])

    def _take_global(self, end: int) -> None:
        self._begin("global")
        names = self._take_inline_import()
        globaltype = self.take_globaltype()
        if names is not None:
            self._import_as(names, globaltype)
            return
        self.context.module.globals.append(Global(globaltype, self.take_expr(end)))

    def _take_export(self, end: int) -> None:
        name = self.take_name()
        self.expect("(")
        kind = self.texts[self.pos]
        if kind not in _EXTERNS:
            self.unexpected("a kind of export")
        if kind == "tag":
            self.need("exceptions", "the export of a tag")
        self.pos += 1
        self.context.module.exports.append(Export(name, kind, self.take_index(kind)))
        self.expect(")")

    def _take_start(self, end: int) -> None:
        if self.context.module.start is not None:
            raise self.error("multiple start sections", self.pos - 2)
        self.context.module.start = self.take_index("func")


NAMED: Dict[str, str] = {
    "type": "types", "func": "funcs", "table": "tables", "memory": "memories", "global": "globals",
    "elem": "elems", "data": "datas", "tag": "tags",
}  # fmt: skip
"""Of each index space the field of ``Names`` that its identifiers go to."""

_FIELDS: Dict[str, Optional[Callable[[ModuleParser, int], None]]] = {
    "type": None,
    "rec": None,
    "import": ModuleParser._take_import,
    "func": ModuleParser._take_func,
    "table": ModuleParser._take_table,
    "memory": ModuleParser._take_memory,
    "global": ModuleParser._take_global,
    "tag": ModuleParser._take_tag,
    "export": ModuleParser._take_export,
    "start": ModuleParser._take_start,
    "elem": ModuleParser.take_elem,
    "data": ModuleParser.take_data,
}
