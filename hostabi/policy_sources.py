"""Which policy counts, where there are several: the order of their sources.

What belongs here: the order, and the reading of each source.  What does not:
what a policy may say (``policy``), and reading the environment or a command
line; both are given.

ABI: section 5, resolution order.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Dict, Mapping, Optional

from hostabi.inputs import policy_object
from hostabi.payload import trim
from hostabi.policy import Policy, parse_policy
from hostabi.policy_fields import (
    ALIASES,
    ALLOW_ONLY,
    PUBLIC,
    WRITE_SINK,
    canonical_key,
    missing,
    object_at,
    refuse,
    shown,
)

ENV_POLICY = "MCP_GATEWAY_GUARD_POLICY_JSON"
ENV_SCOPE_PUBLIC = "MCP_GATEWAY_ALLOWONLY_SCOPE_PUBLIC"
ENV_SCOPE_OWNER = "MCP_GATEWAY_ALLOWONLY_SCOPE_OWNER"
ENV_SCOPE_REPO = "MCP_GATEWAY_ALLOWONLY_SCOPE_REPO"
ENV_MIN_INTEGRITY = "MCP_GATEWAY_ALLOWONLY_MIN_INTEGRITY"

_TRUE = ("1", "t", "true", "yes", "on")
_FALSE = ("0", "f", "false", "no", "off")


class PolicySource(enum.Enum):
    """Where a policy comes from, the source that counts most first."""

    CLI = "cli"
    """Given on the command line, as JSON or as a scope."""
    ENV_JSON = "env-json"
    ENV_ALLOW_ONLY = "env-allow-only"
    """The variables with a scope and an integrity."""
    SERVER = "server"
    """The policies of the server's own configuration."""
    GUARD = "guard"
    """The policy of the guard that the server names."""
    NONE = "none"
    """There is none: ``label_agent`` is not called."""


@dataclasses.dataclass(frozen=True)
class Scope:
    """An allow-only policy in four settings, as flags and variables give it.

    All texts; blank or None is not given.  ``public`` is a yes or no.
    """

    public: Optional[str] = None
    owner: Optional[str] = None
    repo: Optional[str] = None
    min_integrity: Optional[str] = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Scope:
        """The settings in an environment."""
        return cls(
            env.get(ENV_SCOPE_PUBLIC), env.get(ENV_SCOPE_OWNER), env.get(ENV_SCOPE_REPO),
            env.get(ENV_MIN_INTEGRITY),
        )  # fmt: skip

    def policy(self) -> Optional[Policy]:
        """The policy, None where nothing is given.

        Raises: PolicyError for half a policy, or for two scopes.
        """
        public = _flag(self.public, "scope-public")
        owner, repo = trim(self.owner or ""), trim(self.repo or "")
        integrity = trim(self.min_integrity or "")
        if not (public or owner or repo or integrity):
            return None
        if public and (owner or repo):
            refuse("both", "scope-public", "one scope", "an owner too")
        if repo and not owner:
            missing("scope-owner", "the owner of scope-repo")
        if not public and not owner:
            missing("scope-owner", "scope-public or scope-owner")
        if not integrity:
            missing("min-integrity")
        repos: Any = PUBLIC if public else [f"{owner}/{repo or '*'}"]
        return parse_policy({ALLOW_ONLY: {"repos": repos, "min-integrity": integrity}})


def _flag(text: Optional[str], field: str) -> bool:
    """A yes or no; blank is no.  Raises: PolicyError."""
    word = trim(text or "").lower()
    if word in _TRUE:
        return True
    if word and word not in _FALSE:
        refuse("value", field, "true or false", shown(word))
    return False


@dataclasses.dataclass(frozen=True)
class ResolvedPolicy:
    """The policy that counts, and where it comes from; ``policy`` is None where there is none."""

    policy: Optional[Policy]
    source: PolicySource


def resolve(
    server_id: str = "", *, cli: Any = None, cli_scope: Optional[Scope] = None,
    env: Optional[Mapping[str, str]] = None, server_policies: Any = None,
    guard_policy: Any = None,
) -> ResolvedPolicy:  # fmt: skip
    """The policy of a server: the first of its sources that has one.

    ``cli`` and ``cli_scope`` are what the command line gives, ``env`` the
    environment, ``server_policies`` the policies of the server's configuration
    (see ``server_policy``), ``guard_policy`` that of the guard it names.  A
    source that is there but wrong is an error, never passed over.

    >>> env = {ENV_SCOPE_OWNER: "acme", ENV_MIN_INTEGRITY: "approved"}
    >>> found = resolve("github", env=env, guard_policy={"write-sink": {"accept": ["*"]}})
    >>> found.source.value, found.policy.repos
    ('env-allow-only', ('acme/*',))

    Raises: PolicyError.
    """
    given = env or {}
    if _present(cli):
        return ResolvedPolicy(parse_policy(cli), PolicySource.CLI)
    found = cli_scope.policy() if cli_scope is not None else None
    if found is not None:
        return ResolvedPolicy(found, PolicySource.CLI)
    if _present(given.get(ENV_POLICY)):
        return ResolvedPolicy(parse_policy(given[ENV_POLICY]), PolicySource.ENV_JSON)
    found = Scope.from_env(given).policy()
    if found is not None:
        return ResolvedPolicy(found, PolicySource.ENV_ALLOW_ONLY)
    found = server_policy(server_policies, server_id)
    if found is not None:
        return ResolvedPolicy(found, PolicySource.SERVER)
    if _present(guard_policy):
        return ResolvedPolicy(parse_policy(guard_policy), PolicySource.GUARD)
    return ResolvedPolicy(None, PolicySource.NONE)


def server_policy(policies: Any, server_id: str) -> Optional[Policy]:
    """The policy in a server's configuration; None where it has none.

    It stands there directly, or under the server's identifier, or is the only
    object there, whatever its key.

    Raises: PolicyError where there are policies, but none for this server.
    """
    if policies is None or policies == {}:
        return None
    if not isinstance(policies, (dict, str, bytes)):
        return parse_policy(policies)
    doc = object_at(policy_object(policies), "guard-policies")
    if not doc:
        return None
    if _direct(doc):
        return parse_policy(doc)
    if server_id in doc:
        return parse_policy(object_at(doc[server_id], server_id))
    if len(doc) > 1:
        missing(server_id or "guard-policies", f"a policy for the server {server_id!r}")
    key, only = next(iter(doc.items()))
    return parse_policy(object_at(only, key))


def _direct(doc: Dict[str, Any]) -> bool:
    """Whether ``doc`` is a policy itself."""
    return any(canonical_key(key, ALIASES) in (ALLOW_ONLY, WRITE_SINK) for key in doc)


def _present(policy: Any) -> bool:
    """Whether a source has anything: a blank text is as good as none."""
    return bool(trim(policy)) if isinstance(policy, str) else policy is not None
