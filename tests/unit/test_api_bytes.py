"""Where bytes are wanted a number is a mistake, not that many zeros."""

from __future__ import annotations

import array
from typing import Any

import pytest

import wasmpy


class Indexed:
    def __index__(self) -> int:
        return 3


@pytest.fixture
def memory() -> wasmpy.Memory:
    mem = wasmpy.Memory(wasmpy.Store(), wasmpy.MemType(wasmpy.SizeRange(1, 1)))
    mem[0:8] = b"original"
    return mem


@pytest.mark.parametrize("value", [0, 5, True, Indexed(), None, "text", 1.5])
def test_a_memory_takes_bytes_alone(memory: wasmpy.Memory, value: Any) -> None:
    with pytest.raises(TypeError):
        memory.write(0, value)
    with pytest.raises(TypeError):
        memory[0:5] = value
    assert memory[0:8] == b"original"


@pytest.mark.parametrize("value", [b"abc", bytearray(b"abc"), memoryview(b"abc"), array.array("B", b"abc"), [97, 98, 99]])
def test_a_memory_takes_all_kinds_of_bytes(memory: wasmpy.Memory, value: Any) -> None:
    memory.write(0, value)
    memory[3:6] = value
    assert memory[0:6] == b"abcabc"


@pytest.mark.parametrize("value", [0, 5, None, Indexed()])
def test_a_module_is_made_of_bytes_or_text(value: Any) -> None:
    with pytest.raises(TypeError):
        wasmpy.Module(value)


def test_a_module_is_made_of_any_buffer() -> None:
    binary = b"\0asm\1\0\0\0"
    for source in (bytearray(binary), memoryview(binary)):
        assert wasmpy.Module(source).binary == binary


def test_a_number_is_no_vector() -> None:
    f = wasmpy.Module('(module (func (export "f") (param v128)))').instantiate().exports.f
    with pytest.raises(TypeError):
        f(16)
    f(bytes(16))
