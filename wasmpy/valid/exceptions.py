"""Rules for exceptions, and what the side table says of their handlers.

What belongs here: ``throw``, ``throw_ref`` and ``try_table``.  What does not:
the tag section (``module``).

Spec: ``valid/instructions.html#valid-throw``.
"""

from __future__ import annotations

from typing import Any, Tuple

from wasmpy.isa.derived import op_of
from wasmpy.syntax.module import Catch
from wasmpy.syntax.types import EXNREF, RefType
from wasmpy.valid.codes import codes_of
from wasmpy.valid.control import catch_to, enter, height_below
from wasmpy.valid.stack import Body, rule

_TRY_TABLE = op_of("try_table")
_CAUGHT = codes_of([RefType.of("exn", null=False)])
"""What a clause with ``ref`` carries behind the values."""


def _params(v: Body, tagidx: int) -> bytes:
    """The types of the values that an exception with a tag carries."""
    if tagidx >= len(v.C.tags):
        v.unknown("tag", tagidx)
    return v.C.tags[tagidx].params


@rule("throw")
def _throw(v: Body, tagidx: int) -> None:
    v.pop_types(_params(v, tagidx))
    v.set_unreachable()


@rule("throw_ref")
def _throw_ref(v: Body, _: Any) -> None:
    v.pop(EXNREF.code)
    v.set_unreachable()


@rule("try_table")
def _try_table(v: Body, imm: Tuple[Any, Tuple[Catch, ...]]) -> None:
    """The clauses are outside of the block: its own label is not theirs."""
    blocktype, catches = imm
    enter(v, _TRY_TABLE, blocktype, 0)
    v.heights.append(height_below(v))
    for catch in catches:
        types = b"" if catch.tag is None else _params(v, catch.tag)
        if catch.ref:
            types = v.C.codes.frozen((*types, *_CAUGHT))
        catch_to(v, catch.label, types)
