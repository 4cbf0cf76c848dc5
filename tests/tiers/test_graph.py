"""Who dominates whom, on graphs of any shape, against the definition itself."""

from __future__ import annotations

from typing import Any, Dict, List, Set

from hypothesis import given
from hypothesis import strategies as st

from wasmpy.tiers.pysource.graph import Edge, Graph, Node


class Drawn(Graph):
    """A graph of given ways, without a body."""

    def __init__(self, ways: Dict[int, List[int]]) -> None:
        self._ways = ways
        self.entry = 0
        self.around: List[int] = []
        self.nodes: Dict[int, Node] = {}
        self.order: List[int] = []
        self._dominators(*self._walk())

    def _node(self, start: int) -> Node:
        node = Node(start)
        node.edges = [Edge(target) for target in self._ways[start]]
        return node


def reached(ways: Dict[int, List[int]], without: int) -> Set[int]:
    """What the entry leads to by ways that do not pass a node."""
    seen: Set[int] = set()
    todo = [0]
    while todo:
        at = todo.pop()
        if at != without and at not in seen:
            seen.add(at)
            todo += ways[at]
    return seen


@st.composite
def graphs(draw: Any) -> Dict[int, List[int]]:
    count = draw(st.integers(1, 12))
    nodes = st.integers(0, count - 1)
    return {i: draw(st.lists(nodes, max_size=3)) for i in range(count)}


@given(graphs())
def test_a_node_dominates_what_cannot_be_reached_without_it(ways: Dict[int, List[int]]) -> None:
    graph = Drawn(ways)
    assert set(graph.order) == reached(ways, -1)
    over = {at: {one for one in graph.order if one == at or at not in reached(ways, one)} for at in graph.order}
    for at in graph.order:
        assert {one for one in graph.order if graph.dominates(one, at)} == over[at]
        if at:
            # The immediate one is that which all others of them dominate.
            assert graph.nodes[at].parent == max(over[at] - {at}, key=lambda one: len(over[one]))
