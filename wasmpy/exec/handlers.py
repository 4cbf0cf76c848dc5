"""Handlers of the structural instructions, written by hand.

What belongs here: one handler ``h(S, L, a)`` per instruction that the
generator cannot write, and the rule that picks handler and immediate for it
(``BUILD``, by mnemonic).  ``S`` is the value stack, ``L`` the locals, ``a``
what the rule prepared.  A handler answers None to go on with the next slot,
a position to go to (a new region begins there), or one of the codes below.
One that may trap peeks at its operands and pops them last.

Spec: ``exec/instructions.html``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from wasmpy.errors import TrapKind, WasmTrap
from wasmpy.numerics.bits import f32_from_bits, f64_from_bits
from wasmpy.syntax.types import I64

if TYPE_CHECKING:
    from wasmpy.exec.prepare import Preparer

CALL = -1
"""The function instance in the slot is to be called; the slot's next is the call itself."""
CALL_TOP = -2
"""As ``CALL``, of the function instance on top of the stack, which is popped."""
RETURN = -3
"""The frame returns; the slot holds its arity."""
BULK = -4
"""The bulk operation in the slot is to be metered and carried out."""
TAIL_CALL = -5
"""As ``CALL``, of a function that takes the place of the running frame."""
TAIL_CALL_TOP = -6
"""As ``CALL_TOP``, of a function that takes the place of the running frame."""
BULK_WIDE = -7
"""As ``BULK``, of a length beyond 32 bits, which is charged as ``WIDEST``."""
WIDEST = 0xFFFF_FFFF

Handler = Callable[[List[Any], List[Any], Any], Optional[int]]
Built = Tuple[Handler, Any]
Rule = Callable[["Preparer", int, Any], Built]

BUILD: Dict[str, Rule] = {}
"""The rule of each structural instruction."""


