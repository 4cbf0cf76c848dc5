"""Control flow as a number: for what nests deeper than Python takes, and for handlers.

What belongs here: the form in which each place that is branched to has a
number, ``p``, and one loop around a search by halves goes there.  It takes
every graph.  Functions that catch exceptions are written so, because what
catches is found by the position of what threw, and is then gone to.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set, Tuple

from wasmpy.tiers.pysource.blocks import Block, Step
from wasmpy.tiers.pysource.graph import Edge, Graph, Node
from wasmpy.tiers.pysource.lower import Lowering, Ranges
from wasmpy.tiers.pysource.marks import AGAIN
from wasmpy.tiers.pysource.structure import State, Structure
from wasmpy.tiers.pysource.values import Site

NESTED = 12
"""Nodes written inside one another; beyond that one gets a number."""


class Flat(Structure):
    """Writes one function's graph as places with numbers."""

    def __init__(
        self, x: Lowering, graph: Graph, costs: List[int], arity: int, known: Dict[int, Ranges]
    ) -> None:
        super().__init__(x, graph, costs, arity, known)
        self.inner, self.outer = {}, {}
        self.placed: Set[int] = {
            start for start, node in graph.nodes.items() if node.arms != 1 or node.back
        }
        self.catching: Dict[int, Tuple[int, int]] = {}

    def write(self, stacked: int = 0) -> Block:
        """The whole body, entered with ``stacked`` values on the stack."""
        self.incoming[self.graph.entry] = [State(self.variables(stacked), {})]
        for pc in self.graph.around:
            self._catches(pc)
        places: List[Tuple[int, bool, Block]] = []
        for start in self.graph.order:
            if start not in self.placed or start not in self.incoming:
                continue
            if self.graph.copied(start) and start not in self.catching:
                continue
            block: Block = []
            self.enter(start)
            self.tree(start, block)
            places.append((self.number(start), False, block))  # each goes on to another
        dispatch: Block = []
        self._halves("p", places, dispatch)
        loop: Block = [("while True:", None, dispatch)]
        if self.graph.layout.tries:
            loop = self._handled(loop)
        return [(f"p = {self.number(self.graph.entry)}", None), *loop]

    def number(self, start: int) -> int:
        """The number of a place."""
        return self.graph.nodes[start].number

    def _handled(self, loop: Block) -> Block:
        """Around everything: find what catches, and go there."""
        name = self.x.link("land")
        caught: Block = [(f"p, caught = {name}(error)", Site(AGAIN, ()))]
        for target, (height, count) in sorted(self.catching.items()):
            if count:
                names = ", ".join(f"s{i}" for i in range(height, height + count))
                comma = "," if count == 1 else ""
                caught.append((f"if p == {self.number(target)}: {names}{comma} = caught", None))
        if self.x.metered:
            caught += [self._looked_at(target) for target in sorted(self.catching)]
        return [("while True:", None, [
            ("try:", None, loop),
            ("except WasmException as error:", None, caught),
        ])]  # fmt: skip

    def _looked_at(self, target: int) -> Any:
        """Exhaustion is looked for where an exception lands, whose region is charged then."""
        self.x.link("fuel")
        self.x.link("renew")
        cost = self.costs[target]
        look: Block = [
            (f"fuel -= {cost}", None),
            (f"fuel = renew(fuel) + {cost}", Site(target, ())),
        ]
        return (f"if p == {self.number(target)} and fuel < {cost}:", None, look)

    def jump(self, target: int, out: Block, *, flagged: bool = False) -> bool:
        """Go to a place by its number."""
        out += [(f"p = {self.number(target)}", None), ("continue", None)]
        return False

    def edge(self, node: Node, edge: Edge, out: Block) -> Step:
        """Follow an edge; what would nest too deep gets a number."""
        if self.depth >= NESTED:
            self.placed.add(edge.target)
        return super().edge(node, edge, out)

    def likely(self, node: Node) -> Optional[Node]:
        """None: where a node stands is not known beforehand."""
        return None

    def learned(self) -> Dict[int, Ranges]:
        """Nothing: places begin with nothing known."""
        return {}

    def enter(self, start: int) -> None:
        """Begin a place; of what a loop changes nothing is known at its header."""
        super().enter(start)
        if not self.graph.reducible:
            self.x.ranges = {}
            self._loop_entry()
        elif self.graph.nodes[start].back:
            if self.graph.layout.tries:
                # What a try writes that only an exception leaves is no node of the loop.
                self.x.ranges = {}
            for i in self.graph.written_in(start):
                self.x.ranges.pop(f"l{i}", None)
            self._loop_entry()

    def _core(self, node: Node, out: Block) -> Step:
        return self._body(node, out)

    def instruction(self, pc: int) -> None:
        """An instruction that ends no region; what a ``try_table`` catches can be gone to."""
        super().instruction(pc)
        if pc in self.graph.layout.heights:
            self._catches(pc)

    def _catches(self, pc: int) -> None:
        """What the ``try_table`` at ``pc`` catches can be gone to."""
        layout = self.graph.layout
        for target, arity, drop in layout.branches(pc):
            base = layout.heights[pc] - drop
            self.catching[target] = (base, arity)
            self.placed.add(target)
            self.incoming.setdefault(target, []).append(State(self.variables(base + arity), {}))
