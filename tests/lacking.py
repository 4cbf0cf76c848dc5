"""What Pyodide does not have: a test that needs it is skipped there, and says so.

What belongs here: the few things of an operating system that CPython in wasm
lacks.  Each is refused where it is asked for, with an error of the kind that is
raised there anyway, so that code which does without goes on; a test that does
not is skipped.  A plugin of pytest's, which the runner (``in_pyodide.mjs``)
loads; elsewhere nothing of it happens.
"""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing.process
import os
import socket
import subprocess
import sys
import threading
from typing import Any, Callable, Generator, NoReturn, Optional, Type

import pytest

PYODIDE = sys.platform == "emscripten"
_PROCESSES, _THREADS = "Pyodide has no processes", "Pyodide has no threads"

needs_processes = pytest.mark.skipif(PYODIDE, reason=_PROCESSES)
needs_threads = pytest.mark.skipif(PYODIDE, reason=_THREADS)
"""For what does without where it is used, and is to be tested with it."""


class Lacking(Exception):
    """Something is asked for that is not there."""


class LackingAtRunTime(Lacking, RuntimeError):
    """What says so as threads and loops do."""


class LackingInSystem(Lacking, OSError):
    """What says so as the operating system does."""


def refusing(what: str, error: Type[Lacking]) -> Callable[..., NoReturn]:
    """What stands for something that is not there."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        for arg in args:
            if inspect.iscoroutine(arg):
                arg.close()
        raise error(what)

    return refuse


REFUSALS = (("wasi.fs.host", "ContainmentError"), ("hostabi.errors", "WorkersUnavailable"))
"""The packages' own errors that say what is lacking: module and name."""


def lacked(error: Optional[BaseException]) -> Optional[BaseException]:
    """What was lacking where ``error`` came from; nothing excuses what is asserted."""
    if isinstance(error, AssertionError):
        return None
    # Only what a test has imported can have been raised.
    kinds = [getattr(sys.modules.get(module), name, Lacking) for module, name in REFUSALS]
    while error is not None and not isinstance(error, (Lacking, *kinds)):
        error = error.__cause__ or error.__context__
    return error


def _skipping() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except Exception as error:
        lacking = lacked(error)
        if lacking is None:
            raise
        pytest.skip(str(lacking).split("\n")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _skipping())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    return (yield from _skipping())


if PYODIDE:
    threading.Thread.start = refusing(_THREADS, LackingAtRunTime)  # type: ignore[method-assign]
    subprocess.Popen.__init__ = refusing(_PROCESSES, LackingInSystem)  # type: ignore[method-assign]
    multiprocessing.process.BaseProcess.start = refusing(_PROCESSES, LackingInSystem)  # type: ignore[method-assign]
    os.pipe = refusing("Pyodide has no pipe that ends", LackingInSystem)
    socket.socket.__init__ = refusing("Pyodide has no network", LackingInSystem)  # type: ignore[method-assign]
    asyncio.run = refusing("Pyodide has no loop that a test could wait for", LackingAtRunTime)
