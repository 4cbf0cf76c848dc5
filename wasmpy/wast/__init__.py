"""Running the official test scripts: a library, and the base of the ``wast`` command."""

from __future__ import annotations

from wasmpy.wast.report import CommandResult, ScriptReport
from wasmpy.wast.runner import run_script

__all__ = ["CommandResult", "ScriptReport", "run_script"]
