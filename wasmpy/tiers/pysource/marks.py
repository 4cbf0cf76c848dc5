"""What generated text and what runs it both know.

What belongs here: the names and numbers by which a trace reads a frame.
"""

from __future__ import annotations

FILENAME = "<wasm>"
"""What generated code objects say they come from."""

COUNTER = "left"
"""The variable in which a function that calls nothing counts fuel."""

NOT_YET = -1
"""In place of a position: the function has not begun."""
AGAIN = -2
"""In place of a position: an exception goes on that was looked at; its own place comes next."""


class Untaken(Exception):  # noqa: N818 - an answer, no fault
    """The tier does not take the function; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotNow(Untaken):
    """The same, for want of memory or of room on Python's stack: at another moment it may."""
