"""The agents: what each may know and must be able to trust, by which guard, and since when.

What belongs here: the labels of all agents, safe to use from many threads.
What does not: asking a guard for them (``hostabi.pipeline``).

An agent's labels are those that its guards gave it, united; what it read while
propagating adds secrecy and limits integrity.  A guard that is asked again,
with another policy, replaces what it gave before; what was read stays read.

ABI: section 6, Phases and Session.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from hostabi import abi
from hostabi.difc.algebra import union
from hostabi.difc.modes import Taint
from hostabi.errors import GuardCancelled, TooManyAgents
from hostabi.labels import Labels, Mode, Place, Tags

MAX_AGENTS = 10_000
"""How many agents a registry has room for unless something else is said."""
LOOK = 0.05
"""Seconds after which who waits for a turn looks whether it was stopped."""
STRICTEST = (Mode.STRICT, Mode.FILTER, Mode.PROPAGATE)
"""The modes, the strictest first."""


class Grant(NamedTuple):
    """What one guard gave an agent: under which policy (as it was sent), which labels and mode.

    ``labeller`` labels the agent's calls: ``guard`` under that policy.
    """

    policy: bytes
    labels: Labels
    mode: Mode
    labeller: Any = None
    guard: Any = None


class _Agent:
    """One agent's state; the registry's lock is held by whoever touches it."""

    def __init__(self) -> None:
        self.grants: Dict[str, Grant] = {}
        self.taint = Taint()
        self.read_from: Dict[str, str] = {}
        """Secrecy tag picked up by reading -> where it stood."""
        self.views: Dict[str, Labels] = {}
        """The labels as they are shown to one guard; emptied when they change."""


class _Turn:
    """Who asks a guard for an agent's labels, and how many hold the turn or wait for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0


