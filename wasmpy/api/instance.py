"""Instances and what they export: functions, memories, tables, globals, tags.

What belongs here: thin views of execution's instances with Python's
manners.  Two views of one thing are equal.

Spec: ``appendix/embedding.html``.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Iterator,
    List,
    Optional,
    Sequence,
    Type,
    TypeVar,
    Union,
)

from wasmpy.api import values
from wasmpy.api.caller import host_function
from wasmpy.api.checks import (
    check_callable,
    check_functype,
    check_globaltype,
    check_growth,
    check_memtype,
    check_tabletype,
    check_valtypes,
)
from wasmpy.api.octets import octets
from wasmpy.api.store import check_store
from wasmpy.exec.exceptions import TagInst
from wasmpy.exec.instantiate import reset
from wasmpy.exec.interp import invoke
from wasmpy.exec.memory import MemInst
from wasmpy.exec.store import ExternInst, FuncInst, GlobalInst, ModuleInst
from wasmpy.exec.table import TableInst
from wasmpy.syntax.types import FuncType, GlobalType, MemType, TableType, TagType, ValType

if TYPE_CHECKING:
    from wasmpy.api.module import Module
    from wasmpy.api.store import Store

_V = TypeVar("_V", bound="_View")


class _View:
    """Equality and hash by the instance that is viewed."""

    inst: Any
    store: Store

    @classmethod
    def of(cls: Type[_V], store: Store, inst: Any) -> _V:
        """The view of an instance of execution, of the kind that the class views."""
        view = cls.__new__(cls)
        view.store, view.inst = store, inst
        return view

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.inst is self.inst

    def __hash__(self) -> int:
        return id(self.inst)


class Func(_View):
    """A function: call it with Python values.

    >>> import wasmpy
    >>> wat = '(module (func (export "f") (param i32) (result i32) (local.get 0)))'
    >>> f = wasmpy.Module(wat).instantiate().exports.f
    >>> f(-1), f.call_raw(0xFFFFFFFF), str(f.type)
    (-1, 4294967295, '[i32] -> [i32]')
    """

    inst: FuncInst

    def __init__(
        self,
        store: Store,
        functype: FuncType,
        function: Callable[..., Any],
        *,
        access_caller: Optional[bool] = None,
    ) -> None:
        check_store(store)
        check_functype(functype)
        check_callable("function", function)
        name = getattr(function, "__name__", "host function")
        host = host_function(store, functype, function, name, access_caller=access_caller)
        self.store = store
        self.inst = FuncInst(store.inst.intern(functype), host=host)

    @property
    def type(self) -> FuncType:
        """The function's type."""
        return self.inst.type

    @property
    def name(self) -> Optional[str]:
        """The name by the name section, or None."""
        return self.inst.name

    def __call__(
        self, *args: Any, fuel: Optional[int] = None, deadline: Optional[float] = None
    ) -> Any:
        """Call it: None, a value, or a tuple of values.

        Raises: TypeError and ValueError for arguments that do not fit;
        WasmTrap, Interrupted, WasiExit, and what host functions raise.
        """
        functype = self.inst.type
        raw = values.arguments(self.store, functype.params, args)
        with self.store.entered(fuel, deadline):
            returned = invoke(self.store.inst, self.inst, raw)
        return values.results(self.store, functype.results, returned)

    def call_raw(self, *args: Any) -> Any:
        """As a call, but every number is given and returned as its unsigned bits."""
        functype = self.inst.type
        raw = values.from_bits(self.store, functype.params, args)
        with self.store.entered():
            returned = invoke(self.store.inst, self.inst, raw)
        return values.to_bits(self.store, functype.results, returned)

    async def call_async(
        self, *args: Any, fuel: Optional[int] = None, deadline: Optional[float] = None
    ) -> Any:
        """Call it in a worker thread; cancelling the task interrupts the guest.

        A host function that is a coroutine runs on the caller's loop.
        """
        from wasmpy.api.asynchronous import run

        return await run(self, args, fuel, deadline)

    def __repr__(self) -> str:
        return f"<wasmpy.Func {self.name or self.inst.index} {self.type}>"


