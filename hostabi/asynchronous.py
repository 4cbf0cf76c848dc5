"""Label calls of a pool from ``asyncio``.

What belongs here: the calls that are awaited.  Waiting for a turn takes no
thread; the guest runs in one of the pool's.  A backend may be a coroutine
function: it runs on the caller's loop while the guest waits.  Cancelling the
task stops the guest, and only then is the task over.  What does not: the queue
and the instances (``pooling``).
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Coroutine,
    Optional,
    Protocol,
    Tuple,
    TypeVar,
    Union,
    cast,
)

from hostabi.backend import Backend
from hostabi.errors import BackendError
from hostabi.inputs import OMITTED, args_from_state
from hostabi.labels import AgentLabels, Labels, ResourceLabels, ResponseLabels
from hostabi.pinned import Answers, Pinned
from hostabi.questions import Given, LabelCalls, Question
from wasmpy.api.asynchronous import Loop

if TYPE_CHECKING:
    from hostabi.pooling import Call, Pool, Slot

T = TypeVar("T")


class AsyncLabelCalls(LabelCalls):
    """The label calls, awaited; arguments, answers and errors are those of the others.

    ``backend`` may be a coroutine function here.
    """

    @abc.abstractmethod
    async def _answer_async(self, question: Question, backend: Any) -> Any:
        """The answer, read.  Raises: GuardCallError."""

    async def label_agent_async(self, policy: Any, *, backend: Any = None) -> AgentLabels:
        """As ``label_agent``."""
        found = await self._answer_async(self._agent_question(policy), backend)
        return cast("AgentLabels", found)

    async def label_resource_async(
        self, tool_name: str, tool_args: Any, *, capabilities: Any = None, backend: Any = None
    ) -> ResourceLabels:
        """As ``label_resource``."""
        question = self._resource_question(tool_name, tool_args, capabilities)
        return cast("ResourceLabels", await self._answer_async(question, backend))

    async def label_response_async(
        self, tool_name: str, tool_result: Any, tool_args: Any = OMITTED, *,
        capabilities: Any = None, request_state: Any = None,
        resource: Union[ResourceLabels, Labels, None] = None, backend: Any = None,
    ) -> Optional[ResponseLabels]:  # fmt: skip
        """As ``label_response``."""
        args = args_from_state(request_state) if tool_args is OMITTED else tool_args
        question = self._response_question(tool_name, tool_result, args, capabilities, resource)
        return cast("Optional[ResponseLabels]", await self._answer_async(question, backend))


class AnswersAsync(Answers, Protocol):
    """What an awaited view asks."""

    async def answer_async(
        self, question: Question, *, backend: Any = None, under: Optional[Given] = None
    ) -> Any:
        """As ``answer``."""

    async def give_async(
        self, question: Question, *, backend: Any = None
    ) -> Tuple[AgentLabels, Given]:
        """As ``give``."""


class PinnedAsync(Pinned, AsyncLabelCalls):
    """A view of a pool under one policy."""

    def __init__(self, owner: AnswersAsync, question: Question) -> None:
        super().__init__(owner, question)
        self._pool = owner

    async def label_agent_async(self, policy: Any = None, *, backend: Any = None) -> AgentLabels:
        """As ``label_agent`` of the view."""
        if policy is not None and self._agent_question(policy).payload != self.policy:
            raise self._other_policy()
        labels, self._given = await self._pool.give_async(self._policy_question, backend=backend)
        return labels

    async def _answer_async(self, question: Question, backend: Any) -> Any:
        return await self._pool.answer_async(question, backend=backend, under=self._given)


class Threads:
    """The threads of a pool's awaited calls: made when the first comes, one per instance."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._executor: Optional[ThreadPoolExecutor] = None

    def executor(self) -> ThreadPoolExecutor:
        """The executor."""
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._count, "guard")
            return self._executor

    def close(self) -> None:
        """Wait for the threads, and end them."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()


async def in_thread(function: Callable[[], T]) -> T:
    """``function`` in a thread, with what is set in the task's context."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        None, functools.partial(context.run, function)
    )


async def answer(pool: Pool, question: Question, backend: Any, under: Optional[Given]) -> Any:
    """The answer of an instance, when it is this task's turn."""
    with pool.admitted(question.function) as call:
        slot = await _turn(pool, call, under)
        return await _serve(pool, call, slot, question, backend, under)


async def give(pool: Pool, question: Question, backend: Any) -> Tuple[AgentLabels, Given]:
    """Give a policy for calls under it; who asks for the same meanwhile shares the answer."""
    with pool.admitted(question.function) as call:
        while True:
            flight, leads = pool.flight(question, backend)
            if leads:
                with pool.flying(question, backend, flight):
                    slot = await _turn(pool, call, flight.given)
                    labels = await _serve(pool, call, slot, question, backend, flight.given)
                    flight.outcome.set_result(labels)
                return labels, flight.given
            await asyncio.wait([_seen(flight.outcome)])
            error = flight.outcome.exception()
            if error is None:
                return flight.outcome.result(), flight.given
            pool.share(call, error)


async def _turn(pool: Pool, call: Call, under: Optional[Given]) -> Slot:
    """Wait for a turn.  Raises: GuardPoolTimeout, GuardCancelled."""
    ticket = pool.queue(call, under)
    try:
        # This leaves what it waits for alone when the task is cancelled.
        done, _ = await asyncio.wait([_seen(ticket)], timeout=pool.patience(call))
    except BaseException:
        pool.leave(ticket)
        raise
    return ticket.result() if ticket.done() and done else pool.too_late(call, ticket)


def _seen(outcome: Future[T]) -> asyncio.Future[T]:
    """What is to come, for a loop; nobody need look at its error there."""
    future = asyncio.wrap_future(outcome)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


async def _serve(
    pool: Pool, call: Call, slot: Slot, question: Question, backend: Any, under: Optional[Given]
) -> Any:
    """Have an instance answer, in a thread.  Raises: GuardError."""
    loop = asyncio.get_running_loop()
    bridge = Loop(loop)
    context = contextvars.copy_context()
    asked = _on_loop(pool.backend if backend is None else backend, bridge)
    work = functools.partial(context.run, pool.serve, call, slot, question, asked, under)
    try:
        future = loop.run_in_executor(pool.threads.executor(), work)
    except BaseException:
        pool.hand_on(slot)
        raise
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        # Again and again: a coroutine of the backend's may begin in between.
        while not future.done():
            pool.stop(call)
            bridge.cancel()
            # Who is cancelled again waits for the guest all the same.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([future], timeout=0.02)
        if not future.cancelled():
            future.exception()  # seen: that it was stopped is what was asked for
        raise


def _on_loop(backend: Any, bridge: Loop) -> Optional[Backend]:
    """A backend for the thread; what it awaits is awaited on the loop."""
    if backend is None:
        return None

    def ask(tool_name: str, tool_args: Any) -> Any:
        found = backend(tool_name, tool_args)
        return completed(bridge, found) if inspect.iscoroutine(found) else found

    return ask


def completed(bridge: Loop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a backend's coroutine returns on the caller's loop.

    Raises: BackendError when it is cancelled; what it raises.
    """
    try:
        return bridge.complete(coroutine)
    except CancelledError:
        # No failure of the host, which would poison the guard: the guest is told that there
        # is no answer, and is interrupted right after.
        raise BackendError("the call was cancelled") from None
