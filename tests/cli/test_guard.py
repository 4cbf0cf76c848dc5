"""``wasmpy guard``: one decision, for people and as JSON; what goes wrong is one line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.hostabi.wat import AGENT, BUMP, EXIT, LOOP, RESOURCE, data, guard_wat
from wasmpy import cli
from wasmpy.cli.guards import ACTIONS
from wasmpy.cli.guards import label as guard_command

ASKING = f"""
  (drop (call $call_backend (i32.const 512) (i32.const 4) (i32.const 520) (i32.const 9)
    (i32.const 1024) (i32.const 64)))
  (call $host_log (i32.const 2) (i32.const 512) (i32.const 4))
  (memory.copy (local.get $op) (i32.const 700) (i32.const {len(RESOURCE)}))
  (i32.const {len(RESOURCE)})"""
TEXTS = data(512, "find") + data(520, '{"a":[1]}') + data(700, RESOURCE) + data(900, "\x1b[2J")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A directory with a guard, a policy and payloads; the test works in it."""
    monkeypatch.chdir(tmp_path)
    wat = guard_wat(resource=ASKING, extra=TEXTS)
    contents: Dict[str, Any] = {
        "guard.wat": wat, "policy.json": '{"a": 1}', "args.json": '{"q": "x"}',
        "result.json": "[1, 2]", "list.json": "[]", "bad.json": "{", "twice.json": '{"a": 1, "a": 2}',
        "twice-backend.json": '[{"tool_name": "find", "tool_name": "drop", "result": 1}]',
        "backend.json": '[{"tool_name": "find", "tool_args": {"a": [1]}, "result": {"found": true}}]',
        "reject.wat": guard_wat(agent='{"success":false,"error":"not this one"}'),
        "loop.wat": guard_wat(resource=LOOP), "trap.wat": guard_wat(resource="(unreachable)"),
        "exit.wat": guard_wat(resource=EXIT.format(code=3)),
        "none.wat": guard_wat(response="(i32.const 0)"),
        "hungry.wat": guard_wat(memory="(memory 20)"),
        "evil.wat": guard_wat(
            resource="(call $host_log (i32.const 1) (i32.const 900) (i32.const 4)) " + ASKING,
            extra=TEXTS,
        ),
        "empty.wasm": "",
    }  # fmt: skip
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(capsys, *argv):
    code = cli.main(["guard", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def resource(guard="guard.wat", *more):
    return ["label-resource", guard, "--policy", "policy.json", "--tool", "t", *more]


def as_json(capsys, *argv):
    code, out, err = run(capsys, *argv, "--json")
    assert err == ""
    document = json.loads(out)
    assert document["exit_code"] == code
    assert document["command"] == "guard"
    return document


KEYS = ["command", "status", "exit_code", "function", "guard", "agent", "resource", "response", "calls"]


def test_the_agent_s_labels(capsys, files):
    document = as_json(capsys, "label-agent", "guard.wat", "--policy", "policy.json")
    assert list(document) == KEYS
    assert document["status"] == "ok"
    assert document["agent"] == {
        "secrecy": ["s"], "integrity": ["i"], "difc_mode": "filter", "normalized_policy": None,
    }  # fmt: skip
    assert (document["resource"], document["response"]) == (None, None)
    assert [call["function"] for call in document["calls"]] == ["label_agent"]


def test_a_resource_s_labels_with_the_policy_given_first(capsys, files):
    document = as_json(capsys, *resource("guard.wat", "--args", "args.json", "--backend", "backend.json"))
    assert list(document) == KEYS
    assert document["resource"] == {
        "description": "r", "secrecy": ["s"], "integrity": ["i"], "operation": "read",
    }  # fmt: skip
    agent, call = document["calls"]
    assert (agent["function"], call["function"]) == ("label_agent", "label_resource")
    assert call["backend"] == [{
        "tool_name": "find", "tool_args": '{"a":[1]}', "args_bytes": 9, "size": 64,
        "answer": '{"found":true}', "answer_bytes": 14, "returned": 14, "error": None,
        "refusal": None, "truncated": False,
    }]  # fmt: skip
    assert call["log"] == [{"level": 2, "source": "host_log", "text": "find", "bytes": 4}]
    assert call["attempts"][0]["returned"] == len(RESOURCE)
    assert call["fuel"] > 0


def test_without_rules_the_backend_has_no_answer(capsys, files):
    call = as_json(capsys, *resource())["calls"][1]["backend"][0]
    assert (call["answer"], call["returned"]) == (None, -1)


def test_a_response_s_labels(capsys, files):
    document = as_json(
        capsys, "label-response", "guard.wat", "--policy", "policy.json", "--tool", "t",
        "--args", "args.json", "--result", "result.json",
    )  # fmt: skip
    response = document["response"]
    assert (response["format"], response["collection"]) == ("paths", True)
    labels = {"description": "", "secrecy": ["d"], "integrity": []}
    assert response["items"] == [{"labels": labels, "source": "default"}] * 2
    assert [call["function"] for call in document["calls"]] == ["label_agent", "label_response"]


def test_a_response_without_labels(capsys, files):
    argv = ["label-response", "none.wat", "--policy", "policy.json", "--tool", "t", "--result", "result.json"]
    document = as_json(capsys, *argv)
    assert document["response"] is None
    assert [call["function"] for call in document["calls"]] == ["label_agent", "label_response"]
    code, out, _ = run(capsys, *argv)
    assert code == 0
    assert "no labels of its own" in out


def test_the_same_for_people(capsys, files):
    code, out, err = run(capsys, *resource("guard.wat", "--backend", "backend.json"))
    assert (code, err) == (0, "")
    fields = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith("   ")}
    assert fields["operation"] == ["read"]
    assert fields["secrecy"] == ["s"]
    assert fields["integrity"] == ["i"]
    assert '{"found":true}' in out
    assert "\x1b" not in out


def test_a_guest_s_text_cannot_steer_the_terminal(capsys, files):
    code, out, _ = run(capsys, *resource("evil.wat"))
    assert code == 0
    assert "\x1b" not in out
    assert "\\x1b[2J" in out


@pytest.mark.parametrize("which", ["--policy", "--args", "guard"])
def test_one_file_may_be_stdin(which, capsys, files, monkeypatch):
    content = {"--policy": b'{"a":1}', "--args": b"{}", "guard": (files / "guard.wat").read_bytes()}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content[which])))
    argv = resource("-") if which == "guard" else resource("guard.wat", "--args", "args.json")
    if which != "guard":
        argv[argv.index(which) + 1] = "-"
    assert as_json(capsys, *argv)["resource"]["operation"] == "read"


