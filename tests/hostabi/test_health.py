"""Scenarios 37-47 of the guard ABI: traps, exits, poison, cancellation, closing."""

from __future__ import annotations

import threading
import time

import pytest

from hostabi import GATEWAY, Guard, State
from hostabi.errors import (
    After,
    GuardCancelled,
    GuardClosed,
    GuardExit,
    GuardExitZero,
    GuardPoisoned,
    GuardReentered,
    GuardReturnedError,
    GuardTrap,
    HostFunctionError,
    after,
)
from hostabi.invocation import Invoker
from tests.hostabi.wat import BUMP, EXIT, LOOP, module
from wasmpy.errors import TrapKind, WasiExit, WasmTrap

both = pytest.mark.parametrize("compat", [None, GATEWAY])

TRAPS = {
    "unreachable": ("(unreachable)", TrapKind.UNREACHABLE),
    "divide": ("(i32.div_u (i32.const 1) (local.get $i))", TrapKind.INTEGER_DIVISION_BY_ZERO),
    "overflow": ("(i32.div_s (i32.const 0x80000000) (i32.const -1))", TrapKind.INTEGER_OVERFLOW),
    "bounds": ("(i32.load (i32.const -4))", TrapKind.MEMORY_OUT_OF_BOUNDS),
    "recursion": ("(call $label_agent (local.get $ip) (local.get $il) (local.get $op) "
                  "(local.get $os))", TrapKind.STACK_OVERFLOW),  # fmt: skip
}


def trapped(body, compat=None, **parts):
    """A guard after the trap of its ``label_agent``, and the error."""
    guard = Guard(module(agent=body, **parts), name="g", compat=compat)
    with pytest.raises(GuardTrap) as caught:
        guard.label_agent({})
    return guard, caught.value


@both
def test_s037_a_real_unreachable_trap_is_recognised(compat):
    guard, error = trapped("(unreachable)", compat)
    assert error.trap.kind is TrapKind.UNREACHABLE
    assert error.__cause__ is error.trap
    assert (error.function, error.during) == ("label_agent", "label_agent")
    assert "WASM function call failed" in str(error)
    assert error.trap.frames[0].name == "label_agent"
    assert guard.health().state is State.POISONED


@both
@pytest.mark.parametrize("name", TRAPS)
def test_s038_divide_by_zero_and_out_of_bounds_are_traps(name, compat):
    body, kind = TRAPS[name]
    guard, error = trapped(body, compat)
    assert error.trap.kind is kind
    assert not guard.healthy
    assert "\n" not in str(error)


@both
def test_s039_an_ordinary_error_is_not_a_trap(compat):
    guard = Guard(module(agent="(i32.const -1)"), compat=compat)
    with pytest.raises(GuardReturnedError) as caught:
        guard.label_agent({})
    assert not isinstance(caught.value, GuardTrap)
    assert guard.healthy
    assert after(ValueError()) is After.RESET
    assert after(caught.value) is After.USABLE


@both
@pytest.mark.parametrize("where", ["agent", "alloc"])
def test_s040_exit_code_0_is_not_a_trap_even_when_wrapped(where, compat):
    ends = EXIT.format(code=0)
    if where == "agent":
        guard = Guard(module(agent=ends), compat=compat)
    else:
        alloc = BUMP.replace("(local.set $ptr (global.get $top))", ends, 1)
        guard = Guard(module(alloc=alloc), compat=compat)
    with pytest.raises(GuardExitZero) as caught:
        guard.label_agent({})
    assert caught.value.code == 0
    assert isinstance(caught.value.__cause__, WasiExit)
    assert guard.health().state is State.ENDED
    # Not poisoned: the refusal is another one.
    with pytest.raises(GuardClosed):
        guard.label_agent({})


@both
@pytest.mark.parametrize("where", ["agent", "alloc"])
def test_s041_a_non_zero_exit_is_a_trap_even_when_wrapped(where, compat):
    ends = EXIT.format(code=3)
    if where == "agent":
        guard = Guard(module(agent=ends), compat=compat)
    else:
        alloc = BUMP.replace("(local.set $ptr (global.get $top))", ends, 1)
        guard = Guard(module(alloc=alloc), compat=compat)
    with pytest.raises(GuardExit) as caught:
        guard.label_agent({})
    assert caught.value.code == 3
    assert not isinstance(caught.value, GuardExitZero)
    with pytest.raises(GuardPoisoned):
        guard.label_agent({})


