"""The registry and who gets registered: scenarios 116-119, defects D21 and D22."""

from __future__ import annotations

import threading
from typing import Any, List

import pytest

from hostabi import GATEWAY, Guard, Operation, State
from hostabi.builtin import NoopGuard, WriteSinkGuard
from hostabi.errors import (
    GuardCloseError,
    GuardLoadError,
    GuardUnavailable,
    PolicyError,
)
from hostabi.registration import ServerConfig, register_server
from hostabi.registry import Registry
from hostabi.settings import read_settings
from tests.hostabi.wat import guard_wat, module

ALLOW = {"allow-only": {"repos": "all", "min-integrity": "none"}}
SINK = {"write-sink": {"accept": ["private:acme"], "sink-visibility": "private"}}


class Recorded(NoopGuard):
    """A guard that says when it is closed."""

    def __init__(self, name: str = "recorded", failing: bool = False) -> None:
        super().__init__(name)
        self.closed = 0
        self._failing = failing

    def close(self) -> None:
        self.closed += 1
        if self._failing:
            raise OSError("it cannot be closed")


def file_of(path: Any, text: str = guard_wat()) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(module(text).binary)
    return str(path)


# -- the registry --------------------------------------------------------------


def test_s116_an_unknown_server_gets_the_noop_guard_in_the_gateway_and_is_refused_here():
    gateway = Registry(compat=GATEWAY).get("nobody")
    assert isinstance(gateway, NoopGuard)
    assert gateway.label_resource("t", {}).operation is Operation.READ_WRITE
    guard = Registry().get("nobody")
    assert not guard.healthy
    for call in (
        lambda: guard.label_agent({}), lambda: guard.label_resource("t", {}),
        lambda: guard.label_response("t", {}),
    ):
        with pytest.raises(GuardUnavailable) as caught:
            call()
        assert caught.value.guard == "nobody"
    with pytest.raises(ValueError):
        Registry(compat="else")


def test_s117_registering_again_overwrites_and_removing_restores_the_default():
    registry = Registry(compat=GATEWAY)
    first, second = Recorded("first"), Recorded("second")
    registry.register("s", first)
    assert registry.get("s") is first
    registry.register("s", second)
    assert registry.get("s") is second
    assert (first.closed, second.closed) == (1, 0)
    assert registry.remove("s")
    assert registry.get("s").name == "noop"
    assert not registry.remove("s")
    assert second.closed == 1


def test_a_guard_of_several_servers_is_closed_with_the_last_of_them():
    registry, guard = Registry(), Recorded()
    registry.register("a", guard)
    registry.register("b", guard)
    registry.register("a", guard)
    registry.remove("a")
    assert guard.closed == 0
    registry.register("b", NoopGuard())
    assert guard.closed == 1


@pytest.mark.parametrize("times", [1, 2])
def test_s118_close_all_continues_past_a_failing_guard_and_may_run_twice(times):
    registry = Registry()
    good, bad, last = Recorded("good"), Recorded("bad", failing=True), Recorded("last")
    for server, guard in {"a": good, "b": bad, "c": last, "d": last}.items():
        registry.register(server, guard)
    for _ in range(times):
        with pytest.raises(GuardCloseError) as caught:
            registry.close()
        assert [(server, str(error)) for server, error in caught.value.failures] == [
            ("b", "it cannot be closed")
        ]
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.to_json()["failures"][0]["server"] == "b"
    assert (good.closed, bad.closed, last.closed) == (times,) * 3
    assert registry.list() == ["a", "b", "c", "d"]


def test_s119_registry_access_is_safe_under_concurrency():
    registry = Registry()
    failures: List[BaseException] = []
    made: List[Recorded] = []
    begin = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            begin.wait(10)
            for i in range(200):
                server = f"s{(number + i) % 5}"
                guard = Recorded(f"{number}/{i}")
                made.append(guard)
                registry.register(server, guard)
                assert registry.get(server) is not None
                assert set(registry.list()) <= {f"s{n}" for n in range(5)}
                registry.info()
                registry.has_non_noop()
                if i % 7 == 0:
                    registry.remove(server)
                registry.has(server)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    registry.close()
    # Whatever was overwritten, removed or closed with the registry: each of them once.
    assert [guard.closed for guard in made] == [1] * len(made)


def test_what_a_registry_knows_of_its_guards():
    registry = Registry()
    assert not registry.has_non_noop()
    registry.register("b", NoopGuard("n"))
    assert (registry.list(), registry.has("b"), registry.has("c")) == (["b"], True, False)
    assert not registry.has_non_noop()
    with Guard(module(), name="g") as guard:
        registry.register("a", guard)
        assert registry.has_non_noop()
        info = registry.info()
        assert list(info) == ["a", "b"]
        assert info["a"].to_json() == {
            "server": "a", "name": "g", "kind": "Guard", "healthy": True, "noop": False
        }
        with registry:
            pass
        assert not registry.info()["a"].healthy


# -- D21 -----------------------------------------------------------------------


