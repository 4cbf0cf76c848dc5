"""Syntax of the specification whose feature is off.

What belongs here: the error that says so, told apart from a text that is
wrong.  What does not: which syntax needs which feature; the instruction table
and the rules of the grammar know that.
"""

from __future__ import annotations

from typing import Optional

from wasmpy.errors import MalformedError


class Unsupported(MalformedError):  # noqa: N818 - no fault of the text
    """The text is WebAssembly, but uses a feature that is not enabled.

    ``feature`` is its name in :class:`wasmpy.config.Features`.
    """

    feature: str

    def __init__(
        self,
        message: str,
        feature: str = "",
        line: Optional[int] = None,
        column: Optional[int] = None,
    ) -> None:
        super().__init__(message, line=line, column=column, rule="text", feature=feature)

    def __str__(self) -> str:
        where = "" if self.line is None else f" at {self.line}:{self.column}"
        return f"unsupported: {self.message} needs the feature {self.feature}{where}"

