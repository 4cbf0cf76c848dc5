"""What a case file may say: every key, and what its value is.

What belongs here: the tables that reading, comparing and updating derive
from.  What does not: any of these.

``docs/reference/guard-cases.md`` explains each key; a test compares the page
with the tables.
"""

from __future__ import annotations

import enum
from typing import Dict, NamedTuple, Optional, Tuple, Type

from hostabi import abi
from hostabi.difc.check import Rule, Side
from hostabi.guard import GATEWAY, OUTPUTS
from hostabi.labels import LabelSource, Mode, Operation


class Kind(enum.Enum):
    """What an expected value is, and so how it is compared."""

    TAGS = "an array of strings"
    """As sets."""
    WORD = "a word"
    """One of the field's ``words``, of which None is null."""
    TEXT = "a string"
    TEXT_OR_NULL = "a string or null"
    FLAG = "true or false"
    COUNT = "a number from 0"
    AT_MOST = "a number from 0, the most that is allowed"
    JSON = "any JSON"
    OBJECT = "an object"
    """Only the keys that are given."""
    ITEMS = "an array of objects"
    """As many, in order, each compared as an object."""
    LOGS = "an array of strings and objects"
    """Every line, in order."""
    LOGS_INCLUDE = "an array of strings and objects, some of the lines"
    """Lines that are there, in this order."""
    QUESTIONS = "an array of objects with tool_name"
    """Every question, in order."""
    ERROR = "an error's class name, or an object with it as error"


class Field(NamedTuple):
    """What stands at a key."""

    kind: Kind
    words: Tuple[Optional[str], ...] = ()
    fields: Optional[Dict[str, Field]] = None


def _words(of: Type[enum.Enum]) -> Tuple[str, ...]:
    """The values of an enumeration of words."""
    return tuple(str(member.value) for member in of)


TAGS = {"secrecy": Field(Kind.TAGS), "integrity": Field(Kind.TAGS)}
LABELS = {**TAGS, "description": Field(Kind.TEXT)}
RESOURCE = {**LABELS, "operation": Field(Kind.WORD, _words(Operation))}
ITEM = {
    **LABELS,
    "labelled": Field(Kind.FLAG),
    "source": Field(Kind.WORD, _words(LabelSource)),
}
VERDICT = {
    "rule": Field(Kind.WORD, (*_words(Rule), None)),
    "missing_integrity": Field(Kind.TAGS),
    "extra_secrecy": Field(Kind.TAGS),
}
COMMON = {
    "error": Field(Kind.ERROR),
    "logs": Field(Kind.LOGS),
    "logs_include": Field(Kind.LOGS_INCLUDE),
    "questions": Field(Kind.QUESTIONS),
    "fuel_at_most": Field(Kind.AT_MOST),
    "pages_at_most": Field(Kind.AT_MOST),
    "healthy": Field(Kind.FLAG),
}
"""What may be expected of every call."""

PIPELINE = "pipeline"
"""The call that goes through all phases, to a backend and back."""

EXPECT: Dict[str, Dict[str, Field]] = {
    abi.LABEL_AGENT: {
        **TAGS,
        "difc_mode": Field(Kind.WORD, _words(Mode)),
        "normalized_policy": Field(Kind.JSON),
        **COMMON,
    },
    abi.LABEL_RESOURCE: {**RESOURCE, **COMMON},
    abi.LABEL_RESPONSE: {
        "labelled": Field(Kind.FLAG),
        "format": Field(Kind.WORD, ("paths", "items")),
        "collection": Field(Kind.FLAG),
        "items": Field(Kind.ITEMS, fields=ITEM),
        **COMMON,
    },
    PIPELINE: {
        "allowed": Field(Kind.FLAG),
        "called": Field(Kind.FLAG),
        "mode": Field(Kind.WORD, _words(Mode)),
        "kept": Field(Kind.COUNT),
        "dropped": Field(Kind.COUNT),
        "items": Field(Kind.ITEMS, fields={"kept": Field(Kind.FLAG), **VERDICT, **ITEM}),
        "denial": Field(
            Kind.OBJECT,
            fields={
                "side": Field(Kind.WORD, _words(Side)),
                "message": Field(Kind.TEXT),
                **VERDICT,
            },
        ),
        "resource": Field(Kind.OBJECT, fields={**RESOURCE, **VERDICT}),
        "agent": Field(Kind.OBJECT, fields=TAGS),
        "result": Field(Kind.JSON),
        "notice": Field(Kind.TEXT_OR_NULL),
        **COMMON,
    },
}
"""What may be expected of each call."""

FIRST_KEYS: Dict[str, Tuple[str, ...]] = {
    abi.LABEL_AGENT: ("secrecy", "integrity", "difc_mode"),
    abi.LABEL_RESOURCE: ("secrecy", "integrity", "operation"),
    abi.LABEL_RESPONSE: ("labelled", "items"),
    PIPELINE: ("allowed", "denial", "items"),
}
"""What is written of a call that nothing is expected of yet."""
FIRST_ITEM_KEYS: Dict[str, Tuple[str, ...]] = {
    abi.LABEL_RESPONSE: ("secrecy", "integrity"),
    PIPELINE: ("kept", "rule"),
}
FIRST_DENIAL_KEYS = ("side", "rule", "missing_integrity", "extra_secrecy")

CALL_KEYS: Dict[str, Tuple[str, ...]] = {
    abi.LABEL_AGENT: ("policy",),
    abi.LABEL_RESOURCE: ("tool_name", "tool_args"),
    abi.LABEL_RESPONSE: ("tool_name", "tool_args", "tool_result"),
    PIPELINE: ("tool_name", "tool_args", "tool_result", "tool_error"),
}
"""What each call is given, besides ``call`` and ``expect``."""

SETTINGS = ("policy", "backend", "limits", "mode", "compat", "outputs")
"""What a file says for all its cases, and a case for itself."""
FILE_KEYS = ("description", *SETTINGS, "cases")
CASE_KEYS = ("name", "description", *SETTINGS, "agent", "load_error", "calls")
LIMIT_KEYS = ("fuel", "timeout", "max_memory_pages")
LOG_KEYS = ("level", "text", "contains", "source")
QUESTION_KEYS = ("tool_name", "tool_args", "answered")

WORDS = {"mode": _words(Mode), "compat": (GATEWAY,), "outputs": OUTPUTS}
"""The settings that are words."""

MAX_TIMEOUT = 3600
MAX_PAGES = 65_536
MAX_FUEL = 10**15
