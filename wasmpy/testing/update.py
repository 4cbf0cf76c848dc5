"""Taking what a guard says now as what is expected: new expectations in a case file.

What belongs here: the new expectations, and writing them into the text of a
JSON file, of which all else stays as it is.  What does not: running the cases
(``engine``).

An expectation says no more than before: of its keys the values change.  Only
where nothing was expected, or where a call fails that did not, or no longer
fails, the keys are those of ``vocabulary.FIRST_KEYS``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from wasmpy.testing.casefile import CaseFile
from wasmpy.testing.compare import Seen, difference, lines_found
from wasmpy.testing.engine import CaseResult, StepResult
from wasmpy.testing.errors import CaseError
from wasmpy.testing.vocabulary import (
    COMMON,
    EXPECT,
    FIRST_DENIAL_KEYS,
    FIRST_ITEM_KEYS,
    FIRST_KEYS,
    Field,
    Kind,
)

WIDTH = 100
"""Columns that a value may take before it is spread over lines."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

Keys = Tuple[Union[str, int], ...]


def update_file(file: CaseFile, results: Sequence[CaseResult]) -> int:
    """Write what happened into the file as what is expected; how many expectations changed.

    A file in YAML is not written: the number says how many would have changed.

    Raises: CaseError where the file cannot be written, or has changed since it
    was read.
    """
    changes = {
        step.step.keys: updated(step)
        for result in results
        for step in result.steps
        if step.differences or (not step.step.expect and step.step.path.endswith(".expect"))
    }
    if not changes or file.is_yaml:
        return len(changes)
    text = replaced(file.text, changes)
    _write(file, text)
    return len(changes)


# -- new expectations ---------------------------------------------------------------------


def updated(result: StepResult) -> Dict[str, Any]:
    """What is to be expected of a call that did this."""
    call, expect, actual = result.step.call, result.step.expect, result.actual
    table = EXPECT[call]
    failed = actual["error"] is not None
    if failed and "error" not in expect:
        kept = {key: value for key, value in expect.items() if key in COMMON}
        return _update(table, {"error": _first_error(actual["error"]), **kept}, actual, call)
    if not failed and ("error" in expect or not expect):
        kept = {key: value for key, value in expect.items() if key != "error"}
        return {**_first(call, actual), **_update(table, kept, actual, call)}
    return _update(table, expect, actual, call)


def _update(
    table: Dict[str, Field], expect: Dict[str, Any], actual: Dict[str, Any], call: str
) -> Dict[str, Any]:
    """The same keys with their values of now; what is as expected stays as it is written."""
    return {
        key: _value(table[key], value, actual.get(key), call) for key, value in expect.items()
    }


def _value(field: Field, expected: Any, actual: Any, call: str) -> Any:
    if not difference(field, expected, actual, ""):
        return expected
    if field.kind is Kind.ERROR:
        return _error(expected, actual)
    if field.kind is Kind.ITEMS and actual is not None:
        return _items(field, expected, actual, call)
    if field.kind is Kind.OBJECT and actual is not None:
        assert field.fields is not None
        return _update(field.fields, expected, actual, call)
    if field.kind is Kind.LOGS_INCLUDE:
        return [expected[i] for i in lines_found(expected, actual)]
    if field.kind is Kind.LOGS:
        return [{"level": line["level"], "text": line["text"]} for line in actual]
    return plain(actual)


def _items(
    field: Field, expected: List[Dict[str, Any]], actual: List[Dict[str, Any]], call: str
) -> List[Dict[str, Any]]:
    """Item by item; those that are new by the keys that the others have."""
    assert field.fields is not None
    keys = list(dict.fromkeys(key for item in expected for key in item)) or FIRST_ITEM_KEYS[call]
    found = []
    for i, item in enumerate(actual):
        if i < len(expected):
            found.append(_update(field.fields, expected[i], item, call))
        else:
            found.append({key: plain(item[key]) for key in keys})
    return found


def _first(call: str, actual: Dict[str, Any]) -> Dict[str, Any]:
    """What is expected of a call of which nothing was."""
    found: Dict[str, Any] = {}
    for key in FIRST_KEYS[call]:
        value = actual.get(key)
        if value is None or (key == "labelled" and value):
            continue
        if key == "items":
            value = [{name: item[name] for name in FIRST_ITEM_KEYS[call]} for item in value]
        elif key == "denial":
            value = {name: value[name] for name in FIRST_DENIAL_KEYS}
        found[key] = plain(value)
    return found


def _first_error(actual: Dict[str, Any]) -> Dict[str, Any]:
    """What is expected of an error: its class, and the words that say which it is."""
    found = {"error": actual["error"]}
    for key in ("reason", "stage", "kind"):
        if isinstance(actual.get(key), str):
            found[key] = actual[key]
    if actual["cause"] is not None and "trap" not in actual:
        found["cause"] = _first_error(actual["cause"])
    return found


