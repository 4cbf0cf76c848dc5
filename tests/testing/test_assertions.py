"""Assertions for tests in Python, and the fakes: what passes, and what is said where it does not."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from hostabi import BackendError, Guard, Labels, Mode, Operation, Pipeline
from hostabi.errors import GuardTimeout, ResponseError
from hostabi.labels import AgentLabels, ResourceLabels
from tests.arch.tree import ROOT
from tests.testing.test_engine import GUARD
from wasmpy import testing
from wasmpy.testing import (
    FakeLabeller,
    RecordingBackend,
    assert_allowed,
    assert_denied,
    assert_item_dropped,
    assert_item_kept,
    assert_labels,
    assert_logged,
)


def fails(assertion: Any, *args: Any, **more: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **more)
    return str(caught.value)


@pytest.fixture
def outcome():
    """A filtered response: the first item kept, the second dropped by secrecy, the third by integrity."""
    with Guard(GUARD) as guard:
        yield Pipeline(guard, policy={}).call("a", "list_t", {}, lambda name, args: [1, 2, 3])


def test_labels() -> None:
    with Guard(GUARD) as guard:
        agent = guard.label_agent({})
        resource = guard.label_resource("t", {})
        response = guard.label_response("t", [1, 2, 3])
    assert response is not None
    assert_labels(agent, secrecy=["s"], integrity=["i"])
    assert_labels(resource, description="r")
    assert_labels(response.items[1], secrecy=("other",))
    assert_labels(resource)
    text = fails(assert_labels, response.items[1], secrecy=["s"], integrity=[], description="z")
    for line in ("- s  expected", "/labeled_paths/1/labels/secrecy/0", "+ i  not expected", "expected z, got y"):
        assert line in text
    assert "no labels" in fails(assert_labels, None, secrecy=[])
    with pytest.raises(TypeError):
        assert_labels(7, secrecy=[])  # type: ignore[arg-type]


def test_verdicts(outcome: Any) -> None:
    assert_allowed(outcome)
    assert_item_kept(outcome, 0)
    assert_item_dropped(outcome, 1, "secrecy")
    assert_item_dropped(outcome, 2)
    assert_labels(outcome.items[0], integrity=["i"])
    assert "/labeled_paths/1/labels/secrecy/0" in fails(assert_item_kept, outcome, 1)
    assert "kept" in fails(assert_item_dropped, outcome, 0)
    assert "by integrity, not by secrecy" in fails(assert_item_dropped, outcome, 2, "secrecy")
    assert "3" in fails(assert_item_kept, outcome, 3)
    assert "allowed" in fails(assert_denied, outcome)


def test_denials() -> None:
    sink = FakeLabeller(
        AgentLabels(Labels(("s",)), Mode.FILTER, None, b""),
        ResourceLabels(Labels((), ("i",)), Operation.WRITE, b""),
    )
    denied = Pipeline(sink, policy={}).call("a", "t", {}, lambda name, args: 1)
    assert_denied(denied)
    assert_denied(denied, "integrity")
    assert "denied" in fails(assert_allowed, denied)
    assert "by integrity, not by secrecy" in fails(assert_denied, denied, "secrecy")


def test_logs() -> None:
    with Guard(GUARD) as guard:
        answer = guard.label_resource("t", {})
    assert_logged(answer, "fin")
    assert_logged(answer.report, "find", "warn")
    assert "warn: find" in fails(assert_logged, answer, "find", "error")
    assert "\x1b" not in fails(assert_logged, answer, "nothing like it")


# Fakes ------------------------------------------------------------------------------------


def test_a_fake_answers_as_scripted_and_notes_the_calls() -> None:
    fake = FakeLabeller(
        {"agent": {"secrecy": ["s"]}, "difc_mode": "strict"},
        [{"resource": {}, "operation": "read"}, GuardTimeout("label_resource", 1.0), {"resource": {}}],
        {"items": [{"labels": {"secrecy": ["s"]}, "data": 1}]},
        name="f",
    )
    assert fake.label_agent({"p": 1}).mode is Mode.STRICT
    assert fake.label_resource("a", 1).operation is Operation.READ
    with pytest.raises(GuardTimeout):
        fake.label_resource("b", 2)
    assert fake.label_resource("c", 3).operation is Operation.WRITE
    assert fake.label_resource("d", 4).operation is Operation.WRITE
    answer = fake.label_response("e", [1], {"x": 1})
    assert answer is not None
    assert answer.items[0].labels == Labels(("s",))
    assert [call.tool_name for call in fake.calls] == ["", "a", "b", "c", "d", "e"]
    assert (fake.calls[0].policy, fake.calls[-1].tool_result) == ({"p": 1}, [1])
    with pytest.raises(ResponseError):
        FakeLabeller({"difc_mode": "loose"}).label_agent({})
    fake.cancel()
    fake.close()
    assert (fake.cancelled, fake.closed) == (1, True)


def test_a_fake_without_a_script_stands_in_a_pipeline() -> None:
    backend = RecordingBackend([{"tool_name": "who", "result": "me"}])
    fake = FakeLabeller(questions=[("who", {"id": 1})])
    result = Pipeline(fake, policy={}, guard_backend=backend).call("a", "t", {}, lambda n, a: "r")
    assert_allowed(result)
    assert result.result == "r"
    assert fake.answers == ["me"]
    assert [(one.tool_name, one.tool_args, one.answer) for one in backend.asked] == [("who", {"id": 1}, "me")]


def test_a_fake_can_be_called_from_many_threads() -> None:
    fake = FakeLabeller(resource=[{"resource": {"secrecy": [str(i)]}} for i in range(64)])
    found = []

    def ask() -> None:
        found.extend(fake.label_resource("t", {}).secrecy for _ in range(8))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(tag) for (tag,) in found) == list(range(64))


def test_a_recording_backend_notes_what_had_no_answer() -> None:
    backend = RecordingBackend()
    with pytest.raises(BackendError):
        backend("t", {})
    own = RecordingBackend(lambda name, args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        own("t", {})
    assert [one.tool_name for one in backend.refused] == ["t"]
    assert own.refused == []
    assert isinstance(own.asked[0].error, ZeroDivisionError)


# The names --------------------------------------------------------------------------------


def test_every_public_name_is_there() -> None:
    assert {name for name in testing.__all__ if getattr(testing, name) is None} == set()
    assert set(testing.__all__) <= set(dir(testing))
    with pytest.raises(AttributeError):
        testing.no_such_name  # noqa: B018


def test_the_plugin_imports_nothing_of_wasmpy_s_parts() -> None:
    code = (
        "import sys, wasmpy.testing.plugin; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('wasmpy', 'hostabi', 'wasi')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=str(ROOT), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['wasmpy', 'wasmpy.testing', 'wasmpy.testing.plugin']"
