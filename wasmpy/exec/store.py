"""The store and its instances, and the meter that bounds what they execute.

What belongs here: function, global and module instances, the store, fuel
and interruption as plain counters and flags.  What does not: a clock or a
thread; the store's owner injects them (``poll``, ``interrupt``).

References between instances are Python references: an address is the object.

Spec: ``exec/runtime.html``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Union

from wasmpy.config import DEFAULT_LIMITS, Limits
from wasmpy.errors import Interrupted, Resource
from wasmpy.exec.exceptions import TagInst
from wasmpy.exec.heap import Contents, Heap
from wasmpy.exec.memory import MemInst
from wasmpy.exec.table import Quota, TableInst
from wasmpy.exec.waiting import WaitList
from wasmpy.syntax.module import Func, Module
from wasmpy.syntax.types import DefType, FuncType, GlobalType
from wasmpy.valid.canonical import TypeSpace

if TYPE_CHECKING:
    from wasmpy.valid.control import SideTable

FUSING = ("never", "hot", "always")

SLICE = 20_000
"""Fuel between two looks at the interruption flag."""


class Meter:
    """Counts instructions and decides when execution must look up.

    Execution takes a slice, counts it down in a local variable and renews it
    when it is below zero at a function entry, a loop header or before a bulk
    operation.  ``fuel`` is what remains, or None without a limit;
    ``consumed`` what was executed in all, by the cost column of the table,
    while there was one.  Code that only reads a flag is told to look by
    ``alarm``, and that it has looked by ``calm``.
    While ``watched``, somebody gives that alarm when ``poll`` would find something.
    """

    __slots__ = ("_slice", "alarm", "calm", "consumed", "fuel", "poll", "requested", "watched")

    def __init__(self, fuel: Optional[int] = None) -> None:
        self.fuel = fuel
        self.consumed = 0
        self.requested: Optional[Resource] = None
        self.poll: Optional[Callable[[], None]] = None
        self.alarm: Optional[Callable[[], None]] = None
        self.calm: Optional[Callable[[], None]] = None
        self.watched = False
        self._slice = 0

    def request(self, resource: Resource) -> None:
        """Ask what runs to stop; from any thread."""
        self.requested = resource
        if self.alarm is not None:
            self.alarm()

    def take(self) -> int:
        """Go on with the slice that was put away, or begin one: what to spend until the next look.

        Many short calls come to the end of a slice as one long call does.
        """
        if self._slice <= 0:
            self._slice = SLICE
        if self.fuel is not None and self.fuel < self._slice:
            self._slice = self.fuel
        return self._slice

    def put(self, left: int) -> None:
        """End a slice of which ``left`` is unspent (negative when overdrawn)."""
        used = self._slice - left
        self._slice = left
        if self.fuel is not None:
            self.consumed += used
            self.fuel -= used

    def back(self, left: int) -> int:
        """Go on after a host function with a slice that was put away; what is left of it.

        The slice goes on, but with no more than the host has left of the fuel:
        a loop that does nothing but call hosts must be looked at too.
        """
        now = self.take()
        if now <= left:
            return now
        self._slice = left
        return left

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

    def left(self) -> int:
        """What is left of the slice that was put away."""
        return self._slice

    def look(self) -> None:
        """Look at the interruption flag.  Raises: Interrupted."""
        if self.calm is not None:
            self.calm()
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

    ``deftype`` is its defined type in the store, ``type`` the function type
    that it is.  ``code`` is the prepared code, made when the function is first
    called, ``preparing`` what makes it until it is whole.  ``apart`` is set for what
    the reference tier's loop does not run itself: host functions, and those that
    another tier runs.  ``declined_by`` is the store's tier if that leaves calls of
    it from outside to the reference tier.

    A compiling tier calls ``direct(d, *args)``, or ``metered`` where fuel is
    counted; what they are at first it says itself.  ``key`` is the defined
    type where a call through a table may compare it alone: not for the host's.
    ``heat`` is what such a tier knows of how much the function runs, ``made``
    what it made of it.
    """

    __slots__ = (
        "apart", "code", "declined_by", "deftype", "direct", "func", "heat", "host", "index",
        "instance", "key", "made", "metered", "preparing", "sidetable", "type",
    )  # fmt: skip

    def __init__(
        self,
        deftype: DefType,
        instance: Optional[ModuleInst] = None,
        index: int = 0,
        func: Optional[Func] = None,
        sidetable: Optional[SideTable] = None,
        host: Any = None,
    ) -> None:
        assert isinstance(deftype.comp, FuncType)
        self.deftype = deftype
        self.type = deftype.comp
        self.instance = instance
        self.index = index
        self.func = func
        self.sidetable = sidetable
        self.host = host
        self.apart: Any = host
        self.declined_by: Any = None
        self.key = deftype if host is None else None
        self.heat = 0
        self.made: Optional[Dict[str, Any]] = None
        self.code: Any = None
        self.preparing: Any = None

    def __getattr__(self, name: str) -> Any:
        """What enters the function in a compiling tier, before it was compiled."""
        if name not in ("direct", "metered") or self.instance is None:
            raise AttributeError(name)
        made = self.instance.store.tier.first(self, name)
        setattr(self, name, made)
        return made

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


