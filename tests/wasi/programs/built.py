"""Notes in ``built.json`` which sources and which compiler the binaries here were made of.

What belongs here: that note, which ``build.sh`` has written and a test compares.
What does not: building.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

HERE = Path(__file__).resolve().parent
SUFFIXES = {"c": "*.[ch]", "libc": "*.[ch]", "rust": "*.rs", "assemblyscript": "*.ts"}
COMPILERS = {
    "c": ("CC", "clang"), "libc": ("CC", "clang"), "rust": ("RUSTC", "/usr/bin/rustc"),
    "assemblyscript": ("ASC", "asc"),
}  # fmt: skip


def digest(path: Path) -> str:
    """The SHA-256 of a text file, however its lines end here, or of a binary."""
    data = path.read_bytes()
    return hashlib.sha256(data if path.suffix == ".wasm" else data.replace(b"\r\n", b"\n")).hexdigest()


def sources(language: str) -> Dict[str, str]:
    """The digests of the sources of a language, by name."""
    found = {p.name: digest(p) for p in sorted((HERE / language).glob(SUFFIXES[language]))}
    if language == "c":  # nothing else is built of these
        found["build.sh"] = digest(HERE / "build.sh")
    return found


def compiler(language: str) -> str:
    """The first line of what the compiler says of itself; empty where there is none."""
    variable, usual = COMPILERS[language]
    try:
        done = subprocess.run(
            [os.environ.get(variable, usual), "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().split("\n")[0]


def note(language: str) -> Dict[str, Any]:
    """What is to be noted of a language now."""
    binaries = {p.name: digest(p) for p in sorted((HERE / language).glob("*.wasm"))}
    return {"compiler": compiler(language), "sources": sources(language), "binaries": binaries}


if __name__ == "__main__":
    path = HERE / "built.json"
    noted = json.loads(path.read_text("utf-8")) if path.exists() else {}
    noted.update({language: note(language) for language in sys.argv[1:]})
    path.write_text(json.dumps(noted, indent=1, sort_keys=True) + "\n", "utf-8")
