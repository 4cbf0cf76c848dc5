"""Templates: the numerics' expressions with operands put in, as simple as intervals allow.

What belongs here: how the expression that the specialiser made of an
operator (``exec.generated``) is put together with operands whose intervals
are known: constants are folded, and a mask, a sign or a test goes where it
cannot change anything.  Every rule is one of Python's own arithmetic; what
an instruction means is not said here.

A template is translated once into functions of its operands, one for each
node of its syntax tree.
"""

from __future__ import annotations

import ast
import functools
import re
from typing import Any, Callable, Dict, Match, Optional, Sequence, Tuple

from wasmpy.exec import generated
from wasmpy.tiers.pysource.values import (
    ADD,
    AND,
    ATOM,
    COMPARE,
    CONDITIONAL,
    EITHER,
    FLOAT,
    MUL,
    NOT,
    OR,
    SHIFT,
    UNARY,
    XOR,
    Piece,
    Truth,
    Value,
    at,
    number,
)

Build = Callable[[Sequence[Value], int], Piece]
"""Operands, and the number of low bits that count (0: all; FLOAT: any NaN will do)."""


class _Opaque(Exception):  # noqa: N818 - not an error: the text is taken as it is
    """A node of a kind that no rule is about."""


class Template:
    """One template.

    ``uses[i]`` is how often operand ``i`` stands in it; ``straight`` tells
    that every operand is evaluated, whatever the others are.
    """

    def __init__(self, text: str) -> None:
        node = ast.parse(text, mode="eval").body
        names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
        self.uses = [names.count(f"_{i}") for i in range(3)]
        self.straight = not isinstance(node, ast.IfExp) or (
            isinstance(node.body, ast.Constant) and isinstance(node.orelse, ast.Constant)
        )
        try:
            self.build = _builder(node)
        except (KeyError, _Opaque):
            self.build = _textual(text)


@functools.lru_cache(maxsize=None)
def template(text: str) -> Template:
    """The template of a text."""
    return Template(text)


_OPERAND = re.compile(r"\b_([0-2])\b")


def _textual(text: str) -> Build:
    """A template with nodes of other kinds: its operands are put into the text."""

    def build(ops: Sequence[Value], bits: int) -> Piece:
        def operand(mark: Match[str]) -> str:
            return at(ops[int(mark.group(1))].piece, ATOM)

        return Piece(_OPERAND.sub(operand, text), CONDITIONAL)

    return build


# Nodes --------------------------------------------------------------------------


def _builder(node: ast.AST) -> Build:
    rule = _RULES.get(type(node), _as_it_is)
    return rule(node)


def _as_it_is(node: Any) -> Build:
    """A node about which nothing is known: its text, with the operands in it."""
    fields = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id[0] == "_"]
    if not fields:
        text = ast.unparse(node)
        return lambda ops, bits: Piece(text, ATOM)
    raise _Opaque(ast.dump(node))


def _name(node: Any) -> Build:
    if node.id in ("_0", "_1", "_2"):
        i = int(node.id[1])

        def operand(ops: Sequence[Value], bits: int) -> Piece:
            piece = ops[i].piece
            if bits and piece.raw is not None and (
                piece.bits == FLOAT if bits == FLOAT else piece.bits >= bits
            ):
                raw: Piece = piece.raw
                return raw
            value = piece.constant
            plain = piece.level == ATOM and piece.text.isdigit()
            return piece if value is None or plain else number(value)

        return operand
    text = node.id
    return lambda ops, bits: Piece(text, ATOM)


def _constant(node: Any) -> Build:
    value = node.value
    if isinstance(value, int):
        made = number(value)
        return lambda ops, bits: made
    text = repr(value)
    return lambda ops, bits: Piece(text, ATOM)


def _known(*pieces: Piece) -> bool:
    return all(p.lo is not None for p in pieces)


