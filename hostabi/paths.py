"""Path labels: which part of a tool's result each label is for.

What belongs here: the typed reading of the path format, unwrapping the MCP
result, walking to the items, and matching paths with them.  What does not:
which format an answer has (``responses``).

A path is a JSON pointer (RFC 6901): segments after slashes, ``~1`` for a slash
and ``~0`` for a tilde within one.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type, TypeVar

from hostabi import abi
from hostabi.errors import PayloadError, ResponseError
from hostabi.labels import Item, Labels, LabelSource, Place, Tags
from hostabi.payload import decode, kind

T = TypeVar("T")

_INDEX = re.compile(r"[+-]?[0-9]+\Z")
_MAX_INDEX_DIGITS = 18
_NO_TEXT = ("image", "audio", "resource")
"""Types of MCP content that carry no text of the tool's."""

LABEL_FIELDS = ("description", "secrecy", "integrity")
UNLABELED = "unlabeled"
"""What an item without any labels is called."""
ASTRAY = (
    "label_response has {} paths that name no item of the result: what no path names has their "
    "labels too"
)
"""The notice of paths that lead nowhere."""


def unnoticed(text: str) -> None:
    """What is told a notice that nobody wants."""


# -- typed reading -----------------------------------------------------------


def key_of(doc: Dict[str, Any], name: str) -> str:
    """The key of an object that is read as ``name``; ``name`` itself if there is none.

    >>> key_of({"Secrecy": [], "SECRECY": []}, "secrecy")
    'SECRECY'
    """
    found = name
    for key in doc:
        if key == name or key.casefold() == name:
            found = key
    return found


def check_spellings(doc: Any, names: Tuple[str, ...], function: str) -> None:
    """Refuse an object with two keys that would be read as one of ``names``.

    Raises: ResponseError.
    """
    keys = [key.casefold() for key in doc] if isinstance(doc, dict) else []
    for name in names:
        if keys.count(name) > 1:
            raise ResponseError(
                f"failed to unmarshal {function} WASM response: {name} stands twice, in "
                "different letter case",
                function, "json",
            )  # fmt: skip


def typed_field(
    doc: Dict[str, Any], name: str, type_: Type[T], function: str, reason: str
) -> Optional[T]:
    """The field ``name`` of an object that is read into a type; None if absent or null.

    Letter case of the key does not matter, and the last of several wins, as
    in Go (``check_spellings`` is for who wants one only).

    Raises: ResponseError for another type.
    """
    value = doc.get(key_of(doc, name))
    if value is None or isinstance(value, type_):
        return value
    words = {"dict": "an object", "list": "an array", "str": "a string"}
    phrase = {
        "paths-parse": "failed to parse path labels",
    }.get(reason, f"failed to unmarshal {function} WASM response")
    raise ResponseError(
        f"{phrase}: {name} is {kind(value)}, not {words[type_.__name__]}", function, reason
    )


def labels_of(
    doc: Dict[str, Any], function: str, reason: str, pointer: str, *, lenient: bool = False
) -> Labels:
    """Labels read into a type: ``description``, ``secrecy``, ``integrity``.

    ``pointer`` says where in the guard's output they stand.

    Raises: ResponseError for another type of any of them or of a tag; unless
    ``lenient`` for an unknown key and for a null in place of an array too.
    """
    if not lenient:
        check_labels(doc, function, reason)
    return Labels(
        _tags(doc, "secrecy", function, reason),
        _tags(doc, "integrity", function, reason),
        typed_field(doc, "description", str, function, reason) or "",
        Place(f"{pointer}/{key_of(doc, 'secrecy')}"),
        Place(f"{pointer}/{key_of(doc, 'integrity')}"),
    )


def check_labels(doc: Dict[str, Any], function: str, reason: str) -> None:
    """Refuse labels with a key that means nothing, or a null for tags.

    Either may be tags that somebody meant to be there; to read them as none
    would make a thing public, or let an agent trust it.

    Raises: ResponseError.
    """
    for key, value in doc.items():
        name = key.casefold()
        if name not in LABEL_FIELDS:
            raise ResponseError(
                f"{function} returned invalid labels: no key {key[:60]!r} is known; there are "
                + ", ".join(LABEL_FIELDS),
                function, reason,
            )  # fmt: skip
        if value is None and name != "description":
            raise ResponseError(
                f"{function} returned invalid labels: {name} is null, not an array",
                function, reason,
            )  # fmt: skip


