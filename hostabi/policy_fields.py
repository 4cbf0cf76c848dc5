"""The fields of a guard policy: their names, what each may hold, and reading them.

What belongs here: one table of the keys, and one reader for each kind of
value, with the error that names the field and what was expected.  What does
not: the policies as values, and which keys are sent (``policy``).

ABI: section 5.
"""

from __future__ import annotations

import enum
import re
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, Tuple, Union

from hostabi.errors import PolicyError
from hostabi.payload import kind, trim

ALLOW_ONLY = "allow-only"
WRITE_SINK = "write-sink"
TRUSTED_BOTS = "trusted-bots"
ENVELOPE = "policy"
"""The key of an envelope that older configurations had around a policy."""
ALIASES: Dict[str, str] = {"allowonly": ALLOW_ONLY, "writesink": WRITE_SINK}
"""Other spellings of the top-level keys."""

ALL = "all"
PUBLIC = "public"
WILDCARD = "*"
MAX_OWNER = 39
"""Characters of an owner's name."""
MAX_NAME = 100
"""Characters of a repository's name, or of its prefix."""
VISIBILITIES = (PUBLIC, "private", "internal")

_OWNER = re.compile(r"[a-z0-9_-]+\Z")
_SHOWN = 60
"""Characters of a value that an error's text shows."""


class Integrity(enum.IntEnum):
    """How far a thing is trusted, the least first.

    >>> Integrity.UNAPPROVED < Integrity.MERGED, Integrity.MERGED.word
    (True, 'merged')
    """

    NONE = 0
    UNAPPROVED = 1
    APPROVED = 2
    MERGED = 3

    @property
    def word(self) -> str:
        """The level as policies write it."""
        return self.name.lower()


class Reading(NamedTuple):
    """How strictly a policy is read.

    ``scopes``: repositories are named as the gateway's configuration demands,
    each once; otherwise what a scope may be is the guard's to say, and only
    its spelling is made one.  ``exact``: keys are spelled as the gateway's
    payloads spell them, what only its configuration knows is unexpected, and
    repositories are not looked at.
    """

    scopes: bool = True
    exact: bool = False


class Field(NamedTuple):
    """A key of a policy.

    ``gateway_only``: the gateway's configuration knows it, a guard does not.
    """

    key: str
    read: Callable[[Any, str, Reading], Any]
    aliases: Tuple[str, ...] = ()
    required: bool = False
    gateway_only: bool = False

    @property
    def attribute(self) -> str:
        """Its name in Python."""
        return self.key.replace("-", "_")


# -- errors --------------------------------------------------------------------


def refuse(reason: str, field: str, expected: str, got: str = "") -> NoReturn:
    """Raise the error of one rule."""
    where = field or "policy"
    raise PolicyError(
        f"{where}: {expected} expected" + (f", not {got}" if got else ""), reason, field, expected
    )


