"""Every instruction, once.

What belongs here: encoding, mnemonic, immediates, stack type, semantics,
traps, feature, use in constant expressions, cost in fuel and spec anchor of
each instruction, written as families times types; large families stand in
files of their own and are joined here.  What does not: any code that consumes
the table.  No opcode and no mnemonic stands anywhere else, but
where a structural instruction registers its handler by name.

Spec: ``appendix/index-instructions.html``.
"""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

from wasmpy.errors import TrapKind
from wasmpy.isa import aggregate, atomic, exception, tail, vector, wide
from wasmpy.isa.row import OP_COUNT, PREFIX_BASE, Access, Instr
from wasmpy.isa.row import make_row as _row
from wasmpy.syntax.types import F32, F64, FUNCREF, I32, I64, ValType

_OOB = (TrapKind.MEMORY_OUT_OF_BOUNDS,)
_TOOB = (TrapKind.TABLE_OUT_OF_BOUNDS,)


def _control() -> Iterator[Instr]:
    yield _row(0x00, "unreachable", traps=(TrapKind.UNREACHABLE,))
    yield _row(0x01, "nop", stack=((), ()), cost=0)
    yield _row(0x02, "block", "blocktype", cost=0)
    yield _row(0x03, "loop", "blocktype", cost=0)
    yield _row(0x04, "if", "blocktype", operands=1)
    yield _row(0x05, "else", cost=0, anchor="exec/instructions.html#exec-if")
    yield _row(0x0B, "end", cost=0, anchor="exec/instructions.html#exec-instrs-exit")
    yield _row(0x0C, "br", "labelidx")
    yield _row(0x0D, "br_if", "labelidx", operands=1)
    yield _row(0x0E, "br_table", "labels", operands=1)
    yield _row(0x0F, "return")
    yield _row(0x10, "call", "funcidx", traps=(TrapKind.STACK_OVERFLOW,))
    yield _row(
        0x11, "call_indirect", "typeidx tableidx", operands=1,
        traps=(
            TrapKind.TABLE_OUT_OF_BOUNDS, TrapKind.INDIRECT_CALL_TO_NULL,
            TrapKind.BAD_SIGNATURE, TrapKind.STACK_OVERFLOW,
        ),
    )  # fmt: skip


def _parametric() -> Iterator[Instr]:
    yield _row(0x1A, "drop", cost=0, operands=1)
    yield _row(0x1B, "select", operands=3)
    # Shares its mnemonic with 0x1B; the immediate tells them apart.
    yield _row(0x1C, "select", "valtypes", feature="reference_types", operands=3)


def _variable() -> Iterator[Instr]:
    yield _row(0x20, "local.get", "localidx")
    yield _row(0x21, "local.set", "localidx", operands=1)
    yield _row(0x22, "local.tee", "localidx", operands=1)
    yield _row(0x23, "global.get", "globalidx", const="mvp")
    yield _row(0x24, "global.set", "globalidx", operands=1)


def _table() -> Iterator[Instr]:
    ref = "reference_types"
    yield _row(0x25, "table.get", "tableidx", traps=_TOOB, feature=ref, operands=1)
    yield _row(0x26, "table.set", "tableidx", traps=_TOOB, feature=ref, operands=2)
    bulk = "bulk_memory"
    yield _row(
        12, "table.init", "elemidx tableidx", prefix=0xFC, traps=_TOOB, feature=bulk,
        stack=((I32, I32, I32), ()),
    )  # fmt: skip
    yield _row(13, "elem.drop", "elemidx", prefix=0xFC, feature=bulk, stack=((), ()))
    yield _row(
        14, "table.copy", "tableidx tableidx", prefix=0xFC, traps=_TOOB, feature=bulk,
        stack=((I32, I32, I32), ()),
    )  # fmt: skip
    yield _row(15, "table.grow", "tableidx", prefix=0xFC, feature=ref, operands=2)
    yield _row(16, "table.size", "tableidx", prefix=0xFC, feature=ref, stack=((), (I32,)))
    yield _row(
        17, "table.fill", "tableidx", prefix=0xFC, traps=_TOOB, feature=ref, operands=3
    )


