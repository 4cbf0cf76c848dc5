"""Pools of guards in processes: the same answers, errors and bounds; what only processes can do."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, List

import pytest

import hostabi
from hostabi import GATEWAY, BackendError, Guard, GuardPool, ProcessPool, Recovery, State, processes
from hostabi.caches import ModuleCache
from hostabi.context import current_call
from hostabi.errors import (
    GuardCancelled,
    GuardClosed,
    GuardExit,
    GuardExitZero,
    GuardFuelExhausted,
    GuardLoadError,
    GuardPoisoned,
    GuardPoolTimeout,
    GuardReentered,
    GuardTimeout,
    GuardTrap,
    GuardWorkerLost,
    HostFunctionError,
    PolicyRejected,
    ResponseError,
    WorkersUnavailable,
)
from tests.hostabi.test_pool import Gate, Running, until
from tests.hostabi.wat import (
    PROBE_AGENT,
    ask,
    data,
    guard_wat,
    module,
    origin,
    policy_of,
    tagged_wat,
)
from tests.lacking import needs_processes


@pytest.fixture(autouse=True)
def tier():
    """The workers have a tier of their own: see ``shared``."""


@pytest.fixture(scope="module", params=["auto", "python"])
def shared(request):
    """A pool that many tests use, for starting one takes a while."""
    with ProcessPool(
        module(tagged_wat()), size=2, name="g", timeout=30, tier=request.param
    ) as guards:
        yield guards


def pids(guards: ProcessPool) -> List[int]:
    return [slot.instance.pid for slot in guards._slots if slot.instance is not None]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# -- the same as a pool of threads ------------------------------------------------


def test_answers_come_with_their_reports_under_the_policy_that_is_asked_for(shared):
    agent = shared.label_agent(policy_of(1))
    assert (agent.secrecy, agent.integrity, agent.mode.value) == (("s",), ("i",), "filter")
    assert agent.report.function == "label_agent"
    view = shared.under(policy_of(2))
    for number in range(3):
        assert ask(shared, number)[:3] == (1, number, 1)
        assert ask(view, number)[:3] == (2, number, 1)
    labels = shared.label_resource("t", 100_000)
    assert labels.report.attempts[0].returned > 0
    response = shared.label_response("t", [1, 2], resource=labels)
    assert [item.labels.secrecy for item in response.items] == [("d",)] * 2
    assert shared.call("label_response", b"{}").startswith(b'{"labeled_paths"')


def test_calls_overlap_and_their_backends_run_in_the_callers_threads(shared):
    gate = Gate()
    asked: List[int] = []

    def backend(name: str, args: Any) -> Any:
        call = current_call()
        assert (call.guard, call.function, call.wanted) == ("g", "label_resource", True)
        asked.append(threading.get_ident())
        return gate(name, args)

    calls = [Running(lambda i=i: ask(shared, i, "B", backend=backend)) for i in range(2)]
    gate.reached(2)
    assert shared.health().busy == 2
    gate.go.set()
    assert sorted(c.result()[1::2] for c in calls) == [(0, "100000"), (1, "100001")]
    assert len(set(asked)) == 2
    assert len(set(pids(shared))) == 2


@pytest.mark.parametrize(("letter", "kind"), [("T", GuardTrap), ("E", GuardExit), ("Z", GuardExitZero)])
def test_a_guard_that_has_failed_is_replaced_alone_in_the_same_process(shared, letter, kind):
    shared.label_agent(policy_of(1))
    before, replaced = pids(shared), shared.health().replaced
    with pytest.raises(kind) as caught:
        ask(shared, 1, letter)
    assert caught.value.report.function == "label_resource"
    assert caught.value.function == "label_resource"
    if kind is GuardTrap:
        assert caught.value.trap.frames
        assert caught.value.__cause__.kind is caught.value.trap.kind
    health = shared.health()
    assert (health.replaced, health.last_failure) == (replaced + 1, caught.value)
    assert ask(shared, 2)[:3] == (1, 2, 1)
    assert pids(shared) == before


def test_what_a_backend_raises_is_the_cause_itself_and_what_it_refuses_is_told(shared):
    failure = ZeroDivisionError("in the backend")

    def fails(name: str, args: Any) -> Any:
        raise failure

    with pytest.raises(HostFunctionError) as caught:
        ask(shared, 1, "B", backend=fails)
    assert caught.value.__cause__ is failure
    assert caught.value.report.backend[0].error == "raised ZeroDivisionError"
    assert "ZeroDivisionError: in the backend" in str(caught.value)

    def refuses(name: str, args: Any) -> Any:
        raise BackendError("not today")

    for backend, why in ((refuses, "not today"), (lambda n, a: object(), "no JSON"), (None, "no backend")):
        labels = shared.label_resource("B", 100_001, backend=backend)
        assert origin(labels)[3] == "------"
        call = labels.report.backend[0]
        assert (call.name, call.returned) == ("100001", -1)
        assert why in call.error


def test_what_is_no_error_of_a_backend_goes_through_and_the_guest_is_reset(shared):
    def stops(name: str, args: Any) -> Any:
        raise KeyboardInterrupt

    before, replaced = pids(shared), shared.health().replaced
    with pytest.raises(KeyboardInterrupt):
        ask(shared, 1, "B", backend=stops)
    assert ask(shared, 2)[1] == 2
    assert (pids(shared), shared.health().replaced) == (before, replaced)


def test_a_backend_cannot_call_the_pool_that_asked_it(shared):
    with pytest.raises(HostFunctionError) as caught:
        ask(shared, 1, "B", backend=lambda name, args: ask(shared, 2))
    assert isinstance(caught.value.__cause__, GuardReentered)


def test_cancel_stops_the_guests_and_keeps_the_workers(shared):
    before = pids(shared)
    calls = [Running(lambda: ask(shared, 1, "L")) for _ in range(4)]
    until(lambda: shared.health().busy == 2 and shared.health().waiting == 2)
    shared.cancel()
    assert [type(c.result()) for c in calls] == [GuardCancelled] * 4
    assert ask(shared, 2)[1] == 2
    assert set(before) <= set(pids(shared))


def test_tasks_are_answered_and_cancelling_one_stops_its_guest(shared):
    async def run() -> Any:
        async def backend(name: str, args: Any) -> Any:
            await asyncio.sleep(0.001)
            return args

        await shared.label_agent_async(policy_of(3))
        looping = asyncio.ensure_future(shared.label_resource_async("L", 100_001))
        while shared.health().busy < 1:
            await asyncio.sleep(0.001)
        calls = [shared.label_resource_async("B", 100_000 + i, backend=backend) for i in range(6)]
        found = [origin(labels) for labels in await asyncio.gather(*calls)]
        looping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looping
        return found

    assert asyncio.run(run()) == [(3, i, 1, str(100_000 + i)) for i in range(6)]
    assert ask(shared, 7)[:2] == (3, 7)


# -- bounds --------------------------------------------------------------------


def test_the_guard_keeps_to_its_bounds_and_recovers():
    with ProcessPool(module(tagged_wat()), size=1, timeout=2.0, fuel=2**62,
                     recovery=Recovery(trap="reset")) as guards:  # fmt: skip
        guards.label_agent(policy_of(1))
        with pytest.raises(GuardTimeout) as caught:
            ask(guards, 1, "L")
        assert caught.value.seconds == 2.0
        assert ask(guards, 2)[:3] == (1, 2, 1)
        one = guards.health().instances[0]
        assert one.recovery["trap"] == "reset"
        if not guards.health().replaced:  # on a very slow machine the worker was ended
            assert isinstance(one.recovered, GuardTimeout)
            assert one.resets == 1
        with pytest.raises(GuardTrap):
            ask(guards, 3, "T")
        assert guards.health().instances[0].state is State.STALE
        assert ask(guards, 4)[:3] == (1, 4, 1)
    with ProcessPool(module(tagged_wat()), size=1, fuel=50_000) as guards:
        with pytest.raises(GuardFuelExhausted) as caught:
            ask(guards, 1, "L")
        assert caught.value.report.fuel >= 50_000
    assert [one.state for one in guards.health().instances] == [State.CLOSED]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals")
def test_a_worker_that_does_not_keep_to_its_bounds_is_ended_from_here(monkeypatch):
    monkeypatch.setattr(processes, "GRACE", 0.2)
    with ProcessPool(module(tagged_wat()), size=1, timeout=2.0) as guards:
        guards.label_agent(policy_of(1))
        (pid,) = pids(guards)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(GuardTimeout) as caught:
            ask(guards, 1)
        assert caught.value.report.function == "label_resource"
        assert gone(pid)
        assert ask(guards, 2)[:3] == (1, 2, 1)
        assert guards.health().replaced == 1
        # The same where it is cancelled and does not listen.
        (pid,) = pids(guards)
        os.kill(pid, signal.SIGSTOP)
        guards._slots[0].instance._timeout = None
        call = Running(lambda: ask(guards, 1))
        until(lambda: guards.health().busy == 1)
        guards.cancel()
        assert isinstance(call.result(), GuardCancelled)
        assert gone(pid)
        assert guards.health().healthy


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals")
def test_a_worker_that_does_not_take_what_it_is_asked_is_ended_like_one_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(processes, "GRACE", 0.2)
    much = "x" * 2_000_000  # a pipe holds 64 KiB

    def stops(name: str, args: Any) -> Any:
        os.kill(pids(guards)[0], signal.SIGSTOP)
        return much

    with ProcessPool(module(tagged_wat()), size=1, timeout=2.0) as guards:
        guards.label_agent(policy_of(1))
        asked = [lambda: guards.label_resource("t", much), lambda: ask(guards, 1, "B", backend=stops)]
        for replaced, question in enumerate(asked, 1):
            (pid,) = pids(guards)
            if replaced == 1:
                os.kill(pid, signal.SIGSTOP)
            assert isinstance(Running(question).result(), GuardTimeout)
            assert gone(pid)
            assert ask(guards, 2)[:3] == (1, 2, 1)
            assert guards.health().replaced == replaced
        # Nobody who cancels, or looks, waits for it either.
        (pid,) = pids(guards)
        guards._slots[0].instance._timeout = None
        os.kill(pid, signal.SIGSTOP)
        call = Running(lambda: guards.label_resource("t", much))
        until(lambda: guards.health().busy == 1)
        assert Running(guards.cancel).result() is None
        assert Running(guards.health).result().size == 1
        assert isinstance(call.result(), GuardCancelled)
        assert gone(pid)
        assert ask(guards, 3)[:3] == (1, 3, 1)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_worker_that_is_killed_is_one_typed_error_and_is_replaced():
    with ProcessPool(module(tagged_wat()), size=1, name="g") as guards:
        guards.label_agent(policy_of(1))
        (pid,) = pids(guards)
        call = Running(lambda: ask(guards, 1, "L"))
        until(lambda: guards.health().busy == 1)
        os.kill(pid, signal.SIGKILL)
        error = call.result()
        assert isinstance(error, GuardWorkerLost)
        assert (error.guard, error.function, error.status) == ("g", "label_resource", -signal.SIGKILL)
        assert pickle.loads(pickle.dumps(error)).to_json() == error.to_json()
        assert ask(guards, 2)[:3] == (1, 2, 1)
        # One that nobody was asking is replaced without a word.
        (pid,) = pids(guards)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not guards._slots[0].instance.healthy)
        assert ask(guards, 3)[:3] == (1, 3, 1)
        assert guards.health().replaced == 2


def test_calls_wait_in_line_and_no_longer_than_they_may():
    gate = Gate()
    with ProcessPool(module(tagged_wat()), size=1, wait=0.05, backend=gate) as guards:
        first = Running(lambda: ask(guards, 0, "B"))
        gate.reached()
        with pytest.raises(GuardPoolTimeout):
            ask(guards, 1)
        gate.go.set()
        assert first.result()[1] == 0


# -- start and end ------------------------------------------------------------------


def test_close_waits_and_leaves_no_process_behind():
    gate = Gate()
    guards = ProcessPool(module(tagged_wat()), size=2, backend=gate)
    guards.warm()
    workers = pids(guards)
    assert len(workers) == 2
    call = Running(lambda: ask(guards, 1, "B"))
    gate.reached()
    closing = Running(guards.close)
    until(lambda: guards.health().closed)
    assert closing.is_alive()
    with pytest.raises(GuardClosed):
        ask(guards, 2)
    gate.go.set()
    assert call.result()[1] == 1
    assert closing.result() is None
    assert [gone(pid) for pid in workers] == [True, True]
    guards.close()


def test_workers_end_with_the_process_that_made_them():
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(hostabi.__file__).parent.parent)!r})
from hostabi import ProcessPool
import wasmpy
guards = ProcessPool(wasmpy.Module(sys.stdin.read()), size=1)
print(guards._slots[0].instance.pid, flush=True)
os._exit(0)  # nobody closes anything
"""
    done = subprocess.run([sys.executable, "-c", script], input=guard_wat(), text=True,
                          capture_output=True, timeout=60, check=True)  # fmt: skip
    pid = int(done.stdout)
    until(lambda: gone(pid) or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")


def test_a_pool_that_nobody_closes_leaves_no_process_behind_either():
    guards = ProcessPool(module(tagged_wat()), size=1)
    (pid,) = pids(guards)
    assert ask(guards, 1)[1] == 1
    del guards
    gc.collect()
    until(lambda: gone(pid))


def test_a_guard_that_does_not_load_is_a_load_error_and_leaves_no_process(tmp_path):
    for source, stage in ((b"", "module"), (module("(module)"), "exports")):
        with pytest.raises(GuardLoadError) as caught:
            ProcessPool(source)
        assert caught.value.stage == stage
    with pytest.raises(GuardLoadError) as caught:
        ProcessPool(tmp_path / "none.wasm")
    assert caught.value.stage == "read"
    with pytest.raises(ValueError):
        ProcessPool(module(), compat="else")


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("platform", "emscripten", "platform"),
    pytest.param("executable", "", "interpreter", marks=needs_processes),
    pytest.param("executable", "/no/such/python", "start", marks=needs_processes),
    pytest.param("executable", "/bin/false", "start", marks=needs_processes),
])  # fmt: skip
def test_where_no_process_can_be_made_it_says_so(name, value, reason, monkeypatch):
    monkeypatch.setattr(sys, name, value)
    with pytest.raises(WorkersUnavailable) as caught:
        ProcessPool(module())
    assert caught.value.reason == reason


