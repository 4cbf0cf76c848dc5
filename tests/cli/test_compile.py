"""``wasmpy compile``: what came of each function, and the text with its instructions beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from wasmpy import Module, cli
from wasmpy.cli import compile as command
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.listing import listing
from wasmpy.tiers.pysource.marks import Untaken
from wasmpy.tiers.warm import functions_of

WAT = r"""(module
    (global $total (mut i32) (i32.const 0))
    (func $sum (export "sum") (param $n i32) (result i32) (local $found i32)
        (loop $again
            (local.set $found (i32.add (local.get $found) (local.get $n)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (global.set $total (local.get $found))
        (local.get $found))
    (func $twice (param $n i32) (result i32)
        (call $sum (call $sum (local.get $n)))))"""

HOSTILE = r"""(module
    (func $"\0aimport os\0a" (export "f") (param $"\0d\0araise" i32) (result i32)
        (call $"\0aimport os\0a" (local.get 0))))"""

Write = Callable[[str], str]


@pytest.fixture
def wat(tmp_path: Path) -> Write:
    def write(text: str) -> str:
        path = tmp_path / "module.wat"
        path.write_text(text)
        return str(path)

    return write


def run(capsys: Any, *argv: str) -> Any:
    code = cli.main(["compile", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def test_every_function_is_told_of(capsys: Any, wat: Write) -> None:
    document = json.loads(run(capsys, wat(WAT), "--json")[1])
    assert list(document) == [
        "command", "status", "exit_code", "module", "metered", "functions", "fallbacks",
    ]  # fmt: skip
    one, two = document["functions"]
    assert (one["index"], one["name"], one["form"], one["reason"]) == (0, "sum", "structured", None)
    assert (two["index"], two["name"], two["text"]) == (1, "twice", None)
    assert one["instructions"] == 15
    assert one["lines"] > 5
    assert document["fallbacks"] == []
    code, out, err = run(capsys, wat(WAT))
    assert (code, err, len(out.splitlines())) == (0, "", 1 + 2 + 1)


@pytest.mark.parametrize("wanted", ["0", "sum", "$sum"])
def test_a_function_is_shown_by_index_or_name(capsys: Any, wat: Write, wanted: str) -> None:
    code, out, err = run(capsys, wat(WAT), "--show", wanted)
    assert (code, err) == (0, "")
    assert "def f0(" in out
    assert "def f1(" not in out
    for words in ("l0: $n", "l1: $found", "global.set $total", "br_if"):
        assert words in out


def test_all_functions_are_shown(capsys: Any, wat: Write) -> None:
    out = run(capsys, wat(WAT), "--show")[1]
    assert "def f0(" in out
    assert "def f1(" in out
    assert out.count("call $sum") == 2


@pytest.mark.parametrize("metered", [False, True])
def test_what_is_shown_is_what_runs(metered: bool) -> None:
    module = Module(WAT)
    functions = Functions.of(module.syntax)
    for function in functions_of(module.syntax, module.sidetables):
        found = listing(functions, function, metered=metered)
        text = functions.source(function, metered=metered).text
        assert [line.text for line in found.lines] == text.splitlines()


def test_metered_text_counts(capsys: Any, wat: Write) -> None:
    path = wat(WAT)
    assert "fuel" not in run(capsys, path, "--show", "0")[1]
    assert "fuel" in run(capsys, path, "--show", "0", "--metered")[1]


def test_a_name_cannot_leave_its_comment(capsys: Any, wat: Write) -> None:
    code, out, _ = run(capsys, wat(HOSTILE), "--show")
    assert code == 0
    compile(out, "shown", "exec")
    for line in out.splitlines():
        bare = line.split("#")[0]
        assert "import" not in bare
        assert "raise" not in bare
    assert r"import os" in out
    assert run(capsys, wat(HOSTILE))[1].count("\n") == 3


@pytest.mark.parametrize("wanted", ["7", "nobody", "9" * 50])
def test_a_function_that_is_not_there_is_an_error(capsys: Any, wat: Write, wanted: str) -> None:
    code, out, err = run(capsys, wat(WAT), "--show", wanted)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_what_is_not_taken_is_told_with_its_reason(
    capsys: Any, wat: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Functions, function: Any, **options: Any) -> Any:
        raise Untaken("it is odd")

    monkeypatch.setattr(Functions, "source", refuse)
    path = wat(WAT)
    assert run(capsys, path)[0] == 0
    code, out, _ = run(capsys, path, "--fallback", "fail", "--json")
    document = json.loads(out)
    assert (code, document["status"]) == (1, "fallback")
    assert document["fallbacks"] == [[0, "sum", "it is odd"], [1, "twice", "it is odd"]]
    assert "it is odd" in run(capsys, path, "--show", "0")[1]
    assert command.NAME == "compile"
