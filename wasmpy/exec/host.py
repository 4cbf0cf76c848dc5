"""Host functions, as execution sees them.

What belongs here: the pair of type and Python callable, and the view a host
function has of its caller.  Values are raw: integers unsigned, floats as
they are stored, references as they are.  The API converts to and from what
Python users expect.

Spec: ``exec/runtime.html#host-functions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List, Optional

from wasmpy.syntax.types import FuncType

if TYPE_CHECKING:
    from wasmpy.exec.memory import MemInst
    from wasmpy.exec.store import ExternInst, ModuleInst, Store


class Caller:
    """The instance that called a host function; valid during the call.

    ``instance`` is None when the host called its own function.
    """

    __slots__ = ("instance", "store")

    def __init__(self, store: Store, instance: Optional[ModuleInst]) -> None:
        self.store = store
        self.instance = instance

    @property
    def name(self) -> str:
        """The calling module's name, or the empty string."""
        return "" if self.instance is None else self.instance.name

    def memory(self, index: int = 0) -> Optional[MemInst]:
        """The caller's memory ``index``, exported or not, or None."""
        if self.instance is None or index >= len(self.instance.mems):
            return None
        return self.instance.mems[index]

    def export(self, name: str) -> Optional[ExternInst]:
        """The caller's export ``name``, or None."""
        return None if self.instance is None else self.instance.exports.get(name)


class HostFunc:
    """A host function: ``fn(caller, *args)`` returns None, a value, or a tuple of values.

    An exception that ``fn`` raises goes through the guest unchanged.
    """

    __slots__ = ("fn", "module", "name", "type")

    def __init__(
        self, type: FuncType, fn: Callable[..., Any], name: str, module: str = ""
    ) -> None:
        self.type = type
        self.fn = fn
        self.name = name
        self.module = module

    def call(self, caller: Caller, args: List[Any]) -> List[Any]:
        """Call it; the results as a list.  Raises: TypeError on a wrong count."""
        returned = self.fn(caller, *args)
        count = len(self.type.results)
        if count == 1:
            return [returned]
        results = [] if returned is None else list(returned)
        if len(results) != count:
            raise TypeError(
                f"host function {self.name} returned {len(results)} results for {self.type}"
            )
        return results
