"""Running cases: what passes, what differs and how it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.hostabi.wat import AGENT, EXIT, LOOP, RESOURCE, RESPONSE, data, guard_wat
from wasmpy import Module
from wasmpy.testing import Bounds, CaseError, CaseResult, read_file, run_cases, run_files
from wasmpy.testing.cases import read_cases

ASKING = f"""
  (drop (call $call_backend (i32.const 512) (i32.const 4) (i32.const 520) (i32.const 9)
    (i32.const 1024) (i32.const 64)))
  (call $host_log (i32.const 2) (i32.const 512) (i32.const 4))
  (call $host_log (i32.const 7) (i32.const 516) (i32.const 4))
  (memory.copy (local.get $op) (i32.const 700) (i32.const {len(RESOURCE)}))
  (i32.const {len(RESOURCE)})"""
TEXTS = data(512, "find\x1b[2J") + data(520, '{"a":[1]}') + data(700, RESOURCE)
ITEMS = json.dumps({
    "labeled_paths": [
        {"path": "/0", "labels": {"description": "x", "secrecy": [], "integrity": ["i"]}},
        {"path": "/1", "labels": {"description": "y", "secrecy": ["other"], "integrity": ["i"]}},
    ],
    "default_labels": {"secrecy": ["s"], "integrity": []},
})  # fmt: skip
GUARD = Module(guard_wat(resource=ASKING, response=ITEMS, extra=TEXTS))


def one(*steps: Dict[str, Any], guard: Any = GUARD, bounds: Bounds = Bounds(), **case: Any) -> CaseResult:
    """The result of one case."""
    doc = {"cases": [{"name": "n", "policy": {"p": 1}, "calls": list(steps), **case}]}
    (result,) = run_cases(guard, read_cases(doc, "f", _no_files), bounds)
    return result


def _no_files(name: Any, path: str) -> Any:
    raise CaseError("no files here", "f", path)


def paths(result: CaseResult) -> List[str]:
    return [found.path for found in result.differences]


def resource(**expect: Any) -> Dict[str, Any]:
    return {"call": "label_resource", "tool_name": "t", "expect": expect}


def response(**expect: Any) -> Dict[str, Any]:
    return {"call": "label_response", "tool_name": "t", "tool_result": [1, 2, 3], "expect": expect}


def through(expect: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    return {"call": "pipeline", "tool_name": "list_t", "tool_result": [1, 2, 3], **more, "expect": expect}


HERE = "cases[0].calls[0].expect"


def test_what_is_as_expected_passes() -> None:
    result = one(
        resource(
            secrecy=["s"], integrity=["i"], description="r", operation="read", healthy=True,
            logs=[{"level": "warn", "text": "find"}, {"level": 7, "contains": "[2J", "source": "host_log"}],
            logs_include=[{"contains": "in"}], pages_at_most=512,
            questions=[{"tool_name": "find", "tool_args": {"a": [1]}, "answered": True}],
        ),
        response(
            format="paths", collection=True,
            items=[{"integrity": ["i"], "source": "own"}, {"secrecy": ["other"], "description": "y"}, {"source": "default", "labelled": True}],
        ),
        agent={"secrecy": ["s"], "integrity": ["i"], "difc_mode": "filter", "normalized_policy": None, "logs": []},
        backend=[{"tool_name": "find", "tool_args": {"a": [1]}, "result": {}}],
    )  # fmt: skip
    assert result.text == ""
    assert result.passed
    assert len(result.steps) == 3


def test_tags_differ_tag_by_tag_with_their_place_in_the_guard_s_output() -> None:
    result = one(response(items=[{"integrity": ["j"]}, {"secrecy": ["other"]}, {}]))
    assert paths(result) == [f"{HERE}.items[0].integrity"]
    (found,) = result.differences
    assert found.lines == (
        "- j  expected, not there",
        "+ i  not expected, at /labeled_paths/0/labels/integrity/0",
    )
    assert (found.expected, found.actual) == (["j"], ["i"])


def test_tags_are_compared_as_sets() -> None:
    guard = guard_wat(resource='{"resource":{"secrecy":["b","a","b"]}}')
    assert one(resource(secrecy=["a", "b"]), guard=Module(guard)).passed


WRONG: List[Any] = [
    (resource(operation="write"), ["operation"]),
    (resource(description=""), ["description"]),
    (resource(logs=["find"]), ["logs"]),
    (resource(logs=["x", "y"]), ["logs"]),
    (resource(logs_include=["find", "find"]), ["logs_include"]),
    (resource(logs_include=[{"level": 7, "contains": "[2J"}, "find"]), ["logs_include"]),
    (resource(questions=[]), ["questions"]),
    (resource(questions=[{"tool_name": "find", "tool_args": {"a": [2]}}]), ["questions"]),
    (resource(questions=[{"tool_name": "find", "answered": True}]), ["questions"]),
    (resource(fuel_at_most=3), ["fuel_at_most"]),
    (resource(pages_at_most=3), ["pages_at_most"]),
    (resource(healthy=False), ["healthy"]),
    (resource(error="GuardTrap"), ["error"]),
    (response(items=[{}]), ["items"]),
    (response(items=[{}, {}, {"labelled": False}]), ["items[2].labelled"]),
    (response(labelled=False), ["labelled"]),
    (response(format="items", collection=False), ["format", "collection"]),
]  # fmt: skip


@pytest.mark.parametrize(("step", "keys"), WRONG, ids=lambda item: str(item)[-60:])
def test_what_differs_is_told_with_its_path(step: Dict[str, Any], keys: List[str]) -> None:
    result = one(step)
    assert paths(result) == [f"{HERE}.{key}" for key in keys]
    assert all(found.lines for found in result.differences)
    assert "\x1b" not in result.text
    assert all(set(found.to_json()) == {"path", "expected", "actual", "lines"} for found in result.differences)


def test_no_labels_of_its_own() -> None:
    guard = Module(guard_wat(response="(i32.const 0)"))
    assert one(response(labelled=False), guard=guard).passed
    assert paths(one(response(items=[]), guard=guard)) == [f"{HERE}.items"]


# Errors --------------------------------------------------------------------------------

TRAP = Module(guard_wat(resource="(unreachable)"))


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        ("GuardTrap", True),
        ("GuardCallError", True),
        ("GuardTimeout", False),
        ({"error": "GuardTrap", "during": "label_resource", "trap": {"kind": "UNREACHABLE"}}, True),
        ({"error": "GuardTrap", "during": "alloc"}, False),
        ({"error": "GuardTrap", "trap": {"kind": "STACK_OVERFLOW"}}, False),
        ({"error": "GuardTrap", "colour": "red"}, False),
        ({"error": "GuardTrap", "cause": "GuardTrap"}, False),
    ],
)
def test_an_error_by_class_and_fields(expected: Any, fits: bool) -> None:
    result = one(resource(error=expected), guard=TRAP)
    assert paths(result) == ([] if fits else [f"{HERE}.error"])


def test_a_failure_that_nobody_expects_fails_the_case() -> None:
    result = one(resource(secrecy=["s"]), guard=TRAP)
    assert paths(result) == [HERE]
    assert result.differences[0].actual["error"] == "GuardTrap"
    assert paths(one(resource(), resource(secrecy=["s"]), agent={"secrecy": ["s"]}, guard=TRAP)) == [
        HERE, "cases[0].calls[1].expect",
    ]  # fmt: skip


def test_after_a_trap_the_guard_is_not_healthy_and_later_calls_are_refused() -> None:
    result = one(
        resource(error="GuardTrap", healthy=False),
        resource(error={"error": "GuardPoisoned", "cause": {"error": "GuardTrap"}}),
        guard=TRAP,
    )
    assert result.text == ""


def test_limits_of_the_case_and_of_the_caller() -> None:
    loop = Module(guard_wat(resource=LOOP))
    assert one(resource(error={"error": "GuardFuelExhausted", "fuel": 10_000}), guard=loop, limits={"fuel": 10_000}).passed
    assert one(resource(error="GuardFuelExhausted"), guard=loop, bounds=Bounds(fuel=10_000)).passed
    assert one(resource(error={"error": "GuardTimeout", "seconds": 0.05}), guard=loop, limits={"timeout": 0.05}).passed
    assert one(resource(operation="read", fuel_at_most=10_000)).passed


def test_a_guard_that_does_not_load() -> None:
    expected = {"error": "GuardLoadError", "stage": "module"}
    small = {"limits": {"max_memory_pages": 2}}
    case = {"cases": [{"name": "n", "load_error": expected, "limits": {"max_memory_pages": 2}}]}
    (result,) = run_cases(GUARD, read_cases(case, "f", _no_files))
    assert result.passed
    case["cases"][0]["limits"]["max_memory_pages"] = 500
    (result,) = run_cases(GUARD, read_cases(case, "f", _no_files))
    assert paths(result) == ["cases[0].load_error"]
    result = one(resource(operation="read"), **small)
    assert paths(result) == ["cases[0]"]
    assert type(result.error).__name__ == "GuardLoadError"


def test_a_policy_that_is_refused() -> None:
    guard = Module(guard_wat(agent='{"success":false,"error":"not this one"}'))
    rejected = {"error": "PolicyRejected", "detail": "not this one"}
    assert one(guard=guard, agent={"error": rejected}).passed
    assert paths(one(guard=guard, agent={"secrecy": []})) == ["cases[0].agent"]
    step = {"call": "label_agent", "policy": [], "expect": {"error": {"error": "PolicyError", "reason": "type"}}}
    assert one(step).passed


# Verdicts --------------------------------------------------------------------------------


def test_verdicts_item_by_item_by_the_pipeline() -> None:
    result = one(
        through({
            "allowed": True, "called": True, "mode": "filter", "kept": 1, "dropped": 2,
            "items": [
                {"kept": True, "rule": None},
                {"kept": False, "rule": "secrecy", "extra_secrecy": ["other"], "missing_integrity": []},
                {"kept": False, "rule": "integrity", "missing_integrity": ["i"], "source": "default"},
            ],
            "resource": {"operation": "read", "secrecy": ["s"], "rule": None},
            "agent": {"secrecy": ["s"], "integrity": ["i"]},
        }),
    )  # fmt: skip
    assert result.text == ""


def test_why_an_item_was_dropped_stands_in_the_difference() -> None:
    result = one(through({"items": [{"kept": True}, {"kept": True}, {"kept": True}]}))
    assert paths(result) == [f"{HERE}.items[1].kept", f"{HERE}.items[2].kept"]
    assert "/labeled_paths/1/labels/secrecy/0" in result.differences[0].text
    assert "/agent/integrity/0" in result.differences[1].text


def test_a_denial_and_the_result_that_the_agent_gets() -> None:
    write = json.dumps({"resource": {"secrecy": [], "integrity": ["i"]}, "operation": "write"})
    guard = Module(guard_wat(resource=write))
    denial = {"side": "agent", "rule": "secrecy", "extra_secrecy": ["s"]}
    result = one(through({"allowed": False, "called": False, "denial": denial}), guard=guard)
    assert paths(result) == [f"{HERE}.denial.side"]
    denial["side"] = "resource"
    assert one(through({"denial": denial}), guard=guard).passed
    assert paths(one(through({"denial": denial}))) == [f"{HERE}.denial"]
    read = json.dumps({"resource": {"secrecy": ["s"], "integrity": ["i"]}, "operation": "read"})
    guard = Module(guard_wat(resource=read, response="(i32.const 0)"))
    step = through({"result": {"a": [1, {"b": 2.0}]}}, tool_result={"a": [1, {"b": 2}]})
    assert one(step, guard=guard).passed
    step["expect"]["result"] = {"a": [1, {"b": 3}], "c": 1}
    (found,) = one(step, guard=guard).differences
    assert found.lines == ("- /c  expected, not there", "/a/1/b: expected 3, got 2")


def test_the_modes_and_the_taint_of_propagate() -> None:
    agent = json.dumps({"agent": {"secrecy": [], "integrity": []}, "difc_mode": "propagate"})
    guard = Module(guard_wat(agent=agent, response=ITEMS))
    step = through({"mode": "propagate", "kept": 3, "agent": {"secrecy": ["s", "other"]}})
    assert one(step, guard=guard).text == ""


def test_a_tool_that_fails_and_a_case_without_a_policy() -> None:
    step = {"call": "pipeline", "tool_name": "t", "tool_error": "gone", "expect": {"error": "BackendError"}}
    assert one(step).passed
    doc = {"cases": [{"name": "n", "calls": [step, resource(secrecy=["s"])]}]}
    (result,) = run_cases(GUARD, read_cases(doc, "f", _no_files))
    assert paths(result) == ["cases[0].calls[0].expect.error"]
    assert result.steps[0].actual["error"]["error"] == "AgentLabellingError"


def test_another_policy_in_the_middle_of_a_case() -> None:
    give = {"call": "label_agent", "policy": {"q": 1}, "expect": {"secrecy": ["s"]}}
    assert one(through({"kept": 1}), give, through({"kept": 1}), resource(operation="read")).text == ""


def test_cases_do_not_disturb_each_other(tmp_path: Path) -> None:
    doc = {"policy": {}, "cases": [
        {"name": "trap", "calls": [resource(error="GuardTrap")]},
        {"name": "again", "calls": [resource(error="GuardTrap")]},
    ]}  # fmt: skip
    (tmp_path / "cases.json").write_text(json.dumps(doc), encoding="utf-8")
    ticks = iter(range(100))
    results = run_files(TRAP, [read_file(tmp_path / "cases.json")], clock=lambda: next(ticks))
    assert [(result.case.name, result.passed, result.seconds) for result in results] == [
        ("trap", True, 1), ("again", True, 1),
    ]  # fmt: skip
    assert results[0].to_json() == {"name": "trap", "status": "passed", "seconds": 1, "differences": []}


def test_the_gateway_s_defects_can_be_had() -> None:
    loose = Module(guard_wat(resource='{"resource":{"secrecy":"s"},"operation":"read"}'))
    assert one(resource(error={"error": "ResponseError", "reason": "labels"}), guard=loose).passed
    assert one(resource(secrecy=[]), guard=loose, compat="gateway").passed
    assert one(resource(secrecy=[]), guard=loose, outputs="lenient").passed
    ends = Module(guard_wat(resource=EXIT.format(code=0)))
    assert one(resource(error="GuardExitZero", healthy=False), guard=ends).passed
    assert one(resource(error="GuardExitZero", healthy=True), guard=ends, compat="gateway").passed


def test_a_log_without_end_is_compared_in_bounds() -> None:
    body = """(loop $more (call $host_log (i32.const 0) (i32.const 0) (i32.const 60000))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 400)))) (i32.const 0)"""
    guard = Module(guard_wat(response=body))
    result = one(response(logs=[]), guard=guard)
    assert paths(result) == [f"{HERE}.logs"]
    assert len(result.text) < 100_000


def test_the_answers_used_here_are_valid() -> None:
    assert all(json.loads(text) for text in (AGENT, RESOURCE, RESPONSE, ITEMS))