def error_of(capsys, code, *argv):
    """The error in JSON, after looking at its one line for people."""
    got, out, err = run(capsys, *argv)
    assert (got, out) == (code, "")
    assert err.count("\n") == 1
    assert err.startswith("wasmpy: error: ")
    document = as_json(capsys, *argv)
    assert (document["status"], document["exit_code"]) == ("error", code)
    return document["error"]


USAGE: List[List[str]] = [
    ["label-nothing", "guard.wat", "--policy", "policy.json"],
    ["label-agent", "guard.wat"],
    ["label-agent"],
    ["label-resource", "guard.wat", "--policy", "policy.json"],
    ["label-response", "guard.wat", "--policy", "policy.json", "--tool", "t"],
    ["label-agent", "guard.wat", "--policy", "none.json"],
    ["label-agent", "none.wasm", "--policy", "policy.json"],
    ["label-agent", ".", "--policy", "policy.json"],
    ["label-agent", "-", "--policy", "-"],
    ["label-agent", "guard.wat", "--policy", "bad.json"],
    ["label-agent", "guard.wat", "--policy", "list.json"],
    resource("guard.wat", "--args", "bad.json"),
    resource("guard.wat", "--backend", "bad.json"),
    resource("guard.wat", "--backend", "policy.json"),
    resource("guard.wat", "--fuel", "-1"),
    resource("guard.wat", "--fuel", "many"),
    resource("guard.wat", "--timeout", "-1"),
    resource("guard.wat", "--timeout", "nan"),
    resource("guard.wat", "--max-memory-pages", "0"),
    resource("guard.wat", "--compat", "other"),
]


@pytest.mark.parametrize("argv", USAGE, ids=lambda argv: " ".join(argv)[-40:])
def test_wrong_usage_and_unreadable_input_are_exit_code_2(argv, capsys, files):
    assert error_of(capsys, 2, *argv)["error"] in ("UsageError", "CommandError")


