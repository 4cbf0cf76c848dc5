"""Scenarios 104-115 of the guard ABI, D17 and D18: what a policy may say, and what is sent."""

from __future__ import annotations

import copy
import json
import pathlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostabi import GATEWAY, Guard, bundled
from hostabi.errors import POLICY_REASONS, PayloadError, PolicyError, PolicyRejected
from hostabi.policy import OFF, STRICT, AllowOnly, WriteSink, agent_policy, parse_policy, payload
from hostabi.policy_fields import ALLOW_ONLY_FIELDS, Integrity
from tests.hostabi.wat import echo_wat, module

both = pytest.mark.parametrize("gateway", [False, True])
ROOT = pathlib.Path(__file__).resolve().parents[2]


def policy(**inner):
    """An allow-only policy; underscores are dashes."""
    fields = {"repos": ["acme/web"], "min-integrity": "approved"}
    fields.update({key.replace("_", "-"): value for key, value in inner.items()})
    return {"allow-only": fields}


def without(*keys):
    doc = policy()
    return {"allow-only": {k: v for k, v in doc["allow-only"].items() if k not in keys}}


def refused(act, *args, **options):
    """The error of a policy, whose reason is one of those that are documented."""
    with pytest.raises(PolicyError) as caught:
        act(*args, **options)
    error = caught.value
    assert error.reason in POLICY_REASONS
    assert "\n" not in str(error)
    assert error.to_json()["field"] == error.field
    assert error.expected
    return error


def sent(doc, **options):
    """What a guard got as its policy."""
    guard = Guard(module(echo_wat()), **options)
    guard.label_agent(doc)
    return json.loads(guard.last_report.log[0].text)


# -- scenarios ----------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("doc", "reason"),
    [
        (None, "missing"), ("", "missing"), (" \t\n", "missing"), (b"", "missing"),
        ([], "type"), (7, "type"), (True, "type"), ("[]", "type"), ('"all"', "type"),
        ("null", "type"), ("{", "json"), ("allow-only", "json"), (b"\xff", "json"), ("{} {}", "json"),
        ('{"a":' + "9" * 5000 + "}", "json"), ("[" * 100_000, "json"), ('{"a":1e400}', "json"),
    ],
)  # fmt: skip
def test_s104_null_blank_non_object_and_invalid_string_policies_fail(doc, reason, gateway):
    assert refused(agent_policy, doc, gateway=gateway).reason == reason
    assert refused(parse_policy, doc).reason == reason
    guard = Guard(module(), compat=GATEWAY if gateway else None)
    assert refused(guard.label_agent, doc).reason == reason
    assert guard.health().calls == 0


def test_a_policy_s_text_says_everything_once():
    text = '{"allow-only":{"repos":"all","repos":"public","min-integrity":"none"}}'
    assert refused(parse_policy, text).reason == "json"
    assert refused(agent_policy, text).__cause__.reason == "duplicate"
    assert agent_policy(text, gateway=True)["allow-only"]["repos"] == "public"


@both
def test_s105_the_legacy_policy_envelope_is_refused(gateway):
    for inner in (policy(), "x", None):
        error = refused(agent_policy, {"policy": inner}, gateway=gateway)
        assert (error.reason, error.field) == ("envelope", "policy")
    assert refused(parse_policy, {"Policy": policy()}).reason == "envelope"


@both
@pytest.mark.parametrize("key", ["x", "trusted-users", "repos", "min-integrity", "", "write"])
def test_s106_unexpected_top_level_keys_are_refused(key, gateway):
    error = refused(agent_policy, {**policy(), key: ["y"]}, gateway=gateway)
    assert (error.reason, error.field) == ("unexpected", key)
    assert "unexpected key" in str(error)
    assert refused(parse_policy, {**policy(), key: 1}).reason == "unexpected"


@both
@pytest.mark.parametrize("key", ["x", "owner", "min_integrity", "trusted-bots", ""])
def test_s107_unexpected_allow_only_keys_are_refused(key, gateway):
    doc = {"allow-only": {**policy()["allow-only"], key: []}}
    error = refused(agent_policy, doc, gateway=gateway)
    assert (error.reason, error.field) == ("unexpected", f"allow-only.{key}")
    assert "unexpected key" in str(error)


