"""Expected and actual: what differs, in lines for people.

What belongs here: comparing by the kinds of ``vocabulary``, and the texts of
differences.  What does not: finding out what happened (``observed``).

Texts of guards and files are shown with what cannot be printed escaped.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from hostabi import abi
from hostabi.errors import PayloadError, one_line
from hostabi.labels import Place, Tags
from hostabi.payload import encode
from wasmpy.testing.vocabulary import Field, Kind

MAX_LINES = 20
"""Lines of one difference; the rest is counted."""
MAX_SHOWN = 300
"""Characters of a value in a difference."""


class Difference(NamedTuple):
    """What is not as expected: where in the case file, and how.

    ``expected`` and ``actual`` are plain values; ``lines`` say it to people.
    """

    path: str
    lines: Tuple[str, ...]
    expected: Any = None
    actual: Any = None

    @property
    def text(self) -> str:
        """The path and the lines below it."""
        if len(self.lines) == 1 and self.lines[0][0] not in "+-/":
            return f"{self.path}: {self.lines[0]}"
        return "\n".join([self.path, *(f"  {line}" for line in self.lines)])

    def to_json(self) -> Dict[str, Any]:
        """The difference as a JSON object."""
        return {
            "path": self.path, "expected": self.expected, "actual": self.actual,
            "lines": list(self.lines),
        }  # fmt: skip


class Seen(NamedTuple):
    """Tags that a guard gave, and where in its output they stand."""

    tags: Tags
    place: Place


def differences(
    table: Dict[str, Field], expect: Dict[str, Any], actual: Dict[str, Any], path: str
) -> List[Difference]:
    """Where ``actual`` is not what is expected; keys that nothing is expected of do not count."""
    found: List[Difference] = []
    for key, expected in expect.items():
        where = f"{path}.{key}" if path else key
        found += difference(table[key], expected, actual.get(key), where)
    return found


def difference(field: Field, expected: Any, actual: Any, path: str) -> List[Difference]:
    """Where one value is not what is expected."""
    if field.kind is Kind.OBJECT:
        assert field.fields is not None
        if actual is None:
            return [_values(path, expected, None)]
        return differences(field.fields, expected, actual, path)
    if field.kind is Kind.ITEMS:
        return _items(field, expected, actual, path)
    found = _COMPARED.get(field.kind, _plain)(expected, actual, path)
    return [] if found is None else [found]


def tags_differ(expected: Sequence[str], actual: Optional[Seen], path: str) -> Optional[Difference]:
    """Two sets of tags, tag by tag."""
    if actual is None:
        return _values(path, list(expected), None)
    have = set(actual.tags)
    missing = [tag for tag in dict.fromkeys(expected) if tag not in have]
    known = set(expected)
    lines = [f"- {shown(tag)}  expected, not there" for tag in missing]
    for i, tag in enumerate(actual.tags):
        if tag not in known:
            known.add(tag)
            where = actual.place.path(i)
            lines.append(
                f"+ {shown(tag)}  not expected" + (f", at {one_line(where)}" if where else "")
            )
    if not lines:
        return None
    return Difference(path, _cut(lines), list(expected), list(actual.tags))


# -- kinds ------------------------------------------------------------------------------


def _plain(expected: Any, actual: Any, path: str) -> Optional[Difference]:
    """A value that is one thing."""
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return None if same else _values(path, expected, actual)


def _at_most(expected: int, actual: Optional[int], path: str) -> Optional[Difference]:
    """A number that must not be larger."""
    if actual is not None and actual <= expected:
        return None
    line = f"at most {expected} expected, got {shown(actual)}"
    return Difference(path, (line,), expected, actual)


def _json(expected: Any, actual: Any, path: str) -> Optional[Difference]:
    """Any JSON: where in it the two differ."""
    try:
        if encode(expected) == encode(actual):
            return None
    except PayloadError:
        pass  # what a backend or a guard gave is no JSON: it shows below
    lines: List[str] = []
    todo: List[Tuple[Any, Any, str]] = [(expected, actual, "")]
    while todo and len(lines) <= MAX_LINES:
        want, got, at = todo.pop()
        if isinstance(want, dict) and isinstance(got, dict):
            lines += [f"- {at}/{shown(key)}  expected, not there" for key in want if key not in got]
            lines += [f"+ {at}/{shown(key)}  not expected" for key in got if key not in want]
            both = [key for key in want if key in got]
            todo += [(want[key], got[key], f"{at}/{shown(key)}") for key in reversed(both)]
        elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
            pairs = list(zip(want, got))
            todo += [(*pairs[i], f"{at}/{i}") for i in reversed(range(len(pairs)))]
        elif _plain(want, got, "") is not None:
            lines.append(f"{at or '/'}: expected {shown(want)}, got {shown(got)}")
    if not lines:
        return None
    return Difference(path, _cut(lines), expected, actual)


def _items(field: Field, expected: List[Any], actual: Any, path: str) -> List[Difference]:
    """Item by item."""
    assert field.fields is not None
    if actual is None:
        line = f"{len(expected)} items expected, got no labels of items"
        return [Difference(path, (line,), expected)]
    found: List[Difference] = []
    if len(expected) != len(actual):
        line = f"{len(expected)} items expected, got {len(actual)}"
        found.append(Difference(path, (line,), len(expected), len(actual)))
    for i, (want, got) in enumerate(zip(expected, actual)):
        differ = differences(field.fields, want, got, f"{path}[{i}]")
        why = got.get("why")
        if why and any(one.path.endswith((".kept", ".rule")) for one in differ):
            last = differ[-1]
            differ[-1] = last._replace(lines=(*last.lines, f"since {why}"))
        found += differ
    return found


def _logs(expected: List[Any], actual: List[Dict[str, Any]], path: str) -> Optional[Difference]:
    """Every line."""
    pairs = zip(expected, actual)
    same = len(expected) == len(actual) and all(line_fits(want, got) for want, got in pairs)
    if same:
        return None
    lines = []
    for i in range(max(len(expected), len(actual))):
        want = expected[i] if i < len(expected) else None
        got = actual[i] if i < len(actual) else None
        if want is not None and got is not None and line_fits(want, got):
            continue
        if want is not None:
            lines.append(f"- [{i}] {shown(want)}")
        if got is not None:
            lines.append(f"+ [{i}] {got['level']}: {shown(got['text'])}")
    return Difference(path, _cut(lines), expected, actual)


def _logs_include(
    expected: List[Any], actual: List[Dict[str, Any]], path: str
) -> Optional[Difference]:
    """Some of the lines, in order."""
    found = lines_found(expected, actual)
    if len(found) == len(expected):
        return None
    i = next(i for i in range(len(expected)) if i not in found)
    after = " after those before it" if i else ""
    lines = [f"- [{i}] {shown(expected[i])}  expected, not there{after}", "the log is:"]
    lines += [f"  {line['level']}: {shown(line['text'])}" for line in actual] or ["  empty"]
    return Difference(path, _cut(lines), expected, actual)


def lines_found(expected: Sequence[Any], actual: Sequence[Dict[str, Any]]) -> List[int]:
    """The numbers of the wanted lines that are in the log, each after those before it."""
    found, begin = [], 0
    for i, want in enumerate(expected):
        at = begin
        while at < len(actual) and not line_fits(want, actual[at]):
            at += 1
        if at < len(actual):
            found.append(i)
            begin = at + 1
    return found


def line_fits(want: Any, line: Dict[str, Any]) -> bool:
    """Whether a line of the log is as wanted: its text, or what an object says of it."""
    if isinstance(want, str):
        return bool(want == line["text"])
    level = want.get("level", line["level"])
    if isinstance(level, int) and 0 <= level < len(abi.LOG_LEVELS):
        level = abi.LOG_LEVELS[level]
    return bool(
        level == line["level"]
        and want.get("source", line["source"]) == line["source"]
        and want.get("text", line["text"]) == line["text"]
        and want.get("contains", "") in line["text"]
    )


def _questions(
    expected: List[Any], actual: List[Dict[str, Any]], path: str
) -> Optional[Difference]:
    """Every question to the backend."""

    def fits(want: Dict[str, Any], got: Dict[str, Any]) -> bool:
        return all(_json(want[key], got[key], "") is None for key in want)

    if len(expected) == len(actual) and all(map(fits, expected, actual)):
        return None
    lines = []
    for i in range(max(len(expected), len(actual))):
        want = expected[i] if i < len(expected) else None
        got = actual[i] if i < len(actual) else None
        if want is None or got is None or not fits(want, got):
            lines += [f"- [{i}] {shown(want)}"] if want is not None else []
            lines += [f"+ [{i}] {shown(got)}"] if got is not None else []
    return Difference(path, _cut(lines), expected, actual)


def _error(expected: Any, actual: Optional[Dict[str, Any]], path: str) -> Optional[Difference]:
    """An error: its class or one above it, and the fields that are named."""
    want = {"error": expected} if isinstance(expected, str) else expected
    if actual is None:
        return Difference(path, (f"{shown(want['error'])} expected, but nothing failed",), expected)
    lines = _error_lines(want, actual, "")
    if not lines:
        return None
    lines.append(f"the error is {shown(actual['error'])}: {shown(actual['text'])}")
    return Difference(path, _cut(lines), expected, actual)


def _error_lines(want: Dict[str, Any], actual: Dict[str, Any], at: str) -> List[str]:
    """Where an error is not as wanted."""
    lines = []
    for key, value in want.items():
        if key == "error":
            if value not in actual["classes"]:
                lines.append(f"{at}error: expected {shown(value)}, got {shown(actual['error'])}")
        elif key not in actual:
            known = ", ".join(name for name in actual if name not in ("error", "classes"))
            lines.append(f"{at}{one_line(key)}: the error has no such field (it has {known})")
        elif key == "cause":
            cause = {"error": value} if isinstance(value, str) else value
            if actual[key] is None:
                lines.append(f"{at}cause: expected {shown(cause['error'])}, got none")
            else:
                lines += _error_lines(cause, actual[key], f"{at}cause.")
        else:
            lines += _field_lines(value, actual[key], f"{at}{one_line(key)}")
    return lines


def _field_lines(want: Any, actual: Any, at: str) -> List[str]:
    """Where a field of an error is not as wanted; of an object the keys that are named."""
    if isinstance(want, dict) and isinstance(actual, dict):
        lines = []
        for key, value in want.items():
            lines += _field_lines(value, actual.get(key), f"{at}.{one_line(key)}")
        return lines
    if _json(want, actual, "") is None:
        return []
    return [f"{at}: expected {shown(want)}, got {shown(actual)}"]


_COMPARED: Dict[Kind, Callable[[Any, Any, str], Optional[Difference]]] = {
    Kind.TAGS: tags_differ,
    Kind.JSON: _json,
    Kind.AT_MOST: _at_most,
    Kind.LOGS: _logs,
    Kind.LOGS_INCLUDE: _logs_include,
    Kind.QUESTIONS: _questions,
    Kind.ERROR: _error,
}


# -- texts --------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """A value in a line, cut where it is long; a text without quotes unless it has blanks."""
    if isinstance(value, str) and value and not any(c.isspace() or c == '"' for c in value):
        text = value
    else:
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            text = repr(type(value))
    return one_line(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")


def _values(path: str, expected: Any, actual: Any) -> Difference:
    got = "nothing" if actual is None else shown(actual)
    return Difference(path, (f"expected {shown(expected)}, got {got}",), expected, actual)


def _cut(lines: List[str]) -> Tuple[str, ...]:
    """Not more than ``MAX_LINES``."""
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES - 1], f"and {len(lines) - MAX_LINES + 1} more"]
    return tuple(lines)