def test_what_decides_something_says_each_key_once(capsys, files):
    policy = ["label-agent", "guard.wat", "--policy", "twice.json"]
    error = error_of(capsys, 2, *policy)
    assert (error["error"], error["path"]) == ("CommandError", "twice.json")
    assert error_of(capsys, 2, *resource("guard.wat", "--backend", "twice-backend.json"))["path"] == "twice-backend.json"
    # The gateway's reader takes the last; so does the one of a tool's result, which is not ours.
    assert run(capsys, *policy, "--compat", "gateway")[0] == 0
    response = ["label-response", "guard.wat", "--policy", "policy.json", "--tool", "t", "--result", "twice.json"]
    assert run(capsys, *response)[0] == 0


NEGATIVE = [
    (["label-agent", "reject.wat", "--policy", "policy.json"], "PolicyRejected"),
    (resource("trap.wat"), "GuardTrap"),
    (resource("exit.wat"), "GuardExit"),
    (resource("loop.wat", "--timeout", "0.2"), "GuardTimeout"),
    (resource("loop.wat", "--fuel", "100_000"), "GuardFuelExhausted"),
    (resource("guard.wat", "--fuel", "0"), "GuardFuelExhausted"),
    (resource("hungry.wat", "--max-memory-pages", "10"), "GuardLoadError"),
    (resource("empty.wasm"), "GuardLoadError"),
    (resource("guard.wat", "--max-memory-pages", "20"), "GuardAllocError"),
]


@pytest.mark.parametrize(("argv", "error"), NEGATIVE, ids=lambda item: item if isinstance(item, str) else "")
def test_what_the_guard_does_wrong_is_exit_code_1(argv, error, capsys, files):
    document = error_of(capsys, 1, *argv)
    assert document["error"] == error
    if error not in ("GuardLoadError",):
        assert document["report"]["function"] in ("label_agent", "label_resource")


@pytest.mark.parametrize(
    ("options", "timeout"), [([], 60.0), (["--timeout", "1.5"], 1.5), (["--timeout", "0"], None)]
)
def test_each_call_has_a_minute_unless_told_otherwise(
    options, timeout, capsys, files, monkeypatch
):
    seen = []

    class Noting(guard_command.Guard):
        def __init__(self, *args, **kwargs):
            seen.append(kwargs["timeout"])
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(guard_command, "Guard", Noting)
    assert run(capsys, *resource("guard.wat", *options))[0] == 0
    assert seen == [timeout]


def test_compat_reaches_the_guard(capsys, files):
    (files / "void.wat").write_text(
        guard_wat(alloc='(func (export "alloc") (param i32)) (func (export "dealloc") (param i32 i32))'),
        encoding="utf-8",
    )
    assert error_of(capsys, 1, *resource("void.wat"))["stage"] == "signature"
    assert error_of(capsys, 1, *resource("void.wat", "--compat", "gateway"))["reason"] == "result"


def test_a_binary_guard_and_a_name(capsys, files):
    from tests.hostabi.wat import module

    (files / "guard.wasm").write_bytes(module(alloc=BUMP).binary)
    document = as_json(capsys, "label-agent", "guard.wasm", "--policy", "policy.json", "--name", "mine")
    assert document["agent"]["secrecy"] == json.loads(AGENT)["agent"]["secrecy"]


@pytest.mark.parametrize("action", ["label-agent", "label-resource", "label-response"])
@pytest.mark.parametrize(("text", "error"), [
    ("no guard at all", "MalformedError"), ("(module (func (result i32)))", "InvalidError"), ("(module)", "GuardLoadError"),
])  # fmt: skip
def test_a_file_that_is_no_guard_is_named(action, text, error, capsys, files):
    Path("none.wat").write_text(text, encoding="utf-8")
    argv = [action, "none.wat", "--policy", "policy.json", "--tool", "t", "--result", "policy.json"]
    code, out, err = run(capsys, *argv)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("wasmpy: error: none.wat: ")
    document = error_of(capsys, 1, *argv)
    assert (document["error"], document["path"]) == (error, "none.wat")
    assert document["text"].startswith("none.wat: ")


def test_each_action_has_a_line_of_its_own(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    lines = [line.strip() for line in out.splitlines() if line.startswith("  ")]
    told = [lines[i].split(None, 1)[1] for i in range(len(ACTIONS))]
    assert [lines[i].split()[0] for i in range(len(ACTIONS))] == list(ACTIONS)
    assert len(set(told)) == len(ACTIONS)
    for action, text in zip(ACTIONS, told):
        code, out, _ = run(capsys, action, "--help")
        assert code == 0
        assert text in out
