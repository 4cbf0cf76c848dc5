"""The cache of guards' modules: scenarios 12, 13 and 142-144, and the order of closing."""

from __future__ import annotations

import gc
import threading
import warnings
from typing import Any, List, Optional

import pytest

from hostabi import Guard, GuardPool, caches
from hostabi.caches import GLOBAL, ModuleCache
from hostabi.errors import CacheInUse, GuardCacheError, GuardLoadError
from hostabi.registry import Registry
from tests.hostabi.wat import guard_wat, module
from wasmpy.config import Features, Limits
from wasmpy.tiers import folder
from wasmpy.tiers.cache import CacheWarning

needs_folder = pytest.mark.skipif(not folder._supported(), reason="the cache on disk needs POSIX")

BINARY = module(extra='(func (export "cached"))').binary


@pytest.fixture(autouse=True)
def process_cache(monkeypatch):
    """A cache of the process for this test alone."""
    gc.collect()
    monkeypatch.setattr(caches, "_current", [ModuleCache()])


@needs_folder
def test_s012_loading_works_with_an_injected_cache(tmp_path):
    for cache in (ModuleCache(), ModuleCache(tmp_path / "c")):
        with cache:
            with Guard(BINARY, cache=cache) as one, Guard(BINARY, cache=cache) as two:
                assert one.module is two.module
                assert one.label_agent({}).secrecy == ("s",)
                assert cache.guards == ["", ""]
            assert cache.guards == []
        assert cache.closed
        with pytest.raises(GuardCacheError):
            Guard(BINARY, cache=cache)
    assert list((tmp_path / "c").iterdir())


def test_s013_loading_works_with_caching_disabled():
    with Guard(BINARY, cache=None) as one, Guard(BINARY, cache=None) as two:
        assert one.module is not two.module
        assert one.label_agent({}).raw == two.label_agent({}).raw
        assert caches.current().guards == []
    caches.close()
    assert Guard(BINARY).healthy


def test_a_guard_uses_none_or_its_own_or_the_process_s_in_this_order():
    own = ModuleCache()
    assert caches.chosen(None) is None
    assert caches.chosen(own) is own
    assert caches.chosen(GLOBAL) is caches.current()
    with Guard(BINARY, name="g") as guard:
        assert caches.current().guards == ["g"]
        assert guard.module is caches.current().module(
            BINARY, Features.WASM2, Limits(memory_pages=512)
        )
    # A module that is one already came out of no cache.
    with Guard(module()):
        assert caches.current().guards == []


def test_a_guard_that_does_not_load_or_is_dropped_keeps_no_cache_open():
    for source in (b"", module("(module)").binary):
        with pytest.raises(GuardLoadError):
            Guard(source)
    guard: Optional[Guard] = Guard(BINARY)
    assert guard is not None
    guard = None
    gc.collect()
    caches.close()


def test_modules_that_were_not_used_for_the_longest_time_go():
    cache = ModuleCache(max_modules=2)
    sources = [f"(module (memory {n}))" for n in range(3)]
    found = [cache.module(text, Features.WASM2, Limits()) for text in sources[:2]]
    assert cache.module(sources[0], Features.WASM2, Limits()) is found[0]
    cache.module(sources[2], Features.WASM2, Limits())
    assert cache.module(sources[0], Features.WASM2, Limits()) is found[0]
    other = found.pop()
    assert cache.module(sources[1], Features.WASM2, Limits()).syntax is other.syntax


# -- disk ----------------------------------------------------------------------


