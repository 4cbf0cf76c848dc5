"""Scenarios 1-16 of the guard ABI: loading."""

from __future__ import annotations

import io
import sys

import pytest

from hostabi import GATEWAY, Guard
from hostabi.errors import GuardLoadError
from tests.hostabi.wat import AGENT, BUMP, IMPORTS, data, guard_wat, module
from wasi import Wasi, WasiConfig
from wasmpy.errors import LinkError, MalformedError

LABEL = '(func (export "{}") (param i32 i32 i32 i32) (result i32) (i32.const 0))'
WRONG = '(func (export "{}") (param i32) (result i32) (i32.const 0))'
NAMES = ("label_resource", "label_response", "label_agent")

both = pytest.mark.parametrize("compat", [None, GATEWAY])


def load_error(source, **options):
    with pytest.raises(GuardLoadError) as caught:
        Guard(source, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def exporting(*, wrong=(), missing=(), more=""):
    parts = [(WRONG if name in wrong else LABEL).format(name) for name in NAMES
             if name not in missing]  # fmt: skip
    return module(f"(module (memory 1) {' '.join(parts)} {more})")


@both
def test_s001_empty_bytes_fail_at_instantiation(compat):
    error = load_error(b"", compat=compat)
    assert error.stage == "module"
    assert "failed to instantiate WASM module" in str(error)
    assert isinstance(error.__cause__, MalformedError)


@both
@pytest.mark.parametrize("source", [b"not wasm at all", b"\0asm", b"\0asm\1\0\0\0\xff", b"\x7fELF"])
def test_s002_non_wasm_bytes_fail(source, compat):
    error = load_error(source, compat=compat)
    assert error.stage == "module"


def test_s003_a_missing_file_is_a_read_error(tmp_path):
    error = load_error(tmp_path / "none.wasm")
    assert error.stage == "read"
    assert "failed to read WASM file" in str(error)
    assert load_error(tmp_path).stage == "read"
    assert load_error("a\0b").stage == "read"


@both
def test_s004_a_null_backend_is_accepted_at_load(compat):
    assert Guard(module(), backend=None, compat=compat).healthy


@both
def test_s005_a_module_with_no_exports_reports_what_it_must_export(compat):
    error = load_error(module("(module)"), compat=compat)
    assert (error.stage, error.export) == ("exports", "label_resource")
    assert "must export label_resource and label_response" in str(error)


@both
def test_s006_a_module_exporting_only_start_gets_the_tinygo_hint(compat):
    error = load_error(module('(module (func (export "_start")))'), compat=compat)
    assert error.stage == "exports"
    assert "TinyGo" in str(error)


@both
def test_s007_a_missing_label_agent_is_named(compat):
    error = load_error(exporting(missing=["label_agent"]), compat=compat)
    assert (error.stage, error.export) == ("exports", "label_agent")
    assert "must export label_agent" in str(error)


def test_a_missing_label_response_is_named():
    error = load_error(exporting(missing=["label_response"]))
    assert error.export == "label_response"


@both
@pytest.mark.parametrize(
    ("number", "name"), [(8, "label_resource"), (9, "label_response"), (10, "label_agent")]
)
def test_s008_s009_s010_a_bad_signature_is_named(number, name, compat):
    error = load_error(exporting(wrong=[name]), compat=compat)
    assert (error.stage, error.export) == ("signature", name)
    assert f"{name} must have signature (i32,i32,i32,i32)->i32" in str(error)


def test_the_signatures_are_checked_in_the_gateway_s_order():
    assert load_error(exporting(wrong=NAMES)).export == "label_resource"
    assert load_error(exporting(wrong=NAMES[1:])).export == "label_response"
    # Presence comes before any signature.
    assert load_error(exporting(wrong=NAMES[:1], missing=NAMES[2:])).stage == "exports"


def test_an_export_that_is_no_function_is_missing():
    wat = '(module (memory (export "label_resource") 1))'
    assert load_error(module(wat)).export == "label_resource"


@both
def test_s011_a_complete_guard_loads_is_healthy_and_keeps_its_name(compat):
    guard = Guard(module(), name="mine", compat=compat)
    assert guard.name == "mine"
    assert guard.module_name == "mine"
    health = guard.health()
    assert (health.healthy, health.state.value, health.cause) == (True, "ready", None)


def test_a_module_is_decoded_once_for_many_guards():
    shared = module()
    first, second = Guard(shared), Guard(shared)
    assert first.module is second.module is shared
    assert first.label_agent({}).raw == second.label_agent({}).raw


PRINTING = f"""
  (i32.store (i32.const 512) (i32.const 600)) (i32.store (i32.const 516) (i32.const 6))
  (i32.store (i32.const 520) (i32.const 606)) (i32.store (i32.const 524) (i32.const 6))
  (drop (call $fd_write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const 528)))
  (drop (call $fd_write (i32.const 2) (i32.const 520) (i32.const 1) (i32.const 528)))
  (memory.copy (local.get $op) (i32.const 700) (i32.const {len(AGENT)}))
  (i32.const {len(AGENT)})"""


def printing():
    return module(agent=PRINTING, extra=data(600, "to-outto-err") + data(700, AGENT))


def test_s014_custom_stdout_and_stderr_are_used_independently():
    out, err = io.BytesIO(), io.BytesIO()
    guard = Guard(printing(), stdout=out, stderr=err)
    report = guard.label_agent({}).report
    assert (out.getvalue(), err.getvalue()) == (b"to-out", b"to-err")
    assert report.log == []
    guard = Guard(printing(), stderr=err)
    report = guard.label_agent({}).report
    assert [(line.source, line.text) for line in report.log] == [("stdout", b"to-out")]
    assert err.getvalue() == b"to-errto-err"


def test_a_guard_s_stdout_and_stderr_go_to_the_log(capfd):
    report = Guard(printing()).label_agent({}).report
    assert [(line.source, line.text) for line in report.log] == [
        ("stdout", b"to-out"), ("stderr", b"to-err"),
    ]  # fmt: skip
    assert capfd.readouterr() == ("", "")


@both
def test_s015_an_empty_name_gives_module_name_guard(compat):
    guard = Guard(module(), compat=compat)
    assert (guard.name, guard.module_name) == ("", "guard")


READING = """
  (i32.store (i32.const 512) (i32.const 600)) (i32.store (i32.const 516) (i32.const 64))
  (i32.store (local.get $op) (call $fd_read (i32.const 0) (i32.const 512) (i32.const 1)
    (i32.const 528)))
  (i32.store offset=4 (local.get $op) (i32.load (i32.const 528)))
  (i32.const 8)"""
FD_READ = """(import "wasi_snapshot_preview1" "fd_read"
  (func $fd_read (param i32 i32 i32 i32) (result i32)))"""


@both
def test_s016_loading_never_waits_on_host_stdin(compat, monkeypatch):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"stdin.{name} was used")

    monkeypatch.setattr(sys, "stdin", Untouchable())
    guard = Guard(module(agent=READING, imports=IMPORTS + FD_READ), compat=compat)
    # Success, and no bytes: the end of the file.
    assert guard.call("label_agent", b"{}") == bytes(8)


