"""``wasmpy demo``: the bundled guard labels the bundled session, and the story is told."""

from __future__ import annotations

import json
import re
import time

import pytest

from hostabi import Labels, bundled
from hostabi.difc import check_read
from wasmpy import cli
from wasmpy.cli import demo, present


@pytest.fixture(scope="module")
def played():
    return demo.play(bundled.session(), bundled.guard_bytes())


@pytest.fixture(scope="module")
def document(played):
    return json.loads(json.dumps(demo.document(played)))


def test_the_demo_runs_in_time_and_is_quiet_on_stderr(capsys):
    began = time.monotonic()
    assert cli.main(["demo"]) == 0
    # The aim is 5 seconds on an idle machine; the tests share theirs.
    assert time.monotonic() - began < 30
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 110


@pytest.mark.parametrize(
    ("options", "timeout"), [([], 60.0), (["--timeout", "7"], 7.0), (["--timeout", "0"], None)]
)
def test_a_call_has_a_minute_unless_told_otherwise(capsys, monkeypatch, options, timeout):
    seen = []

    def play(session, guard, given, tier):
        seen.append(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "play", play)
    assert cli.main(["demo", *options]) == 130
    assert seen == [timeout]


def test_json_is_one_document_with_the_documented_keys(capsys):
    assert cli.main(["demo", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert list(json.loads(out)) == [
        "command", "status", "exit_code", "description", "guard", "policy", "tool", "agent",
        "resource", "items", "kept", "dropped", "calls", "instructions",
    ]  # fmt: skip


def test_the_document_is_the_same_every_time(document):
    again = demo.document(demo.play(bundled.session(), bundled.guard_bytes()))
    assert json.loads(json.dumps(again)) == document


def test_items_are_kept_and_dropped_for_a_reason(document):
    items = document["items"]
    assert document["kept"] + document["dropped"] == len(items) == 8
    assert document["kept"] > 0
    rules = set()
    for item in items:
        assert item["title"]
        denied = item["missing_integrity"] + item["extra_secrecy"]
        assert item["allowed"] is (denied == [])
        assert item["allowed"] is (item["rule"] is None)
        rules.add(item["rule"])
        # By hand: reads need all of the agent's integrity, and no secrecy it is not cleared for.
        agent, labels = document["agent"], item["labels"]
        assert item["allowed"] is (
            set(labels["integrity"]) >= set(agent["integrity"])
            and set(labels["secrecy"]) <= set(agent["secrecy"])
        )
    assert rules == {None, "integrity"}
    assert any(item["extra_secrecy"] for item in items)


def test_the_story_has_everything_a_person_wants_to_see(capsys, document):
    assert cli.main(["demo"]) == 0
    text = capsys.readouterr().out
    for tag in document["agent"]["integrity"] + [document["tool"]["name"]]:
        assert tag in text
    assert re.search(r"operation +read", text)
    words = re.findall(r"^   (kept   |dropped)  (\S+)", text, re.MULTILINE)
    assert [(w.strip() == "kept", d) for w, d in words] == [
        (item["allowed"], item["labels"]["description"]) for item in document["items"]
    ]
    for call in document["calls"]:
        assert f"{call['fuel']:,}" in text
        for line in call["log"]:
            assert line["text"] in text
        for asked in call["backend"]:
            assert f"{asked['tool_name']} {asked['tool_args']}" in text
    assert f"{document['instructions']:,} instructions" in text


def test_every_reason_names_the_tag_the_side_and_the_path(document, played):
    outputs = {
        "/agent": json.loads(played.agent.raw), "/labeled_paths": json.loads(played.response.raw),
        "/resource": json.loads(played.resource.raw),
    }  # fmt: skip
    found = set()
    for thing, side in [(document["resource"], "resource")] + [(i, "item") for i in document["items"]]:
        assert thing["allowed"] is (thing["reasons"] == [])
        tags = [reason["tag"] for reason in thing["reasons"]]
        assert tags == thing["missing_integrity"] + thing["extra_secrecy"]
        for reason in thing["reasons"]:
            node = outputs["/" + reason["path"].split("/")[1]]
            for segment in reason["path"].split("/")[1:]:
                node = node[int(segment) if isinstance(node, list) else segment]
            assert node == reason["tag"]
            assert reason["side"] == side
            found.add((reason["rule"], reason["fault"], reason["path"].split("/")[1]))
    assert found == {("integrity", "missing", "agent"), ("secrecy", "extra", "labeled_paths")}


def test_the_story_names_them_too(capsys, document):
    assert cli.main(["demo"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for item in document["items"]:
        for reason in item["reasons"]:
            assert f"{reason['tag']} ({reason['path']})" in text
    assert "the item lacks" in text and "the item has private:acme/vault" in text


def test_other_sessions_of_the_package_play_too():
    names = ["payload-leaked-secrets.json", "payload-split-text.json", "payload-unknown-tool.json"]
    for name in names:
        document = demo.document(demo.play(bundled.session(name), bundled.guard_bytes()))
        assert document["instructions"] > 0
        assert document["kept"] + document["dropped"] == len(document["items"])


class Terminal:
    def isatty(self):
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert present.wants_colour(Terminal())
    assert not present.wants_colour(object())
    monkeypatch.setenv("TERM", "dumb")
    assert not present.wants_colour(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not present.wants_colour(Terminal())


def test_colour_changes_no_text():
    plain, coloured = present.Paper(colour=False), present.Paper(colour=True)
    for paper in (plain, coloured):
        paper.heading("a heading", "right")
        paper.field("name", "a long text " * 20, "green")
        paper.labels(Labels(("s",), ()))
        paper.columns([["a", "1"], ["bb", "22"]], right=(1,))
    assert "\x1b[" in "".join(coloured.lines)
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured.lines] == plain.lines


@pytest.mark.parametrize(
    ("agent", "thing", "missing", "extra"),
    [
        (Labels(), Labels(), (), ()),
        (Labels(("a",), ("x",)), Labels(("a",), ("x", "y")), (), ()),
        (Labels((), ("x", "y")), Labels((), ("y",)), ("x",), ()),
        (Labels(("a",), ()), Labels(("b", "a", "c"), ()), (), ("b", "c")),
        (Labels((), ("x",)), Labels(("s",), ()), ("x",), ("s",)),
        # The wildcard counts on the including side alone.
        (Labels(("*",), ()), Labels(("s",), ()), (), ()),
        (Labels((), ("x",)), Labels((), ("*",)), (), ()),
        (Labels((), ("*",)), Labels((), ("x",)), ("*",), ()),
        (Labels(("s",), ()), Labels(("*",), ()), (), ("*",)),
    ],
)
def test_the_read_check(agent, thing, missing, extra):
    verdict = check_read(agent, thing)
    assert (verdict.missing_integrity, verdict.extra_secrecy) == (missing, extra)
    assert verdict.allowed is (not missing and not extra)
    assert verdict.rule == ("integrity" if missing else "secrecy" if extra else None)


def test_an_item_without_labels_is_denied():
    verdict = check_read(Labels(), None)
    assert not verdict.allowed
    assert verdict.rule == "unlabelled"
