"""The relay between two peers in this process: what passes, what is labelled, what ends here."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostabi.errors import GuardPoisoned, GuardTrap, ProxyError
from hostabi.proxy import End, methods
from hostabi.proxy.relay import MAX_UNDER_WAY, OWN_ID
from hostabi.rules import RulesBackend
from tests.proxy.peers import PATIENCE, Session, TableGuard, play, text
from wasmpy.errors import TrapKind, WasmTrap

TRAP = GuardTrap("label_resource", "label_resource", WasmTrap(TrapKind.UNREACHABLE))


# -- tool calls ----------------------------------------------------------------


def test_an_allowed_call_passes_with_the_servers_own_result():
    async def script(s):
        s.client.call(1, "read_open", q="x")
        asked = await s.server.hear()
        assert asked == {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                         "params": {"name": "read_open", "arguments": {"q": "x"}}}  # fmt: skip
        s.server.say(id=1, result=text({"a": 1}, structuredContent={"a": 1}, _meta={}))
        answer = await s.client.hear()
        assert answer["id"] == 1
        assert answer["result"] == text({"a": 1}, structuredContent={"a": 1}, _meta={})

    session = play(script)
    assert session.end is End.CLIENT_CLOSED
    (entry,) = session.entries("call")
    assert (entry["decision"], entry["reached_server"], entry["tool"]) == ("allowed", True, "read_open")


def test_missing_arguments_are_an_empty_object_for_guard_and_server():
    async def script(s):
        s.client.ask(1, "tools/call", name="read_open")
        assert (await s.server.hear())["params"] == {"name": "read_open", "arguments": {}}

    play(script)


def test_items_are_filtered_and_the_agent_is_told():
    async def script(s):
        s.client.call(1, "list_open")
        await s.server.hear()
        s.server.say(id=1, result=text({"n": 1, "secret": False}, {"n": 2, "secret": True}))
        result = (await s.client.hear())["result"]
        assert "isError" not in result
        assert [c["text"] for c in result["content"]][0] == '[{"n":1,"secret":false}]'
        assert len(result["content"]) == 2

    session = play(script)
    (entry,) = session.entries("call")
    assert entry["decision"] == "filtered"
    assert (entry["outcome"]["kept"], entry["outcome"]["dropped"]) == (1, 1)
    (explanation,) = entry["outcome"]["explanations"]
    assert explanation["index"] == 1
    assert explanation["reasons"][0]["tag"] == "secret"
    assert explanation["reasons"][0]["side"] == "item"


def test_a_denied_read_is_a_result_that_is_an_error():
    async def script(s):
        s.client.call(1, "read_secret")
        await s.server.hear()
        s.server.say(id=1, result=text("the keys leave on Friday"))
        result = (await s.client.hear())["result"]
        assert result["isError"] is True
        assert "Friday" not in str(result)
        assert "secret" in result["content"][0]["text"]

    (entry,) = play(script).entries("call")
    assert (entry["decision"], entry["reached_server"], entry["result"]) == ("denied", True, None)
    reason = entry["outcome"]["denial"]["reasons"][0]
    assert (reason["tag"], reason["side"], reason["rule"]) == ("secret", "resource", "secrecy")


def test_a_denied_write_never_reaches_the_server():
    guard = TableGuard()
    guard.label_agent = lambda policy, backend=None: _tainted()

    async def script(s):
        s.client.call(1, "write_open", text="the keys leave on Friday")
        assert (await s.client.hear())["result"]["isError"] is True

    session = play(script, guard)
    assert session.server.heard.empty()
    (entry,) = session.entries("call")
    assert (entry["decision"], entry["reached_server"]) == ("denied", False)


def _tainted():
    from hostabi.labels import AgentLabels, Labels, Mode

    return AgentLabels(Labels(("secret",), ("trusted",)), Mode.FILTER, None, b"")


@pytest.mark.parametrize("params", [{}, {"name": 1}, {"name": "read_open", "arguments": [1]}])
def test_a_call_that_is_none_is_refused_before_the_server(params):
    async def script(s):
        s.client.ask(1, "tools/call", **params)
        assert (await s.client.hear())["error"]["code"] == -32602

    assert play(script).server.heard.empty()


def test_an_error_of_the_server_is_labelled_like_a_result():
    async def script(s):
        for id_, tool in ((1, "read_open"), (2, "read_secret")):
            s.client.call(id_, tool)
            await s.server.hear()
            s.server.say(id=id_, error={"code": -32602, "message": "no key for Friday", "data": 7})
        first, second = await s.client.hear(), await s.client.hear()
        assert first["error"] == {"code": -32602, "message": "no key for Friday", "data": 7}
        assert second["result"]["isError"] is True
        assert "Friday" not in str(second)

    play(script)


def test_a_trap_denies_and_the_session_goes_on():
    guard = TableGuard()
    guard.fail["read_trap"] = TRAP

    async def script(s):
        s.client.call(1, "read_trap")
        assert (await s.client.hear())["result"]["isError"] is True
        # From now on as a guard does that is poisoned.
        guard.fail = {"read_open": GuardPoisoned("table", "label_resource", TRAP)}
        s.client.call(2, "read_open")
        text_ = (await s.client.hear())["result"]["content"][0]["text"]
        assert "unavailable after a previous trap" in text_
        s.client.ask(3, "ping")
        assert (await s.server.hear())["method"] == "ping"

    session = play(script, guard)
    assert session.end is End.CLIENT_CLOSED
    assert [e["error"]["error"] for e in session.entries("call")] == ["GuardTrap", "GuardPoisoned"]
    assert not any(e["reached_server"] for e in session.entries("call"))


def test_arguments_that_are_no_json_do_not_reach_the_server():
    async def script(s):
        s.client.call(1, "read_open", x=float("nan"))
        assert (await s.client.hear())["error"]["code"] == -32602

    assert play(script).server.heard.empty()


def test_a_result_that_is_no_json_is_denied():
    async def script(s):
        s.client.call(1, "read_open")
        await s.server.hear()
        s.server.say(id=1, result={"content": [], "x": float("inf")})
        assert (await s.client.hear())["result"]["isError"] is True

    assert play(script).entries("call")[0]["error"]["error"] == "PayloadError"


def test_concurrent_calls_are_answered_each_its_own():
    count = 20

    async def script(s):
        for i in range(count):
            s.client.call(i, "read_open", n=i)
        asked = [await s.server.hear() for _ in range(count)]
        for one in reversed(asked):
            s.server.say(id=one["id"], result=text(one["params"]["arguments"]["n"]))
        answers = [await s.client.hear() for _ in range(count)]
        assert sorted(a["id"] for a in answers) == list(range(count))
        assert all(a["result"] == text(a["id"]) for a in answers)

    play(script)


def test_cancelling_a_call_tells_the_server_and_answers_nothing():
    async def script(s):
        s.client.call("c", "read_open")
        await s.server.hear()
        s.client.say(method="notifications/cancelled", params={"requestId": "c", "reason": "Friday"})
        told = await s.server.hear()
        assert told == {"jsonrpc": "2.0", "method": "notifications/cancelled",
                        "params": {"requestId": "c"}}  # fmt: skip
        s.server.say(id="c", result=text("too late"))
        s.client.ask(2, "ping")
        assert (await s.server.hear())["id"] == 2

    session = play(script)
    assert session.client.heard.empty()
    assert session.entries("call")[0]["decision"] == "cancelled"
    assert session.transcript.blocked == {"server response": 1}


# -- the guard's questions -------------------------------------------------------


def test_a_question_of_the_guard_goes_to_the_server_under_an_id_of_its_own():
    guard = TableGuard()
    guard.asks = [("find", {"q": 1})]

    async def script(s):
        s.client.call(1, "read_open")
        asked = await s.server.hear()
        assert asked["id"] == OWN_ID + "1"
        assert asked["params"] == {"name": "find", "arguments": {"q": 1}}
        s.server.say(id=asked["id"], result=text("found", isError=True))
        assert (await s.server.hear())["id"] == 1
        s.server.say(id=1, result=text(0))
        assert (await s.client.hear())["id"] == 1

    play(script, guard, asked={"find"})
    # The raw result, an error of the tool's included.
    assert guard.answers == [text("found", isError=True)]


@pytest.mark.parametrize("question", [
    ("delete_repository", {"name": "x"}), ("get_collaborator_permission", {}), ("find", [1]),
])  # fmt: skip
def test_a_question_that_is_not_allowed_never_reaches_the_server(question):
    guard = TableGuard()
    guard.asks = [question]

    async def script(s):
        s.client.call(1, "read_open")
        assert (await s.server.hear())["id"] == 1

    play(script, guard, asked={"find"})
    assert [type(answer).__name__ for answer in guard.answers] == ["BackendError"]


def test_rules_answer_before_the_server_is_asked():
    guard = TableGuard()
    guard.asks = [("get_collaborator_permission", {"username": "x"})]

    async def script(s):
        s.questions._rules = RulesBackend(
            [{"tool_name": "get_collaborator_permission", "result": {"permission": "write"}}]
        )
        s.client.call(1, "read_open")
        assert (await s.server.hear())["id"] == 1

    play(script, guard)
    assert guard.answers == [{"permission": "write"}]


def test_cancelling_gives_up_the_question_that_the_guard_waits_for():
    guard = TableGuard()
    guard.asks = [("find", {})]

    async def script(s):
        s.client.call(1, "read_open")
        asked = await s.server.hear()
        s.client.say(method="notifications/cancelled", params={"requestId": 1})
        told = await s.server.hear()
        assert told["params"] == {"requestId": asked["id"]}

    session = play(script, guard, asked={"*"})
    assert [type(answer).__name__ for answer in guard.answers] == ["BackendError"]
    assert session.entries("call")[0]["decision"] == "cancelled"


def test_a_client_cannot_use_the_ids_of_the_guards_questions():
    async def script(s):
        s.client.ask(OWN_ID + "1", "ping")
        assert (await s.client.hear())["error"]["code"] == -32600

    assert play(script).server.heard.empty()


def test_without_initialize_questions_say_what_the_client_says():
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "progressToken": 5,
            "io.modelcontextprotocol/clientCapabilities": {"sampling": {}, "roots": {}}, "x": 1}  # fmt: skip
    guard = TableGuard()
    guard.asks = [("find", {})]

    async def script(s):
        s.client.call(1, "read_open", _meta=meta)
        asked = await s.server.hear()
        assert asked["params"]["_meta"] == {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
        }
        s.server.say(id=asked["id"], result=text(1))
        sent = await s.server.hear()
        assert sent["params"]["_meta"]["progressToken"] == 5
        assert "x" not in sent["params"]["_meta"]

    play(script, guard, asked={"find"})


def test_a_denial_says_that_it_is_complete_where_results_have_to():
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}

    async def script(s):
        s.client.call(1, "read_secret", _meta=meta)
        await s.server.hear()
        s.server.say(id=1, result=text(1, resultType="complete"))
        assert (await s.client.hear())["result"]["resultType"] == "complete"

    play(script)


# -- what passes -------------------------------------------------------------------


def test_capabilities_that_lead_nowhere_are_not_announced():
    async def script(s):
        capabilities = {"sampling": {}, "elicitation": {}, "roots": {"listChanged": True}, "tasks": {}}
        s.client.ask(0, "initialize", protocolVersion="2025-11-25", capabilities=capabilities,
                     clientInfo={"name": "c", "version": "1"})  # fmt: skip
        asked = await s.server.hear()
        assert asked["params"]["capabilities"] == {"roots": {"listChanged": True}}
        assert asked["params"]["clientInfo"] == {"name": "c", "version": "1"}
        offered = {"tools": {"listChanged": True}, "resources": {}, "prompts": {}, "logging": {},
                   "completions": {}, "tasks": {}, "experimental": {}}  # fmt: skip
        s.server.say(id=0, result={"capabilities": offered, "instructions": "hello"})
        result = (await s.client.hear())["result"]
        assert result == {"capabilities": {"tools": {"listChanged": True}}, "instructions": "hello"}

    play(script)


@pytest.mark.parametrize(("method", "switch"), [
    ("resources/list", "resources"), ("resources/read", "resources"), ("prompts/get", "prompts"),
    ("completion/complete", "completions"), ("logging/setLevel", "logging"),
    ("tasks/result", None), ("tools/call/all", None),
])  # fmt: skip
def test_a_request_that_is_not_labelled_passes_by_its_switch_alone(method, switch):
    async def refused(s):
        s.client.ask(1, method)
        assert (await s.client.hear())["error"]["code"] == -32601

    session = play(refused)
    assert session.server.heard.empty()
    assert session.transcript.blocked == {f"client {method}": 1}
    if switch is None:
        return

    async def passed(s):
        s.client.ask(1, method)
        assert (await s.server.hear())["method"] == method
        s.server.say(id=1, result={"anything": 1})
        assert (await s.client.hear())["result"] == {"anything": 1}

    play(passed, switches={switch})


@pytest.mark.parametrize(("method", "switch"), [
    ("sampling/createMessage", "sampling"), ("elicitation/create", "elicitation"), ("new/thing", None),
])  # fmt: skip
def test_a_question_of_the_server_passes_by_its_switch_alone(method, switch):
    async def refused(s):
        s.server.ask(1, method, message="the keys leave on Friday")
        assert (await s.server.hear())["error"]["code"] == -32601

    assert play(refused).client.heard.empty()
    if switch is None:
        return

    async def passed(s):
        s.server.ask(1, method, message="hello")
        assert (await s.client.hear())["method"] == method
        s.client.say(id=1, result={"action": "accept"})
        assert (await s.server.hear()) == {"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}}

    play(passed, switches={switch})


def test_roots_and_pings_pass_both_ways():
    async def script(s):
        s.server.ask(7, "roots/list")
        assert (await s.client.hear())["id"] == 7
        s.client.say(id=7, result={"roots": []})
        assert (await s.server.hear())["result"] == {"roots": []}
        s.client.ask(7, "ping")
        assert (await s.server.hear())["method"] == "ping"
        s.server.say(id=7, error={"code": -1, "message": "no"})
        assert (await s.client.hear())["error"] == {"code": -1, "message": methods.FAILED}

    play(script)


@pytest.mark.parametrize("method", sorted(methods.CLIENT_REQUESTS))
def test_an_error_says_as_much_as_a_result_of_the_method_would(method):
    error = {"code": -5, "message": "the keys", "data": {"more": "keys"}}

    async def script(s):
        s.client.ask(1, method)
        await s.server.hear()
        s.server.say(id=1, error=error)
        bare = {"code": -5, "message": methods.FAILED}
        assert (await s.client.hear())["error"] == (bare if method in methods.EMPTY else error)

    play(script, switches=set(methods.SWITCHES))


def test_progress_passes_without_words_and_only_where_it_was_asked_for():
    async def script(s):
        s.client.call(1, "read_open", _meta={"progressToken": "t"})
        await s.server.hear()
        for token in ("t", "u"):
            s.server.say(method="notifications/progress",
                         params={"progressToken": token, "progress": 1, "total": 2,
                                 "message": "the keys", "_meta": {"x": 1}})  # fmt: skip
        s.server.say(id=1, result=text(1))
        assert (await s.client.hear())["params"] == {"progressToken": "t", "progress": 1, "total": 2}
        assert (await s.client.hear())["id"] == 1

    assert play(script).transcript.blocked == {"server notifications/progress": 1}


@pytest.mark.parametrize(("note", "blocked"), [
    ({"method": "notifications/message", "params": {"level": "info", "data": "the keys"}}, True),
    ({"method": "notifications/resources/updated", "params": {"uri": "notes://keys"}}, True),
    ({"method": "tools/call", "params": {"name": "x"}}, True),
    ({"method": "notifications/tools/list_changed", "params": {"words": "the keys"}}, False),
])  # fmt: skip
def test_notifications_of_the_server_pass_if_they_carry_nothing(note, blocked):
    async def script(s):
        s.server.say(**note)
        s.server.ask(9, "ping")
        heard = await s.client.hear()
        if not blocked:
            assert heard == {"jsonrpc": "2.0", "method": note["method"]}
            heard = await s.client.hear()
        assert heard["id"] == 9

    assert bool(play(script).transcript.blocked) is blocked


@pytest.mark.parametrize("method", ["tools/call", "notifications/message", "resources/read"])
def test_notifications_of_the_client_that_are_not_listed_do_not_pass(method):
    async def script(s):
        s.client.say(method=method, params={"name": "delete_repository"})
        s.client.ask(1, "ping")
        assert (await s.server.hear())["id"] == 1

    assert play(script).transcript.blocked == {f"client {method}": 1}


def test_a_wish_for_a_task_does_not_reach_the_server():
    async def script(s):
        s.client.ask(1, "tools/call", name="read_open", arguments={}, task={"ttl": 1})
        assert (await s.server.hear())["params"] == {"name": "read_open", "arguments": {}}

    play(script)


def test_a_result_that_wants_input_first_is_denied_or_passes_by_its_switch():
    asks = {"resultType": "input_required", "requestState": "z",
            "inputRequests": {"a": {"method": "elicitation/create", "params": {"message": "Friday?"}}}}  # fmt: skip

    async def denied(s):
        s.client.ask(1, "tools/call", name="read_open", inputResponses={"a": {}}, requestState="z")
        assert "inputResponses" not in (await s.server.hear())["params"]
        s.server.say(id=1, result=asks)
        result = (await s.client.hear())["result"]
        assert result["isError"] is True
        assert "Friday" not in str(result)

    play(denied)

    async def passed(s):
        s.client.ask(1, "tools/call", name="read_open", inputResponses={"a": {}}, requestState="z")
        assert (await s.server.hear())["params"]["inputResponses"] == {"a": {}}
        s.server.say(id=1, result=asks)
        assert (await s.client.hear())["result"] == asks

    session = play(passed, switches={"elicitation"})
    assert session.entries("call")[0]["decision"] == "unlabelled"


def test_subscriptions_pass_to_lists_and_name_what_was_asked_for():
    key = "io.modelcontextprotocol/subscriptionId"

    async def script(s):
        wanted = {"toolsListChanged": True, "resourceSubscriptions": ["notes://keys"]}
        s.client.ask(1, "subscriptions/listen", notifications=wanted)
        assert (await s.server.hear())["params"] == {"notifications": {"toolsListChanged": True}}
        for id_ in (1, "the keys"):
            s.server.say(method="notifications/subscriptions/acknowledged",
                         params={"notifications": {**wanted, "x": "the keys"}, "_meta": {key: id_}})  # fmt: skip
        s.server.say(method="notifications/tools/list_changed", params={"_meta": {key: 1, "x": 2}})
        assert (await s.client.hear())["params"] == {
            "notifications": {"toolsListChanged": True}, "_meta": {key: 1},
        }  # fmt: skip
        assert (await s.client.hear())["params"] == {"_meta": {key: 1}}

    assert sum(play(script).transcript.blocked.values()) == 1


METHODS = sorted({
    *methods.SERVER_REQUESTS, *methods.SERVER_NOTIFICATIONS, *methods.CLIENT_REQUESTS, "tasks/status",
})  # fmt: skip
WORDS = st.just("FRIDAY") | st.sampled_from(["t", "x", "complete", "elicitation/create"])
KEYS = st.sampled_from([
    "message", "data", "_meta", "progressToken", "progress", "total", "requestId", "notifications",
    "content", "text", "resultType", "inputRequests", "method", "structuredContent", "isError",
    "io.modelcontextprotocol/subscriptionId", "toolsListChanged", "resourceSubscriptions",
])  # fmt: skip
VALUES = st.recursive(
    WORDS | st.integers(0, 3) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=6,
)  # fmt: skip
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
IDS = st.integers(0, 4)
FROM_SERVER = st.one_of(
    st.fixed_dictionaries({"method": st.sampled_from(METHODS), "params": OBJECTS}),
    st.fixed_dictionaries({"id": IDS, "method": st.sampled_from(METHODS), "params": OBJECTS}),
    st.fixed_dictionaries({"id": IDS, "result": OBJECTS}),
    st.fixed_dictionaries({"id": IDS, "error": st.fixed_dictionaries(
        {"code": st.integers(), "message": WORDS, "data": VALUES})}),
)  # fmt: skip


@given(st.lists(FROM_SERVER, max_size=8))
def test_whatever_a_server_says_its_words_reach_the_client_by_labelled_calls_alone(said):
    async def script(s):
        s.client.ask(1, "ping")
        s.client.call(2, "read_secret", _meta={"progressToken": "t"})
        s.client.call(3, "list_secret")
        s.client.ask(4, "subscriptions/listen", notifications={"toolsListChanged": True})
        for _ in range(4):
            await s.server.hear()
        for one in said:
            s.server.say(**one)
        s.server.close()
        # The relay ends with the server, and tells whoever waits.
        await asyncio.Event().wait()

    heard = play(script, ends=True).client.heard
    while not heard.empty():
        assert "FRIDAY" not in str(heard.get_nowait())


# -- what is no message, and the ends ---------------------------------------------------


def test_what_is_no_message_is_counted_and_the_session_goes_on():
    async def script(s):
        s.client.garbage()
        assert (await s.client.hear())["id"] is None
        s.client.say(id=True, method="tools/call", params={"name": "x"})
        assert (await s.client.hear())["error"]["code"] == -32700
        s.client.say(id=1, method="ping", result={})
        assert (await s.client.hear())["error"]["code"] == -32700
        s.server.garbage()
        s.server.say(id=5, result={}, error={"code": 1, "message": ""})
        s.server.say(id=6, result={})
        s.client.say(id=6, result={})
        s.client.ask(2, "ping")
        assert (await s.server.hear())["id"] == 2

    session = play(script)
    assert session.server.heard.empty()
    assert session.transcript.blocked == {
        "client malformed message": 3, "server malformed message": 2, "server response": 1,
        "client response": 1,
    }  # fmt: skip
    assert len(session.entries("blocked")) == 4


def test_an_id_in_use_is_refused():
    async def script(s):
        s.client.ask(1, "tools/list")
        s.client.ask(1, "ping")
        assert (await s.client.hear())["error"]["code"] == -32600
        s.client.call(2, "read_open")
        s.client.call(2, "read_open")
        assert (await s.client.hear())["error"]["code"] == -32600

    play(script)


def test_a_peer_that_asks_without_end_is_refused():
    async def script(s):
        for i in range(MAX_UNDER_WAY + 1):
            s.client.ask(i, "ping")
        assert (await s.client.hear())["id"] == MAX_UNDER_WAY
        for i in range(MAX_UNDER_WAY + 1):
            s.server.ask(i, "ping")
        heard = [await s.server.hear() for _ in range(MAX_UNDER_WAY + 1)]
        assert [one for one in heard if "error" in one][0]["id"] == MAX_UNDER_WAY

    play(script)


def test_when_the_server_ends_everybody_who_waits_is_told():
    async def script(s):
        s.client.ask(1, "tools/list")
        s.client.call(2, "read_open")
        await s.server.hear()
        await s.server.hear()
        s.server.close()
        answers = [await s.client.hear(), await s.client.hear()]
        assert {a["id"]: a["error"]["code"] for a in answers} == {1: -32000, 2: -32000}

    session = play(script)
    assert session.end is End.SERVER_ENDED
    assert session.entries("call")[0]["error"]["text"] == "the server has ended"


def test_when_the_client_closes_calls_under_way_end():
    async def script(s):
        s.client.call(1, "read_open")
        await s.server.hear()

    session = play(script)
    assert session.end is End.CLIENT_CLOSED
    assert session.entries("call")[0]["decision"] == "cancelled"


def test_a_client_that_does_not_listen_any_more_ends_nothing_but_its_answer():
    async def script(s):
        s.client.deaf = True
        s.client.call(1, "read_open")
        await s.server.hear()
        s.server.say(id=1, result=text(1))
        s.client.ask(2, "ping")
        assert (await s.server.hear())["id"] == 2

    assert play(script).end is End.CLIENT_CLOSED


def test_a_transcript_that_cannot_be_written_ends_the_session():
    def broken(line):
        raise ProxyError("no room", "transcript")

    async def main():
        session = Session(TableGuard(), (), False, ())
        session.transcript._write = broken
        with session.pipeline:
            session.client.call(1, "write_open")
            running = asyncio.ensure_future(session.relay.run())
            asked = await session.server.hear()
            session.server.say(id=asked["id"], result=text(1))
            await running

    with pytest.raises(ProxyError) as caught:
        asyncio.run(asyncio.wait_for(main(), PATIENCE))
    assert caught.value.reason == "transcript"


# -- the transcript ------------------------------------------------------------------------


@pytest.mark.parametrize("payloads", [False, True])
def test_the_transcript_has_payloads_only_where_they_are_asked_for(payloads):
    async def script(s):
        s.client.call(1, "list_open", q="question")
        await s.server.hear()
        s.server.say(id=1, result=text({"n": "kept", "secret": False}, {"n": "gone", "secret": True}))
        await s.client.hear()

    session = play(script, payloads=payloads)
    (entry,) = session.entries("call")
    found = [word in session.lines[0] for word in ("question", "kept", "gone")]
    if payloads:
        assert entry["args"] == {"q": "question"}
        assert found == [True, True, True]
    else:
        assert set(entry["args"]) == {"bytes"}
        assert entry["result"]["bytes"] > 0
        assert [word in str({**entry, "outcome": None}) for word in ("question", "kept", "gone")] == [False] * 3


def test_kinds_of_blocked_messages_are_bounded():
    async def script(s):
        for i in range(300):
            s.server.say(method=f"notifications/{i}\x1b")
        s.server.ask(1, "ping")
        await s.client.hear()

    session = play(script)
    assert sum(session.transcript.blocked.values()) == 300
    assert len(session.transcript.blocked) <= 101
    assert not any("\x1b" in line for line in session.lines + session.said)
