"""Integer operators, generic in the bit width ``N``.

What belongs here: the spec's ``i...`` operators.  Operands and results are
unsigned; ``i1`` and ``i2`` are the spec's names.  An operator that is one
expression is inlined by the specialiser; a longer one is called by every
tier.

Spec: ``exec/numerics.html#integer-operations``.
"""

from __future__ import annotations

from wasmpy.errors import TrapKind
from wasmpy.numerics.bits import signed, trap


def iadd(N: int, i1: int, i2: int) -> int:
    """The sum, modulo 2^N."""
    return (i1 + i2) % (1 << N)


def isub(N: int, i1: int, i2: int) -> int:
    """The difference, modulo 2^N."""
    return (i1 - i2) % (1 << N)


def imul(N: int, i1: int, i2: int) -> int:
    """The product, modulo 2^N."""
    return (i1 * i2) % (1 << N)


def idiv_u(N: int, i1: int, i2: int) -> int:
    """The quotient, truncated.  Traps: INTEGER_DIVISION_BY_ZERO."""
    return i1 // i2 if i2 else trap(TrapKind.INTEGER_DIVISION_BY_ZERO)


def idiv_s(N: int, i1: int, i2: int) -> int:
    """The signed quotient, truncated toward zero.

    Traps: INTEGER_DIVISION_BY_ZERO, INTEGER_OVERFLOW.
    """
    if i2 == 0:
        trap(TrapKind.INTEGER_DIVISION_BY_ZERO)
    j1, j2 = signed(N, i1), signed(N, i2)
    q = abs(j1) // abs(j2)
    if (j1 < 0) != (j2 < 0):
        return -q % (1 << N)
    if q >= (1 << N - 1):
        trap(TrapKind.INTEGER_OVERFLOW)
    return q


def irem_u(N: int, i1: int, i2: int) -> int:
    """The remainder.  Traps: INTEGER_DIVISION_BY_ZERO."""
    return i1 % i2 if i2 else trap(TrapKind.INTEGER_DIVISION_BY_ZERO)


def irem_s(N: int, i1: int, i2: int) -> int:
    """The signed remainder, with the sign of the dividend.

    Traps: INTEGER_DIVISION_BY_ZERO.
    """
    if i2 == 0:
        trap(TrapKind.INTEGER_DIVISION_BY_ZERO)
    j1 = signed(N, i1)
    r = abs(j1) % abs(signed(N, i2))
    return (-r if j1 < 0 else r) % (1 << N)


def iand(N: int, i1: int, i2: int) -> int:
    """The bitwise conjunction."""
    return i1 & i2


def ior(N: int, i1: int, i2: int) -> int:
    """The bitwise disjunction."""
    return i1 | i2


def ixor(N: int, i1: int, i2: int) -> int:
    """The bitwise exclusive disjunction."""
    return i1 ^ i2


def ishl(N: int, i1: int, i2: int) -> int:
    """``i1`` shifted left by ``i2`` modulo N."""
    return (i1 << i2 % N) % (1 << N)


def ishr_u(N: int, i1: int, i2: int) -> int:
    """``i1`` shifted right by ``i2`` modulo N, extended with zeros."""
    return i1 >> i2 % N


def ishr_s(N: int, i1: int, i2: int) -> int:
    """``i1`` shifted right by ``i2`` modulo N, extended with the sign."""
    return (signed(N, i1) >> i2 % N) % (1 << N)


def irotl(N: int, i1: int, i2: int) -> int:
    """``i1`` rotated left by ``i2`` modulo N."""
    return (i1 << i2 % N | i1 >> -i2 % N) % (1 << N)


def irotr(N: int, i1: int, i2: int) -> int:
    """``i1`` rotated right by ``i2`` modulo N."""
    return (i1 >> i2 % N | i1 << -i2 % N) % (1 << N)


def iclz(N: int, i: int) -> int:
    """The number of leading zero bits."""
    return N - i.bit_length()


def ictz(N: int, i: int) -> int:
    """The number of trailing zero bits; N for zero."""
    return (i & -i).bit_length() - 1 if i else N


def ipopcnt(N: int, i: int) -> int:
    """The number of one bits."""
    return bin(i).count("1")


def ieqz(N: int, i: int) -> int:
    """1 if ``i`` is zero, else 0."""
    return 0 if i else 1


def ieq(N: int, i1: int, i2: int) -> int:
    """1 if equal, else 0."""
    return 1 if i1 == i2 else 0


def ine(N: int, i1: int, i2: int) -> int:
    """1 if not equal, else 0."""
    return 1 if i1 != i2 else 0


def ilt_u(N: int, i1: int, i2: int) -> int:
    """1 if less, unsigned, else 0."""
    return 1 if i1 < i2 else 0


