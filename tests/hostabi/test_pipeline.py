"""Scenarios 120-135 and defects D11, D12, D16, D20, D22, D23: the phases around a tool call."""

from __future__ import annotations

import json
import pickle
import threading

import pytest

from hostabi import (
    GATEWAY,
    AgentRegistry,
    Guard,
    GuardPool,
    Labels,
    LabelSource,
    Mode,
    Operation,
    Pipeline,
    RulesBackend,
    bundled,
)
from hostabi.builtin import NoopGuard, WriteSinkGuard
from hostabi.difc import Side
from hostabi.errors import (
    AgentLabellingError,
    AgentLabelsInvalid,
    GuardPoisoned,
    GuardReentered,
    GuardUnavailable,
    PolicyError,
    ResourceLabellingError,
    ResponseError,
    ResponseLabellingError,
)
from hostabi.labels import AgentLabels
from hostabi.unavailable import UnavailableGuard, loaded
from tests.hostabi.answering import Answering, Apart, agent, by_path, labels, resource
from tests.hostabi.wat import AGENT, RESOURCE, guard_wat, module

both = pytest.mark.parametrize("compat", [None, GATEWAY])
modes = pytest.mark.parametrize("mode", ["strict", "filter", "propagate"])

POLICY = {"any": 1}
FINE, SECRET, POOR = labels((), ("i",), "fine"), labels(("s",), ("i",), "secret"), labels((), (), "poor")
ITEMS = ["one", "two", "three"]


def mode_of(mode, **more):
    """An answer for an agent that has integrity ``i`` and no secrecy."""
    return agent((), ("i",), mode, **more)


class Backend:
    """A backend that gives ``result`` and counts."""

    def __init__(self, result=None):
        self.result = result
        self.calls = []

    def __call__(self, tool_name, tool_args):
        self.calls.append((tool_name, tool_args))
        return self.result


def run(guard, backend=None, tool="list_things", args=None, **options):
    """One call of one agent."""
    options.setdefault("policy", POLICY)
    return Pipeline(guard, **options).call("a", tool, args, backend or Backend(list(ITEMS)))


# -- the session --------------------------------------------------------------


@pytest.mark.parametrize("answer", [{"difc_mode": "open"}, {"difc_mode": ""}, {"difc_mode": 3}, b"", b"{"])
def test_s120_an_invalid_mode_leaves_agent_labels_untouched(answer):
    guard = Answering(mode_of("filter"))
    pipeline = Pipeline(guard)
    before = pipeline.label_agent("a", POLICY)
    guard.agent = answer
    with pytest.raises(AgentLabellingError) as caught:
        pipeline.label_agent("a", {"other": 1})
    assert caught.value.agent == "a"
    assert isinstance(caught.value.__cause__, ResponseError)
    assert "LabelAgent failed" in str(caught.value)
    assert pipeline.agents.labels("a", "fake") == before == Labels((), ("i",))
    assert pipeline.agents.granted("a", "fake").mode is Mode.FILTER


class Saying(Answering):
    """Answers ``label_agent`` with a value of any kind."""

    def label_agent(self, policy, *, backend=None):
        return self.agent


@pytest.mark.parametrize("mode", ["open", 7, object(), "Strict"])
def test_s120_an_invalid_mode_of_another_labeller_is_an_invalid_result(mode):
    guard = Saying(AgentLabels(Labels(("s",)), mode, None, b""))
    pipeline = Pipeline(guard)
    with pytest.raises(AgentLabelsInvalid) as caught:
        pipeline.label_agent("a", POLICY)
    assert caught.value.__cause__.reason == "mode-invalid"
    assert pipeline.agents.labels("a") == Labels()


def test_s120_what_is_no_labels_is_an_invalid_result():
    for answer in (False, "labels", {}, AgentLabels({"secrecy": []}, Mode.STRICT, None, b"")):
        with pytest.raises(AgentLabelsInvalid) as caught:
            Pipeline(Saying(answer)).label_agent("a", POLICY)
        assert "LabelAgent result invalid" in str(caught.value)


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize(("given", "mode"), [(None, Mode.STRICT), ("propagate", Mode.PROPAGATE), ("", Mode.STRICT)])
def test_s121_an_empty_mode_keeps_the_default(nothing, given, mode):
    guard = Saying(AgentLabels(Labels(("s",)), nothing, None, b""))
    outcome = run(guard, mode=given)
    assert outcome.mode is mode


