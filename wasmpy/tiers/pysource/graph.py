"""The control flow graph of a body: its regions, who dominates whom, and the loops.

What belongs here: nodes and edges as the side table has them, and where a
node is to be placed in structured text.  What does not: any text.

A node is a region of the body.  Wasm's control flow is reducible: a loop has
one entry, its header, which dominates it.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

from wasmpy.exec.layout import Layout
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.tiers.pysource.marks import Untaken

_LOOP, _IF, _ELSE, _END = map(op_of, ("loop", "if", "else", "end"))
_BR, _BR_IF, _BR_TABLE, _RETURN = map(op_of, ("br", "br_if", "br_table", "return"))
_BR_ON_NULL, _BR_ON_NON_NULL = map(op_of, ("br_on_null", "br_on_non_null"))
_ON_CAST = frozenset(map(op_of, ("br_on_cast", "br_on_cast_fail")))
_SETS = frozenset(map(op_of, ("local.set", "local.tee")))
_LEAVES = frozenset(
    map(op_of, (
        "return", "unreachable", "throw", "throw_ref", "return_call", "return_call_indirect",
        "return_call_ref",
    ))
)  # fmt: skip
TWO_WAY = frozenset((_BR_IF, _IF, _BR_ON_NULL, _BR_ON_NON_NULL, *_ON_CAST))

NESTED = 64
"""Loops that a node is in, on average: more are not passed, as each has a set of its nodes."""

SMALL = 4
"""Instructions of a node without a successor that may be written where it is branched to."""


class Edge(NamedTuple):
    """A way to another node: ``arity`` values stay, ``drop`` below them go.

    ``arity`` is -1 where the whole stack stays.
    """

    target: int
    arity: int = -1
    drop: int = 0


class Node:
    """A region: the positions of its instructions, the last of which ends it.

    ``edges`` are the ways out in the order of the side table; for a two-way
    branch the one taken first.  ``catches`` are those that an exception may
    take which a ``try_table`` in the node catches.  ``header`` is the header of the innermost
    loop it is in (its own if it is one), ``parent`` its immediate dominator;
    ``opens`` and ``closes`` enclose those numbers of the nodes that it dominates.
    """

    __slots__ = (
        "arms", "back", "catches", "closes", "edges", "header", "number", "opens", "parent",
        "preds", "start", "steps", "writes",
    )  # fmt: skip

    def __init__(self, start: int) -> None:
        self.start = start
        self.steps: List[int] = []
        self.edges: List[Edge] = []
        self.catches: List[Edge] = []
        self.preds: List[int] = []
        self.writes: Set[int] = set()
        self.number = -1
        self.parent = self.opens = self.closes = -1
        self.header: Optional[int] = None
        self.back = False
        self.arms = 0

    @property
    def ways(self) -> List[Edge]:
        """All edges."""
        return self.edges + self.catches if self.catches else self.edges


class Graph:
    """The nodes that can be reached from ``entry``, in reverse postorder.

    ``around`` has each ``try_table`` that was entered before ``entry``.  From a
    loop's header on, other loops may have several entries: ``reducible`` is false then.
    """

    def __init__(self, layout: Layout, entry: Optional[int] = None) -> None:
        self.layout = layout
        self.body = layout.body
        self.entry = layout.target(0) if entry is None else entry
        self._tries: Dict[int, List[int]] = {}
        for at, _ in sorted(layout.tries):
            self._tries.setdefault(layout.target(at), []).append(at)
        self.around: List[int] = []
        if entry is not None:
            self.around = [at for at, end in layout.tries if at < entry <= end]
        self.nodes: Dict[int, Node] = {}
        self.order: List[int] = []
        self._dominators(*self._walk())
        self.loops: Dict[int, Set[int]] = {}
        self.outer: Dict[int, Optional[int]] = {}
        self.reducible = True
        self._find_loops()
        self._count_arms()

    # Nodes ------------------------------------------------------------------------

    def _walk(self) -> Tuple[List[int], Dict[int, int]]:
        """Make the nodes, and number them in reverse postorder.

        Those reached, in order, and the node that each was first reached from.
        """
        done: List[int] = []
        reached, above = [self.entry], {self.entry: self.entry}
        self.nodes[self.entry] = self._node(self.entry)
        for at in self.around:
            self.nodes[self.entry].catches += [Edge(*way) for way in self.layout.branches(at)]
        stack: List[Tuple[int, int]] = [(self.entry, 0)]
        while stack:
            start, i = stack.pop()
            edges = self.nodes[start].ways
            if i < len(edges):
                stack.append((start, i + 1))
                target = edges[i].target
                if target not in self.nodes:
                    self.nodes[target] = self._node(target)
                    above[target] = start
                    reached.append(target)
                    stack.append((target, 0))
            else:
                done.append(start)
        self.order = done[::-1]
        for number, start in enumerate(self.order):
            self.nodes[start].number = number
        for start in self.order:
            for edge in self.nodes[start].ways:
                self.nodes[edge.target].preds.append(start)
        return reached, above

    def _node(self, start: int) -> Node:
        """The node of the region that begins at ``start``."""
        node = Node(start)
        ops, pc = self.body.ops, start
        while True:
            for at in self._tries.get(pc, ()):
                node.steps.append(at)
                node.catches += [Edge(*entry) for entry in self.layout.branches(at)]
            node.steps.append(pc)
            op = ops[pc]
            if op in _SETS:
                node.writes.add(self.body.imms[pc])
            edges = self._edges(op, pc)
            if edges is not None:
                node.edges = edges
                return node
            pc = self.layout.following[pc + 1]

    def _edges(self, op: int, pc: int) -> Optional[List[Edge]]:
        """The ways out of the instruction at ``pc``; None if control just goes on."""
        layout = self.layout
        if op in _LEAVES:
            return []
        if op == _END:
            return [] if pc == layout.last else [Edge(layout.target(pc + 1))]
        if op == _LOOP:
            return [Edge(layout.target(pc + 1))]
        if op == _ELSE:
            return [Edge(layout.branch(pc)[0])]
        if op == _IF:
            return [Edge(layout.target(pc + 1)), Edge(layout.branch(pc)[0])]
        if op in (_BR, _BR_TABLE):
            return [Edge(*entry) for entry in layout.branches(pc)]
        if op in TWO_WAY:
            return [Edge(*layout.branch(pc)), Edge(layout.target(pc + 1))]
        return None

    # Dominators and loops -----------------------------------------------------------

    def _dominators(self, order: List[int], reached_from: Dict[int, int]) -> None:
        """Immediate dominators, by the algorithm of Lengauer and Tarjan with path compression."""
        nodes = self.nodes
        number = {start: i for i, start in enumerate(order)}
        above = [number[reached_from[start]] for start in order]
        forest = _Forest(len(order))
        semi, dominator = forest.semi, above[:]
        waiting: List[List[int]] = [[] for _ in order]
        for w in range(len(order) - 1, 0, -1):
            for pred in nodes[order[w]].preds:
                semi[w] = min(semi[w], semi[forest.least(number[pred])])
            waiting[semi[w]].append(w)
            forest.above[w] = above[w]
            for v in waiting[above[w]]:
                u = forest.least(v)
                dominator[v] = u if semi[u] < semi[v] else above[w]
            waiting[above[w]] = []
        for w in range(1, len(order)):
            if dominator[w] != semi[w]:
                dominator[w] = dominator[dominator[w]]
        for w, start in enumerate(order):
            nodes[start].parent = order[dominator[w]]
        self._enclose()

    def _enclose(self) -> None:
        """Number the dominator tree, so that a node's numbers enclose those that it dominates."""
        children: Dict[int, List[int]] = {}
        for start in self.order[1:]:
            children.setdefault(self.nodes[start].parent, []).append(start)
        count, stack = 0, [self.entry]
        while stack:
            start = stack.pop()
            if start < 0:
                self.nodes[~start].closes = count
                continue
            count += 1
            self.nodes[start].opens = count
            stack.append(~start)
            stack += children.get(start, ())

    def dominates(self, one: int, other: int) -> bool:
        """Whether every way to ``other`` goes through ``one``."""
        outer = self.nodes[one]
        return outer.opens <= self.nodes[other].opens <= outer.closes

    def _find_loops(self) -> None:
        """The natural loop of each header; the innermost around each node.  Raises: Untaken."""
        nodes, total = self.nodes, 0
        for start in self.order:
            backs = [p for p in nodes[start].preds if nodes[p].number >= nodes[start].number]
            if not backs:
                continue
            nodes[start].back = True
            inside = {start}
            work = [p for p in backs if self.dominates(start, p)]
            self.reducible = self.reducible and len(work) == len(backs)
            while work:
                at = work.pop()
                if at not in inside:
                    inside.add(at)
                    work += nodes[at].preds
            self.loops[start] = inside
            total += len(inside)
            if total > NESTED * (len(nodes) + NESTED):
                raise Untaken("its loops nest too deep")
        # Outer headers come first in reverse postorder, so inner ones have the last word.
        for header in self.order:
            if header in self.loops:
                self.outer[header] = nodes[header].header
                for start in self.loops[header]:
                    nodes[start].header = header

    def written_in(self, header: int) -> FrozenSet[int]:
        """The locals that a loop assigns to."""
        return frozenset().union(*(self.nodes[start].writes for start in self.loops[header]))

    # Places ------------------------------------------------------------------------

    def _count_arms(self) -> None:
        """How many branches lead forward to each node, runs of one table's labels as one."""
        for start in self.order:
            node = self.nodes[start]
            table = self.body.ops[node.steps[-1]] == _BR_TABLE
            previous = None
            for edge in node.edges:
                target = self.nodes[edge.target]
                if target.number > node.number and edge.target != previous:
                    target.arms += 1
                previous = edge.target if table else None

    def copied(self, start: int) -> bool:
        """Whether a node is written wherever it is branched to: it is short, and leaves."""
        node = self.nodes[start]
        if node.edges or len(node.steps) > SMALL or start == self.entry:
            return False
        rows = [BY_OP[self.body.ops[pc]] for pc in node.steps]
        return all(row is not None and "funcidx" not in row.immediates for row in rows)

    def places(self) -> Places:
        """Where each node that is not written in line stands."""
        nodes = self.nodes
        inner: Dict[int, List[int]] = {}
        outer: Dict[int, List[int]] = {}
        for start in self.order[1:]:
            node = nodes[start]
            if self.copied(start):
                continue
            left, at = None, nodes[node.parent].header
            while at is not None and start not in self.loops[at]:
                left, at = at, self.outer[at]
            if left is not None and not (node.arms == 1 and not node.edges):
                outer.setdefault(left, []).append(start)
            elif node.arms > 1:
                inner.setdefault(node.parent, []).append(start)
        return Places(inner, outer)


class _Forest:
    """The nodes linked to the one they were reached from, by number; paths are compressed."""

    def __init__(self, count: int) -> None:
        self.semi = list(range(count))
        self.above = [-1] * count
        self._label = list(range(count))

    def least(self, v: int) -> int:
        """The node of the least ``semi`` from ``v`` upwards, below its root."""
        above, label, semi = self.above, self._label, self.semi
        if above[v] < 0:
            return v
        path = []
        while above[above[v]] >= 0:
            path.append(v)
            v = above[v]
        root = above[v]
        for below in reversed(path):
            if semi[label[above[below]]] < semi[label[below]]:
                label[below] = label[above[below]]
            above[below] = root
        return label[path[0] if path else v]


class Places(NamedTuple):
    """The nodes that follow: behind a node in the same loop, or behind a loop, by its header."""

    inner: Dict[int, List[int]]
    outer: Dict[int, List[int]]
