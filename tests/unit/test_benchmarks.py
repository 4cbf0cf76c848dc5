"""The benchmark harness's own arithmetic: means, pairs, tables, counts.  Nothing is timed."""

from __future__ import annotations

import os
import xml.etree.ElementTree
from pathlib import Path
from typing import Any, Dict, List

import pytest

import wasmpy
from benchmarks import counting
from benchmarks.engines.command import command_module, empty_module
from benchmarks.engines.wasmpy import Engine
from benchmarks.harness import figures, plot, tables, waits
from benchmarks.harness.cold import LENGTH, long_module
from benchmarks.harness.guard import Pace
from benchmarks.harness.limits import _WAT, HOWS, RUNNING, long_wat, straight_binary
from benchmarks.harness.work import WaitWork
from benchmarks.render import placed, rendered
from wasmpy.binary.decode import decode_module

FIB = """(module (func $fib (export "run") (param i32) (result i32)
  (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
    (then (local.get 0))
    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                   (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"""

BRANCHES = """(module
  (func $pick (param i32) (result i32)
    (block $c (block $b (block $a
      (br_table $a $b $c (local.get 0))) (return (i32.const 10))) (return (i32.const 20)))
    (i32.const 30))
  (func (export "run") (param i32) (result i32) (local $sum i32)
    (block $out
      (loop $again
        (br_if $out (i32.eqz (local.get 0)))
        (local.set $sum (i32.add (local.get $sum)
          (call $pick (i32.rem_u (local.get 0) (i32.const 4)))))
        (if (i32.and (local.get 0) (i32.const 1))
          (then (nop) (drop (i32.const 7)))
          (else (local.set $sum (i32.add (local.get $sum) (i32.const 1)))))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br $again)))
    (local.get $sum)))"""


def row(*seconds: float, instructions: Any = 1_000_000) -> Dict[str, Any]:
    """A row measured in these times."""
    return figures.rated({"seconds": list(seconds), "instructions": instructions})


def report(**engines: List[float]) -> Dict[str, Any]:
    """A kernel report of two kernels, ``b`` taking twice the time."""
    rows = {
        name: {e: row(*(t * times for t in seconds)) for e, seconds in engines.items()}
        for name, times in (("a", 1), ("b", 2))
    }
    return {
        "what": "kernels", "name": "kernels", "rows": rows, "engines": list(engines), "versions": {},
        "interpreters": ["CPython 3.11"], "machine": "x", "rounds": 2, "date": "2026-01-01",
    }


def test_geometric_mean() -> None:
    assert figures.geometric_mean([1.0, 4.0, 16.0]) == pytest.approx(4.0)
    assert figures.geometric_mean([]) is None


def test_median_of_odd_and_even() -> None:
    assert figures.median([3.0, 1.0, 2.0]) == 2.0
    assert figures.median([4.0, 1.0, 2.0, 3.0]) == 2.5


def test_pairs_are_of_the_same_round() -> None:
    # The machine is three times slower in the second round; the ratio does not notice.
    found = figures.paired([10.0, 3.4, 10.0], [5.0, 1.7, 5.0])
    assert found is not None
    assert found == pytest.approx((2.0, 2.0, 2.0))


def test_pairs_leave_out_rounds_that_one_side_lacks() -> None:
    assert figures.paired([4.0, 9.0], [2.0]) == (2.0, 2.0, 2.0)
    assert figures.paired([], [2.0]) is None


def test_settled() -> None:
    assert figures.settled([9.0, 5.0, 1.0, 1.01, 1.0, 1.02])
    assert not figures.settled([9.0, 5.0, 1.0, 1.01])
    assert not figures.settled([1.0, 1.0, 1.0, 1.2, 1.0])
    assert not figures.settled([0.5, 1.0, 1.0, 1.0, 1.0])


def test_every_other_round_runs_backwards() -> None:
    assert [figures.order(3, turn) for turn in range(3)] == [[0, 1, 2], [2, 1, 0], [0, 1, 2]]


def test_rates_of_equal_and_of_unequal_rounds() -> None:
    assert row(0.5, 1.0, 2.0)["rate"] == 1_000_000
    assert row(1.0, 2.0, instructions=[100, 400])["rates"] == [100, 200]


def test_ratio_of_rows_without_figures() -> None:
    assert figures.ratio_of({"error": "no"}, row(1.0)) is None
    assert figures.ratio_of(None, row(1.0)) is None


