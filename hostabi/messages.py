"""What passes between a pool and its workers: whole objects over two pipes.

What belongs here: the framing, and the words.  What does not: what either side
does with them (``processes`` is the pool's side, ``worker`` the other).

Both ends are this package in the same version, and a worker only sends what
this package made; nothing of a guest's passes but bytes and text.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import threading
from typing import IO, Any, NamedTuple, Optional, Tuple

from hostabi.guard import State
from hostabi.questions import Given, Manner, Question

_HEAD = 8


class Channel:
    """Objects in and out; any thread may send, and waits for the other side; one receives."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Send an object.  Raises: OSError, ValueError when the other side is gone."""
        data = _framed(message)
        with self._lock:
            self._outgoing.write(data)
            self._outgoing.flush()

    def receive(self) -> Any:
        """The next object.  Raises: EOFError when the other side is gone."""
        size = int.from_bytes(self._read(_HEAD), "little")
        return pickle.loads(self._read(size))  # noqa: S301 - of this package's own making

    def _read(self, size: int) -> bytes:
        data = self._incoming.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def close(self) -> None:
        """Close both pipes."""
        for pipe in (self._outgoing, self._incoming):
            with contextlib.suppress(OSError):  # what was in it has nobody to read it
                pipe.close()


class Mailbox(Channel):
    """A channel whose ``send`` waits for nobody: a thread writes.

    A pipe holds 64 KiB.  The other side may be stopped, and who waits for it
    to read waits for ever, whatever time there was.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        super().__init__(incoming, outgoing)
        self._letters: queue.SimpleQueue[Optional[bytes]] = queue.SimpleQueue()
        # The descriptor and no buffer: at the interpreter's end nobody may hold a buffer's lock.
        self._writer = threading.Thread(
            target=_write, args=(outgoing.fileno(), self._letters), name="guard writer",
            daemon=True,
        )  # fmt: skip
        self._writer.start()

    def send(self, message: Any) -> None:
        """Have an object sent, after those before it; that it cannot be is said by ``receive``."""
        self._letters.put(_framed(message))

    def close(self) -> None:
        """Close both pipes; the other side has ended, or this waits until it has read all."""
        self._letters.put(None)
        self._writer.join()
        super().close()


def _framed(message: Any) -> bytes:
    """An object as it passes."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(_HEAD, "little") + data


def _write(pipe: int, letters: queue.SimpleQueue[Optional[bytes]]) -> None:
    """Write what is to be sent, until there is None; to a side that is gone, nothing."""
    while _written(pipe, letters.get()):
        pass


def _written(pipe: int, letter: Optional[bytes]) -> bool:
    """Write one, unless it is None: then there are no more."""
    if letter is None:
        return False
    rest = memoryview(letter)
    with contextlib.suppress(OSError):
        while rest:
            rest = rest[os.write(pipe, rest) :]
    return True


# -- to a worker -----------------------------------------------------------------


class Load(NamedTuple):
    """Make the guard: its code, the directory of a cache, the options of ``Guard``.

    ``streams`` are the names of what is to be called in the pool: ``log``,
    ``stdout``, ``stderr``; ``backend`` says whether there is one to ask.
    """

    code: Any
    cache: Optional[str]
    options: Any
    streams: Tuple[str, ...]
    backend: bool


class Renew(NamedTuple):
    """Make the guard again, from the same module."""


class Ask(NamedTuple):
    """Answer a question under a policy; ``backend`` says whether there is one to ask."""

    number: int
    question: Question
    under: Optional[Given]
    backend: bool


class Cancel(NamedTuple):
    """Stop that call."""

    number: int


class Reply(NamedTuple):
    """What came of a ``Request``: ``kind`` is how, and ``value`` what.

    ``value`` (as JSON or plain), ``refused`` (a ``BackendError`` with this
    text), ``no-json``, ``os`` (an ``OSError``: number and text), ``failed``
    (the name of an exception's class and its text) or ``stopped``.
    """

    kind: str
    value: Any = None


class Close(NamedTuple):
    """End."""


# -- from a worker ---------------------------------------------------------------


class Status(NamedTuple):
    """How the guard of a worker is."""

    state: State
    healthy: bool
    calls: int
    resets: int
    pages: int
    given: Optional[Given]


class Loaded(NamedTuple):
    """The guard is there."""

    gateway: bool
    manner: Manner
    status: Status


class Request(NamedTuple):
    """Something only the pool can do: ``backend``, ``log``, ``stdout`` or ``stderr``."""

    kind: str
    args: Tuple[Any, ...]


class Answer(NamedTuple):
    """What the guest wrote, and the report."""

    number: int
    raw: bytes
    report: Any
    status: Status


class Failure(NamedTuple):
    """The guard was not made, or did not answer; ``error`` is None if the pool knows why."""

    number: int
    error: Optional[BaseException]
    status: Optional[Status]
