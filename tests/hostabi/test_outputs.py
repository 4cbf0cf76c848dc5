"""Scenarios 60-103 of the guard ABI: what the three label functions answer."""

from __future__ import annotations

import json

import pytest

from hostabi import GATEWAY, Guard, Labels, LabelSource, Mode, Operation
from hostabi.errors import PolicyRejected, ResponseError
from hostabi.paths import ASTRAY, item_index, segments, unwrap
from hostabi.responses import parse_agent, parse_resource, parse_response
from tests.hostabi.wat import echo_wat, module

both = pytest.mark.parametrize("gateway", [False, True])


def agent(**fields):
    """An answer of ``label_agent``, with a mode unless one is given."""
    return parse_agent(json.dumps({"difc_mode": "filter", **fields}).encode())


def refused(parse, *args, **options):
    """The error of a parser."""
    with pytest.raises(ResponseError) as caught:
        parse(*args, **options)
    assert "\n" not in str(caught.value)
    return caught.value


# -- label_agent --------------------------------------------------------------


def test_s060_strict_filter_and_propagate_all_parse():
    for mode in Mode:
        assert agent(difc_mode=mode.value).mode is mode
        assert agent(difc_mode=mode.value.upper()).mode is mode


@pytest.mark.parametrize("flag", ["success", "ok"])
def test_s061_success_or_ok_true_proceeds(flag):
    assert agent(**{flag: True}).mode is Mode.FILTER


def test_s062_success_false_with_a_message_reports_it():
    error = refused(agent, success=False, error=" no such repo ")
    assert isinstance(error, PolicyRejected)
    assert (error.reason, error.detail) == ("failure", "no such repo")
    assert "rejected policy: no such repo" in str(error)


@pytest.mark.parametrize("fields", [{}, {"error": ""}, {"error": " \t"}, {"error": 7}])
def test_s063_success_false_with_absent_or_blank_message_is_generic(fields):
    error = refused(agent, success=False, **fields)
    assert (error.reason, error.detail) == ("failure", None)
    assert "non-success status" in str(error)


@pytest.mark.parametrize("fields", [{}, {"error": "why"}, {"success": True}])
def test_s064_ok_false_behaves_the_same_way(fields):
    error = refused(agent, ok=False, **fields)
    assert (error.reason, error.detail) == ("failure", fields.get("error"))


@pytest.mark.parametrize("fields", [{}, {"success": True}, {"ok": True}])
def test_s065_a_non_blank_error_alone_is_a_failure(fields):
    error = refused(agent, error="broken", **fields)
    assert (error.reason, error.detail) == ("error", "broken")
    assert "returned error: broken" in str(error)


@pytest.mark.parametrize("blank", ["", "  \n", None, 3, []])
def test_s066_a_blank_error_is_ignored(blank):
    assert agent(error=blank).mode is Mode.FILTER


@pytest.mark.parametrize("odd", ["false", 0, None, []])
def test_s067_a_non_boolean_success_is_ignored(odd):
    assert agent(success=odd, ok=odd).mode is Mode.FILTER


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "mode-missing"), ({"difc_mode": ""}, "mode-missing"),
        ({"difc_mode": " \t"}, "mode-missing"), ({"difc_mode": None}, "mode-missing"),
        ({"difc_mode": "open"}, "mode-invalid"), ({"difc_mode": " strict"}, "mode-invalid"),
        ({"difc_mode": 1}, "type"), ({"difc_mode": True}, "type"),
    ],
)  # fmt: skip
def test_s068_missing_blank_unknown_or_numeric_mode_fails(answer, reason):
    error = refused(parse_agent, json.dumps(answer).encode())
    assert error.reason == reason
    if reason == "mode-missing":
        assert "missing difc_mode" in str(error)
    if reason == "mode-invalid":
        assert "invalid difc_mode" in str(error)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"", "empty"), (b'{"difc_mode":"fil', "json"), (b"[]", "json"), (b'"strict"', "json"),
     (b"{} x", "json"), (b"\0", "json"), (b"[" * 100_000, "json")],
)  # fmt: skip
def test_s069_empty_truncated_or_array_json_fails(raw, reason):
    assert refused(parse_agent, raw).reason == reason