@both
@pytest.mark.parametrize("key", ["repos", "min-integrity"])
def test_s108_missing_repos_or_integrity_fails(key, gateway):
    for act in (lambda doc: agent_policy(doc, gateway=gateway), parse_policy):
        error = refused(act, without(key))
        assert (error.reason, error.field) == ("missing", f"allow-only.{key}")
    assert refused(agent_policy, {"trusted-bots": ["b"]}, gateway=gateway).field == "allow-only"
    assert refused(agent_policy, {"allow-only": []}, gateway=gateway).reason == "type"


@both
@pytest.mark.parametrize("word", ["none", "Unapproved", " APPROVED\n", "\tmerged"])
def test_s109_integrity_is_case_insensitive_and_trimmed(word, gateway):
    doc = policy(min_integrity=word, disapproval_integrity=word, endorser_min_integrity=word)
    got = agent_policy(doc, gateway=gateway)["allow-only"]
    level = word if gateway else word.strip().lower()
    assert {got[k] for k in got if "integrity" in k} == {level}
    assert parse_policy(doc).min_integrity.word == word.strip().lower()


@both
@pytest.mark.parametrize("key", ["min-integrity", "disapproval-integrity", "endorser-min-integrity"])
@pytest.mark.parametrize(
    ("word", "reason"),
    [("", "blank"), (" ", "blank"), ("high", "value"), (1, "type"), (None, "type"), ([], "type")],
)  # fmt: skip
def test_another_word_is_no_integrity(key, word, reason, gateway):
    error = refused(agent_policy, policy(**{key: word}), gateway=gateway)
    assert (error.reason, error.field) == (reason, f"allow-only.{key}")
    assert "unapproved" in error.expected


LISTS = ["blocked-users", "approval-labels", "trusted-users", "endorsement-reactions",
         "disapproval-reactions", "refusal-labels"]  # fmt: skip


@both
@pytest.mark.parametrize("key", LISTS)
@pytest.mark.parametrize(
    ("value", "reason", "at"),
    [(None, "type", ""), ({}, "type", ""), (7, "type", ""), (["a", ""], "blank", "[1]"),
     ([" \t"], "blank", "[0]"), (["a", 1], "type", "[1]"), ([None], "type", "[0]"),
     ([["a"]], "type", "[0]")],
)  # fmt: skip
def test_s110_each_list_rejects_wrong_types_blanks_and_non_strings(key, value, reason, at, gateway):
    error = refused(agent_policy, policy(**{key: value}), gateway=gateway)
    assert (error.reason, error.field) == (reason, f"allow-only.{key}{at}")
    assert refused(parse_policy, policy(**{key: value})).reason == reason


@both
@pytest.mark.parametrize("key", LISTS[:-1])
def test_a_text_is_no_list(key, gateway):
    assert refused(agent_policy, policy(**{key: "a,b"}), gateway=gateway).reason == "type"


@both
def test_s111_an_empty_trusted_bots_array_fails(gateway):
    error = refused(agent_policy, {**policy(), "trusted-bots": []}, gateway=gateway)
    assert (error.reason, error.field) == ("empty", "trusted-bots")
    for value, reason in ((None, "type"), ("b", "type"), ([""], "blank"), ([1], "type")):
        doc = {**policy(), "trusted-bots": value}
        assert refused(agent_policy, doc, gateway=gateway).reason == reason


@both
def test_s112_a_refusal_labels_string_is_split_and_trimmed(gateway):
    doc = policy(refusal_labels=" spam, wontfix\n\n,bad label ,")
    got = agent_policy(doc, gateway=gateway)["allow-only"]["refusal-labels"]
    assert got == ["spam", "wontfix", "bad label"]
    assert refused(agent_policy, policy(refusal_labels=" \n"), gateway=gateway).reason == "blank"
    assert refused(agent_policy, policy(refusal_labels=",,"), gateway=gateway).reason == "blank"


@both
def test_s113_bots_go_top_level_and_users_inside_allow_only(gateway):
    doc = payload(policy(), ["ci[bot]"], ["dana"], gateway=gateway)
    assert doc == {**policy(trusted_users=["dana"]), "trusted-bots": ["ci[bot]"]}
    assert payload({"other": 1}, (), ["dana"], gateway=gateway) == {"other": 1}
    alias = payload({"AllowOnly": {"Trusted-Users": ["x"]}}, (), ["dana"], gateway=gateway)
    inner = {"Trusted-Users": ["x"]} if gateway else None
    assert alias == ({"AllowOnly": inner} if gateway else {"AllowOnly": {"trusted-users": ["dana"]}})


