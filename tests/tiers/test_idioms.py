"""Loops that the python tier runs ahead of: recognised, and the same as in the reference tier.

What belongs here: the loops of ``loops`` at every count, address, overlap and
end of fuel, and the functions that look ahead.  What does not: what is the
same for all programs (``test_python_agrees``).
"""

from __future__ import annotations

import mmap
import random
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wasmpy
from tests.tiers.loops import INDEX, LOOPS, PAGE, TABLE, Case, differs, module_of, ran
from wasmpy.exec import store as exec_store
from wasmpy.exec.layout import Layout
from wasmpy.tiers.pysource import ahead, faults, idioms, link, tier
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.shape import Shape
from wasmpy.tiers.pysource.source import write

GUARD = Path(__file__).parents[2] / "hostabi" / "bundled" / "github.wasm"
NAMES = list(LOOPS)
AHEAD = [name for name in NAMES if LOOPS[name].text]
COPIES = [name for name in NAMES if "copy" in name] + ["swapped", "other_way"]
SEARCHES = [name for name in AHEAD if LOOPS[name].text.startswith("ahead")]
LONG = ("stride", "copy_string")
"""Those that may go round for ever, or to the end of memory: with fuel alone."""
P, Q = 4096, 20000
"""Where the loops begin, if nothing is said of it."""

pytestmark = pytest.mark.skipif(not idioms.ENABLED, reason="loops are not run ahead here")


def text_of(module: wasmpy.Module, index: int, *, metered: bool) -> str:
    """The generated function."""
    shape = Shape(module.syntax)
    i = index - shape.imported
    func = module.syntax.funcs[i]
    functype = shape.function(index)
    valtypes = [*functype.params, *(t for count, t in func.locals for _ in range(count))]
    layout = Layout(func.body, module.sidetables[i])
    return write(shape, index, layout, functype, valtypes, metered=metered).text


def numbered(count: int = 400) -> bytes:
    """Bytes in which no search of the loops ends soon."""
    return bytes(33 + i % 90 for i in range(count))


def agree(name: str, *cases: Case) -> None:
    """Both tiers do the same: with fuel, and with the flag where that ends soon."""
    for case in cases:
        assert differs(name, case._replace(fuel=20_000)) == ""
        if case.args[2] < 3_000 and name not in LONG:
            assert differs(name, case) == ""


# What is recognised ------------------------------------------------------------------


@pytest.mark.parametrize("metered", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_loop_is_run_ahead_of(name: str, metered: bool) -> None:
    text = text_of(module_of(name), 0, metered=metered)
    assert (" k = " in text) == bool(LOOPS[name].text)
    assert LOOPS[name].text in text


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (15, "ahead_table"), (27, "ahead_table"), (328, "ahead_same"), (329, "] = m0["),
        (330, "to_bytes(32"),
    ],
)  # fmt: skip
def test_the_loops_of_the_guard_are_run_ahead_of(index: int, text: str) -> None:
    module = wasmpy.Module(GUARD.read_bytes())
    for metered in (False, True):
        assert text in text_of(module, index, metered=metered)


def test_a_term_that_doubles_is_not_read() -> None:
    """It is as long as 2 to the number of its squarings."""
    squared = "(local.set $x (i32.mul (local.get $x) (local.get $x)))" * 25
    module = wasmpy.Module(f"""(module (memory 1) (func (param $p i32) (local $x i32)
        (loop $l (local.set $x (i32.load8_u (local.get $p))) {squared}
        (local.set $p (i32.add (local.get $p) (i32.const 1))) (br_if $l (local.get $x)))))""")
    assert " k = " not in text_of(module, 0, metered=False)


def test_nothing_is_run_ahead_of_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idioms, "ENABLED", False)
    for name in NAMES:
        assert " k = " not in text_of(module_of(name), 0, metered=True)


