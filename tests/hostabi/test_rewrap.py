"""Filtered results keep their envelope, and nothing of a dropped item stays in them (D20)."""

from __future__ import annotations

import copy
import json

import pytest

from hostabi import Pipeline
from hostabi.errors import PayloadError, ResponseLabellingError
from hostabi.labels import Item, Labels, LabelSource, ResponseLabels
from hostabi.paths import unwrap, walk
from hostabi.presented import MAX_REMOVED, present, same
from hostabi.responses import parse_response
from hostabi.rewrap import rewrap, with_notice
from tests.hostabi.answering import Answering, agent, resource
from tests.hostabi.answering import by_path as labels_by_path

A, B, C = {"t": "alpha"}, {"t": "beta"}, {"t": "gamma"}


def by_path(result, items_path=""):
    """A path-format answer's items for ``result``."""
    doc = {"labeled_paths": [], "default_labels": {}, "items_path": items_path}
    return parse_response(json.dumps(doc).encode(), result)


def by_item(*data):
    items = tuple(Item(d, Labels(), LabelSource.OWN) for d in data)
    return ResponseLabels(items, "items", True, b"")


def wrap(value, **more):
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}], **more}


def text(result):
    return json.loads(result["content"][0]["text"])


def test_d20_what_is_all_kept_and_whole_is_handed_on_as_it_is():
    for result, path in (
        ([A, B], ""), ({"items": [A, B], "more": "x"}, "/items"),
        (wrap([A, B], structuredContent={"r": [A, B]}, _meta={}, isError=False, resultType="complete"), ""),
        (wrap("no json"), ""), (wrap("no json", structuredContent={"result": "no json"}), ""),
        ({"content": [*elements("x y"), {"type": "image", "data": "alpha"}]}, ""),
    ):  # fmt: skip
        response = by_path(result, path)
        assert rewrap(result, response, [True] * len(response.items), whole=True) == (result, ())


def test_d20_a_bare_array():
    assert rewrap([A, B, C], by_path([A, B, C]), [True, False, True], whole=True).result == [A, C]
    assert rewrap([A], by_path([A]), [False], whole=True).result == []


def test_d20_a_container_keeps_flags_and_counts_alone():
    result = {
        "total_count": 30, "incomplete_results": False, "items": [A, B, C], "summary": "beta",
        "beta": None, "total": "3", "count": True, "hasMore": "beta", "next": {"total": 3}, "truncated": None,
    }  # fmt: skip
    before = copy.deepcopy(result)
    built, removed = rewrap(result, by_path(result, "/items"), [True, False, True], whole=True)
    assert built == {"total_count": 29, "incomplete_results": False, "items": [A, C], "truncated": None}
    assert set(removed) == {"/summary", "/beta", "/total", "/count", "/hasMore", "/next"}
    assert result == before


def test_d20_a_count_is_never_less_than_what_is_there():
    result = {"total_count": 1, "items": [A, B, C]}
    assert rewrap(result, by_path(result, "/items"), [True, True, False], whole=True).result["total_count"] == 2


def test_d20_where_the_agent_may_not_read_the_resource_no_sibling_goes_through():
    result = {"total_count": 2, "items": [A, B], "summary": "of all"}
    built, removed = rewrap(result, by_path(result, "/items"), [True, True], whole=False)
    assert (built, removed) == ({"total_count": 2, "items": [A, B]}, ("/summary",))
    mcp = wrap([A, B], _meta={"x": 1}, structuredContent={"result": [A, B]}, isError=False)
    built, removed = rewrap(mcp, by_path(mcp), [True, True], whole=False)
    assert (text(built), built["structuredContent"]) == ([A, B], {"result": [A, B]})
    assert (built["isError"], removed) == (False, ("/_meta",))


def test_d20_arrays_on_the_way_keep_the_one_element():
    result = {"pages": [{"items": [C]}, {"items": [A, B], "x": "beta"}]}
    built, removed = rewrap(result, by_path(result, "/pages/1/items"), [True, False], whole=True)
    assert built == {"pages": [{"items": [A]}]}
    assert set(removed) == {"/pages/*", "/pages/1/x"}


