"""Nothing malformed ever widens what an agent may see: over all modes, end to end.

What belongs here: a guard that answers well, the same guard with one answer
broken, and a pipeline around each.  Whatever of the result reaches the agent
with the broken answer also reached it with the good one; or a typed error
came, and nothing reached it.

What counts as broken is said here, apart from the reader: a value of a type
that its place does not have, a key that nobody knows or that is missing, text
that is no JSON or not UTF-8, a key twice, a path that leads nowhere.  An
answer that is well-formed and says something else is another answer; whoever
trusts a guard trusts it with that.

The same for the other side: what a tool says beside what the guard was shown
never reaches the agent, wherever in the result it stands.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hostabi import Pipeline
from hostabi.errors import GuardError
from tests.hostabi.answering import Answering, raw

MODES = ("strict", "filter", "propagate")
TAGS = st.lists(st.sampled_from(["a", "b", "*"]), max_size=2, unique=True)
LABELS = st.fixed_dictionaries({"secrecy": TAGS, "integrity": TAGS, "description": st.just("it")})
MARKS = [f"<{i}>" for i in range(4)]


# -- what is well-formed ------------------------------------------------------


def tags(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


def fields(doc: Any, **kinds: Callable[[Any], bool]) -> bool:
    """Whether ``doc`` is an object that has members of these kinds alone."""
    return isinstance(doc, dict) and all(key in kinds and kinds[key](doc[key]) for key in doc)


def text(value: Any) -> bool:
    return isinstance(value, str)


def anything(value: Any) -> bool:
    return True


def labels_are(value: Any) -> bool:
    return fields(value, secrecy=tags, integrity=tags, description=text)


def nullable(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or kind(value)


def agent_is_well_formed(doc: Any) -> bool:
    policy = nullable(lambda v: isinstance(v, dict))
    return fields(doc, agent=labels_are, difc_mode=text, normalized_policy=policy) and doc.get("difc_mode") in MODES


def resource_is_well_formed(doc: Any) -> bool:
    return (
        isinstance(doc, dict) and labels_are(doc.get("resource"))
        and doc.get("operation") in ("read", "write", "read-write")
    )  # fmt: skip


def response_is_well_formed(doc: Any) -> bool:
    if not isinstance(doc, dict):
        return doc is None
    if "labeled_paths" in doc:
        entries = doc["labeled_paths"]
        return (
            fields(doc, labeled_paths=lambda v: isinstance(v, list), default_labels=nullable(labels_are),
                   items_path=nullable(text), items=anything)
            and all(isinstance(e, dict) and text(e.get("path")) and labels_are(e.get("labels")) for e in entries)
            and len({e["path"] for e in entries}) == len(entries)
        )  # fmt: skip
    return fields(doc, items=lambda v: isinstance(v, list)) and all(
        isinstance(i, dict) and labels_are(i.get("labels")) for i in doc.get("items", [])
    )


WELL_FORMED = {
    "agent": agent_is_well_formed, "resource": resource_is_well_formed, "response": response_is_well_formed,
}  # fmt: skip


# -- good sessions ------------------------------------------------------------


@st.composite
def sessions(draw: Any, forms: Tuple[str, ...] = ("paths", "items", "none")) -> Tuple[Dict[str, Any], Any, str]:
    """Three answers, the last in one of ``forms``, the tool's result, and the tool's name.

    Where paths are the only form there is at least one.
    """
    count = draw(st.integers(1, 4))
    data = [{"mark": mark} for mark in MARKS[:count]]
    shape = draw(st.sampled_from(["array", "object", "whole"]))
    bare = {"array": data, "object": {"total": count, "items": data, "more": MARKS[0]}, "whole": {"all": data}}[shape]
    result = bare
    if draw(st.booleans()):
        result = {"content": [{"type": "text", "text": json.dumps(bare)}], "structuredContent": {"result": bare}}
    own = draw(st.lists(LABELS, min_size=count, max_size=count))
    response: Dict[str, Any] = {}
    form = draw(st.sampled_from(forms))
    path = "/items" if shape == "object" else ""
    if form == "paths":
        named = draw(st.lists(st.booleans(), min_size=count, max_size=count))
        named[-1] = named[-1] or len(forms) == 1
        response = {
            "labeled_paths": [{"path": f"{path}/{i}", "labels": one} for i, one in enumerate(own) if named[i]],
            "items_path": path,
        }  # fmt: skip
        if draw(st.booleans()):
            response["default_labels"] = draw(LABELS)
    elif form == "items":
        response = {"items": [{"data": d, "labels": one} for d, one in zip(data, own)]}
    labels = draw(LABELS)
    answers = {
        "agent": {"agent": {"secrecy": draw(TAGS), "integrity": draw(TAGS)}, "difc_mode": draw(st.sampled_from(MODES))},
        "resource": {"resource": labels, "operation": draw(st.sampled_from(["read", "read", "write", "read-write"]))},
        "response": response,
    }
    return answers, result, draw(st.sampled_from(["list_x", "get_x"]))


# -- breaking them ------------------------------------------------------------

JUNKS: List[Any] = (
    [None, True, 0, -1, 1.5, "", "x", "READ", [], [1], [None], ["x", 1], ["x", None], [[]], {}, {"x": "y"},
     {"secrecy": "x"}, {"secrecy": [1], "integrity": ["x"]}, [{}], "/0", {"labels": {}}]
)  # fmt: skip
"""What stands where something else should; no tag in it is one that anybody has."""
JUNK = st.sampled_from(JUNKS)


def places(node: Any) -> List[Tuple[Any, Any]]:
    """Every place in a document: the container and the key in it."""
    found: List[Tuple[Any, Any]] = []
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        found.append((node, key))
        found += places(node[key])
    return found


@st.composite
def broken(draw: Any, answer: Any) -> Any:
    """``answer`` with something else in up to three places."""
    root = [json.loads(json.dumps(answer))]
    for _ in range(draw(st.integers(1, 3))):
        where = places(root)
        node, key = where[draw(st.integers(0, len(where) - 1))]
        junk = json.loads(json.dumps(draw(JUNK)))
        if isinstance(node, list) and node is not root and draw(st.booleans()):
            node.insert(key, junk)
        else:
            node[key] = junk
    return root[0]


SPELLINGS: List[Callable[[str], str]] = [
    str.upper, str.capitalize, lambda key: key + "s", lambda key: key[:-1], lambda key: key.replace("_", ""),
    lambda key: f" {key}", lambda key: "x",
]  # fmt: skip


@st.composite
def misspelt(draw: Any, answer: Any) -> Any:
    """``answer`` with a key that is renamed, gone, or there again with something else in another spelling."""
    copy = json.loads(json.dumps(answer))
    keys = [(node, key) for node, key in places(copy) if isinstance(node, dict)]
    assume(keys)
    node, key = draw(st.sampled_from(keys))
    spelling = draw(st.sampled_from(SPELLINGS))(key)
    how = draw(st.sampled_from(["renamed", "gone", "twice"]))
    if how == "twice":
        node[spelling] = draw(JUNK)
    else:
        value = node.pop(key)
        if how == "renamed":
            node[spelling] = value
    return copy


LOST = ["", "/", "/x", "/x/0", "/items", "/items/x", "/items//0", "/99", "/-1", "/0x", "/Items/0"]


@st.composite
def astray(draw: Any, answer: Any) -> Any:
    """A path-format answer of which a path leads elsewhere, or says another thing of an item again."""
    copy = json.loads(json.dumps(answer))
    entry = draw(st.sampled_from(copy["labeled_paths"]))
    how = draw(st.sampled_from(["path", "items_path", "again"]))
    if how == "path":
        entry["path"] = draw(st.sampled_from(LOST))
    elif how == "items_path":
        copy["items_path"] += "/"
    else:
        copy["labeled_paths"].append({"path": entry["path"] + "/more", "labels": draw(LABELS)})
    return copy


@st.composite
def broken_bytes(draw: Any, answer: Any) -> bytes:
    """The bytes of ``answer``, damaged: cut short, more behind, not UTF-8, a key twice."""
    good = json.dumps(answer).encode()
    at = draw(st.integers(1, len(good) - 1))
    kind = draw(st.sampled_from(["cut", "more", "byte", "twice", "surrogate", "number", "deep"]))
    if kind == "cut":
        return good[:at]
    if kind == "more":
        return good + draw(st.sampled_from([b"{}", b"]", b"\0", b"null"]))
    if kind == "byte":
        return good[:at] + draw(st.sampled_from([b"\xff", b"\x00", b"\x80\x80", b'"'])) + good[at:]
    inside = {
        "surrogate": b'"x":"\\ud800",', "number": b'"x":1e999,', "deep": b'"x":' + b"[" * 600 + b"]" * 600 + b",",
        "twice": b"".join(
            json.dumps(key).encode() + b":" + json.dumps(draw(JUNK)).encode() + b"," for key in answer
        ),
    }[kind]  # fmt: skip
    return good[:1] + inside + good[1:] if good != b"{}" else b"{" + inside[:-1]


# -- the property -------------------------------------------------------------


def seen(answers: Dict[str, Any], result: Any, tool: str) -> Set[str]:
    """Which of the marks reach the agent; all that is raised is typed."""
    guard = Answering(*(raw(answers[which]) for which in ("agent", "resource", "response")))
    pipeline = Pipeline(guard, policy={"any": 1})
    try:
        outcome = pipeline.call("agent", tool, {}, lambda name, args: result)
    except GuardError:
        return set()
    assert outcome.kept + outcome.dropped == outcome.total
    assert outcome.allowed is (outcome.denial is None)
    if not outcome.allowed:
        assert outcome.result is None
        return set()
    shown = json.dumps(outcome.result)
    return {mark for mark in MARKS if mark in shown}


def nearest(good: Dict[str, Any], worse: Dict[str, Any]) -> Dict[str, Any]:
    """The good answers, with the resource's labels of the worse ones where these are well-formed.

    Such labels are another answer, even where the operation beside them is broken.
    """
    resource = worse["resource"]
    if not isinstance(resource, dict) or not labels_are(resource.get("resource")):
        return good
    return {**good, "resource": {**good["resource"], "resource": resource["resource"]}}


several = settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])


@several
@given(sessions(), st.sampled_from(sorted(WELL_FORMED)), st.data())
def test_a_wrong_type_anywhere_shows_the_agent_nothing_more(session, which, data):
    answers, result, tool = session
    worse = data.draw(broken(answers[which]), label="broken")
    assume(not WELL_FORMED[which](worse))
    all_three = {**answers, which: worse}
    assert seen(all_three, result, tool) <= seen(nearest(answers, all_three), result, tool)


@several
@given(sessions(), st.sampled_from(sorted(WELL_FORMED)), st.data())
def test_damaged_bytes_show_the_agent_nothing_more(session, which, data):
    answers, result, tool = session
    worse = data.draw(broken_bytes(answers[which]), label="broken")
    assert seen({**answers, which: worse}, result, tool) <= seen(answers, result, tool)


@several
@given(sessions(), st.sampled_from(sorted(WELL_FORMED)), st.data())
def test_a_misspelt_or_missing_key_shows_the_agent_nothing_more(session, which, data):
    answers, result, tool = session
    worse = data.draw(misspelt(answers[which]), label="misspelt")
    assume(not WELL_FORMED[which](worse))
    assert seen({**answers, which: worse}, result, tool) <= seen(answers, result, tool)


@several
@given(sessions(("paths",)), st.data())
def test_a_path_that_leads_nowhere_shows_the_agent_nothing_more(session, data):
    answers, result, tool = session
    # Of a read: what is also written to may be withheld for being less secret than the agent.
    answers = {**answers, "resource": {**answers["resource"], "operation": "read"}}
    worse = data.draw(astray(answers["response"]), label="astray")
    assert seen({**answers, "response": worse}, result, tool) <= seen(answers, result, tool)


@several
@given(sessions(), st.data())
def test_all_three_answers_broken_at_once_show_the_agent_nothing_more(session, data):
    answers, result, tool = session
    worse = {which: data.draw(broken(answer), label=which) for which, answer in answers.items()}
    changed = [which for which in worse if worse[which] != answers[which]]
    assume(not any(WELL_FORMED[which](worse[which]) for which in changed))
    assert seen(worse, result, tool) <= seen(nearest(answers, worse), result, tool)


# -- beside what the guard was shown ---------------------------------------------

HIDDEN = "<hidden>"
SAID = st.sampled_from([{"mark": HIDDEN}, [{"mark": HIDDEN}], {"items": [{"mark": HIDDEN}]}, {"result": [{"mark": HIDDEN}]}])
FINE_ITEMS = st.sampled_from([[], [{"mark": "<0>"}], [{"mark": "<0>"}, {"mark": "<1>"}]])


def element(value: Any, **more: Any) -> Dict[str, Any]:
    return {"type": "text", "text": value if isinstance(value, str) else json.dumps(value), **more}


@st.composite
def results(draw: Any) -> Any:
    """An MCP result that has ``HIDDEN`` somewhere in JSON, once or in several ways."""
    items = draw(FINE_ITEMS)
    said = draw(SAID)
    texts = [
        [element(items)], [element({"items": items})], [], [element("Found some.")], [element(one) for one in items],
        [element(one) for one in [*items, said]], [element(items), element("a note")], [element(said), element("a note")],
        [element('{"items":%s,"items":%s}' % (json.dumps([said]), json.dumps(items)))],
        [element('{"items":[{"a":%s,"a":1}]}' % json.dumps(said))], [element(json.dumps(items)[:3]), element(json.dumps(items)[3:])],
    ]  # fmt: skip
    content = list(draw(st.sampled_from(texts)))
    beside = [
        element("[]", _meta=said), {"type": "resource", "resource": {"uri": "x:y", "text": json.dumps(said)}},
        {"type": "odd", "more": said}, {"type": "text", "text": json.dumps(said)},
    ]  # fmt: skip
    if content and draw(st.booleans()):
        content.insert(draw(st.integers(0, len(content))), draw(st.sampled_from(beside)))
    result: Dict[str, Any] = {"content": content}
    for key in draw(st.sets(st.sampled_from(["structuredContent", "_meta", "more", "isError", "resultType"]), max_size=3)):
        result[key] = draw(st.sampled_from([said, {"items": [*items, said]}, {"result": [*items, said]}, [said]]))
    return result


def reads_the_text(result: Any) -> Dict[str, Any]:
    """What a guard answers that reads the text, finds the hidden thing secret, and what is no JSON public."""
    texts = "".join(e["text"] for e in result.get("content", []) if isinstance(e.get("text"), str) and e["type"] == "text")
    try:
        value = json.loads(texts)
    except ValueError:
        return {"labeled_paths": [], "default_labels": {"secrecy": [], "integrity": ["a"]}}
    path = "/items" if isinstance(value, dict) and isinstance(value.get("items"), list) else ""
    own = [{"secrecy": ["s"] if HIDDEN in json.dumps(one) else [], "integrity": ["a"]}
           for one in (value["items"] if path else value if isinstance(value, list) else [value])]  # fmt: skip
    if not own:
        return {}
    if not path and not isinstance(value, list):
        return {"labeled_paths": [], "default_labels": own[0]}
    return {"items_path": path, "labeled_paths": [{"path": f"{path}/{i}", "labels": one} for i, one in enumerate(own)]}


@several
@given(results(), st.sampled_from(["strict", "filter"]), st.sampled_from(["list_x", "get_x"]))
def test_what_a_guard_that_reads_the_text_calls_secret_is_not_shown_from_elsewhere(result, mode, tool):
    # An element that says nothing in JSON is for the guard to see: it is shown all of them.
    assume(any(e["type"] == "text" for e in result["content"]) or not any(e["type"] == "odd" for e in result["content"]))
    assume(not (all(e.get("text") in ("Found some.", None) for e in result["content"]) and "structuredContent" not in result))
    agent = {"agent": {"secrecy": [], "integrity": ["a"]}, "difc_mode": mode}
    resource = {"resource": {"secrecy": [], "integrity": ["a"]}, "operation": "read"}
    guard = Answering(agent, resource, lambda shown: reads_the_text(shown))
    try:
        outcome = Pipeline(guard, policy={}).call("agent", tool, {}, lambda name, args: result)
    except GuardError:
        return
    assert HIDDEN not in json.dumps(outcome.result)


@several
@given(sessions(), st.dictionaries(st.sampled_from(["structuredContent", "_meta", "more"]), SAID, min_size=1), st.booleans())
def test_what_stands_beside_the_text_shows_the_agent_nothing_more(session, beside, element_too):
    answers, result, tool = session
    answers = {**answers, "resource": {**answers["resource"], "operation": "read"}}
    if not isinstance(result, dict) or "content" not in result:
        result = {"content": [{"type": "text", "text": json.dumps(result)}]}
    more = {**result, **beside}
    if element_too:
        more["content"] = [*result["content"], {"type": "image", "data": HIDDEN, "mimeType": "x/y"}]
    guard = Answering(*(raw(answers[which]) for which in ("agent", "resource", "response")))
    try:
        outcome = Pipeline(guard, policy={}).call("agent", tool, {}, lambda name, args: more)
    except GuardError:
        return
    assert HIDDEN not in json.dumps(outcome.result)
    assert seen(answers, more, tool) <= seen(answers, result, tool)


# -- the same, place by place -------------------------------------------------

FINE, SECRET, POOR = ({"secrecy": s, "integrity": i, "description": "it"} for s, i in ((["a"], ["a"]), (["b"], ["a"]), (["a"], [])))
DATA = [{"mark": mark} for mark in MARKS[:3]]


def by_path(*own: Any, **more: Any) -> Dict[str, Any]:
    paths = [{"path": f"/{i}", "labels": one} for i, one in enumerate(own) if one is not None]
    return {"labeled_paths": paths, **more}


RESPONSES = [
    {}, by_path(FINE, SECRET, POOR), by_path(None, SECRET, POOR, default_labels=FINE, items_path=""),
    by_path(FINE, default_labels=SECRET), {"items": [{"data": d, "labels": one} for d, one in zip(DATA, (FINE, SECRET, POOR))]},
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", ["read", "write", "read-write"])
def test_junk_in_every_place_shows_the_agent_nothing_more(mode, operation):
    for mine in (["a"], ["a", "c"]):
        agent = {"agent": {"secrecy": ["a"], "integrity": mine}, "difc_mode": mode}
        for labels in (FINE, SECRET, POOR, {"secrecy": ["a"], "integrity": ["a", "c", "d"]}):
            for number, response in enumerate(RESPONSES):
                answers = {"agent": agent, "resource": {"resource": labels, "operation": operation}, "response": response}
                good = seen(answers, DATA, "list_x")
                for which in ["agent", "resource"] if number < 2 else []:
                    nothing_more(answers, which, good)
                if mine == ["a"] and labels in (FINE, SECRET):
                    nothing_more(answers, "response", good)


def nothing_more(answers: Dict[str, Any], which: str, good: Set[str]) -> None:
    for worse in every_junk(answers[which]):
        if not WELL_FORMED[which](worse):
            assert seen({**answers, which: worse}, DATA, "list_x") <= good, (answers, worse)


def every_junk(answer: Any) -> Iterator[Any]:
    """``answer`` with each junk in each place, and before and after each element."""
    for number, (holder, _) in enumerate(places(answer)):
        for junk in JUNKS:
            for how in (None, 0, 1) if isinstance(holder, list) else (None,):
                copy = json.loads(json.dumps(answer))
                node, key = places(copy)[number]
                if how is None:
                    node[key] = junk
                else:
                    node.insert(key + how, junk)
                yield copy


@given(sessions())
def test_good_sessions_are_well_formed(session):
    answers, _, _ = session
    for which, answer in answers.items():
        assert WELL_FORMED[which](answer)


@given(sessions(), st.binary(max_size=40), st.sampled_from(sorted(WELL_FORMED)))
def test_any_bytes_at_all_end_in_a_result_or_a_typed_error(session, output, which):
    answers, result, tool = session
    assert seen({**answers, which: output}, result, tool) <= set(MARKS)