def test_what_a_larger_payload_may_take_goes_by_the_last_difference() -> None:
    pace = Pace()
    assert pace.expected(10**9) == 0
    pace.note(1_000, 2.0)
    assert pace.expected(2_000) == pytest.approx(4.0)
    pace.note(11_000, 3.0)  # 10,000 more in a second: the rest was compiling
    assert pace.expected(31_000) == pytest.approx(5.0)
    pace.note(12_000, 2.9)
    assert pace.expected(24_000) == pytest.approx(5.8)


def test_tables_show_rates_and_ratios() -> None:
    rates, times, relative = tables.tables(
        report(pywasm=[1.0, 2.0], wasmpy_python=[0.01, 0.02], wasmtime=[0.001, 0.002])
    )
    assert rates.lines[0] == ["a", "", "0.75", "75.0", "750"]
    assert times.lines[0] == ["a", "100"]
    assert relative.head == ["kernel", "wasmpy_python"]
    assert relative.lines[0][-1] == "10.0"
    assert [line[0] for line in rates.lines[2:]] == ["geometric mean", "least", "greatest"]
    assert rates.lines[3][2:] == ["0.38", "37.5", "375"]


def test_fuel_is_compared_with_the_same_engine_without() -> None:
    found = tables.tables(report(wasmpy_python=[1.0, 2.0], wasmpy_python_fuel=[1.2, 2.4]))[-1]
    assert found.head == ["kernel", "wasmpy_python_fuel"]
    assert found.lines[0] == ["a", "1.20"]


def test_bytes_are_in_no_mean_of_rates() -> None:
    given = dict(report(wasmtime=[1.0]), apart=["b"])
    found = tables.tables(given)[0]
    assert found.lines[1][0] == "b*"
    assert found.lines[2] == ["geometric mean", "", "1.00"]


def test_what_is_missing_has_no_column_and_what_failed_says_so() -> None:
    given = report(wasmtime=[1.0], pywasm=[1.0], wasmpy_auto=[1.0])
    for mine in given["rows"].values():
        mine["pywasm"] = {"error": "not available", "missing": True}
    given["rows"]["a"]["wasmpy_auto"] = {"error": "wrong result"}
    found = tables.tables(given)[0]
    assert found.head == ["kernel", "what", "wasmtime", "wasmpy_auto"]
    assert found.lines[0][-1] == "FAILED"


def test_text_and_markdown_have_the_same_cells() -> None:
    table = tables.Table("t", ["name", "x"], [["a", "1"], ["bcd", "22"]])
    assert tables.as_text(table).splitlines() == ["t", "name   x", "a      1", "bcd   22"]
    assert "| bcd | 22 |" in tables.as_markdown(table).splitlines()


def test_figures_are_shown_with_three_digits() -> None:
    assert [tables.shown(v) for v in (None, 0.0123, 1.234, 12.34, 1234.5)] == [
        "-", "0.0123", "1.23", "12.3", "1,234"]
    assert [tables.seconds(v) for v in (1.5, 0.25, 0.0123, 0.00012)] == [
        "1.50 s", "250 ms", "12.3 ms", "0.120 ms"]


def test_a_report_takes_the_place_of_the_last() -> None:
    page = placed("# Results\n\ntext\n", "kernels", "one")
    again = placed(page + "\nmore\n", "kernels", r"two \1")
    assert again == "# Results\n\ntext\n\n<!-- tables kernels -->\n\n" + (
        "two \\1\n\n<!-- end kernels -->\n\nmore\n")


def test_a_rendered_report_names_its_plot_and_conditions() -> None:
    text = rendered(report(wasmtime=[1.0]), drawn=True)
    assert "(kernels.svg)" in text
    assert "CPython 3.11; x;" in text


def test_the_plot_has_a_dot_for_each_figure() -> None:
    drawing = xml.etree.ElementTree.fromstring(plot.plot(report(wasmtime=[1.0], pywasm=[100.0])))
    dots = [e for e in drawing if e.tag.endswith("circle")]
    assert len(dots) == 2 * 2 + 2


@pytest.mark.parametrize("text", [FIB, BRANCHES])
@pytest.mark.parametrize("shared", [False, True])
def test_a_module_that_counts_counts_what_fuel_counts(text: str, shared: bool) -> None:
    module = wasmpy.Module(text)
    store = wasmpy.Store(fuel=10**9)
    plain = module.instantiate(store=store).exports.run(9)
    made = wasmpy.Module(counting.counting_module(module.binary, shared=shared)).instantiate()
    assert made.exports.run(9) == plain
    if shared:
        assert made.exports.count.value == store.fuel_consumed
    else:
        found = counting.counts(module.syntax, lambda name: made.exports[name].value)
        assert sum(c.instructions for c in found) == store.fuel_consumed
        assert found[0].calls == (109 if text is FIB else 9)


