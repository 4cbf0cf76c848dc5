"""A small host for guards on wasmtime, to compare ours against.

It runs a guard binary through its three label functions and records a transcript of all
that can be seen from outside: result bytes, return codes, backend calls, log lines, what
``alloc`` returned, and the size of memory. It is written from the description of the ABI
alone and shares no code with ``wasmpy``, ``wasi`` and ``hostabi``, not even its JSON
encoder, so that a misunderstanding on one side shows.

What does not belong here: the fallback for guards without an allocator, the meaning of
the answers, comparing (see the tests). Needs the package ``wasmtime``.

    python3 tests/diff/wasmtime_host.py GUARD.wasm CASE.json
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import wasmtime

MIB = 1024 * 1024
PAGE = 65536

#: Limits of the ABI: input, first and last size of the output buffer, attempts of one
#: call, backend calls of one call, pages of memory.
MAX_INPUT = 8 * MIB
FIRST_OUTPUT = 4 * MIB
MAX_OUTPUT = 16 * MIB
ATTEMPTS = 3
BACKEND_CALLS = 50
MEMORY_PAGES = 512

FUNCTIONS = ("label_agent", "label_resource", "label_response")

#: Errno values of WASI preview 1.
SUCCESS, EBADF, EFAULT, EINVAL, ENOSYS = 0, 8, 21, 28, 52

#: What the clocks show at first, in nanoseconds: 2022-01-01T00:00:00Z and zero; and how
#: far they go with each reading.
CLOCKS = {0: 1_640_995_200_000_000_000, 1: 0}
TICK = 1_000_000


# -- JSON as the host writes it ------------------------------------------------------

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r"}
_ESCAPES.update({"\t": "\\t"}, **{c: "\\u%04x" % ord(c) for c in "<>&\u2028\u2029"})


def _encode_string(text: str) -> str:
    out = []
    for char in text:
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char < " ":
            out.append("\\u%04x" % ord(char))
        else:
            out.append("\ufffd" if "\ud800" <= char <= "\udfff" else char)
    return '"' + "".join(out) + '"'


def _encode_float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("no JSON for %r" % value)
    if value and not 1e-6 <= abs(value) < 1e21:
        digits, _, exponent = repr(value).partition("e")
        digits = digits[:-2] if digits.endswith(".0") else digits
        return "%se%s%d" % (digits, "+" if int(exponent) > 0 else "-", abs(int(exponent)))
    if value == int(value):
        return "-0" if str(value) == "-0.0" else str(int(value))
    text = repr(value)
    if "e" not in text:
        return text
    digits, _, exponent = text.partition("e")  # 0.0000012 is 1.2e-06 to Python
    sign = "-" if digits.startswith("-") else ""
    return sign + "0." + "0" * (-int(exponent) - 1) + digits.strip("-").replace(".", "")


def _encoded(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _encode_string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _encode_float(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_encoded, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-8", "surrogatepass"))
    return "{" + ",".join(_encode_string(k) + ":" + _encoded(value[k]) for k in keys) + "}"


def encode(value: Any) -> bytes:
    """JSON with keys sorted by their bytes, without white space, integers exact."""
    return _encoded(value).encode("utf-8")


def decode(text: bytes) -> Any:
    """The value of a JSON text. Raises ``ValueError`` for anything else."""

    def refuse(word: str) -> Any:
        raise ValueError("%s is not JSON" % word)

    return json.loads(text.decode("utf-8", "replace"), parse_constant=refuse)


# -- the transcript ------------------------------------------------------------------


@dataclass
class BackendCall:
    """One ``call_backend``: what was asked and what was returned.

    ``answer`` is the answer of the backend, None for an error; ``returned`` the number
    the guest got. A call refused by the budget has neither name nor args.
    """

    name: bytes | None
    args: bytes | None
    size: int
    answer: bytes | None
    returned: int


@dataclass
class Attempt:
    """One run of the guest function: the two pointers, the size, the number returned."""

    in_ptr: int
    out_ptr: int
    out_size: int
    returned: int | None = None


@dataclass
class Call:
    """One call of a label function, retries included."""

    function: str
    question: bytes
    result: bytes | None = None
    error: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    backend: list[BackendCall] = field(default_factory=list)
    logs: list[tuple[int, bytes]] = field(default_factory=list)
    output: list[tuple[int, bytes]] = field(default_factory=list)
    allocs: list[int] = field(default_factory=list)
    pages: int = 0


@dataclass
class Transcript:
    """All calls of one payload case. ``error`` tells why a guard could not be loaded."""

    calls: list[Call] = field(default_factory=list)
    error: str | None = None


class GuestExit(Exception):
    """The guest has called ``proc_exit``."""

    def __init__(self, code: int) -> None:
        super().__init__("exit %d" % code)
        self.code = code


class GuardFailure(Exception):
    """A call has failed; the text says how."""


class RandomStream:
    """Bytes that look random and are always the same: SHA-256 in counter mode."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed.to_bytes(8, "little")
        self._blocks = 0
        self._rest = b""

    def take(self, length: int) -> bytes:
        """The next bytes of the stream."""
        while len(self._rest) < length:
            counter = self._blocks.to_bytes(8, "little")
            self._rest += hashlib.sha256(b"wasmpy-random" + self._seed + counter).digest()
            self._blocks += 1
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken


