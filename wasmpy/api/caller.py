"""What a Python host function sees of its caller, and how it is called.

What belongs here: :class:`Caller` and the wrapping of a Python callable as a
host function with values of the boundary.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable, Optional

from wasmpy.api import values
from wasmpy.errors import WasmException
from wasmpy.exec.host import Caller as ExecCaller
from wasmpy.exec.host import HostFunc
from wasmpy.syntax.types import FuncType

if TYPE_CHECKING:
    from wasmpy.api.instance import Extern, Memory
    from wasmpy.api.store import Store


class Caller:
    """The calling instance: its memories by index even when not exported, exports, fuel.

    Valid during the call.
    """

    def __init__(self, store: Store, inst: ExecCaller) -> None:
        self.store = store
        self.inst = inst

    @property
    def name(self) -> str:
        """The calling module's name."""
        return self.inst.name

    @property
    def fuel(self) -> Optional[int]:
        """What remains of the store's fuel."""
        return self.store.fuel

    def memory(self, index: int = 0) -> Optional[Memory]:
        """The caller's memory ``index``, or None."""
        from wasmpy.api.instance import Memory

        mem = self.inst.memory(index)
        return None if mem is None else Memory.of(self.store, mem)

    def get(self, name: str) -> Optional[Extern]:
        """The caller's export ``name``, or None."""
        from wasmpy.api.instance import wrap

        item = self.inst.export(name)
        return None if item is None else wrap(self.store, item)

    def __getitem__(self, name: str) -> Extern:
        item = self.get(name)
        if item is None:
            raise KeyError(name)
        return item


def takes_caller(function: Callable[..., Any]) -> bool:
    """Whether the first parameter is annotated ``Caller``."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in without a signature
        return False
    if not parameters:
        return False
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] == "Caller"
    return annotation is Caller


def host_function(
    store: Store,
    functype: FuncType,
    function: Callable[..., Any],
    name: str,
    module: str = "",
    *,
    access_caller: Optional[bool] = None,
) -> HostFunc:
    """``function`` as a host function: arguments and results as in the API.

    With a caller, guest pointers matter, so i32 and i64 arguments are
    unsigned; without one they are signed, as results of exports are.
    """
    with_caller = takes_caller(function) if access_caller is None else access_caller

    def call(caller: ExecCaller, *raw: Any) -> Any:
        try:
            if with_caller:
                returned = function(Caller(store, caller), *raw)
            else:
                args = [values.from_raw(store, t, v) for t, v in zip(functype.params, raw)]
                returned = function(*args)
        except WasmException as error:
            values.exception_to_raw(store, error)
            raise
        if inspect.iscoroutine(returned):
            if store.loop is None:
                returned.close()
                raise TypeError(f"{name} is a coroutine: use call_async")
            returned = store.loop.complete(returned)
        return _results(store, functype, name, returned)

    return HostFunc(functype, call, name, module)


def _results(store: Store, functype: FuncType, name: str, returned: Any) -> Any:
    types = functype.results
    if not types:
        if returned is not None:
            raise TypeError(f"{name} has no results, but returned {returned!r}")
        return None
    if len(types) > 1 and not isinstance(returned, (tuple, list)):
        raise TypeError(f"{name} has {len(types)} results, but returned {returned!r}")
    items = [returned] if len(types) == 1 else returned
    if len(items) != len(types):
        raise TypeError(f"{name} has {len(types)} results, but returned {len(items)}")
    raw = [values.to_raw(store, t, v) for t, v in zip(types, items)]
    return raw[0] if len(raw) == 1 else raw
