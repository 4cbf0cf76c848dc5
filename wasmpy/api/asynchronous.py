"""Calls from ``asyncio``: the guest in a worker thread, coroutines on the caller's loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from typing import TYPE_CHECKING, Any, Coroutine, Optional, Sequence

from wasmpy.errors import ConcurrencyError

if TYPE_CHECKING:
    from wasmpy.api.instance import Func


class Loop:
    """The caller's event loop, as a host function in the worker thread uses it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: Optional[concurrent.futures.Future[Any]] = None

    def complete(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run ``coroutine`` on the caller's loop and wait for its result."""
        self._pending = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return self._pending.result()

    def cancel(self) -> None:
        """Cancel the coroutine that the guest is waiting for, if any."""
        if self._pending is not None:
            self._pending.cancel()


async def run(
    function: Func, args: Sequence[Any], fuel: Optional[int], deadline: Optional[float]
) -> Any:
    """Call ``function`` in a worker thread.

    Cancelling the task cancels the coroutine that the guest waits for,
    interrupts the guest, and waits until it has stopped.

    Raises: ConcurrencyError if another task is in the store.
    """
    loop = asyncio.get_running_loop()
    store = function.store
    if store.loop is not None:
        raise ConcurrencyError("another task is using this store")
    store.loop = bridge = Loop(loop)
    future = loop.run_in_executor(None, lambda: function(*args, fuel=fuel, deadline=deadline))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        # Again and again, for the guest may not have begun yet.
        while not future.done():
            store.interrupt()
            bridge.cancel()
            # Who is cancelled again waits for the guest all the same.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([future], timeout=0.02)
        store.clear_interrupt()
        future.exception()  # seen: that it was stopped is what was asked for
        raise
    finally:
        store.loop = None