def _add(a: Piece, b: Piece, bits: int) -> Piece:
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x + y)
    if x is not None:
        a, b, x, y = b, a, y, x
    if y is not None:
        if bits > 0 and y >= 1 << bits - 1:
            y -= 1 << bits
        if y == 0:
            return a
        lo, hi = (a.lo + y, a.hi + y) if a.lo is not None and a.hi is not None else (None, None)
        sign = "-" if y < 0 else "+"
        return Piece(f"{at(a, ADD)} {sign} {abs(y)}", ADD, lo, hi)
    text = f"{at(a, ADD)} + {at(b, ADD - 1)}"
    if a.lo is None or b.lo is None or a.hi is None or b.hi is None:
        return Piece(text, ADD)
    return Piece(text, ADD, a.lo + b.lo, a.hi + b.hi)


def _sub(a: Piece, b: Piece, bits: int) -> Piece:
    x, y = a.constant, b.constant
    if y is not None:
        return _add(a, number(-y % (1 << bits) if bits > 0 else -y), bits)
    if a.lo is None or b.lo is None or a.hi is None or b.hi is None:
        return Piece(f"{at(a, ADD)} - {at(b, ADD - 1)}", ADD)
    if x == 0:
        return Piece(f"-{at(b, UNARY)}", UNARY, -b.hi, -b.lo)
    return Piece(f"{at(a, ADD)} - {at(b, ADD - 1)}", ADD, a.lo - b.hi, a.hi - b.lo)


def _mul(a: Piece, b: Piece, bits: int) -> Piece:
    text = f"{at(a, MUL)} * {at(b, MUL - 1)}"
    if a.lo is None or b.lo is None or a.hi is None or b.hi is None:
        return Piece(text, MUL)
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x * y)
    corners = (a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi)
    return Piece(text, MUL, min(corners), max(corners))


def _and(a: Piece, b: Piece) -> Piece:
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x & y)
    highs = [p.hi for p in (a, b) if p.lo is not None and p.lo >= 0 and p.hi is not None]
    bounds = (0, min(highs)) if highs else (None, None)
    return Piece(f"{at(a, AND)} & {at(b, AND - 1)}", AND, *bounds)


def _width(a: Piece, b: Piece) -> Tuple[Optional[int], Optional[int]]:
    """The interval of a bitwise disjunction, exclusive or not."""
    if a.lo is None or b.lo is None or a.hi is None or b.hi is None:
        return None, None
    n = max(a.lo.bit_length(), a.hi.bit_length(), b.lo.bit_length(), b.hi.bit_length())
    return (0 if a.lo >= 0 and b.lo >= 0 else -(1 << n)), (1 << n) - 1


def _or(a: Piece, b: Piece) -> Piece:
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x | y)
    if x == 0 or y == 0:
        return b if x == 0 else a
    return Piece(f"{at(a, OR)} | {at(b, OR - 1)}", OR, *_width(a, b))


def _xor(a: Piece, b: Piece) -> Piece:
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x ^ y)
    return Piece(f"{at(a, XOR)} ^ {at(b, XOR - 1)}", XOR, *_width(a, b))


def _shl(a: Piece, b: Piece) -> Piece:
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x << y)
    if y == 0:
        return a
    text = f"{at(a, SHIFT)} << {at(b, SHIFT - 1)}"
    if a.lo is None or a.hi is None or b.hi is None or b.lo is None or b.hi > 64:
        return Piece(text, SHIFT)
    return Piece(text, SHIFT, min(a.lo << b.lo, a.lo << b.hi), max(a.hi << b.hi, a.hi << b.lo))


def _shr(a: Piece, b: Piece) -> Piece:
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return number(x >> y)
    if y == 0:
        return a
    text = f"{at(a, SHIFT)} >> {at(b, SHIFT - 1)}"
    if a.lo is None or a.hi is None or b.lo is None or b.hi is None:
        return Piece(text, SHIFT)
    return Piece(text, SHIFT, min(a.lo >> b.lo, a.lo >> b.hi), max(a.hi >> b.hi, a.hi >> b.lo))


def _quotient(a: Piece, b: Piece) -> Piece:
    known = _known(a, b) and a.lo is not None and a.lo >= 0
    return Piece(f"{at(a, MUL)} // {at(b, MUL - 1)}", MUL, *((0, a.hi) if known else (None, None)))