def test_a_guard_s_mode_overrides_the_operator_s():
    for own in Mode:
        for theirs in Mode:
            assert run(Answering(agent(mode=own.value)), mode=theirs).mode is own
    with pytest.raises(ValueError):
        Pipeline(Answering(), mode="open")
    with pytest.raises(ValueError):
        Pipeline(Answering(), compat="other")


def test_s122_labels_from_several_guards_are_united():
    agents = AgentRegistry(clock=lambda: 0)
    one = Pipeline(Answering(agent(("s1",), ("i1", "x")), name="one"), agents=agents)
    two = Pipeline(Answering(agent(("s2",), ("x", "i2"), "strict"), name="two"), agents=agents)
    one.label_agent("a", POLICY)
    assert two.label_agent("a", POLICY) == Labels(("s1", "s2"), ("i1", "x", "i2"))
    assert agents.labels("a", "two").secrecy_at.path(0) == "one#/agent/secrecy/0"
    assert agents.labels("a", "two").secrecy_at.path(1) == "/agent/secrecy/0"
    assert agents.snapshot() == {
        "agents": {
            "a": {
                "secrecy": ["s1", "s2"], "integrity": ["i1", "i2", "x"], "mode": "strict",
                "guards": {"one": "filter", "two": "strict"},
            }
        },
        "time": "1970-01-01T00:00:00.000Z",
    }  # fmt: skip
    # So what one guard asks for counts for the other's resources.
    outcome = one.call("a", "t", {}, Backend("x"))
    assert [reason.tag for reason in outcome.denial.reasons] == ["i1", "x", "i2"]


def test_s122_guards_without_a_name_do_not_replace_each_other():
    agents = AgentRegistry()
    for tag in ("a", "b"):
        Pipeline(Answering(agent((tag,), (tag,)), name=""), agents=agents).label_agent("x", POLICY)
    assert agents.labels("x") == Labels(("a", "b"), ("a", "b"))
    assert list(agents.snapshot()["agents"]["x"]["guards"]) == ["guard 1", "guard 2"]


def test_s123_tool_arguments_reach_phase_4():
    for args in ({"q": "x"}, None, [1]):
        guard, backend = Answering(), Backend("r")
        run(guard, backend, args=args)
        assert backend.calls == [("list_things", args)]
        assert guard.calls[1:] == [("resource", "list_things", args), ("response", "list_things", "r", args)]


# -- coarse -------------------------------------------------------------------


@modes
@pytest.mark.parametrize("operation", ["write", "read-write", "other"])
@pytest.mark.parametrize(
    ("mine", "theirs", "rule", "side", "fault"),
    [
        (((), ("i",)), ((), ("j",)), "integrity", Side.AGENT, "missing"),
        ((("s",), ()), ((), ()), "secrecy", Side.AGENT, "extra"),
        ((("s",), ()), ((), ("j",)), "integrity", Side.AGENT, "missing"),
    ],
)
def test_s124_a_denied_write_stops_before_the_backend(mode, operation, mine, theirs, rule, side, fault):
    backend = Backend("done")
    guard = Answering(agent(*mine, mode), resource(*theirs, operation))
    outcome = run(guard, backend)
    assert backend.calls == []
    assert (outcome.allowed, outcome.called, outcome.result) == (False, False, None)
    if operation != "write" and mode != "propagate" and mine[1]:
        side = Side.RESOURCE  # a read comes first, also where nobody knows what the call does
    first = outcome.denial.reasons[0]
    assert (outcome.denial.reason, first.side, first.fault) == (rule, side, fault)
    assert outcome.denial.side is Side.RESOURCE
    assert outcome.denial.resource == "the resource"
    assert outcome.denial.agent == Labels(*map(tuple, mine))
    assert guard.asked("response") == 0


@modes
@both
def test_s125_a_denied_read_proceeds_to_the_backend(mode, compat):
    backend = Backend(list(ITEMS))
    guard = Answering(mode_of(mode), resource(("s",), ()), by_path(FINE, FINE, FINE))
    outcome = run(guard, backend, compat=compat)
    assert len(backend.calls) == 1
    assert not outcome.coarse.allowed
    assert outcome.allowed
    assert outcome.result == ITEMS


