"""Arguments, environment, exit, yielding, randomness."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.wasi.guest import Guest
from wasi import Errno, RandomSourceError, SeededRandom, WasiConfig
from wasmpy.errors import Interrupted, Resource, WasiExit

END = 65_536


def test_arguments_are_laid_out_one_after_the_other() -> None:
    guest = Guest(argv=["prog", "", "ünïcode"])
    assert guest.call("args_sizes_get", 0, 4) == Errno.ESUCCESS
    data = "prog\0\0ünïcode\0".encode()
    assert (guest.u32(0), guest.u32(4)) == (3, len(data))
    assert guest.call("args_get", 16, 64) == Errno.ESUCCESS
    assert [guest.u32(16 + 4 * i) for i in range(3)] == [64, 69, 70]
    assert guest.get(64, len(data)) == data
    assert guest.get(64 + len(data), 1) == b"\0"


def test_environment_keeps_its_order() -> None:
    guest = Guest(env={"B": "2", "A": "x=y"})
    assert guest.call("environ_sizes_get", 0, 4) == Errno.ESUCCESS
    assert (guest.u32(0), guest.u32(4)) == (2, 10)
    assert guest.call("environ_get", 16, 64) == Errno.ESUCCESS
    assert guest.get(64, 10) == b"B=2\0A=x=y\0"
    assert [guest.u32(16), guest.u32(20)] == [64, 68]


def test_nothing_is_given_by_default() -> None:
    guest = Guest()
    for sizes, get in (("args_sizes_get", "args_get"), ("environ_sizes_get", "environ_get")):
        assert guest.call(sizes, 0, 4) == Errno.ESUCCESS
        assert (guest.u32(0), guest.u32(4)) == (0, 0)
        assert guest.call(get, 0, 0) == Errno.ESUCCESS


@pytest.mark.parametrize("get", ["args_get", "environ_get"])
@pytest.mark.parametrize(
    ("pointers", "buffer"),
    [(END - 7, 0), (0, END - 9), (2**32 - 4, 0), (0, 2**32 - 1)],
)
def test_bad_pointers_for_strings(get: str, pointers: int, buffer: int) -> None:
    guest = Guest(argv=["abcd", "efgh"], env=[("a", "bc"), ("d", "ef")])
    before = guest.snapshot()
    assert guest.call(get, pointers, buffer) == Errno.EFAULT
    assert guest.snapshot() == before


@pytest.mark.parametrize("sizes", ["args_sizes_get", "environ_sizes_get"])
@pytest.mark.parametrize(("count", "size"), [(END - 3, 0), (0, END - 3)])
def test_bad_pointers_for_sizes(sizes: str, count: int, size: int) -> None:
    guest = Guest(argv=["a"], env={"a": "b"})
    before = guest.snapshot()
    assert guest.call(sizes, count, size) == Errno.EFAULT
    assert guest.snapshot() == before


def test_strings_may_end_exactly_at_the_end_of_memory() -> None:
    guest = Guest(argv=["abc"])
    assert guest.call("args_get", END - 8, END - 4) == Errno.ESUCCESS
    assert guest.get(END - 4, 4) == b"abc\0"


@pytest.mark.parametrize(
    "config",
    [
        WasiConfig(argv=["a\0b"]),
        WasiConfig(env={"": "x"}),
        WasiConfig(env={"A=B": "x"}),
        WasiConfig(env={"A": "x\0"}),
        WasiConfig(seed=-1),
        WasiConfig(seed=2**64),
        WasiConfig(transcript=True, transcript_scopes=["files"]),
    ],
)
def test_configurations_that_cannot_be(config: WasiConfig) -> None:
    with pytest.raises(ValueError, match="NUL|name|seed|scope"):
        Guest(config)


def test_bytes_that_are_no_utf8_stay_what_they_are() -> None:
    guest = Guest(argv=[b"\xff", b"\xfe".decode("utf-8", "surrogateescape")])
    assert guest.call("args_get", 0, 64) == Errno.ESUCCESS
    assert guest.get(64, 4) == b"\xff\0\xfe\0"


@pytest.mark.parametrize("code", [0, 1, 126, 255, 256, 2**32 - 1])
def test_exit_is_wasi_exit_for_every_code(code: int) -> None:
    guest = Guest(transcript=True)
    with pytest.raises(WasiExit) as caught:
        guest.call("proc_exit", code)
    assert caught.value.code == code
    (event,) = guest.wasi.transcript
    assert (event.args, event.errno, event.raised) == ({"rval": code}, None, None)


def test_sched_yield_looks_for_an_interruption() -> None:
    guest = Guest()
    assert guest.call("sched_yield") == Errno.ESUCCESS
    assert guest.looks == 1

    def stop() -> None:
        raise Interrupted(Resource.CANCELLED)

    guest.on_look = stop
    with pytest.raises(Interrupted):
        guest.call("sched_yield")


def stream(seed: int, n: int) -> bytes:
    """The documented stream, written down a second time."""
    blocks = (
        hashlib.sha256(b"wasmpy-random" + seed.to_bytes(8, "little") + i.to_bytes(8, "little"))
        for i in range(n // 32 + 1)
    )
    return b"".join(b.digest() for b in blocks)[:n]


def test_random_is_the_documented_stream_whatever_the_sizes() -> None:
    guest = Guest(seed=5)
    at = 0
    for size in (1, 31, 32, 0, 33, 200, 7):
        assert guest.call("random_get", at, size) == Errno.ESUCCESS
        at += size
    assert guest.get(0, at) == stream(5, at)
    assert guest.get(at, 1) == b"\0"
    assert SeededRandom(0)(100) == stream(0, 100)


@pytest.mark.parametrize(
    ("gives", "given"),
    [(lambda n: b"x" * (n + 5), 13), (lambda n: b"xyz", 3), (lambda n: b"", 0), (lambda n: n, None),
     (lambda n: "x" * n, None), (lambda n: None, None)],
)  # fmt: skip
@pytest.mark.parametrize("transcript", [False, True])
def test_a_source_of_randomness_that_gives_other_than_it_was_asked_for(
    gives: Any, given: Any, transcript: bool
) -> None:
    guest = Guest(random=gives, transcript=transcript)
    guest.put(0, b"-" * 64)
    with pytest.raises(RandomSourceError) as caught:
        guest.call("random_get", 16, 8)
    assert (caught.value.wanted, caught.value.given) == (8, given)
    assert "asked for 8 bytes" in str(caught.value)
    assert guest.get(0, 64) == b"-" * 64


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_source_of_randomness_may_give_any_kind_of_bytes(kind: Any) -> None:
    guest = Guest(random=lambda n: kind(b"r" * n))
    assert guest.call("random_get", 16, 8) == Errno.ESUCCESS
    assert guest.get(15, 10) == b"\0" + b"r" * 8 + b"\0"


def test_random_fills_a_large_buffer_in_pieces_and_looks_in_between() -> None:
    guest = Guest(pages=4)
    assert guest.call("random_get", 0, 4 * END) == Errno.ESUCCESS
    assert guest.snapshot() == stream(0, 4 * END)
    assert guest.looks == 3


@pytest.mark.parametrize(("buf", "n"), [(END - 1, 2), (0, 2**32 - 1), (2**32 - 1, 2**32 - 1)])
def test_random_with_a_bad_pointer_takes_no_bytes_of_the_stream(buf: int, n: int) -> None:
    guest = Guest()
    assert guest.call("random_get", buf, n) == Errno.EFAULT
    assert guest.call("random_get", 0, 8) == Errno.ESUCCESS
    assert guest.get(0, 8) == stream(0, 8)


def test_random_can_be_given() -> None:
    asked = []
    guest = Guest(random=lambda n: asked.append(n) or b"\x07" * n)
    assert guest.call("random_get", 0, 3) == Errno.ESUCCESS
    assert (guest.get(0, 4), asked) == (b"\x07\x07\x07\0", [3])


def test_system_random_differs_between_guests() -> None:
    found = set()
    for _ in range(2):
        config = WasiConfig()
        config.use_system_random()
        guest = Guest(config)
        assert guest.call("random_get", 0, 32) == Errno.ESUCCESS
        found.add(guest.get(0, 32))
    assert len(found) == 2
