"""The result as the agent gets it: the kept items, in the envelope that they came in.

What belongs here: building the filtered result.  What does not: which items
are kept (``difc``), and reading the labels (``responses``).

An item's labels speak for that item alone.  All else in a result (its
siblings in the object around the array, ``structuredContent``, ``_meta``,
images) has the resource's labels, and may hold parts of items.  So it goes
through unchanged only where the agent may read the resource and gets every
item; else the result is built anew from kept items, and of all else only what
is known to hold nothing of an item: the flags and counts of ``FLAGS`` and
``COUNTS``, and ``structuredContent`` where it says the same as the text and
can be filtered with it.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from hostabi.errors import PayloadError
from hostabi.labels import ResponseLabels
from hostabi.paths import index_of, segments, unwrap

FLAGS = (
    "incomplete_results", "incompleteResults", "isError", "has_more", "hasMore",
    "has_next_page", "hasNextPage", "truncated",
)  # fmt: skip
"""Names of members that are kept beside the items if they are true, false or null."""
COUNTS = ("total_count", "totalCount", "total", "count")
"""Names of members that are kept beside the items if they are integers: they count items.

The dropped ones are taken off.
"""
MAX_REMOVED = 100
"""Pointers kept of what was removed."""

CONTENT = "content"
STRUCTURED = "structuredContent"


class Rewrapped(NamedTuple):
    """A result for the agent, and the pointers of what was left out of it beside the items.

    A pointer that begins with ``content#`` leads into the JSON of the text.
    """

    result: Any
    removed: Tuple[str, ...]


def rewrap(
    result: Any, response: ResponseLabels, kept: Sequence[bool], *, whole: bool
) -> Rewrapped:
    """``result`` with the items of ``response`` that are ``kept``.

    ``whole`` says that the agent may read what no item covers.  ``result`` is
    not changed; what is returned may share its items.

    Raises: PayloadError if it is no JSON after all.

    >>> from hostabi.labels import Item, Labels, LabelSource
    >>> result = {"total_count": 2, "items": [1, 2], "summary": "one and two"}
    >>> items = tuple(Item(n, Labels(), LabelSource.OWN) for n in (1, 2))
    >>> response = ResponseLabels(items, "paths", True, b"", items_path="/items")
    >>> rewrap(result, response, [True, False], whole=True)
    Rewrapped(result={'total_count': 1, 'items': [1]}, removed=('/summary',))
    """
    own = unwrap(result)
    if all(kept):
        covers = response.format == "paths" and not response.collection
        if covers or (whole and (response.format == "paths" or _same_items(own, response))):
            return Rewrapped(result, ())
    building = _Building(response, kept, own)
    try:
        built = building.envelope(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the filtered result is no JSON: {error}", "type") from error
    return Rewrapped(built, tuple(building.removed))


class _Building:
    """Builds one result; ``own`` is the tool's own JSON, unwrapped."""

    def __init__(self, response: ResponseLabels, kept: Sequence[bool], own: Any) -> None:
        self._response = response
        self._own = own
        self._kept = kept
        self._data = [item.data for item, keep in zip(response.items, kept) if keep]
        self._dropped = len(kept) - len(self._data)
        self._path = self._array()
        self.removed: List[str] = []

    # -- the JSON -------------------------------------------------------------

    def _array(self) -> Optional[List[str]]:
        """The keys that lead to the array of the items; None if there is none."""
        if not self._response.collection:
            return None
        if self._response.format == "paths":
            return [segment for segment in segments(self._response.items_path) if segment]
        if isinstance(self._own, dict):
            every = [item.data for item in self._response.items]
            for key, member in self._own.items():
                if isinstance(member, list) and same(member, every):
                    return [key]
        return None

    def _payload(self, prefix: str) -> Any:
        """The tool's own JSON with the kept items."""
        if self._path is not None:
            return self._container(self._own, self._path, prefix)
        if not self._response.collection:
            return []
        if len(self._kept) == 1 and self._data and same(self._data[0], self._own):
            return self._data[0]
        return self._data

    def _container(self, node: Any, path: Sequence[str], prefix: str) -> Any:
        """What is on the way to the array, without its siblings; the array with the kept items."""
        if not path:
            return self._data
        segment, rest = path[0], path[1:]
        if isinstance(node, list):
            index = index_of(segment) or 0
            if len(node) > 1:
                self._remove(f"{prefix}/*")
            return [self._container(node[index], rest, f"{prefix}/{index}")]
        built: Dict[str, Any] = {}
        for key, member in node.items():
            if key == segment:
                built[key] = self._container(member, rest, f"{prefix}/{_escape(key)}")
            elif key in FLAGS and (member is None or isinstance(member, bool)):
                built[key] = member
            elif key in COUNTS and isinstance(member, int) and not isinstance(member, bool):
                built[key] = max(len(self._data), member - self._dropped)
            else:
                self._remove(f"{prefix}/{_escape(key)}")
        return built

    def _remove(self, pointer: str) -> None:
        if len(self.removed) < MAX_REMOVED:
            self.removed.append(pointer)

    # -- the envelope ---------------------------------------------------------

    def envelope(self, result: Any) -> Any:
        """The payload, wrapped as ``result`` is."""
        if self._own is result and not (is_mcp(result) and self._path is None):
            built = self._payload("")
            if is_mcp(result):
                self._keep_in_step(result, built)
            return built
        built = self._payload(f"{CONTENT}#")
        wrapped: Dict[str, Any] = {CONTENT: [_text(built)]}
        if len(result[CONTENT]) > 1:
            self._remove(f"/{CONTENT}/*")
        for key, member in result.items():
            replaced = _in_step(member, self._own, built) if key == STRUCTURED else None
            if replaced is not None:
                wrapped[key] = replaced
            elif key in FLAGS and isinstance(member, bool):
                wrapped[key] = member
            elif key != CONTENT:
                self._remove(f"/{_escape(key)}")
        return wrapped

    def _keep_in_step(self, result: Dict[str, Any], built: Dict[str, Any]) -> None:
        """An MCP result whose elements, or whose structured members, are the items.

        ``structuredContent`` is filtered as the elements if it lists what they
        say; elements that go with structured items are made anew.
        """
        if CONTENT not in built:
            built[CONTENT] = [_text(self._data)]
        structured = result.get(STRUCTURED)
        if self._path != [CONTENT] or not isinstance(structured, dict) or len(structured) != 1:
            return
        ((key, members),) = structured.items()
        if isinstance(members, list) and _say_the_same(members, result[CONTENT]):
            built[STRUCTURED] = {key: [m for m, keep in zip(members, self._kept) if keep]}
            self.removed = [at for at in self.removed if at != f"/{STRUCTURED}"]


