"""Listeners and connections."""

from __future__ import annotations

import errno
import socket
import struct
from types import SimpleNamespace
from typing import Any, Iterator, Tuple

import pytest

from tests.wasi.guest import Guest, clock_subscription, fd_subscription
from wasi import Errno, SystemClock, abi
from wasi.fs.base import Filetype
from wasmpy.errors import Interrupted, Resource

OK = Errno.ESUCCESS
NONBLOCK = 4
PEEK, WAITALL = 1, 2
RD, WR = 1, 2
END = 65_536


@pytest.fixture
def guest() -> Iterator[Guest]:
    """A guest whose descriptor 3 is a listener."""
    made = Guest(listeners=["127.0.0.1:0"])
    yield made
    made.wasi.close()


def connect(guest: Guest) -> socket.socket:
    peer = socket.create_connection(guest.wasi.addresses[0][:2], timeout=10)
    return peer


@pytest.fixture
def pair(guest: Guest) -> Iterator[Tuple[Guest, int, socket.socket]]:
    """The guest, a connection of its, and the other side."""
    peer = connect(guest)
    assert guest.call("sock_accept", 3, 0, 0x100) == OK
    yield guest, guest.u32(0x100), peer
    peer.close()


def recv(guest: Guest, fd: int, size: int, flags: int = 0) -> Tuple[Errno, bytes]:
    iovs = guest.iovecs(0x1000, [(0x4000, size)])
    guest.put(0x104, b"\xff\xff")
    code = guest.call("sock_recv", fd, iovs, 1, flags, 0x100, 0x104)
    if code != OK:
        return code, b""
    assert guest.get(0x104, 2) == b"\0\0"
    return code, guest.get(0x4000, guest.u32(0x100))


def send(guest: Guest, fd: int, data: bytes, flags: int = 0) -> Tuple[Errno, int]:
    iovs = guest.iovecs(0x1000, [(guest.put(0x4000, data), len(data))])
    code = guest.call("sock_send", fd, iovs, 1, flags, 0x100)
    return code, guest.u32(0x100)


def test_both_talk(pair: Any) -> None:
    guest, fd, peer = pair
    assert fd == 4
    assert guest.fdstat(fd)[0] == Filetype.SOCKET_STREAM
    assert guest.fstat(fd).filetype == Filetype.SOCKET_STREAM
    peer.sendall(b"hello")
    assert recv(guest, fd, 3) == (OK, b"hel")
    assert guest.read(fd, 10) == (OK, [b"lo"])
    assert send(guest, fd, b"answer") == (OK, 6)
    assert guest.write(fd, b" more") == (OK, 5)
    assert guest.call("sock_shutdown", fd, WR) == OK
    with peer.makefile("rb") as answer:
        assert answer.read() == b"answer more"
    peer.close()
    assert recv(guest, fd, 3) == (OK, b"")


def test_peeking_takes_nothing_away_and_waitall_waits(pair: Any) -> None:
    guest, fd, peer = pair
    peer.sendall(b"abc")
    assert recv(guest, fd, 9, PEEK) == (OK, b"abc")
    later = [b"f", b"de"]
    guest.on_look = lambda: peer.sendall(later.pop())
    assert recv(guest, fd, 6, WAITALL) == (OK, b"abcdef")
    guest.on_look = None
    peer.sendall(b"gh")
    peer.close()
    assert recv(guest, fd, 6, WAITALL) == (OK, b"gh")


def test_waiting_for_all_that_is_interrupted_loses_nothing(pair: Any) -> None:
    guest, fd, peer = pair

    def stop() -> None:
        raise Interrupted(Resource.DEADLINE)

    peer.sendall(b"abcd")
    guest.on_look = stop
    with pytest.raises(Interrupted):
        recv(guest, fd, 6, WAITALL)
    assert guest.poll(fd_subscription(2, 1, fd))[1] == [(2, 0, 1, 4, 0)]
    assert recv(guest, fd, 9, PEEK) == (OK, b"abcd")
    assert recv(guest, fd, 1) == (OK, b"a")
    with pytest.raises(Interrupted):
        recv(guest, fd, 6, WAITALL)
    peer.sendall(b"efgh")
    assert recv(guest, fd, 6, WAITALL) == (OK, b"bcdefg")
    assert guest.read(fd, 9) == (OK, [b"h"])


