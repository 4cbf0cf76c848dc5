"""Which guard stands before which server.

What belongs here: the registry.  What does not: finding and loading guards
(``discovery``), and which of several a server gets (``registration``).

ABI: section 7, registry.
"""

from __future__ import annotations

import dataclasses
import threading
from typing import Any, Dict, List, Optional, Tuple

from hostabi.builtin import NoopGuard
from hostabi.errors import GuardCloseError
from hostabi.guard import GATEWAY
from hostabi.labeller import Labeller
from hostabi.unavailable import UnavailableGuard
from wasmpy.api.checks import check_kind

_ASKED = ("label_agent", "label_resource", "label_response", "close")
"""What a labeller is asked to do here and by a pipeline."""


@dataclasses.dataclass(frozen=True)
class GuardInfo:
    """What is registered for a server."""

    server: str
    name: str
    kind: str
    """The guard's class."""
    healthy: bool
    noop: bool

    def to_json(self) -> Dict[str, Any]:
        """The facts as a JSON object."""
        return dataclasses.asdict(self)


class Registry:
    """Guards by the identifiers of their servers; for any number of threads.

    A server that nobody registered a guard for gets one that refuses every
    call; with ``compat="gateway"`` the noop guard, before which agents without
    labels may do anything.

    The registry owns its guards: what it no longer has for any server, it
    closes.

    >>> registry = Registry()
    >>> registry.get("github").healthy, Registry(compat="gateway").get("github").name
    (False, 'noop')
    """

    def __init__(self, *, compat: Optional[str] = None) -> None:
        if compat not in (None, GATEWAY):
            raise ValueError(f'compat is None or "{GATEWAY}", not {compat!r}')
        self._gateway = compat == GATEWAY
        self._lock = threading.Lock()
        self._guards: Dict[str, Labeller] = {}

    def register(self, server: str, guard: Labeller) -> None:
        """Have ``guard`` answer for ``server``; the one it had is closed, if it has no other.

        Raises: TypeError for what is no labeller.
        """
        check_kind("server", server, str)
        lacking = [name for name in _ASKED if not callable(getattr(guard, name, None))]
        if lacking:
            kind = type(guard).__name__
            raise TypeError(f"guard is a Guard or another labeller, not {kind}: no {lacking[0]}")
        with self._lock:
            before = self._guards.get(server)
            self._guards[server] = guard
        self._let_go(before)

    def get(self, server: str) -> Labeller:
        """The guard of a server; never none."""
        with self._lock:
            found = self._guards.get(server)
        if found is not None:
            return found
        return NoopGuard() if self._gateway else UnavailableGuard(server)

    def has(self, server: str) -> bool:
        """Whether a guard is registered for it."""
        with self._lock:
            return server in self._guards

    def remove(self, server: str) -> bool:
        """Register none for a server any more, and close the one it had; whether it had one."""
        with self._lock:
            before = self._guards.pop(server, None)
        self._let_go(before)
        return before is not None

    def list(self) -> List[str]:
        """The servers that a guard is registered for, in order."""
        with self._lock:
            return sorted(self._guards)

    def info(self) -> Dict[str, GuardInfo]:
        """What is registered, by server, in order."""
        with self._lock:
            found = sorted(self._guards.items())
        return {server: _info(server, guard) for server, guard in found}

    def has_non_noop(self) -> bool:
        """Whether any guard labels anything: without one nothing is enforced."""
        with self._lock:
            return any(not isinstance(guard, NoopGuard) for guard in self._guards.values())

    def close(self) -> None:
        """Close every guard, whatever happens to one of them; may be called again.

        They stay registered and refuse what they are asked.

        Raises: GuardCloseError with all that went wrong, when all were tried.
        """
        with self._lock:
            found = sorted(self._guards.items())
        done: List[Labeller] = []
        failures: List[Tuple[str, BaseException]] = []
        for server, guard in found:
            if any(guard is other for other in done):
                continue
            done.append(guard)
            try:
                guard.close()
            except Exception as error:  # noqa: BLE001 - the others are closed all the same
                failures.append((server, error))
        if failures:
            raise GuardCloseError(failures) from failures[0][1]

    def _let_go(self, guard: Optional[Labeller]) -> None:
        """Close a guard that no server has any more."""
        if guard is None:
            return
        with self._lock:
            if any(guard is other for other in self._guards.values()):
                return
        guard.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _info(server: str, guard: Labeller) -> GuardInfo:
    return GuardInfo(
        server, guard.name, type(guard).__name__, guard.healthy, isinstance(guard, NoopGuard)
    )
