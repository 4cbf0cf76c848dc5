r"""JSON to and from guards, byte for byte as the gateway writes and reads it.

What belongs here: encoding a value as Go's ``encoding/json`` does, decoding
with its strictness and within limits, and trimming text as Go does.  What
does not: which value is sent (``inputs``) or what an answer means
(``responses``).

Where Go releases differ, this is what those since 1.22 do: ``\b`` and ``\f``
have their short escapes.  The gateway's values all come out of a JSON decoder,
which turns what is not UTF-8, and surrogates without a partner, into U+FFFD;
so U+FFFD stands in the encoding as itself.  One difference is ours: integers
stay exact (the gateway's pass through a float64), unless ``float64`` asks for
that.
"""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring
from typing import Any, Dict, List, Tuple, Union

from hostabi.errors import PayloadError

MAX_DEPTH = 500
"""Arrays and objects within each other, when encoding and when decoding."""
MAX_DIGITS = 4_300
"""Digits of an integer; CPython's own limit for the conversion of text."""
_TOO_LONG = 10**MAX_DIGITS

JSON = Any
"""What JSON can say: None, bool, int, float, str, list, tuple, dict with str keys."""

_HTML = {
    ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026",
    0x2028: "\\u2028", 0x2029: "\\u2029",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_BLANK = re.compile("[ \t\n\r]*")

# Go's unicode.IsSpace; Python's own strip also takes U+001C to U+001F.
GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def trim(text: str) -> str:
    """``text`` without the white space around it, as Go's ``strings.TrimSpace``."""
    return text.strip(GO_SPACE)


# -- encoding ----------------------------------------------------------------


def encode(value: JSON, *, float64: bool = False) -> bytes:
    r"""``value`` as the gateway would send it.

    Keys sorted bytewise at every level, no white space, ``< > &`` and the two
    line separators escaped, all else that is not ASCII as it is.  With
    ``float64`` integers lose digits beyond 2**53, as in the gateway.

    >>> encode({"b": [1, 2.0, 1e-7], "a": "<\u00e9>"})
    b'{"a":"\\u003c\xc3\xa9\\u003e","b":[1,2,1e-7]}'

    Raises: PayloadError for what is not JSON, NaN and infinities included,
    and for what is nested deeper than ``MAX_DEPTH``.
    """
    pieces: List[str] = []
    # Texts to write and values still to be encoded, the next one last; a value
    # goes with its depth. No recursion: depth is the limit, not Python's stack.
    todo: List[Union[str, Tuple[JSON, int]]] = [(value, 0)]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        value, depth = item
        if isinstance(value, (dict, list, tuple)):
            if depth >= MAX_DEPTH:
                raise PayloadError(f"nested deeper than {MAX_DEPTH}", "depth")
            if isinstance(value, dict):
                todo.extend(_members(value, depth + 1))
            else:
                todo.extend(_elements(value, depth + 1))
        else:
            pieces.append(_scalar(value, float64=float64))
    return "".join(pieces).encode("utf-8")


def check_nesting(value: JSON) -> None:
    """Raises: PayloadError for what ``encode`` finds nested deeper than ``MAX_DEPTH``."""
    level: List[JSON] = [value]
    for _ in range(MAX_DEPTH + 1):
        # By identity: what stands in several places is looked at once.
        arrays = {id(held): held for held in level if isinstance(held, (dict, list, tuple))}
        if not arrays:
            return
        level = []
        for held in arrays.values():
            level += held.values() if isinstance(held, dict) else held
    raise PayloadError(f"nested deeper than {MAX_DEPTH}", "depth")


def _members(value: Dict[Any, JSON], depth: int) -> List[Union[str, Tuple[JSON, int]]]:
    """What is to be written for an object, in reverse."""
    members: Dict[str, JSON] = {}
    for key, member in value.items():
        if not isinstance(key, str):
            raise PayloadError(f"an object's key is {type(key).__name__}, not a string", "key")
        members[_unicode(key)] = member
    todo: List[Union[str, Tuple[JSON, int]]] = ["}"]
    before = ""
    # Code points sort as their UTF-8 bytes do.
    for key in sorted(members, reverse=True):
        if before:
            todo.append(before)
        todo.append((members[key], depth))
        todo.append(_string(key) + ":")
        before = ","
    todo.append("{")
    return todo


def _elements(value: Any, depth: int) -> List[Union[str, Tuple[JSON, int]]]:
    """What is to be written for an array, in reverse."""
    todo: List[Union[str, Tuple[JSON, int]]] = ["]"]
    before = ""
    for element in reversed(value):
        if before:
            todo.append(before)
        todo.append((element, depth))
        before = ","
    todo.append("[")
    return todo


def _scalar(value: JSON, *, float64: bool) -> str:
    """A value that holds no others."""
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return _integer(value, float64=float64)
    if isinstance(value, float):
        return _float(value)
    raise PayloadError(f"{type(value).__name__} is no JSON value", "type")


def _unicode(text: str) -> str:
    """``text`` with U+FFFD for each surrogate, which no UTF-8 can say."""
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)