def test_a_long_send_tells_how_much_it_took_and_one_without_room_is_interrupted(pair: Any) -> None:
    guest, fd, peer = pair
    data = bytes(40_000)
    sent = 0

    def stop() -> None:
        raise Interrupted(Resource.DEADLINE)

    guest.on_look = stop
    with pytest.raises(Interrupted):
        while True:
            code, count = send(guest, fd, data)
            assert code == OK
            assert 0 < count <= len(data)
            sent += count
    came = 0
    guest.on_look = None
    while came < sent:
        came += len(peer.recv(1 << 20))
    assert send(guest, fd, b"more") == (OK, 4)
    assert (came, peer.recv(9)) == (sent, b"more")


def test_without_blocking_nothing_is_eagain(guest: Guest) -> None:
    assert guest.call("fd_fdstat_set_flags", 3, NONBLOCK) == OK
    assert guest.call("sock_accept", 3, 0, 0x100) == Errno.EAGAIN
    with connect(guest):
        assert guest.poll(fd_subscription(1, 1, 3))[0] == OK
        assert guest.call("sock_accept", 3, NONBLOCK, 0x100) == OK
        fd = guest.u32(0x100)
        assert guest.fdstat(fd)[1] == NONBLOCK
        assert recv(guest, fd, 1)[0] == Errno.EAGAIN
        assert guest.read(fd, 1)[0] == Errno.EAGAIN


def test_a_peer_that_is_gone_is_epipe_or_reset(pair: Any) -> None:
    guest, fd, peer = pair
    # Closed at once, with a reset instead of an end.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    assert recv(guest, fd, 1)[0] == Errno.ECONNRESET
    assert send(guest, fd, b"x")[0] == Errno.EPIPE


def test_a_peer_that_is_gone_does_not_take_what_came_before_it(pair: Any) -> None:
    guest, fd, peer = pair
    peer.sendall(b"abc")

    def reset() -> None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    guest.on_look = reset
    assert recv(guest, fd, 6, WAITALL) == (OK, b"abc")


def test_waiting_for_all_without_blocking_gets_what_there_is(pair: Any) -> None:
    guest, fd, peer = pair
    assert guest.call("fd_fdstat_set_flags", fd, NONBLOCK) == OK
    assert recv(guest, fd, 6, WAITALL)[0] == Errno.EAGAIN
    peer.sendall(b"abc")
    guest.poll(fd_subscription(1, 1, fd))
    assert recv(guest, fd, 6, WAITALL) == (OK, b"abc")


def test_a_connection_that_is_renumbered_over_is_closed(pair: Any) -> None:
    guest, fd, peer = pair
    assert guest.call("fd_renumber", fd, fd) == OK
    assert send(guest, fd, b"still") == (OK, 5)
    assert peer.recv(9) == b"still"
    replaced: Any = guest.wasi.fds.get(fd)
    assert guest.call("fd_renumber", 1, fd) == OK
    assert replaced.socket.fileno() == -1  # not only when nobody remembers it any more
    assert peer.recv(9) == b""
    assert guest.write(fd, b"to the standard output") == (OK, 22)
    assert guest.write(1, b"")[0] == Errno.EBADF


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
def test_accepting_where_there_is_no_number_left(code: int) -> None:
    guest = Guest(listeners=["127.0.0.1:0"], max_open=4)
    with connect(guest) as peer:
        assert guest.call("sock_accept", 3, 0, 0x100) == Errno.EMFILE
        assert guest.call("fd_close", 2) == OK

        def refuse() -> None:
            raise OSError(code, "none left")

        descriptor: Any = guest.wasi.fds.get(3)
        sock, descriptor.socket = descriptor.socket, SimpleNamespace(fileno=lambda: 0, accept=refuse)
        assert guest.call("sock_accept", 3, 0, 0x100) == Errno[errno.errorcode[code]]
        descriptor.socket = sock
        # The connection is there still, and so is the number.
        assert guest.call("sock_accept", 3, 0, 0x100) == OK
        assert guest.u32(0x100) == 2
        peer.sendall(b"hello")
        assert guest.read(2, 5) == (OK, [b"hello"])
    guest.wasi.close()


