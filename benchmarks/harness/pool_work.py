"""Drives pools of guards of several sizes, and prints calls per second as JSON.

    python3 -m benchmarks.harness.pool_work GUARD PAYLOAD ASKING ROUNDS SECONDS

All pools stand ready and are driven in turn, by as many threads as the largest has
instances, twice over. *Computing* is the guard labelling the payload's response; *waiting*
is the small guard ASKING, whose backend takes 5 ms for each question.

What does not belong here: ratios, tables.
"""

import functools
import json
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Tuple

from benchmarks.harness.figures import order
from hostabi import GuardPool, ProcessPool, RulesBackend
from hostabi.pooling import Pool

SIZES: Tuple[Tuple[str, Callable[..., Pool], int], ...] = (
    ("threads, 1", GuardPool, 1), ("threads, 2", GuardPool, 2), ("threads, 4", GuardPool, 4),
    ("processes, 1", ProcessPool, 1), ("processes, 2", ProcessPool, 2),
)
CLIENTS = 8
BACKEND_SECONDS = 0.005


def _slow(tool_name: str, tool_args: Any) -> Any:
    time.sleep(BACKEND_SECONDS)
    return {"visibility": "private"}


def _ready(pool: Pool, policy: Any, call: Callable[[Any], Any]) -> Any:
    """The pool under a policy, warm: every instance has worked."""
    pool.warm()
    view = pool.under(policy)
    view.label_agent()
    _driven(lambda: call(view), 3 * pool.size, pool.size)
    return view


def _driven(call: Callable[[], Any], count: int, clients: int) -> float:
    """Seconds that so many calls take so many threads."""
    left = list(range(count))
    begin = threading.Barrier(clients + 1)

    def work() -> None:
        begin.wait()
        while True:
            try:
                left.pop()
            except IndexError:
                return
            call()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def _measured(pools: Dict[str, Callable[[], Any]], rounds: int, seconds: float) -> Dict[str, List[float]]:
    """Calls per second by pool and round."""
    names = list(pools)
    once = _driven(pools[names[0]], CLIENTS, CLIENTS) / CLIENTS
    count = max(2 * CLIENTS, int(seconds / once))
    rates: Dict[str, List[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for index in order(len(names), turn):
            rates[names[index]].append(count / _driven(pools[names[index]], count, CLIENTS))
    return rates


def main() -> None:
    """Measures both loads."""
    guard, payload, asking, rounds, seconds = sys.argv[1:]
    with open(payload, encoding="utf-8") as file:
        case = json.load(file)

    def compute(view: Any) -> Any:
        return view.label_response(case["tool_name"], case["tool_result"], case.get("tool_args"))

    def wait(view: Any) -> Any:
        return view.label_resource("read_note", {"id": 7})

    loads: Dict[str, Tuple[str, Any, Any, Callable[[Any], Any]]] = {
        "computing": (guard, RulesBackend(case.get("backend", [])), case["policy"], compute),
        "waiting": (asking, _slow, {"strict": True}, wait),
    }
    found = {}
    for name, (source, backend, policy, call) in loads.items():
        pools = {label: make(source, size=size, backend=backend) for label, make, size in SIZES}
        views = {label: _ready(pool, policy, call) for label, pool in pools.items()}
        calls = {label: functools.partial(call, view) for label, view in views.items()}
        found[name] = _measured(calls, int(rounds), float(seconds))
        for pool in pools.values():
            pool.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
