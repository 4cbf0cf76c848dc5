"""Guards for tests, as WAT put together from parts.

What belongs here: text.  What does not: any knowledge of what a test looks
for.  A body of a label function may use ``$ip $il $op $os`` (its parameters)
and the locals ``$i`` and ``$r``.
"""

from __future__ import annotations

from typing import Optional

import wasmpy

IMPORTS = """
  (import "env" "call_backend" (func $call_backend
    (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "host_log" (func $host_log (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write
    (param i32 i32 i32 i32) (result i32)))
"""

# Hands out memory from 128 KiB upwards; the topmost block can be given back.
BUMP = """
  (global $top (mut i32) (i32.const 131072))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $ptr i32) (local $missing i32)
    (local.set $ptr (global.get $top))
    (global.set $top (i32.and (i32.const -16)
      (i32.add (i32.const 31) (i32.add (local.get $ptr) (local.get $size)))))
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
        (then (global.set $top (local.get $ptr)) (return (i32.const 0))))))
    (local.get $ptr))
  (func $dealloc (export "dealloc") (param $ptr i32) (param $size i32)
    (global.set $top (local.get $ptr)))
"""

MEMORY = '(memory (export "memory") 3)'

AGENT = '{"agent":{"secrecy":["s"],"integrity":["i"]},"difc_mode":"filter"}'
RESOURCE = '{"resource":{"description":"r","secrecy":["s"],"integrity":["i"]},"operation":"read"}'
RESPONSE = '{"labeled_paths":[],"default_labels":{"secrecy":["d"],"integrity":[]}}'