def test_d21_closing_waits_for_the_calls_under_way_and_is_what_with_does():
    inside, go = threading.Event(), threading.Event()

    def backend(name: str, args: Any) -> Any:
        inside.set()
        assert go.wait(20)

    ask = "(drop (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 64))) (i32.const 0)"
    guard = Guard(module(agent=ask), backend=backend)
    answers: List[bytes] = []
    with Registry() as registry:
        registry.register("s", guard)
        call = threading.Thread(target=lambda: answers.append(guard.call("label_agent", b"{}")))
        call.start()
        assert inside.wait(20)
        closing = threading.Thread(target=registry.close)
        closing.start()
        closing.join(0.05)
        assert closing.is_alive()
        assert guard.health().state is not State.CLOSED
        go.set()
        closing.join(20)
        call.join(20)
    assert answers == [b""]
    assert guard.health().state is State.CLOSED


def test_d21_a_guard_that_is_replaced_is_closed(tmp_path):
    file = file_of(tmp_path / "g.wasm")
    made: List[Guard] = []

    def load(path: Any, name: str) -> Guard:
        made.append(Guard(path, name=name))
        return made[-1]

    registry = Registry(compat=GATEWAY)
    found = register_server(
        registry, "s", ServerConfig("wasm", file), load=load, compat=GATEWAY
    )
    # It has no policy, so the gateway puts noop in its place.
    assert isinstance(found.guard, NoopGuard)
    assert made[0].health().state is State.CLOSED


# -- who is registered ------------------------------------------------------------


def environment(tmp_path: Any, server: str = "s") -> "dict[str, str]":
    file_of(tmp_path / "guards" / server / "a.wasm")
    return {"MCP_GATEWAY_WASM_GUARDS_DIR": str(tmp_path / "guards")}


def test_a_guard_that_was_found_comes_before_a_sink_a_configured_one_and_none(tmp_path):
    file = file_of(tmp_path / "configured.wasm")
    cases = [
        (environment(tmp_path), ServerConfig("wasm", file, policies=SINK), "discovered", Guard),
        ({}, ServerConfig("wasm", file, policies=SINK), "write-sink", WriteSinkGuard),
        ({}, ServerConfig("wasm", file, policies=ALLOW), "configured", Guard),
        ({}, ServerConfig("mine", policies=ALLOW), "configured", Recorded),
        ({}, ServerConfig("noop"), "configured", NoopGuard),
    ]
    for env, config, source, kind in cases:
        with Registry() as registry:
            found = register_server(
                registry, "s", config, env=env, factories={"mine": lambda: Recorded()}
            )
            assert (found.source, type(found.guard), found.cause) == (source, kind, None)
            assert registry.get("s") is found.guard
            assert (found.policy is None) is (config.policies is None)
    sink = register_server(Registry(), "s", ServerConfig(policies=SINK)).guard
    assert (sink.accept, sink.visibility) == (("private:acme",), "private")


def test_d22_a_guard_that_does_not_load_refuses_here_and_opens_in_the_gateway(tmp_path):
    bad = tmp_path / "bad.wasm"
    bad.write_bytes(b"no module")
    config = ServerConfig("wasm", str(bad), policies=ALLOW)
    found = register_server(Registry(), "s", config)
    assert isinstance(found.cause, GuardLoadError)
    with pytest.raises(GuardUnavailable) as caught:
        found.guard.label_resource("t", {})
    assert caught.value.__cause__ is found.cause
    gateway = register_server(Registry(compat=GATEWAY), "s", config, compat=GATEWAY)
    assert isinstance(gateway.guard, NoopGuard)
    assert isinstance(gateway.cause, GuardLoadError)


def test_d22_a_guard_without_a_policy_refuses_here_and_opens_in_the_gateway(tmp_path):
    config = ServerConfig("wasm", file_of(tmp_path / "g.wasm"))
    found = register_server(Registry(), "s", config)
    assert isinstance(found.cause, PolicyError)
    with pytest.raises(GuardUnavailable):
        found.guard.label_agent(ALLOW)
    gateway = register_server(Registry(compat=GATEWAY), "s", config, compat=GATEWAY)
    assert isinstance(gateway.guard, NoopGuard)


def test_d22_a_server_with_nothing_at_all_gets_what_unknown_ones_get():
    found = register_server(Registry(), "s")
    assert (found.source, found.guard.healthy) == ("none", False)
    gateway = register_server(Registry(compat=GATEWAY), "s", compat=GATEWAY)
    assert (gateway.source, gateway.guard.name) == ("none", "noop")


def test_an_invalid_policy_and_a_configuration_without_sense_are_errors(tmp_path):
    registry = Registry()
    for config in (ServerConfig("wasm", None), ServerConfig("what", policies=ALLOW)):
        with pytest.raises(GuardLoadError):
            register_server(registry, "s", config)
    with pytest.raises(PolicyError):
        register_server(registry, "s", ServerConfig(policies={"allow-only": {"repos": "some"}}))
    assert registry.list() == []


def test_a_policy_of_a_flag_comes_before_the_environment_s_and_the_server_s(tmp_path):
    file = file_of(tmp_path / "g.wasm")
    env = {"MCP_GATEWAY_ALLOWONLY_SCOPE_OWNER": "acme", "MCP_GATEWAY_ALLOWONLY_MIN_INTEGRITY": "merged"}
    flags = {"--allowonly-scope-public": "true", "--allowonly-min-integrity": "none"}
    config = ServerConfig("wasm", file, policies=ALLOW)
    for given, repos in ((flags, "public"), ({}, ("acme/*",))):
        with Registry() as registry:
            found = register_server(
                registry, "s", config, env=env, settings=read_settings(env, given)
            )
            assert found.policy.repos == repos