# -- the host ------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def compiled(wasm: bytes) -> tuple[wasmtime.Engine, wasmtime.Module]:
    """A guard, compiled once for all the cases it is asked about."""
    engine = wasmtime.Engine()
    return engine, wasmtime.Module(engine, wasm)


class Host:
    """One guard, loaded, with all its host functions.

    ``rules`` stand in for the backend: the first rule with the name of the tool and, if
    it has ``tool_args``, with equal arguments answers; if none does, the backend fails.
    """

    def __init__(self, wasm: bytes, rules: list[dict[str, Any]] | None = None) -> None:
        self._rules = rules or []
        self._random = RandomStream()
        self._clocks = dict(CLOCKS)
        self._budget = 0
        self._poison: str | None = None
        self._call = Call("load", b"")
        engine, module = compiled(wasm)
        self._store = wasmtime.Store(engine)
        self._store.set_limits(memory_size=MEMORY_PAGES * PAGE)
        externs = [self._extern(item) for item in module.imports]
        exports = wasmtime.Instance(self._store, module, externs).exports(self._store)
        self._exports = {name: exports[name] for name in exports}
        memory = next((e for e in self._exports.values() if isinstance(e, wasmtime.Memory)), None)
        if memory is None:
            raise GuardFailure("no memory")
        self._memory = memory
        missing = [n for n in FUNCTIONS + ("alloc", "dealloc") if n not in self._exports]
        if missing:
            raise GuardFailure("no export " + ", ".join(missing))
        if "_initialize" in self._exports:
            self._invoke("_initialize")

    # -- memory

    def _span(self, ptr: int, length: int) -> int:
        """The address of guest memory. Raises ``IndexError`` out of bounds."""
        ptr, length = ptr & 0xFFFFFFFF, length & 0xFFFFFFFF
        if ptr + length > self._memory.data_len(self._store):
            raise IndexError("out of bounds")
        return ctypes.addressof(self._memory.data_ptr(self._store).contents) + ptr

    def read(self, ptr: int, length: int) -> bytes:
        """Bytes of the guest. Raises ``IndexError`` out of bounds."""
        return ctypes.string_at(self._span(ptr, length), length & 0xFFFFFFFF)

    def write(self, ptr: int, data: bytes) -> None:
        """Stores bytes in the guest. Raises ``IndexError`` out of bounds."""
        ctypes.memmove(self._span(ptr, len(data)), data, len(data))

    def _read_u32(self, ptr: int) -> int:
        return int.from_bytes(self.read(ptr, 4), "little")

    def _invoke(self, name: str, *args: int) -> Any:
        func = self._exports[name]
        assert isinstance(func, wasmtime.Func)
        return func(self._store, *args)

    # -- imports

    def _extern(self, item: wasmtime.ImportType) -> wasmtime.Func:
        functype = item.type
        if not isinstance(functype, wasmtime.FuncType):
            raise GuardFailure("unknown import %s.%s" % (item.module, item.name))
        offered: dict[str, Callable[..., Any]] = {}
        if item.module == "env":
            offered = {"call_backend": self._call_backend, "host_log": self._host_log}
        elif item.module == "wasi_snapshot_preview1":
            offered = {item.name or "": lambda *args: ENOSYS}
            offered.update(
                fd_write=self._fd_write,
                random_get=self._random_get,
                environ_get=lambda environ, text: SUCCESS,
                environ_sizes_get=self._environ_sizes_get,
                poll_oneoff=self._poll_oneoff,
                clock_time_get=self._clock_time_get,
                proc_exit=self._proc_exit,
            )
        if item.name not in offered:
            raise GuardFailure("unknown import %s.%s" % (item.module, item.name))
        return wasmtime.Func(self._store, functype, offered[item.name])

    def _host_log(self, level: int, ptr: int, length: int) -> None:
        try:
            self._call.logs.append((level & 0xFFFFFFFF, self.read(ptr, length)))
        except IndexError:
            pass

    def _answer(self, name: bytes, args: bytes) -> bytes | None:
        """What the backend says; None if it fails, has no rule, or args are not JSON."""
        try:
            told = encode(decode(args) if args else None)
        except (ValueError, RecursionError):
            return None
        for rule in self._rules:
            if rule["tool_name"].encode("utf-8") != name:
                continue
            if "tool_args" in rule and encode(rule["tool_args"]) != told:
                continue
            return encode(rule["result"]) if "result" in rule else None
        return None

    def _call_backend(
        self, name_ptr: int, name_len: int, args_ptr: int, args_len: int, res_ptr: int, size: int
    ) -> int:
        size &= 0xFFFFFFFF
        record = BackendCall(None, None, size, None, -1)
        self._call.backend.append(record)
        self._budget -= 1
        if self._budget < 0:
            return -1
        try:
            record.name = self.read(name_ptr, name_len)
            record.args = self.read(args_ptr, args_len)
            record.answer = self._answer(record.name, record.args)
            if record.answer is None:
                return -1
            if len(record.answer) > size:
                record.returned = -2
                if size >= 4:
                    self.write(res_ptr, len(record.answer).to_bytes(4, "little"))
                return -2
            self.write(res_ptr, record.answer)
            record.returned = len(record.answer)
        except IndexError:
            record.returned = -1 if record.returned != -2 else -2
        return record.returned

    # -- WASI: as little as guards use, and always the same

    def _fd_write(self, fd: int, vectors: int, count: int, written: int) -> int:
        if fd not in (1, 2):
            return EBADF
        try:
            text = b""
            for index in range(count & 0xFFFFFFFF):
                at = vectors + 8 * index
                text += self.read(self._read_u32(at), self._read_u32(at + 4))
            self.write(written, len(text).to_bytes(4, "little"))
        except IndexError:
            return EFAULT
        self._call.output.append((fd, text))
        return SUCCESS

    def _random_get(self, ptr: int, length: int) -> int:
        try:
            self._span(ptr, length)
            self.write(ptr, self._random.take(length & 0xFFFFFFFF))
        except IndexError:
            return EFAULT
        return SUCCESS

    def _environ_sizes_get(self, count: int, size: int) -> int:
        try:
            self.write(count, bytes(4))
            self.write(size, bytes(4))
        except IndexError:
            return EFAULT
        return SUCCESS

    def _poll_oneoff(self, subscriptions: int, events: int, count: int, stored: int) -> int:
        """Every subscription has happened: 48 bytes in, 32 bytes out for each."""
        count &= 0xFFFFFFFF
        if not count:
            return EINVAL
        try:
            for index in range(count):
                userdata = self.read(subscriptions + 48 * index, 8)
                kind = self.read(subscriptions + 48 * index + 8, 1)
                event = userdata + bytes(2) + kind + bytes(21)
                self.write(events + 32 * index, event)
            self.write(stored, count.to_bytes(4, "little"))
        except IndexError:
            return EFAULT
        return SUCCESS

    def _clock_time_get(self, clock: int, precision: int, time: int) -> int:
        del precision
        if clock not in self._clocks:
            return EINVAL
        try:
            self.write(time, self._clocks[clock].to_bytes(8, "little"))
        except IndexError:
            return EFAULT
        self._clocks[clock] += TICK
        return SUCCESS

    def _proc_exit(self, code: int) -> None:
        raise GuestExit(code & 0xFFFFFFFF)

    # -- the call protocol

    def call(self, function: str, question: bytes) -> Call:
        """Calls a label function as the ABI says, with up to three attempts."""
        self._call = record = Call(function, question)
        self._budget = BACKEND_CALLS
        try:
            if self._poison is not None:
                raise GuardFailure("poisoned: " + self._poison)
            if len(question) > MAX_INPUT:
                raise GuardFailure("input too large: %d" % len(question))
            record.result = self._attempts(record)
        except GuardFailure as failure:
            record.error = str(failure)
        except GuestExit as stop:
            record.error = str(stop)
            if stop.code:
                self._poison = record.error
        except wasmtime.Trap as trap:
            record.error = "trap %s" % (trap.trap_code.name if trap.trap_code else "unknown")
            self._poison = record.error
        record.pages = self._memory.size(self._store)
        return record

    def _attempts(self, record: Call) -> bytes:
        size = FIRST_OUTPUT
        for _ in range(ATTEMPTS):
            result, hint = self._attempt(record, size)
            if result is not None:
                return result
            size = hint or 2 * size
            if size > MAX_OUTPUT:
                raise GuardFailure("needs %d bytes of output, at most %d" % (size, MAX_OUTPUT))
        raise GuardFailure("no result in %d attempts" % ATTEMPTS)

    def _alloc(self, record: Call, size: int) -> int:
        ptr = self._invoke("alloc", size)
        if ptr is None:
            raise GuardFailure("alloc returned nothing")
        record.allocs.append(ptr & 0xFFFFFFFF)
        if not ptr:
            raise GuardFailure("alloc returned 0")
        return int(ptr) & 0xFFFFFFFF

    def _dealloc(self, ptr: int, size: int) -> None:
        """Gives memory back; a failure of that is nobody's business."""
        try:
            if ptr and size:
                self._invoke("dealloc", ptr, size)
        except (wasmtime.Trap, GuestExit):
            pass

    def _attempt(self, record: Call, size: int) -> tuple[bytes | None, int]:
        """The result, or None and the hint at the size needed (0 for no hint)."""
        in_ptr = self._alloc(record, len(record.question))
        out_ptr = 0
        try:
            out_ptr = self._alloc(record, size)
            attempt = Attempt(in_ptr, out_ptr, size)
            record.attempts.append(attempt)
            try:
                self.write(in_ptr, record.question)
                # A guard that gives no hint must not seem to give one.
                self.write(out_ptr, bytes(min(4, size)))
            except IndexError:
                raise GuardFailure("alloc returned memory out of bounds") from None
            returned = self._invoke(
                record.function, in_ptr, len(record.question), out_ptr, size
            )
            if returned is None:
                raise GuardFailure("no results")
            attempt.returned = returned
            return self._output(out_ptr, size, returned)
        finally:
            self._dealloc(out_ptr, size)
            self._dealloc(in_ptr, len(record.question))

    def _output(self, out_ptr: int, size: int, returned: int) -> tuple[bytes | None, int]:
        try:
            if returned >= 0:
                return self.read(out_ptr, returned), 0
            if returned == -2:
                return None, self._read_u32(out_ptr) if size >= 4 else 0
        except IndexError:
            raise GuardFailure("output out of bounds") from None
        raise GuardFailure("error code %d" % returned)


