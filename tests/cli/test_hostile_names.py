"""Names of a module nobody trusts: no command lets one steer the terminal or forge a line."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from tests.hostabi.wat import guard_wat
from wasmpy import cli
from wasmpy.binary.encode import encode_module
from wasmpy.errors import Frame, LinkError, MissingImport, TrapKind, WasmTrap, format_frames
from wasmpy.text import parse_module

NAME = r"x\1b[2J\u{9b}31m\u{202e}\0d\0aINJECT"
MODULES = {
    "good": f"""(module $"{NAME}"
        (func $"{NAME}" (export "{NAME}") (param $"{NAME}" i32) (result i32)
            (block $"{NAME}" (br $"{NAME}")) (local.get 0))
        (func $"{NAME} 2" (export "trap") (unreachable))
        (global $"{NAME}" (export "g {NAME}") i32 (i32.const 0))
        (memory 1) (data $"{NAME}" (i32.const 0) "{NAME}"))""",
    "invalid": f'(module $"{NAME}" (func $"{NAME}" (export "{NAME}") i32.add drop))',
    "twice": f'(module (func (export "{NAME}")) (func (export "{NAME}")))',
    "linked": f'(module (import "{NAME}" "{NAME}" (func $"{NAME}")) (func (export "_start")))',
    "wasi": f'(module (import "wasi_snapshot_preview1" "{NAME}" (func)) (func (export "_start")))',
}
COMMANDS: List[List[str]] = [
    *(
        [*command, f"{module}.wasm"]
        for module in MODULES
        for command in (
            ["validate"], ["validate", "-v", "--trace", "--explain"], ["print"], ["print", "--fold"],
            ["dump"], ["parse", "-t"], ["compile"], ["compile", "--show"], ["cache", "warm"], ["run"],
            ["run", "--invoke", "f"], ["run", "--invoke", "trap"], ["run", "--invoke", "trap", "--tier", "reference"],
            ["guard", "label-agent", "--policy", "policy.json"],
        )
    ),
    ["run", "unknown.wat"], ["cache", "info"], ["wast", "script.wast"], ["wast", "broken.wast"],
    ["compile", "good.wasm", "--show", "a\nINJECT"], ["run", "good.wasm", "--invoke", "a\nINJECT"],
    ["guard", "label-resource", "trap.wat", "--policy", "policy.json", "--tool", "t"],
    ["validate", "a\nINJECT.wasm"], ["print", "a\nINJECT.wasm"], ["wast", "a\nINJECT.wast"],
    ["dump", "good.wasm", "--section", "a\nINJECT"], ["a\nINJECT"], ["run", "a\nINJECT.wasm", "--dir", "a\nINJECT"],
    ["guard", "test", "good.wasm", "a\nINJECT.json"], ["guard", "new", "wat", "a\nINJECT"],
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules, scripts and a policy."""
    made = tmp_path_factory.mktemp("hostile")
    for name, text in MODULES.items():
        (made / f"{name}.wasm").write_bytes(encode_module(parse_module(text)))
    (made / "unknown.wat").write_text(f'(module (func (call $"{NAME}")))', encoding="utf-8")
    (made / "policy.json").write_text("{}", encoding="utf-8")
    (made / "trap.wat").write_text(
        guard_wat(resource="(call $evil)", extra=f'(func $evil (call $"{NAME}")) (func $"{NAME}" unreachable)'),
        encoding="utf-8",
    )
    good = MODULES["good"]
    (made / "script.wast").write_text(
        f'{good} (assert_return (invoke "{NAME}" (i32.const 1)) (i32.const 2)) '
        f'(assert_return (invoke "none {NAME}")) (invoke "trap") (assert_invalid {good} "{NAME}")'
        f'(assert_trap (invoke "trap") "{NAME}") (register "{NAME}") (module {MODULES["linked"][7:]}',
        encoding="utf-8",
    )
    (made / "broken.wast").write_text(f'{good} (invoke $"{NAME}" "f") (nothing "{NAME}"', encoding="utf-8")
    return made


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: ascii(" ".join(argv))[-60:])
def test_no_name_steers_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, argv: List[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WASMPY_CACHE_DIR", str(folder / "cache"))
    assert cli.main(argv) in (0, 1, 2, 134)
    told = "".join(capsys.readouterr())
    assert [line for line in told.split("\n") if not line.isprintable() or line.startswith("INJECT")] == []


def test_the_text_of_an_error_is_one_line() -> None:
    name = "x\x1b[2J\nINJECT"
    trap = WasmTrap(TrapKind.UNREACHABLE)
    trap.frames = [Frame(name, 0, name, None, 0)]
    texts = [str(trap), format_frames(trap.frames), str(LinkError("no", [MissingImport(name, name, "func", None)]))]
    assert all("INJECT" in text and text.isprintable() for text in texts)
    assert trap.to_json()["frames"][0]["name"] == name  # data is the guest's own
