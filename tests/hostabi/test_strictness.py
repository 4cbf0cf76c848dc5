"""Answers read strictly and leniently: what is malformed, ambiguous or too large is one error."""

from __future__ import annotations

import json

import pytest

from hostabi import GATEWAY, Guard, Labels
from hostabi.errors import PayloadError, ResponseError
from hostabi.payload import MAX_DEPTH, MAX_DIGITS, decode
from hostabi.responses import EMPTY_ITEMS, parse_agent, parse_resource, parse_response
from tests.hostabi.wat import AGENT, RESOURCE, echo_wat, module

DEEP = "[" * 600 + "]" * 600
AMBIGUOUS = {
    "duplicate": '{{"x":1,"x":2,{}',
    "duplicate, nested": '{{"x":[{{"y":1,"z":0,"y":1}}],{}',
    "surrogate": '{{"x":"\\ud83d",{}',
    "surrogate, swapped": '{{"x":["\\udc00\\ud800"],{}',
    "surrogate in a key": '{{"\\udfff":1,{}',
}
"""What the gateway reads, and we do not; the rest of an answer follows."""
TOO_MUCH = {
    "digits": '{{"x":' + "9" * 5000 + ",{}",
    "range": '{{"x":1e400,{}',
    "range below": '{{"x":-1e999,{}',
    "constant": '{{"x":NaN,{}',
    "depth": '{{"x":' + DEEP + ",{}",
    "trailing": "{{{} {{}}",
}
ANSWERS = {
    "label_agent": (AGENT, lambda raw, **options: parse_agent(raw, **options)),
    "label_resource": (RESOURCE, lambda raw, **options: parse_resource(raw, **options)),
    "label_response": (
        '{"labeled_paths":[],"default_labels":{"secrecy":["d"]}}',
        lambda raw, **options: parse_response(raw, [1], **options),
    ),
}  # fmt: skip

functions = pytest.mark.parametrize("function", sorted(ANSWERS))


def spoiled(function, template):
    answer, parse = ANSWERS[function]
    return template.format(answer[1:]).encode(), parse


def refused(parse, raw, **options):
    with pytest.raises(ResponseError) as caught:
        parse(raw, **options)
    return caught.value


@functions
@pytest.mark.parametrize("what", sorted(AMBIGUOUS))
def test_what_can_be_read_in_two_ways_is_one_typed_error(function, what):
    raw, parse = spoiled(function, AMBIGUOUS[what])
    error = refused(parse, raw)
    assert (error.function, error.reason) == (function, "json")
    assert isinstance(error.__cause__, PayloadError)
    assert error.__cause__.reason == ("duplicate" if "duplicate" in what else "unicode")
    assert parse(raw, gateway=True) == parse(raw, lenient=True)
    assert refused(parse, raw, gateway=True, lenient=False).reason == "json"


@functions
def test_what_is_not_utf_8_is_an_error_and_u_fffd_in_the_gateway(function):
    answer, parse = ANSWERS[function]
    raw = answer.replace('"s"', '"s\\u00e9"').replace('"d"', '"d\\u00e9"')
    raw = raw.encode().replace(b"\\u00e9", b"\xff")
    assert refused(parse, raw).__cause__.reason == "unicode"
    labels = parse(raw, lenient=True)
    labels = labels.items[0].labels if function == "label_response" else labels
    assert labels.secrecy[0].endswith("\ufffd")


@functions
@pytest.mark.parametrize("what", sorted(TOO_MUCH))
@pytest.mark.parametrize("lenient", [False, True])
def test_what_is_beyond_a_limit_is_the_same_error(function, what, lenient):
    raw, parse = spoiled(function, TOO_MUCH[what])
    error = refused(parse, raw, lenient=lenient)
    assert (error.function, error.reason) == (function, "json")
    assert isinstance(error.__cause__, PayloadError)


def test_the_limits_are_inclusive():
    for strict in (False, True):
        depth = "[" * MAX_DEPTH + "]" * MAX_DEPTH
        assert isinstance(decode(depth, strict=strict), list)
        assert decode("9" * MAX_DIGITS, strict=strict) == int("9" * MAX_DIGITS)
        for text, reason in (("[" + depth + "]", "depth"), ("9" * (MAX_DIGITS + 1), "number")):
            with pytest.raises(PayloadError) as caught:
                decode(text, strict=strict)
            assert caught.value.reason == reason
        with pytest.raises(PayloadError) as caught:
            decode(b'"1234"', max_bytes=5, strict=strict)
        assert caught.value.reason == "size"


def test_a_whole_surrogate_pair_is_a_character():
    assert decode(rb'["\ud83d\ude00"]', strict=True) == ["\U0001f600"]


TWICE = [
    '{"labeled_paths":[],"Labeled_Paths":[]}', '{"labeled_paths":[],"items_path":"","ITEMS_PATH":"/x"}',
    '{"labeled_paths":[],"default_labels":{"secrecy":["s"],"Secrecy":[]}}',
    '{"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"]},"Labels":{}}]}',
    '{"labeled_paths":[{"path":"/0","Path":"/1","labels":{}}]}',
    '{"labeled_paths":[{"path":"/0","labels":{"secrecy":["s"],"SECRECY":[]}}]}',
]  # fmt: skip


