"""The transcript, determinism, and going back to the beginning."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path
from typing import Any, List

import pytest

import wasmpy
from tests.wasi.guest import Guest, clock_subscription
from wasi import Errno, Event, Wasi, WasiConfig, abi
from wasi.fs.memory import MemoryFileSystem
from wasmpy.errors import WasiExit

END = 65_536


def play(guest: Guest) -> List[Any]:
    """A guest that touches everything; what it learned."""
    learned: List[Any] = []
    guest.call("args_sizes_get", 0, 4)
    learned.append(guest.get(0, 8))
    learned.append([guest.clock(0), guest.clock(1), guest.clock(0)])
    guest.call("random_get", 0, 40)
    learned.append(guest.get(0, 40))
    learned.append(guest.read(0, 4))
    learned.append(guest.write(1, b"text ", b"and more"))
    learned.append(guest.poll(clock_subscription(1, 1, 999)))
    learned.append(guest.clock(1))
    learned.append(guest.call("fd_close", 2))
    learned.append(guest.call("path_open", 3, 0, 0x4000, 8, 0, 0, 0, 0, 0))
    return learned


def fields(**more: Any) -> Any:
    return dict(argv=["p"], stdin=b"input text", seed=3, transcript=True, **more)


def test_two_runs_are_the_same_run() -> None:
    first, second = Guest(**fields()), Guest(**fields())
    assert play(first) == play(second)
    assert list(first.wasi.transcript) == list(second.wasi.transcript)
    assert len(first.wasi.transcript) == 11
    assert first.snapshot() == second.snapshot()


def test_reset_goes_back_to_the_beginning() -> None:
    sink = io.BytesIO()
    guest = Guest(**fields(stdout=sink))
    once = play(guest)
    events = list(guest.wasi.transcript)
    guest.wasi.reset()
    assert len(guest.wasi.transcript) == 0
    assert guest.mem.write(0, bytes(END))
    assert play(guest) == once
    assert list(guest.wasi.transcript) == events
    assert sink.getvalue() == b"text and more" * 2


def test_reset_does_not_rewind_a_file() -> None:
    guest = Guest(stdin=io.BytesIO(b"abcdef"))
    assert guest.read(0, 3)[1] == [b"abc"]
    guest.wasi.reset()
    assert guest.read(0, 3)[1] == [b"def"]


def test_guests_of_one_configuration_do_not_share_a_state() -> None:
    config = WasiConfig(stdin=b"abc")
    first, second = Guest(config), Guest(config)
    first.call("fd_close", 1)
    assert first.read(0, 3)[1] == second.read(0, 3)[1] == [b"abc"]
    assert first.clock(1) == second.clock(1) == 0
    assert second.write(1, b"x")[0] == Errno.ESUCCESS


def test_the_transcript_is_empty_unless_asked_for() -> None:
    guest = Guest()
    play(guest)
    assert (len(guest.wasi.transcript), guest.wasi.transcript.calls) == (0, 0)


def test_events_are_typed_and_decoded() -> None:
    guest = Guest(transcript=True)
    guest.write(1, b"hi\n", b"there")
    guest.clock(1)
    guest.put(0x4000, b"dir/file")
    guest.call("path_open", 3, 1, 0x4000, 8, 1 | 8, 2, 0, 4, 0x100)
    guest.call("fd_seek", 1, -5, 2, 0)
    guest.call("fd_seek", 1, 5, 9, 0)
    write, clock, opened, seek, wrong = guest.wasi.transcript
    assert write == Event(
        0, "fd_write", "filesystem",
        {"fd": 1, "iovs": {"buffers": 2, "bytes": 8, "head": "hi\nthere"}},
        "ESUCCESS", {"nwritten": 8},
    )  # fmt: skip
    assert (clock.index, clock.scope, clock.args) == (
        1,
        "clock",
        {"id": "monotonic", "precision": 0},
    )
    assert clock.results == {"time": 0}
    assert opened.args == {
        "fd": 3, "dirflags": "symlink_follow", "path": "dir/file", "oflags": "creat|trunc",
        "fs_rights_base": "0x2", "fs_rights_inheriting": "0x0", "fdflags": "nonblock",
    }  # fmt: skip
    assert (opened.errno, opened.results) == ("EBADF", {})
    assert (seek.args["offset"], seek.args["whence"], seek.errno) == (-5, "end", "ESPIPE")
    assert (wrong.args["whence"], wrong.errno) == (9, "EINVAL")


def test_events_show_what_was_read() -> None:
    guest = Guest(stdin=b"some input", transcript=True)
    guest.read(0, 4)
    (event,) = guest.wasi.transcript
    assert event.results == {"nread": 4}
    assert event.args["iovs"] == {"buffers": 1, "bytes": 4, "head": "some"}


def test_text_form_has_a_line_for_each_call() -> None:
    guest = Guest(transcript=True)
    guest.write(1, b"hi\n")
    guest.call("fd_sync", 1)
    assert str(guest.wasi.transcript).splitlines() == [
        "fd_write(fd=1, iovs=[1: 3 bytes 'hi\\n']) = ESUCCESS nwritten=3",
        "fd_sync(fd=1) = EINVAL",
    ]


def test_events_become_json() -> None:
    guest = Guest(transcript=True)
    play(guest)
    for event in guest.wasi.transcript:
        doc = json.loads(json.dumps(event.to_json()))
        assert doc["function"] == event.function
        assert doc["args"] == event.args


def test_hostile_arguments_are_recorded_and_do_not_hurt() -> None:
    guest = Guest(transcript=True, preopens={"/": MemoryFileSystem()})
    big = 2**32 - 1
    assert guest.call("fd_write", 1, big, big, big) == Errno.EFAULT
    assert guest.call("path_open", big, big, big, big, big, big, big, big, big) == Errno.EBADF
    assert guest.call("fd_read", 0, 0, big, 0) == Errno.EFAULT
    assert guest.call("sock_recv", 0, big - 7, 1, big, 0, 0) == Errno.ENOTSOCK
    assert guest.call("path_open", 3, 0, 0, big, 0, 0, 0, 0, 0) == Errno.EFAULT
    assert [e.errno for e in guest.wasi.transcript] == [
        "EFAULT", "EBADF", "EFAULT", "ENOTSOCK", "EFAULT",
    ]  # fmt: skip


def test_the_transcript_is_bounded() -> None:
    guest = Guest(transcript=True, transcript_limit=3)
    for _ in range(5):
        guest.call("sched_yield")
    transcript = guest.wasi.transcript
    assert [e.index for e in transcript] == [2, 3, 4]
    assert (transcript.calls, transcript.dropped) == (5, 2)


def test_a_callback_gets_every_event() -> None:
    events: List[Event] = []
    guest = Guest(transcript=events.append)
    play(guest)
    assert [e.index for e in events] == list(range(11))
    assert len(guest.wasi.transcript) == 0


def test_scopes_filter() -> None:
    guest = Guest(transcript=True, transcript_scopes=["clock", "random"])
    play(guest)
    assert {e.scope for e in guest.wasi.transcript} == {"clock", "random"}
    assert len(guest.wasi.transcript) == 5


def test_wasi_without_a_configuration() -> None:
    wasi = Wasi()
    assert (wasi.argv, wasi.env) == ([], [])
    with pytest.raises(TypeError):
        Wasi(WasiConfig(stdout=object()))


def test_the_configuration_takes_wasmtimes_names_and_no_others(tmp_path: Path) -> None:
    config = WasiConfig()
    chunks: List[bytes] = []
    config.stdout_custom = chunks.append
    config.stderr_custom = chunks.append
    config.preopen_dir(tmp_path, "/read", False)
    config.preopen_dir(tmp_path, "/write")
    guest = Guest(config)
    assert (guest.write(1, b"out"), guest.write(2, b"err")) == ((Errno.ESUCCESS, 3), (Errno.ESUCCESS, 3))
    assert chunks == [b"out", b"err"]
    assert [preopen.read_only for preopen in config.preopens.values()] == [True, False]
    with pytest.raises(AttributeError, match="did you mean 'stdout'"):
        config.std_out = chunks.append
    for argv in ("abc", b"abc"):
        config.argv = argv
        with pytest.raises(TypeError):
            Wasi(config)


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_an_inherited_stream_that_is_not_there_is_closed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, name, None)
    config = WasiConfig()
    getattr(config, f"inherit_{name}")()
    guest = Guest(config)
    fd = ["stdin", "stdout", "stderr"].index(name)
    answered = guest.read(0, 1) if fd == 0 else guest.write(fd, b"x")
    assert answered[0] == Errno.EBADF


@pytest.mark.parametrize("transcript", [False, True])
def test_no_argument_breaks_the_host(transcript: bool) -> None:
    """Values at and around every edge, in every function: an errno or an exit, within bounds."""
    edges = [0, 1, 2, 3, 4, 8, 100, END - 64, END - 8, END - 1, END, 2**31, 2**32 - 8, 2**32 - 1]
    rng = random.Random(1)
    guest = Guest(
        stdin=b"x" * 100, argv=["a"], env={"b": "c"}, transcript=transcript,
        preopens={"/": MemoryFileSystem({"\1": b"abc", "\2": None}, max_bytes=1 << 20)},
    )  # fmt: skip
    answered = set()
    for _ in range(60):
        guest.put(0, bytes(rng.choice((0, 0, 0, 1, 2, 64, 255)) for _ in range(256)))
        for name, function in abi.FUNCTIONS.items():
            args = [rng.choice(edges) for _ in function.params]
            try:
                answered.add(guest.call(name, *args))
            except WasiExit:
                assert name in ("proc_exit", "proc_raise")
        guest.wasi.fds.reset()
    assert {Errno.ESUCCESS, Errno.EFAULT, Errno.EBADF, Errno.EINVAL} <= answered
    assert len(guest.mem) == END


def test_a_file_system_keeps_its_content_when_another_guest_is_given_it_too() -> None:
    first, second = MemoryFileSystem(), MemoryFileSystem()
    guest = Guest(preopens={"/a": first})
    guest.opened("f", 1)
    other = Guest(preopens={"/b": second, "/a": first, "/again": first})
    assert other.stat("f", dirfd=4)[0] == Errno.ESUCCESS
    numbers = [other.fstat(fd).dev for fd in (3, 4, 5)]
    assert len(set(numbers)) == 2
    assert numbers[1] == numbers[2] == other.stat("f", dirfd=4)[1].dev
    assert other.fstat(other.opened("f", dirfd=4)).dev == numbers[1]
    old = Guest(wasi=other.wasi, module=abi.MODULE_0)
    assert old.call("path_filestat_get", 4, 0, *old.name("f"), 0x200) == Errno.ESUCCESS
    assert old.u64(0x200) == numbers[1]
    assert guest.stat("f")[1].dev == first.dev


def test_what_is_not_printable_does_not_end_a_line_of_the_transcript() -> None:
    lines: List[str] = []
    guest = Guest(preopens={"/": MemoryFileSystem()}, transcript=lambda event: lines.append(str(event)))
    guest.open("a\x1b[31m\n\u2028\u202e/é x")
    guest.call("path_symlink", *guest.name("to\nhere"), 3, *guest.name("l", 0x3000))
    guest.on("path_readlink", "l", 0x4000, 20, 0x100)
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert "é x" in lines[0]
    assert "\\x1b[31m\\n\\u2028\\u202e" in lines[0]
    assert "to\\nhere" in lines[2]


def test_no_name_looks_like_the_rest_of_a_line_of_the_transcript() -> None:
    guest = Guest(preopens={"/": MemoryFileSystem()}, transcript=True)
    forged = "x, oflags=0) = ESUCCESS opened_fd=9"
    for path in (forged, "it's", "", "<bad pointer 0x0>"):
        guest.on("path_create_directory", path)
    guest.call("path_create_directory", 3, END, 1)
    assert [str(event) for event in guest.wasi.transcript] == [
        f"path_create_directory(fd=3, path='{forged}') = ESUCCESS",
        'path_create_directory(fd=3, path="it\'s") = ESUCCESS',
        "path_create_directory(fd=3, path='') = ENOENT",
        "path_create_directory(fd=3, path='<bad pointer 0x0>') = ESUCCESS",
        "path_create_directory(fd=3, path=<bad pointer 0x10000>) = EFAULT",
    ]
    assert guest.wasi.transcript[0].args["path"] == forged
    assert json.loads(json.dumps(guest.wasi.transcript[0].to_json()))["args"]["path"] == forged


SEVERAL_MEMORIES = r"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory $a 1)
  (memory $b (export "{name}") 1)
  (global (export "other") i32 (i32.const 0))
  (data (memory $a) (i32.const 0) "\08\00\00\00\05\00\00\00first")
  (data (memory $b) (i32.const 0) "\08\00\00\00\08\00\00\00exported")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "told") (result i32 i32) (i32.load $a (i32.const 16)) (i32.load $b (i32.const 16))))"""


