"""Assertions on labels and verdicts, for tests in Python.

What belongs here: functions that raise ``AssertionError`` with the same
readable differences as a case file's.  What does not: comparing
(``compare``).

Each takes what ``hostabi`` answers.  Tags are compared as sets.
"""

from __future__ import annotations

from typing import Any, Iterable, List, NoReturn, Optional, Union

from hostabi.difc.modes import Judged
from hostabi.difc.notice import in_words
from hostabi.labels import AgentLabels, Item, Labels, ResourceLabels, ResponseLabels
from hostabi.outcome import Outcome
from hostabi.trace import CallReport
from wasmpy.testing.compare import Seen, shown, tags_differ

__tracebackhide__ = True

Labelled = Union[Labels, AgentLabels, ResourceLabels, Item, Judged, None]
"""What has labels."""


def assert_labels(
    labelled: Labelled, *, secrecy: Optional[Iterable[str]] = None,
    integrity: Optional[Iterable[str]] = None, description: Optional[str] = None,
) -> None:  # fmt: skip
    """Assert that something has these tags, and no others; of what is None nothing is asserted.

    >>> assert_labels(Labels(("private:a",), ()), secrecy=["private:a"], integrity=[])
    >>> assert_labels(Labels(("private:a",), ()), secrecy=["private:b"])
    Traceback (most recent call last):
    AssertionError: the labels differ
    secrecy
      - private:b  expected, not there
      + private:a  not expected
    """
    labels = _labels_of(labelled)
    if labels is None:
        _fail("there are no labels", [])
    found = []
    for name, expected in (("secrecy", secrecy), ("integrity", integrity)):
        if expected is not None:
            seen = Seen(getattr(labels, name), getattr(labels, f"{name}_at"))
            differ = tags_differ(list(expected), seen, name)
            if differ is not None:
                found.append("\n".join([name, *(f"  {line}" for line in differ.lines)]))
    if description is not None and description != labels.description:
        found.append(
            f"description: expected {shown(description)}, got {shown(labels.description)}"
        )
    if found:
        _fail("the labels differ", found)


def assert_allowed(outcome: Outcome) -> None:
    """Assert that the agent gets a result."""
    if not outcome.allowed:
        reasons = () if outcome.denial is None else outcome.denial.reasons
        _fail(f"{shown(outcome.tool_name)} is denied", [in_words(reasons)])


def assert_denied(outcome: Outcome, rule: Optional[str] = None) -> None:
    """Assert that the agent gets nothing, by ``rule`` if it is given."""
    if outcome.denial is None:
        _fail(f"{shown(outcome.tool_name)} is allowed", [])
    if rule is not None and outcome.denial.reason != rule:
        _fail(
            f"{shown(outcome.tool_name)} is denied by {outcome.denial.reason}, not by {rule}",
            [in_words(outcome.denial.reasons)],
        )


def assert_item_kept(outcome: Outcome, index: int) -> None:
    """Assert that the agent may have an item of the response."""
    judged = _item(outcome, index)
    if not judged.kept:
        _fail(f"item {index} is dropped", [in_words(judged.reasons)])


def assert_item_dropped(outcome: Outcome, index: int, rule: Optional[str] = None) -> None:
    """Assert that the agent may not have an item of the response, by ``rule`` if it is given."""
    judged = _item(outcome, index)
    if judged.kept:
        _fail(f"item {index} is kept", [])
    if rule is not None and judged.kind != rule:
        head = f"item {index} is dropped by {judged.kind}, not by {rule}"
        _fail(head, [in_words(judged.reasons)])


def assert_logged(
    logged: Union[CallReport, AgentLabels, ResourceLabels, ResponseLabels], text: str,
    level: Optional[str] = None,
) -> None:  # fmt: skip
    """Assert that a call has logged a line with ``text`` in it, of that level if it is given."""
    report = logged if isinstance(logged, CallReport) else logged.report
    lines = [
        (line.word or str(line.level), line.text.decode("utf-8", "replace"))
        for line in report.log
    ]
    if not any(text in line and level in (None, word) for word, line in lines):
        head = f"no line of the log has {shown(text)}" + (f" at level {level}" if level else "")
        _fail(head, [f"{word}: {shown(line)}" for word, line in lines[:20]] or ["the log is empty"])


def _labels_of(labelled: Any) -> Optional[Labels]:
    """The labels of what has some."""
    if isinstance(labelled, Judged):
        labelled = labelled.item
    if isinstance(labelled, (AgentLabels, ResourceLabels, Item)):
        return labelled.labels
    if labelled is None or isinstance(labelled, Labels):
        return labelled
    raise TypeError(f"{type(labelled).__name__} has no labels")


def _item(outcome: Outcome, index: int) -> Judged:
    if not 0 <= index < len(outcome.items):
        _fail(f"there is no item {index}: the response has {len(outcome.items)} with labels", [])
    return outcome.items[index]


def _fail(head: str, lines: List[str]) -> NoReturn:
    raise AssertionError("\n".join([head, *lines]))
