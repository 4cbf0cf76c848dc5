"""Drives a guard through its three label functions, on any engine.

The least a host must do: encode the inputs, allocate, write, call, read, give back.
What does not belong here: retries, limits, checks of the answers. A real host of guards
is in ``hostabi``; this one is small so that the engine is measured and not the host.
"""

import hashlib
import json
from typing import Any, Dict, List, Optional, Sequence

from benchmarks.engines.base import Imports, Instance

#: The output buffer a host offers first.
OUT_SIZE = 4 * 1024 * 1024

#: WASI's errno for "not supported here".
ENOSYS = 52

#: The functions of a guard, in the order in which a host calls them.
FUNCTIONS = ("label_agent", "label_resource", "label_response")


def encode(value: Any) -> bytes:
    """Compact JSON with sorted keys; escapes only what JSON demands."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode("utf-8")


def inputs(case: Dict[str, Any]) -> List[bytes]:
    """The inputs of the three calls that a payload case stands for."""
    tool = {"tool_args": case.get("tool_args", {}), "tool_name": case["tool_name"]}
    return [
        encode(case["policy"]),
        encode(tool),
        encode(dict(tool, tool_result=case.get("tool_result"))),
    ]


class GuardHost:
    """The host functions for one guard and one payload case."""

    def __init__(self, case: Dict[str, Any]) -> None:
        self._backend: List[Dict[str, Any]] = case.get("backend", [])
        self._random = 0
        self.logged = 0

    def take(self, case: Dict[str, Any]) -> None:
        """Answers from now on as this payload case says."""
        self._backend = case.get("backend", [])

    def imports(self, names: Any) -> Imports:
        """A host function for each of the imports that a guard names."""
        own: Dict[str, Any] = {
            "call_backend": self._call_backend,
            "host_log": self._host_log,
            "random_get": self._random_get,
            "environ_sizes_get": self._environ_sizes_get,
            "environ_get": lambda guest, environ, text: 0,
            "fd_write": self._fd_write,
            "poll_oneoff": lambda guest, subscriptions, events, count, out: 0,
            "proc_exit": self._proc_exit,
        }
        return {
            (module, name): own.get(name, lambda guest, *args: ENOSYS) for module, name in names
        }

    def _answer(self, name: str, args: Any) -> Optional[bytes]:
        for rule in self._backend:
            if rule["tool_name"] == name and ("tool_args" not in rule or rule["tool_args"] == args):
                return encode(rule["result"]) if "result" in rule else None
        return None

    def _call_backend(
        self,
        guest: Instance,
        name: int,
        name_len: int,
        args: int,
        args_len: int,
        res: int,
        size: int,
    ) -> int:
        told = json.loads(guest.read(args, args_len)) if args_len else None
        answer = self._answer(guest.read(name, name_len).decode("utf-8"), told)
        if answer is None:
            return -1
        if len(answer) > size:
            if size >= 4:
                guest.write(res, len(answer).to_bytes(4, "little"))
            return -2
        guest.write(res, answer)
        return len(answer)

    def _host_log(self, guest: Instance, level: int, ptr: int, length: int) -> None:
        guest.read(ptr, length)
        self.logged += 1

    def _random_get(self, guest: Instance, ptr: int, length: int) -> int:
        stream = b""
        while len(stream) < length:
            stream += hashlib.sha256(self._random.to_bytes(8, "little")).digest()
            self._random += 1
        guest.write(ptr, stream[:length])
        return 0

    def _environ_sizes_get(self, guest: Instance, count: int, size: int) -> int:
        guest.write(count, bytes(4))
        guest.write(size, bytes(4))
        return 0

    def _fd_write(self, guest: Instance, fd: int, vectors: int, count: int, written: int) -> int:
        total = 0
        for index in range(count):
            total += int.from_bytes(guest.read(vectors + 8 * index + 4, 4), "little")
        guest.write(written, total.to_bytes(4, "little"))
        return 0

    def _proc_exit(self, guest: Instance, code: int) -> None:
        raise RuntimeError("the guard has exited with %d" % code)


def ask(instance: Instance, function: str, question: bytes) -> bytes:
    """Asks one question; the length that the guard returned, as text, and its answer.

    Raises ``RuntimeError`` for an allocation that fails. A negative return value is an
    answer like another.
    """
    in_ptr = instance.call("alloc", len(question)) & 0xFFFFFFFF
    out_ptr = instance.call("alloc", OUT_SIZE) & 0xFFFFFFFF
    if not in_ptr or not out_ptr:
        raise RuntimeError("alloc has failed")
    instance.write(in_ptr, question)
    length = instance.call(function, in_ptr, len(question), out_ptr, OUT_SIZE)
    answer = b"%d:" % length
    if length > 0:
        answer += instance.read(out_ptr, length)
    instance.call("dealloc", out_ptr, OUT_SIZE)
    instance.call("dealloc", in_ptr, len(question))
    return answer


def drive(instance: Instance, questions: List[bytes], only: Optional[Sequence[str]] = None) -> str:
    """Asks the three questions, or ``only`` some; a digest of all the answers."""
    asked = [(f, q) for f, q in zip(FUNCTIONS, questions) if only is None or f in only]
    return digest([ask(instance, function, question) for function, question in asked])


def digest(answers: List[bytes]) -> str:
    """What stands for all the answers to a payload case."""
    return hashlib.sha256(b"".join(answers)).hexdigest()
