"""What a fuzz target raises: an input that shows a defect."""

from __future__ import annotations


class Finding(AssertionError):
    """An input that shows a defect."""
