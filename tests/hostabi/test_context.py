"""D25: a backend knows how long it has; D26: payloads stay out of what is logged."""

from __future__ import annotations

import json
import threading
import time

import pytest

from hostabi import GATEWAY, BackendError, Guard, current_call
from hostabi.context import CallContext
from hostabi.errors import GuardCancelled, GuardTimeout, HostFunctionError, ResponseError
from hostabi.trace import IN_FULL, REDACTED, Redaction
from tests.hostabi.wat import AGENT, LOOP, RESOURCE, data, guard_wat, module

SECRET = "hunter2"
ASKING = """
  (call $host_log (i32.const 0) (i32.const 700) (i32.const 4))
  (drop (call $call_backend (i32.const 512) (i32.const 4) (i32.const 520) (i32.const 16)
    (i32.const 1024) (i32.const 256)))"""
ANSWERS = f"(memory.copy (local.get $op) (i32.const 800) (i32.const {len(RESOURCE)})) (i32.const {len(RESOURCE)})"
SEGMENTS = data(512, "find") + data(520, f'{{"pw":"{SECRET}"}}') + data(700, "line") + data(800, RESOURCE)


def asking(after=ANSWERS, **options):
    return Guard(module(guard_wat(AGENT, ASKING + after, extra=SEGMENTS)), **options)


# -- D25 ----------------------------------------------------------------------


@pytest.mark.parametrize("compat", [None, GATEWAY])
def test_d25_a_backend_knows_the_call_it_works_for(compat):
    seen = []

    def backend(name, args):
        seen.append(current_call())
        return None

    guard = asking(name="mine", backend=backend, timeout=60, compat=compat)
    guard.label_resource("t", {})
    (call,) = seen
    assert (call.guard, call.function) == ("mine", "label_resource")
    assert 0 < call.time_left <= 60
    assert call.wanted
    assert not call.cancelled
    assert current_call() is None


def test_d25_without_a_timeout_there_is_any_time():
    seen = []
    guard = asking(backend=lambda name, args: seen.append(current_call().time_left))
    guard.label_resource("t", {})
    assert seen == [None]
    assert CallContext("g", "label_agent").wanted


def test_d25_a_backend_may_ask_in_the_start_section_too():
    seen = []
    start = f"(func $s {ASKING} (drop (i32.const 0))) (start $s)"
    wat = guard_wat(AGENT, RESOURCE, extra=SEGMENTS + start)
    Guard(module(wat), name="g", backend=lambda name, args: seen.append(current_call()))
    assert [(call.guard, call.function, call.time_left) for call in seen] == [("g", "load", None)]


def test_d25_a_late_backend_sees_that_it_is():
    seen = []

    def backend(name, args):
        call = current_call()
        while call.wanted:
            time.sleep(0.001)
        seen.append((call.time_left <= 0, call.cancelled))
        return None

    guard = asking(LOOP, backend=backend, timeout=0.05)
    with pytest.raises(GuardTimeout):
        guard.label_resource("t", {})
    assert seen == [(True, False)]


def test_d25_cancelling_reaches_the_backend():
    waiting = threading.Event()
    seen = []

    def backend(name, args):
        waiting.set()
        call = current_call()
        while call.wanted:
            time.sleep(0.001)
        seen.append(call.cancelled)
        return None

    guard = asking(LOOP, backend=backend, timeout=60)

    def cancel():
        waiting.wait(60)
        guard.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(GuardCancelled):
        guard.label_resource("t", {})
    thread.join()
    assert seen == [True]


def test_d25_a_backend_that_raises_leaves_no_call_behind():
    for failure in (BackendError("no"), ValueError("a defect")):

        def backend(name, args, failure=failure):
            raise failure

        guard = asking(backend=backend)
        if isinstance(failure, BackendError):
            guard.label_resource("t", {})
        else:
            with pytest.raises(HostFunctionError):
                guard.label_resource("t", {})
        assert current_call() is None


# -- D26 ----------------------------------------------------------------------


def whole(document):
    return json.dumps(document)


def test_d26_payloads_are_not_in_a_report_unless_asked_for():
    guard = asking(backend=lambda name, args: {"answer": SECRET})
    report = guard.label_resource(SECRET, {"token": SECRET}).report
    assert SECRET not in whole(report.to_json())
    (call,) = report.to_json()["backend"]
    assert (call["tool_name"], call["tool_args"], call["answer"]) == ("find", None, None)
    assert (call["args_bytes"], call["answer_bytes"]) == (16, len('{"answer":"hunter2"}'))
    (call,) = report.to_json(IN_FULL)["backend"]
    assert call["tool_args"] == '{"pw":"hunter2"}'
    # Nothing of the record itself is lost.
    assert SECRET.encode() in report.backend[0].answer


@pytest.mark.parametrize(
    ("redaction", "args", "answer", "line"),
    [(REDACTED, False, False, True), (IN_FULL, True, True, True), (Redaction(log=False), False, False, False),
     (Redaction(args=True), True, False, True), (Redaction(answers=True), False, True, True)],
)  # fmt: skip
def test_d26_what_is_shown_is_chosen(redaction, args, answer, line):
    guard = asking(backend=lambda name, args: 1)
    document = guard.label_resource("t", {}).report.to_json(redaction)
    (call,), (logged,) = document["backend"], document["log"]
    shown = [call["tool_args"] is not None, call["answer"] is not None, logged["text"] is not None]
    assert shown == [args, answer, line]
    assert logged["bytes"] == 4


def test_d26_an_error_s_json_has_no_payloads():
    def backend(name, args):
        return {"answer": SECRET}

    guard = asking("(unreachable)", backend=backend)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is looked at
        guard.label_resource(SECRET, {"token": SECRET})
    document = caught.value.to_json()
    assert document["report"]["backend"][0]["answer_bytes"] == len('{"answer":"hunter2"}')
    assert SECRET not in whole(document) + str(caught.value)


def test_d26_the_host_s_own_log_lines_have_no_payloads():
    lines = []
    guard = Guard(module(guard_wat(AGENT, RESOURCE, '{"items":[]}', alloc="")), log=lines.append)
    guard.label_agent({"a": SECRET})
    guard.label_resource(SECRET, {"token": SECRET})
    guard.label_response(SECRET, {"token": SECRET}, {"token": SECRET})
    assert {line.source for line in lines} == {"host"}
    assert not any(SECRET.encode() in line.text for line in lines)


def test_d26_an_answer_that_cannot_be_read_is_in_no_text():
    guard = Guard(module(guard_wat(AGENT, RESOURCE, f'{{"items":[{{"data":"{SECRET}"}}')))
    with pytest.raises(ResponseError) as caught:
        guard.label_response("t", {})
    assert SECRET not in str(caught.value) + whole(caught.value.to_json())
    assert SECRET in caught.value.excerpt


def test_d26_a_replay_is_redacted_too():
    guard = asking(LOOP, backend=lambda name, args: SECRET, fuel=100_000)
    guard.label_agent({})
    with pytest.raises(Exception):  # noqa: B017, PT011
        guard.label_resource("t", {})
    guard.label_agent({})
    report = guard.last_report
    assert report.replay is None or SECRET not in whole(report.to_json())


def test_a_backend_that_is_a_coroutine_function_is_a_failure_where_nobody_can_await_it():
    async def backend(name, args):
        return {}

    guard = asking(backend=backend)
    with pytest.raises(HostFunctionError) as caught:
        guard.label_resource("t", {})
    assert isinstance(caught.value.__cause__, TypeError)
