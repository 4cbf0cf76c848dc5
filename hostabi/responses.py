"""What a guard's output means: the answers of the three label functions.

What belongs here: reading the bytes a guard wrote, in the gateway's order of
checks.  What does not: applying path labels to the tool's result (``paths``),
or getting the bytes (``guard``).

There is one reader, strict or lenient.  Strict refuses what another reader
may take for something else, and what would make a secret public: a key that
stands twice, what is not UTF-8, half a surrogate pair, labels that are no
arrays, secrecy tags that are no strings, a path without labels, keys that
nobody knows.  Lenient is the gateway's way: the last key wins, U+FFFD,
dropped, empty.  ``gateway=True``
is lenient unless ``lenient`` says otherwise.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from hostabi import abi
from hostabi.errors import PayloadError, PolicyRejected, ResponseError
from hostabi.labels import (
    AgentLabels,
    Item,
    Labels,
    LabelSource,
    Mode,
    Operation,
    Place,
    ResourceLabels,
    ResponseLabels,
    Tags,
)
from hostabi.paths import (
    LABEL_FIELDS,
    check_labels,
    check_spellings,
    key_of,
    label_by_path,
    labels_of,
    typed_field,
    unnoticed,
)
from hostabi.payload import decode_object, kind, text_of, trim

EMPTY_ITEMS = (
    "label_response answered with an empty list of items: that means no labels, not no items, "
    "and the labels of the resource apply"
)
"""The notice of D13."""
EXCERPT = 200
"""Bytes of an answer that cannot be read that its error keeps."""

_AGENT_FIELDS = ("agent", "difc_mode", "normalized_policy")
_RESPONSE_FIELDS = ("labeled_paths", "default_labels", "items_path", "items")


def parse_agent(
    raw: bytes, *, gateway: bool = False, lenient: Optional[bool] = None
) -> AgentLabels:
    """The answer of ``label_agent``.

    Checked in the gateway's order: an output at all, an object, no ``success``
    or ``ok`` that is false, no ``error`` text, the fields' types, a mode.

    Raises: ResponseError; PolicyRejected where the guest says no.
    """
    if not raw:
        raise ResponseError("label_agent returned empty response", abi.LABEL_AGENT, "empty")
    lenient = gateway if lenient is None else lenient
    doc = _object(raw, abi.LABEL_AGENT, lenient=lenient)
    _check_success(doc)
    if not lenient:
        check_spellings(doc, _AGENT_FIELDS, abi.LABEL_AGENT)
        check_spellings(doc.get(key_of(doc, "agent")), LABEL_FIELDS, abi.LABEL_AGENT)
        _check_agent(doc)
    agent = typed_field(doc, "agent", dict, abi.LABEL_AGENT, "type")
    mode_text = typed_field(doc, "difc_mode", str, abi.LABEL_AGENT, "type") or ""
    policy = typed_field(doc, "normalized_policy", dict, abi.LABEL_AGENT, "type")
    labels = labels_of(
        agent or {}, abi.LABEL_AGENT, "type", f"/{key_of(doc, 'agent')}", lenient=lenient
    )
    if not lenient:
        _check_nulls(agent or {})
    if not trim(mode_text):
        raise ResponseError(
            "label_agent response is missing difc_mode", abi.LABEL_AGENT, "mode-missing"
        )
    modes = {mode.value: mode for mode in Mode}
    mode = modes.get(mode_text.lower())
    if mode is None:
        raise ResponseError(
            f"label_agent returned invalid difc_mode {mode_text!r}", abi.LABEL_AGENT,
            "mode-invalid",
        )  # fmt: skip
    secrecy, secrecy_at = _clean(labels.secrecy, labels.secrecy_at)
    integrity, integrity_at = _clean(labels.integrity, labels.integrity_at)
    cleaned = Labels(secrecy, integrity, "", secrecy_at, integrity_at)
    return AgentLabels(cleaned, mode, policy, raw)


def _check_success(doc: Dict[str, Any]) -> None:
    """Refuse an answer that says it is none."""
    error = doc.get("error")
    detail = trim(error) if isinstance(error, str) else ""
    for flag in ("success", "ok"):
        if doc.get(flag) is False:
            if detail:
                raise PolicyRejected(f"label_agent rejected policy: {detail}", "failure", detail)
            raise PolicyRejected("label_agent returned non-success status", "failure", None)
    if detail:
        raise PolicyRejected(f"label_agent returned error: {detail}", "error", detail)


def _check_agent(doc: Dict[str, Any]) -> None:
    """Refuse an answer whose agent is not to be seen: it would be one that may trust anything.

    Raises: ResponseError.
    """
    key = key_of(doc, "agent")
    known = (*_AGENT_FIELDS, "success", "ok", "error")
    unknown = [name for name in doc if name.casefold() not in known]
    if key in doc and doc[key] is None:
        fault = "agent is null, not an object"
    elif key not in doc and unknown:
        fault = f"agent is missing, and {unknown[0][:60]!r} is no known field"
    else:
        return
    raise ResponseError(
        f"failed to unmarshal label_agent WASM response: {fault}", abi.LABEL_AGENT, "type"
    )


def _check_nulls(agent: Dict[str, Any]) -> None:
    """Refuse a null among the agent's tags: left out, it would ask for less, or taint less."""
    for name in ("secrecy", "integrity"):
        tags = agent.get(key_of(agent, name))
        if isinstance(tags, list) and None in tags:
            raise ResponseError(
                f"failed to unmarshal label_agent WASM response: {name} has a null",
                abi.LABEL_AGENT, "type",
            )  # fmt: skip


