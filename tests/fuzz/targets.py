"""What is fuzzed: bytes through decoder, validator and dump, text through parser and printer.

What belongs here: the two targets as plain functions, what counts as a
finding, and the inputs to begin with; the table of all targets.  What does
not: those of the guard host (``guard_targets``); the engine that makes inputs
(``run``), which needs atheris; the tests beside this file need nothing.

A target accepts any input.  Two things are findings: an exception that is not
a ``WasmError`` of the expected kind, and an input that takes longer than its
bound.
"""

from __future__ import annotations

import pathlib
import time
from typing import Callable, Dict, Iterator, List, Optional

from tests.fuzz import guard_targets
from tests.fuzz.finding import Finding
from wasmpy.binary.decode import decode_module
from wasmpy.binary.encode import encode_module
from wasmpy.cli.dump import Walk
from wasmpy.config import Features
from wasmpy.errors import InvalidError, MalformedError, WasmError
from wasmpy.text import parse_module, parse_script
from wasmpy.text.printer import Style, print_module
from wasmpy.valid.module import validate_module

SECONDS = 2.0
"""What an input may take whatever its length, on a slow machine with coverage recorded."""
SECONDS_PER_BYTE = 0.0005
"""What each byte of it may take besides."""
LONGEST_SEED = 4096
SAID = ("name", "metadata.code.branch_hint")
"""Custom sections that the printer may say by identifiers and annotations."""


def bound(data: bytes) -> float:
    """How many seconds of the processor ``data`` may take."""
    return SECONDS + SECONDS_PER_BYTE * len(data)


def timed(data: bytes, act: Callable[[bytes], None]) -> None:
    """Do ``act`` within the bound.  Raises: Finding."""
    start = time.process_time()
    act(data)
    spent = time.process_time() - start
    if spent > bound(data):
        raise Finding(f"{len(data)} bytes took {spent:.2f} s, the bound is {bound(data):.2f} s")


def decode_and_validate(data: bytes) -> None:
    """Explain every byte; decode, validate, and encode again what is valid.

    Raises: Finding when the explanation leaves bytes out or the encoding
    decodes to another module; whatever the walk, the decoder and the
    validator raise beyond their own errors.
    """
    _explained(data)
    try:
        module = decode_module(data, Features.ALL)
        validate_module(module, Features.ALL)
    except (MalformedError, InvalidError):
        return
    again = decode_module(encode_module(module), Features.ALL)
    # A name section that stands twice is written once.
    again.customs = module.customs
    again.names = module.names
    if again != module:
        raise Finding("what was encoded decodes to another module")


def parse_text(data: bytes) -> None:
    """Parse a module; print and encode what parses.

    Raises: Finding when what is printed parses to another module; whatever
    the parser raises beyond its own error.
    """
    source = data.decode("utf-8", "replace")
    try:
        module = parse_module(source)
    except MalformedError:
        return
    encode_module(module)
    for fold in (False, True):
        again = parse_module(print_module(module, Style(fold=fold)))
        # Two sections the text says in another way; nothing else of a parsed module is lost.
        module.customs = [c for c in module.customs if c.name not in SAID]
        again.customs = [c for c in again.customs if c.name not in SAID]
        if again != module:
            raise Finding("what was printed parses to another module")


def _explained(data: bytes) -> None:
    walk = Walk(data, Features.ALL)
    at = 0
    for entry in walk.entries():
        if entry.offset != at:
            raise Finding(f"the explanation goes from {at} to {entry.offset}")
        at = entry.end
    if walk.error is None and at != len(data):
        raise Finding(f"the explanation ends at {at} of {len(data)}")


TARGETS: Dict[str, Callable[[bytes], None]] = {
    "decode": decode_and_validate,
    "text": parse_text,
    **guard_targets.TARGETS,
}


def _modules(script: pathlib.Path) -> Iterator[Dict[str, bytes]]:
    """The modules of a script: as text where they are text, as bytes where they have such a form."""
    for command in parse_script(script.read_bytes().decode("utf-8")):
        source = command.source
        if source is None:
            continue
        found: Dict[str, bytes] = {}
        if source.form == "binary":
            found["decode"] = source.data
        else:
            try:
                found["decode"] = encode_module(source.parse(Features.ALL))
            except (WasmError, KeyError, ValueError, TypeError, AttributeError):
                pass
            text = source.data.decode("utf-8", "replace") if source.form == "quote" else _text(source)
            found["text"] = text.encode("utf-8")
        yield found


def _text(source: object) -> str:
    """The text of a module that stands in a script."""
    tokens, start, end = source._tokens, source._start, source._end  # type: ignore[attr-defined]
    return str(tokens.source[tokens.starts[start] : tokens.starts[end]])


def seeds(target: str, scripts: List[pathlib.Path], longest: int = LONGEST_SEED) -> Iterator[bytes]:
    """Inputs to begin with: the modules of ``scripts``, each once, none too long.

    Those of the guard host's targets are texts of their own.
    """
    yield from guard_targets.SEEDS.get(target, [])
    seen = set()
    for script in scripts if target not in guard_targets.SEEDS else ():
        for found in _modules(script):
            data: Optional[bytes] = found.get(target)
            if data is not None and len(data) <= longest and data not in seen:
                seen.add(data)
                yield data


def words() -> List[str]:
    """What the texts are made of: mnemonics, keywords and types."""
    from wasmpy.isa.table import INSTRS

    keywords = """module type func param result local global memory table elem data import export
        start rec sub final struct array field mut tag ref null then else end block loop offset item
        declare catch catch_all pagesize shared i31ref anyref eqref (@custom (@name (@producers language sdk processed-by inf nan:0x1
        v128 i8x16 funcref externref exnref align=8 offset=1 0x1p-1 (; ;) ;; "\\u{1f600}" $"x" """
    return sorted({row.mnemonic for row in INSTRS} | set(keywords.split()))