def ilt_s(N: int, i1: int, i2: int) -> int:
    """1 if less, signed, else 0; flipping the sign bit maps signed order to unsigned."""
    return 1 if i1 ^ (1 << N - 1) < i2 ^ (1 << N - 1) else 0


def igt_u(N: int, i1: int, i2: int) -> int:
    """1 if greater, unsigned, else 0."""
    return 1 if i1 > i2 else 0


def igt_s(N: int, i1: int, i2: int) -> int:
    """1 if greater, signed, else 0."""
    return 1 if i1 ^ (1 << N - 1) > i2 ^ (1 << N - 1) else 0


def ile_u(N: int, i1: int, i2: int) -> int:
    """1 if less or equal, unsigned, else 0."""
    return 1 if i1 <= i2 else 0


def ile_s(N: int, i1: int, i2: int) -> int:
    """1 if less or equal, signed, else 0."""
    return 1 if i1 ^ (1 << N - 1) <= i2 ^ (1 << N - 1) else 0


def ige_u(N: int, i1: int, i2: int) -> int:
    """1 if greater or equal, unsigned, else 0."""
    return 1 if i1 >= i2 else 0


def ige_s(N: int, i1: int, i2: int) -> int:
    """1 if greater or equal, signed, else 0."""
    return 1 if i1 ^ (1 << N - 1) >= i2 ^ (1 << N - 1) else 0


def iextend_s(N: int, M: int, i: int) -> int:
    """The low M bits of ``i``, sign-extended to N."""
    return signed(M, i % (1 << M)) % (1 << N)


# Operators that only vectors have instructions for


def inot(N: int, i: int) -> int:
    """The bitwise negation."""
    return i ^ (1 << N) - 1


def iandnot(N: int, i1: int, i2: int) -> int:
    """The bitwise conjunction of ``i1`` and the negation of ``i2``."""
    return i1 & inot(N, i2)


def ibitselect(N: int, i1: int, i2: int, i3: int) -> int:
    """The bits of ``i1`` where ``i3`` has ones, of ``i2`` where it has zeros."""
    return i1 & i3 | iandnot(N, i2, i3)


def iabs(N: int, i: int) -> int:
    """The magnitude of signed ``i``, modulo 2^N."""
    return i if i < (1 << N - 1) else (1 << N) - i


def ineg(N: int, i: int) -> int:
    """The negation, modulo 2^N."""
    return -i % (1 << N)


def imin_u(N: int, i1: int, i2: int) -> int:
    """The lesser, unsigned."""
    return i1 if ilt_u(N, i1, i2) else i2


def imin_s(N: int, i1: int, i2: int) -> int:
    """The lesser, signed."""
    return i1 if ilt_s(N, i1, i2) else i2


def imax_u(N: int, i1: int, i2: int) -> int:
    """The greater, unsigned."""
    return i1 if igt_u(N, i1, i2) else i2


def imax_s(N: int, i1: int, i2: int) -> int:
    """The greater, signed."""
    return i1 if igt_s(N, i1, i2) else i2


def sat_u(N: int, i: int) -> int:
    """Any integer clamped to 0 .. 2^N - 1.  Spec: ``exec/numerics.html#aux-sat-u``."""
    return 0 if i < 0 else (1 << N) - 1 if i >= (1 << N) else i


def sat_s(N: int, i: int) -> int:
    """Any integer clamped to the signed range.  Spec: ``exec/numerics.html#aux-sat-s``."""
    return (
        (1 << N - 1)
        if i < -(1 << N - 1)
        else (1 << N - 1) - 1
        if i >= (1 << N - 1)
        else i % (1 << N)
    )


def iadd_sat_u(N: int, i1: int, i2: int) -> int:
    """The sum, saturating."""
    return sat_u(N, i1 + i2)


def iadd_sat_s(N: int, i1: int, i2: int) -> int:
    """The signed sum, saturating."""
    return sat_s(N, signed(N, i1) + signed(N, i2))


def isub_sat_u(N: int, i1: int, i2: int) -> int:
    """The difference, saturating."""
    return sat_u(N, i1 - i2)


def isub_sat_s(N: int, i1: int, i2: int) -> int:
    """The signed difference, saturating."""
    return sat_s(N, signed(N, i1) - signed(N, i2))


def iavgr_u(N: int, i1: int, i2: int) -> int:
    """The average, rounded up."""
    return (i1 + i2 + 1) // 2


def iq15mulrsat_s(N: int, i1: int, i2: int) -> int:
    """The product of two signed fixed-point numbers of 15 fraction bits, rounded, saturating."""
    return sat_s(N, signed(N, i1) * signed(N, i2) + (1 << 14) >> 15)
