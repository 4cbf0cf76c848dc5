"""Where a guest's randomness comes from.

What belongs here: the deterministic source and the system's.  What does not:
the function that guests call (``wasi.preview1``).
"""

from __future__ import annotations

import hashlib
import os
from typing import Callable, Optional

RandomSource = Callable[[int], bytes]
"""Gives exactly as many random bytes as it is asked for."""


class RandomSourceError(ValueError):
    """A source of randomness gave other than ``wanted`` bytes; the guest got none of them.

    ``given`` is how many there were, None where it was no bytes at all.
    """

    def __init__(self, wanted: int, given: Optional[int]) -> None:
        super().__init__(wanted, given)
        self.wanted = wanted
        self.given = given

    def __str__(self) -> str:
        given = "what is no bytes" if self.given is None else str(self.given)
        return f"a source of randomness was asked for {self.wanted} bytes and gave {given}"


def drawn(source: RandomSource, n: int) -> bytes:
    """``n`` bytes from ``source``, which may be anybody's.  Raises: RandomSourceError."""
    data: object = source(n)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise RandomSourceError(n, None)
    data = bytes(data)
    if len(data) != n:
        raise RandomSourceError(n, len(data))
    return data


_PREFIX = b"wasmpy-random"
_BLOCK = hashlib.sha256().digest_size


class SeededRandom:
    """A byte stream that its seed alone decides: SHA-256 in counter mode.

    Block i is ``sha256(b"wasmpy-random" + seed + i)``, with seed and i as 8
    bytes, little-endian; the bytes are given out in order, whatever the sizes
    they are asked for in.  Deterministic, so not for secrets.

    Raises: ValueError unless 0 <= seed < 2**64.

    >>> a, b = SeededRandom(7), SeededRandom(7)
    >>> a(40) == b(1) + b(39)
    True
    """

    def __init__(self, seed: int = 0) -> None:
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"a seed is 64 bits wide, unsigned: {seed}")
        self._base = hashlib.sha256(_PREFIX + seed.to_bytes(8, "little"))
        self._position = 0

    def __call__(self, n: int) -> bytes:
        """The next ``n`` bytes of the stream."""
        first, skip = divmod(self._position, _BLOCK)
        last = (self._position + n + _BLOCK - 1) // _BLOCK
        data = b"".join([self._block(i) for i in range(first, last)])
        self._position += n
        return data[skip : skip + n]

    def _block(self, i: int) -> bytes:
        digest = self._base.copy()
        digest.update(i.to_bytes(8, "little"))
        return digest.digest()

    def reset(self) -> None:
        """Back to the first byte."""
        self._position = 0


def system_random(n: int) -> bytes:
    """``n`` bytes from the operating system's secure source."""
    return os.urandom(n)
