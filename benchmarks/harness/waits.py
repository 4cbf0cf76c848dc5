"""A guest of WASI that waits for what never comes, in each way in which it can wait.

Nobody writes to its pipes, reads them, connects or talks, and its clock is real: only an
interruption ends its calls. The tests of interruption use it too (``tests/wasi``).

What does not belong here: interrupting it (``engines/wasmpy``), and measuring (``work``).
"""

import contextlib
import os
import socket
from typing import Any, Callable, Dict, List, Tuple

from wasi import SystemClock, WasiConfig

#: What it waits in: the function of the module, and what its standard output is.
WAITING: Dict[str, Tuple[str, str]] = {
    "reading an empty pipe": ("read", "pipe"),
    "writing to a full pipe": ("write", "pipe"),
    "writing to a terminal that shows nothing": ("write", "terminal"),
    "writing to a socket's file": ("write", "socket"),
    "polling a clock": ("poll_clock", "pipe"),
    "polling an empty pipe": ("poll_read", "pipe"),
    "polling a full pipe": ("poll_write", "full pipe"),
    "polling a clock and a pipe": ("poll_both", "pipe"),
    "accepting": ("accept", "pipe"),
    "receiving": ("recv", "pipe"),
    "receiving all": ("recv_all", "pipe"),
    "sending": ("send", "pipe"),
}

WAT = r"""(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (memory 32)
  (data (i32.const 16) "\00\00\01\00\00\00\10\00")  ;; an iovec: 1 MiB at 64 KiB
  (data (i32.const 72) "\01")  ;; a clock: monotonic, twenty seconds
  (data (i32.const 80) "\00\c8\17\a8\04\00\00\00")
  (data (i32.const 112) "\01")  ;; to read descriptor 0
  (data (i32.const 160) "\02\00\00\00\00\00\00\00\01")  ;; to write 1
  (func (export "accept") (result i32)
    (call $accept (i32.const 3) (i32.const 0) (i32.const 4)))
  (func (export "read") (result i32)
    (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0)))
  (func (export "write") (result i32)
    (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0)))
  (func (export "poll_clock") (result i32)
    (call $poll (i32.const 56) (i32.const 256) (i32.const 1) (i32.const 0)))
  (func (export "poll_read") (result i32)
    (call $poll (i32.const 104) (i32.const 256) (i32.const 1) (i32.const 0)))
  (func (export "poll_write") (result i32)
    (call $poll (i32.const 152) (i32.const 256) (i32.const 1) (i32.const 0)))
  (func (export "poll_both") (result i32)
    (call $poll (i32.const 56) (i32.const 256) (i32.const 2) (i32.const 0)))
  (func (export "recv") (result i32)
    (call $recv (i32.const 4) (i32.const 16) (i32.const 1) (i32.const 0) (i32.const 0)
      (i32.const 8)))
  (func (export "recv_all") (result i32)
    (call $recv (i32.const 4) (i32.const 16) (i32.const 1) (i32.const 2) (i32.const 0)
      (i32.const 8)))
  (func (export "send") (local i32)
    (loop
      (br_if 0 (i32.eqz (call $send (i32.const 4) (i32.const 16) (i32.const 1) (i32.const 0)
        (i32.const 0)))))))"""


class Outside:
    """What is outside of the guest that waits in this: ``config`` gives it, ``close`` ends it."""

    def __init__(self, what: str) -> None:
        self._ours: List[Callable[[], None]] = []
        self._others: List[Any] = []
        self.function, kind = WAITING[what]
        self._server = socket.create_server(("127.0.0.1", 0))
        self._ours.append(self._server.close)
        self.config = WasiConfig(
            stdin=self._pipe("rb"), stdout=self._sink(kind), clock=SystemClock(),
            listeners=[self._server])

    def _pipe(self, mode: str) -> Any:
        reader, writer = os.pipe()
        ours, other = (reader, writer) if mode == "rb" else (writer, reader)
        file = os.fdopen(ours, mode, buffering=0)
        self._ours.append(file.close)
        self._others.append(os.fdopen(other, "wb" if mode == "rb" else "rb", buffering=0))
        return file

    def _sink(self, kind: str) -> Any:
        if kind == "socket":
            ours, theirs = socket.socketpair()
            self._ours.append(ours.close)
            self._others.append(theirs)
            return ours.makefile("wb", buffering=0)
        if kind == "terminal":
            import pty
            import tty

            shown, written = pty.openpty()
            tty.setraw(written)
            file = os.fdopen(written, "wb", buffering=0)
            self._ours.append(file.close)
            self._others.append(os.fdopen(shown, "rb", buffering=0))
            return file
        file = self._pipe("wb")
        if kind == "full pipe":
            os.set_blocking(file.fileno(), False)
            while file.write(bytes(65_536)):
                pass
            os.set_blocking(file.fileno(), True)
        return file

    def connect(self, accept: Callable[[], Any]) -> None:
        """Have the guest accept a connection, if it waits on one."""
        if self.function.startswith(("recv", "send")):
            self._others.append(socket.create_connection(self._server.getsockname(), timeout=10))
            if accept() != 0:
                raise OSError("the guest did not accept")

    def leave(self) -> None:
        """Have nobody on the other side any more: a wait that nothing interrupts ends all the same."""
        with contextlib.suppress(OSError):
            socket.create_connection(self._server.getsockname(), timeout=1).close()
        self._close_others()

    def _close_others(self) -> None:
        for other in self._others:
            other.close()

    def close(self) -> None:
        """Close what is open here."""
        self._close_others()
        for close in reversed(self._ours):
            close()
