"""The processes of the engines: which interpreter, how to start, ask and end them.

An engine is written ``name`` or ``name@interpreter``. What does not belong here: what is
asked; see ``work`` for the other side.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Type

from benchmarks import engines
from benchmarks.harness.figures import Row, order

ROOT = Path(__file__).resolve().parents[2]

_ASK = (
    "import json, platform as p, sys, sysconfig; print(json.dumps([sys.executable, "
    "p.python_implementation(), p.python_version(), sysconfig.get_paths()['purelib'], "
    "getattr(sys, 'pypy_version_info', [])[:3]]))"
)


class Interpreter(NamedTuple):
    """A Python: its own program, past every shim and link; where its packages are."""

    program: str
    packages: str
    version: str
    compiles: bool  # has a JIT, and so wants a longer warm-up

    def environment(self, *, packages: bool = True) -> Dict[str, str]:
        """The environment in which this tree, and the packages if wanted, are found."""
        found = [str(ROOT)] + ([self.packages] if packages else [])
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "WASMPY"))}
        return dict(kept, PYTHONPATH=os.pathsep.join(found))


_known: Dict[str, Interpreter] = {}


def interpreter(name: str = sys.executable) -> Interpreter:
    """The interpreter of that name or path. Raises: SystemExit if it does not run."""
    if name not in _known:
        try:
            done = subprocess.run([name, "-c", _ASK], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit("no interpreter %s: %s" % (name, error)) from error
        program, kind, version, packages, pypy = json.loads(done.stdout)
        shown = "%s %s" % (kind, version)
        if pypy:
            shown = "PyPy %s (Python %s)" % (".".join(map(str, pypy)), version)
        _known[name] = Interpreter(str(Path(program).resolve()), packages, shown, bool(pypy))
    return _known[name]


class Subject(NamedTuple):
    """An engine under an interpreter (None for one that needs no Python)."""

    label: str
    engine: str
    python: Optional[Interpreter]

    @property
    def compiles(self) -> bool:
        """Whether it compiles while it runs, and so wants to be warm."""
        return self.python is None or self.python.compiles


def subjects(names: Sequence[str], other: Optional[str]) -> List[Subject]:
    """The engines of that name; wasmpy's under the ``other`` interpreter if there is one."""
    found = []
    for label in names:
        name, _, python = label.partition("@")
        if name not in engines.NAMES:
            raise SystemExit("no engine %s; there are %s" % (name, ", ".join(engines.NAMES)))
        if name in engines.PROGRAMS:
            found.append(Subject(label, name, None))
            continue
        if not python and other and name.startswith("wasmpy"):
            python = other
        found.append(Subject(label, name, interpreter(python) if python else interpreter()))
    return found


class Worker:
    """The process of one subject."""

    def __init__(self, subject: Subject, timeout: float) -> None:
        self.subject = subject
        self.missing: Optional[Row] = None
        self._timeout = timeout
        self._rest = b""
        self._process: Any = None
        command, environment = self._command()
        if command:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if not sys.stderr.isatty() else None, cwd=str(ROOT),
            )

    def _command(self) -> Tuple[List[str], Dict[str, str]]:
        python = self.subject.python
        if python is not None:
            return [python.program, "-m", "benchmarks.harness.work"], python.environment()
        program, script = engines.PROGRAMS[self.subject.engine]
        found = shutil.which(program)
        if found is None:
            self.missing = {"error": "not available: no program %s" % program, "missing": True}
            return [], {}
        path = ROOT / "benchmarks" / "engines" / script
        return [str(Path(found).resolve()), str(path)], dict(os.environ)

    def ask(self, job: Row) -> Row:
        """The answer to a job; an ``error`` if there is none in time."""
        if self.missing:
            return self.missing
        if self._process is None or self._process.poll() is not None:
            return {"error": "has ended"}
        job = dict(job, engine=self.subject.engine)
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
            line = self._line(time.monotonic() + self._timeout)
        except BrokenPipeError:
            line = b""
        except TimeoutError:
            self.close()
            return {"error": "no result within %d s" % self._timeout}
        if not line:
            return {"error": "ended with code %s: %s" % (self._process.wait(), self._last_words())}
        answer: Row = json.loads(line)
        return answer

    def _line(self, until: float) -> bytes:
        stream = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            ready, _, _ = select.select([stream], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(stream, 1 << 20)
            if not piece:
                return b""
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _last_words(self) -> str:
        if self._process.stderr is None:
            return "see above"
        lines = self._process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no output"

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._process is not None:
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()


def say(text: str) -> None:
    """What is going on, on a terminal only; an empty text wipes it."""
    if sys.stderr.isatty():
        print("\r\033[K" + text, end="", file=sys.stderr, flush=True)


def alternate(workers: List[Worker], rows: List[Row], rounds: int, what: str) -> List[List[Row]]:
    """Measures all workers in turn, round by round; the answers of each.

    A row with an ``error`` is passed over, and gets one if its worker fails.
    """
    answers: List[List[Row]] = [[] for _ in workers]
    for turn in range(rounds):
        for index in order(len(workers), turn):
            if rows[index].get("error"):
                continue
            say("%s: %s, round %d of %d" % (what, workers[index].subject.label, turn + 1, rounds))
            answer = workers[index].ask({"do": "measure"})
            if answer.get("error"):
                rows[index].update(answer)
            else:
                answers[index].append(answer)
    say("")
    return answers
