"""The process of one engine: jobs on standard input, answers on standard output.

Started by ``workers``; a job and an answer are one JSON line each. ``kernel`` and ``guard``
set something up and warm it up; ``measure`` then runs it once more, whenever the harness
says so, so that several engines can take turns. ``first`` runs a guard from the start.
Times are the processor time of the process. ``engines/v8.js`` answers the same jobs.

What does not belong here: which engines, in which order, and what the answers mean.
"""

import importlib
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from benchmarks import engines, guard_driver, wasmfile
from benchmarks.engines.base import Missing
from benchmarks.harness.figures import Row, settled

ROOT = Path(__file__).resolve().parents[2]

#: A measurement takes at least so many seconds: what is shorter is repeated.
SHORTEST = 0.2

#: A time of a warm-up that waits for a compiler takes at least so many seconds.
SAMPLE = 0.01


def timed(action: Callable[..., Any], *arguments: Any) -> Tuple[float, Any]:
    """Processor time of an action, in seconds, and its result."""
    begin = time.process_time()
    result = action(*arguments)
    return time.process_time() - begin, result


def peak_memory() -> Optional[int]:
    """The most memory this process has had, in KiB; of this program, not of what started it."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    resource = importlib.import_module("resource")
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


class Wrong(Exception):
    """A result that is not the recorded one."""


class KernelWork:
    """A kernel at the size that suits the engine."""

    def __init__(self, engine: Any, job: Row) -> None:
        kernel = job["kernel"]
        wasm = (ROOT / "benchmarks" / "kernels" / kernel["file"]).read_bytes()
        self._instance = engine.instantiate(engine.prepare(wasm), {})
        self._size: Row = {}
        self._calls = 1
        self.answer = self._warm_up(job, sorted(kernel["sizes"].items(), key=lambda s: s[1]["n"]))

    def _once(self) -> float:
        """Seconds of one call."""
        n, expected = self._size["n"], self._size["result"]
        if hasattr(self._instance, "timed_run"):
            seconds, result = self._instance.timed_run(n, expected)
        else:
            seconds, result = timed(self._instance.call, "run", n)
        if result != expected:
            raise Wrong("run(%d) is %r, not %r" % (n, result, expected))
        return float(seconds)

    def _sample(self) -> float:
        """Seconds of a call; short ones are taken together, for the sake of the clock."""
        total, calls = 0.0, 0
        while total < SAMPLE:
            total += self._once()
            calls += 1
        return total / calls

    def _settle(self, seconds: float) -> List[float]:
        """Calls until the times have settled or so many seconds are over; at least once."""
        until = time.process_time() + seconds
        times = [self._sample() if seconds else self._once()]
        while time.process_time() < until and not settled(times):
            times.append(self._sample())
        return times

    def _warm_up(self, job: Row, sizes: List[Tuple[str, Row]]) -> Row:
        """Goes on to larger sizes while one call is expected to stay within the budget."""
        if job["size"]:
            sizes = [(name, size) for name, size in sizes if name == job["size"]]
        chosen, times = "", [0.0]
        for name, size in sizes:
            if chosen:
                growth = size["instructions"] / self._size["instructions"]
                if min(times) * growth > job["budget"]:
                    break
            chosen, self._size = name, size
            times = self._settle(job["settle"])
        self._calls = max(1, math.ceil(SHORTEST / max(min(times), 1e-7)))
        return {"size": chosen, "n": self._size["n"], "calls": self._calls,
                "instructions": self._size["instructions"], "settled": settled(times),
                "warm_up": len(times)}

    def measure(self) -> Row:
        """Seconds per call."""
        return {"seconds": sum(self._once() for _ in range(self._calls)) / self._calls}


class GuardWork:
    """A guard in one instance, asked about several payload cases in a row."""

    def __init__(self, engine: Any, job: Row) -> None:
        wasm = Path(job["guard"]).read_bytes()
        names = wasmfile.imports(wasm)
        counting = job.get("counting", False)
        if counting:
            module = importlib.import_module("benchmarks.counting")
            wasm = module.counting_module(wasm, shared=True)
        self._cases = [json.loads(Path(p).read_text(encoding="utf-8")) for p in job["payloads"]]
        self._questions = [guard_driver.inputs(case) for case in self._cases]
        self._host = guard_driver.GuardHost(self._cases[0])
        self._counting = counting
        load, prepared = timed(engine.prepare, wasm)
        begin, self._instance = timed(
            lambda: engine.instantiate(prepared, self._host.imports(names)))
        if self._instance.has("_initialize"):
            begin += timed(self._instance.call, "_initialize")[0]
        self.answer: Row = {"load": load, "instantiate": begin}
        self._warm_up(job.get("rounds", 0), job.get("settle", 0.0))

    def _warm_up(self, rounds: int, seconds: float) -> None:
        """At least so many rounds, then more until times settle or the seconds are over."""
        times: List[float] = []
        while len(times) < rounds or (sum(times) < seconds and not settled(times)):
            times.append(timed(self.measure)[0])
        self.answer.update(warm_up=len(times), settled=settled(times))

    def _count(self) -> int:
        return int(self._instance.global_value("count")) if self._counting else 0

    def measure(self) -> Row:
        """One round: of each payload and function the seconds, or the instructions if they
        are counted; of each payload a digest of the answers.
        """
        figures: List[List[float]] = []
        digests: List[str] = []
        for case, questions in zip(self._cases, self._questions):
            self._host.take(case)
            mine: List[float] = []
            answers: List[bytes] = []
            for function, question in zip(guard_driver.FUNCTIONS, questions):
                before = self._count()
                seconds, answer = timed(guard_driver.ask, self._instance, function, question)
                mine.append(self._count() - before if self._counting else seconds)
                answers.append(answer)
            figures.append(mine)
            digests.append(guard_driver.digest(answers))
        return {"figures": figures, "digests": digests, "memory": peak_memory()}


class LoadWork:
    """Decoding, validating, and whatever else an engine does before it can run."""

    def __init__(self, engine: Any, job: Row) -> None:
        self._engine, self._wasm = engine, Path(job["guard"]).read_bytes()
        engine.prepare(self._wasm)
        self.answer: Row = {"instructions": job["instructions"]}

    def measure(self) -> Row:
        """Seconds of one preparation."""
        return {"seconds": timed(self._engine.prepare, self._wasm)[0]}


class ColdWork:
    """The first call of an instance of a module that is new each time, unless it is known."""

    def __init__(self, engine: Any, job: Row) -> None:
        self._engine, self._n, self._times = engine, job["n"], job.get("times", 1)
        self._wasm = Path(job["wasm"]).read_bytes()
        self._known = engine.prepare(self._wasm) if job.get("known") else None
        self._again = job.get("again", False)
        self._instance: Any = None
        self.answer: Row = {"result": self._first()}

    def _first(self) -> int:
        if self._instance is None or not self._again:
            module = self._known
            if module is None:
                module = self._engine.prepare(_unheard_of(self._wasm))
            self._instance = self._engine.instantiate(module, {})
        return int(self._instance.call("run", self._n))

    def measure(self) -> Row:
        """Seconds of one first call, with all that comes before it."""
        seconds = sum(timed(self._first)[0] for _ in range(self._times))
        return {"seconds": seconds / self._times}


def _unheard_of(wasm: bytes) -> bytes:
    """The module with a custom section that no other has."""
    return wasm + b"\x00\x12\x01x" + os.urandom(16)


class StopWork:
    """A function that runs for ever, told to end at several moments."""

    def __init__(self, engine: Any, job: Row) -> None:
        self._engine, self._how = engine, job["how"]
        self._function, self._moments = job["function"], job["moments"]
        self._wasm = Path(job["wasm"]).read_bytes()
        self._compiles = job["compiles"]
        self._instance = None if self._compiles else self._made()
        self.answer: Row = {}

    def _made(self) -> Any:
        return self._engine.instantiate(self._engine.prepare(_unheard_of(self._wasm)), {})

    def measure(self) -> Row:
        """How late it was at each moment, in seconds."""
        late = []
        for moment in self._moments:
            # What is to be compiled must not have been.
            instance = self._instance or self._made()
            late.append(instance.late(self._function, moment, self._how))
        return {"late": late}


class WaitWork:
    """A guest that waits for what never comes, told to end at several moments."""

    def __init__(self, engine: Any, job: Row) -> None:
        waits = importlib.import_module("benchmarks.harness.waits")
        self._how, self._moments = job["how"], job["moments"]
        self._outside = waits.Outside(job["what"])
        module = engine.prepare(Path(job["wasm"]).read_bytes())
        self._instance = engine.over_wasi(module, self._outside.config)
        self._outside.connect(lambda: self._instance.call("accept"))
        self.answer: Row = {}

    def measure(self) -> Row:
        """How late it was at each moment, in seconds."""
        function = self._outside.function
        return {"late": [self._instance.late(function, m, self._how) for m in self._moments]}

    def close(self) -> None:
        """Close what the guest waits for."""
        self._outside.close()


class MemoryWork:
    """The guard's instances: made, reset after a label, grown when much was written."""

    TIMES = 10

    def __init__(self, engine: Any, job: Row) -> None:
        wasm = Path(job["guard"]).read_bytes()
        self._engine, self._module = engine, engine.prepare(wasm)
        self._names = wasmfile.imports(wasm)
        self._case = json.loads(Path(job["payload"]).read_text(encoding="utf-8"))
        self._question = guard_driver.inputs(self._case)[0]
        self.answer: Row = {}
        self.measure()

    def _instance(self) -> Any:
        host = guard_driver.GuardHost(self._case)
        return self._engine.instantiate(self._module, host.imports(self._names))

    def measure(self) -> Row:
        """Seconds of each, several times."""
        found: Dict[str, List[float]] = {"instantiate": [], "reset after label_agent": [],
                                         "grow 32 MiB that are written by 64 KiB": []}
        instantiate, reset, grow = found.values()
        for _ in range(self.TIMES):
            seconds, instance = timed(self._instance)
            instantiate.append(seconds)
            guard_driver.ask(instance, guard_driver.FUNCTIONS[0], self._question)
            reset.append(timed(instance.reset)[0])
            pages = instance.pages()
            instance.grow(512 - pages)
            instance.write(0, b"\1" * (512 << 16))
            grow.append(timed(instance.grow, 1)[0])
        return {"times": found}


WORK: Dict[str, Callable[[Any, Row], Any]] = {
    "kernel": KernelWork,
    "guard": GuardWork,
    "load": LoadWork,
    "cold": ColdWork,
    "stop": StopWork,
    "wait": WaitWork,
    "memory": MemoryWork,
}


def answer(state: Dict[str, Any], job: Row) -> Row:
    """The answer to one job."""
    try:
        if job["do"] == "measure":
            return dict(state["work"].measure())
        engine = engines.engine(job["engine"])
        work = state["work"] = WORK[job["do"]](engine, job)
        return dict(work.answer, version=engine.version())
    except (ImportError, Missing) as error:
        return {"error": "not available: %s" % error, "missing": True}
    except Exception as error:  # whatever an engine does, the others go on
        return {"error": "%s: %s" % (type(error).__name__, error)}


def main() -> None:
    """Answers until there is no more input."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what an engine prints is no answer
    state: Dict[str, Any] = {}
    for line in sys.stdin:
        answers.write(json.dumps(answer(state, json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
