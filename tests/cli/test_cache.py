"""``wasmpy cache``, and the cache of the commands that run modules."""

from __future__ import annotations

import gc
import io
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from wasmpy import cli
from wasmpy.cli.bounds import byte_count
from wasmpy.cli.caching import directory_of
from wasmpy.cli.errors import ExitCode
from wasmpy.tiers import cache as caching
from wasmpy.tiers import folder

Capture = pytest.CaptureFixture[str]

WAT = '(module $two (func (export "two") (result i32) (i32.const 2)) (func (export "f")))'

pytestmark = pytest.mark.skipif(not folder._supported(), reason="the cache needs POSIX")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of the test's own, and a module in it."""
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(caching, "_complained", set())
    (tmp_path / "two.wat").write_text(WAT)
    return tmp_path


def run(capsys: Capture, *words: Any) -> Tuple[int, str, str]:
    code = cli.main([str(word) for word in words])
    gc.collect()
    out, err = capsys.readouterr()
    return code, out, err


def told(capsys: Capture, *words: Any) -> Dict[str, Any]:
    code, out, err = run(capsys, *words, "--json")
    assert err == ""
    document: Dict[str, Any] = json.loads(out)
    assert document["exit_code"] == code
    return document


def test_warm_info_clear(capsys: Capture, place: Path) -> None:
    warm = told(capsys, "cache", "warm", place / "two.wat")
    (module,) = warm["modules"]
    assert (module["functions"], module["compiled"], module["had"]) == (2, 4, 0)
    again = told(capsys, "cache", "warm", place / "two.wat")["modules"][0]
    assert (again["compiled"], again["had"], again["untaken"]) == (0, 4, [])
    info = told(capsys, "cache", "info")
    assert (info["action"], info["directory"]) == ("info", str(place / "cache"))
    (entry,) = info["entries"]
    assert (entry["name"], entry["direct"], entry["metered"]) == ("two", 2, 2)
    assert (entry["sound"], entry["current"]) == (True, True)
    assert entry["python"] == sys.implementation.cache_tag
    assert info["bytes"] == entry["bytes"] > 0
    cleared = told(capsys, "cache", "clear")
    assert (cleared["removed"], cleared["bytes"]) == (1, info["bytes"])
    assert told(capsys, "cache", "info")["entries"] == []


def test_for_a_person(capsys: Capture, place: Path) -> None:
    code, out, err = run(capsys, "cache", "warm", place / "two.wat")
    assert (code, err) == (0, "")
    assert "2 functions, 4 forms compiled" in out
    code, out, err = run(capsys, "cache", "info")
    assert (code, err) == (0, "")
    assert "1 entries" in out
    assert "two: 2 functions, 2 compiled, 2 with fuel" in out
    assert run(capsys, "cache", "clear")[1].startswith("1 entries removed")


def test_a_name_cannot_move_the_cursor(capsys: Capture, place: Path) -> None:
    (place / "evil.wat").write_text('(module (@name "\\1b[2Jx"))')
    run(capsys, "cache", "warm", place / "evil.wat")
    out = run(capsys, "cache", "info")[1]
    assert "\x1b" not in out
    assert "[2Jx" in out


def test_what_is_no_entry_is_shown_and_cleared(capsys: Capture, place: Path) -> None:
    run(capsys, "cache", "info")
    (place / "cache" / ("0" * 64 + folder.SUFFIX)).write_bytes(b"nonsense")
    (place / "cache" / "other").write_bytes(b"not ours")
    (entry,) = told(capsys, "cache", "info")["entries"]
    assert (entry["sound"], entry["current"], entry["name"]) == (False, False, None)
    assert "damaged" in run(capsys, "cache", "info")[1]
    run(capsys, "cache", "clear")
    assert [path.name for path in (place / "cache").iterdir()] == ["other"]