def test_s070_extra_fields_are_ignored():
    assert agent(extra=[1], agent={"secrecy": ["s"]}).secrecy == ("s",)
    # Among the labels only by the gateway: it may be a misspelt "integrity".
    answer = b'{"agent":{"secrecy":["s"],"more":{}},"difc_mode":"filter"}'
    assert parse_agent(answer, gateway=True).secrecy == ("s",)
    assert refused(parse_agent, answer).reason == "type"


def test_s071_absent_normalized_policy_stays_absent():
    assert agent().normalized_policy is None
    assert agent(normalized_policy={"any": [1]}).normalized_policy == {"any": [1]}
    assert refused(agent, normalized_policy=[]).reason == "type"


def test_s072_empty_guest_output_is_an_error():
    guard = Guard(module(agent="(i32.const 0)"))
    error = refused(guard.label_agent, {})
    assert error.reason == "empty"
    assert "returned empty response" in str(error)
    assert guard.healthy


def test_agent_tags_are_trimmed_and_blank_ones_dropped():
    labels = agent(agent={"secrecy": [" a ", "", "\t"], "integrity": ["b\u00a0", "*"]})
    assert (labels.secrecy, labels.integrity) == (("a",), ("b", "*"))


def test_a_missing_agent_gives_empty_labels():
    for fields in ({}, {"agent": {}}, {"agent": {"secrecy": []}}, {"success": True, "ok": True, "error": ""}):
        assert agent(**fields).labels == Labels()


@pytest.mark.parametrize(
    "fields",
    [{"agent": None}, {"agent": {"secrecy": None}}, {"agent": {"Integrity": None}}, {"agnet": {"integrity": ["i"]}},
     {"agent": {"integrety": ["i"]}}],
)  # fmt: skip
def test_an_agent_that_is_nearly_there_is_an_error_and_trusts_anything_under_gateway(fields):
    answer = json.dumps({"difc_mode": "filter", **fields}).encode()
    assert refused(parse_agent, answer).reason == "type"
    assert parse_agent(answer, gateway=True).labels == Labels()


@pytest.mark.parametrize(
    "agent_field", ["x", [], 1, {"secrecy": "a"}, {"integrity": [1]}, {"secrecy": {}}]
)
def test_wrong_types_in_the_agent_fail(agent_field):
    assert refused(agent, agent=agent_field).reason == "type"


def test_field_names_of_the_typed_part_match_in_any_case():
    raw = b'{"Agent":{"SECRECY":["s"]},"DIFC_Mode":"strict"}'
    assert parse_agent(raw).secrecy == ("s",)
    # Of several the last wins in the gateway.
    twice = b'{"difc_mode":"strict","Difc_Mode":"filter"}'
    assert parse_agent(twice, gateway=True).mode is Mode.FILTER
    assert refused(parse_agent, twice).reason == "json"
    # But the flags are exact.
    assert agent(Success=False, ERROR="x").mode is Mode.FILTER


# -- label_resource -----------------------------------------------------------


def resource(gateway=False, operation="read", **fields):
    doc = {"resource": fields}
    if operation is not None:
        doc["operation"] = operation
    return parse_resource(json.dumps(doc).encode(), gateway=gateway)


@both
def test_s073_the_three_operation_strings_are_honoured(gateway):
    for operation in Operation:
        assert resource(gateway, operation.value).operation is operation


@both
@pytest.mark.parametrize("odd", [None, "", "READ", "read ", "delete", 1, [], {}])
def test_s074_missing_or_unknown_operation_means_write(odd, gateway):
    assert resource(gateway, odd).operation is Operation.WRITE


@both
def test_s075_missing_label_keys_give_empty_labels(gateway):
    labels = resource(gateway)
    assert (labels.secrecy, labels.integrity, labels.description) == ((), (), "")


@both
def test_s076_non_string_tags_are_skipped(gateway):
    assert resource(gateway, integrity=["a", 1, None, ["b"], "c"]).integrity == ("a", "c")


def test_s076_non_string_secrecy_tags_are_skipped_under_gateway_and_an_error_by_default():
    tags = ["a", 1, None, "c"]
    assert resource(gateway=True, secrecy=tags).secrecy == ("a", "c")
    assert refused(resource, secrecy=tags).reason == "labels"


NO_ARRAYS = ["private", 7, {"a": "b"}, True, None]


