"""Loops that fill, copy, compare and search memory: several turns at once, by slices.

What belongs here: recognising such loops (by what ``turns`` reads of them),
and the text that stands before one and *runs ahead*: it carries out ``k``
whole turns.  What does not: the functions that this text calls (``ahead``).

It is exact because it is modest.  ``k`` counts turns of which it is certain
that none leaves the loop, traps, exhausts the fuel, or reads a byte that one
of them writes; so the turn that does anything but go on is left to the loop
that follows, which is written as if nothing stood before it.  What ``k``
turns have done is then: the bytes that they stored, their cost, and what the
locals hold.  A local that each turn assigns before it reads it, and before
it can leave, needs no value.

Addresses are sums of locals, modulo 2^32.  Those with the same locals are a
``_Stream``: they move together.  Inside of a memory they cannot have wrapped
around, so looking whether the last turn's bytes are inside is enough.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from wasmpy.tiers.pysource.graph import Graph
from wasmpy.tiers.pysource.leaving import Relation, bytes_going, is_byte, leaves_of, relation_of
from wasmpy.tiers.pysource.lower import Lowering
from wasmpy.tiers.pysource.turns import (
    MOST,
    Load,
    Made,
    NoTurn,
    Store,
    Sum,
    Test,
    Turn,
    entry,
    is_sum,
    locals_of,
    read,
)

ENABLED = sys.implementation.name != "pypy"
"""Whether loops are run ahead; on PyPy slices cost more than turns."""

CHUNK = 1 << 20
"""Bytes that one run ahead takes at most, between looks at the flag."""
DELAY = 2
"""The turn before which a loop that searches runs ahead first: many have left by then.

