"""The gateway's defects: what we do by default, and what ``compat="gateway"`` keeps."""

from __future__ import annotations

import time

import pytest

from hostabi import GATEWAY, Guard, Labels, State
from hostabi.errors import (
    GuardClosed,
    GuardError,
    GuardExitZero,
    GuardFuelExhausted,
    GuardLoadError,
    GuardMemoryExhausted,
    GuardPoisoned,
    GuardProtocolError,
    GuardTimeout,
    HostFunctionError,
    OutputTooLarge,
    PayloadError,
    ResponseError,
)
from tests.hostabi.wat import AGENT, BUMP, EXIT, LOOP, RESOURCE, data, guard_wat, module

PAGE = 65536
MIB = 1024 * 1024

both = pytest.mark.parametrize("compat", [None, GATEWAY])

# -- D1: buffers over the guest's data ----------------------------------------

# The guest's own data fills its 17 pages; label_resource counts the bytes that changed.
FILL = "(func $start (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 1114112))) (start $start)"
COUNT = """
  (loop $look
    (if (i32.ne (i32.load8_u (local.get $i)) (i32.const 0xaa))
      (then (local.set $r (i32.add (local.get $r) (i32.const 1)))))
    (br_if $look (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16)))
      (i32.const 1114112))))
  (i32.store (local.get $op) (local.get $r)) (i32.const 4)"""


def without_allocator(compat, **parts):
    return Guard(module(alloc="", memory="(memory 17)", **parts), compat=compat)


def test_d01_the_fallback_never_overlaps_the_guest():
    wat = guard_wat(
        "(memory.fill (local.get $op) (i32.const 7) (local.get $os)) (i32.const 0)",
        COUNT, alloc="", memory="(memory 17)", extra=FILL,
    )  # fmt: skip
    guard = Guard(module(wat))
    assert guard.call("label_agent", bytes(100_000)) == b""
    assert guard.call("label_resource", b"") == bytes(4)
    gateway = Guard(module(wat), compat=GATEWAY)
    gateway.call("label_agent", bytes(100_000))
    assert gateway.call("label_resource", b"") != bytes(4)


def test_d01_the_host_s_pages_serve_many_calls():
    guard = without_allocator(None, agent="(i32.const 0)")
    for size in (0, 1, MIB, 3 * MIB, 17):
        guard.call("label_agent", bytes(size))
    first = guard.last_report.attempts[0]
    for _ in range(20):
        guard.call("label_agent", b"{}")
    assert guard.last_report.attempts[0].out_ptr == first.out_ptr == 17 * PAGE
    assert guard.health().pages == 17 + 7 * 16


