"""Write ``manifest.json`` and ``expected-failures.json`` anew from a run of the suite.

Usage: ``python spec-tests/record.py PATH_OF_SUITE``.  Look at the difference
before you keep it: a miss that this program could not explain has the reason
``?``, which the tests refuse.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any, Dict, List

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from wasmpy.wast.expectations import load_expectations, record_failures  # noqa: E402
from wasmpy.wast.report import PASS, ScriptReport  # noqa: E402
from wasmpy.wast.runner import run_script  # noqa: E402


def write(name: str, text: str) -> None:
    """Write one of the two files."""
    (HERE / name).write_text(text + "\n", encoding="utf-8")


def failures_text(note: str, scripts: Dict[str, List[Dict[str, Any]]]) -> str:
    """The list of failures as JSON, with a line for each command."""
    lists = [
        f"  {json.dumps(script)}: [\n   "
        + ",\n   ".join(json.dumps(entry) for entry in entries)
        + "\n  ]"
        for script, entries in scripts.items()
    ]
    body = ",\n".join(lists)
    return f'{{\n "note": {json.dumps(note)},\n "scripts": {{\n{body}\n }}\n}}'


def main(arguments: List[str]) -> int:
    """Run every group that has a number of passes, and record."""
    if len(arguments) != 1:
        sys.stdout.write(__doc__ or "")
        return 2
    suite = pathlib.Path(arguments[0])
    expectations = load_expectations(HERE)
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    reports: Dict[str, ScriptReport] = {}
    for group in expectations.groups:
        for script in group.scripts:
            reports[script] = run_script(suite / script)
        passes = sum(reports[script].count(PASS) for script in group.scripts)
        manifest["groups"][group.name]["passes"] = passes
        sys.stdout.write(f"{group.name}: {passes} of {group.commands}\n")
    listed = record_failures(reports, expectations.failures)
    write("manifest.json", json.dumps(manifest, indent=1))
    note = json.loads((HERE / "expected-failures.json").read_text(encoding="utf-8"))["note"]
    write("expected-failures.json", failures_text(note, listed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
