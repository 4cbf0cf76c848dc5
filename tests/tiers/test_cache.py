"""The cache on disk: found again, never believed without its hash, never trusted to others."""

from __future__ import annotations

import gc
import itertools
import marshal
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

import wasmpy
from hostabi import bundled
from wasmpy import Cache, CacheError, CacheWarning, Features, Limits, Module, Store
from wasmpy.binary.decode import decode_module
from wasmpy.tiers import cache as caching
from wasmpy.tiers import entry as file
from wasmpy.tiers import folder
from wasmpy.tiers.cache import compiler_state, environment, key_of
from wasmpy.tiers.warm import compile_all

ROOT = Path(__file__).resolve().parents[2]

WAT = """(module $sums (memory (export "mem") 1) (table 2 funcref) (elem (i32.const 0) $add)
  (global $g (mut i64) (i64.const 7)) (data (i32.const 8) "data")
  (type $t (func (param i32 i32) (result i32)))
  (func $add (export "add") (type $t) (i32.add (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load offset=4 (local.get 0)))
  (func (export "div") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.div_u (i32.const 100) (local.get 0)))
      (else (unreachable))))
  (func (export "nan") (result f32) (f32.const nan:0x200001))
  (func (export "pick") (param i32) (result i32)
    (block (block (block (br_table 0 1 2 (local.get 0))) (return (i32.const 10)))
      (return (i32.const 20))) (i32.const 30))
  (func (export "call") (param i32) (result i32)
    (call_indirect (type $t) (i32.const 1) (i32.const 2) (local.get 0)))
  (func (export "fill") (memory.fill (i32.const 100) (i32.const 1) (i32.const 50))))"""