def _remainder(a: Piece, b: Piece) -> Piece:
    known = b.lo is not None and b.lo >= 0 and b.hi is not None
    bounds = (0, max(0, (b.hi or 0) - 1)) if known else (None, None)
    return Piece(f"{at(a, MUL)} % {at(b, MUL - 1)}", MUL, *bounds)


_MODULAR: Dict[type, Callable[[Piece, Piece, int], Piece]] = {
    ast.Add: _add, ast.Sub: _sub, ast.Mult: _mul,
    ast.BitOr: lambda a, b, bits: _or(a, b), ast.BitXor: lambda a, b, bits: _xor(a, b),
}  # fmt: skip
_PLAIN: Dict[type, Callable[[Piece, Piece], Piece]] = {
    ast.RShift: _shr, ast.FloorDiv: _quotient, ast.Mod: _remainder,
}  # fmt: skip


def _masked(inner: Piece, bits: int) -> Piece:
    """The low ``bits`` of an expression that has no other use."""
    mask = (1 << bits) - 1
    value = inner.constant
    if value is not None:
        return number(value & mask)
    if inner.lo is not None and inner.hi is not None:
        if inner.lo >= 0 and inner.hi <= mask:
            return inner
        # The remainder is cheaper than a mask as long as it has nothing to do.
        near = inner.lo >= -mask - 1 and inner.hi <= 2 * mask + 1
        sound = -(4 << 2 * bits) < inner.lo and inner.hi < 4 << 2 * bits
        raw = inner._replace(raw=None) if sound else None
        if near:
            return Piece(f"{at(inner, MUL)} % {mask + 1}", MUL, 0, mask, raw, bits)
        return Piece(f"{at(inner, AND)} & {mask}", AND, 0, mask, raw, bits)
    return Piece(f"{at(inner, AND)} & {mask}", AND, 0, mask)


def _conjunction(node: Any) -> Build:
    """``&``: with a constant, only so many low bits of the other operand count."""
    left, right = _builder(node.left), _builder(node.right)

    def build(ops: Sequence[Value], bits: int) -> Piece:
        b = right(ops, bits if bits > 0 else 0)
        first, mask = left, b.constant
        if mask is None:
            a = left(ops, bits if bits > 0 else 0)
            mask = a.constant
            if mask is None:
                return _and(a, b)
            first = right
        if mask < 0:
            return _and(first(ops, 0), number(mask))
        width = mask.bit_length()
        if mask != (1 << width) - 1:
            return _and(first(ops, width), number(mask))
        if 0 < bits <= width:
            return first(ops, bits)
        return _masked(first(ops, width), width) if width else number(0)

    return build


def number_of(node: ast.Constant) -> int:
    """The value of a constant that is a whole number."""
    assert isinstance(node.value, int)
    return node.value


def _sign_extension(node: Any) -> Optional[Build]:
    """``(e ^ C) - C``: ``e`` itself where its sign is known."""
    inner, outer = node.left, node.right
    if not (
        isinstance(node.op, ast.Sub)
        and isinstance(inner, ast.BinOp)
        and isinstance(inner.op, ast.BitXor)
        and isinstance(inner.right, ast.Constant)
        and isinstance(outer, ast.Constant)
        and inner.right.value == outer.value
    ):
        return None
    sign, operand = number_of(outer), _builder(inner.left)

    def build(ops: Sequence[Value], bits: int) -> Piece:
        e = operand(ops, 0)
        value = e.constant
        if value is not None:
            return number((value ^ sign) - sign)
        if e.lo is not None and e.hi is not None:
            if e.hi < sign:
                return e
            if e.lo >= sign:
                return Piece(f"{at(e, ADD)} - {2 * sign}", ADD, e.lo - 2 * sign, e.hi - 2 * sign)
        return Piece(f"({at(e, XOR)} ^ {sign}) - {sign}", ADD, -sign, sign - 1)

    return build


