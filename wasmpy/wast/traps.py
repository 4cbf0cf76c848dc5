"""What the scripts call each kind of trap.

What belongs here: the wordings of the official scripts, as data.  Traps are
told apart by kind; only the script's side is text.
"""

from __future__ import annotations

from typing import Dict, Optional

from wasmpy.errors import TrapKind

SCRIPT_TEXT: Dict[str, TrapKind] = {
    **{kind.text: kind for kind in TrapKind},
    "undefined element": TrapKind.TABLE_OUT_OF_BOUNDS,
    "undefined": TrapKind.TABLE_OUT_OF_BOUNDS,
    "uninitialized": TrapKind.INDIRECT_CALL_TO_NULL,
    "indirect call": TrapKind.BAD_SIGNATURE,
    "null function reference": TrapKind.NULL_REFERENCE,
    "null structure reference": TrapKind.NULL_REFERENCE,
    "null array reference": TrapKind.NULL_REFERENCE,
    "null i31 reference": TrapKind.NULL_REFERENCE,
    "null exception reference": TrapKind.NULL_REFERENCE,
}
"""The beginning of an expected message, and the kind it means."""

_LONGEST_FIRST = sorted(SCRIPT_TEXT, key=len, reverse=True)


def expected_kind(text: str) -> Optional[TrapKind]:
    """The kind of trap that a script's message means, or None if it is unknown.

    >>> expected_kind("uninitialized element 2").name
    'INDIRECT_CALL_TO_NULL'
    """
    for prefix in _LONGEST_FIRST:
        if text.startswith(prefix):
            return SCRIPT_TEXT[prefix]
    return None
