"""A pipeline from ``asyncio``: the guest in a worker thread, coroutines on the caller's loop.

What belongs here: moving the phases to a worker thread, the backends to where
they belong, and cancelling.  What does not: the phases (``pipeline``).

Cancelling the task cancels the coroutine that the guest waits for, interrupts
the guest, and waits until it has stopped.  Only the call of this task is
interrupted; others in the same guard go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from hostabi.asynchronous import completed
from hostabi.backend import Backend
from hostabi.errors import BackendError, GuardCancelled
from hostabi.labels import Labels
from hostabi.outcome import Outcome
from wasmpy.api.asynchronous import Loop

if TYPE_CHECKING:
    from hostabi.pipeline import Pipeline

T = TypeVar("T")

AGAIN = 0.02
"""Seconds between two attempts to stop a guest, which may not have begun yet at the first."""


async def call(
    pipeline: Pipeline, agent_id: str, tool_name: str, tool_args: Any,
    backend: Callable[[str, Any], Any],
) -> Outcome:  # fmt: skip
    """``Pipeline.call`` from a coroutine."""
    worker = _Worker(pipeline)
    begun, outcome = await worker.run(
        lambda: pipeline.begin(
            agent_id, tool_name, tool_args, guard_backend=worker.backend, stopped=worker.stopped
        )
    )
    if outcome is not None:
        return outcome
    if inspect.iscoroutinefunction(backend):
        result = await backend(tool_name, tool_args)
    else:
        result = await asyncio.to_thread(backend, tool_name, tool_args)
        if inspect.isawaitable(result):
            result = await result
    return await worker.run(
        lambda: pipeline.finish(begun, result, guard_backend=worker.backend)
    )


async def label_agent(pipeline: Pipeline, agent_id: str, policy: Any) -> Labels:
    """``Pipeline.label_agent`` from a coroutine."""
    worker = _Worker(pipeline)
    await worker.run(
        lambda: pipeline.session(
            agent_id, policy, backend=worker.backend, stopped=worker.stopped
        )
    )
    return pipeline.agents.labels(agent_id, pipeline.name)


class _Worker:
    """Runs the parts of one call in threads of the pipeline's, and stops them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._loop = Loop(asyncio.get_running_loop())
        self._stopped = False
        self._lock = threading.Lock()
        self._thread: Optional[int] = None
        self.backend: Optional[Backend] = None if pipeline.guard_backend is None else self._answer

    def stopped(self) -> bool:
        """Whether the task was cancelled."""
        return self._stopped

    async def run(self, part: Callable[[], T]) -> T:
        """Run ``part`` in a thread; cancelling the task stops the guest that it is in."""

        def job() -> T:
            with self._lock:
                self._thread = threading.get_ident()
            try:
                if self._stopped:
                    raise GuardCancelled("")
                return part()
            finally:
                with self._lock:
                    self._thread = None

        context = contextvars.copy_context()
        running = asyncio.get_running_loop()
        future = running.run_in_executor(self._pipeline.workers(), context.run, job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._stopped = True
            while not future.done():
                self._stop()
                # Who is cancelled again waits for the guest all the same.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([future], timeout=AGAIN)
            future.exception()  # seen: that it was stopped is what was asked for
            raise

    def _stop(self) -> None:
        """Stop what the thread is in: the guest, or the guest's backend."""
        # The lock keeps the thread from going on to another task's part in between.
        with self._lock:
            if self._thread is not None:
                self._pipeline.guard.cancel(self._thread)
        self._loop.cancel()

    def _answer(self, tool_name: str, tool_args: Any) -> Any:
        """The pipeline's ``guard_backend``; a coroutine runs on the caller's loop."""
        assert self._pipeline.guard_backend is not None
        returned = self._pipeline.guard_backend(tool_name, tool_args)
        if not inspect.iscoroutine(returned):
            return returned
        if self._stopped:
            returned.close()
            raise BackendError("the call was cancelled")
        return completed(self._loop, returned)
