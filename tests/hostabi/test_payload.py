"""JSON as the gateway writes and reads it: byte for byte, strict, bounded."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostabi import payload
from hostabi.errors import PayloadError
from hostabi.payload import decode, decode_object, encode


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # The three examples of the ABI.
        ({"tool_name": "get_file_contents", "capabilities": {},
          "tool_args": {"repo": "web", "owner": "acme", "path": "README.md"}},
         '{"capabilities":{},"tool_args":{"owner":"acme","path":"README.md","repo":"web"},'
         '"tool_name":"get_file_contents"}'),
        ({"tool_args": {"q": "x"}, "tool_name": "search_code",
          "tool_result": {"content": [{"type": "text", "text": '{"items":[{"n":1}]}'}]}},
         '{"tool_args":{"q":"x"},"tool_name":"search_code","tool_result":{"content":'
         '[{"text":"{\\"items\\":[{\\"n\\":1}]}","type":"text"}]}}'),
        ({"trusted-bots": ["ci[bot]"],
          "allow-only": {"repos": ["acme/web", "acme/api-*"], "min-integrity": "approved"}},
         '{"allow-only":{"min-integrity":"approved","repos":["acme/web","acme/api-*"]},'
         '"trusted-bots":["ci[bot]"]}'),
        ([], "[]"), ({}, "{}"), (None, "null"), ([True, False], "[true,false]"),
        ((1, (2,)), "[1,[2]]"),
        # Keys bytewise: upper case first, astral after the rest of the BMP.
        ({"b": 1, "B": 2, "é": 3, "z": 4, "\U0001f980": 5, "\uffee": 6},
         '{"B":2,"b":1,"z":4,"é":3,"\uffee":6,"\U0001f980":5}'),
        # Escapes.
        ("<a href='x'>&</a>", '"\\u003ca href=\'x\'\\u003e\\u0026\\u003c/a\\u003e"'),
        ("\u2028\u2029", '"\\u2028\\u2029"'),
        ("\b\f\n\r\t\0\x1f\x7f", '"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'),
        ('"\\/', '"\\"\\\\/"'),
        ("\u00e9\u4e2d\U0001f980", '"\u00e9\u4e2d\U0001f980"'),
        ("a\ud800b\udfffc", '"a\ufffdb\ufffdc"'),
        ({"\ud800": 1}, '{"\ufffd":1}'),
        ({"<": "&"}, '{"\\u003c":"\\u0026"}'),
    ],
)  # fmt: skip
def test_encoding_is_byte_exact(value, text):
    assert encode(value) == text.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (100.0, "100"),
        (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.5e21, "1.5e+21"), (1e100, "1e+100"),
        (1e-6, "0.000001"), (1e-7, "1e-7"), (1.25e-7, "1.25e-7"), (9.99e-7, "9.99e-7"),
        (1.5e-5, "0.000015"), (1e-10, "1e-10"), (5e-324, "5e-324"),
        (123456789.125, "123456789.125"), (1e16, "10000000000000000"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (2.0**53, "9007199254740992"), (2251799813685248.5, "2251799813685248.5"),
    ],
)  # fmt: skip
def test_floats_print_as_in_go(value, text):
    assert encode(value) == text.encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_and_choose_their_form_by_size(value):
    text = encode(value).decode()
    back = float(text)
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value)
    assert ("e" in text) == (value != 0 and not 1e-6 <= abs(value) < 1e21)


def test_d24_integers_are_exact_and_a_float64_under_gateway():
    big = 2**53 + 1
    assert encode([big, -big, 10**30]) == b"[9007199254740993,-9007199254740993,1" + b"0" * 30 + b"]"
    assert encode([big, -big, 10**30], float64=True) == b"[9007199254740992,-9007199254740992,1e+30]"
    assert decode(b"9007199254740993") == big
    with pytest.raises(PayloadError) as caught:
        encode(10**400, float64=True)
    assert caught.value.reason == "number"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",))), inner),
    max_leaves=20,
)  # fmt: skip


def same(value, back):
    """Whether a value came back; a float without fraction comes back as an integer."""
    if isinstance(value, float):
        return float(back) == value
    if isinstance(value, list):
        return len(value) == len(back) and all(map(same, value, back))
    if isinstance(value, dict):
        return value.keys() == back.keys() and all(same(value[k], back[k]) for k in value)
    return value == back and type(value) is type(back)


@given(json_values)
def test_decoding_undoes_encoding(value):
    text = encode(value)
    assert same(value, decode(text))
    # Any other reader agrees, and what was read is written the same again.
    assert json.loads(text) == decode(text)
    assert encode(decode(text)) == text


class _Odd:
    pass


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "number"), ([float("inf")], "number"), ({"a": -math.inf}, "number"),
        (_Odd(), "type"), (b"bytes", "type"), ({1, 2}, "type"), ([object], "type"),
        ({1: 2}, "key"), ({None: 2}, "key"), ({True: 2}, "key"),
        (10**5000, "number"), (-(10**4300), "number"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_json_is_a_typed_error(value, reason):
    with pytest.raises(PayloadError) as caught:
        encode(value)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_bounded_on_both_sides_without_recursion_errors():
    fits = nested(payload.MAX_DEPTH)
    assert decode(encode(fits)) == fits
    too_deep = nested(payload.MAX_DEPTH + 1)
    with pytest.raises(PayloadError) as caught:
        encode(too_deep)
    assert caught.value.reason == "depth"
    for text in ("[" * 501 + "]" * 501, "[" * 1_000_000, '{"a":' * 600 + "1" + "}" * 600):
        with pytest.raises(PayloadError) as caught:
            decode(text)
        assert caught.value.reason == "depth"


def test_a_cycle_is_a_depth_error_at_once():
    loop = []
    loop += [loop, loop]
    with pytest.raises(PayloadError) as caught:
        encode(loop)
    assert caught.value.reason == "depth"


def test_brackets_in_strings_are_no_depth():
    value = ["[" * 5000 + '\\"{' * 3]
    assert decode(encode(value)) == value


def test_depth_counts_nesting_not_number():
    assert len(decode("[" + ",".join(["[]"] * 5000) + "]")) == 5000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "syntax"), (b" ", "syntax"), (b"{", "syntax"), (b"[1,]", "syntax"),
        (b"{'a':1}", "syntax"), (b"{\"a\":1,}", "syntax"), (b"01", "trailing"), (b"+1", "syntax"),
        (b".5", "syntax"), (b"1.", "trailing"), (b"nul", "syntax"), (b'"\t"', "syntax"),
        (b'"\\x"', "syntax"), (b"NaN", "syntax"), (b"[Infinity]", "syntax"),
        (b"-Infinity", "syntax"), (b"\xef\xbb\xbf1", "syntax"), (b"\xa01", "syntax"),
        (b"1 2", "trailing"), (b"{}{}", "trailing"), (b"null,", "trailing"),
        (b"1" * 5000, "number"), (b"[-" + b"9" * 5000 + b"]", "number"), (b"1e400", "number"),
        ("1\u0661".encode(), "trailing"),
    ],
)  # fmt: skip
def test_what_is_no_json_text_is_a_typed_error(text, reason):
    with pytest.raises(PayloadError) as caught:
        decode(text)
    assert caught.value.reason in (reason, "syntax")
    assert "\n" not in str(caught.value)


def test_duplicate_keys_the_last_wins():
    assert decode(b'{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}


def test_white_space_around_the_value_is_fine():
    assert decode(b" \t\r\n[ 1 , 2 ]\n") == [1, 2]


def test_bytes_that_are_not_utf8_are_replaced_one_by_one():
    assert decode(b'"\xe2\x82A\xff"') == "\ufffd\ufffdA\ufffd"


def test_escaped_surrogates_are_joined_or_replaced():
    assert decode(rb'"\ud83e\udd80"') == "\U0001f980"
    value = decode(rb'{"\ud800":["\udc00x",{"k":"\ud800\ud800"}]}')
    assert value == {"\ufffd": ["\ufffdx", {"k": "\ufffd\ufffd"}]}


def test_the_size_is_looked_at_before_parsing():
    with pytest.raises(PayloadError) as caught:
        decode(b"[" * 11, max_bytes=10)
    assert caught.value.reason == "size"


def test_minus_zero_keeps_its_sign():
    assert encode(decode(b"-0")) == b"-0"
    assert encode(decode(b"-0.0")) == b"-0"


def test_a_null_is_an_empty_object_and_nothing_else_is_an_object():
    assert decode_object(b"null") == {}
    for text in (b"[]", b"1", b'"x"', b"true"):
        with pytest.raises(PayloadError) as caught:
            decode_object(text)
        assert caught.value.reason == "type"


def test_trimming_is_go_s():
    assert payload.trim(" \t\n\v\f\r\x85\xa0\u3000x\u2028") == "x"
    assert payload.trim("\x1cx\x1f") == "\x1cx\x1f"


def test_a_deep_stack_changes_nothing_but_the_error():
    def descend(n):
        return decode("[" * 400 + "]" * 400) if n == 0 else descend(n - 1)

    depth = sys.getrecursionlimit() - len(inspect.stack(0)) - 60
    with contextlib.suppress(PayloadError):
        assert descend(depth)
    with contextlib.suppress(PayloadError, RecursionError):
        # A typed error or, where not even a call fits, Python's own from this very function.
        assert descend(depth + 60)