def test_d01_pages_the_guest_grows_later_are_its_own():
    grow = "(drop (memory.grow (i32.const 1))) (i32.const 0)"
    guard = without_allocator(None, agent=grow)
    spans = []
    for size in (10, 10, 2 * MIB):
        before = guard.health().pages
        guard.call("label_agent", bytes(size))
        place = guard.last_report.attempts[0]
        spans.append((before, place.out_ptr // PAGE))
    # The first call grew 65 pages and the guest one behind them; the third needs more room
    # and begins behind everything.
    assert spans == [(17, 17), (83, 17), (84, 84)]


# -- D2: a stale hint ---------------------------------------------------------

# Writes five MiB into the output's first bytes, then says -2 without a hint ever after.
STALE = "(if (i32.eq (local.get $il) (i32.const 1)) (then (i32.store (local.get $op) (i32.const 0x500000)) (return (i32.const 4)))) (i32.const -2)"


@pytest.mark.parametrize(("compat", "second"), [(None, 8 * MIB), (GATEWAY, 5 * MIB)])
def test_d02_stale_bytes_are_no_hint(compat, second):
    # No allocator: the output buffer is the same place in both calls.
    guard = Guard(module(agent=STALE, alloc="", memory="(memory 100)"), compat=compat)
    guard.call("label_agent", b"1")
    with pytest.raises(OutputTooLarge) as caught:
        guard.call("label_agent", b"22")
    assert caught.value.report.attempts[1].out_size == second


# -- D3: a length beyond the buffer -------------------------------------------


def test_d03_a_length_beyond_the_buffer_is_a_protocol_error():
    for alloc in (BUMP, ""):
        body = f"(i32.const {4 * MIB + 1})"
        guard = Guard(module(agent=body, alloc=alloc))
        with pytest.raises(GuardProtocolError) as caught:
            guard.call("label_agent", b"{}")
        assert caught.value.reason == "length"
        assert "failed to read output" in str(caught.value)
        assert guard.healthy
    # The gateway reads on, as long as there is memory.
    gateway = Guard(module(agent=body, memory="(memory 80)"), compat=GATEWAY)
    assert len(gateway.call("label_agent", b"{}")) == 4 * MIB + 1
    gateway = Guard(module(agent="(i32.const 0x7fffffff)"), compat=GATEWAY)
    with pytest.raises(GuardProtocolError) as caught:
        gateway.call("label_agent", b"{}")
    assert caught.value.reason == "read"
    assert gateway.healthy


def test_a_length_of_exactly_the_buffer_is_fine():
    guard = Guard(module(agent=f"(i32.const {4 * MIB})"))
    assert guard.call("label_agent", b"{}") == bytes(4 * MIB)


# -- D4: hints that do not grow -----------------------------------------------


@pytest.mark.parametrize("hint", [1, 100, 4 * MIB])
@pytest.mark.parametrize("compat", [None, GATEWAY])
def test_d04_a_hint_that_does_not_grow_doubles(hint, compat):
    body = f"(i32.store (local.get $op) (i32.const {hint})) (i32.const -2)"
    guard = Guard(module(agent=body), compat=compat)
    with pytest.raises(OutputTooLarge) as caught:
        guard.call("label_agent", b"{}")
    sizes = [a.out_size for a in caught.value.report.attempts]
    assert sizes == ([4 * MIB, hint, hint] if compat else [4 * MIB, 8 * MIB, 16 * MIB])


# -- D5: time and fuel --------------------------------------------------------

# Remembers how many policies it was given, and loops when told so by a tool name of "loop!".
COUNTING = f"""
  (i32.store (i32.const 512) (i32.add (i32.const 1) (i32.load (i32.const 512))))
  (i32.store (i32.const 516) (local.get $il))
  (memory.copy (local.get $op) (i32.const 700) (i32.const {len(AGENT)}))
  (i32.const {len(AGENT)})"""
SOMETIMES = f"""
  (if (i32.gt_u (local.get $il) (i32.const 100)) (then {LOOP}))
  (call $host_log (i32.const 0) (i32.const 512) (i32.const 8))
  (memory.copy (local.get $op) (i32.const 900) (i32.const {len(RESOURCE)}))
  (i32.const {len(RESOURCE)})"""


def sometimes(**options):
    """A guard that loops for long inputs, and logs (policies given, size of the last one)."""
    wat = guard_wat(COUNTING, SOMETIMES, extra=data(700, AGENT) + data(900, RESOURCE))
    return Guard(module(wat), **options)


def state_of(guard):
    text = guard.last_report.log[-1].text
    return int.from_bytes(text[:4], "little"), int.from_bytes(text[4:], "little")


BOUNDS = [({"timeout": 0.2}, GuardTimeout), ({"fuel": 200_000}, GuardFuelExhausted)]


@pytest.mark.parametrize(("bound", "kind"), BOUNDS)
def test_d05_a_stopped_guard_is_reset_and_given_its_policy_again(bound, kind):
    guard = sometimes(**bound)
    guard.label_agent({"first": 1})
    guard.label_agent({"a": "longer policy"})
    guard.label_resource("t", {})
    assert state_of(guard) == (2, len(b'{"a":"longer policy"}'))
    with pytest.raises(kind) as caught:
        guard.label_resource("t", "x" * 100)
    assert not isinstance(caught.value, GuardPoisoned)
    assert caught.value.__cause__ is not None
    assert guard.healthy
    assert guard.health().state is State.STALE
    guard.label_resource("t", {})
    # Pristine, and with the last policy that was accepted, given once.
    assert state_of(guard) == (1, len(b'{"a":"longer policy"}'))
    assert guard.last_report.replay.function == "label_agent"
    assert (guard.last_report.replay.fuel or 0) > 0 or "fuel" not in bound
    health = guard.health()
    assert (health.state, health.resets, health.cause) == (State.READY, 1, None)


@pytest.mark.parametrize(("bound", "kind"), BOUNDS)
def test_d05_a_timeout_poisons_the_gateway(bound, kind):
    guard = sometimes(compat=GATEWAY, **bound)
    with pytest.raises(kind):
        guard.label_resource("t", "x" * 100)
    with pytest.raises(GuardPoisoned) as caught:
        guard.label_resource("t", {})
    assert isinstance(caught.value.__cause__, kind)


def test_d05_without_a_policy_nothing_is_replayed():
    guard = sometimes(fuel=100_000)
    with pytest.raises(GuardFuelExhausted):
        guard.label_resource("t", "x" * 100)
    guard.label_resource("t", {})
    assert guard.last_report.replay is None
    assert state_of(guard) == (0, 0)


def test_d05_a_policy_that_was_rejected_is_not_replayed():
    reject = '{"success":false,"error":"no"}'
    body = f"""
      (if (i32.gt_u (local.get $il) (i32.const 20)) (then
        (memory.copy (local.get $op) (i32.const 1500) (i32.const {len(reject)}))
        (return (i32.const {len(reject)}))))
      {COUNTING}"""
    wat = guard_wat(body, SOMETIMES, extra=data(700, AGENT) + data(900, RESOURCE) + data(1500, reject))
    guard = Guard(module(wat), fuel=100_000)
    guard.label_agent({"a": 1})
    with pytest.raises(ResponseError):
        guard.label_agent({"a": "a much longer policy"})
    with pytest.raises(GuardFuelExhausted):
        guard.label_resource("t", "x" * 100)
    guard.label_resource("t", {})
    assert state_of(guard) == (1, len(b'{"a":1}'))


def test_d05_when_the_replay_fails_nothing_is_labelled():
    # The policy is accepted if the backend answers.
    body = f"""
      (if (i32.lt_s (call $call_backend (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)
          (i32.const 2048) (i32.const 64)) (i32.const 0)) (then (return (i32.const 0))))
      {COUNTING}"""
    wat = guard_wat(body, SOMETIMES, extra=data(700, AGENT) + data(900, RESOURCE))
    guard = Guard(module(wat), fuel=100_000, backend=lambda name, args: 1)
    guard.label_agent({"a": 1})
    with pytest.raises(GuardFuelExhausted):
        guard.label_resource("t", "x" * 100)
    from hostabi import BackendError

    def silent(name, args):
        raise BackendError("gone")

    for _ in range(2):
        with pytest.raises(ResponseError):
            guard.label_resource("t", {}, backend=silent)
        assert guard.health().state is State.STALE
    guard.label_resource("t", {})
    assert state_of(guard) == (1, 7)


def test_d05_initialize_runs_again_after_a_reset():
    wat = guard_wat(
        "(i32.store (local.get $op) (i32.load (i32.const 512))) (i32.const 4)", LOOP,
        extra='(func (export "_initialize") (i32.store (i32.const 512) (i32.add (i32.const 1) '
        "(i32.load (i32.const 512)))))",
    )  # fmt: skip
    guard = Guard(module(wat), fuel=50_000)
    assert guard.call("label_agent", b"") == b"\1\0\0\0"
    with pytest.raises(GuardFuelExhausted):
        guard.label_resource("t", {})
    assert guard.call("label_agent", b"") == b"\1\0\0\0"


# -- D6: exit 0 ---------------------------------------------------------------


@pytest.mark.parametrize("compat", [None, GATEWAY])
def test_d06_exit_0_is_no_health(compat):
    guard = Guard(module(agent=EXIT.format(code=0)), compat=compat)
    with pytest.raises(GuardExitZero):
        guard.label_agent({})
    assert guard.health().state is State.ENDED
    assert guard.healthy is (compat == GATEWAY)
    with pytest.raises(GuardClosed) as caught:
        guard.label_resource("t", {})
    assert caught.value.exited
    assert "WASM function call failed" in str(caught.value)


# -- D7: memory exhausted -----------------------------------------------------

HUNGRY = """
  (if (i32.gt_u (local.get $il) (i32.const 100)) (then
    (loop $eat (br_if $eat (i32.ne (memory.grow (i32.const 50)) (i32.const -1))))
    (unreachable)))
  (i32.const 0)"""


def test_d07_memory_exhaustion_is_reported_and_recoverable():
    guard = Guard(module(agent=HUNGRY), max_memory_pages=200)
    with pytest.raises(GuardMemoryExhausted) as caught:
        guard.call("label_agent", bytes(101))
    error = caught.value
    assert error.maximum == 200
    assert 150 < error.pages <= 200
    assert "memory.grow" in (error.trap.note or "")
    assert "out of memory" in str(error)
    assert guard.call("label_agent", b"") == b""
    assert guard.health().pages == 3 + 64
    # With more pages it goes on for longer; in the gateway it is a trap like any other.
    gateway = Guard(module(agent=HUNGRY), max_memory_pages=200, compat=GATEWAY)
    with pytest.raises(GuardMemoryExhausted):
        gateway.call("label_agent", bytes(101))
    assert gateway.health().state is State.POISONED


def test_d07_a_refusal_in_an_earlier_call_is_not_this_trap_s():
    refused = "(drop (memory.grow (i32.const 60000))) (i32.const 0)"
    guard = Guard(module(agent=refused, resource="(unreachable)"))
    guard.call("label_agent", b"")
    with pytest.raises(GuardError) as caught:
        guard.call("label_resource", b"")
    assert not isinstance(caught.value, GuardMemoryExhausted)
    assert guard.health().state is State.POISONED


def test_d07_an_alloc_that_has_no_memory_says_so():
    guard = Guard(module(), max_memory_pages=10)
    with pytest.raises(GuardError) as caught:
        guard.label_agent({})
    assert (caught.value.buffer, caught.value.reason) == ("output", "null")
    assert "out of memory" in str(caught.value)
    assert guard.healthy


# -- D8: the host's own failures ----------------------------------------------

ASKING = """
  (i32.store (local.get $op) (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 1024) (i32.const 64)))
  (i32.const 4)"""


def test_d08_a_null_backend_answers_minus_1_and_crashes_the_gateway():
    guard = Guard(module(agent=ASKING))
    assert guard.call("label_agent", b"") == b"\xff\xff\xff\xff"
    gateway = Guard(module(agent=ASKING), compat=GATEWAY)
    with pytest.raises(HostFunctionError):
        gateway.call("label_agent", b"")
    assert gateway.healthy


@pytest.mark.parametrize("compat", [None, GATEWAY])
def test_d08_a_host_exception_is_an_error_and_poisons(compat):
    failure = ZeroDivisionError("in the backend")

    def backend(name, args):
        raise failure

    guard = Guard(module(agent=ASKING), backend=backend, compat=compat)
    with pytest.raises(HostFunctionError) as caught:
        guard.call("label_agent", b"")
    assert caught.value.__cause__ is failure
    assert (caught.value.function, caught.value.import_name) == ("label_agent", "call_backend")
    assert caught.value.report.backend[0].error == "raised ZeroDivisionError"
    if compat == GATEWAY:
        assert guard.call("label_agent", b"", backend=lambda n, a: 1) == b"\1\0\0\0"
    else:
        with pytest.raises(GuardPoisoned) as refused:
            guard.call("label_agent", b"")
        assert refused.value.__cause__ is caught.value


def test_d08_a_log_callback_or_a_stream_that_fails_is_a_host_exception():
    log = "(call $host_log (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 0)"
    write = "(drop (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 72))) (i32.const 0)"

    def fail(line):
        raise OSError("disk full")

    class Broken:
        def write(self, data):
            raise RuntimeError("a defect of the host's")

    iovec = data(64, (100).to_bytes(4, "little") + (5).to_bytes(4, "little"))
    for body, options, name in (
        (log, {"log": fail}, "host_log"), (write, {"stderr": Broken()}, "stderr"),
    ):  # fmt: skip
        guard = Guard(module(agent=body, extra=iovec), **options)
        with pytest.raises(HostFunctionError) as caught:
            guard.call("label_agent", b"")
        assert (caught.value.import_name, caught.value.function) == (name, "label_agent")
        assert guard.health().state is State.POISONED


# -- D9: _initialize ----------------------------------------------------------

INITIALIZED = """
  (func (export "_initialize") (i32.store (i32.const 512) (i32.const 42)))"""
READ_512 = "(i32.store (local.get $op) (i32.load (i32.const 512))) (i32.const 4)"


@pytest.mark.parametrize(("compat", "value"), [(None, 42), (GATEWAY, 0)])
def test_d09_initialize_runs_by_default(compat, value):
    guard = Guard(module(agent=READ_512, extra=INITIALIZED), compat=compat)
    assert guard.call("label_agent", b"") == value.to_bytes(4, "little")


@pytest.mark.parametrize("body", ["unreachable", "(call $proc_exit (i32.const 0))", LOOP])
def test_d09_a_failing_initialize_is_a_load_error(body):
    extra = f'(func (export "_initialize") {body})'
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(extra=extra), fuel=50_000)
    assert (caught.value.stage, caught.value.export) == ("initialize", "_initialize")
    assert Guard(module(extra=extra), compat=GATEWAY).healthy


def test_d09_start_is_never_called():
    extra = '(func (export "_start") unreachable)'
    for compat in (None, GATEWAY):
        assert Guard(module(extra=extra), compat=compat).label_agent({}).secrecy == ("s",)


def test_d09_an_initialize_of_another_type_is_a_load_error():
    extra = '(func (export "_initialize") (param i32))'
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(extra=extra))
    assert (caught.value.stage, caught.value.export) == ("signature", "_initialize")


