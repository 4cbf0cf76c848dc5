"""The kinds of immediate, and the form each has in ``Expr.imms``.

What belongs here: one row per kind.  The binary reader and writer, the text
parser and printer and the validator each hold one rule per kind; a test
checks that none is missing.

Spec: ``syntax/instructions.html``, ``binary/instructions.html``.
"""

from __future__ import annotations

from typing import Dict, NamedTuple


class ImmediateKind(NamedTuple):
    """A kind of immediate.

    ``form`` says what stands in ``Expr.imms``; ``binary`` how it is encoded.
    """

    name: str
    form: str
    binary: str


_KINDS = (
    ImmediateKind("blocktype", "None, a ValType, or a type index", "s33 or a type byte"),
    ImmediateKind("labelidx", "int", "u32"),
    ImmediateKind("labels", "tuple of label indices, the default last", "vec(u32) u32"),
    ImmediateKind("typeidx", "int", "u32"),
    ImmediateKind("funcidx", "int", "u32"),
    ImmediateKind("tableidx", "int", "u32"),
    ImmediateKind("memidx", "int", "u32 (a zero byte before multi_memory)"),
    ImmediateKind("globalidx", "int", "u32"),
    ImmediateKind("localidx", "int", "u32"),
    ImmediateKind("elemidx", "int", "u32"),
    ImmediateKind("dataidx", "int", "u32"),
    ImmediateKind("tagidx", "int", "u32"),
    ImmediateKind("catches", "tuple of Catch", "vec(a byte [u32] u32)"),
    ImmediateKind("heaptype", "str or int", "s33 or a type byte"),
    ImmediateKind("fieldidx", "int", "u32"),
    ImmediateKind("count", "int", "u32"),
    ImmediateKind("ref", "RefType without null", "a heap type"),
    ImmediateKind("refnull", "RefType with null", "a heap type"),
    ImmediateKind("cast", "(label index, RefType, RefType)", "a byte u32 and two heap types"),
    ImmediateKind("valtypes", "tuple of ValType", "vec(valtype)"),
    ImmediateKind("memarg", "(log2 of align, offset, memory index)", "u32 [u32] u64"),
    ImmediateKind("reserved", "0", "a zero byte"),
    ImmediateKind("i32", "int, unsigned", "s32"),
    ImmediateKind("i64", "int, unsigned", "s64"),
    ImmediateKind("f32", "int, the bits", "4 bytes"),
    ImmediateKind("f64", "int, the bits", "8 bytes"),
    ImmediateKind("v128", "bytes of 16", "16 bytes"),
    ImmediateKind("laneidx", "int", "a byte"),
    ImmediateKind("lanes", "bytes of 16, a lane index each", "16 bytes"),
)

IMMEDIATES: Dict[str, ImmediateKind] = {k.name: k for k in _KINDS}