def test_d20_keys_with_slashes_and_tildes():
    result = {"a/b": {"~": [A, B]}, "c/d~": "beta"}
    built, removed = rewrap(result, by_path(result, "/a~1b/~0"), [False, True], whole=True)
    assert (built, removed) == ({"a/b": {"~": [B]}}, ("/c~1d~0",))


def test_d20_mcp_text_is_written_anew():
    result = wrap({"n": 2, "items": [A, B]}, _meta={"beta": 1})
    result["content"][0]["annotations"] = {"title": "beta"}
    result["content"].append({"type": "image", "data": "beta", "mimeType": "image/png"})
    built, removed = rewrap(result, by_path(result, "/items"), [True, False], whole=True)
    assert built == {"content": [{"type": "text", "text": '{"items":[{"t":"alpha"}]}'}]}
    assert set(removed) == {"content#/n", "/content/*", "/_meta"}


def test_d20_text_in_several_elements_becomes_one():
    whole = json.dumps([A, B], ensure_ascii=False)
    result = {"content": [{"type": "text", "text": whole[:9]}, {"type": "text", "text": whole[9:]}]}
    assert text(rewrap(result, by_path(result), [False, True], whole=True).result) == [B]


@pytest.mark.parametrize(
    ("own", "path", "structured", "expected"),
    [
        ({"items": [A, B]}, "/items", {"items": [A, B]}, {"items": [A]}),
        ([A, B], "", {"result": [A, B]}, {"result": [A]}),
        ({"items": [A, B]}, "/items", {"result": {"items": [A, B]}}, {"result": {"items": [A]}}),
        # What says anything else, or more, is left out.
        ([A, B], "", {"result": [A, B], "more": 1}, None),
        ([A, B], "", {"result": [B, A]}, None),
        ([1, 0], "", {"result": [True, False]}, None),
        ([1, 0], "", {"result": [1.0, 0]}, None),
        ([A, B], "", [A, B], None), ([A, B], "", {"x": {}}, None),
        ([A, B], "", {"result": json.dumps([A, B])}, {"result": '[{"t":"alpha"}]'}),
    ],
)  # fmt: skip
def test_d20_structured_content_stays_in_step_or_goes(own, path, structured, expected):
    result = wrap(own, structuredContent=structured)
    built, removed = rewrap(result, by_path(result, path), [True, False], whole=True)
    assert built.get("structuredContent") == expected
    assert removed == (() if expected else ("/structuredContent",))


def elements(*values):
    return [{"type": "text", "text": v if isinstance(v, str) else json.dumps(v)} for v in values]


@pytest.mark.parametrize("key", ["result", "found"])
def test_d20_one_element_for_each_item(key):
    result = {"content": elements(A, "b", C), "structuredContent": {key: [A, "b", C]}, "isError": False}
    shown = present(result)
    assert (shown.own, shown.covered) == ([A, "b", C], True)
    assert text(shown.shown) == [A, "b", C]
    built, removed = rewrap(result, by_path(shown.shown), [True, False, True], whole=True)
    assert built == {"content": elements(A, C), "structuredContent": {key: [A, C]}, "isError": False}
    assert removed == ()
    assert rewrap(result, by_path(shown.shown), [True] * 3, whole=True).result is result
    one = {"content": elements(A), "structuredContent": {key: [A]}}
    assert text(present(one).shown) == [A]
    none = {"content": [], "structuredContent": {key: []}}
    assert (present(none).own, present(none).whole) == ([], none)


@pytest.mark.parametrize("members", [[A, "b"], [A, "x", C], [A, "b", B], [A, "b", {**C, "more": 1}]])
def test_d20_elements_that_do_not_say_what_the_items_are_go(members):
    result = {"content": elements(A, "b", C), "structuredContent": {"result": members}, "isError": False}
    shown = present(result)
    assert (shown.own, shown.covered, shown.removed) == (members, False, ("/content/*",))
    keep = [i != 1 for i in range(len(members))]
    built, removed = rewrap(result, by_path(shown.shown), keep, whole=True)
    left = [m for m, one in zip(members, keep) if one]
    assert (text(built), built["structuredContent"], removed) == (left, {"result": left}, ("/content/*",))


