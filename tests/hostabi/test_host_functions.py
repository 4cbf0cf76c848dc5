"""Scenarios 48-59 of the guard ABI: ``call_backend`` and ``host_log``."""

from __future__ import annotations

import struct

import pytest

from hostabi import GATEWAY, BackendError, Guard, abi
from hostabi.errors import PayloadError
from hostabi.rules import RulesBackend
from tests.hostabi.wat import (
    ANSWER_AT,
    ARGS,
    ARGS_AT,
    BAD_ARGS,
    BAD_ARGS_AT,
    NAME,
    NAME_AT,
    OUTSIDE,
    data,
    guard_wat,
    module,
    probe_wat,
)

both = pytest.mark.parametrize("compat", [None, GATEWAY])


NAME_SPAN = (NAME_AT, len(NAME))
ARGS_SPAN = (ARGS_AT, len(ARGS))


class Probe:
    """A guard that makes one backend call, as it is told, and shows its memory."""

    def __init__(self, compat=None, answer=None, **options):
        self.asked = []
        self.answer = answer
        self.guard = Guard(module(probe_wat()), compat=compat, backend=self._backend, **options)

    def _backend(self, name, args):
        self.asked.append((name, args))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def ask(self, name=NAME_SPAN, args=ARGS_SPAN, answer=(ANSWER_AT, 64)):
        """The signed result of one ``call_backend``."""
        raw = self.guard.call("label_agent", struct.pack("<6I", *name, *args, *answer))
        return struct.unpack("<i", raw)[0]

    def memory(self, address, size):
        return self.guard.call("label_resource", struct.pack("<2I", address, size))

    def log(self, level, ptr, size):
        assert self.guard.call("label_response", struct.pack("<3I", level, ptr, size)) == b""
        return [(line.level, line.text) for line in self.guard.last_report.log]

    @property
    def calls(self):
        return self.guard.last_report.backend


UNTOUCHED = b"\xee" * 64

MANY = """
  (loop $ask
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (local.set $r (call $call_backend
      (select (i32.const 1024) (i32.const 0x7fff0000) (i32.le_u (local.get $i) (i32.const 50)))
      (i32.const 9) (i32.const 0) (i32.const 0)
      (select (i32.const 2048) (i32.const 0x7fff0000) (i32.le_u (local.get $i) (i32.const 50)))
      (i32.const 64)))
    (if (i32.eq (local.get $i) (i32.const 50))
      (then (i32.store (local.get $op) (local.get $r))))
    (br_if $ask (i32.lt_u (local.get $i) (i32.const 51))))
  (i32.store offset=4 (local.get $op) (local.get $r))
  (i32.const 8)"""


def many(backend, compat):
    extra = data(NAME_AT, NAME)
    return Guard(module(agent=MANY, resource=MANY, extra=extra), backend=backend, compat=compat)


@both
def test_s048_the_51st_backend_call_returns_minus_1_before_touching_memory(compat):
    asked = []
    guard = many(lambda name, args: asked.append(name), compat)
    # The 50th is answered with null; the 51st has pointers outside memory, and is not looked at.
    assert struct.unpack("<2i", guard.call("label_agent", b"")) == (4, -1)
    assert asked == ["get_thing"] * 50
    report = guard.last_report
    assert (len(report.backend), report.backend_refused) == (50, 1)
    assert guard.healthy


@both
def test_failed_calls_count(compat):
    def backend(name, args):
        raise BackendError("no")

    guard = many(backend, compat)
    assert struct.unpack("<2i", guard.call("label_agent", b"")) == (-1, -1)
    assert guard.last_report.backend_refused == 1


@both
def test_s049_the_counter_resets_for_each_label_invocation(compat):
    guard = many(lambda name, args: None, compat)
    for function in ("label_agent", "label_resource", "label_agent"):
        assert struct.unpack("<2i", guard.call(function, b"")) == (4, -1)


@both
def test_s050_an_unreadable_tool_name_returns_minus_1(compat):
    probe = Probe(compat)
    for name in ((OUTSIDE, 4), (0xFFFFFFFF, 1), (NAME_AT, 0xFFFFFFFF), (NAME_AT, OUTSIDE)):
        assert probe.ask(name=name) == -1
        assert [call.returned for call in probe.calls] == [-1]
    assert probe.asked == []
    assert probe.memory(ANSWER_AT, 64) == UNTOUCHED