pytestmark = pytest.mark.skipif(not folder._supported(), reason="the cache needs POSIX")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Each test complains anew."""
    caching._complained.clear()
    yield
    gc.collect()
    caching._complained.clear()


@pytest.fixture
def binary() -> bytes:
    return bytes(Module(WAT).binary)


def kept(directory: Path) -> List[Path]:
    return sorted(directory.glob("*" + folder.SUFFIX))


def fill(directory: Path, source: Any, **options: Any) -> Path:
    """Keep a module, all of it compiled; its file."""
    cache = Cache(directory)
    module = Module(source, cache=cache, **options)
    compile_all(module.syntax, module.sidetables, lambda done, total: None)
    before = set(kept(directory))
    cache.save()
    (path,) = set(kept(directory)) - before
    del module
    gc.collect()
    return path


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """The sizes of the modules that are decoded."""
    found: List[int] = []

    def decode(data: bytes, *rest: Any) -> Any:
        found.append(len(data))
        return decode_module(data, *rest)

    monkeypatch.setattr("wasmpy.binary.decode.decode_module", decode)
    return found


def outcomes(module: Module, tier: str, *, fuel: Any = None) -> List[Any]:
    """What calls give, traps with all they say."""
    calls: List[Any] = [
        ("add", 1, 2), ("load", 8), ("load", 65535), ("div", 7), ("div", 0), ("nan",), ("pick", 0),
        ("pick", 1), ("pick", 9), ("call", 0), ("call", 1), ("call", 5), ("fill",),
    ]  # fmt: skip
    store = Store(tier=tier, fuel=fuel)
    instance = module.instantiate(store=store)
    found: List[Any] = []
    for name, *args in calls:
        try:
            found.append(instance.exports[name].call_raw(*args))
        except wasmpy.WasmTrap as trap:
            found.append(trap.to_json())
    return [*found, bytes(instance.exports["mem"][0:200]), store.fuel]


def used(binary: bytes, where: Any) -> List[Any]:
    """What calls give; the module is let go then."""
    found = outcomes(Module(binary, cache=where), "reference")
    gc.collect()
    return found


# Hit and miss ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["binary", "text"])
def test_a_module_that_was_kept_is_not_decoded_again(
    tmp_path: Path, decodings: List[int], binary: bytes, source: str
) -> None:
    given: Any = binary if source == "binary" else WAT
    fill(tmp_path, given)
    del decodings[:]
    warm = Module(given, cache=tmp_path)
    assert decodings == []
    assert warm.binary == binary
    cold = decode_module(binary)
    assert warm.syntax == cold
    assert [e.name for e in warm.exports] == [e.name for e in Module(binary).exports]


@pytest.mark.parametrize("fuel", [None, 10**6])
@pytest.mark.parametrize("tier", ["reference", "python"])
def test_warm_and_cold_agree_to_the_offset(
    tmp_path: Path, binary: bytes, tier: str, fuel: Any
) -> None:
    cold = outcomes(Module(binary), tier, fuel=fuel)
    fill(tmp_path, binary)
    assert outcomes(Module(binary, cache=tmp_path), tier, fuel=fuel) == cold
    traps = [found for found in cold if isinstance(found, dict)]
    assert {trap["kind"] for trap in traps} >= {"MEMORY_OUT_OF_BOUNDS", "UNREACHABLE"}
    assert all(trap["offset"] for trap in traps)


def test_nothing_that_compiles_or_validates_runs_when_all_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: bytes
) -> None:
    fill(tmp_path, binary)
    for name in ("wasmpy.valid.module.validate_module", "wasmpy.tiers.pysource.source.compiled"):
        monkeypatch.setattr(name, None)
    for fuel in (None, 1000):
        instance = Module(binary, cache=tmp_path).instantiate(store=Store(tier="python", fuel=fuel))
        assert instance.exports["add"](2, 3) == 5


def test_what_is_compiled_later_is_added(tmp_path: Path, binary: bytes) -> None:
    for name, count in (("add", 1), ("pick", 2)):
        module = Module(binary, cache=tmp_path)
        instance = module.instantiate(store=Store(tier="python", fuel=1000))
        instance.exports[name](1, *[2] * (name == "add"))
        del module, instance
        gc.collect()
        (path,) = kept(tmp_path)
        sections = file.Sections(os.open(path, os.O_RDONLY))
        assert [kind for kind, _ in sections].count(file.METERED) == count


def test_the_end_of_a_process_keeps_what_it_compiled(tmp_path: Path) -> None:
    code = (
        "import sys, wasmpy; m = wasmpy.Module(sys.argv[1], cache=sys.argv[2]); "
        "print(m.instantiate(store=wasmpy.Store(tier='python', fuel=9)).exports.add(1, 2))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, WAT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("3\n", "")
    (path,) = kept(tmp_path)
    assert (file.METERED, 0) in file.Sections(os.open(path, os.O_RDONLY))


@pytest.mark.fallbacks
def test_a_function_that_is_not_taken_is_known_not_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: bytes
) -> None:
    from wasmpy.tiers.pysource import functions, source
    from wasmpy.tiers.pysource.marks import Untaken

    def refuse(_: Any) -> Any:
        raise Untaken("not today")

    monkeypatch.setattr(source, "compiled", refuse)
    fill(tmp_path, binary)
    monkeypatch.setattr(source, "compiled", None)
    module = Module(binary, cache=tmp_path)
    assert module.instantiate(store=Store(tier="python")).exports["add"](1, 2) == 3
    assert set(functions.Functions.of(module.syntax).untaken.values()) == {"not today"}


# The key -----------------------------------------------------------------------------------


def keys(binary: bytes, monkeypatch: pytest.MonkeyPatch) -> Dict[str, bytes]:
    """A key for each thing that may differ."""
    found = {
        "as it is": key_of(binary, Features.WASM3, Limits())[0],
        "bytes": key_of(binary + b"\0", Features.WASM3, Limits())[0],
        "text": key_of(WAT, Features.WASM3, Limits())[0],
        "features": key_of(binary, Features.WASM2, Limits())[0],
        "limits": key_of(binary, Features.WASM3, Limits(nesting=99))[0],
    }
    for name in environment():
        with monkeypatch.context() as patched:
            patched.setitem(caching._environment, name, "another")
            found[name] = key_of(binary, Features.WASM3, Limits())[0]
    with monkeypatch.context() as patched:
        patched.setattr(caching, "FORMAT", caching.FORMAT + 1)
        found["format"] = key_of(binary, Features.WASM3, Limits())[0]
    return found


def test_whatever_decides_what_is_kept_is_in_the_key(
    binary: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = keys(binary, monkeypatch)
    assert len(set(found.values())) == len(found)
    assert {"wasmpy", "code", "python", "magic", "platform", "optimize"} <= set(found)
    assert environment()["python"] == sys.implementation.cache_tag


def test_limits_of_execution_are_not_in_the_key(binary: bytes) -> None:
    own = key_of(binary, Features.WASM3, Limits())
    assert own == key_of(binary, Features.WASM3, Limits(memory_pages=1, call_depth=5))
    names = set(vars(Limits()))
    assert names >= caching._OF_EXECUTION
    for part in ("binary", "valid", "syntax"):
        for path in (ROOT / "wasmpy" / part).glob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not [name for name in caching._OF_EXECUTION if f"limits.{name}" in text], path


def test_all_code_that_decides_what_is_kept_is_in_the_key(tmp_path: Path) -> None:
    """Whatever part of wasmpy is loaded when a module is compiled counts, or decides nothing."""
    code = (
        "import sys, wasmpy; m = wasmpy.Module(sys.argv[1]); "
        "from wasmpy.tiers.warm import compile_all; "
        "compile_all(m.syntax, m.sidetables, lambda done, total: None); "
        "print(' '.join(k for k in sys.modules if k.partition('.')[0] in ('wasmpy', 'wasi')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, WAT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = {part.replace("/", ".") for part in caching._PARTS}
    outside = {
        name
        for name in done.stdout.split()
        if name.partition(".")[2].rpartition(".")[0] not in folders and "." in name
    }
    assert {name for name in outside if not name.startswith("wasmpy.api.")} == set()


def test_a_change_of_the_code_changes_the_key(tmp_path: Path) -> None:
    for part in caching._PARTS:
        (tmp_path / part).mkdir(parents=True, exist_ok=True)
        (tmp_path / part / "a.py").write_text("1")
    states = {compiler_state(tmp_path)}
    assert {compiler_state(tmp_path)} == states
    for part in caching._PARTS:
        path = tmp_path / part / "a.py"
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
        states.add(compiler_state(tmp_path))
    (tmp_path / "exec" / "b.py").write_text("")
    states.add(compiler_state(tmp_path))
    assert len(states) == len(caching._PARTS) + 2


def test_a_package_in_an_archive_goes_by_the_archive(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    archive.write_bytes(b"1")
    before = compiler_state(archive / "wasmpy")
    archive.write_bytes(b"12")
    assert compiler_state(archive / "wasmpy") != before


# Damage ---------------------------------------------------------------------------------------


def loaded(monkeypatch: pytest.MonkeyPatch, good: List[bytes]) -> List[bytes]:
    """What ``marshal`` is given that was never written."""
    hostile: List[bytes] = []
    load = marshal.loads

    class Watched:
        dumps = staticmethod(marshal.dumps)

        @staticmethod
        def loads(data: bytes) -> Any:
            if data not in good:
                hostile.append(data)
            return load(data)

    monkeypatch.setattr(caching, "marshal", Watched)
    return hostile


def sections_of(path: Path) -> Dict[Any, bytes]:
    sections = file.Sections(os.open(path, os.O_RDONLY))
    return {place: sections.read(*place) or b"" for place in sections}


def test_no_flipped_bit_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: bytes
) -> None:
    """In the header, in its hash, in the index, in every section: the results stay right."""
    cold = {tier: outcomes(Module(binary), tier) for tier in ("reference", "python")}
    path = fill(tmp_path, binary)
    data = path.read_bytes()
    hostile = loaded(monkeypatch, list(sections_of(path).values()))
    head = file._HEAD.size
    body = head + len(sections_of(path)) * file._ITEM.size
    places = [*range(0, head, 5), *range(head, body, 29), *range(body, len(data), 499)]
    for at, tier in zip(places, itertools.cycle(("python", "reference"))):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        caching._complained.clear()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert outcomes(Module(binary, cache=tmp_path), tier) == cold[tier], at
            gc.collect()
        assert [w.category for w in told] in ([], [CacheWarning]), at
        if at < body:
            assert len(told) == 1, at
    assert hostile == []


@pytest.mark.parametrize("kind", range(6))
def test_each_kind_of_section_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    cold = outcomes(Module(WAT), "python", fuel=1000)
    path = fill(tmp_path, WAT)
    sections = sections_of(path)
    data = path.read_bytes()
    hostile = loaded(monkeypatch, list(sections.values()))
    for place in [place for place in sections if place[0] == kind]:
        at = data.index(sections[place])
        path.write_bytes(data[: at + 3] + bytes([data[at + 3] ^ 0xFF]) + data[at + 4 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert outcomes(Module(WAT, cache=tmp_path), "python", fuel=1000) == cold
            gc.collect()
    assert hostile == []


def test_an_entry_that_is_damaged_is_made_whole(tmp_path: Path, binary: bytes) -> None:
    path = fill(tmp_path, binary)
    good = sections_of(path)
    at = path.read_bytes().index(good[file.BODY, 1])
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    with pytest.warns(CacheWarning):
        used(binary, tmp_path)
    assert sections_of(path)[file.BODY, 1] == good[file.BODY, 1]


def test_a_file_cut_off_anywhere_is_no_entry(tmp_path: Path, binary: bytes) -> None:
    cold = outcomes(Module(binary), "python")
    path = fill(tmp_path, binary)
    data = path.read_bytes()
    for size in [0, 1, 15, 16, 40, 87, 88, 100, 500, *range(1000, len(data), 1501), len(data) - 1]:
        path.write_bytes(data[:size])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert outcomes(Module(binary, cache=tmp_path), "python") == cold
            gc.collect()


def test_it_complains_once(tmp_path: Path, binary: bytes) -> None:
    told: List[str] = []
    path = fill(tmp_path, binary)
    for text in (b"", b"not an entry", b"#!/bin/sh"):
        path.write_bytes(text)
        Module(binary, cache=Cache(tmp_path, warn=told.append))
        gc.collect()
    assert len(told) == 1
    assert path.name in told[0]


def test_the_entry_of_another_module_under_this_name_is_not_taken(
    tmp_path: Path, decodings: List[int], binary: bytes
) -> None:
    other = fill(tmp_path, '(module (func (export "add") (result i32) (i32.const 666)))')
    own = tmp_path / (key_of(binary, Features.WASM3, Limits())[0].hex() + folder.SUFFIX)
    other.rename(own)
    del decodings[:]
    with pytest.warns(CacheWarning, match="something else"):
        assert Module(binary, cache=tmp_path).instantiate().exports["add"](1, 2) == 3
    assert decodings == [len(binary)]


def test_of_another_version_there_is_nothing(
    tmp_path: Path, decodings: List[int], binary: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, binary)
    del decodings[:]
    monkeypatch.setitem(caching._environment, "wasmpy", "0.0.1")
    Module(binary, cache=tmp_path)
    gc.collect()
    assert decodings == [len(binary)]
    assert len(kept(tmp_path)) == 2


# Whose directory it is ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o702, 0o720])
def test_a_directory_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(CacheError) as refused:
        Module(WAT, cache=tmp_path)
    assert (refused.value.reason, refused.value.path) == ("mode", str(tmp_path))


def test_one_that_is_made_is_the_user_s_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        path = fill(tmp_path / "a" / "b", WAT)
    finally:
        os.umask(mask)
    assert [p.stat().st_mode & 0o777 for p in (path, path.parent, path.parent.parent)] == [
        0o600, 0o700, 0o700,
    ]  # fmt: skip


def test_one_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CacheError) as refused:
        Cache(tmp_path)
    assert refused.value.reason == "owner"


def test_a_link_or_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").write_text("")
    for name, reason in (
        ("link", "link"),
        ("link/", "link"),
        ("dangling", "link"),
        ("file", "kind"),
    ):
        with pytest.raises(CacheError) as refused:
            Cache(f"{tmp_path}/{name}")
        assert refused.value.reason == reason
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_that_became_open_to_others_is_not_used(
    tmp_path: Path, decodings: List[int], binary: bytes
) -> None:
    fill(tmp_path, binary)
    cache = Cache(tmp_path)
    tmp_path.chmod(0o777)
    del decodings[:]
    with pytest.warns(CacheWarning, match="others can write"):
        used(binary, cache)
    assert decodings == [len(binary)]


def disguises(path: Path) -> Iterator[str]:
    """Things that may stand in an entry's place."""
    data = path.read_bytes()
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.write_bytes(data)
    path.unlink()
    path.symlink_to(elsewhere)
    yield "a link"
    path.unlink()
    os.mkfifo(path)
    yield "a pipe"
    path.unlink()
    path.mkdir()
    yield "a directory"
    path.rmdir()
    path.write_bytes(data)
    path.chmod(0o666)
    yield "a file that others can write"


