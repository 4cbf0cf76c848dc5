"""The standard streams: what may be given for one, and how it is read and written.

What belongs here: file objects, bytes, callbacks and nothing at all behind
one face, and their failures as error codes.  What does not: descriptors,
rights and guest memory (``wasi.fdtable``, ``wasi.preview1``).

No real file descriptor is needed, so this works under test capture, in
notebooks and in a browser.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
from typing import Any, Callable, Optional, Union

from wasi.errno import Errno, ErrnoError, errno_of
from wasi.outlet import CHUNK, outlet_of
from wasi.readiness import Interest, Look, attempt, interest_in, states, until_ready

Source = Union[None, bytes, bytearray, memoryview, Callable[[int], bytes], Any]
"""What stdin can be: nothing (end of file), bytes, a callback that is asked for at most n
bytes and answers ``b""`` at the end, or a readable file object."""

Sink = Union[None, Callable[[bytes], Optional[int]], Any]
"""What stdout and stderr can be: nothing (what is written vanishes), a callback that takes
bytes and may answer how many it took (None: all), or a writable file object."""


class InputStream:
    """A stream that a guest reads; ``tty`` says whether it is a terminal, None asks the file."""

    def __init__(self, source: Source = None, *, tty: Optional[bool] = None) -> None:
        if isinstance(source, str):
            raise TypeError("stdin is bytes, a file object or a callback, not str")
        self._data: Optional[bytes] = None
        self._position = 0
        self._rest = b""
        self._file: Any = None
        self._ask: Optional[Callable[[int], Any]] = None
        if source is None:
            self._data = b""
        elif isinstance(source, (bytes, bytearray, memoryview)):
            self._data = bytes(source)
        elif hasattr(source, "read"):
            # A text stream over bytes is read as bytes.
            is_text = isinstance(source, io.TextIOBase)
            self._file = getattr(source, "buffer", source) if is_text else source
            self._ask = _file_reader(self._file)
        elif callable(source):
            self._ask = source
        else:
            raise TypeError(f"not a source of bytes: {type(source).__name__}")
        self._isatty = _isatty(self._file) if tty is None else tty
        self.interest = interest_in(self._file, _raw_below(self._file), write=False)
        self._looked_ahead = False

    def read(self, n: int, look: Optional[Look] = None, *, wait: bool = True) -> bytes:
        """At most ``n`` bytes, as many as are there; ``b""`` at the end of the file.

        With ``look``, what has to be waited for is waited for in pieces; EAGAIN
        instead without ``wait``, where the system can tell.  Raises: ErrnoError.
        """
        if self._data is not None:
            chunk = self._data[self._position : self._position + n]
            self._position += len(chunk)
            return chunk
        if look is not None and self.interest is not None and not self.ready():
            if not wait:
                raise ErrnoError(Errno.EAGAIN)
            until_ready(self.interest, look)
        if not self._rest:
            self._rest = self._next(n)
        chunk, self._rest = self._rest[:n], self._rest[n:]
        return chunk

    def _next(self, n: int) -> bytes:
        """What the source gives when asked for ``n`` bytes; it may be more."""
        assert self._ask is not None
        try:
            chunk = self._ask(n)
        except OSError as error:
            raise ErrnoError(errno_of(error)) from error
        except ValueError as error:
            raise _closed(self._file, error) from error
        if chunk is None:
            # A file in non-blocking mode that has nothing now.
            raise ErrnoError(Errno.EAGAIN)
        return chunk.encode("utf-8", "surrogateescape") if isinstance(chunk, str) else bytes(chunk)

    def ready(self) -> bool:
        """Whether a read comes back at once; True where nobody knows."""
        if self._rest or self.interest is None:
            return True
        state = states([self.interest], 0)[0]
        if state.ready and not state.hangup:
            return True
        if not self._looked_ahead:
            # The host may have read more than it wanted before the guest came: once is enough.
            self._looked_ahead = True
            self._rest = _read_ahead(self._file, self.interest.fileno)
        return state.ready or bool(self._rest)

    @property
    def available(self) -> Optional[int]:
        """How many bytes can be read at once; None where that is unknown."""
        if self._data is not None:
            return len(self._data) - self._position
        return len(self._rest) or None

    @property
    def isatty(self) -> bool:
        """Whether this is a terminal."""
        return self._isatty

    def reset(self) -> None:
        """Back to the beginning of bytes that were given; any other source goes on where it is."""
        self._position = 0


class OutputStream:
    """A stream that a guest writes; each write is one write of the sink, and flushed.

    What may have to be waited for is written in several, each as long as there is room for.
    ``tty`` says whether it is a terminal; None asks the file.
    """

    def __init__(self, sink: Sink = None, *, tty: Optional[bool] = None) -> None:
        self._file: Any = None
        self._raw: Any = None
        self._put: Callable[[bytes], Optional[int]] = len
        if sink is None:
            pass
        elif hasattr(sink, "write"):
            self._file = sink
            self._raw = _raw_below(sink)
            self._put = _file_writer(sink, self._raw)
        elif callable(sink):
            self._put = sink
        else:
            raise TypeError(f"not a sink for bytes: {type(sink).__name__}")
        self._isatty = _isatty(self._file) if tty is None else tty
        self.interest = interest_in(self._file, self._raw, write=True)
        self._outlet = None if self.interest is None else outlet_of(self._raw)

    def ready(self) -> bool:
        """Whether something can be written at once; True where nobody knows."""
        return self.interest is None or states([self.interest], 0)[0].ready

    def write(self, data: bytes, look: Optional[Look] = None, *, wait: bool = True) -> int:
        """Write ``data``; how many bytes of it were taken.

        With ``look``, all of it, and what has to be waited for is waited for in
        pieces; without ``wait`` as much as there is room for, EAGAIN if there is
        none, where the system can tell.  An error that comes after a part is for
        the next write to tell.  Raises: ErrnoError.
        """
        interest = self.interest
        if look is None or interest is None:
            return self._told(data)
        taken = 0

        def piece() -> int:
            return self._piece(data, taken, interest)

        try:
            while taken < len(data):
                if taken:
                    look()
                more = attempt(piece, interest, look, wait=wait)
                taken += more
                if not more:
                    break
        except ErrnoError:
            if not taken:
                raise
        return taken

    def _piece(self, data: bytes, at: int, interest: Interest) -> int:
        """Write as much of ``data`` from ``at`` on as there is room for.

        Raises: BlockingIOError where there is none; OSError, ErrnoError.
        """
        state = states([interest], 0)[0]
        if not state.ready:
            raise BlockingIOError
        if state.room is None:
            return self._told(data[at:])
        if self._outlet is not None:
            try:
                _flush_before(self._file, self._raw)
                taken = self._outlet.put(data[at : at + CHUNK])
            except ValueError as error:
                raise _closed(self._file, error) from error
            if taken is not None:
                return taken
        return self._now(data[at : at + state.room])

    def _told(self, data: bytes) -> int:
        """Write ``data`` in one write.  Raises: ErrnoError."""
        try:
            return self._now(data)
        except OSError as error:
            raise ErrnoError(errno_of(error)) from error

    def _now(self, data: bytes) -> int:
        """Write ``data`` in one write of the sink; how many bytes of it were taken.

        Raises: BlockingIOError where none were; OSError, ErrnoError.
        """
        try:
            taken = self._put(data)
        except BlockingIOError as error:
            taken = getattr(error, "characters_written", 0)
            if not taken:
                raise
        except OSError:
            raise
        except ValueError as error:
            raise _closed(self._file, error) from error
        return len(data) if taken is None else max(0, min(taken, len(data)))

    @property
    def isatty(self) -> bool:
        """Whether this is a terminal."""
        return self._isatty


def _read_ahead(file: Any, fileno: int) -> bytes:
    """What Python holds of ``file`` in its own buffer already; nothing is waited for."""
    if not isinstance(file, io.BufferedReader):
        return b""
    try:
        if not os.get_blocking(fileno):
            return file.read1() or b""
        os.set_blocking(fileno, False)
        try:
            return file.read1() or b""
        finally:
            os.set_blocking(fileno, True)
    except (AttributeError, OSError, ValueError):
        return b""


def _file_reader(file: Any) -> Callable[[int], Any]:
    """How to ask ``file`` for what is there now, without waiting for all that was asked."""
    if isinstance(file, io.TextIOBase):
        # Text without bytes below it: a line at a time, so that a person can be asked.
        return lambda n: file.readline()
    reader: Callable[[int], Any] = getattr(file, "read1", None) or file.read
    return reader


def _raw_below(file: Any) -> Any:
    """The raw file that the bytes of ``file`` go to; None where it is not known."""
    buffer = getattr(file, "buffer", None) if isinstance(file, io.TextIOBase) else file
    raw = getattr(buffer, "raw", buffer)
    return raw if isinstance(raw, io.RawIOBase) else None


def _flush_before(file: Any, raw: Any) -> None:
    """Let out first what the host wrote to ``file`` before.

    Raises: BlockingIOError, which says nothing of what was written then.
    """
    if raw is file:
        return
    try:
        file.flush()
    except BlockingIOError:
        raise BlockingIOError(errno.EAGAIN, "would block") from None


def _file_writer(file: Any, raw: Any) -> Callable[[bytes], Optional[int]]:
    """How to write bytes to ``file`` so that they are out when the call returns."""
    if raw is not None:

        def put_raw(data: bytes) -> Optional[int]:
            # Past Python's buffer: a failed write must not come again with the next one.
            _flush_before(file, raw)
            taken: Optional[int] = raw.write(data)
            if taken is None:
                raise BlockingIOError(errno.EAGAIN, "would block")
            return taken

        return put_raw
    buffer = getattr(file, "buffer", None) if isinstance(file, io.TextIOBase) else file
    if buffer is None:
        return _text_writer(file)
    flush = getattr(buffer, "flush", None)
    if flush is None:
        write: Callable[[bytes], Optional[int]] = buffer.write
        return write

    def put(data: bytes) -> Optional[int]:
        file.flush()
        taken: Optional[int] = buffer.write(data)
        flush()
        return taken

    return put


def _text_writer(stream: Any) -> Callable[[bytes], Optional[int]]:
    """How to write bytes to a text stream with none below it: decoded, piece by piece."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def put(data: bytes) -> Optional[int]:
        stream.write(decoder.decode(data))
        stream.flush()
        return len(data)

    return put


def _isatty(file: Any) -> bool:
    try:
        return bool(file is not None and hasattr(file, "isatty") and file.isatty())
    except (OSError, ValueError):
        return False


def _closed(file: Any, error: ValueError) -> Exception:
    """A closed file is EBADF; any other ``ValueError`` is the host's own and stays as it is."""
    return ErrnoError(Errno.EBADF) if getattr(file, "closed", False) else error
