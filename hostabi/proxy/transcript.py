"""The transcript of a session: one JSON object per line, and nothing lost.

What belongs here: the entries, and what of them is left out unless payloads
were asked for.  What does not: opening the file.

By default no entry has anything of the arguments and results themselves, nor
what the guard asked, was answered and logged: of those there are sizes.  What
the guard decided (labels, descriptions, explanations) is there: descriptions
name things.

What was not let through is written when it first occurs and counted
afterwards; the last entry has the numbers.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Optional

from hostabi.errors import one_line
from hostabi.proxy.messages import json_size
from hostabi.trace import IN_FULL, CallReport, Redaction

MAX_KINDS = 100
"""Kinds of blocked messages that are counted by name; a peer invents as many as it likes."""
MAX_NAME = 100
WORDLESS = Redaction(log=False)
"""What of a guard's report is written without payloads: a guard can log what it reads."""
_OTHER = "(other)"


class Transcript:
    """Writes the entries; ``write`` gets each as one line of ASCII.

    ``payloads`` has the arguments, results and everything of the guard's calls
    written too.

    >>> Transcript(lambda line: print(line, end="")).add("end", reason="client-closed")
    {"entry": "end", "reason": "client-closed"}
    """

    def __init__(
        self, write: Optional[Callable[[str], Any]] = None, *, payloads: bool = False
    ) -> None:
        self._write = write
        self.payloads = payloads
        self.blocked: Dict[str, int] = {}

    def add(self, entry: str, **fields: Any) -> None:
        """Write one entry.  Raises: what ``write`` raises."""
        if self._write is not None:
            self._write(json.dumps({"entry": entry, **fields}, allow_nan=False) + "\n")

    def block(self, source: str, what: str, why: str = "") -> bool:
        """Count a message that was not let through; write it and be true if it is the first."""
        what, why = one_line(what)[:MAX_NAME], one_line(why)
        name = f"{source} {what}"
        if name not in self.blocked and len(self.blocked) >= MAX_KINDS:
            name = _OTHER
        first = name not in self.blocked
        self.blocked[name] = self.blocked.get(name, 0) + 1
        if first:
            self.add("blocked", **{"from": source}, what=what, why=why)
        return first

    def payload(self, value: Any) -> Any:
        """A value of a call: itself with ``payloads``, else its size in bytes of JSON.

        Raises: PayloadError for what is not JSON.
        """
        if value is None or self._write is None or self.payloads:
            return value
        return {"bytes": json_size(value)}

    def report(self, report: Optional[CallReport]) -> Optional[Dict[str, Any]]:
        """A guard's report: all of it with ``payloads``, else without anybody's words."""
        if report is None:
            return None
        doc: Dict[str, Any] = report.to_json(IN_FULL if self.payloads else WORDLESS)
        return doc