def test_a_kernel_as_a_command_traps_on_a_wrong_result() -> None:
    binary = wasmpy.Module(FIB).binary
    wasmpy.Module(command_module(binary, 9, 34)).instantiate().exports._start()
    wrong = wasmpy.Module(command_module(binary, 9, -1)).instantiate()
    with pytest.raises(wasmpy.WasmTrap) as caught:
        wrong.exports._start()
    assert caught.value.kind is wasmpy.TrapKind.UNREACHABLE
    empty = decode_module(empty_module(binary))
    assert len(empty.funcs[-1].body) == 1


def test_the_long_module_is_valid_and_its_functions_are_long() -> None:
    module = wasmpy.Module(long_module(functions=2))
    lengths = [len(func.body) for func in module.syntax.funcs]
    assert min(lengths[:2]) >= LENGTH - 100
    run = module.instantiate().exports.run
    assert run(7) == run(7)
    assert long_module(functions=1) != long_module(functions=1, seed=2)


def test_pools_are_compared_with_the_first_of_their_interpreter() -> None:
    def pool(base: str, *rates: float) -> Dict[str, Any]:
        return {"rates": list(rates), "rate": figures.median(rates), "base": base}

    loads = {"computing": {"threads, 1": pool("threads, 1", 10.0, 5.0), "threads, 2": pool("threads, 1", 20.0, 10.0),
                           "threads, 1, X": {"error": "no"}}}
    (found,) = tables.tables({"what": "pool", "rows": loads})
    assert found.lines == [
        ["threads, 1", "7.50", "1.00"], ["threads, 2", "15.0", "2.00"], ["threads, 1, X", "FAILED", "-"]
    ]


def test_limits_have_two_tables_with_the_median_and_the_worst() -> None:
    late = {"wasmpy_auto": {"seconds": [0.001, 0.02], "median": 0.0105, "worst": 0.02}}
    memory = {"wasmpy_auto": {"error": "it broke"}}
    first, second = tables.tables({
        "what": "limits", "engines": ["wasmpy_auto"], "late": ["a loop, deadline"],
        "rows": {"a loop, deadline": late, "instantiate": memory},
    })
    assert first.lines == [["a loop, deadline", "10.5 ms, 20.0 ms"]]
    assert second.lines == [["instantiate", "FAILED"]]


def test_every_way_to_wait_is_a_function_of_the_guest_that_waits() -> None:
    exports = {export.name for export in wasmpy.Module(waits.WAT).exports}
    assert {function for function, _ in waits.WAITING.values()} == exports


def test_a_call_that_nothing_ends_is_not_in_time() -> None:
    engine = Engine("reference")
    module = wasmpy.Module('(module (func (export "back")))')
    with pytest.raises(RuntimeError):
        engine.instantiate(engine.prepare(module.binary), {}).late("back", 60.0, "deadline")


@pytest.mark.skipif(os.name != "posix", reason="pipes can be waited for on POSIX alone")
@pytest.mark.parametrize("how", HOWS)
def test_lateness_of_a_wait_is_of_each_moment(tmp_path: Path, how: str) -> None:
    path = tmp_path / "waits.wasm"
    path.write_bytes(wasmpy.Module(waits.WAT).binary)
    job = {"wasm": str(path), "what": "receiving", "how": how, "moments": [0.01, 0.02]}
    work = WaitWork(Engine("reference"), job)
    late = work.measure()["late"]
    work.close()
    assert len(late) == 2
    assert min(late) >= 0


def test_the_straight_function_has_as_many_instructions_as_it_says() -> None:
    module = wasmpy.Module(straight_binary(1_000))
    assert module.instruction_count == 1_000 + 1
    assert module.instantiate().exports.run() is None


def test_what_is_told_to_end_is_there_and_as_long_as_it_says() -> None:
    exports = wasmpy.Module(_WAT).exports
    assert [export.name for export in exports] == list(RUNNING.values())
    (func,) = wasmpy.Module(long_wat(5_000)).syntax.funcs
    assert 4_900 <= len(func.body) <= 5_000