# -- payload cases -------------------------------------------------------------------


def questions(case: dict[str, Any]) -> list[bytes]:
    """The inputs of the three label functions that a payload case stands for."""
    tool = {"tool_args": case.get("tool_args", {}), "tool_name": case["tool_name"]}
    answered = dict(tool, tool_result=case.get("tool_result"))
    return [encode(case["policy"]), encode(tool), encode(answered)]


def run_case(wasm: bytes, case: dict[str, Any]) -> Transcript:
    """Loads a guard and asks it the three questions of a payload case."""
    try:
        host = Host(wasm, case.get("backend"))
    except (GuardFailure, GuestExit, wasmtime.WasmtimeError) as failure:
        return Transcript(error=str(failure))
    pairs = zip(FUNCTIONS, questions(case))
    return Transcript([host.call(function, question) for function, question in pairs])


def _shown(value: bytes | None) -> Any:
    """Bytes in JSON: as text if they are, else as hexadecimal digits."""
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def to_json(transcript: Transcript) -> dict[str, Any]:
    """The transcript as plain values."""
    calls = []
    for call in transcript.calls:
        calls.append(
            {
                "function": call.function,
                "question": _shown(call.question),
                "result": _shown(call.result),
                "error": call.error,
                "attempts": [vars(attempt) for attempt in call.attempts],
                "backend": [
                    {
                        "name": _shown(asked.name),
                        "args": _shown(asked.args),
                        "size": asked.size,
                        "answer": _shown(asked.answer),
                        "returned": asked.returned,
                    }
                    for asked in call.backend
                ],
                "logs": [[level, _shown(text)] for level, text in call.logs],
                "output": [[fd, _shown(text)] for fd, text in call.output],
                "allocs": call.allocs,
                "pages": call.pages,
            }
        )
    return {"error": transcript.error, "calls": calls}


def main(arguments: list[str]) -> int:
    """Prints the transcript of one guard and one payload case."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    case = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    transcript = run_case(Path(arguments[0]).read_bytes(), case)
    print(json.dumps(to_json(transcript), indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
