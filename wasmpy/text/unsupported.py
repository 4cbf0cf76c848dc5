"""Syntax of the specification that this version cannot express.

What belongs here: the error that says so, told apart from a text that is
wrong, and the names by which such syntax is recognised.  A name leaves this
file when the instruction table or the types get it.
"""

from __future__ import annotations

import re
from typing import Optional

from wasmpy.errors import MalformedError


class Unsupported(MalformedError):  # noqa: N818 - a limit of this version, no fault
    """The text is WebAssembly, but uses a feature that is not there or not enabled.

    ``feature`` is its name in :class:`wasmpy.config.Features`.
    """

    fields = (*MalformedError.fields, "feature")

    def __init__(
        self,
        message: str,
        feature: str = "",
        line: Optional[int] = None,
        column: Optional[int] = None,
    ) -> None:
        super().__init__(message, line=line, column=column)
        self.feature = feature

    def __str__(self) -> str:
        where = "" if self.line is None else f" at {self.line}:{self.column}"
        return f"unsupported: {self.message} needs the feature {self.feature}{where}"


_INSTRUCTIONS = (
    ("function_references", r"call_ref|return_call_ref|br_on_(non_)?null|ref\.as_non_null"),
    ("gc", r"(struct|array|i31|extern|any)\.\w+|ref\.(eq|test|cast|i31)|br_on_cast(_fail)?"),
)
_HEAPTYPES = (
    ("gc", r"any|eq|i31|struct|array|none|nofunc|noextern"),
    ("exceptions", r"exn|noexn"),
)
_FIELDS = (
    ("gc", r"rec|sub|struct|array"),
)


def _find(table: object, word: str) -> Optional[str]:
    assert isinstance(table, tuple)
    for feature, pattern in table:
        if re.fullmatch(pattern, word):
            return str(feature)
    return None


def instruction_feature(mnemonic: str) -> Optional[str]:
    """The feature an instruction outside the table belongs to, or None if there is no such one."""
    return _find(_INSTRUCTIONS, mnemonic)


def heaptype_feature(name: str) -> Optional[str]:
    """The feature an abstract heap type belongs to, or None if there is no such type."""
    return _find(_HEAPTYPES, name)


def field_feature(keyword: str) -> Optional[str]:
    """The feature a module field or composite type belongs to, or None."""
    return _find(_FIELDS, keyword)
