"""The compiled functions of a module: made once, shared by its instances.

What belongs here: when a function is compiled, and what is kept of it.
"""

from __future__ import annotations

import sys
import threading
import types
from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple, Optional, Tuple

from wasmpy.exec.store import FuncInst
from wasmpy.syntax.module import Module
from wasmpy.tiers.pysource.marks import NotNow, Untaken

if TYPE_CHECKING:
    from wasmpy.tiers.pysource.shape import Shape
    from wasmpy.tiers.pysource.source import Parts, Source


class Compiled(NamedTuple):
    """A compiled function, of no instance yet.

    ``sites`` are those of ``Source``; ``numbers`` has, where it catches
    exceptions, the number of each place by its position.
    """

    code: types.CodeType
    sites: Dict[int, Tuple[int, Tuple[str, ...], int]]
    tails: bool
    numbers: Dict[int, int]


class _Postponed:
    """A function that could not be compiled at one moment, and when to try it again.

    That is where the stack is shorter than it was; or, since memory may have been what was
    missing, at the 2nd, 4th, 8th... time it is asked for: in vain is not often.
    """

    __slots__ = ("asked", "frames", "reason")

    def __init__(self, frames: int, reason: str) -> None:
        self.asked = 1
        self.frames = frames
        self.reason = reason

    def again(self) -> bool:
        """It is asked for: whether to try."""
        self.asked += 1
        return not self.asked & (self.asked - 1) or _frames() + _SHORTER <= self.frames


_SHORTER = 50
"""Frames that the stack must be shorter by for another try."""


def _frames() -> int:
    """How long Python's stack is."""
    frame: Optional[types.FrameType] = sys._getframe()
    count = 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


class Functions:
    """The compiled functions of a module, shared by its instances."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._shape: Optional[Shape] = None
        self.made: Dict[Tuple[int, bool], Compiled] = {}
        self.rests: Dict[Tuple[int, bool, int], Compiled] = {}
        self.untaken: Dict[int, str] = {}
        self._postponed: Dict[Tuple[int, bool], _Postponed] = {}
        self._kept: Any = module.__dict__.get("_kept")
        self._lock = threading.RLock()

    @classmethod
    def of(cls, module: Module) -> Functions:
        """Those of a module."""
        found: Optional[Functions] = module.__dict__.get("_python_tier")
        if found is None:
            found = module.__dict__.setdefault("_python_tier", cls(module))
        return found

    def source(
        self, function: FuncInst, *, metered: bool, start: Optional[Tuple[int, int]] = None,
        parts: Optional[Parts] = None, look: Optional[Callable[[], None]] = None,
    ) -> Source:  # fmt: skip
        """The text of a function, or of its rest from a loop header.  Raises: Untaken."""
        # What compiles is imported when there is something to compile: a cache may have it all.
        from wasmpy.exec.layout import Layout
        from wasmpy.tiers.pysource.shape import Shape
        from wasmpy.tiers.pysource.source import LONGEST, write

        assert function.func is not None
        assert function.sidetable is not None
        if len(function.func.body) > LONGEST:
            raise Untaken(f"it has more than {LONGEST:,} instructions")
        functype = function.type
        valtypes = list(functype.params)
        for count, valtype in function.func.locals:
            valtypes += [valtype] * count
        layout = Layout(function.func.body, function.sidetable, look)
        if self._shape is None:
            self._shape = Shape(self._module)
        return write(
            self._shape, function.index, layout, functype, valtypes, metered=metered, start=start,
            parts=parts, look=look,
        )  # fmt: skip

    def rest(
        self, function: FuncInst, pc: int, count: int, *, metered: bool,
        look: Optional[Callable[[], None]] = None,
    ) -> Compiled:  # fmt: skip
        """A function from a loop header on, as a function of its locals and its stack."""
        key = function.index, metered, pc
        found = self.rests.get(key)
        if found is None:
            from wasmpy.tiers.pysource.source import compiled

            source = self.source(function, metered=metered, start=(pc, count), look=look)
            found = Compiled(compiled(source), source.sites, source.tails, source.numbers)
            self.rests[key] = found
        return found

    def compiled(
        self, function: FuncInst, *, metered: bool, look: Optional[Callable[[], None]] = None
    ) -> Compiled:
        """A function, compiled once; ``look`` may stop it.

        Raises: Untaken; NotNow, of which nothing is kept; Interrupted.
        """
        key = function.index, metered
        found = self.made.get(key)
        if found is None:
            with self._lock:
                if not self.at_hand(function.index, metered=metered):
                    self._compile(function, look, metered=metered)
                found = self.made.get(key)
                if found is None:
                    raise Untaken(self.untaken[function.index])
        return found

    def at_hand(self, index: int, *, metered: bool) -> bool:
        """Whether a function need not be compiled: it was, here or for the cache on disk."""
        if (index, metered) in self.made or index in self.untaken:
            return True
        kept = None if self._kept is None else self._kept.compiled(index, metered=metered)
        if kept is None:
            return False
        if isinstance(kept, str):
            self.untaken[index] = kept
        else:
            self.made[index, metered] = Compiled(*kept)
        return True

    def _compile(
        self, function: FuncInst, look: Optional[Callable[[], None]], *, metered: bool
    ) -> None:
        from wasmpy.tiers.pysource.source import compiled

        key = function.index, metered
        postponed = self._postponed.get(key)
        if postponed is not None and not postponed.again():
            raise NotNow(postponed.reason)
        kept: Any
        try:
            source = self.source(function, metered=metered, look=look)
            code = compiled(source)
        except NotNow as error:
            if postponed is None:
                self._postponed[key] = _Postponed(_frames(), error.message)
            else:
                postponed.frames = min(postponed.frames, _frames())
            raise
        except Untaken as error:
            kept = self.untaken[function.index] = error.message
        else:
            found = Compiled(code, source.sites, source.tails, source.numbers)
            kept = tuple(found)
            self.made[key] = found
            self._postponed.pop(key, None)
        if self._kept is not None:
            # What is not taken is taken in neither form.
            for form in (metered,) if isinstance(kept, tuple) else (False, True):
                self._kept.add(function.index, kept, metered=form)
