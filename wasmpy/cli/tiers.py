"""``--tier`` and ``--fallback``, asked for alike by every command that runs functions.

What belongs here: the options and their errors.  What does not: the tiers.
"""

from __future__ import annotations

import argparse

from wasmpy.api.store import DEFAULT_TIER, TIERS
from wasmpy.tiers.fallback import FALLBACKS

TIER = DEFAULT_TIER
"""The tier that commands run in unless something else is said."""

_TO_COME = "native"


def tier(text: str) -> str:
    """The name of a tier.  Raises: argparse.ArgumentTypeError."""
    if text == _TO_COME:
        raise argparse.ArgumentTypeError("the native tier is not there yet")
    if text not in TIERS:
        raise argparse.ArgumentTypeError(f"no tier: {text!r} (there are {', '.join(TIERS)})")
    return text


def add_tier(parser: argparse.ArgumentParser, default: str = TIER) -> None:
    """Declare ``--tier``."""
    parser.add_argument(
        "--tier", type=tier, metavar="TIER", default=default,
        help=f"what runs functions: {', '.join(TIERS)} (default: {default})",
    )  # fmt: skip


def add_fallback(parser: argparse.ArgumentParser) -> None:
    """Declare ``--fallback``."""
    parser.add_argument("--fallback", choices=FALLBACKS, default="silent",
                        metavar="WHAT", help="where the tier does not take a function: "
                        f"{', '.join(FALLBACKS)} (default: %(default)s)")  # fmt: skip
