"""TCP for guests: listeners that are open from the start, and their connections.

What belongs here: the two kinds of descriptor, and the host's sockets behind
them.  What does not: the functions that guests call (``wasi.preview1.sockets``).

A guest can only accept what comes in at a listener that it was given; it can
name no address.  The host's sockets do not block; who waits does so in short
pieces, so that a deadline or a cancellation ends it.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, MutableMapping, Optional, Tuple, Union

from wasi import abi, rights
from wasi.descriptors import Descriptor
from wasi.errno import Errno, ErrnoError
from wasi.fs.base import Filetype
from wasi.readiness import Interest, Look, attempt, states

if TYPE_CHECKING:
    import socket

ListenerSource = Union["socket.socket", Tuple[str, int], str]
"""A listening socket, or where to listen: (host, port), ``"host:port"``; port 0 is a free one."""

_PEEK_MAX = 1 << 16


_LENDING = threading.Lock()
_LENT: MutableMapping[socket.socket, Tuple[int, Optional[float]]] = weakref.WeakKeyDictionary()
"""How many guests have a socket of the host's, and its timeout without them."""


class _Lent:
    """A socket of the host's that does not block while a guest has it; ``close`` gives it back."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        with _LENDING:
            users, timeout = _LENT.get(sock, (0, sock.gettimeout()))
            sock.setblocking(False)
            _LENT[sock] = users + 1, timeout

    def close(self) -> None:
        """Have it block again as before, if this was the last guest."""
        with _LENDING:
            users, timeout = _LENT.pop(self._sock)
            if users > 1:
                _LENT[self._sock] = users - 1, timeout
            elif self._sock.fileno() >= 0:
                self._sock.settimeout(timeout)


def listening(source: ListenerSource) -> Tuple[socket.socket, Union[socket.socket, _Lent]]:
    """The socket for ``source``, and what is to be closed when no guest needs it any more.

    Raises: OSError where it cannot listen; ValueError for an address that is none, and for a
    socket at which no connections come in.
    """
    import socket

    if isinstance(source, socket.socket):
        _must_listen(source)
        return source, _Lent(source)
    address = _address(source) if isinstance(source, str) else source
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    opened = socket.create_server(address, family=family)
    opened.setblocking(False)
    return opened, opened


def _must_listen(sock: socket.socket) -> None:
    """Refuse a socket that cannot accept.  Raises: ValueError; OSError for a closed one."""
    import socket

    is_stream = sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    try:
        accepts = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except (AttributeError, OSError):
        accepts = 1  # not every system can tell
    if not (is_stream and accepts):
        raise ValueError(f"not a socket that listens: {sock!r}")


def _address(text: str) -> Tuple[str, int]:
    """The host and port in ``host:port`` or ``[v6]:port``."""
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"not an address like 127.0.0.1:8080: {text!r}")
    return host, int(port)


class _Socket(Descriptor):
    """What listener and connection have in common."""

    filetype = Filetype.SOCKET_STREAM

    def __init__(self, sock: socket.socket, base: int, flags: int = 0) -> None:
        super().__init__(base, 0, flags)
        self.socket = sock

    def set_flags(self, flags: int) -> None:
        """Set the flags that this kind keeps; ENOTSUP for another."""
        if flags & ~abi.FDFLAGS_NONBLOCK:
            raise ErrnoError(Errno.ENOTSUP)
        self.flags = flags

    def interest(self, *, write: bool) -> Interest:
        """What has to be waited for."""
        return Interest(self.socket.fileno(), write)

    def ready(self, *, write: bool) -> bool:
        """Whether it need not be waited for."""
        return states([self.interest(write=write)], 0)[0].ready


class Listener(_Socket):
    """A socket that connections come in at; the host's stays open when the guest closes it."""

    never = rights.NEVER_LISTENER

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, rights.LISTENER)

    def read(self, size: int, look: Look) -> bytes:
        """Nothing can be read here: ENOTCONN."""
        raise ErrnoError(Errno.ENOTCONN)

    def accept(self, flags: int, look: Look) -> Connection:
        """The next connection; it is waited for, unless this does not block."""
        sock, _ = attempt(self.socket.accept, self.interest(write=False), look, wait=self.waits)
        return Connection(sock, flags)


class Connection(_Socket):
    """A connection that was accepted."""

    never = rights.NEVER_CONNECTION

    def __init__(self, sock: socket.socket, flags: int) -> None:
        sock.setblocking(False)
        super().__init__(sock, rights.CONNECTION, flags)
        self._kept = b""

    def ready(self, *, write: bool) -> bool:
        """Whether it need not be waited for."""
        return bool(self._kept and not write) or super().ready(write=write)

    def read(self, size: int, look: Look) -> bytes:
        """What has come; ``b""`` at the end."""
        return self.receive(size, 0, look)

    def receive(self, size: int, riflags: int, look: Look) -> bytes:
        """At most ``size`` bytes, ``b""`` at the end; all of them with RECV_WAITALL."""
        if riflags & abi.RIFLAGS_RECV_PEEK:
            return self._kept[:size] or self._take(size, look, peek=True)
        first, self._kept = self._kept[:size], self._kept[size:]
        first = first or self._take(size, look)
        if not riflags & abi.RIFLAGS_RECV_WAITALL:
            return first
        data, more = bytearray(first), first
        try:
            while more and len(data) < size:
                more = self._take(size - len(data), look)
                data += more
        except ErrnoError:
            pass  # what has come so far must not be lost
        except BaseException:
            self._kept = bytes(data)  # nor where the call does not come to its end
            raise
        return bytes(data)

    def _take(self, size: int, look: Look, *, peek: bool = False) -> bytes:
        """What has come at the socket."""
        import socket

        flags = socket.MSG_PEEK if peek else 0
        data: bytes = self._act(lambda: self.socket.recv(size, flags), look, write=False)
        return data

    def write(self, data: bytes, look: Look) -> int:
        """Send; it may take fewer bytes."""
        taken: int = self._act(lambda: self.socket.send(data), look, write=True)
        return taken

    def _act(self, act: Any, look: Look, *, write: bool) -> Any:
        return attempt(act, self.interest(write=write), look, wait=self.waits)

    def available(self) -> Optional[int]:
        """What has come, up to some size."""
        import socket

        if self._kept:
            return len(self._kept)
        try:
            return len(self.socket.recv(_PEEK_MAX, socket.MSG_PEEK))
        except OSError:
            return None

    def shut_down(self, sdflags: int) -> None:
        """Close one way or both.  Raises: ErrnoError; EINVAL for neither."""
        import socket

        how = {1: socket.SHUT_RD, 2: socket.SHUT_WR, 3: socket.SHUT_RDWR}.get(sdflags)
        if how is None:
            raise ErrnoError(Errno.EINVAL)
        attempt(lambda: self.socket.shutdown(how), self.interest(write=True), _never, wait=False)

    def close(self) -> None:
        """Close what is behind it."""
        self.socket.close()


def _never() -> None:
    """A shutdown does not wait, so nobody looks."""
