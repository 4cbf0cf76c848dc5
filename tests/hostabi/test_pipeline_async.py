"""The pipeline from ``asyncio``: where things run, and what cancelling does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hostabi import Guard, GuardPool, Pipeline, RulesBackend, State, bundled
from hostabi.errors import (
    AgentLabellingError,
    GuardReentered,
    PolicyError,
    ResourceLabellingError,
)
from tests.hostabi.answering import Answering, agent, by_path, labels, resource
from tests.hostabi.wat import LOOP, RESOURCE, data, guard_wat, module

POLICY = {"any": 1}
FINE = labels((), ("i",))

# Logs a word, then asks the backend `get`; answers RESOURCE whatever it is told.
ASKING = f"""
  (call $host_log (i32.const 1) (i32.const 50000) (i32.const 3))
  (drop (call $call_backend (i32.const 50000) (i32.const 3) (i32.const 0) (i32.const 0)
    (i32.const 51000) (i32.const 100)))
  (memory.copy (local.get $op) (i32.const 52000) (i32.const {len(RESOURCE)}))
  (i32.const {len(RESOURCE)})"""


def asking_guard(**options):
    wat = guard_wat(resource=ASKING, response="(i32.const 0)", extra=data(50000, "get") + data(52000, RESOURCE))
    return Guard(module(wat), name="g", **options)


def looping_guard(**options):
    body = f"(call $host_log (i32.const 1) (i32.const 50000) (i32.const 3)) {LOOP}"
    return Guard(module(guard_wat(resource=body, extra=data(50000, "get"))), name="g", **options)


def sign(loop):
    """An event of the loop's, and what sets it from any thread."""
    event = asyncio.Event()
    return event, lambda *ignored: loop.call_soon_threadsafe(event.set)


def test_a_coroutine_backend_runs_on_the_caller_s_loop_and_the_guard_does_not():
    guard = Answering(agent((), ("i",)), resource((), ("i",)), by_path(FINE, labels()))
    threads = []
    answer = guard.response
    guard.response = lambda result: threads.append(threading.get_ident()) or answer

    async def main():
        loop = asyncio.get_running_loop()

        async def backend(name, args):
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            return [name, args]

        with Pipeline(guard, policy=POLICY) as pipeline:
            return await pipeline.call_async("a", "list_x", {"q": 1}, backend)

    outcome = asyncio.run(main())
    assert (outcome.allowed, outcome.result, outcome.dropped) == (True, ["list_x"], 1)
    assert threads != [threading.get_ident()]


def test_any_other_backend_runs_in_a_thread():
    seen = []

    def plain(name, args):
        seen.append(threading.get_ident())
        return "plain"

    async def later():
        return "awaited"

    async def main():
        pipeline = Pipeline(Answering(agent((), ("i",)), resource((), ("i",))), policy=POLICY)
        first = await pipeline.call_async("a", "t", None, plain)
        second = await pipeline.call_async("a", "t", None, lambda name, args: later())
        return first.result, second.result

    assert asyncio.run(main()) == ("plain", "awaited")
    assert seen != [threading.get_ident()]


def test_a_denied_write_stops_before_a_coroutine_backend():
    calls = []

    async def backend(name, args):
        calls.append(name)

    pipeline = Pipeline(Answering(agent(("s",)), resource((), (), "write")), policy=POLICY)
    outcome = asyncio.run(pipeline.call_async("a", "t", None, backend))
    assert (outcome.allowed, calls) == (False, [])


def test_the_guard_s_own_backend_may_be_a_coroutine_function():
    session = bundled.session()
    rules = RulesBackend(session["backend"])
    asked = []

    async def own(name, args):
        await asyncio.sleep(0)
        asked.append((asyncio.get_running_loop(), name))
        return rules(name, args)

    async def backend(name, args):
        return session["tool_result"]

    async def main():
        with Guard(bundled.guard_bytes(), name="github") as guard:
            pipeline = Pipeline(guard, policy=session["policy"], guard_backend=own)
            outcome = await pipeline.call_async("a", session["tool_name"], session["tool_args"], backend)
            return outcome, asyncio.get_running_loop()

    outcome, loop = asyncio.run(main())
    assert (outcome.kept, outcome.dropped) == (4, 4)
    assert asked
    assert {asked_on for asked_on, _ in asked} == {loop}


@pytest.mark.parametrize("times", [1, 3])
def test_cancelling_interrupts_the_guest(times):
    async def main():
        begun, ring = sign(asyncio.get_running_loop())
        with looping_guard(log=ring) as guard:
            pipeline = Pipeline(guard, policy=POLICY)
            task = asyncio.ensure_future(pipeline.call_async("a", "t", {}, lambda name, args: None))
            await begun.wait()
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            state = guard.health().state
            await pipeline.label_agent_async("b", POLICY)
            return state, guard.health().state, "b" in pipeline.agents

    assert asyncio.run(main()) == (State.STALE, State.READY, True)


