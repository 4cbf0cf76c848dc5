"""A few hundred loops at random: those that are run ahead of are the same as in the reference tier.

What belongs here: how many loops are run in a test, and that they are worth
it.  What does not: the loops (``loop_fuzz``).
"""

from __future__ import annotations

import os

import pytest

from tests.tiers.loop_fuzz import fuzz
from wasmpy.tiers.pysource import idioms

LOOPS = int(os.environ.get("WASMPY_LOOPS", "400"))
FIRST = int(os.environ.get("WASMPY_FIRST_SEED", "0"))

pytestmark = pytest.mark.skipif(not idioms.ENABLED, reason="loops are not run ahead here")


def test_loops_at_random_are_the_same() -> None:
    count = fuzz(FIRST, loops=LOOPS)
    assert not count.found, count.found[0]
    assert count.loops == LOOPS
    assert count.ahead > LOOPS // 5
