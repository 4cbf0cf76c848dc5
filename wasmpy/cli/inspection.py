"""What surrounds an invalid instruction, and the stack of types step by step.

What belongs here: joining the printed instructions of a function with their
offsets and with what the validator holds there.  What does not: printing
instructions (``wasmpy.text``), rules (``wasmpy.valid``).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterator, List, Optional

from wasmpy.binary.decode import instr_offsets
from wasmpy.config import Features
from wasmpy.errors import InvalidError, printable
from wasmpy.syntax.module import Module
from wasmpy.text.printer import ModulePrinter, Style
from wasmpy.valid.trace import Step, trace_function

AROUND = 3
"""So many instructions before and after the one that is wrong are shown."""
_COLUMN = 40


@dataclasses.dataclass
class Line:
    """A line, and what is in it."""

    text: str
    func: Optional[int] = None
    pc: Optional[int] = None
    offset: Optional[int] = None
    line: Optional[int] = None
    column: Optional[int] = None
    instr: str = ""
    stack: Optional[str] = None
    wrong: bool = False

    def to_json(self) -> Dict[str, Any]:
        """The line's parts as a JSON object."""
        parts = dataclasses.asdict(self)
        del parts["text"]
        return parts


def _imported(module: Module) -> int:
    return len(module.functypes()) - len(module.funcs)


def instrs_of(module: Module, funcidx: int) -> List[str]:
    """The instructions of a function in the text format, one for each pc."""
    func = module.funcs[funcidx - _imported(module)]
    printer = ModulePrinter(module, Style())
    count = len(printer.functype(func.typeidx).params) + sum(n for n, _ in func.locals)
    printer.begin(printer.ids.locals(funcidx, count), printer.ids.labels(funcidx), 0)
    return [*printer.flat(func.body, 0, {}, None), "end"]


@dataclasses.dataclass
class _Place:
    """Where an instruction stands: in the file, and in the text that it was made from."""

    offset: int
    line: Optional[int] = None
    column: Optional[int] = None

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.offset:#08x}"
        return f"{f'{self.line}:{self.column}':>8}"


def _places(module: Module, funcidx: int, parsed: Optional[Module]) -> List[_Place]:
    """The places of the instructions of a function, one for each pc."""
    index = funcidx - _imported(module)
    offsets = instr_offsets(module.binary or b"", module.funcs[index].body)
    positions = None if parsed is None else parsed.funcs[index].body.positions
    if positions is None:
        return [_Place(offset) for offset in offsets]
    return [_Place(offset, *position) for offset, position in zip(offsets, positions)]


def _name(module: Module, funcidx: int) -> str:
    name = module.names.funcs.get(funcidx)
    return f"function {funcidx}" + (f" ({printable(name)})" if name else "")


def _steps(module: Module, funcidx: int, features: Features) -> Iterator[Step]:
    """The steps up to the first error."""
    try:
        yield from trace_function(module, funcidx, features)
    except InvalidError:
        return


def context_lines(
    module: Optional[Module],
    features: Features,
    error: Optional[Exception],
    parsed: Optional[Module] = None,
) -> List[Line]:
    """The instructions around the one that ``error`` is about, with the stack before it.

    ``parsed`` is the text that the module was made from: places are lines and columns in it.
    """
    if module is None or not isinstance(error, InvalidError):
        return []
    funcidx, pc = error.func, error.pc
    if funcidx is None or pc is None or not 0 <= funcidx - _imported(module) < len(module.funcs):
        return []
    texts, places = instrs_of(module, funcidx), _places(module, funcidx, parsed)
    lines = [Line(f"in {_name(module, funcidx)}:", func=funcidx)]
    low = max(0, pc - AROUND)
    shown = range(low, min(len(texts), pc + AROUND + 1))
    indent = min(len(texts[i]) - len(texts[i].lstrip()) for i in shown)
    before = ""
    for step in _steps(module, funcidx, features):
        if step.pc < pc:
            before = step.stack if step.reached else f"{step.stack} (cannot be reached)"
    for i in shown:
        mark = ">" if i == pc else " "
        instr = texts[i][indent:]
        line = _line(f"{mark} {places[i]}  {instr}", funcidx, i, places[i], instr)
        line.wrong = i == pc
        lines.append(line)
    lines.append(Line(f"stack before it: {before}", funcidx, pc, stack=before))
    if error.expected is not None:
        lines.append(Line(f"expected: {error.expected}", funcidx, pc))
        lines.append(Line(f"found:    {error.actual}", funcidx, pc))
    return lines


def _line(text: str, funcidx: int, pc: int, place: _Place, instr: str) -> Line:
    return Line(text, funcidx, pc, place.offset, place.line, place.column, instr.strip())


def trace_lines(
    module: Module, features: Features, only: Optional[int], parsed: Optional[Module] = None
) -> List[Line]:
    """For each function of the module its instructions, each with the stack after it."""
    imported = _imported(module)
    lines: List[Line] = []
    for funcidx in range(imported, imported + len(module.funcs)):
        if only is not None and funcidx != only:
            continue
        functype = module.functypes()[funcidx]
        lines.append(Line(f"{_name(module, funcidx)}: type {functype}", func=funcidx))
        texts, places = instrs_of(module, funcidx), _places(module, funcidx, parsed)
        last = -1
        for step in _steps(module, funcidx, features):
            last = step.pc
            if step.pc < 0:
                continue
            instr = texts[step.pc]
            stack = step.stack if step.reached else f"{step.stack} (not reached)"
            text = f"  {places[step.pc]}  {instr:<{_COLUMN}} {stack}"
            line = _line(text, funcidx, step.pc, places[step.pc], instr)
            line.stack = step.stack
            lines.append(line)
        if last + 1 < len(texts):
            at = last + 1
            text = f"  {places[at]}  {texts[at]:<{_COLUMN}} ! invalid"
            line = _line(text, funcidx, at, places[at], texts[at])
            line.wrong = True
            lines.append(line)
    return lines
