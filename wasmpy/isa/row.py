"""What a row of the table is, and how one is made.

What belongs here: the columns, and the numbering of opcodes.  What does not:
any row; they stand in ``table`` and in the family files it joins.

``Instr.op`` is the number used in ``Expr.ops``: the byte itself for a
one-byte opcode, ``PREFIX_BASE[prefix] + sub`` for a prefixed one.

Spec: ``appendix/index-instructions.html``.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

from wasmpy.errors import TrapKind
from wasmpy.syntax.types import ResultType

PREFIX_BASE: Dict[int, int] = {0xFB: 0x100, 0xFC: 0x200, 0xFD: 0x300, 0xFE: 0x500}
"""Where the opcodes behind each prefix byte begin in the numbering of ``op``."""

OP_COUNT = 0x600
"""One more than the largest possible ``op``."""


class Access(NamedTuple):
    """What a load or store touches: ``width`` bytes, read as ``kind``.

    ``kind`` is ``u`` or ``s`` for integers (zero- or sign-extended to
    ``bits``), ``f`` for floats; ``store`` tells which way the bytes go.
    """

    width: int
    kind: str
    bits: int
    store: bool


class Instr(NamedTuple):
    """One row of the table.

    ``params`` and ``results`` are None for an instruction whose stack type
    depends on its immediates or its context; those have a rule of their own
    in the validator and a handler of their own in every tier.  ``operands``
    is how many values it pops whatever its types, where that is fixed: what a
    trap reports.  ``numeric``
    names the operator in ``wasmpy.numerics`` with its leading constant
    arguments (widths); ``access`` is set for plain loads and stores.
    ``const`` is ``""`` (may not stand in a constant expression), ``"mvp"``,
    or the feature that allows it there.
    """

    op: int
    prefix: Optional[int]
    sub: int
    mnemonic: str
    immediates: Tuple[str, ...]
    params: Optional[ResultType]
    results: Optional[ResultType]
    numeric: Optional[Tuple[str, Tuple[int, ...]]]
    access: Optional[Access]
    traps: Tuple[TrapKind, ...]
    feature: str
    const: str
    cost: int
    anchor: str
    operands: int

    @property
    def encoding(self) -> Tuple[Optional[int], int]:
        """The prefix byte (or None) and the opcode behind it."""
        return self.prefix, self.sub

    @property
    def structural(self) -> bool:
        """Whether the instruction needs a rule and a handler of its own."""
        return self.numeric is None and self.access is None


def make_row(
    code: int,
    mnemonic: str,
    immediates: str = "",
    stack: Optional[Tuple[ResultType, ResultType]] = None,
    prefix: Optional[int] = None,
    numeric: Optional[Tuple[str, Tuple[int, ...]]] = None,
    access: Optional[Access] = None,
    traps: Tuple[TrapKind, ...] = (),
    feature: str = "mvp",
    const: str = "",
    cost: int = 1,
    anchor: str = "",
    operands: int = 0,
) -> Instr:
    """A row; the anchor follows from the operator or the mnemonic unless given."""
    if numeric is not None:
        anchor = f"exec/numerics.html#op-{numeric[0].replace('_', '-')}"
    elif not anchor:
        anchor = "exec/instructions.html#exec-" + mnemonic.replace("_", "-").replace(".", "-")
    return Instr(
        op=code if prefix is None else PREFIX_BASE[prefix] + code,
        prefix=prefix,
        sub=code,
        mnemonic=mnemonic,
        immediates=tuple(immediates.split()),
        params=None if stack is None else stack[0],
        results=None if stack is None else stack[1],
        numeric=numeric,
        access=access,
        traps=traps,
        feature=feature,
        const=const,
        cost=cost,
        anchor=anchor,
        operands=operands if stack is None else len(stack[0]),
    )