def test_an_entry_of_another_wasmpy_is_told(
    capsys: Capture, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(caching.environment(), "wasmpy", "0.0.1")
        run(capsys, "cache", "warm", place / "two.wat")
    (entry,) = told(capsys, "cache", "info")["entries"]
    assert (entry["sound"], entry["current"], entry["wasmpy"]) == (True, False, "0.0.1")
    assert "of no use" in run(capsys, "cache", "info")[1]


def test_warm_as_guards_are_loaded(capsys: Capture, place: Path) -> None:
    run(capsys, "cache", "warm", "--guard", place / "two.wat")
    run(capsys, "cache", "warm", "--features", "wasm2", place / "two.wat")
    run(capsys, "cache", "warm", place / "two.wat")
    features = [entry["features"] for entry in told(capsys, "cache", "info")["entries"]]
    assert sorted("gc" in names for names in features) == [False, True]


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal_alone(
    capsys: Capture, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli.main(["cache", "warm", str(place / "two.wat")]) == 0
    assert "/4 " in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(
    "words",
    [
        ["cache"],
        ["cache", "wipe"],
        ["cache", "warm"],
        ["cache", "info", "x.wasm"],
        ["cache", "clear", "--guard"],
        ["cache", "warm", "--guard", "--features", "wasm2", "x"],
        ["cache", "warm", "no/such/file"],
        ["cache", "warm", "-", "-"],
        ["run", "--cache", "x", "--no-cache", "y"],
        ["cache", "info", "--cache", ""],
        ["cache", "clear", "--cache="],
        ["cache", "warm", "--cache", "", "x"],
        ["run", "--cache", "", "y"],
        ["guard", "label-agent", "g", "--policy", "p", "--cache", ""],
        ["demo", "--cache", ""],
        ["cache", "info", "--cache-size", "0"],
        ["cache", "info", "--cache-size", "10X"],
        ["cache", "info", "--cache-size", ""],
        ["run", "--cache-size", "-1", "y"],
    ],
)
def test_wrong_usage_is_one_line(capsys: Capture, words: List[str]) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("wasmpy: error: ")
    assert err.count("\n") == 1


def test_an_empty_name_is_not_the_current_directory(
    capsys: Capture, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "own.wasmpy").write_bytes(b"not the cache's")
    assert run(capsys, "cache", "clear", "--cache", "")[0] == ExitCode.USAGE
    assert (place / "own.wasmpy").exists()


def test_the_size(capsys: Capture, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option's, else the variable's, else one that is large."""
    assert told(capsys, "cache", "info")["max_bytes"] == caching.MAX_BYTES
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "")
    assert told(capsys, "cache", "info")["max_bytes"] == caching.MAX_BYTES
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "3M")
    assert told(capsys, "cache", "info")["max_bytes"] == 3 << 20
    assert told(capsys, "cache", "info", "--cache-size", "70k")["max_bytes"] == 70 << 10
    words = ["run", place / "two.wat", "--invoke", "two"]
    assert run(capsys, *words, "--cache-size", "1") == (0, "2\n", "")
    assert told(capsys, "cache", "info")["entries"] == []
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "1")
    assert run(capsys, *words) == (0, "2\n", "")
    assert told(capsys, "cache", "info")["entries"] == []
    assert run(capsys, *words, "--cache-size", "1M") == (0, "2\n", "")
    assert len(told(capsys, "cache", "info")["entries"]) == 1
    monkeypatch.setenv("WASMPY_CACHE_SIZE", "much")
    for command in (["cache", "info"], words):
        code, out, err = run(capsys, *command)
        assert (code, out, err.count("\n")) == (ExitCode.USAGE, "", 1)
        assert "WASMPY_CACHE_SIZE" in err


@pytest.mark.parametrize(
    ("text", "count"),
    [("1", 1), ("1_000", 1000), ("2K", 2048), ("3m", 3 << 20), ("4G", 4 << 30), ("1T", 1 << 40)],
)
def test_numbers_of_bytes(text: str, count: int) -> None:
    assert byte_count(text) == count


def test_a_damaged_function_is_told(capsys: Capture, place: Path) -> None:
    run(capsys, "cache", "warm", place / "two.wat")
    (path,) = (place / "cache").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    (entry,) = told(capsys, "cache", "info")["entries"]
    assert (entry["sound"], entry["direct"], entry["metered"]) == (False, 0, 0)
    assert "damaged" in run(capsys, "cache", "info")[1]


def test_an_invalid_module_is_a_negative_answer(capsys: Capture, place: Path) -> None:
    (place / "bad.wat").write_text("(module (func i32.add))")
    assert run(capsys, "cache", "warm", place / "bad.wat")[0] == ExitCode.NEGATIVE


def test_there_may_be_no_cache(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMPY_CACHE_DIR", "")
    code, out, err = run(capsys, "cache", "info")
    assert (code, out, err.count("\n")) == (ExitCode.USAGE, "", 1)


def test_a_directory_that_others_can_write(capsys: Capture, place: Path) -> None:
    """An error where it was named; a warning, and no cache, where it was not."""
    (place / "cache").mkdir()
    (place / "cache").chmod(0o777)
    code, out, err = run(capsys, "cache", "info")
    assert (code, out, err.count("\n")) == (ExitCode.USAGE, "", 1)
    code, out, err = run(
        capsys, "run", "--cache", place / "cache", place / "two.wat", "--invoke", "two"
    )
    assert (code, out, "others can write" in err) == (ExitCode.USAGE, "", True)
    code, out, err = run(capsys, "run", place / "two.wat", "--invoke", "two")
    assert (code, out) == (0, "2\n")
    assert err.startswith("wasmpy: warning: no cache is used: ")
    assert err.count("\n") == 1
    assert list((place / "cache").iterdir()) == []


def test_run_keeps_what_it_loads(capsys: Capture, place: Path) -> None:
    words = ["run", place / "two.wat", "--invoke", "two"]
    assert run(capsys, *words, "--no-cache") == (0, "2\n", "")
    assert not (place / "cache").exists()
    assert run(capsys, *words, "--cache", place / "own") == (0, "2\n", "")
    assert run(capsys, *words) == (0, "2\n", "")
    assert run(capsys, *words) == (0, "2\n", "")
    kept = [sorted(p.name for p in (place / name).iterdir()) for name in ("own", "cache")]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 1


def test_a_damaged_entry_is_one_line(capsys: Capture, place: Path) -> None:
    words = ["run", place / "two.wat", "--invoke", "two"]
    run(capsys, *words)
    (entry,) = (place / "cache").iterdir()
    entry.write_bytes(b"x")
    code, out, err = run(capsys, *words)
    assert (code, out, err.count("\n")) == (0, "2\n", 1)
    assert err.startswith("wasmpy: warning: cache: ")
    assert run(capsys, *words) == (0, "2\n", "")


@pytest.mark.parametrize(
    ("variables", "directory"),
    [
        ({"WASMPY_CACHE_DIR": "/a/b"}, "/a/b"),
        ({"WASMPY_CACHE_DIR": "", "XDG_CACHE_HOME": "/x"}, None),
        ({"XDG_CACHE_HOME": "/x"}, "/x/wasmpy"),
        ({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/wasmpy"),
        ({"HOME": "/h"}, "/h/.cache/wasmpy"),
    ],
)
def test_the_directory(
    monkeypatch: pytest.MonkeyPatch, variables: Dict[str, str], directory: Any
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("WASMPY_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert directory_of(None) == directory
    assert directory_of("named") == "named"