@both
def test_s114_the_caller_s_policy_object_is_not_mutated(gateway):
    doc = {**policy(refusal_labels="b,a", blocked_users=[" A", "a"]), "trusted-bots": ["x"]}
    kept = copy.deepcopy(doc)
    first = payload(doc, ["ci[bot]"], ["dana"], gateway=gateway)
    second = agent_policy(doc, gateway=gateway)
    parse_policy(doc)
    first["allow-only"]["repos"].append("mine")
    if not gateway:
        second["allow-only"]["repos"].append("mine")
    second["allow-only"]["refusal-labels"].append("mine")
    assert doc == kept
    assert payload(doc, gateway=gateway) is doc


@both
def test_s115_supplied_bots_replace_existing_ones(gateway):
    doc = {**policy(trusted_users=["old"]), "trusted-bots": ["old[bot]"]}
    got = payload(doc, ["new[bot]"], ["new"], gateway=gateway)
    assert (got["trusted-bots"], got["allow-only"]["trusted-users"]) == (["new[bot]"], ["new"])
    respelled = payload({**policy(), "Trusted-Bots": ["old"]}, ["new"])
    assert agent_policy(respelled)["trusted-bots"] == ["new"]


def test_names_the_host_trusts_are_names():
    assert payload(policy(), [" a ", "A"], [])["trusted-bots"] == ["a"]
    for bots, users, field in (([""], [], "trusted-bots[0]"), ([], [3], "trusted-users[0]")):
        assert refused(payload, policy(), bots, users).field == field


def test_a_policy_that_cannot_be_copied_is_left_alone_by_the_gateway():
    doc = {"allow-only": {"repos": {1, 2}}}
    with pytest.raises(PayloadError):
        payload(doc, ["b"])
    assert payload(doc, ["b"], gateway=True) is doc


# -- D17, D18 -----------------------------------------------------------------


GATEWAYS_OWN = {"tool-call-limits": {"get_me": 1}, "promotion-label": "go", "demotion-label": "stop"}


def test_d17_keys_of_the_gateway_alone_are_not_sent():
    doc = policy(**GATEWAYS_OWN)
    assert sent(doc) == policy()
    with Guard(bundled.guard_bytes()) as guard:
        assert guard.label_agent(doc).mode.value == "filter"
    for key, value in GATEWAYS_OWN.items():
        error = refused(agent_policy, policy(**{key: value}), gateway=True)
        assert (error.reason, error.field) == ("unexpected", f"allow-only.{key}")
    read = parse_policy(doc)
    assert read.tool_call_limits == (("get_me", 1),)
    assert read.to_json() == doc
    assert read.payload() == policy()


@pytest.mark.parametrize(
    ("limits", "reason", "field"),
    [({"t": -1}, "range", ".t"), ({"t": 1.5}, "type", ".t"), ({"t": True}, "type", ".t"),
     ({"t": "1"}, "type", ".t"), ({" ": 1}, "blank", ". "), ({"t": 1, " t": 2}, "duplicate", ". t"),
     ([], "type", "")],
)  # fmt: skip
def test_d17_and_yet_they_are_checked(limits, reason, field):
    error = refused(agent_policy, policy(tool_call_limits=limits))
    assert (error.reason, error.field) == (reason, "allow-only.tool-call-limits" + field)


SPELLINGS = [
    {"allowonly": {"repos": ["acme/web"], "integrity": "approved"}},
    {"AllowOnly": {"Repos": [" ACME/Web "], "Integrity": " Approved"}},
    {"ALLOW-ONLY": {"REPOS": ["acme/web", "Acme/WEB"], "MIN-INTEGRITY": "APPROVED"}},
]


@pytest.mark.parametrize("doc", SPELLINGS)
def test_d18_aliases_and_letter_case_are_made_one(doc):
    assert sent(doc) == policy()
    assert sent(json.dumps(doc)) == policy()
    with Guard(bundled.guard_bytes()) as guard:
        normalized = guard.label_agent(doc).normalized_policy
    assert normalized["repos"] == ["acme/web"]


