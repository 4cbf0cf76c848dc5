"""Bounds on the command line: fuel, time, pages, bytes, read alike by every command.

What belongs here: these numbers as a person writes them, and the options
that ask for them.  What does not: enforcing them.
"""

from __future__ import annotations

import argparse
from typing import Optional

GUARD_TIMEOUT = 60.0
"""Seconds that a call of a guard may take unless something else is said."""

_MAX_SECONDS = 1e9
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def fuel_amount(text: str) -> int:
    """A number of instructions; 0 is no fuel at all.  Raises: argparse.ArgumentTypeError."""
    value = _natural(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"not a number of instructions: {text!r}")
    return value


def page_count(text: str) -> int:
    """A number of pages, from 1.  Raises: argparse.ArgumentTypeError."""
    value = _natural(text)
    if not value:
        raise argparse.ArgumentTypeError(f"not a number of pages: {text!r}")
    return value


def name_count(text: str) -> int:
    """A number of names; 0 is none at all.  Raises: argparse.ArgumentTypeError."""
    value = _natural(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"not a number of names: {text!r}")
    return value


def seconds(text: str) -> float:
    """A time in seconds; 0 is no bound (``bound_of``).  Raises: argparse.ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < _MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text!r}")
    return value


def byte_count(text: str) -> int:
    """A number of bytes, or of KiB, MiB, GiB, TiB with K, M, G, T behind it.

    Raises: argparse.ArgumentTypeError.
    """
    unit = text[-1:].upper() if not text[-1:].isdecimal() else ""
    value = _natural(text[: len(text) - len(unit)])
    if not value or unit not in _UNITS:
        raise argparse.ArgumentTypeError(
            f"not a number of bytes, such as 1000000, 64M or 2G: {text!r}"
        )
    return value << _UNITS[unit]


def bound_of(timeout: Optional[float]) -> Optional[float]:
    """What ``--timeout`` means: 0 is none."""
    return timeout or None


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Declare ``--timeout`` for the calls of a guard."""
    parser.add_argument(
        "--timeout", type=seconds, metavar="S", default=GUARD_TIMEOUT,
        help=f"seconds each call may take (default: {GUARD_TIMEOUT:g}; 0: no bound)",
    )  # fmt: skip


def _natural(text: str) -> Optional[int]:
    """A number without a sign, with or without underscores, or None."""
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 30:
        return None
    return int(digits)
