"""Running scripts: what passes, what fails, what cannot be judged."""

from __future__ import annotations

import json
import pathlib

import pytest

from wasmpy.config import Features
from wasmpy.errors import MalformedError, TrapKind
from wasmpy.syntax.types import EXTERNREF, F32, F64, FUNCREF, I32
from wasmpy.text.script import Pattern
from wasmpy.wast import run_script
from wasmpy.wast.expectations import Expected, differences, record_failures
from wasmpy.wast.patterns import HostRef, matches
from wasmpy.wast.report import FAIL, PASS, SKIP
from wasmpy.wast.runner import PATHS
from wasmpy.wast.traps import SCRIPT_TEXT, expected_kind

MODULE = """
(module $m
  (table 2 funcref) (memory 1)
  (global (export "g") i64 (i64.const -1))
  (func $id (export "id") (param i32) (result i32) (local.get 0))
  (func (export "pair") (result i32 f32) (i32.const 1) (f32.const nan))
  (func (export "ext") (param externref) (result externref) (local.get 0))
  (func (export "fun") (result funcref) (ref.func $id))
  (func (export "trap") unreachable)
  (func (export "oob") (drop (i32.load (i32.const 65536))))
  (func (export "spin") (loop (br 0)))
  (func $deep (export "deep") (call $deep)))
"""


def statuses(script: str, **options: object) -> list:
    return [result.status for result in run_script(script, **options).results]


@pytest.mark.parametrize(
    "command",
    [
        '(assert_return (invoke "id" (i32.const -1)) (i32.const 0xffffffff))',
        '(assert_return (invoke $m "id" (i32.const 1)) (either (i32.const 2) (i32.const 1)))',
        '(assert_return (invoke "pair") (i32.const 1) (f32.const nan:canonical))',
        '(assert_return (invoke "pair") (i32.const 1) (f32.const nan:arithmetic))',
        '(assert_return (invoke "ext" (ref.extern 7)) (ref.extern 7))',
        '(assert_return (invoke "ext" (ref.extern 7)) (ref.extern))',
        '(assert_return (invoke "ext" (ref.null extern)) (ref.null))',
        '(assert_return (invoke "fun") (ref.func))',
        '(assert_return (get "g") (i64.const -1))',
        '(invoke "id" (i32.const 1))',
        '(assert_trap (invoke "trap") "unreachable")',
        '(assert_trap (invoke "oob") "out of bounds memory access")',
        '(assert_trap (module (func unreachable) (start 0)) "unreachable")',
        '(assert_exhaustion (invoke "deep") "call stack exhausted")',
        '(assert_malformed (module quote "(func") "unexpected end")',
        '(assert_malformed (module binary "") "unexpected end")',
        '(assert_invalid (module (func (result i32))) "type mismatch")',
        '(assert_unlinkable (module (import "no" "no" (func))) "unknown import")',
        '(assert_unlinkable (module (import "spectest" "print" (func (param i32)))) "x")',
        '(module (import "spectest" "memory" (memory 1 2)))',
    ],
)
def test_what_passes(command: str) -> None:
    assert statuses(MODULE + command) == [PASS, PASS]


@pytest.mark.parametrize(
    "command",
    [
        '(assert_return (invoke "id" (i32.const 1)) (i32.const 2))',
        '(assert_return (invoke "id" (i32.const 1)))',
        '(assert_return (invoke "id" (i32.const 1)) (i64.const 1))',
        '(assert_return (invoke "id" (i32.const 1)) (either (i32.const 2) (i32.const 3)))',
        '(assert_return (invoke "pair") (f32.const nan:canonical) (i32.const 1))',
        '(assert_return (invoke "ext" (ref.extern 7)) (ref.extern 8))',
        '(assert_return (invoke "ext" (ref.extern 7)) (ref.null extern))',
        '(assert_return (invoke "ext" (ref.null extern)) (ref.extern))',
        '(assert_return (invoke "ext" (ref.extern 1)) (ref.func))',
        '(assert_return (invoke "trap"))',
        '(assert_return (invoke "none"))',
        '(assert_return (invoke "id"))',
        '(invoke "trap")',
        '(assert_trap (invoke "trap") "integer overflow")',
        '(assert_trap (invoke "trap") "no such wording")',
        '(assert_trap (invoke "id" (i32.const 1)) "unreachable")',
        '(assert_exhaustion (invoke "trap") "call stack exhausted")',
        '(assert_malformed (module quote "(func)") "x")',
        '(assert_malformed (module quote "(func (result i32))") "invalid, not malformed")',
        '(assert_invalid (module quote "(func") "malformed, not invalid")',
        '(assert_invalid (module) "x")',
        '(assert_unlinkable (module) "x")',
        '(assert_unlinkable (module (func (result i32))) "x")',
        '(assert_exception (invoke "trap"))',
        '(invoke $none "f")',
        '(register "r" $none)',
        "(module (func (result i32)))",
        "(module instance $i $none)",
    ],
)
def test_what_fails(command: str) -> None:
    assert statuses(MODULE + command) == [PASS, FAIL]


