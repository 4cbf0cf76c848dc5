"""Testing guards, and testing what hosts them.

What belongs here: the public names.  ``run_files`` and ``run_cases`` try a
guard on the cases of case files (``docs/reference/guard-cases.md``); the
assertions are for tests in Python; ``FakeLabeller`` and ``RecordingBackend``
stand in for a guard and a backend where a host is tested.  ``plugin`` is for
pytest.

Names are imported when first used: pytest loads the plugin wherever wasmpy is
installed, and that must cost nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Dict, List

if TYPE_CHECKING:
    from wasmpy.testing.assertions import assert_allowed as assert_allowed
    from wasmpy.testing.assertions import assert_denied as assert_denied
    from wasmpy.testing.assertions import assert_item_dropped as assert_item_dropped
    from wasmpy.testing.assertions import assert_item_kept as assert_item_kept
    from wasmpy.testing.assertions import assert_labels as assert_labels
    from wasmpy.testing.assertions import assert_logged as assert_logged
    from wasmpy.testing.casefile import CaseFile as CaseFile
    from wasmpy.testing.casefile import find_files as find_files
    from wasmpy.testing.casefile import read_file as read_file
    from wasmpy.testing.cases import Case as Case
    from wasmpy.testing.cases import Step as Step
    from wasmpy.testing.compare import Difference as Difference
    from wasmpy.testing.engine import Bounds as Bounds
    from wasmpy.testing.engine import CaseResult as CaseResult
    from wasmpy.testing.engine import run_cases as run_cases
    from wasmpy.testing.engine import run_files as run_files
    from wasmpy.testing.errors import CaseError as CaseError
    from wasmpy.testing.fakes import FakeLabeller as FakeLabeller
    from wasmpy.testing.fakes import RecordingBackend as RecordingBackend
    from wasmpy.testing.scaffold import LANGUAGES as LANGUAGES
    from wasmpy.testing.scaffold import write_project as write_project

_HOMES: Dict[str, str] = {
    "assert_allowed": "assertions",
    "assert_denied": "assertions",
    "assert_item_dropped": "assertions",
    "assert_item_kept": "assertions",
    "assert_labels": "assertions",
    "assert_logged": "assertions",
    "CaseFile": "casefile",
    "find_files": "casefile",
    "read_file": "casefile",
    "Case": "cases",
    "Step": "cases",
    "Difference": "compare",
    "Bounds": "engine",
    "CaseResult": "engine",
    "run_cases": "engine",
    "run_files": "engine",
    "CaseError": "errors",
    "FakeLabeller": "fakes",
    "RecordingBackend": "fakes",
    "LANGUAGES": "scaffold",
    "write_project": "scaffold",
}
"""Each public name and the file it stands in."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_HOMES))
