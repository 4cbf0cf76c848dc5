"""The proxy on standard input and output, with the transports of the package ``mcp``.

What belongs here: the client on this process's own streams, the server as a
process of its own, and signals.  What does not: what is carried (``relay``).

The package is the extra ``proxy`` and is loaded when a session begins.  Of it
the transports alone are used, which releases 1.x and 2.x share: a session
of the proxy's own would know the methods of one revision of the protocol, and
pass no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import queue
import signal
import sys
import threading
from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    TypeVar,
    Union,
)

from hostabi.errors import ProxyError
from hostabi.proxy.messages import Object
from hostabi.proxy.relay import Link, LinkClosed, Malformed

T = TypeVar("T")

EXTRA = "pip install 'wasmpy-runtime[proxy]'"
"""How to get the package."""

MAX_LINE = 64 * 1024 * 1024
"""Bytes of one message of the client's; a longer one is dropped as no message."""

CHUNK = 64 * 1024

Session = Callable[[Link, Link], Awaitable[T]]
"""What is done with the links to client and server."""


class _Sdk:
    """What is used of the package.  Raises: ProxyError where it is not there."""

    def __init__(self) -> None:
        try:
            self.client: Any = importlib.import_module("mcp.client.stdio")
            self.server: Any = importlib.import_module("mcp.server.stdio")
            self.types: Any = importlib.import_module("mcp.types")
            self.message: Any = importlib.import_module("mcp.shared.message").SessionMessage
            self.anyio: Any = importlib.import_module("anyio")
        except (ImportError, AttributeError) as error:
            text = f"guard proxy needs the extra proxy: {EXTRA} ({error})"
            raise ProxyError(text, "extra") from error
        adapter = getattr(self.types, "jsonrpc_message_adapter", None)
        self._validate: Callable[[Any], Any] = (
            self.types.JSONRPCMessage.model_validate if adapter is None else adapter.validate_python
        )

    def wrapped(self, message: Object) -> Any:
        """A message as the transports take it.  Raises: ValueError."""
        return self.message(self._validate(message))

    def plain(self, came: Any) -> Union[Object, Malformed]:
        """What a transport gives, as a JSON object."""
        if isinstance(came, Exception):
            return Malformed("it is no message of JSON-RPC")
        doc: Object = came.message.model_dump(by_alias=True, exclude_unset=True)
        return doc


class _TransportLink:
    """A link over the two streams of a transport.

    ``written`` waits until that many messages have left the process.
    """

    def __init__(
        self, sdk: _Sdk, read: Any, write: Any,
        written: Optional[Callable[[int], Awaitable[None]]] = None,
    ) -> None:  # fmt: skip
        self._sdk = sdk
        self._read = read
        self._write = write
        self._written = written
        self._sent = 0
        anyio = sdk.anyio
        self._over = (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError)

    async def receive(self) -> Union[Object, Malformed, None]:
        """The next message; None when there is no more."""
        try:
            return self._sdk.plain(await self._read.receive())
        except self._over:
            return None

    async def send(self, message: Object) -> None:
        """Send a message.  Raises: LinkClosed."""
        try:
            wrapped = self._sdk.wrapped(message)
        except ValueError:
            if message.get("id", "") is None:
                return  # releases 1.x know no answer to nobody knows which request
            raise
        try:
            await self._write.send(wrapped)
            self._sent += 1
            if self._written is not None:
                await self._written(self._sent)
        except (*self._over, OSError) as error:
            raise LinkClosed from error


# -- this process's own streams -----------------------------------------------


