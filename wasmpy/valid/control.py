"""Rules for control instructions, and the side table they write.

What belongs here: blocks, branches, calls, and where each branch goes.

Spec: ``valid/instructions.html#control-instructions``.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence, Tuple

from wasmpy.isa.derived import op_of
from wasmpy.syntax.types import FUNCREF, I32
from wasmpy.valid.context import SENTINEL, VALUE_SIGNATURE, Signature
from wasmpy.valid.stack import (
    CTRL_BASE,
    CTRL_END,
    CTRL_FIXUPS,
    CTRL_OP,
    CTRL_PLACE,
    CTRL_START,
    CTRL_UNREACHABLE,
    FUNCTION,
    Body,
    Ctrl,
    rule,
)

_BLOCK, _LOOP, _IF, _ELSE = (op_of(m) for m in ("block", "loop", "if", "else"))
_I32 = I32.code


class SideTable(NamedTuple):
    """Where the branches of a body go.

    ``branches`` has three numbers per branch, in the order of the
    instructions: the pc it goes to, how many values it carries, and how many
    values below these it removes.  One entry each for ``br``, ``br_if``,
    ``if`` (to behind its ``else``, or behind its ``end`` without one) and
    ``else`` (to behind the ``end``), n + 1 for ``br_table``.  A branch to a
    loop goes behind the ``loop``, one to the body itself to its last
    ``end``.  Code that cannot be reached has entries too, with 0 removed
    where that is not known.  ``max_height`` is a height the operand stack
    never passes, counted in values.

    ``try_table`` has an entry for each of its catch clauses: where it goes,
    how many values it carries (those of the exception), and how many it
    removes of those that lay below the block.  ``heights`` has one number for
    each ``try_table``, in the order of the instructions: how many values lie
    below it, its parameters taken.
    """

    branches: List[int]
    max_height: int
    heights: Sequence[int] = ()


def _signature(v: Body, blocktype: Any) -> Signature:
    """The type of a block that has one.  Spec: ``valid/types.html#valid-blocktype``."""
    if isinstance(blocktype, int):
        return v.signature(blocktype)
    if blocktype.code:
        return VALUE_SIGNATURE[blocktype.code]
    return Signature(b"", v.C.codes.frozen([v.code(blocktype)]))


def enter(v: Body, op: int, blocktype: Any, place: int) -> None:
    """Take the parameters of a block and push its control frame."""
    vals = v.vals
    if blocktype is None:
        v.ctrls.append([op, b"", b"", len(vals), False, [], place])
        vals.append(SENTINEL)
        return
    start, end = _signature(v, blocktype)
    v.pop_types(start)
    v.ctrls.append([op, start, end, len(vals), False, [], place])
    vals.append(SENTINEL)
    vals += start


@rule("block")
def _block(v: Body, blocktype: Any) -> None:
    enter(v, _BLOCK, blocktype, 0)


@rule("loop")
def _loop(v: Body, blocktype: Any) -> None:
    enter(v, _LOOP, blocktype, v.pc + 1)


@rule("if")
def _if(v: Body, blocktype: Any) -> None:
    v.pop(_I32)
    branches = v.branches
    place = len(branches)
    branches += (0, 0, 0)
    enter(v, _IF, blocktype, place)
    branches[place + 1] = len(v.ctrls[-1][CTRL_START])


def _leave(v: Body, top: Ctrl) -> None:
    """The operands of a frame at its end must be its results, and no more."""
    vals = v.vals
    height = top[CTRL_BASE] + 1
    types = top[CTRL_END]
    if vals[height:] != types:
        there = v.C.codes.frozen(vals[height:])
        v.pop_types(types)
        if len(vals) != height:
            raise v.mismatched(types, there)


@rule("else")
def _else(v: Body, _: Any) -> None:
    top = v.ctrls[-1]
    if top[CTRL_OP] != _IF:
        raise v.invalid("else without if")
    _leave(v, top)
    top[CTRL_FIXUPS].append(len(v.branches))
    v.branches += (0, len(top[CTRL_END]), 0)
    v.branches[top[CTRL_PLACE]] = v.pc + 1
    top[CTRL_OP] = _ELSE
    top[CTRL_UNREACHABLE] = False
    vals = v.vals
    del vals[top[CTRL_BASE] + 1 :]
    vals += top[CTRL_START]


@rule("end")
def _end(v: Body, _: Any) -> None:
    ctrls = v.ctrls
    op, start, end, base, _unreachable, fixups, place = top = ctrls[-1]
    vals = v.vals
    if end or len(vals) != base + 1:
        _leave(v, top)
        del vals[base:]
        vals += end
    else:
        vals.pop()
    after = v.pc + 1
    if op == _IF:
        # Without else the other arm passes the parameters on.
        if start != end and not v.C.codes.all_match(start, end):
            raise v.mismatched(end, start)
        v.branches[place] = after
    elif op == FUNCTION:
        after -= 1
    if fixups:
        branches = v.branches
        for i in fixups:
            branches[i] = after
    ctrls.pop()


