"""Many threads over few guards, with traps, timeouts, cancellations and changes of policy.

``WASMPY_STRESS_SECONDS`` says how long each pool is driven (2 if it is not
set); the figures are printed (``pytest -s``).

What is looked at: every call ends; its answer is its own, from an instance
that was given the policy asked for and no other; a call that names no policy
is never answered under one that was certainly replaced before it began; and
what fails, fails in the way that was asked for.
"""

from __future__ import annotations

import bisect
import collections
import itertools
import os
import random
import signal
import threading
import time
from typing import Any, Callable, Counter, Dict, List, Tuple

import pytest

from hostabi import GuardPool, ProcessPool
from hostabi.errors import (
    GuardCallError,
    GuardCancelled,
    GuardExit,
    GuardExitZero,
    GuardPoolTimeout,
    GuardTimeout,
    GuardTrap,
    GuardWorkerLost,
)
from hostabi.pooling import Pool
from tests.hostabi.wat import ask, module, policy_of, tagged_wat

SECONDS = float(os.environ.get("WASMPY_STRESS_SECONDS", "2"))
THREADS = 32
SIZE = 4
TIMEOUT = 0.3

WANTED = {"T": GuardTrap, "E": GuardExit, "Z": GuardExitZero, "L": GuardTimeout}
"""What a call fails with that was made to fail."""
MIXTURE = "t" * 60 + "B" * 20 + "G" * 12 + "V" * 20 + "T" * 3 + "E" + "Z" + "L"
"""How often what is done: label, ask the backend, give a policy, label under a view, fail."""


@pytest.fixture(autouse=True)
def tier():
    """Once is enough: it takes time."""


class Drive:
    """The threads, what they did, and what was wrong with it."""

    def __init__(self, pool: Pool, allowed: Tuple[type, ...]) -> None:
        self.pool = pool
        self.allowed = allowed
        self.numbers = itertools.count(1)
        self.gives: Dict[int, Tuple[float, float]] = {}
        self.answers: List[Tuple[float, float, int]] = []
        self.done: Counter[str] = collections.Counter()
        self.wrong: List[str] = []
        self.stop = threading.Event()
        self.begun = self.ended = 0
        self.lock = threading.Lock()

    def run(self, chaos: Callable[[random.Random, List[threading.Thread]], None]) -> None:
        """Drive the pool for ``SECONDS``; every thread must come to an end."""
        threads = [
            threading.Thread(target=self._work, args=(i,), daemon=True) for i in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        rng = random.Random(0)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.stop.wait(0.05)
            chaos(rng, threads)
        self.stop.set()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "a deadlock"

    def _work(self, seed: int) -> None:
        rng = random.Random(seed)
        views: List[Tuple[int, Any]] = []
        while not self.stop.is_set():
            with self.lock:
                self.begun += 1
                number = next(self.numbers)
            action = rng.choice(MIXTURE)
            began = time.monotonic()
            try:
                self._act(action, number, rng, views, began)
            except GuardCallError as error:
                self._failed(action, error)
            except BaseException as error:
                self.wrong.append(f"{action}: {error!r}")
            with self.lock:
                self.ended += 1

    def _act(
        self, action: str, number: int, rng: random.Random, views: List[Tuple[int, Any]], began: float
    ) -> None:  # fmt: skip
        if action == "G":
            # Written down before, for others may be answered under it at once.
            self.gives[number] = (began, float("inf"))
            self.pool.label_agent(policy_of(number))
            self.gives[number] = (began, time.monotonic())
        elif action == "V":
            if not views or rng.random() < 0.2:
                views.append((number, self.pool.under(policy_of(number))))
                del views[:-3]
            policy, view = rng.choice(views)
            found = ask(view, number)
            self._check(found[:3] == (policy, number, 1), f"under {policy}: {number} got {found}")
        else:
            found = ask(self.pool, number, action, backend=self._backend(rng) if action == "B" else None)
            answer = str(100_000 + number) if action == "B" else "------"
            self._check(action in "tB", f"{action} was answered")
            self._check(found[1] == number and found[3] == answer, f"{number} got {found}")
            self._check(found[0] == -100_000 or found[2] == 1, f"not pristine: {found}")
            self.answers.append((began, time.monotonic(), found[0]))
        self.done[action] += 1

    @staticmethod
    def _backend(rng: random.Random) -> Callable[[str, Any], Any]:
        def backend(name: str, args: Any) -> Any:
            time.sleep(rng.random() * 0.002)
            return args

        return backend

    def _failed(self, action: str, error: GuardCallError) -> None:
        self.done[type(error).__name__] += 1
        wanted = WANTED.get(action)
        fits = wanted is not None and type(error) is wanted
        self._check(fits or isinstance(error, self.allowed), f"{action} failed with {error!r}")

    def _check(self, condition: bool, text: str) -> None:
        if not condition:
            self.wrong.append(text)

    def judge(self) -> None:
        """That nothing was lost, crossed, or labelled under a policy that was gone."""
        never = (float("-inf"), float("-inf"))  # no policy at all was before every other
        finished = sorted(span for span in self.gives.values() if span[1] < float("inf"))
        starts = [start for start, _ in finished]
        # Of the policies that were given from the i-th on, when the first of them was in place.
        soonest = list(itertools.accumulate([end for _, end in reversed(finished)], min))[::-1]
        for began, ended, policy in self.answers:
            given = never if policy == -100_000 else self.gives.get(policy)
            if given is None or given[0] > ended:
                self.wrong.append(f"under {policy}, which nobody gave")
                continue
            later = bisect.bisect_right(starts, given[1])
            if later < len(soonest) and soonest[later] < began:
                self.wrong.append(f"under {policy} after it was replaced")
        assert self.wrong[:5] == []
        assert self.begun == self.ended
        assert self.done["t"] and self.done["B"] and self.done["G"] and self.done["V"]
        health = self.pool.health()
        assert (health.busy, health.waiting) == (0, 0)

    def report(self) -> None:
        """The figures, for who looks."""
        health = self.pool.health()
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.done.items()))
        print(
            f"\n{type(self.pool).__name__}: {THREADS} threads over {SIZE} for {SECONDS:g} s: "
            f"{self.ended} calls ({counts}); {len(self.gives)} policies, "
            f"{health.replaced} instances replaced"
        )


