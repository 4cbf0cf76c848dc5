"""What becomes of a guard after each way its guest can fail: the choice of who runs it.

What belongs here: the choice, by kind of failure.  What does not: the table
that it departs from (``errors.AFTER``), and doing it (``guard``).
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Optional, Type

from hostabi.errors import (
    After,
    GuardCancelled,
    GuardError,
    GuardExit,
    GuardExitZero,
    GuardFuelExhausted,
    GuardMemoryExhausted,
    GuardTimeout,
    GuardTrap,
    HostFunctionError,
    after,
    after_kind,
)

RESET = "reset"
"""The instance is made anew and given its policy again before the next call."""
POISON = "poison"
"""Every later call is refused."""

_CHOICES: Dict[str, After] = {RESET: After.RESET, POISON: After.POISONED}

KINDS: Dict[str, Type[GuardError]] = {
    "trap": GuardTrap,
    "memory": GuardMemoryExhausted,
    "exit": GuardExit,
    "exit_zero": GuardExitZero,
    "timeout": GuardTimeout,
    "fuel": GuardFuelExhausted,
    "cancelled": GuardCancelled,
    "host": HostFunctionError,
}
"""The kinds of failure that there is a choice about, and the error that each is."""


@dataclasses.dataclass(frozen=True)
class Recovery:
    """What becomes of a guard: ``"reset"`` or ``"poison"`` for each kind of failure.

    None is the default of that kind: a guard is reset after a timeout,
    exhausted fuel or memory, and a cancellation; it is poisoned after a trap,
    an exit with another code than 0, and a failure of the host's; and an exit
    with code 0 ends it.

    >>> Recovery(trap="reset").to_json()["trap"]
    'reset'

    Raises: ValueError for any other word.
    """

    trap: Optional[str] = None
    memory: Optional[str] = None
    exit: Optional[str] = None
    exit_zero: Optional[str] = None
    timeout: Optional[str] = None
    fuel: Optional[str] = None
    cancelled: Optional[str] = None
    host: Optional[str] = None

    def __post_init__(self) -> None:
        for name in KINDS:
            choice = getattr(self, name)
            if choice is not None and choice not in _CHOICES:
                raise ValueError(f"{name} is {RESET!r}, {POISON!r} or None, not {choice!r}")

    def after(self, error: BaseException, *, gateway: bool = False) -> After:
        """What ``error`` leaves behind, by this choice or else by the default."""
        for cls in type(error).__mro__:
            name = _NAMES.get(cls)
            if name is not None:
                choice = getattr(self, name)
                return _CHOICES[choice] if choice else after(error, gateway=gateway)
        return after(error, gateway=gateway)

    def to_json(self, *, gateway: bool = False) -> Dict[str, str]:
        """For each kind of failure what becomes of the guard, the defaults filled in."""
        found = {}
        for name, kind in KINDS.items():
            choice = getattr(self, name)
            made = _CHOICES[choice] if choice else after_kind(kind, gateway=gateway)
            found[name] = made.value
        return found


_NAMES: Dict[type, str] = {kind: name for name, kind in KINDS.items()}

DEFAULT_RECOVERY = Recovery()
