"""What a guard is given: the objects that the three label functions get as JSON.

What belongs here: which keys are sent, and when.  What does not: their
encoding (``payload``), and what a policy may say (``policy``).
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from hostabi import abi
from hostabi.errors import PayloadError, PolicyError
from hostabi.payload import decode, kind, trim


class _Omitted:
    """The type of :data:`OMITTED`."""

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED = _Omitted()
"""Not sent at all, where None would be sent as ``null``."""


def policy_object(policy: Any, *, strict: bool = True) -> Dict[str, Any]:
    """A policy as an object: itself, or what its JSON text says.

    ``strict`` refuses a text that says something twice, where the last counts
    otherwise.

    Raises: PolicyError for None, a blank or invalid string, and what is no
    object.
    """
    if policy is None:
        raise PolicyError("policy is required", "missing", expected="an object")
    if isinstance(policy, (str, bytes)):
        text = policy if isinstance(policy, str) else policy.decode("utf-8", "replace")
        if not trim(text):
            raise PolicyError(
                "policy is required: the text is blank", "missing", expected="an object"
            )
        try:
            policy = decode(trim(text), max_bytes=abi.MAX_INPUT, strict=strict)
        except PayloadError as error:
            raise PolicyError(
                f"policy is not valid: {error}", "json", expected="JSON of an object"
            ) from error
    if not isinstance(policy, dict):
        raise PolicyError(
            f"policy must be an object, not {kind(policy)}", "type", expected="an object"
        )
    return policy


def resource_input(tool_name: str, tool_args: Any, capabilities: Any = None) -> Dict[str, Any]:
    """What ``label_resource`` is given; ``tool_args`` are always there, perhaps null.

    ``capabilities`` is what is sent of them (``granted``), None for nothing.
    """
    _check_name(tool_name)
    doc: Dict[str, Any] = {"tool_name": tool_name, "tool_args": tool_args}
    if capabilities is not None:
        doc["capabilities"] = capabilities
    return doc


def response_input(
    tool_name: str, tool_result: Any, tool_args: Any = OMITTED, capabilities: Any = None
) -> Dict[str, Any]:
    """What ``label_response`` is given; the result raw, wrapped or not."""
    _check_name(tool_name)
    doc: Dict[str, Any] = {"tool_name": tool_name, "tool_result": tool_result}
    if tool_args is not OMITTED:
        doc["tool_args"] = tool_args
    if capabilities is not None:
        doc["capabilities"] = capabilities
    return doc


def args_from_state(state: Any) -> Any:
    """The tool arguments that a request's state holds, ``OMITTED`` if it is no map with them."""
    if isinstance(state, Mapping) and "tool_args" in state:
        return state["tool_args"]
    return OMITTED


def granted(capabilities: Any, *, whole: bool = False) -> Any:
    """What is sent of the capabilities that a caller grants; None for none.

    Any are ``{}``, as the gateway has it (D19).  ``whole`` sends them: an
    object as it is, labels and the like as they say themselves
    (``to_json``), and a collection of tags as ``{"tags": [...]}``, sorted.

    Raises: PayloadError for anything else.
    """
    if capabilities is None:
        return None
    if not whole:
        return {}
    if hasattr(capabilities, "to_json"):
        return capabilities.to_json()
    if isinstance(capabilities, dict):
        return capabilities
    tags = capabilities if isinstance(capabilities, (list, tuple, set, frozenset)) else [None]
    if all(isinstance(tag, str) for tag in tags):
        return {"tags": sorted(set(tags))}
    raise PayloadError("capabilities are an object, or a collection of tags", "type")


def _check_name(tool_name: Any) -> None:
    if not isinstance(tool_name, str):
        raise PayloadError(f"tool_name is a string, not {kind(tool_name)}", "type")