# That it is the same -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_turns(name: str) -> None:
    data = ((P, numbered()), (Q, numbered()))
    for n in (*range(71), 300, 380, 2_000):
        agree(name, Case((P, 1 + n % 5 if name == "stride" else Q, n, 200 + n % 50), data))


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_ends_anywhere(name: str) -> None:
    for end in range(70):
        for byte in (0, 10, 34, 48, 65, 200):
            data = numbered() if byte != 10 else b" \n" * 200
            data = b"7" * 400 if byte == 34 else b"A" * 400 if byte == 65 else data
            found = bytes([byte if byte != 10 else 255])
            pieces = ((P, data), (Q, data), (P + end, found), (TABLE + byte, b"\1"))
            assert differs(name, Case((P, Q, 300, byte), pieces)) == ""
            assert differs(name, Case((P, Q, 300, byte), pieces, 5_000)) == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_end_of_memory(name: str) -> None:
    for far in (*range(36), 63, 64, 65, 200):
        for n in (64, 2_000):
            agree(
                name,
                Case((PAGE - far, Q, n, 200), ((PAGE - far, numbered(far)), (Q, numbered()))),
                Case((P, PAGE - far, n, 200), ((P, numbered()), (PAGE - far, numbered(far)))),
            )


@pytest.mark.parametrize("name", NAMES)
def test_addresses_and_counts_that_wrap_around(name: str) -> None:
    top = 1 << 32
    data = ((0, numbered()), (Q, numbered()))
    for p in (0, 1, 7, 33, top - 1, top - 8, top - 40, 1 << 31):
        for n in (0, 5, 50, top - 1, top - 40, (1 << 31) - 1, 1 << 31):
            agree(name, Case((p, Q, n, 200), data), Case((Q, p, n, 200), data))


@pytest.mark.parametrize("name", COPIES)
def test_copies_that_overlap(name: str) -> None:
    for apart in (*range(-70, 71), 128, -128, 1_000):
        for n in (10, 50):
            agree(name, Case((Q, Q + apart, n, 200), ((Q - 200, numbered(600)),)))


@pytest.mark.parametrize("name", ["quotes", "quotes_anywhere", "quotes_spread", "copy_chosen"])
def test_a_store_into_what_is_searched(name: str) -> None:
    """The bytes of an index make the loop leave, where they come to be read."""
    places = [*range(TABLE - 66, TABLE + 5), *range(TABLE + 30, TABLE + 48, 3), *range(TABLE + 250, TABLE + 260)]
    for q in (*places, *range(P - 66, P + 60), PAGE - 3, PAGE - 4, PAGE):
        for data, table in (
            (numbered(50), b"\1" * 32), (numbered(50), b"\0\1" * 16), (numbered(50), bytes(256)),
            (numbered(5) + b"\xff" + numbered(40), bytes(256)),
            (bytes(2 * i % 22 for i in range(60)), b"\0\1" * 128),
        ):  # fmt: skip
            agree(name, Case((P, q, 60, TABLE), ((P, data), (TABLE, table))))


@pytest.mark.parametrize("order", ["byte at end", "at end byte", "at byte end"])
def test_the_byte_that_is_looked_for_is_in_any_local(order: str) -> None:
    names = order.split()
    params = " ".join(f"(param ${name} i32)" for name in names)
    module = wasmpy.Module(f"""(module (memory 1) (data (i32.const 64) "a:bcdefghijklmnopqrst")
      (func (export "among") {params} (result i32)
        (loop $compare
          (if (i32.eq (local.get $at) (local.get $end)) (then (return (i32.const 0))))
          (if (i32.eq (i32.load8_u (local.get $at)) (local.get $byte)) (then (return (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $compare))
        (unreachable)))""")
    among = module.instantiate(tier="python").exports.among
    for byte in range(256):
        given = {"byte": byte, "at": 64, "end": 85}
        assert among(*[given[name] for name in names]) == (byte in b"a:bcdefghijklmnopqrst")


