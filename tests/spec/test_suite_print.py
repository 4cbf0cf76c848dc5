"""The modules of the official scripts and the guards: what is printed parses to the same module."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Iterator, List, Tuple

import pytest

from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.config import Features
from wasmpy.errors import MalformedError
from wasmpy.syntax.module import Custom, Func, Module
from wasmpy.syntax.types import ValType
from wasmpy.text import parse_module, parse_script
from wasmpy.text.printer import Style, print_module
from wasmpy.wast.expectations import load_expectations

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPECTED = load_expectations(ROOT / "spec-tests")
SCRIPTS = sorted({*EXPECTED.scripts(), *EXPECTED.not_run})
BINARIES = sorted([*ROOT.glob("hostabi/bundled/*.wasm"), *ROOT.glob("examples/guards/*/*.wasm"),
                   *ROOT.glob("benchmarks/kernels/*.wasm")])  # fmt: skip
STYLES = [Style(), Style(fold=True)]

UNSAID = ("name", "metadata.code.branch_hint")
"""Custom sections that the text says in another way."""


def _merged(func: Func) -> Func:
    """Locals in the longest runs: the text has no other."""
    runs: List[Tuple[int, ValType]] = []
    for count, valtype in func.locals:
        if count and runs and runs[-1][1] == valtype:
            runs[-1] = (runs[-1][0] + count, valtype)
        elif count:
            runs.append((count, valtype))
    return dataclasses.replace(func, locals=runs)


def as_text_has_it(module: Module) -> Module:
    """``module`` without what text cannot say.

    That is: in which runs locals are declared, a data count section that
    nothing needs, and behind which empty section a custom section stands.
    """
    customs = [Custom(c.name, c.data, 0) for c in module.customs if c.name not in UNSAID]
    return dataclasses.replace(
        module, funcs=[_merged(f) for f in module.funcs], customs=customs, datacount=None
    )


def modules(source: str) -> Iterator[Tuple[int, Module]]:
    """The modules of a script that can be read, with their lines."""
    for command in parse_script(source):
        if command.source is None or "malformed" in command.kind:
            continue
        try:
            if command.source.form == "binary":
                yield command.line, decode_module(command.source.data, Features.ALL)
            else:
                yield command.line, command.source.parse(Features.ALL)
        except MalformedError:
            continue


def check(module: Module, where: str) -> None:
    expected = as_text_has_it(module)
    for style in STYLES:
        parsed = as_text_has_it(parse_module(print_module(module, style)))
        for field in dataclasses.fields(Module):
            if field.compare:
                same = getattr(parsed, field.name) == getattr(expected, field.name)
                assert same, f"{where}: {field.name}, {style}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_module_of_the_suite(suite: pathlib.Path, script: str) -> None:
    for line, module in modules((suite / script).read_bytes().decode("utf-8")):
        check(module, f"line {line}")
    assert script.endswith(".wast")


@pytest.mark.slow
@pytest.mark.parametrize("path", BINARIES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_guard_and_kernel(path: pathlib.Path) -> None:
    module = decode_module(path.read_bytes(), Features.ALL)
    check(module, path.name)
    text = print_module(module)
    assert encode_module(parse_module(text)) == encode_module(parse_module(print_module(parse_module(text))))
    again = decode_module(encode_module(module), Features.ALL)
    assert dataclasses.replace(again, customs=[]) == dataclasses.replace(module, customs=[])