def _clean(tags: Tags, place: Place) -> Tuple[Tags, Place]:
    """Agent tags are trimmed and blank ones dropped; where the others stand."""
    kept = [(tag, i) for i, tag in enumerate(map(trim, tags)) if tag]
    return tuple(tag for tag, _ in kept), place._replace(at=tuple(i for _, i in kept))


def parse_resource(
    raw: bytes, *, gateway: bool = False, lenient: Optional[bool] = None
) -> ResourceLabels:
    """The answer of ``label_resource``.

    A missing or unknown operation is a write, but not one that was stated.

    Raises: ResponseError.
    """
    lenient = gateway if lenient is None else lenient
    doc = _object(raw, abi.LABEL_RESOURCE, lenient=lenient)
    resource = doc.get("resource")
    if not isinstance(resource, dict):
        raise ResponseError(
            f"invalid resource format: an object is wanted, not {kind(resource)}",
            abi.LABEL_RESOURCE, "resource",
        )  # fmt: skip
    if not lenient:
        _check_keys(doc, ("resource", "operation"), abi.LABEL_RESOURCE, others=True)
    labels = _loose_labels(resource, abi.LABEL_RESOURCE, "/resource", lenient=lenient)
    operations = {operation.value: operation for operation in Operation}
    word = doc.get("operation")
    operation = operations.get(word) if isinstance(word, str) else None
    stated = operation is not None or lenient
    return ResourceLabels(labels, operation or Operation.WRITE, raw, stated=stated)


def parse_response(
    raw: bytes, result: Any, resource: Optional[Labels] = None, *, gateway: bool = False,
    lenient: Optional[bool] = None, notice: Callable[[str], None] = unnoticed,
) -> Optional[ResponseLabels]:  # fmt: skip
    """The answer of ``label_response`` to the tool's ``result``; None for "no labels".

    ``resource`` are the labels of the resource, for path items that the guard
    gave neither labels nor a default; the gateway leaves those empty, that is
    public.  ``notice`` is told of an empty list of items (D13): it reads like
    "no item", and means "no labels".

    Raises: ResponseError.
    """
    if not raw:
        return None
    lenient = gateway if lenient is None else lenient
    doc = _object(raw, abi.LABEL_RESPONSE, lenient=lenient)
    if not lenient:
        check_spellings(doc, _RESPONSE_FIELDS, abi.LABEL_RESPONSE)
        _check_keys(doc, _RESPONSE_FIELDS, abi.LABEL_RESPONSE)
    if "labeled_paths" in doc:
        own = None if gateway else resource
        items, collection, at = label_by_path(doc, result, own, lenient=lenient, notice=notice)
        return ResponseLabels(items, "paths", collection, raw, items_path=at)
    stray = [key for key in doc if key != "items"]
    if stray and not lenient:
        raise ResponseError(
            f"label_response returned invalid labels: {stray[0]} without labeled_paths",
            abi.LABEL_RESPONSE, "labels",
        )  # fmt: skip
    entries = doc.get("items")
    if not lenient and "items" in doc and not isinstance(entries, list):
        raise ResponseError(
            f"label_response returned invalid labels: items is {kind(entries)}, not an array",
            abi.LABEL_RESPONSE, "labels",
        )  # fmt: skip
    if isinstance(entries, list) and entries:
        return ResponseLabels(_items(entries, lenient=lenient), "items", True, raw)
    if entries == [] and not lenient:
        notice(EMPTY_ITEMS)
    return None


