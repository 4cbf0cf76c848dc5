"""The messages between an MCP client and a server: JSON-RPC 2.0, read strictly.

What belongs here: the three kinds of message, telling them apart, and their
JSON.  What does not: what a method means (``methods``).

A message is rebuilt from the members that are read here before it is sent on:
what both ends could read differently (a notification with an ``id``, a
response with a ``method``) is refused, and what is no member of the envelope
is left out.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, Optional, Union

from hostabi.errors import PayloadError, ProxyError
from hostabi.payload import kind

Id = Union[int, str]
"""What names a request: an integer or a string, never null."""

Object = Dict[str, Any]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
CONNECTION_CLOSED = -32000
"""MCP: the connection went before there was an answer."""


@dataclasses.dataclass(frozen=True)
class Request:
    """Asks for an answer under the same ``id``."""

    id: Id
    method: str
    params: Optional[Object] = None

    def to_json(self) -> Object:
        """The message as a JSON object."""
        doc: Object = {"jsonrpc": "2.0", "id": self.id, "method": self.method}
        if self.params is not None:
            doc["params"] = self.params
        return doc

    @property
    def meta(self) -> Object:
        """The request's ``_meta``; empty where there is none."""
        meta = (self.params or {}).get("_meta")
        return meta if isinstance(meta, dict) else {}


@dataclasses.dataclass(frozen=True)
class Notification:
    """Says something that nobody answers."""

    method: str
    params: Optional[Object] = None

    def to_json(self) -> Object:
        """The message as a JSON object."""
        doc: Object = {"jsonrpc": "2.0", "method": self.method}
        if self.params is not None:
            doc["params"] = self.params
        return doc


@dataclasses.dataclass(frozen=True)
class Response:
    """Answers a request: with a ``result`` or, where that is None, with an ``error``.

    ``id`` is None where it is not known which request failed.
    """

    id: Optional[Id]
    result: Optional[Object] = None
    error: Optional[Object] = None

    def to_json(self) -> Object:
        """The message as a JSON object."""
        doc: Object = {"jsonrpc": "2.0", "id": self.id}
        if self.result is not None:
            doc["result"] = self.result
        else:
            doc["error"] = self.error
        return doc


Message = Union[Request, Notification, Response]


def json_size(value: Any) -> int:
    """How long ``value`` is as JSON, in ASCII.

    Raises: PayloadError for what is not JSON, NaN and infinities included.
    """
    try:
        return len(json.dumps(value, separators=(",", ":"), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"not JSON: {error}", "type") from error


def failure(id_: Optional[Id], code: int, text: str) -> Response:
    """The response that a request failed."""
    return Response(id_, error={"code": code, "message": text})


def is_id(value: Any) -> bool:
    """Whether ``value`` can name a request."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def read(doc: Any) -> Message:
    """The message that a JSON value is.

    >>> read({"jsonrpc": "2.0", "method": "notifications/initialized"})
    Notification(method='notifications/initialized', params=None)

    Raises: ProxyError of reason ``message``.
    """
    if not isinstance(doc, dict):
        raise _malformed(f"a message is an object, not {kind(doc)}")
    if doc.get("jsonrpc") != "2.0":
        raise _malformed("a message without jsonrpc 2.0")
    if "id" in doc and not is_id(doc["id"]):
        raise _malformed(f"an id is an integer or a string, not {kind(doc['id'])}")
    if "method" in doc:
        return _read_method(doc)
    return _read_response(doc)


def _read_method(doc: Object) -> Union[Request, Notification]:
    """A request, or a notification if there is no id."""
    method, params = doc["method"], doc.get("params")
    if not isinstance(method, str):
        raise _malformed(f"a method is a string, not {kind(method)}")
    if "result" in doc or "error" in doc:
        raise _malformed("a message with both a method and an answer")
    if params is not None and not isinstance(params, dict):
        raise _malformed(f"params are an object, not {kind(params)}")
    return Request(doc["id"], method, params) if "id" in doc else Notification(method, params)


def _read_response(doc: Object) -> Response:
    """A response, with one of result and error."""
    if "id" not in doc:
        raise _malformed("a message without method and id")
    result, error = doc.get("result"), doc.get("error")
    if (result is None) == (error is None):
        raise _malformed("a response has either a result or an error")
    if result is not None:
        if not isinstance(result, dict):
            raise _malformed(f"a result is an object, not {kind(result)}")
        return Response(doc["id"], result=result)
    if not isinstance(error, dict):
        raise _malformed(f"an error is an object, not {kind(error)}")
    code, text = error.get("code"), error.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(text, str):
        raise _malformed("an error without a code and a message")
    kept = {"code": code, "message": text}
    if error.get("data") is not None:
        kept["data"] = error["data"]
    return Response(doc["id"], error=kept)


def _malformed(text: str) -> ProxyError:
    return ProxyError(text, "message")
