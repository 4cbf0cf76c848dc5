"""A tool's result as its guard is shown it: what the guard is shown is what may go on.

What belongs here: finding the one JSON value that a result says, and showing
the guard that and nothing beside it.  What does not: which items the agent
gets (``difc``), and building the result without the others (``rewrap``).

An MCP result can say things in several places: in the texts of its elements,
in ``structuredContent``, in images and embedded resources.  A guard reads the
text.  What stands elsewhere and says something else would pass under labels
that were never meant for it; so it is left out, or made the text where the
text is no JSON.  The first of these that fits is the result's own JSON:

1. an element for each item, and the same items in ``structuredContent``:
   the array of them;
2. the elements' texts, joined, are JSON: that value;
3. there is ``structuredContent``: that, or what is in its only member ``result``;
4. some of the texts, those of embedded resources too, are arrays or objects:
   that value, or the array of them.

Else the result is *opaque*: the guard sees it as it came, with all its
elements, and its labels are for all of it.

ABI: section 3; where a result comes in several ways the ABI says nothing.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from hostabi.errors import PayloadError
from hostabi.paths import text_in
from hostabi.payload import check_nesting, decode
from wasmpy.chains import UNBOUNDED

FLAGS = (
    "incomplete_results", "incompleteResults", "isError", "has_more", "hasMore",
    "has_next_page", "hasNextPage", "truncated",
)  # fmt: skip
"""Names of members that say nothing of an item if they are true, false or null."""
MAX_REMOVED = 100
"""Pointers kept of what was removed."""

CONTENT = "content"
STRUCTURED = "structuredContent"
_WRAPPER = "result"
"""The member that servers put into ``structuredContent`` what is no object under."""
_WORDS = {"resultType": ("complete",)}
"""Members of a result that are words of the protocol."""


class Presented(NamedTuple):
    """A result and what of it the guard is shown.

    ``result`` is the tool's, ``shown`` what the guard gets in its place, and
    what its labels are for.  ``own`` is the result's JSON, ``shown`` itself
    if it is opaque or no MCP result.  ``texts`` has the text of each item of
    ``own`` where the result has an element for each.  ``covered`` says that
    there is nothing in ``result`` that ``shown`` does not say; ``removed``
    are pointers of what it has beside that, and ``lost`` says whether that is
    so of ``content``.
    """

    result: Any
    shown: Any
    own: Any
    texts: Optional[Tuple[str, ...]] = None
    covered: bool = True
    removed: Tuple[str, ...] = ()
    lost: bool = False

    @property
    def whole(self) -> Any:
        """What an agent gets that may have all that the guard was shown."""
        return self.result if self.covered else self.shown

    @property
    def opaque(self) -> bool:
        """Whether there is no JSON inside: the guard's paths lead into the result itself."""
        return self.own is self.shown

    def envelope(
        self, built: Any, texts: Optional[Sequence[str]] = None
    ) -> Tuple[Dict[str, Any], List[str]]:
        """``built`` in place of ``own``, wrapped as the result is; what was left out.

        ``texts`` are those of the items that are left, for an element each.

        Raises: TypeError, ValueError, RecursionError for what is no JSON.
        """
        elements = [json_text(built)] if texts is None else texts
        wrapped: Dict[str, Any] = {CONTENT: [_element(text) for text in elements]}
        removed = [f"/{CONTENT}/*"] if self.lost else []
        for key, member in self.result.items():
            if key == CONTENT or member is None:
                continue
            if key == STRUCTURED:
                member = _in_step(self.result, self.own, built)
            elif not _goes(key, member):
                member = None
            if member is not None:
                wrapped[key] = member
            elif len(removed) < MAX_REMOVED:
                removed.append(f"/{escape(key)}")
        return wrapped, removed


