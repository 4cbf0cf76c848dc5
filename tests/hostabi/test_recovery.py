"""What a guard recovers from: by kind of failure, by default and by choice; both seen in health()."""

from __future__ import annotations

import threading
from typing import Any, Dict, Tuple

import pytest

from hostabi import GATEWAY, Guard, Recovery, State
from hostabi.errors import (
    After,
    GuardCallError,
    GuardClosed,
    GuardLoadError,
    GuardMemoryExhausted,
    GuardPoisoned,
    GuardTrap,
    after,
)
from hostabi.recovery import KINDS
from tests.hostabi.wat import ask, module, policy_of, tagged_wat

HUNGRY = "(loop $eat (br_if $eat (i32.ne (memory.grow (i32.const 50)) (i32.const -1)))) (unreachable)"

OPTIONS: Dict[str, Dict[str, Any]] = {
    "trap": {"tool": "T"}, "exit": {"tool": "E"}, "exit_zero": {"tool": "Z"},
    "timeout": {"tool": "L", "timeout": 0.1}, "fuel": {"tool": "L", "fuel": 100_000},
    "cancelled": {"tool": "L"}, "host": {"tool": "B"}, "memory": {"tool": "M"},
}  # fmt: skip
DEFAULT = {
    "trap": State.POISONED, "exit": State.POISONED, "host": State.POISONED, "exit_zero": State.ENDED,
    "timeout": State.STALE, "fuel": State.STALE, "cancelled": State.STALE, "memory": State.STALE,
}  # fmt: skip


def failed(kind: str, **more: Any) -> Tuple[Guard, BaseException]:
    """A guard under a policy after a failure of that kind, and the error."""
    options = {**OPTIONS[kind], **more}
    tool = options.pop("tool")

    def backend(name: str, args: Any) -> Any:
        raise KeyError("why")

    text = tagged_wat()
    if kind == "memory":
        text = text.replace("(unreachable)", HUNGRY, 1)
        tool, options = "T", {"max_memory_pages": 200, **options}
    guard = Guard(module(text), backend=backend, **options)
    guard.label_agent(policy_of(1))
    timer = threading.Timer(0.05, guard.cancel)
    if kind == "cancelled":
        timer.start()
    with pytest.raises(GuardCallError) as caught:
        ask(guard, 1, tool)
    if kind == "cancelled":
        timer.join()
    assert type(caught.value) is KINDS[kind]
    return guard, caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_by_default_a_guard_is_reset_after_what_stopped_it_and_poisoned_by_its_own_failure(kind):
    guard, error = failed(kind)
    health = guard.health()
    assert (health.state, health.cause) == (DEFAULT[kind], error)
    words = {State.POISONED: "poisoned", State.ENDED: "ended", State.STALE: "reset"}
    assert health.recovery == {name: words[state] for name, state in DEFAULT.items()}
    assert health.to_json()["recovery"][kind] == words[health.state]
    assert health.healthy is (health.state is State.STALE)
    if health.healthy:
        assert ask(guard, 2)[:3] == (1, 2, 1)
        again = guard.health()
        assert (again.state, again.cause, again.resets, again.recovered) == (State.READY, None, 1, error)
        assert again.to_json()["recovered"] == str(error)
    else:
        with pytest.raises((GuardPoisoned, GuardClosed)):
            ask(guard, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_reset(kind):
    guard, error = failed(kind, recovery=Recovery(**{kind: "reset"}))
    assert guard.health().state is State.STALE
    assert ask(guard, 2)[:3] == (1, 2, 1)
    assert guard.health().recovered is error


@pytest.mark.parametrize("compat", [None, GATEWAY])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_poison(kind, compat):
    guard, error = failed(kind, recovery=Recovery(**{kind: "poison"}), compat=compat)
    assert (guard.health().state, guard.health().recovery[kind]) == (State.POISONED, "poisoned")
    with pytest.raises(GuardPoisoned) as caught:
        ask(guard, 2)
    assert caught.value.__cause__ is error


def test_in_the_gateway_all_poison_but_two():
    health = Guard(module(), compat=GATEWAY).health()
    assert health.recovery == {
        **dict.fromkeys(KINDS, "poisoned"), "exit_zero": "ended", "host": "usable"
    }


def test_a_choice_for_traps_is_none_for_memory():
    recovery = Recovery(trap="reset", memory="poison")
    guard, error = failed("memory", recovery=recovery)
    assert isinstance(error, GuardMemoryExhausted)
    assert isinstance(error, GuardTrap)
    assert guard.health().state is State.POISONED
    assert recovery.after(ValueError()) is After.RESET
    assert recovery.after(PermissionError()) is after(PermissionError())


@pytest.mark.parametrize("word", ["resets", "", "poisoned", 1, True])
def test_other_words_are_refused(word):
    with pytest.raises(ValueError):
        Recovery(trap=word)


def test_a_guard_that_cannot_be_made_anew_stays_stale_and_tries_again(monkeypatch):
    guard, error = failed("fuel")
    restore, tries = guard._guest.restore, []

    def failing() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise GuardLoadError("not this time", "instantiate")
        restore()

    monkeypatch.setattr(guard._guest, "restore", failing)
    with pytest.raises(GuardLoadError):
        ask(guard, 1)
    assert (guard.health().state, guard.health().cause) == (State.STALE, error)
    assert ask(guard, 2)[:3] == (1, 2, 1)
    assert guard.health().recovered is error
