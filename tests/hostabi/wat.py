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