def test_a_worker_takes_its_module_from_the_cache_on_disk(tmp_path):
    wat = tmp_path / "g.wat"
    wat.write_text(tagged_wat(), encoding="utf-8")
    with ModuleCache(tmp_path / "c") as cache:
        with ProcessPool(wat, size=1, cache=cache) as guards:
            assert ask(guards, 1)[1] == 1
        assert len(list((tmp_path / "c").iterdir())) == 1
        with ProcessPool(wat, size=1, cache=cache) as guards:
            assert ask(guards, 2)[1] == 2


# -- the host's own -------------------------------------------------------------


def test_logs_and_streams_are_those_of_this_process():
    lines: List[Any] = []
    written: List[bytes] = []

    class Out:
        def write(self, text: bytes) -> int:
            written.append(text)
            return len(text)

    class Full:
        def write(self, text: bytes) -> int:
            raise OSError(28, "no space left on device")

    wat = guard_wat(
        "(call $host_log (i32.const 2) (i32.const 100) (i32.const 5)) (i32.const -7)",
        "(i32.store (local.get $op) (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72))) (i32.const 4)",
        "(i32.store (local.get $op) (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 72))) (i32.const 4)",
        extra=data(64, (100).to_bytes(4, "little") + (5).to_bytes(4, "little")) + data(100, "hello"),
    )  # fmt: skip
    with ProcessPool(module(wat), size=1, log=lines.append, stdout=Out(), stderr=Full()) as guards:
        with pytest.raises(Exception) as caught:
            guards.label_agent({})
        assert caught.value.code == -7
        assert [(line.level, line.text) for line in lines] == [(2, b"hello")]
        assert guards.call("label_resource", b"") == bytes(4)
        assert written == [b"hello"]
        assert guards.call("label_response", b"") != bytes(4)