def _string(text: str) -> str:
    """A string with quotes and escapes."""
    return encode_basestring(_unicode(text)).translate(_HTML)


def _integer(value: int, *, float64: bool) -> str:
    """An integer: exact, or as a float64 holds it."""
    if float64:
        try:
            return _float(float(value))
        except OverflowError:
            raise PayloadError("an integer is beyond the range of float64", "number") from None
    if abs(value) >= _TOO_LONG:
        raise PayloadError(f"an integer has more than {MAX_DIGITS} digits", "number")
    return int.__repr__(value)


def _float(value: float) -> str:
    """A float64: the shortest digits that read back as it, with Go's choice of form.

    >>> _float(1e20), _float(1e21), _float(1e-6), _float(1e-7), _float(-0.0)
    ('100000000000000000000', '1e+21', '0.000001', '1e-7', '-0')
    """
    if not math.isfinite(value):
        raise PayloadError(f"{value} is no JSON number", "number")
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    size = abs(float(value))
    if size == 0:
        return sign + "0"
    # repr has the shortest digits too; only where it puts the point differs.
    mantissa, _, exponent = repr(size).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or "0")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if 1e-6 <= size < 1e21:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        whole = digits[:point].ljust(point, "0")
        return sign + whole + (f".{digits[point:]}" if digits[point:] else "")
    power = point - 1
    fraction = f".{digits[1:]}" if digits[1:] else ""
    # Go writes two digits of a positive exponent at least; it has three or two here.
    return f"{sign}{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power)}"


# -- decoding ----------------------------------------------------------------


def decode(data: Union[bytes, str], *, max_bytes: int = 0, strict: bool = False) -> JSON:
    """The one JSON value that ``data`` is.

    As the gateway's decoder: nothing may follow the value, ``NaN`` and
    ``Infinity`` are no numbers, nor is what a float64 cannot hold; of equal
    keys the last one wins; bytes that are not UTF-8 read as U+FFFD, one each,
    and so does half a surrogate pair.  Those three are refused when
    ``strict``: another reader may take them for something else.  Size
    (``max_bytes``, 0 for any), depth and length of integers are looked at
    before anything is built.

    Raises: PayloadError.
    """
    if max_bytes and len(data) > max_bytes:
        raise PayloadError(f"JSON of {len(data)} bytes, maximum {max_bytes}", "size")
    text = data if isinstance(data, str) else _text(data, strict=strict)
    _check_depth(text)
    start = _BLANK.match(text)
    assert start is not None
    try:
        value, end = (_STRICT if strict else _DECODER).raw_decode(text, start.end())
    except RecursionError:
        raise PayloadError("nested too deep for what is left of the stack", "depth") from None
    except json.JSONDecodeError as error:
        raise PayloadError(
            f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at character {error.pos}",
            "syntax", offset=error.pos,
        ) from None  # fmt: skip
    rest = _BLANK.match(text, end)
    assert rest is not None
    if rest.end() != len(text):
        raise PayloadError(
            f"not JSON: more follows the value at character {end}", "trailing", offset=end
        )
    if _SURROGATE_ESCAPE.search(text) or (strict and _SURROGATE.search(text)):
        value = _without_surrogates(value, strict=strict)
    return value


