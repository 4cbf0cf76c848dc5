"""``wasmpy guard label-agent``, ``label-resource``, ``label-response``: one decision of a guard.

What belongs here: reading the guard, the policy and the payloads, asking, and
printing the answer.  What does not: the guard host (``hostabi``).

``label-resource`` and ``label-response`` give the guard its policy first, by
``label_agent``, since a guard without one labels nothing sensibly.
"""

from __future__ import annotations

import argparse
import pathlib
from typing import Any, Dict, List, Optional, Union

from hostabi.backend import Backend, LogCallback
from hostabi.capabilities import UNLIMITED, Capabilities
from hostabi.errors import PayloadError, PolicyError
from hostabi.guard import GATEWAY, Guard
from hostabi.labels import AgentLabels, Item, ResourceLabels, ResponseLabels
from hostabi.payload import decode
from hostabi.pool import GuardPool
from hostabi.rules import RulesBackend
from hostabi.trace import IN_FULL, CallReport
from wasmpy.api.module import Module, source_of
from wasmpy.cli.bounds import add_timeout, bound_of, fuel_amount, page_count
from wasmpy.cli.caching import add_cache_arguments
from wasmpy.cli.errors import CommandError, ExitCode, UsageError, print_json
from wasmpy.cli.present import Paper, shown, tags_text
from wasmpy.cli.source import STDIN, naming, read_bytes
from wasmpy.cli.tiers import add_fallback, add_tier

HELP = "ask a guard for one decision: the labels of an agent, a resource or a response"
HELPS = {
    "label-agent": "ask a guard for the labels of an agent under a policy",
    "label-resource": "ask a guard for the labels of what a tool call would touch",
    "label-response": "ask a guard for the labels of a tool's result, item by item",
}
EXAMPLE = """\
wasmpy guard label-agent examples/guards/minimal-wat/guard.wat --policy examples/policy.json
  wasmpy guard label-response examples/guards/minimal-wat/guard.wat --policy examples/policy.json \
--tool read_note --result examples/result.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the three actions."""
    parser.add_argument("guard", metavar="GUARD", help="the guard (.wasm or .wat), or -")
    parser.add_argument("--policy", required=True, metavar="FILE",
                        help="the policy, a JSON object; - is stdin here and below")  # fmt: skip
    parser.add_argument("--tool", metavar="NAME", help="the tool that is called")
    parser.add_argument("--args", metavar="FILE", help="its arguments, JSON (default: {})")
    parser.add_argument("--result", metavar="FILE", help="its result, JSON")
    parser.add_argument("--backend", metavar="FILE",
                        help="answers to the guard's questions: a JSON array of "
                        '{"tool_name", "tool_args", "result" or "error"}')  # fmt: skip
    parser.add_argument("--name", default="", help="the guard's name (default: guard)")
    add_bounds(parser)
    add_cache_arguments(parser)
    parser.add_argument("--compat", choices=(GATEWAY,), help="reproduce the gateway's defects")


