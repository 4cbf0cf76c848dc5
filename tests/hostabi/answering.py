"""A labeller for tests that answers what it is told to, through the real readers of answers.

What belongs here: bytes in place of a guest.  What does not: any decision.
"""

from __future__ import annotations

import json
from typing import Any, Callable, List, Tuple, Union

from hostabi import responses
from hostabi.inputs import OMITTED, policy_object
from hostabi.labels import ResourceLabels

Answer = Union[bytes, Any, Callable[..., Any]]


def raw(answer: Answer, *args: Any) -> bytes:
    """An answer as a guest's output: bytes as they are, anything else as JSON."""
    if callable(answer):
        answer = answer(*args)
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def labels(secrecy: Any = (), integrity: Any = (), description: str = "") -> dict:
    """A labels object."""
    return {"description": description, "secrecy": list(secrecy), "integrity": list(integrity)}


def agent(secrecy: Any = (), integrity: Any = (), mode: str = "filter", **more: Any) -> dict:
    """An answer of ``label_agent``."""
    return {"agent": {"secrecy": list(secrecy), "integrity": list(integrity)}, "difc_mode": mode, **more}


def resource(secrecy: Any = (), integrity: Any = (), operation: str = "read") -> dict:
    """An answer of ``label_resource``."""
    return {"resource": labels(secrecy, integrity, "the resource"), "operation": operation}


def by_path(*own: Any, default: Any = None, items_path: str = "") -> dict:
    """A path-format answer: the labels of each item, None for one without."""
    paths = [
        {"path": f"{items_path}/{i}", "labels": one} for i, one in enumerate(own) if one is not None
    ]
    doc = {"labeled_paths": paths, "items_path": items_path}
    return doc if default is None else {**doc, "default_labels": default}


class Answering:
    """Answers with the bytes it is given; ``calls`` has what it was asked."""

    healthy = True

    def __init__(
        self, agent: Answer = None, resource: Answer = None, response: Answer = b"",
        name: str = "fake",
    ) -> None:  # fmt: skip
        self.name = name
        self.agent = globals()["agent"]() if agent is None else agent
        self.resource = globals()["resource"]() if resource is None else resource
        self.response = response
        self.calls: List[Tuple[Any, ...]] = []

    def label_agent(self, policy: Any, *, backend: Any = None) -> Any:
        self.calls.append(("agent", policy))
        return responses.parse_agent(raw(self.agent, policy_object(policy)))

    def label_resource(self, tool_name: str, tool_args: Any, *, capabilities=None, backend=None) -> ResourceLabels:
        self.calls.append(("resource", tool_name, tool_args))
        return responses.parse_resource(raw(self.resource, tool_name, tool_args))

    def label_response(
        self, tool_name, tool_result, tool_args=OMITTED, *, capabilities=None, request_state=None,
        resource=None, backend=None,
    ):  # fmt: skip
        self.calls.append(("response", tool_name, tool_result, tool_args))
        own = resource.labels if isinstance(resource, ResourceLabels) else resource
        return responses.parse_response(raw(self.response, tool_result), tool_result, own)

    def asked(self, what: str) -> int:
        """How often it was asked for the labels of ``what``."""
        return sum(call[0] == what for call in self.calls)

    def cancel(self, thread=None) -> None:
        pass

    def close(self) -> None:
        pass


class Apart(Answering):
    """One that agents with different policies can share: its answers depend on none."""

    def under(self, policy: Any) -> Apart:
        return self
