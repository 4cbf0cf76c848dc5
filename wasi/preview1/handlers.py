"""The table of what WASI's functions do, and how one enters it.

What belongs here: the table alone.  What does not: any function; they stand in
the other files of this package, by meaning.
"""

from __future__ import annotations

from typing import Callable, Dict, TypeVar

from wasi import abi

Handler = Callable[..., None]
"""Takes the guest's state, the caller, its memory and the raw arguments; returns on success.

The rule for all: first the descriptors and their rights are checked, then the
flags and pointers, then something happens.
"""

_H = TypeVar("_H", bound=Handler)

HANDLERS: Dict[str, Handler] = {}
"""Every function of the specification, by name."""


def handler(fn: _H) -> _H:
    """Enter ``fn`` under its own name."""
    assert fn.__name__ in abi.FUNCTIONS, fn.__name__
    HANDLERS[fn.__name__] = fn
    return fn
