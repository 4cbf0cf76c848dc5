"""``--tier``, ``--fallback`` and ``--count``: what runs functions, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest

from wasmpy import cli
from wasmpy.api.store import TIERS

ADD = """(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))"""


@pytest.fixture
def module(tmp_path: Path) -> str:
    path = tmp_path / "add.wat"
    path.write_text(ADD)
    return str(path)


def run(capsys: Any, *argv: str) -> Any:
    code = cli.main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_runs_a_function(capsys: Any, module: str, tier: str) -> None:
    argv = ["run", module, "--invoke", "add", "40", "2", "--tier", tier, "--no-cache"]
    assert run(capsys, *argv) == (0, "42\n", "")


COMMANDS: List[List[str]] = [
    ["run", "x.wat"], ["demo"], ["guard", "label-agent", "x.wat", "--policy", "p.json"],
    ["wast", "x.wast"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[0])
@pytest.mark.parametrize("tier", ["native", "fast", ""])
def test_a_tier_that_is_not_there_is_a_usage_error(
    capsys: Any, command: List[str], tier: str
) -> None:
    code, out, err = run(capsys, *command, "--tier", tier)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.partition(" (see ")[0] == run(capsys, "run", "x.wat", "--tier", tier)[2].partition(" (see ")[0]


def test_instructions_are_counted_where_that_is_asked_for(capsys: Any, module: str) -> None:
    argv = ["run", module, "--invoke", "add", "40", "2", "--no-cache"]
    assert run(capsys, *argv, "--count") == (0, "42\n", "3 instructions\n")
    for more, count in (([], None), (["--count"], 3), (["--fuel", "10"], 3)):
        document = json.loads(run(capsys, *argv, "--json", *more)[1])
        assert document["instructions"] == count
