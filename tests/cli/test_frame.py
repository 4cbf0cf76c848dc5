"""What all subcommands share: the overview, one-line errors, exit codes, JSON errors, pipes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, List, Tuple

import pytest

import wasmpy
from wasi.fs.host import containment_lacks
from wasmpy import cli, errors
from wasmpy.cli.errors import CommandError, ExitCode, UsageError, exit_code_of
from wasmpy.cli.guards import ACTIONS, load_action
from wasmpy.tiers import folder

ROOT = Path(cli.__file__).resolve().parents[2]

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *argv: str) -> Tuple[int, str, str]:
    code = cli.main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def fake_command(action: Any) -> ModuleType:
    module = ModuleType("fake")
    module.NAME = "validate"  # type: ignore[attr-defined]
    module.HELP = "a command of the tests"  # type: ignore[attr-defined]
    module.EXAMPLE = "wasmpy validate x"  # type: ignore[attr-defined]
    module.add_arguments = lambda parser: None  # type: ignore[attr-defined]
    module.run = action  # type: ignore[attr-defined]
    return module


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make ``validate`` do something else."""

    def set_action(action: Any) -> None:
        monkeypatch.setattr(cli, "load_command", lambda name: fake_command(action))

    return set_action


def raising(error: BaseException) -> Any:
    def action(args: Any) -> int:
        raise error

    return action


def test_the_overview_names_every_command(capsys: Capture) -> None:
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    for name in cli.COMMANDS:
        assert f"  {name} " in out
    assert run(capsys)[0] == ExitCode.USAGE


