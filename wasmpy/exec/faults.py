"""From a fault to a typed trap: what happened, where, and with which operands.

What belongs here: what every tier says of a trap, so that they say the same.
What does not: how a tier finds out where it was.
"""

from __future__ import annotations

import struct
from typing import List, Optional, Sequence

from wasmpy.errors import Frame, InternalError, TrapKind, WasmError, WasmTrap
from wasmpy.exec.store import FuncInst
from wasmpy.isa.derived import BY_OP
from wasmpy.isa.table import Instr
from wasmpy.syntax.types import I32

ACCESS_FAULTS = (IndexError, struct.error, OverflowError)
"""What Python raises for an access beyond a buffer."""


def row_at(function: FuncInst, pc: int) -> Instr:
    """The row of the instruction at ``pc``."""
    assert function.func is not None
    row = BY_OP[function.func.body.ops[pc]]
    assert row is not None
    return row


def offsets_of(function: FuncInst) -> Optional[List[int]]:
    """The place in the file of each instruction; None for a module made from text."""
    assert function.instance is not None
    assert function.func is not None
    module, body = function.instance.module, function.func.body
    if module.binary is None or body.offset is None:
        return None
    from wasmpy.binary.decode import instr_offsets

    return instr_offsets(module.binary, body)


def frame_of(function: FuncInst, pc: int, offsets: Optional[List[int]]) -> Frame:
    """A frame of a trace."""
    assert function.instance is not None
    offset = None if offsets is None else offsets[pc]
    return Frame(function.instance.name, function.index, function.name, offset, pc)


def confirmed(function: FuncInst, pc: int, address: int) -> WasmTrap:
    """The trap of the load or store at ``pc``, if ``address`` is out of bounds indeed.

    ``address`` is the operand, without the offset of the ``memarg``.
    Raises: InternalError if it is not, or no address of the memory's type.
    """
    assert function.instance is not None
    assert function.func is not None
    row = row_at(function, pc)
    assert row.access is not None
    imm = function.func.body.imms[pc]
    _, offset, memidx = imm if len(row.immediates) == 1 else imm[0]
    mem = function.instance.mems[memidx]
    bits = 32 if mem.type.addrtype is I32 else 64
    if not 0 <= address < 1 << bits:
        raise InternalError(f"an access at {address:#x}, which does not have {bits} bits")
    address += offset
    if address + row.access.width <= len(mem):
        raise InternalError(f"an access at {address:#x} failed inside its memory")
    trap = WasmTrap(TrapKind.MEMORY_OUT_OF_BOUNDS)
    trap.address, trap.width, trap.size = address, row.access.width, len(mem)
    return trap


def complete(
    trap: WasmTrap, function: FuncInst, row: Instr, operands: Sequence[object], frames: List[Frame]
) -> None:
    """Say where and with which operands ``trap`` happened."""
    trap.frames = frames
    trap.func, trap.offset, trap.instr = frames[0].func, frames[0].offset, row.mnemonic
    trap.operands = tuple(operands)
    assert function.instance is not None
    refused = sum(mem.refused for mem in function.instance.mems)
    if refused:
        trap.note = f"memory.grow was refused {refused} times before"


def extend(error: BaseException, frames: List[Frame]) -> None:
    """Give an error from further in the frames it passed: ``frames``, or ``wasm_frames``."""
    if isinstance(error, WasmError) and hasattr(error, "frames"):
        error.frames.extend(frames)
        return
    have: List[Frame] = getattr(error, "wasm_frames", [])
    try:
        error.wasm_frames = [*have, *frames]  # type: ignore[attr-defined]
    except AttributeError:  # an exception with slots: nothing to hang them on
        return
