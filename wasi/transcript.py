"""What a guest asked of WASI and what it was answered, as typed events.

What belongs here: the event, the bounded list of them, decoding of arguments
and results by their kinds in ``wasi.abi``, and the text form.  What does not:
deciding any answer.
"""

from __future__ import annotations

import collections
import dataclasses
import struct
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Deque,
    Dict,
    Iterator,
    Optional,
    Sequence,
)

from wasi import abi

if TYPE_CHECKING:
    from wasmpy.exec.memory import MemInst

_HEAD = 64
_PATH_MAX = 4_096


class _Named(str):
    """Text that a guest chose: in a line it is quoted, so that it ends where it ends."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class Event:
    """One call of a WASI function.

    ``args`` has the parameters that go in, by name, decoded by their kinds:
    enumerations and flags by name, paths as text, a list of buffers as
    ``{"buffers", "bytes", "head"}`` (the first bytes of what is written, or
    of what was read).  ``errno`` is the code's name, or None where nothing
    was answered: the program's end, or an exception of the host's, which
    ``raised`` then names.  ``results`` has what was stored through the
    pointers that go out; a structure is a mapping of its fields.
    """

    index: int
    function: str
    scope: str
    args: Dict[str, Any]
    errno: Optional[str]
    results: Dict[str, Any]
    raised: Optional[str] = None

    def __str__(self) -> str:
        args = ", ".join(f"{name}={_text(value)}" for name, value in self.args.items())
        if self.errno is not None:
            answer = self.errno
        else:
            answer = "?" if self.raised is None else f"raised {self.raised}"
        results = "".join(f" {name}={_text(value)}" for name, value in self.results.items())
        return f"{self.function}({args}) = {answer}{results}"

    def to_json(self) -> Dict[str, Any]:
        """The event as a JSON object."""
        return dataclasses.asdict(self)


class Transcript:
    """The events of one guest, the newest ``limit`` of them; or a callback that gets each."""

    def __init__(
        self,
        limit: int,
        scopes: Optional[Sequence[str]] = None,
        callback: Optional[Callable[[Event], None]] = None,
    ) -> None:
        unknown = set(scopes or ()) - set(abi.SCOPES)
        if unknown:
            raise ValueError(f"no such scope: {', '.join(sorted(unknown))}")
        self._events: Deque[Event] = collections.deque(maxlen=limit)
        self._scopes = None if scopes is None else frozenset(scopes)
        self._callback = callback
        self.calls = 0

    def wants(self, function: abi.Function) -> bool:
        """Whether calls of ``function`` are recorded at all."""
        return self._scopes is None or function.scope in self._scopes

    def add(self, event: Event) -> None:
        """Record ``event``."""
        self.calls += 1
        if self._callback is None:
            self._events.append(event)
        else:
            self._callback(event)

    @property
    def dropped(self) -> int:
        """How many events had to give way to newer ones."""
        return 0 if self._callback is not None else self.calls - len(self._events)

    def clear(self) -> None:
        """Forget everything and count from zero again."""
        self._events.clear()
        self.calls = 0

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(list(self._events))

    def __getitem__(self, index: int) -> Event:
        return self._events[index]

    def __str__(self) -> str:
        lines = [str(event) for event in self._events]
        if self.dropped:
            lines.insert(0, f"... {self.dropped} earlier calls ...")
        return "\n".join(lines)


def decode_args(function: abi.Function, memory: MemInst, raw: Sequence[int]) -> Dict[str, Any]:
    """The parameters that go in, by name, decoded; it never fails, whatever is pointed to."""
    args: Dict[str, Any] = {}
    params = function.params
    for i, (param, value) in enumerate(zip(params, raw)):
        if param.out:
            continue
        if param.kind == "path":
            args[param.name] = _path(memory, value, raw[i + 1])
        elif param.kind in ("iovs", "ciovs"):
            args[param.name] = _buffers(memory, value, raw[i + 1], written=param.kind == "ciovs")
        elif i and params[i - 1].kind in ("path", "iovs", "ciovs"):
            continue  # the length or count of what was just decoded
        else:
            args[param.name] = _scalar(param.kind, value)
    return args


def decode_results(
    function: abi.Function, memory: MemInst, raw: Sequence[int], args: Dict[str, Any]
) -> Dict[str, Any]:
    """What was stored through the pointers that go out; completes buffers that were read."""
    results: Dict[str, Any] = {}
    for param, value in zip(function.params, raw):
        kind = param.kind[1:]
        if not param.out:
            continue
        data = memory.read(value, abi.RESULT_SIZE[kind])
        if data is not None:
            structure = _STRUCTURES.get(kind)
            results[param.name] = (
                _scalar(kind, int.from_bytes(data, "little"))
                if structure is None
                else structure(data)
            )
    for param, value in zip(function.params, raw):
        if param.kind == "iovs":
            first = memory.read(value, abi.IOVEC.size)
            if first:
                buf, buf_len = abi.IOVEC.unpack(first)
                came = results.get("nread", results.get("ro_datalen", 0))
                args[param.name]["head"] = _plain_text(
                    memory.read(buf, min(buf_len, came, _HEAD)) or b""
                )
    _decode_text(function, memory, raw, results)
    return results


def _decode_text(
    function: abi.Function, memory: MemInst, raw: Sequence[int], results: Dict[str, Any]
) -> None:
    """What was stored as text in a buffer: a name, or where a link leads."""
    given = dict(zip((p.name for p in function.params), raw))
    if function.name == "fd_prestat_dir_name":
        results["name"] = _path(memory, given["path"], given["path_len"])
    elif function.name == "path_readlink":
        results["target"] = _path(memory, given["buf"], results["bufused"])


def _fdstat(data: bytes) -> Dict[str, Any]:
    filetype, flags, base, inheriting = abi.FDSTAT.unpack(data)
    return {
        "filetype": _scalar("filetype", filetype),
        "flags": _scalar("fdflags", flags),
        "rights_base": hex(base),
        "rights_inheriting": hex(inheriting),
    }


def _filestat(data: bytes, layout: struct.Struct = abi.FILESTAT) -> Dict[str, Any]:
    dev, ino, filetype, nlink, size, atim, mtim, ctim = layout.unpack(data)
    return {
        "dev": dev, "ino": ino, "filetype": _scalar("filetype", filetype), "nlink": nlink,
        "size": size, "atim": atim, "mtim": mtim, "ctim": ctim,
    }  # fmt: skip


def _prestat(data: bytes) -> Dict[str, Any]:
    tag, size = abi.PRESTAT.unpack(data)
    return {"tag": "dir" if tag == abi.PREOPENTYPE_DIR else tag, "name_len": size}


_STRUCTURES: Dict[str, Callable[[bytes], Dict[str, Any]]] = {
    "fdstat": _fdstat,
    "filestat": _filestat,
    "filestat0": lambda data: _filestat(data, abi.FILESTAT_0),
    "prestat": _prestat,
}
"""How the structures among the results are decoded, by kind."""


def _scalar(kind: str, value: int) -> Any:
    """A number by its kind: names for enumerations and flags, signs where there are any."""
    if kind in abi.ENUMS:
        names = abi.ENUMS[kind]
        return names[value] if value < len(names) else value
    if kind in abi.FLAGS:
        return _flags(abi.FLAGS[kind], value)
    if kind == "filedelta" and value >> 63:
        return value - (1 << 64)
    if kind == "ptr" or kind == "rights":
        return hex(value)
    return value


def _flags(names: Sequence[str], value: int) -> str:
    """Flags by name, joined with ``|``; bits without a name as one number at the end."""
    parts = [name for bit, name in enumerate(names) if value >> bit & 1]
    rest = value >> len(names) << len(names)
    if rest or not parts:
        parts.append(hex(rest) if rest else "0")
    return "|".join(parts)


def _path(memory: MemInst, address: int, size: int) -> str:
    """The path at ``address``, as text."""
    data = memory.read(address, min(size, _PATH_MAX))
    return f"<bad pointer {address:#x}>" if data is None else _Named(_plain_text(data))


def _buffers(memory: MemInst, address: int, count: int, *, written: bool) -> Dict[str, Any]:
    """A list of buffers: how many, their size together, and the first bytes if ``written``.

    At most 1,024 of them are looked at; with more, ``bytes`` is None.
    """
    array = memory.read(address, min(count, 1_024) * abi.IOVEC.size)
    if array is None:
        return {"buffers": count, "bytes": None, "head": f"<bad pointer {address:#x}>"}
    total, head = 0, b""
    for buf, buf_len in abi.IOVEC.iter_unpack(array):
        total += buf_len
        if written and len(head) < _HEAD:
            head += memory.read(buf, min(buf_len, _HEAD - len(head))) or b""
    return {
        "buffers": count,
        "bytes": total if count <= 1_024 else None,
        "head": _plain_text(head),
    }


def _plain_text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _text(value: Any) -> str:
    """A decoded value in the text form."""
    if isinstance(value, dict) and "buffers" not in value:
        return "{" + " ".join(f"{name}={_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, dict):
        return f"[{value['buffers']}: {value['bytes']} bytes {value['head']!r}]"
    # A guest names what it likes: that must not look like the rest of the line, nor end it, nor
    # speak to a terminal.
    return repr(value) if isinstance(value, _Named) else str(value)
