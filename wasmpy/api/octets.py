"""Bytes from what an embedder gives where bytes are wanted.

What belongs here: that one conversion.  What does not: values of the guest
(``values``).
"""

from __future__ import annotations

from typing import Any


def octets(value: Any) -> bytes:
    r"""``value`` as bytes: a buffer, or an iterable of numbers below 256.

    A number is refused, where ``bytes`` would make that many zeros of it.

    >>> octets(bytearray(b"ab")), octets([1, 2])
    (b'ab', b'\x01\x02')

    Raises: TypeError.
    """
    if isinstance(value, bytes):
        return value
    try:
        return memoryview(value).tobytes()
    except TypeError:
        if hasattr(value, "__index__"):
            raise TypeError(f"bytes are wanted, not {type(value).__name__}") from None
    return bytes(value)
