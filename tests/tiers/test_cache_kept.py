"""What the cache on disk keeps: after it was cleared under a live process, and what it must not.

The format and the trust in it are in ``test_cache``.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from wasmpy import Cache, Module, Store
from wasmpy.tiers import cache as caching
from wasmpy.tiers import entry as file
from wasmpy.tiers import folder
from wasmpy.tiers.pysource import source
from wasmpy.tiers.pysource.functions import Functions
from wasmpy.tiers.pysource.marks import NotNow
from wasmpy.tiers.warm import compile_all, functions_of

WAT = """(module
  (func (export "one") (result i32) (i32.const 1))
  (func (export "two") (result i32) (i32.const 2)))"""

pytestmark = pytest.mark.skipif(not folder._supported(), reason="the cache needs POSIX")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Each test complains anew."""
    caching._complained.clear()
    yield
    gc.collect()
    caching._complained.clear()


def places(cache: Cache) -> List[Any]:
    """The functions that the only entry has, in either form."""
    ((_, sections),) = cache.entries()
    assert sections is not None
    return sorted({number for kind, number in sections if kind in (file.DIRECT, file.METERED)})


def test_a_live_process_writes_all_again_after_a_clear(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    module = Module(WAT, cache=cache)
    exports = module.instantiate(tier="python").exports
    exports.one()
    cache.save()
    assert places(cache) == [0]
    cache.clear()
    exports.two()
    cache.save()
    assert places(cache) == [0, 1]
    del module, exports
    gc.collect()
    again = Module(WAT, cache=tmp_path).instantiate(tier="python")
    assert (again.exports.one(), again.exports.two()) == (1, 2)


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=1)
    module = Module(WAT, cache=cache)
    module.instantiate(tier="python").exports.one()
    cache.save()
    assert cache.entries() == []
    cache.max_bytes = caching.MAX_BYTES
    cache.save()
    assert places(cache) == [0]


def test_an_entry_is_sound_if_all_of_it_is(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    module = Module(WAT, cache=cache)
    compile_all(module.syntax, module.sidetables, lambda done, total: None)
    cache.save()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    assert [sections is not None for _, sections in cache.entries()] == [True]
    path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    path.chmod(0o600)
    assert [sections for _, sections in cache.entries()] == [None]


# What depends on the moment -----------------------------------------------------------------------


@pytest.mark.fallbacks
@pytest.mark.parametrize("short", [MemoryError, RecursionError])
@pytest.mark.parametrize("where", ["written", "compiled"])
def test_what_failed_for_want_of_room_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: Any, where: str
) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise short

    cache = Cache(tmp_path)
    module = Module(WAT, cache=cache)
    with monkeypatch.context() as patched:
        if where == "compiled":
            patched.setattr(source, "compile", fail, raising=False)
        else:
            patched.setattr(source, "_framed", fail)
        warmed = compile_all(module.syntax, module.sidetables, lambda done, total: None)
        assert (warmed.compiled, sorted(warmed.untaken)) == (0, [0, 1])
        store = Store(tier="python")
        assert module.instantiate(store=store).exports.one() == 1
    functions = Functions.of(module.syntax)
    assert (functions.made, functions.untaken) == ({}, {})
    cache.save()
    assert places(cache) == []
    for _ in range(2):
        store = Store(tier="python")
        assert module.instantiate(store=store).exports.two() == 2
    assert store.fallbacks == []
    assert [index for index, _ in functions.made] == [1]


@pytest.mark.fallbacks
def test_it_is_tried_again_seldom_or_where_the_stack_is_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: List[int] = []

    def fail(*args: Any, **options: Any) -> Any:
        tries.append(1)
        raise RecursionError

    monkeypatch.setattr(source, "compile", fail, raising=False)
    module = Module(WAT)
    function = functions_of(module.syntax, module.sidetables)[0]
    functions = Functions.of(module.syntax)

    def ask(deeper: int) -> None:
        if deeper:
            ask(deeper - 1)
            return
        with pytest.raises(NotNow):
            functions.compiled(function, metered=False)

    counts = []
    for _ in range(64):
        ask(100)
        counts.append(len(tries))
    assert [at + 1 for at in range(1, 64) if counts[at] > counts[at - 1]] == [2, 4, 8, 16, 32, 64]
    before = len(tries)
    ask(100)
    assert len(tries) == before
    ask(0)
    assert len(tries) == before + 1


@pytest.mark.fallbacks
def test_a_function_that_nests_too_deep_is_known_not_to_be_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is of the function, not of the moment."""

    def fail(*args: Any, **options: Any) -> Any:
        raise source.TooDeep

    monkeypatch.setattr(source, "_framed", fail)
    module = Module(WAT)
    store = Store(tier="python")
    assert module.instantiate(store=store).exports.one() == 1
    assert list(Functions.of(module.syntax).untaken) == [0]
