"""What all tests share: how hypothesis behaves.

No deadlines per example: they fail on a busy machine and on interpreters that
compile while they run.  Examples are drawn anew in each run; a failure prints
what reproduces it.
"""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("wasmpy", deadline=None, print_blob=True)
hypothesis.settings.load_profile("wasmpy")