def test_cancelling_one_task_leaves_the_others_in_the_guard_alone():
    async def main():
        begun, ring = sign(asyncio.get_running_loop())
        go = asyncio.Event()

        async def own(name, args):
            await go.wait()
            return {}

        with asking_guard(log=ring) as guard:
            pipeline = Pipeline(guard, policy=POLICY, guard_backend=own)
            await pipeline.label_agent_async("a")
            first = asyncio.ensure_future(pipeline.call_async("a", "t", {}, lambda name, args: 1))
            await begun.wait()
            second = asyncio.ensure_future(pipeline.call_async("a", "t", {}, lambda name, args: 2))
            for _ in range(20):
                await asyncio.sleep(0)
            second.cancel()
            for _ in range(20):
                await asyncio.sleep(0)
            go.set()
            outcome = await first
            with pytest.raises(asyncio.CancelledError):
                await second
            return outcome.result, guard.health().healthy

    assert asyncio.run(main()) == (1, True)


def test_cancelling_while_the_guard_waits_for_its_backend_does_not_poison_it():
    ends = []

    async def main():
        begun = asyncio.Event()

        async def own(name, args):
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ends.append("cancelled")

        with asking_guard() as guard:
            pipeline = Pipeline(guard, policy=POLICY, guard_backend=own)
            task = asyncio.ensure_future(pipeline.call_async("a", "t", {}, lambda name, args: 1))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            healthy = guard.healthy
            pipeline.guard_backend = lambda name, args: {}
            outcome = await pipeline.call_async("a", "t", {}, lambda name, args: 1)
            return healthy, outcome.result

    assert asyncio.run(main()) == (True, 1)
    assert ends == ["cancelled"]


def test_many_calls_at_once_leave_threads_for_the_guard_s_backend():
    async def main():
        def work():
            return {}

        async def own(name, args):
            return await asyncio.to_thread(work)

        async def backend(name, args):
            return args

        with asking_guard() as guard:
            pipeline = Pipeline(guard, policy=POLICY, guard_backend=own)
            calls = [pipeline.call_async(f"agent {i % 3}", "t", i, backend) for i in range(60)]
            outcomes = await asyncio.wait_for(asyncio.gather(*calls), 120)
            pipeline.close()
            return [outcome.result for outcome in outcomes]

    assert asyncio.run(main()) == list(range(60))


def test_d23_tasks_that_label_at_the_same_time_ask_once():
    guard = Answering(agent(("s",)))

    async def main():
        pipeline = Pipeline(guard)
        found = await asyncio.gather(*(pipeline.label_agent_async("a", POLICY) for _ in range(10)))
        return {labels.secrecy for labels in found}

    assert asyncio.run(main()) == {("s",)}
    assert guard.asked("agent") == 1


def test_a_coroutine_of_the_guard_s_backend_that_calls_the_pipeline_is_refused():
    seen = []

    async def main():
        async def own(name, args):
            try:
                await pipeline.call_async("a", "t", {}, lambda name, args: 1)
            except ResourceLabellingError as error:
                seen.append(type(error.__cause__))
            return {}

        with asking_guard() as guard:
            pipeline = Pipeline(guard, policy=POLICY, guard_backend=own)
            return (await pipeline.call_async("a", "t", {}, lambda name, args: 1)).result

    assert asyncio.run(main()) == 1
    assert seen == [GuardReentered]


def test_errors_come_as_they_do_without_asyncio():
    async def broken(name, args):
        raise KeyError("mine")

    pipeline = Pipeline(Answering(agent((), ("i",)), resource((), ("i",))))
    with pytest.raises(AgentLabellingError) as caught:
        asyncio.run(pipeline.call_async("a", "t", {}, broken))
    assert isinstance(caught.value.__cause__, PolicyError)
    asyncio.run(pipeline.label_agent_async("a", POLICY))
    with pytest.raises(KeyError):
        asyncio.run(pipeline.call_async("a", "t", {}, broken))
    pipeline.close()
    pipeline.close()


def test_tasks_under_two_policies_share_a_pool():
    session = bundled.session()
    policies = [session["policy"], {"allow-only": {"repos": "all", "min-integrity": "none"}}]

    async def backend(name, args):
        return session["tool_result"]

    async def main():
        rules = RulesBackend(session["backend"])
        with GuardPool(bundled.guard_bytes(), size=2, name="github", backend=rules) as pool:
            pipeline = Pipeline(pool)
            for i, policy in enumerate(policies):
                await pipeline.label_agent_async(f"agent {i}", policy)
            calls = [
                pipeline.call_async(f"agent {i % 2}", session["tool_name"], session["tool_args"], backend)
                for i in range(6)
            ]
            outcomes = await asyncio.gather(*calls)
            pipeline.close()
            return [outcome.kept for outcome in outcomes]

    kept = asyncio.run(main())
    assert kept[:2] * 3 == kept
    assert kept[0] == 4 < kept[1]


def test_cancelling_a_task_that_waits_for_a_pool():
    async def main():
        begun, ring = sign(asyncio.get_running_loop())
        go = asyncio.Event()

        async def own(name, args):
            await go.wait()
            return {}

        wat = guard_wat(resource=ASKING, response="(i32.const 0)", extra=data(50000, "get") + data(52000, RESOURCE))
        with GuardPool(module(wat), size=1, name="g", log=ring) as pool:
            pipeline = Pipeline(pool, policy=POLICY, guard_backend=own)
            await pipeline.label_agent_async("a")
            first = asyncio.ensure_future(pipeline.call_async("a", "t", {}, lambda name, args: 1))
            await begun.wait()
            second = asyncio.ensure_future(pipeline.call_async("a", "t", {}, lambda name, args: 2))
            while pool.health().waiting == 0:
                await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            assert not first.done()
            go.set()
            result = (await first).result
            pipeline.close()
            return result

    assert asyncio.run(main()) == 1
