"""Validation of one body: the loop over its instructions.

What belongs here: how the table's rows are sorted into a few shapes that the
loop knows, the loop, and constant expressions.  What does not: the rule of
any instruction.

An instruction whose type stands in the table is handled by its shape, and by
its row alone when the shape is unusual; everything else goes to its rule.

Spec: ``valid/instructions.html#expressions``.
"""

from __future__ import annotations

import functools
from typing import Any, Dict, List, Tuple

from wasmpy.config import Features
from wasmpy.errors import InvalidError
from wasmpy.isa.derived import BY_OP, op_of
from wasmpy.isa.table import INSTRS, OP_COUNT, Instr
from wasmpy.syntax.module import Expr
from wasmpy.syntax.types import I32
from wasmpy.valid import aggregate, exceptions, instr  # noqa: F401 - they register their rules
from wasmpy.valid.codes import code_of, codes_of
from wasmpy.valid.context import EMPTY, Context, Signature
from wasmpy.valid.control import SideTable
from wasmpy.valid.stack import RULES, Body, Rule

(
    _NONE, _LOCAL_GET, _LOCAL_SET, _LOCAL_TEE, _PUSH, _UNARY, _BINARY, _LOAD, _STORE, _TABLE, _RULE,
    _OPEN, _CLOSE,
) = range(13)  # fmt: skip

_BY_NAME: Dict[int, int] = {
    op_of("local.get"): _LOCAL_GET,
    op_of("local.set"): _LOCAL_SET,
    op_of("local.tee"): _LOCAL_TEE,
    **dict.fromkeys(map(op_of, ("block", "loop", "if", "try_table")), _OPEN),
    op_of("end"): _CLOSE,
}
_GLOBAL_GET, _END = op_of("global.get"), op_of("end")
_OFFSET_LIMIT = 1 << 32
_OFFSET_LIMIT_64 = 1 << 64
_MANY_LOCALS = 1000


def _shape(row: Instr) -> int:
    """How the loop handles ``row``."""
    if row.op in _BY_NAME:
        return _BY_NAME[row.op]
    if row.op in RULES:
        return _RULE
    assert row.params is not None
    assert row.results is not None
    arities = len(row.params), len(row.results)
    if row.immediates == ("memarg",) and row.access is not None:
        return {(1, 1): _LOAD, (2, 0): _STORE}.get(arities, _TABLE)
    if any(instr.CHECKS[kind] is not instr.no_check for kind in row.immediates):
        return _TABLE
    if arities == (2, 1) and row.params[0] == row.params[1]:
        return _BINARY
    return {(0, 1): _PUSH, (1, 1): _UNARY}.get(arities, _TABLE)


def _code(types: Any, place: int) -> int:
    return code_of(types[place]) if types else 0


# Of each row the type of its last parameter and of its first result, the
# natural alignment of its access, and its whole signature.  Tuples are
# indexed faster than bytes.
_TAKES = tuple([_code(row.params, -1) if row else 0 for row in BY_OP])
_GIVES = tuple([_code(row.results, 0) if row else 0 for row in BY_OP])
_NATURAL = tuple([row.access.width.bit_length() - 1 if row and row.access else 0 for row in BY_OP])
_SIGNATURES = tuple(
    [
        Signature(codes_of(row.params or ()), codes_of(row.results or ())) if row else EMPTY
        for row in BY_OP
    ]
)
_RULES: Tuple[Rule, ...] = tuple([RULES.get(op, instr.no_rule) for op in range(OP_COUNT)])


@functools.lru_cache(maxsize=16)
def _shapes(features: Features) -> Tuple[int, ...]:
    """The shape of each opcode number under ``features``."""
    shapes = [_NONE] * OP_COUNT
    for row in INSTRS:
        if row.feature in features:
            shapes[row.op] = _shape(row)
    return tuple(shapes)