def test_only_a_plain_file_of_the_user_s_is_an_entry(
    tmp_path: Path, decodings: List[int], binary: bytes
) -> None:
    path = fill(tmp_path / "cache", binary)
    for what in disguises(path):
        del decodings[:]
        caching._complained.clear()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            module = Module(binary, cache=tmp_path / "cache")
            module.syntax.__dict__["_kept"]._made = None  # it is not to be written over
        assert (decodings, len(told)) == ([len(binary)], 1), what
        del module
        gc.collect()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root writes everywhere")
def test_where_nothing_can_be_written_all_works(tmp_path: Path, binary: bytes) -> None:
    tmp_path.chmod(0o500)
    with pytest.warns(CacheWarning, match="nothing is kept"):
        assert used(binary, tmp_path) == outcomes(Module(binary), "reference")
    assert kept(tmp_path) == []


def test_where_no_directory_can_be_made_all_works(tmp_path: Path, binary: bytes) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(CacheWarning, match="Not a directory"):
        assert used(binary, tmp_path / "file" / "cache") == outcomes(Module(binary), "reference")


def test_where_writing_fails_all_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binary: bytes
) -> None:
    def full(*args: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.warns(CacheWarning, match="No space left"):
            assert used(binary, tmp_path) == outcomes(Module(binary), "reference")
    assert list(tmp_path.iterdir()) == []


# Room, processes, threads -----------------------------------------------------------------------


def test_the_oldest_go_when_there_is_no_room(tmp_path: Path) -> None:
    paths = []
    for i in range(4):
        paths.append(fill(tmp_path, f'(module (func (export "f") (result i32) (i32.const {i})))'))
        os.utime(paths[-1], (i * 1000, i * 1000))
    os.utime(paths[0], (9000, 9000))  # used last
    size = paths[0].stat().st_size
    cache = Cache(tmp_path, max_bytes=3 * size + size // 2)
    Module('(module (func (export "f") (result i32) (i32.const 9)))', cache=cache)
    gc.collect()
    left = kept(tmp_path)
    assert len(left) == 3
    assert paths[0] in left
    assert paths[1] not in left


def test_use_keeps_an_entry(tmp_path: Path, binary: bytes) -> None:
    path = fill(tmp_path, binary)
    os.utime(path, (1000, 1000))
    Module(binary, cache=tmp_path)
    assert path.stat().st_mtime > 1000


def test_what_is_larger_than_the_whole_cache_is_not_kept(tmp_path: Path, binary: bytes) -> None:
    Module(binary, cache=Cache(tmp_path, max_bytes=100))
    gc.collect()
    assert kept(tmp_path) == []


def test_what_a_dead_writer_left_is_removed(tmp_path: Path, binary: bytes) -> None:
    left, fresh = (tmp_path / f"{name}{folder.TEMPORARY}" for name in "ab")
    left.write_bytes(b"x")
    fresh.write_bytes(b"x")
    os.utime(left, (1000, 1000))
    fill(tmp_path, binary)
    assert (left.exists(), fresh.exists()) == (False, True)


_WRITER = """
import sys, wasmpy
wat, cache, first = sys.argv[1:]
names = "add div pick call".split()
for turn in range(6):
    for name in names[int(first):] + names[:int(first)]:
        module = wasmpy.Module(wat, cache=cache)
        f = module.instantiate(store=wasmpy.Store(tier="python")).exports[name]
        assert f(0 if name == "call" else 1, *[2] * (name == "add")) in (3, 100, 20), name
        module = f = None
        import gc; gc.collect()
"""


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    """Whole files only, and no complaint."""
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _WRITER, WAT, str(tmp_path), str(i)],
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for i in range(4)
    ]  # fmt: skip
    ends = [(process.communicate()[1], process.returncode) for process in running]
    assert ends == [("", 0)] * 4
    (path,) = kept(tmp_path)
    assert (file.MODULE, 0) in sections_of(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("disk", [False, True])
def test_threads_that_load_one_module_share_it(
    tmp_path: Path, decodings: List[int], binary: bytes, disk: bool
) -> None:
    del decodings[:]
    start = threading.Barrier(8)
    found: List[Module] = []
    results: List[List[Any]] = []

    def load() -> None:
        start.wait()
        module = Module(binary, cache=tmp_path if disk else None)
        found.append(module)
        results.append(outcomes(module, "python"))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decodings) == 1
    assert len({id(module.syntax) for module in found}) == 1
    assert results == [results[0]] * 8
    assert len(results[0]) > 10