def shown(value: str) -> str:
    """A text of the policy's for a message."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")


def object_at(value: Any, field: str) -> Dict[str, Any]:
    """An object, all of whose keys are strings.  Raises: PolicyError."""
    if not isinstance(value, dict):
        refuse("type", field, "an object", kind(value))
    for key in value:
        if not isinstance(key, str):
            refuse("type", field, "keys that are strings", type(key).__name__)
    return value


def text_at(value: Any, field: str, expected: str = "a string") -> str:
    """A trimmed string that is not blank.  Raises: PolicyError."""
    if not isinstance(value, str):
        refuse("type", field, expected, kind(value))
    text = trim(value)
    if not text:
        refuse("blank", field, expected, "blank")
    return text


def texts_at(value: Any, field: str, expected: str = "an array of strings") -> List[str]:
    """An array of trimmed strings, none of them blank.  Raises: PolicyError."""
    if not isinstance(value, (list, tuple)):
        refuse("type", field, expected, kind(value))
    return [text_at(entry, f"{field}[{i}]") for i, entry in enumerate(value)]


# -- kinds of values -----------------------------------------------------------


def read_integrity(value: Any, field: str, reading: Reading) -> Integrity:
    """A level, in any letter case."""
    expected = "one of " + ", ".join(level.word for level in Integrity)
    text = text_at(value, field, expected)
    for level in Integrity:
        if level.word == text.lower():
            return level
    refuse("value", field, expected, shown(text))


def read_names(value: Any, field: str, reading: Reading) -> Tuple[str, ...]:
    """Names of users or labels; of those that differ in letter case only, the first."""
    first: Dict[str, str] = {}
    for text in texts_at(value, field):
        first.setdefault(text.lower(), text)
    return tuple(first.values())


def read_bots(value: Any, field: str, reading: Reading) -> Tuple[str, ...]:
    """Names, at least one."""
    names = read_names(value, field, reading)
    if not names:
        refuse("empty", field, "an array with at least one name", "an empty one")
    return names


def read_labels(value: Any, field: str, reading: Reading) -> Tuple[str, ...]:
    """Names in an array, or in one text with commas or line ends between them."""
    if isinstance(value, str):
        expected = "an array of strings, or a string with names between commas"
        text_at(value, field, expected)
        parts = [part for part in map(trim, re.split("[,\n]", value)) if part]
        if not parts:
            refuse("blank", field, expected, "blank")
        return read_names(parts, field, reading)
    return read_names(value, field, reading)


def read_reactions(value: Any, field: str, reading: Reading) -> Tuple[str, ...]:
    """Reactions, in capitals."""
    return tuple(name.upper() for name in read_names(value, field, reading))


def read_limits(value: Any, field: str, reading: Reading) -> Tuple[Tuple[str, int], ...]:
    """How often each tool may be called, by name."""
    limits: Dict[str, int] = {}
    for tool, number in object_at(value, field).items():
        where = f"{field}.{tool}"
        name = text_at(tool, where, "the name of a tool")
        if name in limits:
            refuse("duplicate", where, "one limit for each tool", "two")
        if not isinstance(number, int) or isinstance(number, bool):
            refuse("type", where, "an integer, 0 or more", kind(number))
        if number < 0:
            refuse("range", where, "an integer, 0 or more", "a negative one")
        limits[name] = number
    return tuple(sorted(limits.items()))


def read_word(value: Any, field: str, reading: Reading) -> str:
    """One name."""
    return text_at(value, field)


# -- repositories --------------------------------------------------------------

_SCOPE = "owner/*, owner/name or owner/prefix*, of a-z 0-9 _ -"


def read_repos(value: Any, field: str, reading: Reading) -> Union[str, Tuple[str, ...]]:
    """``all``, ``public``, or scopes, sorted; as it is where spelling is kept."""
    if reading.exact:
        return value  # type: ignore[no-any-return]
    expected = f'"{ALL}", "{PUBLIC}" or an array of scopes'
    if isinstance(value, str):
        word = text_at(value, field, expected).lower()
        if word not in (ALL, PUBLIC):
            refuse("value", field, expected, shown(word))
        return word
    texts = texts_at(value, field, expected)
    if not texts:
        refuse("empty", field, "at least one scope", "an empty array")
    if not reading.scopes:
        return tuple(sorted({text.lower() for text in texts}))
    seen = set()
    for i, text in enumerate(texts):
        where = f"{field}[{i}]"
        owner, slash, name = text.partition("/")
        check_owner(owner, where, _SCOPE, text)
        if not slash:
            refuse("scope", where, _SCOPE, shown(text))
        check_pattern(name, where, _SCOPE, text)
        if text in seen:
            refuse("duplicate", where, "each scope once", shown(text))
        seen.add(text)
    return tuple(sorted(seen))


def check_owner(owner: str, field: str, expected: str, text: str) -> None:
    """Refuse what is no owner's name.  Raises: PolicyError."""
    if not _OWNER.match(owner):
        refuse("scope", field, expected, shown(text))
    if len(owner) > MAX_OWNER:
        refuse("length", field, f"an owner of at most {MAX_OWNER} characters", str(len(owner)))


def check_pattern(name: str, field: str, expected: str, text: str) -> None:
    """Refuse what is no repository's name, prefix with ``*``, or ``*``.  Raises: PolicyError."""
    bare = name[:-1] if name.endswith(WILDCARD) else name
    if name != WILDCARD and not _OWNER.match(bare):
        refuse("scope", field, expected, shown(text))
    if len(bare) > MAX_NAME:
        refuse("length", field, f"a name of at most {MAX_NAME} characters", str(len(bare)))


# -- sinks ---------------------------------------------------------------------

_ENTRY = "[private:|public:|internal:]owner[/pattern]"