# -- D10: the allocator's types -----------------------------------------------


@pytest.mark.parametrize(
    ("alloc", "name"),
    [
        ('(func (export "alloc") (param i64) (result i32) unreachable)'
         '(func (export "dealloc") (param i32 i32))', "alloc"),
        ('(func (export "alloc") (param i32) (result i64) unreachable)', "alloc"),
        ('(func (export "alloc") (param i32))', "alloc"),
        ('(func (export "dealloc") (param i32))', "dealloc"),
        ('(func (export "dealloc") (param i32 i32) (result i32) unreachable)', "dealloc"),
        ('(global (export "alloc") i32 (i32.const 0))', "alloc"),
    ],
)  # fmt: skip
def test_d10_the_allocator_s_types_are_checked_at_load(alloc, name):
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(alloc=alloc))
    assert (caught.value.stage, caught.value.export) == ("signature", name)
    assert Guard(module(alloc=alloc), compat=GATEWAY).healthy


# -- D14, D15, D24, D25 -------------------------------------------------------

PATHS = '{"labeled_paths":[{"path":"/0","labels":{"secrecy":["own"],"integrity":[]}}]}'


@pytest.mark.parametrize(("compat", "second"), [(None, ("s",)), (GATEWAY, ())])
def test_d14_unmatched_items_fall_back_to_the_resource(compat, second):
    guard = Guard(module(response=PATHS), compat=compat)
    resource = guard.label_resource("t", {})
    for given in (resource, resource.labels):
        labels = guard.label_response("t", [1, 2], {}, resource=given)
        assert [i.labels.secrecy for i in labels.items] == [("own",), second]


