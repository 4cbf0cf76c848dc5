"""What compiling a function takes: in proportion to its size, whatever its shape, and looked at often.

What belongs here: bodies made to be hard to compile, and how much work they
are, counted in lines of Python that run: the same on every machine.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List

import pytest

import wasmpy
from wasmpy.errors import Interrupted, Resource
from wasmpy.exec.layout import Layout
from wasmpy.tiers.pysource.marks import Untaken
from wasmpy.tiers.pysource.shape import Shape
from wasmpy.tiers.pysource.source import write
from wasmpy.tiers.pysource.structure import STRETCH
from wasmpy.tiers.pysource.tier import TRIES

GET = "(local.get 0)"
BODIES: Dict[str, Callable[[int], str]] = {
    "ways out of a block": lambda n: f"(block {f'(br_if 0 {GET})' * n})",
    "ways back to a loop": lambda n: f"(loop {f'(br_if 0 {GET})' * n})",
    "loops in a row": lambda n: f"(loop (br_if 0 {GET}))" * n,
    "loops in each other": lambda n: "(loop " * n + f"(br_if 0 {GET}))" * n,
    "blocks in each other": lambda n: "(block " * n + f"(br_if 0 {GET}))" * n,
    "ways out of all blocks": lambda n: "(block " * n + "".join(f"(br_if {i} {GET})" for i in range(n)) + ")" * n,
    "arms in arms": lambda n: f"(if {GET} (then (local.set 0 (i32.const 3))) (else " * n + "))" * n,
    "cases of a switch": lambda n: "(block " * n + f"(br_table {' '.join(map(str, range(n)))} 0 {GET})"
    + "".join(f"(local.set 0 (i32.const {i})) (br {n - i - 2}))" for i in range(n - 1)) + ")",
    "handlers": lambda n: f"(block (try_table (catch_all 0) (local.set 0 (call 0 {GET}))))" * n,
    "a long sum": lambda n: f"(local.set 0 {GET})" + f"(local.set 0 (i32.add {GET} (i32.const 9)))" * n,
    "values on the stack": lambda n: GET * n + "(i32.add)" * (n - 1) + "(local.set 0)",
}  # fmt: skip


def module_of(body: str) -> wasmpy.Module:
    return wasmpy.Module(f'(module (func (export "f") (param i32) (result i32) {body} {GET}))')


def written(module: wasmpy.Module, **options: Any) -> str:
    """The form of function 0, or why there is none."""
    func = module.syntax.funcs[0]
    layout = Layout(func.body, module.sidetables[0])
    shape = Shape(module.syntax)
    try:
        return write(shape, 0, layout, shape.function(0), list(shape.function(0).params), **options).form
    except Untaken as error:
        return error.message


def lines_of(action: Callable[[], Any]) -> int:
    """How many lines of Python run."""
    count = 0

    def line(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", BODIES)
def test_work_grows_with_the_size_of_the_body(name: str) -> None:
    counts: List[int] = []
    for n in (60, 120, 240):
        module = module_of(BODIES[name](n))
        counts.append(lines_of(lambda module=module: written(module, metered=True)))
    assert counts[2] - counts[1] < 2.7 * (counts[1] - counts[0]), counts


@pytest.mark.parametrize("metered", [False, True])
def test_loops_in_loops_in_loops_are_left_to_the_reference_tier(metered: bool) -> None:
    assert written(module_of(BODIES["loops in each other"](18)), metered=metered) == "structured"
    assert written(module_of(BODIES["loops in each other"](100)), metered=metered) == "flat"
    assert "nest" in written(module_of(BODIES["loops in each other"](400)), metered=metered)


@pytest.mark.parametrize("name", BODIES)
def test_somebody_may_look_every_few_instructions(name: str) -> None:
    module = module_of(BODIES[name](2_000))
    looks = [0]

    def look() -> None:
        looks[0] += 1

    written(module, metered=False, look=look)
    if "loops in" not in name:
        assert looks[0] >= len(module.syntax.funcs[0].body) // STRETCH


@pytest.mark.fallbacks
def test_what_cannot_be_compiled_in_time_runs_in_the_reference_tier() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.01
        return now[0]

    module = module_of(BODIES["a long sum"](2_000))
    store = wasmpy.Store(tier="python", clock=clock)
    f = module.instantiate(store=store).exports.f
    for _ in range(TRIES):
        with pytest.raises(Interrupted) as caught:
            f(1, deadline=0.05)
        assert caught.value.resource is Resource.DEADLINE
    assert store.fallbacks == []
    assert f(1, deadline=0.05) == 1 + 9 * 2_000
    assert [fallback.function for fallback in store.fallbacks] == [0]
    assert f(1) == 1 + 9 * 2_000