def _binary(node: Any) -> Build:
    kind = type(node.op)
    if kind is ast.BitAnd:
        return _conjunction(node)
    extension = _sign_extension(node)
    if extension is not None:
        return extension
    left, right = _builder(node.left), _builder(node.right)
    if kind in _MODULAR:
        modular = _MODULAR[kind]
        return lambda ops, bits: modular(left(ops, bits), right(ops, bits), bits)
    if kind is ast.LShift:
        return lambda ops, bits: _shl(left(ops, bits), right(ops, 0))
    if kind is ast.Div:
        return lambda ops, bits: Piece(
            f"{at(left(ops, FLOAT), MUL)} / {at(right(ops, FLOAT), MUL - 1)}", MUL
        )
    plain = _PLAIN[kind]
    return lambda ops, bits: plain(left(ops, 0), right(ops, 0))


def _unary(node: Any) -> Build:
    operand = _builder(node.operand)

    def build(ops: Sequence[Value], bits: int) -> Piece:
        e = operand(ops, bits if bits > 0 else 0)
        value = e.constant
        if value is not None:
            return number(-value)
        bounds = (-e.hi, -e.lo) if e.lo is not None and e.hi is not None else (None, None)
        return Piece(f"-{at(e, UNARY)}", UNARY, *bounds)

    return build


# Conditions -----------------------------------------------------------------------

_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_HOLDS: Dict[str, Callable[[int, int], bool]] = {
    "==": lambda x, y: x == y, "!=": lambda x, y: x != y, "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y, ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
}  # fmt: skip

Condition = Callable[[Sequence[Value]], Truth]


def _flipped(node: Any) -> Optional[Tuple[Build, int]]:
    """The operand and the sign bit of ``e ^ C``."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor)):
        return None
    if isinstance(node.right, ast.Constant):
        value = number_of(node.right)
        if value & (value - 1) == 0:
            return _builder(node.left), value
    return None


def _condition(node: Any) -> Condition:
    """A node of which only the truth counts."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        op = _COMPARISONS[type(node.ops[0])]
        one, other = _flipped(node.left), _flipped(node.comparators[0])
        if one is not None and other is not None:
            return lambda ops: _signed(one[0](ops, 0), op, other[0](ops, 0), one[1])
        left, right = _builder(node.left), _builder(node.comparators[0])
        return lambda ops: _compared(left(ops, FLOAT), op, right(ops, FLOAT))
    if isinstance(node, ast.Name) and node.id in ("_0", "_1"):
        i = int(node.id[1])
        return lambda ops: ops[i].condition
    build = _builder(node)

    def as_value(ops: Sequence[Value]) -> Truth:
        piece = build(ops, 0)
        return Truth(piece.text, piece.level)

    return as_value


def _compared(a: Piece, op: str, b: Piece) -> Truth:
    """A comparison; of integers with what it tells of a variable."""
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return Truth(str(_HOLDS[op](x, y)), ATOM)
    if x is not None and y is None:
        a, b, x, y, op = b, a, y, x, _MIRRORED[op]
    if y == 0 and a.lo is not None and a.lo >= 0:
        if op in ("!=", ">"):
            return Truth(a.text, a.level)._replace(**_told(a, 1, a.hi, 0, 0))
        if op in ("==", "<="):
            return Truth(f"not {at(a, NOT)}", NOT)._replace(**_told(a, 0, 0, 1, a.hi))
    text = f"{at(a, COMPARE - 1)} {op} {at(b, COMPARE - 1)}"
    if a.lo is None or b.lo is None or a.hi is None or b.hi is None:
        return Truth(text, COMPARE)
    told: Dict[str, Any] = {}
    if op == "<":
        told = _told(a, a.lo, b.hi - 1, b.lo, a.hi)
    elif op == "<=":
        told = _told(a, a.lo, b.hi, b.lo + 1, a.hi)
    elif op == ">":
        told = _told(a, b.lo + 1, a.hi, a.lo, b.hi)
    elif op == ">=":
        told = _told(a, b.lo, a.hi, a.lo, b.hi - 1)
    elif op == "==":
        told = _told(a, b.lo, b.hi, a.lo, a.hi)
    return Truth(text, COMPARE, **told)