# -- beyond the scenarios -----------------------------------------------------


def test_all_missing_imports_are_named_in_one_error():
    wat = guard_wat(imports=IMPORTS + '(import "env" "x" (func)) (import "other" "y" (func))')
    error = load_error(module(wat))
    assert error.stage == "link"
    assert isinstance(error.__cause__, LinkError)
    assert [(m.module, m.name) for m in error.__cause__.missing] == [("env", "x"), ("other", "y")]


def test_a_guard_gets_nothing_but_env_and_wasi_preview_1():
    for import_ in ('"wasi_unstable" "fd_write" (func)', '"env" "memory" (memory 1)',
                    '"wasi_snapshot_preview1" "no_such" (func)'):  # fmt: skip
        wat = guard_wat(imports=f"(import {import_})", memory="")
        wat = f"(module (import {import_}) {' '.join(LABEL.format(name) for name in NAMES)})"
        assert load_error(module(wat)).stage == "link"


def test_every_function_of_wasi_preview_1_is_offered():
    functions = Wasi(WasiConfig()).imports()
    assert len(functions) == 46

    def of(keyword, types):
        return f"({keyword} {' '.join(map(str, types))})" if types else ""

    imports = "".join(
        f'(import "wasi_snapshot_preview1" "{name}" (func '
        f'{of("param", function.type.params)}{of("result", function.type.results)}))'
        for name, function in functions.items()
    )
    wat = f"(module {imports} (memory 1) {' '.join(LABEL.format(name) for name in NAMES)})"
    assert Guard(module(wat)).healthy


