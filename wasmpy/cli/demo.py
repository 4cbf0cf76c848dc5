"""``wasmpy demo``: a real guard labels a real tool call, from beginning to end.

What belongs here: running the bundled session and telling what happened.
What does not: the guard host (``hostabi``) and the comparison of labels
(``hostabi.difc``).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

from hostabi import bundled
from hostabi.difc import Side, Verdict, check_read, in_words
from hostabi.guard import Guard
from hostabi.labels import AgentLabels, Item, Labels, Mode, ResourceLabels, ResponseLabels
from hostabi.payload import encode
from hostabi.rules import RulesBackend
from hostabi.trace import IN_FULL, CallReport
from wasmpy.cli.bounds import GUARD_TIMEOUT, add_timeout, bound_of
from wasmpy.cli.caching import add_cache_arguments
from wasmpy.cli.errors import ExitCode, print_json
from wasmpy.cli.present import WIDTH, Paper, shown
from wasmpy.cli.tiers import TIER, add_tier

NAME = "demo"
HELP = "watch a bundled guard label a tool call and its result"
EXAMPLE = "wasmpy demo"

T = TypeVar("T")


@dataclasses.dataclass
class Played:
    """What came of the session: the three answers, and what the agent may read of it."""

    session: Dict[str, Any]
    guard_size: int
    functions: int
    agent: AgentLabels
    resource: ResourceLabels
    response: Optional[ResponseLabels]
    reports: List[CallReport]
    seconds: List[float]
    coarse: Verdict
    """The check of the result as a whole, by the resource's labels."""
    verdicts: List[Verdict]
    """The check of each item."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``demo``."""
    add_timeout(parser)
    add_tier(parser)
    add_cache_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Play the session and tell it."""
    timeout = bound_of(args.timeout)
    played = play(bundled.session(), bundled.guard_bytes(), timeout, args.tier)
    if args.json:
        print_json(document(played))
    else:
        _print(played)
    return ExitCode.OK


def play(
    session: Dict[str, Any], guard: bytes, timeout: Optional[float] = GUARD_TIMEOUT,
    tier: str = TIER,
) -> Played:  # fmt: skip
    """Run a session: policy, resource, response, and the check of each item."""
    seconds: List[float] = []

    def timed(ask: Callable[[], T]) -> T:
        began = time.perf_counter()
        answer = ask()
        seconds.append(time.perf_counter() - began)
        return answer

    tool, tool_args, result = session["tool_name"], session["tool_args"], session["tool_result"]
    backend = RulesBackend(session["backend"])
    options: Dict[str, Any] = {"timeout": timeout, "tier": tier, "count": True}
    loaded = timed(lambda: Guard(guard, name="github", backend=backend, **options))
    with loaded:
        agent = timed(lambda: loaded.label_agent(session["policy"]))
        resource = timed(lambda: loaded.label_resource(tool, tool_args))
        response = timed(
            lambda: loaded.label_response(tool, result, tool_args, resource=resource)
        )
        reports = [agent.report, resource.report, loaded.last_report]
    items = () if response is None else response.items
    return Played(
        session, len(guard), len(loaded.module.syntax.funcs), agent, resource, response, reports,
        seconds, check_read(agent.labels, resource.labels, Side.RESOURCE),
        [check_read(agent.labels, item.labels) for item in items],
    )  # fmt: skip


# -- the JSON document --------------------------------------------------------


def document(played: Played) -> Dict[str, Any]:
    """What happened as one JSON document (``docs/reference/cli.md``)."""
    session = played.session
    items = []
    for item, verdict in zip(_items(played), played.verdicts):
        items.append({**item.to_json(), **verdict.to_json(), "title": title(item)})
    kept = sum(verdict.allowed for verdict in played.verdicts)
    return {
        "command": NAME,
        "status": "ok",
        "exit_code": int(ExitCode.OK),
        "description": session.get("description", ""),
        "guard": {"bytes": played.guard_size, "functions": played.functions},
        "policy": session["policy"],
        "tool": {"name": session["tool_name"], "args": session["tool_args"]},
        "agent": played.agent.to_json(),
        "resource": {**played.resource.to_json(), **played.coarse.to_json()},
        "items": items,
        "kept": kept,
        "dropped": len(items) - kept,
        "calls": [report.to_json(IN_FULL) for report in played.reports],
        "instructions": sum(report.fuel or 0 for report in played.reports),
    }


def _items(played: Played) -> Tuple[Item, ...]:
    return () if played.response is None else played.response.items


def title(item: Item) -> str:
    """What a person knows an item by: its title or name, if it has one."""
    if isinstance(item.data, dict):
        for key in ("title", "name", "full_name", "path", "login", "sha"):
            if isinstance(item.data.get(key), str):
                return str(item.data[key])
    return ""


# -- for a person -------------------------------------------------------------


def _print(played: Played) -> None:
    """Tell what happened."""
    paper = Paper()
    session = played.session
    paper.line(paper.paint("A guard in WebAssembly labels a tool call, run by pure Python", "bold"))
    paper.line()
    paper.field("session", shown(session.get("description", ""), 400))
    paper.field(
        "guard", f"{played.guard_size:,} bytes, {played.functions} functions, compiled from Rust"
    )
    _print_agent(paper, played)
    _print_resource(paper, played)
    _print_items(paper, played)
    paper.heading("What the guard asked its backend")
    paper.backend(played.reports)
    paper.heading("What the guard logged")
    paper.log(played.reports)
    paper.heading("What it cost")
    paper.cost(played.reports, played.seconds[1:])
    total = sum(report.fuel or 0 for report in played.reports)
    paper.line(
        f"   {total:,} instructions in {sum(played.seconds[1:]):.1f} s, after "
        f"{played.seconds[0]:.1f} s to decode and validate the guard"
    )
    paper.notices(played.reports)
    paper.print()


def _print_agent(paper: Paper, played: Played) -> None:
    """The policy and the agent's labels."""
    paper.heading("1. What may the agent know, what must it be able to trust?", "label_agent")
    # With spaces, so that lines can break.
    policy = json.dumps(played.session["policy"], ensure_ascii=False)
    paper.field("policy", shown(policy, 600))
    paper.labels(played.agent.labels)
    meaning = {
        Mode.STRICT: "one item that is denied blocks the whole answer",
        Mode.FILTER: "items that are denied are dropped, the others go through",
        Mode.PROPAGATE: "everything goes through, and taints the agent",
    }
    paper.field("mode", f"{played.agent.mode.value}: {meaning[played.agent.mode]}")