class _Input:
    """Standard input line by line, as the transport of a server iterates over it.

    A thread reads, since reading cannot be interrupted; it does not outlive
    the process.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(16)
        self._loop = asyncio.get_running_loop()
        self._lines: List[str] = []
        self._rest: List[bytes] = []
        self._size = 0
        threading.Thread(target=self._read, name="standard input", daemon=True).start()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        while not self._lines:
            chunk = await self._chunks.get()
            if not chunk:
                raise StopAsyncIteration
            self._take(chunk)
        return self._lines.pop()

    def close(self) -> None:
        """Nothing more comes."""
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self._chunks.get_nowait()
        self._chunks.put_nowait(b"")

    def _take(self, chunk: bytes) -> None:
        """Cut a chunk into lines; of one that is too long no more is kept than says so."""
        *ended, rest = chunk.split(b"\n")
        lines = []
        for piece in ended:
            self._add(piece)
            text = b"".join(self._rest).decode("utf-8", "replace")
            lines.append(text if self._size <= MAX_LINE else f"more than {MAX_LINE} bytes")
            self._rest, self._size = [], 0
        self._add(rest)
        self._lines = lines[::-1]

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MAX_LINE:
            self._rest = []
        else:
            self._rest.append(piece)

    def _read(self) -> None:
        """Read until the end; in a thread of its own."""
        chunk = b"?"
        while chunk:
            try:
                chunk = os.read(self._fd, CHUNK)
            except OSError:
                chunk = b""
            put = self._chunks.put(chunk)
            try:
                asyncio.run_coroutine_threadsafe(put, self._loop).result()
            except BaseException:  # noqa: BLE001 - the loop is over, or its end cancelled this
                put.close()
                return


class _Output:
    """Standard output, as the transport of a server writes to it.

    A thread writes: a client that does not read must not stop everything
    else.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._todo: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._count = 0
        self._error: Optional[OSError] = None
        self._changed = asyncio.Condition()
        threading.Thread(target=self._write, name="standard output", daemon=True).start()

    async def write(self, text: str) -> None:
        """Write all of it.  Raises: OSError."""
        self._todo.put(text.encode("utf-8", "replace"))

    async def flush(self) -> None:
        """Nothing: who wants to know asks ``written``."""

    async def written(self, count: int) -> None:
        """Wait until ``count`` texts are written.  Raises: OSError."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._error or self._count >= count)
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        """Write what comes, until that fails; in a thread of its own."""
        error: Optional[OSError] = None
        while error is None:
            data = self._todo.get()
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError as failed:
                error = failed
            done = self._done(error)
            try:
                asyncio.run_coroutine_threadsafe(done, self._loop)
            except RuntimeError:  # the loop is over
                done.close()
                return

    async def _done(self, error: Optional[OSError]) -> None:
        """One more text is written, or none will be any more."""
        async with self._changed:
            self._count += error is None
            self._error = error
            self._changed.notify_all()


@contextlib.contextmanager
def claimed_output() -> Iterator[int]:
    """A descriptor for the messages; whatever else prints to standard output goes to stderr."""
    own = os.dup(1)
    try:
        sys.stdout.flush()
        os.dup2(2, 1)
        yield own
    finally:
        os.dup2(own, 1)
        os.close(own)


# -- transports ---------------------------------------------------------------


class _Held:
    """A transport that is open, in a task of its own.

    When it breaks, its links say that they are over; its exception is nobody
    else's.
    """

    def __init__(
        self, sdk: _Sdk, transport: Callable[[], Any],
        written: Optional[Callable[[int], Awaitable[None]]] = None,
    ) -> None:  # fmt: skip
        self._sdk = sdk
        self._transport = transport
        self._written = written
        self._let_go = asyncio.Event()
        self._link: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self._task = asyncio.ensure_future(self._hold())

    async def link(self) -> Link:
        """The link, once it is there.  Raises: what opening it raises."""
        return await self._link

    async def _hold(self) -> None:
        try:
            async with self._transport() as (read, write):
                self._link.set_result(_TransportLink(self._sdk, read, write, self._written))
                await self._let_go.wait()
                # Whoever still hands something over on the inside is not kept waiting.
                await read.aclose()
                await write.aclose()
        except Exception as error:  # noqa: BLE001 - it is broken, and that is seen at the link
            if not self._link.done():
                self._link.set_exception(error)

    async def close(self) -> None:
        """Let go of it, and wait until it is closed."""
        self._let_go.set()
        await asyncio.gather(self._task, return_exceptions=True)


async def _session(
    sdk: _Sdk, command: Sequence[str], output: int, session: Session[T]
) -> T:
    """Start the server, and do something with the links to both sides."""
    params = sdk.client.StdioServerParameters(
        command=command[0], args=list(command[1:]), env=dict(os.environ)
    )
    server = _Held(sdk, lambda: sdk.client.stdio_client(params, errlog=sys.stderr))
    try:
        server_link = await server.link()
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise ProxyError(f"cannot run {command[0]!r}: {what}", "start") from error
    own_input = _Input(0)
    own_output = _Output(output)
    client = _Held(sdk, lambda: sdk.server.stdio_server(own_input, own_output), own_output.written)
    try:
        return await session(await client.link(), server_link)
    finally:
        own_input.close()
        await client.close()
        await server.close()


def check() -> None:
    """See whether the package is there.  Raises: ProxyError."""
    _Sdk()


def run(command: Sequence[str], session: Session[T]) -> T:
    """Run a session between the client on standard input and output and the server ``command``.

    The server gets this process's environment; what it writes to its
    standard error goes where ours goes.  SIGTERM, which is how a client ends a
    server, and SIGINT end the session in order: the server is closed, and
    waited for, and killed if it does not go.

    Raises: ProxyError, KeyboardInterrupt, SystemExit; what ``session`` raises.
    """
    sdk = _Sdk()
    # What the transports log of a message they cannot read is said by the relay.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    with claimed_output() as output:
        return asyncio.run(_until_stopped(_session(sdk, command, output, session)))


async def _until_stopped(work: Awaitable[T]) -> T:
    """Wait for ``work``; a signal cancels it.  Raises: KeyboardInterrupt, SystemExit."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopped: Dict[str, BaseException] = {}

    def stop(how: BaseException) -> None:
        stopped.setdefault("by", how)
        task.cancel()

    with contextlib.suppress(NotImplementedError):  # not on Windows
        loop.add_signal_handler(signal.SIGTERM, stop, SystemExit(0))
        loop.add_signal_handler(signal.SIGINT, stop, KeyboardInterrupt())
    try:
        return await task
    except asyncio.CancelledError:
        if "by" in stopped:
            raise stopped["by"] from None
        raise