@both
def test_s042_a_poisoned_guard_refuses_all_three_label_calls(compat):
    guard, _ = trapped("(unreachable)", compat)
    calls = (
        lambda: guard.label_agent({}), lambda: guard.label_resource("t", {}),
        lambda: guard.label_response("t", {}), lambda: guard.call("label_agent", b""),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(GuardPoisoned) as caught:
            call()
        assert caught.value.guard == "g"
        assert "unavailable after a previous trap" in str(caught.value)


@both
def test_s043_the_original_cause_is_reachable_from_the_refusal(compat):
    guard, error = trapped("(unreachable)", compat)
    for _ in range(2):
        with pytest.raises(GuardPoisoned) as caught:
            guard.label_agent({})
        assert caught.value.__cause__ is error
        assert isinstance(caught.value.__cause__.__cause__, WasmTrap)


@both
def test_s044_health_reflects_the_poisoned_state(compat):
    guard, error = trapped("(unreachable)", compat)
    health = guard.health()
    assert (health.healthy, health.state, health.cause) == (False, State.POISONED, error)
    assert health.to_json()["state"] == "poisoned"


def test_a_trap_in_alloc_poisons_and_names_the_buffer():
    alloc = BUMP.replace("(local.set $ptr (global.get $top))", "(unreachable)", 1)
    guard = Guard(module(alloc=alloc))
    with pytest.raises(GuardTrap) as caught:
        guard.label_agent({})
    assert caught.value.during == "alloc"
    assert "failed to allocate WASM input buffer" in str(caught.value)
    assert guard.health().state is State.POISONED


def cancelled_soon(guard, call, after_seconds=0.2):
    """The error of ``call``, cancelled from another thread; and how long it took."""
    timer = threading.Timer(after_seconds, guard.cancel)
    timer.start()
    began = time.monotonic()
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error, time.monotonic() - began
    finally:
        timer.join()
    return None, time.monotonic() - began


@both
def test_s045_an_infinite_loop_stops_within_a_second_of_cancellation(compat):
    guard = Guard(module(agent=LOOP), compat=compat)
    error, seconds = cancelled_soon(guard, lambda: guard.label_agent({}))
    assert isinstance(error, GuardCancelled)
    assert seconds < 1.2
    assert guard.healthy is (compat is None)


def test_a_cancellation_without_a_call_is_nothing():
    guard = Guard(module())
    guard.cancel()
    assert guard.label_agent({}).secrecy == ("s",)
    guard.cancel()
    assert guard.label_agent({}).secrecy == ("s",)


def test_a_cancellation_between_two_steps_of_a_call_is_not_lost(monkeypatch):
    """The host is in Python between ``alloc`` and the label function."""
    guard = Guard(module(agent=LOOP), timeout=20)
    call = Invoker._call

    def cancelled_first(self, *args):
        guard.cancel()
        return call(self, *args)

    monkeypatch.setattr(Invoker, "_call", cancelled_first)
    with pytest.raises(GuardCancelled):
        guard.label_agent({})
    assert guard.health().state is State.STALE


@both
def test_s046_closing_an_empty_guard_succeeds(compat):
    guard = Guard(module(), compat=compat)
    guard.close()
    guard.close()
    assert guard.health().state is State.CLOSED
    assert not guard.healthy
    with Guard(module(), compat=compat) as other:
        assert other.healthy
    assert not other.healthy


@both
def test_s047_close_ignores_a_cancelled_caller_context(compat):
    guard = Guard(module(agent=LOOP), compat=compat)
    error, _ = cancelled_soon(guard, lambda: guard.label_agent({}), 0.05)
    assert isinstance(error, GuardCancelled)
    guard.close()
    assert guard.health().state is State.CLOSED


ASKING = """
  (drop (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 1024) (i32.const 64)))
  (i32.const 0)"""


def test_close_waits_for_the_call_under_way():
    inside, go_on = threading.Event(), threading.Event()
    order = []

    def backend(name, args):
        inside.set()
        assert go_on.wait(10)

    guard = Guard(module(agent=ASKING), backend=backend)

    def call():
        guard.call("label_agent", b"{}")
        order.append("called")

    def close():
        guard.close()
        order.append("closed")

    threads = [threading.Thread(target=call), threading.Thread(target=close)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    time.sleep(0.05)
    assert order == []
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert order == ["called", "closed"]


def test_callers_queue_and_each_gets_its_own_answer():
    body = """
      (drop (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 1024) (i32.const 64)))
      (memory.copy (local.get $op) (i32.const 1024) (i32.const 1)) (i32.const 1)"""
    inside = []
    guard = Guard(module(agent=body))

    def backend(number):
        def answer(name, args):
            inside.append(number)
            assert len(inside) == 1
            time.sleep(0.01)
            inside.remove(number)
            return number

        return answer

    answers = {}

    def call(number):
        answers[number] = guard.call("label_agent", b"{}", backend=backend(number))

    threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == {n: str(n).encode() for n in range(8)}


def test_re_entry_from_a_backend_is_an_error_and_no_deadlock():
    seen = []

    def backend(name, args):
        for call in (lambda: guard.label_resource("t", {}), guard.close):
            with pytest.raises(GuardReentered) as caught:
                call()
            seen.append(caught.value)

    guard = Guard(module(agent=ASKING), name="g", backend=backend)
    assert guard.call("label_agent", b"{}") == b""
    assert [error.function for error in seen] == ["label_resource", "close"]
    # Not caught, it is a host function that raised.
    guard = Guard(module(agent=ASKING), backend=lambda n, a: guard.label_resource("t", {}))
    with pytest.raises(HostFunctionError) as caught:
        guard.call("label_agent", b"{}")
    assert isinstance(caught.value.__cause__, GuardReentered)


def test_a_keyboard_interrupt_in_a_backend_goes_through_and_the_guard_recovers():
    def backend(name, args):
        raise KeyboardInterrupt

    guard = Guard(module(agent=ASKING), backend=backend)
    with pytest.raises(KeyboardInterrupt):
        guard.call("label_agent", b"{}")
    assert guard.health().state is State.STALE
    assert guard.call("label_agent", b"{}", backend=lambda n, a: None) == b""
    assert guard.health().resets == 1
