"""Modules made to be slow: decoding and validating them takes linear time, or a limit refuses them.

What belongs here: each shape in two sizes, whose times are compared, and the sizes at and beyond
the documented limits (``docs/reference/limits.md``).  What does not: what the shapes mean.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Tuple

import pytest

from tests.unit import wasm_bytes as wb
from tests.unit.timing import least_seconds
from wasmpy.binary.decode import decode_module
from wasmpy.config import DEFAULT_LIMITS, Features
from wasmpy.errors import InvalidError, MalformedError
from wasmpy.valid.module import validate_module

FACTOR = 4
"""The larger of two sizes is so many times the smaller."""
TOLERANCE = 3
"""A machine that does other things may take so many times longer for what is four times as long."""

Shape = Callable[[int], bytes]


def check(data: bytes) -> None:
    validate_module(decode_module(data, Features.WASM3), Features.WASM3)


def seconds(data: bytes) -> float:
    """The least processor time of three runs."""
    return least_seconds(lambda: check(data))


def s33(index: int) -> bytes:
    """An index where a heap type may stand."""
    out = bytearray()
    while True:
        byte = index & 0x7F
        index >>= 7
        if not index and not byte & 0x40:
            return bytes([*out, byte])
        out.append(byte | 0x80)


def heap(index: int) -> bytes:
    """A mutable field that refers to a defined type or is null."""
    return b"\x63" + s33(index) + b"\1"


def struct(*fields: bytes) -> bytes:
    return b"\x5f" + wb.vec(*fields)


def types(*rectypes: bytes) -> bytes:
    return wb.module(wb.types(*rectypes))


def equal_types(n: int) -> bytes:
    return wb.module(wb.section(1, wb.leb(n) + wb.VOID * n))


def one_group(n: int) -> bytes:
    """A group whose members refer to one another in a circle."""
    return types(b"\x4e" + wb.vec(*[struct(heap((i + 1) % n)) for i in range(n)]))


def equal_groups(n: int) -> bytes:
    """Groups of two that are all equivalent."""
    return types(*[b"\x4e\2" + struct(heap(2 * i + 1)) + struct(heap(2 * i)) for i in range(n)])


def groups_on_groups(n: int) -> bytes:
    """Groups that refer to themselves and to the one before."""
    return types(*[b"\x4e\1" + struct(heap(i), heap(max(i - 1, 0))) for i in range(n)])


def doubled(n: int) -> bytes:
    """Types that refer to the one before twice: written out, the last would be 2**n long."""
    return types(struct(), *[struct(heap(i), heap(i)) for i in range(n - 1)])


def below(index: int) -> bytes:
    """An open structure type declared below the one at ``index``, below none if that is negative."""
    return b"\x50" + (b"\1" + wb.leb(index) if index >= 0 else b"\0") + struct()


def one_chain(n: int) -> bytes:
    return types(*[below(i - 1) for i in range(n)])


def chains(n: int) -> bytes:
    """Chains as deep as the limit allows, again and again."""
    deep = DEFAULT_LIMITS.subtype_depth + 1
    return types(*[below(i - 1 if i % deep else -1) for i in range(n)])


def casts_along_a_chain(n: int) -> bytes:
    """Casts from the bottom of the longest chain to its top, and back."""
    bottom = s33(DEFAULT_LIMITS.subtype_depth)
    body = b"\xd0" + bottom + (b"\xfb\x17\0" + b"\xfb\x17" + bottom) * n + b"\x1a"
    chain = [below(i - 1) for i in range(DEFAULT_LIMITS.subtype_depth + 1)]
    func = wb.section(3, b"\1" + wb.leb(len(chain)))
    return wb.module(wb.types(*chain, wb.VOID), func, wb.code(body + b"\x0b"))


def long_table(n: int) -> bytes:
    """One ``br_table`` of ``n`` labels besides the default."""
    return wb.one_func(b"\2\x40\x41\0\x0e" + wb.leb(n) + b"\0" * (n + 1) + b"\x0b")


def long_table_of_results(n: int) -> bytes:
    """The same, with a label that takes values."""
    table = b"\x41\0\x41\0\x0e" + wb.leb(n) + b"\0" * (n + 1)
    return wb.one_func(b"\2\x7f" + table + b"\x0b\x1a")


def blocks(n: int) -> bytes:
    return wb.one_func(b"\2\x40" * n + b"\x0b" * n)


def blocks_with_results(n: int) -> bytes:
    return wb.one_func(b"\2\x7f" * n + b"\x41\0" + b"\x0b" * n + b"\x1a")


def ifs(n: int) -> bytes:
    return wb.one_func(b"\x41\0\4\x40" * n + b"\x0b" * n)


def tries(n: int) -> bytes:
    return wb.one_func(b"\x1f\x40\1\2\0" * n + b"\x0b" * n)


def locals_(n: int) -> bytes:
    """Locals in runs of one, each read."""
    return wb.one_func(b"".join(b"\x20" + wb.leb(i) + b"\x1a" for i in range(n)), runs=wb.leb(n) + b"\1\x7f" * n)


def locals_to_be_set(n: int) -> bytes:
    """Locals without a default value, each set before it is read, within a block that forgets it."""
    use = b"".join(b"\2\x40\xd2\0\x21" + wb.leb(i) + b"\x20" + wb.leb(i) + b"\x1a\x0b" for i in range(n))
    declared = wb.section(9, b"\1\3\0\1\0")
    return wb.one_func(use, declared, runs=wb.leb(n) + b"\1\x64\0" * n)


SHAPES: Dict[Shape, int] = {
    one_group: 2_000, equal_groups: 1_000, groups_on_groups: 1_500, doubled: 2_000, chains: 2_000,
    casts_along_a_chain: 1_000, long_table: 16_000, long_table_of_results: 16_000, blocks: 5_000,
    blocks_with_results: 5_000, ifs: 5_000, tries: 2_500, locals_: 5_000, locals_to_be_set: 2_500,
}  # fmt: skip
"""Each shape with its smaller size."""


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_four_times_as_much_takes_about_four_times_as_long(shape: Shape) -> None:
    small, large = shape(SHAPES[shape]), shape(FACTOR * SHAPES[shape])
    assert seconds(large) < TOLERANCE * FACTOR * max(seconds(small), 0.002)


AT_LIMIT = [
    (one_group, 100_000), (chains, 100_000), (long_table, 65_520), (long_table_of_results, 65_520),
    (blocks, 99_999), (blocks_with_results, 99_999), (ifs, 99_999), (tries, 99_999), (locals_, 50_000),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "size"), AT_LIMIT, ids=lambda item: getattr(item, "__name__", str(item)))
def test_what_the_limits_allow_is_valid_and_takes_seconds(shape: Shape, size: int) -> None:
    start = time.process_time()
    check(shape(size))
    assert time.process_time() - start < 20


BEYOND: Tuple[Tuple[Shape, int, Any, str, str], ...] = (
    (equal_types, 1_000_001, MalformedError, "limit", "types"),
    (one_chain, 65, InvalidError, "subtype", "subtype_depth"),
    (long_table, 65_521, MalformedError, "limit", "br_table_labels"),
    (blocks, 100_001, MalformedError, "limit", "nesting"),
    (locals_, 50_001, MalformedError, "limit", "function_locals"),
)


@pytest.mark.parametrize(("shape", "size", "error", "rule", "limit"), BEYOND, ids=[row[4] for row in BEYOND])
def test_what_is_beyond_a_limit_is_refused_with_the_limit(
    shape: Shape, size: int, error: Any, rule: str, limit: str
) -> None:
    data = shape(size)
    start = time.process_time()
    with pytest.raises(error) as caught:
        check(data)
    assert time.process_time() - start < 20
    assert caught.value.rule == rule
    assert str(getattr(DEFAULT_LIMITS, limit)) in str(caught.value)
