"""A guard whose labels are enforced in a mode that somebody else chose.

What belongs here: that one change.  What does not: what a mode means
(``hostabi.difc``).

A guard says itself in which mode its labels are to be enforced, and a pipeline
does so, whatever the operator's mode.  Who tries a guard wants to see what
another mode makes of the same labels.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Optional

from hostabi.around import Around
from hostabi.backend import Backend
from hostabi.labeller import Labeller
from hostabi.labels import AgentLabels, Mode
from hostabi.pinned import keeps_apart, policy_of, under


class InMode(Around):
    """``guard``, with its labels enforced in ``mode``; it has ``under`` if the guard has."""

    under: Callable[[Any], InMode]
    """The guard under a policy, whatever else it is asked, in the same mode."""

    def __init__(self, guard: Labeller, mode: Mode) -> None:
        super().__init__(guard)
        self._mode = mode
        if keeps_apart(guard):
            self.under = self._under

    def _under(self, policy: Any) -> InMode:
        """Raises: PolicyError, PayloadError."""
        return InMode(under(self._guard, policy), self._mode)

    @property
    def policy(self) -> Optional[bytes]:
        """The policy it is under, as the guest is given it; None of what is no view."""
        return policy_of(self._guard)

    def label_agent(self, policy: Any, *, backend: Optional[Backend] = None) -> AgentLabels:
        """The guard's labels of the agent, and the mode that was chosen."""
        answer = self._guard.label_agent(policy, backend=backend)
        return dataclasses.replace(answer, mode=self._mode)
