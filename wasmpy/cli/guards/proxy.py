"""``wasmpy guard proxy``: a guard between an MCP client and an MCP server, live.

What belongs here: the command line, and what has to be there before the
server is started: guard, policy, transcript.  What does not: the session
(``hostabi.proxy``).

Standard output is the stream of messages: nothing else is printed there, and
what goes wrong is said on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from typing import FrozenSet, Iterator, Sequence, Union

from hostabi.capabilities import UNLIMITED, Capabilities
from hostabi.errors import CapabilityError, PipelineError, PolicyError, ProxyError, one_line
from hostabi.guard import GATEWAY, Guard
from hostabi.labeller import Labeller
from hostabi.labels import Mode
from hostabi.pipeline import Pipeline
from hostabi.policy import payload
from hostabi.pool import GuardPool
from hostabi.pooling import MAX_INSTANCES
from hostabi.proxy import (
    ASKED,
    SWITCHES,
    Calls,
    End,
    Link,
    Passes,
    Questions,
    Relay,
    Transcript,
    stdio,
)
from hostabi.proxy.methods import names_of
from hostabi.proxy.mode import InMode
from hostabi.proxy.questions import EVERYTHING
from hostabi.trace import LogLine
from wasmpy.cli.caching import add_cache_arguments
from wasmpy.cli.errors import CommandError, ExitCode, UsageError, print_line
from wasmpy.cli.guards.label import add_bounds, open_guard, open_pool, read_json, read_rules
from wasmpy.cli.source import STDIN

HELP = "stand between an MCP client and an MCP server, and label every tool call"
EXAMPLE = """\
wasmpy guard proxy --guard examples/guards/minimal-wat/guard.wat --policy examples/policy.json \
-- python3 -m mcp_server_time"""

JSON = False

AGENT = "client"
"""What the agent is called unless something else is said."""

_END_CODES = {End.CLIENT_CLOSED: ExitCode.OK, End.SERVER_ENDED: ExitCode.NEGATIVE}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``proxy``."""
    parser.add_argument("--guard", required=True, metavar="GUARD", help="the guard (.wasm or .wat)")
    parser.add_argument("--policy", required=True, metavar="FILE", help="the policy, a JSON object")
    parser.add_argument("--name", default="", help="the guard's name (default: guard)")
    parser.add_argument("--agent", default=AGENT, metavar="ID",
                        help=f"what the agent is called (default: {AGENT})")  # fmt: skip
    parser.add_argument("--mode", choices=[mode.value for mode in Mode],
                        help="how labels are enforced (default: as the guard says)")  # fmt: skip
    for who in ("bots", "users"):
        parser.add_argument(f"--trusted-{who}", metavar="NAMES", action="append",
                            help=f"{who} to trust besides, separated by commas")  # fmt: skip
    parser.add_argument("--allow-unlabelled", metavar="WHAT", action="append", default=[],
                        help="let pass what no guard labels, separated by commas: "
                        + ", ".join(SWITCHES))  # fmt: skip
    parser.add_argument("--guard-may-ask", metavar="TOOLS", action="append",
                        help="tools the guard may call on the server, separated by commas; "
                        f"{EVERYTHING} for all (default: {','.join(sorted(ASKED))})")  # fmt: skip
    parser.add_argument(
        "--capabilities", metavar="FILE",
        help="what the guard may import and ask, a JSON object (default: anything that passes)",
    )  # fmt: skip
    parser.add_argument(
        "--backend", metavar="FILE",
        help="answers to the guard's questions that the server is not asked: "
        'a JSON array of {"tool_name", "tool_args", "result" or "error"}',
    )  # fmt: skip
    parser.add_argument(
        "--transcript", metavar="FILE", help="add a line of JSON for each call to this file"
    )
    parser.add_argument(
        "--transcript-payloads", action="store_true",
        help="with arguments, results and all the guard asked and logged",
    )  # fmt: skip
    parser.add_argument(
        "--verbose", action="store_true", help="print what the guard logs on standard error"
    )
    parser.add_argument(
        "--instances", type=int, metavar="N", default=1,
        help="instances of the guard, so that calls overlap "
        f"(default: 1, at most {MAX_INSTANCES:,})",
    )  # fmt: skip
    add_bounds(parser)
    add_cache_arguments(parser)
    parser.add_argument("--compat", choices=(GATEWAY,), help="reproduce the gateway's defects")
    parser.add_argument("server", nargs="*", metavar="-- SERVER-COMMAND",
                        help="what runs the server, with its arguments")  # fmt: skip


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse ours up to ``--``; what follows is the server's command, untouched.

    Raises: UsageError, SystemExit.
    """
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    own, command = words[:end], words[end + 1 :]
    if "--json" in own:
        # Its document would stand where the client expects messages.
        print_line("wasmpy: error: proxy has no --json: standard output is the client's")
        raise SystemExit(int(ExitCode.USAGE))
    args = parser.parse_args(own)
    if args.server:
        raise UsageError(f"the server's command stands after --: {args.server[0]!r} does not")
    if not command:
        raise UsageError("proxy needs -- and the server's command at the end")
    if not 1 <= args.instances <= MAX_INSTANCES:
        raise UsageError(f"--instances is from 1 to {MAX_INSTANCES:,}, not {args.instances}")
    if STDIN in (args.guard, args.policy, args.backend, args.capabilities):
        raise UsageError("no file can be - (standard input): that is the client's")
    args.server = command
    return args


def run(args: argparse.Namespace) -> int:
    """Load guard and policy, then start the server and carry messages until one side ends."""
    try:
        stdio.check()
        passes = _passes(args)
        questions = Questions(_asked(args), read_rules(args.backend))
        capabilities = _capabilities(args)
        with _transcript(args) as transcript, _guard(args, capabilities) as guard:
            labeller: Labeller = guard if args.mode is None else InMode(guard, Mode(args.mode))
            with Pipeline(labeller, guard_backend=questions.answer) as pipeline:
                _begin(args, pipeline, transcript, passes)
                end = _session(args, pipeline, passes, questions, transcript)
    except ProxyError as error:
        raise CommandError(str(error), reason=error.reason) from error
    if end is End.SERVER_ENDED:
        print_line("wasmpy: error: the server has ended")
    return _END_CODES[end]


def _guard(args: argparse.Namespace, capabilities: Capabilities) -> Union[Guard, GuardPool]:
    """The guard, or some instances of it.  Raises: CommandError."""
    log = _log_line if args.verbose else None
    if args.instances == 1:
        return open_guard(args, None, log, capabilities)
    return open_pool(args, args.instances, log, capabilities)


def _session(
    args: argparse.Namespace, pipeline: Pipeline, passes: Passes, questions: Questions,
    transcript: Transcript,
) -> End:  # fmt: skip
    """The session; how it ended is the transcript's last entry.  Raises: ProxyError."""

    async def carry(client: Link, server: Link) -> End:
        calls = Calls(pipeline, args.agent, passes=passes, transcript=transcript, say=_say)
        relay = Relay(calls, client, server, passes=passes, transcript=transcript, say=_say)
        questions.connect(relay.ask)
        try:
            return await relay.run()
        finally:
            questions.disconnect()

    try:
        end = stdio.run(args.server, carry)
    except BaseException as error:
        transcript.add("end", reason=_reason(error), blocked=transcript.blocked)
        raise
    transcript.add("end", reason=end.value, blocked=transcript.blocked)
    return end


