"""Guard policies as values: what they say, reading them, and what a guard is sent.

What belongs here: the two kinds of policies, from a document to a value and
from a value to the input of ``label_agent``.  What does not: the table of the
fields and their rules (``policy_fields``), and which of several policies
counts (``policy_sources``).

Nothing here changes what it is given.

ABI: section 5.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterable, Optional, Tuple, Union

from hostabi.errors import PayloadError, PolicyError
from hostabi.inputs import policy_object
from hostabi.payload import decode, encode
from hostabi.policy_fields import (
    ALIASES,
    ALLOW_ONLY,
    ALLOW_ONLY_FIELDS,
    ENVELOPE,
    TRUSTED_BOTS,
    WRITE_SINK,
    WRITE_SINK_FIELDS,
    Integrity,
    Reading,
    by_key,
    canonical_key,
    missing,
    read_bots,
    read_fields,
    read_names,
    refuse,
    unexpected,
)

AUTO = "auto"
"""Check the policies that say they are allow-only; others are for guards of another kind."""
STRICT = "strict"
"""Every policy is an allow-only policy as the gateway's configuration wants it."""
OFF = "off"
"""Every object is a policy, and is sent as it is."""
POLICY_CHECKS = (AUTO, STRICT, OFF)

_SENT = Reading(scopes=False)
_VERBATIM = Reading(scopes=False, exact=True)
_KNOWN = (ALLOW_ONLY, WRITE_SINK, TRUSTED_BOTS)


@dataclasses.dataclass(frozen=True)
class AllowOnly:
    """An agent may only touch what is in ``repos``, and trusted at least ``min_integrity``.

    ``repos`` is ``all``, ``public`` or a tuple of scopes, sorted.  The last
    three are the gateway's own: no guard is told of them.

    >>> policy = parse_policy({"AllowOnly": {"repos": ["b/c", "a/*"], "integrity": " Merged"}})
    >>> policy.repos, policy.min_integrity.word
    (('a/*', 'b/c'), 'merged')
    """

    repos: Union[str, Tuple[str, ...]]
    min_integrity: Integrity
    blocked_users: Tuple[str, ...] = ()
    refusal_labels: Tuple[str, ...] = ()
    approval_labels: Tuple[str, ...] = ()
    trusted_users: Tuple[str, ...] = ()
    endorsement_reactions: Tuple[str, ...] = ()
    disapproval_reactions: Tuple[str, ...] = ()
    disapproval_integrity: Optional[Integrity] = None
    endorser_min_integrity: Optional[Integrity] = None
    trusted_bots: Tuple[str, ...] = ()
    tool_call_limits: Tuple[Tuple[str, int], ...] = ()
    promotion_label: Optional[str] = None
    demotion_label: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        """The policy in its one spelling, as a configuration has it."""
        return self._document(gateway_only=True)

    def payload(self) -> Dict[str, Any]:
        """What a guard is sent: the same without what only the gateway knows (D17)."""
        return self._document(gateway_only=False)

    def _document(self, *, gateway_only: bool) -> Dict[str, Any]:
        inner: Dict[str, Any] = {}
        for field in ALLOW_ONLY_FIELDS:
            value = getattr(self, field.attribute)
            if (value not in ((), None)) and (gateway_only or not field.gateway_only):
                inner[field.key] = _plain(value)
        if "tool-call-limits" in inner:
            inner["tool-call-limits"] = dict(self.tool_call_limits)
        doc: Dict[str, Any] = {ALLOW_ONLY: inner}
        if self.trusted_bots:
            doc[TRUSTED_BOTS] = list(self.trusted_bots)
        return doc


@dataclasses.dataclass(frozen=True)
class WriteSink:
    """A server that is only written to: ``accept`` are the secrecy tags it may be told.

    ``("*",)`` accepts any.  ``sink_visibility`` is who reads what is written:
    ``public``, ``private``, ``internal`` or None for what nobody said.
    """

    accept: Tuple[str, ...]
    sink_visibility: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        """The policy in its one spelling."""
        inner: Dict[str, Any] = {"accept": list(self.accept)}
        if self.sink_visibility is not None:
            inner["sink-visibility"] = self.sink_visibility
        return {WRITE_SINK: inner}


Policy = Union[AllowOnly, WriteSink]


def _plain(value: Any) -> Any:
    """A field's value as JSON."""
    if isinstance(value, Integrity):
        return value.word
    return list(value) if isinstance(value, tuple) else value


# -- reading -------------------------------------------------------------------


def parse_policy(policy: Any) -> Policy:
    """A policy from a configuration: an object, its JSON text, or a policy already read.

    Keys in any letter case and with their aliases; lists trimmed and without
    repetitions; scopes as the gateway's configuration wants them: no dots and
    no capitals.

    Raises: PolicyError that names the field.
    """
    if isinstance(policy, (AllowOnly, WriteSink)):
        policy = policy.to_json()
    return _parse(policy_object(policy), Reading())


