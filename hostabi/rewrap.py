"""The result as the agent gets it: the kept items, in the envelope that they came in.

What belongs here: building the filtered result.  What does not: which items
are kept (``difc``), and reading the labels (``responses``).

An item's labels speak for that item alone.  All else in the result's JSON (its
siblings in the object around the array) has the resource's labels, and may
hold parts of items.  So it goes through unchanged only where the agent may
read the resource and gets every item; else the result is built anew from kept
items, and of all else only what is known to hold nothing of an item: the flags
and counts of ``FLAGS`` and ``COUNTS``.  What stands beside the JSON is no
matter here: it goes where it says the same, and nowhere else (``presented``).
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from hostabi.errors import PayloadError
from hostabi.labels import ResponseLabels
from hostabi.paths import index_of, segments
from hostabi.presented import (
    CONTENT,
    FLAGS,
    MAX_REMOVED,
    Presented,
    escape,
    is_mcp,
    json_text,
    present,
    same,
)

COUNTS = ("total_count", "totalCount", "total", "count")
"""Names of members that are kept beside the items if they are integers: they count items.

The dropped ones are taken off.
"""


class Rewrapped(NamedTuple):
    """A result for the agent, and the pointers of what was left out of it beside the items.

    A pointer that begins with ``content#`` leads into the JSON of the text.
    """

    result: Any
    removed: Tuple[str, ...]


def rewrap(
    result: Any, response: ResponseLabels, kept: Sequence[bool], *, whole: bool
) -> Rewrapped:
    """``result``, or one that is presented, with the items of ``response`` that are ``kept``.

    The labels are for what is shown of it.  ``whole`` says that the agent may
    read what no item covers.  ``result`` is not changed; what is returned may
    share its items.

    Raises: PayloadError if it is no JSON after all.

    >>> from hostabi.labels import Item, Labels, LabelSource
    >>> result = {"total_count": 2, "items": [1, 2], "summary": "one and two"}
    >>> items = tuple(Item(n, Labels(), LabelSource.OWN) for n in (1, 2))
    >>> response = ResponseLabels(items, "paths", True, b"", items_path="/items")
    >>> rewrap(result, response, [True, False], whole=True)
    Rewrapped(result={'total_count': 1, 'items': [1]}, removed=('/summary',))
    """
    presented = result if isinstance(result, Presented) else present(result)
    if all(kept):
        covers = _is_all(presented, response)
        listed = response.format == "paths" or _same_items(presented.own, response)
        if covers or (whole and listed):
            return Rewrapped(presented.whole, presented.removed)
    building = _Building(presented, response, kept)
    try:
        built = building.result()
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the filtered result is no JSON: {error}", "type") from error
    return Rewrapped(built, tuple(building.removed))


class _Building:
    """Builds one result."""

    def __init__(
        self, presented: Presented, response: ResponseLabels, kept: Sequence[bool]
    ) -> None:
        self._presented = presented
        self._own = presented.own
        self._response = response
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
                built[key] = self._container(member, rest, f"{prefix}/{escape(key)}")
            elif key in FLAGS and (member is None or isinstance(member, bool)):
                built[key] = member
            elif key in COUNTS and isinstance(member, int) and not isinstance(member, bool):
                built[key] = max(len(self._data), member - self._dropped)
            else:
                self._remove(f"{prefix}/{escape(key)}")
        return built

    def _remove(self, pointer: str) -> None:
        if len(self.removed) < MAX_REMOVED:
            self.removed.append(pointer)

    # -- the envelope ---------------------------------------------------------

    def result(self) -> Any:
        """The payload, wrapped as the result is."""
        presented = self._presented
        mcp = is_mcp(presented.shown)
        if presented.opaque and (self._path is not None or not mcp):
            built = self._payload("")
            if mcp and CONTENT not in built:
                built[CONTENT] = [{"type": "text", "text": json_text(self._data)}]
            self.removed = [*presented.removed, *self.removed][:MAX_REMOVED]
            return built
        built = self._payload(f"{CONTENT}#")
        texts = presented.texts
        if texts is not None and self._path == [] and isinstance(self._own, list):
            texts = tuple(text for text, keep in zip(texts, self._kept) if keep)
        else:
            texts = None
        wrapped, removed = presented.envelope(built, texts)
        self.removed = [*self.removed, *removed][:MAX_REMOVED]
        return wrapped


def with_notice(result: Any, text: str) -> Any:
    """An MCP result with ``text`` as one more element; any other result as it is."""
    if not is_mcp(result):
        return result
    return {**result, CONTENT: [*result[CONTENT], {"type": "text", "text": text}]}


def _is_all(presented: Presented, response: ResponseLabels) -> bool:
    """Whether the one item is all that the guard was shown."""
    if response.format == "paths":
        return not response.collection
    return len(response.items) == 1 and same(response.items[0].data, presented.shown)


def _same_items(own: Any, response: ResponseLabels) -> bool:
    """Whether the items of an item-format answer are the tool's own, not the guard's making."""
    every = [item.data for item in response.items]
    if isinstance(own, dict):
        members = [m for m in own.values() if isinstance(m, list) and same(m, every)]
        return len(members) == 1 or (len(every) == 1 and same(every[0], own))
    return same(own, every)