def test_a_component_is_refused_by_name():
    error = load_error(b"\0asm\x0d\x00\x01\x00" + bytes(20))
    assert error.stage == "component"
    assert "component" in str(error)


def test_a_trap_of_the_start_section_is_a_load_error():
    error = load_error(module(extra="(func $start unreachable) (start $start)"))
    assert error.stage == "instantiate"
    assert "failed to instantiate WASM module" in str(error)


@pytest.mark.parametrize("bound", [{"timeout": 0.1}, {"fuel": 10_000}])
def test_an_endless_start_section_is_stopped(bound):
    wat = guard_wat(extra="(func $start (loop $l (br $l))) (start $start)")
    assert load_error(module(wat), **bound).stage == "instantiate"


def test_a_memory_above_the_cap_fails_and_a_larger_maximum_is_clamped():
    assert load_error(module(memory="(memory 513)")).stage == "module"
    assert Guard(module(memory="(memory 513)"), max_memory_pages=600).health().pages == 513
    guard = Guard(module(GROWER))
    # The maximum declared is 60,000 pages: it grows to the cap, and no further.
    assert guard.call("label_agent", b"") == (-1 & 0xFFFFFFFF).to_bytes(4, "little")
    assert guard.call("label_response", b"") == (1).to_bytes(4, "little")


GROWER = guard_wat(
    "(i32.store (local.get $op) (memory.grow (i32.const 512))) (i32.const 4)",
    response="(i32.store (local.get $op) (i32.eq (i32.const -1) (memory.grow (i32.const 600)))) "
    "(i32.const 4)",
    memory="(memory 3 60000)",
)


def test_a_guard_may_be_called_env_here_and_not_in_the_gateway():
    assert Guard(module(), name="env").module_name == "env"
    for name in ("env", "wasi_snapshot_preview1"):
        assert load_error(module(), name=name, compat=GATEWAY).stage == "name"


def test_a_guard_is_loaded_from_files_of_either_format(tmp_path):
    binary = module().binary
    (tmp_path / "guard.wasm").write_bytes(binary)
    (tmp_path / "guard.wat").write_text(guard_wat(), encoding="utf-8")
    (tmp_path / "bad.wat").write_bytes(b"(module \xff)")
    for path in (tmp_path / "guard.wasm", str(tmp_path / "guard.wat")):
        assert Guard(path).label_agent({}).secrecy == ("s",)
    assert load_error(tmp_path / "bad.wat").stage == "module"


def test_an_unknown_compat_is_refused():
    with pytest.raises(ValueError, match="compat"):
        Guard(module(), compat="other")


def test_memory_need_not_be_exported():
    assert Guard(module(memory="(memory 3)", alloc=BUMP)).label_agent({}).secrecy == ("s",)


def test_loading_logs_are_in_the_report_of_loading():
    wat = guard_wat(
        extra="(func $start (call $host_log (i32.const 1) (i32.const 0) (i32.const 3))) "
        "(start $start)" + data(0, "hey")
    )
    guard = Guard(module(wat))
    assert [(line.level, line.text) for line in guard.last_report.log] == [(1, b"hey")]
