"""Control flow as structured text: only a loop becomes a Python loop.

What belongs here: where each node's statements stand, and how control gets
from one to the next.  What does not: the statements (``lower``).

Nodes are written along the dominator tree.  A node with one way to it is
written where it is branched to; one with several follows the node that
dominates it (``Places``).  Python jumps forward in three ways: falling off
the end of an ``if``, leaving a loop with ``break``, and returning.  A
branch that needs none of them leaves a number in ``br`` and goes outward as
far as it can; what it arrives at looks at ``br``.  Where many branches lead
to one place, what they leave is a loop that runs once, so that they are
``break``s.

What cannot be written so within Python's limits on nesting raises ``TooDeep``,
and is written by ``flat``.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from wasmpy.isa.derived import BY_OP
from wasmpy.tiers.pysource.blocks import Block, Step, TooDeep
from wasmpy.tiers.pysource.ends import ENDS
from wasmpy.tiers.pysource.graph import TWO_WAY, Edge, Graph, Node
from wasmpy.tiers.pysource.idioms import run_ahead
from wasmpy.tiers.pysource.lower import LOOKING, UNKNOWN, Lowering, Ranges
from wasmpy.tiers.pysource.marks import COUNTER
from wasmpy.tiers.pysource.values import ATOM, Piece, Site, Truth, Value

DEEPEST = 55
"""Nested constructs that are not passed; each is a level or two of Python's 100."""
LOOPS = 18
"""Nested loops that are not passed; CPython has 20."""
FORWARDED = 30
"""Branches sent on from one place to the next, beyond three a node, that are too many."""
STRETCH = 250
"""Instructions of a region that are written before somebody looks whether to go on."""
MANY = 3
"""Branches to one place that make it worth a loop that runs once."""


class Frame:
    """Something that is being written: what falling off its end, or leaving it, comes to.

    ``kind`` is ``seq`` (the node ``label`` follows), ``once`` (the same,
    behind a loop that runs once) or ``loop`` (with the header ``label``).
    ``passing`` are the nodes that branches arrive here for, by number.
    """

    __slots__ = ("kind", "label", "passing", "used")

    def __init__(self, kind: str, label: int) -> None:
        self.kind = kind
        self.label = label
        self.passing: Set[int] = set()
        self.used = False


class State(NamedTuple):
    """What is known at a place: the stack, and the intervals of locals."""

    stack: List[Value]
    ranges: Ranges


