"""``python -m wasmpy``: the command line, and nothing of its own."""

from __future__ import annotations

import sys

from wasmpy.cli import main

if __name__ == "__main__":
    sys.exit(main())
