"""The linker: names that imports are resolved by.

What belongs here: definitions by module and name, and the resolution of a
module's imports against them, with one error for all that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from wasmpy.api.caller import host_function
from wasmpy.api.checks import check_callable, check_functype, check_kind
from wasmpy.api.instance import Func, Global, Instance, Memory, Table, Tag
from wasmpy.api.store import Store, check_store
from wasmpy.config import Limits
from wasmpy.errors import LinkError, MissingImport
from wasmpy.exec import instantiate as execution
from wasmpy.exec.host import HostFunc
from wasmpy.exec.store import ExternInst, FuncInst
from wasmpy.syntax.module import Import
from wasmpy.syntax.module import Module as SyntaxModule
from wasmpy.syntax.types import FuncType, externtype_text
from wasmpy.tiers.fallback import FALLBACKS

if TYPE_CHECKING:
    from wasi import Wasi, WasiConfig
    from wasmpy.api.module import Module

_VIEWS = (Func, Memory, Table, Global, Tag)


class _Typed:
    """A callable with the type it was defined with."""

    def __init__(
        self, functype: FuncType, function: Callable[..., Any], *, access_caller: Optional[bool]
    ) -> None:
        self.functype = functype
        self.function = function
        self.access_caller = access_caller


class Linker:
    """Definitions to instantiate modules with.

    A name is defined once, unless ``allow_shadowing`` is set.
    """

    def __init__(self, *, allow_shadowing: bool = False) -> None:
        self.allow_shadowing = allow_shadowing
        self._items: Dict[Tuple[str, str], Any] = {}
        self._participants: List[Callable[[], None]] = []

    @classmethod
    def of(cls, imports: Mapping[str, Any]) -> Linker:
        """A linker with the definitions of nested mappings (or instances)."""
        linker = cls()
        given: Any = imports
        if not isinstance(given, AnyMapping):
            kind = type(given).__name__
            raise TypeError(f"imports are a mapping by module and name, or a Linker, not {kind}")
        for module, items in imports.items():
            if isinstance(items, Instance):
                linker.define_instance(module, items)
                continue
            if not isinstance(items, AnyMapping):
                kind = type(items).__name__
                raise TypeError(f'imports["{module}"] is a mapping by name, not {kind}')
            for name, item in items.items():
                linker.define(module, name, item)
        return linker

    def define(self, module: str, name: str, item: Any) -> None:
        """Define one import.

        ``item`` is a ``Func``, ``Memory``, ``Table``, ``Global``, ``Tag``, a ``HostFunc``
        or a callable, which takes the type of the import it is used for.
        Raises: ValueError if it is defined, TypeError for anything else.
        """
        if not isinstance(item, (*_VIEWS, HostFunc, _Typed)) and not callable(item):
            raise TypeError(f'"{module}" "{name}": {type(item).__name__} cannot be imported')
        if (module, name) in self._items and not self.allow_shadowing:
            raise ValueError(f'"{module}" "{name}" is defined already')
        self._items[module, name] = item

    def define_func(
        self,
        module: str,
        name: str,
        functype: FuncType,
        function: Callable[..., Any],
        *,
        access_caller: Optional[bool] = None,
    ) -> None:
        """Define a host function with its type."""
        check_functype(functype)
        check_callable("function", function)
        self.define(module, name, _Typed(functype, function, access_caller=access_caller))

    def define_instance(self, name: str, instance: Instance) -> None:
        """Define every export of an instance under the module name ``name``."""
        check_kind("instance", instance, Instance)
        for export in instance.exports:
            self.define(name, export, instance.exports[export])

    def define_wasi(self, config: Union[WasiConfig, Wasi, None] = None) -> Wasi:
        """Define WASI preview 1; the guest's WASI state, reset with its instance.

        That is ``wasi_snapshot_preview1`` and the older ``wasi_unstable``.  One
        linker has one state: what it instantiates shares it.
        """
        from wasi import Wasi, WasiConfig, abi

        wasi = config if isinstance(config, Wasi) else Wasi(config or WasiConfig())
        for module in (abi.MODULE, abi.MODULE_0):
            for name, function in wasi.imports(module).items():
                self.define(module, name, function)
        self._participants.append(wasi.reset)
        return wasi

    def instantiate(
        self,
        module: Module,
        store: Optional[Store] = None,
        *,
        limits: Optional[Limits] = None,
        fuel: Optional[int] = None,
        deadline: Optional[float] = None,
        tier: Optional[str] = None,
        fallback: Optional[str] = None,
        name: str = "",
    ) -> Instance:
        """Instantiate ``module`` with these definitions.

        ``limits``, ``fuel``, ``deadline``, ``tier`` and ``fallback`` are those of a new store;
        there is none where ``store`` is given or a definition brings its own.

        Raises: LinkError naming every import that is missing or does not
        match; WasmTrap; ValueError if a definition belongs to another store,
        or for bounds where the store has its own.
        """
        from wasmpy.api.module import Module

        check_kind("module", module, Module)
        if store is None:
            store = self._store_of(module.syntax)
        else:
            check_store(store)
        if store is None:
            store = Store(limits, fuel, deadline, tier=tier,
                          fallback=FALLBACKS[0] if fallback is None else fallback)  # fmt: skip
        elif any(given is not None for given in (limits, fuel, deadline, tier, fallback)):
            raise ValueError(
                "limits, fuel, deadline, tier and fallback are the store's, "
                "and there is one already"
            )
        found = self._resolve(store, module.syntax)
        with store.entered():
            inst = execution.instantiate(
                store.inst, module.syntax, module.sidetables, found, name
            )
        instance = Instance(store, module, inst)
        for participant in self._participants:
            instance.on_reset(participant)
        return instance

    def _store_of(self, syntax: SyntaxModule) -> Optional[Store]:
        """The store that the definitions in use belong to, if any."""
        for wanted in syntax.imports:
            item = self._items.get((wanted.module, wanted.name))
            if isinstance(item, _VIEWS):
                return item.store
        return None

    def _resolve(self, store: Store, syntax: SyntaxModule) -> List[ExternInst]:
        """What is offered for each import.

        Raises: LinkError naming all that is missing, and then all of another type too.
        """
        found: List[Tuple[Import, ExternInst]] = []
        missing: List[MissingImport] = []
        for wanted in syntax.imports:
            expected = syntax.import_type(wanted)
            item = self._items.get((wanted.module, wanted.name))
            inst = None if item is None else _instance_of(store, wanted, expected, item)
            if inst is not None:
                found.append((wanted, inst))
                continue
            got = None if item is None else "a function"
            missing.append(
                MissingImport(wanted.module, wanted.name, externtype_text(expected), got)
            )
        if missing:
            missing += execution.mismatches(syntax, store.inst.types.close(syntax), found)
            raise LinkError(_what_is_wrong(missing), missing)
        return [inst for _, inst in found]


def _what_is_wrong(missing: List[MissingImport]) -> str:
    """What an error says of all that is ``missing``."""
    if any(m.got for m in missing):
        return "incompatible import type"
    if any(m.module.startswith("wasi:") for m in missing):
        return "unknown import of WASI preview 2, a component's; here is preview 1 alone"
    return "unknown import"


def _instance_of(store: Store, wanted: Import, expected: Any, item: Any) -> Optional[ExternInst]:
    """What ``item`` is in ``store``, or None for a callable where none is wanted."""
    if isinstance(item, _VIEWS):
        # A shared memory is there to be shared, by threads that each have a store.
        shared = isinstance(item, Memory) and item.type.shared
        if item.store is not store and not shared:
            raise ValueError(f'"{wanted.module}" "{wanted.name}" belongs to another store')
        inst: ExternInst = item.inst
        return inst
    if isinstance(item, HostFunc):
        return FuncInst(store.inst.intern(item.type), host=item)
    if not isinstance(expected, FuncType):
        return None
    typed = item if isinstance(item, _Typed) else _Typed(expected, item, access_caller=None)
    host = host_function(
        store, typed.functype, typed.function, wanted.name, wanted.module,
        access_caller=typed.access_caller,
    )
    return FuncInst(store.inst.intern(typed.functype), host=host)