def test_a_store_at_a_constant_address_into_what_is_searched() -> None:
    for p in range(INDEX - 70, INDEX + 8):
        agree("blanks", Case((p, 0, 60, 0), ((p, b" " * 100),)))


@pytest.mark.parametrize("name", AHEAD)
def test_fuel_that_ends_at_any_turn(name: str) -> None:
    data = ((P, b" " * 60 if name == "blanks" else numbered(60)), (Q, numbered(60)))
    case = Case((P, Q, 40, 200), data, 1_000_000)
    result, consumed = ran(name, case, "reference")[:2]
    step = 1 if consumed < 800 else 3
    for fuel in (*range(0, consumed, step), consumed, consumed + 1):
        assert differs(name, case._replace(fuel=fuel)) == ""


@pytest.mark.parametrize("name", AHEAD)
def test_slices_that_end_at_any_turn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ((P, numbered(300)), (Q, numbered(300)))
    for size in (1, 50, 97, 400, 1_003):
        monkeypatch.setattr(exec_store, "SLICE", size)
        monkeypatch.setattr(tier, "SLICE", size)
        for fuel in (700, 3_001, 100_000):
            assert differs(name, Case((P, Q, 280, 200), data, fuel)) == ""


@pytest.mark.parametrize("name", NAMES)
def test_chunks_that_end_anywhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of(name)
    monkeypatch.setattr(idioms, "CHUNK", 64)
    monkeypatch.setitem(module.syntax.__dict__, "_python_tier", Functions(module.syntax))
    data = ((P, numbered()), (Q, numbered()))
    for n in (15, 16, 17, 100, 380):
        assert differs(name, Case((P, 3 if name == "stride" else Q, n, 200), data)) == ""


_NEAR = st.one_of(
    st.integers(0, 40), st.integers(P - 60, P + 60), st.integers(TABLE - 40, TABLE + 300),
    st.integers(PAGE - 60, PAGE + 2), st.integers((1 << 32) - 60, (1 << 32) - 1),
)  # fmt: skip


