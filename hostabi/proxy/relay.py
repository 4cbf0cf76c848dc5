"""Carries messages between client and server; tool calls go through the guard.

What belongs here: the two links, which request is under way, and what becomes
of each message.  What does not: which method passes (``methods``), what
becomes of a tool call (``calls``).

Requests keep the ids their senders gave them; the proxy's own, for the
guard's questions, begin with ``OWN_ID``, which no client may use.  Whatever
passes goes on in the order it came.  A message that answers nothing, names
nothing known or is none at all ends here: it is counted, and the session goes
on.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from typing import Any, Callable, Coroutine, Dict, Optional, Protocol, Set, Tuple, Union

from hostabi.errors import ProxyError, one_line
from hostabi.proxy import messages, methods
from hostabi.proxy.calls import Calls
from hostabi.proxy.messages import (
    Id,
    Notification,
    Object,
    Request,
    Response,
    failure,
)
from hostabi.proxy.methods import NOTHING, Passes
from hostabi.proxy.questions import call_params
from hostabi.proxy.transcript import Transcript

OWN_ID = "wasmpy-guard-"
"""How the ids of the proxy's own requests begin."""

MAX_UNDER_WAY = 1_000
"""Requests of one side that wait for an answer; more are refused."""

LAST_WORDS = 2.0
"""Seconds for telling the client that the server is gone."""

CLIENT = "client"
SERVER = "server"


@dataclasses.dataclass(frozen=True)
class Malformed:
    """What came over a link and is no message; ``why`` says what is wrong with it."""

    why: str


class LinkClosed(Exception):  # noqa: N818 - a state
    """The other end of a link is gone: nothing can be sent."""


class Link(Protocol):
    """One peer: what it says, and what it is told."""

    async def receive(self) -> Union[Object, Malformed, None]:
        """The next message as a JSON object; None when there is no more."""

    async def send(self, message: Object) -> None:
        """Tell the peer.  Raises: LinkClosed."""


class End(enum.Enum):
    """How a session ended."""

    CLIENT_CLOSED = "client-closed"
    SERVER_ENDED = "server-ended"


@dataclasses.dataclass
class _UnderWay:
    """A request to the server: its method, and who waits for the answer.

    Without a ``future`` the answer goes to the client.  ``token`` is what
    notices of its progress name.
    """

    method: str
    future: Optional[asyncio.Future[Response]] = None
    token: Any = None