def test_d20_items_in_the_structured_content_make_the_text():
    result = {"content": elements("alpha and", "beta"), "structuredContent": {"hits": [A, B], "more": "x"}}
    response = by_path(present(result).shown, "/hits")
    built, removed = rewrap(result, response, [True, False], whole=True)
    left = {"hits": [A]}
    assert (text(built), built["structuredContent"]) == (left, left)
    assert set(removed) == {"content#/more", "/content/*"}
    built, removed = rewrap(result, response, [True, True], whole=True)
    assert (text(built), built["structuredContent"]) == (result["structuredContent"],) * 2
    assert removed == ("/content/*",)


RESOURCE = {"type": "resource", "resource": {"uri": "x:y", "text": json.dumps(B)}}
LINK = {"type": "resource_link", "uri": "x:beta", "name": "beta"}


@pytest.mark.parametrize(
    ("result", "own"),
    [
        # Beside the text.
        (wrap([A], structuredContent={"items": [B]}), [A]), (wrap([A], structuredContent={"result": [A, B]}), [A]),
        (wrap([A], structuredContent=[B]), [A]), (wrap([A], _meta={"x": B}), [A]), (wrap([A], more=B), [A]),
        (wrap([A], resultType=B), [A]), (wrap([A], isError=B), [A]), (wrap([], structuredContent={"items": [B]}), []),
        ({"content": [*elements([A]), RESOURCE]}, [A]), ({"content": [*elements([A]), LINK]}, [A]),
        ({"content": [{"type": "text", "text": "[]", "_meta": B}]}, []), ({"content": [{"type": "odd", "text": "[]", "x": B}]}, []),
        ({"content": ["beta", *elements([A])]}, [A]), ({"content": "beta", "structuredContent": [A]}, [A]),
        # In the text.
        ({"content": [{"type": "text", "text": '{"a":{"t":"beta"},"a":1}'}]}, {"a": 1}),
        ({"content": [{"type": "text", "text": '{"a":{"a":"beta","a":[1]}}'}]}, {"a": {"a": [1]}}),
        ({"content": elements([A], "note: beta")}, [A]), ({"content": elements("beta", "and", A)}, A),
        ({"content": [{"type": "text", "text": '{"a":"beta","a":1}'}, *elements(A, "beta")]}, [{"a": 1}, A]),
        ({"content": [*elements("beta"), {"type": "resource", "resource": {"text": json.dumps(A)}}]}, A),
        # No JSON: what the guard sees is all there is.
        (wrap("no json", _meta=B), None), (wrap("no json", more=B), None),
    ],
)  # fmt: skip
def test_d20_what_stands_beside_what_the_guard_was_shown_does_not_go_on(result, own):
    before = copy.deepcopy(result)
    shown = present(result)
    assert shown.own == (shown.shown if own is None else own)
    assert "beta" not in json.dumps(shown.shown)
    assert "beta" not in json.dumps(shown.whole)
    assert unwrap(shown.shown) == shown.own
    response = by_path(shown.shown)
    for whole in (True, False):
        assert "beta" not in json.dumps(rewrap(result, response, [True] * len(response.items), whole=whole).result)
    assert result == before
    assert present(shown.shown).covered


def test_d20_several_texts_that_are_json_are_a_list():
    result = {"content": elements(A, B, C)}
    shown = present(result)
    assert (shown.own, shown.covered, shown.whole is result) == ([A, B, C], True, True)
    built, removed = rewrap(result, by_path(shown.shown), [True, False, True], whole=True)
    assert ([json.loads(e["text"]) for e in built["content"]], removed) == ([A, C], ())


def test_d20_one_text_in_several_elements_stays_as_it_is():
    result = {"content": [{"type": "text", "text": '[{"t":'}, {"type": "text", "text": '"alpha"}]'}]}
    assert present(result).whole is result