class Memory(_View):
    r"""A linear memory.  Slices are copies; nothing keeps it from growing.

    >>> import wasmpy
    >>> mem = wasmpy.Memory(wasmpy.Store(), wasmpy.MemType(wasmpy.SizeRange(1, 2)))
    >>> mem[0:3] = b"abc"
    >>> mem[0:4], mem[0], mem.grow(1), mem.pages, mem.grow(1)
    (b'abc\x00', 97, 1, 2, -1)
    """

    inst: MemInst

    def __init__(self, store: Store, memtype: MemType) -> None:
        check_store(store)
        check_memtype(memtype)
        self.store = store
        self.inst = MemInst(memtype, store.limits.memory_pages, store.inst.waiting())

    @property
    def type(self) -> MemType:
        """The memory's type, with its current size as minimum."""
        return self.inst.current_type

    @property
    def pages(self) -> int:
        """The size in pages of 64 KiB."""
        return self.inst.pages

    def grow(self, n: int) -> int:
        """Grow by ``n`` pages; the old size in pages, or -1 if refused.

        Raises: TypeError for what is no int, ValueError for a negative one.
        """
        check_growth(n)
        return self.inst.grow(n)

    def __len__(self) -> int:
        return len(self.inst)

    def __getitem__(self, key: Union[int, slice]) -> Any:
        if isinstance(key, slice):
            return bytes(self.inst.buffer[key])
        return self.inst.buffer[self._index(key)]

    def __setitem__(self, key: Union[int, slice], value: Any) -> None:
        if isinstance(key, slice):
            data = octets(value)
            if len(range(*key.indices(len(self)))) != len(data):
                raise ValueError("a memory slice takes as many bytes as it spans")
            self.inst.buffer[key] = data
        else:
            self.inst.buffer[self._index(key)] = value

    def _index(self, key: int) -> int:
        if not -len(self) <= key < len(self):
            raise IndexError(f"address {key} is outside a memory of {len(self)} bytes")
        return key

    def read(self, address: int, n: int) -> bytes:
        """A copy of ``n`` bytes.  Raises: IndexError out of bounds."""
        data = self.inst.read(address, n)
        if data is None:
            raise self._outside(address, n)
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write ``data``.  Raises: IndexError out of bounds, nothing written."""
        content = octets(data)
        if not self.inst.write(address, content):
            raise self._outside(address, len(content))

    def read_u32_le(self, address: int) -> int:
        """Four bytes as an unsigned integer.  Raises: IndexError out of bounds."""
        value = self.inst.read_u32_le(address)
        if value is None:
            raise self._outside(address, 4)
        return value

    def write_u32_le(self, address: int, value: int) -> None:
        """Write the low four bytes of ``value``.  Raises: IndexError out of bounds."""
        if not self.inst.write_u32_le(address, value):
            raise self._outside(address, 4)

    def __repr__(self) -> str:
        return f"<wasmpy.Memory {self.type}>"

    def _outside(self, address: int, n: int) -> IndexError:
        return IndexError(f"{n} bytes at {address} are outside a memory of {len(self)} bytes")


class Table(_View):
    """A table of references."""

    inst: TableInst

    def __init__(self, store: Store, tabletype: TableType, init: Any = None) -> None:
        check_store(store)
        check_tabletype(tabletype)
        raw = values.to_raw(store, tabletype.reftype, init)
        self.store = store
        self.inst = TableInst(tabletype, store.inst.quota, raw)

    @property
    def type(self) -> TableType:
        """The table's type, with its current size as minimum."""
        return self.inst.current_type

    def grow(self, n: int, init: Any = None) -> int:
        """Grow by ``n`` elements; the old size, or -1 if refused.

        Raises: TypeError for what is no int, ValueError for a negative one.
        """
        check_growth(n)
        return self.inst.grow(n, values.to_raw(self.store, self.inst.type.reftype, init))

    def __len__(self) -> int:
        return len(self.inst)

    def __getitem__(self, i: int) -> Any:
        if not 0 <= i < len(self.inst):
            raise IndexError(f"index {i} is outside a table of {len(self)} elements")
        return values.from_raw(self.store, self.inst.type.reftype, self.inst.elems[i])

    def __setitem__(self, i: int, value: Any) -> None:
        if not 0 <= i < len(self.inst):
            raise IndexError(f"index {i} is outside a table of {len(self)} elements")
        self.inst.elems[i] = values.to_raw(self.store, self.inst.type.reftype, value)

    def __repr__(self) -> str:
        return f"<wasmpy.Table {self.type}>"