def read_accept(value: Any, field: str, reading: Reading) -> Tuple[str, ...]:
    """The secrecy tags that a sink may be told, sorted; ``*`` alone for any."""
    texts = texts_at(value, field)
    if not texts:
        refuse("empty", field, "at least one entry", "an empty array")
    if WILDCARD in texts and len(texts) > 1:
        refuse("wildcard", field, "* alone, or entries without it", f"{len(texts)} entries")
    if texts == [WILDCARD]:
        return (WILDCARD,)
    seen = set()
    for i, text in enumerate(texts):
        where = f"{field}[{i}]"
        before, colon, rest = text.partition(":")
        if colon and before not in VISIBILITIES:
            refuse("value", where, _ENTRY, shown(text))
        owner, slash, name = (rest if colon else text).partition("/")
        check_owner(owner, where, _ENTRY, text)
        if slash:
            check_pattern(name, where, _ENTRY, text)
        if text in seen:
            refuse("duplicate", where, "each entry once", shown(text))
        seen.add(text)
    return tuple(sorted(seen))


def read_visibility(value: Any, field: str, reading: Reading) -> str:
    """Who reads a sink."""
    expected = "one of " + ", ".join(VISIBILITIES)
    word = text_at(value, field, expected).lower()
    if word not in VISIBILITIES:
        refuse("value", field, expected, shown(word))
    return word


# -- the table -----------------------------------------------------------------

ALLOW_ONLY_FIELDS: Tuple[Field, ...] = (
    Field("repos", read_repos, required=True),
    Field("min-integrity", read_integrity, ("integrity",), required=True),
    Field("blocked-users", read_names),
    Field("refusal-labels", read_labels),
    Field("approval-labels", read_names),
    Field("trusted-users", read_names),
    Field("endorsement-reactions", read_reactions),
    Field("disapproval-reactions", read_reactions),
    Field("disapproval-integrity", read_integrity),
    Field("endorser-min-integrity", read_integrity),
    Field("tool-call-limits", read_limits, gateway_only=True),
    Field("promotion-label", read_word, gateway_only=True),
    Field("demotion-label", read_word, gateway_only=True),
)
WRITE_SINK_FIELDS: Tuple[Field, ...] = (
    Field("accept", read_accept, required=True),
    Field("sink-visibility", read_visibility),
)


def canonical_key(key: str, aliases: Dict[str, str]) -> str:
    """The one spelling of ``key``."""
    lower = key.lower()
    return aliases.get(lower, lower)


def by_key(doc: Dict[str, Any], aliases: Dict[str, str], where: str) -> Dict[str, Any]:
    """The members of ``doc`` under their one spelling.

    Raises: PolicyError where two keys are spellings of one.
    """
    members: Dict[str, Any] = {}
    for key, value in doc.items():
        name = canonical_key(key, aliases)
        if name in members:
            refuse("duplicate", _join(where, key), f"{name} once", "another spelling of it too")
        members[name] = value
    return members


def read_fields(
    value: Any, fields: Tuple[Field, ...], where: str, reading: Reading
) -> Dict[str, Any]:
    """The fields of the object ``value``, by their names in Python; those it lacks are left out.

    Raises: PolicyError.
    """
    doc = object_at(value, where)
    known = {field.key: field for field in fields if not (reading.exact and field.gateway_only)}
    aliases = {alias: field.key for field in known.values() for alias in field.aliases}
    members = _exact(doc, aliases) if reading.exact else by_key(doc, aliases, where)
    for key in members:
        if key not in known:
            unexpected(_join(where, key), tuple(known))
    read: Dict[str, Any] = {}
    for field in known.values():
        place = _join(where, field.key)
        if field.key in members:
            read[field.attribute] = field.read(members[field.key], place, reading)
        elif field.required:
            missing(place)
    return read


def _exact(doc: Dict[str, Any], aliases: Dict[str, str]) -> Dict[str, Any]:
    """The members of ``doc``; a key counts for more than its alias."""
    members = {aliases[key]: value for key, value in doc.items() if key in aliases}
    members.update({key: value for key, value in doc.items() if key not in aliases})
    return members


def unexpected(field: str, known: Tuple[str, ...]) -> NoReturn:
    """Raise the error of a key that nobody knows."""
    expected = "one of " + ", ".join(known)
    raise PolicyError(f"unexpected key {field}: {expected} expected", "unexpected", field, expected)


def missing(field: str, expected: Optional[str] = None) -> NoReturn:
    """Raise the error of a field that must be there."""
    name = expected or field.rpartition(".")[2]
    raise PolicyError(f"{field} is required", "missing", field, name)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
