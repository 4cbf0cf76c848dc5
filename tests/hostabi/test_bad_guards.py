"""Bad input: each a typed error and one line, nothing hung, nothing lost, the process fine."""

from __future__ import annotations

import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostabi import GATEWAY, Guard, GuardError, State, abi, errors
from hostabi.errors import (
    After,
    GuardAllocError,
    GuardClosed,
    GuardExit,
    GuardExitZero,
    GuardLoadError,
    GuardPoisoned,
    GuardProtocolError,
    GuardTimeout,
    GuardTrap,
    PayloadError,
    PolicyError,
    after,
)
from hostabi.payload import encode
from tests.hostabi.wat import AGENT, BUMP, EXIT, LOOP, data, guard_wat, module
from wasmpy.errors import TrapKind, WasmTrap

MIB = 1024 * 1024


def fails(call, kind):
    """The error of ``call``: of this kind, in one line, ready for JSON and pickle."""
    with pytest.raises(GuardError) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    assert "\n" not in str(error)
    assert str(error)
    document = error.to_json()
    assert document["error"] == kind.__name__
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))
    return error


def refuses_from_now_on(guard, error):
    assert fails(lambda: guard.label_agent({}), GuardPoisoned).__cause__ is error


def works(guard):
    assert guard.label_agent({}).raw == AGENT.encode()


LYING = """
  (func (export "alloc") (param $size i32) (result i32)
    (select (i32.const {small}) (i32.const {large}) (i32.lt_u (local.get $size) (i32.const 9999))))
  (func (export "dealloc") (param i32 i32))"""


def lying(small, large, **options):
    """A guard whose ``alloc`` returns these, for the input and for the output."""
    alloc = LYING.format(small=small, large=large)
    return Guard(module(alloc=alloc, memory="(memory 100)"), **options)


@pytest.mark.parametrize("pointer", [100 * 65536 - 1, 0x7FFFFFF0, -1])
def test_an_input_pointer_outside_memory(pointer):
    for compat in (None, GATEWAY):
        guard = lying(pointer, 131072, compat=compat)
        error = fails(lambda: guard.label_agent({}), GuardAllocError)  # noqa: B023
        assert (error.buffer, error.reason, error.pointer) == ("input", "outside", pointer & 0xFFFFFFFF)
        assert "failed to write input to WASM memory" in str(error)
        assert guard.healthy


@pytest.mark.parametrize("pointer", [100 * 65536 - 4 * MIB + 1, 0x7FFFFFF0, -4])
def test_an_output_pointer_outside_memory(pointer):
    guard = lying(131072, pointer)
    error = fails(lambda: guard.label_agent({}), GuardAllocError)
    assert (error.buffer, error.reason) == ("output", "outside")
    assert guard.healthy


def test_an_output_pointer_outside_memory_in_the_gateway():
    # Nobody looks until somebody writes or reads there.
    guard = lying(131072, 0x7FFFFFF0, compat=GATEWAY)
    assert fails(lambda: guard.label_agent({}), GuardTrap).trap.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    alloc = LYING.format(small=131072, large=0x7FFFFFF0)
    guard = Guard(module(agent="(i32.const 5)", alloc=alloc), compat=GATEWAY)
    assert fails(lambda: guard.label_agent({}), GuardProtocolError).reason == "read"
    # A hint cannot be read there: the size doubles.
    guard = Guard(module(agent="(i32.const -2)", alloc=alloc), compat=GATEWAY)
    error = fails(lambda: guard.label_agent({}), errors.OutputTooLarge)
    assert [a.out_size for a in error.report.attempts] == [4 * MIB, 8 * MIB, 16 * MIB]


def test_pointer_0_for_either_buffer():
    for small, large, buffer in ((0, 131072, "input"), (131072, 0, "output")):
        guard = lying(small, large)
        error = fails(lambda: guard.label_agent({}), GuardAllocError)  # noqa: B023
        assert (error.buffer, error.reason, error.pointer) == (buffer, "null", 0)
        assert guard.healthy


def test_odd_pointers_are_no_lie():
    guard = lying(70001, 131073)
    works(guard)
    assert [a.ptr for a in guard.last_report.allocs] == [70001, 131073]


@pytest.mark.parametrize("small", [131072, 131073, 131072 + 4 * MIB - 1, 131071])
def test_overlapping_buffers(small):
    guard = lying(small, 131072)
    error = fails(lambda: guard.label_agent({}), GuardAllocError)
    assert (error.buffer, error.reason, error.pointer) == ("output", "overlap", 131072)
    assert guard.healthy
    works(lying(small, 131072, compat=GATEWAY))


