"""Runs the programs beside here, in this runtime and in others, in the same little world.

What belongs here: the files a program finds, what it is started with, and each
way to run it.  What does not: what is expected (``programs/manifest.json``, and
the table in ``test_wasi_programs``).

A program finds two directories, ``/`` and ``/other``.  In ``/`` are
``hello.txt``, ``digits.txt``, ``tree``, and links that lead out: to a file and a
directory that lie beside the directory, by relative and by absolute path, and
one to a name out there that does not exist.  Whatever a program does, the
directory ``outside`` and the sibling ``root-sibling`` stay as they are.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
ROOT = HERE.parents[1]
LANGUAGES = ("c", "libc", "rust", "assemblyscript")

FILES: Dict[str, bytes] = {
    "hello.txt": b"hello, file\n",
    "digits.txt": b"0123456789",
    "tree/file-0": b"zero",
    "tree/file-1": b"one",
    "tree/sub/deep.txt": b"deep",
}
OUTSIDE: Dict[str, bytes] = {
    "outside/secret.txt": b"secret",
    "outside/empty/.keep": b"",
    "root-sibling/secret.txt": b"secret",
}
LINKS: Dict[str, str] = {
    "out-rel": "../outside/secret.txt",
    "out-dir": "../outside",
    "out-new": "../outside/new",
    "out-chain": "out-rel",
}
_FAIL = re.compile(rb"^FAIL (.*): got (\d+)$", re.MULTILINE)


class Settings(NamedTuple):
    """What a program is started with, and what it answers."""

    args: List[str]
    env: Dict[str, str]
    stdin: bytes
    stdout: Optional[bytes]
    exit: int
    listen: bool
    not_in: List[str]
    why: str


class Outcome(NamedTuple):
    """How a program ended: its code (None where it did not end by itself), and its failed checks."""

    code: Optional[int]
    stdout: bytes
    failures: List[Tuple[str, int]]
    stderr: bytes
    note: str = ""


def programs() -> List[Path]:
    """All binaries, by language and name."""
    return [p for language in LANGUAGES for p in sorted((PROGRAMS / language).glob("*.wasm"))]


def name_of(binary: Path) -> str:
    return f"{binary.parent.name}/{binary.stem}"


def settings(binary: Path) -> Settings:
    """What the manifest says of a program: nothing where all is as usual."""
    manifest: Dict[str, Dict[str, Any]] = json.loads((PROGRAMS / "manifest.json").read_text("utf-8"))
    own = manifest.get(name_of(binary), {})
    stdout = own.get("stdout", "")
    return Settings(
        own.get("args", [binary.stem]), own.get("env", {}), own.get("stdin", "").encode(),
        None if stdout is None else stdout.encode("latin-1"), own.get("exit", 0), own.get("listen", False),
        own.get("not_in", []), own.get("why", ""),
    )  # fmt: skip


class World:
    """The directories of one run, and whether what lies outside is as it was."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "root"
        self.other = base / "other"
        for directory in (self.root, self.other):
            directory.mkdir(parents=True)
        for name, content in FILES.items():
            _put(self.root / name, content)
        for name, content in OUTSIDE.items():
            _put(base / name, content)
        for name, target in self.links().items():
            os.symlink(target, self.root / name)
        self._before = self.outside()

    def links(self) -> Dict[str, str]:
        return {**LINKS, "out-abs": str(self.base / "outside" / "secret.txt")}

    def outside(self) -> Dict[str, bytes]:
        """Everything that no program may touch, with its content."""
        found: Dict[str, bytes] = {}
        for path in sorted(self.base.rglob("*")):
            name = str(path.relative_to(self.base))
            if name.split(os.sep)[0] not in ("root", "other"):
                found[name] = path.read_bytes() if path.is_file() else b""
        return found

    def is_untouched(self) -> bool:
        """Whether nothing outside has changed, come or gone, nor can anything outside be seen inside."""
        return self.outside() == self._before


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _outcome(code: Optional[int], stdout: bytes, stderr: bytes, note: str = "") -> Outcome:
    failures = [(label.decode(), int(got)) for label, got in _FAIL.findall(stderr)]
    return Outcome(code, stdout, failures, stderr, note)


# Other engines -------------------------------------------------------------------


def node() -> Optional[str]:
    return os.environ.get("NODE") or shutil.which("node")


