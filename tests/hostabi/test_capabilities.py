"""What a guard may import and ask; what is refused is told, noted and logged."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostabi import BackendError, Guard
from hostabi.capabilities import REFUSALS, UNLIMITED, Argument, Capabilities, Meter, Tool
from hostabi.errors import CapabilityError, GuardLoadError
from tests.hostabi.wat import IMPORTS, data, guard_wat, module

# Asks what its input says, six numbers a question, and returns the answers' lengths.
ASKS = """
  (loop $next
    (if (i32.lt_u (local.get $i) (local.get $il)) (then
      (local.set $r (i32.add (local.get $ip) (local.get $i)))
      (i32.store
        (i32.add (local.get $op) (i32.div_u (local.get $i) (i32.const 6)))
        (call $call_backend
          (i32.load (local.get $r)) (i32.load offset=4 (local.get $r))
          (i32.load offset=8 (local.get $r)) (i32.load offset=12 (local.get $r))
          (i32.load offset=16 (local.get $r)) (i32.load offset=20 (local.get $r))))
      (local.set $i (i32.add (local.get $i) (i32.const 24)))
      (br $next))))
  (i32.div_u (local.get $il) (i32.const 6))"""


def asking(questions, capabilities, answer=None, log=None):
    """What a guard is told that asks (tool, arguments), its report, and what its backend saw."""
    seen, text, spans = [], b"", []
    for name, args in questions:
        raw = b"" if args is None else json.dumps(args).encode()
        spans.append((40_000 + len(text), len(name), 40_000 + len(text) + len(name), len(raw), 2048, 4096))
        text += name.encode() + raw

    def backend(name, args):
        seen.append((name, args))
        return answer

    guard = Guard(
        module(agent=ASKS, extra=data(40_000, text)), backend=backend, log=log,
        capabilities=Capabilities.from_json(capabilities),
    )  # fmt: skip
    raw = guard.call("label_agent", b"".join(struct.pack("<6I", *span) for span in spans))
    assert guard.healthy
    return [n for (n,) in struct.iter_unpack("<i", raw)], guard.last_report, seen


# -- tools and arguments ------------------------------------------------------


def test_only_listed_tools_may_be_asked_for():
    lines = []
    told, report, seen = asking(
        [("get", None), ("put", {"a": 1}), ("GET", None)], {"tools": [{"name": "get"}]}, log=lines.append
    )
    assert told == [4, -1, -1]
    assert seen == [("get", None)]
    assert [call.refusal for call in report.backend] == [None, "tool", "tool"]
    assert [(call.name, call.returned, call.answer) for call in report.refusals] == [
        ("put", -1, None), ("GET", -1, None),
    ]  # fmt: skip
    assert len(report.notices) == 2
    assert [line.source for line in lines] == ["host", "host"]
    assert asking([("get", None)], {"tools": []})[0] == [-1]
    assert asking([("get", None)], {})[0] == [4]


def test_a_hostile_name_is_logged_on_one_line():
    lines = []
    _, report, _ = asking([("x\n\x1b[2J" + "y" * 500, None)], {"tools": []}, log=lines.append)
    assert all(line.text.decode().isprintable() and len(line.text) < 300 for line in lines)
    assert len(report.backend[0].name) > 500


SEARCH = {"tools": [{"name": "search", "args": {
    "query": {"prefix": "repo:acme/"}, "page": {"one_of": [1, 2, "all"], "optional": True},
    "kind": {"equals": {"a": [1.0]}, "optional": True}, "note": {"optional": True},
}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("args", "allowed"),
    [
        ({"query": "repo:acme/web"}, True), ({"query": "repo:acme/"}, True),
        ({"query": "repo:evil/web"}, False), ({"query": ["repo:acme/"]}, False), ({"query": None}, False),
        ({}, False), (None, False), ([], False), ("repo:acme/", False),
        ({"query": "repo:acme/x", "other": 1}, False), ({"query": "repo:acme/x", "Query": "y"}, False),
        ({"query": "repo:acme/x", "page": 2}, True), ({"query": "repo:acme/x", "page": 2.0}, True),
        ({"query": "repo:acme/x", "page": True}, False), ({"query": "repo:acme/x", "page": "1"}, False),
        ({"query": "repo:acme/x", "kind": {"a": [1]}}, True),
        ({"query": "repo:acme/x", "kind": {"a": [1], "b": 1}}, False),
        ({"query": "repo:acme/x", "note": {"anything": []}}, True),
    ],
)  # fmt: skip
def test_arguments_are_tested(args, allowed):
    told, report, seen = asking([("search", args)], SEARCH)
    assert told == [4 if allowed else -1]
    assert len(seen) == allowed
    assert [call.refusal for call in report.refusals] == ([] if allowed else ["arguments"])


# -- budgets ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capabilities", "told", "reasons"),
    [
        ({"max_calls": 2}, [4, 4, -1, -1], ["calls", "calls"]),
        ({"max_calls": 0}, [-1] * 4, ["calls"] * 4),
        ({"tools": [{"name": "a", "max_calls": 1}, {"name": "b"}]}, [4, 4, -1, 4], ["tool-calls"]),
        ({"tools": [{"name": "a"}, {"name": "b"}], "max_calls": 3}, [4, 4, 4, -1], ["calls"]),
        # A question that is refused for its tool spends nothing.
        ({"tools": [{"name": "b"}], "max_calls": 2}, [-1, 4, -1, 4], ["tool", "tool"]),
    ],
)
def test_calls_are_counted_in_total_and_by_tool(capabilities, told, reasons):
    got, report, _ = asking([("a", None), ("b", None)] * 2, capabilities)
    assert got == told
    assert [call.refusal for call in report.refusals] == reasons


def test_bytes_of_questions_and_answers_are_counted():
    question, answer = {"q": "x" * 90}, "y" * 98
    size = len(json.dumps(question))
    assert asking([("a", question)], {"max_bytes": size + 100}, answer)[0] == [100]
    told, report, seen = asking([("a", question)], {"max_bytes": size + 99}, answer)
    assert (told, len(seen), report.refusals[0].refusal) == ([-1], 1, "bytes")
    assert report.refusals[0].answer is None
    # A question that is too large is not asked.
    told, _, seen = asking([("a", question)], {"max_bytes": size - 1}, answer)
    assert (told, seen) == ([-1], [])
    tools = {"tools": [{"name": "a", "max_bytes": 150}, {"name": "b"}]}
    assert asking([("a", None), ("b", None), ("a", None)], tools, answer)[0] == [100, 100, -1]


def test_the_budget_is_one_call_s():
    guard = Guard(
        module(agent=ASKS, extra=data(40_000, "a")), backend=lambda name, args: 1,
        capabilities=Capabilities(max_calls=1),
    )  # fmt: skip
    question = struct.pack("<6I", 40_000, 1, 0, 0, 2048, 64)
    for _ in range(3):
        assert struct.unpack("<2i", guard.call("label_agent", question * 2)) == (1, -1)


def test_a_backend_that_fails_has_spent_a_call():
    def backend(name, args):
        raise BackendError("no")

    guard = Guard(
        module(agent=ASKS, extra=data(40_000, "a")), backend=backend, capabilities=Capabilities(max_calls=1)
    )
    question = struct.pack("<6I", 40_000, 1, 0, 0, 2048, 64)
    guard.call("label_agent", question * 2)
    assert [call.refusal for call in guard.last_report.backend] == [None, "calls"]


def test_every_reason_has_its_words():
    reasons = {"tool", "arguments", "calls", "tool-calls", "bytes"}
    assert set(REFUSALS) == reasons


# -- imports ------------------------------------------------------------------

ALL_IMPORTS = ["env.call_backend", "env.host_log", "wasi_snapshot_preview1.proc_exit",
               "wasi_snapshot_preview1.fd_write"]  # fmt: skip


def test_a_guard_that_imports_what_it_may_loads():
    for imports in (ALL_IMPORTS, ["env.*", "wasi_snapshot_preview1.*"]):
        assert Guard(module(), capabilities=Capabilities(tuple(imports))).healthy
    assert Guard(module(imports=""), capabilities=Capabilities(())).healthy


@pytest.mark.parametrize("refused", ALL_IMPORTS)
def test_a_refused_import_is_a_load_error_that_names_it(refused):
    allowed = tuple(name for name in ALL_IMPORTS if name != refused)
    assert refused.rpartition(".")[2] in IMPORTS
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(), capabilities=Capabilities(allowed))
    assert (caught.value.stage, caught.value.import_name) == ("capability", refused)
    assert caught.value.to_json()["import_name"] == refused


def test_an_import_that_nobody_offers_is_refused_by_name_too():
    wat = guard_wat(imports=IMPORTS + '(import "en\\0av.x" "y" (func))')
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(wat), capabilities=Capabilities(("env.*", "wasi_snapshot_preview1.*")))
    assert caught.value.stage == "capability"
    assert "\0" not in caught.value.import_name


# -- JSON ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doc", "reason", "field"),
    [
        (None, "type", ""), ([], "type", ""), ({"tool": []}, "unexpected", "tool"),
        ({"imports": "env.*"}, "type", "imports"), ({"imports": [1]}, "type", "imports[0]"),
        ({"imports": ["env"]}, "value", "imports[0]"), ({"imports": ["*"]}, "value", "imports[0]"),
        ({"imports": ["env."]}, "value", "imports[0]"), ({"imports": ["host.f"]}, "value", "imports[0]"),
        ({"tools": {}}, "type", "tools"), ({"tools": ["get"]}, "type", "tools[0]"),
        ({"tools": [{}]}, "missing", "tools[0].name"), ({"tools": [{"name": ""}]}, "type", "tools[0].name"),
        ({"tools": [{"name": "a"}, {"name": "a"}]}, "duplicate", "tools[1].name"),
        ({"tools": [{"name": "a", "x": 1}]}, "unexpected", "tools[0].x"),
        ({"tools": [{"name": "a", "args": []}]}, "type", "tools[0].args"),
        ({"tools": [{"name": "a", "args": {"q": 1}}]}, "type", "tools[0].args.q"),
        ({"tools": [{"name": "a", "args": {"q": {"suffix": "x"}}}]}, "unexpected", "tools[0].args.q.suffix"),
        ({"tools": [{"name": "a", "args": {"q": {"prefix": 1}}}]}, "type", "tools[0].args.q.prefix"),
        ({"tools": [{"name": "a", "args": {"q": {"one_of": "x"}}}]}, "type", "tools[0].args.q.one_of"),
        ({"tools": [{"name": "a", "args": {"q": {"equals": 1, "prefix": "x"}}}]}, "duplicate", "tools[0].args.q"),
        ({"tools": [{"name": "a", "args": {"q": {"optional": 1}}}]}, "type", "tools[0].args.q.optional"),
        ({"max_calls": -1}, "range", "max_calls"), ({"max_bytes": 1.5}, "type", "max_bytes"),
        ({"max_calls": True}, "type", "max_calls"),
        ({"tools": [{"name": "a", "max_calls": "1"}]}, "type", "tools[0].max_calls"),
    ],
)  # fmt: skip
def test_a_description_that_is_none(doc, reason, field):
    with pytest.raises(CapabilityError) as caught:
        Capabilities.from_json(doc)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert caught.value.expected
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("test", "value"), [("suffix", "x"), ("prefix", 1), ("one_of", ["x"]), ("equals", {1, 2}), ("one_of", (object(),))]
)
def test_an_argument_is_looked_at_when_it_is_made(test, value):
    with pytest.raises(CapabilityError) as caught:
        Argument("q", test, value)
    assert caught.value.field.startswith("args.q")


VALUES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
ARGUMENTS = st.builds(
    lambda name, test, optional: Argument(name, *test, optional=optional), st.text(max_size=3),
    st.one_of(
        st.just((None, None)), st.tuples(st.just("equals"), VALUES),
        st.tuples(st.just("prefix"), st.text(max_size=3)),
        st.tuples(st.just("one_of"), st.lists(VALUES, max_size=3).map(tuple)),
    ),
    st.booleans(),
)  # fmt: skip
BOUNDS = st.none() | st.integers(0, 100)
ARG_LISTS = st.none() | st.lists(ARGUMENTS, max_size=3, unique_by=lambda a: a.name).map(tuple)
TOOLS = st.lists(
    st.builds(Tool, st.text(min_size=1, max_size=3), ARG_LISTS, BOUNDS, BOUNDS), max_size=3,
    unique_by=lambda tool: tool.name,
).map(tuple)  # fmt: skip


@given(st.builds(Capabilities, st.none() | st.just(("env.*",)), st.none() | TOOLS, BOUNDS, BOUNDS))
def test_the_json_reads_back_as_the_same(capabilities):
    again = Capabilities.from_json(json.loads(json.dumps(capabilities.to_json())))
    assert again.to_json() == json.loads(json.dumps(capabilities.to_json()))
    assert again == capabilities


@given(TOOLS, st.lists(st.tuples(st.text(max_size=3), VALUES, st.integers(0, 50)), max_size=8), BOUNDS, BOUNDS)
def test_a_longer_list_never_allows_less_and_no_list_allows_most(tools, questions, calls, size):
    """Of what a meter with fewer tools lets through, one with more lets through as much."""
    meters = [Meter(Capabilities(None, listed)) for listed in ((), tools[:1], tools)] + [Meter(UNLIMITED)]
    bounded = Meter(Capabilities(None, None, calls, size))
    passed = 0
    for name, args, length in questions:
        refused = [meter.ask(name, args, length) in ("tool", "arguments") for meter in meters]
        assert refused == sorted(refused, reverse=True)
        passed += bounded.ask(name, args, length) is None
    assert calls is None or passed <= calls
