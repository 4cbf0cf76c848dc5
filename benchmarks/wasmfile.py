"""As much of the binary format as the benchmarks need: imports, and how many
instructions the bodies hold.

Independent of the engines measured, so that all are held to the same count. What does
not belong here: validation. The input is trusted to be a valid module without vectors,
threads, exceptions and garbage collection.
"""

import itertools
from typing import Iterator, List, Tuple

#: Instructions by the shape of what follows the opcode.
_ONE_INDEX = set([0x0C, 0x0D, 0x10, 0x12, 0xD2]) | set(range(0x20, 0x27)) | {0x3F, 0x40, 0x41, 0x42}
_TWO_INDICES = {0x11, 0x13} | set(range(0x28, 0x3F))
_BLOCKS = {0x02, 0x03, 0x04}

#: How many indices follow the opcodes with prefix 0xFC.
_PREFIXED = [0] * 8 + [2, 1, 2, 1, 2, 1, 2, 1, 1, 1]


class Reader:
    """A position in a binary."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        """The next LEB128, taken as unsigned."""
        value = 0
        for shift in itertools.count(0, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        return value

    def text(self) -> str:
        """The next name."""
        length = self.unsigned()
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def limits(self) -> None:
        """Skips limits."""
        if self.byte() & 1:
            self.unsigned()
        self.unsigned()


def sections(wasm: bytes) -> Iterator[Tuple[int, int, int]]:
    """Identifier, begin and end of every section."""
    reader = Reader(wasm, 8)
    while reader.at < len(wasm):
        identifier = reader.byte()
        size = reader.unsigned()
        yield identifier, reader.at, reader.at + size
        reader.at += size


def imports(wasm: bytes) -> List[Tuple[str, str]]:
    """Module and name of every imported function."""
    found = []
    for identifier, begin, _ in sections(wasm):
        if identifier != 2:
            continue
        reader = Reader(wasm, begin)
        for _ in range(reader.unsigned()):
            module, name, kind = reader.text(), reader.text(), reader.byte()
            if kind == 0:
                reader.unsigned()
                found.append((module, name))
            elif kind == 1:
                reader.byte()
                reader.limits()
            elif kind == 2:
                reader.limits()
            else:
                reader.at += 2
    return found


def _skip_immediates(reader: Reader, opcode: int) -> None:
    """Goes past what follows an opcode."""
    if opcode in _ONE_INDEX or opcode in _BLOCKS:
        reader.unsigned()
    elif opcode in _TWO_INDICES:
        reader.unsigned()
        reader.unsigned()
    elif opcode == 0x0E:
        for _ in range(reader.unsigned() + 1):
            reader.unsigned()
    elif opcode == 0x43:
        reader.at += 4
    elif opcode == 0x44:
        reader.at += 8
    elif opcode == 0x1C:
        reader.at += reader.unsigned()
    elif opcode == 0xD0:
        reader.byte()
    elif opcode == 0xFC:
        for _ in range(_PREFIXED[reader.unsigned()]):
            reader.unsigned()
    elif opcode >= 0xD3:
        raise ValueError("opcode %#x is not counted here" % opcode)


def instructions(wasm: bytes) -> int:
    """Instructions in all bodies, ``end`` included."""
    total = 0
    for identifier, begin, _ in sections(wasm):
        if identifier != 10:
            continue
        reader = Reader(wasm, begin)
        for _ in range(reader.unsigned()):
            size = reader.unsigned()
            end = reader.at + size
            for _ in range(reader.unsigned()):
                reader.unsigned()
                reader.byte()
            while reader.at < end:
                _skip_immediates(reader, reader.byte())
                total += 1
    return total