def _reason(error: BaseException) -> str:
    """How a session ended that did not end by itself, for the transcript."""
    if isinstance(error, ProxyError):
        return error.reason
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        return "stopped"
    return f"failed: {type(error).__name__}"


def _passes(args: argparse.Namespace) -> Passes:
    """What passes.  Raises: UsageError."""
    try:
        return Passes(names_of(args.allow_unlabelled))
    except ValueError as error:
        raise UsageError(f"--allow-unlabelled: {error}") from error


def _capabilities(args: argparse.Namespace) -> Capabilities:
    """What the guard may import and ask.  Raises: CommandError."""
    if args.capabilities is None:
        return UNLIMITED
    try:
        return Capabilities.from_json(read_json(args.capabilities, strict=True))
    except CapabilityError as error:
        raise CommandError(f"{args.capabilities}: {error}", path=args.capabilities) from error


def _asked(args: argparse.Namespace) -> FrozenSet[str]:
    """The tools that the guard may call."""
    return ASKED if args.guard_may_ask is None else names_of(args.guard_may_ask)


@contextlib.contextmanager
def _transcript(args: argparse.Namespace) -> Iterator[Transcript]:
    """The transcript; what it holds may be confidential, so nobody else can read the file.

    Raises: CommandError.
    """
    if args.transcript is None:
        yield Transcript()
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        handle = os.open(args.transcript, flags, 0o600)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        text = f"cannot write the transcript: {args.transcript}: {reason}"
        raise CommandError(text, path=args.transcript) from error
    with os.fdopen(handle, "w", 1, encoding="ascii") as file:

        def write(line: str) -> None:
            try:
                file.write(line)
            except OSError as error:
                # A record with holes is none: the session ends.
                text = f"cannot write the transcript: {args.transcript}: {error.strerror}"
                raise ProxyError(text, "transcript") from error

        yield Transcript(write, payloads=args.transcript_payloads)


def _begin(
    args: argparse.Namespace, pipeline: Pipeline, transcript: Transcript, passes: Passes
) -> None:
    """Have the agent labelled by the policy.

    This is before the server is there: a question that the guard has now is
    answered by rules or not at all.

    Raises: CommandError, GuardError.
    """
    trusted = [sorted(names_of(given or ())) for given in (args.trusted_bots, args.trusted_users)]
    try:
        gateway = args.compat == GATEWAY
        policy = payload(read_json(args.policy, strict=not gateway), *trusted, gateway=gateway)
        labels = asyncio.run(pipeline.label_agent_async(args.agent, policy))
    except (PipelineError, PolicyError) as error:
        cause = error.__cause__ if isinstance(error, PipelineError) else error
        if isinstance(cause, PolicyError):
            raise CommandError(f"{args.policy}: {cause}", path=args.policy) from error
        raise
    grant = pipeline.agents.granted(args.agent, pipeline.name)
    transcript.add(
        "session", guard=args.name or args.guard, agent_id=args.agent,
        mode=None if grant is None else grant.mode.value, labels=labels.to_json(),
        unlabelled=sorted(passes.switches), payloads=transcript.payloads,
    )  # fmt: skip


def _say(text: str) -> None:
    """A line for a person."""
    print_line(f"wasmpy: guard proxy: {one_line(text)}")


def _log_line(line: LogLine) -> None:
    """A line of the guard's log, for a person."""
    text = line.text.decode("utf-8", "replace")
    print_line(f"wasmpy: guard: {line.word or line.level}: {one_line(text)}")
