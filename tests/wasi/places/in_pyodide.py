"""What is shown in Pyodide: programs pass in memory, and a directory of the host is refused in one line.

Prints a JSON document.  Not imported by the tests: ``in_pyodide.mjs`` runs it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.wasi import running
from wasi import Wasi, WasiConfig
from wasi.fs import ContainmentError

PROGRAMS = (
    "c/path_open", "c/fd_readdir", "c/path_rename", "c/poll_clock", "c/stdio", "libc/stdio_files",
    "libc/directories", "rust/world", "assemblyscript/every_function",
)  # fmt: skip


class NoWorld:
    """A world without directories of the host: only what links are named."""

    base = Path("/nowhere")

    def links(self) -> "dict[str, str]":
        return {**running.LINKS, "out-abs": "/nowhere/outside/secret.txt"}


found = {}
for name in PROGRAMS:
    binary = running.PROGRAMS / f"{name}.wasm"
    outcome = running.under_wasmpy(binary, NoWorld(), "memory")  # type: ignore[arg-type]
    own = running.settings(binary)
    found[name] = (outcome.code, outcome.stdout, outcome.failures) == (own.exit, own.stdout, [])
refusal = ""
try:
    config = WasiConfig()
    config.preopen_dir("/tmp", "/tmp")
    Wasi(config)
except ContainmentError as error:
    refusal = str(error)
print(json.dumps({
    "platform": sys.platform, "version": list(sys.version_info[:2]), "programs": found, "refusal": refusal,
}))  # fmt: skip