def _told(a: Piece, lo: Any, hi: Any, otherwise_lo: Any, otherwise_hi: Any) -> Dict[str, Any]:
    """What a condition says of ``a``, if that is a variable."""
    if a.level != ATOM or not a.text.startswith("l") or not a.text[1:].isdigit() or a.hi is None:
        return {}
    assert a.lo is not None
    return {
        "name": a.text,
        "when": (max(lo, a.lo), min(hi, a.hi)),
        "unless": (max(otherwise_lo, a.lo), min(otherwise_hi, a.hi)),
    }


def _signed(a: Piece, op: str, b: Piece, sign: int) -> Truth:
    """A comparison of what ``a`` and ``b`` are with their sign bit flipped."""
    x, y = a.constant, b.constant
    if x is not None and y is not None:
        return Truth(str(_HOLDS[op](x ^ sign, y ^ sign)), ATOM)
    if x is not None:
        return _signed(b, _MIRRORED[op], a, sign)
    if (_positive(a, sign) and _positive(b, sign)) or (_negative(a, sign) and _negative(b, sign)):
        return _compared(a, op, b)
    if y is not None:
        return _signed_constant(a, op, y, sign)
    if op in (">", "<="):
        return _signed(b, _MIRRORED[op], a, sign)
    if _positive(b, sign) and b.level == ATOM:
        # a < b, or a is negative.
        truth = Truth(f"{b.text} <= {at(a, COMPARE - 1)} < {sign}", COMPARE)
        return truth.negated() if op == "<" else truth
    text = f"{at(a, XOR)} ^ {sign} {op} {at(b, XOR)} ^ {sign}"
    return Truth(text, COMPARE)


def _positive(piece: Piece, sign: int) -> bool:
    return piece.lo is not None and piece.hi is not None and piece.lo >= 0 and piece.hi < sign


def _negative(piece: Piece, sign: int) -> bool:
    return piece.lo is not None and piece.lo >= sign


def _signed_constant(a: Piece, op: str, y: int, sign: int) -> Truth:
    """A signed comparison with a constant: one range of unsigned values."""
    top = 2 * sign - 1
    if op in ("<=", ">"):  # by the one above it
        if y == sign - 1:
            return Truth("True" if op == "<=" else "False", ATOM)
        y = (y + 1) & top
        op = "<" if op == "<=" else ">="
    if y == sign:
        return Truth("False" if op == "<" else "True", ATOM)
    text, level = at(a, COMPARE - 1), COMPARE
    lo, hi = a.lo or 0, top if a.hi is None else a.hi
    if y == 0:
        told = _told(a, sign, hi, lo, sign - 1)
        truth = Truth(f"{text} > {sign - 1}", level, **told)
    elif y < sign:
        # a < y unless y <= a < sign.
        told = _told(a, lo, hi, y, sign - 1)
        truth = Truth(f"not {y} <= {text} < {sign}", NOT, **told)
    else:
        told = _told(a, sign, y - 1, lo, hi)
        truth = Truth(f"{sign} <= {text} < {y}", level, **told)
    return truth if op == "<" else truth.negated()


def _conditional(node: Any) -> Build:
    test, body, other = node.test, node.body, node.orelse
    if isinstance(body, ast.Constant) and isinstance(other, ast.Constant):
        pair = (body.value, other.value)
        if pair in ((1, 0), (0, 1)):
            return _truth_value(_condition(test), positive=pair == (1, 0))
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.NamedExpr):
        if not isinstance(other, ast.Name):
            raise _Opaque(ast.dump(node))
        return _canonical(node)
    holds, yes, no = _condition(test), _builder(body), _builder(other)

    def build(ops: Sequence[Value], bits: int) -> Piece:
        truth = holds(ops)
        if truth.text == "True" or (isinstance(test, ast.Name) and _never_zero(ops, test.id)):
            return yes(ops, bits)
        a, b = yes(ops, 0), no(ops, 0)
        text = f"{at(a, EITHER)} if {at(truth, EITHER)} else {at(b, CONDITIONAL)}"
        if a.lo is None or b.lo is None or a.hi is None or b.hi is None:
            return Piece(text, CONDITIONAL)
        return Piece(text, CONDITIONAL, min(a.lo, b.lo), max(a.hi, b.hi))

    return build