def test_d18_the_gateway_sends_them_as_they_are():
    doc = {"allowonly": {"integrity": " Approved", "repos": [" ACME/Web ", "x"]}}
    assert sent(doc, compat=GATEWAY) == doc
    with Guard(bundled.guard_bytes(), compat=GATEWAY) as guard, pytest.raises(PolicyRejected):
        guard.label_agent(doc)
    for unknown in ({"AllowOnly": {}}, {"ALLOW-ONLY": {}}):
        assert refused(agent_policy, {**unknown}, gateway=True).reason == "unexpected"
    # Of a key and its alias the key counts; both are sent.
    two = {"allow-only": {"repos": "all", "min-integrity": "none", "integrity": 7}}
    assert agent_policy(two, gateway=True) is two


@pytest.mark.parametrize(
    "doc",
    [{"allow-only": policy()["allow-only"], "AllowOnly": {}},
     {"allow-only": {"repos": "all", "min-integrity": "none", "Integrity": "none"}},
     {"allow-only": {"repos": "all", "Repos": "all", "min-integrity": "none"}}],
)  # fmt: skip
def test_d18_two_spellings_of_one_key_are_refused(doc):
    assert refused(agent_policy, doc).reason == "duplicate"
    assert refused(parse_policy, doc).reason == "duplicate"


# -- guards of other kinds ----------------------------------------------------


@pytest.mark.parametrize("doc", [{}, {"strict": True}, {"a": 1, "Rules": ["allow-only"]}])
def test_policies_of_another_kind_are_the_guard_s_business(doc):
    assert sent(doc) == doc
    assert sent(doc, compat=GATEWAY) == doc
    for compat in (None, GATEWAY):
        guard = Guard(module(), policy_check=STRICT, compat=compat)
        assert refused(guard.label_agent, doc).reason in ("missing", "unexpected")


def test_the_example_s_policy_is_of_another_kind():
    doc = json.loads((ROOT / "examples/policy.json").read_text(encoding="utf-8"))
    assert sent(doc) == doc


def test_a_check_that_is_off_sends_anything():
    doc = {"policy": 1, "allow-only": {"Repos": []}}
    assert sent(doc, policy_check=OFF) == doc
    with pytest.raises(ValueError, match="policy_check"):
        Guard(module(), policy_check="loose")


def test_what_a_scope_may_be_is_the_guard_s_to_say_unless_strict():
    doc = policy(repos=["acme", "Acme/next.js"])
    assert sent(doc)["allow-only"]["repos"] == ["acme", "acme/next.js"]
    assert refused(Guard(module(), policy_check=STRICT).label_agent, doc).reason == "scope"


def test_a_guard_takes_a_policy_that_was_read():
    read = parse_policy(policy(**GATEWAYS_OWN))
    assert sent(read) == policy()
    sink = parse_policy({"write-sink": {"accept": ["*"]}})
    for doc in (sink, sink.to_json()):
        assert refused(Guard(module()).label_agent, doc).reason == "kind"


@pytest.mark.parametrize("name", ["059-rejected-policy", "060-untidy-policy"])
def test_the_payloads_with_odd_policies(name):
    doc = json.loads((ROOT / f"examples/payloads/{name}.json").read_text(encoding="utf-8"))["policy"]
    with Guard(bundled.guard_bytes()) as guard:
        if name.startswith("059"):
            with pytest.raises(PolicyRejected):
                guard.label_agent(doc)
        else:
            assert refused(guard.label_agent, doc).field == "allow-only.blocked-users[2]"
    with Guard(bundled.guard_bytes(), policy_check=OFF) as guard:
        if name.startswith("060"):
            assert guard.label_agent(doc).normalized_policy["repos"] == ["acme/api-*", "acme/web"]


# -- a configuration's rules --------------------------------------------------


@pytest.mark.parametrize(
    ("repos", "want"),
    [(" All", "all"), ("PUBLIC\n", "public"), (["b/c", "a/*"], ("a/*", "b/c")),
     (["a/pre*", " a/b "], ("a/b", "a/pre*")), (["o" * 39 + "/" + "n" * 100], None),
     (["a-b_9/c-d_8", "a/n*"], None), (["a/" + "p" * 100 + "*"], None)],
)  # fmt: skip
def test_repos_that_are_fine(repos, want):
    read = parse_policy(policy(repos=repos)).repos
    assert read == (tuple(sorted(repos)) if want is None else want)