def test_answers_are_read_here_as_they_are_by_a_guard():
    for options in ({}, {"compat": GATEWAY}):
        wat = guard_wat(agent='{"success":false,"error":"no"}', resource='{"resource":{"secrecy":"x"}}')
        guard = Guard(module(wat), **options)
        with ProcessPool(module(wat), size=1, **options) as guards:
            for labeller in (guard, guards):
                with pytest.raises(PolicyRejected) as caught:
                    labeller.label_agent({})
                assert caught.value.detail == "no"
                assert caught.value.report.function == "label_agent"
                if options:
                    assert labeller.label_resource("t", {}).secrecy == ()
                    continue
                with pytest.raises(ResponseError) as refused:
                    labeller.label_resource("t", {})
                assert refused.value.reason == "labels"
                assert refused.value.report.function == "label_resource"
            assert guards.generation == 0


def test_a_guest_in_a_worker_gets_the_backend_s_answer_to_the_byte():
    answers = [None, 2**60, "\u2028<&>", {"b": [1.5, -0.0], "a": "\ud800"}, [[[]]]]
    numbers = b"".join(n.to_bytes(4, "little") for n in (1024, 3, 0, 0, 2048, 4096))
    wat = guard_wat(PROBE_AGENT, extra=data(1024, "get"))
    guard = Guard(module(wat))
    with ProcessPool(module(wat), size=1) as guards:
        for answer in answers:
            for labeller in (guard, guards):
                labeller.call("label_agent", numbers, backend=lambda name, args, answer=answer: answer)
            one = guard.last_report.backend[0]
            again = Guard(module(wat))
            again.call("label_agent", numbers, backend=lambda name, args, answer=answer: answer)
            assert again.last_report.backend[0] == one
            size = guards.call("label_agent", numbers, backend=lambda name, args, answer=answer: answer)
            assert int.from_bytes(size, "little") == len(one.answer)


def test_poisoned_is_no_state_of_a_pool():
    with GuardPool(module(tagged_wat()), size=1) as guards:
        for _ in range(3):
            with pytest.raises(GuardTrap) as caught:
                ask(guards, 1, "T")
            assert not isinstance(caught.value, GuardPoisoned)
