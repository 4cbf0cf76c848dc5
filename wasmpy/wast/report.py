"""What running a script found: one result per command.

What belongs here: results as data, how they are counted and how they become
JSON.  What does not: running, and what was expected to fail
(``expectations``).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List

PASS, FAIL, SKIP = "pass", "fail", "skip"


@dataclasses.dataclass(frozen=True)
class CommandResult:
    """The result of one command.

    ``index`` counts commands from 0, ``line`` is where it begins.  ``status``
    is ``pass``, ``fail`` (it ran and came out wrong) or ``skip`` (it needs
    what is not there: ``feature`` names it).  ``reason`` is for people.
    """

    index: int
    line: int
    kind: str
    status: str
    reason: str = ""
    feature: str = ""

    def to_json(self) -> Dict[str, Any]:
        """The result as a JSON object."""
        return dataclasses.asdict(self)


@dataclasses.dataclass
class ScriptReport:
    """The results of one script, in the order of its commands."""

    script: str
    results: List[CommandResult] = dataclasses.field(default_factory=list)

    def count(self, status: str) -> int:
        """How many commands ended with ``status``."""
        return sum(1 for result in self.results if result.status == status)

    @property
    def passed(self) -> bool:
        """Whether every command passed."""
        return self.count(PASS) == len(self.results)

    def misses(self) -> List[CommandResult]:
        """The results that are no pass."""
        return [result for result in self.results if result.status != PASS]

    def to_json(self) -> Dict[str, Any]:
        """The report as a JSON object; passes are counted, the rest is listed."""
        return {
            "script": self.script,
            "commands": len(self.results),
            PASS: self.count(PASS),
            FAIL: self.count(FAIL),
            SKIP: self.count(SKIP),
            "misses": [result.to_json() for result in self.misses()],
        }