def _tags(doc: Dict[str, Any], name: str, function: str, reason: str) -> Tags:
    tags: List[Any] = typed_field(doc, name, list, function, reason) or []
    # A null among strings reads as an empty one.
    return tuple(
        "" if tag is None else typed_field({name: tag}, name, str, function, reason) or ""
        for tag in tags
    )


# -- unwrapping --------------------------------------------------------------


def text_in(content: Any) -> str:
    """The texts of the elements of an MCP result, joined, without images, audio and resources."""
    return "".join(
        element["text"]
        for element in (content if isinstance(content, list) else ())
        if isinstance(element, dict)
        and isinstance(element.get("text"), str)
        and element.get("type") not in _NO_TEXT
    )


def unwrap(result: Any, *, strict: bool = True) -> Any:
    """The JSON within an MCP result, or ``result`` itself if it holds none.

    An MCP result is an object whose ``content`` is an array; the texts of its
    elements are joined.  If that is JSON, it is what the paths of a guard
    speak of.  ``strict``: what can be read in two ways, as a key that stands
    twice, is none.
    """
    text = text_in(result.get("content")) if isinstance(result, dict) else ""
    if not text:
        return result
    try:
        return decode(text, strict=strict)
    except PayloadError:
        return result


# -- pointers ----------------------------------------------------------------


def segments(pointer: str) -> List[str]:
    """The segments of a JSON pointer, unescaped; its leading slash may be left out.

    >>> segments("/a~1b/~01/0"), segments("items"), segments("/")
    (['a/b', '~1', '0'], ['items'], [])
    """
    if pointer in ("", "/"):
        return []
    pointer = pointer[1:] if pointer.startswith("/") else pointer
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def index_of(segment: str) -> Optional[int]:
    """The array index a segment is, None if it is no number."""
    if not _INDEX.match(segment) or len(segment) > _MAX_INDEX_DIGITS:
        return None
    return int(segment)


def _apply_error(text: str) -> ResponseError:
    return ResponseError(
        f"failed to apply path labels: {text}", abi.LABEL_RESPONSE, "paths-apply"
    )


def walk(data: Any, pointer: str) -> List[Any]:
    """The array that ``pointer`` leads to in ``data``; empty segments are skipped.

    Raises: ResponseError where it leads nowhere or to something else.
    """
    for segment in segments(pointer):
        if not segment:
            continue
        if isinstance(data, dict):
            if segment not in data:
                raise _apply_error(f"path {pointer!r} not found in the result")
            data = data[segment]
        elif isinstance(data, list):
            index = index_of(segment)
            if index is None:
                raise _apply_error(f"{segment!r} in {pointer!r} is no index of an array")
            if not 0 <= index < len(data):
                raise _apply_error(f"index {index} in {pointer!r} is out of range")
            data = data[index]
        else:
            raise _apply_error(f"{pointer!r} leads through {kind(data)}")
    if not isinstance(data, list):
        raise _apply_error(f"items_path {pointer!r} leads to {kind(data)}, not an array")
    return data


def item_index(path: str, items_path: str) -> Optional[int]:
    """Which item ``path`` is in: the segment after ``items_path``; None for no item.

    >>> item_index("/items/3/title", "/items"), item_index("items/3", "items")
    (3, 3)
    >>> item_index("/other/3", "/items"), item_index("/3", "/")
    (None, None)
    """
    path = path if path.startswith("/") else "/" + path
    if items_path and not items_path.startswith("/"):
        items_path = "/" + items_path
    if not path.startswith(items_path + "/"):
        return None
    rest = segments(path[len(items_path) :])
    return index_of(rest[0]) if rest else None


# -- the path format ---------------------------------------------------------


def label_by_path(
    doc: Dict[str, Any], result: Any, resource: Optional[Labels], *, lenient: bool = False,
    notice: Callable[[str], None] = unnoticed,
) -> Tuple[Tuple[Item, ...], bool, str]:  # fmt: skip
    """The items of ``result`` with the labels of a path-format answer, and the items' path.

    The flag says whether they are the elements of an array; if there is no
    array, the whole result as it came is the one item.  ``resource`` labels
    what has neither a label nor a default.  Unless ``lenient``, an entry
    without path or labels is an error, as it would make its item public, and
    so are two labels for one item; and what no path names has, beside its
    own, the labels of all paths that name nothing, as one of them may have
    been meant for it.  ``notice`` is told of those.

    Raises: ResponseError.
    """
    own, default, items_path = _parse(doc, lenient=lenient)
    fallback, source = _fallback(default, resource)
    data = unwrap(result, strict=not lenient)
    collection = bool(items_path) or isinstance(data, list)
    elements = walk(data, items_path) if items_path else data if collection else [result]
    by_index: Dict[int, Labels] = {}
    astray: List[Labels] = []
    for path, labels in own:
        index = item_index(path, items_path) if collection else None
        if index is None or not 0 <= index < len(elements):
            astray.append(labels)
        elif not lenient and not _agree(by_index.setdefault(index, labels), labels):
            raise ResponseError(
                f"failed to parse path labels: two labels for item {index}",
                abi.LABEL_RESPONSE, "paths-parse",
            )  # fmt: skip
        else:
            by_index[index] = labels
    if astray and not lenient:
        notice(ASTRAY.format(len(astray)))
        fallback = _with_all(fallback, astray)
    items = tuple(
        Item(element, by_index[i], LabelSource.OWN) if i in by_index
        else Item(element, fallback, source)
        for i, element in enumerate(elements)
    )  # fmt: skip
    return items, collection, items_path


