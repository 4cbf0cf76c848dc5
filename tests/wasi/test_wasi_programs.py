"""The programs in C, Rust and AssemblyScript, on every file system, and through the command line.

What belongs here: that they all pass, that together they call every function
with success and with errors.  What does not: other engines, and whether the
binaries are made of the sources (``tests/diff``).
"""

from __future__ import annotations

import concurrent.futures
import io
import os
import sys
from pathlib import Path
from typing import Any, Dict, Set

import pytest

import wasmpy
from tests.wasi import running
from tests.wasi.fs_kinds import needs_host
from tests.wasi.programs import built
from tests.wasi.running import PROGRAMS, Outcome, World
from wasi import abi
from wasmpy import cli
from wasmpy.cli.errors import ExitCode

ALL = {running.name_of(p): p for p in running.programs()}
LISTENING = [name for name, p in ALL.items() if running.settings(p).listen]
QUIET = [name for name in ALL if name not in LISTENING]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The files that a program finds."""
    return World(tmp_path / "world")


def verify(name: str, outcome: Outcome, world: World) -> None:
    """It ended as the manifest says, all of its checks passed, and nothing outside was touched."""
    own = running.settings(ALL[name])
    assert outcome.failures == []
    assert (outcome.code, outcome.note if own.exit is not None else "") == (own.exit, ""), outcome
    if own.stdout is not None:
        assert outcome.stdout == own.stdout
    assert world.is_untouched()


def test_there_are_programs_in_every_language() -> None:
    for language, pattern in built.SUFFIXES.items():
        sources = {p.stem for p in (PROGRAMS / language).glob(pattern)} - {"check", "wasi"}
        assert sources == {p.stem for p in (PROGRAMS / language).glob("*.wasm")}, language
        assert len(sources) >= 5


@pytest.mark.parametrize("kind", ["memory", "host", "overlay"])
@pytest.mark.parametrize("name", QUIET)
def test_program(name: str, kind: str, world: World) -> None:
    verify(name, running.under_wasmpy(ALL[name], world, kind), world)


@needs_host
@pytest.mark.parametrize("name", QUIET)
def test_program_through_the_command_line(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    own = running.settings(ALL[name])
    if "cli" in own.not_in:
        pytest.skip(own.why)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(own.stdin)))
    for stream in ("stdout", "stderr"):
        to = os.fdopen(os.dup({"stdout": 1, "stderr": 2}[stream]), "w", buffering=1)
        monkeypatch.setattr(sys, stream, to)
    code = cli.main(running.command_line(ALL[name], world))
    for to in (sys.stdout, sys.stderr):
        to.close()
    monkeypatch.undo()
    found = capfdbinary.readouterr()
    (world.base / ALL[name].stem).unlink()
    wanted = ExitCode.TRAP if own.exit is None else own.exit
    assert code == wanted, found.err
    assert b"FAIL " not in found.err
    assert own.stdout in (None, found.out)
    assert world.is_untouched()


@pytest.mark.parametrize("name", ["c/stdio", "c/args", "rust/world", "libc/abort", "rust/files"])
def test_program_in_a_process_of_its_own(name: str, world: World) -> None:
    outcome = running.under_command_line(ALL[name], world)
    if running.settings(ALL[name]).exit is None:
        assert outcome.code == ExitCode.TRAP
        outcome = outcome._replace(code=None)
    verify(name, outcome, world)


@pytest.mark.parametrize("name", LISTENING)
def test_a_program_that_accepts_connections(name: str, world: World) -> None:
    # The address is known before the program runs: the first listener of a free port.
    out, err = bytearray(), bytearray()
    config = running.configured(
        ALL[name], world, "memory", stdout=out.extend, stderr=err.extend, listeners=["127.0.0.1:0"]
    )
    linker = wasmpy.Linker()
    wasi = linker.define_wasi(config)
    lines = [b"hello\n", b"a longer line, in several pieces\n", b"quit\n"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool, wasi:
        heard = pool.submit(running.converse, wasi.addresses[0], lines)
        guest = linker.instantiate(wasmpy.Module(ALL[name].read_bytes()))
        code = 0
        try:
            guest.exports["_start"](deadline=60)
        except wasmpy.WasiExit as ended:
            code = ended.code
        assert heard.result(60) == [b"> " + line + b"bye\n" for line in lines]
    assert (code, bytes(out), bytes(err)) == (0, b"done\n", b"")


def seen(names: Any, tmp_path: Path) -> Dict[str, Set[str]]:
    """The errors that each function answered when these programs ran, by their names."""
    found: Dict[str, Set[str]] = {name: set() for name in abi.FUNCTIONS}

    def note(event: Any) -> None:
        found[event.function].add(str(event.errno))

    for name in names:
        world = World(tmp_path / name.replace("/", "-"))
        running.under_wasmpy(ALL[name], world, transcript=note)
    return found


NEVER_FAIL = {"sched_yield", "proc_exit"}
SOCKETS = {"sock_accept", "sock_recv", "sock_send", "sock_shutdown"}


def test_together_they_call_every_function_with_success_and_with_errors(tmp_path: Path) -> None:
    found = seen([name for name in QUIET if name.startswith("c/")], tmp_path)
    never = {name for name, errors in found.items() if "ESUCCESS" not in errors}
    # Sockets succeed in the programs that listen; proc_exit does not come back.
    assert never == SOCKETS | {"proc_exit"}
    assert {name for name, errors in found.items() if not errors - {"ESUCCESS", "None"}} == NEVER_FAIL
    everything = set().union(*found.values())
    assert everything >= {
        "EBADF", "EEXIST", "EFAULT", "EILSEQ", "EINVAL", "EISDIR", "ELOOP", "ENAMETOOLONG",
        "ENOENT", "ENOTCAPABLE", "ENOTDIR", "ENOTEMPTY", "ENOTSOCK", "EPERM", "ESPIPE", "EXDEV",
    }  # fmt: skip


@pytest.mark.parametrize("language", ["c", "rust", "assemblyscript"])
def test_every_language_imports_every_function(language: str) -> None:
    imported = {
        item.name
        for name, path in ALL.items()
        if name.startswith(f"{language}/")
        for item in wasmpy.Module(path.read_bytes()).imports
    }
    assert imported >= set(abi.FUNCTIONS)
