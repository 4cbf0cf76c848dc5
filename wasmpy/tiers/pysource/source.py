"""A function as Python text, and as a code object.

What belongs here: the frame around what ``structure`` or ``flat`` writes, and
compiling it.  In the text nothing comes from the module but numbers: its
functions, locals and memories have names made of their indices.
"""

from __future__ import annotations

import types
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from wasmpy.exec.layout import Layout
from wasmpy.syntax.types import F32, F64, FuncType, RefType, ValType, VecType
from wasmpy.tiers.pysource.blocks import Block, Sites, TooDeep, flatten
from wasmpy.tiers.pysource.flat import Flat
from wasmpy.tiers.pysource.graph import Graph
from wasmpy.tiers.pysource.lower import Lowering
from wasmpy.tiers.pysource.marks import FILENAME, NOT_YET, NotNow, Untaken
from wasmpy.tiers.pysource.shape import Shape
from wasmpy.tiers.pysource.structure import Structure
from wasmpy.tiers.pysource.values import Site

LONGEST = 50_000
"""Instructions beyond which a function stays in the reference tier: Python cannot be interrupted
while it compiles."""


class Source(NamedTuple):
    """A function as text.

    ``links`` are the names that are bound when it is linked; ``tails`` says
    that it may answer a tail call; ``form`` how its control flow is written;
    ``numbers`` are those of its places, if it catches exceptions.
    """

    funcidx: int
    text: str
    sites: Sites
    links: Tuple[str, ...]
    tails: bool
    form: str
    numbers: Dict[int, int]


class Parts(NamedTuple):
    """What writes a function: instructions, and the two forms of control flow."""

    lowering: Any
    structured: Any
    flat: Any


def write(
    shape: Shape, index: int, layout: Layout, functype: FuncType, valtypes: List[ValType],
    *, metered: bool, start: Optional[Tuple[int, int]] = None, parts: Optional[Parts] = None,
    look: Optional[Callable[[], None]] = None,
) -> Source:  # fmt: skip
    """The text of a function; ``look`` is called now and then.  Raises: Untaken, NotNow.

    With ``start``, a loop header and how many values there are at it (locals
    and the stack), it is the rest of the function from there.  ``parts`` are others to write with.
    """
    graph = Graph(layout, None if start is None else start[0])
    costs = layout.costs() if metered else []
    arity = len(functype.results)
    lowering, structured, flat = parts or Parts(Lowering, Structure, Flat)
    forms: List[Any] = [structured, flat] if graph.reducible and not layout.tries else [flat]

    def begun(form: Any, known: Any) -> Tuple[Lowering, Structure]:
        x: Lowering = lowering(shape, layout.body.ops, layout.body.imms, valtypes, metered=metered)
        x.look = look
        return x, form(x, graph, costs, arity, known)

    stacked = 0 if start is None else start[1] - len(valtypes)
    short: Optional[RecursionError] = None
    for form in forms:
        x, writer = begun(form, {})
        try:
            body = writer.write(stacked)
            known = writer.learned()
            if known:
                x, writer = begun(form, known)
                body = writer.write(stacked)
            if start is not None:
                return _rest(index, x, writer, body, stacked)
            return _framed(index, x, writer, body, functype)
        except TooDeep:
            continue
        except RecursionError as error:
            short = error  # how much room there is depends on who calls
        except MemoryError as error:
            raise NotNow(f"there is no memory to write it: {error}") from error
    if short is not None:
        raise NotNow(f"Python's stack has no room to write it: {short}") from short
    raise Untaken("its blocks nest too deep for Python")


def _framed(
    index: int, x: Lowering, writer: Structure, body: Block, functype: FuncType
) -> Source:
    """The text around a body: its variables, and the look at the depth of calls."""
    count = len(functype.params)
    arguments = "".join(f", l{i}" for i in range(count))
    head = _counter(x)
    for name in ("low", "deep", "look"):
        x.link(name)
    together = f"({arguments[2:]},)" if count else "()"
    deeper: Block = [
        (f"r = deep(d, {together})", Site(NOT_YET, ())),
        ("if r is None: look()", Site(writer.graph.entry, ())),
        ("else: return r[0]", None),
    ]
    head.append(("if d < low:", None, deeper))
    head += _defaults(x, count)
    if x.counter != "fuel":
        head.append((f"{x.counter} = fuel", None))
    return _text(index, x, writer, [*head, *body], arguments)


def _counter(x: Lowering) -> Block:
    """What makes the fuel, which all functions share, a variable to assign to."""
    return [("nonlocal fuel", None)] if x.metered and "fuel" in x.links else []


def _rest(index: int, x: Lowering, writer: Structure, body: Block, stacked: int) -> Source:
    """The text around the rest of a function: its frame is there already."""
    names = [f"l{i}" for i in range(len(x.valtypes))] + [f"s{i}" for i in range(stacked)]
    x.link("deep")
    head: Block = [*_counter(x), ("deep", None)]  # so that a trace finds whose frame it is
    if x.counter != "fuel":
        head.append((f"{x.counter} = fuel", None))
    return _text(index, x, writer, [*head, *body], "".join(f", {name}" for name in names))


def _text(index: int, x: Lowering, writer: Structure, block: Block, arguments: str) -> Source:
    links = tuple(sorted(x.links))
    lines: List[str] = [f"def make({', '.join(links)}):", f" def f{index}(d{arguments}):"]
    sites: Sites = {}
    flatten(block, 2, lines, sites)
    form = "flat" if isinstance(writer, Flat) else "structured"
    numbers = {}
    if writer.graph.layout.tries:
        numbers = {start: node.number for start, node in writer.graph.nodes.items()}
    return Source(index, "\n".join(lines) + "\n", sites, links, writer.tails, form, numbers)


def _defaults(x: Lowering, count: int) -> Block:
    """The locals that are no parameters, and are used."""
    named = {f"l{imm}" for op, imm in zip(x.ops, x.imms) if isinstance(imm, int)}
    by_text: Dict[str, List[str]] = {}
    for i in range(count, len(x.valtypes)):
        name = f"l{i}"
        if name in named:
            by_text.setdefault(_default(x.valtypes[i]), []).append(name)
    made: Block = []
    for text, names in by_text.items():
        for at in range(0, len(names), 50):
            made.append((" = ".join([*names[at : at + 50], text]), None))
    return made


def _default(valtype: ValType) -> str:
    if isinstance(valtype, RefType):
        return "None"
    if isinstance(valtype, VecType):
        return "bytes(16)"
    return "0.0" if valtype in (F32, F64) else "0"


def compiled(source: Source) -> types.CodeType:
    """The code object of a function.  Raises: Untaken, NotNow."""
    try:
        module = compile(source.text, FILENAME, "exec", dont_inherit=True)
    except (RecursionError, MemoryError) as error:
        raise NotNow(f"Python does not compile it here and now: {error}") from error
    except (SyntaxError, OverflowError) as error:
        raise Untaken(f"Python does not compile it: {error}") from error
    return _inner(_inner(module))


def _inner(code: types.CodeType) -> types.CodeType:
    """The code object inside another."""
    found = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    if len(found) != 1:
        raise Untaken("Python made more of it than one function")
    return found[0]