@pytest.mark.parametrize(
    ("operation", "mode", "asked"),
    [("write", "strict", 0), ("write", "filter", 0), ("write", "propagate", 0), ("read-write", "strict", 0),
     ("read-write", "filter", 1), ("read-write", "propagate", 1), ("read", "strict", 1)],
)  # fmt: skip
def test_s126_writes_and_read_write_in_strict_skip_phase_4(operation, mode, asked):
    guard = Answering(mode_of(mode), resource((), ("i",), operation), by_path(POOR, FINE, FINE))
    outcome = run(guard)
    assert guard.asked("response") == asked
    if not asked:
        assert outcome.result == ITEMS
        assert (outcome.kept, outcome.dropped) == (0, 0)


@pytest.mark.parametrize("mode", ["strict", "filter"])
def test_a_call_of_which_nobody_knows_what_it_does_is_looked_at_as_a_read_too(mode):
    guard = Answering(mode_of(mode), resource((), ("i",), "Read"), by_path(POOR, FINE, FINE))
    outcome = run(guard)
    assert outcome.resource.operation is Operation.READ_WRITE
    assert (outcome.kept, outcome.dropped, outcome.allowed) == (2, 1, mode == "filter")
    # Nor does anybody where nothing is said of it at all.
    guard.resource = {"resource": labels((), ("i",))}
    assert run(guard).kept == outcome.kept


@pytest.mark.parametrize("mode", ["strict", "filter"])
def test_a_secret_resource_is_not_shown_because_the_operation_is_missing(mode):
    guard = Answering(mode_of(mode), {"resource": labels(("private:x",), ("i",))}, b"")
    outcome = run(guard)
    assert (outcome.allowed, outcome.called, outcome.denial.reason) == (False, False, "secrecy")


def test_who_writes_needs_the_tags_that_could_not_be_read_too():
    guard = Answering(agent((), ("i",)), resource((), ("i", 7), "write"))
    outcome = run(guard)
    assert [(r.fault, r.side, r.path) for r in outcome.denial.reasons] == [
        ("missing", Side.AGENT, "/resource/integrity")
    ]
    assert "what is no tag" in outcome.denial.message


# -- items --------------------------------------------------------------------


@pytest.mark.parametrize("bad", [SECRET, POOR])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_s127_strict_blocks_on_one_bad_item(bad, at):
    own = [FINE, FINE, FINE]
    own[at] = bad
    outcome = run(Answering(mode_of("strict"), resource((), ("i",)), by_path(*own)))
    assert (outcome.allowed, outcome.called, outcome.result) == (False, True, None)
    assert (outcome.denial.side, outcome.kept, outcome.dropped) == (Side.ITEM, 2, 1)
    assert [e.index for e in outcome.explanations] == [at]


@modes
@pytest.mark.parametrize("theirs", [((), ("i",)), (("s",), ())])
def test_s127_empty_lists_never_block(mode, theirs):
    guard = Answering(mode_of(mode), resource(*theirs), by_path(default=SECRET))
    outcome = run(guard, Backend([]), tool="get_things")
    assert (outcome.allowed, outcome.result, outcome.notice) == (True, [], None)


def test_s128_filter_keeps_accessible_items():
    guard = Answering(mode_of("filter"), resource((), ("i",)), by_path(FINE, SECRET, FINE))
    outcome = run(guard)
    assert outcome.result == ["one", "three"]
    assert (outcome.kept, outcome.dropped, outcome.total) == (2, 1, 3)


@pytest.mark.parametrize("count", range(8))
def test_s128_kept_and_dropped_is_all(count):
    own = [[FINE, SECRET, POOR][(count + i) % 3] for i in range(count)]
    outcome = run(
        Answering(mode_of("filter"), resource((), ("i",)), by_path(*own)), Backend(list(range(count)))
    )
    assert outcome.kept + outcome.dropped == outcome.total == count
    assert outcome.result == [i for i in range(count) if own[i] is FINE]


