"""A reader of tokens: looking, taking, and saying where something is wrong.

What belongs here: the moves that every part of the grammar shares, for
tokens, names and numbers.  What does not: any production of the grammar.

Spec: ``text/conventions.html``.
"""

from __future__ import annotations

from typing import NoReturn, Optional

from wasmpy.errors import MalformedError
from wasmpy.text.lexer import EOF, Tokens, string_bytes
from wasmpy.text.numbers import parse_nat
from wasmpy.text.unsupported import Unsupported


class Cursor:
    """A position in a list of tokens."""

    def __init__(self, tokens: Tokens, pos: int = 0) -> None:
        self.tokens = tokens
        self.texts = tokens.texts
        self.closers = tokens.closers
        self.pos = pos

    def error(self, message: str, at: Optional[int] = None) -> MalformedError:
        """The error that ``message`` is at token ``at``, by default the next one."""
        return self.tokens.error(self.pos if at is None else at, message)

    def unsupported(self, what: str, feature: str, at: Optional[int] = None) -> Unsupported:
        """The error that ``what`` needs a feature."""
        line, column = self.tokens.place(self.tokens.starts[self.pos if at is None else at])
        return Unsupported(what, feature, line=line, column=column)

    def unexpected(self, expected: str) -> NoReturn:
        """Raise the error that the next token is not what the grammar wants."""
        found = self.texts[self.pos]
        raise self.error(f"unexpected token {found[:40] or 'end'}, expected {expected}")

    def expect(self, text: str) -> None:
        """Take the token ``text``."""
        if self.texts[self.pos] != text:
            self.unexpected(text or "the end")
        self.pos += 1

    def at_list(self, keyword: str) -> bool:
        """Whether ``(keyword`` comes next."""
        return self.texts[self.pos] == "(" and self.texts[self.pos + 1] == keyword

    def take_list(self, keyword: str) -> bool:
        """Take ``(keyword`` if it comes next."""
        if self.texts[self.pos] == "(" and self.texts[self.pos + 1] == keyword:
            self.pos += 2
            return True
        return False

    def at_end(self) -> bool:
        """Whether the next token closes a list or there is none."""
        return self.texts[self.pos] in (")", EOF)

    def take_id(self) -> Optional[str]:
        """Take an identifier if one comes next; given with its ``$``."""
        text = self.texts[self.pos]
        if text[:1] == "$":
            self.pos += 1
            return text
        return None

    def at_string(self) -> bool:
        """Whether a string comes next."""
        return self.texts[self.pos][:1] == '"'

    def take_string(self) -> bytes:
        """Take a string."""
        if not self.at_string():
            self.unexpected("a string")
        data = string_bytes(self.texts[self.pos])
        self.pos += 1
        return data

    def take_strings(self) -> bytes:
        """Take all strings that come next, joined."""
        parts = []
        while self.at_string():
            parts.append(self.take_string())
        return b"".join(parts)

    def take_name(self) -> str:
        """Take a string that must be UTF-8."""
        data = self.take_string()
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise self.error("malformed UTF-8 encoding", self.pos - 1) from None

    def at_number(self) -> bool:
        """Whether something that begins as an unsigned number comes next."""
        return self.texts[self.pos][:1] in _DIGITS

    def take_nat(self, bits: int) -> int:
        """Take an unsigned number below 2**bits."""
        try:
            value = parse_nat(self.texts[self.pos], bits)
        except ValueError as error:
            raise self.error(str(error)) from None
        self.pos += 1
        return value


_DIGITS = frozenset("0123456789")