class Global(_View):
    """A global: ``value`` reads it, and writes it if it is mutable."""

    inst: GlobalInst

    def __init__(self, store: Store, globaltype: GlobalType, value: Any) -> None:
        check_store(store)
        check_globaltype(globaltype)
        self.store = store
        self.inst = GlobalInst(globaltype, values.to_raw(store, globaltype.valtype, value))

    @property
    def type(self) -> GlobalType:
        """The global's type."""
        return self.inst.type

    @property
    def value(self) -> Any:
        """The value.  Setting raises: TypeError if the global is immutable."""
        return values.from_raw(self.store, self.inst.type.valtype, self.inst.value)

    @value.setter
    def value(self, value: Any) -> None:
        if not self.inst.type.mut:
            raise TypeError("the global is immutable")
        self.inst.value = values.to_raw(self.store, self.inst.type.valtype, value)

    @property
    def raw(self) -> Any:
        """The value as its unsigned bits."""
        return values.to_bits(self.store, (self.inst.type.valtype,), (self.inst.value,))

    def __repr__(self) -> str:
        return f"<wasmpy.Global {self.type}>"


class Tag(_View):
    """A tag: what kind of exception it is, and the types of the values it carries.

    >>> import wasmpy
    >>> tag = wasmpy.Tag(wasmpy.Store(), (wasmpy.I32,))
    >>> str(tag.type)
    'tag [i32]'
    """

    inst: TagInst

    def __init__(self, store: Store, params: Sequence[ValType]) -> None:
        check_store(store)
        check_valtypes("params", tuple(params))
        self.store = store
        self.inst = TagInst(TagType(store.inst.intern(FuncType(tuple(params), ()))))

    @property
    def type(self) -> TagType:
        """The tag's type."""
        return self.inst.type

    def __repr__(self) -> str:
        return f"<wasmpy.Tag {self.type}>"


Extern = Union[Func, Memory, Table, Global, Tag]


def wrap(store: Store, inst: ExternInst) -> Extern:
    """The view of an instance."""
    if isinstance(inst, FuncInst):
        return Func.of(store, inst)
    if isinstance(inst, MemInst):
        return Memory.of(store, inst)
    if isinstance(inst, TableInst):
        return Table.of(store, inst)
    if isinstance(inst, TagInst):
        return Tag.of(store, inst)
    return Global.of(store, inst)


class Exports:
    """The exports of an instance, by attribute or by item, in the module's order.

    No public method stands in the way of an export's name: iteration gives
    the names, ``in`` and ``len`` work as with a mapping.
    """

    def __init__(self, store: Store, inst: ModuleInst) -> None:
        self._store = store
        self._inst = inst

    def __getitem__(self, name: str) -> Any:
        return wrap(self._store, self._inst.exports[name])

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the module exports no {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._inst.exports)

    def __contains__(self, name: object) -> bool:
        return name in self._inst.exports

    def __len__(self) -> int:
        return len(self._inst.exports)

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._inst.exports]


class Instance:
    """A module instance; ``Module.instantiate`` and ``Linker.instantiate`` make it.

    >>> import wasmpy
    >>> wasmpy.Module("(module (memory 1) (func))").instantiate(name="guest")
    <wasmpy.Instance guest with 0 exports>
    """

    def __init__(self, store: Store, module: Module, inst: ModuleInst) -> None:
        if not isinstance(inst, ModuleInst):
            raise TypeError(
                "an Instance is made by module.instantiate(imports, store=store), "
                "where imports are by name, or by linker.instantiate(module, store)"
            )
        self.store = store
        self.module = module
        self.inst = inst
        self.exports = Exports(store, inst)
        self._participants: List[Callable[[], None]] = []

    @property
    def memory(self) -> Optional[Memory]:
        """Memory 0, exported or not, or None."""
        return Memory.of(self.store, self.inst.mems[0]) if self.inst.mems else None

    def get(self, name: str) -> Optional[Extern]:
        """The export ``name``, or None."""
        inst = self.inst.exports.get(name)
        return None if inst is None else wrap(self.store, inst)

    def on_reset(self, participant: Callable[[], None]) -> None:
        """Have ``participant`` called by ``reset``: host state that belongs to the instance."""
        self._participants.append(participant)

    def reset(self) -> None:
        """Make the instance what it was right after instantiation.

        Raises: ResetError while it runs, or if it shares a mutable import.
        """
        with self.store.entered():
            reset(self.inst)
            for participant in self._participants:
                participant()

    def close(self) -> None:
        """Close the store, if nothing else uses it; twice is harmless."""
        self.store.close()

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name, count = self.inst.name or self.module.name, len(self.exports)
        named = f" {name}" if name else ""
        return f"<wasmpy.Instance{named} with {count} export{'s' * (count != 1)}>"