def _memory_access() -> Iterator[Instr]:
    def load(code: int, t: ValType, width: int, kind: str) -> Instr:
        bits = 64 if t in (I64, F64) else 32
        part = "" if width * 8 == bits else f"{width * 8}_{kind}"
        return _row(
            code, f"{t}.load{part}", "memarg", ((I32,), (t,)),
            access=Access(width, kind, bits, store=False), traps=_OOB,
            anchor="exec/instructions.html#exec-load",
        )  # fmt: skip

    def store(code: int, t: ValType, width: int, kind: str) -> Instr:
        bits = 64 if t in (I64, F64) else 32
        part = "" if width * 8 == bits else str(width * 8)
        return _row(
            code, f"{t}.store{part}", "memarg", ((I32, t), ()),
            access=Access(width, kind, bits, store=True), traps=_OOB,
            anchor="exec/instructions.html#exec-store",
        )  # fmt: skip

    loads = [(I32, 4, "u"), (I64, 8, "u"), (F32, 4, "f"), (F64, 8, "f")]
    loads += [(I32, 1, "s"), (I32, 1, "u"), (I32, 2, "s"), (I32, 2, "u")]
    loads += [(I64, 1, "s"), (I64, 1, "u"), (I64, 2, "s"), (I64, 2, "u")]
    loads += [(I64, 4, "s"), (I64, 4, "u")]
    for code, (t, width, kind) in enumerate(loads, 0x28):
        yield load(code, t, width, kind)
    stores = [(I32, 4, "u"), (I64, 8, "u"), (F32, 4, "f"), (F64, 8, "f")]
    stores += [(I32, 1, "u"), (I32, 2, "u"), (I64, 1, "u"), (I64, 2, "u"), (I64, 4, "u")]
    for code, (t, width, kind) in enumerate(stores, 0x36):
        yield store(code, t, width, kind)


def _memory() -> Iterator[Instr]:
    yield _row(0x3F, "memory.size", "memidx", ((), (I32,)))
    yield _row(0x40, "memory.grow", "memidx", ((I32,), (I32,)))
    three = ((I32, I32, I32), ())
    bulk = "bulk_memory"
    yield _row(
        8, "memory.init", "dataidx memidx", three, prefix=0xFC, traps=_OOB, feature=bulk
    )
    yield _row(9, "data.drop", "dataidx", ((), ()), prefix=0xFC, feature=bulk)
    yield _row(
        10, "memory.copy", "memidx memidx", three, prefix=0xFC, traps=_OOB, feature=bulk
    )
    yield _row(11, "memory.fill", "memidx", three, prefix=0xFC, traps=_OOB, feature=bulk)


def _const() -> Iterator[Instr]:
    anchor = "exec/instructions.html#exec-const"
    for code, t in enumerate((I32, I64, F32, F64), 0x41):
        yield _row(code, f"{t}.const", str(t), ((), (t,)), const="mvp", anchor=anchor)


_WIDTH: Dict[ValType, int] = {I32: 32, I64: 64, F32: 32, F64: 64}
_DIV = (TrapKind.INTEGER_DIVISION_BY_ZERO,)
_DIV_S = (*_DIV, TrapKind.INTEGER_OVERFLOW)
_TRUNC = (TrapKind.BAD_CONVERSION_TO_INTEGER, TrapKind.INTEGER_OVERFLOW)

_ITEST = ("eqz",)
_IREL = ("eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u")
_FREL = ("eq", "ne", "lt", "gt", "le", "ge")
_IUN = ("clz", "ctz", "popcnt")
_IBIN = (
    "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor",
    "shl", "shr_s", "shr_u", "rotl", "rotr",
)  # fmt: skip
_FUN = ("abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt")
_FBIN = ("add", "sub", "mul", "div", "min", "max", "copysign")
_TRAPS = {"idiv_s": _DIV_S, "idiv_u": _DIV, "irem_s": _DIV, "irem_u": _DIV}


def _family(
    code: int, t: ValType, names: Tuple[str, ...], arity: int, result: ValType
) -> Iterator[Instr]:
    """Rows of one family at one type: operator ``i`` + name or ``f`` + name."""
    for i, name in enumerate(names):
        operator = ("f" if t in (F32, F64) else "i") + name
        extended = "extended_const" if name in ("add", "sub", "mul") and t in (I32, I64) else ""
        yield _row(
            code + i, f"{t}.{name}", stack=((t,) * arity, (result,)),
            numeric=(operator, (_WIDTH[t],)), traps=_TRAPS.get(operator, ()), const=extended,
        )  # fmt: skip


def _numeric() -> Iterator[Instr]:
    yield from _family(0x45, I32, _ITEST, 1, I32)
    yield from _family(0x46, I32, _IREL, 2, I32)
    yield from _family(0x50, I64, _ITEST, 1, I32)
    yield from _family(0x51, I64, _IREL, 2, I32)
    yield from _family(0x5B, F32, _FREL, 2, I32)
    yield from _family(0x61, F64, _FREL, 2, I32)
    for code, t in ((0x67, I32), (0x79, I64)):
        yield from _family(code, t, _IUN, 1, t)
        yield from _family(code + 3, t, _IBIN, 2, t)
    for code, t in ((0x8B, F32), (0x99, F64)):
        yield from _family(code, t, _FUN, 1, t)
        yield from _family(code + 7, t, _FBIN, 2, t)