@given(
    st.sampled_from(NAMES), _NEAR, _NEAR,
    st.one_of(st.integers(0, 80), st.integers(0, (1 << 32) - 1)),
    st.one_of(st.integers(0, 255), st.just(TABLE), st.integers(0, (1 << 32) - 1)),
    st.one_of(st.none(), st.integers(0, 3_000)), st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_call(
    name: str, p: int, q: int, n: int, c: int, fuel: Any, numbers: random.Random
) -> None:
    few = numbers.choice([b" ", b"ab", b"0123", bytes(range(1, 256)), bytes(256)])
    pieces: List[Tuple[int, bytes]] = []
    for at in (0, p, q, P - 60, PAGE - 100):
        size = min(120, PAGE - at)
        if size > 0:
            pieces.append((at, bytes(numbers.choice(few) for _ in range(size))))
    if n > 3_000 or name in LONG:
        fuel = 20_000 if fuel is None else fuel
    assert differs(name, Case((p, q, n, c), pieces, fuel)) == ""


# Interruption ------------------------------------------------------------------------

ENDLESS = {
    "fill": "(i64.store (local.get $p) (i64.const 1)) (local.set $p (i32.add (local.get $p) (i32.const 8)))"
    " (br_if $l (i32.ne (local.get $p) (i32.const 67108864)))",
    "length": "(local.set $p (i32.add (local.get $p) (i32.const 1))) (br_if $l (i32.eqz (i32.load8_u (local.get $p))))",
    "blanks": "(local.set $p (i32.add (local.get $p) (i32.const 1)))"
    " (br_if $l (i32.and (i32.load8_u (local.get $p)) (i32.const 254)))",
}


@pytest.mark.parametrize("fuel", [None, 1 << 60])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_deadline_is_met(name: str, fuel: Any) -> None:
    instance = wasmpy.Module(f"""(module (memory (export "m") 1024)
        (func (export "f") (local $p i32)
        (loop $again (local.set $p (i32.const 0)) (loop $l {ENDLESS[name]}) (br $again))))
    """).instantiate(store=wasmpy.Store(tier="python", fuel=fuel))
    memory: Any = instance.exports.m
    memory[0 : 1 << 26] = bytes((1 << 26) - 1) + b"\1" if name == "length" else b" " * ((1 << 26) - 1) + b"\1"
    began = time.monotonic()
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.f(deadline=0.1)
    assert caught.value.resource is wasmpy.Resource.DEADLINE
    assert 0.09 < time.monotonic() - began < 0.4  # a busy machine has its share of it


# The functions that look ahead -------------------------------------------------------


def turns(n: int, goes_on: Callable[[int], bool]) -> int:
    return next((i for i in range(n) if not goes_on(i)), n)


def buffers(data: bytes) -> List[Any]:
    mapped = mmap.mmap(-1, max(len(data), 1))
    mapped[: len(data)] = data
    return [bytearray(data), mapped]


@given(st.binary(min_size=300, max_size=900), st.integers(0, 200), st.integers(0, 255), st.data())
@settings(max_examples=150, deadline=None)
def test_what_looks_ahead(data: bytes, at: int, byte: int, more: Any) -> None:
    n = more.draw(st.integers(0, len(data) - at))
    going = more.draw(st.one_of(st.integers(0, (1 << 256) - 1), st.just(1 << byte), st.just(0)))
    going |= sum(1 << b for b in set(data[at : at + n // 2]))
    table = more.draw(st.integers(0, len(data) - 200))
    values = more.draw(st.integers(0, (1 << 256) - 1))
    for m in buffers(data):
        size = len(m)
        assert ahead.ahead_among(m, at, n, going) == turns(n, lambda i: going >> data[at + i] & 1 == 1)
        assert ahead.ahead_until(m, at, n, byte) == turns(n, lambda i: data[at + i] != byte)
        assert ahead.ahead_while(m, at, n, byte) == turns(n, lambda i: data[at + i] == byte)
        assert ahead.ahead_until(m, at, n, byte + 256) == n
        assert ahead.ahead_while(m, at, n, byte + 256) == 0
        found = ahead.ahead_table(m, at, n, table, values)
        goes = [values >> m[table + b] & 1 for b in data[at : at + n] if table + 256 <= size]
        assert found == (goes.index(0) if 0 in goes else len(goes))


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 70))
@settings(max_examples=200, deadline=None)
def test_what_compares_ahead(n: int, differ: int, apart: int) -> None:
    data = bytes(i * 7 % 251 for i in range(n)) + bytes(apart)
    data += data[:n]
    if differ < n:
        data = data[:differ] + bytes((data[differ] ^ 64,)) + data[differ + 1 :]
    for m in buffers(data):
        assert ahead.ahead_same(m, 0, n + apart, n) == min(n, differ)


def test_more_sets_than_are_kept() -> None:
    m = bytearray(range(256)) * 2
    for going in range(3, 1_200, 2):
        until = next(b for b in range(256) if not going >> b & 1)
        assert ahead.ahead_among(m, 0, 256, going) == until
        m[256:512] = going.to_bytes(256, "little")
        assert ahead.ahead_table(m, 0, 256, 256, (1 << 256) - 1) == 256


@pytest.mark.parametrize("error", [IndexError, ValueError, TypeError])
@pytest.mark.parametrize("fuel", [None, 10_000])
def test_what_fails_ahead_is_a_defect_and_no_trap(
    error: Any, fuel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: Any) -> int:
        raise error("looked too far")

    monkeypatch.setitem(link.GLOBALS, "ahead_until", failing)
    monkeypatch.setattr(faults, "FRAMES", {failing.__code__})
    with pytest.raises(wasmpy.InternalError):
        ran("find", Case((P, Q, 200, 0), ((P, numbered()),), fuel), "python")
