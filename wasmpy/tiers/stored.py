"""A validated module as plain data, and back, its bodies when somebody asks for them.

What belongs here: what ``marshal`` takes in place of a module and its side
tables.  What does not: files (``entry``), and what is kept of compiled
functions (``cache``).

A record is a tuple that begins with its number in ``_RECORDS``, a tuple one
that begins with ``_TUPLE``.  What stands in the module's binary anyway (the
content of segments and custom sections) is a place in it.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Sequence, Tuple

from wasmpy.syntax import module as syntax
from wasmpy.syntax import types
from wasmpy.syntax.module import Custom, Data, Expr, Func, Module

Bodies = Callable[[int], Tuple[List[int], List[Any], List[int], Sequence[int]]]
"""What gives opcodes, immediates, branches and heights of a function, by its place."""

_RECORDS: Tuple[Tuple[type, Tuple[str, ...]], ...] = (
    (types.NumType, ("code", "name")),
    (types.VecType, ("code", "name")),
    (types.PackedType, ("code", "name")),
    (types.RefType, ("code", "null", "heaptype")),
    (types.FieldType, ("storage", "mut")),
    (types.FuncType, ("params", "results")),
    (types.StructType, ("fields",)),
    (types.ArrayType, ("field",)),
    (types.SubType, ("final", "supers")),
    (types.Limits, ("min", "max")),
    (types.MemType, ("limits", "addrtype", "shared", "page")),
    (types.TableType, ("reftype", "limits", "addrtype")),
    (types.GlobalType, ("valtype", "mut")),
    (syntax.TypeUse, ("typeidx",)),
    (syntax.TagUse, ("typeidx",)),
    (syntax.Catch, ("tag", "ref", "label")),
    (syntax.Import, ("module", "name", "desc")),
    (syntax.Export, ("name", "kind", "index")),
    (syntax.Table, ("type", "init")),
    (syntax.Mem, ("type",)),
    (syntax.Global, ("type", "init")),
    (syntax.Active, ("index", "offset")),
    (syntax.Elem, ("type", "init", "mode")),
    (syntax.Names, (
        "module", "funcs", "locals", "labels", "types", "tables", "memories", "globals", "elems",
        "datas", "fields", "tags",
    )),
    (Expr, ("ops", "imms", "offset", "end")),
)  # fmt: skip
_NUMBERS: Dict[type, int] = {kind: i for i, (kind, _) in enumerate(_RECORDS)}
_TUPLE = -1

_ONE: Dict[Any, Any] = {
    t: t
    for t in (
        types.I32, types.I64, types.F32, types.F64, types.V128, types.I8, types.I16,
        *types.SHORT_REFTYPES, types.FUNC_REF,
    )
}  # fmt: skip
"""The types that there is one object of, which is compared by identity here and there."""

_PARTS = (
    "types", "imports", "tables", "mems", "tags", "globals", "exports", "start", "elems",
    "datacount", "subs", "recs", "names", "branch_hints",
)  # fmt: skip
"""The fields of a module that are stored as they are."""


def plain(value: Any) -> Any:
    """A value of the syntax as what ``marshal`` takes.  Raises: KeyError for what is none."""
    kind = type(value)
    if value is None or kind in (int, str, bool, bytes):
        return value
    if kind is list:
        return [plain(item) for item in value]
    if kind is tuple:
        return (_TUPLE, *[plain(item) for item in value])
    if kind is dict:
        return {key: plain(item) for key, item in value.items()}
    number = _NUMBERS[kind]
    return (number, *[plain(getattr(value, name)) for name in _RECORDS[number][1]])


def real(value: Any) -> Any:
    """The value that ``plain`` made this of."""
    kind = type(value)
    if kind is tuple:
        parts = [item if item.__class__ is int else real(item) for item in value[1:]]
        if value[0] == _TUPLE:
            return tuple(parts)
        made = _RECORDS[value[0]][0](*parts)
        return _ONE.get(made, made) if value[0] <= _LAST_TYPE else made
    if kind is list:
        return [real(item) for item in value]
    if kind is dict:
        return {key: real(item) for key, item in value.items()}
    return value


_LAST_TYPE = _NUMBERS[types.RefType]


class StoredBody(Expr):
    """A body whose instructions are read when they are first asked for."""

    __slots__ = ("_bodies", "_place")

    def __init__(self, bodies: Bodies, place: int, offset: int, end: int) -> None:
        self._bodies = bodies
        self._place = place
        self.offset = offset
        self.end = end
        self.positions = None

    def __getattr__(self, name: str) -> Any:
        if name not in ("ops", "imms"):
            raise AttributeError(name)
        ops, imms, _, _ = self._bodies(self._place)
        # Another thread that finds the one finds the other, or comes here itself.
        self.imms, self.ops = imms, ops
        return ops if name == "ops" else imms


class StoredTable:
    """A side table that is read when it is first asked for, but for its height."""

    __slots__ = ("_bodies", "_place", "branches", "heights", "max_height")

    def __init__(self, bodies: Bodies, place: int, max_height: int) -> None:
        self._bodies = bodies
        self._place = place
        self.max_height = max_height

    def __getattr__(self, name: str) -> Any:
        if name not in ("branches", "heights"):
            raise AttributeError(name)
        _, _, self.branches, self.heights = self._bodies(self._place)
        return self.branches if name == "branches" else self.heights


def module_data(module: Module, sidetables: Sequence[Any]) -> Any:
    """A module that was decoded from its binary, without its bodies."""
    binary = module.binary
    assert binary is not None
    kinds: Dict[Any, int] = {}
    funcs = []
    for func, table in zip(module.funcs, sidetables):
        runs = tuple([(n, kinds.setdefault(t, len(kinds))) for n, t in func.locals])
        body = func.body
        funcs.append((func.typeidx, runs, body.offset, body.end, table.max_height))
    return (
        [plain(getattr(module, name)) for name in _PARTS],
        [plain(t) for t in kinds],
        funcs,
        _placed(binary, [(data.init, plain(data.mode)) for data in module.datas]),
        _placed(binary, [(c.data, (c.name, c.after)) for c in module.customs]),
    )


def _placed(binary: bytes, parts: Sequence[Tuple[bytes, Any]]) -> List[Tuple[int, int, Any]]:
    """Where bytes that follow each other in the binary stand, and what goes with them."""
    found, end = [], 0
    for part, more in parts:
        at = binary.index(part, end)
        end = at + len(part)
        found.append((at, len(part), more))
    return found


def module_of(data: Any, binary: bytes, bodies: Bodies) -> Tuple[Module, List[Any]]:
    """The module that ``module_data`` made this of, and its side tables."""
    parts, kinds, funcs, datas, customs = data
    module = Module(binary=binary, **{name: real(part) for name, part in zip(_PARTS, parts)})
    valtypes = [real(t) for t in kinds]
    tables = []
    for place, (typeidx, runs, offset, end, max_height) in enumerate(funcs):
        locals_ = [(n, valtypes[t]) for n, t in runs]
        module.funcs.append(Func(typeidx, locals_, StoredBody(bodies, place, offset, end)))
        tables.append(StoredTable(bodies, place, max_height))
    module.datas = [Data(binary[at : at + size], real(mode)) for at, size, mode in datas]
    module.customs = [
        Custom(name, binary[at : at + size], after) for at, size, (name, after) in customs
    ]
    return module, tables


def body_data(body: Expr, table: Any) -> Any:
    """A body and its side table; immediates that are more than numbers stand apart."""
    ops, imms = body.ops, body.imms
    apart = {}
    for pc, imm in enumerate(imms):
        if imm.__class__ is not int and imm is not None and not _is_plain(imm):
            apart[pc] = plain(imm)
    if apart:
        imms = imms[:]
        for pc in apart:
            imms[pc] = None
    code = struct.pack(f"<{len(ops)}H", *ops)
    return code, imms, apart, list(table.branches), list(table.heights)


def _is_plain(imm: Any) -> bool:
    if imm.__class__ is tuple:
        return all(part.__class__ in (int, bytes) for part in imm)
    return imm.__class__ in (bytes, str)


def body_of(data: Any) -> Tuple[List[int], List[Any], List[int], Sequence[int]]:
    """Opcodes, immediates, branches and heights, from ``body_data``."""
    code, imms, apart, branches, heights = data
    for pc, imm in apart.items():
        imms[pc] = real(imm)
    return list(struct.unpack(f"<{len(code) // 2}H", code)), imms, branches, heights
