"""The lexical format: source text into tokens, in one pass and linear time.

What belongs here: white space, comments, annotations (those that mean
something are kept beside the tokens, the others skipped), the shape of tokens,
the bytes of strings, the pairing of parentheses and the place of each token in
the source.  What does not: the value of a number (``numbers``) and
what a token means where it stands.

Spec: ``text/lexical.html``.
"""

from __future__ import annotations

import bisect
import re
import sys
from typing import List, NamedTuple, Optional, Tuple

from wasmpy.errors import MalformedError

_IDCHAR = r"0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~"
_ESCAPE = r"""\\(?:[nrt\\'"]|[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*\})"""
_PLAIN = r'[^"\\\x00-\x1f\x7f]*'
_STRING = f'"{_PLAIN}(?:{_ESCAPE}{_PLAIN})*"'
_RESERVED = rf"(?:[{_IDCHAR},\[\]{{}}]+|;(?!;)|{_STRING})+"

_OPEN, _CLOSE, _BARE, _WORD, _COMMENT, _ANNOTATION, _END = range(1, 8)
_ALTERNATIVES = (
    r"(\((?![;@]))",
    r"(\))",
    rf"([{_IDCHAR}]+)(?![{_IDCHAR}\",;\[\]{{}}])",
    f"({_RESERVED})",
    r"(\(;)",
    r"(\(@)",
    r"(\Z)",
    r"(.)",
)
# The last alternative always matches, so nothing the prefix took is given back.
_TOKEN = re.compile(
    r"[ \t\n\r]*(?:;;[^\n\r]*[ \t\n\r]*)*(?:" + "|".join(_ALTERNATIVES) + ")", re.DOTALL
)
_WHOLE_STRING = re.compile(rf"\$?{_STRING}")
_BARE_WORD = re.compile(f"[{_IDCHAR}]+")
_ANNOTATION_NAME = re.compile(f"[{_IDCHAR}]+|{_STRING}")
_COMMENT_MARK = re.compile(r"\(;|;\)")

EOF = ""
"""The text of the token behind the last one."""

ANNOTATIONS = frozenset(("name", "custom", "producers", "metadata.code.branch_hint"))
"""The annotations that mean something."""


class Annotation(NamedTuple):
    """An annotation that means something: its name, and where it and its content stand."""

    name: str
    start: int
    content: int
    end: int
    before: int
    """The token it stands before."""


class Tokens:
    """The tokens of one source.

    ``texts`` has each token as written; the last is ``EOF``.  The first
    character tells what it is: a parenthesis, ``"`` for a string, ``$`` for
    an identifier.  ``starts`` are the offsets in ``source``; ``closers`` has,
    for each opening parenthesis, the position of the one that closes it.
    ``annotations`` are those that mean something, in order.
    """

    __slots__ = ("annotations", "closers", "newlines", "source", "starts", "texts")

    def __init__(self, source: str) -> None:
        self.source = source
        self.texts: List[str] = []
        self.starts: List[int] = []
        self.closers: List[int] = []
        self.annotations: List[Annotation] = []
        self.newlines: Optional[List[int]] = None

    def place(self, offset: int) -> Tuple[int, int]:
        """Line and column, both from 1, of an offset in the source."""
        if self.newlines is None:
            self.newlines = [m.start() for m in re.finditer("\n", self.source)]
        line = bisect.bisect_left(self.newlines, offset)
        before = self.newlines[line - 1] if line else -1
        return line + 1, offset - before

    def error_at(self, offset: int, message: str) -> MalformedError:
        """The error that ``message`` is at an offset in the source."""
        line, column = self.place(offset)
        return MalformedError(message, line=line, column=column, rule="text")

    def error(self, index: int, message: str) -> MalformedError:
        """The error that ``message`` is at a token."""
        return self.error_at(self.starts[index], message)


def tokenize(source: str, pos: int = 0, end: int = sys.maxsize) -> Tokens:
    """The tokens of ``source``, or of the part of it from ``pos`` to ``end``.

    Raises: MalformedError, with line and column, for an illegal character or
    escape, a reserved token, or a comment, string, annotation or parenthesis
    that is not closed.
    """
    tokens = Tokens(source)
    texts, starts, closers = tokens.texts, tokens.starts, tokens.closers
    match = _TOKEN.match
    opened: List[int] = []
    while True:
        m = match(source, pos, end)
        assert m is not None
        kind = m.lastindex
        pos = m.end()
        if kind == _BARE:
            text = m.group(_BARE)
            start = pos - len(text)
            if text == "$":
                raise tokens.error_at(start, "empty identifier")
            closers.append(0)
        elif kind == _OPEN:
            text, start = "(", pos - 1
            opened.append(len(texts))
            closers.append(0)
        elif kind == _CLOSE:
            text, start = ")", pos - 1
            if not opened:
                raise tokens.error_at(start, "unexpected token )")
            closers[opened.pop()] = len(texts)
            closers.append(0)
        elif kind == _WORD:
            start = m.start(_WORD)
            text = _checked_word(tokens, start, m.group(_WORD))
            closers.append(0)
        elif kind == _COMMENT:
            pos = _skip_comment(tokens, pos)
            continue
        elif kind == _ANNOTATION:
            pos = _skip_annotation(tokens, pos)
            continue
        elif kind == _END:
            break
        else:
            raise _illegal(tokens, pos - 1)
        texts.append(text)
        starts.append(start)
    if opened:
        raise tokens.error(opened[-1], "unexpected end: parenthesis not closed")
    texts.append(EOF)
    starts.append(min(len(source), end))
    closers.append(0)
    return tokens


