"""The actions of ``wasmpy guard``: the table, and finding one.

What belongs here: one file per action, which gives what a subcommand's file
gives (``wasmpy.cli``): ``HELP``, ``EXAMPLE``, ``add_arguments``, ``run`` and
optionally ``parse``; one for several actions has ``HELPS`` as well, a line for
each.  What does not: choosing the action (``wasmpy.cli.guard``).

To add an action: its file, and its line in ``ACTIONS``.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Dict

ACTIONS: Dict[str, str] = {
    "label-agent": "label",
    "label-resource": "label",
    "label-response": "label",
    "test": "test",
    "new": "new",
    "proxy": "proxy",
}
"""The actions, in the order of the overview, each with its file."""


def load_action(name: str) -> ModuleType:
    """The module of the action ``name``, one of ``ACTIONS``."""
    return importlib.import_module(f"wasmpy.cli.guards.{ACTIONS[name]}")


def help_of(name: str) -> str:
    """What the action ``name`` does, in a line."""
    module = load_action(name)
    helps: Dict[str, str] = getattr(module, "HELPS", {})
    return helps.get(name) or str(module.HELP)