def test_s129_every_dropped_item_has_a_reason_and_a_kind():
    answer = {"items": [{"data": i, "labels": one} for i, one in enumerate([FINE, SECRET, POOR, None, 5])]}
    outcome = run(Answering(mode_of("filter"), resource((), ("i",)), answer), Backend([0, 1, 2, 3, 4]))
    assert [one.kind for one in outcome.items] == [None, "secrecy", "integrity", "unlabelled", "unlabelled"]
    for one in outcome.items:
        assert one.kept is (one.reasons == ()) is (one.kind is None)
    assert [e.index for e in outcome.explanations] == [1, 2, 3, 4]
    assert [(r.tag, r.path) for r in outcome.explanations[0].reasons] == [("s", "/items/1/labels/secrecy/0")]
    assert [(r.tag, r.path) for r in outcome.explanations[1].reasons] == [("i", "/agent/integrity/0")]
    doc = json.loads(json.dumps(outcome.to_json()))
    assert (doc["kept"], doc["dropped"]) == (1, 4)
    assert [item["kind"] for item in doc["items"]] == [one.kind for one in outcome.items]


@both
def test_s130_propagate_accumulates_from_labels(compat):
    guard = Answering(
        agent((), ("i", "j"), "propagate"), resource(("r",), ("i", "j")),
        by_path(labels(("s",), ("i", "j")), labels(("t",), ("i",)), labels((), ("i", "k"))),
    )  # fmt: skip
    pipeline = Pipeline(guard, policy=POLICY, compat=compat)
    outcome = pipeline.call("a", "list_things", {}, Backend(list(ITEMS)))
    assert (outcome.allowed, outcome.result, outcome.dropped) == (True, ITEMS, 0)
    after = pipeline.agents.labels("a")
    assert set(after.secrecy) == {"s", "t"}
    assert set(after.integrity) == ({"i"} if compat is None else {"i", "j"})
    assert outcome.taint.secrecy == {"s", "t"}
    assert outcome.taint.integrity == ({"j"} if compat is None else set())
    assert after.secrecy_at.path(0) == "list_things#/labeled_paths/0/labels/secrecy/0"
    # It is the agent's own tags that a later denial points at, wherever they come from.
    assert not outcome.explanations[-1].enforced


def test_s130_propagate_accumulates_from_the_resource_without_labels():
    guard = Answering(agent((), ("i", "j"), "propagate"), resource(("r",), ("i",)))
    pipeline = Pipeline(guard, policy=POLICY)
    outcome = pipeline.call("a", "get_thing", {}, Backend("all"))
    assert (outcome.allowed, outcome.result) == (True, "all")
    assert pipeline.agents.labels("a") == Labels(("r",), ("i",))
    assert pipeline.agents.labels("a").secrecy_at.path(0) == "get_thing#/resource/secrecy/0"


def test_s130_nothing_read_is_no_taint():
    guard = Answering(agent((), ("i",), "propagate"), resource(("r",), ()), by_path(default=SECRET))
    pipeline = Pipeline(guard, policy=POLICY)
    assert pipeline.call("a", "list_things", {}, Backend([])).allowed
    assert pipeline.agents.labels("a") == Labels((), ("i",))


@modes
def test_s131_writes_never_accumulate(mode):
    guard = Answering(agent(("r",), ("i",), mode), resource(("r", "s"), (), "write"))
    pipeline = Pipeline(guard, policy=POLICY)
    assert pipeline.call("a", "post", {}, Backend("done")).allowed
    assert pipeline.agents.labels("a") == Labels(("r",), ("i",))


@pytest.mark.parametrize("mode", ["strict", "filter"])
def test_s131_only_propagate_accumulates(mode):
    guard = Answering(agent(("r",), (), mode), resource(("r",), ("k",)))
    pipeline = Pipeline(guard, policy=POLICY)
    assert pipeline.call("a", "get", {}, Backend("x")).allowed
    assert pipeline.agents.labels("a") == Labels(("r",), ())


@pytest.mark.parametrize(
    ("mine", "theirs", "operation", "allowed"),
    [
        ((("*",), ()), (("s",), ()), "read", True), ((("s",), ()), (("*",), ()), "read", False),
        (((), ("i",)), ((), ("*",)), "read", True), (((), ("*",)), ((), ("i",)), "read", False),
        ((("s",), ()), (("*",), ()), "write", True), ((("*",), ()), (("s",), ()), "write", False),
        (((), ("*",)), ((), ("i",)), "write", True), (((), ("i",)), ((), ("*",)), "write", False),
    ],
)  # fmt: skip
def test_s132_the_wildcard_accepts_only_on_the_superset_side(mine, theirs, operation, allowed):
    guard = Answering(agent(*mine, "strict"), resource(*theirs, operation))
    assert run(guard).allowed is allowed