@pytest.mark.parametrize(
    ("repos", "reason", "at"),
    [
        ("none", "value", ""), ("", "blank", ""), (None, "type", ""), ({}, "type", ""), (7, "type", ""),
        ([], "empty", ""), ([1], "type", "[0]"), (["a/b", " "], "blank", "[1]"),
        (["acme"], "scope", "[0]"), (["/b"], "scope", "[0]"), (["a/"], "scope", "[0]"),
        (["a/b/c"], "scope", "[0]"), (["*/b"], "scope", "[0]"), (["a/b*c"], "scope", "[0]"),
        (["a/**"], "scope", "[0]"), (["a/b."], "scope", "[0]"), (["a/next.js"], "scope", "[0]"),
        (["Acme/web"], "scope", "[0]"), (["acme/Web"], "scope", "[0]"), (["a/\u00e9"], "scope", "[0]"),
        (["a/b\nc"], "scope", "[0]"), (["a/\u0661"], "scope", "[0]"), (["a/b", "a/b"], "duplicate", "[1]"),
        (["o" * 40 + "/n"], "length", "[0]"), (["o/" + "n" * 101], "length", "[0]"),
        (["o/" + "n" * 101 + "*"], "length", "[0]"), (["all"], "scope", "[0]"),
    ],
)  # fmt: skip
def test_repos_that_are_not(repos, reason, at):
    error = refused(parse_policy, policy(repos=repos))
    assert (error.reason, error.field) == (reason, "allow-only.repos" + at)


def test_lists_are_trimmed_and_repetitions_dropped():
    read = parse_policy(policy(
        blocked_users=["Dana ", "dana", "kim"], endorsement_reactions=["heart", "HEART", "+1"],
        refusal_labels="spam,SPAM", trusted_users=[],
    ))  # fmt: skip
    assert read.blocked_users == ("Dana", "kim")
    assert read.endorsement_reactions == ("HEART", "+1")
    assert read.refusal_labels == ("spam",)
    assert "trusted-users" not in read.to_json()["allow-only"]


def test_integrity_is_ordered():
    words = ["none", "unapproved", "approved", "merged"]
    assert [level.word for level in sorted(Integrity)] == words


@pytest.mark.parametrize("key", ["promotion-label", "demotion-label"])
def test_a_label_is_a_text(key):
    for value, reason in ((1, "type"), ("", "blank"), (["x"], "type")):
        assert refused(parse_policy, policy(**{key: value})).reason == reason


@pytest.mark.parametrize(
    ("doc", "reason", "field"),
    [({}, "missing", "allow-only"), ({"x": 1}, "unexpected", "x"),
     ({**policy(), "write-sink": {"accept": ["*"]}}, "both", "write-sink"),
     ({"WriteSink": {"accept": ["*"]}, "trusted-bots": ["b"]}, "unexpected", "trusted-bots"),
     ({1: 2}, "type", ""), ({"allow-only": {1: 2}}, "type", "allow-only")],
)  # fmt: skip
def test_neither_both_and_unknown_keys_are_errors(doc, reason, field):
    error = refused(parse_policy, doc)
    assert (error.reason, error.field) == (reason, field)


# -- write-sink ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "want"),
    [(["*"], ("*",)), (["private:acme/web", "acme"], ("acme", "private:acme/web")),
     (["internal:a/*", "public:a/p*"], ("internal:a/*", "public:a/p*"))],
)  # fmt: skip
def test_a_write_sink(accept, want):
    read = parse_policy({"writeSink": {"Accept": accept, "sink-visibility": " Public"}})
    assert read == WriteSink(want, "public")
    assert parse_policy(read.to_json()) == read
    assert parse_policy(read) == read


@pytest.mark.parametrize(
    ("inner", "reason", "field"),
    [
        ({}, "missing", ".accept"), ({"accept": []}, "empty", ".accept"), ({"accept": "*"}, "type", ".accept"),
        ({"accept": ["*", "a"]}, "wildcard", ".accept"), ({"accept": ["a", "*"]}, "wildcard", ".accept"),
        ({"accept": ["a", "a"]}, "duplicate", ".accept[1]"), ({"accept": [""]}, "blank", ".accept[0]"),
        ({"accept": ["secret:a"]}, "value", ".accept[0]"), ({"accept": ["private:"]}, "scope", ".accept[0]"),
        ({"accept": ["a/"]}, "scope", ".accept[0]"), ({"accept": ["A"]}, "scope", ".accept[0]"),
        ({"accept": ["o" * 40]}, "length", ".accept[0]"), ({"accept": ["*", "*"]}, "wildcard", ".accept"),
        ({"accept": ["a"], "sink-visibility": "secret"}, "value", ".sink-visibility"),
        ({"accept": ["a"], "sink-visibility": None}, "type", ".sink-visibility"),
        ({"accept": ["a"], "x": 1}, "unexpected", ".x"),
    ],
)  # fmt: skip
def test_a_write_sink_that_is_refused(inner, reason, field):
    error = refused(parse_policy, {"write-sink": inner})
    assert (error.reason, error.field) == (reason, "write-sink" + field)