def test_buffers_that_touch_do_not_overlap():
    works(lying(131072 + 4 * MIB, 131072))
    works(lying(131072 - 2, 131072))


@pytest.mark.parametrize("length", [4 * MIB + 1, 0x7FFFFFFF])
def test_a_length_beyond_the_buffer(length):
    guard = Guard(module(resource=f"(i32.const {length})"))
    error = fails(lambda: guard.label_resource("t", {}), GuardProtocolError)
    assert error.reason == "length"
    works(guard)


def test_a_trap_in_alloc():
    alloc = BUMP.replace("(local.set $ptr (global.get $top))", "(unreachable)", 1)
    guard = Guard(module(alloc=alloc), name="g")
    error = fails(lambda: guard.label_agent({}), GuardTrap)
    assert (error.during, error.trap.kind) == ("alloc", TrapKind.UNREACHABLE)
    refuses_from_now_on(guard, error)


def test_exit_0():
    guard = Guard(module(resource=EXIT.format(code=0)))
    works(guard)
    assert fails(lambda: guard.label_resource("t", {}), GuardExitZero).code == 0
    assert not guard.healthy
    assert fails(lambda: guard.label_agent({}), GuardClosed).exited


@pytest.mark.parametrize("code", [1, 134, 0xFFFFFFFF, 0xEFFFFFFF])
def test_exit_1(code):
    guard = Guard(module(resource=EXIT.format(code=code)))
    error = fails(lambda: guard.label_resource("t", {}), GuardExit)
    assert error.code == code
    refuses_from_now_on(guard, error)


def test_an_exit_in_dealloc_is_not_this_call_s_failure_but_the_last_call():
    dealloc = BUMP.replace("(global.set $top (local.get $ptr)))", EXIT.format(code=0) + ")", 1)
    assert dealloc != BUMP
    guard = Guard(module(alloc=dealloc))
    works(guard)
    assert guard.health().state is State.ENDED
    fails(lambda: guard.label_agent({}), GuardClosed)


def test_a_dealloc_that_never_returns_costs_the_result_nothing():
    dealloc = BUMP.replace("(global.set $top (local.get $ptr)))", LOOP + ")", 1)
    guard = Guard(module(alloc=dealloc), timeout=1.0)
    works(guard)
    assert len(guard.last_report.notices) == 2
    # It was stopped in there, so it is made anew before the next call; but that gives it its
    # policy again, and it is stopped in there again.
    assert guard.health().state is State.STALE
    fails(lambda: guard.label_resource("t", {}), GuardTimeout)
    assert guard.health().resets == 1


TEN_MB = 10_000_000
LOG_TEN_MB = f"""
  (loop $more
    (call $host_log (i32.const 1) (i32.const 0) (i32.const 1000))
    (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
      (i32.const {TEN_MB // 1000}))))
  (memory.copy (local.get $op) (i32.const 2000) (i32.const {len(AGENT)}))
  (i32.const {len(AGENT)})"""


def test_a_guard_that_logs_10_mb():
    heard = []
    guard = Guard(module(agent=LOG_TEN_MB, extra=data(2000, AGENT)),
                  log=lambda line: heard.append(len(line.text)))  # fmt: skip
    works(guard)
    report = guard.last_report
    kept = sum(len(line.text) for line in report.log)
    assert kept == abi.MAX_LOG_BYTES
    # Nothing is lost silently: what is not kept is counted, and said; a listener has it all.
    assert kept + report.log_lost_bytes == TEN_MB == sum(heard)
    assert len(report.log) + report.log_lost_lines == len(heard) == TEN_MB // 1000
    assert len(report.notices) == 1
    assert len(report.to_json()["log"]) == len(report.log)


def test_a_guard_that_logs_10_mb_in_one_line_or_in_empty_ones():
    one = f"(call $host_log (i32.const 1) (i32.const 0) (i32.const {TEN_MB})) (i32.const 0)"
    guard = Guard(module(agent=one, memory="(memory 200)", alloc=""))
    guard.call("label_agent", b"")
    report = guard.last_report
    assert [len(line.text) for line in report.log] == [abi.MAX_LOG_BYTES]
    assert (report.log_lost_lines, report.log_lost_bytes) == (0, TEN_MB - abi.MAX_LOG_BYTES)
    empty = f"""
      (loop $more
        (call $host_log (i32.const 1) (i32.const 0) (i32.const 0))
        (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (i32.const {abi.MAX_LOG_LINES + 7}))))
      (i32.const 0)"""
    guard = Guard(module(agent=empty))
    guard.call("label_agent", b"")
    report = guard.last_report
    assert (len(report.log), report.log_lost_lines) == (abi.MAX_LOG_LINES, 7)
    assert len(report.notices) == 1


