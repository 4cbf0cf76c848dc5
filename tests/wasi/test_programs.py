"""Whole programs over WASI, through the linker and the interpreter."""

from __future__ import annotations

import io

import pytest

import wasmpy
from wasi import Errno, Wasi, WasiConfig

HELLO = """(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00" "\\16\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello world\\n")
  (func (export "_start")
    (call $proc_exit
      (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 12288)))))
"""

EVERYTHING = """(module
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get"
    (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "time") (param i32) (result i64)
    (drop (call $clock_time_get (local.get 0) (i64.const 0) (i32.const 0)))
    (i64.load (i32.const 0)))
  (func (export "random") (result i64)
    (drop (call $random_get (i32.const 8) (i32.const 8)))
    (i64.load (i32.const 8)))
  (func (export "sleep") (param i64) (result i32)
    (i32.store (i32.const 1040) (i32.const 1))
    (i64.store (i32.const 1048) (local.get 0))
    (call $poll_oneoff (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 4)))
  (func (export "open") (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
      (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
  (func (export "close") (param i32) (result i32) (call $fd_close (local.get 0))))
"""


def instantiate(text: str, config: WasiConfig) -> "tuple[wasmpy.Instance, Wasi]":
    linker = wasmpy.Linker()
    wasi = linker.define_wasi(config)
    return linker.instantiate(wasmpy.Module(text)), wasi


def test_hello_world() -> None:
    sink = io.BytesIO()
    instance, _ = instantiate(HELLO, WasiConfig(stdout=sink))
    with pytest.raises(wasmpy.WasiExit) as caught:
        instance.exports["_start"]()
    assert caught.value.code == 0
    assert sink.getvalue() == b"hello world\n"


def test_time_sleep_and_randomness_and_what_is_not_open() -> None:
    instance, wasi = instantiate(EVERYTHING, WasiConfig(transcript=True))
    f = instance.exports
    first = [f.time(1), f.sleep(5_000_000_000), f.time(1), f.random(), f.open(), f.close(9)]
    assert first[:3] == [0, 0, 5_001_000_000]
    assert first[4:] == [Errno.EBADF, Errno.EBADF]
    assert [e.function for e in wasi.transcript if e.errno == "EBADF"] == ["path_open", "fd_close"]
    instance.reset()
    again = [f.time(1), f.sleep(5_000_000_000), f.time(1), f.random(), f.open(), f.close(9)]
    assert again == first


def test_a_deadline_ends_a_real_sleep() -> None:
    config = WasiConfig()
    config.use_system_clock()
    instance, _ = instantiate(EVERYTHING, config)
    with pytest.raises(wasmpy.Interrupted) as caught:
        instance.exports.sleep(3600 * 10**9, deadline=0.1)
    assert caught.value.resource is wasmpy.Resource.DEADLINE


def test_a_function_of_the_wrong_type_does_not_link() -> None:
    text = '(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32))))'
    with pytest.raises(wasmpy.LinkError) as caught:
        instantiate(text, WasiConfig())
    assert [(m.name, m.got is None) for m in caught.value.missing] == [("fd_write", False)]
