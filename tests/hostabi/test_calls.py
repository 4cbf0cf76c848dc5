"""Scenarios 17-36 of the guard ABI: the call protocol."""

from __future__ import annotations

import pytest

from hostabi import GATEWAY, Guard, abi
from hostabi.errors import (
    GuardAllocError,
    GuardClosed,
    GuardExitZero,
    GuardLoadError,
    GuardProtocolError,
    GuardReturnedError,
    InputTooLarge,
    OutputTooLarge,
)
from hostabi.trace import AllocCall
from tests.hostabi.wat import AGENT, BUMP, EXIT, module

both = pytest.mark.parametrize("compat", [None, GATEWAY])

PAGE = 65536
MIB = 1024 * 1024

# An allocator that logs what is given back: level 9, the pointer as the length of a log line
# would be clumsy, so it is stored at 256 and four bytes are logged.
LOGGING = """
  (global $top (mut i32) (i32.const 131072))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $ptr i32)
    (drop (memory.grow (i32.const 65)))
    (local.set $ptr (global.get $top))
    (global.set $top (i32.add (global.get $top) (i32.and (i32.const -16)
      (i32.add (i32.const 15) (local.get $size)))))
    {alloc})
  (func $dealloc (export "dealloc") (param $ptr i32) (param $size i32)
    (i32.store (i32.const 256) (local.get $ptr))
    (i32.store (i32.const 260) (local.get $size))
    (call $host_log (i32.const 9) (i32.const 256) (i32.const 8))
    {dealloc})
"""


def logging_allocator(alloc="(local.get $ptr)", dealloc=""):
    return LOGGING.format(alloc=alloc, dealloc=dealloc)


def given_back(report):
    """The (pointer, size) pairs that went to ``dealloc``, in order."""
    return [
        (int.from_bytes(line.text[:4], "little"), int.from_bytes(line.text[4:], "little"))
        for line in report.log
        if line.level == 9
    ]


@both
def test_s017_calling_an_absent_export_is_an_error(compat):
    guard = Guard(module(), compat=compat)
    with pytest.raises(GuardProtocolError) as caught:
        guard.call("label_nothing", b"{}")
    assert caught.value.reason == "export"
    assert "not exported from WASM module" in str(caught.value)
    assert guard.healthy


@both
def test_s018_a_module_without_memory_is_an_error_at_call_time(compat):
    names = ("label_agent", "label_resource", "label_response")
    functions = "".join(
        f'(func (export "{n}") (param i32 i32 i32 i32) (result i32) (i32.const 0))' for n in names
    )
    guard = Guard(module(f"(module {functions})"), compat=compat)
    with pytest.raises(GuardProtocolError) as caught:
        guard.label_resource("t", {})
    assert caught.value.reason == "memory"
    assert "WASM module has no memory" in str(caught.value)
    assert guard.health().pages == 0


@both
def test_s019_input_of_8_mib_and_1_is_refused_before_any_guest_call(compat):
    guard = Guard(module(alloc=logging_allocator()), compat=compat)
    with pytest.raises(InputTooLarge) as caught:
        guard.call("label_agent", bytes(8 * MIB + 1))
    assert (caught.value.size, caught.value.maximum) == (8 * MIB + 1, 8 * MIB)
    assert "input too large" in str(caught.value)
    assert caught.value.report.allocs == []
    assert caught.value.report.fuel is None
    assert guard.healthy


def test_an_input_of_exactly_8_mib_is_taken():
    guard = Guard(module(alloc=BUMP))
    assert guard.call("label_agent", bytes(8 * MIB)) == AGENT.encode()


VOID = '(func (export "void") (param i32 i32 i32 i32))'


@both
def test_s020_a_function_with_no_results_is_an_error_not_a_crash(compat):
    guard = Guard(module(extra=VOID), compat=compat)
    with pytest.raises(GuardProtocolError) as caught:
        guard.call("void", b"{}")
    assert caught.value.reason == "result"
    assert guard.healthy


@both
def test_s020_as_a_label_function_it_is_refused_at_load(compat):
    wat = '(module (memory 1) (func (export "label_resource") (param i32 i32 i32 i32))' + "".join(
        f'(func (export "{n}") (param i32 i32 i32 i32) (result i32) (i32.const 0))'
        for n in ("label_agent", "label_response")
    ) + ")"  # fmt: skip
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(wat), compat=compat)
    assert caught.value.export == "label_resource"


