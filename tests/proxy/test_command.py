"""The command line of the proxy, as far as it gets without a server."""

from __future__ import annotations

import sys

import pytest

from hostabi.proxy import SWITCHES, stdio
from wasmpy import cli

GUARD = ["guard", "proxy", "--guard", "examples/guards/minimal-wat/guard.wat", "--policy", "examples/policy.json"]


def run(capsys, *argv):
    code = cli.main([*argv])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("argv", [
    GUARD, [*GUARD, "--"], [*GUARD, "python3", "--", "python3"], [*GUARD, "--mode", "loose", "--", "x"],
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
