"""A guard or a pool under one policy: what an agent's calls are labelled through.

What belongs here: the view that names its policy in every call.  What does
not: giving the policy to an instance that has another (``guard``).

Guests keep the policy in their memory, one at a time.  Two agents with two
policies that share a guard would each be labelled under the policy of the one
that came last; through a view each call finds the instance under its own.
"""

from __future__ import annotations

from typing import Any, Optional, Protocol, Tuple

from hostabi.backend import Backend
from hostabi.errors import PolicyError
from hostabi.labeller import Labeller
from hostabi.labels import AgentLabels
from hostabi.questions import Given, LabelCalls, Question


class Answers(Protocol):
    """What a view asks: it answers any question under any policy."""

    name: str

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""

    def answer(
        self, question: Question, *, backend: Optional[Backend] = None,
        under: Optional[Given] = None,
    ) -> Any:  # fmt: skip
        """The answer of an instance that was given ``under`` and no other policy since."""

    def give(
        self, question: Question, *, backend: Optional[Backend] = None
    ) -> Tuple[AgentLabels, Given]:
        """Give a policy for calls under it alone."""

    def cancel(self, thread: Optional[int] = None) -> None:
        """Stop the calls under way."""


class Pinned(LabelCalls):
    """What a guard or a pool answers under one policy, whatever else it is asked.

    Made by ``under``.  ``label_agent`` needs no argument; any other policy
    than its own is a ``PolicyError``.  Closing a view closes nothing: others
    use the guard too.
    """

    def __init__(self, owner: Answers, question: Question) -> None:
        self.name = owner.name
        self._owner = owner
        self._policy_question = question
        self._given = Given(question.payload)
        self._gateway = question.gateway
        self._manner = question.manner

    @property
    def healthy(self) -> bool:
        """Whether the next call has a chance."""
        return self._owner.healthy

    @property
    def policy(self) -> bytes:
        """The policy, as the guest is given it."""
        return self._given.payload

    def label_agent(self, policy: Any = None, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The labels of an agent under the view's policy.

        Raises: PolicyError for another policy; PayloadError, GuardCallError.
        """
        if policy is not None and self._agent_question(policy).payload != self.policy:
            raise self._other_policy()
        labels, self._given = self._owner.give(self._policy_question, backend=backend)
        return labels

    @staticmethod
    def _other_policy() -> PolicyError:
        return PolicyError(
            "this view of the guard is under another policy", "pinned", "", "its own policy"
        )

    def _answer(self, question: Question, backend: Optional[Backend]) -> Any:
        return self._owner.answer(question, backend=backend, under=self._given)

    def cancel(self, thread: Optional[int] = None) -> None:
        """Stop the calls under way, those of others too; only those of ``thread``, if given."""
        self._owner.cancel(thread)

    def close(self) -> None:
        """Nothing: the guard is closed by who made it."""

    def __repr__(self) -> str:
        return f"<hostabi.{type(self).__name__} of {self._owner!r}>"


def keeps_apart(labeller: Labeller) -> bool:
    """Whether two agents under two policies can share ``labeller``: it has ``under``."""
    return getattr(labeller, "under", None) is not None


def policy_of(labeller: Labeller) -> Optional[bytes]:
    """The policy that a view is under, as the guest is given it; None of what is no view."""
    found = getattr(labeller, "policy", None)
    return found if isinstance(found, bytes) else None


def under(labeller: Labeller, policy: Any) -> Labeller:
    """``labeller`` under ``policy``; itself if it cannot be put under one (``keeps_apart``).

    Raises: PolicyError, PayloadError.
    """
    view = getattr(labeller, "under", None)
    if view is None:
        return labeller
    made: Labeller = view(policy)
    return made
