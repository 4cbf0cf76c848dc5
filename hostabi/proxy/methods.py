"""What passes between client and server, method by method.

What belongs here: the tables of methods and capabilities, the switches that
let more of them pass, and what is taken out of those that do.  What does not:
carrying messages (``relay``), and tool calls, which are labelled (``calls``).

A guard labels tool calls and their results and nothing else.  So what carries
data of the server's to the agent without being a tool call does not pass
unless a switch says so, nor what carries the agent's words to the server; what
is not listed does not pass at all.  A capability that leads to something that
does not pass is taken out of what the two tell each other, so that a
well-behaved peer does not even ask.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, FrozenSet, Iterable, Optional, Tuple

from hostabi.proxy.messages import Id, Notification, Object, Request, is_id

SWITCHES: Dict[str, str] = {
    "resources": "the server's resources: their list, their contents, their changes",
    "prompts": "the server's prompts: their list and their texts",
    "completions": "what the server proposes as values of arguments",
    "logging": "the server's log messages",
    "progress": "the words in the server's notices of progress; its numbers always pass",
    "sampling": "the server's questions to the client's model, and its answers",
    "elicitation": "the server's questions to the user, and the answers",
    "meta": "what the client says in _meta beside what the protocol itself needs",
}
"""What can pass without labels if somebody says so, and what it is."""

TOOLS_CALL = "tools/call"
INITIALIZE = "initialize"
LISTEN = "subscriptions/listen"
CANCELLED = "notifications/cancelled"
PROGRESS = "notifications/progress"
ALWAYS = ""
_NEVER = "never"
"""A switch that there is not."""

CLIENT_REQUESTS: Dict[str, str] = {
    "initialize": ALWAYS,
    "server/discover": ALWAYS,
    "ping": ALWAYS,
    "tools/list": ALWAYS,
    LISTEN: ALWAYS,
    "resources/list": "resources",
    "resources/templates/list": "resources",
    "resources/read": "resources",
    "resources/subscribe": "resources",
    "resources/unsubscribe": "resources",
    "prompts/list": "prompts",
    "prompts/get": "prompts",
    "completion/complete": "completions",
    "logging/setLevel": "logging",
}
"""Requests of the client beside tool calls -> the switch that lets them pass."""

EMPTY = ("ping", LISTEN)
"""Requests of the client that always pass, and whose results and errors say nothing."""
FAILED = "the request failed"
"""What stands for the words of an error that has none."""

SERVER_REQUESTS: Dict[str, str] = {
    "ping": ALWAYS,
    "roots/list": ALWAYS,
    "sampling/createMessage": "sampling",
    "elicitation/create": "elicitation",
}
"""Requests of the server -> the switch that lets them pass."""

CLIENT_NOTIFICATIONS: Dict[str, str] = {
    "notifications/initialized": ALWAYS,
    "notifications/roots/list_changed": ALWAYS,
    CANCELLED: ALWAYS,
    PROGRESS: ALWAYS,
}
"""Notifications of the client -> the switch that lets them pass."""

SERVER_NOTIFICATIONS: Dict[str, str] = {
    CANCELLED: ALWAYS,
    PROGRESS: ALWAYS,
    "notifications/tools/list_changed": ALWAYS,
    "notifications/subscriptions/acknowledged": ALWAYS,
    "notifications/prompts/list_changed": "prompts",
    "notifications/resources/list_changed": "resources",
    "notifications/resources/updated": "resources",
    "notifications/message": "logging",
    "notifications/elicitation/complete": "elicitation",
}
"""Notifications of the server -> the switch that lets them pass."""

CLIENT_CAPABILITIES: Dict[str, str] = {
    "roots": ALWAYS, "sampling": "sampling", "elicitation": "elicitation",
}  # fmt: skip
SERVER_CAPABILITIES: Dict[str, str] = {
    "tools": ALWAYS, "resources": "resources", "prompts": "prompts",
    "completions": "completions", "logging": "logging",
}  # fmt: skip

_PROTOCOL = "io.modelcontextprotocol/"
PROTOCOL_VERSION = _PROTOCOL + "protocolVersion"
"""In ``_meta`` of each request where there was no ``initialize`` (revision 2026-07-28)."""
_META_CAPABILITIES = _PROTOCOL + "clientCapabilities"
_META_LOG_LEVEL = _PROTOCOL + "logLevel"
META_SUBSCRIPTION = _PROTOCOL + "subscriptionId"
"""In ``_meta`` of a notification: the id of the ``subscriptions/listen`` that it belongs to."""
_META_KEPT = ("progressToken", PROTOCOL_VERSION, _PROTOCOL + "clientInfo")

RESULT_TYPE = "resultType"
"""In results since revision 2026-07-28: whether there is more to do before there is one."""
COMPLETE = "complete"


@dataclasses.dataclass(frozen=True)
class Passes:
    """What passes: the tables, and the ``switches`` that are on.

    >>> Passes().of_client("tools/list"), Passes().of_client("resources/read")
    (True, False)
    >>> Passes(frozenset({"resources"})).of_client("resources/read")
    True

    Raises: ValueError for a switch there is not.
    """

    switches: FrozenSet[str] = frozenset()

    def __post_init__(self) -> None:
        unknown = sorted(self.switches - set(SWITCHES))
        if unknown:
            raise ValueError(f"no switch {unknown[0]!r}: one of {', '.join(SWITCHES)}")

    def on(self, switch: str) -> bool:
        """Whether what stands under ``switch`` in a table passes."""
        return switch == ALWAYS or switch in self.switches

    @property
    def answers_input(self) -> bool:
        """Whether the client may answer what a server asks before a call is complete."""
        return self.on("elicitation") or self.on("sampling")

    def of_client(self, method: str) -> bool:
        """Whether a request of the client passes."""
        return method in CLIENT_REQUESTS and self.on(CLIENT_REQUESTS[method])

    def of_server(self, method: str) -> bool:
        """Whether a request of the server passes."""
        return method in SERVER_REQUESTS and self.on(SERVER_REQUESTS[method])

    # -- requests -------------------------------------------------------------

    def server_request(self, request: Request) -> Request:
        """A request of the server, that passes, as the client gets it.

        What passes without a switch has nothing to say beside its method.
        """
        if SERVER_REQUESTS[request.method] == ALWAYS:
            return Request(request.id, request.method)
        return request

    def request(self, request: Request) -> Request:
        """A request of the client as the server gets it; not for tool calls."""
        params = request.params
        if params is None:
            return request
        params = self._without_meta(params)
        if request.method == INITIALIZE:
            params["capabilities"] = self._capabilities(
                params.get("capabilities"), CLIENT_CAPABILITIES
            )
        elif request.method == LISTEN:
            params["notifications"] = self._subscribed(params.get("notifications"))
        return dataclasses.replace(request, params=params)

    def call_params(self, request: Request, tool_name: str, tool_args: Any) -> Object:
        """The parameters of a tool call as the server gets them: what was labelled.

        A wish for a task is left out, as its result would come by another
        method; answers to the server's questions pass where the questions do.
        """
        params = self._without_meta(request.params or {})
        kept = {"name": tool_name, "arguments": tool_args}
        if "_meta" in params:
            kept["_meta"] = params["_meta"]
        if self.answers_input:
            for key in ("inputResponses", "requestState"):
                if key in params:
                    kept[key] = params[key]
        return kept

    def era(self, meta: Object) -> Optional[Object]:
        """What of ``_meta`` a request of the proxy's own needs; None where it needs nothing.

        Without ``initialize`` each request says again what ``initialize``
        would have said.
        """
        if PROTOCOL_VERSION not in meta:
            return None
        kept = self._meta(meta)
        kept.pop("progressToken", None)
        return kept

    def _without_meta(self, params: Object) -> Object:
        """A copy of parameters with no more in ``_meta`` than passes."""
        copy = dict(params)
        meta = copy.pop("_meta", None)
        if isinstance(meta, dict):
            copy["_meta"] = self._meta(meta)
        return copy

    def _meta(self, meta: Object) -> Object:
        """What passes of the client's ``_meta``."""
        if self.on("meta"):
            kept = dict(meta)
        else:
            kept = {key: meta[key] for key in _META_KEPT if key in meta}
            if self.on("logging") and _META_LOG_LEVEL in meta:
                kept[_META_LOG_LEVEL] = meta[_META_LOG_LEVEL]
        if _META_CAPABILITIES in meta:
            kept[_META_CAPABILITIES] = self._capabilities(
                meta[_META_CAPABILITIES], CLIENT_CAPABILITIES
            )
        return kept

    def _capabilities(self, given: Any, table: Dict[str, str]) -> Object:
        """The capabilities that lead to something that passes."""
        if not isinstance(given, dict):
            return {}
        return {key: given[key] for key in given if key in table and self.on(table[key])}

    def _subscribed(self, given: Any) -> Object:
        """What a client may subscribe to: that lists changed, and resources by their switch."""
        if not isinstance(given, dict):
            return {}
        kinds = {
            "toolsListChanged": ALWAYS, "promptsListChanged": "prompts",
            "resourcesListChanged": "resources", "resourceSubscriptions": "resources",
        }  # fmt: skip
        return {key: given[key] for key in given if key in kinds and self.on(kinds[key])}

    # -- results --------------------------------------------------------------

    def result(self, id_: Id, method: str, result: Object) -> Object:
        """A result of the server, of a request that passed, as the client gets it."""
        if method in EMPTY:
            kept: Object = {RESULT_TYPE: COMPLETE} if result.get(RESULT_TYPE) == COMPLETE else {}
            if method == LISTEN:
                kept["_meta"] = {META_SUBSCRIPTION: id_}
            return kept
        if method in (INITIALIZE, "server/discover"):
            return {
                **result,
                "capabilities": self._capabilities(
                    result.get("capabilities"), SERVER_CAPABILITIES
                ),
            }
        return result

    def error(self, method: str, error: Object) -> Object:
        """An error of the server's, in answer to a request that passed, as the client gets it.

        Where a result says nothing, an error has no words either.
        """
        if method in EMPTY:
            return {"code": error["code"], "message": FAILED}
        return error

    def asks_for_input(self, result: Object) -> Optional[Tuple[str, ...]]:
        """The methods a result asks the client to answer before it is complete.

        None for a result that is complete.  Protocol: 2026-07-28, results
        that require input.
        """
        if result.get(RESULT_TYPE, COMPLETE) == COMPLETE:
            return None
        asked = result.get("inputRequests")
        wanted = asked.values() if isinstance(asked, dict) else ()
        return tuple(
            str(one.get("method")) if isinstance(one, dict) else "" for one in wanted
        )

    # -- notifications --------------------------------------------------------

    def of_client_notification(self, note: Notification) -> Optional[Notification]:
        """A notification of the client's as the server gets it; None if it does not pass.

        Without the client's words: why it cancelled, what it says of progress.
        """
        if not self.on(CLIENT_NOTIFICATIONS.get(note.method, _NEVER)):
            return None
        return self._bare(note)

    def of_server_notification(self, note: Notification) -> Optional[Notification]:
        """A notification of the server's as the client gets it; None if it does not pass."""
        if not self.on(SERVER_NOTIFICATIONS.get(note.method, _NEVER)):
            return None
        if SERVER_NOTIFICATIONS[note.method] != ALWAYS:
            return note
        bare = self._bare(note)
        if bare is None:
            return None
        given = note.params or {}
        if note.method.endswith("/acknowledged"):
            asked = self._subscribed(given.get("notifications"))
            asked = {k: v for k, v in asked.items() if v is True or k == "resourceSubscriptions"}
            bare = Notification(note.method, {**(bare.params or {}), "notifications": asked})
        meta = given.get("_meta")
        subscription = meta.get(META_SUBSCRIPTION) if isinstance(meta, dict) else None
        if is_id(subscription):
            own = {META_SUBSCRIPTION: subscription}
            bare = Notification(note.method, {**(bare.params or {}), "_meta": own})
        return bare

    def _bare(self, note: Notification) -> Optional[Notification]:
        """A notification with the members alone that carry nobody's words."""
        given = note.params or {}
        if note.method == CANCELLED:
            if not is_id(given.get("requestId")):
                return None
            return Notification(note.method, {"requestId": given["requestId"]})
        if note.method != PROGRESS:
            return Notification(note.method)
        if not is_id(given.get("progressToken")) or not _is_number(given.get("progress")):
            return None
        kept = {key: given[key] for key in ("progressToken", "progress")}
        if _is_number(given.get("total")):
            kept["total"] = given["total"]
        if self.on("progress") and isinstance(given.get("message"), str):
            kept["message"] = given["message"]
        return Notification(note.method, kept)


NOTHING = Passes()
"""What passes unless somebody says more: no switch is on."""


def denial(text: str, request: Request) -> Object:
    """The result of a tool call that is denied: an error of the tool's, with the reason."""
    result: Object = {"content": [{"type": "text", "text": text}], "isError": True}
    if PROTOCOL_VERSION in request.meta:
        result[RESULT_TYPE] = COMPLETE
    return result


def names_of(words: Iterable[str]) -> FrozenSet[str]:
    """The names in words, separated by commas or given one by one."""
    return frozenset(
        name for word in words for name in (part.strip() for part in word.split(",")) if name
    )


def why_not(method: str) -> str:
    """What to tell somebody whose request does not pass."""
    switch = CLIENT_REQUESTS.get(method) or SERVER_REQUESTS.get(method)
    if not switch:
        return f"the guard proxy does not know {method} and does not pass it"
    return (
        f"the guard proxy does not pass {method}: a guard labels tool calls alone "
        f"(--allow-unlabelled {switch} lets it pass)"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
