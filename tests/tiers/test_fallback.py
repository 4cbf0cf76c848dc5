"""Functions that the python tier does not take: run in the reference tier, told, or refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Tuple

import pytest

import wasmpy
from hostabi import Guard
from wasmpy import cli
from wasmpy.tiers.fallback import FALLBACKS, Fallback
from wasmpy.tiers.pysource import source
from wasmpy.tiers.pysource.marks import Untaken

WAT = """(module
    (func $taken (export "taken") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $odd (export "odd") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func (export "both") (param i32) (result i32) (call $odd (call $taken (local.get 0)))))"""

pytestmark = pytest.mark.fallbacks

FOUND = Fallback(1, "odd", "it is odd")


@pytest.fixture(autouse=True)
def refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Function 1 is not taken."""
    write = source.write

    def refuse(shape: Any, funcidx: int, *args: Any, **options: Any) -> Any:
        if funcidx == 1:
            raise Untaken("it is odd")
        return write(shape, funcidx, *args, **options)

    monkeypatch.setattr(source, "write", refuse)


def made(**options: Any) -> Tuple[Any, wasmpy.Store]:
    store = wasmpy.Store(tier="python", **options)
    return wasmpy.Module(WAT).instantiate(store=store).exports, store


def test_the_reference_tier_runs_it_and_the_store_says_so() -> None:
    exports, store = made()
    assert store.fallbacks == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (exports.both(20), exports.odd(4), exports.both(20)) == (42, 8, 42)
    assert store.fallbacks == [FOUND]


def test_fuel_is_the_same() -> None:
    exports, store = made(fuel=1_000)
    assert exports.both(20) == 42
    assert (store.fuel_consumed, store.fallbacks) == (3 + 3 + 3, [FOUND])


def test_a_warning_comes_once_with_the_reason() -> None:
    exports, store = made(fallback="warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert exports.both(20) == 42
    assert [warning.category for warning in caught] == [wasmpy.FallbackWarning]
    assert "'odd'" in str(caught[0].message)
    assert FOUND.reason in str(caught[0].message)
    assert store.fallbacks == [FOUND]


def test_entering_it_fails_and_nothing_else_does() -> None:
    exports, store = made(fallback="fail")
    assert exports.taken(1) == 2
    for _ in range(2):
        for entered in (exports.both, exports.odd):
            with pytest.raises(wasmpy.FallbackError) as caught:
                entered(20)
            error = caught.value
            assert (error.function, error.name, error.reason) == FOUND
    assert exports.taken(1) == 2
    assert store.fallbacks == [FOUND]


def test_a_new_store_has_it_by_any_way() -> None:
    module = wasmpy.Module(WAT)
    for ways in (module.instantiate, lambda **o: wasmpy.Linker().instantiate(module, **o)):
        instance = ways(tier="python", fallback="fail")
        with pytest.raises(wasmpy.FallbackError):
            instance.exports.odd(1)
        assert ways(tier="python").exports.odd(2) == 4
        with pytest.raises(ValueError, match="fallback"):
            ways(store=wasmpy.Store(), fallback="fail")
        with pytest.raises(ValueError, match="fallback"):
            ways(fallback="loud")
        with pytest.raises(ValueError, match="fallback"):
            ways(fallback="")


def test_a_guard_has_it_and_is_made_anew_with_it() -> None:
    module = wasmpy.Module(
        """(module (memory (export "memory") 1)
          (func (export "init"))
          (func $odd (param i32 i32 i32 i32) (result i32) (i32.const 0))
          (export "label_agent" (func $odd)) (export "label_resource" (func $odd))
          (export "label_response" (func $odd)))""",
        features=wasmpy.Features.WASM2,
    )
    with Guard(module, tier="python", fallback="fail") as guard:
        for _ in range(2):
            with pytest.raises(wasmpy.FallbackError) as caught:
                guard.call("label_agent", b"{}")
            assert caught.value.function == 1
        assert guard.health().resets == 1
    with pytest.raises(ValueError, match="fallback"):
        Guard(module, fallback="loud")


def test_the_commands_have_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "odd.wast"
    script.write_text(WAT + '(assert_return (invoke "odd" (i32.const 2)) (i32.const 4))')
    words = ["wast", "--tier", "python", str(script)]
    assert cli.main(words) == 0
    assert cli.main([*words, "--fallback", "fail"]) == 1
    assert "it is odd" in capsys.readouterr().out


def test_the_policies_are_named() -> None:
    for policy in FALLBACKS:
        assert wasmpy.Store(fallback=policy).fallbacks == []
    with pytest.raises(ValueError, match="fallback"):
        wasmpy.Store(fallback="loud")