class AgentRegistry:
    """The labels of every agent.

    ``clock`` gives seconds since 1970 for ``snapshot``.  An agent comes into
    being when a guard gives it labels; until then it has none, and an attempt
    that fails leaves nothing.  There is room for ``limit`` agents; more are
    refused (``TooManyAgents``) until ``forget`` makes room: whoever chooses
    agents' names must not fill the memory, and an agent that had to go for
    another one would be without what it read.

    >>> agents = AgentRegistry(clock=lambda: 0)
    >>> agents.grant("a", "github", Grant(b"{}", Labels(("s",), ("t",)), Mode.FILTER))
    >>> agents.labels("a").integrity, agents.labels("b").integrity
    (('t',), ())
    >>> agents.snapshot()["time"]
    '1970-01-01T00:00:00.000Z'
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, limit: int = MAX_AGENTS
    ) -> None:
        self._clock = clock
        self.limit = limit
        self._lock = threading.Lock()
        self._agents: Dict[str, _Agent] = {}
        self._turns: Dict[Tuple[Optional[str], str], _Turn] = {}
        self._numbers = itertools.count(1)

    # -- what there is --------------------------------------------------------

    def labels(self, agent_id: str, guard: str = "") -> Labels:
        """The agent's labels; empty for one that no guard has labelled.

        The paths of tags that another guard than ``guard`` gave begin with its
        name and ``#``, those of tags that were read with the tool's.
        """
        with self._lock:
            agent = self._agents.get(agent_id)
            if agent is None:
                return Labels()
            if guard not in agent.views:
                agent.views[guard] = _united(agent, guard)
            return agent.views[guard]

    def granted(self, agent_id: str, guard: str) -> Optional[Grant]:
        """What ``guard`` gave the agent, None for nothing."""
        with self._lock:
            agent = self._agents.get(agent_id)
            return None if agent is None else agent.grants.get(guard)

    def elsewhere(self, agent_id: str, guard: Any, policy: bytes) -> bool:
        """Whether another agent has labels of the labeller ``guard`` under another policy."""
        with self._lock:
            return any(
                grant.guard is guard and grant.policy != policy
                for other, agent in self._agents.items() if other != agent_id
                for grant in agent.grants.values()
            )  # fmt: skip

    def __contains__(self, agent_id: object) -> bool:
        with self._lock:
            return agent_id in self._agents

    def __len__(self) -> int:
        with self._lock:
            return len(self._agents)

    def snapshot(self) -> Dict[str, Any]:
        """Every agent with its tags, sorted, its mode (the strictest of its guards'), and the time.

        The time is RFC 3339, in UTC.
        """
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.timezone.utc)
        with self._lock:
            agents = {
                agent_id: _seen(self._agents[agent_id]) for agent_id in sorted(self._agents)
            }
        time_text = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"agents": agents, "time": time_text}

    # -- changes --------------------------------------------------------------

    @contextlib.contextmanager
    def turn(
        self, agent_id: str, guard: str, stopped: Callable[[], bool] = lambda: False, *,
        alone: bool = False,
    ) -> Iterator[None]:  # fmt: skip
        """Hold off whoever else wants ``guard`` to label the agent: one asks, the others wait.

        ``alone`` holds off those who want it to label any agent ``alone`` too.

        Raises: GuardCancelled when ``stopped`` says so while waiting;
        TooManyAgents where there is no room for the agent.
        """
        key = None if alone else agent_id, guard
        with self._lock:
            self._look_for_room(agent_id)
            turn = self._turns.setdefault(key, _Turn())
            turn.users += 1
        try:
            while not turn.lock.acquire(timeout=LOOK):
                if stopped():
                    raise GuardCancelled(abi.LABEL_AGENT)
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._lock:
                turn.users -= 1
                if not turn.users:
                    del self._turns[key]

    def grant(self, agent_id: str, guard: str, grant: Grant, *, add: bool = False) -> None:
        """What ``guard`` gives the agent from now on, instead of what it gave before.

        ``add`` keeps that too, as the gateway does.

        Raises: TooManyAgents.
        """
        with self._lock:
            agent = self._agent(agent_id)
            old = agent.grants.get(guard)
            if add and old is not None:
                grant = grant._replace(labels=_joined([("", old.labels), ("", grant.labels)]))
            agent.grants[guard] = grant
            agent.views.clear()

    def accumulate(
        self, agent_id: str, taint: Taint, read: Sequence[Labels] = (), source: str = ""
    ) -> Taint:
        """The agent has read what taints it so; the change this makes to its labels.

        ``read`` are the labels of what was read, and ``source`` what it came
        from, for the paths of new tags.  In the result ``secrecy`` are the tags
        gained and ``integrity`` those lost.

        Raises: TooManyAgents.
        """
        with self._lock:
            agent = self._agent(agent_id)
            before = _united(agent, "")
            agent.taint = agent.taint.joined(taint)
            for tag in taint.secrecy.difference(before.secrecy):
                agent.read_from[tag] = f"{source}#{_path_of(tag, read)}"
            agent.views.clear()
            after = _united(agent, "")
        return Taint(
            frozenset(after.secrecy).difference(before.secrecy),
            frozenset(before.integrity).difference(after.integrity),
        )

    def new_name(self) -> str:
        """A name for a guard that has none, so that it replaces no other's labels."""
        return f"guard {next(self._numbers)}"

    def forget(self, agent_id: str) -> None:
        """The agent is gone, with all it has read; one that never was is forgotten too."""
        with self._lock:
            self._agents.pop(agent_id, None)

    def _agent(self, agent_id: str) -> _Agent:
        """The agent, new if there was none; the lock is held.  Raises: TooManyAgents."""
        self._look_for_room(agent_id)
        return self._agents.setdefault(agent_id, _Agent())

    def _look_for_room(self, agent_id: str) -> None:
        """Raises: TooManyAgents for an agent that is new where there is no room for one."""
        if agent_id not in self._agents and len(self._agents) >= self.limit:
            raise TooManyAgents(self.limit)


def _united(agent: _Agent, guard: str) -> Labels:
    """The agent's labels: what its guards gave, and what it has read."""
    named = [
        ("" if name == guard else name, grant.labels) for name, grant in agent.grants.items()
    ]
    labels = _joined(named)
    limit = agent.taint.integrity
    kept = [i for i, tag in enumerate(labels.integrity) if limit is None or tag in limit]
    gained = sorted(agent.taint.secrecy.difference(labels.secrecy))
    paths = [labels.secrecy_at.path(i) for i in range(len(labels.secrecy))]
    paths += [agent.read_from.get(tag, "") for tag in gained]
    return Labels(
        labels.secrecy + tuple(gained),
        tuple(labels.integrity[i] for i in kept),
        "",
        Place("/agent/secrecy", None, tuple(paths)),
        Place("/agent/integrity", None, tuple(labels.integrity_at.path(i) for i in kept)),
    )


def _joined(named: Sequence[Tuple[str, Labels]]) -> Labels:
    """Labels united in order, each tag with the path that it has where it is first."""
    secrecy: Dict[str, str] = {}
    integrity: Dict[str, str] = {}
    for name, labels in named:
        prefix = f"{name}#" if name else ""
        for i, tag in enumerate(labels.secrecy):
            secrecy.setdefault(tag, prefix + labels.secrecy_at.path(i))
        for i, tag in enumerate(labels.integrity):
            integrity.setdefault(tag, prefix + labels.integrity_at.path(i))
    return Labels(
        tuple(secrecy), tuple(integrity), "",
        Place("/agent/secrecy", None, tuple(secrecy.values())),
        Place("/agent/integrity", None, tuple(integrity.values())),
    )  # fmt: skip


def _path_of(tag: str, read: Sequence[Labels]) -> str:
    """Where a secrecy tag stands in the labels that were read."""
    for labels in read:
        if tag in labels.secrecy:
            return labels.secrecy_at.path(labels.secrecy.index(tag))
    return ""


def _seen(agent: _Agent) -> Dict[str, Any]:
    """One agent of the snapshot."""
    labels = _united(agent, "")
    modes = [grant.mode for grant in agent.grants.values()]
    given: List[str] = [mode.value for mode in STRICTEST if mode in modes]
    return {
        "secrecy": _sorted(labels.secrecy),
        "integrity": _sorted(labels.integrity),
        "mode": given[0] if given else None,
        "guards": {name: agent.grants[name].mode.value for name in sorted(agent.grants)},
    }


def _sorted(tags: Tags) -> List[str]:
    return sorted(union(tags))
