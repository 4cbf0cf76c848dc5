"""Pools of guards in threads: overlap, turns, policies, replacement, tasks, closing."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Callable, List

import pytest

from hostabi import Guard, GuardPool, Recovery, State
from hostabi.builtin import NoopGuard
from hostabi.context import current_call
from hostabi.errors import (
    GuardCancelled,
    GuardClosed,
    GuardExit,
    GuardExitZero,
    GuardLoadError,
    GuardPoolTimeout,
    GuardReentered,
    GuardReturnedError,
    GuardTimeout,
    GuardTrap,
    HostFunctionError,
    PayloadError,
    PolicyError,
    PolicyRejected,
    ResponseError,
)
from hostabi.pinned import under
from hostabi.pooling import MAX_INSTANCES
from tests.hostabi.wat import LOOP, ask, guard_wat, module, origin, policy_of, tagged_wat

LONG = 20.0
"""Seconds that only a defect takes."""


def pool(size: int = 2, wat: str = tagged_wat(), **options: Any) -> GuardPool:
    return GuardPool(module(wat), size=size, name="g", **options)


class Gate:
    """A backend that says when it was reached and answers when it is let go."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.go = threading.Event()
        self.order: List[Any] = []

    def __call__(self, name: str, args: Any) -> Any:
        self.order.append(args - 100_000)
        self.inside.release()
        assert self.go.wait(LONG)
        return args

    def reached(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.inside.acquire(timeout=LONG)


class Running(threading.Thread):
    """A call in a thread, and what became of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.outcome: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._call()
        except BaseException as error:
            self.outcome = error

    def result(self) -> Any:
        self.join(LONG)
        assert not self.is_alive(), "the call hangs"
        return self.outcome


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "it never happens"
        time.sleep(0.001)


# -- overlap and turns ---------------------------------------------------------


def test_as_many_calls_overlap_as_there_are_instances():
    gate = Gate()
    with pool(4, backend=gate) as guards:
        guards.label_agent(policy_of(1))
        assert guards.health().made == 1
        calls = [Running(lambda i=i: ask(guards, i, "B")) for i in range(4)]
        gate.reached(4)
        health = guards.health()
        assert (health.made, health.busy, health.waiting) == (4, 4, 0)
        gate.go.set()
        assert [c.result() for c in calls] == [(1, i, 1, str(100_000 + i)) for i in range(4)]


def test_calls_wait_in_line_and_are_answered_in_order():
    gate = Gate()
    with pool(1, backend=gate) as guards:
        first = Running(lambda: ask(guards, 0, "B"))
        gate.reached()
        calls = []
        for i in range(1, 8):
            calls.append(Running(lambda i=i: ask(guards, i, "B")))
            until(lambda i=i: guards.health().waiting == i)
        gate.go.set()
        assert first.result()[1] == 0
        assert [c.result()[1] for c in calls] == list(range(1, 8))
        assert gate.order == list(range(8))


def test_a_call_that_waits_too_long_is_a_typed_error_and_loses_nothing():
    gate = Gate()
    with pool(1, backend=gate, wait=0.05) as guards:
        first = Running(lambda: ask(guards, 0, "B"))
        gate.reached()
        with pytest.raises(GuardPoolTimeout) as caught:
            ask(guards, 1)
        error = caught.value
        assert (error.guard, error.function, error.seconds, error.waiting) == ("g", "label_resource", 0.05, 0)
        assert guards.health().waiting == 0
        gate.go.set()
        assert first.result()[1] == 0
        assert ask(guards, 2)[1] == 2


def test_a_place_that_comes_at_the_last_moment_is_not_lost():
    with pool(1, wait=0.0) as guards:
        call = guards._places.ask(lambda slot: 0)
        ticket = guards._places.ask(lambda slot: 0)
        guards._places.give_back(call.result())
        # Granted just when its owner gives up: it has the place all the same.
        assert guards._places.withdraw(ticket) is guards._slots[0]
        guards._places.give_back(guards._slots[0])
        assert ask(guards, 1)[1] == 1


def test_an_input_that_cannot_be_encoded_takes_no_turn():
    with pool(1) as guards:
        with pytest.raises(PayloadError):
            guards.label_resource("t", object())
        assert guards.health().calls == 0


# -- policies ------------------------------------------------------------------


def test_every_instance_gets_the_last_policy_before_it_answers():
    gate = Gate()
    with pool(3, backend=gate) as guards:
        for number in (1, 2):
            guards.label_agent(policy_of(number))
            gate.go.clear()
            calls = [Running(lambda i=i: ask(guards, i, "B")) for i in range(3)]
            gate.reached(3)
            gate.go.set()
            # Each of them was given this policy and no other since it was pristine.
            assert [c.result()[::2] for c in calls] == [(number, 1)] * 3
        assert guards.generation == 2


def test_a_policy_that_is_not_accepted_changes_nothing():
    body = """
      (if (i32.eq (i32.load8_u offset=10 (local.get $ip)) (i32.const 51))
        (then (memory.copy (i32.const 600) (i32.add (local.get $ip) (i32.const 5)) (i32.const 6))
          (return (i32.const 0))))"""
    for size in (1, 2):
        with pool(size, tagged_wat(body)) as guards:
            with pytest.raises(ResponseError) as caught:
                guards.label_agent(policy_of(3))
            assert caught.value.reason == "empty"
            # It had written it down already.
            assert ask(guards, 1)[0] == -100_000
            guards.label_agent(policy_of(4))
            with pytest.raises(ResponseError) as caught:
                guards.label_agent(policy_of(3))
            assert caught.value.reason == "empty"
            assert ask(guards, 1)[::2] == (4, 1)
            assert guards.health().last_failure is None


def test_a_lone_guard_labels_nothing_under_a_policy_it_did_not_accept():
    body = """
      (if (i32.eq (i32.load8_u offset=10 (local.get $ip)) (i32.const 51))
        (then (memory.copy (i32.const 600) (i32.add (local.get $ip) (i32.const 5)) (i32.const 6))
          (return (i32.const -5))))"""
    guard = Guard(module(tagged_wat(body)))
    guard.label_agent(policy_of(1))
    with pytest.raises(GuardReturnedError) as caught:
        guard.label_agent(policy_of(3))
    assert caught.value.code == -5
    assert guard.health().state is State.READY
    assert ask(guard, 1)[::2] == (1, 1)
    gateway = Guard(module(tagged_wat(body)), compat="gateway")
    gateway.label_agent(policy_of(1))
    with pytest.raises(GuardReturnedError):
        gateway.label_agent(policy_of(3))
    assert ask(gateway, 1)[0] == 3


def test_d23_equal_policies_at_the_same_time_are_one_flight():
    gate = Gate()
    wait = """(drop (call $call_backend (i32.add (local.get $ip) (i32.const 5)) (i32.const 6)
      (i32.add (local.get $ip) (i32.const 5)) (i32.const 6) (i32.const 700) (i32.const 6)))"""
    with pool(4, tagged_wat(wait), backend=gate) as guards:
        calls = [Running(lambda: guards.label_agent(policy_of(1))) for _ in range(8)]
        gate.reached()
        until(lambda: guards.health().calls == 8)
        gate.go.set()
        assert {c.result().secrecy for c in calls} == {("s",)}
        # Its guest was asked once.
        assert gate.order == [1]
        assert sum(one.calls for one in guards.health().instances if one) == 1
        # Later it is asked again: the backend may say something else now.
        guards.label_agent(policy_of(1))
        assert gate.order == [1, 1]


def test_d23_a_flight_that_fails_fails_for_all_and_is_forgotten():
    gate = Gate()
    body = """(if (i32.lt_s (call $call_backend (i32.add (local.get $ip) (i32.const 5)) (i32.const 6)
      (i32.add (local.get $ip) (i32.const 5)) (i32.const 6) (i32.const 700) (i32.const 6)) (i32.const 6))
      (then (return (i32.const -9))))"""

    answers = [{"too": "long for the buffer"}, None]

    def backend(name: str, args: Any) -> Any:
        gate(name, args)
        return answers.pop(0) or args

    with pool(2, tagged_wat(body), backend=backend) as guards:
        calls = [Running(lambda: guards.label_agent(policy_of(1))) for _ in range(4)]
        gate.reached()
        until(lambda: guards.health().calls == 4)
        gate.go.set()
        assert [c.result().code for c in calls] == [-9] * 4
        assert guards.generation == 0
        assert guards.label_agent(policy_of(1)).secrecy == ("s",)


def test_d23_different_policies_do_not_wait_for_each_other():
    gate = Gate()
    wait = """(drop (call $call_backend (i32.add (local.get $ip) (i32.const 5)) (i32.const 6)
      (i32.add (local.get $ip) (i32.const 5)) (i32.const 6) (i32.const 700) (i32.const 6)))"""
    with pool(2, tagged_wat(wait), backend=gate) as guards:
        calls = [Running(lambda n=n: guards.label_agent(policy_of(n))) for n in (1, 2)]
        gate.reached(2)
        gate.go.set()
        assert [c.result().secrecy for c in calls] == [("s",)] * 2
        assert ask(guards, 1)[0] == guards.generation


def test_d23_when_the_one_who_asks_is_stopped_another_one_asks():
    gate = Gate()
    wait = """(drop (call $call_backend (i32.add (local.get $ip) (i32.const 5)) (i32.const 6)
      (i32.add (local.get $ip) (i32.const 5)) (i32.const 6) (i32.const 700) (i32.const 6)))"""

    async def run(guards: GuardPool) -> None:
        first = asyncio.ensure_future(guards.label_agent_async(policy_of(1)))
        while not gate.order:
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(guards.label_agent_async(policy_of(1))) for _ in range(3)]
        while guards.health().calls < 4:
            await asyncio.sleep(0.001)
        first.cancel()
        gate.go.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert [labels.secrecy for labels in await asyncio.gather(*others)] == [("s",)] * 3

    with pool(2, tagged_wat(wait), backend=gate) as guards:
        asyncio.run(run(guards))
        assert ask(guards, 1)[::2] == (1, 1)


@pytest.mark.parametrize("make", [lambda: pool(2), lambda: Guard(module(tagged_wat()))])
def test_calls_through_a_view_are_under_its_policy_whatever_else_is_asked(make):
    with make() as guards:
        one, two = under(guards, policy_of(1)), under(guards, policy_of(2))
        one.label_agent()
        two.label_agent(policy_of(2))
        guards.label_agent(policy_of(3))
        for _ in range(3):
            assert ask(one, 7)[:3] == (1, 7, 1)
            assert ask(two, 8)[:3] == (2, 8, 1)
            assert ask(guards, 9)[::2] == (3, 1)
        with pytest.raises(PolicyError) as caught:
            one.label_agent(policy_of(2))
        assert caught.value.reason == "pinned"
        one.close()
        assert guards.healthy


@pytest.mark.parametrize("make", [lambda: pool(2), lambda: Guard(module(tagged_wat()))])
def test_what_names_no_policy_is_answered_without_one_before_there_is_one(make):
    with make() as guards:
        one = under(guards, policy_of(1))
        assert ask(one, 1)[0] == 1
        assert ask(guards, 1)[0] == -100_000


def test_a_view_whose_policy_is_refused_labels_nothing():
    with pool(1, guard_wat(agent='{"success":false,"error":"no"}')) as guards:
        with pytest.raises(PolicyRejected):
            under(guards, policy_of(1)).label_resource("t", {})


def test_guards_without_a_module_have_no_policy():
    noop = NoopGuard()
    assert under(noop, policy_of(1)) is noop


def test_a_sequence_under_a_view_leaves_the_instances_to_others_in_between():
    with pool(1) as guards:
        view = under(guards, policy_of(1))
        view.label_agent()
        assert ask(view, 1)[0] == 1
        guards.label_agent(policy_of(2))
        assert ask(guards, 2)[0] == 2
        assert view.label_response("t", {"x": 1}, resource=None) is not None
        # The last thing it was given is the view's policy, once.
        assert guards._slots[0].instance.given.payload == view.policy


# -- failures ------------------------------------------------------------------


@pytest.mark.parametrize(("letter", "kind"), [("T", GuardTrap), ("E", GuardExit), ("Z", GuardExitZero)])
def test_a_poisoned_instance_is_replaced_alone(letter, kind):
    gate = Gate()
    with pool(2, backend=gate) as guards:
        guards.label_agent(policy_of(1))
        other = Running(lambda: ask(guards, 0, "B"))
        gate.reached()
        with pytest.raises(kind) as caught:
            ask(guards, 1, letter)
        assert caught.value.report.function == "label_resource"
        health = guards.health()
        assert (health.replaced, health.made, health.healthy) == (1, 1, True)
        assert health.last_failure is caught.value
        # The new one has the policy, the other one was not disturbed.
        assert ask(guards, 2)[:3] == (1, 2, 1)
        gate.go.set()
        assert other.result()[:3] == (1, 0, 1)
        assert guards.health().made == 2


def test_a_timeout_is_one_call_s_and_the_instance_is_reset():
    with pool(1, timeout=2.0) as guards:
        guards.label_agent(policy_of(1))
        with pytest.raises(GuardTimeout):
            ask(guards, 1, "L")
        health = guards.health()
        assert health.replaced == 0
        assert health.instances[0].state is State.STALE
        assert ask(guards, 2)[:3] == (1, 2, 1)
        assert isinstance(guards.health().instances[0].recovered, GuardTimeout)


def test_a_pool_hands_on_the_choice_of_what_to_recover_from():
    with pool(1, recovery=Recovery(trap="reset", timeout="poison"), timeout=2.0) as guards:
        with pytest.raises(GuardTrap):
            ask(guards, 1, "T")
        assert guards.health().replaced == 0
        with pytest.raises(GuardTimeout):
            ask(guards, 1, "L")
        assert guards.health().replaced == 1


def test_an_instance_that_cannot_be_made_is_an_error_and_is_tried_again(monkeypatch):
    with pool(1) as guards:
        made = guards._make
        monkeypatch.setattr(guards, "_make", lambda: Guard(b""))
        with pytest.raises(GuardTrap):
            ask(guards, 1, "T")
        for _ in range(2):
            with pytest.raises(GuardLoadError):
                ask(guards, 2)
            assert not guards.healthy
        monkeypatch.setattr(guards, "_make", made)
        assert ask(guards, 3)[1] == 3
        assert guards.healthy


def test_a_guard_that_does_not_load_makes_no_pool():
    with pytest.raises(GuardLoadError):
        GuardPool(b"", size=2)
    with pytest.raises(ValueError):
        GuardPool(module(), size=0)
    with pytest.raises(ValueError, match="instances"):  # at once: nothing is made for each
        GuardPool(module(), size=MAX_INSTANCES + 1)


# -- re-entry, cancelling, closing ---------------------------------------------


def test_a_backend_cannot_call_the_pool_that_asked_it():
    seen = []

    def backend(name: str, args: Any) -> Any:
        for call in (lambda: ask(guards, 1), guards.close):
            with pytest.raises(GuardReentered) as caught:
                call()
            seen.append(caught.value.function)
        return args

    with pool(2, backend=backend) as guards:
        assert ask(guards, 1, "B")[1] == 1
        assert seen == ["label_resource", "close"]
        assert guards.health().busy == 0


def test_a_coroutine_of_the_backend_cannot_either_and_knows_the_time_that_is_left():
    left = []

    async def run(guards: GuardPool) -> Any:
        async def backend(name: str, args: Any) -> Any:
            await guards.label_resource_async("t", 100_000)

        with pytest.raises(HostFunctionError) as caught:
            await guards.label_resource_async("B", 100_001, backend=backend)
        return caught.value.__cause__

    with pool(2) as guards:
        assert isinstance(asyncio.run(run(guards)), GuardReentered)
    with pool(1, timeout=50, backend=lambda name, args: left.append(current_call())) as guards:
        ask(guards, 1, "B")
    assert (left[0].guard, left[0].function) == ("g", "label_resource")
    assert left[0].time_left <= 50


def test_cancel_stops_the_calls_under_way_and_those_that_wait():
    with pool(2) as guards:
        guards.label_agent(policy_of(1))
        calls = [Running(lambda i=i: ask(guards, i, "L")) for i in range(5)]
        until(lambda: guards.health().waiting == 3 and guards.health().busy == 2)
        guards.cancel()
        assert [type(c.result()) for c in calls] == [GuardCancelled] * 5
        assert ask(guards, 1)[:3] == (1, 1, 1)


def test_close_waits_for_what_was_let_in_and_refuses_the_rest():
    gate = Gate()
    guards = pool(1, backend=gate)
    calls = [Running(lambda: ask(guards, 0, "B"))]
    gate.reached()
    calls.append(Running(lambda: ask(guards, 1)))
    until(lambda: guards.health().waiting == 1)
    closing = Running(guards.close)
    until(lambda: guards.health().closed)
    with pytest.raises(GuardClosed) as caught:
        ask(guards, 2)
    assert not caught.value.exited
    assert closing.is_alive()
    gate.go.set()
    assert [c.result()[1] for c in calls] == [0, 1]
    assert closing.result() is None
    assert [one.state for one in guards.health().instances] == [State.CLOSED]
    guards.close()
    assert not guards.healthy


def test_warm_makes_all_instances_once():
    with pool(3) as guards:
        calls = [Running(guards.warm) for _ in range(3)]
        assert [c.result() for c in calls] == [None] * 3
        assert guards.health().made == 3
        doc = guards.health().to_json()
        assert doc["made"] == len(doc["instances"]) == 3
        assert doc["instances"][0]["recovery"]["trap"] == "poisoned"


# -- tasks ---------------------------------------------------------------------


def test_tasks_are_answered_and_their_backends_run_on_the_loop():
    async def run() -> Any:
        me = threading.get_ident()

        async def backend(name: str, args: Any) -> Any:
            assert threading.get_ident() == me
            await asyncio.sleep(0.001)
            return args

        async with pool(3) as guards:
            await guards.label_agent_async(policy_of(1))
            view = guards.under(policy_of(2))
            await view.label_agent_async()
            calls = [guards.label_resource_async("B", 100_000 + i, backend=backend) for i in range(12)]
            pinned = [view.label_resource_async("t", 100_000 + i) for i in range(4)]
            found = [origin(labels) for labels in await asyncio.gather(*calls, *pinned)]
            response = await view.label_response_async("t", {"x": 1})
            assert response.items[0].labels.secrecy == ("d",)
            return found

    found = asyncio.run(run())
    assert found[:12] == [(1, i, 1, str(100_000 + i)) for i in range(12)]
    assert [one[:2] for one in found[12:]] == [(2, i) for i in range(4)]


def test_cancelling_a_task_stops_its_guest_and_nobody_else_s():
    gate = Gate()

    async def run(guards: GuardPool) -> None:
        other = asyncio.ensure_future(guards.label_resource_async("B", 100_007, backend=gate))
        looping = asyncio.ensure_future(guards.label_resource_async("L", 100_001))
        while guards.health().busy < 2:
            await asyncio.sleep(0.001)
        waiting = asyncio.ensure_future(guards.label_resource_async("t", 100_002))
        while guards.health().waiting < 1:
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert guards.health().waiting == 0
        looping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looping
        assert guards.health().busy == 1
        gate.go.set()
        assert origin(await other)[:3] == (1, 7, 1)
        assert origin(await guards.label_resource_async("t", 100_003))[:3] == (1, 3, 1)

    with pool(2) as guards:
        guards.label_agent(policy_of(1))
        asyncio.run(run(guards))
        assert guards.health().replaced == 0


def test_cancelling_a_task_cancels_the_coroutine_its_guest_waits_for():
    ended = []

    async def run(guards: GuardPool) -> None:
        began = asyncio.Event()

        async def backend(name: str, args: Any) -> Any:
            began.set()
            try:
                await asyncio.sleep(LONG)
            finally:
                ended.append(name)

        task = asyncio.ensure_future(guards.label_resource_async("B", 100_001, backend=backend))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with pool(1) as guards:
        asyncio.run(run(guards))
        assert ended == ["100001"]
        # It is nobody's failure, so the instance goes on.
        assert guards.health().replaced == 0
        assert ask(guards, 2)[1] == 2


def test_tasks_wait_for_their_turn_no_longer_than_they_may():
    async def run(guards: GuardPool) -> Any:
        looping = asyncio.ensure_future(guards.label_resource_async("L", 100_001))
        while guards.health().busy < 1:
            await asyncio.sleep(0.001)
        with pytest.raises(GuardPoolTimeout):
            await guards.label_resource_async("t", 100_002)
        guards.cancel()
        with pytest.raises(GuardCancelled):
            await looping

    with pool(1, wait=0.02) as guards:
        asyncio.run(run(guards))
        assert ask(guards, 1)[1] == 1


def test_a_guest_that_never_ends_is_stopped_in_label_agent_too():
    with GuardPool(module(guard_wat(agent=LOOP)), size=1, timeout=0.1) as guards:
        with pytest.raises(GuardTimeout):
            guards.label_agent({})
        assert guards.generation == 0


def test_agents_of_a_pipeline_share_a_pool_and_each_has_its_own_policy():
    from hostabi import Pipeline

    with pool(3) as guards:
        pipeline = Pipeline(guards)
        agents = {f"agent {n}": policy_of(n) for n in range(4)}
        for agent, policy in agents.items():
            pipeline.label_agent(agent, policy)
        found: List[Any] = []

        def work(agent: str) -> None:
            for number in range(10):
                outcome = pipeline.call(agent, "t", 100_000 + number, lambda name, args: {"x": 1})
                found.append((agent, number, *origin(outcome.resource)))

        calls = [Running(lambda agent=agent: work(agent)) for agent in agents for _ in range(2)]
        assert [c.result() for c in calls] == [None] * 8
        assert len(found) == 80
        assert {(agent, policy) for agent, _, policy, *_ in found} == {(f"agent {n}", n) for n in range(4)}
        assert all(number == asked and given == 1 for _, asked, _, number, given, _ in found)