def _items(entries: List[Any], *, lenient: bool) -> Tuple[Item, ...]:
    """Item format: every object is an item, in order; what is no object is skipped."""
    items: List[Item] = []
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        labels = entry.get("labels")
        if isinstance(labels, dict):
            pointer = f"/items/{i}/labels"
            own = _loose_labels(labels, abi.LABEL_RESPONSE, pointer, lenient=lenient)
            items.append(Item(entry.get("data"), own, LabelSource.OWN))
        else:
            items.append(Item(entry.get("data"), None, LabelSource.NONE))
    return tuple(items)


def _loose_labels(
    doc: Dict[str, Any], function: str, pointer: str, *, lenient: bool
) -> Labels:
    """Labels where the gateway looks at each value's type and never fails.

    Tags are kept verbatim.  A description that is no string is ignored.
    ``pointer`` says where in the guard's output they stand.
    """
    if not lenient:
        _check_keys(doc, LABEL_FIELDS, function)
        check_labels(doc, function, "labels")
    description = doc.get("description")
    integrity_at = _place(doc, "integrity", pointer)
    return Labels(
        _loose_tags(doc, "secrecy", function, lenient=lenient),
        _loose_tags(doc, "integrity", function, lenient=lenient),
        description if isinstance(description, str) else "",
        _place(doc, "secrecy", pointer),
        integrity_at,
        integrity_at.at is not None and not lenient,
    )


def _check_keys(
    doc: Dict[str, Any], names: Tuple[str, ...], function: str, *, others: bool = False
) -> None:
    """Refuse a key that is nearly one of ``names``; one that is not at all, unless ``others``.

    Raises: ResponseError.
    """
    for key in doc:
        if key in names or (others and key.strip().casefold() not in names):
            continue
        raise ResponseError(
            f"{function} returned invalid labels: no key {key[:60]!r} is known; there are "
            + ", ".join(names),
            function, "labels",
        )  # fmt: skip


def _place(doc: Dict[str, Any], key: str, pointer: str) -> Place:
    """Where the tags at ``key`` stand that ``_loose_tags`` takes."""
    tags = doc.get(key)
    if not isinstance(tags, list) or all(isinstance(tag, str) for tag in tags):
        return Place(f"{pointer}/{key}")
    return Place(
        f"{pointer}/{key}", tuple(i for i, tag in enumerate(tags) if isinstance(tag, str))
    )


def _loose_tags(doc: Dict[str, Any], key: str, function: str, *, lenient: bool) -> Tags:
    """The tags at ``key``; none where the key is missing.

    An integrity tag that is no string is dropped everywhere (the thing is
    trusted less); a secrecy tag only in the gateway.
    """
    tags = doc.get(key, [])
    if not isinstance(tags, list):
        if lenient:
            return ()
        raise ResponseError(
            f"{function} returned invalid labels: {key} is {kind(tags)}, not an array",
            function, "labels",
        )  # fmt: skip
    kept = tuple(tag for tag in tags if isinstance(tag, str))
    if key == "secrecy" and len(kept) < len(tags) and not lenient:
        raise ResponseError(
            f"{function} returned invalid labels: a secrecy tag is no string", function, "labels"
        )
    return kept


def _object(raw: bytes, function: str, *, lenient: bool) -> Dict[str, Any]:
    """The object a guest wrote."""
    try:
        return decode_object(raw, max_bytes=abi.MAX_OUTPUT, strict=not lenient)
    except PayloadError as error:
        # None of it in the text, which gets into logs: a guard may hand payloads back.
        refusal = ResponseError(
            f"failed to unmarshal {function} WASM response of {len(raw)} bytes: {error}",
            function, "json",
        )  # fmt: skip
        refusal.excerpt = text_of(raw[:EXCERPT])
        raise refusal from error
