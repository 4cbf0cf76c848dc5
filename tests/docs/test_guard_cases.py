"""The page on case files has every key that they may have, and the limits in the code."""

from __future__ import annotations

import re

import pytest

from hostabi.payload import MAX_DEPTH
from tests.arch.tree import ROOT
from wasmpy.testing import casefile, yamlfile
from wasmpy.testing import vocabulary as words

PAGE = (ROOT / "docs/reference/guard-cases.md").read_text("utf-8")
NAMED = set(re.findall(r"`([\w$-]+)`", PAGE)) | set(re.findall(r'"([\w$-]+)"', PAGE))


def keys() -> "set[str]":
    found = {*words.FILE_KEYS, *words.CASE_KEYS, *words.LIMIT_KEYS, *words.LOG_KEYS, *words.QUESTION_KEYS, "$file"}
    found |= {key for taken in words.CALL_KEYS.values() for key in taken} | set(words.EXPECT)
    todo = [field for table in words.EXPECT.values() for field in table.items()]
    while todo:
        key, field = todo.pop()
        found |= {key, *filter(None, field.words)}
        todo += list((field.fields or {}).items())
    return found | {word for allowed in words.WORDS.values() for word in allowed}


@pytest.mark.parametrize("key", sorted(keys()))
def test_the_page_names_every_key_and_word(key: str) -> None:
    assert key in NAMED


def test_the_limits_are_those_in_the_code() -> None:
    assert f"at most {casefile.MAX_BYTES >> 20} MiB and is nested at most {MAX_DEPTH} deep" in PAGE
    assert f"in YAML {yamlfile.MAX_BYTES >> 20} MiB and {yamlfile.MAX_DEPTH}" in PAGE
    assert f"up to {words.MAX_TIMEOUT}" in PAGE