@pytest.mark.parametrize("odd", NO_ARRAYS)
@pytest.mark.parametrize("key", ["secrecy", "integrity"])
def test_s077_non_array_labels_become_empty(key, odd):
    labels = resource(gateway=True, **{key: odd})
    assert (labels.secrecy, labels.integrity) == ((), ())


@pytest.mark.parametrize("odd", NO_ARRAYS)
@pytest.mark.parametrize("key", ["secrecy", "integrity"])
def test_s077_non_array_labels_are_an_error_by_default(key, odd):
    assert refused(resource, **{key: odd}).reason == "labels"


@both
@pytest.mark.parametrize("odd", [1, None, ["x"], {}])
def test_s078_a_non_string_description_is_ignored(odd, gateway):
    assert resource(gateway, description=odd).description == ""
    assert resource(gateway, description="ticket:7").description == "ticket:7"


@both
@pytest.mark.parametrize("raw", [b"{}", b"null", b'{"resource":null}', b'{"resource":[]}',
                                 b'{"resource":"x"}', b'{"resource":3}', b'{"Resource":{}}'])  # fmt: skip
def test_s079_a_missing_null_array_string_or_number_resource_fails(raw, gateway):
    error = refused(parse_resource, raw, gateway=gateway)
    assert error.reason == "resource"
    assert "invalid resource format" in str(error)


def inputs(call):
    """What a guard got as input, by its own log."""
    guard = Guard(module(echo_wat()))
    call(guard)
    return guard.last_report.log[0].text


def test_s080_capabilities_is_sent_only_when_supplied():
    args = {"path": "README.md", "owner": "acme", "repo": "web"}
    plain = b'{"tool_args":{"owner":"acme","path":"README.md","repo":"web"},"tool_name":"get"}'
    assert inputs(lambda g: g.label_resource("get", args)) == plain
    supplied = b'{"capabilities":{},' + plain[1:]
    for capabilities in ({}, {"tags": ["x"]}, ["x"], False):
        assert inputs(lambda g, c=capabilities: g.label_resource("get", args, capabilities=c)) == supplied
    assert inputs(lambda g: g.label_response("get", 1, capabilities={})) == (
        b'{"capabilities":{},"tool_name":"get","tool_result":1}'
    )


def test_null_tool_args_are_sent_as_null():
    assert inputs(lambda g: g.label_resource("t", None)) == b'{"tool_args":null,"tool_name":"t"}'


def test_the_policy_is_sent_without_an_envelope():
    policy = {"trusted-bots": ["ci[bot]"], "allow-only": {"repos": ["a/b"], "min-integrity": "none"}}
    sent = b'{"allow-only":{"min-integrity":"none","repos":["a/b"]},"trusted-bots":["ci[bot]"]}'
    assert inputs(lambda g: g.label_agent(policy)) == sent
    assert inputs(lambda g: g.label_agent(json.dumps(policy))) == sent


@both
@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b'{"resource":{}'])
def test_s081_empty_output_is_a_json_error(raw, gateway):
    error = refused(parse_resource, raw, gateway=gateway)
    assert error.reason == "json"
    assert "failed to unmarshal label_resource WASM response" in str(error)


@both
def test_resource_tags_are_kept_verbatim(gateway):
    tags = [" a ", "", "a", "a"]
    assert resource(gateway, secrecy=tags).secrecy == tuple(tags)


# -- label_response -----------------------------------------------------------


def response(doc, result=None, own=None, gateway=False):
    raw = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    return parse_response(raw, result, own, gateway=gateway)


def test_s082_empty_output_means_no_labels():
    assert response(b"") is None
    guard = Guard(module(response="(i32.const 0)"))
    assert guard.label_response("t", [1]) is None


@both
@pytest.mark.parametrize("raw", [b"{}", b"null", b'{"items":[]}'])
def test_s083_an_empty_object_means_no_labels(raw, gateway):
    assert response(raw, [1], gateway=gateway) is None


NEARLY = [
    b'{"items":null}', b'{"x":1}', b'{"Labeled_Paths":[]}', b'{"Items":[{"data":1,"labels":{}}]}', b'{"labelled_paths":[]}',
    b'{"items_path":"/items"}', b'{"default_labels":{"secrecy":["s"]}}', b'{"items":[],"default_labels":{}}',
]  # fmt: skip


