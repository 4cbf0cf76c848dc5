"""The text format: modules (WAT) and scripts (.wast) as data.

Spec: ``text/index.html``.
"""

from __future__ import annotations

from wasmpy.text.parser import parse_module
from wasmpy.text.script import parse_script
from wasmpy.text.unsupported import Unsupported

__all__ = ["Unsupported", "parse_module", "parse_script"]