def _never_zero(ops: Sequence[Value], name: str) -> bool:
    lo = ops[int(name[1])].piece.lo
    return lo is not None and lo > 0


def _truth_value(holds: Condition, *, positive: bool) -> Build:
    def build(ops: Sequence[Value], bits: int) -> Piece:
        truth = holds(ops) if positive else holds(ops).negated()
        if truth.text in ("True", "False"):
            return number(int(truth.text == "True"))
        if truth.text in ("not True", "not False"):
            return number(int(truth.text == "not False"))
        return Piece(
            f"1 if {at(truth, EITHER)} else 0", CONDITIONAL, 0, 1, truth=truth
        )

    return build


def _canonical(node: Any) -> Build:
    """``z if (z := e) == z else NAN``: ``e``, where it does not matter which NaN it is."""
    name, value, other = node.body.id, _builder(node.test.left.value), ast.unparse(node.orelse)

    def build(ops: Sequence[Value], bits: int) -> Piece:
        inner = value(ops, FLOAT)
        if bits == FLOAT:
            return inner
        text = f"{name} if ({name} := {at(inner, CONDITIONAL)}) == {name} else {other}"
        return Piece(text, CONDITIONAL, raw=inner, bits=FLOAT)

    return build


# Calls ----------------------------------------------------------------------------

_LOADED = {"load_H": (1 << 16) - 1, "load_I": (1 << 32) - 1, "load_Q": (1 << 64) - 1}
_BUFFER = re.compile(r"m\d+")


def _call(node: Any) -> Build:
    function = ast.unparse(node.func) if not _has_operand(node.func) else ""
    receiver = _builder(node.func.value) if not function else None
    method = node.func.attr if not function else ""
    arguments = [_builder(a) for a in node.args]
    any_nan = FLOAT if function in ("fround", "math.sqrt", "fdiv") else 0
    if function == "fround" and ast.unparse(node.args[0]) == "32":
        return _rounded(arguments[1])

    def build(ops: Sequence[Value], bits: int) -> Piece:
        texts = [at(a(ops, any_nan), CONDITIONAL) for a in arguments]
        head = function
        if receiver is not None:
            piece = receiver(ops, 0)
            text = f"({piece.text})" if piece.text.isdigit() else at(piece, ATOM)
            head = f"{text}.{method}"
            if method == "bit_length":
                return Piece(f"{head}()", ATOM, 0, 64)
        return Piece(f"{head}({', '.join(texts)})", ATOM)

    return build


def _rounded(argument: Build) -> Build:
    """A result rounded to 32 bits: in line, but for the few for which there is more to do."""

    def build(ops: Sequence[Value], bits: int) -> Piece:
        inner = at(argument(ops, FLOAT), CONDITIONAL)
        return Piece(generated.FROUND.replace("_0", inner, 1), CONDITIONAL)

    return build


def _has_operand(node: Any) -> bool:
    return any(isinstance(n, ast.Name) and n.id[0] == "_" for n in ast.walk(node))


def _subscript(node: Any) -> Build:
    value, index = _builder(node.value), _builder(node.slice)
    base = node.value.func if isinstance(node.value, ast.Call) else node.value
    name = base.id if isinstance(base, ast.Name) else ""
    highest = 255 if _BUFFER.fullmatch(name) else _LOADED.get(name)
    bounds = (0, highest) if highest is not None else (None, None)
    return lambda ops, bits: Piece(
        f"{at(value(ops, 0), ATOM)}[{index(ops, 0).text}]", ATOM, *bounds
    )


def _attribute(node: Any) -> Build:
    if _has_operand(node):
        value, name = _builder(node.value), node.attr
        return lambda ops, bits: Piece(f"{at(value(ops, 0), ATOM)}.{name}", ATOM)
    text = ast.unparse(node)
    return lambda ops, bits: Piece(text, ATOM)


_RULES: Dict[type, Callable[[Any], Build]] = {
    ast.Name: _name, ast.Constant: _constant, ast.BinOp: _binary, ast.UnaryOp: _unary,
    ast.IfExp: _conditional, ast.Call: _call, ast.Subscript: _subscript, ast.Attribute: _attribute,
}  # fmt: skip