def test_a_command_that_cannot_be_loaded_leaves_the_others_alone(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = cli.load_command

    def some(name: str) -> ModuleType:
        if name == "demo":
            raise ImportError("no demo today")
        return load(name)

    monkeypatch.setattr(cli, "load_command", some)
    code, out, _ = run(capsys, "--help")
    assert (code, "ImportError: no demo today" in out) == (0, True)
    assert run(capsys, "run", "--help")[0] == 0
    assert run(capsys, "demo")[0] == ExitCode.INTERNAL


MODULES = [cli.load_command(name) for name in cli.COMMANDS] + [load_action(name) for name in ACTIONS]
EXAMPLES = sorted({line.strip() for module in MODULES for line in module.EXAMPLE.splitlines()})


LACKING = {
    "cache": None if folder._supported() else "the cache on disk needs POSIX",
    "--dir": containment_lacks(),
}
"""Word of an example -> why what it asks for is not there, or None."""


@pytest.mark.parametrize("example", [*EXAMPLES, cli.overview().splitlines()[-1].strip()])
def test_every_example_of_help_runs_as_it_stands(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    for word in example.split():
        if LACKING.get(word) is not None:
            pytest.skip(LACKING[word])
    # Where examples write, it is not the checkout.
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(tmp_path / "cache"))
    first, *words = shlex.split(example)
    assert first == "wasmpy"
    if words[0] == "guard" and "--" in words:
        # It runs until somebody closes it, with a package that may be absent (tests/proxy).
        action = load_action(words[1])
        assert action.parse(cli.command_parser(action, words[1]), words[2:])
        return
    code, _, err = run(capsys, *words)
    assert (code, err) == (0, "")


@pytest.mark.parametrize("name", [*cli.COMMANDS, *(f"guard {action}" for action in ACTIONS)])
def test_every_command_explains_itself_with_an_example(capsys: Capture, name: str) -> None:
    code, out, err = run(capsys, *name.split(), "--help")
    assert (code, err) == (0, "")
    assert f"wasmpy {name.split()[0]}" in out.split("example:")[1]
    assert "--traceback" in out
    # The proxy's standard output is its client's.
    assert ("--json" in out) == (name != "guard proxy")


def test_the_overview_of_guard_names_every_action(capsys: Capture) -> None:
    code, out, err = run(capsys, "guard", "--help")
    assert (code, err) == (0, "")
    for name in ACTIONS:
        assert f"  {name} " in out


@pytest.mark.parametrize("argv", [[], ["--fuel", "1"], ["label-agnet"], ["no-such-action"]])
def test_guard_needs_an_action(capsys: Capture, argv: List[str]) -> None:
    code, out, err = run(capsys, "guard", *argv)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.count("\n") == 1
    assert ("`label-agent`" in err) == (argv == ["label-agnet"])


def test_version(capsys: Capture) -> None:
    assert run(capsys, "--version") == (0, f"wasmpy {wasmpy.__version__}\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        ["rum"],
        ["--verbose"],
        ["run"],
        ["run", "--fuel", "x", "m"],
        ["run", "--fuel", "-1", "m"],
        ["run", "--timeout", "-1", "m"],
        ["run", "--timeout", "nan", "m"],
        ["run", "m", "--no-such-option"],
        ["validate"],
        ["validate", "no/such/file"],
        ["validate", "a\0b"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(capsys: Capture, argv: List[str]) -> None:
    code, out, err = run(capsys, *argv)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith("wasmpy: error: ")
    assert err.count("\n") == 1


def test_run_without_arguments_asks_for_the_module_alone(capsys: Capture) -> None:
    _, _, err = run(capsys, "run")
    assert "MODULE" in err
    assert "ARGS" not in err


@pytest.mark.parametrize("command", ["run", "guard label-agent"])
@pytest.mark.parametrize(
    ("option", "text", "unit"),
    [
        ("--fuel", "abc", "instructions"),
        ("--fuel", "1.5", "instructions"),
        ("--fuel", "\u0663", "instructions"),
        ("--timeout", "soon", "seconds"),
        ("--timeout", "inf", "seconds"),
    ],
)
def test_a_wrong_bound_is_told_alike_by_all_commands(
    capsys: Capture, command: str, option: str, text: str, unit: str
) -> None:
    code, _, err = run(capsys, *command.split(), option, text)
    assert code == ExitCode.USAGE
    assert f"{option}: not a number of {unit}: {text!r}" in err


def test_a_near_miss_is_named(capsys: Capture) -> None:
    assert "`run`" in run(capsys, "rum")[2]


ENDINGS = [
    (UsageError("u"), 2),
    (CommandError("c", 1), 1),
    (FileNotFoundError(2, "gone", "file"), 2),
    (errors.MalformedError("m", offset=8, section="type"), 1),
    (errors.InvalidError("i", rule="r"), 1),
    (errors.LinkError("l", [errors.MissingImport("env", "f", "func [] -> []", None)]), 1),
    (errors.WasmTrap(errors.TrapKind.UNREACHABLE), 134),
    (errors.Interrupted(errors.Resource.FUEL), 124),
    (errors.GuardError("g"), 1),
    (errors.InternalError("state"), 70),
    (KeyError("k\nl"), 70),
    (RecursionError("deep"), 70),
    (MemoryError(), 70),
    (KeyboardInterrupt(), 130),
]


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=lambda e: type(e).__name__)
def test_each_error_has_its_exit_code_and_one_line(
    capsys: Capture, act: Any, error: BaseException, code: int
) -> None:
    act(raising(error))
    assert exit_code_of(error) == code
    got, out, err = run(capsys, "validate")
    assert (got, out) == (code, "")
    assert err.startswith("wasmpy: error: ")
    assert err.count("\n") == 1
    assert ("--traceback" in err) == (code == 70)


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=lambda e: type(e).__name__)
def test_each_error_is_a_document_with_json(
    capsys: Capture, act: Any, error: BaseException, code: int
) -> None:
    act(raising(error))
    got, out, err = run(capsys, "validate", "--json")
    assert (got, err) == (code, "")
    doc = json.loads(out)
    assert list(doc) == ["command", "status", "exit_code", "error"]
    assert (doc["command"], doc["status"], doc["exit_code"]) == ("validate", "error", code)
    assert doc["error"]["error"] == type(error).__name__
    assert isinstance(doc["error"]["text"], str)


def test_json_holds_for_wrong_usage_too(capsys: Capture) -> None:
    code, out, err = run(capsys, "run", "--json")
    assert (code, err) == (2, "")
    assert json.loads(out)["error"]["error"] == "UsageError"


def test_the_traceback_can_be_had(
    capsys: Capture, act: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(raising(KeyError("k")))
    assert "Traceback (most recent" not in run(capsys, "validate")[2]
    assert "Traceback (most recent" in run(capsys, "validate", "--traceback")[2]
    monkeypatch.setenv("WASMPY_TRACEBACK", "1")
    assert "Traceback (most recent" in run(capsys, "validate")[2]


def test_the_returned_code_is_the_exit_code(capsys: Capture, act: Any) -> None:
    act(lambda args: 7)
    assert run(capsys, "validate")[0] == 7


def shell(script: str) -> "subprocess.CompletedProcess[str]":
    """A shell line over the real command line, called ``w``."""
    # Under pytest Python ignores no signal that a shell would not; a shell passes its own on.
    quoted = f"{sys.executable} -m wasmpy"
    return subprocess.run(
        ["sh", "-c", f'w() {{ {quoted} "$@"; }}; {script}'],
        cwd=str(ROOT), capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )  # fmt: skip


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = shell("(sleep 0.5; w --help; echo code $? >&2) | true")
    assert done.stderr == "code 141\n"


def test_no_stdout_and_a_full_one() -> None:
    assert shell("w --help >&-").stderr == ""
    if Path("/dev/full").exists():
        done = shell("w --help >/dev/full; echo code $? >&2")
        lines = done.stderr.splitlines()
        assert lines[0].startswith("wasmpy: error: ")
        assert lines[1:] == ["code 2"]


def test_names_that_the_terminal_cannot_show() -> None:
    done = shell("w validate $(printf '\\303\\274')")
    assert done.returncode == 2
    assert done.stderr.startswith("wasmpy: error: cannot read ")


WRITERS = (
    "print examples/math.wat", "parse examples/math.wat", "parse -t examples/math.wat", "dump examples/math.wat", "demo",
    "run examples/math.wat --invoke add 1 2", "validate --trace examples/math.wat", "compile examples/math.wat --json",
    "compile examples/math.wat --show", "wast examples/math.wast", "validate --json nowhere.wasm",
)  # fmt: skip


@pytest.mark.parametrize("command", WRITERS)
def test_a_closed_stdout_is_said_to_be_closed(command: str) -> None:
    done = shell(f"w {command} >&-")
    assert (done.returncode, done.stderr) == (2, "wasmpy: error: cannot write to standard output: it is closed\n")


@pytest.mark.parametrize("command", ["validate", "print", "parse", "dump", "wast", "run", "compile", "cache warm"])
def test_a_closed_stdin_is_said_to_be_closed(command: str) -> None:
    done = shell(f"w {command} - <&-")
    assert (done.returncode, done.stderr) == (2, "wasmpy: error: cannot read standard input: it is closed\n")


@pytest.mark.parametrize("unbuffered", ["", "PYTHONUNBUFFERED=1; export PYTHONUNBUFFERED; "])
@pytest.mark.parametrize("command", ["print", "parse", "dump --json"])
def test_what_is_cut_short_is_no_success(command: str, unbuffered: str, tmp_path: Path) -> None:
    big = tmp_path / "big.wat"
    big.write_text(f'(module (memory 4) (data (i32.const 0) "{"a" * 200_000}"))', encoding="utf-8")
    # What Python keeps of modules it loads would be cut short, too.
    unbuffered += "PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; "
    done = shell(f"{unbuffered}trap '' XFSZ; ulimit -f 1; w {command} {big} >{tmp_path / 'out'}")
    assert done.returncode == 2
    assert done.stderr.startswith("wasmpy: error: cannot write to standard output: ")
    assert done.stderr.count("\n") == 1
    assert shell(f"{unbuffered}(w {command} {big}; echo code $? >&2) | head -c 1").stderr == "code 141\n"


def test_cache_alone_asks_for_the_action_alone(capsys: Capture) -> None:
    _, _, err = run(capsys, "cache")
    assert "ACTION" in err
    assert "MODULE" not in err


def test_a_file_where_a_function_is_expected_is_told_apart(capsys: Capture) -> None:
    code, out, err = run(capsys, "compile", "--show", str(ROOT / "examples/math.wat"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "examples/math.wat" in err
    assert run(capsys, "compile", str(ROOT / "examples/math.wat"), "--show")[0] == 0


def test_the_next_commands_for_a_new_guard_can_be_pasted(capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "my guard (x)"
    code, out, _ = run(capsys, "guard", "new", "c", str(folder))
    assert code == 0
    assert [shlex.split(line)[1] for line in out.splitlines() if line.startswith("  sh ")] == [str(folder / "build.sh")]
    (test,) = [shlex.split(line) for line in out.splitlines() if "wasmpy guard test" in line]
    assert [Path(word).parent for word in test[3:]] == [folder, folder]
