"""Tokens: comments, strings, annotations, positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.timing import least_seconds
from wasmpy.errors import MalformedError
from wasmpy.text.lexer import EOF, string_bytes, tokenize


def words(source: str) -> list:
    return tokenize(source).texts[:-1]


def test_tokens_and_their_pairs() -> None:
    tokens = tokenize('(a (b "c)") $d)')
    assert tokens.texts == ["(", "a", "(", "b", '"c)"', ")", "$d", ")", EOF]
    assert tokens.closers[0] == 7
    assert tokens.closers[2] == 5


@pytest.mark.parametrize(
    "source",
    [
        "a;;b\nc", "a(;b;)c", "a (; (; ;) ;) c", "a(;\";)c", "a ;; (;\n c", "a\tc", "a\r\nc",
        "a ;; x\rc", "a(@b c (d) \"\\n)\" ;) (;);)c", "a (@\"n\") c", "a(;;)c", "a(;;;)c",
    ],
)  # fmt: skip
def test_what_stands_between_tokens(source: str) -> None:
    assert words(source) == ["a", "c"]


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("a\n b)", 2, 3),
        ("(a\n(b)", 1, 1),
        ('a "b', 1, 3),
        ('"a"b', 1, 1),
        ('"a""b"', 1, 1),
        ('0$"l"', 1, 1),
        ('a"b"', 1, 1),
        ("(; (; ;)", 1, 1),
        ("(@a (b)", 1, 1),
        ("(@ a)", 1, 1),
        ('(@"")', 1, 1),
        ("\n\n  \x01", 3, 3),
        ("a \u00e9", 1, 3),
        ('"\\g"', 1, 1),
        ('"\t"', 1, 1),
        ('"\\u{d800}"', 1, 1),
        ('"\\u{110000}"', 1, 1),
        ('$"\\ff"', 1, 1),
        ("$", 1, 1),
        ('$""', 1, 1),
        ("a,b", 1, 1),
        ("{", 1, 1),
        ("a ;b", 1, 3),
    ],
)
def test_a_lexical_error_says_where(source: str, line: int, column: int) -> None:
    with pytest.raises(MalformedError) as caught:
        tokenize(source)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_quoted_identifiers_are_identifiers() -> None:
    assert words('$"a b" $a $"\\61" $"\\u{e9}"') == ["$a b", "$a", "$a", "$\u00e9"]


def test_escapes() -> None:
    text = r'"a\00\ff\n\r\t\\\'\"\u{7f}\u{e9}\u{1_F600}é"'
    assert string_bytes(text) == b"a\0\xff\n\r\t\\'\"\x7f\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9"


@given(st.binary(max_size=60))
def test_any_bytes_can_be_written(data: bytes) -> None:
    text = '"' + "".join(f"\\{byte:02x}" for byte in data) + '"'
    assert words(text) == [text]
    assert string_bytes(text) == data


@given(st.text(max_size=60))
def test_any_text_is_tokens_or_malformed(source: str) -> None:
    try:
        tokens = tokenize(source)
    except MalformedError as error:
        found = error
    else:
        assert all(
            source.startswith(text, start)
            for text, start in zip(tokens.texts, tokens.starts)
            if text[:1] != "$"
        )
        return
    assert 1 <= found.line <= source.count("\n") + 1
    assert 1 <= found.column <= len(source) + 1


@pytest.mark.parametrize(
    "piece",
    ["(", "(;", "(@a ", '"a" ', "a", ";;\n", "(;;)", '$"a" ', "a ;", '"\\', " ", '"a', "(@a)"],
)
def test_time_is_linear(piece: str) -> None:
    def seconds(count: int) -> float:
        source = piece * count

        def tried() -> None:
            try:
                tokenize(source)
            except MalformedError:
                pass

        return least_seconds(tried)

    # A quadratic scan takes 16 times as long on four times the input.
    assert seconds(20_000) < 10 * seconds(5_000) + 0.05
