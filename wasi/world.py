"""What is behind a guest's first descriptors: streams, directories, listeners.

What belongs here: opening what a configuration names, keeping it while the
guest lives, and closing it.  What does not: the configuration
(``wasi.config``), and what the guest opens itself (``wasi.fdtable``).
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from wasi.clocks import Clock
from wasi.config import HostDirectory, Preopen, WasiConfig
from wasi.descriptors import Descriptor, Input, Listings, OpenDirectory, Output, Sight
from wasi.fdtable import close_each
from wasi.fs.base import FileSystem
from wasi.fs.clocked import Clocked
from wasi.fs.readonly import ReadOnlyFileSystem
from wasi.sockets import Listener, listening
from wasi.streams import InputStream, OutputStream


class World:
    """What a guest is given: it outlives what the guest does with it.

    Raises: ValueError, TypeError; OSError where the host does not give it.
    """

    def __init__(self, config: WasiConfig, clock: Clock) -> None:
        tty = config.tty
        flags: Sequence[Optional[bool]] = [None if tty is None else i in tty for i in range(3)]
        self._stdin = InputStream(config.stdin, tty=flags[0])
        self._outputs = [
            OutputStream(config.stdout, tty=flags[1]),
            OutputStream(config.stderr, tty=flags[2]),
        ]
        self._file_systems: Dict[bytes, FileSystem] = {}
        self._owned: List[Any] = []
        self._sockets: List[Any] = []
        try:
            for name, preopen in config.named_preopens().items():
                self._file_systems[name] = self._file_system(preopen)
            self._numbers = _told_apart(list(self._file_systems.values()))
            for source in config.listeners:
                sock, owned = listening(source)
                self._sockets.append(sock)
                self._owned.append(owned)
        except BaseException:
            self.close()
            raise
        for fs in self._file_systems.values():
            if isinstance(fs, Clocked) and fs.has_own_clock:
                fs.clock = clock

    def _file_system(self, preopen: Preopen) -> FileSystem:
        """The file system for ``preopen``: one that is given, or one for a host's directory."""
        if isinstance(preopen, FileSystem):
            return preopen
        from wasi.fs.host import HostFileSystem

        if not isinstance(preopen, HostDirectory):
            preopen = HostDirectory(os.fspath(preopen))
        opened = HostFileSystem(
            preopen.path, max_bytes=preopen.max_bytes, max_nodes=preopen.max_nodes
        )
        self._owned.append(opened)
        return ReadOnlyFileSystem(opened) if preopen.read_only else opened

    def descriptors(self) -> List[Descriptor]:
        """The descriptors of the start, in the order of their numbers."""
        opened: List[Descriptor] = [Input(self._stdin), *map(Output, self._outputs)]
        # What the guest had listed before is closed by now.
        listings = Listings()
        for (name, fs), number in zip(self._file_systems.items(), self._numbers):
            sight = Sight(fs.dev, number, listings)
            opened.append(OpenDirectory(fs.root(), name=name, sight=sight))
        return opened + [Listener(sock) for sock in self._sockets]

    @property
    def uses_descriptors(self) -> bool:
        """Whether what the guest opens takes descriptors of the host's."""
        return bool(self._sockets) or any(fs.uses_descriptors for fs in self._file_systems.values())

    @property
    def addresses(self) -> List[Tuple[Any, ...]]:
        """Where the listeners listen."""
        return [sock.getsockname() for sock in self._sockets]

    def reset(self) -> None:
        """Back to the first content of what is the guest's own."""
        self._stdin.reset()
        for fs in self._file_systems.values():
            fs.reset()

    def close(self) -> None:
        """Close what was opened here; what was given stays open."""
        closing, self._owned = self._owned, []
        close_each(closing)


def _told_apart(file_systems: List[FileSystem]) -> List[int]:
    """A number of a device for each; no two have the same, unless they are the same.

    The numbers are this guest's: the file systems keep their own, so that one which is
    given to another guest too stays what it is to that one.
    """
    taken: Dict[int, FileSystem] = {}
    numbers: Dict[int, int] = {}
    for fs in file_systems:
        if id(fs) not in numbers:
            number = fs.dev if fs.dev not in taken else max(taken) + 1
            taken[number] = fs
            numbers[id(fs)] = number
    return [numbers[id(fs)] for fs in file_systems]
