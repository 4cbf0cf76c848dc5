"""Adapter for wasmpy's plain slots alone: no fused runs, nothing compiled."""

from __future__ import annotations

from typing import Any

from .base import Imports
from .wasmpy import WasmpyInstance, prepare, version

__all__ = ["instantiate", "prepare", "version"]


def instantiate(module: Any, imports: Imports, fuel: bool) -> WasmpyInstance:
    """A fresh instance in a store that never fuses."""
    return WasmpyInstance(module, imports, fuel, fusing="never")
