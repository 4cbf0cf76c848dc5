"""What a guard decides, as values: labels, modes, operations and the three results.

What belongs here: immutable values and their JSON.  What does not: reading
them out of a guard's bytes (``responses``), and comparing them (``difc``).

A label's tags are kept in the guard's own order and number; whoever compares
labels takes them as sets.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, NamedTuple, Optional, Tuple

from hostabi.trace import CallReport

Tags = Tuple[str, ...]


class Place(NamedTuple):
    """Where a list of tags stands in a guard's output.

    ``base`` is the JSON pointer of the array; ``at`` has the index in it of
    each tag that was taken, None where all were.  ``paths`` instead has a
    path for each tag, where they come from several outputs.
    """

    base: str
    at: Optional[Tuple[int, ...]] = None
    paths: Optional[Tuple[str, ...]] = None

    def path(self, i: int) -> str:
        """Where the tag that was taken as number ``i`` stands.

        >>> Place("/resource/secrecy").path(1), Place("/agent/secrecy", (0, 3)).path(1)
        ('/resource/secrecy/1', '/agent/secrecy/3')
        """
        if self.paths is not None:
            return self.paths[i] if i < len(self.paths) else self.base
        return f"{self.base}/{i if self.at is None else self.at[i]}"


NOWHERE = Place("", None, ())
"""The place of tags that no guard wrote."""


class Mode(enum.Enum):
    """How a host enforces the labels."""

    STRICT = "strict"
    FILTER = "filter"
    PROPAGATE = "propagate"


class Operation(enum.Enum):
    """What a tool call does to its resource."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read-write"


@dataclasses.dataclass(frozen=True)
class Labels:
    """The secrecy and integrity tags of one thing, and what the guard calls it.

    ``secrecy_at`` and ``integrity_at`` say where in the guard's output the
    tags stand, for whoever explains a decision; they are no part of the
    labels' value.  ``incomplete``: some integrity tags were left out, being no
    strings; who writes to the thing would need them.
    """

    secrecy: Tags = ()
    integrity: Tags = ()
    description: str = ""
    secrecy_at: Place = dataclasses.field(default=NOWHERE, compare=False, repr=False)
    integrity_at: Place = dataclasses.field(default=NOWHERE, compare=False, repr=False)
    incomplete: bool = dataclasses.field(default=False, compare=False, repr=False)

    def to_json(self) -> Dict[str, Any]:
        """The labels as a JSON object."""
        return {
            "description": self.description,
            "secrecy": list(self.secrecy),
            "integrity": list(self.integrity),
        }


@dataclasses.dataclass(frozen=True)
class AgentLabels:
    """The answer of ``label_agent``: what the agent may know and must be able to trust.

    ``normalized_policy`` is the policy as the guard understood it, None if it
    did not say.  ``raw`` is the guest's output.
    """

    labels: Labels
    mode: Mode
    normalized_policy: Optional[Dict[str, Any]]
    raw: bytes
    report: CallReport = dataclasses.field(default_factory=CallReport, compare=False)

    @property
    def secrecy(self) -> Tags:
        """The agent's secrecy tags."""
        return self.labels.secrecy

    @property
    def integrity(self) -> Tags:
        """The agent's integrity tags."""
        return self.labels.integrity

    def to_json(self) -> Dict[str, Any]:
        """The answer as a JSON object, without ``raw`` and ``report``."""
        return {
            "secrecy": list(self.secrecy),
            "integrity": list(self.integrity),
            "difc_mode": self.mode.value,
            "normalized_policy": self.normalized_policy,
        }


@dataclasses.dataclass(frozen=True)
class ResourceLabels:
    """The answer of ``label_resource``: what a tool call would touch, and how.

    ``stated`` is False where the guard names no operation, or one that there
    is none of.  That counts as a write, but nobody knows.
    """

    labels: Labels
    operation: Operation
    raw: bytes
    report: CallReport = dataclasses.field(default_factory=CallReport, compare=False)
    stated: bool = dataclasses.field(default=True, compare=False)

    @property
    def description(self) -> str:
        """What the guard calls the resource."""
        return self.labels.description

    @property
    def secrecy(self) -> Tags:
        """The resource's secrecy tags."""
        return self.labels.secrecy

    @property
    def integrity(self) -> Tags:
        """The resource's integrity tags."""
        return self.labels.integrity

    def to_json(self) -> Dict[str, Any]:
        """The answer as a JSON object, without ``raw`` and ``report``."""
        return {**self.labels.to_json(), "operation": self.operation.value}


class LabelSource(enum.Enum):
    """Where an item's labels come from."""

    OWN = "own"
    """The guard named them for this item."""
    DEFAULT = "default"
    """The guard's default labels."""
    RESOURCE = "resource"
    """The resource's labels, as the guard gave neither of the above."""
    NONE = "none"
    """Nowhere."""


@dataclasses.dataclass(frozen=True)
class Item:
    """One item of a response.

    ``labels`` is None for an item the guard handed back without labels: it is
    to be treated as denied.
    """

    data: Any
    labels: Optional[Labels]
    source: LabelSource

    def to_json(self) -> Dict[str, Any]:
        """The item's labels as a JSON object, without its data."""
        labels = None if self.labels is None else self.labels.to_json()
        return {"labels": labels, "source": self.source.value}


@dataclasses.dataclass(frozen=True)
class ResponseLabels:
    """The answer of ``label_response``: the items of a tool's result and their labels.

    ``format`` is ``paths`` or ``items``.  ``collection`` says whether the
    items are the elements of an array; otherwise the only item is the whole
    result as it came.  ``items_path`` leads to that array in the result.
    """

    items: Tuple[Item, ...]
    format: str
    collection: bool
    raw: bytes
    report: CallReport = dataclasses.field(default_factory=CallReport, compare=False)
    items_path: str = ""

    def to_json(self) -> Dict[str, Any]:
        """The answer as a JSON object, without ``raw``, ``report`` and the items' data."""
        return {
            "format": self.format,
            "collection": self.collection,
            "items": [item.to_json() for item in self.items],
        }