ExternInst = Union[FuncInst, TableInst, MemInst, GlobalInst, TagInst]


class ModuleInst:
    """A module instance: what its index spaces mean in the store.

    ``linkages`` is what a compiling tier binds names to in it.
    ``types`` are its types, closed, in the store's type space.  ``elems`` and
    ``datas`` hold the segments; a dropped one is empty.
    """

    __slots__ = (
        "datas", "elems", "exports", "funcs", "globals", "linkages", "mems", "module", "name",
        "pristine_datas", "pristine_elems", "pristine_heap", "shared", "store",
        "tables", "tags", "types",
    )  # fmt: skip

    def __init__(self, store: Store, module: Module, name: str = "") -> None:
        self.store = store
        self.module = module
        self.name = name or module.names.module or ""
        self.funcs: List[FuncInst] = []
        self.tables: List[TableInst] = []
        self.mems: List[MemInst] = []
        self.globals: List[GlobalInst] = []
        self.tags: List[TagInst] = []
        self.elems: List[List[Any]] = []
        self.datas: List[bytes] = []
        self.exports: Dict[str, ExternInst] = {}
        self.shared: List[str] = []
        self.linkages: Dict[str, Any] = {}
        self.types = store.types.close(module)
        self.pristine_elems: List[List[Any]] = []
        self.pristine_datas: List[bytes] = []
        self.pristine_heap: Contents = []


class Depth(NamedTuple):
    """How deep the store is in: wasm frames below, and host re-entries."""

    frames: int
    hosts: int


class Store:
    """What instances share: limits, the meter, interned types, the depth of calls.

    ``fusing`` says which functions get the overlay of fused runs: ``never``
    (nothing is compiled then), ``hot`` ones, or ``always`` all.  ``waiting``
    makes the wait list of a shared memory; the store's owner sets it to one
    that knows threads.  ``tier`` is the tier that calls go to first, None for
    this one; while ``deep`` there is no room left for it on Python's stack.
    """

    __slots__ = (
        "deep", "depth", "fusing", "heap", "instances", "largest", "limits", "mems", "meter",
        "quota", "tables", "tier", "types", "waiting",
    )  # fmt: skip

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
        self.types = TypeSpace()
        self.heap = Heap(limits)
        self.quota = Quota(limits.table_elements)
        self.depth = Depth(0, 0)
        self.largest = 1
        self.tier: Any = None
        self.deep = False
        self.waiting: Callable[[], WaitList] = WaitList
        self.fusing = fusing
        self.instances = 0
        self.mems = 0
        self.tables = 0

    def deepest(self) -> int:
        """How many frames there may be.

        The limit on calls, or fewer where frames of the size of the largest
        function called so far would take more slots than there may be.
        """
        return min(self.limits.call_depth, self.limits.stack_slots // self.largest)

    def intern(self, functype: FuncType) -> DefType:
        """The one object in this store for a function type not declared below another."""
        return self.types.intern(functype)
