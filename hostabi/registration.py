"""Which guard a server gets: found, a sink, configured, or none; and what it is asked under.

What belongs here: the order of registration, and what becomes of a guard that
does not load or has no policy.  What does not: finding files (``discovery``),
policies and their order (``policy_sources``), the registry itself.

ABI: section 7, registration; defect D22.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Mapping, Optional, Tuple

from hostabi import policy_sources
from hostabi.builtin import NoopGuard, WriteSinkGuard
from hostabi.discovery import BAKED_IN, discover
from hostabi.errors import GuardError, GuardLoadError, PolicyError
from hostabi.guard import Guard
from hostabi.labeller import Labeller
from hostabi.policy import Policy, WriteSink
from hostabi.policy_sources import ResolvedPolicy
from hostabi.registry import Registry
from hostabi.settings import Settings
from hostabi.unavailable import loaded

NOOP = "noop"
WASM = "wasm"

Load = Callable[..., Labeller]
"""Makes a guard from a file: called with the path and ``name=``."""


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """What is configured for a server.

    ``guard`` is ``noop`` or empty for none, ``wasm`` for the file at ``path``,
    or the name of a registered factory.  ``policies`` are the server's own,
    ``guard_policy`` that of the guard it names.
    """

    guard: str = ""
    path: Optional[str] = None
    policies: Any = None
    guard_policy: Any = None


@dataclasses.dataclass(frozen=True)
class Registered:
    """What a server got: the guard, the policy to ask it under (None for none), and why.

    ``source`` is ``discovered``, ``write-sink``, ``configured`` or ``none``.
    ``cause`` is why it is another one than that.
    """

    server: str
    guard: Labeller
    policy: Optional[Policy]
    source: str
    cause: Optional[GuardError] = None


def register_server(
    registry: Registry, server: str, config: Optional[ServerConfig] = None, *,
    env: Optional[Mapping[str, str]] = None, settings: Optional[Settings] = None,
    factories: Optional[Mapping[str, Callable[[], Labeller]]] = None, load: Load = Guard,
    compat: Optional[str] = None, baked_in: Optional[str] = BAKED_IN,
) -> Registered:  # fmt: skip
    """Register a server's guard: one that was found, else a sink, else the configured, else none.

    A guard that does not load, and one that has no policy, is replaced by one
    that refuses everything; in the gateway by the noop guard.  A server for
    which nothing is configured gets what the registry has for unknown ones.

    Raises: PolicyError; GuardDiscoveryError; GuardLoadError for a
    configuration that makes no sense.
    """
    config = config or ServerConfig()
    found = _policy(server, config, env or {}, settings or Settings())
    source, make = _choice(server, config, found, env or {}, factories or {}, load, baked_in)
    if make is None:
        registry.remove(server)
        return Registered(server, registry.get(server), None, source)
    made = _Made(make)
    guard = loaded(made, server, compat=compat)
    cause = made.error
    needs_policy = made.error is None and not isinstance(guard, (NoopGuard, WriteSinkGuard))
    if needs_policy and found.policy is None:
        guard.close()
        cause = PolicyError("policy is required", "missing", "", "a policy for the guard")
        guard = loaded(_Raises(cause), server, compat=compat)
    registry.register(server, guard)
    return Registered(server, guard, found.policy if cause is None else None, source, cause)


def _policy(
    server: str, config: ServerConfig, env: Mapping[str, str], settings: Settings
) -> ResolvedPolicy:
    """The policy of a server.  Raises: PolicyError."""
    return policy_sources.resolve(
        server, cli=settings.policy or settings.flag("policy_json"), cli_scope=settings.scope,
        env=env, server_policies=config.policies, guard_policy=config.guard_policy,
    )  # fmt: skip


def _choice(
    server: str, config: ServerConfig, found: ResolvedPolicy, env: Mapping[str, str],
    factories: Mapping[str, Callable[[], Labeller]], load: Load, baked_in: Optional[str],
) -> Tuple[str, Optional[Callable[[], Labeller]]]:  # fmt: skip
    """Where a server's guard comes from, and how it is made; None for no guard at all."""
    path = discover(server, env, baked_in=baked_in)
    if path is not None:
        return "discovered", lambda: load(path, name=server)
    policy = found.policy
    if isinstance(policy, WriteSink):
        return "write-sink", lambda: WriteSinkGuard(policy.accept, policy.sink_visibility, server)
    if config.guard == NOOP:
        return "configured", lambda: NoopGuard(server)
    if config.guard == WASM:
        file = config.path
        if not file:
            raise GuardLoadError(f"the guard of server {server!r} needs a path", "read")
        return "configured", lambda: load(file, name=server)
    if config.guard:
        factory = factories.get(config.guard)
        if factory is None:
            raise GuardLoadError(f"nobody knows a guard {config.guard!r}", "name")
        return "configured", factory
    return "none", None


class _Made:
    """Makes a guard, and remembers why it could not."""

    def __init__(self, make: Callable[[], Labeller]) -> None:
        self._make = make
        self.error: Optional[GuardError] = None

    def __call__(self) -> Labeller:
        try:
            return self._make()
        except GuardError as error:
            self.error = error
            raise


class _Raises:
    """Makes no guard."""

    def __init__(self, error: GuardError) -> None:
        self._error = error

    def __call__(self) -> Labeller:
        raise self._error
