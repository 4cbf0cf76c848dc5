"""Real sessions: the SDK's own client, the proxy as a process, real servers behind it.

The servers are one of ours (``github_like``), with the bundled guard and with
guards made for a test, and one from PyPI, ``mcp-server-time``.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, Iterator, List, Optional

import pytest

from hostabi import bundled
from tests.arch.tree import ROOT
from tests.hostabi.wat import LOOP, data, guard_wat

# One that is there and broken is no reason to skip.
mcp = pytest.importorskip(
    "mcp", reason="no package mcp: pip install 'wasmpy-runtime[proxy]'", exc_type=ModuleNotFoundError
)

from mcp import ClientSession, StdioServerParameters  # noqa: E402
from mcp.client.stdio import stdio_client  # noqa: E402

PATIENCE = 120
"""Seconds after which a session has hung."""

TIME_SERVER = "mcp_server_time"
needs_time_server = pytest.mark.skipif(
    importlib.util.find_spec(TIME_SERVER) is None,
    reason="no server to test with: pip install mcp-server-time",
)

SESSION = bundled.session()
AGENT = '{"agent":{"secrecy":[],"integrity":[]},"difc_mode":"filter"}'
OPEN = '{"resource":{"description":"r","secrecy":[],"integrity":[]},"operation":"read"}'
# What a call makes the guard do, by the length of its input.
BY_LENGTH = f"""
  (if (i32.gt_u (local.get $il) (i32.const 4000)) (then {LOOP}))
  (if (i32.gt_u (local.get $il) (i32.const 2000)) (then (unreachable)))
  (memory.copy (local.get $op) (i32.const 8192) (i32.const {len(OPEN)}))
  (i32.const {len(OPEN)})"""
LOOPS, TRAPS = "x" * 4000, "x" * 2000


class Files:
    """Guard, policy, transcript and the record of what reached the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "record.jsonl"
        self.transcript = folder / "transcript.jsonl"
        self.policy = self.write("policy.json", json.dumps(SESSION["policy"]))
        self.open_policy = self.write("open.json", "{}")
        self.github = folder / "github.wasm"
        self.github.write_bytes(bundled.guard_bytes())
        self.plain = self.write("plain.wat", guard_wat(
            agent=AGENT, resource=BY_LENGTH, response="(i32.const 0)", extra=data(8192, OPEN)
        ))  # fmt: skip

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def proxy(self, *options: str, guard: Optional[Path] = None, policy: Optional[Path] = None,
              server: Optional[List[str]] = None) -> List[str]:  # fmt: skip
        """The command line of a proxy."""
        if guard is None:
            guard, policy = self.github, policy or self.policy
        server = server or [sys.executable, str(ROOT / "tests/proxy/github_like.py"), str(self.record)]
        return [
            sys.executable, "-m", "wasmpy", "guard", "proxy", "--guard", str(guard),
            "--policy", str(policy or self.open_policy), "--transcript", str(self.transcript),
            *options, "--", *server,
        ]  # fmt: skip

    def reached(self) -> List[Dict[str, Any]]:
        """The tool calls that reached the server, the guard's questions included."""
        return self._lines(self.record)

    def has_reached(self, tool: str) -> bool:
        """Whether a call of ``tool`` has reached the server by now."""
        return self.record.exists() and tool in [one["tool"] for one in self.reached()]

    def entries(self, kind: str) -> List[Dict[str, Any]]:
        """The transcript's entries of one kind."""
        return [doc for doc in self._lines(self.transcript) if doc["entry"] == kind]

    def _lines(self, path: Path) -> List[Dict[str, Any]]:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The proxies of all tests share what they compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASMPY_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def environment() -> Dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def session(command: List[str], script: Callable[[ClientSession], Awaitable[None]]) -> str:
    """Have a client of the SDK talk to the proxy; what the proxy wrote to standard error."""

    async def main(err: Any) -> None:
        params = StdioServerParameters(
            command=command[0], args=command[1:], env=environment(), cwd=str(ROOT)
        )
        async with stdio_client(params, errlog=err) as streams, ClientSession(*streams) as client:
            await client.initialize()
            await script(client)

    with tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        asyncio.run(asyncio.wait_for(main(err), PATIENCE))
        err.seek(0)
        return err.read()