def test_a_guard_that_prints_without_end_in_one_line():
    write = f"""
      (loop $more
        (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))
        (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (i32.const {TEN_MB // 10_000}))))
      (i32.const 0)"""
    iovec = data(64, (100).to_bytes(4, "little") + (10_000).to_bytes(4, "little"))
    guard = Guard(module(agent=write, extra=iovec))
    guard.call("label_agent", b"")
    report = guard.last_report
    assert sum(len(line.text) for line in report.log) + report.log_lost_bytes == TEN_MB
    assert all(line.source == "stdout" for line in report.log)


ASK_51 = """
  (loop $ask
    (local.set $r (call $call_backend (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)
      (i32.const 1024) (i32.const 64)))
    (br_if $ask (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 51))))
  (i32.store (local.get $op) (local.get $r)) (i32.const 4)"""


def test_a_guard_that_calls_the_backend_51_times():
    asked = []
    guard = Guard(module(resource=ASK_51), backend=lambda name, args: asked.append(name))
    assert guard.call("label_resource", b"") == b"\xff\xff\xff\xff"
    assert (len(asked), guard.last_report.backend_refused) == (50, 1)
    works(guard)


def test_a_guard_that_asks_with_megabytes():
    ask = """
      (loop $ask
        (drop (call $call_backend (i32.const 0) (i32.const 2000000) (i32.const 3000000)
          (i32.const 2000000) (i32.const 1024) (i32.const 64)))
        (br_if $ask (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50))))
      (i32.const 0)"""
    fill = """
      (func $start (memory.fill (i32.const 0) (i32.const 0x61) (i32.const 2000000))
        (memory.fill (i32.const 3000000) (i32.const 0x20) (i32.const 2000000))
        (i32.store8 (i32.const 3000000) (i32.const 0x37))) (start $start)"""
    asked = []
    wat = guard_wat(ask, memory="(memory 100)", alloc="", extra=fill)
    guard = Guard(module(wat), backend=lambda name, args: asked.append((len(name), args)))
    guard.call("label_agent", b"")
    assert asked == [(2_000_000, 7)] * 50
    calls = guard.last_report.backend
    assert len(calls) == 50
    assert calls[-1].truncated
    assert sum(len(c.name) + len(c.args) for c in calls) <= abi.MAX_BACKEND_BYTES


def test_an_endless_loop_with_a_timeout():
    guard = Guard(module(resource=LOOP), timeout=1.0)
    works(guard)
    error = fails(lambda: guard.label_resource("t", {}), GuardTimeout)
    assert error.seconds == 1.0
    works(guard)


def test_unbounded_recursion():
    body = """(call $label_resource (local.get $ip) (local.get $il) (local.get $op)
      (local.get $os))"""
    guard = Guard(module(resource=body))
    error = fails(lambda: guard.label_resource("t", {}), GuardTrap)
    assert error.trap.kind is TrapKind.STACK_OVERFLOW
    assert len(str(error)) < 500
    refuses_from_now_on(guard, error)


@pytest.mark.parametrize("policy", [[], 1, True, "[]", '"text"', "not json", "{", b"\xff", 1.5])
def test_a_policy_that_is_no_object(policy):
    guard = Guard(module())
    error = fails(lambda: guard.label_agent(policy), PolicyError)
    assert error.reason == ("json" if policy in ("not json", "{", b"\xff") else "type")
    works(guard)


@pytest.mark.parametrize("policy", [None, "", " \n", b""])
def test_a_policy_that_is_missing(policy):
    guard = Guard(module())
    error = fails(lambda: guard.label_agent(policy), PolicyError)
    assert (error.reason, error.message[:18]) == ("missing", "policy is required")
    assert guard.health().calls == 0


@pytest.mark.parametrize("value", [object(), {1: 2}, float("inf"), b"x", {"a": {"b"}}])
def test_a_payload_that_is_no_json(value):
    guard = Guard(module())
    error = fails(lambda: guard.label_resource("t", value), PayloadError)
    assert error.function == "label_resource"
    works(guard)


@pytest.mark.parametrize("name", [None, 7, b"x", ["t"]])
def test_a_tool_name_that_is_no_string(name):
    guard = Guard(module())
    assert fails(lambda: guard.label_resource(name, {}), PayloadError).reason == "type"
    assert fails(lambda: guard.label_response(name, {}), PayloadError).reason == "type"


def load_error(binary, **bounds):
    """Why a guard cannot be loaded, None if it can."""
    try:
        Guard(binary, **bounds)
    except GuardLoadError as error:
        return error
    return None