MALFORMED = '{"resource":{"secrecy":"private:acme","integrity":[]},"operation":"read"}'
MALFORMED_ITEM = '{"items":[{"data":1,"labels":{"secrecy":{"private":"acme"}}}]}'


def test_d15_malformed_secrecy_is_an_error_and_lenient_under_gateway():
    guard = Guard(module(resource=MALFORMED, response=MALFORMED_ITEM))
    for call in (lambda: guard.label_resource("t", {}), lambda: guard.label_response("t", [1])):
        with pytest.raises(ResponseError) as caught:
            call()
        assert caught.value.reason == "labels"
    assert guard.healthy
    gateway = Guard(module(resource=MALFORMED, response=MALFORMED_ITEM), compat=GATEWAY)
    assert gateway.label_resource("t", {}).secrecy == ()
    assert gateway.label_response("t", [1]).items[0].labels == Labels()


@pytest.mark.parametrize(
    ("compat", "sent"), [(None, b"9007199254740993"), (GATEWAY, b"9007199254740992")]
)
def test_d24_integers_reach_the_guard_exactly(compat, sent):
    body = """
      (call $host_log (i32.const 0) (local.get $ip) (local.get $il)) (i32.const -7)"""
    guard = Guard(module(resource=body), compat=compat)
    with pytest.raises(GuardError):
        guard.label_resource("t", 2**53 + 1)
    assert guard.last_report.log[0].text == b'{"tool_args":' + sent + b',"tool_name":"t"}'