@both
@pytest.mark.parametrize("code", [-1, -3, -(2**31)])
def test_s021_return_minus_1_yields_an_error_code_error(code, compat):
    guard = Guard(module(resource=f"(i32.const {code})"), compat=compat)
    with pytest.raises(GuardReturnedError) as caught:
        guard.label_resource("t", {})
    assert caught.value.code == code
    assert f"returned error code: {code}" in str(caught.value)
    # Not retried, and not poisoning.
    assert [a.returned for a in caught.value.report.attempts] == [code]
    assert guard.label_agent({}).secrecy == ("s",)


@both
def test_s022_return_0_yields_empty_bytes_not_none(compat):
    guard = Guard(module(agent="(i32.const 0)"), compat=compat)
    assert guard.call("label_agent", b"{}") == b""


@both
@pytest.mark.parametrize("alloc", [BUMP, ""])
def test_s023_endless_minus_2_without_hints_ends_in_the_maximum_size_error(alloc, compat):
    guard = Guard(module(resource="(i32.const -2)", alloc=alloc), compat=compat,
                  max_memory_pages=1024)  # fmt: skip
    with pytest.raises(OutputTooLarge) as caught:
        guard.label_resource("t", {})
    error = caught.value
    assert (error.needed, error.maximum, error.attempts) == (32 * MIB, 16 * MIB, 3)
    assert "exceeds maximum" in str(error)
    assert [a.out_size for a in error.report.attempts] == [4 * MIB, 8 * MIB, 16 * MIB]
    assert guard.healthy


def hinting(hint):
    """A body that wants ``hint`` bytes, and says so."""
    return f"""
      (if (i32.lt_u (local.get $os) (i32.const {hint})) (then
        (i32.store (local.get $op) (i32.const {hint}))
        (return (i32.const -2))))
      (i32.store (local.get $op) (i32.const 0x7d7b)) (i32.const 2)"""


@both
def test_s024_a_5_mib_hint_causes_one_retry_and_success(compat):
    guard = Guard(module(agent=hinting(5 * MIB)), compat=compat)
    assert guard.call("label_agent", b"{}") == b"{}"
    attempts = guard.last_report.attempts
    assert [(a.out_size, a.returned) for a in attempts] == [(4 * MIB, -2), (5 * MIB, 2)]
    # Every attempt allocates, and gives back, anew.
    assert [a.size for a in guard.last_report.allocs] == [2, 4 * MIB, 2, 5 * MIB]


@both
def test_a_hint_of_16_mib_is_obeyed_and_one_byte_more_is_not(compat):
    guard = Guard(module(agent=hinting(16 * MIB)), compat=compat)
    assert guard.call("label_agent", b"{}") == b"{}"
    guard = Guard(module(agent=hinting(16 * MIB + 1)), compat=compat)
    with pytest.raises(OutputTooLarge) as caught:
        guard.call("label_agent", b"{}")
    assert (caught.value.needed, caught.value.attempts) == (16 * MIB + 1, 1)


@both
def test_hints_without_end_are_given_up_after_three_attempts(compat):
    body = """
      (i32.store (local.get $op) (i32.add (local.get $os) (i32.const 1))) (i32.const -2)"""
    guard = Guard(module(agent=body), compat=compat)
    with pytest.raises(OutputTooLarge) as caught:
        guard.call("label_agent", b"{}")
    assert "failed after 3 attempts" in str(caught.value)
    assert len(caught.value.report.attempts) == 3
    assert guard.healthy


@both
def test_s025_the_allocator_is_used_when_both_exports_exist(compat):
    guard = Guard(module(alloc=logging_allocator()), compat=compat)
    report = guard.label_resource("t", {}).report
    size = len(b'{"tool_args":{},"tool_name":"t"}')
    assert report.allocs == [AllocCall(size, 131072), AllocCall(4 * MIB, 131072 + 32)]
    assert (report.attempts[0].in_ptr, report.attempts[0].out_ptr) == (131072, 131104)
    # Given back in the reverse order.
    assert given_back(report) == [(131104, 4 * MIB), (131072, size)]
    assert not guard.warned