def branch(v: Body, depth: int) -> bytes:
    """Note a branch to label ``depth``; the types it carries.

    Called when nothing but the carried operands is left to take.
    """
    ctrls = v.ctrls
    if depth >= len(ctrls):
        v.unknown("label", depth)
    op, types, end, base, _unreachable, fixups, pc = ctrls[-1 - depth]
    branches = v.branches
    if op != _LOOP:
        types = end
        fixups.append(len(branches))
    arity = len(types)
    # Each frame in between has a sentinel in the stack.
    drop = len(v.vals) - base - 1 - depth - arity
    if drop < 0 or ctrls[-1][CTRL_UNREACHABLE]:
        drop = 0
    branches += (pc, arity, drop)
    return types  # type: ignore[no-any-return]


def height_below(v: Body) -> int:
    """How many values lie below the innermost frame; each other frame has a sentinel there."""
    height: int = v.ctrls[-1][CTRL_BASE] - len(v.ctrls) + 1
    return height


def catch_to(v: Body, depth: int, types: bytes) -> None:
    """Note that the innermost frame sends exceptions to label ``depth`` outside of it.

    ``types`` are what they carry there.
    """
    ctrls = v.ctrls
    if depth + 1 >= len(ctrls):
        v.unknown("label", depth)
    wanted = _label_types(v, depth + 1)
    if types != wanted and not v.C.codes.all_match(types, wanted):
        raise v.mismatched(wanted, types)
    op, _, _, base, _, fixups, pc = ctrls[-2 - depth]
    if op != _LOOP:
        fixups.append(len(v.branches))
    drop = ctrls[-1][CTRL_BASE] - base - 1 - depth
    v.branches += (pc, len(types), max(drop, 0))


@rule("br")
def _br(v: Body, depth: int) -> None:
    types = branch(v, depth)
    if types:
        v.pop_types(types)
    v.set_unreachable()


@rule("br_if")
def _br_if(v: Body, depth: int) -> None:
    vals = v.vals
    if vals[-1] == _I32:
        vals.pop()
    else:
        v.pop(_I32)
    types = branch(v, depth)
    if types and not vals.endswith(types):
        v.pop_types(types)
        vals += types


def _label_types(v: Body, depth: int) -> bytes:
    if depth >= len(v.ctrls):
        v.unknown("label", depth)
    target = v.ctrls[-1 - depth]
    types: bytes = target[CTRL_START if target[CTRL_OP] == _LOOP else CTRL_END]
    return types


@rule("br_table")
def _br_table(v: Body, labels: Tuple[int, ...]) -> None:
    """All labels have the arity of the default and each takes what is there."""
    v.pop(_I32)
    vals = v.vals
    default = _label_types(v, labels[-1])
    checked = set()
    for depth in labels:
        types = branch(v, depth)
        if types in checked:
            continue
        checked.add(types)
        if len(types) != len(default):
            raise v.mismatched(default, types)
        # Taken and put back as they were: the next label sees the same operands.
        bottom = v.ctrls[-1][CTRL_BASE] + 1
        there = vals[max(bottom, len(vals) - len(types)) :]
        v.pop_types(types)
        vals += there
    v.set_unreachable()


@rule("return")
def _return(v: Body, _: Any) -> None:
    v.pop_types(v.results)
    v.set_unreachable()


@rule("unreachable")
def _unreachable(v: Body, _: Any) -> None:
    v.set_unreachable()


def check_results(v: Body, results: bytes) -> None:
    """A callee in tail position gives what the function gives."""
    if results != v.results and not v.C.codes.all_match(results, v.results):
        raise v.mismatched(v.results, results)


@rule("return_call")
def _return_call(v: Body, funcidx: int) -> None:
    if funcidx >= len(v.C.funcs):
        v.unknown("function", funcidx)
    params, results = v.C.funcs[funcidx]
    check_results(v, results)
    v.pop_types(params)
    v.set_unreachable()


@rule("call")
def _call(v: Body, funcidx: int) -> None:
    funcs = v.C.funcs
    if funcidx >= len(funcs):
        v.unknown("function", funcidx)
    params, results = funcs[funcidx]
    vals = v.vals
    if params:
        if vals.endswith(params):
            del vals[-len(params) :]
        else:
            v.pop_types(params)
    vals += results


def _indirect(v: Body, imm: Tuple[int, int]) -> Signature:
    """The type of an indirect call, whose index is taken."""
    typeidx, tableidx = imm
    C = v.C
    if tableidx >= len(C.tables):
        v.unknown("table", tableidx)
    if not C.codes.match(C.table_codes[tableidx], FUNCREF.code):
        raise v.invalid("type mismatch", "funcref", str(C.tables[tableidx].reftype))
    found = v.signature(typeidx)
    v.pop(C.tables[tableidx].addrtype.code)
    return found


@rule("call_indirect")
def _call_indirect(v: Body, imm: Tuple[int, int]) -> None:
    params, results = _indirect(v, imm)
    v.pop_types(params)
    v.vals += results


@rule("return_call_indirect")
def _return_call_indirect(v: Body, imm: Tuple[int, int]) -> None:
    params, results = _indirect(v, imm)
    check_results(v, results)
    v.pop_types(params)
    v.set_unreachable()