def test_d25_fuel_and_deadline_are_two_typed_errors():
    guard = Guard(module(agent=LOOP), fuel=100_000)
    with pytest.raises(GuardFuelExhausted) as caught:
        guard.label_agent({})
    assert (caught.value.fuel, caught.value.function) == (100_000, "label_agent")
    assert 100_000 <= caught.value.report.fuel < 200_000
    guard = Guard(module(agent=LOOP), timeout=0.1)
    began = time.monotonic()
    with pytest.raises(GuardTimeout) as caught:
        guard.label_agent({})
    assert time.monotonic() - began < 2
    assert caught.value.seconds == 0.1


def test_d25_the_deadline_is_over_the_whole_invocation():
    slow = BUMP.replace(
        "(local.set $ptr (global.get $top))",
        "(drop (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) "
        "(i32.const 1024) (i32.const 64))) (local.set $ptr (global.get $top))", 1,
    )  # fmt: skip
    left = []

    def backend(name, args):
        left.append(guard.time_left)
        time.sleep(0.9)

    guard = Guard(module(alloc=slow), timeout=1.5, backend=backend)
    with pytest.raises(GuardTimeout) as caught:
        guard.label_agent({})
    # Two allocations of 0.9 s: no single guest call took too long, both together did.
    assert [a.returned for a in caught.value.report.attempts] in ([], [None])
    assert len(left) == 2
    assert left[0] > 0.6 > left[1]