def _rule(*mnemonics: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for mnemonic in mnemonics:
            BUILD[mnemonic] = rule
        return rule

    return register


# Control ---------------------------------------------------------------------


def unreachable(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-unreachable``."""
    raise WasmTrap(TrapKind.UNREACHABLE)


def nop(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-nop``.  Stands for ``block`` and passed-over ``end`` too."""


def jump(S: List[Any], L: List[Any], a: int) -> int:
    """Go on at ``a``: ``br`` without values to drop, ``loop``, ``else``, ``end``."""
    return a


def jump_dropping(S: List[Any], L: List[Any], a: Tuple[int, int, int]) -> int:
    """``br`` that keeps ``arity`` values and removes ``drop`` below them."""
    target, arity, drop = a
    del S[len(S) - arity - drop : len(S) - arity]
    return target


def branch_if(S: List[Any], L: List[Any], a: Tuple[int, int]) -> int:
    """``br_if`` and ``if``: the first position if the operand is not zero, else the second."""
    return a[0] if S.pop() else a[1]


def branch_if_dropping(S: List[Any], L: List[Any], a: Tuple[int, int, int, int]) -> int:
    """``br_if`` with values to drop when it branches."""
    target, arity, drop, other = a
    if not S.pop():
        return other
    del S[len(S) - arity - drop : len(S) - arity]
    return target


def branch_table(S: List[Any], L: List[Any], a: Tuple[int, ...]) -> int:
    """``br_table`` without values to drop; the default is last."""
    i: int = S.pop()
    return a[i] if i < len(a) else a[-1]


def branch_table_dropping(
    S: List[Any], L: List[Any], a: Tuple[Tuple[int, int, int], ...]
) -> int:
    """``br_table`` some of whose labels drop values."""
    i: int = S.pop()
    label = a[i] if i < len(a) else a[-1]
    target, arity, drop = label
    if drop:
        del S[len(S) - arity - drop : len(S) - arity]
    return target


def return_(S: List[Any], L: List[Any], a: int) -> int:
    """``return`` and the function's last ``end``."""
    return RETURN


def call(S: List[Any], L: List[Any], a: Any) -> int:
    """``call``: the loop takes the function from the slot."""
    return CALL


def callee(a: Tuple[List[Any], Any], i: int) -> Any:
    """The function that ``call_indirect`` finds at ``i``: bounds, null, type.

    Traps: TABLE_OUT_OF_BOUNDS, INDIRECT_CALL_TO_NULL, BAD_SIGNATURE.
    """
    elems, deftype = a
    function = elems[i] if i < len(elems) else None
    if function is None:
        if i < len(elems):
            trap = WasmTrap(TrapKind.INDIRECT_CALL_TO_NULL)
        else:
            trap = WasmTrap(TrapKind.TABLE_OUT_OF_BOUNDS, "undefined element")
        trap.address, trap.width, trap.size = i, 1, len(elems)
        raise trap
    if function.deftype is not deftype and not function.deftype.matches(deftype):
        trap = WasmTrap(TrapKind.BAD_SIGNATURE)
        trap.expected, trap.actual = str(deftype.comp), str(function.type)
        raise trap
    return function


def call_indirect(S: List[Any], L: List[Any], a: Tuple[List[Any], Any]) -> int:
    """``call_indirect``: the function takes the place of its index."""
    S[-1] = callee(a, S[-1])
    return CALL_TOP


def return_call(S: List[Any], L: List[Any], a: Any) -> int:
    """``return_call``: the loop takes the function from the slot."""
    return TAIL_CALL


def return_call_indirect(S: List[Any], L: List[Any], a: Tuple[List[Any], Any]) -> int:
    """``return_call_indirect``: the function takes the place of its index."""
    S[-1] = callee(a, S[-1])
    return TAIL_CALL_TOP


@_rule("unreachable")
def _unreachable(p: Preparer, pc: int, imm: Any) -> Built:
    return unreachable, None


@_rule("nop", "block")
def _nop(p: Preparer, pc: int, imm: Any) -> Built:
    return nop, None


@_rule("loop")
def _loop(p: Preparer, pc: int, imm: Any) -> Built:
    return jump, p.target(pc + 1)


@_rule("if")
def _if(p: Preparer, pc: int, imm: Any) -> Built:
    return branch_if, (p.target(pc + 1), p.branch(pc)[0])


@_rule("else")
def _else(p: Preparer, pc: int, imm: Any) -> Built:
    return jump, p.branch(pc)[0]


@_rule("end")
def _end(p: Preparer, pc: int, imm: Any) -> Built:
    if pc == p.last:
        return return_, p.arity
    return jump, p.target(pc + 1)


@_rule("br")
def _br(p: Preparer, pc: int, imm: Any) -> Built:
    entry = p.branch(pc)
    return (jump_dropping, entry) if entry[2] else (jump, entry[0])


@_rule("br_if")
def _br_if(p: Preparer, pc: int, imm: Any) -> Built:
    entry, other = p.branch(pc), p.target(pc + 1)
    if entry[2]:
        return branch_if_dropping, (*entry, other)
    return branch_if, (entry[0], other)


@_rule("br_table")
def _br_table(p: Preparer, pc: int, imm: Any) -> Built:
    entries = p.branches(pc)
    if any(drop for _, _, drop in entries):
        return branch_table_dropping, entries
    return branch_table, tuple(target for target, _, _ in entries)


@_rule("return")
def _return(p: Preparer, pc: int, imm: Any) -> Built:
    return return_, p.arity


@_rule("call")
def _call(p: Preparer, pc: int, imm: int) -> Built:
    return call, p.instance.funcs[imm]


@_rule("return_call")
def _return_call(p: Preparer, pc: int, imm: int) -> Built:
    return return_call, p.instance.funcs[imm]


def _indirect(p: Preparer, imm: Tuple[int, int]) -> Tuple[List[Any], Any]:
    """What an indirect call looks at: the elements, and the type expected of the callee."""
    typeidx, tableidx = imm
    return p.instance.tables[tableidx].elems, p.instance.types[typeidx]


@_rule("call_indirect")
def _call_indirect(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    return call_indirect, _indirect(p, imm)


@_rule("return_call_indirect")
def _return_call_indirect(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    return return_call_indirect, _indirect(p, imm)


# Parametric and variable -----------------------------------------------------


def drop(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-drop``."""
    S.pop()


def select(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-select``."""
    c = S.pop()
    other = S.pop()
    if not c:
        S[-1] = other


def local_get(S: List[Any], L: List[Any], a: int) -> None:
    """Spec: ``exec-local-get``."""
    S.append(L[a])


def local_set(S: List[Any], L: List[Any], a: int) -> None:
    """Spec: ``exec-local-set``."""
    L[a] = S.pop()


def local_tee(S: List[Any], L: List[Any], a: int) -> None:
    """Spec: ``exec-local-tee``."""
    L[a] = S[-1]


def global_get(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-global-get``."""
    S.append(a.value)


def global_set(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-global-set``."""
    a.value = S.pop()


def push(S: List[Any], L: List[Any], a: Any) -> None:
    """A constant, ``ref.null`` or ``ref.func``."""
    S.append(a)


def ref_is_null(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-ref-is-null``."""
    S[-1] = 1 if S[-1] is None else 0


def _with_index(handler: Handler) -> Rule:
    return lambda p, pc, imm: (handler, imm)


BUILD["drop"] = _with_index(drop)
BUILD["select"] = _with_index(select)
BUILD["local.get"] = _with_index(local_get)
BUILD["local.set"] = _with_index(local_set)
BUILD["local.tee"] = _with_index(local_tee)
BUILD["ref.is_null"] = _with_index(ref_is_null)
BUILD["i32.const"] = BUILD["i64.const"] = BUILD["v128.const"] = _with_index(push)
BUILD["f32.const"] = lambda p, pc, imm: (push, f32_from_bits(imm))
BUILD["f64.const"] = lambda p, pc, imm: (push, f64_from_bits(imm))
BUILD["ref.null"] = lambda p, pc, imm: (push, None)
BUILD["ref.func"] = lambda p, pc, imm: (push, p.instance.funcs[imm])
BUILD["global.get"] = lambda p, pc, imm: (global_get, p.instance.globals[imm])
BUILD["global.set"] = lambda p, pc, imm: (global_set, p.instance.globals[imm])


# Tables and memories -----------------------------------------------------------


def table_get(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-table-get``."""
    S[-1] = a.get(S[-1])


def table_set(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-table-set``."""
    a.set(S[-2], S[-1])
    del S[-2:]


def size_of(S: List[Any], L: List[Any], a: Any) -> None:
    """``table.size``: the number of elements."""
    S.append(len(a))


def memory_size(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-memory-size``."""
    S.append(a.pages)


def memory_grow(S: List[Any], L: List[Any], a: Any) -> None:
    """Spec: ``exec-memory-grow``."""
    S[-1] = a.grow(S[-1]) & 0xFFFF_FFFF


def memory_grow_64(S: List[Any], L: List[Any], a: Any) -> None:
    """``memory.grow`` of a memory with 64-bit addresses."""
    S[-1] = a.grow(S[-1]) & 0xFFFF_FFFF_FFFF_FFFF


@_rule("memory.grow")
def _memory_grow(p: Preparer, pc: int, imm: int) -> Built:
    mem = p.instance.mems[imm]
    return memory_grow_64 if mem.type.addrtype == I64 else memory_grow, mem


def bulk(S: List[Any], L: List[Any], a: Any) -> int:
    """A bulk operation: the loop meters its length, then calls what the slot holds."""
    return BULK


def bulk_64(S: List[Any], L: List[Any], a: Any) -> int:
    """A bulk operation whose length is a 64-bit address."""
    return BULK if S[a.length] <= WIDEST else BULK_WIDE


def _bulk(*types: Any) -> Handler:
    """The handler of a bulk operation on memories or tables of these types."""
    return bulk_64 if all(t.addrtype == I64 for t in types) else bulk


class BulkOp:
    """A bulk operation as a slot holds it.

    ``run(S, look)`` peeks at its operands and pushes what results; the loop
    then drops the operands.  ``shift`` turns the length on the stack into
    fuel: ``length >> shift``.
    """

    __slots__ = ("length", "operands", "run", "shift")

    def __init__(
        self, run: Callable[[List[Any], Any], None], operands: int, length: int, shift: int
    ) -> None:
        self.run = run
        self.operands = operands
        self.length = length
        self.shift = shift


BYTES_PER_FUEL = 6
"""log2 of the bytes that a unit of fuel buys in a bulk operation on memory."""
ELEMS_PER_FUEL = 3
"""log2 of the elements that a unit of fuel buys in a bulk operation on a table."""


@_rule("memory.fill")
def _memory_fill(p: Preparer, pc: int, imm: int) -> Built:
    mem = p.instance.mems[imm]

    def run(S: List[Any], look: Any) -> None:
        mem.fill(S[-3], S[-2], S[-1], look)

    return _bulk(mem.type), BulkOp(run, 3, -1, BYTES_PER_FUEL)


@_rule("memory.copy")
def _memory_copy(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    to, source = p.instance.mems[imm[0]], p.instance.mems[imm[1]]

    def run(S: List[Any], look: Any) -> None:
        to.copy_from(source, S[-3], S[-2], S[-1], look)

    return _bulk(to.type, source.type), BulkOp(run, 3, -1, BYTES_PER_FUEL)


@_rule("memory.init")
def _memory_init(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    instance, (dataidx, memidx) = p.instance, imm
    mem = instance.mems[memidx]

    def run(S: List[Any], look: Any) -> None:
        mem.init(instance.datas[dataidx], S[-3], S[-2], S[-1], look)

    return bulk, BulkOp(run, 3, -1, BYTES_PER_FUEL)


@_rule("table.fill")
def _table_fill(p: Preparer, pc: int, imm: int) -> Built:
    table = p.instance.tables[imm]

    def run(S: List[Any], look: Any) -> None:
        table.fill(S[-3], S[-2], S[-1], look)

    return _bulk(table.type), BulkOp(run, 3, -1, ELEMS_PER_FUEL)


@_rule("table.copy")
def _table_copy(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    to, source = p.instance.tables[imm[0]], p.instance.tables[imm[1]]

    def run(S: List[Any], look: Any) -> None:
        to.copy_from(source, S[-3], S[-2], S[-1], look)

    return _bulk(to.type, source.type), BulkOp(run, 3, -1, ELEMS_PER_FUEL)


@_rule("table.init")
def _table_init(p: Preparer, pc: int, imm: Tuple[int, int]) -> Built:
    instance, (elemidx, tableidx) = p.instance, imm
    table = instance.tables[tableidx]

    def run(S: List[Any], look: Any) -> None:
        table.init(instance.elems[elemidx], S[-3], S[-2], S[-1], look)

    return bulk, BulkOp(run, 3, -1, ELEMS_PER_FUEL)


@_rule("table.grow")
def _table_grow(p: Preparer, pc: int, imm: int) -> Built:
    table = p.instance.tables[imm]
    mask = 0xFFFF_FFFF_FFFF_FFFF if table.type.addrtype == I64 else 0xFFFF_FFFF

    def run(S: List[Any], look: Any) -> None:
        # The result goes below the operands, which the loop then drops.
        S.insert(-2, table.grow(S[-1], S[-2], look) & mask)

    return _bulk(table.type), BulkOp(run, 2, -1, ELEMS_PER_FUEL)


def drop_data(S: List[Any], L: List[Any], a: Tuple[Any, int]) -> None:
    """``data.drop``."""
    instance, dataidx = a
    instance.datas[dataidx] = b""


def drop_elem(S: List[Any], L: List[Any], a: Tuple[Any, int]) -> None:
    """``elem.drop``."""
    instance, elemidx = a
    instance.elems[elemidx] = []


BUILD["table.get"] = lambda p, pc, imm: (table_get, p.instance.tables[imm])
BUILD["table.set"] = lambda p, pc, imm: (table_set, p.instance.tables[imm])
BUILD["table.size"] = lambda p, pc, imm: (size_of, p.instance.tables[imm])
BUILD["memory.size"] = lambda p, pc, imm: (memory_size, p.instance.mems[imm])
BUILD["data.drop"] = lambda p, pc, imm: (drop_data, (p.instance, imm))
BUILD["elem.drop"] = lambda p, pc, imm: (drop_elem, (p.instance, imm))
