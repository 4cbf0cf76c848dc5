"""Both ends of a relay in one process, and a guard that is a table.

What belongs here: what the tests of the relay talk to.  What does not: real
clients, servers and guards (``test_session``).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Coroutine, Dict, List, Optional

from hostabi.errors import ResponseError
from hostabi.labels import (
    AgentLabels,
    Item,
    Labels,
    LabelSource,
    Mode,
    Operation,
    ResourceLabels,
    ResponseLabels,
)
from hostabi.pipeline import Pipeline
from hostabi.proxy import Calls, End, LinkClosed, Malformed, Passes, Questions, Relay, Transcript

PATIENCE = 60
"""Seconds after which a session of a test has hung."""

OPEN = Labels((), ("trusted",), "open")
SECRET = Labels(("secret",), ("trusted",), "secret")


class Peer:
    """One end: the test says and hears, the relay receives and sends."""

    def __init__(self) -> None:
        self.said: asyncio.Queue = asyncio.Queue()
        self.heard: asyncio.Queue = asyncio.Queue()
        self.deaf = False

    # -- for the test ---------------------------------------------------------

    def say(self, **members: Any) -> None:
        """Send a message."""
        self.said.put_nowait({"jsonrpc": "2.0", **members})

    def ask(self, id_: Any, method: str, **params: Any) -> None:
        """Send a request."""
        self.say(id=id_, method=method, params=params)

    def call(self, id_: Any, tool: str, _meta: Optional[Dict[str, Any]] = None, **args: Any) -> None:
        """Send a tool call."""
        more = {} if _meta is None else {"_meta": _meta}
        self.ask(id_, "tools/call", name=tool, arguments=args, **more)

    def garbage(self, why: str = "no JSON") -> None:
        """Send what is no message."""
        self.said.put_nowait(Malformed(why))

    def close(self) -> None:
        """End it."""
        self.said.put_nowait(None)

    async def hear(self) -> Dict[str, Any]:
        """The next message that came."""
        return await self.heard.get()

    # -- for the relay --------------------------------------------------------

    async def receive(self) -> Any:
        return await self.said.get()

    async def send(self, message: Dict[str, Any]) -> None:
        if self.deaf:
            raise LinkClosed
        self.heard.put_nowait(message)


class TableGuard:
    """Labels by the tool's name: ``read_secret``, ``write_open``…; lists are labelled by item.

    An agent has integrity ``trusted`` and no secrecy.
    """

    name = "table"
    healthy = True

    def __init__(self, mode: Mode = Mode.FILTER) -> None:
        self.mode = mode
        self.fail: Dict[str, BaseException] = {}
        self.asks: List[Any] = []
        self.answers: List[Any] = []

    def label_agent(self, policy: Any, *, backend: Any = None) -> AgentLabels:
        return AgentLabels(Labels((), ("trusted",)), self.mode, None, b"")

    def label_resource(self, tool_name: str, tool_args: Any, *, capabilities: Any = None,
                       backend: Any = None) -> ResourceLabels:  # fmt: skip
        for question in self.asks:
            try:
                self.answers.append(backend(*question))
            except Exception as error:
                self.answers.append(error)
        if tool_name in self.fail:
            raise self.fail[tool_name]
        word, _, kind = tool_name.partition("_")
        labels = SECRET if kind == "secret" else OPEN
        return ResourceLabels(labels, Operation.WRITE if word == "write" else Operation.READ, b"")

    def label_response(self, tool_name: str, tool_result: Any, tool_args: Any = None, *,
                       capabilities: Any = None, request_state: Any = None, resource: Any = None,
                       backend: Any = None) -> Optional[ResponseLabels]:  # fmt: skip
        if not tool_name.startswith("list_"):
            return None
        try:
            elements = json.loads(tool_result["content"][0]["text"])
            items = tuple(
                Item(one, SECRET if one["secret"] else OPEN, LabelSource.OWN) for one in elements
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ResponseError(f"no list: {error}", "label_response", "json") from error
        return ResponseLabels(items, "paths", True, b"")

    def cancel(self, thread: Optional[int] = None) -> None:
        pass

    def close(self) -> None:
        pass


class Session:
    """What a script of a test has in its hands."""

    def __init__(self, guard: TableGuard, switches: Any, payloads: bool, asked: Any) -> None:
        self.client, self.server = Peer(), Peer()
        self.lines: List[str] = []
        self.said: List[str] = []
        transcript = Transcript(self.lines.append, payloads=payloads)
        passes = Passes(frozenset(switches))
        self.questions = Questions(frozenset(asked))
        self.pipeline = Pipeline(guard, policy={}, guard_backend=self.questions.answer)
        calls = Calls(
            self.pipeline, "a", passes=passes, transcript=transcript, say=self.said.append
        )
        self.relay = Relay(
            calls, self.client, self.server, passes=passes, transcript=transcript,
            say=self.said.append,
        )  # fmt: skip
        self.questions.connect(self.relay.ask)
        self.transcript = transcript
        self.end: Optional[End] = None

    def entries(self, kind: str) -> List[Dict[str, Any]]:
        """The transcript's entries of one kind."""
        return [doc for doc in map(json.loads, self.lines) if doc["entry"] == kind]


def play(
    script: Callable[[Session], Coroutine[Any, Any, None]], guard: Optional[TableGuard] = None,
    switches: Any = (), payloads: bool = False, asked: Any = (), ends: bool = False,
) -> Session:  # fmt: skip
    """Run a relay and ``script`` beside it; the client closes when the script is done.

    ``ends`` says that it is the server that ends it, and the script with it.
    """

    async def main() -> Session:
        session = Session(guard or TableGuard(), switches, payloads, asked)
        with session.pipeline:
            running = asyncio.ensure_future(session.relay.run())
            playing = asyncio.ensure_future(script(session))
            await asyncio.wait({running, playing}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                session.client.close()
            session.end = await running
            if not playing.done() and ends:
                playing.cancel()
                await asyncio.wait({playing})
            else:
                await playing
        return session

    return asyncio.run(asyncio.wait_for(main(), PATIENCE))


def text(*elements: Any, **more: Any) -> Dict[str, Any]:
    """A tool's result: one text with JSON."""
    value = elements[0] if len(elements) == 1 else list(elements)
    return {"content": [{"type": "text", "text": json.dumps(value)}], **more}
