"""How a region ends: branches, returns, tail calls, and what leaves.

What belongs here: one rule for each instruction that ends a region.  What
does not: where the nodes stand that it goes to (``structure``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from wasmpy.tiers.pysource.blocks import Block, Step
from wasmpy.tiers.pysource.graph import Node
from wasmpy.tiers.pysource.lower import entry
from wasmpy.tiers.pysource.values import ATOM, Site, Truth, Value

if TYPE_CHECKING:
    from wasmpy.tiers.pysource.structure import Structure

def _return(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    values = x.operands(s.arity)
    x.plain(values, keep=1)
    x.settle(state=False)
    site = next((v.site for v in values if v.site is not None), None)
    if x.counter != "fuel":
        x.emit(f"fuel = {x.counter}")
    x.emit(("return " + ", ".join(v.text for v in values)).rstrip(), site)
    s.flush(out)
    return False, None


def _end(s: Structure, node: Node, out: Block) -> Step:
    if not node.edges:
        return _return(s, node, out)
    s.x.settle(state=False)
    s.flush(out)
    step = s.edge(node, node.edges[0], out)
    s.flush(out)
    return step


def _unreachable(s: Structure, node: Node, out: Block) -> Step:
    s.x.settle(state=False)
    s.x.emit("trap(TrapKind.UNREACHABLE)", Site(s.x.pc, ()))
    s.flush(out)
    return False, None


def _throw(s: Structure, node: Node, out: Block) -> Step:
    s.x.lower(s.x.pc)
    s.flush(out)
    return False, None


def _if(s: Structure, node: Node, out: Block) -> Step:
    value = s.x.pop()
    return s.two_way(node, value.condition, value.site, out)


def _br_table(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    index = x.pop()
    x.settle(state=False)
    index = x.named(index)
    s.flush(out)
    return s.table(node, index, out)


def _reference(s: Structure) -> Value:
    """The reference on top of the stack, as a name."""
    value = s.x.pop()
    s.x.settle(state=False)
    return s.x.named(value)


def _br_on_null(s: Structure, node: Node, out: Block) -> Step:
    reference = _reference(s)
    rest = s.x.stack
    truth = Truth(f"{reference.text} is None", 8)
    return s.two_way(node, truth, None, out, (list(rest), [*rest, reference]))


def _br_on_non_null(s: Structure, node: Node, out: Block) -> Step:
    reference = _reference(s)
    rest = s.x.stack
    truth = Truth(f"{reference.text} is not None", 8)
    return s.two_way(node, truth, None, out, ([*rest, reference], list(rest)))


def _br_on_cast(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    reference = _reference(s)
    test = Truth(f"{x.link(f'k{x.pc}')}[1][0]({reference.text})", ATOM)
    x.stack.append(reference)
    return s.two_way(node, test, None, out)


def _br_on_cast_fail(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    reference = _reference(s)
    test = Truth(f"{x.link(f'k{x.pc}')}[1][0]({reference.text})", ATOM)
    x.stack.append(reference)
    return s.two_way(node, test.negated(), None, out)


def _tail(s: Structure, callee: str, operands: List[Value], out: Block) -> Step:
    """Answer the callee and its operands: the frame is left before the call."""
    x = s.x
    s.tails = True
    x.settle(state=False)
    arguments = "".join(f"{value.text}, " for value in operands)
    x.emit(f"return tail(({callee}, {arguments}))")
    s.flush(out)
    return False, None


def _return_call(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    i = x.imms[x.pc]
    functype = x.shape.function(i)
    operands = x.operands(len(functype.params))
    x.plain(operands)
    callee = x.link(f"r{i}")
    if i < x.shape.imported:
        _host_in_place(s, callee, x.link(f"f{i}"), operands, ())
    return _tail(s, callee, operands, out)


def _host_in_place(
    s: Structure, callee: str, host: str, operands: List[Value], found: Tuple[str, ...]
) -> None:
    """While a host function runs, the frame that called it stands in traces."""
    x = s.x
    x.settle(state=True)
    arguments = "".join(f", {value.text}" for value in operands)
    x.emit(f"if {callee}.host is not None: return {host}(d - 1{arguments})", Site(x.pc, found))


def _return_call_indirect(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    imm = x.imms[x.pc]
    functype = x.shape.type(imm[0])
    together = x.operands(len(functype.params) + 1)
    x.plain(together)
    x.settle(state=True)
    callee, _ = x.callee(imm, together.pop())
    _host_in_place(s, callee, f"{callee}.{entry(x)}", together, (callee,))
    return _tail(s, callee, together, out)


def _return_call_ref(s: Structure, node: Node, out: Block) -> Step:
    x = s.x
    functype = x.shape.type(x.imms[x.pc])
    together = x.operands(len(functype.params) + 1)
    x.plain(together)
    x.settle(state=True)
    callee, _ = x.referred(together.pop())
    _host_in_place(s, callee, f"{callee}.{entry(x)}", together, (callee,))
    return _tail(s, callee, together, out)


ENDS: Dict[str, Callable[[Any, Node, Block], Step]] = {
    "return": _return, "end": _end, "unreachable": _unreachable, "throw": _throw,
    "throw_ref": _throw, "if": _if, "br_if": _if, "br_table": _br_table,
    "br_on_null": _br_on_null, "br_on_non_null": _br_on_non_null, "br_on_cast": _br_on_cast,
    "br_on_cast_fail": _br_on_cast_fail, "return_call": _return_call,
    "return_call_indirect": _return_call_indirect, "return_call_ref": _return_call_ref,
}  # fmt: skip
