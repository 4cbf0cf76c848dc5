"""Runs a fuzz target with atheris: ``python tests/fuzz/run.py TARGET FOLDER [SECONDS] [SUITE]``.

What belongs here: the engine, the corpus on disk, and the log of findings.
What does not: the targets themselves.

atheris is no dependency of the project; install it beside (``pip install
atheris``, CPython 3.11 or newer).  FOLDER gets ``corpus/``, ``findings/`` (one
file per distinct finding, with its traceback) and ``log.json`` (seed, counts).
A finding does not end the run.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys
import time
import traceback

import atheris

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["wasmpy", "hostabi"]):
    import hostabi.policy  # noqa: F401, I001
    import hostabi.responses  # noqa: F401
    import wasmpy.api.module  # noqa: F401
    import wasmpy.binary.encode
    import wasmpy.text.script
    import wasmpy.valid.module  # noqa: F401

    from tests.fuzz import targets

SEED = 20261121
LONGEST = 8192


class Run:
    """A run of one target: what it did so far."""

    def __init__(self, target: str, folder: pathlib.Path, seconds: int) -> None:
        self.target = target
        self.folder = folder
        self.seconds = seconds
        self.executions = 0
        self.slowest = 0.0
        self.findings: set[str] = set()
        self.start = self.noted = time.time()

    def one(self, data: bytes) -> None:
        """Give one input to the target."""
        self.executions += 1
        before = time.process_time()
        try:
            targets.timed(data, targets.TARGETS[self.target])
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self.note(data, error)
        self.slowest = max(self.slowest, time.process_time() - before)
        if time.time() - self.noted > 30:
            self.write()

    def note(self, data: bytes, error: BaseException) -> None:
        """Keep a finding, the first of its kind."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        key = f"{type(error).__name__}-{pathlib.Path(last.filename).name}-{last.lineno}"
        if key in self.findings:
            return
        self.findings.add(key)
        stem = self.folder / "findings" / f"{key}-{hashlib.sha256(data).hexdigest()[:8]}"
        stem.with_suffix(".input").write_bytes(data)
        stem.with_suffix(".txt").write_text("".join(traceback.format_exception(error)))
        self.write()

    def write(self) -> None:
        """Write the log as it is now."""
        self.noted = time.time()
        log = {
            "target": self.target, "seed": SEED, "longest input": LONGEST,
            "python": sys.version.split()[0], "seconds": round(self.noted - self.start),
            "executions": self.executions, "slowest": round(self.slowest, 3),
            "findings": sorted(self.findings),
        }
        (self.folder / "log.json").write_text(json.dumps(log, indent=1) + "\n")


def main(arguments: list[str]) -> None:
    """Fill the corpus and run."""
    target, folder = arguments[0], pathlib.Path(arguments[1])
    seconds = int(arguments[2]) if len(arguments) > 2 else 3600
    suite = pathlib.Path(arguments[3]) if len(arguments) > 3 else ROOT.parent / "shared/spec-testsuite"
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    (folder / "findings").mkdir(exist_ok=True)
    scripts = sorted(suite.rglob("*.wast")) + sorted((ROOT / "spec-tests/scripts").glob("*.wast"))
    for data in targets.seeds(target, scripts, 2048):
        (corpus / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
    words = folder / "words"
    escaped = [w.replace("\\", "\\\\").replace('"', '\\"') for w in targets.words()]
    words.write_text("".join(f'"{w}"\n' for w in escaped))
    run = Run(target, folder, seconds)
    run.write()
    options = [sys.argv[0], f"-seed={SEED}", f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=60"]
    if target == "text":
        options.append(f"-dict={words}")
    atheris.Setup([*options, str(corpus)], run.one)
    try:
        atheris.Fuzz()
    finally:
        run.write()


if __name__ == "__main__":
    main(sys.argv[1:])