def _error(expected: Any, actual: Optional[Dict[str, Any]]) -> Any:
    """An error by the same keys."""
    if actual is None:
        return expected
    if isinstance(expected, str):
        return actual["error"]
    found = {"error": actual["error"]}
    for key in expected:
        if key == "cause" and actual[key] is not None:
            found[key] = _error(expected[key], actual[key])
        elif key in actual and key != "error":
            found[key] = actual[key]
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it: tags as an array."""
    if isinstance(value, Seen):
        return list(value.tags)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key not in ("why", "classes")}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


# -- the text of a file ----------------------------------------------------------------------


class _Span(NamedTuple):
    """Where a value stands in a text."""

    start: int
    end: int


def replaced(text: str, changes: Dict[Keys, Any]) -> str:
    """``text``, a JSON object's, with other values at some keys; all else stays as it is.

    Of each key the value before the last key is there, an object; the last
    one is added to it if need be.
    """
    spans = spans_of(text)
    edits: List[Tuple[int, int, str]] = []
    for keys, value in changes.items():
        span = spans.get(keys)
        if span is not None:
            column = _indent(text, span.start)
            edits.append((span.start, span.end, pretty(value, column)))
            continue
        members = [at for at in spans if len(at) == len(keys) and at[:-1] == keys[:-1]]
        last = max(members, key=lambda at: spans[at].end)
        column = _indent(text, spans[members[0]].start)
        added = f",\n{' ' * column}{json.dumps(keys[-1])}: {pretty(value, column)}"
        edits.append((spans[last].end, spans[last].end, added))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def spans_of(text: str) -> Dict[Keys, _Span]:
    """Where each value of a JSON text stands, by the keys that lead to it.

    >>> spans_of('{"a": [1, {"b": null}]}')[("a", 1, "b")]
    _Span(start=16, end=20)
    """
    spans: Dict[Keys, _Span] = {}
    # The arrays and objects that are open: their keys, where they begin, and the next key.
    opened: List[Tuple[Keys, int]] = []
    key: Dict[Keys, Union[str, int]] = {}
    at, keys = 0, ()  # type: Tuple[int, Keys]
    while at < len(text):
        sign = text[at]
        if sign in " \t\r\n,:":
            at += 1
            continue
        if sign in "]}":
            keys, start = opened.pop()
            at += 1
            spans[keys] = _Span(start, at)
            continue
        if opened:
            within = opened[-1][0]
            if text[opened[-1][1]] == "{":
                # The text is valid: here stands the key of a member.
                end = _string_end(text, at)
                key[within] = json.loads(text[at:end])
                at = _skip(text, end)
                sign = text[at]
            else:
                count = key.get(within, -1)
                key[within] = int(count) + 1
            keys = (*within, key[within])
        if sign in "[{":
            opened.append((keys, at))
            at += 1
            continue
        start = at
        if sign == '"':
            at = _string_end(text, at)
        else:
            while at < len(text) and text[at] not in " \t\r\n,]}":
                at += 1
        spans[keys] = _Span(start, at)
    return spans


def _string_end(text: str, at: int) -> int:
    """Where the string ends that begins at ``at``."""
    found = _STRING.match(text, at)
    assert found is not None
    return found.end()


def _skip(text: str, at: int) -> int:
    """Past the colon."""
    while text[at] in " \t\r\n:":
        at += 1
    return at


def _indent(text: str, at: int) -> int:
    """How far the line is indented that ``at`` is in."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return len(line) - len(line.lstrip(" \t"))


def pretty(value: Any, column: int = 0) -> str:
    """JSON for people: in one line where it fits, else spread, indented from ``column``.

    >>> pretty({"a": [1, 2]})
    '{"a": [1, 2]}'
    """
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + column <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return flat
    inner = column + 2
    if isinstance(value, dict):
        pieces = [
            f"{json.dumps(name, ensure_ascii=False)}: {pretty(one, inner)}"
            for name, one in value.items()
        ]
    else:
        pieces = [pretty(one, inner) for one in value]
    begin, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    lines = f",\n{' ' * inner}".join(pieces)
    return f"{begin}\n{' ' * inner}{lines}\n{' ' * column}{end}"


def _write(file: CaseFile, text: str) -> None:
    """Put a text in a file's place at once, or not at all.  Raises: CaseError."""
    # A symbolic link stays one: what it leads to is replaced.
    path = Path(os.path.realpath(file.path))
    name: Optional[str] = None
    try:
        before = path.read_bytes()
        if before.decode("utf-8-sig") != file.text:
            raise CaseError("it has changed since it was read: nothing is written", file.path)
        mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=str(path.parent))
        with os.fdopen(handle, "wb") as out:
            out.write(mark + text.encode("utf-8"))
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path)
        name = None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CaseError(f"cannot be written: {reason}", file.path) from error
    finally:
        if name is not None:
            with contextlib.suppress(OSError):
                Path(name).unlink()
