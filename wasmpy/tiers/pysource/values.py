"""Values as text: what stands on the symbolic stack while a function is lowered.

What belongs here: pieces of Python expressions with their precedence and the
interval their value lies in.  What does not: which instruction makes which.
"""

from __future__ import annotations

from typing import Any, FrozenSet, NamedTuple, Optional, Tuple

# How tightly an expression binds; an operand that binds less gets parentheses.
(ATOM, UNARY, MUL, ADD, SHIFT, AND, XOR, OR, COMPARE, NOT, BOTH, EITHER, CONDITIONAL) = range(13)

NO_NAMES: FrozenSet[str] = frozenset()

FLOAT = -1
"""In place of a number of bits: the raw form may be a NaN other than the canonical one."""


class Piece(NamedTuple):
    """An expression, its precedence, and where its value lies (None: not known).

    ``raw`` is a simpler expression that has the same value modulo 2^``bits``
    (for ``bits`` = FLOAT: the same but for which NaN it is).
    ``truth`` is the condition of an expression whose value is 1 or 0.
    """

    text: str
    level: int = ATOM
    lo: Optional[int] = None
    hi: Optional[int] = None
    raw: Any = None
    bits: int = 0
    truth: Any = None

    @property
    def constant(self) -> Optional[int]:
        """The value, if it is known."""
        return self.lo if self.lo is not None and self.lo == self.hi else None


class Truth(NamedTuple):
    """A condition: an expression of which only the truth counts.

    ``name`` is a variable of whose interval the condition tells something:
    where it lies if the condition holds (``when``) and if not (``unless``).
    """

    text: str
    level: int
    name: str = ""
    when: Tuple[int, int] = (0, 0)
    unless: Tuple[int, int] = (0, 0)

    def negated(self) -> Truth:
        """The opposite."""
        if self.text.startswith("not ") and self.level == NOT:
            inner, level = self.text[4:], COMPARE
        else:
            inner, level = f"not {at(self, NOT)}", NOT
        return Truth(inner, level, self.name, self.unless, self.when)


def at(piece: Any, level: int) -> str:
    """The text as an operand where nothing may bind less than ``level``."""
    return piece.text if piece.level <= level else f"({piece.text})"


class Site(NamedTuple):
    """Where something may fail: the instruction, and its operands as texts.

    ``owed`` is fuel of regions to come that is charged already.
    """

    pc: int
    operands: Tuple[str, ...]
    owed: int = 0


class Value:
    """A value on the symbolic stack, not yet computed.

    ``names`` are the variables it reads that may be assigned again;
    ``state`` tells that it reads memory or a global; ``site`` is set if
    computing it may fail.
    """

    __slots__ = ("names", "piece", "site", "state")

    def __init__(
        self,
        piece: Piece,
        names: FrozenSet[str] = NO_NAMES,
        site: Optional[Site] = None,
        *,
        state: bool = False,
    ) -> None:
        self.piece = piece
        self.names = names
        self.site = site
        self.state = state

    @property
    def text(self) -> str:
        """The expression."""
        return self.piece.text

    @property
    def atom(self) -> bool:
        """Whether it can be evaluated any number of times for nothing: a name or a number."""
        if self.site is not None or self.state or self.piece.level != ATOM:
            return False
        return "(" not in self.piece.text and "[" not in self.piece.text

    @property
    def condition(self) -> Truth:
        """The condition that it is not zero."""
        piece = self.piece
        if piece.truth is not None:
            found: Truth = piece.truth
            return found
        if self.text in self.names and piece.lo is not None and piece.hi is not None:
            some = (max(piece.lo, 1), piece.hi)
            return Truth(piece.text, piece.level, self.text, some, (0, 0))
        return Truth(piece.text, piece.level)


def number(value: int) -> Piece:
    """A constant."""
    if value < 0:
        return Piece(str(value), UNARY, value, value)
    return Piece(str(value), ATOM, value, value)