def test_every_prefix_of_a_guard_is_a_typed_load_error():
    binary = module().binary
    loaded = 0
    for end in range(len(binary)):
        error = load_error(binary[:end])
        loaded += error is None
        assert "\n" not in str(error)
    # Without its data, or without its names, it is still a guard.
    assert loaded <= 2


@settings(max_examples=150)
@given(st.data())
def test_a_guard_with_flipped_bits_fails_in_one_of_our_ways(draws):
    binary = bytearray(module().binary)
    for _ in range(draws.draw(st.integers(1, 3))):
        at = draws.draw(st.integers(8, len(binary) - 1))
        binary[at] ^= 1 << draws.draw(st.integers(0, 7))
    bounds = {"fuel": 200_000, "timeout": 5, "max_memory_pages": 200}
    error = load_error(bytes(binary), **bounds)
    if error is not None:
        assert "\n" not in str(error)
        return
    guard = Guard(bytes(binary), **bounds)
    ended = []
    for call in (lambda: guard.label_agent({}), lambda: guard.label_resource("t", {}),
                 lambda: guard.label_response("t", [1], {})):  # fmt: skip
        # An answer or one of our errors; anything else fails the test.
        with contextlib.suppress(GuardError):
            call()
        ended.append(guard.health().state)
    # Once it is poisoned or has ended, it stays so.
    final = [state for state in ended if state in (State.POISONED, State.ENDED)]
    assert final == ended[len(ended) - len(final) :]


# -- the table ----------------------------------------------------------------


def test_what_every_error_does_to_the_guard_is_known():
    trap = WasmTrap(TrapKind.UNREACHABLE)
    cases = [
        (GuardTrap("f", "f", trap), After.POISONED, After.POISONED),
        (errors.GuardMemoryExhausted("f", "f", trap, 1, 2), After.RESET, After.POISONED),
        (GuardExit("f", "f", 1), After.POISONED, After.POISONED),
        (GuardExitZero("f", "f", 0), After.ENDED, After.ENDED),
        (GuardTimeout("f", 1), After.RESET, After.POISONED),
        (errors.GuardFuelExhausted("f", 1), After.RESET, After.POISONED),
        (errors.GuardCancelled("f"), After.RESET, After.POISONED),
        (errors.HostFunctionError("f", "call_backend", ValueError()), After.POISONED, After.USABLE),
        (errors.InputTooLarge("f", 2, 1), After.USABLE, After.USABLE),
        (errors.OutputTooLarge("f", 2, 1, 3), After.USABLE, After.USABLE),
        (errors.GuardReturnedError("f", -1), After.USABLE, After.USABLE),
        (errors.ResponseError("x", "f", "json"), After.USABLE, After.USABLE),
        (errors.PolicyRejected("x", "failure", None), After.USABLE, After.USABLE),
        (GuardPoisoned("g", "f", trap), After.USABLE, After.USABLE),
    ]
    for error, ours, gateway in cases:
        assert after(error) is ours, error
        assert after(error, gateway=True) is gateway, error
    # Every class of the package is in the tree, and the tables name no other.
    kinds = {v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, GuardError)}
    assert set(errors.AFTER) | set(errors.AFTER_GATEWAY) <= kinds


def test_a_guest_s_words_do_not_break_a_line_or_move_a_cursor():
    said = "no\n\x1b[2Jthank\u2028you" + "!" * 5000
    text = '{"success":false,"error":' + encode(said).decode() + "}"
    guard = Guard(module(agent=text))
    error = fails(lambda: guard.label_agent({}), errors.PolicyRejected)
    assert str(error).isprintable()
    assert len(str(error)) < 3000
    assert error.detail == said


def test_a_host_exception_in_dealloc_costs_the_result_nothing_but_poisons():
    dealloc = BUMP.replace(
        "(global.set $top (local.get $ptr)))",
        "(call $host_log (i32.const 3) (i32.const 0) (i32.const 1)))", 1,
    )  # fmt: skip

    def fail(line):
        raise RuntimeError("log is full")

    guard = Guard(module(alloc=dealloc), log=fail)
    works(guard)
    refused = fails(lambda: guard.label_agent({}), GuardPoisoned)
    assert isinstance(refused.__cause__, errors.HostFunctionError)


@pytest.mark.parametrize("type_", ["(param i32 i32 i32 i64)", "(param i32 i32 i32)",
                                   "(param f32 f64 externref i32)"])  # fmt: skip
def test_an_export_of_another_type_cannot_be_called(type_):
    guard = Guard(module(extra=f'(func (export "odd") {type_})'))
    assert fails(lambda: guard.call("odd", b""), GuardProtocolError).reason == "export"
    works(guard)