def _conversions() -> Iterator[Instr]:
    def conv(
        code: int, name: str, src: ValType, dst: ValType, operator: str,
        traps: Tuple[TrapKind, ...] = (),
    ) -> Instr:  # fmt: skip
        return _row(
            code, f"{dst}.{name}_{src}" if src is not dst else f"{dst}.{name}",
            stack=((src,), (dst,)), numeric=(operator, (_WIDTH[src], _WIDTH[dst])), traps=traps,
        )  # fmt: skip

    def with_sign(row: Instr, sign: str) -> Instr:
        return row._replace(mnemonic=f"{row.mnemonic}_{sign}")

    yield conv(0xA7, "wrap", I64, I32, "wrap")
    code = 0xA8
    for dst, sources in ((I32, (F32, F64)), (I64, (F32, F64))):
        for src in sources:
            for sign in "su":
                yield with_sign(conv(code, "trunc", src, dst, f"trunc_{sign}", _TRUNC), sign)
                code += 1
        if dst is I32:
            yield with_sign(conv(0xAC, "extend", I32, I64, "extend_s"), "s")
            yield with_sign(conv(0xAD, "extend", I32, I64, "extend_u"), "u")
            code = 0xAE
    for code, dst in ((0xB2, F32), (0xB7, F64)):
        for i, (src, sign) in enumerate(((I32, "s"), (I32, "u"), (I64, "s"), (I64, "u"))):
            yield with_sign(conv(code + i, "convert", src, dst, f"convert_{sign}"), sign)
    yield conv(0xB6, "demote", F64, F32, "demote")
    yield conv(0xBB, "promote", F32, F64, "promote")


def _same_width() -> Iterator[Instr]:
    reinterpret = ((0xBC, F32, I32), (0xBD, F64, I64), (0xBE, I32, F32), (0xBF, I64, F64))
    for code, src, dst in reinterpret:
        operator = "reinterpret_f" if src in (F32, F64) else "reinterpret_i"
        yield _row(
            code, f"{dst}.reinterpret_{src}", stack=((src,), (dst,)),
            numeric=(operator, (_WIDTH[src],)),
        )  # fmt: skip
    extends = ((0xC0, I32, 8), (0xC1, I32, 16), (0xC2, I64, 8), (0xC3, I64, 16), (0xC4, I64, 32))
    for code, t, width in extends:
        yield _row(
            code, f"{t}.extend{width}_s", stack=((t,), (t,)),
            numeric=("iextend_s", (_WIDTH[t], width)), feature="sign_extension",
        )  # fmt: skip


def _saturating() -> Iterator[Instr]:
    code = 0
    for dst in (I32, I64):
        for src in (F32, F64):
            for sign in "su":
                yield _row(
                    code, f"{dst}.trunc_sat_{src}_{sign}", stack=((src,), (dst,)), prefix=0xFC,
                    numeric=(f"trunc_sat_{sign}", (_WIDTH[src], _WIDTH[dst])),
                    feature="saturating_float_to_int",
                )  # fmt: skip
                code += 1


def _reference() -> Iterator[Instr]:
    ref = "reference_types"
    yield _row(0xD0, "ref.null", "heaptype", feature=ref, const="mvp")
    yield _row(0xD1, "ref.is_null", feature=ref, operands=1)
    yield _row(0xD2, "ref.func", "funcidx", ((), (FUNCREF,)), feature=ref, const="mvp")


def _rows() -> Iterator[Instr]:
    yield from _control()
    yield from _parametric()
    yield from _variable()
    yield from _table()
    yield from _memory_access()
    yield from _memory()
    yield from _const()
    yield from _numeric()
    yield from _conversions()
    yield from _same_width()
    yield from _saturating()
    yield from _reference()
    yield from vector.rows()
    yield from exception.rows()
    yield from tail.rows()
    yield from wide.rows()
    yield from atomic.rows()
    yield from aggregate.rows()


INSTRS: Tuple[Instr, ...] = tuple(sorted(_rows(), key=lambda row: row.op))
"""All rows, by opcode number."""

__all__ = ["INSTRS", "OP_COUNT", "PREFIX_BASE", "Access", "Instr"]
