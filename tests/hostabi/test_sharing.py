"""Agents that share a guard: each under its own policy; how many there can be; what a failure leaves."""

from __future__ import annotations

import pickle
import threading

import pytest

from hostabi import AgentRegistry, Guard, GuardPool, Labels, Mode, Pipeline, bundled
from hostabi.builtin import NoopGuard, WriteSinkGuard
from hostabi.difc import MAX_AGENTS, Grant, Taint
from hostabi.errors import (
    AgentLabellingError,
    GuardCancelled,
    GuardUnavailable,
    PolicyError,
    TooManyAgents,
)
from hostabi.pinned import under
from hostabi.proxy.mode import InMode
from hostabi.unavailable import UnavailableGuard
from tests.hostabi.answering import Answering, Apart, agent
from tests.hostabi.wat import module, origin, policy_of, tagged_wat
from wasmpy.testing.fakes import FakeLabeller


def labelled(pipeline, agent_id):
    """Under which policy the tagged guard labels a call of the agent."""
    return origin(pipeline.begin(agent_id, "t", 100_007)[0].resource)[0]


# -- policies -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Guard, GuardPool])
@pytest.mark.parametrize("mode", [None, *Mode])
def test_each_agent_is_labelled_under_its_own_policy_in_any_mode(kind, mode):
    with kind(module(tagged_wat())) as guard:
        pipeline = Pipeline(guard if mode is None else InMode(guard, mode))
        for number in (1, 2):
            pipeline.label_agent(str(number), policy_of(number))
        assert [labelled(pipeline, who) for who in ("1", "2", "1")] == [1, 2, 1]
        grants = [pipeline.agents.granted(who, pipeline.name) for who in ("1", "2")]
        assert [grant.policy for grant in grants] == [b'{"p":100001}', b'{"p":100002}']
        assert {grant.mode for grant in grants} == {mode or Mode.FILTER}
        # And another policy puts the one agent under it.
        pipeline.label_agent("1", policy_of(3))
        assert [labelled(pipeline, who) for who in ("1", "2")] == [3, 2]


def test_in_another_mode_the_same_policy_is_not_given_twice():
    with Guard(bundled.guard_bytes(), name="github") as guard:
        pipeline = Pipeline(InMode(guard, Mode.STRICT))
        pipeline.label_agent("a", {"allow-only": {"repos": "all", "min-integrity": "none"}})
        before = guard.health().calls
        pipeline.label_agent("a", '{"AllowOnly": {"integrity": " None ", "repos": "ALL"}}')
        assert guard.health().calls == before


@pytest.mark.parametrize("wrap", [lambda guard: guard, lambda guard: InMode(guard, Mode.STRICT)])
def test_a_labeller_that_cannot_keep_policies_apart_has_one_at_a_time(wrap):
    guard = Answering()
    pipeline = Pipeline(wrap(guard))
    pipeline.label_agent("a", {"p": 1})
    pipeline.label_agent("b", {"p": 1})
    for _ in range(2):
        with pytest.raises(AgentLabellingError) as caught:
            pipeline.label_agent("c", {"p": 2})
        cause = caught.value.__cause__
        assert isinstance(cause, PolicyError)
        assert (cause.reason, caught.value.agent) == ("shared", "c")
    with pytest.raises(AgentLabellingError):
        pipeline.label_agent("a", {"p": 2})
    assert guard.asked("agent") == 2
    assert "c" not in pipeline.agents
    # One alone may have another policy.
    pipeline.agents.forget("b")
    pipeline.label_agent("a", {"p": 2})
    assert pipeline.agents.granted("a", "fake").policy == b'{"p":2}'


def test_two_agents_at_the_same_time_do_not_both_put_it_under_theirs():
    inside, go = threading.Semaphore(0), threading.Event()

    def answer(policy):
        inside.release()
        assert go.wait(20)
        return agent()

    pipeline = Pipeline(Answering(answer))
    came = []

    def label(who):
        try:
            pipeline.label_agent(who, {"who": who})
            came.append("labelled")
        except AgentLabellingError as error:
            came.append(error.__cause__.reason)

    threads = [threading.Thread(target=label, args=(who,)) for who in "ab"]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=20)
    go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(came) == ["labelled", "shared"]
    assert len(pipeline.agents) == 1


@pytest.mark.parametrize("guard", [NoopGuard(), WriteSinkGuard(()), FakeLabeller(), Apart()])
def test_a_labeller_whose_answers_depend_on_no_policy_is_shared(guard):
    assert under(guard, {"p": 1}) is guard
    pipeline = Pipeline(guard)
    for number in range(2):
        pipeline.label_agent(str(number), {"p": number})
    assert len(pipeline.agents) == 2


# -- how many, and what is left ----------------------------------------------------


def test_a_failure_leaves_no_trace_of_the_agent():
    guard = Answering({"difc_mode": "open"})
    pipeline = Pipeline(guard, policy={"p": 1})
    for number in range(3):
        with pytest.raises(AgentLabellingError):
            pipeline.call(f"made up {number}", "t", {}, lambda name, args: "x")
    assert pipeline.agents.snapshot()["agents"] == {}
    assert pipeline.agents._turns == {}
    with pytest.raises(AgentLabellingError) as caught:
        Pipeline(UnavailableGuard("g"), agents=pipeline.agents).label_agent("a", {})
    assert isinstance(caught.value.__cause__, GuardUnavailable)
    assert "a" not in pipeline.agents
    # Nor does who gave up waiting; and an agent that was there stays as it is.
    with pipeline.agents.turn("a", "fake"), pytest.raises(GuardCancelled):
        with pipeline.agents.turn("a", "fake", lambda: True):
            pass
    assert (len(pipeline.agents), pipeline.agents._turns) == (0, {})
    guard.agent = agent(("s",), ())
    pipeline.label_agent("a")
    guard.agent = b""
    with pytest.raises(AgentLabellingError):
        pipeline.label_agent("a", {"p": 2})
    assert pipeline.agents.labels("a").secrecy == ("s",)


def test_there_is_room_for_so_many_agents_and_forgetting_makes_room():
    assert AgentRegistry().limit == MAX_AGENTS
    guard = Apart(agent(("s",), ()))
    pipeline = Pipeline(guard, policy={"p": 1}, agents=AgentRegistry(limit=2))
    for who in "abab":
        pipeline.label_agent(who)
    asked = guard.asked("agent")
    with pytest.raises(AgentLabellingError) as caught:
        pipeline.call("c", "t", {}, lambda name, args: "x")
    cause = caught.value.__cause__
    assert isinstance(cause, TooManyAgents)
    assert cause.limit == 2
    assert pickle.loads(pickle.dumps(cause)).to_json() == cause.to_json()
    assert guard.asked("agent") == asked
    agents = pipeline.agents
    with pytest.raises(TooManyAgents):
        agents.grant("c", "g", Grant(b"", Labels(), Mode.FILTER))
    with pytest.raises(TooManyAgents):
        agents.accumulate("c", Taint(frozenset("t"), None))
    # Those that are there can still change.
    pipeline.label_agent("a", {"p": 2})
    agents.accumulate("b", Taint(frozenset("t"), None))
    agents.forget("a")
    pipeline.label_agent("c")
    assert sorted(agents.snapshot()["agents"]) == ["b", "c"]
