"""The table of seed suggestions, row by row: what each became here.

A row that has tests elsewhere has a short one here too, so that the table can
be read from its tests.
"""

from __future__ import annotations

import gc
import itertools
import threading
import warnings
from pathlib import Path
from typing import Any, List

import pytest

import hostabi.guard
from hostabi import Guard, GuardPool, LabelSource, caches
from hostabi.caches import ModuleCache
from hostabi.errors import (
    CacheInUse,
    GuardCallError,
    GuardCancelled,
    GuardExit,
    GuardExitZero,
    GuardFuelExhausted,
    GuardLoadError,
    GuardProtocolError,
    GuardTimeout,
    GuardTrap,
    HostFunctionError,
)
from hostabi.registry import Registry
from hostabi.settings import CACHE_VARIABLE, cache_directory
from tests.hostabi.wat import (
    BUMP,
    EXIT,
    LOOP,
    ask,
    echo_wat,
    guard_wat,
    module,
    policy_of,
    tagged_wat,
)
from wasmpy.binary import decode
from wasmpy.errors import TrapKind
from wasmpy.exec.memory import MemInst
from wasmpy.tiers import folder
from wasmpy.tiers.cache import CacheWarning

needs_folder = pytest.mark.skipif(not folder._supported(), reason="the cache on disk needs POSIX")


@pytest.fixture(autouse=True)
def process_cache(monkeypatch):
    """A cache of the process for each test alone."""
    monkeypatch.setattr(caches, "_current", [ModuleCache()])


def decodes(monkeypatch) -> List[int]:
    """Notes every module that is decoded from now on."""
    sizes: List[int] = []
    original = decode.decode_module

    def counting(data: bytes, *args: Any, **options: Any) -> Any:
        sizes.append(len(data))
        return original(data, *args, **options)

    monkeypatch.setattr(decode, "decode_module", counting)
    return sizes


_numbers = itertools.count()


def fresh() -> bytes:
    """A guard that no other test has."""
    return module(extra=f'(func (export "number {next(_numbers)}"))').binary


# -- disk compilation cache ------------------------------------------------------


@needs_folder
def test_seed_disk_cache_is_used_by_the_next_process_and_by_nobody_else(tmp_path, monkeypatch):
    binary = fresh()
    with ModuleCache(tmp_path / "c") as cache, Guard(binary, cache=cache) as guard:
        guard.label_agent({})
    del guard
    gc.collect()
    sizes = decodes(monkeypatch)
    with ModuleCache(tmp_path / "c") as cache, Guard(binary, cache=cache) as guard:
        assert guard.label_agent({}).secrecy == ("s",)
    assert sizes == []


@needs_folder
def test_seed_disk_cache_ignores_a_corrupt_entry(tmp_path, monkeypatch):
    monkeypatch.setattr("wasmpy.tiers.cache._complained", set())
    binary = fresh()
    told: List[str] = []
    with ModuleCache(tmp_path / "c", warn=told.append) as cache, Guard(binary, cache=cache) as guard:
        pass
    del guard
    gc.collect()
    (entry,) = (tmp_path / "c").iterdir()
    entry.write_bytes(entry.read_bytes()[:100] + b"\xff" * 50)
    with ModuleCache(tmp_path / "c", warn=told.append) as cache:
        with Guard(binary, cache=cache) as guard:
            assert guard.label_agent({}).secrecy == ("s",)
    assert len(told) == 1


def test_seed_disk_cache_directory_is_flag_then_environment_then_default(tmp_path):
    env = {CACHE_VARIABLE: str(tmp_path / "env")}
    assert cache_directory(str(tmp_path / "flag"), env).name == "flag"
    assert cache_directory(None, env).name == "env"
    assert cache_directory(None, {}, tmp_path / "logs").parent == tmp_path


