"""Random sequences of operations: every kind of file system does what the model does.

Longer: ``python -m tests.wasi.fs_fuzz --minutes 10``.
"""

from __future__ import annotations

import sys

import pytest

from tests.wasi import fs_fuzz
from wasi.fs.host import containment_lacks

pytestmark = pytest.mark.skipif(containment_lacks() is not None, reason="no directories of the host here")


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


@pytest.mark.parametrize("seed", range(4))
def test_every_file_system_does_what_the_model_does(seed: int) -> None:
    for number in range(seed * 10, seed * 10 + 10):
        ops = fs_fuzz.sequence(number)
        assert fs_fuzz.run(ops) is None, fs_fuzz.shortest(ops)


@pytest.mark.slow
def test_every_file_system_does_what_the_model_does_for_longer() -> None:
    for number in range(100_000, 100_000 + (40 if sys.implementation.name == "pypy" else 150)):
        ops = fs_fuzz.sequence(number, 90)
        assert fs_fuzz.run(ops) is None, fs_fuzz.shortest(ops)


def test_the_comparison_sees_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fs_fuzz.model, "read_link", lambda top, path: b"elsewhere")
    assert fs_fuzz.run([("symlink", 0, b"l", b"f", False), ("readlink", 0, b"l", False)]) is not None
