"""When functions are compiled at all: what stands for a compiling tier until it is needed.

What belongs here: the first question of ``auto``, asked where a call comes
from outside.  What does not: when one function is worth compiling
(``pysource.tier``).

Most instances of most modules are called a few times, shortly.  For those
``auto`` is the reference tier, but for the first call of each function.
"""

from __future__ import annotations

from typing import Any, Callable, List

from wasmpy.exec.interp import Computation
from wasmpy.exec.store import FuncInst, Store


class Cold:
    """The compiling tier of a store in which nothing was worth compiling so far.

    ``make`` makes that tier and lets it take this one's place in the store.
    """

    __slots__ = ("_make", "_store")

    def __init__(self, store: Store, make: Callable[[], Any]) -> None:
        self._store = store
        self._make = make

    def invoke(self, function: FuncInst, args: List[Any]) -> List[Any]:
        """Call a function from outside for the first time.  Raises: as ``exec.interp.invoke``."""
        if _compiled_before(function):
            results: List[Any] = self._make().invoke(function, args)
            return results
        function.declined_by, function.heat = self, 1
        return Computation(self._store, function, args).run()

    def warmed(self, function: FuncInst) -> bool:
        """A function was running when a slice ended; whether a tier takes care of it."""
        return bool(self._make().warmed(function))


def _compiled_before(function: FuncInst) -> bool:
    """Whether anything of the module was compiled, for another instance or on disk."""
    assert function.instance is not None
    known = function.instance.module.__dict__
    return "_python_tier" in known or known.get("_kept") is not None