@pytest.mark.parametrize("raw", NEARLY)
def test_s083_what_is_nearly_labels_is_an_error_and_no_labels_under_gateway(raw):
    assert response(raw, [1], gateway=True) is None
    assert refused(response, raw, [1]).reason == "labels"


@pytest.mark.parametrize("raw", [b'{"resource":{},"Operation":"read"}', b'{"resource":{"secrets":[]},"operation":"read"}',
                                 b'{"resource":{},"operation ":"read"}', b'{"resource":{},"Resource":{},"operation":"read"}'])  # fmt: skip
def test_a_key_of_a_resource_that_is_nearly_one_is_an_error(raw):
    assert refused(parse_resource, raw).reason == "labels"
    parse_resource(raw, gateway=True)
    assert parse_resource(b'{"resource":{},"operation":"read","more":1}').stated


@pytest.mark.parametrize("odd", [{}, "x", 7, True])
def test_items_that_are_no_array_are_an_error_and_no_labels_under_gateway(odd):
    assert response({"items": odd}, [1], gateway=True) is None
    assert refused(response, {"items": odd}, [1]).reason == "labels"


@pytest.mark.parametrize("key", ["integrity", "Secrecy"])
def test_a_null_among_the_tags_of_an_agent_is_an_error_and_dropped_under_gateway(key):
    answer = json.dumps({"agent": {key: ["i", None]}, "difc_mode": "filter"}).encode()
    assert refused(parse_agent, answer).reason == "type"
    assert getattr(parse_agent(answer, gateway=True), key.lower()) == ("i",)


def test_what_the_guard_did_not_say_is_known():
    assert resource(operation="read").stated
    for odd in ("READ", 7, []):
        assert not resource(operation=odd).stated
        assert resource(True, odd).stated
    assert not resource(operation=None).stated
    assert resource(True, None).stated
    assert not parse_resource(b'{"resource":{},"operation":null}').stated
    assert resource(integrity=["a", 1]).labels.incomplete
    assert not resource(integrity=["a"]).labels.incomplete
    assert not resource(True, integrity=["a", 1]).labels.incomplete


@both
@pytest.mark.parametrize("raw", [b"x", b"[]", b'"items"', b"1", b'{"items":[1]'])
def test_s084_invalid_json_is_an_error(raw, gateway):
    error = refused(response, raw, gateway=gateway)
    assert error.reason == "json"
    assert "failed to unmarshal label_response WASM response" in str(error)


WITH_ARGS = b'{"tool_args":{"q":"x"},"tool_name":"t","tool_result":[]}'
WITHOUT_ARGS = b'{"tool_name":"t","tool_result":[]}'


def test_s085_tool_args_from_request_state_are_sent():
    state = {"tool_args": {"q": "x"}, "other": 1}
    assert inputs(lambda g: g.label_response("t", [], request_state=state)) == WITH_ARGS
    assert inputs(lambda g: g.label_response("t", [], {"q": "x"})) == WITH_ARGS
    assert inputs(lambda g: g.label_response("t", [], None)) == (
        b'{"tool_args":null,"tool_name":"t","tool_result":[]}'
    )


@pytest.mark.parametrize("state", [None, "text", 7, ["tool_args"], {}, {"args": 1}])
def test_s086_a_non_map_request_state_is_ignored(state):
    assert inputs(lambda g: g.label_response("t", [], request_state=state)) == WITHOUT_ARGS


def item(data, *secrecy):
    return {"data": data, "labels": {"secrecy": list(secrecy), "integrity": []}}


@both
def test_s087_items_are_parsed_in_order(gateway):
    labels = response({"items": [item(1, "a"), item({"x": 2}, "b"), item(None)]}, gateway=gateway)
    assert labels.format == "items"
    assert [i.data for i in labels.items] == [1, {"x": 2}, None]
    assert [i.labels.secrecy for i in labels.items] == [("a",), ("b",), ()]


@both
def test_s088_non_object_items_are_skipped(gateway):
    labels = response({"items": [1, item("kept"), None, [item(2)], "x"]}, gateway=gateway)
    assert [i.data for i in labels.items] == ["kept"]


@both
@pytest.mark.parametrize("odd", [{}, {"labels": None}, {"labels": []}, {"labels": "x"}])
def test_s089_an_item_without_labels_stays_unlabelled(odd, gateway):
    labels = response({"items": [{"data": 1, **odd}]}, gateway=gateway)
    assert labels.items[0].labels is None
    assert labels.items[0].source is LabelSource.NONE