def test_d25_each_invocation_has_the_whole_budget():
    body = """
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (i32.const 5000)))) (i32.const 0)"""
    guard = Guard(module(agent=body), fuel=60_000)
    free, counted = Guard(module(agent=body)), Guard(module(agent=body), count=True)
    for _ in range(3):
        guard.call("label_agent", b"")
        assert 20_000 < guard.last_report.fuel < 60_000
        # It is counted without a limit where that is asked for, and is the same.
        counted.call("label_agent", b"")
        assert counted.last_report.fuel == guard.last_report.fuel
        free.call("label_agent", b"")
        assert free.last_report.fuel is None


def test_unencodable_input_is_an_error_before_the_guest():
    guard = Guard(module())
    for call, function in (
        (lambda: guard.label_agent({"a": float("nan")}), "label_agent"),
        (lambda: guard.label_resource("t", {"a": object()}), "label_resource"),
        (lambda: guard.label_response("t", {1: 2}), "label_response"),
    ):
        with pytest.raises(PayloadError) as caught:
            call()
        assert caught.value.function == function
        assert f"failed to marshal {function} input" in str(caught.value)
    assert guard.health().calls == 0


def test_a_stream_that_an_operating_system_refuses_is_the_guest_s_errno():
    write = "(i32.store (local.get $op) (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 72))) (i32.const 4)"

    class Full:
        def write(self, data):
            raise OSError(28, "no space left on device")

    iovec = data(64, (100).to_bytes(4, "little") + (5).to_bytes(4, "little"))
    guard = Guard(module(agent=write, extra=iovec), stderr=Full())
    assert guard.call("label_agent", b"") != bytes(4)
    assert guard.healthy


def test_d05_the_deadline_covers_the_replay_too():
    asked = []

    def backend(name, args):
        asked.append(name)
        if len(asked) > 1:
            time.sleep(1.3)
        return 1

    ask = """(drop (call $call_backend (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)
      (i32.const 2048) (i32.const 64)))"""
    wat = guard_wat(ask + COUNTING, SOMETIMES, extra=data(700, AGENT) + data(900, RESOURCE))
    guard = Guard(module(wat), timeout=1.0, backend=backend)
    guard.label_agent({"a": 1})
    for _ in range(2):
        # The second time the replay alone takes longer than a call may.
        with pytest.raises(GuardTimeout):
            guard.label_resource("t", "x" * 100)
        assert guard.health().state is State.STALE
    assert len(asked) == 2