class Structure:
    """Writes one function's graph."""

    def __init__(
        self, x: Lowering, graph: Graph, costs: List[int], arity: int, known: Dict[int, Ranges]
    ) -> None:
        self.x = x
        self.known = known
        self.backs: Dict[int, List[Ranges]] = {}
        self.prepaid: Dict[int, int] = {}
        self.ahead: Set[int] = set()
        self.graph = graph
        self.costs = costs
        self.arity = arity
        self.frames: List[Frame] = []
        self.flags: Dict[int, int] = {}
        self.incoming: Dict[int, List[State]] = {}
        self.depth = 0
        self.sent = 0
        self.back = 0  # fuel that a node written next gives back
        self.tails = False
        places = graph.places()
        self.inner, self.outer = places
        rows = (*places.inner.values(), *places.outer.values())
        self.placed = {n for nodes in rows for n in nodes}
        if x.metered and not any(map(self._calls, graph.nodes.values())):
            x.counter = COUNTER
            x.link("fuel")

    def write(self, stacked: int = 0) -> Block:
        """The whole body, entered with ``stacked`` values on the stack.  Raises: TooDeep."""
        out: Block = []
        self.x.stack = self.variables(stacked)
        if self.tree(self.graph.entry, out):
            raise AssertionError("control falls off the end of a function")
        if self.flags:
            out.insert(0, ("br = 0", None))
        return out

    def variables(self, count: int) -> List[Value]:
        """A stack of which every value stands in its variable."""
        return [Value(Piece(f"s{i}", ATOM), frozenset((f"s{i}",))) for i in range(count)]

    # Trees ------------------------------------------------------------------------

    def tree(self, start: int, out: Block) -> bool:
        """A node and what follows it; whether control falls off the end."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooDeep
        found: Optional[int] = start
        falls = False
        while found is not None:
            falls, found = self._one(found, out)
        self.depth -= 1
        return falls

    def _one(self, start: int, out: Block) -> Step:
        node = self.graph.nodes[start]
        followers = (self.outer if node.back else self.inner).get(start)
        if not followers:
            return self._core(node, out)
        return self._nested(node, followers, self._core, out)

    def _nested(self, node: Node, followers: List[int], core: Any, out: Block) -> Step:
        """What ``core`` writes of a node, then the nodes that follow it."""
        frames = [self._frame(label) for label in followers]
        self.frames += reversed(frames)
        blocks = [out]
        for frame in reversed(frames):
            blocks.append([] if frame.kind == "once" else blocks[-1])
        falls, following = core(node, blocks[-1])
        if following is not None:
            falls = self.tree(following, blocks[-1])
        return self._follow(frames, blocks, falls=falls)

    def _follow(self, frames: List[Frame], blocks: List[Block], *, falls: bool) -> Step:
        """The nodes behind, in order."""
        for i, frame in enumerate(frames):
            inside, out = blocks[-1 - i], blocks[-2 - i]
            self.frames.pop()
            if frame.kind == "once":
                if falls:
                    inside.append(("break", None))
                out.append(("while True:", None, inside))
                falls = falls or frame.used
            if frame.label not in self.incoming:
                # Nothing arrives but what passes.
                falls = self._dispatch(frame.passing, out) if frame.passing else falls
                continue
            at = out
            passed = False
            if frame.passing:
                block: Block = []
                passed = self._dispatch(frame.passing, block)
                out.append(("if br:", None, block))
                if passed:
                    at = []
                    out.append(("else:", None, at))
            self.enter(frame.label)
            if i == len(frames) - 1 and not passed:
                return False, frame.label
            falls = self.tree(frame.label, at) or passed
        return falls, None

    def _frame(self, label: int) -> Frame:
        """How a node that follows is reached."""
        nested = sum(frame.kind != "seq" for frame in self.frames)
        many = self.graph.nodes[label].arms >= MANY and nested < LOOPS - 4
        return Frame("once" if many else "seq", label)

    def _core(self, node: Node, out: Block) -> Step:
        """A node without what follows it: a loop, or its statements."""
        if not node.back:
            return self._body(node, out)
        if sum(frame.kind != "seq" for frame in self.frames) >= LOOPS:
            raise TooDeep
        self._forget(node.start)
        self._loop_entry()
        frame = Frame("loop", node.start)
        self.frames.append(frame)
        before, body = self._ahead(node.start)
        out += before
        inner = self.inner.get(node.start)
        if inner:
            _, following = self._nested(node, inner, self._body, body)
        else:
            _, following = self._body(node, body)
        if following is not None:
            self.tree(following, body)
        self.frames.pop()
        out.append(("while True:", None, body))
        if not frame.passing:
            return frame.used, None
        if not frame.used:
            return self._dispatch(frame.passing, out), None
        block: Block = []
        self._dispatch(frame.passing, block)
        if block != [("pass", None)]:
            out.append(("if br:", None, block))
        return True, None

    def _ahead(self, header: int) -> Tuple[Block, Block]:
        """What carries out turns of a loop at once: before it, and where each turn begins."""
        found = run_ahead(self.x, self.graph, self.costs, header)
        if found is None:
            return [], []
        self.ahead.add(header)
        return [found.before], [found.begin]

    def _forget(self, header: int) -> None:
        """A loop's locals have what they enter with, or what they come back with."""
        ranges, known = self.x.ranges, self.known.get(header, {})
        for i in self.graph.written_in(header):
            name = f"l{i}"
            first, again = ranges.pop(name, UNKNOWN), known.get(name, UNKNOWN)
            if first[0] is None or again[0] is None or first[1] is None or again[1] is None:
                continue
            ranges[name] = (min(first[0], again[0]), max(first[1], again[1]))

    def learned(self) -> Dict[int, Ranges]:
        """Of each loop, what its locals come back with, as far as this is known.

        It was found without knowing anything of them at its begin, so it holds
        whatever they are; writing once more with it finds more.
        """
        found: Dict[int, Ranges] = {}
        for header, states in self.backs.items():
            ranges = _joined(states)
            written = {f"l{i}" for i in self.graph.written_in(header)}
            narrow = {name: bounds for name, bounds in ranges.items() if name in written}
            if narrow:
                found[header] = narrow
        return found if not self.known else {}

    def _loop_entry(self) -> None:
        """Values on the stack at a loop's entry stand in variables: the loop may change them."""
        for i, value in enumerate(self.x.stack):
            assert value.text == f"s{i}" or value.site is None
            self.x.stack[i] = Value(Piece(f"s{i}", ATOM), frozenset((f"s{i}",)))

    # Branches ---------------------------------------------------------------------

    def fall(self, count: int) -> Optional[int]:
        """The node that falling off the end comes to, with the first ``count`` frames around."""
        return self.frames[count - 1].label if count else None

    def jump(self, target: int, out: Block, *, flagged: bool = False) -> bool:
        """Go to a node that is written elsewhere; whether control falls off the end."""
        frames = self.frames
        arrival = [("br = 0", None)] if flagged else []
        if self.fall(len(frames)) == target:
            out += arrival
            return True
        at = len(frames) - 1
        while at >= 0 and frames[at].kind == "seq":
            at -= 1
        if at >= 0:
            frame = frames[at]
            if frame.kind == "loop" and frame.label == target:
                out += [*arrival, ("continue", None)]
                return False
            behind = frame.label if frame.kind == "once" else self.fall(at)
            if behind == target:
                frame.used = True
                out += [*arrival, ("break", None)]
                return False
        if not flagged:
            number = self.flags.setdefault(target, len(self.flags) + 1)
            out.append((f"br = {number}", None))
        if any(frame.label == target for frame in frames[at + 1 :]):
            frames[-1].passing.add(target)
            return True
        assert at >= 0, "a branch that leads nowhere"
        frames[at].passing.add(target)
        out.append(("break", None))
        return False

    def _dispatch(self, passing: Set[int], out: Block) -> bool:
        """Send each branch that passes on its way; whether control falls off the end."""
        self.sent += len(passing)
        if self.sent > 3 * len(self.graph.nodes) + FORWARDED:
            raise TooDeep
        arms: List[Tuple[int, Block]] = []
        falls = False
        for target in sorted(passing, key=lambda t: self.flags[t]):
            block: Block = []
            falls = self.jump(target, block, flagged=True) or falls
            arms.append((target, block))
        if all(block == arms[0][1] for _, block in arms):
            out += arms[0][1] or [("pass", None)]
            return falls
        for i, (target, block) in enumerate(arms):
            word = "if" if i == 0 else "elif"
            head = f"{word} br == {self.flags[target]}:" if i < len(arms) - 1 else "else:"
            out.append((head, None, block or [("pass", None)]))
        return falls

    def enter(self, start: int) -> None:
        """Begin a node that several ways lead to: what is known is what all of them know."""
        states = self.incoming[start]
        stack = states[0].stack
        self.x.ranges = _joined([state.ranges for state in states])
        self.x.stack = []
        for i in range(len(stack)):
            pieces = [state.stack[i].piece for state in states]
            bounds: Any = UNKNOWN
            if all(p.lo is not None and p.hi is not None for p in pieces):
                bounds = (min(p.lo for p in pieces), max(p.hi for p in pieces))  # type: ignore[type-var]
            name = f"s{i}"
            self.x.stack.append(Value(Piece(name, ATOM, *bounds), frozenset((name,))))

    def edge(self, node: Node, edge: Edge, out: Block) -> Step:
        """Follow an edge with the present state."""
        graph, x = self.graph, self.x
        self._cut(edge)
        target = edge.target
        if graph.copied(target):
            return self._body(graph.nodes[target], out)
        following = graph.nodes[target]
        if following.number > node.number and target not in self.placed:
            if following.back:
                self._spill(out)
            return False, target
        self._spill(out)
        if following.number > node.number:
            self.incoming.setdefault(target, []).append(State(list(x.stack), dict(x.ranges)))
        else:
            self.backs.setdefault(target, []).append(dict(x.ranges))
        return self.jump(target, out), None

    def _cut(self, edge: Edge) -> None:
        """Take from the stack what the edge drops."""
        if edge.drop:
            stack = self.x.stack
            del stack[len(stack) - edge.arity - edge.drop : len(stack) - edge.arity]

    def _spill(self, out: Block) -> None:
        self.x.spill()
        self.flush(out)

    def flush(self, out: Block) -> None:
        """Take over the statements that lowering has left."""
        out += self.x.lines
        self.x.lines = []

    # Nodes --------------------------------------------------------------------------

    def _body(self, node: Node, out: Block) -> Step:
        """The statements of a node and how it ends."""
        x = self.x
        self.begin(node)
        for pc in node.steps[:-1]:
            self.instruction(pc)
        x.pc = last = node.steps[-1]
        row = BY_OP[x.ops[last]]
        assert row is not None
        end = ENDS.get(row.mnemonic)
        if end is not None:
            return end(self, node, out)
        if len(node.edges) == 1:
            x.settle(state=False)
            self.flush(out)
            step = self.edge(node, node.edges[0], out)
            self.flush(out)
            return step
        raise AssertionError(f"{row.mnemonic} ends no region")

    def instruction(self, pc: int) -> None:
        """An instruction that does not end its region; now and then, look whether to go on."""
        if self.x.look is not None and not pc % STRETCH:
            self.x.look()
        self.x.lower(pc)

    def begin(self, node: Node) -> None:
        """Charge the region, and look whether to go on."""
        x, start = self.x, node.start
        if x.look is not None:
            x.look()
        header = start in self.graph.layout.headers
        if x.metered:
            self._charge(node, header=header or start == self.graph.entry)
        elif node.back:
            x.link("stop")
            x.link("look")
            x.emit("if stop: look()", Site(start, ()))

    def _charge(self, node: Node, *, header: bool) -> None:
        """Charge the region, and those that are likely to come next with it."""
        x, start = self.x, node.start
        if start in self.prepaid:
            x.owed = self.prepaid[start]
            return
        ahead: List[int] = []
        at: Optional[Node] = node
        while at is not None:
            at = self.likely(at)
            if at is not None:
                ahead.append(at.start)
        x.owed = sum(self.costs[s] for s in ahead)
        owed = x.owed
        for s in ahead:
            owed -= self.costs[s]
            self.prepaid[s] = owed
        cost, counter = self.costs[start] + x.owed - self.back, x.counter
        self.back = 0
        if cost:
            x.link("fuel")
            x.emit(f"{counter} {'+' if cost < 0 else '-'}= {abs(cost)}")
        if header:
            x.link("fuel")
            renew = f"{x.link('renew')}({counter})"
            if x.owed:
                renew = f"renew({counter} + {x.owed}) - {x.owed}"
            text, site = f"{counter} = {renew}", Site(start, (), x.owed)
            if start in self.ahead:
                x.lines.append((f"if {counter} < 0:", None, [(text, site), ("w = 1", None)]))
            else:
                x.emit(f"if {counter} < 0: {text}", site)

    def likely(self, node: Node) -> Optional[Node]:
        """The node that nearly always comes next, if its region can be charged with this one.

        It can if nobody looks at the fuel before: no function is called.
        """
        nodes, loops = self.graph.nodes, self.graph.loops
        if self.x.ops[node.steps[-1]] not in TWO_WAY or self._calls(node):
            return None
        for one, other in (node.edges, node.edges[::-1]):
            following, leaves = nodes[one.target], nodes[other.target]
            inline = (
                following.number > node.number and one.target not in self.placed
                and not following.back and not self.graph.copied(one.target)
            )  # fmt: skip
            out = not leaves.edges or (
                node.header is not None and other.target not in loops[node.header]
            )
            on = following.edges or self.graph.copied(other.target)
            if inline and out and on and following.header == node.header:
                return following
        return None

    def _calls(self, node: Node) -> bool:
        """Whether something in a node may look at the fuel, or throw."""
        ops = self.x.ops
        return any(ops[pc] in LOOKING for pc in node.steps)

    def state(self) -> State:
        """The present state, to come back to."""
        return State(list(self.x.stack), dict(self.x.ranges))

    def restore(self, state: State) -> None:
        """Come back to a state."""
        self.x.stack, self.x.ranges = list(state.stack), dict(state.ranges)

    def two_way(
        self, node: Node, truth: Truth, site: Optional[Site], out: Block,
        stacks: Optional[Tuple[List[Value], List[Value]]] = None,
    ) -> Step:  # fmt: skip
        """Take the first edge if the condition holds, else the second."""
        x = self.x
        x.settle(state=False)
        self.flush(out)
        here = self.state()
        owed, x.owed = x.owed, 0
        sides = []
        for i, (edge, told) in enumerate(zip(node.edges, (truth.when, truth.unless))):
            self.restore(here)
            if stacks is not None:
                x.stack = list(stacks[i])
            if truth.name and told[0] <= told[1]:
                x.ranges[truth.name] = told
            block: Block = []
            if owed and self.prepaid.get(edge.target) != owed - self.costs[edge.target]:
                if self.graph.copied(edge.target):
                    self.back = owed
                else:
                    block.append((f"{x.counter} += {owed}", None))
            falls, following = self.edge(node, edge, block)
            self.flush(block)
            sides.append((falls, following, block, self.state()))
        yes, no = sides
        if truth.text == "True":
            return self._only(yes, out)
        if truth.text == "False":
            return self._only(no, out)
        if yes[1] is None and not yes[0]:
            return self._guard(truth, site, yes, no, out)
        if no[1] is None and not no[0]:
            return self._guard(truth.negated(), site, no, yes, out)
        return self._both(truth, site, yes, no, out)

    def _only(self, side: Any, out: Block) -> Step:
        """A condition that is known."""
        falls, following, block, state = side
        out += block
        self.restore(state)
        return falls, following

    def _guard(
        self, truth: Truth, site: Optional[Site], leaves: Any, other: Any, out: Block
    ) -> Step:
        """One side leaves, so the other goes on behind it."""
        out.append((f"if {truth.text}:", site, leaves[2]))
        return self._only(other, out)

    def _both(self, truth: Truth, site: Optional[Site], yes: Any, no: Any, out: Block) -> Step:
        results = []
        for falls, following, block, state in (yes, no):
            if following is not None:
                self.restore(state)
                falls = self.tree(following, block)
            results.append((falls, block))
        (first, a), (second, b) = results
        if not first:
            out.append((f"if {truth.text}:", site, a))
            out += b
        elif not second:
            out.append((f"if {truth.negated().text}:", site, b))
            out += a
        elif not a:
            out.append((f"if {truth.negated().text}:", site, b or [("pass", None)]))
        else:
            out.append((f"if {truth.text}:", site, a))
            if b:
                out.append(("else:", None, b))
        return first or second, None

    def table(self, node: Node, index: Value, out: Block) -> Step:
        """``br_table``: a search by halves through runs of labels."""
        here = self.state()
        runs: List[Tuple[int, Edge]] = []
        for i, edge in enumerate(node.edges):
            if not runs or runs[-1][1] != edge:
                runs.append((i, edge))
        arms: List[Tuple[int, bool, Block]] = []
        for first, edge in runs:
            self.restore(here)
            block: Block = []
            falls, following = self.edge(node, edge, block)
            self.flush(block)
            if following is not None:
                falls = self.tree(following, block)
            arms.append((first, falls, block))
        self._halves(index.text, arms, out)
        return any(falls for _, falls, _ in arms), None

    def _halves(self, index: str, arms: List[Tuple[int, bool, Block]], out: Block) -> None:
        if len(arms) == 1:
            out += arms[0][2]
            return
        half = len(arms) // 2
        low: Block = []
        high: Block = []
        self._halves(index, arms[:half], low)
        self._halves(index, arms[half:], high)
        out.append((f"if {index} < {arms[half][0]}:", None, low or [("pass", None)]))
        if any(falls for _, falls, _ in arms[:half]):
            if high:
                out.append(("else:", None, high))
        else:
            out += high


def _joined(states: List[Ranges]) -> Ranges:
    """What all of several states know."""
    ranges: Ranges = {}
    for name, (lo, hi) in states[0].items():
        if lo is None or hi is None:
            continue
        for state in states[1:]:
            other = state.get(name, UNKNOWN)
            if other[0] is None or other[1] is None:
                break
            lo, hi = min(lo, other[0]), max(hi, other[1])
        else:
            ranges[name] = (lo, hi)
    return ranges