@pytest.mark.parametrize("raw", TWICE)
def test_a_field_in_two_letter_cases_is_ambiguous_too(raw):
    assert refused(lambda r, **o: parse_response(r, {"x": []}, **o), raw.encode()).reason == "json"
    assert parse_response(raw.encode(), {"x": []}, gateway=True) is not None


def test_a_field_in_two_letter_cases_in_the_agent_s_labels():
    raw = b'{"agent":{"secrecy":[],"Secrecy":["s"]},"difc_mode":"strict"}'
    assert refused(parse_agent, raw).reason == "json"
    assert parse_agent(raw, lenient=True).secrecy == ("s",)


def test_a_key_in_other_letter_case_hides_no_secret():
    resource = b'{"resource":{"Secrecy":["s"]},"operation":"read"}'
    assert refused(parse_resource, resource).reason == "labels"
    assert parse_resource(resource, gateway=True).secrecy == ()
    items = b'{"items":[{"data":1,"labels":{"SECRECY":["s"]}}]}'
    assert refused(lambda r, **o: parse_response(r, [1], **o), items).reason == "labels"


def test_a_path_without_labels_is_no_public_item():
    for entry in ('{"path":"/0"}', '{"path":"/0","labels":null}', "null"):
        raw = b'{"labeled_paths":[%s]}' % entry.encode()
        assert refused(lambda r, **o: parse_response(r, [1], Labels(("r",)), **o), raw).reason == "paths-parse"
        assert parse_response(raw, [1], Labels(("r",)), gateway=True).items[0].labels.secrecy == ()
    # A guard in Go writes null for an empty list.
    raw = b'{"labeled_paths":[{"path":"/0","labels":{"secrecy":null,"integrity":null}}]}'
    assert parse_response(raw, [1], lenient=True).items[0].labels == Labels()
    assert refused(lambda r, **o: parse_response(r, [1], **o), raw).reason == "paths-parse"


# -- the option of a guard ----------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lenient"),
    [({}, False), ({"outputs": "strict"}, False), ({"outputs": "lenient"}, True), ({"compat": GATEWAY}, True),
     ({"compat": GATEWAY, "outputs": "strict"}, False)],
)  # fmt: skip
def test_how_outputs_are_read_is_an_option(options, lenient):
    answer = AGENT[:-1] + ',"x":1,"x":2}'
    resource = '{"resource":{"secrecy":"s"},"operation":"read"}'
    guard = Guard(module(agent=answer, resource=resource), **options)
    for call, reason in (
        (lambda: guard.label_agent({}), "json"), (lambda: guard.label_resource("t", {}), "labels"),
    ):  # fmt: skip
        if lenient:
            call()
        else:
            with pytest.raises(ResponseError) as caught:
                call()
            assert caught.value.reason == reason
        assert guard.healthy


def test_lenient_is_not_yet_the_gateway():
    paths = '{"labeled_paths":[{"path":"/0","labels":{"secrecy":["own"]}}]}'
    guard = Guard(module(response=paths), outputs="lenient")
    labels = guard.label_response("t", [1, 2], resource=Labels(("r",)))
    assert [item.labels.secrecy for item in labels.items] == [("own",), ("r",)]
    with pytest.raises(ValueError, match="outputs"):
        Guard(module(), outputs="loose")


# -- D13, D19 -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "noticed"), [({}, True), ({"outputs": "lenient"}, False), ({"compat": GATEWAY}, False)]
)
def test_d13_an_empty_list_of_items_is_no_labels_and_strict_says_so(options, noticed):
    lines = []
    guard = Guard(module(response='{"items":[]}'), log=lines.append, **options)
    assert guard.label_response("t", [1], resource=Labels(("r",))) is None
    assert guard.last_report.notices == ([EMPTY_ITEMS] if noticed else [])
    assert [line.source for line in lines] == (["host"] if noticed else [])


def test_d13_nothing_at_all_is_no_reason_for_a_notice():
    for response in ("{}", '{"items":[1]}', "null"):
        guard = Guard(module(response=response))
        guard.label_response("t", [1])
        assert guard.last_report.notices == []


def seen(capabilities, **options):
    """What a guard got as capabilities in both calls."""
    guard = Guard(module(echo_wat()), **options)
    found = []
    for call in (guard.label_resource, guard.label_response):
        call("t", {}, capabilities=capabilities)
        found.append(json.loads(guard.last_report.log[0].text).get("capabilities", "none"))
    assert found[0] == found[1]
    return found[0]


def test_d19_capabilities_are_an_empty_object_unless_they_are_to_be_sent():
    granted = {"tools": ["x"]}
    for options in ({}, {"compat": GATEWAY}):
        assert seen(granted, **options) == {}
        assert seen(None, **options) == "none"
    assert seen(granted, send_capabilities=True) == granted
    assert seen(None, send_capabilities=True) == "none"
    assert seen({"b", "a"}, send_capabilities=True) == {"tags": ["a", "b"]}
    assert seen(["a", "a"], send_capabilities=True) == {"tags": ["a"]}
    labels = Labels(("private:a",), ("merged:a",), "an agent")
    assert seen(labels, send_capabilities=True) == labels.to_json()


@pytest.mark.parametrize("odd", [7, "tags", [1], object()])
def test_d19_what_cannot_be_sent_is_refused(odd):
    guard = Guard(module(), send_capabilities=True)
    with pytest.raises(PayloadError) as caught:
        guard.label_resource("t", {}, capabilities=odd)
    assert caught.value.reason == "type"
    assert guard.health().calls == 0