def _checked_word(tokens: Tokens, start: int, text: str) -> str:
    """A word with something behind it or in it: a string, a quoted identifier, or reserved."""
    if _BARE_WORD.fullmatch(text) and text != "$":
        return text
    if not _WHOLE_STRING.fullmatch(text):
        raise tokens.error_at(start, f"unknown operator {text[:40]}")
    quoted = text[0] == "$"
    try:
        data = string_bytes(text[quoted:])
    except ValueError as error:
        raise tokens.error_at(start, str(error)) from None
    if not quoted:
        return text
    if not data:
        raise tokens.error_at(start, "empty identifier")
    try:
        return "$" + data.decode("utf-8")
    except UnicodeDecodeError:
        raise tokens.error_at(start, "malformed UTF-8 encoding") from None


def _illegal(tokens: Tokens, start: int) -> MalformedError:
    """The error for a character that begins no token."""
    char = tokens.source[start]
    if char == '"':
        return tokens.error_at(start, "unclosed string or illegal escape")
    return tokens.error_at(start, f"illegal character {char!r}")


def _skip_comment(tokens: Tokens, pos: int) -> int:
    """The offset behind the block comment whose ``(;`` ends at ``pos``."""
    depth = 1
    start = pos - 2
    while depth:
        m = _COMMENT_MARK.search(tokens.source, pos)
        if m is None:
            raise tokens.error_at(start, "unclosed comment")
        depth += 1 if m.group() == "(;" else -1
        pos = m.end()
    return pos


def _skip_annotation(tokens: Tokens, pos: int) -> int:
    """The offset behind the annotation whose ``(@`` ends at ``pos``.

    Its content is any tokens, reserved ones too, with balanced parentheses.
    """
    source = tokens.source
    start = pos - 2
    name = _ANNOTATION_NAME.match(source, pos)
    if name is None or name.group() == '""':
        raise tokens.error_at(start, "empty annotation id")
    word = name.group()
    if word[0] == '"':
        word = _checked_word(tokens, pos, "$" + word)[1:]
    content = pos = name.end()
    depth = 1
    while depth:
        m = _TOKEN.match(source, pos)
        assert m is not None
        kind = m.lastindex
        pos = m.end()
        if kind in (_OPEN, _ANNOTATION):
            depth += 1
        elif kind == _CLOSE:
            depth -= 1
        elif kind == _COMMENT:
            pos = _skip_comment(tokens, pos)
        elif kind == _END:
            raise tokens.error_at(start, "unclosed annotation")
        elif kind not in (_BARE, _WORD):
            raise _illegal(tokens, pos - 1)
    if word in ANNOTATIONS:
        tokens.annotations.append(Annotation(word, start, content, pos - 1, len(tokens.texts)))
    return pos


def annotation_tokens(tokens: Tokens, annotation: Annotation) -> Tokens:
    """The tokens between an annotation's name and its end.

    Raises: MalformedError where one of them is none outside an annotation.
    """
    return tokenize(tokens.source, annotation.content, annotation.end)


_SIMPLE_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\", "'": b"'", '"': b'"'}
_ANY_ESCAPE = re.compile(_ESCAPE)


def string_bytes(text: str) -> bytes:
    r"""The bytes that a string token (with its quotes) denotes.

    Raises: ValueError for a ``\u{...}`` that is no Unicode scalar value.

    >>> string_bytes('"a\\00\\u{e9}"')
    b'a\x00\xc3\xa9'
    """
    if "\\" not in text:
        return _utf8(text[1:-1])
    out: List[bytes] = []
    pos = 1
    for m in _ANY_ESCAPE.finditer(text):
        out.append(_utf8(text[pos : m.start()]))
        body = m.group()[1:]
        simple = _SIMPLE_ESCAPES.get(body)
        if simple is not None:
            out.append(simple)
        elif body[0] == "u":
            out.append(_scalar(body[2:-1].replace("_", "")))
        else:
            out.append(bytes.fromhex(body))
        pos = m.end()
    out.append(_utf8(text[pos:-1]))
    return b"".join(out)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("malformed UTF-8 encoding") from None


def _scalar(digits: str) -> bytes:
    value = int(digits, 16)
    if value >= 0x110000 or 0xD800 <= value < 0xE000:
        raise ValueError("a Unicode scalar value out of range")
    return chr(value).encode("utf-8")
