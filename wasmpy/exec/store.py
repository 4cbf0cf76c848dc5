"""The store and its instances, and the meter that bounds what they execute.

What belongs here: function, global and module instances, the store, fuel
and interruption as plain counters and flags.  What does not: a clock or a
thread; the store's owner injects them (``poll``, ``interrupt``).

References between instances are Python references: an address is the object.

Spec: ``exec/runtime.html``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

from wasmpy.config import DEFAULT_LIMITS, Limits
from wasmpy.errors import Interrupted, Resource
from wasmpy.exec.memory import MemInst
from wasmpy.exec.table import TableInst
from wasmpy.syntax.module import Func, Module
from wasmpy.syntax.types import FuncType, GlobalType
from wasmpy.valid.control import SideTable

FUSING = ("never", "hot", "always")

SLICE = 20_000
"""Fuel between two looks at the interruption flag."""


class Meter:
    """Counts instructions and decides when execution must look up.

    Execution takes a slice, counts it down in a local variable and renews it
    when it is below zero at a function entry, a loop header or before a bulk
    operation.  ``fuel`` is what remains, or None without a limit;
    ``consumed`` what was executed in all, by the cost column of the table.
    """

    __slots__ = ("_slice", "consumed", "fuel", "poll", "requested")

    def __init__(self, fuel: Optional[int] = None) -> None:
        self.fuel = fuel
        self.consumed = 0
        self.requested: Optional[Resource] = None
        self.poll: Optional[Callable[[], None]] = None
        self._slice = 0

    def take(self) -> int:
        """Begin a slice: the fuel that may be spent before looking up."""
        self._slice = SLICE if self.fuel is None else min(SLICE, self.fuel)
        return self._slice

    def put(self, left: int) -> None:
        """End a slice of which ``left`` is unspent (negative when overdrawn)."""
        used = self._slice - left
        self._slice = left
        self.consumed += used
        if self.fuel is not None:
            self.fuel -= used

    def hold(self, left: int) -> None:
        """Go back to a slice that was put away with ``left`` unspent."""
        self._slice = left

    def renew(self, left: int) -> int:
        """End a slice and begin the next.  Raises: Interrupted."""
        self.put(left)
        if self.fuel is not None and self.fuel < 0:
            raise Interrupted(Resource.FUEL)
        self.look()
        return self.take()

    def look(self) -> None:
        """Look at the interruption flag.  Raises: Interrupted."""
        if self.poll is not None:
            self.poll()
        if self.requested is not None:
            resource, self.requested = self.requested, None
            raise Interrupted(resource)


class GlobalInst:
    """A global instance: its type and its (raw) value."""

    __slots__ = ("pristine", "type", "value")

    def __init__(self, globaltype: GlobalType, value: Any) -> None:
        self.type = globaltype
        self.value = value
        self.pristine = value


class FuncInst:
    """A function instance: of a module (``instance``, ``func``) or of the host (``host``).

    ``code`` is the prepared code, made when the function is first called.
    """

    __slots__ = ("code", "func", "host", "index", "instance", "sidetable", "type")

    def __init__(
        self,
        functype: FuncType,
        instance: Optional[ModuleInst] = None,
        index: int = 0,
        func: Optional[Func] = None,
        sidetable: Optional[SideTable] = None,
        host: Any = None,
    ) -> None:
        self.type = functype
        self.instance = instance
        self.index = index
        self.func = func
        self.sidetable = sidetable
        self.host = host
        self.code: Any = None

    @property
    def name(self) -> Optional[str]:
        """The name by the name section, or the host's name for it."""
        if self.host is not None:
            name: Optional[str] = self.host.name
            return name
        assert self.instance is not None
        found: Optional[str] = self.instance.module.names.funcs.get(self.index)
        return found

    def __repr__(self) -> str:
        return f"<func {self.name or self.index} {self.type}>"


ExternInst = Union[FuncInst, TableInst, MemInst, GlobalInst]


class ModuleInst:
    """A module instance: what its index spaces mean in the store.

    ``elems`` and ``datas`` hold the segments; a dropped one is empty.
    """

    __slots__ = (
        "datas", "elems", "exports", "funcs", "globals", "mems", "module", "name",
        "pristine_datas", "pristine_elems", "shared", "store", "tables",
    )  # fmt: skip

    def __init__(self, store: Store, module: Module, name: str = "") -> None:
        self.store = store
        self.module = module
        self.name = name or module.names.module or ""
        self.funcs: List[FuncInst] = []
        self.tables: List[TableInst] = []
        self.mems: List[MemInst] = []
        self.globals: List[GlobalInst] = []
        self.elems: List[List[Any]] = []
        self.datas: List[bytes] = []
        self.exports: Dict[str, ExternInst] = {}
        self.shared: List[str] = []
        self.pristine_elems: List[List[Any]] = []
        self.pristine_datas: List[bytes] = []


class Depth(NamedTuple):
    """How deep the store is in: wasm frames below, and host re-entries."""

    frames: int
    hosts: int


class Store:
    """What instances share: limits, the meter, interned types, the depth of calls.

    ``fusing`` says which functions get the overlay of fused runs: ``never``
    (nothing is compiled then), ``hot`` ones, or ``always`` all.
    """

    __slots__ = ("depth", "functypes", "fusing", "instances", "limits", "mems", "meter", "tables")

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        fuel: Optional[int] = None,
        fusing: str = "hot",
    ) -> None:
        if fusing not in FUSING:
            raise ValueError(f"fusing is one of {', '.join(FUSING)}, not {fusing!r}")
        self.limits = limits
        self.meter = Meter(fuel)
        self.functypes: Dict[FuncType, FuncType] = {}
        self.depth = Depth(0, 0)
        self.fusing = fusing
        self.instances = 0
        self.mems = 0
        self.tables = 0

    def intern(self, functype: FuncType) -> FuncType:
        """The one object in this store for ``functype``; equal types are identical then."""
        return self.functypes.setdefault(functype, functype)
