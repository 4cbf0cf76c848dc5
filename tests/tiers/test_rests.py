"""The rest of a function from each of its loop headers on, as tier auto goes on from one.

What belongs here: that every such text compiles, also where the loops have
several entries then.  That they agree: ``test_python_agrees``.
"""

from __future__ import annotations

from collections import Counter
from typing import Tuple

import wasmpy
from hostabi import bundled
from wasmpy.exec.layout import Layout
from wasmpy.tiers.pysource.graph import Graph
from wasmpy.tiers.pysource.shape import Shape
from wasmpy.tiers.pysource.source import compiled, write

LONGEST = 700
"""Instructions of a function that are tried here: the longer ones take the time."""


def test_every_loop_of_a_guard_can_be_gone_on_from() -> None:
    module = wasmpy.Module(bundled.guard_bytes(), features=wasmpy.Features.WASM2)
    syntax, shape = module.syntax, Shape(module.syntax)
    made: Counter[Tuple[str, bool]] = Counter()
    for i, (func, table) in enumerate(zip(syntax.funcs, module.sidetables)):
        if len(func.body) > LONGEST:
            continue
        functype = syntax.functype(func.typeidx)
        valtypes = list(functype.params)
        for count, valtype in func.locals:
            valtypes += [valtype] * count
        layout = Layout(func.body, table)
        for header in sorted(Graph(layout).loops):
            source = write(
                shape, shape.imported + i, layout, functype, valtypes,
                metered=header % 2 == 1, start=(header, len(valtypes)),
            )  # fmt: skip
            compiled(source)
            made[source.form, Graph(layout, header).reducible] += 1
    assert made["structured", True] > 100
    assert made["flat", False] >= 2, "loops of several entries are no longer tried"
