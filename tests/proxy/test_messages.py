"""Reading messages: whatever JSON comes is a message or one typed error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostabi.errors import ProxyError
from hostabi.proxy.messages import Notification, Request, Response, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error", "code", "message", "x"])
NEARLY = st.dictionaries(MEMBERS, JSON, max_size=6) | st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "id": JSON, "method": st.text(max_size=9) | JSON, "params": JSON, "result": JSON, "x": JSON,
        "error": JSON | st.fixed_dictionaries({"code": st.integers(), "message": st.text(max_size=5)}),
    },
)  # fmt: skip


@given(JSON | NEARLY)
def test_anything_is_a_message_or_a_typed_error(doc):
    try:
        message = read(doc)
    except ProxyError as error:
        assert error.reason == "message"
        return
    again = message.to_json()
    assert read(again) == message
    # Nothing is in it that the other end could take for another kind of message.
    assert set(again) <= {"jsonrpc", "id", "method", "params", "result", "error"}
    assert ("method" in again) != ("result" in again or "error" in again)
    if isinstance(message, Notification):
        assert "id" not in again


@pytest.mark.parametrize("doc", [
    {"id": 1, "method": "ping"},
    {"jsonrpc": "2.0", "id": None, "method": "tools/call"},
    {"jsonrpc": "2.0", "id": True, "method": "tools/call"},
    {"jsonrpc": "2.0", "id": 1.0, "method": "tools/call"},
    {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
    {"jsonrpc": "2.0", "method": "ping", "params": [1]},
    {"jsonrpc": "2.0", "id": 1},
    {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {"code": 1, "message": ""}},
    {"jsonrpc": "2.0", "id": 1, "result": []},
    {"jsonrpc": "2.0", "id": 1, "error": {"code": "1", "message": ""}},
    [{"jsonrpc": "2.0", "id": 1, "method": "ping"}],
])  # fmt: skip
def test_what_both_ends_could_read_differently_is_refused(doc):
    with pytest.raises(ProxyError):
        read(doc)


def test_what_is_no_member_of_the_envelope_is_left_out():
    read_in = read({"jsonrpc": "2.0", "id": "a", "method": "ping", "x": 1, "params": {"y": 2}})
    assert read_in == Request("a", "ping", {"y": 2})
    failed = read({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "m", "x": 2, "data": 3}})
    assert failed == Response(1, error={"code": 1, "message": "m", "data": 3})
