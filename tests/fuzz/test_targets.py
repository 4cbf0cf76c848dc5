"""The fuzz targets hold on what they begin with, and on every input that once broke them."""

from __future__ import annotations

import pathlib
import time

import pytest

from tests.fuzz import targets
from tests.fuzz.finding import Finding
from tests.fuzz.targets import TARGETS, seeds, timed, words

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "spec-tests/scripts").glob("*.wast"))

FOUND = [
    ("text", b'(module (func block end $"\\u{110000}"))'),
    ("text", b'(module (@"\\u{d800}"))'),
]
"""Target and input of each finding, cut down."""


@pytest.mark.parametrize(("target", "data"), FOUND)
def test_what_was_found_stays_mended(target: str, data: bytes) -> None:
    assert timed(data, TARGETS[target]) is None


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_targets_accept_their_seeds_cut_anywhere(target: str) -> None:
    inputs = list(seeds(target, SCRIPTS))[:40]
    assert inputs
    for data in inputs:
        for cut in range(0, len(data), max(1, len(data) // 20)):
            assert timed(data[:cut], TARGETS[target]) is None


def _spin(data: bytes) -> None:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass


def test_a_slow_input_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "SECONDS", 0.01)
    with pytest.raises(Finding):
        timed(b"", _spin)


def test_the_dictionary_has_the_words_of_the_text_format() -> None:
    assert {"i32.add", "module", "(@name"} <= set(words())