def _print_resource(paper: Paper, played: Played) -> None:
    """The call and the resource's labels."""
    session, resource = played.session, played.resource
    paper.heading("2. What would the call touch?", "label_resource")
    args = encode(session["tool_args"]).decode("utf-8")
    paper.field("call", f"{shown(session['tool_name'])} {shown(args, 300)}")
    paper.field("operation", resource.operation.value)
    paper.field("resource", shown(resource.description))
    paper.labels(resource.labels)
    if played.coarse.allowed:
        paper.field("as a whole", "the agent may read it", "green")
    else:
        paper.field("as a whole", f"not for this agent, so each item counts: "
                    f"{in_words(played.coarse.reasons)}", "yellow")  # fmt: skip


def _print_items(paper: Paper, played: Played) -> None:
    """The items, kept or dropped, and why."""
    kept = sum(verdict.allowed for verdict in played.verdicts)
    paper.heading(
        f"3. What of the answer reaches the agent? {kept} of {len(played.verdicts)} items",
        "label_response",
    )
    if played.response is None:
        paper.line("   the guard has no labels for the items: the resource's apply")
    items = list(zip(_items(played), played.verdicts))
    width = min(40, max([len(_described(item.labels)) for item, _ in items] or [0]))
    for item, verdict in items:
        word = paper.paint("kept   ", "green") if verdict.allowed else paper.paint("dropped", "red")
        described = shown(_described(item.labels), 40)
        room = WIDTH - width - 14
        paper.line(f"   {word}  {described:<{width}}  {shown(title(item), room)}".rstrip())
        if not verdict.allowed:
            paper.field("", in_words(verdict.reasons))


def _described(labels: Optional[Labels]) -> str:
    return "(without labels)" if labels is None else labels.description
