"""What a row of the table is, and how one is made.

What belongs here: the columns, and the numbering of opcodes.  What does not:
any row; they stand in ``table`` and in the family files it joins.

``Instr.op`` is the number used in ``Expr.ops``: the byte itself for a
one-byte opcode, ``PREFIX_BASE[prefix] + sub`` for a prefixed one.

Spec: ``appendix/index-instructions.html``.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple, Union

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
    ``lanes`` says what the bytes are of a v128: nothing (there is none),
    ``whole``, ``extend`` (half, each of ``part`` bytes extended as ``kind``
    says), ``splat``, ``zero`` (the rest is zero) or ``lane`` (one, the rest
    kept).
    """

    width: int
    kind: str
    bits: int
    store: bool
    lanes: str = ""
    part: int = 0


class Atomic(NamedTuple):
    """What an atomic instruction does to ``width`` bytes of memory.

    ``operation`` is ``load``, ``store``, ``wait``, ``notify``, ``cmpxchg`` or
    what is done to the value there and the operand.
    """

    operation: str
    width: int


Numeric = Tuple[str, Tuple[Union[int, str], ...]]
"""An operator and its leading arguments."""


class Instr(NamedTuple):
    """One row of the table.

    ``params`` and ``results`` are None for an instruction whose stack type
    depends on its immediates or its context; those have a rule of their own
    in the validator and a handler of their own in every tier.  ``operands``
    is how many values it pops whatever its types, where that is fixed: what a
    trap reports.  ``numeric``
    names the operator in ``wasmpy.numerics`` with its leading constant
    arguments (widths, and names of shapes and of scalar operators); its
    immediate, if there is one, is the operator's next argument, before the
    operands; ``access`` is set for plain loads and stores.
    ``const`` is ``""`` (may not stand in a constant expression), ``"mvp"``,
    or the feature that allows it there.  ``lanes`` is the number of lanes
    that a lane index may choose from.  ``atomic`` is set for atomic
    instructions on memory.
    """

    op: int
    prefix: Optional[int]
    sub: int
    mnemonic: str
    immediates: Tuple[str, ...]
    params: Optional[ResultType]
    results: Optional[ResultType]
    numeric: Optional[Numeric]
    access: Optional[Access]
    traps: Tuple[TrapKind, ...]
    feature: str
    const: str
    cost: int
    anchor: str
    operands: int
    lanes: int = 0
    atomic: Optional[Atomic] = None

    @property
    def width(self) -> int:
        """How many bytes of memory it touches where its ``memarg`` says."""
        if self.access is not None:
            return self.access.width
        return 0 if self.atomic is None else self.atomic.width

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
    numeric: Optional[Numeric] = None,
    access: Optional[Access] = None,
    traps: Tuple[TrapKind, ...] = (),
    feature: str = "mvp",
    const: str = "",
    cost: int = 1,
    anchor: str = "",
    operands: int = 0,
    lanes: int = 0,
    atomic: Optional[Atomic] = None,
) -> Instr:
    """A row; the anchor follows from the operator or the mnemonic unless given."""
    if numeric is not None and not anchor:
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
        lanes=lanes,
        atomic=atomic,
    )
