"""Handlers of atomic instructions.

What belongs here: one handler per operation, bound to a width and a memory.
On a shared memory each access holds the lock of its wait list, which makes
it atomic between Python threads; on another, there is nobody to race with.

Spec: ``exec/instructions.html`` of the threads proposal.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Dict, List

from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.exec.handlers import BUILD, Built, Handler, nop
from wasmpy.isa.row import Atomic
from wasmpy.isa.table import INSTRS
from wasmpy.numerics.bits import signed

if TYPE_CHECKING:
    from wasmpy.exec.memory import MemInst
    from wasmpy.exec.prepare import Preparer

_RMW: Dict[str, Callable[[int, int], int]] = {
    "add": lambda old, x: old + x,
    "sub": lambda old, x: old - x,
    "and": lambda old, x: old & x,
    "or": lambda old, x: old | x,
    "xor": lambda old, x: old ^ x,
    "xchg": lambda old, x: x,
}


class Cell:
    """Atomic access of a width to a memory, at an offset; what a slot holds."""

    __slots__ = ("lock", "look", "mask", "mem", "offset", "width")

    def __init__(self, p: Preparer, width: int, offset: int, memidx: int) -> None:
        self.mem: MemInst = p.instance.mems[memidx]
        self.width = width
        self.offset = offset
        self.mask = (1 << 8 * width) - 1
        self.look = p.instance.store.meter.look
        waits = self.mem.waits
        self.lock: ContextManager[Any] = contextlib.nullcontext() if waits is None else waits.lock

    def address(self, base: int) -> int:
        """The effective address.  Traps: HEAP_MISALIGNED, MEMORY_OUT_OF_BOUNDS."""
        at = base + self.offset
        if at % self.width:
            raise self.trap(TrapKind.HEAP_MISALIGNED, at)
        if at + self.width > len(self.mem):
            raise self.trap(TrapKind.MEMORY_OUT_OF_BOUNDS, at)
        return at

    def trap(self, kind: TrapKind, at: int) -> WasmTrap:
        """A trap of this access."""
        trap = WasmTrap(kind)
        trap.address, trap.width, trap.size = at, self.width, len(self.mem)
        return trap

    def read(self, at: int) -> int:
        """The value at an address that was checked."""
        return int.from_bytes(self.mem.buffer[at : at + self.width], "little")

    def write(self, at: int, value: int) -> None:
        """Write the low bytes of ``value`` at an address that was checked."""
        data = (value & self.mask).to_bytes(self.width, "little")
        self.mem.buffer[at : at + self.width] = data


def load(S: List[Any], L: List[Any], a: Cell) -> None:
    """Spec: ``exec-atomic-load``."""
    at = a.address(S[-1])
    with a.lock:
        S[-1] = a.read(at)


def store(S: List[Any], L: List[Any], a: Cell) -> None:
    """Spec: ``exec-atomic-store``."""
    at = a.address(S[-2])
    with a.lock:
        a.write(at, S[-1])
    del S[-2:]


def _rmw(operator: Callable[[int, int], int]) -> Handler:
    def handler(S: List[Any], L: List[Any], a: Cell) -> None:
        at = a.address(S[-2])
        with a.lock:
            old = a.read(at)
            a.write(at, operator(old, S[-1]))
        S[-2:] = (old,)

    return handler


def cmpxchg(S: List[Any], L: List[Any], a: Cell) -> None:
    """Write the replacement if the value is the expected one; the value there was.

    Spec: ``exec-atomic-rmw-cmpxchg``.
    """
    at = a.address(S[-3])
    with a.lock:
        old = a.read(at)
        if old == S[-2]:
            a.write(at, S[-1])
    S[-3:] = (old,)


def wait(S: List[Any], L: List[Any], a: Cell) -> None:
    """Wait to be notified, while the value is the expected one.

    Traps: ATOMIC_WAIT_NON_SHARED_MEMORY.  Spec: ``exec-atomic-wait``.
    """
    at, expected = a.address(S[-3]), S[-2]
    if a.mem.waits is None:
        raise a.trap(TrapKind.ATOMIC_WAIT_NON_SHARED_MEMORY, at)
    timeout = signed(64, S[-1])
    answer = a.mem.waits.wait(
        at, lambda: a.read(at) == expected, None if timeout < 0 else timeout, a.look
    )
    S[-3:] = (answer,)


def notify(S: List[Any], L: List[Any], a: Cell) -> None:
    """Wake waiters; how many.  Spec: ``exec-atomic-notify``."""
    at = a.address(S[-2])
    S[-2:] = (0 if a.mem.waits is None else a.mem.waits.notify(at, S[-1]),)


_HANDLERS: Dict[str, Handler] = {
    "load": load,
    "store": store,
    "cmpxchg": cmpxchg,
    "wait": wait,
    "notify": notify,
    **{name: _rmw(operator) for name, operator in _RMW.items()},
}


def _register(mnemonic: str, atomic: Atomic) -> None:
    handler = _HANDLERS[atomic.operation]

    def build(p: Preparer, pc: int, imm: Any) -> Built:
        _, offset, memidx = imm
        return handler, Cell(p, atomic.width, offset, memidx)

    BUILD[mnemonic] = build


for _row in INSTRS:
    if _row.atomic is not None:
        _register(_row.mnemonic, _row.atomic)
# Every atomic access is sequentially consistent as it is: a fence orders nothing more.
BUILD["atomic.fence"] = lambda p, pc, imm: (nop, None)