def test_what_needs_a_missing_feature_is_skipped_and_so_is_what_depends_on_it() -> None:
    report = run_script(
        """(module $t (tag) (func (export "f")))
        (invoke "f")
        (register "t" $t)
        (module (import "t" "f" (func)))
        (assert_unlinkable (module (import "t" "f" (global i32))) "x")
        (assert_malformed (module quote "(tag)") "x")
        (assert_invalid (module (func (throw 0))) "x")
        (module (import "spectest" "print" (func)))""",
        features=Features.WASM2,
    )
    assert [result.status for result in report.results] == [SKIP] * 7 + [PASS]
    assert {result.feature for result in report.misses()} == {"exceptions"}


def test_the_features_decide_what_runs() -> None:
    script = "(module (memory i64 1))"
    assert statuses(script) == [PASS]
    assert statuses(script, features=Features.WASM2) == [SKIP]


def test_a_module_runs_as_it_was_parsed_or_by_way_of_the_binary_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(module: object) -> bytes:
        raise AssertionError("encoded")

    script = MODULE + '(assert_return (invoke "id" (i32.const 3)) (i32.const 3)) (assert_invalid (module (start 0)) "")'
    binary = f'{script} (module binary "\\00asm\\01\\00\\00\\00")'
    for path in PATHS:
        assert statuses(binary, path=path) == [PASS] * 4
    monkeypatch.setattr("wasmpy.wast.runner.encode_module", refuse)
    assert statuses(binary, path="text") == [PASS] * 4
    assert statuses(script, path="binary") == [FAIL] * 3
    with pytest.raises(ValueError, match="no path"):
        run_script(script, path="other")


def test_how_many_memories_there_may_be_is_a_matter_of_validity() -> None:
    script = '(assert_invalid (module (memory 1) (memory 1)) "multiple memories")'
    assert statuses(script) == [FAIL]
    assert statuses(script, features=Features.WASM2) == [PASS]


def test_an_endless_loop_ends() -> None:
    script = (
        MODULE
        + '(invoke "spin") (assert_trap (invoke "spin") "unreachable") (invoke "id" (i32.const 0))'
    )
    assert statuses(script, fuel=100_000) == [PASS, FAIL, FAIL, PASS]


def test_an_endless_start_function_ends() -> None:
    assert statuses("(module (func (loop (br 0))) (start 0))", fuel=100_000) == [FAIL]


def test_modules_are_found_by_name_or_are_the_latest() -> None:
    one = '(func (export "f") (result i32) (i32.const {0}))'
    script = (
        f"(module $a {one.format(1)}) (module $b {one.format(2)}) (module {one.format(3)})"
        '(assert_return (invoke $a "f") (i32.const 1)) (assert_return (invoke $b "f") (i32.const 2))'
        '(assert_return (invoke "f") (i32.const 3)) (assert_invalid (module (func drop)) "x")'
        '(assert_return (invoke "f") (i32.const 3))'
    )
    assert set(statuses(script)) == {PASS}


def test_registered_modules_share_their_state() -> None:
    script = """
    (module $a (global (export "g") (mut i32) (i32.const 1)) (memory (export "m") 1)
      (func (export "set") (global.set 0 (i32.const 5)) (i32.store (i32.const 0) (i32.const 6))))
    (register "A" $a)
    (module (import "A" "g" (global (mut i32))) (import "A" "m" (memory 1))
      (func (export "get") (result i32 i32) (global.get 0) (i32.load (i32.const 0))))
    (assert_return (invoke "get") (i32.const 1) (i32.const 0))
    (invoke $a "set")
    (assert_return (invoke "get") (i32.const 5) (i32.const 6))"""
    assert set(statuses(script)) == {PASS}


