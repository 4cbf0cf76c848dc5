"""Which policy counts: the command line, the environment, the server, the guard, none."""

from __future__ import annotations

import json

import pytest

from hostabi.errors import PolicyError
from hostabi.policy import parse_policy
from hostabi.policy_sources import (
    ENV_MIN_INTEGRITY,
    ENV_POLICY,
    ENV_SCOPE_OWNER,
    ENV_SCOPE_PUBLIC,
    ENV_SCOPE_REPO,
    PolicySource,
    Scope,
    resolve,
    server_policy,
)


def scoped(repos):
    return {"allow-only": {"repos": repos, "min-integrity": "none"}}


EVERYTHING = {
    "cli": scoped(["a/cli"]),
    "cli_scope": Scope(owner="a", repo="flag", min_integrity="none"),
    "env": {
        ENV_POLICY: json.dumps(scoped(["a/json"])), ENV_SCOPE_OWNER: "a", ENV_SCOPE_REPO: "variables",
        ENV_MIN_INTEGRITY: "none",
    },
    "server_policies": scoped(["a/server"]),
    "guard_policy": scoped(["a/guard"]),
}  # fmt: skip


def test_the_order_of_the_sources():
    given = {**EVERYTHING, "env": dict(EVERYTHING["env"])}
    steps = [
        ("cli", "a/cli", PolicySource.CLI), ("cli_scope", "a/flag", PolicySource.CLI),
        (ENV_POLICY, "a/json", PolicySource.ENV_JSON),
        ("env", "a/variables", PolicySource.ENV_ALLOW_ONLY),
        ("server_policies", "a/server", PolicySource.SERVER),
        ("guard_policy", "a/guard", PolicySource.GUARD),
    ]  # fmt: skip
    for key, repo, source in steps:
        found = resolve("github", **given)
        assert (found.policy.repos, found.source) == ((repo,), source)
        (given["env"] if key == ENV_POLICY else given).pop(key)
    assert resolve("github", **given) == resolve() == resolve(env={ENV_POLICY: " "}, cli="\n")
    assert resolve().policy is None
    assert resolve().source is PolicySource.NONE


@pytest.mark.parametrize("key", ["cli", "server_policies", "guard_policy"])
def test_a_source_that_is_wrong_is_not_passed_over(key):
    with pytest.raises(PolicyError):
        resolve("github", **{**dict.fromkeys(["guard_policy"], scoped("all")), key: {"x": 1, "y": 2}})
    with pytest.raises(PolicyError):
        resolve("github", env={ENV_POLICY: "{"}, guard_policy=scoped("all"))
    with pytest.raises(PolicyError):
        resolve("github", env={ENV_SCOPE_OWNER: "a"}, guard_policy=scoped("all"))


@pytest.mark.parametrize(
    ("scope", "repos"),
    [(Scope("true", min_integrity="None"), "public"), (Scope(" YES", "", " ", "none"), "public"),
     (Scope(None, " acme ", None, "none"), ("acme/*",)), (Scope("0", "acme", "web", "none"), ("acme/web",)),
     (Scope("", "acme", "api-*", "none"), ("acme/api-*",))],
)  # fmt: skip
def test_scopes(scope, repos):
    assert scope.policy().repos == repos


@pytest.mark.parametrize(
    ("scope", "reason", "field"),
    [(Scope("true", "acme", None, "none"), "both", "scope-public"),
     (Scope(None, None, "web", "none"), "missing", "scope-owner"),
     (Scope(None, None, None, "none"), "missing", "scope-owner"),
     (Scope("1"), "missing", "min-integrity"), (Scope("maybe"), "value", "scope-public"),
     (Scope(None, "Acme", None, "none"), "scope", "allow-only.repos[0]"),
     (Scope(None, "a", "b/c", "none"), "scope", "allow-only.repos[0]"),
     (Scope(None, "a", None, "high"), "value", "allow-only.min-integrity")],
)  # fmt: skip
def test_scopes_that_are_wrong(scope, reason, field):
    with pytest.raises(PolicyError) as caught:
        scope.policy()
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_the_environment_s_scope():
    env = {ENV_SCOPE_PUBLIC: "true", ENV_MIN_INTEGRITY: "merged", "OTHER": "x"}
    assert Scope.from_env(env).policy().min_integrity.word == "merged"
    assert Scope.from_env({}).policy() is None


def test_a_server_s_policy_directly_by_key_or_alone():
    want = parse_policy(scoped("all"))
    other = scoped("public")
    for doc in (
        scoped("all"), {"AllowOnly": scoped("all")["allow-only"]}, {"github": scoped("all"), "jira": other},
        {"whatever": scoped("all")}, json.dumps({"github": scoped("all")}), want,
    ):  # fmt: skip
        assert server_policy(doc, "github") == want
    assert server_policy(None, "github") is None
    assert server_policy({}, "github") is None
    assert server_policy("{}", "github") is None


@pytest.mark.parametrize(
    ("doc", "reason", "field"),
    [({"a": scoped("all"), "b": scoped("all")}, "missing", "github"), ({"github": 7}, "type", "github"),
     ({"a": []}, "type", "a"), ({"a": {}}, "missing", "allow-only"), ([], "type", "")],
)  # fmt: skip
def test_a_server_s_policy_that_is_not_found(doc, reason, field):
    with pytest.raises(PolicyError) as caught:
        server_policy(doc, "github")
    assert (caught.value.reason, caught.value.field) == (reason, field)