@pytest.mark.parametrize("visibility", ["public", "PUBLIC", "private", "internal", None])
def test_s133_a_public_sink_blocks_tainted_and_admits_clean_agents(visibility):
    agents = AgentRegistry()
    source = Pipeline(
        Apart(lambda policy: agent(policy["secrecy"], ()), name="source"), agents=agents
    )
    sink = Pipeline(WriteSinkGuard(("private:acme",), visibility, "sink"), agents=agents)
    source.label_agent("clean", {"secrecy": []})
    source.label_agent("tainted", {"secrecy": ["private:acme"]})
    assert sink.call("clean", "post", {}, Backend("ok")).result == "ok"
    outcome = sink.call("tainted", "post", {}, Backend("ok"))
    assert outcome.allowed is ((visibility or "").lower() != "public")
    if not outcome.allowed:
        reason = outcome.denial.reasons[0]
        assert (outcome.denial.reason, reason.tag, reason.side) == ("secrecy", "private:acme", Side.AGENT)
        assert reason.path == "source#/agent/secrecy/0"


@pytest.mark.parametrize(
    ("accept", "allowed"),
    [("private:acme", True), ("private:acme/*", False), ("acme", False), ("*", True)],
)
def test_s134_owner_scope_needs_the_owner_s_own_tag(accept, allowed):
    agents = AgentRegistry()
    Pipeline(Answering(agent(("private:acme",), ()), name="source"), agents=agents).label_agent("a", POLICY)
    assert Pipeline(WriteSinkGuard((accept,)), agents=agents).call("a", "post", {}, Backend()).allowed is allowed


def test_s135_a_changed_policy_re_runs_label_agent_and_an_unchanged_one_does_not():
    guard = Answering()
    pipeline = Pipeline(guard, policy={"b": [1, 2], "a": "x"})
    pipeline.call("a", "t", {}, Backend())
    for same in ({"b": [1, 2], "a": "x"}, {"a": "x", "b": [1, 2]}):
        pipeline.label_agent("a", same)
    assert guard.asked("agent") == 1
    pipeline.label_agent("a", {"a": "x", "b": [2, 1]})
    pipeline.call("a", "t", {}, Backend())
    assert guard.asked("agent") == 2
    pipeline.label_agent("b", {"a": "x", "b": [2, 1]})
    assert guard.asked("agent") == 3


def test_s135_with_a_guard_the_policy_counts_as_it_is_sent():
    with Guard(bundled.guard_bytes(), name="github") as guard:
        pipeline = Pipeline(guard)
        pipeline.label_agent("a", {"allow-only": {"repos": "all", "min-integrity": "none"}})
        before = guard.health().calls
        pipeline.label_agent("a", '{"AllowOnly": {"integrity": " None ", "repos": "ALL"}}')
        assert guard.health().calls == before
        pipeline.label_agent("a", {"allow-only": {"repos": "all", "min-integrity": "merged"}})
        assert guard.health().calls == before + 1


# -- defects ------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["strict", "filter"])
@both
def test_d11_the_coarse_verdict_is_enforced_where_labels_are_none(mode, compat):
    for answer in (b"", {}, {"items": []}):
        guard = Answering(mode_of(mode), resource(("s",), ("i",)), answer)
        outcome = run(guard, Backend("secret"), compat=compat)
        assert outcome.called
        assert outcome.allowed is (compat == GATEWAY)
        assert outcome.result == ("secret" if compat else None)
        if compat is None:
            assert (outcome.denial.reason, outcome.denial.side) == ("secrecy", Side.RESOURCE)
            assert outcome.denial.reasons[0].path == "/resource/secrecy/0"


@modes
@both
def test_d12_an_item_without_labels_is_denied(mode, compat):
    answer = {"items": [{"data": "one", "labels": FINE}, {"data": "two"}, {"data": "three", "labels": 7}]}
    outcome = run(Answering(mode_of(mode), resource((), ("i",)), answer), compat=compat)
    assert (outcome.kept, outcome.dropped) == (1, 2)
    if mode == "strict":
        assert outcome.denial.reason == "unlabelled"
    else:
        assert outcome.result == ["one"]


