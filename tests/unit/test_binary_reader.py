"""Integers, names and vectors of the binary format, at their edges.

Spec: ``binary/values.html``.
"""

from __future__ import annotations

import pytest

from tests.unit import traced as tracemalloc
from wasmpy.binary.custom import unsigned
from wasmpy.binary.encode import signed
from wasmpy.binary.reader import Reader
from wasmpy.errors import MalformedError


def reader(data: bytes) -> Reader:
    return Reader(data, 0, len(data), "test")


def refusal(call, *args) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        call(*args)
    assert caught.value.section == "test"
    return caught.value


UNSIGNED = [
    ("00", 0), ("7f", 127), ("8001", 128), ("80808080 00", 0), ("8300", 3), ("ffffffff0f", 2**32 - 1),
    ("8480808000", 4),
]  # fmt: skip


@pytest.mark.parametrize(("hexes", "value"), UNSIGNED)
def test_unsigned_integers_may_be_padded(hexes, value):
    data = bytes.fromhex(hexes)
    r = reader(data + b"\x55")
    assert r.u32() == value
    assert r.pos == len(data)


SIGNED = [
    (32, "00", 0), (32, "7f", -1), (32, "3f", 63), (32, "40", -64), (32, "c000", 64),
    (32, "ffffffff7f", -1), (32, "8080808000", 0), (32, "8080808078", -(2**31)),
    (32, "ffffffff07", 2**31 - 1), (33, "ffffffff0f", 2**32 - 1), (33, "8080808070", -(2**32)),
    (64, "ffffffffffffffffff00", 2**63 - 1), (64, "8080808080808080807f", -(2**63)),
    (64, "ff7f", -1), (64, "ffffffffffffffffff7f", -1),
]  # fmt: skip


@pytest.mark.parametrize(("bits", "hexes", "value"), SIGNED)
def test_signed_integers_may_be_padded(bits, hexes, value):
    data = bytes.fromhex(hexes)
    r = reader(data + b"\x55")
    assert r.signed(bits) == value
    assert r.pos == len(data)


@pytest.mark.parametrize("hexes", ["8080808010", "ffffffff1f", "ffffffff7f", "8080808040"])
def test_unused_bits_of_an_unsigned_integer_are_zero(hexes):
    assert refusal(reader(bytes.fromhex(hexes)).u32).message.startswith("integer too large")


@pytest.mark.parametrize(
    ("bits", "hexes"),
    [
        (32, "8080808070"), (32, "ffffffff0f"), (32, "8080808008"), (32, "ffffffff77"),
        (33, "ffffffff1f"), (33, "8080808060"), (64, "8080808080808080807e"),
        (64, "ffffffffffffffffff01"), (64, "80808080808080808001"),
    ],
)  # fmt: skip
def test_unused_bits_of_a_signed_integer_repeat_its_sign(bits, hexes):
    error = refusal(reader(bytes.fromhex(hexes)).signed, bits)
    assert error.message.startswith("integer too large")


@pytest.mark.parametrize("bits", [32, 33, 64])
def test_an_integer_has_no_more_bytes_than_its_bits_need(bits):
    most = (bits + 6) // 7
    long = b"\x80" * most + b"\0"
    text = "integer representation too long"
    assert refusal(reader(long).signed, bits).message.startswith(text)
    assert refusal(reader(long).unsigned, bits).message.startswith(text)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff\xff\xff"])
def test_an_integer_that_is_cut_off(data):
    for error in (refusal(reader(data).u32), refusal(reader(data).signed, 64)):
        assert error.message.startswith("unexpected end")
        assert error.offset == len(data)


def test_an_endless_integer_costs_no_time():
    data = b"\x80" * 1_000_000
    tracemalloc.start()
    error = refusal(reader(data).unsigned, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.offset == 0
    assert peak < 100_000


def test_a_reader_does_not_pass_its_end():
    r = Reader(b"\x05\x06\x07", 0, 1, "test")
    assert r.byte() == 5
    assert refusal(r.byte).offset == 1
    assert refusal(r.u32).offset == 1
    assert refusal(r.take, 1).offset == 1


@pytest.mark.parametrize("text", ["", "a", "grün", "\0", "𝄞", "a\u0301"])
def test_names_are_utf8(text):
    raw = text.encode()
    assert reader(bytes([len(raw)]) + raw).name(100) == text


@pytest.mark.parametrize("hexes", ["80", "c080", "eda080", "f4908080", "e282", "ff", "61c3"])
def test_a_name_that_is_no_utf8(hexes):
    raw = bytes.fromhex(hexes)
    assert refusal(reader(bytes([len(raw)]) + raw).name, 100).message.startswith("malformed UTF-8")


def test_a_name_longer_than_what_is_left():
    error = refusal(reader(b"\xff\xff\xff\xff\x0fabc").name, 100)
    assert error.message.startswith("length out of bounds")
    assert error.offset == 0


def test_a_name_longer_than_the_limit():
    data = b"\x05hello"
    assert reader(data).name(5) == "hello"
    assert "limit is 4" in refusal(reader(data).name, 4).message


@pytest.mark.parametrize("padded", [False, True])
def test_indices(padded):
    values = list(range(100)) + [127] + ([128, 2**32 - 1] if padded else [])
    data = b"".join(unsigned(v) for v in values)
    r = reader(data + b"\0")
    assert r.indices(len(values)) == values
    assert r.pos == len(data)


@pytest.mark.parametrize("byte", [b"\0", b"\x80\x00"])
def test_more_indices_than_there_are_bytes(byte):
    error = refusal(reader(byte * 3).indices, 2**32 - 1)
    assert error.message.startswith("unexpected end")
    assert error.offset == 3 * len(byte)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 2**32 - 1, 2**63, 2**64 - 1])
def test_the_shortest_unsigned_form(value):
    data = unsigned(value)
    assert reader(data).unsigned(64) == value
    assert len(data) == max(1, -(-value.bit_length() // 7))


@pytest.mark.parametrize(
    "value", [0, -1, 63, 64, -64, -65, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
)
def test_the_shortest_signed_form(value):
    data = signed(value)
    assert reader(data).signed(64) == value
    if len(data) > 1:
        assert not -(1 << 7 * len(data) - 8) <= value < 1 << 7 * len(data) - 8
