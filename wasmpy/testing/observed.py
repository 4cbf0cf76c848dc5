"""What happened in a call, by the keys that a case file expects it by.

What belongs here: turning answers, outcomes, errors and reports into the
values that are compared.  What does not: comparing them (``compare``).

The keys are those of ``vocabulary.EXPECT``; tags stand with their place in
the guard's output.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from hostabi.difc.check import Reason, Rule
from hostabi.difc.modes import Judged
from hostabi.difc.notice import in_words
from hostabi.errors import PayloadError
from hostabi.labels import (
    NOWHERE,
    AgentLabels,
    Item,
    Labels,
    ResourceLabels,
    ResponseLabels,
)
from hostabi.outcome import Outcome
from hostabi.payload import decode
from hostabi.trace import BackendCall, CallReport
from wasmpy.errors import WasmError
from wasmpy.testing.compare import Seen

Values = Dict[str, Any]


def of_labels(labels: Optional[Labels]) -> Values:
    """The labels of a thing; no tags where there are none."""
    labels = labels or Labels()
    return {
        "secrecy": Seen(labels.secrecy, labels.secrecy_at),
        "integrity": Seen(labels.integrity, labels.integrity_at),
        "description": labels.description,
    }


def of_agent(answer: AgentLabels) -> Values:
    """An answer of ``label_agent``."""
    return {
        **of_labels(answer.labels),
        "difc_mode": answer.mode.value,
        "normalized_policy": answer.normalized_policy,
    }


def of_resource(answer: ResourceLabels) -> Values:
    """An answer of ``label_resource``."""
    return {**of_labels(answer.labels), "operation": answer.operation.value}


def of_item(item: Item) -> Values:
    """One item of a response."""
    return {
        **of_labels(item.labels),
        "labelled": item.labels is not None,
        "source": item.source.value,
    }


def of_response(answer: Optional[ResponseLabels]) -> Values:
    """An answer of ``label_response``."""
    if answer is None:
        return {"labelled": False}
    return {
        "labelled": True,
        "format": answer.format,
        "collection": answer.collection,
        "items": [of_item(item) for item in answer.items],
    }


def of_verdict(reasons: Sequence[Reason]) -> Values:
    """Why something is denied, ``why`` for people; nothing is missing where it is not."""

    def tags(rule: Rule) -> Seen:
        return Seen(
            tuple(dict.fromkeys(one.tag for one in reasons if one.rule is rule)), NOWHERE
        )

    return {
        "rule": reasons[0].rule.value if reasons else None,
        "missing_integrity": tags(Rule.INTEGRITY),
        "extra_secrecy": tags(Rule.SECRECY),
        "why": in_words(reasons),
    }


def of_judged(judged: Judged) -> Values:
    """One item and what became of it."""
    return {**of_item(judged.item), "kept": judged.kept, **of_verdict(judged.reasons)}


def of_outcome(outcome: Outcome, agent: Labels) -> Values:
    """What came of a call; ``agent`` are the agent's labels after it."""
    denial = outcome.denial
    return {
        "allowed": outcome.allowed,
        "called": outcome.called,
        "mode": outcome.mode.value,
        "kept": outcome.kept,
        "dropped": outcome.dropped,
        "items": None if outcome.response is None else [of_judged(one) for one in outcome.items],
        "denial": None if denial is None else {
            "side": denial.side.value, "message": denial.message, **of_verdict(denial.reasons),
        },
        "resource": {**of_resource(outcome.resource), **of_verdict(outcome.coarse.reasons)},
        "agent": of_labels(agent),
        "result": outcome.result,
        "notice": outcome.notice,
    }  # fmt: skip


def of_reports(reports: Sequence[CallReport], *, healthy: bool) -> Values:
    """What a guard logged, asked and cost."""
    counted = [report.fuel for report in reports if report.fuel is not None]
    lines = [
        {
            "level": line.word or line.level,
            "text": line.text.decode("utf-8", "replace"),
            "source": line.source,
        }
        for report in reports
        for line in report.log
    ]
    return {
        "logs": lines,
        "logs_include": lines,
        "questions": [_question(call) for report in reports for call in report.backend],
        "fuel_at_most": max(counted) if counted else None,
        "pages_at_most": max([report.pages_after for report in reports], default=0),
        "healthy": healthy,
    }


def _question(call: BackendCall) -> Values:
    """A question to the backend; its arguments as JSON, or as text where they are none."""
    args: Any
    try:
        args = decode(call.args) if call.args else None
    except PayloadError:
        args = call.args.decode("utf-8", "replace")
    return {"tool_name": call.name, "tool_args": args, "answered": call.answer is not None}


def of_error(error: BaseException) -> Values:
    """An error's fields, the names of its classes, and its cause."""
    doc: Values = {}
    if isinstance(error, WasmError):
        doc = error.to_json()
        doc.pop("report", None)
    else:
        doc = {"error": type(error).__name__, "text": str(error)}
    cause = error.__cause__
    doc["cause"] = None if cause is None else of_error(cause)
    doc["classes"] = class_names(error)
    return doc


def class_names(error: BaseException) -> List[str]:
    """The names that an error goes by: its class and those above it."""
    names = [cls.__name__ for cls in type(error).__mro__]
    return names[: names.index("Exception")] if "Exception" in names else names
