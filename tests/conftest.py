"""What all tests share: how hypothesis behaves.

No deadlines per example: they fail on a busy machine and on interpreters that
compile while they run.  Examples are drawn anew in each run, and a failure prints
what reproduces it; where ``CI`` is set they are the same in each run of a tree, so
that what fails there was broken by the change.  The command line keeps nothing
unless a test says where.

No function falls back to the reference tier, in scripts, guards, WASI programs
or anywhere, but where a test says that this is what it is about.
"""

from __future__ import annotations

import os
from typing import Any, Iterator, List, Optional

import hypothesis
import pytest

from wasmpy.exec.store import FuncInst
from wasmpy.tiers.fallback import Fallback, Fallbacks

os.environ["WASMPY_CACHE_DIR"] = ""

hypothesis.settings.register_profile(
    "wasmpy", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("wasmpy")


@pytest.fixture(autouse=True)
def _no_function_falls_back(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Fail where a function was not taken by the tier that was asked for."""
    met: List[str] = []
    add = Fallbacks.add

    def noting(self: Fallbacks, function: FuncInst, reason: str) -> Optional[Fallback]:
        met.append(f"{function!r}: {reason}")
        return add(self, function, reason)

    monkeypatch.setattr(Fallbacks, "add", noting)
    yield
    about_them: Any = request.node.get_closest_marker("fallbacks")
    if about_them is None:
        assert met == [], "functions that the tier does not take"
