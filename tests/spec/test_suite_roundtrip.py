"""The modules of the official scripts: what is parsed is what is decoded from its encoding."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.syntax.module import Module
from wasmpy.text import Unsupported, parse_script
from wasmpy.wast.expectations import load_expectations
from wasmpy.wast.runner import suite_features

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPECTED = load_expectations(ROOT / "spec-tests")

FIELDS = [f.name for f in dataclasses.fields(Module) if f.name not in ("binary", "customs")]


@pytest.mark.parametrize("script", EXPECTED.scripts())
def test_parsed_is_decoded(suite: pathlib.Path, script: str) -> None:
    features = suite_features(suite / script)
    for command in parse_script((suite / script).read_bytes().decode("utf-8")):
        # What must be refused may hold what only one of the two formats can say.
        if command.source is None or command.source.form == "binary":
            continue
        if command.kind not in ("module", "definition", "assert_unlinkable", "assert_trap"):
            continue
        try:
            parsed = command.source.parse(features)
        except Unsupported:
            continue
        binary = encode_module(parsed)
        decoded = decode_module(binary, features)
        for name in FIELDS:
            assert getattr(decoded, name) == getattr(parsed, name), f"line {command.line}: {name}"
        assert encode_module(decoded) == binary
