"""The example guards do the same here and on wasmtime, payload by payload; and C agrees with Rust.

Both hosts see the same inputs; everything that can be seen from outside is compared: result
bytes, return codes, backend calls in order, log lines, what ``alloc`` returned, pages.  The
other host (``wasmtime_host``) shares no code with ours.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
from typing import Any, Dict, List, NamedTuple, Optional

import pytest

import wasmpy
from hostabi import Guard, RulesBackend
from hostabi.errors import GuardReturnedError, PolicyRejected
from hostabi.inputs import policy_object, resource_input, response_input
from hostabi.payload import encode
from hostabi.responses import parse_agent, parse_resource, parse_response

try:
    from tests.diff import wasmtime_host

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

pytestmark = pytest.mark.diff

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUARDS = {
    "rust": ROOT / "hostabi" / "bundled" / "github.wasm",
    "c": ROOT / "examples" / "guards" / "github-c" / "guard.wasm",
    "wat": ROOT / "examples" / "guards" / "minimal-wat" / "guard.wasm",
}
PAYLOADS = sorted((ROOT / "examples" / "payloads").glob("*.json"))
BUNDLED = sorted((ROOT / "hostabi" / "bundled").glob("*.json"))
LARGE = 100_000
"""Bytes from which a payload takes more than a few seconds."""

C_TOOLS = frozenset((
    "list_issues", "get_issue", "search_issues", "list_pull_requests", "get_pull_request",
    "list_commits", "get_file_contents", "create_issue", "add_issue_comment", "merge_pull_request",
))  # fmt: skip
"""The tools that the guard in C decides (examples/guards/DECISIONS.md, section 4)."""


@pytest.fixture(autouse=True)
def _other_engine() -> None:
    """Skip without wasmtime, but never in CI."""
    if MISSING and os.environ.get("CI") == "true":
        pytest.fail(f"CI must compare with wasmtime: {MISSING}")
    if MISSING:
        pytest.skip(f"wasmtime is not installed: {MISSING}")


def cases(*guards: str) -> List[Any]:
    """A parameter for each guard and payload."""
    params = []
    for guard in guards:
        for path in PAYLOADS + BUNDLED:
            marks = [pytest.mark.slow] if path.stat().st_size > LARGE else []
            params.append(pytest.param(guard, path, id=f"{guard}-{path.stem}", marks=marks))
    return params


@functools.lru_cache(maxsize=None)
def binary_of(guard: str) -> bytes:
    return GUARDS[guard].read_bytes()


@functools.lru_cache(maxsize=None)
def module_of(guard: str) -> wasmpy.Module:
    return wasmpy.Module(binary_of(guard))


def read(path: pathlib.Path) -> Dict[str, Any]:
    case: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return case


class Seen(NamedTuple):
    """What one call of a label function looks like from outside."""

    function: str
    question: bytes
    result: Optional[bytes]
    returned: List[Optional[int]]
    buffers: List[Any]
    backend: List[Any]
    log: List[Any]
    output: bytes
    allocs: List[int]
    pages: int


def here(guard: str, case: Dict[str, Any]) -> List[Seen]:
    """What our host sees."""
    tool, args, result = case["tool_name"], case.get("tool_args", {}), case.get("tool_result")
    inputs = {
        "label_agent": policy_object(case["policy"]),
        "label_resource": resource_input(tool, args),
        "label_response": response_input(tool, result, args),
    }
    seen = []
    with Guard(module_of(guard), backend=RulesBackend(case.get("backend") or [])) as host:
        for function, value in inputs.items():
            question, answer = encode(value), None
            with contextlib.suppress(GuardReturnedError):
                answer = host.call(function, question)
            report = host.last_report
            seen.append(Seen(
                function, question, answer, [a.returned for a in report.attempts],
                [(a.in_ptr, a.out_ptr, a.out_size) for a in report.attempts],
                [(b.name.encode(), b.args, b.size, b.answer, b.returned) for b in report.backend],
                [(b.level, b.text) for b in report.log if b.source == "host_log"],
                b"".join(b.text for b in report.log if b.source != "host_log"),
                [a.ptr for a in report.allocs], report.pages_after,
            ))  # fmt: skip
    return seen


def there(guard: str, case: Dict[str, Any]) -> List[Seen]:
    """What the host on wasmtime sees."""
    transcript = wasmtime_host.run_case(binary_of(guard), case)
    assert transcript.error is None
    return [
        Seen(
            call.function, call.question, call.result, [a.returned for a in call.attempts],
            [(a.in_ptr, a.out_ptr, a.out_size) for a in call.attempts],
            [(b.name, b.args, b.size, b.answer, b.returned) for b in call.backend],
            call.logs, b"".join(text for _, text in call.output), call.allocs, call.pages,
        )  # fmt: skip
        for call in transcript.calls
    ]


@pytest.mark.parametrize(("guard", "path"), cases("rust", "c"))
def test_every_payload_is_labelled_as_on_wasmtime(guard: str, path: pathlib.Path) -> None:
    case = read(path)
    ours, theirs = here(guard, case), there(guard, case)
    assert [call.function for call in ours] == ["label_agent", "label_resource", "label_response"]
    for mine, other in zip(ours, theirs):
        for field in Seen._fields:
            assert getattr(mine, field) == getattr(other, field), f"{mine.function}: {field}"
    assert len(ours) == len(theirs)
    check_answers(case, ours)


def check_answers(case: Dict[str, Any], seen: List[Seen]) -> None:
    """What the guard answered is what our host can read."""
    agent, resource, response = (call.result for call in seen)
    assert agent is not None
    with contextlib.suppress(PolicyRejected):
        assert parse_agent(agent).integrity
    if resource is not None:
        assert parse_resource(resource).description
    if response:
        labels = parse_response(response, case.get("tool_result"))
        assert labels is not None
        assert all(item.labels is not None for item in labels.items)


SMALL = [param for param in cases("wat") if not param.marks]


@pytest.mark.parametrize(("guard", "path"), SMALL[:8])
def test_the_teaching_guard_does_the_same_too(guard: str, path: pathlib.Path) -> None:
    case = read(path)
    assert here(guard, case) == there(guard, case)


def test_there_are_enough_payloads() -> None:
    sizes = [path.stat().st_size for path in PAYLOADS]
    assert len(PAYLOADS) >= 30
    assert 150 <= min(sizes) <= 250
    assert max(sizes) > 900_000
    assert len({path.read_bytes() for path in PAYLOADS}) == len(PAYLOADS)


# -- C and Rust ---------------------------------------------------------------

BOTH = [param for param in cases("c") if read(param.values[1])["tool_name"] in C_TOOLS]


@pytest.mark.parametrize(("_guard", "path"), BOTH)
def test_the_c_guard_decides_as_the_rust_guard(_guard: str, path: pathlib.Path) -> None:
    case = read(path)
    # Two guests on the fast engine: which host runs them is another test's matter.
    c, rust = there("c", case), there("rust", case)
    for one, other in zip(c, rust):
        assert [_sign(code) for code in one.returned] == [_sign(code) for code in other.returned]
        assert _parsed(one.result) == _parsed(other.result), one.function
        assert one.log == other.log, one.function
        assert one.backend == other.backend, one.function


def _sign(code: Optional[int]) -> Optional[int]:
    """A return code, all lengths alike."""
    return 1 if code is not None and code > 0 else code


def _parsed(result: Optional[bytes]) -> Any:
    return json.loads(result) if result else result


def test_the_subset_of_tools_is_met() -> None:
    assert {read(param.values[1])["tool_name"] for param in BOTH} == C_TOOLS
