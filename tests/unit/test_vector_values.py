"""Vectors at the boundary: arguments, results, globals, host functions, scripts and commands.

Spec: ``exec/values.html``.
"""

from __future__ import annotations

from typing import Any

import pytest

import wasmpy
from wasmpy.cli.errors import UsageError
from wasmpy.cli.values import parse_values, value_text
from wasmpy.exec.host import HostFunc
from wasmpy.syntax.types import I32, V128, FuncType, default_value
from wasmpy.wast import run_script
from wasmpy.wast.report import FAIL, PASS

BYTES = bytes(range(16))
WAT = """(module
  (import "env" "turn" (func $turn (param v128) (result v128)))
  (global $g (export "g") (mut v128) (v128.const i32x4 1 2 3 4))
  (func (export "id") (param v128) (result v128) (local.get 0))
  (func (export "two") (param v128 i32) (result i32 v128) (local.get 1) (local.get 0))
  (func (export "default") (result v128) (local v128) (local.get 0))
  (func (export "turned") (param v128) (result v128) (call $turn (local.get 0)))
  (func (export "swap") (param v128) (result v128)
    (global.get $g) (global.set $g (local.get 0)))
  (func (export "pick") (param v128 v128 i32) (result v128)
    (select (local.get 0) (local.get 1) (local.get 2))))"""


def turn(caller: Any, vector: bytes) -> bytes:
    return vector[::-1]


@pytest.fixture
def exports() -> Any:
    host = HostFunc(FuncType((V128,), (V128,)), turn, "turn", "env")
    return wasmpy.Module(WAT).instantiate({"env": {"turn": host}}).exports


def test_a_vector_is_sixteen_bytes(exports: Any) -> None:
    assert exports.id(BYTES) == BYTES
    assert exports.id.call_raw(BYTES) == BYTES
    assert exports.two(BYTES, -1) == (-1, BYTES)
    assert exports.two.call_raw(BYTES, 2**32 - 1) == (2**32 - 1, BYTES)
    assert exports.pick(BYTES, bytes(16), 0) == bytes(16)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_bytes_are_copied(exports: Any, kind: Any) -> None:
    result = exports.id(kind(BYTES))
    assert type(result) is bytes
    assert result == BYTES


def test_a_local_begins_with_zeros(exports: Any) -> None:
    assert exports.default() == bytes(16) == default_value(V128)


def test_a_host_function_sees_bytes(exports: Any) -> None:
    assert exports.turned(BYTES) == BYTES[::-1]


def test_a_global_holds_a_vector(exports: Any) -> None:
    first = b"".join(i.to_bytes(4, "little") for i in (1, 2, 3, 4))
    assert exports.g.value == exports.g.raw == first
    assert exports.swap(BYTES) == first
    assert exports.g.value == BYTES
    exports.g.value = first
    assert exports.swap(BYTES) == first


@pytest.mark.parametrize("value", [1, "0" * 16, None, 1.5, [0] * 16])
def test_what_is_no_bytes_is_refused(exports: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        exports.id(value)
    with pytest.raises(TypeError):
        exports.g.value = value


@pytest.mark.parametrize("size", [0, 15, 17])
def test_another_length_is_refused(exports: Any, size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        exports.id(bytes(size))


SCRIPT = """(module
  (func (export "id") (param v128) (result v128) (local.get 0))
  (func (export "nans") (result v128)
    (f32x4.add (v128.const f32x4 nan:0x1 -nan 1 inf) (v128.const f32x4 0 0 0 -inf))))
"""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ('(invoke "id" (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))'
         " (v128.const i32x4 0x03020100 0x07060504 0x0b0a0908 0x0f0e0d0c)", PASS),
        ('(invoke "id" (v128.const f64x2 -1 nan:0x1)) (v128.const f64x2 -1 nan:0x1)', PASS),
        ('(invoke "id" (v128.const f64x2 -1 nan:0x1)) (v128.const f64x2 -1 nan:canonical)', FAIL),
        ('(invoke "id" (v128.const f64x2 -1 nan:0x1)) (v128.const f64x2 -1 nan:arithmetic)', FAIL),
        ('(invoke "nans")'
         " (v128.const f32x4 nan:arithmetic nan:canonical 1 nan:canonical)", PASS),
        ('(invoke "nans") (v128.const f32x4 nan:canonical 1 1 nan:canonical)', FAIL),
        ('(invoke "id" (v128.const i64x2 1 2)) (v128.const i64x2 1 3)', FAIL),
        ('(invoke "id" (v128.const i64x2 1 2))'
         " (either (v128.const i64x2 1 3) (v128.const i64x2 1 2))", PASS),
        ('(invoke "id" (v128.const i64x2 1 2)) (i32.const 1)', FAIL),
    ],
)  # fmt: skip
def test_vectors_in_scripts(command: str, status: str) -> None:
    report = run_script(f"{SCRIPT} (assert_return {command})")
    assert [result.status for result in report.results] == [PASS, status]


def test_a_vector_on_the_command_line_is_a_number() -> None:
    functype = FuncType((V128, I32), (V128,))
    assert parse_values(["0x0f", "1"], functype, "f") == [b"\x0f" + bytes(15), 1]
    text = value_text(BYTES, V128)
    assert text == "0x0f0e0d0c0b0a09080706050403020100"
    assert parse_values([text, "1"], functype, "f")[0] == BYTES
    assert parse_values(["-1", "1"], functype, "f")[0] == b"\xff" * 16
    with pytest.raises(UsageError):
        parse_values(["0x1" + "0" * 32, "1"], functype, "f")
