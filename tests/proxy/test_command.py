"""The command line of the proxy, as far as it gets without a server."""

from __future__ import annotations

import sys

import pytest

from hostabi import Guard, GuardPool
from hostabi.capabilities import UNLIMITED
from hostabi.errors import GuardFuelExhausted
from hostabi.proxy import SWITCHES, stdio
from wasmpy import cli

GUARD = ["guard", "proxy", "--guard", "examples/guards/minimal-wat/guard.wat", "--policy", "examples/policy.json"]


def run(capsys, *argv):
    code = cli.main([*argv])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("argv", [
    GUARD, [*GUARD, "--"], [*GUARD, "python3", "--", "python3"], [*GUARD, "--mode", "loose", "--", "x"],
    [*GUARD, "--instances", "0", "--", "x"], [*GUARD, "--instances", "x", "--", "x"],
    [*GUARD, "--instances", "99999999", "--", "x"],
    ["guard", "proxy", "--", "x"], [*GUARD[:2], "--guard", "-", "--policy", "p", "--", "x"],
])  # fmt: skip
def test_wrong_usage_is_one_line_on_stderr(capsys, argv):
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("wasmpy: error: ")
    assert err.count("\n") == 1


def test_there_is_no_json_as_standard_output_is_the_clients(capsys):
    code, out, err = run(capsys, *GUARD, "--json", "--", "x")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    # After -- it is the server's.
    action = __import__("wasmpy.cli.guards.proxy", fromlist=["parse"])
    args = action.parse(cli.command_parser(action, "guard proxy"), [*GUARD[2:], "--", "x", "--json", "--"])
    assert args.server == ["x", "--json", "--"]
    assert args.json is False
    assert "--json" not in run(capsys, "guard", "proxy", "--help")[1]
    assert run(capsys, "guard", "--json", "proxy", *GUARD[2:], "--", "x")[:2] == (2, "")


def test_without_the_package_it_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp.client.stdio", None)
    code, out, err = run(capsys, *GUARD, "--", "x")
    assert (code, out) == (2, "")
    assert stdio.EXTRA in err
    assert "wasmpy-runtime[proxy]" in stdio.EXTRA
    assert err.count("\n") == 1


def test_the_help_names_every_switch(capsys):
    code, out, _ = run(capsys, "guard", "proxy", "--help")
    assert code == 0
    assert all(switch in out for switch in SWITCHES)


@pytest.fixture
def unpacked(monkeypatch):
    """As if the package were there: nothing here comes to a session."""
    monkeypatch.setattr(stdio, "check", lambda: None)


def test_a_file_that_is_no_guard_is_named(capsys, unpacked, tmp_path):
    guard = tmp_path / "none.wat"
    guard.write_text("no guard at all", encoding="utf-8")
    for instances in ("1", "2"):
        argv = ["guard", "proxy", "--guard", str(guard), *GUARD[4:], "--instances", instances, "--", "x"]
        code, out, err = run(capsys, *argv)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"wasmpy: error: {guard}: malformed module: ")


@pytest.mark.parametrize("name", ["none/t", "a\0b"])
def test_a_transcript_that_cannot_be_written_is_said_to_be_that(name, capsys, unpacked, tmp_path):
    path = str(tmp_path / name)
    code, out, err = run(capsys, *GUARD, "--transcript", path, "--", "x")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("wasmpy: error: cannot write the transcript: ")


def test_instances_are_a_pool_with_the_same_bounds():
    action = __import__("wasmpy.cli.guards.proxy", fromlist=["parse"])
    parser = cli.command_parser(action, "guard proxy")
    for instances, kind in (("1", Guard), ("3", GuardPool)):
        argv = [*GUARD[2:], "--instances", instances, "--name", "g", "--fuel", "5", "--", "x"]
        with action._guard(action.parse(parser, argv), UNLIMITED) as guard:
            assert type(guard) is kind
            assert guard.name == "g"
            if kind is GuardPool:
                assert guard.size == 3
            with pytest.raises(GuardFuelExhausted):
                guard.label_agent({})


@pytest.mark.parametrize(("option", "text"), [
    ("--policy", '{"allow-only": {"repos": ["o/a"], "min-integrity": "merged"}, '
                 '"allow-only": {"repos": "all", "min-integrity": "none"}}'),
    ("--capabilities", '{"imports": [], "imports": ["host_log"]}'),
    ("--backend", '[{"tool_name": "a", "tool_name": "b", "result": 1}]'),
])  # fmt: skip
def test_a_key_that_is_said_twice_is_refused(capsys, unpacked, tmp_path, option, text):
    path = tmp_path / "twice.json"
    path.write_text(text, encoding="utf-8")
    code, out, err = run(capsys, *GUARD, option, str(path), "--", "x")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"wasmpy: error: {path}: ")
