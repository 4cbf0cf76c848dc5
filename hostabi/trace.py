"""The trace of one invocation: what a guard asked, logged, allocated and cost.

What belongs here: the records, and the bounds on how much of them is kept.
What does not: making the calls (``invocation``) or answering them
(``backend``).

A hostile guest can log without end and ask with megabytes, so what is kept is
bounded.  Nothing is lost silently: what is not kept is counted, and the counts
are part of the report.  A log callback gets every line in full.

What a report says as JSON goes into logs, so the contents of questions and
answers are only in it where somebody asks for them (D26, ``Redaction``).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, NamedTuple, Optional

from hostabi import abi

HOST_LOG = "host_log"
STDOUT = "stdout"
STDERR = "stderr"


@dataclasses.dataclass(frozen=True)
class Redaction:
    """What of a report its JSON shows; of the rest it has the sizes only.

    ``args`` and ``answers`` are those of the guest's questions to its backend,
    ``log`` is the text of the lines that the guest logs.
    """

    args: bool = False
    answers: bool = False
    log: bool = True


REDACTED = Redaction()
"""Nothing of a payload: what is fit for a log, if the guard itself logs none of it."""
IN_FULL = Redaction(args=True, answers=True)
"""Everything that was kept: for whoever looks into one call."""


class LogLine(NamedTuple):
    """One line of a guard's log.

    ``source`` is ``host_log``, ``stdout`` or ``stderr``; ``level`` the number
    the guest gave (a stream's lines count as debug).
    """

    level: int
    text: bytes
    source: str = HOST_LOG

    @property
    def word(self) -> str:
        """The level in words, empty for one that has none."""
        return abi.LOG_LEVELS[self.level] if 0 <= self.level < len(abi.LOG_LEVELS) else ""

    def to_json(self, redaction: Redaction = REDACTED) -> Dict[str, Any]:
        """The line as a JSON object; ``text`` is null where it is not shown."""
        text = _text(self.text) if redaction.log else None
        return {"level": self.level, "source": self.source, "text": text, "bytes": len(self.text)}


class BackendCall(NamedTuple):
    """One question of the guest to its backend.

    ``args`` are the bytes the guest gave, ``size`` that of its buffer;
    ``answer`` the encoded result, also where it did not fit, and None where
    there was none; ``returned`` what the guest was told; ``error`` why there
    was no answer.  ``truncated`` says that bytes were cut off in this record
    (not in the call).  ``refusal`` is a key of ``capabilities.REFUSALS`` where
    the guard may not ask this.
    """

    name: str
    args: bytes
    size: int
    answer: Optional[bytes]
    returned: int
    error: Optional[str] = None
    truncated: bool = False
    refusal: Optional[str] = None

    def to_json(self, redaction: Redaction = REDACTED) -> Dict[str, Any]:
        """The call as a JSON object; arguments and answer are null where they are not shown."""
        answer = self.answer if redaction.answers else None
        return {
            "tool_name": self.name,
            "tool_args": _text(self.args) if redaction.args else None,
            "args_bytes": len(self.args),
            "size": self.size,
            "answer": None if answer is None else _text(answer),
            "answer_bytes": None if self.answer is None else len(self.answer),
            "returned": self.returned,
            "error": self.error,
            "refusal": self.refusal,
            "truncated": self.truncated,
        }


class AllocCall(NamedTuple):
    """One call of the guest's ``alloc``; ``ptr`` is its raw result."""

    size: int
    ptr: int


class Attempt(NamedTuple):
    """One call of the label function: where its buffers were and what it returned.

    ``returned`` is signed, None where the call did not return.
    """

    in_ptr: int
    out_ptr: int
    out_size: int
    returned: Optional[int]


@dataclasses.dataclass
class CallReport:
    """Everything about one invocation but its result.

    ``fuel`` is what it cost in executed instructions, all attempts and
    allocator calls together; None where they were not counted.
    ``backend_refused`` counts calls beyond the budget; they have no record of
    their own.  ``replay`` is the report of the ``label_agent`` call that gave
    a reset guard its policy back.
    """

    function: str = ""
    attempts: List[Attempt] = dataclasses.field(default_factory=list)
    allocs: List[AllocCall] = dataclasses.field(default_factory=list)
    backend: List[BackendCall] = dataclasses.field(default_factory=list)
    backend_refused: int = 0
    log: List[LogLine] = dataclasses.field(default_factory=list)
    log_lost_lines: int = 0
    log_lost_bytes: int = 0
    notices: List[str] = dataclasses.field(default_factory=list)
    fuel: Optional[int] = None
    pages_before: int = 0
    pages_after: int = 0
    replay: Optional[CallReport] = None
    _log_bytes: int = 0
    _backend_bytes: int = 0

    def add_log(self, line: LogLine) -> None:
        """Keep a line, as far as there is room."""
        room = abi.MAX_LOG_BYTES - self._log_bytes
        if len(self.log) >= abi.MAX_LOG_LINES or (room <= 0 and line.text):
            self._lost(1, len(line.text))
            return
        kept = line.text[:room]
        self._log_bytes += len(kept)
        self.log.append(line._replace(text=kept))
        if len(kept) < len(line.text):
            self._lost(0, len(line.text) - len(kept))

    def _lost(self, lines: int, size: int) -> None:
        """Count what the log has no room for."""
        if not self.log_lost_lines and not self.log_lost_bytes:
            self.notices.append(
                f"the log is longer than {abi.MAX_LOG_BYTES} bytes or {abi.MAX_LOG_LINES} lines: "
                "the rest is counted, not kept"
            )
        self.log_lost_lines += lines
        self.log_lost_bytes += size

    def add_backend(self, call: BackendCall) -> None:
        """Keep a backend call, as much of its bytes as there is room for."""
        answer = call.answer
        size = len(call.name) + len(call.args) + len(answer or b"")
        room = abi.MAX_BACKEND_BYTES - self._backend_bytes
        if size > room:
            name = call.name[:room]
            args = call.args[: room - len(name)]
            if answer is not None:
                answer = answer[: room - len(name) - len(args)]
            call = call._replace(name=name, args=args, answer=answer, truncated=True)
            size = len(name) + len(args) + len(answer or b"")
        self._backend_bytes += size
        self.backend.append(call)

    @property
    def refusals(self) -> List[BackendCall]:
        """The questions that were beyond the guard's capabilities."""
        return [call for call in self.backend if call.refusal is not None]

    def to_json(self, redaction: Redaction = REDACTED) -> Dict[str, Any]:
        """The report as a JSON object, without what ``redaction`` does not show."""
        return {
            "function": self.function,
            "attempts": [attempt._asdict() for attempt in self.attempts],
            "allocs": [alloc._asdict() for alloc in self.allocs],
            "backend": [call.to_json(redaction) for call in self.backend],
            "backend_refused": self.backend_refused,
            "log": [line.to_json(redaction) for line in self.log],
            "log_lost": {"lines": self.log_lost_lines, "bytes": self.log_lost_bytes},
            "notices": list(self.notices),
            "fuel": self.fuel,
            "pages": {"before": self.pages_before, "after": self.pages_after},
            "replay": None if self.replay is None else self.replay.to_json(redaction),
        }


def _text(data: bytes) -> str:
    """Bytes of a guest for people to read."""
    return data.decode("utf-8", "replace")