@both
def test_s026_alloc_returning_0_is_an_error(compat):
    guard = Guard(module(alloc=logging_allocator("(i32.const 0)")), compat=compat)
    with pytest.raises(GuardAllocError) as caught:
        guard.label_agent({})
    error = caught.value
    assert (error.buffer, error.reason, error.pointer) == ("input", "null", 0)
    assert "failed to allocate WASM input buffer" in str(error)
    assert "null pointer" in str(error)
    assert guard.healthy


@both
def test_when_the_output_cannot_be_had_the_input_is_still_given_back(compat):
    only_small = "(select (local.get $ptr) (i32.const 0) (i32.lt_u (local.get $size) (i32.const 99)))"
    guard = Guard(module(alloc=logging_allocator(only_small)), compat=compat)
    with pytest.raises(GuardAllocError) as caught:
        guard.label_agent({})
    assert (caught.value.buffer, caught.value.reason) == ("output", "null")
    assert given_back(caught.value.report) == [(131072, 2)]


NO_RESULT = """
  (func (export "alloc") (param i32)) (func (export "dealloc") (param i32 i32))"""


def test_s027_alloc_returning_nothing_is_an_error():
    guard = Guard(module(alloc=NO_RESULT), compat=GATEWAY)
    with pytest.raises(GuardAllocError) as caught:
        guard.label_agent({})
    assert (caught.value.buffer, caught.value.reason) == ("input", "result")
    assert "no result" in str(caught.value)
    assert guard.healthy


def test_s027_is_found_at_load_by_default():
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(alloc=NO_RESULT))
    assert (caught.value.stage, caught.value.export) == ("signature", "alloc")


@both
def test_s028_alloc_on_a_closed_module_is_an_error(compat):
    ends = BUMP.replace("(local.set $ptr (global.get $top))", EXIT.format(code=0), 1)
    guard = Guard(module(alloc=ends), compat=compat)
    with pytest.raises(GuardExitZero) as caught:
        guard.label_agent({})
    assert caught.value.during == "alloc"
    with pytest.raises(GuardClosed) as caught:
        guard.label_agent({})
    assert caught.value.exited


@both
def test_s029_dealloc_with_pointer_0_is_skipped(compat):
    only_large = "(select (i32.const 0) (local.get $ptr) (i32.lt_u (local.get $size) (i32.const 99)))"
    guard = Guard(module(alloc=logging_allocator(only_large)), compat=compat)
    with pytest.raises(GuardAllocError) as caught:
        guard.label_agent({})
    assert given_back(caught.value.report) == []


@both
def test_s030_dealloc_with_size_0_is_skipped(compat):
    guard = Guard(module(alloc=logging_allocator()), compat=compat)
    guard.call("label_agent", b"")
    assert [a.size for a in guard.last_report.allocs] == [0, 4 * MIB]
    assert [size for _, size in given_back(guard.last_report)] == [4 * MIB]


@both
@pytest.mark.parametrize(
    "alloc",
    [
        logging_allocator(dealloc="(unreachable)"),
        logging_allocator(dealloc="(drop (i32.load (i32.const -1)))"),
        BUMP.replace('(export "dealloc")', ""),
    ],
    ids=["traps", "out of bounds", "missing"],
)
def test_s031_a_missing_or_failing_dealloc_is_swallowed(alloc, compat):
    guard = Guard(module(alloc=alloc), compat=compat)
    for _ in range(2):
        answer = guard.label_agent({})
        assert answer.secrecy == ("s",)
    assert guard.healthy


def test_a_failing_dealloc_is_noted():
    guard = Guard(module(alloc=logging_allocator(dealloc="(unreachable)")))
    report = guard.label_agent({}).report
    assert len(report.notices) == 2
    assert all("dealloc" in notice for notice in report.notices)


def test_a_dealloc_of_another_type_is_swallowed_under_gateway():
    alloc = BUMP.replace("(param $ptr i32) (param $size i32)", "(param $ptr i32)")
    guard = Guard(module(alloc=alloc), compat=GATEWAY)
    assert guard.label_agent({}).secrecy == ("s",)
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(alloc=alloc))
    assert caught.value.export == "dealloc"