def test_seed_disk_cache_that_cannot_be_written_falls_back_with_one_warning(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cache = caches.configure(tmp_path / "file")
        for _ in range(2):
            with Guard(fresh()) as guard:
                assert guard.healthy
    assert [w.category for w in caught] == [CacheWarning]
    assert cache.directory is None


# -- warn without alloc and dealloc ----------------------------------------------


@pytest.mark.parametrize("missing", ["both", "alloc", "dealloc"])
def test_seed_exactly_one_warning_per_instance_names_both_exports(missing):
    alloc = {
        "both": "", "alloc": '(func (export "dealloc") (param i32 i32))',
        "dealloc": '(func (export "alloc") (param i32) (result i32) (i32.const 4096))',
    }[missing]  # fmt: skip
    shared = module(alloc=alloc)
    for _ in range(2):
        lines: List[Any] = []
        guard = Guard(shared, log=lines.append)
        for _ in range(3):
            guard.label_agent({})
        assert len(lines) == 1
        assert all(name in lines[0].text for name in (b"alloc", b"dealloc"))


# -- instance pooling --------------------------------------------------------------


def test_seed_pool_calls_overlap_replay_the_policy_and_replace_one_alone():
    inside = threading.Barrier(3)

    def backend(name: str, args: Any) -> Any:
        inside.wait(20)
        return args

    found: List[Any] = []
    with GuardPool(module(tagged_wat()), size=3, backend=backend) as pool:
        pool.label_agent(policy_of(1))
        threads = [
            threading.Thread(target=lambda i=i: found.append(ask(pool, i, "B"))) for i in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        # All three were in their backend at once, each under the policy that one was given.
        assert sorted(found) == [(1, i, 1, str(100_000 + i)) for i in range(3)]
        with pytest.raises(GuardTrap):
            ask(pool, 4, "T")
        health = pool.health()
        assert (health.made, health.replaced) == (2, 1)
        assert ask(pool, 5)[:3] == (1, 5, 1)


# -- split compile and instantiate ---------------------------------------------------


def test_seed_module_is_decoded_once_for_many_instances(monkeypatch):
    binary = fresh()
    sizes = decodes(monkeypatch)
    with GuardPool(binary, size=4) as pool:
        pool.warm()
        with Guard(binary), Guard(pool.module):
            assert pool.health().made == 4
    assert sizes == [len(binary)]


# -- trap text matching ---------------------------------------------------------------


def test_seed_traps_are_types_with_data():
    ask_backend = "(drop (call $call_backend (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 64))) (i32.const 0)"

    def fail(name: str, args: Any) -> Any:
        raise KeyError("why")

    cases = [
        ("(unreachable)", {}, GuardTrap), (EXIT.format(code=4), {}, GuardExit),
        (EXIT.format(code=0), {}, GuardExitZero), (LOOP, {"timeout": 0.05}, GuardTimeout),
        (LOOP, {"fuel": 1000}, GuardFuelExhausted), (ask_backend, {"backend": fail}, HostFunctionError),
        ("(i32.const 0x7fffffff)", {}, GuardProtocolError),
    ]  # fmt: skip
    for body, options, kind in cases:
        with pytest.raises(GuardCallError) as caught:
            Guard(module(agent=body), **options).label_agent({})
        assert type(caught.value) is kind
    with pytest.raises(GuardTrap) as trapped:
        Guard(module(agent="(i32.load (i32.const -4))")).label_agent({})
    assert trapped.value.trap.kind is TrapKind.MEMORY_OUT_OF_BOUNDS
    guard = Guard(module(agent=LOOP))
    timer = threading.Timer(0.05, guard.cancel)
    timer.start()
    with pytest.raises(GuardCancelled):
        guard.label_agent({})
    timer.join()


# -- name collision -------------------------------------------------------------------


def test_seed_names_are_the_guard_s_and_env_is_allowed():
    for name, own in (("", "guard"), ("env", "env"), ("x", "x")):
        with Guard(module(), name=name) as guard:
            assert (guard.name, guard.module_name) == (name, own)
            assert guard.healthy
    with pytest.raises(GuardLoadError) as caught:
        Guard(module(), name="env", compat="gateway")
    assert caught.value.stage == "name"


# -- memory responsibility --------------------------------------------------------------


def test_seed_memory_has_a_cap_that_can_be_set():
    grow = "(i32.store (local.get $op) (memory.grow (i32.const {}))) (i32.const 4)"
    for pages, least in ((512, 512), (200, 200)):
        options = {} if pages == 512 else {"max_memory_pages": pages}
        # 3 pages of its own and 64 or 65 for the buffers; the maximum it declares is clamped.
        guard = Guard(module(agent=grow.format(pages - 60), memory="(memory 3 60000)"), **options)
        assert guard.call("label_agent", b"") == b"\xff\xff\xff\xff"
        with pytest.raises(GuardLoadError) as caught:
            Guard(module(memory=f"(memory {least + 1})"), **options)
        assert caught.value.stage == "module"
        assert Guard(module(memory=f"(memory {least})"), **options).healthy


# -- configure-cache race ---------------------------------------------------------------


def test_seed_cache_is_exchanged_in_one_step():
    old = caches.current()
    new = caches.configure()
    assert (old.closed, new.closed, caches.current()) == (True, False, new)


# -- interface{} to any ------------------------------------------------------------------


def test_seed_the_public_interface_is_typed():
    for function in (Guard.__init__, Guard.label_agent, GuardPool.__init__, Registry.register):
        code = function.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        assert {*names, "return"} <= set(function.__annotations__)
    assert Path(hostabi.guard.__file__).with_name("py.typed").is_file()


# -- preview 2 and components ---------------------------------------------------------------


def test_seed_components_are_refused_by_name():
    with pytest.raises(GuardLoadError) as caught:
        Guard(b"\0asm\x0d\0\1\0" + bytes(20))
    assert caught.value.stage == "component"
    assert "component" in str(caught.value)


# -- interpreter in tests ---------------------------------------------------------------------


def test_seed_clock_and_randomness_are_fixed_so_traces_are_the_same_twice():
    wat = """(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "clock_time_get"
        (func $clock (param i32 i64 i32) (result i32)))
      (memory (export "memory") 3)
      (func (export "label_agent") (param i32 i32 i32 i32) (result i32)
        (drop (call $random (local.get 2) (i32.const 32)))
        (drop (call $clock (i32.const 0) (i64.const 1) (i32.add (local.get 2) (i32.const 32))))
        (i32.const 40))
      (func (export "label_resource") (param i32 i32 i32 i32) (result i32) (i32.const 0))
      (func (export "label_response") (param i32 i32 i32 i32) (result i32) (i32.const 0)))"""

    def run() -> Any:
        guard = Guard(module(wat))
        return [guard.call("label_agent", b"") for _ in range(3)], guard.last_report.to_json()

    assert run() == run()
    assert len(set(run()[0])) == 3

    def traced() -> Any:
        guard = Guard(module(echo_wat()), count=True)
        guard.label_agent({"a": 1})
        first = guard.last_report.to_json()
        guard.label_response("t", [1], {})
        return first, guard.last_report.to_json()

    assert traced() == traced()


# -- typed memory helpers -------------------------------------------------------------------------


def test_seed_memory_is_read_and_written_with_bounds():
    mem = Guard(module())._guest.memory
    assert isinstance(mem, MemInst)
    end = mem.pages * 65536
    assert mem.write_u32_le(end - 4, 0x01020304)
    assert mem.read_u32_le(end - 4) == 0x01020304
    assert mem.read(end - 4, 4) == b"\4\3\2\1"
    for address in (end - 3, end, 2**32 - 1):
        assert not mem.write_u32_le(address, 1)
        assert mem.read_u32_le(address) is None
        assert mem.read(address, 4) is None


# -- WithName helper -------------------------------------------------------------------------------


def test_seed_one_place_makes_the_instance_and_gives_it_its_name():
    trapping = module(agent="(unreachable)")
    for labeller in (Guard(trapping, name="x"), GuardPool(trapping, size=1, name="x")):
        with pytest.raises(GuardTrap) as caught:
            labeller.label_agent({})
        assert caught.value.trap.frames[0].module == "x"


# -- WAT beside test bytes ----------------------------------------------------------------------------


def test_seed_fixtures_are_text_and_are_assembled():
    for text in (guard_wat(), tagged_wat(), echo_wat(), guard_wat(alloc=BUMP)):
        assert Guard(module(text)).healthy
    sample = Guard(module(guard_wat())).label_response("t", [1], {})
    assert [item.source for item in sample.items] == [LabelSource.DEFAULT]


# -- shutdown ordering ---------------------------------------------------------------------------------


def test_seed_a_cache_is_closed_after_its_guards_and_the_library_sees_to_it():
    cache = caches.configure()
    registry = Registry()
    registry.register("s", Guard(fresh(), name="g"))
    with pytest.raises(CacheInUse) as caught:
        caches.close()
    assert (caught.value.guards, cache.closed) == (["g"], False)
    registry.close()
    caches.close()
    assert cache.closed