# -- properties ---------------------------------------------------------------

WORDS = st.text(string.ascii_letters + " -", min_size=1, max_size=6).filter(str.strip)
NAMES = st.lists(WORDS, max_size=4)
SCOPES = st.lists(
    st.from_regex(r"[a-z0-9_-]{1,6}/([a-z0-9_-]{1,6}\*?|\*)", fullmatch=True), min_size=1, max_size=4,
    unique=True,
)  # fmt: skip
LEVELS = st.sampled_from([level.word for level in Integrity])
DOCS = st.fixed_dictionaries(
    {"repos": st.sampled_from(["all", "public"]) | SCOPES, "min-integrity": LEVELS},
    optional={
        **dict.fromkeys(LISTS, NAMES), "disapproval-integrity": LEVELS,
        "tool-call-limits": st.dictionaries(WORDS.map(str.strip), st.integers(0), max_size=2),
        "promotion-label": WORDS,
    },
).map(lambda inner: {"allow-only": inner})  # fmt: skip
ALIAS = {"min-integrity": "integrity", "allow-only": "allowonly"}


def respelled(doc, dice):
    """The same policy in another spelling."""

    def key(name):
        name = ALIAS.get(name, name) if dice.randrange(2) else name
        return "".join(dice.choice((c.lower(), c.upper())) for c in name)

    inner = dict(doc["allow-only"])
    for name in inner:
        if "integrity" in name or isinstance(inner[name], str) and name == "repos":
            inner[name] = " " + inner[name].upper() + "\n"
        elif name == "repos":
            inner[name] = [scope + " " for scope in reversed(inner[name])]
    items = list(inner.items())
    dice.shuffle(items)
    return {key("allow-only"): {key(name): value for name, value in items}}


@given(DOCS)
def test_reading_is_idempotent(doc):
    once = parse_policy(doc)
    assert isinstance(once, AllowOnly)
    assert parse_policy(once.to_json()) == once == parse_policy(once)
    assert hash(once) == hash(parse_policy(json.dumps(doc)))
    assert agent_policy(once) == agent_policy(once.to_json()) == once.payload()
    assert agent_policy(once.payload()) == once.payload()


@given(DOCS, st.randoms(use_true_random=False))
def test_the_canonical_form_of_every_spelling_is_the_same(doc, dice):
    other = respelled(doc, dice)
    assert parse_policy(other) == parse_policy(doc)
    assert agent_policy(other) == agent_policy(doc)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from(["all", "none", "a/b", "*"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3) | st.sampled_from([f.key for f in ALLOW_ONLY_FIELDS]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
NEAR = st.dictionaries(
    st.sampled_from(["allow-only", "allowonly", "Write-Sink", "trusted-bots", "policy", "x"]), JSONS, max_size=2
)


@given(NEAR | JSONS | DOCS, NAMES, NAMES)
def test_nothing_is_mutated_and_only_typed_errors_come_out(doc, bots, users):
    before = repr(doc)
    for act in (
        parse_policy, agent_policy, lambda d: agent_policy(d, gateway=True),
        lambda d: payload(d, bots, users), lambda d: payload(d, bots, users, gateway=True),
    ):  # fmt: skip
        try:
            act(doc)
        except (PolicyError, PayloadError) as error:
            assert isinstance(error, PayloadError) or error.reason in POLICY_REASONS
    assert repr(doc) == before


@given(st.recursive(DOCS | JSONS, lambda inner: st.fixed_dictionaries({"allow-only": inner})))
def test_what_is_sent_is_always_a_policy_of_the_same_kind(doc):
    try:
        got = agent_policy(doc, check=STRICT)
    except PolicyError:
        return
    assert parse_policy(got).payload() == got