def _agree(first: Labels, second: Labels) -> bool:
    """Whether two labels say the same."""
    return set(first.secrecy) == set(second.secrecy) and (
        set(first.integrity) == set(second.integrity)
    )


def _with_all(labels: Labels, others: Sequence[Labels]) -> Labels:
    """Labels of what may be any of several things: as secret as all, as trusted as none is more."""
    secrecy: Dict[str, str] = {}
    for one in (labels, *others):
        for i, tag in enumerate(one.secrecy):
            secrecy.setdefault(tag, one.secrecy_at.path(i))
    shared = set(labels.integrity).intersection(*(one.integrity for one in others))
    kept = [i for i, tag in enumerate(labels.integrity) if tag in shared]
    at = labels.integrity_at
    return Labels(
        tuple(secrecy), tuple(labels.integrity[i] for i in kept), labels.description,
        labels.secrecy_at._replace(at=None, paths=tuple(secrecy.values())),
        at._replace(at=None, paths=tuple(at.path(i) for i in kept)),
    )  # fmt: skip


def _fallback(
    default: Optional[Labels], resource: Optional[Labels]
) -> Tuple[Labels, LabelSource]:
    """The labels of items without their own."""
    if default is not None:
        return default, LabelSource.DEFAULT
    if resource is not None:
        return resource, LabelSource.RESOURCE
    return Labels(description=UNLABELED), LabelSource.NONE


def _parse(
    doc: Dict[str, Any], *, lenient: bool
) -> Tuple[List[Tuple[str, Labels]], Optional[Labels], str]:
    """The three fields of a path-format answer."""
    where = (abi.LABEL_RESPONSE, "paths-parse")
    if not lenient:
        _check_answer(doc)
        if doc.get("labeled_paths") is None:
            raise ResponseError(
                "failed to parse path labels: labeled_paths is null, not an array", *where
            )
    own: List[Tuple[str, Labels]] = []
    list_key = key_of(doc, "labeled_paths")
    for i, entry in enumerate(typed_field(doc, "labeled_paths", list, *where) or []):
        entry_doc = typed_field({"labeled_paths": entry}, "labeled_paths", dict, *where) or {}
        labels = typed_field(entry_doc, "labels", dict, *where)
        if labels is None:
            labels = {}
            if not lenient:
                raise ResponseError(
                    f"failed to parse path labels: entry {i} has no labels", *where
                )
        path = typed_field(entry_doc, "path", str, *where)
        if path is None and not lenient:
            raise ResponseError(f"failed to parse path labels: entry {i} has no path", *where)
        pointer = f"/{list_key}/{i}/{key_of(entry_doc, 'labels')}"
        own.append((path or "", labels_of(labels, *where, pointer, lenient=lenient)))
    default = typed_field(doc, "default_labels", dict, *where)
    items_path = typed_field(doc, "items_path", str, *where) or ""
    if default is None:
        return own, None, items_path
    pointer = f"/{key_of(doc, 'default_labels')}"
    return own, labels_of(default, *where, pointer, lenient=lenient), items_path


def _check_answer(doc: Dict[str, Any]) -> None:
    """Refuse an answer of which a field can be read in two ways.  Raises: ResponseError."""
    function = abi.LABEL_RESPONSE
    check_spellings(doc, ("labeled_paths", "default_labels", "items_path"), function)
    check_spellings(doc.get(key_of(doc, "default_labels")), LABEL_FIELDS, function)
    entries = doc.get(key_of(doc, "labeled_paths"))
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            check_spellings(entry, ("path", "labels"), function)
            check_spellings(entry.get(key_of(entry, "labels")), LABEL_FIELDS, function)
