"""A backend made of rules: which question has which answer.

What belongs here: reading the rules and finding the one that fits.  What does
not: answering the guest (``backend``).

A rule is an object ``{"tool_name", "tool_args", "result"}``, or with ``error``
in the place of ``result``.  Without ``tool_args`` it fits any arguments, else
equal ones (as JSON: in any order of keys).  The first rule that fits answers;
where none fits, the backend has no answer.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional

from hostabi.errors import BackendError, PayloadError
from hostabi.payload import encode, kind

_KEYS = ("tool_name", "tool_args", "result", "error")


class Rule(NamedTuple):
    """One rule; ``args`` are encoded, None for any; one of ``result`` and ``error`` counts."""

    tool_name: str
    args: Optional[bytes]
    result: Any
    error: Optional[str]


class RulesBackend:
    """A backend that answers by rules, from a JSON array of them.

    >>> ask = RulesBackend([{"tool_name": "get", "tool_args": {"id": 1}, "result": "one"},
    ...                     {"tool_name": "get", "error": "no such thing"}])
    >>> ask("get", {"id": 1})
    'one'
    >>> ask("get", {"id": 2})
    Traceback (most recent call last):
    hostabi.errors.BackendError: no such thing

    Raises: PayloadError for what is no array of rules.
    """

    def __init__(self, rules: Any) -> None:
        if not isinstance(rules, list):
            raise PayloadError(f"backend rules are an array, not {kind(rules)}", "type")
        self.rules: List[Rule] = [_rule(i, doc) for i, doc in enumerate(rules)]

    def __call__(self, tool_name: str, tool_args: Any) -> Any:
        """The answer.  Raises: BackendError."""
        args = encode(tool_args)
        for rule in self.rules:
            if rule.tool_name == tool_name and rule.args in (None, args):
                if rule.error is not None:
                    raise BackendError(rule.error)
                return rule.result
        # Without the arguments: what a backend says of itself may get into logs.
        raise BackendError(f"no rule for {tool_name} with these arguments ({len(args)} bytes)")


def _rule(index: int, doc: Any) -> Rule:
    """The rule that ``doc`` is."""
    where = f"backend rule {index}"
    if not isinstance(doc, dict):
        raise PayloadError(f"{where} is an object, not {kind(doc)}", "type")
    unknown = sorted(set(doc) - set(_KEYS))
    if unknown:
        raise PayloadError(f"{where} has an unknown key {unknown[0]!r}", "key")
    if not isinstance(doc.get("tool_name"), str):
        raise PayloadError(f"{where} needs a tool_name", "key")
    if ("result" in doc) == ("error" in doc):
        raise PayloadError(f"{where} needs either result or error", "key")
    error = doc.get("error")
    if "error" in doc and not isinstance(error, str):
        raise PayloadError(f"the error of {where} is a string, not {kind(error)}", "type")
    args = encode(doc["tool_args"]) if "tool_args" in doc else None
    return Rule(doc["tool_name"], args, doc.get("result"), error)