def test_s142_disk_cache_failure_falls_back_to_memory_with_a_warning(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cache = caches.configure(directory)
        assert [w.category for w in caught] == [CacheWarning]
        assert cache.directory is None
        with Guard(BINARY) as guard:
            assert guard.healthy
    told: List[str] = []
    assert ModuleCache(tmp_path / "file", warn=told.append).directory is None
    assert len(told) == 1


def test_s142_a_directory_that_others_can_write_to_is_not_used(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    told: List[str] = []
    assert ModuleCache(shared, warn=told.append).directory is None
    assert len(told) == 1


@needs_folder
def test_a_directory_that_can_be_used_is_used(tmp_path):
    told: List[str] = []
    with ModuleCache(tmp_path / "c", warn=told.append) as cache:
        assert cache.directory == str(tmp_path / "c")
        with Guard(BINARY, cache=cache) as guard:
            guard.label_agent({})
    assert len(list((tmp_path / "c").iterdir())) == 1
    with ModuleCache(tmp_path / "c", warn=told.append) as again, Guard(BINARY, cache=again) as guard:
        assert guard.label_agent({}).secrecy == ("s",)
    assert told == []


# -- exchange and closing ------------------------------------------------------


class Counted(ModuleCache):
    """A cache that counts how often it is closed, and may fail to."""

    made: List[Counted] = []
    fail = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.closings = 0
        Counted.made.append(self)

    def close(self) -> None:
        if self.fail:
            raise OSError("the disk is gone")
        before = self.closed
        super().close()
        self.closings += not before


@pytest.fixture
def counted():
    Counted.made = []
    return Counted


def test_s143_a_failed_swap_keeps_the_old_cache(counted, monkeypatch):
    old = caches.configure(make=counted)

    def broken(*args: Any, **options: Any) -> ModuleCache:
        raise OSError("no room")

    with pytest.raises(OSError):
        caches.configure(make=broken)
    assert caches.current() is old
    old.fail = True
    with pytest.raises(GuardCacheError) as caught:
        caches.configure(make=counted)
    assert caches.current() is old
    assert isinstance(caught.value.__cause__, OSError)
    assert [cache.closings for cache in counted.made] == [0, 1]
    # Both failing is one error with both texts.
    monkeypatch.setattr(counted, "fail", True)
    with pytest.raises(GuardCacheError) as caught:
        caches.configure(make=counted)
    assert str(caught.value).count("the disk is gone") == 2
    assert caches.current() is old


def test_s143_a_cache_with_open_guards_is_not_exchanged(counted):
    old = caches.configure(make=counted)
    with Guard(BINARY, name="g"):
        with pytest.raises(CacheInUse) as caught:
            caches.configure(make=counted)
        assert caught.value.guards == ["g"]
        assert caches.current() is old
    new = caches.configure(make=counted)
    assert caches.current() is new
    assert [cache.closings for cache in counted.made] == [1, 1, 0]


def test_s144_closing_the_cache_twice_is_harmless(counted):
    cache = caches.configure(make=counted)
    caches.close()
    caches.close()
    assert caches.current() is None
    cache.close()
    assert cache.closings == 1
    # What fails to close is gone all the same.
    caches.configure(make=counted).fail = True
    with pytest.raises(GuardCacheError):
        caches.close()
    assert caches.current() is None
    caches.close()


def test_the_cache_is_closed_after_its_guards(counted):
    cache = caches.configure(make=counted)
    with Registry() as registry:
        registry.register("a", Guard(BINARY, name="one"))
        registry.register("b", GuardPool(BINARY, name="many"))
        for close in (caches.close, cache.close):
            with pytest.raises(CacheInUse) as caught:
                close()
            assert caught.value.guards == ["many", "one"]
        assert caches.current() is cache
        assert registry.get("a").healthy
        registry.close()
        caches.close()
    assert (cache.closings, caches.current()) == (1, None)


def test_two_threads_that_exchange_the_cache_leave_one_and_close_every_other_once(counted):
    failures: List[BaseException] = []
    begin = threading.Barrier(3)

    def exchange() -> None:
        try:
            begin.wait(10)
            for _ in range(100):
                caches.configure(make=counted)
        except BaseException as error:
            failures.append(error)

    def load() -> None:
        try:
            begin.wait(10)
            for _ in range(20):
                # Closed at once, or the others could exchange nothing.
                cache = caches.current()
                assert cache is not None
                cache.module(guard_wat(), Features.WASM2, Limits())
        except GuardCacheError:
            pass  # exchanged in between
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for work in (exchange, exchange, load)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(counted.made) == 200
    live = [cache for cache in counted.made if not cache.closed]
    assert live == [caches.current()]
    assert sorted(cache.closings for cache in counted.made) == [0] + [1] * 199


def test_a_guard_that_is_loaded_while_the_cache_is_exchanged_uses_the_new_one(monkeypatch):
    old = caches.current()
    opened = ModuleCache.opened

    def late(cache: ModuleCache, guard: Any) -> bool:
        if cache is old:
            caches.configure()
        return opened(cache, guard)

    monkeypatch.setattr(ModuleCache, "opened", late)
    with Guard(BINARY, name="g"):
        assert caches.current() is not old
        assert caches.current().guards == ["g"]