def _text(value: Any) -> Dict[str, Any]:
    """A text element that holds ``value`` as JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return {"type": "text", "text": text}


def is_mcp(result: Any) -> bool:
    """Whether a result is an MCP one: an object whose ``content`` lists typed elements."""
    content = result.get(CONTENT) if isinstance(result, dict) else None
    return isinstance(content, list) and all(
        isinstance(element, dict) and isinstance(element.get("type"), str) for element in content
    )


def with_notice(result: Any, text: str) -> Any:
    """An MCP result with ``text`` as one more element; any other result as it is."""
    if not is_mcp(result):
        return result
    return {**result, CONTENT: [*result[CONTENT], {"type": "text", "text": text}]}


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal; ``1``, ``1.0`` and ``true`` are not."""
    try:
        return _canonical(first) == _canonical(second)
    except (TypeError, ValueError, RecursionError):
        return False


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _same_items(own: Any, response: ResponseLabels) -> bool:
    """Whether the items of an item-format answer are the tool's own, not the guard's making."""
    every = [item.data for item in response.items]
    if isinstance(own, dict):
        members = [m for m in own.values() if isinstance(m, list) and same(m, every)]
        return len(members) == 1 or (len(every) == 1 and same(every[0], own))
    return same(own, every)


def _in_step(structured: Any, own: Any, built: Any) -> Any:
    """``structuredContent`` for ``built``, where it said the same as ``own``; else None."""
    if not isinstance(structured, dict):
        return None
    if same(structured, own):
        return built if isinstance(built, dict) else None
    if len(structured) == 1:
        ((key, member),) = structured.items()
        if same(member, own):
            return {key: built}
    return None


def _say_the_same(members: List[Any], elements: List[Any]) -> bool:
    """Whether each text element says what the member in its place is."""
    if len(members) != len(elements):
        return False
    for member, element in zip(members, elements):
        if not isinstance(element, dict) or element.get("type") != "text":
            return False
        text = element.get("text")
        if text != member and not same(unwrap({CONTENT: [element]}), member):
            return False
    return True


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