def is_error(result: Any) -> bool:
    """Releases 2.x and 1.x of the SDK call it differently."""
    found = getattr(result, "is_error", None)
    return bool(result.isError if found is None else found)


def texts(result: Any) -> List[str]:
    return [element.text for element in result.content]


# -- the bundled guard before a server like GitHub's -----------------------------


def test_a_session_with_the_bundled_guard(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert "search_issues" in names

        found = await client.call_tool("search_issues", SESSION["tool_args"])
        items = json.loads(texts(found)[0])["items"]
        assert [item["number"] for item in items] == [41, 43, 44, 47]
        assert texts(found)[1].startswith("[filtered] 4 of 8 items")

        read = {"owner": "acme", "repo": "vault", "path": "keys.txt"}
        denied = await client.call_tool("get_file_contents", read)
        assert is_error(denied)
        assert "what stands in" not in str(denied)

        write = {"owner": "acme", "repo": "vault", "title": "hello"}
        refused = await client.call_tool("create_issue", write)
        assert is_error(refused)
        assert "the agent lacks none:acme/vault (/resource/integrity/0)" in texts(refused)[0]

    err = session(files.proxy(), script)
    assert "Traceback" not in err
    asked = [one["tool"] for one in files.reached()]
    assert "create_issue" not in asked
    assert asked.count("search_repositories") == 2  # the guard's own questions
    begun = files.entries("session")[0]
    assert (begun["mode"], begun["agent_id"]) == ("filter", "client")
    search, read, write = files.entries("call")
    assert [e["decision"] for e in (search, read, write)] == ["filtered", "denied", "denied"]
    assert [e["reached_server"] for e in (search, read, write)] == [True, True, False]
    assert (search["outcome"]["kept"], search["outcome"]["dropped"]) == (4, 4)
    vault = [e for e in search["outcome"]["explanations"] if e["index"] == 5]
    assert {(r["tag"], r["side"]) for r in vault[0]["reasons"]} >= {("private:acme/vault", "item")}
    assert all(r["path"].startswith("/") for r in vault[0]["reasons"])
    reason = write["outcome"]["denial"]["reasons"][0]
    assert (reason["tag"], reason["side"], reason["path"]) == (
        "none:acme/vault", "agent", "/resource/integrity/0",
    )  # fmt: skip
    assert files.entries("end") == [{"entry": "end", "reason": "client-closed", "blocked": {}}]
    # Redacted: nothing of what was in the issues.
    assert "Rotate the signing keys" not in files.transcript.read_text("utf-8")
    assert files.transcript.stat().st_mode & 0o077 == 0


def structured(result: Any) -> Any:
    """Releases 2.x and 1.x of the SDK call it differently."""
    found = getattr(result, "structured_content", None)
    return result.structuredContent if found is None else found


def test_what_a_tool_says_twice_is_filtered_twice(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        await client.list_tools()  # so that it checks results by their schemas
        searched = await client.call_tool("search_pull_requests", SESSION["tool_args"])
        kept = structured(searched)["result"]
        assert [json.loads(one) for one in texts(searched)[:-1]] == kept
        assert texts(searched)[-1].startswith("[filtered]")
        listed = await client.call_tool("list_issues", {"owner": "acme", "repo": "web"})
        said = json.loads(texts(listed)[0])
        assert structured(listed) in (said, {"result": said})
        told = await client.call_tool("search_issues", SESSION["tool_args"])
        assert structured(told) == {"result": texts(told)[0]}
        for result in (searched, listed, told):
            assert "Rotate the signing keys" not in result.model_dump_json()

    session(files.proxy(), script)
    assert [e["decision"] for e in files.entries("call")] == ["filtered"] * 3


@pytest.mark.parametrize("how", ["proxy", "capabilities"])
def test_options_reach_guard_and_transcript(files: Files, how: str) -> None:
    async def script(client: ClientSession) -> None:
        found = await client.call_tool("search_issues", {"query": "x"})
        assert is_error(found)  # strict: one item blocks them all

    capabilities = files.write("capabilities.json", '{"tools": [{"name": "issue_read"}]}')
    asks = ["--guard-may-ask", "nothing"] if how == "proxy" else ["--capabilities", str(capabilities)]
    options = [*asks, "--mode", "strict", "--agent", "kim", "--transcript-payloads", "--name", "gh",
               "--trusted-users", "tiny-fern, red-kite", "--verbose"]  # fmt: skip
    err = session(files.proxy(*options), script)
    assert "wasmpy: guard: " in err
    begun = files.entries("session")[0]
    assert (begun["mode"], begun["agent_id"], begun["guard"]) == ("strict", "kim", "gh")
    (entry,) = files.entries("call")
    assert entry["args"] == {"query": "x"}
    assert "Rotate the signing keys" in str(entry["answer"])
    assert [one["tool"] for one in files.reached()] == ["search_issues"]
    questions = [call for report in entry["reports"] for call in report["backend"]]
    assert questions
    assert all(call["returned"] == -1 for call in questions)
    assert {call["refusal"] for call in questions} == {None if how == "proxy" else "tool"}
    trusted = [item for item in entry["outcome"]["items"] if item["index"] in (1, 6)]
    assert all("approved:acme/web" in item["labels"]["integrity"] for item in trusted)


def test_what_no_guard_labels_does_not_pass(files: Files) -> None:
    async def denied(client: ClientSession) -> None:
        for ask in (client.list_resources, client.list_prompts):
            with pytest.raises(Exception) as caught:
                await ask()
            assert "--allow-unlabelled" in str(caught.value)

    session(files.proxy(), denied)
    assert files.entries("end")[0]["blocked"] == {"client resources/list": 1, "client prompts/list": 1}

    async def passed(client: ClientSession) -> None:
        (resource,) = (await client.list_resources()).resources
        read = await client.read_resource(resource.uri)
        assert "Friday" in read.contents[0].text
        assert (await client.get_prompt("greeting")).messages

    session(files.proxy("--allow-unlabelled", "resources, prompts"), passed)


@pytest.mark.skipif(not hasattr(mcp, "Client"), reason="needs mcp 2: pip install 'mcp>=2'")
def test_a_client_and_a_server_that_do_without_initialize(files: Files) -> None:
    command = files.proxy()
    params = StdioServerParameters(
        command=command[0], args=command[1:], env=environment(), cwd=str(ROOT)
    )

    async def main() -> None:
        async with mcp.Client(params, mode="auto") as client:
            assert client.protocol_version >= "2026"
            assert client.server_capabilities.resources is None
            found = await client.call_tool("search_issues", SESSION["tool_args"])
            assert [i["number"] for i in json.loads(texts(found)[0])["items"]] == [41, 43, 44, 47]
            write = {"owner": "acme", "repo": "vault", "title": "hello"}
            assert is_error(await client.call_tool("create_issue", write))

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert [e["decision"] for e in files.entries("call")] == ["filtered", "denied"]


# -- a guard that a test can make trap and loop -------------------------------------


def test_a_trap_in_the_midst_of_a_session_denies_every_later_call(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        assert not is_error(await client.call_tool("search_issues", {"query": "x"}))
        trapped = await client.call_tool("search_issues", {"query": TRAPS})
        assert is_error(trapped)
        assert "unreachable" in texts(trapped)[0]
        later = await client.call_tool("search_issues", {"query": "x"})
        assert is_error(later)
        assert "unavailable after a previous trap" in texts(later)[0]
        assert (await client.list_tools()).tools

    session(files.proxy(guard=files.plain), script)
    assert [e["decision"] for e in files.entries("call")] == ["allowed", "failed", "failed"]
    assert [e["error"]["error"] for e in files.entries("call")[1:]] == ["GuardTrap", "GuardPoisoned"]
    assert len(files.reached()) == 1


def test_a_guard_that_takes_too_long_denies_one_call(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        assert is_error(await client.call_tool("search_issues", {"query": LOOPS}))
        assert not is_error(await client.call_tool("search_issues", {"query": "x"}))

    session(files.proxy("--fuel", "1000000", guard=files.plain), script)
    assert [e["decision"] for e in files.entries("call")] == ["failed", "allowed"]


def test_cancelling_a_request_interrupts_the_guest(files: Files) -> None:
    command = files.proxy(guard=files.plain)
    with Wire(command) as wire:
        wire.initialize()
        wire.call(1, "search_issues", query=LOOPS)
        # The guest is in its loop for certain when a call that waits for it has been sent too.
        wire.call(2, "search_issues", query="x")
        wire.send(method="notifications/cancelled", params={"requestId": 1})
        assert wire.answer(2)["result"].get("isError", False) is False
        assert wire.close() == 0
    decisions = {e["id"]: e["decision"] for e in files.entries("call")}
    assert decisions == {1: "cancelled", 2: "allowed"}


def test_with_more_instances_a_call_does_not_wait_for_another(files: Files) -> None:
    with Wire(files.proxy("--instances", "2", "--mode", "strict", "--timeout", "0", guard=files.plain)) as wire:
        wire.initialize()
        wire.call(1, "search_issues", query=LOOPS)
        wire.call(2, "search_issues", query="x")
        assert wire.answer(2)["result"].get("isError", False) is False
        # One that traps is replaced, and the other one goes on.
        wire.call(3, "search_issues", query=TRAPS)
        assert wire.answer(3)["result"]["isError"] is True
        wire.call(4, "search_issues", query="x")
        assert wire.answer(4)["result"].get("isError", False) is False
        wire.send(method="notifications/cancelled", params={"requestId": 1})
        assert wire.close() == 0
    decisions = {e["id"]: e["decision"] for e in files.entries("call")}
    assert decisions == {1: "cancelled", 2: "allowed", 3: "failed", 4: "allowed"}


def test_cancelling_a_request_reaches_the_server(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        wire.call("w", "wait_for_ever")
        wire.until(lambda: files.has_reached("wait_for_ever"))
        wire.send(method="notifications/cancelled", params={"requestId": "w"})
        wire.until(lambda: files.has_reached("wait_for_ever cancelled"))
        assert wire.close() == 0


def test_concurrent_calls(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        calls = [client.call_tool("list_many", {"count": i}) for i in range(12)]
        for i, result in enumerate(await asyncio.gather(*calls)):
            assert len(json.loads(texts(result)[0])) == i

    session(files.proxy(guard=files.plain), script)
    assert len(files.entries("call")) == 12


def test_a_large_result_passes_and_one_that_is_too_large_is_denied(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        large = await client.call_tool("list_many", {"count": 4_000})
        assert len(json.loads(texts(large)[0])) == 4_000
        too_large = await client.call_tool("list_many", {"count": 25_000})
        assert is_error(too_large)
        assert "input too large" in texts(too_large)[0]

    session(files.proxy(guard=files.plain), script)
    assert [e["decision"] for e in files.entries("call")] == ["allowed", "failed"]
    assert files.entries("call")[1]["error"]["error"] == "InputTooLarge"


def test_progress_passes_without_its_words(files: Files) -> None:
    heard: List[Any] = []

    async def note(progress: float, total: Optional[float], message: Optional[str]) -> None:
        heard.append((progress, total, message))

    async def script(client: ClientSession) -> None:
        await client.call_tool("count_to", {"number": 3}, progress_callback=note)

    session(files.proxy(guard=files.plain), script)
    assert heard == [(1, 3, None), (2, 3, None), (3, 3, None)]


def test_what_is_no_message_of_the_server_does_not_reach_the_client(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        wire.call(1, "babble")
        assert "result" in wire.answer(1)
        assert wire.close() == 0
    assert files.entries("end")[0]["blocked"]["server malformed message"] == 3


def test_what_is_no_message_of_the_client_does_not_end_the_session(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        for line in (b"{", b"[]", b'{"jsonrpc":"2.0","id":true,"method":"tools/call"}', b"\xff\xfe", b""):
            wire.raw(line + b"\n")
        wire.send(id=1, method="ping")
        assert wire.answer(1)["result"] == {}
        assert wire.close() == 0
    # Some releases of the SDK read an id that is none as no id.
    blocked = files.entries("end")[0]["blocked"]
    assert sum(blocked.values()) == 5
    assert set(blocked) <= {"client malformed message", "client tools/call"}
    assert not files.record.exists()


# -- the ends -------------------------------------------------------------------------


def test_when_the_server_dies_the_client_is_told_and_the_proxy_ends(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        wire.call(1, "die")
        assert wire.answer(1)["error"]["code"] == -32000
        assert wire.process.wait(PATIENCE) == 1
        assert wire.error_lines()[-1] == "wasmpy: error: the server has ended"
    assert files.entries("end")[0]["reason"] == "server-ended"


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_the_session_in_order(files: Files, sign: int, code: int) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        wire.call(1, "wait_for_ever")
        wire.until(lambda: files.has_reached("wait_for_ever"))
        wire.process.send_signal(sign)
        assert wire.process.wait(PATIENCE) == code
    assert files.entries("end")[0]["reason"] == "stopped"


def test_a_signal_stops_a_guest_that_loops(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        wire.call(1, "search_issues", query=LOOPS)
        wire.send(id=2, method="ping")
        wire.answer(2)
        wire.process.send_signal(signal.SIGTERM)
        assert wire.process.wait(PATIENCE) == 0


def test_a_client_that_does_not_read_can_still_end_the_session(files: Files) -> None:
    os.mkfifo(files.folder / "events")
    command = files.proxy("--transcript", str(files.folder / "events"), guard=files.plain)
    with Wire(command) as wire, open(files.folder / "events", encoding="utf-8") as events:
        wire.initialize()
        wire.call(1, "list_many", count=4_000)
        assert [json.loads(events.readline())["entry"] for _ in range(2)] == ["session", "call"]
        # More than a pipe holds is on its way to us now, and stays there.
        wire.process.send_signal(signal.SIGTERM)
        assert wire.process.wait(PATIENCE) == 0
        assert json.loads(events.readline())["reason"] == "stopped"


def test_a_client_that_closes_in_a_call_ends_the_session(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain)) as wire:
        wire.initialize()
        wire.call(1, "wait_for_ever")
        wire.until(lambda: files.has_reached("wait_for_ever"))
        assert wire.close() == 0
    assert files.entries("end")[0]["reason"] == "client-closed"


@pytest.mark.parametrize(("broken", "code"), [
    ("guard", 1), ("policy", 2), ("rejected", 1), ("transcript", 2), ("switch", 2),
])  # fmt: skip
def test_what_is_wrong_at_the_start_is_said_before_the_server_runs(
    files: Files, broken: str, code: int
) -> None:
    options: List[str] = []
    guard, policy = files.plain, files.open_policy
    if broken == "guard":
        guard = files.write("bad.wat", "(module)")
    elif broken == "policy":
        policy = files.write("bad.json", '{"allow-only": {"repos": "all"}}')
    elif broken == "rejected":
        guard = files.write("rejects.wat", guard_wat(agent='{"success":false,"error":"no"}'))
    elif broken == "transcript":
        options = ["--transcript", str(files.folder / "absent" / "t.jsonl")]
    else:
        options = ["--allow-unlabelled", "everything"]
    with Wire(files.proxy(*options, guard=guard, policy=policy)) as wire:
        assert wire.process.wait(PATIENCE) == code
        (line,) = wire.error_lines()
        assert line.startswith("wasmpy: error: ")
        assert wire.process.stdout.read() == b""
    assert not files.record.exists()


def test_a_server_that_cannot_be_started_is_one_line(files: Files) -> None:
    with Wire(files.proxy(guard=files.plain, server=["no-such-server-anywhere"])) as wire:
        assert wire.process.wait(PATIENCE) == 2
        (line,) = wire.error_lines()
        assert line == "wasmpy: error: cannot run 'no-such-server-anywhere': No such file or directory"


# -- servers from PyPI ----------------------------------------------------------------------


@needs_time_server
def test_a_server_from_pypi(files: Files) -> None:
    async def script(client: ClientSession) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"get_current_time", "convert_time"}
        args = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        converted = await client.call_tool("convert_time", args)
        assert json.loads(texts(converted)[0])["time_difference"] == "+9.0h"
        wrong = await client.call_tool("convert_time", {**args, "source_timezone": "Mars/Base"})
        assert is_error(wrong)
        assert not texts(wrong)[0].startswith("Denied")

    session(files.proxy(guard=files.plain, server=[sys.executable, "-m", TIME_SERVER]), script)
    assert [e["decision"] for e in files.entries("call")] == ["allowed", "allowed"]


@needs_time_server
def test_a_server_from_pypi_behind_a_guard_that_denies(files: Files) -> None:
    secret = '{"resource":{"description":"r","secrecy":["s"],"integrity":[]},"operation":"read"}'
    guard = files.write(
        "denies.wat", guard_wat(agent=AGENT, resource=secret, response="(i32.const 0)")
    )

    async def script(client: ClientSession) -> None:
        denied = await client.call_tool("get_current_time", {"timezone": "UTC"})
        assert is_error(denied)
        assert "has s (/resource/secrecy/0)" in texts(denied)[0]

    session(files.proxy(guard=guard, server=[sys.executable, "-m", TIME_SERVER]), script)


# -- the line between client and proxy, by hand ---------------------------------------------


class Wire:
    """A proxy as a process, and messages by hand."""

    def __init__(self, command: List[str]) -> None:
        self.errors: List[str] = []
        self.process = subprocess.Popen(
            command, cwd=str(ROOT), env=environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait()
        assert "Traceback" not in "\n".join(self.error_lines())
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()

    def raw(self, line: bytes) -> None:
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def send(self, **members: Any) -> None:
        self.raw(json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n")

    def call(self, id_: Any, tool: str, **args: Any) -> None:
        self.send(id=id_, method="tools/call", params={"name": tool, "arguments": args})

    def answer(self, id_: Any) -> Dict[str, Any]:
        """The next answer to ``id_``; every line must be a message."""
        while True:
            doc = json.loads(self.process.stdout.readline())
            assert doc["jsonrpc"] == "2.0"
            if doc.get("id") == id_ and "method" not in doc:
                return doc

    def until(self, happened: Callable[[], bool]) -> None:
        """Go on pinging until something has happened."""
        for i in range(10_000):
            if happened():
                return
            self.send(id=f"ping {i}", method="ping")
            self.answer(f"ping {i}")
        raise AssertionError("it never happened")

    def initialize(self) -> None:
        params = {"protocolVersion": "2025-06-18", "capabilities": {},
                  "clientInfo": {"name": "by hand", "version": "1"}}  # fmt: skip
        self.send(id=0, method="initialize", params=params)
        self.answer(0)
        self.send(method="notifications/initialized")

    def close(self) -> int:
        """Close our end; the exit code."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def error_lines(self) -> List[str]:
        """What it wrote to standard error, once it has ended."""
        self.errors += self.process.stderr.read().decode().splitlines()
        return self.errors
