"""What comes from guards, operators and servers is read, or refused with a typed error, in time.

What belongs here: changed answers, policies, payloads and pointers through the fuzz targets.
The changes are drawn from fixed seeds, so that every run sees the same.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostabi.errors import PayloadError
from hostabi.payload import decode, encode
from tests.fuzz.finding import Finding
from tests.fuzz.guard_targets import SEEDS, TARGETS, WORDS, _within
from tests.fuzz.targets import timed

targets = pytest.mark.parametrize("target", sorted(TARGETS))
ROUNDS = 1500
"""Changed inputs for each target."""


def changed(data: bytes, dice: random.Random) -> bytes:
    """``data`` with one to four changes: bytes, cuts, repetitions, words."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(data))
        end = min(len(data), at + dice.randint(0, 12))
        piece = dice.choice((b"", bytes([dice.randrange(256)]), dice.choice(WORDS), data[at:end] * 2))
        data = data[:at] + piece + data[dice.choice((at, end)) :]
    return data


@targets
def test_the_seeds_are_fine(target: str) -> None:
    for data in SEEDS[target]:
        assert timed(data, TARGETS[target]) is None


@targets
def test_changed_inputs_are_read_or_refused(target: str) -> None:
    dice = random.Random(f"{target} 20261124")
    for _ in range(ROUNDS):
        data = changed(dice.choice(SEEDS[target]), dice)
        try:
            timed(data, TARGETS[target])
        except Exception as error:
            raise AssertionError(f"{target}: {data!r}") from error


@targets
def test_inputs_cut_anywhere(target: str) -> None:
    for data in SEEDS[target]:
        for cut in range(len(data)):
            assert timed(data[:cut], TARGETS[target]) is None


JSONS: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([word.decode("ascii").strip('"') for word in WORDS if word[:1] == b'"' and word.isascii()])
        | st.text(st.characters(exclude_categories=("Cs",)), max_size=3),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150)
@given(JSONS)
def test_any_json_is_read_or_refused(value: Any) -> None:
    data = encode(value)
    for target in ("answers", "policies", "payloads"):
        assert timed(data, TARGETS[target]) is None


@settings(max_examples=150)
@given(st.text(max_size=20), JSONS)
def test_any_pointer_leads_somewhere_or_is_refused(pointer: str, value: Any) -> None:
    data = pointer.replace("\n", "").encode("utf-8", "surrogatepass") + b"\n" + encode(value)
    assert timed(data, TARGETS["paths"]) is None


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_json_or_a_typed_error(data: Any) -> None:
    for strict in (False, True):
        try:
            decode(data, strict=strict)
        except PayloadError as error:
            assert error.reason in ("number", "depth", "syntax", "trailing", "duplicate", "unicode")


@pytest.mark.parametrize(
    "data",
    [b"[" * 200_000, b'{"a":' * 100_000, b'"' + b"\\" * 200_001, b"[" * 400 + b"1" + b"]" * 400,
     b'{"a":"' + b"x" * 500_000 + b'"}', b"1" * 400_000, b"-" * 300_000, b"0." + b"1" * 300_000,
     b"1e" + b"9" * 300_000, b'["' + b"\\ud800" * 50_000 + b'"]', b"[1" + b",1" * 150_000 + b"]",
     b'{"labeled_paths":[' + b'{"path":"/0","labels":{}},' * 10_000 + b"{}]}"],
    ids=range(12),
)  # fmt: skip
def test_large_inputs_stay_within_the_bound(data: bytes) -> None:
    for target in ("answers", "policies", "payloads"):
        assert timed(data, TARGETS[target]) is None


def test_strict_beyond_lenient_would_be_a_finding() -> None:
    with pytest.raises(Finding):
        _within((True, 1), (False, None))
    with pytest.raises(Finding):
        _within((True, 1), (True, 2))
    assert _within((False, None), (True, 2)) is None