def stop() -> None:
    """Ends what waits and should not have begun to."""
    raise Interrupted(Resource.CANCELLED)


def test_wrong_flags_and_kinds(pair: Any) -> None:
    guest, fd, _ = pair
    guest.on_look = stop
    for flags in (4, 8, 0x8000):
        assert recv(guest, fd, 1, flags)[0] == Errno.EINVAL
    assert send(guest, fd, b"x", 1)[0] == Errno.EINVAL
    for how in (0, 4, 255):
        assert guest.call("sock_shutdown", fd, how) == Errno.EINVAL
    for flags in (1, 2, 8, 16, 32):
        assert guest.call("sock_accept", 3, flags, 0x100) == Errno.EINVAL
    assert guest.call("sock_accept", fd, 0, 0x100) == Errno.EINVAL
    assert recv(guest, 3, 1)[0] == Errno.ENOTCONN
    assert send(guest, 3, b"x")[0] == Errno.ENOTCONN
    assert guest.read(3, 1)[0] == Errno.ENOTCONN
    assert guest.call("sock_shutdown", 3, RD) == Errno.ENOTCONN
    assert guest.seek(fd, 0)[0] == Errno.ESPIPE
    assert guest.call("sock_accept", 77, 0, 0x100) == Errno.EBADF


def test_rights_of_a_connection_shrink(pair: Any) -> None:
    guest, fd, peer = pair
    assert guest.call("fd_fdstat_set_rights", fd, abi.rights("fd_write"), 0) == OK
    peer.sendall(b"x")
    assert recv(guest, fd, 1)[0] == Errno.ENOTCAPABLE
    assert send(guest, fd, b"x") == (OK, 1)
    assert guest.call("sock_shutdown", fd, WR) == Errno.ENOTCAPABLE


def test_bad_pointers_take_nothing(pair: Any) -> None:
    guest, fd, peer = pair
    peer.sendall(b"abc")
    iovs = guest.iovecs(0x1000, [(0x4000, 3)])
    assert guest.call("sock_recv", fd, iovs, 1, 0, END - 3, 0x104) == Errno.EFAULT
    assert guest.call("sock_recv", fd, iovs, 1, 0, 0x100, END - 1) == Errno.EFAULT
    assert guest.call("sock_send", fd, iovs, 1, 0, END - 3) == Errno.EFAULT
    with connect(guest):
        assert guest.call("sock_accept", 3, 0, END - 3) == Errno.EFAULT
        assert guest.call("sock_accept", 3, 0, 0x100) == OK
    assert recv(guest, fd, 9) == (OK, b"abc")


def test_polling_listener_and_connection(guest: Guest) -> None:
    short = clock_subscription(1, 1, 1_000)
    assert guest.poll(short, fd_subscription(2, 1, 3))[1] == [(1, 0, 0, 0, 0)]
    with connect(guest) as peer:
        assert guest.poll(fd_subscription(2, 1, 3))[1] == [(2, 0, 1, 0, 0)]
        assert guest.call("sock_accept", 3, 0, 0x100) == OK
        fd = guest.u32(0x100)
        assert guest.poll(fd_subscription(3, 2, fd))[1] == [(3, 0, 2, 0, 0)]
        assert guest.poll(short, fd_subscription(2, 1, fd))[1] == [(1, 0, 0, 0, 0)]
        peer.sendall(b"four")
        assert guest.poll(fd_subscription(2, 1, fd))[1] == [(2, 0, 1, 4, 0)]
        recv(guest, fd, 4)
    code, ((userdata, error, kind, nbytes, flags),) = guest.poll(fd_subscription(2, 1, fd))
    assert (code, userdata, error, kind, nbytes, flags) == (OK, 2, 0, 1, 0, 1)