@both
def test_s032_the_fallback_grows_memory_for_large_buffers(compat):
    guard = Guard(module(alloc=""), compat=compat)
    report = guard.label_agent({}).report
    assert report.pages_before == 3
    assert report.pages_after * PAGE >= 4 * MIB + 2
    assert report.allocs == []


@both
def test_the_fallback_without_room_to_grow_is_an_error(compat):
    guard = Guard(module(alloc=""), compat=compat, max_memory_pages=10)
    with pytest.raises(GuardAllocError) as caught:
        guard.label_agent({})
    assert caught.value.reason == "grow"
    assert "failed to grow WASM memory" in str(caught.value)
    assert guard.healthy


ONE_MISSING = [
    BUMP.replace('(export "dealloc")', ""), BUMP.replace('(export "alloc")', ""), "",
]  # fmt: skip


@both
@pytest.mark.parametrize("alloc", ONE_MISSING, ids=["dealloc", "alloc", "both"])
def test_s033_the_fallback_records_that_it_warned(alloc, compat):
    lines = []
    guard = Guard(module(alloc=alloc), compat=compat, log=lines.append)
    assert not guard.warned
    first = guard.label_agent({}).report
    assert guard.warned
    # Once per guard, naming both exports, also when only one is missing.
    assert len(first.notices) == 1
    assert "alloc and dealloc" in first.notices[0]
    assert guard.label_agent({}).report.notices == []
    assert [line.level for line in lines if line.source == "host"] == [2]


SEVENTEEN = "(memory 17)"


def test_s034_the_margin_is_65536_and_pages_round_up():
    guard = Guard(module(alloc="", memory=SEVENTEEN), compat=GATEWAY)
    guard.call("label_agent", bytes(77))
    report = guard.last_report
    assert (report.pages_before, report.pages_after) == (17, 66)
    assert (report.attempts[0].out_ptr, report.attempts[0].in_ptr) == (131072, 130995)


def test_s034_by_default_the_pages_are_fresh():
    guard = Guard(module(alloc="", memory=SEVENTEEN))
    guard.call("label_agent", bytes(77))
    place = guard.last_report.attempts[0]
    assert min(place.in_ptr, place.out_ptr) >= 17 * PAGE
    assert guard.last_report.pages_after == 17 + 65


@both
def test_s035_the_size_hint_is_little_endian(compat):
    body = """
      (if (i32.eq (local.get $os) (i32.const 0x500000)) (then (return (i32.const 0))))
      (i32.store8 offset=0 (local.get $op) (i32.const 0x00))
      (i32.store8 offset=1 (local.get $op) (i32.const 0x00))
      (i32.store8 offset=2 (local.get $op) (i32.const 0x50))
      (i32.store8 offset=3 (local.get $op) (i32.const 0x00))
      (i32.const -2)"""
    guard = Guard(module(agent=body), compat=compat)
    assert guard.call("label_agent", b"{}") == b""
    assert guard.last_report.attempts[1].out_size == 5 * MIB


@both
def test_s036_a_call_on_a_closed_module_reports_a_call_failure(compat):
    guard = Guard(module(), compat=compat)
    guard.close()
    with pytest.raises(GuardClosed) as caught:
        guard.label_agent({})
    assert "WASM function call failed" in str(caught.value)
    assert not caught.value.exited


def test_side_effects_repeat_with_every_attempt_and_the_budget_is_shared():
    body = """
      (loop $ask
        (drop (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 1024) (i32.const 1024)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $ask (i32.lt_u (local.get $i) (i32.const 20))))
      (i32.const -2)"""
    asked = []
    guard = Guard(module(agent=body), backend=lambda name, args: asked.append(name),
                  max_memory_pages=1024)  # fmt: skip
    with pytest.raises(OutputTooLarge) as caught:
        guard.call("label_agent", b"{}")
    assert len(asked) == abi.MAX_BACKEND_CALLS
    assert caught.value.report.backend_refused == 10


def test_the_input_stands_where_the_guest_was_told():
    body = """
      (memory.copy (local.get $op) (local.get $ip) (local.get $il)) (local.get $il)"""
    for alloc in (BUMP, ""):
        for compat in (None, GATEWAY):
            guard = Guard(module(agent=body, alloc=alloc), compat=compat)
            assert guard.call("label_agent", b"\0\xffabc") == b"\0\xffabc"
