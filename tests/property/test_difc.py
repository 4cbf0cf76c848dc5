"""The laws of labels: the algebra, the two flow orders, the wildcard, the modes, the taint."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hostabi.difc import (
    WILDCARD,
    AgentRegistry,
    Evaluator,
    Grant,
    Taint,
    integrity_flows,
    intersection,
    judge,
    proceeds,
    secrecy_flows,
    taint_of,
    union,
)
from hostabi.labels import Item, Labels, LabelSource, Mode, Operation
from hostabi.responses import parse_response
from hostabi.rewrap import rewrap
from tests.hostabi.answering import raw

TAGS = st.sampled_from(["a", "b", "c", WILDCARD])
SETS = st.frozensets(TAGS)
PLAIN = st.frozensets(st.sampled_from("abcd"))
LABELS = st.builds(Labels, st.lists(TAGS, max_size=4).map(tuple), st.lists(TAGS, max_size=4).map(tuple))
ITEMS = st.lists(st.one_of(st.none(), LABELS), max_size=6).map(
    lambda found: [Item(i, one, LabelSource.OWN) for i, one in enumerate(found)]
)
OPERATIONS = st.sampled_from(list(Operation))


@given(SETS, SETS, SETS)
def test_union_and_intersection_are_a_lattice_s(a, b, c):
    for join in (union, intersection):
        assert join(a, b) == join(b, a)
        assert join(a, join(b, c)) == join(join(a, b), c) == join(a, b, c)
        assert join(a, a) == a
    assert union(a, frozenset()) == a
    assert union(a, intersection(a, b)) == intersection(a, union(a, b)) == a
    assert union(a, intersection(b, c)) == intersection(union(a, b), union(a, c))


@given(SETS, SETS, SETS)
def test_flow_is_a_preorder(a, b, c):
    assert secrecy_flows(a, a)
    if secrecy_flows(a, b) and secrecy_flows(b, c):
        assert secrecy_flows(a, c)


@given(PLAIN, PLAIN)
def test_flow_is_an_order_without_wildcards(a, b):
    assert (secrecy_flows(a, b) and secrecy_flows(b, a)) is (a == b)
    assert secrecy_flows(a, b) is (a <= b)


@given(SETS, SETS)
def test_integrity_flows_the_other_way(a, b):
    assert integrity_flows(a, b) is secrecy_flows(b, a)


@given(SETS, SETS, SETS)
def test_union_is_the_least_upper_bound(a, b, c):
    assert secrecy_flows(a, union(a, b))
    assert secrecy_flows(union(a, b), c) is (secrecy_flows(a, c) and secrecy_flows(b, c))


@given(SETS, SETS, PLAIN, PLAIN, PLAIN)
def test_intersection_is_a_lower_bound_and_the_greatest_without_wildcards(a, b, p, q, r):
    assert secrecy_flows(intersection(a, b), a)
    assert secrecy_flows(r, intersection(p, q)) is (secrecy_flows(r, p) and secrecy_flows(r, q))


@given(SETS, PLAIN)
def test_the_wildcard_is_one_sided(a, p):
    assert secrecy_flows(a, p | {WILDCARD})
    assert not secrecy_flows(a | {WILDCARD}, p)
    assert integrity_flows(p | {WILDCARD}, a)
    assert not integrity_flows(p, a | {WILDCARD})


@given(SETS, PLAIN)
def test_the_wildcard_has_no_power_in_union_and_intersection(a, p):
    assert intersection({WILDCARD}, p) == frozenset()
    assert union({WILDCARD}, a) == a | {WILDCARD}
    assert union(a, p) - {WILDCARD} == (a - {WILDCARD}) | p


@given(LABELS, LABELS)
def test_a_check_is_the_two_flows(agent, thing):
    check = Evaluator(agent).check
    reads = integrity_flows(frozenset(thing.integrity), agent.integrity) and secrecy_flows(
        thing.secrecy, frozenset(agent.secrecy)
    )
    writes = integrity_flows(frozenset(agent.integrity), thing.integrity) and secrecy_flows(
        agent.secrecy, frozenset(thing.secrecy)
    )
    assert check(Operation.READ, thing).allowed is reads
    assert check(Operation.WRITE, thing).allowed is writes
    assert check(Operation.READ_WRITE, thing).allowed is (reads and writes)


@given(LABELS, LABELS, OPERATIONS)
def test_every_reason_is_a_tag_that_one_side_has_and_the_other_lacks(agent, thing, operation):
    for reason in Evaluator(agent).check(operation, thing).reasons:
        kind = reason.rule.value
        mine, theirs = getattr(agent, kind), getattr(thing, kind)
        assert (reason.tag in mine) != (reason.tag in theirs)
        holder = {"missing": "the other", "extra": "it"}[reason.fault]
        has = reason.tag in (mine if reason.side.value == "agent" else theirs)
        assert has is (holder == "it")


@given(LABELS, LABELS, st.sampled_from("xyz"))
def test_more_secrecy_or_less_integrity_never_lets_a_read_through(agent, thing, tag):
    check = Evaluator(agent).check
    if not check(Operation.READ, thing).allowed:
        worse = Labels((*thing.secrecy, tag), thing.integrity)
        assert not check(Operation.READ, worse).allowed
        for i in range(len(thing.integrity)):
            worse = Labels(thing.secrecy, thing.integrity[:i] + thing.integrity[i + 1 :])
            assert not check(Operation.READ, worse).allowed


@given(LABELS, ITEMS, OPERATIONS)
def test_kept_and_dropped_are_all_and_modes_nest(agent, items, operation):
    kept = {}
    for mode in Mode:
        judged = judge(mode, operation, Evaluator(agent), items)
        assert [one.item for one in judged] == items
        assert all(one.kept is (one.kind is None) for one in judged)
        kept[mode] = {one.index for one in judged if one.kept}
        assert not any(items[i].labels is None for i in kept[mode])
    assert kept[Mode.STRICT] == kept[Mode.FILTER] <= kept[Mode.PROPAGATE]


@given(LABELS, LABELS, OPERATIONS)
def test_a_call_that_stops_in_propagate_stops_in_all_modes(agent, thing, operation):
    verdict = Evaluator(agent).check(operation, thing)
    go = {mode: proceeds(mode, operation, verdict) for mode in Mode}
    assert go[Mode.STRICT] is go[Mode.FILTER]
    assert go[Mode.PROPAGATE] or not go[Mode.FILTER]


@given(LABELS, st.lists(LABELS, max_size=4), st.lists(LABELS, max_size=4))
def test_what_was_read_may_be_read_again_in_strict(agent, first, second):
    agents = AgentRegistry()
    agents.grant("a", "g", Grant(b"", agent, Mode.PROPAGATE))
    for read in (first, second):
        before = agents.labels("a")
        change = agents.accumulate("a", taint_of(read), read)
        after = agents.labels("a")
        assert set(before.secrecy) <= set(after.secrecy)
        assert set(after.integrity) <= set(before.integrity)
        assert change == Taint(
            frozenset(after.secrecy) - frozenset(before.secrecy),
            frozenset(before.integrity) - frozenset(after.integrity),
        )
        for thing in read:
            assert Evaluator(after).check(Operation.READ, thing).allowed


@given(LABELS, st.lists(st.lists(LABELS, min_size=1, max_size=3), min_size=1, max_size=3), st.randoms())
def test_the_order_of_reading_makes_no_difference(agent, reads, random):
    ends = set()
    for _ in range(2):
        agents = AgentRegistry()
        agents.grant("a", "g", Grant(b"", agent, Mode.PROPAGATE))
        for read in reads:
            agents.accumulate("a", taint_of(read), read)
        labels = agents.labels("a")
        ends.add((frozenset(labels.secrecy), frozenset(labels.integrity)))
        random.shuffle(reads)
    assert len(ends) == 1


# -- results ------------------------------------------------------------------

WORDS = st.text("pqrst\"\\/~ é", min_size=1, max_size=6)
NOISE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=5,
)  # fmt: skip


@st.composite
def results(draw):
    """A result with marked items, traces of them all around, and the path to the array."""
    count = draw(st.integers(0, 4))
    items = [draw(st.sampled_from([f"<{i}>", {f"<{i}>": 1}, [[f"<{i}>"]], {"n": f"<{i}>"}])) for i in range(count)]
    traces = [f"<{i}>" for i in range(count)] + items + [items, {"result": items}, f"all: {items}"]
    around = st.one_of(NOISE, st.sampled_from(traces))
    names = st.one_of(WORDS, st.sampled_from(["total", "isError", "hasMore", *(f"<{i}>" for i in range(count))]))
    node, path = items, ""
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            before = draw(st.lists(around, max_size=2))
            path = f"/{len(before)}{path}"
            node = [*before, node, *draw(st.lists(around, max_size=2))]
        else:
            key = draw(st.sampled_from(["items", "a/b", "c~d"]))
            members = draw(st.dictionaries(names, around, max_size=3))
            members.pop(key, None)
            path = "/" + key.replace("~", "~0").replace("/", "~1") + path
            node = {**members, key: node}
    if draw(st.booleans()):
        structured = draw(st.one_of(around, st.just(node), st.just({"result": node})))
        more = {"structuredContent": structured, "_meta": draw(around), "isError": False}
        extra = draw(st.lists(st.sampled_from([{"type": "image", "data": f"<{i}>"} for i in range(4)]), max_size=2))
        node = {"content": [{"type": "text", "text": json.dumps(node)}, *extra], **more}
    return node, path, count


@given(results(), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans(), st.booleans())
def test_d20_nothing_of_a_dropped_item_is_in_the_result(made, keep, whole, by_item):
    result, path, count = made
    before = json.dumps(result)
    response = parse_response(raw({"labeled_paths": [], "default_labels": {}, "items_path": path}), result)
    if by_item:
        answer = {"items": [{"data": item.data, "labels": {}} for item in response.items]}
        response = parse_response(raw(answer), result)
        if response is None:
            return
    kept = keep[: len(response.items)] if response.collection else [keep[0]]
    built = json.dumps(rewrap(result, response, kept, whole=whole).result)
    if response.collection:
        for i in range(count):
            if not kept[i]:
                assert f"<{i}>" not in built
            else:
                assert f"<{i}>" in built
    elif not kept[0]:
        assert not any(f"<{i}>" in built for i in range(count))
    assert json.dumps(result) == before