@functools.lru_cache(maxsize=16)
def _stateful_shapes(features: Features) -> Tuple[int, ...]:
    """As ``_shapes``, with access to locals by rule."""
    local = (_LOCAL_GET, _LOCAL_SET, _LOCAL_TEE)
    return tuple([_RULE if shape in local else shape for shape in _shapes(features)])


def validate_body(C: Context, func: int, expr: Expr, locals_: bytes, results: bytes) -> SideTable:
    """Validate the body of function ``func``; where its branches go.

    ``locals_`` are the parameters and the locals.

    Spec: ``valid/modules.html#valid-func``.  Raises: InvalidError.
    """
    v = Body(C, expr.ops, expr.imms, locals_, results, func)
    height = _run(v)
    return SideTable(v.branches, height, v.heights)


def validate_constant(C: Context, expr: Expr, result: int, where: str, known: int) -> None:
    """Validate a constant expression of type ``result``; ``where`` names it in errors.

    It may read the first ``known`` globals; before 3.0 imported ones alone.

    Spec: ``valid/instructions.html#constant-expressions``.  Raises: InvalidError.
    """
    v = Body(C, expr.ops, expr.imms, b"", C.codes.frozen([result]), None, where)
    if "gc" not in C.features:
        known = min(known, C.imported_globals)
    try:
        _check_constant(v, known)
        _run(v)
    except InvalidError as error:
        error.offset = expr.offset
        if expr.positions is not None and error.pc is not None:
            error.line, error.column = expr.positions[error.pc]
        raise


def _check_constant(v: Body, known: int) -> None:
    """Every instruction is constant; globals are among the first ``known``, and immutable."""
    C = v.C
    last = len(v.ops) - 1
    for pc, op in enumerate(v.ops):
        v.pc = pc
        row = BY_OP[op]
        if pc == last and op == _END:
            break
        if row is None or not row.const:
            raise v.invalid("constant expression required")
        if row.const != "mvp" and row.const not in C.features:
            why = f"{row.mnemonic} in one needs the feature {row.const}"
            raise v.invalid(f"constant expression required: {why}", feature=row.const)
        if op == _GLOBAL_GET:
            globalidx = v.imms[pc]
            if globalidx >= known:
                own = C.imported_globals <= globalidx < len(C.globals) and "gc" not in C.features
                if own:
                    v.unknown("global", f"{globalidx} (needs the feature gc)", "gc")
                v.unknown("global", globalidx)
            if C.globals[globalidx].mut:
                raise v.invalid("constant expression required")


