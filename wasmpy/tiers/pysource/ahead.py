"""Running ahead: how many turns of a loop certainly go on, by what stands in memory.

What belongs here: what the text of ``idioms`` calls.  Each function looks at
``n`` bytes from ``at`` on, all of them inside the memory ``m``, and answers
how many of them, from the first on, do not make the loop leave.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Tuple

_BYTES = [bytes((i,)) for i in range(256)]
_WINDOW = 64
_KEPT = 256
"""Matchers that are kept at most."""

_matchers: Dict[int, Callable[..., Any]] = {}
_tables: Dict[Tuple[bytes, int], Callable[..., Any]] = {}


def _matcher(going: int) -> Callable[..., Any]:
    """What matches bytes ``b`` with bit ``b`` of ``going`` set, as many as there are."""
    inside = b"".join(b"\\x%02x" % b for b in range(256) if going >> b & 1)
    pattern = b"[" + inside + b"]*" if inside else b""
    return re.compile(pattern, re.DOTALL).match


def ahead_among(m: Any, at: int, n: int, going: int) -> int:
    """Bytes that are in the set ``going``: bit ``b`` of it is set if byte ``b`` is."""
    match = _matchers.get(going)
    if match is None:
        if len(_matchers) >= _KEPT:
            _matchers.clear()
        match = _matchers[going] = _matcher(going)
    end: int = match(m, at, at + n).end()
    return end - at


def ahead_until(m: Any, at: int, n: int, byte: int) -> int:
    """Bytes that are not ``byte``, a number that may be none."""
    if byte > 255:
        return n
    found: int = m.find(_BYTES[byte], at, at + n)
    return n if found < 0 else found - at


def ahead_while(m: Any, at: int, n: int, byte: int) -> int:
    """Bytes that are ``byte``, a number that may be none."""
    return ahead_among(m, at, n, 1 << byte) if byte < 256 else 0


def ahead_table(m: Any, at: int, n: int, table: int, going: int) -> int:
    """Bytes for which the table of 256 bytes at ``table`` has one of the set ``going``."""
    if table + 256 > len(m):
        return 0
    content = m[table : table + 256]
    key = bytes(content), going
    match = _tables.get(key)
    if match is None:
        if len(_tables) >= _KEPT:
            _tables.clear()
        chosen = sum(1 << b for b, found in enumerate(content) if going >> found & 1)
        match = _tables[key] = _matcher(chosen)
    end: int = match(m, at, at + n).end()
    return end - at


def ahead_same(m: Any, at: int, other: int, n: int) -> int:
    """Bytes that are equal at ``at`` and ``other``."""
    done, size = 0, _WINDOW
    while done < n:
        size = min(size, n - done)
        a, b = at + done, other + done
        one, two = m[a : a + size], m[b : b + size]
        if one == two:
            done += size
            size *= 4
        elif size <= _WINDOW:
            differ = int.from_bytes(one, "little") ^ int.from_bytes(two, "little")
            return done + ((differ & -differ).bit_length() - 1 >> 3)
        else:
            size //= 8
    return n


HELPERS: Dict[str, Callable[..., int]] = {
    function.__name__: function
    for function in (ahead_among, ahead_until, ahead_while, ahead_table, ahead_same)
}
"""The names that generated text calls these functions by."""

FRAMES = frozenset([function.__code__ for function in (
    ahead_among, ahead_until, ahead_while, ahead_table, ahead_same, _matcher
)])  # fmt: skip
"""The code of these functions: what fails there is a defect."""
