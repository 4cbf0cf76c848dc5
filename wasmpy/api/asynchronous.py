"""Calls from ``asyncio``: the guest in a worker thread, coroutines on the caller's loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Coroutine, Optional, Sequence

if TYPE_CHECKING:
    from wasmpy.api.instance import Func


class Loop:
    """The caller's event loop, as a host function in the worker thread uses it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def complete(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run ``coroutine`` on the caller's loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


async def run(
    function: Func, args: Sequence[Any], fuel: Optional[int], deadline: Optional[float]
) -> Any:
    """Call ``function`` in a worker thread.

    Cancelling the task interrupts the guest and waits until it has stopped.
    """
    loop = asyncio.get_running_loop()
    store = function.store
    store.loop = Loop(loop)
    future = loop.run_in_executor(None, lambda: function(*args, fuel=fuel, deadline=deadline))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        # Again and again, for the guest may not have begun yet.
        while not future.done():
            store.interrupt()
            await asyncio.wait([future], timeout=0.02)
        future.exception()  # seen: the interruption is what was asked for
        raise
    finally:
        store.loop = None