def under_node(binary: Path, world: World) -> Outcome:
    own = settings(binary)
    document = {
        "module": str(binary), "args": own.args, "env": own.env,
        "preopens": {"/": str(world.root), "/other": str(world.other)},
    }  # fmt: skip
    command = [
        node() or "node", "--no-warnings", str(PROGRAMS / "run_in_node.mjs"), json.dumps(document),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, input=own.stdin, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired as late:
        return _outcome(None, late.stdout or b"", late.stderr or b"", "never ends")
    trapped = b"\nRuntimeError: " in done.stderr
    return _outcome(None if trapped else done.returncode, done.stdout, done.stderr)


def under_wasmtime(binary: Path, world: World) -> Outcome:
    import wasmtime

    own = settings(binary)
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    config = wasmtime.WasiConfig()
    config.argv = own.args
    config.env = list(own.env.items())
    (world.base / "stdin").write_bytes(own.stdin)
    config.stdin_file = str(world.base / "stdin")
    config.stdout_file = str(world.base / "stdout")
    config.stderr_file = str(world.base / "stderr")
    config.preopen_dir(str(world.root), "/")
    config.preopen_dir(str(world.other), "/other")
    store.set_wasi(config)
    instance = linker.instantiate(store, wasmtime.Module(engine, binary.read_bytes()))
    code: Optional[int] = 0
    note = ""
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as ended:
        code = ended.code
    except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
        code, note = None, str(error)
    found = [(world.base / name).read_bytes() for name in ("stdout", "stderr")]
    for name in ("stdin", "stdout", "stderr"):
        (world.base / name).unlink()
    return _outcome(code, found[0], found[1], note)


# This runtime --------------------------------------------------------------------


def file_systems(world: World, kind: str) -> Dict[str, Any]:
    """The two directories as a file system of ``kind``: memory, host, or overlay (over the host's)."""
    from wasi.fs import HostFileSystem, MemoryFileSystem, OverlayFileSystem

    if kind == "host":
        return {"/": str(world.root), "/other": str(world.other)}
    if kind == "overlay":
        return {
            "/": OverlayFileSystem(HostFileSystem(str(world.root))),
            "/other": OverlayFileSystem(HostFileSystem(str(world.other))),
        }
    memory = MemoryFileSystem(dict(FILES))
    with memory.root() as root:
        for name, target in world.links().items():
            root.make_symlink(name.encode(), target.encode())
    return {"/": memory, "/other": MemoryFileSystem()}


def configured(binary: Path, world: World, kind: str, **fields: Any) -> Any:
    """The configuration of a program here, with its own streams."""
    from wasi import WasiConfig

    own = settings(binary)
    return WasiConfig(
        argv=own.args, env=own.env, stdin=own.stdin, preopens=file_systems(world, kind), **fields
    )


def under_wasmpy(
    binary: Path, world: World, kind: str = "memory", **fields: Any
) -> Outcome:
    import wasmpy

    streams: Dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    given = {name: into.extend for name, into in streams.items()}
    config = configured(binary, world, kind, **{**given, **fields})
    linker = wasmpy.Linker()
    wasi = linker.define_wasi(config)
    code: Optional[int] = 0
    note = ""
    try:
        guest = linker.instantiate(wasmpy.Module(binary.read_bytes()))
        guest.exports["_start"]()
    except wasmpy.WasiExit as ended:
        code = ended.code
    except wasmpy.WasmTrap as trap:
        code, note = None, str(trap)
    finally:
        wasi.close()
    return _outcome(code, bytes(streams["stdout"]), bytes(streams["stderr"]), note)


def command_line(binary: Path, world: World) -> List[str]:
    """The arguments of ``wasmpy`` that run a program; it is called by its name without suffix."""
    own = settings(binary)
    program = world.base / binary.stem
    shutil.copyfile(binary, program)
    command = ["run", "--dir", f"{world.root}::/", "--dir", f"{world.other}::/other"]
    for name, value in own.env.items():
        command += ["--env", f"{name}={value}"]
    return [*command, str(program), "--", *own.args[1:]]


def under_command_line(binary: Path, world: World) -> Outcome:
    """In a process of its own."""
    command = [sys.executable, "-m", "wasmpy", *command_line(binary, world)]
    done = subprocess.run(
        command, cwd=str(ROOT), input=settings(binary).stdin, capture_output=True, timeout=300, check=False
    )  # fmt: skip
    (world.base / binary.stem).unlink()
    return _outcome(done.returncode, done.stdout, done.stderr)


def converse(address: Tuple[Any, ...], lines: List[bytes]) -> List[bytes]:
    """Connect once for each line, say it, and hear what comes back until the other end is done."""
    heard = []
    for line in lines:
        with socket.create_connection(address[:2], timeout=30) as client:
            client.sendall(line)
            answer = b""
            while True:
                part = client.recv(100)
                if not part:
                    break
                answer += part
            heard.append(answer)
    return heard