def test_d16_overall_integrity_is_intersected_item_by_item():
    guard = Answering(
        agent((), ("i", "j"), "propagate"), resource((), ("i", "j")),
        by_path(labels((), ("i",)), labels((), ("j",)), labels((), ("i", "j"))),
    )  # fmt: skip
    pipeline = Pipeline(guard, policy=POLICY)
    pipeline.call("a", "list_things", {}, Backend(list(ITEMS)))
    assert pipeline.agents.labels("a").integrity == ()
    # And so it may not write where either is asked for.
    guard.resource = resource((), ("i",), "write")
    assert not pipeline.call("a", "post", {}, Backend()).allowed
    gateway = Pipeline(guard, policy=POLICY, compat=GATEWAY)
    guard.resource = resource((), ("i", "j"))
    gateway.call("a", "list_things", {}, Backend(list(ITEMS)))
    assert gateway.agents.labels("a").integrity == ("i", "j")


def test_d20_the_result_keeps_its_envelope():
    text = json.dumps({"total_count": 3, "items": ITEMS})
    result = {"content": [{"type": "text", "text": text}], "isError": False}
    guard = Answering(
        mode_of("filter"), resource((), ("i",)), by_path(FINE, SECRET, FINE, items_path="/items")
    )
    outcome = run(guard, Backend(result), notices=False)
    assert [e["type"] for e in outcome.result["content"]] == ["text"]
    assert json.loads(outcome.result["content"][0]["text"]) == {"total_count": 2, "items": ["one", "three"]}
    assert outcome.result["isError"] is False
    assert result["content"][0]["text"] == text
    assert run(guard, Backend(result), compat=GATEWAY).result == ["one", "three"]


def test_d20_a_single_thing_comes_as_it_was():
    result = {"content": [{"type": "text", "text": '{"n":1}'}], "structuredContent": {"n": 1}}
    guard = Answering(mode_of("filter"), resource((), ("i",)), {"labeled_paths": [], "default_labels": FINE})
    assert run(guard, Backend(result), tool="get_thing").result is result


@both
def test_d22_fail_closed_where_there_is_no_guard(compat):
    bad = loaded(lambda: Guard(b"no wasm", name="github"), "github", compat=compat)
    backend = Backend("x")
    for guard in (bad, None):
        pipeline = Pipeline(guard, policy=POLICY, compat=compat)
        if compat is None:
            with pytest.raises(AgentLabellingError) as caught:
                pipeline.call("a", "get", {}, backend)
            assert isinstance(caught.value.__cause__, GuardUnavailable)
            assert backend.calls == []
        else:
            # The gateway's noop lets agents without labels do anything.
            assert pipeline.call("a", "get", {}, Backend("x")).allowed
    assert isinstance(bad, UnavailableGuard if compat is None else NoopGuard)


def test_d22_the_cause_is_kept():
    bad = loaded(lambda: Guard(b"no wasm", name="github"), "github")
    with pytest.raises(AgentLabellingError) as caught:
        Pipeline(bad).label_agent("a", POLICY)
    cause = caught.value.__cause__
    assert (cause.guard, cause.__cause__.stage) == ("github", "module")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.agent, again.to_json()) == ("a", caught.value.to_json())
    for call in (bad.label_resource, bad.label_response):
        with pytest.raises(GuardUnavailable):
            call("t", {})
    bad.cancel()
    bad.close()
    assert not bad.healthy


def test_d22_a_poisoned_guard_denies():
    with Guard(module(resource="(unreachable)"), name="g") as guard:
        pipeline = Pipeline(guard, policy=POLICY)
        for cause in ("GuardTrap", "GuardPoisoned"):
            backend = Backend("x")
            with pytest.raises(ResourceLabellingError) as caught:
                pipeline.call("a", "t", {}, backend)
            assert type(caught.value.__cause__).__name__ == cause
            assert (caught.value.agent, caught.value.tool, backend.calls) == ("a", "t", [])


def test_d22_noop_denies_agents_that_have_labels_and_admits_those_that_have_none():
    agents = AgentRegistry()
    Pipeline(Answering(agent(("s",), ()), name="other"), agents=agents).label_agent("a", POLICY)
    noop = Pipeline(NoopGuard(), agents=agents)
    assert not noop.call("a", "t", {}, Backend()).allowed
    outcome = noop.call("b", "t", {}, Backend("x"))
    assert (outcome.allowed, outcome.result, outcome.mode) == (True, "x", Mode.STRICT)


