"""A worker of a process pool: one guard, asked over a pipe.

What belongs here: what runs in the other process.  What does not: starting
and ending it (``processes``).

It ends when the pool does: nobody at the other end of its pipe is the sign to
go.  Whatever of the host's a guest calls is called in the pool's process.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from typing import Any, Callable, Dict, Optional, Set

from hostabi.caches import ModuleCache
from hostabi.errors import BackendError
from hostabi.guard import Guard
from hostabi.labels import AgentLabels
from hostabi.load import decode_code
from hostabi.messages import (
    Answer,
    Ask,
    Cancel,
    Channel,
    Close,
    Failure,
    Load,
    Loaded,
    Reply,
    Request,
    Status,
)
from hostabi.payload import decode, encode
from wasmpy.errors import InternalError


class CallerFailed(Exception):  # noqa: N818 - somebody else's error
    """What the pool called raised; the class that is raised has the name of that error's."""


class CallerStopped(BaseException):
    """What the pool called was stopped: not an error of anybody's."""


class NoJson:
    """A backend's answer that is no JSON: neither is this."""


class Worker:
    """The guard, and the two threads: one reads the pipe, one does the work."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._work: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._cancelled: Set[int] = set()
        self._number = 0
        self._guard: Optional[Guard] = None
        self._options: Dict[str, Any] = {}
        self._module: Any = None

    def run(self) -> None:
        """Work until the pool says that it is over."""
        threading.Thread(target=self._read, name="pipe", daemon=True).start()
        while True:
            message = self._work.get()
            if isinstance(message, Close):
                break
            if isinstance(message, Ask):
                self._answer(message)
            else:
                self._load(message)
        if self._guard is not None:
            self._guard.close()

    def _read(self) -> None:
        """What comes in, to who waits for it."""
        while True:
            try:
                message = self._channel.receive()
            except (EOFError, OSError):
                # Nobody is there any more, and the guest may be in a loop.
                os._exit(0)
            if isinstance(message, Reply):
                self._replies.put(message)
            elif isinstance(message, Cancel):
                self._cancel(message.number)
            else:
                self._work.put(message)

    def _cancel(self, number: int) -> None:
        """Stop a call, wherever it is; one that is over is nobody's."""
        with self._lock:
            if number < self._number:
                return
            self._cancelled.add(number)
            if number == self._number and self._guard is not None:
                self._guard.cancel()

    def _load(self, order: Any) -> None:
        """Make the guard, for the first time or again."""
        try:
            if isinstance(order, Load):
                self._prepare(order)
            if self._guard is not None:
                self._guard.close()
            self._guard = guard = Guard(self._module, **self._options)
        except CallerStopped:
            self._channel.send(Failure(0, None, None))
        except Exception as error:  # noqa: BLE001 - the pool raises it
            self._channel.send(Failure(0, error, None))
        else:
            self._channel.send(Loaded(guard.gateway, guard.manner, self._status()))

    def _prepare(self, order: Load) -> None:
        """What every guard of this worker is made from."""
        self._options = options = dict(order.options)
        cache = None if order.cache is None else ModuleCache(order.cache, warn=_silent)
        self._module = decode_code(order.code, options["limits"], options["features"], cache)
        for name in order.streams:
            options[name] = self._log if name == "log" else _Stream(name, self._request)
        options["backend"] = self._backend if order.backend else None

    def _status(self) -> Status:
        assert self._guard is not None
        health = self._guard.health()
        return Status(
            health.state, health.healthy, health.calls, health.resets, health.pages,
            self._guard.given,
        )  # fmt: skip

    def _answer(self, message: Ask) -> None:
        """Answer a question."""
        if self._guard is None:
            raise InternalError("a worker is asked that has no guard")
        number = message.number
        with self._lock:
            self._number = number
        backend = self._backend if message.backend else None
        try:
            found = self._guard.answer(
                message.question, backend=backend, under=message.under,
                cancelled=lambda: number in self._cancelled,
            )  # fmt: skip
            raw = found.raw if isinstance(found, AgentLabels) else found
            answer: Any = Answer(number, raw, self._guard.last_report, self._status())
        except CallerStopped:
            answer = Failure(number, None, self._status())
        except Exception as error:  # noqa: BLE001 - the pool raises it
            answer = Failure(number, error, self._status())
        with self._lock:
            self._number = number + 1
            self._cancelled.discard(number)
        self._channel.send(answer)

    # -- what the pool does -----------------------------------------------------

    def _request(self, kind: str, *args: Any) -> Any:
        """Have the pool do something.  Raises: what it says was raised."""
        self._channel.send(Request(kind, args))
        reply = self._replies.get()
        if reply.kind == "value":
            return reply.value
        if reply.kind == "no-json":
            return NoJson()
        if reply.kind == "refused":
            raise BackendError(reply.value)
        if reply.kind == "os":
            raise OSError(*reply.value)
        if reply.kind == "stopped":
            raise CallerStopped
        name, text = reply.value
        raise type(name, (CallerFailed,), {})(text)

    def _backend(self, tool_name: str, tool_args: Any) -> Any:
        found = self._request("backend", tool_name, encode(tool_args))
        return decode(found) if isinstance(found, bytes) else found

    def _log(self, line: Any) -> None:
        self._request("log", line)


class _Stream:
    """A stream of the pool's."""

    def __init__(self, name: str, request: Callable[..., Any]) -> None:
        self._name = name
        self._request = request

    def write(self, data: bytes) -> Any:
        """As the stream there."""
        return self._request(self._name, bytes(data))


def _silent(text: str) -> None:
    """The pool has warned, or will."""


def main() -> None:
    """Work for the pool at the other end of standard input and output."""
    # The keyboard is the pool's: it ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming, outgoing = os.dup(0), os.dup(1)
    # What anybody prints goes where errors go, not among the messages.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    channel = Channel(os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb"))
    try:
        Worker(channel).run()
    except BrokenPipeError:
        os._exit(0)
    sys.exit(0)
