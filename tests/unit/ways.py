"""The ways in which a function may run; what can be seen of it is the same in all."""

from __future__ import annotations

from typing import Any, Dict

WAYS: Dict[str, Dict[str, Any]] = {
    "never": {"tier": "reference", "fusing": "never"},
    "always": {"tier": "reference", "fusing": "always"},
    "python": {"tier": "python"},
}
"""By name (for the reference tier when it fuses runs): the arguments of a store."""