def test_d23_a_changed_policy_replaces():
    guard = Answering(lambda policy: agent((policy["tag"],), (policy["tag"],)))
    for compat, expected in ((None, ("b",)), (GATEWAY, ("a", "b"))):
        pipeline = Pipeline(guard, compat=compat)
        pipeline.label_agent("x", {"tag": "a"})
        assert pipeline.label_agent("x", {"tag": "b"}) == Labels(expected, expected)


def test_d23_what_was_read_stays_read():
    guard = Answering(lambda policy: agent((), policy["i"], "propagate"), resource(("s",), ("i",)))
    pipeline = Pipeline(guard)
    pipeline.label_agent("a", {"i": ["i", "j"]})
    pipeline.call("a", "get", {}, Backend())
    assert pipeline.label_agent("a", {"i": ["j", "i", "k"]}) == Labels(("s",), ("i",))
    pipeline.agents.forget("a")
    assert pipeline.label_agent("a", {"i": ["j"]}) == Labels((), ("j",))


def test_d23_first_calls_at_the_same_time_ask_once():
    inside, go = threading.Event(), threading.Event()

    def slow(policy):
        inside.set()
        assert go.wait(30)
        return agent(("s",), ())

    guard = Answering(slow, resource(("s",), ()))
    pipeline = Pipeline(guard, policy=POLICY)
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(pipeline.call("a", "get", {}, Backend(1))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert inside.wait(30)
    go.set()
    for thread in threads:
        thread.join(30)
    assert guard.asked("agent") == 1
    assert [outcome.allowed for outcome in outcomes] == [True] * 8


# -- what else can go wrong ---------------------------------------------------


@modes
@both
def test_an_error_of_phase_4_fails_closed(mode, compat):
    for answer in (b"{", {"labeled_paths": 7}, {"labeled_paths": [], "items_path": "/nowhere"}, b"[]"):
        with pytest.raises(ResponseLabellingError) as caught:
            run(Answering(mode_of(mode), resource((), ("i",)), answer), compat=compat)
        assert isinstance(caught.value.__cause__, ResponseError)
        assert "response labeling failed" in str(caught.value)


def test_an_error_of_phase_1_is_raised_before_the_backend():
    backend = Backend()
    with pytest.raises(ResourceLabellingError) as caught:
        run(Answering(resource={"operation": "read"}), backend)
    assert "resource labeling failed" in str(caught.value)
    assert backend.calls == []


def test_without_a_policy_nobody_is_let_in():
    with pytest.raises(AgentLabellingError) as caught:
        run(Answering(), policy=None)
    assert isinstance(caught.value.__cause__, PolicyError)


def test_what_the_backend_raises_is_the_caller_s():
    def backend(name, args):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        run(Answering(), backend)


@pytest.mark.parametrize("tool", ["get_thing", "listing", "search"])
@pytest.mark.parametrize("bad", [SECRET, POOR])
def test_a_single_dropped_item_is_an_error_and_no_empty_list(tool, bad):
    guard = Answering(mode_of("filter"), resource((), ("i",)), by_path({**bad, "description": f"{bad['description']}:7"}))
    outcome = run(guard, Backend(["only"]), tool=tool)
    assert (outcome.allowed, outcome.denial.side, outcome.dropped) == (False, Side.ITEM, 1)
    assert ("secret:7" in outcome.denial.message, "poor:7" in outcome.denial.message) == (False, bad is POOR)
    for listing in ("list_things", "search_things"):
        assert run(guard, Backend(["only"]), tool=listing).result == []


def test_the_notice_goes_with_an_mcp_result():
    text = json.dumps(list(range(9)))
    result = {"content": [{"type": "text", "text": text}]}
    own = [labels((), (), f"issue:{i}") for i in range(8)] + [FINE]
    guard = Answering(mode_of("filter"), resource((), ("i",)), by_path(*own))
    outcome = run(guard, Backend(result))
    assert [e["text"] for e in outcome.result["content"]] == ["[8]", outcome.notice]
    assert [line.split(":")[1] for line in outcome.notice.splitlines()[1:6]] == ["0", "1", "2", "3", "4"]
    assert len(outcome.notice.splitlines()) == 7
    assert run(guard, Backend(result), notices=False).result["content"] == [{"type": "text", "text": "[8]"}]


def test_each_agent_is_labelled_under_its_own_policy():
    # The guest remembers its policy's length and answers with it.
    wat = guard_wat(
        f"(i32.store (i32.const 60000) (local.get $il)) {_answer(AGENT.replace('filter', 'strict'))}",
        f"(i32.store8 offset=29 (i32.const 50100) (i32.add (i32.const 32) (i32.load (i32.const 60000)))) {_answer(RESOURCE_S, 50100)}",
        "(i32.const 0)", extra=_data(AGENT.replace("filter", "strict"), 50000) + _data(RESOURCE_S, 50100),
    )  # fmt: skip
    with Guard(module(wat), name="g") as guard:
        pipeline = Pipeline(guard)
        pipeline.label_agent("short", {"a": 1})
        pipeline.label_agent("long", {"a": 1111})
        seen = [
            pipeline.begin(who, "t", {})[0].resource.secrecy[0][-1]
            for who in ("short", "long", "long", "short", "short", "long")
        ]
    assert len(set(seen)) == 2
    assert [c == seen[0] for c in seen] == [True, False, False, True, True, False]


RESOURCE_S = '{"resource":{"secrecy":["....?"],"integrity":["i"]},"operation":"read"}'


def _data(text, at):
    from tests.hostabi.wat import data

    return data(at, text)


def _answer(text, at=50000):
    length = len(text)
    return (
        f"(memory.copy (local.get $op) (i32.const {at}) (i32.const {length})) (i32.const {length})"
    )


def test_a_guard_that_was_replaced_labels_the_agent_again():
    agents = AgentRegistry()
    old, new = Answering(agent(("s",), ())), Answering(agent((), ()))
    Pipeline(old, agents=agents, policy=POLICY).call("a", "t", {}, Backend())
    Pipeline(new, agents=agents, policy=POLICY).call("a", "t", {}, Backend())
    assert (old.asked("agent"), new.asked("agent")) == (1, 1)
    assert agents.labels("a") == Labels()


def test_a_backend_of_the_guard_that_calls_the_pipeline_is_refused():
    session = bundled.session()
    seen = []

    def backend(name, args):
        try:
            pipeline.call("b", "t", {}, Backend())
        except (AgentLabellingError, ResourceLabellingError) as error:
            seen.append(error.__cause__)
        return RulesBackend(session["backend"])(name, args)

    with GuardPool(bundled.guard_bytes(), size=2, name="github") as guard:
        pipeline = Pipeline(guard, policy=session["policy"], guard_backend=backend)
        outcome = pipeline.call("a", session["tool_name"], session["tool_args"], Backend(session["tool_result"]))
    assert outcome.kept == 4
    assert seen
    assert all(isinstance(error, GuardReentered) for error in seen)


def test_a_coroutine_backend_needs_call_async():
    async def backend(name, args):
        return 1

    with pytest.raises(TypeError):
        run(Answering(), backend)


def test_the_bundled_session_end_to_end():
    session = bundled.session()
    with Guard(bundled.guard_bytes(), name="github", backend=RulesBackend(session["backend"])) as guard:
        pipeline = Pipeline(guard, policy=session["policy"])
        outcome = pipeline.call("a", session["tool_name"], session["tool_args"], Backend(session["tool_result"]))
    assert [item["number"] for item in outcome.result["items"]] == [41, 43, 44, 47]
    assert outcome.result["total_count"] == 4
    assert [(e.side, e.index) for e in outcome.explanations] == [
        (Side.RESOURCE, None), (Side.ITEM, 1), (Side.ITEM, 4), (Side.ITEM, 5), (Side.ITEM, 6)
    ]  # fmt: skip
    assert [e.enforced for e in outcome.explanations] == [False, True, True, True, True]
    vault = outcome.explanations[3]
    assert [(r.rule.value, r.tag, r.path) for r in vault.reasons][-1] == (
        "secrecy", "private:acme/vault", "/labeled_paths/5/labels/secrecy/0"
    )  # fmt: skip
    assert outcome.items[0].item.source is LabelSource.OWN
    assert "acme/vault" not in json.dumps(outcome.result) + outcome.notice


def test_a_poisoned_guard_s_error_is_the_cause():
    with Guard(module(response="(unreachable)", agent=AGENT, resource=RESOURCE), name="g") as guard:
        pipeline = Pipeline(guard, policy=POLICY)
        with pytest.raises(ResponseLabellingError):
            pipeline.call("a", "t", {}, Backend("x"))
        with pytest.raises(ResourceLabellingError) as caught:
            pipeline.call("a", "t", {}, Backend("x"))
        assert isinstance(caught.value.__cause__, GuardPoisoned)