def _parse(doc: Dict[str, Any], reading: Reading) -> Policy:
    """The policy that ``doc`` is; unlike ``doc``, it shares nothing with it."""
    members = _members(doc)
    if ALLOW_ONLY in members and WRITE_SINK in members:
        refuse("both", WRITE_SINK, f"{ALLOW_ONLY} or {WRITE_SINK}", "both")
    if WRITE_SINK in members:
        if TRUSTED_BOTS in members:
            unexpected(TRUSTED_BOTS, (WRITE_SINK,))
        fields = read_fields(members[WRITE_SINK], WRITE_SINK_FIELDS, WRITE_SINK, reading)
        return WriteSink(**fields)
    if ALLOW_ONLY not in members:
        missing(ALLOW_ONLY, f"{ALLOW_ONLY} or {WRITE_SINK}")
    fields = read_fields(members[ALLOW_ONLY], ALLOW_ONLY_FIELDS, ALLOW_ONLY, reading)
    if TRUSTED_BOTS in members:
        fields["trusted_bots"] = read_bots(members[TRUSTED_BOTS], TRUSTED_BOTS, reading)
    return AllowOnly(**fields)


def _members(doc: Dict[str, Any]) -> Dict[str, Any]:
    """The members of a policy under their one spelling.  Raises: PolicyError."""
    for key in doc:
        if not isinstance(key, str):
            refuse("type", "", "keys that are strings", type(key).__name__)
    members = by_key(doc, ALIASES, "")
    if ENVELOPE in members:
        refuse("envelope", ENVELOPE, f"{ALLOW_ONLY} without an envelope around it")
    for key in members:
        if key not in _KNOWN:
            unexpected(key, _KNOWN)
    return members


# -- sending -------------------------------------------------------------------


def agent_policy(policy: Any, *, check: str = AUTO, gateway: bool = False) -> Dict[str, Any]:
    """What ``label_agent`` is sent for ``policy``: an object, its JSON text, or a read policy.

    An allow-only policy is checked and sent in its one spelling, without what
    only the gateway knows; ``check`` says which policies that concerns (one of
    ``POLICY_CHECKS``).  ``gateway`` checks the same policies as the gateway
    checks a payload, and sends them as they are spelled.

    Raises: PolicyError.
    """
    if isinstance(policy, (AllowOnly, WriteSink)):
        policy = policy.to_json() if isinstance(policy, WriteSink) else policy.payload()
    doc = policy_object(policy, strict=not gateway)
    if check == OFF or (check == AUTO and not _is_allow_only(doc)):
        return doc
    if gateway:
        return _verbatim(doc)
    read = _parse(doc, Reading() if check == STRICT else _SENT)
    if isinstance(read, WriteSink):
        refuse("kind", WRITE_SINK, f"{ALLOW_ONLY}: a write-sink is no policy of a guard's module")
    return read.payload()


def _is_allow_only(doc: Dict[Any, Any]) -> bool:
    """Whether ``doc`` says that it is a policy as the gateway has them."""
    keys = {canonical_key(key, ALIASES) for key in doc if isinstance(key, str)}
    return not keys.isdisjoint((*_KNOWN, ENVELOPE))


def _verbatim(doc: Dict[str, Any]) -> Dict[str, Any]:
    """``doc`` after the gateway's check of a payload, which rewrites one field only (D18)."""
    known = (ALLOW_ONLY, "allowonly", TRUSTED_BOTS)
    if ENVELOPE in doc:
        refuse("envelope", ENVELOPE, f"{ALLOW_ONLY} without an envelope around it")
    for key in doc:
        if key not in known:
            unexpected(str(key), known)
    name = next((key for key in known[:2] if key in doc), None)
    if name is None:
        missing(ALLOW_ONLY)
    inner = doc[name]
    fields = read_fields(inner, ALLOW_ONLY_FIELDS, name, _VERBATIM)
    if TRUSTED_BOTS in doc:
        read_bots(doc[TRUSTED_BOTS], TRUSTED_BOTS, _VERBATIM)
    if isinstance(inner.get("refusal-labels"), str):
        return {**doc, name: {**inner, "refusal-labels": list(fields["refusal_labels"])}}
    return doc


def payload(
    policy: Any, trusted_bots: Iterable[str] = (), trusted_users: Iterable[str] = (), *,
    gateway: bool = False,
) -> Any:  # fmt: skip
    """``policy`` with the bots and users that the host trusts; the caller's object is not touched.

    Bots replace those of the policy and users replace those in its
    ``allow-only``.  Without either it is ``policy`` itself, or the payload of
    a policy that was read.  The gateway looks for ``allow-only`` in this
    spelling alone, and leaves a policy that it cannot copy as it is.

    Raises: PolicyError for names that are none; PayloadError for a policy that
    is not JSON.
    """
    doc = policy.payload() if isinstance(policy, AllowOnly) else policy
    bots, users = list(trusted_bots), list(trusted_users)
    if not bots and not users:
        return doc
    try:
        copy = decode(encode(policy_object(doc)))
    except (PayloadError, PolicyError):
        if gateway:
            return doc
        raise
    if bots:
        copy = {key: copy[key] for key in copy if gateway or key.lower() != TRUSTED_BOTS}
        copy[TRUSTED_BOTS] = bots if gateway else list(read_bots(bots, TRUSTED_BOTS, _SENT))
    if users:
        _set_users(copy, users, gateway=gateway)
    return copy


def _set_users(doc: Dict[str, Any], users: Any, *, gateway: bool) -> None:
    """Put ``users`` into the allow-only part of ``doc``, if there is one."""
    key = "trusted-users"
    names = users if gateway else list(read_names(users, key, _SENT))
    for name, inner in doc.items():
        found = name == ALLOW_ONLY if gateway else canonical_key(name, ALIASES) == ALLOW_ONLY
        if found and isinstance(inner, dict):
            kept = {k: v for k, v in inner.items() if gateway or k.lower() != key}
            doc[name] = {**kept, key: names}
