"""Modules: decoded and validated once, immutable, shared between threads.

Spec: ``appendix/embedding.html#modules``.
"""

from __future__ import annotations

import os
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from wasmpy.api.checks import check_kind
from wasmpy.api.octets import octets
from wasmpy.config import DEFAULT_LIMITS, Features, Limits
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.syntax.module import Active, Expr, Global, Mem, Table, TagUse, TypeUse
from wasmpy.syntax.module import Module as SyntaxModule
from wasmpy.syntax.types import ExternType, TagType
from wasmpy.tiers.shared import Unit, Where, unit_of

if TYPE_CHECKING:
    from wasmpy.api.instance import Instance
    from wasmpy.api.linker import Linker
    from wasmpy.api.store import Store
    from wasmpy.valid.control import SideTable

MAGIC = b"\0asm"


class ImportType(NamedTuple):
    """What a module imports."""

    module: str
    name: str
    type: ExternType


class ExportType(NamedTuple):
    """What a module exports."""

    name: str
    type: ExternType


class Module:
    """A decoded and validated module; ``source`` is a binary or WAT.

    What is equal and alive is decoded, validated and compiled once in a
    process.  ``cache`` is a ``Cache``, or the directory of one, in which it is
    kept beyond that.  Raises: MalformedError, InvalidError, CacheError.

    >>> Module('(module (func (export "f")))').exports[0].name
    'f'
    """

    def __init__(
        self,
        source: Union[bytes, bytearray, memoryview, str],
        *,
        features: Features = Features.WASM3,
        limits: Limits = DEFAULT_LIMITS,
        cache: Where = None,
    ) -> None:
        if isinstance(source, os.PathLike):
            raise TypeError(
                f"source is bytes or text, not {type(source).__name__}: "
                "Module.from_file reads a file"
            )
        _check_bounds(features, limits)
        code = source if isinstance(source, str) else octets(source)

        def make() -> Tuple[SyntaxModule, Sequence[SideTable]]:
            from wasmpy.binary.decode import decode_module

            if not isinstance(code, str):
                return _validated(decode_module(code, features, limits), features, limits)
            binary, parsed = assemble(code, features)
            return _validated(decode_module(binary, features, limits), features, limits, parsed)

        self._take(unit_of(code, features, limits, cache, make))

    def _take(self, unit: Unit) -> None:
        self._unit = unit  # what is shared lives as long as somebody has it
        self.syntax: SyntaxModule = unit.syntax
        self.sidetables: Sequence[SideTable] = unit.sidetables

    @classmethod
    def of_syntax(
        cls,
        syntax: SyntaxModule,
        *,
        features: Features = Features.WASM3,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Module:
        """The module that ``syntax`` is, without a way through the binary format.

        Its traps have no offsets, and the limits that the decoder looks at
        are not looked at.  Raises: InvalidError.
        """
        check_kind("syntax", syntax, SyntaxModule)
        _check_bounds(features, limits)
        module = cls.__new__(cls)
        module._take(Unit(*_validated(syntax, features, limits)))
        return module

    @classmethod
    def from_file(
        cls,
        path: Union[str, os.PathLike[str]],
        *,
        features: Features = Features.WASM3,
        limits: Limits = DEFAULT_LIMITS,
        cache: Where = None,
    ) -> Module:
        """The module in a file: text if it is named ``.wat`` or has no wasm magic.

        Raises: OSError, MalformedError, InvalidError, CacheError.
        """
        with open(path, "rb") as file:  # noqa: PTH123 - without pathlib, which takes a while
            data = file.read()
        suffix = os.path.splitext(os.fspath(path))[1]  # noqa: PTH122
        return cls(source_of(data, suffix), features=features, limits=limits, cache=cache)

    @classmethod
    def validate(cls, source: Union[bytes, str], features: Features = Features.WASM3) -> None:
        """Raise MalformedError or InvalidError if ``source`` is no valid module."""
        cls(source, features=features)

    @property
    def binary(self) -> bytes:
        """The module in the binary format."""
        if self.syntax.binary is None:
            from wasmpy.binary.encode import encode_module

            return encode_module(self.syntax)
        return self.syntax.binary

    @property
    def name(self) -> Optional[str]:
        """The name by the name section, or None."""
        return self.syntax.names.module

    @property
    def imports(self) -> List[ImportType]:
        """What the module imports, in order."""
        return [
            ImportType(i.module, i.name, self.syntax.import_type(i)) for i in self.syntax.imports
        ]

    @property
    def exports(self) -> List[ExportType]:
        """What the module exports, in order."""
        return [ExportType(e.name, self._export_type(e.kind, e.index)) for e in self.syntax.exports]

    def _export_type(self, kind: str, index: int) -> ExternType:
        syntax = self.syntax
        if kind == "func":
            return syntax.functype(syntax.functypes()[index])
        if kind == "tag":
            return TagType(syntax.functype(syntax.all_tags()[index].typeidx))
        spaces: Dict[str, Sequence[Union[Table, Mem, Global]]] = {
            "table": syntax.tables, "memory": syntax.mems, "global": syntax.globals
        }  # fmt: skip
        imported = [
            i.desc
            for i in syntax.imports
            if not isinstance(i.desc, (TypeUse, TagUse)) and _KIND[type(i.desc).__name__] == kind
        ]
        types: List[ExternType] = [*imported, *(item.type for item in spaces[kind])]
        return types[index]

    @property
    def instruction_count(self) -> int:
        """The number of instructions in all bodies."""
        return sum(len(f.body) for f in self.syntax.funcs)

    def custom_sections(self, name: str) -> List[bytes]:
        """The content of every custom section called ``name``."""
        return [c.data for c in self.syntax.customs if c.name == name]

    def instantiate(
        self,
        imports: Union[Mapping[str, Any], Linker, None] = None,
        *,
        store: Optional[Store] = None,
        limits: Optional[Limits] = None,
        fuel: Optional[int] = None,
        deadline: Optional[float] = None,
        tier: Optional[str] = None,
        fallback: Optional[str] = None,
        name: str = "",
    ) -> Instance:
        """Instantiate, in a store of its own unless one is given.

        ``imports`` maps module names to mappings of names to callables,
        ``Func``, ``Memory``, ``Table``, ``Global`` or ``HostFunc``, or is a
        ``Linker``.  ``limits``, ``fuel``, ``deadline``, ``tier`` and ``fallback`` are
        those of the new store.  Raises: LinkError naming every missing import; WasmTrap.
        """
        from wasmpy.api.linker import Linker

        if imports is None:
            imports = {}
        linker = imports if isinstance(imports, Linker) else Linker.of(imports)
        return linker.instantiate(
            self, store=store, limits=limits, fuel=fuel, deadline=deadline, tier=tier,
            fallback=fallback, name=name,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<wasmpy.Module {self.name or ''} of {len(self.binary)} bytes>"


_KIND = {"TableType": "table", "MemType": "memory", "GlobalType": "global"}


def source_of(data: bytes, suffix: str = "") -> Union[bytes, str]:
    """The content of a file as binary or as text.  Raises: MalformedError if it is neither."""
    if suffix == ".wasm" or data.startswith(MAGIC) or (suffix != ".wat" and not data):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if suffix == ".wat":
            before = data[: error.start].decode("utf-8")
            raise MalformedError(
                "malformed UTF-8 encoding", error.start, line=before.count("\n") + 1,
                column=len(before) - before.rfind("\n"), rule="utf8",
            ) from None  # fmt: skip
        return data


def _check_bounds(features: Any, limits: Any) -> None:
    check_kind("features", features, Features)
    check_kind("limits", limits, Limits)


def assemble(text: str, features: Features = Features.ALL) -> Tuple[bytes, SyntaxModule]:
    """WAT in the binary format, and as it was parsed, which knows lines and columns.

    Raises: MalformedError with line and column; Unsupported for what needs a
    feature outside ``features``.
    """
    from wasmpy.binary.encode import encode_module
    from wasmpy.text.parser import parse_module

    parsed = parse_module(text, features)
    return encode_module(parsed), parsed


def _validated(
    syntax: SyntaxModule,
    features: Features,
    limits: Limits,
    parsed: Optional[SyntaxModule] = None,
) -> Tuple[SyntaxModule, Sequence[SideTable]]:
    """The module with its side tables; ``parsed`` is as in ``locate``.  Raises: InvalidError."""
    from wasmpy.valid.module import validate_module

    try:
        return syntax, validate_module(syntax, features, limits)
    except InvalidError as error:
        locate(error, syntax, parsed)
        raise


def locate(error: InvalidError, module: SyntaxModule, parsed: Optional[SyntaxModule]) -> None:
    """Fill in where the instruction stands that an error of ``module`` names.

    ``parsed`` is the text that the module was made from, or None.
    """
    pc = error.pc
    if pc is None:
        return
    text = parsed or module
    expr: Optional[Expr] = None
    if error.func is None:
        found = zip(_constants(module), _constants(text)) if error.offset is not None else ()
        for constant, written in found:
            if constant is not None and constant.offset == error.offset:
                expr = written
    else:
        index = error.func - len(module.imported(TypeUse))
        if not 0 <= index < len(module.funcs):
            return
        expr = text.funcs[index].body
        if error.offset is None and module.binary is not None:
            from wasmpy.binary.decode import instr_offsets

            error.offset = instr_offsets(module.binary, module.funcs[index].body)[pc]
    if expr is not None and expr.positions is not None:
        error.line, error.column = expr.positions[pc]


def _constants(module: SyntaxModule) -> Iterator[Optional[Expr]]:
    """The places of the constant expressions of a module, None for one that has another form."""
    for table in module.tables:
        yield table.init
    for variable in module.globals:
        yield variable.init
    for elem in module.elems:
        yield elem.mode.offset if isinstance(elem.mode, Active) else None
        for item in elem.init:
            yield None if isinstance(item, int) else item
    for data in module.datas:
        yield data.mode.offset if isinstance(data.mode, Active) else None
