"""Several threads at one guest: none of them gets at a file of the host's."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest

from tests.wasi.fs_kinds import needs_host
from tests.wasi.guest import Guest
from wasi import Errno, Wasi, WasiConfig
from wasi.errno import ErrnoError
from wasi.fs import HostFileSystem
from wasi.fs.base import Directory
from wasi.fs.held import Held
from wasmpy.errors import ConcurrencyError


@pytest.fixture(autouse=True)
def tier() -> None:
    """Once: no guest runs here."""


def in_another_thread(act: Callable[[], Any]) -> Any:
    """What ``act`` answers or raises there."""
    found: List[Any] = []

    def run() -> None:
        try:
            found.append(act())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return found[0] if found else "still busy"


def test_a_number_is_kept_until_the_last_use_is_over() -> None:
    read_end, write_end = os.pipe()
    held = Held(read_end)
    with held as fd:
        held.release()
        os.fstat(fd)  # still open
        assert held.is_open
    with pytest.raises(OSError):
        os.fstat(read_end)
    with pytest.raises(ErrnoError) as caught, held:
        pass
    assert caught.value.errno == Errno.EBADF
    os.close(write_end)


@needs_host
@pytest.mark.parametrize("limit", [None, 1 << 20])
@pytest.mark.parametrize("call", ["pwrite", "write", "ftruncate", "pread"])
def test_closing_meanwhile_does_not_hit_a_file_of_the_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, limit: Any
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"the host's")
    inside = tmp_path / "inside"
    inside.mkdir()
    fs = HostFileSystem(inside, max_bytes=limit)
    root = fs.root()
    assert isinstance(root, Directory)
    file = root.open(b"f", read=True, write=True, create=True)
    real = getattr(os, call)
    taken: List[int] = []
    closing: List[threading.Thread] = []

    def meanwhile(fd: int, *args: Any) -> Any:
        thread = threading.Thread(target=file.close)
        thread.start()
        # With a lock of the account held here it cannot end yet; else it does.
        thread.join(0.2 if limit or call in ("write", "ftruncate") else 20)
        closing.append(thread)
        # What the host opens now would get the number, if it were free.
        taken.extend(os.open(outside, os.O_RDWR) for _ in range(3))
        return real(fd, *args)

    monkeypatch.setattr(os, call, meanwhile)
    acts = {
        "pwrite": lambda: file.pwrite(b"EVIL", 0), "write": lambda: file.append(b"EVIL"),
        "ftruncate": lambda: file.truncate(2), "pread": lambda: file.pread(9, 0),
    }  # fmt: skip
    try:
        acts[call]()
        closing[0].join(20)
        assert not closing[0].is_alive()
        assert outside.read_bytes() == b"the host's"
        with pytest.raises(ErrnoError) as caught:
            acts[call]()
        assert caught.value.errno == Errno.EBADF
    finally:
        for fd in taken:
            os.close(fd)
        root.close()
        fs.close()


@pytest.mark.parametrize("transcript", [False, True])
def test_a_second_thread_is_refused_while_one_is_in_a_call(transcript: bool) -> None:
    answers: List[Any] = []

    def written(data: bytes) -> None:
        other = Guest(wasi=guest.wasi)
        answers.append(in_another_thread(lambda: other.clock(0)))
        answers.append(Guest(wasi=guest.wasi).clock(0) > 0)  # the same thread may

    guest = Guest(wasi=Wasi(WasiConfig(stdout=written, transcript=transcript)))
    assert guest.write(1, b"x")[0] == Errno.ESUCCESS
    assert isinstance(answers[0], ConcurrencyError)
    assert answers[1]
    assert isinstance(in_another_thread(lambda: guest.clock(0)), int)


@pytest.mark.parametrize("what", ["close", "reset"])
def test_closing_waits_for_the_call_under_way(what: str) -> None:
    order: List[str] = []
    threads: List[threading.Thread] = []

    def written(data: bytes) -> None:
        def end() -> None:
            getattr(guest.wasi, what)()
            order.append("closed")

        threads.append(threading.Thread(target=end))
        threads[0].start()
        threads[0].join(0.1)
        order.append("written")

    guest = Guest(stdout=written)
    assert guest.write(1, b"x")[0] == Errno.ESUCCESS
    threads[0].join(20)
    assert order == ["written", "closed"]