def data(address: int, content: "str | bytes") -> str:
    """A data segment with ``content`` at ``address``."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return f'(data (i32.const {address}) "{"".join(f"{b:02x}".join((chr(92), "")) for b in raw)}")'


def label_function(name: str, body: str) -> str:
    """An exported label function."""
    return f"""
  (func ${name} (export "{name}")
    (param $ip i32) (param $il i32) (param $op i32) (param $os i32) (result i32)
    (local $i i32) (local $r i32)
    {body})"""


def guard_wat(
    agent: str = AGENT,
    resource: str = RESOURCE,
    response: str = RESPONSE,
    *,
    alloc: str = BUMP,
    memory: str = MEMORY,
    imports: str = IMPORTS,
    extra: str = "",
) -> str:
    """A whole guard.  A label function is a body in WAT (it begins with a bracket), or the
    text that it answers.
    """
    parts = ["(module", imports, memory, alloc]
    functions = {"label_agent": agent, "label_resource": resource, "label_response": response}
    for i, (name, text) in enumerate(functions.items()):
        body = text
        if not text.lstrip().startswith("("):
            at = 16384 * (i + 1)
            parts.append(data(at, text))
            length = len(text.encode("utf-8"))
            body = (
                f"(memory.copy (local.get $op) (i32.const {at}) (i32.const {length})) "
                f"(i32.const {length})"
            )
        parts.append(label_function(name, body))
    return "\n".join([*parts, extra, ")"])


def module(text: Optional[str] = None, **parts: str) -> wasmpy.Module:
    """A module from whole text, or from the parts of ``guard_wat``."""
    return wasmpy.Module(guard_wat(**parts) if text is None else text)


# What a test can drive from outside by ``Guard.call``: every number comes with the input.
PROBE_AGENT = """
    (local.set $r (call $call_backend
      (i32.load (local.get $ip)) (i32.load offset=4 (local.get $ip))
      (i32.load offset=8 (local.get $ip)) (i32.load offset=12 (local.get $ip))
      (i32.load offset=16 (local.get $ip)) (i32.load offset=20 (local.get $ip))))
    (i32.store (local.get $op) (local.get $r))
    (i32.const 4)"""
PROBE_RESOURCE = """
    (memory.copy (local.get $op) (i32.load (local.get $ip)) (i32.load offset=4 (local.get $ip)))
    (i32.load offset=4 (local.get $ip))"""
PROBE_RESPONSE = """
    (call $host_log (i32.load (local.get $ip)) (i32.load offset=4 (local.get $ip))
      (i32.load offset=8 (local.get $ip)))
    (i32.const 0)"""

NAME_AT, NAME = 1024, b"get_thing"
ARGS_AT, ARGS = 1100, b'{"id":7}'
BAD_ARGS_AT, BAD_ARGS = 1200, b'{"id":'
ANSWER_AT = 2048
OUTSIDE = 0x7FFF0000


def probe_wat() -> str:
    """``label_agent`` calls the backend with the six numbers of its input and returns the result;
    ``label_resource`` returns memory (address, length); ``label_response`` logs.
    """
    return guard_wat(
        PROBE_AGENT, PROBE_RESOURCE, PROBE_RESPONSE,
        extra=data(NAME_AT, NAME) + data(ARGS_AT, ARGS) + data(BAD_ARGS_AT, BAD_ARGS)
        + data(ANSWER_AT, b"\xee" * 64),
    )  # fmt: skip


# Logs its input, whatever it is, and answers what is asked.
def echo_body(answer: str, at: int) -> str:
    """A body that logs the input and answers ``answer``, which stands at ``at``."""
    length = len(answer.encode("utf-8"))
    return (
        "(call $host_log (i32.const 0) (local.get $ip) (local.get $il)) "
        f"(memory.copy (local.get $op) (i32.const {at}) (i32.const {length})) "
        f"(i32.const {length})"
    )


def echo_wat() -> str:
    """A guard that logs every input, and answers ``AGENT``, ``RESOURCE``, ``RESPONSE``."""
    return guard_wat(
        echo_body(AGENT, 4096), echo_body(RESOURCE, 8192), echo_body(RESPONSE, 12288),
        extra=data(4096, AGENT) + data(8192, RESOURCE) + data(12288, RESPONSE),
    )  # fmt: skip


EXIT = "(call $proc_exit (i32.const {code})) (unreachable)"
LOOP = "(loop $forever (br $forever)) (unreachable)"


# A guard whose answers tell where they come from. A policy is {"p":NNNNNN}; a call has tool_args
# NNNNNN and a tool_name of which the first letter says what is done: T traps, L loops, E exits
# with 3, Z with 0, B asks the backend and waits. The answer has the policy's number as secrecy,
# the call's as integrity, and as description how many policies this instance was given, and what
# the backend said.
_TAGGED_HEAD = '{"resource":{"secrecy":["'
_TAGGED_MIDDLE = '"],"integrity":["'
_TAGGED_TAIL = '"],"description":"'
_TAGGED_END = '"},"operation":"read"}'
_TAGGED_AT = {_TAGGED_HEAD: 4096, _TAGGED_MIDDLE: 4200, _TAGGED_TAIL: 4300, _TAGGED_END: 4400}


def _append(source: str, length: str) -> str:
    return (f"(memory.copy (i32.add (local.get $op) (local.get $r)) {source} {length}) "
            f"(local.set $r (i32.add (local.get $r) {length}))")  # fmt: skip


def _text(part: str) -> str:
    return _append(f"(i32.const {_TAGGED_AT[part]})", f"(i32.const {len(part)})")


def tagged_wat(agent: str = "") -> str:
    """That guard; ``agent`` is done first in ``label_agent``."""
    given = f"""
      {agent}
      (memory.copy (i32.const 600) (i32.add (local.get $ip) (i32.const 5)) (i32.const 6))
      (i32.store8 (i32.const 608) (i32.add (i32.load8_u (i32.const 608)) (i32.const 1)))
      (memory.copy (local.get $op) (i32.const 16384) (i32.const {len(AGENT)}))
      (i32.const {len(AGENT)})"""
    actions = {"T": "(unreachable)", "L": LOOP, "E": EXIT.format(code=3), "Z": EXIT.format(code=0),
               "B": """(drop (call $call_backend
                 (i32.add (local.get $ip) (i32.const 13)) (i32.const 6)
                 (i32.add (local.get $ip) (i32.const 13)) (i32.const 6)
                 (i32.const 609) (i32.const 6)))"""}  # fmt: skip
    acts = "".join(
        f"(if (i32.eq (i32.load8_u offset=33 (local.get $ip)) (i32.const {ord(letter)}))"
        f" (then {body}))"
        for letter, body in actions.items()
    )
    number = _append("(i32.add (local.get $ip) (i32.const 13))", "(i32.const 6)")
    resource = "\n".join([
        "(memory.fill (i32.const 609) (i32.const 45) (i32.const 6))", acts, _text(_TAGGED_HEAD), _append("(i32.const 600)", "(i32.const 6)"),
        _text(_TAGGED_MIDDLE), number, _text(_TAGGED_TAIL),
        _append("(i32.const 608)", "(i32.const 7)"), _text(_TAGGED_END), "(local.get $r)",
    ])  # fmt: skip
    texts = "".join(data(at, part) for part, at in _TAGGED_AT.items())
    return guard_wat(
        given, resource,
        extra=texts + data(600, b"000000") + data(608, b"0------") + data(16384, AGENT),
    )  # fmt: skip


def policy_of(number: int) -> "dict[str, int]":
    """The policy of a number with six digits."""
    return {"p": 100_000 + number}


def origin(labels: object) -> "tuple[int, int, int, str]":
    """Where an answer comes from: the policy, the call, how many policies, the backend's answer."""
    text = labels.description  # type: ignore[attr-defined]
    return (
        int(labels.secrecy[0]) - 100_000,  # type: ignore[attr-defined]
        int(labels.integrity[0]) - 100_000,  # type: ignore[attr-defined]
        int(text[0]), text[1:],
    )  # fmt: skip


def ask(labeller: object, number: int, tool: str = "t", **options: object) -> "tuple[int, int, int, str]":
    """Ask the tagged guard about a call of that number, and say where the answer comes from."""
    return origin(labeller.label_resource(tool, 100_000 + number, **options))  # type: ignore[attr-defined]
