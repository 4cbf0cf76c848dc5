"""What the older interface, ``wasi_unstable``, does in another way.

What belongs here: the four functions whose layouts or numbers are others there
(``wasi.abi`` says how), and the table of all of them.  Everything else is the
same, except that there is no ``sock_accept`` yet.

Spec: ``wasi_unstable`` (snapshot 0 in the WASI repository).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List

from wasi import abi
from wasi import paths as walk
from wasi.descriptors import OpenDirectory
from wasi.pointers import check, store
from wasi.poll import Subscription, checked
from wasi.preview1 import files, paths
from wasi.preview1.handlers import HANDLERS, Handler
from wasi.preview1.poll import poll_with

if TYPE_CHECKING:
    from wasi.state import Wasi
    from wasmpy.exec.host import Caller
    from wasmpy.exec.memory import MemInst

_WHENCE = {abi.ENUMS["whence0"].index(name): i for i, name in enumerate(abi.ENUMS["whence"])}


def _fd_seek(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, offset: int, whence: int, newoffset: int
) -> None:
    files.fd_seek(wasi, caller, memory, fd, offset, _WHENCE.get(whence, whence), newoffset)


def _fd_filestat_get(wasi: Wasi, caller: Caller, memory: MemInst, fd: int, buf: int) -> None:
    descriptor = wasi.fds.get(fd, "fd_filestat_get")
    check(memory, buf, abi.FILESTAT_0.size)
    store(memory, buf, abi.pack_filestat_0(descriptor.stat()))


def _path_filestat_get(
    wasi: Wasi, caller: Caller, memory: MemInst, fd: int, flags: int, path: int, path_len: int,
    buf: int,
) -> None:  # fmt: skip
    opened = wasi.fds.of(OpenDirectory, fd, "path_filestat_get")
    name, follow = paths.load_path(memory, path, path_len), paths.follows(flags)
    check(memory, buf, abi.FILESTAT_0.size)
    with walk.look_up(opened.directory, name, follow=follow) as node:
        store(memory, buf, abi.pack_filestat_0(opened.sight.of(node.stat())))


def _subscriptions(data: bytes) -> List[Subscription]:
    found = []
    for row in range(0, len(data), abi.SUBSCRIPTION_0.size):
        userdata, kind = abi.SUBSCRIPTION_0_HEAD.unpack_from(data, row)
        if kind == abi.EVENTTYPE_CLOCK:
            # The clock's own identifier, which comes first, was never used for anything.
            _, target, timeout, precision, flags = abi.CLOCK_0.unpack_from(data, row + 16)
            found.append(Subscription(userdata, kind, target, timeout, precision, flags))
        else:
            (fd,) = abi.U32.unpack_from(data, row + 16)
            found.append(Subscription(userdata, kind, fd, 0, 0, 0))
    return checked(found)


def _poll_oneoff(wasi: Wasi, caller: Caller, memory: MemInst, *args: int) -> None:
    poll_with(abi.SUBSCRIPTION_0, _subscriptions, wasi, caller, memory, *args)


UNSTABLE: Dict[str, Handler] = {
    **{name: fn for name, fn in HANDLERS.items() if name in abi.FUNCTIONS_0},
    "fd_seek": _fd_seek,
    "fd_filestat_get": _fd_filestat_get,
    "path_filestat_get": _path_filestat_get,
    "poll_oneoff": _poll_oneoff,
}
"""Every function of the older interface, by name."""