@both
def test_s051_unreadable_arguments_return_minus_1(compat):
    probe = Probe(compat)
    for args in ((OUTSIDE, 4), (ARGS_AT, OUTSIDE), (ARGS_AT, 0xFFFFFFFF), (3 * 65536 * 100, 1)):
        assert probe.ask(args=args) == -1
    assert probe.asked == []


@both
def test_s052_invalid_argument_json_returns_minus_1(compat):
    probe = Probe(compat)
    assert probe.ask(args=(BAD_ARGS_AT, len(BAD_ARGS))) == -1
    assert probe.asked == []
    assert probe.calls[0].args == BAD_ARGS
    assert probe.calls[0].error is not None


@both
def test_s053_a_backend_error_returns_minus_1(compat):
    probe = Probe(compat, BackendError("not today"))
    assert probe.ask() == -1
    assert probe.asked == [("get_thing", {"id": 7})]
    assert probe.calls[0].error == "not today"
    assert probe.guard.healthy


@both
def test_a_result_that_is_no_json_returns_minus_1(compat):
    for answer in (object(), float("nan"), {1: 2}):
        probe = Probe(compat, answer)
        assert probe.ask() == -1
        assert probe.guard.healthy


@both
def test_s054_an_oversize_result_returns_minus_2_and_the_exact_size(compat):
    probe = Probe(compat, "x" * 62)  # 64 bytes with its quotes
    assert probe.ask(answer=(ANSWER_AT, 63)) == -2
    assert probe.memory(ANSWER_AT, 64) == (64).to_bytes(4, "little") + UNTOUCHED[4:]
    assert probe.ask(answer=(ANSWER_AT, 64)) == 64
    assert probe.memory(ANSWER_AT, 64) == b'"' + b"x" * 62 + b'"'
    assert (probe.asked, probe.calls) == ([("get_thing", {"id": 7})] * 2, [])
    # Truncated by nobody: neither the guest's copy nor the record's.
    probe.ask(answer=(ANSWER_AT, 4))
    assert (probe.calls[0].answer, probe.calls[0].returned) == (b'"' + b"x" * 62 + b'"', -2)


@both
def test_s055_with_a_buffer_under_4_bytes_minus_2_leaves_it_untouched(compat):
    probe = Probe(compat, "long enough")
    for size in (0, 1, 3):
        assert probe.ask(answer=(ANSWER_AT, size)) == -2
        assert probe.memory(ANSWER_AT, 64) == UNTOUCHED
    assert probe.ask(answer=(ANSWER_AT, 4)) == -2
    assert probe.memory(ANSWER_AT, 4) == (13).to_bytes(4, "little")


@both
def test_an_answer_that_cannot_be_written_returns_minus_1(compat):
    probe = Probe(compat, "x")
    assert probe.ask(answer=(OUTSIDE, 64)) == -1
    assert probe.ask(answer=(0xFFFFFFFF, 0xFFFFFFFF)) == -1
    assert probe.ask(answer=(OUTSIDE, 2)) == -2
    assert probe.asked == [("get_thing", {"id": 7})] * 3


@both
def test_s056_calls_succeed_with_no_arguments_and_with_an_object(compat):
    probe = Probe(compat, {"b": [1, "<"], "a": None})
    expected = b'{"a":null,"b":[1,"\\u003c"]}'
    assert probe.ask(args=(0, 0)) == len(expected)
    assert probe.memory(ANSWER_AT, len(expected)) == expected
    assert probe.ask() == len(expected)
    # No bytes are read, but where they would be has to be in memory.
    assert probe.ask(args=(OUTSIDE, 0)) == -1
    assert probe.asked == [("get_thing", None), ("get_thing", {"id": 7})]


@both
def test_a_null_result_is_the_word_null(compat):
    probe = Probe(compat, None)
    assert probe.ask() == 4
    assert probe.memory(ANSWER_AT, 5) == b"null\xee"


