"""What a store does about a function that its tier does not take.

What belongs here: the three ways, and the list of such functions.  What does
not: why a function is not taken (the tier knows), and running it in the
reference tier (``pysource.tier``).
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from wasmpy.exec.store import FuncInst

FALLBACKS = ("silent", "warn", "fail")
"""Run it in the reference tier; the same, with a warning; raise ``FallbackError``."""


class FallbackWarning(UserWarning):
    """A function runs in the reference tier, for the tier that was asked for does not take it."""


class Fallback(NamedTuple):
    """A function that the tier does not take: its index, its name if it has one, and why."""

    function: int
    name: Optional[str]
    reason: str


class Fallbacks:
    """The functions of a store that its tier does not take."""

    def __init__(self, policy: str) -> None:
        if policy not in FALLBACKS:
            raise ValueError(f"fallback is one of {', '.join(FALLBACKS)}, not {policy!r}")
        self.policy = policy
        self._found: Dict[FuncInst, Fallback] = {}

    def list(self) -> List[Fallback]:
        """Those found so far, in the order they were found."""
        return list(self._found.values())

    def add(self, function: FuncInst, reason: str) -> Optional[Fallback]:
        """Note that a function is not taken, and warn; answer it if it is to be refused."""
        assert function.instance is not None
        found = self._found.get(function)
        if found is None:
            names: Any = function.instance.module.names
            found = Fallback(function.index, names.funcs.get(function.index), reason)
            self._found[function] = found
            if self.policy == "warn":
                import warnings

                warnings.warn(f"{_described(found)}: {reason}", FallbackWarning, stacklevel=2)
        return found if self.policy == "fail" else None


def _described(found: Fallback) -> str:
    name = "" if found.name is None else f" ({found.name!r})"
    return f"function {found.function}{name} runs in the reference tier"