def decode_object(
    data: Union[bytes, str], *, max_bytes: int = 0, strict: bool = False
) -> Dict[str, JSON]:
    """The JSON object that ``data`` is; ``null`` is an empty one, as in the gateway.

    Raises: PayloadError, also for any other value.
    """
    value = decode(data, max_bytes=max_bytes, strict=strict)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayloadError(f"not a JSON object but {kind(value)}", "type")
    return value


def kind(value: JSON) -> str:
    """What a JSON value is, for messages.

    >>> kind([]), kind(None), kind(1.5)
    ('array', 'null', 'number')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    for type_, name in ((str, "string"), (dict, "object"), ((list, tuple), "array")):
        if isinstance(value, type_):
            return name
    return type(value).__name__


def text_of(data: bytes) -> str:
    """``data`` as text, with U+FFFD for every byte that is not UTF-8."""
    return _text(data)


def _text(data: bytes, *, strict: bool = False) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if strict:
            raise PayloadError(
                f"not JSON: byte {error.start} is not UTF-8", "unicode", offset=error.start
            ) from None
        # One U+FFFD for each byte, as Go; Python's "replace" has one for several.
        return _SURROGATE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def _check_depth(text: str) -> None:
    """Refuse what is nested deeper than ``MAX_DEPTH``, by counting brackets outside strings."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRUCTURE.finditer(text):
        sign = match.group()
        if sign in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise PayloadError(
                    f"nested deeper than {MAX_DEPTH}", "depth", offset=match.start()
                )
        elif sign in ("]", "}"):
            depth -= 1


def _read_integer(digits: str) -> Union[int, float]:
    """An integer's digits; ``-0`` is a float, or its sign would be lost."""
    if len(digits) > MAX_DIGITS:
        raise PayloadError(f"an integer has more than {MAX_DIGITS} digits", "number")
    if digits == "-0":
        return -0.0
    if not digits.isascii():
        raise PayloadError("not JSON: a digit that is not ASCII", "syntax")
    return int(digits)


def _read_float(digits: str) -> float:
    """A number with fraction or exponent."""
    value = float(digits)
    if math.isinf(value):
        raise PayloadError("a number is beyond the range of float64", "number")
    return value


def _refuse_constant(name: str) -> float:
    """``NaN`` and its like, which Python's decoder would take."""
    raise PayloadError(f"not JSON: {name} is no JSON number", "syntax")


def _unique(pairs: List[Tuple[str, JSON]]) -> Dict[str, JSON]:
    """An object none of whose keys stands twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise PayloadError(f"the key {key[:60]!r} stands twice in an object", "duplicate")
            seen.add(key)
    return members


_DECODER = json.JSONDecoder(
    parse_int=_read_integer, parse_float=_read_float, parse_constant=_refuse_constant
)
_STRICT = json.JSONDecoder(
    parse_int=_read_integer, parse_float=_read_float, parse_constant=_refuse_constant,
    object_pairs_hook=_unique,
)  # fmt: skip


def _fffd(text: str, *, strict: bool) -> str:
    """``text`` with U+FFFD for each surrogate.  Raises: PayloadError where they are refused."""
    clean = _unicode(text)
    if strict and clean != text:
        raise PayloadError("half of a surrogate pair is no character", "unicode")
    return clean


def _without_surrogates(value: JSON, *, strict: bool) -> JSON:
    """``value`` with U+FFFD for surrogates that were escaped without a partner."""
    root = [value]
    todo: List[Any] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            for key in list(node):
                member = node[key]
                clean = _fffd(key, strict=strict)
                if clean != key:
                    del node[key]
                if isinstance(member, str):
                    member = _fffd(member, strict=strict)
                node[clean] = member
                if isinstance(member, (dict, list)):
                    todo.append(member)
        else:
            for i, element in enumerate(node):
                if isinstance(element, str):
                    node[i] = _fffd(element, strict=strict)
                elif isinstance(element, (dict, list)):
                    todo.append(element)
    return root[0]