def test_polling_needs_the_right_to_poll_and_the_other_one(pair: Any) -> None:
    guest, fd, peer = pair
    peer.sendall(b"x")
    subscriptions = fd_subscription(1, 1, fd), fd_subscription(2, 2, fd)
    may = abi.rights("fd_read", "fd_write", "poll_fd_readwrite")
    refused = Errno.ENOTCAPABLE
    assert guest.call("fd_fdstat_set_rights", fd, may, 0) == OK
    assert [e[:3] for e in guest.poll(*subscriptions)[1]] == [(1, OK, 1), (2, OK, 2)]
    assert guest.call("fd_fdstat_set_rights", fd, may & ~abi.rights("fd_write"), 0) == OK
    assert [e[:3] for e in guest.poll(*subscriptions)[1]] == [(1, OK, 1), (2, refused, 2)]
    assert guest.call("fd_fdstat_set_rights", fd, abi.rights("fd_read"), 0) == OK
    assert [e[:3] for e in guest.poll(*subscriptions)[1]] == [(1, refused, 1), (2, refused, 2)]
    assert guest.read(fd, 1) == (OK, [b"x"])


def test_a_real_clock_and_a_socket_are_waited_for_together() -> None:
    guest = Guest(listeners=["127.0.0.1:0"], clock=SystemClock())
    events = guest.poll(clock_subscription(1, 1, 30_000_000), fd_subscription(2, 1, 3))[1]
    assert events == [(1, 0, 0, 0, 0)]
    with connect(guest):
        events = guest.poll(clock_subscription(1, 1, 3600 * 10**9), fd_subscription(2, 1, 3))[1]
        assert events == [(2, 0, 1, 0, 0)]
    guest.wasi.close()


@pytest.mark.parametrize("function", ["sock_accept", "poll_oneoff", "sock_recv"])
def test_waiting_can_be_interrupted(guest: Guest, function: str) -> None:
    def stop() -> None:
        raise Interrupted(Resource.CANCELLED)

    peer = connect(guest)
    assert guest.call("sock_accept", 3, 0, 0x100) == OK
    guest.on_look = stop
    with pytest.raises(Interrupted):
        if function == "sock_accept":
            guest.call("sock_accept", 3, 0, 0x100)
        elif function == "sock_recv":
            recv(guest, 4, 1)
        else:
            guest.poll(fd_subscription(2, 1, 3))
    peer.close()


def test_a_listening_socket_can_be_given_and_stays_the_hosts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        guest = Guest(listeners=[server])
        assert guest.call("fd_close", 3) == OK
        assert guest.call("sock_accept", 3, 0, 0x100) == Errno.EBADF
        guest.wasi.reset()
        with connect(guest):
            assert guest.call("sock_accept", 3, 0, 0x100) == OK
        guest.wasi.close()
        assert server.fileno() >= 0


@pytest.mark.parametrize("timeout", [None, 7.5, 0.0])
def test_a_socket_of_the_hosts_blocks_again_when_no_guest_has_it(timeout: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(timeout)
        first, second = Guest(listeners=[server]), Guest(listeners=[server, server])
        assert server.gettimeout() == 0.0
        first.wasi.close()
        first.wasi.close()
        assert server.gettimeout() == 0.0
        with connect(second):
            assert second.call("sock_accept", 3, 0, 0x100) == OK
        second.wasi.close()
        assert server.gettimeout() == timeout
        with pytest.raises(ValueError, match="address"):
            Guest(listeners=[server, "nowhere"])
        assert server.gettimeout() == timeout


def test_a_socket_that_the_host_closes_first() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    guest = Guest(listeners=[server])
    server.close()
    guest.wasi.close()
    with pytest.raises(OSError):
        Guest(listeners=[server])


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_at_which_nothing_comes_in_is_refused(kind: Any) -> None:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ValueError, match="listens"):
            Guest(listeners=[sock])
        assert sock.gettimeout() is None


@pytest.mark.parametrize("address", ["", "8080", "host:", ":80", "h:99999", "h:-1", "h:x"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Guest(listeners=[address])


def test_an_address_that_is_taken_is_the_hosts_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(OSError):
        Guest(listeners=[server.getsockname()[:2]])
