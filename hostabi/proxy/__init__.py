"""The proxy: a guard between an MCP client and an MCP server.

What belongs here: what passes between the two (``methods``), the messages
(``messages``), labelling the tool calls (``calls``), answering the guard's own
questions (``questions``), carrying the messages (``relay``), the record of a
session (``transcript``) and standard input and output (``stdio``).  What does
not: deciding (``hostabi.pipeline``), and the command line.

Nothing here needs more than the standard library but ``stdio``, which takes
its transports from the package ``mcp`` (extra ``proxy``).
"""

from __future__ import annotations

from hostabi.proxy.calls import Calls
from hostabi.proxy.methods import SWITCHES, Passes
from hostabi.proxy.questions import ASKED, Questions
from hostabi.proxy.relay import End, Link, LinkClosed, Malformed, Relay
from hostabi.proxy.transcript import Transcript

__all__ = [
    "ASKED", "SWITCHES", "Calls", "End", "Link", "LinkClosed", "Malformed", "Passes", "Questions",
    "Relay", "Transcript",
]  # fmt: skip