def test_instances_of_one_definition_are_apart() -> None:
    script = """
    (module definition $d (global (export "g") (mut i32) (i32.const 1))
      (func (export "f") (global.set 0 (i32.const 2))))
    (module instance $x $d) (module instance $y $d)
    (invoke $x "f")
    (assert_return (get $x "g") (i32.const 2)) (assert_return (get $y "g") (i32.const 1))"""
    assert set(statuses(script)) == {PASS}


def test_a_script_can_be_a_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "s.wast"
    path.write_bytes(b'(module)\r\n(assert_invalid (module) "x")')
    report = run_script(path)
    assert (report.script, report.count(PASS), report.count(FAIL)) == (str(path), 1, 1)
    assert not report.passed
    document = json.loads(json.dumps(report.to_json()))
    assert document["commands"] == 2
    assert [(m["index"], m["line"], m["kind"]) for m in document["misses"]] == [
        (1, 2, "assert_invalid")
    ]


def test_a_wrong_script_is_an_error_of_its_own() -> None:
    with pytest.raises(MalformedError) as caught:
        run_script("(module)\n(nonsense)")
    assert caught.value.line == 2


# Patterns


@pytest.mark.parametrize(
    ("kind", "bits", "fits"),
    [
        ("nan:canonical", 0x7FC00000, True),
        ("nan:canonical", 0xFFC00000, True),
        ("nan:canonical", 0x7FC00001, False),
        ("nan:canonical", 0x7F800000, False),
        ("nan:arithmetic", 0x7FC00000, True),
        ("nan:arithmetic", 0xFFFFFFFF, True),
        ("nan:arithmetic", 0x7FA00000, False),
        ("nan:arithmetic", 0x3F800000, False),
    ],
)
def test_nan_patterns(kind: str, bits: int, fits: bool) -> None:
    assert matches(Pattern(kind, "f32"), F32, bits) is fits
    assert matches(Pattern(kind, "f32"), F64, bits) is False
    wide = (bits >> 31) << 63 | (bits >> 23 & 0xFF and 0x7FF) << 52 | (bits & 0x7FFFFF) << 29
    if bits >> 23 & 0xFF == 0xFF:
        assert matches(Pattern(kind, "f64"), F64, wide) is fits


def test_references_match_their_own_kind() -> None:
    assert matches(Pattern("ref", "extern", 1), EXTERNREF, HostRef(1))
    assert not matches(Pattern("ref", "extern", 1), EXTERNREF, 1)
    assert not matches(Pattern("null", ""), I32, None)
    assert matches(Pattern("null", "func"), FUNCREF, None)


def test_every_kind_of_trap_has_a_wording() -> None:
    assert set(SCRIPT_TEXT.values()) == set(TrapKind)
    assert expected_kind("undefined element 7") is TrapKind.TABLE_OUT_OF_BOUNDS
    assert expected_kind("uninitialized element") is TrapKind.INDIRECT_CALL_TO_NULL
    assert expected_kind("") is None


# Expectations


def test_a_report_is_held_against_what_is_expected() -> None:
    script = '(module) (module (tag)) (assert_invalid (module) "x")'
    report = run_script(script, features=Features.WASM2)
    tag = Expected(1, 1, "module", "exceptions")
    wrong = Expected(2, 1, "assert_invalid", "gc")
    assert differences(report, [tag, wrong]) == []
    assert len(differences(report, [tag])) == 1  # a failure that is not listed
    assert len(differences(report, [tag, wrong, Expected(0, 1, "module", "gc")])) == 1  # a pass
    assert len(differences(report, [Expected(1, 1, "module", "gc"), wrong])) == 1  # the feature
    assert len(differences(report, [Expected(1, 2, "module", "exceptions"), wrong])) == 1
    assert len(differences(report, [tag, wrong, Expected(9, 1, "module", "gc")])) == 1


def test_recording_keeps_the_reasons_a_person_gave() -> None:
    script = '(module) (module (tag)) (assert_invalid (module) "x")'
    report = run_script(script, features=Features.WASM2)
    before = {"s": [Expected(2, 1, "assert_invalid", "gc")]}
    kept = record_failures({"s": report}, before)["s"]
    assert [entry["missing"] for entry in kept] == ["exceptions", "gc"]
    assert record_failures({"s": report}, {})["s"][1]["missing"] == "?"