class Relay:
    """One session: ``run`` carries messages until one side ends it.

    ``say`` gets a line of text for a person when something does not pass.
    """

    def __init__(
        self, calls: Calls, client: Link, server: Link, *, passes: Passes = NOTHING,
        transcript: Optional[Transcript] = None, say: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._calls = calls
        self._client = client
        self._server = server
        self._passes = passes
        self._transcript = transcript or Transcript()
        self._say = say
        self._to_server: Dict[Id, _UnderWay] = {}
        self._to_client: Dict[Id, str] = {}
        self._labelled: Dict[Id, asyncio.Task[None]] = {}
        self._asides: Set[asyncio.Task[None]] = set()
        self._broken: Optional[asyncio.Future[None]] = None
        self._asked = 0
        self._era: Optional[Object] = None
        self._gone = False

    async def run(self) -> End:
        """Carry messages until the client closes or the server ends.

        Raises: what the transcript raises.
        """
        self._broken = asyncio.get_running_loop().create_future()
        client = asyncio.ensure_future(self._listen(self._client, self._of_client, CLIENT))
        server = asyncio.ensure_future(self._listen(self._server, self._of_server, SERVER))
        try:
            await asyncio.wait(
                {client, server, self._broken}, return_when=asyncio.FIRST_COMPLETED
            )
            if self._broken.done():
                self._broken.result()
            # Where both are over, the client is: a server ends when its input does.
            if client.done():
                client.result()
                return End.CLIENT_CLOSED
            server.result()
            await self._server_gone()
            if self._broken.done():
                self._broken.result()
            return End.SERVER_ENDED
        finally:
            self._gone = True
            tasks = {client, server, *self._labelled.values(), *self._asides}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._broken.done() and not self._broken.cancelled():
                self._broken.exception()  # looked at, so that nobody complains

    async def ask(self, tool_name: str, tool_args: Any) -> Response:
        """A question of the guard's to the server.  Raises: ProxyError when the server is gone."""
        self._asked += 1
        request = Request(
            f"{OWN_ID}{self._asked}", methods.TOOLS_CALL,
            call_params(tool_name, tool_args, self._era),
        )  # fmt: skip
        return await self._forward(request)

    # -- listening ------------------------------------------------------------

    async def _listen(
        self, link: Link, handle: Callable[[messages.Message], Coroutine[Any, Any, None]],
        source: str,
    ) -> None:  # fmt: skip
        """Take what comes over a link until it ends."""
        while True:
            came = await link.receive()
            if came is None:
                return
            try:
                if isinstance(came, Malformed):
                    raise ProxyError(came.why, "message")
                message = messages.read(came)
            except ProxyError as error:
                self._malformed(source, error)
                continue
            try:
                await handle(message)
            except LinkClosed:
                return

    def _malformed(self, source: str, error: ProxyError) -> None:
        """Say that something was no message; the client is told, as JSON-RPC has it."""
        self._block(source, "malformed message", str(error))
        if source == CLIENT:
            answer = failure(None, messages.PARSE_ERROR, str(error))
            self._aside(self._client.send(answer.to_json()))

    def _block(self, source: str, what: str, why: str = "") -> None:
        """Note that something does not pass."""
        if self._transcript.block(source, what, why):
            text = f"does not pass: {what} of the {source}" + (f": {why}" if why else "")
            self._say(one_line(text))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something without holding up who is being listened to.

        A peer that does not read must not keep the other from being heard.
        """
        if len(self._asides) >= MAX_UNDER_WAY:
            work.close()
            return
        task = asyncio.ensure_future(self._quietly(work))
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; a peer that is gone is noticed elsewhere, another failure ends the session."""
        try:
            await work
        except LinkClosed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the session cannot go on
            if self._broken is not None and not self._broken.done():
                self._broken.set_exception(error)

    # -- from the client ------------------------------------------------------

    async def _of_client(self, message: messages.Message) -> None:
        if isinstance(message, Request):
            await self._client_request(message)
        elif isinstance(message, Notification):
            await self._client_notification(message)
        elif message.id is not None and self._to_client.pop(message.id, None) is not None:
            await self._server.send(message.to_json())
        else:
            self._block(CLIENT, "response", "it answers nothing")

    async def _client_request(self, request: Request) -> None:
        """A request of the client: labelled, passed on, or refused."""
        why, code = self._refusal(request)
        if why:
            self._block(CLIENT, request.method, why)
            self._aside(self._client.send(failure(request.id, code, why).to_json()))
            return
        self._era = self._passes.era(request.meta) or self._era
        if request.method == methods.TOOLS_CALL:
            task = asyncio.ensure_future(self._quietly(self._label(request)))
            self._labelled[request.id] = task
            task.add_done_callback(lambda _: self._labelled.pop(request.id, None))
            return
        token = request.meta.get("progressToken")
        self._to_server[request.id] = _UnderWay(request.method, token=token)
        await self._server.send(self._passes.request(request).to_json())

    def _refusal(self, request: Request) -> Tuple[str, int]:
        """Why a request of the client is refused, and the code; an empty text if it is not."""
        if isinstance(request.id, str) and request.id.startswith(OWN_ID):
            return f"an id that begins with {OWN_ID} is the proxy's own", messages.INVALID_REQUEST
        if request.id in self._to_server or request.id in self._labelled:
            return "a request with this id is under way", messages.INVALID_REQUEST
        if len(self._to_server) + len(self._labelled) >= MAX_UNDER_WAY:
            return f"{MAX_UNDER_WAY} requests are under way", messages.INVALID_REQUEST
        if request.method == methods.TOOLS_CALL or self._passes.of_client(request.method):
            return "", 0
        return methods.why_not(request.method), messages.METHOD_NOT_FOUND

    async def _client_notification(self, note: Notification) -> None:
        """A notification of the client: cancels, or passes."""
        passed = self._passes.of_client_notification(note)
        if passed is None:
            self._block(CLIENT, note.method)
            return
        if passed.method == methods.CANCELLED:
            id_ = (passed.params or {})["requestId"]
            task = self._labelled.get(id_)
            if task is not None:
                # Who carries it tells the server, if the server has it already.
                task.cancel()
                return
            if self._to_server.pop(id_, None) is None:
                return
        await self._server.send(passed.to_json())

    # -- tool calls -----------------------------------------------------------

    async def _label(self, request: Request) -> None:
        """A tool call from the client to its answer."""
        response = await self._calls.answer(request, self._forward)
        await self._client.send(response.to_json())

    async def _forward(self, request: Request) -> Response:
        """The server's answer to a request of the relay's own.

        Who gives up waiting has the server told so.  Raises: ProxyError when
        the server is gone.
        """
        if self._gone:
            raise _server_ended()
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        token = request.meta.get("progressToken")
        self._to_server[request.id] = _UnderWay(request.method, future, token)
        try:
            await self._server.send(request.to_json())
            return await future
        except LinkClosed as error:
            raise _server_ended() from error
        except asyncio.CancelledError:
            note = Notification(methods.CANCELLED, {"requestId": request.id})
            if not self._gone:
                self._aside(self._server.send(note.to_json()))
            raise
        finally:
            self._to_server.pop(request.id, None)

    # -- from the server ------------------------------------------------------

    async def _of_server(self, message: messages.Message) -> None:
        if isinstance(message, Response):
            await self._server_response(message)
        elif isinstance(message, Notification):
            await self._server_notification(message)
        elif not self._passes.of_server(message.method):
            self._refuse_server(message, methods.why_not(message.method))
        elif message.id in self._to_client or len(self._to_client) >= MAX_UNDER_WAY:
            self._refuse_server(message, "too many requests, or one with this id, are under way")
        else:
            self._to_client[message.id] = message.method
            await self._client.send(self._passes.server_request(message).to_json())

    def _refuse_server(self, request: Request, why: str) -> None:
        """Tell the server that its request does not reach the client."""
        self._block(SERVER, request.method, why)
        answer = failure(request.id, messages.METHOD_NOT_FOUND, why)
        self._aside(self._server.send(answer.to_json()))

    async def _server_response(self, response: Response) -> None:
        """An answer: to who waits for it, or to the client."""
        under_way = None if response.id is None else self._to_server.pop(response.id, None)
        if under_way is None:
            self._block(SERVER, "response", "it answers nothing")
            return
        if under_way.future is not None:
            if not under_way.future.done():
                under_way.future.set_result(response)
            return
        if response.result is not None:
            assert response.id is not None
            result = self._passes.result(response.id, under_way.method, response.result)
            response = dataclasses.replace(response, result=result)
        elif response.error is not None:
            error = self._passes.error(under_way.method, response.error)
            response = dataclasses.replace(response, error=error)
        await self._client.send(response.to_json())

    async def _server_notification(self, note: Notification) -> None:
        """A notification of the server: passes with what the tables leave of it."""
        passed = self._passes.of_server_notification(note)
        if passed is None or not self._concerns(passed):
            self._block(SERVER, note.method)
            return
        await self._client.send(passed.to_json())

    def _concerns(self, note: Notification) -> bool:
        """Whether what a notification of the server names is under way."""
        params = note.params or {}
        meta = params.get("_meta")
        if isinstance(meta, dict) and methods.META_SUBSCRIPTION in meta:
            under_way = self._to_server.get(meta[methods.META_SUBSCRIPTION])
            return under_way is not None and under_way.method == methods.LISTEN
        if note.method == methods.PROGRESS:
            token = params["progressToken"]
            return any(one.token == token for one in self._to_server.values())
        if note.method == methods.CANCELLED:
            return self._to_client.pop(params["requestId"], None) is not None
        return True

    async def _server_gone(self) -> None:
        """The server has ended: whoever waits for an answer is told."""
        self._gone = True
        waiting, self._to_server = self._to_server, {}
        for id_, under_way in waiting.items():
            if under_way.future is None:
                answer = failure(id_, messages.CONNECTION_CLOSED, str(_server_ended()))
                self._aside(self._client.send(answer.to_json()))
            elif not under_way.future.done():
                under_way.future.set_exception(_server_ended())
        last = {*self._labelled.values(), *self._asides}
        if last:
            await asyncio.wait(last, timeout=LAST_WORDS)


def _server_ended() -> ProxyError:
    return ProxyError("the server has ended", "ended")