@both
def test_s090_a_missing_data_key_becomes_null(gateway):
    labels = response({"items": [{"labels": {}}]}, gateway=gateway)
    assert (labels.items[0].data, labels.items[0].labels) == (None, Labels())


def paths(items_path=None, *own, default=None):
    doc = {"labeled_paths": [{"path": p, "labels": {"secrecy": [s], "integrity": []}} for p, s in own]}
    if items_path is not None:
        doc["items_path"] = items_path
    if default is not None:
        doc["default_labels"] = {"secrecy": [default], "integrity": []}
    return doc


def secrecies(labels):
    return ["".join(i.labels.secrecy) for i in labels.items]


@both
@pytest.mark.parametrize(
    ("items_path", "result"),
    [("/hits", {}), ("/hits", {"hits": {}}), ("/hits", {"hits": None}), ("/hits/x", {"hits": {}}),
     ("/hits", {"hits": "x"}), ("hits", {"Hits": []})],
)  # fmt: skip
def test_s091_an_unresolvable_items_path_is_an_error(items_path, result, gateway):
    error = refused(response, paths(items_path), result, gateway=gateway)
    assert error.reason == "paths-apply"
    assert "failed to apply path labels" in str(error)


@both
def test_s092_a_root_array_is_labelled_by_index(gateway):
    doc = paths("", ("/1", "b"), ("0", "a"), ("/2/title", "c"), default="d")
    labels = response(doc, [10, 11, {"title": 1}, 13], gateway=gateway)
    assert labels.collection
    assert [i.data for i in labels.items] == [10, 11, {"title": 1}, 13]
    assert secrecies(labels) == ["a", "b", "c", "d"]
    assert [i.source for i in labels.items] == [LabelSource.OWN] * 3 + [LabelSource.DEFAULT]


@both
def test_s093_nested_and_array_indexed_item_paths_resolve(gateway):
    result = {"data": [{"x": 1}, {"hits": [5, 6]}]}
    for items_path in ("/data/1/hits", "data/1/hits"):
        for path in ("/data/1/hits/1", "data/1/hits/1"):
            labels = response(paths(items_path, (path, "own"), default="d"), result, gateway=gateway)
            assert secrecies(labels) == ["d", "own"]


@both
def test_empty_segments_of_items_path_are_skipped(gateway):
    labels = response(paths("//hits//", default="d"), {"hits": [1]}, gateway=gateway)
    assert secrecies(labels) == ["d"]


@both
@pytest.mark.parametrize("index", ["2", "-1", "99999999999999999999"])
def test_s094_an_out_of_range_index_in_items_path_fails(index, gateway):
    doc = paths(f"/data/{index}")
    assert refused(response, doc, {"data": [[], []]}, gateway=gateway).reason == "paths-apply"


@both
@pytest.mark.parametrize("index", ["x", "1x", "", "1.0", "\u0661", "1_0", "- 1"])
def test_s095_a_non_numeric_index_into_an_array_fails(index, gateway):
    doc = paths(f"/data/{index}/x")
    error = refused(response, doc, {"data": [[{"x": []}], {"x": 1}]}, gateway=gateway)
    assert error.reason == "paths-apply"


@both
@pytest.mark.parametrize("scalar", [1, "x", None, True])
def test_s096_walking_through_a_scalar_fails(scalar, gateway):
    error = refused(response, paths("/a/b"), {"a": scalar}, gateway=gateway)
    assert error.reason == "paths-apply"


@both
def test_s097_default_labels_fill_unmatched_items(gateway):
    own = Labels(("r",), ())
    labels = response(paths("", ("/0", "a"), default="d"), [1, 2], own, gateway)
    assert secrecies(labels) == ["a", "d"]


def test_s098_without_defaults_items_are_labelled_empty():
    for own in (None, Labels(("r",), ("i",))):
        labels = response(paths("", ("/0", "a")), [1, 2], own, gateway=True)
        assert labels.items[1].labels == Labels(description="unlabeled")
        assert labels.items[1].source is LabelSource.NONE
    # Nothing to fall back to, by default too.
    assert response(paths(""), [1]).items[0].labels == Labels(description="unlabeled")


