"""From a traceback to wasm frames, and from a fault to its trap.

What belongs here: how the place in a generated function tells the
instruction, and how its operands are computed again from the frame's
variables, so that a fault is confirmed before it is called a trap.
"""

from __future__ import annotations

import types
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from wasmpy.errors import InternalError, WasmTrap
from wasmpy.exec import handlers
from wasmpy.exec.faults import (
    ACCESS_FAULTS,
    complete,
    confirmed,
    extend,
    frame_of,
    offsets_of,
    row_at,
)
from wasmpy.exec.store import FuncInst
from wasmpy.tiers.pysource.ahead import FRAMES
from wasmpy.tiers.pysource.link import BETWEEN, GLOBALS, Bridge, Deep
from wasmpy.tiers.pysource.marks import COUNTER, FILENAME


class Place(NamedTuple):
    """A frame of a generated function: where it stands, and with which operands as texts."""

    function: FuncInst
    pc: int
    operands: Tuple[str, ...]
    owed: int
    frame: types.FrameType
    last: bool


def places(error: BaseException, traceback: Optional[types.TracebackType]) -> List[Place]:
    """The generated frames of one computation, outermost first.

    They begin behind the frame that caught the error, and end where
    something else was called.
    """
    found: List[Place] = []
    at = None if traceback is None else traceback.tb_next
    while at is not None:
        code = at.tb_frame.f_code
        if code.co_filename == FILENAME:
            variables = at.tb_frame.f_locals
            deep = variables["deep"]
            assert isinstance(deep, Deep)
            last = at.tb_next is None
            site = deep.compiled.sites.get(at.tb_lineno)
            if site is None:
                ours = at.tb_next is None or at.tb_next.tb_frame.f_code in FRAMES
                if ours and isinstance(error, _OWN_FAULTS):
                    raise InternalError(
                        f"line {at.tb_lineno} of {code.co_name} failed unforeseen: {error!r}"
                    ) from error
                site = _nearest(deep.compiled.sites, at.tb_lineno)
            if site[0] >= 0:
                found.append(Place(deep.function, *site, at.tb_frame, last))
        elif code not in BETWEEN:
            break
        at = at.tb_next
    return found


_OWN_FAULTS = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)
"""What only a defect raises where nothing may fail; a signal may raise anything anywhere."""


def _nearest(sites: Any, line: int) -> Tuple[int, Tuple[str, ...], int]:
    """A site for a line that has none: where a signal came in."""
    before = [at for at in sites if at <= line and sites[at][0] >= 0]
    pc = sites[max(before)][0] if before else 0
    return pc, (), 0


def explain(error: BaseException, traceback: Optional[types.TracebackType], fuel: Any) -> None:
    """Turn a fault into its trap; add frames and operands.

    ``fuel`` is the cell with what is left, which a function that keeps count
    in a variable of its own has not written, and of which some may be owed.

    An exception that came through a host function is left as it is, but for
    the frames it is given.  Raises: the trap, where there is one.
    """
    found = places(error, traceback)[::-1]
    if not found:
        return
    innermost = found[0]
    left = innermost.frame.f_locals.get(COUNTER, fuel.cell_contents)
    fuel.cell_contents = left + innermost.owed
    offsets: Dict[int, Any] = {}
    frames = []
    for place in found:
        key = id(place.function)
        if key not in offsets:
            offsets[key] = offsets_of(place.function)
        frames.append(frame_of(place.function, place.pc, offsets[key]))
    trap, cause = _trap(error, innermost), error
    if trap is None or trap.frames:
        extend(error, frames)
        return
    operands = _operands(innermost)
    complete(trap, innermost.function, row_at(innermost.function, innermost.pc), operands, frames)
    if trap is cause:
        raise trap
    raise trap from None


def _operands(place: Place) -> List[Any]:
    """The operands of an instruction, computed again."""
    variables = dict(place.frame.f_locals)
    found = [eval(text, GLOBALS, variables) for text in place.operands]  # noqa: S307 - our own text
    return [value.function if isinstance(value, Bridge) else value for value in found]


def _trap(error: BaseException, place: Place) -> Optional[WasmTrap]:
    """The trap that an error is; None for an error that is none.

    Raises: InternalError for a fault that the operands do not confirm.
    """
    if isinstance(error, WasmTrap):
        return error
    if not isinstance(error, ACCESS_FAULTS):
        return None
    row = row_at(place.function, place.pc)
    if row.access is not None:  # itself, or the handler that it is left to
        return confirmed(place.function, place.pc, _operands(place)[0])
    if not place.last:
        return None
    if "tableidx" in row.immediates and isinstance(error, IndexError):
        return _beyond_table(place)
    raise InternalError(f"{row.mnemonic} failed with {error!r}") from error


def _beyond_table(place: Place) -> WasmTrap:
    """The trap of an indirect call, if its index is out of bounds indeed."""
    function = place.function
    assert function.instance is not None
    assert function.func is not None
    typeidx, tableidx = function.func.body.imms[place.pc]
    instance = function.instance
    try:
        elems = instance.tables[tableidx].elems
        handlers.callee((elems, instance.types[typeidx]), _operands(place)[0])
    except WasmTrap as trap:
        return trap
    raise InternalError("an index failed inside its table")
