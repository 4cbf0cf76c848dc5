"""What all tests share: how hypothesis behaves.

No deadlines per example: they fail on a busy machine and on interpreters that
compile while they run.  Examples are drawn anew in each run; a failure prints
what reproduces it.  The command line keeps nothing unless a test says where.
"""

from __future__ import annotations

import os

import hypothesis

os.environ["WASMPY_CACHE_DIR"] = ""

hypothesis.settings.register_profile("wasmpy", deadline=None, print_blob=True)
hypothesis.settings.load_profile("wasmpy")