def test_the_record_of_a_call_has_everything():
    probe = Probe(answer=[1])
    probe.ask()
    call = probe.calls[0]
    assert (call.name, call.args, call.size, call.answer, call.returned, call.error) == (
        "get_thing", ARGS, 64, b"[1]", 3, None,
    )  # fmt: skip


def test_a_call_s_own_backend_stands_in_for_the_guard_s():
    probe = Probe(answer=1)
    question = struct.pack("<6I", NAME_AT, len(NAME), 0, 0, ANSWER_AT, 64)
    assert probe.guard.call("label_agent", question, backend=lambda n, a: 12345) == b"\5\0\0\0"
    assert probe.asked == []
    assert probe.ask() == 1


@both
def test_s057_all_four_log_levels_work(compat):
    lines = []
    probe = Probe(compat, log=lines.append)
    for level, word in enumerate(("debug", "info", "warn", "error")):
        assert probe.log(level, NAME_AT, len(NAME)) == [(level, NAME)]
        assert lines[-1].word == word
    assert len(lines) == 4


@both
def test_s058_an_unknown_log_level_does_not_fail(compat):
    probe = Probe(compat)
    assert probe.log(4, NAME_AT, 3) == [(4, NAME[:3])]
    assert probe.guard.last_report.log[0].word == ""
    assert probe.log(0xFFFFFFFF, NAME_AT, 3) == [(-1, NAME[:3])]
    assert probe.guard.last_report.log[0].word == ""
    assert probe.log(0, NAME_AT, 0) == [(0, b"")]


@both
def test_s059_an_unreadable_log_message_is_ignored(compat):
    probe = Probe(compat)
    for ptr, size in ((OUTSIDE, 1), (NAME_AT, OUTSIDE), (0xFFFFFFFF, 0xFFFFFFFF)):
        assert probe.log(3, ptr, size) == []
    assert probe.guard.healthy


def test_host_functions_work_from_any_guest_function():
    log = "(call $host_log (i32.const 1) (local.get $ptr) (i32.const 0))"
    alloc = f"""
      (func (export "alloc") (param $size i32) (result i32) (local $ptr i32)
        {log}
        (select (i32.const 65536) (i32.const 131072) (i32.lt_u (local.get $size) (i32.const 99))))
      (func (export "dealloc") (param $ptr i32) (param $size i32) {log})"""
    guard = Guard(module(guard_wat(alloc=alloc, memory="(memory 80)")))
    assert len(guard.label_agent({}).report.log) == 4


# -- rules --------------------------------------------------------------------


def test_rules_answer_the_first_that_fits():
    ask = RulesBackend([
        {"tool_name": "a", "tool_args": {"x": 1, "y": [2.0]}, "result": 1},
        {"tool_name": "a", "tool_args": None, "result": 2},
        {"tool_name": "a", "error": "third"},
        {"tool_name": "a", "result": 4},
        {"tool_name": "b", "result": None},
    ])  # fmt: skip
    assert ask("a", {"y": [2], "x": 1}) == 1
    assert ask("a", None) == 2
    assert ask("b", {"any": "thing"}) is None
    for tool, args, text in (("a", {"x": 2}, "third"), ("a", {"x": True, "y": [2]}, "third")):
        with pytest.raises(BackendError) as caught:
            ask(tool, args)
        assert str(caught.value) == text
    with pytest.raises(BackendError):
        ask("c", None)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({}, "type"), (None, "type"), ([1], "type"), ([{}], "key"), ([{"tool_name": 1}], "key"),
        ([{"tool_name": "a"}], "key"), ([{"tool_name": "a", "result": 1, "error": "x"}], "key"),
        ([{"tool_name": "a", "error": 1}], "type"),
        ([{"tool_name": "a", "result": 1, "args": {}}], "key"),
    ],
)  # fmt: skip
def test_rules_that_are_none_are_refused(rules, reason):
    with pytest.raises(PayloadError) as caught:
        RulesBackend(rules)
    assert caught.value.reason == reason


def test_the_table_of_imports_is_what_the_guests_see():
    assert {name: str(type_) for name, type_ in abi.IMPORTS.items()} == {
        "call_backend": "[i32 i32 i32 i32 i32 i32] -> [i32]",
        "host_log": "[i32 i32 i32] -> []",
    }
