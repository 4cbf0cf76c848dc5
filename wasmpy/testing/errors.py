"""What is wrong with a case file.

What belongs here: the one error of a case file that cannot be run.  What does
not: a case that fails, which is no error but a result (``engine``).
"""

from __future__ import annotations

from hostabi.errors import one_line
from wasmpy.errors import WasmError


class CaseError(WasmError):
    """A case file cannot be read, or says something that means nothing.

    ``file`` is its name; ``path`` leads to the place in it, such as
    ``cases[2].calls[0].expect.items``, and is empty for the whole file.
    """

    fields = ("message", "file", "path")

    def __init__(self, message: str, file: str, path: str = "") -> None:
        super().__init__(one_line(message))
        self.file = file
        self.path = path

    def __str__(self) -> str:
        where = one_line(f"{self.file}: {self.path}" if self.path else self.file)
        return f"{where}: {self.message}"