def add_bounds(parser: argparse.ArgumentParser) -> None:
    """Declare what bounds a guard's calls."""
    parser.add_argument("--fuel", type=fuel_amount, metavar="N",
                        help="instructions each call may execute (default: no bound)")  # fmt: skip
    add_timeout(parser)
    parser.add_argument("--max-memory-pages", type=page_count, metavar="N", default=512,
                        help="pages of 64 KiB the guard may have (default: 512)")  # fmt: skip
    add_tier(parser)
    add_fallback(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the guard, print what it says."""
    _check(args)
    policy = read_json(args.policy, strict=args.compat != GATEWAY)
    tool_args = {} if args.args is None else read_json(args.args)
    result = None if args.result is None else read_json(args.result)
    with open_guard(args, read_rules(args.backend)) as guard:
        try:
            agent = guard.label_agent(policy)
        except PolicyError as error:
            raise CommandError(f"{args.policy}: {error}", path=args.policy) from error
        reports = [agent.report]
        resource: Optional[ResourceLabels] = None
        response: Optional[ResponseLabels] = None
        if args.action == "label-resource":
            resource = guard.label_resource(args.tool, tool_args)
            reports.append(resource.report)
        elif args.action == "label-response":
            response = guard.label_response(args.tool, result, tool_args)
            reports.append(guard.last_report)
    if args.json:
        print_json(_document(args, agent, resource, response, reports))
    else:
        _print(args, agent, resource, response, reports)
    return ExitCode.OK


def _check(args: argparse.Namespace) -> None:
    """Refuse combinations that mean nothing.  Raises: UsageError."""
    files = (args.guard, args.policy, args.args, args.result, args.backend)
    if sum(path == STDIN for path in files) > 1:
        raise UsageError("only one file can be - (standard input)")
    if args.action == "label-agent":
        return
    if args.tool is None:
        raise UsageError(f"{args.action} needs --tool")
    if args.action == "label-response" and args.result is None:
        raise UsageError("label-response needs --result")


def read_json(path: str, *, strict: bool = False) -> Any:
    """The JSON value in a file, or on standard input for ``-``.

    ``strict`` is for what decides something: a key that stands there twice is
    refused, where otherwise the last one would win and nobody be told.

    Raises: CommandError.
    """
    try:
        return decode(read_bytes(path), strict=strict)
    except PayloadError as error:
        raise CommandError(f"{path}: {error}", path=path) from error


def read_rules(path: Optional[str]) -> Optional[RulesBackend]:
    """The backend rules in a file, None without one.  Raises: CommandError."""
    if path is None:
        return None
    try:
        return RulesBackend(read_json(path, strict=True))
    except PayloadError as error:
        raise CommandError(f"{path}: {error}", path=path) from error


def open_guard(
    args: argparse.Namespace, backend: Optional[Backend] = None, log: Optional[LogCallback] = None,
    capabilities: Capabilities = UNLIMITED,
) -> Guard:  # fmt: skip
    """The guard the arguments name, within the bounds they give.

    Raises: CommandError.
    """
    with naming(args.guard):
        return Guard(
            guard_source(args.guard), backend=backend, log=log, capabilities=capabilities,
            **guard_options(args),
        )  # fmt: skip


def open_pool(
    args: argparse.Namespace, size: int, log: Optional[LogCallback] = None,
    capabilities: Capabilities = UNLIMITED,
) -> GuardPool:  # fmt: skip
    """As ``open_guard``: ``size`` instances of the guard; the other ones are made when needed.

    Raises: CommandError.
    """
    with naming(args.guard):
        return GuardPool(
            guard_source(args.guard), size=size, log=log, capabilities=capabilities,
            **guard_options(args),
        )  # fmt: skip


def guard_source(path: str) -> Union[Module, bytes]:
    """The guard in the file ``path`` or on standard input: text as a module.

    Raises: CommandError, MalformedError, InvalidError.
    """
    source = source_of(read_bytes(path), pathlib.PurePath(path).suffix.lower())
    return Module(source) if isinstance(source, str) else source


def guard_options(args: argparse.Namespace) -> Dict[str, Any]:
    """The name and the bounds that the arguments give, as ``Guard`` takes them."""
    return {
        "name": args.name, "fuel": args.fuel, "timeout": bound_of(args.timeout),
        "max_memory_pages": args.max_memory_pages, "compat": args.compat, "count": args.json,
        "tier": args.tier, "fallback": args.fallback,
    }  # fmt: skip


def _document(
    args: argparse.Namespace, agent: AgentLabels, resource: Optional[ResourceLabels],
    response: Optional[ResponseLabels], reports: List[CallReport],
) -> Dict[str, Any]:  # fmt: skip
    """The JSON document: always the same keys; what was not asked for is null."""
    return {
        "command": "guard",
        "status": "ok",
        "exit_code": int(ExitCode.OK),
        "function": args.action,
        "guard": args.guard,
        "agent": agent.to_json(),
        "resource": None if resource is None else resource.to_json(),
        "response": None if response is None else response.to_json(),
        "calls": [report.to_json(IN_FULL) for report in reports],
    }


def _print(
    args: argparse.Namespace, agent: AgentLabels, resource: Optional[ResourceLabels],
    response: Optional[ResponseLabels], reports: List[CallReport],
) -> None:  # fmt: skip
    """The answer for a person."""
    paper = Paper()
    paper.line(paper.paint(f"{args.action} by {shown(args.guard)}", "bold"))
    paper.line()
    if resource is not None:
        paper.field("operation", resource.operation.value)
        paper.field("resource", shown(resource.description) or "(not described)")
        paper.labels(resource.labels)
    elif args.action == "label-response":
        _print_items(paper, response)
    else:
        paper.labels(agent.labels)
        paper.field("mode", agent.mode.value)
    paper.heading("asked its backend")
    paper.backend(reports)
    paper.heading("logged")
    paper.log(reports)
    paper.heading("cost")
    paper.cost(reports)
    paper.notices(reports)
    paper.print()


def _print_items(paper: Paper, response: Optional[ResponseLabels]) -> None:
    """A response, item by item."""
    if response is None:
        paper.line("   no labels of its own: those of the resource apply")
        return
    if not response.items:
        paper.line("   no items")
    for i, item in enumerate(response.items):
        paper.line(f"   {paper.paint(f'[{i}]', 'dim')} {_described(item)}")
        if item.labels is not None:
            paper.field("  secrecy", tags_text(item.labels.secrecy))
            paper.field("  integrity", tags_text(item.labels.integrity))


def _described(item: Item) -> str:
    """What an item is called, and where its labels come from."""
    if item.labels is None:
        return "without labels: denied"
    return f"{shown(item.labels.description) or '(not described)'} ({item.source.value} labels)"