Those that look into a table, or do not search, run ahead at once.
"""
RARE = 4
"""The same where few bytes let it go on, as blanks and digits do: most runs of them are short."""
FEW = 16
_WORTH = 60
"""Instructions that a run ahead costs as much as."""

_MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_PACKED = {1: "", 2: "store_H", 4: "store_I", 8: "store_Q"}

Block = List[Any]


class Ahead(NamedTuple):
    """A statement before a loop, and one where each turn begins: it runs ahead when ``w`` is 1."""

    before: Any
    begin: Any


class _Stream:
    """Accesses whose addresses are the same locals and different constants.

    ``base`` is the lowest of these addresses, without the immediate offset;
    ``places`` is how far from it each access is, by its number.
    """

    def __init__(self, name: str, step: Sum, accesses: List[Any]) -> None:
        self.name = name
        self.step = step
        first: Sum = accesses[0].address
        apart = [a.address.plus(first, -1).signed for a in accesses]
        low = min(apart)
        self.base = Sum(32, (first.constant + low) % (1 << 32), first.terms)
        self.places = {a.number: d - low + a.offset for a, d in zip(accesses, apart)}
        self.low, self.high = self.spans(accesses)

    def spans(self, accesses: List[Any]) -> Tuple[int, int]:
        """From where to where some of its accesses reach in a turn."""
        return (
            min(self.places[a.number] for a in accesses),
            max(self.places[a.number] + a.width for a in accesses),
        )

    def at(self, distance: int) -> str:
        """The address at a distance from the base, as text."""
        return f"{self.name} + {distance}" if distance else self.name


class _Ahead:
    """The plan of a run ahead, and its text."""

    def __init__(self, x: Lowering, turn: Turn, cost: int) -> None:
        self.x = x
        self.turn = turn
        self.cost = cost
        self.memory = f"m{turn.memidx}"
        self.step: Optional[Sum] = None
        self.stride = 0
        self.limits: List[str] = []
        self.scans: Dict[Tuple[Any, ...], List[Tuple[int, int]]] = {}
        self.masks: Dict[Load, int] = {}
        self.tried = 0  # instructions that are carried out with every byte
        self.tables: Dict[int, Tuple[Load, Sum, int]] = {}
        self._locals()
        self._streams()
        self._accesses()
        for test in turn.tests:
            self._test(test)
        self._spread()
        if not self.moving and not self.fixed and not self.scans:
            raise NoTurn
        if not self.scans and not self.moving:
            raise NoTurn

    # What is known of locals and addresses ---------------------------------------------

    def _locals(self) -> None:
        """How locals change from turn to turn; those that need no value."""
        turn, ends = self.turn, self.turn.ends
        self.steps: Dict[int, Sum] = {}
        for local, end in ends.items():
            if isinstance(end, Sum) and (local, 1) in end.terms:
                step = end.plus(Sum(end.bits, 0, ((local, 1),)), -1)
                if not any(other in ends for other in locals_of(step)):
                    self.steps[local] = step
        needed: List[Any] = [load.address for load in turn.loads]
        needed += [store.address for store in turn.stores]
        needed += [store.value for store in turn.stores]
        needed += [test.condition for test in turn.tests]
        # What a local holds at the end is read by the next turn, if it is read at all: a hash or a
        # sum of what was passed over is carried from turn to turn, and has a value to find.
        # So it is by the turn that leaves, if it hands it to a local that later turns would have
        # assigned to once more.
        needed += [end for local, end in ends.items() if local not in self.steps]
        needed += turn.passing
        for term in needed:
            if any(local in ends and local not in self.steps for local in locals_of(term)):
                raise NoTurn
        for local in turn.late:
            if local not in self.steps and not isinstance(ends[local], Sum):
                raise NoTurn

    def step_of(self, value: Sum) -> Sum:
        """By how much a sum changes from turn to turn."""
        step = Sum(value.bits, 0)
        for local, factor in value.terms:
            if local in self.steps:
                change = self.steps[local]
                step = step.plus(Sum(value.bits, change.constant, change.terms), factor)
        return step

    def _streams(self) -> None:
        """Which accesses move together."""
        by_terms: Dict[Tuple[Tuple[int, int], ...], List[Any]] = {}
        accesses: List[Any] = [*self.turn.loads, *self.turn.stores]
        for access in accesses:
            address = access.address
            if isinstance(address, Sum):
                if address.bits != 32:
                    raise NoTurn
                by_terms.setdefault(address.terms, []).append(access)
            else:
                self._table(access)
        self.streams: List[_Stream] = []
        self.stream_of: Dict[int, _Stream] = {}
        for i, accesses in enumerate(by_terms.values()):
            step = self.step_of(Sum(32, 0, accesses[0].address.terms))
            stream = _Stream(f"p{i}", step, accesses)
            self.streams.append(stream)
            for access in accesses:
                self.stream_of[access.number] = stream
            if not step.known:
                if self.step not in (None, step):
                    raise NoTurn
                self.step = step

    def _table(self, access: Any) -> None:
        """A byte of a table, found by a byte of a stream."""
        address, table = access.address, Sum(32, 0)
        if isinstance(address, Made) and is_sum(address):
            sums = [t for t in address.operands if isinstance(t, Sum)]
            found = [t for t in address.operands if isinstance(t, Load)]
            if len(sums) != 1 or len(found) != 1:
                raise NoTurn
            table, address = sums[0], found[0]
        if (
            isinstance(access, Store) or not is_byte(access)
            or not isinstance(address, Load) or not is_byte(address)
            or not isinstance(address.address, Sum) or self.step_of(table) != Sum(32, 0)
        ):  # fmt: skip
            raise NoTurn
        self.tables[access.number] = (address, table, access.offset)

    def _accesses(self) -> None:
        """The stores: those that move, and at most one that does not."""
        turn = self.turn
        self.fixed: List[Store] = []
        self.moving: List[Store] = []
        for store in turn.stores:
            stream = self.stream_of[store.number]
            (self.fixed if stream.step == Sum(32, 0) else self.moving).append(store)
        for load in turn.loads:
            if load.number in self.tables:
                continue
            if self.stream_of[load.number].step == Sum(32, 0):
                raise NoTurn
        if len(self.fixed) > 1 or len({id(self.stream_of[s.number]) for s in self.moving}) > 1:
            raise NoTurn
        for store in self.fixed:
            if not isinstance(store.value, Sum):
                raise NoTurn
        strides = {s.step.signed for s in self.streams if s.step.known} - {0}
        if len(strides) + (self.step is not None) != 1:
            raise NoTurn
        self.stride = strides.pop() if strides else 0
        if abs(self.stride) > CHUNK:
            raise NoTurn
        if self.moving:
            self._filled_or_copied()

    def _filled_or_copied(self) -> None:
        """The moving stores make one piece of what a turn is apart from the next."""
        moving = self.moving
        target = self.stream_of[moving[0].number]
        self.source: Optional[_Stream] = None
        self.shift = 0
        if isinstance(moving[0].value, Load):
            shifts = set()
            for store in moving:
                load = store.value
                if (
                    not isinstance(load, Load) or load.number in self.tables
                    or load.width < store.width
                ):  # fmt: skip
                    raise NoTurn
                source = self.stream_of[load.number]
                place = source.places[load.number] - target.places[store.number]
                shifts.add((source.name, place))
                self.source = source
                self.shift = place
            if len(shifts) != 1:
                raise NoTurn
        else:
            for store in moving:
                value = store.value
                if not isinstance(value, Sum) or self.step_of(value) != Sum(value.bits, 0):
                    raise NoTurn
        pieces = sorted((target.places[s.number], s.width) for s in moving)
        self.reach = pieces[0][0], pieces[-1][0] + pieces[-1][1]
        whole = all(a + w == b for (a, w), (b, _) in zip(pieces, pieces[1:]))
        self.whole = whole and self.reach[1] - self.reach[0] == abs(self.stride)
        if not self.whole and (
            self.source is not None or len(moving) > 1 or moving[0].width > 1 or self.stride < 0
        ):
            raise NoTurn

    # What is known of ways out ------------------------------------------------------------

    def _test(self, test: Test) -> None:
        """A way out: it limits the turns beforehand, or is looked for in memory."""
        leaves = leaves_of(test.condition)
        relation = relation_of(test.condition, nonzero=test.nonzero)
        if not leaves:
            self.limits.insert(0, self._counted(relation))
            return
        if self.stride <= 0:
            raise NoTurn
        if len(leaves) == 1 and not set(locals_of(test.condition)):
            self._byte_test(test, leaves.pop())
            return
        if relation is None or relation.op not in ("eq", "ne"):
            raise NoTurn
        left, right = relation.left, relation.right
        if isinstance(left, Sum):
            left, right = right, left
        if not isinstance(left, Load) or left.number in self.tables:
            raise NoTurn
        stream = self.stream_of[left.number]
        place = stream.places[left.number]
        if isinstance(right, Sum):
            if not is_byte(left) or self.step_of(right) != Sum(right.bits, 0):
                raise NoTurn
            name = "ahead_until" if relation.op == "ne" else "ahead_while"
            self._scan((name, stream, 0, self._text(right)), place, 1)
        elif relation.op == "eq" and isinstance(right, Load) and right.op == left.op:
            if right.number in self.tables or right == left:
                raise NoTurn
            other = self.stream_of[right.number]
            apart = other.places[right.number] - place
            self._scan(("ahead_same", stream, other, apart), place, left.width)
        else:
            raise NoTurn

    def _byte_test(self, test: Test, leaf: Load) -> None:
        """A way out that one byte decides: all tests of the same byte make one set."""
        self.tried += test.condition.length if isinstance(test.condition, Made) else 0
        if leaf.width != 1 or self.tried > MOST:
            raise NoTurn
        going = bytes_going(test, leaf)
        self.masks[leaf] = self.masks.get(leaf, going) & going

    def _scan(self, key: Tuple[Any, ...], place: int, width: int) -> None:
        self.scans.setdefault(key, []).append((place, width))

    def _spread(self) -> None:
        """The sets of bytes are scans too; together the scans of a kind must leave no gap."""
        for leaf, going in self.masks.items():
            if leaf.number in self.tables:
                load, table, offset = self.tables[leaf.number]
                stream = self.stream_of[load.number]
                key: Tuple[Any, ...] = ("ahead_table", stream, (table, offset), hex(going))
                self._scan(key, stream.places[load.number], 1)
                continue
            stream = self.stream_of[leaf.number]
            without = ~going & (1 << 256) - 1
            if without and without & without - 1 == 0:
                key = ("ahead_until", stream, 0, str(without.bit_length() - 1))
            else:
                key = ("ahead_among", stream, 0, hex(going))
            self._scan(key, stream.places[leaf.number], 1)
        for pieces in self.scans.values():
            pieces.sort()
            whole = all(a + w == b for (a, w), (b, _) in zip(pieces, pieces[1:]))
            if not whole or pieces[-1][0] + pieces[-1][1] - pieces[0][0] != self.stride:
                raise NoTurn

    def _counted(self, relation: Optional[Relation]) -> str:
        """How many turns a comparison of locals lets go on, as text."""
        if relation is None:
            raise NoTurn
        op, left, right = relation.op, relation.left, relation.right
        if not isinstance(left, Sum) or not isinstance(right, Sum):
            raise NoTurn
        zero = Sum(left.bits, 0)
        if op == "ne":
            apart = left.plus(right, -1)
            step = self.step_of(apart)
            if not step.known or step == zero:
                raise NoTurn
            if step.signed > 0:
                apart = zero.plus(apart, -1)
            return _over(self._text(apart), str(abs(step.signed)))
        if self.step_of(left) == zero:
            op, left, right = _MIRRORED[op], right, left
        if op == "eq" or self.step_of(left) == zero or self.step_of(right) != zero:
            raise NoTurn
        if relation.signed:
            sign = Sum(left.bits, 1 << left.bits - 1)
            left, right = left.plus(sign), right.plus(sign)
        return self._ordered(op, left, right)

    def _ordered(self, op: str, left: Sum, right: Sum) -> str:
        """The same, of an order that ``left`` moves towards the end of."""
        step = self.step_of(left)
        down = step.known and step.signed < 0
        if down != (op in ("gt", "ge")) or not (step.known or step == self.step):
            raise NoTurn
        if down:
            left, right = right, left
        size = str(abs(step.signed)) if step.known else "s"
        far = f"{self._text(right)} - {self._text(left)}"
        return _over(far, size) if op in ("lt", "gt") else f"({far}) // {size} + 1"

    # The text ---------------------------------------------------------------------------

    def _text(self, value: Sum) -> str:
        """A sum as an expression that binds as tightly as a product."""
        modulus = 1 << value.bits
        text = ""
        for local, factor in sorted(value.terms, key=lambda t: t[1] >= modulus >> 1):
            sign, size = ("-", modulus - factor) if factor >= modulus >> 1 else ("+", factor)
            times = f" * {size}" if size != 1 else ""
            text += f" {sign} l{local}{times}" if text else f"{'-' * (sign == '-')}l{local}{times}"
        if value.known:
            return str(value.constant)
        # A local of 64 bits may be part of a sum of 32.
        if value == entry(value.terms[0][0], self.x.valtypes):
            return text
        if value.constant:
            constant = value.signed
            text += f" {'-' if constant < 0 else '+'} {abs(constant)}"
        return f"({text}) % {modulus}"

    def _displaced(self, address: Sum, offset: int) -> str:
        """An address with its immediate offset, as text."""
        if address.known:
            return str(address.constant + offset)
        return f"{self._text(address)} + {offset}" if offset else self._text(address)

    def write(self) -> Ahead:
        """The statements."""
        x = self.x
        x.link(self.memory)
        most = max(1, CHUNK // max(abs(self.stride), 4))
        limits = [*self.limits, f"{x.counter} // {self.cost}" if x.metered else str(most)]
        run: Block = [(f"k = {limits[0]}", None)]
        within: Block = []
        run.append((f"if k > {max(2, _WORTH // self.turn.length)}:", None, within))
        within += [(f"{stream.name} = {self._text(stream.base)}", None) for stream in self.streams]
        within.append((f"k = min(k, {', '.join([*limits[1:], *self._bounds()])})", None))
        within += self._apart()
        if self.scans:
            looking: Block = [(text, None) for text in self._looked_for()]
            within.append(("if k > 0:", None, looking))
            within = looking
        doing: Block = []
        within.append(("if k > 0:", None, doing))
        if x.metered:
            doing.append((f"{x.counter} -= k * {self.cost}", None))
        doing += [(text, None) for text in self._done()]
        if not x.metered:
            doing.append((f"if k == {most}: w = 1", None))
        if self.step is not None:
            run = [(f"s = {self._text(self.step)}", None), ("if s:", None, run)]
        delay = 1 if self.tables or not self.scans else DELAY
        sets = [going for load, going in self.masks.items() if load.number not in self.tables]
        if any(bin(going).count("1") <= FEW for going in sets):
            delay = RARE
        turn: Block = [("w -= 1", None), ("if not w:", None, run)]
        return Ahead((f"w = {delay}", None), ("if w:", None, turn))

    def _bounds(self) -> List[str]:
        """How many turns stay inside of the memory."""
        found = []
        size = f"len({self.memory})"
        for stream in self.streams:
            step, high = stream.step, stream.high
            if step == Sum(32, 0):
                continue
            by = str(self.stride) if step.known else "s"
            if step.known and self.stride < 0:
                by = str(-self.stride)
                found.append(f"{_times(stream.name, '//', by)} + 1")
                found.append(f"({_less(f'{size} - {stream.name}', high - 1)}) * {1 << 32}")
            elif by == "1":
                found.append(_less(f"{size} - {stream.name}", high - 1))
            else:
                found.append(f"({size} - {stream.name} - {high}) // {by} + 1")
        return found

    def _apart(self) -> Block:
        """Nothing that is read, and no other store, is where these turns store."""
        block: Block = []
        for number, (_, table, offset) in self.tables.items():
            if not any(leaf.number == number for leaf in self.masks):
                # Nothing depends on what is found there, but that it may trap.
                at = self._displaced(table, offset)
                block.append((f"if {at} + 256 > len({self.memory}): k = 0", None))
        reads = self._read_spans()
        for store in self.fixed:
            own = self.stream_of[store.number]
            place = own.at(own.places[store.number])
            tests = [f"{place} + {store.width} > len({self.memory})"]
            others = list(reads)
            if self.moving:
                others.append((self.stream_of[self.moving[0].number], *self.reach))
            for stream, low, high in others:
                start, end = self._extent(stream, low, high)
                tests.append(f"{start} - {store.width} < {place} < {end}")
            for _, table, offset in self.tables.values():
                start = self._displaced(table, offset)
                tests.append(f"{start} - {store.width} < {place} < {start} + 256")
            block += [(f"if {test}: k = 0", None) for test in tests]
        if self.moving:
            for span in reads:
                block += self._behind(*span)
            for _, table, offset in self.tables.values():
                target = self.stream_of[self.moving[0].number]
                start, end = self._extent(target, *self.reach)
                at = self._displaced(table, offset)
                block.append((f"if {start} - 256 < {at} < {end}: k = 0", None))
        return block

    def _read_spans(self) -> List[Tuple[_Stream, int, int]]:
        """Of each stream that is read, from where to where a turn does."""
        found = []
        for stream in self.streams:
            own = [
                load for load in self.turn.loads
                if self.stream_of.get(load.number) is stream
            ]  # fmt: skip
            if own:
                found.append((stream, *stream.spans(own)))
        return found

    def _extent(self, stream: _Stream, low: int, high: int) -> Tuple[str, str]:
        """From where to where all of the turns reach, as texts."""
        by = str(abs(self.stride)) if stream.step.known else "s"
        far = _times("(k - 1)", "*", by)
        if self.stride < 0:
            return f"{stream.at(low)} - {far}", stream.at(high)
        return stream.at(low), f"{stream.at(high)} + {far}"

    def _behind(self, stream: _Stream, low: int, high: int) -> Block:
        """A limit where later turns would read what earlier ones have stored."""
        target, (start, end) = self.stream_of[self.moving[0].number], self.reach
        if not stream.step.known:
            raise NoTurn
        by = abs(self.stride)
        first = max(load.number for load in self.turn.loads) < min(s.number for s in self.moving)
        allowed = -by if first else 0
        if self.stride > 0:
            ahead = f"{target.at(start)} - {stream.name} - {high}"
            after = f"{stream.at(low)} - {target.name} - {end}"
        else:
            ahead = f"{stream.at(low)} - {target.name} - {end}"
            after = f"{target.at(start)} - {stream.name} - {high}"
        limit = f"k = min(k, ({ahead}) // {by} + 1)"
        return [(f"if {after} < {allowed}: {limit}", None)]

    def _looked_for(self) -> List[str]:
        """How many turns what stands in memory lets go on."""
        found = []
        by, memory = self.stride, self.memory
        for (name, stream, other, what), pieces in self.scans.items():
            place = pieces[0][0]
            arguments = f"{memory}, {stream.at(place)}"
            if name == "ahead_same":
                arguments += f", {other.at(place + what)}, {_times('k', '*', str(by))}"
            else:
                arguments += f", {_times('k', '*', str(by))}"
                if name == "ahead_table":
                    arguments += f", {self._displaced(*other)}"
                arguments += f", {what}"
            found.append(f"k = {_times(f'{name}({arguments})', '//', str(by))}")
        return found

    def _done(self) -> List[str]:
        """What the turns have done to memory and locals."""
        done = []
        if self.moving:
            done.append(self._moved())
        for local, step in self.steps.items():
            if step == Sum(step.bits, 0):
                continue
            by, sign = (self._text(step), "+")
            if step.known:
                by, sign = str(abs(step.signed)), "-" if step.signed < 0 else "+"
            elif by[0] == "(":
                by = f"({by})"
            change = _times("k", "*", by)
            done.append(f"l{local} = (l{local} {sign} {change}) % {1 << step.bits}")
        for local in sorted(self.turn.late - set(self.steps)):
            end: Any = self.turn.ends[local]
            done.append(f"l{local} = {self._text(end.plus(self.step_of(end), -1))}")
        for store in self.fixed:
            value: Any = store.value
            text = self._text(value.plus(self.step_of(value), -1))
            stream = self.stream_of[store.number]
            place = stream.at(stream.places[store.number])
            if store.width * 8 < value.bits:
                text = f"{text} & {(1 << 8 * store.width) - 1}"
            packer = _PACKED[store.width]
            done.append(
                f"{packer}({self.memory}, {place}, {text})" if packer
                else f"{self.memory}[{place}] = {text}"
            )  # fmt: skip
        return done

    def _moved(self) -> str:
        """What is stored from place to place, as one slice."""
        target = self.stream_of[self.moving[0].number]
        start, end = self._extent(target, *self.reach)
        if self.source is not None:
            low, high = (place + self.shift for place in self.reach)
            here, there = self._extent(self.source, low, high)
            return f"{self.memory}[{start}:{end}] = {self.memory}[{here}:{there}]"
        if not self.whole:
            by = "s" if self.step is not None else str(self.stride)
            return f"{self.memory}[{start}:{end}:{by}] = {self._pattern(0)} * k"
        return f"{self.memory}[{start}:{end}] = {self._pattern(self.reach[0])} * k"

    def _pattern(self, low: int) -> str:
        """What a turn stores, as bytes."""
        target = self.stream_of[self.moving[0].number]
        total, parts = 0, []
        for store in self.moving:
            value: Any = store.value
            at = 8 * (target.places[store.number] - low) if self.whole else 0
            mask = (1 << 8 * store.width) - 1
            if value.known:
                total |= (value.constant & mask) << at
                continue
            text = self._text(value)
            if value.bits > 8 * store.width:
                text = f"({text} & {mask})"
            parts.append(f"{text} << {at}" if at else text)
        size = abs(self.stride) if self.whole else 1
        if total or not parts:
            parts.append(str(total))
        joined = " | ".join(parts)
        if size == 1:
            return f"bytes(({joined},))"
        return f"({joined}).to_bytes({size}, 'little')"


def _times(left: str, operator: str, right: str) -> str:
    """A product or quotient, without needless ones."""
    return left if right == "1" else f"{left} {operator} {right}"


def _less(text: str, by: int) -> str:
    """A difference."""
    return f"{text} - {by}" if by else text


def _over(text: str, by: str) -> str:
    """A quotient, rounded up."""
    return text if by == "1" else f"-(-({text}) // {by})"


def run_ahead(x: Lowering, graph: Graph, costs: List[int], header: int) -> Optional[Ahead]:
    """What runs ahead of the loop of ``header``; None if it is no loop of that kind."""
    if not ENABLED:
        return None
    try:
        turn = read(graph, header, x.valtypes)
        cost = sum(costs[node.start] for node in turn.nodes) if x.metered else 0
        if x.metered and not cost:
            return None
        return _Ahead(x, turn, cost).write()
    except NoTurn:
        return None


__all__: List[Any] = ["ENABLED", "run_ahead"]