def test_s098_without_defaults_items_get_the_resource_s_labels_by_default():
    own = Labels(("r",), ("i",), "resource")
    labels = response(paths("", ("/0", "a")), [1, 2], own)
    assert secrecies(labels) == ["a", "r"]
    assert (labels.items[1].labels, labels.items[1].source) == (own, LabelSource.RESOURCE)


@both
@pytest.mark.parametrize("result", [{"a": 1}, 7, "x", None, {"content": [{"text": "[1"}]}])
def test_s099_a_single_object_becomes_one_item(result, gateway):
    labels = response(paths("", default="d"), result, gateway=gateway)
    assert not labels.collection
    assert [i.data for i in labels.items] == [result]
    assert secrecies(labels) == ["d"]
    # Paths name nothing in it; by default it may be what they were meant for.
    labels = response(paths("", ("/0", "a"), ("/a", "b"), default="d"), result, gateway=gateway)
    assert secrecies(labels) == ["d" if gateway else "dab"]


def test_a_single_object_within_a_wrapper_is_the_whole_original():
    wrapped = {"content": [{"type": "text", "text": '{"a":1}'}]}
    labels = response(paths("", default="d"), wrapped)
    assert labels.items[0].data is wrapped


@both
def test_s100_tilde_0_and_tilde_1_are_unescaped(gateway):
    assert segments("/a~1b/~01/~10") == ["a/b", "~1", "/0"]
    result = {"a/b": {"~1": [1, 2]}}
    doc = paths("/a~1b/~01", ("/a~1b/~01/1", "own"), default="d")
    assert secrecies(response(doc, result, gateway=gateway)) == ["d", "own"]


@both
def test_s101_mcp_text_json_is_unwrapped(gateway):
    for content in (
        [{"type": "text", "text": '{"hits":[1,2]}'}],
        [{"text": '{"hits":[1,2]}'}],
        [{"type": "other", "text": '{"hits":'}, {"type": "text", "text": "[1,2]}"}],
        [{"type": "image", "text": "x"}, 7, {"type": "text", "text": '{"hits":[1,2]}'}],
    ):
        labels = response(paths("/hits", ("/hits/0", "a"), default="d"), {"content": content},
                          gateway=gateway)  # fmt: skip
        assert [i.data for i in labels.items] == [1, 2]
        assert secrecies(labels) == ["a", "d"]


@pytest.mark.parametrize(
    "result",
    [
        {"content": [{"type": "text", "text": "no json"}]},
        {"content": [{"type": "text", "text": "1 2"}]},
        {"content": [{"type": "image", "text": "[1]"}]},
        {"content": [{"type": "audio", "text": "[1]"}]},
        {"content": [{"type": "resource", "text": "[1]"}]},
        {"content": [{"type": "text", "text": 7}]},
        {"content": [{"type": "text", "text": ""}]},
        {"content": []}, {"content": {"text": "[1]"}}, {"content": "[1]"}, {}, [], "[1]", None, 1,
    ],
)  # fmt: skip
def test_s102_non_json_text_and_images_are_not_unwrapped(result):
    assert unwrap(result) is result


def test_s103_non_matching_label_paths_are_skipped():
    own = [("/other/0", "x"), ("/hits/x", "x"), ("/hits", "x"), ("", "x"), ("/", "x"), ("/hits/9", "x"),
           ("/hits/-1", "x"), ("/hitsy/0", "x"), ("/hits/1.0", "x"), ("/hits/0", "1"), ("/hits/0", "2")]  # fmt: skip
    labels = response(paths("/hits", *own, default="d"), {"hits": [1, 2]}, gateway=True)
    # The later of two for one item wins.
    assert secrecies(labels) == ["2", "d"]
    # By default two are an error; the others are skipped, and told of.
    assert refused(response, paths("/hits", *own), {"hits": [1, 2]}).reason == "paths-parse"
    told = []
    raw = json.dumps(paths("/hits", *own[:-1], default="d")).encode()
    labels = parse_response(raw, {"hits": [1, 2]}, notice=told.append)
    assert told == [ASTRAY.format(9)]
    # What no path names may be what one of them was meant for.
    assert secrecies(labels) == ["1", "dx"]
    assert [labels.items[1].labels.secrecy_at.path(i) for i in (0, 1)] == [
        "/default_labels/secrecy/0", "/labeled_paths/0/labels/secrecy/0",
    ]  # fmt: skip