def test_threads_lose_nothing_and_cross_nothing():
    guards = GuardPool(module(tagged_wat()), size=SIZE, timeout=TIMEOUT, wait=30)
    drive = Drive(guards, (GuardCancelled, GuardTimeout, GuardPoolTimeout))

    def chaos(rng: random.Random, threads: List[threading.Thread]) -> None:
        guards.cancel(rng.choice(threads).ident)

    with guards:
        drive.run(chaos)
        drive.judge()
        drive.report()
        guards.label_agent(policy_of(0))
        assert ask(guards, 1)[:3] == (0, 1, 1)


def test_processes_lose_nothing_and_cross_nothing():
    guards = ProcessPool(module(tagged_wat()), size=SIZE, timeout=TIMEOUT, wait=30)
    drive = Drive(guards, (GuardCancelled, GuardTimeout, GuardPoolTimeout, GuardWorkerLost))
    began = time.monotonic()
    seen = set()

    def workers() -> "set[int]":
        return {s.instance.pid for s in guards._slots if s.instance is not None}

    def chaos(rng: random.Random, threads: List[threading.Thread]) -> None:
        guards.cancel(rng.choice(threads).ident)
        there = workers()
        seen.update(there)
        if there and rng.random() < 0.02 and time.monotonic() - began > 1:
            os.kill(rng.choice(sorted(there)), signal.SIGKILL)

    with guards:
        guards.warm()
        drive.run(chaos)
        drive.judge()
        drive.report()
        guards.label_agent(policy_of(0))
        assert ask(guards, 1)[:3] == (0, 1, 1)
        seen.update(workers())
    assert len(seen) >= SIZE
    for pid in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
