"""What excuses a test where something is not there, and what does not."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hostabi.errors import WorkersUnavailable
from tests import lacking
from wasi.fs.host import ContainmentError


async def nothing() -> None:
    """Never awaited."""


def test_what_is_refused_is_refused_as_it_is_there() -> None:
    waiting = nothing()
    for what, error, kind in [
        ("threads", lacking.LackingAtRunTime, RuntimeError),
        ("processes", lacking.LackingInSystem, OSError),
    ]:
        with pytest.raises(kind) as caught:
            lacking.refusing(what, error)(1, waiting, name=2)
        assert lacking.lacked(caught.value) is caught.value
        assert str(caught.value) == what
    assert waiting.cr_frame is None  # closed: nobody is told that it was not awaited


@pytest.mark.parametrize(
    "error", [lacking.LackingAtRunTime("x"), ContainmentError("x"), WorkersUnavailable("x", "platform")]
)
def test_what_came_of_it_is_excused_but_for_an_assertion(error: Exception) -> None:
    for outer in (ValueError("cause"), AssertionError("cause")):
        with pytest.raises(type(outer)) as caught:
            raise outer from error
        excused = isinstance(outer, ValueError)
        assert lacking.lacked(caught.value) is (error if excused else None)
    assert lacking.lacked(ValueError("of its own")) is None


def test_nothing_is_refused_elsewhere() -> None:
    refused = [f for f in (asyncio.run, threading.Thread.start) if "refuse" in f.__name__]
    assert len(refused) == 2 * lacking.PYODIDE
