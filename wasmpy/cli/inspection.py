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
from wasmpy.errors import InvalidError
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


def _offsets(module: Module, funcidx: int) -> List[int]:
    body = module.funcs[funcidx - _imported(module)].body
    return instr_offsets(module.binary or b"", body)


def _name(module: Module, funcidx: int) -> str:
    name = module.names.funcs.get(funcidx)
    return f"function {funcidx}" + (f" ({name})" if name else "")


def _steps(module: Module, funcidx: int, features: Features) -> Iterator[Step]:
    """The steps up to the first error."""
    try:
        yield from trace_function(module, funcidx, features)
    except InvalidError:
        return


def context_lines(
    module: Optional[Module], features: Features, error: Optional[Exception]
) -> List[Line]:
    """The instructions around the one that ``error`` is about, with the stack before it."""
    if module is None or not isinstance(error, InvalidError):
        return []
    funcidx, pc = error.func, error.pc
    if funcidx is None or pc is None or not 0 <= funcidx - _imported(module) < len(module.funcs):
        return []
    texts, offsets = instrs_of(module, funcidx), _offsets(module, funcidx)
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
        text = f"{mark} {offsets[i]:#08x}  {instr}"
        lines.append(Line(text, funcidx, i, offsets[i], instr.strip(), wrong=i == pc))
    lines.append(Line(f"stack before it: {before}", funcidx, pc, stack=before))
    if error.expected is not None:
        lines.append(Line(f"expected: {error.expected}", funcidx, pc))
        lines.append(Line(f"found:    {error.actual}", funcidx, pc))
    return lines


def trace_lines(module: Module, features: Features, only: Optional[int]) -> List[Line]:
    """For each function of the module its instructions, each with the stack after it."""
    imported = _imported(module)
    lines: List[Line] = []
    for funcidx in range(imported, imported + len(module.funcs)):
        if only is not None and funcidx != only:
            continue
        functype = module.functypes()[funcidx]
        lines.append(Line(f"{_name(module, funcidx)}: type {functype}", func=funcidx))
        texts, offsets = instrs_of(module, funcidx), _offsets(module, funcidx)
        last = -1
        for step in _steps(module, funcidx, features):
            last = step.pc
            if step.pc < 0:
                continue
            instr = texts[step.pc]
            stack = step.stack if step.reached else f"{step.stack} (not reached)"
            text = f"  {offsets[step.pc]:#08x}  {instr:<{_COLUMN}} {stack}"
            lines.append(Line(text, funcidx, step.pc, offsets[step.pc], instr.strip(), step.stack))
        if last + 1 < len(texts):
            at = last + 1
            text = f"  {offsets[at]:#08x}  {texts[at]:<{_COLUMN}} ! invalid"
            lines.append(Line(text, funcidx, at, offsets[at], texts[at].strip(), wrong=True))
    return lines
