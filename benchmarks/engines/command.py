"""Adapter for engines that are programs: one process for each run of a kernel.

The kernel is given a ``_start`` that calls ``run`` and traps if the result is not the
recorded one, so that nothing has to be passed or read. Its time is the processor time of
the process, less that of the same module with a ``_start`` that does nothing: starting,
decoding and compiling do not count. Only kernels run this way: a guard needs a host.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, List, Tuple

from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Export, Expr, Func
from wasmpy.syntax.types import FuncType

from .base import Imports, Missing

#: Empty runs of which the fastest is subtracted.
EMPTY_RUNS = 5


def _with_start(wasm: bytes, ops: List[str], imms: List[Any]) -> bytes:
    """The module with a ``_start`` of these instructions."""
    module = decode_module(wasm)
    module.types.append(FuncType((), ()))
    index = len(module.functypes())
    body = Expr([op_of(op) for op in (*ops, "end")], [*imms, None])
    module.funcs.append(Func(len(module.types) - 1, [], body))
    module.exports.append(Export("_start", "func", index))
    return encode_module(module)


def command_module(wasm: bytes, n: int, expected: int) -> bytes:
    """The kernel as a command that traps unless ``run(n)`` is what is expected."""
    (run,) = [e.index for e in decode_module(wasm).exports if e.name == "run"]
    ops = ["i32.const", "call", "i32.const", "i32.ne", "if", "unreachable", "end"]
    return _with_start(wasm, ops, [n & 0xFFFFFFFF, run, expected & 0xFFFFFFFF, None, None, None, None])


def empty_module(wasm: bytes) -> bytes:
    """The kernel as a command that does nothing."""
    return _with_start(wasm, [], [])


class Instance:
    """A kernel in a folder of its own."""

    def __init__(self, words: List[str], wasm: bytes) -> None:
        self._words = words
        self._wasm = wasm
        self._folder = tempfile.TemporaryDirectory()
        self._made: Any = None
        path = self._write("empty.wasm", empty_module(wasm))
        self._empty = min(self._seconds(path) for _ in range(EMPTY_RUNS))

    def _write(self, name: str, wasm: bytes) -> Path:
        path = Path(self._folder.name) / name
        path.write_bytes(wasm)
        return path

    def _seconds(self, path: Path) -> float:
        """Processor time of the program on that module. Raises: RuntimeError if it fails."""
        words = [word.replace("{wasm}", str(path)) for word in self._words]
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert child.stderr is not None
        said = child.stderr.read().decode("utf-8", "replace")
        child.stderr.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = status
        if status:
            lines = said.strip().splitlines() or ["nothing said"]
            raise RuntimeError("the program has failed: %s" % lines[-1])
        return used.ru_utime + used.ru_stime

    def timed_run(self, n: int, expected: int) -> Tuple[float, int]:
        """Seconds of ``run(n)`` and its result, which the program has checked."""
        if self._made is None or self._made[0] != n:
            made = command_module(self._wasm, n, expected)
            self._made = (n, self._write("kernel.wasm", made))
        return max(self._seconds(self._made[1]) - self._empty, 1e-9), expected


class Engine:
    """A program that runs a module's ``_start``."""

    def __init__(self, words: List[str], version: List[str]) -> None:
        if shutil.which(words[0]) is None:
            raise Missing("no program %s" % words[0])
        self._words, self._version = words, version

    def version(self) -> str:
        """The first line of what the program says of itself."""
        done = subprocess.run(self._version, capture_output=True, text=True, check=False)
        return ((done.stdout or done.stderr).strip().splitlines() or ["unknown"])[0]

    def prepare(self, wasm: bytes) -> bytes:
        """The binary itself."""
        return wasm

    def instantiate(self, module: bytes, imports: Imports) -> Instance:
        """A kernel that is ready to run."""
        if imports:
            raise Missing("a program gives a guard no host")
        return Instance(self._words, module)


engine = Engine
