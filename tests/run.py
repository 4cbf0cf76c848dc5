"""The test command: lint, types, then every test, a line for each phase.

Standard library alone; it runs what is installed beside it.  It closes with
pytest's own totals.  Arguments go to pytest:
``python tests/run.py tests/unit -k leb``.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).resolve().parents[1]


def phase(name: str, command: List[str]) -> int:
    """Run one phase and say how it went."""
    print(f"== {name}: {' '.join(command[1:])}", flush=True)
    code = subprocess.run(command, cwd=str(ROOT), check=False).returncode
    print(f"== {name}: {'passed' if code == 0 else f'FAILED (exit code {code})'}", flush=True)
    return code


def missing(module: str) -> Optional[str]:
    """Why a tool cannot run; None if it can."""
    if importlib.util.find_spec(module) is not None:
        return None
    return f"not installed: {sys.executable} -m pip install -e '.[test,dev]'"


def lint(name: str, arguments: List[str]) -> int:
    """Run ruff or mypy; absent is a failure, but where it has no release for this Python."""
    why = missing(name)
    if why is None:
        return phase(name, [sys.executable, "-m", name, *arguments])
    if name == "mypy" and sys.version_info < (3, 10):
        print("== mypy: absent: the versions that check for Python 3.9 run on 3.10 or newer")
        return 0
    print(f"== {name}: FAILED, {why}")
    return 1


def main(arguments: List[str]) -> int:
    """Run all phases; the exit code is 0 only if all passed."""
    failed = 0
    if not arguments:
        failed += lint("ruff", ["check", "."])
        failed += lint("mypy", [])
    why = missing("pytest")
    if why is not None:
        print(f"== pytest: FAILED, {why}")
        return 1
    command = [sys.executable, "-m", "pytest"]
    if not arguments and missing("xdist") is None:
        command += ["-n", str(min(os.cpu_count() or 1, 8)), "--dist", "worksteal"]
    print(f"== pytest: {' '.join(command[3:] + arguments)}", flush=True)
    code = subprocess.run(command + arguments, cwd=str(ROOT), check=False).returncode
    return 1 if failed else code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
