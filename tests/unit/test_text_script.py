"""The command language of scripts."""

from __future__ import annotations

import pytest

from wasmpy.errors import MalformedError
from wasmpy.text.script import Get, Invoke, Pattern, Value, parse_script

SCRIPT = r"""
(module $m (func (export "f")))
(module binary "\00asm" "\01\00\00\00")
(module quote "(func" ")")
(module definition $d (func))
(module instance $i $d)
(register "n" $m)
(invoke $m "f" (i32.const -1) (f32.const 1) (ref.null extern) (ref.extern 3))
(get "g")
(assert_return (invoke "f") (f64.const nan:canonical) (ref.func) (ref.null))
(assert_return (invoke "f") (either (i32.const 1) (i32.const 2)))
(assert_return (invoke "f" (v128.const i16x8 1 2 3 4 5 6 7 -1)) (v128.const f32x4 0 nan:arithmetic 1 2))
(assert_trap (invoke "f") "unreachable")
(assert_trap (module (func)) "unreachable")
(assert_exhaustion (invoke "f") "call stack exhausted")
(assert_malformed (module quote "(") "x")
(assert_invalid (module (func (result i32))) "y")
(assert_unlinkable (module) "z")
(assert_exception (invoke "f"))
"""


def test_every_command() -> None:
    commands = parse_script(SCRIPT)
    assert [c.kind for c in commands] == [
        "module", "module", "module", "definition", "instance", "register", "action", "action",
        "assert_return", "assert_return", "assert_return", "assert_trap", "assert_trap",
        "assert_exhaustion", "assert_malformed", "assert_invalid", "assert_unlinkable",
        "assert_exception",
    ]  # fmt: skip
    assert [c.line for c in commands] == list(range(2, 20))
    forms = [c.source.form for c in commands if c.source is not None]
    assert forms == ["text", "binary", "quote", "text", "text", "quote", "text", "text"]


def test_the_parts_of_commands() -> None:
    commands = parse_script(SCRIPT)
    assert commands[0].name == "$m"
    assert commands[1].source.data == b"\0asm\1\0\0\0"
    assert commands[2].source.data == b"(func)"
    assert (commands[4].name, commands[4].ref) == ("$i", "$d")
    assert (commands[5].name, commands[5].ref) == ("n", "$m")
    assert commands[6].action == Invoke(
        "$m",
        "f",
        (
            Value("i32", 0xFFFFFFFF),
            Value("f32", 0x3F800000),
            Value("ref.null", None),
            Value("ref.extern", 3),
        ),
    )
    assert commands[7].action == Get(None, "g")
    assert commands[8].expected == (
        Pattern("nan:canonical", "f64"),
        Pattern("ref", "func"),
        Pattern("null", ""),
    )
    assert [part.bits for part in commands[9].expected[0].parts] == [1, 2]
    assert commands[10].action.args == (Value("v128", 0xFFFF_0007_0006_0005_0004_0003_0002_0001),)
    assert commands[10].expected[0].parts[1] == Pattern("nan:arithmetic", "f32")
    assert commands[11].text == "unreachable"


def test_modules_are_read_when_asked_for() -> None:
    (command,) = parse_script('(assert_malformed (module (func (nope))) "unknown operator")')
    with pytest.raises(MalformedError) as caught:
        command.source.parse()
    assert (caught.value.line, caught.value.column) == (1, 34)


def test_a_quoted_module_must_be_utf8() -> None:
    (command,) = parse_script('(assert_malformed (module quote "\\80") "UTF-8")')
    with pytest.raises(MalformedError):
        command.source.parse()


def test_fields_at_the_top_are_one_module() -> None:
    (command,) = parse_script('(func) (memory 0) (func (export "f"))')
    module = command.source.parse()
    assert len(module.funcs) == 2
    assert module.exports[0].index == 1


def test_no_commands() -> None:
    assert parse_script(" ;; nothing\n") == []


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("(nonsense)", 2),
        ("module", 1),
        ('(assert_return (frob "f"))', 17),
        ('(invoke "f" (i32.const 1.5))', 24),
        ('(invoke "f" (i33.const 1))', 24),
        ('(invoke "f" (f32.const nan:canonical))', 13),
        ('(assert_return (invoke "f") 1)', 29),
        ("(module binary 1)", 16),
        ('(invoke "f" (v128.const i8x8 1))', 25),
        ('(invoke "f" (v128.const i64x2 1 x))', 33),
        ('(invoke "f" (v128.const i64x2 1))', 32),
        ('(invoke "f" (local.get 0))', 14),
        ('(register "f" 1)', 15),
    ],
)
def test_a_wrong_script_says_where(source: str, column: int) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_script(source)
    assert (caught.value.line, caught.value.column) == (1, column)
