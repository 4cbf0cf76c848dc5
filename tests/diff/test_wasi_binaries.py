"""The binaries of the WASI programs are made of the sources beside them.

What belongs here: what ``tests/wasi/programs/built.json`` says, and building
again where the same compiler is here.  What does not: running them.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.wasi import running
from tests.wasi.programs import built
from tests.wasi.running import PROGRAMS

ALL = {running.name_of(p): p for p in running.programs()}


@pytest.mark.parametrize("language", running.LANGUAGES)
def test_the_binaries_are_made_of_the_sources(language: str) -> None:
    noted = json.loads((PROGRAMS / "built.json").read_text("utf-8"))[language]
    rebuild = f"run tests/wasi/programs/build.sh {language}"
    assert noted["sources"] == built.sources(language), rebuild
    assert noted["binaries"] == built.note(language)["binaries"], rebuild


def test_no_binary_has_a_path_of_the_machine() -> None:
    for path in ALL.values():
        for trace in (bytes(running.ROOT), b"/home/", b"/tmp/", b".cargo", b".rustup"):
            assert trace not in path.read_bytes(), path


@pytest.mark.slow
@pytest.mark.parametrize("language", running.LANGUAGES)
def test_the_same_compiler_makes_the_same_binaries(language: str, tmp_path: Path) -> None:
    noted = json.loads((PROGRAMS / "built.json").read_text("utf-8"))[language]
    here = built.compiler(language)
    if here != noted["compiler"]:
        pytest.skip(f"they were made with {noted['compiler']}; here is {here or 'none'}")
    if language == "libc" and not Path("/usr/include/wasm32-wasi").exists():
        pytest.skip("no C library for WASI here: apt-get install wasi-libc libclang-rt-14-dev-wasm32")
    environment = {**os.environ, "OUT": str(tmp_path)}
    command = ["sh", str(PROGRAMS / "build.sh"), language]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    fresh = {p.name: built.digest(p) for p in (tmp_path / language).glob("*.wasm")}
    assert fresh == noted["binaries"]
