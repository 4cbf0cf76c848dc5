"""Vector instructions against their scalar operators and against integers, lane by lane.

What belongs here: what each handler makes of a vector, compared with what the
scalar operator makes of every lane, and with independent statements about
big integers for what only vectors have.

Spec: ``exec/numerics.html``, ``exec/instructions.html#vector-instructions``.
"""

from __future__ import annotations

from typing import Any, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmpy.exec.generated import NUMERIC
from wasmpy.isa.derived import BY_MNEMONIC, op_of
from wasmpy.isa.table import INSTRS, Instr
from wasmpy.numerics import bits, conversions, floats, integers, vectors
from wasmpy.numerics.specialize import home
from wasmpy.syntax.types import F32, F64

WIDTH = {"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64, "f32x4": 32, "f64x2": 64}
INTEGERS = [shape for shape in WIDTH if shape[0] == "i"]
EDGES = {
    32: [0x7FC00000, 0x7F800001, 0xFFA00001, 0x80000000, 0x7F800000, 0xFF800000, 1, 0x7F7FFFFF, 0x3FC00000],
    64: [
        0x7FF8000000000000, 0xFFF0000000000001, 1 << 63, 0x7FF0000000000000, 0xFFF0000000000000, 1,
        0x7FEFFFFFFFFFFFFF, 0x41E0000000000000, 0xC1E0000000200000, 0x47EFFFFFF0000000,
    ],
}  # fmt: skip


def corners(N: int) -> List[int]:
    """Lanes at the edges."""
    return [0, 1, 2**N - 1, 2 ** (N - 1), 2 ** (N - 1) - 1, 2 ** (N - 1) + 1, *EDGES.get(N, [])]


def lane(N: int) -> Any:
    """The bits of a lane, the edges often."""
    return st.one_of(st.sampled_from(corners(N)), st.integers(0, 2**N - 1))


def of_width(N: int) -> Any:
    """A vector, often one all of whose lanes are at the edges; drawn in one step for speed."""
    edges = corners(N)

    def at_edges(chosen: bytes) -> bytes:
        lanes = [edges[i % len(edges)] for i in chosen[: 128 // N]]
        return b"".join(i.to_bytes(N // 8, "little") for i in lanes)

    anything = st.binary(min_size=16, max_size=16)
    return st.one_of(anything.map(at_edges), anything)


VECTOR = st.one_of([of_width(N) for N in (8, 16, 32, 64)])


def split(shape: str, v: bytes) -> List[int]:
    """The bits of each lane."""
    size = WIDTH[shape] // 8
    return [int.from_bytes(v[i : i + size], "little") for i in range(0, 16, size)]


def values(shape: str, v: bytes) -> List[Any]:
    """The lanes as runtime values."""
    if shape[0] == "i":
        return split(shape, v)
    return [bits.float_from_bits(WIDTH[shape], i) for i in split(shape, v)]


def joined(shape: str, lanes: List[Any]) -> bytes:
    """A vector of runtime values."""
    N = WIDTH[shape]
    numbers = [bits.float_bits(N, z) if shape[0] == "f" else z for z in lanes]
    return b"".join(i.to_bytes(N // 8, "little") for i in numbers)


def sign(N: int, i: int) -> int:
    return i - 2**N if i >> (N - 1) else i


def run(row: Instr, *operands: Any, imm: Any = None) -> Any:
    stack = ["below", *operands]
    NUMERIC[row.op](stack, [], imm)
    assert stack[:1] == ["below"]
    assert len(stack) == 2
    return stack[1]


def do(mnemonic: str, *operands: Any, imm: Any = None) -> Any:
    return run(BY_MNEMONIC[mnemonic][0], *operands, imm=imm)


# Each family is looked at on many rows.
FEW = settings(max_examples=40, deadline=None)


def rows(*combinators: str) -> Any:
    found = [row for row in INSTRS if row.numeric and row.numeric[0] in combinators]
    assert found
    return pytest.mark.parametrize("row", found, ids=lambda row: row.mnemonic)


def scalar(name: str) -> Any:
    return getattr(home(name), name)


@rows("vunop", "vbinop", "vternop")
@FEW
@given(data=st.data())
def test_lanes_do_not_know_of_each_other(row: Instr, data: Any) -> None:
    shape, name = row.numeric[1]
    operands = [data.draw(of_width(WIDTH[shape])) for _ in row.params]
    want = [scalar(name)(WIDTH[shape], *lanes) for lanes in zip(*(values(shape, v) for v in operands))]
    assert run(row, *operands) == joined(shape, want)


@rows("vrelop")
@FEW
@given(data=st.data())
def test_comparisons_make_masks(row: Instr, data: Any) -> None:
    shape, mask, name = row.numeric[1]
    N = WIDTH[shape]
    assert (mask[0], WIDTH[mask]) == ("i", N)
    a, b = data.draw(of_width(N)), data.draw(of_width(N))
    want = [2**N - 1 if scalar(name)(N, x, y) else 0 for x, y in zip(values(shape, a), values(shape, b))]
    assert run(row, a, b) == joined(mask, want)


@rows("vshiftop")
@FEW
@given(v=VECTOR, count=st.integers(0, 2**32 - 1))
def test_shifts_have_one_count(row: Instr, v: bytes, count: int) -> None:
    shape, name = row.numeric[1]
    want = [scalar(name)(WIDTH[shape], i, count) for i in split(shape, v)]
    assert run(row, v, count) == joined(shape, want)


@rows("vcvtop", "vcvtop_high", "vcvtop_zero")
@FEW
@given(data=st.data())
def test_conversions(row: Instr, data: Any) -> None:
    src, dst, name = row.numeric[1]
    v = data.draw(of_width(WIDTH[src]))
    taken = values(src, v)
    count = 128 // WIDTH[dst]
    if "high" in row.mnemonic:
        taken = taken[len(taken) - count :]
    want = [scalar(name)(WIDTH[src], WIDTH[dst], c) for c in taken[:count]]
    assert ("zero" in row.mnemonic) == (len(want) < count)
    assert run(row, v) == joined(dst, want + [0] * (count - len(want)))


@rows("vnarrow")
@FEW
@given(a=VECTOR, b=VECTOR)
def test_narrowing_saturates(row: Instr, a: bytes, b: bytes) -> None:
    src, dst, _ = row.numeric[1]
    N = WIDTH[dst]
    low, high = (0, 2**N - 1) if row.mnemonic.endswith("u") else (-(2 ** (N - 1)), 2 ** (N - 1) - 1)
    taken = [sign(2 * N, i) for i in split(src, a) + split(src, b)]
    assert run(row, a, b) == joined(dst, [min(max(i, low), high) % 2**N for i in taken])


def extended(mnemonic: str, shape: str, v: bytes) -> List[int]:
    """The lanes as the integers that an instruction of that name takes them for."""
    taken = split(shape, v)
    return [sign(WIDTH[shape], i) for i in taken] if mnemonic.endswith("s") else taken


@rows("vextmul", "vextmul_high")
@FEW
@given(a=VECTOR, b=VECTOR)
def test_extended_products_are_exact(row: Instr, a: bytes, b: bytes) -> None:
    src, dst, _ = row.numeric[1]
    N = WIDTH[dst]
    products = [x * y for x, y in zip(extended(row.mnemonic, src, a), extended(row.mnemonic, src, b))]
    half = products[128 // N :] if "high" in row.mnemonic else products[: 128 // N]
    assert run(row, a, b) == joined(dst, [p % 2**N for p in half])


@rows("vextadd_pairwise")
@FEW
@given(v=VECTOR)
def test_pairwise_sums_are_exact(row: Instr, v: bytes) -> None:
    src, dst, _ = row.numeric[1]
    taken = extended(row.mnemonic, src, v)
    sums = [x + y for x, y in zip(taken[::2], taken[1::2])]
    assert run(row, v) == joined(dst, [s % 2 ** WIDTH[dst] for s in sums])


def dots(shape: str, a: bytes, b: bytes) -> List[int]:
    N = WIDTH[shape]
    products = [sign(N, x) * sign(N, y) for x, y in zip(split(shape, a), split(shape, b))]
    return [x + y for x, y in zip(products[::2], products[1::2])]


@given(VECTOR, VECTOR, VECTOR)
def test_dot_products(a: bytes, b: bytes, c: bytes) -> None:
    assert do("i32x4.dot_i16x8_s", a, b) == joined("i32x4", [d % 2**32 for d in dots("i16x8", a, b)])
    short = [min(d, 0x7FFF) for d in dots("i8x16", a, b)]
    assert do("i16x8.relaxed_dot_i8x16_i7x16_s", a, b) == joined("i16x8", [d % 2**16 for d in short])
    long = [x + y for x, y in zip(short[::2], short[1::2])]
    want = [(d + i) % 2**32 for d, i in zip(long, split("i32x4", c))]
    assert do("i32x4.relaxed_dot_i8x16_i7x16_add_s", a, b, c) == joined("i32x4", want)


@given(VECTOR, VECTOR, VECTOR)
def test_bits(a: bytes, b: bytes, c: bytes) -> None:
    x, y, z = (int.from_bytes(v, "little") for v in (a, b, c))
    ones = 2**128 - 1

    def number(v: bytes) -> int:
        assert len(v) == 16
        return int.from_bytes(v, "little")

    assert number(do("v128.not", a)) == ones - x
    assert number(do("v128.and", a, b)) == x & y
    assert number(do("v128.or", a, b)) == x | y
    assert number(do("v128.xor", a, b)) == x ^ y
    assert number(do("v128.andnot", a, b)) == x & (ones - y)
    assert number(do("v128.bitselect", a, b, c)) == (x & z) + (y & (ones - z))
    assert do("v128.any_true", a) == int(x != 0)
    for shape in INTEGERS:
        assert do(f"{shape}.relaxed_laneselect", a, b, c) == do("v128.bitselect", a, b, c)


@pytest.mark.parametrize("shape", INTEGERS)
@FEW
@given(v=VECTOR)
def test_summaries(shape: str, v: bytes) -> None:
    lanes = split(shape, v)
    assert do(f"{shape}.all_true", v) == int(all(lanes))
    mask = do(f"{shape}.bitmask", v)
    assert [mask >> i & 1 for i in range(32)] == [i >> (WIDTH[shape] - 1) for i in lanes] + [0] * (
        32 - len(lanes)
    )


@pytest.mark.parametrize("shape", WIDTH)
@FEW
@given(v=VECTOR)
def test_lanes_and_vectors_are_a_bijection(shape: str, v: bytes) -> None:
    seen = vectors.SHAPES[shape]
    assert seen.vector(list(seen.lanes(v))) == v
    assert b"".join(seen.lane(c) for c in seen.lanes(v)) == v
    assert joined(shape, list(seen.lanes(v))) == v


@pytest.mark.parametrize("shape", WIDTH)
@FEW
@given(v=VECTOR, data=st.data())
def test_a_lane_is_put_and_got(shape: str, v: bytes, data: Any) -> None:
    N = WIDTH[shape]
    count = 128 // N
    at = data.draw(st.integers(0, count - 1))
    i = data.draw(lane(N))
    # What lies beyond a packed lane in its i32 must not matter.
    rest = data.draw(st.integers(0, 2 ** (32 - N) - 1)) << N if N < 32 else 0
    c = bits.float_from_bits(N, i) if shape[0] == "f" else i | rest
    assert split(shape, do(f"{shape}.splat", c)) == [i] * count
    changed = do(f"{shape}.replace_lane", v, c, imm=at)
    before = split(shape, v)
    assert split(shape, changed) == [*before[:at], i, *before[at + 1 :]]
    if N < 32:
        assert do(f"{shape}.extract_lane_u", changed, imm=at) == i
        assert do(f"{shape}.extract_lane_s", changed, imm=at) == sign(N, i) % 2**32
    else:
        got = do(f"{shape}.extract_lane", changed, imm=at)
        assert (bits.float_bits(N, got) if shape[0] == "f" else got) == i


@given(VECTOR, VECTOR, st.binary(min_size=16, max_size=16).map(lambda v: bytes(i % 32 for i in v)))
def test_shuffles_pick(a: bytes, b: bytes, lanes: bytes) -> None:
    assert list(do("i8x16.shuffle", a, b, imm=lanes)) == [(a + b)[i] for i in lanes]
    want = [a[i] if i < 16 else 0 for i in b]
    assert list(do("i8x16.swizzle", a, b)) == want
    assert list(do("i8x16.relaxed_swizzle", a, b)) == want


# The scalar operators that only vectors use, against integers

PAIR = st.sampled_from([8, 16, 32, 64]).flatmap(lambda N: st.tuples(st.just(N), lane(N), lane(N)))


@given(PAIR)
def test_saturating_arithmetic(case: Any) -> None:
    N, a, b = case
    s, t = sign(N, a), sign(N, b)
    low, high = -(2 ** (N - 1)), 2 ** (N - 1) - 1
    assert integers.iadd_sat_u(N, a, b) == min(a + b, 2**N - 1)
    assert integers.isub_sat_u(N, a, b) == max(a - b, 0)
    assert sign(N, integers.iadd_sat_s(N, a, b)) == sorted((low, s + t, high))[1]
    assert sign(N, integers.isub_sat_s(N, a, b)) == sorted((low, s - t, high))[1]


@given(PAIR)
def test_choosing_and_averaging(case: Any) -> None:
    N, a, b = case
    s, t = sign(N, a), sign(N, b)
    assert integers.imin_u(N, a, b) + integers.imax_u(N, a, b) == a + b
    assert integers.imin_u(N, a, b) == min(a, b)
    assert sign(N, integers.imin_s(N, a, b)) == min(s, t)
    assert sign(N, integers.imax_s(N, a, b)) == max(s, t)
    assert integers.iabs(N, a) == abs(s)
    assert (integers.ineg(N, a) + a) % 2**N == 0
    assert 0 <= 2 * integers.iavgr_u(N, a, b) - (a + b) <= 1


@given(lane(16), lane(16))
def test_fixed_point_products(a: int, b: int) -> None:
    exact = sign(16, a) * sign(16, b)
    want = min((exact + 2**14) // 2**15, 2**15 - 1)
    assert sign(16, integers.iq15mulrsat_s(16, a, b)) == want


@given(PAIR)
def test_clamping_to_half_the_width(case: Any) -> None:
    M, a, _ = case
    N = M // 2
    s = sign(M, a)
    assert conversions.narrow_u(M, N, a) == min(max(s, 0), 2**N - 1)
    assert sign(N, conversions.narrow_s(M, N, a)) == min(max(s, -(2 ** (N - 1))), 2 ** (N - 1) - 1)


# NaN


@pytest.mark.parametrize("shape", ["f32x4", "f64x2"])
@FEW
@given(data=st.data())
def test_moves_keep_every_bit_of_a_nan(shape: str, data: Any) -> None:
    N = WIDTH[shape]
    a, b = data.draw(of_width(N)), data.draw(of_width(N))
    x, y = split(shape, a), split(shape, b)
    assert split(shape, do(f"{shape}.neg", a)) == [i ^ 1 << (N - 1) for i in x]
    assert split(shape, do(f"{shape}.abs", a)) == [i & ~(1 << (N - 1)) for i in x]
    for name, less in (("pmin", floats.flt), ("pmax", floats.fgt)):
        chosen = split(shape, do(f"{shape}.{name}", a, b))
        for i, j, k, z1, z2 in zip(x, y, chosen, values(shape, a), values(shape, b)):
            assert k == (j if less(N, z2, z1) else i)


CANONICAL = {"f32x4": 0x7FC00000, "f64x2": 0x7FF8000000000000}


@pytest.mark.parametrize("shape", CANONICAL)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "min", "max", "relaxed_min", "relaxed_max"])
@FEW
@given(data=st.data())
def test_a_nan_that_is_made_is_the_canonical_one(shape: str, name: str, data: Any) -> None:
    N = WIDTH[shape]
    a, b = data.draw(of_width(N)), data.draw(of_width(N))
    result = do(f"{shape}.{name}", a, b)
    for i, z, z1, z2 in zip(split(shape, result), values(shape, result), values(shape, a), values(shape, b)):
        assert z1 == z1 and z2 == z2 or z != z
        assert z == z or i == CANONICAL[shape]


@pytest.mark.parametrize("shape", CANONICAL)
@FEW
@given(data=st.data())
def test_multiply_add_rounds_twice(shape: str, data: Any) -> None:
    N = WIDTH[shape]
    a, b, c = (data.draw(of_width(N)) for _ in range(3))
    product = do(f"{shape}.mul", a, b)
    assert do(f"{shape}.relaxed_madd", a, b, c) == do(f"{shape}.add", product, c)
    negated = do(f"{shape}.mul", do(f"{shape}.neg", a), b)
    assert do(f"{shape}.relaxed_nmadd", a, b, c) == do(f"{shape}.add", negated, c)


def test_every_row_with_lanes_is_looked_at() -> None:
    seen = {
        "vunop", "vbinop", "vternop", "vrelop", "vshiftop", "vcvtop", "vcvtop_high", "vcvtop_zero",
        "vnarrow", "vextmul", "vextmul_high", "vextadd_pairwise", "vdot", "vdot_add", "vvunop",
        "vvbinop", "vvternop", "vany_true", "vall_true", "vbitmask", "vsplat", "vsplat_packed",
        "vextract_lane", "vextract_lane_packed", "vreplace_lane", "vreplace_lane_packed",
        "vshuffle", "vswizzle",
    }  # fmt: skip
    used = {row.numeric[0] for row in INSTRS if row.numeric and row.prefix == 0xFD}
    assert used == seen
    assert op_of("v128.const") not in NUMERIC
    assert (F32, F64) == tuple(BY_MNEMONIC[f"{s}.splat"][0].params[0] for s in ("f32x4", "f64x2"))