def present(result: Any) -> Presented:
    """What the guard is shown of ``result``, which is not changed.

    Raises: PayloadError if it is no JSON after all.

    >>> said = {"content": [{"type": "text", "text": "Found 1."}], "structuredContent": {"n": [7]}}
    >>> present(said).shown["content"], present(said).removed
    ([{'type': 'text', 'text': '{"n":[7]}'}], ('/content/*',))
    """
    if not isinstance(result, dict):
        return Presented(result, result, result)
    if UNBOUNDED:
        check_nesting(result)  # what writes JSON there does not stop by itself
    try:
        return _present(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the result is no JSON: {error}", "type") from error


def _present(result: Dict[str, Any]) -> Presented:
    """The first form of the list above that fits."""
    content, structured = result.get(CONTENT, []), result.get(STRUCTURED)
    elements = content if isinstance(content, list) else []
    text = text_in(elements)
    tidy = all(key in (CONTENT, STRUCTURED) or _goes(key, result[key]) for key in result)
    plain = isinstance(content, list) and all(map(_is_plain, elements))
    items = _one_each(elements, structured)
    if items is not None:
        return _shown(result, items, tuple(e["text"] for e in elements), covered=tidy)
    read = _read(text)
    if read is not None:
        covered = tidy and plain and read.clear
        covered &= structured is None or _in_step(result, read.value, read.value) is not None
        if covered:
            return Presented(result, result, read.value)
        return _shown(result, read.value, lost=not plain)
    if structured is not None and _only(structured) != (True, text):
        wrapped = isinstance(structured, dict) and list(structured) == [_WRAPPER]
        own = structured[_WRAPPER] if wrapped else structured
        alone = plain and not text
        return _shown(result, own, covered=tidy and alone, lost=not alone)
    if not is_mcp(result):
        return Presented(result, result, result)
    parts = [part for part in map(_part, elements) if part is not None]
    if len(parts) > 1:
        alone = plain and len(parts) == len(elements)
        texts = tuple(json_text(part.value) for part in parts)
        covered = tidy and alone and all(part.clear for part in parts)
        return _shown(
            result, [part.value for part in parts], texts, covered=covered, lost=not alone
        )
    if parts:
        return _shown(result, parts[0].value, lost=True)
    if tidy:
        return Presented(result, result, result)
    kept = {
        key: member for key, member in result.items()
        if key in (CONTENT, STRUCTURED) or _goes(key, member)
    }  # fmt: skip
    removed = [f"/{escape(key)}" for key in result if key not in kept]
    return Presented(result, kept, kept, None, False, tuple(removed[:MAX_REMOVED]))


def _shown(
    result: Dict[str, Any], own: Any, texts: Optional[Tuple[str, ...]] = None, *,
    covered: bool = False, lost: bool = False,
) -> Presented:  # fmt: skip
    """The result with ``own`` as its text, and nothing that says anything else."""
    presented = Presented(result, None, own, texts, covered, (), lost)
    shown, removed = presented.envelope(own)
    return presented._replace(shown=shown, removed=() if covered else tuple(removed))


# -- what says the same --------------------------------------------------------


def _in_step(result: Dict[str, Any], own: Any, built: Any) -> Any:
    """``structuredContent`` for ``built``, where it said the same as ``own``; else None."""
    structured = result[STRUCTURED]
    if not isinstance(structured, dict):
        return None
    if same(structured, own):
        return built if isinstance(built, dict) else None
    alone, member = _only(structured)
    if not alone:
        return None
    (key,) = structured
    if isinstance(member, str) and member == text_in(result.get(CONTENT)):
        # A tool that answers with a text: it stands in both.
        return {key: json_text(built)}
    return {key: built} if same(member, own) else None


def _only(structured: Any) -> Tuple[bool, Any]:
    """Whether ``structuredContent`` has one member alone, and that."""
    if isinstance(structured, dict) and len(structured) == 1:
        ((_, member),) = structured.items()
        return True, member
    return False, None


def _one_each(elements: List[Any], structured: Any) -> Optional[List[Any]]:
    """The items that ``structuredContent`` lists and the elements say, one each; else None."""
    _, members = _only(structured)
    if not isinstance(members, list) or len(members) != len(elements):
        return None
    for member, element in zip(members, elements):
        if not _is_plain(element):
            return None
        if element["text"] != member:
            read = _read(element["text"])
            if read is None or not read.clear or not same(read.value, member):
                return None
    return members


def _part(element: Any) -> Optional[_Read]:
    """The array or object that the text of an element or its resource is; None for any other."""
    text, resource = element.get("text"), element.get("resource")
    if not isinstance(text, str) and isinstance(resource, dict):
        text = resource.get("text")
    read = _read(text) if isinstance(text, str) else None
    return read if read is not None and isinstance(read.value, (dict, list)) else None


def _is_plain(element: Any) -> bool:
    """Whether an element is its text and nothing else."""
    return (
        isinstance(element, dict)
        and isinstance(element.get("text"), str)
        and element.get("type", "text") == "text"
        and all(key in ("type", "text") or element[key] is None for key in element)
    )


def _goes(key: str, member: Any) -> bool:
    """Whether a member of an MCP result says nothing of an item."""
    if member is None or (isinstance(member, (dict, list, str)) and not member):
        return True
    if key in _WORDS:
        return member in _WORDS[key]
    return key in FLAGS and isinstance(member, bool)


class _Read(NamedTuple):
    """A value, and whether every reader takes the text for it."""

    value: Any
    clear: bool


def _read(text: str) -> Optional[_Read]:
    """``text`` as JSON; None if it is none.

    Of a key that stands twice the last counts, as for most guards; it is then
    written anew.
    """
    try:
        return _Read(decode(text, strict=True), True)
    except PayloadError as error:
        if error.reason not in ("duplicate", "unicode"):
            return None
    try:
        return _Read(decode(text), False)
    except PayloadError:
        return None


# -- JSON and MCP --------------------------------------------------------------


def is_mcp(result: Any) -> bool:
    """Whether a result is an MCP one: an object whose ``content`` lists typed elements."""
    content = result.get(CONTENT) if isinstance(result, dict) else None
    return isinstance(content, list) and all(
        isinstance(element, dict) and isinstance(element.get("type"), str) for element in content
    )


def json_text(value: Any) -> str:
    """``value`` as JSON for an element.  Raises: TypeError, ValueError, RecursionError."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _element(text: str) -> Dict[str, Any]:
    return {"type": "text", "text": text}


def same(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal; ``1``, ``1.0`` and ``true`` are not."""
    try:
        return _canonical(first) == _canonical(second)
    except (TypeError, ValueError, RecursionError):
        return False


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def escape(key: str) -> str:
    """A key as a segment of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