@pytest.mark.parametrize("tier", ["reference", "python"])
@pytest.mark.parametrize("transcript", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "told"), [("memory", b"exported", [0, 8]), ("memory1", b"first", [5, 0])]
)
def test_of_several_memories_the_exported_one_is_meant(
    name: str, text: bytes, told: List[int], transcript: bool, tier: Any
) -> None:
    out = io.BytesIO()
    linker = wasmpy.Linker()
    wasi = linker.define_wasi(WasiConfig(stdout=out, transcript=transcript))
    module = wasmpy.Module(SEVERAL_MEMORIES.replace("{name}", name))
    instance = linker.instantiate(module, tier=tier)
    instance.exports["_start"]()
    assert out.getvalue() == text
    assert list(instance.exports["told"]()) == told
    if transcript:
        assert wasi.transcript[0].args["iovs"]["head"] == text.decode()


def test_what_is_exported_as_memory_and_is_none_is_not_taken_for_it() -> None:
    out = io.BytesIO()
    linker = wasmpy.Linker()
    linker.define_wasi(WasiConfig(stdout=out))
    text = SEVERAL_MEMORIES.replace("{name}", "other-memory").replace('"other"', '"memory"')
    linker.instantiate(wasmpy.Module(text)).exports["_start"]()
    assert out.getvalue() == b"first"
