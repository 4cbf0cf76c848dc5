"""Which tier runs: what is asked for reaches the store, of an instance and of a guard."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import wasmpy
from hostabi import Guard, bundled
from wasmpy.api.store import DEFAULT_TIER, TIERS
from wasmpy.config import ENDLESS_FUEL
from wasmpy.tiers.policy import Cold
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.tier import PySource

WAT = """(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))"""

COUNT = """(module (func (export "count") (param i32) (result i32)
    (loop $on (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $on (local.get 0)))
    (local.get 0)))"""


_numbers = itertools.count()


def counting() -> wasmpy.Module:
    """A module of its own: equal ones share what was compiled."""
    return wasmpy.Module(f"{COUNT} ;; {next(_numbers)}")


@pytest.mark.parametrize("tier", TIERS)
def test_an_instance_runs_in_the_tier_that_is_asked_for(tier: str) -> None:
    module = wasmpy.Module(WAT)
    for made in (module.instantiate(tier=tier), wasmpy.Linker().instantiate(module, tier=tier)):
        assert (made.store.inst.tier is None) == (tier == "reference")
        assert made.exports.add(40, 2) == 42


def test_auto_is_the_reference_tier_until_something_runs_for_long() -> None:
    made = counting().instantiate(tier="auto", deadline=60)
    for _ in range(100):
        assert made.exports.count(1) == 0
    assert isinstance(made.store.inst.tier, Cold)
    assert made.exports.count(1_000_000) == 0
    assert isinstance(made.store.inst.tier, PySource)
    assert made.store.fallbacks == []


def test_a_deadline_holds_where_the_compiling_tier_begins_in_the_midst_of_a_call() -> None:
    made = counting().instantiate(tier="auto")
    with pytest.raises(wasmpy.Interrupted) as caught:
        made.exports.count(-1, deadline=0.2)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert isinstance(made.store.inst.tier, PySource)


def test_what_another_instance_compiled_is_used_from_the_first_call() -> None:
    module = counting()
    assert module.instantiate(tier="python").exports.count(3) == 0
    made = module.instantiate(tier="auto")
    assert made.exports.count(3) == 0
    assert isinstance(made.store.inst.tier, PySource)


def test_many_short_calls_are_compiled_as_one_long_call_is() -> None:
    made = counting().instantiate(tier="auto")
    for _ in range(100):
        assert made.exports.count(1_000) == 0
    assert made.exports.count.inst.apart is made.store.inst.tier


def test_what_is_too_short_to_gain_is_not_compiled() -> None:
    # A module of its own: equal ones share what another test had compiled.
    made = wasmpy.Module(WAT.replace("i32.add", "i32.sub")).instantiate(tier="auto")
    for _ in range(20_000):
        made.exports.add(3, 2)
    assert made.exports.add.inst.apart is None
    assert made.exports.add.inst.declined_by is made.store.inst.tier
    assert made.exports.add(3, 2) == 1


@pytest.mark.parametrize("tier", ["auto", "python"])
def test_calls_with_a_deadline_are_compiled_in_one_form(tier: str) -> None:
    module = counting()
    made = module.instantiate(tier=tier)
    for _ in range(5):
        assert made.exports.count(200_000, deadline=60) == 0
    forms = {metered for _, metered in Functions.of(module.syntax).made}
    assert len(forms) == 1


def test_a_store_has_its_tier_already() -> None:
    store = wasmpy.Store(tier="reference")
    with pytest.raises(ValueError, match="tier"):
        wasmpy.Module(WAT).instantiate(store=store, tier="python")


@pytest.mark.parametrize("tier", ["native", "fast", ""])
def test_a_tier_that_is_not_there_is_refused(tier: str) -> None:
    with pytest.raises(ValueError, match="tier"):
        wasmpy.Store(tier=tier)
    with pytest.raises(ValueError, match="tier"):
        wasmpy.Module(WAT).instantiate(tier=tier)


def labels(**options: Any) -> Any:
    session = bundled.session()
    with Guard(bundled.guard_bytes(), name="github", **options) as guard:
        agent = guard.label_agent(session["policy"])
        return agent.to_json(), guard.last_report.fuel


def test_a_guard_answers_and_costs_the_same_in_every_tier() -> None:
    counted = {tier: labels(tier=tier, count=True) for tier in TIERS}
    assert counted[DEFAULT_TIER][1] > 1_000
    assert all(found == counted[DEFAULT_TIER] for found in counted.values())
    assert labels(fuel=ENDLESS_FUEL) == counted[DEFAULT_TIER]
    assert labels() == (counted[DEFAULT_TIER][0], None)
