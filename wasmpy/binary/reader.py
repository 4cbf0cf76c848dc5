"""Reading values: bytes, integers, names, vectors, within bounds.

What belongs here: the values chapter of the binary format and the position
at which a module is found malformed.  What does not: what the values mean
(``types``, ``instr``, ``decode``).

Nothing is allocated by what a length or a count claims: every one of them is
held against the bytes that are left first.

Spec: ``binary/values.html``.
"""

from __future__ import annotations

from typing import List, Optional

from wasmpy.errors import MalformedError


class Reader:
    """A position in ``data`` that may not pass ``end``.

    ``section`` is the name of the section being read, for errors.  ``data``
    and ``pos`` are open to the loop that reads instructions, which inlines
    the one-byte case of what stands here.
    """

    __slots__ = ("data", "end", "pos", "section")

    def __init__(self, data: bytes, pos: int, end: int, section: Optional[str] = None) -> None:
        self.data = data
        self.pos = pos
        self.end = end
        self.section = section

    def malformed(
        self,
        message: str,
        offset: Optional[int] = None,
        *,
        rule: str,
        feature: Optional[str] = None,
    ) -> MalformedError:
        """The error for what stands at ``offset`` (where reading stopped, if not given)."""
        where = self.pos if offset is None else offset
        return MalformedError(message, where, self.section, rule=rule, feature=feature)

    def short(self, offset: Optional[int] = None) -> MalformedError:
        """The error for bytes that are missing."""
        if self.section is None:
            return self.malformed("unexpected end", offset, rule="end")
        return self.malformed("unexpected end of section or function", offset, rule="end")

    def byte(self) -> int:
        """One byte.  Raises: MalformedError."""
        pos = self.pos
        if pos >= self.end:
            raise self.short()
        self.pos = pos + 1
        return self.data[pos]

    def take(self, size: int) -> bytes:
        """``size`` bytes.  Raises: MalformedError if fewer are left."""
        pos = self.pos
        if size > self.end - pos:
            raise self.short()
        self.pos = pos + size
        return self.data[pos : pos + size]

    def u32(self) -> int:
        """An unsigned 32-bit integer.  Raises: MalformedError."""
        pos = self.pos
        if pos < self.end:
            byte = self.data[pos]
            if byte < 0x80:
                self.pos = pos + 1
                return byte
        return self.unsigned(32)

    def unsigned(self, bits: int) -> int:
        """An unsigned LEB128 integer: at most ceil(bits / 7) bytes, unused bits zero.

        Padding within that length is legal: linkers write it.

        Spec: ``binary/values.html#binary-uint``.  Raises: MalformedError.
        """
        pos = self.pos
        most = (bits + 6) // 7
        value = shift = 0
        for byte in self.data[pos : min(pos + most, self.end)]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            raise self._endless(pos, most)
        if value >> bits:
            raise self.malformed("integer too large", rule="leb128")
        self.pos = pos + shift // 7
        return value

    def signed(self, bits: int) -> int:
        """A signed LEB128 integer: unused bits equal to the sign.

        Spec: ``binary/values.html#binary-sint``.  Raises: MalformedError.
        """
        pos = self.pos
        most = (bits + 6) // 7
        value = shift = 0
        byte = 0
        for byte in self.data[pos : min(pos + most, self.end)]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            raise self._endless(pos, most)
        if byte & 0x40:
            value -= 1 << shift
        if shift > bits and not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise self.malformed("integer too large", rule="leb128")
        self.pos = pos + shift // 7
        return value

    def _endless(self, pos: int, most: int) -> MalformedError:
        """The error for an integer whose last byte is not in the ``most`` that it may have."""
        if pos + most > self.end:
            return self.short(self.end)
        return self.malformed("integer representation too long", pos, rule="leb128")

    def name(self, limit: int) -> str:
        """A name: a length and that many bytes of UTF-8.

        Spec: ``binary/values.html#binary-name``.  Raises: MalformedError.
        """
        start = self.pos
        size = self.u32()
        if size > self.end - self.pos:
            raise self.malformed("length out of bounds", start, rule="length")
        if size > limit:
            raise self.malformed(
                f"name too long: {size} bytes, the limit is {limit}", start, rule="limit"
            )
        start = self.pos
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.malformed(
                "malformed UTF-8 encoding", start + error.start, rule="utf8"
            ) from None

    def count(self, limit: int, what: str) -> int:
        """The length of a vector, which may not pass ``limit``.

        The elements are still to come, a byte each at least; where fewer are
        left the first one that is missing is reported by whoever reads it.
        So no more are promised than one beyond the end: PyPy allocates a list
        that is made from a range at the range's length.

        Raises: MalformedError.
        """
        start = self.pos
        count = self.u32()
        if count > limit and count <= self.end - self.pos:
            raise self.malformed(
                f"too many {what}: {count}, the limit is {limit}", start, rule="limit"
            )
        return min(count, self.end - self.pos + 1)

    def indices(self, count: int) -> List[int]:
        """``count`` unsigned 32-bit integers.  Raises: MalformedError."""
        if count > self.end - self.pos:
            # Read what is there: it may be malformed before it is short.
            count = self.end - self.pos + 1
        data, pos = self.data, self.pos
        chunk = data[pos : pos + count]
        if pos + count <= self.end and chunk.isascii():
            # Every byte is an integer of its own.
            self.pos = pos + count
            return list(chunk)
        u32 = self.u32
        return [u32() for _ in range(count)]