def test_modules_in_memory_are_told_apart(binary: bytes) -> None:
    one = Module(binary)
    assert Module(bytearray(binary)).syntax is one.syntax
    assert Module(binary, limits=Limits(nesting=50)).syntax is not one.syntax
    assert Module(binary, features=Features.WASM2).syntax is not one.syntax
    assert Module(WAT).syntax is not one.syntax


def test_a_module_that_nobody_uses_is_let_go(tmp_path: Path, decodings: List[int]) -> None:
    wat = '(module (func (export "only_here")))'
    Module(wat)
    gc.collect()
    Module(wat)
    assert len(decodings) == 2


def test_one_that_is_invalid_is_so_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(wasmpy.InvalidError) as wrong:
            Module("(module (func i32.add))", cache=tmp_path)
        assert wrong.value.offset
    assert list(tmp_path.iterdir()) == []


# The guard -----------------------------------------------------------------------------------------


def test_the_guard_starts_warm_without_what_compiles(tmp_path: Path) -> None:
    """Decoder and validator stay away; and traps find their bodies."""
    (tmp_path / "guard.wasm").write_bytes(bundled.guard_bytes())
    code = (
        "import sys, wasmpy; m = wasmpy.Module.from_file(sys.argv[1], cache=sys.argv[2]); "
        "print(len(m.syntax.funcs), 'wasmpy.binary.decode' in sys.modules, "
        "'wasmpy.valid.module' in sys.modules, 'wasmpy.text' in sys.modules)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "guard.wasm"), str(tmp_path / "cache")]
    for absent in ("True True False", "False False False"):
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (f"338 {absent}\n", "")


_LABEL = """
import sys, wasmpy
module = wasmpy.Module.from_file(sys.argv[1], cache=sys.argv[2])
offered = {}
for item in module.imports:
    zero = (lambda *a: None) if not item.type.results else (lambda *a: 0)
    offered.setdefault(item.module, {})[item.name] = zero
exports = module.instantiate(offered, store=wasmpy.Store(tier="python")).exports
start, end = exports.alloc(100), exports.alloc(65536)
print(exports.label_agent(start, 0, end, 65536) is not None)
print(*sorted(sys.modules))
"""


def test_a_warm_call_imports_nothing_that_compiles(tmp_path: Path) -> None:
    (tmp_path / "guard.wasm").write_bytes(bundled.guard_bytes())
    words = [sys.executable, "-c", _LABEL, str(tmp_path / "guard.wasm"), str(tmp_path / "cache")]
    loaded = [
        subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    compiling = {f"wasmpy.tiers.pysource.{name}" for name in ("source", "lower", "templates")}
    compiling |= {"wasmpy.valid.module", "wasmpy.valid.body"}
    assert compiling <= set(loaded[0])
    assert compiling & set(loaded[1]) == set()
    assert loaded[0][0] == loaded[1][0] == "True"


def test_the_guard_comes_back_whole(tmp_path: Path) -> None:
    data = bundled.guard_bytes()
    cold = Module(data)
    Module(data, cache=tmp_path)
    gc.collect()
    warm = Module(data, cache=tmp_path)
    assert warm.syntax == cold.syntax
    assert [tuple(t.branches) for t in warm.sidetables] == [
        tuple(t.branches) for t in cold.sidetables
    ]
    assert [t.max_height for t in warm.sidetables] == [t.max_height for t in cold.sidetables]