def test_d20_what_is_no_mcp_result_is_shown_as_it_is():
    for result in ([A], 7, None, {"items": [A], "_meta": B}, {"content": [1], "x": 2}, {"content": "x", "y": 1}):
        assert present(result) == (result, result, result, None, True, (), False)


def test_d20_a_result_that_is_too_deep_is_a_typed_error():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PayloadError):
        present({"content": [], "structuredContent": {"x": deep}})
    while deep:
        deep = deep.pop()


def test_d20_one_thing_is_all_or_nothing():
    for result in ({"title": "x"}, wrap("no json"), wrap({"title": "x"}, _meta={})):
        response = by_path(result)
        assert not response.collection
        for whole in (True, False):
            assert rewrap(result, response, [True], whole=whole).result is result
    assert rewrap({"title": "x"}, by_path({"title": "x"}), [False], whole=True).result == []
    assert rewrap(wrap("x y"), by_path(wrap("x y")), [False], whole=True).result == wrap("[]")


def test_d20_item_format_finds_its_array():
    result = {"total_count": 2, "found": [A, B], "q": "beta"}
    built, removed = rewrap(result, by_item(A, B), [True, False], whole=True)
    assert (built, removed) == ({"total_count": 1, "found": [A]}, ("/q",))
    assert rewrap(result, by_item(A, B), [True, True], whole=True).result is result
    assert text(rewrap(wrap([A, B]), by_item(A, B), [False, True], whole=True).result) == [B]
    assert rewrap([A, B], by_item(A, B), [True, True], whole=True).result == [A, B]
    assert rewrap(A, by_item(A), [True], whole=False).result == A
    assert rewrap(A, by_item(A), [False], whole=False).result == []
    assert text(rewrap(wrap(A, _meta={"m": 1}), by_item(A), [True], whole=False).result) == A


def test_d20_what_an_item_format_answer_changes_or_leaves_out_is_what_the_agent_gets():
    # The guard left B out, and a word out of A.
    short = {"t": "a"}
    for result in ([A, B], {"found": [A, B]}, wrap([A, B])):
        built = rewrap(result, by_item(short), [True], whole=True).result
        assert (text(built) if isinstance(built, dict) else built) == [short]


def test_d20_elements_of_a_content_that_is_no_mcp_result():
    result = {"content": [1, 2, 3], "x": "2"}
    assert rewrap(result, by_path(result, "/content"), [True, False, True], whole=True).result == {"content": [1, 3]}


def test_what_was_removed_is_bounded():
    result = {f"key {i}": i for i in range(1000)}
    result["items"] = [A]
    assert len(rewrap(result, by_path(result, "/items"), [False], whole=True).removed) == MAX_REMOVED


def test_a_notice_is_one_more_element():
    assert with_notice(wrap([A]), "n") == {"content": [*wrap([A])["content"], {"type": "text", "text": "n"}]}
    assert with_notice([A], "n") == [A]
    assert with_notice({"content": [1]}, "n") == {"content": [1]}


def test_what_is_no_json_after_all_is_a_typed_error():
    result = {"content": elements("x", "y"), "found": [object(), B]}
    with pytest.raises(PayloadError) as caught:
        rewrap(result, by_path(result, "/found"), [True, False], whole=True)
    assert caught.value.reason == "type"
    # The pipeline hands nothing on.
    own = [{"integrity": ["i"]}, {}]
    guard = Answering(agent((), ("i",)), resource((), ("i",)), labels_by_path(*own, items_path="/found"))
    with pytest.raises(ResponseLabellingError):
        Pipeline(guard, policy={}).call("a", "list_x", {}, lambda name, args: result)


def test_sameness_is_json_s():
    assert same({"a": 1, "b": [None]}, {"b": [None], "a": 1})
    for first, second in ((1, 1.0), (1, True), ([], {}), ("1", 1), (object(), 1)):
        assert not same(first, second)


def test_the_array_is_where_the_path_leads():
    result = {"a": {"b": [1, 2]}}
    assert walk(rewrap(result, by_path(result, "a//b"), [True, False], whole=True).result, "/a/b") == [1]
