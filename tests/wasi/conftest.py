"""Every test here runs twice: in the tier that is usual, and with everything compiled at once."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, params=["auto", "python"])
def tier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tier of every store that is not given one."""
    monkeypatch.setattr("wasmpy.api.store.DEFAULT_TIER", request.param)