def _run(v: Body) -> int:  # noqa: C901, PLR0912, PLR0915 - the hot loop of validation
    """Validate every instruction; the greatest height of the operand stack.

    The height is looked at only before an instruction that takes more than
    it gives: it is greatest there.  ``highest`` counts sentinels as well, so
    it moves with the control frames.
    """
    C = v.C
    # Locals without a default value have a state, which their rules know.
    declared = v.locals[v.params :]
    unset = any(code in declared for code in C.codes.unset)
    shapes = _stateful_shapes(C.features) if unset else _shapes(C.features)
    takes, gives, natural = _TAKES, _GIVES, _NATURAL
    imms = v.imms
    vals = v.vals
    ctrls = v.ctrls
    push, pop = vals.append, vals.pop
    rules = _RULES
    # A tuple is indexed faster than bytes; a hostile module declares many locals for nothing.
    locals_ = tuple(v.locals) if len(v.locals) < _MANY_LOCALS else v.locals
    known = len(locals_)
    # Accesses to the first memories are in line as long as these have one address type.
    addrtype = C.mems[0].addrtype if C.mems else I32
    mems = next((i for i, m in enumerate(C.mems) if m.addrtype != addrtype), len(C.mems))
    address = addrtype.code
    offsets = _OFFSET_LIMIT if addrtype == I32 else _OFFSET_LIMIT_64
    highest = 1
    for pc, op in enumerate(v.ops):
        shape = shapes[op]
        if shape == _LOCAL_GET:
            x = imms[pc]
            if x >= known:
                v.pc = pc
                v.unknown("local", x)
            push(locals_[x])
        elif shape == _PUSH:
            push(gives[op])
        elif shape >= _RULE:
            if len(vals) > highest:
                highest = len(vals)
            v.pc = pc
            rules[op](v, imms[pc])
            if shape == _OPEN:
                highest += 1
            elif shape == _CLOSE:
                highest -= 1
                if not ctrls:
                    break
        elif shape == _BINARY:
            if len(vals) > highest:
                highest = len(vals)
            take = takes[op]
            found = pop()
            if found == take and vals[-1] == take:
                vals[-1] = gives[op]
            else:
                push(found)
                v.pc = pc
                by_table(v, op)
        elif shape == _LOAD:
            align, offset, memidx = imms[pc]
            if (
                vals[-1] == address
                and align <= natural[op]
                and memidx < mems
                and offset < offsets
            ):
                vals[-1] = gives[op]
            else:
                v.pc = pc
                by_table(v, op)
        elif shape == _STORE:
            align, offset, memidx = imms[pc]
            if len(vals) > highest:
                highest = len(vals)
            found = pop()
            if (
                found == takes[op]
                and vals[-1] == address
                and align <= natural[op]
                and memidx < mems
                and offset < offsets
            ):
                pop()
            else:
                push(found)
                v.pc = pc
                by_table(v, op)
        elif shape == _LOCAL_SET:
            x = imms[pc]
            if len(vals) > highest:
                highest = len(vals)
            if x < known and vals[-1] == locals_[x]:
                pop()
            else:
                v.pc = pc
                rules[op](v, x)
        elif shape == _LOCAL_TEE:
            x = imms[pc]
            if x >= known or vals[-1] != locals_[x]:
                v.pc = pc
                rules[op](v, x)
        elif shape == _UNARY:
            if vals[-1] == takes[op]:
                vals[-1] = gives[op]
            else:
                v.pc = pc
                by_table(v, op)
        elif shape == _TABLE:
            if len(vals) > highest:
                highest = len(vals)
            v.pc = pc
            by_table(v, op)
        else:
            v.pc = pc
            _refuse(v, op)
    _check_ended(v)
    return highest


def _check_ended(v: Body) -> None:
    """The last instruction, and no other, closes the body.  Raises: InvalidError."""
    if v.ctrls or v.pc != len(v.ops) - 1:
        raise v.invalid("END opcode expected")


def _check(v: Body, op: int) -> None:
    """Every immediate of ``op`` by the rule of its kind.  Raises: InvalidError."""
    row = BY_OP[op]
    assert row is not None
    imm = v.imms[v.pc]
    items: Tuple[Any, ...] = imm if len(row.immediates) > 1 else (imm,)
    for kind, item in zip(row.immediates, items):
        instr.CHECKS[kind](v, row, item)


def by_table(v: Body, op: int) -> None:
    """An instruction by its row alone."""
    row = BY_OP[op]
    assert row is not None
    if row.immediates:
        _check(v, op)
    params, results = _SIGNATURES[op]
    if "memarg" in row.immediates and "memory64" in v.C.features:
        imm = v.imms[v.pc]
        _, _, memidx = imm if len(row.immediates) == 1 else imm[row.immediates.index("memarg")]
        params = codes_of([v.C.mems[memidx].addrtype]) + params[1:]
    v.pop_types(params)
    v.vals += results


def _refuse(v: Body, op: int) -> None:
    """Raise for an opcode that is not in the table, or not under these features."""
    row = BY_OP[op]
    if row is None:
        raise v.invalid(f"illegal opcode {op:#x}")
    raise v.invalid(f"{row.mnemonic} needs the feature {row.feature}", feature=row.feature)


_STRUCTURAL: List[int] = [row.op for row in INSTRS if row.params is None]
assert all(op in RULES for op in _STRUCTURAL), "an instruction has neither a type nor a rule"
