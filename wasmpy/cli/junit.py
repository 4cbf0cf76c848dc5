"""Results as JUnit XML, for whatever shows test results.

What belongs here: the file's form.  What does not: the results of a command
(``wasmpy.cli.wast``, ``wasmpy.cli.guards.test``).
"""

from __future__ import annotations

from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence
from xml.etree import ElementTree as ET

from wasmpy.cli.errors import CommandError

FAILURE = "failure"
ERROR = "error"
SKIPPED = "skipped"


class JunitCase(NamedTuple):
    """One case; ``kind`` says how it did not pass, None if it did; ``text`` may have lines."""

    classname: str
    name: str
    kind: Optional[str] = None
    message: str = ""
    text: str = ""
    seconds: Optional[float] = None


class JunitSuite(NamedTuple):
    """The cases of one file."""

    name: str
    seconds: float
    cases: List[JunitCase]


def write_junit(path: str, name: str, suites: Sequence[JunitSuite]) -> None:
    """Write a file with all suites.  Raises: CommandError."""
    root = ET.Element("testsuites", name=name)
    for suite in suites:
        kinds = [case.kind for case in suite.cases]
        node = ET.SubElement(
            root, "testsuite", name=plain(suite.name), time=f"{suite.seconds:.3f}",
            tests=str(len(kinds)), failures=str(kinds.count(FAILURE)),
            skipped=str(kinds.count(SKIPPED)), errors=str(kinds.count(ERROR)),
        )  # fmt: skip
        for case in suite.cases:
            one = ET.SubElement(
                node, "testcase", classname=plain(case.classname), name=plain(case.name)
            )
            if case.seconds is not None:
                one.set("time", f"{case.seconds:.3f}")
            if case.kind is not None:
                why = ET.SubElement(one, case.kind, message=plain(case.message))
                why.text = "\n".join(map(plain, case.text.split("\n"))) or None
    try:
        Path(path).write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"cannot write {path}: {reason}", path=path) from error


def plain(text: str) -> str:
    """``text`` without what XML cannot have."""
    return "".join([c if c.isprintable() else " " for c in text])