def test_s103_what_no_path_names_is_trusted_no_more_than_what_a_lost_path_says():
    doc = paths("/hits", ("/hit/0", "x"))
    doc["labeled_paths"][0]["labels"]["integrity"] = ["a", "c"]
    doc["default_labels"] = {"integrity": ["b", "c"]}
    labels = response(doc, {"hits": [1]}).items[0].labels
    assert (labels.secrecy, labels.integrity) == (("x",), ("c",))
    assert labels.integrity_at.path(0) == "/default_labels/integrity/1"


def test_two_labels_for_one_item_may_say_the_same():
    twice = [{"path": p, "labels": {"secrecy": tags}} for p, tags in (("/0/a", ["a", "b"]), ("/0/b", ["b", "a", "a"]))]
    assert secrecies(response({"labeled_paths": twice}, [1])) in (["ab"], ["baa"])


@pytest.mark.parametrize("doc", [
    {"labeled_paths": [{"path": "/0", "labels": {"secrets": ["s"]}}]}, {"labeled_paths": None}, {"labeled_paths": [], "x": 1},
    {"labeled_paths": [{"path": "/0", "labels": {"secrecy": None}}]}, {"labeled_paths": [], "default_labels": {"integrity": None}},
    {"labeled_paths": [], "Default_Labels": {"secrecy": ["s"]}}, {"labeled_paths": [], "itemspath": "/x"},
])  # fmt: skip
def test_path_labels_that_are_nearly_right_are_an_error(doc):
    assert refused(response, doc, [1]).reason in ("paths-parse", "labels")
    assert response(doc, [1], gateway=True).items[0].data == 1


def test_items_path_of_a_slash_is_the_root_and_no_path_matches():
    labels = response(paths("/", ("/0", "x"), ("0", "y"), default="d"), [1], gateway=True)
    assert labels.collection
    assert secrecies(labels) == ["d"]
    assert secrecies(response(paths("/", ("/0", "x"), ("0", "y"), default="d"), [1])) == ["dxy"]
    assert item_index("/0", "/") is None


@both
@pytest.mark.parametrize(
    "doc",
    [
        {"labeled_paths": "x"}, {"labeled_paths": {}}, {"labeled_paths": [1]},
        {"labeled_paths": [{"path": 1}]}, {"labeled_paths": [{"path": "/0", "labels": "x"}]},
        {"labeled_paths": [{"path": "/0", "labels": {"secrecy": "x"}}]},
        {"labeled_paths": [{"path": "/0", "labels": {"integrity": [1]}}]},
        {"labeled_paths": [], "default_labels": []}, {"labeled_paths": [], "items_path": 1},
        {"labeled_paths": [], "default_labels": {"secrecy": [None, 1]}},
        {"labeled_paths": [], "default_labels": {"description": 1}},
    ],
)  # fmt: skip
def test_the_path_format_is_strictly_typed(doc, gateway):
    error = refused(response, doc, [1], gateway=gateway)
    assert error.reason == "paths-parse"
    assert "failed to parse path labels" in str(error)


def test_labeled_paths_of_any_value_chooses_the_path_format():
    labels = response({"labeled_paths": None, "items": [item(1, "a")]}, [7], gateway=True)
    assert (labels.format, labels.items[0].data) == ("paths", 7)


def test_the_raw_result_reaches_the_guard_and_the_labels_come_back_with_it():
    guard = Guard(module(echo_wat()))
    wrapped = {"content": [{"type": "text", "text": "[1,2]"}]}
    labels = guard.label_response("t", wrapped, {})
    assert guard.last_report.log[0].text == (
        b'{"tool_args":{},"tool_name":"t","tool_result":{"content":[{"text":"[1,2]","type":"text"}]}}'
    )
    assert [i.data for i in labels.items] == [1, 2]
    assert labels.report is guard.last_report


def test_an_error_in_an_answer_leaves_the_guard_usable():
    for compat in (None, GATEWAY):
        guard = Guard(module(agent="nonsense", resource="[]", response="{"), compat=compat)
        for call in (lambda: guard.label_agent({}), lambda: guard.label_resource("t", {}),  # noqa: B023
                     lambda: guard.label_response("t", {})):  # fmt: skip  # noqa: B023
            assert refused(call).reason == "json"
        assert guard.healthy
